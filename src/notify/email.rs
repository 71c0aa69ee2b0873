//! E-mail by SMTP. Messages about one notice make one thread: the first has the notice's own id,
//! and each later one refers to it. Sent again because nobody knows whether it arrived, a message has
//! the id that it had, which mail systems take for the same.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::notice::Notice;
use crate::domain::notice::outbox::Delivery;
use crate::domain::time::Timestamp;
use crate::domain::words;
use crate::notify::{cut, receiver};

/// The longest subject; a line of a header must not be endless.
const SUBJECT: usize = 200;
/// Characters of a server's words that are shown.
const SHOWN: usize = 200;

/// How the connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// In the clear, then TLS or nothing.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// Never.
    None,
}

/// What mail is made of; already valid.
#[derive(Debug)]
pub struct MailSettings {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, SecretString)>,
    /// Who it is from.
    pub from: Mailbox,
    /// Who gets it; not empty.
    pub to: Vec<Mailbox>,
    /// PEM authorities instead of the system's.
    pub authorities: Option<Vec<u8>>,
}

/// Parses an address, with or without a name.
///
/// # Errors
/// What is wrong with it, to follow after the value.
pub fn address(text: &str) -> Result<Mailbox, String> {
    text.parse::<Mailbox>()
        .map_err(|_| "is not an address such as `refollow <refollow@example.org>`".to_owned())
}

/// Mail, ready to be sent.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
    shown: String,
}

/// Without the transport, which holds the password.
impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mail").field(&self.shown()).finish()
    }
}

/// RFC 3834: no out-of-office answers to a machine.
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

impl Mail {
    /// Makes it; opens no connection yet.
    ///
    /// # Errors
    /// TLS that cannot be set up; without secrets.
    pub fn new(settings: MailSettings) -> Result<Self, String> {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let host = settings.host;
        let tls = match settings.security {
            Security::None => Tls::None,
            security => {
                let mut parameters = TlsParameters::builder(host.clone());
                if let Some(pem) = &settings.authorities {
                    let certificate = Certificate::from_pem(pem)
                        .map_err(|_| "tls.ca_file holds no certificate (PEM)".to_owned())?;
                    parameters = parameters
                        .certificate_store(CertificateStore::None)
                        .add_root_certificate(certificate);
                }
                let parameters = parameters
                    .build()
                    .map_err(|error| format!("TLS cannot be set up: {error}"))?;
                if security == Security::Tls {
                    Tls::Wrapper(parameters)
                } else {
                    Tls::Required(parameters)
                }
            }
        };
        let shown = format!("{host}:{}", settings.port);
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host)
            .port(settings.port)
            .tls(tls);
        if let Some((user, password)) = settings.credentials {
            builder = builder.credentials(Credentials::new(user, password.expose_secret().to_owned()));
        }
        Ok(Self {
            transport: builder.build(),
            from: settings.from,
            to: settings.to,
            shown,
        })
    }

    /// The server, for people.
    pub fn shown(&self) -> String {
        self.shown.clone()
    }

    /// Sends one message once.
    pub async fn send(
        &self,
        message: &receiver::Message<'_>,
        now: Timestamp,
        public_url: Option<&str>,
    ) -> Delivery {
        let built = match self.message(message, now, public_url) {
            Ok(built) => built,
            Err(error) => {
                return Delivery::Refused {
                    why: format!("no message can be made of it: {error}"),
                };
            }
        };
        match self.transport.send(built).await {
            Ok(_) => Delivery::Told,
            Err(error) => {
                let why: String = chain(&error)
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(SHOWN)
                    .collect();
                // 4xx is the server's "not now", anything without a code may have gone through.
                if error.is_permanent() {
                    Delivery::Refused { why }
                } else {
                    Delivery::Failed {
                        why,
                        maybe: !error.is_transient(),
                        retry_after: None,
                    }
                }
            }
        }
    }

    fn message(
        &self,
        message: &receiver::Message<'_>,
        now: Timestamp,
        public_url: Option<&str>,
    ) -> Result<Message, lettre::error::Error> {
        let notice = message.notice;
        let id = |number: u32| {
            format!(
                "<{}.{}.{number}@{}>",
                notice.fingerprint(),
                notice.since.as_second(),
                self.from.email.domain()
            )
        };
        let mut builder = Message::builder()
            .from(self.from.clone())
            .subject(cut(&subject(notice), SUBJECT))
            .date(UNIX_EPOCH + Duration::from_secs(u64::try_from(now.as_second()).unwrap_or(0)))
            .message_id(Some(id(message.told)))
            .header(AutoSubmitted);
        if message.told > 0 {
            builder = builder.in_reply_to(id(0)).references(id(0));
        }
        for to in &self.to {
            builder = builder.to(to.clone());
        }
        // This, and not `body`, says which version of MIME it is.
        builder.singlepart(SinglePart::plain(text(notice, public_url)))
    }
}

/// One line, whatever a name from a cluster holds.
fn subject(notice: &Notice) -> String {
    let mark = if notice.over_at.is_some() {
        "over"
    } else {
        notice.severity.as_str()
    };
    let title: String = notice
        .title
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("[refollow] {mark}: {title}")
}

fn text(notice: &Notice, public_url: Option<&str>) -> String {
    let mut lines = vec![notice.title.clone(), String::new()];
    if !notice.text.is_empty() {
        lines.extend([notice.text.clone(), String::new()]);
    }
    lines.push(format!("Since {}.", words::instant(notice.since)));
    if let Some(at) = notice.over_at {
        lines.push(format!("Over since {}.", words::instant(at)));
    }
    if notice.count > 1 {
        lines.push(format!("Followers: {}.", notice.count));
    }
    if let Some(ask) = &notice.ask {
        lines.extend([
            String::new(),
            format!("A yes loses: {}.", ask.loses),
            format!("It can be given until {}.", words::instant(ask.expires_at)),
            String::new(),
            format!("    {}", ask.approve),
            format!("    {}", ask.reject),
        ]);
    }
    if let Some(link) = notice.link(public_url) {
        lines.extend([String::new(), link]);
    }
    lines.push(String::new());
    lines.join("\n")
}

/// The causes of an error, outermost first.
fn chain(error: &dyn std::error::Error) -> String {
    let mut parts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(level) = source {
        let text = level.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        source = level.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::receiver::Message as Told;
    use crate::notify::tests::asking;

    fn mail() -> Mail {
        Mail::new(MailSettings {
            host: "127.0.0.1".to_owned(),
            port: 25,
            security: Security::None,
            credentials: None,
            from: address("refollow <refollow@example.org>").unwrap(),
            to: vec![address("ann@example.org").unwrap()],
            authorities: None,
        })
        .unwrap()
    }

    fn formatted(notice: &Notice, told: u32) -> String {
        let message = mail().message(&Told { notice, told }, Timestamp::UNIX_EPOCH, None);
        String::from_utf8(message.unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_later_message_refers_to_the_first_and_a_repeated_one_is_the_same() {
        let notice = asking(1);
        let first = format!("<{}.0.0@example.org>", notice.fingerprint());
        let sent = formatted(&notice, 0);
        assert!(sent.contains(&format!("Message-ID: {first}\r\n")), "{sent}");
        assert!(!sent.contains("References:"), "{sent}");
        assert_eq!(sent, formatted(&notice, 0), "sent again it has the same id");
        let later = formatted(&notice.over(Timestamp::UNIX_EPOCH), 3);
        assert!(later.contains(&format!("References: {first}\r\n")), "{later}");
        assert!(later.contains("Subject: [refollow] over: "), "{later}");
        assert!(later.contains("Auto-Submitted: auto-generated\r\n"), "{later}");
    }

    #[test]
    fn a_title_cannot_forge_a_header() {
        let mut notice = asking(1);
        notice.title = "x\r\nBcc: eve@example.org\r\n\r\nbody".to_owned();
        let sent = formatted(&notice, 0);
        let head = sent.split_once("\r\n\r\n").unwrap().0;
        assert!(!head.contains("\nBcc:"), "{head}");
    }
}
