  160 s  follower PUT /i00-g/_ccr/follow → 200
  160 s  follower DELETE /i00-g → 200
  360 s  follower POST /i00-f/_ccr/pause_follow → 200
  360 s  follower POST /i00-f/_ccr/resume_follow → 200
  364 s  follower POST /i00-f/_ccr/pause_follow → 200
  364 s  follower POST /i00-f/_close → 200
  364 s  follower PUT /i00-f/_ccr/follow → 200

i00-f i01-f follows; refollow says following / none, leave
run on i00-f: recreate, backed_out
run on i00-f: recreate, cured
