//! What is written down of a decision: everything that the policy was asked with.
//!
//! The world that all followers share is written once for a pass of the policy over all of them; an
//! input is one follower's part. Both are told as JSON, which [`super::block`] makes small. A field
//! that a later version adds must have a default.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::facts::Facts;
use crate::domain::ids::{FollowerKey, PlanHash};
use crate::domain::journal::Trigger;
use crate::domain::memory::Memory;
use crate::domain::plan::PlanRecord;
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::policy::{Assessment, Member, World};

use super::Damaged;

/// One pass of the policy over all followers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pass {
    /// When.
    pub at: Timestamp,
    /// Which, counted from the daemon's start: with the time it names the pass.
    pub pass: u64,
    /// What the policy knew beside the followers.
    pub world: World,
    /// The first pass of a block tells every follower as the breaker counts it; later ones those
    /// that changed.
    #[serde(default)]
    pub members: Vec<Member>,
    /// Followers that are known no more.
    #[serde(default)]
    pub gone: Vec<FollowerKey>,
    /// `members` are all that there are.
    #[serde(default)]
    pub whole: bool,
}

/// What the policy said of one follower, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// What to do.
    pub kind: DecisionKind,
    /// The plan, where one could be made.
    #[serde(default)]
    pub plan: Option<PlanHash>,
    /// The rungs that a run of it would climb.
    #[serde(default)]
    pub rungs: Vec<Remedy>,
    /// Why, as the first sentence for people.
    #[serde(default)]
    pub why: String,
}

impl Said {
    /// In short.
    pub fn of(assessment: &Assessment) -> Self {
        Self {
            kind: assessment.decision.kind,
            plan: assessment.plan.as_ref().map(|plan| plan.hash.clone()),
            rungs: assessment.rungs.clone(),
            why: assessment.decision.reasons.first().cloned().unwrap_or_default(),
        }
    }
}

/// One follower's part in one decision.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Input {
    /// When.
    pub at: Timestamp,
    /// In which pass.
    pub pass: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// For how many looks it had held.
    pub held_for_looks: u32,
    /// Since when its cause had held.
    pub waited_since: Option<Timestamp>,
    /// When the leader may discard what it still needs.
    pub runway_expires_at: Option<Timestamp>,
    /// What was known of it; `None`: nothing is wrong with it, and no decision reads them.
    pub facts: Option<Facts>,
    /// What was remembered; of a well one its short history only.
    pub memory: Memory,
    /// Its plan, as it stood before the decision.
    pub existing: Option<PlanRecord>,
    /// [`World::duplicate_cluster_uuid`] of this follower.
    pub duplicate_cluster_uuid: bool,
    /// [`World::both_ways`] of this follower.
    pub both_ways: Seen<bool>,
    /// What the daemon decided.
    pub said: Said,
}

/// The same by reference, to write it.
#[derive(Debug, Serialize)]
pub struct InputRef<'a> {
    /// [`Input::at`].
    pub at: Timestamp,
    /// [`Input::pass`].
    pub pass: u64,
    /// [`Input::verdict`].
    pub verdict: &'a Verdict,
    /// [`Input::held_for_looks`].
    pub held_for_looks: u32,
    /// [`Input::waited_since`].
    pub waited_since: Option<Timestamp>,
    /// [`Input::runway_expires_at`].
    pub runway_expires_at: Option<Timestamp>,
    /// [`Input::facts`].
    pub facts: Option<&'a Facts>,
    /// [`Input::memory`].
    pub memory: &'a Memory,
    /// [`Input::existing`].
    pub existing: Option<&'a PlanRecord>,
    /// [`Input::duplicate_cluster_uuid`].
    pub duplicate_cluster_uuid: bool,
    /// [`Input::both_ways`].
    pub both_ways: &'a Seen<bool>,
    /// [`Input::said`].
    pub said: &'a Said,
}

/// The daemon began a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Began {
    /// When.
    pub at: Timestamp,
    /// In which pass.
    pub pass: u64,
    /// Of which plan.
    pub plan: PlanHash,
    /// For which cause.
    pub cause: Cause,
    /// The rungs that it may climb.
    pub rungs: Vec<Remedy>,
    /// Who or what let it start.
    pub trigger: Trigger,
}

/// A line of a block. Tagged from outside: what is tagged within is read through a buffer that knows
/// no maps by number.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Record {
    /// A pass over all followers.
    Pass(Box<Pass>),
    /// One follower's input.
    Input(Arc<Input>),
    /// A run began.
    Began(Box<Began>),
}

impl Record {
    /// When it was, and in which pass.
    pub fn place(&self) -> (Timestamp, u64) {
        match self {
            Self::Pass(pass) => (pass.at, pass.pass),
            Self::Input(input) => (input.at, input.pass),
            Self::Began(began) => (began.at, began.pass),
        }
    }

    /// Within one pass the world comes first, then what was decided in it, then what began.
    pub const fn rank(&self) -> u8 {
        match self {
            Self::Pass(_) => 0,
            Self::Input(_) => 1,
            Self::Began(_) => 2,
        }
    }

    /// Reads a line of a block.
    ///
    /// # Errors
    /// A line that this version cannot read.
    pub fn parse(text: &[u8]) -> Result<Self, Damaged> {
        serde_json::from_slice(text).map_err(|error| Damaged::new(error.to_string()))
    }
}

/// A record by reference, to write it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordRef<'a> {
    /// [`Record::Pass`].
    Pass(&'a Pass),
    /// [`Record::Input`].
    Input(InputRef<'a>),
    /// [`Record::Began`].
    Began(&'a Began),
}

impl RecordRef<'_> {
    /// As a line of a block; `None` where it cannot be told as JSON, which nothing here is.
    pub fn text(&self) -> Option<Vec<u8>> {
        serde_json::to_vec(self).ok()
    }
}
