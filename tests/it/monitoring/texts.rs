//! Small readers of texts: files below a directory, words in backticks, metric names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every file below a directory, in order.
pub fn files_below(place: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(place) else {
        return files;
    };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// What stands between backticks, and in fenced blocks line by line.
pub fn code(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.push(line.trim().to_owned());
        } else {
            found.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// The names of metrics in an expression: words that begin with `refollow_`, or `up`.
pub fn metrics_in(expression: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut quoted = false;
    let mut word = String::new();
    for letter in expression.chars().chain([' ']) {
        if letter == '"' {
            quoted = !quoted;
        }
        if !quoted && (letter.is_ascii_alphanumeric() || letter == '_' || letter == ':') {
            word.push(letter);
            continue;
        }
        if word.starts_with("refollow_") || word.contains(":refollow_") {
            found.insert(word.clone());
        }
        word.clear();
    }
    found
}

#[test]
fn words_of_an_expression_that_are_metrics_are_found_and_quoted_ones_are_not() {
    let expression =
        "sum by (x) (rate(refollow_runs_total{job=\"refollow_job\"}[5m])) / a:refollow_x:sum > 0";
    let found: Vec<String> = metrics_in(expression).into_iter().collect();
    assert_eq!(found, ["a:refollow_x:sum", "refollow_runs_total"]);
    assert_eq!(code("a `b` c\n```\nd e\n```\n`f`"), ["b", "d e", "f"]);
}
