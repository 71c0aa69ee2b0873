//! The book as others read it: metrics for Prometheus, evidence files for tickets.

use std::time::Duration;

use crate::domain::answer::Answer;
use crate::domain::cause::Cause;
use crate::domain::facts::{Facts, SIGHTINGS, Sources};
use crate::domain::ids::FollowerKey;
use crate::domain::plan::PlanState;
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, moved};
use crate::elastic::wire;
use crate::engine::book::Book;
use crate::engine::heard;
use crate::evidence;
use crate::metrics::{
    AutoFollowRow, BrakeRow, BreakerRow, ClusterRow, FollowerRow, HeldRow, HeldStep, IncidentRow, LoadRow,
    PatternRow, Scrape, Snapshot,
};

/// A cluster whose last successful look is older than this many poll intervals is stale, and its
/// followers' series are dropped.
const STALE_INTERVALS: u32 = 20;
/// … and never earlier than this.
const STALE_AT_LEAST: Duration = Duration::from_secs(300);

impl Book {
    /// Everything that Prometheus may read at this moment.
    pub fn metrics(&self, now: Timestamp) -> Snapshot<'_> {
        self.metrics_of(now, &Scrape::default())
    }

    /// What a scrape is about.
    pub fn metrics_of(&self, now: Timestamp, wanted: &Scrape) -> Snapshot<'_> {
        let slowest = self
            .clusters
            .values()
            .map(|cluster| cluster.settings.poll_interval)
            .max();
        let held = self
            .held()
            .into_iter()
            .filter(|(key, ..)| wanted.is_about(&key.cluster))
            .filter_map(|(key, step, since)| {
                let (key, entry) = self.followers.get_key_value(&key)?;
                Some(HeldRow {
                    key,
                    remote: entry.facts.remote.as_ref(),
                    leader: entry.facts.leader_index.as_ref(),
                    step,
                    since,
                })
            })
            .collect();
        Snapshot {
            now,
            part: wanted.part,
            series: self.settings.metrics.series(),
            stale_after: slowest
                .unwrap_or_default()
                .saturating_mul(STALE_INTERVALS)
                .max(STALE_AT_LEAST),
            clusters: self
                .clusters
                .iter()
                .filter(|(name, _)| wanted.is_about(name))
                .map(|(name, cluster)| ClusterRow {
                    name,
                    up: cluster.tried.then_some(cluster.up),
                    last_success: cluster.last_ok_at,
                    look_took: cluster
                        .tried
                        .then(|| Duration::from_secs_f64(cluster.look_seconds)),
                    load: Some(LoadRow {
                        counts: cluster.load.counts(),
                        look: cluster.look_cost.map(|cost| (cost.requests, cost.bytes)),
                        leader_look: cluster.leader_look_cost.map(|cost| (cost.requests, cost.bytes)),
                        trouble: cluster.load.pressure().map(|pressure| pressure.reason),
                    }),
                    remotes: cluster
                        .remotes
                        .iter()
                        .map(|(alias, connected)| (alias, *connected))
                        .collect(),
                })
                .collect(),
            followers: self
                .followers
                .iter()
                .filter(|(key, _)| wanted.is_about(&key.cluster))
                .map(|(key, entry)| FollowerRow {
                    key,
                    remote: entry.facts.remote.as_ref(),
                    leader: entry.facts.leader_index.as_ref(),
                    state: entry.state(),
                    cause: entry.cause(),
                    cause_since: entry.memory.history.since(),
                    lag: entry.lag,
                    runway_expires_at: entry.runway,
                    runway_by_shard: &entry.runways,
                    stats: entry
                        .facts
                        .follower
                        .stats
                        .last()
                        .and_then(|seen| seen.value.present().map(|stats| (seen.at, stats))),
                    level: self.settings.metrics.level_of(key, entry.facts.remote.as_ref()),
                    status: entry.facts.follower.info.present().map(|info| info.status),
                })
                .collect(),
            auto_follow: self.auto_follow_rows(wanted),
            patterns: self
                .clusters
                .iter()
                .filter(|(name, _)| wanted.is_about(name))
                .flat_map(|(cluster, entry)| {
                    entry.auto_follow.verdicts.iter().map(move |verdict| PatternRow {
                        cluster,
                        name: &verdict.name,
                        remote: verdict.remote.as_ref(),
                        cause: verdict.cause,
                    })
                })
                .collect(),
            incidents: self
                .incidents
                .values()
                .filter(|open| wanted.is_about(&open.incident.cluster))
                .map(|open| IncidentRow {
                    cluster: &open.incident.cluster,
                    remote: open.incident.remote.as_ref(),
                    kind: open.incident.kind,
                    followers: open.incident.followers.len() as u64,
                    since: open.incident.since,
                })
                .collect(),
            brakes: self.engaged(now),
            breakers: self.breaker_rows(),
            held,
            plans_pending: self
                .plans
                .values()
                .filter(|record| record.state == PlanState::Pending)
                .count() as u64,
            plan_expires_at: self
                .plans
                .values()
                .filter(|record| record.state == PlanState::Pending)
                .map(|record| record.expires_at)
                .min(),
            plans_expired: self.plans_expired,
            runs_in_flight: self
                .followers
                .values()
                .filter(|entry| entry.run.is_some())
                .count() as u64,
        }
    }

    /// Auto-follow statistics of the clusters that showed any.
    fn auto_follow_rows(&self, wanted: &Scrape) -> Vec<AutoFollowRow<'_>> {
        self.clusters
            .iter()
            .filter(|(name, _)| wanted.is_about(name))
            .filter_map(|(cluster, entry)| {
                let (at, stats) = entry.auto_follow.stats.as_ref()?;
                Some(AutoFollowRow {
                    cluster,
                    failed: stats.failed,
                    remote_state_failed: stats.remote_state_failed,
                    succeeded: stats.succeeded,
                    recent_errors: stats
                        .errors
                        .as_ref()
                        .map(|errors| u32::try_from(errors.len()).unwrap_or(u32::MAX)),
                    last_checks: stats
                        .checks
                        .iter()
                        .map(|(alias, millis)| (alias, moved(*at, millis.saturating_neg())))
                        .collect(),
                })
            })
            .collect()
    }

    fn engaged(&self, now: Timestamp) -> Vec<BrakeRow> {
        let mut rows: Vec<BrakeRow> = self
            .brakes
            .iter()
            .filter(|brake| brake.holds(now))
            .map(|brake| BrakeRow {
                scope: brake.scope.kind(),
                name: brake.scope.name(),
            })
            .collect();
        let by_file = !matches!(self.brake_file, Seen::Present(false) | Seen::Absent);
        if by_file && !rows.iter().any(|row| row.scope == "all") {
            rows.push(BrakeRow {
                scope: "all",
                name: String::new(),
            });
        }
        rows
    }

    /// Every breaker: the one over everything, and one for each remote that followers follow through.
    fn breaker_rows(&self) -> Vec<BreakerRow> {
        let mut remotes: std::collections::BTreeSet<_> = self.breaker.remotes.keys().cloned().collect();
        for (key, entry) in &self.followers {
            if let Some(remote) = &entry.facts.remote {
                remotes.insert((key.cluster.clone(), remote.clone()));
            }
        }
        let all = BreakerRow {
            scope: "all",
            name: String::new(),
            open: self.breaker.overall.is_some(),
        };
        std::iter::once(all)
            .chain(remotes.into_iter().map(|remote| BreakerRow {
                scope: "remote",
                name: format!("{}/{}", remote.0, remote.1),
                open: self.breaker.remotes.contains_key(&remote),
            }))
            .collect()
    }

    /// The evidence file of one follower: every answer that its present verdict rests on, the
    /// memory that it was given with, and the decision with its reasons, so that `diagnose` gives
    /// the same verdict. `None` where no such follower is known.
    pub fn evidence(&self, key: &FollowerKey) -> Option<serde_json::Value> {
        let entry = self.followers.get(key)?;
        let heard = entry.heard.of_verdict(&entry.facts);
        // The facts as they were judged: looks since then may have taught more.
        let mut facts = Facts::nothing(key.clone(), entry.facts.now);
        let with = entry.judged_with.as_ref();
        facts.remote = with.map_or_else(|| entry.facts.remote.clone(), |with| with.remote.clone());
        facts.leader_index = with.map_or_else(
            || entry.facts.leader_index.clone(),
            |with| with.leader_index.clone(),
        );
        facts.leader_cluster = with.map_or_else(
            || entry.facts.leader_cluster.clone(),
            |with| with.leader_cluster.clone(),
        );
        for answer in &heard {
            wire::learn(&mut facts, &wire::parse(answer));
            facts.keep_last(SIGHTINGS);
        }
        let answers: Vec<Answer> = heard::select(&heard, &Sources::of_verdict(&facts))
            .iter()
            .map(|answer| Answer::clone(answer))
            .collect();
        let memory = with
            .and_then(|with| with.memory.as_ref())
            .unwrap_or(&entry.memory);
        let decision = entry
            .assessment
            .as_ref()
            .and_then(|found| serde_json::to_value(&found.decision).ok());
        let subject = evidence::Subject {
            follower: key.clone(),
            leader_cluster: facts.leader_cluster.clone(),
            remote: facts.remote.clone(),
            leader_index: facts.leader_index.clone(),
        };
        let file = evidence::build(&subject, entry.facts.now, Some(memory), decision, &answers);
        serde_json::to_value(&file).ok()
    }

    /// Followers that a run of ours holds paused or closed, with the step and since when.
    pub fn held(&self) -> Vec<(FollowerKey, HeldStep, Timestamp)> {
        self.followers
            .iter()
            .filter_map(|(key, entry)| {
                let own = entry.memory.own_run.as_ref()?;
                let cause = entry.verdict.as_ref().map(|verdict| verdict.cause);
                let step = match (own.closed, own.paused) {
                    // Perhaps by us is enough to be named (safety 6).
                    (false, false) if entry.memory.in_doubt() && cause == Some(Cause::Paused) => {
                        HeldStep::Pause
                    }
                    (false, false) if entry.memory.in_doubt() && cause == Some(Cause::FollowerClosed) => {
                        HeldStep::Close
                    }
                    _ if own.deleted => HeldStep::Delete,
                    (true, _) => HeldStep::Close,
                    (false, true) => HeldStep::Pause,
                    (false, false) => return None,
                };
                Some((key.clone(), step, own.at))
            })
            .collect()
    }
}
