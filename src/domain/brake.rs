//! Brakes: switches that stop a class of actions, with owner, reason and optional expiry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::cause::Remedy;
use crate::domain::ids::{ClusterName, FollowerKey, RemoteAlias};
use crate::domain::time::Timestamp;

/// What a brake stops. Printed and parsed as on the command line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BrakeScope {
    /// Everything that changes a cluster, everywhere.
    All,
    /// Recreates.
    Recreate,
    /// Resumes.
    Resume,
    /// Everything on one follower cluster.
    Cluster(ClusterName),
    /// Everything that follows through one alias of one cluster.
    Remote(ClusterName, RemoteAlias),
    /// One follower.
    Follower(FollowerKey),
}

impl BrakeScope {
    /// Parses `all`, `recreate`, `resume`, `cluster:<c>`, `remote:<c>/<alias>`, `follower:<c>/<i>`.
    ///
    /// # Errors
    /// A sentence naming the forms that are understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |problem: String| {
            format!(
                "{problem}; a brake is one of: all, recreate, resume, cluster:<c>, remote:<c>/<alias>, follower:<c>/<i>"
            )
        };
        match text {
            "all" => return Ok(Self::All),
            "recreate" => return Ok(Self::Recreate),
            "resume" => return Ok(Self::Resume),
            _ => {}
        }
        if let Some(rest) = text.strip_prefix("cluster:") {
            return ClusterName::parse(rest)
                .map(Self::Cluster)
                .map_err(|e| wrong(e.to_string()));
        }
        if let Some(rest) = text.strip_prefix("remote:") {
            let (cluster, alias) = rest
                .split_once('/')
                .ok_or_else(|| wrong(format!("`{text}` names no alias")))?;
            return Ok(Self::Remote(
                ClusterName::parse(cluster).map_err(|e| wrong(e.to_string()))?,
                RemoteAlias::parse(alias).map_err(|e| wrong(e.to_string()))?,
            ));
        }
        if let Some(rest) = text.strip_prefix("follower:") {
            return FollowerKey::parse(rest)
                .map(Self::Follower)
                .map_err(|e| wrong(e.to_string()));
        }
        Err(wrong(format!("`{text}` is not a brake")))
    }

    /// Whether it is about a remedy of a follower. One whose alias is not known may follow through
    /// the braked one.
    pub fn covers(&self, key: &FollowerKey, remote: Option<&RemoteAlias>, remedy: Remedy) -> bool {
        match self {
            Self::All => true,
            Self::Recreate => remedy.destroys(),
            Self::Resume => remedy == Remedy::Resume,
            Self::Cluster(cluster) => *cluster == key.cluster,
            Self::Remote(cluster, alias) => {
                *cluster == key.cluster && remote.is_none_or(|remote| remote == alias)
            }
            Self::Follower(follower) => follower == key,
        }
    }

    /// The follower cluster that it is about; `None` for what stands over all.
    pub const fn cluster(&self) -> Option<&ClusterName> {
        match self {
            Self::All | Self::Recreate | Self::Resume => None,
            Self::Cluster(cluster) | Self::Remote(cluster, _) => Some(cluster),
            Self::Follower(key) => Some(&key.cluster),
        }
    }

    /// The metric label `scope` (contract: `all`, `recreate`, `resume`, `cluster`, `remote`, `follower`).
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Recreate => "recreate",
            Self::Resume => "resume",
            Self::Cluster(_) => "cluster",
            Self::Remote(..) => "remote",
            Self::Follower(_) => "follower",
        }
    }

    /// The metric label `name`: what is braked within the scope, empty for the whole.
    pub fn name(&self) -> String {
        match self {
            Self::All | Self::Recreate | Self::Resume => String::new(),
            Self::Cluster(cluster) => cluster.to_string(),
            Self::Remote(cluster, alias) => format!("{cluster}/{alias}"),
            Self::Follower(key) => key.to_string(),
        }
    }
}

impl fmt::Display for BrakeScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All | Self::Recreate | Self::Resume => f.write_str(self.kind()),
            Self::Cluster(_) | Self::Remote(..) | Self::Follower(_) => {
                write!(f, "{}:{}", self.kind(), self.name())
            }
        }
    }
}

impl TryFrom<String> for BrakeScope {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

impl From<BrakeScope> for String {
    fn from(scope: BrakeScope) -> Self {
        scope.to_string()
    }
}

/// One engaged brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// What it stops.
    pub scope: BrakeScope,
    /// Who engaged it.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub engaged_at: Timestamp,
    /// When it lets go by itself; `None`: when somebody releases it.
    pub expires_at: Option<Timestamp>,
}

impl Brake {
    /// Whether it holds at `now`.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}
