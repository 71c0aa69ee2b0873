//! What people and programs may ask of the engine: [`Daemon`] for the HTTP and admin servers.
//!
//! Reads come from the book as it stands; what changes something is checked by the policy,
//! stored, and only then said to be done.

use std::sync::Arc;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::{DecisionKind, GuardResult};
use crate::domain::handbook;
use crate::domain::ids::{FollowerKey, IndexName, PlanHash, RemoteAlias, RunId};
use crate::domain::journal::{Event, StepAnswer};
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::run::Run;
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, after};
use crate::engine::Engine;
use crate::engine::book::FollowerEntry;
use crate::http::dto::{
    ApproveBody, BrakeItem, BrakeRequest, Brakes, Caller, ClusterItem, Clusters, Daemon, Done, EventItem,
    Events, FollowerItem, PlanDetail, PlanItem, PlanNow, Plans, Problem, RemoteItem, Reply, RunDetail,
    RunItem, Runs, Status, StepItem, Why,
};
use crate::metrics::{Format, HeldStep};
use crate::policy::{self, ConsentError};
use crate::store::{AuditEvent, StoreError};

/// The engine as the servers see it.
#[derive(Debug, Clone)]
pub struct Desk(pub Arc<Engine>);

impl Desk {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    async fn audit(
        &self,
        who: &str,
        kind: &str,
        subject: String,
        detail: serde_json::Value,
    ) -> Result<(), Problem> {
        let event = AuditEvent {
            at: self.now(),
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

    fn unknown_follower(&self, key: &FollowerKey) -> Problem {
        let book = self.0.lock();
        let wanted = key.to_string();
        let nearest = book
            .followers
            .keys()
            .map(ToString::to_string)
            .map(|known| (strsim::damerau_levenshtein(&known, &wanted), known))
            .min()
            .filter(|(distance, _)| *distance <= 4)
            .map(|(_, known)| format!("did you mean `{known}`?"));
        Problem::not_found(format!("no follower `{key}` is known")).remedy(
            nearest.unwrap_or_else(|| "`refollow status` lists the followers that are known".to_owned()),
        )
    }

    fn unknown_plan(hash: &PlanHash) -> Problem {
        Problem::not_found(format!("no plan `{hash}`")).remedy("`refollow plans` lists them")
    }

    /// A plan by its hash: from the book, else from the store.
    async fn record(&self, hash: &PlanHash) -> Result<PlanRecord, Problem> {
        if let Some(record) = self.0.lock().plans.get(hash) {
            return Ok(record.clone());
        }
        self.0
            .store
            .plan(hash)
            .await
            .map_err(|error| stored(&error))?
            .ok_or_else(|| Self::unknown_plan(hash))
    }

    fn plan_item(&self, record: &PlanRecord) -> PlanItem {
        let book = self.0.lock();
        let guards = book
            .followers
            .get(&record.plan.basis.key())
            .filter(|entry| entry.plan.as_ref() == Some(&record.plan.hash))
            .and_then(|entry| entry.assessment.as_ref())
            .map(|assessment| assessment.decision.guards.clone())
            .unwrap_or_default();
        plan_item(record, guards, book.settings.policy.approvers)
    }

    /// Puts a person's word on a plan into the store and the book.
    async fn word(
        &self,
        before: PlanRecord,
        next: PlanRecord,
        who: &str,
        kind: &str,
        detail: serde_json::Value,
    ) -> Result<PlanItem, Problem> {
        self.0
            .store
            .save_plan(&next, Some(&before))
            .await
            .map_err(|error| stored(&error))?;
        self.audit(who, kind, next.plan.hash.to_string(), detail).await?;
        let now = self.now();
        let effects = {
            let mut book = self.0.lock();
            let key = next.plan.basis.key();
            book.story.tell(
                now,
                crate::engine::events::EventKind::Plan,
                Some(&key),
                format!(
                    "plan {} for `{key}`: {kind} by {who}",
                    crate::engine::book::short(&next.plan.hash)
                ),
            );
            if !next.state.is_open()
                && let Some(entry) = book.followers.get_mut(&key)
                && entry.plan.as_ref() == Some(&next.plan.hash)
            {
                entry.plan = None;
            }
            book.plans.insert(next.plan.hash.clone(), next.clone());
            book.decide(now)
        };
        self.0.perform(effects).await;
        Ok(self.plan_item(&next))
    }

    async fn run_item(&self, id: &RunId) -> Result<(RunItem, Vec<crate::domain::journal::Entry>), Problem> {
        let entries = self.0.store.journal(id).await.map_err(|error| stored(&error))?;
        let item = run_item(id, &entries).ok_or_else(|| {
            Problem::not_found(format!("no run `{id}`")).remedy("`refollow runs` lists them")
        })?;
        Ok((item, entries))
    }
}

fn stored(error: &StoreError) -> Problem {
    Problem::failed(format!("the store did not take it: {error}"))
        .remedy("nothing was done; look at `refollow status` and try again")
}

fn refused(error: &ConsentError) -> Problem {
    use crate::http::dto::ProblemKind;
    match error {
        ConsentError::Expired { .. } => Problem::new(ProblemKind::Expired, error.to_string()),
        ConsentError::Void { .. } => Problem::new(ProblemKind::Void, error.to_string())
            .remedy("`refollow plans` shows the plan that took its place, if one did"),
        ConsentError::Rejected { .. } => Problem::refused("rejected", error.to_string()),
        ConsentError::Never => Problem::refused("approval_never", error.to_string()),
        ConsentError::TooLate { .. } => Problem::refused("too_late", error.to_string()),
    }
}

fn follower_item(key: &FollowerKey, entry: &FollowerEntry) -> FollowerItem {
    FollowerItem {
        cluster: key.cluster.clone(),
        index: key.index.clone(),
        state: entry.state(),
        cause: entry.cause(),
        decision: entry
            .assessment
            .as_ref()
            .map_or(DecisionKind::Wait, |assessment| assessment.decision.kind),
        lag_operations: entry.lag,
        runway_expires_at: entry.runway,
        incident: entry.run.as_ref().map(|run| format!("run {run}")),
        remote: entry.facts.remote.clone(),
        leader: entry.facts.leader_index.clone(),
        plan: entry.plan.clone(),
        looked_at: entry.verdict.as_ref().map(|_| entry.facts.now),
        flapping: entry.verdict.as_ref().is_some_and(|verdict| verdict.flapping),
    }
}

/// A plan in short.
pub fn plan_item(record: &PlanRecord, guards: Vec<GuardResult>, approvers: u32) -> PlanItem {
    PlanItem {
        hash: record.plan.hash.clone(),
        follower: record.plan.basis.key(),
        cause: record.plan.basis.cause,
        ladder: record.plan.basis.ladder.clone(),
        approval: record.plan.approval,
        state: record.state.as_str().to_owned(),
        expires_at: record.expires_at,
        guards,
        created_at: Some(record.plan.created_at),
        bytes: record.plan.figures.bytes,
        eta_seconds: record.plan.figures.eta_seconds,
        consents: record.consents.clone(),
        approvers_needed: Some(approvers),
        requested_by: record.requested_by.clone(),
        state_reason: match &record.state {
            PlanState::Rejected { by, reason } => Some(format!("{by}: {reason}")),
            PlanState::Void { reason } => Some(reason.clone()),
            PlanState::Running { run } | PlanState::Done { run } => Some(format!("run {run}")),
            PlanState::Pending | PlanState::Approved | PlanState::Expired => None,
        },
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

/// What a run of a plan sends, in order, for people.
fn steps_of(record: &PlanRecord) -> Vec<String> {
    let basis = &record.plan.basis;
    let (follower, leader, remote) = (&basis.follower, &basis.leader, &basis.remote);
    let parameters = serde_json::to_string(&basis.parameters).unwrap_or_default();
    let mut steps = Vec::new();
    for rung in &basis.ladder {
        match rung {
            Remedy::Resume => {
                steps.push(format!("POST /{follower}/_ccr/pause_follow, and see it paused"));
                steps.push(format!(
                    "POST /{follower}/_ccr/resume_follow {parameters}, and see whether it follows"
                ));
            }
            Remedy::Recreate => {
                steps.push(format!("POST /{follower}/_ccr/pause_follow, and see it paused"));
                steps.push(format!("POST /{follower}/_close, and see it closed: from here until the copy is done it cannot be searched"));
                steps.push(format!(
                    "POST /{leader}/_ccr/forget_follower on the leader cluster, and see the lease gone"
                ));
                steps.push(format!(
                    "PUT /{follower}/_ccr/follow?wait_for_active_shards=1 from {remote}:{leader} — every local segment is replaced"
                ));
                steps.push("watch the copy, put own settings back, verify".to_owned());
            }
            Remedy::DeleteAndFollow => {
                steps.push("delete and follow as a new index (not built in this version)".to_owned());
            }
            Remedy::Wait | Remedy::Human => {}
        }
    }
    steps
}

/// The short form of the cause's section, with this follower's names.
fn handbook_of(key: &FollowerKey, entry: &FollowerEntry) -> Option<handbook::Short> {
    let leader = entry.facts.leader_index.as_ref().map(IndexName::as_str);
    let alias = entry.facts.remote.as_ref().map(RemoteAlias::as_str);
    handbook::short(
        entry.cause(),
        &handbook::Names {
            key: &key.to_string(),
            follower: key.index.as_str(),
            leader: leader.unwrap_or("<leader>"),
            alias: alias.unwrap_or("<alias>"),
        },
    )
}

fn searchable(state: State) -> String {
    match state {
        State::Closed => "no: it is closed".to_owned(),
        State::Restoring => "no: it is being restored".to_owned(),
        State::Red => "in part or not at all: a primary is not allocated".to_owned(),
        State::Missing => "no: it does not exist".to_owned(),
        State::Unknown => "not known: it could not be looked at".to_owned(),
        State::Fatal | State::Paused | State::Retrying | State::Stalled | State::CatchingUp => {
            "yes, with the documents it has; newer ones are missing".to_owned()
        }
        State::Following => "yes".to_owned(),
    }
}

fn staleness(entry: &FollowerEntry) -> String {
    let behind = match entry.lag {
        Some(lag) => format!("{lag} operations behind the leader"),
        None => "how far behind is not known".to_owned(),
    };
    match entry.memory.last_well_at {
        Some(at) => format!("{behind}; last seen well at {at}"),
        None => format!("{behind}; never seen well by this installation"),
    }
}

fn cost_of_waiting(entry: &FollowerEntry, now: Timestamp) -> String {
    match (entry.cause(), entry.runway) {
        (Cause::None, _) => "nothing".to_owned(),
        (Cause::HistoryLost, _) => {
            "it stays stale: the history it needs is gone, and only a recreate brings it back".to_owned()
        }
        (_, Some(end)) if end <= now => {
            format!(
                "the runway ended at {end}: what it needs may be lost from now on. Whether it is, only a resume tells"
            )
        }
        (_, Some(end)) => {
            format!(
                "from {end} on the leader may discard what it needs; until then a resume can still cure it"
            )
        }
        (_, None) => "how long the leader keeps what it needs is not known".to_owned(),
    }
}

impl Daemon for Desk {
    fn status(&self) -> Status {
        let book = self.0.lock();
        let followers = book
            .followers
            .iter()
            .map(|(key, entry)| follower_item(key, entry))
            .collect();
        let mut notes = Vec::new();
        if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
            notes.push(format!(
                "the brake file {} brakes everything",
                book.settings.brake_file.display()
            ));
        }
        for (name, cluster) in &book.clusters {
            if let Some(why) = &cluster.last_error {
                notes.push(format!("cluster `{name}` cannot be looked at: {why}"));
            }
        }
        for (key, step, since) in book.held() {
            let how = match step {
                HeldStep::Pause => "paused",
                HeldStep::Close => "closed",
            };
            notes.push(format!("`{key}` is held {how} by refollow since {since}"));
        }
        Status { followers, notes }
    }

    fn clusters(&self) -> Clusters {
        let book = self.0.lock();
        let clusters = book
            .clusters
            .iter()
            .map(|(name, cluster)| ClusterItem {
                name: name.clone(),
                up: cluster.tried.then_some(cluster.up),
                version: cluster.version.clone(),
                cluster_uuid: cluster.uuid.as_ref().map(ToString::to_string),
                last_look_at: cluster.last_look_at,
                last_success_at: cluster.last_ok_at,
                followers: book.followers.keys().filter(|key| &key.cluster == name).count() as u64,
                problem: cluster.last_error.clone(),
                remotes: cluster
                    .remotes
                    .iter()
                    .map(|(alias, connected)| RemoteItem {
                        alias: alias.clone(),
                        cluster: cluster.settings.remotes.get(alias).cloned(),
                        connected: *connected,
                    })
                    .collect(),
            })
            .collect();
        Clusters { clusters }
    }

    fn why(&self, follower: FollowerKey) -> Reply<'_, Why> {
        Box::pin(async move {
            let now = self.now();
            let answer = {
                let book = self.0.lock();
                book.followers.get(&follower).map(|entry| {
                    let decision = entry.assessment.as_ref().map(|assessment| &assessment.decision);
                    let verdict = entry.verdict.as_ref();
                    Why {
                        follower: follower_item(&follower, entry),
                        guards: decision
                            .map(|decision| decision.guards.clone())
                            .unwrap_or_default(),
                        reasons: decision.map_or_else(
                            || vec!["it was not looked at yet".to_owned()],
                            |decision| decision.reasons.clone(),
                        ),
                        also: verdict.map(|verdict| verdict.also.clone()).unwrap_or_default(),
                        ladder: verdict.map(|verdict| verdict.ladder.clone()).unwrap_or_default(),
                        approval: verdict.map(|verdict| verdict.approval),
                        evidence: verdict
                            .map(|verdict| verdict.evidence.clone())
                            .unwrap_or_default(),
                        searchable: Some(searchable(entry.state())),
                        staleness: Some(staleness(entry)),
                        cost_of_waiting: Some(cost_of_waiting(entry, now)),
                        handbook: handbook_of(&follower, entry),
                    }
                })
            };
            answer.ok_or_else(|| self.unknown_follower(&follower))
        })
    }

    fn plan_now(&self, follower: FollowerKey) -> Reply<'_, PlanNow> {
        Box::pin(async move {
            let answer = {
                let book = self.0.lock();
                let approvers = book.settings.policy.approvers;
                book.followers.get(&follower).map(|entry| {
                    let assessment = entry.assessment.as_ref();
                    let guards = assessment
                        .map(|found| found.decision.guards.clone())
                        .unwrap_or_default();
                    let kept = entry.plan.as_ref().and_then(|hash| book.plans.get(hash));
                    let shown = kept.cloned().or_else(|| {
                        let plan = assessment.and_then(|found| found.plan.clone())?;
                        Some(policy::new_record(
                            plan,
                            entry.facts.now,
                            &book.settings.policy,
                            None,
                        ))
                    });
                    PlanNow {
                        follower: follower.clone(),
                        decision: assessment.map_or(DecisionKind::Wait, |found| found.decision.kind),
                        reasons: assessment
                            .map(|found| found.decision.reasons.clone())
                            .unwrap_or_default(),
                        plan: shown.map(|record| PlanDetail {
                            item: plan_item(&record, guards, approvers),
                            steps: steps_of(&record),
                            plan: record.plan,
                        }),
                        stored: kept.is_some(),
                    }
                })
            };
            answer.ok_or_else(|| self.unknown_follower(&follower))
        })
    }

    fn evidence(&self, follower: FollowerKey) -> Reply<'_, serde_json::Value> {
        Box::pin(async move {
            self.0
                .lock()
                .evidence(&follower)
                .ok_or_else(|| self.unknown_follower(&follower))
        })
    }

    fn recreate(&self, follower: FollowerKey, who: Caller) -> Reply<'_, Done> {
        Box::pin(async move {
            let now = self.now();
            let mut effects = Vec::new();
            let made = {
                let mut book = self.0.lock();
                book.request_recreate(&follower, &who.name, now, &mut effects)
            };
            let record = match made {
                None => return Err(self.unknown_follower(&follower)),
                Some(Err(problems)) => {
                    return Err(Problem::refused(
                        "plan",
                        format!("no plan can be made: {}", problems.join("; ")),
                    )
                    .remedy("`refollow why` shows what is known of it"));
                }
                Some(Ok(record)) => record,
            };
            self.0.perform(effects).await;
            let message = format!(
                "plan {} made; nothing is done before somebody approves it (`refollow approve {}`)",
                record.plan.hash, record.plan.hash
            );
            Ok(Done {
                message,
                plan: Some(self.plan_item(&record)),
                run: None,
            })
        })
    }

    fn plans(&self, open_only: bool) -> Reply<'_, Plans> {
        Box::pin(async move {
            let records = self
                .0
                .store
                .plans(open_only)
                .await
                .map_err(|error| stored(&error))?;
            Ok(Plans {
                plans: records.iter().map(|record| self.plan_item(record)).collect(),
            })
        })
    }

    fn plan(&self, hash: PlanHash) -> Reply<'_, PlanDetail> {
        Box::pin(async move {
            let record = self.record(&hash).await?;
            Ok(PlanDetail {
                item: self.plan_item(&record),
                steps: steps_of(&record),
                plan: record.plan,
            })
        })
    }

    fn approve(&self, hash: PlanHash, who: Caller, body: ApproveBody) -> Reply<'_, Done> {
        Box::pin(async move {
            if !body.overrides.is_empty() {
                return Err(
                    Problem::refused("overrides", "overriding a guard is not built in this version")
                        .remedy("the guards of the plan must pass as they are"),
                );
            }
            let before = self.record(&hash).await?;
            let approvers = self.0.lock().settings.policy.approvers;
            let next = policy::consent(&before, &who.name, body.note.clone(), self.now(), approvers)
                .map_err(|error| refused(&error))?;
            let detail = serde_json::json!({"uid": who.uid, "note": body.note});
            let approved = next.state == PlanState::Approved;
            let consents = next.consents.len();
            let item = self.word(before, next, &who.name, "approved", detail).await?;
            let message = if approved {
                format!(
                    "{hash} is approved; its run starts as soon as guards and limits let it (`refollow runs`)"
                )
            } else {
                format!("noted: {consents} of {approvers} approvals for {hash}")
            };
            Ok(Done {
                message,
                plan: Some(item),
                run: None,
            })
        })
    }

    fn reject(&self, hash: PlanHash, who: Caller, reason: String) -> Reply<'_, Done> {
        Box::pin(async move {
            let before = self.record(&hash).await?;
            let next =
                policy::reject(&before, &who.name, &reason, self.now()).map_err(|error| refused(&error))?;
            let detail = serde_json::json!({"uid": who.uid, "reason": reason});
            let item = self.word(before, next, &who.name, "rejected", detail).await?;
            Ok(Done {
                message: format!("{hash} is rejected until the facts change"),
                plan: Some(item),
                run: None,
            })
        })
    }

    fn runs(&self, limit: u32) -> Reply<'_, Runs> {
        Box::pin(async move {
            let mut runs = Vec::new();
            for summary in self.0.store.runs(limit).await.map_err(|error| stored(&error))? {
                runs.push(self.run_item(&summary.id).await?.0);
            }
            Ok(Runs { runs })
        })
    }

    fn run(&self, id: RunId) -> Reply<'_, RunDetail> {
        Box::pin(async move {
            let (item, journal) = self.run_item(&id).await?;
            let undo = match journal.first().map(|entry| &entry.event) {
                Some(Event::Opened { before, .. }) => before.undo.clone(),
                _ => Vec::new(),
            };
            Ok(RunDetail { item, journal, undo })
        })
    }

    fn abort(&self, id: RunId, who: Caller) -> Reply<'_, Done> {
        Box::pin(async move {
            let (item, journal) = self.run_item(&id).await?;
            if item.outcome.is_some() {
                return Err(Problem::refused("ended", format!("run {id} has ended already")));
            }
            let sent = journal.iter().any(|entry| {
                matches!(
                    &entry.event,
                    Event::Intent {
                        step: crate::domain::step::Step::Follow,
                        ..
                    }
                )
            }) && !journal.iter().rev().any(|entry| {
                matches!(
                    &entry.event,
                    Event::Answered {
                        step: crate::domain::step::Step::Follow,
                        answer: StepAnswer::NotSent { .. }
                    }
                )
            });
            if sent {
                return Err(Problem::refused(
                    "point_of_no_return",
                    format!(
                        "run {id} has sent its PUT follow: the old copy is gone or may be, and only finishing helps now"
                    ),
                ));
            }
            self.audit(
                &who.name,
                "abort",
                id.to_string(),
                serde_json::json!({"uid": who.uid}),
            )
            .await?;
            self.0.abort(&id);
            Ok(Done {
                message: format!("run {id} backs out"),
                plan: None,
                run: Some(id),
            })
        })
    }

    fn brakes(&self) -> Reply<'_, Brakes> {
        Box::pin(async move {
            let now = self.now();
            let book = self.0.lock();
            let mut brakes: Vec<BrakeItem> = book
                .brakes
                .iter()
                .map(|brake| BrakeItem {
                    scope: brake.scope.clone(),
                    owner: brake.owner.clone(),
                    reason: brake.reason.clone(),
                    engaged_at: Some(brake.engaged_at),
                    expires_at: brake.expires_at,
                    holds: brake.holds(now),
                })
                .collect();
            if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
                brakes.push(BrakeItem {
                    scope: BrakeScope::All,
                    owner: "file".to_owned(),
                    reason: format!("{} exists or cannot be read", book.settings.brake_file.display()),
                    engaged_at: None,
                    expires_at: None,
                    holds: true,
                });
            }
            Ok(Brakes { brakes })
        })
    }

    fn brake(&self, request: BrakeRequest, who: Caller) -> Reply<'_, Done> {
        Box::pin(async move {
            let now = self.now();
            let brake = Brake {
                scope: request.scope,
                owner: who.name.clone(),
                reason: request.reason,
                engaged_at: now,
                expires_at: request.length.map(|length| after(now, length)),
            };
            self.0
                .store
                .set_brake(&brake)
                .await
                .map_err(|error| stored(&error))?;
            let detail =
                serde_json::json!({"uid": who.uid, "reason": brake.reason, "expires_at": brake.expires_at});
            self.audit(&who.name, "brake_engaged", brake.scope.to_string(), detail)
                .await?;
            let until = brake
                .expires_at
                .map_or_else(|| "until released".to_owned(), |at| format!("until {at}"));
            let message = format!("brake `{}` engaged {until}", brake.scope);
            let mut book = self.0.lock();
            book.brakes.retain(|old| old.scope != brake.scope);
            book.story.tell(
                now,
                crate::engine::events::EventKind::Operator,
                None,
                format!("{message} by {}: {}", brake.owner, brake.reason),
            );
            book.brakes.push(brake);
            Ok(Done::say(message))
        })
    }

    fn release(&self, scope: BrakeScope, who: Caller) -> Reply<'_, Done> {
        Box::pin(async move {
            let held = self
                .0
                .store
                .release_brake(&scope)
                .await
                .map_err(|error| stored(&error))?;
            if !held {
                return Err(Problem::not_found(format!("no brake `{scope}` is engaged"))
                    .remedy("`refollow status` names the brakes; one engaged by file is released by removing the file"));
            }
            self.audit(
                &who.name,
                "brake_released",
                scope.to_string(),
                serde_json::json!({"uid": who.uid}),
            )
            .await?;
            let now = self.now();
            let mut book = self.0.lock();
            book.brakes.retain(|brake| brake.scope != scope);
            let message = format!("brake `{scope}` released");
            book.story.tell(
                now,
                crate::engine::events::EventKind::Operator,
                None,
                format!("{message} by {}", who.name),
            );
            Ok(Done::say(message))
        })
    }

    fn events(&self, after: u64) -> Reply<'_, Events> {
        Box::pin(async move {
            let events = self.0.lock().story.after(after);
            Ok(Events {
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
            })
        })
    }

    fn metrics_text(&self, open_metrics: bool) -> String {
        let now = self.now();
        let book = self.0.lock();
        let snapshot = book.metrics(now);
        let format = if open_metrics {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        };
        self.0.metrics.render(&snapshot, format)
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
