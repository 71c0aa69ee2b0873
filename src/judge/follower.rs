//! Causes on the follower's side: gone, unfollowed, closed, blocked, not allocated, paused,
//! without a task.

use crate::domain::time::millis_between;
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, gone};
use crate::judge::restore;
use crate::judge::state::{index_is_gone, is_unfollowed};

/// `missing`.
///
/// Reads: calls that name the index (`_cluster/state/metadata/<f>`, `_settings`, `_stats`,
/// `_ccr/info`) answering 404 or without it; never a list that lacks it (hidden indices are left
/// out of some, `ccr/measured.md`).
/// Noticed within: one look (17 s).
/// Seen on: 7.7.0, 8.10.4 (28, 38). Wrong when: it was created since.
pub(super) fn missing(case: &Case<'_>) -> Option<Fit> {
    if !index_is_gone(case) {
        return None;
    }
    let side = &case.facts.follower;
    let mut found = Vec::new();
    if let Some(seen) = gone(&side.meta) {
        found.push(evidence(
            seen,
            format!("metadata.indices.{}", case.facts.key.index),
            "(missing)",
        ));
    }
    if let Some(seen) = gone(&side.settings) {
        found.push(evidence(seen, "error.type", "index_not_found_exception"));
    }
    if let Some(seen) = gone(&side.info) {
        found.push(evidence(seen, "error.type", "index_not_found_exception"));
    }
    if let Some(pattern) = &case.memory.promised_by_pattern {
        found.push(remembered(case, "promised_by_pattern", pattern));
    }
    if case.memory.declared {
        found.push(remembered(case, "declared", "true"));
    }
    Some(Fit::now(found))
}

fn remembered(case: &Case<'_>, field: &str, value: &str) -> Evidence {
    Evidence {
        field: format!("remembered.{field}"),
        value: value.to_owned(),
        call: format!("{}: memory", case.facts.key.cluster),
        at: case.memory.last_well_at.unwrap_or(case.facts.now),
    }
}

/// `unfollowed`.
///
/// Reads: `/<f>/_ccr/info` by name answering 200 without it (`follower_indices: []`).
/// Noticed within: one look (17 s).
/// Seen on: 7.7.0, 8.10.4 (17). Wrong when: the index never was a follower (somebody else's
/// evidence of the wrong index).
pub(super) fn unfollowed(case: &Case<'_>) -> Option<Fit> {
    let seen = gone(&case.facts.follower.info)?;
    is_unfollowed(case).then(|| Fit::now(vec![evidence(seen, "follower_indices", "(it is not listed)")]))
}

/// `follower_closed`.
///
/// Reads: `state: close` of the cluster state, `index.verified_before_close`, or
/// `index_closed_exception` for calls that name the follower; our own run's `closed`.
/// Noticed within: three looks (51 s) from the first write that fails; without writes, one slow beat
/// (77 s).
/// Seen on: 7.7.0, 8.10.4 (16, and 34 where CCR itself closed it). Health stays green, and
/// `_ccr/info` says active. Wrong when: it was opened since.
pub(super) fn closed(case: &Case<'_>) -> Option<Fit> {
    let found = case.known_closed()?;
    let by_us = case.memory.own_run.as_ref().is_some_and(|run| run.closed);
    (!by_us).then(|| Fit::now(vec![found]))
}

/// `follower_unallocated`.
///
/// Reads: `_cluster/health/<f>` red, or a primary `UNASSIGNED` in the routing table, while
/// nothing shows a failed restore. `_cluster/allocation/explain` names the reason.
/// Seen on: derived. Wrong when: it is the moment after `_close` (a closed follower is not asked).
pub(super) fn unallocated(case: &Case<'_>) -> Option<Fit> {
    let red = case.red()?;
    if case.known_closed().is_some() || restore::shows_failed_restore(case).is_some() {
        return None;
    }
    let mut found = vec![red];
    if let Some((seen, explain)) = case.fresh(&case.facts.follower.explain) {
        if let Some(reason) = &explain.unassigned_reason {
            found.push(evidence(seen, "unassigned_info.reason", reason));
        }
        if let Some((name, why)) = explain.refusing_deciders.first() {
            found.push(evidence(
                seen,
                "node_allocation_decisions[].deciders[]",
                format!("{name}: {why}"),
            ));
        }
    }
    Some(Fit::now(found))
}

/// Blocks that stop writes; `metadata` stops none (`ccr/measured.md`, 13).
const WRITE_BLOCKS: &[&str] = &[
    "index.blocks.write",
    "index.blocks.read_only",
    "index.blocks.read_only_allow_delete",
];

/// `follower_blocked`.
///
/// Reads: `index.blocks.*` in the follower's settings or cluster state; else a rising
/// `cluster_block_exception` that names the follower and a write block.
/// Noticed within: three looks (51 s) from the first write that fails; without writes, one slow beat
/// (77 s).
/// Seen on: 7.7.0, 8.10.4 (13; 49 where a recreate copied the leader's block): no exception
/// anywhere, `failed_write_requests` rises, `operations_written` stands still.
/// Wrong when: the block was removed since.
pub(super) fn blocked(case: &Case<'_>) -> Option<Fit> {
    blocked_by_settings(case).or_else(|| {
        let met = blocks_met(case);
        (!met.is_empty()).then(|| Fit::past(met))
    })
}

/// The block in the settings, or in the metadata.
pub(super) fn blocked_by_settings(case: &Case<'_>) -> Option<Fit> {
    let side = &case.facts.follower;
    let settings = case
        .fresh(&side.settings)
        .map(|(seen, map)| (seen.at, &seen.cluster, &seen.call, map, "settings"));
    let meta = case.fresh(&side.meta).map(|(seen, meta)| {
        (
            seen.at,
            &seen.cluster,
            &seen.call,
            &meta.settings,
            "metadata.indices.*.settings",
        )
    });
    let mut sources: Vec<_> = [settings, meta].into_iter().flatten().collect();
    // Of two looks the later tells, and of one moment either.
    let latest = sources.iter().map(|source| source.0).max()?;
    sources.retain(|source| millis_between(source.0, latest) < 5_000);
    let mut found = Vec::new();
    for (at, cluster, call, map, prefix) in sources {
        for block in WRITE_BLOCKS {
            if map.get(*block).is_some_and(|value| value == "true") {
                found.push(crate::judge::case::of_call(
                    cluster,
                    call,
                    at,
                    format!("{prefix}.{block}"),
                    "true",
                ));
            }
        }
    }
    if found.is_empty() {
        return None;
    }
    if let Some((seen, shard)) = case.writes_failing() {
        found.push(evidence(
            seen,
            format!("shards[{shard}].failed_write_requests"),
            "rising, and no write succeeds",
        ));
    }
    Some(Fit::now(found))
}

/// Texts of the blocks that stop writes, by their number: the type is shared with a leader's.
const BLOCK_TEXTS: &[&str] = &["/8/index write", "/5/index read-only", "/12/"];

/// Rising read exceptions that name a write block of the follower itself.
fn blocks_met(case: &Case<'_>) -> Vec<Evidence> {
    let index = case.facts.key.index.as_str();
    let of_follower = format!("index [{index}] blocked by");
    let found = case.rising().into_iter().filter_map(|rising| {
        let one = rising.read.exception.chain().find(|one| {
            one.kind == "cluster_block_exception"
                && one.reason.starts_with(&of_follower)
                && BLOCK_TEXTS.iter().any(|text| one.reason.contains(text))
        })?;
        Some(evidence(
            rising.seen,
            format!(
                "shards[{}].read_exceptions[{}].exception.reason",
                rising.shard, rising.entry
            ),
            &one.reason,
        ))
    });
    found.collect()
}

/// `paused`.
///
/// Reads: `_ccr/info` status; our own run. Who paused it is nowhere to be read: not known who
/// means that somebody did.
/// Seen on: 7.7.0, 8.10.4 (01, 25, 45). Wrong when: never bold, so harmless.
pub(super) fn paused(case: &Case<'_>) -> Option<Fit> {
    let seen = case.paused()?;
    let by_us = case.memory.own_run.as_ref().is_some_and(|run| run.paused);
    (!by_us && !index_is_gone(case)).then(|| Fit::now(vec![evidence(seen, "status", "paused")]))
}

/// `task_unassigned`.
///
/// Reads: `_ccr/info` active while `_ccr/stats` lacks the index or some of its shards; tasks of
/// the cluster state without an `executor_node`.
/// Noticed within: one look (17 s).
/// Seen on: 7.7.0, 8.10.4 (48). Wrong when: a node failed to answer the statistics (they leave
/// its shards out), or a task is moving.
pub(super) fn task_unassigned(case: &Case<'_>) -> Option<Fit> {
    let (info_seen, _) = case.info().filter(|_| case.active())?;
    let mut found = Vec::new();
    if let Some(seen) = gone(&case.facts.follower.stats) {
        found.push(evidence(seen, "indices", "(it is not listed)"));
    } else if let Some((seen, listed, all)) = case.lacks_shards() {
        found.push(evidence(
            seen,
            "shards",
            format!("{listed} of {all} shards are listed"),
        ));
    }
    if let Some((seen, tasks)) = case.fresh(&case.facts.follower.tasks) {
        for task in tasks.iter().filter(|task| task.node.is_none()).take(3) {
            found.push(evidence(
                seen,
                format!("metadata.persistent_tasks.tasks[shard {}].assignment", task.shard),
                task.explanation.as_deref().unwrap_or("(no node)"),
            ));
        }
    }
    if found.is_empty() {
        return None;
    }
    found.push(evidence(info_seen, "status", "active"));
    Some(Fit::now(found))
}
