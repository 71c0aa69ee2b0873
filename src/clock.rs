//! The one place that asks the system for the time.
//!
//! Everything else takes a [`Timestamp`] as an argument or holds a [`Clock`]. Which of the two
//! clocks runs is decided once, where the program is put together.

use std::sync::Arc;

use jiff::Timestamp;

/// Tells the time of day.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Now, as near as this clock knows.
    fn now(&self) -> Timestamp;
}

/// A clock that many hold.
pub type SharedClock = Arc<dyn Clock>;

/// The computer's clock: may jump when it is set.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that asks the system"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// Starts at a given instant and moves with tokio's clock, also while that is paused: days
/// pass in milliseconds in tests.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    base: Timestamp,
    started: tokio::time::Instant,
}

impl TokioClock {
    /// A clock that shows `base` now.
    pub fn starting_at(base: Timestamp) -> Self {
        Self {
            base,
            started: tokio::time::Instant::now(),
        }
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        jiff::SignedDuration::try_from(self.started.elapsed())
            .ok()
            .and_then(|elapsed| self.base.checked_add(elapsed).ok())
            .unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_paused_tokio_clock_moves_the_time_of_day() {
        let base: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let clock = TokioClock::starting_at(base);
        assert_eq!(clock.now(), base);
        tokio::time::sleep(Duration::from_hours(72)).await;
        assert_eq!(clock.now().to_string(), "2026-01-04T00:00:00Z");
    }

    #[test]
    fn the_system_clock_goes_forward_past_the_day_this_was_written() {
        let written: Timestamp = "2020-01-01T00:00:00Z".parse().unwrap();
        assert!(SystemClock.now() > written);
    }
}
