//! The tenure: one writes, the others stand by, and who lost it writes nothing more.

use std::time::Duration;

use refollow::domain::time::Timestamp;
use refollow::store::postgres::{PostgresStore, Terms};
use refollow::store::{AuditCheck, AuditEvent, Store as _, StoreError};
use serde_json::json;
use sqlx::Connection as _;

use super::postgres::{Server, shared};

/// Short, so that a test need not wait for it.
const TERMS: Terms = Terms {
    lasts: Duration::from_millis(1_500),
    renew: Duration::from_millis(200),
    grace: Duration::from_millis(300),
    margin: Duration::from_millis(200),
    patience: Duration::from_millis(800),
};

fn note(text: &str) -> AuditEvent {
    AuditEvent {
        at: Timestamp::UNIX_EPOCH,
        kind: "note".to_owned(),
        who: "anna".to_owned(),
        subject: text.to_owned(),
        detail: json!({}),
    }
}

/// As if the holder had not renewed for long enough.
async fn expire(url: &str) {
    let mut admin = sqlx::PgConnection::connect(url).await.unwrap();
    sqlx::query("UPDATE tenure SET expires_at = clock_timestamp() - interval '1 minute'")
        .execute(&mut admin)
        .await
        .unwrap();
}

macro_rules! or_skip {
    ($server:expr) => {
        match $server {
            Ok(server) => server,
            Err(missing) => {
                println!("skipped: {missing}");
                return;
            }
        }
    };
}

#[tokio::test]
async fn while_one_host_holds_it_another_is_told_who_and_what_was_given_up_is_taken_at_once() {
    let server = or_skip!(shared());
    let url = server.database().await;
    let first = PostgresStore::open(&url, Terms::default()).await.unwrap();
    let refused = PostgresStore::open(&url, Terms::default()).await.unwrap_err();
    assert!(
        matches!(&refused, StoreError::Locked { holder, .. }
            if holder.contains(&format!("pid {}", std::process::id())) && holder.ends_with("tenure 1")),
        "{refused}"
    );
    first.give_up().await.unwrap();
    assert!(first.standing().is_err(), "who gave it up does not act");
    let second = PostgresStore::open(&url, Terms::default()).await.unwrap();
    second.standing().unwrap();
    let late = first.set_state("x", &json!(1)).await.unwrap_err();
    assert!(matches!(late, StoreError::NotOurs { .. }), "{late}");
    assert_eq!(second.state("x").await.unwrap(), None);
}

#[tokio::test]
async fn who_was_taken_over_from_learns_it_and_writes_nothing_more() {
    let server = or_skip!(shared());
    let url = server.database().await;
    let first = PostgresStore::open(&url, TERMS).await.unwrap();
    first.audit(&note("before")).await.unwrap();
    expire(&url).await;
    let second = PostgresStore::open(&url, TERMS).await.unwrap();
    let why = tokio::time::timeout(Duration::from_secs(20), first.lost())
        .await
        .unwrap();
    assert!(
        why.to_string()
            .contains("another host has taken over from tenure 1"),
        "{why}"
    );
    assert!(first.standing().is_err());
    let refused = first.audit(&note("after")).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotOurs { .. }), "{refused}");
    second.audit(&note("mine")).await.unwrap();
    assert_eq!(second.verify_audit().await.unwrap(), AuditCheck::Whole(2));
}

#[tokio::test]
async fn a_tenure_is_renewed_for_as_long_as_the_host_lives() {
    let server = or_skip!(shared());
    let url = server.database().await;
    let store = PostgresStore::open(&url, TERMS).await.unwrap();
    // A real clock: three times its length.
    tokio::time::sleep(TERMS.lasts * 3).await;
    store.standing().unwrap();
    assert!(PostgresStore::open(&url, TERMS).await.is_err());
}

#[tokio::test]
async fn a_database_that_hangs_costs_the_right_to_act_and_gives_it_back() {
    let server = or_skip!(Server::own());
    let url = server.database().await;
    let store = PostgresStore::open(&url, TERMS).await.unwrap();
    store.set_state("x", &json!(1)).await.unwrap();
    server.signal("STOP");
    let late = store.set_state("x", &json!(2)).await.unwrap_err();
    assert!(late.to_string().contains("has not answered within"), "{late}");
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let why = loop {
        match store.standing() {
            Err(why) => break why,
            Ok(()) => assert!(tokio::time::Instant::now() < until, "it still thinks it may act"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(why.to_string().contains("could not be renewed"), "{why}");
    server.signal("CONT");
    let until = tokio::time::Instant::now() + Duration::from_secs(30);
    while store.standing().is_err() {
        assert!(
            tokio::time::Instant::now() < until,
            "nobody took it, so it is ours again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    store.set_state("x", &json!(3)).await.unwrap();
    assert_eq!(store.state("x").await.unwrap(), Some(json!(3)));
}

#[tokio::test]
async fn reading_takes_no_tenure_and_writes_nothing() {
    let server = or_skip!(shared());
    let url = server.database().await;
    let early = PostgresStore::open_read_only(&url).await.unwrap_err();
    assert!(early.to_string().contains("start the daemon once"), "{early}");
    let store = PostgresStore::open(&url, Terms::default()).await.unwrap();
    store.audit(&note("one")).await.unwrap();
    let reader = PostgresStore::open_read_only(&url).await.unwrap();
    assert_eq!(reader.verify_audit().await.unwrap(), AuditCheck::Whole(1));
    assert!(reader.set_state("x", &json!(1)).await.is_err());
    assert!(reader.standing().is_err());
    store.standing().unwrap();
}

#[tokio::test]
async fn a_newer_database_a_wrong_name_and_a_server_that_is_not_there_are_told_with_their_remedy() {
    let server = or_skip!(shared());
    let url = server.database().await;
    drop(PostgresStore::open(&url, Terms::default()).await.unwrap());
    let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'later', true, '', 0)",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    for newer in [
        PostgresStore::open(&url, Terms::default()).await.unwrap_err(),
        PostgresStore::open_read_only(&url).await.unwrap_err(),
    ] {
        assert!(
            matches!(
                newer,
                StoreError::Newer {
                    found: 99,
                    known: 3,
                    ..
                }
            ),
            "{newer}"
        );
    }
    let secret = format!("postgres://refollow:hush@127.0.0.1:{}/nobody", server.port);
    let wrong = PostgresStore::open(&secret, Terms::default()).await.unwrap_err();
    assert!(wrong.to_string().contains("createdb"), "{wrong}");
    assert!(!wrong.to_string().contains("hush"), "{wrong}");
    let away = PostgresStore::open("postgres://refollow:hush@127.0.0.1:1/x", TERMS)
        .await
        .unwrap_err();
    assert!(
        away.to_string().contains("can be reached from this host"),
        "{away}"
    );
    assert!(!away.to_string().contains("hush"), "{away}");
}

#[tokio::test]
async fn the_journal_and_the_audit_log_are_append_only_in_the_database_too() {
    let server = or_skip!(shared());
    let url = server.database().await;
    let store = PostgresStore::open(&url, Terms::default()).await.unwrap();
    store.audit(&note("one")).await.unwrap();
    let mut admin = sqlx::PgConnection::connect(&url).await.unwrap();
    for edit in ["UPDATE audit SET json = '{}'", "DELETE FROM audit"] {
        let refused = sqlx::query(edit).execute(&mut admin).await.unwrap_err();
        assert!(refused.to_string().contains("append-only"), "{refused}");
    }
}
