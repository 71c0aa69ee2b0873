//! How far behind a follower was lately: a short list of points for a picture, bounded whatever
//! the interval of the looks.
//!
//! When the list is full every second point goes and the distance doubles, so that it covers more
//! time with the same memory; points older than a day go anyway. It is not stored: after a restart
//! the picture begins anew.

use serde::{Deserialize, Serialize};

use crate::domain::time::{Timestamp, millis_between, moved};

/// Points of one follower; 16 bytes each and a tag, so some 2 KiB for a follower.
pub const POINTS: usize = 96;
/// Nothing older is kept.
const DAY_MILLIS: i64 = 24 * 3600 * 1000;

/// How far behind it was at one time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// When it was looked at.
    pub at: Timestamp,
    /// Operations behind the leader over all shards; `None`: not known.
    pub lag: Option<i64>,
}

/// The points of one follower, oldest first. Of points in a row with the same lag only the first
/// and the last are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Trend {
    points: Vec<Point>,
    /// Least milliseconds between two points; 0 until the list was full once.
    distance: i64,
}

impl Trend {
    /// Takes in one look. A look that comes sooner than the distance is left out, unless it turns
    /// the unknown into the known or the other way.
    pub fn look(&mut self, at: Timestamp, lag: Option<i64>) {
        if let Some(last) = self.points.last() {
            let since = millis_between(last.at, at);
            if since <= 0 || since < self.distance && last.lag.is_some() == lag.is_some() {
                return;
            }
        }
        // A lag that stays the same is drawn by its two ends.
        if let [.., before, last] = self.points.as_mut_slice()
            && before.lag == lag
            && last.lag == lag
        {
            last.at = at;
            before.at = before.at.max(moved(at, -DAY_MILLIS));
            return;
        }
        if self.points.len() == self.points.capacity() {
            self.points.reserve_exact(8);
        }
        self.points.push(Point { at, lag });
        let begin = moved(at, -DAY_MILLIS);
        let gone = self.points.windows(2).take_while(|two| two[1].at < begin).count();
        self.points.drain(..gone);
        // A flat line that began before goes on from there.
        match self.points.as_mut_slice() {
            [first, second, ..] if first.at < begin && first.lag == second.lag => first.at = begin,
            [first, ..] if first.at < begin => drop(self.points.remove(0)),
            _ => {}
        }
        if self.points.len() > POINTS {
            let covered = self
                .points
                .first()
                .map_or(0, |first| millis_between(first.at, at));
            // The newest stays: it is what the page says as a number.
            let newest = self.points.len() - 1;
            let mut position = 0;
            self.points.retain(|_| {
                position += 1;
                (newest + 1 - position).is_multiple_of(2)
            });
            let kept = i64::try_from(POINTS).unwrap_or(1);
            self.distance = (self.distance * 2).max(2 * covered / kept);
        }
    }

    /// Oldest first.
    pub fn points(&self) -> &[Point] {
        &self.points
    }

    /// The clock was set: the points move along (`engine::book::clock`).
    pub fn clock_moved(&mut self, by_millis: i64) {
        for point in &mut self.points {
            point.at = moved(point.at, by_millis);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    #[test]
    fn a_week_of_looks_is_a_bounded_list_over_the_last_day_with_the_newest_in_it() {
        let mut trend = Trend::default();
        for look in 0..(7 * 24 * 240) {
            trend.look(at(look * 15), Some(look));
            assert!(trend.points().len() <= POINTS);
        }
        let (first, last) = (trend.points()[0], trend.points()[trend.points().len() - 1]);
        let covered = last.at.as_second() - first.at.as_second();
        assert!(covered > 12 * 3600 && covered <= 24 * 3600, "{covered} s");
        let newest = at((7 * 24 * 240 - 1) * 15).as_second() - last.at.as_second();
        assert!(newest < 3600, "{newest} s");
        assert!(trend.points().len() > POINTS / 4, "{}", trend.points().len());
        assert!(trend.points().windows(2).all(|two| two[0].at < two[1].at));
    }

    #[test]
    fn what_becomes_unknown_or_known_is_kept_at_once() {
        let mut trend = Trend::default();
        for look in 0..200 {
            trend.look(at(look * 15), Some(look % 7));
        }
        let before = trend.points().len();
        let last = trend.points()[before - 1].at;
        let soon = |millis: i64| moved(last, millis);
        trend.look(soon(1), Some(2));
        assert_eq!(trend.points().len(), before, "too soon for the same");
        trend.look(soon(2), None);
        trend.look(soon(3), Some(3));
        assert_eq!(trend.points().len(), before + 2);
        trend.look(soon(3), Some(4));
        trend.look(soon(-5000), Some(4));
        assert_eq!(trend.points().len(), before + 2, "no time has passed");
    }

    #[test]
    fn a_lag_that_stays_the_same_is_two_points_however_long() {
        let mut trend = Trend::default();
        for look in 0..20_000 {
            trend.look(at(look * 15), Some(0));
        }
        let points = trend.points();
        assert_eq!(points.len(), 2);
        assert_eq!(points[1].at, at(19_999 * 15));
        assert_eq!(millis_between(points[0].at, points[1].at), DAY_MILLIS);
        trend.look(at(20_000 * 15), Some(5));
        assert_eq!(trend.points().len(), 3);
    }

    #[test]
    fn a_clock_that_is_set_moves_the_points_along() {
        let mut trend = Trend::default();
        trend.look(at(0), Some(1));
        trend.clock_moved(60_000);
        assert_eq!(trend.points()[0].at, at(60));
    }
}
