//! When a cluster is next due: interval, jitter, back-off. Pure; the observer owns the waiting.

use std::time::Duration;

/// Longest time between two tries of a cluster that does not answer.
pub const LONGEST_BACK_OFF: Duration = Duration::from_secs(300);

/// Time until the next look.
///
/// `failures` counts looks in a row that failed: each doubles the wait, up to
/// [`LONGEST_BACK_OFF`] (or the interval, if that is longer). `chance` in 0..1 spreads clusters
/// over ±10 % so that they are not asked all at once.
pub fn next_due(interval: Duration, failures: u32, chance: f64) -> Duration {
    let limit = LONGEST_BACK_OFF.max(interval);
    let factor = 2_u32.saturating_pow(failures.min(16));
    let wait = interval.saturating_mul(factor).min(limit);
    wait.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_BACK_OFF, next_due};
    use std::time::Duration;

    #[test]
    fn a_cluster_that_answers_is_due_after_its_interval_give_or_take_a_tenth() {
        let interval = Duration::from_secs(15);
        assert_eq!(next_due(interval, 0, 0.5), interval);
        assert_eq!(next_due(interval, 0, 0.0), Duration::from_millis(13_500));
        assert_eq!(next_due(interval, 0, 1.0), Duration::from_millis(16_500));
    }

    #[test]
    fn each_failure_doubles_the_wait_up_to_a_limit() {
        let interval = Duration::from_secs(15);
        assert_eq!(next_due(interval, 1, 0.5), Duration::from_secs(30));
        assert_eq!(next_due(interval, 40, 0.5), LONGEST_BACK_OFF);
    }

    #[test]
    fn a_long_interval_is_never_shortened_by_the_limit() {
        let interval = Duration::from_secs(3600);
        assert_eq!(next_due(interval, 3, 0.5), interval);
    }
}
