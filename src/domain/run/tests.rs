//! The run against a world of a dozen fields that loses answers, refuses and forgets.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::domain::cause::{Approval, Cause};
use crate::domain::facts::FollowStatus;
use crate::domain::ids::{ClusterName, ClusterUuid, IndexName, IndexUuid, RemoteAlias};
use crate::domain::journal::{JOURNAL_FORMAT, RequestRecord};
use crate::domain::plan::{PLAN_FORMAT, PlanBasis, PlanFigures};
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::time::after;
use crate::domain::verdict::{Identity, Verdict};

fn plan(cause: Cause, ladder: &[Remedy]) -> Plan {
    let basis = PlanBasis {
        cluster: ClusterName::parse("eu").unwrap(),
        cluster_uuid: ClusterUuid::parse("cu-eu").unwrap(),
        follower: IndexName::parse("orders-f").unwrap(),
        follower_uuid: IndexUuid::parse("fu").unwrap(),
        remote: RemoteAlias::parse("lead").unwrap(),
        leader_cluster: Some(ClusterName::parse("us").unwrap()),
        leader_cluster_uuid: Some(ClusterUuid::parse("cu-us").unwrap()),
        leader: IndexName::parse("orders").unwrap(),
        leader_uuid: Some(IndexUuid::parse("lu").unwrap()),
        leader_uuid_followed: Some(IndexUuid::parse("lu").unwrap()),
        shards: Vec::new(),
        shard_count: 1,
        cause,
        ladder: ladder.to_vec(),
        parameters: BTreeMap::new(),
        own_settings: BTreeMap::new(),
        aliases: BTreeMap::new(),
        data_stream: None,
        overrides: Vec::new(),
        extend_runway: None,
    };
    Plan {
        format: PLAN_FORMAT,
        hash: basis.hash().unwrap(),
        basis,
        approval: Approval::Policy,
        created_at: Timestamp::UNIX_EPOCH,
        figures: PlanFigures::default(),
        evidence: Vec::new(),
    }
}

fn verdict(state: State, cause: Cause) -> Verdict {
    Verdict {
        state,
        cause,
        also: Vec::new(),
        ladder: cause.ladder().to_vec(),
        approval: cause.approval(),
        identity: Identity::Proven,
        flapping: false,
        evidence: Vec::new(),
    }
}

/// A follower and its leader, reduced to what a run can see and change.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one thing that a cluster shows"
)]
struct World {
    now: Timestamp,
    uuid: &'static str,
    open: bool,
    active: bool,
    ccr: bool,
    lease: bool,
    /// The history is gone: fatal while active, until copied again.
    history_lost: bool,
    copied: bool,
    copying_until: Option<Timestamp>,
    resumes_by_itself: bool,
    own_settings_lost: bool,
    red: bool,
    since: BTreeMap<&'static str, Timestamp>,
    /// What reached the cluster, in order, with whether it looked between.
    received: Vec<Step>,
    looks_since_put: u32,
    puts_without_look: u32,
    refuse: BTreeMap<Step, (u16, &'static str)>,
}

impl World {
    fn new() -> Self {
        Self {
            now: Timestamp::from_second(1_800_000_000).unwrap(),
            uuid: "fu",
            open: true,
            active: true,
            ccr: true,
            lease: true,
            history_lost: true,
            copied: false,
            copying_until: None,
            resumes_by_itself: true,
            own_settings_lost: false,
            red: false,
            since: BTreeMap::new(),
            received: Vec::new(),
            looks_since_put: 1,
            puts_without_look: 0,
            refuse: BTreeMap::new(),
        }
    }

    fn pass(&mut self, length: Duration) {
        self.now = after(self.now, length);
        if self.copying_until.is_some_and(|end| end <= self.now) {
            self.copying_until = None;
            if self.resumes_by_itself {
                self.active = true;
            }
        }
    }

    fn receive(&mut self, step: Step) -> StepAnswer {
        self.received.push(step);
        let refused = |status, kind: &str| StepAnswer::Refused {
            status,
            kind: kind.to_owned(),
            reason: "no".to_owned(),
        };
        if step == Step::Follow {
            if self.looks_since_put == 0 {
                self.puts_without_look += 1;
            }
            self.looks_since_put = 0;
        }
        if let Some((status, kind)) = self.refuse.get(&step) {
            return refused(*status, kind);
        }
        match step {
            Step::Pause if !self.active => return refused(400, "illegal_argument_exception"),
            Step::Pause => self.active = false,
            Step::Resume | Step::ResumeBack | Step::ResumeRestored if self.active => {
                return refused(400, "resource_already_exists_exception");
            }
            Step::Resume | Step::ResumeBack | Step::ResumeRestored
                if !self.open || self.copying_until.is_some() =>
            {
                return refused(400, "illegal_argument_exception");
            }
            Step::Resume | Step::ResumeBack | Step::ResumeRestored => self.active = true,
            Step::Close => self.open = false,
            Step::Reopen => self.open = true,
            Step::Forget => self.lease = false,
            Step::Follow if self.open => return refused(500, "snapshot_restore_exception"),
            Step::Follow => {
                self.open = true;
                self.copied = true;
                self.history_lost = false;
                self.own_settings_lost = true;
                self.red = self.lease;
                self.copying_until = (!self.lease).then(|| after(self.now, Duration::from_secs(10)));
                self.lease = !self.red;
            }
            Step::RestoreSettings => self.own_settings_lost = false,
            Step::LookAgain | Step::ProveResume | Step::WatchRecovery | Step::Verify => unreachable!(),
        }
        StepAnswer::Accepted {
            status: 200,
            body: String::new(),
        }
    }

    fn state(&self) -> (State, Cause) {
        if !self.open {
            (State::Closed, Cause::FollowerClosed)
        } else if self.copying_until.is_some() {
            (State::Restoring, Cause::Restoring)
        } else if self.red {
            (State::Red, Cause::RestoreFailed)
        } else if !self.active {
            (State::Paused, Cause::Paused)
        } else if self.history_lost {
            (State::Fatal, Cause::HistoryLost)
        } else {
            (State::Following, Cause::None)
        }
    }

    fn look(&mut self) -> Position {
        self.looks_since_put += 1;
        let (state, cause) = self.state();
        let holds = [
            ("following", state == State::Following),
            ("fatal", state == State::Fatal),
            ("closed", state == State::Closed),
            ("restored_paused", state == State::Paused && self.copied),
            ("failed", state == State::Red),
        ];
        for (name, holds) in holds {
            if holds {
                self.since.entry(name).or_insert(self.now);
            } else {
                self.since.remove(name);
            }
        }
        let since = |name: &str| self.since.get(name).copied();
        let started = self.open && self.copying_until.is_none() && !self.red;
        Position {
            now: self.now,
            looked_at: self.now,
            follower_uuid: Seen::Present(IndexUuid::parse(self.uuid).unwrap()),
            index: Seen::Present(if self.open {
                IndexState::Open
            } else {
                IndexState::Closed
            }),
            follow: if self.ccr {
                Seen::Present(if self.active {
                    FollowStatus::Active
                } else {
                    FollowStatus::Paused
                })
            } else {
                Seen::Absent
            },
            tasks_left: Seen::Present(self.active),
            primary_terms: Seen::unknown("not asked"),
            copied: Seen::Present(self.copied),
            restore: Seen::Present(if self.copying_until.is_some() {
                Restore::Running {
                    bytes: 1,
                    total: None,
                }
            } else if self.red {
                Restore::Failed {
                    reason: "lease".to_owned(),
                }
            } else if self.copied {
                Restore::Done
            } else {
                Restore::None
            }),
            primaries_started: Seen::Present(started),
            lease: if self.lease {
                Seen::Present(())
            } else {
                Seen::Absent
            },
            verdict: verdict(state, cause),
            since: Since {
                following: since("following"),
                fatal: since("fatal"),
                closed: since("closed"),
                restored_paused: since("restored_paused"),
                failed: since("failed"),
                ..Since::default()
            },
            proof: Proof {
                leases_fresh: Seen::Present(state == State::Following),
                lag: Seen::Present(0),
                checkpoints_equal: Seen::Present(state == State::Following),
                documents: Seen::Present(Documents {
                    follower: 5,
                    leader: 5,
                }),
                documents_equal: Seen::Present(state == State::Following),
                settings: Seen::Present(if self.own_settings_lost {
                    BTreeMap::from([("index.priority".to_owned(), Some("9".to_owned()))])
                } else {
                    BTreeMap::new()
                }),
                parameters: Seen::Present(Vec::new()),
            },
        }
    }
}

/// How one request fares on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Fine,
    /// It acts, and the answer is lost.
    AnswerLost,
    /// It is lost on the way, and nobody can tell.
    Swallowed,
    /// Surely not sent.
    NotSent,
    /// The daemon dies between intent and request, and comes back.
    DiesBefore,
    /// The daemon dies between request and answer, and comes back.
    DiesAfter,
}

struct Drive {
    world: World,
    journal: Vec<Entry>,
    run: Run,
    limits: Limits,
}

impl Drive {
    fn new(world: World, cause: Cause, ladder: &[Remedy], was_active: bool) -> Self {
        let opened = Entry {
            format: JOURNAL_FORMAT,
            run: RunId::parse("r1").unwrap(),
            seq: 1,
            at: world.now,
            event: Event::Opened {
                plan: Box::new(plan(cause, ladder)),
                trigger: Trigger::Policy { rule: Some(1) },
                before: Box::new(Before {
                    was_active,
                    undo: vec!["curl -XPOST …/_open".to_owned()],
                    ..Before::default()
                }),
                attempt: 0,
            },
        };
        Self {
            world,
            run: Run::open(&opened).unwrap(),
            journal: vec![opened],
            limits: Limits::default(),
        }
    }

    fn write(&mut self, event: Event) {
        let entry = Entry {
            format: JOURNAL_FORMAT,
            run: self.run.id().clone(),
            seq: self.run.last_seq() + 1,
            at: self.world.now,
            event,
        };
        self.run.apply(&entry).unwrap();
        self.journal.push(entry);
    }

    fn die_and_come_back(&mut self) {
        self.run = Run::replay(&self.journal).unwrap().unwrap();
        self.write(Event::Continued {
            found: "a restart".to_owned(),
        });
    }

    /// One turn of the loop; false once the run is over.
    fn turn(&mut self, way: &mut dyn FnMut(Step) -> Way) -> bool {
        let position = self.world.look();
        match next(&self.run, &position, &self.limits) {
            Next::Look { after, .. } => self.world.pass(after),
            Next::Do(step) => {
                self.write(Event::Intent {
                    step,
                    request: RequestRecord {
                        cluster: ClusterName::parse("eu").unwrap(),
                        method: "POST".to_owned(),
                        target: "/".to_owned(),
                        body: None,
                    },
                    guards: Vec::new(),
                    primary_terms: BTreeMap::new(),
                });
                self.world.pass(Duration::from_millis(20));
                let unknown = StepAnswer::Unknown {
                    why: "lost".to_owned(),
                };
                let answer = match way(step) {
                    Way::Fine => Some(self.world.receive(step)),
                    Way::AnswerLost => {
                        self.world.receive(step);
                        Some(unknown)
                    }
                    Way::Swallowed => Some(unknown),
                    Way::NotSent => Some(StepAnswer::NotSent {
                        why: "no route".to_owned(),
                    }),
                    Way::DiesBefore => None,
                    Way::DiesAfter => {
                        self.world.receive(step);
                        None
                    }
                };
                match answer {
                    Some(answer) => self.write(Event::Answered { step, answer }),
                    None => self.die_and_come_back(),
                }
                self.world.pass(Duration::from_millis(20));
            }
            Next::Proven(step, seen) => self.write(Event::Proven { step, seen }),
            Next::Rung(remedy) => self.write(Event::Rung { remedy }),
            Next::BackOut(reason) => self.write(Event::BackingOut { reason }),
            Next::Close {
                outcome,
                reason,
                person_must,
                held,
            } => {
                let remedy = self.run.rung();
                self.write(Event::Closed {
                    outcome,
                    remedy,
                    reason,
                    person_must,
                    held,
                });
                return false;
            }
        }
        true
    }

    fn finish(&mut self, mut way: impl FnMut(Step) -> Way) -> End {
        for _ in 0..2000 {
            if !self.turn(&mut way) {
                assert_eq!(
                    Run::replay(&self.journal).unwrap().unwrap(),
                    self.run,
                    "the journal tells the same run"
                );
                assert_eq!(
                    self.world.puts_without_look, 0,
                    "never two PUTs without a look between"
                );
                return self.run.end().unwrap().clone();
            }
        }
        panic!(
            "the run does not end: phase {:?}, world {:?}, steps {:?}",
            self.run.phase(),
            self.world,
            self.run.steps()
        );
    }
}

const LADDER: &[Remedy] = &[Remedy::Resume, Remedy::Recreate];

fn lost() -> Drive {
    Drive::new(World::new(), Cause::HistoryLost, LADDER, true)
}

#[test]
fn lost_history_is_resumed_then_recreated_and_proven() {
    let mut drive = lost();
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Cured, "{end:?}");
    assert_eq!(end.remedy, Some(Remedy::Recreate));
    assert_eq!(
        drive.world.received,
        [
            Step::Pause,
            Step::Resume,
            Step::Pause,
            Step::Close,
            Step::Forget,
            Step::Follow,
            Step::RestoreSettings
        ]
    );
    assert!(!drive.world.red && !drive.world.own_settings_lost);
}

#[test]
fn what_a_resume_cures_is_never_closed() {
    let mut world = World::new();
    world.history_lost = false;
    let mut drive = Drive::new(world, Cause::Unclassified, &[Remedy::Resume, Remedy::Human], true);
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(
        (end.outcome, end.remedy),
        (RunOutcome::Cured, Some(Remedy::Resume))
    );
    assert_eq!(drive.world.received, [Step::Pause, Step::Resume]);
}

#[test]
fn fatal_again_for_another_cause_ends_the_run_without_a_recreate() {
    let mut drive = Drive::new(World::new(), Cause::Unclassified, LADDER, true);
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::NotCured);
    assert!(!drive.world.received.contains(&Step::Close));
    assert!(drive.world.active && end.held.is_none());
}

#[test]
fn a_refused_resume_is_no_rung_and_never_silent() {
    let mut drive = lost();
    for step in [Step::Resume, Step::ResumeBack] {
        drive.world.refuse.insert(step, (400, "index_closed_exception"));
    }
    let end = drive.finish(|_| Way::Fine);
    assert_eq!((end.outcome, end.held), (RunOutcome::NotCured, Some(Step::Pause)));
    assert!(end.person_must.unwrap().contains("_open"));
    assert!(!drive.world.received.contains(&Step::Close));
}

#[test]
fn a_resume_refused_once_is_put_back() {
    let mut drive = lost();
    drive.world.refuse.insert(Step::Resume, (400, "status_exception"));
    let end = drive.finish(|_| Way::Fine);
    assert_eq!((end.outcome, end.held), (RunOutcome::BackedOut, None));
    assert!(drive.world.active && drive.world.open);
}

#[test]
fn a_refused_put_reopens_the_untouched_copy() {
    let mut drive = lost();
    drive
        .world
        .refuse
        .insert(Step::Follow, (404, "index_not_found_exception"));
    let end = drive.finish(|_| Way::Fine);
    assert_eq!((end.outcome, end.held), (RunOutcome::BackedOut, None));
    assert!(drive.world.open && drive.world.active && !drive.world.copied);
    assert!(end.reason.contains("index_not_found_exception"), "{}", end.reason);
}

#[test]
fn a_put_refused_after_the_destruction_is_finished() {
    // Measured 43 and 46: 403 or 400, and the copy has been replaced.
    let mut drive = lost();
    drive.world.resumes_by_itself = false;
    while !drive.world.received.contains(&Step::Follow) {
        assert!(drive.turn(&mut |_| Way::Fine));
    }
    // Rewrite the answer that was journalled last as the refusal it would have been.
    let refusal = StepAnswer::Refused {
        status: 403,
        kind: "security_exception".to_owned(),
        reason: "resume_follow is unauthorized".to_owned(),
    };
    let last = drive.journal.last_mut().unwrap();
    last.event = Event::Answered {
        step: Step::Follow,
        answer: refusal,
    };
    drive.run = Run::replay(&drive.journal).unwrap().unwrap();
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Cured, "{end:?}");
    assert!(drive.world.received.contains(&Step::ResumeRestored));
}

#[test]
fn any_lost_request_or_answer_at_any_step_ends_well() {
    for way in [
        Way::AnswerLost,
        Way::Swallowed,
        Way::NotSent,
        Way::DiesBefore,
        Way::DiesAfter,
    ] {
        for nth in 0..8 {
            let mut drive = lost();
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
            assert!(end.held.is_none());
            assert!(drive.world.open && drive.world.active && !drive.world.red);
        }
    }
}

#[test]
fn every_request_lost_for_good_never_leaves_it_closed_in_silence() {
    for lost_step in [
        Step::Pause,
        Step::Resume,
        Step::Close,
        Step::Forget,
        Step::Follow,
        Step::RestoreSettings,
    ] {
        for way in [Way::Swallowed, Way::NotSent] {
            let mut drive = lost();
            let end = drive.finish(|step| if step == lost_step { way } else { Way::Fine });
            assert_ne!(end.outcome, RunOutcome::Cured, "{lost_step} {way:?}");
            let as_it_was = drive.world.open && drive.world.active;
            assert!(
                as_it_was || end.person_must.is_some(),
                "{lost_step} {way:?}: {end:?} {:?}",
                drive.world
            );
        }
    }
}

#[test]
fn backing_out_at_any_moment_before_the_put_puts_it_back() {
    for turns in 0..60 {
        let mut drive = lost();
        let mut over = false;
        for _ in 0..turns {
            over = over || !drive.turn(&mut |_| Way::Fine);
        }
        if over || drive.world.copied || drive.run.phase() == Phase::BackingOut {
            break;
        }
        drive.write(Event::BackingOut {
            reason: "shutdown".to_owned(),
        });
        let end = drive.finish(|_| Way::Fine);
        assert!(matches!(end.outcome, RunOutcome::BackedOut | RunOutcome::Refused));
        assert!(drive.world.open && drive.world.active && end.held.is_none());
        assert_eq!(
            end.outcome == RunOutcome::Refused,
            drive.world.received.is_empty()
        );
    }
}

#[test]
fn a_put_that_lands_while_backing_out_is_finished_forward() {
    let mut drive = lost();
    while drive.run.sent(Step::Follow).is_none() {
        assert!(drive.turn(&mut |step| if step == Step::Follow {
            Way::AnswerLost
        } else {
            Way::Fine
        }));
    }
    drive.write(Event::BackingOut {
        reason: "shutdown".to_owned(),
    });
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Cured);
    assert!(!drive.world.received.contains(&Step::Reopen));
}

#[test]
fn the_put_waits_until_the_lease_is_seen_absent() {
    // forget_follower answers 200 and the lease stays: the PUT is never sent.
    let mut drive = lost();
    let end = drive.finish(|step| {
        if step == Step::Forget {
            Way::Swallowed
        } else {
            Way::Fine
        }
    });
    assert_eq!(end.outcome, RunOutcome::BackedOut);
    assert!(!drive.world.received.contains(&Step::Follow));
    assert!(drive.world.open && drive.world.active);
}

#[test]
fn a_failed_copy_goes_to_a_person() {
    let mut drive = lost();
    while drive.run.sent(Step::Follow).is_none() {
        // Somebody takes the lease again just before the PUT is received.
        assert!(drive.turn(&mut |_| Way::Fine));
    }
    drive.world.copying_until = None;
    drive.world.active = false;
    drive.world.red = true;
    let end = drive.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::NotCured);
    assert!(end.person_must.is_some());
}

#[test]
fn somebody_elses_pause_close_unfollow_or_index_is_left_alone() {
    let mut paused = lost();
    paused.world.active = false;
    let end = paused.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Refused);
    assert!(paused.world.received.is_empty());

    let mut closed = lost();
    closed.world.open = false;
    let end = closed.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::Refused);
    assert!(closed.world.received.is_empty());

    let mut unfollowed = lost();
    unfollowed.world.ccr = false;
    let end = unfollowed.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::CannotTell);
    assert!(unfollowed.world.received.is_empty());

    let mut other = lost();
    other.world.uuid = "another";
    let end = other.finish(|_| Way::Fine);
    assert_eq!(end.outcome, RunOutcome::CannotTell);
    assert!(other.world.received.is_empty());
}

#[test]
fn a_follower_that_was_paused_before_is_left_paused_when_backing_out() {
    let mut world = World::new();
    world.active = false;
    let mut drive = Drive::new(
        world,
        Cause::RestoreFailed,
        &[Remedy::Human, Remedy::Recreate],
        false,
    );
    drive
        .world
        .refuse
        .insert(Step::Follow, (404, "index_not_found_exception"));
    let end = drive.finish(|_| Way::Fine);
    assert_eq!((end.outcome, end.held), (RunOutcome::BackedOut, None));
    assert!(drive.world.open && !drive.world.active);
    assert!(!drive.world.received.contains(&Step::ResumeBack));
}

#[test]
fn a_journal_with_a_gap_or_a_move_out_of_turn_is_refused() {
    let mut drive = lost();
    drive.finish(|_| Way::Fine);
    let mut gap = drive.journal.clone();
    gap.remove(2);
    assert!(Run::replay(&gap).is_err());

    let mut run = Run::open(&drive.journal[0]).unwrap();
    let entry = |seq, event| Entry {
        format: JOURNAL_FORMAT,
        run: RunId::parse("r1").unwrap(),
        seq,
        at: Timestamp::UNIX_EPOCH,
        event,
    };
    let intent = |step| Event::Intent {
        step,
        request: RequestRecord {
            cluster: ClusterName::parse("eu").unwrap(),
            method: "PUT".to_owned(),
            target: "/".to_owned(),
            body: None,
        },
        guards: Vec::new(),
        primary_terms: BTreeMap::new(),
    };
    assert!(run.apply(&entry(2, intent(Step::Pause))).is_err(), "no rung yet");
    run.apply(&entry(
        2,
        Event::Rung {
            remedy: Remedy::Recreate,
        },
    ))
    .unwrap();
    assert!(
        run.apply(&entry(3, intent(Step::Follow))).is_err(),
        "no PUT before the close and the lease are proven"
    );
    run.apply(&entry(3, intent(Step::Pause))).unwrap();
    assert!(run.apply(&entry(4, intent(Step::Close))).is_err(), "two at once");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, ..Default::default() })]

    /// Whatever happens to the requests, in any mixture, the run ends, a PUT is never repeated
    /// without a look, never sent over a live lease, and nothing stays paused or closed in silence.
    #[test]
    fn no_mixture_of_losses_leaves_a_follower_in_silence(
        ways in proptest::collection::vec(0_u8..12, 0..40),
        seconds_to_back_out in proptest::option::of(0_usize..120),
    ) {
        let mut drive = lost();
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
        for turn in 0..4000_usize {
            if seconds_to_back_out == Some(turn)
                && matches!(drive.run.phase(), Phase::Opened | Phase::Resuming | Phase::Recreating)
            {
                drive.write(Event::BackingOut { reason: "brake".to_owned() });
            }
            let lease = drive.world.lease;
            let puts = drive.world.received.iter().filter(|step| **step == Step::Follow).count();
            if !drive.turn(&mut way) {
                over = true;
                break;
            }
            let sent = drive.world.received.iter().filter(|step| **step == Step::Follow).count();
            proptest::prop_assert!(sent == puts || !lease, "a PUT over a live lease");
        }
        proptest::prop_assert!(over, "the run does not end");
        proptest::prop_assert_eq!(drive.world.puts_without_look, 0);
        let end = drive.run.end().unwrap();
        let well = drive.world.open && drive.world.active;
        proptest::prop_assert!(well || end.person_must.is_some(), "{:?} {:?}", end, drive.world);
    }
}
