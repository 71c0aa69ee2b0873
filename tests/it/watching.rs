//! The whole engine over the simulated pair: what a restart and a clock that is set leave standing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use refollow::app::desk::Desk;
use refollow::clock::{Clock, TokioClock};
use refollow::domain::cause::Cause;
use refollow::domain::ids::{ClusterName, RemoteAlias};
use refollow::domain::time::Timestamp;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::engine::Engine;
use refollow::engine::settings::{ClusterSettings, Settings};
use refollow::http::dto::{Daemon as _, IncidentItem, PatternItem};
use refollow::metrics::Metrics;
use refollow::policy;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;

/// A clock that somebody sets.
#[derive(Debug)]
struct Settable(TokioClock, AtomicI64);

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        let by = jiff::SignedDuration::from_millis(self.1.load(Ordering::SeqCst));
        self.0.now().checked_add(by).unwrap()
    }
}

struct Watch {
    world: World,
    store: Arc<MemoryStore>,
    clock: Arc<Settable>,
    undo: tempfile::TempDir,
    engine: Option<(Desk, Tasks)>,
}

fn name(text: &str) -> ClusterName {
    ClusterName::parse(text).unwrap()
}

impl Watch {
    /// A pair with two followers, `one-f` and `two-f`, and an engine that watches it.
    async fn new() -> Self {
        let world = World::new(&PairOptions {
            version: Version::V8_10_4,
            secured: false,
            start_ms: START_MS,
            seed: 11,
        });
        scenario::play(&world, "empty").unwrap();
        let base = Timestamp::from_millisecond(world.now_ms()).unwrap();
        let mut watch = Self {
            world,
            store: Arc::new(MemoryStore::default()),
            clock: Arc::new(Settable(TokioClock::starting_at(base), AtomicI64::new(0))),
            undo: tempfile::tempdir().unwrap(),
            engine: None,
        };
        for leader in ["one", "two"] {
            watch.put(Side::Leader, &format!("/{leader}"), &json!({})).await;
            let follow = json!({ "remote_cluster": "lead", "leader_index": leader });
            let path = format!("/{leader}-f/_ccr/follow?wait_for_active_shards=1");
            watch.put(Side::Follower, &path, &follow).await;
        }
        watch.start().await;
        minutes(3).await;
        watch
    }

    async fn put(&self, side: Side, target: &str, body: &Value) {
        let body = Bytes::from(body.to_string());
        self.send(side, Method::Put, target, Some(body)).await;
    }

    async fn send(&self, side: Side, method: Method, target: &str, body: Option<Bytes>) {
        let request = Request {
            method,
            target: target.to_owned(),
            body,
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: true,
            max_answer_bytes: 1 << 20,
        };
        let answer = MemoryTransport::new(&self.world, side)
            .send(request)
            .await
            .unwrap();
        assert_eq!(answer.status, 200, "{target}: {:?}", answer.body);
    }

    async fn start(&mut self) {
        let cluster = |text: &str, remotes: &[(&str, &str)]| ClusterSettings {
            name: name(text),
            poll_interval: Duration::from_secs(15),
            leader_side_interval: Duration::from_mins(1),
            remotes: remotes
                .iter()
                .map(|(alias, behind)| (RemoteAlias::parse(alias).unwrap(), name(behind)))
                .collect(),
            declared_followers: Vec::new(),
        };
        let settings = Settings {
            clusters: vec![cluster("eu", &[("lead", "us")]), cluster("us", &[])],
            policy: policy::Settings::default(),
            metrics: refollow::engine::settings::MetricsSettings::default(),
            run_limits: refollow::domain::run::Limits::default(),
            blockers: Vec::new(),
            notify: std::sync::Arc::default(),
            keep_runs: Duration::MAX,
            history: refollow::history::HistorySettings::OFF,
            undo_directory: self.undo.path().to_owned(),
            brake_file: self.undo.path().join("brake-all"),
            shutdown_timeout: Duration::from_secs(30),
        };
        let client = |text: &str, side| {
            let transport = MemoryTransport::shared(&self.world, side);
            let client = Client::new(
                name(text),
                vec![transport],
                ClientSettings::default(),
                self.clock.clone(),
            );
            (name(text), Arc::new(client))
        };
        let clients = BTreeMap::from([client("eu", Side::Follower), client("us", Side::Leader)]);
        let tasks = Tasks::new();
        let metrics = Arc::new(Metrics::new("0.0.0").unwrap());
        let store = self.store.clone();
        let engine = Engine::open(
            settings,
            clients,
            store,
            self.clock.clone(),
            metrics,
            tasks.clone(),
        )
        .await
        .unwrap();
        engine.start().await.unwrap();
        self.engine = Some((Desk(engine), tasks));
    }

    /// The daemon is stopped and started again over the same state.
    async fn restart(&mut self) {
        let (_, tasks) = self.engine.take().unwrap();
        tasks.cancel();
        tasks.drain(Duration::from_mins(1)).await.unwrap();
        self.start().await;
    }

    fn desk(&self) -> &Desk {
        &self.engine.as_ref().unwrap().0
    }

    fn incident(&self) -> Option<IncidentItem> {
        let mut list = self.desk().incidents().incidents;
        assert!(list.len() < 2, "{list:?}");
        list.pop()
    }

    fn pattern(&self) -> Option<PatternItem> {
        self.desk().patterns().patterns.pop()
    }

    async fn told(&self, part: &str) -> usize {
        let events = self.desk().events(0).await.unwrap().events;
        let about = |text: &Value| text.as_str().is_some_and(|text| text.contains(part));
        events.iter().filter(|event| about(&event.detail)).count()
    }
}

async fn minutes(count: u64) {
    tokio::time::sleep(Duration::from_mins(count)).await;
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_told_once_survives_a_restart_and_ends() {
    let mut watch = Watch::new().await;
    assert_eq!(watch.incident(), None);
    watch.world.kill_node(Side::Leader);
    minutes(5).await;
    let incident = watch.incident().unwrap();
    assert_eq!((incident.id.as_str(), incident.followers), ("remote:eu/lead", 2));
    assert_eq!(watch.told("remote eu/lead unreachable since").await, 1);
    watch.restart().await;
    minutes(3).await;
    assert_eq!(
        watch.incident().unwrap(),
        incident,
        "the same incident, since the same moment"
    );
    watch.world.start_node(Side::Leader);
    minutes(10).await;
    assert_eq!(watch.incident(), None);
    assert_eq!(watch.told(": remote eu/lead unreachable (").await, 1);
    let status = watch.desk().status();
    assert!(
        status.followers.iter().all(|one| one.cause == Cause::None),
        "{status:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_set_is_told_once_and_makes_nothing_older() {
    for hours in [48, -48] {
        let watch = Watch::new().await;
        watch.world.kill_node(Side::Leader);
        minutes(5).await;
        watch.clock.1.store(hours * 3_600_000, Ordering::SeqCst);
        minutes(5).await;
        assert_eq!(watch.told("clock was set").await, 1, "{hours}");
        let since = watch.incident().unwrap().since.unwrap();
        let age = watch.clock.now().duration_since(since).as_secs();
        assert!((300..660).contains(&age), "{hours} h: {age} s");
        let status = watch.desk().status();
        assert!(
            status.notes.iter().any(|note| note.contains("clock was set")),
            "{status:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_cannot_follow_is_failing_and_what_stands_in_its_way_is_no_follower() {
    let watch = Watch::new().await;
    let pattern = json!({ "remote_cluster": "lead", "leader_index_patterns": ["auto-*"],
        "follow_index_pattern": "{{leader_index}}-f" });
    watch
        .put(Side::Follower, "/_ccr/auto_follow/auto", &pattern)
        .await;
    minutes(3).await;
    assert_eq!(watch.pattern().unwrap().cause, Cause::None);
    watch.put(Side::Follower, "/auto-1-f", &json!({})).await;
    watch.put(Side::Leader, "/auto-1", &json!({})).await;
    watch.put(Side::Leader, "/auto-2", &json!({})).await;
    minutes(3).await;
    let failing = watch.pattern().unwrap();
    assert_eq!(
        (failing.cause, failing.failing),
        (Cause::AutoFollowFailing, 1),
        "{failing:?}"
    );
    // Long after the time in which it should have come.
    minutes(40).await;
    let followers = watch.desk().status().followers;
    let known: Vec<&str> = followers.iter().map(|one| one.index.as_str()).collect();
    assert_eq!(known, ["auto-2-f", "one-f", "two-f"]);
    assert!(
        followers.iter().all(|one| one.cause == Cause::None),
        "{followers:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_follower_that_a_pattern_promised_and_did_not_make_is_missing() {
    let watch = Watch::new().await;
    let pattern = json!({ "remote_cluster": "lead", "leader_index_patterns": ["auto-*"] });
    watch.put(Side::Leader, "/auto-old", &json!({})).await;
    watch
        .put(Side::Follower, "/_ccr/auto_follow/auto", &pattern)
        .await;
    minutes(3).await;
    // Something stands in its way for a moment; the pattern tries again only when the leader's
    // metadata changes, and nothing does.
    watch.put(Side::Follower, "/auto-new", &json!({})).await;
    watch.put(Side::Leader, "/auto-new", &json!({})).await;
    minutes(1).await;
    watch
        .send(Side::Follower, Method::Delete, "/auto-new", None)
        .await;
    minutes(30).await;
    let followers = watch.desk().status().followers;
    let of = |name: &str| followers.iter().find(|one| one.index.as_str() == name);
    assert_eq!(
        of("auto-new").map(|one| one.cause),
        Some(Cause::Missing),
        "{followers:?}"
    );
    assert!(of("auto-old").is_none(), "it was there before the pattern");
}
