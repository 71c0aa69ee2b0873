//! Documents: bulk and single writes, counts and searches without hits, flush, refresh, merge.

use serde_json::{Map, Value, json};

use crate::elastic::transport::Method;

use super::super::errors::{Answer, Fault};
use super::super::follow::blocked;
use super::super::murmur3;
use super::super::pair::{Pair, Side, Version};
use super::super::shard::State;
use super::Call;

/// Answers what belongs to documents.
pub fn route(pair: &mut Pair, call: &Call) -> Result<Option<(u16, Value)>, Fault> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let answer = match (call.method, segments.as_slice()) {
        (Method::Post | Method::Put, [index, "_bulk"]) => bulk(pair, call, Some(index)),
        (Method::Post | Method::Put, ["_bulk"]) => bulk(pair, call, None),
        (Method::Post, [index, "_doc"]) => single(pair, call, index, None),
        (Method::Post | Method::Put, [index, "_doc", id]) => single(pair, call, index, Some(id)),
        (Method::Delete, [index, "_doc", id]) => erase(pair, call, index, id),
        (Method::Get | Method::Post, [index, "_count"]) => count(pair, call, index),
        (Method::Get | Method::Post, [index, "_search"]) => search(pair, call, index),
        (Method::Get | Method::Post, [index, "_flush"]) => {
            call.only(&[
                "force",
                "wait_if_ongoing",
                "expand_wildcards",
                "ignore_unavailable",
            ])?;
            all_shards(pair, call, index, true, false)
        }
        (Method::Post, [index, "_forcemerge"]) => {
            call.only(&[
                "max_num_segments",
                "flush",
                "only_expunge_deletes",
                "expand_wildcards",
            ])?;
            all_shards(pair, call, index, true, true)
        }
        (Method::Get | Method::Post, [index, "_refresh"]) => {
            call.only(&["expand_wildcards", "ignore_unavailable"])?;
            all_shards(pair, call, index, false, false)
        }
        _ => return Ok(None),
    };
    answer.map(Some)
}

/// One write of a bulk, or the only one.
struct Write<'a> {
    index: String,
    id: Option<String>,
    routing: Option<String>,
    source: Option<&'a [u8]>,
}

fn bulk(pair: &mut Pair, call: &Call, default: Option<&str>) -> Answer {
    call.only(&[
        "refresh",
        "timeout",
        "wait_for_active_shards",
        "routing",
        "pipeline",
        "require_alias",
    ])?;
    let mut lines = call
        .raw
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    let mut items = Vec::new();
    let mut errors = false;
    // Thousands of items that `filter_path` would drop are not made at all.
    let tells_items = call
        .param("filter_path")
        .is_none_or(|paths| paths.contains("items"));
    let mut touched: Vec<String> = Vec::new();
    while let Some(line) = lines.next() {
        let Ok(Value::Object(action)) = serde_json::from_slice::<Value>(line) else {
            return Err(Fault::argument(
                "Malformed action/metadata line, expected START_OBJECT or END_OBJECT",
            ));
        };
        let Some((kind, meta)) = action.into_iter().next() else {
            return Err(Fault::argument(
                "Malformed action/metadata line, expected FIELD_NAME",
            ));
        };
        let text = |key: &str| meta.get(key).and_then(Value::as_str).map(str::to_owned);
        let source = if kind == "delete" { None } else { lines.next() };
        let Some(index) = text("_index").or_else(|| default.map(str::to_owned)) else {
            return Err(Fault::validation("index is missing"));
        };
        let write = Write {
            index,
            id: text("_id"),
            routing: text("routing").or_else(|| call.param("routing").map(str::to_owned)),
            source,
        };
        match apply(pair, call, &write) {
            Ok((name, item)) => {
                if !touched.contains(&name) {
                    touched.push(name);
                }
                if tells_items {
                    items.push(json!({kind: item}));
                }
            }
            Err(fault) => {
                errors = true;
                let mut cause = fault.body.get("error").cloned().unwrap_or_default();
                if let Some(object) = cause.as_object_mut() {
                    object.remove("root_cause");
                }
                items.push(json!({kind: {"_index": write.index, "_id": write.id, "status": fault.status, "error": cause}}));
            }
        }
    }
    written(pair, call, &touched);
    Ok((200, json!({"took": 1, "errors": errors, "items": items})))
}

fn written(pair: &mut Pair, call: &Call, touched: &[String]) {
    let (side, now) = (call.side, pair.now_ms);
    let visible = call.flag("refresh");
    for name in touched {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(name) {
            if visible {
                index.refresh();
            } else {
                index.written(now);
            }
        }
        let shards = pair
            .cluster(side)
            .indices
            .get(name)
            .map_or(0, |index| index.shards.len());
        for number in 0..shards {
            pair.after_write(side, name, number);
        }
        pair.wake_readers(side, name);
    }
}

fn apply(pair: &mut Pair, call: &Call, write: &Write<'_>) -> Result<(String, Value), Fault> {
    let side = call.side;
    let name = target(pair, call, &write.index)?;
    let version = pair.version;
    let generated = write.id.is_none().then(|| pair.fresh_id());
    let id = write.id.clone().or(generated).unwrap_or_default();
    let document = match write.source {
        None => None,
        Some(source) => match serde_json::from_slice::<Value>(source) {
            Ok(Value::Object(document)) => Some(document),
            _ => {
                return Err(Fault::of(400, "mapper_parsing_exception", "failed to parse"));
            }
        },
    };
    let Some(index) = pair.cluster_mut(side).indices.get_mut(&name) else {
        return Err(Fault::no_index(&name));
    };
    if !index.open {
        return Err(Fault::closed(&name, &index.uuid));
    }
    if let Some(block) = index.block("write") {
        return Err(blocked(&name, block));
    }
    if index.ccr.is_some() {
        let new_field = document.as_ref().is_some_and(|document| {
            document.keys().any(|field| {
                !index
                    .mapping
                    .as_ref()
                    .is_some_and(|known| known.contains_key(field))
            })
        });
        let reason = if version == Version::V7_7_0 && new_field {
            format!(
                "can't put mapping to the following indices [{name}]; the mapping of the following indices are self-replicated from its leader indices"
            )
        } else {
            "a following engine does not accept operations without an assigned sequence number".to_owned()
        };
        return Err(Fault::of(403, "status_exception", reason));
    }
    let number = murmur3::shard_of(write.routing.as_deref().unwrap_or(&id), index.shard_count());
    // The source as it came stands for the document: the follower copies it byte by byte.
    let value = write.source.map(|source| super::super::digest(&source));
    if let Some(document) = &document {
        index.learn(document);
    }
    let bytes = u32::try_from(write.source.map_or(0, <[u8]>::len)).unwrap_or(u32::MAX);
    let Some(shard) = index.shards.get_mut(number as usize) else {
        return Err(Fault::no_index(&name));
    };
    if !shard.started() {
        return Err(Fault::of(
            503,
            "unavailable_shards_exception",
            format!("[{name}][{number}] primary shard is not active Timeout: [1m]"),
        ));
    }
    let (seq, doc_version) = shard.index(&id, value, bytes);
    let term = shard.term;
    let result = match (&document, doc_version) {
        (None, _) => "deleted",
        (Some(_), 1) => "created",
        _ => "updated",
    };
    let status = if result == "created" { 201 } else { 200 };
    Ok((
        name.clone(),
        json!({"_index": name, "_id": id, "_version": doc_version, "result": result,
            "_shards": {"total": 1, "successful": 1, "failed": 0}, "_seq_no": seq, "_primary_term": term, "status": status}),
    ))
}

/// The index a write goes to: itself, an alias, a data stream; made if it is not there.
fn target(pair: &mut Pair, call: &Call, name: &str) -> Result<String, Fault> {
    let side = call.side;
    let cluster = pair.cluster(side);
    if cluster.indices.contains_key(name) {
        return Ok(name.to_owned());
    }
    if let Some(stream) = cluster.streams.get(name) {
        return stream
            .indices
            .last()
            .cloned()
            .ok_or_else(|| Fault::no_index(name));
    }
    let by_alias = cluster
        .indices
        .values()
        .find(|index| index.aliases.contains_key(name))
        .map(|index| index.name.clone());
    if let Some(found) = by_alias {
        return Ok(found);
    }
    if let Some(backing) = super::more::stream_for(pair, side, name)? {
        return Ok(backing);
    }
    super::indices::make(
        pair,
        side,
        name,
        &std::collections::BTreeMap::new(),
        std::collections::BTreeMap::new(),
        None,
    )?;
    Ok(name.to_owned())
}

fn single(pair: &mut Pair, call: &Call, index: &str, id: Option<&str>) -> Answer {
    call.only(&[
        "refresh",
        "timeout",
        "routing",
        "wait_for_active_shards",
        "op_type",
        "pipeline",
    ])?;
    let write = Write {
        index: index.to_owned(),
        id: id.map(str::to_owned),
        routing: call.param("routing").map(str::to_owned),
        source: Some(&call.raw),
    };
    let (name, mut item) = apply(pair, call, &write)?;
    written(pair, call, &[name]);
    let status = item
        .as_object_mut()
        .and_then(|object| object.remove("status"))
        .and_then(|status| status.as_u64())
        .and_then(|status| u16::try_from(status).ok())
        .unwrap_or(200);
    Ok((status, item))
}

fn erase(pair: &mut Pair, call: &Call, index: &str, id: &str) -> Answer {
    call.only(&["refresh", "timeout", "routing", "wait_for_active_shards"])?;
    let write = Write {
        index: index.to_owned(),
        id: Some(id.to_owned()),
        routing: call.param("routing").map(str::to_owned),
        source: None,
    };
    let (name, item) = apply(pair, call, &write)?;
    written(pair, call, &[name]);
    Ok((200, item))
}

fn all_shards(pair: &mut Pair, call: &Call, expression: &str, flush: bool, merge: bool) -> Answer {
    let side = call.side;
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let now = pair.now_ms;
    let mut total = 0;
    for name in &names {
        let Some(index) = pair.cluster_mut(side).indices.get_mut(name) else {
            continue;
        };
        if !index.open {
            if names.len() == 1 {
                return Err(Fault::closed(name, &index.uuid));
            }
            continue;
        }
        let retained = index.retained_operations();
        for shard in index.shards.iter_mut().filter(|shard| shard.started()) {
            total += 1;
            if flush {
                shard.flush(retained, now);
            }
            shard.refresh();
            if merge {
                shard.merge(retained);
                shard.flush(retained, now);
            }
        }
    }
    Ok((
        200,
        json!({"_shards": {"total": total, "successful": total, "failed": 0}}),
    ))
}

/// The indices of a search, with `alias:index` asked on the other cluster.
struct Found {
    side: Side,
    names: Vec<String>,
    alias: Option<String>,
    expression: String,
}

fn find(pair: &Pair, call: &Call, expression: &str, action: &str) -> Result<Found, Fault> {
    let (side, alias, expression) = match expression.split_once(':') {
        Some((alias, rest)) => {
            let peer = pair.remote(call.side, alias).map_err(|problem| match problem {
                super::super::following::RemoteProblem::Unknown => Fault::of(
                    404,
                    "no_such_remote_cluster_exception",
                    format!("no such remote cluster: [{alias}]"),
                ),
                super::super::following::RemoteProblem::Unreachable => {
                    Fault::new(500, &pair.connect_exception(call.side))
                }
            })?;
            (peer, Some(alias.to_owned()), rest)
        }
        None => (call.side, None, expression),
    };
    let cluster = pair.cluster(side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let exact = |name: &str| expression.split(',').any(|part| part == name);
    let mut open = Vec::new();
    for index in names.iter().filter_map(|name| cluster.indices.get(name)) {
        pair.index_right(side, &call.user, &index.name, &["read"], action)?;
        if index.open {
            open.push(index.name.clone());
        } else if exact(&index.name) {
            return Err(Fault::closed(&index.name, &index.uuid));
        }
    }
    Ok(Found {
        side,
        names: open,
        alias,
        expression: expression.to_owned(),
    })
}

/// Documents and shards, or the refusal when no shard answers.
fn tally(pair: &Pair, found: &Found) -> Result<(u64, usize), Fault> {
    let cluster = pair.cluster(found.side);
    let mut docs = 0;
    let mut total = 0;
    let mut failures = Vec::new();
    for index in found.names.iter().filter_map(|name| cluster.indices.get(name)) {
        for shard in &index.shards {
            total += 1;
            match &shard.state {
                State::Started => docs += shard.visible().0,
                state => {
                    let node = match state {
                        State::Initializing => json!(cluster.node),
                        _ => Value::Null,
                    };
                    let reason = match state {
                        State::Initializing => json!(format!(
                            "[{}][127.0.0.1:9300][indices:data/read/search[phase/query]]",
                            cluster.node_name
                        )),
                        _ => Value::Null,
                    };
                    failures.push(json!({"shard": shard.number, "index": index.name, "node": node,
                        "reason": {"type": "no_shard_available_action_exception", "reason": reason}}));
                }
            }
        }
    }
    if total > 0 && failures.len() == total {
        let old = pair.version == Version::V7_7_0;
        let listed = if old { Vec::new() } else { failures.clone() };
        let error = json!({"type": "search_phase_execution_exception", "reason": "all shards failed",
            "phase": "query", "grouped": true, "failed_shards": listed});
        let roots: Vec<Value> = listed
            .iter()
            .filter_map(|failure| failure.get("reason").cloned())
            .collect();
        let mut body = Map::new();
        body.insert("root_cause".to_owned(), json!(roots));
        if let Value::Object(error) = error {
            body.extend(error);
        }
        return Err(Fault {
            status: 503,
            body: json!({"error": body, "status": 503}),
        });
    }
    Ok((docs, total))
}

/// A search wakes shards that nobody searched for 30 s: it waits for their refresh.
fn searched(pair: &mut Pair, found: &Found) {
    let now = pair.now_ms;
    for name in &found.names {
        let Some(index) = pair.cluster_mut(found.side).indices.get_mut(name) else {
            continue;
        };
        for shard in &mut index.shards {
            if now - shard.searched_ms > 30_000 {
                shard.refresh();
            }
            shard.searched_ms = now;
        }
    }
}

fn count(pair: &mut Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "q",
        "routing",
    ])?;
    let found = find(pair, call, expression, "indices:data/read/search")?;
    searched(pair, &found);
    let (docs, total) = tally(pair, &found)?;
    Ok((
        200,
        json!({"count": docs, "_shards": {"total": total, "successful": total, "skipped": 0, "failed": 0}}),
    ))
}

fn search(pair: &mut Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "size",
        "track_total_hits",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
        "q",
        "routing",
        "timeout",
    ])?;
    let found = find(pair, call, expression, "indices:data/read/search")?;
    searched(pair, &found);
    let (docs, total) = tally(pair, &found)?;
    let shards = json!({"total": total, "successful": total, "skipped": 0, "failed": 0});
    let score = if total == 0 { json!(0.0) } else { Value::Null };
    let mut body = json!({"took": 1, "timed_out": false, "_shards": shards,
        "hits": {"total": {"value": docs, "relation": "eq"}, "max_score": score, "hits": []}});
    if let (Some(object), Some(alias)) = (body.as_object_mut(), &found.alias) {
        let mut clusters = json!({"total": 1, "successful": 1, "skipped": 0});
        if let (Some(clusters), Version::V8_10_4) = (clusters.as_object_mut(), pair.version) {
            clusters.insert(
                "details".to_owned(),
                json!({alias.clone(): {"status": "successful", "indices": found.expression, "took": 1, "timed_out": false, "_shards": shards}}),
            );
        }
        object.insert("_clusters".to_owned(), clusters);
    }
    Ok((200, body))
}
