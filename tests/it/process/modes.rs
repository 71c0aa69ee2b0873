//! `ask`, `observe`, the demo, and what Prometheus' own tool says of `/metrics`.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::Instant;

use super::{Rig, run, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_ask_mode_a_plan_waits_and_its_approval_lets_exactly_it_run() {
    let rig = Rig::new("ask").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    rig.break_follower();
    let hash = until("a plan that waits", async || {
        let (code, out, err) = rig.ask(&["plans"]).await;
        assert_eq!(code, 0, "{err}");
        let plans: Value = serde_json::from_str(&out).unwrap();
        let one = plans["plans"]
            .as_array()
            .and_then(|plans| plans.first().cloned())?;
        assert_eq!(one["follower"], "eu/orders-f");
        assert_eq!(one["cause"], "history_lost");
        one["hash"].as_str().map(str::to_owned)
    })
    .await;
    assert!(
        rig.changes().is_empty(),
        "changed without approval: {:?}",
        rig.changes()
    );

    let (code, _, err) = rig.ask(&["approve", &"ab".repeat(32)]).await;
    assert_eq!(code, 1, "an unknown hash: {err}");
    let (code, out, err) = rig.ask(&["approve", &hash, "--note", "seen"]).await;
    assert_eq!(code, 0, "{out}{err}");
    until("a cure", async || {
        let runs = daemon.get_json("/api/v1/runs").await;
        let ended = runs["runs"][0]["outcome"] == "cured";
        (ended && rig.equal() && daemon.is_well().await).then_some(())
    })
    .await;
    rig.assert_all_is_back();
    let (code, out, err) = rig.ask(&["approve", &hash]).await;
    assert_eq!(code, 3, "approved twice: {out}{err}");

    daemon.kill().await;
    let (code, _, err) = rig.ask(&["status"]).await;
    assert_eq!(code, 4, "without a daemon: {err}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_observe_mode_no_request_changes_anything() {
    let rig = Rig::new("observe").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    rig.break_follower();
    until("the cause is seen", async || {
        (daemon.follower().await["cause"] == "history_lost").then_some(())
    })
    .await;
    // Long enough for a daemon that would act to have acted: 17 looks.
    let looks = |rig: &Rig| {
        let log = rig.world().requests();
        log.iter()
            .filter(|entry| entry.path.starts_with("/_ccr/stats"))
            .count()
    };
    let (since, before) = (Instant::now(), looks(&rig));
    until("five seconds of looks", async || {
        (since.elapsed() > Duration::from_secs(5) && looks(&rig) >= before + 5).then_some(())
    })
    .await;
    assert_eq!(daemon.follower().await["cause"], "history_lost");
    assert_eq!(rig.changes(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promtool_has_nothing_to_say_about_the_live_metrics() {
    let there = std::process::Command::new("promtool")
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success());
    if !there {
        println!("promtool is not installed: /metrics was not checked with it");
        return;
    }
    let rig = Rig::new("ask").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    rig.break_follower();
    until("the cause is seen", async || {
        (daemon.follower().await["cause"] == "history_lost").then_some(())
    })
    .await;
    let metrics = daemon.get("/metrics").await.unwrap();
    assert!(metrics.contains("refollow_follower_cause"), "{metrics}");
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = promtool.stdin.take().unwrap();
    input.write_all(metrics.as_bytes()).await.unwrap();
    drop(input);
    let output = promtool.wait_with_output().await.unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!((output.status.code(), said.trim()), (Some(0), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_ends_as_it_must_within_a_minute() {
    let began = Instant::now();
    let (code, out, err) = run(&["demo"]).await;
    assert_eq!(code, 0, "{out}\n{err}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert!(!out.contains('\u{1b}'), "colours without a terminal");
}
