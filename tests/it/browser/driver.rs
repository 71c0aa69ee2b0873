//! A browser without a window, driven by `WebDriver` (W3C) over plain HTTP: as much of it as the
//! story needs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

/// A page may take so long to become what it must; generous, because the host may be busy.
const PATIENCE: Duration = Duration::from_secs(90);
/// Between two looks.
const GLANCE: Duration = Duration::from_millis(150);
/// The key that goes to the next thing that can be used (`WebDriver`, *keyboard actions*).
const TAB: &str = "\u{E004}";
/// How an element is named in answers (`WebDriver`, *element*).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// Where Debian's packages put both programs; `None` with what is missing.
pub fn programs() -> Result<(PathBuf, PathBuf), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let find = |name: &str| {
        std::env::split_paths(&path)
            .map(|directory| directory.join(name))
            .find(|file| file.is_file())
            .ok_or_else(|| format!("{name} is missing (Debian: apt-get install chromium chromium-driver)"))
    };
    Ok((find("chromedriver")?, find("chromium")?))
}

/// One browser with one window.
pub struct Browser {
    driver: Child,
    _profile: tempfile::TempDir,
    port: u16,
    session: String,
}

/// How big and how bright.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    pub name: &'static str,
    pub width: u32,
    pub height: u32,
    pub phone: bool,
    pub dark: bool,
}

pub const LOOKS: [Look; 4] = [
    Look {
        name: "desktop-light",
        width: 1280,
        height: 900,
        phone: false,
        dark: false,
    },
    Look {
        name: "desktop-dark",
        width: 1280,
        height: 900,
        phone: false,
        dark: true,
    },
    Look {
        name: "phone-light",
        width: 390,
        height: 844,
        phone: true,
        dark: false,
    },
    Look {
        name: "phone-dark",
        width: 390,
        height: 844,
        phone: true,
        dark: true,
    },
];

/// A test that fails leaves no browser behind.
impl Drop for Browser {
    fn drop(&mut self) {
        let id = self
            .driver
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw);
        if let Some(group) = id {
            rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
        }
    }
}

async fn http(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let mut stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let body = if method == "GET" {
        String::new()
    } else {
        body.to_string()
    };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // It says how long the answer is, and leaves the connection open whatever it is asked.
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        let read = stream.read_line(&mut line).await.unwrap();
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap();
        }
        if read == 0 || line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let body = String::from_utf8_lossy(&body);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {body}"))
}

impl Browser {
    pub async fn start() -> Self {
        let (chromedriver, chromium) = programs().unwrap();
        let mut driver = Command::new(chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some((_, rest)) = line.split_once("started successfully on port ") {
                break rest.trim_end_matches('.').parse().unwrap();
            }
        };
        let profile = tempfile::tempdir().unwrap();
        let arguments = [
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--hide-scrollbars".to_owned(),
            "--lang=en".to_owned(),
            format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": {"binary": chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = http(port, "POST", "/session", &wanted).await;
        let session = answer["value"]["sessionId"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}"))
            .to_owned();
        Self {
            driver,
            _profile: profile,
            port,
            session,
        }
    }

    async fn call(&self, method: &str, path: &str, body: Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        http(self.port, method, &path, &body).await["value"].take()
    }

    pub async fn open(&self, url: &str) {
        let answer = self.call("POST", "/url", json!({ "url": url })).await;
        assert!(answer.is_null(), "{url}: {answer}");
    }

    /// Runs a script in the page; the value of its `return`.
    pub async fn run(&self, script: &str) -> Value {
        let answer = self
            .call("POST", "/execute/sync", json!({"script": script, "args": []}))
            .await;
        assert!(answer.get("error").is_none(), "{script}: {answer}");
        answer
    }

    /// What stands in the whole page.
    pub async fn text(&self) -> String {
        self.run("return document.body.innerText")
            .await
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until the page says it; nobody loads it anew.
    pub async fn says(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.text().await;
            if text.contains(words) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "the page never said {words:?}:\n{text}"
            );
            sleep(GLANCE).await;
        }
    }

    async fn element(&self, selector: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let found = self
                .call(
                    "POST",
                    "/element",
                    json!({"using": "css selector", "value": selector}),
                )
                .await;
            if let Some(id) = found[ELEMENT].as_str() {
                return id.to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "there is no {selector}:\n{}",
                self.text().await
            );
            sleep(GLANCE).await;
        }
    }

    /// Whether there is such an element now.
    pub async fn has(&self, selector: &str) -> bool {
        let selector = json!(selector);
        self.run(&format!("return document.querySelector({selector}) !== null"))
            .await
            == true
    }

    /// Clicks as a person does. A page that was put in place of another in that moment is tried again.
    pub async fn click(&self, selector: &str) {
        for _ in 0..20 {
            let id = self.element(selector).await;
            let answer = self
                .call("POST", &format!("/element/{id}/click"), json!({}))
                .await;
            if answer.is_null() {
                return;
            }
            assert_eq!(answer["error"], "stale element reference", "{selector}: {answer}");
        }
        panic!("{selector} is put in place again and again");
    }

    /// Types as a person does.
    pub async fn fill(&self, selector: &str, text: &str) {
        let id = self.element(selector).await;
        let answer = self
            .call("POST", &format!("/element/{id}/value"), json!({ "text": text }))
            .await;
        assert!(answer.is_null(), "{selector}: {answer}");
    }

    /// Presses the tabulator; what has the focus then, and whether that can be seen.
    pub async fn tab(&self) -> (String, bool) {
        let keys = json!({"actions": [{"type": "key", "id": "k", "actions": [
            {"type": "keyDown", "value": TAB}, {"type": "keyUp", "value": TAB},
        ]}]});
        self.call("POST", "/actions", keys).await;
        let seen = self
            .run(
                "const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
                 const visible = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2
                     && box.width > 0 && box.right > 0 && box.left < innerWidth;
                 return [one.innerText || one.getAttribute('aria-label') || one.id || one.tagName, visible]",
            )
            .await;
        (seen[0].as_str().unwrap_or_default().to_owned(), seen[1] == true)
    }

    async fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.call(
            "POST",
            "/goog/cdp/execute",
            json!({"cmd": command, "params": parameters}),
        )
        .await
    }

    /// Turns to a size and a scheme of colours.
    pub async fn look(&self, look: Look) {
        let size =
            json!({"width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.phone});
        self.devtools("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// Keeps a picture of the whole page.
    pub async fn picture(&self, file: &Path) {
        let shot = json!({"format": "png", "captureBeyondViewport": true});
        let answer = self.devtools("Page.captureScreenshot", shot).await;
        let data = answer["data"].as_str().unwrap_or_else(|| panic!("{answer}"));
        let bytes = base64::engine::general_purpose::STANDARD.decode(data).unwrap();
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, bytes).unwrap();
    }

    /// What the browser complained of: a policy that was broken, a script that failed.
    pub async fn complaints(&self) -> Vec<String> {
        let log = self.call("POST", "/se/log", json!({"type": "browser"})).await;
        let entries = log.as_array().cloned().unwrap_or_default();
        let loud = entries.iter().filter(|entry| entry["level"] == "SEVERE");
        loud.map(|entry| entry["message"].to_string()).collect()
    }

    pub async fn close(&self) {
        self.call("DELETE", "", json!({})).await;
    }
}
