//! The real [`Transport`]: HTTP/1.1 to one URL.
//!
//! Owns TLS, credentials on the wire, deadlines and the bound on answers. Sends each request
//! once: no redirects, no proxies, no retries. Looks share kept-alive connections; a change gets
//! a connection of its own, since on a kept one nobody can tell whether the far end closed it
//! before or after reading the request.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use rustls::AlertDescription;
use secrecy::ExposeSecret as _;

use crate::elastic::auth::{Auth, Credentials, Trust};
use crate::elastic::transport::{Credential, Method, Request, Response, Transport, TransportError};

/// One URL of a cluster: `http` or `https`, a host, perhaps a port and a path before every call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: String,
    tls: bool,
}

impl Endpoint {
    /// Parses a URL of the configuration.
    ///
    /// # Errors
    /// Says what is wrong, without repeating user info.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url =
            reqwest::Url::parse(text).map_err(|_| "is not a URL such as `https://es.example.org:9200`")?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err("starts neither with `http://` nor with `https://`"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("holds a user name or a password; give them in `auth`, which is never printed");
        }
        if !url.has_host() {
            return Err("has no host");
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err("has a query or a fragment");
        }
        Ok(Self {
            url: url.as_str().trim_end_matches('/').to_owned(),
            tls,
        })
    }

    /// The URL, without a `/` at its end.
    pub fn as_str(&self) -> &str {
        &self.url
    }

    /// Whether it is spoken to over TLS.
    pub fn is_tls(&self) -> bool {
        self.tls
    }
}

/// Everything the real transport of one URL needs; already valid.
#[derive(Debug, Clone)]
pub struct TransportSettings {
    /// Where to.
    pub endpoint: Endpoint,
    /// Credentials.
    pub credentials: Credentials,
    /// Whom to believe.
    pub trust: Trust,
    /// How long a connection may take to stand, TLS included. Shorter than a request's deadline,
    /// so that a host that is gone is known as such and not as "outcome unknown".
    pub connect_timeout: Duration,
}

impl TransportSettings {
    /// No credentials, the system's authorities, 5 s to connect.
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            credentials: Credentials::default(),
            trust: Trust::default(),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a transport could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{url}: {problem}")]
pub struct Unbuildable {
    /// The URL.
    pub url: String,
    /// What is wrong, without secrets.
    pub problem: String,
}

/// HTTP to one URL.
pub struct NetTransport {
    endpoint: Endpoint,
    read: Channel,
    act: Channel,
    follow: Channel,
}

/// What one credential sends with.
#[derive(Clone)]
struct Channel {
    look: reqwest::Client,
    change: reqwest::Client,
    authorization: Option<HeaderValue>,
}

/// The URL only: channels hold credentials.
impl std::fmt::Debug for NetTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("NetTransport").field(&self.endpoint.url).finish()
    }
}

impl NetTransport {
    /// Makes the transport; opens no connection yet.
    ///
    /// # Errors
    /// The system has no authorities and none are configured, or a credential cannot be used.
    pub fn new(settings: &TransportSettings) -> Result<Self, Unbuildable> {
        // Fails only where a provider is installed already, which is what is wanted.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let credentials = &settings.credentials;
        let read = Channel::new(settings, &credentials.read)?;
        let like = |auth: &Arc<Auth>, other: &Arc<Auth>, channel: &Channel| {
            if Arc::ptr_eq(auth, other) {
                Ok(channel.clone())
            } else {
                Channel::new(settings, auth)
            }
        };
        let act = like(&credentials.act, &credentials.read, &read)?;
        let follow = like(&credentials.follow, &credentials.act, &act)?;
        Ok(Self {
            endpoint: settings.endpoint.clone(),
            read,
            act,
            follow,
        })
    }

    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let deadline = request.deadline;
        let limit = request.max_answer_bytes;
        let exchange = async {
            let mut response = self.request(request).send().await.map_err(failure)?;
            if response.content_length().is_some_and(|length| length > limit) {
                return Err(TransportError::TooLarge { limit });
            }
            let mut body = BytesMut::new();
            while let Some(chunk) = response.chunk().await.map_err(failure)? {
                // Counted after decompression: a small answer can unfold into a huge one.
                if (body.len() + chunk.len()) as u64 > limit {
                    return Err(TransportError::TooLarge { limit });
                }
                body.extend_from_slice(&chunk);
            }
            Ok(whole(&response, body.freeze()))
        };
        match tokio::time::timeout(deadline, exchange).await {
            Ok(result) => result,
            // Whether the connection stood by then is not told: it may have been sent.
            Err(_) => Err(TransportError::Deadline { deadline, sent: true }),
        }
    }

    fn request(&self, request: Request) -> reqwest::RequestBuilder {
        let channel = match request.credential {
            Credential::Read => &self.read,
            Credential::Act => &self.act,
            Credential::Follow => &self.follow,
        };
        let client = if request.changes {
            &channel.change
        } else {
            &channel.look
        };
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
            Method::Head => reqwest::Method::HEAD,
        };
        let mut builder = client.request(method, format!("{}{}", self.endpoint.url, request.target));
        if let Some(authorization) = &channel.authorization {
            builder = builder.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = request.body {
            builder = builder.header(CONTENT_TYPE, "application/json").body(body);
        }
        builder
    }
}

impl Transport for NetTransport {
    fn name(&self) -> &str {
        self.endpoint.as_str()
    }

    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        self.exchange(request).boxed()
    }
}

impl Channel {
    fn new(settings: &TransportSettings, auth: &Auth) -> Result<Self, Unbuildable> {
        let unbuildable = |problem: String| Unbuildable {
            url: settings.endpoint.url.clone(),
            problem,
        };
        let authorization = auth.header().map_err(|problem| unbuildable(problem.to_owned()))?;
        let common = || -> Result<reqwest::ClientBuilder, Unbuildable> {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
            let mut builder = reqwest::Client::builder()
                .user_agent(concat!("refollow/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers)
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .no_proxy()
                .http1_only()
                .referer(false)
                .tcp_nodelay(true)
                .connect_timeout(settings.connect_timeout);
            match &settings.trust {
                Trust::Only(certificates) => builder = builder.tls_certs_only(certificates.iter().cloned()),
                // Plain HTTP must not fail for want of the system's certificates.
                Trust::System if !settings.endpoint.tls => builder = builder.tls_certs_only([]),
                Trust::System => {}
            }
            if let Auth::ClientCertificate(pem) = auth {
                let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes()).map_err(|_| {
                    unbuildable("the client certificate or its key cannot be read".to_owned())
                })?;
                builder = builder.identity(identity);
            }
            Ok(builder)
        };
        let build = |builder: reqwest::ClientBuilder| {
            builder
                .build()
                .map_err(|error| unbuildable(format!("TLS cannot be set up: {}", chain(&error))))
        };
        Ok(Self {
            look: build(common()?.gzip(true).pool_idle_timeout(Duration::from_secs(50)))?,
            change: build(common()?.gzip(false).pool_max_idle_per_host(0))?,
            authorization,
        })
    }
}

fn whole(response: &reqwest::Response, body: Bytes) -> Response {
    let header = |name: &str| {
        response
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    Response {
        status: response.status().as_u16(),
        body,
        content_type: header("content-type"),
        product: header("x-elastic-product"),
        retry_after: header("retry-after"),
    }
}

/// Sorts a failure: what certainly happened before the request left, and everything else.
fn failure(error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let reason = chain(&error);
    let tls = find::<rustls::Error>(&error);
    if error.is_connect() {
        return if tls.is_some() {
            TransportError::Tls { reason }
        } else {
            TransportError::Connect { reason }
        };
    }
    match tls {
        // In TLS 1.3 the far end judges our certificate after our side of the handshake is done;
        // until it accepts it, it reads no request.
        Some(rustls::Error::AlertReceived(alert)) if judges_our_certificate(*alert) => {
            TransportError::Tls { reason }
        }
        // An error of the builder (an unusable URL) never left either, but cannot be told
        // apart with certainty from others of its kind; claiming too little is safe.
        _ => TransportError::Lost {
            reason,
            sent: !error.is_builder(),
        },
    }
}

fn judges_our_certificate(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::NoCertificate
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

/// The causes of an error, outermost first, each said once.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    for level in levels(error) {
        let text = level.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
    }
    parts.join(": ")
}

/// The first error of a type in the chain.
fn find<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    levels(error).find_map(|level| level.downcast_ref())
}

/// An error and everything below it. An `io::Error` hides what it carries from `source`.
fn levels<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&level| {
        level
            .downcast_ref::<io::Error>()
            .and_then(|io| io.get_ref())
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| level.source())
    })
}
