//! What was observed and decided, kept compactly for questions about the past.
//!
//! Two things of each follower: **samples**, numbers on a coarse beat, kept column by column
//! ([`columns`]); and **inputs**, everything that a decision rested on, kept when something of it
//! changed ([`record`], [`block`]), so that [`Simulator`] can ask the very same policy what other
//! settings would have decided. The [`recorder::Recorder`] collects both in memory and hands out
//! blocks to be stored. Pure: no I/O, no clock. Nothing here stands in the way of a look or a
//! repair; what cannot be read back is told as damaged, and never guessed.

pub mod block;
pub mod columns;
pub mod delta;
pub mod past;
pub mod record;
pub mod recorder;
pub mod simulate;
pub mod varint;

use thiserror::Error;

pub use past::Past;
pub use record::{Began, Input, Pass, Record};
pub use recorder::{Block, HistorySettings, Kind, Recorder};
pub use simulate::{Consent, Outcome, Report, Simulator, Tally};

/// Bytes that are not what was once written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a block of the history is damaged: {problem}")]
pub struct Damaged {
    /// What does not fit.
    pub problem: String,
}

impl Damaged {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self {
            problem: problem.into(),
        }
    }
}
