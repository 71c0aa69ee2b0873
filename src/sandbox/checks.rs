//! Checks of what no recording shows: conditions of the world, speed, odd requests.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::pair::{Handled, Pair, PairOptions, Side, Ticket, Version};
use crate::elastic::transport::{Credential, Method, Request};

const START: i64 = 1_800_000_000_000;
const BOTH: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];

fn pair(version: Version) -> Pair {
    Pair::new(&PairOptions {
        version,
        secured: false,
        start_ms: START,
        seed: 1,
    })
}

fn request(method: Method, target: &str, body: &str) -> Request {
    Request {
        method,
        target: target.to_owned(),
        body: (!body.is_empty()).then(|| body.to_owned().into()),
        credential: Credential::Act,
        deadline: Duration::from_secs(1),
        changes: true,
        max_answer_bytes: u64::MAX,
    }
}

fn call(pair: &mut Pair, side: Side, method: Method, target: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    match pair.handle(side, &request(method, target, &text)) {
        Handled::Answer(answer) => (
            answer.status,
            serde_json::from_slice(&answer.body).unwrap_or(Value::Null),
        ),
        Handled::Down => (0, Value::Null),
        Handled::Later(ticket) => wait(pair, ticket),
    }
}

fn wait(pair: &mut Pair, ticket: Ticket) -> (u16, Value) {
    for _ in 0..100_000 {
        if let Some(answer) = pair.take(ticket) {
            return (answer.status, serde_json::from_slice(&answer.body).unwrap());
        }
        if pair.is_lost(ticket) {
            return (0, Value::Null);
        }
        let next = pair.next_event_ms().unwrap();
        pair.advance_to(next);
    }
    panic!("no answer for {ticket:?}");
}

fn get(pair: &mut Pair, side: Side, target: &str) -> (u16, Value) {
    call(pair, side, Method::Get, target, &Value::Null)
}

fn post(pair: &mut Pair, side: Side, target: &str) -> (u16, Value) {
    call(pair, side, Method::Post, target, &Value::Null)
}

fn write(pair: &mut Pair, index: &str, ids: std::ops::Range<u32>) {
    let at = pair.now_ms();
    let mut body = String::new();
    for id in ids {
        writeln!(body, "{{\"index\":{{\"_id\":\"{id}\"}}}}").unwrap();
        writeln!(body, "{{\"n\":{id},\"at\":{at}}}").unwrap();
    }
    let answer = pair.handle(
        Side::Leader,
        &request(Method::Post, &format!("/{index}/_bulk"), &body),
    );
    assert!(matches!(answer, Handled::Answer(answer) if answer.status == 200));
}

fn follow(pair: &mut Pair, leader: &str, shards: u32) -> (u16, Value) {
    let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
    call(pair, Side::Leader, Method::Put, &format!("/{leader}"), &settings);
    write(pair, leader, 0..100);
    put_follow(pair, leader)
}

fn put_follow(pair: &mut Pair, leader: &str) -> (u16, Value) {
    let body = json!({"remote_cluster": "lead", "leader_index": leader});
    let target = format!("/{leader}-f/_ccr/follow?wait_for_active_shards=1");
    call(pair, Side::Follower, Method::Put, &target, &body)
}

fn pass(pair: &mut Pair, ms: i64) {
    let until = pair.now_ms() + ms;
    pair.advance_to(until);
}

fn equal(pair: &Pair, leader: &str) -> bool {
    pair.documents_digest(Side::Leader, leader)
        == pair.documents_digest(Side::Follower, &format!("{leader}-f"))
}

fn status(pair: &mut Pair, follower: &str) -> String {
    let (_, info) = get(pair, Side::Follower, &format!("/{follower}/_ccr/info"));
    info.pointer("/follower_indices/0/status")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}

fn shard(pair: &mut Pair, follower: &str) -> Value {
    let (_, stats) = get(pair, Side::Follower, &format!("/{follower}/_ccr/stats"));
    stats.pointer("/indices/0/shards/0").cloned().unwrap_or_default()
}

#[test]
fn lost_history_is_fatal_and_a_recreate_makes_the_documents_equal_again() {
    for version in BOTH {
        let mut pair = pair(version);
        assert_eq!(follow(&mut pair, "l", 2).0, 200);
        pass(&mut pair, 2_000);
        assert!(equal(&pair, "l") && pair.docs(Side::Follower, "l-f") == Some(100));
        pair.lose_history("l");
        pass(&mut pair, 1_000);
        assert!(equal(&pair, "l"), "documents stay what they are");
        let fatal = &shard(&mut pair, "l-f")["fatal_exception"];
        assert!(fatal["requested_operations_missing"].is_array(), "{fatal}");
        post(&mut pair, Side::Follower, "/l-f/_ccr/pause_follow");
        post(&mut pair, Side::Follower, "/l-f/_ccr/resume_follow");
        pass(&mut pair, 1_000);
        assert!(
            shard(&mut pair, "l-f")["fatal_exception"].is_object(),
            "a resume does not cure"
        );
        write(&mut pair, "l", 50..300);
        post(&mut pair, Side::Follower, "/l-f/_ccr/pause_follow");
        post(&mut pair, Side::Follower, "/l-f/_close");
        let (code, body) = put_follow(&mut pair, "l");
        assert_eq!((code, &body["index_following_started"]), (200, &json!(true)));
        pass(&mut pair, 2_000);
        assert!(equal(&pair, "l"));
    }
}

#[test]
fn only_the_shard_that_lost_its_history_is_fatal() {
    let mut pair = pair(Version::V8_10_4);
    follow(&mut pair, "l", 3);
    pass(&mut pair, 1_000);
    pair.lose_history_of_shard("l", 1);
    pass(&mut pair, 1_000);
    let (_, stats) = get(&mut pair, Side::Follower, "/l-f/_ccr/stats");
    let fatal: Vec<bool> = (0..3)
        .map(|n| {
            stats
                .pointer(&format!("/indices/0/shards/{n}/fatal_exception"))
                .is_some()
        })
        .collect();
    assert_eq!(fatal, [false, true, false]);
}

#[test]
fn a_broken_link_is_retried_and_heals_by_itself() {
    for version in BOTH {
        let mut pair = pair(version);
        follow(&mut pair, "l", 1);
        pass(&mut pair, 1_000);
        pair.break_link(true);
        write(&mut pair, "l", 100..200);
        pass(&mut pair, 20_000);
        let (_, remote) = get(&mut pair, Side::Follower, "/_remote/info");
        assert_eq!(remote["lead"]["connected"], json!(false));
        let told = shard(&mut pair, "l-f");
        assert_eq!(
            told["read_exceptions"][0]["exception"]["type"],
            json!("connect_transport_exception")
        );
        assert_eq!(put_follow(&mut pair, "l").0, 400);
        pair.break_link(false);
        pass(&mut pair, 61_000);
        assert!(equal(&pair, "l"));
    }
}

#[test]
fn a_fatal_that_history_can_cure_is_cured_by_a_resume() {
    let mut pair = pair(Version::V8_10_4);
    follow(&mut pair, "l", 2);
    pass(&mut pair, 1_000);
    pair.make_fatal(
        "l-f",
        json!({"type": "illegal_state_exception", "reason": "Unable to open any connections to remote cluster [lead]"}),
    );
    write(&mut pair, "l", 100..150);
    pass(&mut pair, 5_000);
    assert!(!equal(&pair, "l"));
    post(&mut pair, Side::Follower, "/l-f/_ccr/pause_follow");
    post(&mut pair, Side::Follower, "/l-f/_ccr/resume_follow");
    pass(&mut pair, 1_000);
    assert!(equal(&pair, "l"));
}

#[test]
fn a_master_change_during_a_restore_leaves_it_restored_and_paused() {
    let mut pair = pair(Version::V8_10_4);
    follow(&mut pair, "l", 1);
    post(&mut pair, Side::Leader, "/l/_flush");
    pass(&mut pair, 1_000);
    pair.set_restore_rate(Some(100));
    post(&mut pair, Side::Follower, "/l-f/_ccr/pause_follow");
    post(&mut pair, Side::Follower, "/l-f/_close");
    let body = json!({"remote_cluster": "lead", "leader_index": "l"}).to_string();
    let put = request(Method::Put, "/l-f/_ccr/follow?wait_for_active_shards=1", &body);
    let Handled::Later(ticket) = pair.handle(Side::Follower, &put) else {
        panic!("it answers later");
    };
    pass(&mut pair, 500);
    assert!(pair.take(ticket).is_none());
    pair.change_master(Side::Follower);
    let (code, answer) = wait(&mut pair, ticket);
    assert_eq!((code, &answer["index_following_started"]), (200, &json!(false)));
    pass(&mut pair, 60_000);
    assert_eq!(status(&mut pair, "l-f"), "paused");
    assert_eq!(post(&mut pair, Side::Follower, "/l-f/_ccr/resume_follow").0, 200);
    pass(&mut pair, 1_000);
    assert!(equal(&pair, "l"));
}

#[test]
fn a_full_disk_fails_the_restore_and_leaves_a_red_index() {
    for version in BOTH {
        let mut pair = pair(version);
        follow(&mut pair, "l", 1);
        pass(&mut pair, 1_000);
        pair.set_disk_full(Side::Follower, true);
        post(&mut pair, Side::Follower, "/l-f/_ccr/pause_follow");
        post(&mut pair, Side::Follower, "/l-f/_close");
        let (code, body) = put_follow(&mut pair, "l");
        assert_eq!((code, &body["follow_index_shards_acked"]), (200, &json!(false)));
        let (_, health) = get(&mut pair, Side::Follower, "/_cluster/health/l-f");
        assert_eq!(health["status"], json!("red"));
        let (_, explain) = get(&mut pair, Side::Follower, "/_cluster/allocation/explain");
        assert!(explain.to_string().contains("disk_threshold"));
        pair.set_disk_full(Side::Follower, false);
        post(&mut pair, Side::Follower, "/l-f/_close");
        let (_, body) = put_follow(&mut pair, "l");
        assert_eq!(body["index_following_started"], json!(true));
        pass(&mut pair, 2_000);
        assert!(equal(&pair, "l"));
    }
}

#[test]
fn a_killed_node_refuses_connections_and_loses_what_was_asked_of_it() {
    let mut pair = pair(Version::V7_7_0);
    follow(&mut pair, "l", 1);
    pass(&mut pair, 1_000);
    pair.set_restore_rate(Some(1));
    let body = json!({"remote_cluster": "lead", "leader_index": "l"}).to_string();
    let put = request(
        Method::Put,
        "/other-f/_ccr/follow?wait_for_active_shards=1",
        &body,
    );
    let Handled::Later(ticket) = pair.handle(Side::Follower, &put) else {
        panic!("it answers later");
    };
    pass(&mut pair, 200);
    assert!(!pair.is_lost(ticket));
    pair.kill_node(Side::Follower);
    assert!(pair.is_lost(ticket));
    assert!(matches!(pair.handle(Side::Follower, &put), Handled::Down));
    write(&mut pair, "l", 100..120);
    pass(&mut pair, 10_000);
    pair.start_node(Side::Follower);
    pass(&mut pair, 5_000);
    assert!(equal(&pair, "l"), "the task goes on by itself");
}

#[test]
fn ten_hours_of_five_followers_are_few_events_not_ticks() {
    let mut pair = pair(Version::V8_10_4);
    for n in 0..5 {
        follow(&mut pair, &format!("l{n}"), 2);
    }
    // Ten hours of renewals and lease syncs (30 s) and read polls (60 s) of 5 followers.
    let mut events = 0_u32;
    for hour in 1..=10 {
        let until = START + hour * 3_600_000;
        while let Some(next) = pair.next_event_ms().filter(|next| *next <= until) {
            pair.advance_to(next);
            events += 1;
        }
        for n in 0..5 {
            write(&mut pair, &format!("l{n}"), 0..10);
        }
    }
    pass(&mut pair, 5_000);
    assert!((0..5).all(|n| equal(&pair, &format!("l{n}"))));
    assert!(events < 40_000, "{events} events");
}

#[test]
fn random_requests_and_faults_never_panic_and_time_never_stands_still() {
    let methods = [
        Method::Get,
        Method::Post,
        Method::Put,
        Method::Delete,
        Method::Head,
    ];
    let names = ["l", "l-f", "m", "l,m", "*", "_all", "missing", "l*", "*,.*", ""];
    let calls = [
        "",
        "_close",
        "_open",
        "_ccr/stats",
        "_ccr/info",
        "_ccr/pause_follow",
        "_ccr/resume_follow",
        "_ccr/unfollow",
        "_ccr/forget_follower",
        "_ccr/follow?wait_for_active_shards=1",
        "_settings",
        "_stats?level=shards",
        "_recovery",
        "_count",
        "_search?size=0",
        "_bulk",
        "_doc",
        "_flush",
        "_forcemerge",
        "_alias",
        "_mapping",
        "_ilm/explain",
        "_stats/docs?filter_path=**.count",
    ];
    let whole = [
        "/",
        "/_cluster/health?level=shards",
        "/_cluster/state",
        "/_cluster/allocation/explain",
        "/_nodes",
        "/_tasks?detailed",
        "/_cat/indices",
        "/_ccr/stats",
        "/_remote/info",
        "/_ccr/auto_follow",
        "/_cluster/settings",
        "/_snapshot/r/s",
        "/_snapshot/r/s/_restore",
        "/_snapshot/r",
        "/%zz?=&&x",
        "//",
    ];
    let bodies = [
        "",
        "{",
        "[]",
        "null",
        "{\"remote_cluster\":\"lead\",\"leader_index\":\"l\"}",
        "{\"transient\":{\"cluster.remote.lead.seeds\":null}}",
        "{\"settings\":{\"number_of_shards\":2}}",
        "{\"index\":{\"_id\":\"1\"}}\n{\"n\":1}\n",
        "{\"index.blocks.write\":true}",
        "{\"max_retry_delay\":\"10m\"}",
        "{\"follower_cluster\":\"follower8\",\"follower_index\":\"l-f\",\"follower_index_uuid\":\"x\",\"leader_remote_cluster\":\"lead\"}",
    ];
    for seed in 0..24 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut pair = pair(if seed % 2 == 0 {
            Version::V7_7_0
        } else {
            Version::V8_10_4
        });
        follow(&mut pair, "l", 2);
        for _ in 0..150 {
            let side = if random.bool() {
                Side::Leader
            } else {
                Side::Follower
            };
            match random.u8(0..30) {
                0 => pair.kill_node(side),
                1 | 2 => pair.start_node(side),
                3 => pair.change_master(side),
                4 => pair.break_link(random.bool()),
                5 => pair.lose_history("l"),
                6 => pair.set_disk_full(side, random.bool()),
                7 => pair.set_restore_rate(random.bool().then_some(100)),
                _ => {}
            }
            let target = if random.u8(0..4) == 0 {
                random.choice(whole).unwrap_or("/").to_owned()
            } else {
                format!(
                    "/{}/{}",
                    random.choice(names).unwrap_or(""),
                    random.choice(calls).unwrap_or("")
                )
            };
            let method = random.choice(methods).unwrap_or(Method::Get);
            let body = random.choice(bodies).unwrap_or("");
            let _answer = pair.handle(side, &request(method, &target, body));
            let before = pair.now_ms();
            let until = before + i64::from(random.u32(0..90_000));
            pair.advance_to(until);
            assert_eq!(pair.now_ms(), until.max(before));
            assert!(
                pair.next_event_ms().is_none_or(|next| next > until),
                "seed {seed}: stuck"
            );
        }
    }
}
