//! What a host says that stands by: alive, not ready, and one metric, so that Prometheus can tell it
//! from one that is down. Nothing can be asked of it: the host that holds the state is asked.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use tokio::net::TcpListener;

use crate::http::BindError;
use crate::http::bind_tcp;

/// Answers on the configured address until it is dropped.
#[derive(Debug)]
pub struct Standby {
    serving: tokio::task::JoinHandle<()>,
    address: SocketAddr,
}

impl Drop for Standby {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Standby {
    /// Opens the listener.
    ///
    /// # Errors
    /// As [`crate::http::Server::bind`].
    pub async fn serve(listen: SocketAddr, holder: &str) -> Result<Self, BindError> {
        let (listener, address): (TcpListener, SocketAddr) = bind_tcp(listen).await?;
        let waiting = format!("standing by: {holder} holds the state\n");
        let metrics = "# HELP refollow_standby Whether this host stands by while another one works (1), by the state in PostgreSQL.\n\
                       # TYPE refollow_standby gauge\nrefollow_standby 1\n";
        let router = Router::new()
            .route("/livez", get(async || "alive\n"))
            .route(
                "/readyz",
                get(async move || (StatusCode::SERVICE_UNAVAILABLE, waiting)),
            )
            .route("/metrics", get(async move || metrics));
        #[expect(
            clippy::disallowed_methods,
            reason = "there are no tasks of a daemon yet; it ends with this value"
        )]
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!("standing by without answering on {address}: {error}");
            }
        });
        Ok(Self { serving, address })
    }

    /// Where it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Frees the address for the daemon.
    pub async fn end(mut self) {
        self.serving.abort();
        let _aborted = (&mut self.serving).await;
    }
}
