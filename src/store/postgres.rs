//! The store that several hosts can take up: PostgreSQL, the same promises as SQLite's.
//!
//! One host holds the [tenure] and writes; the others stand by. Every transaction that
//! writes first locks the tenure's row and so is refused from the moment on in which another host
//! took over (fencing); every journal row carries the epoch under which it was written. Commits are
//! `synchronous_commit = on`, whatever the server's default.

use std::path::{Path, PathBuf};
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use futures::{FutureExt as _, TryStreamExt as _};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions, PgRow};
use sqlx::{Connection as _, FromRow as _, PgConnection, Postgres, Row as _, Transaction};
use tokio::sync::Mutex;
use tokio::task::AbortHandle;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::ids::{FollowerKey, PlanHash, RunId};
use crate::domain::journal::Entry;
use crate::domain::memory::Memory;
use crate::domain::notice::outbox::{Row as OutboxRow, RowChange};
use crate::domain::plan::PlanRecord;
use crate::domain::time::Timestamp;
use crate::history::Block;
use crate::store::postgres::tenure::Tenure;
use crate::store::row::{self, ChainWalk, Kind, StoredAudit};
use crate::store::{
    Answer, AuditCheck, AuditEvent, AuditRecord, HistoryWanted, Pruned, RunSummary, Store, StoreError,
};

mod tenure;

pub use tenure::Terms;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/migrations/postgres");

/// See the module.
#[derive(Debug)]
pub struct PostgresStore {
    pool: PgPool,
    /// One transaction that writes at a time, as with SQLite: what a caller awaits is in order.
    writing: Mutex<()>,
    /// `None`: opened for reading only.
    tenure: Option<Arc<Tenure>>,
    renewing: Option<AbortHandle>,
    patience: Duration,
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        if let Some(renewing) = &self.renewing {
            renewing.abort();
        }
    }
}

/// The URL without its user and options, for people.
fn place(url: &str) -> PathBuf {
    let shown = crate::store::without_password(url);
    PathBuf::from(shown.split('?').next().unwrap_or_default())
}

fn options(url: &str, patience: Duration) -> Result<PgConnectOptions, StoreError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| StoreError::BadUrl {
        url: place(url).display().to_string(),
        problem: error.to_string(),
    })?;
    let patience = patience.as_millis().to_string();
    Ok(options.application_name("refollow").options([
        ("synchronous_commit", "on"),
        ("statement_timeout", patience.as_str()),
        ("lock_timeout", patience.as_str()),
        ("idle_in_transaction_session_timeout", patience.as_str()),
    ]))
}

impl PostgresStore {
    /// Connects, brings the tables up to date, and takes the tenure.
    ///
    /// # Errors
    /// As [`crate::store::open`]; [`StoreError::Locked`] while another host holds the tenure.
    pub async fn open(url: &str, terms: Terms) -> Result<Self, StoreError> {
        let place = place(url);
        let opening = |error: sqlx::Error| cannot_open(&place, &error);
        let options = options(url, terms.patience)?;
        let mut connection = within(terms.patience, PgConnection::connect_with(&options))
            .await
            .map_err(opening)?;
        // A host of a newer version that stands by must not change the tables under the one that
        // works: only an empty database is set up before the tenure is taken.
        let empty: bool = sqlx::query_scalar("SELECT to_regclass('tenure') IS NULL")
            .fetch_one(&mut connection)
            .await
            .map_err(opening)?;
        if empty {
            migrate(&place, &mut connection).await?;
        }
        is_known(&place, &mut connection).await?;
        let tenure = Arc::new(tenure::take(&mut connection, &our_name(), terms, &place, opening).await?);
        migrate(&place, &mut connection).await?;
        connection.close().await.map_err(opening)?;
        let pool = pool(options.clone(), terms.patience);
        #[expect(
            clippy::disallowed_methods,
            reason = "it must outlive the daemon's tasks, whose drain still writes, and ends with the store"
        )]
        let renewing = tokio::spawn(renew(options, Arc::clone(&tenure))).abort_handle();
        Ok(Self {
            pool,
            writing: Mutex::new(()),
            tenure: Some(tenure),
            renewing: Some(renewing),
            patience: terms.patience,
        })
    }

    /// Connects for reading only: no tenure, no migration.
    ///
    /// # Errors
    /// As [`crate::store::open_read_only`].
    pub async fn open_read_only(url: &str) -> Result<Self, StoreError> {
        let place = place(url);
        let opening = |error: sqlx::Error| cannot_open(&place, &error);
        let patience = Terms::default().patience;
        let options = options(url, patience)?.options([("default_transaction_read_only", "on")]);
        let mut connection = within(patience, PgConnection::connect_with(&options))
            .await
            .map_err(opening)?;
        is_known(&place, &mut connection).await?;
        connection.close().await.map_err(opening)?;
        Ok(Self {
            pool: pool(options, patience),
            writing: Mutex::new(()),
            tenure: None,
            renewing: None,
            patience,
        })
    }

    fn tenure(&self) -> Result<&Arc<Tenure>, StoreError> {
        self.tenure.as_ref().ok_or_else(|| StoreError::Write {
            problem: "it was opened for reading only".to_owned(),
            remedy: "this is a defect of refollow: report it".to_owned(),
        })
    }

    fn epoch(&self) -> i64 {
        self.tenure.as_ref().map_or(0, |tenure| tenure.epoch)
    }

    /// Runs `work` in one transaction under our tenure: all of it is on disk, or nothing of it.
    async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction<'_, Postgres>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let _turn = self.writing.lock().await;
        match tokio::time::timeout(self.patience, self.transaction(work)).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Write {
                problem: format!(
                    "the database has not answered within {} s",
                    self.patience.as_secs()
                ),
                remedy: "check that PostgreSQL runs and can be reached from this host".to_owned(),
            }),
        }
    }

    /// A question that the database answers in time, or that fails.
    async fn read<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        match tokio::time::timeout(self.patience, work).await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Read {
                problem: format!(
                    "the database has not answered within {} s",
                    self.patience.as_secs()
                ),
            }),
        }
    }

    async fn transaction<T>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction<'_, Postgres>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tenure = self.tenure()?;
        let mut transaction = self.pool.begin().await.map_err(|e| cannot_write(&e))?;
        if !tenure::fence(&mut transaction, tenure)
            .await
            .map_err(|e| cannot_write(&e))?
        {
            // Renewing finds out whether it is lost for good or only late.
            return Err(StoreError::NotOurs {
                why: format!("tenure {} has ended in the database", tenure.epoch),
            });
        }
        let value = work(&mut transaction).await?;
        transaction.commit().await.map_err(|e| cannot_write(&e))?;
        Ok(value)
    }
}

fn pool(options: PgConnectOptions, patience: Duration) -> PgPool {
    PgPoolOptions::new()
        .max_connections(4)
        // Whoever waits gives up first, and says what was waited for.
        .acquire_timeout(patience * 2)
        .connect_lazy_with(options)
}

/// This process, for people.
fn our_name() -> String {
    let host = rustix::system::uname();
    format!(
        "host {} (pid {})",
        host.nodename().to_string_lossy(),
        std::process::id()
    )
}

/// A connection that is not made in time is one that fails.
async fn within<T>(
    patience: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    match tokio::time::timeout(patience, work).await {
        Ok(result) => result,
        Err(_) => Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::TimedOut,
            format!("no answer within {} s", patience.as_secs()),
        ))),
    }
}

/// Renews the tenure for as long as it is ours, over a connection of its own: what waits for the
/// pool must not cost it.
async fn renew(options: PgConnectOptions, tenure: Arc<Tenure>) {
    let mut connection: Option<PgConnection> = None;
    let mut told = false;
    while !tenure.is_lost() {
        tokio::time::sleep(tenure.terms.renew).await;
        let attempt = async {
            let mut open = match connection.take() {
                Some(open) => open,
                None => PgConnection::connect_with(&options).await?,
            };
            tenure.renew(&mut open).await?;
            Ok::<_, sqlx::Error>(open)
        };
        match within(tenure.terms.patience, attempt).await {
            Ok(open) => {
                connection = Some(open);
                if std::mem::take(&mut told) && !tenure.is_lost() {
                    tracing::info!("tenure {} is renewed again", tenure.epoch);
                }
            }
            Err(error) => {
                told = true;
                tracing::warn!(
                    "tenure {} could not be renewed: {error}; nothing is changed on any cluster once it has ended",
                    tenure.epoch
                );
            }
        }
    }
    tracing::error!("tenure {} is lost: another host has taken over", tenure.epoch);
}

async fn migrate(place: &Path, connection: &mut PgConnection) -> Result<(), StoreError> {
    use sqlx::migrate::MigrateError;
    MIGRATIONS
        .run_direct(None, connection, false)
        .await
        .map_err(|error| match error {
            MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => {
                StoreError::Newer {
                    what: place.display().to_string(),
                    found,
                    known: row::newest(&MIGRATIONS),
                }
            }
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
                cannot_open(place, &error)
            }
            other => StoreError::Unopenable {
                path: place.to_owned(),
                problem: other.to_string(),
                remedy: "restore a backup made by this version, or give refollow a new database".to_owned(),
            },
        })
}

/// Refuses a database that a newer build has changed.
async fn is_known(place: &Path, connection: &mut PgConnection) -> Result<(), StoreError> {
    let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(|error| cannot_open(place, &error))?;
    let known = row::newest(&MIGRATIONS);
    match found {
        Some(found) if found > known => Err(StoreError::Newer {
            what: place.display().to_string(),
            found,
            known,
        }),
        _ => Ok(()),
    }
}

/// SQLSTATE (postgresql.org/docs/current/errcodes-appendix.html).
fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

fn cannot_open(place: &Path, error: &sqlx::Error) -> StoreError {
    let remedy = match code(error).as_deref() {
        Some("28P01" | "28000") => {
            "give daemon.state a user and password that PostgreSQL lets in (pg_hba.conf)"
        }
        Some("3D000") => "create the database: createdb --owner <user> <name>",
        Some("42501") => "let its user create tables in the schema `public`, or own the database",
        Some("42P01") => "start the daemon once, which makes its tables",
        Some("25006") => "it is a standby: name the primary",
        Some("53300") => "it has no connection left: raise max_connections; refollow takes up to 6",
        _ => "check that PostgreSQL runs and can be reached from this host",
    };
    StoreError::Unopenable {
        path: place.to_owned(),
        problem: error.to_string(),
        remedy: remedy.to_owned(),
    }
}

fn cannot_write(error: &sqlx::Error) -> StoreError {
    let remedy = match code(error).as_deref() {
        Some("53100") => "the database's disk is full: make room there",
        Some("25006") => "it has become a standby: name the primary",
        Some("57P01" | "57P02" | "57P03") => "PostgreSQL stops or starts: wait for it",
        _ => "check that PostgreSQL runs and can be reached from this host",
    };
    StoreError::Write {
        problem: error.to_string(),
        remedy: remedy.to_owned(),
    }
}

fn cannot_read(error: &sqlx::Error) -> StoreError {
    StoreError::Read {
        problem: error.to_string(),
    }
}

/// A row that begins with `format, json`.
fn decode<T: serde::de::DeserializeOwned>(kind: Kind, found: &PgRow) -> Result<T, StoreError> {
    let format: i64 = found.try_get("format").map_err(|e| cannot_read(&e))?;
    let json: &str = found.try_get("json").map_err(|e| cannot_read(&e))?;
    row::decode(kind, format, json)
}

fn decode_all<T: serde::de::DeserializeOwned>(kind: Kind, found: &[PgRow]) -> Result<Vec<T>, StoreError> {
    found.iter().map(|one| decode(kind, one)).collect()
}

fn audit_row(found: &PgRow) -> Result<(StoredAudit, i64), StoreError> {
    let read = || -> Result<_, sqlx::Error> {
        let seq: i64 = found.try_get("seq")?;
        let stored = StoredAudit {
            seq: u64::try_from(seq).unwrap_or(0),
            prev_hash: found.try_get("prev_hash")?,
            hash: found.try_get("hash")?,
            event_json: found.try_get("json")?,
        };
        Ok((stored, found.try_get("format")?))
    };
    read().map_err(|error| cannot_read(&error))
}

const AUDIT_COLUMNS: &str =
    "SELECT seq, prev_hash, hash, format, json FROM audit WHERE seq >= $1 ORDER BY seq LIMIT $2";

/// `after` is a row that nothing comes before where nothing was asked for.
const HISTORY: &str = "SELECT begins, follower, kind, ends, entries, bytes FROM history
     WHERE ends >= $1 AND begins <= $2 AND (begins, follower, kind) > ($3, $4, $5)
     AND ($6 OR follower = $7) AND ($8 < 0 OR kind = $8)
     ORDER BY begins, follower, kind LIMIT $9";

impl Store for PostgresStore {
    fn append<'a>(&'a self, entry: &'a Entry) -> Answer<'a, ()> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| cannot_write(&error);
            let known = sqlx::query("SELECT format, json, last_seq FROM runs WHERE id = $1")
                .bind(entry.run.as_str())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let (summary, last) = match &known {
                None => (None, 0),
                Some(found) => {
                    let last: i64 = found.try_get("last_seq").map_err(|e| cannot_read(&e))?;
                    let summary: RunSummary = decode(row::SUMMARY, found)?;
                    (Some(summary), u64::try_from(last).unwrap_or(0))
                }
            };
            let summary = row::advance(summary, last, entry)?;
            if known.is_none() {
                let open: Option<String> =
                    sqlx::query_scalar("SELECT id FROM runs WHERE follower = $1 AND closed_at IS NULL")
                        .bind(summary.follower.to_string())
                        .fetch_optional(&mut **tx)
                        .await
                        .map_err(|e| cannot_read(&e))?;
                if let Some(open) = open.and_then(|id| RunId::parse(&id).ok()) {
                    return Err(row::busy(&summary, open));
                }
            }
            sqlx::query(
                "INSERT INTO runs (id, follower, opened_at, closed_at, last_seq, format, json)
                 VALUES ($1, $2, $3, $4, $5, $6, $7)
                 ON CONFLICT (id) DO UPDATE SET
                 closed_at = excluded.closed_at, last_seq = excluded.last_seq,
                 format = excluded.format, json = excluded.json",
            )
            .bind(entry.run.as_str())
            .bind(summary.follower.to_string())
            .bind(row::nanos(summary.opened_at))
            .bind(summary.closed.as_ref().map(|closed| row::nanos(closed.at)))
            .bind(row::number(entry.seq))
            .bind(row::SUMMARY.format)
            .bind(row::encode(row::SUMMARY, &summary)?)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
            sqlx::query("INSERT INTO journal (run, seq, epoch, format, json) VALUES ($1, $2, $3, $4, $5)")
                .bind(entry.run.as_str())
                .bind(row::number(entry.seq))
                .bind(self.epoch())
                .bind(row::ENTRY.format)
                .bind(row::encode(row::ENTRY, entry)?)
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            Ok(())
        })
        .boxed()
    }

    fn journal<'a>(&'a self, run: &'a RunId) -> Answer<'a, Vec<Entry>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM journal WHERE run = $1 ORDER BY seq")
                .bind(run.as_str())
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::ENTRY, &found)
        })
        .boxed()
    }

    fn runs(&self, limit: u32) -> Answer<'_, Vec<RunSummary>> {
        self.read(async move {
            let found =
                sqlx::query("SELECT format, json FROM runs ORDER BY opened_at DESC, id DESC LIMIT $1")
                    .bind(i64::from(limit))
                    .fetch_all(&self.pool)
                    .await
                    .map_err(|e| cannot_read(&e))?;
            decode_all(row::SUMMARY, &found)
        })
        .boxed()
    }

    fn run<'a>(&'a self, run: &'a RunId) -> Answer<'a, Option<RunSummary>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM runs WHERE id = $1")
                .bind(run.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::SUMMARY, &one)).transpose()
        })
        .boxed()
    }

    fn open_runs(&self) -> Answer<'_, Vec<RunId>> {
        self.read(async move {
            let found =
                sqlx::query("SELECT format, json FROM runs WHERE closed_at IS NULL ORDER BY opened_at, id")
                    .fetch_all(&self.pool)
                    .await
                    .map_err(|e| cannot_read(&e))?;
            let open: Vec<RunSummary> = decode_all(row::SUMMARY, &found)?;
            Ok(open.into_iter().map(|run| run.id).collect())
        })
        .boxed()
    }

    fn past_runs(&self, since: Timestamp) -> Answer<'_, Vec<RunSummary>> {
        self.read(async move {
            let found = sqlx::query(
                "SELECT format, json FROM runs
                 WHERE closed_at IS NULL OR closed_at >= $1 OR opened_at >= $1 ORDER BY opened_at, id",
            )
            .bind(row::nanos(since))
            .fetch_all(&self.pool)
            .await
            .map_err(|e| cannot_read(&e))?;
            decode_all(row::SUMMARY, &found)
        })
        .boxed()
    }

    fn save_plan<'a>(&'a self, record: &'a PlanRecord, was: Option<&'a PlanRecord>) -> Answer<'a, ()> {
        self.write(async move |tx| {
            let hash = &record.plan.hash;
            let found = sqlx::query("SELECT format, json FROM plans WHERE hash = $1")
                .bind(hash.as_str())
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let found: Option<PlanRecord> = found.map(|one| decode(row::PLAN, &one)).transpose()?;
            if found.as_ref() != was {
                return Err(StoreError::Conflict {
                    what: format!("plan {hash}"),
                });
            }
            sqlx::query(
                "INSERT INTO plans (hash, open, changed_at, format, json) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (hash) DO UPDATE SET open = excluded.open, changed_at = excluded.changed_at,
                 format = excluded.format, json = excluded.json",
            )
            .bind(hash.as_str())
            .bind(record.state.is_open())
            .bind(row::nanos(record.changed_at))
            .bind(row::PLAN.format)
            .bind(row::encode(row::PLAN, record)?)
            .execute(&mut **tx)
            .await
            .map_err(|e| cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn plan<'a>(&'a self, hash: &'a PlanHash) -> Answer<'a, Option<PlanRecord>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM plans WHERE hash = $1")
                .bind(hash.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::PLAN, &one)).transpose()
        })
        .boxed()
    }

    fn plans(&self, open_only: bool) -> Answer<'_, Vec<PlanRecord>> {
        self.read(async move {
            let found = sqlx::query(
                "SELECT format, json FROM plans WHERE open OR NOT $1 ORDER BY changed_at DESC, hash",
            )
            .bind(open_only)
            .fetch_all(&self.pool)
            .await
            .map_err(|e| cannot_read(&e))?;
            decode_all(row::PLAN, &found)
        })
        .boxed()
    }

    fn remember<'a>(&'a self, memories: &'a [(FollowerKey, Memory)]) -> Answer<'a, ()> {
        self.write(async move |tx| {
            for (follower, memory) in memories {
                sqlx::query(
                    "INSERT INTO memories (follower, format, json) VALUES ($1, $2, $3)
                     ON CONFLICT (follower) DO UPDATE SET format = excluded.format, json = excluded.json",
                )
                .bind(follower.to_string())
                .bind(row::MEMORY.format)
                .bind(row::encode(row::MEMORY, memory)?)
                .execute(&mut **tx)
                .await
                .map_err(|e| cannot_write(&e))?;
            }
            Ok(())
        })
        .boxed()
    }

    fn memories(&self) -> Answer<'_, Vec<(FollowerKey, Memory)>> {
        self.read(async move {
            let found = sqlx::query("SELECT follower, format, json FROM memories")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            let mut memories = Vec::with_capacity(found.len());
            for one in &found {
                let follower: &str = one.try_get("follower").map_err(|e| cannot_read(&e))?;
                let follower = FollowerKey::parse(follower).map_err(|error| StoreError::Damaged {
                    what: row::MEMORY.name.to_owned(),
                    problem: error.to_string(),
                })?;
                memories.push((follower, decode(row::MEMORY, one)?));
            }
            // In the order of the keys, which is not that of their text (`a-b/x`, `a/x`).
            memories.sort_by(|a: &(FollowerKey, Memory), b| a.0.cmp(&b.0));
            Ok(memories)
        })
        .boxed()
    }

    fn forget<'a>(&'a self, follower: &'a FollowerKey) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query("DELETE FROM memories WHERE follower = $1")
                .bind(follower.to_string())
                .execute(&mut **tx)
                .await
                .map_err(|e| cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn set_brake<'a>(&'a self, brake: &'a Brake) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query(
                "INSERT INTO brakes (scope, format, json) VALUES ($1, $2, $3)
                 ON CONFLICT (scope) DO UPDATE SET format = excluded.format, json = excluded.json",
            )
            .bind(brake.scope.to_string())
            .bind(row::BRAKE.format)
            .bind(row::encode(row::BRAKE, brake)?)
            .execute(&mut **tx)
            .await
            .map_err(|e| cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn release_brake<'a>(&'a self, scope: &'a BrakeScope) -> Answer<'a, bool> {
        self.write(async move |tx| {
            let done = sqlx::query("DELETE FROM brakes WHERE scope = $1")
                .bind(scope.to_string())
                .execute(&mut **tx)
                .await
                .map_err(|e| cannot_write(&e))?;
            Ok(done.rows_affected() > 0)
        })
        .boxed()
    }

    fn brakes(&self) -> Answer<'_, Vec<Brake>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM brakes ORDER BY scope")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::BRAKE, &found)
        })
        .boxed()
    }

    fn audit<'a>(&'a self, event: &'a AuditEvent) -> Answer<'a, AuditRecord> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| cannot_write(&error);
            let head: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM audit_head")
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let (seq, prev) = head.map_or((1, row::CHAIN_START.to_owned()), |(seq, hash)| (seq + 1, hash));
            let stored = StoredAudit::next(u64::try_from(seq).unwrap_or(0), prev, event)?;
            sqlx::query("INSERT INTO audit (seq, prev_hash, hash, format, json) VALUES ($1, $2, $3, $4, $5)")
                .bind(seq)
                .bind(&stored.prev_hash)
                .bind(&stored.hash)
                .bind(row::AUDIT.format)
                .bind(&stored.event_json)
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            sqlx::query(
                "INSERT INTO audit_head (one, seq, hash) VALUES (1, $1, $2)
                 ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
            )
            .bind(seq)
            .bind(&stored.hash)
            .execute(&mut **tx)
            .await
            .map_err(failed)?;
            stored.record(row::AUDIT.format)
        })
        .boxed()
    }

    fn audit_log(&self, from_seq: u64, limit: u32) -> Answer<'_, Vec<AuditRecord>> {
        self.read(async move {
            let found = sqlx::query(AUDIT_COLUMNS)
                .bind(row::number(from_seq))
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            found
                .iter()
                .map(|one| audit_row(one).and_then(|(stored, format)| stored.record(format)))
                .collect()
        })
        .boxed()
    }

    fn verify_audit(&self) -> Answer<'_, AuditCheck> {
        async move {
            // One view of everything, so that a record written meanwhile cannot look like a cut-off log.
            let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
            let mut view = self.pool.begin_with(begin).await.map_err(|e| cannot_read(&e))?;
            let mut walk = ChainWalk::new();
            {
                let mut found = sqlx::query(AUDIT_COLUMNS)
                    .bind(0_i64)
                    .bind(i64::MAX)
                    .fetch(&mut *view);
                while let Some(one) = found.try_next().await.map_err(|e| cannot_read(&e))? {
                    let (stored, _) = audit_row(&one)?;
                    if let Err(broken) = walk.step(&stored) {
                        return Ok(broken);
                    }
                }
            }
            let head: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM audit_head")
                .fetch_optional(&mut *view)
                .await
                .map_err(|e| cannot_read(&e))?;
            Ok(walk.finish(head.map(|(seq, hash)| (u64::try_from(seq).unwrap_or(0), hash))))
        }
        .boxed()
    }

    fn audit_len(&self) -> Answer<'_, u64> {
        self.read(async move {
            let newest: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM audit")
                .fetch_one(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            Ok(newest.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
        })
        .boxed()
    }

    fn prune(&self, before: Timestamp) -> Answer<'_, Pruned> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| cannot_write(&error);
            sqlx::query("DELETE FROM journal WHERE run IN (SELECT id FROM runs WHERE closed_at < $1)")
                .bind(row::nanos(before))
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            let runs = sqlx::query("DELETE FROM runs WHERE closed_at < $1")
                .bind(row::nanos(before))
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            let old = sqlx::query("SELECT format, json FROM plans WHERE NOT open AND changed_at < $1")
                .bind(row::nanos(before))
                .fetch_all(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let mut plans = 0;
            for record in decode_all::<PlanRecord>(row::PLAN, &old)? {
                if row::prunable(&record, before) {
                    sqlx::query("DELETE FROM plans WHERE hash = $1")
                        .bind(record.plan.hash.as_str())
                        .execute(&mut **tx)
                        .await
                        .map_err(failed)?;
                    plans += 1;
                }
            }
            Ok(Pruned {
                runs: runs.rows_affected(),
                plans,
            })
        })
        .boxed()
    }

    fn write_history<'a>(&'a self, blocks: &'a [Block]) -> Answer<'a, ()> {
        self.write(async move |tx| {
            for block in blocks {
                sqlx::query(
                    "INSERT INTO history (begins, follower, kind, ends, entries, bytes)
                     VALUES ($1, $2, $3, $4, $5, $6)
                     ON CONFLICT (begins, follower, kind) DO UPDATE SET
                     ends = excluded.ends, entries = excluded.entries, bytes = excluded.bytes",
                )
                .bind(row::nanos(block.from))
                .bind(row::owner(block.follower.as_ref()))
                .bind(row::kind(block.kind))
                .bind(row::nanos(block.until))
                .bind(i64::try_from(block.count).unwrap_or(i64::MAX))
                .bind(&block.bytes)
                .execute(&mut **tx)
                .await
                .map_err(|error| cannot_write(&error))?;
            }
            Ok(())
        })
        .boxed()
    }

    fn history<'a>(&'a self, wanted: &'a HistoryWanted, limit: u32) -> Answer<'a, Vec<Block>> {
        self.read(async move {
            let asked = row::Asked::of(wanted);
            let found = sqlx::query(HISTORY)
                .bind(asked.since)
                .bind(asked.until)
                .bind(asked.after.0)
                .bind(asked.after.1)
                .bind(asked.after.2)
                .bind(asked.all)
                .bind(asked.follower)
                .bind(asked.kind)
                .bind(i64::from(limit))
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            found
                .iter()
                .map(|one| {
                    row::StoredBlock::from_row(one)
                        .map_err(|e| cannot_read(&e))?
                        .block()
                })
                .collect()
        })
        .boxed()
    }

    fn prune_history(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.write(async move |tx| {
            let done = sqlx::query(
                "DELETE FROM history WHERE (begins, follower, kind) IN
                 (SELECT begins, follower, kind FROM history WHERE ends < $1 ORDER BY ends LIMIT $2)",
            )
            .bind(row::nanos(before))
            .bind(i64::from(limit))
            .execute(&mut **tx)
            .await
            .map_err(|error| cannot_write(&error))?;
            Ok(done.rows_affected())
        })
        .boxed()
    }

    fn state<'a>(&'a self, key: &'a str) -> Answer<'a, Option<serde_json::Value>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM state WHERE key = $1")
                .bind(key)
                .fetch_optional(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::STATE, &one)).transpose()
        })
        .boxed()
    }

    fn set_state<'a>(&'a self, key: &'a str, value: &'a serde_json::Value) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query(
                "INSERT INTO state (key, format, json) VALUES ($1, $2, $3)
                 ON CONFLICT (key) DO UPDATE SET format = excluded.format, json = excluded.json",
            )
            .bind(key)
            .bind(row::STATE.format)
            .bind(row::encode(row::STATE, value)?)
            .execute(&mut **tx)
            .await
            .map_err(|e| cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn outbox(&self) -> Answer<'_, Vec<OutboxRow>> {
        self.read(async move {
            let found = sqlx::query("SELECT format, json FROM outbox ORDER BY receiver, fingerprint")
                .fetch_all(&self.pool)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::OUTBOX, &found)
        })
        .boxed()
    }

    fn change_outbox<'a>(&'a self, changes: &'a [RowChange]) -> Answer<'a, ()> {
        self.write(async move |tx| {
            for change in changes {
                let query = match change {
                    RowChange::Put(row) => {
                        let (receiver, fingerprint) = row.key();
                        sqlx::query(
                            "INSERT INTO outbox (receiver, fingerprint, format, json) VALUES ($1, $2, $3, $4)
                             ON CONFLICT (receiver, fingerprint) DO UPDATE SET
                             format = excluded.format, json = excluded.json",
                        )
                        .bind(receiver)
                        .bind(fingerprint)
                        .bind(row::OUTBOX.format)
                        .bind(row::encode(row::OUTBOX, row)?)
                    }
                    RowChange::Drop((receiver, fingerprint)) => {
                        sqlx::query("DELETE FROM outbox WHERE receiver = $1 AND fingerprint = $2")
                            .bind(receiver)
                            .bind(fingerprint)
                    }
                };
                query.execute(&mut **tx).await.map_err(|e| cannot_write(&e))?;
            }
            Ok(())
        })
        .boxed()
    }

    fn standing(&self) -> Result<(), StoreError> {
        self.tenure()?.standing()
    }

    fn lost(&self) -> BoxFuture<'_, StoreError> {
        async move {
            let Some(tenure) = &self.tenure else {
                return std::future::pending().await;
            };
            loop {
                let told = tenure.told.notified();
                if tenure.is_lost()
                    && let Err(error) = tenure.standing()
                {
                    return error;
                }
                told.await;
            }
        }
        .boxed()
    }

    fn give_up(&self) -> Answer<'_, ()> {
        async move {
            let Some(tenure) = &self.tenure else { return Ok(()) };
            if let Some(renewing) = &self.renewing {
                renewing.abort();
            }
            let mut connection = self.pool.acquire().await.map_err(|e| cannot_write(&e))?;
            tenure
                .give_up(&mut connection)
                .await
                .map_err(|e| cannot_write(&e))
        }
        .boxed()
    }
}
