//! `_ccr/…`: stats, info, follow control, auto-follow patterns.

use serde_json::{Map, Value, json};

use crate::elastic::transport::Method;

use super::super::cluster::Pattern;
use super::super::errors::{Answer, Fault};
use super::super::follow::{Outcome, unlicensed};
use super::super::pair::{Pair, Side};
use super::super::task::Params;
use super::{Call, acknowledged};

/// Answers what belongs to CCR.
pub fn route(pair: &mut Pair, call: &Call) -> Result<Option<Outcome>, Fault> {
    let segments: Vec<&str> = call.segments.iter().map(String::as_str).collect();
    let side = call.side;
    let now = |answer: Answer| answer.map(|(status, body)| Some(Outcome::Now(status, body)));
    match (call.method, segments.as_slice()) {
        (Method::Get, ["_ccr", "stats"]) => {
            call.only(&[])?;
            now(stats(pair, call))
        }
        (Method::Get, [index, "_ccr", "stats"]) => {
            call.only(&[])?;
            now(index_stats(pair, call, index))
        }
        (Method::Get, [index, "_ccr", "info"]) => {
            call.only(&[])?;
            now(info(pair, call, index))
        }
        (Method::Put, [index, "_ccr", "follow"]) => {
            call.only(&["wait_for_active_shards"])?;
            let wait = !matches!(
                call.param("wait_for_active_shards"),
                None | Some("0" | "index-setting")
            );
            pair.index_right(
                side,
                &call.user,
                index,
                &["manage_follow_index", "manage"],
                "indices:admin/xpack/ccr/put_follow",
            )?;
            pair.put_follow(side, index, &call.body, wait, &call.user)
                .map(Some)
        }
        (Method::Post, [index, "_ccr", "resume_follow"]) => {
            call.only(&[])?;
            let empty = Map::new();
            let fields = call.body.as_object().unwrap_or(&empty);
            let params = Params::parse(fields, &[], "indices:admin/xpack/ccr/resume_follow")?;
            params.validate()?;
            pair.resume(side, index, &params, &call.user)?;
            now(acknowledged())
        }
        (Method::Post, [index, "_ccr", "pause_follow"]) => {
            call.only(&[])?;
            now(pair.pause(side, index, &call.user))
        }
        (Method::Post, [index, "_ccr", "unfollow"]) => {
            call.only(&[])?;
            pair.index_right(
                side,
                &call.user,
                index,
                &["manage_follow_index", "manage"],
                "indices:admin/xpack/ccr/unfollow",
            )?;
            now(pair.unfollow(side, index))
        }
        (Method::Post, [index, "_ccr", "forget_follower"]) => {
            call.only(&[])?;
            pair.index_right(
                side,
                &call.user,
                index,
                &["manage_leader_index", "manage"],
                "indices:admin/xpack/ccr/forget_follower",
            )?;
            now(pair.forget(side, index, &call.body))
        }
        (_, ["_ccr", "auto_follow", ..]) => now(patterns(pair, call, &segments[2..])),
        _ => Ok(None),
    }
}

fn indices_of(pair: &Pair, side: Side, wanted: impl Fn(&str) -> bool, human: bool) -> Vec<Value> {
    let mut indices: Vec<(String, Vec<Value>)> = Vec::new();
    let mut tasks: Vec<_> = pair
        .cluster(side)
        .tasks
        .values()
        .filter(|task| task.assigned && wanted(&task.follower))
        .collect();
    tasks.sort_by(|a, b| (&a.follower, a.shard).cmp(&(&b.follower, b.shard)));
    for task in tasks {
        let stats = task.stats(pair.now_ms, human);
        match indices.last_mut() {
            Some((name, shards)) if *name == task.follower => shards.push(stats),
            _ => indices.push((task.follower.clone(), vec![stats])),
        }
    }
    indices
        .into_iter()
        .map(|(index, shards)| json!({"index": index, "shards": shards}))
        .collect()
}

fn stats(pair: &Pair, call: &Call) -> Answer {
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/ccr/stats")?;
    let cluster = pair.cluster(side);
    if !cluster.licensed() {
        return Err(unlicensed());
    }
    let auto = &cluster.auto_stats;
    let mut followed: Vec<&str> = cluster
        .patterns
        .values()
        .filter_map(|pattern| pattern.body.get("remote_cluster").and_then(Value::as_str))
        .collect();
    followed.sort_unstable();
    followed.dedup();
    let followed: Vec<Value> = followed
        .into_iter()
        .map(|alias| json!({"cluster_name": alias, "time_since_last_check_millis": 1_000, "last_seen_metadata_version": 1}))
        .collect();
    Ok((
        200,
        json!({
            "auto_follow_stats": {
                "number_of_failed_follow_indices": auto.failed,
                "number_of_failed_remote_cluster_state_requests": auto.failed_states,
                "number_of_successful_follow_indices": auto.ok,
                "recent_auto_follow_errors": auto.errors,
                "auto_followed_clusters": followed,
            },
            "follow_stats": {"indices": indices_of(pair, side, |_| true, call.flag("human"))},
        }),
    ))
}

fn index_stats(pair: &Pair, call: &Call, expression: &str) -> Answer {
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/ccr/follow_stats")?;
    let cluster = pair.cluster(side);
    if !cluster.licensed() {
        return Err(unlicensed());
    }
    let all = matches!(expression, "_all" | "*");
    let names: Vec<&str> = expression.split(',').collect();
    // The names are compared as they are, patterns are not expanded.
    let known = cluster
        .tasks
        .values()
        .any(|task| names.contains(&task.follower.as_str()));
    if !all && !known {
        return Err(Fault::of(
            404,
            "resource_not_found_exception",
            format!("No shard follow tasks for follower indices [{}]", names.join(",")),
        ));
    }
    let indices = indices_of(
        pair,
        side,
        |name| all || names.contains(&name),
        call.flag("human"),
    );
    Ok((200, json!({"indices": indices})))
}

fn info(pair: &Pair, call: &Call, expression: &str) -> Answer {
    let side = call.side;
    pair.cluster_right(side, &call.user, "monitor", "cluster:monitor/ccr/follow_info")?;
    let cluster = pair.cluster(side);
    let names = cluster
        .expand(expression)
        .map_err(|name| Fault::no_index(&name))?;
    let followers: Vec<Value> = names
        .iter()
        .filter_map(|name| cluster.indices.get(name))
        .filter_map(|index| {
            let ccr = index.ccr.as_ref()?;
            let task = cluster
                .tasks
                .values()
                .find(|task| task.follower_uuid == index.uuid);
            let mut entry = json!({"follower_index": index.name, "remote_cluster": ccr.alias,
                "leader_index": ccr.leader, "status": if task.is_some() { "active" } else { "paused" }});
            if let (Some(object), Some(task)) = (entry.as_object_mut(), task) {
                object.insert("parameters".to_owned(), task.params.to_json());
            }
            Some(entry)
        })
        .collect();
    Ok((200, json!({"follower_indices": followers})))
}

fn patterns(pair: &mut Pair, call: &Call, rest: &[&str]) -> Answer {
    let side = call.side;
    let action = match call.method {
        Method::Get => "cluster:admin/xpack/ccr/auto_follow_pattern/get",
        Method::Put => "cluster:admin/xpack/ccr/auto_follow_pattern/put",
        Method::Delete => "cluster:admin/xpack/ccr/auto_follow_pattern/delete",
        _ => "cluster:admin/xpack/ccr/auto_follow_pattern/activate",
    };
    pair.cluster_right(side, &call.user, "manage_ccr", action)?;
    call.only(&[])?;
    let missing = |name: &str| {
        Fault::of(
            404,
            "resource_not_found_exception",
            format!("auto-follow pattern [{name}] is missing"),
        )
    };
    match (call.method, rest) {
        (Method::Get, _) => {
            let cluster = pair.cluster(side);
            if let [name] = rest
                && !cluster.patterns.contains_key(*name)
            {
                return Err(missing(name));
            }
            let list: Vec<Value> = cluster
                .patterns
                .iter()
                .filter(|(name, _)| rest.first().is_none_or(|wanted| wanted == name))
                .map(|(name, pattern)| json!({"name": name, "pattern": pattern_json(pattern)}))
                .collect();
            Ok((200, json!({"patterns": list})))
        }
        (Method::Put, [name]) => {
            if !pair.cluster(side).licensed() {
                return Err(unlicensed());
            }
            let alias = call.body.get("remote_cluster").and_then(Value::as_str);
            let Some(alias) = alias else {
                return Err(Fault::validation("remote_cluster is missing"));
            };
            let peer = pair.remote(side, alias).map_err(|_| {
                Fault::of(
                    404,
                    "no_such_remote_cluster_exception",
                    format!("no such remote cluster: [{alias}]"),
                )
            })?;
            // Indices that exist when the pattern is made are not followed.
            let seen = pair
                .cluster(peer)
                .indices
                .values()
                .map(|index| index.uuid.clone())
                .collect();
            let pattern = Pattern {
                body: call.body.clone(),
                active: true,
                seen,
                user: call.user.clone(),
            };
            pair.cluster_mut(side)
                .patterns
                .insert((*name).to_owned(), pattern);
            acknowledged()
        }
        (Method::Delete, [name]) => {
            if pair.cluster_mut(side).patterns.remove(*name).is_none() {
                return Err(missing(name));
            }
            acknowledged()
        }
        (Method::Post, [name, what @ ("pause" | "resume")]) => {
            let active = *what == "resume";
            match pair.cluster_mut(side).patterns.get_mut(*name) {
                Some(pattern) => pattern.active = active,
                None => return Err(missing(name)),
            }
            if active {
                let now = pair.now_ms;
                pair.cluster_mut(side).auto_due_ms = Some(now + 100);
            }
            acknowledged()
        }
        _ => Err(Fault::argument("unknown auto-follow call")),
    }
}

fn pattern_json(pattern: &Pattern) -> Value {
    let mut body = pattern.body.as_object().cloned().unwrap_or_default();
    body.insert("active".to_owned(), json!(pattern.active));
    body.entry("leader_index_exclusion_patterns".to_owned())
        .or_insert_with(|| json!([]));
    let fields = [
        "remote_cluster",
        "leader_index_patterns",
        "leader_index_exclusion_patterns",
        "follow_index_pattern",
        "active",
    ];
    let known: Map<String, Value> = body
        .iter()
        .filter(|(key, _)| fields.contains(&key.as_str()))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let rest: Map<String, Value> = body
        .into_iter()
        .filter(|(key, _)| !fields.contains(&key.as_str()))
        .collect();
    let mut all = known;
    if let Ok(params) = Params::parse(&rest, &["settings"], "auto_follow")
        && let Value::Object(params) = params.to_json()
    {
        all.extend(params);
    }
    Value::Object(all)
}
