//! Each fault does what it says; in memory, under the paused clock.

use std::time::Duration;

use refollow::elastic::transport::{Method, Response, Transport as _, TransportError};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::world::World;
use serde_json::{Value, json};

use super::{FOLLOW, ask, follow_body, get, json_of, request, world};

/// Sends a settings change under a fault; the answer, and whether it took effect.
async fn change_under(fault: Fault) -> (World, Result<Response, TransportError>, bool) {
    let world = world(Version::V8_10_4, "quiet");
    world.add_fault(fault.times(1));
    let target = "/orders-f/_settings";
    let answer = ask(
        &world,
        Side::Follower,
        Method::Put,
        target,
        Some(&json!({"index.priority": 77})),
    )
    .await;
    if world.reachable(Side::Follower) {
        world.clear_faults();
    } else {
        world.start_node(Side::Follower);
    }
    let (_, settings) = get(&world, Side::Follower, "/orders-f/_settings?flat_settings=true").await;
    let acted = settings["orders-f"]["settings"]["index.priority"] == "77";
    (world, answer, acted)
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_is_certainly_not_sent() {
    let (world, answer, acted) = change_under(Fault::new(FaultKind::Refuse)).await;
    let error = answer.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }));
    assert!(!error.may_have_acted() && !acted);
    assert_eq!(world.changes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_has_acted_and_a_lost_request_has_not() {
    let (world, answer, acted) = change_under(Fault::new(FaultKind::LoseAnswer)).await;
    assert!(answer.unwrap_err().may_have_acted());
    assert!(acted);
    assert_eq!(world.changes().len(), 1);
    let (world, answer, acted) = change_under(Fault::new(FaultKind::LoseAnswer).acts(false)).await;
    assert!(answer.unwrap_err().may_have_acted());
    assert!(!acted);
    assert_eq!(world.changes(), []);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_cluster_runs_into_the_deadline_of_the_request() {
    for acts in [false, true] {
        let before = tokio::time::Instant::now();
        let (_, answer, acted) = change_under(Fault::new(FaultKind::Hang).acts(acts)).await;
        assert!(matches!(
            answer.unwrap_err(),
            TransportError::Deadline { sent: true, .. }
        ));
        assert_eq!(acted, acts);
        assert!(before.elapsed() >= Duration::from_secs(30));
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_comes_late_and_is_whole() {
    let before = tokio::time::Instant::now();
    let fault = Fault::new(FaultKind::Slow).delay(Duration::from_secs(9));
    let (_, answer, acted) = change_under(fault).await;
    assert_eq!(answer.unwrap().status, 200);
    assert!(acted);
    assert!(before.elapsed() >= Duration::from_secs(9));
}

#[tokio::test(start_paused = true)]
async fn a_proxy_answers_before_or_after_the_cluster_acted() {
    for (status, acts) in [(502, false), (503, true), (504, true)] {
        let fault = Fault::new(FaultKind::Proxy).status(status).acts(acts);
        let (_, answer, acted) = change_under(fault).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.content_type.as_deref(), Some("text/html"));
        assert_eq!(answer.product, None);
        assert_eq!(acted, acts);
    }
}

#[tokio::test(start_paused = true)]
async fn rejections_of_the_server_do_not_act() {
    for (kind, status, named) in [
        (FaultKind::TooManyRequests, 429, "es_rejected_execution_exception"),
        (FaultKind::Unauthorized, 401, "security_exception"),
    ] {
        let (_, answer, acted) = change_under(Fault::new(kind)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(json_of(&answer.body)["error"]["type"], named);
        assert!(!acted);
    }
}

#[tokio::test(start_paused = true)]
async fn garbage_is_no_json_and_another_server_says_nothing_of_elasticsearch() {
    let (_, answer, acted) = change_under(Fault::new(FaultKind::Garbage)).await;
    assert!(serde_json::from_slice::<Value>(&answer.unwrap().body).is_err());
    assert!(acted);
    let (_, answer, acted) = change_under(Fault::new(FaultKind::NotElasticsearch)).await;
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.product), (200, None));
    assert!(serde_json::from_slice::<Value>(&answer.body).is_err());
    assert!(!acted);
}

#[tokio::test(start_paused = true)]
async fn a_node_killed_after_acting_loses_the_answer_and_is_back_after_the_delay() {
    let world = world(Version::V8_10_4, "quiet");
    world.add_fault(
        Fault::new(FaultKind::NodeKilled)
            .method("PUT")
            .delay(Duration::from_secs(20)),
    );
    let target = "/orders-f/_settings";
    let body = json!({"index.priority": 77});
    let lost = ask(&world, Side::Follower, Method::Put, target, Some(&body)).await;
    assert!(matches!(
        lost.unwrap_err(),
        TransportError::Lost { sent: true, .. }
    ));
    let refused = ask(&world, Side::Follower, Method::Get, "/", None).await;
    assert!(matches!(refused.unwrap_err(), TransportError::Connect { .. }));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (status, settings) = get(&world, Side::Follower, "/orders-f/_settings?flat_settings=true").await;
    assert_eq!(status, 200);
    assert_eq!(settings["orders-f"]["settings"]["index.priority"], "77");
}

#[tokio::test(start_paused = true)]
async fn a_node_killed_during_a_restore_loses_the_connection_of_who_waits() {
    let world = world(Version::V8_10_4, "quiet");
    world.with(|state| state.pair.set_restore_rate(Some(1)));
    let body = follow_body();
    let waits = ask(&world, Side::Follower, Method::Put, FOLLOW, Some(&body));
    let kill = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        world.kill_node(Side::Follower);
    };
    let (answer, ()) = tokio::join!(waits, kill);
    assert!(matches!(
        answer.unwrap_err(),
        TransportError::Lost { sent: true, .. }
    ));
}

#[tokio::test(start_paused = true)]
async fn an_answer_longer_than_allowed_is_refused() {
    let world = world(Version::V8_10_4, "quiet");
    let mut small = request(Method::Get, "/_ccr/stats", None);
    small.max_answer_bytes = 100;
    let answer = MemoryTransport::new(&world, Side::Follower).send(small).await;
    assert!(matches!(
        answer.unwrap_err(),
        TransportError::TooLarge { limit: 100 }
    ));
}
