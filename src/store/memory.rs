//! The store in memory: the same promises as SQLite's but for outliving the process.
//!
//! Needed because a SQLite pool times out under tokio's paused clock. Share it by `Arc` between
//! two lives of a daemon under test, and what one wrote the other finds.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt as _;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::ids::{FollowerKey, PlanHash, RunId};
use crate::domain::journal::Entry;
use crate::domain::memory::Memory;
use crate::domain::notice::outbox::{Row, RowChange, RowKey};
use crate::domain::plan::PlanRecord;
use crate::domain::time::Timestamp;
use crate::history::Block;
use crate::store::row::{self, ChainWalk, StoredAudit};
use crate::store::{
    Answer, AuditCheck, AuditEvent, AuditRecord, HistoryWanted, Pruned, RunSummary, Store, StoreError,
};

#[derive(Debug, Default)]
struct Inner {
    runs: BTreeMap<RunId, (RunSummary, Vec<Entry>)>,
    plans: BTreeMap<PlanHash, PlanRecord>,
    memories: BTreeMap<FollowerKey, Memory>,
    brakes: BTreeMap<BrakeScope, Brake>,
    audit: Vec<StoredAudit>,
    state: BTreeMap<String, serde_json::Value>,
    outbox: BTreeMap<RowKey, Row>,
    /// By beginning, follower and kind, as the columns on disk.
    history: BTreeMap<(i64, String, i64), Block>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct MemoryStore {
    inner: Mutex<Inner>,
    held: Arc<AtomicBool>,
}

/// The right to be the one daemon of a store, for as long as it lives: what the lock beside the
/// file is to SQLite. Nothing but the memory of one process is locked, so it guards tests only.
#[derive(Debug)]
pub struct Held(Arc<AtomicBool>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

impl MemoryStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the store for one daemon, as opening the file does.
    ///
    /// # Errors
    ///
    /// [`StoreError::Locked`] while another one has it.
    pub fn hold(&self) -> Result<Held, StoreError> {
        if self.held.swap(true, Ordering::SeqCst) {
            return Err(StoreError::Locked {
                path: PathBuf::from(":memory:"),
                holder: format!("pid {}", std::process::id()),
            });
        }
        Ok(Held(Arc::clone(&self.held)))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held left the maps whole: no method stops halfway.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything is computed at the first poll, so that a future that is never polled does nothing.
    fn answer<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut Inner) -> Result<T, StoreError> + Send + 'a,
    ) -> Answer<'a, T> {
        async move { work(&mut self.inner()) }.boxed()
    }
}

impl Inner {
    fn append(&mut self, entry: &Entry) -> Result<(), StoreError> {
        let (known, last) = self.runs.get(&entry.run).map_or((None, 0), |(summary, entries)| {
            (Some(summary.clone()), entries.last().map_or(0, |entry| entry.seq))
        });
        let opens = known.is_none();
        let summary = row::advance(known, last, entry)?;
        if opens {
            let open = self
                .runs
                .values()
                .find(|(other, _)| other.closed.is_none() && other.follower == summary.follower);
            if let Some((other, _)) = open {
                return Err(row::busy(&summary, other.id.clone()));
            }
        }
        let (kept, entries) = self
            .runs
            .entry(entry.run.clone())
            .or_insert_with(|| (summary.clone(), Vec::new()));
        *kept = summary;
        entries.push(entry.clone());
        Ok(())
    }

    /// Oldest first; among equals the earlier id first.
    fn summaries(&self) -> Vec<RunSummary> {
        let mut all: Vec<_> = self.runs.values().map(|(summary, _)| summary.clone()).collect();
        all.sort_by(|a, b| (a.opened_at, &a.id).cmp(&(b.opened_at, &b.id)));
        all
    }
}

impl Store for MemoryStore {
    fn append<'a>(&'a self, entry: &'a Entry) -> Answer<'a, ()> {
        self.answer(move |inner| inner.append(entry))
    }

    fn journal<'a>(&'a self, run: &'a RunId) -> Answer<'a, Vec<Entry>> {
        self.answer(move |inner| {
            Ok(inner
                .runs
                .get(run)
                .map(|(_, entries)| entries.clone())
                .unwrap_or_default())
        })
    }

    fn runs(&self, limit: u32) -> Answer<'_, Vec<RunSummary>> {
        self.answer(move |inner| {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            Ok(inner.summaries().into_iter().rev().take(limit).collect())
        })
    }

    fn run<'a>(&'a self, run: &'a RunId) -> Answer<'a, Option<RunSummary>> {
        self.answer(move |inner| Ok(inner.runs.get(run).map(|(summary, _)| summary.clone())))
    }

    fn open_runs(&self) -> Answer<'_, Vec<RunId>> {
        self.answer(|inner| {
            let open = inner.summaries().into_iter().filter(|run| run.closed.is_none());
            Ok(open.map(|run| run.id).collect())
        })
    }

    fn past_runs(&self, since: Timestamp) -> Answer<'_, Vec<RunSummary>> {
        self.answer(move |inner| {
            let mut all = inner.summaries();
            all.retain(|run| {
                run.opened_at >= since || run.closed.as_ref().is_none_or(|closed| closed.at >= since)
            });
            Ok(all)
        })
    }

    fn save_plan<'a>(&'a self, record: &'a PlanRecord, was: Option<&'a PlanRecord>) -> Answer<'a, ()> {
        self.answer(move |inner| {
            let hash = &record.plan.hash;
            if inner.plans.get(hash) != was {
                return Err(StoreError::Conflict {
                    what: format!("plan {hash}"),
                });
            }
            inner.plans.insert(hash.clone(), record.clone());
            Ok(())
        })
    }

    fn plan<'a>(&'a self, hash: &'a PlanHash) -> Answer<'a, Option<PlanRecord>> {
        self.answer(move |inner| Ok(inner.plans.get(hash).cloned()))
    }

    fn plans(&self, open_only: bool) -> Answer<'_, Vec<PlanRecord>> {
        self.answer(move |inner| {
            let mut all: Vec<_> = inner
                .plans
                .values()
                .filter(|record| !open_only || record.state.is_open())
                .cloned()
                .collect();
            all.sort_by(|a, b| (b.changed_at, &a.plan.hash).cmp(&(a.changed_at, &b.plan.hash)));
            Ok(all)
        })
    }

    fn remember<'a>(&'a self, memories: &'a [(FollowerKey, Memory)]) -> Answer<'a, ()> {
        self.answer(move |inner| {
            inner.memories.extend(memories.iter().cloned());
            Ok(())
        })
    }

    fn memories(&self) -> Answer<'_, Vec<(FollowerKey, Memory)>> {
        self.answer(|inner| {
            Ok(inner
                .memories
                .iter()
                .map(|(k, v)| (k.clone(), v.clone()))
                .collect())
        })
    }

    fn forget<'a>(&'a self, follower: &'a FollowerKey) -> Answer<'a, ()> {
        self.answer(move |inner| {
            inner.memories.remove(follower);
            Ok(())
        })
    }

    fn set_brake<'a>(&'a self, brake: &'a Brake) -> Answer<'a, ()> {
        self.answer(move |inner| {
            inner.brakes.insert(brake.scope.clone(), brake.clone());
            Ok(())
        })
    }

    fn release_brake<'a>(&'a self, scope: &'a BrakeScope) -> Answer<'a, bool> {
        self.answer(move |inner| Ok(inner.brakes.remove(scope).is_some()))
    }

    fn brakes(&self) -> Answer<'_, Vec<Brake>> {
        self.answer(|inner| {
            let mut all: Vec<_> = inner.brakes.values().cloned().collect();
            all.sort_by_key(|brake| brake.scope.to_string());
            Ok(all)
        })
    }

    fn audit<'a>(&'a self, event: &'a AuditEvent) -> Answer<'a, AuditRecord> {
        self.answer(move |inner| {
            let (seq, prev) = inner
                .audit
                .last()
                .map_or((1, row::CHAIN_START.to_owned()), |last| {
                    (last.seq + 1, last.hash.clone())
                });
            let stored = StoredAudit::next(seq, prev, event)?;
            let record = stored.record(row::AUDIT.format)?;
            inner.audit.push(stored);
            Ok(record)
        })
    }

    fn audit_log(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<AuditRecord>> {
        self.answer(move |inner| {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let from = inner
                .audit
                .iter()
                .filter(|stored| stored.seq >= from_seq)
                .take(limit);
            from.map(|stored| stored.record(row::AUDIT.format)).collect()
        })
    }

    fn verify_audit(&self) -> Answer<'_, AuditCheck> {
        self.answer(|inner| {
            let mut walk = ChainWalk::new();
            for stored in &inner.audit {
                if let Err(broken) = walk.step(stored) {
                    return Ok(broken);
                }
            }
            Ok(walk.finish(inner.audit.last().map(|last| (last.seq, last.hash.clone()))))
        })
    }

    fn audit_len(&self) -> Answer<'_, u64> {
        self.answer(|inner| Ok(inner.audit.last().map_or(0, |record| record.seq)))
    }

    fn prune(&self, before: Timestamp) -> Answer<'_, Pruned> {
        self.answer(move |inner| {
            let (runs, plans) = (inner.runs.len(), inner.plans.len());
            inner
                .runs
                .retain(|_, (summary, _)| summary.closed.as_ref().is_none_or(|closed| closed.at >= before));
            inner.plans.retain(|_, record| !row::prunable(record, before));
            Ok(Pruned {
                runs: row::lost(runs, inner.runs.len()),
                plans: row::lost(plans, inner.plans.len()),
            })
        })
    }

    fn write_history<'a>(&'a self, blocks: &'a [Block]) -> Answer<'a, ()> {
        self.answer(move |inner| {
            for block in blocks {
                let place = (
                    row::nanos(block.from),
                    row::owner(block.follower.as_ref()),
                    row::kind(block.kind),
                );
                inner.history.insert(place, block.clone());
            }
            Ok(())
        })
    }

    fn history<'a>(&'a self, wanted: &'a HistoryWanted, limit: u32) -> Answer<'a, Vec<Block>> {
        self.answer(move |inner| {
            let asked = row::Asked::of(wanted);
            let found = inner.history.values().filter(|block| asked.takes(block));
            Ok(found
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .cloned()
                .collect())
        })
    }

    fn prune_history(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.answer(move |inner| {
            let mut old: Vec<_> = inner
                .history
                .iter()
                .filter(|(_, block)| block.until < before)
                .map(|(place, block)| (block.until, place.clone()))
                .collect();
            old.sort();
            old.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            for (_, place) in &old {
                inner.history.remove(place);
            }
            Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
        })
    }

    fn state<'a>(&'a self, key: &'a str) -> Answer<'a, Option<serde_json::Value>> {
        self.answer(move |inner| Ok(inner.state.get(key).cloned()))
    }

    fn set_state<'a>(&'a self, key: &'a str, value: &'a serde_json::Value) -> Answer<'a, ()> {
        self.answer(move |inner| {
            inner.state.insert(key.to_owned(), value.clone());
            Ok(())
        })
    }

    fn outbox(&self) -> Answer<'_, Vec<Row>> {
        self.answer(|inner| Ok(inner.outbox.values().cloned().collect()))
    }

    fn change_outbox<'a>(&'a self, changes: &'a [RowChange]) -> Answer<'a, ()> {
        self.answer(move |inner| {
            for change in changes {
                match change {
                    RowChange::Put(row) => drop(inner.outbox.insert(row.key(), Row::clone(row))),
                    RowChange::Drop(key) => drop(inner.outbox.remove(key)),
                }
            }
            Ok(())
        })
    }
}
