//! How guards read facts: what is not known holds, what does not exist is said to be so.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cause::Cause;
use crate::domain::decision::{GuardResult, GuardVerdict};
use crate::domain::facts::{IndexMeta, IndexSettings, IndexStats, Series};
use crate::domain::ids::{HistoryUuid, IndexUuid};
use crate::domain::per_shard::PerShard;
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::policy::guards::{Question, Stage};
use crate::policy::settings::Tolerance;

/// Why a guard does not pass.
#[derive(Debug)]
pub(super) struct Hold {
    verdict: GuardVerdict,
    text: String,
    until: Option<Timestamp>,
}

impl Hold {
    /// The same with the time of its next change.
    pub(super) fn until(mut self, at: Option<Timestamp>) -> Self {
        self.until = at;
        self
    }
}

/// A guard's word: what it saw when it passes.
pub(super) type Check = Result<String, Hold>;

/// It does not hold.
pub(super) fn block(text: impl Into<String>) -> Hold {
    Hold {
        verdict: GuardVerdict::Block,
        text: text.into(),
        until: None,
    }
}

/// It cannot be told.
pub(super) fn unknown(text: impl Into<String>) -> Hold {
    Hold {
        verdict: GuardVerdict::Unknown,
        text: text.into(),
        until: None,
    }
}

/// The result under the guard's name.
pub(super) fn named(name: &str, check: Check) -> GuardResult {
    match check {
        Ok(text) => GuardResult::pass(name, text),
        Err(hold) => GuardResult {
            name: name.to_owned(),
            verdict: hold.verdict,
            inputs: hold.text,
            changes_at: hold.until,
        },
    }
}

/// The newest value, which must be there.
pub(super) fn need<'a, T>(series: &'a Series<T>, what: &str) -> Result<&'a T, Hold> {
    match series.now() {
        Seen::Present(value) => Ok(value),
        Seen::Absent => Err(block(format!("{what}: the cluster says that there is none"))),
        Seen::Unknown(why) => Err(unknown(format!("{what} could not be read: {why}"))),
    }
}

/// The newest value, or `None` where the cluster said that there is none.
pub(super) fn ask<'a, T>(series: &'a Series<T>, what: &str) -> Result<Option<&'a T>, Hold> {
    match series.now() {
        Seen::Present(value) => Ok(Some(value)),
        Seen::Absent => Ok(None),
        Seen::Unknown(why) => Err(unknown(format!("{what} could not be read: {why}"))),
    }
}

/// A value within an answer that is there but may lack it.
pub(super) fn told<T>(value: Option<T>, what: &str) -> Result<T, Hold> {
    value.ok_or_else(|| unknown(format!("the answer does not tell {what}")))
}

/// Settings of one index, from `_settings` or from the cluster state.
pub(super) fn settings<'a>(
    settings: &'a Series<IndexSettings>,
    meta: &'a Series<IndexMeta>,
    what: &str,
) -> Result<&'a BTreeMap<String, String>, Hold> {
    match (settings.now(), meta.present()) {
        (Seen::Present(map), _) => Ok(map),
        (Seen::Unknown(_), Some(meta)) => Ok(&meta.settings),
        _ => need(settings, what),
    }
}

/// The follower's settings.
pub(super) fn follower_settings<'a>(q: &Question<'a>) -> Result<&'a BTreeMap<String, String>, Hold> {
    settings(
        &q.facts.follower.settings,
        &q.facts.follower.meta,
        "the follower's settings",
    )
}

/// The leader's settings.
pub(super) fn leader_settings<'a>(q: &Question<'a>) -> Result<&'a BTreeMap<String, String>, Hold> {
    settings(
        &q.facts.leader.settings,
        &q.facts.leader.meta,
        "the leader's settings",
    )
}

/// The leader's `_stats?level=shards`.
pub(super) fn leader_stats<'a>(q: &Question<'a>) -> Result<&'a IndexStats, Hold> {
    need(
        &q.facts.leader.index,
        "the leader's statistics (`_stats?level=shards`)",
    )
}

/// The follower's own `_stats?level=shards`: what the run took before the pause once the index is
/// closed by us (a closed index shows none), the newest otherwise.
///
/// Of a follower whose restore failed only the shards that still have data are in it, which may be
/// none: see [`gone_shards`].
pub(super) fn follower_stats<'a>(q: &Question<'a>) -> Result<&'a IndexStats, Hold> {
    let before = q.run.and_then(|run| run.follower_before.as_ref());
    match (q.stage.closed(), before) {
        (true, Some(before)) => Ok(before),
        (true, None) if cause(q) == Cause::RestoreFailed => Ok(&NO_DATA),
        (true, None) => Err(unknown(
            "the follower is closed and its statistics from before the pause were not kept",
        )),
        // Where no primary is allocated there are no statistics to read.
        (false, _)
            if cause(q) == Cause::RestoreFailed
                && gone_shards(q)?.len() >= usize::try_from(shard_count(q)?).unwrap_or(usize::MAX) =>
        {
            Ok(&NO_DATA)
        }
        (false, _) => need(
            &q.facts.follower.index,
            "the follower's statistics (`_stats?level=shards`)",
        ),
    }
}

/// Statistics of an index of which no shard has data.
static NO_DATA: IndexStats = IndexStats {
    uuid: None,
    primaries: PerShard::new(),
    docs: None,
    store_bytes: None,
};

/// Shards of the follower whose data is gone before this repair begins, because their restore
/// failed: nothing of theirs can be lost any more. Empty for every other cause.
///
/// That a restore failed has to be shown by Elasticsearch (the decider `restore_in_progress`, a
/// snapshot recovery source) or by our journal, which saw the PUT take effect: a primary that is
/// merely not allocated may have its data on a node that comes back.
pub(super) fn gone_shards(q: &Question<'_>) -> Result<BTreeSet<u32>, Hold> {
    if cause(q) != Cause::RestoreFailed {
        return Ok(BTreeSet::new());
    }
    let shards = shard_count(q)?;
    if q.stage.closed() {
        // Closed by this run; what had data then was kept, and what had none was proven gone.
        let before = q.run.and_then(|run| run.follower_before.as_ref());
        return Ok((0..shards)
            .filter(|shard| before.is_none_or(|stats| !stats.primaries.contains_key(shard)))
            .collect());
    }
    let side = &q.facts.follower;
    let routing = need(&side.routing, "the follower's routing table")?;
    let unassigned: BTreeSet<u32> = routing
        .iter()
        .filter(|(_, primary)| primary.state == "UNASSIGNED")
        .map(|(shard, _)| *shard)
        .collect();
    // Every shard of an index is replaced by one PUT: what shows it of one shows it of all.
    let decided = side.explain.present().is_some_and(|explain| {
        explain.primary != Some(false)
            && explain
                .refusing_deciders
                .iter()
                .any(|(name, _)| name == "restore_in_progress")
    });
    let sourced = unassigned.iter().any(|shard| {
        routing
            .get(shard)
            .is_some_and(|primary| primary.recovery_source.as_deref() == Some("SNAPSHOT"))
    });
    let journalled = q.memory.own_run.as_ref().is_some_and(|run| run.replaced);
    if unassigned.is_empty() || decided || sourced || journalled {
        Ok(unassigned)
    } else {
        Err(unknown(
            "neither Elasticsearch nor our journal shows that the primaries are missing because a restore failed: their data may be on a node that comes back",
        ))
    }
}

/// A setting of the follower cluster; `default` is Elasticsearch's own where the answer lacks it.
pub(super) fn cluster_setting<'a>(
    q: &Question<'a>,
    key: &str,
    default: &'static str,
) -> Result<&'a str, Hold> {
    let map = need(
        &q.facts.follower.cluster_settings,
        "the follower cluster's settings",
    )?;
    Ok(map.get(key).map_or(default, String::as_str))
}

/// Number of primary shards of the follower.
pub(super) fn shard_count(q: &Question<'_>) -> Result<u32, Hold> {
    if q.stage == Stage::BeforeFollowNew
        && let Some(run) = q.run
    {
        // It is deleted: the plan knows how many it had.
        return Ok(run.basis.shard_count);
    }
    let map = follower_settings(q)?;
    told(
        map.get("index.number_of_shards")
            .and_then(|text| text.parse().ok()),
        "the follower's number of shards",
    )
}

/// The cause that the repair is for: the plan's once there is one, for a paused or closed follower
/// no longer shows it.
pub(super) fn cause(q: &Question<'_>) -> Cause {
    q.run.map_or(q.verdict.cause, |run| run.basis.cause)
}

/// What the rule that counts for the repair says about documents that may be missing.
pub(super) fn tolerance(q: &Question<'_>) -> Tolerance {
    let remote = q
        .run
        .map_or(q.facts.remote.as_ref(), |run| Some(&run.basis.remote));
    q.settings.tolerance(&q.facts.key, remote, cause(q))
}

/// Documents by which two counts may differ.
pub(super) fn tolerated(of: u64, ratio: f64) -> u64 {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small part of a document count, rounded down"
    )]
    let allowed = (of as f64 * ratio.clamp(0.0, 1.0)).floor() as u64;
    allowed.min(of)
}

/// Whether the repair is for a leader that is known to be another than the one followed.
pub(super) fn leader_may_differ(q: &Question<'_>) -> bool {
    matches!(cause(q), Cause::LeaderReplaced | Cause::LeaderRewound) && q.remedy.destroys()
}

/// The leader UUID that is followed: as the follower records it, else as remembered.
pub(super) fn followed_uuid<'a>(q: &Question<'a>) -> Option<&'a IndexUuid> {
    let recorded = q
        .facts
        .follower
        .meta
        .present()
        .and_then(|meta| meta.followed.as_ref())
        .and_then(|followed| followed.leader_index_uuid.as_ref());
    let of_tasks = || {
        q.facts
            .follower
            .tasks
            .present()
            .and_then(|tasks| tasks.iter().find_map(|task| task.leader_uuid.as_ref()))
    };
    recorded.or_else(of_tasks).or(q.memory.leader_index_uuid.as_ref())
}

/// The histories that are followed, in the order of shards.
pub(super) fn followed_histories<'a>(q: &Question<'a>) -> Option<&'a [HistoryUuid]> {
    q.facts
        .follower
        .meta
        .present()
        .and_then(|meta| meta.followed.as_ref())
        .and_then(|followed| followed.history_uuids.as_deref())
        .or(q.memory.leader_shard_history_uuids.as_deref())
}

/// Whether any shard shows a fatal exception now; unknown where stats or a shard cannot be read.
pub(super) fn has_fatal_shard(q: &Question<'_>) -> Result<bool, Hold> {
    let Some(stats) = ask(&q.facts.follower.stats, "the follower's `_ccr/stats`")? else {
        return Ok(false);
    };
    if stats
        .shards
        .values()
        .any(|shard| shard.fatal_exception.present().is_some())
    {
        return Ok(true);
    }
    if stats.malformed > 0
        || stats
            .shards
            .values()
            .any(|shard| shard.fatal_exception.is_unknown())
    {
        return Err(unknown(
            "a shard of `_ccr/stats` could not be read, so it cannot be told whether one is fatal",
        ));
    }
    Ok(false)
}

/// Bytes that a recreate copies: the store of the leader's primaries.
pub(super) fn bytes_to_copy(q: &Question<'_>) -> Result<u64, Hold> {
    let stats = leader_stats(q)?;
    let sum = || {
        (!stats.primaries.is_empty())
            .then(|| {
                stats
                    .primaries
                    .values()
                    .map(|shard| shard.store_bytes)
                    .sum::<Option<u64>>()
            })
            .flatten()
    };
    told(stats.store_bytes.or_else(sum), "the leader's size")
}
