   98 s  follower POST /i00-f/_ccr/pause_follow → 200
   98 s  follower POST /i00-f/_ccr/resume_follow → 200
  108 s  follower POST /i01-f/_ccr/pause_follow → 200
  108 s  follower POST /i01-f/_ccr/resume_follow → 200
  118 s  follower POST /i02-f/_ccr/pause_follow → 200
  118 s  follower POST /i02-f/_ccr/resume_follow → 200
  118 s  follower POST /i03-f/_ccr/pause_follow → 200
  118 s  follower POST /i03-f/_ccr/resume_follow → 200
  128 s  follower POST /i04-f/_ccr/pause_follow → 200
  128 s  follower POST /i04-f/_ccr/resume_follow → 200
  128 s  follower POST /i05-f/_ccr/pause_follow → 200
  128 s  follower POST /i05-f/_ccr/resume_follow → 200
  128 s  follower POST /i08-f/_ccr/pause_follow → 200
  128 s  follower POST /i08-f/_ccr/resume_follow → 200
  128 s  follower POST /i12-f/_ccr/pause_follow → 200
  128 s  follower POST /i12-f/_ccr/resume_follow → 200
  138 s  follower POST /i06-f/_ccr/pause_follow → 200
  138 s  follower POST /i06-f/_ccr/resume_follow → 200
  138 s  follower POST /i07-f/_ccr/pause_follow → 200
  138 s  follower POST /i07-f/_ccr/resume_follow → 200
  138 s  follower POST /i09-f/_ccr/pause_follow → 200
  138 s  follower POST /i09-f/_ccr/resume_follow → 200
  138 s  follower POST /i16-f/_ccr/pause_follow → 200
  138 s  follower POST /i16-f/_ccr/resume_follow → 200
  148 s  follower POST /i10-f/_ccr/pause_follow → 200
  148 s  follower POST /i10-f/_ccr/resume_follow → 200
  148 s  follower POST /i11-f/_ccr/pause_follow → 200
  148 s  follower POST /i11-f/_ccr/resume_follow → 200
  148 s  follower POST /i13-f/_ccr/pause_follow → 200
  148 s  follower POST /i13-f/_ccr/resume_follow → 200
  148 s  follower POST /i19-f/_ccr/pause_follow → 200
  148 s  follower POST /i19-f/_ccr/resume_follow → 200
  158 s  follower POST /i14-f/_ccr/pause_follow → 200
  158 s  follower POST /i14-f/_ccr/resume_follow → 200
  158 s  follower POST /i15-f/_ccr/pause_follow → 200
  158 s  follower POST /i15-f/_ccr/resume_follow → 200
  158 s  follower POST /i17-f/_ccr/pause_follow → 200
  158 s  follower POST /i17-f/_ccr/resume_follow → 200
  158 s  follower POST /i18-f/_ccr/pause_follow → 200
  158 s  follower POST /i18-f/_ccr/resume_follow → 200

i00-f i01-f i02-f i03-f i04-f i05-f i06-f i07-f i08-f i09-f i10-f i11-f i12-f i13-f i14-f i15-f i16-f i17-f i18-f i19-f follows; refollow says following / none, leave
run on i00-f: resume, cured
run on i01-f: resume, cured
run on i02-f: resume, cured
run on i03-f: resume, cured
run on i04-f: resume, cured
run on i05-f: resume, cured
run on i08-f: resume, cured
run on i12-f: resume, cured
run on i06-f: resume, cured
run on i07-f: resume, cured
run on i09-f: resume, cured
run on i16-f: resume, cured
run on i10-f: resume, cured
run on i11-f: resume, cured
run on i13-f: resume, cured
run on i19-f: resume, cured
run on i14-f: resume, cured
run on i15-f: resume, cured
run on i17-f: resume, cured
run on i18-f: resume, cured
