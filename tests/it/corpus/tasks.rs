//! What follow tasks say of themselves, and followers that are well.

use serde_json::{Value, json};

use super::exceptions::{caused, connect, of, read, rewritten};
use super::labels::{Shelf, row};
use super::vary::{encoded, longest};
use super::world::Follow;

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    changes(shelf);
    others(shelf);
    well(shelf);
}

fn changes(shelf: &mut Shelf) {
    shelf.many("fatal", 6, |world, number| {
        let mut world = world.remembering();
        let exceptions = [
            of(
                "illegal_argument_exception",
                "mapper [f] cannot be changed from type [long] to [text]",
            ),
            of(
                "mapper_parsing_exception",
                "No handler for type [flattened] declared on field [x]",
            ),
            of(
                "illegal_argument_exception",
                "Limit of total fields [1000] has been exceeded",
            ),
            caused(
                "exception",
                "java.lang.IllegalArgumentException: x",
                caused(
                    "illegal_argument_exception",
                    "unknown setting",
                    of("no_such_file_exception", "/etc/a.txt"),
                ),
            ),
        ];
        world.shards[0].fatal = Some(exceptions[usize::try_from(number).unwrap() % 4].clone());
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_change_rejected",
                "reference 2.3: mapper errors and settings of the leader cannot be applied",
            ),
        )
    });
    shelf.many("resume-refused", 6, |world, number| {
        let mut world = world.remembering();
        world.follow = Follow::Paused;
        if number % 2 == 0 {
            let ran = world.instant(-30_000);
            world.remember("own_run", json!({ "id": "r-1", "paused": true, "closed": false, "followed": false, "at": ran }));
        }
        world.full_look();
        world.pass(1_000);
        world.refused(400, "illegal_argument_exception", "the leader index settings [{\"index.analysis.filter.x.type\":\"stop\"}] and follower index settings [{}] must be identical");
        (world, row("paused", "settings_diverged", "measured 34: the refusal; the identity is proven by the look"))
    });
    shelf.many("rewritten", 6, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(rewritten());
        world.full_look();
        (
            world,
            row(
                "fatal",
                "follower_rewritten",
                "reference 2.3 [BulkShard]: the follower shard was replaced",
            ),
        )
    });
}

fn others(shelf: &mut Shelf) {
    shelf.many("no-reads", 4, |world, _| {
        let mut world = world.remembering();
        world.shards[0].idle = 400_000;
        world.full_look();
        (
            world,
            row(
                "stalled",
                "stalled",
                "contract: nothing read for three read_poll_timeouts while the task runs",
            ),
        )
    });
    shelf.many("failed-writes", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].failed_writes = 4;
        world.shards[0].task_leader += 10;
        world.shards[0].leader += 10;
        world.look();
        world.pass(15_000);
        world.shards[0].failed_writes = 8;
        world.full_look();
        (
            world,
            row(
                "retrying",
                "stalled",
                "failed writes rise with no write succeeding and no block is seen; no other cause fits",
            ),
        )
    });
    shelf.many("long-poll", 3, |world, number| {
        let mut world = world;
        world.parameters["read_poll_timeout"] = json!("5m");
        let mut world = world.remembering();
        world.shards[0].idle = if number == 0 { 1_000_000 } else { 400_000 };
        world.full_look();
        let label = if number == 0 {
            row("stalled", "stalled", "three polls of 5m have passed")
        } else {
            row(
                "following",
                "none",
                "contract: three read_poll_timeouts, here 15 minutes",
            )
        };
        (world, label)
    });
    shelf.many("nobody-knows-it", 6, |world, number| {
        let mut world = world.remembering();
        let kinds = [
            "null_pointer_exception",
            "translog_corrupted_exception",
            "exception",
            "illegal_state_exception",
            "timeout_exception",
            "a_kind_of_the_future",
        ];
        world.shards[0].fatal = Some(of(kinds[usize::try_from(number).unwrap()], "something"));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "unclassified",
                "contract: a fatal exception of no known kind",
            ),
        )
    });
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of scenarios, read from top to bottom"
)]
fn well(shelf: &mut Shelf) {
    shelf.many("healthy", 9, |world, number| {
        let mut world = if number % 2 == 0 {
            world.remembering()
        } else {
            world
        };
        world.full_look();
        (world, row("following", "none", "recording 01"))
    });
    shelf.many("only-the-first-look", 4, |world, _| {
        let mut world = world;
        world.remembered = Value::Null;
        world.look();
        (
            world,
            row(
                "following",
                "none",
                "statistics and info show nothing wrong; what was not asked is unknown, not wrong",
            ),
        )
    });
    shelf.many("idle", 2, |world, _| {
        let mut world = world.remembering();
        for shard in &mut world.shards {
            shard.idle = 59_900;
        }
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "measured: time_since_last_read_millis up to 60 s is normal for an idle leader",
            ),
        )
    });
    shelf.many("behind", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].leader += 90_000;
        world.shards[0].task_leader += 90_000;
        world.full_look();
        (
            world,
            row(
                "catching_up",
                "none",
                "contract: more than 5,120 operations behind the leader",
            ),
        )
    });
    shelf.many("stale-entry", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].reads = vec![read(9, 5, connect())];
        world.shards[0].idle = 9_000;
        world.look();
        world.pass(15_000);
        world.shards[0].idle = 24_000;
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "measured 37: same retries, growing time_since_last_read_millis, nothing wrong",
            ),
        )
    });
    shelf.many("counters-reset", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].failed_writes = 40;
        world.look();
        world.pass(15_000);
        world.shards[0].failed_writes = 1;
        world.shards[0].written = 3;
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "the task moved to another node and counts anew (reference 2.1); nothing rose",
            ),
        )
    });
    shelf.many("leader-out-of-reach-for-us", 4, |world, number| {
        let mut world = world.remembering();
        world.look();
        world.second_look();
        let from = world.responses.len();
        world.leader_look();
        for response in &mut world.responses[from..] {
            response["status"] = if number % 2 == 0 { Value::Null } else { json!(502) };
            response["body"] = if number % 2 == 0 {
                Value::Null
            } else {
                json!("<html>Bad Gateway</html>")
            };
        }
        (
            world,
            row(
                "following",
                "none",
                "leader unreachable for us only: the follower reads",
            ),
        )
    });
    shelf.many("longest-name", 3, |world, _| {
        let mut world = world;
        world.follower = longest("f");
        world.leader = longest("l");
        let mut world = world.remembering();
        world.full_look();
        (
            world,
            row("following", "none", "index names have up to 255 bytes"),
        )
    });
    shelf.many("other-calls-too", 3, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        world.root();
        world.tasks();
        let path = format!("/_resolve/cluster/{}:{}", world.clusters.2, encoded(&world.leader));
        let mut body = json!({});
        body[world.clusters.2.as_str()] = json!({ "connected": true, "skip_unavailable": false, "matching_indices": true,
            "version": { "number": "8.13.4", "build_flavor": "default" } });
        world.follower_says(&path, 200, body);
        world.follower_says("/_cat/indices?format=json", 200, json!([ { "index": "other", "health": "red" } ]));
        (world, row("following", "none", "8.13+: _resolve/cluster; a call that no rule knows says nothing"))
    });
    shelf.many("same-fatal-elsewhere", 3, |world, _| {
        let mut world = world.remembering();
        world.full_look();
        // The same index name on the leader cluster, itself a broken follower of a third one.
        let body = json!({ "follow_stats": { "indices": [ { "index": world.follower, "shards": [ { "shard_id": 0, "read_exceptions": [],
            "fatal_exception": super::exceptions::history_lost(1, 2) } ] } ] } });
        world.leader_says("/_ccr/stats", 200, body);
        (world, row("following", "none", "what the leader cluster says of its own followers is not about this one"))
    });
}
