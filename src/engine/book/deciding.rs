//! What the policy is asked about every follower, and which runs may start.

use std::collections::{BTreeMap, BTreeSet};

use super::{Book, Effect, FollowerEntry};
use crate::domain::cause::Remedy;
use crate::domain::decision::DecisionKind;
use crate::domain::ids::{ClusterName, FollowerKey, PlanHash};
use crate::domain::journal::Trigger;
use crate::domain::plan::PlanState;
use crate::domain::time::Timestamp;
use crate::engine::events::EventKind;
use crate::history::Began;
use crate::policy;
use crate::store::AuditEvent;

impl Book {
    /// Asks the policy about every follower that may need something, and says what must be done.
    /// One that nothing is wrong with needs nothing until a look says otherwise.
    pub fn decide(&mut self, now: Timestamp) -> Vec<Effect> {
        self.settle(None, now);
        self.tally_all();
        let mut effects = self.turn(now);
        let keys = self.awake(None);
        self.decide_each(None, keys, now, &mut effects);
        effects
    }

    /// The same after a look, of the followers of these clusters only. What waits elsewhere (for a
    /// breaker, a budget, a window) is decided on at the next beat, a few seconds later.
    pub fn decide_about(&mut self, clusters: &[ClusterName], now: Timestamp) -> Vec<Effect> {
        for cluster in clusters {
            self.settle(Some(cluster), now);
        }
        let mut effects = self.turn(now);
        let keys: Vec<FollowerKey> = clusters
            .iter()
            .flat_map(|cluster| self.awake(Some(cluster)))
            .collect();
        self.decide_each(Some(clusters), keys, now, &mut effects);
        effects
    }

    /// Tells the recorder of the past what the policy is asked in now: the world and, of these
    /// clusters or of all, what the breakers count.
    fn pass_begins(&mut self, clusters: Option<&[ClusterName]>, world: &policy::World) {
        let members = match clusters {
            Some(clusters) => clusters
                .iter()
                .flat_map(|cluster| self.members(cluster))
                .collect(),
            None => self.all_members(),
        };
        self.recorder.begin(world, clusters, members);
    }

    /// What goes on with time: breakers, plans that expire.
    fn turn(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = std::mem::take(&mut self.owed);
        let next = policy::breaker(
            &self.breaker,
            &policy::Tally::sum(self.tallies.values()),
            now,
            &self.settings.policy.limits.breaker,
        );
        if next != self.breaker {
            let before = std::mem::replace(&mut self.breaker, next);
            if let Ok(value) = serde_json::to_value(&self.breaker) {
                effects.push(Effect::SaveBreaker(value));
            }
            self.tell_breaker(&before, now, &mut effects);
        }
        self.expire(now, &mut effects);
        effects
    }

    /// Followers (of one cluster, or of all) that the policy may say something new about.
    fn awake(&self, cluster: Option<&ClusterName>) -> Vec<FollowerKey> {
        let wanted = |(key, entry): (&FollowerKey, &FollowerEntry)| (!entry.is_quiet()).then(|| key.clone());
        match cluster {
            Some(cluster) => self.of(cluster).filter_map(wanted).collect(),
            None => self
                .followers
                .iter()
                .filter_map(|(key, entry)| wanted((key, entry)))
                .collect(),
        }
    }

    /// One pass over these followers, of these clusters or of all (`None`).
    fn decide_each(
        &mut self,
        clusters: Option<&[ClusterName]>,
        keys: Vec<FollowerKey>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let recorded = self.recorder.is_on();
        if keys.is_empty() && !recorded {
            return;
        }
        let mut world = self.common_world(now);
        if recorded {
            self.pass_begins(clusters, &world);
        }
        let mut candidates = Vec::new();
        for key in &keys {
            self.decide_one(key, &mut world, now, effects, &mut candidates);
        }
        if candidates.is_empty() {
            return;
        }
        // Who starts first is a question between all who could, wherever they are.
        let asked: BTreeSet<&FollowerKey> = keys.iter().collect();
        let others = self.awake(None);
        for key in others.iter().filter(|key| !asked.contains(key)) {
            self.decide_one(key, &mut world, now, effects, &mut candidates);
        }
        self.start(candidates, &world, now, effects);
    }

    pub(super) fn tell_breaker(
        &mut self,
        before: &policy::BreakerState,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let words = |open: bool| {
            if open {
                "open: recreates ask from now on"
            } else {
                "closed"
            }
        };
        if before.overall.is_some() != self.breaker.overall.is_some() {
            let text = format!(
                "the breaker over everything is {}",
                words(self.breaker.overall.is_some())
            );
            effects.push(breaker_changed("all", self.breaker.overall.as_ref(), now));
            self.story.tell(now, EventKind::Operator, None, text);
        }
        let remotes: BTreeSet<_> = before
            .remotes
            .keys()
            .chain(self.breaker.remotes.keys())
            .cloned()
            .collect();
        for remote in remotes {
            let open = self.breaker.remotes.contains_key(&remote);
            if before.remotes.contains_key(&remote) != open {
                let text = format!(
                    "the breaker over the remote {}/{} is {}",
                    remote.0,
                    remote.1,
                    words(open)
                );
                let scope = format!("remote:{}/{}", remote.0, remote.1);
                effects.push(breaker_changed(&scope, self.breaker.remotes.get(&remote), now));
                self.story.tell(now, EventKind::Operator, None, text);
            }
        }
    }

    pub(super) fn decide_one(
        &mut self,
        key: &FollowerKey,
        world: &mut policy::World,
        now: Timestamp,
        effects: &mut Vec<Effect>,
        candidates: &mut Vec<(policy::Candidate, PlanHash, Trigger)>,
    ) {
        let Some(entry) = self.followers.get(key) else {
            return;
        };
        if entry.locked || entry.postponed_until.is_some_and(|until| now < until) {
            return;
        }
        let Some(verdict) = &entry.verdict else {
            return;
        };
        self.see_from(key, world);
        let existing = entry.plan.as_ref().and_then(|hash| self.plans.get(hash)).cloned();
        let asked_snapshot = existing
            .as_ref()
            .and_then(|record| record.plan.basis.snapshot.clone());
        let moment = |existing| policy::Moment {
            verdict,
            held_for_looks: entry.memory.history.held_for,
            waited_since: entry.memory.history.since(),
            runway_expires_at: entry.runway,
            facts: &entry.facts,
            memory: &entry.memory,
            world,
            settings: &self.settings.policy,
            existing,
        };
        let mut asked = moment(existing.as_ref());
        let mut assessment = policy::decide(&asked);
        // Somebody said no to exactly these facts: that stands until they change.
        let rejected = assessment
            .plan
            .as_ref()
            .and_then(|plan| self.plans.get(&plan.hash))
            .filter(|record| matches!(record.state, PlanState::Rejected { .. }));
        if let (None, Some(rejected)) = (&existing, rejected) {
            asked = moment(Some(rejected));
            assessment = policy::decide(&asked);
        }
        self.recorder.judged(&asked, &assessment);
        self.keep_plans(key, &assessment, existing, now, effects);
        let Some(entry) = self.followers.get_mut(key) else {
            return;
        };
        let kind = assessment.decision.kind;
        let changed = entry.assessment.as_ref().map(|before| before.decision.kind) != Some(kind);
        // Four hundred times the same word is no word: the incident speaks for its followers, and
        // a plan for itself.
        let quiet = entry.incident.is_some() && kind != DecisionKind::Act;
        let was_untold = changed && std::mem::replace(&mut entry.untold, quiet);
        let nothing_new = kind == DecisionKind::Leave && (was_untold || entry.assessment.is_none());
        if changed && !quiet && !nothing_new {
            let why = assessment.decision.reasons.join("; ");
            self.story.tell(
                now,
                EventKind::Decided,
                Some(key),
                format!("decision for `{key}`: {kind} — {why}"),
            );
        }
        if changed {
            effects.push(Effect::Decided(kind));
        }
        if let (DecisionKind::Act, Some(trigger), Some(record)) = (
            kind,
            &assessment.trigger,
            entry.plan.as_ref().and_then(|hash| self.plans.get(hash)),
        ) {
            candidates.push((
                policy::Candidate {
                    key: key.clone(),
                    remote: record.plan.basis.remote.clone(),
                    remedy: assessment.rungs.last().copied().unwrap_or(Remedy::Resume),
                    runway_expires_at: entry.runway,
                    bytes: record.plan.figures.bytes,
                },
                record.plan.hash.clone(),
                trigger.clone(),
            ));
        }
        entry.assessment = Some(assessment);
        entry.decided_in = entry.verdict.as_ref().map(|verdict| verdict.state);
        // A plan that waits, also one from before a restart, has its snapshot looked up.
        entry.facts.asked_snapshot = asked_snapshot.filter(|_| entry.plan.is_some());
    }

    pub(super) fn start(
        &mut self,
        candidates: Vec<(policy::Candidate, PlanHash, Trigger)>,
        world: &policy::World,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if self.draining || candidates.is_empty() {
            return;
        }
        let list: Vec<policy::Candidate> = candidates
            .iter()
            .map(|(candidate, _, _)| candidate.clone())
            .collect();
        let admissions: BTreeMap<FollowerKey, policy::Admission> =
            policy::admit(&list, world, &self.settings.policy)
                .into_iter()
                .collect();
        for (candidate, hash, trigger) in candidates {
            let Some(entry) = self.followers.get_mut(&candidate.key) else {
                continue;
            };
            match admissions.get(&candidate.key) {
                Some(policy::Admission::Now) => {}
                Some(policy::Admission::Later { reason, .. }) => {
                    if let Some(assessment) = &mut entry.assessment {
                        assessment
                            .decision
                            .reasons
                            .push(format!("it starts later: {reason}"));
                    }
                    continue;
                }
                None => continue,
            }
            let Some(record) = self.plans.get(&hash) else {
                continue;
            };
            self.recorder.began(
                &candidate.key,
                Began {
                    at: now,
                    pass: 0,
                    plan: hash.clone(),
                    cause: record.plan.basis.cause,
                    rungs: entry
                        .assessment
                        .as_ref()
                        .map(|assessment| assessment.rungs.clone())
                        .unwrap_or_default(),
                    trigger: trigger.clone(),
                },
            );
            let plan = Box::new(record.plan.clone());
            self.lock(&candidate.key, now);
            effects.push(Effect::StartRun { plan, trigger });
        }
    }
}

/// A breaker that opened or closed, for the audit log.
fn breaker_changed(scope: &str, open: Option<&policy::BreakerOpen>, now: Timestamp) -> Effect {
    Effect::Audit(AuditEvent {
        at: now,
        kind: if open.is_some() {
            "breaker_opened"
        } else {
            "breaker_closed"
        }
        .to_owned(),
        who: "policy".to_owned(),
        subject: scope.to_owned(),
        detail: open.map_or(
            serde_json::Value::Null,
            |open| serde_json::json!({ "unhealthy": open.unhealthy, "of": open.of }),
        ),
    })
}
