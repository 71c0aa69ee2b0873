//! The real binary against simulated clusters over real HTTP: killed anywhere, told to stop, asked
//! by people, given what it must refuse.
//!
//! The sandbox runs in the test's own process, so that what the daemon sent is read from its log
//! and documents are compared directly; the daemon is a child. Time is real here, so these tests
//! wait for what must come of something, and never for a length of time alone.

mod drill;
mod killed;
mod modes;
mod refusals;
mod signals;
mod synced;
mod two_hosts;

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use refollow::clock::{Clock as _, SystemClock};
use refollow::elastic::transport::Method;
use refollow::sandbox::command::{Running, SandboxOptions, serve};
use refollow::sandbox::load::{bulk, request};
use refollow::sandbox::log::Entry;
use refollow::sandbox::pair::{Handled, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::time::Instant;

const BINARY: &str = env!("CARGO_BIN_EXE_refollow");
/// The one follower of these tests, two shards.
const FOLLOWER: &str = "orders-f";
/// Between two looks of a test at what it waits for.
const GLANCE: Duration = Duration::from_millis(40);
/// Nothing that must happen may take longer; generous, because the host may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// See `app::testing`.
const MINUTE_VARIABLE: &str = "REFOLLOW_TEST_MINUTE_MS";
/// See `app::testing`.
const KILL_VARIABLE: &str = "REFOLLOW_TEST_KILL_AT_JOURNAL_WRITE";

/// Two simulated clusters with one follower, and a directory for the daemon.
struct Rig {
    clusters: Running,
    directory: tempfile::TempDir,
    /// Parameters and own settings while all was well.
    well: (Value, Value),
}

impl Rig {
    async fn new(mode: &str) -> Self {
        let clusters = serve(
            SandboxOptions {
                leader_port: 0,
                follower_port: 0,
                version: Version::V8_10_4,
                scenario: Some("empty".to_owned()),
                start_ms: SystemClock.now().as_millisecond(),
                seed: 3,
            },
            std::future::pending(),
        )
        .await
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let mut rig = Self {
            clusters,
            directory,
            well: (Value::Null, Value::Null),
        };
        rig.set_up().await;
        rig.well = (rig.parameters(), rig.own_settings());
        std::fs::write(rig.path("refollow.toml"), rig.configuration(mode)).unwrap();
        rig
    }

    /// A leader of two shards and its follower with parameters and settings of its own.
    async fn set_up(&self) {
        self.send(
            Side::Leader,
            Method::Put,
            "/orders",
            Some(json!({"settings": {"number_of_shards": 2, "number_of_replicas": 0}})),
        );
        self.world()
            .with(|state| drop(state.pair.handle(Side::Leader, &bulk("orders", 0, 200))));
        self.send(Side::Leader, Method::Post, "/orders/_flush?force=true", None);
        self.send(
            Side::Follower,
            Method::Put,
            "/orders-f/_ccr/follow?wait_for_active_shards=1",
            Some(json!({
                "remote_cluster": "lead",
                "leader_index": "orders",
                "max_read_request_operation_count": 1000,
                "max_outstanding_read_requests": 7,
            })),
        );
        // Before its task runs it holds every document already, and no parameters can be read.
        until("the follower follows", async || {
            (self.equal() && self.info()["status"] == "active").then_some(())
        })
        .await;
        self.send(
            Side::Follower,
            Method::Put,
            "/orders-f/_settings",
            Some(json!({"index.refresh_interval": "7s", "index.priority": 9})),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn world(&self) -> &World {
        &self.clusters.world
    }

    fn configuration(&self, mode: &str) -> String {
        let directory = self.directory.path().display();
        let (follower, leader) = (self.clusters.url(Side::Follower), self.clusters.url(Side::Leader));
        format!(
            r#"
[daemon]
mode = "{mode}"
state = "sqlite://{directory}/refollow.db"
listen = "127.0.0.1:0"
admin_socket = "{directory}/admin.sock"
shutdown_timeout = "20s"

[[clusters]]
name = "eu"
urls = ["{follower}"]
poll_interval = "300ms"
leader_side_interval = "600ms"
remotes = {{ lead = "us" }}

[[clusters]]
name = "us"
urls = ["{leader}"]
poll_interval = "600ms"

[[policy.rules]]
causes = ["history_lost", "restored_not_following", "unclassified"]
action = "auto"

[verify]
settle = "1s"
document_tolerance = "5%"

[limits]
recreates_per_hour = 100
recreates_per_follower = {{ count = 50, per = "7d" }}

[limits.breaker]
close_after = "2s"
"#
        )
    }

    /// A request that is not in the sandbox's log: it is the test's, not the daemon's.
    fn send(&self, side: Side, method: Method, target: &str, body: Option<Value>) -> Value {
        let request = request(method, target, body.map(|body| body.to_string()));
        match self.world().with(|state| state.pair.handle(side, &request)) {
            Handled::Answer(response) => {
                assert!(
                    response.status < 300,
                    "{target}: {}",
                    String::from_utf8_lossy(&response.body)
                );
                serde_json::from_slice(&response.body).unwrap()
            }
            Handled::Later(_) => Value::Null,
            Handled::Down => panic!("{target}: the node is down"),
        }
    }

    fn look(&self, target: &str) -> Value {
        self.send(Side::Follower, Method::Get, target, None)
    }

    fn info(&self) -> Value {
        self.look("/orders-f/_ccr/info")["follower_indices"][0].clone()
    }

    fn parameters(&self) -> Value {
        self.info()["parameters"].clone()
    }

    fn own_settings(&self) -> Value {
        let all = self.look("/orders-f/_settings?flat_settings=true");
        let settings = &all[FOLLOWER]["settings"];
        json!([settings["index.refresh_interval"], settings["index.priority"]])
    }

    fn is_open(&self) -> bool {
        self.look("/_cluster/state/metadata/orders-f")["metadata"]["indices"][FOLLOWER]["state"] == "open"
    }

    /// Both sides hold the same documents.
    fn equal(&self) -> bool {
        self.world().with(|state| {
            let leader = state.pair.documents_digest(Side::Leader, "orders");
            leader.is_some() && leader == state.pair.documents_digest(Side::Follower, FOLLOWER)
        })
    }

    /// The leader discards what every shard still needs; no lease is left.
    fn break_follower(&self) {
        self.break_follower_by("history-lost:orders-f");
    }

    fn break_follower_by(&self, name: &str) {
        scenario::play(self.world(), name).unwrap();
        // The scenario writes the same documents again; a few new ones make the copies differ.
        let more = bulk("orders", 10_000, 5);
        let written = self.world().with(|state| state.pair.handle(Side::Leader, &more));
        assert!(matches!(written, Handled::Answer(response) if response.status == 200));
        assert!(!self.equal(), "nothing is broken");
    }

    /// What the daemon sent that can change something.
    fn changes(&self) -> Vec<Entry> {
        let all = self.world().requests();
        all.into_iter().filter(|entry| entry.changes).collect()
    }

    /// The daemon, with more environment.
    fn start_with(&self, life: &str, environment: &[(&str, &str)]) -> Daemon {
        self.start_at("admin.sock", life, environment)
    }

    /// The daemon, behind an admin socket of that name.
    fn start_at(&self, socket: &str, life: &str, environment: &[(&str, &str)]) -> Daemon {
        let log = self.path(&format!("{life}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let child = Command::new(BINARY)
            .arg("--config")
            .arg(self.path("refollow.toml"))
            .arg("--socket")
            .arg(self.path(socket))
            .arg("run")
            .env_remove("REFOLLOW_LOG")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Daemon { child, log }
    }

    /// A daemon that has seen the follower well and knows what it would need later.
    async fn start_and_know(&self, life: &str, environment: &[(&str, &str)]) -> Daemon {
        let mut daemon = self.start_with(life, environment);
        daemon.wait_until_well().await;
        let looks = |entry: &Entry| entry.cluster == "leader" && entry.path.starts_with("/orders/_stats");
        until("the leader's side is looked at twice", async || {
            let log = self.world().requests();
            (log.iter().filter(|entry| looks(entry)).count() >= 2).then_some(())
        })
        .await;
        daemon
    }

    /// A command of the same binary to its daemon: exit code, standard output, standard error.
    async fn ask(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&[
            &["--socket", self.path("admin.sock").to_str().unwrap(), "--json"],
            arguments,
        ]
        .concat())
        .await
    }

    /// Whatever happened, this must hold at the end of a recreate that worked.
    fn assert_all_is_back(&self) {
        assert!(self.equal(), "the documents differ");
        assert_eq!(self.info()["status"], "active");
        assert_eq!((self.parameters(), self.own_settings()), self.well);
    }

    /// Never two follow requests without a look at that follower between.
    fn assert_looked_between_follows(&self) {
        let mut unseen = false;
        for entry in self.world().requests() {
            if entry.cluster != "follower" {
                continue;
            }
            if entry.method == "PUT" && entry.path.starts_with("/orders-f/_ccr/follow") {
                assert!(!unseen, "two follow requests without a look between: {entry:?}");
                unseen = true;
            } else if entry.method == "GET" && entry.path.contains(FOLLOWER) && entry.status == Some(200) {
                unseen = false;
            }
        }
    }
}

/// A `refollow run` of its own process. Dropping it kills it.
struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where `/metrics` is, once it said so.
    async fn address(&mut self) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let said = self.said();
            if let Some((_, rest)) = said.split_once("metrics at http://") {
                return rest.split('/').next().unwrap().to_owned();
            }
            assert!(
                self.child.try_wait().unwrap().is_none() && Instant::now() < deadline,
                "the daemon does not run: {said}"
            );
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// An answer over TCP; `None` where there was none, as of a process that was killed.
    async fn get(&mut self, path: &str) -> Option<String> {
        let address = self.address().await;
        let mut stream = tokio::net::TcpStream::connect(&address).await.ok()?;
        let head = format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        let answer = String::from_utf8(answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.starts_with("HTTP/1.0 200").then(|| body.to_owned())
    }

    async fn get_json(&mut self, path: &str) -> Value {
        match self.get(path).await {
            Some(body) => serde_json::from_str(&body).unwrap(),
            None => Value::Null,
        }
    }

    /// The follower as the daemon sees it.
    async fn follower(&mut self) -> Value {
        let all = self.get_json("/api/v1/followers").await;
        let list = all["followers"].as_array().cloned().unwrap_or_default();
        list.into_iter()
            .find(|one| one["index"] == FOLLOWER)
            .unwrap_or_default()
    }

    async fn is_well(&mut self) -> bool {
        let one = self.follower().await;
        one["cause"] == "none" && (one["state"] == "following" || one["state"] == "catching_up")
    }

    async fn wait_until_well(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        while !self.is_well().await {
            assert!(
                Instant::now() < deadline,
                "not well: {}\n{}",
                self.follower().await,
                self.said()
            );
            tokio::time::sleep(GLANCE).await;
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let id = i32::try_from(self.child.id().unwrap()).unwrap();
        rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
    }

    /// Exit code, `None` for one that was killed.
    async fn ended(&mut self) -> Option<i32> {
        let waited = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        assert!(waited.is_ok(), "the daemon does not end: {}", self.said());
        waited.unwrap().unwrap().code()
    }

    async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

/// Waits until `holds` gives something.
async fn until<T>(what: &str, mut holds: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(held) = holds().await {
            return held;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// Runs the binary to its end: exit code, standard output, standard error.
async fn run(arguments: &[&str]) -> (i32, String, String) {
    let command = Command::new(BINARY)
        .args(arguments)
        .env_remove("REFOLLOW_LOG")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(90), command)
        .await
        .unwrap_or_else(|_| panic!("the command does not end: {arguments:?}"))
        .unwrap();
    (
        output.status.code().unwrap_or(-1),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}
