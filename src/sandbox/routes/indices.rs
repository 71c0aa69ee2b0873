//! Indices: create, delete, close, open, settings, aliases, mappings, and what is told of shards.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::elastic::transport::Method;

use super::super::errors::{Answer, Fault};
use super::super::follow::{Outcome, blocked};
use super::super::index::{Index, TICK_MS};
use super::super::json;
use super::super::pair::{Pair, Side, Version};
use super::super::shard::{Recovery, Shard};
use super::{Call, acknowledged, shards};

/// Answers what belongs to indices.
pub fn route(pair: &mut Pair, call: &Call) -> Result<Option<Outcome>, Fault> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let now = |answer: Answer| answer.map(|(status, body)| Some(Outcome::Now(status, body)));
    match (call.method, segments.as_slice()) {
        (Method::Put, [name]) if !name.starts_with('_') => now(create(pair, call, name)),
        (Method::Delete, [name]) if !name.starts_with('_') => now(delete(pair, call, name)),
        (Method::Head, [name]) if !name.starts_with('_') => {
            let found = pair.cluster(call.side).expand(name).is_ok();
            now(Ok((if found { 200 } else { 404 }, Value::Null)))
        }
        (Method::Post, [name, "_close"]) => close(pair, call, name).map(Some),
        (Method::Post, [name, "_open"]) => open(pair, call, name).map(Some),
        (Method::Get, [name, "_settings"]) => now(get_settings(pair, call, name, "*")),
        (Method::Get, [name, "_settings", wanted]) => now(get_settings(pair, call, name, wanted)),
        (Method::Put, [name, "_settings"]) => now(put_settings(pair, call, name)),
        (Method::Get, [name, "_alias"]) => now(get_aliases(pair, call, name)),
        (Method::Get, ["_alias"]) => now(get_aliases(pair, call, "*")),
        (Method::Post, ["_aliases"]) => now(change_aliases(pair, call)),
        (Method::Get, [name, "_mapping"]) => now(get_mapping(pair, call, name)),
        (Method::Put, [name, "_mapping"]) => now(put_mapping(pair, call, name)),
        (Method::Get, [name, "_stats"]) => now(shards::stats(pair, call, name, None)),
        (Method::Get, [name, "_stats", metrics]) => now(shards::stats(pair, call, name, Some(metrics))),
        (Method::Get, ["_stats"]) => now(shards::stats(pair, call, "*", None)),
        (Method::Get, [name, "_recovery"]) => now(shards::recovery(pair, call, name)),
        (Method::Get, ["_recovery"]) => now(shards::recovery(pair, call, "*")),
        _ => Ok(None),
    }
}

/// Makes an index on a cluster.
pub fn make(
    pair: &mut Pair,
    side: Side,
    name: &str,
    settings: &BTreeMap<String, Value>,
    aliases: BTreeMap<String, Value>,
    mapping: Option<Map<String, Value>>,
) -> Result<(), Fault> {
    let invalid = |why: &str| {
        Err(Fault::new(
            400,
            &json!({"type": "invalid_index_name_exception", "reason": format!("Invalid index name [{name}], {why}"),
                "index_uuid": "_na_", "index": name}),
        ))
    };
    if name.chars().any(char::is_uppercase) {
        return invalid("must be lowercase");
    }
    if name.contains(['*', '?', '"', '<', '>', '|', ' ', ',', '#']) {
        return invalid("must not contain the following characters [ , \", *, \\, <, |, ,, >, /, ?]");
    }
    if let Some(index) = pair.cluster(side).indices.get(name) {
        return Err(Fault::new(
            400,
            &json!({"type": "resource_already_exists_exception",
                "reason": format!("index [{name}/{}] already exists", index.uuid),
                "index_uuid": index.uuid, "index": name}),
        ));
    }
    let now = pair.now_ms;
    let uuid = pair.fresh_id();
    let all = first_settings(pair, name, &uuid, settings)?;
    let count: u32 = all
        .get("index.number_of_shards")
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
        .filter(|count| (1..=1024).contains(count))
        .ok_or_else(|| {
            Fault::argument(
                "Failed to parse value for setting [index.number_of_shards] must be >= 1 and <= 1024",
            )
        })?;
    let node = pair.cluster(side).node.clone();
    let made = (0..count)
        .map(|number| {
            let (history, allocation) = (pair.fresh_id(), pair.fresh_id());
            let mut shard = Shard::new(number, history, allocation, &node, now);
            shard.recovery = Some(Recovery {
                kind: "EMPTY_STORE",
                stage: "DONE",
                start_ms: now,
                stop_ms: Some(now),
                total: 0,
                recovered: 0,
                reused: 0,
                source: None,
            });
            shard
        })
        .collect();
    let index = Index {
        name: name.to_owned(),
        uuid,
        open: true,
        settings: all,
        aliases,
        mapping_version: 1,
        mapping,
        ccr: None,
        version: 1,
        settings_version: 1,
        aliases_version: 1,
        shards: made,
        restore: None,
        tick_ms: now + TICK_MS,
        starting_ms: None,
        closing_ms: None,
        refresh_ms: None,
        data_stream: None,
    };
    pair.cluster_mut(side).indices.insert(name.to_owned(), index);
    pair.metadata_changed(side);
    Ok(())
}

/// The settings of a new index.
fn first_settings(
    pair: &Pair,
    name: &str,
    uuid: &str,
    settings: &BTreeMap<String, Value>,
) -> Result<BTreeMap<String, Value>, Fault> {
    let now = pair.now_ms;
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    all.insert("index.creation_date".to_owned(), json!(now.to_string()));
    all.insert("index.number_of_replicas".to_owned(), json!("1"));
    all.insert("index.number_of_shards".to_owned(), json!("1"));
    all.insert("index.provided_name".to_owned(), json!(name));
    all.insert("index.uuid".to_owned(), json!(uuid));
    let created = match pair.version {
        Version::V7_7_0 => "7070099",
        Version::V8_10_4 => "8100499",
    };
    all.insert("index.version.created".to_owned(), json!(created));
    if pair.version == Version::V8_10_4 {
        all.insert(
            "index.routing.allocation.include._tier_preference".to_owned(),
            json!("data_content"),
        );
        if settings.get("index.soft_deletes.enabled") == Some(&json!("false")) {
            return Err(Fault::argument(
                "Creating indices with soft-deletes disabled is no longer supported. Please do not specify a value for setting [index.soft_deletes.enabled].",
            ));
        }
    }
    for (key, value) in settings {
        if !value.is_null() {
            all.insert(key.clone(), value.clone());
        }
    }
    Ok(all)
}

/// Index settings of a body, flat, all with their prefix.
pub fn index_settings(body: &Value) -> BTreeMap<String, Value> {
    json::flatten(body)
        .into_iter()
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| {
            let key = if key.starts_with("index.") {
                key
            } else {
                format!("index.{key}")
            };
            (key, json::setting(&value))
        })
        .collect()
}

fn create(pair: &mut Pair, call: &Call, name: &str) -> Answer {
    call.only(&[
        "wait_for_active_shards",
        "timeout",
        "master_timeout",
        "include_type_name",
    ])?;
    pair.index_right(
        call.side,
        &call.user,
        name,
        &["create_index", "manage"],
        "indices:admin/create",
    )?;
    let settings = call.body.get("settings").map(index_settings).unwrap_or_default();
    let aliases = call
        .body
        .get("aliases")
        .and_then(Value::as_object)
        .map(|map| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
        .unwrap_or_default();
    let mapping = call
        .body
        .pointer("/mappings/properties")
        .and_then(Value::as_object)
        .cloned();
    make(pair, call.side, name, &settings, aliases, mapping)?;
    Ok((
        200,
        json!({"acknowledged": true, "shards_acknowledged": true, "index": name}),
    ))
}

fn delete(pair: &mut Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "timeout",
        "master_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    let names = match pair.cluster(side).expand(expression) {
        Ok(names) => names,
        Err(_) if call.flag("ignore_unavailable") => Vec::new(),
        Err(name) => return Err(Fault::no_index(&name)),
    };
    for name in &names {
        pair.index_right(
            side,
            &call.user,
            name,
            &["delete_index", "manage"],
            "indices:admin/delete",
        )?;
        let cluster = pair.cluster(side);
        let stream = cluster
            .streams
            .iter()
            .find(|(_, stream)| stream.indices.last() == Some(name));
        if let Some((stream, _)) = stream {
            return Err(Fault::argument(format!(
                "index [{name}] is the write index for data stream [{stream}] and cannot be deleted"
            )));
        }
    }
    for name in &names {
        remove(pair, side, name);
    }
    acknowledged()
}

/// Deletes an index, its tasks, and ends the reads that wait on it.
pub fn remove(pair: &mut Pair, side: Side, name: &str) {
    let failed = json!({"follow_index_created": true, "follow_index_shards_acked": false, "index_following_started": false});
    let Some(index) = pair.cluster_mut(side).indices.remove(name) else {
        return;
    };
    if let Some(ticket) = index.restore.and_then(|restore| restore.ticket) {
        pair.answer_later(side, ticket, 200, &failed);
    }
    pair.cluster_mut(side)
        .tasks
        .retain(|_, task| task.follower_uuid != index.uuid);
    for stream in pair.cluster_mut(side).streams.values_mut() {
        stream.indices.retain(|backing| backing != name);
    }
    pair.interrupt_readers(side, Some(name));
    pair.metadata_changed(side);
}

fn close(pair: &mut Pair, call: &Call, expression: &str) -> Result<Outcome, Fault> {
    call.only(&[
        "wait_for_active_shards",
        "timeout",
        "master_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    for name in &names {
        pair.index_right(
            side,
            &call.user,
            name,
            &["manage_follow_index", "manage"],
            "indices:admin/close",
        )?;
    }
    if pair.cluster(side).setting_text("cluster.indices.close.enable") == Some("false") {
        return Err(Fault::of(
            500,
            "illegal_state_exception",
            "closing indices is disabled - set [cluster.indices.close.enable: true] to enable it. NOTE: closed indices still consume a significant amount of diskspace",
        ));
    }
    let mut closing = Vec::new();
    for index in names
        .iter()
        .filter_map(|name| pair.cluster(side).indices.get(name))
    {
        if let Some(block) = index.block("metadata_write") {
            return Err(blocked(&index.name, block));
        }
        if index.restore.is_some() {
            return Err(Fault::argument(format!(
                "Cannot close indices that are being restored: [[{}/{}]]",
                index.name, index.uuid
            )));
        }
        if index.open {
            closing.push(index.name.clone());
        }
    }
    let (now, version) = (pair.now_ms, pair.version);
    let mut red = false;
    let mut told = Map::new();
    for name in &closing {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(name) {
            red |= !index.all_started();
            shut(index, version, now);
            told.insert(name.clone(), json!({"closed": true}));
        }
        pair.interrupt_readers(side, Some(name));
        pair.metadata_changed(side);
    }
    // A closed index is an allocated one: 8.x waits for its shards, in vain where they are red.
    let waits = red && version == Version::V8_10_4 && call.param("wait_for_active_shards") != Some("0");
    let body =
        json!({"acknowledged": true, "shards_acknowledged": !closing.is_empty() && !waits, "indices": told});
    if waits {
        let ticket = pair.new_ticket();
        pair.answer_at(side, ticket, now + 30_000, 200, &body);
        return Ok(Outcome::Later(ticket));
    }
    Ok(Outcome::Now(200, body))
}

/// Closes an index: everything is committed, its primaries get a new term.
fn shut(index: &mut Index, version: Version, now_ms: i64) {
    let retained = index.retained_operations();
    index.open = false;
    index.version += 1;
    index.settings_version += 1;
    index
        .settings
        .insert("index.verified_before_close".to_owned(), json!("true"));
    let later = version == Version::V7_7_0 && index.all_started();
    index.closing_ms = later.then_some(now_ms + 250);
    for shard in &mut index.shards {
        shard.term += u64::from(!later);
        if shard.started() {
            shard.flush(retained, now_ms);
            shard.recover_from_store(now_ms);
        } else {
            // A closed red index is allocated from its empty store: all attempts fail.
            shard.term += match version {
                Version::V7_7_0 => 2,
                Version::V8_10_4 => 4,
            };
        }
    }
}

fn open(pair: &mut Pair, call: &Call, expression: &str) -> Result<Outcome, Fault> {
    call.only(&[
        "wait_for_active_shards",
        "timeout",
        "master_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    for name in &names {
        pair.index_right(side, &call.user, name, &["manage"], "indices:admin/open")?;
    }
    for index in names
        .iter()
        .filter_map(|name| pair.cluster(side).indices.get(name))
    {
        if let Some(block) = index.block("metadata_write").filter(|_| !index.open) {
            return Err(blocked(&index.name, block));
        }
    }
    let now = pair.now_ms;
    let node = pair.cluster(side).node.clone();
    let mut red = false;
    for name in &names {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(name) {
            if index.open {
                continue;
            }
            index.open = true;
            index.version += 1;
            index.settings_version += 1;
            index.settings.remove("index.verified_before_close");
            index.tick_ms = now + TICK_MS;
            let closing = index.closing_ms.take().is_some();
            for shard in &mut index.shards {
                shard.term += 1 + u64::from(closing);
                if shard.started() {
                    shard.recover_from_store(now);
                    if !shard.leases.persisted {
                        shard.leases = super::super::lease::Leases::fresh(&node, now, shard.term);
                    }
                } else {
                    red = true;
                }
            }
        }
        pair.metadata_changed(side);
        pair.wake_readers(side, name);
    }
    let body = json!({"acknowledged": true, "shards_acknowledged": !red});
    if red && call.param("wait_for_active_shards") != Some("0") {
        let ticket = pair.new_ticket();
        pair.answer_at(side, ticket, now + 30_000, 200, &body);
        return Ok(Outcome::Later(ticket));
    }
    Ok(Outcome::Now(200, body))
}

fn get_settings(pair: &Pair, call: &Call, expression: &str, wanted: &str) -> Answer {
    call.only(&[
        "flat_settings",
        "include_defaults",
        "local",
        "master_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
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
            &["view_index_metadata", "monitor", "manage"],
            "indices:monitor/settings/get",
        )?;
        let named = |key: &&String| wanted.split(',').any(|pattern| json::wildcard(pattern, key));
        let settings: BTreeMap<&String, &Value> =
            index.settings.iter().filter(|(key, _)| named(key)).collect();
        // An index without any of the settings that were asked for is left out.
        if settings.is_empty() {
            continue;
        }
        let settings = if call.flag("flat_settings") {
            json!(settings)
        } else {
            json::nest(settings)
        };
        shown.insert(index.name.clone(), json!({"settings": settings}));
    }
    Ok((200, Value::Object(shown)))
}

fn put_settings(pair: &mut Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "flat_settings",
        "preserve_existing",
        "timeout",
        "master_timeout",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
    let side = call.side;
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let body = call.body.get("settings").unwrap_or(&call.body);
    let changes = index_settings(body);
    for name in &names {
        pair.index_right(
            side,
            &call.user,
            name,
            &["manage"],
            "indices:admin/settings/update",
        )?;
        let Some(index) = pair.cluster(side).indices.get(name) else {
            continue;
        };
        let only_blocks = changes.keys().all(|key| key.starts_with("index.blocks."));
        if let Some(block) = index.block("metadata_write").filter(|_| !only_blocks) {
            return Err(blocked(name, block));
        }
        let fixed: Vec<&str> = changes
            .keys()
            .filter(|key| key.starts_with("index.analysis.") || *key == "index.codec")
            .map(String::as_str)
            .collect();
        if index.open && !fixed.is_empty() {
            return Err(Fault::argument(format!(
                "Can't update non dynamic settings [[{}]] for open indices [[{name}/{}]]",
                fixed.join(", "),
                index.uuid
            )));
        }
        if changes.contains_key("index.number_of_shards") {
            return Err(Fault::argument(format!(
                "final {name} setting [index.number_of_shards], not updateable"
            )));
        }
    }
    for name in &names {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(name) {
            index.put_settings(&changes);
        }
    }
    pair.metadata_changed(side);
    acknowledged()
}

fn get_aliases(pair: &Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "local",
        "ignore_unavailable",
        "allow_no_indices",
        "expand_wildcards",
    ])?;
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
            &["view_index_metadata", "manage"],
            "indices:admin/aliases/get",
        )?;
        shown.insert(index.name.clone(), json!({"aliases": index.aliases}));
    }
    Ok((200, Value::Object(shown)))
}

fn change_aliases(pair: &mut Pair, call: &Call) -> Answer {
    call.only(&["timeout", "master_timeout"])?;
    let side = call.side;
    let actions = call.body.get("actions").and_then(Value::as_array);
    let mut wanted = Vec::new();
    for action in actions.into_iter().flatten() {
        let Some((kind, what)) = action.as_object().and_then(|object| object.iter().next()) else {
            continue;
        };
        let index = what.get("index").and_then(Value::as_str).unwrap_or_default();
        let alias = what.get("alias").and_then(Value::as_str).unwrap_or_default();
        let names = pair
            .cluster(side)
            .expand(index)
            .map_err(|name| Fault::no_index(&name))?;
        for name in names {
            let followed = pair
                .cluster(side)
                .indices
                .get(&name)
                .is_some_and(|index| index.ccr.is_some());
            if followed {
                return Err(Fault::of(
                    403,
                    "status_exception",
                    format!(
                        "can't modify aliases on indices [{name}]; aliases of following indices are self-replicated from their leader indices"
                    ),
                ));
            }
            let mut body = what.as_object().cloned().unwrap_or_default();
            body.remove("index");
            body.remove("alias");
            wanted.push((kind.clone(), name, alias.to_owned(), body));
        }
    }
    for (kind, name, alias, body) in wanted {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(&name) {
            match kind.as_str() {
                "add" => {
                    index.aliases.insert(alias, Value::Object(body));
                }
                "remove" => {
                    index.aliases.remove(&alias);
                }
                _ => {}
            }
            index.aliases_version += 1;
            index.version += 1;
        }
    }
    acknowledged()
}

fn get_mapping(pair: &Pair, call: &Call, expression: &str) -> Answer {
    call.only(&["local", "master_timeout", "expand_wildcards", "include_type_name"])?;
    let cluster = pair.cluster(call.side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let shown: Map<String, Value> = names
        .iter()
        .filter_map(|name| cluster.indices.get(name))
        .map(|index| {
            let mappings = index
                .mapping
                .as_ref()
                .map_or_else(|| json!({}), |properties| json!({"properties": properties}));
            (index.name.clone(), json!({"mappings": mappings}))
        })
        .collect();
    Ok((200, Value::Object(shown)))
}

fn put_mapping(pair: &mut Pair, call: &Call, expression: &str) -> Answer {
    call.only(&[
        "timeout",
        "master_timeout",
        "expand_wildcards",
        "include_type_name",
    ])?;
    let side = call.side;
    let names = pair
        .cluster(side)
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let new = call
        .body
        .get("properties")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for index in names
        .iter()
        .filter_map(|name| pair.cluster(side).indices.get(name))
    {
        if index.ccr.is_some() {
            return Err(Fault::of(
                403,
                "status_exception",
                format!(
                    "can't put mapping to the following indices [{}]; the mapping of the following indices are self-replicated from its leader indices",
                    index.name
                ),
            ));
        }
        let limit: usize = index
            .setting("index.mapping.total_fields.limit")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1_000);
        let mut all = index.mapping.clone().unwrap_or_default();
        all.extend(new.clone());
        if fields(&all) > limit {
            let place = if index.is_old() {
                format!(" in index [{}]", index.name)
            } else {
                String::new()
            };
            return Err(Fault::argument(format!(
                "Limit of total fields [{limit}]{place} has been exceeded"
            )));
        }
    }
    for name in &names {
        if let Some(index) = pair.cluster_mut(side).indices.get_mut(name) {
            let known = index.mapping.get_or_insert_with(Map::new);
            known.extend(new.clone());
            index.mapping_version += 1;
            index.version += 1;
        }
    }
    acknowledged()
}

fn fields(properties: &Map<String, Value>) -> usize {
    properties
        .values()
        .map(|field| {
            let inner = ["fields", "properties"]
                .iter()
                .filter_map(|key| field.get(*key).and_then(Value::as_object))
                .map(fields)
                .sum::<usize>();
            1 + inner
        })
        .sum()
}
