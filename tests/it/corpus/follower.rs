//! Troubles of the follower index itself, and of what people did to it.

use serde_json::{Value, json};

use super::exceptions::{history_lost, no_connections, of, unauthorized};
use super::labels::{Shelf, row};
use super::vary::encoded;
use super::world::{Follow, World};

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    closed(shelf);
    blocked(shelf);
    paused(shelf);
    unfollowed(shelf);
    missing(shelf);
    unallocated(shelf);
    without_task(shelf);
    diverged(shelf);
}

fn closed(shelf: &mut Shelf) {
    shelf.many("state-says-so", 7, |world, number| {
        let mut world = world.remembering();
        world.open = false;
        if number % 2 == 0 {
            world.shards[0].failed_writes = 9;
        }
        world.full_look();
        (
            world,
            row(
                "closed",
                "follower_closed",
                "measured 16: _ccr/info says active, health is green, the cluster state says close",
            ),
        )
    });
    shelf.many("history-lost-too", 6, |world, _| {
        let mut world = world.remembering();
        world.open = false;
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "closed",
                "follower_closed",
                "contract, Precedence: follower_closed before history_lost",
            ),
        )
    });
    shelf.many("by-replication-itself", 3, |world, _| {
        let mut world = world.remembering();
        world.open = false;
        world.shards[0].fatal = Some(json!({ "type": "exception", "reason": "java.lang.IllegalArgumentException: IOException while reading stopwords_path",
            "caused_by": { "type": "illegal_argument_exception", "reason": "IOException while reading stopwords_path",
                "caused_by": { "type": "no_such_file_exception", "reason": "/etc/stop.txt" } } }));
        world.full_look();
        (world, row("closed", "follower_closed", "measured 34: the follower is left closed; Precedence: before leader_change_rejected"))
    });
    shelf.many("calls-say-so", 4, |world, number| {
        let mut world = world.remembering();
        world.look();
        let name = encoded(&world.follower);
        let body = World::is_closed(&world.follower, &json!(world.follower_uuid));
        let path = if number % 2 == 0 {
            format!("/{name}/_stats/docs,store?level=shards")
        } else {
            format!("/{name}/_count")
        };
        world.follower_says(&path, 400, body);
        (
            world,
            row(
                "closed",
                "follower_closed",
                "index_closed_exception for a call that names the follower (reference 2.3)",
            ),
        )
    });
    shelf.many("paused-and-closed", 3, |world, _| {
        let mut world = world.remembering();
        world.open = false;
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "closed",
                "follower_closed",
                "contract, Precedence: follower_closed before paused; nothing of ours explains it",
            ),
        )
    });
}

fn blocked(shelf: &mut Shelf) {
    const BLOCKS: &[&str] = &[
        "index.blocks.write",
        "index.blocks.read_only",
        "index.blocks.read_only_allow_delete",
    ];
    shelf.many("writes-fail", 8, |world, number| {
        let mut world = world.remembering();
        let block = BLOCKS[usize::try_from(number).unwrap() % 3];
        world.settings.insert(block.to_owned(), json!("true"));
        world.shards[0].task_leader += 100;
        world.shards[0].leader += 100;
        world.shards[0].failed_writes = 4;
        world.look();
        world.pass(15_000);
        world.shards[0].failed_writes = 9;
        world.full_look();
        (world, row("retrying", "follower_blocked", "measured 13: failed writes rise, none succeeds, no exception anywhere; the settings name the block"))
    });
    shelf.many("history-lost-too", 6, |world, number| {
        let mut world = world.remembering();
        world.settings.insert(
            BLOCKS[usize::try_from(number).unwrap() % 3].to_owned(),
            json!("true"),
        );
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "follower_blocked",
                "contract, Precedence: follower_blocked before history_lost",
            ),
        )
    });
    shelf.many("quiet", 5, |world, number| {
        let mut world = world.remembering();
        world.settings.insert(BLOCKS[usize::try_from(number).unwrap() % 3].to_owned(), json!("true"));
        world.full_look();
        (world, row("following", "follower_blocked", "contract: an index block on the follower stops writes, seen before the first write failed (measured 49)"))
    });
    shelf.many("paused-too", 2, |world, _| {
        let mut world = world.remembering();
        world
            .settings
            .insert("index.blocks.write".to_owned(), json!("true"));
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "follower_blocked",
                "contract, Precedence: follower_blocked before paused",
            ),
        )
    });
    shelf.many("metadata-block", 3, |world, _| {
        let mut world = world.remembering();
        world
            .settings
            .insert("index.blocks.metadata".to_owned(), json!("true"));
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "measured 13: a metadata block stops no writes",
            ),
        )
    });
}

fn paused(shelf: &mut Shelf) {
    shelf.many("by-somebody", 8, |world, number| {
        let mut world = if number % 2 == 0 {
            world.remembering()
        } else {
            world
        };
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "paused",
                "contract: the index is paused and our journal does not explain it; safety 11",
            ),
        )
    });
    shelf.many("after-lost-history", 5, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        world.pass(30_000);
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "paused",
                "the fatal exception left with its task; somebody paused it since (safety 11)",
            ),
        )
    });
    shelf.many("a-restore-is-done", 4, |world, _| {
        let mut world = world.remembering();
        world.follow = Follow::Paused;
        world.full_look();
        world.recovery = vec![world.remote_recovery(0, "DONE", 900, 900)];
        world.index_recovery();
        (world, row("paused", "paused", "measured: a DONE recovery stands on every healthy follower and does not tell restored from paused"))
    });
    shelf.many("our-run-ended-before", 4, |world, _| {
        let mut world = world.remembering();
        let ran = world.instant(-7_200_000);
        world.remember("own_run", json!({ "id": "r-17", "paused": false, "closed": false, "followed": true, "at": ran }));
        world.follow = Follow::Paused;
        world.full_look();
        (world, row("paused", "paused", "our follow was seen following since (last_well_at), so the journal does not explain the pause"))
    });
    shelf.many("held-by-our-run", 3, |world, _| {
        let mut world = world.remembering();
        let ran = world.instant(-20_000);
        world.remember(
            "own_run",
            json!({ "id": "r-18", "paused": true, "closed": false, "followed": false, "at": ran }),
        );
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "none",
                "contract: paused means that our journal does not explain it; here it does",
            ),
        )
    });
}

fn unfollowed(shelf: &mut Shelf) {
    shelf.many("asked-by-name", 8, |world, number| {
        let mut world = if number % 2 == 0 {
            world.remembering()
        } else {
            world
        };
        world.follow = Follow::Unfollowed;
        world.full_look();
        (
            world,
            row(
                "missing",
                "unfollowed",
                "measured 17, contract: a former follower without CCR metadata",
            ),
        )
    });
    shelf.many("after-lost-history", 8, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        world.pass(60_000);
        world.follow = Follow::Unfollowed;
        world.full_look();
        (
            world,
            row(
                "missing",
                "unfollowed",
                "it is an ordinary index now (reference 2.3: never touch it)",
            ),
        )
    });
    shelf.many("closed-too", 2, |world, _| {
        let mut world = world.remembering();
        world.follow = Follow::Unfollowed;
        world.open = false;
        world.full_look();
        (
            world,
            row(
                "missing",
                "unfollowed",
                "contract, Precedence: unfollowed before follower_closed",
            ),
        )
    });
    shelf.many("leader-replaced-too", 3, |world, _| {
        let mut world = world.remembering();
        world.follow = Follow::Unfollowed;
        world.present_uuid = json!(world.dice.uuid());
        world.full_look();
        (
            world,
            row(
                "missing",
                "unfollowed",
                "contract, Precedence: unfollowed before leader_replaced",
            ),
        )
    });
}

fn missing(shelf: &mut Shelf) {
    shelf.many("deleted", 7, |world, number| {
        let mut world = if number % 2 == 0 {
            world.remembering()
        } else {
            world
        };
        world.follow = Follow::Missing;
        world.full_look();
        (
            world,
            row(
                "missing",
                "missing",
                "contract: known and not there, asked for by its name (404)",
            ),
        )
    });
    shelf.many("deleted-after-lost-history", 6, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        world.pass(60_000);
        world.follow = Follow::Missing;
        world.full_look();
        (
            world,
            row(
                "missing",
                "missing",
                "contract, Precedence: missing before history_lost; the newest words say 404",
            ),
        )
    });
    shelf.many("declared", 4, |world, number| {
        let mut world = world;
        world.remember("declared", json!(true));
        world.follow = Follow::Missing;
        world.look();
        if number % 2 == 0 {
            world.second_look();
        }
        (
            world,
            row("missing", "missing", "contract: declared and does not exist"),
        )
    });
    shelf.many("promised", 4, |world, _| {
        let mut world = world;
        world.remember("promised_by_pattern", json!("logs"));
        world.follow = Follow::Missing;
        world.full_look();
        (
            world,
            row(
                "missing",
                "missing",
                "contract: promised by an auto-follow pattern and does not exist",
            ),
        )
    });
}

fn unallocated(shelf: &mut Shelf) {
    let explain = |world: &World, shard: usize| {
        json!({ "index": world.follower, "shard": shard, "primary": true, "current_state": "unassigned",
            "unassigned_info": { "reason": "NODE_LEFT", "last_allocation_status": "no_valid_shard_copy" }, "can_allocate": "no_valid_shard_copy",
            "node_allocation_decisions": [ { "node_name": "n1", "node_decision": "no", "store": { "found": false },
                "deciders": [ { "decider": "same_shard", "decision": "YES", "explanation": "restore_in_progress is not the reason" } ] } ] })
    };
    shelf.many("node-lost", 8, |world, number| {
        let mut world = world.remembering();
        let last = world.shards.len() - 1;
        world.shards[last].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
        world.health = ("red", u32::try_from(last).unwrap());
        world.full_look();
        if number % 2 == 0 {
            let body = explain(&world, last);
            world.follower_says("/_cluster/allocation/explain", 200, body);
        }
        (world, row("red", "follower_unallocated", "contract: a primary is not allocated; nothing shows a failed restore, and never on red alone"))
    });
    shelf.many("history-lost-too", 6, |world, _| {
        let mut world = world;
        world.set_shards(2);
        let mut world = world.remembering();
        world.shards[1].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
        world.health = ("red", 1);
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "red",
                "follower_unallocated",
                "contract, Precedence: follower_unallocated before history_lost",
            ),
        )
    });
    shelf.many("paused-too", 4, |world, _| {
        let mut world = world.remembering();
        world.shards[0].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
        world.health = ("red", u32::try_from(world.shards.len()).unwrap() - 1);
        world.follow = Follow::Paused;
        world.full_look();
        world.index_recovery();
        (
            world,
            row(
                "red",
                "follower_unallocated",
                "measured 36: red and paused with an empty _recovery does not show a failed restore",
            ),
        )
    });
    shelf.many("tasks-wait", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
        world.health = ("red", u32::try_from(world.shards.len()).unwrap() - 1);
        world.shards[0].idle = -1;
        world.shards[0].written = 0;
        world.full_look();
        (world, row("red", "follower_unallocated", "reference 2.3: time_since_last_read_millis -1, counters 0 while the primary is not allocated"))
    });
}

fn without_task(shelf: &mut Shelf) {
    shelf.many("none-listed", 8, |world, number| {
        let mut world = world.remembering();
        for shard in &mut world.shards {
            shard.task = false;
            shard.node = None;
        }
        world.full_look();
        if number % 2 == 0 {
            world.tasks();
        }
        (
            world,
            row(
                "stalled",
                "task_unassigned",
                "measured 48: _ccr/info active, the index missing from _ccr/stats, health green",
            ),
        )
    });
    shelf.many("one-shard-of-several", 7, |world, number| {
        let mut world = world;
        world.set_shards(3);
        let mut world = world.remembering();
        let at = usize::try_from(number % 3).unwrap();
        world.shards[at].task = false;
        world.shards[at].node = None;
        world.full_look();
        if number % 2 == 0 {
            world.tasks();
        }
        (
            world,
            row(
                "",
                "task_unassigned",
                "contract: a shard has no running follow task though the index counts as active",
            ),
        )
    });
    shelf.many("history-lost-before", 4, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        world.pass(60_000);
        for shard in &mut world.shards {
            shard.task = false;
            shard.node = None;
            shard.fatal = None;
        }
        world.full_look();
        world.tasks();
        (
            world,
            row(
                "stalled",
                "task_unassigned",
                "the exception left with the task (reference 2.1); the newest statistics lack it",
            ),
        )
    });
    shelf.many("history-lost-on-another-shard", 3, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = world.remembering();
        world.shards[2].task = false;
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract, Precedence: history_lost before task_unassigned",
            ),
        )
    });
    shelf.many("waiting-for-a-node", 3, |world, _| {
        let mut world = world.remembering();
        for shard in &mut world.shards {
            shard.task = false;
            shard.node = None;
        }
        world.look();
        world.tasks();
        (
            world,
            row(
                "stalled",
                "task_unassigned",
                "tasks of the cluster state without an executor node (reference 1.5)",
            ),
        )
    });
}

fn diverged(shelf: &mut Shelf) {
    shelf.many("fewer", 10, |world, number| {
        let mut world = world.remembering();
        world.documents.0 -= 1 + number * 7;
        for _ in 0..=(number % 2) {
            world.full_look();
            world.index_stats();
            world.pass(61_000);
        }
        world.full_look();
        world.index_stats();
        (
            world,
            row(
                "following",
                "diverged",
                "contract: all checkpoints equal, counts differ, seen repeatedly on a quiet index",
            ),
        )
    });
    shelf.many("more", 10, |world, number| {
        let mut world = world.remembering();
        world.documents.0 += 1 + number;
        world.full_look();
        world.index_stats();
        world.pass(300_000);
        world.full_look();
        world.index_stats();
        (
            world,
            row(
                "following",
                "diverged",
                "contract: all checkpoints equal, counts differ, seen repeatedly on a quiet index",
            ),
        )
    });
    shelf.many("counts-differ-once", 3, |world, _| {
        let mut world = world.remembering();
        world.documents.0 -= 5;
        world.full_look();
        world.index_stats();
        (
            world,
            row(
                "following",
                "none",
                "contract: seen repeatedly; once may be a refresh",
            ),
        )
    });
    shelf.many("counts-differ-while-written", 3, |world, _| {
        let mut world = world.remembering();
        world.documents.0 -= 5;
        world.full_look();
        world.index_stats();
        world.pass(61_000);
        for shard in &mut world.shards {
            shard.reached += 50;
            shard.task_leader += 50;
            shard.leader += 50;
            shard.written += 50;
        }
        world.full_look();
        world.index_stats();
        (world, row("following", "none", "contract: on a quiet index only"))
    });
}

/// Looks that could not be made.
pub fn add_unseen(shelf: &mut Shelf) {
    let spoil = |world: &mut World, status: Value, body: Value| {
        for response in &mut world.responses {
            let path = response["path"].as_str().unwrap_or_default();
            if path.contains("_ccr/") {
                response["status"] = status.clone();
                response["body"] = body.clone();
            }
        }
    };
    shelf.many("refused-to-us", 6, |world, number| {
        let mut world = if number % 2 == 0 { world.remembering() } else { world };
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        spoil(&mut world, json!(403), json!({ "error": unauthorized(), "status": 403 }));
        (world, row("unknown", "unknown", "our own looks are refused: nothing is known of the task's rights (contract: it could not be looked at)"))
    });
    shelf.many("no-answer", 5, |world, _| {
        let mut world = world.remembering();
        world.look();
        for response in &mut world.responses {
            response["status"] = Value::Null;
            response["body"] = Value::Null;
        }
        (
            world,
            row("unknown", "unknown", "contract: it could not be looked at"),
        )
    });
    shelf.many("not-the-cluster", 6, |world, number| {
        let mut world = world.remembering();
        world.full_look();
        let body = match number % 3 {
            0 => json!("<html><head><title>502 Bad Gateway</title></head></html>"),
            1 => json!([]),
            _ => json!({ "message": "not here" }),
        };
        spoil(
            &mut world,
            if number % 2 == 0 { json!(200) } else { json!(502) },
            body,
        );
        (
            world,
            row(
                "unknown",
                "unknown",
                "a body that is not what the call promises is unknown (house rule 4)",
            ),
        )
    });
    shelf.many("only-lists", 4, |world, _| {
        let mut world = world.remembering();
        world.follower_says("/_ccr/stats", 200, json!({ "follow_stats": { "indices": [] } }));
        world.follower_says("/_all/_ccr/info", 200, json!({ "follower_indices": [] }));
        world.remote();
        (
            world,
            row(
                "unknown",
                "unknown",
                "measured: a list that lacks it proves nothing; nobody asked for it by name",
            ),
        )
    });
    shelf.many("well-before", 3, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        world.pass(60_000);
        let from = world.responses.len();
        world.look();
        for response in &mut world.responses[from..] {
            response["status"] = json!(503);
            response["body"] =
                json!({ "error": of("master_not_discovered_exception", "null"), "status": 503 });
        }
        (
            world,
            row(
                "unknown",
                "unknown",
                "the newest words are unknown; what was seen before is not now",
            ),
        )
    });
    shelf.many("another-format-of-nothing", 2, |world, number| {
        let mut world = world;
        world.shards[0].fatal = Some(no_connections("x"));
        world.stats();
        let body = if number == 0 {
            Value::Null
        } else {
            json!({ "indices": "none" })
        };
        spoil(&mut world, json!(200), body);
        (
            world,
            row("unknown", "unknown", "a body of another type is unknown"),
        )
    });
}
