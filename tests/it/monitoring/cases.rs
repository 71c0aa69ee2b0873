//! The films, and which alert must fire in them, when, and when not yet.
//!
//! Most are played by the whole engine over the sandbox. What the sandbox cannot make happen (a
//! licence, a mapping that is refused) is drawn: rows of a hand-made snapshot through the daemon's own
//! encoder, so that names and labels are still the daemon's.

use std::collections::BTreeMap;
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::Cause;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::domain::state::State;
use refollow::domain::time::Timestamp;
use refollow::elastic::transport::Method;
use refollow::http::dto::{BrakeRequest, Daemon as _};
use refollow::metrics::{
    ClusterRow, FollowerRow, Format, HeldRow, HeldStep, Level, Metrics, Part, Series, Snapshot, Told,
};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::load::bulk;
use refollow::sandbox::pair::Side;
use serde_json::json;

use super::played::{Frame, START_MS, Stage, dead, paced, person, read, settings};
use super::promtool::{Film, check};

const MINUTE: Duration = Duration::from_mins(1);
const FIVE: Duration = Duration::from_mins(5);
const AUTO: &str = "[daemon]\nmode = \"auto\"\n[[policy.rules]]\ncauses = [\"history_lost\", \"unclassified\"]\naction = \"auto\"\n[verify]\nsettle = \"60s\"\ndocument_tolerance = \"5%\"\n";
const ASK: &str = "[daemon]\nmode = \"ask\"\n[approval]\nexpires_after = \"40m\"\n";

#[tokio::test(start_paused = true)]
async fn each_index_has_its_own_trouble() {
    let mut stage = Stage::new("quiet", &paced("", "60s", "60s")).await;
    stage.shoot(2, MINUTE).await;
    for name in [
        "history-lost:orders-f",
        "leader-deleted:sessions-f",
        "leader-replaced:invoices-f",
        "leader-closed:shipments-f",
        "follower-paused:audit-2026.11-f",
        "follower-closed:search-terms-f",
        "follower-blocked:metrics-app-f",
        "unfollowed:mail-f",
    ] {
        stage.play(name);
    }
    stage.shoot(68, MINUTE).await;
    check(&Film {
        name: "own-trouble",
        step: MINUTE,
        frames: stage.film(),
        cast: &[
            "orders-f",
            "sessions-f",
            "invoices-f",
            "shipments-f",
            "audit-2026.11-f",
            "search-terms-f",
            "metrics-app-f",
            "mail-f",
            "carts-f",
        ],
        cases: &[
            ("RefollowHistoryLost", 12, 20),
            ("RefollowLeaderDeleted", 5, 12),
            ("RefollowLeaderReplaced", 5, 12),
            ("RefollowLeaderClosed", 55, 68),
            ("RefollowFollowerPausedTooLong", 55, 68),
            ("RefollowFollowerClosed", 5, 12),
            ("RefollowFollowerBlocked", 5, 12),
            ("RefollowUnfollowed", 5, 12),
            ("RefollowFollowerFatal", 55, 68),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn quieter_troubles() {
    let mut stage = Stage::new("quiet", &paced("", "30s", "60s")).await;
    stage.play("leader-snapshot:customers-f");
    stage.shoot(1, MINUTE).await;
    stage.play("leader-written:customers-f");
    stage.shoot(1, MINUTE).await;
    for name in [
        "leader-restored:customers-f",
        "follower-deleted:mail-f",
        "tasks-unassigned:tickets-f",
        "stalled:products-f",
    ] {
        stage.play(name);
    }
    stage.shoot(32, MINUTE).await;
    check(&Film {
        name: "quieter-troubles",
        step: MINUTE,
        frames: stage.film(),
        cast: &["customers-f", "mail-f", "tickets-f", "products-f", "carts-f"],
        cases: &[
            ("RefollowLeaderRewound", 5, 15),
            ("RefollowFollowerMissing", 5, 12),
            ("RefollowTaskUnassigned", 12, 22),
            ("RefollowStalled", 12, 30),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn a_document_is_lost_in_silence() {
    let mut stage = Stage::new("empty", &settings("")).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(1, MINUTE).await;
    stage.play("diverged:orders-f");
    stage.shoot(34, MINUTE).await;
    check(&Film {
        name: "lost-in-silence",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[("RefollowDiverged", 6, 34)],
    });
}

#[tokio::test(start_paused = true)]
async fn the_line_between_the_clusters_is_down_for_half_a_day() {
    let mut stage = Stage::new("empty", &paced("", "5m", "5m")).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(3, FIVE).await;
    stage.play("remote-down");
    stage.shoot(150, FIVE).await;
    check(&Film {
        name: "remote-down",
        step: FIVE,
        frames: stage.film(),
        cast: &[],
        cases: &[
            ("RefollowRemoteUnreachable", 10, 30),
            ("RefollowIncident", 10, 30),
            ("RefollowRunwayLow", 300, 420),
            ("RefollowRunwayCritical", 540, 600),
            ("RefollowRunwayCritical", 540, 745),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn the_alias_is_removed() {
    let mut stage = Stage::new("empty", &settings("")).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(2, MINUTE).await;
    stage.play("remote-removed");
    stage.shoot(12, MINUTE).await;
    check(&Film {
        name: "remote-removed",
        step: MINUTE,
        frames: stage.film(),
        cast: &[],
        cases: &[("RefollowRemoteNotConfigured", 4, 12)],
    });
}

#[tokio::test(start_paused = true)]
async fn nobody_answers_a_plan() {
    let mut stage = Stage::new("empty", &settings(ASK)).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(2, MINUTE).await;
    stage.play("history-lost:orders-f");
    stage.shoot(50, MINUTE).await;
    check(&Film {
        name: "nobody-answers",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[
            ("RefollowPlanAwaitingApproval", 12, 25),
            ("RefollowPlanExpired", 38, 48),
            ("RefollowHistoryLost", 12, 25),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn a_copy_takes_long_and_then_the_daemon_dies() {
    let mut stage = Stage::new("empty", &settings(AUTO)).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(2, MINUTE).await;
    stage.play("restore-rate:1");
    stage.play("history-lost:orders-f");
    stage.shoot(24, MINUTE).await;
    stage.die(9);
    check(&Film {
        name: "slow-copy",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[
            ("RefollowFollowerHeld", 10, 24),
            ("RefollowDownDuringRepair", 25, 29),
            ("RefollowDown", 28, 34),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn the_node_dies_in_the_middle_of_the_copy() {
    let mut stage = Stage::new("empty", &settings(AUTO)).await;
    stage.follow(&["orders", "payments", "customers"]).await;
    stage.shoot(2, MINUTE).await;
    stage.play("restore-rate:10");
    stage.play("history-lost:orders-f");
    stage.shoot(3, MINUTE).await;
    stage.play("follower-restart:30s");
    stage.shoot(16, MINUTE).await;
    check(&Film {
        name: "failed-repair",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[("RefollowRepairFailed", 4, 18), ("RefollowRestoreFailed", 5, 20)],
    });
}

#[tokio::test(start_paused = true)]
async fn half_of_the_followers_break_at_once() {
    let mut stage = Stage::new("empty", &settings(ASK)).await;
    stage
        .follow(&[
            "orders",
            "payments",
            "customers",
            "inventory",
            "sessions",
            "invoices",
            "products",
            "mail",
        ])
        .await;
    stage.shoot(2, MINUTE).await;
    for index in [
        "orders",
        "payments",
        "customers",
        "inventory",
        "sessions",
        "invoices",
        "products",
    ] {
        stage.play(&format!("fatal-but-curable:{index}-f"));
    }
    stage.shoot(8, MINUTE).await;
    check(&Film {
        name: "mass-failure",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f", "payments-f"],
        cases: &[("RefollowBreakerOpen", 1, 6)],
    });
}

#[tokio::test(start_paused = true)]
async fn somebody_brakes_and_goes_home() {
    let mut stage = Stage::new("empty", &paced("", "5m", "5m")).await;
    stage.follow(&["orders", "payments"]).await;
    stage.shoot(2, FIVE).await;
    let scope = BrakeScope::parse("remote:eu/lead").unwrap();
    let request = BrakeRequest {
        scope,
        reason: "failover test".to_owned(),
        length: None,
    };
    stage.desk.brake(request, person()).await.unwrap();
    stage.shoot(52, FIVE).await;
    check(&Film {
        name: "braked",
        step: FIVE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[("RefollowBrakeSetTooLong", 120, 260)],
    });
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_away() {
    let mut stage = Stage::new("quiet", &settings("")).await;
    stage.shoot(2, MINUTE).await;
    stage.play("follower-restart:60m");
    stage.shoot(25, MINUTE).await;
    check(&Film {
        name: "cluster-away",
        step: MINUTE,
        frames: stage.film(),
        cast: &[],
        cases: &[
            ("RefollowClusterDown", 4, 12),
            ("RefollowFollowersUnknown", 12, 22),
            ("RefollowClusterScrapeStale", 8, 14),
        ],
    });
}

#[tokio::test(start_paused = true)]
async fn something_stands_in_the_way_of_auto_follow() {
    let mut stage = Stage::new("empty", &settings("")).await;
    let pattern = json!({ "remote_cluster": "lead", "leader_index_patterns": ["auto-*"],
        "follow_index_pattern": "{{leader_index}}-f" });
    stage
        .send(
            Side::Follower,
            Method::Put,
            "/_ccr/auto_follow/auto",
            Some(pattern),
        )
        .await;
    stage.shoot(3, MINUTE).await;
    for (side, target) in [(Side::Follower, "/auto-1-f"), (Side::Leader, "/auto-1")] {
        stage.send(side, Method::Put, target, Some(json!({}))).await;
    }
    stage.shoot(14, MINUTE).await;
    check(&Film {
        name: "auto-follow",
        step: MINUTE,
        frames: stage.film(),
        cast: &[],
        cases: &[("RefollowAutoFollowFailing", 4, 14)],
    });
}

#[tokio::test(start_paused = true)]
async fn a_copy_stands_still() {
    let mut stage = Stage::new("empty", &settings("")).await;
    stage.follow(&["carts", "orders"]).await;
    stage.shoot(1, MINUTE).await;
    stage.play("restore-rate:1");
    let path = |end: &str| format!("/carts-f/{end}");
    for end in ["_ccr/pause_follow", "_close", "_ccr/unfollow"] {
        stage.send(Side::Follower, Method::Post, &path(end), None).await;
    }
    let body = json!({"remote_cluster": "lead", "leader_index": "carts"});
    stage
        .send(Side::Follower, Method::Put, &path("_ccr/follow"), Some(body))
        .await;
    stage.shoot(1, MINUTE).await;
    stage.play("restore-rate:0");
    stage.shoot(32, MINUTE).await;
    check(&Film {
        name: "stuck-copy",
        step: MINUTE,
        frames: stage.film(),
        cast: &["carts-f"],
        cases: &[("RefollowRestoreStuck", 10, 30)],
    });
}

#[tokio::test(start_paused = true)]
async fn a_follower_falls_behind() {
    let mut stage = Stage::new("empty", &settings("")).await;
    stage.follow(&["metrics-app"]).await;
    stage.shoot(2, MINUTE).await;
    // Its task goes on telling how far the leader is; it may write nothing.
    stage.play("follower-blocked:metrics-app-f");
    for minute in 0..75_u64 {
        let more = bulk("metrics-app", 100_000 + minute * 400, 400);
        stage
            .world
            .with(|state| drop(state.pair.handle(Side::Leader, &more)));
        stage.shoot(1, MINUTE).await;
    }
    check(&Film {
        name: "falling-behind",
        step: MINUTE,
        frames: stage.film(),
        cast: &["metrics-app-f"],
        cases: &[("RefollowFollowerLagGrowing", 20, 74)],
    });
}

/// The causes that the sandbox cannot make happen, each with a follower of its own.
const DRAWN: &[(Cause, State, &str)] = &[
    (Cause::RemoteRepointed, State::Following, "repointed-f"),
    (Cause::LeaderNotFollowable, State::Retrying, "not-followable-f"),
    (Cause::LeaderUnavailable, State::Retrying, "unavailable-f"),
    (Cause::License, State::Following, "license-f"),
    (Cause::Credentials, State::Retrying, "credentials-f"),
    (Cause::FollowerUnallocated, State::Red, "unallocated-f"),
    (Cause::RestoredNotFollowing, State::Paused, "restored-f"),
    (Cause::LeaderChangeRejected, State::Fatal, "rejected-f"),
    (Cause::SettingsDiverged, State::Paused, "settings-f"),
    (Cause::FollowerRewritten, State::Fatal, "rewritten-f"),
    (Cause::Unclassified, State::Fatal, "unclassified-f"),
    (Cause::Overloaded, State::Retrying, "overloaded-f"),
];

/// One scrape of a hand-made snapshot; from the second minute on everybody is sick.
fn drawn(minute: i64) -> Frame {
    drawn_with(minute, Series::default())
}

/// The same within this bound.
fn drawn_with(minute: i64, series: Series) -> Frame {
    let start = Timestamp::from_millisecond(START_MS).unwrap();
    let at = |minute: i64| start + jiff::SignedDuration::from_mins(minute);
    let sick = minute >= 2;
    let (eu, lead) = (
        ClusterName::parse("eu").unwrap(),
        RemoteAlias::parse("lead").unwrap(),
    );
    let none = BTreeMap::new();
    let names: Vec<(FollowerKey, IndexName)> = DRAWN
        .iter()
        .map(|(_, _, index)| {
            let leader = IndexName::parse(index.trim_end_matches("-f")).unwrap();
            (FollowerKey::parse(&format!("eu/{index}")).unwrap(), leader)
        })
        .collect();
    let held = DRAWN
        .iter()
        .position(|(cause, ..)| *cause == Cause::LeaderUnavailable)
        .unwrap();
    let snapshot = Snapshot {
        now: at(minute),
        part: Part::Everything,
        series,
        stale_after: FIVE,
        clusters: vec![ClusterRow {
            load: None,
            name: &eu,
            up: Some(true),
            last_success: Some(at(minute)),
            look_took: Some(Duration::from_millis(20)),
            remotes: vec![(&lead, Some(true))],
        }],
        followers: DRAWN
            .iter()
            .zip(&names)
            .map(|((cause, state, _), (key, leader))| FollowerRow {
                key,
                remote: Some(&lead),
                leader: Some(leader),
                state: if sick { *state } else { State::Following },
                cause: if sick { *cause } else { Cause::None },
                cause_since: Some(at(if sick { 2 } else { -600 })),
                // One of them is also far behind.
                lag: Some(if sick && *cause == Cause::Overloaded {
                    2_000_000
                } else {
                    0
                }),
                runway_expires_at: (sick && *cause == Cause::Credentials).then(|| at(722)),
                runway_by_shard: &none,
                stats: None,
                level: Level::Index,
                status: None,
            })
            .collect(),
        auto_follow: Vec::new(),
        patterns: Vec::new(),
        incidents: Vec::new(),
        brakes: Vec::new(),
        breakers: Vec::new(),
        held: sick
            .then(|| HeldRow {
                key: &names[held].0,
                remote: Some(&lead),
                leader: Some(&names[held].1),
                step: HeldStep::Close,
                since: at(-90),
            })
            .into_iter()
            .collect(),
        plans_pending: 0,
        plan_expires_at: None,
        plans_expired: 0,
        runs_in_flight: u64::from(sick),
    };
    read(
        &Metrics::new("0.1.0")
            .unwrap()
            .render(&snapshot, Format::Prometheus),
        START_MS,
    )
}

#[test]
fn causes_that_the_sandbox_cannot_make_happen() {
    check(&Film {
        name: "drawn-causes",
        step: MINUTE,
        frames: (0..70).map(drawn).collect(),
        cast: &[],
        cases: &[
            ("RefollowRemoteRepointed", 4, 10),
            ("RefollowLeaderNotFollowable", 4, 10),
            ("RefollowLeaderUnavailable", 12, 20),
            ("RefollowLicense", 4, 10),
            ("RefollowCredentials", 4, 10),
            ("RefollowFollowerUnallocated", 12, 20),
            ("RefollowRestoredNotFollowing", 12, 20),
            ("RefollowLeaderChangeRejected", 4, 10),
            ("RefollowSettingsDiverged", 4, 10),
            ("RefollowFollowerRewritten", 4, 10),
            ("RefollowUnclassified", 12, 20),
            ("RefollowOverloaded", 55, 66),
            ("RefollowFollowerLagHigh", 20, 36),
            ("RefollowRepairStuck", 20, 40),
        ],
    });
}

#[test]
fn there_are_more_series_than_allowed() {
    let tight = Series {
        max: 100,
        ..Series::default()
    };
    let frame = |minute| drawn_with(minute, if minute < 2 { Series::default() } else { tight });
    check(&Film {
        name: "series-left-out",
        step: MINUTE,
        frames: (0..24).map(frame).collect(),
        cast: &[],
        cases: &[("RefollowSeriesLeftOut", 8, 20)],
    });
}

#[tokio::test(start_paused = true)]
async fn a_leaders_cluster_has_too_much_to_do() {
    let mut stage = Stage::new("empty", &settings("")).await;
    stage.follow(&["orders", "payments"]).await;
    stage.shoot(2, MINUTE).await;
    stage
        .world
        .add_fault(Fault::new(FaultKind::TooManyRequests).on(Side::Leader));
    stage.shoot(28, MINUTE).await;
    check(&Film {
        name: "spared",
        step: MINUTE,
        frames: stage.film(),
        cast: &["orders-f"],
        cases: &[("RefollowClusterSpared", 12, 24)],
    });
}

#[test]
fn drills_reloads_and_a_target_that_is_gone() {
    let day = Duration::from_hours(24);
    let (eu, lead) = (
        ClusterName::parse("eu").unwrap(),
        RemoteAlias::parse("lead").unwrap(),
    );
    let start = Timestamp::from_millisecond(START_MS).unwrap();
    let metrics = Metrics::new("0.1.0").unwrap();
    let empty = nothing(start);
    let scrape = || read(&metrics.render(&empty, Format::Prometheus), START_MS);
    metrics.config_loaded(true, start);
    metrics.drilled(&eu, &lead, start, true);
    let mut frames: Vec<Frame> = (0..38).map(|_| scrape()).collect();
    metrics.config_loaded(false, start + day * 38);
    metrics.drilled(&eu, &lead, start + day * 38, false);
    frames.extend((0..4).map(|_| scrape()));
    for frame in &mut frames {
        frame.extend(dead().into_keys().map(|series| (series, 1.0)));
    }
    // The target leaves the configuration of Prometheus altogether.
    frames.extend([Frame::new(), Frame::new(), Frame::new()]);
    check(&Film {
        name: "drills-and-reloads",
        step: day,
        frames,
        cast: &[],
        cases: &[
            ("RefollowDrillOverdue", 30 * DAY, 37 * DAY),
            ("RefollowDrillFailed", 30 * DAY, 39 * DAY),
            ("RefollowConfigReloadFailed", 37 * DAY, 40 * DAY),
            ("RefollowDown", 40 * DAY, 44 * DAY),
            ("RefollowWatchdog", ALWAYS, DAY),
        ],
    });
}

#[test]
fn a_receiver_that_takes_nothing() {
    let start = Timestamp::from_millisecond(START_MS).unwrap();
    let metrics = Metrics::new("0.1.0").unwrap();
    metrics.notifications.know(["on-call", "chat"]);
    let empty = nothing(start);
    let mut frames = Vec::new();
    for minute in 0..40_usize {
        let now = start + Duration::from_secs(minute as u64 * 60);
        // At first it takes what it is told; then a restart of it that lasts too long.
        let away = (5..30).contains(&minute);
        let outcome = if away { Told::Failed } else { Told::Delivered };
        metrics.notifications.ended("on-call", outcome, now);
        metrics.notifications.wait("on-call", usize::from(away) * 3);
        frames.push(read(&metrics.render(&empty, Format::Prometheus), START_MS));
    }
    check(&Film {
        name: "notifications",
        step: MINUTE,
        frames,
        cast: &[],
        cases: &[("RefollowNotificationsFailing", 10, 20)],
    });
}

/// In minutes.
const DAY: u64 = 24 * 60;

/// No time at which it does not fire: it is the watchdog's purpose.
pub const ALWAYS: u64 = u64::MAX;

/// A daemon that knows nothing.
pub fn nothing(now: Timestamp) -> Snapshot<'static> {
    Snapshot {
        now,
        part: Part::Everything,
        series: Series::default(),
        stale_after: FIVE,
        clusters: Vec::new(),
        followers: Vec::new(),
        auto_follow: Vec::new(),
        patterns: Vec::new(),
        incidents: Vec::new(),
        brakes: Vec::new(),
        breakers: Vec::new(),
        held: Vec::new(),
        plans_pending: 0,
        plan_expires_at: None,
        plans_expired: 0,
        runs_in_flight: 0,
    }
}
