//! What may be done about a verdict: modes, rules, guards, budgets, breaker, approvals.
//!
//! Pure: no I/O, no clock (`now` is an argument), no async. What is not part of one follower's
//! facts comes in as a [`world::World`]; what this module decides goes out as a
//! [`decide::Assessment`], as [`crate::domain::decision::GuardResult`]s and as admissions.
//! It changes nothing and remembers nothing: the caller stores plans, runs and breaker states.

pub mod admit;
pub mod breaker;
pub mod budget;
pub mod consent;
pub mod decide;
pub mod extend;
#[cfg(test)]
mod fixture;
pub mod glob;
pub mod guards;
pub mod plan;
pub mod settings;
pub mod underway;
pub mod windows;
pub mod world;

pub use admit::{Admission, Candidate, admit};
pub use breaker::{BreakerOpen, BreakerState, Tally, breaker};
pub use consent::{
    ConsentError, Voter, consent, expire, may_approve, new_record, reject, to_be_typed, void_reason,
};
pub use decide::{Assessment, Moment, decide, requested_verdict};
pub use extend::{
    Extension, ExtensionPhase, Extensions, LeaderNow, extension_guards, extension_plan, undo_reason,
};
pub use glob::Glob;
pub use guards::{OVERRIDABLE, OVERRIDABLE_BESIDE, Question, RunContext, Stage, WARM_UP, evaluate};
pub use plan::build_plan;
pub use settings::{Action, Mode, Rule, Settings};
pub use underway::{may_continue, still_automatic};
pub use world::{BlockerWord, ClockJump, InFlight, Member, PastRun, World};
