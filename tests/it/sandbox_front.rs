//! What stands around the simulated pair: both ways in, faults, control, scenarios.

mod control;
mod faults;
mod scenarios;
mod time;
mod ways_in;

use std::time::Duration;

use bytes::Bytes;
use refollow::elastic::transport::{Credential, Method, Request, Response, Transport as _, TransportError};
use refollow::sandbox::command::{Running, SandboxOptions, serve};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
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
    info["follower_indices"][0]["status"].as_str().unwrap().to_owned()
}

/// Whether any shard of the follower has a fatal exception, and which type of it.
async fn fatal(world: &World, follower: &str) -> Option<Value> {
    let (code, stats) = get(world, Side::Follower, &format!("/{follower}/_ccr/stats")).await;
    assert_eq!(code, 200, "{stats}");
    stats["indices"][0]["shards"]
        .as_array()
        .unwrap()
        .iter()
        .find_map(|shard| shard.get("fatal_exception").cloned())
}

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

const FOLLOW: &str = "/mail-f2/_ccr/follow?wait_for_active_shards=1";

fn follow_body() -> Value {
    json!({"remote_cluster": "lead", "leader_index": "mail"})
}
