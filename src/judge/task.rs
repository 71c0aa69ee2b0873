//! Causes that the follow tasks report themselves: lost history, rejected changes, diverged
//! settings, a rewritten follower shard, and what no other rule knows.

use crate::domain::facts::Exception;
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence};
use crate::judge::remote::no_connection_left;
use crate::judge::rewound::says_other_history;
use crate::judge::state::stalled_shard;

/// The level of a chain that carries `requested_operations_missing`.
fn lost(exception: &Exception) -> Option<&Exception> {
    exception
        .chain()
        .find(|one| one.requested_operations_missing.is_some())
}

/// `history_lost`.
///
/// Reads: `requested_operations_missing` anywhere in the chain of a shard's `fatal_exception`, or
/// of a read exception whose retries rose between two looks (`_ccr/stats`); never a text.
/// Seen on: 7.7.0, 8.10.4 (02; 50 on one shard of three). Lag shows 0 in the statistics.
/// Wrong when: the leader is another index now, which the identity of the ladder guards.
pub(super) fn history_lost(case: &Case<'_>) -> Option<Fit> {
    let mut found: Vec<Evidence> = case
        .fatal()
        .filter_map(|(seen, shard, exception)| {
            let (first, last) = lost(exception)?.requested_operations_missing?;
            Some(evidence(
                seen,
                format!("shards[{shard}].fatal_exception.requested_operations_missing"),
                format!("[\"{first}\",\"{last}\"]"),
            ))
        })
        .collect();
    found.extend(case.rising().into_iter().filter_map(|rising| {
        let (first, last) = lost(&rising.read.exception)?.requested_operations_missing?;
        Some(evidence(
            rising.seen,
            format!(
                "shards[{}].read_exceptions[{}].exception.requested_operations_missing",
                rising.shard, rising.entry
            ),
            format!("[\"{first}\",\"{last}\"]"),
        ))
    }));
    (!found.is_empty()).then(|| Fit::now(found))
}

/// Types of exceptions that applying a leader's mapping, settings or aliases throws.
const CHANGE_KINDS: &[&str] = &[
    "mapper_parsing_exception",
    "mapper_exception",
    "merge_mapping_exception",
    "strict_dynamic_mapping_exception",
    "document_parsing_exception",
    "type_missing_exception",
    "settings_exception",
    "invalid_alias_name_exception",
    "alias_filter_parsing_exception",
    "no_such_file_exception",
    "unknown_setting_exception",
    "invalid_index_template_exception",
    "access_denied_exception",
];

/// A level of the chain that a change of mapping, settings or aliases would throw.
///
/// `illegal_argument_exception` is what mapper merges, settings and analysis throw; the
/// follow task's own reads and writes throw `illegal_state_exception`,
/// `resource_not_found_exception` and transport exceptions instead (reference 2.2, 2.3).
fn rejected_change(exception: &Exception) -> Option<&Exception> {
    exception
        .chain()
        .find(|one| CHANGE_KINDS.contains(&one.kind.as_str()))
        .or_else(|| {
            exception
                .chain()
                .find(|one| one.kind == "illegal_argument_exception")
        })
}

/// `leader_change_rejected`.
///
/// Reads: the chain of a `fatal_exception` for types that mapping, settings and alias updates
/// throw. Seen on: 7.7.0, 8.10.4 (34: type `exception`, the real cause one and two levels down).
/// Wrong when: another part of a task throws an `illegal_argument_exception`.
pub(super) fn change_rejected(case: &Case<'_>) -> Option<Fit> {
    let found: Vec<Evidence> = case
        .fatal()
        .filter(|(_, _, exception)| is_other_known(exception).is_none())
        .filter_map(|(seen, shard, exception)| {
            let one = rejected_change(exception)?;
            Some(evidence(
                seen,
                format!("shards[{shard}].fatal_exception…type"),
                format!("{}: {}", one.kind, one.reason),
            ))
        })
        .collect();
    (!found.is_empty()).then(|| Fit::now(found))
}

/// `settings_diverged`.
///
/// Reads: a refused `resume_follow`: "the leader index settings […] and follower index settings
/// […] must be identical" (type `illegal_argument_exception`, shared with every refusal, so the
/// text is the only mark). Seen on: 7.7.0, 8.10.4 (34). Wrong when: right after a restore (a known
/// race, ES#145304); the resume is tried again before anything bolder.
pub(super) fn settings_diverged(case: &Case<'_>) -> Option<Fit> {
    let (seen, refusal) = case.refused_resume()?;
    (refusal.exception.kind == "illegal_argument_exception"
        && refusal.exception.reason.starts_with("the leader index setting")
        && refusal.exception.reason.ends_with("must be identical"))
    .then(|| Fit::now(vec![evidence(seen, "error.reason", &refusal.exception.reason)]))
}

/// `follower_rewritten`.
///
/// Reads: fatal `illegal_state_exception` "unexpected history uuid, …, shard is likely restored
/// from snapshot or force allocated" (thrown where the *follower's* shard is written; the suffix
/// is the only mark). Seen on: reference 2.3. Wrong when: the text changes.
pub(super) fn rewritten(case: &Case<'_>) -> Option<Fit> {
    let found: Vec<Evidence> = case
        .fatal()
        .filter_map(|(seen, shard, exception)| {
            let (one, of_follower) = says_other_history(exception)?;
            of_follower.then(|| {
                evidence(
                    seen,
                    format!("shards[{shard}].fatal_exception.reason"),
                    &one.reason,
                )
            })
        })
        .collect();
    (!found.is_empty()).then(|| Fit::now(found))
}

/// Marks of causes that other rules know, so that a fatal exception is not called unclassified
/// (or a rejected change) beside them.
fn is_other_known(exception: &Exception) -> Option<&Exception> {
    lost(exception)
        .or_else(|| says_other_history(exception).map(|(one, _)| one))
        .or_else(|| no_connection_left(exception))
        .or_else(|| {
            exception.chain().find(|one| {
                matches!(
                    one.kind.as_str(),
                    "security_exception"
                        | "no_such_remote_cluster_exception"
                        | "circuit_breaking_exception"
                        | "es_rejected_execution_exception"
                        | "index_not_found_exception"
                        | "index_closed_exception"
                )
            })
        })
}

/// `unclassified`.
///
/// Reads: a `fatal_exception` that no other rule explains, or one that cannot be read. Beside a
/// cause that explains fatal exceptions (`explained`) only those of no known kind count: another
/// shard may have its own trouble.
/// Seen on: 7.7.0, 8.10.4 (05, 06 without a look at the leader). Wrong when: never bold.
pub(super) fn unclassified(case: &Case<'_>, explained: bool) -> Option<Fit> {
    let mut found: Vec<Evidence> = case
        .fatal()
        .filter(|(_, _, exception)| {
            !explained || (is_other_known(exception).is_none() && rejected_change(exception).is_none())
        })
        .map(|(seen, shard, exception)| {
            evidence(
                seen,
                format!("shards[{shard}].fatal_exception.type"),
                format!("{}: {}", exception.kind, exception.reason),
            )
        })
        .collect();
    if let Some((seen, shard)) = case.unreadable_fatal() {
        found.push(evidence(
            seen,
            format!("shards[{shard}].fatal_exception"),
            "(not an exception)",
        ));
    }
    (!found.is_empty()).then(|| Fit::now(found))
}

/// A fatal exception names a missing index, which does not tell a deleted leader from a replaced
/// one (recordings 05 and 06).
pub(super) fn leader_may_be_gone(case: &Case<'_>) -> bool {
    case.fatal().any(|(_, _, exception)| {
        exception
            .chain()
            .any(|one| one.kind == "index_not_found_exception")
    })
}

/// `stalled`.
///
/// Reads: `time_since_last_read_millis` beyond three poll timeouts without an exception, or
/// failed writes that rise with none succeeding while no block is seen.
/// Noticed within: three poll timeouts and one look (197 s).
/// Seen on: reference 2.1. Wrong when: the node's clock jumped.
pub(super) fn stalled(case: &Case<'_>) -> Option<Fit> {
    if let Some((seen, shard, idle)) = stalled_shard(case) {
        return Some(Fit::now(vec![evidence(
            seen,
            format!("shards[{shard}].time_since_last_read_millis"),
            idle.to_string(),
        )]));
    }
    let (seen, shard) = case.writes_failing()?;
    Some(Fit::now(vec![evidence(
        seen,
        format!("shards[{shard}].failed_write_requests"),
        "rising, and no write succeeds",
    )]))
}
