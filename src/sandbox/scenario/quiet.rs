//! How the breakages are done that make no noise: of the leader behind the follower's back, of
//! the follower where no exception tells.

use std::time::Duration;

use serde_json::json;

use crate::elastic::transport::Method;
use crate::sandbox::clock::millis;
use crate::sandbox::pair::Side;
use crate::sandbox::scenario::acts::{Done, leader_deleted, parameters, post, setting, write};
use crate::sandbox::scenario::breakage::Argument;
use crate::sandbox::scenario::{ScenarioError, must};
use crate::sandbox::world::{Event, State};

/// Between the deletion and the creation of `leader-replaced-seen`: long enough for a read.
const SEEN: Duration = Duration::from_secs(5);
/// Repository of the snapshots that scenarios take.
const REPOSITORY: &str = "sandbox";

pub(super) fn leader_replaced_seen(state: &mut State, given: Argument<'_>) -> Done {
    let shards = setting(&mut state.pair, Side::Leader, given.leader, "number_of_shards")?;
    leader_deleted(state, given)?;
    let body = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
    let at = state.pair.now_ms().saturating_add(millis(SEEN));
    state.schedule_at(
        at,
        Event::Send {
            side: Side::Leader,
            method: Method::Put,
            target: format!("/{}", given.leader),
            body: Some(body.to_string()),
        },
    );
    Ok(format!(
        "leader {} is deleted and will be created again, empty, in {} s",
        given.leader,
        SEEN.as_secs()
    ))
}

pub(super) fn leader_snapshot(state: &mut State, given: Argument<'_>) -> Done {
    let repository = json!({"type": "fs", "settings": {"location": REPOSITORY}});
    let target = format!("/_snapshot/{REPOSITORY}");
    let pair = &mut state.pair;
    must(pair, Side::Leader, Method::Put, &target, Some(&repository))?;
    let snapshot = json!({"indices": given.leader, "include_global_state": false});
    let target = format!(
        "/_snapshot/{REPOSITORY}/{}?wait_for_completion=true",
        given.leader
    );
    must(pair, Side::Leader, Method::Put, &target, Some(&snapshot))?;
    Ok(format!("a snapshot of leader {} was taken", given.leader))
}

pub(super) fn leader_restored(state: &mut State, given: Argument<'_>) -> Done {
    post(state, Side::Leader, &format!("/{}/_close", given.leader))?;
    let restore = json!({"indices": given.leader});
    let target = format!(
        "/_snapshot/{REPOSITORY}/{}/_restore?wait_for_completion=true",
        given.leader
    );
    let pair = &mut state.pair;
    must(pair, Side::Leader, Method::Post, &target, Some(&restore))?;
    Ok(format!("leader {} is what its snapshot was", given.leader))
}

pub(super) fn leader_written(state: &mut State, given: Argument<'_>) -> String {
    write(state, given.leader, 100_000, 500);
    format!("500 documents were written to {}", given.leader)
}

/// Puts a block on the follower.
pub(super) fn block(state: &mut State, given: Argument<'_>, block: &str) -> Done {
    let target = format!("/{}/_settings", given.follower);
    let body = json!({format!("index.blocks.{block}"): true});
    let pair = &mut state.pair;
    must(pair, Side::Follower, Method::Put, &target, Some(&body))?;
    Ok(format!("{} carries the block {block}", given.follower))
}

pub(super) fn follower_deleted(state: &mut State, given: Argument<'_>) -> Done {
    let target = format!("/{}", given.follower);
    must(&mut state.pair, Side::Follower, Method::Delete, &target, None)?;
    Ok(format!("{} is deleted", given.follower))
}

/// Allows or forbids the assignment of persistent tasks on the follower cluster.
fn assignment(state: &mut State, allowed: bool) -> Result<(), ScenarioError> {
    let value = if allowed { json!(null) } else { json!("none") };
    let body = json!({"transient": {"cluster.persistent_tasks.allocation.enable": value}});
    let pair = &mut state.pair;
    must(
        pair,
        Side::Follower,
        Method::Put,
        "/_cluster/settings",
        Some(&body),
    )?;
    Ok(())
}

pub(super) fn tasks_unassigned(state: &mut State, given: Argument<'_>) -> Done {
    let parameters = parameters(&mut state.pair, given.follower)?;
    let of = |call: &str| format!("/{}/_ccr/{call}", given.follower);
    post(state, Side::Follower, &of("pause_follow"))?;
    assignment(state, false)?;
    let pair = &mut state.pair;
    must(
        pair,
        Side::Follower,
        Method::Post,
        &of("resume_follow"),
        Some(&parameters),
    )?;
    Ok(format!("no task of {} has a node", given.follower))
}

pub(super) fn shard_unassigned(state: &mut State, given: Argument<'_>) -> Done {
    assignment(state, false)?;
    let shards = setting(
        &mut state.pair,
        Side::Follower,
        given.follower,
        "number_of_shards",
    )?;
    let last = shards
        .as_str()
        .and_then(|text| text.parse::<u32>().ok())
        .unwrap_or(1)
        .saturating_sub(1);
    if state.pair.unassign(given.follower, last) {
        Ok(format!(
            "the task of shard {last} of {} has no node",
            given.follower
        ))
    } else {
        Err(ScenarioError::Unfit(format!(
            "{} has no task for its shard {last}; is it paused?",
            given.follower
        )))
    }
}

pub(super) fn tasks_assigned(state: &mut State) -> Done {
    assignment(state, true)?;
    Ok("tasks are assigned again".to_owned())
}

pub(super) fn diverged(state: &mut State, given: Argument<'_>) -> Done {
    if state.pair.lose_document(given.follower) {
        Ok(format!("{} has lost a document", given.follower))
    } else {
        Err(ScenarioError::Unfit(format!(
            "{} has no document to lose",
            given.follower
        )))
    }
}

pub(super) fn stalled(state: &mut State, given: Argument<'_>) -> String {
    state.pair.stall(given.follower);
    format!("the tasks of {} neither read nor fail any more", given.follower)
}
