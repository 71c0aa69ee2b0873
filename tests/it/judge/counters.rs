//! Counters that begin anew and looks that lie far apart: what rises and what does not.

use bytes::Bytes;
use refollow::domain::answer::{Answer, Call, Outcome};
use refollow::domain::cause::Cause;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::domain::state::State;
use refollow::domain::time::Timestamp;
use refollow::elastic::wire;
use refollow::judge;
use serde_json::{Value, json};

/// One look: when, in seconds, and the shard's part of `_ccr/stats`.
type Seen = (i64, Value);

fn answer(second: i64, path: &str, body: &Value) -> Answer {
    Answer {
        at: Timestamp::from_second(second).unwrap(),
        cluster: ClusterName::parse("eu").unwrap(),
        call: Call::get(path.to_owned()),
        outcome: Outcome::Got {
            status: 200,
            body: Bytes::from(body.to_string()),
        },
    }
}

/// A task that has read and written, with what one test changes in it.
fn shard(change: &Value) -> Value {
    let mut shard = json!({ "shard_id": 0, "remote_cluster": "lead", "leader_index": "l",
        "leader_global_checkpoint": 500, "leader_max_seq_no": 500,
        "follower_global_checkpoint": 500, "follower_max_seq_no": 500,
        "successful_read_requests": 40, "failed_read_requests": 2, "operations_read": 500,
        "bytes_read": 90_000, "successful_write_requests": 30, "failed_write_requests": 4,
        "operations_written": 500, "time_since_last_read_millis": 1_000, "read_exceptions": [] });
    for (key, value) in change.as_object().unwrap() {
        shard[key] = value.clone();
    }
    shard
}

fn reading_fails(from: i64, retries: i64) -> Value {
    json!({ "read_exceptions": [ { "from_seq_no": from, "retries": retries,
        "exception": { "type": "security_exception", "reason": "unauthorized" } } ] })
}

fn judged(looks: &[Seen]) -> (State, Cause) {
    let mut answers = Vec::new();
    for (second, change) in looks {
        let info = json!({ "follower_indices": [ { "follower_index": "f", "remote_cluster": "lead",
            "leader_index": "l", "status": "active", "parameters": {} } ] });
        answers.push(answer(*second, "/f/_ccr/info", &info));
        let stats = json!({ "indices": [ { "index": "f", "shards": [ shard(change) ] } ] });
        answers.push(answer(*second, "/f/_ccr/stats", &stats));
        answers.push(answer(
            *second,
            "/_remote/info",
            &json!({ "lead": { "connected": true, "mode": "sniff", "seeds": ["a:9300"] } }),
        ));
    }
    let facts = wire::gather(
        FollowerKey {
            cluster: ClusterName::parse("eu").unwrap(),
            index: IndexName::parse("f").unwrap(),
        },
        Some(ClusterName::parse("us").unwrap()),
        Some(RemoteAlias::parse("lead").unwrap()),
        Some(IndexName::parse("l").unwrap()),
        Timestamp::from_second(looks.last().unwrap().0).unwrap(),
        &answers,
    );
    let verdict = judge::judge(&facts, None);
    (verdict.state, verdict.cause)
}

#[test]
fn retries_that_rise_are_rising() {
    let looks = [(0, reading_fails(501, 1)), (15, reading_fails(501, 3))];
    assert_eq!(judged(&looks), (State::Retrying, Cause::Credentials));
    // An entry that is new since a look just before.
    let looks = [(0, json!({})), (15, reading_fails(501, 3))];
    assert_eq!(judged(&looks), (State::Retrying, Cause::Credentials));
}

#[test]
fn an_entry_that_is_new_after_hours_may_be_stale() {
    let looks = [(0, json!({})), (3 * 3600, reading_fails(501, 3))];
    assert_eq!(judged(&looks), (State::Following, Cause::None));
    // The next look tells.
    let looks = [
        (0, json!({})),
        (3 * 3600, reading_fails(501, 3)),
        (3 * 3600 + 15, reading_fails(501, 5)),
    ];
    assert_eq!(judged(&looks), (State::Retrying, Cause::Credentials));
    // Whoever looks every half hour still finds what fails all the time.
    let looks = [(0, reading_fails(501, 3)), (1800, reading_fails(501, 90))];
    assert_eq!(judged(&looks), (State::Retrying, Cause::Credentials));
}

#[test]
fn a_task_that_began_anew_shows_no_rise_before_its_second_look() {
    let mut anew = reading_fails(501, 2);
    anew["successful_read_requests"] = json!(1);
    anew["operations_read"] = json!(0);
    let looks = [(0, reading_fails(501, 1)), (15, anew.clone())];
    assert_eq!(judged(&looks), (State::Following, Cause::None));
    let mut later = anew.clone();
    later["read_exceptions"][0]["retries"] = json!(4);
    let looks = [(0, reading_fails(501, 1)), (15, anew), (30, later)];
    assert_eq!(judged(&looks), (State::Retrying, Cause::Credentials));
}

#[test]
fn writes_fail_only_against_counters_of_the_same_task() {
    let failing = json!({ "failed_write_requests": 9 });
    let (state, _) = judged(&[(0, json!({})), (15, failing)]);
    assert_eq!(state, State::Retrying);
    // Its node was restarted: 9 failures of the new task are not 5 more than those of the old one.
    let began_anew =
        json!({ "failed_write_requests": 9, "successful_read_requests": 3, "operations_read": 500 });
    let (state, cause) = judged(&[(0, json!({})), (15, began_anew)]);
    assert_eq!((state, cause), (State::Following, Cause::None));
}

#[test]
fn a_task_that_began_anew_and_has_written_since_does_not_stand_still() {
    let idle =
        |written: i64| json!({ "operations_written": written, "time_since_last_read_millis": 200_000 });
    let (state, _) = judged(&[(0, idle(500)), (15, idle(500))]);
    assert_eq!(state, State::Stalled);
    let (state, _) = judged(&[(0, idle(500)), (15, idle(20))]);
    assert_eq!(state, State::Following);
    let (state, _) = judged(&[(0, idle(500)), (15, idle(0))]);
    assert_eq!(state, State::Stalled);
}
