   98 s  follower POST /i00-f/_ccr/pause_follow → 200

i00-f closed; refollow says closed / follower_closed, alert
i01-f follows; refollow says following / none, leave
run on i00-f: resume, not_cured, a person must act
