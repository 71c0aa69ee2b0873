//! Tokens through the API: made, listed, revoked, on the admin socket alone, so that nobody who
//! came over TCP can give to themselves what they do not have.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use serde::Serialize;

use crate::domain::access::{Grant, Reach, Token, digest, hex, person, token_text};
use crate::domain::time::after;
use crate::http::App;
use crate::http::access::{Access, Who};
use crate::http::api::{body, finish};
use crate::http::dto::{Caller, Problem, ProblemKind, TokenBody, TokenItem, TokenList, TokenMade};
use crate::http::secret::random;

/// Tokens at once: each is compared with each that comes.
const MAX_TOKENS: usize = 1_000;
/// Bytes of the random part that name a token.
const ID_BYTES: usize = 6;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/api/v1/tokens", get(list).post(create))
        .route("/api/v1/tokens/{id}", delete(revoke))
}

fn socket_only(access: &Access) -> Result<Caller, Problem> {
    match &access.who {
        Who::Socket(caller) => Ok(caller.clone()),
        Who::Named(_) | Who::Nobody { .. } => Err(Problem::new(
            ProblemKind::AdminOnly,
            format!(
                "tokens are made and revoked through the admin socket {}",
                access.socket
            ),
        )
        .remedy("use `refollow token` on the daemon's host")),
    }
}

type Answer<T> = Result<Json<T>, Problem>;

async fn list(State(app): State<App>, Extension(access): Extension<Access>) -> Answer<impl Serialize> {
    socket_only(&access)?;
    let now = app.daemon.now();
    let tokens = app.daemon.tokens();
    Ok(Json(TokenList {
        tokens: tokens.iter().map(|token| TokenItem::new(token, now)).collect(),
    }))
}

async fn create(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    bytes: Bytes,
) -> Answer<impl Serialize> {
    let caller = socket_only(&access)?;
    let wanted: TokenBody = body(&bytes)?;
    let person = person(wanted.person.as_deref().unwrap_or(&caller.name)).map_err(Problem::bad)?;
    let reach = match wanted.clusters {
        None => Reach::All,
        Some(clusters) => {
            let known = app.daemon.clusters().clusters;
            let unknown = clusters
                .iter()
                .find(|name| known.iter().all(|one| one.name != **name));
            if let Some(unknown) = unknown {
                return Err(Problem::bad(format!("there is no cluster `{unknown}`")));
            }
            if clusters.is_empty() {
                return Err(Problem::bad(
                    "`clusters` is empty: such a token would open nothing",
                ));
            }
            Reach::Only(BTreeSet::from_iter(clusters))
        }
    };
    if wanted.for_seconds == Some(0) {
        return Err(Problem::bad("`for_seconds` is 0: such a token would never hold"));
    }
    if app.daemon.tokens().len() >= MAX_TOKENS {
        return Err(
            Problem::refused("tokens", format!("there are {MAX_TOKENS} tokens already"))
                .remedy("revoke those that nobody uses: `refollow token list`"),
        );
    }
    let text = token_text(&random()?);
    let now = app.daemon.now();
    let token = Token {
        grant: Grant {
            id: hex(&random()?[..ID_BYTES]),
            person,
            role: wanted.role,
            reach,
        },
        digest: digest(&text),
        created_at: now,
        created_by: caller.name.clone(),
        expires_at: wanted
            .for_seconds
            .map(|seconds| after(now, Duration::from_secs(seconds))),
    };
    let item = TokenItem::new(&token, now);
    finish(&app, "create token", move |daemon| {
        daemon.add_token(token, caller)
    })
    .await?;
    Ok(Json(TokenMade { token: text, item }))
}

async fn revoke(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    Path(id): Path<String>,
) -> Answer<impl Serialize> {
    let caller = socket_only(&access)?;
    finish(&app, "revoke token", move |daemon| {
        daemon.revoke_token(id, caller)
    })
    .await
    .map(Json)
}
