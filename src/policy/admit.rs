//! Admission: which of the repairs that may start do start now.
//!
//! Shortest runway first (safety 9), each counted against the ones before it, so that what is
//! admitted together never exceeds a budget.

use crate::domain::cause::Remedy;
use crate::domain::ids::{FollowerKey, RemoteAlias};
use crate::domain::time::Timestamp;
use crate::policy::budget::{Asked, Book};
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

/// Admits candidates in order of runway, shortest first; the answer is in that order. A follower
/// on which a run is in flight is not admitted again.
pub fn admit(candidates: &[Candidate], world: &World, settings: &Settings) -> Vec<(FollowerKey, Admission)> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by_key(|candidate| {
        (
            candidate.runway_expires_at.unwrap_or(Timestamp::MAX),
            candidate.key.clone(),
        )
    });
    let mut book = Book::of(world, None);
    let mut busy: Vec<&FollowerKey> = world.in_flight.iter().map(|run| &run.key).collect();
    order
        .into_iter()
        .map(|candidate| {
            let admission = one(candidate, &book, &busy, settings);
            if admission == Admission::Now {
                busy.push(&candidate.key);
                book.enter(
                    &candidate.key,
                    &candidate.remote,
                    candidate.remedy,
                    candidate.bytes.unwrap_or_default(),
                    world.now,
                );
            }
            (candidate.key.clone(), admission)
        })
        .collect()
}

fn one(candidate: &Candidate, book: &Book, busy: &[&FollowerKey], settings: &Settings) -> Admission {
    let later = |reason: String, at| Admission::Later { reason, at };
    if busy.contains(&&candidate.key) {
        return later("a run works on this follower already".to_owned(), None);
    }
    let bytes = match (candidate.remedy.destroys(), candidate.bytes) {
        (false, _) => 0,
        (true, Some(bytes)) => bytes,
        (true, None) => return later("how much it would copy is not known".to_owned(), None),
    };
    let asked = Asked {
        key: &candidate.key,
        remote: &candidate.remote,
        remedy: candidate.remedy,
        bytes,
    };
    match book.allows(&asked, settings) {
        Ok(_) => Admission::Now,
        Err(full) => later(full.reason, full.at),
    }
}
