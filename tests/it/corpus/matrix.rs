//! Which label was judged as what, kept in `docs/JUDGEMENT.md` between two markers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::keep::corpus;
use super::verdicts::judged;

const BEGIN: &str = "<!-- corpus:begin -->";
const END: &str = "<!-- corpus:end -->";

/// Files, judged right, and what else they were judged as, per labelled cause.
fn table() -> String {
    let mut rows: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let mut allowed = (0_usize, 0_usize);
    for kept in corpus() {
        let judged = judged(kept);
        let cause = judged["cause"].as_str().unwrap_or("(unreadable)").to_owned();
        *rows
            .entry(kept.expected.cause.clone())
            .or_default()
            .entry(cause)
            .or_default() += 1;
        let ladder = judged["ladder"].to_string();
        if ladder.contains("recreate") || ladder.contains("delete") {
            allowed.0 += 1;
            allowed.1 += usize::from(kept.expected.destroys());
        }
    }
    let total: usize = rows.values().flat_map(BTreeMap::values).sum();
    let mut text = format!(
        "{total} evidence files in `tests/corpus/`. {} verdicts allow `recreate` or `delete_and_follow`, {} of them rightly.\n\n\
         | labelled | files | judged so | judged as another |\n|---|---|---|---|\n",
        allowed.0, allowed.1
    );
    for (label, judged) in &rows {
        let right = judged.get(label).copied().unwrap_or(0);
        let others: Vec<String> = judged
            .iter()
            .filter(|(cause, _)| *cause != label)
            .map(|(cause, count)| format!("`{cause}` {count}"))
            .collect();
        let others = if others.is_empty() {
            "–".to_owned()
        } else {
            others.join(", ")
        };
        let files: usize = judged.values().sum();
        writeln!(text, "| `{label}` | {files} | {right} | {others} |").unwrap();
    }
    text
}

#[test]
fn the_confusion_matrix_in_the_documentation_is_the_present_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/JUDGEMENT.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    let table = format!("\n{}", table());
    println!("{table}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(
        kept == table,
        "docs/JUDGEMENT.md is stale: run UPDATE_DOCS=1 cargo test --test it corpus::matrix"
    );
}
