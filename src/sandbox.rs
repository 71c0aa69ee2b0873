//! Simulated pairs of clusters that speak Elasticsearch's HTTP, held to the recordings under
//! `tests/recordings/` by replaying them.
//!
//! [`pair`] is the model: synchronous, without clock or I/O. Around it stand [`world`] (one
//! pair with its clock, faults and log of requests), the two ways in ([`memory`] through the
//! client's transport, [`front`] over HTTP), [`scenario`] (named starts and breakages) and
//! [`command`] (what `refollow sandbox` and the demo call).
mod auto_follow;
mod canned;
#[cfg(test)]
mod checks;
pub mod clock;
mod cluster;
pub mod command;
pub mod control;
pub mod faults;
pub mod front;
pub mod load;
pub mod log;
pub mod memory;
pub mod scenario;
pub mod world;

mod errors;
mod follow;
mod following;
mod index;
mod json;
mod lease;
mod murmur3;
pub mod pair;
mod restore;
mod restoring;
mod routes;
mod security;
mod settings;
mod shard;
mod silent;
mod task;
pub mod witness;

use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash that is the same in every run.
fn digest(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// An identifier of 22 characters, as Elasticsearch makes them.
fn identifier(random: &mut fastrand::Rng) -> String {
    (0..22)
        .map(|place| match random.u8(0..if place == 0 { 62 } else { 64 }) {
            62 => '_',
            63 => '-',
            digit @ 0..=25 => char::from(b'A' + digit),
            digit @ 26..=51 => char::from(b'a' + digit - 26),
            digit => char::from(b'0' + digit - 52),
        })
        .collect()
}
