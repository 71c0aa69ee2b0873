//! Several simulated pairs, one daemon over all of them, and the seam between the two: where
//! requests are counted, where the daemon is killed, where a test lies to it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use refollow::app::desk::Desk;
use refollow::clock::{Clock, SharedClock, TokioClock};
use refollow::domain::ids::{ClusterName, RemoteAlias};
use refollow::domain::time::Timestamp;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Method, Request, Response, SharedTransport, Transport, TransportError};
use refollow::engine::Engine;
use refollow::engine::settings::{ClusterSettings, Settings};
use refollow::metrics::Metrics;
use refollow::policy;
use refollow::sandbox::load;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{Handled, PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::Store;
use refollow::store::faulty::{Counted, FaultyStore, Side as Landing};
use refollow::store::memory::{Held, MemoryStore};
use refollow::tasks::Tasks;
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::oracle::Unsent;

/// 2026-11-23T10:00:00Z.
pub const START_MS: i64 = 1_795_428_000_000;

/// The daemon's wall clock: tokio's, and what somebody set it by.
#[derive(Debug)]
pub struct WallClock {
    base: TokioClock,
    added_ms: AtomicI64,
}

impl WallClock {
    fn starting_at(now_ms: i64) -> Self {
        Self {
            base: TokioClock::starting_at(Timestamp::from_millisecond(now_ms).unwrap()),
            added_ms: AtomicI64::new(0),
        }
    }

    /// Sets it forward, or back.
    pub fn jump(&self, by_ms: i64) {
        self.added_ms.fetch_add(by_ms, Ordering::SeqCst);
    }
}

impl Clock for WallClock {
    fn now(&self) -> Timestamp {
        let added = jiff::SignedDuration::from_millis(self.added_ms.load(Ordering::SeqCst));
        self.base.now().checked_add(added).unwrap()
    }
}

/// A request and its answer as the daemon is made to see them.
pub trait Lie: Send + Sync {
    /// Changes a request before it leaves; `false` swallows it with a made-up 200.
    fn request(&self, _pair: usize, _side: Side, _request: &mut Request) -> bool {
        true
    }
    /// Answers it without asking any cluster.
    fn instead(&self, _pair: usize, _side: Side, _request: &Request) -> Option<Response> {
        None
    }
    /// Sends it a second time behind the daemon's back.
    fn twice(&self, _request: &Request) -> bool {
        false
    }
    /// Whether a daemon takes the lock of its state.
    fn locks(&self) -> bool {
        true
    }
    /// Changes the answer.
    fn answer(&self, _pair: usize, _side: Side, _request: &Request, _response: &mut Response) {}
}

/// Which side of a request's departure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It has not left.
    Before,
    /// The cluster has it; no answer yet.
    Sent,
}

/// What goes wrong with one changing request of the daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mishap {
    /// The daemon is killed before it leaves.
    KilledBefore,
    /// The daemon is killed once the cluster has it.
    KilledAfter,
    /// It is lost on its way.
    Lost,
    /// It acts, and its answer is lost.
    AnswerLost,
    /// A proxy delivers it twice; the second answer comes back.
    Twice,
    /// 429, and nothing is done.
    TooMany,
    /// 503 of a proxy, and nothing is done.
    Unavailable,
    /// 503 of a proxy, and it acts.
    UnavailableActed,
    /// No answer until the deadline, and nothing is done.
    Hang,
    /// No answer until the deadline, and it acts.
    HangActed,
}

impl Mishap {
    pub const ALL: [Self; 10] = [
        Self::KilledBefore,
        Self::KilledAfter,
        Self::Lost,
        Self::AnswerLost,
        Self::Twice,
        Self::TooMany,
        Self::Unavailable,
        Self::UnavailableActed,
        Self::Hang,
        Self::HangActed,
    ];

    const fn acts(self) -> bool {
        matches!(
            self,
            Self::KilledAfter | Self::AnswerLost | Self::UnavailableActed | Self::HangActed
        )
    }
}

type Hook = Box<dyn FnMut(u64, Moment) + Send>;

/// What outlives a daemon: the count of its changing requests, and who listens to them.
#[derive(Default)]
pub struct Seam {
    changes: AtomicU64,
    hook: Mutex<Option<Hook>>,
    lie: Mutex<Option<Arc<dyn Lie>>>,
    echo: AtomicBool,
    /// What goes wrong at the n-th changing request.
    mishaps: Mutex<BTreeMap<u64, Mishap>>,
    /// What goes wrong with the next request about the installation's marker.
    marker: Mutex<Option<Mishap>>,
    /// A daemon that stops takes its markers back, as `app::drain` has it. Only where a story is
    /// about them: it is one more request in each stop of the others.
    takes_marks_back: AtomicBool,
    /// Requests that a proxy delivered twice: pair and sequence number of the second.
    pub echoed: Mutex<Vec<(usize, u64)>>,
    /// Requests that never reached the cluster, and nothing told the daemon so.
    pub unsent: Mutex<Vec<Unsent>>,
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seam")
    }
}

impl Seam {
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    pub fn on_change(&self, hook: impl FnMut(u64, Moment) + Send + 'static) {
        *self.hook.lock().unwrap() = Some(Box::new(hook));
    }

    pub fn lie(&self, lie: Arc<dyn Lie>) {
        *self.lie.lock().unwrap() = Some(lie);
    }

    pub fn mishap(&self, number: u64, mishap: Mishap) {
        self.mishaps.lock().unwrap().insert(number, mishap);
    }

    /// The next request about the marker goes wrong so; and stops take markers back.
    pub fn marker_mishap(&self, mishap: Option<Mishap>) {
        *self.marker.lock().unwrap() = mishap;
        self.takes_marks_back.store(true, Ordering::SeqCst);
    }

    /// The next changing request is delivered twice.
    pub fn echo_next(&self) {
        self.echo.store(true, Ordering::SeqCst);
    }

    fn tell(&self, number: u64, moment: Moment) {
        if let Some(hook) = self.hook.lock().unwrap().as_mut() {
            hook(number, moment);
        }
    }
}

/// Whether one daemon still lives.
#[derive(Debug, Default)]
pub struct Fate {
    dead: AtomicBool,
    died: Notify,
}

impl Fate {
    pub fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.died.notify_one();
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    pub async fn died(&self) {
        self.died.notified().await;
    }
}

#[derive(Debug)]
struct Wire {
    inner: MemoryTransport,
    world: World,
    pair: usize,
    side: Side,
    seam: Arc<Seam>,
    fate: Arc<Fate>,
}

impl Transport for Wire {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
        Box::pin(self.exchange(request))
    }
}

fn gone(sent: bool) -> TransportError {
    TransportError::Lost {
        reason: "the daemon is dead".to_owned(),
        sent,
    }
}

impl Wire {
    fn unsent(&self, request: &Request) {
        self.seam.unsent.lock().unwrap().push(Unsent {
            pair: self.pair,
            path: request.target.clone(),
            at_ms: self.world.now_ms(),
        });
    }

    async fn go_wrong(&self, mishap: Mishap, request: Request) -> Result<Response, TransportError> {
        let deadline = request.deadline;
        if mishap.acts() {
            drop(futures::poll!(Box::pin(self.inner.send(request))));
        } else if mishap != Mishap::TooMany {
            self.unsent(&request);
        }
        let answer = |status: u16, body: &'static str| {
            Ok(Response {
                status,
                body: body.into(),
                content_type: Some("application/json".to_owned()),
                product: None,
                retry_after: None,
            })
        };
        match mishap {
            Mishap::KilledBefore | Mishap::KilledAfter => {
                self.fate.die();
                Err(gone(true))
            }
            Mishap::Lost | Mishap::AnswerLost | Mishap::Twice => Err(TransportError::Lost {
                reason: "connection reset".to_owned(),
                sent: true,
            }),
            Mishap::TooMany => answer(
                429,
                r#"{"error":{"type":"es_rejected_execution_exception","reason":"rejected execution"},"status":429}"#,
            ),
            Mishap::Unavailable | Mishap::UnavailableActed => {
                answer(503, "<html>503 Service Unavailable</html>")
            }
            Mishap::Hang | Mishap::HangActed => {
                tokio::time::sleep(deadline).await;
                Err(TransportError::Deadline { deadline, sent: true })
            }
        }
    }

    async fn exchange(&self, mut request: Request) -> Result<Response, TransportError> {
        let lie = self.seam.lie.lock().unwrap().clone();
        if self.fate.is_dead() {
            if request.changes {
                self.unsent(&request);
            }
            return Err(gone(false));
        }
        // The marker of the installation is about no follower and is sent once: stories and the crash
        // matrix count what is done to followers.
        let counted = request.changes && !request.target.starts_with("/_cluster/settings");
        let number = counted.then(|| self.seam.changes.fetch_add(1, Ordering::SeqCst) + 1);
        if let Some(number) = number {
            self.seam.tell(number, Moment::Before);
            if self.fate.is_dead() {
                self.unsent(&request);
                return Err(gone(false));
            }
        }
        if let Some(lie) = &lie
            && !lie.request(self.pair, self.side, &mut request)
        {
            return Ok(Response {
                status: 200,
                body: r#"{"acknowledged":true,"_shards":{"total":1,"successful":1,"failed":0}}"#.into(),
                content_type: Some("application/json".to_owned()),
                product: Some("Elasticsearch".to_owned()),
                retry_after: None,
            });
        }
        if let Some(response) = lie
            .as_ref()
            .and_then(|lie| lie.instead(self.pair, self.side, &request))
        {
            return Ok(response);
        }
        let mishap = match number {
            Some(number) => self.seam.mishaps.lock().unwrap().get(&number).copied(),
            None if request.changes => self.seam.marker.lock().unwrap().take(),
            None => None,
        };
        if let Some(mishap) = mishap.filter(|mishap| *mishap != Mishap::Twice) {
            return self.go_wrong(mishap, request).await;
        }
        if mishap.is_some() || number.is_some() && self.seam.echo.swap(false, Ordering::SeqCst) {
            let seq = self.world.with(|state| state.log.next_seq());
            // The first delivery acts; its answer is lost in the proxy.
            drop(futures::poll!(Box::pin(self.inner.send(request.clone()))));
            self.seam.echoed.lock().unwrap().push((self.pair, seq + 1));
        }
        if lie.as_ref().is_some_and(|lie| lie.twice(&request)) {
            drop(futures::poll!(Box::pin(self.inner.send(request.clone()))));
        }
        let mut sending = self.inner.send(request.clone());
        let first = futures::poll!(sending.as_mut());
        if let Some(number) = number {
            self.seam.tell(number, Moment::Sent);
        }
        let answer = match first {
            std::task::Poll::Ready(answer) => answer,
            std::task::Poll::Pending if self.fate.is_dead() => return Err(gone(true)),
            std::task::Poll::Pending => sending.await,
        };
        if self.fate.is_dead() {
            return Err(gone(true));
        }
        let mut response = answer?;
        if let Some(lie) = &lie {
            lie.answer(self.pair, self.side, &request, &mut response);
        }
        Ok(response)
    }
}

/// One pair of clusters, `eu<n>` following `us<n>`.
#[derive(Debug)]
pub struct PairStage {
    pub world: World,
    pub eu: ClusterName,
    pub us: ClusterName,
    pub followers: Vec<String>,
}

impl PairStage {
    /// One request of somebody else, not in the log.
    pub fn ask(&self, side: Side, method: Method, target: &str, body: Option<&Value>) -> (u16, Value) {
        let request = load::request(method, target, body.map(Value::to_string));
        self.world.with(|state| match state.pair.handle(side, &request) {
            Handled::Answer(response) => (
                response.status,
                serde_json::from_slice(&response.body).unwrap_or(Value::Null),
            ),
            Handled::Later(_) => (200, Value::Null),
            Handled::Down => (0, Value::Null),
        })
    }

    fn done(&self, side: Side, method: Method, target: &str, body: Option<&Value>) {
        let (status, answer) = self.ask(side, method, target, body);
        assert_eq!(status, 200, "{target}: {answer}");
    }

    /// Makes leaders with a few documents, and follows them; the copies take a moment.
    fn fill(&self, documents: u64) {
        self.done(
            Side::Leader,
            Method::Put,
            "/_snapshot/vault",
            Some(&json!({"type": "fs", "settings": {"location": "vault"}})),
        );
        for (number, follower) in self.followers.iter().enumerate() {
            let leader = leader_of(follower);
            let shards = 1 + number % 2;
            let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
            self.done(Side::Leader, Method::Put, &format!("/{leader}"), Some(&settings));
            self.write(leader, 0, documents);
            let target = format!("/{leader}/_flush?force=true");
            self.done(Side::Leader, Method::Post, &target, None);
            // What a rewound leader goes back to.
            self.done(
                Side::Leader,
                Method::Put,
                &format!("/_snapshot/vault/{leader}?wait_for_completion=true"),
                Some(&json!({"indices": leader})),
            );
            self.write(leader, documents, 7);
            let follow = json!({"remote_cluster": "lead", "leader_index": leader, "max_outstanding_read_requests": 5 + number});
            let target = format!("/{follower}/_ccr/follow?wait_for_active_shards=1");
            self.done(Side::Follower, Method::Put, &target, Some(&follow));
        }
    }

    pub fn write(&self, leader: &str, first: u64, count: u64) {
        self.world.with(|state| {
            drop(state.pair.handle(Side::Leader, &load::bulk(leader, first, count)));
        });
    }
}

/// `i07-f`.
pub fn follower_name(index: usize) -> String {
    format!("i{index:02}-f")
}

/// `a` of `a-f`.
pub fn leader_of(follower: &str) -> &str {
    follower.trim_end_matches("-f").trim_end_matches("-g")
}

/// The name that a copy beside that follower gets in these stories.
pub fn twin_of(follower: &str) -> String {
    format!("{}-g", leader_of(follower))
}

/// Whether the name is that of such a copy.
pub fn is_twin(name: &str) -> bool {
    name.ends_with("-g")
}

/// The follower that stands under this name, or that the copy of this name was made beside.
pub fn origin_of(name: &str) -> String {
    format!("{}-f", leader_of(name))
}

/// One life of the daemon.
#[derive(Debug)]
pub struct Daemon {
    pub engine: Arc<Engine>,
    pub desk: Desk,
    pub tasks: Tasks,
    pub store: Arc<FaultyStore>,
    pub fate: Arc<Fate>,
    /// The store's lock: the kernel takes it from a process that ends.
    _held: Option<Held>,
}

impl Daemon {
    /// As `kill -9`: nothing it still does reaches a cluster or the store.
    pub fn kill(self) {
        self.store.kill();
        self.fate.die();
        self.tasks.cancel();
    }
}

/// How a stage is set up.
#[derive(Debug, Clone)]
pub struct Plot {
    pub versions: Vec<Version>,
    pub followers: usize,
    pub documents: u64,
    pub policy: policy::Settings,
    pub poll: Duration,
    pub seed: u64,
}

/// Everything of one story.
#[derive(Debug)]
pub struct Stage {
    pub pairs: Arc<Vec<PairStage>>,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<WallClock>,
    pub settings: Settings,
    pub seam: Arc<Seam>,
    pub daemon: Option<Daemon>,
    /// Tasks that panicked in former lives.
    pub panics: u64,
    /// Daemons that ended without being asked to.
    pub crashes: u64,
    _undo: tempfile::TempDir,
}

impl Stage {
    /// Pairs with followers that follow; no daemon yet.
    pub async fn set(plot: &Plot) -> Self {
        // The schedule's jitter is drawn on this thread.
        fastrand::seed(plot.seed);
        let mut pairs = Vec::new();
        for (number, version) in plot.versions.iter().enumerate() {
            let world = World::new(&PairOptions {
                version: *version,
                secured: false,
                start_ms: START_MS,
                seed: plot.seed.wrapping_mul(31).wrapping_add(number as u64),
            });
            scenario::play(&world, "empty").unwrap();
            pairs.push(PairStage {
                world,
                eu: ClusterName::parse(&format!("eu{number}")).unwrap(),
                us: ClusterName::parse(&format!("us{number}")).unwrap(),
                followers: (0..plot.followers).map(follower_name).collect(),
            });
        }
        for pair in &pairs {
            pair.fill(plot.documents);
        }
        tokio::time::sleep(Duration::from_mins(1)).await;
        let undo = tempfile::tempdir().unwrap();
        let lead = RemoteAlias::parse("lead").unwrap();
        let cluster = |name: &ClusterName, remotes| ClusterSettings {
            name: name.clone(),
            poll_interval: plot.poll,
            leader_side_interval: plot.poll * 4,
            remotes,
            declared_followers: Vec::new(),
        };
        let settings = Settings {
            clusters: pairs
                .iter()
                .flat_map(|pair| {
                    [
                        cluster(&pair.eu, BTreeMap::from([(lead.clone(), pair.us.clone())])),
                        cluster(&pair.us, BTreeMap::new()),
                    ]
                })
                .collect(),
            policy: plot.policy.clone(),
            metrics: refollow::engine::settings::MetricsSettings::default(),
            undo_directory: undo.path().to_owned(),
            run_limits: refollow::domain::run::Limits::default(),
            brake_file: undo.path().join("brake"),
            blockers: Vec::new(),
            notify: std::sync::Arc::default(),
            keep_runs: Duration::MAX,
            history: refollow::history::HistorySettings::OFF,
            shutdown_timeout: Duration::from_secs(30),
        };
        let now_ms = pairs[0].world.now_ms();
        Self {
            pairs: Arc::new(pairs),
            store: Arc::new(MemoryStore::default()),
            clock: Arc::new(WallClock::starting_at(now_ms)),
            settings,
            seam: Arc::default(),
            daemon: None,
            panics: 0,
            crashes: 0,
            _undo: undo,
        }
    }

    fn clients(&self, fate: &Arc<Fate>) -> BTreeMap<ClusterName, Arc<Client>> {
        let mut clients = BTreeMap::new();
        for (number, pair) in self.pairs.iter().enumerate() {
            for (name, side) in [(&pair.eu, Side::Follower), (&pair.us, Side::Leader)] {
                let wire: SharedTransport = Arc::new(Wire {
                    inner: MemoryTransport::new(&pair.world, side),
                    world: pair.world.clone(),
                    pair: number,
                    side,
                    seam: Arc::clone(&self.seam),
                    fate: Arc::clone(fate),
                });
                let clock: SharedClock = self.clock.clone();
                let client = Client::new(name.clone(), vec![wire], ClientSettings::default(), clock);
                clients.insert(name.clone(), Arc::new(client));
            }
        }
        clients
    }

    /// Starts a daemon over the store; `death`: at which write of its life, on which side of it.
    pub async fn start(&mut self, death: Option<(u64, Landing)>) {
        let lie = self.seam.lie.lock().unwrap().clone();
        let locks = lie.is_none_or(|lie| lie.locks());
        let held = locks.then(|| self.store.hold().unwrap());
        let fate = Arc::new(Fate::default());
        let (at, side) = death.unwrap_or((0, Landing::Before));
        let mortal = Arc::clone(&fate);
        let store = Arc::new(
            FaultyStore::new(self.store.clone(), Counted::Everything, at, side)
                .on_death(move |_| mortal.die()),
        );
        let tasks = Tasks::new();
        let engine = Engine::open(
            self.settings.clone(),
            self.clients(&fate),
            Arc::clone(&store) as Arc<dyn Store>,
            self.clock.clone(),
            Arc::new(Metrics::new("0").unwrap()),
            tasks.clone(),
        )
        .await
        .unwrap();
        engine.start().await.unwrap();
        self.daemon = Some(Daemon {
            desk: Desk(Arc::clone(&engine)),
            engine,
            tasks,
            store,
            fate,
            _held: held,
        });
    }

    /// Takes the present settings into the running daemon, as SIGHUP does.
    pub fn reload(&self) {
        if let Some(daemon) = &self.daemon {
            daemon
                .engine
                .reload(self.settings.clone(), self.clients(&daemon.fate));
        }
    }

    /// SIGTERM, and the end of the process within its time.
    pub async fn stop(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.engine.drain();
            let drained = daemon.tasks.drain(self.settings.shutdown_timeout).await;
            if drained.is_ok() && self.seam.takes_marks_back.load(Ordering::SeqCst) {
                let taken = daemon.engine.take_marks_back();
                drop(tokio::time::timeout(Duration::from_secs(5), taken).await);
            }
            self.panics += daemon.tasks.panics();
            daemon.kill();
        }
    }

    /// A second daemon is started over the same store. True: it got in.
    pub fn intrude(&self) -> bool {
        self.daemon.is_some() && self.store.hold().is_ok()
    }

    pub fn kill(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            self.crashes += 1;
            self.panics += daemon.tasks.panics();
            daemon.kill();
        }
    }
}
