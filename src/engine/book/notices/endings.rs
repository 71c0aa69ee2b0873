//! How what people were told of has ended, as far as looks can say.

use crate::domain::cause::Cause;
use crate::domain::notice::{Notice, Topic};
use crate::domain::plan::PlanState;
use crate::engine::book::Book;

impl Book {
    /// How something that does not stand any more ended; `None` where that cannot be said yet,
    /// because what it rested on could not be looked at since.
    pub(super) fn ending(&self, notice: &Notice) -> Option<String> {
        match notice.topic {
            Topic::Brake => return Some("It was released, or its time is over.".to_owned()),
            Topic::Breaker => return Some("It is closed again.".to_owned()),
            Topic::Test => return Some(String::new()),
            Topic::Plan => return self.plan_ending(notice),
            Topic::Run
            | Topic::Held
            | Topic::Incident
            | Topic::Follower
            | Topic::Cluster
            | Topic::AutoFollow => {}
        }
        let Some(entry) = notice.cluster.as_ref().and_then(|name| self.clusters.get(name)) else {
            return Some("It is not watched any more.".to_owned());
        };
        if !entry.up {
            return None;
        }
        let mut states = Vec::new();
        for key in &notice.followers {
            let Some(follower) = self.followers.get(key) else {
                continue;
            };
            // Not judged since the start, or not judged for want of answers.
            let verdict = follower.verdict.as_ref()?;
            if verdict.cause == Cause::Unknown && notice.cause != Some(Cause::Unknown) {
                return None;
            }
            let single = matches!(notice.topic, Topic::Follower);
            if single && follower.incident.is_some() && verdict.cause != Cause::None {
                return None;
            }
            let cause = if verdict.cause == Cause::None {
                String::new()
            } else {
                format!(" ({})", verdict.cause)
            };
            states.push(format!("{key} is {}{cause}", verdict.state));
        }
        if notice.topic == Topic::AutoFollow && entry.auto_follow.patterns.is_none() {
            return None;
        }
        Some(if states.is_empty() {
            "It answers again, or is not wrong any more.".to_owned()
        } else {
            format!("{}.", states.join(", "))
        })
    }

    fn plan_ending(&self, notice: &Notice) -> Option<String> {
        let Some(ask) = &notice.ask else {
            return Some("They are decided, or each is told by itself.".to_owned());
        };
        let Some(record) = self.plans.get(&ask.hash) else {
            return Some("The plan is closed.".to_owned());
        };
        let by: Vec<&str> = record
            .consents
            .iter()
            .map(|consent| consent.by.as_str())
            .collect();
        match &record.state {
            // Perhaps only not judged again since a restart: a question that was put stays put.
            PlanState::Pending => None,
            PlanState::Rejected { by, reason } => Some(format!("{by} rejected the plan: {reason}.")),
            PlanState::Void { reason } => Some(format!("The plan is void: {reason}.")),
            PlanState::Expired => Some("Nobody answered in time; the plan has expired.".to_owned()),
            state if by.is_empty() => Some(format!("The plan is {}.", state.as_str())),
            state => Some(format!(
                "{} approved the plan; it is {}.",
                by.join(", "),
                state.as_str()
            )),
        }
    }
}
