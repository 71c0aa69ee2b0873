//! The shipped Alertmanager configuration in a real Alertmanager: what becomes one message, what is
//! held back, and what never is.

use std::time::Duration;

use serde_json::{Value, json};

use super::servers::{Receiver, Server, http, until};
use super::{alerts, has, monitoring};

/// The shipped file with a test's patience and its receiver's port.
pub fn configuration(port: u16) -> String {
    let text = std::fs::read_to_string(monitoring().join("alertmanager.example.yml")).unwrap();
    let text = text
        .replace("group_wait: 30s", "group_wait: 1s")
        .replace("group_interval: 5m", "group_interval: 1s")
        .replace("127.0.0.1:9099", &format!("127.0.0.1:{port}"));
    assert!(
        text.contains("group_interval: 1s") && !text.contains("9099"),
        "the file has another form"
    );
    text
}

/// An alert as Prometheus posts it, with the labels that the mixin gives it.
fn firing(name: &str, labels: &[(&str, String)]) -> Value {
    let all = alerts();
    let alert = all.iter().find(|alert| alert.name == name).unwrap();
    let mut whole = alert.labels.clone();
    whole["alertname"] = json!(name);
    for (label, value) in labels {
        whole[*label] = json!(value);
    }
    json!({ "labels": whole, "annotations": { "summary": alert.annotation("summary") } })
}

fn behind(remote: &str, follower: &str) -> [(&'static str, String); 3] {
    [
        ("es_cluster", "eu".to_owned()),
        ("remote_cluster", remote.to_owned()),
        ("follower_index", follower.to_owned()),
    ]
}

#[tokio::test]
async fn one_incident_over_four_hundred_followers_is_one_page() {
    if !has("prometheus-alertmanager") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::new().await;
    let manager = Server::alertmanager(directory.path(), &configuration(receiver.port)).await;

    let mut posted = vec![firing(
        "RefollowIncident",
        &[
            ("es_cluster", "eu".to_owned()),
            ("remote_cluster", "lead".to_owned()),
            ("kind", "remote".to_owned()),
        ],
    )];
    for number in 0..400 {
        posted.push(firing(
            "RefollowHistoryLost",
            &behind("lead", &format!("orders-{number}-f")),
        ));
    }
    posted.push(firing("RefollowRemoteUnreachable", &behind("lead", "")[..2]));
    // Not of the incident: another remote, and what belongs to one index alone.
    posted.push(firing("RefollowHistoryLost", &behind("other", "elsewhere-f")));
    posted.push(firing("RefollowLeaderDeleted", &behind("lead", "only-copy-f")));
    posted.push(firing("RefollowDownDuringRepair", &[]));
    posted.push(firing("RefollowDown", &[]));
    let body = Value::Array(posted).to_string();
    until("Alertmanager takes the alerts", async || {
        http(manager.port, "POST", "/api/v2/alerts", &body).await
    })
    .await;

    for name in [
        "RefollowIncident",
        "RefollowLeaderDeleted",
        "RefollowHistoryLost",
        "RefollowDownDuringRepair",
    ] {
        receiver.hears(name, "firing").await;
    }
    // What is held back would have come with its own group by now.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let told = receiver.told();
    let followers: Vec<Value> = told
        .iter()
        .flat_map(|message| message.alerts("RefollowHistoryLost", "firing"))
        .collect();
    assert_eq!(followers.len(), 1, "{followers:?}");
    assert_eq!(followers[0]["labels"]["remote_cluster"], "other");
    for quiet in ["RefollowRemoteUnreachable", "RefollowDown"] {
        let count = told
            .iter()
            .flat_map(|message| message.alerts(quiet, "firing"))
            .count();
        assert_eq!(count, 0, "{quiet} is not held back");
    }
    let pages = told.iter().filter(|message| message.path == "/page").count();
    assert_eq!(pages, 4, "one page for each thing that is broken: {told:#?}");
}

#[tokio::test]
async fn four_hundred_followers_without_an_incident_are_still_one_message() {
    if !has("prometheus-alertmanager") {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let receiver = Receiver::new().await;
    let manager = Server::alertmanager(directory.path(), &configuration(receiver.port)).await;
    let posted: Vec<Value> = (0..400)
        .map(|number| {
            firing(
                "RefollowFollowerBlocked",
                &behind("lead", &format!("orders-{number}-f")),
            )
        })
        .collect();
    let body = Value::Array(posted).to_string();
    until("Alertmanager takes the alerts", async || {
        http(manager.port, "POST", "/api/v2/alerts", &body).await
    })
    .await;
    let (message, _) = receiver.hears("RefollowFollowerBlocked", "firing").await;
    assert_eq!(message.alerts("RefollowFollowerBlocked", "firing").len(), 400);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(receiver.told().len(), 1);
}

#[test]
fn what_an_inhibition_names_exists() {
    let text = std::fs::read_to_string(monitoring().join("alertmanager.example.yml")).unwrap();
    let names: Vec<String> = alerts().into_iter().map(|alert| alert.name).collect();
    let words = text
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| word.starts_with("Refollow") && *word != "Refollow");
    for word in words {
        assert!(names.iter().any(|name| name == word), "{word} is no alert");
    }
    for line in text.lines().filter(|line| line.contains("cause =~")) {
        let list = line
            .split("cause =~ \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        for cause in list.split('|') {
            let known = refollow::domain::cause::Cause::ALL
                .iter()
                .any(|one| one.as_str() == cause);
            assert!(known, "{cause} is no cause");
        }
    }
}
