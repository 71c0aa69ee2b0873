//! Series of single shards: all of them where a rule says so, and of the worst ones always.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::fmt::Write as _;

use crate::domain::facts::{Exception, ShardStats};
use crate::domain::seen::Seen;
use crate::metrics::followers::{Prepared, flag, last_read, millis, number, seconds};
use crate::metrics::text::{Encoder, Kind};

/// Families beside [`SHARD_FAMILIES`] that a shard at shard level has.
pub(super) const OTHERS: usize = 4;

/// Name, kind, help, and where the value stands.
pub(super) type ShardFamily = (&'static str, Kind, &'static str, fn(&ShardStats) -> Option<f64>);

/// Field by field after `peers.md` A.10.
pub(super) const SHARD_FAMILIES: &[ShardFamily] = &[
    (
        "refollow_shard_leader_global_checkpoint",
        Kind::Gauge,
        "leader_global_checkpoint of _ccr/stats: what the follower's task last heard of the leader.",
        |s| s.leader_global_checkpoint.get().map(number),
    ),
    (
        "refollow_shard_leader_max_seq_no",
        Kind::Gauge,
        "leader_max_seq_no of _ccr/stats.",
        |s| s.leader_max_seq_no.get().map(number),
    ),
    (
        "refollow_shard_follower_global_checkpoint",
        Kind::Gauge,
        "follower_global_checkpoint of _ccr/stats.",
        |s| s.follower_global_checkpoint.get().map(number),
    ),
    (
        "refollow_shard_follower_max_seq_no",
        Kind::Gauge,
        "follower_max_seq_no of _ccr/stats.",
        |s| s.follower_max_seq_no.get().map(number),
    ),
    (
        "refollow_shard_last_requested_seq_no",
        Kind::Gauge,
        "last_requested_seq_no of _ccr/stats.",
        |s| s.last_requested_seq_no.get().map(number),
    ),
    (
        "refollow_shard_outstanding_read_requests",
        Kind::Gauge,
        "outstanding_read_requests of _ccr/stats.",
        |s| s.outstanding_read_requests.get().map(number),
    ),
    (
        "refollow_shard_outstanding_write_requests",
        Kind::Gauge,
        "outstanding_write_requests of _ccr/stats.",
        |s| s.outstanding_write_requests.get().map(number),
    ),
    (
        "refollow_shard_write_buffer_operations",
        Kind::Gauge,
        "write_buffer_operation_count of _ccr/stats.",
        |s| s.write_buffer_operation_count.get().map(number),
    ),
    (
        "refollow_shard_write_buffer_size_bytes",
        Kind::Gauge,
        "write_buffer_size_in_bytes of _ccr/stats.",
        |s| s.write_buffer_size_in_bytes.get().map(number),
    ),
    (
        "refollow_shard_follower_mapping_version",
        Kind::Gauge,
        "follower_mapping_version of _ccr/stats.",
        |s| s.follower_mapping_version.get().map(number),
    ),
    (
        "refollow_shard_follower_settings_version",
        Kind::Gauge,
        "follower_settings_version of _ccr/stats.",
        |s| s.follower_settings_version.get().map(number),
    ),
    (
        "refollow_shard_follower_aliases_version",
        Kind::Gauge,
        "follower_aliases_version of _ccr/stats.",
        |s| s.follower_aliases_version.get().map(number),
    ),
    (
        "refollow_shard_read_seconds_total",
        Kind::Counter,
        "total_read_time_millis of _ccr/stats, in seconds.",
        |s| s.total_read_time_millis.get().map(millis),
    ),
    (
        "refollow_shard_read_remote_exec_seconds_total",
        Kind::Counter,
        "total_read_remote_exec_time_millis of _ccr/stats, in seconds.",
        |s| s.total_read_remote_exec_time_millis.get().map(millis),
    ),
    (
        "refollow_shard_read_requests_total",
        Kind::Counter,
        "successful_read_requests plus failed_read_requests of _ccr/stats.",
        |s| {
            Some(number(
                s.successful_read_requests
                    .get()?
                    .saturating_add(s.failed_read_requests.get()?),
            ))
        },
    ),
    (
        "refollow_shard_read_requests_failed_total",
        Kind::Counter,
        "failed_read_requests of _ccr/stats.",
        |s| s.failed_read_requests.get().map(number),
    ),
    (
        "refollow_shard_operations_read_total",
        Kind::Counter,
        "operations_read of _ccr/stats.",
        |s| s.operations_read.get().map(number),
    ),
    (
        "refollow_shard_read_bytes_total",
        Kind::Counter,
        "bytes_read of _ccr/stats.",
        |s| s.bytes_read.get().map(number),
    ),
    (
        "refollow_shard_write_seconds_total",
        Kind::Counter,
        "total_write_time_millis of _ccr/stats, in seconds.",
        |s| s.total_write_time_millis.get().map(millis),
    ),
    (
        "refollow_shard_write_requests_total",
        Kind::Counter,
        "successful_write_requests plus failed_write_requests of _ccr/stats.",
        |s| {
            Some(number(
                s.successful_write_requests
                    .get()?
                    .saturating_add(s.failed_write_requests.get()?),
            ))
        },
    ),
    (
        "refollow_shard_write_requests_failed_total",
        Kind::Counter,
        "failed_write_requests of _ccr/stats.",
        |s| s.failed_write_requests.get().map(number),
    ),
    (
        "refollow_shard_operations_written_total",
        Kind::Counter,
        "operations_written of _ccr/stats.",
        |s| s.operations_written.get().map(number),
    ),
    (
        "refollow_shard_read_exceptions",
        Kind::Gauge,
        "Entries of read_exceptions of _ccr/stats: reads that fail and are retried.",
        |s| {
            s.read_exceptions
                .present()
                .map(|list| number(i64::try_from(list.len()).unwrap_or(i64::MAX)))
        },
    ),
    (
        "refollow_shard_read_exception_retries",
        Kind::Gauge,
        "Highest retries in read_exceptions of _ccr/stats; 0 without one.",
        |s| {
            s.read_exceptions
                .present()
                .map(|list| number(list.iter().filter_map(|one| one.retries).max().unwrap_or(0)))
        },
    ),
];

/// Operations that a shard is behind, as its own task knows.
fn lag(shard: &ShardStats) -> Option<i64> {
    let behind = shard
        .leader_global_checkpoint
        .get()?
        .saturating_sub(shard.follower_global_checkpoint.get()?);
    Some(behind.max(0))
}

/// How bad a shard is: a fatal one first, since its lag says nothing any more (measured 02), then the
/// furthest behind. `None`: nothing is wrong with it.
fn badness(shard: &ShardStats) -> Option<(bool, i64)> {
    let fatal = matches!(shard.fatal_exception, Seen::Present(_));
    let lag = lag(shard).unwrap_or_default();
    (fatal || lag > 0).then_some((fatal, lag))
}

/// The worst shards of all followers, at most so many: the follower's place and the shard's number. Of
/// equally bad ones the first by name stay.
fn worst(followers: &[Prepared<'_>], most: usize) -> BTreeSet<(usize, u32)> {
    let mut heap = BinaryHeap::with_capacity(most.saturating_add(1).min(4096));
    for (place, follower) in followers.iter().enumerate().filter(|(_, one)| one.fresh) {
        let shards = follower
            .row
            .stats
            .into_iter()
            .flat_map(|(_, stats)| stats.shards.iter());
        for (number, shard) in shards {
            let Some(bad) = badness(shard) else { continue };
            // The least bad of those kept stands on top.
            heap.push(Reverse((bad, Reverse((place, *number)))));
            if heap.len() > most {
                let _less_bad = heap.pop();
            }
        }
    }
    heap.into_iter().map(|Reverse((_, Reverse(who)))| who).collect()
}

/// What stands beside [`SHARD_FAMILIES`]: of every shard at shard level, and lag and fatal exception also
/// of the worst ones.
pub(super) fn encode_worst(followers: &[Prepared<'_>], most: usize, out: &mut Encoder) {
    let worst = worst(followers, most);
    let shown = || {
        followers.iter().enumerate().flat_map(|(place, follower)| {
            let stats = follower.row.stats.filter(|_| follower.fresh);
            let shards = stats.into_iter().flat_map(|(at, stats)| {
                stats
                    .shards
                    .iter()
                    .map(move |(number, shard)| (*number, at, shard))
            });
            let worst = &worst;
            shards
                .filter(move |(number, ..)| follower.shards || worst.contains(&(place, *number)))
                .map(move |(number, at, shard)| (follower, number, at, shard))
        })
    };
    let mut family = out.family(
        "refollow_shard_lag_operations",
        Kind::Gauge,
        "Operations that the shard is behind, leader_global_checkpoint minus follower_global_checkpoint of _ccr/stats; of the worst shards at every level.",
    );
    for (follower, number, _, shard) in shown() {
        if let Some(lag) = lag(shard) {
            family.of_shard(follower.labels(), ("shard", number), self::number(lag));
        }
    }
    let mut family = out.family(
        "refollow_shard_fatal_exception",
        Kind::Gauge,
        "Whether fatal_exception of _ccr/stats stands, by class of exception (none: it does not, and the value is 0); of the worst shards at every level.",
    );
    let mut labels = String::new();
    for (follower, number, _, shard) in shown() {
        let (class, stands) = match &shard.fatal_exception {
            Seen::Present(exception) => (class_of(exception), true),
            Seen::Absent => ("none", false),
            Seen::Unknown(_) => continue,
        };
        labels.clear();
        // Writing into a String cannot fail.
        let _infallible = write!(labels, "{},shard=\"{number}\"", follower.labels());
        family.with(&labels, ("class", class), flag(stands));
    }
    let mut family = out.family(
        "refollow_shard_last_read_timestamp_seconds",
        Kind::Gauge,
        "When the shard last read from the leader; from time_since_last_read_millis of _ccr/stats.",
    );
    for (follower, number, at, shard) in shown().filter(|(follower, ..)| follower.shards) {
        if let Some(read) = last_read(at, shard) {
            family.of_shard(follower.labels(), ("shard", number), read);
        }
    }
    let mut family = out.family(
        "refollow_shard_runway_expiry_timestamp_seconds",
        Kind::Gauge,
        "From when on the leader may discard operations that the shard still needs; absent while its retention lease is renewed. In the past: its history may be lost from then on.",
    );
    // As the follower's own: it stays while nobody can look.
    for follower in followers.iter().filter(|follower| follower.shards) {
        for (shard, at) in follower.row.runway_by_shard {
            family.of_shard(follower.labels(), ("shard", *shard), seconds(*at));
        }
    }
}

/// One of [`SHARD_FAMILIES`], of every shard at shard level, under a name and a label for the shard.
pub(super) fn encode_family(
    followers: &[Prepared<'_>],
    (name, kind, help, read): ShardFamily,
    label: &str,
    out: &mut Encoder,
) {
    let mut family = out.family(name, kind, help);
    for follower in followers.iter().filter(|one| one.fresh && one.shards) {
        let shards = follower
            .row
            .stats
            .into_iter()
            .flat_map(|(_, stats)| stats.shards.iter());
        for (number, shard) in shards {
            if let Some(value) = read(shard) {
                family.of_shard(follower.labels(), (label, *number), value);
            }
        }
    }
}

/// A closed list of classes: exception types are open-ended, and labels must not be.
fn class_of(exception: &Exception) -> &'static str {
    if exception
        .chain()
        .any(|one| one.requested_operations_missing.is_some())
    {
        return "operations_missing";
    }
    let known = |kind: &str| match kind {
        "index_not_found_exception" => Some("index_not_found"),
        "shard_not_found_exception" => Some("shard_not_found"),
        "index_closed_exception" => Some("index_closed"),
        "security_exception" => Some("security"),
        "cluster_block_exception" => Some("cluster_block"),
        "no_such_remote_cluster_exception" => Some("no_such_remote"),
        "circuit_breaking_exception" => Some("circuit_breaking"),
        "es_rejected_execution_exception" | "rejected_execution_exception" => Some("rejected_execution"),
        "resource_not_found_exception" => Some("resource_not_found"),
        "illegal_argument_exception" => Some("illegal_argument"),
        "illegal_state_exception" => Some("illegal_state"),
        "mapper_parsing_exception" => Some("mapper_parsing"),
        _ => None,
    };
    exception
        .chain()
        .find_map(|one| known(&one.kind))
        .unwrap_or("other")
}
