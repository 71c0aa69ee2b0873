//! Which calls a look makes: what every look begins with, and the second looks that verdicts
//! and guards ask for. Says nothing about when.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, FollowerEntry};
use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::elastic::read::Look;
use crate::engine::looking::{self, Depth};
use crate::engine::turns::{Waiting, in_turn};

/// Second looks for one cluster in one look, where nothing is wrong with it.
const EXTRA_LOOKS: usize = 64;

impl Book {
    /// Second calls of one look at a cluster; fewer while it has too much to do.
    fn room(&self, cluster: &ClusterName) -> usize {
        let pressure = self.clusters.get(cluster).and_then(|entry| entry.load.pressure());
        pressure.map_or(EXTRA_LOOKS, |pressure| pressure.room(EXTRA_LOOKS))
    }

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
    pub fn second_looks(&mut self, cluster: &ClusterName, slow: bool, now: Timestamp) -> Vec<Look> {
        let room = self.room(cluster);
        let mine = self.of(cluster);
        let mut looks = Vec::new();
        // What every verdict on a sick one rests on, of all of them in two calls: with each asked
        // for alone, many at once would be known one after another and never together.
        let sick: Vec<IndexName> = mine
            .clone()
            .filter(|(_, entry)| entry.cause() != Cause::None || entry.plan.is_some())
            .map(|(key, _)| key.index.clone())
            .collect();
        if sick.len() > 1 {
            looks.push(Look::MetaAndRouting(sick.clone()));
            looks.push(Look::Settings(sick.clone()));
            looks.push(Look::IndexStats(sick.clone()));
        }
        let in_lists = sick.len() > 1;
        if slow {
            let all: Vec<IndexName> = mine.clone().map(|(key, _)| key.index.clone()).collect();
            if !all.is_empty() {
                looks.push(Look::Meta(all.clone()));
                looks.push(Look::Settings(all.clone()));
                looks.push(Look::Aliases(all));
            }
            looks.extend(self.counting_looks(cluster, now));
        }
        let add = |looks: &mut Vec<Look>, more: Vec<Look>| {
            for look in more {
                if looks.len() < room && !looks.contains(&look) {
                    looks.push(look);
                }
            }
        };
        // Everything that guards read, as far as the budget of one look goes: half of it for the
        // shortest runway, half for whoever waited longest.
        let waiting = mine
            .clone()
            .filter(|(_, entry)| entry.may_be_repaired())
            .map(|(key, entry)| Waiting {
                who: key,
                runway: entry.runway,
                asked_at: entry.asked_at,
                calls: own_calls(entry, in_lists).count(),
            });
        let turn = in_turn(waiting.collect(), room);
        for entry in turn.iter().filter_map(|key| self.followers.get(key)) {
            let mut all = looking::follower_looks(&entry.facts, Depth::Full);
            all.retain(|look| !(in_lists && is_listed(look)));
            add(&mut looks, all);
        }
        // The well ones too: what just went wrong with one is settled in the look that first shows
        // it. After those above, so that what was forbidden one way is overruled by what was
        // answered another.
        let mut all: Vec<&FollowerEntry> = mine.map(|(_, entry)| entry).collect();
        all.sort_by_key(|entry| {
            (
                entry.cause() == Cause::None,
                entry.runway.unwrap_or(Timestamp::MAX),
                &entry.facts.key,
            )
        });
        for entry in all {
            if looks.len() >= room {
                break;
            }
            add(&mut looks, looking::needed(&entry.facts, &entry.memory).0);
        }
        let turn: Vec<FollowerKey> = turn.into_iter().cloned().collect();
        for key in turn {
            if let Some(entry) = self.followers.get_mut(&key) {
                entry.asked_at = Some(now);
            }
        }
        looks
    }

    /// The looks at a leader cluster for the followers of one cluster.
    pub fn leader_looks(&mut self, leader: &ClusterName, now: Timestamp) -> Vec<Look> {
        let room = self.room(leader);
        let mut listed: BTreeSet<IndexName> = BTreeSet::new();
        let mut sick: BTreeMap<IndexName, (FollowerKey, Vec<Look>)> = BTreeMap::new();
        let mut suspected: Vec<Look> = Vec::new();
        let clusters = self.concerned_by(leader);
        for (key, entry) in clusters.iter().flat_map(|cluster| self.of(cluster)) {
            if entry.facts.leader_cluster.as_ref() != Some(leader) {
                continue;
            }
            let Some(index) = &entry.facts.leader_index else {
                continue;
            };
            // One that is gone stays out of the lists: that a list lacks it would be the newer word.
            if entry
                .facts
                .leader
                .index
                .last()
                .is_none_or(|seen| !seen.value.is_absent())
            {
                listed.insert(index.clone());
            }
            if entry.cause() != Cause::None || entry.plan.is_some() {
                let looks = looking::leader_looks(&entry.facts, Depth::Full);
                sick.insert(index.clone(), (key.clone(), looks));
            } else {
                suspected.extend(looking::needed(&entry.facts, &entry.memory).1);
            }
        }
        let named_by_patterns = self.pattern_looks(leader);
        if listed.is_empty() && sick.is_empty() && named_by_patterns.is_none() {
            return Vec::new();
        }
        let mut looks = vec![Look::Root, Look::License, Look::ClusterHealth, Look::Nodes];
        looks.extend(named_by_patterns);
        let always = looks.len();
        // Who is sick stands in the lists too: what the judge needs of the leader is known of all of
        // them at every look, whoever's turn it is.
        if !listed.is_empty() {
            let listed: Vec<IndexName> = listed.into_iter().collect();
            looks.push(Look::IndexStats(listed.clone()));
            looks.push(Look::Settings(listed.clone()));
            looks.push(Look::Meta(listed));
        }
        // Sick ones are asked one by one as well, because of an index that a list lacks nothing is
        // known; those that a look has no room for keep what the lists say until their turn.
        for (_, own) in sick.values_mut() {
            own.retain(|look| !looks.iter().take(always).any(|one| one == look));
        }
        let waiting = sick.iter().filter_map(|(index, (key, own))| {
            let entry = self.followers.get(key)?;
            Some(Waiting {
                who: index,
                runway: entry.runway,
                asked_at: entry.leader_asked_at,
                calls: own.len(),
            })
        });
        let turn: Vec<IndexName> = in_turn(waiting.collect(), room).into_iter().cloned().collect();
        let mut asked = looks.clone();
        asked.truncate(always);
        let mut extra = 0;
        for (key, own) in turn.iter().filter_map(|index| sick.remove(index)) {
            if let Some(entry) = self.followers.get_mut(&key) {
                entry.leader_asked_at = Some(now);
            }
            extra += own.len();
            looks.extend(own);
        }
        for look in suspected {
            if extra < room && !asked.contains(&look) {
                extra += 1;
                asked.push(look.clone());
                looks.push(look);
            }
        }
        looks
    }

    /// Clusters whose followers name this one as their leader.
    pub fn followers_of(&self, leader: &ClusterName) -> Vec<ClusterName> {
        let names = |cluster: &ClusterName| {
            self.of(cluster)
                .any(|(_, entry)| entry.facts.leader_cluster.as_ref() == Some(leader))
        };
        self.concerned_by(leader).into_iter().filter(names).collect()
    }

    /// Leader clusters of the sick followers of a cluster: worth a fresh look.
    pub fn sick_leaders(&self, cluster: &ClusterName) -> BTreeSet<ClusterName> {
        self.of(cluster)
            .filter(|(_, entry)| {
                // Retrying for no known cause: the leader itself may tell.
                let quiet = matches!(entry.state(), State::Following | State::CatchingUp);
                entry.cause() != Cause::None || !quiet
            })
            .filter_map(|(_, entry)| entry.facts.leader_cluster.clone())
            .collect()
    }
}

/// Asked of all sick followers at once.
fn is_listed(look: &Look) -> bool {
    matches!(
        look,
        Look::MetaAndRouting(_) | Look::Settings(_) | Look::IndexStats(_)
    )
}

/// The calls that are made for one follower alone: what the cluster is asked once counts for nobody.
fn own_calls(entry: &FollowerEntry, in_lists: bool) -> impl Iterator<Item = Look> {
    let name = entry.facts.key.index.clone();
    looking::follower_looks(&entry.facts, Depth::Full)
        .into_iter()
        .filter(move |look| !(in_lists && is_listed(look)) && format!("{look:?}").contains(name.as_str()))
}
