//! The short history of one follower: which cause holds since when and for how many looks, and
//! how often its state changed lately. Stored with its memory, so that a restart forgets nothing
//! that a wait, a confirmation or the flapping flag rests on.
//!
//! Looks count only while they follow each other: after a gap longer than [`longest_gap`] nobody
//! knows what happened in between, so nothing has *held* over it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::cause::Cause;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp, millis_between, moved};

/// A follower that changed its state more often than this in [`FLAPPING_WINDOW_MS`] flaps.
const FLAPPING_CHANGES: usize = 5;
/// Window of the flapping flag, milliseconds.
const FLAPPING_WINDOW_MS: i64 = 30 * 60 * 1000;
/// Changes that are kept: more of them say nothing new.
const MOST_CHANGES: usize = 16;
/// No gap shorter than this breaks a row of looks. Twice the longest back-off of a cluster that
/// does not answer (5 min, give or take a tenth): its looks are looks too, and a shorter bound
/// would let no wait on it ever end.
const SHORTEST_BREAK: Span = Duration::from_mins(10);
/// So many poll intervals without a look break a row of looks.
const MISSED_LOOKS: u32 = 5;

/// The longest time between two looks that still belong to one row: five poll intervals, and at
/// least ten minutes.
pub fn longest_gap(poll_interval: Span) -> Span {
    poll_interval.saturating_mul(MISSED_LOOKS).max(SHORTEST_BREAK)
}

/// A cause and since when it held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The cause.
    pub cause: Cause,
    /// Since when.
    pub since: Timestamp,
}

/// A person's word that they know of a cause that people must cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    /// The cause that they know of.
    pub cause: Cause,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why it stays as it is.
    pub reason: String,
}

/// What one judged look adds.
#[derive(Debug, Clone, Copy)]
pub struct Judged {
    /// The state it found.
    pub state: State,
    /// The cause it found.
    pub cause: Cause,
    /// It was a whole look at the follower cluster, not a second word about old answers.
    pub whole: bool,
    /// When.
    pub now: Timestamp,
    /// [`longest_gap`] of its cluster.
    pub longest_gap: Span,
}

/// The short history of one follower.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// The state of the last judged look.
    pub state: Option<State>,
    /// Since when it has been in that state.
    pub state_since: Option<Timestamp>,
    /// The cause of the last judged look, and since when it holds.
    pub held: Option<Held>,
    /// The cause before the follower could not be looked at, while that lasts: a look that failed
    /// is no sign that what was waited for has ended.
    pub before_unknown: Option<Held>,
    /// Looks in a row that gave the same cause.
    pub held_for: u32,
    /// When the follower was last looked at in whole.
    pub looked_at: Option<Timestamp>,
    /// When the state changed lately, oldest first; at most 16.
    pub changes: Vec<Timestamp>,
    /// Somebody knows of the cause; kept until the follower is well.
    pub acknowledged: Option<Acknowledged>,
}

impl History {
    /// Whether the other differs only by how often and how lately the same was seen.
    pub fn only_older_than(&self, other: &Self) -> bool {
        let Self {
            looked_at: _,
            held_for,
            state,
            state_since,
            held,
            before_unknown,
            changes,
            acknowledged,
        } = self;
        // A row of looks that has just begun counts; a long one does not count more.
        (*held_for == other.held_for || *held_for > 2 && other.held_for > 2)
            && *state == other.state
            && *state_since == other.state_since
            && *held == other.held
            && *before_unknown == other.before_unknown
            && *changes == other.changes
            && *acknowledged == other.acknowledged
    }

    /// Takes in one judged look; true when state or cause are others than before.
    pub fn look(&mut self, judged: &Judged) -> bool {
        let Judged {
            state, cause, now, ..
        } = *judged;
        let broken = judged.whole && self.gap_before(now) > millis(judged.longest_gap);
        if judged.whole {
            self.looked_at = Some(now);
        }
        let before = (self.state, self.held.map(|held| held.cause));
        if before.0.is_some_and(|before| before != state) {
            self.changes.push(now);
        }
        if before.0 != Some(state) || broken || self.state_since.is_none() {
            self.state_since = Some(now);
        }
        self.changes
            .retain(|at| millis_between(*at, now) <= FLAPPING_WINDOW_MS);
        let surplus = self.changes.len().saturating_sub(MOST_CHANGES);
        self.changes.drain(..surplus);
        if broken {
            self.before_unknown = None;
        }
        if before.1 == Some(cause) && !broken {
            self.held_for = self.held_for.saturating_add(u32::from(judged.whole));
        } else {
            self.begin(cause, now);
        }
        self.state = Some(state);
        before != (Some(state), Some(cause))
    }

    fn begin(&mut self, cause: Cause, now: Timestamp) {
        let goes_on = self.before_unknown.filter(|before| before.cause == cause);
        self.before_unknown = match self.held {
            Some(held) if cause == Cause::Unknown && held.cause != Cause::Unknown => Some(held),
            _ => None,
        };
        // After a restart the first look may find less than the whole cause, so another one only
        // suspends a person's word; being well ends it.
        if cause == Cause::None {
            self.acknowledged = None;
        }
        self.held = Some(goes_on.unwrap_or(Held { cause, since: now }));
        self.held_for = 1;
    }

    /// Milliseconds since the last whole look; 0 before the first.
    fn gap_before(&self, now: Timestamp) -> i64 {
        self.looked_at.map_or(0, |at| millis_between(at, now))
    }

    /// Since when the present cause holds.
    pub fn since(&self) -> Option<Timestamp> {
        self.held.map(|held| held.since)
    }

    /// A person's word about the cause that holds now.
    pub fn acknowledged(&self) -> Option<&Acknowledged> {
        let cause = self.held?.cause;
        self.acknowledged.as_ref().filter(|word| word.cause == cause)
    }

    /// It changed between states too often within half an hour.
    pub fn flapping(&self) -> bool {
        self.changes.len() > FLAPPING_CHANGES
    }

    /// The clock was set: every instant moves along, so that lengths stay what they were.
    pub fn clock_moved(&mut self, by_millis: i64) {
        let shift = |at: &mut Timestamp| *at = moved(*at, by_millis);
        for held in [&mut self.held, &mut self.before_unknown].into_iter().flatten() {
            shift(&mut held.since);
        }
        self.looked_at.iter_mut().for_each(shift);
        self.state_since.iter_mut().for_each(shift);
        self.changes.iter_mut().for_each(shift);
        self.acknowledged
            .iter_mut()
            .for_each(|word| word.at = moved(word.at, by_millis));
    }
}

fn millis(span: Span) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Span = Duration::from_secs(15);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn look(history: &mut History, cause: Cause, seconds: i64) -> bool {
        let state = match cause {
            Cause::None => State::Following,
            Cause::Unknown => State::Unknown,
            _ => State::Retrying,
        };
        history.look(&Judged {
            state,
            cause,
            whole: true,
            now: at(seconds),
            longest_gap: longest_gap(POLL),
        })
    }

    #[test]
    fn looks_in_a_row_count_and_a_long_gap_begins_anew() {
        let mut history = History::default();
        for second in [0, 15, 30] {
            look(&mut history, Cause::RemoteUnreachable, second);
        }
        assert_eq!((history.held_for, history.since()), (3, Some(at(0))));
        // As long as the bound: still one row.
        look(&mut history, Cause::RemoteUnreachable, 30 + 600);
        assert_eq!((history.held_for, history.since()), (4, Some(at(0))));
        let changed = look(&mut history, Cause::RemoteUnreachable, 30 + 600 + 601);
        assert!(!changed, "the same word is no news");
        assert_eq!((history.held_for, history.since()), (1, Some(at(1231))));
    }

    #[test]
    fn what_is_stored_goes_on_after_a_restart() {
        let mut history = History::default();
        for (second, cause) in (0_i64..).step_by(15).zip([
            Cause::None,
            Cause::Stalled,
            Cause::None,
            Cause::Stalled,
            Cause::None,
            Cause::Stalled,
        ]) {
            look(&mut history, cause, second);
        }
        let text = serde_json::to_string(&history).unwrap();
        let mut back: History = serde_json::from_str(&text).unwrap();
        assert!(!back.flapping());
        look(&mut back, Cause::None, 120);
        assert!(back.flapping(), "the sixth change within half an hour");
        look(&mut back, Cause::None, 120 + 1801);
        assert!(!back.flapping());
        let old: History = serde_json::from_str("{}").unwrap();
        assert_eq!(old, History::default());
    }

    #[test]
    fn a_look_that_failed_does_not_begin_the_wait_anew_but_confirms_nothing() {
        let mut history = History::default();
        look(&mut history, Cause::LeaderUnavailable, 0);
        look(&mut history, Cause::LeaderUnavailable, 15);
        look(&mut history, Cause::Unknown, 30);
        look(&mut history, Cause::Unknown, 60);
        look(&mut history, Cause::LeaderUnavailable, 90);
        assert_eq!((history.held_for, history.since()), (1, Some(at(0))));
        look(&mut history, Cause::Unknown, 105);
        look(&mut history, Cause::Stalled, 120);
        assert_eq!(history.since(), Some(at(120)), "another cause is another wait");
        look(&mut history, Cause::Unknown, 135);
        look(&mut history, Cause::Stalled, 135 + 700);
        assert_eq!(history.since(), Some(at(835)), "nobody looked for too long");
    }

    #[test]
    fn a_second_word_about_old_answers_is_no_look() {
        let mut history = History::default();
        look(&mut history, Cause::Stalled, 0);
        history.look(&Judged {
            state: State::Retrying,
            cause: Cause::Stalled,
            whole: false,
            now: at(5),
            longest_gap: longest_gap(POLL),
        });
        assert_eq!((history.held_for, history.looked_at), (1, Some(at(0))));
    }

    #[test]
    fn the_history_of_years_of_flapping_stays_short() {
        let mut history = History::default();
        for second in 0..10_000 {
            let cause = if second % 2 == 0 {
                Cause::None
            } else {
                Cause::Stalled
            };
            look(&mut history, cause, second);
        }
        assert_eq!(history.changes.len(), MOST_CHANGES);
    }

    #[test]
    fn a_clock_that_was_set_changes_no_length() {
        for by in [86_400_000, -86_400_000] {
            let mut history = History::default();
            look(&mut history, Cause::Stalled, 0);
            history.clock_moved(by);
            let seconds = by / 1000;
            look(&mut history, Cause::Stalled, seconds + 15);
            assert_eq!((history.held_for, history.since()), (2, Some(at(seconds))));
        }
    }

    #[test]
    fn a_persons_word_is_about_its_cause_alone_and_ends_when_the_follower_is_well() {
        let mut history = History::default();
        look(&mut history, Cause::LeaderDeleted, 0);
        history.acknowledged = Some(Acknowledged {
            cause: Cause::LeaderDeleted,
            by: "ann".to_owned(),
            at: at(5),
            reason: "moved".to_owned(),
        });
        look(&mut history, Cause::Unknown, 15);
        assert_eq!(
            history.acknowledged(),
            None,
            "of what is there now nobody said anything"
        );
        look(&mut history, Cause::LeaderDeleted, 30);
        assert_eq!(history.acknowledged().map(|word| word.by.as_str()), Some("ann"));
        // After a gap the counting begins anew; the word was about the cause.
        look(&mut history, Cause::LeaderDeleted, 90_000);
        assert!(history.acknowledged().is_some());
        look(&mut history, Cause::None, 90_015);
        look(&mut history, Cause::LeaderDeleted, 90_030);
        assert_eq!(history.acknowledged(), None);
    }
}
