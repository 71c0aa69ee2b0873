//! The proof of a resume (safety 12): what shows that it cured, and the three ends it can have.
//!
//! A resume copies nothing, so its proof is that the follower reaches its leader and keeps up. All
//! of it stands in the looks that the run makes anyway. That bounds its price: where nothing is
//! wrong the proof is had within the settling time (leases are renewed every 30 s), and a leader that
//! is written all the time need not be caught up with. Documents are compared where two looks met
//! both sides at a common checkpoint, and are not waited for.

use crate::domain::cause::{Cause, Remedy};
use crate::domain::journal::RunOutcome;
use crate::domain::run::Run;
use crate::domain::run::finish::{self, close};
use crate::domain::run::next::{Limits, Next, is_active, is_closed, lasted, look, passed};
use crate::domain::run::position::Position;
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::step::Step;
use crate::domain::time::Span;

/// How often Elasticsearch renews a follower's lease (reference 5: 30 s, cannot be set).
const RENEWAL: Span = Span::from_secs(30);

/// Resumed: does it follow, or is it fatal again for the same cause?
pub(super) fn resumed(run: &Run, position: &Position, limits: &Limits) -> Next {
    let verdict = &position.verdict;
    let resumed_at = run.proven_at(Step::Resume).unwrap_or_else(|| run.phase_at());
    if is_closed(position) || !is_active(position) {
        return close(
            RunOutcome::CannotTell,
            "after it had been resumed, somebody else paused or closed the follower".to_owned(),
            Some("find out who paused or closed it, and why".to_owned()),
        );
    }
    match verdict.state {
        State::Following | State::CatchingUp => {
            if !lasted(position.since.following, position.now, limits.settle) {
                return look(limits, format!("it follows since the resume ({})", verdict.state));
            }
            if run.plan().basis.cause == Cause::RestoredNotFollowing {
                // The copy that ours made and nobody has proven yet: own settings, then the proof.
                return finish::settings(run, position, limits)
                    .unwrap_or_else(|| finish::verify(run, position, limits));
            }
            proven(run, position, limits)
        }
        State::Fatal => {
            if !lasted(position.since.fatal, position.now, limits.look) {
                return look(limits, "fatal again; one more look to be sure".to_owned());
            }
            let same = verdict.cause == run.plan().basis.cause;
            if same && run.may_recreate_next() && verdict.ladder.contains(&Remedy::Recreate) {
                return Next::Rung(Remedy::Recreate);
            }
            close(
                RunOutcome::NotCured,
                if same {
                    format!(
                        "resumed, and fatal again for the same cause ({}); the plan has no further rung",
                        verdict.cause
                    )
                } else {
                    format!("resumed, and fatal again for another cause: {}", verdict.cause)
                },
                None,
            )
        }
        State::Unknown
        | State::Missing
        | State::Closed
        | State::Restoring
        | State::Red
        | State::Paused
        | State::Retrying
        | State::Stalled => {
            if passed(resumed_at, position.now, limits.prove) {
                let outcome = if verdict.state == State::Unknown {
                    RunOutcome::CannotTell
                } else {
                    RunOutcome::NotCured
                };
                return close(
                    outcome,
                    format!(
                        "resumed, and after {} s it is {} ({})",
                        limits.prove.as_secs(),
                        verdict.state,
                        verdict.cause
                    ),
                    None,
                );
            }
            look(limits, format!("resumed; now {}", verdict.state))
        }
    }
}

/// One check of the proof that does not hold.
struct Open {
    what: String,
    /// It was seen not to hold; otherwise it could not be seen.
    shown: bool,
}

/// It follows without a break for the settling time. Cured, or what is missing?
fn proven(run: &Run, position: &Position, limits: &Limits) -> Next {
    let proof = &position.proof;
    if let Some(differ) = proof.parameters.present().filter(|names| !names.is_empty()) {
        return close(
            RunOutcome::CannotTell,
            format!("it follows, but with other parameters: {}", differ.join(", ")),
            Some("compare the follow parameters with those in the undo file".to_owned()),
        );
    }
    let open = open_checks(position, limits);
    if open.is_empty() {
        if !run.is_proven(Step::ProveResume) {
            return Next::Proven(Step::ProveResume, proofs(position, limits));
        }
        return close(
            RunOutcome::Cured,
            "resumed, and proven to follow".to_owned(),
            None,
        );
    }
    if let Some(end) = finish::documents_differ(position, limits) {
        return end;
    }
    let missing: Vec<&str> = open.iter().map(|open| open.what.as_str()).collect();
    let missing = missing.join("; ");
    // By this process's own looks: one that has just started has not had the time yet.
    if lasted(
        position.since.following,
        position.now,
        limits.settle.saturating_add(limits.prove),
    ) {
        let shown = open.iter().any(|open| open.shown);
        return close(
            if shown {
                RunOutcome::NotCured
            } else {
                RunOutcome::CannotTell
            },
            format!(
                "resumed, and after {} s of following it is not proven: {missing}",
                limits.settle.saturating_add(limits.prove).as_secs()
            ),
            (!shown).then(|| "compare both indices by hand".to_owned()),
        );
    }
    look(limits, missing)
}

/// What does not hold, or could not be seen to.
fn open_checks(position: &Position, limits: &Limits) -> Vec<Open> {
    let proof = &position.proof;
    let mut open = Vec::new();
    let mut check = |seen: &Seen<bool>, what: &str| match seen {
        Seen::Present(true) => {}
        Seen::Present(false) => open.push(Open {
            what: what.to_owned(),
            shown: true,
        }),
        Seen::Absent => open.push(Open {
            what: format!("{what} (nothing to see)"),
            shown: false,
        }),
        Seen::Unknown(why) => open.push(Open {
            what: format!("{what} (unknown: {why})"),
            shown: false,
        }),
    };
    check(&position.primaries_started, "not all primaries are active");
    check(&proof.leases_fresh, "not every leader shard holds a fresh lease");
    // Who settles for less than a renewal takes cannot ask for one; fresh leases are asked of all.
    if limits.settle >= RENEWAL {
        check(
            &proof.leases_renewed,
            "not every lease was renewed since the resume",
        );
    }
    // Where no look met a common checkpoint the counts say nothing, and nothing is waited for.
    if proof.documents_equal == Seen::Present(false) {
        check(&proof.documents_equal, "the document counts differ");
    }
    match &proof.standing_still {
        Seen::Present(shards) => {
            let names: Vec<String> = shards.iter().map(u32::to_string).collect();
            check(
                &Seen::Present(shards.is_empty()),
                &format!(
                    "behind the leader and not catching up: shards {}",
                    names.join(", ")
                ),
            );
        }
        Seen::Absent => check(&Seen::Absent, "whether it keeps up"),
        Seen::Unknown(why) => check(&Seen::Unknown(why.clone()), "whether it keeps up"),
    }
    if proof.parameters.present().is_none() {
        check(&Seen::Absent, "its parameters could not be read");
    }
    let cause = position.verdict.cause;
    check(
        &Seen::Present(cause == Cause::None),
        &format!("something is wrong with it: {cause}"),
    );
    open
}

fn proofs(position: &Position, limits: &Limits) -> Vec<String> {
    let mut proofs = vec![
        format!(
            "state {} without a break for {} s",
            position.verdict.state,
            limits.settle.as_secs()
        ),
        "all primaries are active".to_owned(),
        "every lease on the leader was renewed since".to_owned(),
        "every shard is where the leader was a moment ago, or comes nearer".to_owned(),
        "parameters are as they were".to_owned(),
    ];
    if let Seen::Present(lag) = position.proof.lag {
        proofs.push(format!("{lag} operations behind"));
    }
    proofs.push(
        match (&position.proof.documents_equal, &position.proof.documents) {
            (Seen::Present(true), Seen::Present(documents)) => format!(
                "{} documents on the follower, {} on the leader",
                documents.follower, documents.leader
            ),
            _ => "the documents were not compared: the leader is being written".to_owned(),
        },
    );
    proofs
}
