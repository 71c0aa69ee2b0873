//! The fleet benchmark: the daemon as it is run, beside clusters that a process of its own plays.
//!
//! Measures what the daemon's process costs (CPU time and memory from `/proc`), how late its looks
//! begin (its own metric), and what reading `/metrics` costs. Nothing here is in the daemon's process.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::Instant;

use super::stub::{Fleet, Ports};

/// How one fleet is measured.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// What is looked at.
    pub fleet: Fleet,
    /// How often each cluster is looked at.
    pub interval: Duration,
    /// Whether the leader clusters are looked at too, every four intervals.
    pub leaders: bool,
    /// For how long it is measured after everything was seen once.
    pub measure: Duration,
    /// How often `/metrics` is read afterwards.
    pub scrapes: u32,
    /// Whether the daemon is started again on what it remembered.
    pub restart: bool,
}

impl Plan {
    /// So many clusters of 100 followers with 5 shards each, for a minute.
    pub fn of(clusters: usize, interval: Duration) -> Self {
        Self {
            fleet: Fleet {
                clusters,
                followers: 100,
                shards: 5,
                hang: 0,
                trickle: 0,
            },
            interval,
            leaders: false,
            measure: Duration::from_secs(60),
            scrapes: 5,
            restart: false,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Figures {
    /// Follower clusters.
    pub clusters: usize,
    /// Followers of all of them.
    pub followers: usize,
    /// Shards of all followers.
    pub shards: u64,
    /// Seconds between two looks at one cluster.
    pub interval_s: f64,
    /// Whether leader clusters were looked at too.
    pub leaders: bool,
    /// Clusters that hang, and that answer one byte a second.
    pub broken: [usize; 2],
    /// CPU of the daemon's process, percent of one core.
    pub cpu_percent: f64,
    /// The same for each shard and look, microseconds.
    pub cpu_us_per_shard_and_look: f64,
    /// Resident memory of the daemon's process after that time, and at most, MiB.
    pub resident_mib: f64,
    /// See `resident_mib`; setting up and reading `/metrics` included.
    pub peak_mib: f64,
    /// Looks that began while it was measured, and those of them that began more than 1 s late.
    pub looks: u64,
    /// See `looks`.
    pub late: u64,
    /// From the daemon's start until every cluster that answers was seen, seconds.
    pub first_round_s: f64,
    /// Bytes of `/metrics`, not compressed.
    pub metrics_bytes: usize,
    /// CPU of one reading of it, milliseconds.
    pub metrics_cpu_ms: f64,
    /// Longest time until its first byte, milliseconds.
    pub metrics_first_byte_ms: f64,
    /// From the start on what was remembered until it is served, and until `/readyz` says that every
    /// cluster was tried again; seconds.
    pub again_s: Option<[f64; 2]>,
}

pub(super) type Measured<T> = Result<T, String>;

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// A directory that goes away with the benchmark.
pub(super) struct Place(pub(super) PathBuf);

impl Place {
    pub(super) fn new() -> Measured<Self> {
        let place = Self(std::env::temp_dir().join(format!("refollow-bench-{}", std::process::id())));
        std::fs::create_dir_all(&place.0).map_err(text)?;
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.0);
    }
}

/// The stub; ends when its standard input is dropped.
pub(super) struct Stub {
    _child: Child,
    _held: Option<ChildStdin>,
    pub(super) ports: Ports,
}

impl Stub {
    pub(super) async fn start(fleet: Fleet) -> Measured<Self> {
        let mut child = Command::new(std::env::current_exe().map_err(text)?)
            .args(["bench", "stub"])
            .args(["--clusters", &fleet.clusters.to_string()])
            .args(["--followers", &fleet.followers.to_string()])
            .args(["--shards", &fleet.shards.to_string()])
            .args(["--hang", &fleet.hang.to_string()])
            .args(["--trickle", &fleet.trickle.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(text)?;
        let held = child.stdin.take();
        let out = child.stdout.take().ok_or("the stub has no output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line).await.map_err(text)?;
        let ports =
            serde_json::from_str(&line).map_err(|error| format!("the stub did not start: {error}"))?;
        Ok(Self {
            _child: child,
            _held: held,
            ports,
        })
    }
}

/// The daemon's process, for as many as ask it something.
#[derive(Clone)]
pub(super) struct Daemon {
    child: Arc<tokio::sync::Mutex<Child>>,
    pid: u32,
    pub(super) url: String,
    pub(super) http: reqwest::Client,
}

impl Daemon {
    pub(super) fn start(place: &Path, listen: u16) -> Measured<Self> {
        let log = std::fs::File::create(place.join("daemon.log")).map_err(text)?;
        let child = Command::new(std::env::current_exe().map_err(text)?)
            .args(["run", "--config"])
            .arg(place.join("refollow.toml"))
            .env("REFOLLOW_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .map_err(text)?;
        let pid = child.id().ok_or("the daemon ended at once")?;
        // Fails only where one is installed already, which is what is wanted.
        let _already = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .gzip(false)
            .build()
            .map_err(text)?;
        Ok(Self {
            child: Arc::new(tokio::sync::Mutex::new(child)),
            pid,
            url: format!("http://127.0.0.1:{listen}"),
            http,
        })
    }

    pub(super) async fn get(&self, path: &str) -> Measured<(u16, String, Duration)> {
        let began = Instant::now();
        let mut response = self
            .http
            .get(format!("{}{path}", self.url))
            .send()
            .await
            .map_err(text)?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        let mut first = None;
        while let Some(chunk) = response.chunk().await.map_err(text)? {
            first.get_or_insert_with(|| began.elapsed());
            body.extend_from_slice(&chunk);
        }
        let body = String::from_utf8(body).map_err(text)?;
        Ok((status, body, first.unwrap_or_else(|| began.elapsed())))
    }

    /// CPU time used so far, seconds: fields 14 and 15 of `/proc/<pid>/stat`, in hundredths.
    pub(super) fn cpu(&self) -> Measured<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid)).map_err(text)?;
        let after_name = stat.rsplit_once(')').map_or(stat.as_str(), |(_, rest)| rest);
        let mut fields = after_name.split_whitespace().skip(11);
        let mut next = || fields.next().and_then(|field| field.parse::<f64>().ok());
        match (next(), next()) {
            (Some(user), Some(system)) => Ok((user + system) / 100.0),
            _ => Err("cannot read the daemon's CPU time".to_owned()),
        }
    }

    /// `VmRSS` or `VmHWM` of `/proc/<pid>/status`, MiB.
    fn memory(&self, field: &str) -> Measured<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).map_err(text)?;
        status
            .lines()
            .find_map(|line| {
                line.strip_prefix(field)?
                    .split_whitespace()
                    .next()?
                    .parse::<f64>()
                    .ok()
            })
            .map(|kib| kib / 1024.0)
            .ok_or_else(|| "cannot read the daemon's memory".to_owned())
    }

    pub(super) async fn stop(self) -> Measured<()> {
        let pid = i32::try_from(self.pid)
            .ok()
            .and_then(Pid::from_raw)
            .ok_or("no pid")?;
        kill_process(pid, Signal::TERM).map_err(text)?;
        self.child.lock().await.wait().await.map_err(text)?;
        Ok(())
    }
}

/// Measures one fleet.
///
/// # Errors
/// When a process does not start or the daemon does not see its clusters in time.
pub async fn measure(plan: Plan, tell: impl Fn(&str)) -> Measured<Figures> {
    let fleet = plan.fleet;
    tell(&format!(
        "{} clusters x {} followers x {} shards every {:?}: setting up",
        fleet.clusters, fleet.followers, fleet.shards, plan.interval
    ));
    let stub = Stub::start(fleet).await?;
    let place = Place::new()?;
    let listen = free_port().map_err(text)?;
    let toml = configuration(&plan, &stub.ports, &place.0, listen).map_err(text)?;
    std::fs::write(place.0.join("refollow.toml"), toml).map_err(text)?;

    let began = Instant::now();
    let daemon = Daemon::start(&place.0, listen)?;
    let well = fleet.clusters - fleet.hang - fleet.trickle;
    let limit = Duration::from_secs(120) + plan.interval * 4;
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Ok((_, page, _)) = daemon.get("/metrics").await
            && count(&page, "refollow_cluster_up{", " 1") >= well
        {
            break;
        }
        if began.elapsed() > limit {
            let log = std::fs::read_to_string(place.0.join("daemon.log")).unwrap_or_default();
            let end: String = log.lines().rev().take(5).collect::<Vec<_>>().join("\n");
            return Err(format!("not every cluster was seen within {limit:?}:\n{end}"));
        }
    }
    let first_round = began.elapsed();
    tell("every cluster was seen; one interval to settle");
    tokio::time::sleep(plan.interval).await;

    tell(&format!("measuring for {:?}", plan.measure));
    let before = lateness(&daemon.get("/metrics").await?.1);
    let (cpu, from) = (daemon.cpu()?, Instant::now());
    tokio::time::sleep(plan.measure).await;
    let (cpu, lasted) = (daemon.cpu()? - cpu, from.elapsed());
    let after = lateness(&daemon.get("/metrics").await?.1);

    let resident = daemon.memory("VmRSS:")?;
    tell("reading /metrics");
    let (mut bytes, mut first_byte, mut scraping) = (0, Duration::ZERO, Duration::ZERO);
    let scrape_cpu = daemon.cpu()?;
    for _ in 0..plan.scrapes {
        let began = Instant::now();
        let (_, page, first) = daemon.get("/metrics").await?;
        scraping += began.elapsed();
        bytes = page.len();
        first_byte = first_byte.max(first);
    }
    // What the looks cost meanwhile is not the reading's.
    let rate = cpu / lasted.as_secs_f64();
    let scrape_cpu = daemon.cpu()? - scrape_cpu - rate * scraping.as_secs_f64();
    let peak = daemon.memory("VmHWM:")?;
    daemon.stop().await?;

    let again = if plan.restart {
        tell("starting again on what was remembered");
        let began = Instant::now();
        let daemon = Daemon::start(&place.0, listen)?;
        let served = until(&daemon, "/livez", began, limit).await?;
        let ready = until(&daemon, "/readyz", began, limit).await?;
        daemon.stop().await?;
        Some([served, ready])
    } else {
        None
    };
    let followers = fleet.followers * fleet.clusters;
    let shards = followers as u64 * u64::from(fleet.shards);
    let rounds = lasted.as_secs_f64() / plan.interval.as_secs_f64();
    Ok(Figures {
        clusters: fleet.clusters,
        followers,
        shards,
        interval_s: plan.interval.as_secs_f64(),
        leaders: plan.leaders,
        broken: [fleet.hang, fleet.trickle],
        cpu_percent: rate * 100.0,
        cpu_us_per_shard_and_look: cpu * 1e6 / (shards as f64 * rounds),
        resident_mib: resident,
        peak_mib: peak,
        looks: after.0.saturating_sub(before.0),
        late: after.1.saturating_sub(before.1),
        first_round_s: first_round.as_secs_f64(),
        metrics_bytes: bytes,
        metrics_cpu_ms: (scrape_cpu * 1e3 / f64::from(plan.scrapes.max(1))).max(0.0),
        metrics_first_byte_ms: first_byte.as_secs_f64() * 1e3,
        again_s: again,
    })
}

/// Seconds since it began until a path answers 200.
pub(super) async fn until(daemon: &Daemon, path: &str, began: Instant, limit: Duration) -> Measured<f64> {
    while !matches!(daemon.get(path).await, Ok((200, _, _))) {
        if began.elapsed() > limit {
            return Err(format!("{path} did not answer 200 within {limit:?}"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(began.elapsed().as_secs_f64())
}

pub(super) fn free_port() -> io::Result<u16> {
    Ok(std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

pub(super) fn configuration(
    plan: &Plan,
    ports: &Ports,
    place: &Path,
    listen: u16,
) -> Result<String, std::fmt::Error> {
    let directory = place.display();
    let interval = plan.interval.as_millis();
    let mut toml = format!(
        "[daemon]\nmode = \"observe\"\nstate = \"sqlite://{directory}/refollow.db\"\nlisten = \"127.0.0.1:{listen}\"\nadmin_socket = \"{directory}/admin.sock\"\n"
    );
    for (number, (follower, leader)) in ports.followers.iter().zip(&ports.leaders).enumerate() {
        let remotes = if plan.leaders {
            format!("remotes = {{ lead = \"l{number:05}\" }}\n")
        } else {
            String::new()
        };
        write!(
            toml,
            "\n[[clusters]]\nname = \"f{number:05}\"\nurls = [\"http://127.0.0.1:{follower}\"]\npoll_interval = \"{interval}ms\"\nleader_side_interval = \"{}ms\"\n{remotes}",
            interval * 4
        )?;
        if plan.leaders {
            // It follows nothing itself, and is asked so rarely that it does not count.
            write!(
                toml,
                "\n[[clusters]]\nname = \"l{number:05}\"\nurls = [\"http://127.0.0.1:{leader}\"]\npoll_interval = \"1h\"\n"
            )?;
        }
    }
    Ok(toml)
}

/// Lines that begin and end so.
fn count(page: &str, begin: &str, end: &str) -> usize {
    page.lines()
        .filter(|line| line.starts_with(begin) && line.ends_with(end))
        .count()
}

/// Looks so far, and those of them that began more than a second late.
pub(super) fn lateness(page: &str) -> (u64, u64) {
    let value = |begin: &str| {
        page.lines()
            .find_map(|line| line.strip_prefix(begin)?.trim().parse::<u64>().ok())
            .unwrap_or(0)
    };
    let all = value("refollow_look_delay_seconds_count");
    let in_time = value("refollow_look_delay_seconds_bucket{le=\"1.0\"}");
    (all, all.saturating_sub(in_time))
}

/// The figures for people.
pub fn line(figures: &Figures) -> String {
    let ready = figures.again_s.map_or_else(String::new, |[served, ready]| {
        format!(", started again: serves after {served:.2} s, ready after {ready:.2} s")
    });
    format!(
        "{} clusters, {} followers, {} shards every {} s{}: {:.2} % of one core, {:.2} µs per shard and look, {:.0} MiB resident, {:.0} MiB at most; {} looks, {} of them over 1 s late; /metrics {:.1} MB, {:.0} ms of CPU, first byte {:.0} ms; first round {:.1} s{ready}",
        figures.clusters,
        figures.followers,
        figures.shards,
        figures.interval_s,
        match (figures.leaders, figures.broken) {
            (true, [0, 0]) => " with their leaders".to_owned(),
            (false, [0, 0]) => String::new(),
            (_, [hang, trickle]) => format!(", {hang} hang and {trickle} trickle"),
        },
        figures.cpu_percent,
        figures.cpu_us_per_shard_and_look,
        figures.resident_mib,
        figures.peak_mib,
        figures.looks,
        figures.late,
        figures.metrics_bytes as f64 / 1e6,
        figures.metrics_cpu_ms,
        figures.metrics_first_byte_ms,
        figures.first_round_s,
    )
}
