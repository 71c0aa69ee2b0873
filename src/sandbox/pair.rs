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

/// Two simulated clusters and the time they share.
#[derive(Debug, Clone)]
pub struct Pair {
    now_ms: i64,
}

impl Pair {
    /// A fresh pair: both clusters empty, the follower cluster knows the leader cluster as `lead`.
    pub fn new(options: &PairOptions) -> Self {
        Self {
            now_ms: options.start_ms,
        }
    }

    /// Virtual time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// Advances the simulation: polls, renewals, retries, restores, expiry. Never backwards.
    pub fn advance_to(&mut self, now_ms: i64) {
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// The next time at which something happens by itself.
    pub fn next_event_ms(&self) -> Option<i64> {
        None
    }

    /// Hands in a request.
    pub fn handle(&mut self, _side: Side, _request: &Request) -> Handled {
        Handled::Down
    }

    /// The answer of a [`Handled::Later`] request, once it is there.
    pub fn take(&mut self, _ticket: Ticket) -> Option<Response> {
        None
    }

    /// Stops the only node of a cluster, as `kill -9` does.
    pub fn kill_node(&mut self, _side: Side) {}

    /// Starts the only node of a cluster again.
    pub fn start_node(&mut self, _side: Side) {}

    /// Elects another master: the listener of a running `PUT follow` is lost (ES#86654).
    pub fn change_master(&mut self, _side: Side) {}

    /// The follower cluster cannot reach the leader cluster; clients reach both.
    pub fn break_link(&mut self, _broken: bool) {}

    /// Leases of CCR gone and history merged away, on all shards (what hours would do).
    pub fn lose_history(&mut self, _leader_index: &str) {}

    /// [`Pair::lose_history`] of one shard.
    pub fn lose_history_of_shard(&mut self, _leader_index: &str, _shard: u32) {}

    /// Bytes per second of remote recoveries; `None`: as fast as recorded.
    pub fn set_restore_rate(&mut self, _bytes_per_second: Option<u64>) {}

    /// No node may take a shard: restores fail (reference, finding 7).
    pub fn set_disk_full(&mut self, _side: Side, _full: bool) {}

    /// Makes every task of a follower fatal with this exception.
    pub fn make_fatal(&mut self, _follower_index: &str, _exception: serde_json::Value) {}

    /// Documents by count, also of a closed index; `None`: no such index.
    pub fn docs(&self, _side: Side, _index: &str) -> Option<u64> {
        None
    }

    /// Equal digests if and only if equal documents (id → value).
    pub fn documents_digest(&self, _side: Side, _index: &str) -> Option<u64> {
        None
    }
}
