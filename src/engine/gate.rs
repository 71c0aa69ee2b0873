//! What a run in flight asks of the engine: brakes, windows, abort, guards, memory.

use std::sync::Arc;

use futures::future::BoxFuture;

use crate::domain::answer::Answer;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::GuardResult;
use crate::domain::ids::{FollowerKey, RemoteAlias, RunId};
use crate::domain::memory::Memory;
use crate::domain::step::Step;
use crate::engine::Engine;
use crate::engine::book::Effect;
use crate::engine::events::EventKind;
use crate::engine::executor::{Asked, Gate};
use crate::engine::runs::FRESH_WORD;
use crate::policy::{self, Question};

/// The engine as a run sees it.
#[derive(Debug)]
pub(crate) struct EngineGate(pub(crate) Arc<Engine>);

impl Gate for EngineGate {
    fn may(
        &self,
        key: &FollowerKey,
        remote: &RemoteAlias,
        step: Step,
        remedy: Remedy,
        run: &RunId,
    ) -> Result<(), String> {
        if !step.backs_out() && !step.finishes() && self.0.is_aborted(run) {
            return Err("somebody asked for the run to be aborted".to_owned());
        }
        let book = self.0.lock();
        let now = self.0.now();
        if book.draining && !step.backs_out() && !step.finishes() {
            return Err("the daemon is shutting down".to_owned());
        }
        policy::may_continue(
            key,
            remote,
            step,
            remedy,
            &book.world(key, now),
            &book.settings.policy,
        )
    }

    fn automatic(&self, key: &FollowerKey, remote: &RemoteAlias, cause: Cause) -> Result<(), String> {
        policy::still_automatic(key, remote, cause, &self.0.lock().settings.policy)
    }

    fn freshen(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.0.ask_blockers(FRESH_WORD))
    }

    fn aborted(&self, run: &RunId) -> bool {
        self.0.is_aborted(run)
    }

    fn guards(&self, asked: &Asked<'_>) -> Vec<GuardResult> {
        let book = self.0.lock();
        let now = self.0.now();
        let world = book.world(&asked.facts.key, now);
        // A person may have asked for a recreate that the verdict's own ladder does not hold.
        let requested = asked.plan.basis.ladder == [Remedy::Recreate];
        let wanted = requested.then(|| policy::requested_verdict(asked.verdict, asked.plan));
        let wishes = asked.plan.basis.wishes();
        let guards = policy::evaluate(&Question {
            stage: asked.stage,
            remedy: asked.remedy,
            verdict: wanted.as_ref().unwrap_or(asked.verdict),
            facts: asked.facts,
            beside: asked.beside,
            memory: asked.memory,
            world: &world,
            settings: &book.settings.policy,
            wishes: &wishes,
            run: Some(asked.run),
            approved_at: asked.approved_at,
        });
        for guard in guards.iter().filter(|guard| !guard.passes()) {
            self.0.metrics.guard_blocked(&guard.name);
        }
        guards
    }

    fn memory(&self, key: &FollowerKey) -> Memory {
        self.0
            .lock()
            .followers
            .get(key)
            .map(|entry| entry.memory.clone())
            .unwrap_or_default()
    }

    fn remember(&self, key: &FollowerKey, change: &mut dyn FnMut(&mut Memory)) -> Memory {
        let mut book = self.0.lock();
        let Some(entry) = book.followers.get_mut(key) else {
            return Memory::default();
        };
        change(&mut entry.memory);
        let memory = entry.memory.clone();
        drop(book);
        // What a run did to a follower must be known after a restart too; the journal holds the
        // same, so a store that fails here loses nothing.
        let (engine, stored) = (Arc::clone(&self.0), vec![(key.clone(), memory.clone())]);
        self.0
            .tasks
            .spawn(format!("remember {key}"), move |_cancel| async move {
                engine.perform(vec![Effect::Remember(stored)]).await;
            });
        memory
    }

    fn learn(&self, answers: &[Answer]) {
        let now = self.0.now();
        self.0.lock().learn(answers, now);
    }

    fn progress(&self, run: &RunId, key: &FollowerKey, text: &str) {
        let now = self.0.now();
        self.0.lock().story.tell(
            now,
            EventKind::Done,
            Some(key),
            format!("run {} on `{key}`: {text}", short(run)),
        );
    }
}

/// The last digits of a run's id: the first are the time and look alike.
fn short(run: &RunId) -> &str {
    let text = run.as_str();
    text.len()
        .checked_sub(8)
        .and_then(|from| text.get(from..))
        .unwrap_or(text)
}
