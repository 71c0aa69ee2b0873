//! Auto-follow as one look at a follower cluster shows it: statistics, errors, and what each
//! pattern is judged to be. Patterns themselves are in `facts`, beside what else guards read.

use std::collections::BTreeMap;

use crate::domain::cause::Cause;
use crate::domain::ids::{IndexName, IndexUuid, RemoteAlias};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Evidence;

/// One entry of `auto_follow_stats.recent_auto_follow_errors`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoFollowError {
    /// `leader_index`, literally: `<pattern>:<leader index>`, or the pattern alone where the
    /// remote's cluster state could not be read.
    pub label: String,
    /// `timestamp`, by the follower cluster's clock.
    pub at: Option<Timestamp>,
    /// `auto_follow_exception.type`.
    pub kind: String,
    /// `auto_follow_exception.reason`.
    pub reason: String,
}

/// `auto_follow_stats` of `_ccr/stats`. `None`: not there, or of another type.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AutoFollowStats {
    /// `number_of_failed_follow_indices`.
    pub failed: Option<i64>,
    /// `number_of_failed_remote_cluster_state_requests`.
    pub remote_state_failed: Option<i64>,
    /// `number_of_successful_follow_indices`.
    pub succeeded: Option<i64>,
    /// `recent_auto_follow_errors`; entries that cannot be read are left out.
    pub errors: Option<Vec<AutoFollowError>>,
    /// `auto_followed_clusters`: alias, and milliseconds since it was last checked.
    pub checks: BTreeMap<RemoteAlias, i64>,
}

/// What is said of one auto-follow pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternVerdict {
    /// Its name.
    pub name: String,
    /// The alias, where the pattern could be read.
    pub remote: Option<RemoteAlias>,
    /// `auto_follow_failing` or `none`.
    pub cause: Cause,
    /// Errors of it that are failing now.
    pub failing: u32,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
}

/// One index of a leader cluster, as far as auto-follow asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderIndex {
    /// Its name.
    pub name: IndexName,
    /// `index.uuid`.
    pub uuid: Option<IndexUuid>,
    /// `index.creation_date`, by the leader cluster's clock.
    pub created_at: Option<Timestamp>,
    /// Nothing in its settings keeps it from being followed.
    pub followable: bool,
}
