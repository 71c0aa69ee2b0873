//! What must not be taken for a silent failure, over virtual hours.

use std::time::Duration;

use refollow::domain::cause::Cause;
use refollow::elastic::transport::Method;
use refollow::sandbox::load::Load;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use serde_json::{Value, json};

use super::support::{START_MS, Setup, Watch, watch_over};

const BOTH: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];

/// What no well follower may ever be called.
const SILENT: &[Cause] = &[
    Cause::LeaderDeleted,
    Cause::LeaderReplaced,
    Cause::LeaderRewound,
    Cause::FollowerBlocked,
    Cause::FollowerClosed,
    Cause::TaskUnassigned,
    Cause::Missing,
    Cause::Unfollowed,
    Cause::Diverged,
    Cause::Stalled,
    Cause::RestoreStuck,
];

/// A daemon over one leader and its follower, both of one shard and with settings of their own.
async fn one(version: Version, leads: Value, follows: Value) -> Watch {
    let world = World::new(&PairOptions {
        version,
        secured: false,
        start_ms: START_MS,
        seed: 3,
    });
    scenario::play(&world, "empty").unwrap();
    let watch = watch_over(world, Setup::of(version, "empty")).await;
    let mut settings = leads;
    settings["number_of_shards"] = json!(1);
    settings["number_of_replicas"] = json!(0);
    watch
        .done(
            Side::Leader,
            Method::Put,
            "/l",
            Some(json!({"settings": settings})),
        )
        .await;
    write(&watch, 100);
    watch
        .done(Side::Leader, Method::Post, "/l/_flush?force=true", None)
        .await;
    let follow = json!({"remote_cluster": "lead", "leader_index": "l"});
    let target = "/l-f/_ccr/follow?wait_for_active_shards=1";
    watch
        .done(Side::Follower, Method::Put, target, Some(follow))
        .await;
    if follows != json!({}) {
        watch
            .done(Side::Follower, Method::Put, "/l-f/_settings", Some(follows))
            .await;
    }
    watch.pass(Duration::from_mins(2)).await;
    watch
}

fn write(watch: &Watch, documents: u64) {
    watch.world.with(|state| {
        let request = refollow::sandbox::load::bulk("l", 0, documents);
        let _answer = state.pair.handle(Side::Leader, &request);
    });
}

/// None of the silent causes was ever told of anybody.
async fn never_silent(watch: &Watch) {
    for (subject, text) in watch.told("judged").await {
        for cause in SILENT {
            assert!(!text.contains(&format!(": {cause}")), "{subject}: {text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_quiet_follower_is_well_for_a_whole_day() {
    for (version, hours) in [(Version::V7_7_0, 2), (Version::V8_10_4, 24)] {
        let watch = one(version, json!({}), json!({})).await;
        let before = watch.told("judged").await.len();
        // Nobody searches the follower, so what it wrote last is not refreshed for hours.
        write(&watch, 130);
        watch.pass(Duration::from_hours(hours)).await;
        let judged = watch.told("judged").await;
        assert_eq!(judged.len(), before, "{judged:?}");
        assert_eq!(watch.follower("l-f").cause, Cause::None);
        assert_eq!(watch.follower("l-f").runway_expires_at, None);
        assert!(
            watch
                .series("refollow_shard_runway_expiry_timestamp_seconds", "l-f")
                .is_empty()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn counting_a_quiet_follower_costs_a_few_calls_an_hour() {
    let watch = one(Version::V8_10_4, json!({}), json!({})).await;
    watch.pass(Duration::from_hours(1)).await;
    let before = watch.world.requests().len();
    watch.pass(Duration::from_hours(4)).await;
    let asked = &watch.world.requests()[before..];
    let stats = asked
        .iter()
        .filter(|entry| entry.path.starts_with("/l-f/_stats"))
        .count();
    assert!((9..=13).contains(&stats), "{stats} in four hours");
    assert!(asked.iter().all(|entry| !entry.path.ends_with("/_count")));
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_never_refreshed_is_not_diverged() {
    let never = "-1";
    for (version, leads, follows) in [
        (Version::V7_7_0, json!({"refresh_interval": never}), json!({})),
        (
            Version::V8_10_4,
            json!({}),
            json!({"index.refresh_interval": never}),
        ),
    ] {
        let watch = one(version, leads, follows).await;
        for documents in [150, 250] {
            write(&watch, documents);
            watch.pass(Duration::from_mins(50)).await;
        }
        never_silent(&watch).await;
        assert_eq!(watch.follower("l-f").cause, Cause::None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_bulk_in_progress_is_no_failure() {
    for version in BOTH {
        let watch = one(version, json!({}), json!({})).await;
        watch.world.with(|state| {
            let mut load = Load::every(Duration::from_secs(1), state.pair.now_ms());
            load.add("l", 60, 1_000);
            state.load = load;
        });
        watch.pass(Duration::from_mins(15)).await;
        never_silent(&watch).await;
        assert_eq!(watch.follower("l-f").cause, Cause::None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_of_the_leaders_node_is_a_remote_out_of_reach_and_nothing_else() {
    for version in BOTH {
        let watch = one(version, json!({}), json!({})).await;
        for _ in 0..2 {
            watch.play("leader-restart:90s");
            watch.pass(Duration::from_mins(10)).await;
        }
        never_silent(&watch).await;
        assert_eq!(watch.follower("l-f").cause, Cause::None);
        assert_eq!(watch.follower("l-f").runway_expires_at, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_restore_is_a_restore() {
    for version in BOTH {
        let watch = one(version, json!({}), json!({})).await;
        watch.play("restore-rate:5");
        let body = json!({"remote_cluster": "lead", "leader_index": "m"});
        watch
            .done(
                Side::Leader,
                Method::Put,
                "/m",
                Some(json!({"settings": {"number_of_shards": 1, "number_of_replicas": 0}})),
            )
            .await;
        watch.world.with(|state| {
            let request = refollow::sandbox::load::bulk("m", 0, 500);
            let _answer = state.pair.handle(Side::Leader, &request);
        });
        watch
            .done(Side::Leader, Method::Post, "/m/_flush?force=true", None)
            .await;
        let world = watch.world.clone();
        let put = async move {
            let transport = refollow::sandbox::memory::MemoryTransport::new(&world, Side::Follower);
            let request = refollow::elastic::transport::Request {
                method: Method::Put,
                target: "/m-f/_ccr/follow?wait_for_active_shards=1".to_owned(),
                body: Some(bytes::Bytes::from(body.to_string())),
                credential: refollow::elastic::transport::Credential::Act,
                deadline: Duration::from_hours(5),
                changes: true,
                max_answer_bytes: 1 << 20,
            };
            refollow::elastic::transport::Transport::send(&transport, request).await
        };
        let meanwhile = async {
            watch.pass(Duration::from_mins(20)).await;
            let during = watch.follower("m-f");
            assert_eq!(during.cause, Cause::Restoring, "{during:?}");
            watch.play("restore-rate:none");
        };
        let (answer, ()) = tokio::join!(put, meanwhile);
        answer.unwrap();
        watch.pass(Duration::from_mins(5)).await;
        assert_eq!(watch.follower("m-f").cause, Cause::None);
        let story = watch.story("m-f", "judged").await;
        for cause in SILENT {
            assert!(!story.join("\n").contains(&format!(": {cause}")), "{story:?}");
        }
    }
}
