//! The guards: one check each that must hold before a remedy may start.
//!
//! Each guard is a small function with a stable `snake_case` name (also a metric label), in a file
//! by subject. It reads facts, memory, the world and the settings, never anything else, and says
//! `pass`, `block` or `unknown` with the numbers it saw. A fact that is not known makes it
//! `unknown`, never `pass` (safety 10).

use crate::domain::cause::Remedy;
use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::facts::{Facts, IndexStats};
use crate::domain::ids::{IndexUuid, RunId};
use crate::domain::memory::Memory;
use crate::domain::plan::{PlanBasis, Wishes};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::policy::settings::Settings;
use crate::policy::world::World;

/// The guard that holds a daemon which has just started; the one that runs wait for.
pub const WARM_UP: &str = "warm_up";

mod beside;
mod cluster;
mod copies;
mod identity;
mod limits;
mod others;
mod read;
mod shape;
mod standing;
mod table;

pub use cluster::MANY_PENDING;

#[cfg(test)]
mod tests;

/// The moment for which guards are asked. Each stands for the requests named with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Listing and deciding: nothing was begun. The follower is as the verdict says.
    Plan,
    /// Under the lock, after looking again, before anything is sent (step `look_again`).
    BeforeRun,
    /// Before `pause_follow` of the rung in hand.
    BeforePause,
    /// Before the `resume_follow` of the mild rung; the follower is paused.
    BeforeResume,
    /// Before `_close`; the follower is paused and open.
    BeforeClose,
    /// Before `forget_follower`; the follower is closed.
    BeforeForget,
    /// Before the PUT: the point of no return; the follower is closed and the lease absent.
    BeforeFollow,
    /// Before the lease of an index whose restore failed is removed and before that index is
    /// deleted; the follower is open and red.
    BeforeDelete,
    /// Before the PUT under the name that our delete made free.
    BeforeFollowNew,
    /// Before the PUT under a free name beside the follower; the follower is as it was.
    BeforeFollowBeside,
    /// Before the `resume_follow` that finishes a restore of ours.
    BeforeResumeRestored,
}

impl Stage {
    /// Whether the follower is expected to be closed by us.
    pub const fn closed(self) -> bool {
        matches!(self, Self::BeforeForget | Self::BeforeFollow)
    }

    /// Whether answers must be younger than ten seconds (safety 2).
    pub const fn needs_fresh_answers(self) -> bool {
        self.closed()
            || matches!(
                self,
                Self::BeforeDelete | Self::BeforeFollowNew | Self::BeforeFollowBeside
            )
    }
}

/// What the run in hand knows, for every stage after [`Stage::Plan`].
#[derive(Debug, Clone)]
pub struct RunContext {
    /// The run; its own entry in `World::in_flight` is not counted against it.
    pub run: RunId,
    /// What its plan was decided from: identities are pinned to it.
    pub basis: PlanBasis,
    /// When the server accepted a `resume_follow` of this run (it checks UUID and histories).
    pub resume_accepted_at: Option<Timestamp>,
    /// After that resume the follower was seen fatal again for the plan's cause.
    pub fatal_again: bool,
    /// The follower's own `_stats?level=shards` taken just before the pause: a closed index shows none.
    pub follower_before: Option<IndexStats>,
    /// We paused the follower in this run and have not resumed it since.
    pub paused_by_us: bool,
    /// We closed it in this run and have not opened it since.
    pub closed_by_us: bool,
    /// We unfollowed it in this run: it carries no CCR metadata until the PUT.
    pub unfollowed_by_us: bool,
    /// UUID of the new index that `delete_and_follow` made in this run.
    pub born: Option<IndexUuid>,
}

/// Everything that guards are asked about.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The moment.
    pub stage: Stage,
    /// The rung.
    pub remedy: Remedy,
    /// The newest verdict.
    pub verdict: &'a Verdict,
    /// The newest facts; their `now` is when they were put together.
    pub facts: &'a Facts,
    /// Side by side, once a run is in hand and until its PUT: what stands under the new name.
    pub beside: Option<&'a Facts>,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The rest.
    pub world: &'a World,
    /// The settings.
    pub settings: &'a Settings,
    /// What a person asked for beside the remedy: overrides, a snapshot, another way with the lease.
    pub wishes: &'a Wishes,
    /// The run in hand; `None` only at [`Stage::Plan`].
    pub run: Option<&'a RunContext>,
    /// When the newest approval that it rests on was given; `None`: nobody has approved it.
    pub approved_at: Option<Timestamp>,
}

impl Question<'_> {
    /// Whether people have agreed to it.
    pub const fn approved(&self) -> bool {
        self.approved_at.is_some()
    }
}

/// Evaluates every guard that applies to the remedy at this stage, in a stable order. All must
/// pass for the stage's request to be sent. For remedies that refollow does not perform the list
/// holds one guard that blocks.
pub fn evaluate(question: &Question<'_>) -> Vec<GuardResult> {
    if matches!(question.remedy, Remedy::Wait | Remedy::Human) {
        return vec![GuardResult::block(
            "remedy_built",
            format!("refollow does not perform `{}`", question.remedy),
        )];
    }
    table::GUARDS
        .iter()
        .filter(|guard| (guard.applies)(question))
        .map(|guard| overridden(question, read::named(guard.name, (guard.check)(question))))
        .collect()
}

/// Guards of the last good copy that a person may override by name (safety 4), each only together
/// with a finished snapshot of the follower (contract). A leader that is missing, closed, red or
/// not looked at is none of them: there would be nothing to copy.
pub const OVERRIDABLE: &[&str] = &[
    "documents_not_fewer",
    "sequence_numbers_not_lower",
    "not_below_remembered",
];

/// The guard of side by side that a person may override by name: it holds how searches count, not data.
pub const OVERRIDABLE_BESIDE: &str = beside::ALIAS_COUNTS_ONCE;

/// A block that a person has overridden passes, with what it said. What is unknown stays unknown:
/// nobody can know what they would override.
fn overridden(question: &Question<'_>, result: GuardResult) -> GuardResult {
    if result.verdict != GuardVerdict::Block || !OVERRIDABLE.contains(&result.name.as_str()) {
        return result;
    }
    let wish = question
        .wishes
        .overrides
        .iter()
        .find(|wish| wish.fact == result.name && wish.index == question.facts.key.index);
    match wish {
        Some(wish) if question.wishes.beside.is_some() => GuardResult::pass(
            &result.name,
            format!(
                "overridden by {} for `{}`, whose copy stays as it is: {}",
                wish.person, wish.index, result.inputs
            ),
        ),
        // Without the snapshot the guard that asks for it blocks as well.
        Some(wish) if question.wishes.snapshot.is_some() => GuardResult::pass(
            &result.name,
            format!(
                "overridden by {} for `{}`, a snapshot stands for the copy: {}",
                wish.person, wish.index, result.inputs
            ),
        ),
        _ => result,
    }
}

/// The names of all guards, in the order of evaluation.
pub fn names() -> impl Iterator<Item = &'static str> {
    table::GUARDS.iter().map(|guard| guard.name)
}
