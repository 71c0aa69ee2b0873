//! Guards of standing: the cause allows it, people and other runs left it alone, mild came first.

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::facts::FollowStatus;
use crate::domain::plan::LeaseWay;
use crate::domain::seen::Seen;
use crate::domain::time::{Span, Timestamp, after};
use crate::policy::guards::read::{
    Check, ask, block, cause, has_fatal_shard, leader_stats, need, shard_count, told, unknown,
};
use crate::policy::guards::{Question, Stage};

/// Reference guard 2: the cause has this remedy and is one that refollow may repair.
pub(super) fn cause_allows(q: &Question<'_>) -> Check {
    let verdict = q.verdict;
    if verdict.approval == Approval::Never {
        return Err(block(format!(
            "`{}` is not repaired by refollow, approved or not",
            verdict.cause
        )));
    }
    if let Some(run) = q.run
        && run.basis.cause != verdict.cause
    {
        return Err(block(format!(
            "the cause is `{}` now, the plan is for `{}`",
            verdict.cause, run.basis.cause
        )));
    }
    if !verdict.ladder.contains(&q.remedy) {
        return Err(block(format!(
            "the ladder of `{}` has no `{}` now",
            verdict.cause, q.remedy
        )));
    }
    Ok(format!("`{}` has `{}` in its ladder", verdict.cause, q.remedy))
}

/// Safety 3: recreate only after a resume was accepted and the follower was fatal again for the
/// same cause. A ladder without a resume has nothing to try first.
pub(super) fn mild_first(q: &Question<'_>) -> Check {
    let ladder = q
        .run
        .map_or(q.verdict.ladder.as_slice(), |run| run.basis.ladder.as_slice());
    let has_resume = ladder
        .iter()
        .take_while(|rung| !rung.destroys())
        .any(|rung| *rung == Remedy::Resume);
    if !has_resume {
        return Ok("the ladder has no resume before it".to_owned());
    }
    if matches!(q.stage, Stage::Plan | Stage::BeforeRun) {
        return Ok("the run tries the resume first".to_owned());
    }
    match q.run {
        Some(run) if run.resume_accepted_at.is_some() && run.fatal_again => Ok(format!(
            "a resume was accepted and the follower turned fatal again with `{}`",
            run.basis.cause
        )),
        Some(run) if run.resume_accepted_at.is_some() => {
            Err(block("a resume was accepted and the follower is not fatal again"))
        }
        _ => Err(block("no resume was accepted yet")),
    }
}

/// Safety 3: a follower without a fatal shard is paused only with approval.
pub(super) fn fatal_or_approved(q: &Question<'_>) -> Check {
    if q.approved() {
        return Ok("a person has approved it".to_owned());
    }
    let info = need(&q.facts.follower.info, "the follower's `_ccr/info`")?;
    if info.status == FollowStatus::Paused {
        return Ok("it is paused already, nothing is stopped".to_owned());
    }
    if has_fatal_shard(q)? {
        return Ok("a shard has a fatal exception, so its task does nothing any more".to_owned());
    }
    Err(block(
        "no shard has a fatal exception: it is paused only with a person's approval",
    ))
}

/// Safety 11: a pause that is not ours is somebody's.
pub(super) fn not_paused_by_people(q: &Question<'_>) -> Check {
    let info = need(&q.facts.follower.info, "the follower's `_ccr/info`")?;
    if info.status == FollowStatus::Active {
        return Ok("it is active".to_owned());
    }
    let ours =
        q.run.is_some_and(|run| run.paused_by_us) || q.memory.own_run.as_ref().is_some_and(|run| run.paused);
    // A follow ends in `paused` where its restore fails: nobody has paused it.
    if cause(q) == Cause::RestoreFailed && q.verdict.cause == Cause::RestoreFailed {
        return Ok("it is paused because its restore failed; nobody paused it".to_owned());
    }
    // A follow of ours that was restored and never followed shows as paused too.
    if ours || (cause(q) == Cause::RestoredNotFollowing && q.verdict.cause == Cause::RestoredNotFollowing) {
        return Ok("it is paused, and by a run of ours".to_owned());
    }
    Err(block(
        "it is paused, and our journal does not explain it: somebody paused it",
    ))
}

/// The follower is as far as this run brought it, and no further: paused by us before the resume
/// and the close, closed by us before the lease is removed and before the PUT.
pub(super) fn as_we_left_it(q: &Question<'_>) -> Check {
    let meta = need(&q.facts.follower.meta, "the follower's metadata")?;
    let open = told(meta.open, "whether the follower is open")?;
    let Some(run) = q.run else {
        return Err(unknown("no run is in hand"));
    };
    if run.unfollowed_by_us && run.closed_by_us && q.stage.closed() && q.facts.follower.info.now().is_absent()
    {
        return if open {
            Err(block("it is open, though this run closed it: somebody opened it"))
        } else {
            Ok("it is unfollowed and closed, as this run left it".to_owned())
        };
    }
    let info = need(&q.facts.follower.info, "the follower's `_ccr/info`")?;
    if info.status != FollowStatus::Paused {
        return Err(block(
            "it is active, though this run paused it: somebody resumed it",
        ));
    }
    // Nobody has to pause what a copy left without a task, whether it failed or was never followed.
    let of_a_copy = matches!(
        run.basis.cause,
        Cause::RestoreFailed | Cause::RestoredNotFollowing
    );
    if !run.paused_by_us && !run.closed_by_us && !of_a_copy {
        return Err(block("it is paused, and not by this run"));
    }
    match (q.stage.closed(), open) {
        (true, true) => Err(block("it is open, though this run closed it: somebody opened it")),
        (true, false) if !run.closed_by_us => Err(block("it is closed, and not by this run")),
        (false, false) => Err(block("it is closed, and not by this run")),
        (true, false) => {
            if let Some(tasks) = ask(&q.facts.follower.tasks, "the follow tasks in the cluster state")?
                && !tasks.is_empty()
            {
                return Err(block(format!("{} follow tasks of it are left", tasks.len())));
            }
            Ok("it is paused and closed, as this run left it".to_owned())
        }
        (false, true) => Ok("it is paused and open, as this run left it".to_owned()),
    }
}

/// Reference guard 22: the follower is open before we begin; a closed one was closed by somebody.
pub(super) fn follower_open(q: &Question<'_>) -> Check {
    let meta = need(&q.facts.follower.meta, "the follower's metadata")?;
    let open = told(meta.open, "whether the follower is open")?;
    if open {
        Ok("the follower is open".to_owned())
    } else {
        Err(block(
            "the follower is closed, and not by this run: somebody else acts on it",
        ))
    }
}

/// Reference 3.5: a resume is refused unless every follower primary is started.
pub(super) fn follower_primaries(q: &Question<'_>) -> Check {
    let shards = shard_count(q)?;
    if let Seen::Present(routing) = q.facts.follower.routing.now() {
        for shard in 0..shards {
            let primary = told(
                routing.get(&shard),
                &format!("where the primary of follower shard {shard} is"),
            )?;
            if !matches!(primary.state.as_str(), "STARTED" | "RELOCATING") {
                return Err(block(format!(
                    "the primary of follower shard {shard} is {}",
                    primary.state
                )));
            }
        }
        return Ok(format!("all {shards} primaries of the follower are started"));
    }
    let health = need(&q.facts.follower.health, "the follower's health")?;
    let active = told(health.active_primary_shards, "the follower's active primaries")?;
    if active < shards {
        return Err(block(format!(
            "{active} of {shards} primaries of the follower are active"
        )));
    }
    Ok(format!("all {shards} primaries of the follower are active"))
}

/// When the follower's lease expires if nothing renews it: its last renewal and the leader's period.
pub(super) fn expiry(q: &Question<'_>) -> Option<Timestamp> {
    let id = q.facts.lease_id()?;
    let renewed = q
        .facts
        .leader
        .index
        .present()?
        .primaries
        .values()
        .filter_map(|shard| {
            let lease = shard.leases.as_ref()?.iter().find(|lease| lease.id == id)?;
            lease.renewed_at
        })
        .max()?;
    let period = q
        .facts
        .leader
        .settings
        .latest_known()
        .and_then(|(_, map)| map.get("index.soft_deletes.retention_lease.period"));
    let period = match period {
        Some(text) => millis_of(text)?,
        None => 12 * 3_600_000,
    };
    Some(after(renewed, Span::from_millis(period)))
}

/// Milliseconds of a length such as `12h`; `None` where it is none.
fn millis_of(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Reference guard 21 at the PUT (safety 7): the lease is absent on every leader primary.
/// Before that: the leases can be read, so that they can be removed and be seen gone.
pub(super) fn lease(q: &Question<'_>) -> Check {
    let stats = leader_stats(q)?;
    let shards = shard_count(q)?;
    let id = told(
        q.facts.lease_id(),
        "the id of the follower's lease (the follower cluster's name, both UUIDs and the alias)",
    )?;
    let mut held = Vec::new();
    for shard in 0..shards {
        let leases = told(
            stats
                .primaries
                .get(&shard)
                .and_then(|primary| primary.leases.as_ref()),
            &format!("the retention leases of leader shard {shard}"),
        )?;
        // Any lease of this follower on this leader counts, also one under an earlier alias. One with
        // an earlier leader's UUID in its id does not: a task that follows a replaced leader puts it
        // on the new one (recording 06, 8.10.4). It is in no copy's way, and nothing removes it but
        // time.
        let prefix = id.as_str().split("-following-").next().unwrap_or(id.as_str());
        let leader = id.as_str().rsplit('/').next().unwrap_or_default();
        if leases.iter().any(|lease| {
            let other = lease.id.as_str();
            other.starts_with(&format!("{prefix}-following-")) && other.ends_with(&format!("/{leader}"))
        }) {
            held.push(shard.to_string());
        }
    }
    if held.is_empty() {
        return Ok(format!("no leader shard of {shards} holds the lease {id}"));
    }
    let text = format!(
        "leader shards {} of {shards} hold the lease {id}",
        held.join(", ")
    );
    if q.stage == Stage::BeforeFollow {
        return Err(block(format!(
            "{text}: a follow now would destroy the follower (the restore fails while the lease lives)"
        )));
    }
    Ok(match q.wishes.lease {
        LeaseWay::Forget => format!("{text}; the run removes it once the follower is closed"),
        LeaseWay::Wait => {
            let expiry = expiry(q).map_or_else(|| "a time that is not known".to_owned(), |at| at.to_string());
            format!(
                "{text}; the run pauses the follower and waits until it has expired ({expiry}, unless it is renewed before)"
            )
        }
        LeaseWay::Unfollow => {
            format!("{text}; the run unfollows the closed follower, which removes it and loses the way back")
        }
    })
}
