//! The cluster: its name and version, health, state, settings, nodes, licence, remotes, `_cat`.

use serde_json::{Map, Value, json};

use crate::elastic::transport::Method;

use super::super::cluster::Cluster;
use super::super::errors::{Answer, Fault};
use super::super::index::Index;
use super::super::json;
use super::super::pair::{Pair, Version};
use super::{Call, acknowledged, shards};

/// Answers what belongs to the cluster.
pub fn route(pair: &mut Pair, call: &Call) -> Result<Option<(u16, Value)>, Fault> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let monitor = |pair: &Pair, action: &str| pair.cluster_right(call.side, &call.user, "monitor", action);
    let answer = match (call.method, segments.as_slice()) {
        (Method::Get, []) => {
            monitor(pair, "cluster:monitor/main")?;
            Ok((200, main(pair, call)))
        }
        (Method::Get, ["_cluster", "health"]) => shards::health(pair, call, None),
        (Method::Get, ["_cluster", "health", index]) => shards::health(pair, call, Some(index)),
        (Method::Get, ["_cluster", "state"]) => state(pair, call, "_all", None),
        (Method::Get, ["_cluster", "state", metrics]) => state(pair, call, metrics, None),
        (Method::Get, ["_cluster", "state", metrics, index]) => state(pair, call, metrics, Some(index)),
        (Method::Get | Method::Post, ["_cluster", "allocation", "explain"]) => shards::explain(pair, call),
        (Method::Get, ["_cluster", "settings"]) => {
            call.only(&["flat_settings", "include_defaults", "timeout", "master_timeout"])?;
            monitor(pair, "cluster:monitor/settings")?;
            Ok((200, settings(pair, call)))
        }
        (Method::Put, ["_cluster", "settings"]) => put_settings(pair, call),
        (Method::Post, ["_cluster", "reroute"]) => reroute(pair, call),
        (Method::Get, ["_cluster", "pending_tasks"]) => {
            call.only(&["local", "master_timeout"])?;
            monitor(pair, "cluster:monitor/task")?;
            Ok((200, json!({"tasks": []})))
        }
        (Method::Get, ["_remote", "info"]) => {
            call.only(&[])?;
            monitor(pair, "cluster:monitor/remote/info")?;
            Ok((200, remotes(pair, call)))
        }
        (Method::Get, ["_license"]) => {
            call.only(&["local", "accept_enterprise", "master_timeout"])?;
            monitor(pair, "cluster:monitor/xpack/license/get")?;
            Ok((200, license(pair, call)))
        }
        (Method::Post, ["_license", what @ ("start_basic" | "start_trial")]) => {
            call.only(&["acknowledge", "type", "master_timeout", "timeout"])?;
            let basic = *what == "start_basic";
            let kind = if basic { "basic" } else { "trial" };
            kind.clone_into(&mut pair.cluster_mut(call.side).license.kind);
            let key = if basic {
                "basic_was_started"
            } else {
                "trial_was_started"
            };
            Ok((200, json!({"acknowledged": true, key: true})))
        }
        (Method::Get, ["_xpack", "usage"]) => {
            call.only(&["master_timeout"])?;
            monitor(pair, "cluster:monitor/xpack/usage")?;
            Ok((200, usage(pair, call)))
        }
        (Method::Get, ["_nodes"]) => {
            call.only(&["flat_settings", "timeout"])?;
            monitor(pair, "cluster:monitor/nodes/info")?;
            Ok((200, nodes(pair, call, false)))
        }
        (Method::Get, ["_nodes", "stats" | "fs", ..] | ["_nodes", _, "stats", ..]) => {
            call.only(&["level", "timeout"])?;
            monitor(pair, "cluster:monitor/nodes/stats")?;
            Ok((200, nodes(pair, call, true)))
        }
        (Method::Get, ["_cat", "allocation"]) => {
            call.only(&["bytes", "v", "h", "s", "local", "master_timeout"])?;
            monitor(pair, "cluster:monitor/nodes/stats")?;
            Ok((200, allocation(pair, call)))
        }
        (Method::Get, ["_cat", "indices"]) => cat_indices(pair, call, "*"),
        (Method::Get, ["_cat", "indices", index]) => cat_indices(pair, call, index),
        _ => return Ok(None),
    };
    answer.map(Some)
}

fn main(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let version = match pair.version {
        Version::V7_7_0 => {
            json!({"number": "7.7.0", "build_flavor": "default", "build_type": "zip",
            "build_hash": "81a1e9eda8e6183f5237786246f6dced26a10eaf", "build_date": "2020-05-12T02:01:37.602180Z",
            "build_snapshot": false, "lucene_version": "8.5.1",
            "minimum_wire_compatibility_version": "6.8.0", "minimum_index_compatibility_version": "6.0.0-beta1"})
        }
        Version::V8_10_4 => {
            json!({"number": "8.10.4", "build_flavor": "default", "build_type": "tar",
            "build_hash": "b4a62ac808e886ff032700c391f45f1408b2538c", "build_date": "2023-10-11T22:04:35.506990650Z",
            "build_snapshot": false, "lucene_version": "9.7.0",
            "minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0"})
        }
    };
    json!({"name": cluster.node_name, "cluster_name": cluster.name, "cluster_uuid": cluster.uuid,
        "version": version, "tagline": "You Know, for Search"})
}

fn state(pair: &Pair, call: &Call, metrics: &str, expression: Option<&str>) -> Answer {
    call.only(&[
        "local",
        "master_timeout",
        "flat_settings",
        "wait_for_metadata_version",
        "wait_for_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/state")?;
    let cluster = pair.cluster(side);
    let wanted = |name: &str| metrics.split(',').any(|part| part == name || part == "_all");
    let names = match expression {
        None => cluster.indices.keys().cloned().collect(),
        Some(expression) => cluster
            .expand(expression)
            .map_err(|name| Fault::no_index(&name))?,
    };
    let chosen: Vec<&Index> = names
        .iter()
        .filter_map(|name| cluster.indices.get(name))
        .collect();
    let mut body = Map::new();
    body.insert("cluster_name".to_owned(), json!(cluster.name));
    body.insert("cluster_uuid".to_owned(), json!(cluster.uuid));
    if wanted("master_node") {
        body.insert("master_node".to_owned(), json!(cluster.node));
    }
    if wanted("metadata") {
        // What `filter_path` leaves out anyway is not built: with hundreds of followers that is
        // nearly everything.
        let indices: Map<String, Value> = chosen
            .iter()
            .filter(|_| call.may_show("metadata.indices"))
            .map(|index| {
                (
                    index.name.clone(),
                    metadata(pair, index, call.flag("flat_settings")),
                )
            })
            .collect();
        let tasks: Vec<Value> = cluster
            .tasks
            .values()
            .filter(|_| call.may_show("metadata.persistent_tasks"))
            .map(|task| task.state(&cluster.node))
            .collect();
        // Put together by hand: the macro would copy every task and every index.
        let mut persistent = Map::new();
        persistent.insert("last_allocation_id".to_owned(), json!(cluster.allocations));
        persistent.insert("tasks".to_owned(), Value::Array(tasks));
        let mut metadata = Map::new();
        metadata.insert("cluster_uuid".to_owned(), json!(cluster.uuid));
        metadata.insert("indices".to_owned(), Value::Object(indices));
        metadata.insert("persistent_tasks".to_owned(), Value::Object(persistent));
        if !cluster.streams.is_empty() {
            let streams: Map<String, Value> = cluster
                .streams
                .keys()
                .map(|name| (name.clone(), super::more::stream_json(cluster, name)))
                .collect();
            metadata.insert("data_stream".to_owned(), json!({"data_stream": streams}));
        }
        body.insert("metadata".to_owned(), Value::Object(metadata));
    }
    if wanted("routing_table") {
        let indices: Map<String, Value> = chosen
            .iter()
            .map(|index| {
                let table: Map<String, Value> = index
                    .shards
                    .iter()
                    .map(|shard| {
                        (
                            shard.number.to_string(),
                            json!([shards::routing(pair, side, index, shard)]),
                        )
                    })
                    .collect();
                (index.name.clone(), json!({"shards": table}))
            })
            .collect();
        let table = Map::from_iter([("indices".to_owned(), Value::Object(indices))]);
        body.insert("routing_table".to_owned(), Value::Object(table));
    }
    // The restore of a follower does not show under `restore` (recording 20): there is none.
    Ok((200, Value::Object(body)))
}

fn metadata(pair: &Pair, index: &Index, flat: bool) -> Value {
    let terms: Map<String, Value> = index
        .shards
        .iter()
        .map(|shard| (shard.number.to_string(), json!(shard.term)))
        .collect();
    let in_sync: Map<String, Value> = index
        .shards
        .iter()
        .map(|shard| (shard.number.to_string(), json!([shard.allocation_id])))
        .collect();
    let mappings = index.mapping.as_ref().map_or_else(
        || json!({}),
        |properties| json!({"_doc": {"properties": properties}}),
    );
    let aliases: Vec<&String> = index.aliases.keys().collect();
    let mut body = json!({
        "state": if index.open { "open" } else { "close" },
        "settings": index.settings_json(flat), "mappings": mappings, "aliases": aliases,
        "primary_terms": terms, "in_sync_allocations": in_sync,
    });
    if let (Some(object), Version::V8_10_4) = (body.as_object_mut(), pair.version) {
        object.insert("version".to_owned(), json!(index.version));
        object.insert("mapping_version".to_owned(), json!(index.mapping_version));
        object.insert("settings_version".to_owned(), json!(index.settings_version));
        object.insert("aliases_version".to_owned(), json!(index.aliases_version));
        object.insert(
            "routing_num_shards".to_owned(),
            json!(super::super::murmur3::routing_shards(index.shard_count())),
        );
        object.insert("rollover_info".to_owned(), json!({}));
        object.insert("system".to_owned(), json!(false));
        object.insert("timestamp_range".to_owned(), json!({"unknown": true}));
        if let Some(ccr) = &index.ccr {
            object.insert(
                "ccr".to_owned(),
                json!({"leader_index_name": ccr.leader, "remote_cluster_name": ccr.alias,
                    "leader_index_uuid": ccr.leader_uuid,
                    "leader_index_shard_history_uuids": ccr.histories.join(",")}),
            );
        }
    }
    body
}

fn defaults(pair: &Pair, cluster: &Cluster) -> Map<String, Value> {
    let mut known: Vec<(&str, &str)> = vec![
        ("action.auto_create_index", "true"),
        ("ccr.indices.recovery.chunk_size", "1mb"),
        ("ccr.indices.recovery.internal_action_timeout", "60s"),
        ("ccr.indices.recovery.max_bytes_per_sec", "40mb"),
        ("ccr.indices.recovery.max_concurrent_file_chunks", "5"),
        ("ccr.indices.recovery.recovery_activity_timeout", "60s"),
        ("ccr.wait_for_metadata_timeout", "60s"),
        ("cluster.indices.close.enable", "true"),
        ("cluster.persistent_tasks.allocation.enable", "all"),
        ("cluster.persistent_tasks.allocation.recheck_interval", "30s"),
        ("cluster.routing.allocation.disk.threshold_enabled", "true"),
        ("cluster.routing.allocation.disk.watermark.flood_stage", "95%"),
        ("cluster.routing.allocation.disk.watermark.high", "90%"),
        ("cluster.routing.allocation.disk.watermark.low", "85%"),
        ("cluster.routing.allocation.enable", "all"),
        ("cluster.max_shards_per_node", "1000"),
    ];
    if pair.version == Version::V8_10_4 {
        known.extend([
            (
                "cluster.routing.allocation.disk.watermark.flood_stage.max_headroom",
                "100GB",
            ),
            (
                "cluster.routing.allocation.disk.watermark.high.max_headroom",
                "150GB",
            ),
            (
                "cluster.routing.allocation.disk.watermark.low.max_headroom",
                "200GB",
            ),
        ]);
    }
    let mut all: Map<String, Value> = known
        .into_iter()
        .filter(|(key, _)| cluster.setting(key).is_none())
        .map(|(key, value)| (key.to_owned(), json!(value)))
        .collect();
    all.insert("cluster.name".to_owned(), json!(cluster.name));
    all
}

fn settings(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let flat = call.flag("flat_settings");
    let shape = |map: &std::collections::BTreeMap<String, Value>| {
        if flat { json!(map) } else { json::nest(map) }
    };
    let mut body = json!({"persistent": shape(&cluster.persistent), "transient": shape(&cluster.transient)});
    if let (Some(object), true) = (body.as_object_mut(), call.flag("include_defaults")) {
        let defaults = defaults(pair, cluster);
        let shown = if flat {
            Value::Object(defaults)
        } else {
            json::nest(&defaults)
        };
        object.insert("defaults".to_owned(), shown);
    }
    body
}

fn put_settings(pair: &mut Pair, call: &Call) -> Answer {
    call.only(&["flat_settings", "timeout", "master_timeout"])?;
    let side = call.side;
    pair.cluster_right(side, &call.user, "manage", "cluster:admin/settings/update")?;
    let mut told = json!({"acknowledged": true});
    for scope in ["persistent", "transient"] {
        let flat = call
            .body
            .get(scope)
            .filter(|value| value.is_object())
            .map(json::flatten)
            .unwrap_or_default();
        let cluster = pair.cluster_mut(side);
        let target = if scope == "persistent" {
            &mut cluster.persistent
        } else {
            &mut cluster.transient
        };
        let mut shown = std::collections::BTreeMap::new();
        for (key, value) in flat {
            if value.is_null() {
                target.retain(|known, _| !json::wildcard(&key, known));
            } else {
                let value = json::setting(&value);
                target.insert(key.clone(), value.clone());
                shown.insert(key, value);
            }
        }
        if let Some(object) = told.as_object_mut() {
            object.insert(scope.to_owned(), json::nest(&shown));
        }
    }
    pair.rate_changed();
    let now = pair.now_ms;
    let cluster = pair.cluster_mut(side);
    if cluster.assigns_tasks() {
        for task in cluster.tasks.values_mut().filter(|task| !task.assigned) {
            task.assigned = true;
            let mut run = super::super::task::Run::new(now);
            run.leader_checkpoint = task.run.leader_checkpoint;
            run.follower_checkpoint = task.run.follower_checkpoint;
            run.last_requested = task.run.last_requested;
            task.run = run;
        }
    }
    Ok((200, told))
}

fn reroute(pair: &mut Pair, call: &Call) -> Answer {
    call.only(&[
        "retry_failed",
        "dry_run",
        "explain",
        "metric",
        "timeout",
        "master_timeout",
    ])?;
    let side = call.side;
    pair.cluster_right(side, &call.user, "manage", "cluster:admin/reroute")?;
    let commands = call.body.get("commands").and_then(Value::as_array);
    let mut cancelled = Vec::new();
    for command in commands.into_iter().flatten() {
        if let Some(index) = command.pointer("/cancel/index").and_then(Value::as_str) {
            cancelled.push(index.to_owned());
        }
    }
    // A cancelled primary is allocated again from its own store at once (scenario 46).
    for index in cancelled {
        let now = pair.now_ms;
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(&index) {
            let retained = index.retained_operations();
            for shard in index.shards.iter_mut().filter(|shard| shard.started()) {
                shard.flush(retained, now);
                shard.recover_from_store(now);
            }
        }
        pair.interrupt_readers(side, Some(&index));
    }
    acknowledged()
}

fn remotes(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let shown: Map<String, Value> = cluster
        .remotes()
        .into_iter()
        .map(|alias| {
            let connected = pair.remote(call.side, &alias).is_ok();
            let seeds = cluster
                .setting(&format!("cluster.remote.{alias}.seeds"))
                .cloned()
                .unwrap_or_else(|| json!([]));
            (
                alias,
                json!({"connected": connected, "mode": "sniff", "seeds": seeds,
                    "num_nodes_connected": u8::from(connected), "max_connections_per_cluster": 3,
                    "initial_connect_timeout": "30s", "skip_unavailable": false}),
            )
        })
        .collect();
    Value::Object(shown)
}

fn license(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let license = &cluster.license;
    let expiry = license.issued_ms + 30 * 86_400_000;
    let mut body = json!({"status": "active", "uid": license.uid, "type": license.kind,
        "issue_date": shards::instant(license.issued_ms), "issue_date_in_millis": license.issued_ms});
    if let Some(object) = body.as_object_mut() {
        if license.kind != "basic" {
            object.insert("expiry_date".to_owned(), json!(shards::instant(expiry)));
            object.insert("expiry_date_in_millis".to_owned(), json!(expiry));
        }
        object.insert("max_nodes".to_owned(), json!(1_000));
        if pair.version == Version::V8_10_4 {
            object.insert("max_resource_units".to_owned(), Value::Null);
        }
        object.insert("issued_to".to_owned(), json!(cluster.name));
        object.insert("issuer".to_owned(), json!("elasticsearch"));
        object.insert("start_date_in_millis".to_owned(), json!(-1));
    }
    json!({"license": body})
}

fn usage(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let followers = cluster
        .indices
        .values()
        .filter(|index| index.ccr.is_some())
        .count();
    let mut ccr = json!({"available": cluster.licensed(), "enabled": true,
        "follower_indices_count": followers, "auto_follow_patterns_count": cluster.patterns.len()});
    if let (Some(object), Some(last)) = (ccr.as_object_mut(), cluster.last_follow_ms) {
        object.insert("last_follow_time_in_millis".to_owned(), json!(pair.now_ms - last));
    }
    json!({"ccr": ccr})
}

/// Roles of the only node.
pub fn roles(version: Version) -> Value {
    match version {
        Version::V7_7_0 => json!(["ingest", "master", "transform", "data", "remote_cluster_client"]),
        Version::V8_10_4 => {
            json!([
                "data",
                "data_cold",
                "data_content",
                "data_frozen",
                "data_hot",
                "data_warm",
                "ingest",
                "master",
                "ml",
                "remote_cluster_client",
                "transform"
            ])
        }
    }
}

const DISK_TOTAL: u64 = 270_553_174_016;

fn disk_available(cluster: &Cluster) -> u64 {
    if cluster.disk_full {
        DISK_TOTAL / 50
    } else {
        82_804_617_216
    }
}

fn nodes(pair: &Pair, call: &Call, stats: bool) -> Value {
    let cluster = pair.cluster(call.side);
    let version = match pair.version {
        Version::V7_7_0 => "7.7.0",
        Version::V8_10_4 => "8.10.4",
    };
    let port = Cluster::transport_port(pair.version, call.side);
    let mut node = json!({"name": cluster.node_name, "transport_address": format!("127.0.0.1:{port}"),
        "host": "127.0.0.1", "ip": "127.0.0.1", "roles": roles(pair.version), "attributes": {"xpack.installed": "true"}});
    for (name, value) in &cluster.attributes {
        node["attributes"][name] = json!(value);
    }
    if let Some(object) = node.as_object_mut() {
        if stats {
            let total = json!({"total_in_bytes": DISK_TOTAL, "free_in_bytes": disk_available(cluster),
                "available_in_bytes": disk_available(cluster)});
            object.insert("timestamp".to_owned(), json!(pair.now_ms));
            object.insert("fs".to_owned(), json!({"timestamp": pair.now_ms, "total": total}));
        } else {
            object.insert("version".to_owned(), json!(version));
        }
    }
    json!({"_nodes": {"total": 1, "successful": 1, "failed": 0}, "cluster_name": cluster.name,
        "nodes": {cluster.node.clone(): node}})
}

fn allocation(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let started = cluster
        .indices
        .values()
        .flat_map(|index| &index.shards)
        .filter(|shard| shard.started());
    let (count, bytes) = started.fold((0_u64, 0_u64), |sum, shard| {
        (sum.0 + 1, sum.1 + shard.store_bytes())
    });
    let available = disk_available(cluster);
    let used = DISK_TOTAL - available;
    json!([{"shards": count.to_string(), "disk.indices": bytes.to_string(), "disk.used": used.to_string(),
        "disk.avail": available.to_string(), "disk.total": DISK_TOTAL.to_string(),
        "disk.percent": (used * 100 / DISK_TOTAL).to_string(), "host": "127.0.0.1", "ip": "127.0.0.1", "node": cluster.node_name}])
}

fn cat_indices(pair: &Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "bytes",
        "v",
        "h",
        "s",
        "health",
        "pri",
        "local",
        "expand_wildcards",
        "time",
        "master_timeout",
    ])?;
    let cluster = pair.cluster(call.side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let rows: Vec<Value> = names
        .iter()
        .filter_map(|name| cluster.indices.get(name))
        .map(|index| {
            let told = index.open && index.all_started();
            let number = |value: u64| {
                if told {
                    json!(value.to_string())
                } else {
                    Value::Null
                }
            };
            let size = if told {
                let bytes: u64 = index
                    .shards
                    .iter()
                    .map(super::super::shard::Shard::store_bytes)
                    .sum();
                json!(format!("{bytes}b"))
            } else {
                Value::Null
            };
            json!({"health": shards::index_health(index), "status": if index.open { "open" } else { "close" },
                "index": index.name, "uuid": index.uuid, "pri": index.shards.len().to_string(),
                "rep": index.setting("index.number_of_replicas").unwrap_or("1"),
                "docs.count": number(index.shards.iter().map(|shard| shard.visible().0).sum()),
                "docs.deleted": number(index.shards.iter().map(|shard| shard.visible().1).sum()),
                "store.size": size, "pri.store.size": size})
        })
        .collect();
    Ok((200, Value::Array(rows)))
}
