//! What happened lately, for people: a bounded list with numbers, read by the demo, by
//! `/api/v1/events` and by whoever follows along. The journal and the audit log are the record;
//! this is only the story.

use std::collections::VecDeque;

use crate::domain::ids::FollowerKey;
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How many events are kept.
const KEPT: usize = 1_000;

named_enum! {
    /// What kind of thing happened.
    EventKind {
        /// A cluster answers or stopped answering, a follower appeared.
        Seen = "seen",
        /// The judge's word on a follower changed.
        Judged = "judged",
        /// Several followers are sick for one reason, or not any more.
        Incident = "incident",
        /// The policy's word on a follower changed.
        Decided = "decided",
        /// A plan was made, approved, rejected, voided or expired.
        Plan = "plan",
        /// A step of a run.
        Done = "done",
        /// A run ended, with its proof.
        Proven = "proven",
        /// A brake, the configuration, the daemon itself.
        Operator = "operator",
    }
}

/// One event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StoryEvent {
    /// Number, from 1, without gaps while the daemon lives.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// What kind.
    pub kind: EventKind,
    /// Which follower, where it is about one.
    pub follower: Option<FollowerKey>,
    /// One sentence.
    pub text: String,
}

/// The bounded list.
#[derive(Debug, Default)]
pub struct Story {
    next: u64,
    events: VecDeque<StoryEvent>,
}

impl Story {
    /// Adds one and says it to the log.
    pub fn tell(
        &mut self,
        at: Timestamp,
        kind: EventKind,
        follower: Option<&FollowerKey>,
        text: impl Into<String>,
    ) {
        let text = text.into();
        match follower {
            Some(key) => tracing::info!(kind = kind.as_str(), follower = %key, "{text}"),
            None => tracing::info!(kind = kind.as_str(), "{text}"),
        }
        self.next += 1;
        self.events.push_back(StoryEvent {
            seq: self.next,
            at,
            kind,
            follower: follower.cloned(),
            text,
        });
        if self.events.len() > KEPT {
            self.events.pop_front();
        }
    }

    /// The number of the newest event; 0 before the first.
    pub fn newest(&self) -> u64 {
        self.next
    }

    /// Events with a number greater than `seq`, oldest first.
    pub fn after(&self, seq: u64) -> Vec<StoryEvent> {
        self.events
            .iter()
            .filter(|event| event.seq > seq)
            .cloned()
            .collect()
    }
}
