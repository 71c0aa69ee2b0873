//! One story: how it is set, what happens in it, how it is played to its end.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::Cause;
use refollow::domain::decision::DecisionKind;
use refollow::domain::ids::{FollowerKey, IndexName};
use refollow::history::HistorySettings;
use refollow::http::dto::{ApproveBody, BrakeRequest, Caller, Daemon as _, RecreateBody};
use refollow::policy::glob::Glob;
use refollow::policy::{self, Action, Mode, Rule};
use refollow::sandbox::pair::{Side, Version};
use refollow::store::Store as _;
use refollow::store::faulty::Side as Landing;
use refollow::store::memory::MemoryStore;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::acts::{Act, Hands};
use super::oracle::{Kind, Record, Violation, violations};
use super::stage::{Lie, Mishap, Moment, Plot, Stage, twin_of};

/// When something happens.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    /// So many seconds after the daemon began.
    At(u32),
    /// At the daemon's n-th changing request, on that side of its departure, and so many seconds
    /// later.
    Change(u64, Moment, u32),
}

/// One thing and its time.
#[derive(Debug, Clone, PartialEq)]
pub struct Beat {
    pub when: When,
    pub act: Act,
}

/// A whole story. The same story is played the same way every time.
#[derive(Debug, Clone)]
pub struct Story {
    pub seed: u64,
    pub versions: Vec<Version>,
    pub followers: usize,
    pub mode: Mode,
    pub poll: Duration,
    /// The daemon dies at that write of its first life, for so many seconds.
    pub death: Option<(u64, Landing, u32)>,
    /// Changes the daemon's policy from what was promised: a deliberately broken daemon.
    pub blind: Option<fn(&mut policy::Settings)>,
    /// What people configured beside the policy of the stories: the oracle is told of it.
    pub configured: Option<fn(&mut policy::Settings)>,
    /// What goes wrong at the daemon's n-th changing request.
    pub mishaps: Vec<(u64, Mishap)>,
    pub beats: Vec<Beat>,
    /// Seconds until everything is mended and people approve what is left.
    pub length: u32,
    /// Seconds that are then given, twice.
    pub calm: u32,
}

impl Story {
    /// What was promised of it.
    fn policy(&self) -> policy::Settings {
        let mut policy = policy_of(self.mode);
        if let Some(configured) = self.configured {
            configured(&mut policy);
        }
        policy
    }
}

impl std::fmt::Display for Story {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "seed {}, {:?}, {} followers each, mode {:?}, looks every {:?}, death {:?}, mishaps {:?}",
            self.seed, self.versions, self.followers, self.mode, self.poll, self.death, self.mishaps
        )?;
        for beat in &self.beats {
            writeln!(f, "  {:?}: {:?}", beat.when, beat.act)?;
        }
        Ok(())
    }
}

/// The policy of the stories: everything that may be automatic is.
pub fn policy_of(mode: Mode) -> policy::Settings {
    let all = || vec![Glob::new("*")];
    let mut policy = policy::Settings {
        mode,
        rules: vec![Rule {
            clusters: all(),
            followers: all(),
            remotes: all(),
            causes: refollow::domain::cause::Cause::ALL.to_vec(),
            action: Action::Auto,
            document_tolerance: None,
        }],
        verify_settle: Duration::from_secs(10),
        ..policy::Settings::default()
    };
    policy.limits.recreates_per_follower.count = 3;
    policy
}

/// Seconds of calm between two questions whether anything still goes on.
const CALM_STEP: u32 = 150;

struct Director {
    stage: Stage,
    hands: Arc<Hands>,
    agenda: Vec<(Instant, Act)>,
    observe_before: Mode,
    /// The policy that the daemon was started with, and the one that people were promised.
    began_with: policy::Settings,
    promised: policy::Settings,
    intruders: u64,
    /// Writes of the first life.
    first_writes: Option<u64>,
}

/// Plays it, and says what the oracle found.
pub async fn play(story: &Story, lie: Option<Arc<dyn Lie>>) -> Record {
    play_kept(story, lie, HistorySettings::OFF).await.0
}

/// The same with what the daemon keeps of the past, and the state that it is in.
pub async fn play_kept(
    story: &Story,
    lie: Option<Arc<dyn Lie>>,
    history: HistorySettings,
) -> (Record, Arc<MemoryStore>) {
    let mut policy = story.policy();
    if let Some(blind) = story.blind {
        blind(&mut policy);
    }
    let mut stage = Stage::set(&Plot {
        versions: story.versions.clone(),
        followers: story.followers,
        documents: 12,
        policy,
        poll: story.poll,
        seed: story.seed,
    })
    .await;
    stage.settings.history = history;
    let store = Arc::clone(&stage.store);
    if let Some(lie) = lie {
        stage.seam.lie(lie);
    }
    for (number, mishap) in &story.mishaps {
        stage.seam.mishap(*number, *mishap);
    }
    let hands = Arc::new(Hands {
        pairs: Arc::clone(&stage.pairs),
        clock: Arc::clone(&stage.clock),
        seam: Arc::clone(&stage.seam),
        deeds: Mutex::new(Vec::new()),
        mortal: Mutex::new(None),
    });
    let parameters = standings(&stage, |standing| standing.parameters.clone());
    stage.start(story.death.map(|(at, side, _)| (at, side))).await;
    let began = Instant::now();
    let (mut agenda, mut triggers) = (Vec::new(), Vec::new());
    for beat in &story.beats {
        match beat.when {
            When::At(seconds) => {
                agenda.push((began + Duration::from_secs(u64::from(seconds)), beat.act.clone()));
            }
            When::Change(number, moment, late) => triggers.push((number, moment, late, beat.act.clone())),
        }
    }
    let (tell, mut told) = mpsc::unbounded_channel();
    let own = Arc::clone(&hands);
    stage.seam.on_change(move |number, moment| {
        for (_, _, late, act) in triggers
            .iter()
            .filter(|(wanted, at, _, _)| (*wanted, *at) == (number, moment))
        {
            // At once where it can be: in the very moment of the request.
            if *late == 0 && !Hands::needs_driver(act) {
                own.perform(act);
            }
            let late = Duration::from_secs(u64::from(*late));
            drop(tell.send((Instant::now() + late, late.is_zero(), act.clone())));
        }
    });
    let stage_mode = stage.settings.policy.mode;
    let began_with = stage.settings.policy.clone();
    let mut director = Director {
        stage,
        hands,
        agenda,
        observe_before: stage_mode,
        began_with,
        promised: story.policy(),
        intruders: 0,
        first_writes: None,
    };
    director.take_up();
    let down = story.death.map_or(60, |(_, _, seconds)| seconds);
    director
        .run_until(
            began + Duration::from_secs(u64::from(story.length)),
            &mut told,
            down,
        )
        .await;
    director.mend().await;
    for _ in 0..2 {
        director.act(&Act::Approve).await;
        for _ in 0..(story.calm / CALM_STEP).max(1) {
            let until = Instant::now() + Duration::from_secs(u64::from(CALM_STEP));
            director.run_until(until, &mut told, down).await;
            if director.is_quiet().await {
                break;
            }
        }
        if !director.pending().await {
            break;
        }
    }
    if let Some(daemon) = &director.stage.daemon {
        daemon.engine.flush_history().await;
    }
    (director.record(story, parameters).await, store)
}

fn standings<T>(
    stage: &Stage,
    take: impl Fn(&refollow::sandbox::witness::Standing) -> T,
) -> Vec<BTreeMap<String, T>> {
    let of = |pair: &super::stage::PairStage| {
        let names = pair
            .followers
            .iter()
            .flat_map(|name| [name.clone(), twin_of(name)]);
        names
            .filter_map(|name| {
                let standing = pair.world.with(|state| state.pair.standing(&name));
                let there = pair.followers.contains(&name) || standing.follower.is_some();
                there.then(|| (name, take(&standing)))
            })
            .collect()
    };
    stage.pairs.iter().map(of).collect()
}

type Told = mpsc::UnboundedReceiver<(Instant, bool, Act)>;

impl Director {
    fn take_up(&self) {
        let life = self
            .stage
            .daemon
            .as_ref()
            .map(|daemon| (Arc::clone(&daemon.fate), Arc::clone(&daemon.store)));
        *self.hands.mortal.lock().unwrap() = life;
    }

    async fn run_until(&mut self, end: Instant, told: &mut Told, down: u32) {
        let mut restart: Option<Instant> = None;
        let mut down = down;
        loop {
            let next = self.agenda.iter().map(|(at, _)| *at).min();
            let next = [next, restart]
                .into_iter()
                .flatten()
                .min()
                .unwrap_or(end)
                .min(end);
            let fate = self.stage.daemon.as_ref().map(|daemon| Arc::clone(&daemon.fate));
            if fate.as_ref().is_some_and(|fate| fate.is_dead()) {
                self.first_writes = self.first_writes.or(self.writes());
            }
            let died = async {
                match fate {
                    Some(fate) => fate.died().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = died => {
                    self.hands.note(None, None, Kind::Daemon);
                    self.stage.kill();
                    restart = Some(Instant::now() + Duration::from_secs(u64::from(down)));
                }
                Some((at, done, act)) = told.recv() => {
                    if let Act::Kill(seconds) = act {
                        down = seconds;
                    }
                    if !done || Hands::needs_driver(&act) {
                        self.agenda.push((at, act));
                    }
                }
                () = tokio::time::sleep_until(next) => {
                    let now = Instant::now();
                    if restart.is_some_and(|at| at <= now) {
                        restart = None;
                        self.start().await;
                    }
                    // Stable: what is due at once happens in the order of the story.
                    let (due, later): (Vec<_>, Vec<_>) =
                        self.agenda.drain(..).partition(|(at, _)| *at <= now);
                    self.agenda = later;
                    for (_, act) in due {
                        match act {
                            Act::Kill(seconds) => {
                                down = seconds;
                                self.hands.perform(&act);
                            }
                            Act::Stop(seconds) if self.stage.daemon.is_some() => {
                                self.hands.note(None, None, Kind::Daemon);
                                self.stage.stop().await;
                                restart = Some(Instant::now() + Duration::from_secs(u64::from(seconds)));
                            }
                            act => self.act(&act).await,
                        }
                    }
                    if now >= end {
                        if self.stage.daemon.is_none() {
                            self.start().await;
                        }
                        return;
                    }
                }
            }
        }
    }

    /// Every follower follows, or the daemon has said its word on it; no run goes on. Only when
    /// to stop waiting depends on this.
    async fn is_quiet(&self) -> bool {
        let Some(daemon) = &self.stage.daemon else {
            return false;
        };
        let open = self.stage.store.open_runs().await.unwrap();
        let words = daemon.desk.status().followers;
        open.is_empty()
            && words.iter().all(|item| {
                matches!(
                    item.decision,
                    DecisionKind::Leave | DecisionKind::Alert | DecisionKind::Ask
                )
            })
    }

    async fn pending(&self) -> bool {
        let Some(daemon) = &self.stage.daemon else {
            return false;
        };
        let plans = daemon.desk.plans(true).await;
        plans.is_ok_and(|plans| !plans.plans.is_empty())
    }

    fn writes(&self) -> Option<u64> {
        self.stage.daemon.as_ref().map(|daemon| daemon.store.writes())
    }

    async fn start(&mut self) {
        self.hands.note(None, None, Kind::Daemon);
        self.stage.start(None).await;
        self.take_up();
    }

    async fn act(&mut self, act: &Act) {
        if !Hands::needs_driver(act) {
            self.hands.perform(act);
            return;
        }
        if let Act::Reload(observe) = act {
            let mode = if *observe {
                Mode::Observe
            } else {
                self.observe_before
            };
            self.stage.settings.policy.mode = mode;
            self.hands.note(None, None, Kind::Observe(mode == Mode::Observe));
            self.stage.reload();
            return;
        }
        if let Act::Retune(tune) = act {
            let mode = self.stage.settings.policy.mode;
            self.stage.settings.policy = policy::Settings {
                mode,
                ..tune.of(&self.began_with)
            };
            let promised = Box::new(tune.of(&self.promised));
            self.hands.note(None, None, Kind::Policy(promised));
            self.stage.reload();
            return;
        }
        if *act == Act::SecondDaemon {
            self.intruders += u64::from(self.stage.intrude());
            return;
        }
        let Some(daemon) = &self.stage.daemon else { return };
        let desk = daemon.desk.clone();
        let who = || Caller {
            name: "erika".to_owned(),
            uid: Some(1000),
            token: None,
            groups: Vec::new(),
        };
        match act {
            Act::Approve | Act::Reject => {
                let Ok(plans) = desk.plans(true).await else { return };
                for plan in plans.plans {
                    let said = if *act == Act::Approve {
                        desk.approve(plan.hash, who(), ApproveBody::default()).await
                    } else {
                        desk.reject(plan.hash, who(), "no".to_owned()).await
                    };
                    // Killed right after the approval was stored, it counts and nobody was answered.
                    let stored = said.is_ok() || daemon.fate.is_dead();
                    if stored && *act == Act::Approve {
                        let pair = plan
                            .follower
                            .cluster
                            .as_str()
                            .trim_start_matches("eu")
                            .parse()
                            .ok();
                        self.hands
                            .note(pair, Some(plan.follower.index.as_str()), Kind::Approved);
                    }
                }
            }
            Act::Beside(pair, follower) => {
                let index = self.hands.pairs[*pair].followers[*follower].clone();
                let key = FollowerKey::parse(&format!("eu{pair}/{index}")).unwrap();
                let body = RecreateBody {
                    beside: IndexName::parse(&twin_of(&index)).ok(),
                    ..RecreateBody::default()
                };
                drop(desk.recreate(key, who(), body).await);
            }
            Act::Brake(scope) => {
                let request = BrakeRequest {
                    scope: scope.clone(),
                    reason: "drill".to_owned(),
                    length: None,
                };
                if desk.brake(request, who()).await.is_ok() {
                    self.hands.note(None, None, Kind::Brake(scope.clone()));
                }
            }
            Act::Release(scope) => self.release(scope).await,
            Act::Abort => {
                let Ok(runs) = desk.runs(20).await else { return };
                for run in runs.runs.into_iter().filter(|run| run.outcome.is_none()) {
                    drop(desk.abort(run.id, who()).await);
                }
            }
            _ => {}
        }
    }

    async fn release(&mut self, scope: &BrakeScope) {
        let Some(daemon) = &self.stage.daemon else { return };
        let who = Caller {
            name: "erika".to_owned(),
            uid: Some(1000),
            token: None,
            groups: Vec::new(),
        };
        if daemon.desk.release(scope.clone(), who).await.is_ok() {
            self.hands.note(None, None, Kind::Release(scope.clone()));
        }
    }

    /// Everything that can be mended from outside is; what people or leaders are is left.
    async fn mend(&mut self) {
        for (number, pair) in self.stage.pairs.iter().enumerate() {
            pair.world.clear_faults();
            for side in [Side::Leader, Side::Follower] {
                pair.world.start_node(side);
                pair.world.with(|state| state.pair.set_disk_full(side, false));
            }
            pair.world.with(|state| {
                state.pair.break_link(false);
                state.pair.set_restore_rate(None);
            });
            self.hands.perform(&Act::AliasRestored(number));
            self.hands.note(Some(number), None, Kind::Mended);
        }
        self.act(&Act::Reload(self.observe_before == Mode::Observe)).await;
        let engaged: Vec<BrakeScope> = {
            let deeds = self.hands.deeds.lock().unwrap();
            deeds
                .iter()
                .filter_map(|deed| match &deed.kind {
                    Kind::Brake(scope) => Some(scope.clone()),
                    _ => None,
                })
                .collect()
        };
        for scope in engaged {
            self.release(&scope).await;
        }
    }

    async fn record(mut self, story: &Story, parameters: Vec<BTreeMap<String, serde_json::Value>>) -> Record {
        let ends = standings(&self.stage, Clone::clone);
        let logs = self
            .stage
            .pairs
            .iter()
            .map(|pair| pair.world.requests())
            .collect();
        let (mut words, mut runs, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(daemon) = &self.stage.daemon {
            words = daemon.desk.status().followers;
            runs = daemon
                .desk
                .runs(1000)
                .await
                .map(|runs| runs.runs)
                .unwrap_or_default();
            if let Ok(events) = daemon.desk.events(0).await {
                for event in events.events {
                    lines.push(format!(
                        "{} {}",
                        event.at,
                        event.detail.as_str().unwrap_or_default()
                    ));
                }
            }
        }
        if let Some(daemon) = &self.stage.daemon {
            for item in words.iter().filter(|item| item.cause != Cause::None) {
                let key = FollowerKey {
                    cluster: item.cluster.clone(),
                    index: item.index.clone(),
                };
                if let Ok(why) = daemon.desk.why(key).await {
                    lines.push(format!(
                        "{}/{}: {}",
                        item.cluster,
                        item.index,
                        why.reasons.join("; ")
                    ));
                }
            }
        }
        let changes = self.stage.seam.changes();
        let writes = self.first_writes.or(self.writes()).unwrap_or_default();
        let crashes = self.stage.crashes;
        self.stage.kill();
        // What still hangs about ends before the next story.
        tokio::time::sleep(Duration::from_secs(40)).await;
        let echoed = std::mem::take(&mut *self.stage.seam.echoed.lock().unwrap());
        let unsent = std::mem::take(&mut *self.stage.seam.unsent.lock().unwrap());
        let deeds = std::mem::take(&mut *self.hands.deeds.lock().unwrap());
        Record {
            logs,
            ends,
            parameters,
            deeds,
            echoed,
            unsent,
            policy: story.policy(),
            observe: story.mode == Mode::Observe,
            poll: story.poll,
            words,
            runs,
            story: lines.join("\n"),
            changes,
            writes,
            panics: self.stage.panics,
            crashes,
            intruders: self.intruders,
        }
    }
}

/// Plays a story on a clock of its own.
pub fn told(story: &Story, lie: Option<Arc<dyn Lie>>) -> Record {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(play(story, lie))
}

/// Plays it and asks the oracle.
pub fn judged(story: &Story) -> Vec<Violation> {
    violations(&told(story, None))
}

/// The shortest story with the same broken promise: whatever can be left out is.
pub fn shortest(story: &Story, promise: &str) -> Story {
    let fails = |story: &Story| judged(story).iter().any(|found| found.promise == promise);
    let mut best = story.clone();
    let without_death = Story {
        death: None,
        ..best.clone()
    };
    if best.death.is_some() && fails(&without_death) {
        best = without_death;
    }
    let mut at = 0;
    while at < best.beats.len() {
        let mut shorter = best.clone();
        shorter.beats.remove(at);
        if fails(&shorter) {
            best = shorter;
            at = 0;
        } else {
            at += 1;
        }
    }
    best
}
