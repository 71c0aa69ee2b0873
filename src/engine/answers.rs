//! The newest raw answers of a cluster, kept for evidence files. Bodies are shared bytes, so
//! that keeping them costs one copy; what is older than needed is dropped.

use std::collections::{HashMap, VecDeque};

use crate::domain::answer::{Answer, Call};
use crate::domain::time::{Timestamp, millis_between};

/// Looks kept of the same call: enough to show what rises.
const PER_CALL: usize = 3;
/// Answers older than this are dropped, milliseconds.
const OLDEST_MS: i64 = 15 * 60 * 1000;
/// Bytes of bodies kept of one cluster.
const MOST_BYTES: usize = 96 * 1024 * 1024;

/// The newest answers of one cluster.
#[derive(Debug, Default)]
pub struct Answers {
    by_call: HashMap<Call, VecDeque<Answer>>,
}

impl Answers {
    /// Keeps one more.
    pub fn keep(&mut self, answer: Answer) {
        let list = self.by_call.entry(answer.call.clone()).or_default();
        list.push_back(answer);
        while list.len() > PER_CALL {
            list.pop_front();
        }
    }

    /// Drops what is too old, and the oldest of what is too much.
    pub fn prune(&mut self, now: Timestamp) {
        for list in self.by_call.values_mut() {
            list.retain(|answer| millis_between(answer.at, now) <= OLDEST_MS);
        }
        self.by_call.retain(|_, list| !list.is_empty());
        let mut bytes: usize = self.by_call.values().flatten().map(size).sum();
        while bytes > MOST_BYTES {
            let oldest = self
                .by_call
                .iter()
                .filter_map(|(call, list)| Some((list.front()?.at, call.clone())))
                .min();
            let Some((_, call)) = oldest else { return };
            if let Some(list) = self.by_call.get_mut(&call) {
                bytes -= list.pop_front().as_ref().map_or(0, size);
                if list.is_empty() {
                    self.by_call.remove(&call);
                }
            }
        }
    }

    /// All kept answers in the order of time.
    pub fn in_order(&self) -> Vec<Answer> {
        let mut all: Vec<Answer> = self.by_call.values().flatten().cloned().collect();
        all.sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.call.cmp(&b.call)));
        all
    }
}

fn size(answer: &Answer) -> usize {
    match &answer.outcome {
        crate::domain::answer::Outcome::Got { body, .. } => body.len(),
        crate::domain::answer::Outcome::Failed(why) => why.len(),
    }
}
