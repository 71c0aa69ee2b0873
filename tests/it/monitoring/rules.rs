//! What every rule must be: readable by `promtool`, made of metrics that exist, and told in words.

use std::collections::BTreeSet;
use std::process::Command;

use refollow::metrics::{Format, Metrics};
use serde_json::Value;

use super::texts::metrics_in;
use super::{Alert, alerts, has, monitoring, root};

/// Every name that refollow exports, as the text formats' snapshots list them.
pub fn exported() -> BTreeSet<String> {
    let shown =
        root().join("src/metrics/followers/snapshots/refollow__metrics__followers__tests__shard_level.snap");
    let text = std::fs::read_to_string(shown).unwrap();
    let mut names: BTreeSet<String> = text
        .lines()
        .filter(|line| line.starts_with("refollow_"))
        .filter_map(|line| Some(line.split(['{', ' ']).next()?.to_owned()))
        .collect();
    // Where the snapshot shows none.
    names.extend(
        [
            "refollow_incident_followers",
            "refollow_incident_since_timestamp_seconds",
            "refollow_autofollow_pattern_cause",
        ]
        .map(str::to_owned),
    );
    names.extend(
        [
            "refollow_drill_last_success",
            "refollow_drill_last_timestamp_seconds",
            "refollow_notification_last_success_timestamp_seconds",
            "refollow_notifications_total",
            "refollow_notifications_waiting",
        ]
        .map(str::to_owned),
    );
    names
}

/// The compiled recording rules: name and expression.
pub fn recorded() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(monitoring().join("out/rules.yaml")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let rules = all["groups"].as_array().unwrap().iter();
    rules
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| {
            let part = |name: &str| rule[name].as_str().unwrap().to_owned();
            (part("record"), part("expr"))
        })
        .collect()
}

/// Names in an expression that nobody exports or records.
pub fn unknown(expression: &str) -> Vec<String> {
    let mut known = exported();
    known.extend(recorded().into_iter().map(|(name, _)| name));
    metrics_in(expression).difference(&known).cloned().collect()
}

#[test]
fn promtool_reads_the_rules() {
    if !has("promtool") {
        return;
    }
    let output = Command::new("promtool")
        .args(["check", "rules", "--lint=all", "--lint-fatal"])
        .args(["alerts.yaml", "rules.yaml"].map(|name| monitoring().join("out").join(name)))
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    assert!(output.status.success(), "{}", said.concat());
}

#[test]
fn rules_and_messages_use_only_metrics_that_exist() {
    let rules = alerts()
        .into_iter()
        .flat_map(|alert| {
            let message = alert.annotation("description").replace('"', " ");
            [
                (alert.name.clone(), alert.expr),
                (format!("the message of {}", alert.name), message),
            ]
        })
        .chain(recorded());
    let wrong: Vec<String> = rules
        .flat_map(|(name, expression)| {
            unknown(&expression)
                .into_iter()
                .map(move |metric| format!("{name}: {metric}"))
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_eq!(
        unknown("rate(refollow_invented_total[5m])"),
        ["refollow_invented_total"]
    );
    // The list is not taken from a daemon of another time.
    let metrics = Metrics::new("0").unwrap();
    let empty = super::cases::nothing(jiff::Timestamp::UNIX_EPOCH);
    for line in metrics.render(&empty, Format::Prometheus).lines() {
        let name = line.split(['{', ' ']).next().unwrap();
        assert!(line.starts_with('#') || exported().contains(name), "{name}");
    }
}

#[test]
fn every_alert_says_what_for_whom_and_until_when() {
    for alert in alerts() {
        let Alert { name, .. } = &alert;
        assert!(name.starts_with("Refollow"), "{name}");
        assert!(
            ["critical", "warning", "info", "none"].contains(&alert.label("severity")),
            "{name}"
        );
        assert!(
            [
                "follower", "remote", "cluster", "pattern", "incident", "daemon", "none"
            ]
            .contains(&alert.label("scope")),
            "{name}"
        );
        let summary = alert.annotation("summary");
        assert!(
            summary.ends_with('.') && !summary.contains("{{"),
            "{name}: a static sentence"
        );
        let text = alert.annotation("description");
        for part in [
            "\nWhat it is: ",
            "\nThe data: ",
            "\nrefollow: ",
            "\nYou: ",
            "By when: ",
            "\nType: `",
        ] {
            let told = text.contains(part) || (part == "By when: " && name.starts_with("RefollowRunway"));
            // Lag says it of the rate, not of a cause.
            let told = told || (part == "\nWhat it is: " && text.contains("What it is: "));
            assert!(told, "{name}: says nothing of `{}`", part.trim());
        }
        assert!(
            alert.annotation("runbook_url").ends_with(&format!("/{name}.md")),
            "{name}"
        );
        let dashboards = super::dashboards::uids();
        let url = alert.annotation("dashboard_url");
        let uid = url.split("/d/").nth(1).unwrap().split('?').next().unwrap();
        assert!(dashboards.contains(uid), "{name}: no dashboard `{uid}`");
    }
}

#[test]
fn every_alert_about_a_runway_says_how_to_lengthen_it() {
    for alert in alerts() {
        let text = alert.annotation("description");
        if text.contains("refollow_follower_runway_expiry_timestamp_seconds") {
            assert!(text.contains("refollow extend-runway "), "{}", alert.name);
        }
    }
}

#[test]
fn a_dead_daemon_says_where_the_undo_files_are() {
    let documented = std::fs::read_to_string(root().join("docs/CONFIGURATION.md")).unwrap();
    for name in ["RefollowDown", "RefollowDownDuringRepair"] {
        let all = alerts();
        let alert = all.iter().find(|alert| alert.name == name).unwrap();
        assert!(
            alert
                .annotation("description")
                .contains("/var/lib/refollow/undo/"),
            "{name}"
        );
        assert_eq!(alert.label("severity"), "critical");
    }
    let beside = documented.contains("Default: `undo/` beside the SQLite file.");
    assert!(
        beside && documented.contains("sqlite:///var/lib/refollow/refollow.db"),
        "the default moved"
    );
}

#[test]
fn names_of_recording_rules_say_level_metric_and_operation() {
    for (name, _) in recorded() {
        let parts: Vec<&str> = name.split(':').collect();
        assert_eq!(parts.len(), 3, "{name}");
        assert!(parts[1].starts_with("refollow_"), "{name}");
    }
}
