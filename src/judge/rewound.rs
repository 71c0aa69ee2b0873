//! `leader_rewound`: the leader is the same index with another history, or with less of it.

use crate::domain::facts::{Exception, IndexStats, Sighting};
use crate::domain::time::Timestamp;
use crate::domain::verdict::Evidence;
use crate::judge::Fit;
use crate::judge::case::{Case, evidence, number};
use crate::judge::identity::{compare, is_recent};
use crate::judge::leader::followed_evidence;

/// An exception of the chain that says that the *leader's* history is not the one followed.
///
/// `ShardChangesAction` and `TransportBulkShardOperationsAction` throw the same type with the
/// same beginning; the latter adds "shard is likely restored from snapshot or force allocated"
/// and means the follower's shard (reference 2.3). The text is the only mark.
pub(super) fn says_other_history(exception: &Exception) -> Option<(&Exception, bool)> {
    exception
        .chain()
        .find(|one| {
            one.kind == "illegal_state_exception" && one.reason.starts_with("unexpected history uuid")
        })
        .map(|one| (one, one.reason.contains("likely restored from snapshot")))
}

/// `leader_rewound`.
///
/// Reads: per shard `commit.user_data.history_uuid` of the leader's `_stats` against the one
/// followed; the fatal "unexpected history uuid" without a suffix; a refused resume ("… as
/// history uuid but instead reference …"); two looks in a row at which `max_seq_no` or the
/// global checkpoint of a leader shard is below the follower's or below what was remembered.
/// Noticed within: one look at the leader (67 s), where its history differs; two where only its
/// sequence numbers do.
/// Seen on: 8.10.4 (08, 33: fatal), 7.7.0 (08: no exception at all, the follower looks healthy).
/// Wrong when: the two looks fall into one failover of a leader primary; the text changes.
pub(super) fn rewound(case: &Case<'_>) -> Option<Fit> {
    let comparison = compare(case);
    if comparison.other_uuid() == Some(true) {
        return None;
    }
    if let Some((seen, _)) = comparison.present
        && let Some((shard, expected, actual)) = comparison.other_history()
        && (comparison.other_uuid() == Some(false) || comparison.followed_uuid.is_none())
    {
        let mut found = vec![evidence(
            seen,
            format!("indices.*.shards.{shard}[primary].commit.user_data.history_uuid"),
            actual.as_str(),
        )];
        found.push(followed_evidence(
            case,
            "ccr.leader_index_shard_history_uuids",
            expected.as_str(),
        ));
        return Some(Fit::now(found));
    }
    if let Some((seen, shard, one)) = case.fatal().find_map(|(seen, shard, exception)| {
        let (one, of_follower) = says_other_history(exception)?;
        (!of_follower && !contradicted(case, bracketed(&one.reason, "actual [")))
            .then_some((seen, shard, one))
    }) {
        return Some(Fit::now(vec![evidence(
            seen,
            format!("shards[{shard}].fatal_exception.reason"),
            &one.reason,
        )]));
    }
    if let Some((seen, refusal)) = case.refused_resume()
        && refusal.exception.kind == "illegal_argument_exception"
        && refusal
            .exception
            .reason
            .contains("as history uuid but instead reference")
        && !contradicted(
            case,
            bracketed(&refusal.exception.reason, "but instead reference ["),
        )
    {
        return Some(Fit::now(vec![evidence(
            seen,
            "error.reason",
            &refusal.exception.reason,
        )]));
    }
    went_back(case).map(Fit::now)
}

/// The text between `after` and the next `]`.
fn bracketed<'a>(text: &'a str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(after)?;
    let (value, _) = rest.split_once(']')?;
    Some(value)
}

/// A direct look shows every history of the leader, and the one that the text names is not
/// among them: the text speaks of the past.
fn contradicted(case: &Case<'_>, named: Option<&str>) -> bool {
    let comparison = compare(case);
    let Some((seen, stats)) = comparison.present else {
        return false;
    };
    comparison.present_is_known()
        && is_recent(case, seen.at)
        && named.is_some_and(|named| {
            stats.primaries.values().all(|primary| {
                primary
                    .history_uuid
                    .as_ref()
                    .is_none_or(|history| history.as_str() != named)
            })
        })
}

/// The follower's own `max_seq_no` and global checkpoint of a shard, as late as `at`.
fn follower_reached(case: &Case<'_>, shard: u32, at: Timestamp) -> (Option<i64>, Option<i64>) {
    let of_stats = case
        .facts
        .follower
        .stats
        .history()
        .filter(|(seen_at, _)| *seen_at <= at)
        .filter_map(|(_, stats)| stats.shards.get(&shard));
    let of_index = case
        .facts
        .follower
        .index
        .history()
        .filter(|(seen_at, _)| *seen_at <= at)
        .filter_map(|(_, stats)| stats.primaries.get(&shard));
    let mut max_seq_no = None;
    let mut checkpoint = None;
    for one in of_stats {
        max_seq_no = max_seq_no.max(one.follower_max_seq_no.get());
        checkpoint = checkpoint.max(one.follower_global_checkpoint.get());
    }
    for one in of_index {
        max_seq_no = max_seq_no.max(one.max_seq_no);
        checkpoint = checkpoint.max(one.global_checkpoint);
    }
    (max_seq_no, checkpoint)
}

/// A shard of one look at the leader that is behind the follower or behind what is remembered.
pub(super) fn behind(
    case: &Case<'_>,
    seen: &Sighting<IndexStats>,
    stats: &IndexStats,
) -> Option<(u32, Evidence)> {
    stats.primaries.iter().find_map(|(shard, primary)| {
        let (max_seq_no, checkpoint) = follower_reached(case, *shard, seen.at);
        let remembered = case.memory.high_water.get(shard);
        let lower = |present: Option<i64>, reached: Option<i64>| match (present, reached) {
            (Some(present), Some(reached)) => present < reached,
            _ => false,
        };
        let reached_max = max_seq_no.max(remembered.and_then(|mark| mark.leader_max_seq_no));
        let reached_checkpoint = checkpoint.max(remembered.and_then(|mark| mark.leader_global_checkpoint));
        if lower(primary.max_seq_no, reached_max) {
            return Some((
                *shard,
                evidence(
                    seen,
                    format!("indices.*.shards.{shard}[primary].seq_no.max_seq_no"),
                    format!(
                        "{}, reached before: {}",
                        number(primary.max_seq_no),
                        number(reached_max)
                    ),
                ),
            ));
        }
        lower(primary.global_checkpoint, reached_checkpoint).then(|| {
            (
                *shard,
                evidence(
                    seen,
                    format!("indices.*.shards.{shard}[primary].seq_no.global_checkpoint"),
                    format!(
                        "{}, reached before: {}",
                        number(primary.global_checkpoint),
                        number(reached_checkpoint)
                    ),
                ),
            )
        })
    })
}

/// The last two looks at the leader both show a shard behind.
fn went_back(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let looks: Vec<(&Sighting<IndexStats>, &IndexStats)> = case
        .facts
        .leader
        .index
        .0
        .iter()
        .rev()
        .take(2)
        .filter_map(|seen| Some((seen, seen.value.present()?)))
        .collect();
    let [(now, now_stats), (before, before_stats)] = looks.as_slice() else {
        return None;
    };
    let (shard, first) = behind(case, now, now_stats)?;
    let (other, second) = behind(case, before, before_stats)?;
    (shard == other).then(|| vec![first, second])
}
