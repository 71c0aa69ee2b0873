//! Starts and breakages.

use std::time::Duration;

use refollow::elastic::transport::{Method, Transport as _};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario;
use serde_json::json;

use super::{VERSIONS, done, fatal, get, request, status_of, world};

#[tokio::test(start_paused = true)]
async fn the_healthy_start_has_at_least_twelve_followers_and_all_are_following() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        let (_, info) = get(&world, Side::Follower, "/*,.*/_ccr/info").await;
        let followers = info["follower_indices"].as_array().unwrap();
        assert!(followers.len() >= 12);
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_secs(15)).await;
            let (code, stats) = get(&world, Side::Follower, "/_ccr/stats").await;
            assert_eq!(code, 200);
            let indices = stats["follow_stats"]["indices"].as_array().unwrap();
            assert_eq!(indices.len(), followers.len());
            for shard in indices
                .iter()
                .flat_map(|index| index["shards"].as_array().unwrap())
            {
                assert!(shard.get("fatal_exception").is_none(), "{shard}");
                assert_eq!(shard["read_exceptions"], json!([]), "{shard}");
            }
        }
        for follower in followers {
            assert_eq!(follower["status"], "active");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn background_writes_move_checkpoints_and_reach_the_followers() {
    let world = world(Version::V8_10_4, "healthy");
    let checkpoint = async || {
        let (_, stats) = get(&world, Side::Follower, "/orders-f/_ccr/stats").await;
        stats["indices"][0]["shards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard["follower_global_checkpoint"].as_i64().unwrap())
            .sum::<i64>()
    };
    let before = checkpoint().await;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let after = checkpoint().await;
    assert!(after > before + 300, "{before} → {after}");
    assert_eq!(world.requests().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn hours_of_background_load_pass_in_a_moment_and_leave_everything_following() {
    let world = world(Version::V8_10_4, "healthy");
    world.advance(Duration::from_hours(8));
    assert_eq!(fatal(&world, "orders-f").await, None);
    assert_eq!(status_of(&world, "sessions-f").await, "active");
}

#[tokio::test(start_paused = true)]
async fn lost_history_is_fatal_with_the_marker_and_a_resume_does_not_cure_it() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "history-lost:orders-f").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let exception = fatal(&world, "orders-f").await.unwrap();
        assert!(
            exception.to_string().contains("requested_operations_missing"),
            "{exception}"
        );
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/orders-f/_ccr/pause_follow",
            None,
        )
        .await;
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/orders-f/_ccr/resume_follow",
            None,
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert!(fatal(&world, "orders-f").await.is_some());
        assert!(fatal(&world, "payments-f").await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn a_live_lease_makes_one_shard_fatal_and_leaves_the_others_their_leases() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "live-lease:payments-f").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let (_, stats) = get(&world, Side::Follower, "/payments-f/_ccr/stats").await;
        let fatal: Vec<bool> = stats["indices"][0]["shards"]
            .as_array()
            .unwrap()
            .iter()
            .map(|shard| shard.get("fatal_exception").is_some())
            .collect();
        assert_eq!(fatal, [true, false, false]);
        let (_, leases) = get(&world, Side::Leader, "/payments/_stats?level=shards").await;
        let living = leases["indices"]["payments"]["shards"]
            .as_object()
            .unwrap()
            .values()
            .filter(|copies| copies.to_string().contains("payments-f"))
            .count();
        assert!(living >= 2, "{living}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_restart_costs_nothing() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "leader-restart").unwrap();
        assert!(!world.reachable(Side::Leader));
        tokio::time::sleep(Duration::from_secs(10)).await;
        let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
        assert_eq!(remote["lead"]["connected"], false);
        tokio::time::sleep(Duration::from_mins(3)).await;
        assert!(world.reachable(Side::Leader));
        let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
        assert_eq!(remote["lead"]["connected"], true);
        for follower in ["orders-f", "sessions-f", "mail-f"] {
            assert_eq!(fatal(&world, follower).await, None);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn restored_but_paused_is_cured_by_a_resume_and_loses_no_document() {
    for version in VERSIONS {
        let world = world(version, "quiet");
        scenario::play(&world, "restored-but-paused:invoices-f").unwrap();
        tokio::time::sleep(Duration::from_mins(2)).await;
        assert_eq!(status_of(&world, "invoices-f").await, "paused");
        let (_, recovery) = get(&world, Side::Follower, "/invoices-f/_recovery").await;
        assert_eq!(recovery["invoices-f"]["shards"][0]["stage"], "DONE");
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/invoices-f/_ccr/resume_follow",
            Some(&json!({})),
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(fatal(&world, "invoices-f").await, None);
        assert_eq!(
            world.with(|state| state.pair.docs(Side::Follower, "invoices-f")),
            Some(200)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_follow_ends_restored_but_paused() {
    let world = world(Version::V8_10_4, "quiet");
    scenario::play(&world, "history-lost:orders-f").unwrap();
    scenario::play(&world, "follow-interrupted:orders-f").unwrap();
    world.with(|state| state.pair.set_restore_rate(Some(100_000)));
    done(
        &world,
        Side::Follower,
        Method::Post,
        "/orders-f/_ccr/pause_follow",
        None,
    )
    .await;
    done(&world, Side::Follower, Method::Post, "/orders-f/_close", None).await;
    let mut put = request(
        Method::Put,
        "/orders-f/_ccr/follow?wait_for_active_shards=1",
        Some(&json!({"remote_cluster": "lead", "leader_index": "orders"})),
    );
    put.deadline = Duration::from_mins(10);
    // Whether an answer comes is not the point: nobody may rely on it.
    let _answer = MemoryTransport::new(&world, Side::Follower).send(put).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    assert_eq!(status_of(&world, "orders-f").await, "paused");
    let (_, recovery) = get(&world, Side::Follower, "/orders-f/_recovery").await;
    assert_eq!(recovery["orders-f"]["shards"][0]["stage"], "DONE");
}

#[tokio::test(start_paused = true)]
async fn a_deleted_leader_is_fatal_and_stays_deleted_under_background_load() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "leader-deleted:carts-f").unwrap();
        tokio::time::sleep(Duration::from_secs(90)).await;
        let exception = fatal(&world, "carts-f").await.unwrap();
        assert!(exception.to_string().contains("index_not_found_exception"));
        let (status, _) = get(&world, Side::Leader, "/carts/_settings").await;
        assert_eq!(status, 404);
    }
}

#[tokio::test(start_paused = true)]
async fn a_fatal_but_curable_follower_is_cured_by_pause_and_resume() {
    for version in VERSIONS {
        let world = world(version, "healthy");
        scenario::play(&world, "fatal-but-curable:tickets").unwrap();
        tokio::time::sleep(Duration::from_secs(15)).await;
        let exception = fatal(&world, "tickets-f").await.unwrap();
        assert!(exception.to_string().contains("Unable to open any connections"));
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/tickets-f/_ccr/pause_follow",
            None,
        )
        .await;
        done(
            &world,
            Side::Follower,
            Method::Post,
            "/tickets-f/_ccr/resume_follow",
            None,
        )
        .await;
        tokio::time::sleep(Duration::from_secs(15)).await;
        assert_eq!(fatal(&world, "tickets-f").await, None);
    }
}

#[tokio::test(start_paused = true)]
async fn every_name_in_the_list_can_be_played() {
    for breakage in refollow::sandbox::scenario::breakage::NAMES {
        let world = world(Version::V8_10_4, "quiet");
        let name = match breakage.name {
            "restore-rate" => "restore-rate:1000".to_owned(),
            "disk-full" | "disk-free" => format!("{}:follower", breakage.name),
            "remote-down" | "remote-up" | "remote-removed" | "remote-restored" | "tasks-assigned" => {
                breakage.name.to_owned()
            }
            other => format!("{other}:orders-f"),
        };
        let name = name.replace("restart:orders-f", "restart:5s");
        if breakage.name == "leader-restored" {
            scenario::play(&world, "leader-snapshot:orders-f").unwrap();
        }
        let played = scenario::play(&world, &name);
        assert!(played.is_ok(), "{name}: {played:?}");
    }
}
