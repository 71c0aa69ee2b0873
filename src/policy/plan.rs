//! Making a plan out of a verdict, facts and memory.
//!
//! What a plan covers must not flicker between two looks, or approvals would be void for nothing:
//! each part comes from the newest look that tells it, else from memory, and a part that neither
//! tells makes no plan. Nothing is guessed.

use std::collections::BTreeMap;

use crate::domain::cause::Cause;
use crate::domain::facts::{Facts, Parameters};
use crate::domain::ids::{ClusterUuid, HistoryUuid, IndexName, IndexUuid, RemoteAlias};
use crate::domain::memory::Memory;
use crate::domain::plan::{PLAN_FORMAT, Plan, PlanBasis, PlanFigures, PlanShard, TaskOwner, Wishes};
use crate::domain::replicated::own_settings;
use crate::domain::seen::Seen;
use crate::domain::time::{Span, Timestamp};
use crate::domain::verdict::Verdict;

/// Bytes that a copy moves in a second: the default of `ccr.indices.recovery.max_bytes_per_sec`
/// on one node (reference 5).
pub const BYTES_PER_SECOND: u64 = 40 << 20;

/// Estimated length of a copy of so many bytes.
pub fn eta(bytes: u64) -> Span {
    Span::from_secs(bytes.div_ceil(BYTES_PER_SECOND))
}

/// The plan that carries the verdict's whole ladder.
///
/// # Errors
/// Which facts are missing, as sentences; nothing is guessed.
pub fn build_plan(
    verdict: &Verdict,
    facts: &Facts,
    memory: &Memory,
    wishes: &Wishes,
    now: Timestamp,
) -> Result<Plan, Vec<String>> {
    build_plan_again(verdict, facts, memory, wishes, now, None)
}

/// The same, beside the plan that was made before: where both are of the same, its hash is taken
/// over and not computed anew, which is most of the work.
///
/// # Errors
/// As [`build_plan`].
pub(super) fn build_plan_again(
    verdict: &Verdict,
    facts: &Facts,
    memory: &Memory,
    wishes: &Wishes,
    now: Timestamp,
    before: Option<&Plan>,
) -> Result<Plan, Vec<String>> {
    let mut missing = Vec::new();
    let own = Own::of(verdict.cause, facts, memory, &mut missing);
    let shard_count = own.as_ref().map_or(0, |own| own.shard_count);
    let present = Present::of(facts, memory, shard_count);
    present.check(facts, &mut missing);
    let followed = Followed::of(facts, memory);
    let Some(own) = own.filter(|_| missing.is_empty()) else {
        return Err(missing);
    };
    let basis = PlanBasis {
        cluster: facts.key.cluster.clone(),
        cluster_uuid: own.cluster_uuid,
        follower: facts.key.index.clone(),
        follower_uuid: own.uuid,
        remote: own.remote,
        leader_cluster: facts.leader_cluster.clone(),
        leader_cluster_uuid: present.cluster_uuid,
        leader: own.leader,
        leader_uuid: present.uuid,
        leader_uuid_followed: followed.uuid,
        shards: present
            .histories
            .into_iter()
            .enumerate()
            .map(|(shard, present)| PlanShard {
                followed: followed.histories.get(shard).cloned(),
                present,
            })
            .collect(),
        shard_count: own.shard_count,
        cause: verdict.cause,
        ladder: verdict.ladder.clone(),
        parameters: own.parameters,
        own_settings: own.settings,
        aliases: own.aliases,
        data_stream: match facts.follower.data_stream.now() {
            Seen::Present(stream) => Some(stream.clone()),
            Seen::Absent => None,
            Seen::Unknown(_) => memory.data_stream.clone(),
        },
        extend_runway: None,
        overrides: wishes.overrides.clone(),
        follow_settings: follow_settings(verdict.cause, facts, memory),
        snapshot: wishes.snapshot.clone(),
        lease: wishes.lease,
        beside: wishes.beside.clone(),
    };
    let same = before.filter(|plan| plan.format == PLAN_FORMAT && plan.basis == basis);
    let hash = match same {
        Some(plan) => plan.hash.clone(),
        None => basis
            .hash()
            .map_err(|error| vec![format!("the plan cannot be written as JSON: {error}")])?,
    };
    Ok(Plan {
        format: PLAN_FORMAT,
        hash,
        basis,
        approval: verdict.approval,
        created_at: now,
        figures: figures(facts),
        evidence: verdict.evidence.clone(),
    })
}

/// Whether a copy from the leader cluster stands where the follower's own was, or failed to.
const fn was_copied(cause: Cause) -> bool {
    matches!(cause, Cause::RestoreFailed | Cause::RestoredNotFollowing)
}

/// The settings that the PUT must carry so that the copy does not fail for what it would take over
/// from the leader: allocation filters, a tier or a limit that the follower cluster cannot meet,
/// blocks. The follower's own values come first. Empty for every cause but `restore_failed`, and
/// before 7.9, which refuses them (measured).
pub fn follow_settings(cause: Cause, facts: &Facts, memory: &Memory) -> BTreeMap<String, String> {
    let takes = facts
        .follower
        .root
        .latest_known()
        .is_some_and(|(_, root)| (root.version.major, root.version.minor) >= (7, 9));
    if cause != Cause::RestoreFailed || !takes {
        return BTreeMap::new();
    }
    let own = memory.own_settings.as_deref();
    let mut carried: BTreeMap<String, String> = own
        .into_iter()
        .flatten()
        .filter(|(name, _)| {
            name.starts_with(ALLOCATION)
                || matches!(
                    name.as_str(),
                    "index.number_of_replicas" | "index.auto_expand_replicas"
                )
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let Some((_, leader)) = facts.leader.settings.latest_known() else {
        return carried;
    };
    for (name, value) in leader {
        if carried.contains_key(name) {
            continue;
        }
        let filter = ["include.", "exclude.", "require."].iter().any(|kind| {
            name.strip_prefix(ALLOCATION)
                .is_some_and(|rest| rest.starts_with(kind))
        });
        let neutral = if name == TIER_PREFERENCE {
            tiers_instead(facts, value)
        } else if filter {
            // An empty filter filters nothing.
            Some(String::new())
        } else if name == TOTAL_PER_NODE {
            Some("-1".to_owned())
        } else if name.starts_with("index.blocks.") && value == "true" {
            Some("false".to_owned())
        } else {
            None
        };
        if let Some(neutral) = neutral {
            carried.insert(name.clone(), neutral);
        }
    }
    carried
}

const ALLOCATION: &str = "index.routing.allocation.";
const TIER_PREFERENCE: &str = "index.routing.allocation.include._tier_preference";
const TOTAL_PER_NODE: &str = "index.routing.allocation.total_shards_per_node";

/// The tiers that the follower cluster has, where it has none of those that the leader prefers.
fn tiers_instead(facts: &Facts, preferred: &str) -> Option<String> {
    let (_, nodes) = facts.follower.nodes.latest_known()?;
    let has = |tier: &str| {
        nodes
            .iter()
            .any(|node| node.roles.iter().any(|role| role == "data" || role == tier))
    };
    if preferred.is_empty() || preferred.split(',').any(|tier| has(tier.trim())) {
        return None;
    }
    let tiers: Vec<&str> = ["data_content", "data_hot", "data_warm", "data_cold"]
        .into_iter()
        .filter(|tier| has(tier))
        .collect();
    (!tiers.is_empty()).then(|| tiers.join(","))
}

/// What the follower is and has.
struct Own {
    cluster_uuid: ClusterUuid,
    uuid: IndexUuid,
    remote: RemoteAlias,
    leader: IndexName,
    shard_count: u32,
    parameters: Parameters,
    settings: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
}

impl Own {
    /// From the newest look, else from memory; what neither tells is added to `missing`.
    fn of(cause: Cause, facts: &Facts, memory: &Memory, missing: &mut Vec<String>) -> Option<Self> {
        // What a copy has put there is the leader's, and its aliases come last: what the follower
        // had of its own is remembered from when it was well.
        let copied = was_copied(cause);
        let mut lacks = |what: &str, known: bool| {
            if !known {
                missing.push(format!("{what} not known"));
            }
        };
        let follower = &facts.follower;
        let cluster_uuid = follower
            .root
            .latest_known()
            .and_then(|(_, root)| root.cluster_uuid.clone())
            .or_else(|| memory.follower_cluster_uuid.clone());
        lacks("the follower cluster's UUID is", cluster_uuid.is_some());
        let uuid = facts
            .follower_uuid()
            .or_else(|| memory.follower_index_uuid.clone());
        lacks("the follower's UUID is", uuid.is_some());
        let remote = facts.remote.clone().or_else(|| memory.remote.clone());
        lacks("the alias it follows through is", remote.is_some());
        let leader = facts.leader_index.clone().or_else(|| memory.leader_index.clone());
        lacks("the leader's name is", leader.is_some());
        let shard_count = follower
            .settings
            .present()
            .and_then(|settings| settings.get("index.number_of_shards")?.parse().ok())
            .or(memory.shard_count);
        lacks("the follower's number of shards is", shard_count.is_some());
        let parameters = follower
            .info
            .present()
            .and_then(|info| info.parameters.as_deref().cloned())
            .or_else(|| memory.parameters.as_deref().cloned());
        lacks(
            "the follow parameters (they can be read only while it is active) are",
            parameters.is_some(),
        );
        let settings = match follower.settings.now() {
            _ if copied => memory.own_settings.as_deref().cloned(),
            Seen::Present(settings) => Some(own_settings(settings)),
            _ => memory.own_settings.as_deref().cloned(),
        };
        lacks("the follower's own settings are", settings.is_some());
        let aliases = follower
            .aliases
            .present()
            .filter(|_| !copied)
            .cloned()
            .or_else(|| memory.aliases.as_deref().cloned());
        lacks("its aliases are", aliases.is_some());
        Some(Self {
            cluster_uuid: cluster_uuid?,
            uuid: uuid?,
            remote: remote?,
            leader: leader?,
            shard_count: shard_count?,
            parameters: parameters?,
            settings: settings?,
            aliases: aliases?,
        })
    }
}

/// The leader that is there now.
struct Present {
    cluster_uuid: Option<ClusterUuid>,
    uuid: Option<IndexUuid>,
    histories: Vec<Option<HistoryUuid>>,
}

impl Present {
    fn of(facts: &Facts, memory: &Memory, shards: u32) -> Self {
        let stats = facts.leader.index.present();
        Self {
            cluster_uuid: facts
                .leader
                .root
                .latest_known()
                .and_then(|(_, root)| root.cluster_uuid.clone())
                .or_else(|| memory.leader_cluster_uuid.clone()),
            uuid: facts.leader_uuid(),
            histories: (0..shards)
                .map(|shard| {
                    stats
                        .and_then(|stats| stats.primaries.get(&shard))
                        .and_then(|primary| primary.history_uuid.clone())
                })
                .collect(),
        }
    }

    /// A leader that could be looked at and was not must not make another plan.
    fn check(&self, facts: &Facts, missing: &mut Vec<String>) {
        if facts.leader_cluster.is_none() {
            return;
        }
        for (what, known) in [
            ("the leader cluster's UUID", self.cluster_uuid.is_some()),
            ("the leader's present UUID", self.uuid.is_some()),
            (
                "the present history UUID of every leader shard",
                self.histories.iter().all(Option::is_some),
            ),
        ] {
            if !known {
                missing.push(format!("{what} is not known"));
            }
        }
    }
}

/// The leader that is followed.
struct Followed {
    uuid: Option<IndexUuid>,
    histories: Vec<HistoryUuid>,
}

impl Followed {
    fn of(facts: &Facts, memory: &Memory) -> Self {
        let recorded = facts
            .follower
            .meta
            .present()
            .and_then(|meta| meta.followed.as_ref());
        // What is remembered was recorded by the follower or proven while it was well, and does
        // not vanish with a pause, as the tasks do.
        let of_tasks = || {
            facts
                .follower
                .tasks
                .present()
                .and_then(|tasks| tasks.iter().find_map(|task| task.leader_uuid.clone()))
        };
        Self {
            uuid: recorded
                .and_then(|followed| followed.leader_index_uuid.clone())
                .or_else(|| memory.leader_index_uuid.clone())
                .or_else(of_tasks),
            histories: recorded
                .and_then(|followed| followed.history_uuids.clone())
                .or_else(|| memory.leader_shard_history_uuids.clone())
                .unwrap_or_default(),
        }
    }
}

fn figures(facts: &Facts) -> PlanFigures {
    let leader = facts.leader.index.present();
    let bytes = leader.and_then(|stats| stats.store_bytes);
    PlanFigures {
        follower_documents: facts
            .follower
            .index
            .present()
            .and_then(crate::domain::facts::IndexStats::documents),
        leader_documents: leader.and_then(crate::domain::facts::IndexStats::documents),
        bytes,
        eta_seconds: bytes.map(|bytes| eta(bytes).as_secs()),
        lease_id: facts.lease_id(),
        runway_expires_at: None,
        follower_bytes: facts.follower.index.present().and_then(|stats| stats.store_bytes),
        replaces: None,
        tasks: owners(facts),
    }
}

/// The follow tasks that the newest look showed, by shard.
fn owners(facts: &Facts) -> Vec<TaskOwner> {
    let nodes = facts.follower.nodes.latest_known().map(|(_, nodes)| nodes);
    let named = |id: &String| {
        nodes
            .and_then(|nodes| nodes.iter().find(|node| node.id == *id)?.name.clone())
            .unwrap_or_else(|| id.clone())
    };
    let mut owners: Vec<TaskOwner> = facts
        .follower
        .tasks
        .present()
        .into_iter()
        .flatten()
        .map(|task| TaskOwner {
            shard: task.shard,
            node: task.node.as_ref().map(named),
            user: task.user.clone(),
        })
        .collect();
    owners.sort_by_key(|owner| owner.shard);
    owners
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::facts::{FollowTask, Series, Sighting};
    use crate::domain::ids::{PlanHash, SnapshotRef};
    use crate::domain::plan::{LeaseWay, NO_WISHES, Override};
    use crate::domain::shared::Shared;
    use crate::policy::fixture::{Case, seen, some, uuid};

    fn hash(case: &Case) -> PlanHash {
        plan(case).unwrap().hash
    }

    fn plan(case: &Case) -> Result<Plan, Vec<String>> {
        build_plan(
            &case.verdict,
            &case.facts,
            &case.memory,
            &NO_WISHES,
            case.facts.now,
        )
    }

    #[test]
    fn the_plan_says_where_its_follow_tasks_run_and_with_whose_rights_outside_the_hash() {
        let mut case = Case::lost();
        let without = hash(&case);
        let task = |shard: u32, node: Option<&str>, user: Option<&str>| FollowTask {
            shard,
            follower_uuid: None,
            leader_uuid: None,
            node: node.map(str::to_owned),
            explanation: None,
            user: user.map(str::to_owned),
        };
        case.facts.follower.tasks = some(vec![
            task(1, Some("N9"), None),
            task(0, Some("N1"), Some("boss")),
            task(2, None, None),
        ]);
        let plan = plan(&case).unwrap();
        let owner = |shard: u32, node: Option<&str>, user: Option<&str>| TaskOwner {
            shard,
            node: node.map(str::to_owned),
            user: user.map(str::to_owned),
        };
        assert_eq!(
            plan.figures.tasks,
            [
                owner(0, Some("node-1"), Some("boss")),
                owner(1, Some("N9"), None),
                owner(2, None, None)
            ]
        );
        assert_eq!(plan.hash, without, "a task moves without anybody's doing");
    }

    #[test]
    fn a_failed_restore_is_planned_with_what_the_follower_had_while_it_was_well() {
        let mut case = Case::lost();
        case.verdict = crate::policy::fixture::verdict(Cause::RestoreFailed);
        case.memory.own_settings = Some(Shared::from(BTreeMap::from([
            ("index.priority".to_owned(), "9".to_owned()),
            (
                "index.routing.allocation.require.box".to_owned(),
                "warm".to_owned(),
            ),
        ])));
        change(&mut case.facts.leader.settings, |leader| {
            for (name, value) in [
                ("index.blocks.write", "true"),
                ("index.routing.allocation.require.box", "hot"),
                ("index.routing.allocation.exclude._ip", "10.0.0.1"),
                ("index.routing.allocation.include._tier_preference", "data_frozen"),
                ("index.routing.allocation.total_shards_per_node", "1"),
            ] {
                leader.insert(name.to_owned(), value.to_owned());
            }
        });
        change(&mut case.facts.follower.nodes, |nodes| {
            for node in nodes.iter_mut() {
                node.roles = vec!["data_hot".to_owned(), "remote_cluster_client".to_owned()];
            }
        });
        let basis = plan(&case).unwrap().basis;
        assert_eq!(basis.own_settings, **case.memory.own_settings.as_ref().unwrap());
        let carried: Vec<(&str, &str)> = basis
            .follow_settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(
            carried,
            [
                ("index.blocks.write", "false"),
                ("index.routing.allocation.exclude._ip", ""),
                ("index.routing.allocation.include._tier_preference", "data_hot"),
                ("index.routing.allocation.require.box", "warm"),
                ("index.routing.allocation.total_shards_per_node", "-1"),
            ]
        );
        // 7.7 and 7.8 refuse settings with the follow.
        change(&mut case.facts.follower.root, |root| {
            root.version = crate::domain::facts::EsVersion::parse("7.8.1").unwrap();
        });
        assert!(plan(&case).unwrap().basis.follow_settings.is_empty());
        // Any other cause leaves the follow as it was.
        case.verdict = Case::lost().verdict;
        assert!(plan(&case).unwrap().basis.follow_settings.is_empty());
    }

    #[test]
    fn a_plan_of_an_older_version_is_read_and_has_its_hash() {
        let plan = plan(&Case::lost()).unwrap();
        let mut stored = serde_json::to_value(&plan).unwrap();
        for added in ["follow_settings", "snapshot", "lease"] {
            assert!(
                stored["basis"].get(added).is_none(),
                "{added} is written only where it is set"
            );
        }
        stored["format"] = serde_json::json!(1);
        let read: Plan = serde_json::from_value(stored).unwrap();
        assert_eq!(read.basis.hash().unwrap(), plan.hash);
    }

    fn change<T: Clone>(series: &mut Series<T>, change: impl FnOnce(&mut T)) {
        let mut value = series.present().cloned().unwrap();
        change(&mut value);
        *series = some(value);
    }

    #[test]
    fn a_plan_is_the_same_before_and_after_the_pause() {
        let mut case = Case::lost();
        let before = hash(&case);
        change(&mut case.facts.follower.info, |info| {
            info.status = crate::domain::facts::FollowStatus::Paused;
            info.parameters = None;
        });
        case.facts.follower.tasks = some(Vec::new());
        case.facts.follower.stats = seen(Seen::Absent);
        assert_eq!(hash(&case), before);
        // On 7.x the follower records nothing; what is remembered stands in.
        change(&mut case.facts.follower.meta, |meta| meta.followed = None);
        assert_eq!(hash(&case), before);
    }

    #[test]
    fn what_is_not_known_makes_no_plan_and_is_named() {
        let mut case = Case::lost();
        case.facts.leader.index = seen(Seen::unknown("timeout"));
        let missing = plan(&case).unwrap_err();
        assert_eq!(
            missing,
            ["the present history UUID of every leader shard is not known"]
        );
        let mut case = Case::lost();
        case.facts.follower.info = Series::default();
        case.memory.parameters = None;
        assert!(plan(&case).unwrap_err()[0].contains("parameters"));
    }

    #[test]
    fn everything_that_the_contract_names_changes_the_hash() {
        type Way = (&'static str, fn(&mut Case));
        let ways: &[Way] = &[
            ("cluster_uuid", |c| {
                change(&mut c.facts.follower.root, |root| {
                    root.cluster_uuid = Some(crate::domain::ids::ClusterUuid::parse("o").unwrap());
                });
            }),
            ("leader cluster_uuid", |c| {
                change(&mut c.facts.leader.root, |root| {
                    root.cluster_uuid = Some(crate::domain::ids::ClusterUuid::parse("o").unwrap());
                });
            }),
            ("leader cluster", |c| {
                c.facts.leader_cluster = Some(crate::domain::ids::ClusterName::parse("o").unwrap());
            }),
            ("follower uuid", |c| {
                change(&mut c.facts.follower.settings, |map| {
                    map.insert("index.uuid".to_owned(), "o".to_owned());
                });
            }),
            ("leader uuid", |c| {
                change(&mut c.facts.leader.settings, |map| {
                    map.insert("index.uuid".to_owned(), "o".to_owned());
                });
            }),
            ("leader uuid followed", |c| {
                change(&mut c.facts.follower.meta, |meta| {
                    meta.followed.as_mut().unwrap().leader_index_uuid = Some(uuid("o"));
                });
            }),
            ("history followed", |c| {
                change(&mut c.facts.follower.meta, |meta| {
                    meta.followed
                        .as_mut()
                        .unwrap()
                        .history_uuids
                        .as_mut()
                        .unwrap()
                        .reverse();
                });
            }),
            ("history present", |c| {
                change(&mut c.facts.leader.index, |stats| {
                    stats.primaries.get_mut(&0).unwrap().history_uuid =
                        Some(HistoryUuid::parse("o").unwrap());
                });
            }),
            ("remote", |c| {
                c.facts.remote = Some(crate::domain::ids::RemoteAlias::parse("o").unwrap());
            }),
            ("leader", |c| {
                c.facts.leader_index = Some(crate::domain::ids::IndexName::parse("o").unwrap());
            }),
            ("cause", |c| {
                c.verdict.cause = crate::domain::cause::Cause::FollowerRewritten;
            }),
            ("ladder", |c| {
                c.verdict.ladder.pop();
            }),
            ("parameters", |c| {
                change(&mut c.facts.follower.info, |info| {
                    info.parameters = Some(BTreeMap::default().into());
                });
            }),
            ("own settings", |c| {
                change(&mut c.facts.follower.settings, |map| {
                    map.insert("index.priority".to_owned(), "1".to_owned());
                });
            }),
            ("aliases", |c| {
                change(&mut c.facts.follower.aliases, |map| {
                    map.insert("a".to_owned(), "{}".to_owned());
                });
            }),
            ("data stream", |c| {
                c.facts.follower.data_stream = some("s".to_owned());
            }),
        ];
        let mut seen = vec![hash(&Case::lost())];
        for (name, way) in ways {
            let mut case = Case::lost();
            way(&mut case);
            let hash = hash(&case);
            assert!(!seen.contains(&hash), "{name} is not covered");
            seen.push(hash);
        }
        let case = Case::lost();
        let wishes = [
            Wishes {
                overrides: vec![Override {
                    index: case.facts.key.index.clone(),
                    fact: "documents_not_fewer".to_owned(),
                    person: "ann".to_owned(),
                }],
                ..Wishes::default()
            },
            Wishes {
                snapshot: SnapshotRef::parse("backup/friday"),
                ..Wishes::default()
            },
            Wishes {
                lease: LeaseWay::Wait,
                ..Wishes::default()
            },
            Wishes {
                lease: LeaseWay::Unfollow,
                ..Wishes::default()
            },
        ];
        for wishes in wishes {
            let wished = build_plan(&case.verdict, &case.facts, &case.memory, &wishes, case.facts.now);
            let hash = wished.unwrap().hash;
            assert!(!seen.contains(&hash), "{wishes:?} is not covered");
            seen.push(hash);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn counters_sizes_times_and_texts_leave_the_hash_alone(
            docs in 0_u64..1_000_000, bytes in 0_u64..1 << 40, seq in 0_i64..1 << 40, text in ".{0,20}", seconds in 1_i64..1_000_000,
        ) {
            let mut case = Case::lost();
            let before = hash(&case);
            for stats in [&mut case.facts.leader.index, &mut case.facts.follower.index] {
                change(stats, |stats| {
                    stats.docs = Some(docs);
                    stats.store_bytes = Some(bytes);
                    for shard in stats.primaries.values_mut() {
                        shard.max_seq_no = Some(seq);
                        shard.global_checkpoint = Some(seq);
                    }
                });
            }
            change(&mut case.facts.follower.stats, |stats| {
                for shard in stats.shards.values_mut() {
                    shard.leader_max_seq_no = seq.into();
                    shard.fatal_exception = Seen::Present(Box::new(crate::domain::facts::Exception { reason: text.clone(), ..Default::default() }));
                }
            });
            case.verdict.evidence.push(crate::domain::verdict::Evidence { field: text.clone(), value: text, call: String::new(), at: case.facts.now });
            case.facts.now = case.facts.now.checked_add(jiff::SignedDuration::from_secs(seconds)).unwrap();
            for Sighting { at, .. } in &mut case.facts.leader.index.0 {
                *at = case.facts.now;
            }
            prop_assert_eq!(hash(&case), before);
        }
    }
}
