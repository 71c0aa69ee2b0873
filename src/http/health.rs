//! `/livez` and `/readyz`.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};

use crate::http::App;
use crate::http::access::Access;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/livez", get(live))
        .route("/readyz", get(ready))
}

/// 200 as long as the engine's loop turns: what a supervisor restarts on.
async fn live(State(app): State<App>) -> Response {
    match app.daemon.alive() {
        Ok(()) => "ok\n".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("not alive: {why}\n")).into_response(),
    }
}

/// 200 once the store is open and each cluster was tried once; a cluster that cannot be reached
/// does not make refollow unready, since it is there to tell of it.
async fn ready(State(app): State<App>, Extension(access): Extension<Access>) -> Response {
    match app.daemon.ready() {
        Ok(()) => "ready\n".into_response(),
        Err(_) if !access.sees_all() => (StatusCode::SERVICE_UNAVAILABLE, "not ready yet\n").into_response(),
        Err(missing) => {
            let lines = missing.join("\n- ");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready yet:\n- {lines}\n"),
            )
                .into_response()
        }
    }
}
