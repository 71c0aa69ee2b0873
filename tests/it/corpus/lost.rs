//! Lost history, and what only looks like it.

use serde_json::{Value, json};

use super::exceptions::{caused, connect, history_lost, no_connections, of, read};
use super::labels::{Shelf, row};
use super::world::World;

/// A leader that was looked at and whose followed identity is known on every version.
fn known(world: World) -> World {
    world.remembering()
}

fn last(world: &World) -> usize {
    world.shards.len() - 1
}

const MARKER: &str = "contract, Causes: requested_operations_missing stands in the chain of a fatal exception; identity is proven by the look at the leader";

/// Adds the files.
#[expect(
    clippy::too_many_lines,
    reason = "a list of scenarios, read from top to bottom"
)]
pub fn add(shelf: &mut Shelf) {
    shelf.many("fatal", 9, |world, _| {
        let mut world = known(world);
        world.shards[0].fatal = Some(history_lost(286, 4333));
        world.shards[0].reads = vec![read(286, 0, history_lost(286, 4333))];
        world.full_look();
        (world, row("fatal", "history_lost", MARKER))
    });
    shelf.many("wrapped", 6, |world, number| {
        let mut world = known(world);
        let at = last(&world);
        let inner = history_lost(10, 900);
        world.shards[at].fatal = Some(match number % 3 {
            0 => caused(
                "exception",
                "java.util.concurrent.ExecutionException: x",
                caused("runtime_exception", "y", inner),
            ),
            1 => caused(
                "remote_transport_exception",
                "[node][10.0.0.1:9300][indices:data/read/xpack/ccr/shard_changes]",
                inner,
            ),
            _ => caused(
                "exception",
                "a",
                caused("runtime_exception", "b", caused("exception", "c", inner)),
            ),
        });
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract: somewhere in the exception chain; recording 34 shows such wrapping",
            ),
        )
    });
    shelf.many("one-of-five", 4, |world, number| {
        let mut world = known(world);
        world.set_shards(5);
        let mut world = known(world);
        world.shards[usize::try_from(number).unwrap()].fatal = Some(history_lost(5, 9));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "recording 50: one shard of several; judged over all shards",
            ),
        )
    });
    shelf.many("repeated-read", 4, |world, _| {
        let mut world = known(world);
        world.shards[0].reads = vec![read(11, 3, history_lost(11, 40))];
        world.shards[0].failed_writes = 0;
        world.look();
        world.pass(15_000);
        world.shards[0].reads = vec![read(11, 9, history_lost(11, 40))];
        world.full_look();
        (
            world,
            row(
                "retrying",
                "history_lost",
                "contract: or repeated read exception; retries rose between two looks",
            ),
        )
    });
    shelf.many("marker-as-numbers", 2, |world, _| {
        let mut world = known(world);
        let mut lost = history_lost(7, 12);
        lost["requested_operations_missing"] = json!([7, 12]);
        lost["reason"] = json!("Operations are no longer available for replicating. Maybe increase the retention setting [index.soft_deletes.retention.operations]?");
        world.shards[0].fatal = Some(lost);
        world.full_look();
        (world, row("fatal", "history_lost", "reference 2.3: the text changed between versions, the marker did not"))
    });
    shelf.many("beside-a-past-disconnection", 3, |world, _| {
        let mut world = world;
        world.set_shards(3);
        let mut world = known(world);
        world.shards[0].fatal = Some(no_connections(&world.clusters.2));
        world.shards[2].fatal = Some(history_lost(7, 12));
        world.full_look();
        (world, row("fatal", "history_lost", "contract, Precedence: only a transient cause that is true now outranks it; _remote/info says connected"))
    });
    shelf.many("beside-a-stale-entry", 3, |world, _| {
        let mut world = world;
        world.set_shards(2);
        let mut world = known(world);
        world.shards[1].reads = vec![read(50, 4, connect())];
        world.shards[1].idle = 20_000;
        world.look();
        world.pass(15_000);
        world.shards[1].idle = 35_000;
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "measured, Things that mislead: an entry with the same retries is stale and does not outrank",
            ),
        )
    });
    shelf.many("leader-not-looked-at", 4, |world, number| {
        let mut world = known(world);
        world.leader_looked_at = false;
        if number % 2 == 0 {
            world.remembered = Value::Null;
        }
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract, Proof of identity: without that proof resume, then human; never",
            )
            .only(&["resume", "human"], "never"),
        )
    });
    shelf.many("leader-looks-fail", 3, |world, number| {
        let mut world = known(world);
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.look();
        world.second_look();
        let from = world.responses.len();
        world.leader_look();
        for response in &mut world.responses[from..] {
            match number {
                0 => { response["status"] = Value::Null; response["body"] = Value::Null; }
                1 => { response["status"] = json!(503); response["body"] = json!("<html><body>503</body></html>"); }
                _ => { response["status"] = json!(403); response["body"] = json!({ "error": of("security_exception", "action [indices:monitor/stats] is unauthorized for user [w]"), "status": 403 }); }
            }
        }
        (world, row("fatal", "history_lost", "the leader is out of reach for us only: the identity is not proven (contract, Proof of identity)").only(&["resume", "human"], "never"))
    });
    shelf.many("leader-looked-at-before", 3, |world, _| {
        let mut world = known(world);
        world.full_look();
        world.pass(900_000);
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.look();
        world.second_look();
        (world, row("fatal", "history_lost", "a look at the leader older than the fatal exception shows no present UUID (contract, Proof of identity)").only(&["resume", "human"], "never"))
    });
    shelf.many("one-history-unreadable", 3, |world, number| {
        let mut world = known(world);
        world.shards[0].fatal = Some(history_lost(7, 12));
        let at = last(&world);
        world.shards[at].history =
            [Value::Null, json!(7), json!({})][usize::try_from(number).unwrap()].clone();
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract, Proof of identity: every shard's history must be known",
            )
            .only(&["resume", "human"], "never"),
        )
    });
    shelf.many("followed-history-not-known", 2, |world, number| {
        let mut world = World {
            version: "7.7.0".to_owned(),
            leader_version: "7.7.0".to_owned(),
            ..world
        };
        if number == 1 {
            world.remember("leader_index_uuid", json!(world.followed_uuid));
        }
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.full_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "measured: 7.7.0 shows the followed history nowhere, and nothing is remembered: no proof",
            )
            .only(&["resume", "human"], "never"),
        )
    });
    shelf.many("resume-accepted-since", 4, |world, number| {
        let mut world = known(world);
        world.leader_looked_at = number % 2 == 0;
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.look();
        world.second_look();
        world.pass(5_000);
        world.resume(200, json!({ "acknowledged": true }));
        world.pass(5_000);
        world.look();
        world.second_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "contract, Proof of identity: the server accepted a resume_follow since the fatal exception",
            ),
        )
    });
    shelf.many("resume-refused-since", 2, |world, _| {
        let mut world = known(world);
        world.leader_looked_at = false;
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.look();
        world.second_look();
        world.pass(5_000);
        world.refused(
            400,
            "illegal_argument_exception",
            "some refusal that nobody knows",
        );
        world.pass(5_000);
        world.look();
        world.second_look();
        (
            world,
            row(
                "fatal",
                "history_lost",
                "a refused resume proves nothing (contract, Proof of identity)",
            )
            .only(&["resume", "human"], "never"),
        )
    });
    shelf.many("looks-like-it-restart", 4, |world, _| {
        let mut world = known(world);
        world.shards[0].fatal = Some(no_connections(&world.clusters.2));
        world.shards[0].reads = vec![read(7, 5, history_lost(7, 12))];
        world.full_look();
        (world, row("fatal", "remote_unreachable", "contract: one look alone never proves that a read is repeated; the fatal exception is a connection's (reference 2.3, ES#92522)"))
    });
    shelf.many("looks-like-it-words", 4, |world, number| {
        let mut world = known(world);
        world.shards[0].fatal = Some(of(
            ["null_pointer_exception", "exception", "runtime_exception", "assertion_error"][usize::try_from(number).unwrap()],
            "Operations are no longer available for replicating. \"requested_operations_missing\": [\"1\",\"2\"] at org.elasticsearch.ResourceNotFoundException: requested_operations_missing",
        ));
        world.full_look();
        (world, row("fatal", "unclassified", "contract: a cause never rests on text alone where a field can tell; the marker is a field"))
    });
    shelf.many("looks-like-it-without-marker", 3, |world, number| {
        let mut world = known(world);
        let mut lost = history_lost(7, 12);
        lost["requested_operations_missing"] = [json!(null), json!("7,12"), json!([])][usize::try_from(number).unwrap()].clone();
        world.shards[0].fatal = Some(lost);
        world.full_look();
        (world, row("fatal", "unclassified", "contract: the marker itself stands for lost history; a resource_not_found_exception without it is of no known kind"))
    });
    shelf.many("cured-since", 4, |world, _| {
        let mut world = known(world);
        world.shards[0].fatal = Some(history_lost(7, 12));
        world.full_look();
        world.pass(120_000);
        world.shards[0].fatal = None;
        world.shards[0].written += 12;
        world.full_look();
        (
            world,
            row(
                "following",
                "none",
                "states are of now: the newest look shows no exception",
            ),
        )
    });
    shelf.many("stale-history-entry", 3, |world, _| {
        let mut world = known(world);
        world.shards[0].reads = vec![read(7, 5, history_lost(7, 12))];
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
                "measured: an entry whose retries do not rise is stale",
            ),
        )
    });
}
