//! One primary shard: documents, the operations still in its history, commits, leases.
//!
//! A document is its identifier and a hash of its source: nobody reads sources back. Local and
//! global checkpoint always equal the highest sequence number (there are no replicas).

use std::collections::HashMap;
use std::sync::Arc;

use super::lease::{CCR, Leases};

/// One operation of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// Sequence number.
    pub seq: i64,
    /// Identifier of the document.
    pub id: Arc<str>,
    /// Hash of the source; `None` is a delete.
    pub value: Option<u64>,
    /// Length of the source in bytes.
    pub bytes: u32,
    /// Version of the document after the operation.
    pub version: u64,
}

#[derive(Debug, Clone, Copy)]
struct Live {
    seq: i64,
    value: u64,
    bytes: u32,
    version: u64,
}

/// Why a shard has no copy.
#[derive(Debug, Clone)]
pub struct Unassigned {
    /// `ALLOCATION_FAILED`, `EXISTING_INDEX_RESTORED`, …
    pub reason: &'static str,
    /// Since when, milliseconds since the Unix epoch.
    pub at_ms: i64,
    /// Failed attempts.
    pub attempts: u32,
    /// What the allocator notes.
    pub details: String,
    /// The restore that failed, as the decider `restore_in_progress` tells it.
    pub restore: Option<String>,
    /// The decider that keeps it off the only node, and what it says.
    pub decider: Option<(&'static str, String)>,
}

/// Where a shard is.
#[derive(Debug, Clone)]
pub enum State {
    /// Serving.
    Started,
    /// Being restored or recovered.
    Initializing,
    /// Nowhere.
    Unassigned(Box<Unassigned>),
}

/// The last recovery, as `_recovery` tells it.
#[derive(Debug, Clone)]
pub struct Recovery {
    /// `SNAPSHOT` or `EXISTING_STORE` or `EMPTY_STORE`.
    pub kind: &'static str,
    /// `INDEX`, `DONE`, …
    pub stage: &'static str,
    /// Begin, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// End, once it ended.
    pub stop_ms: Option<i64>,
    /// Bytes to copy.
    pub total: u64,
    /// Bytes copied.
    pub recovered: u64,
    /// Bytes that were there already.
    pub reused: u64,
    /// Repository, snapshot, index and identifier of the restore.
    pub source: Option<(String, String, String, String)>,
}

/// One primary shard.
#[derive(Debug, Clone)]
pub struct Shard {
    /// Its number.
    pub number: u32,
    /// Where it is.
    pub state: State,
    /// Changes whenever its content may have.
    pub history_uuid: String,
    /// Allocation id of its copy.
    pub allocation_id: String,
    /// Primary term.
    pub term: u64,
    /// Highest sequence number; `-1` for an empty shard.
    pub max_seq: i64,
    /// Highest sequence number of the last commit.
    pub committed: i64,
    /// Documents of the last commit.
    pub committed_docs: u64,
    /// Floor of the history at the last commit; `None` before the first.
    pub committed_floor: Option<i64>,
    /// Retention leases.
    pub leases: Leases,
    /// When it was last flushed.
    pub flushed_ms: i64,
    /// A flush that will run by itself.
    pub flush_due_ms: Option<i64>,
    /// The last recovery.
    pub recovery: Option<Recovery>,
    /// 7.7.0: a failed restore emptied the store and left no translog id behind.
    pub emptied: bool,
    /// Operations indexed since it was made.
    pub indexed: u64,
    /// When it was last searched.
    pub searched_ms: i64,
    visible: (u64, u64),
    floor: i64,
    ops: Vec<Op>,
    live: HashMap<Arc<str>, Live>,
    live_bytes: u64,
}

/// A range of operations that is no longer all there.
#[derive(Debug, Clone)]
pub struct Missing {
    /// First requested.
    pub from: i64,
    /// Last requested.
    pub to: i64,
    /// First that is not there.
    pub expected: i64,
    /// What was found in its place.
    pub found: Option<Op>,
}

impl Shard {
    /// An empty, started shard.
    pub fn new(number: u32, history_uuid: String, allocation_id: String, node: &str, now_ms: i64) -> Self {
        Self {
            number,
            state: State::Started,
            history_uuid,
            allocation_id,
            term: 1,
            max_seq: -1,
            committed: -1,
            committed_docs: 0,
            committed_floor: None,
            leases: Leases::fresh(node, now_ms, 1),
            flushed_ms: now_ms,
            flush_due_ms: None,
            recovery: None,
            emptied: false,
            indexed: 0,
            searched_ms: now_ms,
            visible: (0, 0),
            floor: 0,
            ops: Vec::new(),
            live: HashMap::new(),
            live_bytes: 0,
        }
    }

    /// Whether it serves.
    pub fn started(&self) -> bool {
        matches!(self.state, State::Started)
    }

    /// Documents.
    pub fn docs(&self) -> u64 {
        self.live.len() as u64
    }

    /// Superseded operations that the index still holds.
    pub fn deleted(&self) -> u64 {
        (self.ops.len() as u64).saturating_sub(self.docs())
    }

    /// Documents and superseded operations as the last refresh left them.
    pub fn visible(&self) -> (u64, u64) {
        self.visible
    }

    /// Makes everything visible.
    pub fn refresh(&mut self) {
        self.visible = (self.docs(), self.deleted());
    }

    /// Bytes on disk: stored sources compress to about a tenth, as in the recordings.
    pub fn store_bytes(&self) -> u64 {
        let history: u64 = self.ops.iter().map(|op| u64::from(op.bytes)).sum();
        208 + history / 9
    }

    /// An order-independent digest of the documents.
    pub fn digest(&self) -> u64 {
        self.live.iter().fold(0_u64, |sum, (id, live)| {
            sum.wrapping_add(super::digest(&(id.as_ref(), live.value)))
        })
    }

    /// Indexes (or with `None` deletes) a document under the next sequence number.
    pub fn index(&mut self, id: &str, value: Option<u64>, bytes: u32) -> (i64, u64) {
        let (key, version) = match self.live.get_key_value(id) {
            Some((key, live)) => (Arc::clone(key), live.version + 1),
            None => (Arc::from(id), 1),
        };
        let op = Op {
            seq: self.max_seq + 1,
            id: key,
            value,
            bytes,
            version,
        };
        let at = (op.seq, op.version);
        self.apply(op);
        at
    }

    /// Applies an operation that carries its sequence number; known ones are skipped.
    pub fn apply(&mut self, op: Op) {
        if op.seq <= self.max_seq {
            return;
        }
        self.max_seq = op.seq;
        self.indexed += 1;
        let old = match op.value {
            Some(value) => self.live.insert(
                Arc::clone(&op.id),
                Live {
                    seq: op.seq,
                    value,
                    bytes: op.bytes,
                    version: op.version,
                },
            ),
            None => self.live.remove(&op.id),
        };
        self.live_bytes = self
            .live_bytes
            .saturating_sub(old.map_or(0, |live| u64::from(live.bytes)))
            + op.value.map_or(0, |_| u64::from(op.bytes));
        self.ops.push(op);
    }

    /// The history from `from` on, at most `count` operations, all of them or what is missing.
    pub fn read(&self, from: i64, count: i64) -> Result<&[Op], Missing> {
        let to = self.max_seq.min(from.saturating_add(count).saturating_sub(1));
        let begin = self.ops.partition_point(|op| op.seq < from);
        let end = self.ops.partition_point(|op| op.seq <= to);
        let range = self.ops.get(begin..end).unwrap_or_default();
        let mut expected = from;
        for op in range {
            if op.seq != expected {
                return Err(Missing {
                    from,
                    to,
                    expected,
                    found: Some(op.clone()),
                });
            }
            expected += 1;
        }
        if expected <= to {
            return Err(Missing {
                from,
                to,
                expected,
                found: None,
            });
        }
        Ok(range)
    }

    /// The floor of the history: everything from here on is kept. It never goes down
    /// (`SoftDeletesPolicy`: the lowest lease, the retained operations, the safe commit).
    pub fn floor(&mut self, retained_operations: i64) -> i64 {
        let by_operations = self.max_seq + 1 - retained_operations;
        let by_leases = self.leases.lowest().unwrap_or(i64::MAX);
        let by_commit = self.committed + 1;
        self.floor = self.floor.max(by_operations.min(by_leases).min(by_commit)).max(0);
        self.floor
    }

    /// Commits all operations.
    pub fn flush(&mut self, retained_operations: i64, now_ms: i64) {
        self.flush_due_ms = None;
        self.flushed_ms = now_ms;
        self.committed_floor = Some(self.floor(retained_operations));
        self.committed = self.max_seq;
        self.committed_docs = self.docs();
        self.refresh();
    }

    /// Merges to one segment: superseded operations below the floor go.
    pub fn merge(&mut self, retained_operations: i64) {
        let floor = self.floor(retained_operations);
        let live = &self.live;
        self.ops
            .retain(|op| op.seq >= floor || live.get(&op.id).is_some_and(|now| now.seq == op.seq));
        self.refresh();
    }

    /// What hours of updates, expiry and merging do, at once: the CCR leases are gone and a gap
    /// follows the highest operation; the documents stay what they are.
    pub fn lose_history(&mut self, now_ms: i64) {
        let known = self
            .live
            .iter()
            .min_by_key(|(_, live)| live.seq)
            .map(|(id, live)| (Arc::clone(id), live.value, live.bytes));
        let (id, value, bytes) =
            known.map_or_else(|| (Arc::from("gone"), None, 64), |(id, v, b)| (id, Some(v), b));
        self.index(&id, Some(value.unwrap_or(0)), bytes);
        self.index(&id, value, bytes);
        let term = self.term;
        let followers: Vec<String> = self
            .leases
            .list
            .iter()
            .filter(|lease| lease.source == CCR)
            .map(|lease| lease.id.clone())
            .collect();
        for id in followers {
            self.leases.remove(&id, term);
        }
        let checkpoint = self.max_seq;
        self.leases.tick(checkpoint, i64::MAX, now_ms, term);
        self.flush(0, now_ms);
        self.merge(0);
    }

    /// Loses the document of the lowest identifier and leaves no operation of it: what a defect
    /// of the software or a bad disk does. False: there is none.
    pub fn drop_document(&mut self) -> bool {
        let Some(id) = self.live.keys().min().cloned() else {
            return false;
        };
        if let Some(old) = self.live.remove(&id) {
            self.live_bytes = self.live_bytes.saturating_sub(u64::from(old.bytes));
        }
        self.refresh();
        true
    }

    /// What a file copy of the last commit holds: a fresh shard with that content.
    pub fn content_of_commit(&self) -> Vec<Op> {
        self.ops
            .iter()
            .filter(|op| op.seq <= self.committed)
            .cloned()
            .collect()
    }

    /// Replaces the whole content (a restore). `up_to` is the highest sequence number of the
    /// commit that was copied.
    pub fn replace(&mut self, ops: Vec<Op>, up_to: i64, floor: i64) {
        self.ops = Vec::with_capacity(ops.len());
        self.live = HashMap::with_capacity(ops.len());
        self.live_bytes = 0;
        self.max_seq = -1;
        self.indexed = 0;
        for op in ops {
            self.apply(op);
        }
        self.max_seq = up_to.max(self.max_seq);
        self.committed = self.max_seq;
        self.committed_docs = self.docs();
        self.floor = floor;
        self.committed_floor = (self.max_seq >= 0).then_some(floor);
        self.flush_due_ms = None;
        self.emptied = false;
        self.refresh();
    }

    /// The node went away: the shard is nowhere until it is back.
    pub fn go_down(&mut self, node: &str, now_ms: i64) {
        if self.started() {
            self.state = State::Unassigned(Box::new(Unassigned {
                reason: "CLUSTER_RECOVERED",
                at_ms: now_ms,
                attempts: 0,
                details: format!("node [{node}]"),
                restore: None,
                decider: None,
            }));
        }
    }

    /// The node went away in the middle of a restore: nothing usable is left.
    pub fn lose_copy(&mut self, index: &str, node: &str, version: super::pair::Version, now_ms: i64) {
        let attempts = 5;
        self.term += attempts;
        self.replace(Vec::new(), -1, 0);
        self.emptied = version == super::pair::Version::V7_7_0;
        self.recovery = None;
        self.state = State::Unassigned(Box::new(Unassigned {
            reason: "ALLOCATION_FAILED",
            at_ms: now_ms,
            attempts: 5,
            details: format!(
                "failed shard on node [{node}]: failed recovery, failure org.elasticsearch.indices.recovery.RecoveryFailedException: [{index}][{}]: Recovery failed on {{{node}}}",
                self.number
            ),
            restore: None,
            decider: None,
        }));
    }

    /// The node is back: a shard that had a copy is recovered from its own store.
    pub fn come_up(&mut self, now_ms: i64) {
        let had_copy = matches!(&self.state, State::Unassigned(why) if why.reason == "CLUSTER_RECOVERED");
        if had_copy {
            self.recover_from_store(now_ms);
        }
    }

    /// Starts from its own store, as after opening an index.
    pub fn recover_from_store(&mut self, now_ms: i64) {
        self.state = State::Started;
        self.refresh();
        let bytes = self.store_bytes();
        self.recovery = Some(Recovery {
            kind: "EXISTING_STORE",
            stage: "DONE",
            start_ms: now_ms,
            stop_ms: Some(now_ms),
            total: bytes,
            recovered: 0,
            reused: bytes,
            source: None,
        });
    }
}
