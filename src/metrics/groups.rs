//! Incidents and auto-follow patterns: what is wrong with several followers, or with those to come.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, RemoteAlias};
use crate::domain::incident::IncidentKind;
use crate::domain::time::Timestamp;
use crate::metrics::followers::seconds;
use crate::metrics::text::{Encoder, Kind, Labels};

/// One incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncidentRow<'a> {
    /// The follower cluster.
    pub cluster: &'a ClusterName,
    /// The alias, where it is about one.
    pub remote: Option<&'a RemoteAlias>,
    /// What its followers have in common.
    pub kind: IncidentKind,
    /// How many there are.
    pub followers: u64,
    /// Since when the first of them has had its cause.
    pub since: Option<Timestamp>,
}

/// One auto-follow pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternRow<'a> {
    /// The follower cluster.
    pub cluster: &'a ClusterName,
    /// Its name.
    pub name: &'a str,
    /// The alias, where the pattern could be read.
    pub remote: Option<&'a RemoteAlias>,
    /// `auto_follow_failing`, `none` or `unknown`.
    pub cause: Cause,
}

/// Incidents that differ only in node or cause are one series: neither is a label.
pub(super) fn encode_incidents(rows: &[IncidentRow<'_>], out: &mut Encoder) {
    let mut counts: BTreeMap<(&ClusterName, &str, &str), (u64, Option<Timestamp>)> = BTreeMap::new();
    for row in rows {
        let remote = row.remote.map_or("", RemoteAlias::as_str);
        let (count, since) = counts
            .entry((row.cluster, remote, row.kind.as_str()))
            .or_default();
        *count += row.followers;
        *since = [*since, row.since].into_iter().flatten().min();
    }
    let labelled = |(cluster, remote, kind): (&ClusterName, &str, &str)| {
        Labels::new()
            .with("es_cluster", cluster.as_str())
            .with("remote_cluster", remote)
            .with("kind", kind)
    };
    let mut family = out.family(
        "refollow_incident_followers",
        Kind::Gauge,
        "Followers that are sick for one reason (at least two), by what they have in common.",
    );
    for (key, (count, _)) in &counts {
        let count = u32::try_from(*count).unwrap_or(u32::MAX);
        family.sample(labelled(*key).as_str(), f64::from(count));
    }
    let mut family = out.family(
        "refollow_incident_since_timestamp_seconds",
        Kind::Gauge,
        "Since when the first follower of an incident has had its cause.",
    );
    for (key, (_, since)) in &counts {
        if let Some(at) = since {
            family.sample(labelled(*key).as_str(), seconds(*at));
        }
    }
}

/// A cluster that cannot be looked at makes its patterns unknown, not well.
pub(super) fn encode_patterns(rows: &[PatternRow<'_>], fresh: &BTreeSet<&ClusterName>, out: &mut Encoder) {
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by_key(|row| (row.cluster, row.name));
    rows.dedup_by_key(|row| (row.cluster, row.name));
    let mut family = out.family(
        "refollow_autofollow_pattern_cause",
        Kind::Gauge,
        "What is wrong with an auto-follow pattern, judged from _ccr/auto_follow and recent_auto_follow_errors of _ccr/stats: 1 for the cause that holds (none: nothing).",
    );
    for row in rows {
        let cause = if fresh.contains(row.cluster) {
            row.cause
        } else {
            Cause::Unknown
        };
        let labels = Labels::new()
            .with("es_cluster", row.cluster.as_str())
            .with("remote_cluster", row.remote.map_or("", RemoteAlias::as_str))
            .with("pattern", row.name)
            .with("cause", cause.as_str());
        family.sample(labels.as_str(), 1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_of_one_kind_are_one_series_and_no_node_is_a_label() {
        let (eu, lead) = (
            ClusterName::parse("eu").unwrap(),
            RemoteAlias::parse("lead").unwrap(),
        );
        let row = |remote, kind, followers| IncidentRow {
            cluster: &eu,
            remote,
            kind,
            followers,
            since: Timestamp::from_second(1_795_000_000 - i64::try_from(followers).unwrap()).ok(),
        };
        let mut out = Encoder::new(crate::metrics::Format::Prometheus, 1024);
        let rows = [
            row(Some(&lead), IncidentKind::Remote, 400),
            row(Some(&lead), IncidentKind::Remote, 2),
            row(None, IncidentKind::Node, 3),
        ];
        encode_incidents(&rows, &mut out);
        let pattern = PatternRow {
            cluster: &eu,
            name: "logs \"new\"",
            remote: Some(&lead),
            cause: Cause::AutoFollowFailing,
        };
        encode_patterns(std::slice::from_ref(&pattern), &BTreeSet::from([&eu]), &mut out);
        let text = out.finish();
        for line in [
            "refollow_incident_followers{es_cluster=\"eu\",remote_cluster=\"lead\",kind=\"remote\"} 402",
            "refollow_incident_followers{es_cluster=\"eu\",remote_cluster=\"\",kind=\"node\"} 3",
            "refollow_incident_since_timestamp_seconds{es_cluster=\"eu\",remote_cluster=\"lead\",kind=\"remote\"} 1794999600",
            "refollow_autofollow_pattern_cause{es_cluster=\"eu\",remote_cluster=\"lead\",pattern=\"logs \\\"new\\\"\",cause=\"auto_follow_failing\"} 1",
        ] {
            assert!(text.contains(line), "{line} not in\n{text}");
        }
        let mut out = Encoder::new(crate::metrics::Format::Prometheus, 1024);
        encode_patterns(std::slice::from_ref(&pattern), &BTreeSet::new(), &mut out);
        assert!(out.finish().contains("cause=\"unknown\""));
    }
}
