//! What is told of shards: `_stats`, `_recovery`, the routing table, allocation, health.

use serde_json::{Map, Value, json};

use super::super::errors::{Answer, Fault};
use super::super::index::Index;
use super::super::pair::{Pair, Side, Version};
use super::super::shard::{Shard, State, Unassigned};
use super::Call;

/// `2026-11-23T10:00:00.000Z`.
pub fn instant(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(
        |_| ms.to_string(),
        |at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
    )
}

/// The version as recoveries and snapshots name it.
pub fn version_text(version: Version) -> &'static str {
    match version {
        Version::V7_7_0 => "7.7.0",
        Version::V8_10_4 => "8100499",
    }
}

/// A shard as exceptions describe it.
pub fn describe(name: &str, index: &Index, shard: &Shard, node: &str) -> String {
    let state = match &shard.state {
        State::Started => "s[STARTED]".to_owned(),
        State::Initializing => format!(
            "recovery_source[snapshot recovery [{}] from _ccr_lead:_latest_/_latest_], s[INITIALIZING], a[id={}], unassigned_info[[reason=EXISTING_INDEX_RESTORED]]",
            index.restore.as_ref().map_or("", |restore| restore.uuid.as_str()),
            shard.allocation_id
        ),
        State::Unassigned(why) => format!(
            "recovery_source[existing store recovery; bootstrap_history_uuid=false], s[UNASSIGNED], unassigned_info[[reason={}], at[{}], failed_attempts[{}], details[{}]]",
            why.reason,
            instant(why.at_ms),
            why.attempts,
            why.details
        ),
    };
    let at = if matches!(shard.state, State::Unassigned(_)) {
        "null"
    } else {
        node
    };
    format!("[{name}][{}], node[{at}], [P], {state}", shard.number)
}

fn unassigned_info(why: &Unassigned, node: &str, version: Version) -> Value {
    let mut info = json!({"reason": why.reason, "at": instant(why.at_ms), "delayed": false,
        "details": why.details, "allocation_status": "deciders_no"});
    if let (Some(object), true) = (info.as_object_mut(), why.attempts > 0) {
        object.insert("failed_attempts".to_owned(), json!(why.attempts));
        object.insert("failed_nodes".to_owned(), json!([node]));
        if version == Version::V8_10_4 {
            object.insert("last_node".to_owned(), json!(node));
        }
    }
    info
}

/// A shard of the routing table in the cluster state.
pub fn routing(pair: &Pair, side: Side, index: &Index, shard: &Shard) -> Value {
    let node = &pair.cluster(side).node;
    let (state, at) = match &shard.state {
        State::Started => ("STARTED", json!(node)),
        State::Initializing => ("INITIALIZING", json!(node)),
        State::Unassigned(_) => ("UNASSIGNED", Value::Null),
    };
    let mut entry = json!({"state": state, "primary": true, "node": at, "relocating_node": null,
        "shard": shard.number, "index": index.name});
    let source = || {
        index.ccr.as_ref().map_or_else(
            || json!({"type": "EXISTING_STORE", "bootstrap_new_history_uuid": false}),
            |ccr| {
                json!({"type": "SNAPSHOT", "repository": format!("_ccr_{}", ccr.alias), "snapshot": "_latest_",
                    "version": version_text(pair.version), "index": ccr.leader,
                    "restoreUUID": index.restore.as_ref().map_or("", |restore| restore.uuid.as_str())})
            },
        )
    };
    if let Some(object) = entry.as_object_mut() {
        match &shard.state {
            State::Started => {
                object.insert("allocation_id".to_owned(), json!({"id": shard.allocation_id}));
            }
            State::Initializing => {
                object.insert("recovery_source".to_owned(), source());
                object.insert("allocation_id".to_owned(), json!({"id": shard.allocation_id}));
            }
            State::Unassigned(why) => {
                object.insert("recovery_source".to_owned(), source());
                object.insert(
                    "unassigned_info".to_owned(),
                    unassigned_info(why, node, pair.version),
                );
            }
        }
        if pair.version == Version::V8_10_4 {
            object.insert(
                "relocation_failure_info".to_owned(),
                json!({"failed_attempts": 0}),
            );
        }
    }
    entry
}

/// `_stats`, of the indices an expression names.
pub fn stats(pair: &Pair, call: &Call, expression: &str, metrics: Option<&str>) -> Answer {
    call.only(&[
        "level",
        "metric",
        "expand_wildcards",
        "ignore_unavailable",
        "allow_no_indices",
        "forbid_closed_indices",
        "include_segment_file_sizes",
        "include_unloaded_segments",
        "completion_fields",
        "fielddata_fields",
        "fields",
        "groups",
        "types",
    ])?;
    let cluster = pair.cluster(call.side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    for name in &names {
        pair.index_right(
            call.side,
            &call.user,
            name,
            &["monitor", "manage"],
            "indices:monitor/stats",
        )?;
    }
    let by_name = |name: &str| expression.split(',').any(|part| part == name);
    let mut total = 0;
    let mut successful = 0;
    let mut shown = Map::new();
    let mut all = (0_u64, 0_u64, 0_u64);
    for index in names.iter().filter_map(|name| cluster.indices.get(name)) {
        if !index.open {
            if by_name(&index.name) {
                return Err(Fault::closed(&index.name, &index.uuid));
            }
            continue;
        }
        total += index.shards.len();
        let started: Vec<&Shard> = index.shards.iter().filter(|shard| shard.started()).collect();
        successful += started.len();
        if started.is_empty() {
            continue;
        }
        let sums = started.iter().fold((0, 0, 0), |sum, shard| {
            (
                sum.0 + shard.visible().0,
                sum.1 + shard.visible().1,
                sum.2 + shard.store_bytes(),
            )
        });
        all = (all.0 + sums.0, all.1 + sums.1, all.2 + sums.2);
        let mut entry =
            json!({"uuid": index.uuid, "primaries": metric(sums, metrics), "total": metric(sums, metrics)});
        if pair.version == Version::V8_10_4
            && let Some(object) = entry.as_object_mut()
        {
            object.insert("health".to_owned(), json!(index_health(index)));
            object.insert("status".to_owned(), json!("open"));
        }
        if call.param("level") == Some("shards") {
            let shards: Map<String, Value> = started
                .iter()
                .map(|shard| {
                    let one = shard_stats(pair, call.side, shard, metrics);
                    (shard.number.to_string(), json!([one]))
                })
                .collect();
            if let Some(object) = entry.as_object_mut() {
                object.insert("shards".to_owned(), Value::Object(shards));
            }
        }
        shown.insert(index.name.clone(), entry);
    }
    let sums = if shown.is_empty() {
        json!({})
    } else {
        metric(all, metrics)
    };
    Ok((
        200,
        json!({"_shards": {"total": total, "successful": successful, "failed": 0},
            "_all": {"primaries": sums, "total": sums}, "indices": shown}),
    ))
}

fn metric(sums: (u64, u64, u64), metrics: Option<&str>) -> Value {
    let mut all = Map::new();
    let wanted =
        |name: &str| metrics.is_none_or(|list| list.split(',').any(|part| part == name || part == "_all"));
    if wanted("docs") {
        all.insert("docs".to_owned(), json!({"count": sums.0, "deleted": sums.1}));
    }
    if wanted("store") {
        all.insert("store".to_owned(), json!({"size_in_bytes": sums.2}));
    }
    if wanted("indexing") {
        all.insert(
            "indexing".to_owned(),
            json!({"index_total": sums.0 + sums.1, "index_current": 0, "index_failed": 0, "delete_total": 0, "is_throttled": false}),
        );
    }
    Value::Object(all)
}

fn shard_stats(pair: &Pair, side: Side, shard: &Shard, metrics: Option<&str>) -> Value {
    let mut user = json!({
        "translog_uuid": shard.allocation_id, "history_uuid": shard.history_uuid,
        "local_checkpoint": shard.committed.to_string(), "max_seq_no": shard.committed.to_string(),
        "max_unsafe_auto_id_timestamp": "-1",
    });
    if let Some(object) = user.as_object_mut() {
        if let Some(floor) = shard.committed_floor {
            object.insert("min_retained_seq_no".to_owned(), json!(floor.to_string()));
        }
        if pair.version == Version::V8_10_4 {
            object.insert("es_version".to_owned(), json!("8.10.4"));
        }
    }
    let (docs, deleted) = shard.visible();
    let mut stats = metric((docs, deleted, shard.store_bytes()), metrics);
    if let Some(object) = stats.as_object_mut() {
        object.insert(
            "routing".to_owned(),
            json!({"state": "STARTED", "primary": true, "node": pair.cluster(side).node, "relocating_node": null}),
        );
        object.insert(
            "commit".to_owned(),
            json!({"id": shard.history_uuid, "generation": 4, "user_data": user, "num_docs": shard.committed_docs}),
        );
        object.insert(
            "seq_no".to_owned(),
            json!({"max_seq_no": shard.max_seq, "local_checkpoint": shard.max_seq, "global_checkpoint": shard.max_seq}),
        );
        object.insert("retention_leases".to_owned(), shard.leases.to_json());
        object.insert(
            "shard_path".to_owned(),
            json!({"state_path": "/var/lib/elasticsearch/nodes/0", "data_path": "/var/lib/elasticsearch/nodes/0", "is_custom_data_path": false}),
        );
    }
    stats
}

/// `_recovery`, of the indices an expression names.
pub fn recovery(pair: &Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "active_only",
        "detailed",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    let cluster = pair.cluster(side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let mut shown = Map::new();
    for name in &names {
        pair.index_right(
            side,
            &call.user,
            name,
            &["monitor", "manage"],
            "indices:monitor/recovery",
        )?;
        let Some(index) = cluster.indices.get(name) else {
            continue;
        };
        let shards: Vec<Value> = index
            .shards
            .iter()
            .enumerate()
            .filter_map(|(number, shard)| one_recovery(pair, side, index, number, shard))
            .filter(|entry| !call.flag("active_only") || entry.get("stage") != Some(&json!("DONE")))
            .collect();
        if !shards.is_empty() {
            shown.insert(name.clone(), json!({"shards": shards}));
        }
    }
    Ok((200, Value::Object(shown)))
}

fn one_recovery(pair: &Pair, side: Side, index: &Index, number: usize, shard: &Shard) -> Option<Value> {
    let now = pair.now_ms;
    let cluster = pair.cluster(side);
    let (kind, stage, start, stop, total, done, reused, source) = match &shard.state {
        State::Unassigned(_) => return None,
        State::Initializing => {
            let restore = index.restore.as_ref()?;
            let progress = restore.shards.get(number)?;
            let (total, copied) = progress.phase.copied(now);
            let ccr = index.ccr.as_ref()?;
            let source = (
                format!("_ccr_{}", ccr.alias),
                ccr.leader.clone(),
                restore.uuid.clone(),
                version_text(pair.version).to_owned(),
            );
            let stage = if total == 0 { "INIT" } else { "INDEX" };
            (
                "SNAPSHOT",
                stage,
                progress.start_ms,
                None,
                total,
                copied,
                0,
                Some(source),
            )
        }
        State::Started => {
            let recovery = shard.recovery.as_ref()?;
            (
                recovery.kind,
                recovery.stage,
                recovery.start_ms,
                recovery.stop_ms,
                recovery.total,
                recovery.recovered,
                recovery.reused,
                recovery.source.clone(),
            )
        }
    };
    let target = json!({"id": cluster.node, "host": "127.0.0.1", "transport_address": "127.0.0.1:9300", "ip": "127.0.0.1", "name": cluster.node_name});
    let source = source.map_or_else(
        || {
            if kind == "EXISTING_STORE" {
                json!({"bootstrap_new_history_uuid": false})
            } else {
                json!({})
            }
        },
        |(repository, from, restore, version)| {
            json!({"repository": repository, "snapshot": "_latest_", "version": version, "index": from, "restoreUUID": restore})
        },
    );
    let percent = |part: u64, whole: u64| {
        let tenths = part.saturating_mul(1_000).checked_div(whole).unwrap_or(1_000);
        format!("{}.{}%", tenths / 10, tenths % 10)
    };
    let ended = stage == "DONE";
    let mut entry = json!({
        "id": number, "type": kind, "stage": stage, "primary": true,
        "start_time_in_millis": start,
        "total_time_in_millis": stop.unwrap_or(now) - start,
        "source": source, "target": target,
        "index": {
            "size": {"total_in_bytes": total, "reused_in_bytes": reused, "recovered_in_bytes": done,
                "percent": percent(done, total.saturating_sub(reused))},
            "files": {"total": 1, "reused": u8::from(reused > 0), "recovered": u8::from(ended && reused == 0),
                "percent": if ended { "100.0%" } else { "0.0%" }},
            "total_time_in_millis": stop.unwrap_or(now) - start,
            "source_throttle_time_in_millis": 0, "target_throttle_time_in_millis": 0,
        },
        "translog": {"recovered": 0, "total": 0, "percent": "100.0%", "total_on_start": 0, "total_time_in_millis": 0},
        "verify_index": {"check_index_time_in_millis": 0, "total_time_in_millis": 0},
    });
    if let (Some(object), Some(stop)) = (entry.as_object_mut(), stop) {
        object.insert("stop_time_in_millis".to_owned(), json!(stop));
    }
    Some(entry)
}

/// `green`, `yellow` or `red`: a primary that is being restored is yellow.
pub fn shard_health(shard: &Shard, replicas: u64) -> &'static str {
    match &shard.state {
        State::Started if replicas == 0 => "green",
        State::Started | State::Initializing => "yellow",
        State::Unassigned(_) => "red",
    }
}

fn replicas(index: &Index) -> u64 {
    index
        .setting("index.number_of_replicas")
        .and_then(|text| text.parse().ok())
        .unwrap_or(1)
}

/// The worst of its shards.
pub fn index_health(index: &Index) -> &'static str {
    let of: Vec<&str> = index
        .shards
        .iter()
        .map(|shard| shard_health(shard, replicas(index)))
        .collect();
    ["red", "yellow"]
        .into_iter()
        .find(|colour| of.contains(colour))
        .unwrap_or("green")
}

/// `_cluster/health`.
pub fn health(pair: &Pair, call: &Call, expression: Option<&str>) -> Answer {
    call.only(&[
        "level",
        "timeout",
        "master_timeout",
        "local",
        "expand_wildcards",
        "wait_for_status",
        "wait_for_active_shards",
        "wait_for_nodes",
        "wait_for_events",
        "wait_for_no_relocating_shards",
        "wait_for_no_initializing_shards",
    ])?;
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/health")?;
    let cluster = pair.cluster(side);
    let names = match expression {
        None => cluster.indices.keys().cloned().collect(),
        Some(expression) => cluster
            .expand(expression)
            .map_err(|name| Fault::no_index(&name))?,
    };
    let count = |index: &Index| {
        index
            .shards
            .iter()
            .fold((0_u64, 0_u64, 0_u64), |sum, shard| match shard.state {
                State::Started => (sum.0 + 1, sum.1, sum.2 + replicas(index)),
                State::Initializing => (sum.0, sum.1 + 1, sum.2 + replicas(index)),
                State::Unassigned(_) => (sum.0, sum.1, sum.2 + 1 + replicas(index)),
            })
    };
    let mut sum = (0, 0, 0);
    let mut worst = "green";
    let mut shown = Map::new();
    for index in names.iter().filter_map(|name| cluster.indices.get(name)) {
        let (active, initializing, unassigned) = count(index);
        sum = (sum.0 + active, sum.1 + initializing, sum.2 + unassigned);
        let status = index_health(index);
        worst = match (worst, status) {
            ("red", _) | (_, "red") => "red",
            ("yellow", _) | (_, "yellow") => "yellow",
            _ => "green",
        };
        let mut entry = json!({"status": status, "number_of_shards": index.shards.len(),
            "number_of_replicas": replicas(index), "active_primary_shards": active, "active_shards": active,
            "relocating_shards": 0, "initializing_shards": initializing, "unassigned_shards": unassigned});
        if call.param("level") == Some("shards") {
            let shards: Map<String, Value> = index
                .shards
                .iter()
                .map(|shard| {
                    let started = shard.started();
                    let initializing = u64::from(matches!(shard.state, State::Initializing));
                    let unassigned = u64::from(matches!(shard.state, State::Unassigned(_))) + replicas(index);
                    (
                        shard.number.to_string(),
                        json!({"status": shard_health(shard, replicas(index)), "primary_active": started,
                            "active_shards": u64::from(started), "relocating_shards": 0,
                            "initializing_shards": initializing, "unassigned_shards": unassigned}),
                    )
                })
                .collect();
            if let Some(object) = entry.as_object_mut() {
                object.insert("shards".to_owned(), Value::Object(shards));
            }
        }
        shown.insert(index.name.clone(), entry);
    }
    let all = sum.0 + sum.1 + sum.2;
    let tenths = (sum.0 * 1_000).checked_div(all).unwrap_or(1_000);
    #[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
    let percent = tenths as f64 / 10.0;
    let mut body = json!({"cluster_name": cluster.name, "status": worst, "timed_out": false,
        "number_of_nodes": 1, "number_of_data_nodes": 1, "active_primary_shards": sum.0, "active_shards": sum.0,
        "relocating_shards": 0, "initializing_shards": sum.1, "unassigned_shards": sum.2,
        "delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": percent});
    if let (Some(object), Some("indices" | "shards")) = (body.as_object_mut(), call.param("level")) {
        object.insert("indices".to_owned(), Value::Object(shown));
    }
    Ok((200, body))
}

/// The explanation of a shard that has its place.
fn explain_assigned(pair: &Pair, side: Side, name: &str, number: u64) -> Answer {
    let cluster = pair.cluster(side);
    let index = cluster
        .indices
        .get(name)
        .ok_or_else(|| Fault::no_index_inside(name))?;
    let shard = usize::try_from(number)
        .ok()
        .and_then(|number| index.shards.get(number))
        .ok_or_else(|| Fault::of(404, "shard_not_found_exception", "no such shard"))?;
    let state = if shard.started() {
        "started"
    } else {
        "initializing"
    };
    Ok((
        200,
        json!({"index": name, "shard": shard.number, "primary": true, "current_state": state,
            "current_node": {"id": cluster.node, "name": cluster.node_name, "transport_address": "127.0.0.1:9300", "weight_ranking": 1},
            "can_remain_on_current_node": "yes", "can_rebalance_cluster": "yes",
            "can_rebalance_to_other_node": "no",
            "rebalance_explanation": "cannot rebalance as no target node exists that can both allocate this shard and improve the cluster balance"}),
    ))
}

/// `_cluster/allocation/explain` of some (or the named) unassigned shard.
pub fn explain(pair: &Pair, call: &Call) -> Answer {
    call.only(&["include_yes_decisions", "include_disk_info", "master_timeout"])?;
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/allocation/explain")?;
    let cluster = pair.cluster(side);
    let wanted = call.body.get("index").and_then(Value::as_str);
    let number = call.body.get("shard").and_then(Value::as_u64);
    let found = cluster
        .indices
        .values()
        .filter(|index| wanted.is_none_or(|name| name == index.name))
        .flat_map(|index| index.shards.iter().map(move |shard| (index, shard)))
        .filter(|(_, shard)| number.is_none_or(|number| number == u64::from(shard.number)))
        .find_map(|(index, shard)| match &shard.state {
            State::Unassigned(why) => Some((index, shard, why)),
            _ => None,
        });
    let Some((index, shard, why)) = found else {
        if let (Some(name), Some(number)) = (wanted, number) {
            return explain_assigned(pair, side, name, number);
        }
        let reason = match pair.version {
            Version::V7_7_0 => {
                "unable to find any unassigned shards to explain [ClusterAllocationExplainRequest[useAnyUnassignedShard=true,includeYesDecisions?=false]"
            }
            Version::V8_10_4 => {
                "No shard was specified in the request which means the response should explain a randomly-chosen unassigned shard, but there are no unassigned shards in this cluster. To explain the allocation of an assigned shard you must specify the target shard in the request. See https://www.elastic.co/guide/en/elasticsearch/reference/8.10/cluster-allocation-explain.html for more information."
            }
        };
        return Err(Fault::argument(reason));
    };
    let mut deciders = Vec::new();
    if why.attempts >= 5 {
        deciders.push(json!({"decider": "max_retry", "decision": "NO",
            "explanation": format!("shard has exceeded the maximum number of retries [5] on failed allocation attempts - manually call [POST /_cluster/reroute?retry_failed] to retry, [unassigned_info[[reason={}]]]", why.reason)}));
    }
    if let Some((decider, explanation)) = &why.decider {
        deciders.push(json!({"decider": decider, "decision": "NO", "explanation": explanation}));
    }
    if let Some(details) = &why.restore {
        deciders.push(json!({"decider": "restore_in_progress", "decision": "NO",
            "explanation": format!("shard has failed to be restored from the snapshot [_ccr_lead:_latest_/_latest_] because of [{details}] - manually close or delete the index [{}] in order to retry to restore the snapshot again or use the reroute API to force the allocation of an empty primary shard. Details: [...]", index.name)}));
    }
    let mut info = json!({"reason": why.reason, "at": instant(why.at_ms), "details": why.details, "last_allocation_status": "no"});
    if let (Some(object), true) = (info.as_object_mut(), why.attempts > 0) {
        object.insert("failed_allocation_attempts".to_owned(), json!(why.attempts));
    }
    Ok((
        200,
        json!({"index": index.name, "shard": shard.number, "primary": true, "current_state": "unassigned",
            "unassigned_info": info, "can_allocate": "no",
            "allocate_explanation": "cannot allocate because allocation is not permitted to any of the nodes that hold an in-sync shard copy",
            "node_allocation_decisions": [{"node_id": cluster.node, "node_name": cluster.node_name,
                "transport_address": "127.0.0.1:9300", "node_decision": "no",
                "store": {"in_sync": true, "allocation_id": shard.allocation_id}, "deciders": deciders}]}),
    ))
}
