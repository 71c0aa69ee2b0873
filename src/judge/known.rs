//! What must be known before a rung may stand: one question each, answered *no* where the answer
//! that would tell is missing, mangled or of an earlier look.
//!
//! Each names an answer that would forbid the rung if it said otherwise; so taking that answer
//! away must forbid it too (contract, *Boldness*; safety 10).

use crate::domain::facts::{Exception, Series};
use crate::domain::time::{Timestamp, millis_between};
use crate::judge::case::{Case, newest, retries_by_read};
use crate::judge::follower::blocked_by_settings;
use crate::judge::identity::{compare, is_recent, resume_accepted};
use crate::judge::remote::LOAD;

/// Answers to calls that are made together lie within this, in milliseconds.
const ONE_LOOK_MILLIS: i64 = 10_000;
/// Second looks are asked for again after 30 s while something is wrong; older ones are of a look
/// whose later word may be missing, in milliseconds.
const SECOND_LOOK_MILLIS: i64 = 45_000;
/// The slow beat of looks at leaders, and some, in milliseconds.
const SLOW_BEAT_MILLIS: i64 = 75_000;

/// No later `_ccr/info` shows that the newest statistics of the same look are missing: what an
/// earlier look saw may have been cured since.
pub(super) fn tasks_are_of_the_newest_look(case: &Case<'_>) -> bool {
    let Some((stats, _)) = case.stats() else {
        return true;
    };
    let info = case.facts.follower.info.last();
    info.is_none_or(|info| millis_between(stats.at, info.at) <= ONE_LOOK_MILLIS)
}

/// The newest word of a second look is a value and of the present look.
fn told_now<T>(case: &Case<'_>, series: &Series<T>) -> bool {
    newest(series).is_some_and(|(seen, _)| {
        let look = case.facts.follower.info.last().map(|info| info.at);
        look.is_none_or(|look| millis_between(seen.at, look) <= SECOND_LOOK_MILLIS)
    })
}

/// The follower is known to be neither closed nor blocked: its settings or its metadata were read.
pub(super) fn follower_can_write(case: &Case<'_>) -> bool {
    let side = &case.facts.follower;
    (told_now(case, &side.settings) || told_now(case, &side.meta))
        && case.known_closed().is_none()
        && blocked_by_settings(case).is_none()
}

/// Every shard says that none of its writes failed.
pub(super) fn no_write_failed(case: &Case<'_>) -> bool {
    case.shards()
        .all(|(_, shard)| shard.failed_write_requests.get() == Some(0))
}

/// No primary of the follower is known or left unknown to be unallocated.
pub(super) fn primaries_are_there(case: &Case<'_>) -> bool {
    let side = &case.facts.follower;
    (told_now(case, &side.health) || told_now(case, &side.routing)) && case.red().is_none()
}

/// The leader's settings were read (soft deletes, store type, shard count), or the server has
/// checked them itself by accepting a resume.
pub(super) fn leader_is_followable(case: &Case<'_>) -> bool {
    newest(&case.facts.leader.settings).is_some() || resume_accepted(case)
}

/// The look at the leader belongs to the newest look at the follower (the slow beat is 60 s), or
/// the server has checked it itself since: what was there before the fatal exception proves nothing.
pub(super) fn leader_was_looked_at_now(case: &Case<'_>) -> bool {
    let stats = case.facts.follower.stats.last();
    newest(&case.facts.leader.index).is_some_and(|(leader, _)| {
        stats.is_none_or(|stats| millis_between(leader.at, stats.at) <= SLOW_BEAT_MILLIS)
    }) || resume_accepted(case)
}

/// Both licences are known, or nobody asked for either: a daemon asks both sides, so that one of
/// them alone means that the other's answer is missing. Where neither was asked for (the looks of
/// the recordings) the ladder stands, and the guards `follower_license` and `leader_license` block
/// what they do not know (docs/SAFETY.md).
pub(super) fn licences_are_whole(case: &Case<'_>) -> bool {
    let (follower, leader) = (&case.facts.follower.license, &case.facts.leader.license);
    let told = newest(leader).is_some_and(|(seen, _)| is_of_the_newest_leader_look(case, seen.at));
    (follower.0.is_empty() && leader.0.is_empty()) || (newest(follower).is_some() && told)
}

/// No later answer to `GET /` of the leader cluster shows that this one is of an earlier look, and
/// that the newest look's own is missing.
fn is_of_the_newest_leader_look(case: &Case<'_>, at: Timestamp) -> bool {
    let root = case.facts.leader.root.last();
    root.is_none_or(|root| millis_between(at, root.at) <= SECOND_LOOK_MILLIS)
}

/// The follower's own word and the word on its connection are of the look of its newest statistics.
pub(super) fn first_look_is_whole(case: &Case<'_>) -> bool {
    let side = &case.facts.follower;
    let near_stats = |at: Timestamp| {
        let stats = side.stats.last();
        stats.is_none_or(|stats| millis_between(at, stats.at) <= SECOND_LOOK_MILLIS)
    };
    side.info.last().is_none_or(|info| near_stats(info.at))
        && side.remote.last().is_none_or(|remote| near_stats(remote.at))
}

/// The alias names where it leads to, as far as memory or an earlier look ever named it: without
/// `seeds` and `proxy_address` nothing tells a repointed alias from one that was left alone.
pub(super) fn remote_leads_where_known(case: &Case<'_>) -> bool {
    let remote = &case.facts.follower.remote;
    let remembered = case.memory.remote_addresses.as_ref();
    let ever_named = remembered.is_some_and(|addresses| !addresses.is_empty())
        || remote.history().any(|(_, remote)| !remote.addresses.is_empty());
    newest(remote).is_none_or(|(_, remote)| !remote.addresses.is_empty() || !ever_named)
}

/// Nothing that the leader cluster was asked is known: it is out of reach for us, so that no single
/// answer of it is missing.
pub(super) fn leader_cluster_is_silent(case: &Case<'_>) -> bool {
    fn silent<T>(series: &Series<T>) -> bool {
        series.last().is_some_and(|seen| seen.value.is_unknown())
    }
    let leader = &case.facts.leader;
    silent(&leader.root) && silent(&leader.index) && silent(&leader.settings) && silent(&leader.license)
}

/// No part of the look at the leader is missing that would forbid more: a daemon asks which cluster
/// it is together with the index's settings and statistics.
pub(super) fn leader_look_is_whole(case: &Case<'_>) -> bool {
    let leader = &case.facts.leader;
    let looked_at = newest(&leader.index);
    let without_settings =
        newest(&leader.root).is_some() && looked_at.is_some() && newest(&leader.settings).is_none();
    let unnamed = case.memory.leader_cluster_uuid.is_some()
        && looked_at.is_some_and(|(seen, _)| !is_named_at(case, seen.at));
    let old = looked_at.is_some_and(|(seen, _)| !is_of_the_newest_leader_look(case, seen.at));
    !without_settings && !unnamed && !old
}

/// The leader cluster told its UUID in the look of that moment.
fn is_named_at(case: &Case<'_>, at: Timestamp) -> bool {
    let roots = &case.facts.leader.root;
    roots
        .history()
        .any(|(seen, root)| root.cluster_uuid.is_some() && near(seen, at))
}

/// UUID and every history of what stands in the leader's place are known and of the present.
pub(super) fn leader_is_known(case: &Case<'_>) -> bool {
    let comparison = compare(case);
    comparison.present_is_known()
        && comparison
            .present
            .is_some_and(|(seen, _)| is_recent(case, seen.at))
}

/// The same, and it is another index by more than one word: the follower's own record names the
/// one followed, or the histories remembered are not there either (two indices share none). A
/// remembered UUID alone may be mangled.
pub(super) fn another_index_is_known(case: &Case<'_>) -> bool {
    let comparison = compare(case);
    let shares_a_history = comparison.followed_histories.as_ref().map(|followed| {
        comparison.present.is_some_and(|(_, stats)| {
            stats.primaries.values().any(|primary| {
                primary
                    .history_uuid
                    .as_ref()
                    .is_some_and(|history| followed.contains(history))
            })
        })
    });
    let side = &case.facts.follower;
    let recorded = newest(&side.meta).is_some_and(|(_, meta)| {
        let followed = meta.followed.as_ref();
        followed.is_some_and(|followed| followed.leader_index_uuid.is_some())
    }) || newest(&side.tasks)
        .is_some_and(|(_, tasks)| tasks.iter().any(|task| task.leader_uuid.is_some()));
    let known = match shares_a_history {
        Some(shares) => !shares,
        None => recorded,
    };
    known && leader_is_known(case)
}

/// The leader cluster that was looked at is the one that was looked at before, as far as looks or
/// memory ever named one (`remote_repointed` forbids what `leader_replaced` allows).
pub(super) fn same_cluster(case: &Case<'_>) -> bool {
    let leader = &case.facts.leader;
    let latest = leader.index.last().is_none_or(|seen| is_named_at(case, seen.at));
    if case.memory.leader_cluster_uuid.is_some() {
        return latest;
    }
    let first = leader
        .index
        .0
        .first()
        .is_none_or(|seen| is_named_at(case, seen.at));
    leader.root.0.is_empty() || (latest && first)
}

fn near(one: Timestamp, other: Timestamp) -> bool {
    millis_between(one, other).abs() <= SECOND_LOOK_MILLIS
}

/// Kinds of read exceptions that stand for a milder cause, and that neither `_remote/info` nor the
/// look at the leader settles.
const OTHER_CAUSES: &[&str] = &[
    "security_exception",
    "authentication_exception",
    "no_shard_available_action_exception",
    "unavailable_shards_exception",
];

/// A read exception of another cause stands, and no earlier look shows that its retries have
/// stopped: one look alone does not tell a stale entry from one that rises.
pub(super) fn another_cause_may_be_rising(case: &Case<'_>) -> bool {
    may_be_rising(case, OTHER_CAUSES)
}

/// The same of one that tells of load: `overloaded` forbids what comes after it.
pub(super) fn load_may_be_rising(case: &Case<'_>) -> bool {
    may_be_rising(case, LOAD)
}

fn may_be_rising(case: &Case<'_>, kinds: &[&str]) -> bool {
    let Some((_, now)) = case.stats() else {
        return false;
    };
    let before = case.stats_before().map(|(_, stats)| stats);
    let is_meant = |exception: &Exception| exception.chain().any(|one| kinds.contains(&one.kind.as_str()));
    now.shards.values().any(|shard| {
        let Some(reads) = shard.read_exceptions.present() else {
            return true;
        };
        let earlier = before
            .and_then(|before| before.shards.get(&shard.shard)?.read_exceptions.present())
            .map(|reads| retries_by_read(reads))
            .unwrap_or_default();
        reads
            .iter()
            .filter(|read| is_meant(&read.exception))
            .any(|read| read.retries.is_none() || earlier.get(&read.from_seq_no).copied() != read.retries)
    })
}
