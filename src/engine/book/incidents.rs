//! The incidents in the book: found anew at every look, told when they begin, grow a lot and end.
//! The followers of one tell nothing each for themselves.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, FollowerEntry, scope};
use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::incident::Incident;
use crate::domain::time::{Timestamp, millis_between};
use crate::engine::events::EventKind;
use crate::judge::incident::{Sick, incidents};

/// An incident is told again when it has grown by this factor since it was last told.
const GREW: usize = 2;

/// An incident, and what people were told of it.
#[derive(Debug, Clone)]
pub(crate) struct OpenIncident {
    pub incident: Incident,
    /// How many followers it had when it was last told.
    told: usize,
}

impl Book {
    /// Ends the incidents of clusters that are not looked at any more: no look would.
    pub(super) fn end_incidents_elsewhere(&mut self, now: Timestamp) {
        let gone: BTreeSet<ClusterName> = self
            .incidents
            .values()
            .map(|open| &open.incident.cluster)
            .filter(|name| !self.clusters.contains_key(name))
            .cloned()
            .collect();
        for cluster in gone {
            self.regroup(&cluster, now);
        }
    }

    /// Finds the incidents of a cluster at this moment, and tells what is new of them. None spans
    /// two follower clusters (`judge::incident`).
    pub(super) fn regroup(&mut self, cluster: &ClusterName, now: Timestamp) {
        let sick: Vec<Sick<'_>> = self
            .of(cluster)
            // What a drill breaks on purpose is nobody's incident.
            .filter(|(key, _)| !self.drills.made(key))
            .filter(|(_, entry)| entry.verdict.is_some() && entry.cause() != Cause::None)
            .map(|(key, entry)| Sick {
                key,
                remote: entry.facts.remote.as_ref(),
                cause: entry.cause(),
                since: entry.memory.history.since(),
                nodes: nodes(entry),
                cluster_answers: self.clusters.get(&key.cluster).is_none_or(|cluster| cluster.up),
            })
            .collect();
        let found = incidents(&sick);
        let of_others = |_: &String, open: &mut OpenIncident| &open.incident.cluster != cluster;
        let mut before: BTreeMap<String, OpenIncident> = std::mem::take(&mut self.incidents);
        self.incidents = before.extract_if(.., of_others).collect();
        let mut lines = Vec::new();
        let mut member_of: BTreeMap<FollowerKey, String> = BTreeMap::new();
        for incident in found {
            for follower in &incident.followers {
                member_of.insert(follower.clone(), incident.id.clone());
            }
            let count = incident.followers.len();
            let old = before.remove(&incident.id);
            let told = match &old {
                None => {
                    let since = incident
                        .since
                        .map(|at| format!(" since {at}"))
                        .unwrap_or_default();
                    lines.push(format!("{}{since}: {count} followers", incident.what()));
                    count
                }
                Some(old) if count >= old.told.saturating_mul(GREW) => {
                    lines.push(format!(
                        "{}: {count} followers now, {} before",
                        incident.what(),
                        old.told
                    ));
                    count
                }
                Some(old) => old.told,
            };
            self.incidents
                .insert(incident.id.clone(), OpenIncident { incident, told });
        }
        for old in before.into_values() {
            let lasted = old
                .incident
                .since
                .map(|since| format!(" after {} s", millis_between(since, now).max(0) / 1000))
                .unwrap_or_default();
            lines.push(format!(
                "over{lasted}: {} ({} followers)",
                old.incident.what(),
                old.incident.followers.len()
            ));
        }
        for line in lines {
            self.story.tell(now, EventKind::Incident, None, line);
        }
        for (key, entry) in scope::of_mut(&mut self.followers, cluster) {
            entry.incident = member_of.remove(key);
        }
    }
}

/// The nodes on which a follower's tasks run.
fn nodes(entry: &FollowerEntry) -> BTreeSet<&str> {
    entry
        .facts
        .follower
        .tasks
        .present()
        .into_iter()
        .flatten()
        .filter_map(|task| task.node.as_deref())
        .collect()
}
