//! The lag over time as lines for an SVG of 320 by 96: pure arithmetic, no text of others in it.

use crate::domain::time::{Timestamp, millis_between};
use crate::domain::trend::Point;
use crate::domain::words::{length, relative};

const WIDTH: f64 = 320.0;
const TOP: f64 = 6.0;
const FLOOR: f64 = 90.0;

/// What the template draws.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Picture {
    /// Said to those who do not see it.
    pub(super) title: String,
    /// One for each stretch in which the lag was known; a gap is not drawn over.
    pub(super) lines: Vec<String>,
    /// Known points without a neighbour.
    pub(super) dots: Vec<(String, String)>,
    pub(super) from: String,
    pub(super) most: String,
    pub(super) last: String,
}

fn words(lag: i64) -> String {
    if lag == 1 {
        "1 operation".to_owned()
    } else {
        format!("{lag} operations")
    }
}

/// The picture; `None` where the lag was never known.
pub(super) fn picture(points: &[Point], now: Timestamp) -> Option<Picture> {
    let first = points.first()?;
    let most = points.iter().filter_map(|point| point.lag).max()?.max(0);
    let span = millis_between(first.at, now).max(1) as f64;
    let place = |point: &Point, lag: i64| {
        let x = millis_between(first.at, point.at).max(0) as f64 / span * WIDTH;
        let share = lag.max(0) as f64 / most.max(1) as f64;
        (
            format!("{:.1}", x.min(WIDTH)),
            format!("{:.1}", FLOOR - share * (FLOOR - TOP)),
        )
    };
    let (mut lines, mut dots) = (Vec::new(), Vec::new());
    for stretch in points.split(|point| point.lag.is_none()) {
        let placed: Vec<(String, String)> = stretch
            .iter()
            .filter_map(|point| Some(place(point, point.lag?)))
            .collect();
        match placed.as_slice() {
            [] => {}
            [one] => dots.push(one.clone()),
            several => lines.push(
                several
                    .iter()
                    .map(|(x, y)| format!("{x},{y}"))
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        }
    }
    let last = points.last().and_then(|point| point.lag);
    let last = last.map_or_else(|| "not known".to_owned(), words);
    let ago = millis_between(first.at, now).max(0).unsigned_abs() / 1000;
    Some(Picture {
        title: format!(
            "Operations behind the leader over the last {}: at most {}, now {last}",
            length(ago),
            words(most)
        ),
        lines,
        dots,
        from: relative(first.at, now),
        most: words(most),
        last,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_000_000 + second).unwrap()
    }

    fn points(lags: &[Option<i64>]) -> Vec<Point> {
        (0..)
            .zip(lags)
            .map(|(n, lag)| Point {
                at: at(n * 10),
                lag: *lag,
            })
            .collect()
    }

    #[test]
    fn what_is_not_known_is_a_gap_and_never_a_zero() {
        let seen = points(&[Some(0), Some(10), None, Some(5), None, Some(5), Some(20)]);
        let picture = picture(&seen, at(60)).unwrap();
        assert_eq!(picture.lines.len(), 2);
        assert_eq!(picture.lines[0], "0.0,90.0 53.3,48.0");
        assert_eq!(picture.lines[1], "266.7,69.0 320.0,6.0");
        assert_eq!(picture.dots, [("160.0".to_owned(), "69.0".to_owned())]);
        assert!(
            picture.title.contains("at most 20 operations, now 20 operations"),
            "{}",
            picture.title
        );
    }

    #[test]
    fn no_point_leaves_the_picture_whatever_the_clock_does() {
        let seen = points(&[Some(i64::MAX), Some(-3), Some(7)]);
        let picture = picture(&seen, at(-100)).unwrap();
        for pair in picture.lines.iter().flat_map(|line| line.split(' ')) {
            let (x, y) = pair.split_once(',').unwrap();
            let (x, y): (f64, f64) = (x.parse().unwrap(), y.parse().unwrap());
            assert!((0.0..=WIDTH).contains(&x) && (TOP..=FLOOR).contains(&y), "{pair}");
        }
        assert_eq!(super::picture(&points(&[None, None]), at(0)), None);
        assert_eq!(super::picture(&[], at(0)), None);
    }
}
