//! The seam between refollow and a cluster: one request in, one answer out.
//!
//! Owns the three types that cross it and nothing else. The real implementation
//! (`elastic::net`) speaks HTTP to one URL; the sandbox implements it in memory, so that
//! days pass in milliseconds under tokio's paused clock. One [`Transport`] stands for
//! exactly one URL: trying several URLs in turn is the client's business
//! (`elastic::client`), because a request that changes something must go to one of them,
//! once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;

/// The HTTP methods that refollow uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    /// Looks only.
    Get,
    /// Pause, resume, close, open, `forget_follower`, `_has_privileges`.
    Post,
    /// Follow, settings.
    Put,
    /// Deletes an index; only `delete_and_follow` uses it.
    Delete,
    /// Sent by no part of refollow; the sandbox answers it.
    Head,
}

impl Method {
    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Head => "HEAD",
        }
    }
}

/// Which credential a request is sent with (`contract.md`, Configuration).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Credential {
    /// `auth`: reading.
    Read,
    /// `acting_auth`: requests that change something.
    Act,
    /// `follow_auth`: resume and follow, whose rights the task keeps.
    Follow,
}

/// One request to one URL.
#[derive(Debug, Clone)]
pub struct Request {
    /// HTTP method.
    pub method: Method,
    /// Path and query, percent-encoded, starting with `/`.
    pub target: String,
    /// JSON body, if any.
    pub body: Option<Bytes>,
    /// Which credential to send.
    pub credential: Credential,
    /// Time from sending to the last byte of the answer. Its passing means "outcome unknown".
    pub deadline: Duration,
    /// True for a request that changes something: it is sent once, on a fresh connection.
    pub changes: bool,
    /// Answers longer than this many bytes are refused with [`TransportError::TooLarge`].
    pub max_answer_bytes: u64,
}

/// A whole answer, of any status.
#[derive(Debug, Clone)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// The body as it came.
    pub body: Bytes,
    /// `Content-Type` of the answer, where it had one.
    pub content_type: Option<String>,
    /// `X-elastic-product` of the answer (7.14 and later send it), where it had one.
    pub product: Option<String>,
    /// `Retry-After` of the answer as it stands there, where it had one: how long a cluster or a
    /// proxy that has too much to do wants to be left alone.
    pub retry_after: Option<String>,
}

/// Why there was no answer. `sent` says whether the request may have reached the cluster:
/// `false` only where it certainly did not.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TransportError {
    /// No connection: refused, no route, name not found.
    #[error("connect: {reason}")]
    Connect {
        /// What the network stack said, without secrets.
        reason: String,
    },
    /// The TLS handshake failed: certificate unknown, expired or for another name.
    #[error("TLS: {reason}")]
    Tls {
        /// What the TLS library said.
        reason: String,
    },
    /// The deadline passed.
    #[error("no answer within {deadline:?}")]
    Deadline {
        /// The deadline of the request.
        deadline: Duration,
        /// Whether the request may have reached the cluster.
        sent: bool,
    },
    /// The connection ended before the whole answer was there.
    #[error("connection lost: {reason}")]
    Lost {
        /// What the network stack said.
        reason: String,
        /// Whether the request may have reached the cluster.
        sent: bool,
    },
    /// The answer was longer than allowed.
    #[error("answer longer than {limit} bytes")]
    TooLarge {
        /// The limit of the request.
        limit: u64,
    },
}

impl TransportError {
    /// Whether the request may have had an effect: everything but a failed connect.
    pub const fn may_have_acted(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Tls { .. } => false,
            Self::Deadline { sent, .. } | Self::Lost { sent, .. } => *sent,
            Self::TooLarge { .. } => true,
        }
    }
}

/// One URL of one cluster.
pub trait Transport: Send + Sync + std::fmt::Debug {
    /// The URL for messages, without user info.
    fn name(&self) -> &str;

    /// Sends the request once and reads the whole answer.
    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>>;
}

/// A shared transport.
pub type SharedTransport = Arc<dyn Transport>;
