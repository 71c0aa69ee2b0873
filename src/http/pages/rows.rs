//! Rows of the pages' tables and lists: each a thing of the API in the words of a person.
//!
//! Nothing here is HTML: templates escape every field, because names and reasons are other
//! people's texts.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::{DecisionKind, GuardResult, GuardVerdict};
use crate::domain::ids::{ClusterName, FollowerKey, PlanHash};
use crate::domain::journal::RunOutcome;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Evidence;
use crate::domain::words::{instant, length, relative};
use crate::http::dto::{FollowerItem, IncidentItem, PatternItem, PlanItem, RunItem};

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One segment of a path, or a value of a query.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

pub(super) fn follower_url(key: &FollowerKey) -> String {
    format!(
        "/followers/{}/{}",
        segment(key.cluster.as_str()),
        segment(key.index.as_str())
    )
}

pub(super) fn cluster_url(cluster: &ClusterName) -> String {
    format!("/clusters/{}", segment(cluster.as_str()))
}

pub(super) fn plan_url(hash: &PlanHash) -> String {
    format!("/plans/{hash}")
}

pub(super) fn run_url(run: &str) -> String {
    format!("/runs/{}", segment(run))
}

/// As many digits as `refollow plans` shows.
pub(super) fn short(hash: &PlanHash) -> String {
    hash.as_str().chars().take(12).collect()
}

/// `history_lost` → `history lost`.
pub(super) fn spaced(word: &str) -> String {
    word.replace('_', " ")
}

/// `2026-11-25T10:00:00Z (3m ago)`.
pub(super) fn moment(at: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", instant(at), relative(at, now))
}

/// A link.
pub(super) struct Link {
    pub(super) url: String,
    pub(super) text: String,
}

/// One fact with its name.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) url: Option<String>,
}

impl Fact {
    pub(super) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self {
            name,
            text: text.into(),
            url: None,
        }
    }

    pub(super) fn link(name: &'static str, text: impl Into<String>, url: String) -> Self {
        Self {
            name,
            text: text.into(),
            url: Some(url),
        }
    }
}

pub(super) const fn tone_of_state(state: State) -> &'static str {
    match state {
        State::Following => "good",
        State::CatchingUp | State::Retrying | State::Restoring | State::Paused => "warn",
        State::Fatal | State::Red | State::Missing | State::Stalled | State::Closed => "bad",
        State::Unknown => "",
    }
}

const fn tone_of_outcome(outcome: Option<RunOutcome>) -> &'static str {
    match outcome {
        Some(RunOutcome::Cured) => "good",
        Some(RunOutcome::BackedOut | RunOutcome::Refused) | None => "warn",
        Some(RunOutcome::NotCured | RunOutcome::CannotTell) => "bad",
    }
}

pub(super) fn tone_of_plan(state: &str) -> &'static str {
    match state {
        "pending" | "approved" | "running" => "warn",
        "done" => "good",
        _ => "",
    }
}

/// What the policy says, in words.
pub(super) const fn decision_words(decision: DecisionKind) -> &'static str {
    match decision {
        DecisionKind::Leave => "leaves it",
        DecisionKind::Wait => "waits",
        DecisionKind::Alert => "tells a person",
        DecisionKind::Ask => "asks a person",
        DecisionKind::Act => "acts",
    }
}

/// What holds, in a word.
pub(super) fn cause_words(cause: Cause) -> String {
    if cause == Cause::None {
        "nothing wrong".to_owned()
    } else {
        spaced(cause.as_str())
    }
}

/// A runway in a few words. Once it has ended nothing says that something *is* lost.
pub(super) fn runway_words(end: Option<Timestamp>, now: Timestamp) -> String {
    match end {
        None => String::new(),
        Some(end) if end <= now => "ended".to_owned(),
        Some(end) => relative(end, now),
    }
}

/// `resume, then recreate`.
pub(super) fn ladder_words(kind: &str, ladder: &[Remedy]) -> String {
    if kind == "extend_runway" {
        return "buy time".to_owned();
    }
    let rungs: Vec<String> = ladder.iter().map(|rung| spaced(rung.as_str())).collect();
    rungs.join(", then ")
}

/// One follower.
pub(super) struct FollowerRow {
    pub(super) url: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) tone: &'static str,
    pub(super) flapping: bool,
    pub(super) cause: String,
    pub(super) decision: &'static str,
    pub(super) lag: String,
    pub(super) runway: String,
    pub(super) open: Vec<Link>,
}

pub(super) fn key_of(follower: &FollowerItem) -> FollowerKey {
    FollowerKey {
        cluster: follower.cluster.clone(),
        index: follower.index.clone(),
    }
}

impl FollowerRow {
    pub(super) fn new(follower: &FollowerItem, now: Timestamp) -> Self {
        let key = key_of(follower);
        let run = follower.run.as_ref().map(|run| Link {
            url: run_url(run.as_str()),
            text: "run".to_owned(),
        });
        let plan = follower.plan.as_ref().map(|hash| Link {
            url: plan_url(hash),
            text: "plan".to_owned(),
        });
        Self {
            url: follower_url(&key),
            name: key.to_string(),
            state: spaced(follower.state.as_str()),
            tone: tone_of_state(follower.state),
            flapping: follower.flapping,
            cause: if follower.cause == Cause::None {
                String::new()
            } else {
                cause_words(follower.cause)
            },
            decision: decision_words(follower.decision),
            lag: follower
                .lag_operations
                .map_or_else(|| "unknown".to_owned(), |lag| lag.to_string()),
            runway: runway_words(follower.runway_expires_at, now),
            open: run.into_iter().chain(plan).collect(),
        }
    }
}

/// One incident.
pub(super) struct IncidentRow {
    pub(super) cause: String,
    pub(super) what: String,
    pub(super) followers: u64,
    pub(super) since: String,
    pub(super) url: String,
}

impl IncidentRow {
    pub(super) fn new(incident: &IncidentItem, now: Timestamp) -> Self {
        Self {
            cause: cause_words(incident.cause),
            what: incident.what.clone(),
            followers: incident.followers,
            since: incident.since.map(|at| moment(at, now)).unwrap_or_default(),
            url: format!("/search?q={}", segment(&incident.id)),
        }
    }
}

/// One auto-follow pattern.
pub(super) struct PatternRow {
    pub(super) id: String,
    pub(super) url: String,
    pub(super) name: String,
    pub(super) cause: String,
    pub(super) tone: &'static str,
    pub(super) evidence: String,
}

impl PatternRow {
    pub(super) fn new(pattern: &PatternItem) -> Self {
        Self {
            id: format!("pattern-{}", segment(&pattern.name)),
            url: cluster_url(&pattern.cluster),
            name: format!("{}/{}", pattern.cluster, pattern.name),
            cause: cause_words(pattern.cause),
            tone: match pattern.cause {
                Cause::None => "good",
                Cause::AutoFollowFailing => "bad",
                _ => "",
            },
            evidence: pattern
                .evidence
                .first()
                .map(|one| format!("{} = {}", one.field, one.value))
                .unwrap_or_default(),
        }
    }
}

/// One guard.
pub(super) struct GuardRow {
    pub(super) verdict: &'static str,
    pub(super) tone: &'static str,
    pub(super) name: String,
    pub(super) inputs: String,
    pub(super) changes: String,
}

/// Guards, those first that hold a remedy back.
pub(super) fn guards(guards: &[GuardResult], now: Timestamp) -> Vec<GuardRow> {
    let mut sorted: Vec<&GuardResult> = guards.iter().collect();
    sorted.sort_by_key(|guard| match guard.verdict {
        GuardVerdict::Block => 0,
        GuardVerdict::Unknown => 1,
        GuardVerdict::Pass => 2,
    });
    let row = |guard: &GuardResult| GuardRow {
        verdict: guard.verdict.as_str(),
        tone: match guard.verdict {
            GuardVerdict::Pass => "good",
            GuardVerdict::Block => "bad",
            GuardVerdict::Unknown => "warn",
        },
        name: spaced(&guard.name),
        inputs: guard.inputs.clone(),
        changes: guard.changes_at.map(|at| relative(at, now)).unwrap_or_default(),
    };
    sorted.into_iter().map(row).collect()
}

/// One piece of evidence.
pub(super) struct EvidenceRow {
    pub(super) field: String,
    pub(super) value: String,
    pub(super) call: String,
    pub(super) at: String,
}

pub(super) fn evidence(evidence: &[Evidence]) -> Vec<EvidenceRow> {
    evidence
        .iter()
        .map(|one| EvidenceRow {
            field: one.field.clone(),
            value: one.value.clone(),
            call: one.source(),
            at: instant(one.at),
        })
        .collect()
}

/// One plan.
pub(super) struct PlanRow {
    pub(super) url: String,
    pub(super) short: String,
    pub(super) follower_url: String,
    pub(super) follower: String,
    pub(super) state: String,
    pub(super) tone: &'static str,
    pub(super) cause: String,
    pub(super) ladder: String,
    pub(super) expires: String,
    pub(super) held: String,
}

impl PlanRow {
    pub(super) fn new(plan: &PlanItem, now: Timestamp) -> Self {
        let open = matches!(plan.state.as_str(), "pending" | "approved" | "running");
        let held: Vec<String> = plan
            .guards
            .iter()
            .filter(|guard| open && !guard.passes())
            .map(|guard| spaced(&guard.name))
            .collect();
        Self {
            url: plan_url(&plan.hash),
            short: short(&plan.hash),
            follower_url: follower_url(&plan.follower),
            follower: plan.follower.to_string(),
            state: plan.state.clone(),
            tone: tone_of_plan(&plan.state),
            cause: cause_words(plan.cause),
            ladder: ladder_words(&plan.kind, &plan.ladder),
            expires: if plan.state == "pending" {
                relative(plan.expires_at, now)
            } else {
                String::new()
            },
            held: held.join(", "),
        }
    }
}

/// One run.
pub(super) struct RunRow {
    pub(super) url: String,
    pub(super) id: String,
    pub(super) follower_url: String,
    pub(super) follower: String,
    pub(super) outcome: String,
    pub(super) tone: &'static str,
    pub(super) remedy: String,
    pub(super) step: String,
    pub(super) began: String,
    pub(super) took: String,
}

/// How a run stands, with its tone.
pub(super) fn outcome_words(run: &RunItem) -> (String, &'static str) {
    let words = run
        .outcome
        .map_or_else(|| "running".to_owned(), |outcome| spaced(outcome.as_str()));
    (words, tone_of_outcome(run.outcome))
}

/// From its begin to its end, or so far.
pub(super) fn took(run: &RunItem, now: Timestamp) -> String {
    let millis = |from| millis_between(from, run.closed_at.unwrap_or(now)).max(0);
    run.opened_at
        .map(|from| length(millis(from).unsigned_abs() / 1000))
        .unwrap_or_default()
}

impl RunRow {
    pub(super) fn new(run: &RunItem, now: Timestamp) -> Self {
        let (outcome, tone) = outcome_words(run);
        let step = run.steps.last();
        Self {
            url: run_url(run.id.as_str()),
            id: run.id.to_string(),
            follower_url: follower_url(&run.follower),
            follower: run.follower.to_string(),
            outcome,
            tone,
            remedy: run
                .remedy
                .map(|remedy| spaced(remedy.as_str()))
                .unwrap_or_default(),
            step: step
                .map(|step| format!("{}: {}", spaced(&step.name), spaced(&step.state)))
                .unwrap_or_default(),
            began: run.opened_at.map(|at| relative(at, now)).unwrap_or_default(),
            took: took(run, now),
        }
    }
}
