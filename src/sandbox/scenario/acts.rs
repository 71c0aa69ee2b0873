//! How the breakages are done: by the requests that would do them wherever requests can.

use std::time::Duration;

use serde_json::{Value, json};

use crate::elastic::transport::Method;
use crate::sandbox::clock::{millis, parse_duration};
use crate::sandbox::faults::{Fault, FaultKind, side_of};
use crate::sandbox::load::bulk;
use crate::sandbox::pair::{Pair, Side};
use crate::sandbox::scenario::breakage::Argument;
use crate::sandbox::scenario::{ScenarioError, must};
use crate::sandbox::world::{Event, State};

/// How long a restarted node is away unless the name says.
const RESTART: Duration = Duration::from_secs(20);

/// What was done, in a sentence.
pub(super) type Done = Result<String, ScenarioError>;

pub(super) fn post(state: &mut State, side: Side, target: &str) -> Result<Value, ScenarioError> {
    must(&mut state.pair, side, Method::Post, target, None)
}

/// A few writes, so that a follower has something to read and notices.
pub(super) fn write(state: &mut State, leader: &str, first_id: u64, documents: u64) {
    // A leader that refuses writes is part of some scenarios.
    let _answer = state
        .pair
        .handle(Side::Leader, &bulk(leader, first_id, documents));
}

pub(super) fn history_lost(state: &mut State, given: Argument<'_>) -> Done {
    behind_its_back(state, &given, |pair| pair.lose_history(given.leader))?;
    Ok(format!(
        "leader {} has discarded operations that {} still needs",
        given.leader, given.follower
    ))
}

pub(super) fn live_lease(state: &mut State, given: Argument<'_>) -> Done {
    let shards = setting(&mut state.pair, Side::Leader, given.leader, "number_of_shards")?;
    if shards.as_str() == Some("1") {
        return Err(ScenarioError::Unfit(format!(
            "{} has one shard; this needs several, such as orders-f",
            given.follower
        )));
    }
    behind_its_back(state, &given, |pair| {
        pair.lose_history_of_shard(given.leader, 0);
    })?;
    Ok(format!(
        "shard 0 of leader {} has discarded operations; the leases of its other shards live",
        given.leader
    ))
}

/// Writes to the leader and does something to it while the follower is paused, then resumes
/// with the parameters as they were: how history is lost in recording 02. A follower that
/// reads on is never behind, so nothing it needs could be discarded. One that was paused
/// before stays paused.
fn behind_its_back(
    state: &mut State,
    given: &Argument<'_>,
    act: impl FnOnce(&mut Pair),
) -> Result<(), ScenarioError> {
    let parameters = parameters(&mut state.pair, given.follower)?;
    if !parameters.is_null() {
        let target = format!("/{}/_ccr/pause_follow", given.follower);
        post(state, Side::Follower, &target)?;
    }
    // Enough that every shard gets some.
    write(state, given.leader, 0, 100);
    act(&mut state.pair);
    if !parameters.is_null() {
        let target = format!("/{}/_ccr/resume_follow", given.follower);
        must(
            &mut state.pair,
            Side::Follower,
            Method::Post,
            &target,
            Some(&parameters),
        )?;
    }
    Ok(())
}

/// One setting of an index, as a string; null where it has none.
pub(super) fn setting(pair: &mut Pair, side: Side, index: &str, name: &str) -> Result<Value, ScenarioError> {
    let target = format!("/{index}/_settings?flat_settings=true");
    let mut answer = must(pair, side, Method::Get, &target, None)?;
    Ok(answer[index]["settings"][format!("index.{name}")].take())
}

pub(super) fn restart(state: &mut State, side: Side, away: &str) -> Done {
    let away = if away.is_empty() {
        RESTART
    } else {
        parse_duration(away).ok_or_else(|| ScenarioError::Usage {
            name: away.to_owned(),
            usage: "leader-restart[:20s]",
        })?
    };
    state.kill_node(side);
    let at = state.pair.now_ms().saturating_add(millis(away));
    state.schedule_at(at, Event::StartNode(side));
    Ok(format!(
        "the {}'s node is down for {} s",
        crate::sandbox::faults::side_text(side),
        away.as_secs()
    ))
}

pub(super) fn leader_filtered(state: &mut State, given: Argument<'_>) -> Done {
    let target = format!("/{}/_settings", given.leader);
    let body = json!({"index.routing.allocation.require.box": "hot"});
    must(&mut state.pair, Side::Leader, Method::Put, &target, Some(&body))?;
    Ok(format!(
        "leader {} requires nodes with box=hot, and the follower cluster has none",
        given.leader
    ))
}

pub(super) fn filtered_restore(state: &mut State, given: Argument<'_>) -> Done {
    leader_filtered(state, given)?;
    recreated(state, given)?;
    Ok(format!(
        "the leader of {} requires nodes with box=hot, the follower cluster has none, and somebody recreated it",
        given.follower
    ))
}

pub(super) fn restored_but_paused(state: &mut State, given: Argument<'_>) -> Done {
    recreated(state, given)?;
    state.pair.change_master(Side::Follower);
    Ok(format!(
        "{} was recreated and the master changed before following began",
        given.follower
    ))
}

/// The recreate as a careful person types it.
fn recreated(state: &mut State, given: Argument<'_>) -> Result<(), ScenarioError> {
    let parameters = parameters(&mut state.pair, given.follower)?;
    post(
        state,
        Side::Follower,
        &format!("/{}/_ccr/pause_follow", given.follower),
    )?;
    post(state, Side::Follower, &format!("/{}/_close", given.follower))?;
    forget(&mut state.pair, &given)?;
    let mut body = json!({"remote_cluster": "lead", "leader_index": given.leader});
    if let (Value::Object(parameters), Some(into)) = (parameters, body.as_object_mut()) {
        into.extend(parameters);
    }
    let target = format!("/{}/_ccr/follow?wait_for_active_shards=1", given.follower);
    must(&mut state.pair, Side::Follower, Method::Put, &target, Some(&body))?;
    Ok(())
}

pub(super) fn follow_interrupted(state: &mut State, given: Argument<'_>) -> String {
    let path = format!("/{}/_ccr/follow", given.follower);
    state.faults.add(
        Fault::new(FaultKind::MasterChange)
            .on(Side::Follower)
            .method("PUT")
            .path(&path)
            .times(1),
    );
    format!(
        "the master will change during the next follow of {}",
        given.follower
    )
}

/// The parameters that the follower follows with; none where it is paused.
pub(super) fn parameters(pair: &mut Pair, follower: &str) -> Result<Value, ScenarioError> {
    let target = format!("/{follower}/_ccr/info");
    let mut info = must(pair, Side::Follower, Method::Get, &target, None)?;
    Ok(info["follower_indices"][0]["parameters"].take())
}

/// Removes the follower's leases from the leader, as a careful person does before following.
fn forget(pair: &mut Pair, given: &Argument<'_>) -> Result<(), ScenarioError> {
    let follower = given.follower;
    let root = must(pair, Side::Follower, Method::Get, "/", None)?;
    let uuid = setting(pair, Side::Follower, follower, "uuid")?;
    let body = json!({
        "follower_cluster": root["cluster_name"],
        "follower_index": follower,
        "follower_index_uuid": uuid,
        "leader_remote_cluster": "lead",
    });
    let target = format!("/{}/_ccr/forget_follower", given.leader);
    must(pair, Side::Leader, Method::Post, &target, Some(&body))?;
    Ok(())
}

pub(super) fn leader_deleted(state: &mut State, given: Argument<'_>) -> Done {
    // First: writes to an index that does not exist would create it again.
    state.load.remove(given.leader);
    let target = format!("/{}", given.leader);
    must(&mut state.pair, Side::Leader, Method::Delete, &target, None)?;
    Ok(format!("leader {} is deleted", given.leader))
}

pub(super) fn leader_replaced(state: &mut State, given: Argument<'_>) -> Done {
    let shards = setting(&mut state.pair, Side::Leader, given.leader, "number_of_shards")?;
    leader_deleted(state, given)?;
    let target = format!("/{}", given.leader);
    let body = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
    must(&mut state.pair, Side::Leader, Method::Put, &target, Some(&body))?;
    Ok(format!("leader {} is another, empty index now", given.leader))
}

pub(super) fn fatal_but_curable(state: &mut State, given: Argument<'_>) -> String {
    // elastic/elasticsearch#92522: a moment without connections is not on the retry list.
    let exception = json!({
        "type": "illegal_state_exception",
        "reason": "Unable to open any connections to remote cluster [lead]",
    });
    state.pair.make_fatal(given.follower, exception);
    format!(
        "the follow tasks of {} have failed; a resume cures it",
        given.follower
    )
}

pub(super) fn unfollowed(state: &mut State, given: Argument<'_>) -> Done {
    for step in ["_ccr/pause_follow", "_close", "_ccr/unfollow", "_open"] {
        post(state, Side::Follower, &format!("/{}/{step}", given.follower))?;
    }
    Ok(format!("{} is an ordinary index now", given.follower))
}

pub(super) fn seeds(state: &mut State, seeds: &Value) -> Result<Value, ScenarioError> {
    let body = json!({"persistent": {"cluster.remote.lead.seeds": seeds}});
    must(
        &mut state.pair,
        Side::Follower,
        Method::Put,
        "/_cluster/settings",
        Some(&body),
    )
}

pub(super) fn restore_rate(state: &mut State, given: Argument<'_>) -> Done {
    let rate = match given.text {
        "none" => None,
        text => Some(text.parse().map_err(|_| ScenarioError::Usage {
            name: format!("restore-rate:{text}"),
            usage: "restore-rate:<bytes per second>|none",
        })?),
    };
    state.pair.set_restore_rate(rate);
    Ok(rate.map_or_else(
        || "restores run at the clusters' own speed".to_owned(),
        |rate| format!("restores run at {rate} bytes a second"),
    ))
}

pub(super) fn disk(state: &mut State, side: &str, full: bool) -> Done {
    let Some(side) = side_of(side) else {
        return Err(ScenarioError::Usage {
            name: format!("disk:{side}"),
            usage: "disk-full:leader|follower",
        });
    };
    state.pair.set_disk_full(side, full);
    Ok(format!(
        "the {}'s disk {}",
        crate::sandbox::faults::side_text(side),
        if full { "is full" } else { "has room" }
    ))
}
