//! Which second calls would settle a verdict, so that the observer makes them only for the
//! followers that need them.
//!
//! A second look is asked for again while something is wrong and what it said has grown old:
//! otherwise a follower that was cured would keep the red, the block or the closing it once had.

use crate::domain::facts::{FollowStatus, Series};
use crate::domain::time::millis_between;
use crate::judge::case::{Case, gone, newest};
use crate::judge::diverged;
use crate::judge::identity::{compare, is_recent};
use crate::judge::state::{could_not_be_looked_at, follows, stalled_shard};

/// Age at which a second look is asked for again, in milliseconds.
const REPEAT_MILLIS: i64 = 30_000;

/// Age at which a count is asked for again, in milliseconds. Shorter than a minute by the jitter
/// of the looks.
const COUNT_MILLIS: i64 = 50_000;

/// A further look at one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// `/<f>/_ccr/info`, by name.
    FollowerByName,
    /// `_cluster/state/metadata/<f>`.
    Meta,
    /// `_cluster/state/routing_table/<f>`.
    Routing,
    /// `_cluster/health/<f>?level=shards`.
    Health,
    /// `/<f>/_recovery`.
    Recovery,
    /// `_cluster/allocation/explain` of a primary that is not allocated.
    Explain,
    /// `/<f>/_settings?flat_settings=true`.
    Settings,
    /// `metadata.persistent_tasks`.
    Tasks,
    /// `/<l>/_settings?flat_settings=true` on the leader cluster.
    LeaderSettings,
    /// `/<l>/_stats?level=shards` on the leader cluster.
    LeaderStats,
    /// `_cluster/health/<l>` on the leader cluster.
    LeaderHealth,
    /// `/<f>/_stats?level=shards`.
    FollowerStats,
    /// `/<f>/_count`: counts by search, which refreshes a shard that nobody searched.
    FollowerCount,
    /// `/<l>/_count` on the leader cluster.
    LeaderCount,
    /// `_license` of the follower cluster.
    License,
    /// `_license` of the leader cluster.
    LeaderLicense,
}

/// What was asked lately, whatever the answer.
fn lately<T>(case: &Case<'_>, series: &Series<T>) -> bool {
    within(case, series, REPEAT_MILLIS)
}

fn within<T>(case: &Case<'_>, series: &Series<T>, millis: i64) -> bool {
    series
        .last()
        .is_some_and(|seen| millis_between(seen.at, case.facts.now) < millis)
}

/// The settings were read before the look at which writes still went well: a block may have come
/// since.
fn settings_are_older(case: &Case<'_>) -> bool {
    let read = case.facts.follower.settings.last().map(|seen| seen.at);
    case.writes_failing().is_some()
        && case
            .stats_before()
            .is_some_and(|(before, _)| read < Some(before.at))
}

/// The looks that this follower needs, in the order in which they help.
pub(super) fn needs(case: &Case<'_>) -> Vec<Need> {
    let mut needs: Vec<Need> = Vec::new();
    let mut need = |need: Need, asked_lately: bool| {
        if !asked_lately && !needs.contains(&need) {
            needs.push(need);
        }
    };
    let side = &case.facts.follower;
    let leader = &case.facts.leader;
    let info = newest(&side.info).map(|(_, info)| info.status);
    if could_not_be_looked_at(case) {
        // A list that lacks it proves nothing.
        need(Need::FollowerByName, false);
    }
    if gone(&side.info).is_some() {
        need(Need::Meta, lately(case, &side.meta));
    }
    if info == Some(FollowStatus::Paused) {
        need(Need::Meta, lately(case, &side.meta));
        need(Need::Health, lately(case, &side.health));
        need(Need::Recovery, lately(case, &side.recovery));
    }
    if case.restoring().is_some() {
        // Its end may come with the following, when `_ccr/info` no longer asks for this look.
        need(Need::Recovery, lately(case, &side.recovery));
        need(Need::Health, lately(case, &side.health));
    }
    if case.red().is_some() {
        need(Need::Health, lately(case, &side.health));
        need(Need::Routing, lately(case, &side.routing));
        need(Need::Explain, lately(case, &side.explain));
    }
    if case.known_closed().is_some() {
        need(Need::Meta, lately(case, &side.meta));
    }
    let has_leader = case.facts.leader_cluster.is_some();
    let without_task = info == Some(FollowStatus::Active) && gone(&side.stats).is_some();
    if troubled(case) || without_task {
        need(Need::Meta, lately(case, &side.meta));
        let read = lately(case, &side.settings) && !settings_are_older(case);
        need(Need::Settings, read);
        need(Need::Health, lately(case, &side.health));
        if has_leader {
            let recent = newest(&leader.index).is_some_and(|(seen, _)| is_recent(case, seen.at));
            need(
                Need::LeaderStats,
                lately(case, &leader.index) && (recent || newest(&leader.index).is_none()),
            );
            need(Need::LeaderSettings, lately(case, &leader.settings));
        }
        // On 7.x the followed UUID stands only in the tasks.
        need(
            Need::Tasks,
            compare(case).followed_uuid.is_some() || lately(case, &side.tasks),
        );
    }
    if without_task {
        need(Need::Tasks, lately(case, &side.tasks));
    }
    if has_leader
        && case.rising().iter().any(|rising| {
            rising
                .read
                .exception
                .chain()
                .any(|one| one.kind == "no_shard_available_action_exception")
        })
    {
        need(Need::LeaderHealth, lately(case, &leader.health));
    }
    if diverged::suspected(case).is_some() {
        let leader = &case.facts.leader;
        // Counted first, and then where both sides stand: a write between is seen.
        need(Need::FollowerCount, within(case, &side.count, COUNT_MILLIS));
        need(Need::FollowerStats, within(case, &side.index, COUNT_MILLIS));
        need(Need::LeaderCount, within(case, &leader.count, COUNT_MILLIS));
        need(Need::LeaderStats, within(case, &leader.index, COUNT_MILLIS));
    }
    if case.errors().any(|error| error.status == 403) {
        need(Need::License, lately(case, &side.license));
        if has_leader {
            need(Need::LeaderLicense, lately(case, &leader.license));
        }
    }
    needs
}

/// Something shows in the statistics, or the follower is in no state that follows.
fn troubled(case: &Case<'_>) -> bool {
    case.fatal().next().is_some()
        || case.unreadable_fatal().is_some()
        || case.shards().any(|(_, shard)| {
            shard
                .read_exceptions
                .present()
                .is_some_and(|reads| !reads.is_empty())
        })
        || case.writes_failing().is_some()
        || stalled_shard(case).is_some()
        || (case.stats().is_some() && !follows(case))
        || crate::judge::follower::blocked(case).is_some()
}
