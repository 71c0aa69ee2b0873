//! TLS of the TCP listener: certificate and key from their files, taken over anew when what stands
//! in them changes. A new pair that cannot be used is told, and the old one stays.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::domain::access::digest;
use crate::domain::time::Timestamp;
use crate::metrics::Metrics;
use crate::tasks::Tasks;

/// From accept to the end of the handshake, waiting for its turn included.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// Handshakes at once: they cost CPU, and the look at a cluster must not wait for them.
const MAX_HANDSHAKES: usize = 32;
/// How often the files are looked at.
const GLANCE: Duration = Duration::from_secs(10);

/// Where the certificate (with its chain) and its private key stand, both PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, our own first.
    pub certificate: PathBuf,
    /// The key, unencrypted.
    pub key: PathBuf,
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
    /// What stands in the two files now, and its digest.
    async fn read(&self) -> Result<(Vec<u8>, Vec<u8>, String), String> {
        let read = async |path: &PathBuf| {
            let bytes = tokio::fs::read(path).await;
            bytes.map_err(|error| format!("{} cannot be read: {error}", path.display()))
        };
        let (certificate, key) = (read(&self.certificate).await?, read(&self.key).await?);
        let both = format!(
            "{} {}",
            String::from_utf8_lossy(&certificate),
            String::from_utf8_lossy(&key)
        );
        Ok((certificate, key, digest(&both)))
    }

    /// A configuration of these bytes. No message shows any of them.
    fn take(&self, certificate: &[u8], key: &[u8]) -> Result<Loaded, String> {
        let (chain_file, key_file) = (self.certificate.display(), self.key.display());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(certificate)
            .collect::<Result<_, _>>()
            .map_err(|_| format!("{chain_file} is not PEM"))?;
        let own = chain.first().ok_or_else(|| {
            format!("{chain_file} holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`)")
        })?;
        let (_, parsed) = x509_parser::parse_x509_certificate(own)
            .map_err(|_| format!("the first certificate of {chain_file} cannot be read"))?;
        let expires_at = Timestamp::from_second(parsed.validity().not_after.timestamp())
            .map_err(|_| format!("the end of the certificate of {chain_file} is no time"))?;
        let private = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| format!("{key_file} holds no unencrypted private key (PEM)"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, private))
            .map_err(|error| format!("{chain_file} and {key_file} cannot be used together: {error}"))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Loaded {
            config: Arc::new(config),
            expires_at,
        })
    }
}

impl Tls {
    /// Reads both files.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub(super) async fn open(files: TlsFiles, metrics: Option<Arc<Metrics>>) -> Result<Self, String> {
        let (certificate, key, found) = files.read().await?;
        let loaded = files.take(&certificate, &key)?;
        if let Some(metrics) = &metrics {
            metrics.tls_loaded(Some(loaded.expires_at));
        }
        Ok(Self {
            files,
            now: Mutex::new(Now { loaded, found }),
            places: Semaphore::new(MAX_HANDSHAKES),
            metrics,
        })
    }

    /// Looks at the files, and takes over what is new in them; whether it did.
    pub async fn look(&self) -> bool {
        let read = self.files.read().await;
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match read {
            Ok((_, _, found)) if found == now.found => return false,
            Ok((certificate, key, found)) => {
                now.found = found;
                self.files.take(&certificate, &key)
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
    pub(super) async fn greet<S>(&self, stream: S) -> Option<TlsStream<S>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let config = {
            let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&now.loaded.config)
        };
        let greeting = async {
            let _place = self.places.acquire().await.ok()?;
            match TlsAcceptor::from(config).accept(stream).await {
                Ok(stream) => Some(stream),
                Err(error) => {
                    tracing::debug!(%error, "a TLS handshake failed");
                    None
                }
            }
        };
        tokio::time::timeout(HANDSHAKE_TIMEOUT, greeting)
            .await
            .ok()
            .flatten()
    }
}
