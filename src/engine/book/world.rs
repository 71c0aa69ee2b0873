//! What the policy knows beside one follower: the other followers, runs, brakes, breakers.

use std::collections::BTreeSet;

use super::{Book, FollowerEntry, scope};
use crate::domain::cause::{Approval, Cause};
use crate::domain::ids::{ClusterName, FollowerKey, RunId};
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, after};
use crate::policy;

impl Book {
    /// Runs that go on, as the policy counts them.
    pub(super) fn in_flight(&self) -> Vec<policy::InFlight> {
        self.locked
            .iter()
            .filter_map(|key| {
                let entry = self.followers.get(key)?;
                let record = self.plans.get(entry.plan.as_ref()?)?;
                let remedy = record
                    .plan
                    .basis
                    .ladder
                    .iter()
                    .copied()
                    .max_by_key(|rung| rung.boldness())?;
                Some(policy::InFlight {
                    // A run that is being opened has no name yet; its lock counts all the same.
                    run: entry
                        .run
                        .clone()
                        .or_else(|| RunId::parse(policy::InFlight::OPENING).ok())?,
                    key: key.clone(),
                    beside: record
                        .plan
                        .basis
                        .beside
                        .is_some()
                        .then(|| record.plan.basis.target_key()),
                    remote: record.plan.basis.remote.clone(),
                    remedy,
                    bytes: if remedy.destroys() {
                        record.plan.figures.bytes.unwrap_or(0)
                    } else {
                        0
                    },
                    since: entry.locked_since.unwrap_or(record.changed_at),
                })
            })
            .collect()
    }

    /// The followers of a cluster as the breakers count them. What a drill made is broken on purpose:
    /// it opens no breaker, and dilutes none.
    pub(super) fn members(&self, cluster: &ClusterName) -> Vec<policy::Member> {
        self.of(cluster)
            .filter_map(|(key, entry)| {
                let verdict = entry.verdict.as_ref().filter(|_| !self.drills.made(key))?;
                Some(policy::Member {
                    key: key.clone(),
                    remote: entry.facts.remote.clone(),
                    unhealthy: verdict.cause != Cause::None,
                    paused_by_people: verdict.cause == Cause::Paused && !entry.memory.in_doubt(),
                    never_and_acknowledged: verdict.cause.approval() == Approval::Never
                        && entry.memory.history.acknowledged().is_some(),
                    in_flight_or_cooling: entry.locked || entry.settling.is_some(),
                })
            })
            .collect()
    }

    /// The same of all clusters.
    pub(super) fn all_members(&self) -> Vec<policy::Member> {
        let clusters = self.clusters_with_followers();
        clusters
            .iter()
            .flat_map(|cluster| self.members(cluster))
            .collect()
    }

    /// A follower in a run outlives its cluster's place in the configuration.
    fn clusters_with_followers(&self) -> BTreeSet<ClusterName> {
        self.followers.keys().map(|key| key.cluster.clone()).collect()
    }

    /// Counts the followers of a cluster for the breakers.
    pub(super) fn tally(&mut self, cluster: &ClusterName) {
        let mut tally = policy::Tally::default();
        for member in self.members(cluster) {
            tally.add(&member);
        }
        self.tallies.insert(cluster.clone(), tally);
    }

    /// Counts every cluster anew.
    pub(super) fn tally_all(&mut self) {
        self.tallies.clear();
        // A follower in a run outlives its cluster's place in the configuration.
        let clusters: BTreeSet<ClusterName> = self.followers.keys().map(|key| key.cluster.clone()).collect();
        for cluster in clusters {
            self.tally(&cluster);
        }
    }

    /// Ends the settling of those that have been well for the settle time since their run ended:
    /// time that passes while one is unwell does not count.
    pub(super) fn settle(&mut self, cluster: Option<&ClusterName>, now: Timestamp) {
        let settle = self.settings.policy.verify_settle;
        let entries: Box<dyn Iterator<Item = &mut FollowerEntry>> = match cluster {
            Some(cluster) => Box::new(scope::of_mut(&mut self.followers, cluster).map(|(_, entry)| entry)),
            None => Box::new(self.followers.values_mut().map(|entry| &mut **entry)),
        };
        for entry in entries {
            let Some(ended) = entry.settling else { continue };
            let well_since = entry
                .memory
                .history
                .since()
                .filter(|_| entry.verdict.is_some() && entry.cause() == Cause::None);
            if well_since.is_some_and(|since| after(since.max(ended), settle) <= now) {
                entry.settling = None;
            }
        }
    }

    /// After a restart: what a run ended on so lately that it cannot have settled settles again.
    pub fn settle_again(&mut self, now: Timestamp) {
        let settle = self.settings.policy.verify_settle;
        for run in &self.past {
            let lately = after(run.ended_at, settle) > now;
            if let (true, true, Some(entry)) =
                (lately, run.remedy.is_some(), self.followers.get_mut(&run.key))
            {
                entry.settling = entry.settling.max(Some(run.ended_at.min(now)));
            }
        }
    }

    /// What the policy knows beside one follower.
    pub fn world(&self, key: &FollowerKey, now: Timestamp) -> policy::World {
        let mut world = self.common_world(now);
        self.see_from(key, &mut world);
        world
    }

    /// Sets what the policy is told of one follower only. The rest is the same for all of them, and
    /// is not copied for each: it holds every run of the last days.
    pub(super) fn see_from(&self, key: &FollowerKey, world: &mut policy::World) {
        // Those of drills count for no limit, but one's own run is known to oneself.
        world.in_flight.retain(|run| !self.drills.made(&run.key));
        if self.drills.made(key) {
            let own = self.in_flight().into_iter().filter(|run| run.key == *key);
            world.in_flight.extend(own);
        }
        let entry = self.followers.get(key);
        let leader = entry.and_then(|entry| entry.facts.leader_cluster.clone());
        let both = [Some(&key.cluster), leader.as_ref()].into_iter().flatten();
        world.spared = both
            .filter_map(|name| Some((name.clone(), self.clusters.get(name)?.load.pressure()?)))
            .collect();
        world.duplicate_cluster_uuid = [Some(&key.cluster), leader.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|name| self.clusters.get(name)?.uuid.as_ref())
            .any(|uuid| self.duplicates.contains(uuid));
        // A leader that is itself a follower there is a chain or a pair that replicates both ways.
        world.both_ways = match entry.map(|entry| (&entry.facts.leader_cluster, &entry.facts.leader_index)) {
            Some((Some(cluster), Some(index))) => {
                let leader = FollowerKey {
                    cluster: cluster.clone(),
                    index: index.clone(),
                };
                if self.followers.contains_key(&leader) {
                    Seen::Present(true)
                } else {
                    Seen::Absent
                }
            }
            _ => Seen::Absent,
        };
    }

    pub(super) fn common_world(&self, now: Timestamp) -> policy::World {
        let slowest = self
            .clusters
            .values()
            .map(|cluster| cluster.settings.poll_interval)
            .max();
        policy::World {
            warm_until: after(self.started_at, slowest.unwrap_or_default().saturating_mul(3)),
            brakes: Seen::Present(self.brakes.clone()),
            brake_file: self.brake_file.clone(),
            // Those of drills count for no limit.
            in_flight: self
                .in_flight()
                .into_iter()
                .filter(|run| !self.drills.made(&run.key))
                .collect(),
            past: self
                .past
                .iter()
                .filter(|run| !self.drills.made(&run.key))
                .cloned()
                .collect(),
            breaker: self.breaker.clone(),
            blockers: self.blockers.clone(),
            clock_jump: self.unsettled(now),
            installation: self.installation.clone(),
            ..policy::World::quiet(now)
        }
    }
}
