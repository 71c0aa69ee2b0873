//! One runbook for each alert. Those of a cause are made from the handbook, as
//! `docs/JUDGEMENT.md` is; the others are written by hand and held to the same form.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::handbook::{self, Section};

use super::{Alert, alerts, current, root, texts};

const SECTIONS: [&str; 4] = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"];
/// Written by no one: the first line of those that are made.
const MADE: &str = "<!-- Made from src/domain/handbook. Do not edit: change the text there, then\n     UPDATE_MONITORING=1 cargo test --test it monitoring:: -->";

fn fill(text: &str) -> String {
    text.replace("{key}", "<cluster>/<follower>")
        .replace("{follower}", "<follower>")
        .replace("{leader}", "<leader>")
        .replace("{alias}", "<alias>")
}

fn list(lines: &[&str]) -> String {
    lines.iter().fold(String::new(), |mut out, line| {
        writeln!(out, "- {}", fill(line)).unwrap();
        out
    })
}

fn block(commands: &[String]) -> String {
    format!("```\n{}\n```\n", commands.join("\n"))
}

/// Whether a plan of this cause can wait for a yes.
fn has_plan(cause: Cause) -> bool {
    let acts = cause
        .ladder()
        .iter()
        .any(|rung| matches!(rung, Remedy::Resume | Remedy::Recreate | Remedy::DeleteAndFollow));
    acts && matches!(cause.approval(), Approval::Policy | Approval::Always)
}

fn made(alert: &Alert, section: &Section) -> String {
    let cause = section.cause;
    let mut out = format!("# {}\n\n{MADE}\n\n", alert.name);
    write!(
        out,
        "Severity `{}`, after {}. Cause [`{cause}`](../JUDGEMENT.md#{cause}), ladder `{}`, approval `{}`.\n\n",
        alert.label("severity"),
        alert.waits,
        handbook::rungs(cause.ladder()),
        cause.approval()
    )
    .unwrap();
    write!(
        out,
        "## Meaning\n\n{}\n\n**Why it happens.** {}\n\n**How it shows.**\n\n{}\n",
        fill(section.what),
        fill(section.why),
        list(section.see)
    )
    .unwrap();
    write!(out, "## Impact\n\n{}\n\n", fill(section.data)).unwrap();
    if !section.states.is_empty() {
        out += "The runway is the time until the leader may discard what the follower still needs. It runs while nothing renews the \
                follower's lease; the alert names its end where it is known.\n\n";
    }
    write!(
        out,
        "## Diagnosis\n\n**What misleads.** {}\n\n",
        fill(section.misleads)
    )
    .unwrap();
    let mut commands: Vec<String> = section.commands.iter().map(|command| fill(command)).collect();
    for always in ["refollow status", "refollow why <cluster>/<follower>"] {
        if !commands.iter().any(|known| known == always) {
            commands.insert(0, always.to_owned());
        }
    }
    out += &block(&commands);
    write!(
        out,
        "\n## Mitigation\n\n{}\n\n**Never:** {}\n\n**What refollow does.** {}\n\n**What it never does.** {}\n",
        fill(section.first),
        fill(section.you_never),
        fill(section.does),
        fill(section.never)
    )
    .unwrap();
    if has_plan(cause) {
        out += "\nA plan that waits: read it, then say yes or no.\n\n";
        out += &block(&[
            "refollow plans".to_owned(),
            "refollow plan <cluster>/<follower>".to_owned(),
            "refollow approve <hash>".to_owned(),
            "refollow reject <hash> --reason \"…\"".to_owned(),
        ]);
    }
    if !section.states.is_empty() && cause != Cause::Unfollowed && cause != Cause::Missing {
        out += "\nTime can be bought while the leases have not run out; the plan that this makes needs its yes:\n\n";
        out += &block(&["refollow extend-runway <cluster>/<follower> --to 36h".to_owned()]);
    }
    out
}

fn of_cause(alert: &Alert) -> Option<&'static Section> {
    let name = alert.labels["cause"].as_str()?;
    let cause = Cause::ALL.iter().find(|cause| cause.as_str() == name)?;
    handbook::section(*cause)
}

#[test]
fn runbooks_of_causes_are_the_handbooks_words() {
    let wrong: Vec<String> = alerts()
        .iter()
        .filter_map(|alert| {
            let section = of_cause(alert)?;
            let path = root().join(format!("docs/runbooks/{}.md", alert.name));
            current(&path, &made(alert, section)).err()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_alert_has_its_runbook_and_every_runbook_its_alert() {
    let named: BTreeSet<String> = alerts().into_iter().map(|alert| alert.name).collect();
    let kept: BTreeSet<String> = texts::files_below(&root().join("docs/runbooks"))
        .iter()
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "README")
        .collect();
    assert_eq!(kept, named);
}

#[test]
fn a_runbook_says_what_it_means_what_it_costs_how_to_see_it_and_what_to_do() {
    for alert in alerts() {
        let text = std::fs::read_to_string(root().join(format!("docs/runbooks/{}.md", alert.name)))
            .unwrap_or_else(|error| panic!("{}: {error}", alert.name));
        assert!(text.starts_with(&format!("# {}\n", alert.name)), "{}", alert.name);
        let mut rest = text.as_str();
        for section in SECTIONS {
            let (before, after) = rest
                .split_once(&format!("\n{section}\n"))
                .unwrap_or_else(|| panic!("{}: no `{section}`, or not in order", alert.name));
            assert!(
                before.trim().len() > 40,
                "{}: nothing before `{section}`",
                alert.name
            );
            rest = after;
        }
        assert!(rest.trim().len() > 40, "{}: no mitigation", alert.name);
        let severity = format!("Severity `{}`", alert.label("severity"));
        assert!(text.contains(&severity), "{}: not `{severity}`", alert.name);
    }
}

#[test]
fn every_cause_that_a_person_must_hear_of_has_an_alert() {
    let told: BTreeSet<String> = alerts()
        .iter()
        .filter_map(|alert| Some(alert.labels["cause"].as_str()?.to_owned()))
        .collect();
    for cause in Cause::ALL {
        // Nothing is wrong, or a copy is running: `restore_stuck` is the alert of one that is not.
        let quiet = matches!(cause, Cause::None | Cause::Restoring);
        assert_eq!(told.contains(cause.as_str()), !quiet, "{cause}");
    }
}
