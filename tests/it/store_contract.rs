//! The promises of `Store`, asked of every implementation alike, and what only a file on disk can break.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use refollow::domain::brake::{Brake, BrakeScope};
use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::facts::Parameters;
use refollow::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, IndexName, IndexUuid, RemoteAlias, RunId,
};
use refollow::domain::journal::{
    Before, Entry, Event, JOURNAL_FORMAT, RequestRecord, RunOutcome, StepAnswer, Trigger,
};
use refollow::domain::memory::Memory;
use refollow::domain::notice::outbox::{Delivery, Row, RowChange, Weight};
use refollow::domain::notice::pace::Pace;
use refollow::domain::notice::{Notice, Topic};
use refollow::domain::plan::{LeaseWay, PLAN_FORMAT, Plan, PlanBasis, PlanFigures, PlanRecord, PlanState};
use refollow::domain::state::State;
use refollow::domain::step::Step;
use refollow::domain::time::Timestamp;
use refollow::history::Block;
use refollow::store::faulty::{Counted, FaultyStore, Side};
use refollow::store::memory::MemoryStore;
use refollow::store::{
    AuditCheck, AuditEvent, HistoryKind, HistoryOf, HistoryWanted, Pruned, Store, StoreError, open,
    open_read_only,
};
use serde_json::json;
use sqlx::Connection as _;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn plan(follower: &str) -> Plan {
    let basis = PlanBasis {
        cluster: ClusterName::parse("eu").unwrap(),
        cluster_uuid: ClusterUuid::parse("cu-eu").unwrap(),
        follower: IndexName::parse(follower).unwrap(),
        follower_uuid: IndexUuid::parse("iu-f").unwrap(),
        remote: RemoteAlias::parse("lead").unwrap(),
        leader_cluster: Some(ClusterName::parse("us").unwrap()),
        leader_cluster_uuid: Some(ClusterUuid::parse("cu-us").unwrap()),
        leader: IndexName::parse("orders").unwrap(),
        leader_uuid: Some(IndexUuid::parse("iu-l").unwrap()),
        leader_uuid_followed: Some(IndexUuid::parse("iu-l").unwrap()),
        shards: Vec::new(),
        shard_count: 1,
        cause: Cause::HistoryLost,
        ladder: vec![Remedy::Resume, Remedy::Recreate],
        parameters: Parameters::default(),
        own_settings: BTreeMap::from([("index.number_of_replicas".to_owned(), "0".to_owned())]),
        aliases: BTreeMap::new(),
        data_stream: None,
        overrides: Vec::new(),
        extend_runway: None,
        follow_settings: BTreeMap::new(),
        snapshot: None,
        beside: None,
        lease: LeaseWay::Forget,
    };
    Plan {
        format: PLAN_FORMAT,
        hash: basis.hash().unwrap(),
        basis,
        approval: Approval::Policy,
        created_at: at(0),
        figures: PlanFigures {
            bytes: Some(4096),
            ..PlanFigures::default()
        },
        evidence: Vec::new(),
    }
}

fn record(follower: &str, changed: i64, state: PlanState) -> PlanRecord {
    PlanRecord {
        plan: plan(follower),
        state,
        changed_at: at(changed),
        expires_at: at(86_400),
        consents: Vec::new(),
        requested_by: None,
    }
}

fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

fn entry(run: &str, seq: u64, second: i64, event: Event) -> Entry {
    Entry {
        format: JOURNAL_FORMAT,
        run: run_id(run),
        seq,
        at: at(second),
        event,
    }
}

fn opened(follower: &str) -> Event {
    Event::Opened {
        plan: Box::new(plan(follower)),
        trigger: Trigger::Approved {
            by: vec!["anna".to_owned()],
        },
        before: Box::new(Before {
            was_active: true,
            ..Before::default()
        }),
        attempt: 1,
    }
}

fn intent(step: Step) -> Event {
    Event::Intent {
        step,
        request: RequestRecord {
            cluster: ClusterName::parse("eu").unwrap(),
            method: "PUT".to_owned(),
            target: "/orders-f/_ccr/follow".to_owned(),
            body: Some(json!({"leader_index": "orders"})),
        },
        guards: Vec::new(),
        primary_terms: BTreeMap::from([(0, 1)]),
    }
}

fn closed() -> Event {
    Event::Closed {
        outcome: RunOutcome::Cured,
        remedy: Some(Remedy::Recreate),
        reason: "following again".to_owned(),
        person_must: None,
        held: None,
    }
}

fn audit(second: i64, kind: &str) -> AuditEvent {
    AuditEvent {
        at: at(second),
        kind: kind.to_owned(),
        who: "anna".to_owned(),
        subject: "eu/orders-f".to_owned(),
        detail: json!({"note": "ü"}),
    }
}

/// The same tests for every store: each begins with an empty one.
mod contract {
    use super::*;

    pub async fn what_was_appended_is_read_back_in_order(store: Arc<dyn Store>) {
        let entries = vec![
            entry("r1", 1, 0, opened("orders-f")),
            entry(
                "r1",
                2,
                1,
                Event::Rung {
                    remedy: Remedy::Recreate,
                },
            ),
            entry("r1", 3, 2, intent(Step::Follow)),
            entry(
                "r1",
                4,
                3,
                Event::Answered {
                    step: Step::Follow,
                    answer: StepAnswer::Unknown {
                        why: "the connection was reset".to_owned(),
                    },
                },
            ),
        ];
        for one in &entries {
            store.append(one).await.unwrap();
        }
        assert_eq!(store.journal(&run_id("r1")).await.unwrap(), entries);
        assert_eq!(store.journal(&run_id("nobody")).await.unwrap(), Vec::new());
        let summary = store.run(&run_id("r1")).await.unwrap().unwrap();
        assert_eq!(summary.follower.to_string(), "eu/orders-f");
        assert_eq!(
            (summary.bytes, summary.attempt, summary.followed),
            (4096, 1, true)
        );
        assert_eq!(summary.rung, Some(Remedy::Recreate));
        assert_eq!(summary.closed, None);
    }

    pub async fn a_second_writer_of_a_run_is_refused(store: Arc<dyn Store>) {
        store
            .append(&entry("r1", 1, 0, opened("orders-f")))
            .await
            .unwrap();
        store
            .append(&entry("r1", 2, 1, intent(Step::Pause)))
            .await
            .unwrap();
        for wrong in [1, 2, 4] {
            let refused = store
                .append(&entry("r1", wrong, 2, intent(Step::Close)))
                .await
                .unwrap_err();
            assert_eq!(
                refused,
                StoreError::Sequence {
                    run: run_id("r1"),
                    expected: 3,
                    found: wrong
                },
                "position {wrong}"
            );
            assert!(refused.is_conflict());
        }
        assert_eq!(store.journal(&run_id("r1")).await.unwrap().len(), 2);
    }

    pub async fn a_run_begins_with_its_opening_and_ends_with_its_end(store: Arc<dyn Store>) {
        let headless = store
            .append(&entry("r1", 1, 0, intent(Step::Pause)))
            .await
            .unwrap_err();
        assert!(matches!(headless, StoreError::Misplaced { .. }), "{headless}");
        store
            .append(&entry("r1", 1, 0, opened("orders-f")))
            .await
            .unwrap();
        let twice = store
            .append(&entry("r1", 2, 1, opened("orders-f")))
            .await
            .unwrap_err();
        assert!(matches!(twice, StoreError::Misplaced { .. }), "{twice}");
        store.append(&entry("r1", 2, 9, closed())).await.unwrap();
        let after = store
            .append(&entry("r1", 3, 10, intent(Step::Pause)))
            .await
            .unwrap_err();
        assert!(matches!(after, StoreError::Misplaced { .. }), "{after}");
    }

    pub async fn a_follower_has_at_most_one_open_run(store: Arc<dyn Store>) {
        store
            .append(&entry("r1", 1, 0, opened("orders-f")))
            .await
            .unwrap();
        store
            .append(&entry("other", 1, 0, opened("logs-f")))
            .await
            .unwrap();
        let second = store
            .append(&entry("r2", 1, 1, opened("orders-f")))
            .await
            .unwrap_err();
        assert!(
            matches!(&second, StoreError::Busy { follower, run } if follower.to_string() == "eu/orders-f" && *run == run_id("r1")),
            "{second}"
        );
        assert_eq!(store.journal(&run_id("r2")).await.unwrap(), Vec::new());
        store.append(&entry("r1", 2, 2, closed())).await.unwrap();
        store
            .append(&entry("r2", 1, 3, opened("orders-f")))
            .await
            .unwrap();
        assert_eq!(
            store.open_runs().await.unwrap(),
            vec![run_id("other"), run_id("r2")]
        );
    }

    pub async fn past_runs_are_those_that_still_count(store: Arc<dyn Store>) {
        store.append(&entry("old", 1, 0, opened("a"))).await.unwrap();
        store.append(&entry("old", 2, 10, closed())).await.unwrap();
        store.append(&entry("long", 1, 1, opened("b"))).await.unwrap();
        store.append(&entry("long", 2, 100, closed())).await.unwrap();
        store.append(&entry("open", 1, 2, opened("c"))).await.unwrap();
        store.append(&entry("new", 1, 60, opened("d"))).await.unwrap();
        let ids = |runs: Vec<refollow::store::RunSummary>| -> Vec<String> {
            runs.into_iter().map(|run| run.id.to_string()).collect()
        };
        assert_eq!(
            ids(store.past_runs(at(50)).await.unwrap()),
            ["long", "open", "new"]
        );
        assert_eq!(
            ids(store.past_runs(at(10)).await.unwrap()),
            ["old", "long", "open", "new"]
        );
        assert_eq!(ids(store.runs(2).await.unwrap()), ["new", "open"]);
        let closed = store.run(&run_id("long")).await.unwrap().unwrap().closed.unwrap();
        assert_eq!((closed.at, closed.outcome), (at(100), RunOutcome::Cured));
    }

    pub async fn a_plan_changes_only_from_what_was_read(store: Arc<dyn Store>) {
        let pending = record("orders-f", 0, PlanState::Pending);
        store.save_plan(&pending, None).await.unwrap();
        let again = store.save_plan(&pending, None).await.unwrap_err();
        assert!(matches!(again, StoreError::Conflict { .. }), "{again}");
        let approved = PlanRecord {
            state: PlanState::Approved,
            changed_at: at(5),
            ..pending.clone()
        };
        store.save_plan(&approved, Some(&pending)).await.unwrap();
        let rejected = PlanRecord {
            state: PlanState::Rejected {
                by: "ben".to_owned(),
                reason: "no".to_owned(),
            },
            changed_at: at(6),
            ..pending.clone()
        };
        let late = store.save_plan(&rejected, Some(&pending)).await.unwrap_err();
        assert!(late.is_conflict(), "{late}");
        assert_eq!(store.plan(&pending.plan.hash).await.unwrap(), Some(approved));
        let absent = record("nobody", 0, PlanState::Pending);
        assert!(
            store
                .save_plan(&absent, Some(&absent))
                .await
                .unwrap_err()
                .is_conflict()
        );
        assert_eq!(store.plan(&absent.plan.hash).await.unwrap(), None);
    }

    pub async fn plans_come_newest_first_and_ended_ones_on_request(store: Arc<dyn Store>) {
        let expired = record("a", 1, PlanState::Expired);
        let pending = record("b", 2, PlanState::Pending);
        let running = record("c", 3, PlanState::Running { run: run_id("r1") });
        for one in [&pending, &running, &expired] {
            store.save_plan(one, None).await.unwrap();
        }
        assert_eq!(
            store.plans(true).await.unwrap(),
            vec![running.clone(), pending.clone()]
        );
        assert_eq!(store.plans(false).await.unwrap(), vec![running, pending, expired]);
    }

    pub async fn memories_are_replaced_and_forgotten(store: Arc<dyn Store>) {
        let (a, b) = (
            FollowerKey::parse("a/x").unwrap(),
            FollowerKey::parse("a-b/x").unwrap(),
        );
        let well = Memory {
            last_state: Some(State::Following),
            ..Memory::default()
        };
        let fatal = Memory {
            last_state: Some(State::Fatal),
            declared: true,
            ..Memory::default()
        };
        store
            .remember(&[(b.clone(), well.clone()), (a.clone(), well.clone())])
            .await
            .unwrap();
        store.remember(&[(a.clone(), fatal.clone())]).await.unwrap();
        assert_eq!(
            store.memories().await.unwrap(),
            vec![(a.clone(), fatal), (b.clone(), well.clone())]
        );
        store.forget(&a).await.unwrap();
        store.forget(&a).await.unwrap();
        assert_eq!(store.memories().await.unwrap(), vec![(b, well)]);
    }

    pub async fn one_brake_per_scope(store: Arc<dyn Store>) {
        let brake = |scope: &str, reason: &str| Brake {
            scope: BrakeScope::parse(scope).unwrap(),
            owner: "anna".to_owned(),
            reason: reason.to_owned(),
            engaged_at: at(0),
            expires_at: Some(at(60)),
        };
        store
            .set_brake(&brake("follower:eu/orders-f", "1"))
            .await
            .unwrap();
        store.set_brake(&brake("all", "2")).await.unwrap();
        store.set_brake(&brake("all", "3")).await.unwrap();
        assert_eq!(
            store.brakes().await.unwrap(),
            vec![brake("all", "3"), brake("follower:eu/orders-f", "1")]
        );
        assert!(store.release_brake(&BrakeScope::All).await.unwrap());
        assert!(!store.release_brake(&BrakeScope::All).await.unwrap());
        assert_eq!(store.brakes().await.unwrap().len(), 1);
    }

    pub async fn the_audit_log_is_a_chain(store: Arc<dyn Store>) {
        assert_eq!(store.verify_audit().await.unwrap(), AuditCheck::Whole(0));
        let first = store.audit(&audit(0, "approved")).await.unwrap();
        let second = store.audit(&audit(1, "request_sent")).await.unwrap();
        assert_eq!((first.seq, second.seq), (1, 2));
        assert_eq!(first.prev_hash, "0".repeat(64));
        assert_eq!(second.prev_hash, first.hash);
        assert_ne!(first.hash, second.hash);
        assert_eq!(second.event["kind"], "request_sent");
        assert_eq!(
            store.audit_log(0, 10).await.unwrap(),
            vec![first.clone(), second.clone()]
        );
        assert_eq!(store.audit_log(2, 10).await.unwrap(), vec![second]);
        assert_eq!(store.audit_log(1, 1).await.unwrap(), vec![first]);
        assert_eq!(store.verify_audit().await.unwrap(), AuditCheck::Whole(2));
        assert_eq!(store.audit_len().await.unwrap(), 2);
    }

    pub async fn what_ended_long_ago_is_deleted_and_nothing_else(store: Arc<dyn Store>) {
        for (run, follower, end) in [("old", "a-f", 100), ("new", "b-f", 900)] {
            store.append(&entry(run, 1, 0, opened(follower))).await.unwrap();
            store.append(&entry(run, 2, end, closed())).await.unwrap();
        }
        store.append(&entry("open", 1, 0, opened("c-f"))).await.unwrap();
        let rejected = PlanState::Rejected {
            by: "anna".to_owned(),
            reason: "no".to_owned(),
        };
        for (follower, changed, state) in [
            ("a-f", 100, PlanState::Done { run: run_id("old") }),
            ("b-f", 900, PlanState::Done { run: run_id("new") }),
            ("c-f", 0, PlanState::Running { run: run_id("open") }),
            ("d-f", 0, rejected),
            ("e-f", 0, PlanState::Expired),
        ] {
            store
                .save_plan(&record(follower, changed, state), None)
                .await
                .unwrap();
        }
        store.audit(&audit(0, "approved")).await.unwrap();
        let pruned = store.prune(at(500)).await.unwrap();
        assert_eq!(pruned, Pruned { runs: 1, plans: 2 });
        assert_eq!(store.journal(&run_id("old")).await.unwrap(), Vec::new());
        assert_eq!(store.journal(&run_id("new")).await.unwrap().len(), 2);
        assert_eq!(store.open_runs().await.unwrap(), [run_id("open")]);
        assert_eq!(store.journal(&run_id("open")).await.unwrap().len(), 1);
        let left: Vec<String> = store
            .plans(false)
            .await
            .unwrap()
            .iter()
            .map(|record| record.plan.basis.follower.to_string())
            .collect();
        assert_eq!(left.len(), 3, "{left:?}");
        assert!(!left.contains(&"a-f".to_owned()) && !left.contains(&"e-f".to_owned()));
        assert_eq!(store.verify_audit().await.unwrap(), AuditCheck::Whole(1));
        assert_eq!(store.prune(at(500)).await.unwrap(), Pruned::default());
    }

    pub async fn rows_of_the_outbox_are_written_all_or_none_and_by_their_key(store: Arc<dyn Store>) {
        assert_eq!(store.outbox().await.unwrap(), Vec::new());
        let notice = |subject: &str| Notice::new(Topic::Brake, subject.to_owned(), "ü".to_owned(), at(0));
        let mut chat = Row::new("chat", notice("brake:all"), at(1));
        let pager = Row::new("pager", notice("brake:all"), at(1));
        let put = |row: &Row| RowChange::Put(Box::new(row.clone()));
        store.change_outbox(&[put(&pager), put(&chat)]).await.unwrap();
        assert_eq!(store.outbox().await.unwrap(), [chat.clone(), pager.clone()]);
        let told = Weight::of(&chat.notice);
        let pace = Pace {
            first: Duration::from_secs(60),
            longest: Duration::from_secs(600),
        };
        chat.tries = 1;
        chat.delivered(told, &Delivery::Told, pace, at(2), 0);
        let nobody = RowChange::Drop(("nobody".to_owned(), "x".to_owned()));
        store
            .change_outbox(&[put(&chat), RowChange::Drop(pager.key()), nobody])
            .await
            .unwrap();
        assert_eq!(store.outbox().await.unwrap(), [chat]);
    }

    pub async fn blocks_of_the_history_are_replaced_found_in_order_and_pruned(store: Arc<dyn Store>) {
        let block = |follower: Option<&str>, kind, from, until, bytes: &[u8]| Block {
            follower: follower.map(|text| FollowerKey::parse(text).unwrap()),
            kind,
            from: at(from),
            until: at(until),
            count: bytes.len(),
            bytes: bytes.to_vec(),
        };
        let (samples, inputs) = (HistoryKind::Samples, HistoryKind::Inputs);
        let first = [
            block(Some("eu/b"), samples, 0, 10, &[0, 255]),
            block(Some("eu/a"), inputs, 0, 20, b"x"),
            block(None, inputs, 0, 60, b""),
            block(Some("eu-2/a"), samples, 30, 40, b"y"),
        ];
        store.write_history(&first).await.unwrap();
        let grown = block(Some("eu/b"), samples, 0, 50, b"longer");
        store.write_history(std::slice::from_ref(&grown)).await.unwrap();
        let wanted = |of, kind, since, until| HistoryWanted {
            of,
            kind,
            since: at(since),
            until: at(until),
            after: None,
        };
        let all = store
            .history(&wanted(HistoryOf::All, None, 0, 100), 10)
            .await
            .unwrap();
        let expected = vec![
            first[2].clone(),
            first[1].clone(),
            grown.clone(),
            first[3].clone(),
        ];
        assert_eq!(all, expected, "by beginning, then by follower, the passes first");
        // Page by page the same.
        let mut paged = Vec::new();
        let mut question = wanted(HistoryOf::All, None, 0, 100);
        while let Some(block) = store.history(&question, 1).await.unwrap().pop() {
            question.after = Some((block.from, block.follower.clone(), block.kind));
            paged.push(block);
        }
        assert_eq!(paged, expected);
        let of_b = HistoryOf::Follower(FollowerKey::parse("eu/b").unwrap());
        let found = store
            .history(&wanted(of_b.clone(), Some(samples), 50, 50), 10)
            .await
            .unwrap();
        assert_eq!(found, vec![grown.clone()]);
        assert!(
            store
                .history(&wanted(of_b.clone(), Some(inputs), 0, 99), 10)
                .await
                .unwrap()
                .is_empty()
        );
        assert!(
            store
                .history(&wanted(of_b, None, 51, 99), 10)
                .await
                .unwrap()
                .is_empty(),
            "it ended before"
        );
        // The oldest ends go first, and no more than were asked for.
        assert_eq!(store.prune_history(at(50), 1).await.unwrap(), 1);
        assert_eq!(store.prune_history(at(50), 9).await.unwrap(), 1);
        assert_eq!(store.prune_history(at(50), 9).await.unwrap(), 0);
        let left = store
            .history(&wanted(HistoryOf::All, None, 0, 100), 10)
            .await
            .unwrap();
        assert_eq!(left, vec![first[2].clone(), grown]);
    }

    pub async fn small_values_are_kept(store: Arc<dyn Store>) {
        assert_eq!(store.state("breaker").await.unwrap(), None);
        store.set_state("breaker", &json!({"open": true})).await.unwrap();
        store.set_state("breaker", &json!({"open": false})).await.unwrap();
        assert_eq!(
            store.state("breaker").await.unwrap(),
            Some(json!({"open": false}))
        );
    }

    pub async fn two_at_once_do_not_both_win(store: Arc<dyn Store>) {
        store
            .append(&entry("r1", 1, 0, opened("orders-f")))
            .await
            .unwrap();
        let (one, two) = (
            entry("r1", 2, 1, intent(Step::Pause)),
            entry("r1", 2, 1, intent(Step::Close)),
        );
        let (first, second) = futures::join!(store.append(&one), store.append(&two));
        assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
        assert_eq!(store.journal(&run_id("r1")).await.unwrap().len(), 2);
    }

    pub async fn a_fault_before_the_write_leaves_nothing_and_after_it_leaves_it(store: Arc<dyn Store>) {
        store
            .append(&entry("r1", 1, 0, opened("orders-f")))
            .await
            .unwrap();
        let next = entry("r1", 2, 1, intent(Step::Pause));
        let before = FaultyStore::new(Arc::clone(&store), Counted::Journal, 1, Side::Before);
        before.set_state("not", &json!("counted")).await.unwrap();
        assert!(before.append(&next).await.is_err());
        assert!(before.is_dead());
        assert!(
            before.journal(&run_id("r1")).await.is_err(),
            "a dead process reads nothing"
        );
        assert_eq!(store.journal(&run_id("r1")).await.unwrap().len(), 1);

        let died = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let seen = Arc::clone(&died);
        let after = FaultyStore::new(Arc::clone(&store), Counted::Everything, 2, Side::After)
            .on_death(move |number| seen.store(number, std::sync::atomic::Ordering::SeqCst));
        after.set_state("is", &json!("counted")).await.unwrap();
        assert!(after.append(&next).await.is_err());
        assert_eq!(died.load(std::sync::atomic::Ordering::SeqCst), 2);
        assert_eq!(store.journal(&run_id("r1")).await.unwrap().len(), 2);

        let healing = FaultyStore::new(Arc::clone(&store), Counted::Journal, 1, Side::Before).healing();
        let third = entry("r1", 3, 2, intent(Step::Close));
        assert!(healing.append(&third).await.is_err());
        healing.append(&third).await.unwrap();
        assert_eq!(healing.writes(), 2);
    }
}

macro_rules! for_all {
    ($($name:ident),+ $(,)?) => {
        mod in_memory {
            $(#[tokio::test(start_paused = true)]
            async fn $name() {
                super::contract::$name(std::sync::Arc::new(super::MemoryStore::new())).await;
            })+
        }
        mod on_disk {
            $(#[tokio::test]
            async fn $name() {
                let dir = tempfile::tempdir().unwrap();
                super::contract::$name(super::at_path(&dir.path().join("refollow.db")).await.unwrap()).await;
            })+
        }
        mod in_postgres {
            $(#[tokio::test]
            async fn $name() {
                let server = match crate::hosts::postgres::shared() {
                    Ok(server) => server,
                    Err(missing) => return println!("skipped: {missing}"),
                };
                let url = server.database().await;
                super::contract::$name(super::open(&url).await.unwrap()).await;
            })+
        }
    };
}

for_all!(
    what_was_appended_is_read_back_in_order,
    a_second_writer_of_a_run_is_refused,
    a_run_begins_with_its_opening_and_ends_with_its_end,
    a_follower_has_at_most_one_open_run,
    past_runs_are_those_that_still_count,
    a_plan_changes_only_from_what_was_read,
    plans_come_newest_first_and_ended_ones_on_request,
    memories_are_replaced_and_forgotten,
    one_brake_per_scope,
    the_audit_log_is_a_chain,
    what_ended_long_ago_is_deleted_and_nothing_else,
    rows_of_the_outbox_are_written_all_or_none_and_by_their_key,
    small_values_are_kept,
    blocks_of_the_history_are_replaced_found_in_order_and_pruned,
    two_at_once_do_not_both_win,
    a_fault_before_the_write_leaves_nothing_and_after_it_leaves_it,
);

async fn at_path(path: &Path) -> Result<Arc<dyn Store>, StoreError> {
    open(&format!("sqlite://{}", path.display())).await
}

async fn raw(path: &Path) -> sqlx::SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true);
    sqlx::SqliteConnection::connect_with(&options).await.unwrap()
}

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    let store = at_path(&path).await.unwrap();
    store
        .append(&entry("r1", 1, 0, opened("orders-f")))
        .await
        .unwrap();
    store.audit(&audit(0, "approved")).await.unwrap();
    drop(store);
    let store = at_path(&path).await.unwrap();
    assert_eq!(store.open_runs().await.unwrap(), vec![run_id("r1")]);
    let next = store.audit(&audit(1, "approved")).await.unwrap();
    assert_eq!(next.seq, 2);
    assert_eq!(store.verify_audit().await.unwrap(), AuditCheck::Whole(2));
}

/// `take`: what a daemon does first with its state. What it gives is dropped where a process ends.
async fn a_second_daemon_is_refused<T: std::fmt::Debug>(
    path: &Path,
    take: impl AsyncFn() -> Result<T, StoreError>,
) {
    let first = take().await.unwrap();
    for _ in 0..2 {
        assert_eq!(
            take().await.unwrap_err(),
            StoreError::Locked {
                path: path.to_owned(),
                holder: format!("pid {}", std::process::id())
            }
        );
    }
    drop(first);
    let next = take().await.unwrap();
    assert!(take().await.is_err(), "the next one holds it as the first did");
    drop(next);
    take().await.unwrap();
}

#[tokio::test]
async fn a_second_daemon_on_one_state_is_refused_and_told_who_holds_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    a_second_daemon_is_refused(&path, async || at_path(&path).await).await;
    let store = MemoryStore::new();
    a_second_daemon_is_refused(Path::new(":memory:"), async || store.hold()).await;
}

#[tokio::test]
async fn a_newer_state_is_refused_in_a_clear_sentence() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    drop(at_path(&path).await.unwrap());
    let mut connection = raw(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (7, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let refused = at_path(&path).await.unwrap_err();
    assert_eq!(
        refused,
        StoreError::Newer {
            what: path.display().to_string(),
            found: 7,
            known: 3
        }
    );
    assert!(
        refused.to_string().contains("made by a newer refollow"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_row_of_a_newer_format_is_refused_and_not_guessed_at() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    let store = at_path(&path).await.unwrap();
    store.set_state("breaker", &json!(1)).await.unwrap();
    let mut connection = raw(&path).await;
    sqlx::query("UPDATE state SET format = 99")
        .execute(&mut connection)
        .await
        .unwrap();
    let refused = store.state("breaker").await.unwrap_err();
    assert!(
        matches!(
            refused,
            StoreError::Newer {
                found: 99,
                known: 1,
                ..
            }
        ),
        "{refused}"
    );
}

#[tokio::test]
async fn what_is_not_a_database_of_ours_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("notes.txt");
    std::fs::write(
        &text,
        "these are my notes, and they are longer than one SQLite header is, surely so.\n".repeat(30),
    )
    .unwrap();
    let before = std::fs::read(&text).unwrap();
    let refused = at_path(&text).await.unwrap_err().to_string();
    assert!(refused.contains("it is not a database"), "{refused}");
    assert_eq!(std::fs::read(&text).unwrap(), before);

    let foreign = dir.path().join("browser.db");
    let mut connection = raw(&foreign).await;
    sqlx::query("CREATE TABLE bookmarks (url TEXT)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&foreign).unwrap();
    let refused = at_path(&foreign).await.unwrap_err().to_string();
    assert!(refused.contains("another program"), "{refused}");
    assert_eq!(std::fs::read(&foreign).unwrap(), before);
}

#[tokio::test]
async fn a_path_that_cannot_be_opened_is_one_line_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let missing = at_path(&dir.path().join("nowhere/refollow.db"))
        .await
        .unwrap_err()
        .to_string();
    assert!(missing.contains("create the directory"), "{missing}");
    let directory = dir.path().join("directory");
    std::fs::create_dir(&directory).unwrap();
    let directory = at_path(&directory).await.unwrap_err().to_string();
    assert!(
        directory.contains("set daemon.state to the path of a file"),
        "{directory}"
    );
    for line in [missing, directory] {
        assert_eq!(line.lines().count(), 1, "{line}");
    }
    for url in ["mysql://x", "refollow.db", "sqlite://", "maria://u:secret@h/db"] {
        let refused = open(url).await.unwrap_err().to_string();
        assert!(refused.contains("set daemon.state to sqlite:///"), "{refused}");
        assert!(!refused.contains("secret"), "{refused}");
    }
}

#[tokio::test]
async fn a_record_changed_or_cut_off_behind_our_back_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    let store = at_path(&path).await.unwrap();
    for second in 0..4 {
        store.audit(&audit(second, "approved")).await.unwrap();
    }
    let mut connection = raw(&path).await;
    let update = "UPDATE audit SET json = replace(json, 'anna', 'emma') WHERE seq = 3";
    let refused = sqlx::query(update)
        .execute(&mut connection)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("append-only"), "{refused}");
    for trigger in ["DROP TRIGGER audit_is_append_only", "DROP TRIGGER audit_is_kept"] {
        sqlx::query(trigger).execute(&mut connection).await.unwrap();
    }
    sqlx::query("DELETE FROM audit WHERE seq = 4")
        .execute(&mut connection)
        .await
        .unwrap();
    let cut = store.verify_audit().await.unwrap();
    assert!(matches!(cut, AuditCheck::Broken { seq: 4, .. }), "{cut:?}");
    sqlx::query(update).execute(&mut connection).await.unwrap();
    let changed = store.verify_audit().await.unwrap();
    assert!(
        matches!(changed, AuditCheck::Broken { seq: 3, .. }),
        "{changed:?}"
    );
    sqlx::query("DELETE FROM audit WHERE seq = 2")
        .execute(&mut connection)
        .await
        .unwrap();
    let missing = store.verify_audit().await.unwrap();
    assert!(
        matches!(missing, AuditCheck::Broken { seq: 2, .. }),
        "{missing:?}"
    );
}

#[tokio::test]
async fn a_write_that_its_caller_gave_up_harms_no_later_one() {
    let dir = tempfile::tempdir().unwrap();
    let store = at_path(&dir.path().join("refollow.db")).await.unwrap();
    for polls in 1..12 {
        let event = audit(0, "given_up");
        let mut write = store.audit(&event);
        for _ in 0..polls {
            if futures::poll!(&mut write).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(write);
        store.audit(&audit(1, "kept")).await.unwrap();
    }
    let check = store.verify_audit().await.unwrap();
    assert!(matches!(check, AuditCheck::Whole(11..)), "{check:?}");
}

#[tokio::test]
async fn a_state_is_read_beside_the_daemon_that_has_it_and_never_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("refollow.db");
    let url = format!("sqlite://{}", path.display());
    let none = open_read_only(&url).await.unwrap_err().to_string();
    assert!(none.contains("cannot be opened") && !path.exists(), "{none}");
    let daemon = at_path(&path).await.unwrap();
    daemon.audit(&audit(0, "approved")).await.unwrap();
    let reading = open_read_only(&url).await.unwrap();
    assert_eq!(reading.audit_len().await.unwrap(), 1);
    daemon.audit(&audit(1, "rejected")).await.unwrap();
    assert_eq!(reading.verify_audit().await.unwrap(), AuditCheck::Whole(2));
    reading.audit(&audit(2, "forged")).await.unwrap_err();
    assert_eq!(daemon.audit_len().await.unwrap(), 2);
    drop(daemon);
    // What is left after a kill, and after a clean end, can be read as well.
    assert_eq!(reading.audit_len().await.unwrap(), 2);
    assert_eq!(
        open_read_only(&url).await.unwrap().verify_audit().await.unwrap(),
        AuditCheck::Whole(2)
    );
}
