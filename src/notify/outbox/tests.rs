//! Tables: what is told when, and what of it outlives a process.

use std::sync::Arc;

use super::*;
use crate::domain::ids::ClusterName;
use crate::domain::notice::{Severity, Topic};
use crate::elastic::auth::{Auth, Trust};
use crate::notify::receiver::{Kind, Receiver};
use crate::notify::send::{Address, Server};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn receiver(name: &str, alertmanager: bool) -> Arc<Receiver> {
    let server = Server::new(Address {
        url: "http://127.0.0.1:1/x".to_owned().into(),
        shown: "http://127.0.0.1:1".to_owned(),
        auth: Auth::None,
        bearer: None,
        trust: Trust::System,
        proxy: None,
    })
    .unwrap();
    let kind = if alertmanager {
        Kind::Alertmanager(server)
    } else {
        Kind::Slack(server)
    };
    Arc::new(Receiver {
        name: name.to_owned(),
        kind,
        timeout: std::time::Duration::from_secs(1),
    })
}

fn settings(receivers: &[&str]) -> Settings {
    Settings {
        receivers: receivers
            .iter()
            .map(|name| receiver(name, name.starts_with("am")))
            .collect(),
        ..Settings::default()
    }
}

fn notice(subject: &str, topic: Topic, since: i64) -> Notice {
    let mut notice = Notice::new(topic, subject.to_owned(), subject.to_owned(), at(since));
    notice.severity = Severity::Warning;
    notice.cluster = Some(ClusterName::parse("eu").unwrap());
    notice.count = 2;
    notice
}

fn standing(notices: &[Notice]) -> Standing {
    Standing {
        notices: notices.to_vec(),
        ..Standing::default()
    }
}

/// Tells everything that is due, as one delivering task does.
fn tell(outbox: &mut Outbox, receiver: &str, settings: &Settings, now: i64) -> Vec<(String, bool)> {
    let due = outbox.take_due(receiver, 10, at(now));
    for row in &due {
        outbox.delivered(row, &Delivery::Told, settings, at(now), 0);
    }
    due.iter()
        .map(|row| (row.notice.subject.clone(), row.notice.over_at.is_some()))
        .collect()
}

fn said(what: &[(&str, bool)]) -> Vec<(String, bool)> {
    what.iter()
        .map(|(text, over)| ((*text).to_owned(), *over))
        .collect()
}

#[test]
fn what_heals_within_the_wait_is_told_to_nobody_and_a_plan_at_once() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let sick = notice("incident:x", Topic::Incident, 0);
    let plan = notice("plan:x", Topic::Plan, 0);
    outbox.reconcile(&standing(&[sick.clone(), plan]), &settings, at(29));
    assert_eq!(
        tell(&mut outbox, "chat", &settings, 29),
        said(&[("plan:x", false)])
    );
    outbox.reconcile(&standing(&[]), &settings, at(30));
    assert_eq!(
        tell(&mut outbox, "chat", &settings, 30),
        said(&[("plan:x", true)])
    );
    outbox.reconcile(&standing(&[sick]), &settings, at(31));
    assert_eq!(
        tell(&mut outbox, "chat", &settings, 31),
        said(&[("incident:x", false)])
    );
}

#[test]
fn an_end_is_told_once_and_only_after_it_has_lasted() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let sick = notice("incident:x", Topic::Incident, 0);
    let stands = standing(std::slice::from_ref(&sick));
    outbox.reconcile(&stands, &settings, at(30));
    tell(&mut outbox, "chat", &settings, 30);
    // Away for a moment and back: nobody hears of it.
    outbox.reconcile(&standing(&[]), &settings, at(40));
    outbox.reconcile(&stands, &settings, at(50));
    outbox.reconcile(&standing(&[]), &settings, at(60));
    outbox.reconcile(&standing(&[]), &settings, at(89));
    assert_eq!(tell(&mut outbox, "chat", &settings, 89), said(&[]));
    outbox.reconcile(&standing(&[]), &settings, at(90));
    let due = outbox.take_due("chat", 10, at(90));
    assert_eq!(due[0].notice.over_at, Some(at(60)));
    outbox.delivered(&due[0], &Delivery::Told, &settings, at(90), 0);
    assert_eq!(outbox.rows().count(), 0);
    outbox.reconcile(&standing(&[]), &settings, at(200));
    assert_eq!(tell(&mut outbox, "chat", &settings, 200), said(&[]));
}

#[test]
fn what_could_not_be_looked_at_is_not_over() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let sick = notice("incident:x", Topic::Incident, 0);
    outbox.reconcile(&standing(std::slice::from_ref(&sick)), &settings, at(30));
    tell(&mut outbox, "chat", &settings, 30);
    let blind = Standing {
        notices: Vec::new(),
        unclear: BTreeSet::from([sick.fingerprint()]),
        ..Standing::default()
    };
    for second in [40, 100, 1000] {
        outbox.reconcile(&blind, &settings, at(second));
        assert_eq!(tell(&mut outbox, "chat", &settings, second), said(&[]));
    }
    // Seen again, it must be gone for the whole wait.
    outbox.reconcile(&standing(&[]), &settings, at(1001));
    assert_eq!(tell(&mut outbox, "chat", &settings, 1001), said(&[]));
    outbox.reconcile(&standing(&[]), &settings, at(1031));
    assert_eq!(
        tell(&mut outbox, "chat", &settings, 1031),
        said(&[("incident:x", true)])
    );
}

#[test]
fn a_process_that_dies_between_sending_and_marking_sends_again_and_owes_the_end() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let sick = notice("incident:x", Topic::Incident, 0);
    let stands = standing(std::slice::from_ref(&sick));
    outbox.reconcile(&stands, &settings, at(30));
    let sent = outbox.take_due("chat", 10, at(30));
    assert_eq!(sent.len(), 1);
    assert_eq!(outbox.take_due("chat", 10, at(30)).len(), 0, "it is being sent");
    let written: Vec<Row> = outbox
        .changes()
        .into_iter()
        .filter_map(|change| match change {
            RowChange::Put(row) => Some(*row),
            RowChange::Drop(_) => None,
        })
        .collect();
    let mut again = Outbox::new(written.clone());
    again.reconcile(&stands, &settings, at(60));
    assert_eq!(
        tell(&mut again, "chat", &settings, 60),
        said(&[("incident:x", false)])
    );
    // Gone when the new process looks: somebody may have been told, so the end is owed.
    let mut late = Outbox::new(written);
    late.reconcile(&standing(&[]), &settings, at(60));
    late.reconcile(&standing(&[]), &settings, at(90));
    assert_eq!(
        tell(&mut late, "chat", &settings, 90),
        said(&[("incident:x", true)])
    );
}

#[test]
fn what_surely_never_arrived_needs_no_end() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let sick = notice("incident:x", Topic::Incident, 0);
    outbox.reconcile(&standing(&[sick]), &settings, at(30));
    let sent = outbox.take_due("chat", 10, at(30));
    let failed = Delivery::Failed {
        why: "connect".to_owned(),
        maybe: false,
        retry_after: None,
    };
    outbox.delivered(&sent[0], &failed, &settings, at(30), 0);
    outbox.reconcile(&standing(&[]), &settings, at(31));
    assert_eq!(outbox.rows().count(), 0);
    assert!(matches!(outbox.changes()[..], [RowChange::Drop(_)]));
}

#[test]
fn what_grows_is_one_message_and_alertmanager_hears_of_it_every_minute() {
    let settings = settings(&["am", "chat"]);
    let mut outbox = Outbox::default();
    let mut sick = notice("incident:x", Topic::Incident, 0);
    let mut told = (0, 0);
    for second in 30..630 {
        sick.count = 2 + u64::try_from(second).unwrap() / 600;
        outbox.reconcile(&standing(std::slice::from_ref(&sick)), &settings, at(second));
        told.0 += tell(&mut outbox, "am", &settings, second).len();
        told.1 += tell(&mut outbox, "chat", &settings, second).len();
    }
    assert_eq!(told, (10, 1));
    sick.count = 400;
    outbox.reconcile(&standing(&[sick]), &settings, at(630));
    assert_eq!(tell(&mut outbox, "chat", &settings, 630).len(), 1);
}

#[test]
fn rows_have_a_bound_and_what_is_left_out_is_counted_once() {
    let settings = settings(&["chat"]);
    let mut outbox = Outbox::default();
    let mut many: Vec<Notice> = (0..1_010)
        .map(|number| notice(&format!("follower:eu/{number:04}"), Topic::Follower, 0))
        .collect();
    many[1_009].severity = Severity::Critical;
    assert_eq!(outbox.reconcile(&standing(&many), &settings, at(30)), 10);
    assert_eq!(outbox.reconcile(&standing(&many), &settings, at(31)), 0);
    assert_eq!(outbox.rows().count(), MOST);
    let first = outbox.take_due("chat", 1, at(31));
    assert_eq!(first[0].notice.severity, Severity::Critical);
}

#[test]
fn rows_of_a_receiver_that_is_gone_are_dropped_and_the_others_stay() {
    let both = settings(&["chat", "pager"]);
    let mut outbox = Outbox::default();
    outbox.reconcile(&standing(&[notice("brake:all", Topic::Brake, 0)]), &both, at(0));
    let one = settings(&["chat"]);
    let gone = outbox.forget_receivers(&one);
    assert_eq!(gone, BTreeMap::from([("pager".to_owned(), 1)]));
    assert_eq!(tell(&mut outbox, "chat", &one, 0), said(&[("brake:all", false)]));
}
