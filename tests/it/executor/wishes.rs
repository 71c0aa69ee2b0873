//! What a person asks for beside a recreate: overrides for a snapshot, and other ways for the lease.

use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::ids::SnapshotRef;
use refollow::domain::journal::RunOutcome;
use refollow::domain::plan::{LeaseWay, Override, Plan, Wishes};
use refollow::domain::verdict::Verdict;
use refollow::elastic::transport::Method;
use refollow::engine::executor::RunEnd;
use refollow::sandbox::pair::{Side, Version};
use serde_json::json;

use super::support::{Table, failed_restore, table};

/// The plan that `refollow recreate` makes.
pub(super) fn requested(table: &Table, verdict: &Verdict, wishes: &Wishes) -> Plan {
    let mut wanted = verdict.clone();
    if verdict.cause != Cause::RestoreFailed {
        wanted.ladder = vec![Remedy::Recreate];
    }
    wanted.approval = Approval::Always;
    table.plan_with(&wanted, wishes)
}

pub(super) async fn take_snapshot(table: &Table, name: &str) {
    let repository = json!({"type": "fs", "settings": {"location": "backup"}});
    table
        .done(Side::Follower, Method::Put, "/_snapshot/backup", Some(repository))
        .await;
    let target = format!("/_snapshot/backup/{name}?wait_for_completion=true");
    let body = json!({"indices": "orders-f"});
    table.done(Side::Follower, Method::Put, &target, Some(body)).await;
}

pub(super) fn for_snapshot(table: &Table, name: &str, facts: &[&str]) -> Wishes {
    Wishes {
        beside: None,
        overrides: facts
            .iter()
            .map(|fact| Override {
                index: table.key.index.clone(),
                fact: (*fact).to_owned(),
                person: "ann".to_owned(),
            })
            .collect(),
        snapshot: SnapshotRef::parse(&format!("backup/{name}")),
        lease: LeaseWay::Forget,
    }
}

fn outcome(end: &RunEnd, table: &Table) -> RunOutcome {
    match end {
        RunEnd::Closed { outcome, .. } => *outcome,
        RunEnd::LeftOpen { .. } => panic!("{end:?}\n{}", table.story()),
    }
}

/// The guards that a leader which is another one fails.
pub(super) const LAST_COPY: &[&str] = &[
    "documents_not_fewer",
    "sequence_numbers_not_lower",
    "not_below_remembered",
];

#[tokio::test(start_paused = true)]
async fn a_replaced_leader_is_followed_only_for_a_snapshot_and_what_was_overridden_by_name() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        take_snapshot(&table, "early").await;
        tokio::time::sleep(std::time::Duration::from_secs(30)).await;
        table.look().await;
        table.play("leader-replaced:orders-f");
        table.write(0, 10).await;
        let verdict = table.until(Cause::LeaderReplaced).await;

        // Nothing is overridden and nothing stands for the copy.
        let refused = table
            .refused(&requested(&table, &verdict, &Wishes::default()))
            .await;
        for guard in LAST_COPY.iter().chain(&["snapshot_of_follower"]) {
            assert!(refused.contains(guard), "{guard}: {refused}");
        }
        // A snapshot from before the follower stopped is not all it had.
        let plan = requested(&table, &verdict, &for_snapshot(&table, "early", LAST_COPY));
        let refused = table.refused(&plan).await;
        assert!(refused.contains("was still following"), "{refused}");
        let plan = requested(&table, &verdict, &for_snapshot(&table, "none", LAST_COPY));
        let refused = table.refused(&plan).await;
        assert!(refused.contains("snapshot_of_follower"), "{refused}");

        take_snapshot(&table, "friday").await;
        // One fact less is overridden: that one still holds.
        let plan = requested(&table, &verdict, &for_snapshot(&table, "friday", &LAST_COPY[..2]));
        let refused = table.refused(&plan).await;
        assert!(
            refused.contains("not_below_remembered") && !refused.contains("documents_not_fewer"),
            "{refused}"
        );
        assert_eq!(table.standing().await.documents, 300, "nothing was done so far");

        let plan = requested(&table, &verdict, &for_snapshot(&table, "friday", LAST_COPY));
        let run = table.open_approved(&plan).await;
        let end = table.execute(&run).await;
        assert_eq!(
            outcome(&end, &table),
            RunOutcome::Cured,
            "{end:?}\n{}",
            table.story()
        );
        let after = table.standing().await;
        assert_eq!((after.documents, after.status.as_str()), (10, "active"));
        assert_eq!(after.settings["index.refresh_interval"], "7s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_chosen_to_expire_is_waited_for_and_nothing_is_sent_to_the_leader() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        failed_restore(&mut table).await;
        let verdict = table.until(Cause::RestoreFailed).await;
        let wishes = Wishes {
            lease: LeaseWay::Wait,
            ..Wishes::default()
        };
        let run = table.open_approved(&requested(&table, &verdict, &wishes)).await;
        let began = tokio::time::Instant::now();
        let end = table.execute(&run).await;
        assert_eq!(
            outcome(&end, &table),
            RunOutcome::Cured,
            "{end:?}\n{}",
            table.story()
        );
        assert!(began.elapsed() > std::time::Duration::from_hours(11));
        assert!(!table.changes().contains(&"forget_follower".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn unfollowing_removes_the_lease_where_it_was_chosen() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        let (before, uuid) = (table.standing().await, table.follower_uuid().await);
        table.play("live-lease:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        let wishes = Wishes {
            lease: LeaseWay::Unfollow,
            ..Wishes::default()
        };
        let run = table.open_approved(&requested(&table, &verdict, &wishes)).await;
        let end = table.execute(&run).await;
        assert_eq!(
            outcome(&end, &table),
            RunOutcome::Cured,
            "{end:?}\n{}",
            table.story()
        );
        assert_eq!(
            table.changes(),
            ["pause_follow", "_close", "unfollow", "follow", "_settings"],
            "{}",
            table.story()
        );
        let after = table.standing().await;
        assert_eq!(after.parameters, before.parameters);
        assert_eq!(table.follower_uuid().await, uuid);
    }
}
