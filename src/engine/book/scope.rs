//! The followers of one cluster among those of all: what one look costs must not grow with the
//! clusters that it says nothing about.

use std::collections::BTreeMap;

use super::{Book, FollowerEntry};
use crate::domain::ids::{ClusterName, FollowerKey};

/// Followers by name: those of one cluster stand together. Each in a place of its own: a tree's nodes
/// are half empty, and an entry is some kilobytes.
pub(crate) type Followers = BTreeMap<FollowerKey, Box<FollowerEntry>>;

/// Those of one cluster, in order.
pub(crate) fn of<'a>(
    followers: &'a Followers,
    cluster: &'a ClusterName,
) -> impl Iterator<Item = (&'a FollowerKey, &'a FollowerEntry)> + Clone {
    followers
        .range(FollowerKey::before_all_of(cluster)..)
        .take_while(move |(key, _)| &key.cluster == cluster)
        .map(|(key, entry)| (key, &**entry))
}

/// The same, to be changed.
pub(super) fn of_mut<'a>(
    followers: &'a mut Followers,
    cluster: &'a ClusterName,
) -> impl Iterator<Item = (&'a FollowerKey, &'a mut FollowerEntry)> {
    followers
        .range_mut(FollowerKey::before_all_of(cluster)..)
        .take_while(move |(key, _)| &key.cluster == cluster)
        .map(|(key, entry)| (key, &mut **entry))
}

impl Book {
    /// The followers of one cluster, in order.
    pub(crate) fn of<'a>(
        &'a self,
        cluster: &'a ClusterName,
    ) -> impl Iterator<Item = (&'a FollowerKey, &'a FollowerEntry)> + Clone {
        of(&self.followers, cluster)
    }

    /// The clusters whose followers an answer of this one may concern: itself, and those whose
    /// `remotes` name it as what is behind an alias.
    pub(super) fn concerned_by(&self, cluster: &ClusterName) -> Vec<ClusterName> {
        let following = self.following.get(cluster).into_iter().flatten();
        std::iter::once(cluster)
            .chain(following.filter(|name| *name != cluster))
            .cloned()
            .collect()
    }

    /// Notes which clusters follow which by the configuration.
    pub(super) fn note_following(&mut self) {
        self.following.clear();
        for (name, entry) in &self.clusters {
            for leader in entry.settings.remotes.values() {
                let known = self.following.entry(leader.clone()).or_default();
                if known.last() != Some(name) {
                    known.push(name.clone());
                }
            }
        }
    }
}
