# $1: 1 at the first installation, 2 and more at an upgrade.
if [ "$1" = 1 ]; then
  chown root:refollow /etc/refollow /etc/refollow/refollow.toml
  chmod 0750 /etc/refollow
  chmod 0640 /etc/refollow/refollow.toml
  install -d -o refollow -g refollow -m 0750 /var/lib/refollow
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload || :
  if [ "$1" -gt 1 ]; then
    systemctl try-restart refollow.service || :
  fi
fi
