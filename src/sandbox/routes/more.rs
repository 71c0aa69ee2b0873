//! The rest that the recordings use: snapshots, lifecycle, data streams, security, task lists.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::elastic::transport::Method;

use super::super::cluster::{Cluster, Snapshot, Stream};
use super::super::errors::{Answer, Fault};
use super::super::index::{Index, TICK_MS};
use super::super::json;
use super::super::lease::Leases;
use super::super::pair::{Pair, Side, Version};
use super::{Call, acknowledged, shards};

/// Answers the rest.
pub fn route(pair: &mut Pair, call: &Call) -> Result<Option<(u16, Value)>, Fault> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let side = call.side;
    if let ["_security", rest @ ..] = segments.as_slice() {
        if !pair.secured {
            return Ok(None);
        }
        return security(pair, call, rest).map(Some);
    }
    // Data streams and composable templates came after 7.7.
    if pair.version == Version::V7_7_0
        && matches!(segments.as_slice(), ["_data_stream" | "_index_template", ..])
    {
        return Ok(None);
    }
    let answer = match (call.method, segments.as_slice()) {
        (Method::Get, ["_snapshot", "_status"]) => {
            call.only(&["ignore_unavailable", "master_timeout"])?;
            pair.cluster_right(side, &call.user, "monitor_snapshot", "cluster:admin/snapshot/status")
                .map_err(|_| Fault::of(403, "security_exception", format!("action [cluster:admin/snapshot/status] is unauthorized for user [{0}] with effective roles [{0}], this action is granted by the cluster privileges [monitor_snapshot,create_snapshot,manage,all]", call.user)))?;
            Ok((200, json!({"snapshots": []})))
        }
        (Method::Get, ["_snapshot", repository, name]) => {
            call.only(&["master_timeout", "ignore_unavailable", "verbose"])?;
            pair.cluster_right(side, &call.user, "monitor_snapshot", "cluster:admin/snapshot/get")?;
            snapshot_info(pair, call, repository, name)
        }
        (Method::Put, ["_snapshot", repository]) => {
            call.only(&["verify", "timeout", "master_timeout"])?;
            pair.cluster_mut(side)
                .repositories
                .entry((*repository).to_owned())
                .or_default();
            acknowledged()
        }
        (Method::Put | Method::Post, ["_snapshot", repository, name]) => {
            call.only(&["wait_for_completion", "master_timeout"])?;
            snapshot(pair, call, repository, name)
        }
        (Method::Post, ["_snapshot", repository, name, "_restore"]) => {
            call.only(&["wait_for_completion", "master_timeout"])?;
            restore(pair, call, repository, name)
        }
        (Method::Put, ["_ilm", "policy", name]) => {
            call.only(&["timeout", "master_timeout"])?;
            let body = call.body.clone();
            pair.cluster_mut(side).policies.insert((*name).to_owned(), body);
            acknowledged()
        }
        (Method::Get, ["_ilm", "policy", name]) => {
            call.only(&["timeout", "master_timeout"])?;
            let Some(body) = pair.cluster(side).policies.get(*name) else {
                return Err(Fault::of(
                    404,
                    "resource_not_found_exception",
                    format!("Lifecycle policy not found: {name}"),
                ));
            };
            let policy = body.get("policy").cloned().unwrap_or_default();
            let modified = shards::instant(pair.now_ms);
            Ok((
                200,
                json!({*name: {"version": 1, "modified_date": modified, "policy": policy}}),
            ))
        }
        (Method::Get, [index, "_ilm", "explain"]) => ilm(pair, call, index),
        (Method::Put, ["_index_template", name]) => {
            call.only(&["create", "master_timeout"])?;
            let body = call.body.clone();
            pair.cluster_mut(side).templates.insert((*name).to_owned(), body);
            acknowledged()
        }
        (Method::Get, ["_data_stream"]) => streams(pair, call, "*"),
        (Method::Get, ["_data_stream", name]) => streams(pair, call, name),
        (Method::Post, ["_data_stream", "_promote", name]) => {
            call.only(&["master_timeout"])?;
            match pair.cluster_mut(side).streams.get_mut(*name) {
                Some(stream) => stream.replicated = false,
                None => return Err(Fault::no_index(name)),
            }
            acknowledged()
        }
        (Method::Get, ["_tasks"]) => {
            call.only(&[
                "actions",
                "detailed",
                "nodes",
                "group_by",
                "parent_task_id",
                "timeout",
            ])?;
            pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/tasks/lists")?;
            Ok((200, tasks(pair, call)))
        }
        _ => return Ok(None),
    };
    answer.map(Some)
}

fn snapshot(pair: &mut Pair, call: &Call, repository: &str, name: &str) -> Answer {
    let side = call.side;
    let expression = call.body.get("indices").and_then(Value::as_str).unwrap_or("*");
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let uuid = pair.fresh_id();
    let now = pair.now_ms;
    let mut copies = BTreeMap::new();
    let mut total = 0;
    for index in &names {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(index) {
            let retained = index.retained_operations();
            for shard in index.shards.iter_mut().filter(|shard| shard.started()) {
                shard.flush(retained, now);
                total += 1;
            }
            copies.insert(index.name.clone(), index.clone());
        }
    }
    let Some(snapshots) = pair.cluster_mut(side).repositories.get_mut(repository) else {
        return Err(Fault::of(
            404,
            "repository_missing_exception",
            format!("[{repository}] missing"),
        ));
    };
    snapshots.insert(
        name.to_owned(),
        Snapshot {
            uuid: uuid.clone(),
            taken_ms: now,
            indices: copies,
        },
    );
    Ok((
        200,
        json!({"snapshot": {"snapshot": name, "uuid": uuid, "version": shards::version_text(pair.version),
            "indices": names, "include_global_state": false, "state": "SUCCESS",
            "start_time": shards::instant(now), "start_time_in_millis": now,
            "end_time": shards::instant(now), "end_time_in_millis": now, "duration_in_millis": 0,
            "failures": [], "shards": {"total": total, "failed": 0, "successful": total}}}),
    ))
}

/// What a finished snapshot says of itself.
fn snapshot_info(pair: &Pair, call: &Call, repository: &str, name: &str) -> Answer {
    let Some(snapshots) = pair.cluster(call.side).repositories.get(repository) else {
        return Err(Fault::of(
            404,
            "repository_missing_exception",
            format!("[{repository}] missing"),
        ));
    };
    let Some(snapshot) = snapshots.get(name) else {
        return Err(Fault::of(
            404,
            "snapshot_missing_exception",
            format!("[{repository}:{name}] is missing"),
        ));
    };
    let names: Vec<&String> = snapshot.indices.keys().collect();
    let total: usize = snapshot.indices.values().map(|index| index.shards.len()).sum();
    let at = shards::instant(snapshot.taken_ms);
    Ok((
        200,
        json!({"snapshots": [{"snapshot": name, "uuid": snapshot.uuid, "version": shards::version_text(pair.version),
            "indices": names, "include_global_state": false, "state": "SUCCESS",
            "start_time": at, "start_time_in_millis": snapshot.taken_ms,
            "end_time": at, "end_time_in_millis": snapshot.taken_ms, "duration_in_millis": 0,
            "failures": [], "shards": {"total": total, "failed": 0, "successful": total}}]}),
    ))
}

fn restore(pair: &mut Pair, call: &Call, repository: &str, name: &str) -> Answer {
    let side = call.side;
    let wanted = call.body.get("indices").and_then(Value::as_str).unwrap_or("*");
    let Some(snapshot) = pair
        .cluster(side)
        .repositories
        .get(repository)
        .and_then(|snapshots| snapshots.get(name))
        .cloned()
    else {
        return Err(Fault::of(
            404,
            "snapshot_missing_exception",
            format!("[{repository}:{name}] is missing"),
        ));
    };
    let chosen: Vec<Index> = snapshot
        .indices
        .into_values()
        .filter(|index| wanted.split(',').any(|part| json::wildcard(part, &index.name)))
        .collect();
    for index in &chosen {
        let refused = |reason: String| {
            Err(Fault::of(
                500,
                "snapshot_restore_exception",
                format!("[{repository}:{name}/{}] {reason}", snapshot.uuid),
            ))
        };
        if let Some(old) = pair.cluster(side).indices.get(&index.name) {
            if old.open {
                return refused(format!(
                    "cannot restore index [{0}] because an open index with same name already exists in the cluster. Either close or delete the existing index or restore the index under a different name by providing a rename pattern and replacement name",
                    index.name
                ));
            }
            if old.shards.len() != index.shards.len() {
                return refused(format!(
                    "cannot restore index [{0}] with [{1}] shards from a snapshot of index [{0}] with [{2}] shards",
                    index.name,
                    old.shards.len(),
                    index.shards.len()
                ));
            }
        }
    }
    let mut names = Vec::new();
    let mut total = 0;
    for index in chosen {
        total += index.shards.len();
        names.push(index.name.clone());
        put_back(pair, side, index);
    }
    Ok((
        200,
        json!({"snapshot": {"snapshot": name, "indices": names, "shards": {"total": total, "failed": 0, "successful": total}}}),
    ))
}

/// Puts a copy in the place of a closed index (its UUID stays) or makes a new one; the history
/// is a new one either way.
fn put_back(pair: &mut Pair, side: Side, mut index: Index) {
    let now = pair.now_ms;
    let name = index.name.clone();
    let old = pair.cluster_mut(side).indices.remove(&name);
    let node = pair.cluster(side).node.clone();
    index.uuid = old
        .as_ref()
        .map_or_else(|| pair.fresh_id(), |old| old.uuid.clone());
    index.settings.insert("index.uuid".to_owned(), json!(index.uuid));
    if pair.version == Version::V8_10_4 {
        let history = pair.fresh_id();
        index
            .settings
            .insert("index.history.uuid".to_owned(), json!(history));
    }
    index.open = true;
    index.tick_ms = now + TICK_MS;
    if let Some(old) = &old {
        index.version = old.version + 1;
        index.settings_version = old.settings_version + 1;
        index.mapping_version = old.mapping_version + 1;
        index.aliases_version = old.aliases_version + 1;
    }
    for (number, shard) in index.shards.iter_mut().enumerate() {
        let before = old.as_ref().and_then(|old| old.shards.get(number));
        shard.term = before.map_or(1, |before| before.term + 1);
        shard.history_uuid = pair.fresh_id();
        shard.leases = Leases::fresh(&node, now, shard.term);
        shard.recover_from_store(now);
    }
    pair.cluster_mut(side).indices.insert(name.clone(), index);
    pair.metadata_changed(side);
    pair.wake_readers(side, &name);
}

fn ilm(pair: &Pair, call: &Call, expression: &str) -> Answer {
    call.only(&["only_managed", "only_errors", "master_timeout", "timeout"])?;
    let cluster = pair.cluster(call.side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let mut shown = Map::new();
    for index in names.iter().filter_map(|name| cluster.indices.get(name)) {
        pair.index_right(
            call.side,
            &call.user,
            &index.name,
            &["view_index_metadata", "manage", "manage_ilm"],
            "indices:admin/ilm/explain",
        )?;
        let policy = index.setting("index.lifecycle.name");
        let unfollows = policy
            .and_then(|name| cluster.policies.get(name))
            .is_some_and(|body| body.to_string().contains("\"unfollow\""));
        let entry = match policy {
            None => json!({"index": index.name, "managed": false}),
            Some(policy) if unfollows && index.ccr.is_some() => {
                let done = index.is_true("index.lifecycle.indexing_complete");
                json!({"index": index.name, "managed": true, "policy": policy, "phase": "hot",
                    "action": "unfollow", "step": "wait-for-indexing-complete",
                    "step_info": {"message": format!("waiting for the [index.lifecycle.indexing_complete] setting to be set to true on the leader index, it is currently [{done}]"),
                        "index.lifecycle.indexing_complete": done}})
            }
            Some(policy) => {
                json!({"index": index.name, "managed": true, "policy": policy, "phase": "hot", "action": "complete", "step": "complete"})
            }
        };
        shown.insert(index.name.clone(), entry);
    }
    Ok((200, json!({"indices": shown})))
}

/// The backing index of a data stream that a write calls for by a template.
pub fn stream_for(pair: &mut Pair, side: Side, name: &str) -> Result<Option<String>, Fault> {
    let template = pair.cluster(side).templates.values().find(|template| {
        template.get("data_stream").is_some()
            && template
                .get("index_patterns")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .any(|pattern| json::wildcard(pattern, name))
    });
    let Some(template) = template.cloned() else {
        return Ok(None);
    };
    let day = shards::instant(pair.now_ms)
        .chars()
        .take(10)
        .map(|c| if c == '-' { '.' } else { c })
        .collect::<String>();
    let backing = format!(".ds-{name}-{day}-000001");
    let mut settings = template
        .pointer("/template/settings")
        .map(super::indices::index_settings)
        .unwrap_or_default();
    settings.insert("index.hidden".to_owned(), json!("true"));
    settings
        .entry("index.routing.allocation.include._tier_preference".to_owned())
        .or_insert_with(|| json!("data_hot"));
    super::indices::make(pair, side, &backing, &settings, BTreeMap::new(), None)?;
    let cluster = pair.cluster_mut(side);
    if let Some(index) = cluster.indices.get_mut(&backing) {
        index.data_stream = Some(name.to_owned());
    }
    cluster.streams.insert(
        name.to_owned(),
        Stream {
            indices: vec![backing.clone()],
            replicated: false,
        },
    );
    Ok(Some(backing))
}

/// A data stream as `_data_stream` shows it.
pub fn stream_json(cluster: &Cluster, name: &str) -> Value {
    let Some(stream) = cluster.streams.get(name) else {
        return Value::Null;
    };
    let indices: Vec<Value> = stream
        .indices
        .iter()
        .map(|backing| {
            let uuid = cluster.indices.get(backing).map(|index| index.uuid.as_str());
            json!({"index_name": backing, "index_uuid": uuid})
        })
        .collect();
    json!({"name": name, "timestamp_field": {"name": "@timestamp"}, "indices": indices,
        "generation": stream.indices.len(), "status": "GREEN", "hidden": false, "system": false,
        "allow_custom_routing": false, "replicated": stream.replicated})
}

fn streams(pair: &Pair, call: &Call, pattern: &str) -> Answer {
    call.only(&["expand_wildcards", "include_defaults"])?;
    let cluster = pair.cluster(call.side);
    let shown: Vec<Value> = cluster
        .streams
        .keys()
        .filter(|name| json::wildcard(pattern, name))
        .map(|name| stream_json(cluster, name))
        .collect();
    if shown.is_empty() && !pattern.contains('*') {
        return Err(Fault::no_index(pattern));
    }
    Ok((200, json!({"data_streams": shown})))
}

fn tasks(pair: &Pair, call: &Call) -> Value {
    let cluster = pair.cluster(call.side);
    let detailed = call.flag("detailed");
    let actions = call.param("actions").unwrap_or("*");
    let action = "xpack/ccr/shard_follow_task[c]";
    let listed = actions.split(',').any(|pattern| json::wildcard(pattern, action));
    let mut shown = Map::new();
    for (number, task) in cluster
        .tasks
        .values()
        .filter(|task| listed && task.assigned)
        .enumerate()
    {
        let id = number + 1_000;
        let mut entry = json!({"node": cluster.node, "id": id, "type": "persistent", "action": action,
            "start_time_in_millis": task.run.started_ms,
            "running_time_in_nanos": (pair.now_ms - task.run.started_ms) * 1_000_000,
            "cancellable": true, "parent_task_id": format!("cluster:{}", task.allocation), "headers": {}});
        if let (Some(object), true) = (entry.as_object_mut(), detailed) {
            object.insert("status".to_owned(), task.stats(pair.now_ms, false));
            object.insert("description".to_owned(), json!(format!("id={}", task.id)));
        }
        shown.insert(format!("{}:{id}", cluster.node), entry);
    }
    if shown.is_empty() {
        return json!({"nodes": {}});
    }
    let port = Cluster::transport_port(pair.version, call.side);
    json!({"nodes": {cluster.node.clone(): {"name": cluster.node_name,
        "transport_address": format!("127.0.0.1:{port}"), "host": "127.0.0.1", "ip": format!("127.0.0.1:{port}"),
        "roles": super::cluster::roles(pair.version), "tasks": shown}}})
}

fn security(pair: &mut Pair, call: &Call, rest: &[&str]) -> Answer {
    let side = call.side;
    match (call.method, rest) {
        (Method::Get | Method::Post, ["user", "_has_privileges"]) => {
            Ok((200, pair.has_privileges(side, &call.user, &call.body)))
        }
        (Method::Get, ["_authenticate"]) => Ok((
            200,
            json!({"username": call.user, "roles": [call.user], "enabled": true}),
        )),
        (Method::Put | Method::Post, ["role", name]) => {
            pair.cluster_right(
                side,
                &call.user,
                "manage_security",
                "cluster:admin/xpack/security/role/put",
            )?;
            let old = pair
                .cluster_mut(side)
                .roles
                .insert((*name).to_owned(), call.body.clone());
            Ok((200, json!({"role": {"created": old.is_none()}})))
        }
        (Method::Put | Method::Post, ["user", name]) => {
            pair.cluster_right(
                side,
                &call.user,
                "manage_security",
                "cluster:admin/xpack/security/user/put",
            )?;
            let roles = call
                .body
                .get("roles")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect();
            pair.cluster_mut(side).deleted_users.remove(*name);
            let old = pair.cluster_mut(side).users.insert((*name).to_owned(), roles);
            Ok((200, json!({"created": old.is_none()})))
        }
        (Method::Delete, ["user", name]) => {
            let cluster = pair.cluster_mut(side);
            let found = cluster.users.remove(*name).is_some();
            cluster.deleted_users.insert((*name).to_owned());
            Ok((if found { 200 } else { 404 }, json!({"found": found})))
        }
        _ => Err(Fault::argument(format!(
            "no handler found for uri [{}] and method [{}]",
            call.path,
            call.method.as_str()
        ))),
    }
}
