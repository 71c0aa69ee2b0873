//! What the engine needs from the configuration, already valid.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use crate::domain::run::Limits;
use crate::engine::blockers::Blocker;
use crate::history::HistorySettings;
use crate::metrics::{Level, Series};
use crate::notify;
use crate::policy::{self, Glob};

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

/// A rule about how much is exported of a follower; the first that matches counts.
#[derive(Debug, Clone, PartialEq)]
pub struct LevelRule {
    /// Names of follower clusters.
    pub clusters: Vec<Glob>,
    /// Names of follower indices.
    pub followers: Vec<Glob>,
    /// Remote aliases.
    pub remotes: Vec<Glob>,
    /// How much.
    pub level: Level,
}

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MetricsSettings {
    /// Where no rule matches.
    pub level: Level,
    /// Tried from the top.
    pub rules: Vec<LevelRule>,
    /// How many series there may be.
    pub series: Series,
}

impl MetricsSettings {
    /// How many series there may be, and whether any of them may be a shard's.
    pub fn series(&self) -> Series {
        let deep = |level: Level| level == Level::Shard;
        Series {
            shards: deep(self.level) || self.rules.iter().any(|rule| deep(rule.level)),
            ..self.series
        }
    }

    /// How much is exported of this follower. One whose alias is not known matches only where every alias
    /// would.
    pub fn level_of(&self, key: &FollowerKey, remote: Option<&RemoteAlias>) -> Level {
        let any = |globs: &[Glob], name: &str| globs.iter().any(|glob| glob.matches(name));
        let matching = self.rules.iter().find(|rule| {
            any(&rule.clusters, key.cluster.as_str())
                && any(&rule.followers, key.index.as_str())
                && match remote {
                    Some(remote) => any(&rule.remotes, remote.as_str()),
                    None => rule.remotes.iter().any(|glob| glob.as_str() == "*"),
                }
        });
        matching.map_or(self.level, |rule| rule.level)
    }
}

/// Everything the engine needs.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The clusters.
    pub clusters: Vec<ClusterSettings>,
    /// Modes, rules, limits.
    pub policy: policy::Settings,
    /// How much is exported of each follower.
    pub metrics: MetricsSettings,
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
