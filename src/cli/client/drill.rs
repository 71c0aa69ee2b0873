//! `refollow drill`: calls a drill, approves its plan after showing it, and tells how it goes on.
//!
//! The drill is the daemon's: whoever interrupts this command interrupts only the telling, and the
//! approval if it was not given yet.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::{Asked, DONE, FAILED, Session};
use crate::cli::client::text;
use crate::domain::drill::{DrillOutcome, DrillStep, DrillStepState, StepRecord};
use crate::domain::ids::{ClusterName, PlanHash, RemoteAlias};
use crate::http::dto::{Done, DrillReport, PlanDetail};

/// Between two questions.
const BEAT: Duration = Duration::from_secs(1);
/// Refused by a guard (contract).
const REFUSED: u8 = 3;

impl Session<'_> {
    /// `refollow drill <cluster> [--remote ALIAS]`.
    pub async fn drill(&mut self, cluster: &ClusterName, remote: Option<&RemoteAlias>) -> u8 {
        match self.try_drill(cluster, remote).await {
            Ok(exit) => exit,
            Err(exit) => exit,
        }
    }

    async fn try_drill(&mut self, cluster: &ClusterName, remote: Option<&RemoteAlias>) -> Asked<u8> {
        let body = json!({"cluster": cluster, "remote": remote});
        let begun = self.ask(Method::POST, "/api/v1/drill", Some(body)).await?;
        let begun: DrillReport = self.read(begun)?;
        if self.json {
            self.line(&json!({
                "drill": {"follower": begun.follower, "leader_cluster": begun.leader_cluster, "leader": begun.leader,
                    "remote": begun.remote, "by": begun.by, "started_at": begun.started_at}
            }));
        } else {
            self.print(&format!(
                "drill: `{}` will follow {}/{} through `{}`; both are made now and deleted afterwards\n",
                begun.follower, begun.leader_cluster, begun.leader, begun.remote
            ));
        }
        let mut told: Vec<StepRecord> = Vec::new();
        let mut answered: Option<PlanHash> = None;
        loop {
            let report: DrillReport = self.get("/api/v1/drill").await?;
            if report.follower != begun.follower {
                self.complain("another drill has begun meanwhile; `refollow status` says how this one ended");
                return Ok(FAILED);
            }
            for (at, step) in report.steps.iter().enumerate() {
                if told.get(at) != Some(step) {
                    self.tell(step);
                }
            }
            told.clone_from(&report.steps);
            let asks = report
                .steps
                .last()
                .is_some_and(|last| last.step == DrillStep::Ask && last.state == DrillStepState::Running);
            if let (true, Some(hash)) = (asks, &report.plan)
                && answered.as_ref() != Some(hash)
            {
                answered = Some(hash.clone());
                self.answer(hash).await?;
            }
            if let Some(exit) = self.ended(&report) {
                return Ok(exit);
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    fn line(&mut self, value: &serde_json::Value) {
        self.print(&format!("{value}\n"));
    }

    fn tell(&mut self, step: &StepRecord) {
        if self.json {
            return self.line(&json!(step));
        }
        let took = step
            .ended_at
            .map(|end| {
                format!(
                    " ({} s)",
                    end.as_second().saturating_sub(step.started_at.as_second())
                )
            })
            .unwrap_or_default();
        self.print(&format!(
            "{:<8} {:<13} {}{took}\n",
            step.state, step.step, step.detail
        ));
    }

    /// Shows what is asked, then says yes in the name of whoever called this.
    async fn answer(&mut self, hash: &PlanHash) -> Asked<()> {
        let path = format!("/api/v1/plans/{hash}");
        let plan: PlanDetail = self.get(&path).await?;
        if self.json {
            self.line(&json!({ "asks": plan }));
        } else {
            let shown = text::plan_detail(&plan, self.now);
            self.print(&format!("\nIt asks:\n{shown}\n"));
        }
        if plan.item.state != "pending" {
            return Ok(());
        }
        let body = json!({"note": "drill", "lose": plan.item.must_type});
        let approve = format!("{path}/approve");
        // A no here (somebody else must approve) is told, and is not the drill's end.
        if let Ok(value) = self.ask(Method::POST, &approve, Some(body)).await {
            let done: Done = self.read(value)?;
            if self.json {
                self.line(&json!({ "approved": done.message }));
            } else {
                self.print(&text::done(&done));
            }
        }
        Ok(())
    }

    /// The exit code, once the drill is over and was cleaned up after, or that was tried.
    fn ended(&mut self, report: &DrillReport) -> Option<u8> {
        let result = report.result.as_ref()?;
        let last = report.steps.last()?;
        let tried = last.step == DrillStep::CleanUp && last.state != DrillStepState::Running;
        if !tried {
            return None;
        }
        let left = last.state == DrillStepState::Failed;
        if self.json {
            self.line(&json!({"result": result, "cleaned": report.cleaned && !left}));
        } else {
            self.print(&format!("\n{}: {}\n", result.outcome, result.reason));
            if left {
                self.print(&format!(
                    "not cleaned up: {}; the daemon tries again until nothing of it is left\n",
                    last.detail
                ));
            }
        }
        Some(match result.outcome {
            DrillOutcome::Proven if left => FAILED,
            DrillOutcome::Proven => DONE,
            DrillOutcome::Failed => FAILED,
            DrillOutcome::Refused => REFUSED,
        })
    }
}
