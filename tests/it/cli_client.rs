//! The commands that ask the daemon: what they print, and their exit codes.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;
use std::time::Duration;

use refollow::cli::client::Session;
use refollow::cli::client::audit::Source;
use refollow::http::dto::{AuditVerdict, RecreateBody};
use refollow::store::{self, AuditEvent};
use serde_json::{Value, json};

use crate::http_api::{FakeDaemon, Running, at, plan, start, start_with};

/// What a command printed, what it complained of, and its exit code.
#[derive(Debug)]
struct Said {
    out: String,
    err: String,
    code: u8,
}

async fn run_at(socket: &Path, json: bool, command: impl AsyncFnOnce(&mut Session<'_>) -> u8) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = command(&mut Session::new(socket, json, at(120), &mut out, &mut err)).await;
    Said {
        out: String::from_utf8(out).unwrap(),
        err: String::from_utf8(err).unwrap(),
        code,
    }
}

async fn people(running: &Running, command: impl AsyncFnOnce(&mut Session<'_>) -> u8) -> Said {
    run_at(running.client.socket(), false, command).await
}

async fn program(running: &Running, command: impl AsyncFnOnce(&mut Session<'_>) -> u8) -> (Value, u8) {
    let said = run_at(running.client.socket(), true, command).await;
    (serde_json::from_str(&said.out).unwrap(), said.code)
}

#[tokio::test]
async fn people_get_aligned_text() {
    let running = start().await;
    let mut all = String::new();
    all += &people(&running, async |session| session.status().await).await.out;
    all += "-----\n";
    all += &people(&running, async |session| session.why("eu/orders-f").await)
        .await
        .out;
    all += "-----\n";
    all += &people(&running, async |session| session.plans().await).await.out;
    all += "-----\n";
    all += &people(&running, async |session| {
        session.plan("eu/orders-f", &RecreateBody::default()).await
    })
    .await
    .out;
    all += "-----\n";
    all += &people(&running, async |session| session.runs(None).await)
        .await
        .out;
    all += "-----\n";
    all += &people(&running, async |session| session.runs(Some("r1")).await)
        .await
        .out;
    all += "-----\n";
    all += &people(&running, async |session| {
        let run = Some(refollow::domain::ids::RunId::parse("r1").unwrap());
        session
            .audit_show(&Source::Daemon { or_state: None }, run, None, None, 50)
            .await
    })
    .await
    .out;
    insta::assert_snapshot!("people", all);
}

#[tokio::test]
async fn programs_get_the_shapes_of_the_contract() {
    let running = start().await;
    let (status, code) = program(&running, async |session| session.status().await).await;
    assert_eq!(
        (status["followers"][0]["cause"].as_str(), code),
        (Some("history_lost"), 0)
    );
    let (why, _) = program(&running, async |session| session.why("eu/orders-f").await).await;
    assert_eq!(why["guards"][0]["name"], "leader_healthy");
    assert_eq!(why["index"], "orders-f");
    let (plans, _) = program(&running, async |session| session.plans().await).await;
    assert_eq!(plans["plans"][0]["hash"], plan().hash.as_str());
    let (runs, _) = program(&running, async |session| session.runs(None).await).await;
    assert_eq!(runs["runs"][0]["steps"][0]["name"], "pause");
    let (one, _) = program(&running, async |session| session.runs(Some("r1")).await).await;
    assert_eq!(one["runs"][0]["id"], "r1");
    let (evidence, _) = program(&running, async |session| session.evidence("eu/orders-f").await).await;
    assert_eq!(evidence["format"], "refollow-evidence/1");
    let (refused, code) = program(&running, async |session| session.abort("r1").await).await;
    assert_eq!((refused["code"].as_str(), code), (Some("refused"), 3));
}

#[tokio::test]
async fn a_plan_is_approved_by_the_beginning_of_its_hash_where_that_is_unique() {
    let running = start().await;
    let hash = plan().hash.to_string();
    let beginning = hash[..8].to_uppercase();
    let approved = people(&running, async |session| {
        session.approve(&beginning, Some("seen"), None, &[]).await
    })
    .await;
    assert_eq!(
        (approved.code, approved.out.as_str()),
        (0, "done\n"),
        "{approved:?}"
    );
    let rejected = people(&running, async |session| session.reject(&hash, "no").await).await;
    assert_eq!(rejected.code, 0, "{rejected:?}");
    let asked = running.daemon.asked.lock().unwrap().clone();
    assert!(asked[0].starts_with(&format!("approve {hash} by ")), "{asked:?}");
    assert!(asked[1].starts_with(&format!("reject {hash} by ")), "{asked:?}");

    let several = people(&running, async |session| {
        session.approve("abababab", None, None, &[]).await
    })
    .await;
    assert_eq!(several.code, 2);
    assert!(several.err.contains("several plans"), "{several:?}");
    let none = people(&running, async |session| {
        session.approve("00000000", None, None, &[]).await
    })
    .await;
    assert_eq!(none.code, 1, "{none:?}");
    for wrong in [&hash[..7], "not-a-hash", ""] {
        let said = people(&running, async |session| {
            session.approve(wrong, None, None, &[]).await
        })
        .await;
        assert_eq!(said.code, 2, "{wrong}: {said:?}");
    }
    let expired = people(&running, async |session| {
        session.approve(&"ab".repeat(32), None, None, &[]).await
    })
    .await;
    assert_eq!(expired.code, 3);
    assert_eq!(expired.err, "refollow: the plan expired an hour ago\n");
}

#[tokio::test]
async fn a_receiver_that_does_not_take_a_test_is_named_and_the_exit_code_says_so() {
    let running = start().await;
    let both = people(&running, async |session| session.notify_test(None).await).await;
    assert_eq!(both.code, 1, "{both:?}");
    assert_eq!(
        both.out,
        "chat (slack, https://hooks.slack.com): took the message\n\
         pager (slack, https://hooks.slack.com): did not take it: it answered 404\n"
    );
    let one = people(&running, async |session| session.notify_test(Some("chat")).await).await;
    assert_eq!(one.code, 0, "{one:?}");
    let shown = people(&running, async |session| session.notify_show().await).await;
    assert_eq!(
        (shown.code, shown.out.as_str()),
        (0, "Nothing stands that anybody is told of.\n")
    );
}

#[tokio::test]
async fn brakes_are_checked_before_the_daemon_is_asked() {
    let running = start().await;
    let length = Some(Duration::from_hours(2));
    let set = people(&running, async |session| {
        session.brake("remote:eu/lead", "drill", length).await
    })
    .await;
    assert_eq!(set.code, 0, "{set:?}");
    let released = people(&running, async |session| session.release("remote:eu/lead").await).await;
    assert_eq!(released.code, 0, "{released:?}");
    let wrong = people(&running, async |session| {
        session.brake("everything", "drill", None).await
    })
    .await;
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("cluster:<c>"), "{wrong:?}");
    let recreate = people(&running, async |session| {
        session.recreate("eu/orders-f", &RecreateBody::default()).await
    })
    .await;
    assert_eq!(recreate.code, 0);
    assert_eq!(running.daemon.asked.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_wrong_is_one_line_with_the_exit_code_of_its_kind() {
    let running = start().await;
    let unknown = people(&running, async |session| session.why("eu/nobody").await).await;
    assert_eq!(unknown.code, 1);
    assert_eq!(
        unknown.err,
        "refollow: there is no follower eu/nobody; refollow status lists them\n"
    );
    for wrong in ["orders-f", "eu/orders-*", "eu/"] {
        let said = people(&running, async |session| session.why(wrong).await).await;
        assert_eq!(said.code, 2, "{wrong}: {said:?}");
    }
    let refused = people(&running, async |session| session.abort("r1").await).await;
    assert_eq!(refused.code, 3);
    assert!(
        refused.err.contains("refused by point_of_no_return"),
        "{refused:?}"
    );
    let absent = run_at(Path::new("/nonexistent/admin.sock"), false, async |session| {
        session.status().await
    })
    .await;
    assert_eq!(absent.code, 4);
    assert_eq!(absent.err.lines().count(), 1, "{absent:?}");
    let empty = start_with(FakeDaemon::default()).await;
    empty.tasks.drain(Duration::from_secs(5)).await.unwrap();
    assert_eq!(
        people(&empty, async |session| session.plans().await).await.code,
        4
    );
}

#[tokio::test]
async fn a_broken_audit_log_is_exit_code_1_with_the_record() {
    let asked = &Source::Daemon { or_state: None };
    let whole = start().await;
    let said = people(&whole, async |session| session.audit_verify(asked).await).await;
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("whole: 7 records"), "{said:?}");
    let broken = start_with(FakeDaemon {
        audit_verdict: Some(AuditVerdict {
            whole: false,
            records: 3,
            broken_at: Some(4),
            problem: Some("the record is missing".to_owned()),
        }),
        ..FakeDaemon::default()
    })
    .await;
    let said = people(&broken, async |session| session.audit_verify(asked).await).await;
    assert_eq!(said.code, 1);
    assert!(
        said.out.contains("broken at record 4: the record is missing"),
        "{said:?}"
    );
    let (value, code) = program(&broken, async |session| session.audit_verify(asked).await).await;
    assert_eq!((value["broken_at"].as_u64(), code), (Some(4), 1));
}

#[tokio::test]
async fn the_audit_log_is_read_from_its_state_where_the_daemon_is_down() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("refollow.db").display());
    let kept = store::open(&url).await.unwrap();
    let event = AuditEvent {
        at: at(60),
        kind: "brake_engaged".to_owned(),
        who: "anna".to_owned(),
        subject: "all".to_owned(),
        detail: json!({"reason": "drill"}),
    };
    kept.audit(&event).await.unwrap();
    let nobody = dir.path().join("admin.sock");
    let or_state = &Source::Daemon {
        or_state: Some(url.clone()),
    };
    let said = run_at(&nobody, false, async |session| {
        session.audit_verify(or_state).await
    })
    .await;
    assert_eq!(
        (said.code, said.err.contains("reading the state itself")),
        (0, true),
        "{said:?}"
    );
    for source in [or_state, &Source::State(url.clone())] {
        let said = run_at(&nobody, false, async |session| {
            let since = Some(Duration::from_secs(70));
            session.audit_show(source, None, None, since, 10).await
        })
        .await;
        assert!(said.out.contains("brake engaged all by anna"), "{said:?}");
    }
    let said = run_at(&nobody, false, async |session| {
        let since = Some(Duration::from_secs(50));
        session.audit_show(or_state, None, None, since, 10).await
    })
    .await;
    assert_eq!(said.out, "The audit log has nothing of that.\n");
    // Without a state to read, a daemon that is down is exit code 4.
    let said = run_at(&nobody, false, async |session| {
        session.audit_verify(&Source::Daemon { or_state: None }).await
    })
    .await;
    assert_eq!(said.code, 4);
}
