//! From facts to a run's [`Position`]: what `domain::run::next` decides from.
//!
//! Owns the [`Watch`], the only thing a run remembers beside its journal: since when something
//! has been seen without a break. It is lost in a restart, which only makes the next proof take
//! as long as the first. An answer older than the look in hand counts as unknown here.

use std::collections::BTreeMap;

use crate::domain::cause::Cause;
use crate::domain::facts::{Facts, IndexMeta, IndexStats, PrimaryRouting, Series, ShardRecovery};
use crate::domain::ids::IndexUuid;
use crate::domain::plan::PlanBasis;
use crate::domain::run::{Documents, IndexState, Position, Proof, Restore, Run, Since};
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::step::Step;
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Verdict;
use crate::engine::pace::Pace;

/// A lease renewed longer ago than this is not fresh, milliseconds. Renewals come every 30 s;
/// the rest is room for clocks that differ.
const LEASE_FRESH_MS: i64 = 10 * 60 * 1000;

/// What has been so for how long, over the looks of one executor.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    since: Since,
    copied_bytes: Option<u64>,
    lag: Option<i64>,
    /// The leader's global checkpoints as the look before saw them: a follower that has reached
    /// them has caught up with where the leader was.
    leader_was: BTreeMap<u32, i64>,
    /// The leader's documents as the look before counted them.
    leader_had: Option<u64>,
    /// How shards and leases moved since the last request.
    pace: Pace,
    /// They were the same two looks in a row: counts of this look belong to these checkpoints. The
    /// calls of a look are not made at one instant.
    leader_stood: bool,
}

impl Watch {
    /// After a request: what was seen before it proves nothing about what it did.
    pub fn sent(&mut self) {
        self.since = Since {
            // A closed index stays closed whatever is sent to it but an open or a follow.
            closed: self.since.closed,
            ..Since::default()
        };
        self.copied_bytes = None;
        self.lag = None;
        self.pace = Pace::default();
    }
}

/// One look, judged.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// What the look taught.
    pub facts: &'a Facts,
    /// The judge's word on it.
    pub verdict: &'a Verdict,
    /// `judge::lag` of it: operations behind the leader's own word.
    pub lag: Option<i64>,
    /// When its first call was sent.
    pub began_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// `[verify] document_tolerance`, 0 to 1.
    pub document_tolerance: f64,
    /// The counts show what was written: both sides were refreshed, or refresh by themselves.
    pub counts_are_new: bool,
}

/// The newest word, if it is of this look.
fn fresh<T>(series: &Series<T>, began_at: Timestamp) -> Seen<&T> {
    match series.last() {
        Some(sighting) if sighting.at >= began_at => sighting.value.as_ref(),
        Some(_) => Seen::unknown("not asked in this look"),
        None => Seen::unknown("not asked"),
    }
}

/// Where the run's follower stands now.
pub fn position(watch: &mut Watch, run: &Run, looked: &Looked<'_>) -> Position {
    let basis = &run.plan().basis;
    let side = &looked.facts.follower;
    let meta = fresh(&side.meta, looked.began_at);
    let info = fresh(&side.info, looked.began_at);
    let routing = fresh(&side.routing, looked.began_at);
    let recovery = fresh(&side.recovery, looked.began_at);
    let leader = fresh(&looked.facts.leader.index, looked.began_at);
    let follower = fresh(&side.index, looked.began_at);

    let index = and_then(&meta, |meta| match meta.open {
        Some(true) => Seen::Present(IndexState::Open),
        Some(false) => Seen::Present(IndexState::Closed),
        None => Seen::unknown("the cluster state shows neither open nor closed"),
    });
    let primaries_started = and_then(&routing, |primaries| {
        if u32::try_from(primaries.len()).is_ok_and(|count| count >= basis.shard_count) {
            Seen::Present(primaries.values().all(started))
        } else {
            Seen::unknown("the routing table does not list every primary")
        }
    });
    let restore = restore(
        &routing,
        &recovery,
        basis.shard_count,
        looked.verdict,
        matches!(index, Seen::Present(IndexState::Open)),
    );
    let mut position = Position {
        now: looked.now,
        looked_at: looked.began_at,
        follower_uuid: and_then(&meta, |meta| {
            meta.settings
                .get("index.uuid")
                .and_then(|text| IndexUuid::parse(text).ok())
                .map_or_else(
                    || Seen::unknown("no index.uuid in the cluster state"),
                    Seen::Present,
                )
        }),
        follow: info.as_ref().map(|info| info.status),
        follows_as_planned: and_then(&info, |info| match (&info.remote, &info.leader_index) {
            (Some(remote), Some(leader)) => Seen::Present(*remote == basis.remote && *leader == basis.leader),
            _ => Seen::unknown("`_ccr/info` does not tell what it follows"),
        }),
        tasks_left: fresh(&side.tasks, looked.began_at).map(|tasks| !tasks.is_empty()),
        primary_terms: and_then(&meta, |meta| {
            if meta.primary_terms.is_empty() {
                Seen::unknown("no primary terms in the cluster state")
            } else {
                Seen::Present(meta.primary_terms.clone())
            }
        }),
        copied: copied(run, &meta, &routing, &recovery),
        aliases: meta.as_ref().map(|meta| meta.aliases.clone()),
        lease: lease(looked.facts, run, &leader),
        verdict: looked.verdict.clone(),
        since: Since::default(),
        proof: Proof {
            leases_fresh: leases_fresh(looked, basis, &leader),
            leases_renewed: Seen::unknown("not computed yet"),
            standing_still: Seen::unknown("not computed yet"),
            lag: looked
                .lag
                .map_or_else(|| Seen::unknown("the lag is not known"), Seen::Present),
            checkpoints_equal: checkpoints_equal(&follower, &leader),
            documents: Seen::unknown("not computed yet"),
            documents_equal: Seen::unknown("not computed yet"),
            settings: and_then(&fresh(&side.settings, looked.began_at), |now| {
                Seen::Present(settings_to_restore(
                    &basis.own_settings,
                    &run.before().settings,
                    now,
                    looked.facts.leader.settings.latest_known().map(|(_, map)| map),
                ))
            }),
            parameters: and_then(&info, |info| match &info.parameters {
                Some(now) => Seen::Present(
                    basis
                        .parameters
                        .iter()
                        .filter(|(name, value)| now.get(*name) != Some(value))
                        .map(|(name, _)| name.clone())
                        .collect(),
                ),
                None => Seen::unknown("no parameters while it is paused"),
            }),
            not_restored: match (meta.as_ref().present(), run.plan().basis.cause) {
                (Some(meta), cause) => not_restored(
                    basis,
                    // What a failed copy had put there was the leader's.
                    (cause != Cause::RestoreFailed).then_some(&run.before().settings),
                    meta,
                ),
                (None, _) => Vec::new(),
            },
        },
        index,
        primaries_started,
        restore,
    };
    let leader_is: BTreeMap<u32, i64> = match &leader {
        Seen::Present(stats) => stats
            .primaries
            .iter()
            .filter_map(|(shard, seq)| Some((*shard, seq.global_checkpoint?)))
            .collect(),
        Seen::Absent | Seen::Unknown(_) => BTreeMap::new(),
    };
    watch.leader_stood = !leader_is.is_empty() && leader_is == watch.leader_was;
    position.proof.documents = documents(looked);
    position.proof.documents_equal = documents_equal(watch, &position, looked, &follower);
    let lease = looked.facts.lease_id();
    watch.pace.look(looked.now, &follower, &leader, lease.as_ref());
    position.proof.leases_renewed = watch
        .pace
        .leases_renewed(basis.shard_count, &leader, lease.as_ref());
    position.proof.standing_still =
        watch
            .pace
            .standing_still(looked.now, basis.shard_count, &position.proof.checkpoints_equal);
    watch.look(&position);
    if let Seen::Present(documents) = &position.proof.documents {
        watch.leader_had = Some(documents.leader);
    }
    if !leader_is.is_empty() {
        watch.leader_was = leader_is;
    }
    position.since = watch.since;
    position
}

/// `Seen::map` for a function that may not know either.
fn and_then<T, U>(seen: &Seen<&T>, then: impl FnOnce(&T) -> Seen<U>) -> Seen<U> {
    match seen {
        Seen::Present(value) => then(value),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
    }
}

fn started(primary: &PrimaryRouting) -> bool {
    matches!(primary.state.as_str(), "STARTED" | "RELOCATING")
}

fn from_snapshot(primary: &PrimaryRouting) -> bool {
    primary.recovery_source.as_deref() == Some("SNAPSHOT")
        || primary.unassigned_reason.as_deref() == Some("EXISTING_INDEX_RESTORED")
}

/// Whether the copy that is there came from the leader since the index was closed. Asked only of
/// an open index after a PUT; an index that was merely reopened recovers from its own store.
fn copied(
    run: &Run,
    meta: &Seen<&IndexMeta>,
    routing: &Seen<&BTreeMap<u32, PrimaryRouting>>,
    recovery: &Seen<&Vec<ShardRecovery>>,
) -> Seen<bool> {
    if let Seen::Present(meta) = meta
        && let Some(history) = meta.settings.get("index.history.uuid")
    {
        // 8.x writes a new one with every restore over a closed index (measured).
        return Seen::Present(run.before().history_setting.as_ref() != Some(history));
    }
    if let Seen::Present(primaries) = routing
        && primaries.values().any(from_snapshot)
    {
        return Seen::Present(true);
    }
    match recovery {
        Seen::Present(shards) => {
            let primaries: Vec<_> = shards.iter().filter(|shard| shard.primary).collect();
            if primaries.iter().any(|shard| shard.is_from_remote()) {
                Seen::Present(true)
            } else if !primaries.is_empty() && primaries.iter().all(|shard| shard.kind == "EXISTING_STORE") {
                Seen::Present(false)
            } else {
                Seen::unknown("_recovery does not tell where the primaries came from")
            }
        }
        Seen::Absent => Seen::unknown("_recovery lists nothing"),
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
    }
}

fn restore(
    routing: &Seen<&BTreeMap<u32, PrimaryRouting>>,
    recovery: &Seen<&Vec<ShardRecovery>>,
    shard_count: u32,
    verdict: &Verdict,
    open: bool,
) -> Seen<Restore> {
    if open && verdict.cause == Cause::RestoreFailed {
        // The first two say that it failed, the others why.
        let why: Vec<&str> = verdict
            .evidence
            .iter()
            .skip(2)
            .map(|evidence| evidence.value.as_str())
            .collect();
        let reason = if why.is_empty() {
            "its primaries are not allocated, and no reason could be read".to_owned()
        } else {
            why.join("; ")
        };
        return Seen::Present(Restore::Failed { reason });
    }
    let remote: Vec<&ShardRecovery> = match recovery {
        Seen::Present(shards) => shards
            .iter()
            .filter(|shard| shard.primary && shard.is_from_remote())
            .collect(),
        Seen::Absent | Seen::Unknown(_) => Vec::new(),
    };
    let bytes = remote.iter().filter_map(|shard| shard.recovered_bytes).sum();
    let known: Vec<u64> = remote.iter().filter_map(|shard| shard.total_bytes).collect();
    let total = (!known.is_empty()).then(|| known.iter().sum());
    let waiting = match routing {
        Seen::Present(primaries) => primaries
            .values()
            .any(|primary| !started(primary) && from_snapshot(primary)),
        Seen::Absent | Seen::Unknown(_) => false,
    };
    if waiting || remote.iter().any(|shard| shard.runs_from_remote()) {
        return Seen::Present(Restore::Running { bytes, total });
    }
    match recovery {
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
        Seen::Present(_) | Seen::Absent => {
            let done = u32::try_from(remote.len()).is_ok_and(|count| count >= shard_count && count > 0);
            Seen::Present(if done { Restore::Done } else { Restore::None })
        }
    }
}

/// Every leader primary was seen, with its leases.
fn every_leader_shard<'a>(
    leader: &Seen<&'a IndexStats>,
    shard_count: u32,
) -> Seen<Vec<&'a Vec<crate::domain::facts::Lease>>> {
    match leader {
        Seen::Present(stats) => {
            let leases: Option<Vec<_>> = stats
                .primaries
                .values()
                .map(|shard| shard.leases.as_ref())
                .collect();
            match leases {
                Some(leases) if u32::try_from(leases.len()).is_ok_and(|count| count >= shard_count) => {
                    Seen::Present(leases)
                }
                Some(_) => Seen::unknown("not every leader primary answered"),
                None => Seen::unknown("a leader primary did not show its leases"),
            }
        }
        Seen::Absent => Seen::unknown("the leader index does not exist"),
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
    }
}

/// A lease of this follower on any leader primary. Its id begins with the follower's cluster,
/// name and UUID whatever alias and leader it names (reference 1.5), and each of those would stop
/// the copy from taking its own.
fn lease(facts: &Facts, run: &Run, leader: &Seen<&IndexStats>) -> Seen<()> {
    let basis = &run.plan().basis;
    let Some((_, root)) = facts.follower.root.latest_known() else {
        return Seen::unknown("the follower cluster's name is not known");
    };
    let ours = format!(
        "{}/{}/{}-following-",
        root.cluster_name,
        basis.target(),
        run.follower_uuid()
    );
    // A task that follows a replaced leader puts its lease, with the old leader's UUID in its id, on
    // the new one (recording 06, 8.10.4). The copy takes another id, so that it is in nobody's way;
    // and `forget_follower`, which builds the id from the present UUID, cannot remove it.
    let present = match leader {
        Seen::Present(stats) => stats.uuid.as_ref().map(|uuid| format!("/{uuid}")),
        Seen::Absent | Seen::Unknown(_) => None,
    };
    let in_the_way =
        |id: &str| id.starts_with(&ours) && present.as_ref().is_none_or(|uuid| id.ends_with(uuid.as_str()));
    match every_leader_shard(leader, basis.shard_count) {
        Seen::Present(shards) => {
            let held = shards
                .iter()
                .any(|leases| leases.iter().any(|lease| in_the_way(lease.id.as_str())));
            if held { Seen::Present(()) } else { Seen::Absent }
        }
        Seen::Absent => Seen::unknown("the leader index does not exist"),
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}

fn leases_fresh(looked: &Looked<'_>, basis: &PlanBasis, leader: &Seen<&IndexStats>) -> Seen<bool> {
    let Some(id) = looked.facts.lease_id() else {
        return Seen::unknown("the lease's id is not known");
    };
    match every_leader_shard(leader, basis.shard_count) {
        Seen::Present(shards) => Seen::Present(shards.iter().all(|leases| {
            leases.iter().any(|lease| {
                lease.id == id
                    && lease
                        .renewed_at
                        .is_some_and(|at| millis_between(at, looked.now).abs() <= LEASE_FRESH_MS)
            })
        })),
        Seen::Absent => Seen::Absent,
        Seen::Unknown(why) => Seen::Unknown(why),
    }
}

fn checkpoints_equal(follower: &Seen<&IndexStats>, leader: &Seen<&IndexStats>) -> Seen<bool> {
    let (Seen::Present(follower), Seen::Present(leader)) = (follower, leader) else {
        return Seen::unknown("the checkpoints of both sides are not known");
    };
    if leader.primaries.is_empty() || leader.primaries.len() != follower.primaries.len() {
        return Seen::unknown("not every primary showed its checkpoint");
    }
    let mut equal = true;
    for (shard, there) in &leader.primaries {
        let here = follower.primaries.get(shard);
        let (Some(theirs), Some(ours)) = (
            there.global_checkpoint.zip(there.max_seq_no),
            here.and_then(|here| here.global_checkpoint.zip(here.max_seq_no)),
        ) else {
            return Seen::unknown(format!("shard {shard} did not show its checkpoint"));
        };
        equal = equal && theirs == ours;
    }
    Seen::Present(equal)
}

/// Documents of both sides, counted the same way: `_count` sees whole documents, `_stats` counts
/// nested ones too.
fn documents(looked: &Looked<'_>) -> Seen<Documents> {
    let began = looked.began_at;
    let (here, there) = (&looked.facts.follower, &looked.facts.leader);
    let pair = match (fresh(&here.count, began), fresh(&there.count, began)) {
        (Seen::Present(follower), Seen::Present(leader)) => Some((*follower, *leader)),
        _ => match (fresh(&here.index, began), fresh(&there.index, began)) {
            (Seen::Present(follower), Seen::Present(leader)) => follower.documents().zip(leader.documents()),
            _ => None,
        },
    };
    pair.map_or_else(
        || Seen::unknown("the documents of both sides are not known"),
        |(follower, leader)| Seen::Present(Documents { follower, leader }),
    )
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a tolerance is a share; beyond 2^53 documents a share of a share does not matter"
)]
fn within(documents: Documents, tolerance: f64) -> bool {
    documents.follower.abs_diff(documents.leader) as f64 <= tolerance * documents.leader as f64
}

/// Equal within the tolerance, at a common checkpoint. A leader that is being written may never
/// be met at one; then reaching the checkpoints that it had a look ago, with a count between the
/// leader's then and now, has to do.
fn documents_equal(
    watch: &Watch,
    position: &Position,
    looked: &Looked<'_>,
    follower: &Seen<&IndexStats>,
) -> Seen<bool> {
    let Seen::Present(documents) = position.proof.documents else {
        return Seen::unknown("the documents of both sides are not known");
    };
    let near = within(documents, looked.document_tolerance);
    if position.proof.checkpoints_equal == Seen::Present(true) && watch.leader_stood {
        if !near && !looked.counts_are_new {
            return Seen::unknown("a side that never refreshes by itself could not be refreshed");
        }
        return Seen::Present(near);
    }
    let reached = match follower {
        Seen::Present(stats) => {
            !watch.leader_was.is_empty()
                && watch.leader_was.iter().all(|(shard, was)| {
                    stats
                        .primaries
                        .get(shard)
                        .and_then(|shard| shard.global_checkpoint)
                        .is_some_and(|here| here >= *was)
                })
        }
        Seen::Absent | Seen::Unknown(_) => false,
    };
    // What it had then is there, and nothing that it does not have now.
    let between = watch.leader_had.is_some_and(|had| {
        let least = Documents {
            follower: documents.follower.min(had),
            leader: had,
        };
        let most = Documents {
            follower: documents.follower.max(documents.leader),
            leader: documents.leader,
        };
        had <= documents.leader
            && within(least, looked.document_tolerance)
            && within(most, looked.document_tolerance)
    });
    if reached && (near || between) {
        Seen::Present(true)
    } else {
        Seen::unknown("the two were not yet seen at a common checkpoint")
    }
}

/// The follower's own settings that are not as they were, and blocks that came with the copy.
///
/// Settings that belong to the index alone, or that the leader replicates, are never sent.
pub fn settings_to_restore(
    own: &BTreeMap<String, String>,
    before: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    leader: Option<&BTreeMap<String, String>>,
) -> BTreeMap<String, Option<String>> {
    let mut differ: BTreeMap<String, Option<String>> = own
        .iter()
        .filter(|(name, value)| restorable(name) && now.get(*name) != Some(value))
        .map(|(name, value)| (name.clone(), Some(value.clone())))
        .collect();
    for (name, value) in now {
        // A leader's write block comes with the copy, is never synced away and stops the follower
        // (measured 49). `read_only_allow_delete` is the disk guard's own and not ours to lift.
        let block = name.starts_with("index.blocks.") && name != "index.blocks.read_only_allow_delete";
        let came_along = leader.is_some_and(|leader| leader.get(name) == Some(value));
        if block && value == "true" && came_along && !before.contains_key(name) {
            differ.insert(name.clone(), None);
        }
    }
    differ
}

/// What the follower had before and has not now, and that no request can bring back: aliases that
/// the leader has no more, settings that are fixed when an index is made, blocks that people set.
fn not_restored(
    basis: &PlanBasis,
    before: Option<&BTreeMap<String, String>>,
    now: &IndexMeta,
) -> Vec<String> {
    const FIXED: &[&str] = &[
        "index.codec",
        "index.load_fixed_bitset_filters_eagerly",
        "index.search.throttled",
        // From the leader, and replicated: the policy of the leader holds from now on.
        "index.lifecycle.name",
    ];
    let mut lost: Vec<String> = basis
        .aliases
        .keys()
        .filter(|name| !now.aliases.contains(name))
        .map(|name| format!("alias `{name}` (aliases come from the leader, which has it no more)"))
        .collect();
    let fixed = before.into_iter().flatten().filter(|(name, value)| {
        FIXED.contains(&name.as_str()) || (name.starts_with("index.blocks.") && value.as_str() == "true")
    });
    let own = basis.own_settings.iter().filter(|(name, _)| !restorable(name));
    for (name, value) in fixed.chain(own) {
        if now.settings.get(name) != Some(value) {
            let is = now.settings.get(name).map_or("not set", String::as_str);
            lost.push(format!("setting {name} (it was {value}, it is {is})"));
        }
    }
    lost.sort();
    lost.dedup();
    lost
}

fn restorable(name: &str) -> bool {
    const PRIVATE: &[&str] = &[
        "index.uuid",
        "index.provided_name",
        "index.history.uuid",
        "index.verified_before_close",
        "index.number_of_shards",
        "index.number_of_routing_shards",
        "index.codec",
    ];
    const PREFIXES: &[&str] = &[
        "index.creation_date",
        "index.version.",
        "index.xpack.ccr.",
        "index.soft_deletes.",
        "index.blocks.",
        "index.resize.",
        "index.shrink.",
        "index.routing_partition_size",
    ];
    !PRIVATE.contains(&name) && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

impl Watch {
    /// Brings every "since when" up to date. Unknown neither starts nor ends anything.
    fn look(&mut self, position: &Position) {
        let now = position.now;
        let state = position.verdict.state;
        let judged = state != State::Unknown;
        let mark = |since: &mut Option<Timestamp>, holds: Option<bool>| match holds {
            Some(true) => {
                since.get_or_insert(now);
            }
            Some(false) => *since = None,
            None => {}
        };
        let known = |holds: bool| judged.then_some(holds);
        mark(
            &mut self.since.following,
            known(matches!(state, State::Following | State::CatchingUp)),
        );
        mark(&mut self.since.fatal, known(state == State::Fatal));
        mark(
            &mut self.since.closed,
            position.index.present().map(|index| *index == IndexState::Closed),
        );
        let restored = match (&position.restore, &position.primaries_started) {
            (Seen::Present(Restore::Done | Restore::None), Seen::Present(started)) => Some(*started),
            (Seen::Present(_), _) => Some(false),
            _ => None,
        };
        let paused = position
            .follow
            .present()
            .map(|status| *status == crate::domain::facts::FollowStatus::Paused);
        mark(
            &mut self.since.restored_paused,
            restored.zip(paused).map(|(restored, paused)| restored && paused),
        );
        let failed = match &position.restore {
            Seen::Present(Restore::Failed { .. }) => Some(true),
            Seen::Present(Restore::None) => known(state == State::Red),
            Seen::Present(Restore::Running { .. } | Restore::Done) => Some(false),
            Seen::Absent | Seen::Unknown(_) => None,
        };
        mark(&mut self.since.failed, failed);
        mark(
            &mut self.since.documents_differ,
            match &position.proof.documents_equal {
                Seen::Present(equal) => Some(!equal),
                // On a leader that moves a difference means nothing.
                Seen::Absent | Seen::Unknown(_) => (!self.leader_stood).then_some(false),
            },
        );
        if let Seen::Present(Restore::Running { bytes, .. }) = position.restore {
            if self.copied_bytes == Some(bytes) {
                self.since.still.get_or_insert(now);
            } else {
                self.copied_bytes = Some(bytes);
                self.since.still = Some(now);
            }
        } else if !position.restore.is_unknown() {
            self.since.still = None;
        }
        if let Seen::Present(lag) = position.proof.lag {
            let falling = lag == 0 || self.lag.is_some_and(|before| lag < before);
            if falling {
                self.since.lag_not_falling = None;
            } else {
                self.since.lag_not_falling.get_or_insert(now);
            }
            self.lag = Some(lag);
        }
    }
}

/// Text about a running copy for people: bytes, share, and how long it may still take.
pub fn progress(restore: &Restore, began_at: Timestamp, now: Timestamp) -> Option<String> {
    let Restore::Running { bytes, total } = restore else {
        return None;
    };
    let mib = |bytes: u64| bytes / (1 << 20);
    let Some(total) = total.filter(|total| *total > 0) else {
        return Some(format!("{} MiB copied", mib(*bytes)));
    };
    let share = bytes.saturating_mul(100) / total;
    let elapsed = u64::try_from(millis_between(began_at, now)).unwrap_or(0);
    let left = total
        .saturating_sub(*bytes)
        .saturating_mul(elapsed)
        .checked_div(*bytes)
        .map(|left| format!(", about {} s left", left / 1000))
        .unwrap_or_default();
    Some(format!(
        "{share}% copied ({} of {} MiB){left}",
        mib(*bytes),
        mib(total)
    ))
}

/// The step that a progress text belongs to.
pub const PROGRESS_OF: Step = Step::WatchRecovery;

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn only_settings_that_differ_and_may_be_sent_are_put_back() {
        let own = map(&[
            ("index.refresh_interval", "7s"),
            ("index.priority", "9"),
            ("index.uuid", "old"),
            ("index.version.created", "8100499"),
        ]);
        let now = map(&[("index.priority", "9"), ("index.uuid", "new")]);
        assert_eq!(
            settings_to_restore(&own, &own, &now, None),
            BTreeMap::from([("index.refresh_interval".to_owned(), Some("7s".to_owned()))])
        );
    }

    #[test]
    fn what_cannot_be_brought_back_is_told() {
        let before = map(&[
            ("index.codec", "best_compression"),
            ("index.refresh_interval", "7s"),
            ("index.blocks.write", "true"),
        ]);
        let text = serde_json::json!({
            "cluster": "eu", "cluster_uuid": "cu", "follower": "f", "follower_uuid": "fu", "remote": "lead",
            "leader_cluster": null, "leader_cluster_uuid": null, "leader": "l", "leader_uuid": null,
            "leader_uuid_followed": null, "shards": [], "shard_count": 1, "cause": "history_lost",
            "ladder": [], "parameters": {}, "own_settings": {}, "aliases": {"sales": "{}", "all": "{}"},
            "data_stream": null, "overrides": [],
        });
        let basis: PlanBasis = serde_json::from_value(text).unwrap();
        let now = IndexMeta {
            aliases: vec!["all".to_owned()],
            settings: map(&[("index.codec", "default")]),
            ..IndexMeta::default()
        };
        assert_eq!(
            not_restored(&basis, Some(&before), &now),
            [
                "alias `sales` (aliases come from the leader, which has it no more)",
                "setting index.blocks.write (it was true, it is not set)",
                "setting index.codec (it was best_compression, it is default)",
            ]
        );
        let same = IndexMeta {
            aliases: vec!["all".to_owned(), "sales".to_owned()],
            settings: before.clone(),
            ..IndexMeta::default()
        };
        assert!(not_restored(&basis, Some(&before), &same).is_empty());
    }

    #[test]
    fn a_block_that_came_with_the_copy_is_taken_away_and_a_persons_block_is_not() {
        let block = map(&[("index.blocks.write", "true")]);
        let none = BTreeMap::new();
        assert_eq!(
            settings_to_restore(&none, &none, &block, Some(&block)),
            BTreeMap::from([("index.blocks.write".to_owned(), None)])
        );
        assert!(settings_to_restore(&none, &none, &block, Some(&none)).is_empty());
        assert!(settings_to_restore(&none, &block, &block, Some(&block)).is_empty());
        let disk = map(&[("index.blocks.read_only_allow_delete", "true")]);
        assert!(settings_to_restore(&none, &none, &disk, Some(&disk)).is_empty());
    }

    #[test]
    fn progress_tells_share_and_remaining_time() {
        let running = Restore::Running {
            bytes: 25 << 20,
            total: Some(100 << 20),
        };
        let began = Timestamp::UNIX_EPOCH;
        let now = Timestamp::from_second(10).unwrap();
        assert_eq!(
            progress(&running, began, now).unwrap(),
            "25% copied (25 of 100 MiB), about 30 s left"
        );
        assert_eq!(progress(&Restore::Done, began, now), None);
    }

    #[test]
    fn documents_are_equal_within_the_tolerance_only() {
        let documents = |follower, leader| Documents { follower, leader };
        assert!(within(documents(1000, 1000), 0.0));
        assert!(within(documents(999, 1000), 0.001));
        assert!(!within(documents(998, 1000), 0.001));
        assert!(!within(documents(0, 1), 0.001));
        assert!(within(documents(0, 0), 0.0));
    }
}
