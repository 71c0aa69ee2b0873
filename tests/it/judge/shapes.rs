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
        assert_eq!(
            stats.shards.get(&0).unwrap().follower_global_checkpoint.get(),
            Some(7),
            "{path}"
        );
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
        let shard = &facts.follower.stats.present().unwrap().shards.get(&0).unwrap();
        assert_eq!(shard.leader_max_seq_no.get(), None);
        assert_eq!(shard.follower_max_seq_no.get(), Some(5));
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

#[test]
fn health_of_the_whole_cluster_speaks_of_each_index_in_it_and_of_no_other() {
    let body = json!({ "status": "red", "indices": { "f": { "status": "red", "number_of_shards": 1,
        "active_primary_shards": 0, "unassigned_shards": 1 } } });
    let asked = answer("eu", "/_cluster/health?level=shards", 200, &body);
    assert!(
        facts_of("f", std::slice::from_ref(&asked))
            .follower
            .health
            .present()
            .is_some()
    );
    assert!(facts_of("g", &[asked]).follower.health.last().is_none());
}

fn cause(follower: &str, answers: &[Answer]) -> String {
    let verdict = refollow::judge::judge(&facts_of(follower, answers), None);
    serde_json::to_value(verdict.cause)
        .unwrap()
        .as_str()
        .unwrap()
        .to_owned()
}

fn stats(second: i64, retries: i64, exception: &Value) -> Answer {
    let body = json!({ "indices": [ { "index": "f", "shards": [ { "shard_id": 0, "follower_global_checkpoint": 7,
        "leader_global_checkpoint": 7, "time_since_last_read_millis": 9,
        "read_exceptions": [ { "from_seq_no": 8, "retries": retries, "exception": exception } ] } ] } ] });
    let mut asked = answer("eu", "/f/_ccr/stats", 200, &body);
    asked.at = Timestamp::from_second(second).unwrap();
    asked
}

#[test]
fn retries_that_rise_have_their_cause_however_well_the_second_call_of_that_look_is() {
    let well = json!({ "f": { "settings": { "index.uuid": "u" } } });
    let leader = json!({ "indices": { "l": { "uuid": "u", "shards": { "0": [ { "routing": { "state": "STARTED",
        "primary": true }, "seq_no": { "max_seq_no": 7, "global_checkpoint": 7 } } ] } } } });
    for (exception, expected) in [
        (
            json!({ "type": "cluster_block_exception", "reason": "index [l] blocked by: [FORBIDDEN/4/index closed];" }),
            "leader_closed",
        ),
        (
            json!({ "type": "cluster_block_exception", "reason": "index [f] blocked by: [FORBIDDEN/8/index write (api)];" }),
            "follower_blocked",
        ),
        (
            json!({ "type": "security_exception", "reason": "x", "license.expired.feature": "ccr" }),
            "license",
        ),
    ] {
        let mut settings = answer("eu", "/f/_settings?flat_settings=true", 200, &well);
        settings.at = Timestamp::from_second(80).unwrap();
        let mut look = answer("us", "/l/_stats?level=shards", 200, &leader);
        look.at = settings.at;
        let rising = [
            stats(20, 3, &exception),
            stats(80, 9, &exception),
            settings.clone(),
            look.clone(),
        ];
        assert_eq!(cause("f", &rising), expected, "{exception}");
        // One look alone never proves that something rises, and a stale entry is nothing.
        let stale = [stats(20, 9, &exception), stats(80, 9, &exception), settings, look];
        assert_eq!(cause("f", &stale), "none", "{exception}");
    }
}

#[test]
fn an_alias_in_the_leaders_place_cannot_be_followed() {
    let none = json!([]);
    let body =
        |name: &str| json!({ name: { "settings": { "index.uuid": "u", "index.number_of_shards": "1" } } });
    let asked = |name: &str| answer("us", "/l/_settings?flat_settings=true", 200, &body(name));
    let stats = stats(20, 0, &none);
    assert_eq!(
        cause("f", &[stats.clone(), asked("l-000007")]),
        "leader_not_followable"
    );
    assert_eq!(cause("f", &[stats.clone(), asked("l")]), "none");
    // Mangled, it says nothing.
    assert_eq!(
        cause("f", &[stats, answer("us", "/l/_settings", 200, &json!({}))]),
        "none"
    );
}

#[test]
fn the_cluster_state_of_a_closed_follower_alone_is_a_look_at_it() {
    let state = |ccr: &Value| {
        let body =
            json!({ "metadata": { "indices": { "f": { "state": "close", "settings": {}, "ccr": ccr } } } });
        answer("eu", "/_cluster/state/metadata/f", 200, &body)
    };
    assert_eq!(
        cause("f", &[state(&json!({ "leader_index_uuid": "u" }))]),
        "follower_closed"
    );
    assert_eq!(cause("f", &[state(&Value::Null)]), "unknown");
}
