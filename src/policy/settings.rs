//! The policy's settings: modes, rules, limits and windows, with the contract's defaults.
//!
//! Already valid when they arrive here; `config` parses and checks them.

use std::fmt;

use jiff::civil::{Time, Weekday};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::domain::cause::Cause;
use crate::domain::ids::{FollowerKey, RemoteAlias};
use crate::domain::time::Span;
use crate::policy::glob::Glob;

/// What the daemon may do at most. Ordered: `observe` < `ask` < `auto`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Looks, judges, alerts; never writes to a cluster.
    #[default]
    Observe,
    /// Every write waits for an approval.
    Ask,
    /// Rules decide.
    Auto,
}

impl Mode {
    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Ask => "ask",
            Self::Auto => "auto",
        }
    }

    /// The strongest action the mode lets through.
    pub const fn at_most(self) -> Action {
        match self {
            Self::Observe => Action::Alert,
            Self::Ask => Action::Ask,
            Self::Auto => Action::Auto,
        }
    }
}

/// What a rule wants. Ordered from weak to strong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Tell people.
    Alert,
    /// Make a plan and wait for an approval.
    Ask,
    /// Repair.
    Auto,
}

impl Action {
    /// The word of the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Ask => "ask",
            Self::Auto => "auto",
        }
    }
}

/// One rule; the first that matches counts. Each selector must match; an empty one selects
/// nothing (safety 10), a selector left out of the configuration arrives as `["*"]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Names of follower clusters.
    pub clusters: Vec<Glob>,
    /// Names of follower indices.
    pub followers: Vec<Glob>,
    /// Remote aliases.
    pub remotes: Vec<Glob>,
    /// Causes; left out of the configuration: all of them.
    pub causes: Vec<Cause>,
    /// What to do.
    pub action: Action,
    /// By how much the leader may have fewer documents, 0 to 1, where it is another part than
    /// [`Settings::document_tolerance`] says.
    pub document_tolerance: Option<f64>,
}

/// By how much the leader may have fewer documents than the follower, and who says so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Part of the follower's documents, 0 to 1.
    pub share: f64,
    /// The number of the rule that says so, from 1; `None`: `verify.document_tolerance`.
    pub rule: Option<u32>,
}

impl fmt::Display for Tolerance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // To a millionth of a percent, which is finer than a person writes; without its noise.
        let percent = (self.share * 1e8).round() / 1e6;
        match self.rule {
            Some(rule) => write!(f, "{percent}% by rule {rule}"),
            None => write!(f, "{percent}% by verify.document_tolerance"),
        }
    }
}

impl Rule {
    /// Whether the rule is about this follower and cause. A follower whose alias is not known
    /// matches only where every alias would.
    pub fn matches(&self, key: &FollowerKey, remote: Option<&RemoteAlias>, cause: Cause) -> bool {
        let any = |globs: &[Glob], name: &str| globs.iter().any(|glob| glob.matches(name));
        any(&self.clusters, key.cluster.as_str())
            && any(&self.followers, key.index.as_str())
            && match remote {
                Some(remote) => any(&self.remotes, remote.as_str()),
                None => self.remotes.iter().any(|glob| glob.as_str() == "*"),
            }
            && self.causes.contains(&cause)
    }
}

/// How many recreates may run at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InFlightLimit {
    /// Everywhere.
    pub total: u32,
    /// On one follower cluster.
    pub per_cluster: u32,
    /// Through one alias of one cluster.
    pub per_remote: u32,
}

/// How many recreates one follower may get before `auto` becomes `ask`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PerFollower {
    /// So many …
    pub count: u32,
    /// … within this time.
    pub per: Span,
}

/// When the breaker opens and closes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BreakerLimit {
    /// Part of the known followers, 0 to 1; opens above its floor in followers.
    pub max_unhealthy: f64,
    /// It needs at least so many unhealthy followers.
    pub min_unhealthy: u32,
    /// It closes after this time without a reason to be open.
    pub close_after: Span,
}

/// All limits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Recreates at once.
    pub recreates_in_flight: InFlightLimit,
    /// Recreates started within any hour.
    pub recreates_per_hour: u32,
    /// Bytes copied by recreates started within any 24 hours.
    pub bytes_per_day: u64,
    /// Bytes above which `auto` becomes `ask`.
    pub recreate_max_bytes: u64,
    /// Estimated length above which `auto` becomes `ask`.
    pub recreate_max_duration: Span,
    /// Recreates of one follower above which `auto` becomes `ask`.
    pub recreates_per_follower: PerFollower,
    /// Resumes at once through one alias of one cluster.
    pub resumes_in_flight_per_remote: u32,
    /// Resumes started within any minute.
    pub resumes_per_minute: u32,
    /// The breaker.
    pub breaker: BreakerLimit,
}

/// When a recreate may start.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// Days on which it opens.
    pub days: Vec<Weekday>,
    /// Local time of opening.
    pub start: Time,
    /// Local time of closing; at or before `start`: on the next day.
    pub end: Time,
    /// The zone of both.
    pub time_zone: TimeZone,
}

/// Somebody who may approve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Person {
    /// A local user by name, or `uid:1000` where the user has none.
    User(String),
    /// The members of a local group.
    Group(String),
}

impl Person {
    /// `ann`, or `group:ops`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, group) = match text.strip_prefix("group:") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '*' | '/' | ',');
        if name.is_empty() {
            return Err("is empty");
        }
        if name.contains(bad) || (name.contains(':') && !name.starts_with("uid:")) {
            return Err("is not the name of a user or of a group");
        }
        Ok(if group {
            Self::Group(name.to_owned())
        } else {
            Self::User(name.to_owned())
        })
    }
}

/// What an approval needs beside its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalRules {
    /// `approval.persons`: who may approve; empty: everybody who can reach the admin socket.
    pub persons: Vec<Person>,
    /// `approval.type_above_bytes`: where a plan destroys more bytes than this (or nobody knows how
    /// many), the index's name must be typed with the approval.
    pub type_above_bytes: u64,
    /// `approval.type_above_documents`: the same for documents.
    pub type_above_documents: u64,
}

impl Default for ApprovalRules {
    fn default() -> Self {
        Self {
            persons: Vec::new(),
            type_above_bytes: 10 << 30,
            type_above_documents: 10_000_000,
        }
    }
}

/// Everything the policy is told by the configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// `daemon.mode`.
    pub mode: Mode,
    /// `policy.rules`.
    pub rules: Vec<Rule>,
    /// `judge.confirm_looks`: looks that a verdict must hold for.
    pub confirm_looks: u32,
    /// `approval.expires_after`.
    pub approval_expires_after: Span,
    /// `approval.approvers`: different people who must agree.
    pub approvers: u32,
    /// Who may approve, and what must be typed.
    pub approval: ApprovalRules,
    /// `limits`.
    pub limits: Limits,
    /// `windows`; none: always.
    pub windows: Vec<Window>,
    /// `verify.document_tolerance`, 0 to 1, where no rule says otherwise: see [`Settings::tolerance`].
    pub document_tolerance: f64,
    /// `verify.settle`.
    pub verify_settle: Span,
    /// The rest after a run that ended without having tried to the end; it doubles with each.
    /// Not an option.
    pub rest: Span,
    /// Names of limits that are configured and that this version does not enforce (contract: they
    /// hold recreate at `ask`). `config` fills it; no limit above is among them.
    pub unenforced: Vec<String>,
}

impl Settings {
    /// The rule that counts for this follower and cause, with its number from 1.
    pub fn rule(
        &self,
        key: &FollowerKey,
        remote: Option<&RemoteAlias>,
        cause: Cause,
    ) -> Option<(u32, &Rule)> {
        (1_u32..)
            .zip(&self.rules)
            .find(|(_, rule)| rule.matches(key, remote, cause))
    }

    /// The tolerance of the rule that counts, where it has one; else the general one. A follower
    /// whose alias or cause is not known gets what a rule for all of them says, never more.
    pub fn tolerance(&self, key: &FollowerKey, remote: Option<&RemoteAlias>, cause: Cause) -> Tolerance {
        self.rule(key, remote, cause)
            .and_then(|(number, rule)| {
                Some(Tolerance {
                    share: rule.document_tolerance?,
                    rule: Some(number),
                })
            })
            .unwrap_or(Tolerance {
                share: self.document_tolerance,
                rule: None,
            })
    }
}

impl Default for Settings {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        let hours = |count: u64| Span::from_secs(count * 3600);
        Self {
            mode: Mode::Observe,
            rules: Vec::new(),
            confirm_looks: 2,
            approval_expires_after: hours(24),
            approvers: 1,
            approval: ApprovalRules::default(),
            limits: Limits {
                recreates_in_flight: InFlightLimit {
                    total: 2,
                    per_cluster: 1,
                    per_remote: 1,
                },
                recreates_per_hour: 6,
                bytes_per_day: 500 * GIB,
                recreate_max_bytes: 50 * GIB,
                recreate_max_duration: hours(1),
                recreates_per_follower: PerFollower {
                    count: 1,
                    per: hours(7 * 24),
                },
                resumes_in_flight_per_remote: 4,
                resumes_per_minute: 30,
                breaker: BreakerLimit {
                    max_unhealthy: 0.3,
                    min_unhealthy: 3,
                    close_after: Span::from_mins(10),
                },
            },
            windows: Vec::new(),
            document_tolerance: 0.001,
            verify_settle: Span::from_mins(1),
            rest: Span::from_mins(1),
            unenforced: Vec::new(),
        }
    }
}
