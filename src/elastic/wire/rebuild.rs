//! Lists made anew from what was read of them. The raw answer about all followers of a cluster is
//! half a megabyte; of a follower that is well it is not kept, and its evidence file shows what
//! was read of it in the answer's form. Reading that gives the same facts again (the tests hold
//! that). What nobody reads is lost, and with it whose rights a follow task has.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::path::{self, Kind};
use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::facts::{
    Count, Exception, Facts, FollowInfo, FollowStats, FollowStatus, FollowTask, IndexMeta, IndexSettings,
    IndexStats, Routing, Series, ShardStats,
};
use crate::domain::ids::{ClusterName, HistoryUuid, IndexName};
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;

/// Bodies up to this length, in bytes, are kept as they came.
const SMALL: usize = 4096;

/// Whether an answer is a long list whose part about one follower [`rebuilt`] can give again.
pub fn is_long_list(answer: &Answer) -> bool {
    let long = matches!(&answer.outcome, Outcome::Got { status: 200..=299, body } if body.len() > SMALL);
    long && matches!(
        path::read(&answer.call.method, &answer.call.path).kind,
        Kind::Stats | Kind::Info | Kind::State { .. } | Kind::Settings | Kind::IndexStats | Kind::Aliases
    )
}

/// What one answer said of one follower.
#[derive(Default)]
struct Part<'a> {
    stats: Option<&'a FollowStats>,
    info: Option<&'a FollowInfo>,
    index: Option<&'a IndexStats>,
    meta: Option<&'a IndexMeta>,
    routing: Option<&'a Routing>,
    tasks: Option<&'a [FollowTask]>,
    settings: Option<&'a IndexSettings>,
    aliases: Option<&'a BTreeMap<String, String>>,
    /// Something of it could not be read: left out of a list it would pass for absent.
    unreadable: bool,
}

type Parts<'a> = BTreeMap<(Timestamp, &'a ClusterName, &'a Call), Part<'a>>;

/// The lists that facts rest on, as far as they came by `until` and are not among the answers that
/// were kept; each with what was read of this follower or of its leader. A list whose entry could
/// not be read is left out.
pub fn rebuilt<'a>(
    facts: &'a Facts,
    until: Timestamp,
    is_kept: impl Fn(Timestamp, &ClusterName, &Call) -> bool,
) -> Vec<Answer> {
    let mut parts: Parts<'a> = BTreeMap::new();
    let (here, there) = (&facts.follower, &facts.leader);
    collect(&mut parts, &here.stats, |part, value| part.stats = value);
    collect(&mut parts, &here.info, |part, value| part.info = value);
    collect(&mut parts, &here.index, |part, value| part.index = value);
    collect(&mut parts, &here.meta, |part, value| part.meta = value);
    collect(&mut parts, &here.routing, |part, value| part.routing = value);
    collect(&mut parts, &here.tasks, |part, value| {
        part.tasks = value.map(Vec::as_slice);
    });
    collect(&mut parts, &here.settings, |part, value| part.settings = value);
    collect(&mut parts, &here.aliases, |part, value| part.aliases = value);
    collect(&mut parts, &there.index, |part, value| part.index = value);
    collect(&mut parts, &there.meta, |part, value| part.meta = value);
    collect(&mut parts, &there.settings, |part, value| part.settings = value);
    parts
        .into_iter()
        .filter(|((at, cluster, call), part)| {
            *at <= until && !part.unreadable && !is_kept(*at, cluster, call)
        })
        .filter_map(|((at, cluster, call), part)| {
            let name = if *cluster == facts.key.cluster {
                Some(&facts.key.index)
            } else {
                facts.leader_index.as_ref()
            };
            let body = body(call, name?, &part)?;
            Some(Answer {
                at,
                cluster: cluster.clone(),
                call: call.clone(),
                outcome: Outcome::Got {
                    status: 200,
                    body: Bytes::from(body.to_string()),
                },
            })
        })
        .collect()
}

fn collect<'a, T>(parts: &mut Parts<'a>, series: &'a Series<T>, set: impl Fn(&mut Part<'a>, Option<&'a T>)) {
    for seen in &series.0 {
        let part = parts.entry((seen.at, &seen.cluster, &seen.call)).or_default();
        part.unreadable |= seen.value.is_unknown();
        set(part, seen.value.present());
    }
}

fn body(call: &Call, name: &IndexName, part: &Part<'_>) -> Option<Value> {
    let name = name.as_str();
    let one = |value: Option<Value>| -> Map<String, Value> {
        value.map(|value| (name.to_owned(), value)).into_iter().collect()
    };
    Some(match path::read(&call.method, &call.path).kind {
        Kind::Stats => {
            let list: Vec<Value> = part
                .stats
                .map(|stats| follow_stats(name, stats))
                .into_iter()
                .collect();
            json!({"follow_stats": {"indices": list}})
        }
        Kind::Info => {
            let list: Vec<Value> = part
                .info
                .map(|info| follow_info(name, info))
                .into_iter()
                .collect();
            json!({"follower_indices": list})
        }
        Kind::IndexStats => json!({"indices": one(part.index.map(index_stats))}),
        Kind::Settings => Value::Object(one(part.settings.map(|settings| json!({"settings": settings})))),
        Kind::Aliases => Value::Object(one(part.aliases.map(|aliases| {
            let defined: Map<String, Value> = aliases
                .iter()
                .map(|(alias, text)| (alias.clone(), serde_json::from_str(text).unwrap_or(Value::Null)))
                .collect();
            json!({"aliases": defined})
        }))),
        Kind::State { metadata, routing } => {
            let mut state = Map::new();
            if metadata {
                let mut shown = Map::new();
                if part.meta.is_some() || part.tasks.is_none() {
                    shown.insert(
                        "indices".to_owned(),
                        Value::Object(one(part.meta.map(index_meta))),
                    );
                }
                if let Some(tasks) = part.tasks {
                    let tasks: Vec<Value> = tasks.iter().map(|task| follow_task(name, task)).collect();
                    shown.insert("persistent_tasks".to_owned(), json!({"tasks": tasks}));
                }
                state.insert("metadata".to_owned(), Value::Object(shown));
            }
            if routing {
                let indices = one(part.routing.map(routing_table));
                state.insert("routing_table".to_owned(), json!({"indices": indices}));
            }
            Value::Object(state)
        }
        _ => return None,
    })
}

/// An object of those fields that are there.
fn fields<const N: usize>(list: [(&str, Option<Value>); N]) -> Map<String, Value> {
    list.into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

fn some<T: ToString>(value: Option<&T>) -> Option<Value> {
    value.map(|value| Value::String(value.to_string()))
}

fn follow_stats(name: &str, stats: &FollowStats) -> Value {
    let unreadable = std::iter::repeat_n(Value::Null, stats.malformed as usize);
    let shards: Vec<Value> = stats.shards.values().map(shard).chain(unreadable).collect();
    Value::Object(fields([
        ("index", Some(json!(name))),
        (
            "total_global_checkpoint_lag",
            stats.total_global_checkpoint_lag.map(Value::from),
        ),
        ("shards", Some(Value::Array(shards))),
    ]))
}

fn shard(shard: &ShardStats) -> Value {
    let count = |number: Count| number.get().map(Value::from);
    let mut found = fields([
        ("shard_id", Some(json!(shard.shard))),
        ("remote_cluster", some(shard.remote.as_ref())),
        ("leader_index", some(shard.leader_index.as_ref())),
        ("leader_global_checkpoint", count(shard.leader_global_checkpoint)),
        ("leader_max_seq_no", count(shard.leader_max_seq_no)),
        (
            "follower_global_checkpoint",
            count(shard.follower_global_checkpoint),
        ),
        ("follower_max_seq_no", count(shard.follower_max_seq_no)),
        ("last_requested_seq_no", count(shard.last_requested_seq_no)),
        (
            "outstanding_read_requests",
            count(shard.outstanding_read_requests),
        ),
        (
            "outstanding_write_requests",
            count(shard.outstanding_write_requests),
        ),
        (
            "write_buffer_operation_count",
            count(shard.write_buffer_operation_count),
        ),
        (
            "write_buffer_size_in_bytes",
            count(shard.write_buffer_size_in_bytes),
        ),
        ("follower_mapping_version", count(shard.follower_mapping_version)),
        (
            "follower_settings_version",
            count(shard.follower_settings_version),
        ),
        ("follower_aliases_version", count(shard.follower_aliases_version)),
        ("total_read_time_millis", count(shard.total_read_time_millis)),
        (
            "total_read_remote_exec_time_millis",
            count(shard.total_read_remote_exec_time_millis),
        ),
        ("successful_read_requests", count(shard.successful_read_requests)),
        ("failed_read_requests", count(shard.failed_read_requests)),
        ("operations_read", count(shard.operations_read)),
        ("bytes_read", count(shard.bytes_read)),
        ("total_write_time_millis", count(shard.total_write_time_millis)),
        (
            "successful_write_requests",
            count(shard.successful_write_requests),
        ),
        ("failed_write_requests", count(shard.failed_write_requests)),
        ("operations_written", count(shard.operations_written)),
        (
            "time_since_last_read_millis",
            count(shard.time_since_last_read_millis),
        ),
    ]);
    if let Seen::Present(entries) = &shard.read_exceptions {
        let entries: Vec<Value> = entries
            .iter()
            .map(|entry| {
                Value::Object(fields([
                    ("from_seq_no", entry.from_seq_no.map(Value::from)),
                    ("retries", entry.retries.map(Value::from)),
                    ("exception", Some(exception(&entry.exception))),
                ]))
            })
            .collect();
        found.insert("read_exceptions".to_owned(), Value::Array(entries));
    }
    match &shard.fatal_exception {
        Seen::Absent => {}
        Seen::Present(fatal) => drop(found.insert("fatal_exception".to_owned(), exception(fatal))),
        Seen::Unknown(_) => drop(found.insert("fatal_exception".to_owned(), Value::Null)),
    }
    Value::Object(found)
}

fn exception(one: &Exception) -> Value {
    let suppressed: Vec<Value> = one.suppressed.iter().map(exception).collect();
    Value::Object(fields([
        ("type", Some(json!(one.kind))),
        ("reason", Some(json!(one.reason))),
        ("index", some(one.index.as_ref())),
        ("index_uuid", some(one.index_uuid.as_ref())),
        (
            "requested_operations_missing",
            one.requested_operations_missing
                .map(|(first, last)| json!([first, last])),
        ),
        ("license.expired.feature", some(one.license_feature.as_ref())),
        ("caused_by", one.caused_by.as_deref().map(exception)),
        (
            "suppressed",
            (!suppressed.is_empty()).then_some(Value::Array(suppressed)),
        ),
    ]))
}

fn follow_info(name: &str, info: &FollowInfo) -> Value {
    let status = match info.status {
        FollowStatus::Active => "active",
        FollowStatus::Paused => "paused",
    };
    Value::Object(fields([
        ("follower_index", Some(json!(name))),
        ("remote_cluster", some(info.remote.as_ref())),
        ("leader_index", some(info.leader_index.as_ref())),
        ("status", Some(json!(status))),
        (
            "parameters",
            info.parameters.as_deref().map(|parameters| json!(parameters)),
        ),
    ]))
}

fn index_stats(stats: &IndexStats) -> Value {
    let shards: Map<String, Value> = stats
        .primaries
        .iter()
        .map(|(number, primary)| {
            let leases = primary.leases.as_ref().map(|leases| {
                let leases: Vec<Value> = leases
                    .iter()
                    .map(|lease| {
                        Value::Object(fields([
                            ("id", Some(json!(lease.id.as_str()))),
                            ("retaining_seq_no", lease.retaining_seq_no.map(Value::from)),
                            (
                                "timestamp",
                                lease.renewed_at.map(|at| Value::from(at.as_millisecond())),
                            ),
                            ("source", some(lease.source.as_ref())),
                        ]))
                    })
                    .collect();
                json!({"leases": leases})
            });
            let copy = fields([
                (
                    "routing",
                    Some(Value::Object(fields([
                        ("primary", Some(Value::Bool(true))),
                        ("state", some(primary.state.as_ref())),
                    ]))),
                ),
                (
                    "commit",
                    primary
                        .history_uuid
                        .as_ref()
                        .map(|uuid| json!({"user_data": {"history_uuid": uuid.as_str()}})),
                ),
                (
                    "seq_no",
                    Some(Value::Object(fields([
                        ("max_seq_no", primary.max_seq_no.map(Value::from)),
                        ("global_checkpoint", primary.global_checkpoint.map(Value::from)),
                    ]))),
                ),
                ("docs", primary.docs.map(|count| json!({"count": count}))),
                (
                    "store",
                    primary.store_bytes.map(|bytes| json!({"size_in_bytes": bytes})),
                ),
                ("retention_leases", leases),
            ]);
            (number.to_string(), json!([copy]))
        })
        .collect();
    Value::Object(fields([
        ("uuid", some(stats.uuid.as_ref())),
        (
            "primaries",
            Some(Value::Object(fields([
                ("docs", stats.docs.map(|count| json!({"count": count}))),
                (
                    "store",
                    stats.store_bytes.map(|bytes| json!({"size_in_bytes": bytes})),
                ),
            ]))),
        ),
        ("shards", Some(Value::Object(shards))),
    ]))
}

fn index_meta(meta: &IndexMeta) -> Value {
    let followed = meta.followed.as_ref().map(|followed| {
        let histories = followed.history_uuids.as_ref().map(|uuids| {
            let uuids: Vec<&str> = uuids.iter().map(HistoryUuid::as_str).collect();
            json!(uuids.join(","))
        });
        Value::Object(fields([
            ("leader_index_uuid", some(followed.leader_index_uuid.as_ref())),
            ("leader_index_name", some(followed.leader_index.as_ref())),
            ("remote_cluster_name", some(followed.remote.as_ref())),
            ("leader_index_shard_history_uuids", histories),
        ]))
    });
    let terms: Map<String, Value> = meta
        .primary_terms
        .iter()
        .map(|(shard, term)| (shard.to_string(), json!(term)))
        .collect();
    let state = meta.open.map(|open| json!(if open { "open" } else { "close" }));
    Value::Object(fields([
        ("state", state),
        ("settings", Some(json!(meta.settings))),
        ("ccr", followed),
        ("primary_terms", Some(Value::Object(terms))),
        ("aliases", Some(json!(meta.aliases))),
        ("routing_num_shards", meta.routing_num_shards.map(Value::from)),
    ]))
}

fn routing_table(routing: &Routing) -> Value {
    let shards: Map<String, Value> = routing
        .iter()
        .map(|(number, primary)| {
            let unassigned = fields([
                ("reason", some(primary.unassigned_reason.as_ref())),
                ("details", some(primary.unassigned_details.as_ref())),
                ("failed_attempts", primary.failed_attempts.map(Value::from)),
            ]);
            let copy = fields([
                ("primary", Some(Value::Bool(true))),
                ("state", some(Some(&primary.state))),
                (
                    "recovery_source",
                    primary.recovery_source.as_ref().map(|kind| json!({"type": kind})),
                ),
                (
                    "unassigned_info",
                    (!unassigned.is_empty()).then_some(Value::Object(unassigned)),
                ),
            ]);
            (number.to_string(), json!([copy]))
        })
        .collect();
    json!({"shards": shards})
}

fn follow_task(name: &str, task: &FollowTask) -> Value {
    let params = fields([
        ("follow_shard_index", Some(json!(name))),
        ("follow_shard_index_uuid", some(task.follower_uuid.as_ref())),
        ("follow_shard_shard", Some(json!(task.shard))),
        ("leader_shard_index_uuid", some(task.leader_uuid.as_ref())),
    ]);
    let assignment = fields([
        ("executor_node", some(task.node.as_ref())),
        ("explanation", some(task.explanation.as_ref())),
    ]);
    json!({
        "task": {"xpack/ccr/shard_follow_task": {"params": params}},
        "assignment": assignment,
    })
}
