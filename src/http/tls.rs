//! TLS of the TCP listener: certificate and key from their files, taken over anew when what stands
//! in them changes. A new pair that cannot be used is told, and the old one stays.
//!
//! Where authorities of clients are named, it also says whose certificate was shown. What was taken
//! over anew ends the connections that were let in by a certificate: one that was revoked since
//! opens nothing any more.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{Acceptor, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use x509_parser::extensions::GeneralName;

use crate::domain::access::digest;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::tasks::Tasks;

/// From accept to the end of the handshake, waiting for its turn included.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes at once, of clients that have begun to speak: they cost CPU, and the look at a cluster
/// must not wait for them. Who connects and says nothing takes no place.
const MAX_HANDSHAKES: usize = 32;
/// How often the files are looked at.
pub(super) const GLANCE: Duration = Duration::from_secs(10);

/// Where the certificate (with its chain) and its private key stand, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, our own first.
    pub certificate: PathBuf,
    /// The key, unencrypted.
    pub key: PathBuf,
    /// What is asked of clients; `None`: no certificate.
    pub clients: Option<ClientFiles>,
}

/// Whose certificates are believed of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientFiles {
    /// The authorities, PEM.
    pub authorities: PathBuf,
    /// Their lists of what they revoked, PEM.
    pub revoked: Option<PathBuf>,
    /// Whether a client without a certificate is turned away.
    pub required: bool,
}

/// What stood in the files: its digest, and what became of it.
#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    expires_at: Timestamp,
}

#[derive(Debug)]
struct Now {
    loaded: Loaded,
    /// Digest of what was last found in the files, used or not.
    found: String,
    /// Ends when something else is taken over.
    holds: CancellationToken,
}

/// What stands in the files.
struct Bytes {
    certificate: Vec<u8>,
    key: Vec<u8>,
    authorities: Option<Vec<u8>>,
    revoked: Option<Vec<u8>>,
}

/// A client after its handshake.
pub(super) struct Greeted<S> {
    pub(super) stream: TlsStream<S>,
    /// The names in its certificate: `cn:…`, `dns:…`, `uri:…`; empty where it showed none.
    pub(super) subjects: Vec<String>,
    /// Until when a certificate counts as it was judged.
    pub(super) holds: CancellationToken,
}

/// The listener's certificate as it stands.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    now: Mutex<Now>,
    places: Semaphore,
    metrics: Option<Arc<Metrics>>,
}

impl TlsFiles {
    /// What stands in the files now, and its digest.
    async fn read(&self) -> Result<(Bytes, String), String> {
        let read = async |path: &PathBuf| {
            let bytes = tokio::fs::read(path).await;
            bytes.map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let mut bytes = Bytes {
            certificate: read(&self.certificate).await?,
            key: read(&self.key).await?,
            authorities: None,
            revoked: None,
        };
        if let Some(clients) = &self.clients {
            bytes.authorities = Some(read(&clients.authorities).await?);
            if let Some(revoked) = &clients.revoked {
                bytes.revoked = Some(read(revoked).await?);
            }
        }
        let digests = [
            Some(&bytes.certificate),
            Some(&bytes.key),
            bytes.authorities.as_ref(),
            bytes.revoked.as_ref(),
        ]
        .map(|part| part.map_or_else(String::new, |part| digest(&String::from_utf8_lossy(part))));
        Ok((bytes, digests.join(" ")))
    }

    /// A configuration of these bytes. No message shows any of them.
    fn take(&self, bytes: &Bytes) -> Result<Loaded, String> {
        let (chain_file, key_file) = (self.certificate.display(), self.key.display());
        let chain = certificates(&bytes.certificate, &self.certificate)?;
        let own = chain.first().ok_or_else(|| {
            format!("{chain_file} holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`)")
        })?;
        let (_, parsed) = x509_parser::parse_x509_certificate(own)
            .map_err(|_| format!("the first certificate of {chain_file} cannot be read"))?;
        let expires_at = Timestamp::from_second(parsed.validity().not_after.timestamp())
            .map_err(|_| format!("the end of the certificate of {chain_file} is no time"))?;
        let private = PrivateKeyDer::from_pem_slice(&bytes.key)
            .map_err(|_| format!("{key_file} holds no unencrypted private key (PEM)"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = self.verifier(bytes)?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| {
                let builder = match verifier {
                    Some(verifier) => builder.with_client_cert_verifier(verifier),
                    None => builder.with_no_client_auth(),
                };
                builder.with_single_cert(chain, private)
            })
            .map_err(|error| format!("{chain_file} and {key_file} cannot be used together: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        if self.clients.is_some() {
            // A session that is resumed shows no certificate anew, so that one that was revoked since
            // would go on; and a ticket keeps what it was given for.
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Loaded {
            config: Arc::new(config),
            expires_at,
        })
    }

    /// What judges the certificates of clients, where any is asked for.
    fn verifier(&self, bytes: &Bytes) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let (Some(clients), Some(authorities)) = (&self.clients, &bytes.authorities) else {
            return Ok(None);
        };
        let file = clients.authorities.display();
        let mut roots = RootCertStore::empty();
        for authority in certificates(authorities, &clients.authorities)? {
            roots
                .add(authority)
                .map_err(|error| format!("an authority of {file} cannot be used: {error}"))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
        if let (Some(path), Some(revoked)) = (&clients.revoked, &bytes.revoked) {
            let lists: Vec<_> = CertificateRevocationListDer::pem_slice_iter(revoked)
                .collect::<Result<_, _>>()
                .map_err(|_| format!("{} is not PEM", path.display()))?;
            if lists.is_empty() {
                return Err(format!(
                    "{} holds no revocation list (PEM, `-----BEGIN X509 CRL-----`)",
                    path.display()
                ));
            }
            builder = builder.with_crls(lists).only_check_end_entity_revocation();
        }
        if !clients.required {
            builder = builder.allow_unauthenticated();
        }
        builder
            .build()
            .map(Some)
            .map_err(|error| format!("clients cannot be judged by {file}: {error}"))
    }
}

fn certificates(pem: &[u8], path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| format!("{} is not PEM", path.display()))
}

/// The names in a certificate that an authority of ours has signed.
fn subjects(certificate: &CertificateDer<'_>) -> Vec<String> {
    let Ok((_, parsed)) = x509_parser::parse_x509_certificate(certificate) else {
        return Vec::new();
    };
    let mut names: Vec<String> = Vec::new();
    if let Ok(Some(alternative)) = parsed.subject_alternative_name() {
        names.extend(
            alternative
                .value
                .general_names
                .iter()
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_ascii_lowercase())),
                    GeneralName::URI(name) => Some(format!("uri:{name}")),
                    _ => None,
                }),
        );
    }
    // Of several common names none counts: programs do not agree on which.
    let mut common = parsed.subject().iter_common_name();
    if let (Some(one), None) = (common.next(), common.next())
        && let Ok(name) = one.as_str()
    {
        names.push(format!("cn:{name}"));
    }
    names
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(super) async fn open(files: TlsFiles, metrics: Option<Arc<Metrics>>) -> Result<Self, String> {
        let (bytes, found) = files.read().await?;
        let loaded = files.take(&bytes)?;
        if let Some(metrics) = &metrics {
            metrics.tls_loaded(Some(loaded.expires_at));
        }
        Ok(Self {
            files,
            now: Mutex::new(Now {
                loaded,
                found,
                holds: CancellationToken::new(),
            }),
            places: Semaphore::new(MAX_HANDSHAKES),
            metrics,
        })
    }

    /// Looks at the files, and takes over what is new in them; whether it did.
    pub async fn look(&self) -> bool {
        let read = self.files.read().await;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match read {
            Ok((_, found)) if found == now.found => return false,
            Ok((bytes, found)) => {
                now.found = found;
                self.files.take(&bytes)
            }
            Err(problem) => {
                // Said once: until something can be read again there is nothing new to say.
                if now.found == problem {
                    return false;
                }
                now.found.clone_from(&problem);
                Err(problem)
            }
        };
        match taken {
            Ok(loaded) => {
                tracing::info!(
                    "the certificate of daemon.listen was taken over anew; it ends {}",
                    loaded.expires_at
                );
                if let Some(metrics) = &self.metrics {
                    metrics.tls_loaded(Some(loaded.expires_at));
                }
                now.loaded = loaded;
                std::mem::take(&mut now.holds).cancel();
                true
            }
            Err(problem) => {
                tracing::error!(
                    "the new certificate of daemon.listen is not used, the old one stays: {problem}"
                );
                if let Some(metrics) = &self.metrics {
                    metrics.tls_loaded(None);
                }
                false
            }
        }
    }

    /// Looks at the files now and then, until `tasks` end.
    pub(super) fn watch(self: &Arc<Self>, tasks: &Tasks) {
        let tls = Arc::clone(self);
        drop(tasks.spawn("tls files", move |token| async move {
            loop {
                tokio::select! {
                    () = token.cancelled() => break,
                    () = tokio::time::sleep(GLANCE) => {}
                }
                tls.look().await;
            }
        }));
    }

    /// The handshake of one connection; `None`: it did not come to an end in time, or failed.
    pub(super) async fn greet<S>(&self, stream: S) -> Option<Greeted<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let greeting = async {
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            let Ok(_place) = self.places.acquire().await else {
                return Err(std::io::ErrorKind::ConnectionAborted.into());
            };
            let (config, holds) = {
                let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
                (Arc::clone(&now.loaded.config), now.holds.clone())
            };
            let stream = hello.into_stream(config).await?;
            let shown = stream.get_ref().1.peer_certificates();
            let subjects = shown.and_then(<[_]>::first).map(subjects).unwrap_or_default();
            Ok(Greeted {
                stream,
                subjects,
                holds,
            })
        };
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, greeting).await {
            Ok(Ok(greeted)) => Some(greeted),
            Ok(Err(error)) => {
                let error: std::io::Error = error;
                tracing::debug!(%error, "a TLS handshake failed");
                None
            }
            Err(_) => None,
        }
    }
}
