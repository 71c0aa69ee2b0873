//! `refollow drill` as people call it: the real binary proves itself on indices of its own, and leaves
//! nothing behind.

use serde_json::Value;

use super::Rig;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_of_the_real_binary_is_proven_and_leaves_nothing_but_its_result() {
    let rig = Rig::new("ask").await;
    let mut daemon = rig.start_and_know("only-life", &[]).await;
    let (code, out, err) = rig.ask(&["drill", "eu"]).await;
    assert_eq!(code, 0, "{out}{err}\n{}", daemon.said());

    // Every request that changed something named an index of the drill's own.
    let changes = rig.changes();
    let follows = |path: &str| path.starts_with("/refollow-drill-") && path.contains("_ccr/follow?");
    assert_eq!(
        changes.iter().filter(|entry| follows(&entry.path)).count(),
        2,
        "made, and recreated: {changes:?}"
    );
    for entry in &changes {
        assert!(entry.path.starts_with("/refollow-drill-"), "{entry:?}");
    }
    // Both are deleted, and the follower that was there is as it was.
    let all: Value = rig.look("/_cluster/state/metadata?filter_path=metadata.indices.*.state");
    assert!(!all.to_string().contains("refollow-drill-"), "{all}");
    rig.assert_all_is_back();
    let metrics = daemon.get("/metrics").await.unwrap();
    let told = |line: &str| line.starts_with("refollow_drill_last_success{") && line.ends_with(" 1");
    assert!(
        metrics.lines().any(told),
        "the last drill is not exported as a success"
    );
}
