//! Drills: breaks a follower of its own making on purpose, and watches the daemon repair it.
//!
//! Owns who may call one and when, the record in the store, and the task that carries one out.
//! It prepares, breaks and cleans up; looking, judging, planning and repairing are left to the
//! same code that does it for any other follower. The steps are in [`story`], what is sent in
//! [`hands`], the end in [`cleanup`].

mod cleanup;
mod hands;
mod story;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::domain::brake::Brake;
use crate::domain::cause::Remedy;
use crate::domain::drill::{
    Drill, DrillOutcome, DrillResult, DrillStepState, Drills, LastDrill, Scratch, ScratchName,
};
use crate::domain::facts::Facts;
use crate::domain::ids::{ClusterName, ClusterUuid, FollowerKey, IndexName, RemoteAlias};
use crate::domain::seen::Seen;
use crate::elastic::read::Look;
use crate::elastic::wire;
use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::events::EventKind;
use crate::metrics::Metrics;
use crate::policy;
use crate::policy::settings::Mode;
use crate::store::StoreError;

/// Key of everything that is kept of drills in the store.
pub(crate) const DRILLS_KEY: &str = "drills";
/// Between two looks at whether there is something to do.
const BEAT: Duration = Duration::from_secs(1);
/// Between two tries to clean up.
const AGAIN: Duration = Duration::from_secs(5);
/// So many tries to clean up while the daemon stops; the next start goes on.
const TRIES_AT_EXIT: u32 = 5;

/// Why no drill was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotBegun {
    /// No such cluster or remote is configured.
    NoSuchPair(String),
    /// A guard refuses it.
    Refused {
        /// The guard.
        guard: &'static str,
        /// Why, for people.
        reason: String,
    },
    /// It could not be stored.
    NotStored(String),
}

/// Why a drill ended before its end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stop {
    /// A guard stopped it.
    Refused { guard: &'static str, reason: String },
    /// Something did not work.
    Failed(String),
}

fn refused(guard: &'static str, reason: impl Into<String>) -> Stop {
    Stop::Refused {
        guard,
        reason: reason.into(),
    }
}

impl From<Stop> for NotBegun {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Refused { guard, reason } => Self::Refused { guard, reason },
            Stop::Failed(reason) => Self::Refused {
                guard: "looks",
                reason,
            },
        }
    }
}

impl Engine {
    /// Begins a drill of one pair.
    ///
    /// # Errors
    /// Says which guard refuses it; nothing was sent then that changes a cluster.
    pub async fn request_drill(
        self: &Arc<Self>,
        cluster: &ClusterName,
        remote: Option<&RemoteAlias>,
        who: &str,
    ) -> Result<Drill, NotBegun> {
        let (remote, leader) = self.pair_of(cluster, remote)?;
        let (leader_name, follower_name) =
            ScratchName::pair(fastrand::u64(..)).map_err(|error| NotBegun::NotStored(error.to_string()))?;
        let drill = Drill {
            by: who.to_owned(),
            started_at: self.now(),
            remote,
            leader: Scratch {
                cluster_uuid: self.uuid_of(&leader).await?,
                cluster: leader,
                name: leader_name,
                uuid: None,
            },
            follower: Scratch {
                cluster_uuid: self.uuid_of(cluster).await?,
                cluster: cluster.clone(),
                name: follower_name,
                uuid: None,
            },
            mark: format!("refollow_drill_{:016x}", fastrand::u64(..)),
            steps: Vec::new(),
            plan: None,
            run: None,
            result: None,
            cleaned: false,
        };
        if drill.leader.cluster_uuid == drill.follower.cluster_uuid {
            let reason = format!("`{cluster}` and `{}` are one cluster", drill.leader.cluster);
            return Err(refused("cluster_uuid", reason).into());
        }
        self.nothing_else_follows(&drill.leader).await?;
        for scratch in [&drill.leader, &drill.follower] {
            match hands::standing(self, scratch).await {
                Seen::Absent => {}
                Seen::Present(_) => {
                    return Err(refused("scratch_absent", format!("{} exists", scratch.name)).into());
                }
                Seen::Unknown(why) => return Err(refused("scratch_absent", why.to_string()).into()),
            }
        }
        {
            // Looked at again where it is entered: two may have asked at once.
            let mut book = self.lock();
            may_begin(
                &book,
                &drill.key(),
                &drill.remote,
                &drill.leader.cluster,
                self.now(),
            )?;
            book.drills.open(drill.clone());
        }
        // Durable before anything is made.
        if let Err(error) = self.save_drills().await {
            self.lock().drills.newest = None;
            return Err(NotBegun::NotStored(error.to_string()));
        }
        self.tell_drill(
            &drill,
            &format!("a drill of {} begins, called by {who}", drill.pair()),
        );
        let detail = json!({"leader": drill.leader, "follower": drill.follower, "mark": drill.mark});
        self.audit(who, "drill_begun", drill.pair(), detail).await;
        Ok(drill)
    }

    /// The alias and the leader cluster behind it, where a drill may begin as far as the book knows.
    fn pair_of(
        &self,
        cluster: &ClusterName,
        remote: Option<&RemoteAlias>,
    ) -> Result<(RemoteAlias, ClusterName), NotBegun> {
        let book = self.lock();
        let remotes = &book
            .clusters
            .get(cluster)
            .ok_or_else(|| NotBegun::NoSuchPair(format!("no cluster `{cluster}` is configured")))?
            .settings
            .remotes;
        let names: Vec<&str> = remotes.keys().map(RemoteAlias::as_str).collect();
        let names = names.join(", ");
        let found = match remote {
            Some(alias) => remotes.get_key_value(alias),
            None if remotes.len() == 1 => remotes.iter().next(),
            None => None,
        };
        let Some((alias, leader)) = found else {
            let which = match remote {
                Some(alias) => format!("`{cluster}` has no remote `{alias}` in the configuration"),
                None => format!("name the remote of `{cluster}` with --remote"),
            };
            return Err(NotBegun::NoSuchPair(format!(
                "{which}; its `remotes` are: {}",
                if names.is_empty() { "none" } else { &names }
            )));
        };
        let any = IndexName::parse(crate::domain::drill::PREFIX)
            .map_err(|error| NotBegun::NoSuchPair(error.to_string()))?;
        let key = FollowerKey {
            cluster: cluster.clone(),
            index: any,
        };
        may_begin(&book, &key, alias, leader, self.now())?;
        Ok((alias.clone(), leader.clone()))
    }

    async fn uuid_of(&self, cluster: &ClusterName) -> Result<ClusterUuid, NotBegun> {
        let unknown = |why: String| {
            NotBegun::from(refused(
                "cluster_uuid",
                format!("`{cluster}` could not be identified: {why}"),
            ))
        };
        let client = self
            .client(cluster)
            .ok_or_else(|| unknown("it has no client".to_owned()))?;
        for answer in client.look(&Look::Root).await {
            if let Some(uuid) = wire::parse(&answer)
                .root()
                .and_then(|root| root.cluster_uuid.clone())
            {
                return Ok(uuid);
            }
        }
        Err(unknown("it shows no cluster_uuid".to_owned()))
    }

    /// No auto-follow pattern of a configured cluster would copy the scratch leader: what such a
    /// pattern made would not be the drill's to delete.
    async fn nothing_else_follows(&self, leader: &Scratch) -> Result<(), NotBegun> {
        let watching: Vec<(ClusterName, Vec<RemoteAlias>)> = {
            let book = self.lock();
            book.clusters
                .iter()
                .map(|(name, entry)| {
                    let to = entry.settings.remotes.iter();
                    let aliases = to
                        .filter(|(_, behind)| **behind == leader.cluster)
                        .map(|(alias, _)| alias.clone());
                    (name.clone(), aliases.collect())
                })
                .collect()
        };
        let stop = |reason: String| NotBegun::from(refused("auto_follow", reason));
        for (cluster, aliases) in watching.iter().filter(|(_, aliases)| !aliases.is_empty()) {
            let key = FollowerKey {
                cluster: cluster.clone(),
                index: leader.name.index().clone(),
            };
            let mut facts = Facts::nothing(key, self.now());
            if let Some(client) = self.client(cluster) {
                for answer in client.look(&Look::AutoFollow).await {
                    wire::learn(&mut facts, &wire::parse(&answer));
                }
            }
            let patterns = match facts.follower.auto_follow.now() {
                Seen::Present(patterns) => Vec::clone(patterns),
                Seen::Absent => Vec::new(),
                Seen::Unknown(why) => {
                    return Err(stop(format!(
                        "the auto-follow patterns of `{cluster}` could not be read: {why}"
                    )));
                }
            };
            let name = leader.name.index().as_str();
            let fits = |globs: &[String]| globs.iter().any(|glob| policy::glob::matches(glob, name));
            let catching = patterns.iter().find(|pattern| {
                pattern.active
                    && pattern
                        .remote
                        .as_ref()
                        .is_none_or(|remote| aliases.contains(remote))
                    && fits(&pattern.leader_patterns)
                    && !fits(&pattern.exclusions)
            });
            if let Some(pattern) = catching {
                return Err(stop(format!(
                    "the auto-follow pattern `{}` of `{cluster}` would follow the scratch leader; exclude `{}*` there (leader_index_exclusion_patterns, since 7.14), or pause it for the drill",
                    pattern.name,
                    crate::domain::drill::PREFIX
                )));
            }
        }
        Ok(())
    }

    pub(super) async fn save_drills(&self) -> Result<(), StoreError> {
        let value = json!(self.lock().drills);
        self.store.set_state(DRILLS_KEY, &value).await
    }

    fn tell_drill(&self, drill: &Drill, text: &str) {
        let now = self.now();
        let key = drill.key();
        self.lock()
            .story
            .tell(now, EventKind::Operator, Some(&key), text.to_owned());
    }

    /// Carries out what was called, and cleans up what is left, until cancelled.
    pub(crate) async fn drill(self: Arc<Self>, cancel: CancellationToken) {
        // What a former daemon did not end is over: whoever called it has gone too.
        let interrupted = self
            .lock()
            .drills
            .unfinished()
            .filter(|drill| drill.result.is_none())
            .map(|drill| drill.step().map_or("its start", |step| step.step.as_str()));
        if let Some(step) = interrupted {
            self.close_drill(Err(Stop::Failed(format!("the daemon ended during {step}"))))
                .await;
        }
        let mut rest = BEAT;
        loop {
            tokio::select! {
                () = cancel.cancelled() => return self.leave().await,
                () = tokio::time::sleep(rest) => {}
            }
            rest = BEAT;
            self.forget_scratch().await;
            let Some(drill) = self.lock().drills.unfinished().cloned() else {
                continue;
            };
            if drill.result.is_none() {
                let told = story::tell(&self, &cancel).await;
                self.close_drill(told).await;
            }
            if self.try_clean().await.is_err() {
                rest = AGAIN;
            }
        }
    }

    /// The daemon stops: what can be deleted at once is, the rest by the next start.
    async fn leave(self: &Arc<Self>) {
        for _ in 0..TRIES_AT_EXIT {
            if self.lock().drills.unfinished().is_none() || self.try_clean().await.is_ok() {
                return;
            }
            tokio::time::sleep(BEAT).await;
        }
    }

    async fn close_drill(self: &Arc<Self>, told: Result<String, Stop>) {
        let now = self.now();
        let (outcome, guard, reason) = match told {
            Ok(reason) => (DrillOutcome::Proven, None, reason),
            Err(Stop::Refused { guard, reason }) => (DrillOutcome::Refused, Some(guard.to_owned()), reason),
            Err(Stop::Failed(reason)) => (DrillOutcome::Failed, None, reason),
        };
        let result = DrillResult {
            outcome,
            guard,
            reason,
            at: now,
        };
        let closed = {
            let mut book = self.lock();
            if let Some(drill) = &mut book.drills.newest {
                drill.end(DrillStepState::Failed, &result.reason, now);
            }
            book.drills.close(result.clone());
            book.drills.newest.clone()
        };
        let Some(drill) = closed else { return };
        if let Some(last) = self.lock().drills.last.get(&drill.pair()) {
            export(&self.metrics, last);
        }
        if let Err(error) = self.save_drills().await {
            // It is called interrupted at the next start, which is never better than it was.
            tracing::error!("the end of a drill could not be stored: {error}");
        }
        self.tell_drill(
            &drill,
            &format!("the drill of {} is {outcome}: {}", drill.pair(), result.reason),
        );
        self.audit("refollow", "drill_ended", drill.pair(), json!(result))
            .await;
    }
}

/// Whether a drill may begin, as far as the book knows.
fn may_begin(
    book: &Book,
    key: &FollowerKey,
    remote: &RemoteAlias,
    leader: &ClusterName,
    now: crate::domain::time::Timestamp,
) -> Result<(), NotBegun> {
    if let Some(drill) = book.drills.unfinished() {
        let what = if drill.result.is_none() {
            "goes on"
        } else {
            "is not cleaned up yet"
        };
        let reason = format!(
            "the drill of {} that {} called at {} {what}",
            drill.pair(),
            drill.by,
            drill.started_at
        );
        return Err(refused("drill", reason).into());
    }
    go_on(book, key, remote, leader, now).map_err(NotBegun::from)
}

/// Whether a drill may go on: the mode, the brakes, the daemon's end.
fn go_on(
    book: &Book,
    key: &FollowerKey,
    remote: &RemoteAlias,
    leader: &ClusterName,
    now: crate::domain::time::Timestamp,
) -> Result<(), Stop> {
    may_change(book, key, remote, leader, now)?;
    if book.draining {
        return Err(refused("shutdown", "the daemon is stopping"));
    }
    let of_remedies = |brake: &&Brake| {
        brake.holds(now)
            && [Remedy::Resume, Remedy::Recreate]
                .into_iter()
                .any(|remedy| brake.scope.covers(key, Some(remote), remedy))
    };
    match book.brakes.iter().find(of_remedies) {
        Some(brake) => Err(braked(brake)),
        None => Ok(()),
    }
}

/// Whether anything may be sent at all, cleaning up included.
fn may_change(
    book: &Book,
    key: &FollowerKey,
    remote: &RemoteAlias,
    leader: &ClusterName,
    now: crate::domain::time::Timestamp,
) -> Result<(), Stop> {
    use crate::domain::brake::BrakeScope;
    if book.settings.policy.mode == Mode::Observe {
        return Err(refused(
            "mode",
            "in mode `observe` nothing is changed on a cluster",
        ));
    }
    if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
        return Err(refused("brakes", "the brake file brakes everything"));
    }
    let wide = |brake: &&Brake| {
        brake.holds(now)
            && match &brake.scope {
                BrakeScope::All => true,
                BrakeScope::Cluster(cluster) => *cluster == key.cluster || cluster == leader,
                BrakeScope::Remote(cluster, alias) => *cluster == key.cluster && alias == remote,
                BrakeScope::Follower(_) | BrakeScope::Recreate | BrakeScope::Resume => false,
            }
    };
    match book.brakes.iter().find(wide) {
        Some(brake) => Err(braked(brake)),
        None => Ok(()),
    }
}

fn braked(brake: &Brake) -> Stop {
    refused(
        "brakes",
        format!("brake `{}` by {}: {}", brake.scope, brake.owner, brake.reason),
    )
}

/// Reads what the store kept.
pub(crate) fn kept(value: Option<Value>) -> Drills {
    value.map_or_else(Drills::default, |value| {
        serde_json::from_value(value).unwrap_or_else(|error| {
            tracing::error!(
                "what is stored of drills cannot be read ({error}); look for indices named {}*",
                crate::domain::drill::PREFIX
            );
            Drills::default()
        })
    })
}

/// The last drill of a pair, for Prometheus.
pub(crate) fn export(metrics: &Metrics, last: &LastDrill) {
    let proven = last.result.outcome == DrillOutcome::Proven;
    metrics.drilled(&last.cluster, &last.remote, last.result.at, proven);
}
