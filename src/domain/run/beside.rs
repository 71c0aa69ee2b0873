//! Side by side: the leader is followed anew under a name that is free, and the follower is not touched.
//!
//! A PUT, whose effect is seen by looking; then the copy is finished and verified as any other
//! (`finish`). A copy that fails, or that somebody aborts, is given up: it is deleted where the
//! journal holds its UUID, the name still shows that UUID, and no alias has come onto it. What is
//! left of the follower is never judged here: no request of such a run names it.

use crate::domain::ids::IndexUuid;
use crate::domain::journal::{RunOutcome, StepAnswer};
use crate::domain::run::Run;
use crate::domain::run::next::{Attempt, Limits, Next, attempt, blind, look, passed, too_old};
use crate::domain::run::position::Position;
use crate::domain::seen::Seen;
use crate::domain::step::Step;

/// Up to the moment the new index is seen.
pub(super) fn next(run: &Run, position: &Position, limits: &Limits) -> Next {
    match &position.follower_uuid {
        Seen::Unknown(why) => blind(run, position, limits, why),
        Seen::Absent => free(run, position, limits),
        Seen::Present(uuid) => there(run, position, limits, uuid),
    }
}

/// No index of the name is there.
fn free(run: &Run, position: &Position, limits: &Limits) -> Next {
    let Some(sent) = run.sent(Step::FollowBeside) else {
        return Next::Do(Step::FollowBeside);
    };
    if too_old(run, position, Step::FollowBeside) {
        return look(limits, "the follow was sent after this look began".to_owned());
    }
    if run.born().is_some() {
        return Next::BackOut("the new copy is gone again: somebody deleted it".to_owned());
    }
    // There is nothing under the name that a second follow could replace; what was not refused may
    // still be at work.
    let refusal = sent.refusal();
    let pause = match (&refusal, sent.reached) {
        (None, 1..) => limits.quiet,
        _ => limits.look,
    };
    if !passed(sent.settled_at(), position.now, pause) {
        return look(limits, "the follow shows no effect yet".to_owned());
    }
    if let Some(refusal) = refusal {
        return Next::BackOut(format!("the follow was refused: {refusal}"));
    }
    // Guards may hold the second one; nothing is lost by stopping here.
    let patient = !passed(sent.first_at, position.now, limits.hand_over);
    if patient && sent.reached < 2 && sent.count < limits.attempts {
        return Next::Do(Step::FollowBeside);
    }
    Next::BackOut("the follow had no effect".to_owned())
}

/// An index of the name is there.
fn there(run: &Run, position: &Position, limits: &Limits, uuid: &IndexUuid) -> Next {
    if run.reached(Step::FollowBeside) == 0 {
        return Next::BackOut(format!(
            "an index `{}` exists already (UUID {uuid}); it is not touched",
            run.plan().basis.target()
        ));
    }
    if too_old(run, position, Step::FollowBeside) {
        return look(limits, "the follow was sent after this look began".to_owned());
    }
    match run.born() {
        Some(born) if born == uuid => Next::Proven(
            Step::FollowBeside,
            vec![format!(
                "a new index (UUID {uuid}) follows the leader beside the follower"
            )],
        ),
        Some(_) => not_ours(run, uuid),
        None => whose(run, position, limits, uuid),
    }
}

/// Whether the index that our PUT may have made is ours.
fn whose(run: &Run, position: &Position, limits: &Limits, uuid: &IndexUuid) -> Next {
    if exists_already(run) {
        return not_ours(run, uuid);
    }
    match &position.follows_as_planned {
        Seen::Present(true) => Next::Born(uuid.clone()),
        Seen::Present(false) => not_ours(run, uuid),
        Seen::Absent | Seen::Unknown(_) => {
            let settled = run
                .sent(Step::FollowBeside)
                .map_or_else(|| run.phase_at(), super::Sent::settled_at);
            if passed(settled, position.now, limits.quiet) {
                not_ours(run, uuid)
            } else {
                look(limits, "what the new index follows is not seen yet".to_owned())
            }
        }
    }
}

/// Elasticsearch refused the PUT because an index of the name was there: somebody else made it.
fn exists_already(run: &Run) -> bool {
    run.sent(Step::FollowBeside).is_some_and(|sent| {
        matches!(&sent.answer, Some(StepAnswer::Refused { kind, reason, .. })
            if kind == "resource_already_exists_exception" && !reason.contains("task with id")
                || kind == "snapshot_restore_exception" && reason.contains("already exists")
                || kind == "invalid_index_name_exception")
    })
}

fn not_ours(run: &Run, uuid: &IndexUuid) -> Next {
    let basis = &run.plan().basis;
    Next::Close {
        outcome: RunOutcome::CannotTell,
        reason: format!(
            "the index `{}` (UUID {uuid}) was not made by this run; it is not touched, and neither was `{}`",
            basis.target(),
            basis.follower
        ),
        person_must: Some(format!(
            "find out who made `{}` on `{}`, and choose another name for the copy",
            basis.target(),
            basis.cluster
        )),
        held: None,
    }
}

/// Giving the copy up. The follower is as it was in every case.
pub(super) fn back(run: &Run, position: &Position, limits: &Limits) -> Next {
    match &position.follower_uuid {
        Seen::Unknown(why) => blind(run, position, limits, why),
        Seen::Absent => gone(run, position, limits),
        Seen::Present(uuid) => {
            if run.reached(Step::FollowBeside) == 0 {
                return backed_out(run);
            }
            match run.born() {
                None if too_old(run, position, Step::FollowBeside) => {
                    look(limits, "the follow was sent after this look began".to_owned())
                }
                None => whose(run, position, limits, uuid),
                Some(born) if born == uuid => drop_it(run, position, limits),
                Some(_) => not_ours(run, uuid),
            }
        }
    }
}

/// No index of the name is there, or not any more.
fn gone(run: &Run, position: &Position, limits: &Limits) -> Next {
    for step in [Step::FollowBeside, Step::DropBeside] {
        if too_old(run, position, step) {
            return look(limits, format!("`{step}` was sent after this look began"));
        }
    }
    if run.reached(Step::DropBeside) > 0 && !run.is_proven(Step::DropBeside) {
        return Next::Proven(
            Step::DropBeside,
            vec!["asked for by its name, the copy does not exist any more".to_owned()],
        );
    }
    // A PUT without an answer may still land.
    let landing = run.sent(Step::FollowBeside).is_some_and(|sent| {
        sent.reached > 0
            && run.born().is_none()
            && sent.refusal().is_none()
            && !passed(sent.settled_at(), position.now, limits.quiet)
    });
    if landing {
        return look(limits, "the follow may still take effect".to_owned());
    }
    backed_out(run)
}

/// The index is ours by its UUID. It goes, unless something has come to rest on it.
fn drop_it(run: &Run, position: &Position, limits: &Limits) -> Next {
    match &position.aliases {
        Seen::Present(aliases) if aliases.is_empty() => {}
        Seen::Present(aliases) => {
            return kept(
                run,
                &format!(
                    "the aliases {} are on it, so that searches may rest on it",
                    aliases.join(", ")
                ),
            );
        }
        Seen::Absent => return look(limits, "whether an alias is on the copy is not seen".to_owned()),
        Seen::Unknown(why) => {
            return look(
                limits,
                format!("whether an alias is on the copy is unknown: {why}"),
            );
        }
    }
    match attempt(run, position, limits, Step::DropBeside) {
        Attempt::Send => Next::Do(Step::DropBeside),
        Attempt::Wait(why) => look(limits, why),
        Attempt::GiveUp(why) => kept(run, &why),
    }
}

/// The copy stays where it is: a person gets the command.
fn kept(run: &Run, why: &str) -> Next {
    let basis = &run.plan().basis;
    let uuid = run.born().map_or("unknown", IndexUuid::as_str);
    Next::Close {
        outcome: RunOutcome::NotCured,
        reason: format!(
            "{}; the follower `{}` is as it was, and the copy `{}` was left in place: {why}",
            run.backing_out().unwrap_or("backing out"),
            basis.follower,
            basis.target()
        ),
        person_must: Some(format!(
            "if nothing reads `{}` on `{}`, look at its UUID ({uuid}) and delete it:\n{}",
            basis.target(),
            basis.cluster,
            run.before().undo.join("\n")
        )),
        held: None,
    }
}

fn backed_out(run: &Run) -> Next {
    let reason = run.backing_out().unwrap_or("backing out");
    Next::Close {
        outcome: if run.touched() {
            RunOutcome::BackedOut
        } else {
            RunOutcome::Refused
        },
        reason: format!(
            "{reason}; the follower `{}` was not touched",
            run.plan().basis.follower
        ),
        person_must: None,
        held: None,
    }
}

/// The copy is proven. Handing over is for people: Elasticsearch lets nobody move an alias of a
/// follower (403, recorded on both versions), and who reads the old name only they know.
pub(super) fn done(run: &Run, position: &Position) -> Next {
    let basis = &run.plan().basis;
    let lost = &position.proof.not_restored;
    let mut reason = format!(
        "`{}` is copied beside `{}`, and proven to follow; `{}` is as it was",
        basis.target(),
        basis.follower,
        basis.follower
    );
    if !lost.is_empty() {
        reason.push_str("; not on the new one: ");
        reason.push_str(&lost.join(", "));
    }
    Next::Close {
        outcome: RunOutcome::Cured,
        reason,
        person_must: Some(format!(
            "hand over, and remove the old one when you are sure:\n{}",
            run.before().undo.join("\n")
        )),
        held: None,
    }
}
