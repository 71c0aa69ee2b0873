//! What debug builds alone know, for the tests of the real process: to die at a chosen journal
//! write, and to wait less. A release build does not contain this module (`docs/TESTING.md`).

use std::sync::Arc;
use std::time::Duration;

use crate::engine::settings::Settings;
use crate::store::faulty::{Counted, FaultyStore, Side};
use crate::store::postgres::{PostgresStore, Terms};
use crate::store::{self, Store, StoreError};

/// `<n>:before` or `<n>:after`: the process kills itself with SIGKILL at its n-th journal write,
/// before it lands or after.
const KILL: &str = "REFOLLOW_TEST_KILL_AT_JOURNAL_WRITE";
/// `<n>`: the process stops itself with SIGSTOP once its n-th journal write has landed, as a host does
/// that freezes. Whoever sends SIGCONT wakes it, and it goes on where it was.
const FREEZE: &str = "REFOLLOW_TEST_FREEZE_AT_JOURNAL_WRITE";
/// Milliseconds that stand for the 15 s of a tenure of a shared state.
const TENURE: &str = "REFOLLOW_TEST_TENURE_MS";
/// Milliseconds that stand for the minute which a run waits for the effect of a request whose
/// answer is lost, and for the minute of rest after a run that backed out.
const MINUTE: &str = "REFOLLOW_TEST_MINUTE_MS";

/// The store, which kills this process where the environment asks for it.
pub(super) fn killing(store: Arc<dyn Store>) -> Arc<dyn Store> {
    if let Some(write) = number(FREEZE) {
        tracing::warn!("a test asks this process to freeze at journal write {write}");
        let faulty = FaultyStore::new(store, Counted::Journal, write, Side::After).watching();
        return Arc::new(faulty.on_death(|_| signal(rustix::process::Signal::STOP)));
    }
    let asked = std::env::var(KILL).unwrap_or_default();
    let Some((write, side)) = parse(&asked) else {
        return store;
    };
    tracing::warn!("a test asks this process to kill itself at journal write {asked}");
    // Nothing is flushed, nothing is told: that is the point. Should it fail, the store is dead all
    // the same, and the test sees that the process lives.
    let faulty = FaultyStore::new(store, Counted::Journal, write, side)
        .on_death(|_| signal(rustix::process::Signal::KILL));
    Arc::new(faulty)
}

fn signal(signal: rustix::process::Signal) {
    if let Err(error) = rustix::process::kill_process(rustix::process::getpid(), signal) {
        tracing::error!("the process could not signal itself: {error}");
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

/// The state, whose tenure is shorter where the environment asks for it.
pub(super) async fn open(url: &str) -> Result<Arc<dyn Store>, StoreError> {
    let Some(lasts) = number(TENURE).filter(|_| url.starts_with("postgres")) else {
        return store::open(url).await;
    };
    tracing::warn!("a test asks this process for a tenure of {lasts} ms");
    let part = |of: u64| Duration::from_millis(lasts * of / 15);
    let terms = Terms {
        lasts: part(15),
        renew: part(4),
        grace: part(5),
        margin: part(1),
        patience: part(10),
    };
    Ok(Arc::new(PostgresStore::open(url, terms).await?))
}

fn parse(asked: &str) -> Option<(u64, Side)> {
    let (write, side) = asked.split_once(':')?;
    let side = match side {
        "before" => Side::Before,
        "after" => Side::After,
        _ => return None,
    };
    Some((write.parse().ok()?, side))
}

/// The settings, with shorter waits where the environment asks for them. They are no options: on a
/// real cluster they outlive what a master may still have in its queue.
pub(super) fn impatient(mut settings: Settings) -> Settings {
    let asked = std::env::var(MINUTE).ok().and_then(|text| text.parse().ok());
    if let Some(minute) = asked.map(Duration::from_millis) {
        tracing::warn!("a test asks this process to take {minute:?} for a minute");
        settings.run_limits.step = minute;
        settings.run_limits.quiet = minute;
        settings.policy.rest = minute;
    }
    settings
}
