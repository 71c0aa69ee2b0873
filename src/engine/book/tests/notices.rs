//! What of the book is worth telling, and what is known of its end.

use std::collections::BTreeSet;
use std::time::Duration;

use super::support::{Table, approved, key};
use crate::domain::ids::RunId;
use crate::domain::journal::RunOutcome;
use crate::domain::memory::OwnRun;
use crate::domain::notice::{Notice, Severity, Topic};
use crate::domain::plan::PlanState;
use crate::domain::time::after;
use crate::engine::book::LeftOver;
use crate::notify::outbox::Standing;

fn standing(table: &Table, told: &[Notice]) -> Standing {
    table.book.standing(told.iter(), table.now)
}

fn subjects(standing: &Standing) -> Vec<String> {
    standing
        .notices
        .iter()
        .map(|notice| notice.subject.clone())
        .collect()
}

fn left_over(table: &Table, outcome: RunOutcome) -> LeftOver {
    LeftOver {
        run: RunId::parse("r-1").unwrap(),
        outcome,
        reason: "documents differ".to_owned(),
        person_must: Some("compare them".to_owned()),
        at: table.now,
    }
}

#[test]
fn only_runs_that_leave_something_for_a_person_are_told() {
    assert!(!LeftOver::tells(RunOutcome::Cured, None, None));
    assert!(!LeftOver::tells(RunOutcome::BackedOut, None, None));
    assert!(!LeftOver::tells(RunOutcome::Refused, None, None));
    assert!(LeftOver::tells(RunOutcome::NotCured, None, None));
    assert!(LeftOver::tells(RunOutcome::CannotTell, None, None));
    assert!(LeftOver::tells(RunOutcome::BackedOut, Some("open it"), None));
}

#[test]
fn a_run_that_could_not_tell_is_told_of_for_a_day_and_another_until_the_follower_is_well() {
    let mut table = Table::new(1);
    table.look();
    let left = left_over(&table, RunOutcome::CannotTell);
    table.book.left_over.insert(key(0), left);
    let now = standing(&table, &[]);
    assert_eq!(subjects(&now), ["run:r-1"]);
    let told = now.notices[0].clone();
    assert_eq!(told.severity, Severity::Critical);
    assert!(
        told.text.contains("A person must: compare them."),
        "{}",
        told.text
    );
    table.pass(Duration::from_hours(25));
    table.look();
    let later = standing(&table, std::slice::from_ref(&told));
    assert_eq!(subjects(&later), Vec::<String>::new());
    assert_eq!(later.endings[&told.fingerprint()], "eu/f-000 is following.");
    // One that is not cured is over as soon as a look finds the follower well.
    let left = left_over(&table, RunOutcome::NotCured);
    table.book.left_over.insert(key(0), left);
    assert_eq!(subjects(&standing(&table, &[])), Vec::<String>::new());
}

#[test]
fn a_start_and_a_cluster_that_does_not_answer_end_nothing() {
    let mut table = Table::new(3);
    table.look();
    table.connected = false;
    table.look();
    let mut told = standing(&table, &[]).notices;
    // The breaker is open too; it rests on no look.
    told.retain(|notice| notice.topic != Topic::Breaker);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((told[0].topic, told[0].count), (Topic::Incident, 3));
    let all: BTreeSet<String> = told.iter().map(Notice::fingerprint).collect();
    table.restart();
    assert_eq!(standing(&table, &told).unclear, all, "nothing was looked at yet");
    table.answers = false;
    table.look();
    assert_eq!(standing(&table, &told).unclear, all, "it did not answer");
    table.answers = true;
    table.connected = true;
    table.look();
    table.look();
    let over = standing(&table, &told);
    assert!(over.unclear.is_empty(), "{over:#?}");
    assert!(over.endings[&told[0].fingerprint()].contains("eu/f-000 is following"));
}

#[test]
fn a_question_that_was_put_stays_put_until_somebody_decides() {
    let mut table = Table::new(1);
    table.look();
    let mut record = approved(key(0), table.now);
    record.state = PlanState::Pending;
    let told = Notice::of_plan(&record, true).unwrap();
    assert!(told.ask.as_ref().unwrap().approve.ends_with(" --lose f-000"));
    table.book.adopt_plan(record.clone());
    // A plan that waits for a guard or a budget and not for a person asks nobody.
    assert_eq!(subjects(&standing(&table, &[])), Vec::<String>::new());
    let now = standing(&table, std::slice::from_ref(&told));
    assert!(now.unclear.contains(&told.fingerprint()), "{now:#?}");
    record.state = PlanState::Rejected {
        by: "ann".to_owned(),
        reason: "not tonight".to_owned(),
    };
    table.book.adopt_plan(record);
    let over = standing(&table, std::slice::from_ref(&told));
    assert_eq!(
        over.endings[&told.fingerprint()],
        "ann rejected the plan: not tonight."
    );
}

#[test]
fn a_follower_that_we_hold_without_a_run_is_told_with_its_undo_file() {
    let mut table = Table::new(1);
    table.look();
    let run = RunId::parse("r-1").unwrap();
    let entry = table.book.followers.get_mut(&key(0)).unwrap();
    entry.memory.own_run = Some(OwnRun {
        id: run,
        paused: true,
        closed: false,
        followed: false,
        replaced: false,
        deleted: false,
        doubtful: false,
        at: table.now,
    });
    entry.locked = true;
    assert_eq!(
        subjects(&standing(&table, &[])),
        Vec::<String>::new(),
        "its run goes on"
    );
    // The process ends and leaves it so: that is the last word.
    table.book.held_at_exit.push(key(0));
    let last = standing(&table, &[]);
    assert_eq!(subjects(&last), ["held:eu/f-000"]);
    assert!(
        last.notices[0].text.contains("r-1.txt"),
        "{}",
        last.notices[0].text
    );
}

#[test]
fn a_wait_counts_from_the_beginning_that_is_remembered() {
    let mut table = Table::new(3);
    table.look();
    table.connected = false;
    table.look();
    let began = table.now;
    table.restart();
    table.pass(Duration::from_mins(2));
    table.look();
    let told = standing(&table, &[]).notices;
    assert_eq!(
        told[0].since,
        began,
        "not {}",
        after(began, Duration::from_mins(2))
    );
}

#[test]
fn an_incident_becomes_pressing_when_the_first_runway_is_almost_over() {
    let mut table = Table::new(3);
    table.look();
    table.connected = false;
    table.look();
    let severity = |table: &Table| standing(table, &[]).notices[0].severity;
    assert_eq!(severity(&table), Severity::Warning);
    let end = table.book.followers[&key(0)].runway.unwrap();
    while after(table.now, Duration::from_secs(8_640 + 300)) < end {
        table.pass(Duration::from_mins(4));
        table.look();
    }
    assert_eq!(severity(&table), Severity::Warning);
    table.pass(Duration::from_mins(5));
    table.look();
    assert_eq!(severity(&table), Severity::Critical);
}
