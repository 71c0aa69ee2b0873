//! Who is asking, and whether they may: one answer for the API, the pages and the admin socket.
//!
//! Who called the admin socket may everything. Over TCP a token says who it is and what they may;
//! without one there is reading, where reading is open, and nothing else.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::access::{Grant, Role, Target, digest};
use crate::domain::ids::ClusterName;
use crate::http::dto::{Caller, Problem, ProblemKind, Status};
use crate::http::sessions::cookie_of;
use crate::http::{App, CallerExtension};

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// The token of `Authorization: Bearer …`; `Err`: something else stands there.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ()> {
    let Some(value) = headers.get(header::AUTHORIZATION) else {
        return Ok(None);
    };
    let value = value.to_str().map_err(|_| ())?;
    let (scheme, token) = value.split_once(' ').ok_or(())?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(Some(token.trim()))
    } else {
        Err(())
    }
}

/// Says who is asking before any route is looked at. A token that does not hold is refused and
/// never taken for none; a cookie says who it is on the pages only.
pub(super) async fn known(
    State(app): State<App>,
    caller: Option<CallerExtension>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_page = !request.uri().path().starts_with("/api/");
    let cookie = text(headers, header::COOKIE)
        .and_then(|header| cookie_of(header, app.secure))
        .filter(|_| is_page);
    let session = cookie.and_then(|cookie| {
        let (token, csrf) = app.sessions.find(cookie)?;
        Some((app.daemon.grant(&token)?, csrf))
    });
    let (who, csrf) = match (caller, bearer(headers), session) {
        (Some(Extension(caller)), ..) => (Who::Socket(caller), None),
        (None, Ok(Some(token)), _) => match app.daemon.token(&digest(token)) {
            Some(grant) => (Who::Token(grant), None),
            None => return not_held(),
        },
        (None, Err(()), _) => return not_held(),
        (None, Ok(None), Some((grant, csrf))) => (Who::Token(grant), Some(csrf)),
        (None, Ok(None), None) => {
            let may_read = app.reading_open;
            (Who::Nobody { may_read }, None)
        }
    };
    // Told on the page that is opened next, not by what that page loads.
    let opens = request.method() == Method::GET
        && text(headers, header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    let flash = cookie
        .filter(|_| opens && csrf.is_some())
        .and_then(|cookie| app.sessions.told(cookie));
    request.extensions_mut().insert(Access {
        who,
        csrf,
        flash,
        socket: app.socket.display().to_string(),
    });
    next.run(request).await
}

fn not_held() -> Response {
    Problem::new(
        ProblemKind::NoToken,
        "this token is not known, was revoked, or has ended",
    )
    .remedy("send `Authorization: Bearer <token>` with one that `refollow token create` made")
    .into_response()
}

/// Refuses whatever could change something by nobody, before any route is looked at.
pub(super) async fn named_to_change(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    request: Request,
    next: Next,
) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let path = request.uri().path();
    let nobody = !app.admin && matches!(access.who, Who::Nobody { .. });
    if reads || !nobody || matches!(path, "/login" | "/logout") {
        return next.run(request).await;
    }
    if path.starts_with("/api/") {
        return access.refuse(Role::Approve, &Target::Lists).into_response();
    }
    Redirect::to("/login").into_response()
}

/// Adds what 401 must carry (RFC 9110, 15.5.2).
pub(super) fn challenge(mut response: Response) -> Response {
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"refollow\""),
        );
    }
    response
}

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Whom the kernel names, over the admin socket.
    Socket(Caller),
    /// Whoever holds this token.
    Token(Grant),
    /// Nobody who said so.
    Nobody {
        /// Whether reading needs no token.
        may_read: bool,
    },
}

/// Who is asking, and the session that their browser has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) who: Who,
    /// What every form must carry: only where a session says who it is.
    pub(super) csrf: Option<String>,
    /// What the last form of this session did, to be told once.
    pub(super) flash: Option<String>,
    /// Where what is missing can be had, for people.
    pub(super) socket: String,
}

impl Access {
    /// Whether this may be done there.
    pub(super) fn may(&self, role: Role, target: &Target) -> bool {
        match &self.who {
            Who::Socket(_) => true,
            Who::Token(grant) => grant.may(role, target),
            Who::Nobody { may_read } => *may_read && role == Role::View,
        }
    }

    /// Whether anything at all may be seen.
    pub(super) fn sees_anything(&self) -> bool {
        self.may(Role::View, &Target::Lists)
    }

    /// Whether anything of this cluster may be seen.
    pub(super) fn sees(&self, cluster: &ClusterName) -> bool {
        self.may(Role::View, &Target::Cluster(cluster.clone()))
    }

    /// Whether everything may be seen.
    pub(super) fn sees_all(&self) -> bool {
        self.may(Role::View, &Target::Everything)
    }

    /// The part of the fleet that may be seen.
    pub(super) fn within(&self, mut status: Status) -> Status {
        if !self.sees_all() {
            status.followers.retain(|one| self.sees(&one.cluster));
            status.incidents.retain(|one| self.sees(&one.cluster));
            status.patterns.retain(|one| self.sees(&one.cluster));
            // A note names what it likes.
            status.notes.clear();
        }
        status
    }

    /// Reading.
    ///
    /// # Errors
    /// 401 without a token, 403 with one that does not reach so far.
    pub(super) fn read(&self, target: &Target) -> Result<(), Problem> {
        if self.may(Role::View, target) {
            return Ok(());
        }
        Err(self.refuse(Role::View, target))
    }

    /// Doing, or reading what is not for everybody: never without a name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn act(&self, role: Role, target: &Target) -> Result<Caller, Problem> {
        match &self.who {
            Who::Socket(caller) => Ok(caller.clone()),
            Who::Token(grant) if grant.may(role, target) => Ok(Caller {
                name: grant.person.clone(),
                uid: None,
                token: Some(grant.id.clone()),
                groups: Vec::new(),
            }),
            Who::Token(_) | Who::Nobody { .. } => Err(self.refuse(role, target)),
        }
    }

    /// Whether a form carries this session's own secret.
    pub(super) fn is_own_form(&self, csrf: &str) -> bool {
        self.csrf.as_ref().is_some_and(|own| digest(own) == digest(csrf))
    }

    fn refuse(&self, role: Role, target: &Target) -> Problem {
        let socket = &self.socket;
        match &self.who {
            Who::Token(grant) => {
                let what = match target {
                    Target::Cluster(_) if grant.role >= role => {
                        "this token does not reach that cluster".to_owned()
                    }
                    Target::Everything if grant.role >= role => {
                        "this stands over all clusters, and this token is limited to some".to_owned()
                    }
                    _ => format!("this needs the role `{role}`, and this token has `{}`", grant.role),
                };
                Problem::new(ProblemKind::Forbidden, what)
                    .remedy(format!("use another token, or the admin socket {socket}"))
            }
            Who::Socket(_) | Who::Nobody { .. } => Problem::new(
                ProblemKind::NoToken,
                format!("over TCP this needs a token with the role `{role}`; the admin socket {socket} needs none"),
            )
            .remedy(format!(
                "make one with `refollow token create`, or use the command line, or curl --unix-socket {socket}"
            )),
        }
    }
}
