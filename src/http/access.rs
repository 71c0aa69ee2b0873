//! Who is asking, and whether they may: one answer for the API, the pages and the admin socket.
//!
//! Who called the admin socket may everything. Over TCP the first of these says who it is and what
//! they may: a token in the request, a session that a token began, a proxy that is believed (both on
//! the pages alone), a client certificate. Without any there is reading, where reading is open, and
//! nothing else.
//!
//! What a browser sends by itself (session, proxy, certificate) changes something only for a form
//! with its own secret; over the API a certificate does not count where another site made the
//! browser ask.

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::domain::access::{Role, Target, digest};
use crate::domain::ids::ClusterName;
use crate::domain::named::{By, Named};
use crate::http::dto::{Caller, Problem, ProblemKind, Status};
use crate::http::login::{Peer, from_our_pages};
use crate::http::proxy::Said;
use crate::http::sessions::{cookie_of, key_of};
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

/// Whom a client certificate names; laid into each request of its connection.
#[derive(Debug, Clone)]
pub(super) struct Certified(pub(super) Option<Named>);

/// What nobody typed: headers of a proxy on the pages, a certificate anywhere.
fn unasked(app: &App, request: &Request, is_page: bool) -> Result<Option<Named>, Problem> {
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let said = app
        .proxy
        .as_ref()
        .map_or(Said::Nothing, |proxy| proxy.said(peer, request.headers()));
    match said {
        Said::Named(named) if is_page => return Ok(Some(named)),
        Said::Wrong if is_page => {
            return Err(Problem::new(
                ProblemKind::Forbidden,
                "the proxy names somebody twice, or by what cannot be a name",
            )
            .remedy("let the proxy set its headers anew, and drop those that come from clients"));
        }
        Said::Ignored => {
            if let Some(metrics) = &app.metrics {
                metrics.proxy_headers_ignored();
            }
        }
        Said::Named(_) | Said::Wrong | Said::Nothing => {}
    }
    let shown = request.extensions().get::<Certified>();
    Ok(shown.and_then(|Certified(named)| named.clone()))
}

/// Says who is asking before any route is looked at. A token that does not hold is refused and
/// never taken for none; what a browser has says who it is on the pages only.
pub(super) async fn known(
    State(app): State<App>,
    caller: Option<CallerExtension>,
    mut request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let is_page = !request.uri().path().starts_with("/api/");
    let peer = request.extensions().get::<Peer>().map(|Peer(address)| *address);
    let secure = app.secure
        || app
            .proxy
            .as_ref()
            .is_some_and(|proxy| proxy.came_by_tls(peer, headers));
    let cookie = text(headers, header::COOKIE)
        .and_then(|header| cookie_of(header, secure))
        .filter(|_| is_page);
    let session = cookie.and_then(|cookie| {
        let (token, csrf) = app.sessions.find(cookie)?;
        Some((app.daemon.grant(&token)?, key_of(cookie), csrf))
    });
    let (who, session) = match (caller, bearer(headers), session) {
        (Some(Extension(caller)), ..) => (Who::Socket(caller), None),
        (None, Ok(Some(token)), _) => match app.daemon.token(&digest(token)) {
            Some(grant) => (Who::Named(grant.into()), None),
            None => return not_held(),
        },
        (None, Err(()), _) => return not_held(),
        (None, Ok(None), Some((grant, key, csrf))) => (Who::Named(grant.into()), Some((key, csrf))),
        (None, Ok(None), None) => match unasked(&app, &request, is_page) {
            Err(problem) => return problem.into_response(),
            Ok(None) => {
                let may_read = app.reading_open;
                (Who::Nobody { may_read }, None)
            }
            Ok(Some(named)) => {
                // Without random bits there is no form, and reading goes on.
                let begun = is_page.then(|| app.sessions.of(&named).ok()).flatten();
                (Who::Named(named), begun)
            }
        },
    };
    let (session, csrf) = session.unzip();
    // Told on the page that is opened next, not by what that page loads.
    let opens = request.method() == Method::GET
        && text(request.headers(), header::ACCEPT).is_some_and(|accept| accept.contains("text/html"));
    let flash = session
        .as_ref()
        .filter(|_| opens)
        .and_then(|session| app.sessions.told(session));
    request.extensions_mut().insert(Access {
        who,
        session,
        csrf,
        flash,
        secure,
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
    // Browsers show certificates by themselves, whichever site makes them ask.
    let by_certificate = matches!(&access.who, Who::Named(named) if named.by == By::Certificate);
    if !reads && by_certificate && path.starts_with("/api/") && !from_our_pages(request.headers()) {
        return Problem::new(
            ProblemKind::Forbidden,
            "another site made this browser ask, and a certificate does not count then",
        )
        .remedy("use the pages, a token, or a program that is no browser")
        .into_response();
    }
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
    /// Whom a token, a certificate or a proxy names.
    Named(Named),
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
    /// The session of who has one: what forms leave their word with.
    pub(super) session: Option<String>,
    /// What every form must carry: only where a session says who it is.
    pub(super) csrf: Option<String>,
    /// What the last form of this session did, to be told once.
    pub(super) flash: Option<String>,
    /// The browser comes by TLS, to us or to the proxy.
    pub(super) secure: bool,
    /// Where what is missing can be had, for people.
    pub(super) socket: String,
}

impl Access {
    /// Whether this may be done there.
    pub(super) fn may(&self, role: Role, target: &Target) -> bool {
        match &self.who {
            Who::Socket(_) => true,
            Who::Named(named) => named.may(role, target),
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
            Who::Named(named) if named.may(role, target) => Ok(Caller {
                name: named.person.clone(),
                uid: None,
                token: Some(named.id.clone()),
                groups: Vec::new(),
            }),
            Who::Named(_) | Who::Nobody { .. } => Err(self.refuse(role, target)),
        }
    }

    /// Whether a form carries this session's own secret.
    pub(super) fn is_own_form(&self, csrf: &str) -> bool {
        self.csrf.as_ref().is_some_and(|own| digest(own) == digest(csrf))
    }

    fn refuse(&self, role: Role, target: &Target) -> Problem {
        let socket = &self.socket;
        match &self.who {
            Who::Named(named) => {
                let (by, enough) = (named.by.words(), named.role().is_some_and(|has| has >= role));
                let what = match target {
                    Target::Cluster(_) if enough => format!("{by} does not reach that cluster"),
                    Target::Everything if enough => {
                        format!("this stands over all clusters, and {by} is limited to some")
                    }
                    _ => {
                        let has = named.role().map_or("none", Role::as_str);
                        format!("this needs the role `{role}`, and {by} has `{has}`")
                    }
                };
                let other = match named.by {
                    By::Token => "another token".to_owned(),
                    By::Certificate => "a token or another certificate".to_owned(),
                    By::Proxy => "a token, ask for a group that gives more".to_owned(),
                };
                Problem::new(ProblemKind::Forbidden, what)
                    .remedy(format!("use {other}, or the admin socket {socket}"))
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
