//! Opens a run: look again, judge again, the same plan, every guard, the first journal entry,
//! the undo commands (safety 2 and 5). Until `open` returns a run, nothing was changed.

use crate::domain::cause::Remedy;
use crate::domain::decision::GuardResult;
use crate::domain::facts::{Facts, FollowStatus};
use crate::domain::ids::RunId;
use crate::domain::journal::{Before, Entry, Event, JOURNAL_FORMAT, RunOutcome, Trigger};
use crate::domain::memory::Memory;
use crate::domain::plan::Plan;
use crate::domain::run::Run;
use crate::domain::step::Step;
use crate::domain::time::{Span, Timestamp};
use crate::domain::verdict::Verdict;
use crate::engine::executor::{Asked, Bench, approved_at, facts_of};
use crate::engine::looking::{self, Depth};
use crate::engine::undo;
use crate::judge;
use crate::policy::{self, RunContext, Stage};
use crate::store::StoreError;

/// How far back runs of the same follower count as attempts.
const LINEAGE: Span = Span::from_hours(31 * 24);

/// Why a run was not opened. Nothing was changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// Why, for people.
    pub reason: String,
    /// The guards that did not pass, where guards held it back.
    pub guards: Vec<GuardResult>,
    /// The facts have changed: the plan is void, not merely held back.
    pub void: bool,
    /// A run of this follower stands open in the journal. The caller holds the follower's lock, so
    /// nobody carries it on: its opening was written although an error came back.
    pub left: Option<RunId>,
}

impl Refused {
    fn because(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            guards: Vec::new(),
            void: false,
            left: None,
        }
    }
}

/// Opens a run of the plan. The caller holds the follower's lock.
///
/// # Errors
/// What held it back; nothing was changed then.
pub async fn open(bench: &Bench, plan: &Plan, trigger: Trigger) -> Result<RunId, Refused> {
    let key = plan.basis.key();
    let mut facts = facts_of(plan, key.clone(), bench.clock.now());
    let memory = bench.gate.memory(&key);
    looking::look(bench, &mut facts, &memory, Depth::Full).await;
    let now = bench.clock.now();
    facts.now = now;
    let verdict = judge::judge(&facts, Some(&memory));
    let beside = match &plan.basis.beside {
        Some(_) => Some(name_of_copy(bench, plan).await),
        None => None,
    };

    same_plan(plan, &trigger, &verdict, &facts, &memory, now)?;

    let id = RunId::parse(&uuid::Uuid::now_v7().to_string())
        .map_err(|error| Refused::because(error.to_string()))?;
    let rung =
        first_rung(plan).ok_or_else(|| Refused::because("the plan has no rung that refollow could climb"))?;
    bench
        .gate
        .may(&key, &plan.basis.remote, Step::LookAgain, rung, &id)
        .map_err(Refused::because)?;
    let before = before(bench, plan, &facts);
    let context = RunContext {
        run: id.clone(),
        basis: plan.basis.clone(),
        resume_accepted_at: None,
        fatal_again: false,
        follower_before: facts.follower.index.present().cloned(),
        paused_by_us: false,
        closed_by_us: false,
        born: None,
        unfollowed_by_us: false,
    };
    let approved_at = approved_at(bench, plan, &trigger, now)
        .await
        .map_err(|error| Refused::because(error.to_string()))?;
    let guards = bench.gate.guards(&Asked {
        stage: Stage::BeforeRun,
        remedy: rung,
        verdict: &verdict,
        facts: &facts,
        beside: beside.as_ref(),
        memory: &memory,
        plan,
        run: &context,
        approved_at,
    });
    if guards.is_empty() {
        return Err(Refused::because("no guard was asked, which is no yes"));
    }
    let failing: Vec<GuardResult> = guards.into_iter().filter(|guard| !guard.passes()).collect();
    if !failing.is_empty() {
        let reasons: Vec<String> = failing
            .iter()
            .map(|guard| format!("{} ({}): {}", guard.name, guard.verdict, guard.inputs))
            .collect();
        return Err(Refused {
            reason: format!("held back by {}", reasons.join("; ")),
            guards: failing,
            void: false,
            left: None,
        });
    }
    write(bench, plan, trigger, id, before, now).await
}

/// Side by side: what stands under the new name.
async fn name_of_copy(bench: &Bench, plan: &Plan) -> Facts {
    let mut facts = facts_of(plan, plan.basis.target_key(), bench.clock.now());
    looking::look(bench, &mut facts, &Memory::default(), Depth::Full).await;
    facts.now = bench.clock.now();
    facts
}

fn first_rung(plan: &Plan) -> Option<Remedy> {
    plan.basis
        .ladder
        .iter()
        .copied()
        .find(|remedy| !matches!(remedy, Remedy::Human | Remedy::Wait))
}

/// The facts still lead to this plan.
fn same_plan(
    plan: &Plan,
    trigger: &Trigger,
    verdict: &Verdict,
    facts: &Facts,
    memory: &Memory,
    now: Timestamp,
) -> Result<(), Refused> {
    // A person may ask for a recreate that the verdict's own ladder does not hold.
    let asked_for = matches!(trigger, Trigger::Approved { .. }) && plan.basis.ladder == [Remedy::Recreate];
    let wanted = asked_for.then(|| policy::requested_verdict(verdict, plan));
    let verdict = wanted.as_ref().unwrap_or(verdict);
    let rebuilt =
        policy::build_plan(verdict, facts, memory, &plan.basis.wishes(), now).map_err(|missing| {
            Refused::because(format!(
                "the plan cannot be checked again: {}",
                missing.join("; ")
            ))
        })?;
    if rebuilt.hash == plan.hash {
        return Ok(());
    }
    let differ = plan.basis.differences(&rebuilt.basis);
    if differ.is_empty() {
        return Ok(());
    }
    Err(Refused {
        reason: format!(
            "the facts have changed since the plan was made: {}",
            differ.join(", ")
        ),
        guards: Vec::new(),
        void: true,
        left: None,
    })
}

/// What is true now, so that everything can be put back by hand.
fn before(bench: &Bench, plan: &Plan, facts: &Facts) -> Before {
    let meta = facts.follower.meta.present();
    let stats = facts.follower.index.present();
    let root = facts.follower.root.present();
    let was_active = facts
        .follower
        .info
        .present()
        .is_some_and(|info| info.status == FollowStatus::Active);
    let urls = undo::Urls {
        follower: bench.follower.first_url().to_owned(),
        leader: bench.leader.as_ref().map(|client| client.first_url().to_owned()),
    };
    let cluster_name = root.map(|root| root.cluster_name.clone());
    Before {
        primary_terms: meta.map(|meta| meta.primary_terms.clone()).unwrap_or_default(),
        history_setting: meta.and_then(|meta| meta.settings.get("index.history.uuid").cloned()),
        follower_documents: facts
            .follower
            .count
            .present()
            .copied()
            .or_else(|| stats.and_then(crate::domain::facts::IndexStats::documents)),
        leader_documents: facts.leader.count.present().copied().or_else(|| {
            facts
                .leader
                .index
                .present()
                .and_then(crate::domain::facts::IndexStats::documents)
        }),
        follower_shards: looking::shards_before(stats),
        follower_version: root.map(|root| root.version.to_string()),
        was_active,
        settings: facts
            .follower
            .settings
            .present()
            .or_else(|| meta.map(|meta| &meta.settings))
            .cloned()
            .unwrap_or_default(),
        undo: undo::commands(&plan.basis, cluster_name.as_deref(), was_active, &urls),
        follower_cluster_name: cluster_name,
    }
}

/// The first entry, durable; then the undo commands to the disk. The log gets them from the executor,
/// once in each life of the run, before its first request that changes something.
async fn write(
    bench: &Bench,
    plan: &Plan,
    trigger: Trigger,
    id: RunId,
    before: Before,
    now: Timestamp,
) -> Result<RunId, Refused> {
    let since = now
        .checked_sub(jiff::SignedDuration::try_from(LINEAGE).unwrap_or_default())
        .unwrap_or(Timestamp::MIN);
    let past = bench
        .store
        .past_runs(since)
        .await
        .map_err(|error| Refused::because(error.to_string()))?;
    let key = plan.basis.key();
    let attempt = past.iter().filter(|run| run.follower == key).count();
    let opened = Entry {
        format: JOURNAL_FORMAT,
        run: id.clone(),
        seq: 1,
        at: now,
        event: Event::Opened {
            plan: Box::new(plan.clone()),
            trigger,
            before: Box::new(before),
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
        },
    };
    let run = Run::open(&opened).map_err(|error| Refused::because(error.to_string()))?;
    // An error here may leave the entry behind all the same; the next attempt, or the next start,
    // finds it, looks, and begins with the undo file as every run does.
    bench.store.append(&opened).await.map_err(|error| Refused {
        left: match &error {
            StoreError::Busy { run, .. } => Some(run.clone()),
            _ => None,
        },
        ..Refused::because(error.to_string())
    })?;
    if let Err(reason) = undo::write(&bench.settings.undo_directory, &run).await {
        let closed = Entry {
            format: JOURNAL_FORMAT,
            run: id.clone(),
            seq: 2,
            at: bench.clock.now(),
            event: Event::Closed {
                outcome: RunOutcome::Refused,
                remedy: None,
                reason: reason.clone(),
                person_must: None,
                held: None,
            },
        };
        if let Err(error) = bench.store.append(&closed).await {
            tracing::error!(run = %id, "{error}");
        }
        return Err(Refused::because(reason));
    }
    Ok(id)
}
