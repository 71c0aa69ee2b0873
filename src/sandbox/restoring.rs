//! How a remote recovery goes on: lease, session, copy, end; and how it fails.

use serde_json::{Value, json};

use super::errors::Fault;
use super::follow::lease_id;
use super::json;
use super::lease::Leases;
use super::pair::{Pair, Side, Version};
use super::restore::Phase;
use super::shard::{Recovery, State, Unassigned};

/// Attempts before the allocator gives up (`index.allocation.max_retries`); 7.7.0's restore
/// decider says no after the first.
fn attempts(version: Version) -> u32 {
    match version {
        Version::V7_7_0 => 1,
        Version::V8_10_4 => 5,
    }
}

impl Pair {
    /// Bytes per second of a remote recovery: what the test set, else the lower of both sides'
    /// `ccr.indices.recovery.max_bytes_per_sec`.
    pub(super) fn recovery_rate(&self) -> u64 {
        self.restore_rate.unwrap_or_else(|| {
            [Side::Leader, Side::Follower]
                .iter()
                .filter_map(|side| {
                    self.cluster(*side)
                        .setting_text("ccr.indices.recovery.max_bytes_per_sec")
                        .and_then(json::bytes)
                })
                .min()
                .unwrap_or(40 << 20)
        })
    }

    /// Tells running restores the present rate.
    pub(super) fn rate_changed(&mut self) {
        let (rate, now) = (self.recovery_rate(), self.now_ms);
        for side in [Side::Leader, Side::Follower] {
            for index in self.cluster_mut(side).indices.values_mut() {
                if let Some(restore) = &mut index.restore {
                    restore.set_rate(now, rate);
                }
            }
        }
    }

    /// Lets the restore of an index do what is due.
    pub(super) fn step_restore(&mut self, side: Side, name: &str) {
        let now = self.now_ms;
        let Some(count) = self
            .cluster(side)
            .indices
            .get(name)
            .filter(|index| index.restore.is_some())
            .map(|index| index.shards.len())
        else {
            return;
        };
        for number in 0..count {
            let phase = self
                .cluster(side)
                .indices
                .get(name)
                .and_then(|index| index.restore.as_ref())
                .and_then(|restore| restore.shards.get(number))
                .map(|shard| shard.phase.clone());
            match phase {
                Some(Phase::Lease { due_ms }) if due_ms <= now => {
                    let next = match self.take_lease(side, name, number) {
                        Ok(()) => Phase::Open { due_ms: now + 90 },
                        Err(failure) => {
                            self.fail_shard(side, name, number, &failure);
                            Phase::Ended { ok: false }
                        }
                    };
                    self.set_phase(side, name, number, next);
                }
                Some(Phase::Open { due_ms }) if due_ms <= now => {
                    let next = self.open_session(side, name, number).unwrap_or_else(|failure| {
                        self.fail_shard(side, name, number, &failure);
                        Phase::Ended { ok: false }
                    });
                    self.set_phase(side, name, number, next);
                }
                Some(phase @ Phase::Copy { .. }) if phase.due_ms().is_some_and(|due| due <= now) => {
                    if let Err(failure) = self.session_alive(side, name, number) {
                        self.fail_shard(side, name, number, &failure);
                        self.set_phase(side, name, number, Phase::Ended { ok: false });
                        continue;
                    }
                    self.finish_shard(side, name, number, phase);
                    self.set_phase(side, name, number, Phase::Ended { ok: true });
                }
                _ => {}
            }
        }
        let due = self
            .cluster(side)
            .indices
            .get(name)
            .and_then(|index| index.restore.as_ref())
            .map(|restore| (restore.ended(), restore.end_ms));
        match due {
            Some((true, None)) => {
                if let Some(restore) = self
                    .cluster_mut(side)
                    .indices
                    .get_mut(name)
                    .and_then(|index| index.restore.as_mut())
                {
                    restore.end_ms = Some(now + 40);
                }
            }
            Some((_, Some(end))) if end <= now => self.finish_restore(side, name),
            _ => {}
        }
    }

    fn set_phase(&mut self, side: Side, name: &str, number: usize, phase: Phase) {
        if let Some(progress) = self
            .cluster_mut(side)
            .indices
            .get_mut(name)
            .and_then(|index| index.restore.as_mut())
            .and_then(|restore| restore.shards.get_mut(number))
        {
            progress.phase = phase;
        }
    }

    /// Empties the store, then adds or renews the lease with "retain all".
    fn take_lease(&mut self, side: Side, name: &str, number: usize) -> Result<(), String> {
        let now = self.now_ms;
        if self.kept_off(side, name).is_some() {
            return Err(NO_NODE.to_owned());
        }
        let (peer, leader, id) = self.session_target(side, name)?;
        let version = self.version;
        if let Some(shard) = self
            .cluster_mut(side)
            .indices
            .get_mut(name)
            .and_then(|index| index.shards.get_mut(number))
        {
            if version == Version::V7_7_0 && shard.emptied {
                return Err("IndexShardRecoveryException[failed recovery]; nested: IndexShardRestoreFailedException[restore failed]; nested: IndexShardRestoreFailedException[failed to restore snapshot [_latest_/_latest_]]; nested: TranslogCorruptedException[translog from source [<unknown>] is corrupted, expected shard UUID text is null]".to_owned());
            }
            shard.replace(Vec::new(), -1, 0);
            shard.emptied = true;
        }
        let leader_index = self
            .cluster_mut(peer)
            .indices
            .get_mut(&leader)
            .ok_or_else(|| format!("no such index [{leader}]"))?;
        let retained = leader_index.retained_operations();
        let Some(shard) = leader_index.shards.get_mut(number) else {
            return Err(format!("no such shard [{leader}][{number}]"));
        };
        let floor = shard.floor(retained);
        let term = shard.term;
        match shard.leases.get(&id).map(|lease| lease.retaining) {
            None => shard.leases.add(&id, floor, now, term),
            Some(held) if held > floor => {
                return Err(format!(
                    "IndexShardRecoveryException[failed recovery]; nested: RetentionLeaseInvalidRetainingSeqNoException[the current retention lease with [{id}] is retaining a higher sequence number [{held}] than the new retaining sequence number [{floor}] from [ccr]]"
                ));
            }
            Some(_) => {
                shard.leases.renew(&id, floor, now, term);
            }
        }
        Ok(())
    }

    /// The decider that keeps an index's shards off the cluster's only node: the disk, or an
    /// allocation filter that came along with the leader's settings (recording 18 shows them in the
    /// new follower's metadata on both versions; an empty one filters nothing).
    fn kept_off(&self, side: Side, name: &str) -> Option<(&'static str, String)> {
        let cluster = self.cluster(side);
        if cluster.disk_full {
            return Some(("disk_threshold", "the node is above the low watermark cluster setting [cluster.routing.allocation.disk.watermark.low=85%], having less than the minimum required free space".to_owned()));
        }
        let settings = &cluster.indices.get(name)?.settings;
        settings.iter().find_map(|(key, value)| {
            let rest = key.strip_prefix("index.routing.allocation.")?;
            let (kind, attribute) = rest.split_once('.')?;
            let wanted = value.as_str().filter(|text| !text.is_empty())?;
            if attribute.starts_with('_') {
                return None;
            }
            let has = cluster.attributes.get(attribute);
            let is = |one: &str| has.is_some_and(|value| value == one.trim());
            let matches = match kind {
                "require" => wanted.split(',').all(is),
                _ => wanted.split(',').any(is),
            };
            let no = match kind {
                "require" | "include" => !matches,
                "exclude" => matches,
                _ => false,
            };
            let verb = if kind == "exclude" { "matches" } else { "does not match" };
            no.then(|| ("filter", format!("node {verb} index setting [index.routing.allocation.{kind}] filters [{attribute}:\"{wanted}\"]")))
        })
    }

    fn session_target(&self, side: Side, name: &str) -> Result<(Side, String, String), String> {
        let index = self
            .cluster(side)
            .indices
            .get(name)
            .ok_or_else(|| format!("no such index [{name}]"))?;
        let ccr = index.ccr.as_ref().ok_or_else(|| "no ccr metadata".to_owned())?;
        let peer = self
            .remote(side, &ccr.alias)
            .map_err(|_| "ConnectTransportException[[][127.0.0.1] connect_exception]".to_owned())?;
        let leader = self
            .cluster(peer)
            .indices
            .get(&ccr.leader)
            .filter(|leader| leader.open && leader.uuid == ccr.leader_uuid)
            .ok_or_else(|| format!("IndexNotFoundException[no such index [{}]]", ccr.leader))?;
        let id = lease_id(
            &self.cluster(side).name,
            (name, &index.uuid),
            &ccr.alias,
            (&ccr.leader, &ccr.leader_uuid),
        );
        Ok((peer, leader.name.clone(), id))
    }

    fn session_alive(&self, side: Side, name: &str, number: usize) -> Result<(), String> {
        let (peer, leader, _) = self.session_target(side, name)?;
        self.cluster(peer)
            .indices
            .get(&leader)
            .and_then(|index| index.shards.get(number))
            .filter(|shard| shard.started())
            .map(|_| ())
            .ok_or_else(|| format!("IndexShardClosedException[{leader}][{number}]"))
    }

    fn open_session(&mut self, side: Side, name: &str, number: usize) -> Result<Phase, String> {
        self.session_alive(side, name, number)?;
        let (peer, leader, _) = self.session_target(side, name)?;
        let (now, rate) = (self.now_ms, self.recovery_rate());
        let shard = self
            .cluster(peer)
            .indices
            .get(&leader)
            .and_then(|index| index.shards.get(number))
            .ok_or_else(|| format!("no such shard [{leader}][{number}]"))?;
        let ops = shard.content_of_commit();
        let total = 208 + ops.iter().map(|op| u64::from(op.bytes)).sum::<u64>() / 9;
        let phase = Phase::Copy {
            ops,
            up_to: shard.committed,
            floor: shard.committed_floor.unwrap_or(0),
            total,
            recovered: 0,
            since_ms: now,
            rate,
        };
        Ok(phase)
    }

    fn finish_shard(&mut self, side: Side, name: &str, number: usize, phase: Phase) {
        let Phase::Copy {
            ops,
            up_to,
            floor,
            total,
            ..
        } = phase
        else {
            return;
        };
        let now = self.now_ms;
        let (history, node) = (self.fresh_id(), self.cluster(side).node.clone());
        let version = super::routes::shards::version_text(self.version);
        let Some(index) = self.cluster_mut(side).indices.get_mut(name) else {
            return;
        };
        let start = index
            .restore
            .as_ref()
            .and_then(|restore| restore.shards.get(number))
            .map_or(now, |progress| progress.start_ms);
        let (restore, source) = (
            index
                .restore
                .as_ref()
                .map_or_else(String::new, |r| r.uuid.clone()),
            index
                .ccr
                .as_ref()
                .map_or_else(String::new, |ccr| ccr.leader.clone()),
        );
        let alias = index
            .ccr
            .as_ref()
            .map_or_else(String::new, |ccr| ccr.alias.clone());
        if let Some(shard) = index.shards.get_mut(number) {
            shard.replace(ops, up_to, floor);
            shard.history_uuid = history;
            shard.state = State::Started;
            shard.flushed_ms = now;
            shard.leases = Leases::fresh(&node, now, shard.term);
            shard.recovery = Some(Recovery {
                kind: "SNAPSHOT",
                stage: "DONE",
                start_ms: start,
                stop_ms: Some(now),
                total,
                recovered: total,
                reused: 0,
                source: Some((format!("_ccr_{alias}"), source, restore, version.to_owned())),
            });
        }
        if index.mapping_version == 0 {
            index.mapping_version = 1;
        }
        index.version += 1;
    }

    fn fail_shard(&mut self, side: Side, name: &str, number: usize, failure: &str) {
        let now = self.now_ms;
        let version = self.version;
        let (node, node_name) = {
            let cluster = self.cluster(side);
            (cluster.node.clone(), cluster.node_name.clone())
        };
        let kept_off = self.kept_off(side, name);
        if let Some(shard) = self
            .cluster_mut(side)
            .indices
            .get_mut(name)
            .and_then(|index| index.shards.get_mut(number))
        {
            if failure == NO_NODE {
                shard.state = State::Unassigned(Box::new(Unassigned {
                    reason: "EXISTING_INDEX_RESTORED",
                    at_ms: now,
                    attempts: 0,
                    details: "restore_source[_ccr_lead/_latest_]".to_owned(),
                    restore: Some("shard could not be allocated to any of the nodes".to_owned()),
                    decider: kept_off,
                }));
                return;
            }
            let tries = attempts(version);
            shard.term += u64::from(tries) - 1;
            let details = format!(
                "failed shard on node [{node}]: failed recovery, failure RecoveryFailedException[[{name}][{number}]: Recovery failed on {{{node_name}}}{{{node}}}]; nested: {failure}"
            );
            shard.state = State::Unassigned(Box::new(Unassigned {
                reason: "ALLOCATION_FAILED",
                at_ms: now,
                attempts: tries,
                restore: Some(details.clone()),
                details,
                decider: None,
            }));
        }
    }

    /// What a lifecycle policy does to a new index at once: it sets its priority.
    fn run_lifecycle(&mut self, side: Side, name: &str) {
        let cluster = self.cluster_mut(side);
        let Some(index) = cluster.indices.get_mut(name) else {
            return;
        };
        let priority = index
            .setting("index.lifecycle.name")
            .and_then(|policy| cluster.policies.get(policy))
            .and_then(|policy| policy.pointer("/policy/phases/hot/actions/set_priority/priority"))
            .map(json::setting);
        if let Some(priority) = priority {
            index.settings.insert("index.priority".to_owned(), priority);
        }
    }

    /// All shards ended: resume where all went well and somebody listens, then answer.
    fn finish_restore(&mut self, side: Side, name: &str) {
        let Some(restore) = self
            .cluster_mut(side)
            .indices
            .get_mut(name)
            .and_then(|index| index.restore.take())
        else {
            return;
        };
        self.run_lifecycle(side, name);
        let failed = json!({"follow_index_created": true, "follow_index_shards_acked": false, "index_following_started": false});
        let (status, body): (u16, Value) = if restore.succeeded() && restore.listener {
            match self.resume(side, name, &restore.params, &restore.user) {
                Ok(()) => (
                    200,
                    json!({"follow_index_created": true, "follow_index_shards_acked": true, "index_following_started": true}),
                ),
                Err(fault) => Fault::into_answer(fault),
            }
        } else {
            (200, failed)
        };
        if let Some(ticket) = restore.ticket {
            self.answer_later(side, ticket, status, &body);
        }
    }
}

/// No node may take the shard: not an attempt that failed, but none that was made.
const NO_NODE: &str = "no node";
