//! The calls of CCR that change something: follow, resume, pause, unfollow, `forget_follower`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::errors::{Answer, Fault, exception};
use super::following::RemoteProblem;
use super::index::{CcrMeta, Index, TICK_MS};
use super::json as units;
use super::pair::{Pair, Side, Ticket, Version};
use super::restore::{Phase, Progress, Restore};
use super::shard::{Shard, State};
use super::task::{FollowTask, Params, Run};

/// What a request came to.
pub enum Outcome {
    /// The answer.
    Now(u16, Value),
    /// The answer comes later.
    Later(Ticket),
}

/// `{follower cluster}/{follower}/{uuid}-following-{alias}/{leader}/{uuid}`.
pub fn lease_id(cluster: &str, follower: (&str, &str), alias: &str, leader: (&str, &str)) -> String {
    format!(
        "{cluster}/{}/{}-following-{alias}/{}/{}",
        follower.0, follower.1, leader.0, leader.1
    )
}

/// What is known of a leader when it is to be followed.
pub struct Leader {
    settings: BTreeMap<String, Value>,
    mapping: Option<Map<String, Value>>,
    uuid: String,
    histories: Vec<String>,
    data_stream: Option<String>,
}

/// 403 of a licence that does not allow CCR.
pub fn unlicensed() -> Fault {
    Fault::new(
        403,
        &json!({"type": "security_exception", "reason": "current license is non-compliant for [ccr]",
            "license.expired.feature": "ccr"}),
    )
}

/// `cluster_block_exception` of one index.
pub fn blocked(index: &str, block: (&str, u16)) -> Fault {
    Fault::of(
        block.1,
        "cluster_block_exception",
        format!("index [{index}] blocked by: [{}];", block.0),
    )
}

impl Pair {
    /// `PUT /{follower}/_ccr/follow`.
    pub(super) fn put_follow(
        &mut self,
        side: Side,
        follower: &str,
        body: &Value,
        wait: bool,
        user: &str,
    ) -> Result<Outcome, Fault> {
        let action = "indices:admin/xpack/ccr/put_follow";
        let empty = Map::new();
        let fields = body.as_object().unwrap_or(&empty);
        let known: &[&str] = match self.version {
            Version::V7_7_0 => &["remote_cluster", "leader_index"],
            Version::V8_10_4 => &["remote_cluster", "leader_index", "settings", "data_stream_name"],
        };
        let params = Params::parse(fields, known, action)?;
        let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
        let alias = text("remote_cluster").ok_or_else(|| Fault::validation("remote_cluster is missing"))?;
        let leader_name = text("leader_index").ok_or_else(|| Fault::validation("leader_index is missing"))?;
        params.validate()?;
        if !self.cluster(side).licensed() {
            return Err(unlicensed());
        }
        if let Some(index) = self.cluster(side).indices.get(follower)
            && let Some(block) = index.block("metadata_write")
        {
            return Err(blocked(follower, block));
        }
        let leader = self.leader_for_follow(side, &alias, &leader_name, user)?;
        if leader.settings.get("index.soft_deletes.enabled") == Some(&json!("false")) {
            return Err(Fault::argument(format!(
                "leader index [{leader_name}] does not have soft deletes enabled"
            )));
        }
        let overrides = Self::overrides(fields.get("settings"))?;
        if follower.chars().any(char::is_uppercase) {
            return Err(Fault::new(
                400,
                &json!({"type": "invalid_index_name_exception",
                    "reason": format!("Invalid index name [{follower}], must be lowercase"),
                    "index_uuid": "_na_", "index": follower}),
            ));
        }
        self.check_target(side, follower, &leader_name, &leader)?;
        let ticket = wait.then(|| self.new_ticket());
        self.begin_restore(side, follower, (&alias, &leader_name), &leader, &overrides);
        let uuid = self.fresh_id();
        let now = self.now_ms;
        if let Some(index) = self.cluster_mut(side).indices.get_mut(follower) {
            let shards = index
                .shards
                .iter()
                .map(|_| Progress {
                    phase: Phase::Lease { due_ms: now + 10 },
                    start_ms: now,
                })
                .collect();
            index.restore = Some(Restore {
                uuid,
                ticket,
                listener: true,
                params,
                user: user.to_owned(),
                shards,
                end_ms: None,
            });
        }
        Ok(match ticket {
            Some(ticket) => Outcome::Later(ticket),
            None => Outcome::Now(
                200,
                json!({"follow_index_created": true, "follow_index_shards_acked": false, "index_following_started": false}),
            ),
        })
    }

    fn overrides(settings: Option<&Value>) -> Result<BTreeMap<String, Value>, Fault> {
        let Some(settings) = settings else {
            return Ok(BTreeMap::new());
        };
        let flat: BTreeMap<String, Value> = units::flatten(settings)
            .into_iter()
            .map(|(key, value)| {
                let key = if key.starts_with("index.") {
                    key
                } else {
                    format!("index.{key}")
                };
                (key, units::setting(&value))
            })
            .collect();
        let refused: Vec<String> = flat
            .iter()
            .filter(|(key, _)| super::settings::replicated(key))
            .map(|(key, value)| format!("\"{key}\":{value}"))
            .collect();
        if refused.is_empty() {
            return Ok(flat);
        }
        Err(Fault::argument(format!(
            "can not put follower index that could override leader settings {{{}}}",
            refused.join(",")
        )))
    }

    /// Refusals of the restore: an open index, another shard count, a stream that was promoted.
    fn check_target(
        &self,
        side: Side,
        follower: &str,
        leader_name: &str,
        leader: &Leader,
    ) -> Result<(), Fault> {
        if let Some(stream) = &leader.data_stream
            && let Some(local) = self.cluster(side).streams.get(stream)
            && !local.replicated
        {
            return Err(Fault::argument(format!(
                "cannot follow backing index [{leader_name}], because local data stream [{stream}] is no longer marked as replicated"
            )));
        }
        let Some(index) = self.cluster(side).indices.get(follower) else {
            return Ok(());
        };
        let refused = |reason: String| {
            Fault::of(
                500,
                "snapshot_restore_exception",
                format!("[_ccr_lead:_latest_/_latest_] {reason}"),
            )
        };
        if index.open {
            return Err(refused(format!(
                "cannot restore index [{follower}] because an open index with same name already exists in the cluster. Either close or delete the existing index or restore the index under a different name by providing a rename pattern and replacement name"
            )));
        }
        if index.shards.len() != leader.histories.len() {
            return Err(refused(format!(
                "cannot restore index [{follower}] with [{}] shards from a snapshot of index [{leader_name}] with [{}] shards",
                index.shards.len(),
                leader.histories.len()
            )));
        }
        Ok(())
    }

    /// The leader as `CcrLicenseChecker` fetches it, or its refusal.
    fn leader_for_follow(&self, side: Side, alias: &str, leader: &str, user: &str) -> Result<Leader, Fault> {
        let peer = self
            .remote(side, alias)
            .map_err(|problem| self.remote_fault(side, alias, leader, &problem))?;
        let cluster = self.cluster(peer);
        if !cluster.licensed() {
            return Err(Fault::argument(format!(
                "can not fetch remote index [{alias}:{leader}] metadata as the remote cluster [{alias}] is not licensed for [ccr]; the license mode [{}] on cluster [{alias}] does not enable [ccr]",
                cluster.license.kind.to_uppercase()
            )));
        }
        let Some(index) = cluster.indices.get(leader) else {
            let by_alias = cluster
                .indices
                .values()
                .any(|index| index.aliases.contains_key(leader));
            if self.version == Version::V8_10_4 {
                let what = if by_alias {
                    Some("ALIAS")
                } else if cluster.streams.contains_key(leader) {
                    Some("DATA_STREAM")
                } else {
                    None
                };
                if let Some(what) = what {
                    return Err(Fault::argument(format!(
                        "cannot follow [{leader}], because it is a {what}"
                    )));
                }
            }
            return Err(Fault::no_index_inside(leader));
        };
        if !index.open {
            return Err(Fault::closed(leader, &index.uuid));
        }
        if let Some(fault) = self.may_follow(peer, user, leader) {
            return Err(fault);
        }
        if let Some(shard) = index.shards.iter().find(|shard| !shard.started()) {
            return Err(Fault::argument(format!(
                "no history uuid for [{leader}][{}]",
                shard.number
            )));
        }
        Ok(Leader {
            settings: index.settings.clone(),
            mapping: index.mapping.clone(),
            uuid: index.uuid.clone(),
            histories: index
                .shards
                .iter()
                .map(|shard| shard.history_uuid.clone())
                .collect(),
            data_stream: index.data_stream.clone(),
        })
    }

    fn remote_fault(&self, side: Side, alias: &str, leader: &str, problem: &RemoteProblem) -> Fault {
        match problem {
            RemoteProblem::Unknown => Fault::of(
                404,
                "no_such_remote_cluster_exception",
                format!("no such remote cluster: [{alias}]"),
            ),
            RemoteProblem::Unreachable => {
                let connect = self.connect_exception(side);
                let root = match self.version {
                    Version::V7_7_0 => {
                        let port = super::cluster::Cluster::transport_port(self.version, side.other());
                        exception(
                            "connect_transport_exception",
                            format!("[][127.0.0.1:{port}] connect_exception"),
                        )
                    }
                    Version::V8_10_4 => exception("uncategorized_execution_exception", "Failed execution"),
                };
                Fault::with_root(
                    400,
                    &root,
                    &json!({"type": "status_exception",
                        "reason": format!("can not fetch remote index [{alias}:{leader}] metadata as the license state of the remote cluster [{alias}] could not be determined"),
                        "caused_by": {"type": "exception",
                            "reason": format!("could not determine the license type for cluster [{alias}]"),
                            "caused_by": connect}}),
                )
            }
        }
    }

    /// The cluster-state update of a restore: from here on the old copy is gone.
    fn begin_restore(
        &mut self,
        side: Side,
        follower: &str,
        origin: (&str, &str),
        leader: &Leader,
        overrides: &BTreeMap<String, Value>,
    ) {
        let now = self.now_ms;
        let mut settings: BTreeMap<String, Value> = leader
            .settings
            .iter()
            .filter(|(key, _)| super::settings::comes_along(key))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        settings.extend(overrides.iter().map(|(k, v)| (k.clone(), v.clone())));
        settings.insert("index.provided_name".to_owned(), json!(follower));
        settings.insert("index.xpack.ccr.following_index".to_owned(), json!("true"));
        let old = self.cluster_mut(side).indices.remove(follower);
        let uuid = old
            .as_ref()
            .map_or_else(|| self.fresh_id(), |index| index.uuid.clone());
        settings.insert("index.uuid".to_owned(), json!(uuid));
        if old.is_some() && self.version == Version::V8_10_4 {
            let history = self.fresh_id();
            settings.insert("index.history.uuid".to_owned(), json!(history));
        }
        let node = self.cluster(side).node.clone();
        let closing = old.as_ref().is_some_and(|index| index.closing_ms.is_some());
        let mut shards = Vec::new();
        for number in 0..leader.histories.len() {
            let mut shard = if let Some(shard) = old.as_ref().and_then(|index| index.shards.get(number)) {
                let mut shard = shard.clone();
                shard.term += 1 + u64::from(closing);
                shard
            } else {
                let (history, allocation) = (self.fresh_id(), self.fresh_id());
                let number = u32::try_from(number).unwrap_or(u32::MAX);
                Shard::new(number, history, allocation, &node, now)
            };
            shard.state = State::Initializing;
            shard.recovery = None;
            shards.push(shard);
        }
        let (version, mapping_version, settings_version, aliases_version) =
            old.as_ref().map_or((1, 0, 1, 1), |index| {
                (
                    index.version + 1,
                    index.mapping_version,
                    index.settings_version + 1,
                    index.aliases_version + 1,
                )
            });
        if let Some(stream) = &leader.data_stream {
            let streams = &mut self.cluster_mut(side).streams;
            let local = streams
                .entry(stream.clone())
                .or_insert_with(|| super::cluster::Stream {
                    indices: Vec::new(),
                    replicated: true,
                });
            if !local.indices.iter().any(|name| name == follower) {
                local.indices.push(follower.to_owned());
            }
        }
        let index = Index {
            name: follower.to_owned(),
            uuid,
            open: true,
            settings,
            aliases: BTreeMap::new(),
            mapping: leader.mapping.clone(),
            ccr: Some(CcrMeta {
                alias: origin.0.to_owned(),
                leader: origin.1.to_owned(),
                leader_uuid: leader.uuid.clone(),
                histories: leader.histories.clone(),
            }),
            version,
            mapping_version,
            settings_version,
            aliases_version,
            shards,
            restore: None,
            tick_ms: now + TICK_MS,
            starting_ms: None,
            closing_ms: None,
            refresh_ms: None,
            data_stream: leader.data_stream.clone(),
        };
        let cluster = self.cluster_mut(side);
        cluster.last_follow_ms = Some(now);
        cluster.indices.insert(follower.to_owned(), index);
    }

    /// `POST /{follower}/_ccr/resume_follow`, and the last step of a follow.
    pub(super) fn resume(
        &mut self,
        side: Side,
        follower: &str,
        params: &Params,
        user: &str,
    ) -> Result<(), Fault> {
        self.cluster_right(side, user, "manage_ccr", "cluster:admin/xpack/ccr/resume_follow")?;
        if !self.cluster(side).licensed() {
            return Err(unlicensed());
        }
        let ccr = self.check_resume(side, follower, user)?;
        let Some(index) = self.cluster(side).indices.get(follower) else {
            return Err(Fault::no_index_inside(follower));
        };
        let uuid = index.uuid.clone();
        let starts: Vec<(u32, i64, String)> = index
            .shards
            .iter()
            .map(|shard| (shard.number, shard.max_seq, shard.history_uuid.clone()))
            .collect();
        let taken: Vec<Value> = starts
            .iter()
            .map(|(number, _, _)| format!("{uuid}-{number}"))
            .filter(|id| self.cluster(side).tasks.contains_key(id))
            .map(|id| {
                exception(
                    "resource_already_exists_exception",
                    format!("task with id {{{id}}} already exist"),
                )
            })
            .collect();
        if let Some((first, rest)) = taken.split_first() {
            let mut first = first.clone();
            if let (Some(object), false) = (first.as_object_mut(), rest.is_empty()) {
                object.insert("suppressed".to_owned(), json!(rest));
            }
            return Err(Fault::new(400, &first));
        }
        let now = self.now_ms;
        let cluster = self.cluster_mut(side);
        let assigned = cluster.assigns_tasks();
        for (number, max_seq, history) in starts {
            cluster.allocations += 1;
            // One shard after the other starts.
            let mut run = Run::new(now + 10 * i64::from(number));
            run.read_due_ms = now + super::task::START_MS + 40 * i64::from(number);
            run.leader_checkpoint = max_seq;
            run.follower_checkpoint = max_seq;
            run.last_requested = max_seq;
            run.follower_history = history;
            let task = FollowTask {
                id: format!("{uuid}-{number}"),
                follower: follower.to_owned(),
                follower_uuid: uuid.clone(),
                shard: number,
                alias: ccr.alias.clone(),
                leader: ccr.leader.clone(),
                leader_uuid: ccr.leader_uuid.clone(),
                params: params.clone(),
                user: user.to_owned(),
                allocation: cluster.allocations,
                assigned,
                run,
            };
            cluster.tasks.insert(task.id.clone(), task);
        }
        Ok(())
    }

    /// What a resume compares before it starts tasks (`TransportResumeFollowAction`).
    fn check_resume(&self, side: Side, follower: &str, user: &str) -> Result<CcrMeta, Fault> {
        let Some(index) = self.cluster(side).indices.get(follower) else {
            return Err(Fault::no_index_inside(follower));
        };
        let Some(ccr) = index.ccr.clone() else {
            return Err(Fault::argument(format!(
                "follow index [{follower}] does not have ccr metadata"
            )));
        };
        let leader = self.leader_for_follow(side, &ccr.alias, &ccr.leader, user)?;
        if leader.uuid != ccr.leader_uuid {
            return Err(Fault::argument(format!(
                "follow index [{follower}] should reference [{}] as leader index but instead reference [{}] as leader index",
                leader.uuid, ccr.leader_uuid
            )));
        }
        for (number, (now, then)) in leader.histories.iter().zip(&ccr.histories).enumerate() {
            if now != then {
                return Err(Fault::argument(format!(
                    "leader shard [{follower}][{number}] should reference [{then}] as history uuid but instead reference [{now}] as history uuid"
                )));
            }
        }
        if leader.histories.len() != index.shards.len() {
            return Err(Fault::argument(format!(
                "leader index primary shards [{}] does not match with the number of shards of the follow index [{}]",
                leader.histories.len(),
                index.shards.len()
            )));
        }
        if !index.open {
            return Err(Fault::argument("leader and follow index must be open"));
        }
        if !index.is_true("index.xpack.ccr.following_index") {
            return Err(Fault::argument(format!(
                "the following index [{follower}] is not ready to follow; the setting [index.xpack.ccr.following_index] must be enabled."
            )));
        }
        super::settings::identical(&leader.settings, &index.settings)?;
        if let Some(shard) = index.shards.iter().find(|shard| !shard.started()) {
            return Err(Fault::argument(match self.version {
                Version::V7_7_0 => "Not all copies of follow shard are started".to_owned(),
                Version::V8_10_4 => format!(
                    "The primary shard of a follower index {} is not active",
                    super::routes::shards::describe(follower, index, shard, &self.cluster(side).node)
                ),
            }));
        }
        Ok(ccr)
    }

    /// `POST /{follower}/_ccr/pause_follow`.
    pub(super) fn pause(&mut self, side: Side, follower: &str, user: &str) -> Answer {
        self.cluster_right(side, user, "manage_ccr", "cluster:admin/xpack/ccr/pause_follow")?;
        let Some(index) = self.cluster(side).indices.get(follower) else {
            return Err(Fault::no_index_inside(follower));
        };
        if let Some(block) = index.block("metadata_write") {
            return Err(blocked(follower, block));
        }
        if index.ccr.is_none() {
            return Err(Fault::argument(format!(
                "index [{follower}] is not a follower index"
            )));
        }
        let uuid = index.uuid.clone();
        let tasks = &mut self.cluster_mut(side).tasks;
        let before = tasks.len();
        tasks.retain(|_, task| task.follower_uuid != uuid);
        if tasks.len() == before {
            return Err(Fault::argument(format!("no shard follow tasks for [{follower}]")));
        }
        Ok((200, json!({"acknowledged": true})))
    }

    /// `POST /{follower}/_ccr/unfollow`.
    pub(super) fn unfollow(&mut self, side: Side, follower: &str) -> Answer {
        let Some(index) = self.cluster(side).indices.get(follower) else {
            return Err(Fault::no_index_inside(follower));
        };
        let Some(ccr) = index.ccr.clone() else {
            return Err(Fault::argument(format!(
                "index [{follower}] is not a follower index"
            )));
        };
        let refused = |why: &str| {
            Fault::argument(format!(
                "cannot convert the follower index [{follower}] to a non-follower, because it has not been {why}"
            ))
        };
        if index.open {
            return Err(refused("closed"));
        }
        let uuid = index.uuid.clone();
        if self
            .cluster(side)
            .tasks
            .values()
            .any(|task| task.follower_uuid == uuid)
        {
            return Err(refused("paused"));
        }
        let id = lease_id(
            &self.cluster(side).name,
            (follower, &uuid),
            &ccr.alias,
            (&ccr.leader, &ccr.leader_uuid),
        );
        if let Some(index) = self.cluster_mut(side).indices.get_mut(follower) {
            index.ccr = None;
            index.settings.remove("index.xpack.ccr.following_index");
            index.settings_version += 1;
            index.version += 1;
        }
        match self.remote(side, &ccr.alias) {
            Ok(peer) => {
                if let Some(leader) = self.cluster_mut(peer).indices.get_mut(&ccr.leader) {
                    for shard in &mut leader.shards {
                        let term = shard.term;
                        shard.leases.remove(&id, term);
                    }
                }
                Ok((200, json!({"acknowledged": true})))
            }
            Err(problem) => {
                let cause = match problem {
                    RemoteProblem::Unknown => exception(
                        "no_such_remote_cluster_exception",
                        format!("no such remote cluster: [{}]", ccr.alias),
                    ),
                    RemoteProblem::Unreachable => self.connect_exception(side),
                };
                Err(Fault::new(
                    500,
                    &json!({"type": "exception", "reason": cause.get("reason"),
                        "failed_to_remove_retention_leases": [id], "caused_by": cause}),
                ))
            }
        }
    }

    /// `POST /{leader}/_ccr/forget_follower`.
    pub(super) fn forget(&mut self, side: Side, leader: &str, body: &Value) -> Answer {
        let text = |key: &str| {
            body.get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| Fault::validation(&format!("{key} is missing")))
        };
        let (cluster, follower, follower_uuid, alias) = (
            text("follower_cluster")?,
            text("follower_index")?,
            text("follower_index_uuid")?,
            text("leader_remote_cluster")?,
        );
        let Some(index) = self.cluster_mut(side).indices.get_mut(leader) else {
            return Err(Fault::no_index(leader));
        };
        if !index.open {
            return Err(Fault::closed(leader, &index.uuid));
        }
        let id = lease_id(
            &cluster,
            (&follower, &follower_uuid),
            &alias,
            (leader, &index.uuid),
        );
        let total = index.shards.len();
        let mut failures = Vec::new();
        for shard in &mut index.shards {
            let term = shard.term;
            if !shard.leases.remove(&id, term) {
                failures.push(
                    json!({"shard": shard.number, "index": leader, "status": "NOT_FOUND",
                    "reason": {"type": "retention_lease_not_found_exception",
                        "reason": format!("retention lease with ID [{id}] not found")}}),
                );
            }
        }
        for number in 0..total {
            self.after_write(side, leader, number);
        }
        let failed = failures.len();
        let mut shards = json!({"total": total, "successful": total - failed, "failed": failed});
        if let (Some(object), false) = (shards.as_object_mut(), failures.is_empty()) {
            object.insert("failures".to_owned(), json!(failures));
        }
        Ok((200, json!({"_shards": shards})))
    }
}
