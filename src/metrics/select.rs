//! Which series there are where there could be too many: the bound, what is left out by it, and the part
//! of a fleet that one scrape is about. Pure.
//!
//! What is sick stays longest. Series of refollow itself and of clusters are few, are never left out and
//! do not count.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use crate::domain::cause::Cause;
use crate::domain::ids::ClusterName;
use crate::metrics::exporter;
use crate::metrics::followers::{FollowerRow, Level};
use crate::metrics::shards::{OTHERS, SHARD_FAMILIES};
use crate::metrics::text::{Encoder, Kind};

/// What of the metrics a scrape is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Part {
    /// All of them.
    #[default]
    Everything,
    /// Those of refollow itself, of no cluster.
    Own,
    /// Those of the clusters in the snapshot.
    Clusters,
}

/// How many series there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Series {
    /// Shards whose lag and fatal exception are exported at every level, the worst ones.
    pub worst_shards: usize,
    /// Series of followers and their shards in one scrape.
    pub max: usize,
    /// Export the names of `elasticsearch_exporter` too.
    pub exporter_names: bool,
    /// Whether any follower may be at shard level: where none may, nobody looks for one.
    pub shards: bool,
}

impl Default for Series {
    fn default() -> Self {
        Self {
            worst_shards: 20,
            max: 2_000_000,
            exporter_names: false,
            shards: false,
        }
    }
}

/// What of a scrape is wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrape {
    /// Which part.
    pub part: Part,
    /// Where it is [`Part::Clusters`]: which.
    pub clusters: BTreeSet<ClusterName>,
}

impl Scrape {
    /// Whether what is exported of this cluster is in it.
    pub fn is_about(&self, cluster: &ClusterName) -> bool {
        match self.part {
            Part::Everything => true,
            Part::Own => false,
            Part::Clusters => self.clusters.contains(cluster),
        }
    }
}

/// Which followers have series of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    All,
    /// By the follower's place.
    These(Vec<bool>),
}

impl Kept {
    pub(super) fn has(&self, place: usize) -> bool {
        match self {
            Self::All => true,
            Self::These(kept) => kept.get(place).copied().unwrap_or(false),
        }
    }
}

/// What is exported of each follower, by its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    /// Its own series.
    pub(super) index: Kept,
    /// Those of its shards.
    pub(super) shards: Kept,
    /// Those under the exporter's names.
    pub(super) exporter: Kept,
    left_out: usize,
}

/// At most so many series a follower has: its own, its shards', and the exporter's.
fn costs(row: &FollowerRow<'_>, fresh: bool, series: &Series) -> [usize; 3] {
    let states = crate::domain::state::State::ALL.len();
    // States, cause, since when, lag, last read, runway.
    let own = states + if fresh { 5 } else { 2 };
    let shards = row
        .stats
        .filter(|_| fresh)
        .map_or(0, |(_, stats)| stats.shards.len());
    let deep = row.level == Level::Shard;
    let of_shards = if deep {
        shards * (SHARD_FAMILIES.len() + OTHERS)
    } else {
        0
    };
    let named = match (series.exporter_names && fresh, deep) {
        (false, _) => 0,
        (true, false) => exporter::OF_INDEX,
        (true, true) => exporter::OF_INDEX + shards * exporter::SHARDS.len(),
    };
    [own, of_shards, named]
}

impl Selection {
    /// Followers in the order of their keys.
    pub(super) fn of(rows: &[&FollowerRow<'_>], fresh: &BTreeSet<&ClusterName>, series: &Series) -> Self {
        let costs: Vec<[usize; 3]> = rows
            .iter()
            .map(|row| costs(row, fresh.contains(&row.key.cluster), series))
            .collect();
        let sum: usize = costs.iter().flatten().sum();
        let mut selection = Self {
            index: Kept::All,
            shards: Kept::All,
            exporter: Kept::All,
            left_out: 0,
        };
        if sum <= series.max {
            return selection;
        }
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|place| {
            rows.get(*place)
                .map(|row| (row.cause == Cause::None, Reverse(row.lag.unwrap_or_default())))
        });
        let mut room = series.max;
        for (kind, kept) in [
            &mut selection.index,
            &mut selection.shards,
            &mut selection.exporter,
        ]
        .into_iter()
        .enumerate()
        {
            let mut these = vec![false; rows.len()];
            for place in &order {
                let cost = costs
                    .get(*place)
                    .and_then(|cost| cost.get(kind))
                    .copied()
                    .unwrap_or_default();
                // The first that finds no room ends it: the less sick may not take the place of the sicker.
                if cost > room {
                    room = 0;
                    break;
                }
                room -= cost;
                if let Some(one) = these.get_mut(*place) {
                    *one = true;
                }
            }
            *kept = Kept::These(these);
        }
        let kept_sum: usize = costs
            .iter()
            .enumerate()
            .map(|(place, [own, of_shards, named])| {
                let of = |kept: &Kept, cost: usize| if kept.has(place) { cost } else { 0 };
                of(&selection.index, *own)
                    + of(&selection.shards, *of_shards)
                    + of(&selection.exporter, *named)
            })
            .sum();
        selection.left_out = sum - kept_sum;
        selection
    }

    pub(super) fn encode(&self, out: &mut Encoder) {
        let left_out = u32::try_from(self.left_out).unwrap_or(u32::MAX);
        out.family(
            "refollow_metrics_series_left_out",
            Kind::Gauge,
            "Series of followers and their shards that this scrape left out because of metrics.max_series, at most; the least sick ones.",
        )
        .sample("", f64::from(left_out));
    }

    /// Series left out, at most.
    pub(super) const fn left_out(&self) -> usize {
        self.left_out
    }
}
