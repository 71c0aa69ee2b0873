//! `refollow audit`: through the daemon, or from its state where the daemon is down or the state is named.
#![expect(clippy::format_push_string, reason = "a few lines per record, read by people")]

use std::time::Duration;

use axum::http::Method;
use serde_json::Value;

use crate::app::audit::{show_state, verify_state};
use crate::cli::client::table::{instant, wrap};
use crate::cli::client::{Asked, DONE, FAILED, Session, segment};
use crate::domain::ids::{FollowerKey, RunId};
use crate::domain::time::Timestamp;
use crate::http::dto::{AuditItem, AuditStory, AuditVerdict, AuditWanted};

/// Where the log is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Through the daemon; where it cannot be reached, from this state.
    Daemon {
        /// The state that the configuration names, where it could be read.
        or_state: Option<String>,
    },
    /// From this state, whether a daemon runs or not.
    State(String),
}

impl Session<'_> {
    /// `refollow audit verify`: 0 where the whole chain fits, 1 with the first record that does not.
    pub async fn audit_verify(&mut self, source: &Source) -> u8 {
        let verdict = match source {
            Source::State(url) => Err(url.clone()),
            Source::Daemon { or_state } => {
                match self.of_daemon("/api/v1/audit/verify", or_state.as_deref()).await {
                    Ok(answer) => answer,
                    Err(code) => return code,
                }
            }
        };
        let verdict: AuditVerdict = match verdict {
            Ok(value) => match self.read(value) {
                Ok(verdict) => verdict,
                Err(code) => return code,
            },
            Err(url) => match verify_state(&url).await {
                Ok(verdict) => verdict,
                Err(error) => return self.failed(&error.to_string()),
            },
        };
        if self.json {
            self.print_json(&serde_json::json!(verdict));
        } else {
            self.print(&said_of(&verdict));
        }
        if verdict.whole { DONE } else { FAILED }
    }

    /// `refollow audit show [--run ID] [--follower C/I] [--since TIME] [--limit N]`.
    pub async fn audit_show(
        &mut self,
        source: &Source,
        run: Option<RunId>,
        follower: Option<FollowerKey>,
        since: Option<Duration>,
        limit: u32,
    ) -> u8 {
        let since = since.map(|length| {
            let length = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
            self.now.checked_sub(length).unwrap_or(Timestamp::MIN)
        });
        let wanted = AuditWanted {
            run,
            follower,
            since,
            limit,
        };
        let story = match source {
            Source::State(url) => Err(url.clone()),
            Source::Daemon { or_state } => match self.of_daemon(&path_of(&wanted), or_state.as_deref()).await
            {
                Ok(answer) => answer,
                Err(code) => return code,
            },
        };
        let story: AuditStory = match story {
            Ok(value) => match self.read(value) {
                Ok(story) => story,
                Err(code) => return code,
            },
            Err(url) => match show_state(&url, wanted).await {
                Ok(story) => story,
                Err(error) => return self.failed(&error.to_string()),
            },
        };
        if self.json {
            self.print_json(&serde_json::json!(story));
        } else {
            self.print(&told(&story));
        }
        DONE
    }

    /// The daemon's answer; `Err` inside: it cannot be reached, read this state instead.
    async fn of_daemon(&mut self, path: &str, or_state: Option<&str>) -> Asked<Result<Value, String>> {
        if let (Some(url), Err(error)) = (or_state, self.client.reachable().await) {
            self.complain(&format!("{error}\nreading the state itself: {url}"));
            return Ok(Err(url.to_owned()));
        }
        self.ask(Method::GET, path, None).await.map(Ok)
    }

    fn failed(&mut self, text: &str) -> u8 {
        self.complain(text);
        FAILED
    }
}

fn path_of(wanted: &AuditWanted) -> String {
    let mut path = format!("/api/v1/audit?limit={}", wanted.limit);
    let texts = [
        ("run", wanted.run.as_ref().map(ToString::to_string)),
        ("follower", wanted.follower.as_ref().map(ToString::to_string)),
        ("since", wanted.since.map(|at| at.to_string())),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            path += &format!("&{name}={}", segment(&text));
        }
    }
    path
}

fn said_of(verdict: &AuditVerdict) -> String {
    match (verdict.broken_at, &verdict.problem) {
        (Some(seq), problem) => format!(
            "The audit log is broken at record {seq}: {}. The {} before it are as they were written.\n",
            problem.as_deref().unwrap_or("it does not fit"),
            verdict.records
        ),
        (None, _) => format!(
            "The audit log is whole: {} records, each continues the one before.\n",
            verdict.records
        ),
    }
}

fn told(story: &AuditStory) -> String {
    if story.records.is_empty() {
        return "The audit log has nothing of that.\n".to_owned();
    }
    let mut out = String::new();
    for record in &story.records {
        let lead = format!("{}  #{:<5} ", instant(record.at), record.seq);
        out += &wrap(&lead, &sentence(record));
    }
    out
}

/// One record as a sentence: what, by whom, about what, and what came of it.
fn sentence(record: &AuditItem) -> String {
    let detail = &record.detail;
    let text = |name: &str| detail[name].as_str().map(str::to_owned);
    let (who, subject) = (&record.who, &record.subject);
    let because = text("reason").map(|why| format!(": {why}")).unwrap_or_default();
    match record.kind.as_str() {
        "request_sent" => request(record),
        "plan_made" => format!(
            "plan {} for {} made by {who}: {} ({})",
            short(subject),
            text("follower").unwrap_or_default(),
            words(&detail["ladder"]),
            text("cause").unwrap_or_default()
        ),
        "approved" | "rejected" => {
            let note = text("note").map(|note| format!(" ({note})")).unwrap_or_default();
            format!("plan {} {} by {who}{note}{because}", short(subject), record.kind)
        }
        kind if kind.starts_with("plan_") => {
            let why = detail["state"]["reason"]
                .as_str()
                .map(|why| format!(": {why}"))
                .unwrap_or_default();
            let run = detail["state"]["run"]
                .as_str()
                .map(|run| format!(", run {run}"))
                .unwrap_or_default();
            format!("plan {} is {} by {who}{run}{why}", short(subject), &kind[5..])
        }
        "run_opened" => format!(
            "run {} on {subject} opened, let by {}",
            text("run").unwrap_or_default(),
            trigger(&detail["trigger"])
        ),
        "run_ended" => {
            let must = text("person_must")
                .map(|must| format!("; a person must: {must}"))
                .unwrap_or_default();
            format!(
                "run {} on {subject} ended {}{because}{must}",
                text("run").unwrap_or_default(),
                text("outcome").unwrap_or_default()
            )
        }
        kind => {
            let rest = match detail {
                Value::Null => String::new(),
                Value::Object(map) if map.is_empty() => String::new(),
                other => format!(" {other}"),
            };
            format!("{} {subject} by {who}{rest}", kind.replace('_', " "))
        }
    }
}

fn request(record: &AuditItem) -> String {
    let detail = &record.detail;
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    let answer = &detail["answer"];
    let part = |name: &str| answer[name].as_str().unwrap_or_default();
    let status = &answer["status"];
    let answered = match part("answer") {
        "accepted" => format!("answered {status}"),
        "refused" => format!("refused with {status}: {} {}", part("kind"), part("reason")),
        "not_sent" => format!("not sent: {}", part("why")),
        _ => format!("answer not known: {}", part("why")),
    };
    let took = text("sent_at")
        .parse::<Timestamp>()
        .ok()
        .map(|sent| format!(" after {} ms", record.at.as_millisecond() - sent.as_millisecond()))
        .unwrap_or_default();
    let body = match &detail["body"] {
        Value::Null => String::new(),
        body => format!(" {body}"),
    };
    let place = if text("url").is_empty() {
        text("cluster")
    } else {
        text("url")
    };
    format!(
        "{}: {} {place}{}{body} by {}, {answered}{took}",
        text("step"),
        text("method"),
        text("path"),
        record.who
    )
}

fn trigger(trigger: &Value) -> String {
    match trigger["trigger"].as_str() {
        Some("approved") => format!("the approval of {}", words(&trigger["by"])),
        _ => match &trigger["rule"] {
            Value::Null => "the policy".to_owned(),
            rule => format!("policy rule {rule}"),
        },
    }
}

fn words(list: &Value) -> String {
    let words: Vec<&str> = list
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    words.join(", ")
}

/// Digits of a hash that are shown: enough to be unique.
fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}
