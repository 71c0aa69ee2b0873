//! What the policy says now, with every guard's verdict.

use serde::{Deserialize, Serialize};
use std::fmt;

use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;

named_enum! {
    /// A guard's verdict. `unknown` blocks (safety 10).
    GuardVerdict {
        /// It holds.
        Pass = "pass",
        /// It does not hold.
        Block = "block",
        /// It could not be evaluated, or is not built yet.
        Unknown = "unknown",
    }
}

/// One guard, evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardResult {
    /// The guard's name, a stable `snake_case` word (also a metric label).
    pub name: String,
    /// Its verdict.
    pub verdict: GuardVerdict,
    /// What it read, with numbers, as one sentence for people.
    pub inputs: String,
    /// When its verdict will next change by itself, where that is known.
    pub changes_at: Option<Timestamp>,
}

impl GuardResult {
    /// A guard that passes.
    pub fn pass(name: &str, inputs: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict: GuardVerdict::Pass,
            inputs: inputs.into(),
            changes_at: None,
        }
    }
    /// A guard that blocks.
    pub fn block(name: &str, inputs: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict: GuardVerdict::Block,
            inputs: inputs.into(),
            changes_at: None,
        }
    }
    /// A guard that could not be evaluated.
    pub fn unknown(name: &str, inputs: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            verdict: GuardVerdict::Unknown,
            inputs: inputs.into(),
            changes_at: None,
        }
    }
    /// The same with the time of its next change.
    #[must_use]
    pub fn until(mut self, at: Timestamp) -> Self {
        self.changes_at = Some(at);
        self
    }
    /// Whether it lets the remedy start.
    pub fn passes(&self) -> bool {
        self.verdict == GuardVerdict::Pass
    }
}

named_enum! {
    /// What the policy says now.
    DecisionKind {
        /// Nothing to do.
        Leave = "leave",
        /// It is expected to heal, or something must pass first.
        Wait = "wait",
        /// Tell people; refollow has no repair to offer.
        Alert = "alert",
        /// A plan waits for a person.
        Ask = "ask",
        /// Repair now.
        Act = "act",
    }
}

/// A decision with its reasons.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What to do.
    pub kind: DecisionKind,
    /// Why, as sentences for people; never empty.
    pub reasons: Vec<String>,
    /// Every guard that was asked.
    pub guards: Vec<GuardResult>,
}
