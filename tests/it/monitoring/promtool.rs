//! `promtool test rules` on films: the files under `monitoring/tests/`, made once with
//! `UPDATE_MONITORING=1` and read by people, held to what the daemon exports today.
//!
//! A file's series are those of its film that an alert or its message uses. Its expectations (labels
//! and every word of the message) are taken from `promtool`'s own answer when the file is made; which
//! alert fires when stands in `cases` and is checked each time. The files are JSON, which is YAML.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::cases::ALWAYS;
use super::played::{Frame, values};
use super::texts::{files_below, metrics_in};
use super::{alerts, has, monitoring, updates};

/// A film with what must be told of it.
pub struct Film {
    /// The file's name.
    pub name: &'static str,
    /// Between two scrapes.
    pub step: Duration,
    pub frames: Vec<Frame>,
    /// Whose series are kept; empty: everybody's.
    pub cast: &'static [&'static str],
    /// An alert, the minute at which it is still quiet, and the one at which it fires.
    pub cases: &'static [(&'static str, u64, u64)],
}

/// The metrics that alerts and their messages use.
fn used() -> BTreeSet<String> {
    alerts()
        .iter()
        .flat_map(|alert| {
            let mut names = metrics_in(&alert.expr);
            // A query of a message stands in quotes.
            names.extend(metrics_in(&alert.annotation("description").replace('"', " ")));
            names
        })
        .chain(["up".to_owned()])
        .collect()
}

fn file(name: &str) -> PathBuf {
    monitoring().join("tests").join(format!("{name}.yaml"))
}

/// The series of a film that its file holds.
fn series(film: &Film) -> BTreeSet<String> {
    let used = used();
    let plays = |series: &str| {
        let Some((_, rest)) = series.split_once("follower_index=\"") else {
            return true;
        };
        let name = rest.split('"').next().unwrap();
        film.cast.is_empty() || film.cast.contains(&name)
    };
    film.frames
        .iter()
        .flat_map(|frame| frame.keys())
        .filter(|series| used.contains(series.split('{').next().unwrap()))
        // Of the states only the one that an alert asks for.
        .filter(|series| !series.starts_with("refollow_follower_state") || series.contains("state=\"fatal\""))
        .filter(|series| plays(series))
        .cloned()
        .collect()
}

fn written(film: &Film, answers: &BTreeMap<(String, u64), Value>) -> Value {
    let step = film.step.as_secs() / 60;
    let tests: Vec<Value> = film
        .cases
        .iter()
        .flat_map(|(alert, quiet, loud)| [(alert, *quiet), (alert, *loud)])
        .filter(|(_, minute)| *minute != ALWAYS)
        .map(|(alert, minute)| {
            let expected = answers.get(&((*alert).to_owned(), minute)).cloned();
            json!({ "eval_time": format!("{minute}m"), "alertname": alert, "exp_alerts": expected.unwrap_or_else(|| json!([])) })
        })
        .collect();
    json!({
        "rule_files": ["../out/alerts.yaml", "../out/rules.yaml"],
        "evaluation_interval": format!("{step}m"),
        "tests": [{
            "name": film.name,
            "interval": format!("{step}m"),
            "input_series": series(film)
                .iter()
                .map(|series| json!({ "series": series, "values": values(&film.frames, series) }))
                .collect::<Vec<_>>(),
            "alert_rule_test": tests,
        }],
    })
}

/// `promtool test rules`: whether it was content, and what it said.
fn promtool(paths: &[PathBuf]) -> (bool, String) {
    let output = Command::new("promtool")
        .args(["test", "rules"])
        .args(paths)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.success(), said.concat())
}

/// `{a="b", c="d"}` as promtool prints it.
fn labels(text: &str) -> serde_json::Map<String, Value> {
    let mut found = serde_json::Map::new();
    let mut rest = text.trim().trim_start_matches('{').trim_end_matches('}');
    while let Some((name, after)) = rest.split_once("=\"") {
        let mut end = 0;
        let mut escaped = false;
        for (place, letter) in after.char_indices() {
            if letter == '"' && !escaped {
                end = place;
                break;
            }
            escaped = letter == '\\' && !escaped;
        }
        let value: String = serde_json::from_str(&format!("\"{}\"", &after[..end])).unwrap();
        found.insert(name.trim().to_owned(), Value::String(value));
        rest = after[end + 1..].trim_start_matches(", ");
    }
    found
}

/// What promtool got where it expected nothing, by alert and minute.
fn answers(said: &str) -> BTreeMap<(String, u64), Value> {
    let mut found: BTreeMap<(String, u64), Vec<Value>> = BTreeMap::new();
    let mut key = (String::new(), 0);
    let mut last_labels = serde_json::Map::new();
    for line in said.lines().map(str::trim) {
        if let Some(rest) = line.strip_prefix("alertname: ") {
            let (name, time) = rest.split_once(", time: ").unwrap();
            key = (name.to_owned(), minutes(time.trim_end_matches([',', ' '])));
        } else if let Some(rest) = line.strip_prefix("Labels:") {
            last_labels = labels(rest);
            last_labels.remove("alertname");
        } else if let Some(rest) = line.strip_prefix("Annotations:") {
            found
                .entry(key.clone())
                .or_default()
                .push(json!({ "exp_labels": last_labels, "exp_annotations": labels(rest) }));
        }
    }
    found
        .into_iter()
        .map(|(key, list)| (key, Value::Array(list)))
        .collect()
}

/// `1d2h30m` in minutes.
fn minutes(text: &str) -> u64 {
    let mut sum = 0;
    let mut number = 0;
    for letter in text.chars() {
        if let Some(digit) = letter.to_digit(10) {
            number = number * 10 + u64::from(digit);
        } else {
            sum += number
                * match letter {
                    'w' => 7 * 24 * 60,
                    'd' => 24 * 60,
                    'h' => 60,
                    _ => 1,
                };
            number = 0;
        }
    }
    sum
}

/// Makes the film's file, or holds the one that is there to the film.
pub fn check(film: &Film) {
    let path = file(film.name);
    if updates() && has("promtool") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let write = |answers: &BTreeMap<(String, u64), Value>| {
            let text = serde_json::to_string_pretty(&written(film, answers)).unwrap();
            std::fs::write(&path, text + "\n").unwrap();
        };
        write(&BTreeMap::new());
        let (_, said) = promtool(std::slice::from_ref(&path));
        let found = answers(&said);
        write(&found);
        let (content, said) = promtool(std::slice::from_ref(&path));
        assert!(content, "{said}");
    }
    let kept: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default())
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_MONITORING=1 makes it", path.display()));
    let test = &kept["tests"][0];
    let today = series(film);
    let listed: BTreeSet<String> = test["input_series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["series"].as_str().unwrap().to_owned())
        .collect();
    let gone: Vec<&String> = listed.difference(&today).collect();
    assert!(
        gone.is_empty(),
        "{}: the daemon does not export {gone:#?} any more",
        film.name
    );
    let mut wrong = Vec::new();
    for (alert, quiet, loud) in film.cases {
        let fires = |minute: u64| {
            let list = test["alert_rule_test"].as_array().unwrap().iter();
            list.filter(|one| one["alertname"] == *alert && one["eval_time"] == format!("{minute}m"))
                .map(|one| !one["exp_alerts"].as_array().unwrap().is_empty())
                .next()
        };
        if *quiet != ALWAYS && fires(*quiet) != Some(false) {
            wrong.push(format!("{alert} is not quiet at {quiet}m"));
        }
        if fires(*loud) != Some(true) {
            wrong.push(format!("{alert} does not fire at {loud}m"));
        }
    }
    assert!(wrong.is_empty(), "{}: {}", film.name, wrong.join("; "));
}

#[test]
fn promtool_agrees_with_every_file() {
    if updates() || !has("promtool") {
        return;
    }
    let (content, said) = promtool(&files_below(&monitoring().join("tests")));
    assert!(content, "{said}");
}

#[test]
fn every_alert_fires_in_one_film_and_is_quiet_in_one() {
    if updates() {
        return;
    }
    let mut seen: BTreeMap<String, (bool, bool)> = BTreeMap::new();
    for path in files_below(&monitoring().join("tests")) {
        let file: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for test in file["tests"][0]["alert_rule_test"].as_array().unwrap() {
            let name = test["alertname"].as_str().unwrap();
            let fires = !test["exp_alerts"].as_array().unwrap().is_empty();
            let entry = seen.entry(name.to_owned()).or_default();
            *entry = (entry.0 || fires, entry.1 || !fires);
        }
    }
    let missing: Vec<String> = alerts()
        .into_iter()
        .filter(|alert| {
            let (fires, quiet) = seen.get(&alert.name).copied().unwrap_or_default();
            !fires || !(quiet || alert.name == "RefollowWatchdog")
        })
        .map(|alert| alert.name)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn a_file_whose_expectation_is_wrong_is_not_agreed_with() {
    if updates() || !has("promtool") {
        return;
    }
    let text = std::fs::read_to_string(file("remote-removed")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let beside = |name: &str| monitoring().join("out").join(name).display().to_string();
    let text = text
        .replace("../out/alerts.yaml", &beside("alerts.yaml"))
        .replace("../out/rules.yaml", &beside("rules.yaml"));
    let run = |text: &str| {
        let path: &Path = &place.path().join("test.yaml");
        std::fs::write(path, text).unwrap();
        promtool(&[path.to_owned()]).0
    };
    assert!(run(&text));
    assert!(!run(
        &text.replace("remote_not_configured, ", "remote_not_configured; ")
    ));
}

#[test]
fn what_promtool_prints_is_read_back() {
    let said = "    alertname: A, time: 1h30m, \n        exp:[], \n        got:[\n            0:\n              Labels:{a=\"b \\\"c\\\", d\", alertname=\"A\"}\n              Annotations:{description=\"x\\ny\", summary=\"s\"}\n            ]\n";
    let found = answers(said);
    assert_eq!(
        found[&("A".to_owned(), 90)],
        json!([{"exp_labels": {"a": "b \"c\", d"}, "exp_annotations": {"description": "x\ny", "summary": "s"}}])
    );
}
