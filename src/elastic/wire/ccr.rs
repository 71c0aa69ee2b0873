//! `_ccr/stats`, `_ccr/info`, `_remote/info`: the whole-cluster answers of every look. A
//! `_ccr/stats` of 2,000 followers with 5 shards each is the one hot path of this module.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde::de::SeqAccess;
use serde_json::value::RawValue;

use super::lenient::{L, Obj, Text, Want};
use super::{Table, parse_object, table_of};
use crate::domain::auto_follow::{AutoFollowError, AutoFollowStats};
use crate::domain::facts::{
    Exception, FollowInfo, FollowStats, FollowStatus, Parameters, ReadException, RemoteInfo, ShardStats,
};
use crate::domain::ids::{IndexName, RemoteAlias};
use crate::domain::per_shard::PerShard;
use crate::domain::seen::Seen;
use crate::domain::shared::Shared;
use crate::domain::time::Timestamp;

#[derive(Deserialize)]
struct WholeStats {
    #[serde(default)]
    follow_stats: L<Obj<IndicesStats>>,
    /// `/<f>/_ccr/stats` has the list at the top.
    #[serde(default)]
    indices: L<StatsTable>,
    #[serde(default)]
    auto_follow_stats: L<Obj<RawAutoFollow>>,
}

/// The list of indices, read straight into the table: of each index only its own shards are held
/// in between.
struct StatsTable(Table<FollowStats>);

impl<'de> Want<'de> for StatsTable {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut table = Table::with_capacity(seq.size_hint().unwrap_or(0));
        while let Some(entry) = seq.next_element::<L<Obj<IndexStats>>>()? {
            let Some((Obj(mut entry), name)) = entry.0.and_then(|mut entry| {
                let name = entry.0.index.0.take()?;
                Some((entry, name))
            }) else {
                table.unreadable += 1;
                continue;
            };
            let value = match entry.shards.0.take() {
                None => Seen::unknown("its `shards` is not a list"),
                Some(ShardList { shards, malformed }) => Seen::Present(FollowStats {
                    shards: PerShard::from_iter(shards).into(),
                    malformed,
                    total_global_checkpoint_lag: entry.total_global_checkpoint_lag.0,
                }),
            };
            table.entries.insert(name, value);
        }
        Ok(Some(Self(table)))
    }
}

/// The shards of one index, and how many entries are none.
struct ShardList {
    shards: Vec<(u32, ShardStats)>,
    malformed: u32,
}

impl<'de> Want<'de> for ShardList {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut list = Self {
            shards: Vec::with_capacity(seq.size_hint().unwrap_or(4)),
            malformed: 0,
        };
        while let Some(entry) = seq.next_element::<L<Obj<Shard<'de>>>>()? {
            // All of one index name the same leader: they share its name.
            let alike = list.shards.last().map(|(_, shard)| shard);
            match entry.0.and_then(|Obj(shard)| shard_stats(shard, alike)) {
                Some(shard) => list.shards.push((shard.shard, shard)),
                None => list.malformed += 1,
            }
        }
        Ok(Some(list))
    }
}

#[derive(Deserialize)]
struct RawAutoFollow {
    #[serde(default)]
    number_of_failed_follow_indices: L<i64>,
    #[serde(default)]
    number_of_failed_remote_cluster_state_requests: L<i64>,
    #[serde(default)]
    number_of_successful_follow_indices: L<i64>,
    #[serde(default)]
    recent_auto_follow_errors: L<Vec<L<Obj<RawAutoFollowError>>>>,
    #[serde(default)]
    auto_followed_clusters: L<Vec<L<Obj<RawCheck>>>>,
}

#[derive(Deserialize)]
struct RawAutoFollowError {
    #[serde(default)]
    leader_index: L<String>,
    #[serde(default)]
    timestamp: L<i64>,
    #[serde(default)]
    auto_follow_exception: L<Exception>,
}

#[derive(Deserialize)]
struct RawCheck {
    #[serde(default)]
    cluster_name: L<RemoteAlias>,
    #[serde(default)]
    time_since_last_check_millis: L<i64>,
}

fn auto_follow_stats(raw: RawAutoFollow) -> AutoFollowStats {
    let errors = raw.recent_auto_follow_errors.0.map(|list| {
        list.into_iter()
            .filter_map(|entry| {
                let Obj(entry) = entry.0?;
                let exception = entry.auto_follow_exception.0.unwrap_or_default();
                Some(AutoFollowError {
                    label: entry.leader_index.0?,
                    at: entry
                        .timestamp
                        .0
                        .and_then(|millis| Timestamp::from_millisecond(millis).ok()),
                    kind: exception.kind,
                    reason: exception.reason,
                })
            })
            .collect()
    });
    AutoFollowStats {
        failed: raw.number_of_failed_follow_indices.0,
        remote_state_failed: raw.number_of_failed_remote_cluster_state_requests.0,
        succeeded: raw.number_of_successful_follow_indices.0,
        errors,
        checks: raw
            .auto_followed_clusters
            .0
            .unwrap_or_default()
            .into_iter()
            .filter_map(|entry| {
                let Obj(entry) = entry.0?;
                Some((entry.cluster_name.0?, entry.time_since_last_check_millis.0?))
            })
            .collect(),
    }
}

#[derive(Deserialize)]
struct IndicesStats {
    #[serde(default)]
    indices: L<StatsTable>,
}

#[derive(Deserialize)]
struct IndexStats {
    #[serde(default)]
    index: L<String>,
    #[serde(default)]
    total_global_checkpoint_lag: L<i64>,
    #[serde(default)]
    shards: L<ShardList>,
}

#[derive(Deserialize)]
struct Shard<'a> {
    #[serde(default, rename = "shard_id")]
    id: L<u32>,
    #[serde(default, borrow)]
    remote_cluster: L<Text<'a>>,
    #[serde(default, borrow)]
    leader_index: L<Text<'a>>,
    #[serde(default)]
    leader_global_checkpoint: L<i64>,
    #[serde(default)]
    leader_max_seq_no: L<i64>,
    #[serde(default)]
    follower_global_checkpoint: L<i64>,
    #[serde(default)]
    follower_max_seq_no: L<i64>,
    #[serde(default)]
    last_requested_seq_no: L<i64>,
    #[serde(default)]
    outstanding_read_requests: L<i64>,
    #[serde(default)]
    outstanding_write_requests: L<i64>,
    #[serde(default)]
    write_buffer_operation_count: L<i64>,
    #[serde(default)]
    write_buffer_size_in_bytes: L<i64>,
    #[serde(default)]
    follower_mapping_version: L<i64>,
    #[serde(default)]
    follower_settings_version: L<i64>,
    #[serde(default)]
    follower_aliases_version: L<i64>,
    #[serde(default)]
    total_read_time_millis: L<i64>,
    #[serde(default)]
    total_read_remote_exec_time_millis: L<i64>,
    #[serde(default)]
    successful_read_requests: L<i64>,
    #[serde(default)]
    failed_read_requests: L<i64>,
    #[serde(default)]
    operations_read: L<i64>,
    #[serde(default)]
    bytes_read: L<i64>,
    #[serde(default)]
    total_write_time_millis: L<i64>,
    #[serde(default)]
    successful_write_requests: L<i64>,
    #[serde(default)]
    failed_write_requests: L<i64>,
    #[serde(default)]
    operations_written: L<i64>,
    #[serde(default)]
    time_since_last_read_millis: L<i64>,
    #[serde(default)]
    read_exceptions: L<Vec<L<Obj<ReadEntry>>>>,
    /// Outer: is the key there; inner: is its value an exception.
    #[serde(default)]
    fatal_exception: Option<L<Exception>>,
}

#[derive(Deserialize)]
struct ReadEntry {
    #[serde(default)]
    from_seq_no: L<i64>,
    #[serde(default)]
    retries: L<i64>,
    #[serde(default)]
    exception: L<Exception>,
}

/// What `_ccr/stats` says: of followers by name, and of auto-follow.
type Stats = (Table<FollowStats>, Option<Box<AutoFollowStats>>);

/// Followers with a task, by name, and auto-follow where the answer speaks of it.
pub(super) fn stats(body: &[u8]) -> Result<Stats, String> {
    let whole: WholeStats = parse_object(body)?;
    let auto_follow = whole
        .auto_follow_stats
        .0
        .map(|Obj(raw)| Box::new(auto_follow_stats(raw)));
    let StatsTable(table) = whole
        .follow_stats
        .0
        .and_then(|inner| inner.0.indices.0)
        .or(whole.indices.0)
        .ok_or("it holds no list of follower indices")?;
    Ok((table, auto_follow))
}

/// `alike`: another shard of the same index, to share names with.
fn shard_stats(raw: Shard<'_>, alike: Option<&ShardStats>) -> Option<ShardStats> {
    Some(ShardStats {
        shard: raw.id.0?,
        remote: raw.remote_cluster.0.and_then(|text| {
            let shared = alike.and_then(|other| other.remote.clone());
            shared
                .filter(|known| known.as_str() == text.0)
                .or_else(|| RemoteAlias::parse(&text.0).ok())
        }),
        leader_index: raw.leader_index.0.and_then(|text| {
            let shared = alike.and_then(|other| other.leader_index.clone());
            shared
                .filter(|known| known.as_str() == text.0)
                .or_else(|| IndexName::parse(&text.0).ok())
        }),
        leader_global_checkpoint: raw.leader_global_checkpoint.0.into(),
        leader_max_seq_no: raw.leader_max_seq_no.0.into(),
        follower_global_checkpoint: raw.follower_global_checkpoint.0.into(),
        follower_max_seq_no: raw.follower_max_seq_no.0.into(),
        last_requested_seq_no: raw.last_requested_seq_no.0.into(),
        outstanding_read_requests: raw.outstanding_read_requests.0.into(),
        outstanding_write_requests: raw.outstanding_write_requests.0.into(),
        write_buffer_operation_count: raw.write_buffer_operation_count.0.into(),
        write_buffer_size_in_bytes: raw.write_buffer_size_in_bytes.0.into(),
        follower_mapping_version: raw.follower_mapping_version.0.into(),
        follower_settings_version: raw.follower_settings_version.0.into(),
        follower_aliases_version: raw.follower_aliases_version.0.into(),
        total_read_time_millis: raw.total_read_time_millis.0.into(),
        total_read_remote_exec_time_millis: raw.total_read_remote_exec_time_millis.0.into(),
        successful_read_requests: raw.successful_read_requests.0.into(),
        failed_read_requests: raw.failed_read_requests.0.into(),
        operations_read: raw.operations_read.0.into(),
        bytes_read: raw.bytes_read.0.into(),
        total_write_time_millis: raw.total_write_time_millis.0.into(),
        successful_write_requests: raw.successful_write_requests.0.into(),
        failed_write_requests: raw.failed_write_requests.0.into(),
        operations_written: raw.operations_written.0.into(),
        time_since_last_read_millis: raw.time_since_last_read_millis.0.into(),
        read_exceptions: read_exceptions(raw.read_exceptions.0),
        fatal_exception: match raw.fatal_exception {
            None => Seen::Absent,
            Some(L(Some(exception))) => Seen::Present(Box::new(exception)),
            Some(L(None)) => Seen::unknown("`fatal_exception` is not an exception"),
        },
    })
}

fn read_exceptions(list: Option<Vec<L<Obj<ReadEntry>>>>) -> Seen<Box<[ReadException]>> {
    let Some(list) = list else {
        return Seen::unknown("`read_exceptions` is missing or not a list");
    };
    let mut entries = Vec::with_capacity(list.len());
    for entry in list {
        let Some(Obj(entry)) = entry.0 else { continue };
        let Some(exception) = entry.exception.0 else {
            continue;
        };
        entries.push(ReadException {
            from_seq_no: entry.from_seq_no.0,
            retries: entry.retries.0,
            exception,
        });
    }
    Seen::Present(entries.into())
}

#[derive(Deserialize)]
struct WholeInfo<'a> {
    #[serde(default, borrow)]
    follower_indices: L<Vec<L<Obj<InfoEntry<'a>>>>>,
}

#[derive(Deserialize)]
struct InfoEntry<'a> {
    #[serde(default)]
    follower_index: L<String>,
    #[serde(default)]
    remote_cluster: L<RemoteAlias>,
    #[serde(default)]
    leader_index: L<IndexName>,
    #[serde(default)]
    status: L<String>,
    /// As written: most followers have the same, and the same text is read once.
    #[serde(default, borrow)]
    parameters: Option<&'a RawValue>,
}

/// Indices with CCR metadata, by name.
pub(super) fn info(body: &[u8]) -> Result<Table<FollowInfo>, String> {
    let whole: WholeInfo<'_> = parse_object(body)?;
    let mut read: Option<(&str, Option<Shared<Parameters>>)> = None;
    let list = whole
        .follower_indices
        .0
        .ok_or("it holds no list `follower_indices`")?;
    let mut table = Table::with_capacity(list.len());
    for entry in list {
        let Some((name, entry)) = entry
            .0
            .and_then(|Obj(mut entry)| Some((entry.follower_index.0.take()?, entry)))
        else {
            table.unreadable += 1;
            continue;
        };
        let status = match entry.status.0.as_deref() {
            Some("active") => Some(FollowStatus::Active),
            Some("paused") => Some(FollowStatus::Paused),
            _ => None,
        };
        let value = match status {
            None => Seen::unknown("its `status` is neither `active` nor `paused`"),
            Some(status) => Seen::Present(FollowInfo {
                remote: entry.remote_cluster.0,
                leader_index: entry.leader_index.0,
                status,
                parameters: entry.parameters.and_then(|raw| match &read {
                    Some((text, parameters)) if *text == raw.get() => parameters.clone(),
                    _ => {
                        let parameters = parameters(raw.get());
                        read = Some((raw.get(), parameters.clone()));
                        parameters
                    }
                }),
            }),
        };
        table.entries.insert(name, value);
    }
    Ok(table)
}

/// Few and open-ended, so kept as JSON values.
fn parameters(text: &str) -> Option<Shared<Parameters>> {
    match serde_json::from_str(text) {
        Ok(serde_json::Value::Object(map)) => Some(map.into_iter().collect::<Parameters>().into()),
        _ => None,
    }
}

#[derive(Deserialize)]
struct RemoteEntry {
    #[serde(default)]
    connected: L<bool>,
    #[serde(default)]
    mode: L<String>,
    #[serde(default)]
    seeds: L<Vec<L<String>>>,
    #[serde(default)]
    proxy_address: L<String>,
    #[serde(default)]
    num_nodes_connected: L<i64>,
    #[serde(default)]
    num_proxy_sockets_connected: L<i64>,
}

/// Remote clusters by alias.
pub(super) fn remotes(body: &[u8]) -> Result<Table<RemoteInfo>, String> {
    let whole: BTreeMap<String, L<Obj<RemoteEntry>>> = parse_object(body)?;
    if whole.contains_key("error") && whole.values().all(|entry| !is_remote(entry)) {
        return Err("it is an error text".to_owned());
    }
    Ok(table_of(whole, |_, entry| {
        let entry = entry.0.map(|Obj(entry)| entry)?;
        let mut addresses: Vec<String> = entry
            .seeds
            .0
            .unwrap_or_default()
            .into_iter()
            .filter_map(|seed| seed.0)
            .collect();
        addresses.extend(entry.proxy_address.0);
        Some(RemoteInfo {
            connected: entry.connected.0,
            mode: entry.mode.0,
            addresses,
            connections: entry
                .num_nodes_connected
                .0
                .or(entry.num_proxy_sockets_connected.0),
        })
    }))
}

fn is_remote(entry: &L<Obj<RemoteEntry>>) -> bool {
    entry
        .0
        .as_ref()
        .is_some_and(|Obj(entry)| entry.connected.0.is_some())
}

/// Names of the followers a table lists, sorted.
pub(super) fn names<T>(entries: &HashMap<String, T>) -> Vec<IndexName> {
    let mut names: Vec<IndexName> = entries
        .keys()
        .filter_map(|name| IndexName::parse(name).ok())
        .collect();
    names.sort();
    names
}
