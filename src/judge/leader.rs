//! Causes on the leader's side: deleted, replaced, not followable, closed, unavailable,
//! and an alias that leads elsewhere.
//!
//! All but the texts named below rest on a direct look at the leader cluster.

use crate::domain::facts::Health;
use crate::domain::ids::IndexName;
use crate::domain::time::millis_between;
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, gone, newest, number, of_error};
use crate::judge::identity::compare;

/// Answers of one look are closer together than this, in milliseconds.
const ONE_LOOK_MILLIS: i64 = 5_000;

/// `leader_deleted`.
///
/// Reads: leader `/<l>/_settings`, `/<l>/_stats`, cluster state (404 `index_not_found_exception`
/// naming it); the follower's `resume_follow` answered 404 `index_not_found_exception`.
/// Seen on: 7.7.0, 8.10.4 (recording 05). A fatal `index_not_found_exception` is *not* enough:
/// a leader that was deleted and created again shows it too (06 on 7.7.0).
/// Wrong when: the leader cluster in the configuration is not the one behind the alias
/// (`remote_repointed`), or the index was created again after the look.
pub(super) fn deleted(case: &Case<'_>) -> Option<Fit> {
    let leader = &case.facts.leader;
    let name = number(case.facts.leader_index.as_ref());
    let absent = [
        gone(&leader.settings)
            .map(|seen| (seen.at, evidence(seen, "error.type", "index_not_found_exception"))),
        gone(&leader.index).map(|seen| (seen.at, evidence(seen, "error.type", "index_not_found_exception"))),
        gone(&leader.meta).map(|seen| {
            (
                seen.at,
                evidence(seen, format!("metadata.indices.{name}"), "(missing)"),
            )
        }),
    ];
    // The same look's other calls may have come before a re-creation: a later sight of it wins.
    let present = [
        newest(&leader.settings).map(|(seen, _)| seen.at),
        newest(&leader.index).map(|(seen, _)| seen.at),
        newest(&leader.meta).map(|(seen, _)| seen.at),
    ];
    let there = present.into_iter().flatten().max();
    let found: Vec<Evidence> = absent
        .into_iter()
        .flatten()
        .filter(|(at, _)| there.is_none_or(|there| *at > there))
        .map(|(_, evidence)| evidence)
        .collect();
    if !found.is_empty() {
        return Some(Fit::now(found));
    }
    // The server's own word: a resume reads the leader's metadata by name.
    let (seen, refusal) = case.refused_resume()?;
    let names_leader = refusal
        .exception
        .index
        .as_deref()
        .is_some_and(|named| Some(named) == case.facts.leader_index.as_ref().map(IndexName::as_str));
    (refusal.status == 404
        && refusal.exception.kind == "index_not_found_exception"
        && names_leader
        && there.is_none_or(|there| seen.at > there))
    .then(|| Fit::now(vec![evidence(seen, "error.type", "index_not_found_exception")]))
}

/// `leader_replaced`.
///
/// Reads: the leader's present UUID (`/<l>/_settings`, `_stats`, cluster state) against the one
/// followed (`metadata.indices.<f>.ccr`, follow tasks, memory); or a refused `resume_follow`.
/// Noticed within: two looks (34 s) where a read fails, else one look at the leader (67 s).
/// Seen on: 7.7.0, 8.10.4 (06, 09). The refusal ("should reference [A] as leader index but
/// instead reference [B] as leader index") is known by its text only: type
/// `illegal_argument_exception` is shared by every refusal; a later look at the leader overrides it.
/// Wrong when: memory is of an older follow than the present one and the metadata is not read.
pub(super) fn replaced(case: &Case<'_>) -> Option<Fit> {
    let comparison = compare(case);
    if let Some(other) = comparison.other_uuid() {
        let (uuid, at) = comparison.present_uuid.as_ref()?;
        if !other {
            return None;
        }
        let followed = comparison.followed_uuid.as_ref()?;
        let leader = &case.facts.leader;
        let mut found = Vec::new();
        if let Some((seen, _)) = newest(&leader.settings).filter(|(seen, _)| seen.at == *at) {
            found.push(evidence(seen, "settings.index.uuid", uuid.as_str()));
        } else if let Some((seen, _)) = newest(&leader.index).filter(|(seen, _)| seen.at == *at) {
            found.push(evidence(seen, "indices.*.uuid", uuid.as_str()));
        } else if let Some((seen, _)) = newest(&leader.meta).filter(|(seen, _)| seen.at == *at) {
            found.push(evidence(
                seen,
                "metadata.indices.*.settings.index.uuid",
                uuid.as_str(),
            ));
        }
        found.push(followed_evidence(
            case,
            "ccr.leader_index_uuid",
            followed.as_str(),
        ));
        return Some(Fit::now(found));
    }
    let (seen, refusal) = case.refused_resume()?;
    (refusal.exception.kind == "illegal_argument_exception"
        && refusal
            .exception
            .reason
            .contains("as leader index but instead reference"))
    .then(|| Fit::now(vec![evidence(seen, "error.reason", &refusal.exception.reason)]))
}

/// Where the followed identity was read.
pub(super) fn followed_evidence(case: &Case<'_>, field: &str, value: &str) -> Evidence {
    if let Some((seen, meta)) = newest(&case.facts.follower.meta)
        && meta.followed.is_some()
    {
        return evidence(
            seen,
            format!("metadata.indices.{}.{field}", case.facts.key.index),
            value,
        );
    }
    if let Some((seen, tasks)) = newest(&case.facts.follower.tasks)
        && !tasks.is_empty()
    {
        return evidence(
            seen,
            "metadata.persistent_tasks.tasks[].params.leader_shard_index_uuid",
            value,
        );
    }
    Evidence {
        field: format!("remembered.{field}"),
        value: value.to_owned(),
        call: format!("{}: memory", case.facts.key.cluster),
        at: case.memory.last_well_at.unwrap_or(case.facts.now),
    }
}

/// `leader_not_followable`.
///
/// Reads: leader settings (`index.soft_deletes.enabled`, `index.store.type`, shard count) against
/// the follower's shard count; settings asked for by name that show another index (an alias); a refused resume or follow naming soft deletes, searchable
/// snapshots, aliases or data streams (text only: every such refusal is an
/// `illegal_argument_exception`), or another shard count or a newer version
/// (`snapshot_restore_exception`, text again).
/// Seen on: 7.7.0, 8.10.4 (09, 28). Wrong when: settings were read from another index.
pub(super) fn not_followable(case: &Case<'_>) -> Option<Fit> {
    let leader = &case.facts.leader;
    if let Some((seen, settings)) = newest(&leader.settings) {
        if settings
            .get("index.soft_deletes.enabled")
            .is_some_and(|value| value == "false")
        {
            return Some(Fit::now(vec![evidence(
                seen,
                "settings.index.soft_deletes.enabled",
                "false",
            )]));
        }
        if settings
            .get("index.store.type")
            .is_some_and(|value| value == "snapshot")
        {
            return Some(Fit::now(vec![evidence(
                seen,
                "settings.index.store.type",
                "snapshot",
            )]));
        }
        if let (Some(leads), Some(follows)) = (
            settings
                .get("index.number_of_shards")
                .and_then(|text| text.parse::<u32>().ok()),
            case.shard_count(),
        ) && leads != follows
        {
            return Some(Fit::now(vec![evidence(
                seen,
                "settings.index.number_of_shards",
                format!("{leads}, the follower has {follows}"),
            )]));
        }
    }
    if let Some((seen, other)) = newest(&leader.stands_for) {
        return Some(Fit::now(vec![evidence(
            seen,
            "(the name)",
            format!("an alias or a data stream of {other}"),
        )]));
    }
    let refused = [case.refused_resume(), newest(&case.facts.follower.follow)];
    for (seen, refusal) in refused.into_iter().flatten() {
        let reason = &refusal.exception.reason;
        if refusal.exception.kind == "snapshot_restore_exception"
            && (reason.contains("is higher than the version of this node")
                || (reason.contains("] shards from a snapshot of index [") && reason.contains("] with [")))
        {
            return Some(Fit::now(vec![evidence(seen, "error.reason", reason)]));
        }
        if refusal.exception.kind == "illegal_argument_exception"
            && (reason.contains("does not have soft deletes enabled")
                || reason.contains("soft_deletes.enabled")
                || reason.contains("is a searchable snapshot index")
                || reason.contains("because it is a")
                || reason.contains("does not match with the number of shards"))
        {
            return Some(Fit::now(vec![evidence(seen, "error.reason", reason)]));
        }
    }
    None
}

/// `leader_closed`.
///
/// Reads: leader cluster state (`state: close`), settings (`index.verified_before_close`), its
/// `_stats` answering 400 `index_closed_exception`; without a direct look, read exceptions whose
/// retries rise with `index_closed_exception` or the block `INDEX_CLOSED_BLOCK` (id 4, in the
/// text `FORBIDDEN/4/index closed`); a resume refused with `index_closed_exception`.
/// Seen on: 7.7.0, 8.10.4 (07). Wrong when: it was opened since the look.
pub(super) fn closed(case: &Case<'_>) -> Option<Fit> {
    let leader = &case.facts.leader;
    let mut found: Vec<Evidence> = Vec::new();
    let mut opened_at = newest(&leader.index)
        .filter(|(_, stats)| !stats.primaries.is_empty())
        .map(|(seen, _)| seen.at);
    if let Some((seen, meta)) = newest(&leader.meta) {
        match meta.open {
            Some(false) => found.push(evidence(seen, "metadata.indices.*.state", "close")),
            Some(true) => opened_at = opened_at.max(Some(seen.at)),
            None => {}
        }
    }
    if let Some((seen, settings)) = newest(&leader.settings)
        && settings
            .get("index.verified_before_close")
            .is_some_and(|value| value == "true")
    {
        found.push(evidence(seen, "settings.index.verified_before_close", "true"));
    }
    for error in case.errors() {
        if Some(&error.cluster) == case.facts.leader_cluster.as_ref()
            && error.exception.kind == "index_closed_exception"
            && error
                .exception
                .index
                .as_deref()
                .is_none_or(|named| Some(named) == case.facts.leader_index.as_ref().map(IndexName::as_str))
        {
            found.push(of_error(error));
        }
    }
    let mut of_reads = Vec::new();
    for rising in case.rising() {
        if let Some(one) = rising.read.exception.chain().find(|one| {
            one.kind == "index_closed_exception"
                || (one.kind == "cluster_block_exception" && one.reason.contains("/4/index closed"))
        }) {
            of_reads.push(evidence(
                rising.seen,
                format!(
                    "shards[{}].read_exceptions[{}].exception.type",
                    rising.shard, rising.entry
                ),
                format!("{}: {}", one.kind, one.reason),
            ));
        }
    }
    found.extend(of_reads.iter().cloned());
    if let Some((seen, refusal)) = case.refused_resume()
        && refusal.exception.kind == "index_closed_exception"
    {
        found.push(evidence(seen, "error.type", "index_closed_exception"));
    }
    found.retain(|one| opened_at.is_none_or(|open| one.at > open));
    if !found.is_empty() {
        return Some(Fit::now(found));
    }
    // The leader answers in the very look in which the retries still rise: opened a moment ago,
    // which is all that explains them, and no reason to wait for anything that is true now.
    of_reads.retain(|one| opened_at.is_none_or(|open| millis_between(one.at, open) <= ONE_LOOK_MILLIS));
    (!of_reads.is_empty()).then(|| Fit::past(of_reads))
}

/// `leader_unavailable`.
///
/// Reads: leader `_cluster/health/<l>` (red, or fewer active primaries than shards), shards that
/// its `_stats` leaves out, read exceptions whose retries rise with
/// `no_shard_available_action_exception` or `unavailable_shards_exception` (unless they are
/// caused by a missing index).
/// Seen on: derived (reference 2.2). Wrong when: the look fell into a moment of re-allocation.
pub(super) fn unavailable(case: &Case<'_>) -> Option<Fit> {
    let leader = &case.facts.leader;
    let mut found = Vec::new();
    if let Some((seen, health)) = newest(&leader.health) {
        let missing = match (health.active_primary_shards, health.number_of_shards) {
            (Some(active), Some(all)) => active < all,
            _ => false,
        };
        if health.status == Health::Red || missing {
            found.push(evidence(
                seen,
                "indices.*.active_primary_shards",
                format!(
                    "{} of {}, {:?}",
                    number(health.active_primary_shards),
                    number(health.number_of_shards),
                    health.status
                ),
            ));
        }
    }
    if let Some((seen, stats)) = newest(&leader.index)
        && let Some((_, settings)) = newest(&leader.settings)
        && let Some(all) = settings
            .get("index.number_of_shards")
            .and_then(|text| text.parse::<usize>().ok())
        && stats.primaries.len() < all
        && settings
            .get("index.verified_before_close")
            .is_none_or(|value| value != "true")
        && stats.uuid.is_some()
    {
        found.push(evidence(
            seen,
            "indices.*.shards",
            format!("{} of {all} primaries answered", stats.primaries.len()),
        ));
    }
    let shown_well = newest(&leader.health).is_some_and(|(_, health)| health.status != Health::Red);
    let mut of_reads = Vec::new();
    for rising in case.rising() {
        let of_missing_index = rising
            .read
            .exception
            .chain()
            .any(|one| one.kind == "index_not_found_exception");
        if let Some(one) = rising.read.exception.chain().find(|one| {
            matches!(
                one.kind.as_str(),
                "no_shard_available_action_exception" | "unavailable_shards_exception"
            )
        }) && !of_missing_index
        {
            of_reads.push(evidence(
                rising.seen,
                format!(
                    "shards[{}].read_exceptions[{}].exception.type",
                    rising.shard, rising.entry
                ),
                &one.kind,
            ));
        }
    }
    if !shown_well {
        found.append(&mut of_reads);
    }
    if !found.is_empty() {
        return Some(Fit::now(found));
    }
    // Its health is well again while the retries still rise: over, or over in a moment.
    (!of_reads.is_empty()).then(|| Fit::past(of_reads))
}

/// `remote_repointed`.
///
/// Reads: `cluster_uuid` of the leader cluster against the one remembered while leases were
/// fresh there, else against an earlier look; `seeds` or `proxy_address` of the alias against
/// those remembered, else those of an earlier look, while the follower does not follow (a changed
/// seed list of the same cluster is harmless).
/// Seen on: derived. Wrong when: every node of the leader cluster got a new address while the
/// follower was broken for another reason; then a person is asked.
pub(super) fn repointed(case: &Case<'_>) -> Option<Fit> {
    let root = &case.facts.leader.root;
    let looked_at = || {
        root.history()
            .find_map(|(at, root)| Some((root.cluster_uuid.as_ref()?, format!("at {at}"))))
    };
    let followed = case.memory.leader_cluster_uuid.as_ref();
    let followed = followed.map(|uuid| (uuid, "remembered".to_owned()));
    if let Some((seen, root)) = newest(root)
        && let (Some(now), Some((then, whence))) = (&root.cluster_uuid, followed.or_else(looked_at))
        && now != then
    {
        return Some(Fit::now(vec![evidence(
            seen,
            "cluster_uuid",
            format!("{now}, {whence}: {then}"),
        )]));
    }
    let (seen, remote) = newest(&case.facts.follower.remote)?;
    let looked_at = || {
        let remotes = case.facts.follower.remote.history();
        remotes
            .map(|(at, remote)| (&remote.addresses, format!("at {at}")))
            .find(|(addresses, _)| !addresses.is_empty())
    };
    let remembered = case.memory.remote_addresses.as_ref();
    let (then, whence) = remembered
        .map(|addresses| (addresses, "remembered".to_owned()))
        .or_else(looked_at)?;
    let disjoint = !then.is_empty()
        && !remote.addresses.is_empty()
        && remote.addresses.iter().all(|address| !then.contains(address));
    (disjoint && !crate::judge::state::follows(case)).then(|| {
        Fit::now(vec![evidence(
            seen,
            "seeds",
            format!("{}, {whence}: {}", remote.addresses.join(","), then.join(",")),
        )])
    })
}
