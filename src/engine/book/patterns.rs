//! Auto-follow in the book: what each cluster's patterns are judged to be, and the followers that
//! they promised and that never came.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Book, Effect, FollowerEntry};
use crate::domain::auto_follow::{AutoFollowStats, LeaderIndex, PatternVerdict};
use crate::domain::cause::Cause;
use crate::domain::facts::AutoFollowPattern;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::memory::Memory;
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, millis_between, moved};
use crate::elastic::read::Look;
use crate::elastic::wire::Parsed;
use crate::engine::events::EventKind;
use crate::judge::pattern::{self, Looked};
use crate::policy::glob;

/// Followers of one cluster that were promised and never seen: so many are asked for at once.
const MOST_PROMISED: usize = 64;
/// A list older than this beside a newer one was asked with other patterns, milliseconds.
const OLDEST_LIST_MILLIS: i64 = 10 * 60_000;
/// Answers closer together than this belong to one look, milliseconds.
const SAME_LOOK_MILLIS: i64 = 1_000;

/// A pattern as it was first seen; stored, because what was there before it is not promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PatternSeen {
    /// When it was first seen like this.
    since: Timestamp,
    /// What it matches: a pattern that was changed is a new one.
    matches: String,
}

/// When each pattern of each cluster was first seen.
pub(crate) type PatternsSeen = BTreeMap<ClusterName, BTreeMap<String, PatternSeen>>;

/// What one cluster shows of auto-follow, as a follower cluster and as a leader.
#[derive(Debug, Default)]
pub(crate) struct AutoFollow {
    /// `_ccr/auto_follow`; `None`: not read, or not readable now.
    pub patterns: Option<(Timestamp, Vec<AutoFollowPattern>)>,
    /// Its newest statistics.
    pub stats: Option<(Timestamp, AutoFollowStats)>,
    /// Those of the look before.
    before: Option<AutoFollowStats>,
    /// What its patterns are judged to be, by name.
    pub verdicts: Vec<PatternVerdict>,
    /// Its own indices that patterns elsewhere name, by the path of the call: a long list of
    /// patterns is asked in several.
    leader_indices: BTreeMap<Arc<str>, (Timestamp, Vec<LeaderIndex>)>,
    /// Promised names under which something else stands.
    refuted: BTreeSet<FollowerKey>,
}

fn matched(pattern: &AutoFollowPattern) -> String {
    format!(
        "{:?} {:?} -{:?} -> {:?}",
        pattern.remote, pattern.leader_patterns, pattern.exclusions, pattern.follow_pattern
    )
}

impl FollowerEntry {
    /// A pattern promised it, and it was never seen.
    fn never_came(&self) -> bool {
        self.memory.promised_by_pattern.is_some()
            && self.memory.last_well_at.is_none()
            && self.memory.follower_index_uuid.is_none()
            && self.facts.follower.info.latest_known().is_none()
            && !self.memory.declared
    }
}

impl Book {
    /// Takes in what an answer says of auto-follow.
    pub(super) fn learn_auto_follow(&mut self, parsed: &Parsed) {
        let Some(cluster) = self.clusters.get_mut(&parsed.cluster) else {
            return;
        };
        let known = &mut cluster.auto_follow;
        if let Some(stats) = parsed.auto_follow_stats() {
            let before = known.stats.replace((parsed.at, stats.clone()));
            if let Some((at, before)) = before
                && millis_between(at, parsed.at) >= SAME_LOOK_MILLIS
            {
                known.before = Some(before);
            }
        }
        if let Some(indices) = parsed.leader_indices() {
            let at = parsed.at;
            known
                .leader_indices
                .insert(Arc::clone(&parsed.call.path), (at, indices.to_vec()));
            known
                .leader_indices
                .retain(|_, (seen, _)| millis_between(*seen, at) <= OLDEST_LIST_MILLIS);
        }
        match parsed.patterns() {
            Some(Seen::Present(list)) => {
                known.patterns = Some((parsed.at, list.to_vec()));
                let seen = self.patterns_seen.entry(parsed.cluster.clone()).or_default();
                let before = seen.clone();
                seen.retain(|name, _| list.iter().any(|pattern| pattern.name == *name));
                for pattern in list {
                    let matches = matched(pattern);
                    let changed = seen
                        .get(&pattern.name)
                        .is_none_or(|known| known.matches != matches);
                    if changed {
                        let since = parsed.at;
                        seen.insert(pattern.name.clone(), PatternSeen { since, matches });
                    }
                }
                if *seen != before
                    && let Ok(value) = serde_json::to_value(&self.patterns_seen)
                {
                    self.owed.push(Effect::SavePatterns(value));
                }
            }
            // What cannot be read is not gone.
            Some(Seen::Absent | Seen::Unknown(_)) => known.patterns = None,
            None => {}
        }
    }

    /// The leader indices that auto-follow patterns of other clusters name on this one.
    pub(super) fn pattern_looks(&self, leader: &ClusterName) -> Option<Look> {
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for cluster in self.clusters.values() {
            for pattern in cluster.auto_follow.patterns.iter().flat_map(|(_, list)| list) {
                let behind = pattern
                    .remote
                    .as_ref()
                    .and_then(|alias| cluster.settings.remotes.get(alias));
                if pattern.active && behind == Some(leader) {
                    // In a path a leading `-` excludes and `<` is date arithmetic.
                    let plain = |text: &&String| {
                        !text.is_empty() && !text.starts_with(['-', '<', '_']) && !text.contains(',')
                    };
                    wanted.extend(pattern.leader_patterns.iter().filter(plain).cloned());
                }
            }
        }
        (!wanted.is_empty()).then(|| Look::LeaderIndices(wanted.into_iter().collect()))
    }

    /// Judges the patterns of a cluster after a whole look at it, and tells what is new.
    pub(super) fn judge_patterns(&mut self, name: &ClusterName, now: Timestamp) {
        let Some(cluster) = self.clusters.get_mut(name) else {
            return;
        };
        if !cluster.up {
            return;
        }
        let known = &mut cluster.auto_follow;
        let verdicts = pattern::patterns(&Looked {
            cluster: name,
            patterns: known.patterns.as_ref().map(|(at, list)| (*at, list.as_slice())),
            stats: known.stats.as_ref().map(|(at, stats)| (*at, stats)),
            before: known.before.as_ref(),
        });
        let before = std::mem::replace(&mut known.verdicts, verdicts);
        for verdict in &known.verdicts {
            let was = before.iter().find(|old| old.name == verdict.name);
            let was = was.map_or(Cause::None, |old| old.cause);
            if was == verdict.cause {
                continue;
            }
            let because = verdict
                .evidence
                .first()
                .map(|one| format!(" ({} = {})", one.field, one.value))
                .unwrap_or_default();
            let text = format!(
                "auto-follow pattern `{}` of `{name}`: {}{because}",
                verdict.name, verdict.cause
            );
            self.story.tell(now, EventKind::Judged, None, text);
        }
        self.drop_promises(name);
        self.enter_promised(name, now);
    }

    /// Enters the followers that patterns promised and that nobody follows; they are asked for by
    /// name before anything is said of them.
    fn enter_promised(&mut self, name: &ClusterName, now: Timestamp) {
        for (pattern, one) in self.promised(name, now) {
            let waiting = self
                .followers
                .values()
                .filter(|entry| &entry.facts.key.cluster == name && entry.never_came())
                .count();
            if waiting >= MOST_PROMISED {
                return;
            }
            let key = FollowerKey {
                cluster: name.clone(),
                index: one.follower.clone(),
            };
            let followed_otherwise = self.followers.values().any(|entry| {
                &entry.facts.key.cluster == name
                    && entry.facts.remote == pattern.remote
                    && entry.facts.leader_index.as_ref() == Some(&one.leader)
            });
            let refuted = self
                .clusters
                .get(name)
                .is_some_and(|cluster| cluster.auto_follow.refuted.contains(&key));
            if followed_otherwise || refuted || self.followers.contains_key(&key) {
                continue;
            }
            let memory = Memory {
                promised_by_pattern: Some(pattern.name.clone()),
                remote: pattern.remote.clone(),
                leader_index: Some(one.leader.clone()),
                ..Memory::default()
            };
            self.followers
                .insert(key.clone(), FollowerEntry::new(key, memory, now));
        }
        self.name_leaders_of(name);
    }

    /// What the active patterns of a cluster promised, where the leader could be looked at.
    fn promised(&self, name: &ClusterName, now: Timestamp) -> Vec<(AutoFollowPattern, pattern::Promised)> {
        let (Some(cluster), Some(seen)) = (self.clusters.get(name), self.patterns_seen.get(name)) else {
            return Vec::new();
        };
        let patterns = cluster.auto_follow.patterns.iter().flat_map(|(_, list)| list);
        patterns
            .filter_map(|pattern| {
                let leader = cluster.settings.remotes.get(pattern.remote.as_ref()?)?;
                let lists = self.clusters.get(leader)?.auto_follow.leader_indices.values();
                let since = seen.get(&pattern.name)?.since;
                let promised = lists
                    .flat_map(|(_, indices)| pattern::promised(pattern, since, indices, now, glob::matches))
                    .collect::<Vec<_>>();
                Some((pattern, promised))
            })
            .flat_map(|(pattern, list)| list.into_iter().map(|one| (pattern.clone(), one)))
            .collect()
    }

    /// A promise ends with its pattern and with its leader index; and a name under which an index
    /// stands that never was a follower was not kept free for one.
    fn drop_promises(&mut self, name: &ClusterName) {
        let mut over = Vec::new();
        let mut refuted = Vec::new();
        for (key, entry) in &self.followers {
            if &key.cluster != name || !entry.never_came() || entry.locked {
                continue;
            }
            if entry.cause() == Cause::Unfollowed {
                refuted.push(key.clone());
            }
            let Some(cluster) = self.clusters.get(name) else {
                continue;
            };
            let pattern_gone = cluster.auto_follow.patterns.as_ref().is_some_and(|(_, list)| {
                !list
                    .iter()
                    .any(|pattern| Some(&pattern.name) == entry.memory.promised_by_pattern.as_ref())
            });
            let leader_gone = entry
                .facts
                .leader_cluster
                .as_ref()
                .and_then(|leader| self.clusters.get(leader))
                .map(|leader| &leader.auto_follow.leader_indices)
                .is_some_and(|lists| {
                    let mut indices = lists.values().flat_map(|(_, indices)| indices);
                    !lists.is_empty()
                        && !indices.any(|index| Some(&index.name) == entry.facts.leader_index.as_ref())
                });
            if pattern_gone || leader_gone {
                over.push(key.clone());
            }
        }
        for key in over.into_iter().chain(refuted.iter().cloned()) {
            self.followers.remove(&key);
            self.owed.push(Effect::Forget(key));
        }
        if let Some(cluster) = self.clusters.get_mut(name) {
            cluster.auto_follow.refuted.extend(refuted);
        }
    }

    /// The clock was set: when patterns were first seen moves along.
    pub(super) fn move_patterns(&mut self, by_millis: i64) {
        for seen in self
            .patterns_seen
            .values_mut()
            .flat_map(|patterns| patterns.values_mut())
        {
            seen.since = moved(seen.since, by_millis);
        }
        for cluster in self.clusters.values_mut() {
            let known = &mut cluster.auto_follow;
            let patterns = known.patterns.as_mut().map(|(at, _)| at);
            let stats = known.stats.as_mut().map(|(at, _)| at);
            let lists = known.leader_indices.values_mut().map(|(at, _)| at);
            for at in [patterns, stats].into_iter().flatten().chain(lists) {
                *at = moved(*at, by_millis);
            }
        }
    }
}
