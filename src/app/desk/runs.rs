//! Runs: their lists, their journals, and the abort.

use crate::app::desk::{Desk, stored};
use crate::domain::ids::RunId;
use crate::domain::journal::{Event, StepAnswer};
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::run::Run;
use crate::domain::step::Step;
use crate::http::dto::{Caller, Done, Problem, RunDetail, RunItem, Runs, StepItem};
use crate::policy::{self, ExtensionPhase};

impl Desk {
    async fn run_item(&self, id: &RunId) -> Result<(RunItem, Vec<crate::domain::journal::Entry>), Problem> {
        let entries = self.0.store.journal(id).await.map_err(|error| stored(&error))?;
        let item = run_item(id, &entries).ok_or_else(|| {
            Problem::not_found(format!("no run `{id}`")).remedy("`refollow runs` lists them")
        })?;
        Ok((self.of_kind(item), entries))
    }

    fn of_kind(&self, mut item: RunItem) -> RunItem {
        if self.0.lock().drills.made(&item.follower) {
            "drill".clone_into(&mut item.kind);
        }
        item
    }

    /// Journalled runs, and among them the times when a leader's lease period was raised.
    pub(super) async fn newest_runs(&self, limit: u32) -> Result<Runs, Problem> {
        let mut runs = self.extensions().await?;
        for summary in self.0.store.runs(limit).await.map_err(|error| stored(&error))? {
            runs.push(self.run_item(&summary.id).await?.0);
        }
        runs.sort_by_key(|run| std::cmp::Reverse(run.opened_at));
        runs.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(Runs { runs })
    }

    /// Bought time as runs, from the plans that bought it.
    async fn extensions(&self) -> Result<Vec<RunItem>, Problem> {
        let plans = self.0.store.plans(false).await.map_err(|error| stored(&error))?;
        let book = self.0.lock();
        Ok(plans
            .iter()
            .filter_map(|record| {
                let active = book.extensions.get(&record.plan.basis.key());
                extension_item(record, active.filter(|one| one.plan == record.plan.hash))
            })
            .collect())
    }

    pub(super) async fn one_run(&self, id: RunId) -> Result<RunDetail, Problem> {
        if let Some(item) = self.extensions().await?.into_iter().find(|run| run.id == id) {
            return Ok(RunDetail {
                item,
                journal: Vec::new(),
                undo: Vec::new(),
            });
        }
        let (item, journal) = self.run_item(&id).await?;
        let undo = match journal.first().map(|entry| &entry.event) {
            Some(Event::Opened { before, .. }) => before.undo.clone(),
            _ => Vec::new(),
        };
        Ok(RunDetail { item, journal, undo })
    }

    pub(super) async fn abort_run(&self, id: RunId, who: Caller) -> Result<Done, Problem> {
        let (item, journal) = self.run_item(&id).await?;
        if item.outcome.is_some() {
            return Err(Problem::refused("ended", format!("run {id} has ended already")));
        }
        let replayed = Run::replay(&journal).ok().flatten();
        let drops = replayed.is_some_and(|run| run.only_forward() && run.may_drop());
        // The last word on the PUT counts: one that was surely not sent leaves the way back open.
        let sent = journal.iter().rev().find_map(|entry| match &entry.event {
            Event::Intent {
                step: Step::Follow | Step::Delete,
                ..
            } => Some(true),
            Event::Answered {
                step: Step::Follow | Step::FollowNew,
                answer,
            } => Some(!matches!(answer, StepAnswer::NotSent { .. })),
            _ => None,
        }) == Some(true);
        if sent {
            return Err(Problem::refused(
                "point_of_no_return",
                format!(
                    "run {id} has sent its PUT follow: the old copy is gone or may be, and only finishing helps now"
                ),
            ));
        }
        self.note(
            &who.name,
            "abort",
            id.to_string(),
            serde_json::json!({"uid": who.uid, "token": who.token}),
        )
        .await?;
        self.0.abort(&id);
        Ok(Done {
            message: if drops {
                format!("run {id} gives its copy up and deletes it; the follower stays as it is")
            } else {
                format!("run {id} backs out")
            },
            plan: None,
            run: Some(id),
        })
    }
}

/// Bought time as a run: `None` where the plan buys none, or nothing was sent for it yet.
fn extension_item(record: &PlanRecord, active: Option<&policy::Extension>) -> Option<RunItem> {
    let period = record.plan.basis.extend_runway.as_ref()?;
    let (PlanState::Running { run } | PlanState::Done { run }) = &record.state else {
        return None;
    };
    let raised = matches!(record.state, PlanState::Done { .. });
    let step = |name: &str, state: &str, started_at| StepItem {
        name: name.to_owned(),
        state: state.to_owned(),
        started_at,
        ended_at: None,
    };
    let mut steps = vec![step(
        "extend_runway",
        if raised { "proven" } else { "intended" },
        Some(record.changed_at),
    )];
    if let Some(one) = active.filter(|one| one.phase == ExtensionPhase::Undoing) {
        steps.push(step("extend_runway_undo", "intended", Some(one.since)));
    }
    let before = period.before.as_deref().unwrap_or("the default");
    Some(RunItem {
        id: run.clone(),
        kind: "extend_runway".to_owned(),
        plan: record.plan.hash.clone(),
        follower: record.plan.basis.key(),
        outcome: None,
        remedy: None,
        steps,
        opened_at: Some(record.changed_at),
        // When it was put back stands in the audit log.
        closed_at: None,
        reason: Some(format!(
            "the lease period of {} was raised from {before} to {}",
            record.plan.basis.leader,
            period.value()
        )),
        person_must: None,
        progress: active.map(|_| "put back after the cure, or by `extend-runway --undo`".to_owned()),
    })
}

/// A run in short, from its journal; `None` for an empty or damaged one.
pub fn run_item(id: &RunId, entries: &[crate::domain::journal::Entry]) -> Option<RunItem> {
    let run = Run::replay(entries).ok().flatten()?;
    let end = run.end();
    let progress = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Progress { text, .. } => Some(text.clone()),
        _ => None,
    });
    Some(RunItem {
        id: id.clone(),
        kind: "repair".to_owned(),
        plan: run.plan().hash.clone(),
        follower: run.plan().basis.key(),
        outcome: end.map(|end| end.outcome),
        remedy: end.and_then(|end| end.remedy).or(run.rung()),
        steps: run
            .steps()
            .iter()
            .map(|step| StepItem {
                name: step.step.as_str().to_owned(),
                state: step.state.to_owned(),
                started_at: Some(step.started_at),
                ended_at: step.ended_at,
            })
            .collect(),
        opened_at: entries.first().map(|entry| entry.at),
        closed_at: end.map(|end| end.at),
        reason: end.map(|end| end.reason.clone()),
        person_must: end.and_then(|end| end.person_must.clone()),
        progress,
    })
}
