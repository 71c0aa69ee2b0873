//! One thing that is wrong for several followers at once: four hundred followers behind one
//! remote that is down are one incident, not four hundred.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, FollowerKey, RemoteAlias};
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;

named_enum! {
    /// What the followers of an incident have in common.
    IncidentKind {
        /// The follower cluster that cannot be looked at.
        Cluster = "cluster",
        /// The licence of a follower cluster or of those behind it.
        License = "license",
        /// Rights that are refused on the way through one alias.
        Credentials = "credentials",
        /// The remote cluster behind one alias.
        Remote = "remote",
        /// The node on which their follow tasks run.
        Node = "node",
    }
}

/// Several followers that are sick for one reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incident {
    /// The same for the same thing, over looks and restarts: `remote:eu/lead`.
    pub id: String,
    /// What they have in common.
    pub kind: IncidentKind,
    /// The follower cluster.
    pub cluster: ClusterName,
    /// The alias, where it is about one.
    pub remote: Option<RemoteAlias>,
    /// The node's id, where it is about one.
    pub node: Option<String>,
    /// The cause that most of them have.
    pub cause: Cause,
    /// Since when the first of them has had that cause.
    pub since: Option<Timestamp>,
    /// Who, in order; at least two.
    pub followers: Vec<FollowerKey>,
}

impl Incident {
    /// What is wrong, for people, without count and time: `remote eu/lead unreachable`.
    pub fn what(&self) -> String {
        let cluster = &self.cluster;
        let through = match &self.remote {
            Some(remote) => format!("{cluster}/{remote}"),
            None => cluster.to_string(),
        };
        match (self.kind, self.cause) {
            (IncidentKind::Cluster, _) => format!("cluster {cluster} cannot be looked at"),
            (IncidentKind::License, _) => format!("licence on {cluster} or behind it does not allow CCR"),
            (IncidentKind::Credentials, _) => format!("credentials refused through {through}"),
            (IncidentKind::Remote, Cause::RemoteUnreachable) => format!("remote {through} unreachable"),
            (IncidentKind::Remote, Cause::RemoteNotConfigured) => format!("remote {through} not configured"),
            (IncidentKind::Remote, Cause::RemoteRepointed) => {
                format!("remote {through} leads to another cluster")
            }
            (IncidentKind::Remote, cause) => format!("remote {through}: {cause}"),
            (IncidentKind::Node, cause) => {
                let node = self.node.as_deref().unwrap_or("?");
                format!("node {node} of {cluster}: {cause}")
            }
        }
    }
}
