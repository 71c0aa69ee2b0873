//! `refollow bench`: what one look costs, beside the bare parse of the same bytes, in one run; and
//! (`fleet`, `goals`) what a daemon costs that looks at a whole fleet of clusters.
//!
//! Builds the answers of a cluster with many followers in memory, then measures the CPU time of
//! the whole process (not the wall clock: the machines are shared) for two things in turn,
//! several rounds each: the bare parse of the same bytes and nothing else (into a JSON tree, and
//! into the smallest types that hold what a look reads), and a whole look (parse, learn, judge,
//! decide, memories as they are stored, encode the metrics).

mod bare;
mod fleet;
mod goals;
mod load;
mod stub;

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::ids::ClusterName;
use crate::domain::time::{Timestamp, after};
use crate::engine::book::Book;
use crate::engine::settings::{ClusterSettings, Settings};
use crate::metrics::{Format, Metrics};
use crate::policy;

pub use fleet::{Figures, Plan, line, measure as fleet};
pub use goals::{Goals, goals, goals_table};
pub use load::{Load, load, load_lines};
pub use stub::{Fleet, serve};

/// How large the cluster is, and how often it is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Followers.
    pub followers: u32,
    /// Shards of each.
    pub shards: u32,
    /// Rounds; the median counts.
    pub rounds: u32,
}

impl Default for Size {
    fn default() -> Self {
        Self {
            followers: 2_000,
            shards: 5,
            rounds: 7,
        }
    }
}

/// What was measured.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Followers.
    pub followers: u32,
    /// Shards of all followers.
    pub shards: u64,
    /// Bytes of the answers of one look.
    pub bytes: usize,
    /// CPU microseconds per shard of the bare parse into a tree: minimum, median, maximum over the rounds.
    pub bare_parse_us_per_shard: [f64; 3],
    /// CPU microseconds per shard of the bare parse into types.
    pub typed_parse_us_per_shard: [f64; 3],
    /// CPU microseconds per shard of a whole look.
    pub look_us_per_shard: [f64; 3],
    /// Medians of the look's parts: taking the answers in, judging, deciding, writing memories down as
    /// text, writing the metrics down as text.
    pub parts_us_per_shard: [f64; 5],
    /// Median of the look over median of the bare parse into a tree.
    pub ratio: f64,
    /// Median of the look over median of the bare parse into types.
    pub ratio_typed: f64,
}

/// Measures.
///
/// # Errors
/// When the synthetic answers cannot be built or parsed, which would be a defect.
pub fn measure(size: Size) -> Result<Report, String> {
    let cluster = ClusterName::parse("bench").map_err(|error| error.to_string())?;
    let start = Timestamp::UNIX_EPOCH;
    let bodies = answers(size).map_err(|error| error.to_string())?;
    let bytes = bodies.iter().map(|(_, body)| body.len()).sum();
    let shards = u64::from(size.followers) * u64::from(size.shards);
    let settings = Settings {
        clusters: vec![ClusterSettings {
            name: cluster.clone(),
            poll_interval: Duration::from_secs(15),
            leader_side_interval: Duration::from_secs(60),
            remotes: std::collections::BTreeMap::new(),
            declared_followers: Vec::new(),
        }],
        policy: policy::Settings::default(),
        metrics: crate::engine::settings::MetricsSettings::default(),
        undo_directory: std::path::PathBuf::new(),
        run_limits: crate::domain::run::Limits::default(),
        brake_file: std::path::PathBuf::new(),
        blockers: Vec::new(),
        notify: std::sync::Arc::default(),
        keep_runs: Duration::MAX,
        history: crate::history::HistorySettings::OFF,
        shutdown_timeout: Duration::from_secs(30),
    };
    let mut book = Book::new(settings, Vec::new(), start);
    let mut bare = Vec::new();
    let mut typed = Vec::new();
    let mut look = Vec::new();
    let mut parts: [Vec<f64>; 5] = Default::default();
    let metrics = Metrics::new("bench").map_err(|error| error.to_string())?;
    for round in 0..size.rounds.max(1) {
        let began = cpu();
        for (_, body) in &bodies {
            let tree: serde_json::Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
            std::hint::black_box(&tree);
        }
        bare.push(per_shard(began, shards));

        let began = cpu();
        bare::typed(&bodies).map_err(|error| error.to_string())?;
        typed.push(per_shard(began, shards));

        let now = after(start, Duration::from_secs(15 * u64::from(round + 1)));
        let list: Vec<Answer> = bodies
            .iter()
            .map(|(path, body)| Answer {
                at: now,
                cluster: cluster.clone(),
                call: Call::get(*path),
                outcome: Outcome::Got {
                    status: 200,
                    body: body.clone(),
                },
            })
            .collect();
        let began = cpu();
        let mut mark = began;
        let mut part = |parts: &mut Vec<f64>| {
            parts.push(per_shard(mark, shards));
            mark = cpu();
        };
        book.learn(&list, now);
        part(&mut parts[0]);
        book.judge(&cluster, true, now);
        part(&mut parts[1]);
        std::hint::black_box(book.decide_about(std::slice::from_ref(&cluster), now));
        part(&mut parts[2]);
        for (key, memory) in book.changed_memories_of(&cluster) {
            let text = serde_json::to_string(&memory).map_err(|error| error.to_string())?;
            std::hint::black_box((key, text));
        }
        part(&mut parts[3]);
        std::hint::black_box(metrics.render(&book.metrics(now), Format::Prometheus));
        part(&mut parts[4]);
        look.push(per_shard(began, shards));
    }
    let (bare, typed, look) = (spread(bare), spread(typed), spread(look));
    Ok(Report {
        followers: size.followers,
        shards,
        bytes,
        bare_parse_us_per_shard: bare,
        typed_parse_us_per_shard: typed,
        look_us_per_shard: look,
        parts_us_per_shard: parts.map(|part| spread(part)[1]),
        ratio: look[1] / bare[1].max(f64::MIN_POSITIVE),
        ratio_typed: look[1] / typed[1].max(f64::MIN_POSITIVE),
    })
}

/// The report for people.
///
/// # Errors
/// Never: a text in memory takes everything.
pub fn table(report: &Report) -> Result<String, std::fmt::Error> {
    let mut out = String::new();
    let row = |name: &str, [min, median, max]: [f64; 3]| {
        format!("  {name:<28}{min:>9.3}{median:>9.3}{max:>9.3}  µs of CPU per shard (min, median, max)\n")
    };
    writeln!(
        out,
        "one look at {} followers, {} shards, {:.1} MB of answers",
        report.followers,
        report.shards,
        report.bytes as f64 / 1e6
    )?;
    out.push_str(&row("bare parse into a tree", report.bare_parse_us_per_shard));
    out.push_str(&row("bare parse into types", report.typed_parse_us_per_shard));
    out.push_str(&row("whole look", report.look_us_per_shard));
    let [learn, judge, decide, store, publish] = report.parts_us_per_shard;
    writeln!(
        out,
        "  of it: taking the answers in {learn:.3}, judging {judge:.3}, deciding {decide:.3}, memories {store:.3}, metrics {publish:.3}"
    )?;
    writeln!(
        out,
        "  a look costs {:.2} times the bare parse into a tree, {:.2} times the one into types",
        report.ratio, report.ratio_typed
    )?;
    Ok(out)
}

fn cpu() -> f64 {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

fn per_shard(began: f64, shards: u64) -> f64 {
    (cpu() - began) / shards.max(1) as f64
}

fn spread(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(0.0);
    [at(0), at(values.len() / 2), at(values.len().saturating_sub(1))]
}

/// The four answers that every look begins with, as 8.10 prints them.
fn answers(size: Size) -> Result<Vec<(&'static str, Bytes)>, std::fmt::Error> {
    let root = r#"{"name":"n","cluster_name":"bench","cluster_uuid":"rH7haT0AQteBcU7IJ1unCQ","version":{"number":"8.10.4"}}"#;
    let remote = r#"{"lead":{"connected":true,"mode":"sniff","seeds":["127.0.0.1:9300"],"num_nodes_connected":1,"max_connections_per_cluster":3,"initial_connect_timeout":"30s","skip_unavailable":false}}"#;
    let mut stats = String::from(
        r#"{"auto_follow_stats":{"number_of_failed_follow_indices":0,"number_of_failed_remote_cluster_state_requests":0,"number_of_successful_follow_indices":0,"recent_auto_follow_errors":[],"auto_followed_clusters":[]},"follow_stats":{"indices":["#,
    );
    let mut info = String::from(r#"{"follower_indices":["#);
    for follower in 0..size.followers {
        let comma = if follower == 0 { "" } else { "," };
        write!(stats, r#"{comma}{{"index":"orders-{follower:05}-f","shards":["#)?;
        for shard in 0..size.shards {
            let comma = if shard == 0 { "" } else { "," };
            write!(
                stats,
                r#"{comma}{{"remote_cluster":"lead","leader_index":"orders-{follower:05}","follower_index":"orders-{follower:05}-f","shard_id":{shard},"leader_global_checkpoint":4333,"leader_max_seq_no":4333,"follower_global_checkpoint":4333,"follower_max_seq_no":4333,"last_requested_seq_no":4333,"outstanding_read_requests":1,"outstanding_write_requests":0,"write_buffer_operation_count":0,"write_buffer_size_in_bytes":0,"follower_mapping_version":2,"follower_settings_version":2,"follower_aliases_version":1,"total_read_time_millis":32768,"total_read_remote_exec_time_millis":16384,"successful_read_requests":32,"failed_read_requests":0,"operations_read":896,"bytes_read":32768,"total_write_time_millis":16384,"successful_write_requests":16,"failed_write_requests":0,"operations_written":832,"read_exceptions":[],"time_since_last_read_millis":491}}"#
            )?;
        }
        stats.push_str("]}");
        write!(
            info,
            r#"{comma}{{"follower_index":"orders-{follower:05}-f","remote_cluster":"lead","leader_index":"orders-{follower:05}","status":"active","parameters":{{"max_read_request_operation_count":5120,"max_write_request_operation_count":5120,"max_outstanding_read_requests":12,"max_outstanding_write_requests":9,"max_read_request_size":"32mb","max_write_request_size":"9223372036854775807b","max_write_buffer_count":2147483647,"max_write_buffer_size":"512mb","max_retry_delay":"500ms","read_poll_timeout":"1m"}}}}"#
        )?;
    }
    stats.push_str("]}}");
    info.push_str("]}");
    Ok(vec![
        ("/", Bytes::from_static(root.as_bytes())),
        ("/*,.*/_ccr/info", Bytes::from(info)),
        ("/_ccr/stats", Bytes::from(stats)),
        ("/_remote/info", Bytes::from_static(remote.as_bytes())),
    ])
}
