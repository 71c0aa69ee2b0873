//! What is compiled or made from something else is current.

use std::collections::BTreeMap;
use std::process::Command;

use refollow::domain::cause::Cause;
use refollow::domain::handbook;
use serde_json::{Value, json};

use super::texts::files_below;
use super::{current, has, monitoring};

/// The first sentence of a text.
fn first_sentence(text: &str) -> &str {
    text.find(". ").map_or(text, |end| &text[..=end])
}

/// A text in parts: every second one is the name of a placeholder.
fn parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((before, name, after)) = ["key", "follower", "leader", "alias"]
        .into_iter()
        .filter_map(|name| {
            let (before, after) = rest.split_once(&format!("{{{name}}}"))?;
            Some((before, name, after))
        })
        .min_by_key(|(before, _, _)| before.len())
    {
        parts.extend([before, name]);
        rest = after;
    }
    parts.push(rest);
    parts
}

/// What the alerts say of each cause, in the handbook's words.
fn causes() -> String {
    let entries: Vec<Value> = Cause::ALL
        .iter()
        .map(|cause| {
            let section = handbook::section(*cause).unwrap();
            json!({
                "cause": cause.as_str(),
                "ladder": handbook::rungs(cause.ladder()),
                "approval": cause.approval().as_str(),
                "summary": first_sentence(section.what),
                "what": parts(section.what),
                "data": parts(section.data),
                "first": parts(section.first),
                "you_never": parts(section.you_never),
            })
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&Value::Array(entries)).unwrap();
    text.push('\n');
    text
}

#[test]
fn what_the_alerts_say_of_a_cause_is_what_the_handbook_says() {
    current(&monitoring().join("causes.json"), &causes()).unwrap();
}

#[test]
fn the_compiled_output_is_current() {
    if !has("jsonnet") {
        return;
    }
    // One call, as `scripts/monitoring` makes it, into a directory beside.
    let place = tempfile::tempdir().unwrap();
    std::fs::create_dir(place.path().join("dashboards")).unwrap();
    let compiled = Command::new("jsonnet")
        .arg("-J")
        .arg(monitoring())
        .arg("-m")
        .arg(place.path())
        .arg(monitoring().join("compile.libsonnet"))
        .output()
        .unwrap();
    assert!(
        compiled.status.success(),
        "{}",
        String::from_utf8_lossy(&compiled.stderr)
    );
    let files: BTreeMap<String, String> = files_below(place.path())
        .iter()
        .map(|path| {
            let name = path.strip_prefix(place.path()).unwrap();
            (
                name.to_str().unwrap().to_owned(),
                std::fs::read_to_string(path).unwrap(),
            )
        })
        .collect();
    let wrong: Vec<String> = files
        .iter()
        .filter_map(|(name, text)| current(&monitoring().join("out").join(name), text).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for kept in files_below(&monitoring().join("out")) {
        let name = kept.strip_prefix(monitoring().join("out")).unwrap();
        assert!(
            files.contains_key(name.to_str().unwrap()),
            "{} is compiled from nothing",
            name.display()
        );
    }
}
