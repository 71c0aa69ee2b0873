# The state in /var/lib/refollow stays: a repair is finished or undone from it. rpm knows no purge:
#   rm -rf /var/lib/refollow
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
fi
