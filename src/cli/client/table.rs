//! Plain aligned text for a terminal of 80 to 120 columns: tables and wrapped lines.

use crate::cli::look::Paint;
pub use crate::domain::words::{instant, length, relative, size};

/// Columns that a wrapped line stays within.
pub const WIDTH: usize = 100;

/// A column that is made narrower keeps so many characters.
const NARROW: usize = 12;

/// Rows under their headings, columns two blanks apart, no blanks at line ends.
#[derive(Debug, Clone)]
pub struct Table {
    rows: Vec<Vec<String>>,
    paints: Vec<(usize, usize, Paint)>,
}

impl Table {
    /// An empty table with these headings.
    pub fn new(headings: &[&str]) -> Self {
        Self {
            rows: vec![headings.iter().map(|heading| (*heading).to_owned()).collect()],
            paints: Vec::new(),
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

    /// Colours one cell of the last row.
    pub fn paint(&mut self, column: usize, paint: Paint) {
        self.paints.push((self.rows.len() - 1, column, paint));
    }

    /// Makes the lines fit into `columns`: the widest cells are cut in their middle, since names
    /// tell themselves apart by their ends as well. Columns of [`NARROW`] or less stay whole, so a
    /// very narrow terminal still gets longer lines. Answers whether anything was cut.
    pub fn fit(&mut self, columns: usize) -> bool {
        let mut widths = self.widths();
        let gaps = 2 * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > columns {
            match widths.iter_mut().max() {
                Some(widest) if *widest > NARROW => *widest -= 1,
                _ => break,
            }
        }
        let mut any = false;
        for row in &mut self.rows {
            for (cell, wide) in row.iter_mut().zip(&widths) {
                if width(cell) > *wide {
                    *cell = cut(cell, *wide);
                    any = true;
                }
            }
        }
        any
    }

    fn widths(&self) -> Vec<usize> {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        (0..columns)
            .map(|column| {
                self.rows
                    .iter()
                    .filter_map(|row| row.get(column))
                    .map(|cell| width(cell))
                    .max()
                    .unwrap_or(0)
            })
            .collect()
    }

    /// The text, each line ended.
    pub fn render(&self) -> String {
        let widths = self.widths();
        let mut out = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            let last = row.iter().rposition(|cell| !cell.is_empty());
            for (column, (cell, wide)) in row.iter().zip(&widths).enumerate() {
                let paint = self
                    .paints
                    .iter()
                    .find(|(row, painted, _)| (*row, *painted) == (number, column));
                match paint {
                    Some((_, _, paint)) => out.push_str(&paint.on(cell)),
                    None => out.push_str(cell),
                }
                if last.is_none_or(|last| column >= last) {
                    break;
                }
                out.extend(std::iter::repeat_n(' ', wide - width(cell) + 2));
            }
            out.push('\n');
        }
        out
    }
}

/// The beginning and the end of a text around `…`, together `wide` characters.
fn cut(text: &str, wide: usize) -> String {
    let kept = wide.saturating_sub(1);
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let all = width(text);
    text.chars()
        .take(head)
        .chain(std::iter::once('…'))
        .chain(text.chars().skip(all - tail))
        .collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Breaks at blanks; the first line begins with `lead`, the next are indented as far.
pub fn wrap(lead: &str, text: &str) -> String {
    wrap_to(WIDTH, lead, text)
}

/// [`wrap`], into so many columns.
pub fn wrap_to(columns: usize, lead: &str, text: &str) -> String {
    let indent = width(lead);
    let mut out = lead.to_owned();
    let mut used = indent;
    for word in text.split_whitespace() {
        if used > indent && used + 1 + width(word) > columns {
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
    fn a_table_that_is_too_wide_is_cut_in_the_middle_of_its_widest_cells() {
        let mut table = Table::new(&["FOLLOWER", "STATE"]);
        table.row(vec![
            "eu/orders-of-the-year-2026-f".to_owned(),
            "fatal".to_owned(),
        ]);
        table.paint(1, Paint::Bad);
        assert!(!table.clone().fit(35), "it fits as it is");
        assert!(table.fit(24));
        let text = table.render();
        assert_eq!(
            text,
            "FOLLOWER           STATE\neu/order…r-2026-f  \u{1b}[31mfatal\u{1b}[0m\n"
        );
        assert!(table.fit(3), "down to what is still told apart");
        assert!(table.render().contains("eu/ord…026-f  "), "{}", table.render());
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
