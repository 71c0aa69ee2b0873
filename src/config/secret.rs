//! Credentials read from their files, in types that do not print.
//!
//! Owns which kinds there are and how a file becomes one. Nothing here ever puts a value into a
//! message: only paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::read::Section;

/// What requests to a cluster are sent with. Cheap to clone; prints no secret.
#[derive(Debug, Clone)]
pub enum Auth {
    /// No credential.
    None,
    /// `Authorization: ApiKey …`: the base64 of `id:api_key`.
    ApiKey(Arc<SecretString>),
    /// `Authorization: Basic …`.
    Basic {
        /// The user.
        username: String,
        /// The password.
        password: Arc<SecretString>,
    },
    /// A certificate shown in the TLS handshake.
    ClientCertificate {
        /// The certificate chain, PEM.
        certificate: Arc<Vec<u8>>,
        /// Its private key, PEM.
        key: Arc<SecretString>,
    },
}

impl Auth {
    /// The kind, for messages.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::ApiKey(_) => "api_key",
            Self::Basic { .. } => "basic",
            Self::ClientCertificate { .. } => "client_certificate",
        }
    }
}

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
    let api_key = secret_file(&mut table, "api_key_file").map(|key| Auth::ApiKey(Arc::new(encoded(&key))));
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
    let password = secret_file(&mut table, "password_file");
    let certificate = pem_file(&mut table, "client_certificate_file", "CERTIFICATE");
    let private_key = pem_file(&mut table, "client_key_file", "PRIVATE KEY");
    table.finish();
    let basic = username.zip(password).map(|(username, password)| Auth::Basic {
        username,
        password: Arc::new(SecretString::from(password)),
    });
    let client_certificate = certificate
        .zip(private_key)
        .map(|(certificate, key)| Auth::ClientCertificate {
            certificate: Arc::new(certificate.into_bytes()),
            key: Arc::new(SecretString::from(key)),
        });
    api_key.or(basic).or(client_certificate)
}

/// The header wants base64 of `id:api_key`; people have either that (`encoded`, since 7.16) or
/// the two halves (older versions return nothing else).
fn encoded(key: &str) -> SecretString {
    use base64::Engine as _;
    if key.contains(':') {
        SecretString::from(base64::engine::general_purpose::STANDARD.encode(key))
    } else {
        SecretString::from(key)
    }
}

/// A PEM file that is not secret, such as the authorities of `tls.ca_file`.
pub(super) fn certificates(table: &mut Section<'_>, key: &'static str) -> Option<(PathBuf, Vec<u8>)> {
    let path = table.text(key, "the path of a PEM file")?;
    let text = read(table, key, Path::new(&path))?;
    holds(table, key, &path, &text, "CERTIFICATE")?;
    Some((PathBuf::from(path), text.into_bytes()))
}

/// A PEM file of a credential. A key that everybody may read is worth a warning.
fn pem_file(table: &mut Section<'_>, key: &'static str, label: &str) -> Option<String> {
    let path = table.text(key, "the path of a PEM file")?;
    let text = read(table, key, Path::new(&path))?;
    holds(table, key, &path, &text, label)?;
    if label == "PRIVATE KEY" {
        warn_if_open(table, key, Path::new(&path));
    }
    Some(text)
}

fn holds(table: &Section<'_>, key: &str, path: &str, text: &str, label: &str) -> Option<()> {
    let found = text
        .lines()
        .any(|line| line.starts_with("-----BEGIN ") && line.trim_end().ends_with(&format!("{label}-----")));
    if found {
        return Some(());
    }
    table.problem(
        key,
        format!("{path} holds no PEM block `{label}`"),
        format!("name a PEM file that begins with -----BEGIN {label}-----"),
    );
    None
}

/// One line of secret text, without the line's end that editors add.
fn secret_file(table: &mut Section<'_>, key: &'static str) -> Option<String> {
    let path = table.text(key, "the path of a file")?;
    let text = read(table, key, Path::new(&path))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.chars().any(char::is_control) {
        table.problem(
            key,
            format!("{path} holds more than one line, or a control character"),
            "put the secret alone on one line",
        );
        return None;
    }
    if secret.trim().is_empty() {
        table.problem(
            key,
            format!("{path} is empty"),
            "put the secret into it, on one line",
        );
        return None;
    }
    warn_if_open(table, key, Path::new(&path));
    Some(secret.to_owned())
}

fn read(table: &Section<'_>, key: &str, path: &Path) -> Option<String> {
    /// Beyond this it is another file by mistake: a key, a password and a chain are small.
    const LARGEST: u64 = 1 << 20;
    let told = |problem: String, remedy: &str| {
        table.problem(key, problem, remedy);
        None
    };
    match std::fs::metadata(path) {
        Err(error) => {
            return told(
                format!("{} cannot be read: {error}", path.display()),
                "create it, or let the user that refollow runs as read it",
            );
        }
        Ok(about) if !about.is_file() => {
            return told(format!("{} is not a file", path.display()), "name a file");
        }
        Ok(about) if about.len() > LARGEST => {
            return told(
                format!("{} is larger than 1 MiB", path.display()),
                "name the file that holds only this",
            );
        }
        Ok(_) => {}
    }
    match std::fs::read_to_string(path) {
        Ok(text) => Some(text),
        Err(error) => told(
            format!("{} cannot be read: {error}", path.display()),
            "make it a text file, and let the user that refollow runs as read it",
        ),
    }
}

fn warn_if_open(table: &Section<'_>, key: &str, path: &Path) {
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
