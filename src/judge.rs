//! From facts and memory to a verdict: state, cause, evidence, ladder (contract, *States*,
//! *Causes*, *Precedence*, *Proof of identity*, *Boldness*). Pure: time is an argument.
//!
//! One small rule per cause, grouped by subject below; each says what it reads, on which
//! versions and recordings it was seen, and what would make it wrong. A rule only says whether
//! its cause fits; which of several counts, and how much of its ladder may stand on what is
//! known, is decided here and in `ladder`. *Noticed within* counts from the failure to the verdict,
//! at the intervals of the shipped configuration (a look every 15 s, the leader's every 60 s, a
//! tenth of either for jitter); `tests/it/silent/noticed.rs` holds the rules to it.

mod case;
mod diverged;
mod follower;
mod identity;
pub mod incident;
mod known;
mod ladder;
mod leader;
mod needs;
pub mod pattern;
mod remote;
mod restore;
mod restore_reason;
mod rewound;
mod runway;
mod state;
mod task;

use std::collections::BTreeMap;

use crate::domain::cause::Cause;
use crate::domain::facts::Facts;
use crate::domain::memory::{LeaseMark, Memory};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::{Evidence, Identity, Verdict};

use case::{Case, evidence};

pub use needs::Need;

/// Pieces of evidence kept with a verdict.
const MAX_EVIDENCE: usize = 12;

/// A cause that fits, and why.
#[derive(Debug, Clone)]
pub(crate) struct Fit {
    /// It is true now. What is only left of something past does not outrank lost history.
    now: bool,
    evidence: Vec<Evidence>,
}

impl Fit {
    fn now(evidence: Vec<Evidence>) -> Self {
        Self { now: true, evidence }
    }

    fn past(evidence: Vec<Evidence>) -> Self {
        Self { now: false, evidence }
    }
}

type Rule = fn(&Case<'_>) -> Option<Fit>;

/// The rule of each cause that has one of its own, in the order of the contract's precedence.
/// `unknown`, `unclassified`, `stalled` and `none` depend on the others and are added by `fits`.
const RULES: &[(Cause, Rule)] = &[
    (Cause::License, remote::license),
    (Cause::Unfollowed, follower::unfollowed),
    (Cause::Missing, follower::missing),
    (Cause::LeaderDeleted, leader::deleted),
    (Cause::RemoteRepointed, leader::repointed),
    (Cause::LeaderReplaced, leader::replaced),
    (Cause::LeaderRewound, rewound::rewound),
    (Cause::LeaderNotFollowable, leader::not_followable),
    (Cause::RestoreStuck, restore::stuck),
    (Cause::Restoring, restore::restoring),
    (Cause::RestoreFailed, restore::failed),
    (Cause::RestoredNotFollowing, restore::not_following),
    (Cause::RemoteNotConfigured, remote::not_configured),
    (Cause::RemoteUnreachable, remote::unreachable),
    (Cause::Credentials, remote::credentials),
    (Cause::LeaderClosed, leader::closed),
    (Cause::LeaderUnavailable, leader::unavailable),
    (Cause::FollowerClosed, follower::closed),
    (Cause::FollowerUnallocated, follower::unallocated),
    (Cause::FollowerBlocked, follower::blocked),
    (Cause::SettingsDiverged, task::settings_diverged),
    (Cause::LeaderChangeRejected, task::change_rejected),
    (Cause::FollowerRewritten, task::rewritten),
    (Cause::HistoryLost, task::history_lost),
    (Cause::Paused, follower::paused),
    (Cause::TaskUnassigned, follower::task_unassigned),
    (Cause::Overloaded, remote::overloaded),
    (Cause::Diverged, diverged::diverged),
];

/// Causes that explain a fatal exception of a known kind, beside which `unclassified` does not fit.
const EXPLAIN_FATAL: &[Cause] = &[
    Cause::License,
    Cause::LeaderDeleted,
    Cause::LeaderReplaced,
    Cause::LeaderRewound,
    Cause::RemoteNotConfigured,
    Cause::RemoteUnreachable,
    Cause::Credentials,
    Cause::LeaderChangeRejected,
    Cause::FollowerRewritten,
    Cause::HistoryLost,
    Cause::Overloaded,
];

/// Judges one follower.
pub fn judge(facts: &Facts, memory: Option<&Memory>) -> Verdict {
    let nothing = Memory::default();
    let case = Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    };
    let state = state::state(&case);
    let identity = identity::identity(&case);
    let mut fits = fits(&case);
    fits.sort_by_key(|(cause, fit)| rank(*cause, fit.now));
    let mut fits = fits.into_iter();
    let (first, fit) = fits
        .next()
        .unwrap_or_else(|| (Cause::None, Fit::now(why_nothing(&case, state))));
    let (ladder, approval) = ladder::of(&case, first, identity);
    let mut evidence = fit.evidence;
    evidence.truncate(MAX_EVIDENCE);
    Verdict {
        state,
        cause: first,
        also: fits.map(|(other, _)| other).collect(),
        ladder,
        approval,
        identity,
        flapping: false,
        evidence,
    }
}

/// Every cause that fits.
fn fits(case: &Case<'_>) -> Vec<(Cause, Fit)> {
    let mut fits: Vec<(Cause, Fit)> = RULES
        .iter()
        .filter_map(|(cause, rule)| Some((*cause, rule(case)?)))
        .collect();
    let has = |fits: &[(Cause, Fit)], cause: Cause| fits.iter().any(|(one, _)| *one == cause);
    if state::could_not_be_looked_at(case) && !has(&fits, Cause::License) {
        fits.push((Cause::Unknown, Fit::now(why_unknown(case))));
    }
    let explained = fits.iter().any(|(cause, _)| EXPLAIN_FATAL.contains(cause));
    if let Some(fit) = task::unclassified(case, explained) {
        fits.push((Cause::Unclassified, fit));
    }
    if fits.is_empty()
        && let Some(fit) = task::stalled(case)
    {
        fits.push((Cause::Stalled, fit));
    }
    fits
}

/// Place in the precedence; what is not true now comes right after lost history.
fn rank(cause: Cause, now: bool) -> (usize, bool) {
    let place = |wanted: Cause| {
        Cause::PRECEDENCE
            .iter()
            .position(|one| *one == wanted)
            .unwrap_or(usize::MAX)
    };
    if now {
        (place(cause), false)
    } else {
        (place(cause).max(place(Cause::HistoryLost)), true)
    }
}

/// Why it could not be looked at.
fn why_unknown(case: &Case<'_>) -> Vec<Evidence> {
    use crate::domain::facts::Series;
    use crate::domain::seen::Seen;
    fn why<T>(series: &Series<T>, field: &str) -> Option<Evidence> {
        let seen = series.last()?;
        match &seen.value {
            Seen::Unknown(why) => Some(evidence(seen, field, why)),
            Seen::Absent => Some(evidence(seen, field, "(missing)")),
            Seen::Present(_) => None,
        }
    }
    let side = &case.facts.follower;
    let found: Vec<Evidence> = [why(&side.stats, "_ccr/stats"), why(&side.info, "_ccr/info")]
        .into_iter()
        .flatten()
        .collect();
    if !found.is_empty() {
        return found;
    }
    vec![Evidence {
        field: "_ccr/stats".to_owned(),
        value: "(not asked)".to_owned(),
        call: format!("{}: no call", case.facts.key.cluster),
        at: case.facts.now,
    }]
}

/// What shows that nothing is wrong, or that our own run holds it.
fn why_nothing(case: &Case<'_>, state: State) -> Vec<Evidence> {
    if let Some(run) = &case.memory.own_run
        && (run.paused || run.closed)
        && matches!(state, State::Paused | State::Closed)
    {
        return vec![Evidence {
            field: "remembered.own_run".to_owned(),
            value: format!("run {} holds it", run.id),
            call: format!("{}: journal", case.facts.key.cluster),
            at: run.at,
        }];
    }
    let rising = case.rising();
    if !rising.is_empty() {
        return rising
            .into_iter()
            .map(|rising| {
                let exception = &rising.read.exception;
                evidence(
                    rising.seen,
                    format!(
                        "shards[{}].read_exceptions[{}].exception",
                        rising.shard, rising.entry
                    ),
                    format!("{}: {}", exception.kind, exception.reason),
                )
            })
            .collect();
    }
    case.shards()
        .take(3)
        .map(|(seen, shard)| {
            evidence(
                seen,
                format!("shards[{}].follower_global_checkpoint", shard.shard),
                case::number(shard.follower_global_checkpoint.get()),
            )
        })
        .collect()
}

/// What a follower is doing now.
pub fn state(facts: &Facts, memory: Option<&Memory>) -> State {
    let nothing = Memory::default();
    state::state(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}

/// When retries of a read, or failed writes with none succeeding, rose between the last two looks;
/// `None` where they did not.
pub fn rose_at(facts: &Facts) -> Option<Timestamp> {
    let nothing = Memory::default();
    let case = Case {
        facts,
        memory: &nothing,
    };
    let of_reads = case.rising().first().map(|rising| rising.seen.at);
    of_reads.or_else(|| case.writes_failing().map(|(seen, _)| seen.at))
}

/// Operations behind the leader, summed over shards: by the leader's own word where it was
/// asked, else by the follow tasks'. `None` where no shard tells.
pub fn lag(facts: &Facts) -> Option<i64> {
    let nothing = Memory::default();
    let lags = state::lag_by_shard(&Case {
        facts,
        memory: &nothing,
    });
    if lags.is_empty() {
        return None;
    }
    Some(lags.into_iter().fold(0, i64::saturating_add))
}

/// When the leader may begin to discard what the follower still needs, the earliest over its
/// shards; `None` while every shard's lease is being renewed, and where nothing tells.
pub fn runway(facts: &Facts, memory: Option<&Memory>) -> Option<Timestamp> {
    let nothing = Memory::default();
    runway::expires_at(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}

/// [`runway`] of each shard whose lease nothing renews.
pub fn runway_by_shard(facts: &Facts, memory: Option<&Memory>) -> BTreeMap<u32, Timestamp> {
    let nothing = Memory::default();
    runway::by_shard(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}

/// What the follower's leases said last and the period that the leader sets, to be remembered.
pub fn leases(facts: &Facts, memory: Option<&Memory>) -> (BTreeMap<u32, LeaseMark>, Option<String>) {
    let nothing = Memory::default();
    let case = Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    };
    (runway::marks(&case), runway::period_text(&case))
}

/// Is the index at the leader's place the one that was followed?
pub fn identity(facts: &Facts, memory: Option<&Memory>) -> Identity {
    let nothing = Memory::default();
    identity::identity(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}

/// The leader's UUID and history UUIDs that are followed, as far as they are known: from the
/// follower's own metadata or tasks, else remembered. What a plan is made of.
pub fn followed(
    facts: &Facts,
    memory: Option<&Memory>,
) -> (
    Option<crate::domain::ids::IndexUuid>,
    Option<Vec<crate::domain::ids::HistoryUuid>>,
) {
    let nothing = Memory::default();
    identity::followed(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}

/// Which further looks would settle the verdict, most useful first. Empty for a healthy follower.
pub fn needs(facts: &Facts, memory: Option<&Memory>) -> Vec<Need> {
    let nothing = Memory::default();
    needs::needs(&Case {
        facts,
        memory: memory.unwrap_or(&nothing),
    })
}
