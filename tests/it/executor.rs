//! The executor against the simulated clusters, in memory, under the paused clock: what a run
//! does to a follower, whatever happens on the way.
#![expect(
    clippy::panic,
    reason = "a helper of a test says what went wrong, with the story so far"
)]

mod beside;
mod crashes;
mod ladder;
mod runs;
mod support;
mod wishes;
