//! What `refollow run` refuses to start with, in how many lines and with which exit code.

use refollow::store;
use sqlx::ConnectOptions as _;

use super::{Rig, run};

async fn refused(rig: &Rig) -> (i32, String) {
    let config = rig.path("refollow.toml");
    let (code, out, err) = run(&["--config", config.to_str().unwrap(), "run"]).await;
    assert_eq!(out, "", "a daemon prints nothing on standard output");
    (code, err)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_on_one_state_exits_1_and_says_who_has_it() {
    let rig = Rig::new("observe").await;
    let mut first = rig.start_and_know("first", &[]).await;
    let (code, said) = refused(&rig).await;
    assert_eq!(code, 1, "{said}");
    let pid = format!("pid {}", first.child.id().unwrap());
    assert!(
        said.contains("is in use by another refollow") && said.contains(&pid),
        "{said}"
    );
    assert!(first.is_well().await, "the first one was disturbed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mistake_of_a_configuration_is_listed_at_once_with_exit_2() {
    let rig = Rig::new("sometimes").await;
    let path = rig.path("refollow.toml");
    let wrong = std::fs::read_to_string(&path)
        .unwrap()
        .replace("300ms", "soon")
        .replace("settle = ", "setle = ")
        .replace("5%", "500%");
    std::fs::write(&path, wrong).unwrap();
    let (code, said) = refused(&rig).await;
    assert_eq!(code, 2, "{said}");
    for part in [
        "daemon.mode",
        "clusters[0].poll_interval",
        "verify.setle",
        "verify.document_tolerance",
    ] {
        assert!(said.contains(part), "{part} is not listed: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_of_a_newer_refollow_is_refused_with_exit_1_and_one_line() {
    let rig = Rig::new("observe").await;
    let path = rig.path("refollow.db");
    drop(
        store::open(&format!("sqlite://{}", path.display()))
            .await
            .unwrap(),
    );
    let mut connection = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(&path)
        .connect()
        .await
        .unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (99, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    sqlx::Connection::close(connection).await.unwrap();
    let (code, said) = refused(&rig).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("made by a newer refollow"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_state_that_is_no_database_is_refused_with_exit_1_and_one_line() {
    let rig = Rig::new("observe").await;
    std::fs::write(rig.path("refollow.db"), "no database at all\n".repeat(200)).unwrap();
    let (code, said) = refused(&rig).await;
    assert_eq!((code, said.lines().count()), (1, 1), "{said}");
    assert!(said.contains("refollow.db"), "{said}");
}
