//! Backing out: reopen, resume with the old parameters, see it as it was. Allowed under every brake.

use crate::domain::journal::RunOutcome;
use crate::domain::run::Run;
use crate::domain::run::climb::perhaps_theirs;
use crate::domain::run::next::{
    Attempt, Limits, Next, attempt, in_doubt, is_active, is_closed, look, passed, too_old, took_effect,
};
use crate::domain::run::position::Position;
use crate::domain::seen::Seen;
use crate::domain::step::Step;

pub(super) fn next(run: &Run, position: &Position, limits: &Limits) -> Next {
    if took_effect(run, position) == Seen::Present(true) {
        // It landed after all: nothing is left to go back to.
        return Next::Proven(
            Step::Follow,
            vec!["the PUT took effect after all: the copy comes from the leader cluster".to_owned()],
        );
    }
    if is_closed(position) {
        if run.reached(Step::Close) == 0 || run.found_closed() {
            return if run.paused_by_us() {
                stuck(
                    run,
                    Step::Pause,
                    "somebody else closed the follower, so it cannot be resumed",
                )
            } else {
                done(run)
            };
        }
        if run.sent(Step::Reopen).is_none()
            && let Some(why) = in_doubt(run, position, limits, Step::Close)
        {
            return perhaps_theirs(run, why);
        }
        return keep_trying(run, position, limits, Step::Reopen, Step::Close);
    }
    if run.reached(Step::Reopen) > 0 && !run.is_proven(Step::Reopen) {
        if too_old(run, position, Step::Reopen) {
            return look(limits, "the reopening was sent after this look began".to_owned());
        }
        return Next::Proven(Step::Reopen, vec!["the cluster state says open".to_owned()]);
    }
    // A close without an answer may still land; `_open` also takes back the block that it sets first.
    if in_the_air(run, Step::Close) && run.reached(Step::Reopen) == 0 {
        return keep_trying(run, position, limits, Step::Reopen, Step::Close);
    }
    if took_effect(run, position).is_unknown() && !passed(run.phase_at(), position.now, limits.quiet) {
        return look(limits, "whether the PUT took effect is unknown".to_owned());
    }
    if run.unfollowed_by_us() && position.follow.is_absent() {
        return Next::Close {
            outcome: RunOutcome::NotCured,
            reason: format!(
                "{}; it was unfollowed as the plan chose, and cannot be resumed",
                run.backing_out().unwrap_or("backing out")
            ),
            person_must: Some(format!(
                "the index is open with its documents and follows nothing; close it and follow again by hand, or keep it:\n{}",
                run.before().undo.join("\n")
            )),
            held: Some(Step::Unfollow),
        };
    }
    if is_active(position) {
        if run.reached(Step::ResumeBack) > 0 && !run.is_proven(Step::ResumeBack) {
            if too_old(run, position, Step::ResumeBack) {
                return look(limits, "the resume was sent after this look began".to_owned());
            }
            return Next::Proven(Step::ResumeBack, vec!["_ccr/info says active".to_owned()]);
        }
        if let Some(sent) = run.sent(Step::Pause)
            && in_the_air(run, Step::Pause)
            && !run.is_proven(Step::ResumeBack)
            && !passed(sent.settled_at(), position.now, limits.step)
        {
            return look(
                limits,
                "the pause has no answer and may still take effect".to_owned(),
            );
        }
        return done(run);
    }
    if !run.before().was_active {
        // It was paused when the run began; so it is again.
        return done(run);
    }
    if run.reached(Step::Pause) == 0 && run.reached(Step::ResumeBack) == 0 {
        // Paused, and not by us: left alone (safety 11).
        return done(run);
    }
    // The last of ours that made or ended the pause.
    let last = [Step::ResumeBack, Step::Resume, Step::Pause]
        .into_iter()
        .find(|step| run.reached(*step) > 0);
    if let Some(why) = last.and_then(|step| in_doubt(run, position, limits, step)) {
        return perhaps_theirs(run, why);
    }
    if position.primaries_started == Seen::Present(false)
        && run.sent(Step::ResumeBack).is_none()
        && !passed(run.phase_at(), position.now, limits.step.saturating_mul(2))
    {
        return look(limits, "its primaries are not started yet".to_owned());
    }
    keep_trying(run, position, limits, Step::ResumeBack, Step::Pause)
}

/// A request that may have reached the cluster, was not refused, and whose effect was never seen.
fn in_the_air(run: &Run, step: Step) -> bool {
    run.reached(step) > 0
        && !run.is_proven(step)
        && run.sent(step).is_some_and(|sent| sent.refusal().is_none())
}

/// Reopening and resuming are tried until a refusal has been heard often enough; without an
/// answer they are tried for as long as it takes, ever more slowly.
fn keep_trying(run: &Run, position: &Position, limits: &Limits, step: Step, held: Step) -> Next {
    let Some(sent) = run.sent(step) else {
        return Next::Do(step);
    };
    if position.looked_at < sent.settled_at() {
        return look(limits, format!("`{step}` was sent after this look began"));
    }
    if let Some(refusal) = sent.refusal()
        && sent.refused >= limits.attempts
    {
        return stuck(run, held, &format!("`{step}` is refused: {refusal}"));
    }
    // 2 s, 4 s, 8 s … up to a minute between two tries.
    let pause = limits
        .look
        .saturating_mul(1 << sent.count.min(5))
        .min(limits.step);
    let at_once = matches!(attempt(run, position, limits, step), Attempt::Send);
    if at_once || passed(sent.settled_at(), position.now, pause) {
        Next::Do(step)
    } else {
        look(
            limits,
            format!("backing out: `{step}` has not shown its effect yet"),
        )
    }
}

/// The follower is as it was.
fn done(run: &Run) -> Next {
    let reason = run.backing_out().unwrap_or("backing out").to_owned();
    if run.replaced() {
        // A rung before this one has copied, and the copy failed: red as it was, and not untouched.
        return Next::Close {
            outcome: RunOutcome::NotCured,
            reason: format!("the copy failed again, and the last rung was not taken: {reason}"),
            person_must: Some(
                "the follower has no data until it is copied again: remove what stands in the way, \
                 then let refollow plan the repair again"
                    .to_owned(),
            ),
            held: None,
        };
    }
    Next::Close {
        outcome: if run.touched() {
            RunOutcome::BackedOut
        } else {
            RunOutcome::Refused
        },
        reason,
        person_must: None,
        held: None,
    }
}

/// The follower cannot be put back: a person is told, with the commands.
fn stuck(run: &Run, held: Step, why: &str) -> Next {
    let reason = run.backing_out().unwrap_or("backing out");
    Next::Close {
        outcome: RunOutcome::NotCured,
        reason: format!("{reason}; and backing out failed: {why}"),
        person_must: Some(person_must(run, held)),
        held: Some(held),
    }
}

/// What a person must do about a follower that we left paused or closed.
pub(super) fn person_must(run: &Run, held: Step) -> String {
    let word = match held {
        Step::Close => "closed",
        Step::Delete => "deleted, and not followed again,",
        _ => "paused",
    };
    let text = format!(
        "`{}` on `{}` was left {word} by refollow; undo by hand:",
        run.plan().basis.follower,
        run.plan().basis.cluster
    );
    with_undo(run, text)
}

/// The text, and under it the commands that put the follower back.
pub(super) fn with_undo(run: &Run, mut text: String) -> String {
    for command in &run.before().undo {
        text.push('\n');
        text.push_str(command);
    }
    text
}
