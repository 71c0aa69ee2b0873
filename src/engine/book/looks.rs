//! Which calls a look makes: what every look begins with, and the second looks that verdicts
//! and guards ask for. Says nothing about when.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, FollowerEntry};
use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, IndexName};
use crate::domain::time::Timestamp;
use crate::elastic::read::Look;
use crate::engine::looking::{self, Depth};

/// Second looks for one cluster in one look.
const EXTRA_LOOKS: usize = 64;

impl Book {
    /// What a look at a cluster begins with.
    pub fn first_looks(slow: bool) -> Vec<Look> {
        let mut looks = vec![
            Look::Root,
            Look::FollowInfoAll,
            Look::FollowStats,
            Look::RemoteInfo,
        ];
        if slow {
            looks.extend([
                Look::License,
                Look::ClusterHealth,
                Look::Nodes,
                Look::ClusterSettings,
                Look::PersistentTasks,
                Look::AutoFollow,
            ]);
        }
        looks
    }

    /// The second looks on the follower cluster: what settles a verdict, and on the slow beat what
    /// is remembered while followers are well.
    pub fn second_looks(&self, cluster: &ClusterName, slow: bool) -> Vec<Look> {
        let mine = self.followers.iter().filter(|(key, _)| &key.cluster == cluster);
        let mut looks = Vec::new();
        if slow {
            let all: Vec<IndexName> = mine.clone().map(|(key, _)| key.index.clone()).collect();
            if !all.is_empty() {
                looks.push(Look::Meta(all.clone()));
                looks.push(Look::Settings(all.clone()));
                looks.push(Look::Aliases(all));
            }
        }
        let mut seen: BTreeSet<String> = looks.iter().map(|look| format!("{look:?}")).collect();
        let mut add = |looks: &mut Vec<Look>, more: Vec<Look>| {
            for look in more {
                if looks.len() < EXTRA_LOOKS && seen.insert(format!("{look:?}")) {
                    looks.push(look);
                }
            }
        };
        // Those with the shortest runway first, as far as the budget of one look goes.
        let mut sick: Vec<&FollowerEntry> = mine
            .map(|(_, entry)| entry)
            .filter(|entry| entry.verdict.is_none() || entry.cause() != Cause::None || entry.plan.is_some())
            .collect();
        sick.sort_by_key(|entry| (entry.runway.unwrap_or(Timestamp::MAX), entry.facts.key.clone()));
        for entry in sick {
            if entry.may_be_repaired() {
                add(&mut looks, looking::follower_looks(&entry.facts, Depth::Full));
            }
            // After those, so that what was forbidden one way is overruled by what was answered another.
            add(&mut looks, looking::needed(&entry.facts, &entry.memory).0);
        }
        looks
    }

    /// The looks at a leader cluster for the followers of one cluster.
    pub fn leader_looks(&self, leader: &ClusterName) -> Vec<Look> {
        let mut indices: BTreeSet<IndexName> = BTreeSet::new();
        let mut sick: BTreeMap<IndexName, &FollowerEntry> = BTreeMap::new();
        for entry in self.followers.values() {
            if entry.facts.leader_cluster.as_ref() != Some(leader) {
                continue;
            }
            if let Some(index) = &entry.facts.leader_index {
                indices.insert(index.clone());
                if entry.cause() != Cause::None || entry.plan.is_some() {
                    sick.insert(index.clone(), entry);
                }
            }
        }
        let named_by_patterns = self.pattern_looks(leader);
        if indices.is_empty() && named_by_patterns.is_none() {
            return Vec::new();
        }
        let mut looks = vec![Look::Root, Look::License, Look::ClusterHealth, Look::Nodes];
        looks.extend(named_by_patterns);
        // Sick ones are asked one by one: a list that names a missing index is a 404 for all.
        for entry in sick.values() {
            looks.extend(looking::leader_looks(&entry.facts, Depth::Full));
        }
        let well: Vec<IndexName> = indices
            .into_iter()
            .filter(|index| !sick.contains_key(index))
            .collect();
        if !well.is_empty() {
            looks.push(Look::IndexStats(well.clone()));
            looks.push(Look::Settings(well.clone()));
            looks.push(Look::Meta(well));
        }
        looks
    }

    /// Clusters whose followers name this one as their leader.
    pub fn followers_of(&self, leader: &ClusterName) -> BTreeSet<ClusterName> {
        self.followers
            .values()
            .filter(|entry| entry.facts.leader_cluster.as_ref() == Some(leader))
            .map(|entry| entry.facts.key.cluster.clone())
            .collect()
    }

    /// Leader clusters of the sick followers of a cluster: worth a fresh look.
    pub fn sick_leaders(&self, cluster: &ClusterName) -> BTreeSet<ClusterName> {
        self.followers
            .iter()
            .filter(|(key, entry)| &key.cluster == cluster && entry.cause() != Cause::None)
            .filter_map(|(_, entry)| entry.facts.leader_cluster.clone())
            .collect()
    }
}
