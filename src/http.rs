//! HTTP: the API, the pages and health, over TCP and over the admin socket.
//!
//! | route (below `/api/v1` where it has no slash of its own) | method | over TCP by |
//! |---|---|---|
//! | `/livez`, `/readyz`, `/static/…`, `/login` | GET | anybody |
//! | `/metrics`, `/sd`, the pages (`pages`), `/events` | GET | `view` |
//! | `openapi.json`, `clusters`, `followers`, `incidents`, `auto-follow`, `plans`, `plans/{hash}`, `runs`, `runs/{id}`, `brakes`, `events` | GET | `view` |
//! | `followers/{cluster}/{index}`, `…/why` | GET | `view` |
//! | `followers/{cluster}/{index}/plan`, `…/evidence`, `drill` | GET | `view`, by name |
//! | `plans/{hash}/approve`, `plans/{hash}/reject` | POST | `approve` |
//! | `followers/{cluster}/{index}/recreate`, `…/extend-runway` | POST | `operate` |
//! | `runs/{id}/abort` | POST | `operate` |
//! | `brakes` | PUT, DELETE | `operate` |
//! | `audit`, `audit/verify` | GET | `admin` on all clusters |
//! | `drill` | POST | `admin` |
//! | `tokens`, `tokens/{id}` | GET, POST, DELETE | nobody |
//!
//! Who calls the admin socket may all of it: the kernel names the caller. Over TCP a token, a client
//! certificate or, on the pages, a proxy that is believed does (`access`, `tls`, `proxy`); where reading is open, `view` needs none unless it says *by name*. Knows the engine
//! only as [`dto::Daemon`]. A changing call runs to its end in a task of its own, also when whoever
//! called has gone away.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use futures::FutureExt as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::domain::named::Holder;
use crate::metrics::Metrics;
use crate::tasks::Tasks;

mod access;
pub mod admin;
mod api;
pub mod client;
pub mod dto;
mod etag;
mod health;
mod live;
mod login;
mod openapi;
pub mod order;
mod pages;
mod paging;
pub mod problem;
pub mod proxy;
mod scrape;
mod secret;
mod sessions;
pub mod standby;
pub mod tls;
mod tokens;

use access::Certified;
use admin::AdminListener;
use dto::{Caller, Daemon};
use live::Live;
use login::Peer;
use proxy::Proxy;
use sessions::Sessions;
use tls::{Greeted, Tls, TlsFiles};

/// Where to listen; already valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// TCP address; port 0 takes a free one (see [`Server::tcp_address`]).
    pub listen: SocketAddr,
    /// Path of the admin socket.
    pub admin_socket: PathBuf,
    /// Whether reading over TCP needs no token.
    pub reading_open: bool,
    /// How long a browser stays signed in.
    pub session_length: Duration,
    /// TLS of the TCP address; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whom client certificates name.
    pub people: Vec<Holder>,
    /// A proxy that is believed about who is asking.
    pub proxy: Option<Proxy>,
}

/// Connections at once, per listener; the next ones wait to be accepted. More than open pages may
/// take ([`live::MAX_STREAMS`]), so that scrapes and people find a place.
const MAX_CONNECTIONS: usize = live::MAX_STREAMS + 256;
/// For a client to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// For a whole answer; the slowest are those that look at a cluster first.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);
/// No request of the API comes near.
const MAX_BODY: usize = 64 * 1024;
/// After an accept that failed (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Why a listener could not be opened: one line with its remedy.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The TCP address.
    #[error("cannot listen on {address} (daemon.listen): {error}; {remedy}")]
    Tcp {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        error: std::io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// Certificate or key of the TCP address.
    #[error("TLS of daemon.listen (auth.tls): {0}; put right what stands in that file")]
    Tls(String),
    /// The admin socket.
    #[error("cannot open the admin socket {} (daemon.admin_socket): {problem}; {remedy}", path.display())]
    Admin {
        /// As configured.
        path: PathBuf,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

/// Both listeners, open and not yet answering.
#[derive(Debug)]
pub struct Server {
    tcp: TcpListener,
    tcp_address: SocketAddr,
    admin: AdminListener,
    reading_open: bool,
    session_length: Duration,
    tls: Option<Arc<Tls>>,
    people: Arc<Vec<Holder>>,
    proxy: Option<Arc<Proxy>>,
    metrics: Option<Arc<Metrics>>,
}

/// Opens the TCP listener.
async fn bind_tcp(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), BindError> {
    let refused = |error: std::io::Error| {
        let remedy = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another program listens there: stop it, or set another port",
            std::io::ErrorKind::PermissionDenied => "set a port above 1023",
            std::io::ErrorKind::AddrNotAvailable => "set an address that this host has",
            _ => "set another address",
        };
        BindError::Tcp {
            address: listen,
            error,
            remedy,
        }
    };
    let tcp = TcpListener::bind(listen).await.map_err(refused)?;
    let tcp_address = tcp.local_addr().map_err(refused)?;
    Ok((tcp, tcp_address))
}

impl Server {
    /// Opens both listeners, so that a start fails before anything is done.
    ///
    /// # Errors
    /// Address in use, no permission, another daemon behind the socket: each with its remedy.
    pub async fn bind(settings: &Settings, metrics: Option<Arc<Metrics>>) -> Result<Self, BindError> {
        let tls = match &settings.tls {
            None => None,
            Some(files) => {
                let opened = Tls::open(files.clone(), metrics.clone()).await;
                Some(Arc::new(opened.map_err(BindError::Tls)?))
            }
        };
        let (tcp, tcp_address) = bind_tcp(settings.listen).await?;
        let admin = AdminListener::bind(&settings.admin_socket).await?;
        Ok(Self {
            tcp,
            tcp_address,
            admin,
            reading_open: settings.reading_open,
            session_length: settings.session_length,
            tls,
            people: Arc::new(settings.people.clone()),
            proxy: settings.proxy.clone().map(Arc::new),
            metrics,
        })
    }

    /// The certificate of the TCP address, where it speaks TLS.
    pub fn tls(&self) -> Option<Arc<Tls>> {
        self.tls.clone()
    }

    /// Where TCP listens, with the real port.
    pub const fn tcp_address(&self) -> SocketAddr {
        self.tcp_address
    }

    /// Path of the admin socket.
    pub fn admin_socket(&self) -> &Path {
        self.admin.path()
    }

    /// Starts answering; ends when `tasks` are asked to, after the answers in hand are given.
    #[expect(clippy::needless_pass_by_value, reason = "it is the server's from here on")]
    pub fn start(self, daemon: Arc<dyn Daemon>, tasks: &Tasks) {
        let live = Live::start(Arc::clone(&daemon), tasks);
        let sessions = Arc::new(Sessions::new(self.session_length));
        let app = |admin: bool| App {
            reading_open: self.reading_open,
            sessions: Arc::clone(&sessions),
            daemon: Arc::clone(&daemon),
            live: live.clone(),
            tasks: tasks.clone(),
            admin,
            secure: !admin && self.tls.is_some(),
            proxy: self.proxy.clone().filter(|_| !admin),
            metrics: self.metrics.clone(),
            socket: self.admin.path().to_owned(),
        };
        let (reading, everything) = (router(app(false)), router(app(true)));
        let (tcp, admin, spawner) = (self.tcp, self.admin, tasks.clone());
        let tcp_spawner = spawner.clone();
        let (tls, people) = (self.tls, self.people);
        if let Some(tls) = &tls {
            tls.watch(tasks);
        }
        drop(tasks.spawn("http", move |token| async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            while let Some(accepted) = next(&token, &places, tcp.accept()).await {
                if let Some(((stream, peer), place)) = accepted {
                    let router = reading.clone().layer(Extension(Peer(peer.ip())));
                    let (tls, people) = (tls.clone(), Arc::clone(&people));
                    drop(tcp_spawner.spawn("http connection", |token| async move {
                        match tls {
                            None => connection(stream, router, token).await,
                            Some(tls) => {
                                if let Some(greeted) = tls.greet(stream).await {
                                    by_tls(greeted, router, &people, token).await;
                                }
                            }
                        }
                        drop(place);
                    }));
                }
            }
        }));
        drop(tasks.spawn("admin socket", move |token| async move {
            let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
            while let Some(accepted) = next(&token, &places, admin.accept()).await {
                if let Some(((stream, caller), place)) = accepted {
                    let router = everything.clone().layer(Extension(caller));
                    drop(spawner.spawn("admin connection", |token| async move {
                        connection(stream, router, token).await;
                        drop(place);
                    }));
                }
            }
            admin.remove();
        }));
    }
}

/// Serves a client after its handshake, by the name in its certificate. What was taken over anew since
/// ends the connection of whom a certificate let in.
async fn by_tls(
    greeted: Greeted<tokio::net::TcpStream>,
    router: Router,
    people: &[Holder],
    token: CancellationToken,
) {
    let named = Holder::find(people, &greeted.subjects);
    if named.is_none() && !greeted.subjects.is_empty() {
        tracing::debug!(
            "a client certificate names nobody who is configured: {}",
            greeted.subjects.join(", ")
        );
    }
    let ends = token.child_token();
    let router = router.layer(Extension(Certified(named)));
    let serving = connection(greeted.stream, router, ends.clone());
    let mut serving = std::pin::pin!(serving);
    if !greeted.subjects.is_empty() {
        tokio::select! {
            () = serving.as_mut() => return,
            () = greeted.holds.cancelled() => ends.cancel(),
        }
    }
    serving.await;
}

/// What every handler has.
#[derive(Clone)]
struct App {
    daemon: Arc<dyn Daemon>,
    live: Live,
    tasks: Tasks,
    sessions: Arc<Sessions>,
    /// Whether reading over TCP needs no token.
    reading_open: bool,
    /// It is the admin socket.
    admin: bool,
    /// This listener speaks TLS.
    secure: bool,
    proxy: Option<Arc<Proxy>>,
    metrics: Option<Arc<Metrics>>,
    socket: PathBuf,
}

fn router(app: App) -> Router {
    api::routes()
        .merge(health::routes())
        .merge(scrape::routes())
        .merge(tokens::routes())
        .merge(pages::routes())
        .fallback(api::no_such_route)
        .method_not_allowed_fallback(api::wrong_method)
        .layer(axum::middleware::from_fn_with_state(
            app.clone(),
            access::named_to_change,
        ))
        .layer(axum::middleware::from_fn_with_state(app.clone(), access::known))
        .layer(axum::middleware::from_fn(etag::tagged))
        .layer(axum::middleware::from_fn_with_state(app.clone(), strictly))
        .layer(tower_http::compression::CompressionLayer::new())
        .layer(axum::extract::DefaultBodyLimit::max(MAX_BODY))
        .layer(tower_http::timeout::TimeoutLayer::with_status_code(
            axum::http::StatusCode::GATEWAY_TIMEOUT,
            ANSWER_TIMEOUT,
        ))
        .with_state(app)
}

/// Tells browsers to come by TLS from now on, where this listener speaks it.
async fn strictly(
    axum::extract::State(app): axum::extract::State<App>,
    request: axum::extract::Request,
    next: axum::middleware::Next,
) -> axum::response::Response {
    let mut response = next.run(request).await;
    if app.secure {
        let value = axum::http::HeaderValue::from_static("max-age=31536000");
        let name = axum::http::header::STRICT_TRANSPORT_SECURITY;
        response.headers_mut().insert(name, value);
    }
    response
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// The next connection with its place; `Some(None)` after a failed accept, `None` at the end.
async fn next<T>(
    token: &CancellationToken,
    places: &Arc<Semaphore>,
    accept: impl Future<Output = std::io::Result<T>>,
) -> Option<Option<(T, Place)>> {
    let accepting = async {
        let place = Arc::clone(places).acquire_owned().await.ok()?;
        match accept.await {
            Ok(accepted) => Some(Some((accepted, place))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                Some(None)
            }
        }
    };
    tokio::select! {
        () = token.cancelled() => None,
        accepted = accepting => accepted,
    }
}

/// Serves one connection to its end; when asked to end, gives the answer in hand first.
async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    token: CancellationToken,
) {
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let serving = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let serving = async {
        let mut serving = std::pin::pin!(serving);
        tokio::select! {
            ended = serving.as_mut() => ended,
            () = token.cancelled() => {
                serving.as_mut().graceful_shutdown();
                serving.await
            }
        }
    };
    // A panic in a task stops the daemon (`tasks`); a page that cannot be shown is not worth a run
    // in flight.
    let Ok(ended) = AssertUnwindSafe(serving).catch_unwind().await else {
        tracing::error!("an HTTP handler panicked; its connection was closed");
        return;
    };
    if let Err(error) = ended {
        // The far end went away or sent no HTTP: its business, not ours.
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// Who called is known only on the admin socket.
type CallerExtension = Extension<Caller>;
