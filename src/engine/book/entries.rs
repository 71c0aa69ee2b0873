//! The rows of the book: one configured cluster, one follower.

use std::collections::BTreeMap;

use super::AutoFollow;
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::facts::{Facts, LeaderSide};
use crate::domain::ids::{ClusterName, ClusterUuid, FollowerKey, IndexName, PlanHash, RemoteAlias, RunId};
use crate::domain::load::Trouble;
use crate::domain::memory::Memory;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::trend::Trend;
use crate::domain::verdict::Verdict;
use crate::elastic::load::{LookCost, SharedLoad};
use crate::engine::heard::Heard;
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
    /// Remote aliases seen, and whether they are connected.
    pub remotes: BTreeMap<RemoteAlias, Option<bool>>,
    /// Its auto-follow patterns, and its indices that patterns elsewhere name.
    pub auto_follow: AutoFollow,
    /// What it is asked, as its client counts and bounds it.
    pub load: SharedLoad,
    /// What the last look at its followers cost, and the last one at it as a leader.
    pub look_cost: Option<LookCost>,
    pub leader_look_cost: Option<LookCost>,
    /// Of which trouble people were last told.
    pub told_trouble: Option<Trouble>,
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
            remotes: BTreeMap::new(),
            auto_follow: AutoFollow::default(),
            load: SharedLoad::default(),
            look_cost: None,
            leader_look_cost: None,
            told_trouble: None,
        }
    }
}

/// What a verdict was given with, beside the answers: the look itself then adds to the memory,
/// and a reload may name another leader cluster before the next look.
#[derive(Debug)]
pub(crate) struct JudgedWith {
    /// `None` for one that nothing is wrong with: its memory then was what it is now, but for time.
    pub memory: Option<Memory>,
    pub remote: Option<RemoteAlias>,
    pub leader_index: Option<IndexName>,
    pub leader_cluster: Option<ClusterName>,
}

/// One follower.
#[derive(Debug)]
pub(crate) struct FollowerEntry {
    pub facts: Facts,
    /// The answers that the facts rest on.
    pub heard: Heard,
    pub memory: Memory,
    /// What the verdict was given with, beside the answers.
    pub judged_with: Option<JudgedWith>,
    pub memory_changed: bool,
    /// When its memory was last handed out to be stored.
    pub stored_at: Option<Timestamp>,
    pub verdict: Option<Verdict>,
    pub assessment: Option<policy::Assessment>,
    /// The state in which the assessment found it.
    pub decided_in: Option<State>,
    pub run: Option<RunId>,
    /// A run is being opened or goes on: nobody else may start one.
    pub locked: bool,
    pub locked_since: Option<Timestamp>,
    /// When it was last asked everything that guards read.
    pub asked_at: Option<Timestamp>,
    /// When its leader was last asked everything about it.
    pub leader_asked_at: Option<Timestamp>,
    /// No decision before this.
    pub postponed_until: Option<Timestamp>,
    pub lag: Option<i64>,
    /// How far behind it was lately; not stored.
    pub trend: Trend,
    pub runway: Option<Timestamp>,
    /// The same of each shard whose lease nothing renews.
    pub runways: BTreeMap<u32, Timestamp>,
    /// While a clock that was set has not settled, the runway does not end before this.
    pub runway_not_before: Option<Timestamp>,
    /// The open plan's hash.
    pub plan: Option<PlanHash>,
    /// A run ended at this time, and it has not been well for the settle time since.
    pub settling: Option<Timestamp>,
    /// The incident it belongs to.
    pub incident: Option<String>,
    /// The last decision was not told, because the incident says it for all.
    pub untold: bool,
}

impl FollowerEntry {
    pub(super) fn new(key: FollowerKey, memory: Memory, now: Timestamp) -> Box<Self> {
        let mut facts = Facts::nothing(key, now);
        facts.remote.clone_from(&memory.remote);
        facts.leader_index.clone_from(&memory.leader_index);
        Box::new(Self {
            facts,
            heard: Heard::default(),
            memory,
            judged_with: None,
            memory_changed: false,
            stored_at: None,
            verdict: None,
            assessment: None,
            decided_in: None,
            run: None,
            locked: false,
            locked_since: None,
            asked_at: None,
            leader_asked_at: None,
            postponed_until: None,
            lag: None,
            trend: Trend::default(),
            runway: None,
            runways: BTreeMap::new(),
            runway_not_before: None,
            plan: None,
            settling: None,
            incident: None,
            untold: false,
        })
    }

    /// Takes the leader cluster that the configuration names. What was seen of another one says
    /// nothing of this one.
    pub(super) fn name_leader(&mut self, leader: Option<ClusterName>) {
        if self.facts.leader_cluster == leader {
            return;
        }
        if let Some(former) = std::mem::replace(&mut self.facts.leader_cluster, leader) {
            self.facts.leader = LeaderSide::default();
            let own = &self.facts.key.cluster;
            self.facts
                .errors
                .retain(|error| error.cluster != former || &error.cluster == own);
        }
    }

    /// Nothing is wrong with it, the policy has said so, and nothing about it can change that but
    /// another verdict.
    pub(super) fn is_quiet(&self) -> bool {
        let Some(verdict) = &self.verdict else {
            // Not judged yet: there is nothing to ask about.
            return true;
        };
        let left = self
            .assessment
            .as_ref()
            .is_some_and(|assessment| assessment.decision.kind == DecisionKind::Leave);
        left && verdict.cause == Cause::None && self.plan.is_none() && self.decided_in == Some(verdict.state)
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
