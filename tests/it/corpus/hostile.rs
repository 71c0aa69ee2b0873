//! Shapes that an answer may take without saying anything else, and the reverse: what looks the
//! same and says something else. One line for each in the label.

use serde_json::{Value, json};

use super::exceptions::{caused, connect, history_lost, no_connections, no_index, of, read};
use super::labels::{Shelf, row};
use super::world::{Follow, World};

/// Changes the bodies of the answers to calls whose path contains a word.
fn each(world: &mut World, word: &str, change: impl Fn(&mut Value)) {
    for response in &mut world.responses {
        if response["path"].as_str().unwrap().contains(word) {
            change(&mut response["body"]);
        }
    }
}

/// The shards of our follower, however the statistics were asked for.
fn shards(body: &mut Value, follower: &str, change: impl Fn(&mut Value)) {
    let list = if body["follow_stats"].is_object() {
        &mut body["follow_stats"]["indices"]
    } else {
        &mut body["indices"]
    };
    for index in list.as_array_mut().into_iter().flatten() {
        if index["index"] == follower {
            index["shards"]
                .as_array_mut()
                .unwrap()
                .iter_mut()
                .for_each(&change);
        }
    }
}

fn each_shard(world: &mut World, change: impl Fn(&mut Value)) {
    let follower = world.follower.clone();
    each(world, "_ccr/stats", |body| shards(body, &follower, &change));
}

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    lost(shelf);
    exceptions(shelf);
    answers(shelf);
}

fn lost(shelf: &mut Shelf) {
    shelf.many("hostile-null-elsewhere", 3, |world, _| {
        let mut world = world;
        world.set_shards(5);
        let mut world = world.remembering();
        world.shards[3].fatal = Some(history_lost(5, 9));
        world.full_look();
        each_shard(&mut world, |shard| {
            if shard.get("fatal_exception").is_none() {
                shard["fatal_exception"] = Value::Null;
            }
        });
        (
            world,
            row(
                "fatal",
                "history_lost",
                "null is no exception: one shard of five lost its history (recording 50)",
            ),
        )
    });
    shelf.many("hostile-deep-marker", 3, |world, number| {
        let mut world = world.remembering();
        let inner = history_lost(5, 9);
        world.shards[0].fatal = Some(match number {
            0 => caused(
                "status_exception",
                "x",
                caused(
                    "remote_transport_exception",
                    "[n][1.2.3.4:9300][indices:data/read/xpack/ccr/shard_changes]",
                    inner,
                ),
            ),
            1 => {
                // The marker outermost, and another exception's type below it.
                let mut outer = inner;
                outer["caused_by"] = no_index(&world.leader, "_na_");
                outer
            }
            _ => caused(
                "execution_exception",
                "index_not_found_exception: no such index",
                inner,
            ),
        });
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract: somewhere in the exception chain, whatever stands around it; the leader is there",
            ),
        )
    });
    shelf.many("hostile-stale-connection-entry", 3, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(5, 9));
        world.shards[1].reads = vec![read(9, 40, connect())];
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "one look never proves that something rises, and _remote/info says connected",
            ),
        )
    });
    shelf.many("hostile-other-leader-named", 3, |world, number| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(5, 9));
        world.full_look();
        each(&mut world, "_ccr/info", |body| {
            for one in body["follower_indices"].as_array_mut().unwrap() {
                let field =
                    ["leader_index", "remote_cluster", "leader_index"][usize::try_from(number).unwrap()];
                one[field] = json!("quite-another");
            }
        });
        let label = row(
            "fatal",
            "history_lost",
            "contract, Proof of identity: what was looked at is not what it says it follows",
        )
        .only(&["resume", "human"], "never");
        (world, label)
    });
    shelf.many("hostile-connected-as-text", 2, |world, number| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(5, 9));
        world.full_look();
        each(&mut world, "_remote/info", |body| {
            for remote in body.as_object_mut().unwrap().values_mut() {
                remote["connected"] = if number == 0 { json!("yes") } else { Value::Null };
            }
        });
        let label = row(
            "fatal",
            "history_lost",
            "contract, Boldness: whether it is connected now cannot be read",
        )
        .only(&["resume", "human"], "never");
        (world, label)
    });
    shelf.many("hostile-leader-primary-left-out", 3, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(5, 9));
        world.leader_health = ("red", 2);
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_unavailable",
                "contract, Precedence: a leader primary that is not active now outranks history_lost",
            ),
        )
    });
}

fn exceptions(shelf: &mut Shelf) {
    shelf.many("hostile-trace", 4, |world, number| {
        let mut world = world.remembering();
        let words = "org.elasticsearch.ResourceNotFoundException: Operations are no longer available\n\tat java.lang.Thread.run\nCaused by: IndexNotFoundException[no such index]\nCaused by: IndexClosedException\nCaused by: ConnectTransportException: connect_exception\nCaused by: ElasticsearchSecurityException: current license is non-compliant for [ccr]";
        let mut fatal = of(["null_pointer_exception", "exception", "i_o_exception", "array_index_out_of_bounds_exception"][usize::try_from(number).unwrap()], words);
        fatal["stack_trace"] = json!(words);
        world.shards[0].fatal = Some(fatal);
        world.full_look();
        (world, row("fatal", "unclassified", "contract: a cause never rests on text where a field can tell"))
    });
    shelf.many("hostile-restart-with-index-not-found", 3, |world, _| {
        let mut world = world.remembering();
        let missing = no_index(&world.leader, &world.followed_uuid);
        world.shards[0].fatal = Some(no_connections(&world.clusters.2));
        world.shards[0].reads = vec![read(9, 3, missing)];
        world.full_look();
        (
            world,
            row(
                "fatal",
                "remote_unreachable",
                "reference 2.3: fatal from a restart; the leader is there and the same",
            ),
        )
    });
    shelf.many("hostile-no-such-index-but-there", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "unclassified",
                "the look at the leader shows it, and the same: nothing that is known explains the exception",
            ),
        )
    });
    shelf.many("hostile-security-of-another-index", 3, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        let body = json!({ "error": { "type": "security_exception", "reason": "action [indices:monitor/stats] is unauthorized" }, "status": 403 });
        world.follower_says("/some-other-index/_stats", 403, body);
        (world, row("following", "none", "what we are refused elsewhere says nothing of the follower"))
    });
}

fn answers(shelf: &mut Shelf) {
    shelf.many("hostile-no-shards-listed", 4, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        let follower = world.follower.clone();
        each(&mut world, "_ccr/stats", |body| {
            let wrapped = body["follow_stats"].is_object();
            let list = if wrapped {
                &mut body["follow_stats"]["indices"]
            } else {
                &mut body["indices"]
            };
            for index in list.as_array_mut().into_iter().flatten() {
                if index["index"] == follower.as_str() {
                    index["shards"] = json!([]);
                }
            }
        });
        (
            world,
            row(
                "stalled",
                "task_unassigned",
                "contract: no running follow task though the index counts as active",
            ),
        )
    });
    shelf.many("hostile-paused-without-parameters", 4, |world, number| {
        let mut world = world.remembering();
        world.follow = Follow::Paused;
        world.full_look();
        each(&mut world, "_ccr/info", |body| {
            for one in body["follower_indices"].as_array_mut().unwrap() {
                if number % 2 == 0 {
                    one["parameters"] = Value::Null;
                }
            }
        });
        (
            world,
            row(
                "paused",
                "paused",
                "measured 01: after a pause the parameters are nowhere to be read",
            ),
        )
    });
    shelf.many("hostile-negative-counters", 3, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        each_shard(&mut world, |shard| {
            shard["last_requested_seq_no"] = json!(-2);
            shard["bytes_read"] = json!(-1);
            shard["total_read_time_millis"] = json!("12");
        });
        (
            world,
            row("following", "none", "fields that no rule needs may hold anything"),
        )
    });
    shelf.many("hostile-names-of-each-other", 3, |world, number| {
        let mut world = World {
            follower: ["logs", "logs-f", "stats"][usize::try_from(number).unwrap()].to_owned(),
            leader: ["logs-f", "logs", "info"][usize::try_from(number).unwrap()].to_owned(),
            ..world
        };
        world = world.remembering();
        world.shards[0].fatal = Some(history_lost(5, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "a follower named as another's leader, or as an API, is still itself",
            ),
        )
    });
}
