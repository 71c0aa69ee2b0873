//! The answers that one follower's facts rest on, kept for its evidence file. Shared between
//! followers, so that a whole-cluster answer is held once; dropped with the last fact that needs it.
//! Of a follower that is well the long lists are not kept: what was read of them is shown in their
//! place (`elastic::wire::rebuilt`). A fleet's would take gigabytes.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::answer::{Answer, Call};
use crate::domain::facts::{Facts, Sources};
use crate::domain::ids::ClusterName;
use crate::domain::time::{Timestamp, moved};
use crate::elastic::wire;

/// Answers beyond those needed before the list is looked through again.
const SLACK: usize = 16;

/// One answer, and whether it is a long list.
#[derive(Debug, Clone)]
pub struct Kept {
    answer: Arc<Answer>,
    long: bool,
}

impl Kept {
    /// An answer as it is shared between the followers that it tells of.
    pub fn new(answer: &Answer) -> Self {
        Self {
            long: wire::is_long_list(answer),
            answer: Arc::new(answer.clone()),
        }
    }

    /// The answer.
    pub fn answer(&self) -> &Answer {
        &self.answer
    }
}

/// In the order in which they were learnt.
#[derive(Debug, Default)]
pub struct Heard {
    answers: Vec<Kept>,
    /// How many of them the verdict was given on.
    judged: usize,
    /// When it was.
    judged_at: Option<Timestamp>,
    /// How many were left when the list was last looked through.
    needed: usize,
}

impl Heard {
    /// One more that told something of the follower.
    pub fn keep(&mut self, kept: &Kept) {
        self.answers.push(kept.clone());
    }

    /// A verdict was given on these facts, made of everything heard so far. `quiet`: nothing is
    /// wrong and nothing is planned.
    pub fn judged(&mut self, facts: &Facts, quiet: bool) {
        if quiet {
            self.answers.retain(|kept| !kept.long);
        }
        if self.answers.len() > self.needed.saturating_add(SLACK) {
            let answers: Vec<Arc<Answer>> =
                self.answers.iter().map(|kept| Arc::clone(&kept.answer)).collect();
            let needed = needed(&answers, &Sources::of(facts));
            let mut needed = needed.into_iter();
            self.answers.retain(|_| needed.next().unwrap_or_default());
            self.answers.shrink_to_fit();
            self.needed = self.answers.len();
        }
        self.judged = self.answers.len();
        self.judged_at = Some(facts.now);
    }

    /// The clock was set: answers move along with the facts that rest on them.
    pub fn clock_moved(&mut self, by_millis: i64) {
        for kept in &mut self.answers {
            let answer = Arc::make_mut(&mut kept.answer);
            answer.at = moved(answer.at, by_millis);
        }
        self.judged_at = self.judged_at.map(|at| moved(at, by_millis));
    }

    /// What the last verdict was given on, and perhaps more, in the order of time; lists that were
    /// not kept as far as they were read into these facts.
    pub fn of_verdict(&self, facts: &Facts) -> Vec<Arc<Answer>> {
        let kept = self.answers.get(..self.judged).unwrap_or_default();
        let mut found: Vec<Arc<Answer>> = kept.iter().map(|kept| Arc::clone(&kept.answer)).collect();
        if let Some(until) = self.judged_at {
            let is_kept = |at, cluster: &ClusterName, call: &Call| {
                self.answers.iter().any(|Kept { answer, .. }| {
                    answer.at == at && answer.call == *call && answer.cluster == *cluster
                })
            };
            let rebuilt = wire::rebuilt(facts, until, is_kept);
            if !rebuilt.is_empty() {
                found.extend(rebuilt.into_iter().map(Arc::new));
                found.sort_by_key(|answer| answer.at);
            }
        }
        found
    }
}

/// The answers that are among these sources. With each stands the newest of the same call, which may have
/// ended an error.
pub fn select(answers: &[Arc<Answer>], sources: &Sources<'_>) -> Vec<Arc<Answer>> {
    answers
        .iter()
        .zip(needed(answers, sources))
        .filter(|(_, needed)| *needed)
        .map(|(answer, _)| Arc::clone(answer))
        .collect()
}

fn needed(answers: &[Arc<Answer>], sources: &Sources<'_>) -> Vec<bool> {
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
    needed
}
