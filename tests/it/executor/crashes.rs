//! Killed anywhere, answers lost anywhere: the run continued by a new executor over the same
//! store and the same clusters comes to a good end (safety 6).

use std::sync::Arc;

use refollow::clock::Clock as _;
use refollow::domain::cause::Cause;
use refollow::domain::ids::RunId;
use refollow::domain::journal::{Event, RunOutcome};
use refollow::domain::plan::{LeaseWay, Wishes};
use refollow::elastic::transport::Method;
use refollow::engine::executor::{self, Bench, RunEnd, RunSettings};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::{Side, Version};
use refollow::store::Store as _;
use refollow::store::faulty::{Counted, FaultyStore, Side as Landing};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::beside::beside;
use super::support::{Table, failed_restore, table, unfollowed_copy};
use super::wishes::{LAST_COPY, for_snapshot, requested, take_snapshot};

/// What the run that is interrupted repairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Lost history: resume, then recreate over a lease that lives.
    Lost,
    /// A failed restore, copied again.
    Failed,
    /// A failed restore on 7.7.0, where the second copy fails as well: deleted and followed anew.
    Deleted,
    /// A copy of an earlier run of ours that nobody follows: resumed.
    Restored,
    /// Lost history, followed anew under another name.
    Beside,
    /// Asked for: the lease that lives is left to expire while the follower is paused and open.
    Waited,
    /// Asked for: the closed follower is unfollowed, and followed over.
    Unfollowed,
    /// Asked for: a replaced leader is followed for a snapshot, guards overridden by name.
    Overridden,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Lost,
        Self::Failed,
        Self::Deleted,
        Self::Restored,
        Self::Beside,
        Self::Waited,
        Self::Unfollowed,
        Self::Overridden,
    ];

    /// The changing requests of a run that nothing interrupts: method, part of the path, and how
    /// many of the like come before.
    fn requests(self) -> Vec<(&'static str, &'static str, u32)> {
        match self {
            Self::Lost => vec![
                ("POST", "pause_follow", 0),
                ("POST", "resume_follow", 0),
                ("POST", "_close", 0),
                ("POST", "forget_follower", 0),
                ("PUT", "_ccr/follow", 0),
                ("PUT", "_settings", 0),
            ],
            Self::Beside => vec![("PUT", "_ccr/follow", 0), ("PUT", "_settings", 0)],
            Self::Restored => vec![("POST", "resume_follow", 0), ("PUT", "_settings", 0)],
            Self::Failed => vec![
                ("POST", "_close", 0),
                ("POST", "forget_follower", 0),
                ("PUT", "_ccr/follow", 0),
                ("PUT", "_settings", 0),
            ],
            Self::Waited => vec![
                ("POST", "pause_follow", 0),
                ("POST", "_close", 0),
                ("PUT", "_ccr/follow", 0),
                ("PUT", "_settings", 0),
            ],
            Self::Unfollowed => vec![
                ("POST", "pause_follow", 0),
                ("POST", "_close", 0),
                ("POST", "_ccr/unfollow", 0),
                ("PUT", "_ccr/follow", 0),
                ("PUT", "_settings", 0),
            ],
            Self::Overridden => vec![
                ("POST", "pause_follow", 0),
                ("POST", "_close", 0),
                ("PUT", "_ccr/follow", 0),
                ("PUT", "_settings", 0),
            ],
            Self::Deleted => vec![
                ("POST", "_close", 0),
                ("POST", "forget_follower", 0),
                ("PUT", "_ccr/follow", 0),
                ("DELETE", "/orders-f", 0),
                ("PUT", "_ccr/follow", 1),
                ("PUT", "_settings", 0),
            ],
        }
    }
}

/// A table whose follower needs a recreate over a lease that lives, and its opened run.
async fn opened() -> (Table, RunId) {
    opened_for(Kind::Lost).await
}

async fn opened_for(kind: Kind) -> (Table, RunId) {
    let version = match kind {
        Kind::Deleted => Version::V7_7_0,
        _ => Version::V8_10_4,
    };
    let mut table = table(version).await;
    if let Kind::Waited | Kind::Unfollowed | Kind::Overridden = kind {
        let run = asked_for(&mut table, kind).await;
        return (table, run);
    }
    if kind == Kind::Lost {
        table.play("live-lease:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        let run = table.open(&table.plan(&verdict)).await;
        return (table, run);
    }
    if kind == Kind::Beside {
        table.play("history-lost:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        let run = table.open_approved(&beside(&table, &verdict, &[])).await;
        return (table, run);
    }
    if kind == Kind::Restored {
        let mut table = unfollowed_copy(version).await;
        let verdict = table.until(Cause::RestoredNotFollowing).await;
        let run = table.open(&table.plan(&verdict)).await;
        return (table, run);
    }
    failed_restore(&mut table).await;
    let verdict = table.until(Cause::RestoreFailed).await;
    let run = table.open_approved(&table.plan(&verdict)).await;
    (table, run)
}

/// The run of a plan that a person asked for with `refollow recreate`.
async fn asked_for(table: &mut Table, kind: Kind) -> RunId {
    let lease = |lease| Wishes {
        lease,
        ..Wishes::default()
    };
    let (verdict, wishes) = if kind == Kind::Overridden {
        table.play("leader-replaced:orders-f");
        table.write(0, 10).await;
        let verdict = table.until(Cause::LeaderReplaced).await;
        take_snapshot(table, "friday").await;
        (verdict, for_snapshot(table, "friday", LAST_COPY))
    } else {
        table.play("live-lease:orders-f");
        let verdict = table.until(Cause::HistoryLost).await;
        if kind == Kind::Waited {
            // Twelve hours by default, looked at every two seconds: too long for every write.
            let short = json!({"index.soft_deletes.retention_lease.period": "3m"});
            table
                .done(Side::Leader, Method::Put, "/orders/_settings", Some(short))
                .await;
            (verdict, lease(LeaseWay::Wait))
        } else {
            (verdict, lease(LeaseWay::Unfollow))
        }
    };
    table.begins_here();
    table.open_approved(&requested(table, &verdict, &wishes)).await
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
    if let Some(Event::Opened { plan, .. }) = table.journal(run).await.first().map(|entry| &entry.event)
        && plan.basis.beside.is_some()
    {
        return beside_is_well(table, *outcome, person_must.is_some(), what).await;
    }
    let standing = table.standing().await;
    // A follower whose restore had failed is as it was when it is open and red again.
    let as_it_was = matches!(outcome, RunOutcome::BackedOut | RunOutcome::Refused)
        && (standing.state.as_str(), standing.health.as_str()) == ("open", "red");
    let stands = standing.state == "open" && (standing.status == "active" || as_it_was);
    assert!(
        stands || person_must.is_some() && (held.is_some() || standing.health == "red"),
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

/// The follower was not touched, and the copy follows, is gone, or a person was told of it.
async fn beside_is_well(table: &Table, outcome: RunOutcome, told: bool, what: &str) -> RunOutcome {
    let named: Vec<String> = table.paths();
    assert!(
        named.iter().all(|path| path.starts_with("/orders-g")),
        "{what}: {named:?}"
    );
    let standing = table.standing().await;
    assert_eq!(
        (standing.state.as_str(), standing.documents),
        ("open", 300),
        "{what}"
    );
    let copied = table.count(Side::Follower, "orders-g").await;
    if outcome == RunOutcome::Cured {
        assert_eq!(copied, table.count(Side::Leader, "orders").await, "{what}");
    } else {
        assert!(copied == 0 || told, "{what}: a copy in silence");
    }
    assert_eq!(table.puts_without_a_look_between(), 0, "{what}");
    outcome
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
    for kind in Kind::ALL {
        killed_at_every_write_of(kind, landing).await;
    }
}

async fn killed_at_every_write_of(kind: Kind, landing: Landing) {
    for write in 1.. {
        let what = format!("{kind:?}: write {write} fails {landing:?} landing");
        let (table, run) = opened_for(kind).await;
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
            let least = 3 * kind.requests().len() as u64;
            assert!(write > least, "{kind:?} writes more than {write} entries");
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
    for kind in Kind::ALL {
        a_lost_answer_at_any_step_of(kind).await;
    }
}

async fn a_lost_answer_at_any_step_of(what_for: Kind) {
    for (method, path, after) in what_for.requests() {
        for (kind, acts) in [
            (FaultKind::LoseAnswer, true),
            (FaultKind::LoseAnswer, false),
            (FaultKind::Hang, true),
            (FaultKind::Proxy, true),
            (FaultKind::Proxy, false),
            (FaultKind::TooManyRequests, false),
        ] {
            let what = format!("{what_for:?}: {kind:?} at {method} {path} after {after}, acts {acts}");
            let (table, run) = opened_for(what_for).await;
            table
                .world
                .add_fault(fault(path, method, kind, acts).after(after));
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
