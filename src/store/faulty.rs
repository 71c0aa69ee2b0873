//! A store that breaks on purpose, for crash tests and drills; never part of a daemon in service.
//!
//! Writes are counted from 1 in the order in which they are made. The chosen one fails either
//! before it lands (nothing is written) or after (it is written and the caller sees an error all
//! the same, as when the process dies between commit and return). From then on every call fails,
//! as for a process that is dead; the wrapped store goes on to the next life.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::ids::{FollowerKey, PlanHash, RunId};
use crate::domain::journal::Entry;
use crate::domain::memory::Memory;
use crate::domain::notice::outbox::{Row, RowChange};
use crate::domain::plan::PlanRecord;
use crate::domain::time::Timestamp;
use crate::history::Block;
use crate::store::{
    Answer, AuditCheck, AuditEvent, AuditRecord, HistoryWanted, Pruned, RunSummary, Store, StoreError,
};

/// Which side of the write the fault lies on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nothing is written.
    Before,
    /// It is written, and the caller sees an error.
    After,
}

/// Which writes are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Journal entries only.
    Journal,
    /// Everything that changes the store.
    Everything,
}

/// See the module.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    counted: Counted,
    at: u64,
    side: Side,
    writes: AtomicU64,
    dead: AtomicBool,
    /// One failure only, then it works again (a full disk that was cleared).
    heals: bool,
    /// Nothing fails at all: the moment is only told.
    watches: bool,
    die: Box<dyn Fn(u64) + Send + Sync>,
}

impl fmt::Debug for FaultyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyStore")
            .field("inner", &self.inner)
            .field("at", &self.at)
            .field("side", &self.side)
            .field("writes", &self.writes)
            .field("dead", &self.dead)
            .finish_non_exhaustive()
    }
}

impl FaultyStore {
    /// Fails the `at`-th write (from 1; 0 never fails) on that side and is dead from then on.
    pub fn new(inner: Arc<dyn Store>, counted: Counted, at: u64, side: Side) -> Self {
        Self {
            inner,
            counted,
            at,
            side,
            writes: AtomicU64::new(0),
            dead: AtomicBool::new(false),
            heals: false,
            watches: false,
            die: Box::new(|_| {}),
        }
    }

    /// Calls `die` with the number of the write at the moment of the fault: abort tasks, kill a process.
    #[must_use]
    pub fn on_death(mut self, die: impl Fn(u64) + Send + Sync + 'static) -> Self {
        self.die = Box::new(die);
        self
    }

    /// Works again after the one fault.
    #[must_use]
    pub fn healing(mut self) -> Self {
        self.heals = true;
        self
    }

    /// Nothing fails: `on_death` is only told of the moment, after the write.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.watches = true;
        self
    }

    /// The process dies now, wherever it is: every call fails from here on.
    pub fn kill(&self) {
        self.dead.store(true, Ordering::SeqCst);
    }

    /// Works again, as a disk does that was cleared.
    pub fn heal(&self) {
        self.dead.store(false, Ordering::SeqCst);
    }

    /// How many counted writes were asked for, the failed one included.
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::SeqCst)
    }

    /// Whether the fault has happened and did not heal.
    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn fault(&self, number: u64) -> StoreError {
        if !self.heals {
            self.dead.store(true, Ordering::SeqCst);
        }
        (self.die)(number);
        StoreError::Write {
            problem: format!("fault injected at write {number}"),
            remedy: "none: this is a test".to_owned(),
        }
    }

    fn write<'a, T: Send + 'a>(&'a self, counts: bool, work: Answer<'a, T>) -> Answer<'a, T> {
        async move {
            if self.is_dead() {
                return Err(dead());
            }
            if !counts {
                return work.await;
            }
            let number = self.writes.fetch_add(1, Ordering::SeqCst) + 1;
            if number != self.at {
                return work.await;
            }
            if self.watches {
                let done = work.await;
                (self.die)(number);
                return done;
            }
            if self.side == Side::After {
                work.await?;
            }
            Err(self.fault(number))
        }
        .boxed()
    }

    fn read<'a, T: Send + 'a>(&'a self, work: Answer<'a, T>) -> Answer<'a, T> {
        async move { if self.is_dead() { Err(dead()) } else { work.await } }.boxed()
    }

    fn all(&self) -> bool {
        self.counted == Counted::Everything
    }
}

fn dead() -> StoreError {
    StoreError::Read {
        problem: "the store is dead since the injected fault".to_owned(),
    }
}

impl Store for FaultyStore {
    fn append<'a>(&'a self, entry: &'a Entry) -> Answer<'a, ()> {
        self.write(true, self.inner.append(entry))
    }
    fn journal<'a>(&'a self, run: &'a RunId) -> Answer<'a, Vec<Entry>> {
        self.read(self.inner.journal(run))
    }
    fn runs(&self, limit: u32) -> Answer<'_, Vec<RunSummary>> {
        self.read(self.inner.runs(limit))
    }
    fn run<'a>(&'a self, run: &'a RunId) -> Answer<'a, Option<RunSummary>> {
        self.read(self.inner.run(run))
    }
    fn open_runs(&self) -> Answer<'_, Vec<RunId>> {
        self.read(self.inner.open_runs())
    }
    fn past_runs(&self, since: Timestamp) -> Answer<'_, Vec<RunSummary>> {
        self.read(self.inner.past_runs(since))
    }
    fn save_plan<'a>(&'a self, record: &'a PlanRecord, was: Option<&'a PlanRecord>) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.save_plan(record, was))
    }
    fn plan<'a>(&'a self, hash: &'a PlanHash) -> Answer<'a, Option<PlanRecord>> {
        self.read(self.inner.plan(hash))
    }
    fn plans(&self, open_only: bool) -> Answer<'_, Vec<PlanRecord>> {
        self.read(self.inner.plans(open_only))
    }
    fn remember<'a>(&'a self, memories: &'a [(FollowerKey, Memory)]) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.remember(memories))
    }
    fn memories(&self) -> Answer<'_, Vec<(FollowerKey, Memory)>> {
        self.read(self.inner.memories())
    }
    fn forget<'a>(&'a self, follower: &'a FollowerKey) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.forget(follower))
    }
    fn set_brake<'a>(&'a self, brake: &'a Brake) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.set_brake(brake))
    }
    fn release_brake<'a>(&'a self, scope: &'a BrakeScope) -> Answer<'a, bool> {
        self.write(self.all(), self.inner.release_brake(scope))
    }
    fn brakes(&self) -> Answer<'_, Vec<Brake>> {
        self.read(self.inner.brakes())
    }
    fn audit<'a>(&'a self, event: &'a AuditEvent) -> Answer<'a, AuditRecord> {
        self.write(self.all(), self.inner.audit(event))
    }
    fn audit_log(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<AuditRecord>> {
        self.read(self.inner.audit_log(from_seq, limit))
    }
    fn verify_audit(&self) -> Answer<'_, AuditCheck> {
        self.read(self.inner.verify_audit())
    }
    fn audit_len(&self) -> Answer<'_, u64> {
        self.read(self.inner.audit_len())
    }
    fn prune(&self, before: Timestamp) -> Answer<'_, Pruned> {
        self.write(self.all(), self.inner.prune(before))
    }
    /// Not counted: no promise of a run hangs on it. A dead process writes none all the same.
    fn write_history<'a>(&'a self, blocks: &'a [Block]) -> Answer<'a, ()> {
        self.read(self.inner.write_history(blocks))
    }
    fn history<'a>(&'a self, wanted: &'a HistoryWanted, limit: u32) -> Answer<'a, Vec<Block>> {
        self.read(self.inner.history(wanted, limit))
    }
    fn prune_history(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.read(self.inner.prune_history(before, limit))
    }
    fn state<'a>(&'a self, key: &'a str) -> Answer<'a, Option<serde_json::Value>> {
        self.read(self.inner.state(key))
    }
    fn set_state<'a>(&'a self, key: &'a str, value: &'a serde_json::Value) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.set_state(key, value))
    }
    fn outbox(&self) -> Answer<'_, Vec<Row>> {
        self.read(self.inner.outbox())
    }
    fn change_outbox<'a>(&'a self, changes: &'a [RowChange]) -> Answer<'a, ()> {
        self.write(self.all(), self.inner.change_outbox(changes))
    }
    fn standing(&self) -> Result<(), StoreError> {
        self.inner.standing()
    }
    fn lost(&self) -> BoxFuture<'_, StoreError> {
        self.inner.lost()
    }
    fn give_up(&self) -> Answer<'_, ()> {
        self.inner.give_up()
    }
}
