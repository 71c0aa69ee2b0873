//! Is the index at the leader's place the one that was followed (contract, *Proof of identity*)?
//!
//! Followed: from the follower's own metadata (`ccr`, 8.x; also while paused), from its follow
//! tasks (`leader_shard_index_uuid`, every version, while they exist), else from memory (the
//! only place of the history UUIDs on 7.x, `ccr/measured.md`). Present: a direct look at the
//! leader cluster, newest word only. An old word is no word: a leader that was looked at before
//! the follower became fatal proves nothing about what happened since.

use crate::domain::facts::{Followed, IndexStats, Sighting};
use crate::domain::ids::{HistoryUuid, IndexName, IndexUuid, RemoteAlias};
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Identity;
use crate::judge::case::{Case, gone, newest};

/// A look at the leader older than this, beside the newest statistics of the follower, proves
/// nothing any more: the slow beat (60 s) twice, and some.
const LEADER_LOOK_MAX_AGE_MILLIS: i64 = 150_000;

/// What was followed and what is there.
pub(super) struct Comparison<'a> {
    pub followed_uuid: Option<IndexUuid>,
    pub followed_histories: Option<Vec<HistoryUuid>>,
    pub present_uuid: Option<(IndexUuid, Timestamp)>,
    pub present: Option<(&'a Sighting<IndexStats>, &'a IndexStats)>,
}

/// The identity that the follower recorded, or that is remembered.
pub(super) fn followed(case: &Case<'_>) -> (Option<IndexUuid>, Option<Vec<HistoryUuid>>) {
    let recorded: Option<&Followed> =
        newest(&case.facts.follower.meta).and_then(|(_, meta)| meta.followed.as_ref());
    let of_tasks = || {
        let (_, tasks) = newest(&case.facts.follower.tasks)?;
        let mut uuids = tasks.iter().map(|task| task.leader_uuid.as_ref());
        let first = uuids.next()??;
        uuids.all(|other| other == Some(first)).then(|| first.clone())
    };
    let uuid = recorded
        .and_then(|followed| followed.leader_index_uuid.clone())
        .or_else(of_tasks)
        .or_else(|| case.memory.leader_index_uuid.clone());
    let histories = recorded
        .and_then(|followed| followed.history_uuids.clone())
        .or_else(|| {
            // What is remembered belongs to the leader that is remembered.
            let same = match (&uuid, &case.memory.leader_index_uuid) {
                (Some(uuid), Some(remembered)) => uuid == remembered,
                _ => true,
            };
            same.then(|| case.memory.leader_shard_history_uuids.clone())?
        });
    (uuid, histories)
}

/// Both sides, as far as they are known.
pub(super) fn compare<'a>(case: &Case<'a>) -> Comparison<'a> {
    let (followed_uuid, followed_histories) = followed(case);
    let leader = &case.facts.leader;
    let from_settings = |map: &std::collections::BTreeMap<String, String>| {
        map.get("index.uuid").and_then(|text| IndexUuid::parse(text).ok())
    };
    // The newest of the three calls that show it.
    let mut present_uuid: Option<(IndexUuid, Timestamp)> = None;
    let mut take = |uuid: Option<IndexUuid>, at: Timestamp| {
        if let Some(uuid) = uuid
            && present_uuid.as_ref().is_none_or(|(_, known)| at >= *known)
        {
            present_uuid = Some((uuid, at));
        }
    };
    if let Some((seen, settings)) = newest(&leader.settings) {
        take(from_settings(settings), seen.at);
    }
    if let Some((seen, meta)) = newest(&leader.meta) {
        take(from_settings(&meta.settings), seen.at);
    }
    if let Some((seen, stats)) = newest(&leader.index) {
        take(stats.uuid.clone(), seen.at);
    }
    Comparison {
        followed_uuid,
        followed_histories,
        present_uuid,
        present: newest(&leader.index),
    }
}

impl Comparison<'_> {
    /// The leader is known under another UUID than the one followed.
    pub(super) fn other_uuid(&self) -> Option<bool> {
        Some(self.present_uuid.as_ref()?.0 != *self.followed_uuid.as_ref()?)
    }

    /// A leader shard whose history UUID is known and is not the one followed.
    pub(super) fn other_history(&self) -> Option<(u32, &HistoryUuid, &HistoryUuid)> {
        let (_, stats) = self.present?;
        let followed = self.followed_histories.as_ref()?;
        stats.primaries.iter().find_map(|(shard, primary)| {
            let expected = followed.get(usize::try_from(*shard).ok()?)?;
            let actual = primary.history_uuid.as_ref()?;
            (expected != actual).then_some((*shard, expected, actual))
        })
    }

    /// The present index UUID and every shard's history UUID are known.
    pub(super) fn present_is_known(&self) -> bool {
        self.present_uuid.is_some()
            && self.present.is_some_and(|(_, stats)| {
                !stats.primaries.is_empty()
                    && stats
                        .primaries
                        .keys()
                        .enumerate()
                        .all(|(position, shard)| usize::try_from(*shard) == Ok(position))
                    && stats
                        .primaries
                        .values()
                        .all(|primary| primary.history_uuid.is_some())
            })
    }

    /// UUID and every history are known and equal those followed.
    pub(super) fn equal(&self) -> bool {
        self.other_uuid() == Some(false)
            && self.present_is_known()
            && self.followed_histories.as_ref().is_some_and(|followed| {
                self.present
                    .is_some_and(|(_, stats)| stats.primaries.len() == followed.len())
            })
            && self.other_history().is_none()
    }
}

/// When the present fatal state began, as far as the looks show it: after the last look that
/// shows no fatal exception and not after the first that does.
fn fatal_began(case: &Case<'_>) -> (Option<Timestamp>, Option<Timestamp>) {
    let mut last_well = None;
    let mut first_fatal = None;
    for (at, stats) in case.facts.follower.stats.history() {
        let fatal = stats
            .shards
            .values()
            .any(|shard| shard.fatal_exception.present().is_some());
        if fatal {
            first_fatal = first_fatal.or(Some(at));
        } else {
            last_well = Some(at);
            first_fatal = None;
        }
    }
    (last_well, first_fatal)
}

/// Whether a look at the leader at `at` speaks of the present.
pub(super) fn is_recent(case: &Case<'_>, at: Timestamp) -> bool {
    let newest_stats = case.facts.follower.stats.last().map(|seen| seen.at);
    if newest_stats.is_some_and(|stats_at| millis_between(at, stats_at) > LEADER_LOOK_MAX_AGE_MILLIS) {
        return false;
    }
    match fatal_began(case) {
        // It must belong to the looks that show the fatal state: nearer to the first of them
        // than to the last healthy one.
        (Some(well), Some(fatal)) => millis_between(well, at) >= millis_between(at, fatal),
        _ => true,
    }
}

/// The server accepted a `resume_follow` since the present fatal exception was first seen (it
/// checks UUID and histories), and has refused none since.
pub(super) fn resume_accepted(case: &Case<'_>) -> bool {
    let resume = &case.facts.follower.resume;
    if let Some(last) = resume.last()
        && !last.value.is_absent()
    {
        return false;
    }
    let seen_fatal = |accepted: Timestamp| {
        case.memory.fatal_since.is_some_and(|since| since <= accepted)
            || case.facts.follower.stats.history().any(|(at, stats)| {
                at <= accepted
                    && stats
                        .shards
                        .values()
                        .any(|shard| shard.fatal_exception.present().is_some())
            })
    };
    gone(resume).is_some_and(|seen| seen_fatal(seen.at))
        || case.memory.resume_accepted_at.is_some_and(seen_fatal)
}

/// Names that the follower gives for what it follows and that contradict the ones looked at.
fn looked_at_another(case: &Case<'_>) -> bool {
    let Some((_, info)) = newest(&case.facts.follower.info) else {
        return false;
    };
    let differs =
        |one: Option<&str>, other: Option<&str>| matches!((one, other), (Some(a), Some(b)) if a != b);
    differs(
        info.leader_index.as_ref().map(IndexName::as_str),
        case.facts.leader_index.as_ref().map(IndexName::as_str),
    ) || differs(
        info.remote.as_ref().map(RemoteAlias::as_str),
        case.facts.remote.as_ref().map(RemoteAlias::as_str),
    )
}

/// The identity of the leader.
pub(super) fn identity(case: &Case<'_>) -> Identity {
    let comparison = compare(case);
    if comparison.other_uuid() == Some(true) || comparison.other_history().is_some() {
        return Identity::Different;
    }
    if looked_at_another(case) {
        return Identity::Unproven;
    }
    let leader = &case.facts.leader;
    if gone(&leader.index).is_some() || gone(&leader.settings).is_some() || gone(&leader.meta).is_some() {
        return Identity::Unproven;
    }
    let recent = comparison
        .present
        .is_some_and(|(seen, _)| is_recent(case, seen.at));
    if (comparison.equal() && recent) || resume_accepted(case) {
        Identity::Proven
    } else {
        Identity::Unproven
    }
}
