//! Side by side: the leader is followed under a new name, and the follower is not touched.

use std::sync::atomic::Ordering;
use std::time::Duration;

use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::ids::{IndexName, RunId};
use refollow::domain::journal::RunOutcome;
use refollow::domain::plan::{Override, Plan, Wishes};
use refollow::domain::step::Step;
use refollow::domain::verdict::Verdict;
use refollow::elastic::transport::Method;
use refollow::engine::executor::{Gate as _, RunEnd};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::{Side, Version};
use serde_json::json;

use super::support::{Table, just_before, table, table_with, undo_file};

/// The plan that `refollow recreate eu/orders-f --side-by-side orders-g` makes.
pub(super) fn beside(table: &Table, verdict: &Verdict, overrides: &[&str]) -> Plan {
    let mut wanted = verdict.clone();
    wanted.ladder = vec![Remedy::Recreate];
    wanted.approval = Approval::Always;
    let wishes = Wishes {
        beside: Some(IndexName::parse("orders-g").unwrap()),
        overrides: overrides
            .iter()
            .map(|fact| Override {
                index: table.key.index.clone(),
                fact: (*fact).to_owned(),
                person: "ann".to_owned(),
            })
            .collect(),
        ..Wishes::default()
    };
    table.plan_with(&wanted, &wishes)
}

fn ended(end: &RunEnd, table: &Table) -> (RunOutcome, String, Option<String>) {
    let RunEnd::Closed {
        outcome,
        reason,
        person_must,
        held,
        ..
    } = end
    else {
        panic!("{end:?}\n{}", table.story());
    };
    assert_eq!(*held, None, "nothing of the follower is ever held: {end:?}");
    (*outcome, reason.clone(), person_must.clone())
}

/// No request that changes something named the follower since the run was opened.
pub(super) fn follower_untouched(table: &Table, since: usize) {
    for entry in table.world.changes().iter().skip(since) {
        assert!(
            !entry.path.starts_with("/orders-f/") && entry.path != "/orders-f",
            "{} {}",
            entry.method,
            entry.path
        );
    }
}

async fn exists(table: &Table, index: &str) -> bool {
    let target = format!("/_cluster/state/metadata/{index}");
    let (_, state) = table.ask(Side::Follower, Method::Get, &target, None).await;
    !state["metadata"]["indices"][index].is_null()
}

async fn lost(version: Version) -> (Table, Verdict) {
    let mut table = table(version).await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    (table, verdict)
}

async fn run_of(table: &Table, plan: &Plan) -> RunId {
    let run = table.open_approved(plan).await;
    assert!(undo_file(table, &run).exists(), "before the first change");
    run
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_made_beside_the_follower_which_stays_exactly_as_it_was() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let (table, verdict) = lost(version).await;
        let before = table.standing().await;
        let uuid = table.follower_uuid().await;
        let since = table.world.changes().len();
        let plan = beside(&table, &verdict, &[]);
        assert!(!plan.destroys(), "nothing is lost, so nothing need be typed");

        let run = run_of(&table, &plan).await;
        let end = table.execute(&run).await;
        let (outcome, reason, must) = ended(&end, &table);
        assert_eq!(outcome, RunOutcome::Cured, "{end:?}\n{}", table.story());
        assert_eq!(table.changes(), ["follow", "_settings"], "{}", table.story());
        follower_untouched(&table, since);
        assert_eq!(table.standing().await, before, "{reason}");
        assert_eq!(table.follower_uuid().await, uuid);

        let leader = table.count(Side::Leader, "orders").await;
        assert_eq!(table.count(Side::Follower, "orders-g").await, leader);
        let target = "/orders-g/_settings?flat_settings=true";
        let (_, settings) = table.ask(Side::Follower, Method::Get, target, None).await;
        assert_eq!(settings["orders-g"]["settings"]["index.refresh_interval"], "7s");
        let (_, info) = table
            .ask(Side::Follower, Method::Get, "/orders-g/_ccr/info", None)
            .await;
        let info = &info["follower_indices"][0];
        assert_eq!(
            (&info["status"], &info["leader_index"]),
            (&json!("active"), &json!("orders"))
        );
        assert_eq!(info["parameters"]["max_outstanding_read_requests"], 7);

        // What is left is for people, with the real names and the identity of what would go.
        let must = must.expect("handing over is for people");
        for part in ["orders-g", &uuid, "DELETE", "forget_follower", "the way back"] {
            assert!(must.contains(part), "{part}: {must}");
        }
        let copy = table.gate.memory(&table.key).beside.expect("it is remembered");
        assert!(copy.proven && copy.of.as_str() == uuid && copy.index.as_str() == "orders-g");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_taken_is_refused_before_anything_is_sent() {
    let (table, verdict) = lost(Version::V8_10_4).await;
    table
        .done(Side::Follower, Method::Put, "/orders-g", Some(json!({})))
        .await;
    let since = table.world.changes().len();
    let refused = table.refused(&beside(&table, &verdict, &[])).await;
    assert!(refused.contains("beside_name"), "{refused}");
    assert_eq!(table.world.changes().len(), since);
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_the_leader_would_count_twice_and_holds_it_unless_a_person_says_so() {
    let mut table = table(Version::V8_10_4).await;
    let actions = json!({"actions": [{"add": {"index": "orders", "alias": "sales"}}]});
    table
        .done(Side::Leader, Method::Post, "/_aliases", Some(actions))
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    table.look().await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let refused = table.refused(&beside(&table, &verdict, &[])).await;
    assert!(
        refused.contains("alias_counts_once") && refused.contains("sales") && refused.contains("twice"),
        "{refused}"
    );

    let plan = beside(&table, &verdict, &["alias_counts_once"]);
    let run = run_of(&table, &plan).await;
    let end = table.execute(&run).await;
    assert_eq!(
        ended(&end, &table).0,
        RunOutcome::Cured,
        "{end:?}\n{}",
        table.story()
    );
    // What the guard said: until one of the two is gone.
    assert_eq!(
        table.count(Side::Follower, "sales").await,
        2 * table.count(Side::Leader, "orders").await
    );
}

#[tokio::test(start_paused = true)]
async fn an_aborted_copy_is_deleted_by_its_uuid_and_the_follower_is_as_it_was() {
    let (table, verdict) = lost(Version::V8_10_4).await;
    let before = table.standing().await;
    let since = table.world.changes().len();
    let run = run_of(&table, &beside(&table, &verdict, &[])).await;
    // Nobody settles within a minute: the abort falls into the verification.
    let stop = async {
        while table.changes().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(10)).await;
        table.gate.aborted.store(true, Ordering::SeqCst);
    };
    let (end, ()) = tokio::join!(table.execute(&run), stop);
    let (outcome, reason, _) = ended(&end, &table);
    assert_eq!(outcome, RunOutcome::BackedOut, "{end:?}\n{}", table.story());
    assert!(reason.contains("not touched"), "{reason}");
    assert!(!exists(&table, "orders-g").await);
    follower_untouched(&table, since);
    assert_eq!(table.standing().await, before);
    assert_eq!(table.gate.memory(&table.key).beside, None);
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_carries_an_alias_is_not_deleted_for_searches_may_rest_on_it() {
    let mut table = table(Version::V8_10_4).await;
    let actions = json!({"actions": [{"add": {"index": "orders", "alias": "sales"}}]});
    table
        .done(Side::Leader, Method::Post, "/_aliases", Some(actions))
        .await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    table.look().await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = run_of(&table, &beside(&table, &verdict, &["alias_counts_once"])).await;
    let stop = async {
        while table.changes().is_empty() {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        tokio::time::sleep(Duration::from_secs(20)).await;
        table.gate.aborted.store(true, Ordering::SeqCst);
    };
    let (end, ()) = tokio::join!(table.execute(&run), stop);
    let (outcome, reason, must) = ended(&end, &table);
    assert_eq!(outcome, RunOutcome::NotCured, "{end:?}\n{}", table.story());
    assert!(reason.contains("sales"), "{reason}");
    assert!(must.is_some_and(|must| must.contains("DELETE")));
    assert!(exists(&table, "orders-g").await);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_somebody_else_makes_under_the_name_is_never_deleted() {
    let may = just_before(Step::FollowBeside, |world| {
        world.add_fault(
            Fault::new(FaultKind::Hang)
                .method("PUT")
                .path("_ccr/follow")
                .times(1),
        );
    });
    let mut table = table_with(Version::V8_10_4, may).await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = run_of(&table, &beside(&table, &verdict, &[])).await;
    let theirs = async {
        while !table
            .world
            .requests()
            .iter()
            .any(|entry| entry.path.starts_with("/orders-g/_ccr/follow"))
        {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        let (status, answer) = table
            .ask(Side::Follower, Method::Put, "/orders-g", Some(json!({})))
            .await;
        assert!(status == 200 || status == 400, "{answer}");
        status == 200
    };
    let (end, theirs) = tokio::join!(table.execute(&run), theirs);
    let (outcome, ..) = ended(&end, &table);
    assert!(theirs, "our own follow had made it");
    assert_eq!(outcome, RunOutcome::CannotTell, "{end:?}\n{}", table.story());
    assert!(exists(&table, "orders-g").await);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_leader_is_followed_beside_for_what_was_overridden_and_no_snapshot_is_needed() {
    const LAST_COPY: &[&str] = &[
        "documents_not_fewer",
        "sequence_numbers_not_lower",
        "not_below_remembered",
    ];
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        table.play("leader-replaced:orders-f");
        table.write(0, 10).await;
        let verdict = table.until(Cause::LeaderReplaced).await;
        let refused = table.refused(&beside(&table, &verdict, &[])).await;
        for guard in LAST_COPY {
            assert!(refused.contains(guard), "{guard}: {refused}");
        }
        assert!(!refused.contains("snapshot_of_follower"), "{refused}");

        let since = table.world.changes().len();
        let run = run_of(&table, &beside(&table, &verdict, LAST_COPY)).await;
        let end = table.execute(&run).await;
        assert_eq!(
            ended(&end, &table).0,
            RunOutcome::Cured,
            "{end:?}\n{}",
            table.story()
        );
        follower_untouched(&table, since);
        let kept = table.count(Side::Follower, "orders-f").await;
        assert_eq!((kept, table.count(Side::Follower, "orders-g").await), (300, 10));
    }
}
