//! After the PUT took effect: only forward. Watch the copy, see it follow, put its own settings
//! back, verify (safety 12).

use crate::domain::cause::Remedy;
use crate::domain::journal::{RunOutcome, StepAnswer};
use crate::domain::run::back::person_must;
use crate::domain::run::next::{
    Attempt, Limits, Next, attempt, is_active, is_closed, lasted, look, passed, too_old,
};
use crate::domain::run::position::{Position, Restore};
use crate::domain::run::{Run, beside};
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::step::Step;

pub(super) fn close(outcome: RunOutcome, reason: String, person_must: Option<String>) -> Next {
    Next::Close {
        outcome,
        reason,
        person_must,
        held: None,
    }
}

pub(super) fn next(run: &Run, position: &Position, limits: &Limits) -> Next {
    if is_closed(position) {
        return close(
            RunOutcome::CannotTell,
            format!(
                "after the follow, somebody else closed `{}`",
                run.plan().basis.target()
            ),
            Some("find out who closed the follower, and why".to_owned()),
        );
    }
    if run.proven_at(run.put()).is_some_and(|at| position.looked_at < at) {
        // A look is several calls. One that began while the index was still closed can show the
        // closed index's started primaries beside the open index.
        return look(limits, "this look began before the follow was seen".to_owned());
    }
    if !run.is_proven(Step::WatchRecovery) {
        return watch(run, position, limits);
    }
    if !run.is_proven(Step::ResumeRestored) {
        return following(run, position, limits);
    }
    if position.verdict.state == State::Fatal && lasted(position.since.fatal, position.now, limits.look) {
        return close(
            RunOutcome::NotCured,
            format!("recreated, and fatal again: {}", position.verdict.cause),
            Some("the copy is new and still does not follow; see the evidence".to_owned()),
        );
    }
    if !is_active(position) {
        return close(
            RunOutcome::CannotTell,
            "after the recreate, somebody else paused the follower".to_owned(),
            Some("find out who paused the follower, and why".to_owned()),
        );
    }
    match settings(run, position, limits) {
        Some(next) => next,
        None => verify(run, position, limits),
    }
}

/// The copy from the leader cluster.
fn watch(run: &Run, position: &Position, limits: &Limits) -> Next {
    let failed = |reason: &str| {
        if run.is_beside() {
            return Next::BackOut(format!("the remote recovery of the copy failed: {reason}"));
        }
        // Only a plan that was made for a failed restore lists this rung.
        if run.rung() == Some(Remedy::Recreate) && run.plan().basis.ladder.contains(&Remedy::DeleteAndFollow)
        {
            return Next::Rung(Remedy::DeleteAndFollow);
        }
        close(
            RunOutcome::NotCured,
            format!("the remote recovery failed: {reason}"),
            Some(
                "the follower has no data until it is copied again: see the allocation explanation, \
                 remove the reason, then let refollow plan the repair of `restore_failed`"
                    .to_owned(),
            ),
        )
    };
    match &position.restore {
        Seen::Present(Restore::Failed { reason }) => {
            if lasted(position.since.failed, position.now, limits.failed) {
                failed(reason)
            } else {
                look(limits, format!("the copy seems to have failed: {reason}"))
            }
        }
        Seen::Present(Restore::Running { bytes, total }) => {
            let figures = match total {
                Some(total) => format!("{bytes} of {total} bytes copied"),
                None => format!("{bytes} bytes copied"),
            };
            if lasted(position.since.still, position.now, limits.stuck) {
                look(
                    limits,
                    format!(
                        "stuck: {figures}, and none for {} minutes; a person should look",
                        limits.stuck.as_secs() / 60
                    ),
                )
            } else {
                look(limits, figures)
            }
        }
        // `None` beside started primaries: the copy has moved to another node since, and its
        // recovery is no longer the one from the leader.
        Seen::Present(restore @ (Restore::Done | Restore::None)) => match position.primaries_started {
            Seen::Present(true) => Next::Proven(
                Step::WatchRecovery,
                vec!["all primaries are started, the copy is complete".to_owned()],
            ),
            Seen::Present(false)
                if *restore == Restore::None
                    && position.verdict.state == State::Red
                    && lasted(position.since.failed, position.now, limits.failed) =>
            {
                failed("a primary is not allocated and no copy is running")
            }
            Seen::Present(false) | Seen::Absent => {
                look(limits, "primaries are not all started yet".to_owned())
            }
            Seen::Unknown(ref why) => {
                look(limits, format!("whether primaries are started is unknown: {why}"))
            }
        },
        Seen::Absent => look(limits, "no recovery is listed yet".to_owned()),
        Seen::Unknown(why) => look(limits, format!("the recovery could not be read: {why}")),
    }
}

/// Restored: the server resumes by itself; where it did not, we do.
fn following(run: &Run, position: &Position, limits: &Limits) -> Next {
    if too_old(run, position, Step::ResumeRestored) {
        return look(limits, "the resume was sent after this look began".to_owned());
    }
    if is_active(position) {
        return Next::Proven(
            Step::ResumeRestored,
            vec!["_ccr/info says active after the copy".to_owned()],
        );
    }
    if matches!(position.restore, Seen::Present(Restore::Running { .. })) {
        return look(limits, "a copy is running again".to_owned());
    }
    let refused = run.sent(run.put()).is_some_and(|sent| sent.refusal().is_some());
    // The PUT's own answer may say that nothing was started: then nothing is waited for.
    let told = run.sent(run.put()).is_some_and(|sent| {
        matches!(&sent.answer, Some(StepAnswer::Accepted { body, .. })
            if body.replace(' ', "").contains("\"index_following_started\":false"))
    });
    if run.sent(Step::ResumeRestored).is_none()
        && !refused
        && !told
        && !lasted(
            position.since.restored_paused,
            position.now,
            limits.resume_restored,
        )
    {
        return look(
            limits,
            "restored; the server should start following by itself".to_owned(),
        );
    }
    match attempt(run, position, limits, Step::ResumeRestored) {
        Attempt::Send => Next::Do(Step::ResumeRestored),
        Attempt::Wait(why) => look(limits, why),
        Attempt::GiveUp(why) => {
            if run.is_beside()
                && run
                    .sent(Step::ResumeRestored)
                    .is_some_and(|sent| sent.count >= limits.attempts)
            {
                return Next::BackOut(format!(
                    "the copy is there, and following could not be started: {why}"
                ));
            }
            let sent = run.sent(Step::ResumeRestored);
            let tries = sent.map_or(0, |sent| sent.count);
            let settled = sent.map_or(run.phase_at(), super::Sent::settled_at);
            // A refusal right after a restore can pass (reference 3.8 and ES#145304).
            if tries < limits.attempts {
                if passed(settled, position.now, limits.resume_restored) {
                    return Next::Do(Step::ResumeRestored);
                }
                return look(limits, format!("{why}; once more in a moment"));
            }
            Next::Close {
                outcome: RunOutcome::NotCured,
                reason: format!("the copy is there, and following could not be started: {why}"),
                person_must: Some(person_must(run, Step::Follow)),
                held: Some(Step::Follow),
            }
        }
    }
}

/// Own settings back, and blocks copied from the leader away. `None`: nothing (more) to do here.
pub(super) fn settings(run: &Run, position: &Position, limits: &Limits) -> Option<Next> {
    if run.is_proven(Step::RestoreSettings) {
        return None;
    }
    if too_old(run, position, Step::RestoreSettings) {
        return Some(look(
            limits,
            "the settings were sent after this look began".to_owned(),
        ));
    }
    match &position.proof.settings {
        Seen::Present(differ) if differ.is_empty() => Some(Next::Proven(
            Step::RestoreSettings,
            vec!["the follower's own settings are as they were".to_owned()],
        )),
        Seen::Present(differ) => match attempt(run, position, limits, Step::RestoreSettings) {
            Attempt::Send => Some(Next::Do(Step::RestoreSettings)),
            Attempt::Wait(why) => Some(look(limits, why)),
            Attempt::GiveUp(why) => {
                let names: Vec<&str> = differ.keys().map(String::as_str).collect();
                Some(close(
                    RunOutcome::CannotTell,
                    format!(
                        "it follows again, but its own settings could not be put back ({}): {why}",
                        names.join(", ")
                    ),
                    Some(format!("put these settings back by hand: {}", names.join(", "))),
                ))
            }
        },
        Seen::Absent => Some(look(limits, "its settings could not be seen".to_owned())),
        Seen::Unknown(why) => Some(look(limits, format!("its settings could not be read: {why}"))),
    }
}

/// Proves the cure. Three endings: cured, not cured, cannot tell.
pub(super) fn verify(run: &Run, position: &Position, limits: &Limits) -> Next {
    let open = open_checks(position, limits);
    if open.is_empty() {
        if !run.is_proven(Step::Verify) {
            return Next::Proven(Step::Verify, proofs(position));
        }
        return cured(run, position);
    }
    if run.is_proven(Step::Verify) {
        // Proven a moment ago; the closing entry was all that was missing.
        return cured(run, position);
    }
    if let Some(end) = documents_differ(position, limits) {
        return end;
    }
    let since = run
        .proven_at(Step::RestoreSettings)
        .unwrap_or_else(|| run.phase_at());
    // While it is behind and catching up, waiting is right; the clock runs when nothing moves.
    let moving = position.proof.lag.present().is_some_and(|lag| *lag > 0)
        && !lasted(position.since.lag_not_falling, position.now, limits.prove);
    if passed(since, position.now, limits.verify) && !moving {
        return close(
            RunOutcome::CannotTell,
            format!("it could not be proven within the time: {}", open.join("; ")),
            Some("compare both indices by hand".to_owned()),
        );
    }
    look(limits, open.join("; "))
}

/// Documents that differ at a common checkpoint, for longer than a refresh takes.
pub(super) fn documents_differ(position: &Position, limits: &Limits) -> Option<Next> {
    if !lasted(
        position.since.documents_differ,
        position.now,
        limits.settle.saturating_mul(2).max(limits.documents),
    ) {
        return None;
    }
    let figures = position
        .proof
        .documents
        .present()
        .map_or_else(String::new, |docs| {
            format!(
                " ({} on the follower, {} on the leader)",
                docs.follower, docs.leader
            )
        });
    // Counts show refreshed documents only, and a leader that is written to moves on between
    // the two looks: they raise a doubt and prove no loss.
    Some(close(
        RunOutcome::CannotTell,
        format!("all checkpoints are equal, and the document counts are not{figures}"),
        Some(
            "compare the two indices after a `_refresh` of both: all operations are there and the count differs all the same"
                .to_owned(),
        ),
    ))
}

fn cured(run: &Run, position: &Position) -> Next {
    if run.is_beside() {
        return beside::done(run, position);
    }
    let reason = match run.rung() {
        Some(Remedy::Resume) => "resumed after the copy, and proven to follow",
        Some(Remedy::DeleteAndFollow) => "deleted, followed as a new index, and proven to follow",
        _ => "recreated, and proven to follow",
    };
    let lost = &position.proof.not_restored;
    let reason = if lost.is_empty() {
        reason.to_owned()
    } else {
        format!("{reason}; not restored: {}", lost.join(", "))
    };
    close(RunOutcome::Cured, reason, None)
}

/// What is not proven yet.
fn open_checks(position: &Position, limits: &Limits) -> Vec<String> {
    let mut open = Vec::new();
    let mut check = |seen: &Seen<bool>, what: &str| match seen {
        Seen::Present(true) => {}
        Seen::Present(false) => open.push(what.to_owned()),
        Seen::Absent => open.push(format!("{what} (nothing to see)")),
        Seen::Unknown(why) => open.push(format!("{what} (unknown: {why})")),
    };
    check(&position.primaries_started, "not all primaries are active");
    check(
        &position.proof.leases_fresh,
        "not every leader shard holds a fresh lease",
    );
    check(
        &position.proof.documents_equal,
        "documents were not yet seen equal",
    );
    match &position.proof.parameters {
        Seen::Present(differ) if differ.is_empty() => {}
        Seen::Present(differ) => open.push(format!("parameters differ: {}", differ.join(", "))),
        Seen::Absent | Seen::Unknown(_) => open.push("its parameters could not be read".to_owned()),
    }
    match &position.proof.settings {
        Seen::Present(differ) if differ.is_empty() => {}
        Seen::Present(differ) => {
            let names: Vec<&str> = differ.keys().map(String::as_str).collect();
            open.push(format!("own settings differ: {}", names.join(", ")));
        }
        Seen::Absent | Seen::Unknown(_) => open.push("its settings could not be read".to_owned()),
    }
    if !matches!(position.verdict.state, State::Following | State::CatchingUp) {
        open.push(format!("its state is {}", position.verdict.state));
    } else if !lasted(position.since.following, position.now, limits.settle) {
        open.push(format!(
            "it has not followed for {} s yet",
            limits.settle.as_secs()
        ));
    }
    open
}

fn proofs(position: &Position) -> Vec<String> {
    let mut proofs = vec![
        format!("state {}", position.verdict.state),
        "all primaries are active".to_owned(),
        "fresh leases on every leader shard".to_owned(),
        "own settings and parameters are as they were".to_owned(),
    ];
    if let Seen::Present(lag) = position.proof.lag {
        proofs.push(format!("{lag} operations behind"));
    }
    if let Seen::Present(docs) = position.proof.documents {
        proofs.push(format!(
            "{} documents on the follower, {} on the leader",
            docs.follower, docs.leader
        ));
    }
    proofs
}
