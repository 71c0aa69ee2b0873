//! A daemon over a simulated pair that can be killed at a request.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use refollow::app::build::engine_settings;
use refollow::app::desk::Desk;
use refollow::clock::TokioClock;
use refollow::config;
use refollow::domain::drill::PREFIX;
use refollow::domain::ids::ClusterName;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{
    Credential, Method, Request, Response, SharedTransport, Transport, TransportError,
};
use refollow::engine::Engine;
use refollow::http::dto::{Caller, Daemon as _};
use refollow::metrics::Metrics;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::Store;
use refollow::store::faulty::{Counted, FaultyStore, Side as Fault};
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::Value;

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;

/// When the daemon dies, seen from a request that changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kill {
    /// Before it leaves.
    Before,
    /// Once the cluster has done it.
    After,
}

/// One life of the daemon.
#[derive(Debug)]
struct Life {
    store: Arc<FaultyStore>,
    sent: AtomicU64,
    kill: Mutex<Option<(u64, Kill)>>,
}

#[derive(Debug)]
struct Wire {
    inner: MemoryTransport,
    life: Arc<Life>,
}

impl Wire {
    async fn exchange(&self, request: Request) -> Result<Response, TransportError> {
        let gone = || TransportError::Lost {
            reason: "the daemon is dead".to_owned(),
            sent: true,
        };
        if self.life.store.is_dead() {
            return Err(gone());
        }
        if !request.changes {
            let answer = self.inner.send(request).await;
            return if self.life.store.is_dead() {
                Err(gone())
            } else {
                answer
            };
        }
        let number = self.life.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let kill = *self.life.kill.lock().unwrap();
        match kill {
            Some((at, Kill::Before)) if at == number => {
                self.life.store.kill();
                Err(gone())
            }
            Some((at, Kill::After)) if at == number => {
                drop(self.inner.send(request).await);
                self.life.store.kill();
                Err(gone())
            }
            _ => {
                let answer = self.inner.send(request).await;
                if self.life.store.is_dead() {
                    Err(gone())
                } else {
                    answer
                }
            }
        }
    }
}

impl Transport for Wire {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

/// A daemon that runs, and the clusters it watches.
pub struct House {
    pub world: World,
    pub store: Arc<MemoryStore>,
    desk: Desk,
    life: Arc<Life>,
    clock: Arc<TokioClock>,
    tasks: Tasks,
    directory: tempfile::TempDir,
}

pub fn person(name: &str) -> Caller {
    Caller {
        name: name.to_owned(),
        uid: Some(1000),
        token: None,
        groups: Vec::new(),
    }
}

impl House {
    /// The clusters of a start, and a daemon over them with this configuration beside the clusters'.
    pub async fn new(version: Version, start: &str, text: &str) -> Self {
        let world = World::new(&PairOptions {
            version,
            secured: false,
            start_ms: START_MS,
            seed: 7,
        });
        scenario::play(&world, start).unwrap();
        let clock = Arc::new(TokioClock::starting_at(
            jiff::Timestamp::from_millisecond(world.now_ms()).unwrap(),
        ));
        let store = Arc::new(MemoryStore::new());
        Self::open(world, store, clock, tempfile::tempdir().unwrap(), text).await
    }

    async fn open(
        world: World,
        store: Arc<MemoryStore>,
        clock: Arc<TokioClock>,
        directory: tempfile::TempDir,
        text: &str,
    ) -> Self {
        let text = format!(
            "{text}\n[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:1\"]\nremotes = {{ lead = \"us\" }}\n\
             [[clusters]]\nname = \"us\"\nurls = [\"http://127.0.0.1:2\"]\n"
        );
        let (config, _) =
            config::parse("test.toml", &text, std::iter::empty()).unwrap_or_else(|e| panic!("{e}"));
        let mut settings = engine_settings(&config);
        settings.undo_directory = directory.path().join("undo");
        settings.brake_file = directory.path().join("brake-all");
        let life = Arc::new(Life {
            store: Arc::new(FaultyStore::new(
                store.clone(),
                Counted::Everything,
                0,
                Fault::Before,
            )),
            sent: AtomicU64::new(0),
            kill: Mutex::new(None),
        });
        let client = |name: &str, side| {
            let name = ClusterName::parse(name).unwrap();
            let wire: SharedTransport = Arc::new(Wire {
                inner: MemoryTransport::new(&world, side),
                life: life.clone(),
            });
            let client = Client::new(name.clone(), vec![wire], ClientSettings::default(), clock.clone());
            (name, Arc::new(client))
        };
        let clients = BTreeMap::from([client("eu", Side::Follower), client("us", Side::Leader)]);
        let tasks = Tasks::new();
        let engine = Engine::open(
            settings,
            clients,
            life.store.clone(),
            clock.clone(),
            Arc::new(Metrics::new("test").unwrap()),
            tasks.clone(),
        )
        .await
        .unwrap();
        engine.start().await.unwrap();
        Self {
            world,
            store,
            desk: Desk(engine),
            life,
            clock,
            tasks,
            directory,
        }
    }

    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Requests that change something which this life has sent.
    pub fn sent(&self) -> u64 {
        self.life.sent.load(Ordering::SeqCst)
    }

    pub fn kill_at(&self, number: u64, kill: Kill) {
        *self.life.kill.lock().unwrap() = Some((number, kill));
    }

    pub fn is_dead(&self) -> bool {
        self.life.store.is_dead()
    }

    /// Ends this life, cleanly unless it is dead already, and begins the next.
    pub async fn restart(self, text: &str) -> Self {
        if !self.is_dead() {
            self.desk.0.drain();
        }
        drop(self.tasks.drain(Duration::from_secs(30)).await);
        Self::open(self.world, self.store, self.clock, self.directory, text).await
    }

    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Names of all scratch indices on either cluster.
    pub async fn scratch(&self) -> Vec<String> {
        let mut found = Vec::new();
        for side in [Side::Leader, Side::Follower] {
            let all = self.ask(side, Method::Get, "/*/_settings", None).await;
            let names = all.as_object().unwrap().keys();
            found.extend(names.filter(|name| name.starts_with(PREFIX)).cloned());
        }
        found
    }

    pub async fn audit(&self) -> Vec<Value> {
        let log = self.store.audit_log(0, 10_000).await.unwrap();
        log.into_iter().map(|record| record.event).collect()
    }

    /// What was told, for messages of failing tests.
    pub async fn story(&self) -> String {
        let events = self.desk.events(0).await.unwrap().events;
        let lines: Vec<String> = events
            .iter()
            .map(|event| format!("{} {}", event.at, event.detail.as_str().unwrap_or_default()))
            .collect();
        lines[lines.len().saturating_sub(60)..].join("\n")
    }

    /// One request of somebody else that must succeed.
    pub async fn ask(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> Value {
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| Bytes::from(body.to_string())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: method != Method::Get,
            max_answer_bytes: 64 << 20,
        };
        let response = MemoryTransport::new(&self.world, side)
            .send(request)
            .await
            .unwrap();
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        assert_eq!(response.status, 200, "{target}: {body}");
        body
    }
}
