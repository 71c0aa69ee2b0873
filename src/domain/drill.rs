//! A drill: the two scratch indices that it may touch, its steps, and how it ended.
//!
//! Owns what must be durable, so that a crash leaves nothing unknown: the names and the mark are
//! stored before the indices are made, their UUIDs as soon as they are seen, and nothing is
//! changed or deleted whose UUID is not the one that stands here.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, IndexName, IndexUuid, InvalidId, PlanHash, RemoteAlias, RunId,
};
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;

/// What every scratch index is called at its beginning; privileges for a drill need no wider pattern.
pub const PREFIX: &str = "refollow-drill-";
/// Random hexadecimal digits of a name.
const DIGITS: usize = 12;
/// What the scratch follower has behind the leader's name.
const FOLLOWER: &str = "-f";
/// So many of the followers that drills made are remembered: their runs count for no limit.
const REMEMBERED: usize = 100;

/// The name of an index that a drill makes, and of no other: `refollow-drill-` and twelve random
/// hexadecimal digits, for the follower with `-f` behind them. The requests that only a drill
/// sends take nothing else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ScratchName(IndexName);

impl ScratchName {
    /// Parses a name.
    ///
    /// # Errors
    /// Where it is not a name that a drill gives.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let digits = text
            .strip_prefix(PREFIX)
            .map(|rest| rest.strip_suffix(FOLLOWER).unwrap_or(rest));
        let ours = digits.is_some_and(|digits| {
            digits.len() == DIGITS
                && digits
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        });
        if !ours {
            return Err(InvalidId {
                what: "scratch index",
                text: text.to_owned(),
                problem: "is not the name of an index that a drill makes",
            });
        }
        IndexName::parse(text).map(Self)
    }

    /// The names of a new pair: leader, follower. Of `random` the lower 48 bits are used.
    ///
    /// # Errors
    /// Never; what is made is parsed all the same.
    pub fn pair(random: u64) -> Result<(Self, Self), InvalidId> {
        let digits = format!("{:012x}", random & 0xffff_ffff_ffff);
        Ok((
            Self::parse(&format!("{PREFIX}{digits}"))?,
            Self::parse(&format!("{PREFIX}{digits}{FOLLOWER}"))?,
        ))
    }

    /// As any other call takes it.
    pub const fn index(&self) -> &IndexName {
        &self.0
    }
}

impl fmt::Display for ScratchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for ScratchName {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<ScratchName> for String {
    fn from(name: ScratchName) -> Self {
        name.0.into()
    }
}

/// One scratch index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scratch {
    /// The cluster it is on.
    pub cluster: ClusterName,
    /// That cluster's `cluster_uuid`: nothing is sent to another one.
    pub cluster_uuid: ClusterUuid,
    /// Its name.
    pub name: ScratchName,
    /// Its UUID, once it was seen. `None`: it may have been made, and then it carries the mark.
    pub uuid: Option<IndexUuid>,
}

named_enum! {
    /// The steps of a drill, in their order.
    DrillStep {
        /// The scratch leader is made and filled.
        Prepare = "prepare",
        /// The scratch follower is made, and seen following by the daemon's own looks.
        Follow = "follow",
        /// The follower is paused, and the leader's history is thrown away meanwhile.
        LoseHistory = "lose_history",
        /// The daemon must see it fatal and judge it `history_lost`.
        Judge = "judge",
        /// The policy must make a plan, which somebody approves or a rule lets start.
        Ask = "ask",
        /// The executor must repair it and prove it cured.
        Repair = "repair",
        /// Both sides must hold the same number of documents.
        Verify = "verify",
        /// Both scratch indices are deleted.
        CleanUp = "clean_up",
    }
}

named_enum! {
    /// How far a step is.
    DrillStepState {
        /// It goes on.
        Running = "running",
        /// It held what it was to prove.
        Done = "done",
        /// It did not.
        Failed = "failed",
    }
}

named_enum! {
    /// How a drill ended.
    DrillOutcome {
        /// Everything from the look to equal documents was seen to work.
        Proven = "proven",
        /// Something did not work.
        Failed = "failed",
        /// A guard stopped it: a brake, the mode.
        Refused = "refused",
    }
}

/// One step, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which.
    pub step: DrillStep,
    /// How far.
    pub state: DrillStepState,
    /// What was seen, for people.
    pub detail: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// How a drill ended, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillResult {
    /// How.
    pub outcome: DrillOutcome,
    /// The guard that stopped it.
    pub guard: Option<String>,
    /// Why, for people.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// One drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drill {
    /// Who called it.
    pub by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The alias through which the scratch follower follows.
    pub remote: RemoteAlias,
    /// The scratch leader.
    pub leader: Scratch,
    /// The scratch follower.
    pub follower: Scratch,
    /// A field of the scratch leader's mapping that no other index has; a follower has it too.
    pub mark: String,
    /// What was done so far.
    pub steps: Vec<StepRecord>,
    /// The plan that was made for the scratch follower.
    pub plan: Option<PlanHash>,
    /// The run that repaired it.
    pub run: Option<RunId>,
    /// How it ended; `None` while it goes on.
    pub result: Option<DrillResult>,
    /// Nothing of it is left on the clusters, or what is left is not ours any more.
    pub cleaned: bool,
}

impl Drill {
    /// The scratch follower as the daemon knows it.
    pub fn key(&self) -> FollowerKey {
        FollowerKey {
            cluster: self.follower.cluster.clone(),
            index: self.follower.name.index().clone(),
        }
    }

    /// The pair it was about, as the metrics' and the store's key: `<cluster>/<alias>`.
    pub fn pair(&self) -> String {
        format!("{}/{}", self.follower.cluster, self.remote)
    }

    /// The step in hand or last done.
    pub fn step(&self) -> Option<&StepRecord> {
        self.steps.last()
    }

    /// Begins a step.
    pub fn begin(&mut self, step: DrillStep, detail: &str, now: Timestamp) {
        self.steps.push(StepRecord {
            step,
            state: DrillStepState::Running,
            detail: detail.to_owned(),
            started_at: now,
            ended_at: None,
        });
    }

    /// Ends the step in hand, if one is.
    pub fn end(&mut self, state: DrillStepState, detail: &str, now: Timestamp) {
        if let Some(last) = self
            .steps
            .last_mut()
            .filter(|last| last.state == DrillStepState::Running)
        {
            last.state = state;
            detail.clone_into(&mut last.detail);
            last.ended_at = Some(now);
        }
    }
}

/// The last drill of one pair, for metrics and `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastDrill {
    /// Follower cluster.
    pub cluster: ClusterName,
    /// Alias.
    pub remote: RemoteAlias,
    /// How it ended, and when.
    pub result: DrillResult,
    /// How long it took, in seconds.
    pub seconds: i64,
}

/// Everything that is kept of drills.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Drills {
    /// The newest drill, over or not.
    pub newest: Option<Drill>,
    /// The last one that ended, by pair.
    pub last: BTreeMap<String, LastDrill>,
    /// Followers that drills made, oldest first.
    pub made: Vec<FollowerKey>,
}

impl Drills {
    /// Whether a drill made this follower. A name alone says nothing: anybody can give one.
    pub fn made(&self, key: &FollowerKey) -> bool {
        self.made.contains(key)
    }

    /// Enters a new drill.
    pub fn open(&mut self, drill: Drill) {
        self.made.push(drill.key());
        let surplus = self.made.len().saturating_sub(REMEMBERED);
        self.made.drain(..surplus);
        self.newest = Some(drill);
    }

    /// The drill that goes on, or is not cleaned up.
    pub fn unfinished(&self) -> Option<&Drill> {
        self.newest
            .as_ref()
            .filter(|drill| drill.result.is_none() || !drill.cleaned)
    }

    /// Ends the newest drill.
    pub fn close(&mut self, result: DrillResult) {
        let Some(drill) = &mut self.newest else { return };
        let last = LastDrill {
            cluster: drill.follower.cluster.clone(),
            remote: drill.remote.clone(),
            seconds: result.at.as_second().saturating_sub(drill.started_at.as_second()),
            result: result.clone(),
        };
        let pair = drill.pair();
        drill.result = Some(result);
        self.last.insert(pair, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_name_that_a_drill_gives_is_a_scratch_name() {
        let (leader, follower) = ScratchName::pair(0xffff_0000_00ab_cdef).unwrap();
        assert_eq!(leader.to_string(), "refollow-drill-000000abcdef");
        assert_eq!(follower.to_string(), "refollow-drill-000000abcdef-f");
        for wrong in [
            "orders",
            "refollow-drill-",
            "refollow-drill-*",
            "refollow-drill-000000abcdeg",
            "refollow-drill-000000ABCDEF",
            "refollow-drill-000000abcdef-g",
            "refollow-drill-000000abcdef-f-f",
            "refollow-drill-000000abcdef,orders",
            "xrefollow-drill-000000abcdef",
        ] {
            assert!(ScratchName::parse(wrong).is_err(), "{wrong}");
            assert!(
                serde_json::from_value::<ScratchName>(wrong.into()).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_name_alone_makes_no_follower_a_drills() {
        let key = FollowerKey::parse("eu/refollow-drill-000000abcdef-f").unwrap();
        assert!(!Drills::default().made(&key));
    }
}
