//! The book fed with answers as clusters give them, over many looks, restarts and clocks.

mod auto_follow;
mod notices;
mod support;

use std::time::Duration;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::plan::PlanState;
use crate::domain::time::{after, millis_between, moved};
use crate::engine::book::Effect;

use support::{Table, cluster, key, settings};

fn minutes(count: u64) -> Duration {
    Duration::from_mins(count)
}

#[test]
fn a_wait_goes_on_after_a_restart() {
    let mut table = Table::new(3);
    table.look();
    table.connected = false;
    table.look();
    let began = table.now;
    table.look();
    assert_eq!(table.book.followers[&key(0)].memory.history.held_for, 2);
    table.restart();
    assert_eq!(table.book.followers[&key(0)].cause(), Cause::Unknown);
    table.pass(minutes(2));
    table.look();
    let history = &table.book.followers[&key(0)].memory.history;
    assert_eq!((history.held_for, history.since()), (3, Some(began)));
    // Waiting ends an hour after it began, not an hour after the restart.
    let decision = |table: &Table| {
        let entry = &table.book.followers[&key(0)];
        entry.assessment.as_ref().map(|found| found.decision.kind)
    };
    assert_eq!(decision(&table), Some(DecisionKind::Wait));
    while millis_between(began, table.now) < 3_600_000 {
        table.look();
    }
    assert_eq!(decision(&table), Some(DecisionKind::Alert));
}

#[test]
fn looks_before_a_long_gap_confirm_nothing() {
    let mut table = Table::new(3);
    table.connected = false;
    table.look();
    table.look();
    table.restart();
    table.pass(minutes(11));
    table.look();
    let history = &table.book.followers[&key(0)].memory.history;
    assert_eq!((history.held_for, history.since()), (1, Some(table.now)));
}

#[test]
fn a_leaders_word_before_the_first_look_is_no_verdict() {
    let mut table = Table::new(1);
    table.look();
    table.restart();
    let now = table.now;
    assert!(table.book.judge(&support::cluster("eu"), false, now).is_empty());
    assert!(table.book.followers[&key(0)].verdict.is_none());
}

#[test]
fn flapping_survives_a_restart() {
    let mut table = Table::new(1);
    for round in 0..6 {
        table.paused = round % 2 == 1;
        table.look();
    }
    assert!(!table.flaps(0), "five changes");
    table.restart();
    table.paused = false;
    table.look();
    assert!(table.flaps(0), "the sixth");
    table.pass(minutes(31));
    table.look();
    assert!(!table.flaps(0));
}

#[test]
fn a_clock_that_was_set_ends_no_wait_and_no_approval() {
    for days in [3_i64, -3] {
        let mut table = Table::new(3);
        table.look();
        table.connected = false;
        table.look();
        table.look();
        let record = support::approved(key(1), table.now);
        let left = millis_between(table.now, record.expires_at);
        table.book.adopt_plan(record.clone());
        table.book.brakes.push(Brake {
            scope: BrakeScope::All,
            owner: "ann".to_owned(),
            reason: "failover".to_owned(),
            engaged_at: table.now,
            expires_at: Some(after(table.now, minutes(90))),
        });
        let lines = table.story().len();
        table.set_clock(days * 86_400_000);
        let entry = &table.book.followers[&key(0)];
        let since = entry.memory.history.since().unwrap();
        assert!((0..60_000).contains(&millis_between(since, table.now)), "{days}");
        let effects = table.book.decide(table.now);
        let kept = &table.book.plans[&record.plan.hash];
        assert_ne!(kept.state, PlanState::Expired);
        assert_eq!(millis_between(table.now, kept.expires_at), left);
        assert!(table.book.brakes[0].holds(table.now));
        let stored = |wanted: fn(&Effect) -> bool| effects.iter().filter(|effect| wanted(effect)).count();
        assert_eq!(stored(|effect| matches!(effect, Effect::SaveBrake(_))), 1);
        assert!(stored(|effect| matches!(effect, Effect::SavePlan { .. })) >= 1);
        table.look();
        let history = &table.book.followers[&key(0)].memory.history;
        assert_eq!(history.held_for, 3, "{days}: the row of looks goes on");
        let told: Vec<String> = table.story().split_off(lines);
        let about = |text: &&String| text.contains("clock was set");
        assert_eq!(told.iter().filter(about).count(), 1, "{told:?}");
    }
}

#[test]
fn a_clock_set_back_while_the_daemon_was_down_is_noticed_at_the_start_and_downtime_is_not() {
    const HOUR: i64 = 3_600_000;
    let start = |by_millis: i64| {
        let mut table = Table::new(2);
        table.connected = false;
        table.look();
        table.look();
        table.now = moved(table.now, by_millis);
        table.restart();
        table
    };
    for harmless in [HOUR, 0, -10_000] {
        let table = start(harmless);
        assert_eq!(table.book.behind_the_state(table.now), None, "{harmless}");
    }
    let mut table = start(-HOUR);
    let behind = table.book.behind_the_state(table.now).unwrap();
    assert_eq!(behind, HOUR);
    table.book.clock_went_back_while_down(behind, table.now);
    // Waits that lay in the future lie behind again; the warm-up begins now; nothing of the time of
    // day is believed for an hour; and the next start finds nothing to put right.
    let since = table.book.followers[&key(0)].memory.history.since().unwrap();
    assert!(since <= table.now);
    assert_eq!(table.book.started_at, table.now);
    assert!(table.book.clock_jump.unwrap().unsettled(table.now));
    assert!(table.story().join(" ").contains("clock was set back by 3600 s"));
    table.restart();
    assert_eq!(table.book.behind_the_state(table.now), None);
}

#[test]
fn a_clock_that_was_set_does_not_end_a_runway() {
    let mut table = Table::new(1);
    table.look();
    table.paused = true;
    table.look();
    let left = |table: &Table| {
        let end = table.book.followers[&key(0)].runway.unwrap();
        millis_between(table.now, end)
    };
    let before = left(&table);
    assert!(before > 11 * 3_600_000, "{before}");
    table.set_clock(20 * 3_600_000);
    table.look();
    assert!(left(&table) > before - 60_000, "{}", left(&table));
}

fn incidents(table: &Table) -> Vec<(String, usize)> {
    table
        .book
        .incidents
        .iter()
        .map(|(id, open)| (id.clone(), open.incident.followers.len()))
        .collect()
}

#[test]
fn four_hundred_followers_of_one_remote_are_one_incident_one_line_and_one_end() {
    let mut table = Table::new(400);
    table.look();
    table.look();
    let before = table.story().len();
    table.connected = false;
    table.look();
    let began = table.now;
    assert_eq!(incidents(&table), [("remote:eu/lead".to_owned(), 400)]);
    let entry = &table.book.followers[&key(7)];
    assert_eq!(entry.incident.as_deref(), Some("remote:eu/lead"));
    for _ in 0..8 {
        table.look();
    }
    // The breaker opens too, once for itself.
    let lines = |table: &Table, from: usize| {
        let mut lines = table.story().split_off(from);
        lines.retain(|line| !line.contains("breaker"));
        lines
    };
    assert_eq!(
        lines(&table, before),
        [format!("remote eu/lead unreachable since {began}: 400 followers")]
    );
    table.restart();
    table.look();
    assert_eq!(incidents(&table), [("remote:eu/lead".to_owned(), 400)]);
    let since = table.book.incidents["remote:eu/lead"].incident.since;
    assert_eq!(since, Some(began), "the same incident after a restart");
    let before = table.story().len();
    table.connected = true;
    table.look();
    assert_eq!(incidents(&table), []);
    assert!(table.book.followers[&key(7)].incident.is_none());
    table.look();
    let told = lines(&table, before);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("over after"), "{told:?}");
}

#[test]
fn two_remotes_are_two_incidents_and_one_follower_is_none() {
    let mut table = Table::new(10);
    table.through_far = 4;
    table.connected = false;
    table.far_connected = false;
    table.look();
    assert_eq!(
        incidents(&table),
        [("remote:eu/far".to_owned(), 4), ("remote:eu/lead".to_owned(), 6)]
    );
    let mut table = Table::new(5);
    table.through_far = 1;
    table.look();
    table.far_connected = false;
    table.look();
    assert_eq!(incidents(&table), []);
    let told = table.story();
    assert!(told.iter().any(|line| line.contains("eu/f-004` is")), "{told:?}");
}

#[test]
fn an_incident_that_grows_a_lot_is_told_again() {
    let mut table = Table::new(20);
    table.look();
    table.through_far = 3;
    table.far_connected = false;
    // What names the alias first counts, so these are new followers' aliases after a restart.
    table.book = crate::engine::book::Book::new(support::settings(), Vec::new(), table.now);
    table.look();
    assert_eq!(incidents(&table), [("remote:eu/far".to_owned(), 3)]);
    table.followers = 24;
    table.through_far = 7;
    table.look();
    assert_eq!(incidents(&table), [("remote:eu/far".to_owned(), 7)]);
    let told = table.story();
    assert!(
        told.iter()
            .any(|line| line.ends_with("7 followers now, 3 before")),
        "{told:?}"
    );
}

#[test]
fn an_incident_of_a_cluster_that_is_not_configured_any_more_is_over() {
    let mut table = Table::new(6);
    table.look();
    table.answers = false;
    table.look();
    assert_eq!(incidents(&table), [("cluster:eu".to_owned(), 6)]);
    let mut settings = settings();
    settings.clusters.retain(|one| one.name != cluster("eu"));
    let now = table.now;
    table.book.reconfigure(settings, now);
    assert_eq!(incidents(&table), []);
}

#[test]
fn a_cluster_that_cannot_be_looked_at_is_one_incident() {
    let mut table = Table::new(6);
    table.look();
    table.answers = false;
    table.look();
    assert_eq!(incidents(&table), [("cluster:eu".to_owned(), 6)]);
    table.answers = true;
    table.look();
    assert_eq!(incidents(&table), []);
}
