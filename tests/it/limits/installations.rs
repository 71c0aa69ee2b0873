//! Two installations on one cluster: different states, so that no lock keeps them apart.

use std::sync::Arc;
use std::time::Duration;

use refollow::app::Exit;
use refollow::domain::decision::{DecisionKind, GuardVerdict};
use refollow::domain::installation::MARKER;
use refollow::domain::journal::RunOutcome;
use refollow::elastic::transport::Method;
use refollow::http::dto::Daemon as _;
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::Side;
use refollow::store::memory::MemoryStore;
use serde_json::Value;

use super::support::{AUTO, House, house, key};

const ASK: &str = "[daemon]\nmode = \"ask\"\n";

/// What the follower cluster's settings say of who acts there.
async fn marker(house: &House) -> Option<String> {
    let target = "/_cluster/settings?flat_settings=true";
    let settings = house.ask(Side::Follower, Method::Get, target, None).await;
    let text = settings["persistent"][MARKER].as_str()?;
    Some(text.split(" until ").next().unwrap().to_owned())
}

async fn cured(house: &House, index: &str) {
    house
        .until("it is cured", 900, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.follower == key(index) && run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

fn changes(house: &House) -> Vec<String> {
    let all = house.world.changes();
    all.iter().map(|entry| entry.path.clone()).collect()
}

#[tokio::test(start_paused = true)]
async fn the_first_run_marks_the_cluster_and_another_installation_only_watches_there() {
    let mut house = house("quiet", AUTO).await;
    house.all_well().await;
    assert_eq!(marker(&house).await, None, "nothing was done yet");
    house.play("fatal-but-curable:mail-f");
    cured(&house, "mail-f").await;
    let name = marker(&house).await.expect("the run has marked the cluster");
    let marks = |house: &House| {
        let marks = changes(house);
        marks
            .iter()
            .filter(|path| path.contains("_cluster/settings"))
            .count()
    };
    assert_eq!(marks(&house), 1);
    let noted = |event: &&Value| event["detail"]["step"] == "mark_cluster";
    assert_eq!(house.audit().await.iter().filter(noted).count(), 1);

    // The same installation goes on after a restart, and marks nothing twice.
    house.restart().await;
    house.all_well().await;
    house.play("fatal-but-curable:mail-f");
    house
        .until("two runs have ended", 900, async |house| {
            let runs = house.runs().await;
            runs.iter().filter(|run| run.outcome.is_some()).count() == 2
        })
        .await;
    assert_eq!((marker(&house).await, marks(&house)), (Some(name.clone()), 1));

    // Another state over the same clusters.
    house.store = Arc::new(MemoryStore::new());
    house.restart().await;
    house.all_well().await;
    let before = changes(&house).len();
    house.play("fatal-but-curable:mail-f");
    let own = changes(&house).len() - before;
    house.pass(1_800).await;
    assert_eq!(changes(&house).len(), before + own, "{:?}", changes(&house));
    let why = house.desk.why(key("mail-f")).await.unwrap();
    assert_eq!(why.follower.decision, DecisionKind::Alert);
    let guard = why
        .guards
        .iter()
        .find(|guard| guard.name == "no_other_installation")
        .unwrap();
    assert_eq!(guard.verdict, GuardVerdict::Block);
    assert!(guard.inputs.contains(&name), "{}", guard.inputs);

    // The first is gone for good: its word runs out, an hour after its last run began.
    house.pass(1_800).await;
    cured(&house, "mail-f").await;
    let taken = marker(&house).await;
    assert!(taken.is_some() && taken != Some(name), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn an_installation_that_stops_leaves_the_cluster_to_others_at_once() {
    let mut house = house("quiet", AUTO).await;
    house.all_well().await;
    house.play("fatal-but-curable:mail-f");
    cured(&house, "mail-f").await;
    let name = marker(&house).await.unwrap();
    house.desk.0.take_marks_back().await;
    assert_eq!(marker(&house).await, None);
    let noted = |event: &&Value| event["detail"]["step"] == "unmark_cluster";
    assert_eq!(house.audit().await.iter().filter(noted).count(), 1);

    house.store = Arc::new(MemoryStore::new());
    house.restart().await;
    house.all_well().await;
    house.play("fatal-but-curable:mail-f");
    cured(&house, "mail-f").await;
    assert_ne!(marker(&house).await, Some(name.clone()));

    // Whose word stands there now is not ours to take back.
    let other = serde_json::json!({"persistent": {MARKER: "another"}});
    house
        .ask(Side::Follower, Method::Put, "/_cluster/settings", Some(other))
        .await;
    house.desk.0.take_marks_back().await;
    assert_eq!(marker(&house).await.as_deref(), Some("another"));
}

#[tokio::test(start_paused = true)]
async fn in_ask_the_cluster_is_marked_by_the_approved_run_and_not_before() {
    let house = house("quiet", ASK).await;
    house.all_well().await;
    house.play("fatal-but-curable:mail-f");
    let plan = house.pending("mail-f").await;
    house.pass(60).await;
    assert_eq!(marker(&house).await, None);
    house.approve(&plan, "ann").await.unwrap();
    cured(&house, "mail-f").await;
    assert!(marker(&house).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_marker_that_appears_under_a_run_makes_it_back_out() {
    let house = house("quiet", AUTO).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
        .until("the run has begun", 300, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.follower == key("orders-f"))
        })
        .await;
    let other = serde_json::json!({"persistent": {MARKER: "another"}});
    house
        .ask(Side::Follower, Method::Put, "/_cluster/settings", Some(other))
        .await;
    house
        .until("it has ended", 600, async |house| {
            house.runs().await.iter().all(|run| run.outcome.is_some())
        })
        .await;
    let runs = house.runs().await;
    assert_eq!(
        runs[0].outcome,
        Some(RunOutcome::BackedOut),
        "{:?}",
        runs[0].reason
    );
    assert!(!changes(&house).iter().any(|path| path.contains("_ccr/follow")));
    assert_eq!(marker(&house).await.as_deref(), Some("another"));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_hangs_while_its_marker_is_taken_back_holds_the_stop_up_for_five_seconds_at_most() {
    for changes in [false, true] {
        let house = house("quiet", AUTO).await;
        house.all_well().await;
        house.play("fatal-but-curable:mail-f");
        cured(&house, "mail-f").await;
        // Either the look before, or the request itself.
        let method = if changes { "PUT" } else { "GET" };
        house.world.with(|state| {
            let hang = Fault::new(FaultKind::Hang).on(Side::Follower).method(method);
            state.faults.add(hang.path("/_cluster/settings").times(20));
        });
        let began = tokio::time::Instant::now();
        let end = house.stop().await;
        let took = began.elapsed();
        assert!(matches!(end, Exit::Clean), "nothing is held");
        assert!(took >= Duration::from_secs(5), "it hung: {took:?}");
        assert!(took < Duration::from_secs(6), "{took:?}");
        house.world.with(|state| state.faults.clear());
        assert!(marker(&house).await.is_some(), "it runs out by itself");
    }
}
