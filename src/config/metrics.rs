//! `[metrics]`: what is exported, and how many series there may be.

use crate::config::cluster::Cluster;
use crate::config::read::Section;
use crate::config::rules::{check_clusters, globs, selector};
use crate::policy::glob::Glob;

/// How fine the metrics are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsLevel {
    /// One set of series per follower.
    #[default]
    Index,
    /// One set per shard beside it.
    Shard,
}

/// `[[metrics.rules]]`: the first that matches a follower says how much is exported of it.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsRule {
    /// Names of follower clusters.
    pub clusters: Vec<Glob>,
    /// Names of follower indices.
    pub followers: Vec<Glob>,
    /// Remote aliases.
    pub remotes: Vec<Glob>,
    /// How much.
    pub level: MetricsLevel,
}

/// `[metrics]`.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricsOptions {
    /// Where no rule matches.
    pub level: MetricsLevel,
    /// Tried from the top.
    pub rules: Vec<MetricsRule>,
    /// Shards whose lag is exported at every level, the worst ones.
    pub worst_shards: u32,
    /// Series of followers and their shards in one scrape.
    pub max_series: u32,
    /// Export the names of `elasticsearch_exporter` too.
    pub exporter_names: bool,
}

pub(super) fn metrics(root: &mut Section<'_>, clusters: &[Cluster]) -> MetricsOptions {
    let words = [("index", MetricsLevel::Index), ("shard", MetricsLevel::Shard)];
    let mut metrics = root.section("metrics", "[metrics]");
    let level = metrics.word("level", &words, MetricsLevel::default());
    let worst_shards = metrics.count("worst_shards", 0..=10_000, 20);
    let max_series = metrics.count("max_series", 1000..=100_000_000, 2_000_000);
    let exporter_names = metrics.flag("exporter_names", false);
    let mut rules = Vec::new();
    for mut section in metrics.sections("rules") {
        let names = selector(&mut section, "clusters", "[\"*\"]");
        let followers = selector(&mut section, "followers", "[\"orders-*\"]");
        let remotes = selector(&mut section, "remotes", "[\"*\"]");
        let level = section.required("level", "\"index\" or \"shard\"", |text| {
            let found = words.iter().find(|(word, _)| *word == text);
            found
                .map(|(_, level)| *level)
                .ok_or("is not one of the two levels")
        });
        section.finish();
        check_clusters(metrics.notes, &names, clusters);
        rules.push(MetricsRule {
            clusters: globs(names),
            followers: globs(followers),
            remotes: globs(remotes),
            level: level.unwrap_or_default(),
        });
    }
    metrics.finish();
    MetricsOptions {
        level,
        rules,
        worst_shards,
        max_series,
        exporter_names,
    }
}
