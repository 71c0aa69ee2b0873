//! Clusters, followers, brakes: what is true now, written from a plain snapshot at each scrape.
//!
//! A cluster that could not be looked at for longer than the snapshot's bound loses what is only
//! true at the time of a look (lag, times, shards, remotes). Its followers stay, as `unknown`, and
//! keep their runway: an alert on either must not resolve because nobody can look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::domain::cause::Cause;
use crate::domain::facts::{FollowStats, FollowStatus, ShardStats};
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use crate::domain::state::State;
use crate::domain::time::{Timestamp, millis_between};
use crate::metrics::exporter;
use crate::metrics::groups::{IncidentRow, PatternRow, encode_incidents, encode_patterns};
use crate::metrics::load::{LoadRow, encode_load};
use crate::metrics::select::{Part, Selection, Series};
use crate::metrics::shards::{SHARD_FAMILIES, encode_family, encode_worst};
use crate::metrics::text::{Encoder, Kind, Labels, escape_label};

/// The piece with the first of [`SHARD_FAMILIES`].
const FIRST_OF_SHARDS: usize = 4;

/// How much is exported of each follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Level {
    /// One set of series per follower index.
    #[default]
    Index,
    /// Also one per shard: about 25 series each.
    Shard,
}

/// What is true now, as the engine sees it. Borrowed from the latest observation.
#[derive(Debug, Clone)]
pub struct Snapshot<'a> {
    /// The time of the scrape.
    pub now: Timestamp,
    /// What of it is wanted.
    pub part: Part,
    /// How many series there may be.
    pub series: Series,
    /// Age of the last successful look from which on a cluster counts as not looked at.
    pub stale_after: Duration,
    /// One per configured cluster.
    pub clusters: Vec<ClusterRow<'a>>,
    /// One per follower; of two with one key the first is exported.
    pub followers: Vec<FollowerRow<'a>>,
    /// One per follower cluster whose auto-follow statistics were read.
    pub auto_follow: Vec<AutoFollowRow<'a>>,
    /// One per auto-follow pattern.
    pub patterns: Vec<PatternRow<'a>>,
    /// One per incident.
    pub incidents: Vec<IncidentRow<'a>>,
    /// Brakes that hold now.
    pub brakes: Vec<BrakeRow>,
    /// Every breaker, open or not.
    pub breakers: Vec<BreakerRow>,
    /// Followers that refollow keeps paused or closed.
    pub held: Vec<HeldRow<'a>>,
    /// Plans that wait for a person.
    pub plans_pending: u64,
    /// When the first of them expires.
    pub plan_expires_at: Option<Timestamp>,
    /// Plans that have expired since the daemon started.
    pub plans_expired: u64,
    /// Runs that go on.
    pub runs_in_flight: u64,
}

/// One configured cluster.
#[derive(Debug, Clone)]
pub struct ClusterRow<'a> {
    /// Its name in the configuration.
    pub name: &'a ClusterName,
    /// Whether the last look succeeded; `None` before the first.
    pub up: Option<bool>,
    /// When a look last succeeded.
    pub last_success: Option<Timestamp>,
    /// How long the last look took.
    pub look_took: Option<Duration>,
    /// What it is asked.
    pub load: Option<LoadRow>,
    /// `_remote/info`: `connected` by alias, `None` where it could not be read.
    pub remotes: Vec<(&'a RemoteAlias, Option<bool>)>,
}

/// One follower.
#[derive(Debug, Clone)]
pub struct FollowerRow<'a> {
    /// Cluster and index.
    pub key: &'a FollowerKey,
    /// Alias it follows through (from memory where it cannot be read, so that its series stay the same).
    pub remote: Option<&'a RemoteAlias>,
    /// Its leader index (likewise).
    pub leader: Option<&'a IndexName>,
    /// What it is doing.
    pub state: State,
    /// Why it is not following.
    pub cause: Cause,
    /// Since when that cause holds.
    pub cause_since: Option<Timestamp>,
    /// Operations behind the leader, over all shards.
    pub lag: Option<i64>,
    /// When the leader may discard what it still needs.
    pub runway_expires_at: Option<Timestamp>,
    /// The same of each shard whose lease nothing renews.
    pub runway_by_shard: &'a BTreeMap<u32, Timestamp>,
    /// Its statistics and when they were read.
    pub stats: Option<(Timestamp, &'a FollowStats)>,
    /// How much is exported of it.
    pub level: Level,
    /// `status` of `_ccr/info`, where it was read; only the exporter's names need it.
    pub status: Option<FollowStatus>,
}

/// `_ccr/stats`, `auto_follow_stats` of one cluster. `None`: not read.
#[derive(Debug, Clone)]
pub struct AutoFollowRow<'a> {
    /// The follower cluster.
    pub cluster: &'a ClusterName,
    /// `number_of_failed_follow_indices`.
    pub failed: Option<i64>,
    /// `number_of_failed_remote_cluster_state_requests`.
    pub remote_state_failed: Option<i64>,
    /// `number_of_successful_follow_indices`.
    pub succeeded: Option<i64>,
    /// How many entries `recent_auto_follow_errors` has.
    pub recent_errors: Option<u32>,
    /// `auto_followed_clusters`: alias, and when it was last checked.
    pub last_checks: Vec<(&'a RemoteAlias, Timestamp)>,
}

/// One brake that holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BrakeRow {
    /// [`BrakeScope::kind`](crate::domain::brake::BrakeScope::kind).
    pub scope: &'static str,
    /// [`BrakeScope::name`](crate::domain::brake::BrakeScope::name).
    pub name: String,
}

/// One breaker.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BreakerRow {
    /// `all` or `remote`.
    pub scope: &'static str,
    /// Empty, or `<cluster>/<alias>`.
    pub name: String,
    /// Whether it is open.
    pub open: bool,
}

/// In which step refollow keeps a follower from following.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HeldStep {
    /// Paused by us.
    Pause,
    /// Closed by us.
    Close,
    /// Deleted by us, its new follow not seen yet.
    Delete,
}

impl HeldStep {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Close => "close",
            Self::Delete => "delete",
        }
    }
}

/// One follower that refollow keeps paused or closed.
#[derive(Debug, Clone)]
pub struct HeldRow<'a> {
    /// Cluster and index.
    pub key: &'a FollowerKey,
    /// Alias.
    pub remote: Option<&'a RemoteAlias>,
    /// Leader index.
    pub leader: Option<&'a IndexName>,
    /// Paused or closed.
    pub step: HeldStep,
    /// Since when.
    pub since: Timestamp,
}

/// Seconds since 1970.
#[expect(
    clippy::cast_precision_loss,
    reason = "Prometheus has only doubles; milliseconds stay exact until the year 287396"
)]
pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has only doubles")]
pub(super) fn number(value: i64) -> f64 {
    value as f64
}

pub(super) fn millis(value: i64) -> f64 {
    number(value) / 1000.0
}

pub(super) fn flag(value: bool) -> f64 {
    f64::from(u8::from(value))
}

fn follower_labels(key: &FollowerKey, remote: Option<&RemoteAlias>, leader: Option<&IndexName>) -> Labels {
    Labels::new()
        .with("es_cluster", key.cluster.as_str())
        .with("remote_cluster", remote.map_or("", RemoteAlias::as_str))
        .with("leader_index", leader.map_or("", IndexName::as_str))
        .with("follower_index", key.index.as_str())
}

type ReadAutoFollow = fn(&AutoFollowRow<'_>) -> Option<i64>;
type ReadCluster = fn(&ClusterRow<'_>) -> Option<f64>;

/// A follower with what is computed once and not once per family.
pub(super) struct Prepared<'s> {
    pub(super) row: &'s FollowerRow<'s>,
    /// All of them stand in one text.
    labels: &'s str,
    pub(super) fresh: bool,
    /// All of its shards are exported.
    pub(super) shards: bool,
}

impl Prepared<'_> {
    /// As [`Family`](crate::metrics::text::Family) takes them.
    pub(super) const fn labels(&self) -> &str {
        self.labels
    }
}

impl Snapshot<'_> {
    fn is_fresh(&self, cluster: &ClusterRow<'_>) -> bool {
        let bound = i64::try_from(self.stale_after.as_millis()).unwrap_or(i64::MAX);
        cluster
            .last_success
            .is_some_and(|at| millis_between(at, self.now) <= bound)
    }

    /// Series that the bound leaves out, at most.
    pub(super) fn left_out(&self) -> usize {
        let fresh: BTreeSet<&ClusterName> = self
            .clusters
            .iter()
            .filter(|cluster| self.is_fresh(cluster))
            .map(|cluster| cluster.name)
            .collect();
        let mut rows: Vec<_> = self.followers.iter().collect();
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        Selection::of(&rows, &fresh, &self.series).left_out()
    }

    /// Pieces that the whole text comes in, so that nobody has to hold still for all of it. It depends on
    /// the configuration alone, and not on what changes between two pieces.
    pub(super) fn pieces(&self) -> usize {
        let deep = |families: usize| if self.series.shards { families } else { 0 };
        match (self.part, self.series.exporter_names) {
            (Part::Own, _) => 1,
            (_, false) => FIRST_OF_SHARDS + deep(SHARD_FAMILIES.len()),
            (_, true) => FIRST_OF_SHARDS + deep(SHARD_FAMILIES.len()) + 1 + deep(exporter::SHARDS.len()),
        }
    }

    /// One piece: whole families, in a fixed order; rows sorted, each key once.
    pub(super) fn piece(&self, number: usize, out: &mut Encoder) {
        let mut clusters: Vec<_> = self.clusters.iter().collect();
        clusters.sort_by_key(|cluster| cluster.name);
        clusters.dedup_by_key(|cluster| cluster.name);
        let fresh: BTreeSet<&ClusterName> = clusters
            .iter()
            .filter(|cluster| self.is_fresh(cluster))
            .map(|cluster| cluster.name)
            .collect();
        if number == 0 {
            if self.part != Part::Clusters {
                self.encode_switches(out);
            }
            if self.part == Part::Own {
                return;
            }
            encode_clusters(&clusters, &fresh, out);
            encode_load(&clusters, out);
            self.encode_held(out);
            self.encode_auto_follow(&fresh, out);
            encode_patterns(&self.patterns, &fresh, out);
            encode_incidents(&self.incidents, out);
        }
        let mut rows: Vec<_> = self.followers.iter().collect();
        rows.sort_by_key(|row| row.key);
        rows.dedup_by_key(|row| row.key);
        let selection = Selection::of(&rows, &fresh, &self.series);
        if number == 0 {
            selection.encode(out);
            return;
        }
        let of_exporter = FIRST_OF_SHARDS
            + if self.series.shards {
                SHARD_FAMILIES.len()
            } else {
                0
            };
        let kept = |place: usize| {
            if number < of_exporter {
                selection.index.has(place)
            } else {
                selection.exporter.has(place)
            }
        };
        let only_shards = number >= FIRST_OF_SHARDS && number != of_exporter;
        let shown: Vec<(usize, &FollowerRow<'_>)> = rows
            .into_iter()
            .enumerate()
            .filter(|(place, row)| kept(*place) && (!only_shards || row.level == Level::Shard))
            .collect();
        let mut text = String::with_capacity(shown.len() * 96);
        let mut ends = Vec::with_capacity(shown.len());
        for (_, row) in &shown {
            write_labels(row, &mut text);
            ends.push(text.len());
        }
        let mut begin = 0;
        let followers: Vec<Prepared<'_>> = shown
            .into_iter()
            .zip(ends)
            .map(|((place, row), end)| Prepared {
                row,
                labels: text
                    .get(std::mem::replace(&mut begin, end)..end)
                    .unwrap_or_default(),
                fresh: fresh.contains(&row.key.cluster),
                shards: row.level == Level::Shard && selection.shards.has(place),
            })
            .collect();
        match number {
            1 => encode_states(&followers, out),
            2 => encode_followers(&followers, out),
            3 => encode_worst(&followers, self.series.worst_shards, out),
            _ if number < of_exporter => {
                if let Some(family) = SHARD_FAMILIES.get(number - FIRST_OF_SHARDS) {
                    encode_family(&followers, *family, "shard", out);
                }
            }
            _ if number == of_exporter => {
                let auto_follow = self.auto_follow.iter().filter(|row| fresh.contains(row.cluster));
                exporter::encode(&followers, auto_follow, self.now, out);
            }
            _ => {
                if let Some(family) = exporter::SHARDS.get(number - of_exporter - 1) {
                    encode_family(&followers, *family, "shard_id", out);
                }
            }
        }
    }

    fn encode_switches(&self, out: &mut Encoder) {
        let scoped = |scope: &str, name: &str| Labels::new().with("scope", scope).with("name", name);
        // Those of the whole are always there, so that an alert has a 0 to start from.
        let mut brakes: BTreeSet<(&str, &str, bool)> = self
            .brakes
            .iter()
            .map(|brake| (brake.scope, brake.name.as_str(), true))
            .collect();
        for scope in ["all", "recreate", "resume"] {
            if !brakes.contains(&(scope, "", true)) {
                brakes.insert((scope, "", false));
            }
        }
        let mut family = out.family(
            "refollow_brake_engaged",
            Kind::Gauge,
            "Whether a brake holds: what it stops (scope) and on what (name, empty for everything).",
        );
        for (scope, name, engaged) in brakes {
            family.sample(scoped(scope, name).as_str(), flag(engaged));
        }
        // Of two rows of one name an open one is never hidden by a closed one.
        let mut breakers = BTreeMap::from([(("all", ""), false)]);
        for row in &self.breakers {
            *breakers.entry((row.scope, row.name.as_str())).or_default() |= row.open;
        }
        let mut family = out.family(
            "refollow_breaker_open",
            Kind::Gauge,
            "Whether too many unhealthy followers have stopped automatic recreates, over everything or behind one remote.",
        );
        for ((scope, name), open) in breakers {
            family.sample(scoped(scope, name).as_str(), flag(open));
        }
        out.family(
            "refollow_plans_pending",
            Kind::Gauge,
            "Plans that wait for a person.",
        )
        .sample("", number(i64::try_from(self.plans_pending).unwrap_or(i64::MAX)));
        let mut family = out.family(
            "refollow_plans_next_expiry_timestamp_seconds",
            Kind::Gauge,
            "When the first of the plans that wait for a person expires; absent while none waits.",
        );
        if let Some(at) = self.plan_expires_at {
            family.sample("", seconds(at));
        }
        out.family(
            "refollow_plans_expired_total",
            Kind::Counter,
            "Plans that nobody approved or rejected in time, or that did not start in time.",
        )
        .sample("", number(i64::try_from(self.plans_expired).unwrap_or(i64::MAX)));
        out.family(
            "refollow_runs_in_flight",
            Kind::Gauge,
            "Runs that have begun and not ended.",
        )
        .sample("", number(i64::try_from(self.runs_in_flight).unwrap_or(i64::MAX)));
    }

    fn encode_held(&self, out: &mut Encoder) {
        let mut held: Vec<_> = self.held.iter().collect();
        held.sort_by_key(|row| (row.key, row.step, row.since));
        held.dedup_by_key(|row| (row.key, row.step));
        let mut family = out.family(
            "refollow_follower_held",
            Kind::Gauge,
            "The follower is paused or closed by refollow; the value is the Unix time in seconds since when.",
        );
        for row in held {
            let labels = follower_labels(row.key, row.remote, row.leader).with("step", row.step.as_str());
            family.sample(labels.as_str(), seconds(row.since));
        }
    }

    fn encode_auto_follow(&self, fresh: &BTreeSet<&ClusterName>, out: &mut Encoder) {
        let mut rows: Vec<_> = self
            .auto_follow
            .iter()
            .filter(|row| fresh.contains(row.cluster))
            .collect();
        rows.sort_by_key(|row| row.cluster);
        rows.dedup_by_key(|row| row.cluster);
        let families: [(&str, Kind, &str, ReadAutoFollow); 4] = [
            (
                "refollow_autofollow_follow_total",
                Kind::Counter,
                "Indices that auto-follow followed; from auto_follow_stats.number_of_successful_follow_indices.",
                |row| row.succeeded,
            ),
            (
                "refollow_autofollow_follow_failed_total",
                Kind::Counter,
                "Indices that auto-follow failed to follow; from auto_follow_stats.number_of_failed_follow_indices.",
                |row| row.failed,
            ),
            (
                "refollow_autofollow_remote_state_requests_failed_total",
                Kind::Counter,
                "Failed reads of a remote's cluster state; from auto_follow_stats.number_of_failed_remote_cluster_state_requests.",
                |row| row.remote_state_failed,
            ),
            (
                "refollow_autofollow_recent_errors",
                Kind::Gauge,
                "Entries of auto_follow_stats.recent_auto_follow_errors; Elasticsearch keeps the last 256.",
                |row| row.recent_errors.map(i64::from),
            ),
        ];
        for (name, kind, help, read) in families {
            let mut family = out.family(name, kind, help);
            for row in &rows {
                if let Some(value) = read(row) {
                    family.sample(
                        Labels::new().with("es_cluster", row.cluster.as_str()).as_str(),
                        number(value),
                    );
                }
            }
        }
        let mut family = out.family(
            "refollow_autofollow_last_check_timestamp_seconds",
            Kind::Gauge,
            "When auto-follow last looked at the remote; from auto_follow_stats.auto_followed_clusters[].time_since_last_check_millis.",
        );
        for row in &rows {
            let mut checks: Vec<_> = row.last_checks.iter().collect();
            checks.sort_by_key(|(alias, _)| *alias);
            checks.dedup_by_key(|(alias, _)| *alias);
            for (alias, at) in checks {
                let labels = Labels::new()
                    .with("es_cluster", row.cluster.as_str())
                    .with("remote_cluster", alias.as_str());
                family.sample(labels.as_str(), seconds(*at));
            }
        }
    }
}

fn encode_clusters(clusters: &[&ClusterRow<'_>], fresh: &BTreeSet<&ClusterName>, out: &mut Encoder) {
    let families: [(&str, &str, ReadCluster); 3] = [
        (
            "refollow_cluster_up",
            "Whether the last look at the cluster succeeded; absent before the first.",
            |cluster| cluster.up.map(flag),
        ),
        (
            "refollow_last_scrape_success_timestamp_seconds",
            "When a look at the cluster last succeeded; what is exported of it is from then.",
            |cluster| cluster.last_success.map(seconds),
        ),
        (
            "refollow_scrape_duration_seconds",
            "How long the last look at the cluster took, successful or not.",
            |cluster| cluster.look_took.map(|took| took.as_secs_f64()),
        ),
    ];
    for (name, help, read) in families {
        let mut family = out.family(name, Kind::Gauge, help);
        for cluster in clusters {
            if let Some(value) = read(cluster) {
                family.sample(
                    Labels::new().with("es_cluster", cluster.name.as_str()).as_str(),
                    value,
                );
            }
        }
    }
    let mut family = out.family(
        "refollow_remote_connected",
        Kind::Gauge,
        "Whether the follower cluster is connected to the remote; from connected of _remote/info.",
    );
    for cluster in clusters.iter().filter(|cluster| fresh.contains(cluster.name)) {
        let mut remotes: Vec<_> = cluster.remotes.iter().collect();
        remotes.sort_by_key(|(alias, _)| *alias);
        remotes.dedup_by_key(|(alias, _)| *alias);
        for (alias, connected) in remotes {
            if let Some(connected) = connected {
                let labels = Labels::new()
                    .with("es_cluster", cluster.name.as_str())
                    .with("remote_cluster", alias.as_str());
                family.sample(labels.as_str(), flag(*connected));
            }
        }
    }
}

/// The labels of a follower, written behind others into one text.
fn write_labels(row: &FollowerRow<'_>, out: &mut String) {
    let pairs = [
        ("es_cluster=\"", row.key.cluster.as_str()),
        (",remote_cluster=\"", row.remote.map_or("", RemoteAlias::as_str)),
        (",leader_index=\"", row.leader.map_or("", IndexName::as_str)),
        (",follower_index=\"", row.key.index.as_str()),
    ];
    for (name, value) in pairs {
        out.push_str(name);
        escape_label(value, out);
        out.push('"');
    }
}

fn encode_states(followers: &[Prepared<'_>], out: &mut Encoder) {
    let mut family = out.family(
        "refollow_follower_state",
        Kind::Gauge,
        "What the follower is doing, judged from _ccr/stats, _ccr/info and the cluster's state: 1 for the state that holds, 0 for the others.",
    );
    for follower in followers {
        let holds = if follower.fresh {
            follower.row.state
        } else {
            State::Unknown
        };
        for state in State::ALL {
            family.with(follower.labels, ("state", state.as_str()), flag(*state == holds));
        }
    }
}

fn encode_followers(followers: &[Prepared<'_>], out: &mut Encoder) {
    let mut family = out.family(
        "refollow_follower_cause",
        Kind::Gauge,
        "Why the follower is not following: 1 for the cause that holds (none: nothing is wrong).",
    );
    for follower in followers {
        let cause = if follower.fresh {
            follower.row.cause
        } else {
            Cause::Unknown
        };
        family.with(follower.labels, ("cause", cause.as_str()), 1.0);
    }
    let mut family = out.family(
        "refollow_follower_cause_since_timestamp_seconds",
        Kind::Gauge,
        "Since when the cause of refollow_follower_cause holds, `none` included.",
    );
    for follower in followers.iter().filter(|follower| follower.fresh) {
        if let Some(at) = follower.row.cause_since {
            family.sample(follower.labels, seconds(at));
        }
    }
    let mut family = out.family(
        "refollow_follower_lag_operations",
        Kind::Gauge,
        "Operations behind the leader over all shards; leader_global_checkpoint minus follower_global_checkpoint of _ccr/stats, or the leader's own word where it can be asked.",
    );
    for follower in followers.iter().filter(|follower| follower.fresh) {
        if let Some(lag) = follower.row.lag {
            family.sample(follower.labels, number(lag));
        }
    }
    let mut family = out.family(
        "refollow_follower_last_read_timestamp_seconds",
        Kind::Gauge,
        "When the shard that has waited longest last read from the leader; from time_since_last_read_millis of _ccr/stats. Absent while no shard has read.",
    );
    for follower in followers.iter().filter(|follower| follower.fresh) {
        if let Some(at) = follower.row.stats.and_then(|(at, stats)| oldest_read(at, stats)) {
            family.sample(follower.labels, at);
        }
    }
    let mut family = out.family(
        "refollow_follower_runway_expiry_timestamp_seconds",
        Kind::Gauge,
        "From when on the leader may discard operations that the follower still needs: the earliest over its shards, from the timestamps of their retention leases and the leader's index.soft_deletes.retention_lease.period. Absent while every lease is renewed. In the past: history may be lost from then on, which only a resume tells.",
    );
    for follower in followers {
        if let Some(at) = follower.row.runway_expires_at {
            family.sample(follower.labels, seconds(at));
        }
    }
}

/// `time_since_last_read_millis` is -1 while nothing was read yet (`ShardFollowNodeTaskStatus`).
pub(super) fn last_read(at: Timestamp, shard: &ShardStats) -> Option<f64> {
    let since = shard
        .time_since_last_read_millis
        .get()
        .filter(|since| *since >= 0)?;
    Some(seconds(at) - millis(since))
}

fn oldest_read(at: Timestamp, stats: &FollowStats) -> Option<f64> {
    stats
        .shards
        .values()
        .filter_map(|shard| last_read(at, shard))
        .reduce(f64::min)
}

#[cfg(test)]
mod tests;
