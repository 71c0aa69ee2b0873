//! Whole runs: what they do, and how they end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use refollow::domain::cause::{Cause, Remedy};
use refollow::domain::journal::{Event, RunOutcome};
use refollow::domain::step::Step;
use refollow::elastic::transport::{Credential, Method};
use refollow::engine::executor::RunEnd;
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::support::{May, Table, just_before, secured_table, table, table_with, undo_file};

/// Opens and carries out the run that the policy would make of this cause.
async fn repair(table: &mut Table, cause: Cause) -> RunEnd {
    let verdict = table.until(cause).await;
    let plan = table.plan(&verdict);
    let run = table.open(&plan).await;
    assert!(undo_file(table, &run).exists(), "before the first change");
    table.execute(&run).await
}

fn closed(end: &RunEnd, table: &Table) -> (RunOutcome, Option<Remedy>, Option<Step>) {
    match end {
        RunEnd::Closed {
            outcome,
            remedy,
            held,
            ..
        } => (*outcome, *remedy, *held),
        RunEnd::LeftOpen { .. } => panic!("{end:?}\n{}", table.story()),
    }
}

/// A switch that forbids everything from just before a step on.
fn forbid_from(step: Step) -> May {
    let on = AtomicBool::new(false);
    Box::new(move |asked, world| {
        let recreating = world
            .changes()
            .iter()
            .any(|entry| entry.path.contains("resume_follow"));
        if asked == step && (step != Step::Pause || recreating) {
            on.store(true, Ordering::SeqCst);
        }
        on.load(Ordering::SeqCst).then(|| "brake all: drill".to_owned())
    })
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_facts_changed_since_it_was_approved_opens_no_run_and_says_what_changed() {
    let mut table = table(Version::V8_10_4).await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let plan = table.plan(&verdict);
    table.begins_here();
    // No guard minds that; the plan would put the former value back.
    let body = Some(json!({"index.refresh_interval": "11s"}));
    table
        .done(Side::Follower, Method::Put, "/orders-f/_settings", body)
        .await;
    let refused = table.refused(&plan).await;
    assert!(
        refused.contains("the facts have changed") && refused.contains("own_settings"),
        "{refused}"
    );
    assert_eq!(table.changes(), ["_settings"], "the test's own, and nothing else");
}

#[tokio::test(start_paused = true)]
async fn lost_history_is_recreated_with_parameters_settings_and_documents() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        let before = table.standing().await;
        table.play("history-lost:orders-f");
        let end = repair(&mut table, Cause::HistoryLost).await;
        assert_eq!(
            closed(&end, &table),
            (RunOutcome::Cured, Some(Remedy::Recreate), None),
            "{end:?}\n{}",
            table.story()
        );
        // The lease is gone with the history, so that there is none to forget.
        assert_eq!(
            table.changes(),
            [
                "pause_follow",
                "resume_follow",
                "pause_follow",
                "_close",
                "follow",
                "_settings"
            ],
            "{}",
            table.story()
        );
        let after = table.standing().await;
        assert_eq!((after.status.as_str(), after.state.as_str()), ("active", "open"));
        assert_eq!(after.parameters, before.parameters);
        for own in ["index.refresh_interval", "index.priority"] {
            assert_eq!(after.settings[own], before.settings[own], "{own}");
        }
        assert_eq!(after.documents, table.count(Side::Leader, "orders").await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_lease_is_forgotten_first_and_the_follower_is_never_red() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        table.play("live-lease:orders-f");
        let end = repair(&mut table, Cause::HistoryLost).await;
        assert_eq!(
            closed(&end, &table),
            (RunOutcome::Cured, Some(Remedy::Recreate), None),
            "{end:?}\n{}",
            table.story()
        );
        let changes = table.changes();
        let place = |name: &str| changes.iter().position(|change| change == name);
        assert!(place("forget_follower") < place("follow"), "{changes:?}");
        assert!(place("forget_follower").is_some(), "{changes:?}");
        assert_eq!(changes.iter().filter(|change| *change == "follow").count(), 1);
        let after = table.standing().await;
        assert_eq!(after.health, "green");
        assert_eq!(after.documents, table.count(Side::Leader, "orders").await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_resume_cures_is_never_closed() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table(version).await;
        let before = table.standing().await;
        table.play("fatal-but-curable:orders-f");
        let mut verdict = table.look().await;
        for _ in 0..20 {
            if verdict.ladder.first() == Some(&Remedy::Resume) {
                break;
            }
            tokio::time::sleep(Duration::from_secs(5)).await;
            verdict = table.look().await;
        }
        let plan = table.plan(&verdict);
        let run = table.open(&plan).await;
        let end = table.execute(&run).await;
        assert_eq!(
            closed(&end, &table),
            (RunOutcome::Cured, Some(Remedy::Resume), None),
            "{end:?}\n{}",
            table.story()
        );
        assert_eq!(table.changes(), ["pause_follow", "resume_follow"]);
        assert_eq!(table.standing().await.parameters, before.parameters);
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_deleted_after_the_close_leaves_the_follower_open_with_its_documents() {
    for before in [Step::Forget, Step::Follow] {
        let may = just_before(before, |world| {
            scenario::play(world, "leader-deleted:orders-f").unwrap();
        });
        let mut table = table_with(Version::V8_10_4, may).await;
        table.play("live-lease:orders-f");
        let documents = table.standing().await.documents;
        let end = repair(&mut table, Cause::HistoryLost).await;
        let (outcome, _, held) = closed(&end, &table);
        let after = table.standing().await;
        assert_eq!(
            (after.state.as_str(), after.documents),
            ("open", documents),
            "{}",
            table.story()
        );
        // Without its leader it cannot be resumed: a person is told, with the commands.
        let RunEnd::Closed { person_must, .. } = &end else {
            unreachable!()
        };
        assert_eq!(
            (outcome, held),
            (RunOutcome::NotCured, Some(Step::Pause)),
            "{}",
            table.story()
        );
        assert!(
            person_must
                .as_deref()
                .unwrap()
                .contains("/orders-f/_ccr/resume_follow")
        );
        assert!(
            person_must
                .as_deref()
                .unwrap()
                .contains("max_outstanding_read_requests")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_replaced_after_the_close_is_not_copied() {
    let may = just_before(Step::Close, |world| {
        scenario::play(world, "leader-replaced:orders-f").unwrap();
    });
    let mut table = table_with(Version::V8_10_4, may).await;
    table.play("live-lease:orders-f");
    let documents = table.standing().await.documents;
    repair(&mut table, Cause::HistoryLost).await;
    let after = table.standing().await;
    assert_eq!(
        (after.state.as_str(), after.documents),
        ("open", documents),
        "{}",
        table.story()
    );
    assert!(
        !table.changes().contains(&"follow".to_owned()),
        "{}",
        table.story()
    );
}

#[tokio::test(start_paused = true)]
async fn a_brake_before_the_put_puts_the_follower_back() {
    for step in [Step::Pause, Step::Close, Step::Forget, Step::Follow] {
        let mut table = table_with(Version::V8_10_4, forbid_from(step)).await;
        table.play("live-lease:orders-f");
        let documents = table.standing().await.documents;
        let end = repair(&mut table, Cause::HistoryLost).await;
        let (outcome, _, held) = closed(&end, &table);
        assert_eq!(
            (outcome, held),
            (RunOutcome::BackedOut, None),
            "{step}: {end:?}\n{}",
            table.story()
        );
        let after = table.standing().await;
        assert_eq!(
            (after.state.as_str(), after.status.as_str()),
            ("open", "active"),
            "{step}"
        );
        assert_eq!(after.documents, documents, "{step}");
        assert!(!table.changes().contains(&"follow".to_owned()));
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_before_the_put_puts_the_follower_back() {
    for step in [Step::Pause, Step::Resume, Step::Close, Step::Forget, Step::Follow] {
        let cancel = CancellationToken::new();
        let token = cancel.clone();
        let mut table = table_with(Version::V8_10_4, just_before(step, move |_| token.cancel())).await;
        table.play("live-lease:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        let run = table.open(&table.plan(&verdict)).await;
        let began = tokio::time::Instant::now();
        let end = table.execute_until(&run, cancel).await;
        let after = table.standing().await;
        assert_eq!(
            (after.state.as_str(), after.status.as_str()),
            ("open", "active"),
            "{step}: {end:?}\n{}",
            table.story()
        );
        match end {
            RunEnd::Closed { held, .. } => assert_eq!(held, None, "{step}"),
            RunEnd::LeftOpen { held, .. } => assert!(!held, "{step}"),
        }
        if step != Step::Follow {
            assert!(began.elapsed() < Duration::from_mins(3), "{step}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_during_the_copy_leaves_the_rest_to_the_next_start_which_finishes_it() {
    let mut table = table_with(
        Version::V8_10_4,
        just_before(Step::Follow, |world| {
            scenario::play(world, "restore-rate:10").unwrap();
        }),
    )
    .await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = table.open(&table.plan(&verdict)).await;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    let (end, ()) = tokio::join!(table.execute_until(&run, cancel), async {
        loop {
            tokio::time::sleep(Duration::from_secs(1)).await;
            let copying = table.journal(&run).await.iter().any(|entry| {
                matches!(
                    &entry.event,
                    Event::Proven {
                        step: Step::Follow,
                        ..
                    }
                )
            });
            if copying {
                return token.cancel();
            }
        }
    });
    let RunEnd::LeftOpen { held, .. } = &end else {
        panic!("{end:?}\n{}", table.story());
    };
    assert!(!held, "the server resumes by itself");
    let end = table.execute(&run).await;
    assert_eq!(
        closed(&end, &table),
        (RunOutcome::Cured, Some(Remedy::Recreate), None),
        "{end:?}\n{}",
        table.story()
    );
    assert_eq!(
        table
            .changes()
            .iter()
            .filter(|change| *change == "follow")
            .count(),
        1
    );
    assert!(table.story().contains("% copied"), "{}", table.story());
}

#[tokio::test(start_paused = true)]
async fn a_follow_that_a_new_master_forgot_is_resumed() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        let mut table = table_with(
            version,
            just_before(Step::Follow, |world| {
                scenario::play(world, "follow-interrupted:orders-f").unwrap();
            }),
        )
        .await;
        let before = table.standing().await;
        table.play("history-lost:orders-f");
        let end = repair(&mut table, Cause::HistoryLost).await;
        assert_eq!(
            closed(&end, &table),
            (RunOutcome::Cured, Some(Remedy::Recreate), None),
            "{version:?} {end:?}\n{}",
            table.story()
        );
        assert_eq!(table.changes().last().map(String::as_str), Some("_settings"));
        assert_eq!(
            table
                .changes()
                .iter()
                .filter(|change| *change == "resume_follow")
                .count(),
            2,
            "{}",
            table.story()
        );
        assert_eq!(table.standing().await.parameters, before.parameters);
    }
}

/// On a secured pair, whoever follows loses cluster `manage_ccr` just before the PUT.
fn lose_manage_ccr() -> May {
    just_before(Step::Follow, |world| {
        world.with(|state| state.pair.set_user(Credential::Follow, "halfway"));
    })
}

async fn halfway_role(table: &Table) {
    let index = json!([{"names": ["*"], "privileges": ["manage_follow_index", "monitor", "read", "view_index_metadata", "manage"]}]);
    for side in [Side::Leader, Side::Follower] {
        table
            .done(
                side,
                Method::Put,
                "/_security/role/halfway",
                Some(json!({"cluster": ["monitor", "read_ccr"], "indices": index})),
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_put_refused_after_the_destruction_is_told_and_never_repeated() {
    let mut table = secured_table(lose_manage_ccr()).await;
    halfway_role(&table).await;
    table.play("history-lost:orders-f");
    let end = repair(&mut table, Cause::HistoryLost).await;
    let (outcome, _, held) = closed(&end, &table);
    assert_eq!(
        (outcome, held),
        (RunOutcome::NotCured, Some(Step::Follow)),
        "{end:?}\n{}",
        table.story()
    );
    let RunEnd::Closed { person_must, .. } = &end else {
        unreachable!()
    };
    assert!(person_must.as_deref().unwrap().contains("resume_follow"));
    assert_eq!(
        table
            .changes()
            .iter()
            .filter(|change| *change == "follow")
            .count(),
        1
    );
    assert!(
        !table.changes().contains(&"_open".to_owned()),
        "nothing to go back to"
    );
}

#[tokio::test(start_paused = true)]
async fn a_put_refused_after_the_destruction_is_resumed_by_who_may() {
    let may: May = {
        let lose = lose_manage_ccr();
        let puts = Arc::new(AtomicBool::new(false));
        Box::new(move |step, world| {
            let answered = world.changes().iter().any(|entry| {
                entry.method == "PUT" && entry.path.contains("_ccr/follow") && entry.status == Some(403)
            });
            if answered && !puts.swap(true, Ordering::SeqCst) {
                // Somebody gives the right back.
                world.with(|state| state.pair.set_user(Credential::Follow, "boss"));
            }
            lose(step, world)
        })
    };
    let mut table = secured_table(may).await;
    halfway_role(&table).await;
    table.play("history-lost:orders-f");
    let end = repair(&mut table, Cause::HistoryLost).await;
    assert_eq!(
        closed(&end, &table),
        (RunOutcome::Cured, Some(Remedy::Recreate), None),
        "{end:?}\n{}",
        table.story()
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_written_all_the_time_is_no_obstacle() {
    let mut table = table(Version::V8_10_4).await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = table.open(&table.plan(&verdict)).await;
    let writing = async {
        for round in 0_u64.. {
            table.write(10_000 + round * 5, 5).await;
            tokio::time::sleep(Duration::from_millis(700)).await;
        }
    };
    let end = tokio::select! {
        end = table.execute(&run) => end,
        () = writing => unreachable!("it writes for ever"),
    };
    assert_eq!(
        closed(&end, &table),
        (RunOutcome::Cured, Some(Remedy::Recreate), None),
        "{end:?}\n{}",
        table.story()
    );
}
