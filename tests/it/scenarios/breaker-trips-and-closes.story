  300 s  follower POST /i01-f/_ccr/pause_follow → 200
  300 s  follower POST /i01-f/_ccr/resume_follow → 200
  304 s  follower POST /i01-f/_ccr/pause_follow → 200
  304 s  follower POST /i01-f/_close → 200
  304 s  follower PUT /i01-f/_ccr/follow → 200
  314 s  follower POST /i00-f/_ccr/pause_follow → 200
  314 s  follower POST /i00-f/_ccr/resume_follow → 200
  318 s  follower POST /i00-f/_ccr/pause_follow → 200
  318 s  follower POST /i00-f/_close → 200
  318 s  follower PUT /i00-f/_ccr/follow → 200
  328 s  follower POST /i02-f/_ccr/pause_follow → 200
  328 s  follower POST /i02-f/_ccr/resume_follow → 200
  332 s  follower POST /i02-f/_ccr/pause_follow → 200
  332 s  follower POST /i02-f/_close → 200
  332 s  follower PUT /i02-f/_ccr/follow → 200
  342 s  follower POST /i03-f/_ccr/pause_follow → 200
  342 s  follower POST /i03-f/_ccr/resume_follow → 200
  346 s  follower POST /i03-f/_ccr/pause_follow → 200
  346 s  follower POST /i03-f/_close → 200
  346 s  follower PUT /i03-f/_ccr/follow → 200

i00-f i01-f i02-f i03-f i04-f i05-f follows; refollow says following / none, leave
run on i01-f: recreate, cured
run on i00-f: recreate, cured
run on i02-f: recreate, cured
run on i03-f: recreate, cured
