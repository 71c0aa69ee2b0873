//! The clusters that the fleet benchmark looks at: many ports, all served from one simulated pair.
//!
//! Every port answers with what the sandbox's pair answers, with cluster UUIDs of its own, from a
//! cache that is renewed every few seconds: the answers are those of a real look, their numbers
//! move, and serving them costs little. Runs in a process of its own, so that its CPU time is not
//! taken for the daemon's.

use std::collections::HashMap;
use std::io::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::clock::{Clock as _, SystemClock};
use crate::elastic::transport::{Credential, Method, Request};
use crate::sandbox::pair::{PairOptions, Side, Version};
use crate::sandbox::scenario::start;
use crate::sandbox::world::World;

/// How old an answer may be.
const RENEW: Duration = Duration::from_secs(5);

/// What is served.
#[derive(Debug, Clone, Copy)]
pub struct Fleet {
    /// Follower clusters, each with a leader cluster of its own.
    pub clusters: usize,
    /// Followers of each.
    pub followers: usize,
    /// Shards of each follower.
    pub shards: u32,
    /// Follower clusters, from the last on, that accept connections and never answer.
    pub hang: usize,
    /// Those before them, that answer one byte a second.
    pub trickle: usize,
}

/// Where they listen, as the stub prints it when it is ready.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Ports {
    /// Of the follower clusters; the ones that hang are last, the ones that trickle before them.
    pub followers: Vec<u16>,
    /// Of their leader clusters.
    pub leaders: Vec<u16>,
}

/// How one port answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    AtOnce,
    Never,
    OneByteASecond,
}

/// One answer of the pair, and whether it names a cluster's UUID.
#[derive(Debug, Clone)]
struct Kept {
    at: Instant,
    status: u16,
    body: Bytes,
    named: bool,
}

struct Served {
    world: World,
    /// The UUIDs of the pair, leader's and follower's.
    uuids: [String; 2],
    kept: Mutex<HashMap<(Side, String), Kept>>,
    tasks: TaskTracker,
}

/// Serves until standard input ends. Prints the ports as one line of JSON when all of them listen.
///
/// # Errors
/// When a port cannot be had or the pair cannot be set up.
pub async fn serve(fleet: Fleet) -> Result<(), String> {
    let world = World::new(&PairOptions {
        version: Version::V8_10_4,
        secured: false,
        start_ms: SystemClock.now().as_millisecond(),
        seed: 1,
    });
    start::many(&world, fleet.followers, fleet.shards).map_err(|error| error.to_string())?;
    let mut served = Served {
        world,
        uuids: [String::new(), String::new()],
        kept: Mutex::new(HashMap::new()),
        tasks: TaskTracker::new(),
    };
    served.uuids = [
        served.uuid(Side::Leader).await?,
        served.uuid(Side::Follower).await?,
    ];
    let served = Arc::new(served);
    let mut ports = Ports {
        followers: Vec::new(),
        leaders: Vec::new(),
    };
    let text = |error: io::Error| error.to_string();
    for number in 0..fleet.clusters {
        let left = fleet.clusters - number;
        let manner = match left {
            left if left <= fleet.hang => Manner::Never,
            left if left <= fleet.hang + fleet.trickle => Manner::OneByteASecond,
            _ => Manner::AtOnce,
        };
        let follower = listen(&served, Side::Follower, number, manner)
            .await
            .map_err(text)?;
        let leader = listen(&served, Side::Leader, number, Manner::AtOnce)
            .await
            .map_err(text)?;
        ports.followers.push(follower);
        ports.leaders.push(leader);
    }
    let line = serde_json::to_string(&ports).map_err(|error| error.to_string())?;
    writeln!(io::stdout(), "{line}").map_err(|error| error.to_string())?;
    // The benchmark holds the other end; when it is gone, so are we.
    let ended = tokio::task::spawn_blocking(|| io::copy(&mut io::stdin(), &mut io::sink()));
    ended.await.map_err(|error| error.to_string())?.map_err(text)?;
    Ok(())
}

async fn listen(served: &Arc<Served>, side: Side, number: usize, manner: Manner) -> io::Result<u16> {
    let listener = TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).await?;
    let port = listener.local_addr()?.port();
    let served = Arc::clone(served);
    let tasks = served.tasks.clone();
    served.tasks.clone().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tasks.spawn(converse(Arc::clone(&served), side, number, manner, stream));
        }
    });
    Ok(port)
}

async fn converse(served: Arc<Served>, side: Side, number: usize, manner: Manner, stream: TcpStream) {
    let _nodelay = stream.set_nodelay(true);
    let service = service_fn(|request| served.answer(side, number, manner, request));
    let _ended = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The pair gave no answer: the connection ends.
#[derive(Debug, thiserror::Error)]
#[error("the pair gave no answer")]
struct NoAnswer;

type Body = BoxBody<Bytes, std::convert::Infallible>;

impl Served {
    async fn uuid(&self, side: Side) -> Result<String, String> {
        let kept = self.ask(side, "/").await.map_err(|error| error.to_string())?;
        let root: serde_json::Value =
            serde_json::from_slice(&kept.body).map_err(|error| error.to_string())?;
        Ok(root["cluster_uuid"].as_str().unwrap_or_default().to_owned())
    }

    async fn ask(&self, side: Side, target: &str) -> Result<Kept, NoAnswer> {
        let key = (side, target.to_owned());
        let found = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&key).filter(|kept| kept.at.elapsed() < RENEW).cloned()
        };
        if let Some(found) = found {
            return Ok(found);
        }
        let request = Request {
            method: Method::Get,
            target: target.to_owned(),
            body: None,
            credential: Credential::Read,
            deadline: Duration::MAX,
            changes: false,
            max_answer_bytes: u64::MAX,
        };
        let response = self.world.exchange(side, &request).await.map_err(|_| NoAnswer)?;
        let text = String::from_utf8_lossy(&response.body);
        let named = self
            .uuids
            .iter()
            .any(|uuid| !uuid.is_empty() && text.contains(uuid.as_str()));
        let kept = Kept {
            at: Instant::now(),
            status: response.status,
            body: response.body.clone(),
            named,
        };
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, kept.clone());
        Ok(kept)
    }

    async fn answer(
        &self,
        side: Side,
        number: usize,
        manner: Manner,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Body>, NoAnswer> {
        if manner == Manner::Never {
            return std::future::pending().await;
        }
        let target = request
            .uri()
            .path_and_query()
            .map_or("/", |target| target.as_str());
        let kept = self.ask(side, target).await?;
        let body = if kept.named {
            Bytes::from(self.own(number, &String::from_utf8_lossy(&kept.body)))
        } else {
            kept.body
        };
        let body = if manner == Manner::OneByteASecond {
            trickle(body)
        } else {
            Full::new(body).boxed()
        };
        hyper::Response::builder()
            .status(kept.status)
            .header("content-type", "application/json")
            .header("x-elastic-product", "Elasticsearch")
            .body(body)
            .map_err(|_| NoAnswer)
    }

    /// The text with the UUIDs of that pair of clusters: the same length, their last digits its number.
    fn own(&self, number: usize, text: &str) -> String {
        let mut text = text.to_owned();
        for uuid in &self.uuids {
            let end = format!("{number:05}");
            let kept = uuid.len().saturating_sub(end.len());
            text = text.replace(uuid, &format!("{}{end}", uuid.get(..kept).unwrap_or_default()));
        }
        text
    }
}

fn trickle(body: Bytes) -> Body {
    let bytes = futures::stream::unfold(0, move |at| {
        let byte = (at < body.len()).then(|| body.slice(at..=at));
        async move {
            let byte = byte?;
            tokio::time::sleep(Duration::from_secs(1)).await;
            Some((Ok(Frame::data(byte)), at + 1))
        }
    });
    BodyExt::boxed(StreamBody::new(bytes))
}
