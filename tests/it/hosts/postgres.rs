//! A PostgreSQL server of the tests' own, on loopback, on a free port, with its files in a directory
//! that goes with it. Shared by the tests that run at the same time; each has a database to itself.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use sqlx::Connection as _;

static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

/// A server that runs for as long as somebody holds it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub port: u16,
    databases: AtomicU32,
    _directory: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed may have left it frozen. SIGINT is PostgreSQL's fast shutdown, which
        // ends its children too.
        self.signal("CONT");
        self.signal("INT");
        let _ended = self.child.wait();
    }
}

/// Where the server's programs are: on Debian not in the path.
fn programs() -> Result<PathBuf, String> {
    let mut found: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").exists() && bin.join("initdb").exists())
        .collect();
    found.sort();
    found
        .pop()
        .ok_or_else(|| "PostgreSQL is missing; on Debian: apt-get install postgresql".to_owned())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// PostgreSQL refuses to run as root: then Debian's user of that name runs it.
fn command(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
    command.arg(program);
    command
}

/// The shared server, or why there is none.
///
/// # Errors
/// PostgreSQL is not installed.
pub fn shared() -> Result<Arc<Server>, String> {
    let bin = programs()?;
    let mut shared = SHARED.lock().unwrap();
    if let Some(server) = shared.upgrade() {
        return Ok(server);
    }
    let server = Arc::new(Server::start(&bin));
    *shared = Arc::downgrade(&server);
    Ok(server)
}

impl Server {
    /// A server for one test alone, which may stop and freeze it.
    ///
    /// # Errors
    /// PostgreSQL is not installed.
    pub fn own() -> Result<Self, String> {
        Ok(Self::start(&programs()?))
    }

    fn start(bin: &Path) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("refollow-pg")
            .tempdir_in("/tmp")
            .unwrap();
        let data = directory.path().join("data");
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres:postgres")
                .arg(directory.path())
                .status();
            assert!(owned.unwrap().success());
        } else {
            std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
        }
        let made = command(&bin.join("initdb"))
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=refollow",
                "--encoding=UTF8",
                "--locale=C",
                "-D",
            ])
            .arg(&data)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success(), "initdb failed");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let child = command(&bin.join("postgres"))
            .arg("-D")
            .arg(&data)
            .arg("-p")
            .arg(port.to_string())
            .arg("-k")
            .arg(directory.path())
            // Nothing here survives its test: it need not be on disk.
            .args([
                "-F",
                "-c",
                "listen_addresses=127.0.0.1",
                "-c",
                "max_connections=200",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let server = Self {
            child,
            port,
            databases: AtomicU32::new(0),
            _directory: directory,
        };
        let until = tokio::time::Instant::now() + Duration::from_secs(60);
        let port_text = port.to_string();
        let ready = || {
            Command::new(bin.join("pg_isready"))
                .args(["-q", "-h", "127.0.0.1", "-p", &port_text])
                .status()
                .is_ok_and(|status| status.success())
        };
        while !ready() {
            assert!(tokio::time::Instant::now() < until, "PostgreSQL did not start");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// Sends a signal to the server's first process; `STOP` and `CONT` to every one of them.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id();
        let mut pids = vec![pid.to_string()];
        if matches!(name, "STOP" | "CONT") {
            let children = Command::new("pgrep")
                .args(["-P", &pid.to_string()])
                .output()
                .unwrap();
            pids.extend(
                String::from_utf8(children.stdout)
                    .unwrap()
                    .lines()
                    .map(ToOwned::to_owned),
            );
        }
        let _sent = Command::new("kill").arg(format!("-{name}")).args(pids).status();
    }

    /// A new empty database.
    pub async fn database(&self) -> String {
        let name = format!("refollow_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        let mut admin = sqlx::PgConnection::connect(&self.url("postgres")).await.unwrap();
        let create = format!("CREATE DATABASE {name} TEMPLATE template0");
        sqlx::query(sqlx::AssertSqlSafe(create))
            .execute(&mut admin)
            .await
            .unwrap();
        admin.close().await.unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://refollow@127.0.0.1:{}/{database}", self.port)
    }
}
