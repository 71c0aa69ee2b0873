//! The engine: looks at clusters, keeps the book, performs what the book says must be done.
//!
//! Owns the one [`book::Book`] behind a mutex that is never held over an await, the clients, the
//! store and the tasks. All decisions are made in synchronous, pure calls (`judge`, `policy`,
//! `book`); everything here only carries answers in and effects out.
//!
//! ```text
//! observer ─answers─▶ Book::learn ─▶ Book::judge ─▶ Book::decide ─▶ Effects ─▶ store, executor
//! executor ─looks, steps─▶ journal ─end─▶ Book
//! HTTP, admin socket ─▶ handle ─▶ Book
//! ```

pub mod blockers;
pub(crate) mod book;
mod clock_watch;
mod counting;
pub mod drill;
pub mod events;
pub mod executor;
mod export;
mod extend;
pub(crate) mod gate;
mod heard;
mod installation;
pub mod looking;
pub(crate) mod observer;
pub mod opening;
mod pace;
pub mod past;
pub mod position;
pub mod remember;
mod requests;
pub mod runs;
pub mod schedule;
pub mod settings;
pub mod steps;
pub mod telling;
mod tokens;
mod turns;
pub mod undo;
mod weighing;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::domain::answer::{Answer, Outcome};
use crate::domain::brake::Brake;
use crate::domain::ids::{ClusterName, FollowerKey, RunId};
use crate::domain::load::Purpose;
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::elastic::client::Client;
use crate::elastic::load::SharedLoad;
use crate::engine::book::{Book, Effect};
use crate::engine::clock_watch::ClockWatch;
use crate::engine::observer::{failure, first_looks, look_all};
use crate::engine::settings::Settings;
use crate::metrics::{LookError, Metrics};
use crate::store::{AuditEvent, Pruned, Store, StoreError};
use crate::tasks::Tasks;

/// Between two times of deleting what ended long ago.
const PRUNE_EVERY: Duration = Duration::from_hours(24);

/// Between two times of repeating which brakes are engaged.
const REMIND_EVERY: Duration = Duration::from_hours(1);

/// Key of the breaker's state in the store.
pub(crate) const BREAKER_KEY: &str = "breaker";

/// Key under which it is stored when auto-follow patterns were first seen.
const PATTERNS_KEY: &str = "auto_follow_patterns";

/// Who waits for a cluster to be looked at before its time.
#[derive(Debug, Default)]
struct Pokes(Mutex<BTreeMap<ClusterName, Arc<Notify>>>);

impl Pokes {
    fn of(&self, cluster: &ClusterName) -> Arc<Notify> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(map.entry(cluster.clone()).or_default())
    }
}

/// The engine, shared by observers, runs and whoever asks.
#[derive(Debug)]
pub struct Engine {
    book: Mutex<Book>,
    clients: RwLock<BTreeMap<ClusterName, Arc<Client>>>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    clock_watch: ClockWatch,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) tasks: Tasks,
    pokes: Pokes,
    leader_pokes: Pokes,
    /// Runs that somebody asked to back out.
    aborts: Mutex<BTreeSet<RunId>>,
    /// Effects are performed one batch at a time, in the order in which the book gave them.
    performing: tokio::sync::Mutex<()>,
    /// Tokens change one at a time.
    changing_tokens: tokio::sync::Mutex<()>,
    /// What the outbox held a moment ago, for whoever asks.
    told: telling::Told,
    pub(crate) history_trouble: past::Trouble,
}

impl Engine {
    /// Builds the engine over an open store: reads memories, plans, brakes and past runs.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn open(
        settings: Settings,
        clients: BTreeMap<ClusterName, Arc<Client>>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: Arc<Metrics>,
        tasks: Tasks,
    ) -> Result<Arc<Self>, StoreError> {
        let now = clock.now();
        let mut book = Book::new(settings, store.memories().await?, now);
        book.take_loads(&clients);
        // Rejected ones too: a person's no outlives the daemon.
        for record in store.plans(false).await? {
            if record.state.is_open() || matches!(record.state, PlanState::Rejected { .. }) {
                book.adopt_plan(record);
            }
        }
        book.brakes = store.brakes().await?;
        let counted = book.settings.policy.limits.recreates_per_follower.per;
        book.past = runs::past_runs(store.as_ref(), counted, now).await?;
        book.left_over = runs::left_over(store.as_ref(), now).await?;
        if let Some(behind) = book.behind_the_state(now) {
            book.clock_went_back_while_down(behind, now);
        }
        book.settle_again(now);
        if let Some(value) = store.state(BREAKER_KEY).await? {
            match serde_json::from_value(value) {
                Ok(state) => book.breaker = state,
                Err(error) => {
                    tracing::warn!("the stored breaker state cannot be read, starting closed: {error}");
                }
            }
        }
        if let Some(value) = store.state(PATTERNS_KEY).await? {
            match serde_json::from_value(value) {
                Ok(seen) => book.patterns_seen = seen,
                Err(error) => {
                    tracing::warn!("when patterns were first seen cannot be read, seen anew: {error}");
                }
            }
        }
        book.installation = installation::kept(store.state(installation::INSTALLATION_KEY).await?);
        book.extensions = extend::kept(store.state(extend::EXTENSIONS_KEY).await?);
        book.tokens = tokens::kept(store.state(tokens::TOKENS_KEY).await?);
        book.drills = drill::kept(store.state(drill::DRILLS_KEY).await?);
        for last in book.drills.last.values() {
            drill::export(&metrics, last);
        }
        let engine = Arc::new(Self {
            book: Mutex::new(book),
            clients: RwLock::new(clients),
            store,
            clock,
            clock_watch: ClockWatch::starting_at(now),
            metrics,
            tasks,
            pokes: Pokes::default(),
            leader_pokes: Pokes::default(),
            aborts: Mutex::new(BTreeSet::new()),
            performing: tokio::sync::Mutex::new(()),
            changing_tokens: tokio::sync::Mutex::new(()),
            told: telling::Told::default(),
            history_trouble: past::Trouble::default(),
        });
        let by_file = engine.read_brake_file();
        engine.file_brake_noted(by_file).await;
        Ok(engine)
    }

    /// Starts observing, and continues the runs that a former daemon left unfinished.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(self: &Arc<Self>) -> Result<(), StoreError> {
        runs::continue_unfinished(self).await?;
        let names: Vec<ClusterName> = self.lock().clusters.keys().cloned().collect();
        for cluster in names {
            self.observe(&cluster);
        }
        let engine = Arc::clone(self);
        self.tasks.spawn("tick", move |cancel| engine.tick(cancel));
        let engine = Arc::clone(self);
        self.tasks
            .spawn("ask blockers", move |cancel| engine.watch_blockers(cancel));
        let engine = Arc::clone(self);
        self.tasks
            .spawn("extend runways", move |cancel| engine.watch_extensions(cancel));
        let engine = Arc::clone(self);
        self.tasks
            .spawn("keep the history", move |cancel| engine.keep_past(cancel));
        let engine = Arc::clone(self);
        self.tasks.spawn("drill", move |cancel| engine.drill(cancel));
        let engine = Arc::clone(self);
        self.tasks.spawn("tell", move |cancel| engine.tell(cancel));
        Ok(())
    }

    /// Starts the two tasks that look at a cluster. They end by themselves when the cluster is
    /// not configured any more.
    fn observe(self: &Arc<Self>, cluster: &ClusterName) {
        let (engine, name) = (Arc::clone(self), cluster.clone());
        self.tasks
            .spawn(format!("look at followers of {cluster}"), move |cancel| {
                observer::observe_followers(engine, name, cancel)
            });
        let (engine, name) = (Arc::clone(self), cluster.clone());
        self.tasks
            .spawn(format!("look at leaders on {cluster}"), move |cancel| {
                observer::observe_leader(engine, name, cancel)
            });
    }

    /// Takes a new configuration, whole: it was checked, so nothing here can fail half way. Runs in
    /// flight keep the clients they began with.
    pub fn reload(self: &Arc<Self>, settings: Settings, clients: BTreeMap<ClusterName, Arc<Client>>) {
        for client in clients.values() {
            client.load().limit(client.settings().requests_per_second);
        }
        self.clients
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .clone_from(&clients);
        let now = self.now();
        let added = {
            let mut book = self.lock();
            let added = book.reconfigure(settings, now);
            book.take_loads(&clients);
            book.story.tell(
                now,
                events::EventKind::Operator,
                None,
                "the configuration was reloaded",
            );
            added
        };
        for cluster in added {
            self.observe(&cluster);
        }
    }

    /// What each cluster is asked: a new client goes on with the counts of the one before it.
    pub fn loads(&self) -> BTreeMap<ClusterName, SharedLoad> {
        let clients = self.clients.read().unwrap_or_else(PoisonError::into_inner);
        let load = |(name, client): (&ClusterName, &Arc<Client>)| (name.clone(), Arc::clone(client.load()));
        clients.iter().map(load).collect()
    }

    /// The client of a cluster, as configured now.
    pub(crate) fn client(&self, cluster: &ClusterName) -> Option<Arc<Client>> {
        self.clients
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(cluster)
            .map(Arc::clone)
    }

    /// Every second: the brake file, expiries, admissions that wait for time to pass.
    async fn tick(self: Arc<Self>, cancel: CancellationToken) {
        let mut beats = 0_u32;
        let mut pruned: Option<Instant> = None;
        let mut reminded = Instant::now();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
            if pruned.is_none_or(|at| at.elapsed() >= PRUNE_EVERY) {
                pruned = Some(Instant::now());
                self.prune().await;
            }
            let by_file = self.read_brake_file();
            self.file_brake_noted(by_file).await;
            self.brakes_end().await;
            if reminded.elapsed() >= REMIND_EVERY {
                reminded = Instant::now();
                self.remind_of_brakes();
            }
            beats = beats.wrapping_add(1);
            // The lock first: it notices a clock that was set, and then the new time is the right one.
            let effects = {
                let mut book = self.lock();
                if beats.is_multiple_of(5) {
                    let now = self.clock.now();
                    book.decide(now)
                } else {
                    std::mem::take(&mut book.owed)
                }
            };
            self.perform(effects).await;
        }
    }

    /// The book. A panic while it was held cannot have left it half changed in a way that matters
    /// more than going on: every entry is judged anew at the next look.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Book> {
        let mut book = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever reads or changes the book finds it on the clock that they will ask for the time.
        let now = self.clock.now();
        if let Some(by_millis) = self.clock_watch.jump(now) {
            book.clock_jumped(by_millis, now);
        }
        book
    }

    pub(crate) fn intervals(&self, cluster: &ClusterName) -> Option<(Duration, Duration)> {
        let book = self.lock();
        let settings = &book.clusters.get(cluster)?.settings;
        Some((settings.poll_interval, settings.leader_side_interval))
    }

    /// The shortest leader-side interval of the clusters that follow this one; its own where none
    /// does; `None` once it is not configured any more.
    pub(crate) fn leader_interval(&self, leader: &ClusterName) -> Option<Duration> {
        let book = self.lock();
        let own = book.clusters.get(leader)?.settings.leader_side_interval;
        let following = book
            .clusters
            .values()
            .filter(|entry| entry.settings.remotes.values().any(|name| name == leader))
            .map(|entry| entry.settings.leader_side_interval);
        Some(following.min().unwrap_or(own))
    }

    /// Waits until somebody wants this cluster looked at now.
    pub(crate) async fn poke(&self, cluster: &ClusterName) {
        self.pokes.of(cluster).notified().await;
    }

    /// Waits until somebody wants the leader side looked at now.
    pub(crate) async fn leader_poke(&self, cluster: &ClusterName) {
        self.leader_pokes.of(cluster).notified().await;
    }

    /// Asks for a look at a cluster now.
    pub(crate) fn look_soon(&self, cluster: &ClusterName) {
        self.pokes.of(cluster).notify_one();
    }

    /// Whether the brake by file changed, and to what.
    fn read_brake_file(&self) -> Option<Seen<bool>> {
        let path = self.lock().settings.brake_file.clone();
        // Unreadable is engaged (safety 10).
        let seen = match path.try_exists() {
            Ok(there) => Seen::Present(there),
            Err(error) => Seen::unknown(format!("{}: {error}", path.display())),
        };
        let mut book = self.lock();
        if book.brake_file != seen {
            let now = self.clock.now();
            let text = match &seen {
                Seen::Present(true) => format!("brake `all` engaged by the file {}", path.display()),
                Seen::Present(false) | Seen::Absent => format!("no brake file at {}", path.display()),
                Seen::Unknown(why) => format!("brake `all` engaged: the brake file cannot be read: {why}"),
            };
            book.story.tell(now, events::EventKind::Operator, None, text);
            let before = std::mem::replace(&mut book.brake_file, seen.clone());
            let free = |seen: &Seen<bool>| matches!(seen, Seen::Present(false) | Seen::Absent);
            return (!free(&before) || !free(&seen)).then_some(seen);
        }
        None
    }

    async fn file_brake_noted(&self, changed: Option<Seen<bool>>) {
        let (kind, why) = match changed {
            None => return,
            Some(Seen::Present(true)) => ("brake_engaged", "the brake file exists".to_owned()),
            Some(Seen::Unknown(why)) => ("brake_engaged", format!("the brake file cannot be read: {why}")),
            Some(Seen::Present(false) | Seen::Absent) => {
                ("brake_released", "the brake file is gone".to_owned())
            }
        };
        self.audit(
            "file",
            kind,
            "all".to_owned(),
            serde_json::json!({ "reason": why }),
        )
        .await;
    }

    /// Brakes whose time is over let go: told, noted, and taken off.
    async fn brakes_end(&self) {
        let now = self.now();
        let over: Vec<Brake> = {
            let mut book = self.lock();
            let over: Vec<Brake> = book
                .brakes
                .iter()
                .filter(|brake| !brake.holds(now))
                .cloned()
                .collect();
            for brake in &over {
                let text = format!(
                    "brake `{}` by {} has let go: its time is over ({})",
                    brake.scope, brake.owner, brake.reason
                );
                book.story.tell(now, events::EventKind::Operator, None, text);
            }
            book.brakes.retain(|brake| brake.holds(now));
            over
        };
        for brake in over {
            if let Err(error) = self.store.release_brake(&brake.scope).await {
                tracing::warn!("an expired brake could not be taken off the state: {error}");
            }
            let detail = serde_json::json!({"owner": brake.owner, "reason": brake.reason, "expires_at": brake.expires_at});
            self.audit("refollow", "brake_expired", brake.scope.to_string(), detail)
                .await;
        }
    }

    /// What is braked is repeated to people until it ends (safety 13).
    fn remind_of_brakes(&self) {
        let now = self.now();
        let mut book = self.lock();
        let mut texts: Vec<String> = book
            .brakes
            .iter()
            .map(|brake| {
                let end = brake
                    .expires_at
                    .map_or_else(|| "until it is released".to_owned(), |at| format!("until {at}"));
                format!(
                    "brake `{}` is still engaged, by {} since {}, {end}: {}",
                    brake.scope, brake.owner, brake.engaged_at, brake.reason
                )
            })
            .collect();
        if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
            texts.push(format!(
                "brake `all` is still engaged by the file {}",
                book.settings.brake_file.display()
            ));
        }
        for text in texts {
            tracing::warn!("{text}");
            book.story.tell(now, events::EventKind::Operator, None, text);
        }
    }

    /// One look at a cluster's followers; true when it succeeded.
    pub(crate) async fn look_at_followers(self: &Arc<Self>, cluster: &ClusterName, slow: bool) -> bool {
        let Some(client) = self.client(cluster) else {
            return false;
        };
        let (began, load) = (Instant::now(), client.load());
        let unloaded = load.look_begins(Purpose::Followers);
        let answers = look_all(&client, first_looks(slow), Purpose::Followers).await;
        let ok = failure(&answers);
        self.learn(&answers);
        if ok.is_ok() {
            let second = self.lock().second_looks(cluster, slow, self.clock.now());
            let answers = look_all(&client, second, Purpose::Followers).await;
            self.learn(&answers);
        }
        self.weigh(cluster, load, &unloaded);
        let seconds = began.elapsed().as_secs_f64();
        let succeeded = ok.is_ok();
        if !succeeded {
            self.metrics.look_failed(cluster, look_error(&answers));
        }
        let (effects, news) = {
            let mut book = self.lock();
            let now = self.clock.now();
            book.looked(cluster, ok, seconds, now);
            let news = book.judge(cluster, true, now);
            for leader in book.sick_leaders(cluster) {
                self.leader_pokes.of(&leader).notify_one();
            }
            (book.decide_about(std::slice::from_ref(cluster), now), news)
        };
        self.perform(effects).await;
        // What began just now must have begun then after a restart too; the rest can wait.
        let memories = if slow {
            self.lock().changed_memories_of(cluster)
        } else {
            self.lock().memories_of(&news)
        };
        if !memories.is_empty() {
            self.perform(vec![Effect::Remember(memories)]).await;
        }
        succeeded
    }

    /// One look at a cluster as the leader of others; true when it succeeded.
    pub(crate) async fn look_at_leader(self: &Arc<Self>, leader: &ClusterName) -> bool {
        let Some(client) = self.client(leader) else {
            return false;
        };
        let looks = self.lock().leader_looks(leader, self.clock.now());
        if looks.is_empty() {
            return true;
        }
        let unloaded = client.load().look_begins(Purpose::Leaders);
        let answers = look_all(&client, looks, Purpose::Leaders).await;
        let ok = failure(&answers).is_ok();
        self.learn(&answers);
        self.weigh(leader, client.load(), &unloaded);
        let effects = {
            let mut book = self.lock();
            let now = self.clock.now();
            let clusters = book.followers_of(leader);
            for cluster in &clusters {
                book.judge(cluster, false, now);
            }
            book.decide_about(&clusters, now)
        };
        self.perform(effects).await;
        ok
    }

    fn learn(&self, answers: &[Answer]) {
        let mut book = self.lock();
        let now = self.clock.now();
        book.learn(answers, now);
    }

    /// Does what the book said must be done. A store that fails is told loudly, and a run whose
    /// plan could not be stored does not start: what is not durable does not happen.
    pub(crate) async fn perform(self: &Arc<Self>, effects: Vec<Effect>) {
        if effects.is_empty() {
            return;
        }
        let _one_at_a_time = self.performing.lock().await;
        for effect in effects {
            if let Err(error) = self.perform_one(effect).await {
                tracing::error!("store: {error}");
            }
        }
    }

    async fn perform_one(self: &Arc<Self>, effect: Effect) -> Result<(), StoreError> {
        match effect {
            Effect::SavePlan { record, previous } => self.save_plan(&record, previous.as_deref()).await,
            Effect::Remember(memories) => self.store.remember(&memories).await,
            Effect::SavePatterns(value) => self.store.set_state(PATTERNS_KEY, &value).await,
            Effect::Forget(key) => self.store.forget(&key).await,
            Effect::SaveBrake(brake) => self.store.set_brake(&brake).await,
            Effect::SaveBreaker(value) => self.store.set_state(BREAKER_KEY, &value).await,
            Effect::Audit(event) => self.store.audit(&event).await.map(drop),
            Effect::Decided(kind) => {
                self.metrics.decided(kind);
                Ok(())
            }
            Effect::StartRun { plan, trigger } => {
                runs::start(self, *plan, trigger);
                Ok(())
            }
        }
    }

    /// Deletes what ended longer ago than it is kept. The audit log is never cut, and says so.
    async fn prune(&self) {
        let keep = self.lock().settings.keep_runs;
        let keep = jiff::SignedDuration::try_from(keep).unwrap_or(jiff::SignedDuration::MAX);
        let Ok(before) = self.now().checked_sub(keep) else {
            return;
        };
        match self.store.prune(before).await {
            Ok(pruned) if pruned == Pruned::default() => {}
            Ok(pruned) => {
                let detail =
                    serde_json::json!({"before": before, "runs": pruned.runs, "plans": pruned.plans});
                self.audit("refollow", "pruned", "store".to_owned(), detail).await;
            }
            Err(error) => tracing::warn!("what ended long ago could not be deleted: {error}"),
        }
    }

    /// The same facts can come again after their plan was closed and forgotten here; the store has
    /// kept it, and only a closed plan that nobody rejected gives way.
    async fn save_plan(&self, record: &PlanRecord, previous: Option<&PlanRecord>) -> Result<(), StoreError> {
        if previous.is_some() {
            return self.store.save_plan(record, previous).await;
        }
        let kept = self.store.plan(&record.plan.hash).await?.filter(|kept| {
            matches!(
                kept.state,
                PlanState::Done { .. } | PlanState::Expired | PlanState::Void { .. }
            )
        });
        self.store.save_plan(record, kept.as_ref()).await
    }

    /// Puts what somebody or the daemon itself did into the audit log. It was done already, so a
    /// log that cannot be written is told as loudly as can be and stops nothing.
    pub async fn audit(&self, who: &str, kind: &str, subject: String, detail: serde_json::Value) {
        let event = AuditEvent {
            at: self.now(),
            kind: kind.to_owned(),
            who: who.to_owned(),
            subject,
            detail,
        };
        if let Err(error) = self.store.audit(&event).await {
            tracing::error!(kind, "the audit log could not be written: {error}");
        }
    }

    /// Tells a run to back out: its next question to the gate is answered with no.
    pub fn abort(&self, run: &RunId) {
        self.aborts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(run.clone());
    }

    pub(crate) fn is_aborted(&self, run: &RunId) -> bool {
        self.aborts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(run)
    }

    /// SIGTERM came: nothing new starts; runs in flight are told by the tasks' token.
    pub fn drain(&self) {
        let now = self.now();
        let mut book = self.lock();
        book.draining = true;
        book.story.tell(
            now,
            events::EventKind::Operator,
            None,
            "shutting down: nothing new starts",
        );
    }

    /// Followers that a run of ours leaves paused or closed (safety 8).
    pub fn held_at_exit(&self) -> Vec<FollowerKey> {
        self.lock().held_at_exit.clone()
    }

    /// The time as the engine sees it.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

/// Why a look failed, as the closed label of `refollow_scrape_errors_total`. The transport's words
/// are ours (`elastic::transport::TransportError`), so reading them back is safe.
fn look_error(answers: &[Answer]) -> LookError {
    for answer in answers {
        match &answer.outcome {
            Outcome::Failed(why) => {
                return match why {
                    why if why.contains("TLS") => LookError::Tls,
                    why if why.contains("no answer within") => LookError::Timeout,
                    _ => LookError::Unreachable,
                };
            }
            Outcome::Got { status: 401, .. } => return LookError::Credentials,
            Outcome::Got { status: 403, body } => {
                let license = body.windows(13).any(|part| part == b"non-compliant");
                return if license {
                    LookError::License
                } else {
                    LookError::Credentials
                };
            }
            Outcome::Got { status, body } if *status >= 400 => {
                return if body.first() == Some(&b'{') {
                    LookError::Status
                } else {
                    LookError::NotElasticsearch
                };
            }
            Outcome::Got { .. } => {}
        }
    }
    LookError::Malformed
}
