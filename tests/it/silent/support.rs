//! The daemon's engine over a simulated pair: transport and store in memory, tokio's paused
//! clock, the intervals of the shipped configuration.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use refollow::app::desk::Desk;
use refollow::clock::TokioClock;
use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::domain::state::State;
use refollow::domain::time::Timestamp;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::engine::Engine;
use refollow::engine::settings::{ClusterSettings, Settings};
use refollow::http::dto::{Daemon as _, FollowerItem, Why};
use refollow::metrics::Metrics;
use refollow::policy;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::Value;

/// 2026-11-23T10:00:00Z.
pub const START_MS: i64 = 1_795_428_000_000;

/// How a daemon is set up.
#[derive(Debug, Clone)]
pub struct Setup {
    pub version: Version,
    /// A start of the sandbox.
    pub start: &'static str,
    pub declared: Vec<&'static str>,
    /// Metrics of each shard.
    pub shard_metrics: bool,
}

impl Setup {
    pub fn of(version: Version, start: &'static str) -> Self {
        Self {
            version,
            start,
            declared: Vec::new(),
            shard_metrics: true,
        }
    }
}

/// A daemon that watches a simulated pair.
pub struct Watch {
    pub world: World,
    pub desk: Desk,
    tasks: Tasks,
}

/// Starts the daemon and lets it look around for five minutes.
pub async fn watch(version: Version, start: &'static str) -> Watch {
    watch_as(Setup::of(version, start)).await
}

/// The same with more to choose.
pub async fn watch_as(setup: Setup) -> Watch {
    let world = World::new(&PairOptions {
        version: setup.version,
        secured: false,
        start_ms: START_MS,
        seed: 7,
    });
    scenario::play(&world, setup.start).unwrap();
    let watch = watch_over(world, setup).await;
    watch.pass(Duration::from_mins(5)).await;
    watch
}

/// A daemon over a world that is there already; it has not looked yet.
pub async fn watch_over(world: World, setup: Setup) -> Watch {
    let clock = Arc::new(TokioClock::starting_at(
        Timestamp::from_millisecond(world.now_ms()).unwrap(),
    ));
    let name = |text: &str| ClusterName::parse(text).unwrap();
    let client = |text: &str, side| {
        let transport = vec![MemoryTransport::shared(&world, side)];
        let settings = ClientSettings::default();
        (
            name(text),
            Arc::new(Client::new(name(text), transport, settings, clock.clone())),
        )
    };
    let clients = BTreeMap::from([client("eu", Side::Follower), client("us", Side::Leader)]);
    let cluster = |text: &str, remotes, declared: &[&str]| ClusterSettings {
        name: name(text),
        poll_interval: Duration::from_secs(15),
        leader_side_interval: Duration::from_secs(60),
        remotes,
        declared_followers: declared
            .iter()
            .map(|index| IndexName::parse(index).unwrap())
            .collect(),
    };
    let lead = BTreeMap::from([(RemoteAlias::parse("lead").unwrap(), name("us"))]);
    let directory = std::env::temp_dir().join("refollow-silent");
    let settings = Settings {
        clusters: vec![
            cluster("eu", lead, &setup.declared),
            cluster("us", BTreeMap::new(), &[]),
        ],
        policy: policy::Settings::default(),
        metrics: refollow::engine::settings::MetricsSettings {
            level: if setup.shard_metrics {
                refollow::metrics::Level::Shard
            } else {
                refollow::metrics::Level::Index
            },
            ..Default::default()
        },
        undo_directory: directory.clone(),
        brake_file: directory.join("no-brake"),
        shutdown_timeout: Duration::from_secs(30),
        run_limits: refollow::domain::run::Limits::default(),
        blockers: Vec::new(),
        notify: std::sync::Arc::default(),
        keep_runs: Duration::MAX,
        history: refollow::history::HistorySettings::OFF,
    };
    let tasks = Tasks::new();
    let engine = Engine::open(
        settings,
        clients,
        Arc::new(MemoryStore::default()),
        clock.clone(),
        Arc::new(Metrics::new("0.0.0").unwrap()),
        tasks.clone(),
    )
    .await
    .unwrap();
    engine.start().await.unwrap();
    Watch {
        world,
        desk: Desk(engine),
        tasks,
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tasks.token().cancel();
    }
}

/// What became of a follower after something happened.
#[derive(Debug)]
pub struct Course {
    /// From the event to the verdict that then stood.
    pub noticed: Duration,
    /// Verdicts on the way, the last one included, each once, in order.
    pub verdicts: Vec<(State, Cause)>,
    pub why: Why,
    /// The story's sentence about the last verdict: the follower's own, else its incident's.
    pub sentence: String,
}

impl Course {
    pub fn cause(&self) -> Cause {
        self.verdicts.last().unwrap().1
    }

    pub fn ladder(&self) -> Vec<Remedy> {
        self.why.ladder.clone()
    }

    pub fn approval(&self) -> Option<Approval> {
        self.why.approval
    }
}

impl Watch {
    /// Virtual time passes.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    pub fn play(&self, name: &str) {
        scenario::play(&self.world, name).unwrap();
    }

    pub fn key(index: &str) -> FollowerKey {
        FollowerKey {
            cluster: ClusterName::parse("eu").unwrap(),
            index: IndexName::parse(index).unwrap(),
        }
    }

    pub fn followers(&self) -> Vec<FollowerItem> {
        self.desk.status().followers
    }

    pub fn follower(&self, index: &str) -> FollowerItem {
        self.followers()
            .into_iter()
            .find(|item| item.index.as_str() == index)
            .unwrap_or_else(|| panic!("{index} is not known"))
    }

    pub async fn why(&self, index: &str) -> Why {
        self.desk.why(Self::key(index)).await.unwrap()
    }

    /// Everything of that kind that was said of a follower, oldest first.
    pub async fn story(&self, index: &str, kind: &str) -> Vec<String> {
        let key = Self::key(index).to_string();
        self.told(kind)
            .await
            .into_iter()
            .filter(|(subject, _)| *subject == key)
            .map(|(_, text)| text)
            .collect()
    }

    /// What was last said of a follower: by its incident for all of them, else of it alone.
    async fn sentence(&self, index: &str) -> String {
        if self.follower(index).incident.is_some() {
            let told = self.told("incident").await;
            return told.last().map(|(_, text)| text.clone()).unwrap_or_default();
        }
        self.story(index, "judged")
            .await
            .last()
            .cloned()
            .unwrap_or_default()
    }

    /// Everything of that kind that was told: about whom, and what.
    pub async fn told(&self, kind: &str) -> Vec<(String, String)> {
        let events = self.desk.events(0).await.unwrap().events;
        events
            .into_iter()
            .filter(|event| event.kind == kind)
            .map(|event| (event.subject, event.detail.as_str().unwrap().to_owned()))
            .collect()
    }

    /// Watches a follower for a while, second by second.
    pub async fn course(&self, index: &str, long: Duration) -> Course {
        let began = tokio::time::Instant::now();
        let now = self.follower(index);
        let mut verdicts = vec![(now.state, now.cause)];
        let mut cause_since = Duration::ZERO;
        while began.elapsed() < long {
            self.pass(Duration::from_secs(1)).await;
            let item = self.follower(index);
            let seen = (item.state, item.cause);
            let last = *verdicts.last().unwrap();
            if last.1 != seen.1 {
                cause_since = began.elapsed();
            }
            if last != seen {
                verdicts.push(seen);
            }
        }
        if verdicts.len() > 1 {
            verdicts.remove(0);
        }
        Course {
            noticed: cause_since,
            verdicts,
            why: self.why(index).await,
            sentence: self.sentence(index).await,
        }
    }

    pub fn metrics(&self) -> String {
        self.desk.metrics_text(false)
    }

    /// The series of that name about that follower: labels and value.
    pub fn series(&self, name: &str, index: &str) -> Vec<String> {
        self.metrics()
            .lines()
            .filter(|line| {
                line.starts_with(&format!("{name}{{"))
                    && line.contains(&format!("follower_index=\"{index}\""))
            })
            .map(str::to_owned)
            .collect()
    }

    /// One request of somebody else that must succeed.
    pub async fn done(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> Value {
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| bytes::Bytes::from(body.to_string())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: method != Method::Get,
            max_answer_bytes: 64 << 20,
        };
        let transport = MemoryTransport::new(&self.world, side);
        let response = transport.send(request).await.unwrap();
        let text = String::from_utf8_lossy(&response.body).into_owned();
        assert_eq!(response.status, 200, "{target}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}
