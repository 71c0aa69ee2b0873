//! Stored JSON from and to domain types, with the format's number, and what both stores compute alike.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::domain::ids::{FollowerKey, RunId};
use crate::domain::journal::{Entry, Event, JOURNAL_FORMAT};
use crate::domain::plan::{PLAN_FORMAT, PlanRecord, PlanState};
use crate::domain::step::Step;
use crate::domain::time::Timestamp;
use crate::history::Block;
use crate::store::{
    AuditCheck, AuditEvent, AuditRecord, HistoryKind, HistoryOf, HistoryWanted, RunClosed, RunSummary,
    StoreError,
};

/// A kind of stored thing: its name for people and the highest format that this build knows.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kind {
    /// For messages.
    pub(super) name: &'static str,
    /// Highest known format; written with every row.
    pub(super) format: i64,
}

pub(super) const ENTRY: Kind = Kind {
    name: "a journal entry",
    format: JOURNAL_FORMAT as i64,
};
pub(super) const SUMMARY: Kind = Kind {
    name: "a run",
    format: 1,
};
pub(super) const PLAN: Kind = Kind {
    name: "a plan",
    format: PLAN_FORMAT as i64,
};
pub(super) const MEMORY: Kind = Kind {
    name: "a memory",
    format: 1,
};
pub(super) const BRAKE: Kind = Kind {
    name: "a brake",
    format: 1,
};
pub(super) const AUDIT: Kind = Kind {
    name: "an audit record",
    format: 1,
};
pub(super) const STATE: Kind = Kind {
    name: "a stored value",
    format: 1,
};

pub(super) const OUTBOX: Kind = Kind {
    name: "a row of the outbox",
    format: 1,
};

/// For order and ranges only; the instant itself stands in the JSON. Fits until the year 2262.
pub(super) fn nanos(at: Timestamp) -> i64 {
    i64::try_from(at.as_nanosecond()).unwrap_or(if at.as_nanosecond() < 0 {
        i64::MIN
    } else {
        i64::MAX
    })
}

/// For columns and parameters: what is beyond them is as good as the largest.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The highest format of a database that this build knows.
pub(super) fn newest(migrations: &sqlx::migrate::Migrator) -> i64 {
    migrations
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0)
}

/// To JSON text.
pub(super) fn encode<T: Serialize>(kind: Kind, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Write {
        problem: format!("{} cannot be written as JSON: {error}", kind.name),
        remedy: "this is a defect of refollow: report it".to_owned(),
    })
}

/// From JSON text; refuses a format that is not known yet before it looks at the text.
pub(super) fn decode<T: DeserializeOwned>(kind: Kind, format: i64, json: &str) -> Result<T, StoreError> {
    if format > kind.format {
        return Err(StoreError::Newer {
            what: format!("{} in the state", kind.name),
            found: format,
            known: kind.format,
        });
    }
    serde_json::from_str(json).map_err(|error| StoreError::Damaged {
        what: kind.name.to_owned(),
        problem: error.to_string(),
    })
}

/// The summary after one more entry, or why the entry is refused. `last` is the run's last position.
pub(super) fn advance(
    summary: Option<RunSummary>,
    last: u64,
    entry: &Entry,
) -> Result<RunSummary, StoreError> {
    if entry.seq != last + 1 {
        return Err(StoreError::Sequence {
            run: entry.run.clone(),
            expected: last + 1,
            found: entry.seq,
        });
    }
    let misplaced = |problem| StoreError::Misplaced {
        run: entry.run.clone(),
        problem,
    };
    match (summary, &entry.event) {
        (None, Event::Opened { plan, attempt, .. }) => Ok(RunSummary {
            id: entry.run.clone(),
            plan: plan.hash.clone(),
            follower: plan.basis.key(),
            remote: plan.basis.remote.clone(),
            opened_at: entry.at,
            closed: None,
            attempt: *attempt,
            bytes: plan.figures.bytes.unwrap_or(0),
            rung: None,
            followed: false,
        }),
        (None, _) => Err(misplaced("a run begins with its opening")),
        (Some(_), Event::Opened { .. }) => Err(misplaced("it is open already")),
        (Some(RunSummary { closed: Some(_), .. }), _) => Err(misplaced("it has ended")),
        (Some(mut summary), event) => {
            match event {
                Event::Rung { remedy } => summary.rung = Some(*remedy),
                Event::Intent {
                    step: Step::Follow | Step::FollowNew | Step::FollowBeside,
                    ..
                } => summary.followed = true,
                Event::Closed {
                    outcome,
                    remedy,
                    reason,
                    ..
                } => {
                    summary.closed = Some(RunClosed {
                        at: entry.at,
                        outcome: *outcome,
                        remedy: *remedy,
                        reason: reason.clone(),
                    });
                }
                _ => {}
            }
            Ok(summary)
        }
    }
}

/// No second open run on one follower.
pub(super) fn busy(summary: &RunSummary, open: RunId) -> StoreError {
    StoreError::Busy {
        follower: summary.follower.clone(),
        run: open,
    }
}

/// Whether [`crate::store::Store::prune`] may delete this plan.
pub(super) fn prunable(record: &PlanRecord, before: Timestamp) -> bool {
    record.changed_at < before
        && matches!(
            record.state,
            PlanState::Done { .. } | PlanState::Expired | PlanState::Void { .. }
        )
}

/// How many there are fewer now.
pub(super) fn lost(before: usize, now: usize) -> u64 {
    u64::try_from(before.saturating_sub(now)).unwrap_or(u64::MAX)
}

/// `prev_hash` of the first audit record.
pub(super) const CHAIN_START: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of one audit record.
pub(super) fn chain_hash(prev_hash: &str, seq: u64, event_json: &str) -> String {
    let digest = Sha256::digest(format!("{prev_hash}\n{seq}\n{event_json}").as_bytes());
    digest
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// One audit record as stored: the event's text is kept as it was hashed.
#[derive(Debug, Clone)]
pub(super) struct StoredAudit {
    pub(super) seq: u64,
    pub(super) prev_hash: String,
    pub(super) hash: String,
    pub(super) event_json: String,
}

impl StoredAudit {
    /// The next link of a chain.
    pub(super) fn next(seq: u64, prev_hash: String, event: &AuditEvent) -> Result<Self, StoreError> {
        let event_json = encode(AUDIT, event)?;
        let hash = chain_hash(&prev_hash, seq, &event_json);
        Ok(Self {
            seq,
            prev_hash,
            hash,
            event_json,
        })
    }

    /// For callers.
    pub(super) fn record(&self, format: i64) -> Result<AuditRecord, StoreError> {
        let event: AuditEvent = decode(AUDIT, format, &self.event_json)?;
        Ok(AuditRecord {
            seq: self.seq,
            at: event.at,
            prev_hash: self.prev_hash.clone(),
            hash: self.hash.clone(),
            event: decode(AUDIT, format, &self.event_json)?,
        })
    }
}

/// Follows a chain record by record.
#[derive(Debug)]
pub(super) struct ChainWalk {
    next: u64,
    prev: String,
}

impl ChainWalk {
    pub(super) fn new() -> Self {
        Self {
            next: 1,
            prev: CHAIN_START.to_owned(),
        }
    }

    /// One more record; `Err` is the first place that does not fit.
    pub(super) fn step(&mut self, stored: &StoredAudit) -> Result<(), AuditCheck> {
        let broken = |problem: &str| AuditCheck::Broken {
            seq: self.next,
            problem: problem.to_owned(),
        };
        if stored.seq != self.next {
            return Err(broken("the record is missing"));
        }
        if stored.prev_hash != self.prev {
            return Err(broken("it does not continue the record before"));
        }
        if chain_hash(&stored.prev_hash, stored.seq, &stored.event_json) != stored.hash {
            return Err(broken("its content is not what its hash was computed from"));
        }
        self.next += 1;
        self.prev.clone_from(&stored.hash);
        Ok(())
    }

    /// At the end: the chain must reach the head that was written with its last record.
    pub(super) fn finish(self, head: Option<(u64, String)>) -> AuditCheck {
        let seen = self.next - 1;
        match head {
            Some((seq, hash)) if seq != seen || (seen > 0 && hash != self.prev) => AuditCheck::Broken {
                seq: self.next,
                problem: format!("the log ends at {seen}, but {seq} records were written"),
            },
            None if seen > 0 => AuditCheck::Broken {
                seq: self.next,
                problem: "the place where the head of the chain is kept is empty".to_owned(),
            },
            _ => AuditCheck::Whole(seen),
        }
    }
}

/// The follower's column in the history; the passes over all of them come first.
pub(super) fn owner(follower: Option<&FollowerKey>) -> String {
    follower.map(ToString::to_string).unwrap_or_default()
}

/// The kind's column in the history.
pub(super) const fn kind(kind: HistoryKind) -> i64 {
    match kind {
        HistoryKind::Samples => 0,
        HistoryKind::Inputs => 1,
    }
}

/// What is asked of the history, as parameters.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) since: i64,
    pub(super) until: i64,
    pub(super) after: (i64, String, i64),
    pub(super) all: bool,
    pub(super) follower: String,
    /// -1: any.
    pub(super) kind: i64,
}

impl Asked {
    pub(super) fn of(wanted: &HistoryWanted) -> Self {
        let follower = match &wanted.of {
            HistoryOf::All => None,
            HistoryOf::Follower(key) => Some(key),
        };
        Self {
            since: nanos(wanted.since),
            until: nanos(wanted.until),
            after: wanted.after.as_ref().map_or_else(
                || (i64::MIN, String::new(), -1),
                |(begins, of, which)| (nanos(*begins), owner(of.as_ref()), kind(*which)),
            ),
            all: follower.is_none(),
            follower: owner(follower),
            kind: wanted.kind.map_or(-1, kind),
        }
    }

    /// The same question asked of one row.
    pub(super) fn takes(&self, block: &Block) -> bool {
        let place = (
            nanos(block.from),
            owner(block.follower.as_ref()),
            kind(block.kind),
        );
        nanos(block.until) >= self.since
            && place.0 <= self.until
            && place > self.after
            && (self.all || place.1 == self.follower)
            && (self.kind < 0 || place.2 == self.kind)
    }
}

/// A row of the history, by the names of its columns in either store.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct StoredBlock {
    pub(super) begins: i64,
    pub(super) follower: String,
    pub(super) kind: i64,
    pub(super) ends: i64,
    pub(super) entries: i64,
    pub(super) bytes: Vec<u8>,
}

impl StoredBlock {
    pub(super) fn block(self) -> Result<Block, StoreError> {
        let damaged = |problem: String| StoreError::Damaged {
            what: "a block of the history".to_owned(),
            problem,
        };
        let instant =
            |nanos: i64| Timestamp::from_nanosecond(i128::from(nanos)).map_err(|e| damaged(e.to_string()));
        Ok(Block {
            follower: if self.follower.is_empty() {
                None
            } else {
                Some(FollowerKey::parse(&self.follower).map_err(|e| damaged(e.to_string()))?)
            },
            kind: match self.kind {
                0 => HistoryKind::Samples,
                1 => HistoryKind::Inputs,
                other => return Err(damaged(format!("kind {other} is not known"))),
            },
            from: instant(self.begins)?,
            until: instant(self.ends)?,
            count: usize::try_from(self.entries).unwrap_or(0),
            bytes: self.bytes,
        })
    }
}
