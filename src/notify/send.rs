//! One POST with JSON to one address: no redirects, no retries (the outbox's business), a bound on
//! what is read of the answer, and nothing secret in what is said about it.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::domain::notice::outbox::Delivery;
use crate::elastic::auth::{Auth, Trust};

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const LONGEST_ANSWER: usize = 16 * 1024;
/// Characters of an answer that are shown.
const SHOWN: usize = 200;

/// What a server is made of; already valid.
#[derive(Debug)]
pub struct Address {
    /// The whole address; a secret with Slack.
    pub url: SecretString,
    /// What of it may be shown.
    pub shown: String,
    /// The credential.
    pub auth: Auth,
    /// A token for `Authorization: Bearer`, instead of `auth`.
    pub bearer: Option<SecretString>,
    /// Whom to believe.
    pub trust: Trust,
    /// A proxy to go through.
    pub proxy: Option<String>,
}

/// One address, ready to be sent to.
pub struct Server {
    client: reqwest::Client,
    url: SecretString,
    shown: String,
    authorization: Option<HeaderValue>,
}

/// Without the address: a secret may stand in it.
impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.shown).finish()
    }
}

/// A body with the headers that belong to it.
pub struct Body {
    bytes: Vec<u8>,
    headers: Vec<(&'static str, String)>,
}

/// Its length only: a key may stand in it.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Body").field(&self.bytes.len()).finish()
    }
}

impl Body {
    /// That JSON.
    pub fn new(value: &Value) -> Self {
        Self {
            bytes: value.to_string().into_bytes(),
            headers: Vec::new(),
        }
    }

    /// The bytes that are sent.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// With one header more.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: String) -> Self {
        self.headers.push((name, value));
        self
    }
}

impl Server {
    /// Makes it; opens no connection yet.
    ///
    /// # Errors
    /// A credential that no header can carry, or TLS that cannot be set up; without secrets.
    pub fn new(address: Address) -> Result<Self, String> {
        // Fails only where a provider is installed already, which is what is wanted.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let authorization = match &address.bearer {
            Some(token) => {
                let text = format!("Bearer {}", token.expose_secret());
                let mut header = HeaderValue::from_str(&text)
                    .map_err(|_| "the token holds characters that a header cannot have".to_owned())?;
                header.set_sensitive(true);
                Some(header)
            }
            None => address.auth.header()?,
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("refollow/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .http1_only()
            .referer(false)
            .connect_timeout(CONNECT)
            // Receivers are told rarely: a connection that was kept would most often be closed by then.
            .pool_max_idle_per_host(0);
        let tls = address.url.expose_secret().starts_with("https://");
        match &address.trust {
            Trust::Only(certificates) => builder = builder.tls_certs_only(certificates.iter().cloned()),
            // Plain HTTP must not fail for want of the system's certificates.
            Trust::System if !tls => builder = builder.tls_certs_only([]),
            Trust::System => {}
        }
        if let Auth::ClientCertificate(pem) = &address.auth {
            let identity = reqwest::Identity::from_pem(pem.expose_secret().as_bytes())
                .map_err(|_| "the client certificate or its key cannot be read".to_owned())?;
            builder = builder.identity(identity);
        }
        if let Some(proxy) = &address.proxy {
            let proxy = reqwest::Proxy::all(proxy.as_str())
                .map_err(|_| "the proxy's address cannot be used".to_owned())?;
            builder = builder.proxy(proxy);
        }
        let client = builder
            .build()
            .map_err(|error| format!("TLS cannot be set up: {}", error.without_url()))?;
        Ok(Self {
            client,
            url: address.url,
            shown: address.shown,
            authorization,
        })
    }

    /// The address for people.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Sends it once.
    pub async fn post(&self, body: &Body) -> Delivery {
        let mut request = self
            .client
            .post(self.url.expose_secret())
            .header(CONTENT_TYPE, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        for (name, value) in &body.headers {
            request = request.header(*name, value);
        }
        match request.body(body.bytes.clone()).send().await {
            Ok(answer) => self.read(answer).await,
            Err(error) => {
                let maybe = !error.is_connect() && !error.is_builder();
                Delivery::Failed {
                    why: self.clean(&chain(error)),
                    maybe,
                    retry_after: None,
                }
            }
        }
    }

    async fn read(&self, mut answer: reqwest::Response) -> Delivery {
        let status = answer.status();
        if status.is_success() {
            return Delivery::Told;
        }
        let retry_after = answer
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.trim().parse().ok())
            .map(Duration::from_secs);
        let mut text = Vec::new();
        while text.len() < LONGEST_ANSWER {
            match answer.chunk().await {
                Ok(Some(chunk)) => text.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        let said = self.clean(&String::from_utf8_lossy(&text));
        let why = format!("it answered {}: {said}", status.as_u16());
        let why = why.trim_end_matches([':', ' ']).to_owned();
        let passes = matches!(
            status,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY
        );
        if status.is_client_error() && !passes || status.is_redirection() {
            Delivery::Refused { why }
        } else {
            Delivery::Failed {
                why,
                maybe: false,
                retry_after,
            }
        }
    }

    /// Shortened, and without the address or its path, should the far end say it back.
    fn clean(&self, text: &str) -> String {
        let url = self.url.expose_secret();
        let mut text = text.replace(url, &self.shown);
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').and_then(|at| rest.get(at..)))
            .filter(|path| path.len() > 1 && !self.shown.ends_with(path));
        if let Some(path) = path {
            text = text.replace(path, "/…");
        }
        text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
    }
}

/// The causes of an error, outermost first, each said once; without the address.
fn chain(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut parts: Vec<String> = vec![error.to_string()];
    let mut source = std::error::Error::source(&error);
    while let Some(level) = source {
        let text = level.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        source = level.source();
    }
    parts.join(": ")
}
