//! The lock that keeps two daemons off one state: flock on `<database>.lock`, held for life.
//!
//! The kernel drops it when the process ends, however it ends, so no stale lock is ever left; the
//! file itself stays, because removing it would let two processes lock two files of one name.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use crate::store::StoreError;

/// Held as long as it lives.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock of that database, or says who holds it.
    pub(super) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = beside(database);
        let unopenable = |error: std::io::Error| unopenable(database, &path, &error);
        let mut file = std::fs::OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o640)
            .open(&path)
            .map_err(unopenable)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(StoreError::Locked {
                    path: database.to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(error) => return Err(unopenable(error.into())),
        }
        // Only for the message of the next who comes; the lock itself does not depend on it.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{}", std::process::id()));
        written.map_err(unopenable)?;
        Ok(Self { _file: file })
    }
}

fn beside(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) if text.trim().parse::<u32>().is_ok() => format!("pid {}", text.trim()),
        _ => "its pid is not known".to_owned(),
    }
}

/// One line for everything that can be wrong with a path, with its remedy.
pub(super) fn unopenable(database: &Path, culprit: &Path, error: &std::io::Error) -> StoreError {
    use std::io::ErrorKind;
    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new(".")).display();
    let remedy = match error.kind() {
        ErrorKind::NotFound => format!("create the directory {directory} for the user that runs refollow"),
        ErrorKind::PermissionDenied => {
            format!("let the user that runs refollow read and write {directory} and the files in it")
        }
        ErrorKind::ReadOnlyFilesystem => {
            format!(
                "{directory} is on a read-only file system: remount it, or set daemon.state to another place"
            )
        }
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            format!("make room on the file system of {directory}")
        }
        ErrorKind::IsADirectory | ErrorKind::NotADirectory => {
            "set daemon.state to the path of a file in a directory".to_owned()
        }
        _ => "see the message; the path is daemon.state of the configuration".to_owned(),
    };
    StoreError::Unopenable {
        path: database.to_owned(),
        problem: format!("{}: {error}", culprit.display()),
        remedy,
    }
}
