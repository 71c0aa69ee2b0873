//! Commands that ask the daemon: `status`, `why`, `plan`, `plans`, `approve`, `reject`,
//! `recreate`, `history`, `runs`, `abort`, `brake`, `release`, `evidence`, `audit`, `drill`,
//! `notify`, `token`.
//!
//! Each asks over the admin socket, prints plain text for people or, with `--json`, the daemon's
//! own JSON (the contract's shapes) unchanged, and returns the exit code. What went wrong goes to
//! the error stream as one line; with `--json` also to the output, as the API's envelope.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use axum::http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::cli::look::Look;
use crate::domain::brake::BrakeScope;
use crate::domain::ids::FollowerKey;
use crate::domain::time::Timestamp;
use crate::evidence;
use crate::http::client::AdminClient;
use crate::http::dto::{Brakes, Clusters, Done, PlanNow, Plans, RecreateBody, RunDetail, Runs, Status, Why};
use crate::http::problem::Envelope;

pub mod audit;
mod drill;
mod groups;
mod history;
mod notify;
pub mod table;
mod text;
mod token;
mod watch;

/// Done.
pub const DONE: u8 = 0;
/// Failed, or unknown follower, hash or run.
pub const FAILED: u8 = 1;
/// Wrong use.
pub const WRONG_USE: u8 = 2;
/// A guard holds what was asked about.
pub const REFUSED: u8 = 3;

/// Digits of a plan's hash that must be given at least.
const MIN_PREFIX: usize = 8;

/// What a command needs beside its own arguments.
pub struct Session<'a> {
    client: AdminClient,
    json: bool,
    now: Timestamp,
    look: Look,
    out: &'a mut (dyn Write + Send),
    err: &'a mut (dyn Write + Send),
}

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("client", &self.client)
            .field("json", &self.json)
            .field("now", &self.now)
            .field("look", &self.look)
            .finish_non_exhaustive()
    }
}

/// Everything has been said already; what is left is the exit code.
type Asked<T> = Result<T, u8>;

impl<'a> Session<'a> {
    /// `now` is for "in 3h"; `json` is `--json`.
    pub fn new(
        socket: impl Into<PathBuf>,
        json: bool,
        now: Timestamp,
        out: &'a mut (dyn Write + Send),
        err: &'a mut (dyn Write + Send),
    ) -> Self {
        Self {
            client: AdminClient::new(socket),
            json,
            now,
            look: Look::default(),
            out,
            err,
        }
    }

    /// How the answers look; without it as in a pipe: whole and without colours.
    #[must_use]
    pub fn looking(mut self, look: Look) -> Self {
        self.look = look;
        self
    }

    /// Whoever closed our output (`| head`) has what they wanted.
    fn print(&mut self, text: &str) {
        drop(
            self.out
                .write_all(text.as_bytes())
                .and_then(|()| self.out.flush()),
        );
    }

    fn complain(&mut self, text: &str) {
        drop(writeln!(self.err, "refollow: {text}"));
    }

    fn print_json(&mut self, value: &Value) {
        let text = serde_json::to_string_pretty(value).unwrap_or_else(|_| value.to_string());
        self.print(&format!("{text}\n"));
    }

    fn wrong_use(&mut self, text: &str) -> u8 {
        self.complain(text);
        WRONG_USE
    }

    async fn ask(&mut self, method: Method, path: &str, body: Option<Value>) -> Asked<Value> {
        let (status, value) = match self.client.call(method, path, body.as_ref()).await {
            Ok(answer) => answer,
            Err(error) => {
                self.complain(&error.to_string());
                return Err(error.exit_code());
            }
        };
        if status.is_success() {
            return Ok(value);
        }
        if self.json {
            self.print_json(&value);
        }
        let Ok(problem) = serde_json::from_value::<Envelope>(value.clone()) else {
            self.complain(&format!("the daemon answered {status}: {value}"));
            return Err(FAILED);
        };
        let guard = problem
            .guard
            .as_ref()
            .map(|guard| format!("refused by {guard}: "))
            .unwrap_or_default();
        let remedy = problem
            .remedy
            .as_ref()
            .map(|remedy| format!("; {remedy}"))
            .unwrap_or_default();
        self.complain(&format!("{guard}{}{remedy}", problem.message));
        for mistake in problem
            .problems
            .iter()
            .filter(|mistake| **mistake != problem.message)
        {
            self.complain(&format!("  {mistake}"));
        }
        Err(problem.exit_code())
    }

    fn read<T: DeserializeOwned>(&mut self, value: Value) -> Asked<T> {
        serde_json::from_value(value).map_err(|error| {
            self.complain(&format!(
                "the daemon's answer is not understood ({error}); is it of another version? `--json` prints it"
            ));
            FAILED
        })
    }

    async fn get<T: DeserializeOwned>(&mut self, path: &str) -> Asked<T> {
        let value = self.ask(Method::GET, path, None).await?;
        self.read(value)
    }

    /// With `--json` the answer as it is, else `people` makes the text.
    async fn show<T: DeserializeOwned>(
        &mut self,
        method: Method,
        path: &str,
        body: Option<Value>,
        people: impl FnOnce(&T, Timestamp) -> String,
    ) -> Asked<()> {
        let value = self.ask(method, path, body).await?;
        if self.json {
            self.print_json(&value);
        } else {
            let answer: T = self.read(value)?;
            let text = people(&answer, self.now);
            self.print(&text);
        }
        Ok(())
    }

    async fn change(&mut self, method: Method, path: &str, body: Option<Value>) -> u8 {
        code(
            self.show(method, path, body, |done: &Done, _| text::done(done))
                .await,
        )
    }

    /// A whole hash from its beginning.
    async fn hash_of(&mut self, prefix: &str) -> Asked<String> {
        let prefix = prefix.to_ascii_lowercase();
        let digits = prefix.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !digits || prefix.len() < MIN_PREFIX || prefix.len() > 64 {
            return Err(self.wrong_use(&format!(
                "`{prefix}` is not the hash of a plan, nor at least {MIN_PREFIX} digits of its beginning"
            )));
        }
        if prefix.len() == 64 {
            return Ok(prefix);
        }
        let plans: Plans = self.get("/api/v1/plans").await?;
        let mut fitting: Vec<_> = plans
            .plans
            .iter()
            .map(|plan| plan.hash.as_str())
            .filter(|hash| hash.starts_with(&prefix))
            .collect();
        fitting.sort_unstable();
        fitting.dedup();
        match fitting.as_slice() {
            [one] => Ok((*one).to_owned()),
            [] => {
                self.complain(&format!(
                    "no plan's hash begins with {prefix}; `refollow plans` lists them"
                ));
                Err(FAILED)
            }
            several => {
                let list = several.join("\n  ");
                Err(self.wrong_use(&format!(
                    "{prefix} is the beginning of several plans; give more digits:\n  {list}"
                )))
            }
        }
    }

    fn follower(&mut self, text: &str) -> Asked<FollowerKey> {
        FollowerKey::parse(text).map_err(|error| self.wrong_use(&error.to_string()))
    }

    /// `refollow status`.
    pub async fn status(&mut self) -> u8 {
        code(self.try_status().await)
    }

    async fn try_status(&mut self) -> Asked<()> {
        let value = self.ask(Method::GET, "/api/v1/followers", None).await?;
        if self.json {
            self.print_json(&value);
            return Ok(());
        }
        let status: Status = self.read(value)?;
        let clusters: Clusters = self.get("/api/v1/clusters").await?;
        let brakes: Brakes = self.get("/api/v1/brakes").await?;
        let text = text::status(&status, &clusters, &brakes, self.now, self.look);
        self.print(&text);
        Ok(())
    }

    /// `refollow why <cluster>/<index>`.
    pub async fn why(&mut self, follower: &str) -> u8 {
        let path = match self.follower(follower) {
            Ok(key) => format!("{}/why", follower_path(&key)),
            Err(code) => return code,
        };
        let look = self.look;
        code(
            self.show(Method::GET, &path, None, |why: &Why, now| {
                text::why(why, now, look)
            })
            .await,
        )
    }

    /// `refollow plan <cluster>/<index>`, and what it would be with something asked for beside it.
    /// [`REFUSED`] where a guard holds it.
    pub async fn plan(&mut self, follower: &str, wished: &RecreateBody) -> u8 {
        let path = match self.follower(follower) {
            Ok(key) => format!("{}/plan{}", follower_path(&key), query(wished)),
            Err(code) => return code,
        };
        let value = match self.ask(Method::GET, &path, None).await {
            Ok(value) => value,
            Err(code) => return code,
        };
        let plan: PlanNow = match self.read(value.clone()) {
            Ok(plan) => plan,
            Err(code) => return code,
        };
        if self.json {
            self.print_json(&value);
        } else {
            let text = text::plan_now(&plan, self.now);
            self.print(&text);
        }
        let held = plan
            .plan
            .is_some_and(|plan| plan.item.guards.iter().any(|guard| !guard.passes()));
        if held { REFUSED } else { DONE }
    }

    /// `refollow evidence <cluster>/<index>`: always JSON, an evidence file.
    pub async fn evidence(&mut self, follower: &str) -> u8 {
        let path = match self.follower(follower) {
            Ok(key) => format!("{}/evidence", follower_path(&key)),
            Err(code) => return code,
        };
        match self.ask(Method::GET, &path, None).await {
            Ok(value) => {
                self.print(&evidence::text(&value));
                DONE
            }
            Err(code) => code,
        }
    }

    /// `refollow recreate <cluster>/<index>` and what is asked for beside it.
    pub async fn recreate(&mut self, follower: &str, body: &RecreateBody) -> u8 {
        match self.follower(follower) {
            Ok(key) => {
                let body = (*body != RecreateBody::default()).then(|| json!(body));
                self.change(Method::POST, &format!("{}/recreate", follower_path(&key)), body)
                    .await
            }
            Err(code) => code,
        }
    }

    /// `refollow acknowledge <cluster>/<index> --reason T`.
    pub async fn acknowledge(&mut self, follower: &str, reason: &str) -> u8 {
        match self.follower(follower) {
            Ok(key) => {
                let path = format!("{}/acknowledge", follower_path(&key));
                self.change(Method::POST, &path, Some(json!({ "reason": reason })))
                    .await
            }
            Err(code) => code,
        }
    }

    /// `refollow extend-runway <cluster>/<index> --to TIME`, or `--undo` (`None`).
    pub async fn extend_runway(&mut self, follower: &str, to: Option<Duration>) -> u8 {
        let body = match to {
            Some(to) => json!({ "to_seconds": to.as_secs().max(1) }),
            None => json!({ "undo": true }),
        };
        match self.follower(follower) {
            Ok(key) => {
                let path = format!("{}/extend-runway", follower_path(&key));
                self.change(Method::POST, &path, Some(body)).await
            }
            Err(code) => code,
        }
    }

    /// `refollow plans`.
    pub async fn plans(&mut self) -> u8 {
        code(
            self.show(Method::GET, "/api/v1/plans", None, |plans: &Plans, now| {
                text::plans(plans, now)
            })
            .await,
        )
    }

    /// `refollow approve <hash> [--note T] [--lose INDEX] [--override FACT]`; `hash` may be a unique beginning.
    /// An override is `(index, fact)`, the index typed by the person.
    pub async fn approve(
        &mut self,
        hash: &str,
        note: Option<&str>,
        lose: Option<&str>,
        overrides: &[(String, String)],
    ) -> u8 {
        let hash = match self.hash_of(hash).await {
            Ok(hash) => hash,
            Err(code) => return code,
        };
        let overrides: Vec<_> = overrides
            .iter()
            .map(|(index, fact)| json!({ "index": index, "fact": fact }))
            .collect();
        let body = json!({ "note": note, "lose": lose, "overrides": overrides });
        self.change(Method::POST, &format!("/api/v1/plans/{hash}/approve"), Some(body))
            .await
    }

    /// `refollow reject <hash> --reason T`.
    pub async fn reject(&mut self, hash: &str, reason: &str) -> u8 {
        match self.hash_of(hash).await {
            Ok(hash) => {
                let body = json!({ "reason": reason });
                self.change(Method::POST, &format!("/api/v1/plans/{hash}/reject"), Some(body))
                    .await
            }
            Err(code) => code,
        }
    }

    /// `refollow runs [--run ID]`: with an id that run alone, in the same JSON shape with its journal.
    pub async fn runs(&mut self, run: Option<&str>) -> u8 {
        let Some(run) = run else {
            return code(
                self.show(Method::GET, "/api/v1/runs", None, |runs: &Runs, now| {
                    text::runs(runs, now)
                })
                .await,
            );
        };
        code(self.one_run(run).await)
    }

    async fn one_run(&mut self, run: &str) -> Asked<()> {
        let value = self
            .ask(Method::GET, &format!("/api/v1/runs/{}", segment(run)), None)
            .await?;
        if self.json {
            self.print_json(&json!({ "runs": [value] }));
        } else {
            let detail: RunDetail = self.read(value)?;
            let text = text::run(&detail, self.now);
            self.print(&text);
        }
        Ok(())
    }

    /// `refollow abort <run>`.
    pub async fn abort(&mut self, run: &str) -> u8 {
        self.change(
            Method::POST,
            &format!("/api/v1/runs/{}/abort", segment(run)),
            None,
        )
        .await
    }

    /// `refollow brake <scope> --reason T [--for 2h]`.
    pub async fn brake(&mut self, scope: &str, reason: &str, length: Option<Duration>) -> u8 {
        let scope = match BrakeScope::parse(scope) {
            Ok(scope) => scope.to_string(),
            Err(error) => return self.wrong_use(&error),
        };
        let seconds = length.map(|length| length.as_secs().max(1));
        let body = json!({ "scope": scope, "reason": reason, "for_seconds": seconds });
        self.change(Method::PUT, "/api/v1/brakes", Some(body)).await
    }

    /// `refollow release <scope>`.
    pub async fn release(&mut self, scope: &str) -> u8 {
        match BrakeScope::parse(scope) {
            Ok(scope) => {
                self.change(
                    Method::DELETE,
                    "/api/v1/brakes",
                    Some(json!({ "scope": scope.to_string() })),
                )
                .await
            }
            Err(error) => self.wrong_use(&error),
        }
    }
}

fn code(asked: Asked<()>) -> u8 {
    asked.err().unwrap_or(DONE)
}

const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// One segment of a path; a name may hold what a path may not.
fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}

/// The wishes of a plan that is only looked at, as its route takes them.
fn query(wished: &RecreateBody) -> String {
    let overrides = wished
        .overrides
        .iter()
        .map(|wish| ("override", wish.fact.as_str()));
    let pairs: Vec<String> = overrides
        .chain(wished.snapshot.as_deref().map(|name| ("snapshot", name)))
        .chain(wished.lease.as_deref().map(|way| ("lease", way)))
        .chain(wished.beside.as_ref().map(|name| ("side_by_side", name.as_str())))
        .map(|(name, value)| format!("{name}={}", segment(value)))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("?{}", pairs.join("&"))
    }
}

fn follower_path(key: &FollowerKey) -> String {
    format!(
        "/api/v1/followers/{}/{}",
        segment(key.cluster.as_str()),
        segment(key.index.as_str())
    )
}
