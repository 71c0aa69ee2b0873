//! A pair of simulated clusters and the only way in: advance the clock, hand in a request.
//!
//! Synchronous and deterministic: no clock, no I/O, no randomness but the seed it was made
//! with. Time is virtual milliseconds since the Unix epoch, an argument of every call.
//! `sandbox::front` reaches it over HTTP, `sandbox::memory` through the client's transport.

use crate::elastic::transport::{Request, Response};

/// Which of the two clusters a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The cluster that is followed.
    Leader,
    /// The cluster that follows; it knows the other as `lead`.
    Follower,
}

/// Which Elasticsearch a pair imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// Elasticsearch 7.7.0.
    V7_7_0,
    /// Elasticsearch 8.10.4.
    V8_10_4,
}

/// How a pair starts.
#[derive(Debug, Clone)]
pub struct PairOptions {
    /// Version of both clusters.
    pub version: Version,
    /// Security (users, roles, API keys) as in `tests/recordings/8.10.4-secured`.
    pub secured: bool,
    /// Virtual time at the start, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Seed of everything that looks random (identifiers).
    pub seed: u64,
}

/// Names one request that has no answer yet (a `PUT follow` that waits for its restore).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// What handing in a request gave.
#[derive(Debug, Clone)]
pub enum Handled {
    /// The answer.
    Answer(Response),
    /// It acts and answers later: advance the clock, then ask [`Pair::take`]. The caller may
    /// also go away; the cluster carries on without it.
    Later(Ticket),
    /// The cluster's only node is down: connections are refused.
    Down,
}
