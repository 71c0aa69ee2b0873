//! What breaks, or mends, on a running pair.
//!
//! Owns the table of names. Each is one thing that happens to real clusters (`measured.md`);
//! what takes more than a line is done in `scenario::acts`.

use serde_json::{Value, json};

use crate::elastic::transport::Method;
use crate::sandbox::pair::{Pair, Side};
use crate::sandbox::scenario::acts::{self, Done};
use crate::sandbox::scenario::quiet;
use crate::sandbox::scenario::{ScenarioError, send};
use crate::sandbox::world::{State, World};

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
    act: fn(&mut State, Argument<'_>) -> Done,
}

/// What a breakage is given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Argument<'a> {
    /// As it was written.
    pub(super) text: &'a str,
    /// The follower that it names; empty unless the name takes one.
    pub(super) follower: &'a str,
    /// That follower's leader.
    pub(super) leader: &'a str,
}

/// All names.
pub const NAMES: &[Breakage] = &[
    Breakage {
        name: "history-lost",
        usage: "history-lost:<follower>",
        what: "the leader discards operations that the follower still needs: fatal, only a recreate cures it",
        takes: Takes::Follower,
        act: acts::history_lost,
    },
    Breakage {
        name: "live-lease",
        usage: "live-lease:<follower>",
        what: "as history-lost, on shard 0 alone: the other shards keep living leases, the trap of a careless recreate",
        takes: Takes::Follower,
        act: acts::live_lease,
    },
    Breakage {
        name: "leader-restart",
        usage: "leader-restart[:20s]",
        what: "the leader's node dies and starts again after that time; followers go on by themselves",
        takes: Takes::Optional,
        act: |state, given| acts::restart(state, Side::Leader, given.text),
    },
    Breakage {
        name: "follower-restart",
        usage: "follower-restart[:20s]",
        what: "the follower's node dies and starts again after that time",
        takes: Takes::Optional,
        act: |state, given| acts::restart(state, Side::Follower, given.text),
    },
    Breakage {
        name: "restored-but-paused",
        usage: "restored-but-paused:<follower>",
        what: "somebody recreated the follower and the master changed during the restore: restored, paused, cured by resume",
        takes: Takes::Follower,
        act: acts::restored_but_paused,
    },
    Breakage {
        name: "filtered-restore",
        usage: "filtered-restore:<follower>",
        what: "the leader requires a node attribute that the follower cluster lacks, and somebody recreated the follower: red",
        takes: Takes::Follower,
        act: acts::filtered_restore,
    },
    Breakage {
        name: "leader-filtered",
        usage: "leader-filtered:<follower>",
        what: "the leader requires a node attribute that the follower cluster lacks: a copy would be red",
        takes: Takes::Follower,
        act: acts::leader_filtered,
    },
    Breakage {
        name: "follow-interrupted",
        usage: "follow-interrupted:<follower>",
        what: "arms a fault: the master changes during the next follow of this index, which so ends restored but paused",
        takes: Takes::Follower,
        act: |state, given| Ok(acts::follow_interrupted(state, given)),
    },
    Breakage {
        name: "leader-deleted",
        usage: "leader-deleted:<follower>",
        what: "the leader index is deleted",
        takes: Takes::Follower,
        act: acts::leader_deleted,
    },
    Breakage {
        name: "leader-replaced",
        usage: "leader-replaced:<follower>",
        what: "the leader index is deleted and created again under its name, empty",
        takes: Takes::Follower,
        act: acts::leader_replaced,
    },
    Breakage {
        name: "leader-replaced-seen",
        usage: "leader-replaced-seen:<follower>",
        what: "as leader-replaced, with five seconds between, so that a read falls between: fatal",
        takes: Takes::Follower,
        act: quiet::leader_replaced_seen,
    },
    Breakage {
        name: "leader-snapshot",
        usage: "leader-snapshot:<follower>",
        what: "a snapshot of the leader index is taken, for leader-restored",
        takes: Takes::Follower,
        act: quiet::leader_snapshot,
    },
    Breakage {
        name: "leader-restored",
        usage: "leader-restored:<follower>",
        what: "the leader index is closed and restored from the snapshot of leader-snapshot",
        takes: Takes::Follower,
        act: quiet::leader_restored,
    },
    Breakage {
        name: "leader-written",
        usage: "leader-written:<follower>",
        what: "500 documents are written to the leader at once",
        takes: Takes::Follower,
        act: |state, given| Ok(quiet::leader_written(state, given)),
    },
    Breakage {
        name: "leader-closed",
        usage: "leader-closed:<follower>",
        what: "the leader index is closed",
        takes: Takes::Follower,
        act: |state, given| {
            acts::post(state, Side::Leader, &format!("/{}/_close", given.leader))?;
            Ok(format!("leader {} is closed", given.leader))
        },
    },
    Breakage {
        name: "leader-opened",
        usage: "leader-opened:<follower>",
        what: "the leader index is opened again",
        takes: Takes::Follower,
        act: |state, given| {
            acts::post(state, Side::Leader, &format!("/{}/_open", given.leader))?;
            Ok(format!("leader {} is open", given.leader))
        },
    },
    Breakage {
        name: "fatal-but-curable",
        usage: "fatal-but-curable:<follower>",
        what: "the follow tasks fail for good with \"Unable to open any connections to remote cluster [lead]\"; a resume cures it",
        takes: Takes::Follower,
        act: |state, given| Ok(acts::fatal_but_curable(state, given)),
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
            acts::seeds(state, &Value::Null)?;
            Ok("`lead` is no longer configured".to_owned())
        },
    },
    Breakage {
        name: "remote-restored",
        usage: "remote-restored",
        what: "the alias `lead` is configured again",
        takes: Takes::Nothing,
        act: |state, _| {
            acts::seeds(state, &json!(["127.0.0.1:9411"]))?;
            Ok("`lead` is configured".to_owned())
        },
    },
    Breakage {
        name: "follower-paused",
        usage: "follower-paused:<follower>",
        what: "somebody pauses the follower",
        takes: Takes::Follower,
        act: |state, given| {
            acts::post(
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
            acts::post(state, Side::Follower, &format!("/{}/_close", given.follower))?;
            Ok(format!("{} was closed", given.follower))
        },
    },
    Breakage {
        name: "follower-blocked",
        usage: "follower-blocked:<follower>",
        what: "a write block is put on the follower",
        takes: Takes::Follower,
        act: |state, given| quiet::block(state, given, "write"),
    },
    Breakage {
        name: "follower-read-only",
        usage: "follower-read-only:<follower>",
        what: "the follower is made read-only",
        takes: Takes::Follower,
        act: |state, given| quiet::block(state, given, "read_only"),
    },
    Breakage {
        name: "follower-flooded",
        usage: "follower-flooded:<follower>",
        what: "the follower's node passed the flood stage: read-only, deletes allowed",
        takes: Takes::Follower,
        act: |state, given| quiet::block(state, given, "read_only_allow_delete"),
    },
    Breakage {
        name: "follower-deleted",
        usage: "follower-deleted:<follower>",
        what: "somebody deletes the follower index",
        takes: Takes::Follower,
        act: quiet::follower_deleted,
    },
    Breakage {
        name: "tasks-unassigned",
        usage: "tasks-unassigned:<follower>",
        what: "assignment of persistent tasks is disabled and the follower is paused and resumed: no task of it runs",
        takes: Takes::Follower,
        act: quiet::tasks_unassigned,
    },
    Breakage {
        name: "shard-unassigned",
        usage: "shard-unassigned:<follower>",
        what: "assignment of persistent tasks is disabled and the task of the last shard has lost its node",
        takes: Takes::Follower,
        act: quiet::shard_unassigned,
    },
    Breakage {
        name: "tasks-assigned",
        usage: "tasks-assigned",
        what: "persistent tasks may be assigned again",
        takes: Takes::Nothing,
        act: |state, _| quiet::tasks_assigned(state),
    },
    Breakage {
        name: "diverged",
        usage: "diverged:<follower>",
        what: "the follower loses one document and no operation",
        takes: Takes::Follower,
        act: quiet::diverged,
    },
    Breakage {
        name: "stalled",
        usage: "stalled:<follower>",
        what: "the follow tasks wait without end and without an exception",
        takes: Takes::Follower,
        act: |state, given| Ok(quiet::stalled(state, given)),
    },
    Breakage {
        name: "unfollowed",
        usage: "unfollowed:<follower>",
        what: "somebody pauses, closes, unfollows and opens the follower: an ordinary index now",
        takes: Takes::Follower,
        act: acts::unfollowed,
    },
    Breakage {
        name: "restore-rate",
        usage: "restore-rate:<bytes per second>|none",
        what: "how fast restores copy; none: as the clusters' settings say",
        takes: Takes::Needed,
        act: acts::restore_rate,
    },
    Breakage {
        name: "disk-full",
        usage: "disk-full:leader|follower",
        what: "the cluster's disk is full: no shard may be allocated there",
        takes: Takes::Needed,
        act: |state, given| acts::disk(state, given.text, true),
    },
    Breakage {
        name: "disk-free",
        usage: "disk-free:leader|follower",
        what: "the cluster's disk has room again",
        takes: Takes::Needed,
        act: |state, given| acts::disk(state, given.text, false),
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
            if let (Some(follower), Some(leader)) =
                (info["follower_index"].as_str(), info["leader_index"].as_str())
            {
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
