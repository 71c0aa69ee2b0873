//! Windows in which a recreate may start, with time zones and daylight saving.
//!
//! A window opens at its local start on each of its days and closes at its local end, on the next
//! day when the end is not after the start. A local time that daylight saving skips counts as the
//! moment after the gap, one that comes twice as the first of the two (jiff's `compatible`), so a
//! window is never missed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use crate::policy::settings::Window;

/// Whether a recreate may start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opening {
    /// No window is configured.
    Always,
    /// A window is open.
    Open {
        /// When the last of the windows that are open or follow without a gap closes.
        until: Option<Timestamp>,
    },
    /// None is.
    Closed {
        /// When the next one opens; `None`: not within a year.
        next: Option<Timestamp>,
    },
}

/// How many days ahead the next opening is looked for: a week holds every day, twice that is
/// enough whatever daylight saving does.
const DAYS_AHEAD: i64 = 14;

/// What the windows say at `now`.
pub fn opening(windows: &[Window], now: Timestamp) -> Opening {
    if windows.is_empty() {
        return Opening::Always;
    }
    let mut intervals: Vec<(Timestamp, Timestamp)> =
        windows.iter().flat_map(|window| intervals(window, now)).collect();
    intervals.sort_unstable();
    let mut until = None;
    for (start, end) in &intervals {
        let reached = until.unwrap_or(now);
        if *start <= reached && *end > reached {
            until = Some(*end);
        }
    }
    match until {
        Some(until) => Opening::Open { until: Some(until) },
        None => Opening::Closed {
            next: intervals
                .iter()
                .map(|(start, _)| *start)
                .find(|start| *start > now),
        },
    }
}

/// The window's intervals from the day before yesterday on.
fn intervals(window: &Window, now: Timestamp) -> Vec<(Timestamp, Timestamp)> {
    let today = now.to_zoned_datetime(window.time_zone.clone()).date();
    (-2..=DAYS_AHEAD)
        .filter_map(|offset| today.checked_add(Span::new().try_days(offset).ok()?).ok())
        .filter(|date| window.days.contains(&date.weekday()))
        .filter_map(|date| {
            let closes_on = if window.end > window.start {
                date
            } else {
                date.tomorrow().ok()?
            };
            let start = instant(date, window.start, &window.time_zone)?;
            let end = instant(closes_on, window.end, &window.time_zone)?;
            (start < end).then_some((start, end))
        })
        .collect()
}

fn instant(date: Date, time: jiff::civil::Time, zone: &TimeZone) -> Option<Timestamp> {
    date.to_datetime(time)
        .to_zoned_datetime(zone.clone())
        .ok()
        .map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use jiff::civil::{Weekday, time};

    use super::*;

    fn nightly(days: &[Weekday], zone: &str) -> Window {
        Window {
            days: days.to_vec(),
            start: time(22, 0, 0, 0),
            end: time(5, 0, 0, 0),
            time_zone: TimeZone::get(zone).unwrap(),
        }
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    const WEEK: [Weekday; 5] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
    ];

    #[test]
    fn a_window_over_midnight_belongs_to_the_day_it_opens_on() {
        let windows = [nightly(&WEEK, "Europe/Berlin")];
        // Saturday 04:59 local is still Friday's window, Sunday 23:00 is none.
        assert_eq!(
            opening(&windows, at("2026-11-28T03:59:00Z")),
            Opening::Open {
                until: Some(at("2026-11-28T04:00:00Z"))
            }
        );
        assert_eq!(
            opening(&windows, at("2026-11-28T04:00:00Z")),
            Opening::Closed {
                next: Some(at("2026-11-30T21:00:00Z"))
            }
        );
        assert_eq!(
            opening(&windows, at("2026-11-29T22:00:00Z")),
            Opening::Closed {
                next: Some(at("2026-11-30T21:00:00Z"))
            }
        );
    }

    #[test]
    fn daylight_saving_moves_the_instants_and_not_the_local_times() {
        let every = [
            Weekday::Monday,
            Weekday::Tuesday,
            Weekday::Wednesday,
            Weekday::Thursday,
            Weekday::Friday,
            Weekday::Saturday,
            Weekday::Sunday,
        ];
        let windows = [nightly(&every, "Europe/Berlin")];
        // Night of 28 to 29 March 2026: the hour from 02:00 to 03:00 is skipped.
        assert_eq!(
            opening(&windows, at("2026-03-28T22:00:00Z")),
            Opening::Open {
                until: Some(at("2026-03-29T03:00:00Z"))
            }
        );
        assert_eq!(
            opening(&windows, at("2026-03-29T12:00:00Z")),
            Opening::Closed {
                next: Some(at("2026-03-29T20:00:00Z"))
            }
        );
        // A start within the gap opens after it.
        let gap = [Window {
            start: time(2, 30, 0, 0),
            end: time(4, 0, 0, 0),
            ..nightly(&every, "Europe/Berlin")
        }];
        assert_eq!(
            opening(&gap, at("2026-03-29T00:00:00Z")),
            Opening::Closed {
                next: Some(at("2026-03-29T01:30:00Z"))
            }
        );
        // The hour that comes twice: a start in it opens at its first coming, and is told.
        let twice = [Window {
            start: time(2, 30, 0, 0),
            end: time(4, 0, 0, 0),
            ..nightly(&every, "Europe/Berlin")
        }];
        assert_eq!(
            opening(&twice, at("2026-10-24T23:00:00Z")),
            Opening::Closed {
                next: Some(at("2026-10-25T00:30:00Z"))
            }
        );
        assert_eq!(
            opening(&twice, at("2026-10-25T00:30:00Z")),
            Opening::Open {
                until: Some(at("2026-10-25T03:00:00Z"))
            }
        );
        // Autumn: the night of 24 to 25 October 2026 is an hour longer.
        assert_eq!(
            opening(&windows, at("2026-10-25T03:59:00Z")),
            Opening::Open {
                until: Some(at("2026-10-25T04:00:00Z"))
            }
        );
    }

    #[test]
    fn windows_that_touch_are_one_and_no_window_is_always() {
        assert_eq!(opening(&[], at("2026-11-28T04:00:00Z")), Opening::Always);
        let first = nightly(&[Weekday::Monday], "UTC");
        let second = Window {
            days: vec![Weekday::Tuesday],
            start: time(5, 0, 0, 0),
            end: time(6, 0, 0, 0),
            ..first.clone()
        };
        assert_eq!(
            opening(&[second, first], at("2026-11-23T23:00:00Z")),
            Opening::Open {
                until: Some(at("2026-11-24T06:00:00Z"))
            }
        );
    }

    #[test]
    fn a_window_without_days_never_opens() {
        assert_eq!(
            opening(&[nightly(&[], "UTC")], at("2026-11-23T23:00:00Z")),
            Opening::Closed { next: None }
        );
    }
}
