//! An evidence file, judged by `diagnose`, gives the verdict that the daemon gave at that moment:
//! for every scenario of the sandbox, on both versions, with the daemon's own engine.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use refollow::app::desk::Desk;
use refollow::clock::TokioClock;
use refollow::domain::cause::Cause;
use refollow::domain::handbook;
use refollow::domain::ids::{ClusterName, FollowerKey, RemoteAlias};
use refollow::domain::state::State;
use refollow::elastic::client::{Client, ClientSettings};
use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::engine::Engine;
use refollow::engine::settings::{ClusterSettings, Settings};
use refollow::evidence;
use refollow::http::dto::{Daemon as _, Why};
use refollow::metrics::Metrics;
use refollow::policy::{self, Mode};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::scenario::breakage::{self, Takes};
use refollow::sandbox::world::World;
use refollow::store::memory::MemoryStore;
use refollow::tasks::Tasks;
use serde_json::{Value, json};

/// 2026-11-23T10:00:00Z.
const START_MS: i64 = 1_795_428_000_000;
/// The largest evidence file that still goes into a ticket.
const TICKET_BYTES: usize = 256 * 1024;
/// Sick followers compared at one moment.
const MOST_SICK: usize = 14;
const VERSIONS: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];

/// A daemon's engine over a pair in memory.
struct Rig {
    world: World,
    desk: Desk,
    clients: BTreeMap<ClusterName, Arc<Client>>,
    settings: Settings,
    tasks: Tasks,
    _place: tempfile::TempDir,
    /// Every state in which a cause was seen.
    seen: BTreeSet<(Cause, State)>,
    causes: BTreeSet<Cause>,
    compared: usize,
    moments: usize,
    biggest: usize,
}

fn cluster(name: &str) -> ClusterName {
    ClusterName::parse(name).unwrap()
}

async fn rig(version: Version, start: &str, mode: Mode) -> Rig {
    let world = World::new(&PairOptions {
        version,
        secured: false,
        start_ms: START_MS,
        seed: 7,
    });
    scenario::play(&world, start).unwrap();
    let clock = Arc::new(TokioClock::starting_at(
        jiff::Timestamp::from_millisecond(world.now_ms()).unwrap(),
    ));
    let clients: BTreeMap<ClusterName, Arc<Client>> = [("eu", Side::Follower), ("us", Side::Leader)]
        .into_iter()
        .map(|(name, side)| {
            let transports = vec![MemoryTransport::shared(&world, side)];
            let client = Client::new(
                cluster(name),
                transports,
                ClientSettings::default(),
                clock.clone(),
            );
            (cluster(name), Arc::new(client))
        })
        .collect();
    let place = tempfile::tempdir().unwrap();
    let of = |name: &str, remotes: &[(&str, &str)]| ClusterSettings {
        name: cluster(name),
        poll_interval: Duration::from_secs(15),
        leader_side_interval: Duration::from_secs(60),
        remotes: remotes
            .iter()
            .map(|(alias, behind)| (RemoteAlias::parse(alias).unwrap(), cluster(behind)))
            .collect(),
        declared_followers: Vec::new(),
    };
    let settings = Settings {
        blockers: Vec::new(),
        notify: std::sync::Arc::default(),
        keep_runs: Duration::from_hours(24 * 400),
        history: refollow::history::HistorySettings::OFF,
        clusters: vec![of("eu", &[("lead", "us")]), of("us", &[])],
        policy: policy::Settings {
            mode,
            // In `observe` no rule counts.
            rules: vec![policy::Rule {
                clusters: vec![policy::Glob::new("*")],
                followers: vec![policy::Glob::new("*")],
                remotes: vec![policy::Glob::new("*")],
                causes: Cause::ALL.to_vec(),
                action: policy::Action::Auto,
                document_tolerance: None,
            }],
            ..policy::Settings::default()
        },
        metrics: refollow::engine::settings::MetricsSettings::default(),
        undo_directory: place.path().to_owned(),
        brake_file: place.path().join("brake-all"),
        shutdown_timeout: Duration::from_secs(30),
        run_limits: refollow::domain::run::Limits::default(),
    };
    let tasks = Tasks::new();
    let engine = Engine::open(
        settings.clone(),
        clients.clone(),
        Arc::new(MemoryStore::default()),
        clock,
        Arc::new(Metrics::new("test").unwrap()),
        tasks.clone(),
    )
    .await
    .unwrap();
    engine.start().await.unwrap();
    Rig {
        world,
        desk: Desk(engine),
        clients,
        settings,
        tasks,
        _place: place,
        seen: BTreeSet::new(),
        causes: BTreeSet::new(),
        compared: 0,
        moments: 0,
        biggest: 0,
    }
}

impl Rig {
    async fn send(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> u16 {
        let request = Request {
            method,
            target: target.to_owned(),
            body: body.map(|body| body.to_string().into_bytes().into()),
            credential: Credential::Act,
            deadline: Duration::from_secs(2),
            changes: true,
            max_answer_bytes: 64 << 20,
        };
        let answer = MemoryTransport::new(&self.world, side).send(request).await;
        answer.map_or(0, |answer| answer.status)
    }

    /// Takes the evidence of every follower that is not well, and of one that is, each time
    /// another (all of them would take minutes), and compares.
    async fn compare(&mut self, when: &str) {
        let (mut chosen, well): (Vec<_>, Vec<_>) = self
            .desk
            .status()
            .followers
            .into_iter()
            .partition(|item| item.cause != Cause::None);
        chosen.truncate(MOST_SICK);
        chosen.extend(well.into_iter().cycle().skip(self.moments * 3).take(1));
        self.moments += 1;
        for item in chosen {
            let key = FollowerKey {
                cluster: item.cluster.clone(),
                index: item.index.clone(),
            };
            let why = self.desk.why(key.clone()).await.unwrap();
            if why.follower.looked_at.is_none() {
                continue;
            }
            let file = self.desk.evidence(key.clone()).await.unwrap();
            let bytes = evidence::text(&file).into_bytes();
            self.biggest = self.biggest.max(bytes.len());
            let diagnosed = evidence::diagnose("ticket.json", &bytes);
            assert_eq!(
                of_file(&diagnosed),
                of_daemon(&key, &why),
                "{when}: `diagnose` (left) and the daemon (right) differ about {key}"
            );
            self.causes.insert(why.follower.cause);
            // With two troubles at once the state may be the other one's.
            if why.also.is_empty() {
                self.seen.insert((why.follower.cause, why.follower.state));
            }
            self.compared += 1;
        }
    }

    /// Lets time pass and compares at each of these seconds.
    async fn watch(&mut self, what: &str, seconds: &[u64]) {
        let mut passed = 0;
        for second in seconds {
            tokio::time::sleep(Duration::from_secs(second - passed)).await;
            passed = *second;
            self.compare(&format!("{what}, {second} s after")).await;
        }
    }

    /// Ends it; what was seen is held to the handbook.
    async fn end(self) -> BTreeSet<Cause> {
        self.tasks.cancel();
        self.tasks.drain(Duration::from_secs(120)).await.unwrap();
        for (cause, state) in &self.seen {
            let section = handbook::section(*cause).unwrap();
            assert!(
                section.states.contains(state),
                "the handbook does not know {cause} in the state {state}"
            );
        }
        assert!(self.compared > 1, "only {} were compared", self.compared);
        self.causes
    }
}

fn of_file(diagnosed: &Value) -> Value {
    json!({
        "follower": diagnosed["follower"], "state": diagnosed["state"], "cause": diagnosed["cause"],
        "also": diagnosed["also"], "ladder": diagnosed["ladder"], "approval": diagnosed["approval"],
        "error": diagnosed["error"],
    })
}

fn of_daemon(key: &FollowerKey, why: &Why) -> Value {
    json!({
        "follower": key.to_string(), "state": why.follower.state, "cause": why.follower.cause,
        "also": why.also, "ladder": why.ladder, "approval": why.approval, "error": null,
    })
}

/// A follower for each scenario that takes one, so that those of a round can be played on one
/// pair at once.
const ROUNDS: &[&[(&str, &str)]] = &[
    &[
        ("history-lost", "orders-f"),
        ("live-lease", "payments-f"),
        ("restored-but-paused", "customers-f"),
        ("follow-interrupted", "inventory-f"),
        ("leader-deleted", "sessions-f"),
        ("leader-replaced", "invoices-f"),
        ("leader-closed", "shipments-f"),
        ("fatal-but-curable", "products-f"),
        ("follower-paused", "audit-2026.11-f"),
        ("follower-closed", "search-terms-f"),
        ("follower-blocked", "metrics-app-f"),
        ("unfollowed", "mail-f"),
        ("leader-opened", "shipments-f"),
    ],
    &[
        ("leader-replaced-seen", "carts-f"),
        ("leader-snapshot", "customers-f"),
        ("leader-restored", "customers-f"),
        ("leader-written", "customers-f"),
        ("follower-read-only", "payments-f"),
        ("follower-flooded", "sessions-f"),
        ("follower-deleted", "mail-f"),
        ("tasks-unassigned", "tickets-f"),
        ("shard-unassigned", "orders-f"),
        ("diverged", "invoices-f"),
        ("stalled", "products-f"),
        ("filtered-restore", "inventory-f"),
        ("leader-filtered", "shipments-f"),
    ],
];

/// The follower of a scenario in a round.
fn follower_of(round: &[(&str, &'static str)], scenario: &str) -> Option<&'static str> {
    let found = round.iter().find(|(name, _)| *name == scenario);
    found.map(|(_, follower)| *follower)
}

fn played(known: &breakage::Breakage, round: &[(&str, &'static str)]) -> String {
    match (known.takes, known.name) {
        (Takes::Follower, name) => {
            let follower = follower_of(round, name);
            let follower = follower.unwrap_or_else(|| panic!("`{name}` has no follower in this round"));
            format!("{name}:{follower}")
        }
        (Takes::Needed, "restore-rate") => "restore-rate:100".to_owned(),
        (Takes::Needed, name) => format!("{name}:follower"),
        (_, name) => name.to_owned(),
    }
}

/// Plays one round; with `all`, what concerns the clusters as well. Returns the causes seen.
async fn play_round(version: Version, round: &[(&str, &'static str)], all: bool) -> BTreeSet<Cause> {
    let mut rig = rig(version, "healthy", Mode::Observe).await;
    rig.watch("healthy", &[75]).await;
    let (own, common): (Vec<&breakage::Breakage>, Vec<_>) = breakage::NAMES
        .iter()
        .filter(|known| known.takes != Takes::Follower || follower_of(round, known.name).is_some())
        .partition(|known| known.takes == Takes::Follower);
    let (mending, breaking): (Vec<&breakage::Breakage>, Vec<_>) =
        own.into_iter().partition(|known| known.name == "leader-opened");
    let play = |rig: &Rig, known: &breakage::Breakage| {
        let name = played(known, round);
        scenario::play(&rig.world, &name).unwrap_or_else(|error| panic!("{name}: {error}"));
        name
    };
    // Each on its own follower, all at once; then what concerns the clusters, one after another.
    for known in breaking {
        play(&rig, known);
    }
    rig.watch("each has its own trouble", &[1, 16, 25, 33, 64, 130])
        .await;
    let common = common.into_iter().filter(|_| all);
    for known in mending.into_iter().chain(common) {
        let name = play(&rig, known);
        rig.watch(&name, &[18, 60]).await;
    }
    assert!(rig.biggest < TICKET_BYTES, "a file of {} bytes", rig.biggest);
    rig.end().await
}

async fn every_scenario(version: Version) {
    for known in breakage::NAMES
        .iter()
        .filter(|known| known.takes == Takes::Follower)
    {
        let rounds = ROUNDS
            .iter()
            .filter(|round| follower_of(round, known.name).is_some());
        assert_eq!(rounds.count(), 1, "`{}` belongs to one round", known.name);
    }
    let mut causes = BTreeSet::new();
    for (place, round) in ROUNDS.iter().enumerate() {
        causes.extend(play_round(version, round, place == 0).await);
    }
    // So that agreeing is not agreeing about nothing.
    for cause in [
        Cause::HistoryLost,
        Cause::LeaderDeleted,
        Cause::LeaderReplaced,
        Cause::LeaderClosed,
        Cause::LeaderRewound,
        Cause::RemoteUnreachable,
        Cause::RemoteNotConfigured,
        Cause::Paused,
        Cause::FollowerClosed,
        Cause::FollowerBlocked,
        Cause::TaskUnassigned,
        Cause::Unfollowed,
        Cause::Missing,
        Cause::None,
    ] {
        assert!(causes.contains(&cause), "{cause} was never seen: {causes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_scenario_on_7_7_0() {
    every_scenario(Version::V7_7_0).await;
}

#[tokio::test(start_paused = true)]
async fn every_scenario_on_8_10_4() {
    every_scenario(Version::V8_10_4).await;
}

/// Copies a follower anew, slowly.
async fn copy_slowly(rig: &mut Rig, index: &str, leader: &str) {
    scenario::play(&rig.world, "restore-rate:1").unwrap();
    rig.send(
        Side::Follower,
        Method::Post,
        &format!("/{index}/_ccr/pause_follow"),
        None,
    )
    .await;
    rig.send(Side::Follower, Method::Post, &format!("/{index}/_close"), None)
        .await;
    rig.send(
        Side::Follower,
        Method::Post,
        &format!("/{index}/_ccr/unfollow"),
        None,
    )
    .await;
    let body = json!({"remote_cluster": "lead", "leader_index": leader});
    rig.send(
        Side::Follower,
        Method::Put,
        &format!("/{index}/_ccr/follow"),
        Some(body),
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_stands_still_for_longer_than_answers_are_many() {
    for version in VERSIONS {
        let mut rig = rig(version, "quiet", Mode::Observe).await;
        rig.watch("quiet", &[40, 75]).await;
        copy_slowly(&mut rig, "carts-f", "carts").await;
        rig.watch("copying", &[5, 20, 40]).await;
        scenario::play(&rig.world, "restore-rate:0").unwrap();
        let minutes: Vec<u64> = (1..=9).map(|step| step * 130).collect();
        rig.watch("the copy stands still", &minutes).await;
        let causes = rig.end().await;
        assert!(causes.contains(&Cause::RestoreStuck), "{version:?}: {causes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_thing_after_another_with_repairs_in_between() {
    for version in VERSIONS {
        let mut rig = rig(version, "quiet", Mode::Auto).await;
        rig.watch("healthy", &[75]).await;
        for name in [
            "fatal-but-curable:orders-f",
            "history-lost:mail-f",
            "follower-restart:30s",
            "disk-full:follower",
        ] {
            scenario::play(&rig.world, name).unwrap_or_else(|error| panic!("{name}: {error}"));
            rig.watch(name, &[2, 31, 90]).await;
        }
        rig.send(Side::Follower, Method::Delete, "/inventory-f", None)
            .await;
        rig.watch("a follower is deleted", &[5, 20, 40, 70]).await;
        assert!(
            rig.world
                .changes()
                .iter()
                .any(|entry| entry.path.contains("/_ccr/resume_follow")),
            "{version:?}: nothing was repaired"
        );
        let causes = rig.end().await;
        assert!(causes.contains(&Cause::Missing), "{causes:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_cluster_that_is_named_late_or_anew_is_judged_from_its_own_answers() {
    let mut rig = rig(Version::V8_10_4, "healthy", Mode::Observe).await;
    let whole = rig.settings.clone();
    let mut without = whole.clone();
    for cluster in &mut without.clusters {
        cluster.remotes.clear();
    }
    rig.desk.0.reload(without, rig.clients.clone());
    rig.watch("no leader cluster is named", &[20, 70]).await;
    scenario::play(&rig.world, "leader-deleted:orders-f").unwrap();
    rig.watch("a leader is deleted unseen", &[5, 20, 40]).await;
    rig.desk.0.reload(whole.clone(), rig.clients.clone());
    rig.watch("the leader cluster is named", &[1, 10, 40, 70, 130])
        .await;
    let mut elsewhere = whole;
    for cluster in &mut elsewhere.clusters {
        for behind in cluster.remotes.values_mut() {
            *behind = self::cluster("eu");
        }
    }
    rig.desk.0.reload(elsewhere, rig.clients.clone());
    rig.watch("another cluster is named", &[1, 10, 40, 70, 130]).await;
    assert!(rig.end().await.contains(&Cause::LeaderDeleted));
}

#[tokio::test(start_paused = true)]
async fn a_follower_of_five_shards_among_two_hundred_fits_into_a_ticket() {
    let mut rig = rig(Version::V8_10_4, "empty", Mode::Observe).await;
    for number in 0..200 {
        let shards = if number == 7 { 5 } else { 1 };
        let leader = format!("a-leader-with-a-name-of-usual-length-{number:03}");
        let settings = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
        rig.send(Side::Leader, Method::Put, &format!("/{leader}"), Some(settings))
            .await;
        let follow = json!({"remote_cluster": "lead", "leader_index": leader});
        let target = format!("/{leader}-copy/_ccr/follow?wait_for_active_shards=1");
        rig.send(Side::Follower, Method::Put, &target, Some(follow)).await;
    }
    tokio::time::sleep(Duration::from_secs(130)).await;
    scenario::play(
        &rig.world,
        "history-lost:a-leader-with-a-name-of-usual-length-007",
    )
    .unwrap();
    rig.watch("in a big cluster", &[90]).await;
    let status = rig.desk.status();
    assert_eq!(status.followers.len(), 200);
    let sick = status
        .followers
        .iter()
        .find(|item| item.cause == Cause::HistoryLost)
        .unwrap();
    let key = FollowerKey {
        cluster: sick.cluster.clone(),
        index: sick.index.clone(),
    };
    let file = rig.desk.evidence(key).await.unwrap();
    let bytes = evidence::text(&file).len();
    let mut parts: BTreeMap<String, usize> = BTreeMap::new();
    for response in file["responses"].as_array().unwrap() {
        let path = response["path"].as_str().unwrap().to_owned();
        *parts.entry(path).or_default() += response.to_string().len();
    }
    parts.insert("decision".to_owned(), file["decision"].to_string().len());
    assert!(
        bytes.max(rig.biggest) < TICKET_BYTES,
        "{bytes} bytes, the biggest {}; of one: {parts:#?}",
        rig.biggest
    );
    rig.end().await;
}
