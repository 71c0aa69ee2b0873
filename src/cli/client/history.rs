//! `refollow history <cluster>/<index>`: a picture of the lag and of the runway, and every change.
#![expect(clippy::format_push_string, reason = "a few lines, read by people")]

use std::time::Duration;

use axum::http::Method;

use crate::cli::client::table::{Table, instant, length};
use crate::cli::client::{DONE, Session, follower_path, segment};
use crate::cli::look::Paint;
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::ids::FollowerKey;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, millis_between};
use crate::history::past::{Past, PastChange, PastPoint};

/// Columns of a picture where the terminal does not tell.
const USUAL: usize = 72;
/// Lines of a picture.
const LINES: usize = 4;
/// Dots of a braille character, by column and by row from below.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];

impl Session<'_> {
    /// `refollow history`; `braille`: the terminal shows more than ASCII.
    pub async fn history(
        &mut self,
        follower: &FollowerKey,
        since: Duration,
        until: Option<Duration>,
        braille: bool,
    ) -> u8 {
        let ago = |length: Duration| {
            let length = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
            self.now.checked_sub(length).unwrap_or(Timestamp::MIN)
        };
        let columns = self
            .look
            .screen
            .map_or(USUAL, |screen| screen.width.min(120))
            .max(20);
        let points = if braille { 2 * columns } else { columns };
        let path = format!(
            "{}/history?since={}&until={}&points={points}",
            follower_path(follower),
            segment(&ago(since).to_string()),
            segment(&ago(until.unwrap_or_default()).to_string()),
        );
        let value = match self.ask(Method::GET, &path, None).await {
            Ok(value) => value,
            Err(code) => return code,
        };
        if self.json {
            self.print_json(&value);
            return DONE;
        }
        match self.read::<Past>(value) {
            Ok(past) => {
                let text = told(&past, columns, braille, self.look.color);
                self.print(&text);
                DONE
            }
            Err(code) => code,
        }
    }
}

fn told(past: &Past, columns: usize, braille: bool, color: bool) -> String {
    if past.points.is_empty() && past.changes.is_empty() {
        return format!("Nothing was kept of {} in this time.\n", past.follower);
    }
    let mut out = String::new();
    let span = past
        .points
        .first()
        .map_or(past.since, |point| point.at)
        .max(past.since);
    if !past.points.is_empty() {
        let most = past.points.iter().filter_map(|point| point.lag_operations).max();
        let picture = Picture {
            from: span,
            until: past.until,
            columns,
            braille,
            gaps: past
                .changes
                .iter()
                .filter(|change| change.state.is_none())
                .map(|change| change.at)
                .collect(),
        };
        let words = most.map_or_else(
            || "never known".to_owned(),
            |most| format!("at most {most} operations"),
        );
        out += &format!("Lag, {words}\n");
        out += &picture.drawn(&past.points, |point| point.lag_operations, most.unwrap_or(0));
        let longest = past.points.iter().filter_map(|point| point.runway_seconds).max();
        if let Some(longest) = longest {
            let least = past.points.iter().filter_map(|point| point.runway_seconds).min();
            let words = |seconds: i64| length(u64::try_from(seconds).unwrap_or(0));
            out += &format!(
                "Runway, from {} down to {}\n",
                words(longest),
                words(least.unwrap_or(longest))
            );
            out += &picture.drawn(&past.points, |point| point.runway_seconds, longest);
        }
        out += &picture.axis();
        out.push('\n');
    }
    out += &table(past, color);
    for run in &past.runs {
        let rungs: Vec<&str> = run.rungs.iter().map(|rung| rung.as_str()).collect();
        out += &format!(
            "{}  a run of plan {} began ({}), let by {}\n",
            instant(run.at),
            run.plan.get(..12).unwrap_or(&run.plan),
            rungs.join(", then "),
            run.by
        );
    }
    if past.cut {
        out += "Earlier changes are left out: ask for a shorter time.\n";
    }
    if past.unreadable > 0 {
        out += &format!("{} parts of it could not be read.\n", past.unreadable);
    }
    out
}

fn table(past: &Past, color: bool) -> String {
    let mut table = Table::new(&["SINCE", "FOR", "STATE", "CAUSE", "DECISION"]);
    for change in &past.changes {
        let end = change.until.unwrap_or(past.until);
        let seconds = millis_between(change.at, end).max(0).unsigned_abs() / 1000;
        let word = |text: Option<&str>| text.unwrap_or("-").to_owned();
        table.row(vec![
            instant(change.at),
            length(seconds),
            change
                .state
                .map_or_else(|| "not recorded".to_owned(), |state| state.to_string()),
            word(change.cause.map(Cause::as_str)),
            word(change.decision.map(DecisionKind::as_str)),
        ]);
        if let (true, Some(paint)) = (color, paint(change)) {
            table.paint(2, paint);
        }
    }
    table.render()
}

fn paint(change: &PastChange) -> Option<Paint> {
    Some(match change.state? {
        State::Following | State::CatchingUp => Paint::Good,
        State::Unknown | State::Retrying | State::Restoring | State::Paused => Paint::Doubtful,
        _ => Paint::Bad,
    })
}

/// Where a number is drawn.
struct Picture {
    from: Timestamp,
    until: Timestamp,
    columns: usize,
    braille: bool,
    /// When times without records began.
    gaps: Vec<Timestamp>,
}

impl Picture {
    /// Bars of the number from below; nothing where it is not known, a dot at least where it is.
    fn drawn(&self, points: &[PastPoint], number: impl Fn(&PastPoint) -> Option<i64>, most: i64) -> String {
        let (wide, high) = if self.braille {
            (2 * self.columns, 4 * LINES)
        } else {
            (self.columns, LINES)
        };
        let mut bars: Vec<Option<usize>> = vec![None; wide];
        let span = millis_between(self.from, self.until).max(1);
        let last = i64::try_from(wide - 1).unwrap_or(0);
        let mut before: Option<(Timestamp, usize)> = None;
        for point in points {
            let Some(value) = number(point) else {
                before = None;
                continue;
            };
            let place = millis_between(self.from, point.at).clamp(0, span);
            let column =
                usize::try_from(i128::from(place) * i128::from(last) / i128::from(span)).unwrap_or(0);
            let share =
                i128::from(value.max(0)) * i128::try_from(high).unwrap_or(1) / i128::from(most.max(1));
            let height = usize::try_from(share).unwrap_or(0).clamp(1, high);
            // Between two looks it was like at the second; where nothing was recorded nothing is drawn.
            let since = before.filter(|(at, _)| !self.gaps.iter().any(|gap| gap >= at && *gap < point.at));
            let from = since.map_or(column, |(_, drawn)| (drawn + 1).min(column));
            for bar in bars.iter_mut().take(column + 1).skip(from) {
                *bar = (*bar).max(Some(height));
            }
            before = Some((point.at, column));
        }
        let mut out = String::new();
        for line in (0..LINES).rev() {
            let mut text = String::new();
            for column in 0..self.columns {
                text.push(if self.braille {
                    braille(&bars, column, line)
                } else {
                    plain(&bars, column, line)
                });
            }
            out += text.trim_end_matches([' ', '\u{2800}']);
            out.push('\n');
        }
        out
    }

    fn axis(&self) -> String {
        let (left, right) = (instant(self.from), instant(self.until));
        let gap = self.columns.saturating_sub(left.len() + right.len()).max(1);
        format!("{left}{}{right}\n", " ".repeat(gap))
    }
}

fn braille(bars: &[Option<usize>], column: usize, line: usize) -> char {
    let mut dots = 0;
    for (half, rows) in DOTS.iter().enumerate() {
        let height = bars.get(2 * column + half).copied().flatten().unwrap_or(0);
        for (row, dot) in rows.iter().enumerate() {
            if height > 4 * line + row {
                dots |= dot;
            }
        }
    }
    char::from_u32(0x2800 + dots).unwrap_or(' ')
}

fn plain(bars: &[Option<usize>], column: usize, line: usize) -> char {
    let height = bars.get(column).copied().flatten().unwrap_or(0);
    if height > line { '#' } else { ' ' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn past() -> Past {
        let point = |n: i64, lag: Option<i64>| PastPoint {
            at: at(360 * n),
            lag_operations: lag,
            runway_seconds: None,
            read_minutes: None,
            checkpoint: None,
            documents: None,
            bytes: None,
        };
        let lags = [Some(0), Some(0), None, Some(40), Some(80), Some(160)];
        Past {
            follower: FollowerKey::parse("eu/f").unwrap(),
            since: at(0),
            until: at(1800),
            points: (0..).zip(lags).map(|(n, lag)| point(n, lag)).collect(),
            changes: vec![
                PastChange {
                    at: at(0),
                    until: Some(at(900)),
                    state: Some(State::Following),
                    cause: Some(Cause::None),
                    decision: Some(DecisionKind::Leave),
                },
                PastChange {
                    at: at(900),
                    until: None,
                    state: None,
                    cause: None,
                    decision: None,
                },
            ],
            cut: false,
            runs: Vec::new(),
            unreadable: 0,
        }
    }

    #[test]
    fn a_plain_picture_is_ascii_and_a_time_that_is_not_known_is_empty() {
        let text = told(&past(), 20, false, false);
        assert!(text.is_ascii(), "{text}");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "Lag, at most 160 operations");
        assert_eq!(lines[1], "                ####");
        // The third is not known.
        assert_eq!(lines[4], "####       #########", "{text}");
        assert!(
            text.contains("2027-01-15T08:15:00Z  15m  not recorded  -      -"),
            "{text}"
        );
    }

    #[test]
    fn a_braille_picture_has_no_line_longer_than_the_terminal() {
        let text = told(&past(), 40, true, false);
        assert!(
            text.contains('\u{28b8}') || text.contains('\u{2838}') || text.contains('\u{28c0}'),
            "{text}"
        );
        for line in text.lines().take(6) {
            assert!(line.chars().count() <= 41, "{line}");
        }
    }
}
