//! `/metrics`, whole or in parts, and `/sd`, which tells Prometheus the parts of a fleet as targets.
//!
//! The text is written piece by piece while it is sent, so that the first byte comes at once and nobody
//! holds still for all of it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use futures::StreamExt as _;
use serde_json::{Value, json};

use crate::domain::access::Target;
use crate::domain::ids::ClusterName;
use crate::domain::near::nearest;
use crate::http::App;
use crate::http::access::Access;
use crate::http::dto::Problem;
use crate::metrics::{Format, Part, Scrape};

/// Of so many followers the text goes out whole, with its length.
const LARGE: usize = 10;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/sd", get(discovery))
}

async fn metrics(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    Query(asked): Query<Vec<(String, String)>>,
    headers: HeaderMap,
) -> Response {
    let wanted = match wanted(&app, &access, &asked) {
        Ok(wanted) => wanted,
        Err(problem) => return problem.into_response(),
    };
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    let format = Format::from_accept(accept);
    let open_metrics = format == Format::OpenMetrics;
    // The first piece is small whatever the fleet: it goes out while the others are written.
    let large = app.daemon.follower_count() > LARGE;
    let (mut head, mut number) = (String::new(), 0);
    while number == 0 || !large {
        let Some(text) = app.daemon.metrics_piece(&wanted, number, open_metrics) else {
            return ([(header::CONTENT_TYPE, format.content_type())], head).into_response();
        };
        head.push_str(&text);
        number += 1;
    }
    let rest = futures::stream::unfold(
        (app.daemon, wanted, number),
        move |(daemon, wanted, mut number)| async move {
            loop {
                let text = daemon.metrics_piece(&wanted, number, open_metrics)?;
                number += 1;
                // A large fleet's piece takes a while: others have their turn between two of them.
                tokio::task::yield_now().await;
                // hyper takes no empty piece: it would be the end of the answer.
                if !text.is_empty() {
                    return Some((text, (daemon, wanted, number)));
                }
            }
        },
    );
    // The compression asks once more behind the end.
    let pieces = futures::stream::once(std::future::ready(head)).chain(rest).fuse();
    let body = Body::from_stream(pieces.map(Ok::<_, Infallible>));
    ([(header::CONTENT_TYPE, format.content_type())], body).into_response()
}

/// What the query asks for, where whoever asks may read it. Anything else in the query is a mistake:
/// whoever misspells `cluster` would get the whole fleet.
fn wanted(app: &App, access: &Access, asked: &[(String, String)]) -> Result<Scrape, Problem> {
    let mut wanted = Scrape::default();
    for (name, value) in asked {
        match (name.as_str(), value.as_str()) {
            ("cluster", name) => {
                wanted.part = Part::Clusters;
                wanted.clusters.insert(known(app, access, name)?);
            }
            ("part", "own") => wanted.part = Part::Own,
            _ => {
                return Err(Problem::bad(format!("`{name}={value}` is not understood"))
                    .remedy("ask for `cluster=<name>`, several times perhaps, or for `part=own`"));
            }
        }
    }
    if asked.iter().any(|(name, _)| name == "part") && !wanted.clusters.is_empty() {
        return Err(Problem::bad("`part` and `cluster` exclude each other"));
    }
    if wanted.part != Part::Clusters {
        access.read(&Target::Everything)?;
    }
    Ok(wanted)
}

/// A configured cluster that may be read.
fn known(app: &App, access: &Access, name: &str) -> Result<ClusterName, Problem> {
    let parsed = ClusterName::parse(name).map_err(|error| Problem::bad(error.to_string()))?;
    access.read(&Target::Cluster(parsed.clone()))?;
    let names = app.daemon.cluster_names();
    if names.contains(&parsed) {
        return Ok(parsed);
    }
    // Only names that may be seen are told.
    let seen = names
        .iter()
        .filter(|name| access.sees(name))
        .map(ClusterName::as_str);
    let remedy = match nearest(name, seen) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`/sd` lists the clusters".to_owned(),
    };
    Err(Problem::not_found(format!("no cluster is called `{name}`")).remedy(remedy))
}

/// Prometheus' HTTP service discovery (`http_sd_configs`): one target for each cluster that may be read,
/// and one for refollow's own metrics. `instance` tells them apart, or Prometheus would write `up` of all
/// of them into one series.
async fn discovery(
    State(app): State<App>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
) -> Response {
    if let Err(problem) = access.read(&Target::Lists) {
        return problem.into_response();
    }
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else {
        return Problem::bad("the request has no Host header, and targets are under that name")
            .into_response();
    };
    let scheme = if app.secure { "https" } else { "http" };
    let target = |parameter: &str, value: &str| -> Value {
        json!({
            "targets": [host],
            "labels": {
                "__scheme__": scheme,
                "__metrics_path__": "/metrics",
                parameter: value,
                "instance": format!("{host}/{value}"),
            },
        })
    };
    let names: BTreeSet<ClusterName> = app.daemon.cluster_names().into_iter().collect();
    let clusters = names.iter().filter(|name| access.sees(name));
    let mut targets: Vec<Value> = clusters
        .map(|name| target("__param_cluster", name.as_str()))
        .collect();
    if access.sees_all() {
        targets.push(target("__param_part", "own"));
    }
    Json(targets).into_response()
}
