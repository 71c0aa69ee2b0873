//! The right state and cause at the moments of the recordings.

use serde_json::{Value, json};

use super::recorded::{Moment, moments, versions};
use refollow::evidence::diagnose;

/// The one moment of a recording that shows a path and a word in its answers.
fn moment(version: &str, number: &str, matches: impl Fn(&Moment) -> bool) -> Moment {
    moments(version, number)
        .into_iter()
        .find(matches)
        .unwrap_or_else(|| panic!("no such moment in {version}/{number}"))
}

fn says(moment: &Moment, text: &str) -> bool {
    moment.evidence["responses"].to_string().contains(text)
}

fn judged_now(moment: &Moment) -> Value {
    let judged = diagnose("file", &moment.bytes());
    assert!(judged.get("error").is_none(), "{}: {judged}", moment.recording);
    judged
}

#[track_caller]
fn expect(moment: &Moment, state: &str, cause: &str) -> Value {
    let judged = judged_now(moment);
    assert_eq!(
        (judged["state"].as_str(), judged["cause"].as_str()),
        (Some(state), Some(cause)),
        "{}@{}: {judged}",
        moment.recording,
        moment.at_ms
    );
    assert!(
        cause == "none" || !judged["evidence"].as_array().unwrap().is_empty(),
        "a cause rests on evidence: {judged}"
    );
    judged
}

/// What a daemon had remembered of the leader before: here from the leader's own statistics in
/// the same moment, for scenarios in which the leader was never replaced.
fn remembering_the_leader(moment: Moment) -> Moment {
    let stats = moment.evidence["responses"]
        .as_array()
        .unwrap()
        .iter()
        .find(|response| {
            response["cluster"] == "us" && response["path"].as_str().unwrap().contains("/_stats")
        })
        .unwrap_or_else(|| panic!("{}: the leader was not looked at", moment.recording))
        .clone();
    let leader = moment.evidence["leader_index"].as_str().unwrap().to_owned();
    let index = &stats["body"]["indices"][leader];
    let shards = index["shards"].as_object().unwrap();
    let mut histories = vec![Value::Null; shards.len()];
    for (shard, copies) in shards {
        histories[shard.parse::<usize>().unwrap()] = copies[0]["commit"]["user_data"]["history_uuid"].clone();
    }
    moment
        .clone()
        .remembering("leader_index_uuid", index["uuid"].clone())
        .remembering("leader_shard_history_uuids", Value::Array(histories))
}

#[test]
fn a_healthy_follower_has_no_cause() {
    for version in versions("01") {
        let moment = moment(version, "01", |moment| moment.paths().len() > 20);
        let judged = expect(&moment, "following", "none");
        assert_eq!(judged["ladder"], json!([]));
        assert_eq!(judged["approval"], "none");
    }
}

#[test]
fn history_lost_may_be_recreated_once_the_leader_is_proven() {
    for number in ["02", "50"] {
        for version in versions(number) {
            let bare = moment(version, number, |moment| {
                says(moment, "requested_operations_missing")
            });
            let moment = remembering_the_leader(bare);
            let judged = expect(&moment, "fatal", "history_lost");
            assert_eq!(
                judged["ladder"],
                json!(["resume", "recreate"]),
                "{version}/{number}"
            );
            assert_eq!(judged["approval"], "policy");
        }
    }
}

#[test]
fn history_lost_without_a_look_at_the_leader_is_for_a_person() {
    for version in versions("02") {
        let mut moment = moment(version, "02", |moment| {
            says(moment, "requested_operations_missing")
        });
        moment.evidence["leader_cluster"] = Value::Null;
        let judged = expect(&moment, "fatal", "history_lost");
        assert_eq!(judged["ladder"], json!(["resume", "human"]));
        assert_eq!(judged["approval"], "never");
    }
}

#[test]
fn an_accepted_resume_since_the_fatal_exception_proves_the_leader() {
    for version in versions("02") {
        let mut moment = moment(version, "02", |moment| {
            says(moment, "requested_operations_missing")
        });
        moment.evidence["leader_cluster"] = Value::Null;
        let at = moment.evidence["responses"][0]["at"].clone();
        let moment = moment
            .remembering("fatal_since", json!("2026-11-23T09:00:00Z"))
            .remembering("resume_accepted_at", at);
        let judged = expect(&moment, "fatal", "history_lost");
        assert_eq!(judged["ladder"], json!(["resume", "recreate"]));
    }
}

#[test]
fn a_deleted_leader_is_never_recreated_from() {
    for version in versions("05") {
        let moment = moment(version, "05", |moment| says(moment, "fatal_exception"));
        let judged = expect(&moment, "fatal", "leader_deleted");
        assert_eq!(judged["ladder"], json!(["human"]));
        assert_eq!(judged["approval"], "never");
    }
}

#[test]
fn a_missing_index_in_a_fatal_exception_does_not_tell_deleted_from_replaced() {
    let mut moment = moment("7.7.0", "06", |moment| says(moment, "fatal_exception"));
    moment.evidence["leader_cluster"] = Value::Null;
    let judged = expect(&moment, "fatal", "unclassified");
    assert_eq!(
        judged["ladder"],
        json!(["human"]),
        "it may be deleted, so nothing is bold"
    );
    assert_eq!(judged["approval"], "never");
}

#[test]
fn a_replaced_leader_is_found_by_looking_at_it() {
    for (version, state) in [("7.7.0", "fatal"), ("8.10.4", "following")] {
        let moment = moment(version, "06", |moment| moment.paths().len() > 10);
        let judged = expect(&moment, state, "leader_replaced");
        assert_eq!(judged["ladder"], json!(["human", "recreate"]));
        assert_eq!(judged["approval"], "always");
    }
}

#[test]
fn a_rewound_leader_is_found_by_its_history_even_without_an_exception() {
    let on_8 = moment("8.10.4", "08", |moment| moment.paths().len() > 10);
    expect(&on_8, "fatal", "leader_rewound");
    // 7.7.0 shows no exception at all and records no history: what was remembered tells.
    let on_7 = moment("7.7.0", "08", |moment| moment.paths().len() > 10)
        .remembering("leader_shard_history_uuids", json!(["F7V4X1mXRw6GChf_ENG7UQ"]));
    let judged = expect(&on_7, "following", "leader_rewound");
    assert_eq!(judged["ladder"], json!(["human", "recreate"]));
    assert_eq!(judged["approval"], "always");
}

#[test]
fn a_leader_below_the_follower_is_rewound_only_at_the_second_look() {
    let one = moment("7.7.0", "08", |moment| moment.paths().len() > 10);
    let judged = judged_now(&one);
    assert_eq!(judged["cause"], "none", "one look alone proves nothing: {judged}");
    let mut two = one;
    let again: Vec<Value> = two.evidence["responses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|response| {
            let mut later = response.clone();
            let at: jiff::Timestamp = later["at"].as_str().unwrap().parse().unwrap();
            let at = at.checked_add(jiff::SignedDuration::from_secs(15)).unwrap();
            later["at"] = json!(at.to_string());
            later
        })
        .collect();
    two.evidence["responses"].as_array_mut().unwrap().extend(again);
    expect(&two, "following", "leader_rewound");
}

#[test]
fn a_closed_leader_is_waited_for() {
    for version in versions("07") {
        let moment = moment(version, "07", |moment| says(moment, "index_closed_exception"));
        let judged = expect(&moment, "following", "leader_closed");
        assert_eq!(judged["ladder"], json!(["wait"]));
        assert_eq!(judged["approval"], "none");
    }
}

#[test]
fn a_removed_alias_needs_a_person_and_then_a_resume() {
    for version in versions("10") {
        let moment = moment(version, "10", |moment| {
            says(moment, "no_such_remote_cluster_exception")
        });
        let judged = expect(&moment, "following", "remote_not_configured");
        assert_eq!(judged["ladder"], json!(["human", "resume"]));
        assert_eq!(judged["approval"], "policy");
    }
}

#[test]
fn an_unreachable_remote_is_waited_for_and_a_stale_entry_is_not_believed() {
    for version in versions("37") {
        let all = moments(version, "37");
        let down = all
            .iter()
            .find(|moment| says(moment, "\"connected\":false"))
            .unwrap();
        let judged = expect(down, "retrying", "remote_unreachable");
        assert_eq!(judged["ladder"], json!(["wait", "resume"]));
        assert_eq!(judged["approval"], "policy");
    }
}

/// A look whose only read exception is of this kind, with so many retries.
fn look_with_read_exception(at: &str, kind: &str, retries: i64, idle_millis: i64) -> Vec<Value> {
    vec![
        json!({ "at": at, "cluster": "eu", "method": "GET", "path": "/_ccr/stats", "status": 200, "body": {
            "auto_follow_stats": {}, "follow_stats": { "indices": [ { "index": "f", "shards": [ {
                "remote_cluster": "lead", "leader_index": "l", "follower_index": "f", "shard_id": 0,
                "leader_global_checkpoint": 9, "leader_max_seq_no": 9, "follower_global_checkpoint": 9,
                "follower_max_seq_no": 9, "failed_read_requests": retries, "operations_written": 0,
                "failed_write_requests": 0, "time_since_last_read_millis": idle_millis,
                "read_exceptions": [ { "from_seq_no": 10, "retries": retries,
                    "exception": { "type": kind, "reason": "…",
                        "requested_operations_missing": if kind == "resource_not_found_exception" { json!(["10", "12"]) } else { Value::Null } } } ] } ] } ] } } }),
        json!({ "at": at, "cluster": "eu", "method": "GET", "path": "/*,.*/_ccr/info", "status": 200, "body": {
            "follower_indices": [ { "follower_index": "f", "remote_cluster": "lead", "leader_index": "l", "status": "active" } ] } }),
        json!({ "at": at, "cluster": "eu", "method": "GET", "path": "/_remote/info", "status": 200,
            "body": { "lead": { "connected": true, "mode": "sniff", "seeds": ["127.0.0.1:9300"], "num_nodes_connected": 1 } } }),
    ]
}

fn file_of(looks: Vec<Vec<Value>>) -> Moment {
    Moment {
        recording: "made".to_owned(),
        at_ms: 0,
        evidence: json!({
            "format": "refollow-evidence/1", "taken_at": "2026-11-23T10:01:00Z",
            "follower_cluster": "eu", "leader_cluster": "us", "remote_cluster": "lead",
            "follower_index": "f", "leader_index": "l", "remembered": null,
            "responses": looks.concat(),
        }),
    }
}

#[test]
fn rising_retries_are_believed_and_equal_ones_are_not() {
    for (kind, cause) in [
        ("connect_transport_exception", "remote_unreachable"),
        ("security_exception", "credentials"),
        ("circuit_breaking_exception", "overloaded"),
        ("resource_not_found_exception", "history_lost"),
        ("index_closed_exception", "leader_closed"),
    ] {
        let rising = file_of(vec![
            look_with_read_exception("2026-11-23T10:00:00Z", kind, 3, 200),
            look_with_read_exception("2026-11-23T10:00:15Z", kind, 5, 200),
        ]);
        expect(&rising, "retrying", cause);
        let stale = file_of(vec![
            look_with_read_exception("2026-11-23T10:00:00Z", kind, 5, 15_000),
            look_with_read_exception("2026-11-23T10:00:15Z", kind, 5, 30_000),
        ]);
        expect(&stale, "following", "none");
        let single = file_of(vec![look_with_read_exception(
            "2026-11-23T10:00:15Z",
            kind,
            5,
            200,
        )]);
        expect(&single, "following", "none");
    }
}

#[test]
fn a_fatal_restart_beside_a_stale_history_entry_is_not_lost_history() {
    let mut file = file_of(vec![look_with_read_exception(
        "2026-11-23T10:00:00Z",
        "resource_not_found_exception",
        7,
        90_000,
    )]);
    file.evidence["responses"][0]["body"]["follow_stats"]["indices"][0]["shards"][0]["fatal_exception"] = json!({
        "type": "illegal_state_exception", "reason": "Unable to open any connections to remote cluster [lead]" });
    let judged = expect(&file, "fatal", "remote_unreachable");
    assert_eq!(judged["ladder"], json!(["wait", "resume"]));
}

#[test]
fn a_past_disconnection_on_one_shard_does_not_hide_lost_history_on_another() {
    let mut file = file_of(vec![look_with_read_exception(
        "2026-11-23T10:00:00Z",
        "resource_not_found_exception",
        0,
        90_000,
    )]);
    let shards = &mut file.evidence["responses"][0]["body"]["follow_stats"]["indices"][0]["shards"];
    shards[0]["fatal_exception"] = json!({ "type": "exception", "reason": "x", "caused_by": {
        "type": "resource_not_found_exception", "reason": "y", "requested_operations_missing": ["10", "12"] } });
    let mut other = shards[0].clone();
    other["shard_id"] = json!(1);
    other["fatal_exception"] = json!({ "type": "illegal_state_exception", "reason": "Unable to open any connections to remote cluster [lead]" });
    shards.as_array_mut().unwrap().push(other);
    let judged = expect(&file, "fatal", "history_lost");
    assert_eq!(judged["also"], json!(["remote_unreachable"]));
    // True now, it outranks.
    file.evidence["responses"][2]["body"]["lead"]["connected"] = json!(false);
    let judged = expect(&file, "fatal", "remote_unreachable");
    assert_eq!(judged["also"], json!(["history_lost"]));
}

#[test]
fn words_of_another_exception_in_a_reason_prove_nothing() {
    let mut file = file_of(vec![look_with_read_exception(
        "2026-11-23T10:00:00Z",
        "connect_transport_exception",
        0,
        200,
    )]);
    file.evidence["responses"][0]["body"]["follow_stats"]["indices"][0]["shards"][0]["fatal_exception"] = json!({
        "type": "null_pointer_exception",
        "reason": "Operations are no longer available for replicating. requested_operations_missing [\"1\",\"2\"] \
                   unexpected history uuid, expected [a], actual [b] Unable to open any connections to remote cluster" });
    let judged = expect(&file, "fatal", "unclassified");
    assert_eq!(judged["ladder"], json!(["resume", "human"]));
}

#[test]
fn unknown_who_paused_means_that_somebody_paused() {
    for version in versions("01") {
        let moment = moment(version, "01", |moment| says(moment, "\"status\":\"paused\""));
        let judged = expect(&moment, "paused", "paused");
        assert_eq!(judged["ladder"], json!([]));
        assert_eq!(judged["approval"], "never");
    }
}

fn own_run(moment: Moment, run: Value) -> Moment {
    moment.remembering("own_run", run)
}

#[test]
fn our_own_follow_that_never_started_is_resumed() {
    let paused = moment("8.10.4-secured", "43", |moment| {
        says(moment, "\"status\":\"paused\"")
    });
    expect(&paused, "paused", "paused");
    let ours = own_run(
        paused,
        json!({ "id": "r1", "paused": false, "closed": false, "followed": true, "at": "2026-11-23T08:00:00Z" }),
    );
    let judged = expect(&ours, "paused", "restored_not_following");
    assert_eq!(judged["ladder"], json!(["resume"]));
    assert_eq!(judged["approval"], "policy");
    // Seen following since: then somebody else paused it.
    let since = ours.remembering("last_well_at", json!("2026-11-23T08:30:00Z"));
    expect(&since, "paused", "paused");
}

#[test]
fn a_running_remote_recovery_is_waited_for() {
    for version in versions("20") {
        let moment = moment(version, "20", |moment| says(moment, "\"stage\":\"INDEX\""));
        let judged = expect(&moment, "restoring", "restoring");
        assert_eq!(judged["ladder"], json!(["wait"]));
    }
}

#[test]
fn a_failed_restore_rests_on_the_decider_and_not_on_red_alone() {
    for version in versions("03") {
        let moment = remembering_the_leader(moment(version, "03", |moment| {
            says(moment, "restore_in_progress")
        }));
        let judged = expect(&moment, "red", "restore_failed");
        assert_eq!(
            judged["ladder"],
            json!(["human", "recreate", "delete_and_follow"])
        );
        assert_eq!(judged["approval"], "always");
    }
    for version in versions("36") {
        let moment = moment(version, "36", |moment| says(moment, "\"status\":\"red\""));
        expect(&moment, "red", "follower_unallocated");
        let ours = own_run(
            moment,
            json!({ "id": "r1", "paused": true, "closed": true, "followed": true, "at": "2026-11-23T08:00:00Z" }),
        );
        expect(&ours, "red", "restore_failed");
    }
}

#[test]
fn a_follower_closed_by_somebody_is_told_from_ours() {
    for version in versions("16") {
        let moment = moment(version, "16", |moment| says(moment, "\"state\":\"close\""));
        let judged = expect(&moment, "closed", "follower_closed");
        assert_eq!(judged["ladder"], json!(["human"]));
        let ours = own_run(
            moment,
            json!({ "id": "r1", "paused": true, "closed": true, "followed": false, "at": "2026-11-23T08:00:00Z" }),
        );
        assert_ne!(judged_now(&ours)["cause"], "follower_closed");
    }
}

#[test]
fn an_index_without_ccr_metadata_was_unfollowed() {
    for version in versions("17") {
        let moment = moment(version, "17", |moment| says(moment, "\"follower_indices\":[]"));
        let judged = expect(&moment, "missing", "unfollowed");
        assert_eq!(judged["ladder"], json!(["human"]));
    }
}

#[test]
fn a_follower_that_a_list_lacks_is_not_missing() {
    let file = file_of(vec![vec![
        json!({ "at": "2026-11-23T10:00:00Z", "cluster": "eu", "method": "GET", "path": "/_all/_ccr/info",
            "status": 200, "body": { "follower_indices": [] } }),
        json!({ "at": "2026-11-23T10:00:00Z", "cluster": "eu", "method": "GET", "path": "/_ccr/stats",
            "status": 200, "body": { "follow_stats": { "indices": [] } } }),
    ]]);
    expect(&file, "unknown", "unknown");
    let mut by_name = file;
    by_name.evidence["responses"].as_array_mut().unwrap().push(json!({
        "at": "2026-11-23T10:00:01Z", "cluster": "eu", "method": "GET", "path": "/f/_ccr/info", "status": 404,
        "body": { "error": { "type": "index_not_found_exception", "reason": "no such index [f]", "index": "f" }, "status": 404 } }));
    expect(&by_name, "missing", "missing");
}

#[test]
fn a_change_that_cannot_be_applied_and_the_refusal_after_it() {
    for version in versions("34") {
        let all = moments(version, "34");
        let closed = all.iter().find(|moment| says(moment, "fatal_exception")).unwrap();
        let judged = expect(closed, "closed", "follower_closed");
        assert_eq!(judged["also"], json!(["leader_change_rejected"]));
        let refused = all
            .iter()
            .find(|moment| says(moment, "must be identical"))
            .unwrap();
        expect(refused, "paused", "settings_diverged");
    }
}

#[test]
fn a_follower_without_a_running_task_is_found() {
    for version in versions("48") {
        let moment = moment(version, "48", |moment| moment.paths().len() > 10);
        let judged = expect(&moment, "stalled", "task_unassigned");
        assert_eq!(judged["ladder"], json!(["wait", "human"]));
    }
}

#[test]
fn a_write_block_is_named() {
    for version in versions("49") {
        let moment = moment(version, "49", |moment| {
            says(moment, "\"index.blocks.write\":\"true\"") || says(moment, "blocks")
        });
        let judged = expect(&moment, "following", "follower_blocked");
        assert!(judged["evidence"].to_string().contains("blocks.write"));
    }
}

#[test]
fn a_licence_that_does_not_allow_ccr_is_named() {
    let moment = moment("8.10.4-secured", "51", |moment| says(moment, "non-compliant"));
    let judged = expect(&moment, "unknown", "license");
    assert_eq!(judged["ladder"], json!(["human"]));
}

#[test]
fn every_other_recorded_moment_is_judged_without_destruction() {
    // The moments of the recordings at which nothing may be recreated, told by their numbers.
    for number in [
        "01", "05", "07", "10", "12", "13", "16", "17", "18", "20", "27", "35", "37", "42", "48", "49",
    ] {
        for version in versions(number) {
            for moment in moments(version, number) {
                let judged = judged_now(&moment);
                let ladder = judged["ladder"].to_string();
                assert!(
                    !ladder.contains("recreate") && !ladder.contains("delete"),
                    "{}@{}: {judged}",
                    moment.recording,
                    moment.at_ms
                );
            }
        }
    }
}
