//! The book is true: its index is complete, every command in it is understood, its references of the
//! API and the metrics are made from the code, and its roles are enough for what the program asks of them.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use refollow::domain::facts::Facts;
use refollow::domain::ids::{FollowerKey, IndexName};
use refollow::domain::time::Timestamp;
use refollow::elastic::read::Look;
use refollow::engine::looking::{Depth, follower_looks, leader_looks};
use serde_json::Value;

use crate::http_api::start;
use crate::monitoring::commands::wrong;
use crate::monitoring::texts::files_below;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The pages of the book; runbooks have a test of their own.
fn pages() -> Vec<PathBuf> {
    let mut all: Vec<PathBuf> = files_below(&root().join("docs"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|end| end == "md"))
        .filter(|path| path.parent() == Some(&root().join("docs")))
        .collect();
    all.extend(["README.md", "monitoring/README.md", "CHANGELOG.md"].map(|name| root().join(name)));
    all
}

#[test]
fn every_command_of_the_book_is_understood() {
    let mut all = Vec::new();
    let mut count = 0;
    for path in pages() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (found, commands) = wrong(&name, &fs::read_to_string(&path).unwrap());
        all.extend(found);
        count += commands;
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
    assert!(count > 60, "only {count} were found");
}

#[test]
fn the_index_names_every_page() {
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    for path in pages() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let linked = index.contains(&format!("({name}")) || index.contains(&format!("/{name})"));
        assert!(
            linked || ["README.md", "CHANGELOG.md"].contains(&name),
            "{name} is not in the index"
        );
    }
}

/// Operations of the OpenAPI document, one row each.
fn reference(document: &Value) -> String {
    let mut out = String::from(
        "# The API\n\nMade from the code: do not edit by hand; `UPDATE_DOCS=1 cargo test --test it book::` writes it.\n\n\
         Everything below is under `/api/v1` of `daemon.listen`, and of the admin socket. For programs:\n\
         `/api/v1/openapi.json` of the running daemon, with the shapes of bodies and answers. Errors are\n\
         `application/problem+json`; roles and tokens: [Operations](OPERATIONS.md#pages-api-and-tokens-over-tcp).\n\n\
         | method | path | what | answer | who |\n|---|---|---|---|---|\n",
    );
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(summary) = operation["summary"].as_str() else {
                continue;
            };
            let who = operation["description"].as_str().unwrap_or_default();
            let answer = operation
                .pointer("/responses/200/content/application~1json/schema/$ref")
                .and_then(Value::as_str)
                .and_then(|name| name.rsplit('/').next())
                .map_or_else(|| "-".to_owned(), |name| format!("`{name}`"));
            let path = path.strip_prefix("/api/v1").unwrap_or(path);
            let cells = [summary, answer.as_str(), who].map(|cell| cell.replace('|', "\\|"));
            writeln!(
                out,
                "| `{}` | `{path}` | {} |",
                method.to_uppercase(),
                cells.join(" | ")
            )
            .unwrap();
        }
    }
    out
}

#[tokio::test]
async fn the_reference_of_the_api_is_current() {
    let running = start().await;
    let (status, document) = running
        .client
        .call(axum::http::Method::GET, "/api/v1/openapi.json", None)
        .await
        .unwrap();
    assert_eq!(status, 200);
    let made = reference(&document);
    assert!(made.lines().count() > 25, "{made}");
    let path = root().join("docs/API.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/API.md is not current; run UPDATE_DOCS=1 cargo test --test it book::"
    );
}

/// Name, kind and help of every metric that the code defines: a literal of its own, the kind (where
/// the definition names one) and the literal of its help.
fn metrics() -> Vec<(String, String, String)> {
    let (mut found, mut named) = (Vec::<(String, String, String)>::new(), Vec::new());
    let files = files_below(&root().join("src/metrics"));
    for path in files.iter().filter(|path| !path.ends_with("tests.rs")) {
        let text = fs::read_to_string(path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        let lines: Vec<&str> = code.lines().map(str::trim).collect();
        for (number, line) in lines.iter().enumerate() {
            let literal = |line: &str| {
                let inside = line.strip_prefix('"')?.trim_end_matches(',').strip_suffix('"')?;
                Some(inside.to_owned())
            };
            let Some(name) = literal(line).filter(|name| {
                name.starts_with("refollow_") && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            }) else {
                assert!(
                    !line.contains("\"refollow_") || line.starts_with("//"),
                    "{}: a metric in a form that the reference cannot read: {line}",
                    path.display()
                );
                continue;
            };
            let mut rest = lines[number + 1..].iter();
            let mut next = *rest.next().unwrap();
            let mut kind = if name.ends_with("_total") {
                "counter"
            } else {
                "gauge"
            }
            .to_owned();
            if let Some(named) = next.strip_prefix("Kind::") {
                kind = named.trim_end_matches(',').to_lowercase();
                next = rest.next().unwrap();
            } else if name == "refollow_run_step_duration_seconds" {
                kind = String::from("histogram");
            }
            match literal(next).filter(|help| !help.starts_with("refollow_")) {
                Some(help) => found.push((name, kind, help)),
                // A list of names; each is defined elsewhere.
                None => named.push(name),
            }
        }
    }
    for name in named {
        assert!(
            found.iter().any(|(defined, ..)| *defined == name),
            "{name} has no help"
        );
    }
    found.sort();
    found
}

#[test]
fn the_reference_of_the_metrics_is_current() {
    let metrics = metrics();
    assert!(metrics.len() > 60, "only {} were found", metrics.len());
    let mut made = String::from(
        "# Metrics\n\nMade from the code: do not edit by hand; `UPDATE_DOCS=1 cargo test --test it book::` writes it.\n\n\
         Labels: `es_cluster`, `remote_cluster`, `leader_index`, `follower_index`, `shard`. Those of shards exist at the level\n\
         `shard` ([Configuration](CONFIGURATION.md#metrics)); lag and fatal exception of the worst shards at every level. A standby\n\
         exports `refollow_standby` and nothing else. What to watch first, with the other labels:\n\
         [Operations](OPERATIONS.md#metrics); ready rules: [monitoring](../monitoring/README.md). The names `elasticsearch_ccr_…` of\n\
         `metrics.exporter_names` are those of elasticsearch_exporter and stand in `src/metrics/exporter.rs`.\n\n\
         | metric | kind | what it tells |\n|---|---|---|\n",
    );
    for (name, kind, help) in metrics {
        writeln!(made, "| `{name}` | {kind} | {} |", help.replace('|', "\\|")).unwrap();
    }
    let path = root().join("docs/METRICS.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == made,
        "docs/METRICS.md is not current; run UPDATE_DOCS=1 cargo test --test it book::"
    );
}

/// `cluster:<privilege>` and `index:<privilege>` of a role, or of a question about privileges.
fn held(role: &Value, indices: &str) -> BTreeSet<String> {
    let texts = |list: &Value, kind: &str| -> Vec<String> {
        let list = list.as_array().cloned().unwrap_or_default();
        list.iter()
            .map(|one| format!("{kind}:{}", one.as_str().unwrap()))
            .collect()
    };
    let mut all: BTreeSet<String> = texts(&role["cluster"], "cluster").into_iter().collect();
    for entry in role[indices].as_array().cloned().unwrap_or_default() {
        all.extend(texts(&entry["privileges"], "index"));
    }
    all
}

fn role(name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("docs/roles").join(name)).unwrap();
    held(&serde_json::from_str(&text).unwrap(), "indices")
}

fn asked(looks: Vec<Look>) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for look in looks {
        if let Look::HasPrivileges { body, .. } = look {
            all.extend(held(&body, "index"));
        }
    }
    assert!(!all.is_empty(), "the program asks for no privilege");
    all
}

#[test]
fn the_acting_roles_hold_what_the_program_asks_for_before_it_acts() {
    let key = FollowerKey::parse("eu/orders-f").unwrap();
    let mut facts = Facts::nothing(key, Timestamp::UNIX_EPOCH);
    facts.leader_index = Some(IndexName::parse("orders").unwrap());
    for (name, looks) in [
        ("follower-act.json", follower_looks(&facts, Depth::Full)),
        ("leader-act.json", leader_looks(&facts, Depth::Full)),
    ] {
        let (asked, held) = (asked(looks), role(name));
        assert!(
            asked.is_subset(&held),
            "{name} lacks {:?}",
            asked.difference(&held).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_reading_roles_hold_nothing_that_changes_anything() {
    // What is known to read only; anything else has to be argued for here.
    let reads: BTreeSet<String> = [
        "cluster:monitor",
        "cluster:read_ccr",
        "cluster:read_ilm",
        "cluster:monitor_snapshot",
        "index:monitor",
        "index:read",
        "index:view_index_metadata",
    ]
    .map(str::to_owned)
    .into();
    for name in ["follower-read.json", "leader-read.json"] {
        let more: Vec<_> = role(name).difference(&reads).cloned().collect();
        assert!(more.is_empty(), "{name} may change something: {more:?}");
    }
}

#[test]
fn every_role_is_explained() {
    let text = fs::read_to_string(root().join("docs/PRIVILEGES.md")).unwrap();
    for path in files_below(Path::new(&root().join("docs/roles"))) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(text.contains(&format!("(roles/{name})")), "{name}");
    }
}
