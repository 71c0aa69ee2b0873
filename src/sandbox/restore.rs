//! A running remote recovery of a follower: its progress, whom it answers, what it will resume.

use super::pair::Ticket;
use super::task::Params;

/// A restore of one follower index from the leader cluster.
#[derive(Debug, Clone)]
pub struct Restore {
    /// Identifier that `_recovery` shows.
    pub uuid: String,
    /// Who waits for it.
    pub ticket: Option<Ticket>,
    /// False once the master that took the request is gone (ES#86654): nobody resumes.
    pub listener: bool,
    /// What the tasks will be started with.
    pub params: Params,
    /// Who asked.
    pub user: String,
    /// The shards, in order.
    pub shards: Vec<Progress>,
    /// When the end is told to the one who waits; set once all shards ended.
    pub end_ms: Option<i64>,
}

/// The restore of one shard.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Where it is.
    pub phase: Phase,
    /// Begin.
    pub start_ms: i64,
}

/// Phases of a shard's restore.
#[derive(Debug, Clone)]
pub enum Phase {
    /// The store is emptied and the lease taken at that time.
    Lease {
        /// When.
        due_ms: i64,
    },
    /// The session on the leader is opened at that time: what is committed then is copied.
    Open {
        /// When.
        due_ms: i64,
    },
    /// Bytes flow.
    Copy {
        /// Operations of the copied commit.
        ops: Vec<super::shard::Op>,
        /// Highest sequence number of the commit.
        up_to: i64,
        /// Floor of the commit.
        floor: i64,
        /// Bytes to copy.
        total: u64,
        /// Bytes copied at `since_ms`.
        recovered: u64,
        /// Since when the present rate holds.
        since_ms: i64,
        /// Bytes per second.
        rate: u64,
    },
    /// Ended, well or not.
    Ended {
        /// Whether it ended well.
        ok: bool,
    },
}

impl Phase {
    /// When this phase does something by itself.
    pub fn due_ms(&self) -> Option<i64> {
        match self {
            Self::Lease { due_ms } | Self::Open { due_ms } => Some(*due_ms),
            Self::Copy {
                total,
                recovered,
                since_ms,
                rate,
                ..
            } => {
                let rest = total.saturating_sub(*recovered);
                let millis = rest.saturating_mul(1_000).div_ceil((*rate).max(1));
                Some(since_ms.saturating_add(i64::try_from(millis).unwrap_or(i64::MAX)))
            }
            Self::Ended { .. } => None,
        }
    }

    /// Bytes copied by `now_ms`.
    pub fn copied(&self, now_ms: i64) -> (u64, u64) {
        match self {
            Self::Copy {
                total,
                recovered,
                since_ms,
                rate,
                ..
            } => {
                let millis = u64::try_from(now_ms - since_ms).unwrap_or(0);
                let moved = rate.saturating_mul(millis) / 1_000;
                (*total, recovered.saturating_add(moved).min(*total))
            }
            _ => (0, 0),
        }
    }
}

impl Restore {
    /// The next time at which it does something.
    pub fn due_ms(&self) -> Option<i64> {
        self.end_ms
            .or_else(|| self.shards.iter().filter_map(|shard| shard.phase.due_ms()).min())
    }

    /// Whether every shard ended.
    pub fn ended(&self) -> bool {
        self.shards
            .iter()
            .all(|shard| matches!(shard.phase, Phase::Ended { .. }))
    }

    /// Whether every shard ended well.
    pub fn succeeded(&self) -> bool {
        self.shards
            .iter()
            .all(|shard| matches!(shard.phase, Phase::Ended { ok: true }))
    }

    /// Takes a new rate from now on.
    pub fn set_rate(&mut self, now_ms: i64, new_rate: u64) {
        for shard in &mut self.shards {
            let (_, copied) = shard.phase.copied(now_ms);
            if let Phase::Copy {
                recovered,
                since_ms,
                rate,
                ..
            } = &mut shard.phase
                && *rate != new_rate
            {
                *recovered = copied;
                *since_ms = now_ms;
                *rate = new_rate;
            }
        }
    }
}
