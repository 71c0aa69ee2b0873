//! Simulated pairs of clusters that speak Elasticsearch's HTTP, held to the recordings under
//! `tests/recordings/` by replaying them.
mod auto_follow;
#[cfg(test)]
mod checks;
mod cluster;
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
mod task;

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
        .map(
            |place| match random.u8(0..if place == 0 { 62 } else { 64 }) {
                62 => '_',
                63 => '-',
                digit @ 0..=25 => char::from(b'A' + digit),
                digit @ 26..=51 => char::from(b'a' + digit - 26),
                digit => char::from(b'0' + digit - 52),
            },
        )
        .collect()
}
