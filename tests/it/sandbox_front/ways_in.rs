//! Over HTTP on free ports: the same as in memory, and what only sockets have.

use std::time::Duration;

use refollow::elastic::transport::Method;
use refollow::sandbox::command::{SandboxError, SandboxOptions, serve};
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario;
use serde_json::{Value, json};

use super::{START_MS, ask, http, json_of, sandbox, status_of};

#[tokio::test]
async fn the_same_request_gives_the_same_answer_over_http_and_in_memory() {
    let running = sandbox(Some("quiet")).await;
    let client = http();
    for (side, target) in [
        (Side::Leader, "/"),
        (Side::Follower, "/_remote/info"),
        (Side::Follower, "/orders-f/_ccr/info"),
        (Side::Follower, "/nope/_ccr/info"),
        (Side::Follower, "/orders-f/_settings?flat_settings=true"),
        (Side::Leader, "/orders/_alias"),
    ] {
        let url = format!("{}{target}", running.url(side));
        let over_http = client.get(url).send().await.unwrap();
        let memory = ask(&running.world, side, Method::Get, target, None)
            .await
            .unwrap();
        assert_eq!(over_http.status().as_u16(), memory.status, "{target}");
        let header = |name: &str| {
            over_http
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
        };
        assert_eq!(header("content-type"), memory.content_type, "{target}");
        assert_eq!(header("x-elastic-product"), memory.product, "{target}");
        assert_eq!(memory.product.as_deref(), Some("Elasticsearch"));
        assert_eq!(over_http.bytes().await.unwrap(), memory.body, "{target}");
    }
    running.stop().await;
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_only_its_waiting() {
    let running = sandbox(Some("quiet")).await;
    let client = http();
    let put = format!(
        "{}/mail-f2/_ccr/follow?wait_for_active_shards=1",
        running.url(Side::Follower)
    );
    // So slow that the client is certainly gone before the copy is done.
    scenario::play(&running.world, "restore-rate:1").unwrap();
    let gone = client
        .put(put)
        .header("content-type", "application/json")
        .body(r#"{"remote_cluster":"lead","leader_index":"mail"}"#)
        .timeout(Duration::from_millis(300))
        .send()
        .await;
    assert!(gone.unwrap_err().is_timeout());
    scenario::play(&running.world, "restore-rate:none").unwrap();
    running.world.advance(Duration::from_hours(2));
    assert_eq!(status_of(&running.world, "mail-f2").await, "active");
    let changes = running.world.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].status, None);
    running.stop().await;
}

#[tokio::test]
async fn a_port_in_use_is_one_clear_message_with_the_remedy() {
    let running = sandbox(None).await;
    let port = running.leader.port();
    let second = serve(
        SandboxOptions {
            leader_port: port,
            follower_port: 0,
            version: Version::V7_7_0,
            scenario: None,
            start_ms: START_MS,
            seed: 1,
        },
        std::future::pending(),
    )
    .await;
    let error = second.unwrap_err();
    assert!(matches!(error, SandboxError::PortInUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&port.to_string()), "{text}");
    assert!(text.contains("--leader-port"), "{text}");
    running.stop().await;
}

#[tokio::test]
async fn a_killed_node_refuses_connections_and_the_port_comes_back_with_it() {
    let running = sandbox(None).await;
    let client = http();
    let url = format!("{}/", running.url(Side::Leader));
    assert_eq!(client.get(&url).send().await.unwrap().status().as_u16(), 200);
    let control = format!("{}/_sandbox/scenario", running.url(Side::Follower));
    let played = client
        .post(&control)
        .body(r#"{"name":"leader-restart:2h"}"#)
        .send()
        .await
        .unwrap();
    assert_eq!(played.status().as_u16(), 200);
    // The listener is closed by its own task, a moment later.
    let refused = loop {
        if let Err(error) = client.get(&url).send().await
            && error.is_connect()
        {
            break error;
        }
        tokio::task::yield_now().await;
    };
    assert!(refused.is_connect());
    let clock = format!("{}/_sandbox/clock", running.url(Side::Follower));
    client
        .post(&clock)
        .body(r#"{"advance":"2h"}"#)
        .send()
        .await
        .unwrap();
    loop {
        if let Ok(answer) = client.get(&url).send().await {
            assert_eq!(answer.status().as_u16(), 200);
            break;
        }
        tokio::task::yield_now().await;
    }
    running.stop().await;
}

#[tokio::test]
async fn control_stays_reachable_while_both_clusters_are_down() {
    let running = sandbox(None).await;
    let client = http();
    running.world.kill_node(Side::Leader);
    running.world.kill_node(Side::Follower);
    for side in [Side::Leader, Side::Follower] {
        let url = running.url(side);
        // One of the two ports may just be opening again.
        let state: Value = loop {
            if let Ok(answer) = client.get(format!("{url}/_sandbox")).send().await {
                break answer.bytes().await.map(|body| json_of(&body)).unwrap();
            }
            tokio::task::yield_now().await;
        };
        assert_eq!(state["reachable"], json!({"leader": false, "follower": false}));
        assert!(client.get(format!("{url}/")).send().await.is_err());
    }
    running.stop().await;
}

#[tokio::test]
async fn a_stopped_sandbox_has_freed_its_ports() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let running = serve(
        SandboxOptions {
            leader_port: 0,
            follower_port: 0,
            version: Version::V7_7_0,
            scenario: None,
            start_ms: START_MS,
            seed: 1,
        },
        async {
            // Either way the test is over.
            let _told = stopped.await;
        },
    )
    .await
    .unwrap();
    let address = running.leader;
    stop.send(()).unwrap();
    running.wait().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}
