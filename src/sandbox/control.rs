//! The control routes under `/_sandbox/`, on both ports: what happened, what shall go wrong,
//! what time it is, what breaks next.
//!
//! | route | does |
//! |---|---|
//! | `GET /_sandbox/requests[?changes=true][&cluster=follower]` | the log, a JSON list in the order of arrival |
//! | `DELETE /_sandbox/requests` | empties the log |
//! | `GET /_sandbox/faults` | the faults with their counts |
//! | `PUT /_sandbox/faults` | replaces them by one fault or a list |
//! | `POST /_sandbox/faults` | adds one fault or a list |
//! | `DELETE /_sandbox/faults` | switches all off |
//! | `GET /_sandbox/clock` | `{"now","now_ms"}` |
//! | `POST /_sandbox/clock` | `{"advance":"2h"}` pushes the clock |
//! | `GET /_sandbox/scenario` | the names that can be played |
//! | `POST /_sandbox/scenario` | `{"name":"history-lost:orders-f"}` plays one |
//!
//! Control requests are not in the log and no fault hits them.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sandbox::clock::{parse_duration, rfc3339};
use crate::sandbox::faults::{Fault, side_of, side_text};
use crate::sandbox::pair::Side;
use crate::sandbox::scenario;
use crate::sandbox::world::World;

const PREFIX: &str = "/_sandbox";
const ROUTES: [&str; 4] = [
    "/_sandbox/requests",
    "/_sandbox/faults",
    "/_sandbox/clock",
    "/_sandbox/scenario",
];

/// The answer to a control request.
#[derive(Debug, Clone, PartialEq)]
pub struct Controlled {
    /// HTTP status.
    pub status: u16,
    /// JSON body.
    pub body: Value,
    /// How many reads the log has forgotten, on the route that shows it.
    pub dropped: Option<u64>,
}

impl Controlled {
    const fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            dropped: None,
        }
    }

    fn wrong(status: u16, message: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({"error": message.into()}),
            dropped: None,
        }
    }

    /// As an HTTP response.
    pub fn into_http(self) -> hyper::Response<Full<Bytes>> {
        let mut text = self.body.to_string();
        text.push('\n');
        let mut answer = hyper::Response::new(Full::new(Bytes::from(text)));
        if let Ok(status) = hyper::StatusCode::from_u16(self.status) {
            *answer.status_mut() = status;
        }
        let headers = answer.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(dropped) = self.dropped {
            headers.insert("x-sandbox-dropped", HeaderValue::from(dropped));
        }
        answer
    }
}

/// Whether a request is for the sandbox itself.
pub fn is_control(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or(target);
    path.strip_prefix(PREFIX)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a control request; the table in the module header lists them.
pub fn answer(world: &World, method: &str, target: &str, body: &[u8]) -> Controlled {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let route = path.strip_prefix(PREFIX).unwrap_or(path).trim_matches('/');
    match (method, route) {
        ("GET", "") => Controlled::ok(json!({
            "routes": ROUTES,
            "now": rfc3339(world.now_ms()),
            "reachable": {
                "leader": world.reachable(Side::Leader),
                "follower": world.reachable(Side::Follower),
            },
        })),
        ("GET", "requests") => requests(world, query),
        ("DELETE", "requests") => {
            world.with(|state| state.log.clear());
            Controlled::ok(json!({"acknowledged": true}))
        }
        ("GET", "faults") => Controlled::ok(faults(world)),
        ("PUT", "faults") => set_faults(world, body, true),
        ("POST", "faults") => set_faults(world, body, false),
        ("DELETE", "faults") => {
            world.clear_faults();
            Controlled::ok(faults(world))
        }
        ("GET", "clock") => Controlled::ok(clock(world)),
        ("POST", "clock") => advance(world, body),
        ("GET", "scenario") => Controlled::ok(scenario::list()),
        ("POST", "scenario") => play(world, body),
        (_, "requests" | "faults" | "clock" | "scenario" | "") => {
            Controlled::wrong(405, format!("{method} is not for {path}"))
        }
        _ => Controlled::wrong(
            404,
            format!("{path} is not a control route; GET {PREFIX} lists them"),
        ),
    }
}

fn requests(world: &World, query: &str) -> Controlled {
    let mut changes = None;
    let mut side = None;
    for (key, value) in query
        .split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "true")))
    {
        match (key, value) {
            ("changes", "true") => changes = Some(true),
            ("changes", "false") => changes = Some(false),
            ("cluster", name) if side_of(name).is_some() => side = side_of(name),
            _ => {
                return Controlled::wrong(
                    400,
                    format!(
                        "`{key}={value}` is not `changes=true`, `changes=false`, `cluster=leader` or `cluster=follower`"
                    ),
                );
            }
        }
    }
    let (list, dropped) = world.with(|state| {
        let list: Vec<Value> = state
            .log
            .entries()
            .filter(|entry| changes.is_none_or(|wanted| entry.changes == wanted))
            .filter(|entry| side.is_none_or(|wanted| entry.cluster == side_text(wanted)))
            .filter_map(|entry| serde_json::to_value(entry).ok())
            .collect();
        (list, state.log.dropped())
    });
    Controlled {
        status: 200,
        body: Value::Array(list),
        dropped: Some(dropped),
    }
}

fn faults(world: &World) -> Value {
    world.with(|state| json!(state.faults.list()))
}

fn set_faults(world: &World, body: &[u8], replace: bool) -> Controlled {
    // Told apart by hand: an untagged enum would swallow serde's message about the mistake.
    let parsed = match serde_json::from_slice::<Value>(body) {
        Ok(list @ Value::Array(_)) => serde_json::from_value::<Vec<Fault>>(list),
        Ok(one) => serde_json::from_value::<Fault>(one).map(|one| vec![one]),
        Err(error) => Err(error),
    };
    match parsed {
        Ok(new) => {
            world.with(|state| {
                if replace {
                    state.faults.clear();
                }
                for fault in new {
                    state.faults.add(fault);
                }
            });
            Controlled::ok(faults(world))
        }
        Err(error) => Controlled::wrong(400, format!("not a fault or a list of faults: {error}")),
    }
}

fn clock(world: &World) -> Value {
    let now = world.now_ms();
    json!({"now": rfc3339(now), "now_ms": now})
}

fn advance(world: &World, body: &[u8]) -> Controlled {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Advance {
        advance: String,
    }
    match serde_json::from_slice::<Advance>(body) {
        Ok(wanted) => match parse_duration(&wanted.advance) {
            Some(by) => {
                world.advance(by);
                Controlled::ok(clock(world))
            }
            None => Controlled::wrong(
                400,
                format!("`{}` is not a duration such as `2h`", wanted.advance),
            ),
        },
        Err(error) => Controlled::wrong(400, format!("not {{\"advance\":\"2h\"}}: {error}")),
    }
}

fn play(world: &World, body: &[u8]) -> Controlled {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Play {
        name: String,
    }
    match serde_json::from_slice::<Play>(body) {
        Ok(wanted) => match scenario::play(world, &wanted.name) {
            Ok(what) => Controlled::ok(json!({"played": wanted.name, "what": what})),
            Err(error) => Controlled::wrong(400, error.to_string()),
        },
        Err(error) => Controlled::wrong(
            400,
            format!("not {{\"name\":\"history-lost:orders-f\"}}: {error}"),
        ),
    }
}
