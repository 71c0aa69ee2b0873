//! The guards of side by side.

use super::*;
use crate::domain::facts::IndexMeta;
use crate::domain::ids::{IndexName, RunId};
use crate::domain::memory::Beside;
use crate::domain::plan::Override;
use crate::policy::guards::{OVERRIDABLE_BESIDE, Question};

/// The pair in order, and a wish for a copy under a name that is free.
fn beside() -> Case {
    let mut case = Case::at(Stage::BeforeRun);
    let name = IndexName::parse("orders-g").unwrap();
    case.wishes.beside = Some(name.clone());
    let mut there = case.facts.clone();
    there.key.index = name.clone();
    there.follower.meta = seen(Seen::Absent);
    case.beside = Some(there);
    if let Some(run) = &mut case.run {
        run.basis.beside = Some(name);
        run.basis.ladder = vec![Remedy::Recreate];
        run.resume_accepted_at = None;
        run.fatal_again = false;
        run.paused_by_us = false;
    }
    case.verdict.ladder = vec![Remedy::Recreate];
    case
}

fn answers(case: &Case, stage: Stage) -> Vec<GuardResult> {
    evaluate(&Question {
        approved_at: Some(now()),
        ..case.question(stage, Remedy::Recreate)
    })
}

fn failing(case: &Case, stage: Stage) -> Vec<String> {
    answers(case, stage)
        .into_iter()
        .filter(|guard| !guard.passes())
        .map(|guard| format!("{} {}", guard.name, guard.verdict))
        .collect()
}

#[test]
fn a_pair_in_order_passes_and_nothing_is_asked_about_closing_or_the_followers_lease() {
    for stage in [Stage::BeforeRun, Stage::BeforeFollowBeside] {
        let case = beside();
        assert_eq!(failing(&case, stage), Vec::<String>::new(), "{stage:?}");
        let asked: Vec<String> = answers(&case, stage)
            .into_iter()
            .map(|guard| guard.name)
            .collect();
        for name in [
            "lease",
            "close_enabled",
            "room_to_reopen",
            "snapshot_of_follower",
            "beside_copy",
        ] {
            assert!(!asked.iter().any(|asked| asked == name), "{name} at {stage:?}");
        }
        // The leader must be the rightful one, and healthy, as for any copy.
        for name in [
            "same_leader",
            "same_history",
            "documents_not_fewer",
            "leader_healthy",
            "disk",
            "alias_proven",
        ] {
            assert!(asked.iter().any(|asked| asked == name), "{name} at {stage:?}");
        }
    }
}

#[test]
fn each_guard_of_side_by_side_blocks_for_its_own_reason() {
    type Spoil = (&'static str, fn(&mut Case));
    let spoils: &[Spoil] = &[
        ("beside_name block", |case| {
            case.wishes.beside = Some(case.facts.key.index.clone());
        }),
        ("beside_name block", |case| {
            case.beside.as_mut().unwrap().follower.meta = some(IndexMeta::default());
        }),
        ("beside_name unknown", |case| {
            case.beside.as_mut().unwrap().follower.meta = seen(Seen::unknown("timeout"));
        }),
        ("beside_name unknown", |case| case.beside = None),
        ("beside_no_data_stream block", |case| {
            case.facts.follower.data_stream = seen(Seen::Present("logs".to_owned()));
        }),
        ("alias_counts_once block", |case| {
            change(&mut case.facts.leader.meta, |meta| {
                meta.aliases = vec!["sales".to_owned()];
            });
        }),
        ("room_for_copy block", |case| {
            case.facts.follower.total_shards = some(1000);
        }),
        ("room_for_copy unknown", |case| {
            case.facts.follower.total_shards = Series::default();
        }),
        ("copy_privileges block", |case| {
            case.beside.as_mut().unwrap().follower.privileges = some(
                [
                    ("cluster:manage_ccr", true),
                    ("index:manage_follow_index", false),
                    ("index:manage", true),
                ]
                .map(|(name, may)| (name.to_owned(), may))
                .into(),
            );
        }),
        ("disk block", |case| {
            change(&mut case.facts.follower.disks, |disks| {
                for disk in disks {
                    disk.available_bytes = Some(0);
                }
            });
        }),
    ];
    for (wanted, spoil) in spoils {
        let mut case = beside();
        spoil(&mut case);
        let failing = failing(&case, Stage::BeforeFollowBeside);
        assert!(failing.iter().any(|name| name == wanted), "{wanted}: {failing:?}");
    }
}

#[test]
fn an_alias_that_counts_twice_and_the_last_copy_are_overridden_by_name_and_index_alone() {
    let spoil = |case: &mut Case, fact: &str, index: &str| {
        change(&mut case.facts.leader.meta, |meta| {
            meta.aliases = vec!["sales".to_owned()];
        });
        case.wishes.overrides = vec![Override {
            index: IndexName::parse(index).unwrap(),
            fact: fact.to_owned(),
            person: "ann".to_owned(),
        }];
    };
    let mut case = beside();
    let index = case.facts.key.index.to_string();
    spoil(&mut case, OVERRIDABLE_BESIDE, &index);
    assert_eq!(failing(&case, Stage::BeforeFollowBeside), Vec::<String>::new());
    for (fact, typed) in [(OVERRIDABLE_BESIDE, "other"), ("disk", index.as_str())] {
        let mut case = beside();
        spoil(&mut case, fact, typed);
        assert_eq!(
            failing(&case, Stage::BeforeFollowBeside),
            ["alias_counts_once block"]
        );
    }
}

#[test]
fn while_a_copy_stands_beside_it_the_follower_is_given_up_only_by_a_person() {
    let mut case = Case::lost();
    case.memory.beside = Some(Beside {
        index: IndexName::parse("orders-g").unwrap(),
        uuid: uuid("copy"),
        of: case.facts.follower_uuid().unwrap(),
        run: RunId::parse("r0").unwrap(),
        proven: true,
    });
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "beside_copy"),
        GuardVerdict::Block
    );
    let approved = evaluate(&Question {
        approved_at: Some(now()),
        ..case.question(Stage::Plan, Remedy::Recreate)
    });
    assert!(
        approved
            .iter()
            .any(|guard| guard.name == "beside_copy" && guard.passes())
    );
    // Another index since then: it has no copy.
    case.memory.beside.as_mut().unwrap().of = uuid("another");
    assert_eq!(
        verdict_of(&case, Stage::Plan, Remedy::Recreate, "beside_copy"),
        GuardVerdict::Pass
    );
}
