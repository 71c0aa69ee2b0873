//! Other systems that can say no: asked on a beat, afresh before a run starts and before the PUT.
//!
//! Owns the questions and the reading of their answers. Anything but a clear "nothing stands in
//! the way" is no such word: an error, a late answer or an unknown shape is *unknown*, which the
//! guard `blockers` holds back on (safety 10).

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::domain::seen::Seen;
use crate::domain::time::millis_between;
use crate::elastic::net::{NetTransport, TransportSettings};
use crate::elastic::transport::{Credential, Method, Request, Transport as _};
use crate::engine::Engine;
use crate::policy::BlockerWord;

/// An answer is no longer than this.
const LONGEST_ANSWER: u64 = 4 * 1024 * 1024;
/// While a run is in flight, answers are kept younger than this.
const IN_FLIGHT_EVERY: Duration = Duration::from_secs(5);
/// Characters of a foreign text that are shown.
const SHOWN: usize = 200;

/// One system to ask.
#[derive(Debug, Clone)]
pub struct Blocker {
    /// Its name in the configuration.
    pub name: String,
    /// What is asked.
    pub asks: Asks,
    /// Time between two questions.
    pub every: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
    /// It stops recreates only.
    pub recreate_only: bool,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Asks {
    /// A query that must give an empty vector, or a scalar that is not above 0.
    Prometheus {
        /// Where.
        server: TransportSettings,
        /// The expression.
        query: String,
    },
    /// No alert and no silence may match.
    Alertmanager {
        /// Where.
        server: TransportSettings,
        /// Matchers, all of which must fit.
        matchers: Vec<String>,
    },
    /// The file must not exist.
    File(PathBuf),
    /// Must answer 200 with `{"block": false}`.
    Webhook(TransportSettings),
}

impl Blocker {
    /// Its standing before it was asked.
    pub(crate) fn not_asked(&self) -> BlockerWord {
        BlockerWord {
            name: self.name.clone(),
            recreate_only: self.recreate_only,
            asked_at: None,
            good_for: self.every.saturating_mul(2) + self.timeout,
            says: Seen::unknown("not asked yet"),
        }
    }

    /// Asks once. Present: it blocks, and why; absent: nothing stands in the way.
    pub async fn ask(&self) -> Seen<String> {
        let asked = tokio::time::timeout(self.timeout, self.answer()).await;
        match asked {
            Ok(Ok(Some(why))) => Seen::Present(why),
            Ok(Ok(None)) => Seen::Absent,
            Ok(Err(why)) => Seen::unknown(why),
            Err(_) => Seen::unknown(format!("no answer within {:?}", self.timeout)),
        }
    }

    async fn answer(&self) -> Result<Option<String>, String> {
        match &self.asks {
            Asks::File(path) => match tokio::fs::try_exists(path).await {
                Ok(true) => Ok(Some(format!("the file {} exists", path.display()))),
                Ok(false) => Ok(None),
                Err(error) => Err(format!("{}: {error}", path.display())),
            },
            Asks::Prometheus { server, query } => {
                let target = format!("/api/v1/query?query={}", encoded(query));
                prometheus(&self.get(server, target).await?)
            }
            Asks::Alertmanager { server, matchers } => {
                let mut filters = String::new();
                for matcher in matchers {
                    filters.push_str("&filter=");
                    filters.push_str(&encoded(matcher));
                }
                let alerts = format!("/api/v2/alerts?active=true&silenced=false&inhibited=false{filters}");
                let alerts = alert(&self.get(server, alerts).await?)?;
                if alerts.is_some() {
                    return Ok(alerts);
                }
                let filters = filters.trim_start_matches('&');
                silence(&self.get(server, format!("/api/v2/silences?{filters}")).await?)
            }
            Asks::Webhook(server) => webhook(&self.get(server, String::new()).await?),
        }
    }

    /// The JSON of a 200; anything else is no answer.
    async fn get(&self, server: &TransportSettings, target: String) -> Result<Value, String> {
        let transport = NetTransport::new(server).map_err(|error| error.to_string())?;
        let request = Request {
            method: Method::Get,
            target,
            body: None,
            credential: Credential::Read,
            deadline: self.timeout,
            changes: false,
            max_answer_bytes: LONGEST_ANSWER,
        };
        let response = transport.send(request).await.map_err(|error| error.to_string())?;
        if response.status != 200 {
            let body = String::from_utf8_lossy(&response.body);
            return Err(format!("it answered {}: {}", response.status, shown(&body)));
        }
        serde_json::from_slice(&response.body).map_err(|error| format!("its answer is not JSON: {error}"))
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

/// `GET /api/v1/query` (Prometheus HTTP API): a vector that is not empty or a scalar above 0 blocks.
fn prometheus(answer: &Value) -> Result<Option<String>, String> {
    if answer["status"] != "success" {
        return Err(format!(
            "the query failed: {}",
            shown(&answer["error"].to_string())
        ));
    }
    let result = &answer["data"]["result"];
    let found = match answer["data"]["resultType"].as_str() {
        Some("vector") => {
            let samples = result.as_array().ok_or("the result is no list")?;
            samples.first().map(|first| {
                format!(
                    "the query gives {} series, the first is {} = {}",
                    samples.len(),
                    shown(&first["metric"].to_string()),
                    shown(first["value"][1].as_str().unwrap_or("?"))
                )
            })
        }
        Some("scalar") => {
            let text = result[1].as_str().ok_or("the scalar has no value")?;
            let value: f64 = text
                .parse()
                .map_err(|_| format!("`{}` is no number", shown(text)))?;
            if value.is_nan() {
                return Err("the query gives NaN".to_owned());
            }
            (value > 0.0).then(|| format!("the query gives {value}"))
        }
        other => {
            return Err(format!(
                "the query gives {other:?} and should give a vector or a scalar"
            ));
        }
    };
    // A part of the storage did not answer: what is missing may be what would block.
    let partial = answer["warnings"].as_array().filter(|list| !list.is_empty());
    match (found, partial) {
        (None, Some(warnings)) => Err(format!(
            "the answer is not whole: {}",
            shown(&Value::from(warnings.clone()).to_string())
        )),
        (found, _) => Ok(found),
    }
}

/// `GET /api/v2/alerts` (Alertmanager): the first alert that matches.
fn alert(answer: &Value) -> Result<Option<String>, String> {
    let alerts = answer.as_array().ok_or("the alerts are no list")?;
    Ok(alerts.first().map(|first| {
        format!(
            "{} alerts match, the first is {}",
            alerts.len(),
            shown(&first["labels"].to_string())
        )
    }))
}

/// `GET /api/v2/silences`: the first silence that is in force and matches.
fn silence(answer: &Value) -> Result<Option<String>, String> {
    for silence in answer.as_array().ok_or("the silences are no list")? {
        match silence["status"]["state"].as_str() {
            Some("active") => {
                return Ok(Some(format!(
                    "silence {} of {} matches: {}",
                    shown(silence["id"].as_str().unwrap_or("?")),
                    shown(silence["createdBy"].as_str().unwrap_or("somebody")),
                    shown(silence["comment"].as_str().unwrap_or_default())
                )));
            }
            Some("pending" | "expired") => {}
            other => return Err(format!("a silence has the state {other:?}")),
        }
    }
    Ok(None)
}

/// Only `{"block": false}` lets pass.
fn webhook(answer: &Value) -> Result<Option<String>, String> {
    match &answer["block"] {
        Value::Bool(false) => Ok(None),
        Value::Bool(true) => Ok(Some(
            answer["reason"]
                .as_str()
                .map_or_else(|| "it says so".to_owned(), shown),
        )),
        _ => Err("its answer has no `block` that is true or false".to_owned()),
    }
}

impl Engine {
    /// Asks every blocker whose last answer is older than `at_most`, all at once.
    pub(crate) async fn ask_blockers(&self, at_most: Duration) {
        let now = self.now();
        let due: Vec<Arc<Blocker>> = {
            let book = self.lock();
            let due = |blocker: &&Arc<Blocker>| {
                let word = book.blockers.iter().find(|word| word.name == blocker.name);
                let limit = i64::try_from(at_most.min(blocker.every).as_millis()).unwrap_or(i64::MAX);
                word.and_then(|word| word.asked_at)
                    .is_none_or(|at| !(0..limit).contains(&millis_between(at, now)))
            };
            book.settings.blockers.iter().filter(due).cloned().collect()
        };
        let answers = due.iter().map(|blocker| async move {
            // Counted from the question: what happened since then is not in the answer.
            let at = self.now();
            (blocker, at, blocker.ask().await)
        });
        for (blocker, at, says) in futures::future::join_all(answers).await {
            let mut book = self.lock();
            book.blocker_said(&blocker.name, at, says);
        }
    }

    /// Asks on each blocker's beat, and more often while a run is in flight.
    pub(crate) async fn watch_blockers(self: Arc<Self>, cancel: CancellationToken) {
        loop {
            let at_most = if self.lock().any_run() {
                IN_FLIGHT_EVERY
            } else {
                Duration::MAX
            };
            tokio::select! {
                () = cancel.cancelled() => return,
                () = self.ask_blockers(at_most) => {}
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(Duration::from_secs(1)) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::json;

    use super::*;
    use crate::elastic::net::Endpoint;

    #[test]
    fn prometheus_blocks_on_any_series_and_on_a_scalar_above_nothing() {
        let vector = |samples: Value| json!({"status": "success", "data": {"resultType": "vector", "result": samples}});
        let scalar = |text: &str| json!({"status": "success", "data": {"resultType": "scalar", "result": [1.0, text]}});
        assert_eq!(prometheus(&vector(json!([]))), Ok(None));
        let one = json!([{"metric": {"job": "deploy"}, "value": [1.0, "0"]}]);
        assert!(prometheus(&vector(one)).unwrap().unwrap().contains("deploy"));
        assert_eq!(prometheus(&scalar("0")), Ok(None));
        assert_eq!(prometheus(&scalar("-1")), Ok(None));
        assert!(prometheus(&scalar("0.5")).unwrap().is_some());
        let mut partial = vector(json!([]));
        partial["warnings"] = json!(["a store did not answer"]);
        for unusable in [
            partial,
            scalar("NaN"),
            scalar("x"),
            json!({"status": "error", "error": "bad query"}),
            json!({"status": "success", "data": {"resultType": "matrix", "result": []}}),
            json!({"status": "success"}),
            json!([]),
            Value::Null,
        ] {
            assert!(prometheus(&unusable).is_err(), "{unusable}");
        }
    }

    #[test]
    fn alertmanager_names_what_matches_and_expired_silences_do_not_count() {
        assert_eq!(alert(&json!([])), Ok(None));
        let firing = json!([{"labels": {"alertname": "Maintenance"}}]);
        assert!(alert(&firing).unwrap().unwrap().contains("Maintenance"));
        let silences = |state: &str| json!([{"id": "s1", "createdBy": "ann", "comment": "move", "status": {"state": state}}]);
        assert_eq!(silence(&silences("expired")), Ok(None));
        assert!(
            silence(&silences("active"))
                .unwrap()
                .unwrap()
                .contains("s1 of ann")
        );
        for unusable in [json!({}), Value::Null, json!("x")] {
            assert!(alert(&unusable).is_err() && silence(&unusable).is_err());
        }
        assert!(silence(&silences("new")).is_err());
    }

    #[test]
    fn a_webhook_lets_pass_only_with_false() {
        assert_eq!(webhook(&json!({"block": false})), Ok(None));
        let no = webhook(&json!({"block": true, "reason": "month end"}));
        assert_eq!(no, Ok(Some("month end".to_owned())));
        for unusable in [
            json!({}),
            json!({"block": "false"}),
            json!({"block": 0}),
            json!({"block": null}),
            json!([]),
        ] {
            assert!(webhook(&unusable).is_err(), "{unusable}");
        }
    }

    fn blocker(asks: Asks) -> Blocker {
        Blocker {
            name: "x".to_owned(),
            asks,
            every: Duration::from_secs(30),
            timeout: Duration::from_millis(500),
            recreate_only: false,
        }
    }

    async fn served(router: Router) -> TransportSettings {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tasks = crate::tasks::Tasks::new();
        tasks.spawn("server", |_| async move {
            drop(axum::serve(listener, router).await);
        });
        TransportSettings::new(Endpoint::parse(&format!("http://{address}")).unwrap())
    }

    #[tokio::test]
    async fn real_servers_are_asked_as_their_apis_say() {
        let router = Router::new()
            .route(
                "/api/v1/query",
                get(|query: axum::extract::RawQuery| async move {
                    let busy = query.0.as_deref() == Some("query=up%20%3D%3D%201");
                    let samples = if busy {
                        json!([{"metric": {}, "value": [1, "1"]}])
                    } else {
                        json!([])
                    };
                    axum::Json(
                        json!({"status": "success", "data": {"resultType": "vector", "result": samples}}),
                    )
                }),
            )
            .route(
                "/api/v2/alerts",
                get(|query: axum::extract::RawQuery| async move {
                    let filtered = query.0.unwrap_or_default().contains("&filter=team%3D%22a%22");
                    axum::Json(if filtered {
                        json!([])
                    } else {
                        json!([{"labels": {}}])
                    })
                }),
            )
            .route(
                "/api/v2/silences",
                get(async || axum::Json(json!([{"id": "s", "status": {"state": "active"}}]))),
            )
            .route("/", get(async || axum::Json(json!({"block": false}))))
            .route("/broken", get(async || StatusCode::INTERNAL_SERVER_ERROR));
        let server = served(router).await;
        let at = |path: &str| {
            let url = format!("{}{path}", server.endpoint.as_str());
            TransportSettings::new(Endpoint::parse(&url).unwrap())
        };
        let prometheus = |query: &str| {
            blocker(Asks::Prometheus {
                server: server.clone(),
                query: query.to_owned(),
            })
        };
        assert!(matches!(prometheus("up == 1").ask().await, Seen::Present(_)));
        assert_eq!(prometheus("up == 2").ask().await, Seen::Absent);
        let alertmanager = blocker(Asks::Alertmanager {
            server: server.clone(),
            matchers: vec!["team=\"a\"".to_owned()],
        });
        assert!(matches!(alertmanager.ask().await, Seen::Present(why) if why.contains("silence s")));
        assert_eq!(blocker(Asks::Webhook(at(""))).ask().await, Seen::Absent);
        assert!(
            matches!(blocker(Asks::Webhook(at("/broken"))).ask().await, Seen::Unknown(why) if why.contains("500"))
        );
        assert!(matches!(
            blocker(Asks::Webhook(at("/nothing"))).ask().await,
            Seen::Unknown(_)
        ));
    }

    #[tokio::test]
    async fn nobody_there_a_late_answer_and_an_unreadable_file_are_no_word() {
        let gone = TransportSettings::new(Endpoint::parse("http://127.0.0.1:1").unwrap());
        assert!(matches!(
            blocker(Asks::Webhook(gone)).ask().await,
            Seen::Unknown(_)
        ));
        let hangs = Router::new().route("/", get(std::future::pending::<StatusCode>));
        let late = blocker(Asks::Webhook(served(hangs).await)).ask().await;
        assert!(
            matches!(&late, Seen::Unknown(why) if why.contains("no answer within")),
            "{late:?}"
        );
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("deploy");
        let by_file = |path: PathBuf| async move { blocker(Asks::File(path)).ask().await };
        assert_eq!(by_file(file.clone()).await, Seen::Absent);
        std::fs::write(&file, "").unwrap();
        assert!(matches!(by_file(file.clone()).await, Seen::Present(_)));
        // A file where a directory should be: the system cannot say.
        assert!(matches!(
            by_file(file.join("x")).await,
            Seen::Unknown(_) | Seen::Absent
        ));
    }
}
