//! `refollow demo`: the whole job on two simulated clusters, told as it happens, within a minute.
//!
//! Starts the sandbox and the very daemon that `run` starts, breaks followers on purpose, and
//! waits for what must come of each. It ends with what was expected beside what was seen, and
//! with exit code 1 if the two differ.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::time::Instant;

use crate::app::{self, Exit, Running};
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::domain::cause::Cause;
use crate::domain::ids::FollowerKey;
use crate::domain::state::State;
use crate::http::dto::{Daemon as _, FollowerItem};
use crate::sandbox::command::{self as sandbox, SandboxOptions};
use crate::sandbox::pair::{Side, Version};
use crate::sandbox::scenario;
use crate::sandbox::world::World;

/// Nothing in the demo may take longer.
const PATIENCE: Duration = Duration::from_secs(25);
/// Between two looks at what the daemon says.
const GLANCE: Duration = Duration::from_millis(150);

/// Why the demo could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// The terminal or the temporary directory.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The sandbox.
    #[error("sandbox: {0}")]
    Sandbox(#[from] sandbox::SandboxError),
    /// A breakage could not be played.
    #[error("scenario: {0}")]
    Scenario(#[from] scenario::ScenarioError),
    /// The daemon.
    #[error("daemon: {0}")]
    Start(#[from] app::StartError),
}

/// What one chapter expects in the end.
enum Expect {
    /// The follower follows again.
    Follows,
    /// Its cause is this, and nothing was sent to it.
    Stays(Cause),
    /// Every follower is well again but this one.
    AllWellBut(&'static str),
}

/// One chapter of the story.
struct Chapter {
    title: &'static str,
    /// Breakages to play, in order.
    play: Vec<String>,
    follower: &'static str,
    /// What must be seen before the end counts: the cause, or any trouble at all.
    first: Option<Cause>,
    expect: Expect,
}

/// Shows the demo; the answer is the exit code.
///
/// # Errors
/// When it could not be shown at all.
pub async fn run(keep: bool, colour: bool, out: &mut (dyn Write + Send)) -> Result<u8, DemoError> {
    let began = Instant::now();
    let directory = Scratch::new()?;
    let clusters = sandbox::serve(
        SandboxOptions {
            leader_port: 0,
            follower_port: 0,
            version: Version::V8_10_4,
            scenario: Some("healthy".to_owned()),
            start_ms: SystemClock.now().as_millisecond(),
            seed: 1,
        },
        std::future::pending(),
    )
    .await?;
    let text = configuration(
        &clusters.url(Side::Follower),
        &clusters.url(Side::Leader),
        &directory.0,
    );
    let config = match config::parse("demo", &text, std::iter::empty()) {
        Ok((config, _)) => config,
        Err(problems) => return Err(app::StartError::Config(problems).into()),
    };
    let running = app::start(&config, std::sync::Arc::new(SystemClock)).await?;
    let mut teller = Teller {
        running: &running,
        out,
        colour,
        began,
        told: 0,
    };
    teller.line(
        "",
        &format!(
            "sandbox: leader {}, follower {}",
            clusters.leader, clusters.follower
        ),
    )?;
    teller.line(
        "",
        &format!(
            "refollow watches both in mode `auto`; metrics at http://{}/metrics",
            running.address
        ),
    )?;

    let world = clusters.world.clone();
    let met = teller.story(&world).await?;
    let failed = met.iter().filter(|(_, met)| !met).count();
    teller.line(
        "",
        &format!(
            "{} of {} chapters ended as they must:",
            met.len() - failed,
            met.len()
        ),
    )?;
    for (title, met) in &met {
        teller.line("", &format!("  {} {title}", if *met { "yes" } else { "NO " }))?;
    }
    if keep {
        teller.line(
            "",
            "staying up (--keep); Ctrl-C ends it. Try, in another terminal:",
        )?;
        let socket = config.daemon.admin_socket.display();
        teller.line("", &format!("  refollow --socket {socket} status"))?;
        teller.line(
            "",
            &format!(
                "  curl -s http://{}/metrics | grep refollow_follower_cause",
                running.address
            ),
        )?;
        let mut signals = app::signals::listen();
        while !matches!(signals.recv().await, Some(app::signals::Signal::Stop) | None) {}
    }
    let exit = app::drain(&running, &config).await;
    clusters.stop().await;
    if let Exit::Unfinished(why) = &exit {
        writeln!(out, "the daemon did not end cleanly: {why}")?;
    }
    writeln!(out, "done in {:.0} s", began.elapsed().as_secs_f64())?;
    Ok(u8::from(failed > 0 || exit != Exit::Clean))
}

/// The contract's configuration with a demo's impatience.
fn configuration(follower: &str, leader: &str, directory: &Path) -> String {
    let directory = directory.display();
    format!(
        r#"
[daemon]
mode = "auto"
state = "sqlite://{directory}/refollow.db"
listen = "127.0.0.1:0"
admin_socket = "{directory}/admin.sock"

[[clusters]]
name = "eu"
urls = ["{follower}"]
poll_interval = "500ms"
leader_side_interval = "1s"
remotes = {{ lead = "us" }}

[[clusters]]
name = "us"
urls = ["{leader}"]
poll_interval = "1s"

[[policy.rules]]
clusters = ["eu"]
followers = ["*"]
causes = ["history_lost", "remote_unreachable", "unclassified", "restored_not_following"]
action = "auto"

[verify]
settle = "1s"
# The demo's leaders are tiny and written to all the time, so counts differ by a batch.
document_tolerance = "5%"

[limits.breaker]
close_after = "2s"
"#
    )
}

/// A directory of the demo's own, removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> io::Result<Self> {
        let path = std::env::temp_dir().join(format!("refollow-demo-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::debug!("{}: {error}", self.0.display());
        }
    }
}

/// Tells the story: the daemon's own events, line by line, and what the demo does itself.
struct Teller<'a> {
    running: &'a Running,
    out: &'a mut (dyn Write + Send),
    colour: bool,
    began: Instant,
    /// Number of the last event told.
    told: u64,
}

impl Teller<'_> {
    async fn story(&mut self, world: &World) -> Result<Vec<(&'static str, bool)>, DemoError> {
        let mut met = Vec::new();
        let all_well = self
            .wait(|followers| followers.len() >= 12 && followers.iter().all(|one| one.cause == Cause::None))
            .await?;
        let count = self.running.desk.status().followers.len();
        self.line(
            "demo",
            &format!("{count} followers are watched, all of them well: {all_well}"),
        )?;
        met.push(("twelve followers or more are watched and well", all_well));
        for chapter in chapters() {
            let title = chapter.title;
            let ended = self.chapter(world, chapter).await?;
            met.push((title, ended));
        }
        Ok(met)
    }

    async fn chapter(&mut self, world: &World, chapter: Chapter) -> Result<bool, DemoError> {
        self.line("demo", &format!("── {} ──", chapter.title))?;
        let before = world.changes().len();
        for name in &chapter.play {
            let played = scenario::play(world, name)?;
            self.line("demo", &played)?;
        }
        let key = FollowerKey::parse(&format!("eu/{}", chapter.follower))
            .map_err(|error| io::Error::other(error.to_string()))?;
        let mine = |followers: &[FollowerItem]| {
            followers
                .iter()
                .find(|one| one.cluster == key.cluster && one.index == key.index)
                .cloned()
        };
        let seen = self
            .wait(|followers| match (mine(followers), chapter.first) {
                (Some(one), Some(cause)) => one.cause == cause,
                (Some(one), None) => one.cause != Cause::None || one.state == State::Retrying,
                (None, _) => false,
            })
            .await?;
        let ended = match chapter.expect {
            Expect::Follows => {
                self.wait(|followers| {
                    mine(followers).is_some_and(|one| {
                        one.cause == Cause::None
                            && matches!(one.state, State::Following | State::CatchingUp)
                            && one.run.is_none()
                    })
                })
                .await?
            }
            Expect::AllWellBut(other) => {
                self.wait(|followers| {
                    followers
                        .iter()
                        .all(|one| one.cause == Cause::None || one.index.as_str() == other)
                })
                .await?
            }
            Expect::Stays(cause) => {
                // Long enough for a daemon that would act to have acted.
                self.linger(Duration::from_secs(3)).await?;
                let untouched = !world
                    .changes()
                    .iter()
                    .skip(before)
                    .any(|entry| entry.path.contains(chapter.follower));
                mine(&self.running.desk.status().followers).is_some_and(|one| one.cause == cause) && untouched
            }
        };
        Ok(seen && ended)
    }

    /// Tells what happens until the condition holds, at most [`PATIENCE`] long.
    async fn wait(&mut self, mut holds: impl FnMut(&[FollowerItem]) -> bool) -> io::Result<bool> {
        let since = Instant::now();
        loop {
            self.catch_up().await?;
            if holds(&self.running.desk.status().followers) {
                return Ok(true);
            }
            if since.elapsed() > PATIENCE {
                return Ok(false);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    async fn linger(&mut self, length: Duration) -> io::Result<()> {
        let since = Instant::now();
        while since.elapsed() < length {
            self.catch_up().await?;
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }

    /// Tells the daemon's events since the last time.
    async fn catch_up(&mut self) -> io::Result<()> {
        let Ok(events) = self.running.desk.events(self.told).await else {
            return Ok(());
        };
        // What is said of many followers at once is told once.
        let mut lines: Vec<(String, String, Vec<String>)> = Vec::new();
        for event in events.events {
            self.told = event.seq;
            let text = event.detail.as_str().unwrap_or_default();
            let name = format!("`{}`", event.subject);
            let pattern = if event.subject.is_empty() {
                text.to_owned()
            } else {
                text.replace(&name, "{}")
            };
            match lines
                .iter_mut()
                .find(|(kind, known, _)| *kind == event.kind && *known == pattern)
            {
                Some((_, _, names)) => names.push(name),
                None => lines.push((event.kind, pattern, vec![name])),
            }
        }
        for (kind, pattern, names) in lines {
            let who = match names.as_slice() {
                [one] => one.clone(),
                [first, ..] => format!("{} followers ({first}, …)", names.len()),
                [] => continue,
            };
            self.line(&kind, &pattern.replace("{}", &who))?;
        }
        Ok(())
    }

    fn line(&mut self, kind: &str, text: &str) -> io::Result<()> {
        let at = self.began.elapsed().as_secs_f64();
        let (on, off) = match (self.colour, kind) {
            (true, "demo") => ("\u{1b}[1m", "\u{1b}[0m"),
            (true, "judged") => ("\u{1b}[33m", "\u{1b}[0m"),
            (true, "decided" | "plan") => ("\u{1b}[36m", "\u{1b}[0m"),
            (true, "proven") => ("\u{1b}[32m", "\u{1b}[0m"),
            _ => ("", ""),
        };
        writeln!(self.out, "{at:6.1} s  {on}{kind:<9}{text}{off}")?;
        self.out.flush()
    }
}

fn chapters() -> Vec<Chapter> {
    vec![
        Chapter {
            title: "history is lost: recreated, with its parameters and own settings back",
            play: vec!["history-lost:orders-f".to_owned()],
            follower: "orders-f",
            first: Some(Cause::HistoryLost),
            expect: Expect::Follows,
        },
        Chapter {
            title: "a follow is interrupted and leaves it restored but paused: cured by resume",
            play: vec![
                "follow-interrupted:invoices-f".to_owned(),
                "history-lost:invoices-f".to_owned(),
            ],
            follower: "invoices-f",
            first: Some(Cause::HistoryLost),
            expect: Expect::Follows,
        },
        Chapter {
            title: "fatal, but the history is still there: cured by resume alone",
            play: vec!["fatal-but-curable:customers-f".to_owned()],
            follower: "customers-f",
            first: None,
            expect: Expect::Follows,
        },
        Chapter {
            title: "the leader is deleted: never touched, a person is told",
            play: vec!["leader-deleted:shipments-f".to_owned()],
            follower: "shipments-f",
            first: Some(Cause::LeaderDeleted),
            expect: Expect::Stays(Cause::LeaderDeleted),
        },
        Chapter {
            title: "the leader restarts: refollow waits, it heals by itself",
            play: vec!["leader-restart:4s".to_owned()],
            follower: "orders-f",
            first: None,
            expect: Expect::AllWellBut("shipments-f"),
        },
    ]
}
