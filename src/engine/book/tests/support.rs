//! A book over two clusters, `eu` following `us` through `lead` (and `west` through `far`), and
//! the answers that its looks are given.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::ids::{ClusterName, ClusterUuid, FollowerKey, IndexName, IndexUuid, RemoteAlias};
use crate::domain::plan::{PLAN_FORMAT, Plan, PlanBasis, PlanFigures, PlanRecord, PlanState};
use crate::domain::time::{Timestamp, after, moved};
use crate::engine::book::{Book, Effect};
use crate::engine::settings::{ClusterSettings, Settings};
use crate::policy;

/// Time between two looks.
pub(super) const POLL: Duration = Duration::from_secs(15);

pub(super) fn cluster(name: &str) -> ClusterName {
    ClusterName::parse(name).unwrap()
}

/// The follower with this number.
pub(super) fn key(number: usize) -> FollowerKey {
    FollowerKey::parse(&format!("eu/f-{number:03}")).unwrap()
}

pub(super) fn settings() -> Settings {
    let one = |name: &str, remotes: &[(&str, &str)]| ClusterSettings {
        name: cluster(name),
        poll_interval: POLL,
        leader_side_interval: Duration::from_mins(1),
        remotes: remotes
            .iter()
            .map(|(alias, name)| (RemoteAlias::parse(alias).unwrap(), cluster(name)))
            .collect::<BTreeMap<_, _>>(),
        declared_followers: Vec::new(),
    };
    Settings {
        clusters: vec![
            one("eu", &[("lead", "us"), ("far", "west")]),
            one("us", &[]),
            one("west", &[]),
        ],
        policy: policy::Settings {
            mode: policy::Mode::Ask,
            ..policy::Settings::default()
        },
        metrics: crate::engine::settings::MetricsSettings::default(),
        run_limits: crate::domain::run::Limits::default(),
        undo_directory: PathBuf::new(),
        brake_file: PathBuf::new(),
        shutdown_timeout: Duration::from_secs(30),
        blockers: Vec::new(),
        notify: std::sync::Arc::default(),
        keep_runs: Duration::MAX,
        history: crate::history::HistorySettings::OFF,
    }
}

/// What the clusters are like, and the book about them.
pub(super) struct Table {
    pub book: Book,
    pub now: Timestamp,
    /// How many followers there are.
    pub followers: usize,
    /// How many of them, from the end, follow through `far`.
    pub through_far: usize,
    /// `lead` is connected.
    pub connected: bool,
    /// `far` is connected.
    pub far_connected: bool,
    /// Followers are paused.
    pub paused: bool,
    /// The follower cluster answers.
    pub answers: bool,
    /// Effects of the last look.
    pub effects: Vec<Effect>,
}

impl Table {
    pub fn new(followers: usize) -> Self {
        let now = Timestamp::from_second(1_795_428_000).unwrap();
        Self {
            book: Book::new(settings(), Vec::new(), now),
            now,
            followers,
            through_far: 0,
            connected: true,
            far_connected: true,
            paused: false,
            answers: true,
            effects: Vec::new(),
        }
    }

    pub fn pass(&mut self, length: Duration) {
        self.now = after(self.now, length);
    }

    fn alias(&self, number: usize) -> &'static str {
        if number + self.through_far >= self.followers {
            "far"
        } else {
            "lead"
        }
    }

    pub fn answer(&self, name: &str, path: &str, body: &Value) -> Answer {
        Answer {
            at: self.now,
            cluster: cluster(name),
            call: Call::get(path.to_owned()),
            outcome: if self.answers {
                Outcome::Got {
                    status: 200,
                    body: Bytes::from(body.to_string()),
                }
            } else {
                Outcome::Failed("connection refused".into())
            },
        }
    }

    fn stats(&self) -> Value {
        let indices: Vec<Value> = (0..self.followers)
            .filter(|_| !self.paused)
            .map(|number| {
                json!({ "index": format!("f-{number:03}"), "shards": [ { "shard_id": 0,
                    "remote_cluster": self.alias(number), "leader_index": format!("l-{number:03}"),
                    "leader_global_checkpoint": 5, "leader_max_seq_no": 5, "follower_global_checkpoint": 5,
                    "follower_max_seq_no": 5, "time_since_last_read_millis": 900, "read_exceptions": [] } ] })
            })
            .collect();
        json!({ "auto_follow_stats": {}, "follow_stats": { "indices": indices } })
    }

    fn info(&self) -> Value {
        let indices: Vec<Value> = (0..self.followers)
            .map(|number| {
                json!({ "follower_index": format!("f-{number:03}"), "remote_cluster": self.alias(number),
                    "leader_index": format!("l-{number:03}"),
                    "status": if self.paused { "paused" } else { "active" }, "parameters": {} })
            })
            .collect();
        json!({ "follower_indices": indices })
    }

    /// One look at `eu`, fifteen seconds after the last, with judgement and decision.
    pub fn look(&mut self) {
        self.pass(POLL);
        let remote = |connected: bool| json!({ "connected": connected, "mode": "sniff", "seeds": ["a:9300"], "num_nodes_connected": i32::from(connected) });
        let answers = [
            self.answer("eu", "/*,.*/_ccr/info", &self.info()),
            self.answer("eu", "/_ccr/stats", &self.stats()),
            self.answer(
                "eu",
                "/_remote/info",
                &json!({ "lead": remote(self.connected), "far": remote(self.far_connected) }),
            ),
        ];
        self.book.learn(&answers, self.now);
        let ok = if self.answers {
            Ok(())
        } else {
            Err("connection refused".to_owned())
        };
        self.book.looked(&cluster("eu"), ok, 0.1, self.now);
        self.book.judge(&cluster("eu"), true, self.now);
        self.effects = self.book.decide(self.now);
    }

    /// A new book over what the store would hold.
    pub fn restart(&mut self) {
        let memories = self.book.changed_memories();
        let text = serde_json::to_string(&memories).unwrap();
        self.book = Book::new(settings(), serde_json::from_str(&text).unwrap(), self.now);
    }

    /// Somebody sets the clock.
    pub fn set_clock(&mut self, by_millis: i64) {
        self.now = moved(self.now, by_millis);
        self.book.clock_jumped(by_millis, self.now);
    }

    pub fn story(&self) -> Vec<String> {
        let events = self.book.story.after(0);
        events.into_iter().map(|event| event.text).collect()
    }

    pub fn flaps(&self, number: usize) -> bool {
        let verdict = self.book.followers[&key(number)].verdict.as_ref();
        verdict.is_some_and(|verdict| verdict.flapping)
    }
}

/// An approved plan of a follower, as the store would give it back.
pub(super) fn approved(key: FollowerKey, now: Timestamp) -> PlanRecord {
    let basis = PlanBasis {
        cluster: key.cluster,
        cluster_uuid: ClusterUuid::parse("cu-eu").unwrap(),
        follower: key.index,
        follower_uuid: IndexUuid::parse("iu-f").unwrap(),
        remote: RemoteAlias::parse("lead").unwrap(),
        leader_cluster: Some(cluster("us")),
        leader_cluster_uuid: None,
        leader: IndexName::parse("l-001").unwrap(),
        leader_uuid: None,
        leader_uuid_followed: None,
        shards: Vec::new(),
        shard_count: 1,
        cause: Cause::RemoteUnreachable,
        ladder: vec![Remedy::Resume],
        parameters: BTreeMap::new(),
        own_settings: BTreeMap::new(),
        aliases: BTreeMap::new(),
        data_stream: None,
        overrides: Vec::new(),
        extend_runway: None,
        follow_settings: BTreeMap::new(),
        snapshot: None,
        beside: None,
        lease: crate::domain::plan::LeaseWay::Forget,
    };
    let plan = Plan {
        format: PLAN_FORMAT,
        hash: basis.hash().unwrap(),
        basis,
        approval: Approval::Policy,
        created_at: now,
        figures: PlanFigures::default(),
        evidence: Vec::new(),
    };
    let mut record = policy::new_record(plan, now, &settings().policy, None);
    record.state = PlanState::Approved;
    record
}
