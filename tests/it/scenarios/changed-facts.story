   98 s  follower POST /i00-f/_ccr/pause_follow → 200
   98 s  follower POST /i00-f/_ccr/resume_follow → 200
  102 s  follower POST /i00-f/_ccr/pause_follow → 200
  102 s  follower POST /i00-f/_close → 200
  102 s  follower POST /i00-f/_open → 200
  102 s  follower POST /i00-f/_ccr/resume_follow → 400
  106 s  follower POST /i00-f/_ccr/resume_follow → 400
  114 s  follower POST /i00-f/_ccr/resume_follow → 400

i01-f follows; refollow says following / none, leave
i00-f paused; refollow says paused / leader_replaced, alert
run on i00-f: recreate, not_cured, a person must act
