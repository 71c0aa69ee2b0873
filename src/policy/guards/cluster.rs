//! Guards of clusters: connection, versions, licences, disk, roles, switches, calm.

use std::collections::BTreeSet;

use crate::domain::cause::Cause;
use crate::domain::facts::{ClusterHealth, EsVersion, Health, License, Node, Series};
use crate::domain::shared::Shared;
use crate::domain::time::{Span, after};
use crate::policy::guards::Question;
use crate::policy::guards::read::{
    Check, Hold, block, bytes_to_copy, cause, cluster_setting, leader_stats, need, told, unknown,
};
use crate::policy::guards::shape::holds_data;
use crate::policy::plan::eta;

/// More pending cluster-state tasks than this is not calm.
pub const MANY_PENDING: u64 = 50;

/// Reference guard 9: the remote cluster is connected now.
pub(super) fn remote_connected(q: &Question<'_>) -> Check {
    let remote = need(&q.facts.follower.remote, "the alias in `_remote/info`")?;
    if told(remote.connected, "whether the alias is connected")? {
        Ok(format!(
            "the alias is connected ({} connections)",
            remote.connections.unwrap_or_default()
        ))
    } else {
        Err(block("`_remote/info` says that the alias is not connected"))
    }
}

/// Reference guard 10: the follower cluster is not older than the leader cluster.
pub(super) fn versions(q: &Question<'_>) -> Check {
    let lowest = |series: &Series<Shared<Vec<Node>>>, side: &str| -> Result<(EsVersion, EsVersion), Hold> {
        let nodes = need(series, &format!("the {side} cluster's nodes"))?;
        let versions = nodes
            .iter()
            .map(|node| node.version)
            .collect::<Option<BTreeSet<_>>>()
            .ok_or_else(|| unknown(format!("a node of the {side} cluster does not tell its version")))?;
        match (versions.first(), versions.last()) {
            (Some(first), Some(last)) => Ok((*first, *last)),
            _ => Err(unknown(format!("the {side} cluster lists no nodes"))),
        }
    };
    let follower = lowest(&q.facts.follower.nodes, "follower")?.0;
    let leader = lowest(&q.facts.leader.nodes, "leader")?.1;
    if follower < leader {
        return Err(block(format!(
            "the follower cluster has {follower} and the leader cluster {leader}: a newer leader cannot be followed"
        )));
    }
    if (follower.major, follower.minor) < (7, 7) {
        return Err(block(format!(
            "the follower cluster has {follower}; refollow knows 7.7 and later"
        )));
    }
    Ok(format!(
        "the follower cluster has {follower}, the leader cluster {leader}"
    ))
}

/// Observe only: neither cluster is in the middle of an upgrade.
pub(super) fn no_upgrade(q: &Question<'_>) -> Check {
    for (side, series) in [
        ("follower", &q.facts.follower.nodes),
        ("leader", &q.facts.leader.nodes),
    ] {
        let nodes = need(series, &format!("the {side} cluster's nodes"))?;
        let versions: BTreeSet<Option<EsVersion>> = nodes.iter().map(|node| node.version).collect();
        if versions.contains(&None) || versions.is_empty() {
            return Err(unknown(format!(
                "the versions of the {side} cluster's nodes are not all told"
            )));
        }
        if versions.len() > 1 {
            return Err(block(format!(
                "observe only: the {side} cluster is in the middle of an upgrade ({} versions on {} nodes)",
                versions.len(),
                nodes.len()
            )));
        }
    }
    Ok("every node of either cluster has its cluster's version".to_owned())
}

/// Reference guard 11, the follower's side.
pub(super) fn follower_license(q: &Question<'_>) -> Check {
    license(q, &q.facts.follower.license, "follower")
}

/// Reference guard 11, the leader's side.
pub(super) fn leader_license(q: &Question<'_>) -> Check {
    license(q, &q.facts.leader.license, "leader")
}

fn license(q: &Question<'_>, series: &Series<License>, side: &str) -> Check {
    let license = need(series, &format!("the {side} cluster's licence"))?;
    if license.status != "active" {
        return Err(block(format!(
            "the {side} cluster's licence is {}",
            license.status
        )));
    }
    if !matches!(license.kind.as_str(), "platinum" | "enterprise" | "trial") {
        return Err(block(format!(
            "the {side} cluster's licence `{}` does not allow CCR",
            license.kind
        )));
    }
    let Some(end) = license.expires_at else {
        return Ok(format!(
            "the {side} cluster's licence `{}` is active without end",
            license.kind
        ));
    };
    // The follow at the end of a copy needs it still (measured: it can be refused after the restore).
    let needed = if q.remedy.destroys() {
        after(q.world.now, thrice(bytes_to_copy(q)?))
    } else {
        q.world.now
    };
    if end <= needed {
        return Err(block(format!(
            "the {side} cluster's licence `{}` ends at {end}, it is needed until {needed}",
            license.kind
        )));
    }
    Ok(format!(
        "the {side} cluster's licence `{}` is active until {end}",
        license.kind
    ))
}

/// Three times the estimated length of the copy, at least ten minutes.
pub(super) fn thrice(bytes: u64) -> Span {
    (eta(bytes) * 3).max(Span::from_mins(10))
}

/// Reference guard 12: every primary fits on a data node under the low watermark, with the old
/// copies still there. A watermark that is hit fails the restore at once and the data is gone.
pub(super) fn disk(q: &Question<'_>) -> Check {
    if cluster_setting(q, "cluster.routing.allocation.disk.threshold_enabled", "true")? == "false" {
        // Elasticsearch does not look at watermarks then; that the bytes fit is checked all the same.
        return fits(q, &Watermark::default());
    }
    let text = cluster_setting(q, "cluster.routing.allocation.disk.watermark.low", "85%")?;
    let headroom = cluster_setting(
        q,
        "cluster.routing.allocation.disk.watermark.low.max_headroom",
        "-1",
    )?;
    let mut watermark = Watermark::parse(text)
        .ok_or_else(|| unknown(format!("the low watermark `{text}` is of no known form")))?;
    watermark.max_headroom = bytes_of(headroom);
    fits(q, &watermark)
}

#[derive(Debug, Default)]
struct Watermark {
    /// Free part that must stay, 0 to 1.
    free_ratio: f64,
    /// Free bytes that must stay.
    free_bytes: u64,
    /// Upper bound of what `free_ratio` asks for.
    max_headroom: Option<u64>,
}

impl Watermark {
    /// `85%`, `0.85`: used part; `10gb`: free bytes.
    fn parse(text: &str) -> Option<Self> {
        let used = match text.strip_suffix('%') {
            Some(percent) => Some(percent.trim().parse::<f64>().ok()? / 100.0),
            None => text.parse::<f64>().ok(),
        };
        match used {
            Some(used) => (0.0..=1.0).contains(&used).then(|| Self {
                free_ratio: 1.0 - used,
                ..Self::default()
            }),
            None => bytes_of(text).map(|free_bytes| Self {
                free_bytes,
                ..Self::default()
            }),
        }
    }

    fn must_stay(&self, total: u64) -> u64 {
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a disk's bytes; rounding by some bytes does not matter"
        )]
        let by_ratio = (total as f64 * self.free_ratio).ceil() as u64;
        by_ratio
            .min(self.max_headroom.unwrap_or(u64::MAX))
            .max(self.free_bytes)
    }
}

/// Bytes of a size with a unit (`500mb`); `None` where it is none.
fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let shift = match unit {
        "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        "t" | "tb" => 40,
        "p" | "pb" => 50,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

fn fits(q: &Question<'_>, watermark: &Watermark) -> Check {
    let disks = need(
        &q.facts.follower.disks,
        "the disks of the follower cluster's nodes",
    )?;
    let mut sizes = leader_stats(q)?
        .primaries
        .values()
        .map(|shard| shard.store_bytes)
        .collect::<Option<Vec<u64>>>()
        .filter(|sizes| !sizes.is_empty())
        .map_or_else(|| bytes_to_copy(q).map(|bytes| vec![bytes]), Ok)?;
    sizes.sort_unstable_by(|a, b| b.cmp(a));
    let mut room = Vec::new();
    for disk in disks.iter().filter(|disk| holds_data(&disk.roles)) {
        let total = told(disk.total_bytes, &format!("the disk size of node {}", disk.name))?;
        let free = told(
            disk.available_bytes,
            &format!("the free disk of node {}", disk.name),
        )?;
        room.push((
            free.saturating_sub(watermark.must_stay(total)),
            disk.name.as_str(),
        ));
    }
    let before = room.iter().map(|(free, _)| *free).max().unwrap_or(0);
    // Largest shard first onto the emptiest node: what the balancer can do as well.
    for size in &sizes {
        room.sort_unstable_by(|a, b| b.cmp(a));
        match room.first_mut() {
            Some((free, _)) if *free >= *size => *free -= size,
            Some((free, node)) => {
                return Err(block(format!(
                    "a shard of {size} bytes fits on no data node: {node}, the emptiest, has {free} bytes left under the low watermark with the old copy still there"
                )));
            }
            None => return Err(block("the follower cluster has no data node")),
        }
    }
    Ok(format!(
        "{} shards of at most {} bytes fit; the emptiest data node has {before} bytes under the low watermark",
        sizes.len(),
        sizes.first().copied().unwrap_or(0)
    ))
}

/// Reference guard 13: a data node may be a client of remote clusters.
pub(super) fn remote_client(q: &Question<'_>) -> Check {
    let nodes = need(&q.facts.follower.nodes, "the follower cluster's nodes")?;
    let able = nodes
        .iter()
        .filter(|node| {
            holds_data(&node.roles) && node.roles.iter().any(|role| role == "remote_cluster_client")
        })
        .count();
    if able == 0 {
        return Err(block(
            "no data node of the follower cluster has the role `remote_cluster_client`",
        ));
    }
    Ok(format!("{able} data nodes have the role `remote_cluster_client`"))
}

/// Reference guard 14: shards may be allocated.
pub(super) fn allocation_enabled(q: &Question<'_>) -> Check {
    switch(q, "cluster.routing.allocation.enable", "all")
}

/// Reference guard 14: follow tasks may be assigned (`ccr/measured.md`, 48).
pub(super) fn task_assignment(q: &Question<'_>) -> Check {
    switch(q, "cluster.persistent_tasks.allocation.enable", "all")
}

/// Reference guard 20: indices may be closed.
pub(super) fn close_enabled(q: &Question<'_>) -> Check {
    switch(q, "cluster.indices.close.enable", "true")
}

fn switch(q: &Question<'_>, key: &str, wanted: &'static str) -> Check {
    let value = cluster_setting(q, key, wanted)?;
    if value == wanted {
        Ok(format!("{key} is {value}"))
    } else {
        Err(block(format!("{key} is {value}, it must be {wanted}")))
    }
}

/// Nothing begins on a cluster that has too much to do, on either side: a request that it rejects may
/// be the one that would put the follower back.
pub(super) fn clusters_at_ease(q: &Question<'_>) -> Check {
    let pressed = q
        .world
        .spared
        .iter()
        .find(|(_, pressure)| pressure.reason.backs_off() || q.remedy.destroys());
    match pressed {
        None => Ok("neither cluster rejects requests or lacks a master".to_owned()),
        Some((cluster, pressure)) => {
            Err(block(format!("cluster `{cluster}` {}", pressure.words())).until(pressure.until))
        }
    }
}

/// Reference guard 15: the follower cluster is calm; a change of master breaks the follow's end.
pub(super) fn follower_cluster_calm(q: &Question<'_>) -> Check {
    let health = calm(&q.facts.follower.cluster_health, "follower")?;
    if health.status == Health::Red {
        // Its own failed restore makes the whole cluster red; it does not tell of others.
        if cause(q) == Cause::RestoreFailed {
            return Ok(format!(
                "the follower cluster is red, as the follower itself is; {}",
                pending(health, "follower")
            ));
        }
        return Err(block("the follower cluster is red"));
    }
    Ok(pending(health, "follower"))
}

/// The leader cluster is calm as well: its primaries must serve the copy to the end.
pub(super) fn leader_cluster_calm(q: &Question<'_>) -> Check {
    let health = calm(&q.facts.leader.cluster_health, "leader")?;
    Ok(pending(health, "leader"))
}

fn calm<'a>(series: &'a Series<ClusterHealth>, side: &str) -> Result<&'a ClusterHealth, Hold> {
    let health = need(series, &format!("the {side} cluster's health"))?;
    let pending = told(
        health.pending_tasks,
        &format!("the {side} cluster's pending tasks"),
    )?;
    if pending > MANY_PENDING {
        return Err(block(format!(
            "the {side} cluster has {pending} pending tasks, more than {MANY_PENDING}"
        )));
    }
    Ok(health)
}

fn pending(health: &ClusterHealth, side: &str) -> String {
    format!(
        "the {side} cluster has {} pending tasks on {} nodes",
        health.pending_tasks.unwrap_or_default(),
        health.nodes.unwrap_or_default()
    )
}

/// Safety 8: the follower can be opened again, shard limit included.
pub(super) fn room_to_reopen(q: &Question<'_>) -> Check {
    let have = *need(
        &q.facts.follower.total_shards,
        "the number of shards of the follower cluster",
    )?;
    let nodes = told(
        need(&q.facts.follower.cluster_health, "the follower cluster's health")?.data_nodes,
        "the follower cluster's number of data nodes",
    )?;
    let text = cluster_setting(q, "cluster.max_shards_per_node", "1000")?;
    let per_node: u64 = text
        .parse()
        .map_err(|_| unknown(format!("cluster.max_shards_per_node `{text}` is no number")))?;
    let limit = per_node.saturating_mul(u64::from(nodes));
    // Closed indices are counted, so this index's shards are among them already.
    if have > limit {
        return Err(block(format!(
            "the follower cluster has {have} shards and its limit is {limit}: a closed follower could not be opened again"
        )));
    }
    Ok(format!(
        "the follower cluster has {have} shards, its limit is {limit}"
    ))
}
