//! Calls about indices: settings, statistics, health, recovery, aliases, allocation, lifecycle.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::cluster::colour;
use super::lenient::{Flat, L, Obj};
use super::state::RawUnassigned;
use super::{Table, parse_object, table_of};
use crate::domain::auto_follow::LeaderIndex;
use crate::domain::facts::{
    Explain, IlmExplain, IndexHealth, IndexSettings, IndexStats, Lease, ShardRecovery, ShardSeq,
};
use crate::domain::ids::{HistoryUuid, IndexName, IndexUuid, LeaseId};
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;

/// Copies by shard number.
pub(super) type ByShard<T> = BTreeMap<String, L<Vec<L<Obj<T>>>>>;

type ByIndex<T> = BTreeMap<String, L<Obj<T>>>;

#[derive(Deserialize)]
struct RawSettings {
    #[serde(default)]
    settings: L<Flat>,
}

pub(super) fn settings(body: &[u8]) -> Result<Table<IndexSettings>, String> {
    let raw: ByIndex<RawSettings> = parse_object(body)?;
    Ok(table_of(raw, |_, entry| Some(entry.0?.0.settings.0?.0)))
}

/// What auto-follow asks of the indices of a leader cluster; those without a proper name are left out.
pub(super) fn created(body: &[u8]) -> Result<Vec<LeaderIndex>, String> {
    let table = settings(body)?;
    let mut indices: Vec<LeaderIndex> = table
        .entries
        .into_iter()
        .filter_map(|(name, settings)| {
            let name = IndexName::parse(&name).ok()?;
            let settings = match settings {
                Seen::Present(settings) => settings,
                // An index with none of the settings that were asked for.
                Seen::Absent | Seen::Unknown(_) => return None,
            };
            let of = |key: &str| settings.get(key).map(String::as_str);
            Some(LeaderIndex {
                uuid: of("index.uuid").and_then(|text| IndexUuid::parse(text).ok()),
                created_at: of("index.creation_date")
                    .and_then(|text| text.parse().ok())
                    .and_then(|millis| Timestamp::from_millisecond(millis).ok()),
                followable: of("index.soft_deletes.enabled") != Some("false")
                    && of("index.store.type") != Some("snapshot")
                    && of("index.xpack.ccr.following_index") != Some("true"),
                name,
            })
        })
        .collect();
    indices.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(indices)
}

#[derive(Deserialize)]
struct RawAliases {
    #[serde(default)]
    aliases: L<BTreeMap<String, serde_json::Value>>,
}

/// Alias names with their definition as JSON text.
pub(super) fn aliases(body: &[u8]) -> Result<Table<BTreeMap<String, String>>, String> {
    let raw: ByIndex<RawAliases> = parse_object(body)?;
    Ok(table_of(raw, |_, entry| {
        let aliases = entry.0?.0.aliases.0?;
        Some(
            aliases
                .into_iter()
                .map(|(name, definition)| (name, definition.to_string()))
                .collect(),
        )
    }))
}

#[derive(Deserialize)]
struct RawHealth {
    #[serde(default)]
    indices: L<ByIndex<RawIndexHealth>>,
}

#[derive(Deserialize)]
struct RawIndexHealth {
    #[serde(default)]
    status: L<String>,
    #[serde(default)]
    number_of_shards: L<u32>,
    #[serde(default)]
    active_primary_shards: L<u32>,
    #[serde(default)]
    initializing_shards: L<u32>,
    #[serde(default)]
    unassigned_shards: L<u32>,
}

pub(super) fn health(body: &[u8]) -> Result<Table<IndexHealth>, String> {
    let raw: RawHealth = parse_object(body)?;
    let indices = raw
        .indices
        .0
        .ok_or("it holds no `indices` (was `level` given?)")?;
    Ok(table_of(indices, |_, entry| {
        let Obj(raw) = entry.0?;
        Some(IndexHealth {
            status: raw.status.0.as_deref().and_then(colour)?,
            number_of_shards: raw.number_of_shards.0,
            active_primary_shards: raw.active_primary_shards.0,
            initializing_shards: raw.initializing_shards.0,
            unassigned_shards: raw.unassigned_shards.0,
        })
    }))
}

/// `_cluster/health/<i>` without `level`: the totals are those of the only index asked for.
pub(super) fn health_of_one(body: &[u8]) -> Option<IndexHealth> {
    let raw: RawIndexHealth = parse_object(body).ok()?;
    Some(IndexHealth {
        status: raw.status.0.as_deref().and_then(colour)?,
        number_of_shards: None,
        active_primary_shards: raw.active_primary_shards.0,
        initializing_shards: raw.initializing_shards.0,
        unassigned_shards: raw.unassigned_shards.0,
    })
}

#[derive(Deserialize)]
struct RawRecoveries {
    #[serde(default)]
    shards: L<Vec<L<Obj<RawRecovery>>>>,
}

#[derive(Deserialize)]
struct RawRecovery {
    #[serde(default)]
    id: L<u32>,
    #[serde(default, rename = "type")]
    kind: L<String>,
    #[serde(default)]
    stage: L<String>,
    #[serde(default)]
    primary: L<bool>,
    #[serde(default)]
    source: L<Obj<RawRecoverySource>>,
    #[serde(default)]
    index: L<Obj<RawRecoveryIndex>>,
    #[serde(default)]
    start_time_in_millis: L<i64>,
}

#[derive(Deserialize)]
struct RawRecoverySource {
    #[serde(default)]
    repository: L<String>,
}

#[derive(Deserialize)]
struct RawRecoveryIndex {
    #[serde(default)]
    size: L<Obj<RawRecoverySize>>,
}

#[derive(Deserialize)]
struct RawRecoverySize {
    #[serde(default)]
    total_in_bytes: L<u64>,
    #[serde(default)]
    recovered_in_bytes: L<u64>,
}

pub(super) fn recoveries(body: &[u8]) -> Result<Table<Vec<ShardRecovery>>, String> {
    let raw: ByIndex<RawRecoveries> = parse_object(body)?;
    Ok(table_of(raw, |_, entry| {
        let list = entry.0?.0.shards.0?;
        Some(list.into_iter().filter_map(|one| recovery(one.0?.0)).collect())
    }))
}

fn recovery(raw: RawRecovery) -> Option<ShardRecovery> {
    let size = raw
        .index
        .0
        .and_then(|Obj(index)| index.size.0)
        .map(|Obj(size)| size);
    Some(ShardRecovery {
        shard: raw.id.0?,
        kind: raw.kind.0?.to_ascii_uppercase(),
        stage: raw.stage.0?.to_ascii_uppercase(),
        primary: raw.primary.0?,
        repository: raw.source.0.and_then(|Obj(source)| source.repository.0),
        total_bytes: size.as_ref().and_then(|size| size.total_in_bytes.0),
        recovered_bytes: size.as_ref().and_then(|size| size.recovered_in_bytes.0),
        started_at: raw
            .start_time_in_millis
            .0
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()),
    })
}

#[derive(Deserialize)]
struct RawStats {
    #[serde(default)]
    indices: L<ByIndex<RawIndexStats>>,
}

#[derive(Deserialize)]
struct RawIndexStats {
    #[serde(default)]
    uuid: L<IndexUuid>,
    #[serde(default)]
    primaries: L<Obj<RawTotals>>,
    #[serde(default)]
    shards: L<ByShard<RawShard>>,
}

#[derive(Deserialize)]
struct RawTotals {
    #[serde(default)]
    docs: L<Obj<RawDocs>>,
    #[serde(default)]
    store: L<Obj<RawStore>>,
}

#[derive(Deserialize)]
struct RawDocs {
    #[serde(default)]
    count: L<u64>,
}

#[derive(Deserialize)]
struct RawStore {
    #[serde(default)]
    size_in_bytes: L<u64>,
}

#[derive(Deserialize)]
struct RawShard {
    #[serde(default)]
    routing: L<Obj<RawRouting>>,
    #[serde(default)]
    commit: L<Obj<RawCommit>>,
    #[serde(default)]
    seq_no: L<Obj<RawSeqNo>>,
    #[serde(default)]
    docs: L<Obj<RawDocs>>,
    #[serde(default)]
    store: L<Obj<RawStore>>,
    #[serde(default)]
    retention_leases: L<Obj<RawLeases>>,
}

#[derive(Deserialize)]
struct RawRouting {
    #[serde(default)]
    state: L<String>,
    #[serde(default)]
    primary: L<bool>,
}

#[derive(Deserialize)]
struct RawCommit {
    #[serde(default)]
    user_data: L<Obj<RawUserData>>,
}

#[derive(Deserialize)]
struct RawUserData {
    #[serde(default)]
    history_uuid: L<HistoryUuid>,
}

#[derive(Deserialize)]
struct RawSeqNo {
    #[serde(default)]
    max_seq_no: L<i64>,
    #[serde(default)]
    global_checkpoint: L<i64>,
}

#[derive(Deserialize)]
struct RawLeases {
    #[serde(default)]
    leases: L<Vec<L<Obj<RawLease>>>>,
}

#[derive(Deserialize)]
struct RawLease {
    #[serde(default)]
    id: L<LeaseId>,
    #[serde(default)]
    retaining_seq_no: L<i64>,
    #[serde(default)]
    timestamp: L<i64>,
    #[serde(default)]
    source: L<String>,
}

pub(super) fn stats(body: &[u8]) -> Result<Table<IndexStats>, String> {
    let raw: RawStats = parse_object(body)?;
    let indices = raw.indices.0.ok_or("it holds no `indices`")?;
    Ok(table_of(indices, |_, entry| {
        let Obj(raw) = entry.0?;
        let totals = raw.primaries.0.map(|Obj(totals)| totals);
        let mut stats = IndexStats {
            uuid: raw.uuid.0,
            docs: totals
                .as_ref()
                .and_then(|totals| totals.docs.0.as_ref()?.0.count.0),
            store_bytes: totals.and_then(|totals| totals.store.0?.0.size_in_bytes.0),
            ..IndexStats::default()
        };
        for (shard, copies) in raw.shards.0.unwrap_or_default() {
            let (Ok(shard), Some(copies)) = (shard.parse::<u32>(), copies.0) else {
                continue;
            };
            let mut copies: Vec<RawShard> = copies.into_iter().filter_map(|copy| Some(copy.0?.0)).collect();
            let primary = copies.iter().position(is_primary).or_else(|| {
                // `filter_path` may have cut `routing` out; one copy alone is the primary.
                (copies.len() == 1 && copies.first().is_some_and(|copy| copy.routing.0.is_none()))
                    .then_some(0)
            });
            if let Some(at) = primary {
                stats.primaries.insert(shard, shard_seq(copies.swap_remove(at)));
            }
        }
        Some(stats)
    }))
}

fn is_primary(copy: &RawShard) -> bool {
    copy.routing
        .0
        .as_ref()
        .is_some_and(|Obj(routing)| routing.primary.0 == Some(true))
}

fn shard_seq(raw: RawShard) -> ShardSeq {
    let seq_no = raw.seq_no.0.map(|Obj(seq_no)| seq_no);
    ShardSeq {
        state: raw.routing.0.and_then(|Obj(routing)| routing.state.0),
        history_uuid: raw
            .commit
            .0
            .and_then(|Obj(commit)| commit.user_data.0?.0.history_uuid.0),
        max_seq_no: seq_no.as_ref().and_then(|seq_no| seq_no.max_seq_no.0),
        global_checkpoint: seq_no.as_ref().and_then(|seq_no| seq_no.global_checkpoint.0),
        docs: raw.docs.0.and_then(|Obj(docs)| docs.count.0),
        store_bytes: raw.store.0.and_then(|Obj(store)| store.size_in_bytes.0),
        leases: raw.retention_leases.0.and_then(|Obj(leases)| {
            let list = leases.leases.0?;
            Some(list.into_iter().filter_map(|one| lease(one.0?.0)).collect())
        }),
    }
}

fn lease(raw: RawLease) -> Option<Lease> {
    Some(Lease {
        id: raw.id.0?,
        retaining_seq_no: raw.retaining_seq_no.0,
        renewed_at: raw
            .timestamp
            .0
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()),
        source: raw.source.0,
    })
}

#[derive(Deserialize)]
struct RawExplain {
    #[serde(default)]
    index: L<String>,
    #[serde(default)]
    shard: L<u32>,
    #[serde(default)]
    primary: L<bool>,
    #[serde(default)]
    current_state: L<String>,
    #[serde(default)]
    can_allocate: L<String>,
    #[serde(default)]
    unassigned_info: L<Obj<RawUnassigned>>,
    #[serde(default)]
    node_allocation_decisions: L<Vec<L<Obj<RawNodeDecision>>>>,
}

#[derive(Deserialize)]
struct RawNodeDecision {
    #[serde(default)]
    deciders: L<Vec<L<Obj<RawDecider>>>>,
}

#[derive(Deserialize)]
struct RawDecider {
    #[serde(default)]
    decider: L<String>,
    #[serde(default)]
    decision: L<String>,
    #[serde(default)]
    explanation: L<String>,
}

/// The explanation and the index it is about (without a body the call picks any shard).
pub(super) fn explain(body: &[u8]) -> Result<(String, Explain), String> {
    let raw: RawExplain = parse_object(body)?;
    let index = raw.index.0.ok_or("it names no index")?;
    let info = raw.unassigned_info.0.map(|Obj(info)| info);
    let (reason, details, attempts) = match info {
        Some(info) => (
            info.reason.0,
            info.details.0,
            info.failed_allocation_attempts.0.or(info.failed_attempts.0),
        ),
        None => (None, None, None),
    };
    let mut refusing: Vec<(String, String)> = Vec::new();
    for Obj(decider) in raw
        .node_allocation_decisions
        .0
        .unwrap_or_default()
        .into_iter()
        .filter_map(|node| node.0)
        .flat_map(|Obj(node)| node.deciders.0.unwrap_or_default())
        .filter_map(|decider| decider.0)
    {
        let (Some(name), Some(decision)) = (decider.decider.0, decider.decision.0) else {
            continue;
        };
        if decision.eq_ignore_ascii_case("NO") && !refusing.iter().any(|(known, _)| *known == name) {
            refusing.push((name, decider.explanation.0.unwrap_or_default()));
        }
    }
    Ok((
        index,
        Explain {
            shard: raw.shard.0,
            primary: raw.primary.0,
            current_state: raw.current_state.0,
            can_allocate: raw.can_allocate.0,
            unassigned_reason: reason,
            unassigned_details: details,
            failed_attempts: attempts,
            refusing_deciders: refusing,
        },
    ))
}

#[derive(Deserialize)]
struct RawIlm {
    #[serde(default)]
    indices: L<ByIndex<RawIlmEntry>>,
}

#[derive(Deserialize)]
struct RawIlmEntry {
    #[serde(default)]
    managed: L<bool>,
    #[serde(default)]
    policy: L<String>,
    #[serde(default)]
    phase: L<String>,
    #[serde(default)]
    action: L<String>,
    #[serde(default)]
    step: L<String>,
}

pub(super) fn ilm(body: &[u8]) -> Result<Table<IlmExplain>, String> {
    let raw: RawIlm = parse_object(body)?;
    let indices = raw.indices.0.ok_or("it holds no `indices`")?;
    Ok(table_of(indices, |_, entry| {
        let Obj(raw) = entry.0?;
        Some(IlmExplain {
            managed: raw.managed.0?,
            policy: raw.policy.0,
            phase: raw.phase.0,
            action: raw.action.0,
            step: raw.step.0,
        })
    }))
}
