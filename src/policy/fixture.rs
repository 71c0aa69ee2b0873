//! A healthy pair and a follower whose history is lost, for the tests of this module.

use std::collections::BTreeMap;

use crate::domain::answer::Call;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::facts::{
    ClusterHealth, EsVersion, Exception, Facts, FollowInfo, FollowStats, FollowStatus, Followed, Health,
    IlmExplain, IndexHealth, IndexMeta, IndexStats, License, Node, NodeDisk, Parameters, PrimaryRouting,
    RemoteInfo, Root, Series, ShardSeq, ShardStats, Sighting,
};
use crate::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, HistoryUuid, IndexName, IndexUuid, RemoteAlias, RunId,
};
use crate::domain::journal::RunOutcome;
use crate::domain::memory::{HighWater, Memory};
use crate::domain::plan::{NO_WISHES, Wishes};
use crate::domain::seen::Seen;
use crate::domain::shared::Shared;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Identity, Verdict};
use crate::policy::build_plan;
use crate::policy::decide::Moment;
use crate::policy::guards::{Question, RunContext, Stage};
use crate::policy::settings::{Action, Mode, Rule, Settings};
use crate::policy::world::{InFlight, PastRun, World};
use crate::policy::{Glob, Member};

pub(crate) fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

pub(crate) fn ago(seconds: i64) -> Timestamp {
    now()
        .checked_sub(jiff::SignedDuration::from_secs(seconds))
        .unwrap()
}

pub(crate) fn key(index: &str) -> FollowerKey {
    FollowerKey {
        cluster: ClusterName::parse("eu").unwrap(),
        index: IndexName::parse(index).unwrap(),
    }
}

pub(crate) fn alias() -> RemoteAlias {
    RemoteAlias::parse("lead").unwrap()
}

fn cluster(text: &str) -> ClusterUuid {
    ClusterUuid::parse(text).unwrap()
}

fn history(text: &str) -> HistoryUuid {
    HistoryUuid::parse(text).unwrap()
}

pub(crate) fn uuid(text: &str) -> IndexUuid {
    IndexUuid::parse(text).unwrap()
}

/// One sighting, a second old.
pub(crate) fn seen<T>(value: Seen<T>) -> Series<T> {
    Series(vec![Sighting {
        at: ago(1),
        cluster: ClusterName::parse("eu").unwrap(),
        call: Call::get("/"),
        value,
    }])
}

pub(crate) fn some<T>(value: T) -> Series<T> {
    seen(Seen::Present(value))
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn root(name: &str, uuid: &str) -> Root {
    Root {
        cluster_name: name.to_owned(),
        cluster_uuid: Some(cluster(uuid)),
        version: EsVersion::parse("8.10.4").unwrap(),
    }
}

fn license() -> License {
    License {
        kind: "trial".to_owned(),
        status: "active".to_owned(),
        expires_at: Some("2026-12-23T12:00:00Z".parse().unwrap()),
    }
}

fn health() -> ClusterHealth {
    ClusterHealth {
        status: Health::Green,
        nodes: Some(1),
        data_nodes: Some(1),
        pending_tasks: Some(0),
        relocating_shards: Some(0),
    }
}

fn node() -> Node {
    Node {
        id: "N1".to_owned(),
        name: Some("node-1".to_owned()),
        version: EsVersion::parse("8.10.4"),
        roles: vec!["data".to_owned(), "remote_cluster_client".to_owned()],
        attributes: Some(BTreeMap::from([("box".to_owned(), "warm".to_owned())])),
    }
}

fn stats(uuid_text: &str, max: i64, docs: u64, histories: [&str; 2]) -> IndexStats {
    IndexStats {
        uuid: Some(uuid(uuid_text)),
        primaries: (0..2)
            .map(|shard: u32| {
                (
                    shard,
                    ShardSeq {
                        state: Some("STARTED".to_owned()),
                        history_uuid: Some(history(histories[shard as usize])),
                        max_seq_no: Some(max),
                        global_checkpoint: Some(max),
                        docs: Some(docs / 2),
                        store_bytes: Some(1 << 20),
                        leases: Some(Vec::new()),
                    },
                )
            })
            .collect(),
        docs: Some(docs),
        store_bytes: Some(2 << 20),
    }
}

pub(crate) fn parameters() -> Parameters {
    [("max_outstanding_read_requests".to_owned(), serde_json::json!(7))]
        .into_iter()
        .collect()
}

fn shard_stats(shard: u32, fatal: bool) -> ShardStats {
    let lost = Exception {
        kind: "resource_not_found_exception".to_owned(),
        requested_operations_missing: Some((286, 4333)),
        ..Exception::default()
    };
    ShardStats {
        shard,
        remote: Some(alias()),
        leader_index: Some(IndexName::parse("orders").unwrap()),
        leader_global_checkpoint: Some(285).into(),
        leader_max_seq_no: Some(285).into(),
        follower_global_checkpoint: Some(285).into(),
        follower_max_seq_no: Some(285).into(),
        last_requested_seq_no: Some(286).into(),
        outstanding_read_requests: Some(0).into(),
        outstanding_write_requests: Some(0).into(),
        write_buffer_operation_count: Some(0).into(),
        write_buffer_size_in_bytes: Some(0).into(),
        follower_mapping_version: None.into(),
        follower_settings_version: None.into(),
        follower_aliases_version: None.into(),
        total_read_time_millis: None.into(),
        total_read_remote_exec_time_millis: None.into(),
        successful_read_requests: None.into(),
        failed_read_requests: None.into(),
        operations_read: None.into(),
        bytes_read: None.into(),
        total_write_time_millis: None.into(),
        successful_write_requests: None.into(),
        failed_write_requests: None.into(),
        operations_written: None.into(),
        time_since_last_read_millis: Some(1000).into(),
        read_exceptions: Seen::Present(Box::default()),
        fatal_exception: if fatal {
            Seen::Present(Box::new(lost))
        } else {
            Seen::Absent
        },
    }
}

fn index_settings(uuid: &str, more: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut settings = map(&[
        ("index.number_of_shards", "2"),
        ("index.number_of_replicas", "0"),
        ("index.uuid", uuid),
        ("index.version.created", "8100499"),
    ]);
    settings.extend(map(more));
    settings
}

/// A follower on 8.10.4 whose second shard lost its history; everything else is in order.
pub(crate) fn facts() -> Facts {
    let mut facts = Facts::nothing(key("orders-f"), now());
    facts.remote = Some(alias());
    facts.leader_index = Some(IndexName::parse("orders").unwrap());
    facts.leader_cluster = Some(ClusterName::parse("us").unwrap());

    let own = index_settings(
        "F",
        &[
            ("index.xpack.ccr.following_index", "true"),
            ("index.refresh_interval", "7s"),
        ],
    );
    let f = &mut facts.follower;
    f.root = some(root("follower", "CF"));
    f.license = some(license());
    f.stats = some(FollowStats {
        shards: [(0, shard_stats(0, false)), (1, shard_stats(1, true))]
            .into_iter()
            .collect(),
        malformed: 0,
        total_global_checkpoint_lag: None,
    });
    f.info = some(FollowInfo {
        remote: Some(alias()),
        leader_index: Some(IndexName::parse("orders").unwrap()),
        status: FollowStatus::Active,
        parameters: Some(parameters().into()),
    });
    f.remote = some(RemoteInfo {
        connected: Some(true),
        mode: Some("sniff".to_owned()),
        addresses: vec!["10.0.0.1:9300".to_owned()],
        connections: Some(1),
    });
    f.meta = some(IndexMeta {
        open: Some(true),
        settings: own.clone(),
        followed: Some(Followed {
            leader_index_uuid: Some(uuid("L")),
            history_uuids: Some(vec![history("H0"), history("H1")]),
            leader_index: Some(IndexName::parse("orders").unwrap()),
            remote: Some(alias()),
        }),
        primary_terms: [(0, 1), (1, 1)].into_iter().collect(),
        aliases: Vec::new(),
        routing_num_shards: Some(1024),
    });
    f.settings = some(own);
    f.routing = some(
        (0..2)
            .map(|shard| {
                (
                    shard,
                    PrimaryRouting {
                        state: "STARTED".to_owned(),
                        recovery_source: None,
                        unassigned_reason: None,
                        unassigned_details: None,
                        failed_attempts: None,
                    },
                )
            })
            .collect(),
    );
    f.health = some(IndexHealth {
        status: Health::Green,
        number_of_shards: Some(2),
        active_primary_shards: Some(2),
        initializing_shards: Some(0),
        unassigned_shards: Some(0),
    });
    f.cluster_health = some(health());
    f.recovery = some(Vec::new());
    f.index = some(stats("F", 285, 500, ["X0", "X1"]));
    f.aliases = some(BTreeMap::new());
    f.tasks = some(Vec::new());
    f.ilm = some(IlmExplain {
        managed: false,
        policy: None,
        phase: None,
        action: None,
        step: None,
    });
    f.cluster_settings = some(Shared::from(map(&[
        ("cluster.indices.close.enable", "true"),
        ("cluster.max_shards_per_node", "1000"),
        ("cluster.persistent_tasks.allocation.enable", "all"),
        ("cluster.routing.allocation.enable", "all"),
        ("cluster.routing.allocation.disk.threshold_enabled", "true"),
        ("cluster.routing.allocation.disk.watermark.low", "85%"),
    ])));
    f.nodes = some(vec![node()].into());
    f.data_stream = seen(Seen::Absent);
    f.disks = some(vec![NodeDisk {
        name: "n".to_owned(),
        roles: vec!["data".to_owned()],
        total_bytes: Some(100 << 30),
        available_bytes: Some(50 << 30),
    }]);
    f.snapshots = some(BTreeMap::new());
    f.auto_follow = some(Vec::new().into());
    f.privileges = seen(Seen::Absent);
    f.total_shards = some(4);
    f.count_through_alias = some(1000);

    let l = &mut facts.leader;
    l.root = some(root("leader", "CL"));
    l.license = some(license());
    l.index = some(stats("L", 4333, 1000, ["H0", "H1"]));
    l.settings = some(index_settings("L", &[]));
    l.meta = some(IndexMeta {
        open: Some(true),
        settings: index_settings("L", &[]),
        routing_num_shards: Some(1024),
        ..IndexMeta::default()
    });
    l.count = some(1000);
    l.health = facts.follower.health.clone();
    l.cluster_health = some(health());
    l.ilm = facts.follower.ilm.clone();
    l.nodes = some(vec![node()].into());
    l.privileges = seen(Seen::Absent);
    facts
}

/// What was remembered while it was well.
pub(crate) fn memory() -> Memory {
    Memory {
        follower_index_uuid: Some(uuid("F")),
        remote: Some(alias()),
        leader_index: Some(IndexName::parse("orders").unwrap()),
        leader_index_uuid: Some(uuid("L")),
        leader_shard_history_uuids: Some(vec![history("H0"), history("H1")]),
        followed_is_recorded: true,
        follower_cluster_uuid: Some(cluster("CF")),
        leader_cluster_uuid: Some(cluster("CL")),
        remote_addresses: Some(vec!["10.0.0.1:9300".to_owned()]),
        parameters: Some(parameters().into()),
        own_settings: Some(
            map(&[
                ("index.number_of_replicas", "0"),
                ("index.refresh_interval", "7s"),
            ])
            .into(),
        ),
        aliases: Some(BTreeMap::new().into()),
        shard_count: Some(2),
        high_water: [0, 1]
            .into_iter()
            .map(|shard| {
                (
                    shard,
                    HighWater {
                        leader_max_seq_no: Some(4000),
                        leader_global_checkpoint: Some(4000),
                    },
                )
            })
            .collect(),
        last_state: Some(State::Following),
        last_well_at: Some(ago(600)),
        last_renewing_at: Some(ago(600)),
        fatal_since: Some(ago(300)),
        ..Memory::default()
    }
}

pub(crate) fn verdict(cause: Cause) -> Verdict {
    Verdict {
        state: if cause == Cause::None {
            State::Following
        } else {
            State::Fatal
        },
        cause,
        also: Vec::new(),
        ladder: cause.ladder().to_vec(),
        approval: cause.approval(),
        identity: Identity::Proven,
        flapping: false,
        evidence: Vec::new(),
    }
}

pub(crate) fn lost() -> Verdict {
    verdict(Cause::HistoryLost)
}

/// `auto` for everything.
pub(crate) fn settings() -> Settings {
    Settings {
        mode: Mode::Auto,
        rules: vec![Rule {
            clusters: vec![Glob::new("*")],
            followers: vec![Glob::new("*")],
            remotes: vec![Glob::new("*")],
            causes: Cause::ALL.to_vec(),
            action: Action::Auto,
            document_tolerance: None,
        }],
        ..Settings::default()
    }
}

/// Everything that one decision rests on, owned.
pub(crate) struct Case {
    pub(crate) verdict: Verdict,
    pub(crate) facts: Facts,
    pub(crate) memory: Memory,
    pub(crate) world: World,
    pub(crate) settings: Settings,
    pub(crate) run: Option<RunContext>,
    pub(crate) wishes: Wishes,
    /// Side by side: what stands under the new name.
    pub(crate) beside: Option<Facts>,
}

impl Case {
    pub(crate) fn lost() -> Self {
        Self {
            verdict: lost(),
            facts: facts(),
            memory: memory(),
            world: World::quiet(now()),
            settings: settings(),
            run: None,
            wishes: Wishes::default(),
            beside: None,
        }
    }

    /// The same follower in the middle of a run, just before the request of `stage`.
    pub(crate) fn at(stage: Stage) -> Self {
        let mut case = Self::lost();
        let plan = build_plan(&case.verdict, &case.facts, &case.memory, &NO_WISHES, now()).unwrap();
        case.run = Some(RunContext {
            run: RunId::parse("r1").unwrap(),
            basis: plan.basis,
            resume_accepted_at: Some(ago(60)),
            fatal_again: true,
            follower_before: case.facts.follower.index.present().cloned(),
            paused_by_us: stage >= Stage::BeforeResume,
            closed_by_us: stage.closed(),
            born: None,
            unfollowed_by_us: false,
        });
        if stage >= Stage::BeforeResume {
            case.facts.follower.info = some(FollowInfo {
                remote: Some(alias()),
                leader_index: Some(IndexName::parse("orders").unwrap()),
                status: FollowStatus::Paused,
                parameters: None,
            });
            case.facts.follower.stats = seen(Seen::Absent);
        }
        if stage.closed() {
            let mut meta = case.facts.follower.meta.present().cloned().unwrap();
            meta.open = Some(false);
            case.facts.follower.meta = some(meta);
            case.facts.follower.index = seen(Seen::unknown("index_closed_exception"));
        }
        case
    }

    pub(crate) fn question(&self, stage: Stage, remedy: Remedy) -> Question<'_> {
        Question {
            beside: self.beside.as_ref(),
            stage,
            remedy,
            verdict: &self.verdict,
            facts: &self.facts,
            memory: &self.memory,
            world: &self.world,
            settings: &self.settings,
            wishes: &self.wishes,
            run: self.run.as_ref(),
            approved_at: None,
        }
    }

    pub(crate) fn moment(&self) -> Moment<'_> {
        Moment {
            verdict: &self.verdict,
            held_for_looks: 2,
            waited_since: Some(ago(60)),
            runway_expires_at: None,
            facts: &self.facts,
            memory: &self.memory,
            world: &self.world,
            settings: &self.settings,
            existing: None,
        }
    }
}

pub(crate) fn flying(index: &str, remedy: Remedy, bytes: u64) -> InFlight {
    InFlight {
        beside: None,
        run: RunId::parse(&format!("run-{index}")).unwrap(),
        key: key(index),
        remote: alias(),
        remedy,
        bytes,
        since: ago(30),
    }
}

pub(crate) fn ended(
    index: &str,
    remedy: Remedy,
    outcome: RunOutcome,
    ago_seconds: i64,
    bytes: u64,
) -> PastRun {
    PastRun {
        key: key(index),
        lineage: uuid(index),
        remote: alias(),
        remedy: Some(remedy),
        outcome,
        started_at: ago(ago_seconds),
        ended_at: ago(ago_seconds - 10),
        bytes,
    }
}

pub(crate) fn member(index: &str, unhealthy: bool) -> Member {
    Member {
        key: key(index),
        remote: Some(alias()),
        unhealthy,
        paused_by_people: false,
        never_and_acknowledged: false,
        in_flight_or_cooling: false,
    }
}
