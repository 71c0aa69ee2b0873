//! What a recording presupposes and did not record: indices and followers made beforehand, roles,
//! and the writes that an event stands for.

use std::fmt::Write as _;

use refollow::sandbox::pair::Side;
use serde_json::{Value, json};

/// Recordings whose leader indices and followers were made outside the recorded requests: the
/// index (one shard) before its first bulk, its follower `<index>-f` after it.
pub const MADE_BEFOREHAND: [(&str, &[&str]); 4] = [
    ("37-leader-node-restart", &["lr1", "lr2", "lr3"]),
    ("40-reading-role", &["sec"]),
    ("41-acting-role", &["sea"]),
    ("43-refused-after-the-restore", &["raf"]),
];

/// Documents that were written after a step and not recorded: recording, step, index, how many.
pub const WRITTEN_BESIDE: [(&str, usize, &str, i64); 1] = [("44-data-stream", 2, "metrics-dsx-a", 19)];

/// The body of such an index.
pub fn index_body() -> Value {
    json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}})
}

/// The recording that takes one privilege away in each round: before the next round, unrecorded,
/// both roles were whole again and the follower followed.
pub const ROUNDS: &str = "41-acting-role";

/// Roles, each with a user of its name, that were there before the first step of a secured
/// recording. An API key is played by a user with a role of its own.
pub fn roles(scenario: &str) -> Vec<(Side, &'static str, Value)> {
    let leader = json!({"cluster": ["monitor", "read_ccr"], "indices": [{"names": ["*"],
        "privileges": ["monitor", "read", "view_index_metadata", "manage_leader_index"]}]});
    let follower = json!({"cluster": ["monitor", "manage_ccr"], "indices": [{"names": ["*"],
        "privileges": ["monitor", "read", "write", "view_index_metadata", "manage_follow_index", "manage"]}]});
    let users: &[&str] = match scenario {
        "42-credentials-lost" => &["act", "act2", "api-key"],
        "41-acting-role" | "43-refused-after-the-restore" => &["act"],
        _ => &[],
    };
    users
        .iter()
        .flat_map(|user| {
            [
                (Side::Leader, *user, leader.clone()),
                (Side::Follower, *user, follower.clone()),
            ]
        })
        .collect()
}

/// A bulk body of the documents `first..=last`, as the recordings made them: about 230 bytes each.
pub fn bulk(action: &str, first: i64, last: i64) -> String {
    let pad = "x".repeat(180);
    let mut body = String::new();
    for id in first..=last {
        writeln!(body, "{{\"{action}\":{{\"_id\":\"{id}\"}}}}").unwrap();
        writeln!(body, "{{\"n\":{id},\"t\":\"document {id}\",\"pad\":\"{pad}\"}}").unwrap();
    }
    body
}

/// Updates of a few documents that all go to one shard.
pub fn routed_updates(count: i64, routing: &str) -> String {
    let mut body = String::new();
    for n in 0..count {
        let id = n % 7;
        writeln!(
            body,
            "{{\"index\":{{\"_id\":\"x{id}\",\"routing\":\"{routing}\"}}}}"
        )
        .unwrap();
        writeln!(body, "{{\"n\":{n},\"t\":\"update\",\"pad\":\"x\"}}").unwrap();
    }
    body
}
