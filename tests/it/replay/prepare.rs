//! What a recording presupposes and did not record: indices and followers made beforehand, roles,
//! and the writes that an event stands for.

use serde_json::{Value, json};

/// Recordings whose leader indices and followers were made outside the recorded requests: the
/// index (one shard) before its first bulk, its follower `<index>-f` after it.
pub const MADE_BEFOREHAND: [(&str, &[&str]); 5] = [
    ("37-leader-node-restart", &["lr1", "lr2", "lr3"]),
    ("40-reading-role", &["sec"]),
    ("41-acting-role", &["sea"]),
    ("43-refused-after-the-restore", &["raf"]),
    ("51-licence", &["lic"]),
];

/// The body of such an index.
pub fn index_body() -> Value {
    json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}})
}

/// Roles that were there before the first step of the secured recordings, on the leader.
pub fn roles() -> Vec<(&'static str, Value)> {
    let reading = json!({"cluster": ["monitor", "read_ccr"], "indices": [{"names": ["*"],
        "privileges": ["monitor", "read", "view_index_metadata", "manage_leader_index"]}]});
    vec![("act", reading)]
}

/// A bulk body of the documents `first..=last`, as the recordings made them: about 230 bytes each.
pub fn bulk(action: &str, first: i64, last: i64) -> String {
    let pad = "x".repeat(180);
    (first..=last)
        .map(|id| {
            format!(
                "{{\"{action}\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":{id},\"t\":\"document {id}\",\"pad\":\"{pad}\"}}\n"
            )
        })
        .collect()
}

/// Updates of a few documents that all go to one shard.
pub fn routed_updates(count: i64, routing: &str) -> String {
    (0..count)
        .map(|n| {
            format!(
                "{{\"index\":{{\"_id\":\"x{}\",\"routing\":\"{routing}\"}}}}\n{{\"n\":{n},\"t\":\"update\",\"pad\":\"x\"}}\n",
                n % 7
            )
        })
        .collect()
}
