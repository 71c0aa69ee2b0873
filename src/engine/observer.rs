//! Looks at clusters: one task for each follower cluster, one for each leader side of it.
//!
//! Looks of one cluster never overlap (one task, one loop), and a cluster that hangs delays no
//! other (its own task, its own deadlines). The leader side has a task of its own so that a
//! leader that hangs does not delay the look at its followers either.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::answer::{Answer, Outcome};
use crate::domain::ids::ClusterName;
use crate::domain::load::Purpose;
use crate::elastic::client::Client;
use crate::elastic::read::Look;
use crate::engine::Engine;
use crate::engine::book::Book;
use crate::engine::schedule::next_due;

/// Calls of one look that wait for their answers at once; the client has its own limit besides. Each
/// is a connection whose buffer holds half a megabyte after a long answer, for every cluster.
const AT_ONCE: usize = 2;

/// Looks at one cluster's followers until cancelled.
pub(crate) async fn observe_followers(engine: Arc<Engine>, cluster: ClusterName, cancel: CancellationToken) {
    let mut failures = 0_u32;
    let mut last_slow: Option<Instant> = None;
    loop {
        let Some((interval, slow_interval)) = engine.intervals(&cluster) else {
            return;
        };
        let slow = last_slow.is_none_or(|at| at.elapsed() >= slow_interval);
        let looked = tokio::select! {
            () = cancel.cancelled() => return,
            looked = engine.look_at_followers(&cluster, slow) => looked,
        };
        if looked {
            failures = 0;
            if slow {
                last_slow = Some(Instant::now());
            }
        } else {
            failures = failures.saturating_add(1);
        }
        wait(
            &engine,
            &cluster,
            next_due(interval, failures, fastrand::f64()),
            &cancel,
        )
        .await;
        if cancel.is_cancelled() {
            return;
        }
    }
}

/// Looks at one cluster as the leader of followers elsewhere, until cancelled.
pub(crate) async fn observe_leader(engine: Arc<Engine>, cluster: ClusterName, cancel: CancellationToken) {
    let mut failures = 0_u32;
    loop {
        let Some(interval) = engine.leader_interval(&cluster) else {
            return;
        };
        let looked = tokio::select! {
            () = cancel.cancelled() => return,
            looked = engine.look_at_leader(&cluster) => looked,
        };
        failures = if looked { 0 } else { failures.saturating_add(1) };
        let due = next_due(interval, failures, fastrand::f64());
        let Some(due) = spared(&engine, &cluster, due, &cancel).await else {
            return;
        };
        tokio::select! {
            () = cancel.cancelled() => return,
            () = tokio::time::sleep(due) => {}
            () = engine.leader_poke(&cluster) => {
                // A sick follower asks for a fresh word; not more often than once a second.
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

async fn wait(engine: &Engine, cluster: &ClusterName, due: Duration, cancel: &CancellationToken) {
    let Some(due) = spared(engine, cluster, due, cancel).await else {
        return;
    };
    let due = Instant::now() + due;
    tokio::select! {
        () = cancel.cancelled() => {}
        () = tokio::time::sleep_until(due) => engine.metrics.look_began(due.elapsed()),
        () = engine.poke(cluster) => {}
    }
}

/// Waits while a cluster that has too much to do is left alone: nobody's wish for a look now cuts that
/// short. Gives what is left of `due`; `None` once cancelled.
async fn spared(
    engine: &Engine,
    cluster: &ClusterName,
    due: Duration,
    cancel: &CancellationToken,
) -> Option<Duration> {
    let began = Instant::now();
    loop {
        let wait = engine.client(cluster).map(|client| client.load().wait());
        // The other side's look may have met trouble meanwhile, and made it longer.
        let Some(wait) = wait.filter(|wait| !wait.is_zero()) else {
            return Some(due.saturating_sub(began.elapsed()));
        };
        tokio::select! {
            () = cancel.cancelled() => return None,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// Makes all the looks, a few at a time, and returns their answers in the order asked.
pub(crate) async fn look_all(client: &Client, looks: Vec<Look>, purpose: Purpose) -> Vec<Answer> {
    let calls = looks
        .into_iter()
        .map(|look| async move { client.look_for(&look, purpose).await });
    futures::stream::iter(calls)
        .buffered(AT_ONCE)
        .flat_map(futures::stream::iter)
        .collect()
        .await
}

/// Why a look counts as failed: the first of the calls that a look cannot do without.
pub(crate) fn failure(answers: &[Answer]) -> Result<(), String> {
    for answer in answers {
        let needed = &*answer.call.path == "/" || answer.call.path.contains("_ccr/");
        match &answer.outcome {
            Outcome::Failed(why) if needed => return Err(format!("{}: {why}", answer.call)),
            Outcome::Got { status, body } if needed && *status >= 400 => {
                let beginning: String = String::from_utf8_lossy(body)
                    .chars()
                    .filter(|c| !c.is_control())
                    .take(160)
                    .collect();
                return Err(format!("{} answered {status}: {beginning}", answer.call));
            }
            _ => {}
        }
    }
    Ok(())
}

/// First looks of the follower side, kept beside the loop that makes them.
pub(crate) fn first_looks(slow: bool) -> Vec<Look> {
    Book::first_looks(slow)
}
