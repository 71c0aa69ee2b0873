//! What a run may touch, what it asks of the engine, and how its execution ends.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::clock::Clock;
use crate::domain::answer::Answer;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::GuardResult;
use crate::domain::facts::Facts;
use crate::domain::ids::{FollowerKey, RemoteAlias, RunId};
use crate::domain::journal::RunOutcome;
use crate::domain::memory::Memory;
use crate::domain::plan::Plan;
use crate::domain::run::Limits;
use crate::domain::step::Step;
use crate::domain::time::{Span, Timestamp};
use crate::domain::verdict::Verdict;
use crate::elastic::client::Client;
use crate::policy::{RunContext, Stage};
use crate::store::Store;

/// What guards are asked about before a step.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The moment.
    pub stage: Stage,
    /// The rung.
    pub remedy: Remedy,
    /// The newest verdict.
    pub verdict: &'a Verdict,
    /// The newest facts, all from this look.
    pub facts: &'a Facts,
    /// Side by side, before the PUT: what stands under the new name.
    pub beside: Option<&'a Facts>,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The plan.
    pub plan: &'a Plan,
    /// The run in hand.
    pub run: &'a RunContext,
    /// When the newest approval that the run rests on was given; `None`: the policy started it.
    pub approved_at: Option<Timestamp>,
}

/// What a run in flight asks of the engine, and tells it. Every method returns at once.
pub trait Gate: Send + Sync + std::fmt::Debug {
    /// Whether the step may be taken now: brakes, windows, lock, abort, shutdown. Asked before
    /// each step that is not backing out or finishing, and at every turn before the PUT.
    ///
    /// # Errors
    /// What forbids it, as a sentence: the run backs out with it as its reason.
    fn may(
        &self,
        key: &FollowerKey,
        remote: &RemoteAlias,
        step: Step,
        remedy: Remedy,
        run: &RunId,
    ) -> Result<(), String>;

    /// Whether mode and rules still let a repair of that cause begin without a person.
    ///
    /// # Errors
    /// What they say now, as a sentence.
    fn automatic(&self, _key: &FollowerKey, _remote: &RemoteAlias, _cause: Cause) -> Result<(), String> {
        Ok(())
    }

    /// Asks again what is older than the point of no return may rest on and is not part of a look
    /// at the clusters (blockers). Awaited just before the guards of the PUT.
    fn freshen(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    /// Whether somebody asked for the run to be aborted. [`Gate::may`] says so too, but not of a run
    /// that only finishes; a copy beside the follower can be given up even then.
    fn aborted(&self, run: &RunId) -> bool {
        let _ = run;
        false
    }

    /// Every guard of that stage, evaluated. An empty list means that none was asked and blocks.
    fn guards(&self, asked: &Asked<'_>) -> Vec<GuardResult>;

    /// What is remembered of the follower.
    fn memory(&self, key: &FollowerKey) -> Memory;

    /// Changes what is remembered of the follower and says what it is then.
    fn remember(&self, key: &FollowerKey, change: &mut dyn FnMut(&mut Memory)) -> Memory;

    /// Answers of changing requests, as evidence for the judge.
    fn learn(&self, answers: &[Answer]);

    /// Tells people what the run is doing. Nothing depends on it.
    fn progress(&self, run: &RunId, key: &FollowerKey, text: &str);
}

/// How a run is carried out.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// Where the undo commands go before the first change.
    pub undo_directory: PathBuf,
    /// How long a follower must be seen well before it is called cured.
    pub settle: Span,
    /// Share of documents by which the two sides may differ, 0 to 1.
    pub document_tolerance: f64,
    /// Between two looks.
    pub look_interval: Span,
    /// After how long without a byte a copy counts as stuck.
    pub stuck_after: Span,
    /// How long backing out may take after a shutdown was asked for.
    pub shutdown_grace: Span,
    /// How often a journal that fails is tried again before the run is left for the next start.
    pub journal_attempts: u32,
    /// Everything else that is waited for.
    pub limits: Limits,
}

impl Default for RunSettings {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            undo_directory: PathBuf::from("undo"),
            settle: limits.settle,
            document_tolerance: 0.001,
            look_interval: limits.look,
            stuck_after: limits.stuck,
            shutdown_grace: Duration::from_secs(25),
            journal_attempts: 5,
            limits,
        }
    }
}

impl RunSettings {
    pub(super) fn limits(&self) -> Limits {
        Limits {
            look: self.look_interval,
            settle: self.settle,
            stuck: self.stuck_after,
            ..self.limits
        }
    }
}

/// What a run may touch.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The follower cluster.
    pub follower: Arc<Client>,
    /// The leader cluster, where one is configured.
    pub leader: Option<Arc<Client>>,
    /// The journal's home.
    pub store: Arc<dyn Store>,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The engine.
    pub gate: Arc<dyn Gate>,
    /// How.
    pub settings: RunSettings,
}

/// How the execution of a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunEnd {
    /// The run is over.
    Closed {
        /// How.
        outcome: RunOutcome,
        /// The last rung tried.
        remedy: Option<Remedy>,
        /// Why, for people.
        reason: String,
        /// What a person must do.
        person_must: Option<String>,
        /// The follower was left paused or closed by us, at this step.
        held: Option<Step>,
    },
    /// The run is unfinished and stays in the journal for the next start.
    LeftOpen {
        /// Why.
        reason: String,
        /// The follower is paused or closed by us: the daemon must not exit 0.
        held: bool,
        /// Only the journal was in the way: it goes on in this process once that can be kept.
        again: bool,
    },
}
