//! Buying time: raises the leader's lease period as an approved plan says, and puts it back.
//!
//! Level-triggered as a run is: what to do follows from the durable phase and from looking at the
//! leader. The phase is stored before a request is sent, no request is repeated without a look, and
//! a value that somebody else has set meanwhile is left alone.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::facts::Facts;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RunId};
use crate::domain::plan::{ExtendRunway, Plan, PlanRecord, PlanState};
use crate::domain::seen::Seen;
use crate::domain::time::{Span, millis_between};
use crate::elastic::read::Look;
use crate::elastic::transport::Credential;
use crate::elastic::wire;
use crate::elastic::write::Pin;
use crate::engine::Engine;
use crate::engine::book::short;
use crate::engine::events::EventKind;
use crate::engine::steps;
use crate::policy::extend::period_of;
use crate::policy::{self, Extension, ExtensionPhase, LeaderNow};
use crate::store::StoreError;

/// Key of all extensions in the store.
pub(crate) const EXTENSIONS_KEY: &str = "extensions";
/// Between two looks at what is to be raised or put back.
const BEAT: Duration = Duration::from_secs(5);
/// A request whose effect is not seen is sent again after this.
const PATIENCE_MS: i64 = 60_000;

impl Engine {
    /// Makes the plan that `refollow extend-runway` asks for; an error says why none can be made.
    /// `None`: no such follower is known.
    pub async fn request_extension(
        self: &Arc<Self>,
        key: &FollowerKey,
        to: Span,
        who: &str,
    ) -> Option<Result<PlanRecord, Vec<String>>> {
        let (mut facts, memory, verdict) = {
            let book = self.lock();
            let entry = book.followers.get(key)?;
            if let Some(active) = book.extensions.get(key) {
                return Some(Err(vec![format!(
                    "its leader's lease period is raised to {} already (plan {}); `--undo` puts it back",
                    active.period.value(),
                    short(&active.plan)
                )]));
            }
            (entry.facts.clone(), entry.memory.clone(), entry.verdict.clone())
        };
        let Some(verdict) = verdict else {
            return Some(Err(vec!["it was not looked at yet".to_owned()]));
        };
        let (Some(cluster), Some(leader)) = (facts.leader_cluster.clone(), facts.leader_index.clone()) else {
            return Some(Err(vec![
                "the leader cluster is not configured (`remotes`), so nothing can be set there".to_owned(),
            ]));
        };
        let there = self.leader_now(key, &cluster, &leader, &mut facts).await;
        let now = self.now();
        let plan = match policy::extension_plan(&verdict, &facts, &memory, &there, to, now) {
            Ok(plan) => plan,
            Err(missing) => return Some(Err(missing)),
        };
        let mut effects = Vec::new();
        let record = {
            let mut book = self.lock();
            if let Some(known) = book.plans.get(&plan.hash) {
                match &known.state {
                    PlanState::Pending | PlanState::Approved => return Some(Ok(known.clone())),
                    PlanState::Rejected { by, reason } => {
                        return Some(Err(vec![format!("{by} rejected exactly this plan ({reason})")]));
                    }
                    _ => {}
                }
            }
            let record = policy::new_record(plan, now, &book.settings.policy, Some(who.to_owned()));
            book.open_plan(record.clone(), now, &mut effects);
            record
        };
        self.perform(effects).await;
        Some(Ok(record))
    }

    /// A person asks for the end of an extension; false where there is none.
    ///
    /// # Errors
    /// When it could not be stored.
    pub async fn undo_extension(&self, key: &FollowerKey, who: &str) -> Result<bool, StoreError> {
        {
            let mut book = self.lock();
            let Some(extension) = book.extensions.get_mut(key) else {
                return Ok(false);
            };
            extension.undo_asked_by = Some(who.to_owned());
        }
        self.save_extensions().await.map(|()| true)
    }

    async fn save_extensions(&self) -> Result<(), StoreError> {
        let value = json!(
            self.lock()
                .extensions
                .iter()
                .map(|(key, extension)| (key.to_string(), extension.clone()))
                .collect::<std::collections::BTreeMap<_, _>>()
        );
        self.store.set_state(EXTENSIONS_KEY, &value).await
    }

    /// Looks at the leader index; what is learnt goes into the facts as well.
    async fn leader_now(
        &self,
        key: &FollowerKey,
        cluster: &ClusterName,
        leader: &IndexName,
        into: &mut Facts,
    ) -> LeaderNow {
        let mut facts = Facts::nothing(key.clone(), self.now());
        facts.remote.clone_from(&into.remote);
        facts.leader_index = Some(leader.clone());
        facts.leader_cluster = Some(cluster.clone());
        let privileges = Look::HasPrivileges {
            credential: Credential::Act,
            body: json!({"cluster": ["monitor"], "index": [{"names": [leader], "privileges": ["manage"]}]}),
        };
        if let Some(client) = self.client(cluster) {
            for look in [
                Look::Root,
                Look::Settings(vec![leader.clone()]),
                Look::IndexStats(vec![leader.clone()]),
                privileges,
            ] {
                for answer in client.look(&look).await {
                    let parsed = wire::parse(&answer);
                    wire::learn(&mut facts, &parsed);
                    if !matches!(look, Look::HasPrivileges { .. }) {
                        wire::learn(into, &parsed);
                    }
                }
            }
        }
        let settings = facts.leader.settings.now();
        LeaderNow {
            cluster_uuid: match facts.leader.root.now() {
                Seen::Present(root) => root
                    .cluster_uuid
                    .clone()
                    .map_or_else(|| Seen::unknown("it shows no cluster_uuid"), Seen::Present),
                Seen::Absent => Seen::unknown("it did not say who it is"),
                Seen::Unknown(why) => Seen::unknown(why),
            },
            index_uuid: match (&settings, facts.leader_uuid()) {
                (Seen::Absent, _) => Seen::Absent,
                (Seen::Unknown(why), _) => Seen::unknown(why.clone()),
                (Seen::Present(_), Some(uuid)) => Seen::Present(uuid),
                (Seen::Present(_), None) => Seen::unknown("its settings show no UUID"),
            },
            period: match &settings {
                Seen::Present(settings) => settings
                    .get(ExtendRunway::SETTING)
                    .map_or(Seen::Absent, |text| Seen::Present(text.clone())),
                Seen::Absent => Seen::unknown("the leader index does not exist"),
                Seen::Unknown(why) => Seen::unknown(why.clone()),
            },
            may_manage: match facts.leader.privileges.now() {
                Seen::Present(have) => have.get("index:manage").map_or_else(
                    || Seen::unknown("the answer does not name it"),
                    |may| Seen::Present(*may),
                ),
                Seen::Absent => Seen::Absent,
                Seen::Unknown(why) => Seen::unknown(why),
            },
        }
    }

    /// Raises and puts back until cancelled.
    pub(crate) async fn watch_extensions(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(BEAT) => {}
            }
            self.extend_beat().await;
        }
    }

    async fn extend_beat(self: &Arc<Self>) {
        let (approved, active) = {
            let book = self.lock();
            if book.draining {
                return;
            }
            let now = self.now();
            let approved: Vec<PlanRecord> = book
                .plans
                .values()
                .filter(|record| record.plan.basis.extend_runway.is_some())
                .filter(|record| record.state == PlanState::Approved && now < record.expires_at)
                .filter(|record| !book.extensions.contains_key(&record.plan.basis.key()))
                .cloned()
                .collect();
            (approved, book.extensions.clone())
        };
        for record in approved {
            self.begin_extension(&record.plan).await;
        }
        for (key, extension) in active {
            self.continue_extension(&key, extension).await;
        }
    }

    fn extension_guards(
        &self,
        key: &FollowerKey,
        extension: &Extension,
        there: &LeaderNow,
    ) -> Vec<GuardResult> {
        let now = self.now();
        let mut book = self.lock();
        let world = book.world(key, now);
        let guards = policy::extension_guards(
            key,
            (&extension.cluster_uuid, &extension.leader_uuid, &extension.remote),
            there,
            &world,
            &book.settings.policy,
        );
        book.extension_guards
            .insert(extension.plan.clone(), guards.clone());
        guards
    }

    async fn begin_extension(self: &Arc<Self>, plan: &Plan) {
        let basis = &plan.basis;
        let key = basis.key();
        let now = self.now();
        let (Some(period), Some(cluster), Some(cluster_uuid), Some(leader_uuid)) = (
            basis.extend_runway.clone(),
            basis.leader_cluster.clone(),
            basis.leader_cluster_uuid.clone(),
            basis.leader_uuid.clone(),
        ) else {
            return self
                .end_plan(plan, "the plan names no leader that was looked at")
                .await;
        };
        let extension = Extension {
            plan: plan.hash.clone(),
            cluster,
            cluster_uuid,
            leader: basis.leader.clone(),
            leader_uuid,
            remote: basis.remote.clone(),
            period,
            phase: ExtensionPhase::Raising,
            since: now,
            undo_asked_by: None,
        };
        let mut facts = Facts::nothing(key.clone(), now);
        facts.remote = Some(basis.remote.clone());
        let there = self
            .leader_now(&key, &extension.cluster, &extension.leader, &mut facts)
            .await;
        let guards = self.extension_guards(&key, &extension, &there);
        let other = guards
            .iter()
            .find(|guard| guard.name.starts_with("same_") && guard.verdict == GuardVerdict::Block);
        if let Some(guard) = other {
            return self.end_plan(plan, &guard.inputs).await;
        }
        if guards.iter().any(|guard| !guard.passes()) {
            return;
        }
        if !stands(&there.period, extension.period.before.as_deref()) {
            return self
                .end_plan(plan, "the leader's lease period was changed meanwhile")
                .await;
        }
        // Durable before it is sent, with what is needed to put it back (safety 5).
        self.lock().extensions.insert(key.clone(), extension.clone());
        if let Err(error) = self.save_extensions().await {
            tracing::error!("nothing is sent while the state cannot be written: {error}");
            self.lock().extensions.remove(&key);
            return;
        }
        let mut effects = Vec::new();
        if let Some(run) = run_of(&extension) {
            let state = PlanState::Running { run };
            self.lock()
                .change_plan(&plan.hash, state, "policy", now, &mut effects);
        }
        self.perform(effects).await;
        let value = Value::String(extension.period.value());
        self.set_period(&key, &extension, value, "extend_runway").await;
    }

    /// The facts changed: the plan is void.
    async fn end_plan(self: &Arc<Self>, plan: &Plan, why: &str) {
        let mut effects = Vec::new();
        let state = PlanState::Void {
            reason: why.to_owned(),
        };
        let now = self.now();
        self.lock()
            .change_plan(&plan.hash, state, "policy", now, &mut effects);
        self.perform(effects).await;
    }

    async fn continue_extension(self: &Arc<Self>, key: &FollowerKey, extension: Extension) {
        let now = self.now();
        let reason = {
            let book = self.lock();
            let entry = book.followers.get(key);
            policy::undo_reason(
                &extension,
                entry.map(|entry| entry.cause()),
                entry.and_then(|entry| entry.memory.history.since()),
                &book.settings.policy,
                now,
            )
        };
        if extension.phase == ExtensionPhase::Raised && reason.is_none() {
            return;
        }
        let mut facts = Facts::nothing(key.clone(), now);
        facts.remote = Some(extension.remote.clone());
        let there = self
            .leader_now(key, &extension.cluster, &extension.leader, &mut facts)
            .await;
        let another = match &there.index_uuid {
            Seen::Absent => true,
            Seen::Present(uuid) => *uuid != extension.leader_uuid,
            Seen::Unknown(_) => false,
        };
        if another && there.cluster_uuid == Seen::Present(extension.cluster_uuid.clone()) {
            return self
                .finish_extension(
                    key,
                    &extension,
                    "the leader index is gone, and its setting with it",
                )
                .await;
        }
        let ours = stands(&there.period, Some(&extension.period.value()));
        let before = stands(&there.period, extension.period.before.as_deref());
        let waited = millis_between(extension.since, now) >= PATIENCE_MS;
        match extension.phase {
            _ if matches!(there.period, Seen::Unknown(_)) => {}
            ExtensionPhase::Raising if ours => self.raised(key, &extension).await,
            ExtensionPhase::Undoing if before => {
                self.finish_extension(key, &extension, "the leader's lease period is as it was")
                    .await;
            }
            ExtensionPhase::Raised | ExtensionPhase::Undoing | ExtensionPhase::Raising
                if !ours && !before =>
            {
                self.finish_extension(
                    key,
                    &extension,
                    "somebody else has changed the leader's lease period; it is left as it is",
                )
                .await;
            }
            ExtensionPhase::Raising if waited => {
                if self
                    .extension_guards(key, &extension, &there)
                    .iter()
                    .all(GuardResult::passes)
                    && self.phase(key, ExtensionPhase::Raising).await
                {
                    let value = Value::String(extension.period.value());
                    self.set_period(key, &extension, value, "extend_runway").await;
                }
            }
            ExtensionPhase::Raised => self.put_back(key, &extension, &there, reason).await,
            ExtensionPhase::Undoing if waited => self.put_back(key, &extension, &there, None).await,
            ExtensionPhase::Raising | ExtensionPhase::Undoing => {}
        }
    }

    async fn put_back(
        self: &Arc<Self>,
        key: &FollowerKey,
        extension: &Extension,
        there: &LeaderNow,
        reason: Option<String>,
    ) {
        let passes = self
            .extension_guards(key, extension, there)
            .iter()
            .all(GuardResult::passes);
        if !passes || !self.phase(key, ExtensionPhase::Undoing).await {
            return;
        }
        if let Some(reason) = reason {
            let text = format!("the lease period of {} is put back: {reason}", extension.leader);
            let now = self.now();
            self.lock().story.tell(now, EventKind::Operator, Some(key), text);
        }
        let value = extension.period.before.clone().map_or(Value::Null, Value::String);
        self.set_period(key, extension, value, "extend_runway_undo").await;
    }

    /// Stores the next phase; false where that failed, and then nothing may be sent.
    async fn phase(&self, key: &FollowerKey, phase: ExtensionPhase) -> bool {
        let now = self.now();
        {
            let mut book = self.lock();
            let Some(extension) = book.extensions.get_mut(key) else {
                return false;
            };
            extension.phase = phase;
            extension.since = now;
        }
        match self.save_extensions().await {
            Ok(()) => true,
            Err(error) => {
                tracing::error!("nothing is sent while the state cannot be written: {error}");
                false
            }
        }
    }

    async fn raised(self: &Arc<Self>, key: &FollowerKey, extension: &Extension) {
        if !self.phase(key, ExtensionPhase::Raised).await {
            return;
        }
        let now = self.now();
        let mut effects = Vec::new();
        {
            let mut book = self.lock();
            let text = format!(
                "the lease period of {} is raised to {} until `{key}` is cured",
                extension.leader,
                extension.period.value()
            );
            book.story.tell(now, EventKind::Operator, Some(key), text);
            if let Some(run) = run_of(extension) {
                let state = PlanState::Done { run };
                book.change_plan(&extension.plan, state, "policy", now, &mut effects);
            }
        }
        self.perform(effects).await;
    }

    async fn finish_extension(self: &Arc<Self>, key: &FollowerKey, extension: &Extension, how: &str) {
        self.lock().extensions.remove(key);
        if let Err(error) = self.save_extensions().await {
            // It is looked at again at the next beat, and then found ended once more.
            tracing::error!("the end of an extension could not be stored: {error}");
            self.lock().extensions.insert(key.clone(), extension.clone());
            return;
        }
        let now = self.now();
        let mut effects = Vec::new();
        {
            let mut book = self.lock();
            book.extension_guards.remove(&extension.plan);
            let text = format!("the longer lease period of {} has ended: {how}", extension.leader);
            book.story.tell(now, EventKind::Operator, Some(key), text);
            let running = book
                .plans
                .get(&extension.plan)
                .is_some_and(|record| matches!(record.state, PlanState::Running { .. }));
            if let (true, Some(run)) = (running, run_of(extension)) {
                let state = PlanState::Done { run };
                book.change_plan(&extension.plan, state, "policy", now, &mut effects);
            }
        }
        self.perform(effects).await;
        let detail = json!({"plan": extension.plan, "follower": key, "how": how});
        self.audit("refollow", "extension_ended", key.to_string(), detail)
            .await;
    }

    /// One request, once; what came of it is found by looking at the next beat.
    async fn set_period(
        self: &Arc<Self>,
        key: &FollowerKey,
        extension: &Extension,
        value: Value,
        step: &str,
    ) {
        let Some(client) = self.client(&extension.cluster) else {
            return;
        };
        let pin = Pin {
            cluster_uuid: extension.cluster_uuid.clone(),
        };
        let settings = [(ExtendRunway::SETTING.to_owned(), value)].into_iter().collect();
        let change = client.put_settings(&pin, &extension.leader, &settings).await;
        let detail = json!({
            "run": run_of(extension), "plan": extension.plan, "follower": key, "step": step,
            "url": change.record.url, "method": change.record.method, "path": change.record.path,
            "body": change.record.body, "sent_at": change.record.started, "answer": steps::answer(&change.sent),
        });
        self.audit("approval", "request_sent", key.to_string(), detail)
            .await;
    }
}

/// Whether the leader shows this period; `None`: none is set.
fn stands(seen: &Seen<String>, wanted: Option<&str>) -> bool {
    match (seen, wanted) {
        (Seen::Present(seen), Some(wanted)) => {
            seen == wanted || period_of(Some(seen)).is_some_and(|seen| Some(seen) == period_of(Some(wanted)))
        }
        (Seen::Absent, None) => true,
        _ => false,
    }
}

/// The name under which an extension stands in a plan's state and in the audit log.
fn run_of(extension: &Extension) -> Option<RunId> {
    RunId::parse(&format!("extend-{}", short(&extension.plan))).ok()
}

/// Reads what the store kept. One that cannot be read is told; its leader keeps the longer period.
pub(crate) fn kept(value: Option<Value>) -> policy::Extensions {
    let Some(Value::Object(map)) = value else {
        return policy::Extensions::new();
    };
    map.into_iter()
        .filter_map(|(key, value)| {
            let extension = serde_json::from_value::<Extension>(value);
            match (FollowerKey::parse(&key), extension) {
                (Ok(key), Ok(extension)) => Some((key, extension)),
                _ => {
                    tracing::error!("the extension of `{key}` in the state cannot be read; look at its leader's lease period");
                    None
                }
            }
        })
        .collect()
}
