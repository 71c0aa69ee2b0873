//! One run: how far it is, its steps, its journal, and the form to back out.

use askama::Template;

use crate::domain::access::Role;
use crate::domain::ids::RunId;
use crate::domain::journal::{Event, RunOutcome, StepAnswer, Trigger};
use crate::domain::time::millis_between;
use crate::domain::words::{instant, length};
use crate::http::App;
use crate::http::access::Access;
use crate::http::dto::{Problem, RunDetail, StepItem};
use crate::http::pages::frame::{Frame, Tab};
use crate::http::pages::rows::{Fact, follower_url, moment, outcome_words, plan_url, short, spaced, took};

struct StepRow {
    name: String,
    state: String,
    tone: &'static str,
    times: String,
}

struct JournalRow {
    seq: u64,
    at: String,
    what: &'static str,
    detail: String,
}

#[derive(Template)]
#[template(path = "run.html")]
pub(super) struct OneRun {
    frame: Frame,
    id: String,
    follower: String,
    follower_url: String,
    outcome: String,
    tone: &'static str,
    lead: String,
    progress: Option<String>,
    percent: Option<u8>,
    person_must: Option<String>,
    steps: Vec<StepRow>,
    facts: Vec<Fact>,
    abort: bool,
    csrf: String,
    journal: Vec<JournalRow>,
    undo: Vec<String>,
}

fn step(step: &StepItem) -> StepRow {
    let times = match (step.started_at, step.ended_at) {
        (Some(from), Some(to)) => format!(
            "{}, {}",
            instant(from),
            length(millis_between(from, to).max(0).unsigned_abs() / 1000)
        ),
        (Some(from), None) => format!("since {}", instant(from)),
        _ => String::new(),
    };
    StepRow {
        name: spaced(&step.name),
        state: spaced(&step.state),
        tone: match step.state.as_str() {
            "proven" => "good",
            "refused" | "unknown" => "bad",
            "not_sent" => "",
            _ => "warn",
        },
        times,
    }
}

/// One line of the journal for people: what happened, and its detail.
fn told(event: &Event) -> (&'static str, String) {
    match event {
        Event::Opened { trigger, attempt, .. } => {
            let who = match trigger {
                Trigger::Policy { rule: Some(rule) } => format!("started by rule {rule}"),
                Trigger::Policy { rule: None } => "started by the policy".to_owned(),
                Trigger::Approved { by } => format!("approved by {}", by.join(", ")),
            };
            let again = if *attempt > 0 {
                format!(", attempt {}", attempt + 1)
            } else {
                String::new()
            };
            ("opened", format!("{who}{again}"))
        }
        Event::Rung { remedy } => ("rung", spaced(remedy.as_str())),
        Event::Intent { step, request, .. } => (
            "about to send",
            format!(
                "{}: {} {} to {}",
                spaced(step.as_str()),
                request.method,
                request.target,
                request.cluster
            ),
        ),
        Event::Answered { step, answer } => {
            let answer = match answer {
                StepAnswer::Accepted { status, .. } => format!("accepted ({status})"),
                StepAnswer::Refused { status, kind, reason } => {
                    format!("refused ({status} {kind}): {reason}")
                }
                StepAnswer::Unknown { why } => format!("no usable answer: {why}"),
                StepAnswer::NotSent { why } => format!("not sent: {why}"),
            };
            ("answered", format!("{}: {answer}", spaced(step.as_str())))
        }
        Event::Proven { step, seen } => (
            "proven",
            format!("{}: {}", spaced(step.as_str()), seen.join("; ")),
        ),
        Event::Born { follower_uuid } => ("new index", follower_uuid.to_string()),
        Event::Progress { text, .. } => ("progress", text.clone()),
        Event::BackingOut { reason } => ("backs out", reason.clone()),
        Event::Continued { found } => ("continued after a restart", found.clone()),
        Event::Closed { outcome, reason, .. } => ("ended", format!("{}: {reason}", spaced(outcome.as_str()))),
    }
}

/// The share that a progress says, as in `120 of 400 MiB copied (30%)`.
fn percent(progress: &str) -> Option<u8> {
    let (before, _) = progress.split_once('%')?;
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|share| *share <= 100)
}

fn lead(run: &RunDetail) -> String {
    let item = &run.item;
    let remedy = item
        .remedy
        .map_or_else(|| "repair".to_owned(), |remedy| spaced(remedy.as_str()));
    match (&item.outcome, &item.reason) {
        (None, _) => format!("The {remedy} of {} goes on.", item.follower),
        (Some(outcome), reason) => format!(
            "The {remedy} of {} ended: {}{}",
            item.follower,
            spaced(outcome.as_str()),
            reason
                .as_ref()
                .map(|reason| format!(", because {reason}"))
                .unwrap_or_default()
        ),
    }
}

pub(super) async fn run(app: &App, access: &Access, id: &str) -> Result<OneRun, Problem> {
    let run = app.daemon.run(RunId::parse(id)?).await?;
    let item = &run.item;
    let target = (&item.follower).into();
    access.read(&target)?;
    let now = app.daemon.now();
    let frame = Frame::new(
        app.daemon.as_ref(),
        access,
        Tab::History,
        format!("Run {}", item.id),
    )
    .await;
    let goes_on = item.outcome.is_none();
    let (outcome, tone) = outcome_words(item);
    let mut facts = vec![Fact::link("Plan", short(&item.plan), plan_url(&item.plan))];
    facts.extend(item.opened_at.map(|at| Fact::new("Began", moment(at, now))));
    facts.extend(item.closed_at.map(|at| Fact::new("Ended", moment(at, now))));
    facts.push(Fact::new("Took", took(item, now)));
    let progress = item.progress.clone().filter(|_| goes_on);
    // After a good end they would do harm.
    let over = matches!(
        item.outcome,
        Some(RunOutcome::Cured | RunOutcome::BackedOut | RunOutcome::Refused)
    );
    let csrf = frame.csrf();
    Ok(OneRun {
        id: item.id.to_string(),
        follower: item.follower.to_string(),
        follower_url: follower_url(&item.follower),
        outcome,
        tone,
        lead: lead(&run),
        percent: progress.as_deref().and_then(percent),
        progress,
        person_must: item.person_must.clone(),
        steps: item.steps.iter().map(step).collect(),
        facts,
        abort: goes_on && !csrf.is_empty() && access.act(Role::Operate, &target).is_ok(),
        csrf,
        journal: run
            .journal
            .iter()
            .map(|entry| {
                let (what, detail) = told(&entry.event);
                JournalRow {
                    seq: entry.seq,
                    at: instant(entry.at),
                    what,
                    detail,
                }
            })
            .collect(),
        undo: if over { Vec::new() } else { run.undo.clone() },
        frame,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_shown_only_where_one_is_said() {
        assert_eq!(percent("120 of 400 MiB copied (30%), about 9 s left"), Some(30));
        assert_eq!(percent("100%"), Some(100));
        for none in ["12 MiB copied", "%", "(x%)", "400%", ""] {
            assert_eq!(percent(none), None, "{none}");
        }
    }
}
