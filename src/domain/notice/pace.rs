//! When something is told again: to people while it lasts, and to a receiver that did not take it.
//! Both grow longer each time and have a longest.

use crate::domain::time::{Span, Timestamp, after};

/// How waits grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The first wait.
    pub first: Span,
    /// The longest.
    pub longest: Span,
}

impl Pace {
    /// The wait after the `done`-th time (from 1): doubled each time.
    pub fn wait(&self, done: u32) -> Span {
        let times = 2_u32.checked_pow(done.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first.saturating_mul(times).min(self.longest)
    }

    /// When it is told again after the `told`-th time (from 1) at `last`.
    pub fn again_at(&self, told: u32, last: Timestamp) -> Timestamp {
        after(last, self.wait(told))
    }

    /// When a receiver that failed the `failed`-th time (from 1) at `last` is tried again. `chance`
    /// from 0 to 255 shortens the wait by up to a half, so that many do not come back at one time.
    pub fn retry_at(&self, failed: u32, last: Timestamp, chance: u8) -> Timestamp {
        let wait = self.wait(failed);
        after(last, wait.saturating_sub(wait * u32::from(chance) / 512))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace {
        first: Span::from_secs(60),
        longest: Span::from_secs(600),
    };

    #[test]
    fn waits_double_up_to_the_longest_and_never_overflow() {
        let waits = [1, 2, 3, 4, 5, 40, u32::MAX].map(|done| PACE.wait(done).as_secs());
        assert_eq!(waits, [60, 120, 240, 480, 600, 600, 600]);
    }

    #[test]
    fn chance_shortens_a_wait_by_less_than_a_half() {
        let start = Timestamp::UNIX_EPOCH;
        assert_eq!(PACE.retry_at(1, start, 0).as_second(), 60);
        assert_eq!(PACE.retry_at(1, start, 128).as_second(), 45);
        assert!(PACE.retry_at(1, start, 255).as_second() >= 30);
        assert_eq!(PACE.again_at(2, start).as_second(), 120);
    }
}
