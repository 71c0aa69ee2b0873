//! A local HTTP server that keeps what it is sent and answers as it is told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// One request.
#[derive(Debug, Clone)]
pub struct Got {
    /// Method and path.
    pub line: String,
    /// Headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub raw: Vec<u8>,
}

impl Got {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.raw).unwrap()
    }
}

/// The server; each answer is used once, the last one for ever.
#[derive(Debug, Clone)]
pub struct Local {
    pub port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Local {
    #[expect(
        clippy::disallowed_methods,
        reason = "it ends with the test's runtime, and is no task of the daemon"
    )]
    pub async fn answering(answers: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let keeps = got.clone();
        tokio::spawn(async move {
            let mut number = 0;
            while let Ok((stream, _)) = listener.accept().await {
                let answer = answers[number.min(answers.len() - 1)].clone();
                number += 1;
                let keeps = keeps.clone();
                tokio::spawn(async move {
                    if let Some(request) = exchange(stream, &answer).await {
                        keeps.lock().unwrap().push(request);
                    }
                });
            }
        });
        Self { port, got }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

/// Head and body of an answer.
pub fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
}

async fn exchange(mut stream: TcpStream, answer: &str) -> Option<Got> {
    let mut heard = Vec::new();
    let request = loop {
        if let Some(request) = whole(&heard) {
            break request;
        }
        if stream.read_buf(&mut heard).await.ok()? == 0 {
            return None;
        }
    };
    stream.write_all(answer.as_bytes()).await.ok()?;
    stream.shutdown().await.ok()?;
    Some(request)
}

fn whole(heard: &[u8]) -> Option<Got> {
    let end = heard.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&heard[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let raw = heard.get(end + 4..end + 4 + length)?.to_vec();
    Some(Got { line, headers, raw })
}
