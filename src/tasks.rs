//! Every task has a name, a token and an end.
//!
//! Owns the spawning, cancelling, tracking and draining of tasks, and is the one place that
//! spawns. A task that panics is logged by its name, counted, and cancels all others: half a
//! controller is worse than a restart, because the other half believes it is being watched.

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// The tasks of one program (or one test). Clones share everything.
#[derive(Debug, Clone, Default)]
pub struct Tasks(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    cancel: CancellationToken,
    running: Mutex<BTreeMap<u64, String>>,
    next: AtomicU64,
    panics: AtomicU64,
}

/// Tasks that did not end within the deadline of [`Tasks::drain`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("still running after {deadline:?}: {}", names.join(", "))]
pub struct Stuck {
    /// How long was waited.
    pub deadline: Duration,
    /// Their names, oldest first.
    pub names: Vec<String>,
}

impl Tasks {
    /// No tasks yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Spawns a named task. `make` gets the token whose cancellation asks the task to end; each
    /// wait in it should be a `select!` with that token.
    ///
    /// The handle may be dropped: the task is tracked all the same. After a panic it yields
    /// normally, since the panic was caught and cancelled everything.
    pub fn spawn<F, Fut>(&self, name: impl Into<String>, make: F) -> JoinHandle<()>
    where
        F: FnOnce(CancellationToken) -> Fut,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let name = name.into();
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        self.0.running().insert(id, name.clone());
        let entry = Entry {
            tasks: self.clone(),
            id,
        };
        let task = make(self.0.cancel.child_token());
        self.0.tracker.spawn(async move {
            let entry = entry;
            if let Err(panic) = AssertUnwindSafe(task).catch_unwind().await {
                entry.tasks.0.panics.fetch_add(1, Ordering::Relaxed);
                tracing::error!(task = %name, panic = %message(panic.as_ref()), "a task panicked; stopping everything");
                entry.tasks.0.cancel.cancel();
            }
        })
    }

    /// The token of everything: cancelling it asks every task to end.
    pub fn token(&self) -> CancellationToken {
        self.0.cancel.clone()
    }

    /// Asks every task to end.
    pub fn cancel(&self) {
        self.0.cancel.cancel();
    }

    /// How many tasks have panicked.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Names of the tasks that run now, oldest first.
    pub fn running(&self) -> Vec<String> {
        self.0.running().values().cloned().collect()
    }

    /// Asks every task to end and waits for all of them, at most `deadline` long.
    ///
    /// # Errors
    /// Names those that still run. They are left running: what they hold in hand may be
    /// worth more than a clean list.
    pub async fn drain(&self, deadline: Duration) -> Result<(), Stuck> {
        self.0.cancel.cancel();
        self.0.tracker.close();
        match tokio::time::timeout(deadline, self.0.tracker.wait()).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Stuck {
                deadline,
                names: self.running(),
            }),
        }
    }
}

impl Inner {
    /// The map stays whole whatever panicked while it was locked: it is only inserted into and
    /// removed from.
    fn running(&self) -> MutexGuard<'_, BTreeMap<u64, String>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the name off the list when the task ends, also when it is aborted.
struct Entry {
    tasks: Tasks,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.tasks.0.running().remove(&self.id);
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_drained_task_has_been_asked_to_end() {
        let tasks = Tasks::new();
        let done = Arc::new(AtomicU64::new(0));
        let count = done.clone();
        tasks.spawn("worker", |cancel| async move {
            cancel.cancelled().await;
            count.fetch_add(1, Ordering::Relaxed);
        });
        assert_eq!(tasks.running(), ["worker"]);
        tasks.drain(Duration::from_secs(1)).await.unwrap();
        assert_eq!(done.load(Ordering::Relaxed), 1);
        assert!(tasks.running().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_end_is_named() {
        let tasks = Tasks::new();
        tasks.spawn("polite", |cancel| async move { cancel.cancelled().await });
        tasks.spawn("deaf", |_| std::future::pending());
        let stuck = tasks.drain(Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(stuck.names, ["deaf"]);
        assert_eq!(stuck.to_string(), "still running after 5s: deaf");
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_is_counted_and_cancels_everything() {
        let tasks = Tasks::new();
        tasks.spawn("bystander", |cancel| async move { cancel.cancelled().await });
        tasks.spawn("broken", |_| async { panic!("on purpose") });
        tasks.token().cancelled().await;
        assert_eq!(tasks.panics(), 1);
        tasks.drain(Duration::from_secs(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_aborted_task_is_no_longer_listed() {
        let tasks = Tasks::new();
        let handle = tasks.spawn("short", |_| std::future::pending());
        handle.abort();
        assert!(handle.await.unwrap_err().is_cancelled());
        assert!(tasks.running().is_empty());
    }
}
