//! The committed files: writing them in a form that diffs well, and reading them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::world::Entry;

/// A committed label.
#[derive(Debug, Clone, Deserialize)]
pub struct Expected {
    /// State, where it is certain.
    pub state: Option<String>,
    /// Cause.
    pub cause: String,
    /// Ladder.
    pub ladder: Vec<String>,
    /// Approval.
    pub approval: String,
    /// Which sentence demands it.
    pub why: String,
}

impl Expected {
    /// Whether a rung destroys the local copy.
    pub fn destroys(&self) -> bool {
        self.ladder
            .iter()
            .any(|rung| rung == "recreate" || rung == "delete_and_follow")
    }
}

/// One committed file.
#[derive(Debug, Clone)]
pub struct Kept {
    /// `<cause>/<name>.json`.
    pub file: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its label.
    pub expected: Expected,
}

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// One response to a line: small, and a change shows where it is.
fn printed(evidence: &Value) -> String {
    let mut text = String::from("{\n");
    let object = evidence.as_object().unwrap();
    for (key, value) in object.iter().filter(|(key, _)| *key != "responses") {
        writeln!(text, "  {}: {value},", json!(key)).unwrap();
    }
    text.push_str("  \"responses\": [\n");
    let lines: Vec<String> = object["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| format!("    {response}"))
        .collect();
    text.push_str(&lines.join(",\n"));
    text.push_str("\n  ]\n}\n");
    text
}

/// Writes files and labels, and removes what is no longer made.
fn write(entries: &[Entry]) {
    let root = directory();
    let mut lines = Vec::new();
    let mut wanted: BTreeSet<PathBuf> = BTreeSet::new();
    for entry in entries {
        let path = root.join(&entry.file);
        assert!(wanted.insert(path.clone()), "{} is made twice", entry.file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, printed(&entry.evidence)).unwrap();
        let label = &entry.label;
        lines.push(format!(
            "  {}: {}",
            json!(entry.file),
            json!({ "state": label.state, "cause": label.cause, "ladder": label.ladder, "approval": label.approval, "why": label.why })
        ));
    }
    for path in files() {
        if !wanted.contains(&path) {
            std::fs::remove_file(path).unwrap();
        }
    }
    std::fs::write(
        root.join("expected.json"),
        format!("{{\n{}\n}}\n", lines.join(",\n")),
    )
    .unwrap();
}

/// Every evidence file there is.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(causes) = std::fs::read_dir(directory()) else {
        return found;
    };
    for cause in causes {
        let path = cause.unwrap().path();
        if path.is_dir() {
            found.extend(std::fs::read_dir(path).unwrap().map(|file| file.unwrap().path()));
        }
    }
    found.sort();
    found
}

/// The committed corpus; written anew first where `UPDATE_CORPUS` asks for it.
pub fn corpus() -> &'static [Kept] {
    static CORPUS: OnceLock<Vec<Kept>> = OnceLock::new();
    CORPUS.get_or_init(|| {
        if std::env::var_os("UPDATE_CORPUS").is_some() {
            write(&super::made());
        }
        let root = directory();
        let labels = std::fs::read(root.join("expected.json")).unwrap();
        let labels: BTreeMap<String, Expected> = serde_json::from_slice(&labels).unwrap();
        let there: BTreeSet<PathBuf> = files().into_iter().collect();
        let labelled: BTreeSet<PathBuf> = labels.keys().map(|file| root.join(file)).collect();
        assert_eq!(there, labelled, "every file has a label and every label a file");
        labels
            .into_iter()
            .map(|(file, expected)| Kept {
                bytes: std::fs::read(root.join(&file)).unwrap(),
                file,
                expected,
            })
            .collect()
    })
}

#[test]
fn the_committed_files_are_those_that_the_scenarios_make() {
    for (kept, made) in corpus().iter().zip(super::made()) {
        assert_eq!(
            kept.file, made.file,
            "run UPDATE_CORPUS=1 cargo test --test it corpus::"
        );
        assert!(
            kept.bytes == printed(&made.evidence).into_bytes(),
            "{} is stale: run UPDATE_CORPUS=1 cargo test --test it corpus::",
            kept.file
        );
        assert_eq!(kept.expected.why, made.label.why, "{}", kept.file);
    }
    assert_eq!(corpus().len(), super::made().len());
}
