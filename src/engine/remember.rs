//! What a look adds to memory. Pure.
//!
//! Identity, parameters, own settings and aliases are remembered only while the follower is
//! well, because on 7.7 they can be read at no other time (`ccr/measured.md`); the leader's
//! highest values are remembered at every look at the index that is followed (safety 4).

use crate::domain::cause::Cause;
use crate::domain::facts::{Facts, FollowStatus};
use crate::domain::ids::IndexUuid;
use crate::domain::memory::{HighWater, Memory};
use crate::domain::replicated::own_settings;
use crate::domain::seen::Seen;
use crate::domain::shared::Shared;
use crate::domain::state::State;
use crate::domain::verdict::Verdict;
use crate::judge;

/// Memory after one judged look.
pub fn remember(before: &Memory, facts: &Facts, verdict: &Verdict) -> Memory {
    let mut memory = before.clone();
    memory.last_state = Some(verdict.state);
    let uuid = facts.follower_uuid();
    if let (Some(known), Some(seen)) = (&memory.follower_index_uuid, &uuid)
        && known != seen
        && verdict.cause == Cause::None
    {
        // Another index of the same name follows now: what was known of the old one is void.
        memory = Memory {
            declared: before.declared,
            own_run: before.own_run.clone(),
            history: before.history.clone(),
            ..Memory::default()
        };
        memory.last_state = Some(verdict.state);
    }
    let well = verdict.cause == Cause::None
        && matches!(verdict.state, State::Following | State::CatchingUp)
        && facts
            .follower
            .info
            .present()
            .is_some_and(|info| info.status == FollowStatus::Active);
    if well {
        while_well(&mut memory, facts, uuid);
    }
    high_water(&mut memory, facts);
    let (leases, period) = judge::leases(facts, Some(&memory));
    memory.leases = leases;
    memory.lease_period = period;
    renewals_and_fatals(&mut memory, facts, verdict);
    // Kept until the next rise: how long it speaks of the present is the judge's to say.
    set(&mut memory.last_rise_at, judge::rose_at(facts));
    memory
}

fn while_well(memory: &mut Memory, facts: &Facts, uuid: Option<IndexUuid>) {
    memory.last_well_at = Some(facts.now);
    if let Some(uuid) = uuid {
        memory.follower_index_uuid = Some(uuid);
    }
    set(&mut memory.remote, facts.remote.clone());
    set(&mut memory.leader_index, facts.leader_index.clone());
    if let Some(info) = facts.follower.info.present() {
        set_other(&mut memory.parameters, info.parameters.as_ref());
    }
    let recorded = facts
        .follower
        .meta
        .present()
        .and_then(|meta| meta.followed.as_ref());
    let from_tasks = facts
        .follower
        .tasks
        .present()
        .and_then(|tasks| tasks.iter().find_map(|task| task.leader_uuid.clone()));
    let followed_uuid = recorded
        .and_then(|followed| followed.leader_index_uuid.clone())
        .or(from_tasks);
    let followed_histories = recorded.and_then(|followed| followed.history_uuids.clone());
    let recorded_both = followed_uuid.is_some() && followed_histories.is_some();
    // Where the follower does not record the histories (7.x), a well follower of a leader with
    // the recorded UUID follows the histories that the leader has: the server checks them at
    // every resume, and a changed one stops the reads.
    let leader_histories = facts.leader.index.present().and_then(|stats| {
        let known: Option<Vec<_>> = stats
            .primaries
            .values()
            .map(|shard| shard.history_uuid.clone())
            .collect();
        known.filter(|list| !list.is_empty())
    });
    let leader_is_followed =
        facts.leader_uuid().is_some() && (followed_uuid.is_none() || followed_uuid == facts.leader_uuid());
    if let Some(uuid) = followed_uuid {
        memory.leader_index_uuid = Some(uuid);
    } else if memory.leader_index_uuid.is_none() {
        memory.leader_index_uuid = facts.leader_uuid();
    }
    if let Some(histories) = followed_histories {
        memory.leader_shard_history_uuids = Some(histories);
    } else if memory.leader_shard_history_uuids.is_none() && leader_is_followed {
        memory.leader_shard_history_uuids = leader_histories;
    }
    memory.followed_is_recorded = recorded_both;
    if let Some((_, root)) = facts.follower.root.latest_known() {
        set(&mut memory.follower_cluster_uuid, root.cluster_uuid.clone());
    }
    if lease_is_fresh(facts) {
        if let Some((_, root)) = facts.leader.root.latest_known() {
            set(&mut memory.leader_cluster_uuid, root.cluster_uuid.clone());
        }
        if let Some(remote) = facts.follower.remote.present() {
            memory.remote_addresses = Some(remote.addresses.clone());
        }
    }
    if let Some(settings) = facts.follower.settings.present() {
        set_other(&mut memory.own_settings, Some(&own_settings(settings).into()));
        set(
            &mut memory.shard_count,
            settings
                .get("index.number_of_shards")
                .and_then(|text| text.parse().ok()),
        );
    }
    let aliases = facts.follower.aliases.present();
    if memory.aliases.as_deref() != aliases {
        set(&mut memory.aliases, aliases.cloned().map(Shared::from));
    }
    match facts.follower.data_stream.now() {
        Seen::Present(name) => memory.data_stream = Some(name.clone()),
        Seen::Absent => memory.data_stream = None,
        Seen::Unknown(_) => {}
    }
}

/// Our lease is on every leader primary: the alias leads to the cluster that was looked at.
fn lease_is_fresh(facts: &Facts) -> bool {
    let (Some(id), Some(stats)) = (facts.lease_id(), facts.leader.index.present()) else {
        return false;
    };
    !stats.primaries.is_empty()
        && stats.primaries.values().all(|shard| {
            shard
                .leases
                .as_ref()
                .is_some_and(|leases| leases.iter().any(|lease| lease.id == id))
        })
}

fn high_water(memory: &mut Memory, facts: &Facts) {
    let (Some(stats), Some(followed)) = (facts.leader.index.present(), &memory.leader_index_uuid) else {
        return;
    };
    if facts.leader_uuid().as_ref() != Some(followed) {
        return;
    }
    for (shard, seq) in &stats.primaries {
        let mark = memory.high_water.entry(*shard).or_insert(HighWater {
            leader_max_seq_no: None,
            leader_global_checkpoint: None,
        });
        mark.leader_max_seq_no = mark.leader_max_seq_no.max(seq.max_seq_no);
        mark.leader_global_checkpoint = mark.leader_global_checkpoint.max(seq.global_checkpoint);
    }
}

fn renewals_and_fatals(memory: &mut Memory, facts: &Facts, verdict: &Verdict) {
    let Some(stats) = facts.follower.stats.present() else {
        return;
    };
    let fatal = stats
        .shards
        .values()
        .any(|shard| shard.fatal_exception.present().is_some());
    if fatal {
        memory.fatal_since = memory.fatal_since.or(Some(facts.now));
    } else if !stats.shards.is_empty() {
        memory.fatal_since = None;
        // A task that runs and does not reach the leader renews nothing.
        if judge::runway(facts, Some(memory)).is_none() {
            memory.last_renewing_at = Some(facts.now);
        }
    }
    if verdict.cause == Cause::None {
        memory.fatal_since = None;
    }
}

/// Keeps the one that is shared already where the value is the same.
fn set_other<T: PartialEq>(place: &mut Option<Shared<T>>, value: Option<&Shared<T>>) {
    if value.is_some() && place.as_ref() != value {
        *place = value.cloned();
    }
}

fn set<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}
