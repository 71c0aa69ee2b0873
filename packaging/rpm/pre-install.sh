getent group refollow >/dev/null || groupadd --system refollow
getent passwd refollow >/dev/null || useradd --system --gid refollow --home-dir /var/lib/refollow --no-create-home --shell /usr/sbin/nologin refollow
