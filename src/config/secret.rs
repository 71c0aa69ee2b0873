//! Credentials and authorities by the files that the configuration names.
//!
//! Owns the shape of `auth` and what is said about a wrong one; reading a file is
//! `elastic::auth`'s. Nothing here ever puts a value into a message: only paths.

use std::path::{Path, PathBuf};

use crate::config::read::Section;
use crate::elastic::auth::{Auth, BadFile, Trust};

const EXAMPLE: &str = "{ api_key_file = \"…\" }, { username = \"…\", password_file = \"…\" } or { client_certificate_file = \"…\", client_key_file = \"…\" }";

/// Reads one of `auth`, `acting_auth`, `follow_auth`; `None` where it is absent or wrong.
pub(super) fn auth(cluster: &mut Section<'_>, key: &'static str) -> Option<Auth> {
    let present = cluster.has(key);
    let path = cluster.path_of(key);
    let mut table = cluster.section(key, EXAMPLE).secret();
    if !present {
        return None;
    }
    let kinds: [&[&'static str]; 3] = [
        &["api_key_file"],
        &["username", "password_file"],
        &["client_certificate_file", "client_key_file"],
    ];
    let given = kinds.map(|keys| keys.iter().any(|key| table.has(key)));
    for (keys, given) in kinds.iter().zip(given) {
        for missing in keys.iter().filter(|key| given && !table.has(key)) {
            table.problem(
                missing,
                format!("is missing beside `{}`", keys.join("` or `")),
                format!("add {missing} = \"…\""),
            );
        }
    }
    match given.iter().filter(|given| **given).count() {
        1 => {}
        0 => table
            .notes
            .problem(&path, None, "names no credential", format!("write {EXAMPLE}")),
        _ => table.notes.problem(
            &path,
            None,
            "names more than one kind of credential",
            format!("keep one of {EXAMPLE}"),
        ),
    }
    let api_key = file(&mut table, "api_key_file");
    let username = table.parsed("username", "a user's name", |text| {
        if text.is_empty() {
            Err("is empty")
        } else if text.contains(':') || text.chars().any(char::is_control) {
            // RFC 7617: the first colon ends the user-id.
            Err("has a `:` or a control character, which basic authentication cannot carry")
        } else {
            Ok(text.to_owned())
        }
    });
    let password = file(&mut table, "password_file");
    let certificate = file(&mut table, "client_certificate_file");
    let private_key = file(&mut table, "client_key_file");
    for (key, path) in [
        ("api_key_file", &api_key),
        ("password_file", &password),
        ("client_key_file", &private_key),
    ] {
        if let Some(path) = path {
            warn_if_open(&table, key, path);
        }
    }
    let take = |key: &str, read: Result<Auth, BadFile>| match read {
        Ok(auth) => Some(auth),
        Err(error) => {
            table.problem(key, error.to_string(), "put right what stands in that file");
            None
        }
    };
    let auth = if let Some(path) = api_key {
        take("api_key_file", Auth::api_key_file(&path))
    } else if let Some((username, path)) = username.zip(password) {
        take("password_file", Auth::basic(&username, &path))
    } else if let Some((certificate, key)) = certificate.zip(private_key) {
        take("client_key_file", Auth::client_certificate(&certificate, &key))
    } else {
        None
    };
    table.finish();
    auth
}

/// The authorities of `tls.ca_file`; the system's where it names none or is wrong.
pub(super) fn trust(cluster: &mut Section<'_>) -> Trust {
    let mut table = cluster.section("tls", "{ ca_file = \"…\" }");
    let trust = file(&mut table, "ca_file").and_then(|path| match Trust::ca_file(&path) {
        Ok(trust) => Some(trust),
        Err(error) => {
            table.problem(
                "ca_file",
                error.to_string(),
                "name a PEM file with the authorities",
            );
            None
        }
    });
    table.finish();
    trust.unwrap_or_default()
}

/// A file that is there, is one, and is small enough to be what it should be.
pub(super) fn file(table: &mut Section<'_>, key: &'static str) -> Option<PathBuf> {
    /// Beyond this it is another file by mistake: a key, a password and a chain are small.
    const LARGEST: u64 = 1 << 20;
    let path = PathBuf::from(table.text(key, "the path of a file")?);
    let (problem, remedy) = match std::fs::metadata(&path) {
        Err(error) => (
            format!("{} cannot be read: {error}", path.display()),
            "create it, or let the user that refollow runs as read it",
        ),
        Ok(about) if !about.is_file() => (format!("{} is not a file", path.display()), "name a file"),
        Ok(about) if about.len() > LARGEST => (
            format!("{} is larger than 1 MiB", path.display()),
            "name the file that holds only this",
        ),
        Ok(_) => return Some(path),
    };
    table.problem(key, problem, remedy);
    None
}

pub(super) fn warn_if_open(table: &Section<'_>, key: &str, path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let open = std::fs::metadata(path).is_ok_and(|about| about.permissions().mode() & 0o004 != 0);
    if open {
        table.notes.warn(
            &table.path_of(key),
            format!(
                "{} can be read by everybody on this host; chmod 0640 it and give it to refollow's group",
                path.display()
            ),
        );
    }
}
