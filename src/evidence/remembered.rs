//! `remembered` of an evidence file, read one field at a time: a field of another type is as good
//! as missing, its neighbours stay.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::domain::ids::RunId;
use crate::domain::memory::{Memory, OwnRun};
use crate::domain::time::Timestamp;

/// What an evidence file says was remembered.
#[derive(Debug, Clone, Default)]
pub struct Remembered {
    /// As the judge takes it.
    pub memory: Memory,
}

/// Fields that stand in every file (contract, *Evidence file*).
const CONTRACT: &[&str] = &[
    "leader_index_uuid",
    "leader_shard_history_uuids",
    "parameters",
    "last_state",
    "last_well_at",
    "declared",
    "promised_by_pattern",
    "own_run",
];

/// One field, where it has the right type.
fn field<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    let value = value.get(name)?;
    if value.is_null() {
        return None;
    }
    serde_json::from_value(value.clone()).ok()
}

impl Remembered {
    /// Reads `remembered`; anything but an object remembers nothing.
    pub fn read(value: &Value) -> Self {
        let memory = Memory {
            beside: None,
            follower_index_uuid: field(value, "follower_index_uuid"),
            remote: field(value, "remote"),
            leader_index: field(value, "leader_index"),
            leader_index_uuid: field(value, "leader_index_uuid"),
            leader_shard_history_uuids: field(value, "leader_shard_history_uuids"),
            followed_is_recorded: field(value, "followed_is_recorded").unwrap_or(false),
            follower_cluster_uuid: field(value, "follower_cluster_uuid"),
            leader_cluster_uuid: field(value, "leader_cluster_uuid"),
            remote_addresses: field(value, "remote_addresses"),
            parameters: field(value, "parameters"),
            own_settings: field(value, "own_settings"),
            aliases: field(value, "aliases"),
            data_stream: field(value, "data_stream"),
            shard_count: field(value, "shard_count"),
            high_water: field::<BTreeMap<u32, _>>(value, "high_water").unwrap_or_default(),
            leases: field(value, "leases").unwrap_or_default(),
            lease_period: field(value, "lease_period"),
            last_state: field(value, "last_state"),
            last_well_at: field(value, "last_well_at"),
            last_renewing_at: field(value, "last_renewing_at"),
            declared: field(value, "declared").unwrap_or(false),
            promised_by_pattern: field(value, "promised_by_pattern"),
            own_run: value.get("own_run").and_then(|run| {
                let well: Option<Timestamp> = field(value, "last_well_at");
                own_run(run, well.max(field(value, "last_renewing_at")))
            }),
            resume_accepted_at: field(value, "resume_accepted_at"),
            fatal_since: field(value, "fatal_since"),
            last_rise_at: field(value, "last_rise_at"),
            history: field(value, "history").unwrap_or_default(),
        };
        Self { memory }
    }

    /// `remembered` as the file holds it: the contract's fields always, of the others only those
    /// that say something, so that a file does not change with every field that is added.
    pub fn write(memory: &Memory) -> Value {
        let mut value = serde_json::to_value(memory).unwrap_or(Value::Null);
        let nothing = serde_json::to_value(Memory::default()).unwrap_or(Value::Null);
        if let Value::Object(fields) = &mut value {
            fields
                .retain(|name, field| CONTRACT.contains(&name.as_str()) || nothing.get(name) != Some(field));
        }
        value
    }
}

/// Our own run: by its flags, else by the names of the steps it lists. `well` is when the follower
/// was last well: a list of steps without any instant is of a run that is remembered because
/// nothing came after it.
fn own_run(value: &Value, well: Option<Timestamp>) -> Option<OwnRun> {
    let object = value.as_object()?;
    let flag = |name: &str| object.get(name).and_then(Value::as_bool);
    let mut paused = flag("paused").unwrap_or(false);
    let mut closed = flag("closed").unwrap_or(false);
    let mut followed = flag("followed").unwrap_or(false);
    let lists_steps = flag("paused").is_none() && flag("closed").is_none() && flag("followed").is_none();
    if lists_steps {
        let mut words = Vec::new();
        collect_words(value, 0, &mut words, &is_word);
        let did = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
        paused = did(&["pause", "paused", "pause_follow"]);
        closed = did(&["close", "closed", "_close"]);
        followed = did(&["follow", "followed", "put_follow", "PUT follow"]);
    }
    Some(OwnRun {
        id: object
            .get("id")
            .or_else(|| object.get("run"))
            .and_then(Value::as_str)
            .and_then(|id| RunId::parse(id).ok())
            .or_else(|| RunId::parse("unnamed").ok())?,
        paused,
        closed,
        followed,
        replaced: false,
        deleted: false,
        doubtful: false,
        // Without an instant it is taken as older than anything else that is known, so that a
        // follower seen well since is not taken for one that our run left behind.
        at: object
            .get("at")
            .map_or_else(
                || newest_instant(value).or(well.filter(|_| lists_steps)),
                |at| instant(at.as_str()?),
            )
            .unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

/// The newest instant of a run that lists its steps (`started_at`, `ended_at`, as `runs` prints).
fn newest_instant(value: &Value) -> Option<Timestamp> {
    let mut words = Vec::new();
    collect_words(value, 0, &mut words, &|text| instant(text).is_some());
    words.iter().filter_map(|text| instant(text)).max()
}

fn instant(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok()
}

fn is_word(text: &str) -> bool {
    instant(text).is_none()
}

/// States of a listed step that was not sent.
const NOT_SENT: &[&str] = &["pending", "planned", "skipped", "waiting", "not_started"];

/// Texts of a value, at a bounded depth; those of a step that was not sent are left out.
fn collect_words(value: &Value, depth: usize, words: &mut Vec<String>, wanted: &impl Fn(&str) -> bool) {
    if depth > 4 || words.len() > 64 {
        return;
    }
    match value {
        Value::String(text) if wanted(text) => words.push(text.clone()),
        Value::Array(list) => list
            .iter()
            .for_each(|one| collect_words(one, depth + 1, words, wanted)),
        Value::Object(map) => {
            let state = map.get("state").and_then(Value::as_str);
            if !state.is_some_and(|state| NOT_SENT.contains(&state)) {
                map.values()
                    .for_each(|one| collect_words(one, depth + 1, words, wanted));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn run_of(own_run: &Value) -> Option<OwnRun> {
        Remembered::read(&json!({ "last_well_at": "2026-11-23T09:00:00Z", "own_run": own_run }))
            .memory
            .own_run
    }

    #[test]
    fn a_run_as_runs_prints_it_says_what_was_sent_and_when() {
        let run = run_of(&json!({ "id": "r-1", "steps": [
            { "name": "pause", "state": "done", "started_at": "2026-11-23T09:10:00Z" },
            { "name": "follow", "state": "sent", "started_at": "2026-11-23T09:11:00Z", "ended_at": null },
        ] }))
        .expect("a run");
        assert!(run.paused && run.followed && !run.closed, "{run:?}");
        assert_eq!(run.at.to_string(), "2026-11-23T09:11:00Z");
    }

    #[test]
    fn a_step_that_was_not_sent_does_not_count() {
        let run = run_of(&json!({ "id": "r-1", "steps": [
            { "name": "pause", "state": "done" }, { "name": "follow", "state": "pending" },
        ] }))
        .expect("a run");
        assert!(run.paused && !run.followed, "{run:?}");
    }

    #[test]
    fn a_list_of_steps_without_an_instant_is_not_older_than_when_it_was_well() {
        let run = run_of(&json!({ "id": "r-1", "steps": ["pause", "close", "follow"] })).expect("a run");
        assert_eq!(run.at.to_string(), "2026-11-23T09:00:00Z");
    }

    #[test]
    fn flags_without_an_instant_stay_older_than_everything() {
        for own_run in [json!({ "followed": true }), json!({ "followed": true, "at": 5 })] {
            assert_eq!(run_of(&own_run).expect("a run").at, Timestamp::UNIX_EPOCH);
        }
    }
}
