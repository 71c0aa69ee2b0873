//! Which second calls would settle a verdict, so that the observer makes them only for the
//! followers that need them.

use crate::domain::facts::FollowStatus;
use crate::judge::case::{Case, gone, known, newest};
use crate::judge::state::could_not_be_looked_at;

/// A further look at one follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Need {
    /// `/<f>/_ccr/info` and `/<f>/_ccr/stats`, by name.
    FollowerByName,
    /// `_cluster/state/metadata/<f>`.
    Meta,
    /// `_cluster/state/routing_table/<f>`.
    Routing,
    /// `_cluster/health/<f>?level=shards`.
    Health,
    /// `/<f>/_recovery`.
    Recovery,
    /// `_cluster/allocation/explain` of a primary.
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
    /// `_license` of the follower cluster.
    License,
    /// `_license` of the leader cluster.
    LeaderLicense,
}

/// The looks that this follower needs, in the order in which they help.
pub(super) fn needs(case: &Case<'_>) -> Vec<Need> {
    let side = &case.facts.follower;
    let mut needs: Vec<Need> = Vec::new();
    let mut need = |need: Need, is_known: bool| {
        if !is_known && !needs.contains(&need) {
            needs.push(need);
        }
    };
    if could_not_be_looked_at(case) {
        // A list that lacks it proves nothing.
        need(Need::FollowerByName, false);
    }
    let info = newest(&side.info).map(|(_, info)| info.status);
    let troubled = case.fatal().next().is_some()
        || case.unreadable_fatal().is_some()
        || case.shards().any(|(_, shard)| {
            shard
                .read_exceptions
                .present()
                .is_some_and(|reads| !reads.is_empty())
        })
        || case.writes_failing().is_some()
        || crate::judge::state::stalled_shard(case).is_some();
    let has_leader = case.facts.leader_cluster.is_some();
    let without_task = info == Some(FollowStatus::Active) && gone(&side.stats).is_some();
    if gone(&side.info).is_some() {
        need(Need::Meta, known(&side.meta));
    }
    if info == Some(FollowStatus::Paused) {
        need(Need::Meta, known(&side.meta));
        need(Need::Health, known(&side.health));
        need(Need::Recovery, known(&side.recovery));
        if case.red().is_some() {
            need(Need::Routing, known(&side.routing));
            need(Need::Explain, known(&side.explain));
        }
    }
    if troubled || without_task {
        need(Need::Meta, known(&side.meta));
        need(Need::Settings, known(&side.settings));
        need(Need::Health, known(&side.health));
        if has_leader {
            need(Need::LeaderStats, known(&case.facts.leader.index));
            need(Need::LeaderSettings, known(&case.facts.leader.settings));
        }
        // On 7.x the followed UUID stands only in the tasks.
        let recorded = newest(&side.meta).is_some_and(|(_, meta)| meta.followed.is_some());
        need(Need::Tasks, recorded || known(&side.tasks));
    }
    if without_task {
        need(Need::Tasks, known(&side.tasks));
    }
    if has_leader
        && case
            .rising()
            .iter()
            .any(|rising| rising.read.exception.kind == "no_shard_available_action_exception")
    {
        need(Need::LeaderHealth, known(&case.facts.leader.health));
    }
    if case.facts.errors.iter().any(|error| error.status == 403) {
        need(Need::License, known(&side.license));
        need(
            Need::LeaderLicense,
            !has_leader || known(&case.facts.leader.license),
        );
    }
    needs
}
