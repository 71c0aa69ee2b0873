//! The decision: what the policy says now about one follower (contract, *Modes, plans, runs*).
//!
//! In this order: does it need anything; is it expected to heal; may refollow repair it at all;
//! what do mode and rule say; is it seen long enough; can it be planned; do the guards hold; has
//! a person spoken; may it go without one. Every answer says why in sentences.

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::decision::{Decision, DecisionKind, GuardResult, GuardVerdict};
use crate::domain::facts::Facts;
use crate::domain::journal::Trigger;
use crate::domain::memory::Memory;
use crate::domain::plan::{Plan, PlanRecord, PlanState, Wishes};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp, after, millis_between};
use crate::domain::verdict::Verdict;
use crate::policy::consent::void_reason;
use crate::policy::guards::{Question, Stage, evaluate};
use crate::policy::plan::build_plan_again;
use crate::policy::settings::{Action, Mode, Settings};
use crate::policy::world::World;

mod automatic;
#[cfg(test)]
mod tests;

/// After this a person is asked, whatever is waited for (safety 13).
const LONGEST_WAIT: Span = Span::from_hours(1);

/// Guards whose `block` makes a follower observe-only (end of safety.md).
const OBSERVE_ONLY: &[&str] = &[
    "leader_looked_at",
    "alias_proven",
    "not_followed_itself",
    "one_way",
    "data_stream",
    "no_upgrade",
    "no_other_installation",
    "cluster_configured_once",
];

/// Guards that a person's approval passes: they turn `auto` into `ask` instead of holding.
const ASK_INSTEAD: &[&str] = &["breaker", "fatal_or_approved"];

/// Everything that one decision rests on.
#[derive(Debug, Clone, Copy)]
pub struct Moment<'a> {
    /// The newest verdict.
    pub verdict: &'a Verdict,
    /// For how many looks in a row cause and ladder have been these (1: this look only).
    pub held_for_looks: u32,
    /// Since when the present cause has held, for the end of waiting (safety 13).
    pub waited_since: Option<Timestamp>,
    /// When the leader may discard what the follower still needs, where known.
    pub runway_expires_at: Option<Timestamp>,
    /// The newest facts.
    pub facts: &'a Facts,
    /// What is remembered.
    pub memory: &'a Memory,
    /// The rest.
    pub world: &'a World,
    /// The settings.
    pub settings: &'a Settings,
    /// The newest plan record of this follower, if any.
    pub existing: Option<&'a PlanRecord>,
}

/// What the policy says, and the plan it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// What to do, with reasons and guards.
    pub decision: Decision,
    /// The plan, where one could be made. Its hash is that of `existing` when the facts are the
    /// same: store it, with `ask`, only when the hash is new or the old record is closed.
    pub plan: Option<Plan>,
    /// The rungs that a run of it would climb, mildest first.
    pub rungs: Vec<Remedy>,
    /// With `act`: who lets it start.
    pub trigger: Option<Trigger>,
    /// Why `existing` no longer stands and must be marked void. Looks that only fail to see void nothing.
    pub existing_void: Option<String>,
}

impl Assessment {
    fn new(kind: DecisionKind, reasons: Vec<String>) -> Self {
        Self {
            decision: Decision {
                kind,
                reasons,
                guards: Vec::new(),
            },
            plan: None,
            rungs: Vec::new(),
            trigger: None,
            existing_void: None,
        }
    }
}

/// Decides.
pub fn decide(moment: &Moment<'_>) -> Assessment {
    // `refollow recreate`: a person wants the plan's remedy whatever the verdict is; the guards and
    // the approval column's `never` stand all the same.
    let requested = moment
        .existing
        .filter(|record| record.requested_by.is_some() && waits(record));
    if let Some(record) = requested {
        let wanted = requested_verdict(moment.verdict, &record.plan);
        let moment = Moment {
            verdict: &wanted,
            held_for_looks: u32::MAX,
            ..*moment
        };
        return weigh(&moment);
    }
    weigh(moment)
}

/// The verdict as a plan asked for by a person sees it.
pub fn requested_verdict(verdict: &Verdict, plan: &Plan) -> Verdict {
    let mut wanted = verdict.clone();
    wanted.ladder.clone_from(&plan.basis.ladder);
    if wanted.approval != Approval::Never {
        wanted.approval = Approval::Always;
    }
    wanted
}

fn waits(record: &PlanRecord) -> bool {
    matches!(record.state, PlanState::Pending | PlanState::Approved)
}

fn weigh(moment: &Moment<'_>) -> Assessment {
    let verdict = moment.verdict;
    let cause = verdict.cause;
    if let Some(run) = moment
        .world
        .in_flight
        .iter()
        .find(|run| run.works_on(&moment.facts.key))
    {
        return Assessment::new(
            DecisionKind::Wait,
            vec![format!(
                "run {} has been working on it since {}",
                run.run, run.since
            )],
        );
    }
    let rungs = rungs(&verdict.ladder);
    if cause == Cause::None && rungs.is_empty() {
        if let Some(told) = fails_unexplained(moment) {
            return told;
        }
        // A pause or close that our own journal explains is no cause; but no run works on it any
        // more, so it was left so, and that is never silent (safety 6 and 13).
        let (kind, word) = if matches!(verdict.state, State::Paused | State::Closed) {
            let word =
                "a run of refollow left it so and could not put it back: the run and its undo file say how";
            (DecisionKind::Alert, format!("it is {}: {word}", verdict.state))
        } else {
            (
                DecisionKind::Leave,
                format!("nothing is wrong: it is {}", verdict.state),
            )
        };
        let mut done = Assessment::new(kind, vec![word]);
        done.existing_void = moment.existing.and_then(|record| void_reason(record, None));
        return done;
    }
    if let Some(waiting) = wait(moment) {
        return waiting;
    }
    if verdict.approval == Approval::Never || rungs.is_empty() {
        // The same cause on less evidence than the plan was made with: not all that it rests on
        // could be looked at this time. It waits, and nothing starts on it before it could.
        if let Some(record) = moment
            .existing
            .filter(|record| waits(record) && record.plan.basis.cause == cause)
        {
            return holds_on(moment, record);
        }
        let mut told = Assessment::new(DecisionKind::Alert, vec![never(verdict)]);
        told.decision.reasons.extend(runway(moment));
        // What was not seen changes nothing about a plan.
        if cause != Cause::Unknown {
            told.existing_void = moment.existing.filter(|record| waits(record)).map(|record| {
                format!(
                    "the cause is `{cause}` now, the plan was for `{}`",
                    record.plan.basis.cause
                )
            });
        }
        return told;
    }
    planned(moment, rungs)
}

/// Reads or writes that fail again and again without a cause that is known: Elasticsearch goes on
/// trying, which may help, and after [`LONGEST_WAIT`] a person must look (safety 13).
fn fails_unexplained(moment: &Moment<'_>) -> Option<Assessment> {
    let state = moment.verdict.state;
    if !matches!(
        state,
        State::Retrying | State::Stalled | State::Fatal | State::Red
    ) {
        return None;
    }
    let history = &moment.memory.history;
    let since = history
        .state_since
        .filter(|since| history.state == Some(state) && *since <= moment.world.now);
    let ends = after(since.unwrap_or(moment.world.now), LONGEST_WAIT);
    let shown = moment
        .verdict
        .evidence
        .first()
        .map_or_else(String::new, |evidence| {
            format!(" ({} = {})", evidence.field, evidence.value)
        });
    let (kind, word) = if moment.world.now < ends {
        (
            DecisionKind::Wait,
            format!(
                "it is {state}{shown} for no cause that is known; Elasticsearch goes on trying, and after {ends} a person is asked"
            ),
        )
    } else {
        (
            DecisionKind::Alert,
            format!(
                "it has been {state}{shown} for an hour and more, for no cause that is known: a person must look"
            ),
        )
    };
    let mut told = Assessment::new(kind, vec![word]);
    told.decision.reasons.extend(runway(moment));
    told.existing_void = moment.existing.and_then(|record| void_reason(record, None));
    Some(told)
}

/// A plan whose facts could not all be seen in this look.
fn holds_on(moment: &Moment<'_>, record: &PlanRecord) -> Assessment {
    let (kind, stands) = match record.state {
        PlanState::Approved => (DecisionKind::Wait, "its plan is approved and waits"),
        _ => (DecisionKind::Ask, "a plan waits for approval"),
    };
    let mut held = Assessment::new(
        kind,
        vec![format!(
            "{stands}; not everything that it rests on could be looked at this time, and nothing starts before it could"
        )],
    );
    held.decision.reasons.extend(runway(moment));
    held
}

/// The rungs that refollow climbs, up to the point where a person takes over.
fn rungs(ladder: &[Remedy]) -> Vec<Remedy> {
    let mut rungs = Vec::new();
    for rung in ladder {
        match rung {
            Remedy::Wait => {}
            Remedy::Human if rungs.is_empty() => {}
            Remedy::Resume | Remedy::Recreate | Remedy::DeleteAndFollow => rungs.push(*rung),
            Remedy::Human => break,
        }
    }
    rungs
}

/// Whether a person must have done something before the first rung that refollow climbs.
fn person_first(ladder: &[Remedy]) -> bool {
    ladder
        .iter()
        .take_while(|rung| matches!(rung, Remedy::Human | Remedy::Wait))
        .any(|rung| *rung == Remedy::Human)
}

/// The end of waiting: one hour or half the runway, whichever comes first.
fn wait_ends(moment: &Moment<'_>) -> Timestamp {
    let since = moment
        .waited_since
        .filter(|since| *since <= moment.world.now)
        .unwrap_or(moment.world.now);
    wait_since_ends(moment, since)
}

/// The same for a wait that began then.
fn wait_since_ends(moment: &Moment<'_>, since: Timestamp) -> Timestamp {
    let hour = after(since, LONGEST_WAIT);
    let Some(end) = moment.runway_expires_at else {
        return hour;
    };
    let half = u64::try_from(millis_between(since, end) / 2).unwrap_or(0);
    hour.min(after(since, Span::from_millis(half)))
}

/// `Some` while the ladder says to wait, and when the waiting has ended in a person.
fn wait(moment: &Moment<'_>) -> Option<Assessment> {
    let verdict = moment.verdict;
    if verdict.ladder.first() != Some(&Remedy::Wait) {
        return None;
    }
    // What waiting was for is over: the remote is connected and the task is dead, so it heals no more.
    let remote = moment.facts.follower.remote.present();
    let connected = remote.is_some_and(|remote| remote.connected == Some(true));
    let fatal = moment.facts.follower.stats.present().is_some_and(|stats| {
        stats
            .shards
            .values()
            .any(|shard| shard.fatal_exception.present().is_some())
    });
    let can_act = !rungs(&verdict.ladder).is_empty() && verdict.approval != Approval::Never && connected;
    if can_act && fatal {
        return None;
    }
    let ends = wait_ends(moment);
    if moment.world.now < ends {
        let mut reasons = vec![format!(
            "`{}` is expected to heal by itself; after {ends} a person is asked",
            verdict.cause
        )];
        reasons.extend(runway(moment));
        return Some(Assessment::new(DecisionKind::Wait, reasons));
    }
    if can_act {
        return None;
    }
    let mut reasons = vec![format!(
        "`{}` has not healed by {ends}: a person must look",
        verdict.cause
    )];
    reasons.extend(runway(moment));
    Some(Assessment::new(DecisionKind::Alert, reasons))
}

fn runway(moment: &Moment<'_>) -> Option<String> {
    let end = moment.runway_expires_at?;
    Some(if end > moment.world.now {
        format!("the leader keeps what the follower still needs until {end}")
    } else {
        format!("since {end} the leader may have discarded what the follower still needs")
    })
}

fn never(verdict: &Verdict) -> String {
    let cause = verdict.cause;
    match cause {
        Cause::Paused => "it is paused and our journal does not explain it: somebody paused it, so it is left alone".to_owned(),
        Cause::FollowerClosed => "it is closed, and not by a run of ours: somebody closed it, so it is left alone".to_owned(),
        Cause::Unfollowed => "it carries no CCR metadata any more: somebody unfollowed it, so it is left alone".to_owned(),
        Cause::HistoryLost => "its history is lost, and the leader is not proven to be the index and history it followed: a person must resume it or decide".to_owned(),
        _ if verdict.approval == Approval::Never => {
            format!("`{cause}` is repaired by people, never by refollow")
        }
        _ => format!("refollow has no remedy for `{cause}`: a person must look"),
    }
}

/// What mode and rules allow, and the number of the rule that matched (from 1).
fn allowed(moment: &Moment<'_>) -> (Action, Option<u32>, Vec<String>) {
    let settings = moment.settings;
    let facts = moment.facts;
    let matched = settings
        .rules
        .iter()
        .zip(1_u32..)
        .find(|(rule, _)| rule.matches(&facts.key, facts.remote.as_ref(), moment.verdict.cause));
    let (wanted, number) = match matched {
        Some((rule, number)) => (rule.action, Some(number)),
        None => (Action::Ask, None),
    };
    let mode = settings.mode;
    let mut reasons = vec![match number {
        Some(number) => format!(
            "rule {number} says `{}`, the mode is `{}`",
            wanted.as_str(),
            mode.as_str()
        ),
        None => format!("no rule is about it, the mode is `{}`", mode.as_str()),
    }];
    let mut action = wanted.min(mode.at_most());
    if mode == Mode::Observe {
        reasons.push("in `observe` nothing is written to a cluster and nobody is asked".to_owned());
    }
    if action == Action::Auto && moment.verdict.approval == Approval::Always {
        action = Action::Ask;
        reasons.push(format!("`{}` needs a person in every mode", moment.verdict.cause));
    }
    if action == Action::Auto && person_first(&moment.verdict.ladder) {
        action = Action::Ask;
        reasons.push(format!(
            "`{}` needs a person to put something right first; the approval says that it was done",
            moment.verdict.cause
        ));
    }
    (action, number, reasons)
}

/// What a person asked for beside the remedy of the plan that waits.
fn wishes(moment: &Moment<'_>) -> Wishes {
    moment
        .existing
        .filter(|record| record.requested_by.is_some() && waits(record))
        .map(|record| record.plan.basis.wishes())
        .unwrap_or_default()
}

fn planned(moment: &Moment<'_>, rungs: Vec<Remedy>) -> Assessment {
    let (action, rule, mut reasons) = allowed(moment);
    let wishes = wishes(moment);
    reasons.extend(runway(moment));
    let plan = build_plan_again(
        moment.verdict,
        moment.facts,
        moment.memory,
        &wishes,
        moment.world.now,
        moment.existing.map(|record| &record.plan),
    )
    .map(|mut plan| {
        plan.figures.runway_expires_at = moment.runway_expires_at;
        plan
    });
    let same = moment
        .existing
        .filter(|record| plan.as_ref().is_ok_and(|plan| plan.hash == record.plan.hash));
    let approved =
        same.filter(|record| record.state == PlanState::Approved && moment.world.now < record.expires_at);
    let guards = ladder_guards(
        moment,
        &rungs,
        approved.and_then(|record| record.consents.iter().map(|consent| consent.at).max()),
    );
    // A plan that could not be made this time says nothing about the one that waits.
    let existing_void = plan.as_ref().ok().and_then(|plan| {
        moment
            .existing
            .and_then(|record| void_reason(record, Some(&plan.basis)))
    });
    let held: Vec<&GuardResult> = guards.iter().filter(|guard| !guard.passes()).collect();
    let weighing = Weighing {
        moment,
        rule,
        same,
        approved,
        rungs: &rungs,
        held: &held,
        late: moment.waited_since.is_some() && moment.world.now >= wait_ends(moment),
    };
    let missing = plan.as_ref().err().map(Vec::as_slice);
    let (kind, trigger) = match weighing.nothing_to_ask(action, missing, &mut reasons) {
        Some(kind) => (kind, None),
        None => weighing.conclude(action, &mut reasons),
    };
    Assessment {
        decision: Decision {
            kind,
            reasons,
            guards,
        },
        plan: plan.ok(),
        rungs,
        trigger,
        existing_void,
    }
}

/// What the conclusion about a plan rests on.
struct Weighing<'a> {
    moment: &'a Moment<'a>,
    rule: Option<u32>,
    /// The plan record of the same hash.
    same: Option<&'a PlanRecord>,
    /// The same, where it is approved and not expired.
    approved: Option<&'a PlanRecord>,
    rungs: &'a [Remedy],
    /// Guards that do not pass.
    held: &'a [&'a GuardResult],
    /// It has been waited for as long as one may.
    late: bool,
}

impl Weighing<'_> {
    /// What is decided before anybody is asked and anything is done.
    fn nothing_to_ask(
        &self,
        action: Action,
        missing: Option<&[String]>,
        reasons: &mut Vec<String>,
    ) -> Option<DecisionKind> {
        let moment = self.moment;
        if action == Action::Alert {
            return Some(DecisionKind::Alert);
        }
        if moment.held_for_looks < moment.settings.confirm_looks {
            reasons.push(format!(
                "the verdict has held for {} of {} looks",
                moment.held_for_looks, moment.settings.confirm_looks
            ));
            return Some(DecisionKind::Wait);
        }
        if let Some(missing) = missing {
            reasons.push("no plan can be made yet:".to_owned());
            reasons.extend(missing.iter().cloned());
            return Some(if self.late {
                DecisionKind::Alert
            } else {
                DecisionKind::Wait
            });
        }
        let observe_only = self.held.iter().find(|guard| {
            guard.verdict == GuardVerdict::Block && OBSERVE_ONLY.contains(&guard.name.as_str())
        });
        if let Some(guard) = observe_only {
            reasons.push(format!("{}: {}", guard.name, guard.inputs));
            return Some(DecisionKind::Alert);
        }
        match &self.same?.state {
            PlanState::Rejected { by, reason } => {
                reasons.push(format!(
                    "{by} rejected this plan ({reason}); it stays so until the facts change"
                ));
                Some(DecisionKind::Alert)
            }
            PlanState::Running { run } => {
                reasons.push(format!("run {run} of this plan is going on"));
                Some(DecisionKind::Wait)
            }
            _ => None,
        }
    }

    /// People's word first, then the policy's.
    fn conclude(&self, action: Action, reasons: &mut Vec<String>) -> (DecisionKind, Option<Trigger>) {
        if let Some(record) = self.approved {
            let by: Vec<String> = record.consents.iter().map(|consent| consent.by.clone()).collect();
            reasons.push(format!("approved by {}", by.join(", ")));
            if self.held.is_empty() {
                return (DecisionKind::Act, Some(Trigger::Approved { by }));
            }
            reasons.extend(held_back(self.held));
            // What has a known end is waited for. The rest would be a silence without one: the person
            // who approved it has done their part, and nobody else is asked.
            let given = record.consents.iter().map(|consent| consent.at).max();
            let since = given.max(self.moment.waited_since);
            let endless = self.held.iter().any(|guard| guard.changes_at.is_none());
            let over =
                since.is_some_and(|since| self.moment.world.now >= wait_since_ends(self.moment, since));
            if endless && over {
                reasons.push(
                    "it is approved and has been held back for too long: a person must put right what \
                     holds it back, or repair it by hand"
                        .to_owned(),
                );
                return (DecisionKind::Alert, None);
            }
            return (DecisionKind::Wait, None);
        }
        if action == Action::Auto && !self.needs_a_person(reasons) {
            return self.automatic(reasons);
        }
        reasons.push("a plan waits for approval".to_owned());
        reasons.extend(held_back(self.held));
        (DecisionKind::Ask, None)
    }

    /// Whether `auto` becomes `ask`, with the reasons.
    fn needs_a_person(&self, reasons: &mut Vec<String>) -> bool {
        let mut asks = automatic::asks_instead(self.moment, self.rungs);
        asks.extend(
            self.held
                .iter()
                .filter(|guard| {
                    guard.verdict == GuardVerdict::Block && ASK_INSTEAD.contains(&guard.name.as_str())
                })
                .map(|guard| guard.inputs.clone()),
        );
        if asks.is_empty() {
            return false;
        }
        reasons.push("`auto` becomes `ask`:".to_owned());
        reasons.extend(asks);
        true
    }

    fn automatic(&self, reasons: &mut Vec<String>) -> (DecisionKind, Option<Trigger>) {
        if let Some((at, why)) = automatic::cooling(self.moment) {
            reasons.push(format!("{why}; it is tried again from {at} on"));
            return (DecisionKind::Wait, None);
        }
        if self.held.is_empty() {
            reasons.push("every guard passes".to_owned());
            return (DecisionKind::Act, Some(Trigger::Policy { rule: self.rule }));
        }
        reasons.extend(held_back(self.held));
        if !self.late {
            return (DecisionKind::Wait, None);
        }
        reasons.push("it has been held back for too long, so a person is asked".to_owned());
        (DecisionKind::Ask, None)
    }
}

fn held_back(held: &[&GuardResult]) -> Vec<String> {
    held.iter()
        .map(|guard| {
            let until = guard
                .changes_at
                .map(|at| format!(" (changes at {at})"))
                .unwrap_or_default();
            format!(
                "held back by {} ({}): {}{until}",
                guard.name, guard.verdict, guard.inputs
            )
        })
        .collect()
}

/// The guards of every rung, each once with its worst verdict: a run is begun only if it could be
/// brought to its end.
pub(crate) fn ladder_guards(
    moment: &Moment<'_>,
    rungs: &[Remedy],
    approved_at: Option<Timestamp>,
) -> Vec<GuardResult> {
    let mut all: Vec<GuardResult> = Vec::new();
    let wishes = wishes(moment);
    for (place, remedy) in rungs.iter().enumerate() {
        // Whether an index may be deleted is asked when the copy before it has failed: it must not
        // hold the milder rung.
        if *remedy == Remedy::DeleteAndFollow && place > 0 {
            continue;
        }
        let question = Question {
            beside: None,
            stage: Stage::Plan,
            remedy: *remedy,
            verdict: moment.verdict,
            facts: moment.facts,
            memory: moment.memory,
            world: moment.world,
            settings: moment.settings,
            wishes: &wishes,
            run: None,
            approved_at,
        };
        for result in evaluate(&question) {
            match all.iter_mut().find(|known| known.name == result.name) {
                Some(known) if severity(&result) > severity(known) => *known = result,
                Some(_) => {}
                None => all.push(result),
            }
        }
    }
    all
}

fn severity(result: &GuardResult) -> u8 {
    match result.verdict {
        GuardVerdict::Pass => 0,
        GuardVerdict::Unknown => 1,
        GuardVerdict::Block => 2,
    }
}
