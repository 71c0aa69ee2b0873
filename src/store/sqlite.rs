//! The store on disk: SQLite in the process, nothing to install.
//!
//! One connection writes, one reads; WAL with `synchronous=FULL`, so that a commit is on disk when
//! it returns (safety 5). Every write is one `BEGIN IMMEDIATE` transaction: a full disk or a kill
//! in its midst leaves nothing of it. A lock beside the file keeps a second daemon away.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{FutureExt as _, TryStreamExt as _};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteRow, SqliteSynchronous};
use sqlx::{Connection as _, FromRow as _, Row as _, Sqlite, SqliteConnection, Transaction};
use tokio::sync::Mutex;

use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::ids::{FollowerKey, PlanHash, RunId};
use crate::domain::journal::Entry;
use crate::domain::memory::Memory;
use crate::domain::notice::outbox::{Row as OutboxRow, RowChange};
use crate::domain::plan::PlanRecord;
use crate::domain::time::Timestamp;
use crate::history::Block;
use crate::store::lock::{self, Lock};
use crate::store::row::{self, ChainWalk, Kind, StoredAudit};
use crate::store::{
    Answer, AuditCheck, AuditEvent, AuditRecord, HistoryWanted, Pruned, RunSummary, Store, StoreError,
};

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/migrations/sqlite");

/// `application_id` of the first migration: tells our database from any other program's.
const APPLICATION_ID: i64 = 1_919_247_983;

/// See the module.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    options: SqliteConnectOptions,
    /// Taken out while a transaction runs and put back only when that ended cleanly: a future that
    /// is dropped half-way, or an error after which SQLite has rolled back by itself (a full disk;
    /// sqlx then still counts a transaction), costs the connection and nothing else.
    writer: Mutex<Option<SqliteConnection>>,
    reader: Mutex<SqliteConnection>,
    /// `None`: opened for reading only.
    _lock: Option<Lock>,
}

impl SqliteStore {
    /// Opens or creates the database, takes its lock, brings it up to date.
    ///
    /// # Errors
    /// As [`crate::store::open`].
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = Lock::take(path)?;
        touch(path)?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let opening = |error: sqlx::Error| cannot_open(path, &error);
        // Whose it is comes first: switching a stranger's database to WAL would already change it.
        let looking = SqliteConnectOptions::new().filename(path).read_only(true);
        let mut probe = SqliteConnection::connect_with(&looking).await.map_err(opening)?;
        is_ours(path, &mut probe).await?;
        probe.close().await.map_err(opening)?;

        let mut writer = SqliteConnection::connect_with(&options).await.map_err(opening)?;
        MIGRATIONS
            .run_direct(None, &mut writer, false)
            .await
            .map_err(|error| migration_failed(path, &error))?;
        let reader = SqliteConnection::connect_with(&options.clone().read_only(true))
            .await
            .map_err(opening)?;
        Ok(Self {
            path: path.to_owned(),
            options,
            writer: Mutex::new(Some(writer)),
            reader: Mutex::new(reader),
            _lock: Some(lock),
        })
    }

    /// Opens an existing database for reading only: no lock, no migration, nothing created.
    ///
    /// # Errors
    /// As [`crate::store::open_read_only`].
    pub async fn open_read_only(path: &Path) -> Result<Self, StoreError> {
        let opening = |error: sqlx::Error| cannot_open(path, &error);
        if let Err(error) = std::fs::metadata(path) {
            return Err(StoreError::Unopenable {
                path: path.to_owned(),
                problem: error.to_string(),
                remedy: "name the database of the daemon (daemon.state) and run as a user that may read it"
                    .to_owned(),
            });
        }
        let options = SqliteConnectOptions::new()
            .filename(path)
            .read_only(true)
            .busy_timeout(Duration::from_secs(5));
        let mut reader = SqliteConnection::connect_with(&options).await.map_err(opening)?;
        is_ours(path, &mut reader).await?;
        let found: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
            .fetch_one(&mut reader)
            .await
            .map_err(opening)?;
        let known = row::newest(&MIGRATIONS);
        match found {
            Some(found) if found > known => Err(StoreError::Newer {
                what: path.display().to_string(),
                found,
                known,
            }),
            _ => Ok(Self {
                path: path.to_owned(),
                options,
                writer: Mutex::new(None),
                reader: Mutex::new(reader),
                _lock: None,
            }),
        }
    }

    /// Runs `work` in one transaction: all of it is on disk, or nothing of it.
    async fn write<T>(
        &self,
        work: impl AsyncFnOnce(&mut Transaction<'_, Sqlite>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let failed = |error: sqlx::Error| self.cannot_write(&error);
        let mut place = self.writer.lock().await;
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => SqliteConnection::connect_with(&self.options)
                .await
                .map_err(failed)?,
        };
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(failed)?;
        match work(&mut transaction).await {
            Ok(value) => {
                transaction.commit().await.map_err(failed)?;
                *place = Some(connection);
                Ok(value)
            }
            Err(error) => {
                if transaction.rollback().await.is_ok() {
                    *place = Some(connection);
                }
                Err(error)
            }
        }
    }

    fn cannot_write(&self, error: &sqlx::Error) -> StoreError {
        let directory = self.path.parent().unwrap_or_else(|| Path::new(".")).display();
        let remedy = match primary_code(error) {
            Some(13) => format!("the disk is full: make room on the file system of {directory}"),
            Some(8) => format!("it has become read-only: check the file system of {directory}"),
            Some(10) => format!("the disk fails: check the file system of {directory} and the kernel's log"),
            Some(5 | 6) => "another program holds the database: end it".to_owned(),
            _ => format!("check {}", self.path.display()),
        };
        StoreError::Write {
            problem: error.to_string(),
            remedy,
        }
    }
}

fn cannot_read(error: &sqlx::Error) -> StoreError {
    StoreError::Read {
        problem: error.to_string(),
    }
}

/// `SQLite`'s primary result code (the extended code's low byte; sqlite.org/rescode.html).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code: u32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// Creates an empty file for us alone where there is none, with an error that names what is wrong.
fn touch(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o640)
        .open(path);
    opened
        .map(drop)
        .map_err(|error| lock::unopenable(path, path, &error))
}

fn cannot_open(path: &Path, error: &sqlx::Error) -> StoreError {
    let (problem, remedy) = match primary_code(error) {
        Some(26) => (
            "it is not a database".to_owned(),
            "set daemon.state to a path of its own, or restore a backup".to_owned(),
        ),
        Some(11) => (
            "the database is damaged".to_owned(),
            "restore a backup".to_owned(),
        ),
        Some(13) => (
            "the disk is full".to_owned(),
            "make room on its file system".to_owned(),
        ),
        Some(8) => (
            "it is read-only".to_owned(),
            "let the user that runs refollow write it and its directory".to_owned(),
        ),
        Some(5 | 6) => (
            "another program holds it".to_owned(),
            "end that program".to_owned(),
        ),
        _ => (
            error.to_string(),
            "let the user that runs refollow read and write it and its directory".to_owned(),
        ),
    };
    StoreError::Unopenable {
        path: path.to_owned(),
        problem,
        remedy,
    }
}

/// Refuses another program's database before anything in it is touched.
async fn is_ours(path: &Path, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let reading = |error: sqlx::Error| cannot_open(path, &error);
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master")
        .fetch_one(&mut *connection)
        .await
        .map_err(reading)?;
    let id: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *connection)
        .await
        .map_err(reading)?;
    // A first start that was killed between making the migrations' table and the first migration
    // leaves that one table and no id.
    let only_migrations: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE tbl_name = '_sqlx_migrations'")
            .fetch_one(&mut *connection)
            .await
            .map_err(reading)?;
    if tables > only_migrations && id != APPLICATION_ID {
        return Err(StoreError::Unopenable {
            path: path.to_owned(),
            problem: "it is a database of another program".to_owned(),
            remedy: "set daemon.state to a path of its own".to_owned(),
        });
    }
    Ok(())
}

fn migration_failed(path: &Path, error: &sqlx::migrate::MigrateError) -> StoreError {
    use sqlx::migrate::MigrateError;
    let known = row::newest(&MIGRATIONS);
    match error {
        MigrateError::VersionMissing(found) | MigrateError::VersionTooNew(found, _) => StoreError::Newer {
            what: path.display().to_string(),
            found: *found,
            known,
        },
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => cannot_open(path, error),
        other => StoreError::Unopenable {
            path: path.to_owned(),
            problem: other.to_string(),
            remedy: "restore a backup made by this version, or move the state away and start anew".to_owned(),
        },
    }
}

/// A row that begins with `format, json`.
fn decode<T: serde::de::DeserializeOwned>(kind: Kind, found: &SqliteRow) -> Result<T, StoreError> {
    let format: i64 = found.try_get("format").map_err(|e| cannot_read(&e))?;
    let json: &str = found.try_get("json").map_err(|e| cannot_read(&e))?;
    row::decode(kind, format, json)
}

fn decode_all<T: serde::de::DeserializeOwned>(kind: Kind, found: &[SqliteRow]) -> Result<Vec<T>, StoreError> {
    found.iter().map(|one| decode(kind, one)).collect()
}

fn audit_row(found: &SqliteRow) -> Result<(StoredAudit, i64), StoreError> {
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
    "SELECT seq, prev_hash, hash, format, json FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2";

/// `after` is a row that nothing comes before where nothing was asked for.
const HISTORY: &str = "SELECT begins, follower, kind, ends, entries, bytes FROM history
     WHERE ends >= ?1 AND begins <= ?2 AND (begins, follower, kind) > (?3, ?4, ?5)
     AND (?6 OR follower = ?7) AND (?8 < 0 OR kind = ?8)
     ORDER BY begins, follower, kind LIMIT ?9";

impl Store for SqliteStore {
    fn append<'a>(&'a self, entry: &'a Entry) -> Answer<'a, ()> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| self.cannot_write(&error);
            let known = sqlx::query("SELECT format, json, last_seq FROM runs WHERE id = ?1")
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
                    sqlx::query_scalar("SELECT id FROM runs WHERE follower = ?1 AND closed_at IS NULL")
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
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
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
            sqlx::query("INSERT INTO journal (run, seq, format, json) VALUES (?1, ?2, ?3, ?4)")
                .bind(entry.run.as_str())
                .bind(row::number(entry.seq))
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
        async move {
            let found = sqlx::query("SELECT format, json FROM journal WHERE run = ?1 ORDER BY seq")
                .bind(run.as_str())
                .fetch_all(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::ENTRY, &found)
        }
        .boxed()
    }

    fn runs(&self, limit: u32) -> Answer<'_, Vec<RunSummary>> {
        async move {
            let found =
                sqlx::query("SELECT format, json FROM runs ORDER BY opened_at DESC, id DESC LIMIT ?1")
                    .bind(i64::from(limit))
                    .fetch_all(&mut *self.reader.lock().await)
                    .await
                    .map_err(|e| cannot_read(&e))?;
            decode_all(row::SUMMARY, &found)
        }
        .boxed()
    }

    fn run<'a>(&'a self, run: &'a RunId) -> Answer<'a, Option<RunSummary>> {
        async move {
            let found = sqlx::query("SELECT format, json FROM runs WHERE id = ?1")
                .bind(run.as_str())
                .fetch_optional(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::SUMMARY, &one)).transpose()
        }
        .boxed()
    }

    fn open_runs(&self) -> Answer<'_, Vec<RunId>> {
        async move {
            let found =
                sqlx::query("SELECT format, json FROM runs WHERE closed_at IS NULL ORDER BY opened_at, id")
                    .fetch_all(&mut *self.reader.lock().await)
                    .await
                    .map_err(|e| cannot_read(&e))?;
            let open: Vec<RunSummary> = decode_all(row::SUMMARY, &found)?;
            Ok(open.into_iter().map(|run| run.id).collect())
        }
        .boxed()
    }

    fn past_runs(&self, since: Timestamp) -> Answer<'_, Vec<RunSummary>> {
        async move {
            let found = sqlx::query(
                "SELECT format, json FROM runs
                 WHERE closed_at IS NULL OR closed_at >= ?1 OR opened_at >= ?1 ORDER BY opened_at, id",
            )
            .bind(row::nanos(since))
            .fetch_all(&mut *self.reader.lock().await)
            .await
            .map_err(|e| cannot_read(&e))?;
            decode_all(row::SUMMARY, &found)
        }
        .boxed()
    }

    fn save_plan<'a>(&'a self, record: &'a PlanRecord, was: Option<&'a PlanRecord>) -> Answer<'a, ()> {
        self.write(async move |tx| {
            let hash = &record.plan.hash;
            let found = sqlx::query("SELECT format, json FROM plans WHERE hash = ?1")
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
                "INSERT INTO plans (hash, open, changed_at, format, json) VALUES (?1, ?2, ?3, ?4, ?5)
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
            .map_err(|e| self.cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn plan<'a>(&'a self, hash: &'a PlanHash) -> Answer<'a, Option<PlanRecord>> {
        async move {
            let found = sqlx::query("SELECT format, json FROM plans WHERE hash = ?1")
                .bind(hash.as_str())
                .fetch_optional(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::PLAN, &one)).transpose()
        }
        .boxed()
    }

    fn plans(&self, open_only: bool) -> Answer<'_, Vec<PlanRecord>> {
        async move {
            let found =
                sqlx::query("SELECT format, json FROM plans WHERE open >= ?1 ORDER BY changed_at DESC, hash")
                    .bind(open_only)
                    .fetch_all(&mut *self.reader.lock().await)
                    .await
                    .map_err(|e| cannot_read(&e))?;
            decode_all(row::PLAN, &found)
        }
        .boxed()
    }

    fn remember<'a>(&'a self, memories: &'a [(FollowerKey, Memory)]) -> Answer<'a, ()> {
        self.write(async move |tx| {
            for (follower, memory) in memories {
                sqlx::query(
                    "INSERT INTO memories (follower, format, json) VALUES (?1, ?2, ?3)
                     ON CONFLICT (follower) DO UPDATE SET format = excluded.format, json = excluded.json",
                )
                .bind(follower.to_string())
                .bind(row::MEMORY.format)
                .bind(row::encode(row::MEMORY, memory)?)
                .execute(&mut **tx)
                .await
                .map_err(|e| self.cannot_write(&e))?;
            }
            Ok(())
        })
        .boxed()
    }

    fn memories(&self) -> Answer<'_, Vec<(FollowerKey, Memory)>> {
        async move {
            let found = sqlx::query("SELECT follower, format, json FROM memories")
                .fetch_all(&mut *self.reader.lock().await)
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
        }
        .boxed()
    }

    fn forget<'a>(&'a self, follower: &'a FollowerKey) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query("DELETE FROM memories WHERE follower = ?1")
                .bind(follower.to_string())
                .execute(&mut **tx)
                .await
                .map_err(|e| self.cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn set_brake<'a>(&'a self, brake: &'a Brake) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query(
                "INSERT INTO brakes (scope, format, json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (scope) DO UPDATE SET format = excluded.format, json = excluded.json",
            )
            .bind(brake.scope.to_string())
            .bind(row::BRAKE.format)
            .bind(row::encode(row::BRAKE, brake)?)
            .execute(&mut **tx)
            .await
            .map_err(|e| self.cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn release_brake<'a>(&'a self, scope: &'a BrakeScope) -> Answer<'a, bool> {
        self.write(async move |tx| {
            let done = sqlx::query("DELETE FROM brakes WHERE scope = ?1")
                .bind(scope.to_string())
                .execute(&mut **tx)
                .await
                .map_err(|e| self.cannot_write(&e))?;
            Ok(done.rows_affected() > 0)
        })
        .boxed()
    }

    fn brakes(&self) -> Answer<'_, Vec<Brake>> {
        async move {
            let found = sqlx::query("SELECT format, json FROM brakes ORDER BY scope")
                .fetch_all(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::BRAKE, &found)
        }
        .boxed()
    }

    fn audit<'a>(&'a self, event: &'a AuditEvent) -> Answer<'a, AuditRecord> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| self.cannot_write(&error);
            let head: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM audit_head")
                .fetch_optional(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let (seq, prev) = head.map_or((1, row::CHAIN_START.to_owned()), |(seq, hash)| (seq + 1, hash));
            let stored = StoredAudit::next(u64::try_from(seq).unwrap_or(0), prev, event)?;
            sqlx::query("INSERT INTO audit (seq, prev_hash, hash, format, json) VALUES (?1, ?2, ?3, ?4, ?5)")
                .bind(seq)
                .bind(&stored.prev_hash)
                .bind(&stored.hash)
                .bind(row::AUDIT.format)
                .bind(&stored.event_json)
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            sqlx::query(
                "INSERT INTO audit_head (one, seq, hash) VALUES (1, ?1, ?2)
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
        async move {
            let found = sqlx::query(AUDIT_COLUMNS)
                .bind(row::number(from_seq))
                .bind(i64::from(limit))
                .fetch_all(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            found
                .iter()
                .map(|one| audit_row(one).and_then(|(stored, format)| stored.record(format)))
                .collect()
        }
        .boxed()
    }

    fn verify_audit(&self) -> Answer<'_, AuditCheck> {
        async move {
            let mut reader = self.reader.lock().await;
            // One transaction, so that a record written meanwhile cannot look like a cut-off log.
            let mut view = reader.begin().await.map_err(|e| cannot_read(&e))?;
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
        async move {
            let newest: Option<i64> = sqlx::query_scalar("SELECT max(seq) FROM audit")
                .fetch_one(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            Ok(newest.and_then(|seq| u64::try_from(seq).ok()).unwrap_or(0))
        }
        .boxed()
    }

    fn prune(&self, before: Timestamp) -> Answer<'_, Pruned> {
        self.write(async move |tx| {
            let failed = |error: sqlx::Error| self.cannot_write(&error);
            sqlx::query("DELETE FROM journal WHERE run IN (SELECT id FROM runs WHERE closed_at < ?1)")
                .bind(row::nanos(before))
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            let runs = sqlx::query("DELETE FROM runs WHERE closed_at < ?1")
                .bind(row::nanos(before))
                .execute(&mut **tx)
                .await
                .map_err(failed)?;
            let old = sqlx::query("SELECT format, json FROM plans WHERE open = 0 AND changed_at < ?1")
                .bind(row::nanos(before))
                .fetch_all(&mut **tx)
                .await
                .map_err(|e| cannot_read(&e))?;
            let mut plans = 0;
            for record in decode_all::<PlanRecord>(row::PLAN, &old)? {
                if row::prunable(&record, before) {
                    sqlx::query("DELETE FROM plans WHERE hash = ?1")
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
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)
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
                .map_err(|error| self.cannot_write(&error))?;
            }
            Ok(())
        })
        .boxed()
    }

    fn history<'a>(&'a self, wanted: &'a HistoryWanted, limit: u32) -> Answer<'a, Vec<Block>> {
        async move {
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
                .fetch_all(&mut *self.reader.lock().await)
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
        }
        .boxed()
    }

    fn prune_history(&self, before: Timestamp, limit: u32) -> Answer<'_, u64> {
        self.write(async move |tx| {
            let done = sqlx::query(
                "DELETE FROM history WHERE (begins, follower, kind) IN
                 (SELECT begins, follower, kind FROM history WHERE ends < ?1 ORDER BY ends LIMIT ?2)",
            )
            .bind(row::nanos(before))
            .bind(i64::from(limit))
            .execute(&mut **tx)
            .await
            .map_err(|error| self.cannot_write(&error))?;
            Ok(done.rows_affected())
        })
        .boxed()
    }

    fn state<'a>(&'a self, key: &'a str) -> Answer<'a, Option<serde_json::Value>> {
        async move {
            let found = sqlx::query("SELECT format, json FROM state WHERE key = ?1")
                .bind(key)
                .fetch_optional(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            found.map(|one| decode(row::STATE, &one)).transpose()
        }
        .boxed()
    }

    fn set_state<'a>(&'a self, key: &'a str, value: &'a serde_json::Value) -> Answer<'a, ()> {
        self.write(async move |tx| {
            sqlx::query(
                "INSERT INTO state (key, format, json) VALUES (?1, ?2, ?3)
                 ON CONFLICT (key) DO UPDATE SET format = excluded.format, json = excluded.json",
            )
            .bind(key)
            .bind(row::STATE.format)
            .bind(row::encode(row::STATE, value)?)
            .execute(&mut **tx)
            .await
            .map_err(|e| self.cannot_write(&e))?;
            Ok(())
        })
        .boxed()
    }

    fn outbox(&self) -> Answer<'_, Vec<OutboxRow>> {
        async move {
            let found = sqlx::query("SELECT format, json FROM outbox ORDER BY receiver, fingerprint")
                .fetch_all(&mut *self.reader.lock().await)
                .await
                .map_err(|e| cannot_read(&e))?;
            decode_all(row::OUTBOX, &found)
        }
        .boxed()
    }

    fn change_outbox<'a>(&'a self, changes: &'a [RowChange]) -> Answer<'a, ()> {
        self.write(async move |tx| {
            for change in changes {
                let query = match change {
                    RowChange::Put(row) => {
                        let (receiver, fingerprint) = row.key();
                        sqlx::query(
                            "INSERT INTO outbox (receiver, fingerprint, format, json) VALUES (?1, ?2, ?3, ?4)
                             ON CONFLICT (receiver, fingerprint) DO UPDATE SET
                             format = excluded.format, json = excluded.json",
                        )
                        .bind(receiver)
                        .bind(fingerprint)
                        .bind(row::OUTBOX.format)
                        .bind(row::encode(row::OUTBOX, row)?)
                    }
                    RowChange::Drop((receiver, fingerprint)) => {
                        sqlx::query("DELETE FROM outbox WHERE receiver = ?1 AND fingerprint = ?2")
                            .bind(receiver)
                            .bind(fingerprint)
                    }
                };
                query
                    .execute(&mut **tx)
                    .await
                    .map_err(|e| self.cannot_write(&e))?;
            }
            Ok(())
        })
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `max_page_count` makes SQLite answer `SQLITE_FULL` exactly as a full file system does.
    #[tokio::test]
    async fn a_full_disk_writes_nothing_half_and_heals_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("refollow.db")).await.unwrap();
        store.set_state("small", &serde_json::json!(1)).await.unwrap();
        // Smaller than the database already is: SQLite takes its present size as the limit.
        sqlx::query("PRAGMA max_page_count = 1")
            .execute(store.writer.lock().await.as_mut().unwrap())
            .await
            .unwrap();
        let event = AuditEvent {
            at: Timestamp::UNIX_EPOCH,
            kind: "note".to_owned(),
            who: "anna".to_owned(),
            subject: "x".to_owned(),
            detail: serde_json::Value::String("x".repeat(200_000)),
        };
        let full = store.audit(&event).await.unwrap_err();
        assert!(full.to_string().contains("the disk is full: make room"), "{full}");
        assert_eq!(store.audit_log(0, 10).await.unwrap(), Vec::new());
        assert_eq!(store.verify_audit().await.unwrap(), AuditCheck::Whole(0));
        // The limit went with the connection, as if somebody had made room.
        assert_eq!(store.audit(&event).await.unwrap().seq, 1);
        assert_eq!(store.state("small").await.unwrap(), Some(serde_json::json!(1)));
    }

    #[tokio::test]
    async fn commits_are_synced_to_disk() {
        let dir = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&dir.path().join("refollow.db")).await.unwrap();
        let mut place = store.writer.lock().await;
        let writer = place.as_mut().unwrap();
        let synchronous: i64 = sqlx::query_scalar("PRAGMA synchronous")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
            .fetch_one(&mut *writer)
            .await
            .unwrap();
        assert_eq!((synchronous, mode.as_str()), (2, "wal"));
    }
}
