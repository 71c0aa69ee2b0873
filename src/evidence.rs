//! The evidence file `refollow-evidence/1` (contract, *Evidence file*): reading one into facts
//! and memory, making one from answers, and `diagnose`.
//!
//! Reading is strict about the format and the names that everything hangs on, tolerant of every
//! `null` and unknown field elsewhere. Nothing here talks to a cluster, a store or a clock. Time
//! and memory are bounded by the size of the input; depth by `serde_json`'s limit of 128.

mod build;
mod remembered;
mod scrub;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::facts::Facts;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use crate::domain::memory::Memory;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;
use crate::elastic::wire;
use crate::judge;

pub use build::{Subject, build};
pub use remembered::Remembered;
pub use scrub::scrub;

/// The format's name and version.
pub const FORMAT: &str = "refollow-evidence/1";

/// One evidence file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Evidence {
    /// Always [`FORMAT`].
    pub format: String,
    /// When it was taken: the judge's now.
    pub taken_at: Option<String>,
    /// Name of the follower cluster.
    pub follower_cluster: String,
    /// Name of the leader cluster; `None`: it could not be looked at.
    #[serde(default)]
    pub leader_cluster: Option<String>,
    /// The alias.
    #[serde(default)]
    pub remote_cluster: Option<String>,
    /// The follower index.
    pub follower_index: String,
    /// The leader index.
    #[serde(default)]
    pub leader_index: Option<String>,
    /// What was remembered; read leniently (see [`Remembered`]).
    #[serde(default)]
    pub remembered: Option<Value>,
    /// What the clusters answered, several looks in the order of time.
    #[serde(default, deserialize_with = "responses")]
    pub responses: Vec<Response>,
    /// The decision's reasons, where the daemon wrote the file; not judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Value>,
}

/// One call and its answer. A response that names no call or cluster tells nothing and is left out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Response {
    /// When the answer came.
    #[serde(default)]
    pub at: Option<Value>,
    /// Which cluster.
    #[serde(default)]
    pub cluster: Option<Value>,
    /// Method; `GET` where it is missing.
    #[serde(default)]
    pub method: Option<Value>,
    /// Path and query.
    #[serde(default)]
    pub path: Option<Value>,
    /// HTTP status; `null`: no answer came.
    #[serde(default)]
    pub status: Option<Value>,
    /// The body, as it came.
    #[serde(default)]
    pub body: Option<Box<RawValue>>,
}

/// Reads the responses one by one: an entry that is none is left out, the others stay.
fn responses<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<Response>, D::Error> {
    let list: Option<Vec<Box<RawValue>>> = Option::deserialize(deserializer)?;
    Ok(list
        .unwrap_or_default()
        .iter()
        .filter_map(|raw| serde_json::from_str(raw.get()).ok())
        .collect())
}

/// An evidence file as text: a line for each field and each response, so that it fits into a
/// ticket and `grep` finds the call.
pub fn text(file: &Value) -> String {
    let Value::Object(fields) = file else {
        return format!("{file}\n");
    };
    let lines: Vec<String> = fields
        .iter()
        .map(|(name, value)| {
            let name = Value::String(name.clone());
            match value {
                Value::Array(list) if !list.is_empty() => {
                    let entries: Vec<String> = list.iter().map(|one| format!("    {one}")).collect();
                    format!("  {name}: [\n{}\n  ]", entries.join(",\n"))
                }
                other => format!("  {name}: {other}"),
            }
        })
        .collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// What an evidence file says, ready to be judged.
#[derive(Debug)]
pub struct Case {
    /// Facts of the follower.
    pub facts: Facts,
    /// What was remembered of it.
    pub memory: Option<Memory>,
}

impl Evidence {
    /// Reads a file.
    ///
    /// # Errors
    /// A sentence that says why it is not an evidence file.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let parsed: Self =
            serde_json::from_slice(bytes).map_err(|error| format!("it is not an evidence file ({error})"))?;
        if parsed.format != FORMAT {
            return Err(format!(
                "its format is `{}`, and only `{FORMAT}` is understood",
                wire::beginning(parsed.format.as_bytes())
            ));
        }
        Ok(parsed)
    }

    /// The follower it is about.
    ///
    /// # Errors
    /// Says which name is none.
    pub fn follower(&self) -> Result<FollowerKey, String> {
        Ok(FollowerKey {
            cluster: ClusterName::parse(&self.follower_cluster)
                .map_err(|error| format!("follower_cluster: {error}"))?,
            index: IndexName::parse(&self.follower_index)
                .map_err(|error| format!("follower_index: {error}"))?,
        })
    }

    /// Facts and memory.
    ///
    /// # Errors
    /// Says which name is none, or that `taken_at` is no instant and no answer has one.
    pub fn case(&self) -> Result<Case, String> {
        let key = self.follower()?;
        let answers = self.answers();
        let newest = answers.iter().map(|answer| answer.at).max();
        let now = match (&self.taken_at, newest) {
            (Some(text), newest) => match (text.parse::<Timestamp>(), newest) {
                // What was answered later than that is still known.
                (Ok(taken), newest) => newest.map_or(taken, |newest| newest.max(taken)),
                (Err(_), Some(newest)) => newest,
                (Err(_), None) => {
                    return Err(format!(
                        "taken_at: `{}` is no instant",
                        wire::beginning(text.as_bytes())
                    ));
                }
            },
            (None, Some(newest)) => newest,
            (None, None) => return Err("it has neither `taken_at` nor an answer".to_owned()),
        };
        // A name that is none is as good as none: less is known then.
        let leader_cluster = self
            .leader_cluster
            .as_deref()
            .and_then(|name| ClusterName::parse(name).ok());
        let remote = self
            .remote_cluster
            .as_deref()
            .and_then(|name| RemoteAlias::parse(name).ok());
        let leader_index = self
            .leader_index
            .as_deref()
            .and_then(|name| IndexName::parse(name).ok());
        let memory = self
            .remembered
            .as_ref()
            .filter(|value| !value.is_null())
            .map(|value| Remembered::read(value).memory);
        Ok(Case {
            facts: wire::gather(key, leader_cluster, remote, leader_index, now, &answers),
            memory,
        })
    }

    /// The answers it holds. One without an instant is put at `taken_at`.
    pub fn answers(&self) -> Vec<Answer> {
        let taken = self
            .taken_at
            .as_deref()
            .and_then(|text| text.parse::<Timestamp>().ok());
        self.responses
            .iter()
            .filter_map(|response| response.answer(taken))
            .collect()
    }
}

impl Response {
    fn answer(&self, taken: Option<Timestamp>) -> Option<Answer> {
        let text = |value: &Option<Value>| value.as_ref()?.as_str().map(str::to_owned);
        let at = text(&self.at)
            .and_then(|at| at.parse::<Timestamp>().ok())
            .or(taken)?;
        let cluster = ClusterName::parse(&text(&self.cluster)?).ok()?;
        let call = Call {
            method: text(&self.method).unwrap_or_else(|| "GET".to_owned()).into(),
            path: text(&self.path)?.into(),
        };
        let status = self
            .status
            .as_ref()
            .and_then(Value::as_u64)
            .and_then(|status| u16::try_from(status).ok());
        let outcome = match status {
            None => Outcome::Failed("no status was recorded".into()),
            Some(status) => Outcome::Got {
                status,
                body: match &self.body {
                    Some(body) => Bytes::copy_from_slice(body.get().as_bytes()),
                    None => Bytes::new(),
                },
            },
        };
        Some(Answer {
            at,
            cluster,
            call,
            outcome,
        })
    }
}

/// The answer of `diagnose` for one file (contract, *Command line*).
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Diagnosis<'a> {
    Judged {
        file: &'a str,
        follower: String,
        state: crate::domain::state::State,
        cause: crate::domain::cause::Cause,
        also: Vec<crate::domain::cause::Cause>,
        ladder: Vec<crate::domain::cause::Remedy>,
        approval: crate::domain::cause::Approval,
        evidence: Vec<crate::domain::verdict::Evidence>,
    },
    Unreadable {
        file: &'a str,
        error: String,
    },
}

/// Judges the evidence in one file's bytes.
///
/// # Errors
/// A sentence that says why it is not an evidence file.
pub fn verdict(bytes: &[u8]) -> Result<(FollowerKey, Verdict), String> {
    let evidence = Evidence::parse(bytes)?;
    let case = evidence.case()?;
    let verdict = judge::judge(&case.facts, case.memory.as_ref());
    Ok((case.facts.key, verdict))
}

/// The JSON that `diagnose` prints for one file.
pub fn diagnose(file: &str, bytes: &[u8]) -> Value {
    let diagnosis = match verdict(bytes) {
        Ok((follower, verdict)) => Diagnosis::Judged {
            file,
            follower: follower.to_string(),
            state: verdict.state,
            cause: verdict.cause,
            also: verdict.also,
            ladder: verdict.ladder,
            approval: verdict.approval,
            evidence: verdict.evidence,
        },
        Err(error) => Diagnosis::Unreadable { file, error },
    };
    serde_json::to_value(&diagnosis).unwrap_or(Value::Null)
}

/// Largest file that `diagnose` reads, in bytes: far beyond what `evidence` writes.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// `refollow diagnose FILE…`: one entry per file in the order given, and the exit code (2 when
/// any file cannot be read as evidence; the rest is still judged).
pub fn diagnose_all(paths: &[PathBuf]) -> (Vec<Value>, u8) {
    let mut code = 0;
    let results = paths
        .iter()
        .map(|path| {
            let name = path.display().to_string();
            let value = match read(path) {
                Ok(bytes) => diagnose(&name, &bytes),
                Err(error) => serde_json::json!({ "file": name, "error": error }),
            };
            if value.get("error").is_some() {
                code = 2;
            }
            value
        })
        .collect();
    (results, code)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    let size = std::fs::metadata(path)
        .map_err(|error| format!("it cannot be read: {error}"))?
        .len();
    if size > MAX_FILE_BYTES {
        return Err(format!("it has {size} bytes; at most {MAX_FILE_BYTES} are read"));
    }
    std::fs::read(path).map_err(|error| format!("it cannot be read: {error}"))
}
