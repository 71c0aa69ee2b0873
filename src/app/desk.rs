//! What people and programs may ask of the engine: [`Daemon`] for the HTTP and admin servers.
//!
//! Reads come from the book as it stands; what changes something is checked by the policy,
//! stored, and only then said to be done.

use std::sync::Arc;

use crate::domain::access::{Grant, Token};
use crate::domain::brake::BrakeScope;
use crate::domain::ids::{ClusterName, FollowerKey, PlanHash, RunId};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::history::Past;
use crate::http::dto::{
    ApproveBody, AuditStory, AuditVerdict, AuditWanted, BrakeRequest, Brakes, Caller, Clusters, Daemon, Done,
    DrillBody, DrillReport, EventItem, Events, Incidents, Notifications, NotifyTestBody, PastWanted,
    Patterns, PlanDetail, PlanNow, Plans, Problem, RecreateBody, Reply, RunDetail, Runs, RunwayRequest,
    Status, TriedReceivers, Why,
};
use crate::metrics::{Format, Part, Scrape};
use crate::store::{AuditEvent, StoreError};

mod audit;
mod brakes;
mod drill;
mod followers;
mod notify;
mod past;
mod plans;
mod runs;
mod runway;
mod text;
mod tokens;

/// The engine as the servers see it.
#[derive(Debug, Clone)]
pub struct Desk(pub Arc<Engine>);

impl Desk {
    pub(super) async fn note(
        &self,
        who: &str,
        kind: &str,
        subject: String,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let event = AuditEvent {
            at: self.0.now(),
            kind: kind.to_owned(),
            who: who.to_owned(),
            subject,
            detail,
        };
        self.0
            .store
            .audit(&event)
            .await
            .map(drop)
            .map_err(|error| stored(&error))
    }

    pub(super) fn events_after(&self, after: u64) -> Events {
        let events = self.0.lock().story.after(after);
        Events {
            events: events
                .into_iter()
                .map(|event| EventItem {
                    seq: event.seq,
                    at: event.at,
                    kind: event.kind.as_str().to_owned(),
                    who: "refollow".to_owned(),
                    subject: event.follower.map(|key| key.to_string()).unwrap_or_default(),
                    detail: serde_json::Value::String(event.text),
                })
                .collect(),
        }
    }
}

fn stored(error: &StoreError) -> Problem {
    Problem::failed(format!("the store did not take it: {error}"))
        .remedy("nothing was done; look at `refollow status` and try again")
}

impl Daemon for Desk {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn changes(&self) -> u64 {
        self.0.lock().story.newest()
    }

    fn status(&self) -> Status {
        self.all_followers()
    }

    fn incidents(&self) -> Incidents {
        self.all_incidents()
    }

    fn patterns(&self) -> Patterns {
        self.all_patterns()
    }

    fn clusters(&self) -> Clusters {
        self.all_clusters()
    }

    fn why(&self, follower: FollowerKey) -> Reply<'_, Why> {
        Box::pin(std::future::ready(self.why_of(follower)))
    }

    fn plan_now(&self, follower: FollowerKey) -> Reply<'_, PlanNow> {
        Box::pin(std::future::ready(self.plan_of(follower)))
    }

    fn plan_wished(&self, follower: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, PlanNow> {
        Box::pin(std::future::ready(self.preview(follower, &who, &body)))
    }

    fn past(&self, follower: FollowerKey, wanted: PastWanted) -> Reply<'_, Past> {
        Box::pin(self.past_of(follower, wanted))
    }

    fn evidence(&self, follower: FollowerKey) -> Reply<'_, serde_json::Value> {
        Box::pin(std::future::ready(self.evidence_of(follower)))
    }

    fn recreate(&self, follower: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, Done> {
        Box::pin(self.request_recreate(follower, who, body))
    }

    fn acknowledge(&self, follower: FollowerKey, who: Caller, reason: String) -> Reply<'_, Done> {
        Box::pin(self.acknowledge_cause(follower, who, reason))
    }

    fn extend_runway(&self, follower: FollowerKey, request: RunwayRequest, who: Caller) -> Reply<'_, Done> {
        Box::pin(self.change_runway(follower, request, who))
    }

    fn plans(&self, open_only: bool) -> Reply<'_, Plans> {
        Box::pin(self.all_plans(open_only))
    }

    fn plan(&self, hash: PlanHash) -> Reply<'_, PlanDetail> {
        Box::pin(self.one_plan(hash))
    }

    fn approve(&self, hash: PlanHash, who: Caller, body: ApproveBody) -> Reply<'_, Done> {
        Box::pin(self.approve_plan(hash, who, body))
    }

    fn reject(&self, hash: PlanHash, who: Caller, reason: String) -> Reply<'_, Done> {
        Box::pin(self.reject_plan(hash, who, reason))
    }

    fn runs(&self, limit: u32) -> Reply<'_, Runs> {
        Box::pin(self.newest_runs(limit))
    }

    fn run(&self, id: RunId) -> Reply<'_, RunDetail> {
        Box::pin(self.one_run(id))
    }

    fn abort(&self, id: RunId, who: Caller) -> Reply<'_, Done> {
        Box::pin(self.abort_run(id, who))
    }

    fn brakes(&self) -> Reply<'_, Brakes> {
        Box::pin(std::future::ready(Ok(self.all_brakes())))
    }

    fn brake(&self, request: BrakeRequest, who: Caller) -> Reply<'_, Done> {
        Box::pin(self.engage(request, who))
    }

    fn release(&self, scope: BrakeScope, who: Caller) -> Reply<'_, Done> {
        Box::pin(self.let_go(scope, who))
    }

    fn begin_drill(&self, body: DrillBody, who: Caller) -> Reply<'_, DrillReport> {
        Box::pin(self.call_drill(body, who))
    }

    fn drill(&self) -> Reply<'_, DrillReport> {
        Box::pin(std::future::ready(self.newest_drill()))
    }

    fn try_receivers(&self, body: NotifyTestBody, who: Caller) -> Reply<'_, TriedReceivers> {
        Box::pin(self.try_them(body, who))
    }

    fn notifications(&self) -> Notifications {
        self.all_notifications()
    }

    fn audit(&self, wanted: AuditWanted) -> Reply<'_, AuditStory> {
        Box::pin(self.audit_story(wanted))
    }

    fn verify_audit(&self) -> Reply<'_, AuditVerdict> {
        Box::pin(self.audit_verdict())
    }

    fn events(&self, after: u64) -> Reply<'_, Events> {
        Box::pin(std::future::ready(Ok(self.events_after(after))))
    }

    fn token(&self, digest: &str) -> Option<Grant> {
        self.0.grant_of(digest)
    }

    fn grant(&self, id: &str) -> Option<Grant> {
        self.0.grant_by_id(id)
    }

    fn tokens(&self) -> Vec<Token> {
        self.0.tokens()
    }

    fn add_token(&self, token: Token, who: Caller) -> Reply<'_, ()> {
        Box::pin(self.keep_token(token, who))
    }

    fn revoke_token(&self, id: String, who: Caller) -> Reply<'_, Done> {
        Box::pin(self.end_token(id, who))
    }

    fn metrics_piece(&self, wanted: &Scrape, number: usize, open_metrics: bool) -> Option<String> {
        let now = self.0.now();
        // Nobody else waits for longer than one piece takes.
        let book = self.0.lock();
        let snapshot = book.metrics_of(now, wanted);
        if number == 0 && wanted.part == Part::Everything {
            match self.0.metrics.left_out(&snapshot) {
                Some(0) => tracing::info!("no series is left out of /metrics any more"),
                Some(count) => tracing::warn!(
                    "up to {count} series of the least sick followers are left out of /metrics: there are more than metrics.max_series"
                ),
                None => {}
            }
        }
        let format = if open_metrics {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        };
        self.0.metrics.piece(&snapshot, number, format)
    }

    fn follower_count(&self) -> usize {
        self.0.lock().followers.len()
    }

    fn cluster_names(&self) -> Vec<ClusterName> {
        self.0.lock().clusters.keys().cloned().collect()
    }

    fn ready(&self) -> Result<(), Vec<String>> {
        let book = self.0.lock();
        let missing: Vec<String> = book
            .clusters
            .iter()
            .filter(|(_, cluster)| !cluster.tried)
            .map(|(name, _)| format!("cluster `{name}` was not looked at yet"))
            .collect();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}
