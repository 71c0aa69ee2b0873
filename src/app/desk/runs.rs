//! Runs: their lists, their journals, and the abort.

use crate::app::desk::{Desk, stored};
use crate::domain::ids::RunId;
use crate::domain::journal::{Event, StepAnswer};
use crate::domain::run::Run;
use crate::domain::step::Step;
use crate::http::dto::{Caller, Done, Problem, RunDetail, RunItem, Runs, StepItem};

impl Desk {
    async fn run_item(&self, id: &RunId) -> Result<(RunItem, Vec<crate::domain::journal::Entry>), Problem> {
        let entries = self.0.store.journal(id).await.map_err(|error| stored(&error))?;
        let item = run_item(id, &entries).ok_or_else(|| {
            Problem::not_found(format!("no run `{id}`")).remedy("`refollow runs` lists them")
        })?;
        Ok((item, entries))
    }

    pub(super) async fn newest_runs(&self, limit: u32) -> Result<Runs, Problem> {
        let mut runs = Vec::new();
        for summary in self.0.store.runs(limit).await.map_err(|error| stored(&error))? {
            runs.push(self.run_item(&summary.id).await?.0);
        }
        Ok(Runs { runs })
    }

    pub(super) async fn one_run(&self, id: RunId) -> Result<RunDetail, Problem> {
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
            message: format!("run {id} backs out"),
            plan: None,
            run: Some(id),
        })
    }
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
