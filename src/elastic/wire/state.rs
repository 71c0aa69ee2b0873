//! `_cluster/state`: metadata of indices, the routing table, and the follow tasks among the
//! persistent tasks.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::lenient::{Flat, L, Obj, Want};
use super::{Table, owner, parse_object, table_of};
use crate::domain::facts::{FollowTask, Followed, IndexMeta, PrimaryRouting, Routing};
use crate::domain::ids::{HistoryUuid, IndexName, IndexUuid, RemoteAlias};

/// The parts of a cluster state that were there.
#[derive(Debug)]
pub(super) struct State {
    pub metadata: Option<Table<IndexMeta>>,
    pub routing: Option<Table<Routing>>,
    pub tasks: Option<HashMap<String, Vec<FollowTask>>>,
}

#[derive(Deserialize)]
struct RawState {
    #[serde(default)]
    metadata: L<Obj<RawMetadata>>,
    #[serde(default)]
    routing_table: L<Obj<RawRoutingTable>>,
}

#[derive(Deserialize)]
struct RawMetadata {
    #[serde(default)]
    indices: L<BTreeMap<String, L<Obj<RawIndex>>>>,
    #[serde(default)]
    persistent_tasks: L<Obj<RawTasks>>,
}

#[derive(Deserialize)]
struct RawIndex {
    #[serde(default)]
    state: L<String>,
    #[serde(default)]
    settings: L<Flat>,
    #[serde(default)]
    ccr: L<Obj<RawCcr>>,
    #[serde(default)]
    primary_terms: L<BTreeMap<String, L<i64>>>,
    #[serde(default)]
    aliases: L<Aliases>,
    #[serde(default)]
    routing_num_shards: L<i64>,
}

/// A list of names, or a map whose keys are the names.
struct Aliases(Vec<String>);

impl<'de> Want<'de> for Aliases {
    fn from_seq<A: serde::de::SeqAccess<'de>>(seq: A) -> Result<Option<Self>, A::Error> {
        let list = Vec::<L<String>>::from_seq(seq)?.unwrap_or_default();
        Ok(Some(Self(list.into_iter().filter_map(|name| name.0).collect())))
    }
    fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let entries = BTreeMap::<String, serde::de::IgnoredAny>::from_map(map)?.unwrap_or_default();
        Ok(Some(Self(entries.into_keys().collect())))
    }
}

#[derive(Deserialize)]
struct RawCcr {
    #[serde(default)]
    leader_index_uuid: L<IndexUuid>,
    #[serde(default)]
    leader_index_name: L<IndexName>,
    #[serde(default)]
    remote_cluster_name: L<RemoteAlias>,
    #[serde(default)]
    leader_index_shard_history_uuids: L<String>,
}

#[derive(Deserialize)]
struct RawTasks {
    #[serde(default)]
    tasks: L<Vec<L<Obj<RawTask>>>>,
}

#[derive(Deserialize)]
struct RawTask {
    #[serde(default)]
    task: L<Obj<RawTaskKinds>>,
    #[serde(default)]
    assignment: L<Obj<RawAssignment>>,
}

#[derive(Deserialize)]
struct RawTaskKinds {
    #[serde(default, rename = "xpack/ccr/shard_follow_task")]
    follow: L<Obj<RawFollowTask>>,
}

#[derive(Deserialize)]
struct RawFollowTask {
    #[serde(default)]
    params: L<Obj<RawParams>>,
}

#[derive(Deserialize)]
struct RawParams {
    #[serde(default)]
    follow_shard_index: L<String>,
    #[serde(default)]
    follow_shard_index_uuid: L<IndexUuid>,
    #[serde(default)]
    follow_shard_shard: L<u32>,
    #[serde(default)]
    leader_shard_index_uuid: L<IndexUuid>,
    #[serde(default)]
    headers: L<Obj<RawHeaders>>,
}

#[derive(Deserialize)]
struct RawHeaders {
    #[serde(default, rename = "_xpack_security_authentication")]
    authentication: L<String>,
}

#[derive(Deserialize)]
struct RawAssignment {
    #[serde(default)]
    executor_node: L<String>,
    #[serde(default)]
    explanation: L<String>,
}

#[derive(Deserialize)]
struct RawRoutingTable {
    #[serde(default)]
    indices: L<BTreeMap<String, L<Obj<RawIndexRouting>>>>,
}

#[derive(Deserialize)]
struct RawIndexRouting {
    #[serde(default)]
    shards: L<super::index::ByShard<RawCopy>>,
}

#[derive(Deserialize)]
struct RawCopy {
    #[serde(default)]
    state: L<String>,
    #[serde(default)]
    primary: L<bool>,
    #[serde(default)]
    recovery_source: L<Obj<RawSource>>,
    #[serde(default)]
    unassigned_info: L<Obj<RawUnassigned>>,
}

#[derive(Deserialize)]
struct RawSource {
    #[serde(default, rename = "type")]
    kind: L<String>,
}

#[derive(Deserialize)]
pub(super) struct RawUnassigned {
    #[serde(default)]
    pub reason: L<String>,
    #[serde(default)]
    pub details: L<String>,
    #[serde(default)]
    pub failed_attempts: L<i64>,
    #[serde(default)]
    pub failed_allocation_attempts: L<i64>,
}

pub(super) fn state(body: &[u8]) -> Result<State, String> {
    let raw: RawState = parse_object(body)?;
    let (indices, tasks) = match raw.metadata.0 {
        Some(Obj(metadata)) => (metadata.indices.0, metadata.persistent_tasks.0),
        None => (None, None),
    };
    Ok(State {
        metadata: indices.map(|indices| table_of(indices, |_, raw| Some(index_meta(raw.0?.0)))),
        routing: raw
            .routing_table
            .0
            .and_then(|Obj(table)| table.indices.0)
            .map(|indices| table_of(indices, |_, raw| routing(raw.0?.0))),
        tasks: tasks.and_then(|Obj(tasks)| tasks.tasks.0).map(follow_tasks),
    })
}

fn index_meta(raw: RawIndex) -> IndexMeta {
    IndexMeta {
        open: match raw.state.0.as_deref() {
            Some("open") => Some(true),
            Some("close") => Some(false),
            _ => None,
        },
        settings: raw.settings.0.map(|Flat(flat)| flat).unwrap_or_default(),
        followed: raw.ccr.0.map(|Obj(ccr)| Followed {
            leader_index_uuid: ccr.leader_index_uuid.0,
            history_uuids: ccr.leader_index_shard_history_uuids.0.and_then(|list| {
                list.split(',')
                    .map(|one| HistoryUuid::parse(one.trim()).ok())
                    .collect()
            }),
            leader_index: ccr.leader_index_name.0,
            remote: ccr.remote_cluster_name.0,
        }),
        primary_terms: raw
            .primary_terms
            .0
            .unwrap_or_default()
            .into_iter()
            .filter_map(|(shard, term)| Some((shard.parse().ok()?, term.0?)))
            .collect(),
        aliases: raw.aliases.0.map(|Aliases(names)| names).unwrap_or_default(),
        routing_num_shards: raw.routing_num_shards.0,
    }
}

fn routing(raw: RawIndexRouting) -> Option<Routing> {
    let mut primaries = Routing::new();
    for (shard, copies) in raw.shards.0? {
        let (Ok(shard), Some(copies)) = (shard.parse::<u32>(), copies.0) else {
            continue;
        };
        for Obj(copy) in copies.into_iter().filter_map(|copy| copy.0) {
            let (Some(true), Some(state)) = (copy.primary.0, copy.state.0) else {
                continue;
            };
            let unassigned = copy.unassigned_info.0.map(|Obj(info)| info);
            let (reason, details, attempts) = match unassigned {
                Some(info) => (
                    info.reason.0,
                    info.details.0,
                    info.failed_attempts.0.or(info.failed_allocation_attempts.0),
                ),
                None => (None, None, None),
            };
            primaries.insert(
                shard,
                PrimaryRouting {
                    state,
                    recovery_source: copy.recovery_source.0.and_then(|Obj(source)| source.kind.0),
                    unassigned_reason: reason,
                    unassigned_details: details,
                    failed_attempts: attempts,
                },
            );
        }
    }
    Some(primaries)
}

fn follow_tasks(list: Vec<L<Obj<RawTask>>>) -> HashMap<String, Vec<FollowTask>> {
    let mut by_follower: HashMap<String, Vec<FollowTask>> = HashMap::new();
    for Obj(task) in list.into_iter().filter_map(|task| task.0) {
        let Some(Obj(params)) = task
            .task
            .0
            .and_then(|Obj(kinds)| kinds.follow.0)
            .and_then(|Obj(follow)| follow.params.0)
        else {
            continue;
        };
        let (Some(follower), Some(shard)) = (params.follow_shard_index.0, params.follow_shard_shard.0) else {
            continue;
        };
        let (node, explanation) = match task.assignment.0 {
            Some(Obj(assignment)) => (assignment.executor_node.0, assignment.explanation.0),
            None => (None, None),
        };
        by_follower.entry(follower).or_default().push(FollowTask {
            shard,
            follower_uuid: params.follow_shard_index_uuid.0,
            leader_uuid: params.leader_shard_index_uuid.0,
            node,
            explanation,
            user: params
                .headers
                .0
                .and_then(|Obj(headers)| owner::user(&headers.authentication.0?)),
        });
    }
    by_follower
}
