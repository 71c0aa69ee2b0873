//! Notices that the computer's clock was set: the time of day against tokio's monotonic clock.
//! Says by how much; what that means is the book's business.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::domain::time::{Timestamp, millis_between};

/// A clock that gained or lost more than this between two readings was set, milliseconds. Less is
/// drift and the usual correction, which no limit here is fine enough to feel.
pub(crate) const JUMP_MILLIS: i64 = 30_000;

/// The last reading of both clocks.
#[derive(Debug)]
pub(crate) struct ClockWatch(Mutex<(Timestamp, Instant)>);

impl ClockWatch {
    pub(crate) fn starting_at(now: Timestamp) -> Self {
        Self(Mutex::new((now, Instant::now())))
    }

    /// By how many milliseconds the time of day was set forward (back, if negative) since the last
    /// reading; `None` where it was not. A suspended machine looks the same: its monotonic clock
    /// stands still meanwhile.
    pub(crate) fn jump(&self, now: Timestamp) -> Option<i64> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let steady = Instant::now();
        let passed = i64::try_from(steady.duration_since(last.1).as_millis()).unwrap_or(i64::MAX);
        let jump = millis_between(last.0, now).saturating_sub(passed);
        // Small differences are forgotten one by one: a day of slewing is no jump.
        *last = (now, steady);
        (jump.abs() > JUMP_MILLIS).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::time::moved;

    #[tokio::test(start_paused = true)]
    async fn only_a_clock_that_was_set_has_jumped() {
        let mut now = Timestamp::UNIX_EPOCH;
        let watch = ClockWatch::starting_at(now);
        // Slow by a second each minute: drift, however long.
        for _ in 0..120 {
            tokio::time::advance(Duration::from_secs(60)).await;
            now = moved(now, 59_000);
            assert_eq!(watch.jump(now), None);
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        now = moved(now, 60_000 + 7_200_000);
        assert_eq!(watch.jump(now), Some(7_200_000));
        assert_eq!(watch.jump(now), None, "it is told once");
        now = moved(now, -86_400_000);
        assert_eq!(watch.jump(now), Some(-86_400_000));
    }
}
