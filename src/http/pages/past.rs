//! The past of one follower on its page: the lag as a picture over a chosen range, and what changed.

use std::time::Duration;

use crate::domain::ids::FollowerKey;
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::trend::Point;
use crate::domain::words::length;
use crate::history::past::{Past, PastChange, PastPoint};
use crate::http::App;
use crate::http::dto::PastWanted;
use crate::http::pages::picture::{Picture, picture};
use crate::http::pages::rows::{cause_words, decision_words, moment, segment, spaced, tone_of_state};

/// Points of the picture: as many as it is units wide.
const POINTS: usize = 320;
/// Changes on the page; the API has the others.
const SHOWN: usize = 20;

/// What may be chosen: the word of the query, its words for people, its length.
const RANGES: [(&str, &str, Duration); 3] = [
    ("24h", "24 hours", Duration::from_hours(24)),
    ("7d", "7 days", Duration::from_hours(7 * 24)),
    ("30d", "30 days", Duration::from_hours(30 * 24)),
];

/// One range to choose.
pub(super) struct Range {
    pub(super) url: String,
    pub(super) words: &'static str,
    pub(super) chosen: bool,
}

/// One stretch of the same.
pub(super) struct ChangeRow {
    pub(super) since: String,
    pub(super) lasted: String,
    pub(super) state: String,
    pub(super) tone: &'static str,
    pub(super) cause: String,
    pub(super) decision: &'static str,
}

/// What the template draws.
pub(super) struct PastOf {
    pub(super) ranges: Vec<Range>,
    pub(super) picture: Option<Picture>,
    /// Newest first.
    pub(super) changes: Vec<ChangeRow>,
    pub(super) more: usize,
}

/// Which range a query chooses; what is no range is the first.
fn chosen(query: Option<&str>) -> usize {
    let word = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("past="));
    RANGES
        .iter()
        .position(|(name, _, _)| Some(*name) == word)
        .unwrap_or(0)
}

/// `None`: no history is kept, or it could not be read; the page does without.
pub(super) async fn past(app: &App, key: &FollowerKey, query: Option<&str>) -> Option<PastOf> {
    let now = app.daemon.now();
    let place = chosen(query);
    let (_, _, range) = RANGES.get(place)?;
    let range = jiff::SignedDuration::try_from(*range).ok()?;
    let wanted = PastWanted {
        since: now.checked_sub(range).ok()?,
        until: now,
        points: POINTS,
    };
    let past = app.daemon.past(key.clone(), wanted).await.ok()?;
    let (cluster, index) = (segment(key.cluster.as_str()), segment(key.index.as_str()));
    let ranges = RANGES
        .iter()
        .enumerate()
        .map(|(number, (name, words, _))| Range {
            url: format!("/followers/{cluster}/{index}?past={name}#past"),
            words,
            chosen: number == place,
        })
        .collect();
    Some(PastOf {
        ranges,
        picture: picture(&points(&past), now),
        more: past.changes.len().saturating_sub(SHOWN),
        changes: past
            .changes
            .iter()
            .rev()
            .take(SHOWN)
            .map(|change| row(change, now))
            .collect(),
    })
}

/// The lag, with a gap where nothing was recorded.
fn points(past: &Past) -> Vec<Point> {
    let gaps: Vec<(Timestamp, Timestamp)> = past
        .changes
        .iter()
        .filter(|change| change.state.is_none())
        .map(|change| (change.at, change.until.unwrap_or(past.until)))
        .collect();
    let mut points: Vec<Point> = Vec::new();
    let mut before: Option<&PastPoint> = None;
    for point in &past.points {
        let gap = before.and_then(|before| {
            gaps.iter()
                .find(|(from, to)| *from >= before.at && *to <= point.at)
        });
        points.extend(gap.map(|(from, _)| Point { at: *from, lag: None }));
        points.push(Point {
            at: point.at,
            lag: point.lag_operations,
        });
        before = Some(point);
    }
    points
}

fn row(change: &PastChange, now: Timestamp) -> ChangeRow {
    let end = change.until.unwrap_or(now);
    ChangeRow {
        since: moment(change.at, now),
        lasted: length(millis_between(change.at, end).max(0).unsigned_abs() / 1000),
        state: change
            .state
            .map_or_else(|| "not recorded".to_owned(), |state| spaced(state.as_str())),
        tone: change.state.map_or("", tone_of_state),
        cause: change.cause.map(cause_words).unwrap_or_default(),
        decision: change.decision.map_or("", decision_words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_chosen_by_its_word_and_by_nothing_else() {
        assert_eq!(chosen(Some("past=7d")), 1);
        assert_eq!(chosen(Some("x=1&past=30d")), 2);
        for other in [None, Some(""), Some("past=1h"), Some("past=7d%20"), Some("past")] {
            assert_eq!(chosen(other), 0, "{other:?}");
        }
    }
}
