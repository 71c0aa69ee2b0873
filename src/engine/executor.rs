//! Carries out one run: look, ask `domain::run::next`, journal the intent, send one request,
//! journal the answer, look again.
//!
//! Owns the order of these things and nothing else: what to do is decided in `domain::run`, what
//! a look means in `elastic::wire` and `judge`, whether a step may be taken by the [`Gate`]. No
//! request that changes a cluster leaves without a durable intent before it (safety 5), and a
//! journal that cannot be written means that nothing is sent (safety 6). A run continued after a
//! crash starts here as any other does, with a look.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::domain::facts::Facts;
use crate::domain::ids::{FollowerKey, RunId};
use crate::domain::journal::{Entry, Event, StepAnswer, Trigger};
use crate::domain::plan::Plan;
use crate::domain::run::{IllegalEvent, Run};
use crate::domain::time::Timestamp;
use crate::engine::executor::life::Life;
use crate::store::StoreError;

mod bench;
mod life;

pub use crate::engine::opening::{Refused, open};
pub use bench::{Asked, Bench, Gate, RunEnd, RunSettings};

/// Why the loop stopped without an end.
#[derive(Debug)]
enum Stop {
    Journal(StoreError),
    Illegal(IllegalEvent),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Journal(error)
    }
}

impl From<IllegalEvent> for Stop {
    fn from(error: IllegalEvent) -> Self {
        Self::Illegal(error)
    }
}

/// Carries a run to its end, from wherever its journal says it stands.
///
/// A journal that fails is read again and the run is taken up anew a few times; then it is left
/// for whoever asks again, or for the next start. Cancelling asks it to back out, or after the PUT to leave the rest to the
/// next start, within `shutdown_grace`.
pub async fn execute(bench: &Bench, run: RunId, cancel: CancellationToken) -> RunEnd {
    Box::pin(carry_on(bench, run, cancel, &mut None)).await
}

/// The same, by a process that may have heard an answer which it could not write: what it heard is
/// written first, once the journal can be kept again.
pub async fn carry_on(
    bench: &Bench,
    run: RunId,
    cancel: CancellationToken,
    unwritten: &mut Option<Entry>,
) -> RunEnd {
    let mut attempt = 0;
    let mut held = false;
    loop {
        let why = match one_life(bench, &run, &cancel, &mut held, unwritten).await {
            Ok(end) => return end,
            Err(Stop::Illegal(error)) => {
                // Nothing is sent on a journal that does not make sense.
                tracing::error!(run = %run, "{error}; a person must look at `{run}` and the undo file");
                return RunEnd::LeftOpen {
                    reason: error.to_string(),
                    held: true,
                    again: false,
                };
            }
            Err(Stop::Journal(error)) => error.to_string(),
        };
        attempt += 1;
        tracing::error!(run = %run, attempt, "nothing is sent while the journal cannot be kept: {why}");
        if attempt >= bench.settings.journal_attempts || cancel.is_cancelled() {
            return RunEnd::LeftOpen {
                reason: format!("the journal cannot be kept: {why}"),
                held,
                again: true,
            };
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(Duration::from_secs(1 << attempt.min(5))) => {}
        }
    }
}

async fn one_life(
    bench: &Bench,
    id: &RunId,
    cancel: &CancellationToken,
    held: &mut bool,
    unwritten: &mut Option<Entry>,
) -> Result<RunEnd, Stop> {
    let entries = bench.store.journal(id).await?;
    let Some(run) = Run::replay(&entries)? else {
        return Ok(RunEnd::LeftOpen {
            reason: format!("there is no journal of run `{id}`"),
            held: false,
            again: false,
        });
    };
    if let Some(end) = ended(&run) {
        return Ok(end);
    }
    *held = run.held().is_some();
    let continued = run.last_seq() > 1;
    let mut life = Life::new(bench, run, cancel);
    if continued {
        if let Some(known) = known_of(unwritten.as_ref(), &entries) {
            life.write(known).await?;
        } else if let Some(Event::Intent { step, request, .. }) = entries.last().map(|entry| &entry.event) {
            // The process died between a request and its answer, or before it could log both.
            let answer = StepAnswer::Unknown {
                why: "the daemon ended before an answer was noted".to_owned(),
            };
            life.audit_unanswered(*step, request, &answer).await;
        }
        let found = format!("continued in phase {:?}; looking first", life.run.phase());
        life.write(Event::Continued { found }).await?;
    }
    life.tell_memory().await;
    let end = life.live().await;
    *held = life.run.held().is_some();
    if let Some(entry) = life.unwritten.take() {
        *unwritten = Some(entry);
    }
    end
}

/// What this process knows of the last request and could not write: its answer; or that it was
/// never sent, because the intent's own writing seemed to fail.
fn known_of(unwritten: Option<&Entry>, entries: &[Entry]) -> Option<Event> {
    let (unwritten, last) = (unwritten?, entries.last()?);
    match &unwritten.event {
        Event::Answered { .. } if unwritten.seq == last.seq + 1 => Some(unwritten.event.clone()),
        Event::Intent { step, .. } if unwritten == last => Some(Event::Answered {
            step: *step,
            answer: StepAnswer::NotSent {
                why: "whether its intent was written was not known".to_owned(),
            },
        }),
        _ => None,
    }
}

fn ended(run: &Run) -> Option<RunEnd> {
    run.end().map(|end| RunEnd::Closed {
        outcome: end.outcome,
        remedy: end.remedy,
        reason: end.reason.clone(),
        person_must: end.person_must.clone(),
        held: end.held,
    })
}

/// Facts as they are before anything was asked: the names that the plan gives.
pub(super) fn facts_of(plan: &Plan, key: FollowerKey, now: Timestamp) -> Facts {
    let mut facts = Facts::nothing(key, now);
    facts.remote = Some(plan.basis.remote.clone());
    facts.leader_index = Some(plan.basis.leader.clone());
    facts.leader_cluster.clone_from(&plan.basis.leader_cluster);
    facts.asked_snapshot.clone_from(&plan.basis.snapshot);
    facts
}

/// When the newest approval that a run rests on was given. One whose record is gone counts from
/// `otherwise`: the trigger itself says that people agreed.
pub(super) async fn approved_at(
    bench: &Bench,
    plan: &Plan,
    trigger: &Trigger,
    otherwise: Timestamp,
) -> Result<Option<Timestamp>, StoreError> {
    if !matches!(trigger, Trigger::Approved { .. }) {
        return Ok(None);
    }
    let record = bench.store.plan(&plan.hash).await?;
    let newest = record.and_then(|record| record.consents.iter().map(|consent| consent.at).max());
    Ok(Some(newest.unwrap_or(otherwise)))
}
