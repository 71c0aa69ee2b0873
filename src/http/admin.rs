//! The admin socket: who may open it, who is behind it, and what becomes of a stale one.
//!
//! The file is 0660 and belongs to the group `refollow` where that exists: who may write it may
//! approve. Who called is what the kernel says (`SO_PEERCRED`), never what the request says.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

use crate::http::BindError;
use crate::http::dto::Caller;

/// The group that may use the socket, as `systemd/refollow.sysusers` makes it.
const GROUP: &str = "refollow";

/// The listening socket.
#[derive(Debug)]
pub struct AdminListener {
    path: PathBuf,
    listener: UnixListener,
    /// Device and inode: at the end only our own file is removed.
    identity: Option<(u64, u64)>,
}

impl AdminListener {
    /// Opens the socket at its path. A file left over by a dead daemon is replaced; one that
    /// answers is not, and neither is anything that is not a socket.
    ///
    /// # Errors
    /// One line with its remedy.
    pub async fn bind(path: &Path) -> Result<Self, BindError> {
        let refuse = |problem: String, remedy: String| BindError::Admin {
            path: path.to_owned(),
            problem,
            remedy,
        };
        let io = |error: std::io::Error| {
            let directory = path.parent().unwrap_or_else(|| Path::new(".")).display();
            let remedy = match error.kind() {
                std::io::ErrorKind::NotFound => format!(
                    "create {directory} for the user that runs refollow (under systemd: RuntimeDirectory=refollow)"
                ),
                std::io::ErrorKind::PermissionDenied => {
                    format!("let the user that runs refollow write {directory}")
                }
                std::io::ErrorKind::InvalidInput => "set a path shorter than 100 bytes".to_owned(),
                _ => "set another path".to_owned(),
            };
            refuse(error.to_string(), remedy)
        };
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(error)),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(refuse(
                    "there is a file that is no socket".to_owned(),
                    "set another path".to_owned(),
                ));
            }
            Ok(_) => match UnixStream::connect(path).await {
                Ok(_) => {
                    return Err(refuse(
                        "another daemon answers there".to_owned(),
                        "stop that one, or set another path".to_owned(),
                    ));
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    tracing::info!(path = %path.display(), "replacing the admin socket of a daemon that is gone");
                }
                Err(error) => return Err(io(error)),
            },
        }
        // Made under another name and moved into place once its mode is right, so that the path
        // never names a socket that too many could open. Short, because paths of sockets are.
        let new = path.with_file_name(format!(".{}", std::process::id()));
        if let Err(error) = std::fs::remove_file(&new)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            return Err(io(error));
        }
        let listener = UnixListener::bind(&new).map_err(io)?;
        let placed = std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o660))
            .map(|()| give_to_group(&new))
            .and_then(|()| std::fs::rename(&new, path));
        if let Err(error) = placed {
            drop(std::fs::remove_file(&new));
            return Err(io(error));
        }
        let identity = identity(path);
        Ok(Self {
            path: path.to_owned(),
            listener,
            identity,
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The next connection, with who is behind it.
    pub(super) async fn accept(&self) -> std::io::Result<(UnixStream, Caller)> {
        let (stream, _) = self.listener.accept().await?;
        let peer = stream.peer_cred()?;
        let (uid, gid) = (peer.uid(), peer.gid());
        let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
        let name = name_of(&users, uid).unwrap_or_else(|| format!("uid:{uid}"));
        let groups = groups_of(&groups, &name, gid);
        Ok((
            stream,
            Caller {
                name,
                uid: Some(uid),
                token: None,
                groups,
            },
        ))
    }

    /// Removes the file, if it still is ours.
    pub(super) fn remove(&self) {
        if self.identity.is_some() && identity(&self.path) == self.identity {
            drop(std::fs::remove_file(&self.path));
        }
    }
}

fn identity(path: &Path) -> Option<(u64, u64)> {
    std::fs::symlink_metadata(path)
        .ok()
        .map(|found| (found.dev(), found.ino()))
}

/// Where the group exists and we may: otherwise only our own user (and root) can connect, which
/// is less than wanted and never more.
fn give_to_group(path: &Path) {
    let groups = std::fs::read_to_string("/etc/group").unwrap_or_default();
    if let Some(gid) = id_of(&groups, GROUP)
        && let Err(error) = std::os::unix::fs::chown(path, None, Some(gid))
    {
        tracing::warn!(%error, group = GROUP, "the admin socket could not be given to its group");
    }
}

/// `name:x:id:…`, as in passwd(5) and group(5).
fn entries(file: &str) -> impl Iterator<Item = (&str, u32)> {
    file.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some((name, fields.nth(1)?.parse().ok()?))
    })
}

fn name_of(passwd: &str, uid: u32) -> Option<String> {
    entries(passwd)
        .find(|(_, id)| *id == uid)
        .map(|(name, _)| name.to_owned())
}

fn id_of(group: &str, name: &str) -> Option<u32> {
    entries(group).find(|(found, _)| *found == name).map(|(_, id)| id)
}

/// The groups of a user: the one the process runs with, and those whose list of members names it
/// (group(5)). A directory service behind the files is not asked: less is known then, never more.
fn groups_of(group: &str, user: &str, gid: u32) -> Vec<String> {
    group
        .lines()
        .filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            let id: u32 = fields.nth(1)?.parse().ok()?;
            let members = fields.next().unwrap_or_default();
            let member = members.split(',').any(|member| member.trim() == user);
            (id == gid || member).then(|| name.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_passwd_and_groups_from_group() {
        let file = "root:x:0:0:root:/root:/bin/sh\n\nbroken\n:x:7:\nanna:x:1000:1000::/nonexistent:/bin/sh\n";
        assert_eq!(name_of(file, 1000).as_deref(), Some("anna"));
        assert_eq!(name_of(file, 0).as_deref(), Some("root"));
        assert_eq!(name_of(file, 7), None);
        assert_eq!(id_of("refollow:x:998:anna\n", "refollow"), Some(998));
        assert_eq!(id_of("refollow2:x:998:anna\n", "refollow"), None);
        let group = "ops:x:7:bob,anna\nstaff:x:8:\nothers:x:9:annabel\n:x:7:anna\nbroken:x\n";
        assert_eq!(groups_of(group, "anna", 8), ["ops", "staff"]);
        assert_eq!(groups_of(group, "eve", 1), Vec::<String>::new());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_and_a_living_one_or_a_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("admin.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let first = AdminListener::bind(&path).await.unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o660, "{mode:o}");
        let second = AdminListener::bind(&path).await.unwrap_err().to_string();
        assert!(second.contains("another daemon answers there"), "{second}");
        first.remove();
        assert!(!path.exists());
        std::fs::write(&path, "mine").unwrap();
        let file = AdminListener::bind(&path).await.unwrap_err().to_string();
        assert!(file.contains("no socket"), "{file}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
        first.remove();
        assert!(path.exists(), "not the file that we made");
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            1,
            "nothing else is left"
        );
    }

    #[tokio::test]
    async fn a_directory_that_is_not_there_is_named_with_its_remedy() {
        let dir = tempfile::tempdir().unwrap();
        let error = AdminListener::bind(&dir.path().join("run/admin.sock"))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("RuntimeDirectory=refollow"), "{error}");
    }
}
