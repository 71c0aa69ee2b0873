//! The command line's client: one request over the admin socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{Method, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;

/// Longer than the server's own deadline, so that its words are heard.
const DEADLINE: Duration = Duration::from_secs(90);
/// An evidence file of a large follower is a few megabytes.
const MAX_ANSWER: usize = 256 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody to talk to (exit code 4).
    #[error("the daemon cannot be reached at {}: {problem}; {remedy}", socket.display())]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// It went silent in the middle (exit code 1): what was asked may have been done.
    #[error("the daemon at {} gave no whole answer: {problem}; what was asked may have been done: look before asking again", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What happened.
        problem: String,
    },
}

impl ClientError {
    /// The command line's exit code (contract).
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 4,
            Self::Broken { .. } => 1,
        }
    }
}

/// Speaks to one admin socket.
#[derive(Debug, Clone)]
pub struct AdminClient {
    socket: PathBuf,
}

impl AdminClient {
    /// A client of that socket; connects at each call.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: socket.into(),
        }
    }

    /// The socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Whether somebody listens, asked by connecting and nothing else.
    ///
    /// # Errors
    /// [`ClientError::Unreachable`].
    pub async fn reachable(&self) -> Result<(), ClientError> {
        UnixStream::connect(&self.socket)
            .await
            .map(drop)
            .map_err(|error| self.unreachable(&error))
    }

    /// One request. An answer that is not JSON comes as a JSON string.
    ///
    /// # Errors
    /// [`ClientError`]; an answer of any status is none.
    pub async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value), ClientError> {
        let broken = |problem: String| ClientError::Broken {
            socket: self.socket.clone(),
            problem,
        };
        let stream = UnixStream::connect(&self.socket)
            .await
            .map_err(|error| self.unreachable(&error))?;
        let request = hyper::Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, "refollow")
            .header(header::ACCEPT, "application/json, text/plain;q=0.5")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(
                body.map(Value::to_string).unwrap_or_default(),
            )))
            .map_err(|error| broken(error.to_string()))?;
        let exchange = async {
            let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|e| e.to_string())?;
            // The sender is dropped at the end of this block, which lets the connection end too.
            let asking = async move {
                let response = sender.send_request(request).await.map_err(|e| e.to_string())?;
                let status = response.status();
                let body = Limited::new(response.into_body(), MAX_ANSWER).collect().await;
                Ok::<_, String>((status, body.map_err(|e| e.to_string())?.to_bytes()))
            };
            // How the connection ended is told by the exchange itself.
            let (answer, _) = futures::join!(asking, connection);
            answer
        };
        let (status, bytes) = tokio::time::timeout(DEADLINE, exchange)
            .await
            .map_err(|_| broken(format!("nothing within {} s", DEADLINE.as_secs())))?
            .map_err(broken)?;
        let value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok((status, value))
    }

    fn unreachable(&self, error: &std::io::Error) -> ClientError {
        use std::io::ErrorKind;
        let remedy = match error.kind() {
            ErrorKind::NotFound => {
                "start it (systemctl start refollow), or name its socket with --socket or daemon.admin_socket"
            }
            ErrorKind::ConnectionRefused => {
                "it has ended and left its socket: start it (systemctl start refollow)"
            }
            ErrorKind::PermissionDenied => "join the group refollow, or use sudo",
            _ => "check that it runs (systemctl status refollow)",
        };
        ClientError::Unreachable {
            socket: self.socket.clone(),
            problem: error.to_string(),
            remedy,
        }
    }
}
