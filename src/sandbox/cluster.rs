//! One simulated cluster of one node: its indices, settings, tasks, licence and the rest of its
//! cluster state.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::index::Index;
use super::json;
use super::pair::{PairOptions, Side, Version};
use super::task::FollowTask;

/// Licence of a cluster.
#[derive(Debug, Clone)]
pub struct License {
    /// `trial`, `basic`, …
    pub kind: String,
    /// Its identifier.
    pub uid: String,
    /// Issued at, milliseconds since the Unix epoch.
    pub issued_ms: i64,
}

/// An auto-follow pattern.
#[derive(Debug, Clone)]
pub struct Pattern {
    /// The body it was made with.
    pub body: Value,
    /// Whether it acts.
    pub active: bool,
    /// Leader UUIDs that it has dealt with.
    pub seen: BTreeSet<String>,
    /// Whose rights it uses.
    pub user: String,
}

/// A snapshot: whole copies of the indices.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its identifier.
    pub uuid: String,
    /// When it was taken, milliseconds since 1970.
    pub taken_ms: i64,
    /// What it holds.
    pub indices: BTreeMap<String, Index>,
}

/// A data stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// Backing indices, oldest first.
    pub indices: Vec<String>,
    /// Whether CCR owns it.
    pub replicated: bool,
}

/// Counters of auto-follow.
#[derive(Debug, Clone, Default)]
pub struct AutoStats {
    /// Follows that failed.
    pub failed: u64,
    /// Remote cluster states that could not be read.
    pub failed_states: u64,
    /// Follows that worked.
    pub ok: u64,
    /// Latest errors, newest first.
    pub errors: Vec<Value>,
}

/// One cluster.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// `cluster_name`.
    pub name: String,
    /// `cluster_uuid`.
    pub uuid: String,
    /// Node id.
    pub node: String,
    /// Node name.
    pub node_name: String,
    /// Whether its node runs.
    pub up: bool,
    /// No node may take a shard.
    pub disk_full: bool,
    /// `node.attr.*` of its node, which allocation filters name.
    pub attributes: BTreeMap<String, String>,
    /// Indices by name.
    pub indices: BTreeMap<String, Index>,
    /// Persistent cluster settings, flat.
    pub persistent: BTreeMap<String, Value>,
    /// Transient cluster settings, flat.
    pub transient: BTreeMap<String, Value>,
    /// Shard follow tasks by id.
    pub tasks: BTreeMap<String, FollowTask>,
    /// Counts task assignments.
    pub allocations: u64,
    /// The licence.
    pub license: License,
    /// Auto-follow patterns.
    pub patterns: BTreeMap<String, Pattern>,
    /// Auto-follow counters.
    pub auto_stats: AutoStats,
    /// When auto-follow looks next.
    pub auto_due_ms: Option<i64>,
    /// Repositories and their snapshots.
    pub repositories: BTreeMap<String, BTreeMap<String, Snapshot>>,
    /// Lifecycle policies.
    pub policies: BTreeMap<String, Value>,
    /// Index templates.
    pub templates: BTreeMap<String, Value>,
    /// Data streams.
    pub streams: BTreeMap<String, Stream>,
    /// Roles.
    pub roles: BTreeMap<String, Value>,
    /// Users and their roles.
    pub users: BTreeMap<String, Vec<String>>,
    /// Users that were deleted: what they made goes on, they themselves are not let in.
    pub deleted_users: BTreeSet<String>,
    /// When a follower was last made, for `_xpack/usage`.
    pub last_follow_ms: Option<i64>,
}

impl Cluster {
    /// An empty cluster.
    pub fn new(side: Side, options: &PairOptions, random: &mut fastrand::Rng) -> Self {
        let leader = side == Side::Leader;
        let (name, node_name) = match (options.version, options.secured) {
            (Version::V7_7_0, _) if leader => ("leader770", "leader770-0"),
            (Version::V7_7_0, _) => ("follower770", "follower770-0"),
            (Version::V8_10_4, false) if leader => ("leader8", "leader8"),
            (Version::V8_10_4, false) => ("follower8", "follower8"),
            (Version::V8_10_4, true) if leader => ("sleader", "sleader"),
            (Version::V8_10_4, true) => ("sfollower", "sfollower"),
        };
        let mut persistent = BTreeMap::new();
        if !leader {
            let port = Self::transport_port(options.version, Side::Leader);
            persistent.insert(
                "cluster.remote.lead.seeds".to_owned(),
                json!([format!("127.0.0.1:{port}")]),
            );
        }
        Self {
            name: name.to_owned(),
            uuid: super::identifier(random),
            node: super::identifier(random),
            node_name: node_name.to_owned(),
            up: true,
            disk_full: false,
            attributes: BTreeMap::new(),
            indices: BTreeMap::new(),
            persistent,
            transient: BTreeMap::new(),
            tasks: BTreeMap::new(),
            allocations: 0,
            license: License {
                kind: "trial".to_owned(),
                uid: super::identifier(random),
                issued_ms: options.start_ms,
            },
            patterns: BTreeMap::new(),
            auto_stats: AutoStats::default(),
            auto_due_ms: None,
            repositories: BTreeMap::new(),
            policies: BTreeMap::new(),
            templates: BTreeMap::new(),
            streams: BTreeMap::new(),
            roles: BTreeMap::new(),
            users: BTreeMap::new(),
            deleted_users: BTreeSet::new(),
            last_follow_ms: None,
        }
    }

    /// Transport port as seeds name it.
    pub fn transport_port(version: Version, side: Side) -> u16 {
        match (version, side) {
            (Version::V7_7_0, Side::Leader) => 9401,
            (Version::V7_7_0, Side::Follower) => 9402,
            (Version::V8_10_4, Side::Leader) => 9411,
            (Version::V8_10_4, Side::Follower) => 9412,
        }
    }

    /// A cluster setting: transient wins over persistent.
    pub fn setting(&self, key: &str) -> Option<&Value> {
        self.transient.get(key).or_else(|| self.persistent.get(key))
    }

    /// A cluster setting as text.
    pub fn setting_text(&self, key: &str) -> Option<&str> {
        self.setting(key).and_then(Value::as_str)
    }

    /// Aliases of remote clusters that are configured.
    pub fn remotes(&self) -> BTreeSet<String> {
        self.persistent
            .iter()
            .chain(&self.transient)
            .filter_map(|(key, value)| {
                let rest = key.strip_prefix("cluster.remote.")?;
                let (alias, what) = rest.split_once('.')?;
                let given = match value {
                    Value::Array(seeds) => !seeds.is_empty(),
                    Value::String(text) => !text.is_empty(),
                    _ => false,
                };
                (given && matches!(what, "seeds" | "proxy_address")).then(|| alias.to_owned())
            })
            .collect()
    }

    /// Whether CCR may be used.
    pub fn licensed(&self) -> bool {
        matches!(self.license.kind.as_str(), "trial" | "platinum" | "enterprise")
    }

    /// Whether persistent tasks are assigned to nodes.
    pub fn assigns_tasks(&self) -> bool {
        self.setting_text("cluster.persistent_tasks.allocation.enable") != Some("none")
    }

    /// Names that an expression stands for: exact names, comma lists, `*`, `_all`, exclusions.
    /// Hidden indices need an expression that begins with a dot. `Err` names the missing one.
    pub fn expand(&self, expression: &str) -> Result<Vec<String>, String> {
        let mut names: BTreeSet<String> = BTreeSet::new();
        for part in expression.split(',') {
            if part.is_empty() {
                continue;
            }
            if let Some(excluded) = part.strip_prefix('-')
                && expression.contains('*')
            {
                names.retain(|name| !json::wildcard(excluded, name));
                continue;
            }
            if part == "_all" || part.contains('*') {
                let pattern = if part == "_all" { "*" } else { part };
                for (name, index) in &self.indices {
                    let by_name = json::wildcard(pattern, name)
                        || index.aliases.keys().any(|alias| json::wildcard(pattern, alias));
                    let visible = !index.hidden() || pattern.starts_with('.') && name.starts_with('.');
                    if by_name && visible {
                        names.insert(name.clone());
                    }
                }
                for stream in self
                    .streams
                    .iter()
                    .filter(|(name, _)| json::wildcard(pattern, name))
                {
                    names.extend(stream.1.indices.iter().cloned());
                }
                continue;
            }
            if self.indices.contains_key(part) {
                names.insert(part.to_owned());
                continue;
            }
            let mut found = false;
            for (name, index) in &self.indices {
                if index.aliases.contains_key(part) {
                    names.insert(name.clone());
                    found = true;
                }
            }
            if let Some(stream) = self.streams.get(part) {
                names.extend(stream.indices.iter().cloned());
                found = true;
            }
            if !found {
                return Err(part.to_owned());
            }
        }
        Ok(names.into_iter().collect())
    }
}
