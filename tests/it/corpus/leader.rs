//! Troubles of the leader index and of the alias that leads to it.

use serde_json::{Value, json};

use super::exceptions::{caused, closed_block, history_lost, no_index, of, read};
use super::labels::{Shelf, row};
use super::world::{Follow, World};

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    deleted(shelf);
    replaced(shelf);
    rewound(shelf);
    repointed(shelf);
    not_followable(shelf);
    shut(shelf);
}

fn gone(world: World) -> World {
    let mut world = world.remembering();
    world.leader_there = false;
    world
}

fn deleted(shelf: &mut Shelf) {
    shelf.many("fatal", 8, |world, number| {
        let mut world = gone(world);
        let missing = no_index(&world.leader, "_na_");
        for shard in &mut world.shards {
            shard.fatal = Some(missing.clone());
        }
        if number % 2 == 1 {
            world.leader_state();
        }
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_deleted",
                "recording 05; the leader cluster answers 404 for it",
            ),
        )
    });
    shelf.many("history-was-lost-before", 4, |world, _| {
        let mut world = world;
        world.set_shards(2);
        let mut world = gone(world);
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.shards[1].fatal = Some(no_index(&world.leader, "_na_"));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_deleted",
                "contract, Precedence: leader_deleted before history_lost",
            ),
        )
    });
    shelf.many("paused", 3, |world, _| {
        let mut world = gone(world);
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "leader_deleted",
                "contract, Precedence: leader_deleted before paused",
            ),
        )
    });
    shelf.many("just-now", 3, |world, _| {
        let mut world = gone(world);
        world.full_look();
        (world, row("following", "leader_deleted", "contract: the leader index does not exist on the leader cluster, whatever the tasks have noticed yet"))
    });
    shelf.many("resume-refused", 4, |world, _| {
        let mut world = gone(world);
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        let body = world.not_found(&world.leader.clone());
        world.resume(404, body);
        world.pass(1_000);
        world.second_look();
        (
            world,
            row(
                "paused",
                "leader_deleted",
                "recording 05: resume_follow 404 index_not_found_exception naming the leader",
            ),
        )
    });
    shelf.many("not-looked-at", 4, |world, _| {
        let mut world = world.remembering();
        world.leader_looked_at = false;
        world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
        world.full_look();
        (world, row("fatal", "unclassified", "measured 05/06: it does not tell deleted from replaced; and without its looks a deleted leader must not become bolder than human").only(&["human"], "never"))
    });
}

fn other(world: World) -> World {
    let mut world = world.remembering();
    world.present_uuid = json!(world.dice.uuid());
    for at in 0..world.shards.len() {
        world.shards[at].history = json!(world.dice.uuid());
        world.shards[at].leader = 3;
    }
    world.documents.1 = 4;
    world
}

fn replaced(shelf: &mut Shelf) {
    shelf.many("fatal", 5, |world, _| {
        let mut world = other(world);
        world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_replaced",
                "measured 06 (7.7.0): fatal where a read fell between; the look at the leader tells",
            ),
        )
    });
    shelf.many("retrying-for-ever", 5, |world, _| {
        let mut world = other(world);
        let failed = |retries| {
            let mut inner = no_index("l", "old");
            inner["index_uuid"] = json!("old");
            read(
                9,
                retries,
                caused("no_shard_available_action_exception", "null", inner),
            )
        };
        world.shards[0].reads = vec![failed(4)];
        world.look();
        world.pass(15_000);
        world.shards[0].reads = vec![failed(6)];
        world.full_look();
        (
            world,
            row(
                "retrying",
                "leader_replaced",
                "measured 06 (8.10.4): never fatal, retries rise",
            ),
        )
    });
    shelf.many("history-lost-too", 5, |world, _| {
        let mut world = other(world);
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_replaced",
                "contract, Precedence: leader_replaced before history_lost",
            ),
        )
    });
    shelf.many("paused", 3, |world, _| {
        let mut world = other(world);
        world.follow = Follow::Paused;
        world.full_look();
        (
            world,
            row(
                "paused",
                "leader_replaced",
                "contract, Precedence: leader_replaced before paused",
            ),
        )
    });
    shelf.many("looks-healthy", 3, |world, _| {
        let mut world = other(world);
        world.full_look();
        (
            world,
            row(
                "following",
                "leader_replaced",
                "measured 06: another UUID in the leader's place, no exception yet",
            ),
        )
    });
    shelf.many("resume-refused", 4, |world, number| {
        let mut world = other(world);
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        if number % 2 == 0 {
            world.second_look();
        }
        let reason = format!("follow index [{}] should reference [{}] as leader index but instead reference [{}] as leader index", world.follower, world.present_uuid.as_str().unwrap(), world.followed_uuid);
        world.pass(500);
        world.refused(400, "illegal_argument_exception", &reason);
        (world, row("paused", "leader_replaced", "measured 06: the refusal; recreate needs the present UUID and histories, which no look shows (contract, Proof of identity)").only(&["human"], "never"))
    });
    shelf.many("one-history-unreadable", 3, |world, _| {
        let mut world = other(world);
        let at = world.shards.len() - 1;
        world.shards[at].history = Value::Null;
        world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_replaced",
                "contract, Proof of identity: present history UUIDs must be known, also of leader_replaced",
            )
            .only(&["human"], "never"),
        )
    });
}

fn rewound(shelf: &mut Shelf) {
    let restored = |world: World| {
        let mut world = world.remembering();
        for at in 0..world.shards.len() {
            world.shards[at].history = json!(world.dice.uuid());
            world.shards[at].leader = world.shards[at].reached - 200;
        }
        world.documents.1 -= 100;
        world
    };
    shelf.many("fatal", 5, |world, _| {
        let mut world = restored(world);
        let reason = format!(
            "unexpected history uuid, expected [{}], actual [{}]",
            world.followed_histories[0],
            world.shards[0].history.as_str().unwrap()
        );
        let mut exception = of("illegal_state_exception", &reason);
        exception["suppressed"] = json!([of("timeout_exception", "Timeout")]);
        world.shards[0].fatal = Some(exception);
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_rewound",
                "measured 08 (8.10.4): unexpected history uuid, and the look shows another history",
            ),
        )
    });
    shelf.many("looks-healthy", 5, |world, _| {
        let mut world = restored(world);
        world.full_look();
        (world, row("following", "leader_rewound", "measured 08 (7.7.0): no exception at all; a leader shard's history UUID is not the one followed"))
    });
    shelf.many("history-lost-too", 4, |world, _| {
        let mut world = restored(world);
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "leader_rewound",
                "contract, Precedence: leader_rewound before history_lost",
            ),
        )
    });
    shelf.many("one-shard-of-five", 3, |world, number| {
        let mut world = world;
        world.set_shards(5);
        let mut world = world.remembering();
        let at = usize::try_from(number + 1).unwrap();
        world.shards[at].history = json!(world.dice.uuid());
        world.full_look();
        (
            world,
            row(
                "following",
                "leader_rewound",
                "contract: a leader shard's history UUID is not the one followed",
            ),
        )
    });
    shelf.many("lower-in-two-looks", 4, |world, number| {
        let mut world = world.remembering();
        let at = world.shards.len() - 1;
        world.shards[at].leader = world.shards[at].reached - 40;
        if number % 2 == 0 {
            world.shards[0].fatal = Some(history_lost(3, 9));
        }
        world.full_look();
        world.pass(60_000);
        world.full_look();
        (
            world,
            row(
                if number % 2 == 0 { "fatal" } else { "following" },
                "leader_rewound",
                "contract: in two looks its max_seq_no is below the follower's",
            ),
        )
    });
    shelf.many("grown-past-the-follower", 3, |world, _| {
        let mut world = restored(world);
        for shard in &mut world.shards {
            shard.leader = shard.reached + 5_000;
        }
        world.documents.1 += 6_000;
        world.full_look();
        (
            world,
            row(
                "",
                "leader_rewound",
                "recording 33: another history, though the leader is ahead again",
            ),
        )
    });
    shelf.many("resume-refused", 3, |world, _| {
        let mut world = restored(world);
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        let reason = format!("leader shard [{}][0] should reference [{}] as history uuid but instead reference [{}] as history uuid", world.follower, world.followed_histories[0], world.shards[0].history.as_str().unwrap());
        world.pass(500);
        world.refused(400, "illegal_argument_exception", &reason);
        (world, row("paused", "leader_rewound", "measured 08: the refusal; the present identity is not known from a look").only(&["human"], "never"))
    });
    shelf.many("lower-once", 3, |world, _| {
        let mut world = world.remembering();
        world.shards[0].leader = world.shards[0].reached - 40;
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "contract: lower in two looks; one look alone never proves it",
            ),
        )
    });
}

fn repointed(shelf: &mut Shelf) {
    shelf.many("cluster-uuid-remembered", 6, |world, number| {
        let mut world = world.remembering();
        let then = world.dice.uuid();
        world.remember("leader_cluster_uuid", json!(then));
        if number % 2 == 0 {
            world.leader_there = false;
            world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
            world.leader_looked_at = true;
        }
        world.full_look();
        let label = if number % 2 == 0 {
            row(
                "fatal",
                "leader_deleted",
                "contract, Precedence: leader_deleted before remote_repointed, both fit",
            )
        } else {
            row(
                "following",
                "remote_repointed",
                "contract: the cluster looked at is not the one whose UUID is remembered",
            )
        };
        (world, label)
    });
    shelf.many("cluster-uuid-changed", 6, |world, number| {
        let mut world = world.remembering();
        world.full_look();
        world.pass(60_000);
        world.cluster_uuids.1 = world.dice.uuid();
        let mut world = other(world);
        if number % 2 == 0 {
            world.shards[0].fatal = Some(history_lost(3, 9));
        }
        world.full_look();
        (world, row(if number % 2 == 0 { "fatal" } else { "following" }, "remote_repointed", "contract: the alias leads to another cluster than the one followed; two looks at the leader cluster show two UUIDs"))
    });
    shelf.many("addresses-remembered", 6, |world, number| {
        let mut world = world.remembering();
        world.remember("remote_addresses", json!(["10.77.0.1:9300"]));
        world.shards[0].fatal = Some(match number % 3 {
            0 => history_lost(3, 9),
            1 => no_index(&world.leader, "_na_"),
            _ => of("illegal_state_exception", "something else"),
        });
        world.look();
        world.second_look();
        world.leader_looked_at = number % 2 == 0;
        (
            world,
            row(
                "fatal",
                "remote_repointed",
                "contract: the alias leads to none of the addresses it led to while the leases were fresh",
            ),
        )
    });
    shelf.many("addresses-changed", 6, |world, number| {
        let mut world = world.remembering();
        world.full_look();
        world.pass(90_000);
        world.seeds = vec!["standby.example:9300".to_owned()];
        world.shards[0].fatal = Some(if number % 2 == 0 { history_lost(3, 9) } else { no_index(&world.leader, "_na_") });
        world.look();
        world.second_look();
        (world, row("fatal", "remote_repointed", "safety 4, failover drill: between two looks the alias got other addresses, and the follower broke"))
    });
    shelf.many("replaced-there-too", 4, |world, number| {
        let mut world = other(world);
        let then = world.dice.uuid();
        world.remember("leader_cluster_uuid", json!(then));
        if number % 2 == 0 {
            world.shards[0].fatal = Some(no_index(&world.leader, "_na_"));
        }
        world.full_look();
        (
            world,
            row(
                if number % 2 == 0 { "fatal" } else { "following" },
                "remote_repointed",
                "contract, Precedence: remote_repointed before leader_replaced",
            ),
        )
    });
}

fn not_followable(shelf: &mut Shelf) {
    shelf.many("soft-deletes-off", 6, |world, number| {
        let mut world = world.remembering();
        world
            .leader_settings
            .insert("index.soft_deletes.enabled".to_owned(), json!("false"));
        if number % 2 == 0 {
            world.shards[0].fatal = Some(history_lost(3, 9));
        }
        world.full_look();
        (
            world,
            row(
                if number % 2 == 0 { "fatal" } else { "following" },
                "leader_not_followable",
                "contract: soft deletes off; Precedence: before history_lost",
            ),
        )
    });
    shelf.many("searchable-snapshot", 6, |world, number| {
        let mut world = world.remembering();
        world
            .leader_settings
            .insert("index.store.type".to_owned(), json!("snapshot"));
        world
            .leader_settings
            .insert("index.store.snapshot.repository_name".to_owned(), json!("backup"));
        if number % 2 == 0 {
            world.follow = Follow::Paused;
        }
        world.full_look();
        (
            world,
            row(
                if number % 2 == 0 { "paused" } else { "following" },
                "leader_not_followable",
                "contract: searchable snapshot; Precedence: before paused",
            ),
        )
    });
    shelf.many("another-shard-count", 5, |world, number| {
        let mut world = world.remembering();
        let count = world.shards.len() + 2;
        world
            .leader_settings
            .insert("index.number_of_shards".to_owned(), json!(count.to_string()));
        world.leader_settings.remove("index.uuid");
        world.leader_settings.insert("index.uuid".to_owned(), Value::Null);
        world.follow = if number % 2 == 0 {
            Follow::Paused
        } else {
            Follow::Active
        };
        world.look();
        world.second_look();
        world.leader_index_settings();
        (
            world,
            row(
                if number % 2 == 0 { "paused" } else { "following" },
                "leader_not_followable",
                "contract: another shard count; the UUID cannot be read, so nothing says replaced",
            ),
        )
    });
    shelf.many("refused", 9, |world, number| {
        let mut world = world.remembering();
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        world.second_look();
        world.pass(1_000);
        let leader = world.leader.clone();
        let reason = match number {
            0 | 1 => format!("leader index [{leader}] does not have soft deletes enabled"),
            2 => format!("leader index [{leader}] is a searchable snapshot index and cannot be used as a leader index for cross-cluster replication purpose"),
            3 => format!("cannot follow [{leader}], because it is a ALIAS"),
            4 => format!("cannot follow [{leader}], because it is a DATA_STREAM"),
            5 | 6 => format!("leader index primary shards [3] does not match with the number of shards of the follow index [{}]", world.shards.len()),
            _ => format!("cannot follow [{leader}], because it is a alias"),
        };
        world.refused(400, "illegal_argument_exception", &reason);
        (world, row("paused", "leader_not_followable", "reference 2.3 and 3.5: the refusal says so; nothing later shows a task"))
    });
    shelf.many("newer-version", 3, |world, _| {
        let mut world = world.remembering();
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        world.second_look();
        world.pass(1_000);
        let name = super::vary::encoded(&world.follower);
        let reason = format!("cannot restore index [{}] because the snapshot was created with Elasticsearch version [9.2.0] which is higher than the version of this node [{}]", world.follower, world.version);
        let kind = "snapshot_restore_exception";
        let error = json!({ "root_cause": [of(kind, &reason)], "type": kind, "reason": reason });
        world.push(false, "PUT", &format!("/{name}/_ccr/follow?wait_for_active_shards=1"), 500, json!({ "error": error, "status": 500 }));
        (world, row("paused", "leader_not_followable", "contract: newer version; reference 2.3, 3.4: PUT refused with snapshot_restore_exception, HTTP 500"))
    });
}

fn shut(shelf: &mut Shelf) {
    shelf.many("retrying", 4, |world, number| {
        let mut world = world.remembering();
        world.leader_open = false;
        world.leader_health = ("green", u32::try_from(world.shards.len()).unwrap());
        let uuid = world.followed_uuid.clone();
        world.shards[0].reads = vec![read(9, 4, closed_block(&world.leader, &uuid))];
        world.look();
        world.pass(15_000);
        world.shards[0].reads = vec![read(9, 7, closed_block(&world.leader, &uuid))];
        world.look();
        world.second_look();
        if number % 2 == 0 {
            world.leader_state();
            world.leader_look();
        } else {
            world.leader_looked_at = false;
        }
        (
            world,
            row(
                "retrying",
                "leader_closed",
                "measured 07: cluster_block_exception FORBIDDEN/4, retries rise",
            ),
        )
    });
    shelf.many("seen-closed", 3, |world, _| {
        let mut world = world.remembering();
        world.leader_open = false;
        world.look();
        world.second_look();
        world.leader_state();
        world.leader_look();
        (
            world,
            row(
                "following",
                "leader_closed",
                "contract: the leader index is closed; its cluster state says close",
            ),
        )
    });
    shelf.many("red", 4, |world, number| {
        let mut world = world;
        world.set_shards(2);
        let mut world = world.remembering();
        world.leader_health = ("red", 1);
        let kind = if number % 2 == 0 {
            "no_shard_available_action_exception"
        } else {
            "unavailable_shards_exception"
        };
        world.shards[1].reads = vec![read(9, 4, of(kind, "No shard available for [x]"))];
        world.look();
        world.pass(15_000);
        world.shards[1].reads = vec![read(9, 6, of(kind, "No shard available for [x]"))];
        world.full_look();
        world.leader_index_health();
        (
            world,
            row(
                "retrying",
                "leader_unavailable",
                "contract: a leader primary is not active; reference 2.2",
            ),
        )
    });
    shelf.many("red-and-quiet", 3, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = world.remembering();
        world.leader_health = ("red", 2);
        world.full_look();
        world.leader_index_health();
        (
            world,
            row(
                "following",
                "leader_unavailable",
                "contract: a leader primary is not active (leader health red, 2 of 3)",
            ),
        )
    });
}
