   98 s  follower POST /i00-f/_ccr/pause_follow → 200
   98 s  follower POST /i00-f/_ccr/resume_follow → 200
  102 s  follower POST /i00-f/_ccr/pause_follow → 200
  102 s  follower POST /i00-f/_close → 200
  102 s  follower PUT /i00-f/_ccr/follow → no answer

i01-f follows; refollow says following / none, leave
i00-f red; refollow says red / restore_failed, ask
run on i00-f: recreate, not_cured, a person must act
