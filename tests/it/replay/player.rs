//! Plays one recording on a fresh pair and lists the differences.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use refollow::elastic::transport::{Credential, Method, Request};
use refollow::sandbox::pair::{Handled, Pair, PairOptions, Side, Version};
use serde_json::{Map, Value, json};

use super::compared::{CLUSTER_SETTINGS, How, MORE, RULES, SHARD};
use super::prepare;

/// When every replay begins: 2026-11-23T09:46:23Z, the day of the recordings.
const START_MS: i64 = 1_795_427_183_000;

struct Player {
    pair: Pair,
    own: BTreeSet<String>,
    known: BTreeMap<String, String>,
    differences: Vec<String>,
    compared: usize,
}

/// Plays a recording; what differs, one line each, and how many fields were compared.
pub fn play(folder: &str, name: &str, recording: &Value) -> (Vec<String>, usize) {
    let version = if folder.starts_with('7') {
        Version::V7_7_0
    } else {
        Version::V8_10_4
    };
    let steps = recording.get("steps").and_then(Value::as_array).unwrap();
    let mut player = Player {
        pair: Pair::new(&PairOptions {
            version,
            secured: folder.ends_with("secured"),
            start_ms: START_MS,
            seed: 7,
        }),
        own: own_indices(steps),
        known: BTreeMap::new(),
        differences: Vec::new(),
        compared: 0,
    };
    let scenario = name.rsplit('/').next().unwrap_or_default();
    let mut missing: Vec<&str> = prepare::MADE_BEFOREHAND
        .iter()
        .filter(|(known, _)| *known == scenario)
        .flat_map(|(_, indices)| indices.iter().copied())
        .collect();
    if folder.ends_with("secured") {
        for (side, role, body) in prepare::roles(scenario) {
            player.send(
                side,
                Method::Put,
                &format!("/_security/role/{role}"),
                body.to_string(),
            );
            let user = json!({"roles": [role]}).to_string();
            player.send(side, Method::Put, &format!("/_security/user/{role}"), user);
        }
    }
    // Its one follower node held a shard under the filter that is recorded with it.
    if scenario == "18-leader-allocation-filter" {
        player.pair.set_node_attribute(Side::Follower, "box", "hot");
    }
    for (number, step) in steps.iter().enumerate() {
        let at = START_MS + step.get("at_ms").and_then(Value::as_i64).unwrap_or(0);
        if let Some(event) = step.get("event").and_then(Value::as_str) {
            player.event(event, at, steps, number);
            continue;
        }
        let path = step.get("path").and_then(Value::as_str).unwrap_or("/");
        let index = path.split(['/', '?']).nth(1).unwrap_or_default().to_owned();
        let makes = step.get("bulk").is_some() && missing.contains(&index.as_str());
        if makes {
            let body = prepare::index_body().to_string();
            player.send(Side::Leader, Method::Put, &format!("/{index}"), body);
        }
        let new_round = scenario == prepare::ROUNDS && path.starts_with("/_security/role/") && number > 2;
        if new_round {
            player.mend(scenario, "sea-f", at);
        }
        player.pair.advance_to(at);
        player.step(number, step);
        for (_, _, target, count) in prepare::WRITTEN_BESIDE
            .iter()
            .filter(|(known, after, _, _)| *known == scenario && *after == number)
        {
            let body = prepare::bulk("create", 1, *count);
            player.send(
                Side::Leader,
                Method::Post,
                &format!("/{target}/_bulk?refresh=true"),
                body,
            );
        }
        if makes {
            missing.retain(|name| *name != index);
            let body = json!({"remote_cluster": "lead", "leader_index": index}).to_string();
            let target = format!("/{index}-f/_ccr/follow?wait_for_active_shards=1");
            player.send(Side::Follower, Method::Put, &target, body);
        }
    }
    (player.differences, player.compared)
}

/// The indices that this recording is about.
fn own_indices(steps: &[Value]) -> BTreeSet<String> {
    let mut own = BTreeSet::new();
    for step in steps {
        let path = step.get("path").and_then(Value::as_str).unwrap_or("/");
        let first = path.split(['/', '?']).nth(1).unwrap_or_default();
        if !first.is_empty() && !first.starts_with('_') && !first.contains('*') {
            own.insert(first.to_owned());
        }
        if let Some(leader) = step.pointer("/body/leader_index").and_then(Value::as_str) {
            own.insert(leader.to_owned());
        }
    }
    own
}

impl Player {
    fn request(target: &str, method: Method, body: String, credential: Credential) -> Request {
        Request {
            method,
            target: target.to_owned(),
            body: (!body.is_empty()).then(|| body.into()),
            credential,
            deadline: Duration::from_secs(30),
            changes: method != Method::Get,
            max_answer_bytes: u64::MAX,
        }
    }

    /// Sends a request of the preparation and waits for its answer.
    fn send(&mut self, side: Side, method: Method, target: &str, body: String) -> Value {
        let request = Self::request(target, method, body, Credential::Read);
        let handled = self.pair.handle(side, &request);
        let (status, body) = self.answer(handled).unwrap();
        assert!(status < 300, "{target}: {status} {body}");
        body
    }

    /// Whole roles again, and the follower follows: what stood between two recorded rounds.
    fn mend(&mut self, scenario: &str, follower: &str, before: i64) {
        self.pair.advance_to(before - 700);
        for (side, role, body) in prepare::roles(scenario) {
            self.send(
                side,
                Method::Put,
                &format!("/_security/role/{role}"),
                body.to_string(),
            );
        }
        let leader = follower.trim_end_matches("-f");
        let body = json!({"remote_cluster": "lead", "leader_index": leader}).to_string();
        for (method, call, body) in [
            (Method::Post, "_ccr/pause_follow", String::new()),
            (Method::Post, "_close", String::new()),
            (Method::Put, "_ccr/follow?wait_for_active_shards=1", body),
        ] {
            let request = Self::request(&format!("/{follower}/{call}"), method, body, Credential::Read);
            let handled = self.pair.handle(Side::Follower, &request);
            self.answer(handled);
        }
    }

    fn answer(&mut self, handled: Handled) -> Option<(u16, Value)> {
        let response = match handled {
            Handled::Answer(response) => response,
            Handled::Down => return None,
            Handled::Later(ticket) => loop {
                if let Some(response) = self.pair.take(ticket) {
                    break response;
                }
                let next = self.pair.next_event_ms()?;
                self.pair.advance_to(next);
                if self.pair.is_lost(ticket) {
                    return None;
                }
            },
        };
        let body = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
        Some((response.status, body))
    }

    fn event(&mut self, event: &str, at: i64, steps: &[Value], number: usize) {
        match event {
            "leader node killed"
            | "follower node killed"
            | "leader node started"
            | "follower node started" => {
                let side = if event.starts_with("leader") {
                    Side::Leader
                } else {
                    Side::Follower
                };
                if event.ends_with("killed") {
                    self.pair.advance_to(at);
                    self.pair.kill_node(side);
                } else {
                    // The recorder notes a start once the node answers and its shards are there.
                    self.pair.advance_to(at - 2_000);
                    self.pair.start_node(side);
                    self.pair.advance_to(at);
                }
            }
            _ if event.starts_with("the API key of k1-f was invalidated") => {
                self.pair.advance_to(at);
                self.pair.set_user(Credential::Read, "boss");
                let empty = json!({"cluster": [], "indices": []}).to_string();
                self.send(Side::Leader, Method::Put, "/_security/role/act", empty);
                for user in ["api-key", "act2"] {
                    for side in [Side::Leader, Side::Follower] {
                        self.send(
                            side,
                            Method::Delete,
                            &format!("/_security/user/{user}"),
                            String::new(),
                        );
                    }
                }
            }
            _ if event.starts_with("routed updates") => self.one_shard_loses(at, steps, number),
            _ => self.differences.push(format!("event not played: {event}")),
        }
    }

    /// The writes of recording 50: as many as its next `_stats` shows, those of the last round
    /// after the lease had expired.
    fn one_shard_loses(&mut self, at: i64, steps: &[Value], number: usize) {
        let next = &steps[number + 1];
        let path = next.get("path").and_then(Value::as_str).unwrap_or_default();
        let index = path.split('/').nth(1).unwrap_or_default().to_owned();
        let before = self.send(
            Side::Leader,
            Method::Get,
            &format!("/{index}/_stats?level=shards"),
            String::new(),
        );
        let after = next.get("response").unwrap();
        let highest = |stats: &Value, shard: &str| {
            stats
                .pointer(&format!("/indices/{index}/shards/{shard}/0/seq_no/max_seq_no"))
                .and_then(Value::as_i64)
                .unwrap()
        };
        let shards = after.pointer(&format!("/indices/{index}/shards")).unwrap();
        let shard = shards
            .as_object()
            .unwrap()
            .keys()
            .find(|shard| highest(after, shard) != highest(&before, shard))
            .unwrap()
            .clone();
        let leases = after
            .pointer(&format!(
                "/indices/{index}/shards/{shard}/0/retention_leases/leases"
            ))
            .and_then(Value::as_array)
            .unwrap();
        let kept = leases[0].get("retaining_seq_no").and_then(Value::as_i64).unwrap();
        // An id that is routed to the shard.
        let routing = (0..100)
            .map(|n| format!("r{n}"))
            .find(|routing| {
                let mut probe = self.pair.clone();
                let body = prepare::routed_updates(1, routing);
                let request = Self::request(&format!("/{index}/_bulk"), Method::Post, body, Credential::Read);
                probe.handle(Side::Leader, &request);
                let request = Self::request(
                    &format!("/{index}/_stats?level=shards"),
                    Method::Get,
                    String::new(),
                    Credential::Read,
                );
                let Handled::Answer(answer) = probe.handle(Side::Leader, &request) else {
                    return false;
                };
                let stats: Value = serde_json::from_slice(&answer.body).unwrap();
                highest(&stats, &shard) != highest(&before, &shard)
            })
            .unwrap();
        let first = kept - highest(&before, &shard) - 1;
        let last = highest(after, &shard) + 1 - kept;
        let now = self.pair.now_ms();
        for (when, count) in [(now + 3_000, first), (at - 300, last)] {
            self.pair.advance_to(when);
            let merge = |player: &mut Self| {
                player.send(
                    Side::Leader,
                    Method::Post,
                    &format!("/{index}/_flush?force=true"),
                    String::new(),
                );
                player.send(
                    Side::Leader,
                    Method::Post,
                    &format!("/{index}/_forcemerge?max_num_segments=1"),
                    String::new(),
                );
            };
            merge(self);
            self.send(
                Side::Leader,
                Method::Post,
                &format!("/{index}/_bulk"),
                prepare::routed_updates(count, &routing),
            );
            merge(self);
            merge(self);
        }
    }

    fn step(&mut self, number: usize, step: &Value) {
        let text = |key: &str| step.get(key).and_then(Value::as_str).unwrap_or_default();
        let side = if text("cluster") == "leader" {
            Side::Leader
        } else {
            Side::Follower
        };
        let method = match text("method") {
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "DELETE" => Method::Delete,
            "HEAD" => Method::Head,
            _ => Method::Get,
        };
        let target = text("path");
        let user = match step.get("note").and_then(Value::as_str) {
            Some("wrong password") => "nobody",
            _ => step.get("as").and_then(Value::as_str).unwrap_or("boss"),
        };
        self.pair.set_user(Credential::Act, user);
        let body = self.body(step);
        let request = Self::request(target, method, body, Credential::Act);
        let handled = self.pair.handle(side, &request);
        let recorded = step.get("response").unwrap_or(&Value::Null);
        let path = target.split('?').next().unwrap_or_default().to_owned();
        let here = format!("step {number} {} {target}", text("method"));
        if step.get("status").is_none_or(Value::is_null) {
            let took = step.get("took_ms").and_then(Value::as_i64).unwrap_or(0);
            self.no_answer(&here, handled, took);
            return;
        }
        let status = step.get("status").and_then(Value::as_u64).unwrap_or(0);
        let Some((ours, body)) = self.answer(handled) else {
            self.differences
                .push(format!("{here}: no answer, recorded {status}"));
            return;
        };
        if self.of_others(&path, recorded) {
            return;
        }
        self.compared += 1;
        if u64::from(ours) != status {
            self.differences.push(format!(
                "{here}: status {ours} {}, recorded {status}",
                short(&body)
            ));
            return;
        }
        self.learn(recorded, &body);
        if status >= 400 {
            let (theirs, ours) = (recorded.get("error"), body.get("error"));
            let root = |error: Option<&Value>| {
                let roots = error.and_then(|error| error.get("root_cause")).cloned();
                roots.map(|roots| exceptions(&roots))
            };
            self.same(
                &here,
                "error.root_cause",
                &json!(root(theirs)),
                &json!(root(ours)),
            );
            let chain = |error: Option<&Value>| error.map_or(Value::Null, exceptions);
            self.same(&here, "error", &chain(theirs), &chain(ours));
            return;
        }
        let (mut theirs, mut ours) = (self.normal(&path, recorded), self.normal(&path, &body));
        leave_out_unbegun(&mut theirs, &mut ours);
        self.compare(&here, &path, &theirs, &ours);
    }

    /// The recorded client gave up, or met no server.
    fn no_answer(&mut self, here: &str, handled: Handled, took: i64) {
        let until = self.pair.now_ms() + took;
        self.pair.advance_to(until);
        match handled {
            Handled::Down => {}
            Handled::Later(ticket) => {
                if let Some(answer) = self.pair.take(ticket) {
                    self.differences.push(format!(
                        "{here}: answered {} within {took} ms, recorded none",
                        answer.status
                    ));
                }
            }
            Handled::Answer(answer) => self
                .differences
                .push(format!("{here}: answered {}, recorded no answer", answer.status)),
        }
    }

    /// The body of a step: expanded bulks, and identifiers that are ours.
    fn body(&self, step: &Value) -> String {
        if let Some(bulk) = step.get("bulk") {
            let number = |key: &str| bulk.get(key).and_then(Value::as_i64).unwrap_or(0);
            let action = bulk.get("action").and_then(Value::as_str).unwrap_or("index");
            return prepare::bulk(action, number("first_id"), number("last_id"));
        }
        let Some(body) = step.get("body").filter(|body| !body.is_null()) else {
            return String::new();
        };
        let mut body = body.clone();
        let follower = body
            .get("follower_index")
            .and_then(Value::as_str)
            .map(str::to_owned);
        let recorded = body
            .get("follower_index_uuid")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if let (Some(follower), Some(recorded)) = (follower, recorded) {
            let ours = self
                .known
                .get(&recorded)
                .cloned()
                .or_else(|| self.uuid(&follower))
                .unwrap_or(recorded);
            body["follower_index_uuid"] = json!(ours);
        }
        body.to_string()
    }

    fn uuid(&self, follower: &str) -> Option<String> {
        let mut pair = self.pair.clone();
        let request = Self::request(
            &format!("/{follower}/_settings?flat_settings=true"),
            Method::Get,
            String::new(),
            Credential::Read,
        );
        let Handled::Answer(answer) = pair.handle(Side::Follower, &request) else {
            return None;
        };
        let body: Value = serde_json::from_slice(&answer.body).ok()?;
        body.get(follower)?
            .get("settings")?
            .get("index.uuid")?
            .as_str()
            .map(str::to_owned)
    }

    /// Notes which of our identifiers stands where a recorded one stands.
    fn learn(&mut self, recorded: &Value, ours: &Value) {
        match (recorded, ours) {
            (Value::Object(theirs), Value::Object(ours)) => {
                for (key, value) in theirs {
                    if let Some(our) = ours.get(key) {
                        self.learn(value, our);
                    }
                }
            }
            (Value::String(theirs), Value::String(ours)) if is_id(theirs) && is_id(ours) => {
                self.known.insert(theirs.clone(), ours.clone());
            }
            _ => {}
        }
    }

    /// Whole-cluster answers that tell of another scenario's index only.
    fn of_others(&self, path: &str, recorded: &Value) -> bool {
        path == "/_cluster/allocation/explain"
            && recorded
                .get("index")
                .and_then(Value::as_str)
                .is_none_or(|index| !self.own.contains(index))
    }

    fn owns(&self, name: Option<&Value>) -> bool {
        name.and_then(Value::as_str)
            .is_some_and(|name| self.own.contains(name))
    }

    /// Brings an answer into a comparable form: lists keyed, strangers left out.
    fn normal(&self, path: &str, body: &Value) -> Value {
        let mut body = body.clone();
        let keep = |list: Option<&mut Value>, key: &str| {
            if let Some(Value::Array(items)) = list {
                items.retain(|item| self.owns(item.get(key)));
            }
        };
        if path.ends_with("/_ccr/stats") {
            keep(body.pointer_mut("/follow_stats/indices"), "index");
            let auto = self.own.iter().any(|name| name.starts_with("auto"));
            if !auto && let Some(object) = body.as_object_mut() {
                object.remove("auto_follow_stats");
            }
        } else if path.ends_with("/_ccr/info") {
            keep(body.get_mut("follower_indices"), "follower_index");
        } else if path.ends_with("/_recovery") {
            body = recoveries(&body);
        } else if path.contains("/_cluster/state/") {
            if let Some(tasks) = body.pointer_mut("/metadata/persistent_tasks/tasks") {
                *tasks = self.tasks(tasks);
            }
        } else if path.contains("/_stats") && !path.starts_with("/_nodes") {
            keyed_leases(&mut body);
        } else if path == "/_cluster/allocation/explain" {
            body = explained(&body);
        } else if path == "/_nodes" || path.starts_with("/_nodes/") {
            if let Some(Value::Object(nodes)) = body.get("nodes") {
                let list: Vec<Value> = nodes.values().cloned().collect();
                body = json!({"nodes": list});
            }
        } else if path == "/_remote/info"
            && let Value::Object(remotes) = &mut body
        {
            for remote in remotes.values_mut().filter_map(Value::as_object_mut) {
                remote.remove("seeds");
            }
        }
        body
    }

    fn tasks(&self, tasks: &Value) -> Value {
        let mut keyed = Map::new();
        for task in tasks.as_array().into_iter().flatten() {
            let Some(params) = task.pointer("/task/xpack~1ccr~1shard_follow_task/params") else {
                continue;
            };
            if !self.owns(params.get("follow_shard_index")) {
                continue;
            }
            let key = format!(
                "{}-{}",
                params["follow_shard_index"], params["follow_shard_shard"]
            );
            let node = task.pointer("/assignment/executor_node");
            let assigned = node.is_some_and(|node| !node.is_null());
            let mut params = params.clone();
            if let Some(object) = params.as_object_mut() {
                object.remove("headers");
            }
            keyed.insert(key, json!({"params": params, "assigned": assigned}));
        }
        Value::Object(keyed)
    }

    fn compare(&mut self, here: &str, path: &str, theirs: &Value, ours: &Value) {
        if path.ends_with("/_ccr/stats") {
            for prefix in ["indices.*.", "follow_stats.indices.*."] {
                self.rule(here, &format!("{prefix}index"), How::Equal, theirs, ours);
                for (field, how) in SHARD {
                    self.rule(here, &format!("{prefix}shards.*.{field}"), how, theirs, ours);
                }
            }
        }
        for (route, field, how) in RULES.iter().chain(&MORE) {
            let applies = if *route == "/" {
                path == "/"
            } else if route.ends_with('/') {
                path.contains(route)
            } else {
                path.ends_with(route)
            };
            if applies {
                self.rule(here, field, *how, theirs, ours);
            }
        }
        if path == "/_cluster/settings" && theirs.get("defaults").is_some() {
            for key in CLUSTER_SETTINGS {
                let of = |body: &Value| body.get("defaults").and_then(|all| all.get(key)).cloned();
                self.same(here, key, &json!(of(theirs)), &json!(of(ours)));
            }
        }
    }

    fn rule(&mut self, here: &str, field: &str, how: How, theirs: &Value, ours: &Value) {
        let pattern: Vec<&str> = field.split('.').filter(|part| !part.is_empty()).collect();
        let mut paths = BTreeSet::new();
        collect(theirs, &pattern, &mut Vec::new(), &mut paths);
        collect(ours, &pattern, &mut Vec::new(), &mut paths);
        for path in paths {
            let (their, our) = (lookup(theirs, &path), lookup(ours, &path));
            let label = path.join(".");
            let (their, our) = match how {
                How::Equal => (json!(their.map(masked)), json!(our.map(masked))),
                How::Presence => (json!(their.is_some()), json!(our.is_some())),
                How::Zero => {
                    let zero = |value: Option<&Value>| value.map(|value| value.as_i64() == Some(0));
                    (json!(zero(their)), json!(zero(our)))
                }
                How::Term => {
                    let term = |value: Option<&Value>| value.and_then(Value::as_i64).map(|term| term.min(4));
                    (json!(term(their)), json!(term(our)))
                }
                How::Exception => (json!(their.map(exceptions)), json!(our.map(exceptions))),
            };
            self.same(here, &label, &their, &our);
        }
    }

    fn same(&mut self, here: &str, label: &str, theirs: &Value, ours: &Value) {
        self.compared += 1;
        if theirs == ours {
            return;
        }
        match (theirs, ours) {
            (Value::Object(a), Value::Object(b)) => {
                let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
                for key in keys {
                    let value = |map: &Map<String, Value>| map.get(key).cloned().unwrap_or(json!("(absent)"));
                    self.same(here, &format!("{label}.{key}"), &value(a), &value(b));
                }
            }
            _ => self.differences.push(format!(
                "{here}: {label}: {}, recorded {}",
                short(ours),
                short(theirs)
            )),
        }
    }
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(300).collect()
}

fn is_id(text: &str) -> bool {
    text.len() == 22
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
        && text.chars().any(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// A value with identifiers, times and the like replaced by what they are.
fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(masked_text(text)),
        Value::Number(number)
            if number
                .as_i64()
                .is_some_and(|n| n > 1_000_000_000_000 && n < i64::MAX / 2) =>
        {
            json!("(time)")
        }
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        Value::Object(object) => Value::Object(
            object
                .iter()
                .map(|(key, value)| (masked_text(key), masked(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

fn masked_text(text: &str) -> String {
    if text.contains('/') || text.contains(',') {
        let separator = if text.contains('/') { '/' } else { ',' };
        let parts: Vec<String> = text.split(separator).map(masked_text).collect();
        return parts.join(&separator.to_string());
    }
    if let Some((id, rest)) = text.split_once("-following-") {
        return format!("{}-following-{rest}", masked_text(id));
    }
    if is_id(text) {
        return "(id)".to_owned();
    }
    if text.len() == 13 && text.chars().all(|c| c.is_ascii_digit()) {
        return "(time)".to_owned();
    }
    text.to_owned()
}

/// A text without identifiers and numbers; of a shard's description the beginning, of a failed
/// authentication only that it failed (the recorded credentials cannot be sent).
fn shape(text: &str) -> String {
    if text.contains("authenticat") {
        return "(not authenticated)".to_owned();
    }
    let text = text.split("unassigned_info").next().unwrap_or_default();
    let mut told = String::new();
    for word in text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))) {
        let bare = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')));
        // An identifier, alone or followed by a shard number or by what it follows.
        let id = word
            .get(..22)
            .filter(|id| is_id(id))
            .is_some_and(|_| bare.len() == 22 || bare.as_bytes().get(22) == Some(&b'-'));
        if id {
            told.push_str("(id)");
            told.push_str(&word[22..]);
        } else {
            told.extend(word.chars().filter(|c| !c.is_ascii_digit()));
        }
    }
    told
}

/// Exception types along the chain, with what a judge reads of them.
fn exceptions(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(exceptions).collect()),
        Value::Object(object) => {
            let mut told = Map::new();
            for (key, value) in object {
                match key.as_str() {
                    "type"
                    | "requested_operations_missing"
                    | "index"
                    | "phase"
                    | "license.expired.feature" => {
                        told.insert(key.clone(), masked(value));
                    }
                    "reason" => {
                        let text = value.as_str().map_or(Value::Null, |text| json!(shape(text)));
                        told.insert(key.clone(), text);
                    }
                    "caused_by" | "suppressed" => {
                        told.insert(key.clone(), exceptions(value));
                    }
                    "failed_to_remove_retention_leases" => {
                        told.insert(key.clone(), json!(true));
                    }
                    _ => {}
                }
            }
            Value::Object(told)
        }
        other => other.clone(),
    }
}

/// A task that has not begun (no version taken over yet) shows zeros for some milliseconds: such
/// a shard is left out on both sides.
fn leave_out_unbegun(theirs: &mut Value, ours: &mut Value) {
    match (theirs, ours) {
        (Value::Object(theirs), Value::Object(ours)) => {
            for (key, value) in theirs {
                if let Some(our) = ours.get_mut(key) {
                    leave_out_unbegun(value, our);
                }
            }
        }
        (Value::Array(theirs), Value::Array(ours)) if theirs.len() == ours.len() => {
            for (theirs, ours) in theirs.iter_mut().zip(ours) {
                if theirs.get("follower_mapping_version") == Some(&json!(0)) {
                    *theirs = Value::Null;
                    *ours = Value::Null;
                } else {
                    leave_out_unbegun(theirs, ours);
                }
            }
        }
        _ => {}
    }
}

fn recoveries(body: &Value) -> Value {
    let mut all = Map::new();
    for (index, told) in body.as_object().into_iter().flatten() {
        let mut shards = Map::new();
        for shard in told.get("shards").and_then(Value::as_array).into_iter().flatten() {
            let number = |path: &str| shard.pointer(path).and_then(Value::as_i64).unwrap_or(-1);
            let ended = shard.get("stage") == Some(&json!("DONE"));
            shards.insert(
                shard["id"].to_string(),
                json!({
                    "type": shard["type"], "stage": shard["stage"], "primary": shard["primary"],
                    "repository": shard.pointer("/source/repository"),
                    "leader": shard.pointer("/source/index"),
                    "all copied": ended && number("/index/size/recovered_in_bytes") + number("/index/size/reused_in_bytes") == number("/index/size/total_in_bytes"),
                    "percent": ended.then(|| shard.pointer("/index/size/percent")),
                    "stopped": shard.get("stop_time_in_millis").is_some(),
                }),
            );
        }
        all.insert(index.clone(), Value::Object(shards));
    }
    Value::Object(all)
}

/// Leases as a map from id to what they retain.
fn keyed_leases(body: &mut Value) {
    match body {
        Value::Object(object) => {
            if let Some(leases) = object.get("retention_leases") {
                let mut keyed = Map::new();
                for lease in leases
                    .get("leases")
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten()
                {
                    let id = masked_text(lease["id"].as_str().unwrap_or_default());
                    let source = &lease["source"];
                    keyed.insert(
                        id,
                        json!({"retaining_seq_no": lease["retaining_seq_no"], "source": source}),
                    );
                }
                object.insert("retention_leases".to_owned(), Value::Object(keyed));
            }
            for value in object.values_mut() {
                keyed_leases(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(keyed_leases),
        _ => {}
    }
}

/// What a person and a guard read of an allocation explanation.
fn explained(body: &Value) -> Value {
    let no: BTreeSet<&str> = body
        .pointer("/node_allocation_decisions/0/deciders")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|decider| decider.get("decider").and_then(Value::as_str))
        .collect();
    json!({"index": body["index"], "shard": body["shard"], "primary": body["primary"],
        "current_state": body["current_state"], "can_allocate": body["can_allocate"],
        "reason": body.pointer("/unassigned_info/reason"), "deciders": no})
}

fn collect(value: &Value, pattern: &[&str], at: &mut Vec<String>, paths: &mut BTreeSet<Vec<String>>) {
    let Some((first, rest)) = pattern.split_first() else {
        paths.insert(at.clone());
        return;
    };
    let mut go = |key: String, inner: &Value| {
        at.push(key);
        collect(inner, rest, at, paths);
        at.pop();
    };
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                if *first == "*" || *first == key {
                    go(key.clone(), inner);
                }
            }
        }
        Value::Array(items) if *first == "*" => {
            for (number, inner) in items.iter().enumerate() {
                go(number.to_string(), inner);
            }
        }
        _ => {}
    }
}

fn lookup<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |at, key| match at {
        Value::Object(object) => object.get(key),
        Value::Array(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}
