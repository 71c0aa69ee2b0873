//! The same facts from every shape in which the same call may be asked and answered.

use bytes::Bytes;
use refollow::domain::answer::{Answer, Call, Outcome};
use refollow::domain::facts::{Facts, FollowStatus};
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::domain::seen::Seen;
use refollow::domain::time::Timestamp;
use refollow::elastic::wire;
use serde_json::{Value, json};

fn answer(cluster: &str, path: &str, status: u16, body: &Value) -> Answer {
    Answer {
        at: Timestamp::UNIX_EPOCH,
        cluster: ClusterName::parse(cluster).unwrap(),
        call: Call::get(path.to_owned()),
        outcome: Outcome::Got {
            status,
            body: Bytes::from(body.to_string()),
        },
    }
}

fn facts_of(follower: &str, answers: &[Answer]) -> Facts {
    let key = FollowerKey {
        cluster: ClusterName::parse("eu").unwrap(),
        index: IndexName::parse(follower).unwrap(),
    };
    wire::gather(
        key,
        Some(ClusterName::parse("us").unwrap()),
        Some(RemoteAlias::parse("lead").unwrap()),
        Some(IndexName::parse("l").unwrap()),
        Timestamp::UNIX_EPOCH,
        answers,
    )
}

#[test]
fn statistics_are_found_however_they_were_asked_for() {
    let entry = json!({ "index": "f", "shards": [ { "shard_id": 0, "follower_global_checkpoint": 7,
        "time_since_last_read": "3ms", "unheard_of": { "a": [1] }, "read_exceptions": [] } ] });
    let other = json!({ "index": "f-2", "shards": [] });
    let list = json!([other, entry]);
    for (path, body) in [
        (
            "/_ccr/stats",
            json!({ "auto_follow_stats": {}, "follow_stats": { "indices": list } }),
        ),
        (
            "/_ccr/stats?filter_path=follow_stats",
            json!({ "follow_stats": { "indices": list } }),
        ),
        ("/f/_ccr/stats", json!({ "indices": list })),
        ("/f,f-2/_ccr/stats?human=true", json!({ "indices": list })),
        ("/%66/_ccr/stats", json!({ "indices": list })),
        ("/_all/_ccr/stats", json!({ "indices": list })),
        ("/*/_ccr/stats", json!({ "indices": list })),
    ] {
        let facts = facts_of("f", &[answer("eu", path, 200, &body)]);
        let stats = facts.follower.stats.present().unwrap_or_else(|| panic!("{path}"));
        assert_eq!(stats.shards[&0].follower_global_checkpoint, Some(7), "{path}");
    }
}

#[test]
fn a_field_of_another_type_is_unknown_and_its_neighbours_stay() {
    for wrong in [
        json!("x"),
        json!(null),
        json!([1]),
        json!({ "a": 1 }),
        json!(1.5),
        json!(true),
    ] {
        let body = json!({ "indices": [ { "index": "f", "shards": [ { "shard_id": 0,
            "leader_max_seq_no": wrong, "follower_max_seq_no": 5, "read_exceptions": wrong } ] } ] });
        let facts = facts_of("f", &[answer("eu", "/f/_ccr/stats", 200, &body)]);
        let shard = &facts.follower.stats.present().unwrap().shards[&0];
        assert_eq!(shard.leader_max_seq_no, None);
        assert_eq!(shard.follower_max_seq_no, Some(5));
        assert!(shard.fatal_exception.is_absent());
    }
}

#[test]
fn a_body_that_is_not_what_the_call_promises_is_unknown_and_shown() {
    for body in [
        json!({}),
        json!([]),
        json!("text"),
        json!({ "indices": {} }),
        Value::Null,
    ] {
        for path in [
            "/_ccr/stats",
            "/f/_ccr/info",
            "/l/_stats?level=shards",
            "/_license",
            "/",
        ] {
            let cluster = if path.starts_with("/l") { "us" } else { "eu" };
            let parsed = wire::parse(&answer(cluster, path, 200, &body));
            if path == "/l/_stats?level=shards" && body == json!({ "indices": {} }) {
                continue; // no shard answered (recording 36)
            }
            let why = parsed.why_unknown().unwrap_or_else(|| panic!("{path} {body}"));
            assert!(why.chars().count() < 400 && !why.contains('\n'), "{why}");
        }
    }
    let mut html = answer("eu", "/_ccr/stats", 200, &Value::Null);
    html.outcome = Outcome::Got {
        status: 200,
        body: Bytes::from_static(b"<html>\r\n\x1b[31mlogin\xff</html>"),
    };
    let why = wire::parse(&html).why_unknown().unwrap();
    assert!(why.contains("<html>\\r\\n\\u{1b}[31mlogin"), "{why}");
}

#[test]
fn only_an_exception_that_says_so_means_absent() {
    let not_found = |kind: &str, index: &str| json!({ "error": { "type": kind, "reason": "no such index", "index": index }, "status": 404 });
    let settings = |status: u16, body: &Value| {
        facts_of(
            "f",
            &[answer("us", "/l/_settings?flat_settings=true", status, body)],
        )
        .leader
        .settings
        .now()
        .map(Clone::clone)
    };
    assert!(settings(404, &not_found("index_not_found_exception", "l")).is_absent());
    assert!(settings(404, &not_found("index_not_found_exception", "another")).is_unknown());
    assert!(settings(404, &not_found("resource_not_found_exception", "l")).is_unknown());
    assert!(settings(404, &json!("no route")).is_unknown());
    for status in [401, 403, 429, 500, 502, 503] {
        assert!(settings(status, &not_found("index_not_found_exception", "l")).is_unknown());
    }
}

#[test]
fn nested_and_flat_settings_read_the_same() {
    let nested = json!({ "l": { "settings": { "index": { "uuid": "u", "soft_deletes": { "enabled": "true" },
        "analysis": { "filter": { "x": { "words": ["a", "b"] } } } } } } });
    let flat = json!({ "l": { "settings": { "index.uuid": "u", "index.soft_deletes.enabled": "true",
        "index.analysis.filter.x.words": ["a", "b"] } } });
    let read = |body: &Value| {
        facts_of("f", &[answer("us", "/l/_settings", 200, body)])
            .leader
            .settings
            .present()
            .cloned()
            .unwrap()
    };
    assert_eq!(read(&nested), read(&flat));
    assert_eq!(read(&flat)["index.analysis.filter.x.words"], "a,b");
}

#[test]
fn a_health_that_waited_in_vain_is_read_too() {
    let body = json!({ "status": "red", "timed_out": true, "indices": { "f": { "status": "red",
        "number_of_shards": 2, "active_primary_shards": 1 } } });
    let facts = facts_of(
        "f",
        &[answer(
            "eu",
            "/_cluster/health/f?level=shards&timeout=1s",
            408,
            &body,
        )],
    );
    assert_eq!(
        facts.follower.health.present().unwrap().active_primary_shards,
        Some(1)
    );
}

#[test]
fn hidden_indices_are_not_gone_because_a_list_leaves_them_out() {
    let name = ".ds-metrics-a-2026.11.23-000001";
    let empty = json!({ "follower_indices": [] });
    let by_name = json!({ "follower_indices": [ { "follower_index": name, "remote_cluster": "lead",
        "leader_index": "l", "status": "paused" } ] });
    let facts = facts_of(
        name,
        &[
            answer("eu", &format!("/{name}/_ccr/info"), 200, &by_name),
            answer("eu", "/_all/_ccr/info", 200, &empty),
        ],
    );
    assert_eq!(
        facts.follower.info.present().unwrap().status,
        FollowStatus::Paused
    );
    let asked = facts_of(name, &[answer("eu", "/*,.*/_ccr/info", 200, &empty)]);
    assert!(matches!(asked.follower.info.now(), Seen::Unknown(_)));
}

#[test]
fn names_that_contain_other_names_are_kept_apart() {
    let long = "ü".repeat(127);
    let body = json!({ "indices": [
        { "index": "orders", "shards": [ { "shard_id": 0, "read_exceptions": [] } ] },
        { "index": "orders-f", "shards": [ { "shard_id": 1, "read_exceptions": [] } ] },
        { "index": long, "shards": [ { "shard_id": 2, "read_exceptions": [] } ] } ] });
    for (name, shard) in [("orders", 0), ("orders-f", 1), (long.as_str(), 2)] {
        let facts = facts_of(
            name,
            &[answer("eu", "/_ccr/stats", 200, &json!({ "follow_stats": body }))],
        );
        let stats = facts.follower.stats.present().unwrap();
        assert_eq!(stats.shards.keys().copied().collect::<Vec<u32>>(), [shard]);
    }
    let parsed = wire::parse(&answer(
        "eu",
        "/_ccr/stats",
        200,
        &json!({ "follow_stats": body }),
    ));
    assert_eq!(parsed.followers().len(), 3);
}
