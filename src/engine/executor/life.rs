//! One process's time with a run: the loop of looking, deciding, journalling and sending.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::facts::{Facts, IndexStats};
use crate::domain::ids::FollowerKey;
use crate::domain::journal::{Entry, Event, JOURNAL_FORMAT, RequestRecord, RunOutcome, StepAnswer, Trigger};
use crate::domain::memory::{Beside, Memory};
use crate::domain::run::{Limits, Next, Phase, Position, Run, next};
use crate::domain::seen::Seen as Told;
use crate::domain::step::Step;
use crate::domain::time::{Span, Timestamp, millis_between};
use crate::domain::verdict::Verdict;
use crate::elastic::client::Client;
use crate::elastic::wire;
use crate::elastic::write::{Change, Sent};
use crate::engine::executor::bench::{Asked, Bench, RunEnd};
use crate::engine::executor::{Stop, approved_at, facts_of};
use crate::engine::looking::{self, Depth};
use crate::engine::position::{self, Looked, Watch};
use crate::engine::{steps, undo};
use crate::judge;
use crate::policy::{self, RunContext, Stage};
use crate::store::AuditEvent;

/// Sightings kept of each call: enough for "rose since the last look" twice.
const SIGHTINGS: usize = 4;
/// Looks in a row in which guards may be unknown (a call failed) before that counts as a no.
const UNKNOWN_GUARD_LOOKS: u32 = 3;
/// Between two looks of a run, however much the clusters have to do.
const LONGEST_SPACE: Duration = Duration::from_secs(15);
/// Between two progress entries in the journal.
const PROGRESS_EVERY_MS: i64 = 30_000;
/// Between two refreshes while documents differ.
const REFRESH_EVERY_MS: i64 = 10_000;
/// How long a request in the air may still finish after a shutdown was asked for.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// One process's time with a run.
pub(super) struct Life<'a> {
    bench: &'a Bench,
    cancel: &'a CancellationToken,
    pub(super) run: Run,
    key: FollowerKey,
    /// Of the index that the run works on: the follower, or the copy beside it.
    facts: Facts,
    /// Side by side: of the follower itself, which the guards before the PUT are asked about.
    original: Option<Facts>,
    watch: Watch,
    limits: Limits,
    /// The follower's own stats from its last look while it was open.
    follower_before: Option<IndexStats>,
    approved_at: Option<Timestamp>,
    /// Looks in a row in which guards were unknown and none blocked.
    unknown_guards: u32,
    /// When the shutdown was first seen.
    cancelled_at: Option<Instant>,
    /// When progress was last written, and what it said.
    progress: Option<(Timestamp, String)>,
    undo_written: bool,
    /// When both sides were last asked to refresh, and whether both did.
    refreshed_at: Option<Timestamp>,
    refreshed: bool,
    /// The last look did not show equal documents.
    counts_differ: bool,
    /// It showed different ones at a common checkpoint.
    counts_at_odds: bool,
    /// The entry that the journal did not take.
    pub(super) unwritten: Option<Entry>,
}

/// One look, judged and placed.
struct Seen {
    position: Position,
    /// Of the follower that the guards are asked about.
    verdict: Verdict,
    memory: Memory,
    depth: Depth,
}

impl<'a> Life<'a> {
    pub(super) fn new(bench: &'a Bench, run: Run, cancel: &'a CancellationToken) -> Self {
        let now = bench.clock.now();
        let basis = &run.plan().basis;
        let facts = facts_of(run.plan(), basis.target_key(), now);
        let original = run.is_beside().then(|| facts_of(run.plan(), basis.key(), now));
        Self {
            bench,
            cancel,
            key: basis.key(),
            facts,
            original,
            watch: Watch::default(),
            limits: bench.settings.limits(),
            follower_before: looking::follower_before(run.before()),
            approved_at: None,
            unknown_guards: 0,
            cancelled_at: None,
            progress: None,
            undo_written: false,
            refreshed_at: None,
            refreshed: false,
            counts_differ: false,
            counts_at_odds: false,
            unwritten: None,
            run,
        }
    }

    /// Appends the next entry, durably, and takes it into the run.
    pub(super) async fn write(&mut self, event: Event) -> Result<(), Stop> {
        let entry = Entry {
            format: JOURNAL_FORMAT,
            run: self.run.id().clone(),
            seq: self.run.last_seq() + 1,
            at: self.bench.clock.now(),
            event,
        };
        // What does not follow is never written.
        let mut after = self.run.clone();
        after.apply(&entry)?;
        if let Err(error) = self.bench.store.append(&entry).await {
            self.unwritten = Some(entry);
            return Err(error.into());
        }
        self.run = after;
        Ok(())
    }

    pub(super) async fn live(&mut self) -> Result<RunEnd, Stop> {
        self.approved_at = approved_at(
            self.bench,
            self.run.plan(),
            self.run.trigger(),
            self.run.opened_at(),
        )
        .await?;
        let mut depth = Depth::Full;
        loop {
            let seen = self.look(depth).await;
            depth = match self.run.phase() {
                Phase::Finishing | Phase::BackingOut | Phase::Closed => Depth::Watch,
                Phase::Opened | Phase::Resuming | Phase::Recreating | Phase::Replacing | Phase::Beside => {
                    Depth::Light
                }
            };
            if let Some(end) = self.shutdown(&seen.position).await? {
                return Ok(end);
            }
            if self.forbidden().await? {
                continue;
            }
            match next(&self.run, &seen.position, &self.limits) {
                Next::Look { after, why } => {
                    self.tell_progress(&seen.position, &why).await?;
                    self.wait(after.max(self.spaced())).await;
                }
                Next::Do(step) => {
                    if steps::stage(step).is_some() && seen.depth != Depth::Full {
                        depth = Depth::Full;
                        continue;
                    }
                    self.step(step, &seen).await?;
                }
                Next::Proven(step, proof) => {
                    self.say(&format!("{step}: {}", proof.join("; ")));
                    self.write(Event::Proven { step, seen: proof }).await?;
                    self.tell_memory().await;
                    self.watch_anew(step);
                }
                Next::Rung(remedy) => {
                    if seen.depth != Depth::Full {
                        depth = Depth::Full;
                        continue;
                    }
                    if let Some(end) = self.rung(remedy, &seen).await? {
                        return Ok(end);
                    }
                }
                Next::Born(follower_uuid) => {
                    self.say(&format!("the new index has the UUID {follower_uuid}"));
                    self.write(Event::Born { follower_uuid }).await?;
                }
                Next::BackOut(reason) => {
                    self.say(&format!("backing out: {reason}"));
                    self.write(Event::BackingOut { reason }).await?;
                }
                Next::Close {
                    outcome,
                    reason,
                    person_must,
                    held,
                } => {
                    // Less than a full look supports no rung that destroys: it is not given up for that.
                    if self.run.phase() == Phase::Resuming && seen.depth != Depth::Full {
                        depth = Depth::Full;
                        continue;
                    }
                    return self.close(outcome, reason, person_must, held).await;
                }
            }
        }
    }

    /// Asks both clusters and judges what they say.
    async fn look(&mut self, depth: Depth) -> Seen {
        let began_at = self.bench.clock.now();
        let mut memory = self.bench.gate.memory(&self.facts.key);
        self.refresh(began_at).await;
        looking::look(self.bench, &mut self.facts, &memory, depth).await;
        let now = self.bench.clock.now();
        self.facts.now = now;
        self.facts.keep_last(SIGHTINGS);
        let mut verdict = judge::judge(&self.facts, Some(&memory));
        let position = position::position(
            &mut self.watch,
            &self.run,
            &Looked {
                facts: &self.facts,
                verdict: &verdict,
                lag: judge::lag(&self.facts),
                began_at,
                now,
                document_tolerance: self.bench.settings.document_tolerance,
                counts_are_new: self.refreshed || !looking::never_refreshes(&self.facts),
            },
        );
        self.counts_differ = position.proof.documents_equal != Told::Present(true);
        self.counts_at_odds = position.proof.documents_equal == Told::Present(false);
        if let Some((of_original, remembered)) = self.look_at_original(depth).await {
            verdict = of_original;
            memory = remembered;
        }
        // A closed index shows no stats; what the guards compare is what it had when it was open.
        if matches!(self.run.phase(), Phase::Opened | Phase::Resuming)
            && self.original.is_none()
            && let Some(stats) = self.facts.follower.index.present()
            && !stats.primaries.is_empty()
        {
            self.follower_before = Some(stats.clone());
        }
        Seen {
            position,
            verdict,
            memory,
            depth,
        }
    }

    /// Side by side, until the new index is seen: the guards are about the follower.
    async fn look_at_original(&mut self, depth: Depth) -> Option<(Verdict, Memory)> {
        if !matches!(self.run.phase(), Phase::Opened | Phase::Beside) {
            return None;
        }
        let facts = self.original.as_mut()?;
        let memory = self.bench.gate.memory(&self.key);
        looking::look(self.bench, facts, &memory, depth).await;
        facts.now = self.bench.clock.now();
        facts.keep_last(SIGHTINGS);
        Some((judge::judge(facts, Some(&memory)), memory))
    }

    /// Counts mean something after a refresh (safety 12): once before the proof, and again while
    /// they differ. A resume is proven without it unless counts are at odds.
    async fn refresh(&mut self, now: Timestamp) {
        let due = self
            .refreshed_at
            .is_none_or(|at| self.counts_differ && millis_between(at, now) >= REFRESH_EVERY_MS);
        let resumed = self.run.phase() == Phase::Resuming && self.run.is_proven(Step::Resume);
        if due && (self.run.is_proven(Step::RestoreSettings) || (resumed && self.counts_at_odds)) {
            self.refreshed_at = Some(now);
            self.refreshed = looking::refresh(self.bench, &self.facts).await;
        }
    }

    /// What the guards are told of this run.
    fn context(&self) -> RunContext {
        RunContext {
            run: self.run.id().clone(),
            basis: self.run.plan().basis.clone(),
            resume_accepted_at: self.run.resume_accepted_at(),
            fatal_again: self.run.fatal_again(),
            follower_before: self.follower_before.clone(),
            paused_by_us: self.run.paused_by_us(),
            closed_by_us: self.run.closed_by_us(),
            born: self.run.born().cloned(),
            unfollowed_by_us: self.run.unfollowed_by_us(),
        }
    }

    fn guards(&self, stage: Stage, remedy: Remedy, seen: &Seen) -> Vec<GuardResult> {
        let mut context = self.context();
        // Asked for the next rung: that the resume did not cure is what leads there.
        context.fatal_again |= self.run.phase() == Phase::Resuming && remedy == Remedy::Recreate;
        let (facts, beside) = match &self.original {
            Some(original) if matches!(self.run.phase(), Phase::Opened | Phase::Beside) => {
                (original, Some(&self.facts))
            }
            _ => (&self.facts, None),
        };
        let guards = self.bench.gate.guards(&Asked {
            stage,
            remedy,
            verdict: &seen.verdict,
            facts,
            beside,
            memory: &seen.memory,
            plan: self.run.plan(),
            run: &context,
            approved_at: self.approved_at,
        });
        if guards.is_empty() {
            return vec![GuardResult::unknown(
                "guards",
                "no guard was asked, which is no yes",
            )];
        }
        guards
    }

    fn remedy(&self) -> Remedy {
        self.run.rung().unwrap_or(Remedy::Resume)
    }

    /// Brakes, windows, lock and abort, at every turn before the point of no return. True when
    /// the run has just begun to back out for it.
    async fn forbidden(&mut self) -> Result<bool, Stop> {
        if self.run.only_forward() && self.run.may_drop() && self.bench.gate.aborted(self.run.id()) {
            let reason = "somebody asked for the copy to be given up".to_owned();
            self.say(&reason);
            self.write(Event::BackingOut { reason }).await?;
            return Ok(true);
        }
        if self.run.only_forward() || matches!(self.run.phase(), Phase::BackingOut | Phase::Closed) {
            return Ok(false);
        }
        let basis = &self.run.plan().basis;
        let asked = self.bench.gate.may(
            &self.key,
            &basis.remote,
            Step::LookAgain,
            self.remedy(),
            self.run.id(),
        );
        let Err(reason) = asked else { return Ok(false) };
        self.say(&format!("backing out: {reason}"));
        self.write(Event::BackingOut { reason }).await?;
        Ok(true)
    }

    /// Begins a rung, if its guards let it.
    async fn rung(&mut self, remedy: Remedy, seen: &Seen) -> Result<Option<RunEnd>, Stop> {
        let guards = self.guards(Stage::BeforeRun, remedy, seen);
        // After a copy that failed there is no way back: what holds the next rung ends the run.
        if self.run.phase() == Phase::Finishing
            && let Some(reason) = self.refused(&guards)
        {
            let must = "the follower has no data until it is copied again: remove what stands in the way, \
                        then let refollow plan the repair again";
            return self
                .close(
                    RunOutcome::NotCured,
                    format!("the copy failed again, and {remedy} is held back by {reason}"),
                    Some(must.to_owned()),
                    None,
                )
                .await
                .map(Some);
        }
        if self.passes(&format!("{remedy}"), &guards).await? {
            self.say(&format!("rung: {remedy}"));
            self.write(Event::Rung { remedy }).await?;
        }
        Ok(None)
    }

    /// Why guards say no for good: one blocks, or they have been unknown for too many looks.
    fn refused(&self, guards: &[GuardResult]) -> Option<String> {
        let failing: Vec<&GuardResult> = guards.iter().filter(|guard| !guard.passes()).collect();
        let only_unknown = failing.iter().all(|guard| guard.verdict == GuardVerdict::Unknown);
        if failing.is_empty() || (only_unknown && self.unknown_guards + 1 < UNKNOWN_GUARD_LOOKS) {
            return None;
        }
        let reasons: Vec<String> = failing
            .iter()
            .map(|guard| format!("{} ({}): {}", guard.name, guard.verdict, guard.inputs))
            .collect();
        Some(reasons.join("; "))
    }

    /// Whether every guard passes. A block ends the way forward; an unknown gets a few more looks.
    async fn passes(&mut self, what: &str, guards: &[GuardResult]) -> Result<bool, Stop> {
        let failing: Vec<&GuardResult> = guards.iter().filter(|guard| !guard.passes()).collect();
        if failing.is_empty() {
            self.unknown_guards = 0;
            return Ok(true);
        }
        let reasons: Vec<String> = failing
            .iter()
            .map(|guard| format!("{} ({}): {}", guard.name, guard.verdict, guard.inputs))
            .collect();
        let reason = format!("{what} is held back by {}", reasons.join("; "));
        let warms_up = |guard: &GuardResult| guard.name == policy::WARM_UP;
        if failing.iter().any(|guard| warms_up(guard))
            && failing
                .iter()
                .all(|guard| warms_up(guard) || guard.verdict == GuardVerdict::Unknown)
        {
            // Only a run that a former daemon left meets this, and only while the follower is
            // neither paused nor closed. It ends by itself and soon; backing out would cost the
            // run a rest, for nothing.
            self.say(&format!("{reason}; waiting for that"));
            self.wait(self.limits.look).await;
            return Ok(false);
        }
        self.unknown_guards += 1;
        let only_unknown = failing.iter().all(|guard| guard.verdict == GuardVerdict::Unknown);
        if only_unknown && self.unknown_guards < UNKNOWN_GUARD_LOOKS {
            self.say(&format!("{reason}; looking once more"));
            self.wait(self.limits.look).await;
        } else if self.run.only_forward() {
            // No way back: said, waited, asked again.
            self.say(&reason);
            self.wait(self.limits.resume_restored).await;
        } else {
            self.say(&format!("backing out: {reason}"));
            self.unknown_guards = 0;
            self.write(Event::BackingOut { reason }).await?;
        }
        Ok(false)
    }

    /// One step: guards, intent, one request, answer.
    async fn step(&mut self, step: Step, seen: &Seen) -> Result<(), Stop> {
        let mut guards = Vec::new();
        if let Some(stage) = steps::stage(step) {
            if matches!(stage, Stage::BeforeFollow | Stage::BeforeFollowBeside) {
                self.bench.gate.freshen().await;
            }
            guards = self.guards(stage, self.remedy(), seen);
            if !self.passes(step.as_str(), &guards).await? {
                return Ok(());
            }
        }
        if !step.backs_out() && !step.finishes() {
            if let Err(reason) = self.may_send(step) {
                self.say(&format!("backing out: {reason}"));
                return self.write(Event::BackingOut { reason }).await;
            }
            if let Err(reason) = self.undo_file().await {
                return self.write(Event::BackingOut { reason }).await;
            }
        }
        let order = match steps::order(&self.run, step, seen.position.proof.settings.present()) {
            Ok(order) => order,
            Err(reason)
                if self.run.phase() == Phase::Recreating
                    || (matches!(self.run.phase(), Phase::Replacing | Phase::Beside)
                        && !self.run.only_forward()) =>
            {
                return self.write(Event::BackingOut { reason }).await;
            }
            Err(reason) => {
                self.say(&format!("{step} cannot be sent: {reason}"));
                self.wait(self.limits.step).await;
                return Ok(());
            }
        };
        let client = if steps::on_leader(step) {
            self.bench.leader.clone()
        } else {
            Some(Arc::clone(&self.bench.follower))
        };
        let Some(client) = client else {
            let reason = "the leader cluster is not configured".to_owned();
            return self.write(Event::BackingOut { reason }).await;
        };
        self.say(&format!(
            "{step}: {} {}",
            order.record.method, order.record.target
        ));
        let primary_terms = seen.position.primary_terms.present().cloned().unwrap_or_default();
        self.write(Event::Intent {
            step,
            request: order.record.clone(),
            guards,
            primary_terms,
        })
        .await?;
        self.tell_memory().await;
        // Writing takes time, in which people can brake, abort, or reload to `observe`.
        let answer = match self.may_send(step) {
            Err(why) if !step.backs_out() && !step.finishes() => StepAnswer::NotSent { why },
            _ => self.send(&client, step, &order).await,
        };
        self.watch.sent();
        self.write(Event::Answered { step, answer }).await?;
        self.tell_memory().await;
        Ok(())
    }

    /// Whether people still let the step be sent: asked before its intent is written, and again
    /// with nothing between the answer and the request.
    fn may_send(&self, step: Step) -> Result<(), String> {
        let basis = &self.run.plan().basis;
        let gate = &self.bench.gate;
        gate.may(&self.key, &basis.remote, step, self.remedy(), self.run.id())?;
        // What nobody approved begins only what the rules of now let begin by itself: a run may
        // have been opened hours ago, by a daemon that died under other rules.
        let sent = |step: Step| self.run.reached(step) - u32::from(self.run.pending() == Some(step));
        let begins = step == Step::Pause || (step == Step::Resume && sent(Step::Pause) == 0);
        if begins && matches!(self.run.trigger(), Trigger::Policy { .. }) {
            gate.automatic(&self.key, &basis.remote, basis.cause)?;
        }
        Ok(())
    }

    /// Sends the request. After a shutdown was asked for, it gets a few seconds more; then its
    /// answer is lost like any other.
    async fn send(&mut self, client: &Client, step: Step, order: &steps::Order) -> StepAnswer {
        let cancel = self.cancel.clone();
        let late = async move {
            cancel.cancelled().await;
            tokio::time::sleep(LAST_WORDS).await;
        };
        let change = tokio::select! {
            change = steps::send(client, &self.run, order) => change,
            () = late => {
                let answer = StepAnswer::Unknown { why: "the daemon is shutting down".to_owned() };
                self.audit_unanswered(step, &order.record, &answer).await;
                return answer;
            }
        };
        self.take_in(step, &change).await
    }

    /// A request that was or may have been sent and whose answer nobody took: it belongs into the
    /// audit log all the same (safety 14).
    pub(super) async fn audit_unanswered(&self, step: Step, request: &RequestRecord, answer: &StepAnswer) {
        let event = AuditEvent {
            at: self.bench.clock.now(),
            kind: "request_sent".to_owned(),
            who: self.run.trigger().who(),
            subject: self.key.to_string(),
            detail: serde_json::json!({
                "run": self.run.id(), "step": step, "cluster": request.cluster, "method": request.method,
                "path": request.target, "body": request.body, "answer": answer,
            }),
        };
        if let Err(error) = self.bench.store.audit(&event).await {
            tracing::error!(run = %self.run.id(), "the audit log: {error}");
        }
    }

    /// The answer as evidence, in the audit log, and as the journal keeps it.
    async fn take_in(&mut self, step: Step, change: &Change) -> StepAnswer {
        let answer = steps::answer(&change.sent);
        let (status, body) = match &change.sent {
            Sent::Accepted { status, body } | Sent::Refused { status, body, .. } => {
                (Some(*status), Some(body))
            }
            Sent::Unknown { .. } | Sent::NotSent { .. } => (None, None),
        };
        if let (Some(status), Some(body)) = (status, body) {
            let evidence = Answer {
                at: change.record.ended,
                cluster: change.record.cluster.clone(),
                call: Call {
                    method: change.record.method.into(),
                    path: change.record.path.as_str().into(),
                },
                outcome: Outcome::Got {
                    status,
                    body: body.to_string().into(),
                },
            };
            wire::learn(&mut self.facts, &wire::parse(&evidence));
            self.bench.gate.learn(&[evidence]);
        }
        let event = AuditEvent {
            at: change.record.ended,
            kind: "request_sent".to_owned(),
            who: self.run.trigger().who(),
            subject: self.key.to_string(),
            detail: serde_json::json!({
                "run": self.run.id(), "step": step, "url": change.record.url, "method": change.record.method,
                "path": change.record.path, "body": change.record.body, "sent_at": change.record.started,
                "answer": answer,
            }),
        };
        if let Err(error) = self.bench.store.audit(&event).await {
            tracing::error!(run = %self.run.id(), "the audit log: {error}");
        }
        answer
    }

    /// The undo commands are on the disk and in the log before the first change (safety 5).
    async fn undo_file(&mut self) -> Result<(), String> {
        if self.undo_written {
            return Ok(());
        }
        undo::write(&self.bench.settings.undo_directory, &self.run).await?;
        undo::log(&self.run);
        self.undo_written = true;
        Ok(())
    }

    /// After some proofs a new stretch of watching begins.
    fn watch_anew(&mut self, step: Step) {
        if matches!(
            step,
            Step::Resume | Step::Follow | Step::FollowNew | Step::FollowBeside | Step::ResumeRestored
        ) {
            self.watch.sent();
        }
    }

    /// What the judge must know of us: what we paused or closed is not somebody else's doing.
    pub(super) async fn tell_memory(&mut self) {
        if self.run.is_beside() {
            return self.tell_of_copy().await;
        }
        let own = self.run.own_run();
        let accepted = self.run.resume_accepted_at();
        // A run that goes on from an earlier copy of ours inherits what that did: otherwise a
        // resume that is refused would make the pause somebody else's.
        let goes_on = matches!(
            self.run.plan().basis.cause,
            Cause::RestoredNotFollowing | Cause::RestoreFailed
        );
        // Not after it was seen to follow: a pause that comes then is somebody else's.
        let followed = [Step::Resume, Step::ResumeRestored]
            .iter()
            .any(|step| self.run.is_proven(*step));
        let memory = self.bench.gate.remember(&self.key, &mut |memory| {
            let mut own = own.clone();
            if let Some(before) = memory.own_run.as_ref().filter(|_| goes_on) {
                own.followed |= before.followed && !followed;
                own.replaced |= before.replaced;
            }
            memory.own_run = Some(own);
            memory.resume_accepted_at = memory.resume_accepted_at.max(accepted);
        });
        if let Err(error) = self.bench.store.remember(&[(self.key.clone(), memory)]).await {
            tracing::warn!(run = %self.run.id(), "memory: {error}");
        }
    }

    /// Nothing was done to the follower; what stands beside it is remembered with it.
    async fn tell_of_copy(&self) {
        let basis = &self.run.plan().basis;
        let copy = self.run.born().filter(|_| !self.run.is_proven(Step::DropBeside));
        let copy = copy.map(|uuid| Beside {
            index: basis.target().clone(),
            uuid: uuid.clone(),
            of: basis.follower_uuid.clone(),
            run: self.run.id().clone(),
            proven: self.run.is_proven(Step::Verify),
        });
        let memory = self.bench.gate.remember(&self.key, &mut |memory| {
            if copy.is_some()
                || memory
                    .beside
                    .as_ref()
                    .is_some_and(|known| known.run == *self.run.id())
            {
                memory.beside.clone_from(&copy);
            }
        });
        if let Err(error) = self.bench.store.remember(&[(self.key.clone(), memory)]).await {
            tracing::warn!(run = %self.run.id(), "memory: {error}");
        }
    }

    fn say(&self, text: &str) {
        self.bench.gate.progress(self.run.id(), &self.key, text);
    }

    /// Progress of a copy: to people at once, to the journal now and then.
    async fn tell_progress(&mut self, position: &Position, why: &str) -> Result<(), Stop> {
        if self.run.phase() != Phase::Finishing {
            tracing::debug!(run = %self.run.id(), "{why}");
            return Ok(());
        }
        let copying = position
            .restore
            .present()
            .and_then(|restore| position::progress(restore, self.run.phase_at(), position.now));
        let step = if copying.is_some() {
            Step::WatchRecovery
        } else {
            Step::Verify
        };
        let text = match copying {
            Some(text) if why.starts_with("stuck") => format!("{why} ({text})"),
            Some(text) => text,
            None => why.to_owned(),
        };
        if self.progress.as_ref().is_some_and(|(_, last)| *last == text) {
            return Ok(());
        }
        self.say(&text);
        let due = self
            .progress
            .as_ref()
            .is_none_or(|(at, _)| millis_between(*at, position.now) >= PROGRESS_EVERY_MS);
        if due {
            self.progress = Some((position.now, text.clone()));
            self.write(Event::Progress { step, text }).await?;
        }
        Ok(())
    }

    /// How long to wait between two looks of a run at clusters that reject requests: longer with each
    /// step, and never so long that what must be finished or put back is left alone.
    fn spaced(&self) -> Span {
        let clients = std::iter::once(&self.bench.follower).chain(self.bench.leader.as_ref());
        let steps = clients
            .filter_map(|client| client.load().pressure())
            .filter(|pressure| pressure.reason.backs_off())
            .map(|pressure| pressure.step);
        steps.max().map_or(Span::ZERO, |step| {
            self.limits
                .look
                .saturating_mul(1 << step.min(8))
                .min(LONGEST_SPACE)
        })
    }

    async fn wait(&self, length: Span) {
        if self.cancelled_at.is_some() {
            // The shutdown is known; it is waited out in short steps.
            tokio::time::sleep(length.min(Duration::from_secs(1))).await;
            return;
        }
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep(length) => {}
        }
    }

    /// A shutdown backs out before the PUT; after it, it leaves the rest to the next start.
    async fn shutdown(&mut self, position: &Position) -> Result<Option<RunEnd>, Stop> {
        if !self.cancel.is_cancelled() {
            return Ok(None);
        }
        let since = *self.cancelled_at.get_or_insert_with(Instant::now);
        let over = since.elapsed() >= self.bench.settings.shutdown_grace;
        let nothing_held = self.run.held().is_none();
        match self.run.phase() {
            Phase::Resuming if nothing_held && self.run.is_proven(Step::Resume) => {
                return Ok(Some(self.leave("resumed; the proof goes on at the next start")));
            }
            Phase::Opened | Phase::Resuming | Phase::Recreating | Phase::Replacing | Phase::Beside
                if !self.run.only_forward() =>
            {
                self.write(Event::BackingOut {
                    reason: "the daemon is shutting down".to_owned(),
                })
                .await?;
            }
            // A copy that runs needs nobody; one that is complete and paused needs its resume.
            Phase::Finishing if nothing_held && !is_restored_and_paused(position) => {
                return Ok(Some(
                    self.leave("the rest of the recreate goes on at the next start"),
                ));
            }
            _ => {}
        }
        if over {
            return Ok(Some(self.leave("the time for shutting down is over")));
        }
        Ok(None)
    }

    /// Leaves the run for the next start; where it holds a follower, that is said as loudly as can be.
    fn leave(&self, reason: &str) -> RunEnd {
        let held = self.run.held();
        if let Some(step) = held {
            let word = match step {
                Step::Close => "closed",
                Step::Delete => "deleted",
                _ => "paused",
            };
            tracing::error!(
                run = %self.run.id(),
                follower = %self.key,
                "`{}` is left {word} by refollow ({reason}); refollow goes on at its next start, or undo by hand:\n{}",
                self.key,
                self.run.before().undo.join("\n")
            );
        }
        RunEnd::LeftOpen {
            reason: reason.to_owned(),
            held: held.is_some(),
            again: false,
        }
    }

    async fn close(
        &mut self,
        outcome: RunOutcome,
        reason: String,
        person_must: Option<String>,
        held: Option<Step>,
    ) -> Result<RunEnd, Stop> {
        self.write(Event::Closed {
            outcome,
            remedy: self.run.rung(),
            reason: reason.clone(),
            person_must: person_must.clone(),
            held,
        })
        .await?;
        self.tell_memory().await;
        if let Some(must) = &person_must {
            tracing::error!(run = %self.run.id(), follower = %self.key, "{outcome}: {reason}; a person must: {must}");
        }
        Ok(RunEnd::Closed {
            outcome,
            remedy: self.run.rung(),
            reason,
            person_must,
            held,
        })
    }
}

fn is_restored_and_paused(position: &Position) -> bool {
    position.since.restored_paused.is_some()
}
