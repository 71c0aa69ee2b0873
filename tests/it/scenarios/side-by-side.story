  160 s  follower PUT /i00-g/_ccr/follow → 200
  480 s  follower POST /i00-f/_ccr/pause_follow → 200
  480 s  follower POST /i00-f/_ccr/resume_follow → 200
  484 s  follower POST /i00-f/_ccr/pause_follow → 200
  484 s  follower POST /i00-f/_close → 200
  484 s  follower PUT /i00-f/_ccr/follow → 200

i00-f i00-g i01-f follows; refollow says following / none, leave
run on i00-f: recreate, cured, a person must act
run on i00-f: recreate, cured
