//! What is known of followers and clusters: status, why, the plan of now, evidence. Reading only.

use std::collections::BTreeMap;

use crate::app::desk::plans::plan_item;
use crate::app::desk::text::{cost_of_waiting, handbook_of, owners_of, searchable, staleness, steps_of};
use crate::app::desk::{Desk, stored};
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::history::Acknowledged;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::seen::Seen;
use crate::engine::book::{Book, ClusterEntry, FollowerEntry, OpenIncident};
use crate::engine::events::EventKind;
use crate::http::dto::{
    Caller, ClusterItem, Clusters, Done, FollowerItem, IncidentItem, Incidents, PatternItem, Patterns,
    PlanDetail, PlanNow, Problem, RemoteItem, Spared, Status, Why,
};
use crate::metrics::HeldStep;
use crate::policy;

impl Desk {
    pub(super) fn all_followers(&self) -> Status {
        let book = self.0.lock();
        let followers = book
            .followers
            .iter()
            .map(|(key, entry)| follower_item(key, entry))
            .collect();
        let mut notes = Vec::new();
        let now = self.0.now();
        if let Some(jump) = book.clock_jump.filter(|jump| jump.unsettled(now)) {
            notes.push(format!(
                "the computer's clock was set by {} s at {}: windows open nothing before {}",
                jump.by_millis / 1000,
                jump.at,
                jump.settled_at()
            ));
        }
        if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
            notes.push(format!(
                "the brake file {} brakes everything",
                book.settings.brake_file.display()
            ));
        }
        for (name, cluster) in &book.clusters {
            if let Some(why) = &cluster.last_error {
                notes.push(format!("cluster `{name}` cannot be looked at: {why}"));
            }
        }
        for (key, extension) in &book.extensions {
            notes.push(format!(
                "the lease period of {}/{} is raised to {} for `{key}` since {}; it is put back after the cure, or with `refollow extend-runway {key} --undo`",
                extension.cluster,
                extension.leader,
                extension.period.value(),
                extension.since
            ));
        }
        notes.extend(super::drill::notes(&book.drills));
        for (key, step, since) in book.held() {
            let how = match step {
                HeldStep::Pause => "paused",
                HeldStep::Close => "closed",
                HeldStep::Delete => "deleted",
            };
            notes.push(format!("`{key}` is held {how} by refollow since {since}"));
        }
        Status {
            followers,
            incidents: incident_items(&book),
            patterns: pattern_items(&book),
            notes,
        }
    }

    pub(super) fn all_incidents(&self) -> Incidents {
        Incidents {
            incidents: incident_items(&self.0.lock()),
        }
    }

    pub(super) fn all_patterns(&self) -> Patterns {
        Patterns {
            patterns: pattern_items(&self.0.lock()),
        }
    }

    pub(super) fn all_clusters(&self) -> Clusters {
        let book = self.0.lock();
        let mut counts: BTreeMap<&ClusterName, u64> = BTreeMap::new();
        for key in book.followers.keys() {
            *counts.entry(&key.cluster).or_default() += 1;
        }
        let clusters = book
            .clusters
            .iter()
            .map(|(name, cluster)| ClusterItem {
                name: name.clone(),
                up: cluster.tried.then_some(cluster.up),
                version: cluster.version.clone(),
                cluster_uuid: cluster.uuid.as_ref().map(ToString::to_string),
                last_look_at: cluster.last_look_at,
                last_success_at: cluster.last_ok_at,
                followers: counts.get(name).copied().unwrap_or_default(),
                problem: cluster.last_error.clone(),
                spared: cluster.load.pressure().map(|pressure| Spared {
                    reason: pressure.reason,
                    since: pressure.since,
                    until: pressure.until,
                    what: pressure.words(),
                }),
                remotes: cluster
                    .remotes
                    .iter()
                    .map(|(alias, connected)| RemoteItem {
                        alias: alias.clone(),
                        cluster: cluster.settings.remotes.get(alias).cloned(),
                        connected: *connected,
                    })
                    .collect(),
            })
            .collect();
        Clusters { clusters }
    }

    pub(super) fn why_of(&self, follower: FollowerKey) -> Result<Why, Problem> {
        let now = self.0.now();
        let answer = {
            let book = self.0.lock();
            book.followers.get(&follower).map(|entry| {
                let decision = entry.assessment.as_ref().map(|assessment| &assessment.decision);
                let verdict = entry.verdict.as_ref();
                Why {
                    follower: follower_item(&follower, entry),
                    guards: decision
                        .map(|decision| decision.guards.clone())
                        .unwrap_or_default(),
                    reasons: decision
                        .map_or_else(
                            || vec!["it was not looked at yet".to_owned()],
                            |decision| decision.reasons.clone(),
                        )
                        .into_iter()
                        .chain(entry.memory.history.acknowledged().map(acknowledged))
                        .collect(),
                    also: verdict.map(|verdict| verdict.also.clone()).unwrap_or_default(),
                    ladder: verdict.map(|verdict| verdict.ladder.clone()).unwrap_or_default(),
                    approval: verdict.map(|verdict| verdict.approval),
                    evidence: verdict
                        .map(|verdict| verdict.evidence.clone())
                        .unwrap_or_default(),
                    searchable: Some(searchable(entry.state())),
                    staleness: Some(staleness(entry)),
                    cost_of_waiting: Some(cost_of_waiting(entry, now)),
                    lag_history: entry.trend.points().to_vec(),
                    handbook: handbook_of(&follower, entry),
                }
            })
        };
        answer.ok_or_else(|| self.unknown_follower(&follower))
    }

    pub(super) fn plan_of(&self, follower: FollowerKey) -> Result<PlanNow, Problem> {
        let follow_as = self.follow_as(&follower.cluster);
        let answer = {
            let book = self.0.lock();
            book.followers.get(&follower).map(|entry| {
                let assessment = entry.assessment.as_ref();
                let guards = assessment
                    .map(|found| found.decision.guards.clone())
                    .unwrap_or_default();
                let kept = entry.plan.as_ref().and_then(|hash| book.plans.get(hash));
                let shown = kept.cloned().or_else(|| {
                    let plan = assessment.and_then(|found| found.plan.clone())?;
                    Some(policy::new_record(
                        plan,
                        entry.facts.now,
                        &book.settings.policy,
                        None,
                    ))
                });
                PlanNow {
                    follower: follower.clone(),
                    decision: assessment.map_or(DecisionKind::Wait, |found| found.decision.kind),
                    reasons: assessment
                        .map(|found| found.decision.reasons.clone())
                        .unwrap_or_default(),
                    plan: shown.map(|record| PlanDetail {
                        item: plan_item(&record, guards, &book.settings.policy),
                        steps: steps_of(&record),
                        owners: owners_of(&record, follow_as.as_deref()),
                        plan: record.plan,
                    }),
                    stored: kept.is_some(),
                }
            })
        };
        answer.ok_or_else(|| self.unknown_follower(&follower))
    }

    /// A person knows of a cause that people must cure: durable before it counts.
    pub(super) async fn acknowledge_cause(
        &self,
        follower: FollowerKey,
        who: Caller,
        reason: String,
    ) -> Result<Done, Problem> {
        let now = self.0.now();
        let made = self.0.lock().acknowledgement(&follower, &who.name, &reason, now);
        let memory = match made {
            None => return Err(self.unknown_follower(&follower)),
            Some(Err(why)) => return Err(Problem::refused("acknowledge", why)),
            Some(Ok(memory)) => memory,
        };
        let word = memory.history.acknowledged.clone();
        self.0
            .store
            .remember(&[(follower.clone(), memory)])
            .await
            .map_err(|error| stored(&error))?;
        let detail = serde_json::json!({"uid": who.uid, "reason": reason,
            "cause": word.as_ref().map(|word| word.cause)});
        self.note(&who.name, "acknowledged", follower.to_string(), detail)
            .await?;
        let (told, effects) = {
            let mut book = self.0.lock();
            let text = word.as_ref().map(acknowledged).unwrap_or_default();
            if let Some(entry) = book.followers.get_mut(&follower) {
                entry.memory.history.acknowledged = word;
                // Of a run before, nothing is left to settle: this is what it ended in.
                entry.settling = None;
            }
            let line = format!("`{follower}`: {text}");
            book.story.tell(now, EventKind::Operator, Some(&follower), line);
            (text, book.decide(now))
        };
        self.0.perform(effects).await;
        Ok(Done {
            message: format!("{follower}: {told}"),
            plan: None,
            run: None,
        })
    }

    pub(super) fn evidence_of(&self, follower: FollowerKey) -> Result<serde_json::Value, Problem> {
        // The book is let go first: whoever tells that there is none takes it again.
        let found = self.0.lock().evidence(&follower);
        found.ok_or_else(|| self.unknown_follower(&follower))
    }
}

/// What it means that somebody knows of a cause.
fn acknowledged(word: &Acknowledged) -> String {
    format!(
        "{} knows of `{}` since {} ({}): while this is its cause it counts for no breaker",
        word.by, word.cause, word.at, word.reason
    )
}

fn follower_item(key: &FollowerKey, entry: &FollowerEntry) -> FollowerItem {
    FollowerItem {
        cluster: key.cluster.clone(),
        index: key.index.clone(),
        state: entry.state(),
        cause: entry.cause(),
        decision: entry
            .assessment
            .as_ref()
            .map_or(DecisionKind::Wait, |assessment| assessment.decision.kind),
        lag_operations: entry.lag,
        runway_expires_at: entry.runway,
        incident: entry.incident.clone(),
        run: entry.run.clone(),
        remote: entry.facts.remote.clone(),
        leader: entry.facts.leader_index.clone(),
        plan: entry.plan.clone(),
        looked_at: entry.verdict.as_ref().map(|_| entry.facts.now),
        flapping: entry.verdict.as_ref().is_some_and(|verdict| verdict.flapping),
    }
}

fn incident_items(book: &Book) -> Vec<IncidentItem> {
    let item = |open: &OpenIncident| {
        let incident = &open.incident;
        IncidentItem {
            id: incident.id.clone(),
            kind: incident.kind,
            cluster: incident.cluster.clone(),
            remote: incident.remote.clone(),
            node: incident.node.clone(),
            cause: incident.cause,
            since: incident.since,
            followers: incident.followers.len() as u64,
            what: incident.what(),
        }
    };
    book.incidents.values().map(item).collect()
}

fn pattern_items(book: &Book) -> Vec<PatternItem> {
    let of = |(cluster, entry): (&ClusterName, &ClusterEntry)| -> Vec<PatternItem> {
        let verdicts = entry.auto_follow.verdicts.iter();
        verdicts
            .map(|verdict| PatternItem {
                cluster: cluster.clone(),
                name: verdict.name.clone(),
                remote: verdict.remote.clone(),
                cause: if entry.up { verdict.cause } else { Cause::Unknown },
                failing: verdict.failing,
                evidence: verdict.evidence.clone(),
            })
            .collect()
    };
    book.clusters.iter().flat_map(of).collect()
}
