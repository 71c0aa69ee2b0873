//! The computer's clock was set: every instant of ours in the book moves along, so that waits,
//! approvals, brakes, rests and flapping last as long as they would have. Which of the two times
//! of day was the wrong one nobody here can know, so windows and runways wait until it settles.

use super::{Book, Effect};
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::time::{Timestamp, millis_between, moved};
use crate::engine::clock_watch::JUMP_MILLIS;
use crate::engine::events::EventKind;
use crate::policy;

impl Book {
    /// Takes in that the clock was set forward by so many milliseconds (back, if negative); `now`
    /// is the new time.
    pub fn clock_jumped(&mut self, by_millis: i64, now: Timestamp) {
        let way = if by_millis < 0 { "back" } else { "forward" };
        self.story.tell(
            now,
            EventKind::Operator,
            None,
            format!(
                "the computer's clock was set {way} by {} s (or the computer slept): waits and approvals last as long as before; windows open nothing and runways do not end for an hour",
                by_millis.unsigned_abs() / 1000
            ),
        );
        self.move_patterns(by_millis);
        self.clock_jump = Some(policy::ClockJump { at: now, by_millis });
        let shift = |at: &mut Timestamp| *at = moved(*at, by_millis);
        shift(&mut self.started_at);
        for cluster in self.clusters.values_mut() {
            cluster.last_look_at.iter_mut().for_each(shift);
            cluster.last_ok_at.iter_mut().for_each(shift);
        }
        for entry in self.followers.values_mut() {
            entry.facts.clock_moved(by_millis);
            entry.heard.clock_moved(by_millis);
            entry.trend.clock_moved(by_millis);
            entry.memory.clock_moved(by_millis);
            if let Some(memory) = entry.judged_with.as_mut().and_then(|with| with.memory.as_mut()) {
                memory.clock_moved(by_millis);
            }
            entry.memory_changed = true;
            entry.locked_since.iter_mut().for_each(shift);
            entry.postponed_until.iter_mut().for_each(shift);
            entry.settling.iter_mut().for_each(shift);
            entry.asked_at.iter_mut().for_each(shift);
            entry.leader_asked_at.iter_mut().for_each(shift);
            entry.runway.iter_mut().for_each(shift);
            entry.runways.values_mut().for_each(shift);
            entry.runway_not_before = entry.runway;
        }
        // A plan whose run goes on has no end that could come early, and its run writes it.
        let waits =
            |record: &&mut PlanRecord| matches!(record.state, PlanState::Pending | PlanState::Approved);
        for record in self.plans.values_mut().filter(waits) {
            let previous = Box::new(record.clone());
            shift(&mut record.expires_at);
            self.owed.push(Effect::SavePlan {
                record: Box::new(record.clone()),
                previous: Some(previous),
            });
        }
        for brake in &mut self.brakes {
            if let Some(expires_at) = &mut brake.expires_at {
                shift(expires_at);
                self.owed.push(Effect::SaveBrake(brake.clone()));
            }
        }
        for run in &mut self.past {
            shift(&mut run.started_at);
            shift(&mut run.ended_at);
        }
        // Since when a breaker is open stays: approvals are compared with it.
        for open in self
            .breaker
            .overall
            .iter_mut()
            .chain(self.breaker.remotes.values_mut())
        {
            open.below_since.iter_mut().for_each(shift);
            open.closes_at.iter_mut().for_each(shift);
        }
    }

    /// At the start: by how many milliseconds the clock is behind the newest look in the state, where
    /// that is more than clocks are put right by. Its being ahead is a daemon that was down.
    pub fn behind_the_state(&self, now: Timestamp) -> Option<i64> {
        let newest = self
            .followers
            .values()
            .filter_map(|entry| entry.memory.history.looked_at)
            .max()?;
        let behind = millis_between(now, newest);
        (behind > JUMP_MILLIS).then_some(behind)
    }

    /// The clock was set back while no daemon ran. What is stored moves along, as if the daemon had
    /// not been down, and for an hour the time of day ends nothing (see [`Book::clock_jumped`]).
    pub fn clock_went_back_while_down(&mut self, by_millis: i64, now: Timestamp) {
        tracing::warn!(
            "the computer's clock is {} s behind the newest look in the state: it was set back while the daemon was down; check it",
            by_millis / 1000
        );
        self.clock_jumped(-by_millis, now);
        self.started_at = now;
    }

    /// What the last jump says about the present, while it has not settled.
    pub(super) fn unsettled(&self, now: Timestamp) -> Option<policy::ClockJump> {
        self.clock_jump.filter(|jump| jump.unsettled(now))
    }
}
