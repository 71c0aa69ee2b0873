  244 s  follower POST /i00-f/_ccr/pause_follow → 200
  244 s  follower POST /i00-f/_ccr/resume_follow → 200
  248 s  follower POST /i00-f/_ccr/pause_follow → 200
  248 s  follower POST /i00-f/_close → 200
  248 s  follower PUT /i00-f/_ccr/follow → no answer

i01-f fatal; refollow says fatal / history_lost, wait
i00-f i02-f i03-f i04-f i05-f i06-f i07-f follows; refollow says following / none, leave
run on i00-f: recreate, cured
