//! Why the store did not do what was asked, each as one line with its remedy.

use std::path::PathBuf;

use crate::domain::ids::{FollowerKey, RunId};

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// `daemon.state` cannot be understood.
    #[error(
        "the state `{url}` cannot be used: {problem}; set daemon.state to sqlite:///var/lib/refollow/refollow.db or the like"
    )]
    BadUrl {
        /// As configured, without a password.
        url: String,
        /// What is wrong.
        problem: String,
    },
    /// Another process holds it.
    #[error("the state {} is in use by another refollow ({holder}); stop that one, wait for it, or give this one a state of its own", path.display())]
    Locked {
        /// The database.
        path: PathBuf,
        /// `pid 123`, or that it is unknown.
        holder: String,
    },
    /// It was written by a newer build.
    #[error(
        "{what} was made by a newer refollow (format {found}, this one knows up to {known}); run that version or newer, or restore a backup made by this one"
    )]
    Newer {
        /// What: the database's path, or one stored thing.
        what: String,
        /// The format found.
        found: i64,
        /// The highest known.
        known: i64,
    },
    /// It cannot be opened.
    #[error("the state {} cannot be opened: {problem}; {remedy}", path.display())]
    Unopenable {
        /// The database.
        path: PathBuf,
        /// Why.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A write failed; nothing is half written, but whether it is written must be read.
    #[error("the state could not be written: {problem}; {remedy}")]
    Write {
        /// Why.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// The right to write it is another host's, or cannot be renewed: nothing was written.
    #[error("the state is not ours to write: {why}; this daemon changes nothing any more until it is")]
    NotOurs {
        /// Why.
        why: String,
    },
    /// A read failed.
    #[error("the state could not be read: {problem}")]
    Read {
        /// Why.
        problem: String,
    },
    /// A stored thing is not what it should be.
    #[error(
        "{what} in the state is damaged: {problem}; restore a backup, or move the state away and start anew"
    )]
    Damaged {
        /// What.
        what: String,
        /// How.
        problem: String,
    },
    /// Another writer was there: the entry's position is not the next one.
    #[error(
        "entry {found} of run {run} was refused: the next is {expected}; somebody else wrote to this run"
    )]
    Sequence {
        /// The run.
        run: RunId,
        /// The position that would have been right.
        expected: u64,
        /// The position given.
        found: u64,
    },
    /// The run has ended, or its first entry does not open it.
    #[error("an entry of run {run} was refused: {problem}")]
    Misplaced {
        /// The run.
        run: RunId,
        /// Why.
        problem: &'static str,
    },
    /// Another run of that follower is open.
    #[error("no second run on {follower}: run {run} has not ended")]
    Busy {
        /// The follower.
        follower: FollowerKey,
        /// The run that is open.
        run: RunId,
    },
    /// What was read has changed meanwhile.
    #[error("{what} has changed meanwhile; look again")]
    Conflict {
        /// What.
        what: String,
    },
}

impl StoreError {
    /// Whether somebody else was faster, as opposed to a store that does not work.
    pub const fn is_conflict(&self) -> bool {
        matches!(
            self,
            Self::Sequence { .. } | Self::Misplaced { .. } | Self::Busy { .. } | Self::Conflict { .. }
        )
    }
}
