  300 s  follower POST /i00-f/_close → 200
  300 s  follower PUT /i00-f/_ccr/follow → 200

i00-f i01-f follows; refollow says following / none, leave
run on i00-f: recreate, cured
