//! The names of `elasticsearch_exporter`, for dashboards built for its pending change
//! (prometheus-community/elasticsearch_exporter, pull request 1145, `collector/ccr.go`); off by default.
//!
//! The names and the labels `remote_cluster`, `leader_index`, `follower_index` and `shard_id` are that
//! change's; `es_cluster` stands beside them, because one refollow exports many clusters. Not exported:
//! `last_seen_metadata_version`, which refollow does not read, and the five parameters.

use crate::domain::facts::FollowStatus;
use crate::domain::ids::RemoteAlias;
use crate::domain::time::{Timestamp, millis_between};
use crate::metrics::followers::{AutoFollowRow, Prepared, flag, millis, number};
use crate::metrics::shards::ShardFamily;
use crate::metrics::text::{Encoder, Kind, Labels};

/// Series of one follower, without those of its shards.
pub(super) const OF_INDEX: usize = 3;

/// Those of shards, at shard level.
pub(super) const SHARDS: &[ShardFamily] = &[
    (
        "elasticsearch_ccr_follow_shard_leader_global_checkpoint",
        Kind::Gauge,
        "leader_global_checkpoint of _ccr/stats.",
        |s| s.leader_global_checkpoint.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_leader_max_seq_no",
        Kind::Gauge,
        "leader_max_seq_no of _ccr/stats.",
        |s| s.leader_max_seq_no.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_follower_global_checkpoint",
        Kind::Gauge,
        "follower_global_checkpoint of _ccr/stats.",
        |s| s.follower_global_checkpoint.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_follower_max_seq_no",
        Kind::Gauge,
        "follower_max_seq_no of _ccr/stats.",
        |s| s.follower_max_seq_no.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_last_requested_seq_no",
        Kind::Gauge,
        "last_requested_seq_no of _ccr/stats.",
        |s| s.last_requested_seq_no.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_outstanding_read_requests",
        Kind::Gauge,
        "outstanding_read_requests of _ccr/stats.",
        |s| s.outstanding_read_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_outstanding_write_requests",
        Kind::Gauge,
        "outstanding_write_requests of _ccr/stats.",
        |s| s.outstanding_write_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_write_buffer_operation_count",
        Kind::Gauge,
        "write_buffer_operation_count of _ccr/stats.",
        |s| s.write_buffer_operation_count.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_write_buffer_size_bytes",
        Kind::Gauge,
        "write_buffer_size_in_bytes of _ccr/stats.",
        |s| s.write_buffer_size_in_bytes.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_follower_mapping_version",
        Kind::Gauge,
        "follower_mapping_version of _ccr/stats.",
        |s| s.follower_mapping_version.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_follower_settings_version",
        Kind::Gauge,
        "follower_settings_version of _ccr/stats.",
        |s| s.follower_settings_version.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_follower_aliases_version",
        Kind::Gauge,
        "follower_aliases_version of _ccr/stats.",
        |s| s.follower_aliases_version.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_total_read_time_seconds_total",
        Kind::Counter,
        "total_read_time_millis of _ccr/stats, in seconds.",
        |s| s.total_read_time_millis.get().map(millis),
    ),
    (
        "elasticsearch_ccr_follow_shard_total_read_remote_exec_time_seconds_total",
        Kind::Counter,
        "total_read_remote_exec_time_millis of _ccr/stats, in seconds.",
        |s| s.total_read_remote_exec_time_millis.get().map(millis),
    ),
    (
        "elasticsearch_ccr_follow_shard_successful_read_requests_total",
        Kind::Counter,
        "successful_read_requests of _ccr/stats.",
        |s| s.successful_read_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_failed_read_requests_total",
        Kind::Counter,
        "failed_read_requests of _ccr/stats.",
        |s| s.failed_read_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_operations_read_total",
        Kind::Counter,
        "operations_read of _ccr/stats.",
        |s| s.operations_read.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_bytes_read_total",
        Kind::Counter,
        "bytes_read of _ccr/stats.",
        |s| s.bytes_read.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_total_write_time_seconds_total",
        Kind::Counter,
        "total_write_time_millis of _ccr/stats, in seconds.",
        |s| s.total_write_time_millis.get().map(millis),
    ),
    (
        "elasticsearch_ccr_follow_shard_successful_write_requests_total",
        Kind::Counter,
        "successful_write_requests of _ccr/stats.",
        |s| s.successful_write_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_failed_write_requests_total",
        Kind::Counter,
        "failed_write_requests of _ccr/stats.",
        |s| s.failed_write_requests.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_operations_written_total",
        Kind::Counter,
        "operations_written of _ccr/stats.",
        |s| s.operations_written.get().map(number),
    ),
    (
        "elasticsearch_ccr_follow_shard_time_since_last_read_seconds",
        Kind::Gauge,
        "time_since_last_read_millis of _ccr/stats, in seconds.",
        |s| s.time_since_last_read_millis.get().map(millis),
    ),
    (
        "elasticsearch_ccr_follow_shard_read_exceptions_total",
        Kind::Counter,
        "Entries of read_exceptions of _ccr/stats; it can fall, whatever its name says.",
        |s| {
            s.read_exceptions
                .present()
                .map(|list| number(i64::try_from(list.len()).unwrap_or(i64::MAX)))
        },
    ),
];

type Read = fn(&AutoFollowRow<'_>) -> Option<i64>;

/// Those of followers and of auto-follow.
pub(super) fn encode<'a>(
    followers: &[Prepared<'_>],
    auto_follow: impl Iterator<Item = &'a AutoFollowRow<'a>>,
    now: Timestamp,
    out: &mut Encoder,
) {
    let mut family = out.family(
        "elasticsearch_ccr_follow_index_global_checkpoint_lag",
        Kind::Gauge,
        "As refollow_follower_lag_operations.",
    );
    for follower in followers.iter().filter(|follower| follower.fresh) {
        if let Some(lag) = follower.row.lag {
            family.sample(follower.labels(), number(lag));
        }
    }
    let mut family = out.family(
        "elasticsearch_ccr_follower_index_status",
        Kind::Gauge,
        "status of _ccr/info: 1 for the one that holds.",
    );
    for follower in followers.iter().filter(|follower| follower.fresh) {
        let Some(status) = follower.row.status else {
            continue;
        };
        for (word, one) in [("active", FollowStatus::Active), ("paused", FollowStatus::Paused)] {
            family.with(follower.labels(), ("status", word), flag(status == one));
        }
    }
    let mut rows: Vec<_> = auto_follow.collect();
    rows.sort_by_key(|row| row.cluster);
    rows.dedup_by_key(|row| row.cluster);
    let families: [(&str, Kind, &str, Read); 4] = [
        (
            "elasticsearch_ccr_auto_follow_failed_follow_indices_total",
            Kind::Counter,
            "auto_follow_stats.number_of_failed_follow_indices of _ccr/stats.",
            |row| row.failed,
        ),
        (
            "elasticsearch_ccr_auto_follow_failed_remote_cluster_state_requests_total",
            Kind::Counter,
            "auto_follow_stats.number_of_failed_remote_cluster_state_requests of _ccr/stats.",
            |row| row.remote_state_failed,
        ),
        (
            "elasticsearch_ccr_auto_follow_successful_follow_indices_total",
            Kind::Counter,
            "auto_follow_stats.number_of_successful_follow_indices of _ccr/stats.",
            |row| row.succeeded,
        ),
        (
            "elasticsearch_ccr_auto_follow_recent_errors",
            Kind::Gauge,
            "Entries of auto_follow_stats.recent_auto_follow_errors of _ccr/stats.",
            |row| row.recent_errors.map(i64::from),
        ),
    ];
    for (name, kind, help, read) in families {
        let mut family = out.family(name, kind, help);
        for row in &rows {
            if let Some(value) = read(row) {
                let labels = Labels::new().with("es_cluster", row.cluster.as_str());
                family.sample(labels.as_str(), number(value));
            }
        }
    }
    let mut family = out.family(
        "elasticsearch_ccr_auto_followed_cluster_time_since_last_check_seconds",
        Kind::Gauge,
        "auto_follow_stats.auto_followed_clusters[].time_since_last_check_millis of _ccr/stats, in seconds, counted on to now.",
    );
    for row in &rows {
        let mut checks: Vec<(&RemoteAlias, Timestamp)> = row.last_checks.clone();
        checks.sort_by_key(|(alias, _)| *alias);
        checks.dedup_by_key(|(alias, _)| *alias);
        for (alias, at) in checks {
            let labels = Labels::new()
                .with("es_cluster", row.cluster.as_str())
                .with("remote_cluster", alias.as_str());
            family.sample(labels.as_str(), millis(millis_between(at, now)));
        }
    }
}
