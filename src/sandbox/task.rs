//! One shard follow task: its parameters, its counters, what it waits for.
//!
//! What a task does when it is due stands in `following`.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::errors::Fault;
use super::json as units;
use super::shard::Op;

/// The ten parameters of a follower.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Operations per read.
    pub max_read_request_operation_count: i64,
    /// Operations per write.
    pub max_write_request_operation_count: i64,
    /// Reads at once.
    pub max_outstanding_read_requests: i64,
    /// Writes at once.
    pub max_outstanding_write_requests: i64,
    /// Bytes per read, with unit.
    pub max_read_request_size: String,
    /// Bytes per write, with unit.
    pub max_write_request_size: String,
    /// Operations in the write buffer.
    pub max_write_buffer_count: i64,
    /// Bytes in the write buffer, with unit.
    pub max_write_buffer_size: String,
    /// Longest pause between retries of the start-up call.
    pub max_retry_delay: String,
    /// How long an idle read waits.
    pub read_poll_timeout: String,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            max_read_request_operation_count: 5_120,
            max_write_request_operation_count: 5_120,
            max_outstanding_read_requests: 12,
            max_outstanding_write_requests: 9,
            max_read_request_size: "32mb".to_owned(),
            max_write_request_size: "9223372036854775807b".to_owned(),
            max_write_buffer_count: 2_147_483_647,
            max_write_buffer_size: "512mb".to_owned(),
            max_retry_delay: "500ms".to_owned(),
            read_poll_timeout: "1m".to_owned(),
        }
    }
}

impl Params {
    /// Reads the parameters of a body. `known` are the other fields it may have; `action` names
    /// the request in the refusal of an unknown one.
    pub fn parse(body: &Map<String, Value>, known: &[&str], action: &str) -> Result<Self, Fault> {
        let mut params = Self::default();
        for (key, value) in body {
            if known.contains(&key.as_str()) {
                continue;
            }
            let count = || {
                value
                    .as_i64()
                    .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
                    .ok_or_else(|| bad_field(action, key))
            };
            let text = || {
                value
                    .as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| bad_field(action, key))
            };
            match key.as_str() {
                "max_read_request_operation_count" => {
                    params.max_read_request_operation_count = count()?;
                }
                "max_write_request_operation_count" => {
                    params.max_write_request_operation_count = count()?;
                }
                "max_outstanding_read_requests" => params.max_outstanding_read_requests = count()?,
                "max_outstanding_write_requests" => {
                    params.max_outstanding_write_requests = count()?;
                }
                "max_read_request_size" => params.max_read_request_size = text()?,
                "max_write_request_size" => params.max_write_request_size = text()?,
                "max_write_buffer_count" => params.max_write_buffer_count = count()?,
                "max_write_buffer_size" => params.max_write_buffer_size = text()?,
                "max_retry_delay" => params.max_retry_delay = text()?,
                "read_poll_timeout" => params.read_poll_timeout = text()?,
                other => {
                    return Err(Fault::of(
                        400,
                        "x_content_parse_exception",
                        format!("[1:51] [{action}] unknown field [{other}]"),
                    ));
                }
            }
        }
        Ok(params)
    }

    /// Refuses what the server refuses.
    pub fn validate(&self) -> Result<(), Fault> {
        for (name, value) in [
            (
                "max_read_request_operation_count",
                self.max_read_request_operation_count,
            ),
            (
                "max_write_request_operation_count",
                self.max_write_request_operation_count,
            ),
            (
                "max_outstanding_read_requests",
                self.max_outstanding_read_requests,
            ),
            (
                "max_outstanding_write_requests",
                self.max_outstanding_write_requests,
            ),
            ("max_write_buffer_count", self.max_write_buffer_count),
        ] {
            if value < 1 {
                return Err(Fault::validation(&format!("{name} must be larger than 0")));
            }
        }
        let delay = units::millis(&self.max_retry_delay)
            .ok_or_else(|| Fault::argument(format!("failed to parse setting [max_retry_delay] with value [{}] as a time value: unit is missing or unrecognized", self.max_retry_delay)))?;
        if delay <= 0 {
            return Err(Fault::validation(&format!(
                "[max_retry_delay] must be positive but was [{}]",
                self.max_retry_delay
            )));
        }
        if delay >= 300_000 {
            return Err(Fault::validation(&format!(
                "[max_retry_delay] must be less than [5m] but was [{}]",
                self.max_retry_delay
            )));
        }
        Ok(())
    }

    /// As `_ccr/info` prints them.
    pub fn to_json(&self) -> Value {
        json!({
            "max_read_request_operation_count": self.max_read_request_operation_count,
            "max_write_request_operation_count": self.max_write_request_operation_count,
            "max_outstanding_read_requests": self.max_outstanding_read_requests,
            "max_outstanding_write_requests": self.max_outstanding_write_requests,
            "max_read_request_size": self.max_read_request_size,
            "max_write_request_size": self.max_write_request_size,
            "max_write_buffer_count": self.max_write_buffer_count,
            "max_write_buffer_size": self.max_write_buffer_size,
            "max_retry_delay": self.max_retry_delay,
            "read_poll_timeout": self.read_poll_timeout,
        })
    }

    /// How long an idle read waits, in milliseconds.
    pub fn poll_ms(&self) -> i64 {
        units::millis(&self.read_poll_timeout).unwrap_or(60_000).max(1)
    }
}

fn bad_field(action: &str, field: &str) -> Fault {
    Fault::of(
        400,
        "x_content_parse_exception",
        format!("[1:51] [{action}] failed to parse field [{field}]"),
    )
}

/// A shard follow task as the cluster state keeps it.
#[derive(Debug, Clone)]
pub struct FollowTask {
    /// `<follower uuid>-<shard>`.
    pub id: String,
    /// Follower index.
    pub follower: String,
    /// Its UUID.
    pub follower_uuid: String,
    /// Shard on both sides.
    pub shard: u32,
    /// Alias of the leader cluster.
    pub alias: String,
    /// Leader index.
    pub leader: String,
    /// Its UUID when the task was made.
    pub leader_uuid: String,
    /// Parameters.
    pub params: Params,
    /// Whose rights it uses.
    pub user: String,
    /// Number of the assignment.
    pub allocation: u64,
    /// Whether a node runs it.
    pub assigned: bool,
    /// The running task.
    pub run: Run,
}

/// An entry of `read_exceptions`.
#[derive(Debug, Clone)]
pub struct ReadException {
    /// Retries so far.
    pub retries: u32,
    /// The exception.
    pub exception: Value,
}

/// What a read waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// Not begun: the start-up calls.
    Starting,
    /// The next read is sent when due.
    Due,
    /// A read waits on the leader for new operations; due is its timeout.
    Polling,
}

/// The memory of a running task; lost whenever the task moves or its node restarts.
#[derive(Debug, Clone)]
pub struct Run {
    /// When it was started.
    pub started_ms: i64,
    /// What the reader does.
    pub reading: Reading,
    /// When it does something.
    pub read_due_ms: i64,
    /// When a waiting read times out.
    pub poll_deadline_ms: i64,
    /// Why a waiting read ends at once.
    pub interrupted: Option<Value>,
    /// Next renewal of the lease.
    pub renew_ms: i64,
    /// The leader's checkpoint as last seen.
    pub leader_checkpoint: i64,
    /// The follower's checkpoint.
    pub follower_checkpoint: i64,
    /// Highest sequence number asked for.
    pub last_requested: i64,
    /// History of the leader shard that is expected.
    pub leader_history: String,
    /// History of the follower shard that is expected.
    pub follower_history: String,
    /// Operations read and not yet written.
    pub buffer: VecDeque<Op>,
    /// When a failed write is tried again.
    pub write_due_ms: Option<i64>,
    /// Write requests under way; more than one where reads went on while a write failed.
    pub writes: u64,
    /// Retries of the present write.
    pub write_retries: u32,
    /// When the last read was sent.
    pub last_read_ms: Option<i64>,
    /// Reads that brought operations.
    pub ok_reads: u64,
    /// Reads that failed.
    pub failed_reads: u64,
    /// Operations read.
    pub operations_read: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Writes.
    pub ok_writes: u64,
    /// Writes that failed.
    pub failed_writes: u64,
    /// Operations written.
    pub operations_written: u64,
    /// Present read exceptions by first sequence number.
    pub read_exceptions: BTreeMap<i64, ReadException>,
    /// Why it stopped for good.
    pub fatal: Option<Value>,
    /// Versions of the leader's mapping, settings and aliases that were taken over.
    pub versions: (u64, u64, u64),
}

impl Run {
    /// A task that was just assigned and starts at `now_ms`.
    pub fn new(now_ms: i64) -> Self {
        Self {
            started_ms: now_ms,
            reading: Reading::Starting,
            read_due_ms: now_ms + START_MS,
            poll_deadline_ms: 0,
            interrupted: None,
            renew_ms: now_ms + RENEW_MS,
            leader_checkpoint: -1,
            follower_checkpoint: -1,
            last_requested: -1,
            leader_history: String::new(),
            follower_history: String::new(),
            buffer: VecDeque::new(),
            write_due_ms: None,
            writes: 0,
            write_retries: 0,
            last_read_ms: None,
            ok_reads: 0,
            failed_reads: 0,
            operations_read: 0,
            bytes_read: 0,
            ok_writes: 0,
            failed_writes: 0,
            operations_written: 0,
            read_exceptions: BTreeMap::new(),
            fatal: None,
            versions: (0, 0, 0),
        }
    }
}

/// From the assignment to the first read.
pub const START_MS: i64 = 30;
/// Interval of the lease renewal (`index.ccr.retention_lease.renew_interval`).
pub const RENEW_MS: i64 = 30_000;

/// The pause before retry `n` (from 1): half of 50 ms × 2^(n-1), the first 33 ms, capped by the
/// poll timeout. Elasticsearch draws it at random up to the double; this is deterministic.
pub fn backoff_ms(retry: u32, cap_ms: i64) -> i64 {
    let factor = 1_i64 << retry.saturating_sub(1).min(20);
    (25 * factor).max(33).min(cap_ms).max(1)
}

impl FollowTask {
    /// The next time at which the running task does something.
    pub fn due_ms(&self, renews_when_fatal: bool) -> Option<i64> {
        if !self.assigned {
            return None;
        }
        if self.run.fatal.is_some() {
            return renews_when_fatal.then_some(self.run.renew_ms);
        }
        let read = self.run.read_due_ms.min(self.run.renew_ms);
        Some(self.run.write_due_ms.map_or(read, |write| write.min(read)))
    }

    /// The shard object of `_ccr/stats`.
    pub fn stats(&self, now_ms: i64, human: bool) -> Value {
        let run = &self.run;
        let begun = run.reading != Reading::Starting || now_ms > run.started_ms;
        let known = |value: i64| if begun { value } else { 0 };
        let exceptions: Vec<Value> = run
            .read_exceptions
            .iter()
            .map(|(from, entry)| {
                json!({"from_seq_no": from, "retries": entry.retries, "exception": entry.exception})
            })
            .collect();
        let waiting: u64 = run.buffer.iter().map(|op| u64::from(op.bytes)).sum();
        let outstanding_writes = run.writes;
        let buffered = if outstanding_writes > 0 {
            0
        } else {
            run.buffer.len()
        };
        let reading = u64::from(run.reading != Reading::Starting);
        let mut stats = json!({
            "remote_cluster": self.alias,
            "leader_index": self.leader,
            "follower_index": self.follower,
            "shard_id": self.shard,
            "leader_global_checkpoint": known(run.leader_checkpoint),
            "leader_max_seq_no": known(run.leader_checkpoint),
            "follower_global_checkpoint": known(run.follower_checkpoint),
            "follower_max_seq_no": known(run.follower_checkpoint),
            "last_requested_seq_no": known(run.last_requested),
            "outstanding_read_requests": reading,
            "outstanding_write_requests": outstanding_writes,
            "write_buffer_operation_count": buffered,
            "write_buffer_size_in_bytes": if outstanding_writes > 0 { 0 } else { waiting },
            "follower_mapping_version": run.versions.0,
            "follower_settings_version": run.versions.1,
            "follower_aliases_version": run.versions.2,
            "total_read_time_millis": run.ok_reads * 3,
            "total_read_remote_exec_time_millis": run.ok_reads * 2,
            "successful_read_requests": run.ok_reads,
            "failed_read_requests": run.failed_reads,
            "operations_read": run.operations_read,
            "bytes_read": run.bytes_read,
            "total_write_time_millis": run.ok_writes * 5,
            "successful_write_requests": run.ok_writes,
            "failed_write_requests": run.failed_writes,
            "operations_written": run.operations_written,
            "read_exceptions": exceptions,
            "time_since_last_read_millis": run.last_read_ms.map_or(-1, |at| now_ms - at),
        });
        if let Some(object) = stats.as_object_mut() {
            if let Some(fatal) = &run.fatal {
                object.insert("fatal_exception".to_owned(), fatal.clone());
            }
            if human {
                for (key, of) in [
                    ("write_buffer_size", format!("{waiting}b")),
                    ("total_read_time", format!("{}ms", run.ok_reads * 3)),
                    ("total_read_remote_exec_time", format!("{}ms", run.ok_reads * 2)),
                    ("total_read", format!("{}b", run.bytes_read)),
                    ("total_write_time", format!("{}ms", run.ok_writes * 5)),
                    (
                        "time_since_last_read",
                        format!("{}ms", run.last_read_ms.map_or(-1, |at| now_ms - at)),
                    ),
                ] {
                    object.insert(key.to_owned(), json!(of));
                }
            }
        }
        stats
    }

    /// As the cluster state keeps it under `persistent_tasks`.
    pub fn state(&self, node: &str) -> Value {
        let mut params = json!({
            "remote_cluster": self.alias,
            "follow_shard_index": self.follower,
            "follow_shard_index_uuid": self.follower_uuid,
            "follow_shard_shard": self.shard,
            "leader_shard_index": self.leader,
            "leader_shard_index_uuid": self.leader_uuid,
            "leader_shard_shard": self.shard,
            "headers": {},
        });
        if let (Some(object), Value::Object(more)) = (params.as_object_mut(), self.params.to_json()) {
            object.extend(more);
        }
        let assignment = if self.assigned {
            json!({"executor_node": node, "explanation": "node is the least loaded data node and remote cluster client"})
        } else {
            json!({"executor_node": null, "explanation": "persistent task [xpack/ccr/shard_follow_task] cannot be assigned [no persistent task assignments are allowed due to cluster settings]"})
        };
        json!({"id": self.id, "task": {"xpack/ccr/shard_follow_task": {"params": params}},
            "allocation_id": self.allocation, "assignment": assignment})
    }
}
