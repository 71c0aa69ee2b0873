//! The routes over TCP and over the admin socket, in front of a daemon that only remembers what it was asked.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::http::{Method, StatusCode};
use futures::FutureExt as _;
use refollow::domain::access::{Grant, Token};
use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::decision::{DecisionKind, GuardResult};
use refollow::domain::facts::Parameters;
use refollow::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, IndexName, IndexUuid, PlanHash, RemoteAlias, RunId,
};
use refollow::domain::incident::IncidentKind;
use refollow::domain::journal::{Entry, Event, RunOutcome};
use refollow::domain::plan::{Difference, LeaseWay, PLAN_FORMAT, Plan, PlanBasis, PlanFigures, Replaced};
use refollow::domain::state::State;
use refollow::domain::time::Timestamp;
use refollow::domain::trend::Point;
use refollow::domain::verdict::Evidence;
use refollow::http::client::AdminClient;
use refollow::http::dto::{
    ApproveBody, AuditItem, AuditStory, AuditVerdict, AuditWanted, BrakeItem, BrakeRequest, Brakes, Caller,
    ClusterItem, Clusters, Daemon, Done, EventItem, Events, FollowerItem, IncidentItem, NotifyTestBody, Past,
    PastBegan, PastChange, PastPoint, PastWanted, PatternItem, PlanDetail, PlanItem, PlanNow, Plans, Problem,
    ProblemKind, RecreateBody, Reply, RunDetail, RunItem, Runs, RunwayRequest, Status, StepItem,
    TriedReceiver, TriedReceivers, Why,
};
use refollow::http::{Server, Settings};
use refollow::tasks::Tasks;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// What it was asked to change, and by whom.
pub struct FakeDaemon {
    pub asked: Mutex<Vec<String>>,
    pub missing: Mutex<Vec<String>>,
    /// What the chain of the audit log is said to be; `None`: whole.
    pub audit_verdict: Option<AuditVerdict>,
    /// Changing calls wait for this before they count as done.
    pub slow: Option<Arc<tokio::sync::Notify>>,
    pub tokens: Mutex<Vec<Token>>,
    pub reading_needs_no_token: bool,
    /// What somebody else wrote into every text that is shown.
    pub hostile: Option<&'static str>,
    pub tls: Option<refollow::http::tls::TlsFiles>,
    pub people: Vec<refollow::domain::named::Holder>,
    pub proxy: Option<refollow::http::proxy::Proxy>,
}

impl Default for FakeDaemon {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            missing: Mutex::default(),
            audit_verdict: None,
            slow: None,
            tokens: Mutex::default(),
            reading_needs_no_token: true,
            hostile: None,
            tls: None,
            people: Vec::new(),
            proxy: None,
        }
    }
}

impl FakeDaemon {
    fn note(&self, text: String) {
        self.asked.lock().unwrap().push(text);
    }

    fn text(&self, otherwise: &str) -> String {
        self.hostile.unwrap_or(otherwise).to_owned()
    }

    fn change(&self, text: String) -> Reply<'_, Done> {
        async move {
            if let Some(slow) = &self.slow {
                slow.notified().await;
            }
            self.note(text);
            Ok(Done::say("done"))
        }
        .boxed()
    }
}

fn follower() -> FollowerItem {
    FollowerItem {
        cluster: ClusterName::parse("eu").unwrap(),
        index: IndexName::parse("orders-f").unwrap(),
        state: State::Fatal,
        cause: Cause::HistoryLost,
        decision: DecisionKind::Ask,
        lag_operations: Some(12),
        runway_expires_at: Some(at(4000)),
        incident: Some("remote:eu/lead:history_lost".to_owned()),
        run: None,
        remote: Some(RemoteAlias::parse("lead").unwrap()),
        leader: Some(IndexName::parse("orders").unwrap()),
        plan: Some(plan().hash),
        looked_at: Some(at(0)),
        flapping: false,
    }
}

pub fn plan() -> Plan {
    let basis = PlanBasis {
        cluster: ClusterName::parse("eu").unwrap(),
        cluster_uuid: ClusterUuid::parse("cu-eu").unwrap(),
        follower: IndexName::parse("orders-f").unwrap(),
        follower_uuid: IndexUuid::parse("iu-f").unwrap(),
        remote: RemoteAlias::parse("lead").unwrap(),
        leader_cluster: None,
        leader_cluster_uuid: None,
        leader: IndexName::parse("orders").unwrap(),
        leader_uuid: None,
        leader_uuid_followed: None,
        shards: Vec::new(),
        shard_count: 1,
        cause: Cause::HistoryLost,
        ladder: vec![Remedy::Resume, Remedy::Recreate],
        parameters: Parameters::default(),
        own_settings: BTreeMap::new(),
        aliases: BTreeMap::new(),
        data_stream: None,
        overrides: Vec::new(),
        extend_runway: None,
        follow_settings: BTreeMap::new(),
        snapshot: None,
        beside: None,
        lease: LeaseWay::Forget,
    };
    Plan {
        format: PLAN_FORMAT,
        hash: basis.hash().unwrap(),
        basis,
        approval: Approval::Policy,
        created_at: at(0),
        figures: PlanFigures::default(),
        evidence: Vec::new(),
    }
}

fn plan_item(hash: PlanHash, state: &str) -> PlanItem {
    PlanItem {
        hash,
        follower: FollowerKey::parse("eu/orders-f").unwrap(),
        cause: Cause::HistoryLost,
        ladder: vec![Remedy::Resume, Remedy::Recreate],
        approval: Approval::Policy,
        state: state.to_owned(),
        expires_at: at(86_400),
        guards: guards(),
        created_at: Some(at(0)),
        bytes: Some(5_000_000_000),
        eta_seconds: Some(125),
        consents: Vec::new(),
        approvers_needed: Some(1),
        requested_by: None,
        state_reason: None,
        kind: "repair".to_owned(),
        cost: None,
        must_type: Some("11000000000 bytes and 5 documents".to_owned()),
        replaces: (state == "pending").then(|| Replaced {
            hash: PlanHash::parse(&"cd".repeat(32)).unwrap(),
            differences: vec![Difference {
                field: "leader_uuid".to_owned(),
                before: "null".to_owned(),
                now: "iu-l".to_owned(),
            }],
        }),
    }
}

fn guards() -> Vec<GuardResult> {
    vec![
        GuardResult::pass("leader_healthy", "the leader is green"),
        GuardResult::block("window", "it is outside every window").until(at(3600)),
    ]
}

fn records() -> Vec<AuditItem> {
    let hash = plan().hash.to_string();
    let follower = "eu/orders-f";
    [
        ("plan_made", "policy", hash.as_str(), json!({"follower": follower, "cause": "history_lost", "ladder": ["resume", "recreate"]})),
        ("approved", "anna", hash.as_str(), json!({"follower": follower, "uid": 1000, "note": "seen"})),
        ("run_opened", "refollow", follower, json!({"run": "r1", "plan": hash, "trigger": {"trigger": "approved", "by": ["anna"]}})),
        ("request_sent", "anna", follower, json!({
            "run": "r1", "step": "pause", "method": "POST", "url": "http://127.0.0.1:9312", "path": "/orders-f/_ccr/pause_follow",
            "sent_at": at(3), "answer": {"answer": "accepted", "status": 200, "body": "{\"acknowledged\":true}"},
        })),
        ("request_sent", "anna", follower, json!({
            "run": "r1", "step": "follow", "cluster": "eu", "method": "PUT", "path": "/orders-f/_ccr/follow", "body": {"leader_index": "orders"},
            "answer": {"answer": "unknown", "why": "the daemon ended before an answer was noted"},
        })),
        ("run_ended", "refollow", follower, json!({"run": "r1", "outcome": "cured", "reason": "documents equal", "person_must": null})),
        ("brake_engaged", "anna", "recreate", json!({"uid": 1000, "reason": "move", "expires_at": null})),
    ]
    .into_iter()
    .zip(1..)
    .map(|((kind, who, subject, detail), seq)| AuditItem {
        seq,
        at: at(i64::try_from(seq).unwrap()),
        kind: kind.to_owned(),
        who: who.to_owned(),
        subject: subject.to_owned(),
        detail,
        hash: "0".repeat(64),
    })
    .collect()
}

fn run_item() -> RunItem {
    RunItem {
        kind: "repair".to_owned(),
        id: RunId::parse("r1").unwrap(),
        plan: plan().hash,
        follower: FollowerKey::parse("eu/orders-f").unwrap(),
        outcome: Some(RunOutcome::Cured),
        remedy: Some(Remedy::Recreate),
        steps: vec![StepItem {
            name: "pause".to_owned(),
            state: "proven".to_owned(),
            started_at: Some(at(1)),
            ended_at: Some(at(2)),
        }],
        opened_at: Some(at(0)),
        closed_at: Some(at(90)),
        reason: Some("following again, documents equal".to_owned()),
        person_must: None,
        progress: None,
    }
}

fn known(follower: &FollowerKey) -> Result<(), Problem> {
    if follower.to_string() == "eu/orders-f" {
        Ok(())
    } else {
        Err(Problem::not_found(format!("there is no follower {follower}"))
            .remedy("refollow status lists them"))
    }
}

impl Daemon for FakeDaemon {
    fn now(&self) -> Timestamp {
        at(0)
    }
    fn changes(&self) -> u64 {
        self.asked.lock().unwrap().len() as u64
    }
    fn status(&self) -> Status {
        Status {
            followers: vec![follower()],
            incidents: vec![IncidentItem {
                id: "remote:eu/lead:history_lost".to_owned(),
                kind: IncidentKind::Remote,
                cluster: ClusterName::parse("eu").unwrap(),
                remote: Some(RemoteAlias::parse("lead").unwrap()),
                node: None,
                cause: Cause::HistoryLost,
                since: Some(at(0)),
                followers: 400,
                what: self.text("remote eu/lead: history_lost"),
            }],
            patterns: vec![PatternItem {
                cluster: ClusterName::parse("eu").unwrap(),
                name: "logs".to_owned(),
                remote: Some(RemoteAlias::parse("lead").unwrap()),
                cause: Cause::AutoFollowFailing,
                failing: 0,
                evidence: vec![Evidence {
                    field: "patterns[logs].active".to_owned(),
                    value: self.text("false"),
                    call: "eu: GET /_ccr/auto_follow".to_owned(),
                    at: at(0),
                }],
            }],
            notes: self.hostile.map(str::to_owned).into_iter().collect(),
        }
    }
    fn clusters(&self) -> Clusters {
        Clusters {
            clusters: vec![ClusterItem {
                spared: None,
                name: ClusterName::parse("eu").unwrap(),
                up: Some(true),
                version: Some("8.10.4".to_owned()),
                cluster_uuid: Some("cu-eu".to_owned()),
                last_look_at: Some(at(0)),
                last_success_at: Some(at(0)),
                followers: 1,
                problem: self.hostile.map(str::to_owned),
                remotes: Vec::new(),
            }],
        }
    }
    fn why(&self, key: FollowerKey) -> Reply<'_, Why> {
        async move {
            known(&key)?;
            Ok(Why {
                follower: follower(),
                guards: guards(),
                reasons: vec![self.text("outside every window")],
                also: vec![Cause::Overloaded],
                ladder: vec![Remedy::Resume, Remedy::Recreate],
                approval: Some(Approval::Policy),
                evidence: vec![Evidence {
                    field: "read_exceptions[0].exception.reason".to_owned(),
                    value: self.text("Operations are no longer available"),
                    call: "eu: GET /orders-f/_ccr/stats".to_owned(),
                    at: at(0),
                }],
                searchable: Some(self.text("yes")),
                staleness: Some("12 operations behind".to_owned()),
                cost_of_waiting: None,
                lag_history: (0..10)
                    .map(|n| Point {
                        at: at(n - 10),
                        lag: Some(n),
                    })
                    .collect(),
                handbook: refollow::domain::handbook::short(
                    Cause::HistoryLost,
                    &refollow::domain::handbook::Names {
                        key: "eu/orders-f",
                        follower: "orders-f",
                        leader: "orders",
                        alias: "lead",
                    },
                ),
            })
        }
        .boxed()
    }
    fn plan_now(&self, key: FollowerKey) -> Reply<'_, PlanNow> {
        async move {
            known(&key)?;
            Ok(PlanNow {
                follower: key,
                decision: DecisionKind::Ask,
                reasons: vec!["the mode is ask".to_owned()],
                plan: Some(PlanDetail {
                    item: plan_item(plan().hash, "pending"),
                    plan: plan(),
                    steps: vec!["POST /orders-f/_ccr/pause_follow".to_owned()],
                    owners: Vec::new(),
                }),
                stored: true,
            })
        }
        .boxed()
    }
    fn evidence(&self, key: FollowerKey) -> Reply<'_, Value> {
        async move { known(&key).map(|()| json!({"format": "refollow-evidence/1"})) }.boxed()
    }
    fn plan_wished(&self, key: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, PlanNow> {
        async move {
            let shown = self.plan_now(key).await?;
            Ok(PlanNow {
                reasons: vec![format!("as {} would get it: {body:?}", who.name)],
                stored: false,
                ..shown
            })
        }
        .boxed()
    }
    fn recreate(&self, key: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, Done> {
        let wishes: Vec<String> = body
            .overrides
            .iter()
            .map(|wish| format!(" {}={}", wish.fact, wish.index))
            .chain(body.snapshot.map(|name| format!(" for {name}")))
            .chain(body.lease.map(|way| format!(" lease {way}")))
            .collect();
        self.change(format!("recreate {key} by {}{}", who.name, wishes.concat()))
    }
    fn acknowledge(&self, key: FollowerKey, who: Caller, reason: String) -> Reply<'_, Done> {
        self.change(format!("acknowledge {key} by {} ({reason})", who.name))
    }
    fn extend_runway(&self, key: FollowerKey, request: RunwayRequest, who: Caller) -> Reply<'_, Done> {
        self.change(format!("{request:?} {key} by {}", who.name))
    }
    fn plans(&self, open_only: bool) -> Reply<'_, Plans> {
        let mut plans = vec![plan_item(plan().hash, "pending")];
        if !open_only {
            plans.push(plan_item(PlanHash::parse(&"ab".repeat(32)).unwrap(), "expired"));
            plans.push(plan_item(
                PlanHash::parse(&("ab".repeat(31) + "cd")).unwrap(),
                "void",
            ));
        }
        async move { Ok(Plans { plans }) }.boxed()
    }
    fn plan(&self, hash: PlanHash) -> Reply<'_, PlanDetail> {
        async move {
            let mut item = plan_item(hash, "pending");
            item.requested_by = self.hostile.map(str::to_owned);
            Ok(PlanDetail {
                item,
                plan: plan(),
                owners: Vec::new(),
                steps: vec![self.text("POST /orders-f/_ccr/pause_follow")],
            })
        }
        .boxed()
    }
    fn approve(&self, hash: PlanHash, who: Caller, body: ApproveBody) -> Reply<'_, Done> {
        if hash.as_str().starts_with("abab") {
            return async move { Err(Problem::new(ProblemKind::Expired, "the plan expired an hour ago")) }
                .boxed();
        }
        let overrides: Vec<_> = body.overrides.iter().map(|one| one.fact.clone()).collect();
        self.change(format!(
            "approve {hash} by {} ({}) note {:?} overrides {overrides:?}",
            who.name,
            who.uid.unwrap_or_default(),
            body.note
        ))
    }
    fn reject(&self, hash: PlanHash, who: Caller, reason: String) -> Reply<'_, Done> {
        self.change(format!("reject {hash} by {}: {reason}", who.name))
    }
    fn runs(&self, limit: u32) -> Reply<'_, Runs> {
        async move {
            Ok(Runs {
                runs: if limit == 0 { Vec::new() } else { vec![run_item()] },
            })
        }
        .boxed()
    }
    fn run(&self, id: RunId) -> Reply<'_, RunDetail> {
        async move {
            if id.as_str() == "r1" {
                Ok(RunDetail {
                    item: RunItem {
                        reason: Some(self.text("following again, documents equal")),
                        ..run_item()
                    },
                    journal: vec![Entry {
                        format: 1,
                        run: RunId::parse("r1").unwrap(),
                        seq: 1,
                        at: at(0),
                        event: Event::BackingOut {
                            reason: self.text("brake"),
                        },
                    }],
                    undo: vec![self.text("curl …")],
                })
            } else {
                Err(Problem::not_found(format!("there is no run {id}")))
            }
        }
        .boxed()
    }
    fn abort(&self, id: RunId, _who: Caller) -> Reply<'_, Done> {
        async move {
            Err(Problem::refused(
                "point_of_no_return",
                format!("run {id} has sent its PUT and only finishes"),
            ))
        }
        .boxed()
    }
    fn brakes(&self) -> Reply<'_, Brakes> {
        async move {
            Ok(Brakes {
                brakes: vec![BrakeItem {
                    scope: BrakeScope::Recreate,
                    owner: "anna".to_owned(),
                    reason: self.text("move of the data centre"),
                    engaged_at: Some(at(0)),
                    expires_at: None,
                    holds: true,
                }],
                breakers: Vec::new(),
            })
        }
        .boxed()
    }
    fn brake(&self, request: BrakeRequest, who: Caller) -> Reply<'_, Done> {
        self.change(format!(
            "brake {} for {:?} by {}: {}",
            request.scope, request.length, who.name, request.reason
        ))
    }
    fn release(&self, scope: BrakeScope, who: Caller) -> Reply<'_, Done> {
        self.change(format!("release {scope} by {}", who.name))
    }
    fn try_receivers(&self, body: NotifyTestBody, _who: Caller) -> Reply<'_, TriedReceivers> {
        self.note(format!("try receivers {:?}", body.receiver));
        let tried = |name: &str, problem: Option<&str>| TriedReceiver {
            name: name.to_owned(),
            kind: "slack".to_owned(),
            place: "https://hooks.slack.com".to_owned(),
            ok: problem.is_none(),
            problem: problem.map(str::to_owned),
        };
        let mut receivers = vec![tried("chat", None), tried("pager", Some("it answered 404"))];
        receivers.retain(|one| body.receiver.as_ref().is_none_or(|name| *name == one.name));
        async move { Ok(TriedReceivers { receivers }) }.boxed()
    }

    fn past(&self, key: FollowerKey, wanted: PastWanted) -> Reply<'_, Past> {
        self.note(format!("past {key} {} {}", wanted.since, wanted.points));
        async move {
            known(&key)?;
            let since_hour = |hour: i64| at(hour * 3600 - 86_400);
            Ok(Past {
                follower: key,
                since: wanted.since,
                until: wanted.until,
                points: (0..24)
                    .map(|hour| PastPoint {
                        at: since_hour(hour),
                        lag_operations: (hour != 5).then_some(hour * 10),
                        runway_seconds: (hour > 20).then_some(3600 * (30 - hour)),
                        read_minutes: Some(0),
                        checkpoint: Some(hour),
                        documents: Some(hour),
                        bytes: None,
                    })
                    .collect(),
                changes: vec![
                    PastChange {
                        at: since_hour(0),
                        until: Some(since_hour(20)),
                        state: Some(State::Following),
                        cause: Some(Cause::None),
                        decision: Some(DecisionKind::Leave),
                    },
                    PastChange {
                        at: since_hour(20),
                        until: None,
                        state: Some(State::Fatal),
                        cause: Some(Cause::HistoryLost),
                        decision: Some(DecisionKind::Ask),
                    },
                ],
                cut: false,
                runs: vec![PastBegan {
                    at: since_hour(21),
                    plan: "ab".repeat(32),
                    rungs: vec![Remedy::Resume, Remedy::Recreate],
                    by: self.text("anna"),
                }],
                unreadable: 0,
            })
        }
        .boxed()
    }
    fn audit(&self, wanted: AuditWanted) -> Reply<'_, AuditStory> {
        self.note(format!("audit {wanted:?}"));
        async move { Ok(AuditStory { records: records() }) }.boxed()
    }
    fn verify_audit(&self) -> Reply<'_, AuditVerdict> {
        let verdict = self.audit_verdict.clone().unwrap_or(AuditVerdict {
            whole: true,
            records: 7,
            broken_at: None,
            problem: None,
        });
        async move { Ok(verdict) }.boxed()
    }
    fn events(&self, after: u64) -> Reply<'_, Events> {
        async move {
            Ok(Events {
                events: vec![EventItem {
                    seq: after + 1,
                    at: at(0),
                    kind: "plan_made".to_owned(),
                    who: "refollow".to_owned(),
                    subject: "eu/orders-f".to_owned(),
                    detail: Value::Null,
                }],
            })
        }
        .boxed()
    }
    fn token(&self, digest: &str) -> Option<Grant> {
        let tokens = self.tokens.lock().unwrap();
        let found = tokens.iter().find(|token| token.digest == digest);
        found.map(|token| token.grant.clone())
    }
    fn grant(&self, id: &str) -> Option<Grant> {
        let tokens = self.tokens.lock().unwrap();
        let found = tokens.iter().find(|token| token.grant.id == id);
        found.map(|token| token.grant.clone())
    }
    fn tokens(&self) -> Vec<Token> {
        self.tokens.lock().unwrap().clone()
    }
    fn add_token(&self, token: Token, who: Caller) -> Reply<'_, ()> {
        self.note(format!("token for {} by {}", token.grant.person, who.name));
        self.tokens.lock().unwrap().push(token);
        async { Ok(()) }.boxed()
    }
    fn revoke_token(&self, id: String, _who: Caller) -> Reply<'_, Done> {
        let mut tokens = self.tokens.lock().unwrap();
        let before = tokens.len();
        tokens.retain(|token| token.grant.id != id);
        let known = tokens.len() < before;
        async move {
            if known {
                Ok(Done::say("revoked"))
            } else {
                Err(Problem::not_found("no such token"))
            }
        }
        .boxed()
    }
    fn metrics_piece(
        &self,
        _: &refollow::metrics::Scrape,
        number: usize,
        open_metrics: bool,
    ) -> Option<String> {
        let end = if open_metrics { "# EOF\n" } else { "" };
        (number == 0).then(|| format!("refollow_test 1\n{end}"))
    }
    fn ready(&self) -> Result<(), Vec<String>> {
        let missing = self.missing.lock().unwrap().clone();
        if missing.is_empty() { Ok(()) } else { Err(missing) }
    }
}

pub struct Running {
    pub daemon: Arc<FakeDaemon>,
    pub tasks: Tasks,
    pub tcp: std::net::SocketAddr,
    pub client: AdminClient,
    pub tls: Option<Arc<refollow::http::tls::Tls>>,
    pub metrics: Arc<refollow::metrics::Metrics>,
    _dir: tempfile::TempDir,
}

pub async fn start_with(daemon: FakeDaemon) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        admin_socket: dir.path().join("admin.sock"),
        reading_open: daemon.reading_needs_no_token,
        session_length: Duration::from_secs(3600),
        tls: daemon.tls.clone(),
        people: daemon.people.clone(),
        proxy: daemon.proxy.clone(),
    };
    let metrics = Arc::new(refollow::metrics::Metrics::new("test").unwrap());
    let server = Server::bind(&settings, Some(Arc::clone(&metrics))).await.unwrap();
    let tcp = server.tcp_address();
    let tls = server.tls();
    let (daemon, tasks) = (Arc::new(daemon), Tasks::new());
    server.start(daemon.clone(), &tasks);
    Running {
        daemon,
        tasks,
        tcp,
        client: AdminClient::new(settings.admin_socket),
        tls,
        metrics,
        _dir: dir,
    }
}

pub async fn start() -> Running {
    start_with(FakeDaemon::default()).await
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One request over a connection that ends with it.
pub async fn exchange(
    mut stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> std::io::Result<Answer> {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("Content-Length: {}\r\n", body.len())
    };
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{length}{headers}\r\n{body}");
    stream.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Ok(Answer {
        status,
        head: head.to_lowercase(),
        body: body.to_owned(),
    })
}

impl Running {
    /// One plain request over TCP.
    pub async fn tcp(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.send(method, path, headers, "").await
    }

    /// The same with a body.
    pub async fn send(&self, method: &str, path: &str, headers: &str, body: &str) -> Answer {
        let stream = tokio::net::TcpStream::connect(self.tcp).await.unwrap();
        exchange(stream, method, path, headers, body).await.unwrap()
    }

    async fn json(&self, path: &str) -> Value {
        let answer = self.tcp("GET", path, "").await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(
            answer.head.contains("content-type: application/json"),
            "{}",
            answer.head
        );
        serde_json::from_str(&answer.body).unwrap()
    }

    /// The head of an answer as it came.
    async fn raw_head(&self, path: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(self.tcp).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        text.split("\r\n\r\n").next().unwrap().to_owned()
    }

    /// The server's own metrics.
    pub fn own_metrics(&self) -> String {
        let snapshot = refollow::metrics::Snapshot {
            now: at(0),
            part: refollow::metrics::Part::Everything,
            series: refollow::metrics::Series::default(),
            stale_after: Duration::from_secs(60),
            clusters: Vec::new(),
            followers: Vec::new(),
            auto_follow: Vec::new(),
            patterns: Vec::new(),
            incidents: Vec::new(),
            brakes: Vec::new(),
            breakers: Vec::new(),
            held: Vec::new(),
            plans_pending: 0,
            plan_expires_at: None,
            plans_expired: 0,
            runs_in_flight: 0,
        };
        self.metrics
            .render(&snapshot, refollow::metrics::Format::Prometheus)
    }

    pub fn asked(&self) -> Vec<String> {
        self.daemon.asked.lock().unwrap().clone()
    }
}

fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "`{field}` is missing in {value}");
    }
}

#[tokio::test]
async fn the_shapes_of_the_contract_are_served_over_tcp() {
    let running = start().await;
    let follower = [
        "cluster",
        "index",
        "state",
        "cause",
        "decision",
        "lag_operations",
        "runway_expires_at",
        "incident",
    ];
    let status = running.json("/api/v1/followers").await;
    has(&status["followers"][0], &follower);
    assert_eq!(status["followers"][0]["state"], "fatal");
    let incidents = running.json("/api/v1/incidents").await;
    assert_eq!(
        incidents["incidents"][0]["id"],
        status["followers"][0]["incident"]
    );
    assert_eq!(incidents["incidents"][0]["followers"], 400);
    assert_eq!(incidents["incidents"], status["incidents"]);
    let patterns = running.json("/api/v1/auto-follow").await;
    assert_eq!(patterns["patterns"][0]["cause"], "auto_follow_failing");
    assert_eq!(patterns["patterns"], status["patterns"]);
    for path in [
        "/api/v1/followers/eu/orders-f",
        "/api/v1/followers/eu/orders-f/why",
    ] {
        let why = running.json(path).await;
        has(&why, &follower);
        has(&why["guards"][1], &["name", "verdict", "inputs", "changes_at"]);
        assert_eq!(why["guards"][1]["verdict"], "block");
    }
    let plans = running.json("/api/v1/plans").await;
    has(
        &plans["plans"][0],
        &[
            "hash",
            "follower",
            "cause",
            "ladder",
            "approval",
            "state",
            "expires_at",
            "guards",
        ],
    );
    assert_eq!(plans["plans"][0]["follower"], "eu/orders-f");
    assert_eq!(plans["plans"].as_array().unwrap().len(), 3);
    assert_eq!(
        running.json("/api/v1/plans?open=1").await["plans"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let hash = plans["plans"][0]["hash"].as_str().unwrap().to_owned();
    has(
        &running.json(&format!("/api/v1/plans/{hash}")).await,
        &["hash", "plan", "steps"],
    );
    let runs = running.json("/api/v1/runs").await;
    has(
        &runs["runs"][0],
        &["id", "plan", "follower", "outcome", "remedy", "steps"],
    );
    has(
        &runs["runs"][0]["steps"][0],
        &["name", "state", "started_at", "ended_at"],
    );
    assert_eq!(running.json("/api/v1/runs?limit=1").await, runs);
    has(&running.json("/api/v1/runs/r1").await, &["id", "journal", "undo"]);
    has(
        &running.json("/api/v1/clusters").await["clusters"][0],
        &["name", "up", "version"],
    );
    has(
        &running.json("/api/v1/brakes").await["brakes"][0],
        &["scope", "owner", "reason", "expires_at"],
    );
    assert_eq!(
        running.json("/api/v1/events?after=7").await["events"][0]["seq"],
        8
    );
}

#[tokio::test]
async fn nothing_is_changed_over_tcp_by_nobody() {
    let running = start().await;
    let hash = plan().hash;
    for (method, path) in [
        ("POST", format!("/api/v1/plans/{hash}/approve")),
        ("POST", format!("/api/v1/plans/{hash}/reject")),
        ("POST", "/api/v1/followers/eu/orders-f/recreate".to_owned()),
        ("POST", "/api/v1/followers/eu/orders-f/acknowledge".to_owned()),
        ("POST", "/api/v1/runs/r1/abort".to_owned()),
        ("PUT", "/api/v1/brakes".to_owned()),
        ("DELETE", "/api/v1/brakes".to_owned()),
        ("PATCH", "/api/v1/followers".to_owned()),
        ("POST", "/api/v1/nowhere".to_owned()),
        ("GET", "/api/v1/followers/eu/orders-f/evidence".to_owned()),
        ("GET", "/api/v1/followers/eu/orders-f/plan".to_owned()),
        ("GET", "/api/v1/audit".to_owned()),
        ("GET", "/api/v1/audit/verify".to_owned()),
        ("GET", "/api/v1/drill".to_owned()),
    ] {
        let answer = running.tcp(method, &path, "Content-Length: 0\r\n").await;
        assert_eq!(answer.status, 401, "{method} {path}: {}", answer.body);
        let problem: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["code"], "no_token");
        let socket = running.client.socket().display().to_string();
        assert!(
            problem["message"].as_str().unwrap().contains(&socket),
            "{problem}"
        );
    }
    assert_eq!(running.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn the_admin_socket_takes_what_changes_and_knows_who_called() {
    let running = start().await;
    let hash = plan().hash;
    let post = |path: String, body: Value| {
        let client = running.client.clone();
        async move { client.call(Method::POST, &path, Some(&body)).await.unwrap() }
    };
    let body = json!({"note": "seen", "overrides": [{"index": "orders-f", "fact": "last_copy"}]});
    let (status, answer) = post(format!("/api/v1/plans/{hash}/approve"), body).await;
    assert_eq!(
        (status, answer["message"].as_str()),
        (StatusCode::OK, Some("done"))
    );
    post(
        format!("/api/v1/plans/{hash}/reject"),
        json!({"reason": " not now "}),
    )
    .await;
    post("/api/v1/followers/eu/orders-f/recreate".to_owned(), Value::Null).await;
    let brake = json!({"scope": "cluster:eu", "reason": "drill", "for_seconds": 7200});
    running
        .client
        .call(Method::PUT, "/api/v1/brakes", Some(&brake))
        .await
        .unwrap();
    let scope = json!({"scope": "cluster:eu"});
    running
        .client
        .call(Method::DELETE, "/api/v1/brakes", Some(&scope))
        .await
        .unwrap();
    let uid = rustix::process::getuid().as_raw();
    let me = {
        let users = std::fs::read_to_string("/etc/passwd").unwrap();
        let mine = users
            .lines()
            .find(|line| line.split(':').nth(2) == Some(&uid.to_string()));
        mine.map_or_else(
            || format!("uid:{uid}"),
            |line| line.split(':').next().unwrap().to_owned(),
        )
    };
    assert_eq!(
        running.asked(),
        [
            format!("approve {hash} by {me} ({uid}) note Some(\"seen\") overrides [\"last_copy\"]"),
            format!("reject {hash} by {me}: not now"),
            format!("recreate eu/orders-f by {me}"),
            format!("brake cluster:eu for Some(7200s) by {me}: drill"),
            format!("release cluster:eu by {me}"),
        ]
    );
    for reading in [
        "/api/v1/followers",
        "/readyz",
        "/metrics",
        "/api/v1/followers/eu/orders-f/evidence",
    ] {
        assert_eq!(
            running.client.call(Method::GET, reading, None).await.unwrap().0,
            StatusCode::OK,
            "{reading}"
        );
    }
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn every_problem_has_its_code_status_and_exit_code() {
    let running = start().await;
    let exit = |value: &Value| -> u8 {
        serde_json::from_value::<refollow::http::problem::Envelope>(value.clone())
            .unwrap()
            .exit_code()
    };
    let cases = [
        (
            Method::GET,
            "/api/v1/followers/eu/nobody".to_owned(),
            None,
            404,
            "not_found",
            1,
        ),
        (
            Method::GET,
            "/api/v1/nothing".to_owned(),
            None,
            404,
            "not_found",
            1,
        ),
        (
            Method::GET,
            "/api/v1/followers/eu/orders-*".to_owned(),
            None,
            400,
            "bad_request",
            2,
        ),
        (
            Method::GET,
            "/api/v1/runs?limit=many".to_owned(),
            None,
            400,
            "bad_request",
            2,
        ),
        (
            Method::GET,
            "/api/v1/runs?limits=1".to_owned(),
            None,
            400,
            "bad_request",
            2,
        ),
        (
            Method::DELETE,
            "/api/v1/runs".to_owned(),
            None,
            405,
            "method_not_allowed",
            1,
        ),
        (
            Method::POST,
            "/api/v1/runs/r1/abort".to_owned(),
            None,
            409,
            "refused",
            3,
        ),
        (
            Method::POST,
            format!("/api/v1/plans/{}/approve", "ab".repeat(32)),
            None,
            410,
            "expired",
            3,
        ),
        (
            Method::POST,
            "/api/v1/plans/abc/approve".to_owned(),
            None,
            400,
            "bad_request",
            2,
        ),
        (
            Method::POST,
            format!("/api/v1/plans/{}/reject", plan().hash),
            None,
            400,
            "bad_request",
            2,
        ),
        (
            Method::POST,
            format!("/api/v1/plans/{}/reject", plan().hash),
            Some(json!({"reason": " "})),
            400,
            "bad_request",
            2,
        ),
        (
            Method::PUT,
            "/api/v1/brakes".to_owned(),
            Some(json!({"scope": "everything", "reason": "x"})),
            400,
            "bad_request",
            2,
        ),
        (
            Method::PUT,
            "/api/v1/brakes".to_owned(),
            Some(json!({"scope": "all", "reason": "x", "until": 3})),
            400,
            "bad_request",
            2,
        ),
        (
            Method::PUT,
            "/api/v1/brakes".to_owned(),
            Some(json!({"scope": "all", "reason": "x", "for_seconds": 0})),
            400,
            "bad_request",
            2,
        ),
    ];
    for (method, path, body, status, code, exit_code) in cases {
        let (got, value) = running
            .client
            .call(method.clone(), &path, body.as_ref())
            .await
            .unwrap();
        assert_eq!(
            (got.as_u16(), value["code"].as_str()),
            (status, Some(code)),
            "{method} {path}: {value}"
        );
        assert_eq!(exit(&value), exit_code, "{method} {path}");
        assert!(!value["message"].as_str().unwrap().is_empty());
    }
    let (_, refused) = running
        .client
        .call(Method::POST, "/api/v1/runs/r1/abort", None)
        .await
        .unwrap();
    assert_eq!(refused["guard"], "point_of_no_return");
    assert_eq!(running.asked(), Vec::<String>::new());
}

#[tokio::test]
async fn metrics_come_in_the_format_that_was_asked_for() {
    let running = start().await;
    let plain = running.tcp("GET", "/metrics", "").await;
    assert!(
        plain
            .head
            .contains("content-type: text/plain; version=0.0.4; charset=utf-8"),
        "{}",
        plain.head
    );
    assert_eq!(plain.body, "refollow_test 1\n");
    let open = running
        .tcp(
            "GET",
            "/metrics",
            "Accept: application/openmetrics-text;version=1.0.0,*/*;q=0.1\r\n",
        )
        .await;
    assert!(
        open.head
            .contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    assert!(open.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_scrape_may_be_about_some_clusters_or_about_refollow_alone_and_a_slip_is_no_scrape_of_everything() {
    let running = start().await;
    for query in ["?cluster=eu", "?cluster=eu&cluster=eu", "?part=own"] {
        let answer = running.tcp("GET", &format!("/metrics{query}"), "").await;
        assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    }
    let unknown = running.tcp("GET", "/metrics?cluster=euu", "").await;
    assert_eq!(unknown.status, 404, "{}", unknown.body);
    assert!(unknown.body.contains("did you mean `eu`?"), "{}", unknown.body);
    for query in [
        "?clusters=eu",
        "?part=theirs",
        "?cluster=",
        "?cluster=e%20u",
        "?part=own&cluster=eu",
        "?cluster=eu&part=own",
    ] {
        let answer = running.tcp("GET", &format!("/metrics{query}"), "").await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.body);
    }
}

#[tokio::test]
async fn the_parts_of_a_fleet_are_discovered_as_targets_under_the_name_that_was_asked() {
    let running = start().await;
    let answer = running.tcp("GET", "/sd", "").await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(
        answer.head.contains("content-type: application/json"),
        "{}",
        answer.head
    );
    let targets: Value = serde_json::from_str(&answer.body).unwrap();
    let host = targets[0]["targets"][0].as_str().unwrap().to_owned();
    let target = |parameter: &str, value: &str| {
        json!({
            "targets": [host],
            "labels": {
                "__scheme__": "http",
                "__metrics_path__": "/metrics",
                parameter: value,
                "instance": format!("{host}/{value}"),
            },
        })
    };
    assert_eq!(
        targets,
        json!([target("__param_cluster", "eu"), target("__param_part", "own")])
    );
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let running = start().await;
    running
        .daemon
        .missing
        .lock()
        .unwrap()
        .push("cluster us was not tried yet".to_owned());
    let answer = running.tcp("GET", "/readyz", "").await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (503, "not ready yet:\n- cluster us was not tried yet\n")
    );
    running.daemon.missing.lock().unwrap().clear();
    assert_eq!(running.tcp("GET", "/readyz", "").await.status, 200);
    assert_eq!(running.tcp("GET", "/livez", "").await.status, 200);
}

#[tokio::test]
async fn whatever_the_description_of_the_api_names_exists() {
    let running = start().await;
    let document = running.json("/api/v1/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let schemas = &document["components"]["schemas"];
    let mut operations = std::collections::BTreeSet::new();
    let mut checked = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        let real = path
            .replace("{cluster}", "eu")
            .replace("{index}", "orders-f")
            .replace("tokens/{id}", "tokens/t0")
            .replace("{id}", "r1")
            .replace("{hash}", plan().hash.as_str());
        for (method, described) in methods.as_object().unwrap() {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let (status, value) = running.client.call(method.clone(), &real, None).await.unwrap();
            let unknown = value["message"]
                .as_str()
                .is_some_and(|text| text.starts_with("there is no /"));
            assert!(status != 405 && !unknown, "{method} {path}: {value}");
            assert!(
                operations.insert(described["operationId"].to_string()),
                "{described}"
            );
            let named: Vec<_> = described["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|one| one["in"] == "path")
                .map(|one| one["name"].as_str().unwrap())
                .collect();
            assert_eq!(named.len(), path.matches('{').count(), "{method} {path}");
            for reference in described.to_string().split("#/components/schemas/").skip(1) {
                let name = reference.split('"').next().unwrap();
                assert!(schemas.get(name).is_some(), "{name} is not described");
            }
            checked += 1;
        }
    }
    assert_eq!(checked, 32);
    for reference in schemas.to_string().split("#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(schemas.get(name).is_some(), "{name} is not described");
    }
}

#[tokio::test]
async fn a_change_is_finished_when_its_caller_has_gone() {
    let slow = Arc::new(tokio::sync::Notify::new());
    let running = start_with(FakeDaemon {
        slow: Some(slow.clone()),
        ..FakeDaemon::default()
    })
    .await;
    let brake = json!({"scope": "all", "reason": "x"});
    let hung_up = running.client.call(Method::PUT, "/api/v1/brakes", Some(&brake));
    let begun = async {
        while !running.tasks.running().contains(&"brake".to_owned()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answered = hung_up => panic!("it did not wait: {answered:?}"),
        () = begun => {}
    }
    slow.notify_one();
    running.tasks.drain(Duration::from_secs(5)).await.unwrap();
    assert_eq!(running.asked().len(), 1, "{:?}", running.asked());
    assert!(
        !running.client.socket().exists(),
        "the socket is removed at the end"
    );
}

#[tokio::test]
async fn a_daemon_that_is_not_there_is_one_line_with_its_remedy_and_exit_code_4() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let absent = AdminClient::new(&path)
        .call(Method::GET, "/livez", None)
        .await
        .unwrap_err();
    assert_eq!(absent.exit_code(), 4);
    assert!(
        absent.to_string().contains(&path.display().to_string()),
        "{absent}"
    );
    assert!(
        absent.to_string().contains("systemctl start refollow"),
        "{absent}"
    );
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let dead = AdminClient::new(&path)
        .call(Method::GET, "/livez", None)
        .await
        .unwrap_err();
    assert_eq!(dead.exit_code(), 4);
    assert!(dead.to_string().contains("left its socket"), "{dead}");
}

#[tokio::test]
async fn an_address_in_use_is_named_with_its_remedy() {
    let running = start().await;
    let settings = Settings {
        listen: running.tcp,
        admin_socket: running.client.socket().with_file_name("other.sock"),
        reading_open: true,
        session_length: Duration::from_secs(3600),
        tls: None,
        people: Vec::new(),
        proxy: None,
    };
    let error = Server::bind(&settings, None).await.unwrap_err().to_string();
    assert!(
        error.contains("daemon.listen") && error.contains("another program listens there"),
        "{error}"
    );
}

#[tokio::test]
async fn a_plan_can_be_looked_at_with_what_would_be_asked_for_beside_it() {
    let running = start().await;
    let path = "/api/v1/followers/eu/orders-f/plan";
    let ask = async |query: &str| {
        running
            .client
            .call(Method::GET, &format!("{path}{query}"), None)
            .await
            .unwrap()
    };
    let (status, body) = ask("?override=documents_not_fewer&snapshot=backup%2Ffriday&lease=wait").await;
    assert_eq!((status.as_u16(), &body["stored"]), (200, &json!(false)), "{body}");
    let told = body["reasons"][0].as_str().unwrap();
    for part in ["documents_not_fewer", "orders-f", "backup/friday", "wait"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let (status, body) = ask("").await;
    assert_eq!((status.as_u16(), &body["stored"]), (200, &json!(true)));
    assert_eq!(ask("?snapshots=a").await.0.as_u16(), 400);
}

#[tokio::test]
async fn who_asks_again_for_what_has_not_changed_gets_no_body() {
    let running = start().await;
    for path in [
        "/api/v1/followers",
        "/api/v1/plans",
        "/api/v1/followers/eu/orders-f",
    ] {
        let first = running.tcp("GET", path, "").await;
        let tag = first
            .head
            .lines()
            .find_map(|line| line.strip_prefix("etag: "))
            .unwrap()
            // The head was read in small letters.
            .replace("w/", "W/");
        let again = running
            .tcp("GET", path, &format!("If-None-Match: \"x\", {tag}\r\n"))
            .await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{path}");
        let other = running.tcp("GET", path, "If-None-Match: \"x\"\r\n").await;
        assert_eq!((other.status, other.body), (200, first.body), "{path}");
    }
    let problem = running.tcp("GET", "/api/v1/followers/eu/nobody", "").await;
    assert!(
        problem.head.contains("content-type: application/problem+json"),
        "{}",
        problem.head
    );
    let body: Value = serde_json::from_str(&problem.body).unwrap();
    assert_eq!(
        (body["title"].as_str(), &body["detail"]),
        (Some("There is no such thing"), &body["message"])
    );
}

#[tokio::test]
async fn a_long_list_comes_in_pages_each_of_which_names_the_next() {
    let running = start().await;
    let whole = running.json("/api/v1/plans").await["plans"].clone();
    let mut path = "/api/v1/plans?limit=2".to_owned();
    let mut found = Vec::new();
    loop {
        let answer = running.tcp("GET", &path, "").await;
        let page: Value = serde_json::from_str(&answer.body).unwrap();
        found.extend(page["plans"].as_array().unwrap().clone());
        let link = answer.head.lines().find_map(|line| line.strip_prefix("link: <"));
        let Some(link) = link.and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            break;
        };
        // The head was made lower case for comparing; a cursor is not to be compared.
        let raw = running.raw_head(&path).await;
        let start = raw.to_lowercase().find(link).unwrap();
        raw[start..start + link.len()].clone_into(&mut path);
    }
    assert_eq!(Value::Array(found), whole);
    for wrong in [
        "plans?limit=0",
        "runs?limit=1001",
        "followers?cursor=zzzz",
        "incidents?x=1",
    ] {
        let answer = running.tcp("GET", &format!("/api/v1/{wrong}"), "").await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
        assert!(
            answer.head.contains("application/problem+json"),
            "{}",
            answer.head
        );
    }
}
