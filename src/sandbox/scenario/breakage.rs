//! What breaks, or mends, on a running pair.
//!
//! Each name is one thing that happens to real clusters (`measured.md`); it is done by the
//! requests that would do it wherever requests can.

use std::time::Duration;

use serde_json::{Value, json};

use crate::elastic::transport::Method;
use crate::sandbox::clock::{millis, parse_duration};
use crate::sandbox::faults::{Fault, FaultKind, side_of};
use crate::sandbox::load::bulk;
use crate::sandbox::pair::{Pair, Side};
use crate::sandbox::scenario::{ScenarioError, must, send};
use crate::sandbox::world::{Event, State, World};

/// How long a restarted node is away unless the name says.
const RESTART: Duration = Duration::from_secs(20);

/// What stands behind the colon of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// Nothing.
    Nothing,
    /// A follower index, or a leader index that is followed.
    Follower,
    /// A value of the name's own, optional.
    Optional,
    /// A value of the name's own.
    Needed,
}

/// One name.
#[derive(Debug, Clone, Copy)]
pub struct Breakage {
    /// What stands before the colon.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it does, in a sentence.
    pub what: &'static str,
    /// What stands behind the colon.
    pub takes: Takes,
    act: fn(&mut State, Argument<'_>) -> Result<String, ScenarioError>,
}

/// What a breakage is given.
struct Argument<'a> {
    text: &'a str,
    follower: &'a str,
    leader: &'a str,
}

type Done = Result<String, ScenarioError>;

/// All names.
pub const NAMES: &[Breakage] = &[
    Breakage {
        name: "history-lost",
        usage: "history-lost:<follower>",
        what: "the leader discards operations that the follower still needs: fatal, only a recreate cures it",
        takes: Takes::Follower,
        act: history_lost,
    },
    Breakage {
        name: "live-lease",
        usage: "live-lease:<follower>",
        what: "as history-lost, on shard 0 alone: the other shards keep living leases, the trap of a careless recreate",
        takes: Takes::Follower,
        act: live_lease,
    },
    Breakage {
        name: "leader-restart",
        usage: "leader-restart[:20s]",
        what: "the leader's node dies and starts again after that time; followers go on by themselves",
        takes: Takes::Optional,
        act: |state, given| restart(state, Side::Leader, given.text),
    },
    Breakage {
        name: "follower-restart",
        usage: "follower-restart[:20s]",
        what: "the follower's node dies and starts again after that time",
        takes: Takes::Optional,
        act: |state, given| restart(state, Side::Follower, given.text),
    },
    Breakage {
        name: "restored-but-paused",
        usage: "restored-but-paused:<follower>",
        what: "somebody recreated the follower and the master changed during the restore: restored, paused, cured by resume",
        takes: Takes::Follower,
        act: restored_but_paused,
    },
    Breakage {
        name: "follow-interrupted",
        usage: "follow-interrupted:<follower>",
        what: "arms a fault: the master changes during the next follow of this index, which so ends restored but paused",
        takes: Takes::Follower,
        act: follow_interrupted,
    },
    Breakage {
        name: "leader-deleted",
        usage: "leader-deleted:<follower>",
        what: "the leader index is deleted",
        takes: Takes::Follower,
        act: leader_deleted,
    },
    Breakage {
        name: "leader-replaced",
        usage: "leader-replaced:<follower>",
        what: "the leader index is deleted and created again under its name, empty",
        takes: Takes::Follower,
        act: leader_replaced,
    },
    Breakage {
        name: "leader-closed",
        usage: "leader-closed:<follower>",
        what: "the leader index is closed",
        takes: Takes::Follower,
        act: |state, given| {
            post(state, Side::Leader, &format!("/{}/_close", given.leader))?;
            Ok(format!("leader {} is closed", given.leader))
        },
    },
    Breakage {
        name: "leader-opened",
        usage: "leader-opened:<follower>",
        what: "the leader index is opened again",
        takes: Takes::Follower,
        act: |state, given| {
            post(state, Side::Leader, &format!("/{}/_open", given.leader))?;
            Ok(format!("leader {} is open", given.leader))
        },
    },
    Breakage {
        name: "fatal-but-curable",
        usage: "fatal-but-curable:<follower>",
        what: "the follow tasks fail for good with \"Unable to open any connections to remote cluster [lead]\"; a resume cures it",
        takes: Takes::Follower,
        act: fatal_but_curable,
    },
    Breakage {
        name: "remote-down",
        usage: "remote-down",
        what: "the network between the clusters breaks",
        takes: Takes::Nothing,
        act: |state, _| {
            state.pair.break_link(true);
            Ok("the follower cluster reaches `lead` no more".to_owned())
        },
    },
    Breakage {
        name: "remote-up",
        usage: "remote-up",
        what: "the network between the clusters heals",
        takes: Takes::Nothing,
        act: |state, _| {
            state.pair.break_link(false);
            Ok("the follower cluster reaches `lead` again".to_owned())
        },
    },
    Breakage {
        name: "remote-removed",
        usage: "remote-removed",
        what: "the alias `lead` is removed from the follower cluster's settings",
        takes: Takes::Nothing,
        act: |state, _| {
            seeds(state, &Value::Null)?;
            Ok("`lead` is no longer configured".to_owned())
        },
    },
    Breakage {
        name: "remote-restored",
        usage: "remote-restored",
        what: "the alias `lead` is configured again",
        takes: Takes::Nothing,
        act: |state, _| {
            seeds(state, &json!(["127.0.0.1:9411"]))?;
            Ok("`lead` is configured".to_owned())
        },
    },
    Breakage {
        name: "follower-paused",
        usage: "follower-paused:<follower>",
        what: "somebody pauses the follower",
        takes: Takes::Follower,
        act: |state, given| {
            post(
                state,
                Side::Follower,
                &format!("/{}/_ccr/pause_follow", given.follower),
            )?;
            Ok(format!("{} was paused", given.follower))
        },
    },
    Breakage {
        name: "follower-closed",
        usage: "follower-closed:<follower>",
        what: "somebody closes the follower",
        takes: Takes::Follower,
        act: |state, given| {
            post(
                state,
                Side::Follower,
                &format!("/{}/_close", given.follower),
            )?;
            Ok(format!("{} was closed", given.follower))
        },
    },
    Breakage {
        name: "follower-blocked",
        usage: "follower-blocked:<follower>",
        what: "a write block is put on the follower",
        takes: Takes::Follower,
        act: |state, given| {
            let target = format!("/{}/_settings", given.follower);
            let block = json!({"index.blocks.write": true});
            must(
                &mut state.pair,
                Side::Follower,
                Method::Put,
                &target,
                Some(&block),
            )?;
            Ok(format!("{} refuses writes", given.follower))
        },
    },
    Breakage {
        name: "unfollowed",
        usage: "unfollowed:<follower>",
        what: "somebody pauses, closes, unfollows and opens the follower: an ordinary index now",
        takes: Takes::Follower,
        act: unfollowed,
    },
    Breakage {
        name: "restore-rate",
        usage: "restore-rate:<bytes per second>|none",
        what: "how fast restores copy; none: as the clusters' settings say",
        takes: Takes::Needed,
        act: restore_rate,
    },
    Breakage {
        name: "disk-full",
        usage: "disk-full:leader|follower",
        what: "the cluster's disk is full: no shard may be allocated there",
        takes: Takes::Needed,
        act: |state, given| disk(state, given.text, true),
    },
    Breakage {
        name: "disk-free",
        usage: "disk-free:leader|follower",
        what: "the cluster's disk has room again",
        takes: Takes::Needed,
        act: |state, given| disk(state, given.text, false),
    },
];

pub(super) fn play(world: &World, breakage: &Breakage, argument: Option<&str>) -> Done {
    let text = argument.unwrap_or("");
    world.with(|state| {
        let (follower, leader) = if breakage.takes == Takes::Follower {
            resolve(&mut state.pair, text)?
        } else {
            (String::new(), String::new())
        };
        (breakage.act)(
            state,
            Argument {
                text,
                follower: &follower,
                leader: &leader,
            },
        )
    })
}

/// The follower and the leader that a name stands for: it may be either of the two.
fn resolve(pair: &mut Pair, asked: &str) -> Result<(String, String), ScenarioError> {
    // `*,.*` because `_all` leaves hidden followers out.
    let answer = send(pair, Side::Follower, Method::Get, "/*,.*/_ccr/info", None)?;
    let mut known = Vec::new();
    if let Some((200, body)) = &answer {
        for info in body["follower_indices"].as_array().into_iter().flatten() {
            if let (Some(follower), Some(leader)) = (
                info["follower_index"].as_str(),
                info["leader_index"].as_str(),
            ) {
                if follower == asked || leader == asked {
                    return Ok((follower.to_owned(), leader.to_owned()));
                }
                known.push(follower);
            }
        }
    }
    Err(ScenarioError::UnknownFollower {
        asked: asked.to_owned(),
        known: known.join(", "),
    })
}

fn post(state: &mut State, side: Side, target: &str) -> Result<Value, ScenarioError> {
    must(&mut state.pair, side, Method::Post, target, None)
}

/// A few writes, so that a follower has something to read and notices.
fn write(state: &mut State, leader: &str, first_id: u64, documents: u64) {
    // A leader that refuses writes is part of some scenarios.
    let _answer = state
        .pair
        .handle(Side::Leader, &bulk(leader, first_id, documents));
}

fn history_lost(state: &mut State, given: Argument<'_>) -> Done {
    behind_its_back(state, &given, |pair| pair.lose_history(given.leader))?;
    Ok(format!(
        "leader {} has discarded operations that {} still needs",
        given.leader, given.follower
    ))
}

fn live_lease(state: &mut State, given: Argument<'_>) -> Done {
    let shards = setting(
        &mut state.pair,
        Side::Leader,
        given.leader,
        "number_of_shards",
    )?;
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
fn setting(pair: &mut Pair, side: Side, index: &str, name: &str) -> Result<Value, ScenarioError> {
    let target = format!("/{index}/_settings?flat_settings=true");
    let mut answer = must(pair, side, Method::Get, &target, None)?;
    Ok(answer[index]["settings"][format!("index.{name}")].take())
}

fn restart(state: &mut State, side: Side, away: &str) -> Done {
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

fn restored_but_paused(state: &mut State, given: Argument<'_>) -> Done {
    let parameters = parameters(&mut state.pair, given.follower)?;
    post(
        state,
        Side::Follower,
        &format!("/{}/_ccr/pause_follow", given.follower),
    )?;
    post(
        state,
        Side::Follower,
        &format!("/{}/_close", given.follower),
    )?;
    forget(&mut state.pair, &given)?;
    let mut body = json!({"remote_cluster": "lead", "leader_index": given.leader});
    if let (Value::Object(parameters), Some(into)) = (parameters, body.as_object_mut()) {
        into.extend(parameters);
    }
    let target = format!("/{}/_ccr/follow?wait_for_active_shards=1", given.follower);
    must(
        &mut state.pair,
        Side::Follower,
        Method::Put,
        &target,
        Some(&body),
    )?;
    state.pair.change_master(Side::Follower);
    Ok(format!(
        "{} was recreated and the master changed before following began",
        given.follower
    ))
}

fn follow_interrupted(state: &mut State, given: Argument<'_>) -> Done {
    let path = format!("/{}/_ccr/follow", given.follower);
    state.faults.add(
        Fault::new(FaultKind::MasterChange)
            .on(Side::Follower)
            .method("PUT")
            .path(&path)
            .times(1),
    );
    Ok(format!(
        "the master will change during the next follow of {}",
        given.follower
    ))
}

/// The parameters that the follower follows with; none where it is paused.
fn parameters(pair: &mut Pair, follower: &str) -> Result<Value, ScenarioError> {
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

fn leader_deleted(state: &mut State, given: Argument<'_>) -> Done {
    // First: writes to an index that does not exist would create it again.
    state.load.remove(given.leader);
    let target = format!("/{}", given.leader);
    must(&mut state.pair, Side::Leader, Method::Delete, &target, None)?;
    Ok(format!("leader {} is deleted", given.leader))
}

fn leader_replaced(state: &mut State, given: Argument<'_>) -> Done {
    let shards = setting(
        &mut state.pair,
        Side::Leader,
        given.leader,
        "number_of_shards",
    )?;
    leader_deleted(state, Argument { ..given })?;
    let target = format!("/{}", given.leader);
    let body = json!({"settings": {"number_of_shards": shards, "number_of_replicas": 0}});
    must(
        &mut state.pair,
        Side::Leader,
        Method::Put,
        &target,
        Some(&body),
    )?;
    Ok(format!(
        "leader {} is another, empty index now",
        given.leader
    ))
}

fn fatal_but_curable(state: &mut State, given: Argument<'_>) -> Done {
    // elastic/elasticsearch#92522: a moment without connections is not on the retry list.
    let exception = json!({
        "type": "illegal_state_exception",
        "reason": "Unable to open any connections to remote cluster [lead]",
    });
    state.pair.make_fatal(given.follower, exception);
    Ok(format!(
        "the follow tasks of {} have failed; a resume cures it",
        given.follower
    ))
}

fn unfollowed(state: &mut State, given: Argument<'_>) -> Done {
    for step in ["_ccr/pause_follow", "_close", "_ccr/unfollow", "_open"] {
        post(
            state,
            Side::Follower,
            &format!("/{}/{step}", given.follower),
        )?;
    }
    Ok(format!("{} is an ordinary index now", given.follower))
}

fn seeds(state: &mut State, seeds: &Value) -> Result<Value, ScenarioError> {
    let body = json!({"persistent": {"cluster.remote.lead.seeds": seeds}});
    must(
        &mut state.pair,
        Side::Follower,
        Method::Put,
        "/_cluster/settings",
        Some(&body),
    )
}

fn restore_rate(state: &mut State, given: Argument<'_>) -> Done {
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

fn disk(state: &mut State, side: &str, full: bool) -> Done {
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
