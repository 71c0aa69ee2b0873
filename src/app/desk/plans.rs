//! Plans and people's words on them.

use crate::app::desk::text::{cost_of, owners_of, steps_of};
use crate::app::desk::{Desk, stored};
use crate::domain::decision::GuardResult;
use crate::domain::ids::{ClusterName, FollowerKey, PlanHash, SnapshotRef};
use crate::domain::plan::{LeaseWay, Override, PlanRecord, PlanState, Wishes};
use crate::http::dto::{
    ApproveBody, Caller, Done, PlanDetail, PlanItem, PlanNow, Plans, Problem, RecreateBody,
};
use crate::policy::{self, ConsentError};

impl Desk {
    pub(super) fn unknown_follower(&self, key: &FollowerKey) -> Problem {
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

    /// Whose rights the follow tasks of a cluster will keep after a resume or a follow of ours.
    pub(super) fn follow_as(&self, cluster: &ClusterName) -> Option<String> {
        self.0.client(cluster)?.follow_as().map(str::to_owned)
    }

    /// A plan by its hash: from the book, else from the store.
    pub(super) async fn record(&self, hash: &PlanHash) -> Result<PlanRecord, Problem> {
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

    pub(super) fn plan_item(&self, record: &PlanRecord) -> PlanItem {
        let book = self.0.lock();
        let guards = book
            .followers
            .get(&record.plan.basis.key())
            .filter(|entry| entry.plan.as_ref() == Some(&record.plan.hash))
            .and_then(|entry| entry.assessment.as_ref())
            .map(|assessment| assessment.decision.guards.clone())
            .unwrap_or_default();
        let guards = book
            .extension_guards
            .get(&record.plan.hash)
            .cloned()
            .unwrap_or(guards);
        let mut item = plan_item(record, guards, &book.settings.policy);
        if let (Some(period), Some(entry)) = (
            &record.plan.basis.extend_runway,
            book.followers.get(&record.plan.basis.key()),
        ) {
            item.cost = Some(policy::extend::cost(&entry.facts, period));
        }
        item
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
        let mut detail = detail;
        if let Some(detail) = detail.as_object_mut() {
            detail.insert("follower".to_owned(), next.plan.basis.key().to_string().into());
        }
        self.note(who, kind, next.plan.hash.to_string(), detail).await?;
        let now = self.0.now();
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

    pub(super) async fn request_recreate(
        &self,
        follower: FollowerKey,
        who: Caller,
        body: RecreateBody,
    ) -> Result<Done, Problem> {
        let wishes = wishes(&body, &who.name)?;
        let now = self.0.now();
        let mut effects = Vec::new();
        let made = {
            let mut book = self.0.lock();
            book.request_recreate(&follower, &who.name, &wishes, now, &mut effects)
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
    }

    /// What [`Desk::request_recreate`] would make, with nothing made.
    pub(super) fn preview(
        &self,
        follower: FollowerKey,
        who: &Caller,
        body: &RecreateBody,
    ) -> Result<PlanNow, Problem> {
        let wishes = wishes(body, &who.name)?;
        let follow_as = self.follow_as(&follower.cluster);
        let now = self.0.now();
        let (made, settings) = {
            let book = self.0.lock();
            (
                book.preview_recreate(&follower, &who.name, &wishes, now),
                book.settings.policy.clone(),
            )
        };
        let (record, decision) = match made {
            None => return Err(self.unknown_follower(&follower)),
            Some(Err(problems)) => {
                return Err(Problem::refused(
                    "plan",
                    format!("no plan could be made: {}", problems.join("; ")),
                )
                .remedy("`refollow why` shows what is known of it"));
            }
            Some(Ok(made)) => made,
        };
        Ok(PlanNow {
            follower,
            decision: decision.kind,
            reasons: decision.reasons,
            plan: Some(PlanDetail {
                item: plan_item(&record, decision.guards, &settings),
                steps: steps_of(&record),
                owners: owners_of(&record, follow_as.as_deref()),
                plan: record.plan,
            }),
            stored: false,
        })
    }

    pub(super) async fn all_plans(&self, open_only: bool) -> Result<Plans, Problem> {
        let records = self
            .0
            .store
            .plans(open_only)
            .await
            .map_err(|error| stored(&error))?;
        Ok(Plans {
            plans: records.iter().map(|record| self.plan_item(record)).collect(),
        })
    }

    pub(super) async fn one_plan(&self, hash: PlanHash) -> Result<PlanDetail, Problem> {
        let record = self.record(&hash).await?;
        Ok(PlanDetail {
            item: self.plan_item(&record),
            steps: steps_of(&record),
            owners: owners_of(&record, self.follow_as(&record.plan.basis.cluster).as_deref()),
            plan: record.plan,
        })
    }

    pub(super) async fn approve_plan(
        &self,
        hash: PlanHash,
        who: Caller,
        body: ApproveBody,
    ) -> Result<Done, Problem> {
        if !body.overrides.is_empty() {
            return Err(
                Problem::refused(
                    "overrides",
                    "an approval overrides nothing: what is overridden stands in the plan and its hash",
                )
                .remedy("`refollow recreate <cluster>/<index> --override <guard>=<index> --snapshot <repository>/<snapshot>` makes a plan that does"),
            );
        }
        let before = self.record(&hash).await?;
        let (approvers, rules) = {
            let book = self.0.lock();
            (
                book.settings.policy.approvers,
                book.settings.policy.approval.clone(),
            )
        };
        // The same person's second yes answers what the first did and changes nothing.
        let said = before.consents.iter().any(|consent| consent.by == who.name);
        if said && matches!(before.state, PlanState::Approved | PlanState::Running { .. }) {
            return Ok(Done {
                message: approved_words(&hash),
                plan: Some(self.plan_item(&before)),
                run: None,
            });
        }
        let voter = policy::Voter {
            name: &who.name,
            groups: &who.groups,
        };
        if let Err(error) = policy::may_approve(&before.plan, voter, body.lose.as_deref(), &rules) {
            let detail = serde_json::json!({"uid": who.uid, "token": who.token, "reason": error.to_string(),
                "follower": before.plan.basis.key()});
            self.note(&who.name, "approval_refused", hash.to_string(), detail)
                .await?;
            return Err(refused(&error));
        }
        let next = policy::consent(&before, &who.name, body.note.clone(), self.0.now(), approvers)
            .map_err(|error| refused(&error))?;
        if next == before {
            return Ok(Done {
                message: noted_words(&hash, next.consents.len(), approvers),
                plan: Some(self.plan_item(&before)),
                run: None,
            });
        }
        let detail = serde_json::json!({"uid": who.uid, "token": who.token, "note": body.note, "lose": body.lose,
            "consents": next.consents.len(), "needed": approvers});
        let approved = next.state == PlanState::Approved;
        let consents = next.consents.len();
        let item = self.word(before, next, &who.name, "approved", detail).await?;
        let message = if approved {
            approved_words(&hash)
        } else {
            noted_words(&hash, consents, approvers)
        };
        Ok(Done {
            message,
            plan: Some(item),
            run: None,
        })
    }

    pub(super) async fn reject_plan(
        &self,
        hash: PlanHash,
        who: Caller,
        reason: String,
    ) -> Result<Done, Problem> {
        let before = self.record(&hash).await?;
        let next =
            policy::reject(&before, &who.name, &reason, self.0.now()).map_err(|error| refused(&error))?;
        let detail = serde_json::json!({"uid": who.uid, "token": who.token, "reason": reason});
        let item = self.word(before, next, &who.name, "rejected", detail).await?;
        Ok(Done {
            message: format!("{hash} is rejected until the facts change"),
            plan: Some(item),
            run: None,
        })
    }
}

fn noted_words(hash: &PlanHash, consents: usize, approvers: u32) -> String {
    format!("noted: {consents} of {approvers} approvals for {hash}")
}

fn approved_words(hash: &PlanHash) -> String {
    format!("{hash} is approved; its run starts as soon as guards and limits let it (`refollow runs`)")
}

fn refused(error: &ConsentError) -> Problem {
    use crate::http::dto::ProblemKind;
    match error {
        ConsentError::Expired { .. } => Problem::new(ProblemKind::Expired, error.to_string()),
        ConsentError::Void { .. } => Problem::new(ProblemKind::Void, error.to_string())
            .remedy("`refollow plans` shows the plan that took its place, if one did"),
        ConsentError::Rejected { .. } => Problem::refused("rejected", error.to_string()),
        ConsentError::NotAllowed { .. } => Problem::refused("approval_persons", error.to_string()),
        ConsentError::Lose { .. } => Problem::refused("approval_lose", error.to_string()),
        ConsentError::Never => Problem::refused("approval_never", error.to_string()),
        ConsentError::TooLate { .. } => Problem::refused("too_late", error.to_string()),
    }
}

/// A plan in short.
pub fn plan_item(record: &PlanRecord, guards: Vec<GuardResult>, settings: &policy::Settings) -> PlanItem {
    let cost = cost_of(&record.plan, &guards);
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
        approvers_needed: Some(settings.approvers),
        requested_by: record.requested_by.clone(),
        state_reason: match &record.state {
            PlanState::Rejected { by, reason } => Some(format!("{by}: {reason}")),
            PlanState::Void { reason } => Some(reason.clone()),
            PlanState::Running { run } | PlanState::Done { run } => Some(format!("run {run}")),
            PlanState::Pending | PlanState::Approved | PlanState::Expired => None,
        },
        kind: if record.plan.basis.extend_runway.is_some() {
            "extend_runway"
        } else if record.plan.basis.beside.is_some() {
            "side_by_side"
        } else {
            "repair"
        }
        .to_owned(),
        cost,
        must_type: policy::to_be_typed(&record.plan, &settings.approval),
        replaces: record.plan.figures.replaces.clone(),
    }
}

/// What a person asks for beside the recreate, with their name.
fn wishes(body: &RecreateBody, who: &str) -> Result<Wishes, Problem> {
    let snapshot = body
        .snapshot
        .as_ref()
        .map(|text| {
            SnapshotRef::parse(text).ok_or_else(|| {
                Problem::refused(
                    "snapshot",
                    format!("`{text}` is not a snapshot: write <repository>/<snapshot>"),
                )
            })
        })
        .transpose()?;
    let lease = match body.lease.as_deref() {
        None => LeaseWay::Forget,
        Some(text) => LeaseWay::parse(text).ok_or_else(|| {
            Problem::refused("lease", format!("`{text}` is none of forget, wait, unfollow"))
        })?,
    };
    Ok(Wishes {
        overrides: body
            .overrides
            .iter()
            .map(|wish| Override {
                index: wish.index.clone(),
                fact: wish.fact.clone(),
                person: who.to_owned(),
            })
            .collect(),
        snapshot,
        lease,
        beside: body.beside.clone(),
    })
}
