//! The plans in the book: made, kept, voided, expired; each change with its story, its audit
//! event and its compare-and-set.

use super::{Book, Effect};
use crate::domain::ids::{FollowerKey, PlanHash};
use crate::domain::plan::{Plan, PlanRecord, PlanState, Replaced};
use crate::domain::time::{Timestamp, millis_between};
use crate::engine::events::EventKind;
use crate::policy;
use crate::store::AuditEvent;

impl Book {
    /// Makes, keeps and voids the plan of one follower.
    pub(super) fn keep_plans(
        &mut self,
        key: &FollowerKey,
        assessment: &policy::Assessment,
        existing: Option<PlanRecord>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let wanted = assessment.plan.as_ref();
        if let Some(record) = existing {
            // What could not be looked at now has not changed: the plan waits, and everything is
            // judged again before anything is sent. The policy says when it is void.
            match &assessment.existing_void {
                Some(reason) => {
                    let state = PlanState::Void {
                        reason: reason.clone(),
                    };
                    self.change_plan(&record.plan.hash, state, "policy", now, effects);
                }
                None => return self.complete(record, wanted, effects),
            }
        }
        let Some(plan) = wanted else { return };
        let rejected = self
            .plans
            .get(&plan.hash)
            .is_some_and(|known| matches!(known.state, PlanState::Rejected { .. }));
        if rejected {
            return;
        }
        debug_assert_eq!(
            &plan.basis.key(),
            key,
            "a plan is about the follower it was made for"
        );
        let mut plan = plan.clone();
        plan.figures.replaces = self.replaced_by(key, &plan);
        self.open_plan(
            policy::new_record(plan, now, &self.settings.policy, None),
            now,
            effects,
        );
    }

    /// The closer looks that a plan causes tell figures that were not known when it was made: they
    /// are for people and stand outside the hash, so a waiting plan takes them in.
    fn complete(&mut self, record: PlanRecord, wanted: Option<&Plan>, effects: &mut Vec<Effect>) {
        let Some(newer) = wanted.filter(|plan| plan.hash == record.plan.hash) else {
            return;
        };
        let mut figures = record.plan.figures.clone();
        figures.fill_in(&newer.figures);
        if record.state != PlanState::Pending || figures == record.plan.figures {
            return;
        }
        let mut completed = record.clone();
        completed.plan.figures = figures;
        self.plans.insert(completed.plan.hash.clone(), completed.clone());
        effects.push(Effect::SavePlan {
            record: Box::new(completed),
            previous: Some(Box::new(record)),
        });
    }

    /// The newest plan of the follower, if it became void, and what is different now.
    fn replaced_by(&self, key: &FollowerKey, plan: &Plan) -> Option<Replaced> {
        let newest = self
            .plans
            .values()
            .filter(|record| record.plan.basis.key() == *key && record.plan.hash != plan.hash)
            .filter(|record| record.plan.basis.extend_runway.is_none())
            .max_by_key(|record| record.changed_at)
            .filter(|record| matches!(record.state, PlanState::Void { .. }))?;
        Some(Replaced {
            hash: newest.plan.hash.clone(),
            differences: newest.plan.basis.changes(&plan.basis),
        })
    }

    /// Enters a new plan.
    pub fn open_plan(&mut self, record: PlanRecord, now: Timestamp, effects: &mut Vec<Effect>) {
        let key = record.plan.basis.key();
        let ladder: Vec<&str> = record
            .plan
            .basis
            .ladder
            .iter()
            .map(|rung| rung.as_str())
            .collect();
        self.story.tell(
            now,
            EventKind::Plan,
            Some(&key),
            format!(
                "plan {} for `{key}`: {} ({})",
                short(&record.plan.hash),
                ladder.join(", then "),
                record.plan.basis.cause
            ),
        );
        // Buying time is no repair, and holds none back.
        if let Some(entry) = self.followers.get_mut(&key)
            && record.plan.basis.extend_runway.is_none()
        {
            entry.plan = Some(record.plan.hash.clone());
        }
        effects.push(Effect::Audit(AuditEvent {
            at: now,
            kind: "plan_made".to_owned(),
            who: record.requested_by.clone().unwrap_or_else(|| "policy".to_owned()),
            subject: record.plan.hash.to_string(),
            detail: serde_json::json!({"follower": key, "cause": record.plan.basis.cause,
                "ladder": record.plan.basis.ladder, "evidence": record.plan.evidence}),
        }));
        let previous = self
            .plans
            .insert(record.plan.hash.clone(), record.clone())
            .map(Box::new);
        effects.push(Effect::SavePlan {
            record: Box::new(record),
            previous,
        });
    }

    /// Changes the standing of a plan.
    pub fn change_plan(
        &mut self,
        hash: &PlanHash,
        state: PlanState,
        who: &str,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(record) = self.plans.get_mut(hash) else {
            return;
        };
        let previous = Box::new(record.clone());
        record.state = state.clone();
        record.changed_at = now;
        let key = record.plan.basis.key();
        let detail = match &state {
            PlanState::Void { reason } => format!(": {reason}"),
            PlanState::Rejected { by, reason } => format!(" by {by}: {reason}"),
            _ => String::new(),
        };
        let text = format!("plan {} for `{key}` is {}{detail}", short(hash), state.as_str());
        let record = record.clone();
        if !state.is_open()
            && let Some(entry) = self.followers.get_mut(&key)
            && entry.plan.as_ref() == Some(hash)
        {
            entry.plan = None;
        }
        self.plans_expired += u64::from(state == PlanState::Expired);
        self.story.tell(now, EventKind::Plan, Some(&key), text.clone());
        effects.push(Effect::Audit(AuditEvent {
            at: now,
            kind: format!("plan_{}", state.as_str()),
            who: who.to_owned(),
            subject: hash.to_string(),
            detail: serde_json::json!({"follower": key, "state": state}),
        }));
        effects.push(Effect::SavePlan {
            record: Box::new(record),
            previous: Some(previous),
        });
    }

    pub(super) fn expire(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let late: Vec<PlanHash> = self
            .plans
            .values()
            .filter(|record| policy::expire(record, now).is_some())
            .map(|record| record.plan.hash.clone())
            .collect();
        for hash in late {
            self.change_plan(&hash, PlanState::Expired, "policy", now, effects);
        }
        // Closed plans are kept in the store; here only what may still matter.
        self.plans.retain(|_, record| {
            record.state.is_open()
                || matches!(record.state, PlanState::Rejected { .. })
                || millis_between(record.changed_at, now) < 24 * 3_600_000
        });
    }

    /// Takes in a plan that the store kept.
    pub fn adopt_plan(&mut self, record: PlanRecord) {
        if record.state.is_open()
            && record.plan.basis.extend_runway.is_none()
            && let Some(entry) = self.followers.get_mut(&record.plan.basis.key())
        {
            entry.plan = Some(record.plan.hash.clone());
        }
        self.plans.insert(record.plan.hash.clone(), record);
    }
}

/// The first digits of a hash, for people.
pub(crate) fn short(hash: &PlanHash) -> &str {
    hash.as_str().get(..12).unwrap_or(hash.as_str())
}
