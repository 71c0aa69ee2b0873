//! One plan: what will be lost, what has changed, what is sent, and the forms for a yes or a no.

use askama::Template;

use crate::domain::access::Role;
use crate::domain::cause::{Approval, Remedy};
use crate::domain::decision::GuardResult;
use crate::domain::ids::PlanHash;
use crate::domain::plan::Difference;
use crate::domain::time::Timestamp;
use crate::domain::words::{length, size};
use crate::http::App;
use crate::http::access::{Access, Who};
use crate::http::dto::{PlanDetail, Problem};
use crate::http::pages::frame::{Frame, Tab};
use crate::http::pages::rows::{
    EvidenceRow, Fact, GuardRow, cause_words, evidence, follower_url, guards, ladder_words, moment, short,
    spaced, tone_of_plan,
};

#[derive(Template)]
#[template(path = "plan.html")]
pub(super) struct OnePlan {
    frame: Frame,
    hash: String,
    short: String,
    follower: String,
    follower_url: String,
    state: String,
    tone: &'static str,
    lead: String,
    lost: Vec<String>,
    difference: String,
    differences: Vec<Difference>,
    may_decide: bool,
    may_not: String,
    sign_in: bool,
    here: String,
    csrf: String,
    must_type: Option<String>,
    steps: Vec<String>,
    facts: Vec<Fact>,
    held: Vec<GuardRow>,
    passing: Vec<GuardRow>,
    evidence: Vec<EvidenceRow>,
}

/// What this plan takes away, at its boldest rung.
fn lost(plan: &PlanDetail) -> Vec<String> {
    let figures = &plan.plan.figures;
    if plan.item.kind == "extend_runway" {
        let mut lines = vec!["Nothing: the leader keeps more history until the cure.".to_owned()];
        lines.extend(plan.item.cost.clone());
        return lines;
    }
    if !plan.plan.destroys() {
        return vec!["Nothing: a pause and a resume keep the copy that is there.".to_owned()];
    }
    let documents = |count: Option<u64>| match count {
        Some(count) => format!("{count} documents"),
        None => "a number of documents that is not known".to_owned(),
    };
    let bytes = figures
        .follower_bytes
        .map_or_else(|| "bytes that are not known".to_owned(), size);
    let mut lines = vec![format!(
        "The follower's own copy, {} in {bytes}, if resuming does not cure it. The leader's copy takes its place: {} in {}.",
        documents(figures.follower_documents),
        documents(figures.leader_documents),
        figures
            .bytes
            .map_or_else(|| "bytes that are not known".to_owned(), size),
    )];
    if let (Some(here), Some(there)) = (figures.follower_documents, figures.leader_documents)
        && here > there
    {
        lines.push(format!(
            "The follower has {} documents more than the leader has now: they are gone afterwards.",
            here - there
        ));
    }
    lines.push(match figures.eta_seconds {
        Some(eta) => format!(
            "It cannot be searched while it is copied, for about {}.",
            length(eta)
        ),
        None => "It cannot be searched while it is copied; how long that takes is not known.".to_owned(),
    });
    if plan.plan.basis.ladder.contains(&Remedy::DeleteAndFollow) {
        lines.push(
            "If the copy fails as well, the index is deleted and made anew: its UUID changes.".to_owned(),
        );
    }
    lines
}

/// How the plan stands to what is seen now.
fn difference(plan: &PlanDetail) -> (String, Vec<Difference>) {
    let item = &plan.item;
    match item.state.as_str() {
        "void" => (
            format!(
                "The facts changed: {}.",
                item.state_reason.as_deref().unwrap_or("the plan is void")
            ),
            Vec::new(),
        ),
        "pending" | "approved" => item.replaces.as_ref().map_or_else(
            || {
                (
                    "None: at the last look the facts were those that it was decided from. If they change, the plan is void.".to_owned(),
                    Vec::new(),
                )
            },
            |replaced| {
                (
                    format!(
                        "None. It took the place of plan {}, because these facts had changed:",
                        short(&replaced.hash)
                    ),
                    replaced.differences.clone(),
                )
            },
        ),
        "expired" => ("Nobody answered in time. The next look makes a new plan if it is still needed.".to_owned(), Vec::new()),
        _ => (
            item.state_reason.clone().unwrap_or_else(|| "It is not compared any more.".to_owned()),
            Vec::new(),
        ),
    }
}

fn facts(plan: &PlanDetail, now: Timestamp) -> Vec<Fact> {
    let (item, basis) = (&plan.item, &plan.plan.basis);
    let mut facts = vec![
        Fact::new("Hash", item.hash.to_string()),
        Fact::new("Follows", format!("{}:{}", basis.remote, basis.leader)),
        Fact::new("Remedies", ladder_words(&item.kind, &item.ladder)),
        Fact::new("Approval", crate::domain::handbook::approval_means(item.approval)),
    ];
    facts.extend(item.created_at.map(|at| Fact::new("Made", moment(at, now))));
    if matches!(item.state.as_str(), "pending" | "approved") {
        facts.push(Fact::new("Expires", moment(item.expires_at, now)));
    }
    facts.extend(
        item.requested_by
            .clone()
            .map(|who| Fact::new("Asked for by", who)),
    );
    for consent in &item.consents {
        let note = consent
            .note
            .as_ref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        facts.push(Fact::new(
            "Approved by",
            format!("{}, {}{note}", consent.by, moment(consent.at, now)),
        ));
    }
    if let Some(needed) = item.approvers_needed.filter(|needed| *needed > 1) {
        facts.push(Fact::new(
            "Approvals",
            format!("{} of {needed} different people", item.consents.len()),
        ));
    }
    for (name, json) in [
        ("Parameters", serde_json::to_string(&basis.parameters)),
        ("Own settings", serde_json::to_string(&basis.own_settings)),
        ("Aliases", serde_json::to_string(&basis.aliases)),
    ] {
        facts.extend(
            json.ok()
                .filter(|json| json != "{}")
                .map(|json| Fact::new(name, json)),
        );
    }
    facts
}

pub(super) async fn plan(app: &App, access: &Access, hash: &str) -> Result<OnePlan, Problem> {
    let hash = PlanHash::parse(hash)?;
    let plan = app.daemon.plan(hash).await?;
    let item = &plan.item;
    access.read(&(&item.follower).into())?;
    let now = app.daemon.now();
    let frame = Frame::new(
        app.daemon.as_ref(),
        access,
        Tab::Plans,
        format!("Plan {}", short(&item.hash)),
    )
    .await;
    let allowed = access.act(Role::Approve, &(&item.follower).into());
    let waits = item.state == "pending";
    let may_not = match (&item.approval, &allowed) {
        _ if !waits => format!("This plan is {}: no word is waited for.", spaced(&item.state)),
        (Approval::Never, _) => "refollow repairs nothing with this cause, approved or not.".to_owned(),
        (_, Err(_)) if matches!(access.who, Who::Nobody { .. }) => format!(
            "It waits for somebody with the role `approve`, or for: refollow approve {}.",
            short(&item.hash)
        ),
        (_, Err(problem)) => problem.message.clone(),
        (_, Ok(_)) => format!("Use the command line: refollow approve {}.", short(&item.hash)),
    };
    let (difference, differences) = difference(&plan);
    let csrf = frame.csrf();
    let (passing, held): (Vec<_>, Vec<_>) = item.guards.iter().cloned().partition(GuardResult::passes);
    Ok(OnePlan {
        hash: item.hash.to_string(),
        short: short(&item.hash),
        follower: item.follower.to_string(),
        follower_url: follower_url(&item.follower),
        state: spaced(&item.state),
        tone: tone_of_plan(&item.state),
        lead: format!(
            "For {}, because of: {}. It would {}.",
            item.follower,
            cause_words(item.cause),
            ladder_words(&item.kind, &item.ladder)
        ),
        lost: lost(&plan),
        difference,
        differences,
        may_decide: waits && allowed.is_ok() && !csrf.is_empty() && item.approval != Approval::Never,
        may_not,
        sign_in: waits && matches!(access.who, Who::Nobody { .. }),
        here: format!("/plans/{}", item.hash),
        csrf,
        must_type: item.must_type.clone(),
        steps: plan.steps.clone(),
        facts: facts(&plan, now),
        held: guards(&held, now),
        passing: guards(&passing, now),
        evidence: evidence(&plan.plan.evidence),
        frame,
    })
}
