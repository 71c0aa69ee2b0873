//! What a follower is doing now (contract, *States*): the first that holds, over all shards.

use crate::domain::facts::{FollowStatus, ShardStats};
use crate::domain::state::State;
use crate::judge::case::{Case, began_anew, gone, newest};

/// Operations behind the leader beyond which a follower is catching up (contract).
const CATCHING_UP_OPERATIONS: i64 = 5_120;
/// Poll timeouts without a read or write after which a running task is stalled (contract).
const STALLED_POLLS: i64 = 3;

/// The state of one follower.
pub(super) fn state(case: &Case<'_>) -> State {
    if is_missing(case) {
        return State::Missing;
    }
    if case.known_closed().is_some() {
        return State::Closed;
    }
    if case.restoring().is_some() {
        return State::Restoring;
    }
    if case.red().is_some() {
        return State::Red;
    }
    if case.fatal().next().is_some() || case.unreadable_fatal().is_some() {
        return State::Fatal;
    }
    if case.paused().is_some() {
        return State::Paused;
    }
    if could_not_be_looked_at(case) {
        return State::Unknown;
    }
    if !case.rising().is_empty() || case.writes_failing().is_some() {
        return State::Retrying;
    }
    // Active without a task: nothing reads or writes (recording 48).
    if case.stats().is_none() || case.lacks_shards().is_some() || stalled_shard(case).is_some() {
        return State::Stalled;
    }
    if lag_by_shard(case)
        .into_iter()
        .any(|lag| lag > CATCHING_UP_OPERATIONS)
    {
        return State::CatchingUp;
    }
    State::Following
}

/// Neither statistics nor a decisive `_ccr/info`: nothing can be said of the task.
pub(super) fn could_not_be_looked_at(case: &Case<'_>) -> bool {
    let stats_known = case
        .facts
        .follower
        .stats
        .last()
        .is_some_and(|seen| !seen.value.is_unknown());
    let info = newest(&case.facts.follower.info).map(|(_, info)| info.status);
    let info_absent = gone(&case.facts.follower.info).is_some();
    let decisive = info == Some(FollowStatus::Paused) || info_absent;
    // A 404 of the statistics alone: paused, without metadata, or not there at all.
    let only_absent_stats = info.is_none() && !info_absent && gone(&case.facts.follower.stats).is_some();
    let index_gone =
        gone(&case.facts.follower.meta).is_some() || gone(&case.facts.follower.settings).is_some();
    !(decisive || index_gone || is_closed_follower(case)) && (!stats_known || only_absent_stats)
}

/// The cluster state shows a follower, and closed: no task of it can run, whatever was not asked.
fn is_closed_follower(case: &Case<'_>) -> bool {
    newest(&case.facts.follower.meta)
        .is_some_and(|(_, meta)| meta.open == Some(false) && meta.followed.is_some())
        && case.known_closed().is_some()
}

/// The index does not exist, or exists without CCR metadata.
pub(super) fn is_missing(case: &Case<'_>) -> bool {
    index_is_gone(case) || is_unfollowed(case)
}

/// The follower index does not exist: its newest word by name says so and no later one shows it.
pub(super) fn index_is_gone(case: &Case<'_>) -> bool {
    let side = &case.facts.follower;
    let info_not_found = gone(&side.info).is_some_and(|seen| {
        case.facts
            .errors
            .iter()
            .any(|error| error.at == seen.at && error.call == seen.call && error.status == 404)
    });
    let info_gone_at = gone(&side.info).filter(|_| info_not_found).map(|seen| seen.at);
    let gone_at = [
        gone(&side.meta).map(|seen| seen.at),
        gone(&side.settings).map(|seen| seen.at),
        gone(&side.index).map(|seen| seen.at),
        gone(&side.health).map(|seen| seen.at),
        info_gone_at,
    ]
    .into_iter()
    .flatten()
    .max();
    let there_at = [
        newest(&side.meta).map(|(seen, _)| seen.at),
        newest(&side.settings).map(|(seen, _)| seen.at),
        newest(&side.info).map(|(seen, _)| seen.at),
        newest(&side.stats).map(|(seen, _)| seen.at),
        newest(&side.index)
            .filter(|(_, stats)| !stats.primaries.is_empty())
            .map(|(seen, _)| seen.at),
    ]
    .into_iter()
    .flatten()
    .max();
    gone_at.is_some_and(|gone_at| there_at.is_none_or(|there_at| gone_at > there_at))
}

/// The index is there (or nothing says that it is not), and `_ccr/info`, asked by name, does not
/// know it as a follower.
pub(super) fn is_unfollowed(case: &Case<'_>) -> bool {
    let side = &case.facts.follower;
    gone(&side.info).is_some_and(|seen| {
        !index_is_gone(case) && newest(&side.stats).is_none_or(|(stats, _)| stats.at < seen.at)
    })
}

/// A shard that has neither read nor written for three poll timeouts while its task runs.
pub(super) fn stalled_shard<'a>(
    case: &Case<'a>,
) -> Option<(
    &'a crate::domain::facts::Sighting<crate::domain::facts::FollowStats>,
    u32,
    i64,
)> {
    let limit = case.poll_millis().saturating_mul(STALLED_POLLS);
    let (seen, stats) = case.stats()?;
    let before = case.stats_before().map(|(_, stats)| stats);
    stats.shards.values().find_map(|shard| {
        if shard.fatal_exception.present().is_some() {
            return None;
        }
        let idle = shard.time_since_last_read_millis.get()?;
        let wrote = before
            .and_then(|before| before.shards.get(&shard.shard))
            .is_some_and(|earlier| wrote_since(earlier, shard));
        (idle > limit && !wrote).then_some((seen, shard.shard, idle))
    })
}

fn wrote_since(before: &ShardStats, now: &ShardStats) -> bool {
    if began_anew(before, now) {
        return now.operations_written.get().is_some_and(|written| written > 0);
    }
    matches!(
        (before.operations_written.get(), now.operations_written.get()),
        (Some(before), Some(now)) if now > before
    )
}

/// Operations behind the leader, per shard: by the leader's own word where it was asked (a dead
/// task's statistics say 0 for ever, reference 1.2), else by the task's.
pub(super) fn lag_by_shard(case: &Case<'_>) -> Vec<i64> {
    let Some((_, stats)) = case.stats() else {
        return lag_of_paused(case);
    };
    let leader = newest(&case.facts.leader.index).map(|(_, stats)| stats);
    stats
        .shards
        .values()
        .filter_map(|shard| {
            let follower = shard.follower_global_checkpoint.get()?;
            let own = shard.leader_global_checkpoint.get();
            let word = leader
                .and_then(|leader| leader.primaries.get(&shard.shard))
                .and_then(|primary| primary.global_checkpoint);
            // The leader was looked at on a slower beat: the task may know of later operations.
            let reached = word.max(own)?;
            Some(reached.saturating_sub(follower).max(0))
        })
        .collect()
}

/// A paused follower has no task that counts; its own shards tell how far it got.
fn lag_of_paused(case: &Case<'_>) -> Vec<i64> {
    let (Some((_, leader)), Some((_, follower))) = (
        newest(&case.facts.leader.index),
        newest(&case.facts.follower.index),
    ) else {
        return Vec::new();
    };
    follower
        .primaries
        .iter()
        .filter_map(|(shard, own)| {
            let reached = leader.primaries.get(shard)?.global_checkpoint?;
            Some(reached.saturating_sub(own.global_checkpoint?).max(0))
        })
        .collect()
}

/// It is known to read and write: statistics of every shard, none fatal, failing or stalled.
pub(super) fn follows(case: &Case<'_>) -> bool {
    matches!(state(case), State::Following | State::CatchingUp)
}
