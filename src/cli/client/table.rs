//! Plain aligned text for a terminal of 80 to 120 columns: tables and wrapped lines.

pub use crate::domain::words::{instant, length, relative, size};

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
}
