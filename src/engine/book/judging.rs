//! What a look does to the followers of a cluster: verdicts, memories, and the story of both.

use super::Book;
use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Verdict;
use crate::engine::events::EventKind;
use crate::engine::remember::remember;
use crate::judge;

/// A follower that changed its state more often than this in [`FLAPPING_WINDOW_MS`] flaps.
const FLAPPING_CHANGES: usize = 5;
/// Window of the flapping flag, milliseconds.
const FLAPPING_WINDOW_MS: i64 = 30 * 60 * 1000;

impl Book {
    /// Notes how a look at a cluster went.
    pub fn looked(&mut self, cluster: &ClusterName, ok: Result<(), String>, seconds: f64, now: Timestamp) {
        let Some(entry) = self.clusters.get_mut(cluster) else {
            return;
        };
        entry.tried = true;
        entry.last_look_at = Some(now);
        entry.look_seconds = seconds;
        match ok {
            Ok(()) => {
                entry.last_ok_at = Some(now);
                entry.last_error = None;
                if !entry.up {
                    entry.up = true;
                    let version = entry.version.clone().unwrap_or_default();
                    self.story.tell(
                        now,
                        EventKind::Seen,
                        None,
                        format!("cluster `{cluster}` answers (Elasticsearch {version})"),
                    );
                }
            }
            Err(why) => {
                if entry.up || entry.last_error.as_ref() != Some(&why) {
                    self.story.tell(
                        now,
                        EventKind::Seen,
                        None,
                        format!("cluster `{cluster}` cannot be looked at: {why}"),
                    );
                }
                entry.up = false;
                entry.last_error = Some(why);
            }
        }
        entry.answers.prune(now);
    }

    /// Judges every follower of a cluster. `counts` says whether this is a whole look, of which a
    /// verdict must survive several.
    pub fn judge(&mut self, cluster: &ClusterName, counts: bool, now: Timestamp) {
        let keys: Vec<FollowerKey> = self
            .followers
            .keys()
            .filter(|key| &key.cluster == cluster)
            .cloned()
            .collect();
        for key in keys {
            self.judge_one(&key, counts, now);
        }
    }

    pub(super) fn judge_one(&mut self, key: &FollowerKey, counts: bool, now: Timestamp) {
        let Some(entry) = self.followers.get_mut(key) else {
            return;
        };
        entry.facts.now = now;
        let mut verdict = judge::judge(&entry.facts, Some(&entry.memory));
        let memory = remember(&entry.memory, &entry.facts, &verdict);
        if memory != entry.memory {
            entry.memory_changed = true;
            entry.memory = memory;
        }
        entry.lag = judge::lag(&entry.facts);
        entry.runway = judge::runway(&entry.facts, Some(&entry.memory));
        let previous = entry
            .verdict
            .as_ref()
            .map(|verdict| (verdict.state, verdict.cause));
        if previous.map(|(state, _)| state) != Some(verdict.state) && previous.is_some() {
            entry.changes.push(now);
        }
        entry
            .changes
            .retain(|at| millis_between(*at, now) <= FLAPPING_WINDOW_MS);
        verdict.flapping = entry.changes.len() > FLAPPING_CHANGES;
        if previous.map(|(_, cause)| cause) == Some(verdict.cause) {
            entry.held_for += u32::from(counts);
        } else {
            entry.held_for = 1;
            entry.cause_since = Some(now);
        }
        if previous != Some((verdict.state, verdict.cause)) {
            let text = sentence(key, &verdict);
            self.story.tell(now, EventKind::Judged, Some(key), text);
        }
        entry.verdict = Some(verdict);
    }
}

fn sentence(key: &FollowerKey, verdict: &Verdict) -> String {
    if verdict.cause == Cause::None {
        return format!("`{key}` is {}", verdict.state);
    }
    let because = verdict
        .evidence
        .first()
        .map(|evidence| {
            format!(
                " ({} = {}, from {})",
                evidence.field, evidence.value, evidence.call
            )
        })
        .unwrap_or_default();
    format!("`{key}` is {}: {}{because}", verdict.state, verdict.cause)
}
