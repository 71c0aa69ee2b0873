//! The decision: what the policy says now about one follower (contract, *Modes, plans, runs*).

use crate::domain::cause::Remedy;
use crate::domain::decision::{Decision, DecisionKind};
use crate::domain::facts::Facts;
use crate::domain::journal::Trigger;
use crate::domain::memory::Memory;
use crate::domain::plan::{Plan, PlanRecord};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::policy::settings::Settings;
use crate::policy::world::World;

/// Everything that one decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The newest verdict.
    pub verdict: &'a Verdict,
    /// For how many looks in a row cause and ladder have been these (1: this look only).
    pub held_for_looks: u32,
    /// Since when the present cause has held, for the end of waiting (safety 13).
    pub waited_since: Option<Timestamp>,
    /// When the leader may discard what the follower still needs, where known.
    pub runway_expires_at: Option<Timestamp>,
    /// The newest facts.
    pub facts: &'a Facts,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The rest.
    pub world: &'a World,
    /// The settings.
    pub settings: &'a Settings,
    /// The newest plan record of this follower, if any, already expired where its time has come.
    pub existing: Option<&'a PlanRecord>,
}

/// What the policy says, and the plan it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What to do, with reasons and guards.
    pub decision: Decision,
    /// The plan, with `ask` and `act`, and with `wait` where only guards hold it back. Its hash is
    /// that of `existing` when the facts are the same: store it only when the hash is new or the
    /// old record is closed.
    pub plan: Option<Plan>,
    /// The rungs that a run of it would climb, mildest first.
    pub rungs: Vec<Remedy>,
    /// With `act`: who lets it start.
    pub trigger: Option<Trigger>,
}

/// Decides.
pub fn decide(_moment: &Moment<'_>) -> Assessment {
    Assessment {
        decision: Decision {
            kind: DecisionKind::Alert,
            reasons: vec!["decisions are not built yet".to_owned()],
            guards: Vec::new(),
        },
        plan: None,
        rungs: Vec::new(),
        trigger: None,
    }
}
