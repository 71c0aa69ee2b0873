//! The bare typed parse that a look is measured against: the fields that a look reads of a well
//! follower, borrowed from the bytes where they can be, and nothing done with them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;

/// Parses each answer into its types.
///
/// # Errors
/// When an answer is not what its call promises.
pub(super) fn typed(bodies: &[(&'static str, Bytes)]) -> Result<(), serde_json::Error> {
    for (path, body) in bodies {
        match *path {
            "/_ccr/stats" => drop(std::hint::black_box(serde_json::from_slice::<Stats<'_>>(body)?)),
            "/*,.*/_ccr/info" => drop(std::hint::black_box(serde_json::from_slice::<Info<'_>>(body)?)),
            "/_remote/info" => drop(std::hint::black_box(serde_json::from_slice::<
                BTreeMap<String, Remote<'_>>,
            >(body)?)),
            _ => drop(std::hint::black_box(serde_json::from_slice::<Root<'_>>(body)?)),
        }
    }
    Ok(())
}

macro_rules! types {
    ($($name:ident { $($field:ident: $kind:ty),+ $(,)? })+) => {
        $(
            #[derive(Deserialize)]
            #[expect(dead_code, reason = "parsed, and nothing else")]
            struct $name<'a> {
                $(#[serde(borrow)] $field: $kind,)+
            }
        )+
    };
}

types! {
    Root { cluster_name: Cow<'a, str>, cluster_uuid: Cow<'a, str> }
    Stats { follow_stats: FollowStats<'a> }
    FollowStats { indices: Vec<IndexStats<'a>> }
    IndexStats { index: Cow<'a, str>, shards: Vec<Shard<'a>> }
    Info { follower_indices: Vec<Follower<'a>> }
    Follower { follower_index: Cow<'a, str>, remote_cluster: Cow<'a, str>, leader_index: Cow<'a, str>, status: Cow<'a, str>, parameters: Parameters<'a> }
}

/// One shard of `_ccr/stats`.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, and nothing else")]
struct Shard<'a> {
    #[serde(borrow)]
    remote_cluster: Cow<'a, str>,
    #[serde(borrow)]
    leader_index: Cow<'a, str>,
    shard_id: u32,
    leader_global_checkpoint: i64,
    leader_max_seq_no: i64,
    follower_global_checkpoint: i64,
    follower_max_seq_no: i64,
    last_requested_seq_no: i64,
    outstanding_read_requests: i64,
    outstanding_write_requests: i64,
    write_buffer_operation_count: i64,
    write_buffer_size_in_bytes: i64,
    follower_mapping_version: i64,
    follower_settings_version: i64,
    follower_aliases_version: i64,
    total_read_time_millis: i64,
    total_read_remote_exec_time_millis: i64,
    successful_read_requests: i64,
    failed_read_requests: i64,
    operations_read: i64,
    bytes_read: i64,
    total_write_time_millis: i64,
    successful_write_requests: i64,
    failed_write_requests: i64,
    operations_written: i64,
    read_exceptions: Vec<serde::de::IgnoredAny>,
    time_since_last_read_millis: i64,
}

/// `_remote/info` of one alias.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, and nothing else")]
struct Remote<'a> {
    connected: bool,
    #[serde(borrow)]
    mode: Cow<'a, str>,
    num_nodes_connected: i64,
    skip_unavailable: bool,
}

/// `parameters` of one follower.
#[derive(Deserialize)]
#[expect(dead_code, reason = "parsed, and nothing else")]
struct Parameters<'a> {
    max_read_request_operation_count: i64,
    max_write_request_operation_count: i64,
    max_outstanding_read_requests: i64,
    max_outstanding_write_requests: i64,
    #[serde(borrow)]
    max_read_request_size: Cow<'a, str>,
    #[serde(borrow)]
    max_write_request_size: Cow<'a, str>,
    max_write_buffer_count: i64,
    #[serde(borrow)]
    max_write_buffer_size: Cow<'a, str>,
    #[serde(borrow)]
    max_retry_delay: Cow<'a, str>,
    #[serde(borrow)]
    read_poll_timeout: Cow<'a, str>,
}
