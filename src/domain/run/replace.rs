//! The last rung, `delete_and_follow`: the index whose restore failed is deleted and followed anew.
//!
//! Its data is gone before this rung begins, so that the delete loses no document; what it loses
//! is the index's UUID and, should the new follow not come about, the index itself. So from the
//! delete on the run only goes forward, and where it cannot, a person is given the commands.
//! An index with another UUID under the name is never deleted.

use crate::domain::ids::IndexUuid;
use crate::domain::journal::RunOutcome;
use crate::domain::plan::LeaseWay;
use crate::domain::run::Run;
use crate::domain::run::back::person_must;
use crate::domain::run::next::{
    Attempt, Limits, Next, attempt, blind, changed_by_others, is_active, is_closed, lasted, look, passed,
    too_old,
};
use crate::domain::run::position::{Position, Restore};
use crate::domain::seen::Seen;
use crate::domain::step::Step;

pub(super) fn next(run: &Run, position: &Position, limits: &Limits) -> Next {
    match &position.follower_uuid {
        Seen::Unknown(why) => blind(run, position, limits, why),
        Seen::Absent => free(run, position, limits),
        Seen::Present(uuid) if *uuid == run.plan().basis.follower_uuid => old(run, position, limits),
        Seen::Present(uuid) => new(run, position, limits, uuid),
    }
}

/// The index that is to be deleted is still there.
fn old(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.is_proven(Step::Delete) {
        // It was seen gone. An index keeps its UUID through a restore from a snapshot only on
        // paper; whatever this is, it is nothing to go on from.
        return look_or(
            run,
            position,
            limits,
            Step::Delete,
            "the deleted index shows again",
        );
    }
    if position.follow.is_absent() {
        return changed_by_others(
            run,
            "the index carries no CCR metadata any more: somebody unfollowed it".to_owned(),
        );
    }
    let stop = |why: &str| {
        if run.reached(Step::Delete) == 0 {
            Next::BackOut(why.to_owned())
        } else {
            changed_by_others(run, why.to_owned())
        }
    };
    if is_active(position) {
        return stop("it follows again: somebody resumed it, so it is not deleted");
    }
    if is_closed(position) {
        return stop("somebody closed the follower, so it is not deleted");
    }
    if position.primaries_started == Seen::Present(true) {
        return stop("its primaries are all started after all, so it is not deleted");
    }
    if !matches!(position.restore, Seen::Present(Restore::Failed { .. })) {
        if passed(run.phase_at(), position.now, limits.prove) {
            return stop("it is not seen any more that its restore failed, so it is not deleted");
        }
        return look(
            limits,
            "that its restore failed is not seen in this look".to_owned(),
        );
    }
    match &position.lease {
        Seen::Present(()) if !run.is_proven(Step::ForgetOrphan) => {
            if run.plan().basis.lease != LeaseWay::Forget {
                return stop("its lease is on the leader again, and the plan does not remove it there");
            }
            match attempt(run, position, limits, Step::ForgetOrphan) {
                Attempt::Send => Next::Do(Step::ForgetOrphan),
                Attempt::Wait(why) => look(limits, why),
                Attempt::GiveUp(why) => stop(&why),
            }
        }
        Seen::Unknown(why) if !run.is_proven(Step::ForgetOrphan) => {
            if passed(run.phase_at(), position.now, limits.prove) {
                return stop(&format!("whether its lease is gone cannot be seen: {why}"));
            }
            look(limits, format!("whether its lease is gone is unknown: {why}"))
        }
        _ if !run.is_proven(Step::ForgetOrphan) => {
            if too_old(run, position, Step::ForgetOrphan) {
                return look(
                    limits,
                    "forget_follower was sent after this look began".to_owned(),
                );
            }
            Next::Proven(
                Step::ForgetOrphan,
                vec!["no lease of the old index on any leader primary".to_owned()],
            )
        }
        _ => match attempt(run, position, limits, Step::Delete) {
            Attempt::Send => Next::Do(Step::Delete),
            Attempt::Wait(why) => look(limits, why),
            Attempt::GiveUp(why) => Next::Close {
                outcome: RunOutcome::NotCured,
                reason: format!("the index could not be deleted, and stands red as before: {why}"),
                person_must: Some(
                    "remove what refused the delete, then let refollow plan the repair again".to_owned(),
                ),
                held: None,
            },
        },
    }
}

/// No index of the name is there.
fn free(run: &Run, position: &Position, limits: &Limits) -> Next {
    if run.reached(Step::Delete) == 0 {
        return changed_by_others(run, "the follower index does not exist any more".to_owned());
    }
    if too_old(run, position, Step::Delete) {
        return look(limits, "the delete was sent after this look began".to_owned());
    }
    let Some(deleted_at) = run.proven_at(Step::Delete) else {
        return Next::Proven(
            Step::Delete,
            vec!["asked for by its name, the index does not exist any more".to_owned()],
        );
    };
    let Some(sent) = run.sent(Step::FollowNew) else {
        if passed(deleted_at, position.now, limits.hand_over) {
            return hand_over(run, "the new follow was held back for too long".to_owned());
        }
        return Next::Do(Step::FollowNew);
    };
    if too_old(run, position, Step::FollowNew) {
        return look(limits, "the follow was sent after this look began".to_owned());
    }
    // There is nothing under the name that a second follow could replace; two that meet are
    // refused by the server. What was not refused may still be at work.
    let refusal = sent.refusal();
    let pause = if refusal.is_some() {
        limits.look
    } else {
        limits.quiet
    };
    if !passed(sent.settled_at(), position.now, pause) {
        return look(limits, "the follow shows no effect yet".to_owned());
    }
    let why = refusal.unwrap_or_else(|| "the follow had no effect".to_owned());
    if sent.reached < limits.attempts && sent.count < limits.attempts.saturating_mul(2) {
        return Next::Do(Step::FollowNew);
    }
    hand_over(run, why)
}

/// Another index than the planned one stands under the name.
fn new(run: &Run, position: &Position, limits: &Limits, uuid: &IndexUuid) -> Next {
    let other = || {
        changed_by_others(
            run,
            format!("another index (UUID {uuid}) stands under the follower's name; it is not touched"),
        )
    };
    if run.reached(Step::FollowNew) == 0 {
        return other();
    }
    if too_old(run, position, Step::FollowNew) {
        return look(limits, "the follow was sent after this look began".to_owned());
    }
    match run.born() {
        Some(born) if born == uuid => Next::Proven(
            Step::FollowNew,
            vec![format!(
                "a new index (UUID {uuid}) stands under the name and follows the leader"
            )],
        ),
        Some(_) => other(),
        None => match &position.follows_as_planned {
            Seen::Present(true) => Next::Born(uuid.clone()),
            Seen::Present(false) => other(),
            Seen::Absent | Seen::Unknown(_) => look_or(
                run,
                position,
                limits,
                Step::FollowNew,
                "an index that follows nothing stands under the name",
            ),
        },
    }
}

/// Waits for a clearer look for a while after the step, then leaves it to a person.
fn look_or(run: &Run, position: &Position, limits: &Limits, step: Step, what: &str) -> Next {
    let since = run
        .sent(step)
        .map_or_else(|| run.phase_at(), super::Sent::settled_at);
    if lasted(Some(since), position.now, limits.quiet) {
        changed_by_others(run, what.to_owned())
    } else {
        look(limits, what.to_owned())
    }
}

/// The index is deleted and could not be followed again: a person gets the commands.
fn hand_over(run: &Run, why: String) -> Next {
    Next::Close {
        outcome: RunOutcome::NotCured,
        reason: format!("the red index was deleted, and its leader could not be followed again: {why}"),
        person_must: Some(person_must(run, Step::Delete)),
        held: Some(Step::Delete),
    }
}
