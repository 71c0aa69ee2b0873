//! Receivers: what one is, and telling it something once.

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};

use crate::domain::notice::Notice;
use crate::domain::notice::outbox::Delivery;
use crate::domain::time::{Span, Timestamp};
use crate::notify::email::Mail;
use crate::notify::send::{Body, Server};
use crate::notify::{ALERTMANAGER_GOOD_FOR, alertmanager, pagerduty, slack, webhook};

/// Alerts in one request to Alertmanager.
const ALERTS: usize = 64;

/// Somebody to tell.
#[derive(Debug)]
pub struct Receiver {
    /// Its name in the configuration, in rows and in metrics.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// How long one delivery may take.
    pub timeout: Span,
}

/// What a receiver is.
pub enum Kind {
    /// Alertmanager's API v2.
    Alertmanager(Server),
    /// Any program that takes our JSON.
    Webhook {
        /// Where.
        server: Server,
        /// What messages are signed with.
        signing_key: Option<SecretString>,
    },
    /// A Slack incoming webhook, whose whole address is a secret.
    Slack(Server),
    /// `PagerDuty` Events API v2.
    Pagerduty {
        /// Where.
        server: Server,
        /// The integration's key.
        routing_key: SecretString,
    },
    /// E-mail by SMTP.
    Email(Box<Mail>),
    /// Whatever else listens in this process; no configuration makes one.
    Listener(Arc<dyn Listen>),
}

impl Kind {
    /// The word of the configuration.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Alertmanager(_) => "alertmanager",
            Self::Webhook { .. } => "webhook",
            Self::Slack(_) => "slack",
            Self::Pagerduty { .. } => "pagerduty",
            Self::Email(_) => "email",
            Self::Listener(_) => "listener",
        }
    }

    /// Where it is, for people; nothing secret.
    pub fn place(&self) -> String {
        match self {
            Self::Alertmanager(server)
            | Self::Webhook { server, .. }
            | Self::Slack(server)
            | Self::Pagerduty { server, .. } => server.shown().to_owned(),
            Self::Email(mail) => mail.shown(),
            Self::Listener(_) => "this process".to_owned(),
        }
    }
}

/// Kind and place only.
impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.as_str(), self.place())
    }
}

/// The seam of tests: under tokio's paused clock a socket that is waited for ends every time-out.
pub trait Listen: Send + Sync {
    /// Hears one message.
    fn hear<'a>(&'a self, message: &'a Message<'a>, now: Timestamp) -> BoxFuture<'a, Delivery>;
}

/// One message to one receiver.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// What is told.
    pub notice: &'a Notice,
    /// How often it was told before.
    pub told: u32,
}

impl Receiver {
    /// How many messages go into one request.
    pub const fn most(&self) -> usize {
        match self.kind {
            Kind::Alertmanager(_) => ALERTS,
            _ => 1,
        }
    }

    /// Whether it keeps what it is told until it hears of the end.
    pub const fn keeps(&self) -> bool {
        matches!(self.kind, Kind::Alertmanager(_) | Kind::Pagerduty { .. })
    }

    /// Tells it once, within its time. More than one message only up to [`Receiver::most`].
    pub async fn tell(&self, messages: &[Message<'_>], now: Timestamp, public_url: Option<&str>) -> Delivery {
        match tokio::time::timeout(self.timeout, self.send(messages, now, public_url)).await {
            Ok(delivery) => delivery,
            Err(_) => Delivery::Failed {
                why: format!("no answer within {:?}", self.timeout),
                maybe: true,
                retry_after: None,
            },
        }
    }

    async fn send(&self, messages: &[Message<'_>], now: Timestamp, public_url: Option<&str>) -> Delivery {
        let Some(first) = messages.first() else {
            return Delivery::Told;
        };
        match &self.kind {
            Kind::Alertmanager(server) => {
                let notices = messages.iter().map(|message| message.notice);
                let alerts = alertmanager::alerts(notices, now, ALERTMANAGER_GOOD_FOR, public_url);
                server.post(&Body::new(&alerts)).await
            }
            Kind::Webhook { server, signing_key } => {
                let number = first.told.saturating_add(1);
                let document = webhook::document(first.notice, number, now, public_url);
                let mut body = Body::new(&document);
                if let Some(key) = signing_key {
                    let key = key.expose_secret().as_bytes();
                    let seconds = now.as_second();
                    if let Some(signature) = webhook::signature(key, seconds, body.bytes()) {
                        body = body
                            .header(webhook::TIMESTAMP_HEADER, seconds.to_string())
                            .header(webhook::SIGNATURE_HEADER, signature);
                    }
                }
                server.post(&body).await
            }
            Kind::Slack(server) => {
                server
                    .post(&Body::new(&slack::message(first.notice, public_url)))
                    .await
            }
            Kind::Pagerduty { server, routing_key } => {
                let event = pagerduty::event(first.notice, routing_key.expose_secret(), public_url);
                server.post(&Body::new(&event)).await
            }
            Kind::Email(mail) => mail.send(first, now, public_url).await,
            Kind::Listener(listener) => listener.hear(first, now).await,
        }
    }
}
