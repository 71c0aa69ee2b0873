//! What refollow costs a cluster, and how the cluster bears it: plain counts and words.
//!
//! Owns the closed lists that metrics use as labels. Who counts is `elastic::load`.

use serde::{Deserialize, Serialize};

use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;
use std::fmt;

named_enum! {
    /// What a request is made for.
    Purpose {
        /// The look at a cluster's followers.
        Followers = "followers",
        /// The look at a cluster as the leader of others.
        Leaders = "leaders",
        /// A look of a repair, of a drill, or for a person: never held back by the ceiling.
        Repair = "repair",
        /// It changes something.
        Change = "change",
    }
}

impl Purpose {
    /// Whether it is one of the looks that come by themselves, which give way to all others.
    pub const fn is_routine(self) -> bool {
        matches!(self, Self::Followers | Self::Leaders)
    }
}

named_enum! {
    /// How a request failed.
    RequestError {
        /// 429, or another status with an exception that tells of load.
        Rejected = "rejected",
        /// Another 5xx.
        Unavailable = "unavailable",
        /// Another 4xx than 404, which is an answer like others.
        Refused = "refused",
        /// The deadline passed.
        Timeout = "timeout",
        /// No connection, or it ended before the answer.
        Unreachable = "unreachable",
        /// TLS failed.
        Tls = "tls",
        /// The answer was longer than is read.
        TooLarge = "too_large",
    }
}

named_enum! {
    /// Why a cluster is asked less than usual.
    Trouble {
        /// It rejects requests for want of room: 429, circuit breakers, full queues, `Retry-After`.
        Rejected = "rejected",
        /// It has no master, or one that does not get round to its work.
        NoMaster = "no_master",
        /// Its master has many tasks waiting.
        BusyMaster = "busy_master",
        /// An answer took longer than half of the call's deadline.
        Slow = "slow",
    }
}

impl Trouble {
    /// Whether looks become rarer; where not, only second calls become fewer.
    pub const fn backs_off(self) -> bool {
        matches!(self, Self::Rejected | Self::NoMaster)
    }

    /// What the cluster does, to follow its name.
    pub const fn what(self) -> &'static str {
        match self {
            Self::Rejected => "rejects requests because it has too much to do",
            Self::NoMaster => "has no master that answers",
            Self::BusyMaster => "has a master with many tasks waiting",
            Self::Slow => "answers slowly",
        }
    }
}

/// A cluster that is asked less than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pressure {
    /// Why.
    pub reason: Trouble,
    /// Since when, without a look that met no trouble twice in a row.
    pub since: Timestamp,
    /// No look that comes by itself before this; `None`: only second calls are fewer.
    pub until: Option<Timestamp>,
    /// How often second calls are halved, 1 to 6.
    pub step: u32,
}

impl Pressure {
    /// What the cluster does and what follows from it, to follow its name.
    pub fn words(&self) -> String {
        let what = self.reason.what();
        match self.until {
            Some(until) => format!(
                "{what}: it is not looked at before {until}, second calls are fewer, and no repair begins there"
            ),
            None if self.reason.backs_off() => {
                format!("{what}: second calls are fewer, and no repair begins there")
            }
            None => format!("{what}: second calls are fewer, and no recreate begins there"),
        }
    }

    /// Second calls of one look that are made, of so many that usually are; never none.
    pub fn room(&self, usual: usize) -> usize {
        (usual >> self.step.min(16)).max(1)
    }
}

/// Counts since the daemon's start, each list in the order of its words' `ALL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Requests sent, repeated ones included, by [`Purpose`].
    pub requests: [u64; 4],
    /// Bytes of the bodies of their answers, after decompression, by [`Purpose`].
    pub bytes: [u64; 4],
    /// Milliseconds from sending to the last byte or the failure, by [`Purpose`].
    pub millis: [u64; 4],
    /// Failures, by [`RequestError`].
    pub errors: [u64; 7],
    /// Milliseconds that looks waited for the ceiling.
    pub held_millis: u64,
}

impl Counts {
    /// Requests and bytes for one purpose.
    pub fn of(&self, purpose: Purpose) -> (u64, u64) {
        let place = purpose as usize;
        let at = |list: &[u64; 4]| list.get(place).copied().unwrap_or_default();
        (at(&self.requests), at(&self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_calls_are_halved_with_each_step_and_never_none() {
        let room = |step| {
            Pressure {
                reason: Trouble::Rejected,
                since: Timestamp::UNIX_EPOCH,
                until: None,
                step,
            }
            .room(64)
        };
        assert_eq!([room(1), room(3), room(6), room(60)], [32, 8, 1, 1]);
    }

    #[test]
    fn the_lists_are_as_long_as_their_words() {
        let counts = Counts::default();
        assert_eq!(counts.requests.len(), Purpose::ALL.len());
        assert_eq!(counts.errors.len(), RequestError::ALL.len());
    }
}
