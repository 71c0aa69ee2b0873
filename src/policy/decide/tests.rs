//! Decisions: modes, rules, the approval column, waiting, people's words, limits.

use std::time::Duration;

use proptest::prelude::*;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::facts::{EsVersion, Facts, Series};
use crate::domain::installation::MARKER;
use crate::domain::journal::{RunOutcome, Trigger};
use crate::domain::plan::NO_WISHES;
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::time::after;
use crate::policy::breaker::BreakerOpen;
use crate::policy::decide::{Assessment, Moment, decide};
use crate::policy::fixture::{Case, ago, ended, flying, now, seen, some, uuid, verdict};
use crate::policy::settings::{Action, Mode};
use crate::policy::{build_plan, consent, new_record, reject};

fn kind(case: &Case) -> DecisionKind {
    decide(&case.moment()).decision.kind
}

fn record(case: &Case) -> PlanRecord {
    let plan = build_plan(&case.verdict, &case.facts, &case.memory, &NO_WISHES, ago(30)).unwrap();
    new_record(plan, ago(30), &case.settings, None)
}

fn approved(case: &Case) -> PlanRecord {
    consent(&record(case), "ann", None, ago(10), 1).unwrap()
}

fn with(case: &Case, existing: &PlanRecord) -> Assessment {
    decide(&Moment {
        existing: Some(existing),
        ..case.moment()
    })
}

#[test]
fn the_weaker_of_mode_and_rule_is_what_happens() {
    use DecisionKind::{Act, Alert, Ask};
    for (mode, rule, expected) in [
        (Mode::Observe, Some(Action::Auto), Alert),
        (Mode::Observe, None, Alert),
        (Mode::Ask, Some(Action::Auto), Ask),
        (Mode::Ask, Some(Action::Alert), Alert),
        (Mode::Ask, None, Ask),
        (Mode::Auto, Some(Action::Auto), Act),
        (Mode::Auto, Some(Action::Ask), Ask),
        (Mode::Auto, Some(Action::Alert), Alert),
        (Mode::Auto, None, Ask),
    ] {
        let mut case = Case::lost();
        case.settings.mode = mode;
        match rule {
            Some(action) => case.settings.rules[0].action = action,
            None => case.settings.rules.clear(),
        }
        let assessment = decide(&case.moment());
        assert_eq!(
            assessment.decision.kind, expected,
            "{mode:?} {rule:?} {:?}",
            assessment.decision.reasons
        );
        assert!(!assessment.decision.reasons.is_empty());
    }
}

#[test]
fn the_first_rule_that_matches_counts_and_an_empty_selector_selects_nothing() {
    let mut case = Case::lost();
    let mut never = case.settings.rules[0].clone();
    never.causes = Vec::new();
    never.action = Action::Alert;
    case.settings.rules.insert(0, never.clone());
    assert_eq!(kind(&case), DecisionKind::Act);
    never.causes = vec![Cause::HistoryLost];
    case.settings.rules.insert(0, never);
    assert_eq!(kind(&case), DecisionKind::Alert);
}

#[test]
fn an_act_names_its_trigger_its_rungs_and_its_plan() {
    let case = Case::lost();
    let assessment = decide(&case.moment());
    assert_eq!(assessment.trigger, Some(Trigger::Policy { rule: Some(1) }));
    assert_eq!(assessment.rungs, [Remedy::Resume, Remedy::Recreate]);
    assert!(assessment.plan.is_some());
    assert!(assessment.decision.guards.len() > 50, "all guards are listed");
}

#[test]
fn always_asks_in_every_mode_and_never_is_told_to_people() {
    for cause in Cause::ALL {
        let mut case = Case::lost();
        case.verdict = verdict(*cause);
        // Long after every wait.
        let assessment = decide(&Moment {
            waited_since: Some(ago(86_400)),
            ..case.moment()
        });
        let kind = assessment.decision.kind;
        match cause.approval() {
            Approval::Never => assert_eq!(kind, DecisionKind::Alert, "{cause}"),
            Approval::Always => assert_ne!(kind, DecisionKind::Act, "{cause}"),
            _ => {}
        }
        if cause.ladder().first() == Some(&Remedy::Human) {
            assert_ne!(kind, DecisionKind::Act, "{cause}: a person comes first");
        }
    }
}

#[test]
fn a_wait_ends_after_an_hour_or_half_the_runway() {
    let mut case = Case::lost();
    case.verdict = verdict(Cause::LeaderUnavailable);
    let at = |seconds: i64, runway: Option<u64>| {
        decide(&Moment {
            waited_since: Some(ago(seconds)),
            runway_expires_at: runway.map(|left| after(now(), Duration::from_secs(left))),
            ..case.moment()
        })
        .decision
        .kind
    };
    assert_eq!(at(3599, None), DecisionKind::Wait);
    assert_eq!(at(3600, None), DecisionKind::Alert);
    // 1000 s have passed and 1001 are left: half of 2001 has not passed.
    assert_eq!(at(1000, Some(1001)), DecisionKind::Wait);
    assert_eq!(at(1000, Some(999)), DecisionKind::Alert);
}

#[test]
fn a_dead_task_is_resumed_once_the_remote_is_connected_again() {
    let mut case = Case::lost();
    case.verdict = verdict(Cause::RemoteUnreachable);
    let assessment = decide(&case.moment());
    assert_eq!(
        assessment.decision.kind,
        DecisionKind::Act,
        "{:?}",
        assessment.decision.reasons
    );
    assert_eq!(assessment.rungs, [Remedy::Resume]);
    let mut remote = case.facts.follower.remote.present().cloned().unwrap();
    remote.connected = Some(false);
    case.facts.follower.remote = some(remote);
    assert_eq!(kind(&case), DecisionKind::Wait);
}

#[test]
fn nothing_is_done_before_the_verdict_has_held() {
    let case = Case::lost();
    let once = Moment {
        held_for_looks: 1,
        ..case.moment()
    };
    assert_eq!(decide(&once).decision.kind, DecisionKind::Wait);
}

#[test]
fn an_approval_acts_where_auto_would_not_and_only_for_its_own_plan() {
    let mut case = Case::lost();
    case.settings.mode = Mode::Ask;
    let record = approved(&case);
    let assessment = with(&case, &record);
    assert_eq!(assessment.decision.kind, DecisionKind::Act);
    assert_eq!(
        assessment.trigger,
        Some(Trigger::Approved {
            by: vec!["ann".to_owned()]
        })
    );
    // In `observe` nothing is written, approved or not.
    case.settings.mode = Mode::Observe;
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Alert);
    case.settings.mode = Mode::Ask;
    // The facts changed: void, and a new plan waits.
    let mut settings = case.facts.follower.settings.present().cloned().unwrap();
    settings.insert("index.priority".to_owned(), "9".to_owned());
    case.facts.follower.settings = some(settings);
    let assessment = with(&case, &record);
    assert_eq!(assessment.decision.kind, DecisionKind::Ask);
    assert!(assessment.existing_void.unwrap().contains("own_settings"));
}

#[test]
fn an_approved_plan_waits_while_a_guard_holds_and_expires() {
    let mut case = Case::lost();
    let mut record = approved(&case);
    case.world.brakes = Seen::Present(vec![Brake {
        scope: BrakeScope::Recreate,
        owner: "bob".to_owned(),
        reason: "audit".to_owned(),
        engaged_at: ago(5),
        expires_at: None,
    }]);
    let assessment = with(&case, &record);
    assert_eq!(assessment.decision.kind, DecisionKind::Wait);
    assert!(
        assessment
            .decision
            .reasons
            .iter()
            .any(|reason| reason.contains("audit"))
    );
    case.world.brakes = Seen::Absent;
    case.settings.mode = Mode::Ask;
    record.expires_at = now();
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Ask);
}

#[test]
fn a_rejection_stands_until_the_facts_change() {
    let mut case = Case::lost();
    let record = reject(&record(&case), "ann", "not now", ago(5)).unwrap();
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Alert);
    let mut stats = case.facts.leader.index.present().cloned().unwrap();
    // Counters are not what a plan is decided from.
    stats.docs = Some(2000);
    case.facts.leader.index = some(stats);
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Alert);
    case.memory.aliases = Some([("a".to_owned(), "{}".to_owned())].into_iter().collect());
    case.facts.follower.aliases = Series::default();
    assert_ne!(with(&case, &record).decision.kind, DecisionKind::Alert);
}

#[test]
fn looks_that_fail_void_no_plan() {
    let mut case = Case::lost();
    let record = approved(&case);
    case.facts.leader.index = seen(Seen::unknown("timeout"));
    let assessment = with(&case, &record);
    assert_eq!(assessment.decision.kind, DecisionKind::Wait);
    assert_eq!(assessment.existing_void, None);
    case.verdict = verdict(Cause::Unknown);
    assert_eq!(with(&case, &record).existing_void, None);
    case.verdict = verdict(Cause::RemoteUnreachable);
    let mut remote = case.facts.follower.remote.present().cloned().unwrap();
    remote.connected = Some(false);
    case.facts.follower.remote = some(remote);
    assert_eq!(with(&case, &record).existing_void, None);
    case.verdict = verdict(Cause::None);
    let assessment = with(&case, &record);
    assert_eq!(assessment.decision.kind, DecisionKind::Leave);
    assert!(assessment.existing_void.is_some());
}

#[test]
fn an_open_breaker_turns_auto_into_ask_and_a_later_approval_passes_it() {
    let mut case = Case::lost();
    let open = |since| BreakerOpen {
        since,
        below_since: None,
        unhealthy: 40,
        of: 100,
        closes_at: None,
    };
    case.world.breaker.overall = Some(open(ago(20)));
    assert_eq!(kind(&case), DecisionKind::Ask);
    // Approved ten seconds ago: after it opened.
    let record = approved(&case);
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Act);
    case.world.breaker.overall = Some(open(ago(5)));
    assert_eq!(with(&case, &record).decision.kind, DecisionKind::Wait);
    // Resumes go on.
    case.verdict = verdict(Cause::Unclassified);
    assert_eq!(kind(&case), DecisionKind::Act);
}

#[test]
fn limits_turn_auto_into_ask() {
    type Way = (&'static str, fn(&mut Case));
    let ways: &[Way] = &[
        ("size", |case| case.settings.limits.recreate_max_bytes = 1),
        ("duration", |case| {
            case.settings.limits.recreate_max_duration = Duration::ZERO;
        }),
        ("per follower", |case| {
            let mut run = ended("orders-f", Remedy::Recreate, RunOutcome::Cured, 6 * 86_400, 1);
            run.lineage = uuid("F");
            case.world.past.push(run);
        }),
        ("7.7", |case| {
            let mut root = case.facts.follower.root.present().cloned().unwrap();
            root.version = EsVersion::parse("7.8.1").unwrap();
            case.facts.follower.root = some(root);
        }),
        ("not enforced", |case| {
            case.settings.unenforced.push("blockers".to_owned());
        }),
        ("not cured", |case| {
            case.world
                .past
                .push(ended("orders-f", Remedy::Resume, RunOutcome::NotCured, 86_400, 0));
        }),
        ("no fatal shard", |case| {
            let mut stats = case.facts.follower.stats.present().cloned().unwrap();
            stats.shards.get_mut(&1).unwrap().fatal_exception = Seen::Absent;
            case.facts.follower.stats = some(stats);
        }),
    ];
    for (name, way) in ways {
        let mut case = Case::lost();
        way(&mut case);
        let assessment = decide(&case.moment());
        assert_eq!(
            assessment.decision.kind,
            DecisionKind::Ask,
            "{name} {:?}",
            assessment.decision.reasons
        );
    }
}

#[test]
fn a_run_that_was_stopped_is_not_repeated_at_once_and_rests_longer_each_time() {
    let mut case = Case::lost();
    case.world
        .past
        .push(ended("orders-f", Remedy::Resume, RunOutcome::BackedOut, 40, 0));
    assert_eq!(kind(&case), DecisionKind::Wait);
    case.world.past[0] = ended("orders-f", Remedy::Resume, RunOutcome::BackedOut, 71, 0);
    assert_eq!(kind(&case), DecisionKind::Act);
    case.world
        .past
        .push(ended("orders-f", Remedy::Resume, RunOutcome::BackedOut, 3700, 0));
    assert_eq!(kind(&case), DecisionKind::Wait);
}

#[test]
fn what_is_observe_only_is_told_and_never_asked() {
    let mut case = Case::lost();
    case.facts.leader_cluster = None;
    assert_eq!(kind(&case), DecisionKind::Alert);
    let mut case = Case::lost();
    case.facts
        .follower
        .cluster_settings
        .0
        .iter_mut()
        .for_each(|seen| {
            seen.value = Seen::Present(
                std::collections::BTreeMap::from([(MARKER.to_owned(), "another".to_owned())]).into(),
            );
        });
    assert_eq!(kind(&case), DecisionKind::Alert);
}

#[test]
fn a_follower_with_a_run_in_flight_waits_for_it() {
    let mut case = Case::lost();
    case.world.in_flight.push(flying("orders-f", Remedy::Recreate, 1));
    assert_eq!(kind(&case), DecisionKind::Wait);
}

#[test]
fn what_is_held_back_for_an_hour_is_asked_about() {
    let mut case = Case::lost();
    case.facts.follower.disks = Series::default();
    assert_eq!(kind(&case), DecisionKind::Wait);
    let late = Moment {
        waited_since: Some(ago(3601)),
        ..case.moment()
    };
    assert_eq!(decide(&late).decision.kind, DecisionKind::Ask);
}

#[test]
fn what_is_approved_and_held_back_for_an_hour_is_told_and_starts_all_the_same_once_nothing_holds_it() {
    let mut case = Case::lost();
    let mut record = approved(&case);
    let disks = std::mem::take(&mut case.facts.follower.disks);
    let at = |case: &Case, record: &PlanRecord, waited: i64| {
        let moment = Moment {
            waited_since: Some(ago(waited)),
            existing: Some(record),
            ..case.moment()
        };
        decide(&moment).decision
    };
    let consented = |record: &mut PlanRecord, seconds: i64| {
        for consent in &mut record.consents {
            consent.at = ago(seconds);
        }
    };
    // It was waited for long before anybody approved it: the wait begins with the approval.
    consented(&mut record, 60);
    assert_eq!(at(&case, &record, 9000).kind, DecisionKind::Wait);
    consented(&mut record, 3601);
    let told = at(&case, &record, 9000);
    assert_eq!(told.kind, DecisionKind::Alert, "{:?}", told.reasons);
    assert!(told.reasons.iter().any(|reason| reason.contains("held back by")));
    case.facts.follower.disks = disks;
    assert_eq!(at(&case, &record, 9000).kind, DecisionKind::Act);
}

#[test]
fn a_recreate_that_a_person_asked_for_still_needs_its_approval_and_every_guard() {
    let mut case = Case::lost();
    case.verdict = verdict(Cause::None);
    let mut wanted = case.verdict.clone();
    wanted.ladder = vec![Remedy::Recreate];
    wanted.approval = Approval::Always;
    let plan = build_plan(&wanted, &case.facts, &case.memory, &NO_WISHES, ago(30)).unwrap();
    let pending = new_record(plan, ago(30), &case.settings, Some("ann".to_owned()));
    assert_eq!(with(&case, &pending).decision.kind, DecisionKind::Ask);
    let approved = consent(&pending, "bob", None, ago(5), 1).unwrap();
    let assessment = with(&case, &approved);
    assert_eq!(
        assessment.decision.kind,
        DecisionKind::Act,
        "{:?}",
        assessment.decision.reasons
    );
    case.facts.follower.disks = Series::default();
    assert_eq!(with(&case, &approved).decision.kind, DecisionKind::Wait);
    // Once it has run, the healthy follower is left alone again.
    let mut done = approved;
    done.state = PlanState::Done {
        run: crate::domain::ids::RunId::parse("r").unwrap(),
    };
    assert_eq!(with(&case, &done).decision.kind, DecisionKind::Leave);
}

/// Everything that a look can fail to see.
const FORGET: &[fn(&mut Facts)] = &[
    |f| f.follower.root = Series::default(),
    |f| f.follower.license = Series::default(),
    |f| f.follower.stats = Series::default(),
    |f| f.follower.info = Series::default(),
    |f| f.follower.remote = Series::default(),
    |f| f.follower.meta = Series::default(),
    |f| f.follower.settings = Series::default(),
    |f| f.follower.routing = Series::default(),
    |f| f.follower.health = Series::default(),
    |f| f.follower.cluster_health = Series::default(),
    |f| f.follower.recovery = Series::default(),
    |f| f.follower.index = Series::default(),
    |f| f.follower.aliases = Series::default(),
    |f| f.follower.tasks = Series::default(),
    |f| f.follower.ilm = Series::default(),
    |f| f.follower.cluster_settings = Series::default(),
    |f| f.follower.nodes = Series::default(),
    |f| f.follower.data_stream = Series::default(),
    |f| f.follower.disks = Series::default(),
    |f| f.follower.snapshots = Series::default(),
    |f| f.follower.auto_follow = Series::default(),
    |f| f.follower.privileges = Series::default(),
    |f| f.follower.total_shards = Series::default(),
    |f| f.follower.count_through_alias = Series::default(),
    |f| f.leader.root = Series::default(),
    |f| f.leader.license = Series::default(),
    |f| f.leader.index = Series::default(),
    |f| f.leader.meta = Series::default(),
    |f| f.leader.settings = Series::default(),
    |f| f.leader.health = Series::default(),
    |f| f.leader.cluster_health = Series::default(),
    |f| f.leader.ilm = Series::default(),
    |f| f.leader.nodes = Series::default(),
    |f| f.leader.privileges = Series::default(),
    |f| f.leader_cluster = None,
    |f| f.remote = None,
];

/// Ways in which the pair or the policy is not in order.
const TROUBLE: &[fn(&mut Case)] = &[
    |c| c.settings.mode = Mode::Ask,
    |c| c.settings.mode = Mode::Observe,
    |c| c.settings.rules.clear(),
    |c| c.world.brake_file = Seen::Present(true),
    |c| c.settings.limits.recreate_max_bytes = 1,
    |c| c.settings.limits.bytes_per_day = 1,
    |c| c.verdict = verdict(Cause::LeaderReplaced),
    |c| c.verdict = verdict(Cause::LeaderDeleted),
    |c| c.verdict = verdict(Cause::Unclassified),
    |c| c.memory.leader_index_uuid = None,
    |c| c.memory.remote_addresses = Some(vec!["10.0.0.2:9300".to_owned()]),
    |c| {
        let mut stats = c.facts.leader.index.present().cloned().unwrap();
        stats.docs = Some(10);
        c.facts.leader.index = some(stats);
    },
    |c| {
        let mut health = c.facts.leader.health.present().cloned().unwrap();
        health.active_primary_shards = Some(0);
        c.facts.leader.health = some(health);
    },
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    /// Safety 10: whoever sees less dares not more.
    #[test]
    fn seeing_less_never_acts_where_seeing_more_did_not(
        trouble in proptest::collection::vec(0..TROUBLE.len(), 0..3),
        forget in proptest::collection::vec(0..FORGET.len(), 1..6),
    ) {
        let mut case = Case::lost();
        for number in trouble {
            TROUBLE[number](&mut case);
        }
        let before = decide(&case.moment());
        for number in forget {
            FORGET[number](&mut case.facts);
            let after = decide(&case.moment());
            if before.decision.kind != DecisionKind::Act {
                prop_assert_ne!(after.decision.kind, DecisionKind::Act);
            }
            prop_assert!(!after.decision.reasons.is_empty());
        }
    }

    /// An act is never decided while a guard does not pass.
    #[test]
    fn an_act_has_only_guards_that_pass(
        trouble in proptest::collection::vec(0..TROUBLE.len(), 0..3),
        forget in proptest::collection::vec(0..FORGET.len(), 0..3),
        approve in any::<bool>(),
    ) {
        let mut case = Case::lost();
        let record = approved(&case);
        for number in trouble {
            TROUBLE[number](&mut case);
        }
        for number in forget {
            FORGET[number](&mut case.facts);
        }
        let assessment = decide(&Moment { existing: approve.then_some(&record), ..case.moment() });
        if assessment.decision.kind == DecisionKind::Act {
            prop_assert!(assessment.decision.guards.iter().all(crate::domain::decision::GuardResult::passes));
            prop_assert!(assessment.trigger.is_some());
            prop_assert!(assessment.plan.is_some());
        } else {
            prop_assert!(assessment.trigger.is_none());
        }
    }
}

#[test]
fn what_retries_without_a_known_cause_waits_an_hour_and_is_told_then() {
    let mut case = Case::lost();
    case.verdict = verdict(Cause::None);
    case.verdict.state = State::Retrying;
    case.memory.history.state = Some(State::Retrying);
    for (since, expected) in [(59 * 60, DecisionKind::Wait), (60 * 60, DecisionKind::Alert)] {
        case.memory.history.state_since = Some(ago(since));
        assert_eq!(kind(&case), expected, "{since} s");
    }
    case.verdict.state = State::Following;
    assert_eq!(kind(&case), DecisionKind::Leave);
}

#[test]
fn a_plan_waits_where_not_all_that_it_rests_on_could_be_seen() {
    let case = Case::lost();
    let mut blind = Case::lost();
    blind.verdict.ladder = vec![Remedy::Resume, Remedy::Human];
    blind.verdict.approval = Approval::Never;
    for (existing, expected) in [
        (record(&case), DecisionKind::Ask),
        (approved(&case), DecisionKind::Wait),
    ] {
        let held = with(&blind, &existing);
        assert_eq!((held.decision.kind, held.existing_void), (expected, None));
    }
    blind.verdict = verdict(Cause::LeaderDeleted);
    let told = with(&blind, &record(&case));
    assert!(told.existing_void.is_some(), "another cause ends it");
}
