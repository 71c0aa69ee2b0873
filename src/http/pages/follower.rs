//! One follower: what it does and why, what doing nothing costs, what refollow decides and what holds it back.

use askama::Template;

use crate::domain::cause::Cause;
use crate::domain::decision::GuardResult;
use crate::domain::handbook::Short;
use crate::domain::ids::FollowerKey;
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::words::relative;
use crate::http::App;
use crate::http::access::Access;
use crate::http::dto::{Problem, Why};
use crate::http::pages::frame::{Frame, Tab};
use crate::http::pages::past::{PastOf, past};
use crate::http::pages::picture::{Picture, picture};
use crate::http::pages::rows::{
    EvidenceRow, Fact, GuardRow, cause_words, cluster_url, decision_words, evidence, guards, ladder_words,
    moment, plan_url, run_url, segment, short, spaced, tone_of_state,
};

#[derive(Template)]
#[template(path = "follower.html")]
pub(super) struct OneFollower {
    frame: Frame,
    cluster: String,
    cluster_url: String,
    index: String,
    state: String,
    tone: &'static str,
    flapping: bool,
    lead: String,
    plan_url: Option<String>,
    plan_words: String,
    run_url: Option<String>,
    facts: Vec<Fact>,
    runway: String,
    runway_tone: &'static str,
    cost: String,
    picture: Option<Picture>,
    past: Option<PastOf>,
    handbook: Option<Short>,
    decision: &'static str,
    reasons: Vec<String>,
    held: Vec<GuardRow>,
    passing: Vec<GuardRow>,
    evidence: Vec<EvidenceRow>,
}

/// Below this the clock is red.
const SHORT_RUNWAY_MILLIS: i64 = 2 * 3600 * 1000;

fn runway(end: Option<Timestamp>, now: Timestamp) -> (String, &'static str) {
    match end {
        None => ("not running out".to_owned(), ""),
        Some(end) if end <= now => ("ended".to_owned(), "bad"),
        Some(end) => {
            let left = millis_between(now, end);
            let tone = if left < SHORT_RUNWAY_MILLIS { "bad" } else { "warn" };
            let words = relative(end, now);
            (words.trim_start_matches("in ").to_owned(), tone)
        }
    }
}

fn facts(why: &Why, access: &Access, now: Timestamp) -> Vec<Fact> {
    let follower = &why.follower;
    let mut facts = Vec::new();
    if let (Some(remote), Some(leader)) = (&follower.remote, &follower.leader) {
        facts.push(Fact::new("Follows", format!("{remote}:{leader}")));
    }
    facts.push(Fact::new("Cause", cause_words(follower.cause)));
    if !why.also.is_empty() {
        let also: Vec<String> = why.also.iter().map(|cause| cause_words(*cause)).collect();
        facts.push(Fact::new("Also fits", also.join(", ")));
    }
    for (name, text) in [("Searchable", &why.searchable), ("Stale", &why.staleness)] {
        facts.extend(text.clone().map(|text| Fact::new(name, text)));
    }
    if !why.ladder.is_empty() {
        facts.push(Fact::new("Remedies", ladder_words("", &why.ladder)));
    }
    if let Some(approval) = why.approval.filter(|_| follower.cause != Cause::None) {
        facts.push(Fact::new(
            "Approval",
            crate::domain::handbook::approval_means(approval),
        ));
    }
    if let Some(incident) = &follower.incident {
        facts.push(Fact::link(
            "Incident",
            incident.clone(),
            format!("/search?q={}", segment(incident)),
        ));
    }
    facts.extend(
        follower
            .looked_at
            .map(|at| Fact::new("Looked at", moment(at, now))),
    );
    if access.sees(&follower.cluster) {
        facts.extend(
            follower
                .plan
                .as_ref()
                .map(|hash| Fact::link("Plan", short(hash), plan_url(hash))),
        );
        facts.extend(
            follower
                .run
                .as_ref()
                .map(|run| Fact::link("Run", run.to_string(), run_url(run.as_str()))),
        );
    }
    facts
}

fn lead(why: &Why) -> String {
    let follower = &why.follower;
    let state = spaced(follower.state.as_str());
    if follower.cause == Cause::None {
        return format!("It is {state}, and nothing is wrong.");
    }
    format!(
        "It is {state} because of: {}. refollow {}.",
        cause_words(follower.cause),
        decision_words(follower.decision)
    )
}

pub(super) async fn follower(
    app: &App,
    access: &Access,
    cluster: &str,
    index: &str,
    query: Option<&str>,
) -> Result<OneFollower, Problem> {
    let key = FollowerKey::parse(&format!("{cluster}/{index}"))?;
    access.read(&(&key).into())?;
    let why = app.daemon.why(key.clone()).await?;
    let now = app.daemon.now();
    let item = &why.follower;
    let (runway, runway_tone) = runway(item.runway_expires_at, now);
    let (passing, held): (Vec<_>, Vec<_>) = why.guards.iter().cloned().partition(GuardResult::passes);
    Ok(OneFollower {
        frame: Frame::new(app.daemon.as_ref(), access, Tab::None, key.to_string()).await,
        cluster: key.cluster.to_string(),
        cluster_url: cluster_url(&key.cluster),
        index: key.index.to_string(),
        state: spaced(item.state.as_str()),
        tone: tone_of_state(item.state),
        flapping: item.flapping,
        lead: lead(&why),
        plan_url: item.plan.as_ref().map(plan_url),
        plan_words: "Read the plan and decide".to_owned(),
        run_url: item.run.as_ref().map(|run| run_url(run.as_str())),
        facts: facts(&why, access, now),
        runway,
        runway_tone,
        cost: why
            .cost_of_waiting
            .clone()
            .map(|cost| format!("Doing nothing costs: {cost}."))
            .unwrap_or_default(),
        picture: picture(&why.lag_history, now),
        past: past(app, &key, query).await,
        handbook: why.handbook.clone().filter(|_| item.cause != Cause::None),
        decision: decision_words(item.decision),
        reasons: why.reasons.clone(),
        held: guards(&held, now),
        passing: guards(&passing, now),
        evidence: evidence(&why.evidence),
    })
}
