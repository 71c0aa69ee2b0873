//! From a request to the part that answers it; what every route shares.

mod ccr;
mod cluster;
mod docs;
mod indices;
mod more;
pub(super) mod shards;

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::elastic::transport::Method;

use super::errors::{Answer, Fault};
use super::follow::Outcome;
use super::json;
use super::pair::{Pair, Side, Version};

/// A request, taken apart.
pub struct Call {
    /// Which cluster.
    pub side: Side,
    /// Method.
    pub method: Method,
    /// Path as it came, without the query.
    pub path: String,
    /// Decoded segments of the path.
    pub segments: Vec<String>,
    /// Decoded query parameters.
    pub query: BTreeMap<String, String>,
    /// The body as it came.
    pub raw: Vec<u8>,
    /// The body as JSON; `Null` where there is none.
    pub body: Value,
    /// Who asks.
    pub user: String,
}

impl Call {
    /// Takes a request apart.
    pub fn new(side: Side, method: Method, path: &str, query: &str, body: &[u8], user: &str) -> Self {
        let decode = |text: &str| {
            percent_decode_str(&text.replace('+', " "))
                .decode_utf8_lossy()
                .into_owned()
        };
        let segments = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let query = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, "true"));
                (decode(key), decode(value))
            })
            .collect();
        Self {
            side,
            method,
            path: path.to_owned(),
            segments,
            query,
            raw: body.to_vec(),
            body: serde_json::from_slice(body).unwrap_or(Value::Null),
            user: user.to_owned(),
        }
    }

    /// A query parameter.
    pub fn param(&self, key: &str) -> Option<&str> {
        self.query.get(key).map(String::as_str)
    }

    /// Whether a query parameter is there and not `false`.
    pub fn flag(&self, key: &str) -> bool {
        self.param(key).is_some_and(|value| value != "false")
    }

    /// Refuses query parameters that the route does not know.
    pub fn only(&self, known: &[&str]) -> Result<(), Fault> {
        const COMMON: [&str; 6] = [
            "pretty",
            "human",
            "error_trace",
            "filter_path",
            "format",
            "source_content_type",
        ];
        let unknown: Vec<String> = self
            .query
            .keys()
            .filter(|key| !COMMON.contains(&key.as_str()) && !known.contains(&key.as_str()))
            .map(|key| format!("[{key}]"))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let plural = if unknown.len() == 1 { "" } else { "s" };
        Err(Fault::argument(format!(
            "request [{}] contains unrecognized parameter{plural}: {}",
            self.path,
            unknown.join(", ")
        )))
    }

    /// Applies `filter_path`.
    pub fn filter(&self, body: Value) -> Value {
        match self.param("filter_path") {
            Some(patterns) => json::filter(body, patterns),
            None => body,
        }
    }

    /// Whether `filter_path` may leave something at or below this path.
    pub fn may_show(&self, path: &str) -> bool {
        self.param("filter_path")
            .is_none_or(|patterns| json::may_show(patterns, path))
    }
}

/// `{"acknowledged": true}`.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the last word of many routes, which all can refuse"
)]
pub fn acknowledged() -> Answer {
    Ok((200, json!({"acknowledged": true})))
}

/// Answers a request, or says when.
pub fn dispatch(pair: &mut Pair, call: &Call) -> Result<Outcome, Fault> {
    pair.authenticate(call.side, &call.user, &call.path)?;
    if let Some(outcome) = ccr::route(pair, call)? {
        return Ok(outcome);
    }
    if let Some(outcome) = indices::route(pair, call)? {
        return Ok(outcome);
    }
    for route in [cluster::route, docs::route, more::route] {
        if let Some((status, body)) = route(pair, call)? {
            return Ok(Outcome::Now(status, body));
        }
    }
    Err(no_handler(pair, call))
}

/// What a version says to a path it does not know.
fn no_handler(pair: &Pair, call: &Call) -> Fault {
    let first = call.segments.first().cloned().unwrap_or_default();
    let method = call.method.as_str();
    match pair.version {
        Version::V7_7_0 if method == "GET" && first.starts_with('_') => Fault::new(
            404,
            &json!({"type": "index_not_found_exception", "reason": format!("no such index [{first}]"),
                "resource.type": "index_expression", "resource.id": first, "index_uuid": "_na_", "index": first}),
        ),
        Version::V7_7_0 if first.starts_with('_') => Fault::new(
            400,
            &json!({"type": "invalid_index_name_exception",
                "reason": format!("Invalid index name [{first}], must not start with '_', '-', or '+'"),
                "index_uuid": "_na_", "index": first}),
        ),
        _ => Fault {
            status: 400,
            body: json!({"error": format!("no handler found for uri [{}] and method [{method}]", call.path)}),
        },
    }
}
