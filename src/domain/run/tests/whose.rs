//! Whose pause, close or resume it is that is seen after a request of ours without an answer.

use super::*;

/// What somebody does while the daemon is away.
type Hands = fn(&mut World);

fn pauses(world: &mut World) {
    world.active = false;
}

fn closes(world: &mut World) {
    world.open = false;
}

/// The daemon dies about its first request of that step, stays away, and goes on until the end.
fn died_about(mut drive: Drive, step: Step, sent: bool, hands: Hands, away: Duration) -> Drive {
    let died = if sent { Way::DiesAfter } else { Way::DiesBefore };
    loop {
        let mut about = false;
        assert!(drive.turn(&mut |now| {
            about |= now == step;
            if now == step { died } else { Way::Fine }
        }));
        if about {
            break;
        }
    }
    hands(&mut drive.world);
    drive.world.pass(away);
    // What people did is not undone: nothing is sent that changes it.
    drive.world.received.clear();
    drive.finish(|_| Way::Fine);
    drive
}

const SOON: Duration = Duration::from_secs(60);
const LATE: Duration = Duration::from_secs(400);

#[test]
fn after_a_restart_what_a_lost_request_did_is_ours() {
    for (step, sent) in [(Step::Pause, true), (Step::Resume, false), (Step::Close, true)] {
        let drive = died_about(lost(), step, sent, |_| {}, SOON);
        assert_eq!(drive.run.end().unwrap().outcome, RunOutcome::Cured, "{step}");
    }
}

#[test]
fn after_a_long_absence_nobody_can_tell_and_a_person_is_asked() {
    let cases: [(Step, bool, Hands); 6] = [
        (Step::Pause, true, |_| {}),
        (Step::Pause, false, pauses),
        (Step::Resume, false, |_| {}),
        (Step::Resume, true, pauses),
        (Step::Close, true, |_| {}),
        (Step::Close, false, closes),
    ];
    for (step, sent, hands) in cases {
        let drive = died_about(lost(), step, sent, hands, LATE);
        let end = drive.run.end().unwrap();
        assert_eq!(
            end.outcome,
            RunOutcome::CannotTell,
            "{step}, sent {sent}: {end:?}"
        );
        assert_eq!(drive.world.received, [], "{step}, sent {sent}");
        assert_eq!(end.held, None, "{step}: it is not known to be ours");
        let must = end.person_must.as_deref().unwrap_or_default();
        assert!(
            must.contains("ask whether somebody did this") && must.contains("_open"),
            "{must}"
        );
    }
}

#[test]
fn a_request_that_surely_never_acted_is_sent_again_however_late_it_is() {
    // Seen still active, open: nothing was done by anybody.
    for step in [Step::Pause, Step::Close] {
        let drive = died_about(lost(), step, false, |_| {}, LATE);
        assert_eq!(drive.run.end().unwrap().outcome, RunOutcome::Cured, "{step}");
    }
}

#[test]
fn backing_out_after_a_long_absence_leaves_alone_what_may_be_somebodys() {
    for (step, hands) in [
        (Step::Pause, pauses as Hands),
        (Step::ResumeBack, pauses),
        (Step::Close, closes),
    ] {
        let mut drive = Drive::new(World::new(), Cause::HistoryLost, LADDER, true);
        if step == Step::ResumeBack {
            while !drive.run.is_proven(Step::Pause) {
                assert!(drive.turn(&mut |_| Way::Fine));
            }
        }
        let mut about = false;
        while !about {
            if step == Step::ResumeBack && drive.run.phase() != Phase::BackingOut {
                drive.write(Event::BackingOut {
                    reason: "a brake".to_owned(),
                });
            }
            assert!(drive.turn(&mut |now| {
                about |= now == step;
                if now == step { Way::DiesBefore } else { Way::Fine }
            }));
        }
        hands(&mut drive.world);
        drive.world.pass(LATE);
        if drive.run.phase() != Phase::BackingOut {
            drive.write(Event::BackingOut {
                reason: "a brake".to_owned(),
            });
        }
        drive.world.received.clear();
        let end = drive.finish(|_| Way::Fine);
        assert_eq!(end.outcome, RunOutcome::CannotTell, "{step}: {end:?}");
        assert_eq!(drive.world.received, [], "{step}");
    }
}

#[test]
fn a_close_that_found_it_closed_is_somebody_elses() {
    // `_close` names what it closed: nothing, where somebody was faster (recording 28).
    let mut drive = lost();
    while drive.run.sent(Step::Close).is_none() {
        assert!(drive.turn(&mut |step| if step == Step::Close {
            Way::FoundClosed
        } else {
            Way::Fine
        }));
    }
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::NotCured, "{end:?}");
    assert_eq!(end.held, Some(Step::Pause), "the pause is ours, the close is not");
    for never in [Step::Follow, Step::Reopen] {
        assert!(
            !drive.world.received.contains(&never),
            "{:?}",
            drive.world.received
        );
    }
}
