
i00-f fatal; refollow says fatal / history_lost, alert
i01-f fatal; refollow says fatal / remote_unreachable, alert
