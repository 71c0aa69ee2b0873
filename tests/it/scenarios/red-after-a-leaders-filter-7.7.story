
i01-f follows; refollow says following / none, leave
i00-f red; refollow says red / restore_failed, alert
