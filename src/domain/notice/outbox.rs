//! One row of the outbox: one notice for one receiver, from the moment it is worth telling until
//! its end was told. Owns what makes a notice news to somebody who was told before, and when a row
//! is due; pure, time is an argument. Who keeps rows is `notify::outbox` and the store.

use serde::{Deserialize, Serialize};

use crate::domain::notice::pace::Pace;
use crate::domain::notice::{Notice, Severity};
use crate::domain::time::{Span, Timestamp, after};

/// Which row: the receiver's name and the notice's [`Notice::fingerprint`].
pub type RowKey = (String, String);

/// A receiver that did not answer, or not usably, is tried again after these waits.
pub const FAILED: Pace = Pace {
    first: Span::from_secs(5),
    longest: Span::from_secs(600),
};

/// A receiver that refused a message in its own words is asked again after these: the same message
/// would most likely be refused again.
pub const REFUSED: Pace = Pace {
    first: Span::from_secs(600),
    longest: Span::from_secs(6 * 3600),
};

/// The longest that a receiver's own word (`Retry-After`) is waited for.
const LONGEST_ASKED: Span = Span::from_secs(3600);

/// What of a notice makes it news.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Weight {
    /// How soon a person should look.
    pub severity: Severity,
    /// How many followers.
    pub count: u64,
    /// How many plans ask.
    pub plans: u64,
    /// It is over.
    pub over: bool,
}

impl Weight {
    /// That of a notice.
    pub fn of(notice: &Notice) -> Self {
        Self {
            severity: notice.severity,
            count: notice.count,
            plans: notice.plans,
            over: notice.over_at.is_some(),
        }
    }

    /// Whether it is worth a new message to somebody who knows of `before`: more severe, over or
    /// not over any more, or at least twice as many. What else changed waits for the next repeat.
    pub fn is_news_after(&self, before: &Self) -> bool {
        let grew = |now: u64, then: u64| now > then && now >= then.saturating_mul(2);
        self.severity > before.severity
            || self.over != before.over
            || grew(self.count, before.count)
            || grew(self.plans, before.plans)
    }
}

/// How one delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The receiver took it.
    Told,
    /// No usable answer; it is tried again.
    Failed {
        /// Why, without secrets.
        why: String,
        /// It may have arrived all the same.
        maybe: bool,
        /// The receiver asked for this wait.
        retry_after: Option<Span>,
    },
    /// The receiver does not take this message.
    Refused {
        /// What it said, shortened, without secrets.
        why: String,
    },
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The receiver's name.
    pub receiver: String,
    /// What is to be told, as it stands now.
    pub notice: Notice,
    /// It has not stood since then; over once that has lasted.
    pub gone_since: Option<Timestamp>,
    /// How often it was told.
    pub told: u32,
    /// What was last told.
    pub told_as: Option<Weight>,
    /// When it was last told.
    pub told_at: Option<Timestamp>,
    /// Deliveries begun that may have arrived: written before the first byte is sent, so that a
    /// process that dies between sending and marking still owes the end.
    pub tries: u32,
    /// Failures since it was last told.
    pub failures: u32,
    /// What was last refused.
    pub refused_as: Option<Weight>,
    /// Why it was not told the last time, without secrets.
    pub problem: Option<String>,
    /// Not before this, but for news.
    pub next_at: Timestamp,
}

impl Row {
    /// A notice that nobody was told of yet.
    pub fn new(receiver: &str, notice: Notice, now: Timestamp) -> Self {
        Self {
            receiver: receiver.to_owned(),
            notice,
            gone_since: None,
            told: 0,
            told_as: None,
            told_at: None,
            tries: 0,
            failures: 0,
            refused_as: None,
            problem: None,
            next_at: now,
        }
    }

    /// Its key.
    pub fn key(&self) -> RowKey {
        (self.receiver.clone(), self.notice.fingerprint())
    }

    /// Whether its receiver does not know yet what it should: never told, over, or news.
    pub fn owes(&self) -> bool {
        let now = Weight::of(&self.notice);
        self.told_as.is_none_or(|told| now.is_news_after(&told))
    }

    /// Whether it should be told now.
    pub fn due(&self, now: Timestamp) -> bool {
        // Told in the future, or waiting for longer than any wait lasts: the clock was set back since.
        let set_back = self.told_at.is_some_and(|at| at > now)
            || self.failures > 0 && self.next_at > after(now, REFUSED.longest);
        let waited = now >= self.next_at || set_back;
        match self.refused_as {
            Some(refused) => waited || Weight::of(&self.notice).is_news_after(&refused),
            None if self.failures > 0 => waited,
            None => waited || self.owes(),
        }
    }

    /// Takes in how a delivery ended that told `told_as`. `chance` spreads retries.
    pub fn delivered(&mut self, told_as: Weight, how: &Delivery, repeat: Pace, now: Timestamp, chance: u8) {
        match how {
            Delivery::Told => {
                self.told = self.told.saturating_add(1);
                self.told_as = Some(told_as);
                self.told_at = Some(now);
                self.failures = 0;
                self.refused_as = None;
                self.problem = None;
                self.next_at = repeat.again_at(self.told, now);
            }
            Delivery::Failed {
                why,
                maybe,
                retry_after,
            } => {
                self.failures = self.failures.saturating_add(1);
                self.refused_as = None;
                self.problem = Some(why.clone());
                if !maybe {
                    self.tries = self.tries.saturating_sub(1);
                }
                let asked = retry_after.map(|wait| after(now, wait.min(LONGEST_ASKED)));
                let own = FAILED.retry_at(self.failures, now, chance);
                self.next_at = asked.map_or(own, |asked| asked.max(own));
            }
            Delivery::Refused { why } => {
                self.failures = self.failures.saturating_add(1);
                self.refused_as = Some(told_as);
                self.problem = Some(why.clone());
                self.tries = self.tries.saturating_sub(1);
                self.next_at = REFUSED.retry_at(self.failures, now, chance);
            }
        }
    }

    /// The receiver was configured anew: what it refused or did not take is tried at once.
    pub fn begin_anew(&mut self, now: Timestamp) {
        if self.failures > 0 {
            self.failures = 0;
            self.refused_as = None;
            self.next_at = now;
        }
    }
}

/// What is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowChange {
    /// Write this row in place of the one of its key.
    Put(Box<Row>),
    /// Delete the row of this key; nothing to delete is not an error.
    Drop(RowKey),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Topic;

    const REPEAT: Pace = Pace {
        first: Span::from_secs(3600),
        longest: Span::from_secs(86_400),
    };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn row() -> Row {
        let mut notice = Notice::new(Topic::Incident, "incident:x".to_owned(), "x".to_owned(), at(0));
        notice.severity = Severity::Warning;
        notice.count = 4;
        Row::new("chat", notice, at(0))
    }

    fn told(mut row: Row, second: i64) -> Row {
        let weight = Weight::of(&row.notice);
        row.delivered(weight, &Delivery::Told, REPEAT, at(second), 0);
        row
    }

    fn failed(maybe: bool, retry_after: Option<u64>) -> Delivery {
        Delivery::Failed {
            why: "connect".to_owned(),
            maybe,
            retry_after: retry_after.map(Span::from_secs),
        }
    }

    #[test]
    fn a_repeat_comes_later_each_time_and_news_comes_at_once() {
        let once = told(row(), 10);
        assert!(!once.due(at(11)) && !once.due(at(3609)));
        assert!(once.due(at(3610)));
        let twice = told(once.clone(), 3610);
        assert!(!twice.due(at(3610 + 7199)));
        assert!(twice.due(at(3610 + 7200)));
        let with = |change: &dyn Fn(&mut Notice)| {
            let mut row = once.clone();
            change(&mut row.notice);
            row.due(at(11))
        };
        assert!(!with(&|notice| notice.count = 7), "7 are not twice 4");
        assert!(with(&|notice| notice.count = 8));
        assert!(!with(&|notice| notice.count = 1), "fewer is no news");
        assert!(with(&|notice| notice.severity = Severity::Critical));
        assert!(!with(&|notice| notice.severity = Severity::Info));
        assert!(with(&|notice| notice.plans = 1));
        assert!(with(&|notice| notice.over_at = Some(at(11))));
        assert!(!with(&|notice| notice.title = "other words".to_owned()));
    }

    #[test]
    fn a_failure_is_tried_again_later_each_time_and_keeps_the_receivers_word() {
        let mut row = row();
        let weight = Weight::of(&row.notice);
        row.tries = 1;
        row.delivered(weight, &failed(false, None), REPEAT, at(0), 0);
        assert_eq!((row.next_at, row.tries), (at(5), 0));
        assert!(!row.due(at(4)) && row.due(at(5)), "what is owed waits too");
        row.tries = 1;
        row.delivered(weight, &failed(true, Some(90)), REPEAT, at(5), 0);
        assert_eq!((row.next_at, row.tries), (at(95), 1), "it may have arrived");
        for _ in 0..40 {
            row.delivered(weight, &failed(false, Some(1_000_000)), REPEAT, at(100), 0);
        }
        assert_eq!(row.next_at, at(3700), "no receiver silences itself for ever");
        assert!(row.owes());
        row.begin_anew(at(200));
        assert!(row.due(at(200)));
    }

    #[test]
    fn what_was_refused_is_given_up_until_it_is_news_or_long_ago() {
        let mut row = row();
        let weight = Weight::of(&row.notice);
        let refused = Delivery::Refused {
            why: "400".to_owned(),
        };
        row.delivered(weight, &refused, REPEAT, at(0), 0);
        row.notice.title = "other words".to_owned();
        assert!(!row.due(at(599)));
        assert!(row.due(at(600)));
        row.notice.over_at = Some(at(5));
        assert!(row.due(at(6)));
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nothing() {
        let once = told(row(), 10_000);
        assert!(once.due(at(9_000)), "told in the future");
        let mut failing = row();
        let weight = Weight::of(&failing.notice);
        failing.delivered(weight, &failed(false, None), REPEAT, at(100_000), 0);
        assert!(failing.due(at(0)));
    }
}
