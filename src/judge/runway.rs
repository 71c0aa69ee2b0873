//! How long the leader must still keep what the follower needs: retention leases and their period.
//!
//! A task renews its shard's lease every 30 s (`index.ccr.retention_lease.renew_interval`, not
//! to be set). What the leader's lease says goes before what the follower's state suggests: a
//! timestamp that moves is a renewal, whatever else is wrong (older 7.x went on while fatal,
//! reference 2.1; the task of a closed or blocked follower goes on), and one that stands still
//! is none, whatever else looks well (the task of a closed follower after a restart of its node).
//! When it has ended, history *may* be lost from then on: nothing here says that it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::facts::Lease;
use crate::domain::memory::LeaseMark;
use crate::domain::time::{Timestamp, after, millis_between};
use crate::judge::case::{Case, gone, millis_of, newest};
use crate::judge::state::is_missing;

/// `index.soft_deletes.retention_lease.period` where the leader sets none (reference 5).
const DEFAULT_PERIOD_MILLIS: i64 = 12 * 3_600_000;
/// A lease that says the same for so long was not renewed: three renewals would have come.
const STANDS_MILLIS: i64 = 90_000;
/// The leader's own setting.
const PERIOD: &str = "index.soft_deletes.retention_lease.period";

/// The earliest end over all shards; `None` while every lease is being renewed.
pub(super) fn expires_at(case: &Case<'_>) -> Option<Timestamp> {
    by_shard(case).into_values().min()
}

/// Per shard, when the leader may begin to discard what the follower still needs. Shards whose
/// lease is being renewed are left out; so is everything of a follower that does not exist or
/// is none any more, because it needs nothing.
pub(super) fn by_shard(case: &Case<'_>) -> BTreeMap<u32, Timestamp> {
    let Some(period) = period(case) else {
        return BTreeMap::new();
    };
    if is_missing(case) {
        return BTreeMap::new();
    }
    let marks = marks(case);
    let looked_at = newest(&case.facts.leader.index).map(|(seen, _)| seen.at);
    let resting = Resting::of(case, looked_at.is_some());
    shards(case, &marks)
        .into_iter()
        .filter_map(|shard| {
            let rests = resting.includes(shard);
            let Some(mark) = marks.get(&shard) else {
                // Its lease was never seen: what was last seen renewing is all there is to go by.
                let last = case.memory.last_renewing_at.or(case.memory.last_well_at)?;
                return rests.then(|| (shard, after(last, period)));
            };
            let stands = looked_at.is_some_and(|at| millis_between(mark.since, at) >= STANDS_MILLIS);
            let end = match mark.renewed_at {
                Some(renewed) => after(renewed, period),
                // Read, and not there: from that look on anything may be discarded.
                None => mark.since,
            };
            (rests || stands).then_some((shard, end))
        })
        .collect()
}

/// The period of the leader's own setting, as it was last read. `None` where it is negative: a
/// server refuses that, so nothing is claimed of it.
fn period(case: &Case<'_>) -> Option<Duration> {
    let set = case.facts.leader.settings.latest_known();
    let text = match set {
        Some((_, settings)) => settings.get(PERIOD),
        None => case.memory.lease_period.as_ref(),
    };
    if text.is_some_and(|text| text.trim_start().starts_with('-')) {
        return None;
    }
    let millis = text
        .and_then(|text| millis_of(text))
        .unwrap_or(DEFAULT_PERIOD_MILLIS);
    Some(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
}

/// The leader's own setting as text, to be remembered; what is remembered where it is not read.
pub(super) fn period_text(case: &Case<'_>) -> Option<String> {
    match case.facts.leader.settings.latest_known() {
        Some((_, settings)) => settings.get(PERIOD).cloned(),
        None => case.memory.lease_period.clone(),
    }
}

/// What every lease said last, and since when it says that: the marks of memory with the looks
/// since then.
pub(super) fn marks(case: &Case<'_>) -> BTreeMap<u32, LeaseMark> {
    let mut marks = case.memory.leases.clone();
    for (at, stats) in case.facts.leader.index.history() {
        for (shard, primary) in &stats.primaries {
            let Some(leases) = &primary.leases else { continue };
            let renewed_at = match leases.iter().find(|lease| is_ours(case, lease)) {
                // A lease without a timestamp tells nothing.
                Some(lease) => match lease.renewed_at {
                    Some(renewed) => Some(renewed),
                    None => continue,
                },
                None => None,
            };
            match marks.get_mut(shard) {
                Some(mark) if at <= mark.seen_at => {}
                Some(mark) if mark.renewed_at == renewed_at => mark.seen_at = at,
                _ => {
                    let mark = LeaseMark {
                        renewed_at,
                        since: at,
                        seen_at: at,
                    };
                    marks.insert(*shard, mark);
                }
            }
        }
    }
    marks
}

/// Every shard that anything names.
fn shards(case: &Case<'_>, marks: &BTreeMap<u32, LeaseMark>) -> BTreeSet<u32> {
    let mut shards: BTreeSet<u32> = marks.keys().copied().collect();
    shards.extend(case.shards().map(|(_, shard)| shard.shard));
    shards.extend(0..case.shard_count().unwrap_or(0));
    if shards.is_empty() {
        // Nothing tells how many there are: one stands for all.
        shards.insert(0);
    }
    shards
}

/// Shards whose lease nothing renews, as far as the follower's side tells.
enum Resting {
    All,
    Shards(BTreeSet<u32>),
}

impl Resting {
    /// Nothing renews: paused; no task; a fatal one (where it goes on all the same, the lease's
    /// timestamp moves and the end with it); a way to the leader that is not there; reads that
    /// fail. A follower that cannot be looked at is taken to rest only where its leases cannot
    /// be looked at either.
    fn of(case: &Case<'_>, leases_are_seen: bool) -> Self {
        let remote = &case.facts.follower.remote;
        let cut = newest(remote).is_some_and(|(_, remote)| remote.connected == Some(false))
            || gone(remote).is_some();
        let without_task = gone(&case.facts.follower.stats).is_some();
        let blind = case.stats().is_none() && !leases_are_seen;
        if case.paused().is_some() || without_task || cut || blind {
            return Self::All;
        }
        let mut shards: BTreeSet<u32> = case.fatal().map(|(_, shard, _)| shard).collect();
        shards.extend(case.rising().into_iter().map(|rising| rising.shard));
        if case.lacks_shards().is_some() {
            let listed: BTreeSet<u32> = case.shards().map(|(_, shard)| shard.shard).collect();
            shards.extend((0..case.shard_count().unwrap_or(0)).filter(|shard| !listed.contains(shard)));
        }
        Self::Shards(shards)
    }

    fn includes(&self, shard: u32) -> bool {
        match self {
            Self::All => true,
            Self::Shards(shards) => shards.contains(&shard),
        }
    }
}

/// The lease of this follower, by its whole id where that is known, else by the parts that are.
fn is_ours(case: &Case<'_>, lease: &Lease) -> bool {
    if let Some(id) = case.facts.lease_id() {
        return lease.id == id;
    }
    let id = lease.id.as_str();
    let Some((follower, leader)) = id.split_once("-following-") else {
        return false;
    };
    let index = case.facts.key.index.as_str();
    let names_follower = match case
        .facts
        .follower_uuid()
        .or_else(|| case.memory.follower_index_uuid.clone())
    {
        Some(uuid) => follower.ends_with(&format!("/{index}/{uuid}")),
        None => follower
            .rsplit_once('/')
            .is_some_and(|(rest, _)| rest.ends_with(&format!("/{index}"))),
    };
    let names_leader = match (&case.facts.remote, &case.facts.leader_index) {
        (Some(remote), Some(name)) => leader.starts_with(&format!("{remote}/{name}/")),
        _ => true,
    };
    names_follower && names_leader
}

#[cfg(test)]
mod tests;
