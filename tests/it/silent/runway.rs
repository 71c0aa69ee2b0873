//! How long is left, as the daemon shows it: from the leases of the simulated leader.

use std::time::Duration;

use refollow::domain::cause::Cause;
use refollow::domain::time::Timestamp;
use refollow::elastic::transport::Method;
use refollow::sandbox::pair::{Side, Version};
use serde_json::json;

use super::support::{Watch, watch};

const BOTH: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];
const SHARD: &str = "refollow_shard_runway_expiry_timestamp_seconds";
const INDEX: &str = "refollow_follower_runway_expiry_timestamp_seconds";

fn ends(watch: &Watch, follower: &str) -> Option<Timestamp> {
    watch.follower(follower).runway_expires_at
}

fn now(watch: &Watch) -> Timestamp {
    Timestamp::from_millisecond(watch.world.now_ms()).unwrap()
}

/// Seconds from now to the end.
fn left(watch: &Watch, follower: &str) -> Option<i64> {
    let end = ends(watch, follower)?;
    Some((end.as_millisecond() - now(watch).as_millisecond()) / 1_000)
}

#[tokio::test(start_paused = true)]
async fn nobody_who_is_well_has_a_runway() {
    for version in BOTH {
        let watch = watch(version, "quiet").await;
        watch.pass(Duration::from_mins(5)).await;
        let text = watch.metrics();
        let series = text
            .lines()
            .filter(|line| line.starts_with(INDEX) || line.starts_with(SHARD));
        assert_eq!(series.collect::<Vec<_>>(), Vec::<&str>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_paused_followers_runway_runs_down_by_the_leaders_own_period() {
    for version in BOTH {
        let watch = watch(version, "quiet").await;
        let period = json!({"index.soft_deletes.retention_lease.period": "40m"});
        watch
            .done(Side::Leader, Method::Put, "/payments/_settings", Some(period))
            .await;
        watch.pass(Duration::from_mins(3)).await;
        watch.play("follower-paused:payments-f");
        watch.pass(Duration::from_mins(2)).await;
        let first = left(&watch, "payments-f").unwrap();
        // Renewed at most 30 s before the pause.
        assert!((2_400 - 155..=2_400 - 119).contains(&first), "{first}");
        assert_eq!(watch.series(SHARD, "payments-f").len(), 3);
        watch.pass(Duration::from_mins(10)).await;
        let second = left(&watch, "payments-f").unwrap();
        assert!((first - second - 600).abs() <= 1, "{first} {second}");
        // When it has ended the lease is gone, and it says the same.
        let end = ends(&watch, "payments-f");
        watch.pass(Duration::from_mins(30)).await;
        assert!(left(&watch, "payments-f").unwrap() < 0, "{end:?}");
        let why = watch.why("payments-f").await;
        assert!(
            why.cost_of_waiting
                .as_deref()
                .unwrap()
                .contains("may be lost from now on"),
            "{why:?}"
        );
        assert_eq!(why.follower.cause, Cause::Paused);
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_shard_without_a_task_has_a_runway() {
    for version in BOTH {
        let watch = watch(version, "quiet").await;
        watch.play("shard-unassigned:payments-f");
        watch.pass(Duration::from_mins(3)).await;
        let series = watch.series(SHARD, "payments-f");
        assert_eq!(series.len(), 1, "{series:?}");
        assert!(series[0].contains("shard=\"2\""), "{series:?}");
        assert!(left(&watch, "payments-f").unwrap() > 11 * 3_600);
        watch.play("tasks-assigned");
        watch.pass(Duration::from_mins(3)).await;
        assert_eq!(watch.series(SHARD, "payments-f"), Vec::<String>::new());
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_link_between_the_clusters_costs_every_follower_its_renewals() {
    for version in BOTH {
        let watch = watch(version, "quiet").await;
        watch.play("remote-down");
        watch.pass(Duration::from_mins(15)).await;
        for item in watch.followers() {
            let left = left(&watch, item.index.as_str()).unwrap();
            assert!(
                (12 * 3_600 - 960..=12 * 3_600 - 900).contains(&left),
                "{item:?}: {left}"
            );
        }
        watch.play("remote-up");
        watch.pass(Duration::from_mins(5)).await;
        assert_eq!(left(&watch, "payments-f"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocked_or_closed_follower_goes_on_renewing() {
    for version in BOTH {
        let watch = watch(version, "quiet").await;
        watch.play("follower-flooded:carts-f");
        watch.play("follower-closed:payments-f");
        watch.pass(Duration::from_mins(15)).await;
        assert_eq!(watch.follower("payments-f").cause, Cause::FollowerClosed);
        assert_eq!(left(&watch, "payments-f"), None);
        assert_eq!(left(&watch, "carts-f"), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fatal_followers_runway_stands_on_8_and_moves_on_7_7() {
    for (version, moves) in [(Version::V7_7_0, true), (Version::V8_10_4, false)] {
        let watch = watch(version, "quiet").await;
        watch.play("fatal-but-curable:carts-f");
        watch.pass(Duration::from_mins(5)).await;
        let before = ends(&watch, "carts-f").unwrap();
        watch.pass(Duration::from_mins(15)).await;
        let after = ends(&watch, "carts-f").unwrap();
        assert_eq!(after > before, moves, "{version:?}: {before} {after}");
    }
}
