//! Evidence files made from the recordings: the answers of each moment between two changes.

use std::path::PathBuf;

use refollow::evidence::{Evidence, Subject, build};
use serde_json::{Value, json};

/// One moment of a recording: what a daemon would have seen between two changes.
#[derive(Debug, Clone)]
pub struct Moment {
    /// `<version>/<number>`, for messages.
    pub recording: String,
    /// Milliseconds from the scenario's start to its first look.
    pub at_ms: i64,
    /// The whole evidence file.
    pub evidence: Value,
}

impl Moment {
    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.evidence).unwrap()
    }

    /// The same with something remembered.
    #[must_use]
    pub fn remembering(mut self, field: &str, value: Value) -> Self {
        self.evidence["remembered"][field] = value;
        self
    }

    /// The same moment as the daemon would write it: only this follower's part of each answer.
    pub fn written(&self) -> Value {
        let file = Evidence::parse(&self.bytes()).unwrap();
        let case = file.case().unwrap();
        let subject = Subject {
            follower: case.facts.key.clone(),
            leader_cluster: case.facts.leader_cluster.clone(),
            remote: case.facts.remote.clone(),
            leader_index: case.facts.leader_index.clone(),
        };
        let (now, memory) = (case.facts.now, case.memory.as_ref());
        serde_json::to_value(build(&subject, now, memory, None, &file.answers())).unwrap()
    }

    /// With the leader's identity remembered: here from the leader's own statistics in the same
    /// moment, for scenarios in which the leader is still the one followed. `None`: it was not
    /// looked at.
    pub fn remembering_its_leader(&self) -> Option<Moment> {
        let leader = self.evidence["leader_index"].as_str().unwrap();
        let responses = self.evidence["responses"].as_array().unwrap();
        let index = responses.iter().find_map(|response| {
            let index = &response["body"]["indices"][leader];
            (response["cluster"] == "us" && index["uuid"].is_string()).then_some(index)
        })?;
        let shards = index["shards"].as_object()?;
        let mut histories = vec![Value::Null; shards.len()];
        for (shard, copies) in shards {
            if let Some(slot) = histories.get_mut(shard.parse::<usize>().unwrap()) {
                *slot = copies[0]["commit"]["user_data"]["history_uuid"].clone();
            }
        }
        let known = self.clone();
        let known = known.remembering("leader_index_uuid", index["uuid"].clone());
        Some(known.remembering("leader_shard_history_uuids", Value::Array(histories)))
    }

    /// With the answers of an earlier moment before its own.
    #[must_use]
    pub fn after(mut self, earlier: &Moment) -> Self {
        let mut responses = earlier.evidence["responses"].as_array().unwrap().clone();
        responses.append(self.evidence["responses"].as_array_mut().unwrap());
        self.evidence["responses"] = Value::Array(responses);
        self
    }

    /// The paths of its responses, in order.
    pub fn paths(&self) -> Vec<String> {
        self.evidence["responses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|response| response["path"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// The directory of the committed recordings.
pub fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// A file of recordings by version and the beginning of its name.
pub fn load(version: &str, number: &str) -> Value {
    let folder = directory().join(version);
    let path = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| {
            path.file_name()
                .unwrap()
                .to_string_lossy()
                .starts_with(&format!("{number}-"))
        })
        .unwrap_or_else(|| panic!("no recording {version}/{number}"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Every version that recorded a scenario.
pub fn versions(number: &str) -> Vec<&'static str> {
    ["7.7.0", "8.10.4", "8.10.4-secured"]
        .into_iter()
        .filter(|version| {
            std::fs::read_dir(directory().join(version))
                .unwrap()
                .any(|entry| {
                    entry
                        .unwrap()
                        .file_name()
                        .to_string_lossy()
                        .starts_with(&format!("{number}-"))
                })
        })
        .collect()
}

fn instant(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(1_795_428_000_000 + at_ms)
        .unwrap()
        .to_string()
}

/// Every moment of a recording at which its follower was asked about, oldest first.
pub fn moments(version: &str, number: &str) -> Vec<Moment> {
    let recording = load(version, number);
    let (follower, leader) = pair_of(recording["steps"].as_array().unwrap());
    moments_of(version, number, &follower, &leader)
}

/// The same for one of several followers.
pub fn moments_of(version: &str, number: &str, follower: &str, leader: &str) -> Vec<Moment> {
    let recording = load(version, number);
    let steps = recording["steps"].as_array().unwrap();
    let mut moments = Vec::new();
    let mut responses: Vec<Value> = Vec::new();
    let mut carried: Vec<Value> = Vec::new();
    let mut remembered = json!({});
    let mut first_ms = 0;
    let mut flush = |responses: &mut Vec<Value>, remembered: &Value, first_ms: i64| {
        let asked = responses.iter().any(|response| {
            response["cluster"] == "eu"
                && response["path"].as_str().unwrap().contains("_ccr/")
                && response["method"] == "GET"
        });
        if asked {
            let last = responses.last().unwrap()["at"].clone();
            moments.push(Moment {
                recording: format!("{version}/{number}"),
                at_ms: first_ms,
                evidence: json!({
                    "format": "refollow-evidence/1", "taken_at": last,
                    "follower_cluster": "eu", "leader_cluster": "us", "remote_cluster": "lead",
                    "follower_index": follower, "leader_index": leader,
                    "remembered": remembered.clone(), "responses": responses.clone(),
                }),
            });
        }
        responses.clear();
    };
    for step in steps {
        let at = step["at_ms"].as_i64().unwrap();
        let method = step["method"].as_str().unwrap_or("EVENT");
        if method == "GET" {
            if responses.is_empty() {
                first_ms = at;
                responses.append(&mut carried);
            }
            responses.push(as_response(step));
            continue;
        }
        flush(&mut responses, &remembered, first_ms);
        carried.clear();
        let path = step["path"].as_str().unwrap_or_default();
        if path.ends_with("/_ccr/resume_follow") || path.contains("/_ccr/follow") {
            carried.push(as_response(step));
        }
        learn(&mut remembered, step, follower);
        // What was looked at while it was well is remembered.
        let _ = &remembered;
    }
    flush(&mut responses, &remembered, first_ms);
    moments
}

/// A refused resume names what was followed: a daemon would have remembered it from before.
fn learn(remembered: &mut Value, step: &Value, follower: &str) {
    let reason = step["response"]["error"]["reason"].as_str().unwrap_or_default();
    if !step["path"]
        .as_str()
        .unwrap_or_default()
        .starts_with(&format!("/{follower}/"))
    {
        return;
    }
    let _ = (remembered, reason);
}

fn as_response(step: &Value) -> Value {
    let cluster = if step["cluster"] == "follower" { "eu" } else { "us" };
    json!({
        "at": instant(step["at_ms"].as_i64().unwrap() + step["took_ms"].as_i64().unwrap_or(0)),
        "cluster": cluster, "method": step["method"], "path": step["path"],
        "status": step["status"], "body": step["response"],
    })
}

/// The follower and its leader: the first pair that a follow names, else the first index asked
/// `_ccr/info` by name.
fn pair_of(steps: &[Value]) -> (String, String) {
    for step in steps {
        let path = step["path"].as_str().unwrap_or_default();
        if step["method"] == "PUT" && path.contains("/_ccr/follow") {
            let follower = path.trim_start_matches('/').split('/').next().unwrap();
            let leader = step["body"]["leader_index"].as_str().unwrap_or_default();
            return (follower.to_owned(), leader.to_owned());
        }
    }
    ("auto-1-f".to_owned(), "auto-1".to_owned())
}
