//! What a host says that stands by: alive, not ready, and one metric, so that Prometheus can tell it
//! from one that is down. Nothing can be asked of it: the host that holds the state is asked.

use std::net::SocketAddr;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::http::tls::{GLANCE, Tls, TlsFiles};
use crate::http::{ACCEPT_PAUSE, BindError, bind_tcp, connection};

/// Connections at once: probes and scrapes.
const MAX_CONNECTIONS: usize = 64;

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
    /// Opens the listener, with TLS where the daemon would speak it.
    ///
    /// # Errors
    /// As [`crate::http::Server::bind`].
    pub async fn serve(listen: SocketAddr, tls: Option<TlsFiles>, holder: &str) -> Result<Self, BindError> {
        let tls = match tls {
            None => None,
            Some(files) => Some(Tls::open(files, None).await.map_err(BindError::Tls)?),
        };
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
        let serving = tokio::spawn(answer(listener, tls, router));
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

/// All connections within one task, so that they end with it.
async fn answer(listener: TcpListener, tls: Option<Tls>, router: Router) {
    let mut open = FuturesUnordered::new();
    let mut glance = tokio::time::interval(GLANCE);
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    let (tls, router) = (&tls, router.clone());
                    open.push(async move {
                        let token = CancellationToken::new();
                        match tls {
                            None => connection(stream, router, token).await,
                            Some(tls) => {
                                if let Some(greeted) = tls.greet(stream).await {
                                    connection(greeted.stream, router, token).await;
                                }
                            }
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(()) = open.next() => {}
            _ = glance.tick() => if let Some(tls) = &tls {
                tls.look().await;
            },
        }
    }
}
