//! The composition root: a checked configuration becomes clients, store, engine and servers; one
//! function starts them, one waits for signals, one drains.
//!
//! `run`, the demo and tests start through the same [`start`], so that a path used daily is the
//! path that works.

pub mod audit;
pub mod build;
pub mod desk;
pub mod history;
pub mod signals;
mod standby;
#[cfg(debug_assertions)]
mod testing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::app::build::BuildError;
use crate::app::desk::Desk;
use crate::app::signals::Signal;
use crate::clock::{SharedClock, SystemClock};
use crate::config::{self, Config, Problems};
use crate::engine::Engine;
use crate::http;
use crate::http::dto::Daemon;
use crate::http::tls::Tls;
use crate::metrics::Metrics;
use crate::policy;
use crate::store::{self, Store, StoreError};
use crate::systemd;
use crate::tasks::Tasks;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error("{0}")]
    Config(Problems),
    /// The store.
    #[error("state: {0}")]
    Store(#[from] StoreError),
    /// A client.
    #[error("{0}")]
    Build(#[from] BuildError),
    /// A port or socket.
    #[error("{0}")]
    Listen(#[from] http::BindError),
    /// The metrics could not be registered: a defect.
    #[error("metrics: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// A daemon that runs.
#[derive(Debug)]
pub struct Running {
    /// The engine.
    pub engine: Arc<Engine>,
    /// What people may ask of it.
    pub desk: Arc<Desk>,
    /// Where `/metrics` is.
    pub address: SocketAddr,
    /// Tasks of engine and servers.
    pub tasks: Tasks,
    /// The certificate of the TCP address, where it speaks TLS.
    pub tls: Option<Arc<Tls>>,
}

/// Starts everything of one configuration.
///
/// # Errors
/// Says what did not work, with its remedy; nothing runs then.
pub async fn start(config: &Config, clock: SharedClock) -> Result<Running, StartError> {
    let store = store::open(&config.daemon.state.url()).await?;
    start_with(config, store, clock).await
}

async fn start_with(
    config: &Config,
    store: Arc<dyn Store>,
    clock: SharedClock,
) -> Result<Running, StartError> {
    #[cfg(debug_assertions)]
    let store = testing::killing(store);
    start_over(config, store, clock).await
}

/// The same over a store that is open already.
///
/// # Errors
/// As [`start`].
pub async fn start_over(
    config: &Config,
    store: Arc<dyn Store>,
    clock: SharedClock,
) -> Result<Running, StartError> {
    let clients = build::clients(config, &clock, &store, &BTreeMap::new())?;
    let tasks = Tasks::new();
    let metrics = Arc::new(Metrics::new(env!("CARGO_PKG_VERSION"))?);
    metrics.config_loaded(true, clock.now());
    metrics.know_clusters(config.clusters.iter().map(|cluster| &cluster.name));
    metrics.know_guards(policy::guards::names());
    let engine = Engine::open(
        build::engine_settings(config),
        clients,
        store,
        clock,
        metrics,
        tasks.clone(),
    )
    .await?;
    for limit in config.not_enforced() {
        tracing::warn!("`{limit}` is configured and not enforced by this version: recreates ask");
    }
    let desk = Arc::new(Desk(Arc::clone(&engine)));
    let server = http::Server::bind(
        &http::Settings {
            listen: config.daemon.listen,
            admin_socket: config.daemon.admin_socket.clone(),
            reading_open: config.auth.reading_open,
            session_length: config.auth.session,
            tls: build::tls(config),
            people: build::people(config),
            proxy: build::proxy(config),
        },
        Some(Arc::clone(&engine.metrics)),
    )
    .await?;
    let address = server.tcp_address();
    let tls = server.tls();
    server.start(Arc::clone(&desk) as Arc<dyn Daemon>, &tasks);
    engine
        .audit(
            "refollow",
            "daemon_started",
            "refollow".to_owned(),
            standing(config),
        )
        .await;
    engine.start().await?;
    Ok(Running {
        engine,
        desk,
        address,
        tasks,
        tls,
    })
}

/// What the audit log keeps of a configuration that took effect: no address and no secret.
fn standing(config: &Config) -> serde_json::Value {
    let clusters: Vec<&str> = config
        .clusters
        .iter()
        .map(|cluster| cluster.name.as_str())
        .collect();
    serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "mode": config.policy.mode.as_str(),
        "rules": config.policy.rules.len(),
        "clusters": clusters,
    })
}

/// How `refollow run` ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// Everything ended in time and nothing is held.
    Clean,
    /// It ended, and these followers are left paused or closed by us, or tasks did not end.
    Unfinished(String),
}

/// Runs until SIGTERM or SIGINT; SIGHUP reloads.
///
/// # Errors
/// As [`start`].
pub async fn run(path: Option<PathBuf>, socket: Option<PathBuf>) -> Result<Exit, StartError> {
    let config = load(path.as_deref(), socket.as_deref())?;
    let mut signals = signals::listen();
    let Some(store) = standby::open(&config, &mut signals).await? else {
        return Ok(Exit::Clean);
    };
    let running = start_with(&config, store, Arc::new(SystemClock)).await?;
    tracing::info!(
        "refollow {} watches {} clusters in mode `{}`; metrics at {}://{}/metrics, admin socket {}",
        env!("CARGO_PKG_VERSION"),
        config.clusters.len(),
        config.policy.mode.as_str(),
        if running.tls.is_some() { "https" } else { "http" },
        running.address,
        config.daemon.admin_socket.display()
    );
    systemd::ready();
    systemd::status(&format!(
        "watching {} clusters in mode {}",
        config.clusters.len(),
        config.policy.mode.as_str()
    ));
    let watchdog = systemd::watchdog_interval();
    let mut config = config;
    let cancelled = running.tasks.token();
    let store = Arc::clone(&running.engine.store);
    let mut taken_over = None;
    loop {
        tokio::select! {
            () = cancelled.cancelled() => break,
            why = store.lost() => {
                tracing::error!("{why}; stopping: started again, this host stands by");
                taken_over = Some(why);
                break;
            }
            () = pulse(watchdog) => systemd::watchdog(),
            signal = signals.recv() => match signal {
                Some(Signal::Reload) => {
                    systemd::reloading();
                    let new = load(path.as_deref(), socket.as_deref());
                    reload(&running, &mut config, new).await;
                    systemd::ready();
                }
                Some(Signal::Stop) | None => break,
            },
        }
    }
    let exit = drain(&running, &config).await;
    if let Some(why) = taken_over {
        return Ok(Exit::Unfinished(why.to_string()));
    }
    if running.tasks.panics() > 0 {
        return Ok(Exit::Unfinished("a task panicked; the log names it".to_owned()));
    }
    Ok(exit)
}

async fn pulse(interval: Option<Duration>) {
    match interval {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}

fn load(path: Option<&Path>, socket: Option<&Path>) -> Result<Config, StartError> {
    let (mut config, warnings) = config::load(path, std::env::vars()).map_err(StartError::Config)?;
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if let Some(socket) = socket {
        config.daemon.admin_socket = socket.to_path_buf();
    }
    Ok(config)
}

/// SIGHUP: all or nothing. What cannot change while running refuses the whole new configuration.
pub async fn reload(running: &Running, config: &mut Config, new: Result<Config, StartError>) {
    if let Some(tls) = &running.tls {
        tls.look().await;
    }
    let engine = &running.engine;
    let problem = match new {
        Ok(new) => match take_over(running, config, &new) {
            Ok(()) => {
                let detail = standing(&new);
                *config = new;
                engine
                    .audit("refollow", "config_reloaded", "refollow".to_owned(), detail)
                    .await;
                return;
            }
            Err(problem) => problem,
        },
        Err(error) => error.to_string(),
    };
    tracing::error!("the configuration was not reloaded, the old one stays: {problem}");
    engine.metrics.config_loaded(false, engine.now());
    let detail = serde_json::json!({ "problem": problem });
    engine
        .audit("refollow", "config_refused", "refollow".to_owned(), detail)
        .await;
}

fn take_over(running: &Running, config: &Config, new: &Config) -> Result<(), String> {
    let restart = new.needs_restart(config);
    if !restart.is_empty() {
        return Err(format!(
            "{} cannot change while the daemon runs; restart it",
            restart.join(", ")
        ));
    }
    let engine = &running.engine;
    let clients = build::clients(new, &engine.clock, &engine.store, &engine.loads())
        .map_err(|error| error.to_string())?;
    running.engine.reload(build::engine_settings(new), clients);
    running.engine.metrics.config_loaded(true, running.engine.now());
    Ok(())
}

/// A courtesy to other installations is not worth more of the time to stop.
const MARKS_BACK_WITHIN: std::time::Duration = std::time::Duration::from_secs(5);

/// … and neither is telling people of it, but for a moment: nobody else will.
const LAST_WORDS_WITHIN: std::time::Duration = std::time::Duration::from_secs(10);

/// Stops: nothing new starts, runs back out or finish the step in hand, all within
/// `shutdown_timeout`.
pub async fn drain(running: &Running, config: &Config) -> Exit {
    systemd::stopping();
    running.engine.drain();
    let began = tokio::time::Instant::now();
    let drained = running.tasks.drain(config.daemon.shutdown_timeout).await;
    let memories = running.engine.lock().changed_memories();
    running
        .engine
        .perform(vec![crate::engine::book::Effect::Remember(memories)])
        .await;
    running.engine.flush_history().await;
    let held = running.engine.held_at_exit();
    if !held.is_empty() {
        let left = config.daemon.shutdown_timeout.saturating_sub(began.elapsed());
        running
            .engine
            .tell_before_the_end(left.clamp(LAST_WORDS_WITHIN / 5, LAST_WORDS_WITHIN))
            .await;
    }
    if drained.is_ok() && held.is_empty() {
        // In what is left of the time to stop: a cluster that hangs may not hold the exit up.
        let left = config.daemon.shutdown_timeout.saturating_sub(began.elapsed());
        let taken = tokio::time::timeout(left.min(MARKS_BACK_WITHIN), running.engine.take_marks_back());
        if taken.await.is_err() {
            tracing::warn!("not every cluster's marker was taken back in time; they run out by themselves");
        }
    }
    running
        .engine
        .audit(
            "refollow",
            "daemon_stopped",
            "refollow".to_owned(),
            serde_json::json!({ "held": held, "drained": drained.is_ok() }),
        )
        .await;
    if let Err(error) = running.engine.store.give_up().await {
        tracing::warn!("another host can take over only once the tenure has ended: {error}");
    }
    if let Err(stuck) = drained {
        return Exit::Unfinished(stuck.to_string());
    }
    if held.is_empty() {
        return Exit::Clean;
    }
    let names: Vec<String> = held.iter().map(ToString::to_string).collect();
    Exit::Unfinished(format!(
        "left paused or closed by refollow: {}; the next start goes on with them, and the undo files in {} hold the commands to put them back by hand",
        names.join(", "),
        config.daemon.undo_directory.display()
    ))
}
