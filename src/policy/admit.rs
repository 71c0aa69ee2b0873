//! Admission: which of the repairs that may start do start now.

use crate::domain::cause::Remedy;
use crate::domain::ids::{FollowerKey, RemoteAlias};
use crate::domain::time::Timestamp;
use crate::policy::settings::Settings;
use crate::policy::world::World;

/// A repair whose decision is `act`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its follower.
    pub key: FollowerKey,
    /// The alias it follows through.
    pub remote: RemoteAlias,
    /// The most destructive rung of its plan.
    pub remedy: Remedy,
    /// When the leader may discard what the follower still needs; `None` (unknown or over) comes last.
    pub runway_expires_at: Option<Timestamp>,
    /// Bytes that a recreate would copy; `None` when not known.
    pub bytes: Option<u64>,
}

/// Whether a candidate starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Now.
    Now,
    /// Not yet.
    Later {
        /// Why, with numbers.
        reason: String,
        /// When it may be different, where that is known.
        at: Option<Timestamp>,
    },
}

/// Admits candidates in order of runway, shortest first, each counted against the ones before it.
pub fn admit(
    candidates: &[Candidate],
    _world: &World,
    _settings: &Settings,
) -> Vec<(FollowerKey, Admission)> {
    candidates
        .iter()
        .map(|candidate| {
            (
                candidate.key.clone(),
                Admission::Later {
                    reason: "admission is not built yet".to_owned(),
                    at: None,
                },
            )
        })
        .collect()
}
