//! What a scrape says, in both formats, and that Prometheus' own checker has nothing to add.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Stdio};

use super::*;
use crate::domain::brake::BrakeScope;
use crate::domain::cause::Remedy;
use crate::domain::decision::DecisionKind;
use crate::domain::facts::{Exception, FollowStatus, ReadException};
use crate::domain::journal::RunOutcome;
use crate::domain::load::{Counts, Trouble};
use crate::domain::seen::Seen;
use crate::domain::step::Step;
use crate::metrics::{Format, LookError, Metrics};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn exception(kind: &str, missing: Option<(i64, i64)>) -> Exception {
    Exception {
        kind: "exception".to_owned(),
        caused_by: Some(Box::new(Exception {
            kind: kind.to_owned(),
            requested_operations_missing: missing,
            ..Exception::default()
        })),
        ..Exception::default()
    }
}

fn shard(shard: u32, fatal: Seen<Exception>, since_read: Option<i64>) -> ShardStats {
    let value = i64::from(shard) + 10;
    ShardStats {
        shard,
        remote: None,
        leader_index: None,
        leader_global_checkpoint: Some(value).into(),
        leader_max_seq_no: Some(value).into(),
        follower_global_checkpoint: Some(value).into(),
        follower_max_seq_no: Some(value).into(),
        last_requested_seq_no: Some(value).into(),
        outstanding_read_requests: Some(1).into(),
        outstanding_write_requests: Some(2).into(),
        write_buffer_operation_count: Some(3).into(),
        write_buffer_size_in_bytes: Some(4).into(),
        follower_mapping_version: Some(5).into(),
        follower_settings_version: Some(6).into(),
        follower_aliases_version: Some(7).into(),
        total_read_time_millis: Some(1500).into(),
        total_read_remote_exec_time_millis: Some(1250).into(),
        successful_read_requests: Some(100).into(),
        failed_read_requests: Some(9).into(),
        operations_read: Some(500).into(),
        bytes_read: Some(9_007_199_254_740_991).into(),
        total_write_time_millis: Some(750).into(),
        successful_write_requests: Some(200).into(),
        failed_write_requests: None.into(),
        operations_written: Some(400).into(),
        time_since_last_read_millis: since_read.into(),
        read_exceptions: Seen::Present(Box::new([ReadException {
            from_seq_no: Some(3),
            retries: Some(4),
            exception: Exception::default(),
        }])),
        fatal_exception: fatal.map(Box::new),
    }
}

struct World {
    runways: BTreeMap<u32, Timestamp>,
    eu: ClusterName,
    us: ClusterName,
    lead: RemoteAlias,
    orders: IndexName,
    keys: Vec<FollowerKey>,
    stats: FollowStats,
}

impl World {
    fn new() -> Self {
        let shards = [
            shard(0, Seen::Absent, Some(2500)),
            shard(
                1,
                Seen::Present(exception("resource_not_found_exception", Some((3, 9)))),
                Some(-1),
            ),
            shard(
                2,
                Seen::Present(exception("a_new_exception_of_version_ten", None)),
                Some(500),
            ),
            shard(3, Seen::unknown("not an object"), None),
        ];
        Self {
            runways: BTreeMap::from([(0, at(43_200)), (2, at(50_000))]),
            eu: ClusterName::parse("eu").unwrap(),
            us: ClusterName::parse("us").unwrap(),
            lead: RemoteAlias::parse("lead").unwrap(),
            orders: IndexName::parse("orders").unwrap(),
            keys: ["eu/orders-f", "eu/a\u{fc}-f", "us/old-f"]
                .iter()
                .map(|key| FollowerKey::parse(key).unwrap())
                .collect(),
            stats: FollowStats {
                shards: shards.into_iter().map(|shard| (shard.shard, shard)).collect(),
                malformed: 0,
                total_global_checkpoint_lag: Some(12),
            },
        }
    }

    fn snapshot(&self, level: Level) -> Snapshot<'_> {
        let row = |key, state, cause, lag| FollowerRow {
            key,
            remote: Some(&self.lead),
            leader: Some(&self.orders),
            state,
            cause,
            cause_since: Some(at(-120)),
            lag,
            runway_expires_at: Some(at(43_200)),
            runway_by_shard: &self.runways,
            stats: Some((at(0), &self.stats)),
            level,
            status: Some(FollowStatus::Active),
        };
        Snapshot {
            now: at(10),
            part: Part::Everything,
            series: Series {
                shards: level == Level::Shard,
                ..Series::default()
            },
            stale_after: Duration::from_mins(5),
            clusters: vec![
                ClusterRow {
                    load: None,
                    name: &self.us,
                    up: Some(false),
                    last_success: Some(at(-1000)),
                    look_took: Some(Duration::from_secs(10)),
                    remotes: vec![(&self.lead, Some(true))],
                },
                ClusterRow {
                    load: Some(LoadRow {
                        counts: Counts {
                            requests: [40, 3, 2, 1],
                            bytes: [123_456, 7, 0, 0],
                            millis: [1500, 20, 0, 45_000],
                            errors: [1, 0, 0, 2, 0, 0, 0],
                            held_millis: 250,
                        },
                        look: Some((4, 10_000)),
                        leader_look: None,
                        trouble: Some(Trouble::Rejected),
                    }),
                    name: &self.eu,
                    up: Some(true),
                    last_success: Some(at(0)),
                    look_took: Some(Duration::from_millis(125)),
                    remotes: vec![(&self.lead, Some(false))],
                },
            ],
            followers: vec![
                row(&self.keys[0], State::Fatal, Cause::HistoryLost, Some(12)),
                row(&self.keys[1], State::Following, Cause::None, None),
                row(&self.keys[2], State::Following, Cause::None, Some(7)),
                row(&self.keys[0], State::Following, Cause::None, Some(99)),
            ],
            auto_follow: vec![AutoFollowRow {
                cluster: &self.eu,
                failed: Some(1),
                remote_state_failed: Some(0),
                succeeded: Some(3),
                recent_errors: Some(1),
                last_checks: vec![(&self.lead, at(-3))],
            }],
            patterns: Vec::new(),
            incidents: Vec::new(),
            brakes: vec![BrakeRow {
                scope: BrakeScope::parse("remote:eu/lead").unwrap().kind(),
                name: BrakeScope::parse("remote:eu/lead").unwrap().name(),
            }],
            breakers: vec![BreakerRow {
                scope: "remote",
                name: "eu/lead".to_owned(),
                open: true,
            }],
            held: vec![HeldRow {
                key: &self.keys[0],
                remote: Some(&self.lead),
                leader: Some(&self.orders),
                step: HeldStep::Close,
                since: at(-60),
            }],
            plans_pending: 1,
            plan_expires_at: Some(at(86_400)),
            plans_expired: 3,
            runs_in_flight: 2,
        }
    }
}

fn metrics() -> Metrics {
    let metrics = Metrics::new("0.1.0").unwrap();
    let (eu, us) = (
        ClusterName::parse("eu").unwrap(),
        ClusterName::parse("us").unwrap(),
    );
    metrics.know_clusters([&eu, &us]);
    metrics.know_guards(["leader_healthy", "brakes"]);
    metrics.look_failed(&us, LookError::Timeout);
    metrics.decided(DecisionKind::Act);
    metrics.run_ended(Some(Remedy::Recreate), RunOutcome::Cured);
    metrics.run_ended(Some(Remedy::Human), RunOutcome::Refused);
    metrics.step_took(Step::Pause, Duration::from_millis(300));
    metrics.guard_blocked("brakes");
    metrics.config_loaded(true, at(0));
    metrics
}

#[test]
fn a_scrape_at_index_level_says_this() {
    let world = World::new();
    insta::assert_snapshot!(
        "index_level",
        metrics().render(&world.snapshot(Level::Index), Format::Prometheus)
    );
}

#[test]
fn a_scrape_of_openmetrics_at_shard_level_says_this() {
    let world = World::new();
    insta::assert_snapshot!(
        "shard_level",
        metrics().render(&world.snapshot(Level::Shard), Format::OpenMetrics)
    );
}

#[test]
fn every_name_of_the_contract_is_exported() {
    let world = World::new();
    let text = metrics().render(&world.snapshot(Level::Index), Format::Prometheus);
    for name in [
        "refollow_cluster_up",
        "refollow_last_scrape_success_timestamp_seconds",
        "refollow_scrape_duration_seconds",
        "refollow_scrape_errors_total",
        "refollow_remote_connected",
        "refollow_follower_state",
        "refollow_follower_cause",
        "refollow_follower_lag_operations",
        "refollow_follower_last_read_timestamp_seconds",
        "refollow_follower_runway_expiry_timestamp_seconds",
        "refollow_decisions_total",
        "refollow_plans_pending",
        "refollow_runs_total",
        "refollow_runs_in_flight",
        "refollow_run_step_duration_seconds",
        "refollow_guard_blocked_total",
        "refollow_breaker_open",
        "refollow_brake_engaged",
        "refollow_follower_held",
        "refollow_build_info",
        "refollow_config_last_reload_successful",
    ] {
        assert!(text.contains(&format!("# TYPE {name} ")), "{name} is missing");
    }
}

#[test]
fn no_series_stands_twice_and_families_are_in_one_piece() {
    let world = World::new();
    for format in [Format::Prometheus, Format::OpenMetrics] {
        let mut snapshot = world.snapshot(Level::Shard);
        snapshot.series.exporter_names = true;
        let text = metrics().render(&snapshot, format);
        let mut series = BTreeSet::new();
        let mut families = BTreeSet::new();
        let mut current = "";
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                current = rest.split(' ').next().unwrap();
                assert!(families.insert(current), "{current} stands twice");
            } else if !line.starts_with('#') {
                let (name, value) = line.rsplit_once(' ').unwrap();
                assert!(name.starts_with(current), "{line} under {current}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
                assert!(series.insert(name), "{name} stands twice");
                for forbidden in ["{cluster=", ",cluster=", "{index=", ",index="] {
                    assert!(!line.contains(forbidden), "{line}");
                }
            }
        }
        assert!(series.len() > 150, "{}", series.len());
        assert_eq!(text.ends_with("\n# EOF\n"), format == Format::OpenMetrics);
    }
}

#[test]
fn a_cluster_that_nobody_can_look_at_keeps_no_old_values() {
    let world = World::new();
    let mut snapshot = world.snapshot(Level::Shard);
    let render = |snapshot: &Snapshot<'_>| metrics().render(snapshot, Format::Prometheus);
    let before = render(&snapshot);
    assert!(before.contains("follower_index=\"orders-f\",state=\"fatal\"} 1"));
    snapshot.now = at(301);
    let after = render(&snapshot);
    assert!(after.contains("follower_index=\"orders-f\",state=\"unknown\"} 1"));
    assert!(after.contains("follower_index=\"orders-f\",cause=\"unknown\"} 1"));
    assert!(after.contains("refollow_follower_runway_expiry_timestamp_seconds{es_cluster=\"eu\""));
    assert!(after.contains("refollow_cluster_up{es_cluster=\"eu\"} 1"));
    assert!(after.contains("refollow_shard_runway_expiry_timestamp_seconds{es_cluster=\"eu\""));
    for gone in [
        "refollow_follower_lag",
        "refollow_follower_cause_since_timestamp_seconds",
        "refollow_shard_leader",
        "refollow_shard_operations",
        "refollow_shard_fatal_exception{",
        "refollow_remote_connected",
        "refollow_autofollow",
    ] {
        assert!(before.contains(gone) && !after.contains(gone), "{gone}");
    }
}

#[test]
fn an_empty_daemon_exports_its_closed_label_sets_at_zero() {
    let empty = Snapshot {
        now: at(0),
        part: Part::Everything,
        series: Series::default(),
        stale_after: Duration::from_mins(5),
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
    };
    let metrics = Metrics::new("0.1.0").unwrap();
    let eu = ClusterName::parse("eu").unwrap();
    metrics.know_clusters([&eu]);
    let text = metrics.render(&empty, Format::Prometheus);
    for line in [
        "refollow_decisions_total{decision=\"act\"} 0",
        "refollow_runs_total{outcome=\"cannot_tell\",remedy=\"none\"} 0",
        "refollow_runs_total{outcome=\"cured\",remedy=\"delete_and_follow\"} 0",
        "refollow_scrape_errors_total{es_cluster=\"eu\",kind=\"tls\"} 0",
        "refollow_run_step_duration_seconds_count{step=\"follow\"} 0",
        "refollow_brake_engaged{scope=\"all\",name=\"\"} 0",
        "refollow_breaker_open{scope=\"all\",name=\"\"} 0",
        "refollow_plans_pending 0",
        "refollow_plans_expired_total 0",
    ] {
        assert!(text.contains(&format!("\n{line}\n")), "{line} is missing");
    }
}

#[test]
fn counters_of_a_cluster_survive_a_reload_and_those_of_a_removed_one_do_not() {
    let metrics = metrics();
    let us = ClusterName::parse("us").unwrap();
    metrics.know_clusters([&us]);
    let world = World::new();
    let text = metrics.render(&world.snapshot(Level::Index), Format::Prometheus);
    assert!(text.contains("refollow_scrape_errors_total{es_cluster=\"us\",kind=\"timeout\"} 1"));
    assert!(!text.contains("refollow_scrape_errors_total{es_cluster=\"eu\""));
}

/// Runs where the Debian package `prometheus` is installed; the two snapshots hold elsewhere.
#[test]
fn promtool_has_nothing_to_say() {
    use std::io::Write as _;
    let world = World::new();
    // Of the exporter's own names one is not as Prometheus wants it, and stays as it is there.
    let theirs = "elasticsearch_ccr_follow_shard_write_buffer_operation_count non-histogram and non-summary metrics should not have \"_count\" suffix\n";
    for (level, exporter_names, expected) in [
        (Level::Index, false, ""),
        (Level::Shard, false, ""),
        (Level::Shard, true, theirs),
    ] {
        let mut snapshot = world.snapshot(level);
        snapshot.series.exporter_names = exporter_names;
        let text = metrics().render(&snapshot, Format::Prometheus);
        let started = Command::new("promtool")
            .args(["check", "metrics"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let Ok(mut child) = started else {
            eprintln!("promtool is not installed: only the snapshots are compared");
            return;
        };
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert_eq!(
            (output.status.success(), said.as_str()),
            (expected.is_empty(), expected)
        );
    }
}

/// Lines that are samples.
fn samples(text: &str) -> BTreeSet<&str> {
    text.lines().filter(|line| !line.starts_with('#')).collect()
}

#[test]
fn the_pieces_together_are_the_whole_text() {
    let world = World::new();
    for (level, exporter_names) in [(Level::Index, false), (Level::Shard, true)] {
        for format in [Format::Prometheus, Format::OpenMetrics] {
            let mut snapshot = world.snapshot(level);
            snapshot.series.exporter_names = exporter_names;
            let metrics = metrics();
            let pieces: String = (0..)
                .map_while(|number| metrics.piece(&snapshot, number, format))
                .collect();
            assert_eq!(pieces, metrics.render(&snapshot, format));
        }
    }
}

#[test]
fn the_own_part_and_the_clusters_parts_are_the_whole_without_overlap() {
    let world = World::new();
    let of = |part: Part, cluster: Option<&str>| {
        let mut snapshot = world.snapshot(Level::Shard);
        snapshot.part = part;
        let wanted = |name: &ClusterName| cluster.is_none_or(|cluster| name.as_str() == cluster);
        snapshot.clusters.retain(|row| wanted(row.name));
        snapshot.followers.retain(|row| wanted(&row.key.cluster));
        snapshot.held.retain(|row| wanted(&row.key.cluster));
        snapshot.auto_follow.retain(|row| wanted(row.cluster));
        metrics().render(&snapshot, Format::Prometheus)
    };
    let (whole, own) = (of(Part::Everything, None), of(Part::Own, None));
    let (eu, us) = (of(Part::Clusters, Some("eu")), of(Part::Clusters, Some("us")));
    let left_out = "refollow_metrics_series_left_out 0";
    assert!(!own.contains("es_cluster=") && own.contains("refollow_build_info{"));
    for (text, other) in [(&eu, "es_cluster=\"us\""), (&us, "es_cluster=\"eu\"")] {
        assert!(!text.contains(other) && !text.contains("refollow_plans_pending"));
        assert!(
            samples(text)
                .iter()
                .all(|line| line.contains("es_cluster=") || *line == left_out)
        );
    }
    let mut union = samples(&own);
    for text in [&eu, &us] {
        for line in samples(text) {
            assert!(union.insert(line) || line == left_out, "{line}");
        }
    }
    assert_eq!(union, samples(&whole));
}

/// So many followers of one shard each; of every tenth the history is lost, and the lag is the number.
fn crowd(count: i64) -> (Vec<FollowerKey>, Vec<FollowStats>) {
    let key = |number: i64| FollowerKey::parse(&format!("eu/f{number:04}")).unwrap();
    let stats = |number: i64| {
        let mut shard = shard(0, Seen::Absent, Some(0));
        shard.leader_global_checkpoint = Some(1000 + number).into();
        shard.follower_global_checkpoint = Some(1000).into();
        FollowStats {
            shards: [(0, shard)]
                .into_iter()
                .collect::<crate::domain::per_shard::PerShard<_>>()
                .into(),
            malformed: 0,
            total_global_checkpoint_lag: Some(number),
        }
    };
    ((0..count).map(key).collect(), (0..count).map(stats).collect())
}

fn crowded<'a>(
    world: &'a World,
    (keys, stats): &'a (Vec<FollowerKey>, Vec<FollowStats>),
    level: Level,
    series: Series,
) -> Snapshot<'a> {
    let mut snapshot = world.snapshot(level);
    snapshot.series = Series {
        shards: level == Level::Shard,
        ..series
    };
    snapshot.followers = (0_i64..)
        .zip(keys.iter().zip(stats))
        .map(|(number, (key, stats))| FollowerRow {
            key,
            remote: Some(&world.lead),
            leader: Some(&world.orders),
            state: State::Following,
            cause: if number % 10 == 0 {
                Cause::HistoryLost
            } else {
                Cause::None
            },
            cause_since: Some(at(0)),
            lag: Some(number),
            runway_expires_at: None,
            runway_by_shard: &world.runways,
            stats: Some((at(0), stats)),
            level,
            status: None,
        })
        .collect();
    snapshot
}

fn followers_of<'t>(text: &'t str, family: &str) -> BTreeSet<&'t str> {
    text.lines()
        .filter(|line| line.starts_with(family))
        .filter_map(|line| line.split("follower_index=\"").nth(1)?.split('"').next())
        .collect()
}

#[test]
fn beyond_the_bound_the_sick_and_those_furthest_behind_stay_and_what_is_left_out_is_told() {
    let (world, crowd) = (World::new(), crowd(100));
    let series = Series {
        max: 400,
        ..Series::default()
    };
    let render = |level| {
        let snapshot = crowded(&world, &crowd, level, series);
        metrics().render(&snapshot, Format::Prometheus)
    };
    let text = render(Level::Index);
    // Sixteen of each at most: 25 followers, the ten sick ones and the fifteen most behind.
    let kept = followers_of(&text, "refollow_follower_state{");
    assert_eq!(kept.len(), 25);
    assert!(
        (0..10).all(|tens| kept.contains(format!("f00{tens}0").as_str())),
        "{kept:?}"
    );
    assert!(kept.contains("f0099") && !kept.contains("f0001"), "{kept:?}");
    assert_eq!(followers_of(&text, "refollow_follower_cause{"), kept);
    assert!(
        text.contains("\nrefollow_metrics_series_left_out 1200\n"),
        "{text}"
    );
    // Shards give way to followers, and what fits is the same at every scrape.
    let deep = render(Level::Shard);
    assert_eq!(followers_of(&deep, "refollow_follower_state{"), kept);
    assert!(followers_of(&deep, "refollow_shard_operations_read_total{").is_empty());
    assert_eq!(deep, render(Level::Shard));
    let snapshot = crowded(&world, &crowd, Level::Index, series);
    let metrics = metrics();
    assert_eq!(metrics.left_out(&snapshot), Some(1200));
    assert_eq!(metrics.left_out(&snapshot), None, "told once");
    let enough = crowded(&world, &crowd, Level::Index, Series::default());
    assert_eq!(metrics.left_out(&enough), Some(0));
}

#[test]
fn the_worst_shards_are_exported_at_every_level_fatal_ones_first() {
    let (world, mut crowd) = (World::new(), crowd(100));
    let mut fatal = shard(0, Seen::Present(exception("x", None)), Some(0));
    fatal.leader_global_checkpoint = fatal.follower_global_checkpoint;
    crowd.1[3].shards = [(0, fatal)]
        .into_iter()
        .collect::<crate::domain::per_shard::PerShard<_>>()
        .into();
    let worst = |worst_shards| {
        let series = Series {
            worst_shards,
            ..Series::default()
        };
        let snapshot = crowded(&world, &crowd, Level::Index, series);
        metrics().render(&snapshot, Format::Prometheus)
    };
    let text = worst(3);
    let shown = followers_of(&text, "refollow_shard_lag_operations{");
    assert_eq!(shown, BTreeSet::from(["f0003", "f0098", "f0099"]));
    assert_eq!(followers_of(&text, "refollow_shard_fatal_exception{"), shown);
    assert!(text.contains("follower_index=\"f0099\",shard=\"0\"} 99\n"));
    assert!(!text.contains("refollow_shard_read_exceptions{"));
    assert!(!worst(0).contains("refollow_shard_"));
    // What is well is not among the worst: f0000 is not behind.
    assert_eq!(
        followers_of(&worst(1000), "refollow_shard_lag_operations{").len(),
        99
    );
}
