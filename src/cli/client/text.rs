//! The daemon's answers as text for people.
#![expect(
    clippy::format_push_string,
    reason = "a few lines per command, read by people"
)]

use std::collections::BTreeMap;

use crate::cli::client::groups;
use crate::cli::client::table::{Table, WIDTH, instant, length, relative, size, wrap, wrap_to};
use crate::cli::look::{Look, Paint};
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::handbook::Short;
use crate::domain::ids::PlanHash;
use crate::domain::journal::RunOutcome;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Evidence;
use crate::http::dto::{
    Brakes, Clusters, Done, PlanDetail, PlanItem, PlanNow, Plans, RunDetail, RunItem, Runs, Status, Why,
};
use crate::http::order::loudest_first;

/// Digits of a hash that are shown: enough to be unique, and `approve` takes them.
const SHOWN: usize = 12;

fn short(hash: &PlanHash) -> String {
    hash.as_str().chars().take(SHOWN).collect()
}

fn or_dash(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}

fn ladder(rungs: &[Remedy]) -> String {
    if rungs.is_empty() {
        return "-".to_owned();
    }
    rungs
        .iter()
        .map(|rung| rung.as_str())
        .collect::<Vec<_>>()
        .join(" > ")
}

/// Beside the word, never instead of it.
fn paint(state: State) -> Paint {
    match state {
        State::Following => Paint::Good,
        State::CatchingUp | State::Retrying | State::Paused | State::Restoring | State::Unknown => {
            Paint::Doubtful
        }
        State::Missing | State::Closed | State::Red | State::Fatal | State::Stalled => Paint::Bad,
    }
}

/// What a plan does: its ladder, or that it buys time.
fn what(plan: &PlanItem) -> String {
    if plan.kind == "extend_runway" {
        return "(extend runway)".to_owned();
    }
    if plan.kind == "side_by_side" {
        return "(side by side)".to_owned();
    }
    ladder(&plan.ladder)
}

pub(super) fn done(done: &Done) -> String {
    let mut out = format!("{}\n", done.message);
    if let Some(run) = &done.run {
        out += &format!("run {run}: `refollow runs --run {run}` follows it\n");
    } else if let Some(plan) = done.plan.as_ref().filter(|plan| plan.state == "pending") {
        out += &format!(
            "plan {}: it waits for `refollow approve {}`\n",
            plan.hash,
            short(&plan.hash)
        );
    }
    out
}

pub(super) fn status(
    status: &Status,
    clusters: &Clusters,
    brakes: &Brakes,
    now: Timestamp,
    look: Look,
) -> String {
    let columns = look.screen.map_or(WIDTH, |screen| screen.width.min(WIDTH));
    let mut table = Table::new(&["FOLLOWER", "STATE", "CAUSE", "DECISION", "LAG", "RUNWAY", "OPEN"]);
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for follower in loudest_first(&status.followers) {
        *counts.entry(follower.state).or_default() += 1;
        let plan = follower.plan.as_ref().map(|hash| format!("plan {}", short(hash)));
        table.row(vec![
            format!("{}/{}", follower.cluster, follower.index),
            format!(
                "{}{}",
                follower.state,
                if follower.flapping { " (flapping)" } else { "" }
            ),
            if follower.cause == Cause::None {
                "-".to_owned()
            } else {
                follower.cause.to_string()
            },
            follower.decision.to_string(),
            or_dash(follower.lag_operations.map(|lag| lag.to_string())),
            or_dash(follower.runway_expires_at.map(|at| runway(at, now))),
            or_dash(
                follower
                    .run
                    .as_ref()
                    .map(|run| format!("run {run}"))
                    .or(plan)
                    .or_else(|| follower.incident.clone()),
            ),
        ]);
        if look.color {
            table.paint(1, paint(follower.state));
        }
    }
    let cut = look.screen.is_some_and(|screen| table.fit(screen.width));
    let mut out = groups::incidents(&status.incidents, columns);
    out += &if table.is_empty() {
        "No follower is known.\n".to_owned()
    } else {
        table.render()
    };
    let counted: Vec<_> = counts
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if !counted.is_empty() {
        let (all, plural) = (
            status.followers.len(),
            if status.followers.len() == 1 { "" } else { "s" },
        );
        out += &format!(
            "
{all} follower{plural}: {}
",
            counted.join(", ")
        );
    }
    if cut {
        out += &wrap_to(
            columns,
            "",
            "Names are cut to fit; `refollow status | cat` shows them whole.",
        );
    }
    out += &groups::patterns(&status.patterns, columns);
    for cluster in &clusters.clusters {
        match (cluster.up, &cluster.problem) {
            (Some(true), _) => {}
            (_, Some(problem)) => {
                out += &wrap_to(
                    columns,
                    "",
                    &format!("Cluster {} cannot be looked at: {problem}", cluster.name),
                );
            }
            (None, None) => out += &format!("Cluster {} was not looked at yet.\n", cluster.name),
            (Some(false), None) => out += &format!("Cluster {} cannot be looked at.\n", cluster.name),
        }
        if let Some(spared) = &cluster.spared {
            let since = relative(spared.since, now);
            out += &wrap_to(
                columns,
                "",
                &format!("Cluster {} ({since}) {}.", cluster.name, spared.what),
            );
        }
    }
    for brake in brakes.brakes.iter().filter(|brake| brake.holds) {
        let since = brake
            .engaged_at
            .map(|at| format!(", engaged {}", relative(at, now)))
            .unwrap_or_default();
        let until = brake.expires_at.map_or_else(
            || ", until released".to_owned(),
            |at| format!(", lets go {}", relative(at, now)),
        );
        let said = format!(
            "Brake {} by {}{since}{until}: {}",
            brake.scope, brake.owner, brake.reason
        );
        out += &wrap_to(columns, "", &said);
    }
    for note in &status.notes {
        out += &wrap_to(columns, "", note);
    }
    out
}

fn guards(guards: &[GuardResult], now: Timestamp) -> String {
    // What holds a remedy back comes first.
    let rank = |guard: &&GuardResult| match guard.verdict {
        GuardVerdict::Block => 0,
        GuardVerdict::Unknown => 1,
        GuardVerdict::Pass => 2,
    };
    let mut sorted: Vec<_> = guards.iter().collect();
    sorted.sort_by_key(rank);
    let wide = sorted
        .iter()
        .map(|guard| guard.name.chars().count())
        .max()
        .unwrap_or(0);
    let mut out = String::new();
    for guard in sorted {
        let changes = guard
            .changes_at
            .map(|at| format!(" (changes {})", relative(at, now)))
            .unwrap_or_default();
        let lead = format!("  {:<8}{:<wide$}  ", guard.verdict, guard.name);
        out += &wrap(&lead, &format!("{}{changes}", guard.inputs));
    }
    out
}

fn evidence(evidence: &[Evidence]) -> String {
    evidence
        .iter()
        .map(|one| {
            wrap(
                "  ",
                &format!(
                    "{} = {} ({}, {})",
                    one.field,
                    one.value,
                    one.source(),
                    instant(one.at)
                ),
            )
        })
        .collect()
}

/// One indented line each, never broken.
fn lines(each: impl IntoIterator<Item = String>) -> String {
    each.into_iter()
        .fold(String::new(), |out, line| out + "  " + &line + "\n")
}

fn block(heading: &str, content: &str) -> String {
    if content.is_empty() {
        String::new()
    } else {
        format!("\n{heading}\n{content}")
    }
}

pub(super) fn why(why: &Why, now: Timestamp, look: Look) -> String {
    let follower = &why.follower;
    let state = if look.color {
        paint(follower.state).on(follower.state.as_str())
    } else {
        follower.state.to_string()
    };
    let mut out = format!("{}/{}: {state}", follower.cluster, follower.index);
    if follower.cause != Cause::None {
        out += &format!(", {}", follower.cause);
    }
    if follower.flapping {
        out += ", flapping";
    }
    out.push('\n');
    let mut facts: Vec<(&str, String)> = Vec::new();
    if let (Some(remote), Some(leader)) = (&follower.remote, &follower.leader) {
        facts.push(("follows", format!("{remote}:{leader}")));
    }
    if !why.also.is_empty() {
        facts.push((
            "also fits",
            why.also
                .iter()
                .map(|cause| cause.as_str())
                .collect::<Vec<_>>()
                .join(", "),
        ));
    }
    facts.push(("decision", follower.decision.to_string()));
    facts.extend(why.reasons.iter().map(|reason| ("", reason.clone())));
    facts.push(("ladder", ladder(&why.ladder)));
    if let Some(approval) = why.approval {
        facts.push(("approval", approval.to_string()));
    }
    facts.push((
        "lag",
        or_dash(follower.lag_operations.map(|lag| format!("{lag} operations"))),
    ));
    facts.push((
        "runway",
        follower.runway_expires_at.map_or_else(
            || "-".to_owned(),
            |at| format!("until {} ({})", instant(at), runway(at, now)),
        ),
    ));
    if let Some(incident) = &follower.incident {
        facts.push(("incident", incident.clone()));
    }
    if let Some(run) = &follower.run {
        facts.push(("run", run.to_string()));
    }
    if let Some(plan) = &follower.plan {
        facts.push(("plan", plan.to_string()));
    }
    for (name, text) in [
        ("searchable", &why.searchable),
        ("stale", &why.staleness),
        ("doing nothing", &why.cost_of_waiting),
    ] {
        facts.extend(text.clone().map(|text| (name, text)));
    }
    for (name, text) in facts {
        out += &wrap(&format!("  {name:<14}"), &text);
    }
    if let Some(handbook) = why.handbook.as_ref().filter(|_| follower.cause != Cause::None) {
        out += &block("What it is, and what to do", &advice(handbook));
    }
    out += &block("Guards", &guards(&why.guards, now));
    out += &block("Evidence", &evidence(&why.evidence));
    out
}

fn advice(handbook: &Short) -> String {
    let mut out = String::new();
    for (name, text) in [
        ("it is", &handbook.what),
        ("the data", &handbook.data),
        ("refollow", &handbook.refollow),
        ("you", &handbook.you),
        ("never", &handbook.never),
    ] {
        out += &wrap(&format!("  {name:<14}"), text);
    }
    out + &lines(handbook.commands.iter().map(|command| format!("  {command}")))
}

/// A runway for people. Once it has ended nothing says that something *is* lost.
fn runway(end: Timestamp, now: Timestamp) -> String {
    if end <= now {
        "ended: may be lost from now on".to_owned()
    } else {
        relative(end, now)
    }
}

pub(super) fn plans(plans: &Plans, now: Timestamp) -> String {
    let mut table = Table::new(&[
        "PLAN",
        "FOLLOWER",
        "CAUSE",
        "LADDER",
        "APPROVAL",
        "STATE",
        "EXPIRES",
        "HELD BY",
        "SINCE THE LAST ONE",
    ]);
    for plan in &plans.plans {
        let open = matches!(plan.state.as_str(), "pending" | "approved" | "running");
        let held: Vec<_> = plan
            .guards
            .iter()
            .filter(|guard| open && !guard.passes())
            .map(|guard| guard.name.as_str())
            .collect();
        let waits = plan.state == "pending";
        let changed = plan.replaces.as_ref().map(|replaced| {
            let fields: Vec<&str> = replaced
                .differences
                .iter()
                .map(|one| one.field.as_str())
                .collect();
            format!("{} changed", fields.join(", "))
        });
        table.row(vec![
            short(&plan.hash),
            plan.follower.to_string(),
            plan.cause.to_string(),
            what(plan),
            plan.approval.to_string(),
            plan.state.clone(),
            if waits {
                relative(plan.expires_at, now)
            } else {
                "-".to_owned()
            },
            match held.as_slice() {
                [] => "-".to_owned(),
                [one] => (*one).to_owned(),
                [one, rest @ ..] => format!("{one} +{}", rest.len()),
            },
            or_dash(changed.filter(|_| open)),
        ]);
    }
    if table.is_empty() {
        "There is no plan.\n".to_owned()
    } else {
        table.render()
    }
}

fn plan_facts(plan: &PlanItem, now: Timestamp) -> String {
    let mut facts: Vec<(&str, String)> = vec![
        ("plan", plan.hash.to_string()),
        ("state", plan.state.clone()),
        ("cause", plan.cause.to_string()),
        ("ladder", what(plan)),
        ("approval", plan.approval.to_string()),
        (
            "expires",
            format!(
                "{} ({})",
                instant(plan.expires_at),
                relative(plan.expires_at, now)
            ),
        ),
    ];
    if let Some(bytes) = plan.bytes {
        let eta = plan
            .eta_seconds
            .map(|eta| format!(", about {}", length(eta)))
            .unwrap_or_default();
        facts.push(("copies", format!("{}{eta}", size(bytes))));
    }
    if let Some(who) = &plan.requested_by {
        facts.push(("asked for by", who.clone()));
    }
    for consent in &plan.consents {
        let note = consent
            .note
            .as_ref()
            .map(|note| format!(": {note}"))
            .unwrap_or_default();
        facts.push((
            "approved by",
            format!("{} at {}{note}", consent.by, instant(consent.at)),
        ));
    }
    if let Some(reason) = &plan.state_reason {
        facts.push(("because", reason.clone()));
    }
    if let Some(needed) = plan.approvers_needed.filter(|needed| *needed > 1) {
        let have = plan.consents.len();
        facts.push(("approvals", format!("{have} of {needed} different people")));
    }
    if let Some(cost) = &plan.cost {
        facts.push(("costs", cost.clone()));
    }
    if let Some(what) = &plan.must_type {
        facts.push((
            "loses",
            format!("{what}: approve it with --lose {}", plan.follower.index),
        ));
    }
    if let Some(replaced) = &plan.replaces {
        facts.push((
            "instead of",
            format!("plan {}, because the facts changed:", short(&replaced.hash)),
        ));
        facts.extend(
            replaced
                .differences
                .iter()
                .map(|one| ("", format!("{}: {} -> {}", one.field, one.before, one.now))),
        );
    }
    facts
        .into_iter()
        .map(|(name, text)| wrap(&format!("  {name:<14}"), &text))
        .collect()
}

pub(super) fn plan_detail(plan: &PlanDetail, now: Timestamp) -> String {
    let basis = &plan.plan.basis;
    let mut out = plan_facts(&plan.item, now);
    out += &wrap("  follows       ", &format!("{}:{}", basis.remote, basis.leader));
    let maps = [
        ("parameters", serde_json::to_string(&basis.parameters)),
        ("own settings", serde_json::to_string(&basis.own_settings)),
    ];
    for (name, json) in maps {
        if let Some(json) = json.ok().filter(|json| json != "{}") {
            out += &wrap(&format!("  {name:<14}"), &json);
        }
    }
    // Commands stand on lines of their own, whole, so that they can be copied.
    let steps: String = lines(
        (1..)
            .zip(&plan.steps)
            .map(|(number, step)| format!("{number}. {step}")),
    );
    out += &block("Steps", &steps);
    out += &block("Follow tasks", &lines(plan.owners.iter().cloned()));
    out += &block("Guards", &guards(&plan.item.guards, now));
    out += &block("Evidence", &evidence(&plan.plan.evidence));
    out
}

pub(super) fn plan_now(now_planned: &PlanNow, now: Timestamp) -> String {
    let mut out = format!("{}: {}\n", now_planned.follower, now_planned.decision);
    for reason in &now_planned.reasons {
        out += &wrap("  ", reason);
    }
    let Some(plan) = &now_planned.plan else {
        out += "There is no plan to make.\n";
        return out;
    };
    out.push('\n');
    out += &plan_detail(plan, now);
    if !now_planned.stored {
        out += "\nThis plan is only shown: it is not stored and cannot be approved.\n";
    } else if plan.item.state == "pending" {
        let lose = plan
            .item
            .must_type
            .as_ref()
            .map(|_| format!(" --lose {}", plan.item.follower.index))
            .unwrap_or_default();
        out += &format!(
            "\nIt waits for: refollow approve {}{lose}\n",
            short(&plan.item.hash)
        );
    }
    out
}

fn outcome(run: &RunItem) -> String {
    if run.kind == "extend_runway" {
        let stands = run.progress.is_some();
        return if stands { "raised" } else { "put back" }.to_owned();
    }
    run.outcome
        .map_or_else(|| "running".to_owned(), |outcome| outcome.to_string())
}

/// The rung, and what kind of run it was where it was no ordinary repair.
fn tried(run: &RunItem) -> String {
    let rung = run.remedy.map(|remedy| remedy.to_string());
    match (run.kind.as_str(), rung) {
        ("extend_runway", _) => "extend_runway".to_owned(),
        ("drill", Some(rung)) => format!("{rung} (drill)"),
        ("drill", None) => "(drill)".to_owned(),
        (_, rung) => or_dash(rung),
    }
}

pub(super) fn runs(runs: &Runs, now: Timestamp) -> String {
    let mut table = Table::new(&["RUN", "FOLLOWER", "OUTCOME", "REMEDY", "STEP", "STARTED", "TOOK"]);
    for run in &runs.runs {
        let seconds =
            |from: Timestamp, to: Timestamp| to.as_second().saturating_sub(from.as_second()).unsigned_abs();
        table.row(vec![
            run.id.to_string(),
            run.follower.to_string(),
            outcome(run),
            tried(run),
            or_dash(
                run.steps
                    .last()
                    .map(|step| format!("{} {}", step.name, step.state)),
            ),
            or_dash(run.opened_at.map(|at| relative(at, now))),
            or_dash(
                run.opened_at
                    .map(|at| length(seconds(at, run.closed_at.unwrap_or(now)))),
            ),
        ]);
    }
    if table.is_empty() {
        "There was no run yet.\n".to_owned()
    } else {
        table.render()
    }
}

pub(super) fn run(detail: &RunDetail, now: Timestamp) -> String {
    let run = &detail.item;
    let mut out = format!("{}: {} {}\n", run.id, run.follower, outcome(run));
    let mut facts: Vec<(&str, String)> = vec![("plan", run.plan.to_string())];
    facts.extend(run.remedy.map(|remedy| ("remedy", remedy.to_string())));
    facts.extend(
        run.opened_at
            .map(|at| ("started", format!("{} ({})", instant(at), relative(at, now)))),
    );
    facts.extend(run.closed_at.map(|at| ("ended", instant(at))));
    facts.extend(run.reason.clone().map(|reason| ("because", reason)));
    facts.extend(run.person_must.clone().map(|must| ("you must", must)));
    facts.extend(
        run.progress
            .clone()
            .filter(|_| run.outcome.is_none())
            .map(|progress| ("now", progress)),
    );
    for (name, text) in facts {
        out += &wrap(&format!("  {name:<14}"), &text);
    }
    let mut steps = Table::new(&["  STEP", "STATE", "STARTED", "ENDED"]);
    for step in &run.steps {
        steps.row(vec![
            format!("  {}", step.name),
            step.state.clone(),
            or_dash(step.started_at.map(instant)),
            or_dash(step.ended_at.map(instant)),
        ]);
    }
    if !steps.is_empty() {
        out += &format!("\n{}", steps.render());
    }
    // After a good end they would do harm.
    let over = matches!(
        run.outcome,
        Some(RunOutcome::Cured | RunOutcome::BackedOut | RunOutcome::Refused)
    );
    let undo: String = lines(detail.undo.iter().filter(|_| !over).cloned());
    out + &block(
        "To undo it by hand, while it goes on or was left half done",
        &undo,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runway_that_has_ended_says_may_and_never_more() {
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(runway(at(7_200), at(0)), "in 2h");
        for end in [0, -1, -100_000] {
            assert_eq!(runway(at(end), at(0)), "ended: may be lost from now on");
        }
    }
}
