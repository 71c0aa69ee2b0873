//! Causes between the clusters: alias unknown, remote unreachable, licence, credentials, load.

use crate::domain::facts::{Exception, License, LookError, Refusal, Series, Sighting};
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, gone, newest, of_error};

/// What an exception of a follower's task says about the way to the leader.
fn find<'e>(exception: &'e Exception, kinds: &[&str]) -> Option<&'e Exception> {
    exception.chain().find(|one| kinds.contains(&one.kind.as_str()))
}

/// Fatal exceptions and rising read exceptions of one of these kinds.
fn present_exceptions(case: &Case<'_>, kinds: &[&str]) -> Vec<Evidence> {
    let mut found: Vec<Evidence> = case
        .fatal()
        .filter_map(|(seen, shard, exception)| {
            let one = find(exception, kinds)?;
            Some(evidence(
                seen,
                format!("shards[{shard}].fatal_exception.type"),
                format!("{}: {}", one.kind, one.reason),
            ))
        })
        .collect();
    found.extend(rising_exceptions(case, kinds));
    found
}

fn rising_exceptions(case: &Case<'_>, kinds: &[&str]) -> Vec<Evidence> {
    case.rising()
        .into_iter()
        .filter_map(|rising| {
            let one = find(&rising.read.exception, kinds)?;
            Some(evidence(
                rising.seen,
                format!(
                    "shards[{}].read_exceptions[{}].exception.type",
                    rising.shard, rising.entry
                ),
                format!(
                    "{}: {} (retries {} after {})",
                    one.kind,
                    one.reason,
                    rising.read.retries.unwrap_or_default(),
                    rising.before
                ),
            ))
        })
        .collect()
}

const NO_SUCH_REMOTE: &[&str] = &["no_such_remote_cluster_exception"];

/// `remote_not_configured`.
///
/// Reads: `_remote/info` without the alias; `no_such_remote_cluster_exception` in a fatal or
/// rising read exception or in a refused resume while `_remote/info` does not show the alias.
/// Seen on: 7.7.0, 8.10.4 (10). Wrong when: the alias was put back since.
pub(super) fn not_configured(case: &Case<'_>) -> Option<Fit> {
    let remote = &case.facts.follower.remote;
    if newest(remote).is_some() {
        return None;
    }
    let mut found = present_exceptions(case, NO_SUCH_REMOTE);
    if let Some((seen, refusal)) = case.refused_resume()
        && find(&refusal.exception, NO_SUCH_REMOTE).is_some()
    {
        found.push(evidence(seen, "error.type", "no_such_remote_cluster_exception"));
    }
    if let Some(seen) = gone(remote) {
        let alias = case
            .facts
            .remote
            .as_ref()
            .map_or_else(|| "?".to_owned(), ToString::to_string);
        found.insert(0, evidence(seen, alias, "(missing)"));
    }
    (!found.is_empty()).then(|| Fit::now(found))
}

/// The alias is missing and a second sign agrees: `{}` alone may be a mangled answer.
pub(super) fn not_configured_is_confirmed(case: &Case<'_>) -> bool {
    let any_entry = case.shards().any(|(_, shard)| {
        shard
            .fatal_exception
            .present()
            .is_some_and(|one| find(one, NO_SUCH_REMOTE).is_some())
            || shard.read_exceptions.present().is_some_and(|reads| {
                reads
                    .iter()
                    .any(|read| find(&read.exception, NO_SUCH_REMOTE).is_some())
            })
    });
    any_entry
        || case
            .refused_resume()
            .is_some_and(|(_, refusal)| find(&refusal.exception, NO_SUCH_REMOTE).is_some())
}

const CONNECT: &[&str] = &[
    "connect_transport_exception",
    "no_seed_node_left_exception",
    "node_disconnected_exception",
    "node_not_connected_exception",
    "connect_exception",
    "no_seed_node_left",
    "receive_timeout_transport_exception",
    "node_closed_exception",
    "connection_closed_exception",
];

/// The fatal exception that a restart of the remote leaves (ES#92522). Its type is shared with
/// others, so the text is the only mark.
pub(super) fn no_connection_left(exception: &Exception) -> Option<&Exception> {
    exception.chain().find(|one| {
        CONNECT.contains(&one.kind.as_str())
            || (one.kind == "illegal_state_exception"
                && one
                    .reason
                    .starts_with("Unable to open any connections to remote cluster"))
    })
}

/// `remote_unreachable`.
///
/// Reads: `connected: false` in `_remote/info`; connect errors in read exceptions whose retries
/// rise; a fatal exception of a connection (after a restart of the remote: then it no longer
/// needs to be true now, and does not outrank lost history).
/// Noticed within: one look (17 s) where `_remote/info` tells, else two (34 s).
/// Seen on: 7.7.0, 8.10.4 (37: never fatal there); fatal from reference 2.3.
/// Wrong when: `connected: false` of an idle alias; the text changes.
pub(super) fn unreachable(case: &Case<'_>) -> Option<Fit> {
    let mut found = Vec::new();
    let remote = newest(&case.facts.follower.remote);
    if let Some((seen, info)) = remote
        && info.connected == Some(false)
    {
        let alias = case
            .facts
            .remote
            .as_ref()
            .map_or_else(|| "?".to_owned(), ToString::to_string);
        found.push(evidence(seen, format!("{alias}.connected"), "false"));
    }
    found.extend(rising_exceptions(case, CONNECT));
    if !found.is_empty() {
        return Some(Fit::now(found));
    }
    let past: Vec<Evidence> = case
        .fatal()
        .filter_map(|(seen, shard, exception)| {
            let one = no_connection_left(exception)?;
            Some(evidence(
                seen,
                format!("shards[{shard}].fatal_exception.reason"),
                format!("{}: {}", one.kind, one.reason),
            ))
        })
        .collect();
    if past.is_empty() {
        return None;
    }
    // Connected again, or not known: the exception is what is left of it.
    Some(Fit::past(past))
}

fn is_license(exception: &Exception) -> bool {
    exception.chain().any(|one| {
        one.license_feature.as_deref() == Some("ccr")
            || (one.kind == "security_exception"
                && one
                    .reason
                    .starts_with("current license is non-compliant for [ccr]"))
    })
}

fn bad_license(series: &Series<License>) -> Option<Evidence> {
    let (seen, license) = newest(series)?;
    let allows = matches!(
        license.kind.as_str(),
        "trial" | "platinum" | "enterprise" | "internal"
    );
    if !allows {
        return Some(evidence(seen, "license.type", &license.kind));
    }
    (!matches!(license.status.as_str(), "active" | "valid"))
        .then(|| evidence(seen, "license.status", &license.status))
}

/// A refusal that speaks of the licence of the remote (`status_exception`; text only).
fn refused_for_license(refused: Option<(&Sighting<Refusal>, &Refusal)>) -> Option<Evidence> {
    let (seen, refusal) = refused?;
    (is_license(&refusal.exception)
        || refusal
            .exception
            .chain()
            .any(|one| one.reason.contains("is not licensed for [ccr]")))
    .then(|| evidence(seen, "error.reason", &refusal.exception.reason))
}

/// `license`.
///
/// Reads: `_license` of both clusters (type trial, platinum or enterprise; status active);
/// `license.expired.feature: ccr` of any refused look or resume, else the text "current license
/// is non-compliant for [ccr]"; the same in a fatal or rising read exception of a task.
/// Seen on: 8.10.4 (51: `_ccr/stats` answers 403, `_ccr/info` works, replication goes on).
/// Wrong when: the licence was renewed since.
pub(super) fn license(case: &Case<'_>) -> Option<Fit> {
    let mut found: Vec<Evidence> = [
        bad_license(&case.facts.follower.license),
        bad_license(&case.facts.leader.license),
    ]
    .into_iter()
    .flatten()
    .collect();
    found.extend(
        case.errors()
            .filter(|error| is_license(&error.exception))
            .map(of_error),
    );
    let renewed = newest(&case.facts.follower.license).is_some() && found.is_empty();
    if !renewed {
        found.extend(refused_for_license(case.refused_resume()));
        found.extend(refused_for_license(newest(&case.facts.follower.follow)));
    }
    if !found.is_empty() {
        return Some(Fit::now(found));
    }
    // What a task met may have been renewed since: it does not outrank lost history.
    let met = license_of_tasks(case);
    (!met.is_empty()).then(|| Fit::past(met))
}

/// Fatal and rising read exceptions of the follow tasks that speak of the licence.
fn license_of_tasks(case: &Case<'_>) -> Vec<Evidence> {
    let of_fatal = case
        .fatal()
        .filter(|(_, _, exception)| is_license(exception))
        .map(|(seen, shard, exception)| {
            evidence(
                seen,
                format!("shards[{shard}].fatal_exception.type"),
                format!("{}: {}", exception.kind, exception.reason),
            )
        });
    let of_reads = case
        .rising()
        .into_iter()
        .filter(|rising| is_license(&rising.read.exception))
        .map(|rising| {
            let (shard, entry) = (rising.shard, rising.entry);
            evidence(
                rising.seen,
                format!("shards[{shard}].read_exceptions[{entry}].exception.type"),
                format!("{}: {}", rising.read.exception.kind, rising.read.exception.reason),
            )
        });
    of_fatal.chain(of_reads).collect()
}

fn is_security(exception: &Exception) -> Option<&Exception> {
    exception
        .chain()
        .find(|one| {
            matches!(
                one.kind.as_str(),
                "security_exception" | "authentication_exception"
            )
        })
        .filter(|_| !is_license(exception))
}

/// `credentials`.
///
/// Reads: `security_exception` in fatal or rising read exceptions (the rights the task keeps), or
/// in a refused resume. A look of ours that is refused makes facts unknown instead.
/// Seen on: 8.10.4 (42, 43). Wrong when: the role was repaired between the two looks.
pub(super) fn credentials(case: &Case<'_>) -> Option<Fit> {
    let mut found: Vec<Evidence> = case
        .fatal()
        .filter_map(|(seen, shard, exception)| {
            let one = is_security(exception)?;
            Some(evidence(
                seen,
                format!("shards[{shard}].fatal_exception.type"),
                format!("{}: {}", one.kind, one.reason),
            ))
        })
        .collect();
    found.extend(case.rising().into_iter().filter_map(|rising| {
        let one = is_security(&rising.read.exception)?;
        Some(evidence(
            rising.seen,
            format!(
                "shards[{}].read_exceptions[{}].exception.type",
                rising.shard, rising.entry
            ),
            format!("{}: {}", one.kind, one.reason),
        ))
    }));
    if let Some((seen, refusal)) = case.refused_resume()
        && is_security(&refusal.exception).is_some()
    {
        found.push(evidence(seen, "error.type", "security_exception"));
    }
    (!found.is_empty()).then(|| Fit::now(found))
}

/// Kinds of exceptions of a cluster that has too much to do.
pub(super) const LOAD: &[&str] = &[
    "circuit_breaking_exception",
    "es_rejected_execution_exception",
    "rejected_execution_exception",
];

/// `overloaded`.
///
/// Reads: `circuit_breaking_exception`, `es_rejected_execution_exception` in fatal or rising read
/// exceptions, or as the answer (429) to a look.
/// Seen on: derived (reference 2.2, 2.3). Wrong when: it passed since.
pub(super) fn overloaded(case: &Case<'_>) -> Option<Fit> {
    let mut found = present_exceptions(case, LOAD);
    found.extend(case.errors().filter(|error| is_load(error)).map(of_error));
    (!found.is_empty()).then(|| Fit::now(found))
}

fn is_load(error: &LookError) -> bool {
    error.status == 429 && find(&error.exception, LOAD).is_some()
}
