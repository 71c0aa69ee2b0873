//! `refollow bench load`: whether people who look delay looks and repairs.
//!
//! One daemon over a fleet and over a pair of clusters of the sandbox, in mode `auto`. The history of
//! one follower after another is lost, and the time until it is cured is measured: first with nobody
//! looking, then with many open pages (each asks for itself again when the daemon says that something
//! changed, once a second at most, as a browser's does) and many API calls a second.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::fleet::{self, Daemon, Measured, Place, Plan, Stub, lateness, text};
use crate::clock::{Clock as _, SystemClock};
use crate::sandbox::command::{SandboxOptions, serve};
use crate::sandbox::pair::{Side, Version};
use crate::sandbox::scenario;

/// Followers of the sandbox whose history is lost, one after the other.
const BROKEN: [&str; 4] = ["invoices-f", "carts-f", "mail-f", "search-terms-f"];
/// What the API is asked for in turn.
const CALLS: [&str; 5] = [
    "/api/v1/followers?limit=100",
    "/api/v1/clusters?limit=100",
    "/api/v1/plans",
    "/api/v1/runs?limit=20",
    "/api/v1/incidents",
];

/// One half of the measurement.
#[derive(Debug, Clone, Serialize)]
pub struct Half {
    /// Seconds from the breakage to the cure, of each repair.
    pub repairs_s: Vec<f64>,
    /// Looks that began meanwhile, and those of them that began more than 1 s late.
    pub looks: u64,
    /// See `looks`.
    pub late: u64,
    /// CPU of the daemon's process, percent of one core.
    pub cpu_percent: f64,
    /// Pages that were read, and API calls that were answered.
    pub pages: u64,
    /// See `pages`.
    pub calls: u64,
    /// Requests that failed or were answered with an error.
    pub failed: u64,
    /// API calls: median and 99th percentile until the whole answer was there, milliseconds.
    pub call_ms: [f64; 2],
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Load {
    /// Open pages.
    pub open_pages: usize,
    /// API calls a second.
    pub calls_per_second: u32,
    /// Clusters, those of the sandbox included.
    pub clusters: usize,
    /// With nobody looking.
    pub quiet: Half,
    /// With everybody.
    pub loaded: Half,
}

/// Counted by those who look.
#[derive(Debug, Default)]
struct Seen {
    pages: AtomicU64,
    failed: AtomicU64,
    took: std::sync::Mutex<Vec<f64>>,
}

/// Measures.
///
/// # Errors
/// When a process does not start, or a follower is not cured within two minutes.
pub async fn load(plan: Plan, open_pages: usize, calls: u32, tell: impl Fn(&str)) -> Measured<Load> {
    tell("setting up");
    let stub = Stub::start(plan.fleet).await?;
    let place = Place::new()?;
    let stop = CancellationToken::new();
    let options = SandboxOptions {
        leader_port: 0,
        follower_port: 0,
        version: Version::V8_10_4,
        scenario: Some("healthy".to_owned()),
        start_ms: SystemClock.now().as_millisecond(),
        seed: 7,
    };
    let sandbox = serve(options, stop.clone().cancelled_owned())
        .await
        .map_err(text)?;
    let listen = fleet::free_port().map_err(text)?;
    let mut toml = fleet::configuration(&plan, &stub.ports, &place.0, listen).map_err(text)?;
    toml = toml.replacen("mode = \"observe\"", "mode = \"auto\"", 1);
    write!(
        toml,
        "\n[[clusters]]\nname = \"eu\"\nurls = [\"{}\"]\npoll_interval = \"1s\"\nleader_side_interval = \"2s\"\nremotes = {{ lead = \"us\" }}\n\n[[clusters]]\nname = \"us\"\nurls = [\"{}\"]\npoll_interval = \"2s\"\n\n[[policy.rules]]\nclusters = [\"eu\"]\ncauses = [\"history_lost\"]\naction = \"auto\"\n\n[verify]\nsettle = \"3s\"\ndocument_tolerance = \"5%\"\n\n[limits]\nrecreates_per_hour = 100\n\n[limits.breaker]\nclose_after = \"2s\"\n",
        sandbox.url(Side::Follower),
        sandbox.url(Side::Leader),
    )
    .map_err(text)?;
    std::fs::write(place.0.join("refollow.toml"), toml).map_err(text)?;
    let daemon = Daemon::start(&place.0, listen)?;
    let limit = Duration::from_secs(120);
    fleet::until(&daemon, "/readyz", Instant::now(), limit).await?;
    // Nothing is done before three intervals have passed.
    tell("waiting until the daemon may act");
    tokio::time::sleep(plan.interval * 3 + Duration::from_secs(2)).await;

    let (first, rest) = BROKEN.split_at(BROKEN.len() / 2);
    tell("repairs with nobody looking");
    let quiet = half(&daemon, &sandbox.world, first, None).await?;
    tell(&format!(
        "repairs with {open_pages} open pages and {calls} API calls a second"
    ));
    let loaded = half(&daemon, &sandbox.world, rest, Some((open_pages, calls))).await?;
    daemon.stop().await?;
    stop.cancel();
    sandbox.stop().await;
    Ok(Load {
        open_pages,
        calls_per_second: calls,
        clusters: plan.fleet.clusters + 2,
        quiet,
        loaded,
    })
}

async fn half(
    daemon: &Daemon,
    world: &crate::sandbox::world::World,
    followers: &[&str],
    looking: Option<(usize, u32)>,
) -> Measured<Half> {
    let seen = Arc::new(Seen::default());
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    if let Some((pages, calls)) = looking {
        for _ in 0..pages {
            tasks.spawn(
                stop.clone()
                    .run_until_cancelled_owned(page(daemon.clone(), Arc::clone(&seen))),
            );
        }
        let api = api(daemon.clone(), calls, Arc::clone(&seen), tasks.clone());
        tasks.spawn(stop.clone().run_until_cancelled_owned(api));
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let before = lateness(&daemon.get("/metrics").await?.1);
    let (cpu, from) = (daemon.cpu()?, Instant::now());
    let mut repairs = Vec::new();
    for follower in followers {
        scenario::play(world, &format!("history-lost:{follower}")).map_err(text)?;
        repairs.push(cured(daemon, follower).await?);
    }
    let (cpu, lasted) = (daemon.cpu()? - cpu, from.elapsed());
    let after = lateness(&daemon.get("/metrics").await?.1);
    stop.cancel();
    tasks.close();
    tasks.wait().await;
    let mut took = std::mem::take(&mut *seen.took.lock().map_err(text)?);
    took.sort_by(f64::total_cmp);
    let at = |part: usize| took.get(took.len() * part / 100).copied().unwrap_or(0.0);
    Ok(Half {
        repairs_s: repairs,
        looks: after.0.saturating_sub(before.0),
        late: after.1.saturating_sub(before.1),
        cpu_percent: cpu / lasted.as_secs_f64() * 100.0,
        pages: seen.pages.load(Ordering::Relaxed),
        calls: took.len() as u64,
        failed: seen.failed.load(Ordering::Relaxed),
        call_ms: [at(50), at(99)],
    })
}

/// Seconds until a run on this follower has ended cured.
async fn cured(daemon: &Daemon, follower: &str) -> Measured<f64> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(120) {
        let (_, body, _) = daemon.get("/api/v1/runs?limit=20").await?;
        let runs: serde_json::Value = serde_json::from_str(&body).map_err(text)?;
        let done = runs["runs"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|run| run["follower"] == format!("eu/{follower}") && run["outcome"] == "cured");
        if done {
            return Ok(began.elapsed().as_secs_f64());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("{follower} was not cured within two minutes"))
}

/// An open page: it listens, and asks for itself again when something changed.
async fn page(daemon: Daemon, seen: Arc<Seen>) {
    loop {
        let Ok(mut events) = daemon.http.get(format!("{}/events", daemon.url)).send().await else {
            seen.failed.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(1)).await;
            continue;
        };
        while let Ok(Some(_)) = events.chunk().await {
            match daemon.get("/").await {
                Ok((200, _, _)) => seen.pages.fetch_add(1, Ordering::Relaxed),
                _ => seen.failed.fetch_add(1, Ordering::Relaxed),
            };
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

/// So many calls a second, whether or not those before were answered.
async fn api(daemon: Daemon, calls: u32, seen: Arc<Seen>, tasks: TaskTracker) {
    let mut beat = tokio::time::interval(Duration::from_secs(1) / calls.max(1));
    for path in CALLS.iter().cycle() {
        beat.tick().await;
        let (daemon, seen) = (daemon.clone(), Arc::clone(&seen));
        tasks.spawn(async move {
            let began = Instant::now();
            match daemon.get(path).await {
                Ok((200, _, _)) => {
                    if let Ok(mut took) = seen.took.lock() {
                        took.push(began.elapsed().as_secs_f64() * 1e3);
                    }
                }
                _ => drop(seen.failed.fetch_add(1, Ordering::Relaxed)),
            }
        });
    }
}

/// The figures for people.
pub fn load_lines(load: &Load) -> String {
    let line = |name: &str, half: &Half| {
        let repairs: Vec<String> = half
            .repairs_s
            .iter()
            .map(|seconds| format!("{seconds:.1}"))
            .collect();
        format!(
            "{name}: repairs {} s; {} looks, {} of them over 1 s late; {:.1} % of one core; {} pages, {} API calls (median {:.1} ms, 99th {:.1} ms), {} failed\n",
            repairs.join(", "),
            half.looks,
            half.late,
            half.cpu_percent,
            half.pages,
            half.calls,
            half.call_ms[0],
            half.call_ms[1],
            half.failed
        )
    };
    format!(
        "{} clusters; {} open pages and {} API calls a second\n{}{}",
        load.clusters,
        load.open_pages,
        load.calls_per_second,
        line("nobody looks", &load.quiet),
        line("they look    ", &load.loaded)
    )
}
