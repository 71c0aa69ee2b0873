//! Making a plan out of a verdict, facts and memory.
//!
//! What a plan covers must not flicker between two looks, or approvals would be void for nothing:
//! each part comes from the newest look that tells it, else from memory, and a part that neither
//! tells makes no plan. Nothing is guessed.

use crate::domain::facts::Facts;
use crate::domain::ids::{HistoryUuid, IndexUuid};
use crate::domain::memory::Memory;
use crate::domain::plan::{Override, PLAN_FORMAT, Plan, PlanBasis, PlanFigures, PlanShard};
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
    overrides: &[Override],
    now: Timestamp,
) -> Result<Plan, Vec<String>> {
    let mut missing = Vec::new();
    let mut lacks = |what: &str| missing.push(format!("{what} is not known"));
    let follower = &facts.follower;

    let cluster_uuid = follower
        .root
        .latest_known()
        .and_then(|(_, root)| root.cluster_uuid.clone())
        .or_else(|| memory.follower_cluster_uuid.clone());
    if cluster_uuid.is_none() {
        lacks("the follower cluster's UUID");
    }
    let follower_uuid = facts
        .follower_uuid()
        .or_else(|| memory.follower_index_uuid.clone());
    if follower_uuid.is_none() {
        lacks("the follower's UUID");
    }
    let remote = facts.remote.clone().or_else(|| memory.remote.clone());
    if remote.is_none() {
        lacks("the alias it follows through");
    }
    let leader = facts.leader_index.clone().or_else(|| memory.leader_index.clone());
    if leader.is_none() {
        lacks("the leader's name");
    }
    let parameters = follower
        .info
        .present()
        .and_then(|info| info.parameters.clone())
        .or_else(|| memory.parameters.clone());
    if parameters.is_none() {
        lacks("which follow parameters it had (they can be read only while it is active)");
    }
    let own = match follower.settings.now() {
        Seen::Present(settings) => Some(own_settings(settings)),
        _ => memory.own_settings.clone(),
    };
    if own.is_none() {
        lacks("which settings are the follower's own");
    }
    let aliases = follower
        .aliases
        .present()
        .cloned()
        .or_else(|| memory.aliases.clone());
    if aliases.is_none() {
        lacks("which aliases it has");
    }
    let shard_count = follower
        .settings
        .present()
        .and_then(|settings| settings.get("index.number_of_shards")?.parse().ok())
        .or(memory.shard_count);
    if shard_count.is_none() {
        lacks("the follower's number of shards");
    }
    let leader_cluster_uuid = facts
        .leader
        .root
        .latest_known()
        .and_then(|(_, root)| root.cluster_uuid.clone())
        .or_else(|| memory.leader_cluster_uuid.clone());
    let present = Present::of(facts, shard_count.unwrap_or_default());
    if facts.leader_cluster.is_some() {
        // A leader that could be looked at and was not must not make another plan.
        if leader_cluster_uuid.is_none() {
            lacks("the leader cluster's UUID");
        }
        if present.uuid.is_none() {
            lacks("the leader's present UUID");
        }
        if present.histories.iter().any(Option::is_none) {
            lacks("the present history UUID of every leader shard");
        }
    }
    let figures = figures(facts);
    let followed = Followed::of(facts, memory);
    let (
        Some(cluster_uuid),
        Some(follower_uuid),
        Some(remote),
        Some(leader),
        Some(parameters),
        Some(own),
        Some(aliases),
        Some(shard_count),
    ) = (
        cluster_uuid,
        follower_uuid,
        remote,
        leader,
        parameters,
        own,
        aliases,
        shard_count,
    )
    else {
        return Err(missing);
    };
    if !missing.is_empty() {
        return Err(missing);
    }
    let basis = PlanBasis {
        cluster: facts.key.cluster.clone(),
        cluster_uuid,
        follower: facts.key.index.clone(),
        follower_uuid,
        remote,
        leader_cluster: facts.leader_cluster.clone(),
        leader_cluster_uuid,
        leader,
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
        shard_count,
        cause: verdict.cause,
        ladder: verdict.ladder.clone(),
        parameters,
        own_settings: own,
        aliases,
        data_stream: match follower.data_stream.now() {
            Seen::Present(stream) => Some(stream.clone()),
            Seen::Absent => None,
            Seen::Unknown(_) => memory.data_stream.clone(),
        },
        overrides: overrides.to_vec(),
    };
    let hash = basis
        .hash()
        .map_err(|error| vec![format!("the plan cannot be written as JSON: {error}")])?;
    Ok(Plan {
        format: PLAN_FORMAT,
        hash,
        basis,
        approval: verdict.approval,
        created_at: now,
        figures,
        evidence: verdict.evidence.clone(),
    })
}

/// The leader that is there now.
struct Present {
    uuid: Option<IndexUuid>,
    histories: Vec<Option<HistoryUuid>>,
}

impl Present {
    fn of(facts: &Facts, shards: u32) -> Self {
        let stats = facts.leader.index.present();
        Self {
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
        follower_documents: facts.follower.index.present().and_then(|stats| stats.documents()),
        leader_documents: leader.and_then(|stats| stats.documents()),
        bytes,
        eta_seconds: bytes.map(|bytes| eta(bytes).as_secs()),
        lease_id: facts.lease_id(),
        runway_expires_at: None,
    }
}
