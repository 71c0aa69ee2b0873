//! What a daemon exports while something happens to simulated clusters, scrape by scrape: the
//! engine over a pair in memory, tokio's paused clock.
//!
//! A film is the list of its scrapes. Instants are moved so that a film begins at 1970, which is
//! where `promtool test rules` begins; nothing else is changed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use refollow::app::build::engine_settings;
use refollow::app::desk::Desk;
use refollow::clock::TokioClock;
use refollow::config;
use refollow::domain::ids::ClusterName;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::engine::Engine;
use refollow::http::dto::{Caller, Daemon as _};
use refollow::metrics::Metrics;
use refollow::sandbox::load::bulk;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z.
pub const START_MS: i64 = 1_795_428_000_000;
/// The labels that Prometheus adds to what it scrapes.
const TARGET: &str = "job=\"refollow\",instance=\"127.0.0.1:9958\"";

/// Series and values of one scrape.
pub type Frame = BTreeMap<String, f64>;

/// A whole configuration with these parts of its own; looks as often as the defaults say.
pub fn settings(text: &str) -> String {
    paced(text, "15s", "60s")
}

/// The same with other intervals: a film of many hours looks seldom.
pub fn paced(text: &str, poll: &str, slow: &str) -> String {
    format!(
        "{text}\n[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:1\"]\nremotes = {{ lead = \"us\" }}\npoll_interval = \"{poll}\"\nleader_side_interval = \"{slow}\"\n\
         [[clusters]]\nname = \"us\"\nurls = [\"http://127.0.0.1:2\"]\npoll_interval = \"{poll}\"\n"
    )
}

/// A daemon over a simulated pair.
pub struct Stage {
    pub world: World,
    pub desk: Desk,
    tasks: Tasks,
    _place: tempfile::TempDir,
    frames: Vec<Frame>,
    /// Milliseconds that passed off the film after [`START_MS`].
    offset: std::cell::Cell<i64>,
}

impl Stage {
    /// Starts the daemon and lets it look around for five minutes, off the film.
    pub async fn new(start: &str, text: &str) -> Self {
        let world = World::new(&PairOptions {
            version: Version::V8_10_4,
            secured: false,
            start_ms: START_MS - 300_000,
            seed: 7,
        });
        scenario::play(&world, start).unwrap();
        let clock = Arc::new(TokioClock::starting_at(
            jiff::Timestamp::from_millisecond(world.now_ms()).unwrap(),
        ));
        let place = tempfile::tempdir().unwrap();
        let (config, _) =
            config::parse("film.toml", text, std::iter::empty()).unwrap_or_else(|e| panic!("{e}"));
        let mut settings = engine_settings(&config);
        settings.undo_directory = place.path().join("undo");
        settings.brake_file = place.path().join("brake-all");
        let client = |name: &str, side| {
            let name = ClusterName::parse(name).unwrap();
            let wires = vec![MemoryTransport::shared(&world, side)];
            let client = Client::new(name.clone(), wires, ClientSettings::default(), clock.clone());
            (name, Arc::new(client))
        };
        let clients = BTreeMap::from([client("eu", Side::Follower), client("us", Side::Leader)]);
        let tasks = Tasks::new();
        let engine = Engine::open(
            settings,
            clients,
            Arc::new(MemoryStore::default()),
            clock,
            Arc::new(Metrics::new("0.1.0").unwrap()),
            tasks.clone(),
        )
        .await
        .unwrap();
        engine.start().await.unwrap();
        tokio::time::sleep(Duration::from_mins(5)).await;
        Self {
            world,
            desk: Desk(engine),
            tasks,
            _place: place,
            frames: Vec::new(),
            offset: std::cell::Cell::new(0),
        }
    }

    pub fn play(&self, name: &str) {
        scenario::play(&self.world, name).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Leaders of one shard and few documents, each with its follower; five minutes pass.
    pub async fn follow(&self, leaders: &[&str]) {
        for leader in leaders {
            let body = json!({"settings": {"number_of_replicas": 0}});
            self.send(Side::Leader, Method::Put, &format!("/{leader}"), Some(body))
                .await;
            self.world
                .with(|state| drop(state.pair.handle(Side::Leader, &bulk(leader, 0, 100))));
            self.send(Side::Leader, Method::Post, &format!("/{leader}/_flush"), None)
                .await;
            let body = json!({"remote_cluster": "lead", "leader_index": leader});
            let target = format!("/{leader}-f/_ccr/follow?wait_for_active_shards=1");
            self.send(Side::Follower, Method::Put, &target, Some(body)).await;
        }
        tokio::time::sleep(Duration::from_mins(5)).await;
        self.offset.set(self.offset.get() + 300_000);
    }

    /// Scrapes so often, with so much time after each.
    pub async fn shoot(&mut self, scrapes: usize, step: Duration) {
        for _ in 0..scrapes {
            let mut frame = read(&self.desk.metrics_text(false), START_MS + self.offset.get());
            frame.insert(format!("up{{{TARGET}}}"), 1.0);
            self.frames.push(frame);
            tokio::time::sleep(step).await;
        }
    }

    /// The daemon answers no more.
    pub fn die(&mut self, scrapes: usize) {
        for _ in 0..scrapes {
            self.frames.push(dead());
        }
    }

    pub fn film(self) -> Vec<Frame> {
        self.tasks.cancel();
        self.frames
    }

    /// One request of somebody else that must succeed.
    pub async fn send(&self, side: Side, method: Method, target: &str, body: Option<Value>) {
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| bytes::Bytes::from(body.to_string())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: true,
            max_answer_bytes: 64 << 20,
        };
        let transport = MemoryTransport::new(&self.world, side);
        let answer = transport.send(request).await.unwrap();
        assert!(
            answer.status < 300,
            "{target}: {}",
            String::from_utf8_lossy(&answer.body)
        );
    }
}

pub fn person() -> Caller {
    Caller {
        name: "ann".to_owned(),
        uid: Some(1000),
        groups: Vec::new(),
        token: None,
    }
}

/// What Prometheus has of a target that does not answer.
pub fn dead() -> Frame {
    Frame::from([(format!("up{{{TARGET}}}"), 0.0)])
}

/// Whether the value of a series is an instant.
fn is_instant(name: &str) -> bool {
    name.ends_with("_timestamp_seconds") || name == "refollow_follower_held"
}

/// A scrape as Prometheus takes it in.
pub fn read(text: &str, start_ms: i64) -> Frame {
    let start = start_ms as f64 / 1000.0;
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let comma = if labels == "}" { "" } else { "," };
            let value: f64 = value.parse().unwrap();
            let value = if is_instant(name) { value - start } else { value };
            (format!("{name}{{{TARGET}{comma}{labels}"), value)
        })
        .collect()
}

/// The values of a series over a film, as `promtool` writes them: runs of one value, and where it is
/// missing.
pub fn values(film: &[Frame], series: &str) -> String {
    let mut runs: Vec<(Option<f64>, usize)> = Vec::new();
    for frame in film {
        let value = frame.get(series).copied();
        match runs.last_mut() {
            Some((before, count)) if *before == value => *count += 1,
            _ => runs.push((value, 1)),
        }
    }
    let mut parts = Vec::new();
    let mut seen = false;
    for (value, count) in runs {
        match (value, count) {
            (Some(value), 1) => parts.push(format!("{value}")),
            (Some(value), count) => parts.push(format!("{value}+0x{}", count - 1)),
            // What a scrape no longer holds is stale at once.
            (None, 1) if seen => parts.push("stale".to_owned()),
            (None, count) if seen => parts.push(format!("stale _x{}", count - 1)),
            (None, count) => parts.push(format!("_x{count}")),
        }
        seen |= value.is_some();
    }
    parts.join(" ")
}

#[test]
fn a_film_is_written_as_runs_and_an_end_is_stale() {
    let frame = |value: Option<f64>| value.map(|value| ("x{}".to_owned(), value)).into_iter().collect();
    let film: Vec<Frame> = [None, None, Some(1.0), Some(1.0), Some(1.0), Some(2.5), None, None]
        .map(frame)
        .into();
    assert_eq!(values(&film, "x{}"), "_x2 1+0x2 2.5 stale _x1");
    let read = read(
        "# HELP\nrefollow_x 3\nrefollow_y_timestamp_seconds{a=\"b c\"} 1795428060.5\n",
        START_MS,
    );
    assert_eq!(
        read,
        Frame::from([
            (format!("refollow_x{{{TARGET}}}"), 3.0),
            (
                format!("refollow_y_timestamp_seconds{{{TARGET},a=\"b c\"}}"),
                60.5
            )
        ])
    );
}
