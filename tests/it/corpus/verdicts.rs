//! Every file is judged as it is labelled; how many there are of what.

use std::collections::BTreeMap;

use serde_json::Value;

use super::keep::{Kept, corpus};
use super::labels::ROWS;
use refollow::evidence::diagnose;

/// What `diagnose` prints for a file.
pub fn judged(kept: &Kept) -> Value {
    diagnose(&kept.file, &kept.bytes)
}

fn words(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn every_file_is_judged_as_labelled() {
    let mut wrong = Vec::new();
    for kept in corpus() {
        let judged = judged(kept);
        if judged.get("error").is_some() {
            wrong.push(format!("{}: {}", kept.file, judged["error"]));
            continue;
        }
        let expected = &kept.expected;
        let same = judged["cause"] == expected.cause.as_str()
            && words(&judged["ladder"]) == expected.ladder
            && judged["approval"] == expected.approval.as_str()
            && expected
                .state
                .as_ref()
                .is_none_or(|state| judged["state"] == state.as_str());
        if !same {
            wrong.push(format!(
                "{}: {} {} {} {} instead of {:?} {} {:?} {} ({})",
                kept.file,
                judged["state"],
                judged["cause"],
                judged["ladder"],
                judged["approval"],
                expected.state,
                expected.cause,
                expected.ladder,
                expected.approval,
                expected.why
            ));
        }
        // A cause rests on evidence.
        if expected.cause != "none" && judged["evidence"].as_array().is_none_or(Vec::is_empty) {
            wrong.push(format!("{}: no evidence", kept.file));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        corpus().len(),
        wrong.join("\n")
    );
}

#[test]
fn no_verdict_destroys_where_the_label_does_not_and_no_lost_history_is_missed() {
    let mut allowed = 0;
    let mut lost = 0;
    for kept in corpus() {
        let judged = judged(kept);
        let destroys = words(&judged["ladder"])
            .iter()
            .any(|rung| rung == "recreate" || rung == "delete_and_follow");
        if destroys {
            allowed += 1;
            assert!(kept.expected.destroys(), "{}: {judged}", kept.file);
            assert_eq!(judged["cause"], kept.expected.cause.as_str(), "{}", kept.file);
        }
        if kept.expected.cause == "history_lost" {
            lost += 1;
            assert_eq!(judged["cause"], "history_lost", "{}: {judged}", kept.file);
        }
    }
    assert!(
        allowed >= 50 && lost >= 40,
        "{allowed} verdicts allow it, {lost} histories are lost"
    );
}

/// Causes that forbid a recreate and could be taken for lost history: twenty files each.
const CONFUSABLE: &[&str] = &[
    "leader_deleted",
    "leader_replaced",
    "leader_rewound",
    "remote_repointed",
    "leader_not_followable",
    "diverged",
    "follower_closed",
    "follower_blocked",
    "paused",
    "unfollowed",
    "missing",
    "license",
    "credentials",
    "unknown",
    "restore_stuck",
    "follower_unallocated",
    "task_unassigned",
];

#[test]
fn every_cause_is_there_often_enough() {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for kept in corpus() {
        *counts.entry(&kept.expected.cause).or_default() += 1;
    }
    for (cause, _, _) in ROWS {
        let least = if CONFUSABLE.contains(cause) { 20 } else { 5 };
        let count = counts.get(cause).copied().unwrap_or(0);
        assert!(
            count >= least,
            "{cause}: {count} files, at least {least}: {counts:?}"
        );
    }
    assert!(corpus().len() >= 300, "{} files", corpus().len());
    let bytes: usize = corpus().iter().map(|kept| kept.bytes.len()).sum();
    assert!(bytes < 8_000_000, "{bytes} bytes");
}
