//! Signing in and out: a token is typed once, and a cookie stands for it from then on.
//!
//! The cookie opens the pages and nothing of the API, so that no other site can make a browser
//! call the API; and a form counts only with the session's own secret in it and from our own pages.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Form, Router};
use serde::Deserialize;

use crate::domain::access::digest;
use crate::http::App;
use crate::http::access::Access;
use crate::http::pages::{self, Frame, Tab};
use crate::http::sessions::{cookie_name, cookie_of};

/// From where a connection comes; `None` on the admin socket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Peer(pub(super) IpAddr);

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/login", get(form).post(sign_in))
        .route("/logout", post(sign_out))
}

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    frame: Frame,
    problem: String,
    to: String,
}

#[derive(Debug, Default, Deserialize)]
struct To {
    #[serde(default)]
    to: String,
}

#[derive(Deserialize)]
struct Typed {
    token: String,
    #[serde(default)]
    to: String,
}

/// A path of ours, or the overview: no link may lead somebody who signs in to another place.
fn ours(to: &str) -> &str {
    let plain = to.starts_with('/')
        && !to.starts_with("//")
        && !to.contains(['\\', '\r', '\n', '\t'])
        && to.chars().all(|c| c.is_ascii_graphic());
    if plain { to } else { "/" }
}

/// Whether a form comes from our own pages. Browsers say so on every form; what says nothing is no
/// browser and has no cookie that it did not mean to send.
pub(super) fn from_our_pages(headers: &HeaderMap) -> bool {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &axum::http::HeaderValue| value.to_str().ok())
    };
    let site = text(header::HeaderName::from_static("sec-fetch-site"));
    if site.is_some_and(|site| site != "same-origin" && site != "none") {
        return false;
    }
    if headers.contains_key(header::ORIGIN) {
        let authority = text(header::ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, host)| host);
        return authority.is_some() && authority == text(header::HOST);
    }
    true
}

async fn page(app: &App, access: &Access, status: StatusCode, problem: &str, to: &str) -> Response {
    let mut frame = Frame::new(app.daemon.as_ref(), access, Tab::None, "Sign in").await;
    frame.still();
    let page = Login {
        frame,
        problem: problem.to_owned(),
        to: to.to_owned(),
    };
    pages::html(status, &page)
}

async fn form(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    query: Result<Query<To>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let to = query.map(|Query(to)| to).unwrap_or_default();
    page(&app, &access, StatusCode::OK, "", ours(&to.to)).await
}

async fn sign_in(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
    typed: Result<Form<Typed>, axum::extract::rejection::FormRejection>,
) -> Response {
    let Ok(Form(typed)) = typed else {
        return page(&app, &access, StatusCode::BAD_REQUEST, "No token was typed.", "/").await;
    };
    let to = ours(&typed.to);
    if !from_our_pages(&headers) {
        let words = "The form did not come from this page; type the token here.";
        return page(&app, &access, StatusCode::FORBIDDEN, words, to).await;
    }
    let peer = peer.map(|Extension(Peer(address))| address);
    if let Err(seconds) = app.sessions.may_try(peer) {
        let words = format!("Too many tokens that do not hold were tried; try again in {seconds} s.");
        let mut answer = page(&app, &access, StatusCode::TOO_MANY_REQUESTS, &words, to).await;
        answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        return answer;
    }
    let Some(grant) = app.daemon.token(&digest(typed.token.trim())) else {
        app.sessions.failed(peer);
        tracing::warn!(?peer, "a token that does not hold was tried at the sign-in page");
        let words = "This token is not known, was revoked, or has ended.";
        return page(&app, &access, StatusCode::UNAUTHORIZED, words, to).await;
    };
    let cookie = match app.sessions.begin(&grant.id) {
        Ok(cookie) => cookie,
        Err(problem) => {
            return page(
                &app,
                &access,
                StatusCode::INTERNAL_SERVER_ERROR,
                &problem.to_string(),
                to,
            )
            .await;
        }
    };
    tracing::info!(person = %grant.person, token = %grant.id, "signed in");
    let cookie = format!(
        "{}={cookie}; HttpOnly; SameSite=Strict; Path=/; Max-Age={}{}",
        cookie_name(access.secure),
        app.sessions.seconds(),
        secure_part(&access)
    );
    ([(header::SET_COOKIE, cookie)], Redirect::to(to)).into_response()
}

/// What keeps a cookie off plain HTTP, where the browser comes by TLS.
fn secure_part(access: &Access) -> &'static str {
    if access.secure { "; Secure" } else { "" }
}

async fn sign_out(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    form: Result<Form<Signing>, axum::extract::rejection::FormRejection>,
) -> Response {
    let csrf = form.map(|Form(form)| form.csrf).unwrap_or_default();
    if access.csrf.is_some() && from_our_pages(&headers) && access.is_own_form(&csrf) {
        let header = headers.get(header::COOKIE).and_then(|value| value.to_str().ok());
        if let Some(cookie) = header.and_then(|header| cookie_of(header, access.secure)) {
            app.sessions.end(cookie);
        }
    }
    let gone = format!(
        "{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0{}",
        cookie_name(access.secure),
        secure_part(&access)
    );
    ([(header::SET_COOKIE, gone)], Redirect::to("/")).into_response()
}

#[derive(Default, Deserialize)]
struct Signing {
    #[serde(default)]
    csrf: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_to_our_own_pages_only() {
        for fine in ["/", "/plans/abc", "/search?q=a%20b"] {
            assert_eq!(ours(fine), fine);
        }
        for elsewhere in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a\r\nb",
            "/ü",
            "javascript:x",
        ] {
            assert_eq!(ours(elsewhere), "/", "{elsewhere:?}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_not_ours() {
        let of = |pairs: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, value.parse().unwrap());
            }
            from_our_pages(&headers)
        };
        assert!(of(&[
            ("host", "h:1"),
            ("origin", "http://h:1"),
            ("sec-fetch-site", "same-origin")
        ]));
        assert!(of(&[("host", "h:1"), ("origin", "https://h:1")]));
        assert!(of(&[("host", "h:1")]));
        assert!(!of(&[("host", "h:1"), ("origin", "http://h:2")]));
        assert!(!of(&[("host", "h:1"), ("origin", "null")]));
        assert!(!of(&[("origin", "http://h:1")]));
        assert!(!of(&[("host", "h:1"), ("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("host", "h:1"), ("sec-fetch-site", "same-site")]));
    }
}
