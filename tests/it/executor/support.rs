//! A pair of simulated clusters, a store in memory, a gate with the real guards, and a small
//! observer that does what the engine's does: look, remember, judge, plan.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use refollow::clock::{Clock, TokioClock};
use refollow::domain::answer::Answer;
use refollow::domain::cause::{Cause, Remedy};
use refollow::domain::decision::GuardResult;
use refollow::domain::facts::Facts;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias, RunId};
use refollow::domain::journal::{Entry, Trigger};
use refollow::domain::memory::{HighWater, Memory};
use refollow::domain::plan::{NO_WISHES, Plan, Wishes};
use refollow::domain::step::Step;
use refollow::domain::verdict::Verdict;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::read::Look;
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::elastic::wire;
use refollow::engine::executor::{self, Asked, Bench, Gate, RunEnd, RunSettings};
use refollow::judge;
use refollow::policy::{self, Mode, Question, Settings, World as PolicyWorld, evaluate};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::log::Entry as Logged;
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use refollow::store::Store;
use refollow::store::memory::MemoryStore;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;

/// What `Gate::may` is asked, and what it says: `None` lets everything pass.
pub type May = Box<dyn Fn(Step, &World) -> Option<String> + Send + Sync>;

/// The engine's part, as small as it can be.
pub struct TestGate {
    memory: Mutex<Memory>,
    /// Whose memory that is; nothing is remembered of another follower.
    of: FollowerKey,
    /// Somebody has asked for the run to be aborted.
    pub aborted: AtomicBool,
    settings: Settings,
    clock: Arc<dyn Clock>,
    world: World,
    may: May,
    said: Mutex<Vec<String>>,
    /// Until when the daemon counts as just started; `None`: it has been up for long.
    pub warm_until: Mutex<Option<Timestamp>>,
}

impl std::fmt::Debug for TestGate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestGate")
    }
}

impl Gate for TestGate {
    fn may(&self, _: &FollowerKey, _: &RemoteAlias, step: Step, _: Remedy, _: &RunId) -> Result<(), String> {
        match (self.may)(step, &self.world) {
            None => Ok(()),
            Some(reason) => Err(reason),
        }
    }

    fn guards(&self, asked: &Asked<'_>) -> Vec<GuardResult> {
        let mut world = PolicyWorld::quiet(self.clock.now());
        if let Some(until) = *self.warm_until.lock().unwrap() {
            world.warm_until = until;
        }
        evaluate(&Question {
            beside: asked.beside,
            stage: asked.stage,
            remedy: asked.remedy,
            verdict: asked.verdict,
            facts: asked.facts,
            memory: asked.memory,
            world: &world,
            settings: &self.settings,
            wishes: &asked.plan.basis.wishes(),
            run: Some(asked.run),
            approved_at: asked.approved_at,
        })
    }

    fn aborted(&self, _: &RunId) -> bool {
        self.aborted.load(Ordering::SeqCst)
    }

    fn memory(&self, key: &FollowerKey) -> Memory {
        if *key != self.of {
            return Memory::default();
        }
        self.memory.lock().unwrap().clone()
    }

    fn remember(&self, key: &FollowerKey, change: &mut dyn FnMut(&mut Memory)) -> Memory {
        assert_eq!(*key, self.of, "only what the book knows is remembered");
        let mut memory = self.memory.lock().unwrap();
        change(&mut memory);
        memory.clone()
    }

    fn learn(&self, _: &[Answer]) {}

    fn progress(&self, _: &RunId, _: &FollowerKey, text: &str) {
        self.said
            .lock()
            .unwrap()
            .push(format!("{} {text}", self.clock.now()));
    }
}

/// Everything of one test.
pub struct Table {
    pub world: World,
    pub store: Arc<MemoryStore>,
    pub clock: Arc<TokioClock>,
    pub follower: Arc<Client>,
    pub leader: Arc<Client>,
    pub gate: Arc<TestGate>,
    pub undo: tempfile::TempDir,
    pub key: FollowerKey,
    facts: Facts,
    own_changes: usize,
}

/// A pair with one leader of two shards and its follower `orders-f`, with parameters and settings
/// of its own, and a table about it.
pub async fn table(version: Version) -> Table {
    table_with(version, Box::new(|_, _| None)).await
}

/// The same with a say in `Gate::may`, which also sees the clusters: what it does to them happens
/// just before the step.
pub async fn table_with(version: Version, may: May) -> Table {
    table_of(version, false, may).await
}

/// The same with security on.
pub async fn secured_table(may: May) -> Table {
    table_of(Version::V8_10_4, true, may).await
}

async fn table_of(version: Version, secured: bool, may: May) -> Table {
    let follower = "orders-f";
    let world = World::new(&PairOptions {
        version,
        secured,
        start_ms: START_MS,
        seed: 7,
    });
    scenario::play(&world, "empty").unwrap();
    let clock = Arc::new(TokioClock::starting_at(
        jiff::Timestamp::from_millisecond(world.now_ms()).unwrap(),
    ));
    let client = |name: &str, side| {
        Arc::new(Client::new(
            ClusterName::parse(name).unwrap(),
            vec![MemoryTransport::shared(&world, side)],
            ClientSettings::default(),
            clock.clone(),
        ))
    };
    let key = FollowerKey {
        cluster: ClusterName::parse("eu").unwrap(),
        index: IndexName::parse(follower).unwrap(),
    };
    let mut facts = Facts::nothing(key.clone(), clock.now());
    facts.remote = Some(RemoteAlias::parse("lead").unwrap());
    facts.leader_index = Some(IndexName::parse(follower.trim_end_matches("-f")).unwrap());
    facts.leader_cluster = Some(ClusterName::parse("us").unwrap());
    let gate = Arc::new(TestGate {
        memory: Mutex::new(Memory::default()),
        of: key.clone(),
        aborted: AtomicBool::new(false),
        settings: Settings {
            mode: Mode::Auto,
            ..Settings::default()
        },
        clock: clock.clone(),
        world: world.clone(),
        may,
        said: Mutex::new(Vec::new()),
        warm_until: Mutex::new(None),
    });
    let mut table = Table {
        follower: client("eu", Side::Follower),
        leader: client("us", Side::Leader),
        store: Arc::new(MemoryStore::default()),
        undo: tempfile::tempdir().unwrap(),
        world,
        clock,
        gate,
        key,
        facts,
        own_changes: 0,
    };
    table.set_up().await;
    // While it is well, what will be needed later is remembered.
    table.look().await;
    tokio::time::sleep(Duration::from_secs(15)).await;
    table.look().await;
    table.begins_here();
    table
}

impl Table {
    /// What was sent until now is the test's own.
    pub fn begins_here(&mut self) {
        self.own_changes = self.world.changes().len();
    }

    async fn set_up(&self) {
        let settings = json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}});
        self.done(Side::Leader, Method::Put, "/orders", Some(settings))
            .await;
        self.write(0, 300).await;
        self.done(Side::Leader, Method::Post, "/orders/_flush?force=true", None)
            .await;
        let follow =
            json!({"remote_cluster": "lead", "leader_index": "orders", "max_outstanding_read_requests": 7});
        self.done(
            Side::Follower,
            Method::Put,
            "/orders-f/_ccr/follow?wait_for_active_shards=1",
            Some(follow),
        )
        .await;
        let own = json!({"index.refresh_interval": "7s", "index.priority": 9});
        self.done(Side::Follower, Method::Put, "/orders-f/_settings", Some(own))
            .await;
        tokio::time::sleep(Duration::from_mins(1)).await;
    }

    /// Writes documents to the leader.
    pub async fn write(&self, first: u64, count: u64) {
        let lines: Vec<String> = (first..first + count)
            .map(|id| format!("{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":{id}}}\n"))
            .collect();
        let transport = MemoryTransport::new(&self.world, Side::Leader);
        let request = Request {
            method: Method::Post,
            target: "/orders/_bulk?refresh=true".to_owned(),
            body: Some(Bytes::from(lines.concat())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: true,
            max_answer_bytes: 64 << 20,
        };
        assert_eq!(transport.send(request).await.unwrap().status, 200);
    }

    /// One request of somebody else that must succeed.
    pub async fn done(&self, side: Side, method: Method, target: &str, body: Option<Value>) {
        let (status, answer) = self.ask(side, method, target, body).await;
        assert_eq!(status, 200, "{target}: {answer}");
    }

    pub fn bench(&self) -> Bench {
        self.bench_with(self.store.clone())
    }

    pub fn bench_with(&self, store: Arc<dyn Store>) -> Bench {
        Bench {
            follower: self.follower.clone(),
            leader: Some(self.leader.clone()),
            store,
            clock: self.clock.clone(),
            gate: self.gate.clone(),
            settings: RunSettings {
                undo_directory: self.undo.path().to_owned(),
                ..RunSettings::default()
            },
        }
    }

    pub fn play(&self, name: &str) {
        scenario::play(&self.world, name).unwrap();
    }

    /// One look at everything, as the observer makes it on its slow beat, and what it leaves in
    /// memory while the follower is well.
    pub async fn look(&mut self) -> Verdict {
        let index = self.key.index.clone();
        let leader = self.facts.leader_index.clone().unwrap();
        let mut answers = Vec::new();
        for look in [
            Look::Root,
            Look::FollowInfoOf(index.clone()),
            Look::FollowStatsOf(index.clone()),
            Look::MetaAndRouting(vec![index.clone()]),
            Look::PersistentTasks,
            Look::Recovery(index.clone()),
            Look::RemoteInfo,
            Look::IndexStats(vec![index.clone()]),
            Look::Settings(vec![index.clone()]),
            Look::Aliases(vec![index.clone()]),
            Look::License,
            Look::AllDataStreams,
        ] {
            answers.extend(self.follower.look(&look).await);
        }
        for look in [
            Look::Root,
            Look::IndexStats(vec![leader.clone()]),
            Look::Settings(vec![leader.clone()]),
            Look::Meta(vec![leader.clone()]),
            Look::Health(leader.clone()),
            Look::License,
        ] {
            answers.extend(self.leader.look(&look).await);
        }
        for answer in &answers {
            wire::learn(&mut self.facts, &wire::parse(answer));
        }
        self.facts.now = self.clock.now();
        self.facts.keep_last(4);
        // The second look that the judge asks for where a primary is missing.
        let needs = judge::needs(&self.facts, Some(&self.gate.memory(&self.key)));
        if needs.contains(&judge::Need::Explain) {
            let explain = Look::Explain { index, shard: 0 };
            for answer in self.follower.look(&explain).await {
                wire::learn(&mut self.facts, &wire::parse(&answer));
            }
        }
        let mut memory = self.gate.memory(&self.key);
        let verdict = judge::judge(&self.facts, Some(&memory));
        remember(&mut memory, &self.facts, &verdict);
        self.gate.remember(&self.key, &mut |kept| *kept = memory.clone());
        verdict
    }

    /// Looks until the cause is this one, for at most ten minutes.
    pub async fn until(&mut self, cause: Cause) -> Verdict {
        let mut last = None;
        for _ in 0..120 {
            let verdict = self.look().await;
            if verdict.cause == cause {
                return verdict;
            }
            last = Some(verdict);
            tokio::time::sleep(Duration::from_secs(5)).await;
        }
        panic!("it never came to {cause}: {last:?}");
    }

    /// The plan that the policy would make of a verdict.
    pub fn plan(&self, verdict: &Verdict) -> Plan {
        self.plan_with(verdict, &NO_WISHES)
    }

    /// The same with what a person asks for beside it.
    pub fn plan_with(&self, verdict: &Verdict, wishes: &Wishes) -> Plan {
        let memory = self.gate.memory(&self.key);
        policy::build_plan(verdict, &self.facts, &memory, wishes, self.clock.now()).unwrap()
    }

    /// Opens a run of the plan.
    pub async fn open(&self, plan: &Plan) -> RunId {
        match executor::open(&self.bench(), plan, Trigger::Policy { rule: Some(1) }).await {
            Ok(run) => run,
            Err(refused) => panic!("the run was refused: {}\n{}", refused.reason, self.story()),
        }
    }

    /// Opens a run of a plan that a person has approved.
    pub async fn open_approved(&self, plan: &Plan) -> RunId {
        let trigger = Trigger::Approved {
            by: vec!["ann".to_owned()],
        };
        match executor::open(&self.bench(), plan, trigger).await {
            Ok(run) => run,
            Err(refused) => panic!("the run was refused: {}\n{}", refused.reason, self.story()),
        }
    }

    /// Why a run of a plan that a person has approved is not opened.
    pub async fn refused(&self, plan: &Plan) -> String {
        let trigger = Trigger::Approved {
            by: vec!["ann".to_owned()],
        };
        match executor::open(&self.bench(), plan, trigger).await {
            Ok(run) => panic!("run {run} was opened"),
            Err(refused) => refused.reason,
        }
    }

    /// The UUID of the index under the follower's name.
    pub async fn follower_uuid(&self) -> String {
        let (_, answer) = self
            .ask(
                Side::Follower,
                Method::Get,
                "/orders-f/_settings?flat_settings=true",
                None,
            )
            .await;
        answer["orders-f"]["settings"]["index.uuid"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// The ids of the CCR leases on the leader.
    pub async fn leases(&self) -> Vec<String> {
        let (_, answer) = self
            .ask(Side::Leader, Method::Get, "/orders/_stats?level=shards", None)
            .await;
        let mut ids = Vec::new();
        for shard in answer["indices"]["orders"]["shards"]
            .as_object()
            .into_iter()
            .flat_map(|shards| shards.values())
        {
            for lease in shard[0]["retention_leases"]["leases"]
                .as_array()
                .into_iter()
                .flatten()
            {
                let id = lease["id"].as_str().unwrap_or_default();
                if id.contains("-following-") {
                    ids.push(id.to_owned());
                }
            }
        }
        ids
    }

    /// Carries a run to its end.
    pub async fn execute(&self, run: &RunId) -> RunEnd {
        self.execute_until(run, CancellationToken::new()).await
    }

    pub async fn execute_until(&self, run: &RunId, cancel: CancellationToken) -> RunEnd {
        tokio::time::timeout(
            Duration::from_hours(30),
            executor::execute(&self.bench(), run.clone(), cancel),
        )
        .await
        .unwrap_or_else(|_| panic!("the run does not end\n{}", self.story()))
    }

    pub async fn journal(&self, run: &RunId) -> Vec<Entry> {
        self.store.journal(run).await.unwrap()
    }

    /// What people were told, for messages of failing tests.
    pub fn story(&self) -> String {
        self.gate.said.lock().unwrap().join("\n")
    }

    /// One request of somebody else.
    pub async fn ask(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> (u16, Value) {
        let transport = MemoryTransport::new(&self.world, side);
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| Bytes::from(body.to_string())),
            credential: Credential::Read,
            deadline: Duration::from_secs(90),
            changes: method != Method::Get,
            max_answer_bytes: 64 << 20,
        };
        let response = transport.send(request).await.unwrap();
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        (response.status, body)
    }

    /// What the run sent and the clusters took, in order: the last part of each path.
    pub fn changes(&self) -> Vec<String> {
        self.world
            .changes()
            .iter()
            // Those before the run are the test's own.
            .skip(self.own_changes)
            .filter(|entry| entry.path.contains("_ccr/") || is_index_change(entry))
            .map(|entry| {
                let path = entry.path.split('?').next().unwrap_or_default();
                path.rsplit('/').next().unwrap_or_default().to_owned()
            })
            .collect()
    }

    /// The paths of what the run sent, refreshes left out.
    pub fn paths(&self) -> Vec<String> {
        self.world
            .changes()
            .iter()
            .skip(self.own_changes)
            .filter(|entry| entry.path.contains("_ccr/") || is_index_change(entry))
            .map(|entry| entry.path.clone())
            .collect()
    }

    /// How often two PUTs follow each other without a look at the follower between.
    pub fn puts_without_a_look_between(&self) -> usize {
        let mut looked = true;
        let mut count = 0;
        for entry in self.world.requests() {
            let put = entry.method == "PUT" && entry.path.contains("_ccr/follow");
            if put {
                count += usize::from(!looked);
                looked = false;
            } else if entry.method == "GET" && entry.path.contains("_cluster/state") {
                looked = true;
            }
        }
        count
    }

    /// The follower as a person would see it: `active`/`paused`, `open`/`close`, documents.
    pub async fn standing(&self) -> Standing {
        let index = self.key.index.to_string();
        let (_, info) = self
            .ask(Side::Follower, Method::Get, &format!("/{index}/_ccr/info"), None)
            .await;
        let (_, state) = self
            .ask(
                Side::Follower,
                Method::Get,
                &format!("/_cluster/state/metadata/{index}"),
                None,
            )
            .await;
        let (_, health) = self
            .ask(
                Side::Follower,
                Method::Get,
                &format!("/_cluster/health/{index}"),
                None,
            )
            .await;
        let info = &info["follower_indices"][0];
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let standing = Standing {
            status: text(&info["status"]),
            parameters: info["parameters"].clone(),
            state: text(&state["metadata"]["indices"][&index]["state"]),
            health: text(&health["status"]),
            documents: 0,
            settings: Value::Null,
        };
        let (_, settings) = self
            .ask(
                Side::Follower,
                Method::Get,
                &format!("/{index}/_settings?flat_settings=true"),
                None,
            )
            .await;
        Standing {
            documents: if standing.state == "open" {
                self.count(Side::Follower, &index).await
            } else {
                0
            },
            settings: settings[&index]["settings"].clone(),
            ..standing
        }
    }

    pub async fn count(&self, side: Side, index: &str) -> u64 {
        let (_, count) = self
            .ask(side, Method::Get, &format!("/{index}/_count"), None)
            .await;
        count["count"].as_u64().unwrap_or_default()
    }
}

/// Something that happens once, just before a step.
pub fn just_before(step: Step, act: impl Fn(&World) + Send + Sync + 'static) -> May {
    let done = AtomicBool::new(false);
    Box::new(move |asked, world| {
        if asked == step && !done.swap(true, Ordering::SeqCst) {
            act(world);
        }
        None
    })
}

/// Somebody recreates the follower over its living lease, as the documented procedure says
/// (measured 03): red, and its data gone.
pub async fn failed_restore(table: &mut Table) {
    // The lease asks for later operations than the leader's last commit, which 8.10 makes by
    // itself with a write that comes a minute after the last.
    let flush = "/orders/_flush?force=true";
    table.done(Side::Leader, Method::Post, flush, None).await;
    table.write(300, 200).await;
    tokio::time::sleep(Duration::from_secs(32)).await;
    table.look().await;
    for (method, target, body) in [
        (Method::Post, "/orders-f/_ccr/pause_follow", None),
        (Method::Post, "/orders-f/_close", None),
        (
            Method::Put,
            "/orders-f/_ccr/follow?wait_for_active_shards=1",
            Some(json!({"remote_cluster": "lead", "leader_index": "orders"})),
        ),
    ] {
        table.done(Side::Follower, method, target, body).await;
    }
    assert_eq!(table.standing().await.health, "red");
    table.begins_here();
}

/// A run of ours recreates the follower, and every resume after the copy is refused: restored,
/// and nobody follows.
pub async fn unfollowed_copy(version: Version) -> Table {
    let may = just_before(Step::Follow, |world| {
        scenario::play(world, "follow-interrupted:orders-f").unwrap();
        world.add_fault(Fault::new(FaultKind::Unauthorized).path("resume_follow").times(3));
    });
    let mut table = table_with(version, may).await;
    table.play("history-lost:orders-f");
    let verdict = table.until(Cause::HistoryLost).await;
    let run = table.open(&table.plan(&verdict)).await;
    let end = table.execute(&run).await;
    let RunEnd::Closed { held, .. } = &end else {
        panic!("{end:?}\n{}", table.story());
    };
    assert_eq!(*held, Some(Step::Follow), "{end:?}");
    table.begins_here();
    table
}

fn is_index_change(entry: &Logged) -> bool {
    entry.method == "DELETE"
        || ["/_close", "/_open", "/_settings"]
            .iter()
            .any(|part| entry.path.contains(part))
}

/// See [`Table::standing`].
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub status: String,
    pub parameters: Value,
    pub state: String,
    pub health: String,
    pub documents: u64,
    pub settings: Value,
}

/// What the engine remembers of a look, in short.
fn remember(memory: &mut Memory, facts: &Facts, verdict: &Verdict) {
    memory.last_state = Some(verdict.state);
    if verdict.cause != Cause::None {
        return;
    }
    memory.last_well_at = Some(facts.now);
    memory.follower_index_uuid = facts.follower_uuid();
    memory.remote.clone_from(&facts.remote);
    memory.leader_index.clone_from(&facts.leader_index);
    memory.leader_index_uuid = facts.leader_uuid();
    if let Some(info) = facts.follower.info.present()
        && info.parameters.is_some()
    {
        memory.parameters.clone_from(&info.parameters);
    }
    if let Some(stats) = facts.leader.index.present() {
        memory.leader_shard_history_uuids = stats
            .primaries
            .values()
            .map(|shard| shard.history_uuid.clone())
            .collect();
        for (shard, seq) in &stats.primaries {
            let high = memory.high_water.entry(*shard).or_insert(HighWater {
                leader_max_seq_no: None,
                leader_global_checkpoint: None,
            });
            high.leader_max_seq_no = high.leader_max_seq_no.max(seq.max_seq_no);
            high.leader_global_checkpoint = high.leader_global_checkpoint.max(seq.global_checkpoint);
        }
    }
    memory.followed_is_recorded = true;
    memory.follower_cluster_uuid = facts
        .follower
        .root
        .present()
        .and_then(|root| root.cluster_uuid.clone());
    memory.leader_cluster_uuid = facts
        .leader
        .root
        .present()
        .and_then(|root| root.cluster_uuid.clone());
    memory.remote_addresses = facts
        .follower
        .remote
        .present()
        .map(|remote| remote.addresses.clone());
    memory.own_settings = facts
        .follower
        .settings
        .present()
        .map(refollow::domain::replicated::own_settings)
        .map(Into::into);
    memory.aliases = facts.follower.aliases.present().cloned().map(Into::into);
    memory.shard_count = facts
        .follower
        .settings
        .present()
        .and_then(|settings| settings.get("index.number_of_shards")?.parse().ok());
}

/// Where the undo file of a run lies.
pub fn undo_file(table: &Table, run: &RunId) -> PathBuf {
    table.undo.path().join(format!("{run}.txt"))
}
