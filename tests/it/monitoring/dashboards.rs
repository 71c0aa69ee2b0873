//! The dashboards' JSON: what Grafana needs to read it, and that every panel asks for what exists.
//!
//! Grafana itself is in no Debian package; what its own exports hold is checked field by field. The
//! queries go to a real Prometheus in `end_to_end`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::texts::files_below;
use super::{monitoring, rules};

/// One query of one panel.
pub struct Query {
    pub dashboard: String,
    pub panel: String,
    pub kind: String,
    pub unit: String,
    pub expr: String,
    pub legend: String,
}

/// Every dashboard.
pub fn all() -> Vec<Value> {
    files_below(&monitoring().join("out/dashboards"))
        .iter()
        .map(|path| {
            let board: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            assert_eq!(path.file_stem().unwrap().to_str(), board["uid"].as_str());
            board
        })
        .collect()
}

pub fn uids() -> BTreeSet<String> {
    all().iter().map(|board| text(&board["uid"])).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Every query, with Grafana's variables left in.
pub fn queries() -> Vec<Query> {
    let mut found = Vec::new();
    for board in all() {
        for panel in board["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                found.push(Query {
                    dashboard: text(&board["uid"]),
                    panel: text(&panel["title"]),
                    kind: text(&panel["type"]),
                    unit: text(&panel["fieldConfig"]["defaults"]["unit"]),
                    expr: text(&target["expr"]),
                    legend: text(&target["legendFormat"]),
                });
            }
        }
    }
    found
}

#[test]
fn there_are_five_and_each_can_be_found_again() {
    let wanted = [
        "refollow-cluster",
        "refollow-fleet",
        "refollow-follower",
        "refollow-itself",
        "refollow-repairs",
    ];
    assert_eq!(uids().into_iter().collect::<Vec<_>>(), wanted);
    for board in all() {
        let uid = text(&board["uid"]);
        assert!(board["schemaVersion"].as_u64().unwrap() >= 36, "{uid}");
        assert!(
            !text(&board["title"]).is_empty() && !text(&board["description"]).is_empty(),
            "{uid}"
        );
        assert!(
            board["tags"].as_array().unwrap().contains(&"refollow".into()),
            "{uid}"
        );
        assert_eq!(board["id"], Value::Null, "{uid}: an id belongs to one Grafana");
        let variables = board["templating"]["list"].as_array().unwrap();
        assert_eq!(variables[0]["type"], "datasource", "{uid}");
        let named: BTreeSet<String> = variables.iter().map(|one| text(&one["name"])).collect();
        assert_eq!(named.len(), variables.len(), "{uid}");
        for variable in &variables[1..] {
            assert_eq!(variable["datasource"]["uid"], "${datasource}", "{uid}");
        }
    }
}

#[test]
fn panels_have_their_own_numbers_and_lie_beside_each_other() {
    for board in all() {
        let uid = text(&board["uid"]);
        let panels = board["panels"].as_array().unwrap();
        let ids: BTreeSet<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
        assert_eq!(ids.len(), panels.len(), "{uid}");
        let mut taken = BTreeSet::new();
        for panel in panels {
            let side = |name: &str| panel["gridPos"][name].as_u64().unwrap();
            assert!(
                side("x") + side("w") <= 24,
                "{uid}: {} is too wide",
                panel["title"]
            );
            for x in side("x")..side("x") + side("w") {
                for y in side("y")..side("y") + side("h") {
                    assert!(taken.insert((x, y)), "{uid}: {} lies on another", panel["title"]);
                }
            }
            assert!(
                !text(&panel["description"]).is_empty(),
                "{uid}: {}",
                panel["title"]
            );
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{uid}");
            let kind = text(&panel["type"]);
            assert!(
                ["timeseries", "stat", "table", "state-timeline"].contains(&kind.as_str()),
                "{kind}"
            );
            let references: BTreeSet<String> = panel["targets"]
                .as_array()
                .unwrap()
                .iter()
                .map(|target| text(&target["refId"]))
                .collect();
            assert_eq!(
                references.len(),
                panel["targets"].as_array().unwrap().len(),
                "{uid}"
            );
        }
    }
}

#[test]
fn panels_ask_for_metrics_that_exist_and_use_variables_that_are_declared() {
    let boards = all();
    for query in queries() {
        let place = format!("{}: {}", query.dashboard, query.panel);
        let asks =
            query.expr.contains("refollow_") || query.expr.contains("up{") || query.expr.contains("scrape_");
        assert!(asks, "{place}: asks for nothing");
        assert_eq!(rules::unknown(&query.expr), Vec::<String>::new(), "{place}");
        let board = boards
            .iter()
            .find(|board| board["uid"] == query.dashboard.as_str())
            .unwrap();
        let declared: BTreeSet<String> = board["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| text(&one["name"]))
            .collect();
        for used in query.expr.split('$').skip(1) {
            let end = used.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
            let name = &used[..end.unwrap_or(used.len())];
            assert!(
                name.starts_with("__") || declared.contains(name),
                "{place}: ${name}"
            );
        }
    }
}
