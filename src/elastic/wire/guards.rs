//! Answers that only guards read: disks, snapshots that run, auto-follow patterns, privileges,
//! lifecycle policies. They are few and small, so they are read from a JSON tree.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::domain::answer::{Answer, Outcome};
use crate::domain::facts::{AutoFollowPattern, IlmPhase, NodeDisk};
use crate::domain::ids::RemoteAlias;
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;

fn tree(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// `_nodes/stats/fs`: one entry per node. A node without numbers stays in the list without them.
pub(super) fn disks(body: &[u8]) -> Result<Vec<NodeDisk>, String> {
    let tree = tree(body)?;
    let nodes = tree
        .get("nodes")
        .and_then(Value::as_object)
        .ok_or("it holds no `nodes`")?;
    Ok(nodes
        .iter()
        .map(|(id, node)| {
            let number = |name: &str| node.pointer(&format!("/fs/total/{name}")).and_then(Value::as_u64);
            NodeDisk {
                name: node.get("name").and_then(Value::as_str).unwrap_or(id).to_owned(),
                roles: texts(node.get("roles")),
                total_bytes: number("total_in_bytes"),
                available_bytes: number("available_in_bytes"),
            }
        })
        .collect())
}

/// `_snapshot/_status`: snapshots that run, with the indices they touch.
pub(super) fn snapshots(body: &[u8]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let tree = tree(body)?;
    let list = tree
        .get("snapshots")
        .and_then(Value::as_array)
        .ok_or("it holds no list `snapshots`")?;
    list.iter()
        .map(|entry| {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("?");
            let indices = entry
                .get("indices")
                .and_then(Value::as_object)
                .ok_or("a snapshot in it names no indices")?;
            let name = format!("{}/{} ({})", text("repository"), text("snapshot"), text("state"));
            Ok((name, indices.keys().cloned().collect()))
        })
        .collect()
}

/// `_cluster/state/customs`: snapshots and restores that run, for those whom `_snapshot/_status`
/// is forbidden. A cluster where none ever ran has neither key; `cluster_uuid` shows that the
/// answer is whole.
pub(super) fn customs(body: &[u8]) -> Result<BTreeMap<String, Vec<String>>, String> {
    let tree = tree(body)?;
    tree.get("cluster_uuid")
        .and_then(Value::as_str)
        .ok_or("it holds no `cluster_uuid`")?;
    let mut running = BTreeMap::new();
    for kind in ["snapshots", "restore"] {
        let Some(custom) = tree.get(kind) else { continue };
        let list = custom
            .get("snapshots")
            .and_then(Value::as_array)
            .ok_or_else(|| format!("its `{kind}` holds no list"))?;
        for entry in list {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or("?");
            let indices = entry
                .get("indices")
                .and_then(Value::as_array)
                .ok_or_else(|| format!("an entry of its `{kind}` names no indices"))?;
            // Snapshots list objects with a name, restores list names.
            let names = indices
                .iter()
                .filter_map(|index| {
                    index
                        .as_str()
                        .or_else(|| index.get("name").and_then(Value::as_str))
                })
                .map(str::to_owned)
                .collect();
            let name = format!(
                "{kind} {}/{} ({})",
                text("repository"),
                text("snapshot"),
                text("state")
            );
            running.insert(name, names);
        }
    }
    Ok(running)
}

/// `_ccr/auto_follow`.
pub(super) fn auto_follow(body: &[u8]) -> Result<Vec<AutoFollowPattern>, String> {
    let tree = tree(body)?;
    let list = tree
        .get("patterns")
        .and_then(Value::as_array)
        .ok_or("it holds no list `patterns`")?;
    list.iter()
        .map(|entry| {
            let name = entry
                .get("name")
                .and_then(Value::as_str)
                .ok_or("a pattern in it has no name")?;
            let pattern = entry.get("pattern").ok_or("a pattern in it has no body")?;
            Ok(AutoFollowPattern {
                name: name.to_owned(),
                remote: pattern
                    .get("remote_cluster")
                    .and_then(Value::as_str)
                    .and_then(|text| RemoteAlias::parse(text).ok()),
                leader_patterns: texts(pattern.get("leader_index_patterns")),
                exclusions: texts(pattern.get("leader_index_exclusion_patterns")),
                follow_pattern: pattern
                    .get("follow_index_pattern")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
                active: pattern.get("active").and_then(Value::as_bool).unwrap_or(true),
            })
        })
        .collect()
}

/// `_security/user/_has_privileges`: `cluster:<p>` and `index:<p>` to whether it is held (for
/// every index that was asked about). Absent: security is off on that cluster.
pub(super) fn privileges(answer: &Answer) -> Seen<BTreeMap<String, bool>> {
    let (status, body) = match &answer.outcome {
        Outcome::Failed(why) => return Seen::unknown(format!("no answer: {why}")),
        Outcome::Got { status, body } => (*status, body),
    };
    let text = String::from_utf8_lossy(body);
    // Without security the route does not exist (recordings 7.7.0/01 and 8.10.4/01: 400 or 405
    // "no handler found" / "Incorrect HTTP method"), or answers that it is not enabled.
    let off = matches!(status, 400 | 404 | 405 | 500)
        && !text.contains("security_exception")
        && [
            "no handler found",
            // 7.x takes the path for `/<index>/<type>/<id>` then (recording 7.7.0/01).
            "Invalid index name [_security]",
            "Incorrect HTTP method",
            "ecurity is not enabled",
            "ecurity must be explicitly enabled",
        ]
        .iter()
        .any(|mark| text.contains(mark));
    if off {
        return Seen::Absent;
    }
    if status != 200 {
        return Seen::unknown(format!(
            "status {status}; the body begins with `{}`",
            super::beginning(body)
        ));
    }
    match tree(body).and_then(|tree| held(&tree)) {
        Ok(map) => Seen::Present(map),
        Err(why) => Seen::unknown(format!(
            "{why}; the body begins with `{}`",
            super::beginning(body)
        )),
    }
}

fn held(tree: &Value) -> Result<BTreeMap<String, bool>, String> {
    let mut map = BTreeMap::new();
    let cluster = tree
        .get("cluster")
        .and_then(Value::as_object)
        .ok_or("it holds no `cluster`")?;
    for (name, value) in cluster {
        map.insert(format!("cluster:{name}"), value.as_bool().unwrap_or(false));
    }
    let indices = tree
        .get("index")
        .and_then(Value::as_object)
        .ok_or("it holds no `index`")?;
    for privileges in indices.values().filter_map(Value::as_object) {
        for (name, value) in privileges {
            let all = map.entry(format!("index:{name}")).or_insert(true);
            *all = *all && value.as_bool().unwrap_or(false);
        }
    }
    Ok(map)
}

/// All shard copies of `_cluster/health`, started or not.
pub(super) fn total_shards(body: &[u8]) -> Option<u64> {
    let tree = tree(body).ok()?;
    ["active_shards", "initializing_shards", "unassigned_shards"]
        .iter()
        .map(|name| tree.get(name).and_then(Value::as_u64))
        .sum()
}

/// Whether the data stream that an index backs is still marked as replicated; `None` where the
/// index backs none.
pub(super) fn replicated(body: &[u8], index: &str) -> Option<bool> {
    let tree = tree(body).ok()?;
    let stream = tree.get("data_streams")?.as_array()?.iter().find(|stream| {
        stream
            .get("indices")
            .and_then(Value::as_array)
            .is_some_and(|list| {
                list.iter()
                    .any(|one| one.get("index_name").and_then(Value::as_str) == Some(index))
            })
    })?;
    Some(stream.get("replicated").and_then(Value::as_bool).unwrap_or(false))
}

/// `lifecycle_date_millis` of one index in `_ilm/explain`.
pub(super) fn lifecycle_date(body: &[u8], index: &str) -> Option<Timestamp> {
    let tree = tree(body).ok()?;
    let millis = tree
        .get("indices")?
        .get(index)?
        .get("lifecycle_date_millis")?
        .as_i64()?;
    Timestamp::from_millisecond(millis).ok()
}

/// `_ilm/policy/<name>`: its phases.
pub(super) fn phases(body: &[u8]) -> Result<BTreeMap<String, Vec<IlmPhase>>, String> {
    let tree = tree(body)?;
    let policies = tree.as_object().ok_or("it is not a JSON object")?;
    policies
        .iter()
        .map(|(name, policy)| {
            let phases = policy
                .pointer("/policy/phases")
                .and_then(Value::as_object)
                .ok_or("a policy in it has no phases")?;
            let phases = phases
                .iter()
                .map(|(phase, body)| IlmPhase {
                    name: phase.clone(),
                    min_age_millis: match body.get("min_age").and_then(Value::as_str) {
                        None => Some(0),
                        Some(text) => millis(text),
                    },
                    actions: body
                        .get("actions")
                        .and_then(Value::as_object)
                        .map(|actions| actions.keys().cloned().collect())
                        .unwrap_or_default(),
                })
                .collect();
            Ok((name.clone(), phases))
        })
        .collect()
}

/// A time value of Elasticsearch (`30d`, `12h`, `0ms`) in milliseconds.
fn millis(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    let factor = match unit {
        "" | "nanos" | "micros" if number == 0 => 1,
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::{customs, disks, held, millis, phases, snapshots};
    use serde_json::json;

    #[test]
    fn time_values_are_read_and_nonsense_is_not() {
        assert_eq!(millis("30d"), Some(2_592_000_000));
        assert_eq!(millis("0ms"), Some(0));
        assert_eq!(millis("soon"), None);
    }

    #[test]
    fn a_privilege_is_held_only_where_it_is_held_on_every_index() {
        let tree =
            json!({"cluster": {"monitor": true}, "index": {"a": {"read": true}, "b": {"read": false}}});
        let map = held(&tree).unwrap();
        assert_eq!(map.get("cluster:monitor"), Some(&true));
        assert_eq!(map.get("index:read"), Some(&false));
    }

    #[test]
    fn a_body_that_is_not_what_the_call_promises_is_refused() {
        assert!(disks(b"{}").is_err());
        assert!(snapshots(b"{\"snapshots\":[{\"snapshot\":\"s\"}]}").is_err());
        assert!(phases(b"{\"p\":{}}").is_err());
    }

    #[test]
    fn running_snapshots_and_restores_are_read_from_the_cluster_state() {
        let idle = br#"{"cluster_uuid":"c"}"#;
        assert!(customs(idle).unwrap().is_empty());
        assert!(customs(b"{}").is_err());
        let busy = br#"{"cluster_uuid":"c",
            "snapshots":{"snapshots":[{"repository":"r","snapshot":"s","state":"STARTED","indices":[{"name":"a","id":"x"}]}]},
            "restore":{"snapshots":[{"repository":"_ccr_lead","snapshot":"_latest_","state":"STARTED","indices":["b"]}]}}"#;
        let found: Vec<_> = customs(busy).unwrap().into_values().flatten().collect();
        assert_eq!(found, ["b", "a"]);
    }
}
