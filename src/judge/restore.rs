//! Causes of a remote recovery: running, stuck, failed, or done with nobody following.

use crate::domain::facts::{ShardRecovery, Sighting};
use crate::domain::time::millis_between;
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, newest, number};
use crate::judge::restore_reason;

/// A remote recovery that has moved no byte for so long is stuck (contract).
const STUCK_MILLIS: i64 = 15 * 60_000;

/// `restoring`.
///
/// Reads: `/<f>/_recovery` (type SNAPSHOT from `_ccr_<alias>`, primary, stage not DONE); else the
/// routing table (primary INITIALIZING from SNAPSHOT); else a yellow index with fewer active
/// primaries than shards that `_ccr/info` calls paused.
/// Seen on: 7.7.0, 8.10.4 (20). Wrong when: it ended since.
pub(super) fn restoring(case: &Case<'_>) -> Option<Fit> {
    case.restoring().map(|found| Fit::now(vec![found]))
}

/// `restore_stuck`.
///
/// Reads: `_recovery` of the same shard at two looks 15 minutes apart with the same bytes, and at
/// every look between them. One look never proves it.
/// Seen on: derived. Wrong when: one file is verified or the translog is written for so long.
pub(super) fn stuck(case: &Case<'_>) -> Option<Fit> {
    let looks: Vec<(&Sighting<Vec<ShardRecovery>>, &Vec<ShardRecovery>)> = case
        .facts
        .follower
        .recovery
        .0
        .iter()
        .filter_map(|seen| Some((seen, seen.value.present()?)))
        .collect();
    let (now_seen, now) = looks.last()?;
    newest(&case.facts.follower.recovery)?;
    for one in now.iter().filter(|one| one.runs_from_remote()) {
        let Some(bytes) = one.recovered_bytes else {
            continue;
        };
        let same = |list: &[ShardRecovery]| {
            list.iter().any(|old| {
                old.shard == one.shard
                    && old.runs_from_remote()
                    && old.recovered_bytes == Some(bytes)
                    && old.started_at == one.started_at
            })
        };
        let Some((since, _)) = looks.iter().rev().take_while(|(_, list)| same(list)).last() else {
            continue;
        };
        if millis_between(since.at, now_seen.at) >= STUCK_MILLIS {
            let field = format!(
                "{}.shards[{}].index.size.recovered_in_bytes",
                case.facts.key.index, one.shard
            );
            let value = format!("{bytes} of {}", number(one.total_bytes));
            return Some(Fit::now(vec![
                evidence(now_seen, field.clone(), &value),
                evidence(since, field, &value),
            ]));
        }
    }
    None
}

/// What shows that an unallocated primary comes from a failed restore: the decider
/// `restore_in_progress`, a snapshot recovery source, or our own journal; never red alone.
pub(super) fn shows_failed_restore(case: &Case<'_>) -> Option<Evidence> {
    if let Some((seen, explain)) = case.fresh(&case.facts.follower.explain)
        && explain.primary != Some(false)
        && explain
            .current_state
            .as_deref()
            .is_none_or(|state| state.eq_ignore_ascii_case("unassigned"))
        && let Some((name, why)) = explain
            .refusing_deciders
            .iter()
            .find(|(name, _)| name == "restore_in_progress")
    {
        return Some(evidence(
            seen,
            "node_allocation_decisions[].deciders[].decider",
            format!("{name}: {why}"),
        ));
    }
    if let Some((seen, routing)) = case.fresh(&case.facts.follower.routing)
        && let Some((shard, _)) = routing.iter().find(|(_, primary)| {
            primary.state == "UNASSIGNED" && primary.recovery_source.as_deref() == Some("SNAPSHOT")
        })
    {
        return Some(evidence(
            seen,
            format!(
                "routing_table.indices.{}.shards.{shard}[primary].recovery_source.type",
                case.facts.key.index
            ),
            "SNAPSHOT",
        ));
    }
    if case.own_follow_unfinished()
        && let Some(run) = &case.memory.own_run
    {
        return Some(Evidence {
            field: "remembered.own_run".to_owned(),
            value: format!("run {} sent the follow", run.id),
            call: format!("{}: journal", case.facts.key.cluster),
            at: run.at,
        });
    }
    None
}

/// `restore_failed`.
///
/// Reads: red (health or routing) and one of the marks of `shows_failed_restore`.
/// Seen on: 7.7.0, 8.10.4 (03, 04, 36). After a node restart the recovery source is the existing
/// store again and `_recovery` is `{}` (36), so the decider or the journal is needed there. Never
/// while `_ccr/info` says active: the resume comes only after the restore.
/// Wrong when: somebody restored an ordinary snapshot over the follower.
pub(super) fn failed(case: &Case<'_>) -> Option<Fit> {
    // A follower whose restore failed was never resumed: a task that counts says otherwise.
    if case.known_closed().is_some() || case.restoring().is_some() || case.active() || case.stats().is_some()
    {
        return None;
    }
    let red = case.red()?;
    let mark = shows_failed_restore(case)?;
    let mut found = vec![red, mark];
    found.extend(restore_reason::reasons(case));
    Some(Fit::now(found))
}

/// `restored_not_following`.
///
/// Reads: our journal (we sent the follow, and it was not seen following since), `_ccr/info`
/// paused, every primary started (`_recovery` DONE, routing, or health).
/// Seen on: 8.10.4 (43), reference 3.4. A DONE recovery stands on every healthy follower too, so
/// without our own journal it is `paused`. Wrong when: somebody paused it in the same moment.
pub(super) fn not_following(case: &Case<'_>) -> Option<Fit> {
    let seen = case.paused()?;
    if !case.own_follow_unfinished()
        || case.restoring().is_some()
        || case.known_closed().is_some()
        || !case.all_primaries_started()
    {
        return None;
    }
    let run = case.memory.own_run.as_ref()?;
    let mut found = vec![
        evidence(seen, "status", "paused"),
        Evidence {
            field: "remembered.own_run".to_owned(),
            value: format!("run {} sent the follow", run.id),
            call: format!("{}: journal", case.facts.key.cluster),
            at: run.at,
        },
    ];
    if let Some((seen, list)) = case.recovery()
        && let Some(one) = list.iter().find(|one| one.primary)
    {
        found.push(evidence(
            seen,
            format!("{}.shards[{}].stage", case.facts.key.index, one.shard),
            &one.stage,
        ));
    }
    Some(Fit::now(found))
}
