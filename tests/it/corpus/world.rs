//! Two clusters as far as evidence shows them: what a scenario sets, and the answers that a daemon
//! (or a person with `curl`) would get to each call. It knows nothing of the judge.
//!
//! Shapes are those of the recordings; what differs between versions (`ccr` in the cluster state
//! from 8.0, `total_global_checkpoint_lag` from 8.13) follows from the version.

use serde_json::{Map, Value, json};

use super::vary::{CLUSTERS, Dice, NAMES, VERSIONS, encoded, instant};

/// Instant of the first look: 2026-11-23T10:00:00Z.
const START_MILLIS: i64 = 1_795_428_000_000;

/// Whether `_ccr/info` knows the index, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follow {
    /// It has follow tasks.
    Active,
    /// It has CCR metadata and no tasks.
    Paused,
    /// It exists without CCR metadata.
    Unfollowed,
    /// It does not exist.
    Missing,
}

/// One shard of the follower, its task and its leader's shard.
#[derive(Debug, Clone)]
pub struct Shard {
    /// The task's word of the leader.
    pub task_leader: i64,
    /// The follower's own `max_seq_no` and global checkpoint.
    pub reached: i64,
    /// The leader shard's `max_seq_no` and global checkpoint by its own word.
    pub leader: i64,
    /// History UUID of the leader's shard now.
    pub history: Value,
    /// `time_since_last_read_millis`.
    pub idle: i64,
    /// `fatal_exception`.
    pub fatal: Option<Value>,
    /// `read_exceptions`.
    pub reads: Vec<Value>,
    /// `failed_write_requests`.
    pub failed_writes: i64,
    /// `operations_written`, `successful_write_requests`.
    pub written: i64,
    /// It is listed in the statistics.
    pub task: bool,
    /// The node of its task; none: it is not assigned.
    pub node: Option<&'static str>,
    /// State and recovery source of its primary in the routing table.
    pub routing: (&'static str, Option<&'static str>),
}

/// Everything that the answers are made from.
#[derive(Debug, Clone)]
pub struct World {
    /// Which forms the answers take.
    pub dice: Dice,
    /// Version of the follower cluster.
    pub version: String,
    /// Version of the leader cluster.
    pub leader_version: String,
    /// Cluster names in the file, and the alias.
    pub clusters: (String, String, String),
    /// Index names.
    pub follower: String,
    /// Leader index.
    pub leader: String,
    /// UUIDs: of the follower, of the leader as followed, of the index in the leader's place.
    pub follower_uuid: String,
    /// UUID of the leader that is followed.
    pub followed_uuid: String,
    /// Histories followed.
    pub followed_histories: Vec<String>,
    /// UUID of what stands there now.
    pub present_uuid: Value,
    /// `cluster_uuid` of follower and leader cluster.
    pub cluster_uuids: (String, String),
    /// Shards.
    pub shards: Vec<Shard>,
    /// What `_ccr/info` says.
    pub follow: Follow,
    /// Follow parameters that `_ccr/info` shows while active.
    pub parameters: Value,
    /// `None`: the alias is not configured.
    pub connected: Option<bool>,
    /// Seeds of the alias.
    pub seeds: Vec<String>,
    /// The follower index is open.
    pub open: bool,
    /// Further settings of the follower, flat.
    pub settings: Map<String, Value>,
    /// Health of the follower index and its active primaries.
    pub health: (&'static str, u32),
    /// Entries of `_recovery`.
    pub recovery: Vec<Value>,
    /// The leader index exists.
    pub leader_there: bool,
    /// It is open.
    pub leader_open: bool,
    /// Further settings of the leader, flat.
    pub leader_settings: Map<String, Value>,
    /// Health of the leader index and its active primaries.
    pub leader_health: (&'static str, u32),
    /// Documents: follower, leader.
    pub documents: (u64, u64),
    /// Type and status of both licences.
    pub licenses: [(&'static str, &'static str); 2],
    /// `remembered`.
    pub remembered: Value,
    /// The file names the leader cluster.
    pub leader_looked_at: bool,
    /// Milliseconds since the start.
    pub clock: i64,
    /// What was answered so far.
    pub responses: Vec<Value>,
    /// Form of the instants.
    pub form: u64,
}

/// What a file should be judged as, and why.
#[derive(Debug, Clone)]
pub struct Label {
    /// State, where it is certain.
    pub state: Option<&'static str>,
    /// Cause.
    pub cause: &'static str,
    /// Ladder.
    pub ladder: &'static [&'static str],
    /// Approval.
    pub approval: &'static str,
    /// Which sentence of contract, `measured.md` or reference demands it.
    pub why: String,
}

/// One file of the corpus.
#[derive(Debug, Clone)]
pub struct Entry {
    /// `<cause>/<name>.json`.
    pub file: String,
    /// The evidence.
    pub evidence: Value,
    /// Its label.
    pub label: Label,
}

impl World {
    /// A healthy pair; what the number decides is only what no label depends on, but for the version.
    pub fn new(number: u64) -> Self {
        let version = VERSIONS[usize::try_from(number).unwrap() % VERSIONS.len()];
        Self::of(number, version)
    }

    /// The same with a version.
    pub fn of(number: u64, version: &str) -> Self {
        let mut dice = Dice::new(number);
        let (follower, leader) = *dice.of(NAMES);
        let (eu, us, alias) = *dice.of(CLUSTERS);
        let count = [1, 1, 2, 3, 5][usize::try_from(dice.below(5)).unwrap()];
        let followed_uuid = dice.uuid();
        let mut world = Self {
            version: version.to_owned(),
            leader_version: version.to_owned(),
            clusters: (eu.to_owned(), us.to_owned(), alias.to_owned()),
            follower: follower.to_owned(),
            leader: leader.to_owned(),
            follower_uuid: dice.uuid(),
            present_uuid: json!(followed_uuid),
            followed_uuid,
            followed_histories: Vec::new(),
            cluster_uuids: (dice.uuid(), dice.uuid()),
            shards: Vec::new(),
            follow: Follow::Active,
            parameters: json!({ "max_read_request_operation_count": 5120, "max_retry_delay": "500ms", "read_poll_timeout": "1m" }),
            connected: Some(true),
            seeds: vec![format!("10.0.{}.7:9300", dice.below(200))],
            open: true,
            settings: Map::new(),
            health: ("green", 0),
            recovery: Vec::new(),
            leader_there: true,
            leader_open: true,
            leader_settings: Map::new(),
            leader_health: ("green", 0),
            documents: (0, 0),
            licenses: [("trial", "active"); 2],
            remembered: json!({}),
            leader_looked_at: true,
            clock: 0,
            responses: Vec::new(),
            form: dice.roll(),
            dice,
        };
        world.set_shards(count);
        world
    }

    /// So many shards, all well.
    pub fn set_shards(&mut self, count: u32) {
        self.shards.clear();
        self.followed_histories.clear();
        for _ in 0..count {
            let reached = 400 + i64::try_from(self.dice.below(9_000)).unwrap();
            let history = self.dice.uuid();
            self.followed_histories.push(history.clone());
            self.shards.push(Shard {
                task_leader: reached,
                reached,
                leader: reached,
                history: json!(history),
                idle: 200 + i64::try_from(self.dice.below(40_000)).unwrap(),
                fatal: None,
                reads: Vec::new(),
                failed_writes: 0,
                written: reached + 1,
                task: true,
                node: Some("node-1"),
                routing: ("STARTED", None),
            });
        }
        self.health.1 = count;
        self.leader_health.1 = count;
        let documents: i64 = self.shards.iter().map(|shard| shard.reached + 1).sum();
        self.documents = (documents.unsigned_abs(), documents.unsigned_abs());
    }

    /// The follower cluster keeps the followed leader's UUID and histories in its cluster state.
    pub fn records_the_leader(&self) -> bool {
        !self.version.starts_with("7.")
    }

    /// A daemon that had watched it while it was well knows these.
    #[must_use]
    pub fn remembering(mut self) -> Self {
        self.remember("leader_index_uuid", json!(self.followed_uuid));
        self.remember("leader_shard_history_uuids", json!(self.followed_histories));
        self.remember("parameters", self.parameters.clone());
        self.remember("last_state", json!("following"));
        let well = self.instant(self.clock - 600_000);
        self.remember("last_well_at", json!(well));
        self
    }

    /// One remembered field.
    pub fn remember(&mut self, field: &str, value: Value) {
        if !self.remembered.is_object() {
            self.remembered = json!({});
        }
        self.remembered[field] = value;
    }

    /// An instant at so many milliseconds after the start.
    pub fn instant(&self, clock: i64) -> String {
        instant(START_MILLIS + clock, self.form)
    }

    /// Time passes.
    pub fn pass(&mut self, millis: i64) {
        self.clock += millis;
    }

    /// Adds one answer.
    pub fn push(
        &mut self,
        leader_side: bool,
        method: &str,
        path: &str,
        status: impl Into<Value>,
        body: Value,
    ) {
        let cluster = if leader_side {
            &self.clusters.1
        } else {
            &self.clusters.0
        };
        self.responses.push(json!({
            "at": self.instant(self.clock), "cluster": cluster, "method": method, "path": path,
            "status": status.into(), "body": body,
        }));
    }

    /// Adds one answer of the follower cluster.
    pub fn follower_says(&mut self, path: &str, status: u16, body: Value) {
        self.push(false, "GET", path, status, body);
    }

    /// Adds one answer of the leader cluster.
    pub fn leader_says(&mut self, path: &str, status: u16, body: Value) {
        self.push(true, "GET", path, status, body);
    }

    /// The looks that a daemon makes of every follower: statistics, info, remote.
    pub fn look(&mut self) {
        let from = self.responses.len();
        self.stats();
        self.info();
        self.remote();
        self.shuffle(from);
    }

    /// The second look at the follower: cluster state, settings, health.
    pub fn second_look(&mut self) {
        let from = self.responses.len();
        self.state();
        self.index_settings();
        self.index_health();
        self.shuffle(from);
    }

    /// The direct look at the leader cluster.
    pub fn leader_look(&mut self) {
        if !self.leader_looked_at {
            return;
        }
        let from = self.responses.len();
        self.leader_root();
        self.leader_index_settings();
        self.leader_stats();
        self.shuffle(from);
    }

    /// Everything, as of one moment.
    pub fn full_look(&mut self) {
        self.look();
        self.second_look();
        self.leader_look();
    }

    /// The answers of one moment in another order: they were asked for at once.
    fn shuffle(&mut self, from: usize) {
        if self.form % 3 == 1 {
            self.responses[from..].reverse();
        }
    }

    fn neighbours(&self) -> Vec<Value> {
        let mut list = Vec::new();
        let names = [
            format!("{}-2", self.follower.chars().take(40).collect::<String>()),
            "orders-f-other".to_owned(),
            "zzz".to_owned(),
        ];
        for (at, name) in names
            .iter()
            .enumerate()
            .take(usize::try_from(self.form % 4).unwrap())
        {
            // Another follower's trouble is not this one's.
            let mut shard = json!({ "shard_id": 0, "remote_cluster": self.clusters.2, "leader_index": "other",
                "follower_index": name, "leader_global_checkpoint": 9, "leader_max_seq_no": 9,
                "follower_global_checkpoint": 9, "follower_max_seq_no": 9, "time_since_last_read_millis": 800,
                "read_exceptions": [] });
            if at == 0 {
                shard["fatal_exception"] = super::exceptions::history_lost(1, 9);
            }
            list.push(json!({ "index": name, "shards": [shard] }));
        }
        list
    }

    fn shard_object(&self, id: usize, shard: &Shard) -> Value {
        let mut object = json!({
            "remote_cluster": self.clusters.2, "leader_index": self.leader, "follower_index": self.follower,
            "shard_id": id, "leader_global_checkpoint": shard.task_leader, "leader_max_seq_no": shard.task_leader,
            "follower_global_checkpoint": shard.reached, "follower_max_seq_no": shard.reached,
            "last_requested_seq_no": shard.task_leader, "outstanding_read_requests": 1,
            "failed_write_requests": shard.failed_writes, "operations_written": shard.written,
            "successful_write_requests": shard.written, "read_exceptions": shard.reads,
            "time_since_last_read_millis": shard.idle,
        });
        if let Some(fatal) = &shard.fatal {
            object["fatal_exception"] = fatal.clone();
        }
        if self.form % 5 == 2 {
            object["a_field_of_the_future"] = json!({ "nested": [1, null, "x"] });
        }
        object
    }

    /// `_ccr/stats`, in one of the ways to ask for it.
    pub fn stats(&mut self) {
        let name = encoded(&self.follower);
        let ours = self.follow == Follow::Active && self.shards.iter().any(|shard| shard.task);
        let by_name = self.form % 6;
        if !ours && (by_name == 1 || by_name == 4) {
            let reason = format!("No shard follow tasks for follower indices [{}]", self.follower);
            let error = json!({ "type": "resource_not_found_exception", "reason": reason });
            self.follower_says(
                &format!("/{name}/_ccr/stats"),
                404,
                json!({ "error": { "root_cause": [error.clone()], "type": "resource_not_found_exception", "reason": reason }, "status": 404 }),
            );
            return;
        }
        let mut list = if by_name == 1 {
            Vec::new()
        } else {
            self.neighbours()
        };
        if ours {
            let shards: Vec<Value> = self
                .shards
                .iter()
                .enumerate()
                .filter(|(_, shard)| shard.task)
                .map(|(id, shard)| self.shard_object(id, shard))
                .collect();
            let mut entry = json!({ "index": self.follower, "shards": shards });
            if matches!(self.version.as_str(), "8.13.4" | "8.15.1" | "9.0.2" | "9.1.0") {
                let lag: i64 = self
                    .shards
                    .iter()
                    .map(|shard| shard.task_leader - shard.reached)
                    .sum();
                entry["total_global_checkpoint_lag"] = json!(lag);
            }
            let at = usize::try_from(self.form / 7 % 3).unwrap().min(list.len());
            list.insert(at, entry);
        }
        let (path, body) = match by_name {
            1 => (format!("/{name}/_ccr/stats"), json!({ "indices": list })),
            2 => (
                "/_ccr/stats?filter_path=follow_stats".to_owned(),
                json!({ "follow_stats": { "indices": list } }),
            ),
            3 => ("/_all/_ccr/stats".to_owned(), json!({ "indices": list })),
            4 => (
                format!("/{name},zzz/_ccr/stats?human=true"),
                json!({ "indices": list }),
            ),
            _ => (
                "/_ccr/stats".to_owned(),
                json!({ "auto_follow_stats": { "number_of_failed_follow_indices": 0, "recent_auto_follow_errors": [],
                    "auto_followed_clusters": [] }, "follow_stats": { "indices": list } }),
            ),
        };
        self.follower_says(&path, 200, body);
    }

    /// `_ccr/info`, by name or in a list of all.
    pub fn info(&mut self) {
        let name = encoded(&self.follower);
        let by_name =
            self.form.is_multiple_of(2) || matches!(self.follow, Follow::Missing | Follow::Unfollowed);
        if self.follow == Follow::Missing {
            let body = self.not_found(&self.follower.clone());
            self.follower_says(&format!("/{name}/_ccr/info"), 404, body);
            return;
        }
        let mut list = Vec::new();
        if !by_name {
            list.push(json!({ "follower_index": "zzz", "remote_cluster": self.clusters.2, "leader_index": "other", "status": "active" }));
        }
        if self.follow != Follow::Unfollowed {
            let mut entry = json!({ "follower_index": self.follower, "remote_cluster": self.clusters.2,
                "leader_index": self.leader, "status": if self.follow == Follow::Active { "active" } else { "paused" } });
            if self.follow == Follow::Active {
                entry["parameters"] = self.parameters.clone();
            }
            list.push(entry);
        }
        let path = if by_name {
            format!("/{name}/_ccr/info")
        } else {
            "/*,.*/_ccr/info".to_owned()
        };
        self.follower_says(&path, 200, json!({ "follower_indices": list }));
    }

    /// `_remote/info`.
    pub fn remote(&mut self) {
        let mut body = json!({ "another": { "connected": true, "mode": "sniff", "seeds": ["10.9.9.9:9300"], "num_nodes_connected": 2,
            "max_connections_per_cluster": 3, "initial_connect_timeout": "30s", "skip_unavailable": true } });
        if let Some(connected) = self.connected {
            body[self.clusters.2.as_str()] = if self.form % 4 == 3 {
                json!({ "connected": connected, "mode": "proxy", "proxy_address": self.seeds[0], "server_name": "",
                    "num_proxy_sockets_connected": if connected { 18 } else { 0 }, "max_proxy_socket_connections": 18,
                    "initial_connect_timeout": "30s", "skip_unavailable": false })
            } else {
                json!({ "connected": connected, "mode": "sniff", "seeds": self.seeds,
                    "num_nodes_connected": u8::from(connected), "max_connections_per_cluster": 3,
                    "initial_connect_timeout": "30s", "skip_unavailable": false })
            };
        }
        self.follower_says("/_remote/info", 200, body);
    }

    /// `GET /` of the follower cluster.
    pub fn root(&mut self) {
        let body = json!({ "name": "node-1", "cluster_name": "follower-cluster", "cluster_uuid": self.cluster_uuids.0,
            "version": { "number": self.version }, "tagline": "You Know, for Search" });
        self.follower_says("/", 200, body);
    }

    fn flat_settings(&self) -> Map<String, Value> {
        let mut flat = Map::new();
        flat.insert("index.uuid".to_owned(), json!(self.follower_uuid));
        flat.insert(
            "index.number_of_shards".to_owned(),
            json!(self.shards.len().to_string()),
        );
        flat.insert("index.number_of_replicas".to_owned(), json!("0"));
        flat.insert("index.xpack.ccr.following_index".to_owned(), json!("true"));
        flat.insert("index.soft_deletes.enabled".to_owned(), json!("true"));
        if self.follow == Follow::Unfollowed {
            flat.remove("index.xpack.ccr.following_index");
        }
        if !self.open {
            flat.insert("index.verified_before_close".to_owned(), json!("true"));
        }
        flat.extend(self.settings.clone());
        flat
    }

    /// `/<f>/_settings`.
    pub fn index_settings(&mut self) {
        let name = encoded(&self.follower);
        if self.follow == Follow::Missing {
            let body = self.not_found(&self.follower.clone());
            self.follower_says(&format!("/{name}/_settings?flat_settings=true"), 404, body);
            return;
        }
        let flat = self.flat_settings();
        let (path, settings) = if self.form.is_multiple_of(3) {
            (format!("/{name}/_settings"), nested(&flat))
        } else {
            (
                format!("/{name}/_settings?flat_settings=true"),
                Value::Object(flat),
            )
        };
        let mut body = json!({});
        body[self.follower.as_str()] = json!({ "settings": settings });
        self.follower_says(&path, 200, body);
    }

    /// `_cluster/state/metadata,routing_table/<f>`.
    pub fn state(&mut self) {
        let name = encoded(&self.follower);
        let mut metadata = json!({});
        let mut routing = json!({});
        if self.follow != Follow::Missing {
            let mut meta = json!({ "state": if self.open { "open" } else { "close" }, "settings": nested(&self.flat_settings()),
                "aliases": [], "primary_terms": { "0": 1 } });
            if self.records_the_leader() && self.follow != Follow::Unfollowed {
                meta["ccr"] = json!({ "leader_index_uuid": self.followed_uuid, "leader_index_name": self.leader,
                    "remote_cluster_name": self.clusters.2,
                    "leader_index_shard_history_uuids": self.followed_histories.join(",") });
            }
            metadata[self.follower.as_str()] = meta;
            let mut shards = Map::new();
            for (id, shard) in self.shards.iter().enumerate() {
                let (state, source) = shard.routing;
                let mut copy = json!({ "state": state, "primary": true, "shard": id, "index": self.follower,
                    "node": if state == "UNASSIGNED" { Value::Null } else { json!("n1") } });
                if let Some(source) = source {
                    copy["recovery_source"] = json!({ "type": source });
                }
                if state == "UNASSIGNED" {
                    copy["unassigned_info"] = json!({ "reason": "NODE_LEFT", "delayed": false, "allocation_status": "no_valid_shard_copy" });
                }
                shards.insert(id.to_string(), json!([copy]));
            }
            routing[self.follower.as_str()] = json!({ "shards": shards });
        }
        let (path, body) = if self.form.is_multiple_of(4) {
            (
                format!(
                    "/_cluster/state/metadata/{name}?filter_path=metadata.indices.*.state,metadata.indices.*.settings,metadata.indices.*.ccr"
                ),
                json!({ "metadata": { "indices": metadata } }),
            )
        } else {
            (
                format!(
                    "/_cluster/state/metadata,routing_table/{name}?filter_path=metadata.indices,routing_table.indices"
                ),
                json!({ "metadata": { "indices": metadata }, "routing_table": { "indices": routing } }),
            )
        };
        // With `filter_path` an empty part is left out of the answer.
        let body = if self.follow == Follow::Missing {
            json!({ "metadata": { "indices": {} } })
        } else {
            body
        };
        let path = if self.follow == Follow::Missing {
            format!("/_cluster/state/metadata/{name}")
        } else {
            path
        };
        self.follower_says(&path, 200, body);
    }

    /// The follow tasks among the persistent tasks.
    pub fn tasks(&mut self) {
        let mut tasks = Vec::new();
        if self.follow == Follow::Active {
            for (id, shard) in self.shards.iter().enumerate() {
                let mut task = json!({ "id": format!("{}-{id}", self.follower_uuid), "task": { "xpack/ccr/shard_follow_task": { "params": {
                    "remote_cluster": self.clusters.2, "follow_shard_index": self.follower, "follow_shard_index_uuid": self.follower_uuid,
                    "follow_shard_shard": id, "leader_shard_index": self.leader, "leader_shard_index_uuid": self.followed_uuid,
                    "leader_shard_shard": id } } }, "allocation_id": 3 });
                task["assignment"] = match shard.node {
                    Some(node) => json!({ "executor_node": node, "explanation": "" }),
                    None => {
                        json!({ "executor_node": null, "explanation": "no nodes with the [remote_cluster_client] role" })
                    }
                };
                tasks.push(task);
            }
        }
        self.follower_says(
            "/_cluster/state/metadata?filter_path=metadata.persistent_tasks",
            200,
            json!({ "metadata": { "persistent_tasks": { "last_allocation_id": 9, "tasks": tasks } } }),
        );
    }

    /// `_cluster/health/<f>?level=shards`.
    pub fn index_health(&mut self) {
        let name = encoded(&self.follower);
        if self.follow == Follow::Missing {
            return;
        }
        let (status, active) = self.health;
        let count = u32::try_from(self.shards.len()).unwrap();
        let mut body = json!({ "cluster_name": "follower-cluster", "status": status, "timed_out": false, "indices": {} });
        body["indices"][self.follower.as_str()] = json!({ "status": status, "number_of_shards": count, "number_of_replicas": 0,
            "active_primary_shards": active, "active_shards": active, "initializing_shards": 0,
            "unassigned_shards": count - active });
        self.follower_says(&format!("/_cluster/health/{name}?level=shards"), 200, body);
    }

    /// `/<f>/_recovery`.
    pub fn index_recovery(&mut self) {
        let name = encoded(&self.follower);
        let mut body = json!({});
        if !self.recovery.is_empty() {
            body[self.follower.as_str()] = json!({ "shards": self.recovery });
        }
        self.follower_says(&format!("/{name}/_recovery?active_only=false"), 200, body);
    }

    /// A remote recovery of one shard.
    pub fn remote_recovery(&self, shard: usize, stage: &str, moved: u64, total: u64) -> Value {
        json!({ "id": shard, "type": "SNAPSHOT", "stage": stage, "primary": true, "start_time_in_millis": START_MILLIS - 3_000_000,
            "source": { "repository": format!("_ccr_{}", self.clusters.2), "snapshot": "_latest_", "index": self.leader, "restoreUUID": "r" },
            "target": { "name": "node-1" },
            "index": { "size": { "total_in_bytes": total, "recovered_in_bytes": moved, "reused_in_bytes": 0 }, "files": { "total": 9, "recovered": 3 } } })
    }

    /// `/<f>/_stats` of the follower.
    pub fn index_stats(&mut self) {
        let name = encoded(&self.follower);
        let body = self.stats_body(
            &self.follower.clone(),
            &json!(self.follower_uuid),
            self.documents.0,
            false,
        );
        self.follower_says(&format!("/{name}/_stats/docs,store?level=shards"), 200, body);
    }

    fn stats_body(&self, index: &str, uuid: &Value, documents: u64, leader: bool) -> Value {
        let mut shards = Map::new();
        let active = if leader {
            self.leader_health.1
        } else {
            self.health.1
        };
        for (id, shard) in self
            .shards
            .iter()
            .enumerate()
            .take(usize::try_from(active).unwrap())
        {
            let seq = if leader { shard.leader } else { shard.reached };
            let mut copy = json!({ "routing": { "state": "STARTED", "primary": true, "node": "n1" },
                "docs": { "count": seq + 1 }, "seq_no": { "max_seq_no": seq, "local_checkpoint": seq, "global_checkpoint": seq } });
            if leader {
                copy["commit"] = json!({ "generation": 4, "user_data": { "history_uuid": shard.history, "max_seq_no": seq.to_string() } });
            }
            shards.insert(id.to_string(), json!([copy]));
        }
        let mut body = json!({ "_shards": { "total": shards.len(), "successful": shards.len(), "failed": 0 }, "indices": {} });
        body["indices"][index] = json!({ "uuid": uuid, "primaries": { "docs": { "count": documents, "deleted": 0 } }, "shards": shards });
        body
    }

    /// The error of a call that names an index which is not there.
    #[expect(clippy::unused_self, reason = "reads like the other answers of a world")]
    pub fn not_found(&self, index: &str) -> Value {
        let error = json!({ "type": "index_not_found_exception", "reason": format!("no such index [{index}]"),
            "resource.type": "index_or_alias", "resource.id": index, "index_uuid": "_na_", "index": index });
        let mut whole = error.clone();
        whole["root_cause"] = json!([error]);
        json!({ "error": whole, "status": 404 })
    }

    /// The error of a call that names a closed index.
    pub fn is_closed(index: &str, uuid: &Value) -> Value {
        let error = json!({ "type": "index_closed_exception", "reason": "closed", "index_uuid": uuid, "index": index });
        let mut whole = error.clone();
        whole["root_cause"] = json!([error]);
        json!({ "error": whole, "status": 400 })
    }

    /// `GET /` of the leader cluster.
    pub fn leader_root(&mut self) {
        let body = json!({ "name": "node-7", "cluster_name": "leader-cluster", "cluster_uuid": self.cluster_uuids.1,
            "version": { "number": self.leader_version }, "tagline": "You Know, for Search" });
        self.leader_says("/", 200, body);
    }

    /// `/<l>/_settings`.
    pub fn leader_index_settings(&mut self) {
        let name = encoded(&self.leader);
        let path = format!("/{name}/_settings?flat_settings=true");
        if !self.leader_there {
            let body = self.not_found(&self.leader.clone());
            self.leader_says(&path, 404, body);
            return;
        }
        let mut flat = Map::new();
        flat.insert("index.uuid".to_owned(), self.present_uuid.clone());
        flat.insert(
            "index.number_of_shards".to_owned(),
            json!(self.shards.len().to_string()),
        );
        flat.insert("index.soft_deletes.enabled".to_owned(), json!("true"));
        if !self.leader_open {
            flat.insert("index.verified_before_close".to_owned(), json!("true"));
        }
        flat.extend(self.leader_settings.clone());
        let mut body = json!({});
        body[self.leader.as_str()] = json!({ "settings": flat });
        self.leader_says(&path, 200, body);
    }

    /// `/<l>/_stats?level=shards`.
    pub fn leader_stats(&mut self) {
        let name = encoded(&self.leader);
        let path = format!("/{name}/_stats?level=shards");
        if !self.leader_there {
            let body = self.not_found(&self.leader.clone());
            self.leader_says(&path, 404, body);
        } else if !self.leader_open {
            let body = Self::is_closed(&self.leader, &self.present_uuid);
            self.leader_says(&path, 400, body);
        } else {
            let body = self.stats_body(
                &self.leader.clone(),
                &self.present_uuid.clone(),
                self.documents.1,
                true,
            );
            self.leader_says(&path, 200, body);
        }
    }

    /// `_cluster/state/metadata/<l>`.
    pub fn leader_state(&mut self) {
        let name = encoded(&self.leader);
        let mut indices = json!({});
        if self.leader_there {
            indices[self.leader.as_str()] = json!({ "state": if self.leader_open { "open" } else { "close" },
                "settings": { "index": { "uuid": self.present_uuid, "number_of_shards": self.shards.len().to_string() } }, "aliases": [] });
        }
        self.leader_says(
            &format!("/_cluster/state/metadata/{name}"),
            200,
            json!({ "metadata": { "indices": indices } }),
        );
    }

    /// `_cluster/health/<l>?level=shards`.
    pub fn leader_index_health(&mut self) {
        let name = encoded(&self.leader);
        let (status, active) = self.leader_health;
        let count = u32::try_from(self.shards.len()).unwrap();
        let mut body =
            json!({ "cluster_name": "leader-cluster", "status": status, "timed_out": false, "indices": {} });
        body["indices"][self.leader.as_str()] = json!({ "status": status, "number_of_shards": count, "number_of_replicas": 0,
            "active_primary_shards": active, "active_shards": active, "initializing_shards": 0, "unassigned_shards": count - active });
        self.leader_says(&format!("/_cluster/health/{name}?level=shards"), 200, body);
    }

    /// `_license` of one side.
    pub fn license(&mut self, leader_side: bool) {
        let (kind, status) = self.licenses[usize::from(leader_side)];
        let body = json!({ "license": { "status": status, "uid": "u", "type": kind, "issued_to": "c", "issuer": "elasticsearch" } });
        self.push(leader_side, "GET", "/_license", 200, body);
    }

    /// A `resume_follow` and its answer.
    pub fn resume(&mut self, status: u16, body: Value) {
        let name = encoded(&self.follower);
        self.push(
            false,
            "POST",
            &format!("/{name}/_ccr/resume_follow"),
            status,
            body,
        );
    }

    /// A refused `resume_follow` with an exception of this kind.
    pub fn refused(&mut self, status: u16, kind: &str, reason: &str) {
        let error =
            json!({ "root_cause": [ { "type": kind, "reason": reason } ], "type": kind, "reason": reason });
        self.resume(status, json!({ "error": error, "status": status }));
    }

    /// The file.
    pub fn file(&self) -> Value {
        json!({
            "format": "refollow-evidence/1", "taken_at": self.instant(self.clock),
            "follower_cluster": self.clusters.0,
            "leader_cluster": if self.leader_looked_at { json!(self.clusters.1) } else { Value::Null },
            "remote_cluster": self.clusters.2, "follower_index": self.follower, "leader_index": self.leader,
            "remembered": if self.remembered.as_object().is_some_and(Map::is_empty) { Value::Null } else { self.remembered.clone() },
            "responses": self.responses,
        })
    }

    /// The file with its label.
    pub fn labelled(self, name: &str, label: Label) -> Entry {
        Entry {
            file: format!("{}/{name}.json", label.cause),
            evidence: self.file(),
            label,
        }
    }
}

/// Nested settings from flat ones.
fn nested(flat: &Map<String, Value>) -> Value {
    let mut root = json!({});
    for (key, value) in flat {
        let mut place = &mut root;
        for part in key.split('.') {
            if !place.is_object() {
                *place = json!({});
            }
            place = &mut place[part];
        }
        *place = value.clone();
    }
    root
}
