//! Credentials and trust: read from files once, kept where nothing prints them.
//!
//! Owns the reading of secret files and the headers made of them. Which of the three
//! credentials a request gets is decided by the call (`elastic::read`, `elastic::write`).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use crate::elastic::transport::Credential;

/// How one credential proves itself.
#[derive(Clone, Default)]
pub enum Auth {
    /// No credential.
    #[default]
    None,
    /// An API key: `encoded` of the API's answer, or `<id>:<api_key>`.
    ApiKey(SecretString),
    /// User and password.
    Basic {
        /// The user's name.
        username: String,
        /// The password.
        password: SecretString,
    },
    /// A client certificate with its key, both PEM (PKI realm, or a proxy that asks for one).
    ClientCertificate(SecretString),
}

/// Shows the kind only.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::ApiKey(_) => "ApiKey(…)",
            Self::Basic { .. } => "Basic(…)",
            Self::ClientCertificate(_) => "ClientCertificate(…)",
        })
    }
}

/// A credential or certificate file that cannot be used. Never shows the file's content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {problem}", file.display())]
pub struct BadFile {
    /// The file.
    pub file: PathBuf,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Auth {
    /// Whose it is, for people; nothing secret.
    pub fn who(&self) -> String {
        match self {
            Self::None => "nobody: no credential is configured".to_owned(),
            Self::ApiKey(_) => "the owner of an API key".to_owned(),
            Self::Basic { username, .. } => format!("user `{username}`"),
            Self::ClientCertificate(_) => "the user of a client certificate".to_owned(),
        }
    }

    /// Reads an API key.
    ///
    /// # Errors
    /// The file cannot be read, is empty, or holds what no header can carry.
    pub fn api_key_file(file: &Path) -> Result<Self, BadFile> {
        let auth = Self::ApiKey(secret(file)?);
        auth.header().map_err(|problem| bad(file, problem)).map(|_| auth)
    }

    /// Reads a password.
    ///
    /// # Errors
    /// As [`Auth::api_key_file`]; a `:` in the user's name too, which HTTP basic cannot carry.
    pub fn basic(username: &str, password_file: &Path) -> Result<Self, BadFile> {
        if username.is_empty() || username.contains(':') {
            return Err(bad(
                password_file,
                "`username` beside it is empty or contains `:`",
            ));
        }
        Ok(Self::Basic {
            username: username.to_owned(),
            password: secret(password_file)?,
        })
    }

    /// Reads a client certificate (with its chain) and its unencrypted private key, PEM.
    ///
    /// # Errors
    /// A file cannot be read, or the two are not a certificate and a key.
    pub fn client_certificate(certificate: &Path, key: &Path) -> Result<Self, BadFile> {
        let both = format!(
            "{}\n{}\n",
            secret(certificate)?.expose_secret(),
            secret(key)?.expose_secret()
        );
        // reqwest's error may quote the input; ours does not.
        if reqwest::Identity::from_pem(both.as_bytes()).is_err() {
            return Err(bad(
                key,
                format!(
                    "no certificate chain in {} with its unencrypted private key here (both PEM)",
                    certificate.display()
                ),
            ));
        }
        Ok(Self::ClientCertificate(both.into()))
    }

    /// The `Authorization` header, where this credential is one, marked as sensitive.
    pub(crate) fn header(&self) -> Result<Option<HeaderValue>, &'static str> {
        let text = match self {
            Self::None | Self::ClientCertificate(_) => return Ok(None),
            // `<id>:<api_key>` is not yet encoded: base64 has no colon.
            Self::ApiKey(key) if key.expose_secret().contains(':') => {
                format!("ApiKey {}", STANDARD.encode(key.expose_secret()))
            }
            Self::ApiKey(key) => format!("ApiKey {}", key.expose_secret()),
            Self::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut header =
            HeaderValue::from_str(&text).map_err(|_| "holds characters that an API key cannot have")?;
        header.set_sensitive(true);
        Ok(Some(header))
    }
}

/// The three credentials of one cluster (`contract.md`: `auth`, `acting_auth`, `follow_auth`).
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    /// Reading.
    pub read: Arc<Auth>,
    /// Requests that change something.
    pub act: Arc<Auth>,
    /// Resume and follow, whose rights the task keeps.
    pub follow: Arc<Auth>,
}

impl Credentials {
    /// With the contract's defaults: acting like reading, following like acting.
    pub fn new(read: Auth, act: Option<Auth>, follow: Option<Auth>) -> Self {
        let read = Arc::new(read);
        let act = act.map_or_else(|| read.clone(), Arc::new);
        let follow = follow.map_or_else(|| act.clone(), Arc::new);
        Self { read, act, follow }
    }

    /// The one for a request.
    pub fn of(&self, credential: Credential) -> &Arc<Auth> {
        match credential {
            Credential::Read => &self.read,
            Credential::Act => &self.act,
            Credential::Follow => &self.follow,
        }
    }
}

/// Whom to believe when a cluster shows its certificate.
#[derive(Debug, Clone, Default)]
pub enum Trust {
    /// The system's authorities.
    #[default]
    System,
    /// Only these authorities.
    Only(Vec<reqwest::Certificate>),
}

impl Trust {
    /// Reads a PEM bundle of authorities; the system's are then not believed.
    ///
    /// # Errors
    /// The file cannot be read or has no certificate.
    pub fn ca_file(file: &Path) -> Result<Self, BadFile> {
        let pem = std::fs::read(file).map_err(|error| bad(file, format!("cannot be read: {error}")))?;
        match reqwest::Certificate::from_pem_bundle(&pem) {
            Ok(certificates) if !certificates.is_empty() => Ok(Self::Only(certificates)),
            _ => Err(bad(
                file,
                "holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`)",
            )),
        }
    }
}

fn bad(file: &Path, problem: impl Into<String>) -> BadFile {
    BadFile {
        file: file.to_owned(),
        problem: problem.into(),
    }
}

/// A file's text without the blanks and line ends around it.
pub(crate) fn secret(file: &Path) -> Result<SecretString, BadFile> {
    let text =
        std::fs::read_to_string(file).map_err(|error| bad(file, format!("cannot be read: {error}")))?;
    let text = text.trim();
    if text.is_empty() {
        return Err(bad(file, "is empty"));
    }
    Ok(text.into())
}
