//! What must outlive the process: journal, plans, memories, brakes, audit log, outbox, small values.
//!
//! Owns the [`Store`] trait, each method's promise in its comment, and [`open`]. What a journal
//! entry means is `run`'s business; this module keeps entries and refuses what cannot be right
//! (a gap, a second open run on one follower, an entry after the end).
//!
//! Two implementations keep the same promises and pass the same tests (`tests/it/store_contract.rs`):
//! [`sqlite`] on disk and [`memory`] for tests under tokio's paused clock. [`faulty`] wraps either
//! to break it on purpose.

use std::fmt::Debug;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::cause::Remedy;
use crate::domain::ids::{FollowerKey, PlanHash, RunId};
use crate::domain::journal::{Entry, RunOutcome};
use crate::domain::memory::Memory;
use crate::domain::notice::outbox::{Row, RowChange};
use crate::domain::plan::PlanRecord;
use crate::domain::time::Timestamp;
use crate::history::Block;

pub mod error;
pub mod faulty;
mod lock;
pub mod memory;
pub mod postgres;
mod row;
pub mod sqlite;
pub mod trail;

pub use crate::history::Kind as HistoryKind;
pub use error::StoreError;

/// What every method of a [`Store`] returns.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// How a run ended, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunClosed {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: RunOutcome,
    /// The last rung tried.
    pub remedy: Option<Remedy>,
    /// Why, for people.
    pub reason: String,
}

/// One run in short: what lists, budgets and cool-downs are computed from without reading journals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The run.
    pub id: RunId,
    /// The plan that it carries out.
    pub plan: PlanHash,
    /// The follower.
    pub follower: FollowerKey,
    /// The alias that the follower follows through (budgets are per remote).
    pub remote: crate::domain::ids::RemoteAlias,
    /// When its first entry was written.
    pub opened_at: Timestamp,
    /// How it ended; `None` while it is open.
    pub closed: Option<RunClosed>,
    /// How many runs of this lineage there were before.
    pub attempt: u32,
    /// Bytes that the plan said a copy would take; 0 where the plan did not know.
    pub bytes: u64,
    /// The last rung begun.
    pub rung: Option<Remedy>,
    /// The intent of a `PUT follow` stands in the journal: bytes may have been copied.
    pub followed: bool,
}

/// Something that somebody or something decided or did, for the audit log (safety 14).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditEvent {
    /// When.
    pub at: Timestamp,
    /// A stable `snake_case` word: `plan_made`, `approved`, `rejected`, `request_sent`, `brake_set` …
    pub kind: String,
    /// Who or what: a user's name, `policy rule 2`, `refollow`.
    pub who: String,
    /// What it is about: a follower, a plan hash, a run, a brake.
    pub subject: String,
    /// Everything else; never a secret.
    pub detail: serde_json::Value,
}

/// One link of the audit log's chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// [`AuditEvent::at`].
    pub at: Timestamp,
    /// `hash` of the record before; 64 zeros for the first.
    pub prev_hash: String,
    /// SHA-256 in hexadecimal of `<prev_hash>\n<seq>\n<event as stored>`.
    pub hash: String,
    /// The event as JSON.
    pub event: serde_json::Value,
}

/// What a check of the whole audit log found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditCheck {
    /// Every link fits; so many records.
    Whole(u64),
    /// The first place where it does not fit, and how.
    Broken {
        /// Position of the record that does not fit.
        seq: u64,
        /// What is wrong, for people.
        problem: String,
    },
}

/// Of whom blocks of the history are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum HistoryOf {
    /// Of everybody, and the passes.
    #[default]
    All,
    /// Of one follower.
    Follower(FollowerKey),
}

/// Which blocks of the history are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryWanted {
    /// Of whom.
    pub of: HistoryOf,
    /// Of this kind; `None`: of both.
    pub kind: Option<HistoryKind>,
    /// Those that end at or after this …
    pub since: Timestamp,
    /// … and begin at or before this.
    pub until: Timestamp,
    /// Only what comes after this one in the order: a page's last.
    pub after: Option<(Timestamp, Option<FollowerKey>, HistoryKind)>,
}

/// What [`Store::prune`] deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Closed runs, each with its journal.
    pub runs: u64,
    /// Closed plans.
    pub plans: u64,
}

/// The state of one installation. Every write is durable when its future returns `Ok`; after an
/// `Err` it may or may not have landed, and the caller finds out by reading.
pub trait Store: Send + Sync + Debug {
    /// Appends one journal entry, durable when it returns. Refuses a `seq` that is not the run's
    /// last + 1 (one writer per run), an entry after `Closed`, a first entry that is not `Opened`,
    /// and an `Opened` for a follower that has another open run.
    fn append<'a>(&'a self, entry: &'a Entry) -> Answer<'a, ()>;

    /// All entries of one run in order; empty when there is no such run.
    fn journal<'a>(&'a self, run: &'a RunId) -> Answer<'a, Vec<Entry>>;

    /// The newest `limit` runs, newest first; among equals the later id first.
    fn runs(&self, limit: u32) -> Answer<'_, Vec<RunSummary>>;

    /// One run in short.
    fn run<'a>(&'a self, run: &'a RunId) -> Answer<'a, Option<RunSummary>>;

    /// Runs that have not ended, oldest first.
    fn open_runs(&self) -> Answer<'_, Vec<RunId>>;

    /// Runs that are open, or were opened or closed at or after `since`; oldest first. Budgets and
    /// cool-downs are counted from these.
    fn past_runs(&self, since: Timestamp) -> Answer<'_, Vec<RunSummary>>;

    /// Writes a plan's standing if it still is what the caller read: `was` is `None` for a plan
    /// that must not be there yet, else the whole record as read. A difference is
    /// [`StoreError::Conflict`] and nothing is written, so that two people cannot decide on one
    /// plan past each other.
    fn save_plan<'a>(&'a self, record: &'a PlanRecord, was: Option<&'a PlanRecord>) -> Answer<'a, ()>;

    /// One plan.
    fn plan<'a>(&'a self, hash: &'a PlanHash) -> Answer<'a, Option<PlanRecord>>;

    /// Plans, the latest changed first; with `open_only` those that can still lead to a run.
    fn plans(&self, open_only: bool) -> Answer<'_, Vec<PlanRecord>>;

    /// Replaces what is remembered of these followers: all of them or none.
    fn remember<'a>(&'a self, memories: &'a [(FollowerKey, Memory)]) -> Answer<'a, ()>;

    /// Everything that is remembered, in the order of the keys.
    fn memories(&self) -> Answer<'_, Vec<(FollowerKey, Memory)>>;

    /// Forgets one follower; nothing to forget is not an error.
    fn forget<'a>(&'a self, follower: &'a FollowerKey) -> Answer<'a, ()>;

    /// Engages a brake, or replaces the one of the same scope.
    fn set_brake<'a>(&'a self, brake: &'a Brake) -> Answer<'a, ()>;

    /// Releases a brake; whether there was one.
    fn release_brake<'a>(&'a self, scope: &'a BrakeScope) -> Answer<'a, bool>;

    /// All brakes, the expired ones too (whether one holds is asked with [`Brake::holds`]).
    fn brakes(&self) -> Answer<'_, Vec<Brake>>;

    /// Appends to the audit log and returns the record with its place in the chain.
    fn audit<'a>(&'a self, event: &'a AuditEvent) -> Answer<'a, AuditRecord>;

    /// At most `limit` audit records from position `from_seq` on, in order.
    fn audit_log(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<AuditRecord>>;

    /// Computes the whole chain again: a changed, missing or cut-off record is found.
    fn verify_audit(&self) -> Answer<'_, AuditCheck>;

    /// Position of the newest audit record; 0 where there is none.
    fn audit_len(&self) -> Answer<'_, u64>;

    /// Deletes what ended before `before`: runs that were closed, with their journals, and plans
    /// that are closed and not rejected (a rejection stands until the facts change). An open run,
    /// an open plan, and the audit log are never cut. Returns what was deleted.
    fn prune(&self, before: Timestamp) -> Answer<'_, Pruned>;

    /// Stores blocks of the history, each in place of the one of the same follower, kind and
    /// beginning: all of them or none.
    fn write_history<'a>(&'a self, blocks: &'a [Block]) -> Answer<'a, ()>;

    /// At most `limit` blocks that fit, in the order of their beginnings, then of followers (the
    /// passes first), then of kinds.
    fn history<'a>(&'a self, wanted: &'a HistoryWanted, limit: u32) -> Answer<'a, Vec<Block>>;

    /// Deletes at most `limit` blocks that ended before `before`, the oldest first; how many.
    fn prune_history(&self, before: Timestamp, limit: u32) -> Answer<'_, u64>;

    /// A small value: breaker state, last drill.
    fn state<'a>(&'a self, key: &'a str) -> Answer<'a, Option<serde_json::Value>>;

    /// Writes a small value.
    fn set_state<'a>(&'a self, key: &'a str, value: &'a serde_json::Value) -> Answer<'a, ()>;

    /// What every receiver still has to be told, by receiver and fingerprint.
    fn outbox(&self) -> Answer<'_, Vec<Row>>;

    /// Writes and deletes rows of the outbox: all of them or none.
    fn change_outbox<'a>(&'a self, changes: &'a [RowChange]) -> Answer<'a, ()>;

    /// Whether this process may act on what the store says, at this very moment. Asked with nothing
    /// between the answer and a request that changes a cluster. A store that only one process can
    /// open says yes for as long as it is open.
    ///
    /// # Errors
    /// [`StoreError::NotOurs`].
    fn standing(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends when another host has taken the store over, with the reason; never for a store that
    /// only one process can open.
    fn lost(&self) -> BoxFuture<'_, StoreError> {
        Box::pin(std::future::pending())
    }

    /// Lets the next host take the store at once. Nothing can be written after it.
    fn give_up(&self) -> Answer<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Opens the store of a URL: `sqlite:///abs/path` or `sqlite://relative/path`. Creates it where
/// there is none, brings an older one up to date, and takes its lock for the life of the result.
///
/// # Errors
/// One sentence with its remedy: locked by another daemon (which pid), newer than this build,
/// not a database, not readable or writable, an unknown scheme.
pub async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Arc::new(
            sqlite::SqliteStore::open(std::path::Path::new(path)).await?,
        )),
        Some(("postgres" | "postgresql", _)) => Ok(Arc::new(
            postgres::PostgresStore::open(url, postgres::Terms::default()).await?,
        )),
        _ => Err(unknown_url(url)),
    }
}

/// Opens the store of a URL for reading only, beside a daemon that may be running: takes no lock,
/// creates and changes nothing. Every write of the result fails.
///
/// # Errors
/// As [`open`]; also where there is no database yet.
pub async fn open_read_only(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(Arc::new(
            sqlite::SqliteStore::open_read_only(std::path::Path::new(path)).await?,
        )),
        Some(("postgres" | "postgresql", _)) => {
            Ok(Arc::new(postgres::PostgresStore::open_read_only(url).await?))
        }
        _ => Err(unknown_url(url)),
    }
}

/// For people and logs.
fn without_password(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{rest}"),
        _ => url.to_owned(),
    }
}

fn unknown_url(url: &str) -> StoreError {
    StoreError::BadUrl {
        url: without_password(url),
        problem:
            "it is neither sqlite:///absolute/path, sqlite://relative/path nor postgres://user@host/database"
                .to_owned(),
    }
}
