//! What stands around the simulated pair: both ways in, faults, control, scenarios.

use std::time::Duration;

use bytes::Bytes;
use refollow::elastic::transport::{
    Credential, Method, Request, Response, Transport as _, TransportError,
};
use refollow::sandbox::command::{Running, SandboxError, SandboxOptions, serve};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::{Event, World};
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;

const VERSIONS: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];

fn world(version: Version, start: &str) -> World {
    let world = World::new(&PairOptions {
        version,
        secured: false,
        start_ms: START_MS,
        seed: 7,
    });
    scenario::play(&world, start).unwrap();
    world
}

fn request(method: Method, target: &str, body: Option<&Value>) -> Request {
    Request {
        method,
        target: target.to_owned(),
        body: body.map(|body| Bytes::from(body.to_string())),
        credential: Credential::Act,
        deadline: Duration::from_secs(30),
        changes: method != Method::Get,
        max_answer_bytes: 64 * 1024 * 1024,
    }
}

async fn ask(
    world: &World,
    side: Side,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<Response, TransportError> {
    let transport = MemoryTransport::new(world, side);
    transport.send(request(method, target, body)).await
}

async fn get(world: &World, side: Side, target: &str) -> (u16, Value) {
    let response = ask(world, side, Method::Get, target, None).await.unwrap();
    (response.status, json_of(&response.body))
}

async fn done(world: &World, side: Side, method: Method, target: &str, body: Option<&Value>) {
    let response = ask(world, side, method, target, body).await.unwrap();
    assert_eq!(
        response.status,
        200,
        "{target}: {}",
        String::from_utf8_lossy(&response.body)
    );
}

fn json_of(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap()
}

/// `active` or `paused`, as `_ccr/info` has it.
async fn status_of(world: &World, follower: &str) -> String {
    let (_, info) = get(world, Side::Follower, &format!("/{follower}/_ccr/info")).await;
    info["follower_indices"][0]["status"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Whether any shard of the follower has a fatal exception, and which type of it.
async fn fatal(world: &World, follower: &str) -> Option<Value> {
    let (status, stats) = get(world, Side::Follower, &format!("/{follower}/_ccr/stats")).await;
    assert_eq!(status, 200, "{stats}");
    stats["indices"][0]["shards"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|shard| shard.get("fatal_exception").cloned())
}

// --- The ways in -----------------------------------------------------------------------------

fn http() -> reqwest::Client {
    // Another test of this process may have installed it before.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

async fn sandbox(scenario: Option<&str>) -> Running {
    serve(
        SandboxOptions {
            leader_port: 0,
            follower_port: 0,
            version: Version::V8_10_4,
            scenario: scenario.map(str::to_owned),
            start_ms: START_MS,
            seed: 7,
        },
        std::future::pending(),
    )
    .await
    .unwrap()
}

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
    running.world.advance(Duration::from_secs(7200));
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
    assert_eq!(
        client.get(&url).send().await.unwrap().status().as_u16(),
        200
    );
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
        assert_eq!(
            state["reachable"],
            json!({"leader": false, "follower": false})
        );
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

// --- Control ---------------------------------------------------------------------------------

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
    client
        .get(format!("{leader}/_license"))
        .send()
        .await
        .unwrap();
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
    running.world.advance(Duration::from_secs(60));
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
    assert!(
        all[0]["at"]
            .as_str()
            .unwrap()
            .starts_with("2026-11-23T10:00:")
    );
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
    let fault =
        json!({"kind": "proxy", "cluster": "follower", "path": "/_ccr/stats", "status": 503});
    let (status, list) = control(
        &client,
        reqwest::Method::PUT,
        format!("{base}/faults"),
        Some(fault),
    )
    .await;
    assert_eq!((status, list[0]["fired"].as_u64()), (200, Some(0)));
    let stats = format!("{}/_ccr/stats", running.url(Side::Follower));
    assert_eq!(
        client.get(&stats).send().await.unwrap().status().as_u16(),
        503
    );
    let (_, list) = control(
        &client,
        reqwest::Method::GET,
        format!("{base}/faults"),
        None,
    )
    .await;
    assert_eq!(list[0]["fired"], 1);
    let (_, list) = control(
        &client,
        reqwest::Method::DELETE,
        format!("{base}/faults"),
        None,
    )
    .await;
    assert_eq!(list, json!([]));
    assert_eq!(
        client.get(&stats).send().await.unwrap().status().as_u16(),
        200
    );

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

    let (_, names) = control(
        &client,
        reqwest::Method::GET,
        format!("{base}/scenario"),
        None,
    )
    .await;
    assert_eq!(names["starts"][1]["name"], "healthy");
    for (route, wrong, named) in [
        ("faults", json!({"kind": "flood"}), "flood"),
        ("clock", json!({"advance": "later"}), "`later`"),
        ("scenario", json!({"name": "no-such"}), "`no-such`"),
        (
            "scenario",
            json!({"name": "history-lost:no-such"}),
            "orders-f",
        ),
        (
            "scenario",
            json!({"name": "history-lost"}),
            "history-lost:<follower>",
        ),
        (
            "scenario",
            json!({"name": "live-lease:mail-f"}),
            "one shard",
        ),
    ] {
        let method = if route == "faults" {
            reqwest::Method::PUT
        } else {
            reqwest::Method::POST
        };
        let (status, answer) =
            control(&client, method, format!("{base}/{route}"), Some(wrong)).await;
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

// --- Faults, in memory -----------------------------------------------------------------------

const FOLLOW: &str = "/mail-f2/_ccr/follow?wait_for_active_shards=1";

fn follow_body() -> Value {
    json!({"remote_cluster": "lead", "leader_index": "mail"})
}

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
    let (_, settings) = get(
        &world,
        Side::Follower,
        "/orders-f/_settings?flat_settings=true",
    )
    .await;
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
        (
            FaultKind::TooManyRequests,
            429,
            "es_rejected_execution_exception",
        ),
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
    assert!(matches!(
        refused.unwrap_err(),
        TransportError::Connect { .. }
    ));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let (status, settings) = get(
        &world,
        Side::Follower,
        "/orders-f/_settings?flat_settings=true",
    )
    .await;
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
    let answer = MemoryTransport::new(&world, Side::Follower)
        .send(small)
        .await;
    assert!(matches!(
        answer.unwrap_err(),
        TransportError::TooLarge { limit: 100 }
    ));
}

// --- Time ------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn a_slow_restore_completes_although_the_deadline_of_the_client_passed() {
    for version in VERSIONS {
        let world = world(version, "quiet");
        world.with(|state| state.pair.set_restore_rate(Some(300)));
        let mut put = request(Method::Put, FOLLOW, Some(&follow_body()));
        put.deadline = Duration::from_secs(2);
        let answer = MemoryTransport::new(&world, Side::Follower).send(put).await;
        assert!(matches!(
            answer.unwrap_err(),
            TransportError::Deadline { sent: true, .. }
        ));
        assert_eq!(status_of(&world, "mail-f2").await, "paused");
        tokio::time::sleep(Duration::from_secs(3600)).await;
        assert_eq!(status_of(&world, "mail-f2").await, "active");
        assert_eq!(
            world.with(|state| state.pair.documents_digest(Side::Follower, "mail-f2")),
            world.with(|state| state.pair.documents_digest(Side::Leader, "mail")),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pushed_clock_wakes_who_waits_for_a_restore() {
    let world = world(Version::V8_10_4, "quiet");
    world.with(|state| state.pair.set_restore_rate(Some(1)));
    let before = tokio::time::Instant::now();
    let mut put = request(Method::Put, FOLLOW, Some(&follow_body()));
    put.deadline = Duration::from_secs(3600);
    let transport = MemoryTransport::new(&world, Side::Follower);
    let push = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.with(|state| state.pair.set_restore_rate(None));
        world.advance(Duration::from_secs(48 * 3600));
    };
    let (answer, ()) = tokio::join!(transport.send(put), push);
    assert_eq!(answer.unwrap().status, 200);
    assert!(before.elapsed() < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn what_is_scheduled_happens_in_the_order_of_time_also_when_the_clock_jumps() {
    let world = world(Version::V8_10_4, "quiet");
    world.kill_node(Side::Leader);
    world.schedule(Duration::from_secs(90), Event::BreakLink(true));
    world.schedule(Duration::from_secs(30), Event::StartNode(Side::Leader));
    world.advance(Duration::from_secs(60));
    assert!(world.reachable(Side::Leader));
    world.advance(Duration::from_secs(600));
    let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
    assert_eq!(remote["lead"]["connected"], false);
}

// --- Scenarios -------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn the_healthy_start_has_at_least_twelve_followers_and_all_are_following() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        let (_, info) = get(&world, Side::Follower, "/*,.*/_ccr/info").await;
        let followers = info["follower_indices"].as_array().unwrap();
        assert!(followers.len() >= 12);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            let (status, stats) = get(&world, Side::Follower, "/_ccr/stats").await;
            assert_eq!(status, 200);
            let indices = stats["follow_stats"]["indices"].as_array().unwrap();
            assert_eq!(indices.len(), followers.len());
            for shard in indices
                .iter()
                .flat_map(|index| index["shards"].as_array().unwrap())
            {
                assert!(shard.get("fatal_exception").is_none(), "{shard}");
                assert_eq!(shard["read_exceptions"], json!([]), "{shard}");
            }
        }
        for follower in followers {
            assert_eq!(follower["status"], "active");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn background_writes_move_checkpoints_and_reach_the_followers() {
    let world = world(Version::V8_10_4, "healthy");
    let checkpoint = async || {
        let (_, stats) = get(&world, Side::Follower, "/orders-f/_ccr/stats").await;
        stats["indices"][0]["shards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard["follower_global_checkpoint"].as_i64().unwrap())
            .sum::<i64>()
    };
    let before = checkpoint().await;
    tokio::time::sleep(Duration::from_secs(300)).await;
    let after = checkpoint().await;
    assert!(after > before + 300, "{before} → {after}");
    assert_eq!(world.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn days_of_background_load_pass_in_a_moment_and_leave_everything_following() {
    let world = world(Version::V8_10_4, "healthy");
    world.advance(Duration::from_secs(3 * 24 * 3600));
    assert_eq!(fatal(&world, "orders-f").await, None);
    assert_eq!(status_of(&world, "sessions-f").await, "active");
}

#[tokio::test(start_paused = true)]
async fn lost_history_is_fatal_with_the_marker_and_a_resume_does_not_cure_it() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "history-lost:orders-f").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let exception = fatal(&world, "orders-f").await.unwrap();
        assert!(
            exception
                .to_string()
                .contains("requested_operations_missing"),
            "{exception}"
        );
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/orders-f/_ccr/pause_follow",
            None,
        )
        .await;
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/orders-f/_ccr/resume_follow",
            None,
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert!(fatal(&world, "orders-f").await.is_some());
        assert!(fatal(&world, "payments-f").await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_lease_makes_one_shard_fatal_and_leaves_the_others_their_leases() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "live-lease:payments-f").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let (_, stats) = get(&world, Side::Follower, "/payments-f/_ccr/stats").await;
        let fatal: Vec<bool> = stats["indices"][0]["shards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard.get("fatal_exception").is_some())
            .collect();
        assert_eq!(fatal, [true, false, false]);
        let (_, leases) = get(&world, Side::Leader, "/payments/_stats?level=shards").await;
        let living = leases["indices"]["payments"]["shards"]
            .as_object()
            .unwrap()
            .values()
            .filter(|copies| copies.to_string().contains("payments-f"))
            .count();
        assert!(living >= 2, "{living}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_restart_costs_nothing() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "leader-restart").unwrap();
        assert!(!world.reachable(Side::Leader));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
        assert_eq!(remote["lead"]["connected"], false);
        tokio::time::sleep(Duration::from_secs(180)).await;
        assert!(world.reachable(Side::Leader));
        let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
        assert_eq!(remote["lead"]["connected"], true);
        for follower in ["orders-f", "sessions-f", "mail-f"] {
            assert_eq!(fatal(&world, follower).await, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restored_but_paused_is_cured_by_a_resume_and_loses_no_document() {
    for version in VERSIONS {
        let world = world(version, "quiet");
        scenario::play(&world, "restored-but-paused:invoices-f").unwrap();
        tokio::time::sleep(Duration::from_secs(120)).await;
        assert_eq!(status_of(&world, "invoices-f").await, "paused");
        let (_, recovery) = get(&world, Side::Follower, "/invoices-f/_recovery").await;
        assert_eq!(recovery["invoices-f"]["shards"][0]["stage"], "DONE");
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/invoices-f/_ccr/resume_follow",
            Some(&json!({})),
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(fatal(&world, "invoices-f").await, None);
        assert_eq!(
            world.with(|state| state.pair.docs(Side::Follower, "invoices-f")),
            Some(200)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_follow_ends_restored_but_paused() {
    let world = world(Version::V8_10_4, "quiet");
    scenario::play(&world, "history-lost:orders-f").unwrap();
    scenario::play(&world, "follow-interrupted:orders-f").unwrap();
    world.with(|state| state.pair.set_restore_rate(Some(100_000)));
    done(
        &world,
        Side::Follower,
        Method::Post,
        "/orders-f/_ccr/pause_follow",
        None,
    )
    .await;
    done(
        &world,
        Side::Follower,
        Method::Post,
        "/orders-f/_close",
        None,
    )
    .await;
    let mut put = request(
        Method::Put,
        "/orders-f/_ccr/follow?wait_for_active_shards=1",
        Some(&json!({"remote_cluster": "lead", "leader_index": "orders"})),
    );
    put.deadline = Duration::from_secs(600);
    // Whether an answer comes is not the point: nobody may rely on it.
    let _answer = MemoryTransport::new(&world, Side::Follower).send(put).await;
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(status_of(&world, "orders-f").await, "paused");
    let (_, recovery) = get(&world, Side::Follower, "/orders-f/_recovery").await;
    assert_eq!(recovery["orders-f"]["shards"][0]["stage"], "DONE");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_leader_is_fatal_and_stays_deleted_under_background_load() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "leader-deleted:carts-f").unwrap();
        tokio::time::sleep(Duration::from_secs(90)).await;
        let exception = fatal(&world, "carts-f").await.unwrap();
        assert!(exception.to_string().contains("index_not_found_exception"));
        let (status, _) = get(&world, Side::Leader, "/carts/_settings").await;
        assert_eq!(status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fatal_but_curable_follower_is_cured_by_pause_and_resume() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "fatal-but-curable:tickets").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let exception = fatal(&world, "tickets-f").await.unwrap();
        assert!(
            exception
                .to_string()
                .contains("Unable to open any connections")
        );
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/tickets-f/_ccr/pause_follow",
            None,
        )
        .await;
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/tickets-f/_ccr/resume_follow",
            None,
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(fatal(&world, "tickets-f").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn every_name_in_the_list_can_be_played_on_the_healthy_start() {
    for breakage in refollow::sandbox::scenario::breakage::NAMES {
        let world = world(Version::V8_10_4, "healthy");
        let name = match breakage.name {
            "restore-rate" => "restore-rate:1000".to_owned(),
            "disk-full" | "disk-free" => format!("{}:follower", breakage.name),
            "remote-down" | "remote-up" | "remote-removed" | "remote-restored" => {
                breakage.name.to_owned()
            }
            other => format!("{other}:orders-f"),
        };
        let name = name.replace("restart:orders-f", "restart:5s");
        let played = scenario::play(&world, &name);
        assert!(played.is_ok(), "{name}: {played:?}");
    }
}
