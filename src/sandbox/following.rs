//! What a running follow task does when it is due: start up, read, write, retry, renew its lease.

use serde_json::{Map, Value, json};

use super::errors::{exception, no_index};
use super::index::Index;
use super::pair::{Pair, Side, Version};
use super::shard::{Missing, Shard};
use super::task::{FollowTask, ReadException, Reading, backoff_ms};

/// Why a call to the remote cluster fails.
#[derive(Debug, Clone)]
pub enum RemoteProblem {
    /// The alias is not configured.
    Unknown,
    /// It cannot be reached.
    Unreachable,
}

/// A failed call of a task: the exception, and whether the task tries again.
struct Failure {
    exception: Value,
    retried: bool,
}

impl Failure {
    fn retried(exception: Value) -> Self {
        Self {
            exception,
            retried: true,
        }
    }

    fn fatal(exception: Value) -> Self {
        Self {
            exception,
            retried: false,
        }
    }
}

impl Pair {
    /// The side an alias leads to, if it can be reached.
    pub(super) fn remote(&self, side: Side, alias: &str) -> Result<Side, RemoteProblem> {
        if !self.cluster(side).remotes().contains(alias) {
            return Err(RemoteProblem::Unknown);
        }
        let peer = side.other();
        let cut = self.link_broken && side == Side::Follower;
        if cut || !self.cluster(peer).up {
            return Err(RemoteProblem::Unreachable);
        }
        Ok(peer)
    }

    /// The exception of a refused connection.
    pub(super) fn connect_exception(&self, side: Side) -> Value {
        let port = super::cluster::Cluster::transport_port(self.version, side.other());
        let address = format!("127.0.0.1:{port}");
        let refused = json!({"type": "annotated_connect_exception", "reason": format!("Connection refused: /{address}"),
            "caused_by": {"type": "connect_exception", "reason": "Connection refused"}});
        let cause = match self.version {
            Version::V7_7_0 => refused,
            Version::V8_10_4 => {
                json!({"type": "uncategorized_execution_exception", "reason": "Failed execution",
                "caused_by": {"type": "execution_exception",
                    "reason": format!("io.netty.channel.AbstractChannel$AnnotatedConnectException: Connection refused: /{address}"),
                    "caused_by": refused}})
            }
        };
        json!({"type": "connect_transport_exception", "reason": format!("[][{address}] connect_exception"), "caused_by": cause})
    }

    /// Lets a task do what is due.
    pub(super) fn step_task(&mut self, side: Side, id: &str) {
        let Some(mut task) = self.cluster_mut(side).tasks.remove(id) else {
            return;
        };
        let now = self.now_ms;
        if task.assigned {
            if task.run.renew_ms <= now {
                self.renew(side, &task);
                task.run.renew_ms = now + super::task::RENEW_MS;
            }
            if task.run.fatal.is_none() && task.run.write_due_ms.is_some_and(|due| due <= now) {
                self.write(side, &mut task);
            }
            if task.run.fatal.is_none() && task.run.read_due_ms <= now {
                match task.run.reading {
                    Reading::Starting => self.start(side, &mut task),
                    Reading::Due => self.read(side, &mut task),
                    Reading::Polling => self.poll(side, &mut task),
                }
            }
        }
        self.cluster_mut(side).tasks.insert(task.id.clone(), task);
    }

    fn start(&mut self, side: Side, task: &mut FollowTask) {
        let now = self.now_ms;
        let retry = super::json::millis(&task.params.max_retry_delay)
            .unwrap_or(500)
            .max(1);
        task.run.read_due_ms = now + retry;
        let Some(index) = self.follower(side, task) else {
            return;
        };
        let Some(shard) = index.shards.get(task.shard as usize) else {
            return;
        };
        if !index.open || !shard.started() {
            return;
        }
        let follower_history = shard.history_uuid.clone();
        let checkpoint = shard.max_seq;
        let leader_history = index
            .ccr
            .as_ref()
            .and_then(|ccr| ccr.histories.get(task.shard as usize).cloned())
            .unwrap_or_default();
        if let Err(failure) = self.leader(side, task) {
            if !failure.retried {
                task.run.fatal = Some(failure.exception);
            }
            return;
        }
        task.run.follower_history = follower_history;
        task.run.leader_history = leader_history;
        task.run.follower_checkpoint = checkpoint;
        task.run.leader_checkpoint = checkpoint;
        task.run.last_requested = checkpoint;
        self.take_over_metadata(side, task);
        if task.run.fatal.is_none() {
            self.read(side, task);
        }
    }

    fn follower(&self, side: Side, task: &FollowTask) -> Option<&Index> {
        self.cluster(side)
            .indices
            .get(&task.follower)
            .filter(|index| index.uuid == task.follower_uuid)
    }

    /// The leader shard of a task, or what the read says instead.
    fn leader(&self, side: Side, task: &FollowTask) -> Result<(Side, &Index, &Shard), Failure> {
        let peer = match self.remote(side, &task.alias) {
            Ok(peer) => peer,
            Err(RemoteProblem::Unknown) => {
                return Err(Failure::retried(exception(
                    "no_such_remote_cluster_exception",
                    format!("no such remote cluster: [{}]", task.alias),
                )));
            }
            Err(RemoteProblem::Unreachable) => {
                return Err(Failure::retried(self.connect_exception(side)));
            }
        };
        let Some(index) = self.cluster(peer).indices.get(&task.leader) else {
            return Err(Failure::fatal(no_index(&task.leader)));
        };
        if index.uuid != task.leader_uuid {
            let cause = json!({"type": "index_not_found_exception", "reason": format!("no such index [{}]", task.leader),
                "index_uuid": task.leader_uuid, "index": task.leader});
            return Err(Failure::retried(no_shard(task, &cause)));
        }
        if !index.open {
            return Err(Failure::retried(exception(
                "cluster_block_exception",
                format!("index [{}] blocked by: [FORBIDDEN/4/index closed];", task.leader),
            )));
        }
        match index.shards.get(task.shard as usize) {
            Some(shard) if shard.started() => Ok((peer, index, shard)),
            _ => Err(Failure::retried(no_shard(
                task,
                &shard_closed(self.version, &task.leader, &task.leader_uuid, task.shard),
            ))),
        }
    }

    fn read(&mut self, side: Side, task: &mut FollowTask) {
        task.run.last_read_ms = Some(self.now_ms);
        task.run.interrupted = None;
        task.run.reading = Reading::Polling;
        task.run.poll_deadline_ms = self.now_ms + task.params.poll_ms();
        task.run.read_due_ms = task.run.poll_deadline_ms;
        let from = task.run.last_requested + 1;
        match self.leader(side, task) {
            Err(failure) => self.read_failed(task, from, failure),
            Ok((peer, _, shard)) => {
                // Rights are looked at when a read is sent, not while it waits.
                if let Some(denied) = self.may_read_leader(peer, &task.user, &task.leader) {
                    self.read_failed(task, from, Failure::retried(denied));
                } else if shard.max_seq >= from {
                    self.finish_read(side, task);
                }
            }
        }
    }

    /// A waiting read wakes: new operations, its timeout, or its end.
    fn poll(&mut self, side: Side, task: &mut FollowTask) {
        let from = task.run.last_requested + 1;
        if let Some(exception) = task.run.interrupted.take() {
            self.read_failed(task, from, Failure::retried(exception));
            return;
        }
        match self.leader(side, task) {
            Err(failure) => self.read_failed(task, from, failure),
            Ok((_, _, shard)) if shard.max_seq >= from => self.finish_read(side, task),
            Ok((_, _, shard)) => {
                if self.now_ms < task.run.poll_deadline_ms {
                    task.run.read_due_ms = task.run.poll_deadline_ms;
                    return;
                }
                // 8.x looks at the history before it answers an expired poll, 7.7 does not.
                if self.version == Version::V8_10_4 && shard.history_uuid != task.run.leader_history {
                    let mut failed = history_differs(&task.run.leader_history, &shard.history_uuid);
                    if let Some(object) = failed.as_object_mut() {
                        let text = format!("timeout_exception: {}", task.params.read_poll_timeout);
                        object.insert(
                            "suppressed".to_owned(),
                            json!([{"type": "timeout_exception", "reason": text}]),
                        );
                    }
                    self.read_failed(task, from, Failure::fatal(failed));
                    return;
                }
                task.run.leader_checkpoint = task.run.leader_checkpoint.max(shard.max_seq);
                task.run.read_exceptions.remove(&from);
                self.take_over_metadata(side, task);
                if task.run.fatal.is_none() {
                    self.read(side, task);
                }
            }
        }
    }

    fn finish_read(&mut self, side: Side, task: &mut FollowTask) {
        let from = task.run.last_requested + 1;
        let count = task.params.max_read_request_operation_count;
        let limit = super::json::bytes(&task.params.max_read_request_size).unwrap_or(u64::MAX);
        let result = match self.leader(side, task) {
            Err(failure) => Err(failure),
            Ok((_, _, shard)) if shard.history_uuid != task.run.leader_history => Err(Failure::fatal(
                history_differs(&task.run.leader_history, &shard.history_uuid),
            )),
            Ok((_, _, shard)) => match shard.read(from, count) {
                Err(missing) => Err(Failure::fatal(self.missing(&missing, shard))),
                Ok(ops) => {
                    let mut taken_bytes = 0_u64;
                    let taken: Vec<_> = ops
                        .iter()
                        .take_while(|op| {
                            let fits = taken_bytes == 0 || taken_bytes + u64::from(op.bytes) <= limit;
                            taken_bytes += u64::from(op.bytes);
                            fits
                        })
                        .cloned()
                        .collect();
                    Ok((taken, shard.max_seq))
                }
            },
        };
        match result {
            Err(failure) => self.read_failed(task, from, failure),
            Ok((ops, checkpoint)) => {
                let run = &mut task.run;
                run.ok_reads += 1;
                run.operations_read += ops.len() as u64;
                run.bytes_read += ops.iter().map(|op| u64::from(op.bytes)).sum::<u64>();
                run.read_exceptions.remove(&from);
                // Metadata first: where it cannot be taken over, the operations are not either.
                self.take_over_metadata(side, task);
                if task.run.fatal.is_some() {
                    return;
                }
                let most = u64::try_from(task.params.max_outstanding_write_requests).unwrap_or(1);
                let run = &mut task.run;
                run.leader_checkpoint = run.leader_checkpoint.max(checkpoint);
                run.last_requested = ops.last().map_or(run.last_requested, |op| op.seq);
                run.buffer.extend(ops);
                run.reading = Reading::Due;
                run.read_due_ms = self.now_ms + 1;
                if run.write_due_ms.is_none() {
                    run.write_due_ms = Some(self.now_ms + WRITE_MS);
                    run.writes = 1;
                } else if run.writes < most {
                    // A write of its own, with retries of its own.
                    run.writes += 1;
                    run.write_retries = 0;
                    run.write_due_ms = Some(self.now_ms + WRITE_MS);
                }
            }
        }
    }

    fn read_failed(&mut self, task: &mut FollowTask, from: i64, failure: Failure) {
        let cap = task.params.poll_ms();
        let run = &mut task.run;
        run.failed_reads += 1;
        let entry = run.read_exceptions.entry(from).or_insert(ReadException {
            retries: 0,
            exception: Value::Null,
        });
        entry.exception = failure.exception.clone();
        if failure.retried {
            entry.retries += 1;
            run.reading = Reading::Due;
            run.read_due_ms = self.now_ms + backoff_ms(entry.retries, cap);
        } else {
            run.fatal = Some(failure.exception);
        }
    }

    fn missing(&self, missing: &Missing, shard: &Shard) -> Value {
        let found = missing.found.as_ref().map_or_else(
            || "found [null]".to_owned(),
            |op| {
                let kind = match self.version {
                    Version::V7_7_0 => "type='_doc', ",
                    Version::V8_10_4 => "",
                };
                format!(
                    "found [Index{{id='{}', {kind}seqNo={}, primaryTerm={}, version={}, autoGeneratedIdTimestamp=-1}}]",
                    op.id, op.seq, shard.term, op.version
                )
            },
        );
        json!({
            "type": "resource_not_found_exception",
            "reason": format!("Operations are no longer available for replicating. Existing retention leases [{}]; maybe increase the retention lease period setting [index.soft_deletes.retention_lease.period]?", shard.leases.to_text()),
            "requested_operations_missing": [missing.from.to_string(), missing.to.to_string()],
            "caused_by": {"type": "illegal_state_exception",
                "reason": format!("Not all operations between from_seqno [{}] and to_seqno [{}] found; expected seqno [{}]; {found}", missing.from, missing.to, missing.expected)},
        })
    }

    fn write(&mut self, side: Side, task: &mut FollowTask) {
        let now = self.now_ms;
        if task.run.buffer.is_empty() {
            task.run.write_due_ms = None;
            task.run.writes = 0;
            return;
        }
        let cap = task.params.poll_ms();
        let number = task.shard as usize;
        let refused = match self.follower(side, task) {
            None => true,
            Some(index) => match index.shards.get(number) {
                Some(shard) if shard.started() && index.open && index.block("write").is_none() => {
                    if shard.history_uuid != task.run.follower_history {
                        task.run.fatal = Some(exception(
                            "illegal_state_exception",
                            format!(
                                "unexpected history uuid, expected [{}], actual [{}], shard is likely restored from snapshot or force allocated",
                                task.run.follower_history, shard.history_uuid
                            ),
                        ));
                        return;
                    }
                    false
                }
                _ => true,
            },
        };
        if refused {
            task.run.failed_writes += task.run.writes.max(1);
            task.run.write_retries += 1;
            task.run.write_due_ms = Some(now + backoff_ms(task.run.write_retries, cap));
            return;
        }
        let ops = std::mem::take(&mut task.run.buffer);
        task.run.write_due_ms = None;
        task.run.write_retries = 0;
        task.run.ok_writes += task.run.writes.max(1);
        task.run.writes = 0;
        task.run.operations_written += ops.len() as u64;
        let name = task.follower.clone();
        if let Some(index) = self.cluster_mut(side).indices.get_mut(&name) {
            if let Some(shard) = index.shards.get_mut(number) {
                for op in ops {
                    shard.apply(op);
                }
                task.run.follower_checkpoint = shard.max_seq;
            }
            index.written(now);
        }
        self.after_write(side, &name, number);
        self.wake_readers(side, &name);
    }

    fn renew(&mut self, side: Side, task: &FollowTask) {
        let Ok(peer) = self.remote(side, &task.alias) else {
            return;
        };
        let id = self.lease_id(side, task);
        let now = self.now_ms;
        let wanted = match self.version {
            Version::V7_7_0 => task.run.follower_checkpoint.max(0),
            Version::V8_10_4 => task.run.follower_checkpoint + 1,
        };
        let Some(index) = self.cluster_mut(peer).indices.get_mut(&task.leader) else {
            return;
        };
        if !index.open {
            return;
        }
        let Some(shard) = index.shards.get_mut(task.shard as usize) else {
            return;
        };
        if !shard.started() {
            return;
        }
        let term = shard.term;
        if shard.leases.get(&id).is_some() {
            shard.leases.renew(&id, wanted, now, term);
        } else {
            shard.leases.add(&id, wanted, now, term);
        }
    }

    fn lease_id(&self, side: Side, task: &FollowTask) -> String {
        super::follow::lease_id(
            &self.cluster(side).name,
            (&task.follower, &task.follower_uuid),
            &task.alias,
            (&task.leader, &task.leader_uuid),
        )
    }

    /// Copies what changed of the leader's mapping, settings and aliases.
    fn take_over_metadata(&mut self, side: Side, task: &mut FollowTask) {
        let Ok((_, leader, _)) = self.leader(side, task) else {
            return;
        };
        let versions = (
            leader.mapping_version,
            leader.settings_version,
            leader.aliases_version,
        );
        if versions == task.run.versions {
            return;
        }
        let mapping = leader.mapping.clone();
        let settings = leader.settings.clone();
        let aliases = leader.aliases.clone();
        let name = task.follower.clone();
        let now = self.now_ms;
        let Some(index) = self.cluster_mut(side).indices.get_mut(&name) else {
            return;
        };
        if versions.0 != task.run.versions.0 && index.mapping != mapping {
            index.mapping = mapping;
            index.mapping_version += 1;
            index.version += 1;
        }
        if versions.1 != task.run.versions.1
            && let Err(fatal) = super::settings::take_over(index, &settings, now)
        {
            task.run.fatal = Some(fatal);
            return;
        }
        if versions.2 != task.run.versions.2 {
            let taken: std::collections::BTreeMap<String, Value> = aliases
                .into_iter()
                .map(|(alias, body)| {
                    let mut body = body.as_object().cloned().unwrap_or_default();
                    body.insert("is_write_index".to_owned(), Value::Bool(false));
                    (alias, Value::Object(body))
                })
                .collect();
            if index.aliases != taken {
                index.aliases = taken;
                index.aliases_version += 1;
                index.version += 1;
            }
        }
        task.run.versions = versions;
    }

    /// New operations on an index: reads that wait for them come back.
    pub(super) fn wake_readers(&mut self, leader_side: Side, leader: &str) {
        let now = self.now_ms;
        for task in self.cluster_mut(leader_side.other()).tasks.values_mut() {
            if task.leader == leader && task.run.reading == Reading::Polling {
                task.run.read_due_ms = task.run.read_due_ms.min(now + 5);
            }
        }
    }

    /// The shards of an index went away: waiting reads fail, and are tried again.
    pub(super) fn interrupt_readers(&mut self, leader_side: Side, leader: Option<&str>) {
        let now = self.now_ms;
        let down = !self.cluster(leader_side).up || self.link_broken;
        let connect = self.connect_exception(leader_side.other());
        let version = self.version;
        for task in self.cluster_mut(leader_side.other()).tasks.values_mut() {
            if leader.is_none_or(|leader| task.leader == leader)
                && task.run.reading == Reading::Polling
                && task.run.fatal.is_none()
            {
                task.run.interrupted = Some(if down {
                    connect.clone()
                } else {
                    no_shard(
                        task,
                        &shard_closed(version, &task.leader, &task.leader_uuid, task.shard),
                    )
                });
                task.run.read_due_ms = now;
            }
        }
    }

    /// 8.10 flushes a shard by itself when it is written to a minute after its last flush
    /// (`index.translog.flush_threshold_age`).
    pub(super) fn after_write(&mut self, side: Side, name: &str, number: usize) {
        if self.version == Version::V7_7_0 {
            return;
        }
        let now = self.now_ms;
        if let Some(shard) = self
            .cluster_mut(side)
            .indices
            .get_mut(name)
            .and_then(|index| index.shards.get_mut(number))
            && shard.committed < shard.max_seq
            && now - shard.flushed_ms > 60_000
        {
            shard.flush_due_ms.get_or_insert(now + 20);
        }
    }
}

/// From a read's answer to the end of its write.
const WRITE_MS: i64 = 20;

fn history_differs(expected: &str, actual: &str) -> Value {
    exception(
        "illegal_state_exception",
        format!("unexpected history uuid, expected [{expected}], actual [{actual}]"),
    )
}

/// What a read meets whose shard is taken away; the two versions name it differently.
fn shard_closed(version: Version, index: &str, uuid: &str, shard: u32) -> Value {
    if version == Version::V8_10_4 {
        return exception("already_closed_exception", "engine is closed");
    }
    json!({"type": "index_shard_closed_exception", "reason": "CurrentState[CLOSED] Closed",
        "index_uuid": uuid, "shard": shard.to_string(), "index": index})
}

fn no_shard(task: &FollowTask, cause: &Value) -> Value {
    let mut object = Map::new();
    object.insert("type".to_owned(), json!("no_shard_available_action_exception"));
    object.insert(
        "reason".to_owned(),
        json!(format!(
            "No shard available for [Request{{fromSeqNo={}, maxOperationCount={}, shardId=[{}][{}], expectedHistoryUUID={}, pollTimeout={}, maxBatchSize={}}}]",
            task.run.last_requested + 1,
            task.params.max_read_request_operation_count,
            task.leader,
            task.shard,
            task.run.leader_history,
            task.params.read_poll_timeout,
            task.params.max_read_request_size
        )),
    );
    object.insert("caused_by".to_owned(), cause.clone());
    Value::Object(object)
}
