  160 s  follower POST /i01-f/_ccr/pause_follow → 200
  160 s  follower POST /i01-f/_ccr/resume_follow → 200
  164 s  follower POST /i01-f/_ccr/pause_follow → 200
  164 s  follower POST /i01-f/_close → 200
  164 s  follower PUT /i01-f/_ccr/follow → 200
  174 s  follower POST /i00-f/_ccr/pause_follow → 200
  174 s  follower POST /i00-f/_ccr/resume_follow → 200
  178 s  follower POST /i00-f/_ccr/pause_follow → 200
  178 s  follower POST /i00-f/_close → 200
  178 s  follower PUT /i00-f/_ccr/follow → 200
  188 s  follower POST /i02-f/_ccr/pause_follow → 200
  188 s  follower POST /i02-f/_ccr/resume_follow → 200
  192 s  follower POST /i02-f/_ccr/pause_follow → 200
  192 s  follower POST /i02-f/_close → 200
  192 s  follower PUT /i02-f/_ccr/follow → 200
  202 s  follower POST /i03-f/_ccr/pause_follow → 200
  202 s  follower POST /i03-f/_ccr/resume_follow → 200
  206 s  follower POST /i03-f/_ccr/pause_follow → 200
  206 s  follower POST /i03-f/_close → 200
  206 s  follower PUT /i03-f/_ccr/follow → 200
  216 s  follower POST /i04-f/_ccr/pause_follow → 200
  216 s  follower POST /i04-f/_ccr/resume_follow → 200
  220 s  follower POST /i04-f/_ccr/pause_follow → 200
  220 s  follower POST /i04-f/_close → 200
  220 s  follower PUT /i04-f/_ccr/follow → 200
  230 s  follower POST /i05-f/_ccr/pause_follow → 200
  230 s  follower POST /i05-f/_ccr/resume_follow → 200
  234 s  follower POST /i05-f/_ccr/pause_follow → 200
  234 s  follower POST /i05-f/_close → 200
  234 s  follower PUT /i05-f/_ccr/follow → 200

i06-f i07-f fatal; refollow says fatal / history_lost, wait
i00-f i01-f i02-f i03-f i04-f i05-f i08-f i09-f i10-f i11-f i12-f i13-f i14-f i15-f i16-f i17-f i18-f i19-f follows; refollow says following / none, leave
run on i01-f: recreate, cured
run on i00-f: recreate, cured
run on i02-f: recreate, cured
run on i03-f: recreate, cured
run on i04-f: recreate, cured
run on i05-f: recreate, cured
