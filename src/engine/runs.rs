//! Runs as the engine sees them: starting one, continuing those a former daemon left, taking in
//! their ends. What happens inside a run belongs to `executor`.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::cause::Remedy;
use crate::domain::ids::{FollowerKey, RunId};
use crate::domain::journal::{Event, RunOutcome, Trigger};
use crate::domain::plan::{Plan, PlanState};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::engine::book::{Effect, LeftOver, short};
use crate::engine::events::EventKind;
use crate::engine::executor::{self, Bench, RunEnd, RunSettings};
use crate::engine::gate::EngineGate;
use crate::policy;
use crate::store::{AuditEvent, Store, StoreError};

/// How far back past runs are read at least; further where a limit counts further.
const PAST: std::time::Duration = std::time::Duration::from_secs(31 * 24 * 3600);

/// After how long a run asks for the state again that could not be written.
const STATE_AGAIN: std::time::Duration = std::time::Duration::from_secs(30);
/// Blockers are asked again before a run starts and before the PUT where their word is older.
pub(crate) const FRESH_WORD: std::time::Duration = std::time::Duration::from_secs(1);

/// Reads the runs that limits count.
pub(crate) async fn past_runs(
    store: &dyn Store,
    counted: std::time::Duration,
    now: Timestamp,
) -> Result<Vec<policy::PastRun>, StoreError> {
    let since = now.checked_sub(jiff::SignedDuration::from_secs(
        i64::try_from(PAST.max(counted).as_secs()).unwrap_or(i64::MAX),
    ));
    let mut past = Vec::new();
    for summary in store.past_runs(since.unwrap_or(Timestamp::MIN)).await? {
        let Some(closed) = summary.closed else { continue };
        let entries = store.journal(&summary.id).await?;
        if let Some(Event::Opened { plan, .. }) = entries.first().map(|entry| &entry.event) {
            past.push(past_run(
                plan,
                summary.opened_at,
                closed.at,
                closed.outcome,
                closed.remedy,
            ));
        }
    }
    Ok(past)
}

/// How long a run that left something for a person is told of.
const LEFT_OVER: i64 = 7 * 24 * 3600;

/// Of each follower, its newest run, where that ended lately and left something for a person.
pub(crate) async fn left_over(
    store: &dyn Store,
    now: Timestamp,
) -> Result<BTreeMap<FollowerKey, LeftOver>, StoreError> {
    let since = now.checked_sub(jiff::SignedDuration::from_secs(LEFT_OVER));
    let mut found = BTreeMap::new();
    // Oldest first, so that the newest has the last word.
    for summary in store.past_runs(since.unwrap_or(Timestamp::MIN)).await? {
        found.remove(&summary.follower);
        if summary.closed.is_none() {
            continue;
        }
        let entries = store.journal(&summary.id).await?;
        let Some(last) = entries.last() else { continue };
        if let Event::Closed {
            outcome,
            reason,
            person_must,
            held,
            ..
        } = &last.event
            && LeftOver::tells(*outcome, person_must.as_deref(), *held)
        {
            let left = LeftOver {
                run: summary.id,
                outcome: *outcome,
                reason: reason.clone(),
                person_must: person_must.clone(),
                at: last.at,
            };
            found.insert(summary.follower, left);
        }
    }
    Ok(found)
}

fn past_run(
    plan: &Plan,
    started_at: Timestamp,
    ended_at: Timestamp,
    outcome: RunOutcome,
    remedy: Option<Remedy>,
) -> policy::PastRun {
    policy::PastRun {
        key: plan.basis.key(),
        lineage: plan.basis.follower_uuid.clone(),
        remote: plan.basis.remote.clone(),
        remedy,
        outcome,
        started_at,
        ended_at,
        bytes: if remedy.is_some_and(Remedy::destroys) {
            plan.figures.bytes.unwrap_or(0)
        } else {
            0
        },
    }
}

/// What a run may touch.
fn bench(engine: &Arc<Engine>, plan: &Plan) -> Option<Bench> {
    let follower = engine.client(&plan.basis.cluster)?;
    let leader = plan
        .basis
        .leader_cluster
        .as_ref()
        .and_then(|name| engine.client(name));
    let settings = &engine.lock().settings;
    let defaults = RunSettings::default();
    // Whoever wants followers looked at more often than a run looks wants runs to look as often.
    let poll = settings
        .clusters
        .iter()
        .find(|cluster| cluster.name == plan.basis.cluster)
        .map_or(defaults.look_interval, |cluster| cluster.poll_interval);
    Some(Bench {
        follower,
        leader,
        store: Arc::clone(&engine.store),
        clock: Arc::clone(&engine.clock),
        gate: Arc::new(EngineGate(Arc::clone(engine))),
        settings: RunSettings {
            undo_directory: settings.undo_directory.clone(),
            settle: settings.policy.verify_settle,
            document_tolerance: settings
                .policy
                .tolerance(&plan.basis.key(), Some(&plan.basis.remote), plan.basis.cause)
                .share,
            look_interval: defaults.look_interval.min(poll),
            limits: settings.run_limits,
            ..defaults
        },
    })
}

/// Starts the run of a plan. The follower is locked already; the lock ends with the run.
pub(crate) fn start(engine: &Arc<Engine>, plan: Plan, trigger: Trigger) {
    let key = plan.basis.key();
    let own = Arc::clone(engine);
    engine
        .tasks
        .spawn(format!("run on {key}"), move |_cancel| async move {
            let Some(bench) = bench(&own, &plan) else {
                own.lock().unlock(&key);
                return;
            };
            let opened_at = own.now();
            own.ask_blockers(FRESH_WORD).await;
            match executor::open(&bench, &plan, trigger.clone()).await {
                Ok(run) => {
                    running(&own, &plan, &run, &trigger).await;
                    own.mark_cluster(&bench.follower, &plan, &run, &trigger).await;
                    drive(&own, &bench, &plan, run, opened_at).await;
                }
                Err(refused) => {
                    refuse(&own, &plan, &refused).await;
                    if let Some(left) = refused.left
                        && let Err(error) = go_on(&own, left).await
                    {
                        tracing::error!("{error}");
                    }
                }
            }
        });
}

/// A run that was refused before it began: nothing was changed.
async fn refuse(engine: &Arc<Engine>, plan: &Plan, refused: &executor::Refused) {
    let key = plan.basis.key();
    let now = engine.now();
    for guard in &refused.guards {
        engine.metrics.guard_blocked(&guard.name);
    }
    let mut effects = Vec::new();
    {
        let mut book = engine.lock();
        book.unlock(&key);
        book.story.tell(
            now,
            EventKind::Decided,
            Some(&key),
            format!(
                "plan {} for `{key}` was not started: {}",
                short(&plan.hash),
                refused.reason
            ),
        );
        if refused.void {
            book.change_plan(
                &plan.hash,
                PlanState::Void {
                    reason: refused.reason.clone(),
                },
                "policy",
                now,
                &mut effects,
            );
        } else {
            book.postpone(&key, now);
        }
    }
    effects.push(Effect::Audit(AuditEvent {
        at: now,
        kind: "run_refused".to_owned(),
        who: "policy".to_owned(),
        subject: key.to_string(),
        detail: serde_json::json!({
            "plan": plan.hash, "follower": key, "reason": refused.reason, "void": refused.void,
        }),
    }));
    engine.perform(effects).await;
}

async fn running(engine: &Arc<Engine>, plan: &Plan, run: &RunId, trigger: &Trigger) {
    let now = engine.now();
    let mut effects = Vec::new();
    {
        let mut book = engine.lock();
        let key = plan.basis.key();
        if let Some(entry) = book.followers.get_mut(&key) {
            entry.run = Some(run.clone());
        }
        book.change_plan(
            &plan.hash,
            PlanState::Running { run: run.clone() },
            "policy",
            now,
            &mut effects,
        );
    }
    effects.push(of_run(
        now,
        "run_opened",
        plan,
        run,
        serde_json::json!({ "trigger": trigger }),
    ));
    engine.perform(effects).await;
}

/// A record of the audit log about a run.
fn of_run(at: Timestamp, kind: &str, plan: &Plan, run: &RunId, more: serde_json::Value) -> Effect {
    let key = plan.basis.key();
    let mut detail = serde_json::json!({ "run": run, "plan": plan.hash, "follower": key });
    if let (Some(detail), serde_json::Value::Object(more)) = (detail.as_object_mut(), more) {
        detail.extend(more);
    }
    Effect::Audit(AuditEvent {
        at,
        kind: kind.to_owned(),
        who: "refollow".to_owned(),
        subject: key.to_string(),
        detail,
    })
}

async fn drive(engine: &Arc<Engine>, bench: &Bench, plan: &Plan, run: RunId, opened_at: Timestamp) {
    let cancel = engine.tasks.token();
    let mut unwritten = None;
    let end = loop {
        let end = executor::carry_on(bench, run.clone(), cancel.clone(), &mut unwritten).await;
        // A full disk that is cleared, a database that comes back: nobody should have to restart
        // the daemon for a follower that it has paused.
        match &end {
            RunEnd::LeftOpen {
                reason, again: true, ..
            } if !cancel.is_cancelled() => {
                let key = plan.basis.key();
                let text = format!("run {run} on `{key}` waits for the state: {reason}");
                let now = engine.now();
                engine
                    .lock()
                    .story
                    .tell(now, EventKind::Operator, Some(&key), text);
            }
            _ => break end,
        }
        tokio::select! {
            () = cancel.cancelled() => {}
            () = tokio::time::sleep(STATE_AGAIN) => {}
        }
    };
    ended(engine, plan, &run, end, opened_at).await;
}

async fn ended(engine: &Arc<Engine>, plan: &Plan, run: &RunId, end: RunEnd, opened_at: Timestamp) {
    let key = plan.basis.key();
    let now = engine.now();
    let mut effects = Vec::new();
    match end {
        RunEnd::Closed {
            outcome,
            remedy,
            reason,
            person_must,
            held,
        } => {
            let mut book = engine.lock();
            // A drill's runs repair what refollow broke itself; `refollow_drill_*` tells of them.
            if !book.drills.made(&key) {
                engine.metrics.run_ended(remedy, outcome);
            }
            if held.is_some() {
                book.held_at_exit.push(key.clone());
            }
            book.unlock(&key);
            book.left_over.remove(&key);
            if LeftOver::tells(outcome, person_must.as_deref(), held) {
                let left = LeftOver {
                    run: run.clone(),
                    outcome,
                    reason: reason.clone(),
                    person_must: person_must.clone(),
                    at: now,
                };
                book.left_over.insert(key.clone(), left);
            }
            let detail = serde_json::json!({
                "outcome": outcome, "remedy": remedy, "reason": reason, "person_must": person_must, "held": held,
            });
            effects.push(of_run(now, "run_ended", plan, run, detail));
            let what = person_must
                .map(|must| format!("; a person must: {must}"))
                .unwrap_or_default();
            book.story.tell(
                now,
                EventKind::Proven,
                Some(&key),
                format!("run {run} on `{key}` ended: {outcome} — {reason}{what}"),
            );
            book.past.push(past_run(plan, opened_at, now, outcome, remedy));
            if remedy.is_some()
                && let Some(entry) = book.followers.get_mut(&key)
            {
                entry.settling = Some(now);
            }
            book.change_plan(
                &plan.hash,
                PlanState::Done { run: run.clone() },
                "policy",
                now,
                &mut effects,
            );
            book.postpone(&key, now);
        }
        RunEnd::LeftOpen { reason, held, .. } => {
            let mut book = engine.lock();
            let text = format!("run {run} on `{key}` is left open for the next start: {reason}");
            book.story.tell(now, EventKind::Operator, Some(&key), text);
            let detail = serde_json::json!({ "reason": reason, "held": held });
            effects.push(of_run(now, "run_left_open", plan, run, detail));
            if held {
                book.held_at_exit.push(key.clone());
            }
        }
    }
    engine.perform(effects).await;
    engine.look_soon(&key.cluster);
}

/// Continues the runs that a former daemon left unfinished: each begins by looking.
pub(crate) async fn continue_unfinished(engine: &Arc<Engine>) -> Result<(), StoreError> {
    for run in engine.store.open_runs().await? {
        go_on(engine, run).await?;
    }
    Ok(())
}

/// Takes up a run that nobody carries on.
async fn go_on(engine: &Arc<Engine>, run: RunId) -> Result<(), StoreError> {
    let entries = engine.store.journal(&run).await?;
    let Some(first) = entries.first() else {
        return Ok(());
    };
    let Event::Opened { plan, .. } = &first.event else {
        tracing::error!("run {run}: its journal does not begin with its opening; left to a person");
        return Ok(());
    };
    let (plan, opened_at) = ((**plan).clone(), first.at);
    let key: FollowerKey = plan.basis.key();
    let Some(bench) = bench(engine, &plan) else {
        tracing::error!(
            "run {run} on `{key}` is unfinished and its cluster is not configured any more; \
             put `{}` back into the configuration, or finish it by hand (see the undo file)",
            key.cluster
        );
        return Ok(());
    };
    {
        let now = engine.now();
        let mut book = engine.lock();
        book.adopt_run(&plan, &run, now);
        let text = format!("run {run} on `{key}` is continued: looking first");
        book.story.tell(now, EventKind::Done, Some(&key), text);
    }
    let detail = serde_json::json!({ "entries": entries.len() });
    engine
        .perform(vec![of_run(engine.now(), "run_continued", &plan, &run, detail)])
        .await;
    let own = Arc::clone(engine);
    engine
        .tasks
        .spawn(format!("run on {key}"), move |_cancel| async move {
            drive(&own, &bench, &plan, run, opened_at).await;
        });
    Ok(())
}
