//! Guards of the last good copy (safety 4, reference guard 4): what replaces the follower's copy
//! has at least what the follower has, shard by shard.

use crate::domain::cause::Cause;
use crate::domain::facts::Health;
use crate::policy::guards::Question;
use crate::policy::guards::read::{
    Check, Hold, block, cause, follower_stats, gone_shards, leader_stats, need, shard_count, told, tolerance,
    tolerated, unknown,
};

/// Reference guard 5: every leader primary is active.
pub(super) fn leader_healthy(q: &Question<'_>) -> Check {
    let health = need(&q.facts.leader.health, "the leader's health")?;
    if health.status == Health::Red {
        return Err(block("the leader index is red"));
    }
    let shards = told(health.number_of_shards, "the leader's number of shards")?;
    let active = told(health.active_primary_shards, "the leader's active primaries")?;
    if active < shards {
        return Err(block(format!(
            "{active} of {shards} primaries of the leader are active"
        )));
    }
    let stats = leader_stats(q)?;
    for (shard, primary) in &stats.primaries {
        if let Some(state) = &primary.state
            && state != "STARTED"
            && state != "RELOCATING"
        {
            return Err(block(format!("the primary of leader shard {shard} is {state}")));
        }
    }
    Ok(format!("all {shards} primaries of the leader are active"))
}

/// The leader has not fewer documents than the follower, beyond the stated tolerance.
pub(super) fn documents(q: &Question<'_>) -> Check {
    let gone = gone_shards(q)?;
    let left = follower_stats(q)?;
    if left.primaries.is_empty() && !gone.is_empty() {
        return Ok(format!(
            "the follower's documents are gone on all {} shards, so that none can be lost",
            gone.len()
        ));
    }
    let follower = told(left.documents(), "the follower's documents")?;
    let leader = told(leader_stats(q)?.documents(), "the leader's documents")?;
    let stated = tolerance(q);
    let allowed = tolerated(follower, stated.share);
    if leader == 0 && follower > 0 {
        return Err(block(format!(
            "the leader is empty and the follower has {follower} documents"
        )));
    }
    if leader.saturating_add(allowed) < follower {
        return Err(block(format!(
            "the leader has {leader} documents, the follower {follower} ({allowed} may be missing: {stated})"
        )));
    }
    Ok(format!(
        "the leader has {leader} documents, the follower {follower} ({allowed} may be missing: {stated})"
    ))
}

/// No leader shard is behind the follower's in sequence numbers; no tolerance.
pub(super) fn sequence_numbers(q: &Question<'_>) -> Check {
    let (leader, follower) = (leader_stats(q)?, follower_stats(q)?);
    let shards = shard_count(q)?;
    let gone = gone_shards(q)?;
    let mut highest = -1;
    for shard in 0..shards {
        if gone.contains(&shard) {
            continue;
        }
        let of_leader = numbers(leader.primaries.get(&shard), "leader", shard)?;
        let of_follower = numbers(follower.primaries.get(&shard), "follower", shard)?;
        // A follow task may have seen more than the index showed when it was asked.
        let by_task = q
            .facts
            .follower
            .stats
            .present()
            .and_then(|stats| stats.shards.get(&shard));
        let max = of_follower.0.max(
            by_task
                .and_then(|task| task.follower_max_seq_no.get())
                .unwrap_or(-2),
        );
        let checkpoint = of_follower.1.max(
            by_task
                .and_then(|task| task.follower_global_checkpoint.get())
                .unwrap_or(-2),
        );
        if of_leader.0 < max || of_leader.1 < checkpoint {
            return Err(block(format!(
                "leader shard {shard} is behind the follower: max_seq_no {} against {max}, global checkpoint {} against {checkpoint}",
                of_leader.0, of_leader.1
            )));
        }
        highest = highest.max(of_leader.0);
    }
    if !gone.is_empty() {
        return Ok(format!(
            "{} of {shards} shards have no data any more; on the others the leader's sequence numbers (up to {highest}) are at least the follower's",
            gone.len()
        ));
    }
    Ok(format!(
        "on all {shards} shards the leader's sequence numbers (up to {highest}) are at least the follower's"
    ))
}

/// `delete_and_follow` only deletes what has lost data to a restore that failed, and whose other
/// shards, if any, came from the same restore.
pub(super) fn data_gone(q: &Question<'_>) -> Check {
    if cause(q) != Cause::RestoreFailed {
        return Err(block(format!(
            "only a follower whose restore failed is deleted, and the cause is `{}`",
            cause(q)
        )));
    }
    let gone = gone_shards(q)?;
    // At the beginning the rung before it is still ahead, and may cure it.
    if gone.is_empty() {
        return Err(block(
            "every primary is allocated: nothing is deleted that has its data",
        ));
    }
    Ok(format!(
        "the data of shards {} is gone since a restore failed",
        gone.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
    ))
}

/// No leader shard is below what was ever seen of it.
pub(super) fn not_below_remembered(q: &Question<'_>) -> Check {
    let leader = leader_stats(q)?;
    let shards = shard_count(q)?;
    let mut compared = 0_u32;
    for shard in 0..shards {
        let (max, checkpoint) = numbers(leader.primaries.get(&shard), "leader", shard)?;
        let Some(high) = q.memory.high_water.get(&shard) else {
            continue;
        };
        compared += 1;
        let (was_max, was_checkpoint) = (
            high.leader_max_seq_no.unwrap_or(-2),
            high.leader_global_checkpoint.unwrap_or(-2),
        );
        if max < was_max || checkpoint < was_checkpoint {
            return Err(block(format!(
                "leader shard {shard} went back: max_seq_no {max} and was {was_max}, global checkpoint {checkpoint} and was {was_checkpoint}"
            )));
        }
    }
    Ok(format!(
        "no leader shard is below what was ever seen of it ({compared} of {shards} are remembered)"
    ))
}

fn numbers(
    primary: Option<&crate::domain::facts::ShardSeq>,
    side: &str,
    shard: u32,
) -> Result<(i64, i64), Hold> {
    let primary = primary.ok_or_else(|| {
        unknown(format!(
            "the primary of {side} shard {shard} did not answer with its sequence numbers"
        ))
    })?;
    Ok((
        told(primary.max_seq_no, &format!("max_seq_no of {side} shard {shard}"))?,
        told(
            primary.global_checkpoint,
            &format!("the global checkpoint of {side} shard {shard}"),
        )?,
    ))
}
