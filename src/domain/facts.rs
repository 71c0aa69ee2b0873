//! Everything known of one follower at one moment, as typed facts with the call and the time
//! each came from: the only input of the judge (with `memory`) and of the guards.
//!
//! Made by `elastic::wire` from answers, the same way for the daemon, for `diagnose` and for
//! tests. A fact that could not be read is `Seen::Unknown`; a call that was not made leaves its
//! series empty, which is also *not known*, never *absent*. No serde here on purpose.

mod sources;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::answer::Call;
use crate::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, HistoryUuid, IndexName, IndexUuid, LeaseId, RemoteAlias,
    SnapshotRef,
};
use crate::domain::per_shard::PerShard;
use crate::domain::seen::Seen;
use crate::domain::shared::Shared;
use crate::domain::time::{Timestamp, moved};

pub use sources::{SIGHTINGS, Sources};

/// One thing as one answer showed it.
#[derive(Debug, Clone)]
pub struct Sighting<T> {
    /// When the answer came.
    pub at: Timestamp,
    /// Which cluster was asked.
    pub cluster: ClusterName,
    /// Which call.
    pub call: Call,
    /// What it said.
    pub value: Seen<T>,
}

/// The same thing seen several times, oldest first.
#[derive(Debug, Clone)]
pub struct Series<T>(pub Vec<Sighting<T>>);

impl<T> Default for Series<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Series<T> {
    /// The newest sighting.
    pub fn last(&self) -> Option<&Sighting<T>> {
        self.0.last()
    }

    /// The newest word: unknown when it was never asked.
    pub fn now(&self) -> Seen<&T> {
        match self.last() {
            Some(sighting) => sighting.value.as_ref(),
            None => Seen::unknown("not asked"),
        }
    }

    /// The newest value, where the newest word is a value.
    pub fn present(&self) -> Option<&T> {
        self.last().and_then(|sighting| sighting.value.present())
    }

    /// The values of all sightings that have one, oldest first, with their times.
    pub fn history(&self) -> impl DoubleEndedIterator<Item = (Timestamp, &T)> {
        self.0
            .iter()
            .filter_map(|sighting| sighting.value.present().map(|value| (sighting.at, value)))
    }

    /// The newest value seen, even if a later look failed.
    pub fn latest_known(&self) -> Option<(Timestamp, &T)> {
        self.history().next_back()
    }

    /// Adds a sighting in the order of time. Looks at one cluster may overlap, and an answer that
    /// is learnt late must not pass for the newest word.
    pub fn push(&mut self, sighting: Sighting<T>) {
        let later = self
            .0
            .iter()
            .rev()
            .take_while(|seen| seen.at > sighting.at)
            .count();
        self.0.insert(self.0.len() - later, sighting);
    }

    /// Moves the times of all sightings.
    pub fn clock_moved(&mut self, by_millis: i64) {
        for seen in &mut self.0 {
            seen.at = moved(seen.at, by_millis);
        }
    }

    /// Keeps the newest word, and where that is no value the newest value before it.
    pub fn keep_newest(&mut self) {
        if self.0.len() < 2 {
            return;
        }
        let known = match self.last() {
            Some(last) if last.value.present().is_none() => {
                self.0.iter().rposition(|seen| seen.value.present().is_some())
            }
            _ => None,
        };
        let newest = self.0.split_off(self.0.len() - 1);
        let known = known.map(|at| self.0.swap_remove(at));
        self.0.clear();
        self.0.extend(known);
        self.0.extend(newest);
        self.0.shrink_to_fit();
    }

    /// Keeps the newest `count`.
    pub fn keep_last(&mut self, count: usize) {
        let surplus = self.0.len().saturating_sub(count);
        self.0.drain(..surplus);
    }
}

/// One exception as Elasticsearch prints it, with its whole chain.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Exception {
    /// `type`.
    pub kind: String,
    /// `reason`.
    pub reason: String,
    /// `index`, where it names one.
    pub index: Option<String>,
    /// `index_uuid`, where it names one (`_na_` for none).
    pub index_uuid: Option<String>,
    /// `requested_operations_missing`: the first and the last missing operation (the one
    /// machine-readable mark of lost history, reference finding 2).
    pub requested_operations_missing: Option<(i64, i64)>,
    /// `license.expired.feature` (`ccr`): the machine-readable mark of a licence that does not
    /// allow CCR (recording 8.10.4-secured/51).
    pub license_feature: Option<String>,
    /// `caused_by`.
    pub caused_by: Option<Box<Exception>>,
    /// `suppressed`.
    pub suppressed: Vec<Exception>,
}

impl Exception {
    /// This exception and every `caused_by` below it, outermost first.
    pub fn chain(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |exception| exception.caused_by.as_deref())
    }
}

/// One entry of `read_exceptions`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadException {
    /// `from_seq_no`, its key.
    pub from_seq_no: Option<i64>,
    /// `retries` so far.
    pub retries: Option<i64>,
    /// What the read failed with.
    pub exception: Exception,
}

/// A whole number that an answer may lack. Half the size of an `Option<i64>`: a fleet has half a
/// million shards, each with two dozen of them. The smallest `i64`, which no answer has, stands for
/// *not there*.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Count(i64);

impl Count {
    /// The number, where there is one.
    pub const fn get(self) -> Option<i64> {
        if self.0 == i64::MIN { None } else { Some(self.0) }
    }
}

impl From<Option<i64>> for Count {
    fn from(number: Option<i64>) -> Self {
        Self(number.unwrap_or(i64::MIN))
    }
}

impl From<i64> for Count {
    fn from(number: i64) -> Self {
        Self(number)
    }
}

impl std::fmt::Debug for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.get().fmt(f)
    }
}

/// One shard of `_ccr/stats` (reference 1.2). A number is not there where the answer lacks it or
/// has another type there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStats {
    /// `shard_id`.
    pub shard: u32,
    /// `remote_cluster`.
    pub remote: Option<RemoteAlias>,
    /// `leader_index`.
    pub leader_index: Option<IndexName>,
    /// `leader_global_checkpoint` as the task last saw it (operations; -1 or -2 for none).
    pub leader_global_checkpoint: Count,
    /// `leader_max_seq_no` as the task last saw it.
    pub leader_max_seq_no: Count,
    /// `follower_global_checkpoint`.
    pub follower_global_checkpoint: Count,
    /// `follower_max_seq_no`.
    pub follower_max_seq_no: Count,
    /// `last_requested_seq_no`.
    pub last_requested_seq_no: Count,
    /// `outstanding_read_requests`.
    pub outstanding_read_requests: Count,
    /// `outstanding_write_requests`.
    pub outstanding_write_requests: Count,
    /// `write_buffer_operation_count`.
    pub write_buffer_operation_count: Count,
    /// `write_buffer_size_in_bytes`.
    pub write_buffer_size_in_bytes: Count,
    /// `follower_mapping_version`.
    pub follower_mapping_version: Count,
    /// `follower_settings_version`.
    pub follower_settings_version: Count,
    /// `follower_aliases_version` (7.3 and later).
    pub follower_aliases_version: Count,
    /// `total_read_time_millis`.
    pub total_read_time_millis: Count,
    /// `total_read_remote_exec_time_millis`.
    pub total_read_remote_exec_time_millis: Count,
    /// `successful_read_requests`.
    pub successful_read_requests: Count,
    /// `failed_read_requests`.
    pub failed_read_requests: Count,
    /// `operations_read`.
    pub operations_read: Count,
    /// `bytes_read`.
    pub bytes_read: Count,
    /// `total_write_time_millis`.
    pub total_write_time_millis: Count,
    /// `successful_write_requests`.
    pub successful_write_requests: Count,
    /// `failed_write_requests`.
    pub failed_write_requests: Count,
    /// `operations_written`.
    pub operations_written: Count,
    /// `time_since_last_read_millis`; -1 when no read was ever sent.
    pub time_since_last_read_millis: Count,
    /// `read_exceptions`; unknown where it is not a list of exceptions.
    pub read_exceptions: Seen<Box<[ReadException]>>,
    /// `fatal_exception`: absent where the key is missing, unknown where it is not an exception.
    pub fatal_exception: Seen<Box<Exception>>,
}

/// What `_ccr/stats` says of one follower. `Seen::Absent` in a series of it means that
/// `/<follower>/_ccr/stats` answered 404, or that a whole and well-formed `/_ccr/stats` does not
/// list it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FollowStats {
    /// By shard number; shards whose entry is malformed are left out.
    pub shards: Shared<PerShard<ShardStats>>,
    /// How many entries could not be read as a shard.
    pub malformed: u32,
    /// `total_global_checkpoint_lag` (8.13 and later).
    pub total_global_checkpoint_lag: Option<i64>,
}

/// `status` of `_ccr/info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FollowStatus {
    /// At least one shard follow task exists; says nothing about health.
    Active,
    /// No shard follow task: paused, restoring or red.
    Paused,
}

/// Follow parameters as `_ccr/info` prints them and `resume_follow` takes them (strings with
/// units, and integers).
pub type Parameters = BTreeMap<String, serde_json::Value>;

/// What `_ccr/info` says of one follower. Absent: asked for by its name, the answer does not
/// list it (an index without CCR metadata) or is 404; from a list it is only unknown.
#[derive(Debug, Clone, PartialEq)]
pub struct FollowInfo {
    /// `remote_cluster`.
    pub remote: Option<RemoteAlias>,
    /// `leader_index`.
    pub leader_index: Option<IndexName>,
    /// `status`.
    pub status: FollowStatus,
    /// `parameters`; only while active.
    pub parameters: Option<Shared<Parameters>>,
}

/// One alias of `_remote/info`. Absent: the answer is whole and lacks the alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteInfo {
    /// `connected`.
    pub connected: Option<bool>,
    /// `mode`: `sniff` or `proxy`.
    pub mode: Option<String>,
    /// `seeds` or `proxy_address`: what the alias leads to.
    pub addresses: Vec<String>,
    /// `num_nodes_connected` or `num_proxy_sockets_connected`.
    pub connections: Option<i64>,
}

/// `GET /`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// `cluster_name`, part of the lease id.
    pub cluster_name: String,
    /// `cluster_uuid`; `None` while it is `_na_`.
    pub cluster_uuid: Option<ClusterUuid>,
    /// `version.number`.
    pub version: EsVersion,
}

/// A version number of Elasticsearch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EsVersion {
    /// 7, 8, 9.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl EsVersion {
    /// Parses `8.10.4`, `9.0.0-beta1`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(['-', '+']).next()?.split('.');
        let mut next = || parts.next()?.parse().ok();
        Some(Self {
            major: next()?,
            minor: next()?,
            patch: next().unwrap_or(0),
        })
    }
}

impl std::fmt::Display for EsVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// `GET /_license`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct License {
    /// `license.type`.
    pub kind: String,
    /// `license.status`.
    pub status: String,
    /// `license.expiry_date_in_millis`; `None` for a licence without end.
    pub expires_at: Option<Timestamp>,
}

/// The identity of the leader that a follower records (`metadata.indices.<f>.ccr`, 8.x) or that
/// its follow tasks carry (`leader_shard_index_uuid`, every version).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Followed {
    /// `leader_index_uuid`.
    pub leader_index_uuid: Option<IndexUuid>,
    /// `leader_index_shard_history_uuids`, in the order of shards.
    pub history_uuids: Option<Vec<HistoryUuid>>,
    /// `leader_index_name`.
    pub leader_index: Option<IndexName>,
    /// `remote_cluster_name`.
    pub remote: Option<RemoteAlias>,
}

/// Metadata of one index: from `_cluster/state/metadata/<i>`. Absent: the index does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexMeta {
    /// `state`: true for `open`, false for `close`.
    pub open: Option<bool>,
    /// Settings, flattened (`index.refresh_interval` → `7s`).
    pub settings: BTreeMap<String, String>,
    /// `ccr`: the CCR metadata; `None` where the key is missing (on 7.x it is missing always).
    pub followed: Option<Followed>,
    /// `primary_terms` by shard: jumps when a restore over the closed index starts.
    pub primary_terms: BTreeMap<u32, i64>,
    /// `aliases`.
    pub aliases: Vec<String>,
    /// `routing_num_shards`.
    pub routing_num_shards: Option<i64>,
}

/// Settings of one index: from `/<i>/_settings?flat_settings=true`. Absent: no such index.
pub type IndexSettings = BTreeMap<String, String>;

/// The state of a primary in the routing table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryRouting {
    /// `state`: `STARTED`, `INITIALIZING`, `UNASSIGNED`, `RELOCATING`.
    pub state: String,
    /// `recovery_source.type`, for example `SNAPSHOT`.
    pub recovery_source: Option<String>,
    /// `unassigned_info.reason`, for example `EXISTING_INDEX_RESTORED`.
    pub unassigned_reason: Option<String>,
    /// `unassigned_info.details`: many lines on 8.x.
    pub unassigned_details: Option<String>,
    /// `unassigned_info.failed_attempts` (or `failed_allocation_attempts`).
    pub failed_attempts: Option<i64>,
}

/// Primaries by shard: from `_cluster/state/routing_table/<i>`.
pub type Routing = BTreeMap<u32, PrimaryRouting>;

/// A colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// All copies active.
    Green,
    /// All primaries active or initializing.
    Yellow,
    /// A primary is not active.
    Red,
}

/// `_cluster/health/<i>?level=shards` of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexHealth {
    /// `status`.
    pub status: Health,
    /// `number_of_shards`.
    pub number_of_shards: Option<u32>,
    /// `active_primary_shards`.
    pub active_primary_shards: Option<u32>,
    /// `initializing_shards`.
    pub initializing_shards: Option<u32>,
    /// `unassigned_shards`.
    pub unassigned_shards: Option<u32>,
}

/// `_cluster/health` of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterHealth {
    /// `status`.
    pub status: Health,
    /// `number_of_nodes`.
    pub nodes: Option<u32>,
    /// `number_of_data_nodes`.
    pub data_nodes: Option<u32>,
    /// `number_of_pending_tasks`.
    pub pending_tasks: Option<u64>,
    /// `relocating_shards`.
    pub relocating_shards: Option<u64>,
}

/// One entry of `_recovery`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardRecovery {
    /// `id`.
    pub shard: u32,
    /// `type`: `SNAPSHOT` for a remote recovery.
    pub kind: String,
    /// `stage`: `DONE` at the end.
    pub stage: String,
    /// `primary`.
    pub primary: bool,
    /// `source.repository`: `_ccr_<alias>` for a remote recovery.
    pub repository: Option<String>,
    /// `index.size.total_in_bytes`.
    pub total_bytes: Option<u64>,
    /// `index.size.recovered_in_bytes`.
    pub recovered_bytes: Option<u64>,
    /// `start_time_in_millis`.
    pub started_at: Option<Timestamp>,
}

impl ShardRecovery {
    /// A copy of a primary from the leader cluster that is not done.
    pub fn runs_from_remote(&self) -> bool {
        self.primary && self.stage != "DONE" && self.is_from_remote()
    }

    /// A copy from the leader cluster, running or done.
    pub fn is_from_remote(&self) -> bool {
        self.kind == "SNAPSHOT"
            && self
                .repository
                .as_deref()
                .is_none_or(|name| name.starts_with("_ccr_"))
    }
}

/// One retention lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// `id`.
    pub id: LeaseId,
    /// `retaining_seq_no`.
    pub retaining_seq_no: Option<i64>,
    /// `timestamp`: when it was last renewed.
    pub renewed_at: Option<Timestamp>,
    /// `source`: `ccr` or `peer recovery`.
    pub source: Option<String>,
}

/// One primary in `/<i>/_stats?level=shards`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ShardSeq {
    /// `routing.state`.
    pub state: Option<String>,
    /// `commit.user_data.history_uuid`.
    pub history_uuid: Option<HistoryUuid>,
    /// `seq_no.max_seq_no`.
    pub max_seq_no: Option<i64>,
    /// `seq_no.global_checkpoint`.
    pub global_checkpoint: Option<i64>,
    /// `docs.count`.
    pub docs: Option<u64>,
    /// `store.size_in_bytes`.
    pub store_bytes: Option<u64>,
    /// `retention_leases.leases`; `None` where the key is missing or malformed.
    pub leases: Option<Vec<Lease>>,
}

/// `/<i>/_stats?level=shards` of one index. Absent: no such index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexStats {
    /// `indices.<i>.uuid`.
    pub uuid: Option<IndexUuid>,
    /// Primaries that answered, by shard.
    pub primaries: PerShard<ShardSeq>,
    /// `indices.<i>.primaries.docs.count`.
    pub docs: Option<u64>,
    /// `indices.<i>.primaries.store.size_in_bytes`.
    pub store_bytes: Option<u64>,
}

impl IndexStats {
    /// Documents of all primaries: the total, or the sum where every primary tells.
    pub fn documents(&self) -> Option<u64> {
        self.docs.or_else(|| {
            if self.primaries.is_empty() {
                return None;
            }
            self.primaries.values().map(|shard| shard.docs).sum()
        })
    }
}

/// `_cluster/allocation/explain` of one shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explain {
    /// `shard`.
    pub shard: Option<u32>,
    /// `primary`.
    pub primary: Option<bool>,
    /// `current_state`.
    pub current_state: Option<String>,
    /// `can_allocate`.
    pub can_allocate: Option<String>,
    /// `unassigned_info.reason`.
    pub unassigned_reason: Option<String>,
    /// `unassigned_info.details`.
    pub unassigned_details: Option<String>,
    /// `unassigned_info.failed_allocation_attempts`.
    pub failed_attempts: Option<i64>,
    /// Deciders that said `NO`: name and explanation.
    pub refusing_deciders: Vec<(String, String)>,
}

/// One shard follow task in the cluster state's persistent tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowTask {
    /// `follow_shard_shard`.
    pub shard: u32,
    /// `follow_shard_index_uuid`.
    pub follower_uuid: Option<IndexUuid>,
    /// `leader_shard_index_uuid`.
    pub leader_uuid: Option<IndexUuid>,
    /// `assignment.executor_node`; `None` when unassigned.
    pub node: Option<String>,
    /// `assignment.explanation`.
    pub explanation: Option<String>,
    /// With whose rights it reads and writes, where its stored headers tell; `None` without security.
    pub user: Option<String>,
}

/// `_ilm/explain` of one index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IlmExplain {
    /// `managed`.
    pub managed: bool,
    /// `policy`.
    pub policy: Option<String>,
    /// `phase`.
    pub phase: Option<String>,
    /// `action`.
    pub action: Option<String>,
    /// `step`.
    pub step: Option<String>,
}

/// A refusal of a changing call that was seen (resume, follow), kept as evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The exception.
    pub exception: Exception,
}

/// What was seen on the follower cluster.
#[derive(Debug, Clone, Default)]
pub struct FollowerSide {
    /// `GET /`.
    pub root: Series<Root>,
    /// `GET /_license`.
    pub license: Series<License>,
    /// `_ccr/stats`.
    pub stats: Series<FollowStats>,
    /// `_ccr/info`.
    pub info: Series<FollowInfo>,
    /// `_remote/info`, this follower's alias.
    pub remote: Series<RemoteInfo>,
    /// `_cluster/state/metadata/<f>`.
    pub meta: Series<IndexMeta>,
    /// `/<f>/_settings`.
    pub settings: Series<IndexSettings>,
    /// `_cluster/state/routing_table/<f>`.
    pub routing: Series<Routing>,
    /// `_cluster/health/<f>`.
    pub health: Series<IndexHealth>,
    /// `_cluster/health`.
    pub cluster_health: Series<ClusterHealth>,
    /// `/<f>/_recovery`.
    pub recovery: Series<Vec<ShardRecovery>>,
    /// `/<f>/_stats?level=shards`.
    pub index: Series<IndexStats>,
    /// `/<f>/_alias`: alias names with their definition as JSON text.
    pub aliases: Series<BTreeMap<String, String>>,
    /// `_cluster/allocation/explain` of a primary of this index.
    pub explain: Series<Explain>,
    /// `metadata.persistent_tasks`, this follower's tasks.
    pub tasks: Series<Vec<FollowTask>>,
    /// `/<f>/_ilm/explain`.
    pub ilm: Series<IlmExplain>,
    /// `_cluster/settings?include_defaults&flat_settings`: transient over persistent over default.
    pub cluster_settings: Series<Shared<BTreeMap<String, String>>>,
    /// Versions of all nodes (`_nodes?filter_path=nodes.*.version,nodes.*.roles`).
    pub nodes: Series<Shared<Vec<Node>>>,
    /// Name of the data stream this index backs (`_data_stream`); absent when it backs none.
    pub data_stream: Series<String>,
    /// `/<f>/_count` or `/<f>/_search?size=0`.
    pub count: Series<u64>,
    /// What `resume_follow` answered when it refused, newest last; empty value (`Absent`): accepted.
    pub resume: Series<Refusal>,
    /// The same for `PUT follow`. Neither says that nothing happened (`ccr/measured.md`).
    pub follow: Series<Refusal>,
    /// Documents of the leader counted through the alias (`/<alias>:<leader>/_search?size=0` or
    /// `_count`): what the follower cluster itself sees behind the alias.
    pub count_through_alias: Series<u64>,
    // wire: GET /_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.roles,nodes.*.fs.total
    /// Disks of all nodes.
    pub disks: Series<Vec<NodeDisk>>,
    // wire: GET /_snapshot/_status (403 without `monitor_snapshot`: then GET /_cluster/state?filter_path=snapshots,restore).
    /// Snapshots and restores that run in the cluster: a name for people -> the indices they touch.
    pub snapshots: Series<BTreeMap<String, Vec<String>>>,
    // wire: GET /_snapshot/<repository>/<snapshot>, asked only where a plan names one (404: absent).
    /// The snapshot of the follower that a plan names.
    pub snapshot: Series<SnapshotInfo>,
    // wire: GET /_ccr/auto_follow (an empty list where there is none).
    /// Auto-follow patterns of the follower cluster.
    pub auto_follow: Series<Shared<Vec<AutoFollowPattern>>>,
    // wire: POST /_security/user/_has_privileges on the follower cluster with the acting credentials, body
    // {"cluster":["monitor","manage_ccr"],"index":[{"names":["<f>"],"privileges":["manage_follow_index","monitor","view_index_metadata","manage"]}]};
    // "cluster:<p>" and "index:<p>" -> allowed. Absent where security is off: 400 "no handler found", 405, or
    // 500/400 with `security_exception`-free "security is not enabled". A 401 or 403 is unknown.
    /// What the acting credentials may do on the follower cluster. Absent: security is off there.
    pub privileges: Series<BTreeMap<String, bool>>,
    // wire: GET /_cluster/health: active_shards + initializing_shards + unassigned_shards (closed indices count, 7.2+).
    /// All shard copies of the cluster, started or not.
    pub total_shards: Series<u64>,
    // wire: GET /_data_stream?expand_wildcards=all on 8.x (`replicated` of the stream this index backs); absent when none.
    /// Whether the data stream that this index backs is still marked as replicated.
    pub data_stream_replicated: Series<bool>,
    // wire: the same answer (the last of the stream's `indices`); absent when none.
    /// Whether it is the write index of the data stream that it backs.
    pub data_stream_write: Series<bool>,
}

/// The disk of one node (`_nodes/stats/fs`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeDisk {
    /// `name`.
    pub name: String,
    /// `roles`.
    pub roles: Vec<String>,
    /// `fs.total.total_in_bytes`.
    pub total_bytes: Option<u64>,
    /// `fs.total.available_in_bytes`.
    pub available_bytes: Option<u64>,
}

/// One auto-follow pattern (`_ccr/auto_follow`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoFollowPattern {
    /// `name`.
    pub name: String,
    /// `pattern.remote_cluster`.
    pub remote: Option<RemoteAlias>,
    /// `pattern.leader_index_patterns`.
    pub leader_patterns: Vec<String>,
    /// `pattern.leader_index_exclusion_patterns`.
    pub exclusions: Vec<String>,
    /// `pattern.follow_index_pattern`; `None` where it is not set (then the leader's name).
    pub follow_pattern: Option<String>,
    /// `pattern.active`; true where the version does not tell.
    pub active: bool,
}

/// One snapshot (`GET /_snapshot/<repository>/<snapshot>`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Repository and name.
    pub name: SnapshotRef,
    /// `state`: `SUCCESS`, `PARTIAL`, `IN_PROGRESS`, `FAILED`, `INCOMPATIBLE`.
    pub state: String,
    /// `indices`.
    pub indices: Vec<String>,
    /// `start_time_in_millis`.
    pub started_at: Option<Timestamp>,
    /// `shards.failed`.
    pub failed_shards: Option<u64>,
}

/// One phase of an index lifecycle policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IlmPhase {
    /// `hot`, `warm`, `cold`, `frozen`, `delete`.
    pub name: String,
    /// `min_age` in milliseconds; `None` where it cannot be read.
    pub min_age_millis: Option<u64>,
    /// Names of its actions.
    pub actions: Vec<String>,
}

/// One node (`_nodes`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its id, by which the cluster state names it.
    pub id: String,
    /// `name`.
    pub name: Option<String>,
    /// `version`.
    pub version: Option<EsVersion>,
    /// `roles`.
    pub roles: Vec<String>,
    /// `attributes` (`node.attr.*`), which allocation filters name; `None`: not told.
    pub attributes: Option<BTreeMap<String, String>>,
}

/// What was seen on the leader cluster, looked at directly.
#[derive(Debug, Clone, Default)]
pub struct LeaderSide {
    /// `GET /`.
    pub root: Series<Root>,
    /// `GET /_license`.
    pub license: Series<License>,
    /// `/<l>/_stats?level=shards`: UUID, history, sequence numbers, leases. Absent: no such index.
    pub index: Series<IndexStats>,
    /// `_cluster/state/metadata/<l>`.
    pub meta: Series<IndexMeta>,
    /// `/<l>/_settings`. Absent: no such index.
    pub settings: Series<IndexSettings>,
    /// The index that `/<l>/_settings` shows in place of `<l>`: the name is an alias or a data
    /// stream. Absent: it shows `<l>` itself.
    pub stands_for: Series<IndexName>,
    /// `_cluster/health/<l>?level=shards`.
    pub health: Series<IndexHealth>,
    /// `_cluster/health`.
    pub cluster_health: Series<ClusterHealth>,
    /// `/<l>/_ilm/explain`.
    pub ilm: Series<IlmExplain>,
    /// `/<l>/_count`.
    pub count: Series<u64>,
    /// Versions of all nodes.
    pub nodes: Series<Shared<Vec<Node>>>,
    // wire: GET /_ilm/policy/<name of index.lifecycle.name> (needs `read_ilm`), else with `monitor`
    // GET /_cluster/state/metadata?filter_path=metadata.index_lifecycle.policies.<name>; ask only where `ilm` says managed.
    /// Phases of the policy that manages the leader index. Absent: no policy of that name.
    pub ilm_phases: Series<Vec<IlmPhase>>,
    // wire: GET /<l>/_ilm/explain: lifecycle_date_millis
    /// What the ages of the phases count from.
    pub lifecycle_date: Series<Timestamp>,
    // wire: POST /_security/user/_has_privileges on the leader cluster with the acting credentials, body
    // {"cluster":["monitor"],"index":[{"names":["<l>"],"privileges":["monitor","read","manage_leader_index"]}]}; absent: security off.
    /// What the acting credentials may do on the leader cluster. Absent: security is off there.
    pub privileges: Series<BTreeMap<String, bool>>,
}

/// A look that was answered with an error: at most one per cluster and call, forgotten when the
/// same call succeeds again, so that it always speaks of the present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookError {
    /// When it was answered.
    pub at: Timestamp,
    /// By which cluster.
    pub cluster: ClusterName,
    /// Which call.
    pub call: Call,
    /// HTTP status.
    pub status: u16,
    /// The exception; empty `kind` where the body held only a text or nothing.
    pub exception: Exception,
}

/// Everything known of one follower.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Which follower.
    pub key: FollowerKey,
    /// The alias it follows through, from whatever named it first.
    pub remote: Option<RemoteAlias>,
    /// The leader index's name.
    pub leader_index: Option<IndexName>,
    /// The `[[clusters]]` entry behind the alias, where the configuration names one.
    pub leader_cluster: Option<ClusterName>,
    /// The snapshot that a plan for this follower names, which is looked up then.
    pub asked_snapshot: Option<SnapshotRef>,
    /// The follower cluster.
    pub follower: FollowerSide,
    /// The leader cluster, by a direct look.
    pub leader: LeaderSide,
    /// Looks that are answered with errors now, oldest first.
    pub errors: Vec<LookError>,
    /// When these facts were put together: the judge's "now".
    pub now: Timestamp,
}

/// What is done to every series of a side alike; a field that is left out does not compile. The
/// rules compare sightings of those that are `compared` with each other, and read the newest word
/// of the others ([`Sources`] says which).
macro_rules! every_series {
    ($side:ident: compared: $($compared:ident),+; newest: $($field:ident),+ $(,)?) => {
        impl $side {
            /// Keeps the newest `count` sightings of the calls whose sightings are compared, and the
            /// newest word of the others.
            pub fn keep_last(&mut self, count: usize) {
                let Self { $($compared,)+ $($field),+ } = self;
                $($compared.keep_last(count);)+
                $($field.keep_newest();)+
            }

            /// The clock was set: every sighting moves along.
            pub fn clock_moved(&mut self, by_millis: i64) {
                let Self { $($compared,)+ $($field),+ } = self;
                $($compared.clock_moved(by_millis);)+
                $($field.clock_moved(by_millis);)+
            }
        }
    };
}

every_series! {
    FollowerSide:
        compared: stats, remote, recovery, index, count;
        newest: root, license, info, meta, settings, routing, health, cluster_health, aliases, explain, tasks, ilm, cluster_settings, nodes, data_stream, resume, follow, count_through_alias, disks, snapshots, snapshot, auto_follow, privileges, total_shards, data_stream_replicated, data_stream_write,
}

every_series! {
    LeaderSide:
        compared: root, index, count;
        newest: license, meta, settings, stands_for, health, cluster_health, ilm, nodes, ilm_phases, lifecycle_date, privileges,
}

impl Facts {
    /// Keeps the newest `count` sightings of every call, so that a follower's facts stay small.
    pub fn keep_last(&mut self, count: usize) {
        self.follower.keep_last(count);
        self.leader.keep_last(count);
    }

    /// The clock was set: what was seen stays as old as it is. Times that a cluster told are its own.
    pub fn clock_moved(&mut self, by_millis: i64) {
        self.follower.clock_moved(by_millis);
        self.leader.clock_moved(by_millis);
        for error in &mut self.errors {
            error.at = moved(error.at, by_millis);
        }
        self.now = moved(self.now, by_millis);
    }

    /// Nothing known yet.
    pub fn nothing(key: FollowerKey, now: Timestamp) -> Self {
        Self {
            key,
            remote: None,
            leader_index: None,
            leader_cluster: None,
            asked_snapshot: None,
            follower: FollowerSide::default(),
            leader: LeaderSide::default(),
            errors: Vec::new(),
            now,
        }
    }

    /// The follower's own UUID, from whichever call shows it.
    pub fn follower_uuid(&self) -> Option<IndexUuid> {
        uuid_of(&self.follower.settings, &self.follower.meta, &self.follower.index)
    }

    /// The present leader's UUID, from whichever direct look shows it.
    pub fn leader_uuid(&self) -> Option<IndexUuid> {
        uuid_of(&self.leader.settings, &self.leader.meta, &self.leader.index)
    }

    /// The lease this follower would hold, where everything in its id is known.
    pub fn lease_id(&self) -> Option<LeaseId> {
        Some(LeaseId::of_follower(
            &self.follower.root.latest_known()?.1.cluster_name,
            &self.key.index,
            &self.follower_uuid()?,
            self.remote.as_ref()?,
            self.leader_index.as_ref()?,
            &self.leader_uuid()?,
        ))
    }
}

fn uuid_of(
    settings: &Series<IndexSettings>,
    meta: &Series<IndexMeta>,
    stats: &Series<IndexStats>,
) -> Option<IndexUuid> {
    let from_settings =
        |map: &BTreeMap<String, String>| map.get("index.uuid").and_then(|text| IndexUuid::parse(text).ok());
    settings
        .present()
        .and_then(from_settings)
        .or_else(|| meta.present().and_then(|meta| from_settings(&meta.settings)))
        .or_else(|| stats.present().and_then(|stats| stats.uuid.clone()))
}

/// A text that many facts share.
pub type Text = Arc<str>;
