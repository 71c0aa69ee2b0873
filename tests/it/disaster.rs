//! Proof under every fault (safety 1 to 12): a whole daemon over several simulated pairs, with
//! everything that goes wrong in years going wrong in hours, judged by an oracle that reads the
//! clusters and never the daemon's word.
#![expect(
    clippy::panic,
    reason = "a helper of a test says what went wrong, with the story so far"
)]

pub mod acts;
mod found;
mod matrix;
mod mutants;
pub mod oracle;
mod seeds;
pub mod stage;
pub mod story;
