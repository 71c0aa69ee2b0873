//! Auto-follow patterns in the book: as recorded, and the followers that they promised.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::support::{Table, cluster};
use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::cause::Cause;
use crate::domain::ids::FollowerKey;
use crate::domain::time::Timestamp;
use crate::elastic::read::Look;
use crate::engine::book::{Book, Effect};

fn pattern(active: bool) -> Value {
    json!({ "patterns": [ { "name": "auto", "pattern": { "active": active, "remote_cluster": "lead",
        "leader_index_patterns": ["auto-*"], "leader_index_exclusion_patterns": ["auto-x*"],
        "follow_index_pattern": "{{leader_index}}-f" } } ] })
}

/// What a recording's cluster answered to a call, in order, with its time since the beginning.
fn recorded(version: &str, path: &str) -> Vec<(i64, Value)> {
    let file = format!(
        "{}/tests/recordings/{version}/25-auto-follow.json",
        env!("CARGO_MANIFEST_DIR")
    );
    let whole: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    whole["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["method"] == "GET" && step["path"] == path && step["cluster"] == "follower")
        .map(|step| (step["at_ms"].as_i64().unwrap(), step["response"].clone()))
        .collect()
}

fn causes(book: &Book) -> Vec<(String, Cause)> {
    let verdicts = &book.clusters[&cluster("eu")].auto_follow.verdicts;
    verdicts
        .iter()
        .map(|verdict| (verdict.name.clone(), verdict.cause))
        .collect()
}

fn take_in(book: &mut Book, at: Timestamp, path: &str, body: &Value) {
    let answer = Answer {
        at,
        cluster: cluster("eu"),
        call: Call::get(path.to_owned()),
        outcome: Outcome::Got {
            status: 200,
            body: Bytes::from(body.to_string()),
        },
    };
    book.learn(&[answer], at);
    book.looked(&cluster("eu"), Ok(()), 0.1, at);
    book.judge(&cluster("eu"), true, at);
}

#[test]
fn the_recorded_error_fails_its_pattern_until_it_is_old() {
    for version in ["7.7.0", "8.10.4"] {
        let patterns = recorded(version, "/_ccr/auto_follow");
        let stats = recorded(version, "/_ccr/stats");
        let error =
            |body: &Value| body["auto_follow_stats"]["recent_auto_follow_errors"][0]["timestamp"].as_i64();
        let (_, failing) = stats.iter().find(|(_, body)| error(body).is_some()).unwrap();
        let at =
            |minutes: i64| Timestamp::from_millisecond(error(failing).unwrap() + minutes * 60_000).unwrap();
        let mut table = Table::new(0);
        take_in(&mut table.book, at(0), "/_ccr/auto_follow", &patterns[0].1);
        assert_eq!(
            causes(&table.book),
            [("auto".to_owned(), Cause::None)],
            "{version}"
        );
        take_in(&mut table.book, at(1), "/_ccr/stats", failing);
        let bad = [("auto".to_owned(), Cause::AutoFollowFailing)];
        assert_eq!(causes(&table.book), bad, "{version}");
        take_in(&mut table.book, at(2), "/_ccr/stats", failing);
        assert_eq!(causes(&table.book), bad, "{version}");
        take_in(&mut table.book, at(31), "/_ccr/stats", failing);
        assert_eq!(
            causes(&table.book),
            [("auto".to_owned(), Cause::None)],
            "{version}"
        );
        let told = table.story();
        let about = |text: &&String| text.contains("auto-follow pattern `auto` of `eu`");
        assert_eq!(told.iter().filter(about).count(), 2, "{told:?}");
        let snapshot = table.book.metrics(at(31));
        assert_eq!(snapshot.auto_follow[0].recent_errors, Some(1));
        assert!(snapshot.auto_follow[0].failed.is_some() && !snapshot.auto_follow[0].last_checks.is_empty());
        assert_eq!(snapshot.patterns[0].name, "auto");
    }
}

#[test]
fn a_paused_pattern_is_failing_and_one_that_cannot_be_read_is_not_gone() {
    let mut table = Table::new(0);
    let now = table.now;
    take_in(&mut table.book, now, "/_ccr/auto_follow", &pattern(false));
    assert_eq!(
        causes(&table.book),
        [("auto".to_owned(), Cause::AutoFollowFailing)]
    );
    let since = table.book.patterns_seen.clone();
    take_in(&mut table.book, now, "/_ccr/auto_follow", &json!("nonsense"));
    assert_eq!(table.book.patterns_seen, since);
}

/// Tells the book what the leader cluster has.
fn leader_has(table: &mut Table, indices: &[(&str, Timestamp)]) {
    let body: serde_json::Map<String, Value> = indices
        .iter()
        .map(|(name, at)| {
            let created = at.as_millisecond().to_string();
            let settings = json!({ "index.uuid": format!("u-{name}"), "index.creation_date": created });
            ((*name).to_owned(), json!({ "settings": settings }))
        })
        .collect();
    let look = table.book.leader_looks(&cluster("us"), table.now);
    let look = look
        .into_iter()
        .find(|look| matches!(look, Look::LeaderIndices(_)))
        .unwrap();
    let path = look.targets().remove(0).path;
    assert!(path.starts_with("/auto-*/_settings/index.uuid,"), "{path}");
    let answer = table.answer("us", &path, &Value::Object(body));
    table.book.learn(&[answer], table.now);
}

#[test]
fn a_promised_follower_is_missing_only_after_it_was_asked_for_by_name() {
    let mut table = Table::new(1);
    table.look();
    let old = table.now;
    let answer = table.answer("eu", "/_ccr/auto_follow", &pattern(true));
    table.book.learn(&[answer], table.now);
    table.pass(Duration::from_mins(2));
    let created = table.now;
    let everything = [
        ("auto-0", old),
        ("auto-1", created),
        ("auto-x1", created),
        ("l-000", created),
    ];
    let key = FollowerKey::parse("eu/auto-1-f").unwrap();
    leader_has(&mut table, &everything);
    table.look();
    assert!(!table.book.followers.contains_key(&key), "it has time");
    table.pass(Duration::from_mins(11));
    table.look();
    let promised: Vec<String> = table.book.followers.keys().map(ToString::to_string).collect();
    assert_eq!(promised, ["eu/auto-1-f", "eu/f-000"]);
    let entry = &table.book.followers[&key];
    assert_eq!(entry.memory.promised_by_pattern.as_deref(), Some("auto"));
    table.look();
    assert_ne!(
        table.book.followers[&key].cause(),
        Cause::Missing,
        "nobody asked yet"
    );
    let second = table.book.second_looks(&cluster("eu"), false, table.now);
    assert!(
        second.contains(&Look::FollowInfoOf(key.index.clone())),
        "{second:?}"
    );
    let not_found = |path: &str| {
        let error = json!({ "type": "index_not_found_exception", "reason": "no such index [auto-1-f]",
            "index": "auto-1-f", "index_uuid": "_na_" });
        let mut answer = table.answer("eu", path, &json!({ "error": error, "status": 404 }));
        if let Outcome::Got { status, .. } = &mut answer.outcome {
            *status = 404;
        }
        answer
    };
    let answers = [
        not_found("/auto-1-f/_ccr/info"),
        not_found("/auto-1-f/_ccr/stats"),
    ];
    table.book.learn(&answers, table.now);
    let now = table.now;
    table.book.judge(&cluster("eu"), true, now);
    let verdict = table.book.followers[&key].verdict.clone().unwrap();
    assert_eq!(verdict.cause, Cause::Missing);
    assert!(
        verdict
            .evidence
            .iter()
            .any(|one| one.field == "remembered.promised_by_pattern" && one.value == "auto"),
        "{verdict:?}"
    );
    // The promise ends with the leader index.
    leader_has(&mut table, &[("auto-0", old)]);
    table.look();
    assert!(!table.book.followers.contains_key(&key));
    let forgotten = |effect: &Effect| matches!(effect, Effect::Forget(gone) if *gone == key);
    assert!(table.effects.iter().any(forgotten));
}
