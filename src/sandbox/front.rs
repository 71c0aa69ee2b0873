//! The HTTP way in: each cluster on a loopback port of its own, any client welcome.
//!
//! Owns sockets and the translation between hyper and [`World`]. A cluster that accepts no
//! connections has its port closed for real, so that a client sees what it would see; while
//! both clusters are so, both ports stay open for the control routes and drop everything else.
//! A client that goes away cancels only its own waiting.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::elastic::transport::{Credential, Method, Request, Response};
use crate::sandbox::control;
use crate::sandbox::pair::Side;
use crate::sandbox::world::{Broken, World};

/// As Elasticsearch's `http.max_content_length`: 100 MiB, beyond that 413.
const MAX_BODY_BYTES: usize = 100 * 1024 * 1024;

/// Pause before a closed port is tried again when it could not be had at once.
const REBIND_PAUSE: Duration = Duration::from_millis(50);

/// How often virtual time is brought to the present while nobody asks.
const TICK: Duration = Duration::from_millis(200);

/// Where a cluster listens: loopback and nothing else.
pub const fn address(port: u16) -> SocketAddr {
    SocketAddr::V4(std::net::SocketAddrV4::new(std::net::Ipv4Addr::LOCALHOST, port))
}

/// Serves one side on a listener until `cancel`; see the module header.
pub async fn serve(
    world: World,
    side: Side,
    listener: TcpListener,
    tasks: TaskTracker,
    cancel: CancellationToken,
) -> io::Result<()> {
    let address = listener.local_addr()?;
    let mut listener = Some(listener);
    let mut connections = cancel.child_token();
    let mut changed = world.subscribe();
    loop {
        let open = is_open(&world, side);
        if !open {
            listener = None;
            connections.cancel();
        } else if listener.is_none() {
            connections = cancel.child_token();
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                // Somebody may hold the port for a moment; a simulated node waits as well.
                Err(_taken) => {
                    tokio::select! {
                        () = cancel.cancelled() => return Ok(()),
                        () = tokio::time::sleep(REBIND_PAUSE) => continue,
                    }
                }
            }
        }
        tokio::select! {
            () = cancel.cancelled() => return Ok(()),
            _ = changed.changed() => {}
            accepted = accept(listener.as_ref()) => {
                if let Ok((stream, _peer)) = accepted {
                    let world = world.clone();
                    let cancel = connections.clone();
                    tasks.spawn(converse(world, side, stream, cancel));
                }
            }
        }
    }
}

/// Brings the world to the present now and then, so that what is scheduled happens although
/// nobody asks (a node that starts again behind a closed port).
pub async fn keep_time(world: World, cancel: CancellationToken) {
    loop {
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(TICK) => world.tick(),
        }
    }
}

fn is_open(world: &World, side: Side) -> bool {
    let other = match side {
        Side::Leader => Side::Follower,
        Side::Follower => Side::Leader,
    };
    world.reachable(side) || !world.reachable(other)
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

/// One connection, any number of requests.
async fn converse(world: World, side: Side, stream: TcpStream, cancel: CancellationToken) {
    // Small answers should not wait for more to send; a failure changes only the speed.
    let _nodelay = stream.set_nodelay(true);
    let service = service_fn(|request| answer(&world, side, request));
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // Dropping the connection closes it, as a killed node or a shutdown does.
        () = cancel.cancelled() => {}
        // The client went away, or a fault broke the connection: nothing is left to do.
        _ended = connection => {}
    }
}

/// Ends the connection without an answer: hyper closes on a service's error.
#[derive(Debug, thiserror::Error)]
#[error("the sandbox breaks the connection")]
struct Drop;

async fn answer(
    world: &World,
    side: Side,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Drop> {
    let (head, body) = request.into_parts();
    let target = head
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
        .to_owned();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) if error.is::<http_body_util::LengthLimitError>() => {
            return Ok(plain(413, "request body too large"));
        }
        Err(_gone) => return Err(Drop),
    };
    if control::is_control(&target) {
        let controlled = control::answer(world, head.method.as_str(), &target, &body);
        return Ok(controlled.into_http());
    }
    let Some(method) = method_of(&head.method) else {
        return Ok(plain(405, "method not allowed"));
    };
    let request = Request {
        method,
        target,
        body: (!body.is_empty()).then_some(body),
        credential: Credential::Act,
        deadline: Duration::MAX,
        changes: false,
        max_answer_bytes: u64::MAX,
    };
    match world.exchange(side, &request).await {
        Ok(response) => Ok(to_http(response)),
        Err(Broken::Refused | Broken::Lost) => Err(Drop),
    }
}

fn method_of(method: &hyper::Method) -> Option<Method> {
    match method.as_str() {
        "GET" => Some(Method::Get),
        "POST" => Some(Method::Post),
        "PUT" => Some(Method::Put),
        "DELETE" => Some(Method::Delete),
        "HEAD" => Some(Method::Head),
        _ => None,
    }
}

fn to_http(response: Response) -> hyper::Response<Full<Bytes>> {
    let mut answer = hyper::Response::new(Full::new(response.body));
    if let Ok(status) = hyper::StatusCode::from_u16(response.status) {
        *answer.status_mut() = status;
    }
    let headers = answer.headers_mut();
    if let Some(kind) = response
        .content_type
        .and_then(|kind| HeaderValue::try_from(kind).ok())
    {
        headers.insert(CONTENT_TYPE, kind);
    }
    if let Some(product) = response
        .product
        .and_then(|product| HeaderValue::try_from(product).ok())
    {
        headers.insert("x-elastic-product", product);
    }
    if let Some(wait) = response
        .retry_after
        .and_then(|wait| HeaderValue::try_from(wait).ok())
    {
        headers.insert("retry-after", wait);
    }
    answer
}

fn plain(status: u16, text: &'static str) -> hyper::Response<Full<Bytes>> {
    to_http(Response {
        status,
        body: Bytes::from_static(text.as_bytes()),
        content_type: Some("text/plain; charset=UTF-8".to_owned()),
        product: None,
        retry_after: None,
    })
}
