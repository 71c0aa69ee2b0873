//! Between the clusters: connection, alias, licences, rights, load.

use serde_json::{Value, json};

use super::exceptions::{connect, history_lost, no_connections, of, read, rewritten, unauthorized};
use super::labels::{Shelf, row};
use super::world::{Follow, World};

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    unreachable(shelf);
    not_configured(shelf);
    license(shelf);
    credentials(shelf);
    overloaded(shelf);
}

/// Two looks between which one shard's read fails again and again.
fn failing(world: World, exception: &Value) -> World {
    let mut world = world.remembering();
    world.shards[0].reads = vec![read(9, 4, exception.clone())];
    world.look();
    world.pass(15_000);
    world.shards[0].reads = vec![read(9, 7, exception.clone())];
    world
}

fn unreachable(shelf: &mut Shelf) {
    shelf.many("down", 5, |world, number| {
        let mut world = failing(world, &connect());
        world.connected = Some(number % 2 == 1);
        world.full_look();
        (
            world,
            row(
                "retrying",
                "remote_unreachable",
                "measured 37: connect errors that still rise",
            ),
        )
    });
    shelf.many("not-connected", 4, |world, _| {
        let mut world = world.remembering();
        world.connected = Some(false);
        world.full_look();
        (
            world,
            row(
                "following",
                "remote_unreachable",
                "contract: the remote is configured but not connected",
            ),
        )
    });
    shelf.many("paused-or-closed-too", 6, |world, number| {
        let mut world = world.remembering();
        world.connected = Some(false);
        let paused = number % 2 == 0;
        if paused {
            world.follow = Follow::Paused;
        } else {
            world.open = false;
        }
        world.full_look();
        (
            world,
            row(
                if paused { "paused" } else { "closed" },
                "remote_unreachable",
                "contract, Precedence: remote_unreachable before follower_closed and paused, with its whole row",
            ),
        )
    });
    shelf.many("history-lost-too", 4, |world, _| {
        let mut world = world.remembering();
        world.connected = Some(false);
        world.shards[0].fatal = Some(history_lost(3, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "remote_unreachable",
                "contract, Precedence: a transient cause that is true now outranks history_lost",
            ),
        )
    });
    shelf.many("fatal-after-a-restart", 4, |world, _| {
        let mut world = world.remembering();
        for at in 0..world.shards.len() {
            world.shards[at].fatal = Some(no_connections(&world.clusters.2));
        }
        world.full_look();
        (
            world,
            row(
                "fatal",
                "remote_unreachable",
                "reference 2.3 (ES#92522): pause and resume once it is connected",
            ),
        )
    });
}

fn not_configured(shelf: &mut Shelf) {
    shelf.many("alias-removed", 6, |world, _| {
        let mut world = world.remembering();
        world.connected = None;
        let gone = of(
            "no_such_remote_cluster_exception",
            &format!("no such remote cluster: [{}]", world.clusters.2),
        );
        let mut world = failing(world, &gone);
        world.full_look();
        (
            world,
            row(
                "retrying",
                "remote_not_configured",
                "measured 10: no_such_remote_cluster_exception, and _remote/info lacks the alias",
            ),
        )
    });
    shelf.many("history-lost-too", 3, |world, _| {
        let mut world = world;
        world.set_shards(2);
        world.connected = None;
        let gone = of(
            "no_such_remote_cluster_exception",
            &format!("no such remote cluster: [{}]", world.clusters.2),
        );
        world.shards[1].fatal = Some(history_lost(3, 9));
        let mut world = failing(world, &gone);
        world.full_look();
        (
            world,
            row(
                "fatal",
                "remote_not_configured",
                "contract, Precedence: remote_not_configured before history_lost, and it is true now",
            ),
        )
    });
}

fn license(shelf: &mut Shelf) {
    shelf.many("beside-another-cause", 8, |world, number| {
        let mut world = world;
        world.set_shards(2);
        let mut world = world.remembering();
        world.licenses[usize::try_from(number % 2).unwrap()] = ("platinum", "expired");
        world.shards[0].fatal = Some(match number / 2 {
            0 => history_lost(3, 9),
            1 => rewritten(),
            2 => of("null_pointer_exception", "x"),
            _ => no_connections(&world.clusters.2),
        });
        world.full_look();
        world.license(false);
        world.license(true);
        (
            world,
            row(
                "fatal",
                "license",
                "contract, Precedence: license before all but unknown, and its ladder is a person",
            ),
        )
    });
    let refusal = json!({ "error": { "root_cause": [ { "type": "security_exception", "reason": "current license is non-compliant for [ccr]", "license.expired.feature": "ccr" } ],
        "type": "security_exception", "reason": "current license is non-compliant for [ccr]", "license.expired.feature": "ccr" }, "status": 403 });
    shelf.many("statistics-refused", 7, |world, number| {
        let mut world = if number % 2 == 0 {
            world.remembering()
        } else {
            world
        };
        world.full_look();
        for response in &mut world.responses {
            if response["path"].as_str().unwrap().contains("_ccr/stats") {
                response["status"] = json!(403);
                response["body"] = refusal.clone();
            }
        }
        if number % 3 != 0 {
            world.licenses[0] = ("basic", "active");
            world.license(false);
        }
        (
            world,
            row(
                "unknown",
                "license",
                "measured 51: _ccr/stats answers 403 with license.expired.feature ccr, _ccr/info still works",
            ),
        )
    });
    shelf.many("expired", 4, |world, number| {
        let mut world = world.remembering();
        world.licenses[0] = ("platinum", "expired");
        if number % 2 == 0 {
            world.follow = Follow::Paused;
        }
        world.full_look();
        world.license(false);
        (
            world,
            row(
                if number % 2 == 0 { "paused" } else { "following" },
                "license",
                "contract: the licence of either side; Precedence: before paused",
            ),
        )
    });
    shelf.many("leader-side-only", 6, |world, number| {
        let mut world = world.remembering();
        world.licenses[1] = [("basic", "active"), ("trial", "expired"), ("gold", "active")]
            [usize::try_from(number % 3).unwrap()];
        if number % 2 == 0 {
            world.follow = Follow::Paused;
        }
        world.full_look();
        world.license(false);
        world.license(true);
        (
            world,
            row(
                if number % 2 == 0 { "paused" } else { "following" },
                "license",
                "contract: the licence of either side does not allow CCR",
            ),
        )
    });
    shelf.many("resume-refused", 5, |world, number| {
        let mut world = world.remembering();
        world.leader_looked_at = false;
        world.follow = Follow::Paused;
        world.look();
        world.second_look();
        world.pass(1_000);
        if number % 2 == 0 {
            let reason = format!("can not fetch remote index [{}:{}] metadata as the remote cluster [{}] is not licensed for [ccr]; the license mode [BASIC] on cluster [{}] does not enable [ccr]", world.clusters.2, world.leader, world.clusters.2, world.clusters.2);
            world.refused(400, "status_exception", &reason);
        } else {
            world.resume(403, refusal.clone());
        }
        (world, row("paused", "license", "reference 2.3: the refusal says which side is not licensed"))
    });
}

fn credentials(shelf: &mut Shelf) {
    shelf.many("role-emptied", 9, |world, _| {
        let mut world = failing(world, &unauthorized());
        world.full_look();
        (
            world,
            row(
                "retrying",
                "credentials",
                "measured 42: security_exception in read_exceptions, retries rising",
            ),
        )
    });
    shelf.many("one-shard-of-five", 4, |world, _| {
        let mut world = world;
        world.set_shards(5);
        let mut world = failing(world, &unauthorized());
        world.full_look();
        (
            world,
            row("retrying", "credentials", "measured 42; judged over all shards"),
        )
    });
    shelf.many("history-lost-too", 5, |world, _| {
        let mut world = world;
        world.set_shards(2);
        world.shards[1].fatal = Some(history_lost(3, 9));
        let mut world = failing(world, &unauthorized());
        world.full_look();
        (
            world,
            row(
                "fatal",
                "credentials",
                "contract, Precedence: credentials before history_lost, and they fail now",
            ),
        )
    });
    shelf.many("wrapped", 4, |world, _| {
        let wrapped =
            super::exceptions::caused("remote_transport_exception", "[n][10.0.0.7:9300]", unauthorized());
        let mut world = failing(world, &wrapped);
        world.full_look();
        (
            world,
            row("retrying", "credentials", "reference 1.2: walk the chain"),
        )
    });
    shelf.many("only-our-looks-at-the-leader", 4, |world, _| {
        let mut world = world.remembering();
        world.look();
        world.second_look();
        let from = world.responses.len();
        world.leader_look();
        for response in &mut world.responses[from..] {
            response["status"] = json!(403);
            response["body"] = json!({ "error": unauthorized(), "status": 403 });
        }
        (
            world,
            row(
                "following",
                "none",
                "the leader refuses our looks; the follower follows, its rights are others (measured 42)",
            ),
        )
    });
}

fn overloaded(shelf: &mut Shelf) {
    shelf.many("breaker", 4, |world, _| {
        let mut world = failing(
            world,
            &of(
                "circuit_breaking_exception",
                "[parent] Data too large, data for [<transport_request>] would be [1gb]",
            ),
        );
        world.full_look();
        (
            world,
            row(
                "retrying",
                "overloaded",
                "contract: circuit breaker; reference 2.2: retried",
            ),
        )
    });
    shelf.many("rejected", 4, |world, _| {
        let mut world = failing(
            world,
            &of(
                "es_rejected_execution_exception",
                "rejected execution of org.elasticsearch.transport",
            ),
        );
        world.full_look();
        (
            world,
            row("retrying", "overloaded", "contract: rejected execution"),
        )
    });
}
