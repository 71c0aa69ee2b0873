   98 s  follower POST /i01-f/_ccr/pause_follow → 200
   98 s  follower POST /i01-f/_ccr/resume_follow → 200
  102 s  follower POST /i01-f/_ccr/pause_follow → 200
  102 s  follower POST /i01-f/_close → 200
  102 s  leader   POST /i01/_ccr/forget_follower → 200
  102 s  follower PUT /i01-f/_ccr/follow → 200

i00-f i01-f follows; refollow says following / none, leave
run on i01-f: recreate, cured
