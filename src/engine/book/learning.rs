//! Taking in answers: which followers an answer concerns, and what it adds to them and to their
//! cluster. An answer about a few names goes to the followers of those names; with thousands of
//! followers and hundreds of second calls anything else is too slow.

use std::collections::{BTreeSet, HashMap};

use super::{Book, ClusterEntry, FollowerEntry, scope};
use crate::domain::answer::Answer;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName};
use crate::domain::memory::Memory;
use crate::domain::time::Timestamp;
use crate::elastic::wire::{self, Parsed};
use crate::engine::events::EventKind;
use crate::engine::heard::Kept;

/// More followers than this that are found at once are told in one line.
const MOST_FOUND: usize = 20;

/// The followers of each leader index.
struct Leaders {
    of: HashMap<IndexName, Vec<FollowerKey>>,
    /// Those whose leader index is not known: any answer may name it.
    unnamed: Vec<FollowerKey>,
}

impl Leaders {
    /// Of the followers that an answer of that cluster may concern.
    fn of(book: &Book, cluster: &ClusterName) -> Self {
        let mut found = Self {
            of: HashMap::new(),
            unnamed: Vec::new(),
        };
        let clusters = book.concerned_by(cluster);
        for (key, entry) in clusters.iter().flat_map(|cluster| book.of(cluster)) {
            match &entry.facts.leader_index {
                Some(leader) => found.of.entry(leader.clone()).or_default().push(key.clone()),
                None => found.unnamed.push(key.clone()),
            }
        }
        found
    }

    /// Followers that an answer of this cluster about these names may concern: the followers of
    /// these names there, and those whose leaders have these names there or are asked for through
    /// an alias (`<alias>:<leader>`).
    fn concerned(&self, cluster: &ClusterName, names: &[&str]) -> BTreeSet<FollowerKey> {
        let mut keys: BTreeSet<FollowerKey> = self.unnamed.iter().cloned().collect();
        for name in names {
            let local = name.rsplit_once(':').map_or(*name, |(_, leader)| leader);
            let Ok(index) = IndexName::parse(local) else {
                continue;
            };
            keys.extend(self.of.get(&index).into_iter().flatten().cloned());
            keys.insert(FollowerKey {
                cluster: cluster.clone(),
                index,
            });
        }
        keys
    }
}

impl Book {
    /// Takes in answers of any cluster.
    pub fn learn(&mut self, answers: &[Answer], now: Timestamp) {
        for answers in answers.chunk_by(|one, next| one.cluster == next.cluster) {
            self.learn_of(answers, now);
        }
    }

    /// Takes in answers of one cluster.
    fn learn_of(&mut self, answers: &[Answer], now: Timestamp) {
        // Good as long as no follower is entered: a leader that is known by name keeps it.
        let mut leaders: Option<Leaders> = None;
        let mut other_uuid = false;
        for answer in answers {
            let parsed = wire::parse(answer);
            let kept = Kept::new(answer);
            self.learn_auto_follow(&parsed);
            if self.enter_found(&parsed, now) {
                leaders = None;
            }
            let concerned = parsed.only_of().map(|names| {
                leaders
                    .get_or_insert_with(|| Leaders::of(self, &answer.cluster))
                    .concerned(&answer.cluster, &names)
            });
            let clusters = match concerned {
                None => self.concerned_by(&answer.cluster),
                Some(_) => Vec::new(),
            };
            let asked = self.clusters.get(&answer.cluster);
            match concerned {
                None => {
                    for cluster in &clusters {
                        for (_, entry) in scope::of_mut(&mut self.followers, cluster) {
                            take_in(entry, &parsed, &kept, asked);
                        }
                    }
                }
                Some(keys) => {
                    for key in keys {
                        if let Some(entry) = self.followers.get_mut(&key) {
                            take_in(entry, &parsed, &kept, asked);
                        }
                    }
                }
            }
            if let Some(cluster) = self.clusters.get_mut(&answer.cluster) {
                if let Some(root) = parsed.root() {
                    other_uuid |= cluster.uuid != root.cluster_uuid;
                    cluster.uuid.clone_from(&root.cluster_uuid);
                    cluster.version = Some(root.version.to_string());
                }
                if let Some(remotes) = parsed.remotes() {
                    cluster.remotes = remotes;
                }
            }
        }
        if other_uuid {
            self.note_duplicates();
        }
    }

    /// Notes which UUIDs more than one configured cluster shows.
    pub(super) fn note_duplicates(&mut self) {
        let mut seen = BTreeSet::new();
        self.duplicates = self
            .clusters
            .values()
            .filter_map(|cluster| cluster.uuid.clone())
            .filter(|uuid| !seen.insert(uuid.clone()))
            .collect();
    }

    /// Enters the followers that an answer lists and that were not known; true when there were any.
    fn enter_found(&mut self, parsed: &Parsed, now: Timestamp) -> bool {
        let known = self.of(&parsed.cluster).map(|(key, _)| key.index.as_str());
        if !parsed.lists_others(known) {
            return false;
        }
        let found: Vec<FollowerKey> = parsed
            .followers()
            .into_iter()
            .map(|index| FollowerKey {
                cluster: parsed.cluster.clone(),
                index,
            })
            .filter(|key| !self.followers.contains_key(key))
            .collect();
        if found.len() > MOST_FOUND {
            let text = format!("{} followers found on `{}`", found.len(), parsed.cluster);
            self.story.tell(now, EventKind::Seen, None, text);
        } else {
            for key in &found {
                let text = format!("follower `{key}` found");
                self.story.tell(now, EventKind::Seen, Some(key), text);
            }
        }
        let any = !found.is_empty();
        for key in found {
            self.followers
                .insert(key.clone(), FollowerEntry::new(key, Memory::default(), now));
        }
        any
    }
}

/// Adds what an answer says of one follower; `asked` is the cluster that gave it.
fn take_in(entry: &mut FollowerEntry, parsed: &Parsed, kept: &Kept, asked: Option<&ClusterEntry>) {
    let is_own = entry.facts.key.cluster == kept.answer().cluster;
    let concerns = is_own || entry.facts.leader_cluster.as_ref() == Some(&kept.answer().cluster);
    if !concerns {
        return;
    }
    if wire::learn(&mut entry.facts, parsed) {
        entry.heard.keep(kept);
    }
    // The answer may have named the alias, and the configuration says what is behind it.
    if let Some(cluster) = asked.filter(|_| is_own) {
        let alias = entry.facts.remote.as_ref();
        let leader = alias.and_then(|alias| cluster.settings.remotes.get(alias));
        if entry.facts.leader_cluster.as_ref() != leader {
            let leader = leader.cloned();
            entry.name_leader(leader);
        }
    }
}
