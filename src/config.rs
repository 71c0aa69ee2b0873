//! The configuration: TOML and environment in, one valid and typed [`Config`] out.
//!
//! Owns every check and every message about a wrong configuration. Does not know how anything
//! runs: `app` hands the parts on. `run` and `check-config` start through the same [`load`], which
//! tells all mistakes at once.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::domain::ids::ClusterName;
use crate::history::recorder::HistorySettings;
use crate::policy::settings::{Mode, Settings};
use crate::telemetry::Format;

mod auth;
mod blockers;
mod cluster;
mod metrics;
mod notify;
mod problem;
mod read;
pub mod reference;
mod rules;
mod secret;
mod source;
mod units;

pub use crate::config::auth::Auth;
pub use crate::config::blockers::{Asks, Blocker};
pub use crate::config::cluster::{BaseUrl, Cluster};
pub use crate::config::metrics::{MetricsLevel, MetricsOptions, MetricsRule};
pub use crate::config::problem::{Problem, Problems, Warning};

use crate::config::read::{Notes, Section};

/// Parses a length of time as people write it: `2h`, `1h30m`, `500ms`.
///
/// # Errors
/// What is wrong with it, to follow after the value.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    units::duration(text)
}

/// Where the file is looked for when nobody names one.
pub const DEFAULT_PATH: &str = "/etc/refollow/refollow.toml";

/// The admin socket when none is named.
pub const DEFAULT_SOCKET: &str = "/run/refollow/admin.sock";

/// Limits that can be configured and that this version does not enforce yet, by path. The one
/// place of that list: whoever builds the enforcement takes its line away. While a limit is
/// listed, recreate is held at `ask` (contract, *Modes*).
const NOT_ENFORCED: &[&str] = &[];

/// `[daemon]`, without the mode, which the policy is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daemon {
    /// The database.
    pub state: State,
    /// Where metrics, health and the reading API are served.
    pub listen: SocketAddr,
    /// The socket of the command line.
    pub admin_socket: PathBuf,
    /// The longest time from SIGTERM to the end.
    pub shutdown_timeout: Duration,
    /// The form of log lines.
    pub log: Format,
    /// Where undo files are written.
    pub undo_directory: PathBuf,
    /// While it exists, the brake `all` is engaged.
    pub brake_file: PathBuf,
}

/// `daemon.state`: where everything is kept that outlives the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A file of this host.
    Sqlite(PathBuf),
    /// A PostgreSQL database that several hosts name, one of which works. The URL holds no password.
    Postgres(String),
}

impl State {
    /// As `store::open` takes it.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Postgres(url) => url.clone(),
        }
    }

    /// Where the files lie that belong to this host.
    fn directory(&self) -> &Path {
        match self {
            Self::Sqlite(path) => path.parent().unwrap_or(Path::new("")),
            Self::Postgres(_) => Path::new("/var/lib/refollow"),
        }
    }
}

/// A whole configuration, already valid.
#[derive(Debug, Clone)]
pub struct Config {
    /// The process.
    pub daemon: Daemon,
    /// Who may read over TCP.
    pub auth: Auth,
    /// Every cluster; never empty, names are unique.
    pub clusters: Vec<Cluster>,
    /// Mode, rules, judge, approval, verify, limits, windows. Its list of limits that are not
    /// enforced is filled from [`Config::not_enforced`].
    pub policy: Settings,
    /// What is exported.
    pub metrics: MetricsOptions,
    /// Other systems that can say no.
    pub blockers: Vec<Blocker>,
    /// Whom to tell what.
    pub notify: Arc<crate::notify::Settings>,
    /// `store.keep_runs`: how long ended runs and closed plans are kept.
    pub keep_runs: Duration,
    /// `history`: what is kept of the past.
    pub history: HistorySettings,
}

impl Config {
    /// The cluster of that name.
    pub fn cluster(&self, name: &ClusterName) -> Option<&Cluster> {
        self.clusters.iter().find(|cluster| cluster.name == *name)
    }

    /// Paths of limits that hold in this configuration and that this version does not enforce.
    /// `windows` and a second approver count only where they are configured; every other limit
    /// holds by its default already.
    pub fn not_enforced(&self) -> Vec<String> {
        NOT_ENFORCED
            .iter()
            .filter(|path| match **path {
                "windows" => !self.policy.windows.is_empty(),
                "approval.approvers" => self.policy.approvers > 1,
                _ => true,
            })
            .map(|path| (*path).to_owned())
            .collect()
    }

    /// Paths of options that differ from `running` and take effect only at the next start.
    pub fn needs_restart(&self, running: &Self) -> Vec<&'static str> {
        let (new, old) = (&self.daemon, &running.daemon);
        [
            ("daemon.state", new.state != old.state),
            ("daemon.listen", new.listen != old.listen),
            ("daemon.admin_socket", new.admin_socket != old.admin_socket),
            ("daemon.log", new.log != old.log),
            ("daemon.undo_directory", new.undo_directory != old.undo_directory),
            ("daemon.brake_file", new.brake_file != old.brake_file),
            (
                "auth.reading",
                self.auth.reading_open != running.auth.reading_open,
            ),
            ("auth.session", self.auth.session != running.auth.session),
            ("auth.tls", self.auth.tls != running.auth.tls),
            (
                "auth.client_certificates",
                self.auth.clients != running.auth.clients,
            ),
            ("auth.proxy", self.auth.proxy != running.auth.proxy),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(path, _)| path)
        .collect()
    }
}

/// Reads the file (or [`DEFAULT_PATH`]) and the environment.
///
/// # Errors
/// All mistakes at once.
pub fn load(
    path: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(Config, Vec<Warning>), Problems> {
    let path = path.unwrap_or(Path::new(DEFAULT_PATH));
    match source::read(path) {
        Ok(text) => parse(&path.display().to_string(), &text, env),
        Err(problem) => Err(Problems {
            file: path.display().to_string(),
            list: vec![problem],
        }),
    }
}

/// The same for a text that is already there; `name` stands for the file in messages.
///
/// # Errors
/// All mistakes at once.
pub fn parse(
    name: &str,
    text: &str,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(Config, Vec<Warning>), Problems> {
    let (tree, lines, problems) = source::layer(text, env);
    // After a mistake of TOML itself the tree is not what was meant; telling that every key is
    // missing would bury the one that counts.
    let broken = problems.iter().any(|problem| problem.path.is_empty());
    let notes = Notes::new(lines, problems);
    let config = (!broken).then(|| build(Section::new(String::new(), tree, &notes)));
    let (list, warnings) = notes.into_lists();
    match config {
        Some(config) if list.is_empty() => Ok((config, warnings)),
        _ => Err(Problems {
            file: name.to_owned(),
            list,
        }),
    }
}

fn build(mut root: Section<'_>) -> Config {
    let notes = root.notes;
    let (daemon, mode) = daemon(&mut root);
    let clusters = cluster::clusters(&mut root);
    let auth = auth::auth(&mut root, daemon.listen, &clusters);
    let policy = rules::settings(&mut root, mode, &clusters);
    let blockers = blockers::blockers(&mut root);
    let notify = Arc::new(notify::notify(&mut root, &clusters));
    let metrics = metrics::metrics(&mut root, &clusters);
    let keep_runs = keep_runs(&mut root, policy.limits.recreates_per_follower.per);
    let history = history(&mut root);
    root.finish();
    if mode != Mode::Observe && !clusters.is_empty() && clusters.iter().all(|c| c.remotes.is_empty()) {
        notes.warn(
            "clusters",
            "no cluster has `remotes`, so leaders are never looked at directly and recreate is never offered",
        );
    }
    if mode == Mode::Auto && policy.rules.is_empty() {
        notes.warn(
            "daemon.mode",
            "`auto` without [[policy.rules]] asks for everything: no rule matches",
        );
    }
    let mut config = Config {
        daemon,
        auth,
        clusters,
        policy,
        metrics,
        blockers,
        notify,
        keep_runs,
        history,
    };
    config.policy.unenforced = config.not_enforced();
    config
}

fn keep_runs(root: &mut Section<'_>, counted: Duration) -> Duration {
    const DAY: Duration = Duration::from_hours(24);
    let mut section = root.section("store", "[store]");
    let keep_runs = section.duration("keep_runs", 31 * DAY..=3660 * DAY, 400 * DAY);
    if keep_runs < counted {
        section.problem(
            "keep_runs",
            "is shorter than limits.recreates_per_follower.per, which is counted from the runs that are kept",
            "make it at least as long",
        );
    }
    section.finish();
    keep_runs
}

fn history(root: &mut Section<'_>) -> HistorySettings {
    const DAY: Duration = Duration::from_hours(24);
    let default = HistorySettings::default();
    let mut section = root.section("history", "[history]");
    let keep = section.duration("keep", Duration::ZERO..=400 * DAY, default.keep);
    let resolution = section.duration(
        "resolution",
        Duration::from_secs(10)..=Duration::from_hours(1),
        default.resolution,
    );
    section.finish();
    HistorySettings { keep, resolution }
}

fn daemon(root: &mut Section<'_>) -> (Daemon, Mode) {
    let notes = root.notes;
    let mut section = root.section("daemon", "[daemon]");
    let mode = section.word(
        "mode",
        &[
            ("observe", Mode::Observe),
            ("ask", Mode::Ask),
            ("auto", Mode::Auto),
        ],
        Mode::default(),
    );
    let state = section
        .parsed("state", "\"sqlite:///var/lib/refollow/refollow.db\"", state_of)
        .unwrap_or_else(|| State::Sqlite(PathBuf::from("/var/lib/refollow/refollow.db")));
    let listen = section
        .parsed("listen", "\"127.0.0.1:9958\"", listen)
        .unwrap_or(SocketAddr::from(([127, 0, 0, 1], 9958)));
    let admin_socket = section
        .parsed("admin_socket", "\"/run/refollow/admin.sock\"", socket)
        .unwrap_or_else(|| PathBuf::from(DEFAULT_SOCKET));
    let shutdown_timeout = section.duration(
        "shutdown_timeout",
        Duration::from_secs(1)..=Duration::from_mins(10),
        Duration::from_secs(30),
    );
    let log = section.word(
        "log",
        &[("human", Format::Human), ("json", Format::Json)],
        Format::default(),
    );
    let beside = |name: &str| state.directory().join(name);
    let undo_directory = section
        .text("undo_directory", "the path of a directory")
        .map_or_else(|| beside("undo"), PathBuf::from);
    let brake_file = section
        .text("brake_file", "the path of a file")
        .map_or_else(|| beside("brake-all"), PathBuf::from);
    for (key, path) in [
        (
            "state",
            match &state {
                State::Sqlite(path) => path,
                State::Postgres(_) => Path::new("/"),
            },
        ),
        ("admin_socket", admin_socket.as_path()),
        ("undo_directory", undo_directory.as_path()),
        ("brake_file", brake_file.as_path()),
    ] {
        // What is only beside a relative state needs no second word.
        let beside_state = matches!(key, "undo_directory" | "brake_file") && path.starts_with(beside(""));
        if path.is_relative() && !beside_state {
            notes.warn(
                &section.path_of(key),
                format!(
                    "{} is relative: it depends on the directory that the daemon is started in",
                    path.display()
                ),
            );
        }
    }
    section.finish();
    let daemon = Daemon {
        state,
        listen,
        admin_socket,
        shutdown_timeout,
        log,
        undo_directory,
        brake_file,
    };
    (daemon, mode)
}

/// `sqlite:///var/lib/x.db` → `/var/lib/x.db`; `sqlite://x.db` → `x.db`.
fn state_of(text: &str) -> Result<State, String> {
    let lower = text.to_ascii_lowercase();
    if !lower.starts_with("postgres:") && !lower.starts_with("postgresql:") {
        return sqlite_file(text).map(State::Sqlite);
    }
    let url = reqwest::Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
    if url.password().is_some() || lower.contains("password=") {
        return Err(
            "has a password, which does not belong into a configuration: write it into a file of libpq's form \
             (hostname:port:database:username:password) that PGPASSFILE names"
                .into(),
        );
    }
    if url.username().is_empty() || url.host_str().is_none_or(str::is_empty) || url.path().len() < 2 {
        return Err("names no user, host or database: postgres://user@host/database".into());
    }
    Ok(State::Postgres(text.to_owned()))
}

fn sqlite_file(text: &str) -> Result<PathBuf, String> {
    if text.contains(":memory:") {
        return Err("would be lost with the process, and a run could not be continued after a crash".into());
    }
    let Some(path) = text.strip_prefix("sqlite://") else {
        return Err("is neither a sqlite:// nor a postgres:// URL".into());
    };
    if path.contains(['?', '#', '%', '\0']) {
        return Err("has `?`, `#` or `%`: options are not understood here".into());
    }
    if path.is_empty() || path.ends_with('/') {
        return Err("names no file".into());
    }
    Ok(PathBuf::from(path))
}

fn listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(address);
    }
    if text.parse::<IpAddr>().is_ok() {
        return Err("has no port".into());
    }
    if text.starts_with(':') {
        return Err("has no address; 0.0.0.0 means every one of this host".into());
    }
    Err("is not an address and a port; names such as localhost are not resolved here".into())
}

fn socket(text: &str) -> Result<PathBuf, String> {
    /// `sun_path` of unix(7) holds 108 bytes, one of them the end.
    const LONGEST: usize = 107;
    if text.is_empty() || text.ends_with('/') {
        return Err("names no socket".into());
    }
    if text.len() > LONGEST {
        return Err(format!(
            "is longer than the {LONGEST} bytes that a socket's path may have"
        ));
    }
    if text.contains('\0') {
        return Err("has a zero byte".into());
    }
    Ok(PathBuf::from(text))
}
