//! Keeps the past: samples on their beat, blocks into the store, old ones out of it.
//!
//! A task of its own with transactions of its own, so that no look, decision or journal entry waits
//! for it longer than for one small batch. What it cannot store it counts, tells once, and tries
//! again with the next flush.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::engine::Engine;
use crate::store::StoreError;

/// Between two looks whether a sample is due.
const BEAT: Duration = Duration::from_secs(5);
/// Between two flushes: a kill loses no more than this.
pub const FLUSH_EVERY: Duration = Duration::from_mins(5);
/// Blocks in one transaction: the journal waits for no more than these.
const BATCH: usize = 200;
/// Old blocks deleted at one flush.
const PRUNED_AT_ONCE: u32 = 2_000;

/// Whether the last flush failed, so that the same trouble is told once.
#[derive(Debug, Default)]
pub(crate) struct Trouble(AtomicBool);

impl Engine {
    pub(super) async fn keep_past(self: Arc<Self>, cancel: CancellationToken) {
        let mut flushed = tokio::time::Instant::now();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(BEAT) => {}
            }
            let now = self.now();
            self.lock().sample(now);
            if flushed.elapsed() >= FLUSH_EVERY {
                flushed = tokio::time::Instant::now();
                self.flush_history().await;
            }
        }
    }

    /// Stores what was recorded since the last time, and deletes what is older than it is kept.
    pub async fn flush_history(&self) {
        let outcome = self.try_flush().await;
        let before = self.history_trouble.0.swap(outcome.is_err(), Ordering::SeqCst);
        match outcome {
            Ok(()) if before => tracing::info!("the history is stored again"),
            Ok(()) => {}
            Err(error) => {
                self.metrics.history_failed();
                if !before {
                    tracing::warn!(
                        "the history could not be stored: {error}; it is tried again, and nothing else waits for it"
                    );
                }
            }
        }
    }

    async fn try_flush(&self) -> Result<(), StoreError> {
        let (blocks, keep) = {
            let book = self.lock();
            if !book.recorder.is_on() {
                return Ok(());
            }
            (book.recorder.blocks(), book.settings.history.keep)
        };
        for batch in blocks.chunks(BATCH) {
            self.store.write_history(batch).await?;
            let now = self.now();
            self.lock().recorder.stored(batch, now);
        }
        let keep = jiff::SignedDuration::try_from(keep).unwrap_or(jiff::SignedDuration::MAX);
        if let Ok(before) = self.now().checked_sub(keep) {
            self.store.prune_history(before, PRUNED_AT_ONCE).await?;
        }
        Ok(())
    }
}
