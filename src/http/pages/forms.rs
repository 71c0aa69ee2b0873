//! What a page's form does: the same as the API, by the person who is signed in.

use std::time::Duration;

use axum::extract::rejection::FormRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use axum::{Extension, Form, Router};
use serde::Deserialize;

use crate::domain::access::{Role, Target};
use crate::domain::brake::BrakeScope;
use crate::http::access::Access;
use crate::http::api::{finish, of_plan, of_run, some_text};
use crate::http::dto::{ApproveBody, BrakeRequest, Done, Problem, ProblemKind};
use crate::http::login::from_our_pages;
use crate::http::pages::problem;
use crate::http::pages::rows::{run_url, segment};
use crate::http::{App, pages};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/plans/{hash}/approve", post(approve))
        .route("/plans/{hash}/reject", post(reject))
        .route("/runs/{id}/abort", post(abort))
        .route("/brakes", post(brake).get(pages::brakes))
        .route("/brakes/release", post(release))
}

type Asking = Extension<Access>;
type Sent<T> = Result<Form<T>, FormRejection>;

/// A form of our own page, by a session's own secret.
fn own<T>(
    access: &Access,
    headers: &HeaderMap,
    form: Sent<T>,
    csrf: impl Fn(&T) -> &str,
) -> Result<T, Problem> {
    let Ok(Form(form)) = form else {
        return Err(Problem::bad("the form is not what this page sends"));
    };
    if access.csrf.is_none() {
        return Err(Problem::new(
            ProblemKind::NoToken,
            "nobody is signed in here, or the session has ended",
        )
        .remedy("sign in, and send the form again"));
    }
    if !from_our_pages(headers) || !access.is_own_form(csrf(&form)) {
        return Err(Problem::new(
            ProblemKind::Forbidden,
            "the form does not come from a page of this session",
        )
        .remedy("open the page again, and send the form from there"));
    }
    Ok(form)
}

/// To the page with what was done, or a page that says why not.
async fn answer(app: &App, access: &Access, to: &str, done: Result<Done, Problem>) -> Response {
    match done {
        Ok(done) => {
            if let Some(session) = &access.session {
                app.sessions.tell(session, format!("Done: {}.", done.message));
            }
            Redirect::to(to).into_response()
        }
        Err(why) if why.kind == ProblemKind::NoToken => {
            Redirect::to(&format!("/login?to={}", segment(to))).into_response()
        }
        Err(why) => problem(app, access, &why, to).await,
    }
}

#[derive(Deserialize)]
struct Approval {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    note: String,
    #[serde(default)]
    lose: String,
}

/// What was typed, if anything was.
fn typed(text: &str) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

async fn approve(
    State(app): State<App>,
    Extension(access): Asking,
    Path(hash): Path<String>,
    headers: HeaderMap,
    form: Sent<Approval>,
) -> Response {
    let to = format!("/plans/{}", segment(&hash));
    let done = async {
        let form = own(&access, &headers, form, |form| &form.csrf)?;
        let (hash, caller) = of_plan(&app, &access, &hash).await?;
        let body = ApproveBody {
            note: typed(&form.note),
            lose: typed(&form.lose),
            overrides: Vec::new(),
        };
        finish(&app, "approve", move |daemon| daemon.approve(hash, caller, body)).await
    };
    let done = done.await;
    answer(&app, &access, &to, done).await
}

#[derive(Deserialize)]
struct Rejection {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    reason: String,
}

async fn reject(
    State(app): State<App>,
    Extension(access): Asking,
    Path(hash): Path<String>,
    headers: HeaderMap,
    form: Sent<Rejection>,
) -> Response {
    let to = format!("/plans/{}", segment(&hash));
    let done = async {
        let form = own(&access, &headers, form, |form| &form.csrf)?;
        let reason = some_text("reason", &form.reason)?;
        let (hash, caller) = of_plan(&app, &access, &hash).await?;
        finish(&app, "reject", move |daemon| daemon.reject(hash, caller, reason)).await
    };
    let done = done.await;
    answer(&app, &access, &to, done).await
}

#[derive(Deserialize)]
struct Plain {
    #[serde(default)]
    csrf: String,
}

async fn abort(
    State(app): State<App>,
    Extension(access): Asking,
    Path(id): Path<String>,
    headers: HeaderMap,
    form: Sent<Plain>,
) -> Response {
    let done = async {
        own(&access, &headers, form, |form| &form.csrf)?;
        let (run, caller) = of_run(&app, &access, &id).await?;
        finish(&app, "abort", move |daemon| daemon.abort(run, caller)).await
    };
    let done = done.await;
    answer(&app, &access, &run_url(&id), done).await
}

#[derive(Deserialize)]
struct Braking {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hours: String,
}

async fn brake(
    State(app): State<App>,
    Extension(access): Asking,
    headers: HeaderMap,
    form: Sent<Braking>,
) -> Response {
    let done = async {
        let form = own(&access, &headers, form, |form| &form.csrf)?;
        access.act(Role::Operate, &Target::Lists)?;
        let scope = BrakeScope::parse(form.scope.trim()).map_err(Problem::bad)?;
        let caller = access.act(Role::Operate, &(&scope).into())?;
        let length = match form.hours.trim() {
            "" => None,
            hours => match hours.parse::<u32>() {
                Ok(hours @ 1..=8_760) => Some(Duration::from_hours(hours.into())),
                _ => return Err(Problem::bad("`hours` is not a whole number from 1 to 8760")),
            },
        };
        let request = BrakeRequest {
            scope,
            reason: some_text("reason", &form.reason)?,
            length,
        };
        finish(&app, "brake", move |daemon| daemon.brake(request, caller)).await
    };
    let done = done.await;
    answer(&app, &access, "/brakes", done).await
}

#[derive(Deserialize)]
struct Releasing {
    #[serde(default)]
    csrf: String,
    #[serde(default)]
    scope: String,
}

async fn release(
    State(app): State<App>,
    Extension(access): Asking,
    headers: HeaderMap,
    form: Sent<Releasing>,
) -> Response {
    let done = async {
        let form = own(&access, &headers, form, |form| &form.csrf)?;
        access.act(Role::Operate, &Target::Lists)?;
        let scope = BrakeScope::parse(form.scope.trim()).map_err(Problem::bad)?;
        let caller = access.act(Role::Operate, &(&scope).into())?;
        finish(&app, "release", move |daemon| daemon.release(scope, caller)).await
    };
    let done = done.await;
    answer(&app, &access, "/brakes", done).await
}
