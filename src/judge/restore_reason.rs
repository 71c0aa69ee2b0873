//! Why a restore failed, as far as Elasticsearch tells, and who can remove the reason.
//!
//! Owns no cause: what it finds stands beside the evidence of `restore_failed`. A reason rests on
//! the name of a decider, of an exception's class, or on the lease that is seen on the leader.

use crate::domain::verdict::Evidence;
use crate::judge::case::{Case, evidence, newest};

/// Attempts after which the allocator gives a shard up (`index.allocation.max_retries`).
const ATTEMPTS: i64 = 5;

/// The reasons that can be named, each with who removes it.
pub(super) fn reasons(case: &Case<'_>) -> Vec<Evidence> {
    let mut found = Vec::new();
    if let Some(lease) = live_lease(case) {
        found.push(lease);
    }
    let Some((seen, explain)) = case.fresh(&case.facts.follower.explain) else {
        return found;
    };
    let details = explain.unassigned_details.as_deref().unwrap_or_default();
    let mut told = |field: &str, value: String| found.push(evidence(seen, field.to_owned(), value));
    if details.contains("RetentionLeaseInvalidRetainingSeqNoException") {
        told(
            "unassigned_info.details",
            "live_lease: the follower's old retention lease stood on the leader (RetentionLeaseInvalidRetainingSeqNoException); refollow removes it before it follows again".to_owned(),
        );
    }
    if details.contains("TranslogCorruptedException") {
        told(
            "unassigned_info.details",
            "store_unusable: the emptied shard cannot be opened (TranslogCorruptedException), as 7.x leaves it; a copy into the same index fails again, a new index does not".to_owned(),
        );
    }
    for (decider, why) in &explain.refusing_deciders {
        let (name, who) = match decider.as_str() {
            "restore_in_progress" => continue,
            "disk_threshold" => (
                "disk",
                "a person makes room under the low watermark of the follower cluster first",
            ),
            "filter" => (
                "allocation_filter",
                "from 7.9 on refollow follows again with the follower's own filters; before that a person removes the filter",
            ),
            "data_tier" => (
                "tier",
                "refollow follows again with a tier that the follower cluster has",
            ),
            "max_retry" => ("attempts", "a new follow begins to count again"),
            "shards_limit" => (
                "shards_per_node",
                "from 7.9 on refollow follows again without the leader's limit",
            ),
            "enable" => ("allocation_disabled", "a person enables allocation first"),
            "ccr_primary_follower" => (
                "remote_client",
                "a person gives a data node the role `remote_cluster_client` first",
            ),
            _ => ("no_node", "a person removes what the decider names"),
        };
        let short: String = why.chars().take(200).collect();
        told(
            "node_allocation_decisions[].deciders[]",
            format!("{name}: no node may take the shard, decider {decider}: {short}; {who}"),
        );
    }
    if explain
        .failed_attempts
        .is_some_and(|attempts| attempts >= ATTEMPTS)
        && !explain
            .refusing_deciders
            .iter()
            .any(|(name, _)| name == "max_retry")
    {
        told(
            "unassigned_info.failed_allocation_attempts",
            format!("attempts: {ATTEMPTS} failed attempts; a new follow begins to count again"),
        );
    }
    found
}

/// The lease that the follower held before its copy still stands on the leader.
fn live_lease(case: &Case<'_>) -> Option<Evidence> {
    let id = case.facts.lease_id()?;
    let (seen, stats) = newest(&case.facts.leader.index)?;
    let (shard, _) = stats.primaries.iter().find(|(_, primary)| {
        primary
            .leases
            .as_ref()
            .is_some_and(|leases| leases.iter().any(|lease| lease.id == id))
    })?;
    Some(evidence(
        seen,
        format!("shards[{shard}].retention_leases.leases[].id"),
        format!(
            "live_lease: {id} stands on the leader, and a follow over it fails; refollow removes it first"
        ),
    ))
}
