//! Simulated pairs of clusters that speak Elasticsearch's HTTP, held to the recordings under
//! `tests/recordings/` by replaying them.
//!
//! [`pair`] is the model: synchronous, without clock or I/O. Around it stand [`world`] (one
//! pair with its clock, faults and log of requests), the two ways in ([`memory`] through the
//! client's transport, [`front`] over HTTP), [`scenario`] (named starts and breakages) and
//! [`command`] (what `refollow sandbox` and the demo call).
mod canned;
pub mod clock;
pub mod command;
pub mod control;
pub mod faults;
pub mod front;
pub mod load;
pub mod log;
pub mod memory;
pub mod pair;
pub mod scenario;
pub mod world;
