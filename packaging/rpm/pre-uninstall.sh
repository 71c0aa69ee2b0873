# $1: 0 when it is removed for good, 1 at an upgrade.
if [ "$1" = 0 ] && [ -d /run/systemd/system ]; then
  systemctl stop refollow.service || echo "refollow: it did not end cleanly; see: journalctl -u refollow, and /var/lib/refollow/undo" >&2
  systemctl disable refollow.service || :
fi
