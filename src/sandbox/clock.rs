//! The clock of a simulated pair: virtual milliseconds since the Unix epoch.
//!
//! Owns the sum `start + elapsed tokio time + what control added`. Under tokio's paused clock
//! it is therefore wholly virtual; in the demo and in `refollow sandbox` it runs in real time
//! and can be pushed forward. It never runs backwards and never asks the system for the date:
//! the start is an argument.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// See the module header.
#[derive(Debug)]
pub struct Clock {
    start_ms: i64,
    origin: Instant,
    added_ms: AtomicI64,
}

impl Clock {
    /// A clock that shows `start_ms` (milliseconds since the Unix epoch) now.
    pub fn starting_at(start_ms: i64) -> Self {
        Self {
            start_ms,
            origin: Instant::now(),
            added_ms: AtomicI64::new(0),
        }
    }

    /// Virtual milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.start_ms
            .saturating_add(millis(self.origin.elapsed()))
            .saturating_add(self.added_ms.load(Ordering::SeqCst))
    }

    /// Pushes the clock forward. Whoever sleeps must be woken by the caller.
    pub fn advance(&self, by: Duration) {
        self.added_ms.fetch_add(millis(by), Ordering::SeqCst);
    }

    /// How long to sleep until the clock shows `at_ms` if nobody pushes it: at least one
    /// millisecond, so that a waiter whose event is due never spins.
    pub fn until(&self, at_ms: i64) -> Duration {
        let left = at_ms.saturating_sub(self.now_ms()).max(1);
        Duration::from_millis(left.unsigned_abs())
    }
}

/// Whole milliseconds of a duration, saturating.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Reads `2h`, `1h 30m`, `250ms` (jiff's friendly format) or a bare number of milliseconds.
/// `None` for anything else and for a negative span.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let text = text.trim();
    if let Ok(number) = text.parse::<u64>() {
        return Some(Duration::from_millis(number));
    }
    let span: jiff::SignedDuration = text.parse().ok()?;
    Duration::try_from(span).ok()
}

/// RFC 3339 in UTC, as the log of requests and `/_sandbox/clock` show an instant.
pub fn rfc3339(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(|_| format!("{at_ms} ms"), |at| at.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_clock_follows_the_paused_clock_and_what_was_added() {
        let clock = Clock::starting_at(1_000);
        assert_eq!(clock.now_ms(), 1_000);
        tokio::time::advance(Duration::from_millis(250)).await;
        assert_eq!(clock.now_ms(), 1_250);
        clock.advance(Duration::from_hours(2));
        assert_eq!(clock.now_ms(), 7_201_250);
        assert_eq!(clock.until(7_201_260), Duration::from_millis(10));
        assert_eq!(clock.until(0), Duration::from_millis(1));
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(parse_duration("2h"), Some(Duration::from_hours(2)));
        assert_eq!(parse_duration("90m"), Some(Duration::from_mins(90)));
        assert_eq!(parse_duration("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(parse_duration(" 40 "), Some(Duration::from_millis(40)));
        assert_eq!(parse_duration("-2h"), None);
        assert_eq!(parse_duration("soon"), None);
    }

    #[test]
    fn an_instant_is_shown_in_utc() {
        assert_eq!(rfc3339(1_795_428_000_250), "2026-11-23T10:00:00.25Z");
    }
}
