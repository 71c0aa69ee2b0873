//! SIGKILL at every journal write, and between request and answer of every changing request, of
//! one recreate; then a new start, which must end with the follower following or with a person.

use std::time::Duration;

use futures::StreamExt as _;
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::log::Entry;
use refollow::sandbox::pair::Side;
use tokio::time::Instant;

use super::{Daemon, GLANCE, KILL_VARIABLE, MINUTE_VARIABLE, PATIENCE, Rig, until};

/// How long a new start has to finish or to tell.
const RECOVERY: Duration = Duration::from_secs(60);
/// Two of these tests run beside each other on two cores.
const RIGS_AT_A_TIME: usize = 4;
/// What breaks the follower. Shard 0 alone loses its history: the other lease lives, so that a
/// recreate has all its steps, `forget_follower` too.
const BREAKAGE: &str = "live-lease:orders-f";
/// A minute of waiting for requests of a dead process, or of rest, is so many milliseconds here:
/// the sandbox has nothing in a queue.
const MINUTE: (&str, &str) = (MINUTE_VARIABLE, "1500");

/// What came of a follower in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Follows,
    /// A person was told, in a run's words or by a plan that waits.
    Told,
}

/// Whether the recreate is over and worked: every run has ended, and it follows.
async fn is_cured(rig: &Rig, daemon: &mut Daemon) -> bool {
    let runs = daemon.get_json("/api/v1/runs").await;
    let Some(runs) = runs["runs"].as_array().filter(|runs| !runs.is_empty()) else {
        return false;
    };
    runs.iter().all(|run| !run["outcome"].is_null()) && rig.equal() && daemon.is_well().await
}

/// Whether a person was told what to do.
async fn is_told(daemon: &mut Daemon) -> bool {
    let runs = daemon.get_json("/api/v1/runs").await;
    let of_run = runs["runs"].as_array().is_some_and(|runs| {
        runs.first()
            .is_some_and(|run| run["person_must"].as_str().is_some_and(|text| !text.is_empty()))
    });
    let plans = daemon.get_json("/api/v1/plans").await;
    let waits = plans["plans"]
        .as_array()
        .is_some_and(|plans| plans.iter().any(|plan| plan["state"] == "pending"));
    of_run || waits
}

/// Starts again and judges the end; `point` names where it was killed.
async fn recover(rig: &Rig, point: &str) -> End {
    let mut daemon = rig.start_with("second-life", &[MINUTE]);
    let deadline = Instant::now() + RECOVERY;
    let mut end = End::Told;
    while Instant::now() < deadline {
        if is_cured(rig, &mut daemon).await {
            end = End::Follows;
            break;
        }
        tokio::time::sleep(GLANCE * 4).await;
    }
    if end == End::Told {
        let said = daemon.said();
        assert!(
            is_told(&mut daemon).await,
            "killed {point}: neither cured nor told: {}\n{said}",
            daemon.follower().await
        );
        let paused_or_closed = rig.info()["status"] == "paused" || !rig.is_open();
        let metrics = daemon.get("/metrics").await.unwrap_or_default();
        assert!(
            !paused_or_closed || metrics.contains("\nrefollow_follower_held{"),
            "killed {point}: paused or closed in silence\n{said}"
        );
    } else {
        rig.assert_all_is_back();
    }
    rig.assert_looked_between_follows();
    end
}

/// One recreate whose process kills itself at journal write `write`. `None`: it was not killed,
/// because there is no such write.
async fn killed_at_write(write: u32, side: &str) -> Option<End> {
    let rig = Rig::new("auto").await;
    let at = format!("{write}:{side}");
    let mut daemon = rig
        .start_and_know("first-life", &[(KILL_VARIABLE, &at), MINUTE])
        .await;
    rig.break_follower_by(BREAKAGE);
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = daemon.child.try_wait().unwrap() {
            assert_eq!(status.code(), None, "it ended by itself: {}", daemon.said());
            break;
        }
        if is_cured(&rig, &mut daemon).await {
            rig.assert_all_is_back();
            rig.assert_looked_between_follows();
            return None;
        }
        assert!(Instant::now() < deadline, "{at}: {}", daemon.said());
        tokio::time::sleep(GLANCE).await;
    }
    Some(recover(&rig, &format!("{side} journal write {write}")).await)
}

async fn at_every_write(side: &str) {
    let ends: Vec<(u32, End)> = futures::stream::iter(1..200)
        .map(async |write| (write, killed_at_write(write, side).await))
        .buffered(RIGS_AT_A_TIME)
        .take_while(|(_, end)| std::future::ready(end.is_some()))
        .filter_map(|(write, end)| std::future::ready(end.map(|end| (write, end))))
        .collect()
        .await;
    let told: Vec<u32> = ends
        .iter()
        .filter(|(_, end)| *end == End::Told)
        .map(|(write, _)| *write)
        .collect();
    // A recreate journals the intent, the answer and the proof of pause, close, follow and the
    // settings at least, beside its opening and its end.
    assert!(
        ends.len() >= 14,
        "only {} writes: the hook does not count",
        ends.len()
    );
    // Such a run cannot be told apart from one that nobody killed.
    assert!(told.len() * 4 <= ends.len(), "mostly left to people: {told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_any_journal_write_lands_the_follower_follows_again_or_a_person_is_told() {
    at_every_write("before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_after_any_journal_write_landed_the_follower_follows_again_or_a_person_is_told() {
    at_every_write("after").await;
}

/// The changing requests of a recreate that nobody disturbs, in order.
async fn undisturbed() -> Vec<Entry> {
    let rig = Rig::new("auto").await;
    let mut daemon = rig.start_and_know("only-life", &[MINUTE]).await;
    rig.break_follower_by(BREAKAGE);
    until("a cure", async || is_cured(&rig, &mut daemon).await.then_some(())).await;
    rig.assert_all_is_back();
    rig.assert_looked_between_follows();
    let said = daemon.said();
    let undo = said.matches("the commands to undo by hand").count();
    assert_eq!(undo, 1, "the undo commands are logged once: {said}");
    rig.changes()
}

/// Killed while the `nth` request like this one hangs, which the cluster carried out or did not.
async fn killed_in_request(request: &Entry, nth: u32, acts: bool) -> End {
    let rig = Rig::new("auto").await;
    let mut daemon = rig.start_and_know("first-life", &[MINUTE]).await;
    let side = if request.cluster == "leader" {
        Side::Leader
    } else {
        Side::Follower
    };
    let path = request.path.split('?').next().unwrap();
    rig.world().add_fault(
        Fault::new(FaultKind::Hang)
            .on(side)
            .method(request.method)
            .path(path)
            .after(nth)
            .times(1)
            .acts(acts),
    );
    rig.break_follower_by(BREAKAGE);
    until("the request arrives", async || {
        let log = rig.world().requests();
        log.iter().any(|entry| entry.fault.is_some()).then_some(())
    })
    .await;
    daemon.kill().await;
    rig.world().clear_faults();
    let point = format!("in {} {path} ({nth} before it; acted: {acts})", request.method);
    recover(&rig, &point).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_request_and_answer_of_any_step_the_follower_follows_again_or_a_person_is_told() {
    let requests = undisturbed().await;
    let kinds: Vec<String> = requests
        .iter()
        .map(|entry| format!("{} {}", entry.method, entry.path))
        .collect();
    for step in [
        "/_ccr/pause_follow",
        "/_ccr/resume_follow",
        "/_close",
        "/_ccr/forget_follower",
        "/_ccr/follow?",
        "/_settings",
    ] {
        assert!(
            kinds.iter().any(|kind| kind.contains(step)),
            "no {step}: {kinds:?}"
        );
    }
    let mut points = Vec::new();
    for (at, request) in requests.iter().enumerate() {
        let same = |other: &&Entry| other.method == request.method && other.path == request.path;
        let nth = u32::try_from(requests[..at].iter().filter(same).count()).unwrap();
        points.extend([(request, nth, true), (request, nth, false)]);
    }
    let ends: Vec<End> = futures::stream::iter(points)
        .map(|(request, nth, acts)| killed_in_request(request, nth, acts))
        .buffered(RIGS_AT_A_TIME)
        .collect()
        .await;
    println!("killed in each of {kinds:?}, acted and not: {ends:?}");
    assert_eq!(ends.len(), requests.len() * 2);
}
