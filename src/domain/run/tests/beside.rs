//! Side by side against the same world, in which the name of the copy stands for the follower's: what
//! a run does to the follower itself is that no step of it names it.

use super::*;

/// Every step that a side-by-side run may take that sends something.
const OWN: &[Step] = &[
    Step::FollowBeside,
    Step::DropBeside,
    Step::ResumeRestored,
    Step::RestoreSettings,
];

fn beside() -> Drive {
    let mut world = World::new();
    world.there = false;
    world.uuid = "none";
    world.lease = false;
    let mut drive = Drive::new(world, Cause::HistoryLost, &[Remedy::Recreate], true);
    let Event::Opened { plan, .. } = &mut drive.journal[0].event else {
        unreachable!()
    };
    plan.basis.beside = Some(IndexName::parse("orders-g").unwrap());
    drive.run = Run::replay(&drive.journal).unwrap().unwrap();
    drive
}

#[test]
fn the_copy_is_made_proven_and_handed_to_people_and_holds_nothing_of_the_follower() {
    let mut drive = beside();
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(
        (end.outcome, end.remedy),
        (RunOutcome::Cured, Some(Remedy::Recreate))
    );
    assert_eq!(drive.world.received, [Step::FollowBeside, Step::RestoreSettings]);
    assert!(end.person_must.is_some() && end.held.is_none());
    assert!(!drive.run.replaced(), "what the follower had is still there");
}

#[test]
fn any_lost_request_or_answer_ends_with_the_copy_or_without_a_trace() {
    for way in [
        Way::AnswerLost,
        Way::Swallowed,
        Way::NotSent,
        Way::DiesBefore,
        Way::DiesAfter,
    ] {
        for nth in 0..3 {
            let mut drive = beside();
            let mut count = 0;
            let end = drive.finish(|_| {
                count += 1;
                if count == nth + 1 { way } else { Way::Fine }
            });
            assert_eq!(
                end.outcome,
                RunOutcome::Cured,
                "{way:?} at request {nth}: {end:?}"
            );
            assert_eq!(drive.run.born().map(IndexUuid::as_str), Some("nu"));
        }
    }
}

#[test]
fn a_copy_that_fails_is_deleted_again_by_its_uuid() {
    let mut drive = beside();
    drive.world.store_unusable = true;
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::BackedOut, "{end:?}");
    assert_eq!(drive.world.received, [Step::FollowBeside, Step::DropBeside]);
    assert!(!drive.world.there && end.reason.contains("not touched"));
}

#[test]
fn a_refused_follow_leaves_nothing_behind_and_is_not_repeated() {
    let mut drive = beside();
    drive
        .world
        .refuse
        .insert(Step::FollowBeside, (403, "security_exception"));
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::BackedOut);
    assert_eq!(drive.world.received, [Step::FollowBeside]);
}

#[test]
fn an_index_that_was_there_before_or_is_somebody_elses_is_never_deleted() {
    let mut drive = beside();
    drive.world.there = true;
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Refused, "{end:?}");
    assert!(drive.world.received.is_empty() && drive.world.there);

    // Somebody makes one between our look and our follow, which is refused for it.
    let mut drive = beside();
    let end = drive.finish(|_| Way::Swallowed);
    assert_eq!(end.outcome, RunOutcome::BackedOut);
    let mut drive = beside();
    drive
        .world
        .refuse
        .insert(Step::FollowBeside, (400, "resource_already_exists_exception"));
    let mut turns = 0;
    while drive.turn(&mut |_| Way::Fine) {
        if drive.run.reached(Step::FollowBeside) > 0 {
            drive.world.there = true;
            drive.world.uuid = "theirs";
        }
        turns += 1;
        assert!(turns < 2000);
    }
    assert_eq!(drive.run.end().unwrap().outcome, RunOutcome::CannotTell);
    assert!(drive.world.there && !drive.world.received.contains(&Step::DropBeside));
}

#[test]
fn a_copy_under_an_alias_is_left_to_people_when_it_is_given_up() {
    let mut drive = beside();
    drive.world.aliases = vec!["sales".to_owned()];
    while drive.run.phase() != Phase::Finishing {
        assert!(drive.turn(&mut |_| Way::Fine));
    }
    drive.write(Event::BackingOut {
        reason: "abort".to_owned(),
    });
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::NotCured);
    assert!(drive.world.there && end.person_must.is_some());
}

#[test]
fn the_journal_lets_no_request_pass_that_could_reach_the_follower_or_an_index_of_unknown_uuid() {
    let steps = [
        Step::Pause,
        Step::Resume,
        Step::Close,
        Step::Forget,
        Step::Unfollow,
        Step::Follow,
        Step::ForgetOrphan,
        Step::Delete,
        Step::FollowNew,
        Step::Reopen,
        Step::ResumeBack,
        Step::DropBeside,
    ];
    let mut whole = beside();
    whole.finish(|_| Way::Fine);
    let mut backing = beside();
    for _ in 0..2 {
        backing.turn(&mut |_| Way::Swallowed);
    }
    backing.write(Event::BackingOut {
        reason: "abort".to_owned(),
    });
    for journal in [&whole.journal, &backing.journal] {
        for upto in 1..=journal.len() {
            let run = Run::replay(&journal[..upto]).unwrap().unwrap();
            for step in steps {
                let entry = Entry {
                    format: JOURNAL_FORMAT,
                    run: run.id().clone(),
                    seq: run.last_seq() + 1,
                    at: run.last_at(),
                    event: Event::Intent {
                        step,
                        request: RequestRecord {
                            cluster: ClusterName::parse("eu").unwrap(),
                            method: "POST".to_owned(),
                            target: "/".to_owned(),
                            body: None,
                        },
                        guards: Vec::new(),
                        primary_terms: BTreeMap::new(),
                    },
                };
                let fits = run.clone().apply(&entry).is_ok();
                assert!(!fits, "{step} after entry {upto} in {:?}", run.phase());
            }
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    /// Whatever happens to the requests and whenever it is given up: the run ends, sends only steps of
    /// its own, and leaves no copy that nobody was told of.
    #[test]
    fn no_mixture_of_losses_leaves_a_copy_in_silence(
        ways in proptest::collection::vec(0_u8..12, 0..40),
        turn_to_give_up in proptest::option::of(0_usize..120),
    ) {
        let mut drive = beside();
        let mut ways = ways.into_iter();
        let mut way = move |_| match ways.next() {
            Some(0) => Way::AnswerLost,
            Some(1) => Way::Swallowed,
            Some(2) => Way::NotSent,
            Some(3) => Way::DiesBefore,
            Some(4) => Way::DiesAfter,
            _ => Way::Fine,
        };
        let mut over = false;
        for turn in 0..6000_usize {
            if turn_to_give_up == Some(turn) && drive.run.may_drop() {
                drive.write(Event::BackingOut { reason: "abort".to_owned() });
            }
            if !drive.turn(&mut way) {
                over = true;
                break;
            }
        }
        proptest::prop_assert!(over, "the run does not end");
        let end = drive.run.end().unwrap();
        proptest::prop_assert!(drive.world.received.iter().all(|step| OWN.contains(step)));
        proptest::prop_assert!(
            !drive.world.there || end.person_must.is_some(),
            "{:?} {:?}", end, drive.world
        );
        proptest::prop_assert!(end.held.is_none());
    }
}
