//! What the judge says of one follower, and what it rests on.

use serde::{Deserialize, Serialize};

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::state::State;
use crate::domain::time::Timestamp;

/// One field that a verdict rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// Path of the field in the answer, for example `shards[0].fatal_exception.type`.
    pub field: String,
    /// Its value as text (long ones cut).
    pub value: String,
    /// The call it came from: `<cluster>: GET /path`.
    pub call: String,
    /// When that answer came.
    pub at: Timestamp,
}

impl Evidence {
    /// The call for people: without its parameters, and of a list of names the first. The whole
    /// call stands in the evidence file.
    pub fn source(&self) -> String {
        let route = self.call.split_once('?').map_or(&*self.call, |(route, _)| route);
        let segments: Vec<String> = route
            .split('/')
            .map(|segment| match segment.split_once(',') {
                Some((first, others)) if others.contains(',') => format!("{first},…"),
                _ => segment.to_owned(),
            })
            .collect();
        segments.join("/")
    }
}

/// Is the index at the leader's place the one that was followed (contract, *Proof of identity*)?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Identity {
    /// UUID and every shard's history UUID are known and equal those followed.
    Proven,
    /// Known and different.
    Different,
    /// Not all known.
    Unproven,
}

/// What the judge says of one follower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What it is doing now.
    pub state: State,
    /// Why it is not following.
    pub cause: Cause,
    /// The other causes that fit.
    pub also: Vec<Cause>,
    /// The remedies in the order they are tried.
    pub ladder: Vec<Remedy>,
    /// Who must agree.
    pub approval: Approval,
    /// Whether the leader is proven to be the one followed.
    pub identity: Identity,
    /// It changed between states too often lately.
    pub flapping: bool,
    /// What the verdict rests on.
    pub evidence: Vec<Evidence>,
}

impl Verdict {
    /// The most destructive rung (0 when there is none).
    pub fn boldness(&self) -> u8 {
        self.ladder
            .iter()
            .map(|remedy| remedy.boldness())
            .max()
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_shown_the_call_and_not_its_parameters() {
        let of = |call: &str| {
            let evidence = Evidence {
                field: String::new(),
                value: String::new(),
                call: call.to_owned(),
                at: Timestamp::UNIX_EPOCH,
            };
            evidence.source()
        };
        assert_eq!(
            of("eu: GET /a,b,c/_settings?flat_settings=true"),
            "eu: GET /a,…/_settings"
        );
        assert_eq!(
            of("eu: GET /_cluster/state/metadata,routing_table/f?filter_path=x"),
            "eu: GET /_cluster/state/metadata,routing_table/f"
        );
        assert_eq!(of("eu: GET /*,.*/_ccr/info"), "eu: GET /*,.*/_ccr/info");
    }
}
