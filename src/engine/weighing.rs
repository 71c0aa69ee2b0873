//! What looks cost a cluster and how it bears them, noted after each look, and told to people when it
//! begins and when it ends.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::ids::ClusterName;
use crate::domain::load::{Pressure, Purpose};
use crate::domain::time::Timestamp;
use crate::elastic::client::Client;
use crate::elastic::load::{Load, LookBegan};
use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::events::EventKind;
use crate::policy::guards::MANY_PENDING;

impl Engine {
    /// A look has ended: what it cost, and what it tells of the cluster.
    pub(super) fn weigh(&self, cluster: &ClusterName, load: &Load, began: &LookBegan) {
        let now = self.now();
        let mut book = self.lock();
        if book
            .pending_tasks(cluster)
            .is_some_and(|tasks| tasks > MANY_PENDING)
        {
            load.busy_master(began.purpose(), now);
        }
        let cost = load.look_ends(began);
        if let Some(entry) = book.clusters.get_mut(cluster) {
            if began.purpose() == Purpose::Leaders {
                entry.leader_look_cost = Some(cost);
            } else {
                entry.look_cost = Some(cost);
            }
        }
        book.tell_of_pressure(cluster, load.pressure(), now);
    }
}

impl Book {
    /// Takes over what the clients count, one for each cluster.
    pub(super) fn take_loads(&mut self, clients: &BTreeMap<ClusterName, Arc<Client>>) {
        for (name, client) in clients {
            if let Some(entry) = self.clusters.get_mut(name) {
                entry.load = Arc::clone(client.load());
            }
        }
    }

    /// How many tasks the cluster's master had waiting when its health was last read, on either side.
    fn pending_tasks(&self, cluster: &ClusterName) -> Option<u64> {
        let of_followers = self.followers.iter().find_map(|(key, entry)| {
            let health = entry.facts.follower.cluster_health.present()?;
            (&key.cluster == cluster).then_some(health)
        });
        let health = of_followers.or_else(|| {
            self.followers.values().find_map(|entry| {
                let facts = &entry.facts;
                let named = facts.leader_cluster.as_ref() == Some(cluster);
                facts.leader.cluster_health.present().filter(|_| named)
            })
        });
        health.and_then(|health| health.pending_tasks)
    }

    /// Told when it begins, when it becomes another, and when it is over.
    fn tell_of_pressure(&mut self, cluster: &ClusterName, pressure: Option<Pressure>, now: Timestamp) {
        let Some(entry) = self.clusters.get_mut(cluster) else {
            return;
        };
        let reason = pressure.map(|pressure| pressure.reason);
        if entry.told_trouble == reason {
            return;
        }
        entry.told_trouble = reason;
        let text = match pressure {
            Some(pressure) => format!("cluster `{cluster}` {}", pressure.words()),
            None => format!("cluster `{cluster}` is asked as usual again"),
        };
        if reason.is_some() {
            tracing::warn!("{text}");
        } else {
            tracing::info!("{text}");
        }
        self.story.tell(now, EventKind::Seen, None, text);
    }
}
