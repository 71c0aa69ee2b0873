//! `diverged`: the same operations on both sides, and other documents.
//!
//! Counts of `_stats` are what the last refresh left. A shard that nobody searches is not
//! refreshed for as long as it is left alone (search idle, 30 s by default), so that two well
//! sides can show different counts for hours: a difference is only a suspicion. A count by
//! search refreshes such a shard first; the observer asks for one on both sides once a suspicion
//! has come up, and what it says goes before `_stats`.

use crate::domain::facts::{IndexStats, Series, Sighting};
use crate::domain::time::{Timestamp, after, millis_between};
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, millis_of, newest};

/// How long operations must have stood still before a difference of counts means something, in
/// milliseconds: a refresh (1 s by default, up to 30 s on indices that are rarely searched) lies
/// between.
const QUIET_MILLIS: i64 = 60_000;
/// Answers of one look are closer together than this, milliseconds.
const ONE_LOOK_MILLIS: i64 = 5_000;

/// Both sides at the same operations, as the newest looks show them.
pub(super) struct Level<'a> {
    /// The first look at the follower that shows these operations: it has had all of them since,
    /// and the leader, which is never behind it, too.
    since: Timestamp,
    /// Until when both sides were seen there.
    until: Timestamp,
    leader: (&'a Sighting<IndexStats>, &'a IndexStats),
    follower: (&'a Sighting<IndexStats>, &'a IndexStats),
}

/// Both sides stand at the same operations and their counts differ: worth a count by search.
pub(super) fn suspected<'a>(case: &Case<'a>) -> Option<Level<'a>> {
    let leader = newest(&case.facts.leader.index)?;
    let follower = newest(&case.facts.follower.index)?;
    if !same_operations(leader.1, follower.1) || leader.1.documents()? == follower.1.documents()? {
        return None;
    }
    if never_refreshes(case) {
        return None;
    }
    let since = case
        .facts
        .follower
        .index
        .history()
        .find(|(_, stats)| same_operations(stats, follower.1))
        .map(|(at, _)| at)?;
    // A leader that was looked at before says nothing of the present.
    (leader.0.at >= since).then_some(Level {
        since,
        until: leader.0.at.min(follower.0.at),
        leader,
        follower,
    })
}

/// `diverged`.
///
/// Reads: `_stats` of both sides: sequence numbers equal on every shard, unchanged for a minute
/// (or two refresh intervals, whichever is longer), document counts different and each the same
/// in all looks of that time; where both were counted by search (`_count`) since, those counts
/// instead, of two looks. Never by `_stats` alone where one side
/// counts none (not refreshed since its restore, recording 01), and never where a side is not refreshed by itself (`refresh_interval` -1).
/// Noticed within: 26 minutes (each follower's `_stats` is asked once in 20 minutes, then four
/// slow beats of at most 82.5 s), on an index that stands still so long.
/// Seen on: derived (reference 6, #89991). Wrong when: counting by search is forbidden (index
/// `read`) and one side was not refreshed; so it is only ever for people.
pub(super) fn diverged(case: &Case<'_>) -> Option<Fit> {
    let level = suspected(case)?;
    let quiet = quiet_millis(case);
    if millis_between(level.since, level.until) < quiet {
        return None;
    }
    let settled = after(
        level.since,
        std::time::Duration::from_millis(quiet.unsigned_abs()),
    );
    let side = &case.facts;
    let by_search = counts(&side.follower.count, settled, level.follower.0.at).zip(counts(
        &side.leader.count,
        settled,
        level.leader.0.at,
    ));
    let minutes = millis_between(level.since, level.until) / 60_000;
    let sure = match &by_search {
        Some((follower, leader)) => {
            if agreed(follower)? == agreed(leader)? {
                return None;
            }
            format!("counted by search on both sides, at rest for {minutes} min")
        }
        None if was_counted(&case.facts.follower.count, level.since)
            || was_counted(&case.facts.leader.count, level.since) =>
        {
            // Counting has begun: the next look tells.
            return None;
        }
        // A copy that was never refreshed since its restore counts no document at all.
        None if level.leader.1.documents() == Some(0) || level.follower.1.documents() == Some(0) => {
            return None;
        }
        None => format!("by _stats alone, at rest for {minutes} min: a side may be unrefreshed"),
    };
    if !steady(&case.facts.leader.index, &level, level.leader.1)
        || !steady(&case.facts.follower.index, &level, level.follower.1)
    {
        return None;
    }
    Some(Fit::now(found(case, &level, by_search.is_some(), sure)))
}

fn found(case: &Case<'_>, level: &Level<'_>, by_search: bool, sure: String) -> Vec<Evidence> {
    let mut found = Vec::new();
    if by_search {
        let newest_counts = [
            newest(&case.facts.leader.count),
            newest(&case.facts.follower.count),
        ];
        for (seen, count) in newest_counts.into_iter().flatten() {
            found.push(evidence(seen, "count", count.to_string()));
        }
    }
    for (seen, stats) in [level.leader, level.follower] {
        found.push(evidence(
            seen,
            "indices.*.primaries.docs.count",
            stats.documents().unwrap_or_default().to_string(),
        ));
    }
    found.push(evidence(level.follower.0, "how sure", sure));
    found
}

/// What was counted while both sides stood still, where it was counted twice at least.
fn counts(series: &Series<u64>, from: Timestamp, until: Timestamp) -> Option<Vec<u64>> {
    let values: Vec<u64> = series
        .history()
        .filter(|(at, _)| *at >= from && millis_between(until, *at) <= ONE_LOOK_MILLIS)
        .map(|(_, count)| *count)
        .collect();
    (values.len() >= 2).then_some(values)
}

/// The one number that all counts gave.
fn agreed(counts: &[u64]) -> Option<u64> {
    let first = counts.first()?;
    counts.iter().all(|count| count == first).then_some(*first)
}

fn was_counted(series: &Series<u64>, since: Timestamp) -> bool {
    series.history().any(|(at, _)| at >= since)
}

/// Its count was the same in every look since both sides stand still.
fn steady(series: &Series<IndexStats>, level: &Level<'_>, stats: &IndexStats) -> bool {
    series
        .history()
        .filter(|(at, _)| *at >= level.since)
        .all(|(_, one)| one.documents() == stats.documents())
}

/// The `refresh_interval`s that are known, in text.
fn refresh_intervals<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a String> {
    [&case.facts.leader.settings, &case.facts.follower.settings]
        .into_iter()
        .filter_map(|series| series.latest_known()?.1.get("index.refresh_interval"))
}

fn never_refreshes(case: &Case<'_>) -> bool {
    refresh_intervals(case).any(|text| text.trim_start().starts_with('-'))
}

fn quiet_millis(case: &Case<'_>) -> i64 {
    refresh_intervals(case)
        .filter_map(|text| millis_of(text))
        .map(|millis| millis.saturating_mul(2))
        .fold(QUIET_MILLIS, i64::max)
}

fn same_operations(one: &IndexStats, other: &IndexStats) -> bool {
    !one.primaries.is_empty()
        && one.primaries.len() == other.primaries.len()
        && one.primaries.iter().all(|(shard, primary)| {
            other.primaries.get(shard).is_some_and(|twin| {
                primary.max_seq_no.is_some()
                    && primary.max_seq_no == twin.max_seq_no
                    && primary.global_checkpoint == twin.global_checkpoint
                    && primary.global_checkpoint == primary.max_seq_no
            })
        })
}
