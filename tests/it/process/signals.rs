//! SIGTERM and SIGHUP.

use std::time::Duration;

use refollow::sandbox::faults::{Fault, FaultKind};
use rustix::process::Signal;
use tokio::time::Instant;

use super::{Rig, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_before_the_follow_request_leaves_the_follower_open_and_not_paused() {
    let rig = Rig::new("auto").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    // The answer is late, so that the signal comes while the step is in hand.
    let late = Fault::new(FaultKind::Slow)
        .path("/orders-f/_close")
        .times(1)
        .delay(Duration::from_millis(700));
    rig.world().add_fault(late);
    rig.break_follower();
    until("it closes the follower", async || {
        let changes = rig.changes();
        changes
            .iter()
            .any(|entry| entry.path.contains("/_close"))
            .then_some(())
    })
    .await;
    let asked = Instant::now();
    daemon.signal(Signal::TERM);
    let code = daemon.ended().await;
    let said = daemon.said();
    assert_eq!(code, Some(0), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(20), "{:?}", asked.elapsed());
    let sent: Vec<String> = rig.changes().into_iter().map(|entry| entry.path).collect();
    assert!(!sent.iter().any(|path| path.contains("/_ccr/follow")), "{sent:?}");
    assert!(rig.is_open(), "left closed: {sent:?}\n{said}");
    assert_eq!(rig.info()["status"], "active", "left paused: {sent:?}\n{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sighup_with_a_broken_configuration_keeps_the_old_one_running() {
    const HEALTH: &str = "\nrefollow_config_last_reload_successful ";
    let rig = Rig::new("ask").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    let good = std::fs::read_to_string(rig.path("refollow.toml")).unwrap();
    let metrics = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains(&format!("{HEALTH}1\n")), "{metrics}");

    let broken = good.replace("\"ask\"", "\"sometimes\"").replace("300ms", "soon");
    std::fs::write(rig.path("refollow.toml"), broken).unwrap();
    daemon.signal(Signal::HUP);
    until("the metric tells", async || {
        let metrics = daemon.get("/metrics").await?;
        metrics.contains(&format!("{HEALTH}0\n")).then_some(())
    })
    .await;
    let said = daemon.said();
    for part in ["daemon.mode", "clusters[0].poll_interval", "the old one stays"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(daemon.is_well().await, "it does not look any more");

    std::fs::write(rig.path("refollow.toml"), good).unwrap();
    daemon.signal(Signal::HUP);
    until("the metric tells of the cure", async || {
        let metrics = daemon.get("/metrics").await?;
        metrics.contains(&format!("{HEALTH}1\n")).then_some(())
    })
    .await;
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ended().await, Some(0), "{}", daemon.said());
}
