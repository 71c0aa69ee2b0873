//! The fields of the answers that are compared: what refollow's judge, guards and executor read.
//!
//! Always compared, in every answer: the HTTP status, and of an error the exception types of the
//! root causes and of the whole `caused_by` chain, `requested_operations_missing`, and the
//! reasons without their identifiers and numbers. Identifiers (22 characters) and times are
//! compared by shape.

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// Equal; identifiers, times in milliseconds and instants only have to be such.
    Equal,
    /// Both there or both absent.
    Presence,
    /// Both zero or both not (a count that depends on the machine's speed).
    Zero,
    /// A primary term: equal up to 3; above, every failed attempt of the allocator counts, and
    /// their number depends on the machine's speed.
    Term,
    /// An exception: types, reasons and `requested_operations_missing` along the chain.
    Exception,
}

/// A rule: which requests, which field (dots; `*` is every key or element), how.
pub type Rule = (&'static str, &'static str, How);

/// Fields of a shard in `_ccr/stats`. Not compared because they depend on milliseconds:
/// `outstanding_read_requests`, the counters of reads and bytes, times, and the versions of
/// mapping, settings and aliases (a start-up call may or may not have come back).
pub const SHARD: [(&str, How); 15] = [
    ("remote_cluster", How::Equal),
    ("leader_index", How::Equal),
    ("follower_index", How::Equal),
    ("shard_id", How::Equal),
    ("leader_global_checkpoint", How::Equal),
    ("leader_max_seq_no", How::Equal),
    ("follower_global_checkpoint", How::Equal),
    ("follower_max_seq_no", How::Equal),
    ("last_requested_seq_no", How::Equal),
    ("outstanding_write_requests", How::Equal),
    ("failed_write_requests", How::Zero),
    ("read_exceptions.*.from_seq_no", How::Equal),
    ("read_exceptions.*.retries", How::Zero),
    ("read_exceptions.*.exception", How::Exception),
    ("fatal_exception", How::Exception),
];

/// Everything else. The first column is a suffix of the path (without the query), or a part of
/// it where it ends in `/`.
pub const RULES: [Rule; 62] = [
    ("/_ccr/info", "follower_indices.*.follower_index", How::Equal),
    ("/_ccr/info", "follower_indices.*.remote_cluster", How::Equal),
    ("/_ccr/info", "follower_indices.*.leader_index", How::Equal),
    ("/_ccr/info", "follower_indices.*.status", How::Equal),
    ("/_ccr/info", "follower_indices.*.parameters", How::Equal),
    (
        "/_ccr/stats",
        "auto_follow_stats.recent_auto_follow_errors.*.leader_index",
        How::Equal,
    ),
    (
        "/_ccr/stats",
        "auto_follow_stats.recent_auto_follow_errors.*.auto_follow_exception",
        How::Exception,
    ),
    ("/_ccr/follow", "follow_index_created", How::Equal),
    ("/_ccr/follow", "follow_index_shards_acked", How::Equal),
    ("/_ccr/follow", "index_following_started", How::Equal),
    ("/_ccr/pause_follow", "acknowledged", How::Equal),
    ("/_ccr/resume_follow", "acknowledged", How::Equal),
    ("/_ccr/unfollow", "acknowledged", How::Equal),
    ("/_ccr/forget_follower", "_shards.total", How::Equal),
    ("/_ccr/forget_follower", "_shards.successful", How::Equal),
    ("/_ccr/forget_follower", "_shards.failed", How::Equal),
    (
        "/_ccr/forget_follower",
        "_shards.failures.*.reason",
        How::Exception,
    ),
    ("/_ccr/auto_follow", "patterns.*.name", How::Equal),
    ("/_close", "acknowledged", How::Equal),
    ("/_close", "shards_acknowledged", How::Equal),
    ("/_close", "indices.*.closed", How::Equal),
    ("/_open", "acknowledged", How::Equal),
    ("/_open", "shards_acknowledged", How::Equal),
    ("/_settings", "", How::Equal),
    ("/_alias", "", How::Equal),
    ("/_aliases", "acknowledged", How::Equal),
    ("/_count", "count", How::Equal),
    ("/_count", "_shards", How::Equal),
    ("/_search", "hits.total", How::Equal),
    ("/_search", "_shards", How::Equal),
    ("/_bulk", "errors", How::Equal),
    ("/_doc", "result", How::Equal),
    ("/_stats", "_shards", How::Equal),
    ("/_stats/", "_shards", How::Equal),
    ("/_stats", "indices.*.uuid", How::Equal),
    ("/_stats", "indices.*.shards.*.*.docs.count", How::Equal),
    ("/_stats/", "indices.*.shards.*.*.docs.count", How::Equal),
    ("/_stats", "indices.*.shards.*.*.routing.state", How::Equal),
    ("/_stats", "indices.*.shards.*.*.routing.primary", How::Equal),
    ("/_stats", "indices.*.shards.*.*.seq_no", How::Equal),
    ("/_stats/", "indices.*.shards.*.*.seq_no", How::Equal),
    (
        "/_stats",
        "indices.*.shards.*.*.commit.user_data.history_uuid",
        How::Equal,
    ),
    ("/_stats", "indices.*.shards.*.*.retention_leases", How::Equal),
    ("/_cluster/health/", "status", How::Equal),
    ("/_cluster/health/", "timed_out", How::Equal),
    ("/_cluster/health/", "active_primary_shards", How::Equal),
    ("/_cluster/health/", "initializing_shards", How::Equal),
    ("/_cluster/health/", "unassigned_shards", How::Equal),
    ("/_cluster/health/", "indices", How::Equal),
    ("/_recovery", "", How::Equal),
    ("/_cluster/state/", "metadata.indices.*.state", How::Equal),
    ("/_cluster/state/", "metadata.indices.*.settings", How::Equal),
    ("/_cluster/state/", "metadata.indices.*.ccr", How::Equal),
    ("/_cluster/state/", "metadata.indices.*.aliases", How::Equal),
    ("/_cluster/state/", "metadata.indices.*.mappings", How::Equal),
    (
        "/_cluster/state/",
        "metadata.indices.*.primary_terms.*",
        How::Term,
    ),
    ("/_cluster/state/", "metadata.persistent_tasks.tasks", How::Equal),
    (
        "/_cluster/state/",
        "routing_table.indices.*.shards.*.*.state",
        How::Equal,
    ),
    ("/_remote/info", "", How::Equal),
    ("/_license", "license.status", How::Equal),
    ("/_license", "license.type", How::Equal),
    ("/_cluster/allocation/explain", "", How::Equal),
];

/// More, of the calls that only some recordings make.
pub const MORE: [Rule; 23] = [
    ("/", "version.number", How::Equal),
    ("/", "cluster_name", How::Equal),
    ("/", "cluster_uuid", How::Equal),
    ("/_xpack/usage", "ccr.available", How::Equal),
    ("/_xpack/usage", "ccr.enabled", How::Equal),
    ("/_nodes/stats/fs", "nodes.*.roles", How::Equal),
    ("/_nodes/stats/fs", "nodes.*.fs.total.total_in_bytes", How::Zero),
    (
        "/_nodes/stats/fs",
        "nodes.*.fs.total.available_in_bytes",
        How::Zero,
    ),
    ("/_nodes", "nodes.*.roles", How::Equal),
    ("/_nodes", "nodes.*.version", How::Equal),
    ("/_cat/allocation", "*.disk.percent", How::Presence),
    ("/_cat/allocation", "*.node", How::Equal),
    ("/_cat/indices/", "*.status", How::Equal),
    ("/_cat/indices/", "*.pri", How::Equal),
    ("/_cluster/pending_tasks", "tasks", How::Equal),
    ("/_snapshot/_status", "snapshots", How::Equal),
    ("/_restore", "snapshot.shards", How::Equal),
    ("/_ilm/explain", "indices.*.managed", How::Equal),
    ("/_ilm/explain", "indices.*.action", How::Equal),
    ("/_ilm/explain", "indices.*.step", How::Equal),
    ("/_data_stream", "data_streams.*.replicated", How::Equal),
    ("/_has_privileges", "", How::Equal),
    ("/_cluster/settings", "transient", How::Equal),
];

/// Cluster settings that a guard reads, of the `defaults` of `_cluster/settings`.
pub const CLUSTER_SETTINGS: [&str; 8] = [
    "cluster.routing.allocation.disk.watermark.low",
    "cluster.routing.allocation.disk.watermark.high",
    "cluster.routing.allocation.disk.watermark.flood_stage",
    "cluster.routing.allocation.enable",
    "cluster.persistent_tasks.allocation.enable",
    "cluster.indices.close.enable",
    "ccr.indices.recovery.max_bytes_per_sec",
    "cluster.name",
];
