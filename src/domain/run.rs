//! One run: how it changes (`apply`), and what it should do next (`next`).
//!
//! A run is a level-triggered loop (ADR 0004): look at both clusters, ask [`next`] what to do,
//! journal the intent, send one request, journal the answer, look again. What a run *is* comes
//! only from its journal, through [`Run::apply`], which the executor, the recovery after a crash
//! and the pages that show a run share; every phase has its own arm there, and what it does not
//! name is an [`IllegalEvent`]. What a run *does* comes only from [`next`], which is pure and
//! total. An intent without an answer means "outcome unknown": the next look decides.
//!
//! Owns no request, no clock and no store.

use std::collections::BTreeMap;

use crate::domain::cause::{Cause, Remedy};
use crate::domain::ids::{IndexUuid, RunId};
use crate::domain::journal::{Before, Entry, Event, RunOutcome, StepAnswer, Trigger};
use crate::domain::memory::OwnRun;
use crate::domain::plan::{LeaseWay, Plan};
use crate::domain::step::Step;
use crate::domain::time::Timestamp;

mod back;
mod beside;
mod climb;
mod finish;
mod next;
mod position;
mod prove;
mod replace;
#[cfg(test)]
mod tests;

pub use next::{Limits, Next, next};
pub use position::{Documents, IndexState, Position, Proof, Restore, Since};

/// Where a run stands between its first and its last entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opened; nothing was sent.
    Opened,
    /// On the mild rung: pause, resume, prove.
    Resuming,
    /// On the destructive rung, before the PUT has been seen to take effect.
    Recreating,
    /// `delete_and_follow`: up to the moment its follow is seen to have made a new index. From the
    /// delete on, only forward.
    Replacing,
    /// Side by side: up to the moment its follow is seen to have made a new index. No request of
    /// this phase names the follower.
    Beside,
    /// The PUT took effect: only forward. Of a copy beside the follower, a way back is left: the
    /// copy can be given up.
    Finishing,
    /// Putting the follower back as it was.
    BackingOut,
    /// Over.
    Closed,
}

/// The requests of one step since the present rung began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// How many intents.
    pub count: u32,
    /// How many of them may have reached the cluster (all but those surely not sent).
    pub reached: u32,
    /// How many were refused in Elasticsearch's own words.
    pub refused: u32,
    /// When the first intent was written.
    pub first_at: Timestamp,
    /// When the last intent was written.
    pub last_at: Timestamp,
    /// When the last answer, or its absence, was written.
    pub answered_at: Option<Timestamp>,
    /// The last answer.
    pub answer: Option<StepAnswer>,
}

impl Sent {
    /// The last moment that a look must be younger than to say something about the last request.
    pub fn settled_at(&self) -> Timestamp {
        self.answered_at.unwrap_or(self.last_at)
    }

    /// The last answer was a refusal that repeating would only repeat: 4xx, or the one 5xx that
    /// is a refusal (`snapshot_restore_exception`, measured 09 and 20). 429 and other 5xx pass.
    pub fn refusal(&self) -> Option<String> {
        match &self.answer {
            Some(StepAnswer::Refused { status, kind, reason }) => {
                let definite =
                    ((400..500).contains(status) && *status != 429) || kind == "snapshot_restore_exception";
                definite.then(|| format!("{status} {kind}: {reason}"))
            }
            Some(StepAnswer::Accepted { .. } | StepAnswer::Unknown { .. } | StepAnswer::NotSent { .. })
            | None => None,
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// How.
    pub outcome: RunOutcome,
    /// The last rung tried.
    pub remedy: Option<Remedy>,
    /// Why, for people.
    pub reason: String,
    /// What a person must do.
    pub person_must: Option<String>,
    /// The follower was left paused or closed by us.
    pub held: Option<Step>,
    /// When.
    pub at: Timestamp,
}

/// One step as the list of runs shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRecord {
    /// The step.
    pub step: Step,
    /// `sent`, `accepted`, `refused`, `unknown`, `not_sent`, `running` or `proven`.
    pub state: &'static str,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was proven or given up.
    pub ended_at: Option<Timestamp>,
}

/// An entry that cannot follow what was written before: a damaged journal or a bug, never
/// something to act upon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {seq} of run `{run}` ({event}) cannot follow: {why}")]
pub struct IllegalEvent {
    /// The run.
    pub run: RunId,
    /// Position of the entry.
    pub seq: u64,
    /// Name of the event.
    pub event: &'static str,
    /// What is wrong.
    pub why: String,
}

/// Everything that the journal says of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    id: RunId,
    plan: Box<Plan>,
    trigger: Trigger,
    before: Box<Before>,
    attempt: u32,
    opened_at: Timestamp,
    phase: Phase,
    rung: Option<Remedy>,
    /// When the present phase began.
    phase_at: Timestamp,
    /// Requests since the present rung began.
    sent: BTreeMap<Step, Sent>,
    /// Steps proven since the present rung began.
    proven: BTreeMap<Step, Timestamp>,
    /// The intent that has no answer.
    pending: Option<Step>,
    /// A request of this run may have reached a cluster.
    touched: bool,
    /// `primary_terms` just before the first PUT.
    terms_before_put: Option<BTreeMap<u32, i64>>,
    /// The server accepted a resume of this run: it checks UUID and histories.
    resume_accepted_at: Option<Timestamp>,
    /// Resumed, and fatal again for the plan's cause.
    fatal_again: bool,
    /// A PUT of this run was seen to take effect, on whichever rung.
    replaced: bool,
    /// UUID of the new index that `delete_and_follow` or side by side made.
    born: Option<IndexUuid>,
    backing_out: Option<String>,
    end: Option<End>,
    steps: Vec<StepRecord>,
    last_seq: u64,
    last_at: Timestamp,
}

impl Run {
    /// The run as its first entry tells it.
    ///
    /// # Errors
    /// When the entry is not `Opened` with position 1.
    pub fn open(entry: &Entry) -> Result<Self, IllegalEvent> {
        let illegal = |why: &str| IllegalEvent {
            run: entry.run.clone(),
            seq: entry.seq,
            event: name_of(&entry.event),
            why: why.to_owned(),
        };
        if entry.seq != 1 {
            return Err(illegal("a run's first entry has position 1"));
        }
        let Event::Opened {
            plan,
            trigger,
            before,
            attempt,
        } = &entry.event
        else {
            return Err(illegal("a run's first entry opens it"));
        };
        Ok(Self {
            id: entry.run.clone(),
            plan: plan.clone(),
            trigger: trigger.clone(),
            before: before.clone(),
            attempt: *attempt,
            opened_at: entry.at,
            phase: Phase::Opened,
            rung: None,
            phase_at: entry.at,
            sent: BTreeMap::new(),
            proven: BTreeMap::new(),
            pending: None,
            touched: false,
            terms_before_put: None,
            resume_accepted_at: None,
            fatal_again: false,
            replaced: false,
            born: None,
            backing_out: None,
            end: None,
            steps: Vec::new(),
            last_seq: 1,
            last_at: entry.at,
        })
    }

    /// The run as its whole journal tells it; `None` for an empty journal.
    ///
    /// # Errors
    /// At the first entry that cannot follow those before.
    pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Option<Self>, IllegalEvent> {
        let mut entries = entries.into_iter();
        let Some(first) = entries.next() else {
            return Ok(None);
        };
        let mut run = Self::open(first)?;
        for entry in entries {
            run.apply(entry)?;
        }
        Ok(Some(run))
    }

    /// Takes in the next entry. On an error the run is as it was.
    ///
    /// # Errors
    /// When the entry is of another run, leaves a gap, or does not fit the phase.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), IllegalEvent> {
        let illegal = |why: String| IllegalEvent {
            run: entry.run.clone(),
            seq: entry.seq,
            event: name_of(&entry.event),
            why,
        };
        if entry.run != self.id {
            return Err(illegal(format!("it belongs to another run than `{}`", self.id)));
        }
        if entry.seq != self.last_seq + 1 {
            return Err(illegal(format!(
                "the entry before has position {}",
                self.last_seq
            )));
        }
        self.check(&entry.event).map_err(illegal)?;
        self.take(&entry.event, entry.at);
        self.last_seq = entry.seq;
        self.last_at = entry.at;
        Ok(())
    }

    /// Whether the event may follow. Each phase has its own arm.
    fn check(&self, event: &Event) -> Result<(), String> {
        match event {
            Event::Opened { .. } => return Err("the run is open already".to_owned()),
            Event::Answered { step, .. } => {
                return if self.pending == Some(*step) {
                    Ok(())
                } else {
                    Err(format!("no intent of `{step}` waits for an answer"))
                };
            }
            Event::Intent { step, .. } if self.pending.is_some() => {
                return Err(format!("`{step}` while another request has no answer"));
            }
            Event::Closed { .. } if self.pending.is_some() => {
                return Err("closed while a request has no answer".to_owned());
            }
            Event::Rung { remedy } if !self.plan.basis.ladder.contains(remedy) => {
                return Err(format!("`{remedy}` is not in the plan's ladder"));
            }
            Event::Intent { .. }
            | Event::Closed { .. }
            | Event::Rung { .. }
            | Event::Proven { .. }
            | Event::Born { .. }
            | Event::Progress { .. }
            | Event::BackingOut { .. }
            | Event::Continued { .. } => {}
        }
        let fits = match self.phase {
            Phase::Opened => match event {
                Event::Rung { remedy } => {
                    matches!(
                        remedy,
                        Remedy::Resume | Remedy::Recreate | Remedy::DeleteAndFollow
                    )
                }
                Event::Progress { .. }
                | Event::Continued { .. }
                | Event::BackingOut { .. }
                | Event::Closed { .. } => true,
                _ => false,
            },
            Phase::Resuming => match event {
                Event::Rung { remedy } => *remedy == Remedy::Recreate,
                Event::Intent { step, .. } => match step {
                    Step::Pause | Step::Resume => true,
                    // A copy of an earlier run, resumed: its own settings are still to be put back.
                    Step::RestoreSettings => self.is_proven(Step::Resume),
                    _ => false,
                },
                Event::Proven { step, .. } => matches!(
                    step,
                    Step::Pause | Step::Resume | Step::ProveResume | Step::RestoreSettings | Step::Verify
                ),
                Event::Progress { .. }
                | Event::Continued { .. }
                | Event::BackingOut { .. }
                | Event::Closed { .. } => true,
                _ => false,
            },
            Phase::Recreating => match event {
                Event::Intent { step, .. } => match step {
                    Step::Pause | Step::Close | Step::Forget => true,
                    // Only where a person chose it, and only over a closed index.
                    Step::Unfollow => {
                        self.plan.basis.lease == LeaseWay::Unfollow
                            && self.is_proven(Step::Close)
                            && self.reached(Step::Follow) == 0
                    }
                    // The one request that destroys: never a third, and never with the lease or
                    // the closing unproven, whatever decided it.
                    Step::Follow => {
                        self.reached(Step::Follow) < 2
                            && self.is_proven(Step::Close)
                            && self.is_proven(Step::Forget)
                    }
                    _ => false,
                },
                Event::Proven { step, .. } => match step {
                    Step::Pause | Step::Close | Step::Forget => true,
                    Step::Unfollow => self.reached(Step::Unfollow) > 0,
                    Step::Follow => self.reached(Step::Follow) > 0,
                    _ => false,
                },
                Event::Progress { .. }
                | Event::Continued { .. }
                | Event::BackingOut { .. }
                | Event::Closed { .. } => true,
                _ => false,
            },
            Phase::Replacing => self.replacing_takes(event),
            Phase::Beside => self.beside_takes(event),
            Phase::BackingOut if self.is_beside() => self.dropping_takes(event),
            Phase::Finishing => match event {
                Event::BackingOut { .. } => self.is_beside() && !self.is_proven(Step::Verify),
                Event::Closed { outcome, .. } if self.is_beside() => *outcome != RunOutcome::Refused,
                // The copy of the rung before failed: its data is gone, nothing more can be lost.
                Event::Rung { remedy } => {
                    *remedy == Remedy::DeleteAndFollow
                        && self.rung == Some(Remedy::Recreate)
                        && !self.is_proven(Step::WatchRecovery)
                }
                Event::Intent { step, .. } => matches!(step, Step::ResumeRestored | Step::RestoreSettings),
                Event::Proven { step, .. } => step.finishes(),
                Event::Closed { outcome, .. } => {
                    !matches!(outcome, RunOutcome::BackedOut | RunOutcome::Refused)
                }
                Event::Progress { .. } | Event::Continued { .. } => true,
                _ => false,
            },
            Phase::BackingOut => match event {
                Event::Intent { step, .. } => step.backs_out(),
                Event::Proven { step, .. } => {
                    step.backs_out() || (*step == Step::Follow && self.reached(Step::Follow) > 0)
                }
                Event::Progress { .. } | Event::Continued { .. } | Event::Closed { .. } => true,
                _ => false,
            },
            Phase::Closed => false,
        };
        if fits {
            Ok(())
        } else {
            Err(format!("it does not fit the phase {:?}", self.phase))
        }
    }

    /// What may follow while a copy is made beside the follower: the one request, and nothing that
    /// could reach the follower.
    fn beside_takes(&self, event: &Event) -> bool {
        let followed = self.reached(Step::FollowBeside) > 0;
        match event {
            Event::Intent { step, .. } => {
                *step == Step::FollowBeside && self.reached(Step::FollowBeside) < 2 && self.born.is_none()
            }
            Event::Proven { step, .. } => *step == Step::FollowBeside && followed && self.born.is_some(),
            Event::Born { .. } => followed && self.born.is_none(),
            Event::BackingOut { .. }
            | Event::Closed { .. }
            | Event::Progress { .. }
            | Event::Continued { .. } => true,
            Event::Opened { .. } | Event::Rung { .. } | Event::Answered { .. } => false,
        }
    }

    /// What may follow while a copy beside the follower is given up. Nothing is ever deleted whose
    /// UUID the journal does not hold.
    fn dropping_takes(&self, event: &Event) -> bool {
        match event {
            Event::Intent { step, .. } => *step == Step::DropBeside && self.born.is_some(),
            Event::Proven { step, .. } => *step == Step::DropBeside && self.reached(Step::DropBeside) > 0,
            Event::Born { .. } => self.reached(Step::FollowBeside) > 0 && self.born.is_none(),
            Event::Progress { .. } | Event::Continued { .. } | Event::Closed { .. } => true,
            _ => false,
        }
    }

    /// What may follow while an index is deleted and followed anew.
    fn replacing_takes(&self, event: &Event) -> bool {
        let deleted = self.reached(Step::Delete) > 0;
        let followed = self.reached(Step::FollowNew) > 0;
        match event {
            Event::Intent { step, .. } => match step {
                Step::ForgetOrphan => !deleted,
                // Never once the new follow may have reached the cluster: what stands under the
                // name then may be the new index.
                Step::Delete => self.is_proven(Step::ForgetOrphan) && !followed,
                Step::FollowNew => self.is_proven(Step::Delete) && self.reached(Step::FollowNew) < 3,
                _ => false,
            },
            Event::Proven { step, .. } => match step {
                Step::ForgetOrphan => true,
                Step::Delete => deleted,
                Step::FollowNew => followed && self.born.is_some(),
                _ => false,
            },
            Event::Born { .. } => followed && self.born.is_none(),
            Event::BackingOut { .. } => !deleted,
            Event::Closed { outcome, .. } => {
                !deleted || !matches!(outcome, RunOutcome::BackedOut | RunOutcome::Refused)
            }
            Event::Progress { .. } | Event::Continued { .. } => true,
            Event::Opened { .. } | Event::Rung { .. } | Event::Answered { .. } => false,
        }
    }

    /// Changes the state; `check` has let it pass.
    fn take(&mut self, event: &Event, at: Timestamp) {
        match event {
            Event::Opened { .. } => {}
            Event::Rung { remedy } => {
                self.fatal_again |= self.phase == Phase::Resuming;
                self.rung = Some(*remedy);
                let phase = match remedy {
                    Remedy::DeleteAndFollow => Phase::Replacing,
                    Remedy::Recreate if self.is_beside() => Phase::Beside,
                    Remedy::Recreate => Phase::Recreating,
                    Remedy::Resume | Remedy::Wait | Remedy::Human => Phase::Resuming,
                };
                self.enter(phase, at);
                self.sent.clear();
                self.proven.clear();
            }
            Event::Intent {
                step, primary_terms, ..
            } => {
                let sent = self.sent.entry(*step).or_insert(Sent {
                    count: 0,
                    reached: 0,
                    refused: 0,
                    first_at: at,
                    last_at: at,
                    answered_at: None,
                    answer: None,
                });
                sent.count += 1;
                // Until an answer says otherwise it may have reached the cluster.
                sent.reached += 1;
                sent.last_at = at;
                sent.answered_at = None;
                sent.answer = None;
                self.pending = Some(*step);
                self.touched = true;
                if *step == Step::Follow && self.terms_before_put.is_none() {
                    self.terms_before_put = Some(primary_terms.clone());
                }
                // A step sent again must be proven again.
                self.proven.remove(step);
                self.steps.push(StepRecord {
                    step: *step,
                    state: "sent",
                    started_at: at,
                    ended_at: None,
                });
            }
            Event::Answered { step, answer } => self.answered(*step, answer.clone(), at),
            Event::Continued { .. } => {
                if let Some(step) = self.pending {
                    let why = "the daemon stopped before an answer was there".to_owned();
                    self.answered(step, StepAnswer::Unknown { why }, at);
                }
            }
            Event::Proven { step, .. } => self.proved(*step, at),
            Event::Born { follower_uuid } => self.born = Some(follower_uuid.clone()),
            Event::Progress { step, .. } => {
                let open = self
                    .steps
                    .iter()
                    .any(|record| record.step == *step && record.ended_at.is_none());
                if !open {
                    self.steps.push(StepRecord {
                        step: *step,
                        state: "running",
                        started_at: at,
                        ended_at: None,
                    });
                }
            }
            Event::BackingOut { reason } => {
                self.backing_out = Some(reason.clone());
                self.enter(Phase::BackingOut, at);
            }
            Event::Closed {
                outcome,
                remedy,
                reason,
                person_must,
                held,
            } => {
                self.end = Some(End {
                    outcome: *outcome,
                    remedy: *remedy,
                    reason: reason.clone(),
                    person_must: person_must.clone(),
                    held: *held,
                    at,
                });
                for record in &mut self.steps {
                    record.ended_at.get_or_insert(at);
                }
                self.enter(Phase::Closed, at);
            }
        }
    }

    fn proved(&mut self, step: Step, at: Timestamp) {
        self.proven.insert(step, at);
        if step == Step::Resume && self.resume_accepted_at.is_none() {
            // Its answer was lost, and it follows: the server took it, which it does only
            // after checking UUID and histories.
            self.resume_accepted_at = self.sent.get(&step).map(|sent| sent.last_at);
        }
        match self
            .steps
            .iter_mut()
            .rev()
            .find(|record| record.step == step && record.ended_at.is_none())
        {
            Some(record) => {
                record.state = "proven";
                record.ended_at = Some(at);
            }
            None => self.steps.push(StepRecord {
                step,
                state: "proven",
                started_at: at,
                ended_at: Some(at),
            }),
        }
        if matches!(step, Step::Follow | Step::FollowNew) {
            self.replaced = true;
            self.enter(Phase::Finishing, at);
        }
        if step == Step::FollowBeside {
            // What the follower had is still there.
            self.enter(Phase::Finishing, at);
        }
    }

    fn enter(&mut self, phase: Phase, at: Timestamp) {
        self.phase = phase;
        self.phase_at = at;
    }

    fn answered(&mut self, step: Step, answer: StepAnswer, at: Timestamp) {
        self.pending = None;
        let state = match &answer {
            StepAnswer::Accepted { .. } => "accepted",
            StepAnswer::Refused { .. } => "refused",
            StepAnswer::Unknown { .. } => "unknown",
            StepAnswer::NotSent { .. } => "not_sent",
        };
        if let Some(record) = self
            .steps
            .iter_mut()
            .rev()
            .find(|record| record.step == step && record.ended_at.is_none())
        {
            record.state = state;
            if matches!(answer, StepAnswer::NotSent { .. } | StepAnswer::Refused { .. }) {
                record.ended_at = Some(at);
            }
        }
        if matches!(step, Step::Resume | Step::ResumeRestored)
            && matches!(answer, StepAnswer::Accepted { .. })
        {
            self.resume_accepted_at = Some(at);
        }
        if let Some(sent) = self.sent.get_mut(&step) {
            match &answer {
                StepAnswer::NotSent { .. } => sent.reached = sent.reached.saturating_sub(1),
                StepAnswer::Refused { .. } => sent.refused += 1,
                StepAnswer::Accepted { .. } | StepAnswer::Unknown { .. } => {}
            }
            sent.answered_at = Some(at);
            sent.answer = Some(answer);
        }
        self.touched = self.touched_before() || self.sent.values().any(|sent| sent.reached > 0);
    }

    /// A rung before the present one sent something (a rung only ends after a resume).
    fn touched_before(&self) -> bool {
        self.steps.iter().any(|record| record.state == "proven")
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The plan it executes.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Who let it start.
    pub fn trigger(&self) -> &Trigger {
        &self.trigger
    }

    /// What was true before the first change.
    pub fn before(&self) -> &Before {
        &self.before
    }

    /// How many runs of this lineage there were before.
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }

    /// When it was opened.
    pub const fn opened_at(&self) -> Timestamp {
        self.opened_at
    }

    /// Where it stands.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// When the present phase began.
    pub const fn phase_at(&self) -> Timestamp {
        self.phase_at
    }

    /// The present or last rung.
    pub const fn rung(&self) -> Option<Remedy> {
        self.rung
    }

    /// The intent that has no answer.
    pub const fn pending(&self) -> Option<Step> {
        self.pending
    }

    /// Why it backs out.
    pub fn backing_out(&self) -> Option<&str> {
        self.backing_out.as_deref()
    }

    /// How it ended, where it has.
    pub const fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// Position of the last entry.
    pub const fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// When the last entry was written.
    pub const fn last_at(&self) -> Timestamp {
        self.last_at
    }

    /// What happened, step by step, over all rungs.
    pub fn steps(&self) -> &[StepRecord] {
        &self.steps
    }

    /// `primary_terms` as they stood just before the first PUT.
    pub const fn terms_before_put(&self) -> Option<&BTreeMap<u32, i64>> {
        self.terms_before_put.as_ref()
    }

    /// When the server accepted a resume of this run.
    pub const fn resume_accepted_at(&self) -> Option<Timestamp> {
        self.resume_accepted_at
    }

    /// After that it was seen fatal again for the plan's cause.
    pub const fn fatal_again(&self) -> bool {
        self.fatal_again
    }

    /// The copy is made under another name, beside the follower.
    pub fn is_beside(&self) -> bool {
        self.plan.basis.beside.is_some()
    }

    /// UUID of the index that the run works on: the plan's follower, or the new one that
    /// `delete_and_follow` or side by side made.
    pub fn follower_uuid(&self) -> &IndexUuid {
        self.born.as_ref().unwrap_or(&self.plan.basis.follower_uuid)
    }

    /// A PUT of this run was seen to take effect: what the follower had before is gone.
    pub const fn replaced(&self) -> bool {
        self.replaced
    }

    /// UUID of the new index that `delete_and_follow` or side by side made.
    pub const fn born(&self) -> Option<&IndexUuid> {
        self.born.as_ref()
    }

    /// The step whose PUT the present or last rung rests on.
    pub fn put(&self) -> Step {
        match self.rung {
            _ if self.is_beside() => Step::FollowBeside,
            Some(Remedy::DeleteAndFollow) => Step::FollowNew,
            _ => Step::Follow,
        }
    }

    /// The plan repairs a follower whose restore failed: its data is gone before the run begins.
    pub fn of_failed_restore(&self) -> bool {
        self.plan.basis.cause == Cause::RestoreFailed
    }

    /// Nothing leads back any more: a PUT took effect, or the follower is being deleted.
    pub fn only_forward(&self) -> bool {
        match self.phase {
            Phase::Finishing => true,
            Phase::Replacing => self.reached(Step::Delete) > 0,
            // A brake or a shutdown does not throw a copy away; only `abort` does.
            Phase::Beside => self.reached(Step::FollowBeside) > 0,
            Phase::Opened | Phase::Resuming | Phase::Recreating | Phase::BackingOut | Phase::Closed => false,
        }
    }

    /// Somebody may still ask for a copy beside the follower to be given up.
    pub fn may_drop(&self) -> bool {
        self.is_beside()
            && match self.phase {
                Phase::Beside => true,
                Phase::Finishing => !self.is_proven(Step::Verify),
                Phase::Opened
                | Phase::Resuming
                | Phase::Recreating
                | Phase::Replacing
                | Phase::BackingOut
                | Phase::Closed => false,
            }
    }

    /// A request of this run may have reached a cluster.
    pub const fn touched(&self) -> bool {
        self.touched
    }

    /// The requests of one step since the rung began.
    pub fn sent(&self, step: Step) -> Option<&Sent> {
        self.sent.get(&step)
    }

    /// How many requests of this step may have reached the cluster since the rung began.
    pub fn reached(&self, step: Step) -> u32 {
        self.sent.get(&step).map_or(0, |sent| sent.reached)
    }

    /// Whether the step was proven since the rung began.
    pub fn is_proven(&self, step: Step) -> bool {
        self.proven.contains_key(&step)
    }

    /// When the step was proven.
    pub fn proven_at(&self, step: Step) -> Option<Timestamp> {
        self.proven.get(&step).copied()
    }

    /// Whether the next rung of the plan's ladder is a recreate.
    pub fn may_recreate_next(&self) -> bool {
        self.phase == Phase::Resuming && self.plan.basis.ladder.contains(&Remedy::Recreate)
    }

    /// We paused it, by the journal alone, and nothing since has shown it following again.
    pub fn paused_by_us(&self) -> bool {
        let resumed = [Step::Resume, Step::ResumeBack, Step::ResumeRestored]
            .iter()
            .any(|step| self.is_proven(*step));
        self.reached(Step::Pause) > 0 && !resumed
    }

    /// We closed it, by the journal alone, and nothing since has shown it open again.
    pub fn closed_by_us(&self) -> bool {
        self.reached(Step::Close) > 0
            && !self.found_closed()
            && !self.is_proven(Step::Reopen)
            && !self.is_proven(Step::Follow)
    }

    /// A request of this step may have reached the cluster, and neither its answer nor its effect is
    /// known.
    fn is_unanswered(&self, step: Step) -> bool {
        let open =
            |sent: &Sent| matches!(sent.answer, None | Some(StepAnswer::Unknown { .. })) && sent.reached > 0;
        !self.is_proven(step) && self.sent(step).is_some_and(open)
    }

    /// Our one close was accepted and closed nothing: `_close` answers with the indices that it
    /// closed, and with `"indices":{}` where they were closed already (recording 28, both versions).
    pub fn found_closed(&self) -> bool {
        self.sent(Step::Close).is_some_and(|sent| {
            let Some(StepAnswer::Accepted { body, .. }) = &sent.answer else {
                return false;
            };
            let body: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
            sent.reached == 1 && body["indices"].as_object().is_some_and(serde_json::Map::is_empty)
        })
    }

    /// We unfollowed it, as the plan chose: until the PUT it carries no CCR metadata.
    pub fn unfollowed_by_us(&self) -> bool {
        self.reached(Step::Unfollow) > 0 && !self.is_proven(Step::Follow)
    }

    /// What the follower may be left as if nothing more is sent: the step that holds it.
    pub fn held(&self) -> Option<Step> {
        match self.phase {
            Phase::Opened | Phase::Beside => None,
            // The follower is as it was; what becomes of the copy holds nothing of it.
            _ if self.is_beside() => None,
            Phase::Closed => self.end.as_ref().and_then(|end| end.held),
            // While the copy runs the server resumes by itself; once it is there and nothing
            // follows, it is ours to resume.
            Phase::Finishing => (self.is_proven(Step::WatchRecovery)
                && !self.is_proven(Step::ResumeRestored))
            .then_some(Step::Follow),
            // The name is free, by us, until the new follow is seen.
            Phase::Replacing => (self.reached(Step::Delete) > 0).then_some(Step::Delete),
            Phase::Resuming | Phase::Recreating | Phase::BackingOut => {
                if self.closed_by_us() {
                    Some(Step::Close)
                } else if self.paused_by_us() {
                    Some(Step::Pause)
                } else {
                    None
                }
            }
        }
    }

    /// The trace of this run that the judge needs.
    pub fn own_run(&self) -> OwnRun {
        let last = self.sent.values().map(|sent| sent.last_at).max();
        // Once it is over, its end says what was left behind.
        let (paused, closed) = match &self.end {
            Some(end) => (
                matches!(end.held, Some(Step::Pause | Step::Follow)),
                end.held == Some(Step::Close),
            ),
            None => (self.paused_by_us(), self.closed_by_us()),
        };
        OwnRun {
            id: self.id.clone(),
            paused,
            closed,
            // Seen to follow, its copy is done with: whoever pauses it then is somebody else.
            followed: !self.is_proven(Step::ResumeRestored)
                && (self.replaced || self.reached(Step::Follow) > 0 || self.reached(Step::FollowNew) > 0),
            replaced: self.replaced,
            deleted: self.held() == Some(Step::Delete),
            doubtful: self.end.as_ref().is_some_and(|end| end.held.is_none())
                && [Step::Pause, Step::Resume, Step::ResumeBack, Step::Close]
                    .iter()
                    .any(|step| self.is_unanswered(*step)),
            at: last.unwrap_or(self.last_at),
        }
    }
}

fn name_of(event: &Event) -> &'static str {
    match event {
        Event::Opened { .. } => "opened",
        Event::Rung { .. } => "rung",
        Event::Intent { .. } => "intent",
        Event::Answered { .. } => "answered",
        Event::Proven { .. } => "proven",
        Event::Born { .. } => "born",
        Event::Progress { .. } => "progress",
        Event::BackingOut { .. } => "backing_out",
        Event::Continued { .. } => "continued",
        Event::Closed { .. } => "closed",
    }
}
