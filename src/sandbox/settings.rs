//! Which index settings CCR replicates, which a restore brings along, which must be equal.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errors::Fault;
use super::index::Index;

/// Settings that the server keeps for itself.
const PRIVATE: [&str; 8] = [
    "index.uuid",
    "index.creation_date",
    "index.provided_name",
    "index.version.",
    "index.xpack.ccr.",
    "index.history.uuid",
    "index.verified_before_close",
    "index.resize.",
];

/// Settings that followers have for themselves (`TransportResumeFollowAction`).
const OWN: [&str; 24] = [
    "index.number_of_replicas",
    "index.auto_expand_replicas",
    "index.routing.allocation.",
    "index.routing.rebalance.",
    "index.blocks.",
    "index.priority",
    "index.refresh_interval",
    "index.hidden",
    "index.soft_deletes.",
    "index.search.slowlog.",
    "index.indexing.slowlog.",
    "index.merge.",
    "index.translog.",
    "index.write.wait_for_active_shards",
    "index.unassigned.",
    "index.warmer.",
    "index.gc_deletes",
    "index.max_",
    "index.ttl.",
    "index.search.throttled",
    "index.search.idle.",
    "index.requests.cache.",
    "index.allocation.max_retries",
    "index.default_pipeline",
];

fn is_of(key: &str, list: &[&str]) -> bool {
    list.iter().any(|known| {
        if known.ends_with('.') || known.ends_with('_') {
            key.starts_with(known)
        } else {
            key == *known
        }
    })
}

/// Whether CCR keeps this setting equal on both sides.
pub fn replicated(key: &str) -> bool {
    !is_of(key, &PRIVATE) && !is_of(key, &OWN)
}

/// Whether a restore takes this setting from the leader: nearly all, also blocks and allocation
/// filters (recording 18).
pub fn comes_along(key: &str) -> bool {
    !matches!(
        key,
        "index.uuid" | "index.provided_name" | "index.history.uuid" | "index.verified_before_close"
    )
}

fn replicated_of(settings: &BTreeMap<String, Value>) -> BTreeMap<&String, &Value> {
    settings.iter().filter(|(key, _)| replicated(key)).collect()
}

/// Refuses a resume where replicated settings differ.
pub fn identical(leader: &BTreeMap<String, Value>, follower: &BTreeMap<String, Value>) -> Result<(), Fault> {
    let (ours, theirs) = (replicated_of(follower), replicated_of(leader));
    // Dynamic ones are brought over by the task; only static ones are compared for a refusal.
    let fixed = |map: &BTreeMap<&String, &Value>| -> BTreeMap<String, Value> {
        map.iter()
            .filter(|(key, _)| is_static(key))
            .map(|(key, value)| ((*key).clone(), (*value).clone()))
            .collect()
    };
    let (ours, theirs) = (fixed(&ours), fixed(&theirs));
    if ours == theirs {
        return Ok(());
    }
    let words = if follower
        .get("index.version.created")
        .and_then(Value::as_str)
        .is_some_and(|v| v.starts_with('7'))
    {
        "setting"
    } else {
        "settings "
    };
    Err(Fault::argument(format!(
        "the leader index {words}[{}] and follower index settings [{}] must be identical",
        json!(theirs),
        json!(ours)
    )))
}

fn is_static(key: &str) -> bool {
    key.starts_with("index.analysis.")
        || key.starts_with("index.sort.")
        || matches!(key, "index.number_of_shards" | "index.codec" | "index.store.type")
}

/// Takes over what changed on the leader. A static setting closes the follower, changes it and
/// opens it again; where the analyzer's file is missing here it stays closed and the task is fatal.
pub fn take_over(index: &mut Index, leader: &BTreeMap<String, Value>, now_ms: i64) -> Result<(), Value> {
    let theirs = replicated_of(leader);
    let mut changes: BTreeMap<String, Value> = BTreeMap::new();
    for (key, value) in &theirs {
        if index.settings.get(*key) != Some(*value) {
            changes.insert((*key).clone(), (*value).clone());
        }
    }
    for key in index.settings.keys() {
        if replicated(key) && !theirs.contains_key(key) {
            changes.insert(key.clone(), Value::Null);
        }
    }
    if changes.is_empty() {
        return Ok(());
    }
    if changes.keys().any(|key| is_static(key)) {
        for shard in &mut index.shards {
            shard.term += 1;
        }
        if let Some((key, path)) = changes.iter().find(|(key, _)| key.ends_with("_path")) {
            for shard in &mut index.shards {
                shard.recover_from_store(now_ms);
            }
            index.open = false;
            index.version += 1;
            index
                .settings
                .insert("index.verified_before_close".to_owned(), json!("true"));
            let file = path.as_str().unwrap_or_default();
            let file = format!("/var/lib/elasticsearch/follower/config/{file}");
            let name = key.rsplit('.').next().unwrap_or_default();
            let reason = format!("IOException while reading {name}_path: {file}");
            return Err(json!({"type": "exception",
                "reason": format!("java.lang.IllegalArgumentException: {reason}"),
                "caused_by": {"type": "illegal_argument_exception", "reason": reason,
                    "caused_by": {"type": "no_such_file_exception", "reason": file}}}));
        }
        for shard in &mut index.shards {
            shard.term += 1;
        }
    }
    index.put_settings(&changes);
    Ok(())
}
