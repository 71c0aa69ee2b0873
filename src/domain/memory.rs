//! What was learnt while a follower was well and will be needed when it is not.
//!
//! On 7.7 the history UUIDs followed and, after a pause, the parameters are nowhere to be read
//! (`ccr/measured.md`, *Things that mislead*), so they are remembered in the store.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::facts::Parameters;
use crate::domain::history::History;
use crate::domain::ids::{ClusterUuid, HistoryUuid, IndexName, IndexUuid, RemoteAlias, RunId};
use crate::domain::shared::Shared;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, moved};

/// Our own run's trace on a follower, as far as a judge needs it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnRun {
    /// The run.
    pub id: RunId,
    /// We paused it and have not resumed it since.
    pub paused: bool,
    /// We closed it and have not opened it since.
    pub closed: bool,
    /// We sent a `PUT follow`.
    pub followed: bool,
    /// A `PUT follow` of ours was seen to take effect: the data that was there is gone.
    #[serde(default)]
    pub replaced: bool,
    /// We deleted it and have not seen our new follow under its name.
    #[serde(default)]
    pub deleted: bool,
    /// It ended without an answer to a pause, resume or close of ours: what holds the follower since
    /// may be our doing, or somebody's.
    #[serde(default)]
    pub doubtful: bool,
    /// When the last of these was sent.
    pub at: Timestamp,
}

/// A copy of the same leader that a run of ours follows under another name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beside {
    /// Its name on the follower cluster.
    pub index: IndexName,
    /// Its UUID.
    pub uuid: IndexUuid,
    /// UUID of the follower that it stands beside.
    pub of: IndexUuid,
    /// The run that made it.
    pub run: RunId,
    /// It was proven to follow.
    pub proven: bool,
}

/// Highest values ever seen of one leader shard (safety 4: "than ever remembered").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HighWater {
    /// Highest `max_seq_no` ever seen on the leader's shard.
    pub leader_max_seq_no: Option<i64>,
    /// Highest global checkpoint ever seen on the leader's shard.
    pub leader_global_checkpoint: Option<i64>,
}

/// What the follower's lease on one leader shard said last. The leader's clock and ours may
/// differ, so a renewal is known by a timestamp that changed, not by its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseMark {
    /// `timestamp` of the lease, by the leader's clock; `None`: the list was read and lacks it.
    pub renewed_at: Option<Timestamp>,
    /// The first look, by our clock, that showed this.
    pub since: Timestamp,
    /// The last look that showed it.
    pub seen_at: Timestamp,
}

/// What is remembered of one follower. Everything may be missing.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The follower index's own UUID.
    pub follower_index_uuid: Option<IndexUuid>,
    /// Alias it follows through.
    pub remote: Option<RemoteAlias>,
    /// Leader index.
    pub leader_index: Option<IndexName>,
    /// UUID of the leader index that is followed.
    pub leader_index_uuid: Option<IndexUuid>,
    /// History UUID of each leader shard that is followed, in shard order.
    pub leader_shard_history_uuids: Option<Vec<HistoryUuid>>,
    /// Where those two come from: true when read from the follower's own metadata or tasks while
    /// the task ran; false when only the leader was looked at while the follower was well.
    pub followed_is_recorded: bool,
    /// `cluster_uuid` of the follower cluster.
    pub follower_cluster_uuid: Option<ClusterUuid>,
    /// `cluster_uuid` of the leader cluster whose leases proved that it is the one followed.
    pub leader_cluster_uuid: Option<ClusterUuid>,
    /// What the alias led to (`seeds` or `proxy_address`) when the lease was last seen fresh.
    pub remote_addresses: Option<Vec<String>>,
    /// Follow parameters.
    pub parameters: Option<Shared<Parameters>>,
    /// Settings set on the follower itself (not replicated from the leader).
    pub own_settings: Option<Shared<BTreeMap<String, String>>>,
    /// Aliases with their definition as JSON text.
    pub aliases: Option<Shared<BTreeMap<String, String>>>,
    /// Data stream that it backs.
    pub data_stream: Option<String>,
    /// Number of primary shards.
    pub shard_count: Option<u32>,
    /// Highest values seen of each leader shard, by shard number.
    pub high_water: BTreeMap<u32, HighWater>,
    /// The follower's lease on each leader shard, by shard number.
    pub leases: BTreeMap<u32, LeaseMark>,
    /// `index.soft_deletes.retention_lease.period` of the leader, as it is set there.
    pub lease_period: Option<String>,
    /// The state of the last look.
    pub last_state: Option<State>,
    /// When it was last seen following.
    pub last_well_at: Option<Timestamp>,
    /// When every task of it was last seen renewing (active, not fatal, the leader in reach).
    pub last_renewing_at: Option<Timestamp>,
    /// It is in `declared_followers`.
    pub declared: bool,
    /// An auto-follow pattern promised it.
    pub promised_by_pattern: Option<String>,
    /// Our own unfinished or last run on it.
    pub own_run: Option<OwnRun>,
    /// The copy that a run of ours made beside it, under another name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beside: Option<Beside>,
    /// The server accepted a `resume_follow` of ours at this time (it checks UUID and histories).
    pub resume_accepted_at: Option<Timestamp>,
    /// When the present fatal exception was first seen.
    pub fatal_since: Option<Timestamp>,
    /// When retries of a read, or failed writes with none succeeding, were last seen to rise.
    pub last_rise_at: Option<Timestamp>,
    /// Which cause holds since when, and what changed lately.
    pub history: History,
}

impl Memory {
    /// Whose doing it is that the follower is paused or closed is not known, and it has not been well
    /// since.
    pub fn in_doubt(&self) -> bool {
        self.own_run
            .as_ref()
            .is_some_and(|own| own.doubtful && self.last_well_at.is_none_or(|well| well <= own.at))
    }
}

impl Memory {
    /// Whether another look taught nothing but that time has passed: the same follower is still as
    /// well as it was, and its leases are still renewed. What is stored may be a few minutes older
    /// than that: after a restart less is known then, never more.
    pub fn only_older_than(&self, other: &Self) -> bool {
        let Self {
            last_well_at,
            last_renewing_at,
            leases,
            history,
            follower_index_uuid,
            remote,
            leader_index,
            leader_index_uuid,
            leader_shard_history_uuids,
            followed_is_recorded,
            follower_cluster_uuid,
            leader_cluster_uuid,
            remote_addresses,
            parameters,
            own_settings,
            aliases,
            data_stream,
            shard_count,
            high_water,
            lease_period,
            last_state,
            declared,
            promised_by_pattern,
            own_run,
            beside,
            resume_accepted_at,
            fatal_since,
            last_rise_at,
        } = self;
        let renewed = |leases: &BTreeMap<u32, LeaseMark>| -> Vec<(u32, bool)> {
            leases
                .iter()
                .map(|(shard, mark)| (*shard, mark.renewed_at.is_some()))
                .collect()
        };
        last_well_at.is_some() == other.last_well_at.is_some()
            && last_renewing_at.is_some() == other.last_renewing_at.is_some()
            && (leases == &other.leases || renewed(leases) == renewed(&other.leases))
            && history.only_older_than(&other.history)
            && *follower_index_uuid == other.follower_index_uuid
            && *remote == other.remote
            && *leader_index == other.leader_index
            && *leader_index_uuid == other.leader_index_uuid
            && *leader_shard_history_uuids == other.leader_shard_history_uuids
            && *followed_is_recorded == other.followed_is_recorded
            && *follower_cluster_uuid == other.follower_cluster_uuid
            && *leader_cluster_uuid == other.leader_cluster_uuid
            && *remote_addresses == other.remote_addresses
            && *parameters == other.parameters
            && *own_settings == other.own_settings
            && *aliases == other.aliases
            && *data_stream == other.data_stream
            && *shard_count == other.shard_count
            && *high_water == other.high_water
            && *lease_period == other.lease_period
            && *last_state == other.last_state
            && *declared == other.declared
            && *promised_by_pattern == other.promised_by_pattern
            && *own_run == other.own_run
            && *beside == other.beside
            && *resume_accepted_at == other.resume_accepted_at
            && *fatal_since == other.fatal_since
            && *last_rise_at == other.last_rise_at
    }
}

impl Memory {
    /// The clock was set: our own instants move along. What a cluster's clock said stays.
    pub fn clock_moved(&mut self, by_millis: i64) {
        let own_run = self.own_run.as_mut().map(|run| &mut run.at);
        for at in [
            self.last_well_at.as_mut(),
            self.last_renewing_at.as_mut(),
            self.resume_accepted_at.as_mut(),
            self.fatal_since.as_mut(),
            self.last_rise_at.as_mut(),
            own_run,
        ]
        .into_iter()
        .flatten()
        {
            *at = moved(*at, by_millis);
        }
        self.history.clock_moved(by_millis);
    }
}
