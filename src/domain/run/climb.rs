//! The rungs before the point of no return: resume, then recreate up to its PUT.

use crate::domain::facts::FollowStatus;
use crate::domain::journal::{RunOutcome, StepAnswer};
use crate::domain::plan::LeaseWay;
use crate::domain::run::Run;
use crate::domain::run::back::with_undo;
use crate::domain::run::next::{
    Attempt, Limits, Next, attempt, in_doubt, is_active, is_closed, lasted, look, passed, too_old,
    took_effect,
};
use crate::domain::run::position::Position;
use crate::domain::run::prove;
use crate::domain::seen::Seen;
use crate::domain::step::Step;

/// Turns the judgement of a step into what is done.
fn go(run: &Run, position: &Position, limits: &Limits, step: Step) -> Next {
    match attempt(run, position, limits, step) {
        Attempt::Send => Next::Do(step),
        Attempt::Wait(why) => look(limits, why),
        Attempt::GiveUp(why) => Next::BackOut(why),
    }
}

/// It is paused, and not by us: left alone, and told (safety 11).
fn theirs(reason: String) -> Next {
    Next::Close {
        outcome: RunOutcome::CannotTell,
        reason,
        person_must: Some("find out who paused the follower, and why".to_owned()),
        held: None,
    }
}

/// It may be somebody's: left alone like theirs, with the commands in case that it was ours.
pub(super) fn perhaps_theirs(run: &Run, reason: String) -> Next {
    let must = "ask whether somebody did this on purpose; if nobody did, put the follower back:";
    Next::Close {
        outcome: RunOutcome::CannotTell,
        reason,
        person_must: Some(with_undo(run, must.to_owned())),
        held: None,
    }
}

/// The mild rung: pause if active, resume with the remembered parameters, prove.
pub(super) fn resume(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.is_proven(Step::Resume) {
        return prove::resumed(run, position, limits);
    }
    if is_closed(position) {
        return Next::BackOut("the follower was closed, and not by this run".to_owned());
    }
    if run.reached(Step::Resume) > 0 {
        if too_old(run, position, Step::Resume) {
            return look(limits, "the resume was sent after this look began".to_owned());
        }
        if is_active(position) {
            return Next::Proven(Step::Resume, vec!["_ccr/info says active".to_owned()]);
        }
        let accepted = run
            .sent(Step::Resume)
            .is_some_and(|sent| matches!(sent.answer, Some(StepAnswer::Accepted { .. })));
        if accepted && position.follow == Seen::Present(FollowStatus::Paused) {
            return theirs("after our resume was accepted, somebody else paused the follower".to_owned());
        }
        if let Some(why) = in_doubt(run, position, limits, Step::Resume) {
            return perhaps_theirs(run, why);
        }
        // A refused resume is new evidence, never a rung: `go` turns it into backing out.
        return go(run, position, limits, Step::Resume);
    }
    if is_active(position) {
        return go(run, position, limits, Step::Pause);
    }
    match paused(run, position, limits) {
        Some(next) => next,
        None => go(run, position, limits, Step::Resume),
    }
}

/// The follower is paused: whose pause is it, and is it complete? `None`: ours or as it was, and complete.
fn paused(run: &Run, position: &Position, limits: &Limits) -> Option<Next> {
    if run.reached(Step::Pause) == 0 {
        return run
            .before()
            .was_active
            .then(|| Next::BackOut("somebody else paused the follower".to_owned()));
    }
    if run.is_proven(Step::Pause) {
        return None;
    }
    // It was active when we looked, ours was refused and it is paused: who paused it meanwhile is
    // not known, so somebody did (safety 11). A 5xx may still take effect, and says nothing.
    if let Some(sent) = run.sent(Step::Pause)
        && sent.refused == sent.count
        && let Some(StepAnswer::Refused { status, kind, reason }) = &sent.answer
        && (400..500).contains(status)
    {
        return Some(theirs(format!(
            "somebody else paused the follower; our own pause was refused: {status} {kind}: {reason}"
        )));
    }
    if let Some(why) = in_doubt(run, position, limits, Step::Pause) {
        return Some(perhaps_theirs(run, why));
    }
    Some(match &position.tasks_left {
        Seen::Present(false) | Seen::Absent => Next::Proven(
            Step::Pause,
            vec![
                "_ccr/info says paused".to_owned(),
                "no shard follow task of it is left in the cluster state".to_owned(),
            ],
        ),
        Seen::Present(true) => look(limits, "shard follow tasks are still there".to_owned()),
        Seen::Unknown(why) => look(limits, format!("whether follow tasks are left is unknown: {why}")),
    })
}

/// The destructive rung up to the moment its PUT is seen to have had an effect.
pub(super) fn recreate(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.sent(Step::Follow).is_some() {
        return after_put(run, position, limits);
    }
    if is_closed(position) {
        if run.reached(Step::Close) == 0 || run.found_closed() {
            return Next::BackOut("the follower was closed, and not by this run".to_owned());
        }
        if !run.is_proven(Step::Close) {
            if too_old(run, position, Step::Close) {
                return look(limits, "the close was sent after this look began".to_owned());
            }
            if let Some(why) = in_doubt(run, position, limits, Step::Close) {
                return perhaps_theirs(run, why);
            }
            return Next::Proven(Step::Close, vec!["the cluster state says closed".to_owned()]);
        }
        if is_active(position) {
            // A PUT now would restore and then fail on the tasks that are left (measured 46).
            return Next::BackOut("follow tasks came back after the pause".to_owned());
        }
        return lease_then_put(run, position, limits);
    }
    if run.is_proven(Step::Close) {
        return Next::BackOut("the closed follower was opened by somebody else".to_owned());
    }
    if is_active(position) {
        if run.is_proven(Step::Pause) {
            return Next::BackOut("the paused follower was resumed by somebody else".to_owned());
        }
        return go(run, position, limits, Step::Pause);
    }
    match paused(run, position, limits) {
        Some(next) => next,
        None => match &position.tasks_left {
            Seen::Present(false) | Seen::Absent => lease_then_close(run, position, limits),
            Seen::Present(true) => look(limits, "shard follow tasks are still there".to_owned()),
            Seen::Unknown(why) => look(limits, format!("whether follow tasks are left is unknown: {why}")),
        },
    }
}

/// Paused and open. Where the plan waits for the lease to expire it does so here: the follower can
/// be searched meanwhile, and there is a way back.
fn lease_then_close(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.plan().basis.lease != LeaseWay::Wait || run.sent(Step::Close).is_some() {
        return go(run, position, limits, Step::Close);
    }
    let why = match &position.lease {
        Seen::Absent => return go(run, position, limits, Step::Close),
        Seen::Present(()) => "waiting until the lease has expired".to_owned(),
        Seen::Unknown(why) => format!("whether the lease has expired is unknown: {why}"),
    };
    let since = run.proven_at(Step::Pause).unwrap_or_else(|| run.phase_at());
    if passed(since, position.now, limits.lease_expires) {
        return Next::BackOut(format!(
            "the lease has not expired within {} h",
            limits.lease_expires.as_secs() / 3600
        ));
    }
    Next::Look {
        after: limits.step,
        why,
    }
}

/// Paused and closed: the lease must be gone from every leader primary before the PUT.
fn lease_then_put(run: &Run, position: &Position, limits: &Limits) -> Next {
    match &position.lease {
        Seen::Absent => {
            if too_old(run, position, Step::Forget) {
                return look(
                    limits,
                    "forget_follower was sent after this look began".to_owned(),
                );
            }
            if run.reached(Step::Unfollow) > 0 && !run.is_proven(Step::Unfollow) {
                return unfollowed(run, position, limits);
            }
            if !run.is_proven(Step::Forget) {
                return Next::Proven(
                    Step::Forget,
                    vec!["no lease of this follower on any leader primary".to_owned()],
                );
            }
            Next::Do(Step::Follow)
        }
        Seen::Present(()) => match run.plan().basis.lease {
            LeaseWay::Forget => go(run, position, limits, Step::Forget),
            LeaseWay::Wait => Next::BackOut("the lease is there again: something renews it".to_owned()),
            LeaseWay::Unfollow if run.is_proven(Step::Unfollow) => {
                let sent = run.proven_at(Step::Unfollow).unwrap_or_else(|| run.phase_at());
                if passed(sent, position.now, limits.quiet) {
                    return Next::BackOut(
                        "it is unfollowed, and its lease is still on the leader".to_owned(),
                    );
                }
                look(limits, "it is unfollowed; its lease is still there".to_owned())
            }
            LeaseWay::Unfollow => unfollowed(run, position, limits),
        },
        Seen::Unknown(why) => {
            let since = run.proven_at(Step::Close).unwrap_or_else(|| run.phase_at());
            if passed(since, position.now, limits.step.saturating_mul(2)) {
                return Next::BackOut(format!("whether the lease is gone cannot be seen: {why}"));
            }
            look(limits, format!("whether the lease is gone is unknown: {why}"))
        }
    }
}

/// The unfollow, and its effect: no CCR metadata any more. It can convert the index and answer
/// with an error because a lease could not be removed.
fn unfollowed(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.reached(Step::Unfollow) > 0 {
        if too_old(run, position, Step::Unfollow) {
            return look(limits, "the unfollow was sent after this look began".to_owned());
        }
        if position.follow.is_absent() {
            if let Some(why) = in_doubt(run, position, limits, Step::Unfollow) {
                return perhaps_theirs(run, why);
            }
            return Next::Proven(
                Step::Unfollow,
                vec!["_ccr/info does not list it any more".to_owned()],
            );
        }
    }
    go(run, position, limits, Step::Unfollow)
}

/// A PUT was sent: whether it took effect is found by looking, whatever it answered.
fn after_put(run: &Run, position: &Position, limits: &Limits) -> Next {
    let Some(sent) = run.sent(Step::Follow) else {
        return look(limits, "no PUT was sent".to_owned());
    };
    if too_old(run, position, Step::Follow) {
        return look(limits, "the PUT was sent after this look began".to_owned());
    }
    match took_effect(run, position) {
        Seen::Present(true) => Next::Proven(
            Step::Follow,
            vec!["the index is open and its copy comes from the leader cluster".to_owned()],
        ),
        Seen::Present(false) if is_closed(position) => {
            if let Some(refusal) = sent.refusal() {
                return Next::BackOut(format!(
                    "the PUT was refused and the old copy is untouched: {refusal}"
                ));
            }
            // Not refused: its work may still be going on. Only a long quiet shows that it is not.
            let quiet_since = position.since.closed.map(|closed| closed.max(sent.last_at));
            if !lasted(quiet_since, position.now, limits.quiet) {
                return look(
                    limits,
                    "the PUT shows no effect yet; the server may still work on it".to_owned(),
                );
            }
            if sent.reached < 2 && sent.count < limits.attempts && position.lease.is_absent() {
                return Next::Do(Step::Follow);
            }
            Next::BackOut("the PUT had no effect".to_owned())
        }
        Seen::Present(false) => {
            if !passed(sent.last_at, position.now, limits.quiet) {
                return look(
                    limits,
                    "the index is open; where its copy comes from is not seen yet".to_owned(),
                );
            }
            Next::BackOut("somebody else opened the follower before the PUT took effect".to_owned())
        }
        Seen::Absent => look(limits, "whether the PUT took effect is unknown".to_owned()),
        Seen::Unknown(why) => look(limits, format!("whether the PUT took effect is unknown: {why}")),
    }
}
