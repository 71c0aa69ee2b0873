//! The answers that one follower's facts rest on, kept for its evidence file. Shared between
//! followers, so that a whole-cluster answer is held once; dropped with the last fact that needs it.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::answer::{Answer, Call};
use crate::domain::facts::{Facts, Sources};
use crate::domain::ids::ClusterName;
use crate::domain::time::moved;

/// Answers beyond those needed before the list is looked through again.
const SLACK: usize = 16;

/// In the order in which they were learnt.
#[derive(Debug, Default)]
pub struct Heard {
    answers: Vec<Arc<Answer>>,
    /// How many of them the verdict was given on.
    judged: usize,
    /// How many were left when the list was last looked through.
    needed: usize,
}

impl Heard {
    /// One more that told something of the follower.
    pub fn keep(&mut self, answer: &Arc<Answer>) {
        self.answers.push(Arc::clone(answer));
    }

    /// A verdict was given on these facts, made of everything heard so far.
    pub fn judged(&mut self, facts: &Facts) {
        if self.answers.len() > self.needed.saturating_add(SLACK) {
            self.answers = select(&self.answers, &Sources::of(facts));
            self.needed = self.answers.len();
        }
        self.judged = self.answers.len();
    }

    /// The clock was set: answers move along with the facts that rest on them.
    pub fn clock_moved(&mut self, by_millis: i64) {
        for kept in &mut self.answers {
            let answer = Arc::make_mut(kept);
            answer.at = moved(answer.at, by_millis);
        }
    }

    /// What the last verdict was given on, and perhaps more.
    pub fn of_verdict(&self) -> &[Arc<Answer>] {
        self.answers.get(..self.judged).unwrap_or_default()
    }
}

/// The answers that are among these sources. With each stands the newest of the same call, which may have
/// ended an error.
pub fn select(answers: &[Arc<Answer>], sources: &Sources<'_>) -> Vec<Arc<Answer>> {
    let mut needed: Vec<bool> = answers.iter().map(|answer| sources.have(answer)).collect();
    let mut seen: HashMap<(&ClusterName, &Call), (usize, bool)> = HashMap::new();
    for (place, answer) in answers.iter().enumerate() {
        let is_needed = needed.get(place).copied().unwrap_or_default();
        let (newest, wanted) = seen.entry((&answer.cluster, &answer.call)).or_default();
        *newest = place;
        *wanted |= is_needed;
    }
    for (newest, wanted) in seen.into_values() {
        if let Some(one) = needed.get_mut(newest) {
            *one |= wanted;
        }
    }
    answers
        .iter()
        .zip(needed)
        .filter(|(_, needed)| *needed)
        .map(|(answer, _)| Arc::clone(answer))
        .collect()
}
