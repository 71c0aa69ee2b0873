//! How long the leader must still keep what the follower needs: retention leases and their period.

use std::time::Duration;

use crate::domain::facts::Lease;
use crate::domain::time::{Timestamp, after};
use crate::judge::case::{Case, gone, millis_of, newest};

/// `index.soft_deletes.retention_lease.period` where the leader sets none (reference 5).
const DEFAULT_PERIOD_MILLIS: i64 = 12 * 3_600_000;

/// The earliest end of a lease that nothing renews.
///
/// A shard renews while the index is active and its task is listed without a fatal exception
/// (current versions stop renewing when it is fatal, reference 2.1; older ones went on, and then
/// the timestamp moves and this end with it). A lease list that was read and lacks the
/// follower's lease means: from the time of that look on, anything may be discarded.
pub(super) fn expires_at(case: &Case<'_>) -> Option<Timestamp> {
    let resting = match resting(case) {
        Resting::None => return None,
        Resting::All => None,
        Resting::Shards(shards) => Some(shards),
    };
    let settings = newest(&case.facts.leader.settings).map(|(_, settings)| settings);
    let period = settings
        .and_then(|settings| settings.get("index.soft_deletes.retention_lease.period"))
        .and_then(|text| millis_of(text))
        .unwrap_or(DEFAULT_PERIOD_MILLIS);
    let period = Duration::from_millis(u64::try_from(period).unwrap_or(0));
    let by_leases = newest(&case.facts.leader.index).and_then(|(seen, stats)| {
        stats
            .primaries
            .iter()
            .filter(|(shard, _)| resting.as_ref().is_none_or(|resting| resting.contains(shard)))
            .filter_map(|(_, primary)| {
                let leases = primary.leases.as_ref()?;
                match leases.iter().find(|lease| is_ours(case, lease)) {
                    Some(lease) => Some(after(lease.renewed_at?, period)),
                    None => Some(seen.at),
                }
            })
            .min()
    });
    by_leases.or_else(|| {
        Some(after(
            case.memory.last_renewing_at.or(case.memory.last_well_at)?,
            period,
        ))
    })
}

/// Shards whose lease nothing renews.
enum Resting {
    None,
    All,
    Shards(Vec<u32>),
}

fn resting(case: &Case<'_>) -> Resting {
    if case.paused().is_some() || gone(&case.facts.follower.stats).is_some() {
        return Resting::All;
    }
    let fatal: Vec<u32> = case.fatal().map(|(_, shard, _)| shard).collect();
    if !fatal.is_empty() {
        return Resting::Shards(fatal);
    }
    // The cluster cannot be looked at: what was last seen renewing is all there is to go by.
    if case.stats().is_none() && case.memory.last_renewing_at.is_some() {
        return Resting::All;
    }
    Resting::None
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
