//! The contract's table of causes, typed from the contract and not taken from the code, and what
//! makes a label of it.

use super::world::{Entry, Label, World};

/// Cause, ladder, approval (contract, *Causes*).
pub const ROWS: &[(&str, &[&str], &str)] = &[
    ("none", &[], "none"),
    ("history_lost", &["resume", "recreate"], "policy"),
    ("leader_deleted", &["human"], "never"),
    ("leader_replaced", &["human", "recreate"], "always"),
    ("leader_rewound", &["human", "recreate"], "always"),
    ("diverged", &["human"], "never"),
    ("remote_repointed", &["human"], "never"),
    ("leader_not_followable", &["human"], "never"),
    ("leader_closed", &["wait"], "none"),
    ("leader_unavailable", &["wait"], "none"),
    ("remote_unreachable", &["wait", "resume"], "policy"),
    ("remote_not_configured", &["human", "resume"], "policy"),
    ("license", &["human"], "never"),
    ("credentials", &["human", "resume"], "policy"),
    ("follower_blocked", &["human"], "never"),
    ("follower_closed", &["human"], "never"),
    ("follower_unallocated", &["wait", "human"], "never"),
    (
        "restore_failed",
        &["human", "recreate", "delete_and_follow"],
        "always",
    ),
    ("restore_stuck", &["human"], "never"),
    ("restoring", &["wait"], "none"),
    ("restored_not_following", &["resume"], "policy"),
    ("paused", &[], "never"),
    ("leader_change_rejected", &["human", "resume"], "policy"),
    ("settings_diverged", &["human", "recreate"], "always"),
    ("follower_rewritten", &["human", "resume", "recreate"], "always"),
    ("task_unassigned", &["wait", "human"], "never"),
    ("overloaded", &["wait"], "none"),
    ("stalled", &["resume", "human"], "policy"),
    ("unclassified", &["resume", "human"], "policy"),
    ("unfollowed", &["human"], "never"),
    ("missing", &["human"], "never"),
    ("unknown", &["wait"], "never"),
];

/// A cause with its whole row.
pub fn row(state: &'static str, cause: &'static str, why: &str) -> Label {
    let (cause, ladder, approval) = ROWS
        .iter()
        .copied()
        .find(|(name, _, _)| *name == cause)
        .unwrap_or_else(|| panic!("no cause {cause}"));
    Label {
        state: (!state.is_empty()).then_some(state),
        cause,
        ladder,
        approval,
        why: why.to_owned(),
    }
}

impl Label {
    /// Another ladder than the row's, which the proof of identity or boldness demands.
    #[must_use]
    pub fn only(mut self, ladder: &'static [&'static str], approval: &'static str) -> Self {
        self.ladder = ladder;
        self.approval = approval;
        self
    }
}

/// Where the files of one group of scenarios are gathered.
#[derive(Default)]
pub struct Shelf(pub Vec<Entry>);

impl Shelf {
    /// `count` variations of one scenario.
    pub fn many(&mut self, name: &str, count: u64, make: impl Fn(World, u64) -> (World, Label)) {
        let base: u64 = name.bytes().map(u64::from).sum();
        for number in 0..count {
            let (world, label) = make(World::new(base + number), number);
            self.0.push(world.labelled(&format!("{name}-{number}"), label));
        }
    }
}
