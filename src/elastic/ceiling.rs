//! How many requests a second a cluster gets from us. Pure: the time is an argument.
//!
//! Owns two meters (GCRA, one instant each). Looks that come by themselves need room in either;
//! requests of repairs take from the first and never wait, so that a busy repair makes looks wait.
//! The second, a quarter of the whole, is for looks alone: a repair may not blind them.

use std::time::Duration;

/// Room for so much at once, in time: a whole second's requests.
const BURST: Duration = Duration::from_secs(1);
/// How far repairs may run ahead of their meter, so that looks go on soon after them.
const DEBT: Duration = Duration::from_secs(1);

/// One meter: when it will have made up for all that was let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Meter {
    /// Between two requests.
    every: Duration,
    even_at: Duration,
}

impl Meter {
    /// How long until it lets one more through.
    fn wait(&self, now: Duration) -> Duration {
        self.even_at.saturating_sub(now).saturating_sub(BURST)
    }

    fn take(&mut self, now: Duration) {
        self.even_at = self.even_at.max(now) + self.every;
    }
}

/// The ceiling of one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ceiling {
    /// For all, and for looks alone; `None`: no ceiling.
    meters: Option<(Meter, Meter)>,
}

impl Ceiling {
    /// Sets it; what was let through before is forgotten where it changes. `None` or 0: no ceiling.
    pub(super) fn limit(&mut self, per_second: Option<u32>) {
        let meter = |every: Duration| Meter {
            every,
            even_at: Duration::ZERO,
        };
        let new = per_second.filter(|number| *number > 0).map(|number| {
            let second = Duration::from_secs(1);
            (meter(second * 4 / 3 / number), meter(second * 4 / number))
        });
        let every = |meters: Option<(Meter, Meter)>| meters.map(|(all, _)| all.every);
        if every(new) != every(self.meters) {
            self.meters = new;
        }
    }

    /// A look that comes by itself: `None`, it may go; else how long it has to wait before it asks
    /// again.
    pub(super) fn look(&mut self, now: Duration) -> Option<Duration> {
        let (all, looks) = self.meters.as_mut()?;
        for meter in [&mut *all, &mut *looks] {
            if meter.wait(now).is_zero() {
                meter.take(now);
                return None;
            }
        }
        Some(all.wait(now).min(looks.wait(now)))
    }

    /// A request of a repair goes, whatever the meter says.
    pub(super) fn repair(&mut self, now: Duration) {
        if let Some((all, _)) = &mut self.meters {
            all.take(now);
            all.even_at = all.even_at.min(now + BURST + DEBT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// Looks let through within so many seconds, asked for every millisecond.
    fn looks(ceiling: &mut Ceiling, from: u64, seconds: u64, repair_every: Option<u64>) -> usize {
        (from..from + seconds * 1000)
            .filter(|now| {
                if repair_every.is_some_and(|every| now % every == 0) {
                    ceiling.repair(at(*now));
                }
                ceiling.look(at(*now)).is_none()
            })
            .count()
    }

    fn of(per_second: u32) -> Ceiling {
        let mut ceiling = Ceiling::default();
        ceiling.limit(Some(per_second));
        ceiling
    }

    #[test]
    fn a_second_s_worth_goes_at_once_and_then_no_more_than_the_ceiling() {
        let mut ceiling = of(20);
        let at_once = (0..1000).filter(|_| ceiling.look(at(0)).is_none()).count();
        assert!((20..=22).contains(&at_once), "{at_once}");
        let later = looks(&mut ceiling, 1, 10, None);
        assert!((195..=201).contains(&later), "{later}");
    }

    #[test]
    fn the_wait_that_is_told_is_enough_and_no_more() {
        let mut ceiling = of(8);
        while ceiling.look(at(0)).is_none() {}
        let wait = ceiling.look(at(0)).unwrap();
        assert_eq!(ceiling.look(wait.checked_sub(at(1)).unwrap()), Some(at(1)));
        assert_eq!(ceiling.look(wait), None);
    }

    #[test]
    fn repairs_never_wait_and_looks_keep_a_quarter_however_busy_they_are() {
        let mut ceiling = of(20);
        // A thousand a second.
        let kept = looks(&mut ceiling, 0, 20, Some(1));
        // With what may go at once in the first second.
        assert!((100..=122).contains(&kept), "{kept}");
        // Once they are done looks have all of it again, soon.
        let after = looks(&mut ceiling, 21_000, 10, None);
        assert!((195..=225).contains(&after), "{after}");
    }

    #[test]
    fn without_a_ceiling_nothing_waits_and_one_request_a_second_is_possible() {
        assert_eq!(looks(&mut Ceiling::default(), 0, 1, None), 1000);
        let mut one = of(1);
        let first = looks(&mut one, 0, 100, None);
        assert!((99..=103).contains(&first), "{first}");
    }

    #[test]
    fn a_ceiling_that_is_set_anew_to_the_same_forgets_nothing() {
        let mut ceiling = of(5);
        while ceiling.look(at(0)).is_none() {}
        ceiling.limit(Some(5));
        assert!(ceiling.look(at(0)).is_some());
        ceiling.limit(Some(6));
        assert_eq!(ceiling.look(at(0)), None);
        ceiling.limit(None);
        assert_eq!(ceiling.look(at(0)), None);
    }
}
