//! Who may write a shared state: a tenure that expires, with an epoch that only grows.
//!
//! Owns taking, renewing and giving up, and the one question asked before everything that acts:
//! [`Tenure::standing`]. Only the database's clock decides who holds it; what a host knows by
//! itself is how long ago it was last told, on a clock that goes on while the process is stopped
//! and the machine asleep. So a process that wakes after its time knows it before it asks anybody.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use sqlx::{PgConnection, Row as _};
use tokio::sync::Notify;

use crate::store::StoreError;

/// The times of a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// How long it lasts without being renewed.
    pub lasts: Duration,
    /// How often it is renewed: several attempts may fail.
    pub renew: Duration,
    /// How long after its end nobody takes it: the former holder stops at its own end, and what it
    /// sent just before has reached the cluster.
    pub grace: Duration,
    /// This much before its end a host no longer acts.
    pub margin: Duration,
    /// How long one question to the database may take. Shorter than the tenure, so that a database
    /// that hangs is known before the tenure ends.
    pub patience: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            lasts: Duration::from_secs(15),
            renew: Duration::from_secs(4),
            grace: Duration::from_secs(5),
            margin: Duration::from_secs(1),
            patience: Duration::from_secs(5),
        }
    }
}

/// What a host knows of its own tenure.
#[derive(Debug)]
pub(super) struct Tenure {
    /// This process, never used again.
    pub(super) holder: String,
    /// Its number.
    pub(super) epoch: i64,
    pub(super) terms: Terms,
    /// When it ends if nothing renews it, in milliseconds of the clock since boot.
    until_ms: AtomicI64,
    lost: AtomicBool,
    /// Told when it is lost.
    pub(super) told: Notify,
}

/// Milliseconds since boot, sleep included.
fn boot_ms() -> i64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec
        .saturating_mul(1_000)
        .saturating_add(now.tv_nsec / 1_000_000)
}

fn millis(length: Duration) -> i64 {
    i64::try_from(length.as_millis()).unwrap_or(i64::MAX)
}

/// Takes the tenure if nobody holds it.
///
/// # Errors
/// [`StoreError::Locked`] while somebody does, with who and for how long; a database that fails.
pub(super) async fn take(
    connection: &mut PgConnection,
    name: &str,
    terms: Terms,
    place: &std::path::Path,
    failed: impl Fn(sqlx::Error) -> StoreError,
) -> Result<Tenure, StoreError> {
    let holder = uuid::Uuid::new_v4().to_string();
    let asked = boot_ms();
    let taken: Option<i64> = sqlx::query_scalar(
        "INSERT INTO tenure AS held (one, holder, name, epoch, taken_at, expires_at)
         VALUES (1, $1, $2, 1, clock_timestamp(), clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, name = excluded.name,
         epoch = held.epoch + 1, taken_at = excluded.taken_at, expires_at = excluded.expires_at
         WHERE held.expires_at + make_interval(secs => $4) < clock_timestamp()
         RETURNING epoch",
    )
    .bind(&holder)
    .bind(name)
    .bind(terms.lasts.as_secs_f64())
    .bind(terms.grace.as_secs_f64())
    .fetch_optional(&mut *connection)
    .await
    .map_err(&failed)?;
    if let Some(epoch) = taken {
        return Ok(Tenure {
            holder,
            epoch,
            terms,
            until_ms: AtomicI64::new(asked + millis(terms.lasts)),
            lost: AtomicBool::new(false),
            told: Notify::new(),
        });
    }
    let other = sqlx::query("SELECT name, epoch FROM tenure")
        .fetch_one(connection)
        .await
        .map_err(&failed)?;
    let (name, epoch): (String, i64) = (
        other.try_get("name").map_err(&failed)?,
        other.try_get("epoch").map_err(&failed)?,
    );
    Err(StoreError::Locked {
        path: place.to_owned(),
        holder: format!("{name}, tenure {epoch}"),
    })
}

impl Tenure {
    /// Renews it, unless somebody else has taken it: then it is lost for good.
    ///
    /// # Errors
    /// A database that fails; the tenure then goes on to its end.
    pub(super) async fn renew(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        let asked = boot_ms();
        let renewed = sqlx::query(
            "UPDATE tenure SET expires_at = clock_timestamp() + make_interval(secs => $3)
             WHERE holder = $1 AND epoch = $2",
        )
        .bind(&self.holder)
        .bind(self.epoch)
        .bind(self.terms.lasts.as_secs_f64())
        .execute(connection)
        .await?;
        if renewed.rows_affected() == 1 {
            // From before it was asked: never longer than the database counts.
            self.until_ms
                .store(asked + millis(self.terms.lasts), Ordering::SeqCst);
        } else {
            self.lose();
        }
        Ok(())
    }

    /// Ends it at once, so that the next host need not wait.
    pub(super) async fn give_up(&self, connection: &mut PgConnection) -> Result<(), sqlx::Error> {
        self.until_ms.store(i64::MIN, Ordering::SeqCst);
        sqlx::query(
            "UPDATE tenure SET expires_at = clock_timestamp() - make_interval(secs => $3)
             WHERE holder = $1 AND epoch = $2",
        )
        .bind(&self.holder)
        .bind(self.epoch)
        .bind(self.terms.grace.as_secs_f64())
        .execute(connection)
        .await?;
        Ok(())
    }

    /// Whether this process may act now. Asks nobody, and so can be asked with nothing between its
    /// answer and the act.
    pub(super) fn standing(&self) -> Result<(), StoreError> {
        let epoch = self.epoch;
        if self.is_lost() {
            return Err(StoreError::NotOurs {
                why: format!("another host has taken over from tenure {epoch}"),
            });
        }
        let left = self.until_ms.load(Ordering::SeqCst).saturating_sub(boot_ms());
        if left < millis(self.terms.margin) {
            return Err(StoreError::NotOurs {
                why: format!(
                    "tenure {epoch} could not be renewed: the database was last reached {} s ago, and another host \
                     may have taken over",
                    millis(self.terms.lasts).saturating_sub(left) / 1_000
                ),
            });
        }
        Ok(())
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::SeqCst)
    }

    pub(super) fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }
}

/// Within a transaction that writes: the tenure is ours and stays ours until the transaction has
/// ended, because whoever takes it must change the row that is locked here.
pub(super) async fn fence(transaction: &mut PgConnection, tenure: &Tenure) -> Result<bool, sqlx::Error> {
    let held: Option<i64> = sqlx::query_scalar(
        "SELECT epoch FROM tenure
         WHERE holder = $1 AND epoch = $2 AND expires_at > clock_timestamp() FOR SHARE",
    )
    .bind(&tenure.holder)
    .bind(tenure.epoch)
    .fetch_optional(transaction)
    .await?;
    Ok(held.is_some())
}
