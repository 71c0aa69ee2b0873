//! Makes an evidence file from answers: this follower's part of whole-cluster answers, secrets
//! hidden, bodies that are no JSON kept as text.

use serde_json::Value;
use serde_json::value::RawValue;

use super::scrub::{clean_text, scrub};
use super::{Evidence, FORMAT, Remembered, Response};
use crate::domain::answer::{Answer, Outcome};
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use crate::domain::memory::Memory;
use crate::domain::time::Timestamp;

/// What an evidence file is about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The follower.
    pub follower: FollowerKey,
    /// The leader cluster, where it is looked at.
    pub leader_cluster: Option<ClusterName>,
    /// The alias.
    pub remote: Option<RemoteAlias>,
    /// The leader index.
    pub leader_index: Option<IndexName>,
}

/// Longest text kept of a body that is no JSON, in characters.
const TEXT_CHARS: usize = 2_000;

/// One evidence file from the answers of some looks.
pub fn build(
    subject: &Subject,
    taken_at: Timestamp,
    memory: Option<&Memory>,
    decision: Option<Value>,
    answers: &[Answer],
) -> Evidence {
    let mut answers: Vec<&Answer> = answers.iter().collect();
    answers.sort_by_key(|answer| answer.at);
    let mut decision = decision;
    if let Some(value) = &mut decision {
        scrub(value);
    }
    let mut remembered = memory.map(Remembered::write);
    if let Some(value) = &mut remembered {
        scrub(value);
    }
    Evidence {
        format: FORMAT.to_owned(),
        taken_at: Some(taken_at.to_string()),
        follower_cluster: subject.follower.cluster.to_string(),
        leader_cluster: subject.leader_cluster.as_ref().map(ToString::to_string),
        remote_cluster: subject.remote.as_ref().map(ToString::to_string),
        follower_index: subject.follower.index.to_string(),
        leader_index: subject.leader_index.as_ref().map(ToString::to_string),
        remembered,
        responses: answers
            .into_iter()
            .map(|answer| response(subject, answer))
            .collect(),
        decision,
    }
}

fn response(subject: &Subject, answer: &Answer) -> Response {
    let (status, body) = match &answer.outcome {
        Outcome::Failed(_) => (None, None),
        Outcome::Got { status, body } => {
            let body = if let Ok(mut value) = serde_json::from_slice::<Value>(body) {
                keep_own_part(subject, answer, &mut value);
                scrub(&mut value);
                value
            } else {
                let text: String = String::from_utf8_lossy(body).chars().take(TEXT_CHARS).collect();
                Value::String(clean_text(&text).unwrap_or(text))
            };
            (Some(*status), Some(body))
        }
    };
    let path = shorter(subject, answer.call.path.as_ref());
    let path = path.as_str();
    Response {
        at: Some(Value::String(answer.at.to_string())),
        cluster: Some(Value::String(answer.cluster.to_string())),
        method: Some(Value::String(answer.call.method.to_string())),
        path: Some(Value::String(clean_text(path).unwrap_or_else(|| path.to_owned()))),
        status: status.map(Value::from),
        body: body.and_then(|value| RawValue::from_string(value.to_string()).ok()),
    }
}

/// Names of others that stay in a path, so that a list stays a list.
const OTHERS_IN_PATH: usize = 1;

/// A path that lists hundreds of indices, with ours and one more: the rest says nothing here and
/// would make the file too big for a ticket.
fn shorter(subject: &Subject, path: &str) -> String {
    let (route, query) = match path.split_once('?') {
        Some((route, query)) => (route, Some(query)),
        None => (path, None),
    };
    let follower = subject.follower.index.as_str();
    let leader = subject.leader_index.as_ref().map(IndexName::as_str);
    let decoded = |name: &str| {
        percent_encoding::percent_decode_str(name)
            .decode_utf8_lossy()
            .into_owned()
    };
    let is_ours = |name: &str| decoded(name) == follower || Some(decoded(name).as_str()) == leader;
    let segments: Vec<String> = route
        .split('/')
        .map(|segment| {
            // Only a list that names ours is one of indices; others are metrics (`_stats/docs,store`).
            if !segment.split(',').any(is_ours) {
                return segment.to_owned();
            }
            let mut others = 0;
            let kept: Vec<&str> = segment
                .split(',')
                .filter(|name| {
                    // Patterns decide what was asked.
                    if is_ours(name) || name.contains('*') || name.starts_with(['-', '_']) {
                        return true;
                    }
                    others += 1;
                    others <= OTHERS_IN_PATH
                })
                .collect();
            kept.join(",")
        })
        .collect();
    let route = segments.join("/");
    match query {
        Some(query) => format!("{route}?{query}"),
        None => route,
    }
}

/// Keeps what concerns this follower or its leader and drops the rest of whole-cluster answers.
/// Objects keyed by index keep their keys of these names; lists keep entries that name them; the
/// containers stay, so that "it is not listed" still reads the same.
fn keep_own_part(subject: &Subject, answer: &Answer, value: &mut Value) {
    let follower = subject.follower.index.as_str();
    let leader = subject.leader_index.as_ref().map(IndexName::as_str);
    let ours = |name: &str| name == follower || Some(name) == leader;
    let path = answer.call.path.as_ref();
    let route = path.split('?').next().unwrap_or(path);
    let named = |entry: &Value, key: &str| entry.get(key).and_then(Value::as_str).is_some_and(ours);
    if route.ends_with("/_ccr/stats") {
        for list in ["/follow_stats/indices", "/indices"] {
            if let Some(Value::Array(list)) = value.pointer_mut(list) {
                // Entries that name nothing stay: they make an absence unproven.
                list.retain(|entry| {
                    named(entry, "index") || entry.get("index").and_then(Value::as_str).is_none()
                });
            }
        }
    } else if route.ends_with("/_ccr/info") {
        if let Some(Value::Array(list)) = value.pointer_mut("/follower_indices") {
            list.retain(|entry| {
                named(entry, "follower_index")
                    || entry.get("follower_index").and_then(Value::as_str).is_none()
            });
        }
    } else if route.starts_with("/_cluster/state") {
        for map in ["/metadata/indices", "/routing_table/indices"] {
            if let Some(Value::Object(map)) = value.pointer_mut(map) {
                map.retain(|name, _| ours(name));
                for entry in map.values_mut() {
                    if let Value::Object(entry) = entry {
                        entry.remove("mappings");
                    }
                }
            }
        }
        if let Some(Value::Array(tasks)) = value.pointer_mut("/metadata/persistent_tasks/tasks") {
            tasks.retain(|task| {
                task.pointer("/task/xpack~1ccr~1shard_follow_task/params/follow_shard_index")
                    .and_then(Value::as_str)
                    .is_some_and(ours)
            });
        }
    } else if route.starts_with("/_cluster/health") || route.ends_with("/_ilm/explain") {
        if let Some(Value::Object(map)) = value.pointer_mut("/indices") {
            map.retain(|name, _| ours(name));
        }
    } else if route.contains("/_stats") {
        if let Some(Value::Object(map)) = value.pointer_mut("/indices") {
            map.retain(|name, _| ours(name));
        }
        if let Value::Object(map) = value {
            map.remove("_all");
        }
    } else if route.starts_with("/_data_stream") {
        if let Some(Value::Array(list)) = value.pointer_mut("/data_streams") {
            for stream in list.iter_mut() {
                if let Some(Value::Array(indices)) = stream.get_mut("indices") {
                    indices.retain(|entry| {
                        named(entry, "index_name")
                            || entry.get("index_name").and_then(Value::as_str).is_none()
                    });
                }
            }
            list.retain(|stream| {
                stream
                    .get("indices")
                    .and_then(Value::as_array)
                    .is_none_or(|indices| !indices.is_empty())
            });
        }
    } else if route == "/_cluster/settings" {
        // The defaults are hundreds of settings; what is set stays, of the defaults what counts.
        if let Some(Value::Object(defaults)) = value.pointer_mut("/defaults") {
            defaults.retain(|name, _| {
                ["cluster", "ccr"]
                    .iter()
                    .any(|kept| name == kept || name.starts_with(&format!("{kept}.")))
            });
        }
    } else if let Value::Object(map) = value
        && (route.ends_with("/_settings") || route.ends_with("/_recovery") || route.ends_with("/_alias"))
        && !map.contains_key("error")
        && !map.contains_key("persistent")
    {
        map.retain(|name, _| ours(name));
    }
}
