//! Guards of others at work: snapshots, restores, lifecycle policies, auto-follow, and what the
//! acting credentials may do.

use std::collections::BTreeMap;

use crate::domain::facts::{IlmPhase, Series};
use crate::domain::plan::LeaseWay;
use crate::domain::time::{Span, Timestamp, after};
use crate::policy::glob;
use crate::policy::guards::Question;
use crate::policy::guards::cluster::thrice;
use crate::policy::guards::read::{
    Check, Hold, ask, block, bytes_to_copy, followed_uuid, need, told, unknown,
};
use crate::policy::guards::standing::expiry;

/// Actions of a leader's policy after which its index is not the one that is followed.
const DISRUPTIVE: &[&str] = &["delete", "shrink", "searchable_snapshot", "downsample"];

/// The order of phases.
const PHASES: &[&str] = &["new", "hot", "warm", "cold", "frozen", "delete"];

/// Reference guard 16: no snapshot or restore touches the follower.
pub(super) fn no_snapshot_or_restore(q: &Question<'_>) -> Check {
    let running = need(
        &q.facts.follower.snapshots,
        "the snapshots and restores that run in the follower cluster",
    )?;
    let name = q.facts.key.index.as_str();
    if let Some((what, _)) = running
        .iter()
        .find(|(_, indices)| indices.iter().any(|index| index == name))
    {
        return Err(block(format!(
            "{what} touches the follower: closing it would be refused"
        )));
    }
    if let Some(shards) = ask(&q.facts.follower.recovery, "the follower's recoveries")?
        && let Some(shard) = shards.iter().find(|shard| shard.runs_from_remote())
    {
        return Err(block(format!(
            "a remote recovery of shard {} runs ({})",
            shard.shard, shard.stage
        )));
    }
    Ok(format!(
        "none of {} running snapshots and restores touches the follower",
        running.len()
    ))
}

/// Reference guard 17, the follower's side: ILM is not unfollowing it.
pub(super) fn follower_ilm(q: &Question<'_>) -> Check {
    let Some(ilm) = ask(&q.facts.follower.ilm, "what ILM does with the follower")? else {
        return Ok("ILM does not know the follower".to_owned());
    };
    if !ilm.managed {
        return Ok("ILM does not manage the follower".to_owned());
    }
    let policy = ilm.policy.as_deref().unwrap_or("?");
    if ilm.action.as_deref() == Some("unfollow") {
        return Err(block(format!(
            "ILM (policy {policy}) is unfollowing it, at step {}",
            ilm.step.as_deref().unwrap_or("?")
        )));
    }
    Ok(format!(
        "ILM (policy {policy}) is at {}/{} and not unfollowing",
        ilm.phase.as_deref().unwrap_or("?"),
        ilm.action.as_deref().unwrap_or("?")
    ))
}

/// Safety 7: the leader's ILM neither deletes, shrinks or waits for history leases, nor would
/// before three times the estimated copy.
pub(super) fn leader_ilm(q: &Question<'_>) -> Check {
    let Some(ilm) = ask(&q.facts.leader.ilm, "what ILM does with the leader")? else {
        return Ok("ILM does not know the leader".to_owned());
    };
    if !ilm.managed {
        return Ok("ILM does not manage the leader".to_owned());
    }
    let policy = ilm.policy.as_deref().unwrap_or("?");
    let (phase, action, step) = (
        ilm.phase.as_deref().unwrap_or("new"),
        ilm.action.as_deref().unwrap_or(""),
        ilm.step.as_deref().unwrap_or(""),
    );
    if step == "wait-for-shard-history-leases" || (DISRUPTIVE.contains(&action) && action != "complete") {
        return Err(block(format!(
            "the leader's ILM (policy {policy}) is at {phase}/{action}/{step}: it waits for our lease to change or delete the leader"
        )));
    }
    let Some(phases) = ask(
        &q.facts.leader.ilm_phases,
        "the phases of the leader's ILM policy",
    )?
    else {
        return Ok(format!("the leader's ILM policy {policy} does not exist"));
    };
    let needed = after(q.world.now, thrice(bytes_to_copy(q)?));
    let begins = begins_counting(q, action)?;
    for ahead in phases.iter().filter(|ahead| !is_past(ahead, phase, action)) {
        let Some(disruptive) = ahead
            .actions
            .iter()
            .find(|action| DISRUPTIVE.contains(&action.as_str()))
        else {
            continue;
        };
        let age = told(
            ahead.min_age_millis,
            &format!("the age at which phase {} begins", ahead.name),
        )?;
        let due = after(begins, Span::from_millis(age));
        if due <= needed {
            return Err(block(format!(
                "the leader's ILM (policy {policy}) does `{disruptive}` in phase {} from {due} on, before a copy is surely done ({needed})",
                ahead.name
            )));
        }
    }
    Ok(format!(
        "the leader's ILM (policy {policy}) is at {phase}/{action} and changes or deletes nothing before {needed}"
    ))
}

/// What the ages of later phases count from: the rollover that is still to come, or the recorded date.
fn begins_counting(q: &Question<'_>, action: &str) -> Result<Timestamp, Hold> {
    if action == "rollover" {
        return Ok(q.world.now);
    }
    need(
        &q.facts.leader.lifecycle_date,
        "the age of the leader's lifecycle",
    )
    .copied()
}

/// Whether nothing of that phase is still to come.
fn is_past(ahead: &IlmPhase, phase: &str, action: &str) -> bool {
    let at = |name: &str| PHASES.iter().position(|known| *known == name);
    match (at(&ahead.name), at(phase)) {
        (Some(ahead), Some(now)) => ahead < now || (ahead == now && action == "complete"),
        // A phase of an unknown name is never past.
        _ => false,
    }
}

/// Reference guard 19: no auto-follow pattern would win the race for a leader with a new UUID.
pub(super) fn auto_follow(q: &Question<'_>) -> Check {
    if let (Some(followed), Some(present)) = (followed_uuid(q), q.facts.leader_uuid())
        && *followed == present
    {
        return Ok("the leader's UUID is the one followed, so auto-follow leaves it alone".to_owned());
    }
    let patterns = need(&q.facts.follower.auto_follow, "the auto-follow patterns")?;
    let leader = q
        .facts
        .leader_index
        .as_ref()
        .ok_or_else(|| unknown("the leader's name is not known"))?;
    let racing = patterns.iter().find(|pattern| {
        pattern.active
            && (pattern.remote.is_none() || pattern.remote == q.facts.remote)
            && pattern
                .leader_patterns
                .iter()
                .any(|text| glob::matches(text, leader.as_str()))
            && !pattern
                .exclusions
                .iter()
                .any(|text| glob::matches(text, leader.as_str()))
    });
    match racing {
        Some(pattern) => Err(block(format!(
            "the leader's UUID is new and the auto-follow pattern `{}` matches it: its own follow may win once the follower is closed; pause the pattern first",
            pattern.name
        ))),
        None => Ok(format!("none of {} auto-follow patterns matches", patterns.len())),
    }
}

/// The acting credentials may do on the follower cluster what the run needs (`ccr/measured.md`, 40, 41).
pub(super) fn follower_privileges(q: &Question<'_>) -> Check {
    let needed: &[&str] = if q.remedy.destroys() && q.wishes.beside.is_none() {
        &[
            "cluster:monitor",
            "cluster:manage_ccr",
            "index:manage_follow_index",
            // `_open` for backing out is not part of `manage_follow_index`.
            "index:manage",
        ]
    } else {
        &["cluster:monitor", "cluster:manage_ccr"]
    };
    privileges(&q.facts.follower.privileges, needed, "follower")
}

/// The same on the leader cluster.
pub(super) fn leader_privileges(q: &Question<'_>) -> Check {
    let forgets = q.remedy.destroys() && q.wishes.lease == LeaseWay::Forget && q.wishes.beside.is_none();
    let needed: &[&str] = if forgets {
        &["index:monitor", "index:read", FORGETTING]
    } else {
        &["index:monitor", "index:read"]
    };
    let held = privileges(&q.facts.leader.privileges, needed, "leader");
    let lacks = forgets
        && q.facts
            .leader
            .privileges
            .present()
            .is_some_and(|have| have.get(FORGETTING) == Some(&false));
    if !lacks {
        return held;
    }
    // The lease can be gone by other ways than `forget_follower`; which one is a person's choice.
    let expires = expiry(q).map_or_else(String::new, |at| format!(", at {at} if nothing renews it"));
    Err(block(format!(
        "the acting credentials lack {FORGETTING} on the leader cluster, which `forget_follower` needs: grant it, or choose `refollow recreate {key} --lease wait` (the run pauses the follower and waits until the lease has expired{expires}), or `--lease unfollow` (the lease is removed by unfollowing, after which the follower can only be followed again or stay an ordinary index)",
        key = q.facts.key
    )))
}

/// What `forget_follower` needs.
const FORGETTING: &str = "index:manage_leader_index";

fn privileges(series: &Series<BTreeMap<String, bool>>, needed: &[&str], side: &str) -> Check {
    let Some(have) = ask(
        series,
        &format!("what the acting credentials may do on the {side} cluster"),
    )?
    else {
        return Ok(format!("security is off on the {side} cluster"));
    };
    let mut missing = Vec::new();
    for privilege in needed {
        if !*told(have.get(*privilege), &format!("whether they have {privilege}"))? {
            missing.push(*privilege);
        }
    }
    if missing.is_empty() {
        Ok(format!(
            "the acting credentials have {} on the {side} cluster",
            needed.join(", ")
        ))
    } else {
        Err(block(format!(
            "the acting credentials lack {} on the {side} cluster",
            missing.join(", ")
        )))
    }
}
