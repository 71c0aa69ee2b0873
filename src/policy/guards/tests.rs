//! Each guard: what makes it pass, block and not know.

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::facts::{Facts, Health, IlmExplain, IlmPhase, Lease, Series};
use crate::domain::ids::{ClusterUuid, LeaseId};
use crate::domain::installation::MARKER;
use crate::domain::memory::OwnRun;
use crate::domain::plan::LeaseWay;
use crate::domain::seen::Seen;
use crate::domain::time::after;
use crate::policy::fixture::{Case, ago, now, seen, some, uuid, verdict};
use crate::policy::guards::{Stage, evaluate};
use crate::policy::settings::Mode;

mod beside;

const STAGES: [(Stage, Remedy); 8] = [
    (Stage::Plan, Remedy::Recreate),
    (Stage::Plan, Remedy::Resume),
    (Stage::BeforeRun, Remedy::Resume),
    (Stage::BeforePause, Remedy::Recreate),
    (Stage::BeforeResume, Remedy::Resume),
    (Stage::BeforeClose, Remedy::Recreate),
    (Stage::BeforeForget, Remedy::Recreate),
    (Stage::BeforeFollow, Remedy::Recreate),
];

fn ask(case: &Case, stage: Stage, remedy: Remedy) -> Vec<GuardResult> {
    evaluate(&case.question(stage, remedy))
}

fn held(case: &Case, stage: Stage, remedy: Remedy) -> Vec<String> {
    ask(case, stage, remedy)
        .into_iter()
        .filter(|guard| !guard.passes())
        .map(|guard| format!("{} {}: {}", guard.name, guard.verdict, guard.inputs))
        .collect()
}

fn verdict_of(case: &Case, stage: Stage, remedy: Remedy, name: &str) -> GuardVerdict {
    ask(case, stage, remedy)
        .into_iter()
        .find(|guard| guard.name == name)
        .unwrap_or_else(|| panic!("{name} is not asked at {stage:?}"))
        .verdict
}

fn change<T: Clone>(series: &mut Series<T>, change: impl FnOnce(&mut T)) {
    let mut value = series.present().cloned().unwrap();
    change(&mut value);
    *series = some(value);
}

#[test]
fn every_guard_passes_on_a_pair_in_order_at_every_stage() {
    for (stage, remedy) in STAGES {
        let case = match stage {
            Stage::Plan => Case::lost(),
            _ => Case::at(stage),
        };
        assert_eq!(
            held(&case, stage, remedy),
            Vec::<String>::new(),
            "{stage:?} {remedy}"
        );
    }
}

#[test]
fn guard_names_are_snake_case_and_given_once() {
    let names: Vec<_> = super::names().collect();
    for name in &names {
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{name}");
        assert_eq!(names.iter().filter(|other| other == &name).count(), 1, "{name}");
    }
}

/// A way to spoil the pair, and the guard that must block for it before a recreate.
type Spoil = (&'static str, fn(&mut Case));

const SPOILS: &[Spoil] = &[
    ("mode", |case| case.settings.mode = Mode::Observe),
    ("brake_file", |case| case.world.brake_file = Seen::Present(true)),
    ("warm_up", |case| {
        case.world.warm_until = after(now(), std::time::Duration::from_secs(1));
    }),
    ("leader_looked_at", |case| case.facts.leader_cluster = None),
    ("cluster_configured_once", |case| {
        case.world.duplicate_cluster_uuid = true;
    }),
    ("one_way", |case| case.world.both_ways = Seen::Present(true)),
    ("no_other_installation", |case| {
        case.world.installation = Some("ours".to_owned());
        change(&mut case.facts.follower.cluster_settings, |settings| {
            settings.insert(MARKER.to_owned(), "another".to_owned());
        });
    }),
    ("not_followed_itself", |case| {
        change(&mut case.facts.follower.index, |stats| {
            stats.primaries.get_mut(&1).unwrap().leases = Some(vec![Lease {
                id: LeaseId::parse("far/copy/U-following-near/orders-f/F").unwrap(),
                retaining_seq_no: Some(0),
                renewed_at: None,
                source: Some("ccr".to_owned()),
            }]);
        });
    }),
    ("cause_allows", |case| case.verdict = verdict(Cause::License)),
    ("not_paused_by_people", |case| {
        change(&mut case.facts.follower.info, |info| {
            info.status = crate::domain::facts::FollowStatus::Paused;
        });
    }),
    ("follower_open", |case| {
        change(&mut case.facts.follower.meta, |meta| meta.open = Some(false));
    }),
    ("fatal_or_approved", |case| {
        change(&mut case.facts.follower.stats, |stats| {
            stats.shards.get_mut(&1).unwrap().fatal_exception = Seen::Absent;
        });
    }),
    ("is_follower", |case| {
        case.facts.follower.info = seen(Seen::Absent);
    }),
    ("same_follower", |case| {
        case.memory.follower_index_uuid = Some(uuid("other"));
    }),
    ("clusters_pinned", |case| {
        case.memory.leader_cluster_uuid = Some(ClusterUuid::parse("other").unwrap());
    }),
    ("alias_proven", |case| {
        case.memory.remote_addresses = Some(vec!["10.9.9.9:9300".to_owned()]);
    }),
    ("leader_open", |case| {
        change(&mut case.facts.leader.meta, |meta| meta.open = Some(false));
        // Elasticsearch refuses the statistics of a closed index.
        case.facts.leader.index = seen(Seen::unknown("index_closed_exception"));
    }),
    ("same_leader", |case| {
        change(&mut case.facts.follower.meta, |meta| {
            meta.followed.as_mut().unwrap().leader_index_uuid = Some(uuid("before"));
        });
        case.memory.leader_index_uuid = Some(uuid("before"));
    }),
    ("same_history", |case| {
        change(&mut case.facts.leader.index, |stats| {
            stats.primaries.get_mut(&1).unwrap().history_uuid =
                Some(crate::domain::ids::HistoryUuid::parse("H9").unwrap());
        });
    }),
    ("leader_healthy", |case| {
        change(&mut case.facts.leader.health, |health| {
            health.active_primary_shards = Some(1);
        });
    }),
    ("documents_not_fewer", |case| {
        change(&mut case.facts.follower.index, |stats| stats.docs = Some(1002));
    }),
    ("sequence_numbers_not_lower", |case| {
        change(&mut case.facts.follower.index, |stats| {
            stats.primaries.get_mut(&1).unwrap().global_checkpoint = Some(4334);
        });
    }),
    ("not_below_remembered", |case| {
        case.memory.high_water.get_mut(&0).unwrap().leader_max_seq_no = Some(4334);
    }),
    ("no_snapshot_or_restore", |case| {
        change(&mut case.facts.follower.snapshots, |running| {
            running.insert("snapshot s/one".to_owned(), vec!["orders-f".to_owned()]);
        });
    }),
    ("follower_ilm", |case| {
        case.facts.follower.ilm = some(ilm("hot", "unfollow"));
    }),
    ("leader_ilm", |case| {
        case.facts.leader.ilm = some(ilm("delete", "delete"));
    }),
    ("remote_connected", |case| {
        change(&mut case.facts.follower.remote, |remote| {
            remote.connected = Some(false);
        });
    }),
    ("follower_license", |case| {
        change(&mut case.facts.follower.license, |license| {
            license.kind = "basic".to_owned();
        });
    }),
    ("leader_license", |case| {
        change(&mut case.facts.leader.license, |license| {
            license.expires_at = Some(after(now(), std::time::Duration::from_mins(1)));
        });
    }),
    ("versions", |case| {
        change(&mut case.facts.leader.nodes, |nodes| {
            nodes[0].version = crate::domain::facts::EsVersion::parse("8.11.0");
        });
    }),
    ("no_upgrade", |case| {
        change(&mut case.facts.follower.nodes, |nodes| {
            let mut newer = nodes[0].clone();
            newer.version = crate::domain::facts::EsVersion::parse("8.11.0");
            nodes.push(newer);
        });
    }),
    ("shards_equal", |case| {
        leader_setting(case, "index.number_of_shards", "3");
    }),
    ("leader_followable", |case| {
        leader_setting(case, "index.soft_deletes.enabled", "false");
    }),
    ("leader_blocks", |case| {
        leader_setting(case, "index.blocks.write", "true");
    }),
    ("leader_allocation", |case| {
        leader_setting(
            case,
            "index.routing.allocation.include._tier_preference",
            "data_warm",
        );
        change(&mut case.facts.follower.nodes, |nodes| {
            nodes[0].roles = vec!["data_hot".to_owned(), "remote_cluster_client".to_owned()];
        });
    }),
    ("leader_allocation", |case| {
        leader_setting(case, "index.routing.allocation.require.box", "hot");
    }),
    ("leader_allocation", |case| {
        leader_setting(case, "index.routing.allocation.include.box", "hot,cold*");
    }),
    ("leader_allocation", |case| {
        leader_setting(case, "index.routing.allocation.exclude._name", "node-*");
    }),
    ("follower_blocks", |case| {
        follower_setting(case, "index.blocks.read_only", "true");
    }),
    ("disk", |case| {
        change(&mut case.facts.follower.disks, |disks| {
            disks[0].available_bytes = Some((15 << 30) + (1 << 20));
        });
    }),
    ("remote_client_node", |case| {
        change(&mut case.facts.follower.nodes, |nodes| {
            nodes[0].roles = vec!["data".to_owned()];
        });
    }),
    ("allocation_enabled", |case| {
        cluster_setting(case, "cluster.routing.allocation.enable", "none");
    }),
    ("task_assignment", |case| {
        cluster_setting(case, "cluster.persistent_tasks.allocation.enable", "none");
    }),
    ("close_enabled", |case| {
        cluster_setting(case, "cluster.indices.close.enable", "false");
    }),
    ("room_to_reopen", |case| {
        case.facts.follower.total_shards = some(1001);
    }),
    ("follower_cluster_calm", |case| {
        change(&mut case.facts.follower.cluster_health, |health| {
            health.status = Health::Red;
        });
    }),
    ("leader_cluster_calm", |case| {
        change(&mut case.facts.leader.cluster_health, |health| {
            health.pending_tasks = Some(51);
        });
    }),
    ("clusters_at_ease", |case| {
        spare(case, crate::domain::load::Trouble::Rejected);
    }),
    ("follower_privileges", |case| {
        case.facts.follower.privileges = some(
            [
                ("cluster:monitor", true),
                ("cluster:manage_ccr", true),
                ("index:manage_follow_index", true),
                ("index:manage", false),
            ]
            .into_iter()
            .map(|(name, have)| (name.to_owned(), have))
            .collect(),
        );
    }),
    ("leader_privileges", |case| {
        case.facts.leader.privileges = some(
            [
                ("index:monitor", true),
                ("index:read", true),
                ("index:manage_leader_index", false),
            ]
            .into_iter()
            .map(|(name, have)| (name.to_owned(), have))
            .collect(),
        );
    }),
    ("no_other_run", |case| {
        case.world
            .in_flight
            .push(crate::policy::fixture::flying("orders-f", Remedy::Resume, 0));
    }),
    ("data_stream", |case| {
        case.facts.follower.data_stream = some("logs".to_owned());
        case.facts.follower.data_stream_replicated = some(false);
    }),
    ("brakes", |case| {
        case.world.brakes = Seen::Present(vec![brake(BrakeScope::parse("remote:eu/lead").unwrap())]);
    }),
    ("budget", |case| {
        case.world
            .in_flight
            .push(crate::policy::fixture::flying("other-f", Remedy::Recreate, 1));
    }),
];

fn cluster_setting(case: &mut Case, key: &str, value: &str) {
    change(&mut case.facts.follower.cluster_settings, |settings| {
        settings.insert(key.to_owned(), value.to_owned());
    });
}

/// Both calls that show an index's settings say the same.
fn leader_setting(case: &mut Case, key: &str, value: &str) {
    change(&mut case.facts.leader.settings, |settings| {
        settings.insert(key.to_owned(), value.to_owned());
    });
    change(&mut case.facts.leader.meta, |meta| {
        meta.settings.insert(key.to_owned(), value.to_owned());
    });
}

fn follower_setting(case: &mut Case, key: &str, value: &str) {
    change(&mut case.facts.follower.settings, |settings| {
        settings.insert(key.to_owned(), value.to_owned());
    });
    change(&mut case.facts.follower.meta, |meta| {
        meta.settings.insert(key.to_owned(), value.to_owned());
    });
}

fn ilm(phase: &str, action: &str) -> IlmExplain {
    IlmExplain {
        managed: true,
        policy: Some("p".to_owned()),
        phase: Some(phase.to_owned()),
        action: Some(action.to_owned()),
        step: Some("step".to_owned()),
    }
}

fn brake(scope: BrakeScope) -> Brake {
    Brake {
        scope,
        owner: "ann".to_owned(),
        reason: "drill".to_owned(),
        engaged_at: ago(60),
        expires_at: None,
    }
}

#[test]
fn what_is_wrong_is_blocked_by_its_guard() {
    for (name, spoil) in SPOILS {
        let mut case = Case::lost();
        spoil(&mut case);
        assert_eq!(
            verdict_of(&case, Stage::Plan, Remedy::Recreate, name),
            GuardVerdict::Block,
            "{name}: {:?}",
            held(&case, Stage::Plan, Remedy::Recreate)
        );
    }
}

#[test]
fn what_only_a_resume_or_a_new_index_needs_is_held_by_its_guard_too() {
    let mut unset = Case::at(Stage::BeforeResume);
    follower_setting(&mut unset, "index.xpack.ccr.following_index", "false");
    let mut missing = Case::at(Stage::BeforeResume);
    change(&mut missing.facts.follower.routing, |primaries| {
        for primary in primaries.values_mut() {
            primary.state = "UNASSIGNED".to_owned();
        }
    });
    for (case, name) in [(unset, "following_setting"), (missing, "follower_primaries")] {
        let verdict = verdict_of(&case, Stage::BeforeResume, Remedy::Resume, name);
        assert_eq!(verdict, GuardVerdict::Block, "{name}");
    }
    let mut system = Case::lost();
    system.facts.key.index = crate::domain::ids::IndexName::parse(".tasks").unwrap();
    let verdict = verdict_of(&system, Stage::Plan, Remedy::Recreate, "not_a_system_index");
    assert_eq!(verdict, GuardVerdict::Block);
    // Whatever stands under the name, or may stand there, is not followed over.
    let mut free = Case::lost();
    let named = |case: &Case| verdict_of(case, Stage::BeforeFollowNew, Remedy::DeleteAndFollow, "name_free");
    assert_eq!(named(&free), GuardVerdict::Unknown, "an index is there");
    free.facts.follower.meta = Series::default();
    assert_eq!(named(&free), GuardVerdict::Unknown, "it was not looked");
    free.facts.follower.meta = seen(Seen::Absent);
    assert_eq!(named(&free), GuardVerdict::Pass);
}

/// The follower's cluster is asked less than usual.
fn spare(case: &mut Case, reason: crate::domain::load::Trouble) {
    let pressure = crate::domain::load::Pressure {
        reason,
        since: now(),
        until: None,
        step: 1,
    };
    let cluster = case.facts.key.cluster.clone();
    case.world.spared.push((cluster, pressure));
}

#[test]
fn a_slow_cluster_holds_what_copies_and_no_resume_and_nothing_holds_what_has_begun() {
    use crate::domain::load::Trouble;
    let word = |reason, stage, remedy| {
        let mut case = Case::lost();
        spare(&mut case, reason);
        let found = ask(&case, stage, remedy);
        let guard = found.iter().find(|guard| guard.name == "clusters_at_ease");
        guard.map(|guard| guard.verdict)
    };
    let (block, pass) = (Some(GuardVerdict::Block), Some(GuardVerdict::Pass));
    for reason in [Trouble::Slow, Trouble::BusyMaster] {
        assert_eq!(word(reason, Stage::BeforePause, Remedy::Resume), pass);
        assert_eq!(word(reason, Stage::BeforePause, Remedy::Recreate), block);
    }
    for reason in [Trouble::Rejected, Trouble::NoMaster] {
        assert_eq!(word(reason, Stage::Plan, Remedy::Resume), block);
        for stage in [
            Stage::BeforeResume,
            Stage::BeforeClose,
            Stage::BeforeFollow,
            Stage::BeforeResumeRestored,
        ] {
            assert_eq!(word(reason, stage, Remedy::Recreate), None, "{stage:?}");
        }
    }
}

/// Ways to know nothing of one thing.
const BLINDS: &[fn(&mut Facts)] = &[
    |f| f.follower.root = Series::default(),
    |f| f.follower.license = Series::default(),
    |f| f.follower.stats = Series::default(),
    |f| f.follower.info = Series::default(),
    |f| f.follower.remote = Series::default(),
    |f| f.follower.meta = Series::default(),
    |f| f.follower.settings = Series::default(),
    |f| f.follower.cluster_health = Series::default(),
    |f| f.follower.recovery = Series::default(),
    |f| f.follower.index = Series::default(),
    |f| f.follower.tasks = Series::default(),
    |f| f.follower.ilm = Series::default(),
    |f| f.follower.cluster_settings = Series::default(),
    |f| f.follower.nodes = Series::default(),
    |f| f.follower.data_stream = Series::default(),
    |f| f.follower.disks = Series::default(),
    |f| f.follower.snapshots = Series::default(),
    |f| f.follower.privileges = Series::default(),
    |f| f.follower.total_shards = Series::default(),
    |f| f.follower.routing = Series::default(),
    |f| f.follower.health = Series::default(),
    |f| f.follower.auto_follow = Series::default(),
    |f| f.leader.root = Series::default(),
    |f| f.leader.license = Series::default(),
    |f| f.leader.index = Series::default(),
    |f| f.leader.meta = Series::default(),
    |f| f.leader.settings = Series::default(),
    |f| f.leader.health = Series::default(),
    |f| f.leader.cluster_health = Series::default(),
    |f| f.leader.ilm = Series::default(),
    |f| f.leader.nodes = Series::default(),
    |f| f.leader.privileges = Series::default(),
];

#[test]
fn knowing_less_never_makes_a_held_guard_pass() {
    for (name, spoil) in SPOILS {
        for (number, blind) in BLINDS.iter().enumerate() {
            let mut case = Case::lost();
            spoil(&mut case);
            blind(&mut case.facts);
            assert_ne!(
                verdict_of(&case, Stage::Plan, Remedy::Recreate, name),
                GuardVerdict::Pass,
                "{name} passes without fact {number}"
            );
        }
    }
}

/// The judge keeps a ladder where nobody asked for a licence (docs/SAFETY.md, *Limits that remain*).
#[test]
fn a_licence_that_nobody_asked_for_holds_every_rung() {
    let mut case = Case::lost();
    case.facts.follower.license = Series::default();
    case.facts.leader.license = Series::default();
    for remedy in [Remedy::Resume, Remedy::Recreate, Remedy::DeleteAndFollow] {
        for stage in [Stage::Plan, Stage::BeforePause, Stage::BeforeFollow] {
            for name in ["follower_license", "leader_license"] {
                assert_eq!(
                    verdict_of(&case, stage, remedy, name),
                    GuardVerdict::Unknown,
                    "{name}"
                );
            }
        }
    }
}

#[test]
fn facts_that_only_recreate_needs_hold_it_when_they_are_not_known() {
    type Forget = (&'static str, fn(&mut Facts));
    let needed: &[Forget] = &[
        ("disk", |f| f.follower.disks = Series::default()),
        ("no_snapshot_or_restore", |f| {
            f.follower.snapshots = Series::default();
        }),
        ("room_to_reopen", |f| f.follower.total_shards = Series::default()),
        ("leader_ilm", |f| f.leader.ilm = Series::default()),
        ("follower_ilm", |f| f.follower.ilm = Series::default()),
        ("leader_cluster_calm", |f| {
            f.leader.cluster_health = Series::default();
        }),
        ("follower_privileges", |f| {
            f.follower.privileges = Series::default();
        }),
        ("leader_license", |f| f.leader.license = Series::default()),
        ("data_stream", |f| f.follower.data_stream = Series::default()),
        ("sequence_numbers_not_lower", |f| {
            f.follower.index = Series::default();
        }),
        ("documents_not_fewer", |f| f.leader.index = Series::default()),
        ("clusters_pinned", |f| f.leader.root = Series::default()),
        ("remote_connected", |f| f.follower.remote = Series::default()),
    ];
    for (name, forget) in needed {
        let mut case = Case::lost();
        forget(&mut case.facts);
        assert_eq!(
            verdict_of(&case, Stage::Plan, Remedy::Recreate, name),
            GuardVerdict::Unknown,
            "{name}"
        );
    }
}

#[test]
fn the_put_waits_for_fresh_answers_and_for_the_lease_to_be_gone() {
    let mut case = Case::at(Stage::BeforeFollow);
    case.world.now = after(now(), std::time::Duration::from_secs(12));
    assert_eq!(
        verdict_of(&case, Stage::BeforeFollow, Remedy::Recreate, "fresh_answers"),
        GuardVerdict::Unknown
    );

    let mut case = Case::at(Stage::BeforeFollow);
    let lease = Lease {
        id: case.facts.lease_id().unwrap(),
        retaining_seq_no: Some(286),
        renewed_at: Some(ago(3600)),
        source: Some("ccr".to_owned()),
    };
    change(&mut case.facts.leader.index, |stats| {
        stats.primaries.get_mut(&1).unwrap().leases = Some(vec![lease]);
    });
    let put = verdict_of(&case, Stage::BeforeFollow, Remedy::Recreate, "lease");
    assert_eq!(put, GuardVerdict::Block);
    // Removing it is what the step before is for.
    let mut before = Case::at(Stage::BeforeForget);
    before.facts.leader.index = case.facts.leader.index.clone();
    let forget = verdict_of(&before, Stage::BeforeForget, Remedy::Recreate, "lease");
    assert_eq!(forget, GuardVerdict::Pass);
    // A shard that does not tell its leases may hold one.
    change(&mut case.facts.leader.index, |stats| {
        stats.primaries.get_mut(&1).unwrap().leases = None;
    });
    let put = verdict_of(&case, Stage::BeforeFollow, Remedy::Recreate, "lease");
    assert_eq!(put, GuardVerdict::Unknown);
}

#[test]
fn a_leader_that_changed_while_the_follower_was_closed_stops_the_put() {
    for stage in [Stage::BeforeForget, Stage::BeforeFollow] {
        // The daemon died after the close; meanwhile the leader was recreated.
        let mut case = Case::at(stage);
        change(&mut case.facts.leader.index, |stats| {
            stats.uuid = Some(uuid("L2"));
            stats.docs = Some(0);
        });
        change(&mut case.facts.leader.settings, |settings| {
            settings.insert("index.uuid".to_owned(), "L2".to_owned());
        });
        for name in ["same_leader", "documents_not_fewer"] {
            assert_eq!(
                verdict_of(&case, stage, Remedy::Recreate, name),
                GuardVerdict::Block,
                "{name}"
            );
        }
        // Somebody opened the follower, or lost what was kept of it.
        let mut case = Case::at(stage);
        change(&mut case.facts.follower.meta, |meta| meta.open = Some(true));
        assert_eq!(
            verdict_of(&case, stage, Remedy::Recreate, "as_we_left_it"),
            GuardVerdict::Block
        );
        let mut case = Case::at(stage);
        case.run.as_mut().unwrap().follower_before = None;
        assert_eq!(
            verdict_of(&case, stage, Remedy::Recreate, "sequence_numbers_not_lower"),
            GuardVerdict::Unknown
        );
        let mut case = Case::at(stage);
        case.facts.follower.info = seen(Seen::Absent);
        assert_eq!(
            verdict_of(&case, stage, Remedy::Recreate, "is_follower"),
            GuardVerdict::Block
        );
    }
}

#[test]
fn recreate_waits_until_a_resume_was_accepted_and_the_follower_is_fatal_again() {
    let mut case = Case::at(Stage::BeforePause);
    case.run.as_mut().unwrap().fatal_again = false;
    assert_eq!(
        verdict_of(&case, Stage::BeforePause, Remedy::Recreate, "mild_first"),
        GuardVerdict::Block
    );
    case.run.as_mut().unwrap().resume_accepted_at = None;
    assert_eq!(
        verdict_of(&case, Stage::BeforePause, Remedy::Recreate, "mild_first"),
        GuardVerdict::Block
    );
}

#[test]
fn an_alias_is_proven_by_a_resume_or_by_unchanged_addresses_and_a_read_that_agrees() {
    let stage = Stage::BeforePause;
    let proven = |case: &Case| verdict_of(case, stage, Remedy::Recreate, "alias_proven");
    let mut case = Case::at(stage);
    case.facts.follower.count_through_alias = Series::default();
    case.memory.last_renewing_at = None;
    assert_eq!(proven(&case), GuardVerdict::Pass, "the run's resume was accepted");
    case.run.as_mut().unwrap().resume_accepted_at = None;
    assert_eq!(
        proven(&case),
        GuardVerdict::Unknown,
        "nothing was read through it"
    );
    case.facts.follower.count_through_alias = some(1000);
    assert_eq!(proven(&case), GuardVerdict::Pass, "unchanged and read through");
    case.memory.remote_addresses = None;
    assert_eq!(
        proven(&case),
        GuardVerdict::Unknown,
        "where it led is not remembered"
    );
    // Failover drill: the alias points to a half-filled standby, the direct look goes to the old leader.
    let mut case = Case::at(stage);
    case.facts.follower.count_through_alias = some(400);
    assert_eq!(proven(&case), GuardVerdict::Block);
    // At the start the plan's own resume is still to come and proves it.
    let mut case = Case::lost();
    case.facts.follower.count_through_alias = Series::default();
    case.memory.last_renewing_at = None;
    case.memory.remote_addresses = None;
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "alias_proven"),
        GuardVerdict::Pass
    );
}

#[test]
fn a_pause_is_somebodys_unless_our_journal_has_it() {
    let mut case = Case::lost();
    change(&mut case.facts.follower.info, |info| {
        info.status = crate::domain::facts::FollowStatus::Paused;
    });
    let mut own = OwnRun {
        id: crate::domain::ids::RunId::parse("r0").unwrap(),
        paused: false,
        closed: false,
        followed: true,
        replaced: false,
        deleted: false,
        doubtful: false,
        at: ago(3600),
    };
    case.memory.own_run = Some(own.clone());
    let name = "not_paused_by_people";
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Resume, name),
        GuardVerdict::Block
    );
    own.paused = true;
    case.memory.own_run = Some(own);
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Resume, name),
        GuardVerdict::Pass
    );
}

#[test]
fn brakes_hold_what_they_name_until_they_expire() {
    let held = |scope: &str, remedy: Remedy| {
        let mut case = Case::lost();
        case.world.brakes = Seen::Present(vec![brake(BrakeScope::parse(scope).unwrap())]);
        verdict_of(&case, Stage::Plan, remedy, "brakes") == GuardVerdict::Block
    };
    for (scope, recreate, resume) in [
        ("all", true, true),
        ("recreate", true, false),
        ("resume", false, true),
        ("cluster:eu", true, true),
        ("cluster:us", false, false),
        ("remote:eu/lead", true, true),
        ("remote:eu/other", false, false),
        ("follower:eu/orders-f", true, true),
        ("follower:eu/orders", false, false),
    ] {
        assert_eq!(held(scope, Remedy::Recreate), recreate, "{scope}");
        assert_eq!(held(scope, Remedy::Resume), resume, "{scope}");
    }
    let mut case = Case::lost();
    let mut ending = brake(BrakeScope::All);
    ending.expires_at = Some(after(now(), std::time::Duration::from_mins(1)));
    case.world.brakes = Seen::Present(vec![ending.clone()]);
    let result = ask(&case, Stage::Plan, Remedy::Resume)
        .into_iter()
        .find(|guard| guard.name == "brakes")
        .unwrap();
    assert_eq!(result.changes_at, ending.expires_at);
    case.world.now = after(now(), std::time::Duration::from_mins(1));
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Resume, "brakes"),
        GuardVerdict::Pass
    );
    case.world.brakes = Seen::unknown("locked");
    case.world.brake_file = Seen::unknown("permission denied");
    for name in ["brakes", "brake_file"] {
        assert_eq!(
            verdict_of(&case, Stage::Plan, Remedy::Resume, name),
            GuardVerdict::Unknown
        );
    }
}

#[test]
fn finishing_after_the_put_is_held_by_no_brake_and_no_mode() {
    let mut case = Case::at(Stage::BeforeResumeRestored);
    case.settings.mode = Mode::Observe;
    case.world.brakes = Seen::Present(vec![brake(BrakeScope::All)]);
    case.world.brake_file = Seen::Present(true);
    assert_eq!(
        held(&case, Stage::BeforeResumeRestored, Remedy::Resume),
        Vec::<String>::new()
    );
}

#[test]
fn a_leaders_policy_that_would_delete_it_before_the_copy_is_done_blocks() {
    let mut case = Case::lost();
    case.facts.leader.ilm = some(ilm("hot", "complete"));
    let name = "leader_ilm";
    let verdict = |case: &Case| verdict_of(case, Stage::Plan, Remedy::Recreate, name);
    assert_eq!(verdict(&case), GuardVerdict::Unknown, "its phases are not known");
    case.facts.leader.ilm_phases = some(vec![
        IlmPhase {
            name: "hot".to_owned(),
            min_age_millis: Some(0),
            actions: vec!["rollover".to_owned(), "shrink".to_owned()],
        },
        IlmPhase {
            name: "delete".to_owned(),
            min_age_millis: Some(30 * 86_400_000),
            actions: vec!["delete".to_owned()],
        },
    ]);
    case.facts.leader.lifecycle_date = some(ago(29 * 86_400));
    assert_eq!(verdict(&case), GuardVerdict::Pass, "a day away");
    case.facts.leader.lifecycle_date = some(ago(30 * 86_400 - 300));
    assert_eq!(verdict(&case), GuardVerdict::Block, "five minutes away");
    case.facts.leader.ilm = some(ilm("hot", "rollover"));
    assert_eq!(
        verdict(&case),
        GuardVerdict::Block,
        "the shrink of the phase in hand is still to come"
    );
    case.facts.leader.ilm_phases = seen(Seen::Absent);
    assert_eq!(
        verdict(&case),
        GuardVerdict::Pass,
        "a policy that does not exist does nothing"
    );
}

#[test]
fn auto_follow_races_only_for_a_leader_with_a_new_uuid() {
    let mut case = Case::lost();
    case.facts.follower.auto_follow = some(
        vec![crate::domain::facts::AutoFollowPattern {
            name: "p".to_owned(),
            remote: case.facts.remote.clone(),
            leader_patterns: vec!["ord*".to_owned()],
            exclusions: Vec::new(),
            follow_pattern: None,
            active: true,
        }]
        .into(),
    );
    let verdict = |case: &Case| verdict_of(case, Stage::Plan, Remedy::Recreate, "auto_follow");
    assert_eq!(verdict(&case), GuardVerdict::Pass);
    change(&mut case.facts.leader.settings, |settings| {
        settings.insert("index.uuid".to_owned(), "L2".to_owned());
    });
    assert_eq!(verdict(&case), GuardVerdict::Block);
    change(&mut case.facts.follower.auto_follow, |patterns| {
        patterns[0].exclusions = vec!["orders".to_owned()];
    });
    assert_eq!(verdict(&case), GuardVerdict::Pass);
}

#[test]
fn a_disk_is_measured_against_its_watermark_in_every_form() {
    let verdict = |low: &str, headroom: Option<&str>, free: u64| {
        let mut case = Case::lost();
        cluster_setting(&mut case, "cluster.routing.allocation.disk.watermark.low", low);
        if let Some(headroom) = headroom {
            cluster_setting(
                &mut case,
                "cluster.routing.allocation.disk.watermark.low.max_headroom",
                headroom,
            );
        }
        change(&mut case.facts.follower.disks, |disks| {
            disks[0].available_bytes = Some(free);
        });
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "disk")
    };
    let need = 2 << 20;
    // 100 GiB: 15 GiB stay free at 85%.
    assert_eq!(verdict("85%", None, (15 << 30) + need + 1), GuardVerdict::Pass);
    assert_eq!(verdict("0.85", None, (15 << 30) + need - 1), GuardVerdict::Block);
    assert_eq!(verdict("10gb", None, (10 << 30) + need), GuardVerdict::Pass);
    assert_eq!(verdict("10gb", None, (10 << 30) + need - 1), GuardVerdict::Block);
    assert_eq!(verdict("85%", Some("1GB"), (1 << 30) + need), GuardVerdict::Pass);
    assert_eq!(verdict("soon", None, 99 << 30), GuardVerdict::Unknown);
}

#[test]
fn settings_that_are_replicated_must_be_equal_before_a_resume() {
    let mut case = Case::lost();
    change(&mut case.facts.leader.settings, |settings| {
        settings.insert("index.refresh_interval".to_owned(), "1s".to_owned());
    });
    let name = "settings_equal";
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Resume, name),
        GuardVerdict::Pass
    );
    change(&mut case.facts.leader.settings, |settings| {
        settings.insert("index.mapping.total_fields.limit".to_owned(), "2000".to_owned());
    });
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Resume, name),
        GuardVerdict::Block
    );
}

#[test]
fn a_replaced_leader_is_held_until_a_snapshot_of_the_follower_can_be_shown() {
    use crate::domain::facts::SnapshotInfo;
    let mut case = Case::lost();
    case.verdict = verdict(Cause::LeaderReplaced);
    let name = "snapshot_of_follower";
    let of = |case: &Case| verdict_of(case, Stage::Plan, Remedy::Recreate, name);
    assert_eq!(of(&case), GuardVerdict::Block, "none is named");
    let wanted = crate::domain::ids::SnapshotRef::parse("backup/friday").unwrap();
    case.wishes.snapshot = Some(wanted.clone());
    assert_eq!(of(&case), GuardVerdict::Unknown, "it was not looked up");
    case.memory.last_well_at = Some(ago(600));
    case.memory.fatal_since = Some(ago(500));
    let good = SnapshotInfo {
        name: wanted,
        state: "SUCCESS".to_owned(),
        indices: vec![case.facts.key.index.to_string()],
        started_at: Some(ago(400)),
        failed_shards: Some(0),
    };
    case.facts.follower.snapshot = some(good.clone());
    assert_eq!(of(&case), GuardVerdict::Pass);
    let ways: &[(&'static str, fn(&mut SnapshotInfo))] = &[
        ("unfinished", |one| one.state = "IN_PROGRESS".to_owned()),
        ("partial", |one| one.failed_shards = Some(1)),
        ("of other indices", |one| one.indices = vec!["other".to_owned()]),
        ("too early", |one| one.started_at = Some(ago(550))),
    ];
    for (what, way) in ways {
        let mut bad = good.clone();
        way(&mut bad);
        case.facts.follower.snapshot = some(bad);
        assert_eq!(of(&case), GuardVerdict::Block, "{what}");
    }
    case.facts.follower.snapshot = some(good);
    (case.memory.last_well_at, case.memory.fatal_since) = (None, None);
    assert_eq!(of(&case), GuardVerdict::Unknown, "when it stopped is not known");
}

#[test]
fn an_override_lets_pass_what_it_names_for_the_index_it_names_and_never_what_is_unknown() {
    use crate::domain::ids::{IndexName, SnapshotRef};
    use crate::domain::plan::Override;
    let mut case = Case::lost();
    change(&mut case.facts.leader.index, |stats| stats.docs = Some(1));
    let name = "documents_not_fewer";
    let of = |case: &Case| verdict_of(case, Stage::Plan, Remedy::Recreate, name);
    assert_eq!(of(&case), GuardVerdict::Block);
    let wish = |index: &str, fact: &str| Override {
        index: IndexName::parse(index).unwrap(),
        fact: fact.to_owned(),
        person: "ann".to_owned(),
    };
    let own = case.facts.key.index.to_string();
    case.wishes.overrides = vec![wish(&own, name)];
    assert_eq!(of(&case), GuardVerdict::Block, "no snapshot stands for the copy");
    case.wishes.snapshot = SnapshotRef::parse("backup/friday");
    assert_eq!(of(&case), GuardVerdict::Pass);
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "snapshot_of_follower"),
        GuardVerdict::Unknown,
        "an override always asks for the snapshot"
    );
    case.wishes.overrides = vec![wish("another", name), wish(&own, "not_below_remembered")];
    assert_eq!(of(&case), GuardVerdict::Block);
    case.wishes.overrides = vec![wish(&own, name)];
    case.facts.leader.index = Series::default();
    assert_eq!(of(&case), GuardVerdict::Unknown);
    // What is wrong with the leader itself is not overridden.
    let mut case = Case::lost();
    case.wishes.snapshot = SnapshotRef::parse("backup/friday");
    case.wishes.overrides = vec![wish(&own, "leader_healthy")];
    change(&mut case.facts.leader.health, |health| {
        health.status = crate::domain::facts::Health::Red;
    });
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "leader_healthy"),
        GuardVerdict::Block
    );
}

#[test]
fn without_the_privilege_to_forget_the_other_ways_are_offered_and_asked_for_by_name() {
    let mut case = Case::lost();
    let name = "leader_privileges";
    case.facts.leader.privileges = some(
        [
            ("cluster:monitor", true),
            ("index:monitor", true),
            ("index:read", true),
            ("index:manage_leader_index", false),
        ]
        .into_iter()
        .map(|(name, held)| (name.to_owned(), held))
        .collect(),
    );
    let result = ask(&case, Stage::Plan, Remedy::Recreate)
        .into_iter()
        .find(|result| result.name == name)
        .unwrap();
    assert_eq!(result.verdict, GuardVerdict::Block);
    for offer in ["--lease wait", "--lease unfollow"] {
        assert!(result.inputs.contains(offer), "{}", result.inputs);
    }
    for way in [
        crate::domain::plan::LeaseWay::Wait,
        crate::domain::plan::LeaseWay::Unfollow,
    ] {
        case.wishes.lease = way;
        assert_eq!(
            verdict_of(&case, Stage::Plan, Remedy::Recreate, name),
            GuardVerdict::Pass
        );
    }
}

/// A follower that a failed restore left red, as the guards see it before anything is done.
fn after_a_failed_restore() -> Case {
    let mut case = Case::lost();
    case.verdict = verdict(Cause::RestoreFailed);
    change(&mut case.facts.follower.info, |info| {
        info.status = crate::domain::facts::FollowStatus::Paused;
        info.parameters = None;
    });
    let shards = case.facts.follower.index.present().unwrap().primaries.len();
    case.facts.follower.index = Series::default();
    case.facts.follower.stats = Series::default();
    let primary = |shard: usize| {
        (
            u32::try_from(shard).unwrap(),
            crate::domain::facts::PrimaryRouting {
                state: "UNASSIGNED".to_owned(),
                recovery_source: Some("SNAPSHOT".to_owned()),
                unassigned_reason: Some("ALLOCATION_FAILED".to_owned()),
                unassigned_details: None,
                failed_attempts: Some(1),
            },
        )
    };
    case.facts.follower.routing = some((0..shards).map(primary).collect());
    change(&mut case.facts.follower.cluster_health, |health| {
        health.status = crate::domain::facts::Health::Red;
    });
    case
}

#[test]
fn a_failed_restore_has_no_copy_left_that_its_repair_could_lose() {
    let case = after_a_failed_restore();
    for remedy in [Remedy::Recreate, Remedy::DeleteAndFollow] {
        assert_eq!(held(&case, Stage::Plan, remedy), Vec::<String>::new(), "{remedy}");
    }
}

#[test]
fn primaries_that_are_merely_missing_may_have_their_data_on_a_node_that_comes_back() {
    let mut case = after_a_failed_restore();
    change(&mut case.facts.follower.routing, |routing| {
        for primary in routing.values_mut() {
            primary.recovery_source = Some("EXISTING_STORE".to_owned());
        }
    });
    for remedy in [Remedy::Recreate, Remedy::DeleteAndFollow] {
        assert_eq!(
            verdict_of(&case, Stage::Plan, remedy, "documents_not_fewer"),
            GuardVerdict::Unknown
        );
    }
    // Our own journal saw the PUT take effect: whatever was there before is gone.
    case.memory.own_run = Some(OwnRun {
        id: crate::domain::ids::RunId::parse("r0").unwrap(),
        paused: false,
        closed: false,
        followed: true,
        replaced: true,
        deleted: false,
        doubtful: false,
        at: ago(3600),
    });
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "documents_not_fewer"),
        GuardVerdict::Pass
    );
}

#[test]
fn a_cluster_is_another_installations_unless_its_marker_is_absent_or_ours() {
    let name = "no_other_installation";
    let with = |own: Option<&str>, marker: Option<&str>| {
        let mut case = Case::lost();
        case.world.installation = own.map(str::to_owned);
        change(&mut case.facts.follower.cluster_settings, |settings| {
            settings.extend(marker.map(|marker| (MARKER.to_owned(), marker.to_owned())));
        });
        verdict_of(&case, Stage::Plan, Remedy::Recreate, name)
    };
    assert_eq!(with(None, None), GuardVerdict::Pass);
    assert_eq!(with(Some("ours"), None), GuardVerdict::Pass);
    assert_eq!(with(Some("ours"), Some("ours")), GuardVerdict::Pass);
    assert_eq!(with(Some("ours"), Some("theirs")), GuardVerdict::Block);
    // A daemon that has marked nothing yet, or has lost its state, owns no marker.
    assert_eq!(with(None, Some("theirs")), GuardVerdict::Block);
    // Set to nothing, as some tools take a setting away.
    assert_eq!(with(None, Some("")), GuardVerdict::Pass);
    let mut blind = Case::lost();
    blind.facts.follower.cluster_settings = Series::default();
    assert_eq!(
        verdict_of(&blind, Stage::Plan, Remedy::Recreate, name),
        GuardVerdict::Unknown
    );
}

#[test]
fn the_tolerance_of_the_rule_that_counts_is_the_one_that_holds_and_is_told() {
    let name = "documents_not_fewer";
    // The follower has 1,000 documents, the leader 990: a hundredth is missing.
    let case_with = |tolerance: Option<f64>| {
        let mut case = Case::lost();
        change(&mut case.facts.follower.index, |stats| stats.docs = Some(1000));
        change(&mut case.facts.leader.index, |stats| stats.docs = Some(990));
        case.settings.rules[0].document_tolerance = tolerance;
        case
    };
    let told = |case: &Case, stage: Stage| {
        let guard = ask(case, stage, Remedy::Recreate)
            .into_iter()
            .find(|guard| guard.name == name)
            .unwrap();
        (guard.verdict, guard.inputs)
    };
    let (verdict, inputs) = told(&case_with(None), Stage::Plan);
    assert_eq!(verdict, GuardVerdict::Block);
    assert!(
        inputs.contains("(1 may be missing: 0.1% by verify.document_tolerance)"),
        "{inputs}"
    );
    let (verdict, inputs) = told(&case_with(Some(0.01)), Stage::Plan);
    assert_eq!(verdict, GuardVerdict::Pass);
    assert!(inputs.contains("(10 may be missing: 1% by rule 1)"), "{inputs}");
    // Stricter than the general one, down to nothing.
    let mut strict = case_with(Some(0.0));
    strict.settings.document_tolerance = 0.5;
    assert_eq!(told(&strict, Stage::Plan).0, GuardVerdict::Block);
    // A rule about other causes does not count, nor does one below a rule that matches.
    let mut other = case_with(Some(0.01));
    other.settings.rules[0].causes = vec![Cause::LeaderReplaced];
    assert_eq!(told(&other, Stage::Plan).0, GuardVerdict::Block);
    let mut second = case_with(None);
    let mut generous = second.settings.rules[0].clone();
    generous.document_tolerance = Some(0.01);
    second.settings.rules.push(generous);
    assert_eq!(told(&second, Stage::Plan).0, GuardVerdict::Block);
    // While the run has the follower closed its verdict is another one; the plan's cause counts.
    let mut closed = Case::at(Stage::BeforeFollow);
    let before = closed.run.as_mut().unwrap().follower_before.as_mut().unwrap();
    before.docs = Some(1000);
    change(&mut closed.facts.leader.index, |stats| stats.docs = Some(990));
    closed.verdict = crate::policy::fixture::verdict(Cause::None);
    closed.settings.rules[0].causes = vec![Cause::HistoryLost];
    closed.settings.rules[0].document_tolerance = Some(0.01);
    assert_eq!(told(&closed, Stage::BeforeFollow).0, GuardVerdict::Pass);
}

#[test]
fn only_a_follower_whose_data_is_gone_is_ever_deleted() {
    let case = Case::lost();
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, "data_gone"),
        GuardVerdict::Block
    );
    let mut case = after_a_failed_restore();
    change(&mut case.facts.follower.routing, |routing| {
        for primary in routing.values_mut() {
            primary.state = "STARTED".to_owned();
        }
    });
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, "data_gone"),
        GuardVerdict::Block
    );
    case.facts.follower.routing = Series::default();
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, "data_gone"),
        GuardVerdict::Unknown
    );
}

#[test]
fn the_write_index_of_a_data_stream_is_not_deleted() {
    let mut case = after_a_failed_restore();
    let name = "not_a_write_index";
    case.facts.follower.data_stream = some("logs".to_owned());
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, name),
        GuardVerdict::Unknown
    );
    case.facts.follower.data_stream_write = some(true);
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, name),
        GuardVerdict::Block
    );
    case.facts.follower.data_stream_write = some(false);
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::DeleteAndFollow, name),
        GuardVerdict::Pass
    );
}

#[test]
fn a_run_does_not_stand_in_its_own_way_while_it_is_opened() {
    let mut case = Case::at(Stage::BeforeRun);
    let mut own = crate::policy::fixture::flying("orders-f", Remedy::Recreate, 1);
    for name in ["opening", "r1"] {
        own.run = crate::domain::ids::RunId::parse(name).unwrap();
        case.world.in_flight = vec![own.clone()];
        for remedy in [Remedy::Resume, Remedy::Recreate] {
            assert_eq!(
                held(&case, Stage::BeforeRun, remedy),
                Vec::<String>::new(),
                "{name}"
            );
        }
    }
    own.run = crate::domain::ids::RunId::parse("r2").unwrap();
    case.world.in_flight = vec![own];
    assert_eq!(
        verdict_of(&case, Stage::BeforeRun, Remedy::Resume, "no_other_run"),
        GuardVerdict::Block
    );
}

#[test]
fn a_clock_that_was_set_opens_no_window_and_closes_none_under_a_run() {
    let jumped = |case: &mut Case| {
        let at = case.world.now;
        case.world.clock_jump = Some(crate::policy::ClockJump {
            at,
            by_millis: 7_200_000,
        });
    };
    let all_day = crate::policy::settings::Window {
        days: vec![jiff::civil::Weekday::Monday; 7],
        start: jiff::civil::time(0, 0, 0, 0),
        end: jiff::civil::time(0, 0, 0, 0),
        time_zone: jiff::tz::TimeZone::UTC,
    };
    for (stage, expected) in [
        (Stage::Plan, GuardVerdict::Block),
        (Stage::BeforeFollow, GuardVerdict::Pass),
    ] {
        let mut case = match stage {
            Stage::Plan => Case::lost(),
            _ => Case::at(stage),
        };
        jumped(&mut case);
        assert_eq!(
            verdict_of(&case, stage, Remedy::Recreate, "window"),
            GuardVerdict::Pass,
            "no window is configured"
        );
        case.settings.windows = vec![all_day.clone()];
        assert_eq!(verdict_of(&case, stage, Remedy::Recreate, "window"), expected);
    }
}

#[test]
fn a_blocker_blocks_by_its_word_by_no_answer_and_by_an_old_one() {
    use crate::policy::BlockerWord;
    let word = |says: Seen<String>, seconds: i64| BlockerWord {
        name: "deploy".to_owned(),
        recreate_only: false,
        asked_at: Some(ago(seconds)),
        good_for: std::time::Duration::from_secs(90),
        says,
    };
    let said = |word: BlockerWord, stage, remedy| {
        let mut case = match stage {
            Stage::Plan => Case::lost(),
            _ => Case::at(stage),
        };
        case.world.blockers = vec![word];
        verdict_of(&case, stage, remedy, "blockers")
    };
    let (plan, put) = (
        (Stage::Plan, Remedy::Recreate),
        (Stage::BeforeFollow, Remedy::Recreate),
    );
    let blocks = || Seen::Present("a release is running".to_owned());
    for (stage, remedy) in STAGES {
        assert_eq!(said(word(blocks(), 1), stage, remedy), GuardVerdict::Block);
        assert_eq!(
            said(word(Seen::unknown("500"), 1), stage, remedy),
            GuardVerdict::Unknown
        );
        assert_eq!(said(word(Seen::Absent, 1), stage, remedy), GuardVerdict::Pass);
        assert_eq!(said(word(Seen::Absent, 91), stage, remedy), GuardVerdict::Unknown);
        let never = BlockerWord {
            asked_at: None,
            ..word(Seen::Absent, 1)
        };
        assert_eq!(said(never, stage, remedy), GuardVerdict::Unknown);
    }
    // Good enough to plan, too old to send the PUT on.
    assert_eq!(said(word(Seen::Absent, 40), plan.0, plan.1), GuardVerdict::Pass);
    assert_eq!(said(word(Seen::Absent, 40), put.0, put.1), GuardVerdict::Unknown);
    let only = BlockerWord {
        recreate_only: true,
        ..word(blocks(), 1)
    };
    assert_eq!(
        said(only.clone(), Stage::Plan, Remedy::Resume),
        GuardVerdict::Pass
    );
    assert_eq!(said(only, plan.0, plan.1), GuardVerdict::Block);
}

#[test]
fn a_run_that_would_wait_for_its_lease_does_not_begin_where_the_window_closes_before() {
    let window = |hours: i8| crate::policy::settings::Window {
        days: vec![jiff::civil::Weekday::Monday; 7],
        start: jiff::civil::time(0, 0, 0, 0),
        end: jiff::civil::time(hours, 0, 0, 0),
        time_zone: jiff::tz::TimeZone::UTC,
    };
    let mut case = Case::lost();
    let open = now().to_zoned_datetime(jiff::tz::TimeZone::UTC);
    case.settings.windows = vec![crate::policy::settings::Window {
        days: vec![open.weekday()],
        ..window(open.hour() + 1)
    }];
    let verdict = |case: &Case| verdict_of(case, Stage::Plan, Remedy::Recreate, "window");
    assert_eq!(verdict(&case), GuardVerdict::Pass);
    case.wishes.lease = LeaseWay::Wait;
    assert_eq!(verdict(&case), GuardVerdict::Block, "12 h do not fit");
    // A leader that keeps leases for a moment only.
    change(&mut case.facts.leader.settings, |settings| {
        settings.insert(
            "index.soft_deletes.retention_lease.period".to_owned(),
            "1s".to_owned(),
        );
    });
    assert_eq!(verdict(&case), GuardVerdict::Pass);
    // One that is under way is backed out by the window's end itself, not by a guess.
    let mut under_way = Case::at(Stage::BeforePause);
    under_way.settings.windows = case.settings.windows.clone();
    under_way.wishes.lease = LeaseWay::Wait;
    assert_eq!(
        verdict_of(&under_way, Stage::BeforePause, Remedy::Recreate, "window"),
        GuardVerdict::Pass
    );
}
