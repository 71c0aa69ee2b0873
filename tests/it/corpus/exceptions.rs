//! Exceptions as clusters print them (recordings; reference 2.3).

use serde_json::{Value, json};

/// One of a kind with a reason.
pub fn of(kind: &str, reason: &str) -> Value {
    json!({ "type": kind, "reason": reason })
}

/// Wrapped by others.
pub fn caused(kind: &str, reason: &str, cause: Value) -> Value {
    json!({ "type": kind, "reason": reason, "caused_by": cause })
}

/// The marker of lost history (recording 02).
pub fn history_lost(from: i64, to: i64) -> Value {
    json!({ "type": "resource_not_found_exception",
        "reason": "Operations are no longer available for replicating. Existing retention leases [RetentionLeases{primaryTerm=1, version=3, leases={}}]; maybe increase the retention lease period setting [index.soft_deletes.retention_lease.period]?",
        "requested_operations_missing": [from.to_string(), to.to_string()],
        "caused_by": { "type": "illegal_state_exception", "reason": format!("Not all operations between from_seqno [{from}] and to_seqno [{to}] found; expected seqno [{from}]; found [Index{{seqNo={to}}}]") } })
}

/// The leader is not there (recording 05).
pub fn no_index(leader: &str, uuid: &str) -> Value {
    json!({ "type": "index_not_found_exception", "reason": format!("no such index [{leader}]"), "index_uuid": uuid, "index": leader,
        "resource.type": "index_or_alias", "resource.id": leader })
}

/// A node of the remote went away (recording 37).
pub fn connect() -> Value {
    caused(
        "connect_transport_exception",
        "[][10.0.0.7:9300] connect_exception",
        of(
            "annotated_connect_exception",
            "Connection refused: /10.0.0.7:9300",
        ),
    )
}

/// What a restart of the remote leaves (ES#92522).
pub fn no_connections(alias: &str) -> Value {
    of(
        "illegal_state_exception",
        &format!("Unable to open any connections to remote cluster [{alias}]"),
    )
}

/// Rights taken away on the leader (recording 42).
pub fn unauthorized() -> Value {
    of(
        "security_exception",
        "action [indices:data/read/xpack/ccr/shard_changes] is unauthorized for user [u] with effective roles [r], this action is granted by the index privileges [read,all]",
    )
}

/// The follower's own shard was replaced (reference 2.3, [BulkShard]).
pub fn rewritten() -> Value {
    of(
        "illegal_state_exception",
        "unexpected history uuid, expected [AAAAAAAAAAAAAAAAAAAAAA], actual [BBBBBBBBBBBBBBBBBBBBBB], shard is likely restored from snapshot or force allocated",
    )
}

/// The leader index is closed (recording 07).
pub fn closed_block(leader: &str, uuid: &str) -> Value {
    json!({ "type": "cluster_block_exception", "reason": format!("index [{leader}] blocked by: [FORBIDDEN/4/index closed];"), "index_uuid": uuid, "index": leader })
}

/// One entry of `read_exceptions`.
pub fn read(from: i64, retries: i64, exception: Value) -> Value {
    json!({ "from_seq_no": from, "retries": retries, "exception": exception })
}
