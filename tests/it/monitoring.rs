//! The mixin under `monitoring/`: its compiled output is current, `promtool` agrees with it, every
//! alert has a runbook and cases that were played, and a real Prometheus and Alertmanager carry its
//! messages to a receiver.
//!
//! Runs where Debian's `jsonnet`, `prometheus` and `prometheus-alertmanager` are installed, which
//! `scripts/test` sees to; elsewhere a test says what it could not check.

mod cases;
pub mod commands;
mod dashboards;
mod end_to_end;
mod pictures;
mod played;
mod promtool;
mod routes;
mod rules;
mod runbooks;
pub(crate) mod servers;
mod sources;
pub mod texts;

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Writes generated files anew in place of comparing them.
fn updates() -> bool {
    std::env::var_os("UPDATE_MONITORING").is_some()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn monitoring() -> PathBuf {
    root().join("monitoring")
}

/// A file that is made: written anew, or compared.
fn current(path: &Path, made: &str) -> Result<(), String> {
    let name = path.strip_prefix(root()).unwrap_or(path).display();
    if updates() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, made).unwrap();
        return Ok(());
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    (kept == made).then_some(()).ok_or(format!(
        "{name} is not current; run UPDATE_MONITORING=1 cargo test --test it monitoring:: and read the difference"
    ))
}

/// Whether a tool is there; one that is missing is named, once per test that wanted it.
#[expect(
    clippy::print_stderr,
    reason = "who runs the tests should know what was not checked"
)]
fn has(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").output().is_ok();
    if !found {
        eprintln!("{tool} is not installed: this was not checked");
    }
    found
}

/// What jsonnet makes of an expression, with `mixin` bound to the mixin and a site's overrides.
fn jsonnet(overrides: &str, expression: &str) -> String {
    let program =
        format!("local mixin = (import 'mixin.libsonnet') + {{ _config+:: {overrides} }};\n{expression}");
    let output = Command::new("jsonnet")
        .arg("-J")
        .arg(monitoring())
        .args(["-e", &program])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "jsonnet: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// One alert as it is compiled.
#[derive(Debug, Clone)]
struct Alert {
    name: String,
    expr: String,
    waits: String,
    labels: Value,
    annotations: Value,
}

impl Alert {
    fn label(&self, name: &str) -> &str {
        self.labels[name].as_str().unwrap_or_default()
    }

    fn annotation(&self, name: &str) -> &str {
        self.annotations[name].as_str().unwrap_or_default()
    }
}

/// Every alert, from the committed output: the tests of what it says need no jsonnet.
fn alerts() -> Vec<Alert> {
    let text = std::fs::read_to_string(monitoring().join("out/alerts.yaml")).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let groups = all["groups"].as_array().unwrap();
    groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap())
        .map(|rule| Alert {
            name: rule["alert"].as_str().unwrap().to_owned(),
            expr: rule["expr"].as_str().unwrap().to_owned(),
            waits: rule["for"].as_str().unwrap_or("0s").to_owned(),
            labels: rule["labels"].clone(),
            annotations: rule["annotations"].clone(),
        })
        .collect()
}
