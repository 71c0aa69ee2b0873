//! Each kind of receiver, as the configuration makes it, against a local server; what it gets is held
//! to what its vendor publishes. Alertmanager is the real one where it is installed.

use std::path::Path;
use std::time::Duration;

use refollow::config;
use refollow::domain::cause::Cause;
use refollow::domain::ids::{ClusterName, FollowerKey, PlanHash};
use refollow::domain::notice::outbox::Delivery;
use refollow::domain::notice::{Ask, Notice, Severity, Topic};
use refollow::domain::time::Timestamp;
use refollow::notify::receiver::{Message, Receiver};
use refollow::notify::webhook;
use serde_json::Value;

use super::servers::{Local, answer};
use crate::monitoring::servers as monitoring;

const CLUSTER: &str = "[[clusters]]\nname = \"eu\"\nurls = [\"http://127.0.0.1:1\"]\n";

fn now() -> Timestamp {
    Timestamp::from_second(1_795_428_000).unwrap()
}

/// The one receiver of a configuration.
pub fn receiver(keys: &str) -> std::sync::Arc<Receiver> {
    let text = format!(
        "{CLUSTER}[notify]\npublic_url = \"https://r.example.org\"\n[[notify.receivers]]\nname = \"r\"\n{keys}\n"
    );
    let (config, _) = config::parse("test.toml", &text, std::iter::empty()).unwrap_or_else(|e| panic!("{e}"));
    config.notify.receivers[0].clone()
}

/// A question about a plan of a cluster, with names that could do harm.
pub fn asking() -> Notice {
    let hash = PlanHash::parse(&"ab".repeat(32)).unwrap();
    let title = "eu/orders-f <!channel> waits for an approval: history_lost".to_owned();
    let key = FollowerKey::parse("eu/orders-f").unwrap();
    let cluster = ClusterName::parse("eu").unwrap();
    let mut notice = Notice::new(Topic::Plan, format!("plan:{hash}"), title, now()).about(
        &cluster,
        Some(Cause::HistoryLost),
        &[key],
    );
    notice.severity = Severity::Critical;
    "The plan: resume, then recreate.".clone_into(&mut notice.text);
    notice.plans = 1;
    notice.page = format!("/plans/{hash}");
    notice.ask = Some(Ask {
        approve: format!("refollow approve {hash} --lose orders-f"),
        reject: format!("refollow reject {hash} --reason '…'"),
        hash,
        loses: "the present copy".to_owned(),
        expires_at: now(),
    });
    notice
}

pub async fn tell(receiver: &Receiver, notice: &Notice, told: u32) -> Delivery {
    let message = Message { notice, told };
    receiver
        .tell(&[message], now(), Some("https://r.example.org"))
        .await
}

fn secret(directory: &Path, name: &str, content: &str) -> String {
    use std::os::unix::fs::PermissionsExt as _;
    let path = directory.join(name);
    std::fs::write(&path, content).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn a_webhook_gets_a_signed_document_and_its_token() {
    let directory = tempfile::tempdir().unwrap();
    let local = Local::answering(&[&answer("204 No Content", "", "")]).await;
    let key = secret(directory.path(), "key", "a-signing-key\n");
    let token = secret(directory.path(), "token", "a-bearer-token\n");
    let receiver = receiver(&format!(
        "kind = \"webhook\"\nurl = \"{}/hook\"\nsigning_key_file = \"{key}\"\ntoken_file = \"{token}\"",
        local.url()
    ));
    assert_eq!(tell(&receiver, &asking(), 0).await, Delivery::Told);
    let got = local.got().remove(0);
    assert_eq!(got.line, "POST /hook");
    assert_eq!(got.headers["content-type"], "application/json");
    assert_eq!(got.headers["authorization"], "Bearer a-bearer-token");
    let at: i64 = got.headers["x-refollow-timestamp"].parse().unwrap();
    let signature = webhook::signature(b"a-signing-key", at, &got.raw).unwrap();
    assert_eq!(got.headers["x-refollow-signature"], signature);
    let body = got.json();
    assert_eq!(
        (&body["status"], &body["number"]),
        (&Value::from("firing"), &Value::from(1))
    );
    assert_eq!(body["id"], asking().fingerprint());
    assert_eq!(body["followers"][0], "eu/orders-f");
    // What Debug shows of it is in every log of a panic.
    let shown = format!("{receiver:?}");
    assert!(
        !shown.contains("a-signing-key") && !shown.contains("a-bearer-token"),
        "{shown}"
    );
}

/// The parts of Block Kit's reference that a message of ours can break.
fn holds_to_block_kit(message: &Value) {
    let keys: Vec<&String> = message.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["blocks", "text"]);
    let blocks = message["blocks"].as_array().unwrap();
    assert!((1..=50).contains(&blocks.len()));
    let text_object = |text: &Value, longest: usize| {
        assert_eq!(text["type"], "plain_text", "{text}");
        let length = text["text"].as_str().unwrap().chars().count();
        assert!((1..=longest).contains(&length), "{length}: {text}");
    };
    for block in blocks {
        match block["type"].as_str().unwrap() {
            "header" => text_object(&block["text"], 150),
            "section" => text_object(&block["text"], 3000),
            "actions" => {
                for element in block["elements"].as_array().unwrap() {
                    assert_eq!(element["type"], "button");
                    text_object(&element["text"], 75);
                    assert!(element["url"].as_str().unwrap().len() <= 3000);
                }
            }
            other => panic!("{other}"),
        }
    }
}

#[tokio::test]
async fn slack_gets_a_message_of_block_kit_and_its_address_is_never_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = "/services/T000/B000/verysecret";
    let echo = answer("404 Not Found", "", &format!("no_service at {path}"));
    let local = Local::answering(&[&answer("200 OK", "", "ok"), &answer("200 OK", "", "ok"), &echo]).await;
    let file = secret(directory.path(), "slack.url", &format!("{}{path}\n", local.url()));
    let receiver = receiver(&format!("kind = \"slack\"\nurl_file = \"{file}\""));
    assert_eq!(tell(&receiver, &asking(), 0).await, Delivery::Told);
    assert_eq!(tell(&receiver, &asking().over(now()), 1).await, Delivery::Told);
    let got = local.got();
    assert_eq!(got[0].line, format!("POST {path}"));
    for request in &got {
        holds_to_block_kit(&request.json());
    }
    let first = got[0].json().to_string();
    assert!(first.contains(&format!("refollow approve {} --lose orders-f", "ab".repeat(32))));
    assert!(
        got[0].json()["text"]
            .as_str()
            .unwrap()
            .contains("&lt;!channel&gt;")
    );
    assert!(!got[1].json().to_string().contains("refollow approve"));
    let Delivery::Refused { why } = tell(&receiver, &asking(), 2).await else {
        panic!("a 404 is a refusal");
    };
    assert!(why.contains("404") && !why.contains("verysecret"), "{why}");
    let shown = format!("{receiver:?} {}", receiver.kind.place());
    assert!(!shown.contains("verysecret"), "{shown}");
}

/// What the reference of the Events API v2 asks of an event.
fn holds_to_events_v2(event: &Value) {
    let known = [
        "routing_key",
        "event_action",
        "dedup_key",
        "client",
        "client_url",
        "links",
        "payload",
    ];
    for key in event.as_object().unwrap().keys() {
        assert!(known.contains(&key.as_str()), "{key}");
    }
    assert_eq!(event["routing_key"].as_str().unwrap().len(), 32);
    assert!(event["dedup_key"].as_str().unwrap().len() <= 255);
    let action = event["event_action"].as_str().unwrap();
    if action == "resolve" {
        return;
    }
    assert_eq!(action, "trigger");
    let payload = &event["payload"];
    let summary = payload["summary"].as_str().unwrap();
    assert!((1..=1024).contains(&summary.chars().count()));
    assert!(!payload["source"].as_str().unwrap().is_empty());
    assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
    assert!(
        payload["timestamp"]
            .as_str()
            .unwrap()
            .parse::<Timestamp>()
            .is_ok()
    );
    assert!(payload["custom_details"].is_object());
    for link in event["links"].as_array().unwrap() {
        assert!(link["href"].is_string() && link["text"].is_string());
    }
}

#[tokio::test]
async fn pagerduty_gets_events_of_its_version_2_under_one_key() {
    let directory = tempfile::tempdir().unwrap();
    let took = answer("202 Accepted", "", "{\"status\":\"success\"}");
    let busy = answer("429 Too Many Requests", "Retry-After: 7\r\n", "");
    let wrong = answer("400 Bad Request", "", "{\"status\":\"invalid event\"}");
    let local = Local::answering(&[&took, &took, &busy, &wrong]).await;
    let routing_key = "0123456789abcdef0123456789abcdef";
    let file = secret(directory.path(), "pd.key", routing_key);
    let receiver = receiver(&format!(
        "kind = \"pagerduty\"\nurl = \"{}\"\nrouting_key_file = \"{file}\"",
        local.url()
    ));
    assert_eq!(tell(&receiver, &asking(), 0).await, Delivery::Told);
    assert_eq!(tell(&receiver, &asking().over(now()), 1).await, Delivery::Told);
    let busy = tell(&receiver, &asking(), 0).await;
    let Delivery::Failed { retry_after, .. } = busy else {
        panic!("{busy:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    let wrong = tell(&receiver, &asking(), 0).await;
    assert!(
        matches!(&wrong, Delivery::Refused { why } if why.contains("invalid event")),
        "{wrong:?}"
    );
    let got = local.got();
    assert_eq!(got[0].line, "POST /v2/enqueue");
    for request in &got {
        holds_to_events_v2(&request.json());
    }
    assert_eq!(got[0].json()["dedup_key"], got[1].json()["dedup_key"]);
    assert_eq!(got[1].json()["event_action"], "resolve");
    assert!(!format!("{receiver:?}").contains(routing_key));
}

#[tokio::test]
async fn nobody_there_is_a_failure_that_surely_told_nobody_and_a_cut_answer_is_not() {
    let port = monitoring::free_port().await;
    let receiver_at = |port: u16| receiver(&format!("kind = \"webhook\"\nurl = \"http://127.0.0.1:{port}\""));
    let gone = tell(&receiver_at(port), &asking(), 0).await;
    assert!(matches!(gone, Delivery::Failed { maybe: false, .. }), "{gone:?}");
    let local = Local::answering(&["HTTP/1.1"]).await;
    let cut = tell(&receiver_at(local.port), &asking(), 0).await;
    assert!(matches!(cut, Delivery::Failed { maybe: true, .. }), "{cut:?}");
    let away = Local::answering(&[&answer("503 Service Unavailable", "", "later")]).await;
    let away = tell(&receiver_at(away.port), &asking(), 0).await;
    assert!(
        matches!(&away, Delivery::Failed { why, .. } if why.contains("503: later")),
        "{away:?}"
    );
    let moved = Local::answering(&[&answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "")]).await;
    let moved = tell(&receiver_at(moved.port), &asking(), 0).await;
    assert!(
        matches!(moved, Delivery::Refused { .. }),
        "no redirect is followed: {moved:?}"
    );
}

#[tokio::test]
async fn the_real_alertmanager_takes_an_alert_keeps_it_once_and_lets_it_end() {
    let installed = std::process::Command::new("prometheus-alertmanager")
        .arg("--version")
        .output()
        .is_ok();
    if !installed {
        println!("skipped: prometheus-alertmanager is not installed");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let server = monitoring::Server::alertmanager(
        directory.path(),
        "route: { receiver: nobody }\nreceivers: [ { name: nobody } ]\n",
    )
    .await;
    let receiver = receiver(&format!(
        "kind = \"alertmanager\"\nurl = \"http://127.0.0.1:{}\"",
        server.port
    ));
    // Alertmanager looks at its own clock.
    let now = Timestamp::try_from(std::time::UNIX_EPOCH + since_1970()).unwrap();
    let mut notice = asking();
    notice.since = now;
    let other = {
        let mut other = notice.clone();
        other.subject = "brake:all".to_owned();
        other
    };
    let messages = [&notice, &notice, &other].map(|notice| Message { notice, told: 0 });
    assert_eq!(receiver.tell(&messages, now, None).await, Delivery::Told);
    let alerts = async || -> Vec<Value> {
        let text = monitoring::http(server.port, "GET", "/api/v2/alerts", "")
            .await
            .unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let found = alerts().await;
    assert_eq!(found.len(), 2, "{found:#?}");
    let asked = found
        .iter()
        .find(|alert| alert["labels"]["topic"] == "plan")
        .unwrap();
    assert_eq!(asked["labels"]["severity"], "critical");
    assert_eq!(asked["labels"]["es_cluster"], "eu");
    let command = asked["annotations"]["approve"].as_str().unwrap();
    assert!(command.starts_with("refollow approve "), "{command}");
    let over = notice.over(now);
    let message = Message {
        notice: &over,
        told: 1,
    };
    assert_eq!(receiver.tell(&[message], now, None).await, Delivery::Told);
    let left = alerts().await;
    assert_eq!(left.len(), 1, "{left:#?}");
    assert_eq!(left[0]["labels"]["subject"], "brake:all");
}

#[expect(
    clippy::disallowed_methods,
    reason = "the real Alertmanager compares with the computer's time"
)]
fn since_1970() -> Duration {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
}
