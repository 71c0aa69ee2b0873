//! One index: metadata (settings, aliases, mapping, CCR origin, versions) and its shards.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::json;
use super::restore::Restore;
use super::shard::Shard;

/// Where a follower came from (the custom metadata `ccr`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CcrMeta {
    /// Alias of the leader cluster.
    pub alias: String,
    /// Leader index.
    pub leader: String,
    /// Its UUID.
    pub leader_uuid: String,
    /// History UUIDs of its shards, in shard order.
    pub histories: Vec<String>,
}

/// One index.
#[derive(Debug, Clone)]
pub struct Index {
    /// Its name.
    pub name: String,
    /// Its UUID.
    pub uuid: String,
    /// `open` or `close`.
    pub open: bool,
    /// Settings, flat, all under `index.`.
    pub settings: BTreeMap<String, Value>,
    /// Aliases and their bodies.
    pub aliases: BTreeMap<String, Value>,
    /// `properties` of the mapping; `None` before the first field.
    pub mapping: Option<Map<String, Value>>,
    /// Set on followers.
    pub ccr: Option<CcrMeta>,
    /// Version of the metadata.
    pub version: u64,
    /// Version of the mapping.
    pub mapping_version: u64,
    /// Version of the settings.
    pub settings_version: u64,
    /// Version of the aliases.
    pub aliases_version: u64,
    /// Its primaries.
    pub shards: Vec<Shard>,
    /// A restore that runs.
    pub restore: Option<Restore>,
    /// Next sync of leases.
    pub tick_ms: i64,
    /// When its shards are up again after a start of the node.
    pub starting_ms: Option<i64>,
    /// 7.7 allocates a closed index a moment later: then its primaries get their new term.
    pub closing_ms: Option<i64>,
    /// When what was written becomes visible to searches and counts.
    pub refresh_ms: Option<i64>,
    /// The data stream it backs.
    pub data_stream: Option<String>,
}

/// Interval of the lease sync (`index.soft_deletes.retention_lease.sync_interval`).
pub const TICK_MS: i64 = 30_000;

impl Index {
    /// A setting as text.
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings.get(key).and_then(Value::as_str)
    }

    /// Whether a setting is `true`.
    pub fn is_true(&self, key: &str) -> bool {
        self.setting(key) == Some("true")
    }

    /// Operations that are kept without a lease.
    pub fn retained_operations(&self) -> i64 {
        self.setting("index.soft_deletes.retention.operations")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    /// How long a lease lives after its last renewal.
    pub fn lease_period_ms(&self) -> i64 {
        self.setting("index.soft_deletes.retention_lease.period")
            .and_then(json::millis)
            .unwrap_or(12 * 3_600_000)
    }

    /// Left out of `*` and `_all`.
    pub fn hidden(&self) -> bool {
        self.is_true("index.hidden")
    }

    /// Whether all primaries serve.
    pub fn all_started(&self) -> bool {
        self.shards.iter().all(Shard::started)
    }

    /// Made by 7.x, which says some things differently.
    pub fn is_old(&self) -> bool {
        self.setting("index.version.created")
            .is_some_and(|version| version.starts_with('7'))
    }

    /// Time between refreshes, and whether it was set by somebody.
    pub fn refresh_interval(&self) -> (i64, bool) {
        match self.setting("index.refresh_interval") {
            None => (1_000, false),
            Some(text) => (json::millis(text).unwrap_or(i64::MAX / 4), true),
        }
    }

    /// Notes a write: it becomes visible with the next scheduled refresh, which a shard that
    /// nobody searched for 30 s does not get (search idle).
    pub fn written(&mut self, now_ms: i64) {
        let (interval, set) = self.refresh_interval();
        let idle = !set
            && self
                .shards
                .iter()
                .all(|shard| now_ms - shard.searched_ms > 30_000);
        if !idle {
            // The schedule counts from the start of the shards.
            let begun = self
                .shards
                .first()
                .and_then(|shard| shard.recovery.as_ref())
                .map_or(now_ms, |recovery| recovery.stop_ms.unwrap_or(now_ms));
            let rest = interval - (now_ms - begun).rem_euclid(interval.max(1));
            self.refresh_ms.get_or_insert(now_ms.saturating_add(rest.max(1)));
        }
    }

    /// Makes everything visible.
    pub fn refresh(&mut self) {
        self.refresh_ms = None;
        for shard in &mut self.shards {
            shard.refresh();
        }
    }

    /// Documents of all shards.
    pub fn docs(&self) -> u64 {
        self.shards.iter().map(Shard::docs).sum()
    }

    /// Number of primaries.
    pub fn shard_count(&self) -> u32 {
        u32::try_from(self.shards.len()).unwrap_or(u32::MAX)
    }

    /// Sets or (with `null`) removes settings; counts a version where something changed.
    pub fn put_settings(&mut self, changes: &BTreeMap<String, Value>) {
        let mut differs = false;
        for (key, value) in changes {
            if value.is_null() {
                differs |= self.settings.remove(key).is_some();
            } else {
                let value = json::setting(value);
                differs |= self.settings.insert(key.clone(), value.clone()) != Some(value);
            }
        }
        if differs {
            self.settings_version += 1;
            self.version += 1;
        }
    }

    /// Settings as `_settings` prints them.
    pub fn settings_json(&self, flat: bool) -> Value {
        if flat {
            json!(self.settings)
        } else {
            json::nest(&self.settings)
        }
    }

    /// Adds the fields of a document to the mapping as dynamic mapping does; `false` where all
    /// were known.
    pub fn learn(&mut self, document: &Map<String, Value>) -> bool {
        let known = self.mapping.get_or_insert_with(Map::new);
        let mut grew = false;
        for (field, value) in document {
            if known.contains_key(field) || value.is_null() {
                continue;
            }
            known.insert(field.clone(), field_type(value));
            grew = true;
        }
        if grew {
            self.mapping_version += 1;
            self.version += 1;
        }
        grew
    }

    /// The block that an operation of this kind meets: `write`, `metadata_write`, `metadata_read`.
    pub fn block(&self, kind: &str) -> Option<(&'static str, u16)> {
        let read_only = self
            .is_true("index.blocks.read_only")
            .then_some(("FORBIDDEN/5/index read-only (api)", 403));
        // 8.x lets metadata be changed under this block, 7.x does not.
        let flood = (self.is_true("index.blocks.read_only_allow_delete")
            && (kind == "write" || self.is_old()))
            .then_some((
                if self.is_old() {
                    "TOO_MANY_REQUESTS/12/index read-only / allow delete (api)"
                } else {
                    "TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block"
                },
                429,
            ));
        let metadata = self
            .is_true("index.blocks.metadata")
            .then_some(("FORBIDDEN/9/index metadata (api)", 403));
        let write = self
            .is_true("index.blocks.write")
            .then_some(("FORBIDDEN/8/index write (api)", 403));
        match kind {
            "write" => read_only.or(flood).or(write),
            "metadata_write" => read_only.or(flood).or(metadata),
            _ => metadata,
        }
    }
}

fn field_type(value: &Value) -> Value {
    match value {
        Value::Bool(_) => json!({"type": "boolean"}),
        Value::Number(number) if number.is_f64() => json!({"type": "float"}),
        Value::Number(_) => json!({"type": "long"}),
        Value::Object(_) => json!({"type": "object"}),
        _ => {
            json!({"type": "text", "fields": {"keyword": {"ignore_above": 256, "type": "keyword"}}})
        }
    }
}
