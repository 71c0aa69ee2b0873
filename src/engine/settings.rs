//! What the engine needs from the configuration, already valid.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{ClusterName, IndexName, RemoteAlias};
use crate::domain::run::Limits;
use crate::engine::blockers::Blocker;
use crate::history::HistorySettings;
use crate::notify;
use crate::policy;

/// One configured cluster as the engine sees it.
#[derive(Debug, Clone)]
pub struct ClusterSettings {
    /// Its name.
    pub name: ClusterName,
    /// Time between two looks.
    pub poll_interval: Duration,
    /// Time between two looks at the leader side of its followers.
    pub leader_side_interval: Duration,
    /// Alias on this cluster → the entry behind it.
    pub remotes: BTreeMap<RemoteAlias, ClusterName>,
    /// Followers that must exist.
    pub declared_followers: Vec<IndexName>,
}

/// Everything the engine needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The clusters.
    pub clusters: Vec<ClusterSettings>,
    /// Modes, rules, limits.
    pub policy: policy::Settings,
    /// Export metrics of each shard, not only of each index.
    pub shard_metrics: bool,
    /// Where the undo commands go before a run starts.
    pub undo_directory: PathBuf,
    /// How patient a run is, but for what `policy` and the clusters' intervals say. Not an option: the
    /// waits for requests of a dead process must outlive what a master still has in its queue.
    pub run_limits: Limits,
    /// The file whose presence engages the brake `all`.
    pub brake_file: PathBuf,
    /// Other systems that can say no.
    pub blockers: Vec<Arc<Blocker>>,
    /// Whom to tell what.
    pub notify: Arc<notify::Settings>,
    /// How long ended runs and closed plans are kept.
    pub keep_runs: Duration,
    /// What is kept of the past, and how finely.
    pub history: HistorySettings,
    /// How long a shutdown may take.
    pub shutdown_timeout: Duration,
}
