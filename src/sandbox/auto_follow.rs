//! Auto-follow: patterns that follow new leader indices by themselves.
//!
//! As measured (scenario 25): it acts when the leader cluster's metadata changed, once per
//! leader UUID and try; an error is noted as `<pattern>:<leader index>`.

use serde_json::{Value, json};

use super::json;
use super::pair::{Pair, Side};

impl Pair {
    /// The metadata of a cluster changed: patterns of the other one look.
    pub(super) fn metadata_changed(&mut self, side: Side) {
        let now = self.now_ms;
        let watcher = self.cluster_mut(side.other());
        if !watcher.patterns.is_empty() {
            watcher.auto_due_ms = Some(watcher.auto_due_ms.map_or(now + 100, |due| due.min(now + 100)));
        }
    }

    /// One look of all patterns.
    pub(super) fn step_auto_follow(&mut self, side: Side) {
        let now = self.now_ms;
        self.cluster_mut(side).auto_due_ms = None;
        let patterns: Vec<(String, super::cluster::Pattern)> = self
            .cluster(side)
            .patterns
            .iter()
            .filter(|(_, pattern)| pattern.active)
            .map(|(name, pattern)| (name.clone(), pattern.clone()))
            .collect();
        for (name, pattern) in patterns {
            let text = |key: &str| pattern.body.get(key).and_then(Value::as_str);
            let alias = text("remote_cluster").unwrap_or_default().to_owned();
            let Ok(peer) = self.remote(side, &alias) else {
                self.cluster_mut(side).auto_stats.failed_states += 1;
                self.cluster_mut(side).auto_due_ms = Some(now + 60_000);
                continue;
            };
            let wanted: Vec<(String, String)> = self
                .cluster(peer)
                .indices
                .values()
                .filter(|index| index.open && !pattern.seen.contains(&index.uuid))
                .filter(|index| matches(&pattern.body, "leader_index_patterns", &index.name))
                .filter(|index| !matches(&pattern.body, "leader_index_exclusion_patterns", &index.name))
                .map(|index| (index.name.clone(), index.uuid.clone()))
                .collect();
            for (leader, uuid) in wanted {
                let follower = text("follow_index_pattern")
                    .unwrap_or("{{leader_index}}")
                    .replace("{{leader_index}}", &leader);
                let mut body = pattern.body.as_object().cloned().unwrap_or_default();
                for key in [
                    "leader_index_patterns",
                    "follow_index_pattern",
                    "leader_index_exclusion_patterns",
                ] {
                    body.remove(key);
                }
                body.insert("leader_index".to_owned(), json!(leader));
                // An index that already follows this very leader needs nothing.
                let done = self
                    .cluster(side)
                    .indices
                    .get(&follower)
                    .is_some_and(|index| index.ccr.as_ref().is_some_and(|ccr| ccr.leader_uuid == uuid));
                let result = if done {
                    Ok(())
                } else {
                    self.put_follow(side, &follower, &Value::Object(body), false, &pattern.user)
                        .map(|_| ())
                };
                let stats = &mut self.cluster_mut(side).auto_stats;
                match result {
                    Ok(()) => {
                        if !done {
                            stats.ok += 1;
                        }
                        if let Some(pattern) = self.cluster_mut(side).patterns.get_mut(&name) {
                            pattern.seen.insert(uuid);
                        }
                    }
                    Err(fault) => {
                        stats.failed += 1;
                        let mut cause = fault.body.get("error").cloned().unwrap_or_default();
                        if let Some(object) = cause.as_object_mut() {
                            object.remove("root_cause");
                        }
                        let label = format!("{name}:{leader}");
                        stats
                            .errors
                            .retain(|error| error.get("leader_index") != Some(&json!(label)));
                        stats.errors.insert(
                            0,
                            json!({"leader_index": label, "timestamp": now, "auto_follow_exception": cause}),
                        );
                        stats.errors.truncate(256);
                    }
                }
            }
        }
    }
}

fn matches(body: &Value, key: &str, name: &str) -> bool {
    body.get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .any(|pattern| json::wildcard(pattern, name))
}
