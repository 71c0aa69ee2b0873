//! What of the book is worth telling people who are not looking, and what is known about the end of
//! what they were told. Read only; who is told what and when is `notify`'s.

mod beside;
mod endings;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::{Book, FollowerEntry};
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::handbook;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias, RunId};
use crate::domain::journal::RunOutcome;
use crate::domain::notice::{Notice, Severity, Topic, named};
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::step::Step;
use crate::domain::time::{Span, Timestamp, after, millis_between};
use crate::domain::words;
use crate::engine::undo;
use crate::notify::outbox::Standing;
use crate::policy::{self, Mode};

/// Messages about single followers, or single plans, of one cause on one cluster. The others are
/// told in one more: a storm that is no incident must not ring four hundred times.
const SINGLE: usize = 5;
/// A run that could not tell is told of for so long, whatever its follower does.
const CANNOT_TELL_MILLIS: i64 = 24 * 3_600_000;

/// Left of a runway when it is time to wake somebody: as the alert `RefollowRunwayCritical` has it.
const PRESSING: Span = Span::from_secs(8_640);

/// How soon a person should look where history is about to be lost; once it is lost, nothing presses.
fn pressing(severity: Severity, cause: Cause, ends: Timestamp, now: Timestamp) -> Severity {
    if cause != Cause::HistoryLost && ends <= after(now, PRESSING) {
        Severity::Critical
    } else {
        severity
    }
}

/// A run that has ended and left something for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOver {
    pub run: RunId,
    pub outcome: RunOutcome,
    pub reason: String,
    pub person_must: Option<String>,
    pub at: Timestamp,
}

impl LeftOver {
    /// Whether a run that ended so leaves something for a person.
    pub fn tells(outcome: RunOutcome, person_must: Option<&str>, held: Option<Step>) -> bool {
        person_must.is_some()
            || held.is_some()
            || matches!(outcome, RunOutcome::NotCured | RunOutcome::CannotTell)
    }
}

impl Book {
    /// What stands now, and what is known of those that somebody was `told` of.
    pub fn standing<'a>(&self, told: impl Iterator<Item = &'a Notice>, now: Timestamp) -> Standing {
        let mut notices = self.incident_notices(now);
        notices.extend(self.follower_notices(now));
        notices.extend(self.cluster_notices());
        notices.extend(self.pattern_notices());
        notices.extend(self.plan_notices());
        notices.extend(self.run_notices(now));
        notices.extend(self.held_notices());
        notices.extend(self.brake_notices(now));
        notices.extend(self.breaker_notices());
        if self.settings.policy.mode == Mode::Observe {
            for notice in &mut notices {
                if matches!(notice.topic, Topic::Incident | Topic::Follower) {
                    notice
                        .text
                        .push_str(" refollow only watches (mode observe) and repairs nothing.");
                }
            }
        }
        let standing: BTreeSet<String> = notices.iter().map(Notice::fingerprint).collect();
        let (mut unclear, mut endings) = (BTreeSet::new(), BTreeMap::new());
        for notice in told.filter(|notice| notice.over_at.is_none()) {
            let fingerprint = notice.fingerprint();
            if standing.contains(&fingerprint) {
                continue;
            }
            match self.ending(notice) {
                Some(how) => drop(endings.insert(fingerprint, how)),
                None => drop(unclear.insert(fingerprint)),
            }
        }
        Standing {
            notices,
            unclear,
            endings,
        }
    }

    fn incident_notices(&self, now: Timestamp) -> Vec<Notice> {
        let incidents = self.incidents.values().map(|open| {
            let incident = &open.incident;
            let mut notice = Notice::of_incident(incident, self.started_at);
            let mut parts = vec![notice.text.clone()];
            let asking = incident.followers.iter().filter(|key| self.asks(key)).count();
            if asking > 0 {
                notice.plans = asking as u64;
                parts.push(format!("{asking} plans wait for an approval: `refollow plans`."));
            }
            let bad = incident
                .followers
                .iter()
                .filter(|key| self.left_over.contains_key(key))
                .count();
            if bad > 0 {
                parts.push(format!("{bad} repairs of them ended badly: `refollow runs`."));
            }
            let runway = incident
                .followers
                .iter()
                .filter_map(|key| self.followers.get(key)?.runway)
                .min();
            if let Some(end) = runway {
                notice.severity = pressing(notice.severity, incident.cause, end, now);
                parts.push(format!(
                    "From {} on the first of them may lose what it needs.",
                    words::instant(end)
                ));
            }
            notice.text = parts.join(" ");
            notice
        });
        incidents.collect()
    }

    /// Sick followers that need a person and are told by no incident and no plan.
    fn follower_notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut by_cause: BTreeMap<(ClusterName, Cause), Vec<(Timestamp, FollowerKey)>> = BTreeMap::new();
        for (key, entry) in &self.followers {
            let alerts = entry
                .assessment
                .as_ref()
                .is_some_and(|found| found.decision.kind == DecisionKind::Alert);
            let known = entry.memory.history.acknowledged().is_some();
            if !alerts || known || entry.incident.is_some() || entry.locked || self.drills.made(key) {
                continue;
            }
            let group = (key.cluster.clone(), entry.cause());
            let since = self.sick_since(entry);
            by_cause.entry(group).or_default().push((since, key.clone()));
        }
        let mut notices = Vec::new();
        for ((cluster, cause), mut sick) in by_cause {
            sick.sort();
            let more = sick.split_off(sick.len().min(SINGLE));
            for (since, key) in sick {
                notices.extend(self.follower_notice(&key, since, now));
            }
            if let Some((since, _)) = more.first() {
                let keys: Vec<FollowerKey> = more.iter().map(|(_, key)| key.clone()).collect();
                let title = format!("{} more followers on {cluster}: {cause}", keys.len());
                let subject = format!("followers:{cluster}/{cause}");
                let mut notice =
                    Notice::new(Topic::Follower, subject, title, *since).about(&cluster, Some(cause), &keys);
                notice.text = format!("{}.", named(&keys));
                notices.push(notice);
            }
        }
        notices
    }

    fn sick_since(&self, entry: &FollowerEntry) -> Timestamp {
        let history = &entry.memory.history;
        history.since().or(history.state_since).unwrap_or(self.started_at)
    }

    fn follower_notice(&self, key: &FollowerKey, since: Timestamp, now: Timestamp) -> Option<Notice> {
        let entry = self.followers.get(key)?;
        let (cause, state) = (entry.cause(), entry.state());
        let what = if cause == Cause::None {
            state.to_string()
        } else {
            cause.to_string()
        };
        let mut notice = Notice::new(
            Topic::Follower,
            format!("follower:{key}"),
            format!("{key} needs a person: {what}"),
            since,
        )
        .about(&key.cluster, Some(cause), std::slice::from_ref(key));
        if cause == Cause::None {
            notice.severity = Severity::Warning;
        }
        notice.page = format!("/followers/{}/{}", key.cluster, key.index);
        let mut parts = vec![format!("It is {state}.")];
        let names = handbook::Names {
            key: &key.to_string(),
            follower: key.index.as_str(),
            leader: entry
                .facts
                .leader_index
                .as_ref()
                .map_or("<leader>", IndexName::as_str),
            alias: entry.facts.remote.as_ref().map_or("<alias>", RemoteAlias::as_str),
        };
        if let Some(short) = handbook::short(cause, &names) {
            parts.extend([short.what, short.data, short.you]);
        }
        if let Some(found) = &entry.assessment {
            parts.push(format!("{}.", found.decision.reasons.join("; ")));
        }
        if let Some(end) = entry.runway {
            notice.severity = pressing(notice.severity, cause, end, now);
            parts.push(format!(
                "From {} on the leader may discard what it needs.",
                words::instant(end)
            ));
        }
        parts.push(format!("`refollow why {key}`"));
        notice.text = parts.join(" ");
        Some(notice)
    }

    /// Whether the follower's plan waits for a person, and not for a guard or a budget.
    fn asks(&self, key: &FollowerKey) -> bool {
        let Some(entry) = self.followers.get(key) else {
            return false;
        };
        let pending = entry
            .plan
            .as_ref()
            .and_then(|hash| self.plans.get(hash))
            .is_some_and(|record| record.state == PlanState::Pending);
        let asked = entry
            .assessment
            .as_ref()
            .is_some_and(|found| found.decision.kind == DecisionKind::Ask);
        pending && asked && !self.drills.made(key)
    }

    fn plan_notices(&self) -> Vec<Notice> {
        let mut by_cause: BTreeMap<(ClusterName, Cause), Vec<&PlanRecord>> = BTreeMap::new();
        for record in self.plans.values() {
            let basis = &record.plan.basis;
            let key = basis.key();
            if record.state != PlanState::Pending || self.drills.made(&key) {
                continue;
            }
            // Somebody wanted it: they are told even of what an incident says.
            let wished = basis.extend_runway.is_some() || record.requested_by.is_some();
            let spoken_for = self
                .followers
                .get(&key)
                .is_some_and(|entry| entry.incident.is_some());
            if wished || (self.asks(&key) && !spoken_for) {
                let group = (key.cluster, basis.cause);
                by_cause.entry(group).or_default().push(record);
            }
        }
        let rules = &self.settings.policy.approval;
        let mut notices = Vec::new();
        for ((cluster, cause), mut plans) in by_cause {
            plans.sort_by_key(|record| (record.plan.created_at, &record.plan.hash));
            let more = plans.split_off(plans.len().min(SINGLE));
            for record in plans {
                let must_type = policy::to_be_typed(&record.plan, rules).is_some();
                notices.extend(Notice::of_plan(record, must_type));
            }
            if let Some(first) = more.first() {
                let keys: Vec<FollowerKey> = more.iter().map(|record| record.plan.basis.key()).collect();
                let title = format!(
                    "{} more plans on {cluster} wait for an approval: {cause}",
                    keys.len()
                );
                let subject = format!("plans:{cluster}/{cause}");
                let mut notice = Notice::new(Topic::Plan, subject, title, first.plan.created_at).about(
                    &cluster,
                    Some(cause),
                    &keys,
                );
                notice.severity = notice.severity.max(Severity::Warning);
                notice.plans = notice.count;
                notice.text = format!("{}. `refollow plans`", named(&keys));
                "/plans".clone_into(&mut notice.page);
                notices.push(notice);
            }
        }
        notices
    }

    /// Runs that ended and left something: until the follower is well, or has another run.
    fn run_notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (key, left) in &self.left_over {
            let Some(entry) = self.followers.get(key).filter(|_| !self.drills.made(key)) else {
                continue;
            };
            let well = entry.verdict.is_some() && entry.cause() == Cause::None;
            let asks_still = match left.outcome {
                RunOutcome::CannotTell => millis_between(left.at, now) < CANNOT_TELL_MILLIS || !well,
                _ => !well,
            };
            if !asks_still || entry.run.is_some() || entry.incident.is_some() {
                continue;
            }
            let mut notice = Notice::new(
                Topic::Run,
                format!("run:{}", left.run),
                format!("the repair of {key} ended: {}", left.outcome),
                left.at,
            )
            .about(&key.cluster, None, std::slice::from_ref(key));
            notice.severity = Severity::Critical;
            let must = left
                .person_must
                .as_ref()
                .map(|must| format!(" A person must: {must}."))
                .unwrap_or_default();
            notice.text = format!("{}.{must} `refollow runs --run {}`", left.reason, left.run);
            notice.page = format!("/runs/{}", left.run);
            notices.push(notice);
        }
        notices
    }

    /// By subject of [`Topic::Held`]: the file with the commands to undo.
    pub fn undo_files(&self) -> BTreeMap<String, PathBuf> {
        self.followers
            .iter()
            .filter_map(|(key, entry)| {
                let run = &entry.memory.own_run.as_ref()?.id;
                let file = undo::path(&self.settings.undo_directory, run);
                Some((format!("held:{key}"), file))
            })
            .collect()
    }

    /// Followers that a run of ours left paused or closed, with no run on them now.
    fn held_notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (key, step, since) in self.held() {
            let Some(entry) = self.followers.get(&key) else {
                continue;
            };
            let exiting = self.held_at_exit.contains(&key);
            if (entry.locked && !exiting) || self.drills.made(&key) {
                continue;
            }
            let mut notice = Notice::new(
                Topic::Held,
                format!("held:{key}"),
                format!("{key} was left as after the step `{}` of a repair", step.as_str()),
                since,
            )
            .about(&key.cluster, None, std::slice::from_ref(&key));
            notice.severity = Severity::Critical;
            let run = entry.memory.own_run.as_ref().map(|own| &own.id);
            let file = run.map(|run| undo::path(&self.settings.undo_directory, run));
            notice.text = match file {
                Some(file) => format!(
                    "The commands to put it back by hand stand in {} and in the log. If the daemon runs, it goes on by itself or says in `refollow why {key}` why not.",
                    file.display()
                ),
                None => format!("`refollow why {key}`"),
            };
            notice.page = format!("/followers/{}/{}", key.cluster, key.index);
            notices.push(notice);
        }
        notices
    }
}
