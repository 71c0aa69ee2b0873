//! What a run does next: pure and total over every [`Position`].

use std::time::Duration;

use crate::domain::cause::Remedy;
use crate::domain::facts::FollowStatus;
use crate::domain::ids::IndexUuid;
use crate::domain::journal::{RunOutcome, StepAnswer};
use crate::domain::run::position::{IndexState, Position};
use crate::domain::run::{Phase, Run, back, beside, climb, finish, replace};
use crate::domain::seen::Seen;
use crate::domain::step::Step;
use crate::domain::time::{Span, Timestamp, millis_between};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Look again after a while.
    Look {
        /// How long to wait first.
        after: Span,
        /// What is waited for, for people.
        why: String,
    },
    /// Send the one request of this step, if brakes and guards let it.
    Do(Step),
    /// Write down that the step holds, and what shows it.
    Proven(Step, Vec<String>),
    /// Begin a rung.
    Rung(Remedy),
    /// Write down that our follow made this new index.
    Born(IndexUuid),
    /// From here on only back out.
    BackOut(String),
    /// The end.
    Close {
        /// How.
        outcome: RunOutcome,
        /// Why, for people.
        reason: String,
        /// What a person must do.
        person_must: Option<String>,
        /// The follower stays paused or closed by us.
        held: Option<Step>,
    },
}

/// How patient a run is. All lengths are real time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Between looks.
    pub look: Span,
    /// How long a request that was taken may go without its effect being seen.
    pub step: Span,
    /// How long a PUT whose answer was lost is given to show an effect before anything else is
    /// sent in its place: the server may still be working on it.
    pub quiet: Span,
    /// How long a follower must be seen well before it is called cured (`[verify] settle`).
    pub settle: Span,
    /// How long a resume may go without proving anything.
    pub prove: Span,
    /// How long a restored follower may go without passing every check, once it stops moving.
    pub verify: Span,
    /// How long document counts may differ at equal checkpoints before that is reported: counts
    /// show only what was refreshed.
    pub documents: Span,
    /// How long a restored follower may stay paused before we resume it: the server does so itself.
    pub resume_restored: Span,
    /// How long a failed copy must be seen before the run gives it up.
    pub failed: Span,
    /// After how long without a byte a copy counts as stuck.
    pub stuck: Span,
    /// How long a paused follower waits for its lease to expire, where the plan chose to wait.
    pub lease_expires: Span,
    /// How long a deleted follower may wait for its new follow before a person is given the
    /// commands.
    pub hand_over: Span,
    /// How long after a request without an answer what is seen still counts as ours: later it may
    /// as well be somebody's (safety 11).
    pub ours: Span,
    /// How often a request is sent that is surely not sent, refused or without effect.
    pub attempts: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(2),
            step: Duration::from_mins(1),
            quiet: Duration::from_mins(1),
            settle: Duration::from_mins(1),
            prove: Duration::from_mins(5),
            verify: Duration::from_mins(30),
            documents: Duration::from_mins(2),
            resume_restored: Duration::from_secs(20),
            failed: Duration::from_secs(30),
            stuck: Duration::from_mins(15),
            lease_expires: Duration::from_hours(24),
            hand_over: Duration::from_hours(1),
            ours: Duration::from_mins(5),
            attempts: 3,
        }
    }
}

/// What the run does next.
pub fn next(run: &Run, position: &Position, limits: &Limits) -> Next {
    if let Some(step) = run.pending() {
        // The executor writes an answer, or `Continued`, before it asks again.
        return look(limits, format!("`{step}` has no answer in the journal yet"));
    }
    match run.phase() {
        Phase::Opened => first_rung(run),
        Phase::Resuming => {
            strangers(run, position, limits).unwrap_or_else(|| climb::resume(run, position, limits))
        }
        Phase::Recreating => {
            strangers(run, position, limits).unwrap_or_else(|| climb::recreate(run, position, limits))
        }
        Phase::Replacing => replace::next(run, position, limits),
        Phase::Beside => beside::next(run, position, limits),
        Phase::BackingOut if run.is_beside() => beside::back(run, position, limits),
        Phase::Finishing => {
            strangers(run, position, limits).unwrap_or_else(|| finish::next(run, position, limits))
        }
        Phase::BackingOut => {
            strangers(run, position, limits).unwrap_or_else(|| back::next(run, position, limits))
        }
        Phase::Closed => look(limits, "the run is over".to_owned()),
    }
}

/// The first rung that refollow itself can climb. `human` and `wait` stand before it where a
/// person has agreed to go on.
fn first_rung(run: &Run) -> Next {
    let ladder = &run.plan().basis.ladder;
    let first = ladder
        .iter()
        .find(|remedy| !matches!(remedy, Remedy::Human | Remedy::Wait));
    match first {
        Some(remedy @ (Remedy::Resume | Remedy::Recreate | Remedy::DeleteAndFollow)) => Next::Rung(*remedy),
        Some(Remedy::Human | Remedy::Wait) | None => Next::Close {
            outcome: RunOutcome::Refused,
            reason: "the plan has no rung that refollow could climb".to_owned(),
            person_must: None,
            held: None,
        },
    }
}

/// What ends or suspends every phase: another index under the name, no index, no follower any
/// more, or a look that could not tell.
fn strangers(run: &Run, position: &Position, limits: &Limits) -> Option<Next> {
    let gone = |what: String| changed_by_others(run, what);
    match (&position.follower_uuid, &position.index) {
        (Seen::Absent, _) | (_, Seen::Absent) => {
            return Some(gone("the follower index does not exist any more".to_owned()));
        }
        (Seen::Unknown(why), _) | (_, Seen::Unknown(why)) => {
            return Some(blind(run, position, limits, why));
        }
        (Seen::Present(uuid), Seen::Present(_)) => {
            if uuid != run.follower_uuid() {
                return Some(gone(format!(
                    "another index (UUID {uuid}) stands under the follower's name"
                )));
            }
        }
    }
    match &position.follow {
        // Unfollowed by this run, as approved.
        Seen::Absent if run.unfollowed_by_us() => None,
        Seen::Absent => Some(gone(
            "the index carries no CCR metadata any more: somebody unfollowed it".to_owned(),
        )),
        Seen::Unknown(why) => Some(blind(run, position, limits, why)),
        Seen::Present(_) => None,
    }
}

/// Somebody else changed the follower so far that this run has nothing left to do with it.
pub(super) fn changed_by_others(run: &Run, reason: String) -> Next {
    Next::Close {
        outcome: RunOutcome::CannotTell,
        reason,
        person_must: Some(format!(
            "look at `{}` on `{}`: somebody else changed it while this run was going on",
            run.plan().basis.target(),
            run.plan().basis.cluster
        )),
        held: None,
    }
}

/// The look could not tell. Where nothing of ours is in force the run need not wait for ever.
pub(super) fn blind(run: &Run, position: &Position, limits: &Limits, why: &str) -> Next {
    if !run.touched() && passed(run.phase_at(), position.now, limits.prove) {
        return Next::Close {
            outcome: RunOutcome::Refused,
            reason: format!("the follower could not be looked at: {why}"),
            person_must: None,
            held: None,
        };
    }
    look(limits, format!("the look could not tell: {why}"))
}

/// What may be done about a step whose effect was not seen in this look.
pub(super) enum Attempt {
    /// Send it (again).
    Send,
    /// Wait, for the reason given.
    Wait(String),
    /// It was tried and cannot be had.
    GiveUp(String),
}

/// Judges a step whose effect is not seen. Every step but the PUT may be sent twice: a second
/// pause, close, forget, open or resume changes nothing that the first did not.
pub(super) fn attempt(run: &Run, position: &Position, limits: &Limits, step: Step) -> Attempt {
    let Some(sent) = run.sent(step) else {
        return Attempt::Send;
    };
    if position.looked_at < sent.settled_at() {
        return Attempt::Wait(format!("`{step}` was sent after this look began"));
    }
    if let Some(refusal) = sent.refusal() {
        return Attempt::GiveUp(format!("`{step}` was refused: {refusal}"));
    }
    let more = sent.count < limits.attempts;
    match &sent.answer {
        Some(StepAnswer::NotSent { why }) => {
            if !passed(sent.settled_at(), position.now, limits.look) {
                Attempt::Wait(format!("`{step}` could not be sent: {why}"))
            } else if more {
                Attempt::Send
            } else {
                Attempt::GiveUp(format!("`{step}` could not be sent: {why}"))
            }
        }
        answer => {
            let said = match answer {
                Some(StepAnswer::Accepted { .. }) => "was accepted",
                Some(StepAnswer::Refused { .. }) => "met a passing refusal",
                Some(StepAnswer::Unknown { .. } | StepAnswer::NotSent { .. }) | None => "has no answer",
            };
            if !passed(sent.last_at, position.now, limits.step) {
                Attempt::Wait(format!("`{step}` {said}; its effect is not seen yet"))
            } else if more {
                Attempt::Send
            } else {
                Attempt::GiveUp(format!("`{step}` {said} and has no effect"))
            }
        }
    }
}

/// Whether at least `length` lies between the two.
pub(super) fn passed(from: Timestamp, now: Timestamp, length: Span) -> bool {
    millis_between(from, now) >= i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Whether something has been so for at least `length`.
pub(super) fn lasted(since: Option<Timestamp>, now: Timestamp, length: Span) -> bool {
    since.is_some_and(|since| passed(since, now, length))
}

pub(super) fn look(limits: &Limits, why: String) -> Next {
    Next::Look {
        after: limits.look,
        why,
    }
}

/// Our request of that step has no answer, and more time has passed until this look than a restart
/// takes. Elasticsearch keeps no trace of who paused, closed, resumed or unfollowed an index, so
/// that what is seen may be our doing or somebody's.
pub(super) fn in_doubt(run: &Run, position: &Position, limits: &Limits, step: Step) -> Option<String> {
    let sent = run.sent(step)?;
    let answered = matches!(
        sent.answer,
        Some(StepAnswer::Accepted { .. } | StepAnswer::NotSent { .. })
    );
    if answered || run.is_proven(step) || !passed(sent.last_at, position.looked_at, limits.ours) {
        return None;
    }
    Some(format!(
        "our `{step}` of {} has no answer, and the next look came {} min later: what was done by us since, and what by \
         somebody else, cannot be told",
        sent.last_at,
        millis_between(sent.last_at, position.looked_at) / 60_000
    ))
}

/// A look that began before the last request of the step was settled says nothing about it.
pub(super) fn too_old(run: &Run, position: &Position, step: Step) -> bool {
    run.sent(step)
        .is_some_and(|sent| position.looked_at < sent.settled_at())
}

pub(super) fn is_closed(position: &Position) -> bool {
    position.index == Seen::Present(IndexState::Closed)
}

pub(super) fn is_active(position: &Position) -> bool {
    position.follow == Seen::Present(FollowStatus::Active)
}

/// A PUT of this run was seen to have had its effect: open, and the copy came from the leader.
pub(super) fn took_effect(run: &Run, position: &Position) -> Seen<bool> {
    if run.reached(Step::Follow) == 0 || is_closed(position) {
        return Seen::Present(false);
    }
    match &position.copied {
        Seen::Present(copied) => Seen::Present(*copied),
        // The markers are unreadable (the primary has moved since, or the call failed). Only a
        // PUT or an open can have opened it, both end in a resume, and a raised term beside no
        // reopening of ours speaks for the PUT.
        Seen::Absent | Seen::Unknown(_) => {
            let raised = match (&position.primary_terms, run.terms_before_put()) {
                (Seen::Present(now), Some(before)) if !before.is_empty() => now
                    .iter()
                    .any(|(shard, term)| before.get(shard).is_some_and(|old| term > old)),
                _ => return Seen::unknown("neither the copy's origin nor its terms could be read"),
            };
            if run.reached(Step::Reopen) > 0 {
                Seen::unknown("it was reopened meanwhile, and the copy's origin could not be read")
            } else {
                Seen::Present(raised)
            }
        }
    }
}
