//! The house in order: who may import whom, what every file must say, what must not be in the tree.
//!
//! The checks are functions over text, so that each is shown to fail on a planted violation
//! before it is believed about the real tree.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Who may import whom, from the ground up: a module may import only modules in rows above it,
/// and of those only what its row names. An entry `elastic::transport` allows that part alone.
/// `docs/ARCHITECTURE.md` shows the same table with reasons.
const IMPORTS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("clock", &[]),
    ("tasks", &[]),
    ("telemetry", &[]),
    ("systemd", &[]),
    ("judge", &["domain"]),
    ("policy", &["domain"]),
    ("metrics", &["domain"]),
    ("elastic", &["domain", "clock"]),
    ("history", &["domain", "policy"]),
    ("notify", &["domain", "policy::glob", "elastic::auth"]),
    ("store", &["domain", "history"]),
    (
        "evidence",
        &[
            "domain",
            "judge",
            "elastic::wire",
            "elastic::transport",
            "elastic::read",
        ],
    ),
    ("sandbox", &["domain", "tasks", "clock", "elastic::transport"]),
    (
        "engine",
        &[
            "domain", "clock", "tasks", "judge", "policy", "metrics", "elastic", "history", "notify",
            "store", "evidence",
        ],
    ),
    ("http", &["domain", "tasks", "metrics", "history", "engine"]),
    (
        "config",
        &[
            "domain",
            "policy::settings",
            "policy::glob",
            "history::recorder",
            "elastic::auth",
            "elastic::net",
            "notify",
            "telemetry",
        ],
    ),
    (
        "app",
        &[
            "domain",
            "clock",
            "tasks",
            "telemetry",
            "systemd",
            "judge",
            "policy",
            "metrics",
            "elastic",
            "notify",
            "history",
            "store",
            "evidence",
            "engine",
            "http",
            "config",
        ],
    ),
    (
        "bench",
        &[
            "domain", "clock", "judge", "policy", "metrics", "elastic", "history", "store", "engine",
            "sandbox",
        ],
    ),
    (
        "demo",
        &[
            "domain",
            "clock",
            "tasks",
            "telemetry",
            "config",
            "sandbox",
            "http",
            "app",
        ],
    ),
    (
        "cli",
        &[
            "domain",
            "clock",
            "tasks",
            "telemetry",
            "config",
            "evidence",
            "history",
            "sandbox",
            "http",
            "app",
            "bench",
            "demo",
        ],
    ),
];

/// Modules without I/O, clock and async: time is an argument.
const PURE: &[&str] = &["domain", "judge", "policy", "history"];

/// What a pure module must not even mention.
const IMPURE: &[&str] = &[
    "tokio",
    "std::time::Instant",
    "SystemTime",
    "Timestamp::now",
    "Zoned::now",
    "std::fs",
    "std::net",
    "std::env",
    "reqwest",
    "sqlx",
    "fastrand",
];

/// Documents that the issue asks for by name.
const DOCUMENTS: &[&str] = &[
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "CONTRIBUTING.md",
    "config/refollow.toml",
    "config/minimal.toml",
    "systemd/refollow.service",
    "systemd/refollow.sysusers",
    "scripts/test",
    ".ci/run",
    "docs/ARCHITECTURE.md",
    "docs/SAFETY.md",
    "docs/OPERATIONS.md",
    "docs/CONFIGURATION.md",
    "docs/TESTING.md",
    "docs/adr/0000-template.md",
];

/// Texts that tie the tree to the machine it was written on.
const MACHINE: &[&str] = &["/work/", "/root/"];

/// The one place that crates come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// One source file: its path from the root of the package, and its text.
#[derive(Debug, Clone)]
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
        }
    }

    /// `engine` for `src/engine.rs` and `src/engine/steps.rs`; `None` for `src/main.rs` and `src/lib.rs`.
    fn module(&self) -> Option<&str> {
        let path = self.path.strip_prefix("src/")?;
        let module = path.split('/').next()?;
        let module = module.strip_suffix(".rs").unwrap_or(module);
        (module != "main" && module != "lib").then_some(module)
    }

    /// How many modules stand above its items: 1 for `src/engine.rs`, 2 for `src/engine/steps.rs`.
    fn depth(&self) -> usize {
        self.path.split('/').count() - 1
    }

    fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs") || self.path.contains("/tests/") || self.path.ends_with("_tests.rs")
    }

    /// Lines that ship, counted from 1, without comments; nothing from the test module on.
    fn shipped(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let end = (0..lines.len())
            .find(|at| {
                lines[*at].starts_with("#[cfg(test)]")
                    && lines[at + 1..]
                        .iter()
                        .find(|line| !line.starts_with("#["))
                        .is_some_and(|line| line.starts_with("mod ") && line.ends_with('{'))
            })
            .unwrap_or(lines.len());
        let end = if self.is_test() { 0 } else { end };
        self.text
            .lines()
            .take(end)
            .enumerate()
            .map(|(at, line)| (at + 1, line.split("//").next().unwrap_or(line)))
    }
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    walk(&root().join("src"), &mut |path| {
        if path.extension().is_some_and(|end| end == "rs") {
            found.push(Source::new(&from_root(path), &fs::read_to_string(path).unwrap()));
        }
    });
    assert!(found.len() > 20, "the walk finds the sources");
    found
}

fn walk(directory: &Path, see: &mut impl FnMut(&Path)) {
    let mut entries: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, see);
        } else {
            see(&path);
        }
    }
}

fn from_root(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Every `crate::a::b` in a line, as `a::b`.
fn crate_paths(line: &str) -> Vec<String> {
    line.match_indices("crate::")
        .filter(|(at, _)| !line[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, found)| {
            line[at + found.len()..]
                .chars()
                .take_while(|c| c.is_alphanumeric() || matches!(c, '_' | ':'))
                .collect::<String>()
                .trim_end_matches(':')
                .to_owned()
        })
        .collect()
}

fn wrong_imports(sources: &[Source], table: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        let Some(module) = source.module() else {
            continue;
        };
        let Some((_, allowed)) = table.iter().find(|(name, _)| *name == module) else {
            wrong.push(format!(
                "{}: module `{module}` has no row in the import table",
                source.path
            ));
            continue;
        };
        for (number, line) in source.shipped() {
            let place = format!("{}:{number}", source.path);
            if line.contains("crate::{") || line.contains("super::{super") {
                wrong.push(format!(
                    "{place}: a group hides what is imported; write one path per line"
                ));
            }
            let ups = line.matches("super::").count();
            let chained = (1..=ups).rev().find(|n| line.contains(&"super::".repeat(*n)));
            if let Some(chained) = chained
                && (chained > 1 || !line.starts_with(' '))
                && chained >= source.depth()
            {
                wrong.push(format!("{place}: `super` leaves the module; write `crate::…`"));
            }
            for path in crate_paths(line) {
                let target = path.split("::").next().unwrap_or_default();
                let fits = target == module
                    || target.is_empty()
                    || allowed
                        .iter()
                        .any(|entry| path == *entry || path.starts_with(&format!("{entry}::")))
                    || (!path.contains("::") && allowed.contains(&target));
                if !fits {
                    wrong.push(format!("{place}: `{module}` may not import `crate::{path}`"));
                }
            }
        }
    }
    wrong
}

fn cycles(table: &[(&str, &[&str])]) -> Vec<String> {
    let mut above = BTreeSet::new();
    let mut wrong = Vec::new();
    for (module, allowed) in table {
        for entry in *allowed {
            let target = entry.split("::").next().unwrap_or(entry);
            if !above.contains(target) {
                wrong.push(format!(
                    "`{module}` lists `{entry}`, which is not in a row above it"
                ));
            }
        }
        if !above.insert(*module) {
            wrong.push(format!("`{module}` has two rows"));
        }
    }
    wrong
}

fn without_header(sources: &[Source]) -> Vec<String> {
    sources
        .iter()
        .filter(|source| !source.text.starts_with("//! "))
        .map(|source| format!("{}: has no `//!` header that says what it owns", source.path))
        .collect()
}

fn left_behind(sources: &[Source]) -> Vec<String> {
    let words = ["dbg", "todo", "unimplemented"].map(|word| format!("{word}!("));
    let mut wrong = Vec::new();
    for source in sources {
        for (number, line) in source.text.lines().enumerate() {
            for word in words.iter().filter(|word| line.contains(word.as_str())) {
                wrong.push(format!("{}:{}: {word}…)", source.path, number + 1));
            }
        }
    }
    wrong
}

fn impure(sources: &[Source]) -> Vec<String> {
    let mut wrong = Vec::new();
    for source in sources {
        if !source.module().is_some_and(|module| PURE.contains(&module)) {
            continue;
        }
        for (number, line) in source.shipped() {
            for word in IMPURE.iter().filter(|word| mentions(line, word)) {
                wrong.push(format!(
                    "{}:{number}: a pure module mentions `{word}`",
                    source.path
                ));
            }
        }
    }
    wrong
}

/// Whether the word stands there as a whole.
fn mentions(line: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(part) && !line[at + word.len()..].starts_with(part))
}

/// `[text](target)` links of a document whose files or headings are not there.
fn broken_links(path: &str, text: &str, exists: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in without_code(text).lines().enumerate() {
        for (at, _) in line.match_indices("](") {
            let target: String = line[at + 2..].chars().take_while(|c| *c != ')').collect();
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let place = format!("{path}:{}", number + 1);
            let full = if file.is_empty() {
                path.to_owned()
            } else {
                joined(path, file)
            };
            match exists(&full) {
                None => wrong.push(format!("{place}: `{target}` is not there")),
                Some(other) if !anchor.is_empty() && !anchors(&other).contains(anchor) => {
                    wrong.push(format!("{place}: `{full}` has no heading `#{anchor}`"));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

/// The text with the lines of fenced blocks and what stands between backticks emptied.
fn without_code(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            kept.extend(line.split('`').step_by(2));
        }
        kept.push('\n');
    }
    kept
}

/// `docs/adr/x.md` and `../SAFETY.md` make `docs/SAFETY.md`.
fn joined(from: &str, link: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.trim_end_matches('/').split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Headings the way the forges name them: small letters, blanks to dashes, other signs away.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

/// Files of the repository with their modes, as git has them; `None` outside a clone.
fn committed() -> Option<Vec<(String, String)>> {
    let output = std::process::Command::new("git")
        .args(["ls-files", "--stage"])
        .current_dir(root())
        .output()
        .ok()?;
    if !output.status.success() {
        return None;
    }
    let listing = String::from_utf8(output.stdout).ok()?;
    Some(
        listing
            .lines()
            .filter_map(|line| {
                let (about, path) = line.split_once('\t')?;
                Some((path.to_owned(), about.split(' ').next()?.to_owned()))
            })
            .collect(),
    )
}

fn wrongly_executable(files: &[(String, String)]) -> Vec<String> {
    files
        .iter()
        .filter(|(path, mode)| mode == "100755" && !path.starts_with("scripts/") && path != ".ci/run")
        .map(|(path, _)| format!("{path}: is executable and no script"))
        .collect()
}

fn names_this_machine(path: &str, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in MACHINE {
            // `/network/`, `src/work/`: only a path that begins there counts.
            let begins = line.match_indices(word).any(|(at, _)| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
            });
            if begins {
                wrong.push(format!("{path}:{}: names `{word}`", number + 1));
            }
        }
    }
    wrong
}

#[test]
fn every_module_imports_only_what_its_row_allows() {
    assert_eq!(wrong_imports(&sources(), IMPORTS), [""; 0]);
}

#[test]
fn the_import_table_holds_no_cycle() {
    assert_eq!(cycles(IMPORTS), [""; 0]);
}

#[test]
fn every_file_says_what_it_owns() {
    assert_eq!(without_header(&sources()), [""; 0]);
}

#[test]
fn nothing_unfinished_is_left_behind() {
    assert_eq!(left_behind(&sources()), [""; 0]);
}

#[test]
fn pure_modules_know_no_clock_and_no_io() {
    assert_eq!(impure(&sources()), [""; 0]);
}

#[test]
fn every_document_that_was_promised_exists() {
    let missing: Vec<&&str> = DOCUMENTS
        .iter()
        .filter(|path| fs::metadata(root().join(path)).map_or(true, |about| about.len() == 0))
        .collect();
    assert_eq!(missing, [&""; 0]);
    let records = fs::read_dir(root().join("docs/adr")).unwrap().count();
    assert!(records > 1, "docs/adr holds more than its template");
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut documents = BTreeMap::new();
    for place in [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "tests/recordings/README.md",
    ] {
        documents.insert(place.to_owned(), fs::read_to_string(root().join(place)).unwrap());
    }
    walk(&root().join("docs"), &mut |path| {
        if path.extension().is_some_and(|end| end == "md") {
            documents.insert(from_root(path), fs::read_to_string(path).unwrap());
        }
    });
    let exists = |path: &str| {
        let full = root().join(path);
        full.exists()
            .then(|| fs::read_to_string(full).unwrap_or_default())
    };
    let wrong: Vec<String> = documents
        .iter()
        .flat_map(|(path, text)| broken_links(path, text, exists))
        .collect();
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn nothing_in_the_repository_belongs_to_one_machine() {
    // Outside a clone there is nothing committed to look at; `scripts/test` runs in one.
    let Some(files) = committed() else {
        return;
    };
    assert_eq!(wrongly_executable(&files), [""; 0]);
    let mut wrong = Vec::new();
    for (path, _) in &files {
        // Recordings are what real clusters answered; this file names what it looks for.
        if path.starts_with("tests/recordings/") || path == "tests/it/tidy.rs" {
            continue;
        }
        let Ok(bytes) = fs::read(root().join(path)) else {
            continue;
        };
        match String::from_utf8(bytes) {
            Ok(text) => wrong.extend(names_this_machine(path, &text)),
            Err(_) => wrong.push(format!("{path}: is no text; binaries do not belong here")),
        }
    }
    assert_eq!(wrong, [""; 0]);
}

#[test]
fn crates_come_from_the_public_registry_only() {
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let wrong: Vec<&str> = lock
        .lines()
        .filter(|line| line.starts_with("source = ") && !line.contains(REGISTRY))
        .collect();
    assert_eq!(wrong, [""; 0]);
    assert!(
        !root().join(".cargo/config.toml").exists(),
        "no registry is replaced for everybody"
    );
}

/// Each check is shown to fail on a planted violation.
mod planted {
    use super::*;

    #[test]
    fn a_wrong_import_is_seen_wherever_it_hides() {
        let table: &[(&str, &[&str])] = &[
            ("domain", &[]),
            ("elastic", &["domain"]),
            ("sandbox", &["elastic::transport"]),
        ];
        let wrong = |path: &str, text: &str| wrong_imports(&[Source::new(path, text)], table);
        assert_eq!(
            wrong("src/domain/ids.rs", "//! x\nuse crate::elastic::Client;\n"),
            ["src/domain/ids.rs:2: `domain` may not import `crate::elastic::Client`"]
        );
        for (path, text) in [
            ("src/domain.rs", "fn f() { crate::elastic::go() }"),
            ("src/domain.rs", "use crate::{elastic::Client};"),
            ("src/domain.rs", "use super::elastic::Client;"),
            ("src/domain/ids.rs", "use super::super::elastic::Client;"),
            ("src/domain/ids.rs", "use super::{super::elastic};"),
            ("src/sandbox/a.rs", "use crate::elastic::client::Client;"),
            ("src/sandbox/a.rs", "use crate::elastic;"),
            ("src/newcomer.rs", "//! x"),
        ] {
            assert!(!wrong(path, text).is_empty(), "{path}: {text}");
        }
        for (path, text) in [
            ("src/elastic/read.rs", "use crate::domain::ids::IndexName;"),
            ("src/elastic/wire/a.rs", "use super::super::read;"),
            ("src/sandbox/a.rs", "use crate::elastic::transport::Request;"),
            ("src/domain.rs", "// crate::elastic is not known here"),
            (
                "src/domain.rs",
                "#[cfg(test)]\nmod tests {\n    use crate::elastic::X;\n}",
            ),
            ("src/domain/tests.rs", "use crate::elastic::X;"),
            ("src/domain.rs", "pub(crate) fn f() { crate::domain::g() }"),
        ] {
            assert_eq!(wrong(path, text), [""; 0], "{path}: {text}");
        }
    }

    #[test]
    fn a_cycle_is_seen() {
        assert_eq!(cycles(&[("a", &["b"]), ("b", &["a"])]).len(), 1);
        assert_eq!(cycles(&[("a", &[]), ("a", &[])]).len(), 1);
        assert_eq!(cycles(&[("a", &["a::b"])]).len(), 1);
    }

    #[test]
    fn a_missing_header_and_a_leftover_are_seen() {
        let source = Source::new("src/a.rs", &format!("use x;\nfn f() {{ {}!() }}\n", "todo"));
        assert_eq!(without_header(std::slice::from_ref(&source)).len(), 1);
        assert_eq!(left_behind(&[source]).len(), 1);
    }

    #[test]
    fn a_clock_in_a_pure_module_is_seen() {
        let impure_in = |path: &str, text: &str| impure(&[Source::new(path, text)]).len();
        assert_eq!(
            impure_in("src/policy/a.rs", "let now = std::time::Instant::now();"),
            1
        );
        assert_eq!(impure_in("src/judge.rs", "use tokio::time;"), 1);
        assert_eq!(impure_in("src/judge.rs", "// tokio is not known here"), 0);
        assert_eq!(impure_in("src/engine.rs", "use tokio::time;"), 0);
        assert_eq!(
            impure_in("src/domain.rs", "/// SystemTime\nlet MySystemTime = 1;"),
            0
        );
    }

    #[test]
    fn a_broken_link_is_seen() {
        let exists = |path: &str| (path == "docs/SAFETY.md").then(|| "# The fifteen promises\n".to_owned());
        let broken = |text: &str| broken_links("docs/adr/1.md", text, exists).len();
        assert_eq!(
            broken("[a](../SAFETY.md) [b](../SAFETY.md#the-fifteen-promises)"),
            0
        );
        assert_eq!(broken("[a](https://example.org/x) `[a](nowhere.md)`"), 0);
        assert_eq!(broken("```\n[a](nowhere.md)\n```"), 0);
        assert_eq!(broken("[a](SAFETY.md)"), 1);
        assert_eq!(broken("[a](../SAFETY.md#nothing)"), 1);
    }

    #[test]
    fn an_executable_and_a_path_of_this_machine_are_seen() {
        let file = |path: &str, mode: &str| (path.to_owned(), mode.to_owned());
        assert_eq!(
            wrongly_executable(&[
                file("scripts/test", "100755"),
                file("src/lib.rs", "100644"),
                file("tool", "100755")
            ]),
            ["tool: is executable and no script"]
        );
        assert_eq!(names_this_machine("a", "see /work/shared").len(), 1);
        assert_eq!(names_this_machine("a", "see src/work/x and /network/").len(), 0);
    }
}
