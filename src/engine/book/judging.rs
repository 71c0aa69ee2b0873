//! What a look does to the followers of a cluster: verdicts, memories, and the story of both.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, JudgedWith, scope};
use crate::domain::cause::Cause;
use crate::domain::facts::SIGHTINGS;
use crate::domain::history::{Judged, longest_gap};
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::time::{Span, Timestamp, after};
use crate::domain::verdict::Verdict;
use crate::engine::events::EventKind;
use crate::engine::remember::remember;
use crate::judge;

/// What is remembered of a follower is stored at least this often, also while nothing changes but
/// that it was seen well again.
const STORED_EVERY: Span = Span::from_mins(5);

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
    }

    /// Judges every follower of a cluster; returns those of whom a word is new. `whole` says
    /// whether this is a whole look, of which a verdict must survive several.
    pub fn judge(&mut self, cluster: &ClusterName, whole: bool, now: Timestamp) -> Vec<FollowerKey> {
        let Some(known) = self.clusters.get(cluster) else {
            return Vec::new();
        };
        // A leader's word before the first look at the follower would call everything unknown.
        if !whole && !known.tried {
            return Vec::new();
        }
        let longest_gap = longest_gap(known.settings.poll_interval);
        let keys: Vec<FollowerKey> = self.of(cluster).map(|(key, _)| key.clone()).collect();
        let members: BTreeSet<FollowerKey> = self
            .of(cluster)
            .filter(|(_, entry)| entry.incident.is_some())
            .map(|(key, _)| key.clone())
            .collect();
        let news: BTreeMap<FollowerKey, String> = keys
            .into_iter()
            .filter_map(|key| {
                let text = self.judge_one(&key, whole, longest_gap, now)?;
                Some((key, text))
            })
            .collect();
        if whole {
            self.judge_patterns(cluster, now);
        }
        self.regroup(cluster, now);
        self.tally(cluster);
        self.tell_news(cluster, &members, &news, now);
        news.into_keys().collect()
    }

    /// Tells each follower's news, but for what an incident's begin or end says for all of them.
    /// One that an incident leaves behind sick speaks for itself again.
    fn tell_news(
        &mut self,
        cluster: &ClusterName,
        members: &BTreeSet<FollowerKey>,
        news: &BTreeMap<FollowerKey, String>,
        now: Timestamp,
    ) {
        for (key, entry) in scope::of(&self.followers, cluster) {
            let was_member = members.contains(key);
            let cured = entry.cause() == Cause::None;
            if entry.incident.is_some() || was_member && cured {
                continue;
            }
            let left_behind = || {
                let verdict = entry.verdict.as_ref().filter(|_| was_member)?;
                Some(sentence(key, verdict))
            };
            if let Some(text) = news.get(key).cloned().or_else(left_behind) {
                self.story.tell(now, EventKind::Judged, Some(key), text);
            }
        }
    }

    /// What is new about one follower, for people.
    fn judge_one(
        &mut self,
        key: &FollowerKey,
        whole: bool,
        longest_gap: Span,
        now: Timestamp,
    ) -> Option<String> {
        let unsettled = self.unsettled(now).is_some();
        let entry = self.followers.get_mut(key)?;
        entry.facts.now = now;
        entry.facts.keep_last(SIGHTINGS);
        let mut verdict = judge::judge(&entry.facts, Some(&entry.memory));
        let mut memory = remember(&entry.memory, &entry.facts, &verdict);
        let news = memory.history.look(&Judged {
            state: verdict.state,
            cause: verdict.cause,
            whole,
            now,
            longest_gap,
        });
        verdict.flapping = memory.history.flapping();
        entry.memory_changed |= !entry.memory.only_older_than(&memory)
            || entry
                .stored_at
                .is_none_or(|at| after(at, STORED_EVERY) <= now || now < at);
        let quiet = verdict.cause == Cause::None && entry.plan.is_none() && !entry.locked;
        let before = std::mem::replace(&mut entry.memory, memory);
        entry.judged_with = Some(JudgedWith {
            memory: (!quiet).then_some(before),
            remote: entry.facts.remote.clone(),
            leader_index: entry.facts.leader_index.clone(),
            leader_cluster: entry.facts.leader_cluster.clone(),
        });
        entry.heard.judged(&entry.facts, quiet);
        entry.lag = judge::lag(&entry.facts);
        entry.trend.look(now, entry.lag);
        entry.runways = judge::runway_by_shard(&entry.facts, Some(&entry.memory));
        entry.runway = entry.runways.values().min().copied();
        if !unsettled {
            entry.runway_not_before = None;
        }
        // No runway is no end; one that ends is held.
        entry.runway = entry
            .runway
            .map(|end| end.max(entry.runway_not_before.unwrap_or(end)));
        // After a restart the old word is told once more: this story does not hold it.
        let told = news || entry.verdict.is_none() && verdict.cause != Cause::None;
        let text = told.then(|| sentence(key, &verdict));
        entry.verdict = Some(verdict);
        text
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
                evidence.field,
                evidence.value,
                evidence.source()
            )
        })
        .unwrap_or_default();
    format!("`{key}` is {}: {}{because}", verdict.state, verdict.cause)
}
