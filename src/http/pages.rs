//! The pages: HTML for people, rendered from the book as it stands, usable without JavaScript.
//!
//! | page | what |
//! |---|---|
//! | `/` | every follower, what needs a person first |
//! | `/clusters/{cluster}`, `/followers/{cluster}/{index}` | one of them |
//! | `/plans`, `/plans/{hash}` | what waits or runs; one plan with its forms |
//! | `/runs/{id}`, `/history` | one run; what is over |
//! | `/incidents`, `/brakes`, `/search?q=` | |
//! | `/login`, `/logout` | (`http::login`) |
//! | `/events` | server-sent events (`http::live`) |
//! | `/static/style.css`, `/static/live.js` | |
//!
//! Everything that others wrote (names of indices, reasons, exceptions) is escaped by the
//! templates; the policy of each page allows no script and no style but our own files. What a form
//! changes is changed by the person of the session (`forms`).

use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;

use crate::domain::access::Target;
use crate::http::access::Access;
use crate::http::dto::{Problem, ProblemKind};
use crate::http::{App, live, login};
pub(super) use frame::{Frame, Tab};
use rows::{Link, segment};

mod brakes;
mod fleet;
mod follower;
mod forms;
mod frame;
mod past;
mod picture;
mod plan;
mod rows;
mod run;

/// No script and no style but our own files, no frame, no form to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; form-action 'self'; base-uri 'none'";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/", get(overview))
        .route("/clusters/{cluster}", get(cluster))
        .route("/followers/{cluster}/{index}", get(follower))
        .route("/plans", get(plans))
        .route("/plans/{hash}", get(plan))
        .route("/runs/{id}", get(run))
        .route("/history", get(history))
        .route("/incidents", get(incidents))
        .route("/search", get(search))
        .route("/events", get(live::events))
        .route(
            "/static/style.css",
            get(async |headers: HeaderMap| asset(&headers, "text/css; charset=utf-8", STYLE)),
        )
        .route(
            "/static/live.js",
            get(async |headers: HeaderMap| asset(&headers, "text/javascript; charset=utf-8", SCRIPT)),
        )
        .merge(forms::routes())
        .merge(login::routes())
        .layer(axum::middleware::from_fn(guarded))
}

const STYLE: &str = include_str!("pages/style.css");
const SCRIPT: &str = include_str!("pages/live.js");

/// A file of ours, asked for again only when the version changes.
fn asset(headers: &HeaderMap, kind: &'static str, text: &'static str) -> Response {
    let tag = format!("\"{}\"", &crate::domain::access::digest(text)[..16]);
    let known = headers
        .get(header::IF_NONE_MATCH)
        .is_some_and(|known| known == tag.as_str());
    let head = [
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::ETAG, tag),
        (header::CACHE_CONTROL, "no-cache".to_owned()),
    ];
    if known {
        (StatusCode::NOT_MODIFIED, head).into_response()
    } else {
        (head, text).into_response()
    }
}

/// What every answer to a browser carries.
async fn guarded(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        // Not `no-referrer`: with that a browser sends its own forms with `Origin: null`.
        (header::REFERRER_POLICY, "same-origin"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    message: String,
    remedy: String,
    links: Vec<Link>,
}

pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                "the page could not be rendered; see the log\n",
            )
                .into_response()
        }
    }
}

/// A problem as a page. Who is nobody and may not read is sent to sign in.
async fn problem(app: &App, access: &Access, problem: &Problem, back: &str) -> Response {
    if problem.kind == ProblemKind::NoToken && !access.sees_anything() {
        return Redirect::to(&format!("/login?to={}", segment(back))).into_response();
    }
    let title = match problem.kind {
        ProblemKind::NotFound => "There is no such thing",
        ProblemKind::Bad(_) => "That cannot be asked",
        ProblemKind::Failed => "It failed",
        _ => "It was not done",
    };
    let status = StatusCode::from_u16(problem.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut frame = Frame::new(app.daemon.as_ref(), access, Tab::None, title).await;
    frame.still();
    let page = ProblemPage {
        frame,
        message: problem.message.clone(),
        remedy: problem.remedy.clone().unwrap_or_default(),
        links: vec![Link {
            url: back.to_owned(),
            text: "Back".to_owned(),
        }],
    };
    html(status, &page)
}

/// A page, or why there is none.
async fn shown<T: Template>(app: &App, access: &Access, path: &str, page: Result<T, Problem>) -> Response {
    match page {
        Ok(page) => html(StatusCode::OK, &page),
        Err(why) => {
            let back = if access.sees_anything() { "/" } else { path };
            problem(app, access, &why, back).await
        }
    }
}

type Asking = Extension<Access>;

async fn overview(State(app): State<App>, Extension(access): Asking) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => Ok(fleet::overview(&app, &access).await),
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/", page).await
}

async fn cluster(State(app): State<App>, Extension(access): Asking, Path(name): Path<String>) -> Response {
    let page = fleet::cluster(&app, &access, &name).await;
    shown(&app, &access, &format!("/clusters/{}", segment(&name)), page).await
}

async fn follower(
    State(app): State<App>,
    Extension(access): Asking,
    Path((cluster, index)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let page = follower::follower(&app, &access, &cluster, &index, query.as_deref()).await;
    let path = format!("/followers/{}/{}", segment(&cluster), segment(&index));
    shown(&app, &access, &path, page).await
}

async fn plans(State(app): State<App>, Extension(access): Asking) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => fleet::plans(&app, &access).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/plans", page).await
}

async fn plan(State(app): State<App>, Extension(access): Asking, Path(hash): Path<String>) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => plan::plan(&app, &access, &hash).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, &format!("/plans/{}", segment(&hash)), page).await
}

async fn run(State(app): State<App>, Extension(access): Asking, Path(id): Path<String>) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => run::run(&app, &access, &id).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, &format!("/runs/{}", segment(&id)), page).await
}

async fn history(State(app): State<App>, Extension(access): Asking) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => fleet::history(&app, &access).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/history", page).await
}

async fn incidents(State(app): State<App>, Extension(access): Asking) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => Ok(fleet::incidents(&app, &access).await),
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/incidents", page).await
}

async fn brakes(State(app): State<App>, Extension(access): Asking) -> Response {
    let page = match access.read(&Target::Lists) {
        Ok(()) => brakes::brakes(&app, &access).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/brakes", page).await
}

/// What was typed into the field.
#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
}

async fn search(
    State(app): State<App>,
    Extension(access): Asking,
    query: Result<Query<Wanted>, QueryRejection>,
) -> Response {
    let wanted = query.map(|Query(wanted)| wanted).unwrap_or_default();
    let page = match access.read(&Target::Lists) {
        Ok(()) => fleet::search(&app, &access, &wanted.q).await,
        Err(problem) => Err(problem),
    };
    shown(&app, &access, "/search", page).await
}
