//! Plain aligned text for a terminal of 80 to 120 columns: tables, wrapped lines, lengths, sizes.

use crate::domain::time::{Timestamp, millis_between};

/// Columns that a wrapped line stays within.
pub const WIDTH: usize = 100;

/// Rows under their headings, columns two blanks apart, no blanks at line ends.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self {
            rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()],
        }
    }

    /// One more row.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Whether there is nothing below the headings.
    pub fn is_empty(&self) -> bool {
        self.rows.len() < 2
    }

    /// The text, each line ended.
    pub fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            for (cell, wide) in row.iter().zip(&widths) {
                line.push_str(cell);
                line.extend(std::iter::repeat_n(' ', wide - width(cell) + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Breaks at blanks; the first line begins with `lead`, the next are indented as far.
pub fn wrap(lead: &str, text: &str) -> String {
    let indent = width(lead);
    let mut out = lead.to_owned();
    let mut used = indent;
    for word in text.split_whitespace() {
        if used > indent && used + 1 + width(word) > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            used = indent;
        }
        if used > indent {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += width(word);
    }
    out.push('\n');
    out
}

/// `in 11h 58m`, `3m ago`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let millis = millis_between(now, at);
    let seconds = millis.unsigned_abs() / 1000;
    match (seconds, millis < 0) {
        (0, _) => "now".to_owned(),
        (_, true) => format!("{} ago", length(seconds)),
        (_, false) => format!("in {}", length(seconds)),
    }
}

/// The two largest units: `2d 3h`, `11h 58m`, `1m 5s`, `40s`.
pub fn length(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = match seconds {
        86_400.. => [(days, 'd'), (hours, 'h')],
        3600.. => [(hours, 'h'), (minutes, 'm')],
        60.. => [(minutes, 'm'), (seconds % 60, 's')],
        _ => return format!("{seconds}s"),
    };
    let written: Vec<String> = parts
        .iter()
        .filter(|(value, _)| *value > 0)
        .map(|(value, unit)| format!("{value}{unit}"))
        .collect();
    written.join(" ")
}

/// `512 B`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // In tenths, so that no float is needed.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS.get(unit).copied().unwrap_or("EiB")
    )
}

/// RFC 3339 in UTC, whole seconds.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters_and_lines_have_no_blanks_at_their_ends() {
        let mut table = Table::new(&["FOLLOWER", "STATE", "NOTE"]);
        assert!(table.is_empty());
        table.row(vec!["eu/aü-f".to_owned(), "following".to_owned(), String::new()]);
        table.row(vec!["eu/orders-f".to_owned(), "fatal".to_owned(), "x".to_owned()]);
        assert_eq!(
            table.render(),
            "FOLLOWER     STATE      NOTE\neu/aü-f      following\neu/orders-f  fatal      x\n"
        );
    }

    #[test]
    fn long_lines_are_broken_at_blanks_under_their_beginning() {
        let text = wrap("  guard  ", &"word ".repeat(30));
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.lines().nth(1).unwrap().starts_with("         word"),
            "{text}"
        );
        let unbreakable = wrap("x ", &"y".repeat(200));
        assert_eq!(unbreakable.lines().count(), 1, "a command is never cut");
    }

    #[test]
    fn lengths_and_sizes_are_short() {
        let lengths = [0, 59, 60, 61, 3600, 43_080, 86_400, 190_800].map(length);
        assert_eq!(
            lengths,
            ["0s", "59s", "1m", "1m 1s", "1h", "11h 58m", "1d", "2d 5h"]
        );
        let sizes = [0, 1023, 1024, 1536, 5_000_000_000, u64::MAX].map(size);
        assert_eq!(
            sizes,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "4.6 GiB", "1.5 EiB"]
        );
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(relative(at(100), at(40)), "in 1m");
        assert_eq!(relative(at(40), at(100)), "1m ago");
        assert_eq!(relative(at(40), at(40)), "now");
        assert_eq!(instant(at(0)), "1970-01-01T00:00:00Z");
    }
}
