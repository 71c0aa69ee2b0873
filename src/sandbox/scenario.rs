//! Named scenarios: how a pair starts (`healthy`, `empty`) and what then breaks
//! (`history-lost:orders-f`, …).
//!
//! Owns the names, their parsing and the two small helpers with which scenarios talk to a
//! pair. What a start holds is in [`start`], what breaks in [`breakage`]. Played by
//! the demo, by tests, by `refollow sandbox --scenario` and by `POST /_sandbox/scenario`.

use serde_json::Value;

use crate::elastic::transport::Method;
use crate::sandbox::load;
use crate::sandbox::pair::{Handled, Pair, Side};
use crate::sandbox::world::World;

mod acts;
pub mod breakage;
mod quiet;
pub mod start;

/// Why a scenario was not played. The pair may have been changed by the steps before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// No such name.
    #[error("`{0}` is not a scenario; GET /_sandbox/scenario lists them")]
    UnknownName(String),
    /// The name needs something behind its colon, or has too much.
    #[error("`{name}` is written as `{usage}`")]
    Usage {
        /// What was asked.
        name: String,
        /// How it is written.
        usage: &'static str,
    },
    /// The index is neither a follower nor followed.
    #[error("`{asked}` is no follower and no leader of one; followers are: {known}")]
    UnknownFollower {
        /// What was asked.
        asked: String,
        /// The names that would do.
        known: String,
    },
    /// The pair refused a step.
    #[error("{step} was answered {status}: {answer}")]
    Step {
        /// Cluster, method and path.
        step: String,
        /// HTTP status, 0 where there was no answer.
        status: u16,
        /// Beginning of the answer's body.
        answer: String,
    },
    /// The scenario does not fit the follower that was named.
    #[error("{0}")]
    Unfit(String),
}

/// Plays a scenario now and says in a sentence what was done.
pub fn play(world: &World, name: &str) -> Result<String, ScenarioError> {
    let (kind, argument) = match name.split_once(':') {
        Some((kind, argument)) => (kind, Some(argument.trim())),
        None => (name, None),
    };
    let kind = kind.trim();
    if let Some(start) = start::Start::named(kind) {
        if argument.is_some() {
            return Err(ScenarioError::Usage {
                name: name.to_owned(),
                usage: start.name(),
            });
        }
        return start::play(world, start);
    }
    let Some(breakage) = breakage::NAMES.iter().find(|known| known.name == kind) else {
        return Err(ScenarioError::UnknownName(name.to_owned()));
    };
    let argument = argument.filter(|text| !text.is_empty());
    match (breakage.takes, argument) {
        (breakage::Takes::Nothing, Some(_)) | (breakage::Takes::Follower | breakage::Takes::Needed, None) => {
            return Err(ScenarioError::Usage {
                name: name.to_owned(),
                usage: breakage.usage,
            });
        }
        _ => {}
    }
    breakage::play(world, breakage, argument)
}

/// All names with what they do, as `GET /_sandbox/scenario` answers.
pub fn list() -> Value {
    let starts: Vec<Value> = start::Start::ALL
        .iter()
        .map(|start| serde_json::json!({"name": start.name(), "what": start.what()}))
        .collect();
    let breakages: Vec<Value> = breakage::NAMES
        .iter()
        .map(|breakage| serde_json::json!({"name": breakage.usage, "what": breakage.what}))
        .collect();
    serde_json::json!({"starts": starts, "breakages": breakages})
}

/// One request of a scenario to the pair; an answer that comes late is not waited for and is
/// `None`.
pub(crate) fn send(
    pair: &mut Pair,
    side: Side,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<Option<(u16, Value)>, ScenarioError> {
    let request = load::request(method, target, body.map(Value::to_string));
    match pair.handle(side, &request) {
        Handled::Answer(response) => {
            let body = serde_json::from_slice(&response.body)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&response.body).into_owned()));
            Ok(Some((response.status, body)))
        }
        Handled::Later(_) => Ok(None),
        Handled::Down => Err(refused(side, method, target, 0, "the node is down")),
    }
}

/// As [`send`], and the answer must be a success.
pub(crate) fn must(
    pair: &mut Pair,
    side: Side,
    method: Method,
    target: &str,
    body: Option<&Value>,
) -> Result<Value, ScenarioError> {
    match send(pair, side, method, target, body)? {
        None => Ok(Value::Null),
        Some((200..=299, body)) => Ok(body),
        Some((status, body)) => Err(refused(side, method, target, status, &body.to_string())),
    }
}

fn refused(side: Side, method: Method, target: &str, status: u16, answer: &str) -> ScenarioError {
    ScenarioError::Step {
        step: format!(
            "{} {} {target}",
            crate::sandbox::faults::side_text(side),
            method.as_str()
        ),
        status,
        answer: answer.chars().take(400).collect(),
    }
}
