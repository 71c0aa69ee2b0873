//! From a broken follower to a message and back: the real binary, a real Prometheus, a real
//! Alertmanager with the shipped configuration, and a receiver.
//!
//! The rules are those of the mixin with a two-hundredth of its patience; the queries of the
//! dashboards are asked of the same Prometheus.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use refollow::clock::{Clock as _, SystemClock};
use refollow::sandbox::command::{Running, SandboxOptions, serve};
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use super::dashboards::queries;
use super::pictures::{Tile, draw, legend};
use super::routes::configuration;
use super::servers::{Receiver, Server, http, until};
use super::{has, jsonnet, root, updates};

const BINARY: &str = env!("CARGO_BIN_EXE_refollow");

/// Panels that may have nothing to show in this story, and why.
const MAY_BE_EMPTY: &[(&str, &str)] = &[
    ("refollow-fleet: Incidents", "over by then, or not begun"),
    ("refollow-fleet: Shortest runways", "leases are renewed again"),
    ("refollow-fleet: Sick followers", "all may be well"),
    ("refollow-cluster: Shortest runway", "leases are renewed again"),
    ("refollow-follower: Runway left", "leases are renewed again"),
    ("refollow-follower: Held by refollow", "a run is over in a moment"),
    ("refollow-repairs: Held by refollow", "a run is over in a moment"),
    ("refollow-repairs: First of them expires in", "no plan waits"),
    ("refollow-repairs: Brakes and breakers", "none holds"),
    ("refollow-itself: Drills", "none was made"),
    ("refollow-itself: Drills proven", "none was made"),
];

/// The daemon over a sandbox of fourteen followers.
struct Watched {
    clusters: Running,
    directory: tempfile::TempDir,
    daemon: Child,
    port: u16,
}

impl Watched {
    async fn new() -> Self {
        Self::with("").await
    }

    /// The same with more in its configuration.
    async fn with(more: &str) -> Self {
        let clusters = serve(
            SandboxOptions {
                leader_port: 0,
                follower_port: 0,
                version: Version::V8_10_4,
                scenario: Some("healthy".to_owned()),
                start_ms: SystemClock.now().as_millisecond(),
                seed: 5,
            },
            std::future::pending(),
        )
        .await
        .unwrap();
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display();
        let text = format!(
            "[daemon]\nmode = \"ask\"\nstate = \"sqlite://{place}/refollow.db\"\nlisten = \"127.0.0.1:0\"\n\
             admin_socket = \"{place}/admin.sock\"\n\
             [[clusters]]\nname = \"eu\"\nurls = [\"{}\"]\npoll_interval = \"500ms\"\nleader_side_interval = \"1s\"\nremotes = {{ lead = \"us\" }}\n\
             [[clusters]]\nname = \"us\"\nurls = [\"{}\"]\npoll_interval = \"1s\"\n\
             [verify]\nsettle = \"1s\"\ndocument_tolerance = \"5%\"\n{more}",
            clusters.url(Side::Follower),
            clusters.url(Side::Leader)
        );
        std::fs::write(directory.path().join("refollow.toml"), text).unwrap();
        let log = directory.path().join("refollow.log");
        let daemon = Command::new(BINARY)
            .arg("--config")
            .arg(directory.path().join("refollow.toml"))
            .arg("run")
            .env_remove("REFOLLOW_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let port = until("the daemon says where its metrics are", async || {
            let said = std::fs::read_to_string(&log).unwrap();
            let (_, rest) = said.split_once("metrics at http://127.0.0.1:")?;
            rest.split('/').next()?.parse().ok()
        })
        .await;
        Self {
            clusters,
            directory,
            daemon,
            port,
        }
    }

    fn play(&self, name: &str) {
        scenario::play(&self.clusters.world, name).unwrap();
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A command of the same binary to the daemon, as a person types it.
    async fn types(&self, arguments: &[&str]) -> Value {
        let socket = self.path().join("admin.sock");
        let output = Command::new(BINARY)
            .args(["--json", "--socket"])
            .arg(socket)
            .args(arguments)
            .output()
            .await
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_default()
    }

    async fn metrics(&self) -> String {
        http(self.port, "GET", "/metrics", "").await.unwrap_or_default()
    }
}

/// The mixin's rules for people in a hurry.
fn hasty_rules(directory: &Path) -> PathBuf {
    // An hour becomes 18 s, five minutes 1.5 s.
    let text = jsonnet(
        "{ patience: 0.005, undoDirectory: '/var/lib/refollow/undo/' }",
        "mixin.prometheusAlerts",
    );
    let path = directory.join("alerts.yaml");
    std::fs::write(&path, text).unwrap();
    path
}

fn description(alert: &Value) -> String {
    alert["annotations"]["description"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_person_is_told_decides_and_is_told_that_it_is_over() {
    if !["jsonnet", "prometheus", "prometheus-alertmanager"]
        .iter()
        .all(|tool| has(tool))
    {
        return;
    }
    let began = tokio::time::Instant::now();
    let mut watched = Watched::new().await;
    let receiver = Receiver::new().await;
    let manager = Server::alertmanager(watched.path(), &configuration(receiver.port)).await;
    let rules = hasty_rules(watched.path());
    let prometheus = Server::prometheus(
        watched.path(),
        &format!(
            "global: {{ scrape_interval: 500ms, evaluation_interval: 500ms }}\n\
             scrape_configs: [{{ job_name: refollow, static_configs: [{{ targets: ['127.0.0.1:{}'] }}] }}]\n\
             rule_files: ['{}', '{}']\n\
             alerting: {{ alertmanagers: [{{ static_configs: [{{ targets: ['127.0.0.1:{}'] }}] }}] }}\n",
            watched.port,
            rules.display(),
            root().join("monitoring/out/rules.yaml").display(),
            manager.port
        ),
    )
    .await;
    until("all fourteen are well", async || {
        (watched.metrics().await.matches("cause=\"none\"} 1").count() >= 14).then_some(())
    })
    .await;

    // One follower loses its history: a person is told what, and what to type.
    watched.play("history-lost:orders-f");
    let (message, alert) = receiver.hears("RefollowHistoryLost", "firing").await;
    assert_eq!(message.path, "/page");
    assert_eq!(alert["labels"]["follower_index"], "orders-f");
    let told = description(&alert);
    for part in [
        "`eu/orders-f` (it follows `orders` through `lead`): history_lost since 20",
        "refollow why eu/orders-f",
        "refollow approve <hash>",
    ] {
        assert!(told.contains(part), "no `{part}` in {told}");
    }
    assert!(
        alert["annotations"]["runbook_url"]
            .as_str()
            .unwrap()
            .ends_with("/RefollowHistoryLost.md")
    );
    let dashboard = alert["annotations"]["dashboard_url"].as_str().unwrap();
    assert!(
        dashboard.ends_with("/d/refollow-follower?var-es_cluster=eu&var-follower_index=orders-f"),
        "{dashboard}"
    );
    let (message, waiting) = receiver.hears("RefollowPlanAwaitingApproval", "firing").await;
    assert_eq!(message.path, "/tickets");
    assert!(description(&waiting).contains("expires at 20"), "{waiting}");
    receiver.hears("RefollowWatchdog", "firing").await;

    // They do what the message says, and are told that it is over.
    let hash = until("there is a plan", async || {
        let plans = watched.types(&["plans"]).await;
        Some(plans["plans"][0]["hash"].as_str()?.to_owned())
    })
    .await;
    watched.types(&["approve", &hash]).await;
    receiver.hears("RefollowHistoryLost", "resolved").await;
    receiver.hears("RefollowPlanAwaitingApproval", "resolved").await;

    // The line between the clusters breaks: one page for all of them.
    watched.play("remote-down");
    let (_, incident) = receiver.hears("RefollowIncident", "firing").await;
    let told = description(&incident);
    // Fourteen follow; a scrape can come between the look that showed the first and the last of them.
    let of_all = (12..=14).any(|count| {
        told.contains(&format!(
            "{count} followers of `eu` are sick for one reason: the remote behind `lead`"
        ))
    });
    assert!(of_all, "{told}");
    watched.play("remote-up");
    receiver.hears("RefollowIncident", "resolved").await;
    let single: Vec<Value> = receiver
        .told()
        .iter()
        .flat_map(|message| message.body["alerts"].as_array().cloned().unwrap_or_default())
        .filter(|alert| {
            alert["labels"]["scope"] == "follower" && alert["labels"]["follower_index"] != "orders-f"
        })
        .collect();
    assert!(
        single.is_empty(),
        "a follower of the incident paged for itself: {single:?}"
    );

    panels(&prometheus, began).await;

    // The daemon dies: that pages too, and says where the undo files are.
    watched.daemon.kill().await.unwrap();
    let (message, down) = receiver.hears("RefollowDown", "firing").await;
    assert_eq!(message.path, "/page");
    assert!(description(&down).contains("/var/lib/refollow/undo/"), "{down}");
}

/// Every query of every dashboard is answered, and says something where the story has it.
async fn panels(prometheus: &Server, began: tokio::time::Instant) {
    let now = SystemClock.now().as_millisecond() as f64 / 1000.0;
    let length = began.elapsed().as_secs_f64();
    let all = queries();
    let mut wrong = Vec::new();
    let mut tiles: Vec<Tile<'_>> = Vec::new();
    for query in &all {
        let place = format!("{}: {}", query.dashboard, query.panel);
        let expr = query
            .expr
            .replace("$__rate_interval", "10s")
            .replace("$es_cluster", ".*")
            .replace("$remote_cluster", ".*")
            .replace("$follower_index", "orders-f");
        let answer = prometheus
            .query(
                "query_range",
                &[
                    ("query", expr),
                    ("start", format!("{}", now - length)),
                    ("end", format!("{now}")),
                    ("step", "1".to_owned()),
                ],
            )
            .await;
        let result = match answer {
            Ok(result) => result,
            Err(error) => {
                wrong.push(format!("{place}: {error}"));
                continue;
            }
        };
        if result.is_empty() && !MAY_BE_EMPTY.iter().any(|(name, _)| *name == place) {
            wrong.push(format!("{place}: nothing is answered to {}", query.expr));
        }
        let series = result
            .iter()
            .map(|one| {
                let points = one["values"].as_array().unwrap().iter().filter_map(|point| {
                    let value: f64 = point[1].as_str()?.parse().ok()?;
                    Some((point[0].as_f64()? - (now - length), value)).filter(|_| value.is_finite())
                });
                (legend(&query.legend, &one["metric"]), points.collect())
            })
            .collect();
        match tiles.last_mut() {
            // A panel of several queries is one tile.
            Some(before)
                if before.query.dashboard == query.dashboard
                    && before.query.panel == query.panel
                    && before.query.kind == query.kind =>
            {
                before.series.extend(series);
            }
            _ => tiles.push(Tile { query, series }),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    if updates() {
        let pictures = root().join("docs/pictures");
        std::fs::create_dir_all(&pictures).unwrap();
        for uid in super::dashboards::uids() {
            let (mine, others): (Vec<Tile<'_>>, Vec<Tile<'_>>) =
                tiles.into_iter().partition(|tile| tile.query.dashboard == uid);
            tiles = others;
            std::fs::write(pictures.join(format!("{uid}.svg")), draw(&uid, mine, length)).unwrap();
        }
    }
}

/// The head of an answer, asked for as Prometheus does.
async fn head_of(port: u16, target: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!(
        "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    String::from_utf8_lossy(&answer[..end]).to_ascii_lowercase()
}

#[tokio::test]
async fn prometheus_finds_the_parts_of_a_fleet_by_itself_and_scrapes_each_once() {
    if !has("prometheus") {
        return;
    }
    let watched = Watched::with(
        "[metrics]\nlevel = \"index\"\nexporter_names = true\n\
         [[metrics.rules]]\nfollowers = [\"mail-f\"]\nlevel = \"index\"\n\
         [[metrics.rules]]\nclusters = [\"eu\"]\nremotes = [\"lead\"]\nlevel = \"shard\"\n",
    )
    .await;
    let prometheus = Server::prometheus(
        watched.path(),
        &format!(
            "global: {{ scrape_interval: 500ms, evaluation_interval: 500ms }}\n\
             scrape_configs: [{{ job_name: refollow, http_sd_configs: [{{ url: 'http://127.0.0.1:{}/sd', refresh_interval: 1s }}] }}]\n",
            watched.port
        ),
    )
    .await;
    for (query, count) in [
        ("count(up == 1)", "3"),
        ("count(refollow_follower_cause{cause=\"none\"} == 1)", "14"),
        (
            "count(count by (follower_index) (refollow_shard_operations_read_total))",
            "13",
        ),
    ] {
        until(query, async || {
            let found = prometheus
                .query("query", &[("query", query.to_owned())])
                .await
                .ok()?;
            (found.first()?["value"][1] == count).then_some(())
        })
        .await;
    }
    let instances = async |query: &str| -> Vec<String> {
        let query = format!("count by (instance) ({query})");
        let found = prometheus.query("query", &[("query", query)]).await.unwrap();
        let mut names: Vec<String> = found
            .iter()
            .filter_map(|one| one["metric"]["instance"].as_str()?.rsplit_once('/'))
            .map(|(_, name)| name.to_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(instances("up == 1").await, ["eu", "own", "us"]);
    assert_eq!(instances("refollow_follower_state").await, ["eu"]);
    assert_eq!(instances("refollow_cluster_up").await, ["eu", "us"]);
    assert_eq!(instances("refollow_build_info").await, ["own"]);
    assert_eq!(instances("refollow_plans_pending").await, ["own"]);
    // The first rule that matches: one follower has no series of its shards.
    let deep = "refollow_shard_operations_read_total{follower_index=\"mail-f\"}".to_owned();
    let found = prometheus.query("query", &[("query", deep)]).await.unwrap();
    assert_eq!(found, Vec::<Value>::new());
    assert_eq!(
        instances("elasticsearch_ccr_follow_shard_operations_read_total").await,
        ["eu"]
    );
    // A large text is compressed and comes in pieces; a small one with its length.
    let head = head_of(watched.port, "/metrics").await;
    assert!(
        head.contains("content-encoding: gzip") && head.contains("transfer-encoding: chunked"),
        "{head}"
    );
    assert!(
        head_of(watched.port, "/metrics?part=own")
            .await
            .contains("content-encoding: gzip")
    );
    assert!(
        head_of(watched.port, "/metrics?cluster=uss")
            .await
            .starts_with("http/1.1 404")
    );
}
