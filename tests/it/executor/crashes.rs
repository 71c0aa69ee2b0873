//! Killed anywhere, answers lost anywhere: the run continued by a new executor over the same
//! store and the same clusters comes to a good end (safety 6).

use std::sync::Arc;

use refollow::clock::Clock as _;
use refollow::domain::cause::Cause;
use refollow::domain::ids::RunId;
use refollow::domain::journal::{Event, RunOutcome};
use refollow::engine::executor::{self, Bench, RunEnd, RunSettings};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::{Side, Version};
use refollow::store::Store as _;
use refollow::store::faulty::{Counted, FaultyStore, Side as Landing};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::support::{Table, table};

/// A table whose follower needs a recreate over a lease that lives, and its opened run.
async fn opened() -> (Table, RunId) {
    let mut table = table(Version::V8_10_4).await;
    table.play("live-lease:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = table.open(&table.plan(&verdict)).await;
    (table, run)
}

/// Whatever happened, the follower follows with all documents, or it is as it was, or a person
/// was told what to do; and no PUT followed another without a look between.
async fn all_is_well(table: &Table, run: &RunId, end: &RunEnd, what: &str) -> RunOutcome {
    let RunEnd::Closed {
        outcome,
        person_must,
        held,
        ..
    } = end
    else {
        panic!("{what}: {end:?}\n{}", table.story());
    };
    let standing = table.standing().await;
    let stands = standing.state == "open" && standing.status == "active";
    assert!(
        stands || (held.is_some() && person_must.is_some()),
        "{what}: {end:?} {standing:?}\n{}",
        table.story()
    );
    if *outcome == RunOutcome::Cured {
        assert_eq!(
            standing.documents,
            table.count(Side::Leader, "orders").await,
            "{what}"
        );
        assert_eq!(standing.health, "green", "{what}");
        assert_eq!(standing.settings["index.refresh_interval"], "7s", "{what}");
        assert_eq!(standing.parameters["max_outstanding_read_requests"], 7, "{what}");
    }
    assert_eq!(table.puts_without_a_look_between(), 0, "{what}");
    // Every request that changed something has its intent in the journal.
    let intents = table
        .journal(run)
        .await
        .iter()
        .filter(|entry| matches!(entry.event, Event::Intent { .. }))
        .count();
    assert!(intents >= table.changes().len(), "{what}: {:?}", table.changes());
    *outcome
}

#[tokio::test(start_paused = true)]
async fn killed_before_any_journal_write_the_next_start_brings_it_to_a_good_end() {
    killed_at_every_write(Landing::Before).await;
}

#[tokio::test(start_paused = true)]
async fn killed_after_any_journal_write_the_next_start_brings_it_to_a_good_end() {
    killed_at_every_write(Landing::After).await;
}

async fn killed_at_every_write(landing: Landing) {
    for write in 1.. {
        let what = format!("write {write} fails {landing:?} landing");
        let (table, run) = opened().await;
        let store = Arc::new(FaultyStore::new(
            table.store.clone(),
            Counted::Journal,
            write,
            landing,
        ));
        let first = executor::execute(
            &table.bench_with(store.clone()),
            run.clone(),
            CancellationToken::new(),
        )
        .await;
        if store.writes() < write {
            assert!(matches!(first, RunEnd::Closed { .. }), "{first:?}");
            assert!(write > 20, "a recreate writes more than {write} entries");
            break;
        }
        assert!(
            matches!(first, RunEnd::LeftOpen { .. }),
            "{what}: {first:?}\n{}",
            table.story()
        );
        let end = table.execute(&run).await;
        let outcome = all_is_well(&table, &run, &end, &what).await;
        assert_eq!(outcome, RunOutcome::Cured, "{what}: {end:?}\n{}", table.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_was_full_for_a_moment_costs_nothing() {
    for write in [2, 7, 12, 16, 19] {
        let (table, run) = opened().await;
        let store = Arc::new(
            FaultyStore::new(table.store.clone(), Counted::Journal, write, Landing::Before).healing(),
        );
        let end = executor::execute(&table.bench_with(store), run.clone(), CancellationToken::new()).await;
        let outcome = all_is_well(&table, &run, &end, &format!("write {write}")).await;
        assert_eq!(outcome, RunOutcome::Cured, "{end:?}\n{}", table.story());
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_continued_by_a_daemon_that_has_just_started_waits_for_that_and_is_not_given_up() {
    let (table, run) = opened().await;
    let warm = table.clock.now() + std::time::Duration::from_secs(45);
    *table.gate.warm_until.lock().unwrap() = Some(warm);
    let end = table.execute(&run).await;
    let outcome = all_is_well(&table, &run, &end, "warming up").await;
    assert_eq!(outcome, RunOutcome::Cured, "{end:?}\n{}", table.story());
    let journal = table.journal(&run).await;
    let first = journal
        .iter()
        .find(|entry| matches!(entry.event, Event::Rung { .. } | Event::Intent { .. }))
        .unwrap();
    assert!(first.at >= warm, "begun before it was warm: {first:?}");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_while_the_journal_cannot_be_written() {
    let (table, run) = opened().await;
    let store = Arc::new(FaultyStore::new(
        table.store.clone(),
        Counted::Journal,
        1,
        Landing::Before,
    ));
    let end = executor::execute(&table.bench_with(store), run, CancellationToken::new()).await;
    assert!(matches!(end, RunEnd::LeftOpen { held: false, .. }), "{end:?}");
    assert!(table.changes().is_empty());
}

fn fault(path: &str, method: &str, kind: FaultKind, acts: bool) -> Fault {
    serde_json::from_value(json!({
        "kind": kind, "path": path, "method": method, "times": 1, "acts": acts,
    }))
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_at_any_step_ends_well() {
    let steps = [
        ("pause_follow", "POST"),
        ("resume_follow", "POST"),
        ("_close", "POST"),
        ("forget_follower", "POST"),
        ("_ccr/follow", "PUT"),
        ("_settings", "PUT"),
    ];
    for (path, method) in steps {
        for (kind, acts) in [
            (FaultKind::LoseAnswer, true),
            (FaultKind::LoseAnswer, false),
            (FaultKind::Hang, true),
            (FaultKind::Proxy, true),
            (FaultKind::Proxy, false),
            (FaultKind::TooManyRequests, false),
        ] {
            let what = format!("{kind:?} at {path}, acts {acts}");
            let (table, run) = opened().await;
            table.world.add_fault(fault(path, method, kind, acts));
            let end = table.execute(&run).await;
            let outcome = all_is_well(&table, &run, &end, &what).await;
            if kind != FaultKind::TooManyRequests {
                assert_eq!(outcome, RunOutcome::Cured, "{what}: {end:?}\n{}", table.story());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_follower_node_killed_at_the_put_ends_well_or_with_a_person() {
    for acts in [true, false] {
        let (table, run) = opened().await;
        let mut killed = fault("_ccr/follow", "PUT", FaultKind::NodeKilled, acts);
        killed.delay = Some(std::time::Duration::from_secs(20));
        table.world.add_fault(killed);
        let end = table.execute(&run).await;
        let what = format!("node killed, acts {acts}");
        let RunEnd::Closed {
            outcome, person_must, ..
        } = &end
        else {
            panic!("{what}: {end:?}");
        };
        assert!(
            *outcome == RunOutcome::Cured || person_must.is_some(),
            "{what}: {end:?}\n{}",
            table.story()
        );
        assert_eq!(table.puts_without_a_look_between(), 0, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_undo_file_cannot_be_written_sends_nothing() {
    let (table, run) = opened().await;
    let nowhere = table.undo.path().join(format!("{run}.txt")).join("nested");
    let bench = Bench {
        settings: RunSettings {
            // Below a file: no directory can be made there.
            undo_directory: nowhere,
            ..RunSettings::default()
        },
        ..table.bench()
    };
    let end = executor::execute(&bench, run, CancellationToken::new()).await;
    let RunEnd::Closed { outcome, reason, .. } = &end else {
        panic!("{end:?}");
    };
    assert_eq!(*outcome, RunOutcome::Refused);
    assert!(reason.contains("undo commands"), "{reason}");
    assert!(table.changes().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_journal_of_a_run_tells_every_request_and_its_answer() {
    let (table, run) = opened().await;
    table.execute(&run).await;
    let journal = table.journal(&run).await;
    let mut sent = Vec::new();
    for entry in &journal {
        if let Event::Intent { request, .. } = &entry.event {
            sent.push((
                request.method.clone(),
                request.target.clone(),
                request.body.clone(),
            ));
        }
    }
    let seen: Vec<_> = table
        .world
        .changes()
        .iter()
        .skip_while(|entry| !entry.path.contains("pause_follow"))
        .filter(|entry| !entry.path.contains("_bulk"))
        .map(|entry| {
            let body = (!entry.body.is_null()).then(|| entry.body.clone());
            (entry.method.to_owned(), entry.path.clone(), body)
        })
        .collect();
    assert_eq!(sent, seen, "what the journal says is what the clusters got");
    let audit = table.store.audit_log(1, 1000).await.unwrap();
    assert_eq!(audit.len(), sent.len());
}
