   98 s  follower POST /i00-f/_ccr/pause_follow → 200
   98 s  follower POST /i00-f/_ccr/resume_follow → 200
  102 s  follower POST /i00-f/_ccr/pause_follow → 200
  102 s  follower POST /i00-f/_ccr/resume_follow → 200

i00-f fatal; refollow says fatal / history_lost, alert
i01-f follows; refollow says following / none, leave
run on i00-f: recreate, backed_out
