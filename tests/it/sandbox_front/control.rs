//! The control routes.

use std::time::Duration;

use refollow::sandbox::pair::Side;
use serde_json::{Value, json};

use super::{http, json_of, sandbox};

async fn control(
    client: &reqwest::Client,
    method: reqwest::Method,
    url: String,
    body: Option<Value>,
) -> (u16, Value) {
    let mut request = client.request(method, url);
    if let Some(body) = body {
        request = request.body(body.to_string());
    }
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    (status, json_of(&answer.bytes().await.unwrap()))
}

#[tokio::test]
async fn the_log_shows_what_clients_sent_in_order_and_can_be_filtered_and_cleared() {
    let running = sandbox(Some("healthy")).await;
    let client = http();
    let follower = running.url(Side::Follower);
    let leader = running.url(Side::Leader);
    client.get(format!("{leader}/_license")).send().await.unwrap();
    client
        .put(format!("{follower}/orders-f/_settings"))
        .header("content-type", "application/json")
        .body(r#"{"index.priority":4}"#)
        .send()
        .await
        .unwrap();
    client
        .post(format!("{follower}/orders-f/_search?size=0"))
        .send()
        .await
        .unwrap();
    // Load and scenarios write as well; they are not in the log.
    running.world.advance(Duration::from_mins(1));
    // Either port shows both clusters.
    let url = format!("{leader}/_sandbox/requests");
    let (status, all) = control(&client, reqwest::Method::GET, url.clone(), None).await;
    assert_eq!(status, 200);
    let seen: Vec<(&str, &str, &str, bool)> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            (
                entry["cluster"].as_str().unwrap(),
                entry["method"].as_str().unwrap(),
                entry["path"].as_str().unwrap(),
                entry["changes"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("leader", "GET", "/_license", false),
            ("follower", "PUT", "/orders-f/_settings", true),
            ("follower", "POST", "/orders-f/_search?size=0", false),
        ]
    );
    assert_eq!(all[1]["body"], json!({"index.priority": 4}));
    assert_eq!(all[1]["status"], 200);
    assert!(all[0]["at"].as_str().unwrap().starts_with("2026-11-23T10:00:"));
    let changes = format!("{follower}/_sandbox/requests?changes=true");
    let (_, changes) = control(&client, reqwest::Method::GET, changes, None).await;
    assert_eq!(changes.as_array().unwrap().len(), 1);
    let (status, _) = control(&client, reqwest::Method::DELETE, url.clone(), None).await;
    assert_eq!(status, 200);
    let (_, none) = control(&client, reqwest::Method::GET, url, None).await;
    assert_eq!(none, json!([]));
    running.stop().await;
}

#[tokio::test]
async fn faults_clock_and_scenarios_are_driven_over_http_and_mistakes_are_named() {
    let running = sandbox(Some("quiet")).await;
    let client = http();
    let base = format!("{}/_sandbox", running.url(Side::Follower));
    let fault = json!({"kind": "proxy", "cluster": "follower", "path": "/_ccr/stats", "status": 503});
    let (status, list) = control(
        &client,
        reqwest::Method::PUT,
        format!("{base}/faults"),
        Some(fault),
    )
    .await;
    assert_eq!((status, list[0]["fired"].as_u64()), (200, Some(0)));
    let watched = format!("{}/_ccr/stats", running.url(Side::Follower));
    assert_eq!(client.get(&watched).send().await.unwrap().status().as_u16(), 503);
    let (_, list) = control(&client, reqwest::Method::GET, format!("{base}/faults"), None).await;
    assert_eq!(list[0]["fired"], 1);
    let (_, list) = control(&client, reqwest::Method::DELETE, format!("{base}/faults"), None).await;
    assert_eq!(list, json!([]));
    assert_eq!(client.get(&watched).send().await.unwrap().status().as_u16(), 200);

    let clock = format!("{base}/clock");
    let (_, before) = control(&client, reqwest::Method::GET, clock.clone(), None).await;
    let (_, after) = control(
        &client,
        reqwest::Method::POST,
        clock.clone(),
        Some(json!({"advance": "2h"})),
    )
    .await;
    let passed = after["now_ms"].as_i64().unwrap() - before["now_ms"].as_i64().unwrap();
    assert!((7_200_000..7_260_000).contains(&passed), "{passed}");

    let (_, names) = control(&client, reqwest::Method::GET, format!("{base}/scenario"), None).await;
    assert_eq!(names["starts"][1]["name"], "healthy");
    for (route, wrong, named) in [
        ("faults", json!({"kind": "flood"}), "flood"),
        ("clock", json!({"advance": "later"}), "`later`"),
        ("scenario", json!({"name": "no-such"}), "`no-such`"),
        ("scenario", json!({"name": "history-lost:no-such"}), "orders-f"),
        (
            "scenario",
            json!({"name": "history-lost"}),
            "history-lost:<follower>",
        ),
        ("scenario", json!({"name": "live-lease:mail-f"}), "one shard"),
    ] {
        let method = if route == "faults" {
            reqwest::Method::PUT
        } else {
            reqwest::Method::POST
        };
        let (status, answer) = control(&client, method, format!("{base}/{route}"), Some(wrong)).await;
        assert_eq!(status, 400);
        let text = answer["error"].as_str().unwrap();
        assert!(text.contains(named), "{text}");
    }
    let (status, _) = control(&client, reqwest::Method::GET, format!("{base}/nope"), None).await;
    assert_eq!(status, 404);
    let (status, _) = control(&client, reqwest::Method::PUT, clock, None).await;
    assert_eq!(status, 405);
    running.stop().await;
}
