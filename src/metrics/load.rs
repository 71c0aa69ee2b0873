//! What each cluster is asked: requests, bytes, time and failures, and whether it is spared.

use crate::domain::load::{Counts, Purpose, RequestError, Trouble};
use crate::metrics::followers::{ClusterRow, flag};
use crate::metrics::text::{Encoder, Kind, Labels};

/// The load on one cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LoadRow {
    /// Counts since the daemon's start.
    pub counts: Counts,
    /// Requests and bytes of the last look at its followers.
    pub look: Option<(u64, u64)>,
    /// The same of the last look at it as a leader.
    pub leader_look: Option<(u64, u64)>,
    /// Why it is asked less than usual.
    pub trouble: Option<Trouble>,
}

type ByPurpose = fn(&Counts) -> &[u64; 4];

/// Exact up to 2^53, which no counter of ours reaches.
#[expect(clippy::cast_precision_loss, reason = "Prometheus has only doubles")]
const fn whole(count: u64) -> f64 {
    count as f64
}

pub(super) fn encode_load(clusters: &[&ClusterRow<'_>], out: &mut Encoder) {
    let rows: Vec<(Labels, LoadRow)> = clusters
        .iter()
        .filter_map(|row| Some((Labels::new().with("es_cluster", row.name.as_str()), row.load?)))
        .collect();
    let families: [(&str, &str, f64, ByPurpose); 3] = [
        (
            "refollow_requests_total",
            "Requests sent to the cluster, repeated ones included, by what they were made for.",
            1.0,
            |counts| &counts.requests,
        ),
        (
            "refollow_response_bytes_total",
            "Bytes of the bodies that the cluster answered, after decompression.",
            1.0,
            |counts| &counts.bytes,
        ),
        (
            "refollow_request_seconds_total",
            "Time from sending a request to the last byte of its answer or its failure, summed.",
            1000.0,
            |counts| &counts.millis,
        ),
    ];
    for (name, help, unit, read) in families {
        let mut family = out.family(name, Kind::Counter, help);
        for (labels, row) in &rows {
            for (purpose, count) in Purpose::ALL.iter().zip(read(&row.counts)) {
                family.with(
                    labels.as_str(),
                    ("purpose", purpose.as_str()),
                    whole(*count) / unit,
                );
            }
        }
    }
    let mut family = out.family(
        "refollow_request_errors_total",
        Kind::Counter,
        "Requests that failed, by class of failure; 404 is an answer like others.",
    );
    for (labels, row) in &rows {
        for (class, count) in RequestError::ALL.iter().zip(&row.counts.errors) {
            family.with(labels.as_str(), ("class", class.as_str()), whole(*count));
        }
    }
    let mut family = out.family(
        "refollow_looks_held_seconds_total",
        Kind::Counter,
        "Time that looks waited because of clusters.requests_per_second, summed.",
    );
    for (labels, row) in &rows {
        family.sample(labels.as_str(), whole(row.counts.held_millis) / 1000.0);
    }
    encode_looks(&rows, out);
    let mut family = out.family(
        "refollow_cluster_spared",
        Kind::Gauge,
        "Whether the cluster is asked less than usual: looks are rarer (rejected, no_master), or only second calls fewer (busy_master, slow).",
    );
    for (labels, row) in &rows {
        for reason in Trouble::ALL {
            family.with(
                labels.as_str(),
                ("reason", reason.as_str()),
                flag(row.trouble == Some(*reason)),
            );
        }
    }
}

fn encode_looks(rows: &[(Labels, LoadRow)], out: &mut Encoder) {
    type Read = fn((u64, u64)) -> u64;
    let families: [(&str, &str, Read); 2] = [
        (
            "refollow_look_requests",
            "Requests of the last look at the cluster: at its followers, or as the leader of others.",
            |(requests, _)| requests,
        ),
        (
            "refollow_look_response_bytes",
            "Bytes that the last look at the cluster read, after decompression.",
            |(_, bytes)| bytes,
        ),
    ];
    for (name, help, read) in families {
        let mut family = out.family(name, Kind::Gauge, help);
        for (labels, row) in rows {
            for (purpose, cost) in [
                (Purpose::Followers, row.look),
                (Purpose::Leaders, row.leader_look),
            ] {
                if let Some(cost) = cost {
                    family.with(labels.as_str(), ("purpose", purpose.as_str()), whole(read(cost)));
                }
            }
        }
    }
}
