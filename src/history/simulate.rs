//! What settings would have decided: the same policy, asked again with what was recorded.
//!
//! A simulator goes through recorded passes in the order of time and keeps the part of the world
//! that hangs on its own acts: runs in flight, runs that ended, breakers. As long as it does what
//! the daemon did, the recorded future is its own. After an act of one follower that the daemon did
//! not do (or the other way) what was recorded of that follower would not have happened, so the
//! rest of its incident is not counted; it counts again from when it was seen well. A run that only
//! the simulator began is assumed to take as long as its copy, and to cure.

mod report;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::facts::Facts;
use crate::domain::ids::{FollowerKey, IndexUuid, RunId};
use crate::domain::journal::RunOutcome;
use crate::domain::plan::{self, PlanRecord, PlanState};
use crate::domain::state::State;
use crate::domain::time::{Timestamp, after, millis_between, moved};
use crate::history::record::{Input, Pass, Record};
use crate::policy;
use crate::policy::plan::eta;
use crate::policy::{
    Admission, Assessment, BreakerState, Candidate, InFlight, Member, Moment, PastRun, Settings, World,
    admit, breaker, decide, new_record,
};

pub use report::{Act, Change, Decided, Difference, Outcome, Report, Tally, Told};

/// A resume that only the simulator does is assumed to be in flight for so long.
const RESUME_TAKES: Duration = Duration::from_mins(2);

/// The policy's word must stand for so long before somebody is paged: until all answers of a look
/// are there, it can be `alert` for a moment.
const PAGES_AFTER_MILLIS: i64 = 60_000;

/// What people are assumed to say to a plan that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Consent {
    /// What they said then, to the same plan.
    #[default]
    Recorded,
    /// Nothing.
    None,
    /// Yes, at once.
    All,
}

/// What is known of one follower.
#[derive(Debug, Default)]
struct Follower {
    /// The last input of the recording.
    input: Option<Arc<Input>>,
    kind: Option<DecisionKind>,
    /// It has asked, or called somebody, for these in this incident.
    asked: BTreeSet<String>,
    paged: BTreeSet<Cause>,
    /// It alerts for this cause since then.
    alerts: Option<(Timestamp, Cause)>,
    /// The recorded future is not its own since then.
    parted: Option<Timestamp>,
    told: Told,
}

impl Follower {
    /// What it alerts for now.
    fn alert_is(&mut self, cause: Option<Cause>, now: Timestamp) {
        if self.alerts.map(|(_, cause)| cause) != cause {
            self.alert_ends(now);
            self.alerts = cause.map(|cause| (now, cause));
        }
    }

    /// Nobody is paged for what stood for less than [`PAGES_AFTER_MILLIS`].
    fn alert_ends(&mut self, now: Timestamp) {
        if let Some((since, cause)) = self.alerts.take()
            && millis_between(since, now) >= PAGES_AFTER_MILLIS
        {
            self.told.count_paged(&mut self.paged, cause);
        }
    }
}

/// A run of the simulator alone.
#[derive(Debug)]
struct Own {
    run: InFlight,
    lineage: Option<IndexUuid>,
    until: Timestamp,
}

/// Goes through recorded passes with one set of settings.
#[derive(Debug)]
pub struct Simulator<'a> {
    settings: &'a Settings,
    consent: Consent,
    world: Option<World>,
    members: BTreeMap<FollowerKey, Member>,
    breaker: Option<BreakerState>,
    followers: BTreeMap<FollowerKey, Follower>,
    own: Vec<Own>,
    /// Recorded runs of these followers that began in this time are not the simulator's.
    not_done: Vec<(FollowerKey, Timestamp, Option<Timestamp>)>,
}

impl<'a> Simulator<'a> {
    /// At the beginning of the recording.
    pub fn new(settings: &'a Settings, consent: Consent) -> Self {
        Self {
            settings,
            consent,
            world: None,
            members: BTreeMap::new(),
            breaker: None,
            followers: BTreeMap::new(),
            own: Vec::new(),
            not_done: Vec::new(),
        }
    }

    /// Takes in everything that was recorded of one pass, in the order of [`Record::rank`].
    pub fn feed(&mut self, batch: &[(Option<FollowerKey>, Record)]) {
        let Some(now) = batch.first().map(|(_, record)| record.place().0) else {
            return;
        };
        let mut due: BTreeSet<FollowerKey> = self.waiting_to_start();
        let mut began: BTreeMap<FollowerKey, String> = BTreeMap::new();
        for (follower, record) in batch {
            match (record, follower) {
                (Record::Pass(pass), _) => self.world_is(pass),
                (Record::Input(input), Some(key)) => {
                    let known = self.followers.entry(key.clone()).or_default();
                    known.input = Some(Arc::clone(input));
                    due.insert(key.clone());
                }
                (Record::Began(run), Some(key)) => {
                    due.insert(key.clone());
                    began.insert(key.clone(), run.plan.to_string());
                }
                (Record::Input(_) | Record::Began(_), None) => {}
            }
        }
        let Some(mut world) = self.world_now(now) else {
            return;
        };
        let mut candidates = Vec::new();
        for key in due {
            self.reconcile(&key, now);
            if let Some(candidate) = self.decide_one(&key, &mut world) {
                candidates.push(candidate);
            }
        }
        self.start(candidates, &began, &world);
    }

    /// What came of it.
    pub fn outcome(self) -> Outcome {
        Outcome::of(self.followers.into_iter().map(|(key, mut known)| {
            // What stands at the end is not known to have been short.
            known.alert_ends(Timestamp::MAX);
            (key, known.told)
        }))
    }

    fn waiting_to_start(&self) -> BTreeSet<FollowerKey> {
        self.followers
            .iter()
            .filter(|(_, known)| known.kind == Some(DecisionKind::Act) && known.parted.is_none())
            .map(|(key, _)| key.clone())
            .collect()
    }

    fn world_is(&mut self, pass: &Pass) {
        if pass.whole {
            self.members.clear();
        }
        for key in &pass.gone {
            self.members.remove(key);
        }
        for member in &pass.members {
            self.members.insert(member.key.clone(), member.clone());
        }
        if self.breaker.is_none() {
            self.breaker = Some(pass.world.breaker.clone());
        }
        self.world = Some(pass.world.clone());
    }

    /// The recorded world with the simulator's acts in place of the daemon's.
    fn world_now(&mut self, now: Timestamp) -> Option<World> {
        let mut world = self.world.clone()?;
        let later = millis_between(world.now, now);
        world.now = now;
        for asked_at in world
            .blockers
            .iter_mut()
            .filter_map(|blocker| blocker.asked_at.as_mut())
        {
            *asked_at = moved(*asked_at, later);
        }
        let not_done = |key: &FollowerKey, at: Timestamp| {
            self.not_done
                .iter()
                .any(|(of, from, to)| of == key && at >= *from && to.is_none_or(|to| at < to))
        };
        world.in_flight.retain(|run| !not_done(&run.key, run.since));
        world.past.retain(|run| !not_done(&run.key, run.started_at));
        let mut busy = BTreeSet::new();
        for own in &self.own {
            if now < own.until {
                busy.insert(own.run.key.clone());
                world.in_flight.push(own.run.clone());
            } else if let Some(lineage) = own.lineage.clone() {
                world.past.push(PastRun {
                    key: own.run.key.clone(),
                    lineage,
                    remote: own.run.remote.clone(),
                    remedy: Some(own.run.remedy),
                    outcome: RunOutcome::Cured,
                    started_at: own.run.since,
                    ended_at: own.until,
                    bytes: own.run.bytes,
                });
            }
        }
        let mut tally = policy::Tally::default();
        for member in self.members.values() {
            let parted = self
                .followers
                .get(&member.key)
                .is_some_and(|known| known.parted.is_some());
            tally.add(&Member {
                in_flight_or_cooling: busy.contains(&member.key) || member.in_flight_or_cooling && !parted,
                ..member.clone()
            });
        }
        let before = self.breaker.clone().unwrap_or_default();
        world.breaker = breaker(&before, &tally, now, &self.settings.limits.breaker);
        self.breaker = Some(world.breaker.clone());
        Some(world)
    }

    /// A follower that was seen well is the same in every future.
    fn reconcile(&mut self, key: &FollowerKey, now: Timestamp) {
        let Some(known) = self.followers.get_mut(key) else {
            return;
        };
        let well = known.input.as_ref().is_some_and(|input| {
            input.verdict.cause == Cause::None
                && matches!(input.verdict.state, State::Following | State::CatchingUp)
        });
        if !well {
            return;
        }
        known.alert_ends(now);
        known.asked.clear();
        known.paged.clear();
        if known.parted.take().is_some() {
            for (of, _, to) in &mut self.not_done {
                if of == key && to.is_none() {
                    *to = Some(now);
                }
            }
        }
    }

    fn decide_one(&mut self, key: &FollowerKey, world: &mut World) -> Option<Waiting> {
        let (settings, consent) = (self.settings, self.consent);
        let known = self.followers.get_mut(key)?;
        if known.parted.is_some() {
            return None;
        }
        let input = known.input.as_ref()?;
        world.duplicate_cluster_uuid = input.duplicate_cluster_uuid;
        world.both_ways.clone_from(&input.both_ways);
        let existing = as_said(input.existing.as_ref(), consent, settings);
        let mut assessment = asked(key, input, existing.as_ref(), world, settings);
        let yes = (assessment.decision.kind == DecisionKind::Ask && consent == Consent::All)
            .then(|| approved(&assessment, existing.as_ref(), settings, world.now))
            .flatten();
        if let Some(record) = &yes {
            known.told.count_asked(&mut known.asked, &assessment);
            assessment = asked(key, input, Some(record), world, settings);
        }
        let kind = assessment.decision.kind;
        if known.kind != Some(kind) {
            known.kind = Some(kind);
            known.told.decisions.push(Decided {
                at: world.now,
                kind,
                cause: input.verdict.cause,
                why: assessment.decision.reasons.first().cloned().unwrap_or_default(),
            });
        }
        let mut alerts = None;
        match kind {
            DecisionKind::Ask => known.told.count_asked(&mut known.asked, &assessment),
            DecisionKind::Alert => alerts = Some(input.verdict.cause),
            _ => {}
        }
        known.alert_is(alerts, world.now);
        let input = known.input.as_ref()?;
        if kind != DecisionKind::Act {
            return None;
        }
        let plan = assessment.plan.as_ref()?;
        let figure = existing
            .as_ref()
            .filter(|record| record.plan.hash == plan.hash)
            .and_then(|record| record.plan.figures.bytes);
        Some(Waiting {
            candidate: Candidate {
                key: key.clone(),
                remote: plan.basis.remote.clone(),
                remedy: assessment.rungs.last().copied().unwrap_or(Remedy::Resume),
                runway_expires_at: input.runway_expires_at,
                bytes: figure.or(plan.figures.bytes),
            },
            plan: plan.hash.to_string(),
            cause: input.verdict.cause,
            rungs: assessment.rungs.clone(),
            lineage: plan.basis.follower_uuid.clone(),
        })
    }

    fn start(&mut self, waiting: Vec<Waiting>, began: &BTreeMap<FollowerKey, String>, world: &World) {
        let candidates: Vec<Candidate> = waiting.iter().map(|one| one.candidate.clone()).collect();
        let admitted: BTreeSet<FollowerKey> = admit(&candidates, world, self.settings)
            .into_iter()
            .filter(|(_, admission)| *admission == Admission::Now)
            .map(|(key, _)| key)
            .collect();
        for one in waiting {
            let key = one.candidate.key.clone();
            if !admitted.contains(&key) {
                continue;
            }
            let same = began.get(&key) == Some(&one.plan);
            let Some(known) = self.followers.get_mut(&key) else {
                continue;
            };
            known.told.acted(Act {
                at: world.now,
                plan: one.plan,
                cause: one.cause,
                rungs: one.rungs,
                daemon_too: same,
            });
            if same {
                // Locked until its run has ended; then it is decided anew.
                known.kind = None;
                continue;
            }
            known.alert_ends(world.now);
            known.told.parted.push(world.now);
            known.parted = Some(world.now);
            self.not_done.push((key.clone(), world.now, None));
            let destroys = one.candidate.remedy.destroys();
            let bytes = if destroys {
                one.candidate.bytes.unwrap_or_default()
            } else {
                0
            };
            let takes = if destroys {
                RESUME_TAKES + eta(bytes) + self.settings.verify_settle
            } else {
                RESUME_TAKES
            };
            if let Ok(run) = RunId::parse("simulated") {
                self.own.push(Own {
                    run: InFlight {
                        run,
                        key,
                        beside: None,
                        remote: one.candidate.remote,
                        remedy: one.candidate.remedy,
                        bytes,
                        since: world.now,
                    },
                    lineage: Some(one.lineage),
                    until: after(world.now, takes),
                });
            }
        }
        for key in began.keys().filter(|key| !admitted.contains(*key)) {
            let Some(known) = self.followers.get_mut(key) else {
                continue;
            };
            if known.parted.is_none() {
                known.alert_ends(world.now);
                known.told.parted.push(world.now);
                known.parted = Some(world.now);
                self.not_done.push((key.clone(), world.now, None));
            }
        }
    }
}

/// A repair that may start.
#[derive(Debug)]
struct Waiting {
    candidate: Candidate,
    plan: String,
    cause: Cause,
    rungs: Vec<Remedy>,
    lineage: IndexUuid,
}

/// The policy's word on a recorded input.
fn asked(
    key: &FollowerKey,
    input: &Input,
    existing: Option<&PlanRecord>,
    world: &World,
    settings: &Settings,
) -> Assessment {
    let mut facts = input
        .facts
        .clone()
        .unwrap_or_else(|| Facts::nothing(key.clone(), input.at));
    // Asked again at a later time: the same answers, as old as they were.
    let later = millis_between(input.at, world.now);
    if later != 0 {
        facts.clock_moved(later);
    }
    decide(&Moment {
        verdict: &input.verdict,
        held_for_looks: input.held_for_looks,
        waited_since: input.waited_since,
        runway_expires_at: input.runway_expires_at,
        facts: &facts,
        memory: &input.memory,
        world,
        settings,
        existing,
    })
}

/// The recorded plan as it stands with what people are assumed to have said under these settings.
fn as_said(recorded: Option<&PlanRecord>, consent: Consent, settings: &Settings) -> Option<PlanRecord> {
    let mut record = recorded?.clone();
    if record.state == PlanState::Approved {
        let yes = u32::try_from(record.consents.len()).unwrap_or(u32::MAX);
        if consent == Consent::None || yes < settings.approvers {
            record.state = PlanState::Pending;
            record.consents.clear();
        }
    }
    let rejected = matches!(record.state, PlanState::Rejected { .. });
    if consent == Consent::None && rejected {
        return None;
    }
    if consent == Consent::All && (rejected || record.state == PlanState::Pending) {
        record.state = PlanState::Pending;
    }
    Some(record)
}

/// The plan with everybody's yes.
fn approved(
    assessment: &Assessment,
    existing: Option<&PlanRecord>,
    settings: &Settings,
    now: Timestamp,
) -> Option<PlanRecord> {
    let plan = assessment.plan.clone()?;
    let requested_by = existing.and_then(|record| record.requested_by.clone());
    let mut record = new_record(plan, now, settings, requested_by);
    record.state = PlanState::Approved;
    record.consents = (0..settings.approvers.max(1))
        .map(|number| plan::Consent {
            by: format!("simulated person {}", number + 1),
            at: now,
            note: None,
        })
        .collect();
    Some(record)
}
