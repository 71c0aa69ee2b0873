//! Handlers of `/api/v1`: parse, ask the daemon, answer.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use percent_encoding::percent_decode_str;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::domain::access::{Role, Target};
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, InvalidId, PlanHash, RunId};
use crate::domain::time::Timestamp;
use crate::history::past::{MOST_POINTS, POINTS};
use crate::http::access::{Access, Who, challenge};
use crate::http::dto::{
    ApproveBody, AuditWanted, BrakeBody, BrakeRequest, Caller, DrillBody, ExtendBody, NotifyTestBody,
    OverrideBody, PastWanted, Problem, ProblemKind, RecreateBody, RejectBody, ReleaseBody, Reply,
    RunwayRequest,
};
use crate::http::paging::{Paged, Part, Query};
use crate::http::{App, openapi};

/// Runs in one answer where the query does not say how many.
const RUNS: u32 = 100;
/// Runs that are looked through for a later page: each is read with its journal.
const ALL_RUNS: u32 = 2_000;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/openapi.json", get(async || Json(openapi::document())))
        .route("/api/v1/clusters", get(clusters))
        .route("/api/v1/followers", get(followers))
        .route("/api/v1/followers/{cluster}/{index}", get(why))
        .route("/api/v1/followers/{cluster}/{index}/why", get(why))
        .route("/api/v1/followers/{cluster}/{index}/plan", get(plan_now))
        .route("/api/v1/followers/{cluster}/{index}/evidence", get(evidence))
        .route("/api/v1/followers/{cluster}/{index}/history", get(past))
        .route("/api/v1/followers/{cluster}/{index}/recreate", post(recreate))
        .route(
            "/api/v1/followers/{cluster}/{index}/extend-runway",
            post(extend_runway),
        )
        .route("/api/v1/incidents", get(incidents))
        .route("/api/v1/auto-follow", get(patterns))
        .route("/api/v1/plans", get(plans))
        .route("/api/v1/plans/{hash}", get(plan))
        .route("/api/v1/plans/{hash}/approve", post(approve))
        .route("/api/v1/plans/{hash}/reject", post(reject))
        .route("/api/v1/runs", get(runs))
        .route("/api/v1/runs/{id}", get(run))
        .route(
            "/api/v1/followers/{cluster}/{index}/acknowledge",
            post(acknowledge),
        )
        .route("/api/v1/runs/{id}/abort", post(abort))
        .route("/api/v1/brakes", get(brakes).put(brake).delete(release))
        .route("/api/v1/drill", get(drill).post(begin_drill))
        .route("/api/v1/notifications", get(notifications))
        .route("/api/v1/notifications/test", post(try_receivers))
        .route("/api/v1/audit", get(audit))
        .route("/api/v1/audit/verify", get(verify_audit))
        .route("/api/v1/events", get(events))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let envelope = self.envelope();
        let status = StatusCode::from_u16(envelope.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(envelope)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        challenge(response)
    }
}

impl From<InvalidId> for Problem {
    fn from(error: InvalidId) -> Self {
        Self::bad(error.to_string())
    }
}

type Answer<T> = Result<Json<T>, Problem>;

fn key(cluster: &str, index: &str) -> Result<FollowerKey, Problem> {
    Ok(FollowerKey::parse(&format!("{cluster}/{index}"))?)
}

/// An empty body is read as `{}`: every required field is then named as missing.
pub(super) fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Problem> {
    let text: &[u8] = if bytes.trim_ascii().is_empty() {
        b"{}"
    } else {
        bytes
    };
    serde_json::from_slice(text)
        .map_err(|error| Problem::bad(format!("the body is not what this route takes: {error}")))
}

/// A reason is for those who come after: it must say something.
pub(super) fn some_text(name: &str, text: &str) -> Result<String, Problem> {
    let text = text.trim();
    if text.is_empty() {
        Err(Problem::bad(format!("`{name}` is empty")))
    } else {
        Ok(text.to_owned())
    }
}

pub(super) async fn no_such_route(request: Request) -> Problem {
    Problem::not_found(format!("there is no {}", request.uri().path()))
        .remedy("/api/v1/openapi.json lists all routes")
}

pub(super) async fn wrong_method(request: Request) -> Problem {
    Problem::new(
        ProblemKind::WrongMethod,
        format!("{} does not take {}", request.uri().path(), request.method()),
    )
    .remedy("/api/v1/openapi.json lists all routes with their methods")
}

type Asking = Extension<Access>;

const PAGE: [&str; 2] = ["limit", "cursor"];

async fn clusters(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let part = Part::of(&Query::read(query.as_deref(), &PAGE)?, None)?;
    let mut answer = app.daemon.clusters();
    answer.clusters.retain(|one| access.sees(&one.name));
    let next = part.cut(&mut answer.clusters, |one| one.name.to_string())?;
    Ok(part.answer("clusters", "", next.as_deref(), answer))
}

async fn followers(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let part = Part::of(&Query::read(query.as_deref(), &PAGE)?, None)?;
    let mut answer = access.within(app.daemon.status());
    let next = part.cut(&mut answer.followers, |one| {
        format!("{}/{}", one.cluster, one.index)
    })?;
    Ok(part.answer("followers", "", next.as_deref(), answer))
}

async fn incidents(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let part = Part::of(&Query::read(query.as_deref(), &PAGE)?, None)?;
    let mut answer = app.daemon.incidents();
    answer.incidents.retain(|one| access.sees(&one.cluster));
    let next = part.cut(&mut answer.incidents, |one| one.id.clone())?;
    Ok(part.answer("incidents", "", next.as_deref(), answer))
}

async fn patterns(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let part = Part::of(&Query::read(query.as_deref(), &PAGE)?, None)?;
    let mut answer = app.daemon.patterns();
    answer.patterns.retain(|one| access.sees(&one.cluster));
    let next = part.cut(&mut answer.patterns, |one| {
        format!("{}/{}", one.cluster, one.name)
    })?;
    Ok(part.answer("auto-follow", "", next.as_deref(), answer))
}

type FollowerPath = Path<(String, String)>;

async fn why(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
) -> Answer<impl Serialize> {
    let key = key(&cluster, &index)?;
    access.read(&(&key).into())?;
    app.daemon.why(key).await.map(Json)
}

/// Without `since` it is the last day.
const PAST: Duration = Duration::from_hours(24);

async fn past(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
    RawQuery(query): RawQuery,
) -> Answer<impl Serialize> {
    let key = key(&cluster, &index)?;
    access.read(&(&key).into())?;
    let query = Query::read(query.as_deref(), &["since", "until", "points"])?;
    let now = app.daemon.now();
    let wanted = PastWanted {
        since: instant(&query, "since")?.unwrap_or_else(|| now.checked_sub(PAST).unwrap_or(now)),
        until: instant(&query, "until")?.unwrap_or(now),
        points: match query.number::<usize>("points")? {
            None => POINTS,
            Some(points) if (1..=MOST_POINTS).contains(&points) => points,
            Some(points) => {
                return Err(Problem::bad(format!(
                    "`points={points}` is not between 1 and {MOST_POINTS}"
                )));
            }
        },
    };
    app.daemon.past(key, wanted).await.map(Json)
}

/// A time of the query.
fn instant(query: &Query<'_>, name: &str) -> Result<Option<Timestamp>, Problem> {
    query
        .text(name)
        .map(|text| {
            text.parse().map_err(|_| {
                Problem::bad(format!(
                    "`{name}={text}` is not a time as in 2026-11-23T10:00:00Z"
                ))
            })
        })
        .transpose()
}

async fn plan_now(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
    RawQuery(query): RawQuery,
) -> Answer<impl Serialize> {
    let follower = key(&cluster, &index)?;
    let caller = access.act(Role::View, &(&follower).into())?;
    let wished = wished(&follower, query.as_deref().unwrap_or_default())?;
    if wished == RecreateBody::default() {
        return app.daemon.plan_now(follower).await.map(Json);
    }
    app.daemon.plan_wished(follower, caller, wished).await.map(Json)
}

/// What would be asked for beside the recreate. Only looked at, so the index need not be typed again.
fn wished(follower: &FollowerKey, query: &str) -> Result<RecreateBody, Problem> {
    let mut body = RecreateBody::default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| Problem::bad(format!("`{name}` is not UTF-8")))?;
        match name {
            "override" => body.overrides.push(OverrideBody {
                index: follower.index.clone(),
                fact: value.into_owned(),
            }),
            "snapshot" => body.snapshot = Some(value.into_owned()),
            "side_by_side" => body.beside = Some(IndexName::parse(&value)?),
            "lease" => body.lease = Some(value.into_owned()),
            _ => {
                return Err(Problem::bad(format!(
                    "`{name}` is not a parameter of this route; it takes `override`, `side_by_side`, `snapshot` and `lease`"
                )));
            }
        }
    }
    Ok(body)
}

async fn evidence(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
) -> Answer<impl Serialize> {
    let key = key(&cluster, &index)?;
    access.act(Role::View, &(&key).into())?;
    app.daemon.evidence(key).await.map(Json)
}

async fn plans(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let query = Query::read(query.as_deref(), &["open", "limit", "cursor"])?;
    let part = Part::of(&query, None)?;
    let open = query.number::<u8>("open")?.is_some_and(|open| open > 0);
    let mut answer = app.daemon.plans(open).await?;
    answer.plans.retain(|one| access.sees(&one.follower.cluster));
    let next = part.cut(&mut answer.plans, |one| one.hash.to_string())?;
    let more = if open { "open=1&" } else { "" };
    Ok(part.answer("plans", more, next.as_deref(), answer))
}

async fn plan(
    State(app): State<App>,
    Extension(access): Asking,
    Path(hash): Path<String>,
) -> Answer<impl Serialize> {
    access.read(&Target::Lists)?;
    let answer = app.daemon.plan(PlanHash::parse(&hash)?).await?;
    access.read(&(&answer.item.follower).into())?;
    Ok(Json(answer))
}

async fn runs(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Result<Paged<impl Serialize>, Problem> {
    access.read(&Target::Lists)?;
    let part = Part::of(&Query::read(query.as_deref(), &PAGE)?, Some(RUNS))?;
    // Who sees some clusters only may have to look further for as many.
    let reads = part.reads().filter(|_| access.sees_all()).unwrap_or(ALL_RUNS);
    let mut answer = app.daemon.runs(reads).await?;
    answer.runs.retain(|one| access.sees(&one.follower.cluster));
    let next = part.cut(&mut answer.runs, |one| one.id.to_string())?;
    Ok(part.answer("runs", "", next.as_deref(), answer))
}

async fn run(
    State(app): State<App>,
    Extension(access): Asking,
    Path(id): Path<String>,
) -> Answer<impl Serialize> {
    access.read(&Target::Lists)?;
    let answer = app.daemon.run(RunId::parse(&id)?).await?;
    access.read(&(&answer.item.follower).into())?;
    Ok(Json(answer))
}

async fn brakes(State(app): State<App>, Extension(access): Asking) -> Answer<impl Serialize> {
    access.read(&Target::Lists)?;
    let mut answer = app.daemon.brakes().await?;
    // What stands over all clusters concerns everybody.
    let concerns = |cluster: Option<&ClusterName>| cluster.is_none_or(|cluster| access.sees(cluster));
    answer.brakes.retain(|one| concerns(one.scope.cluster()));
    answer.breakers.retain(|one| concerns(one.cluster.as_ref()));
    Ok(Json(answer))
}

async fn events(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Answer<impl Serialize> {
    access.read(&Target::Lists)?;
    let query = Query::read(query.as_deref(), &["after"])?;
    // Positions are as wide as the store's.
    let after = query.number::<i64>("after")?.unwrap_or(0);
    let after = u64::try_from(after).map_err(|_| Problem::bad("`after` is below 0"))?;
    let mut answer = app.daemon.events(after).await?;
    if !access.sees_all() {
        // One that is about no follower names what it likes.
        answer
            .events
            .retain(|one| FollowerKey::parse(&one.subject).is_ok_and(|key| access.sees(&key.cluster)));
    }
    Ok(Json(answer))
}

/// Records in one answer where the query does not say how many.
const AUDIT_RECORDS: u32 = 200;
/// Records in one answer at most.
const MOST_RECORDS: u32 = 100_000;

async fn audit(
    State(app): State<App>,
    Extension(access): Asking,
    RawQuery(query): RawQuery,
) -> Answer<impl Serialize> {
    access.act(Role::Admin, &Target::Everything)?;
    let mut wanted = AuditWanted {
        run: None,
        follower: None,
        since: None,
        limit: AUDIT_RECORDS,
    };
    let query = query.unwrap_or_default();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value)
            .decode_utf8()
            .map_err(|_| Problem::bad(format!("`{name}` is not UTF-8")))?;
        let wrong = |what: &str| Problem::bad(format!("`{name}={value}` is not {what}"));
        match name {
            "run" => wanted.run = Some(RunId::parse(&value)?),
            "follower" => wanted.follower = Some(FollowerKey::parse(&value)?),
            "since" => {
                let since = value.parse();
                wanted.since = Some(since.map_err(|_| wrong("a time as in 2026-11-23T10:00:00Z"))?);
            }
            "limit" => {
                let limit = value.parse().map_err(|_| wrong("a number"))?;
                if !(1..=MOST_RECORDS).contains(&limit) {
                    return Err(wrong("between 1 and 100000")
                        .remedy("ask for less, or by `since`, `run` or `follower`"));
                }
                wanted.limit = limit;
            }
            _ => {
                return Err(Problem::bad(format!(
                    "`{name}` is not a parameter of this route; it takes `run`, `follower`, `since` and `limit`"
                )));
            }
        }
    }
    app.daemon.audit(wanted).await.map(Json)
}

async fn verify_audit(State(app): State<App>, Extension(access): Asking) -> Answer<impl Serialize> {
    access.act(Role::Admin, &Target::Everything)?;
    app.daemon.verify_audit().await.map(Json)
}

/// Runs a changing call to its end in a task of its own: a client that hangs up, or a deadline
/// of this server, must not leave it half done.
pub(super) async fn finish<T, F>(app: &App, name: &'static str, call: F) -> Result<T, Problem>
where
    T: Send + 'static,
    F: for<'d> FnOnce(&'d dyn crate::http::dto::Daemon) -> Reply<'d, T> + Send + 'static,
{
    let (done, answer) = tokio::sync::oneshot::channel();
    let daemon = std::sync::Arc::clone(&app.daemon);
    drop(app.tasks.spawn(name, |_| async move {
        // Nobody waiting any more is no reason not to have done it.
        drop(done.send(call(daemon.as_ref()).await));
    }));
    match answer.await {
        Ok(answer) => answer,
        Err(_) => Err(Problem::failed(
            "the call ended without an answer; see the log, and look before trying again",
        )),
    }
}

async fn recreate(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let follower = key(&cluster, &index)?;
    let caller = access.act(Role::Operate, &(&follower).into())?;
    let body: RecreateBody = if bytes.is_empty() {
        RecreateBody::default()
    } else {
        body::<Option<RecreateBody>>(&bytes)?.unwrap_or_default()
    };
    finish(&app, "recreate", move |daemon| {
        daemon.recreate(follower, caller, body)
    })
    .await
    .map(Json)
}

async fn acknowledge(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let follower = key(&cluster, &index)?;
    let caller = access.act(Role::Operate, &(&follower).into())?;
    let reason = some_text("reason", &body::<RejectBody>(&bytes)?.reason)?;
    finish(&app, "acknowledge", move |daemon| {
        daemon.acknowledge(follower, caller, reason)
    })
    .await
    .map(Json)
}

async fn extend_runway(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): FollowerPath,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let follower = key(&cluster, &index)?;
    let caller = access.act(Role::Operate, &(&follower).into())?;
    let request = match body::<ExtendBody>(&bytes)? {
        ExtendBody {
            to_seconds: None,
            undo: true,
        } => RunwayRequest::Undo,
        ExtendBody {
            to_seconds: Some(seconds),
            undo: false,
        } if seconds > 0 => RunwayRequest::Extend(Duration::from_secs(seconds)),
        _ => return Err(Problem::bad("give `to_seconds` above 0, or `undo`: true")),
    };
    finish(&app, "extend_runway", move |daemon| {
        daemon.extend_runway(follower, request, caller)
    })
    .await
    .map(Json)
}

/// The plan, and who may decide on it. The role is asked first, so that who may not decide learns
/// nothing of plans elsewhere.
pub(super) async fn of_plan(app: &App, access: &Access, hash: &str) -> Result<(PlanHash, Caller), Problem> {
    access.act(Role::Approve, &Target::Lists)?;
    let hash = PlanHash::parse(hash)?;
    if let Who::Socket(caller) = &access.who {
        return Ok((hash, caller.clone()));
    }
    let plan = app.daemon.plan(hash.clone()).await?;
    let caller = access.act(Role::Approve, &(&plan.item.follower).into())?;
    Ok((hash, caller))
}

async fn approve(
    State(app): State<App>,
    Extension(access): Asking,
    Path(hash): Path<String>,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let (hash, caller) = of_plan(&app, &access, &hash).await?;
    let body: ApproveBody = body(&bytes)?;
    finish(&app, "approve", move |daemon| daemon.approve(hash, caller, body))
        .await
        .map(Json)
}

async fn reject(
    State(app): State<App>,
    Extension(access): Asking,
    Path(hash): Path<String>,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let (hash, caller) = of_plan(&app, &access, &hash).await?;
    let reason = some_text("reason", &body::<RejectBody>(&bytes)?.reason)?;
    finish(&app, "reject", move |daemon| daemon.reject(hash, caller, reason))
        .await
        .map(Json)
}

/// The run, and who may make it back out.
pub(super) async fn of_run(app: &App, access: &Access, id: &str) -> Result<(RunId, Caller), Problem> {
    access.act(Role::Operate, &Target::Lists)?;
    let id = RunId::parse(id)?;
    if let Who::Socket(caller) = &access.who {
        return Ok((id, caller.clone()));
    }
    let run = app.daemon.run(id.clone()).await?;
    let caller = access.act(Role::Operate, &(&run.item.follower).into())?;
    Ok((id, caller))
}

async fn abort(
    State(app): State<App>,
    Extension(access): Asking,
    Path(id): Path<String>,
) -> Answer<impl Serialize> {
    let (id, caller) = of_run(&app, &access, &id).await?;
    finish(&app, "abort", move |daemon| daemon.abort(id, caller))
        .await
        .map(Json)
}

async fn drill(State(app): State<App>, Extension(access): Asking) -> Answer<impl Serialize> {
    access.act(Role::View, &Target::Lists)?;
    let answer = app.daemon.drill().await?;
    access.act(Role::View, &(&answer.follower).into())?;
    Ok(Json(answer))
}

async fn begin_drill(
    State(app): State<App>,
    Extension(access): Asking,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    access.act(Role::Admin, &Target::Lists)?;
    let body: DrillBody = body(&bytes)?;
    let caller = access.act(Role::Admin, &Target::Cluster(body.cluster.clone()))?;
    finish(&app, "begin drill", move |daemon| {
        daemon.begin_drill(body, caller)
    })
    .await
    .map(Json)
}

async fn notifications(State(app): State<App>, Extension(access): Asking) -> Answer<impl Serialize> {
    access.act(Role::Operate, &Target::Everything)?;
    Ok(Json(app.daemon.notifications()))
}

async fn try_receivers(
    State(app): State<App>,
    Extension(access): Asking,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let caller = access.act(Role::Operate, &Target::Everything)?;
    let body: NotifyTestBody = body(&bytes)?;
    finish(&app, "try receivers", move |daemon| {
        daemon.try_receivers(body, caller)
    })
    .await
    .map(Json)
}

async fn brake(State(app): State<App>, Extension(access): Asking, bytes: Bytes) -> Answer<impl Serialize> {
    access.act(Role::Operate, &Target::Lists)?;
    let body: BrakeBody = body(&bytes)?;
    let caller = access.act(Role::Operate, &(&body.scope).into())?;
    let request = BrakeRequest {
        scope: body.scope,
        reason: some_text("reason", &body.reason)?,
        length: body.for_seconds.map(Duration::from_secs),
    };
    if request.length.is_some_and(|length| length.is_zero()) {
        return Err(Problem::bad(
            "`for_seconds` is 0: such a brake would hold nothing",
        ));
    }
    finish(&app, "brake", move |daemon| daemon.brake(request, caller))
        .await
        .map(Json)
}

async fn release(State(app): State<App>, Extension(access): Asking, bytes: Bytes) -> Answer<impl Serialize> {
    access.act(Role::Operate, &Target::Lists)?;
    let body: ReleaseBody = body(&bytes)?;
    let caller = access.act(Role::Operate, &(&body.scope).into())?;
    finish(&app, "release", move |daemon| daemon.release(body.scope, caller))
        .await
        .map(Json)
}
