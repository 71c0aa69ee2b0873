//! The daemon without its process: engine and desk over a simulated pair, a store in memory and
//! tokio's paused clock. What people do goes through the desk, as it does for the admin socket.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use refollow::app::build::engine_settings;
use refollow::app::desk::Desk;
use refollow::app::{self, Exit, Running};
use refollow::clock::TokioClock;
use refollow::config;
use refollow::domain::cause::Cause;
use refollow::domain::ids::{ClusterName, FollowerKey};
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::engine::Engine;
use refollow::engine::settings::Settings;
use refollow::http::dto::{ApproveBody, Caller, Daemon as _, PlanItem, RunItem};
use refollow::metrics::Metrics;
use refollow::notify;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::Store;
use refollow::store::faulty::{Counted, FaultyStore, Side as Landing};
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;

/// Repairs whatever the guards let it.
pub const AUTO: &str = "[daemon]\nmode = \"auto\"\n[[policy.rules]]\naction = \"auto\"\n";

/// A daemon that runs, and the clusters it watches.
pub struct House {
    pub world: World,
    pub store: Arc<MemoryStore>,
    pub desk: Desk,
    clock: Arc<TokioClock>,
    pub tasks: Tasks,
    text: String,
    notify: Arc<notify::Settings>,
    pub directory: tempfile::TempDir,
}

/// The clusters of a start, and a daemon over them with this configuration beside the clusters'.
pub async fn house(start: &str, text: &str) -> House {
    let (world, clock) = begin(start);
    let store = Arc::new(MemoryStore::new());
    house_over(world, clock, store.clone(), store, text, Arc::default()).await
}

/// The same with somebody to tell.
pub async fn telling_house(start: &str, text: &str, notify: notify::Settings) -> House {
    let (world, clock) = begin(start);
    let store = Arc::new(MemoryStore::new());
    house_over(world, clock, store.clone(), store, text, Arc::new(notify)).await
}

fn begin(start: &str) -> (World, Arc<TokioClock>) {
    let world = World::new(&PairOptions {
        version: Version::V8_10_4,
        secured: false,
        start_ms: START_MS,
        seed: 7,
    });
    scenario::play(&world, start).unwrap();
    let clock = Arc::new(TokioClock::starting_at(
        jiff::Timestamp::from_millisecond(world.now_ms()).unwrap(),
    ));
    (world, clock)
}

/// The same over any store; `House::store` is not the one that it works on.
pub async fn telling_house_at(store: Arc<dyn Store>, start: &str, notify: notify::Settings) -> House {
    let (world, clock) = begin(start);
    let aside = Arc::new(MemoryStore::new());
    house_over(world, clock, aside, store, "", Arc::new(notify)).await
}

/// The same over a store that may fail, in front of the one in memory.
pub async fn failing_house(start: &str, text: &str, at: u64, side: Landing) -> (House, Arc<FaultyStore>) {
    let (world, clock) = begin(start);
    let store = Arc::new(MemoryStore::new());
    let faulty = Arc::new(FaultyStore::new(store.clone(), Counted::Journal, at, side));
    let house = house_over(world, clock, store, faulty.clone(), text, Arc::default()).await;
    (house, faulty)
}

async fn house_over(
    world: World,
    clock: Arc<TokioClock>,
    store: Arc<MemoryStore>,
    kept: Arc<dyn Store>,
    text: &str,
    notify: Arc<notify::Settings>,
) -> House {
    let directory = tempfile::tempdir().unwrap();
    let tasks = Tasks::new();
    let desk = open(&world, &kept, &clock, &tasks, (text, &notify), directory.path()).await;
    House {
        world,
        store,
        desk,
        clock,
        tasks,
        text: text.to_owned(),
        notify,
        directory,
    }
}

async fn open(
    world: &World,
    store: &Arc<dyn Store>,
    clock: &Arc<TokioClock>,
    tasks: &Tasks,
    (text, notify): (&str, &Arc<notify::Settings>),
    directory: &std::path::Path,
) -> Desk {
    let (settings, clients) = parts(world, clock, (text, notify), directory);
    let metrics = Arc::new(Metrics::new("test").unwrap());
    let engine = Engine::open(
        settings,
        clients,
        store.clone(),
        clock.clone(),
        metrics,
        tasks.clone(),
    )
    .await
    .unwrap();
    engine.start().await.unwrap();
    Desk(engine)
}

/// Settings and clients of a daemon over these clusters.
fn parts(
    world: &World,
    clock: &Arc<TokioClock>,
    (text, notify): (&str, &Arc<notify::Settings>),
    directory: &std::path::Path,
) -> (Settings, BTreeMap<ClusterName, Arc<Client>>) {
    let text = format!(
        "{text}\n[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:1\"]\nremotes = {{ lead = \"us\" }}\n\
         [[clusters]]\nname = \"us\"\nurls = [\"http://127.0.0.1:2\"]\n"
    );
    let (config, _) = config::parse("test.toml", &text, std::iter::empty()).unwrap_or_else(|e| panic!("{e}"));
    let mut settings = engine_settings(&config);
    settings.undo_directory = directory.join("undo");
    settings.notify = Arc::clone(notify);
    settings.brake_file = directory.join("brake-all");
    let client = |name: &str, side| {
        let name = ClusterName::parse(name).unwrap();
        let client = Client::new(
            name.clone(),
            vec![MemoryTransport::shared(world, side)],
            ClientSettings::default(),
            clock.clone(),
        );
        (name, Arc::new(client))
    };
    let clients = BTreeMap::from([client("eu", Side::Follower), client("us", Side::Leader)]);
    (settings, clients)
}

pub fn key(index: &str) -> FollowerKey {
    FollowerKey::parse(&format!("eu/{index}")).unwrap()
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
    /// The end of the process as the daemon itself brings it about.
    pub async fn stop(&self) -> Exit {
        let running = Running {
            engine: Arc::clone(&self.desk.0),
            desk: Arc::new(Desk(Arc::clone(&self.desk.0))),
            address: ([127, 0, 0, 1], 1).into(),
            tasks: self.tasks.clone(),
            tls: None,
        };
        let text = "[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:1\"]\n";
        let (config, _) =
            config::parse("test.toml", text, std::iter::empty()).unwrap_or_else(|e| panic!("{e}"));
        app::drain(&running, &config).await
    }

    /// Ends the daemon cleanly and starts the next over the same state and clusters.
    pub async fn restart(&mut self) {
        let text = self.text.clone();
        self.restart_with(&text).await;
    }

    /// The same with another configuration.
    pub async fn restart_with(&mut self, text: &str) {
        self.desk.0.drain();
        self.tasks.drain(Duration::from_secs(30)).await.unwrap();
        self.tasks = Tasks::new();
        text.clone_into(&mut self.text);
        let store: Arc<dyn Store> = self.store.clone();
        self.desk = open(
            &self.world,
            &store,
            &self.clock,
            &self.tasks,
            (text, &self.notify),
            self.directory.path(),
        )
        .await;
    }

    /// Ends the daemon and starts the next, which has these to tell.
    pub async fn restart_telling(&mut self, notify: notify::Settings) {
        self.notify = Arc::new(notify);
        self.restart().await;
    }

    /// SIGHUP, with other receivers.
    pub fn reload_telling(&self, notify: notify::Settings) {
        let (settings, clients) = parts(
            &self.world,
            &self.clock,
            (&self.text, &Arc::new(notify)),
            self.directory.path(),
        );
        self.desk.0.reload(settings, clients);
    }

    pub fn play(&self, name: &str) {
        scenario::play(&self.world, name).unwrap();
    }

    pub async fn pass(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    /// Waits until it holds, looking every second, for at most so many virtual seconds.
    pub async fn until(&self, what: &str, seconds: u64, holds: impl AsyncFn(&Self) -> bool) {
        for _ in 0..seconds {
            if holds(self).await {
                return;
            }
            self.pass(1).await;
        }
        panic!("not within {seconds} s: {what}\n{}", self.story().await);
    }

    /// Waits until every follower is well.
    pub async fn all_well(&self) {
        let unwell = || {
            let followers = self.desk.status().followers;
            let some = !followers.is_empty();
            let unwell: Vec<String> = followers
                .into_iter()
                .filter(|one| one.cause != Cause::None)
                .map(|one| format!("{} {} {}", one.index, one.state, one.cause))
                .collect();
            (some, unwell)
        };
        for _ in 0..300 {
            if let (true, []) = (unwell().0, unwell().1.as_slice()) {
                break;
            }
            self.pass(1).await;
        }
        assert_eq!(unwell(), (true, Vec::new()), "{}", self.story().await);
        // What is remembered of them is learnt on the slow beat.
        self.pass(120).await;
    }

    pub async fn plans(&self) -> Vec<PlanItem> {
        self.desk.plans(false).await.unwrap().plans
    }

    /// The plan of a follower that waits for people, once there is one.
    pub async fn pending(&self, index: &str) -> PlanItem {
        let key = key(index);
        let found = async |house: &Self| {
            let plans = house.plans().await;
            plans
                .into_iter()
                .find(|plan| plan.follower == key && plan.state == "pending")
        };
        self.until("a plan waits", 600, async |house| found(house).await.is_some())
            .await;
        found(self).await.unwrap()
    }

    pub async fn plan_state(&self, hash: &refollow::domain::ids::PlanHash) -> String {
        self.desk.plan(hash.clone()).await.unwrap().item.state
    }

    pub async fn approve(&self, plan: &PlanItem, who: &str) -> Result<String, String> {
        self.approve_with(plan, person(who), None).await
    }

    pub async fn approve_with(
        &self,
        plan: &PlanItem,
        who: Caller,
        lose: Option<&str>,
    ) -> Result<String, String> {
        let body = ApproveBody {
            lose: lose.map(str::to_owned),
            ..ApproveBody::default()
        };
        match self.desk.approve(plan.hash.clone(), who, body).await {
            Ok(done) => Ok(done.message),
            Err(problem) => Err(problem.to_string()),
        }
    }

    pub async fn runs(&self) -> Vec<RunItem> {
        self.desk.runs(1_000).await.unwrap().runs
    }

    /// Kinds of the audit log, oldest first.
    pub async fn audit(&self) -> Vec<Value> {
        self.store
            .audit_log(0, 10_000)
            .await
            .unwrap()
            .into_iter()
            .map(|record| record.event)
            .collect()
    }

    /// What was told, for messages of failing tests.
    pub async fn story(&self) -> String {
        let events = self.desk.events(0).await.unwrap().events;
        let lines: Vec<String> = events
            .iter()
            .map(|event| format!("{} {}", event.at, event.detail.as_str().unwrap_or_default()))
            .collect();
        let from = lines.len().saturating_sub(80);
        lines[from..].join("\n")
    }

    /// One request of somebody else that must succeed.
    pub async fn ask(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> Value {
        let transport = MemoryTransport::new(&self.world, side);
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| Bytes::from(body.to_string())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: method != Method::Get,
            max_answer_bytes: 64 << 20,
        };
        let response = transport.send(request).await.unwrap();
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        assert_eq!(response.status, 200, "{target}: {body}");
        body
    }

    /// Makes so many leaders of one shard with their followers `<name>-f`.
    pub async fn many(&self, count: usize) {
        for number in 0..count {
            let leader = format!("l{number:03}");
            let settings = json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}});
            self.ask(Side::Leader, Method::Put, &format!("/{leader}"), Some(settings))
                .await;
            let follow = json!({"remote_cluster": "lead", "leader_index": leader});
            self.ask(
                Side::Follower,
                Method::Put,
                &format!("/{leader}-f/_ccr/follow?wait_for_active_shards=1"),
                Some(follow),
            )
            .await;
        }
    }
}
