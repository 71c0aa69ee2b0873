//! Remote recoveries: running, stuck, failed, done with nobody following.

use serde_json::{Value, json};

use super::exceptions::history_lost;
use super::labels::{Shelf, row};
use super::world::{Follow, World};

/// A follower whose primaries are being copied.
fn copying(world: World, moved: u64) -> World {
    let mut world = world.remembering();
    world.follow = Follow::Paused;
    world.health = ("yellow", u32::try_from(world.shards.len()).unwrap() - 1);
    world.shards[0].routing = ("INITIALIZING", Some("SNAPSHOT"));
    world.recovery = vec![world.remote_recovery(0, "INDEX", moved, 9_000_000)];
    world
}

fn look(world: &mut World) {
    world.full_look();
    world.index_recovery();
}

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    shelf.many("running", 6, |world, number| {
        let mut world = copying(world, 1_000 * (number + 1));
        look(&mut world);
        (
            world,
            row(
                "restoring",
                "restoring",
                "measured 20: type SNAPSHOT from _ccr_<alias>, not DONE",
            ),
        )
    });
    shelf.many("slow", 3, |world, _| {
        let mut world = copying(world, 1_000);
        look(&mut world);
        world.pass(960_000);
        world.recovery = vec![world.remote_recovery(0, "INDEX", 1_001, 9_000_000)];
        look(&mut world);
        (
            world,
            row(
                "restoring",
                "restoring",
                "it moved a byte within 15 minutes (contract, restore_stuck)",
            ),
        )
    });
    shelf.many("not-for-long", 3, |world, _| {
        let mut world = copying(world, 1_000);
        look(&mut world);
        world.pass(840_000);
        look(&mut world);
        (
            world,
            row(
                "restoring",
                "restoring",
                "no byte for 14 minutes is not yet stuck (contract: 15 minutes)",
            ),
        )
    });
    shelf.many("no-byte-moves", 12, |world, number| {
        let mut world = copying(world, number * 500);
        for _ in 0..=(number % 3) {
            look(&mut world);
            world.pass(310_000);
        }
        world.pass(900_000);
        look(&mut world);
        (
            world,
            row(
                "restoring",
                "restore_stuck",
                "contract: a remote recovery has moved no byte for 15 minutes",
            ),
        )
    });
    shelf.many("one-of-several-stuck", 5, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = copying(world, 700);
        for moved in [100_u64, 200, 300] {
            world.recovery = vec![
                world.remote_recovery(0, "INDEX", 700, 9_000),
                world.remote_recovery(1, "INDEX", moved, 9_000),
                world.remote_recovery(2, "DONE", 9_000, 9_000),
            ];
            look(&mut world);
            world.pass(460_000);
        }
        (
            world,
            row("restoring", "restore_stuck", "contract: over all shards"),
        )
    });
    shelf.many("stuck-after-lost-history", 4, |world, _| {
        let mut world = world.remembering();
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        world.pass(60_000);
        let mut world = copying(world, 5);
        look(&mut world);
        world.pass(1_000_000);
        look(&mut world);
        (
            world,
            row(
                "restoring",
                "restore_stuck",
                "contract, Precedence: restore_stuck before history_lost; the task is gone anyway",
            ),
        )
    });
    failed(shelf);
    done(shelf);
}

fn broken(world: World) -> World {
    let mut world = world.remembering();
    world.follow = Follow::Paused;
    world.health = ("red", u32::try_from(world.shards.len()).unwrap() - 1);
    world.shards[0].routing = ("UNASSIGNED", Some("SNAPSHOT"));
    world
}

fn decider(world: &World) -> Value {
    json!({ "index": world.follower, "shard": 0, "primary": true, "current_state": "unassigned",
        "unassigned_info": { "reason": "ALLOCATION_FAILED", "failed_allocation_attempts": 5,
            "details": "failed shard on node [n1]: failed recovery, failure RecoveryFailedException … at org.elasticsearch.index.shard.IndexShard.restoreFromRepository\n\tat java.lang.Thread.run\nCaused by: RetentionLeaseInvalidRetainingSeqNoException[the current retention lease with [x] is retaining a higher sequence number [1099] than the new retaining sequence number [0] from [ccr]]" },
        "can_allocate": "no", "node_allocation_decisions": [ { "node_name": "n1", "node_decision": "no", "deciders": [
            { "decider": "max_retry", "decision": "NO", "explanation": "shard has exceeded the maximum number of retries [5]" },
            { "decider": "restore_in_progress", "decision": "NO", "explanation": "shard has failed to be restored from the snapshot [_ccr_lead:_latest_/_latest_] because of [restore_source[…]] - manually close or delete the index in order to retry to restore the snapshot again" } ] } ] })
}

fn failed(shelf: &mut Shelf) {
    shelf.many("decider", 5, |world, _| {
        let mut world = broken(world);
        world.full_look();
        world.index_recovery();
        let body = decider(&world);
        world.follower_says("/_cluster/allocation/explain", 200, body);
        (
            world,
            row(
                "red",
                "restore_failed",
                "measured 03: red, decider restore_in_progress says NO; the leader is proven by the look",
            ),
        )
    });
    shelf.many("recovery-source", 3, |world, _| {
        let mut world = World { version: "8.10.4".to_owned(), leader_version: "8.10.4".to_owned(), ..broken(world) };
        world.look();
        world.index_health();
        world.state();
        let name = super::vary::encoded(&world.follower);
        let mut body = json!({ "routing_table": { "indices": {} } });
        body["routing_table"]["indices"][world.follower.as_str()] = json!({ "shards": { "0": [ { "state": "UNASSIGNED", "primary": true, "shard": 0,
            "index": world.follower, "recovery_source": { "type": "SNAPSHOT", "restoreUUID": "r" }, "unassigned_info": { "reason": "ALLOCATION_FAILED" } } ] } });
        world.follower_says(&format!("/_cluster/state/routing_table/{name}"), 200, body);
        world.leader_look();
        (world, row("red", "restore_failed", "contract: rests on a snapshot recovery source"))
    });
    shelf.many("journal", 3, |world, _| {
        let mut world = broken(world);
        world.shards[0].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
        let ran = world.instant(-60_000);
        world.remember(
            "own_run",
            json!({ "id": "r-9", "paused": true, "closed": true, "followed": true, "at": ran }),
        );
        world.full_look();
        (
            world,
            row(
                "red",
                "restore_failed",
                "measured 36: after a node restart only our journal tells",
            ),
        )
    });
    shelf.many("leader-not-looked-at", 3, |world, _| {
        let mut world = broken(world);
        world.leader_looked_at = false;
        world.full_look();
        let body = decider(&world);
        world.follower_says("/_cluster/allocation/explain", 200, body);
        (
            world,
            row(
                "red",
                "restore_failed",
                "contract, Proof of identity: no destructive rung without it",
            )
            .only(&["human"], "never"),
        )
    });
}

fn done(shelf: &mut Shelf) {
    shelf.many("ours", 6, |world, number| {
        let mut world = world.remembering();
        world.follow = Follow::Paused;
        let ran = world.instant(-60_000);
        world.remember("own_run", json!({ "id": "r-9", "paused": number % 2 == 0, "closed": false, "followed": true, "at": ran }));
        world.recovery = vec![world.remote_recovery(0, "DONE", 9_000, 9_000)];
        look(&mut world);
        (world, row("paused", "restored_not_following", "contract: our journal shows that we sent the follow, the recovery is done, the index is paused"))
    });
}
