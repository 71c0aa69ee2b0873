//! The rows of the book: one configured cluster, one follower.

use std::collections::BTreeMap;

use super::AutoFollow;
use crate::domain::cause::Cause;
use crate::domain::facts::Facts;
use crate::domain::ids::{ClusterUuid, FollowerKey, PlanHash, RemoteAlias, RunId};
use crate::domain::memory::Memory;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::engine::answers::Answers;
use crate::engine::settings::ClusterSettings;
use crate::policy;

/// One configured cluster.
#[derive(Debug)]
pub(crate) struct ClusterEntry {
    pub settings: ClusterSettings,
    /// The last look succeeded.
    pub up: bool,
    /// It was looked at at least once, with whatever result.
    pub tried: bool,
    pub last_look_at: Option<Timestamp>,
    pub last_ok_at: Option<Timestamp>,
    pub last_error: Option<String>,
    /// Length of the last look, seconds.
    pub look_seconds: f64,
    pub uuid: Option<ClusterUuid>,
    pub version: Option<String>,
    pub answers: Answers,
    /// Remote aliases seen, and whether they are connected.
    pub remotes: BTreeMap<RemoteAlias, Option<bool>>,
    /// Its auto-follow patterns, and its indices that patterns elsewhere name.
    pub auto_follow: AutoFollow,
}

impl ClusterEntry {
    pub(super) fn new(settings: &ClusterSettings) -> Self {
        Self {
            settings: settings.clone(),
            up: false,
            tried: false,
            last_look_at: None,
            last_ok_at: None,
            last_error: None,
            look_seconds: 0.0,
            uuid: None,
            version: None,
            answers: Answers::default(),
            remotes: BTreeMap::new(),
            auto_follow: AutoFollow::default(),
        }
    }
}

/// One follower.
#[derive(Debug)]
pub(crate) struct FollowerEntry {
    pub facts: Facts,
    pub memory: Memory,
    pub memory_changed: bool,
    pub verdict: Option<Verdict>,
    pub assessment: Option<policy::Assessment>,
    pub run: Option<RunId>,
    /// A run is being opened or goes on: nobody else may start one.
    pub locked: bool,
    pub locked_since: Option<Timestamp>,
    /// No decision before this.
    pub postponed_until: Option<Timestamp>,
    pub lag: Option<i64>,
    pub runway: Option<Timestamp>,
    /// While a clock that was set has not settled, the runway does not end before this.
    pub runway_not_before: Option<Timestamp>,
    /// The open plan's hash.
    pub plan: Option<PlanHash>,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// The last decision was not told, because the incident says it for all.
    pub untold: bool,
}

impl FollowerEntry {
    pub(super) fn new(key: FollowerKey, memory: Memory, now: Timestamp) -> Self {
        let mut facts = Facts::nothing(key, now);
        facts.remote.clone_from(&memory.remote);
        facts.leader_index.clone_from(&memory.leader_index);
        Self {
            facts,
            memory,
            memory_changed: false,
            verdict: None,
            assessment: None,
            run: None,
            locked: false,
            locked_since: None,
            postponed_until: None,
            lag: None,
            runway: None,
            runway_not_before: None,
            plan: None,
            incident: None,
            untold: false,
        }
    }

    /// A repair is in its ladder, so the guards will be asked.
    pub(super) fn may_be_repaired(&self) -> bool {
        self.plan.is_some()
            || self
                .verdict
                .as_ref()
                .is_some_and(|verdict| verdict.boldness() > 0)
    }

    /// The cause, `unknown` before the first verdict.
    pub fn cause(&self) -> Cause {
        self.verdict
            .as_ref()
            .map_or(Cause::Unknown, |verdict| verdict.cause)
    }

    /// The state, `unknown` before the first verdict.
    pub fn state(&self) -> State {
        self.verdict
            .as_ref()
            .map_or(State::Unknown, |verdict| verdict.state)
    }
}
