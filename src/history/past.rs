//! The past of one follower as people ask for it: numbers thinned for a picture, and every change.

use serde::{Deserialize, Serialize};

use super::columns::Sample;
use super::record::Record;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::ids::FollowerKey;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp, millis_between};

/// Points of a picture where nobody says how many.
pub const POINTS: usize = 240;
/// And at most.
pub const MOST_POINTS: usize = 10_000;
/// Changes in one answer; the newest are told.
pub const MOST_CHANGES: usize = 1_000;
/// Two observations further apart than this, and than three samples, have a gap between them.
const GAP_MILLIS: i64 = 300_000;

/// A part of the past in numbers: the worst of each within the part that one point stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastPoint {
    /// When the part ends.
    pub at: Timestamp,
    /// The most operations behind; `null`: not known.
    pub lag_operations: Option<i64>,
    /// The least seconds until the leader may discard what it needs; `null`: it is not running out.
    pub runway_seconds: Option<i64>,
    /// The most minutes without a read; `null`: not known.
    pub read_minutes: Option<i64>,
    /// The newest sum of its global checkpoints.
    pub checkpoint: Option<i64>,
    /// The newest number of its documents.
    pub documents: Option<i64>,
    /// The newest size of its primaries.
    pub bytes: Option<i64>,
}

/// It was like this from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastChange {
    /// Since when.
    pub at: Timestamp,
    /// Until when; `null`: it is so still.
    pub until: Option<Timestamp>,
    /// What it was doing; `null`: nothing was recorded in this time.
    pub state: Option<State>,
    /// Why it was not following.
    pub cause: Option<Cause>,
    /// What the policy said.
    pub decision: Option<DecisionKind>,
}

/// A run that began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastBegan {
    /// When.
    pub at: Timestamp,
    /// Of which plan.
    pub plan: String,
    /// The rungs that it might climb.
    pub rungs: Vec<Remedy>,
    /// `policy`, or who approved.
    pub by: String,
}

/// The past of one follower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past {
    /// Which.
    pub follower: FollowerKey,
    /// From then …
    pub since: Timestamp,
    /// … to then.
    pub until: Timestamp,
    /// Oldest first; empty parts are left out.
    pub points: Vec<PastPoint>,
    /// Oldest first.
    pub changes: Vec<PastChange>,
    /// Earlier changes were left out.
    pub cut: bool,
    /// Oldest first.
    pub runs: Vec<PastBegan>,
    /// Blocks and lines that could not be read.
    pub unreadable: u64,
}

impl Past {
    /// Of what was recorded, oldest first; `resolution` is the time between two samples now.
    pub fn of(
        follower: FollowerKey,
        (since, until): (Timestamp, Timestamp),
        samples: &[Sample],
        records: &[Record],
        points: usize,
        resolution: Span,
    ) -> Self {
        let within = |at: Timestamp| at >= since && at <= until;
        let samples: Vec<&Sample> = samples.iter().filter(|sample| within(sample.at)).collect();
        let mut seen: Vec<(Timestamp, PastChange)> = samples
            .iter()
            .map(|sample| change(sample.at, sample.state, sample.cause, sample.decision))
            .collect();
        let mut runs = Vec::new();
        for record in records.iter().filter(|record| within(record.place().0)) {
            match record {
                Record::Input(input) => seen.push(change(
                    input.at,
                    input.verdict.state,
                    input.verdict.cause,
                    Some(input.said.kind),
                )),
                Record::Began(began) => runs.push(PastBegan {
                    at: began.at,
                    plan: began.plan.to_string(),
                    rungs: began.rungs.clone(),
                    by: match &began.trigger {
                        crate::domain::journal::Trigger::Policy { .. } => "policy".to_owned(),
                        crate::domain::journal::Trigger::Approved { by } => by.join(", "),
                    },
                }),
                Record::Pass(_) => {}
            }
        }
        seen.sort_by_key(|(at, _)| *at);
        let gap = i64::try_from(resolution.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_mul(3)
            .max(GAP_MILLIS);
        let mut changes = collapsed(seen, gap);
        let surplus = changes.len().saturating_sub(MOST_CHANGES);
        changes.drain(..surplus);
        Self {
            follower,
            since,
            until,
            points: thinned(&samples, (since, until), points.clamp(1, MOST_POINTS)),
            changes,
            cut: surplus > 0,
            runs,
            unreadable: 0,
        }
    }
}

fn change(
    at: Timestamp,
    state: State,
    cause: Cause,
    decision: Option<DecisionKind>,
) -> (Timestamp, PastChange) {
    let change = PastChange {
        at,
        until: None,
        state: Some(state),
        cause: Some(cause),
        decision,
    };
    (at, change)
}

/// One entry for each stretch of the same; a stretch without any observation is one too.
fn collapsed(seen: Vec<(Timestamp, PastChange)>, gap: i64) -> Vec<PastChange> {
    let mut changes: Vec<PastChange> = Vec::new();
    let mut last: Option<Timestamp> = None;
    for (at, next) in seen {
        if let Some(before) = last.filter(|before| millis_between(*before, at) > gap) {
            end(&mut changes, before);
            changes.push(PastChange {
                at: before,
                until: None,
                state: None,
                cause: None,
                decision: None,
            });
        }
        last = Some(at);
        let same = changes.last().is_some_and(|one| {
            (one.state, one.cause, one.decision) == (next.state, next.cause, next.decision)
        });
        if !same {
            end(&mut changes, at);
            changes.push(next);
        }
    }
    changes
}

fn end(changes: &mut [PastChange], at: Timestamp) {
    if let Some(last) = changes.last_mut() {
        last.until = Some(at);
    }
}

fn thinned(samples: &[&Sample], (since, until): (Timestamp, Timestamp), points: usize) -> Vec<PastPoint> {
    // From the first sample on: what was not recorded needs no room.
    let from = samples.first().map_or(since, |first| first.at.max(since));
    let parts = i64::try_from(points).unwrap_or(1);
    let part = (millis_between(from, until) / parts).max(1);
    let mut thin: Vec<(i64, PastPoint)> = Vec::new();
    for sample in samples {
        let number = millis_between(from, sample.at) / part;
        let runway = sample.runway_at.map(|end| (end - sample.at.as_second()).max(0));
        match thin.last_mut() {
            Some((same, point)) if *same == number => {
                point.at = sample.at;
                // `None` is less than any number: what is known once in a part is told.
                point.lag_operations = point.lag_operations.max(sample.lag);
                point.read_minutes = point.read_minutes.max(sample.read_minutes);
                point.runway_seconds = match (point.runway_seconds, runway) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                };
                point.checkpoint = sample.checkpoint.or(point.checkpoint);
                point.documents = sample.documents.or(point.documents);
                point.bytes = sample.bytes.or(point.bytes);
            }
            _ => thin.push((
                number,
                PastPoint {
                    at: sample.at,
                    lag_operations: sample.lag,
                    runway_seconds: runway,
                    read_minutes: sample.read_minutes,
                    checkpoint: sample.checkpoint,
                    documents: sample.documents,
                    bytes: sample.bytes,
                },
            )),
        }
    }
    thin.into_iter().map(|(_, point)| point).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn sample(second: i64, state: State, lag: Option<i64>) -> Sample {
        Sample {
            at: at(second),
            state,
            cause: if state == State::Following {
                Cause::None
            } else {
                Cause::HistoryLost
            },
            decision: None,
            lag,
            checkpoint: None,
            documents: None,
            bytes: None,
            read_minutes: None,
            runway_at: (state == State::Fatal).then(|| at(7200).as_second()),
        }
    }

    fn past(samples: &[Sample], points: usize) -> Past {
        let key = FollowerKey::parse("eu/f").unwrap();
        let range = (at(0), at(3600));
        Past::of(key, range, samples, &[], points, Span::from_mins(1))
    }

    #[test]
    fn each_stretch_of_the_same_is_told_once_and_a_time_without_records_is_no_state() {
        let samples: Vec<Sample> = (0..60)
            .filter(|minute| !(20..40).contains(minute))
            .map(|minute| {
                let state = if minute < 10 {
                    State::Following
                } else {
                    State::Fatal
                };
                sample(60 * minute, state, Some(0))
            })
            .collect();
        let told: Vec<(i64, Option<i64>, Option<State>)> = past(&samples, 10)
            .changes
            .iter()
            .map(|one| {
                let second = |at: Timestamp| at.as_second() - 1_800_000_000;
                (second(one.at), one.until.map(second), one.state)
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, Some(600), Some(State::Following)),
                (600, Some(1140), Some(State::Fatal)),
                (1140, Some(2400), None),
                (2400, None, Some(State::Fatal)),
            ]
        );
    }

    #[test]
    fn a_thinned_picture_keeps_the_worst_and_unknown_is_not_zero() {
        let lags = [Some(5), None, Some(90), Some(1), None, None];
        let samples: Vec<Sample> = (0..)
            .zip(lags)
            .map(|(n, lag)| sample(600 * n, State::Fatal, lag))
            .collect();
        let past = past(&samples, 3);
        let told: Vec<(Option<i64>, Option<i64>)> = past
            .points
            .iter()
            .map(|point| (point.lag_operations, point.runway_seconds))
            .collect();
        assert_eq!(
            told,
            [(Some(5), Some(6600)), (Some(90), Some(5400)), (None, Some(4200))]
        );
        assert_eq!(super::tests::past(&samples, 0).points.len(), 1);
    }
}
