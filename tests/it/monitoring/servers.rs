//! A real Prometheus and a real Alertmanager on free ports of this host, with what is ours removed
//! in the end, and a receiver that keeps what it is told.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::time::Instant;

/// Nothing that must happen may take longer; generous, because the host may be busy.
const PATIENCE: Duration = Duration::from_secs(90);
const GLANCE: Duration = Duration::from_millis(100);

/// Waits until something is there.
pub async fn until<T>(what: &str, mut there: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = there().await {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        tokio::time::sleep(GLANCE).await;
    }
}

/// A port that was free a moment ago; whoever loses the race to it says so and the test fails.
pub async fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    listener.local_addr().unwrap().port()
}

/// One request; body of an answer with status 200.
pub async fn http(port: u16, method: &str, target: &str, body: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let head = format!(
        "{method} {target} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let answer = String::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.split(' ').nth(1).filter(|status| *status == "200")?;
    Some(body.to_owned())
}

/// A child process; dropping it kills it.
pub struct Server {
    _child: Child,
    pub port: u16,
    name: &'static str,
}

impl Server {
    fn start(name: &'static str, port: u16, directory: &Path, arguments: &[String]) -> Self {
        let log = std::fs::File::create(directory.join(format!("{name}.log"))).unwrap();
        let child = Command::new(name)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        Self {
            _child: child,
            port,
            name,
        }
    }

    async fn ready(self) -> Self {
        let (port, name) = (self.port, self.name);
        until(&format!("{name} is ready"), async || {
            http(port, "GET", "/-/ready", "").await
        })
        .await;
        self
    }

    /// Alertmanager with this configuration.
    pub async fn alertmanager(directory: &Path, configuration: &str) -> Self {
        let port = free_port().await;
        std::fs::write(directory.join("alertmanager.yml"), configuration).unwrap();
        let path = |name: &str| directory.join(name).display().to_string();
        Self::start(
            "prometheus-alertmanager",
            port,
            directory,
            &[
                format!("--config.file={}", path("alertmanager.yml")),
                format!("--storage.path={}", path("alertmanager")),
                format!("--web.listen-address=127.0.0.1:{port}"),
                "--cluster.listen-address=".to_owned(),
            ],
        )
        .ready()
        .await
    }

    /// Prometheus with this configuration.
    pub async fn prometheus(directory: &Path, configuration: &str) -> Self {
        let port = free_port().await;
        std::fs::write(directory.join("prometheus.yml"), configuration).unwrap();
        let path = |name: &str| directory.join(name).display().to_string();
        Self::start(
            "prometheus",
            port,
            directory,
            &[
                format!("--config.file={}", path("prometheus.yml")),
                format!("--storage.tsdb.path={}", path("tsdb")),
                format!("--web.listen-address=127.0.0.1:{port}"),
                // Resends what still fires this often at most; by default only once a minute.
                "--rules.alert.resend-delay=1s".to_owned(),
            ],
        )
        .ready()
        .await
    }

    /// `query` or `query_range` of a Prometheus: the result, or what it complains of.
    pub async fn query(&self, path: &str, parameters: &[(&str, String)]) -> Result<Vec<Value>, String> {
        let text: Vec<String> = parameters
            .iter()
            .map(|(name, value)| format!("{name}={}", escaped(value)))
            .collect();
        let target = format!("/api/v1/{path}?{}", text.join("&"));
        let body = http(self.port, "GET", &target, "")
            .await
            .ok_or_else(|| format!("{path} was not answered with 200"))?;
        let answer: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
        match answer["data"]["result"].as_array() {
            Some(result) if answer["status"] == "success" => Ok(result.clone()),
            _ => Err(body),
        }
    }
}

fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// One message that Alertmanager delivered.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The receiver's path.
    pub path: String,
    pub body: Value,
}

impl Delivered {
    /// Its alerts of that name and status.
    pub fn alerts(&self, name: &str, status: &str) -> Vec<Value> {
        let all = self.body["alerts"].as_array().cloned().unwrap_or_default();
        all.into_iter()
            .filter(|alert| alert["labels"]["alertname"] == name && alert["status"] == status)
            .collect()
    }
}

/// What listens where Alertmanager's webhooks lead to.
#[derive(Debug, Clone)]
pub struct Receiver {
    pub port: u16,
    told: Arc<Mutex<Vec<Delivered>>>,
}

impl Receiver {
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the test's runtime, and is no task of the daemon"
    )]
    pub async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let told = Arc::new(Mutex::new(Vec::new()));
        let keeps = told.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, keeps.clone()));
            }
        });
        Self { port, told }
    }

    pub fn told(&self) -> Vec<Delivered> {
        self.told.lock().unwrap().clone()
    }

    /// The first alert of that name and status that arrives, with its message.
    pub async fn hears(&self, name: &str, status: &str) -> (Delivered, Value) {
        until(&format!("{name} is delivered as {status}"), async || {
            self.told().into_iter().find_map(|message| {
                let alert = message.alerts(name, status).into_iter().next()?;
                Some((message, alert))
            })
        })
        .await
    }
}

/// One connection; Alertmanager keeps it open for the next message.
async fn receive(mut stream: TcpStream, told: Arc<Mutex<Vec<Delivered>>>) {
    let mut heard: Vec<u8> = Vec::new();
    loop {
        while let Some((message, length)) = whole(&heard) {
            told.lock().unwrap().push(message);
            heard.drain(..length);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
            if stream.write_all(answer).await.is_err() {
                return;
            }
        }
        match stream.read_buf(&mut heard).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
    }
}

/// The first whole request of what was heard, and how long it is.
fn whole(heard: &[u8]) -> Option<(Delivered, usize)> {
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(&heard[..end]).into_owned();
    let length: usize = head
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase()
                .strip_prefix("content-length:")
                .map(str::to_owned)
        })
        .and_then(|text| text.trim().parse().ok())?;
    let body = heard.get(end..end + length)?;
    let message = Delivered {
        path: head.split(' ').nth(1)?.to_owned(),
        body: serde_json::from_slice(body).ok()?,
    };
    Some((message, end + length))
}
