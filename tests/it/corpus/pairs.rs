//! Contract, *Boldness*, where two things are wrong at once: every pair of ailments on one
//! follower, each answer taken away or mangled in turn. The corpus mostly holds files with one cause, in which
//! nothing bolder can come to light.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::damage::is_the_floor;
use super::exceptions::{
    closed_block, connect, history_lost, no_connections, no_index, of, read, rewritten, unauthorized,
};
use super::world::{Follow, World};
use crate::judge::damaged::{WAYS, boldness, mangled};
use refollow::domain::verdict::Verdict;
use refollow::evidence::verdict;

/// One thing that is wrong: with the world before the first look, with one shard between two
/// looks, and which answers beyond those of a full look a daemon would have.
struct Ailment {
    name: &'static str,
    before: fn(&mut World, usize),
    between: fn(&mut World, usize),
    after: fn(&mut World),
}

const fn ailment(name: &'static str, before: fn(&mut World, usize)) -> Ailment {
    Ailment {
        name,
        before,
        between: |_, _| {},
        after: |_| {},
    }
}

/// One whose read of a shard fails again and again.
const fn failing(
    name: &'static str,
    before: fn(&mut World, usize),
    between: fn(&mut World, usize),
) -> Ailment {
    Ailment {
        between,
        ..ailment(name, before)
    }
}

fn fails(world: &mut World, at: usize, retries: i64, exception: Value) {
    world.shards[at].reads = vec![read(9, retries, exception)];
}

fn licences(world: &mut World) {
    world.license(false);
    world.license(true);
}

fn count(world: &World) -> u32 {
    u32::try_from(world.shards.len()).unwrap()
}

fn closed_leader(world: &World) -> Value {
    closed_block(&world.leader, &world.followed_uuid)
}

fn failed(world: &mut World, at: usize) {
    world.follow = Follow::Paused;
    world.health = ("red", count(world) - 1);
    world.shards[at].routing = ("UNASSIGNED", Some("SNAPSHOT"));
}

/// The last one comes last: what a later ailment sets over an earlier one's counts.
const AILMENTS: &[Ailment] = &[
    Ailment {
        after: licences,
        ..ailment("license", |world, _| world.licenses[0] = ("platinum", "expired"))
    },
    Ailment {
        after: licences,
        ..ailment("license of the leader", |world, _| {
            world.licenses[1] = ("basic", "active");
        })
    },
    Ailment {
        after: |world| world.license(false),
        ..ailment("license, asked of one side", |world, _| {
            world.licenses[0] = ("basic", "active");
        })
    },
    ailment("leader_deleted", |world, at| {
        world.leader_there = false;
        world.shards[at].fatal = Some(no_index(&world.leader, "_na_"));
    }),
    ailment("remote_repointed", |world, _| {
        world.remember("leader_cluster_uuid", json!("AAAAAAAAAAAAAAAAAAAAAA"));
    }),
    ailment("leader_replaced", |world, _| {
        world.present_uuid = json!(world.dice.uuid());
        for at in 0..world.shards.len() {
            world.shards[at].history = json!(world.dice.uuid());
        }
    }),
    ailment("leader_rewound", |world, at| {
        world.shards[at].history = json!(world.dice.uuid());
    }),
    ailment("leader_not_followable", |world, _| {
        let off = ("index.soft_deletes.enabled".to_owned(), json!("false"));
        world.leader_settings.extend([off]);
    }),
    Ailment {
        after: World::index_recovery,
        ..ailment("restoring", |world, at| {
            world.follow = Follow::Paused;
            world.health = ("yellow", count(world) - 1);
            world.shards[at].routing = ("INITIALIZING", Some("SNAPSHOT"));
            world.recovery = vec![world.remote_recovery(at, "INDEX", 9, 9_000)];
        })
    },
    ailment("restore_failed", failed),
    Ailment {
        after: |world| world.responses.retain(|one| one["path"] != "/"),
        ..ailment("restore_failed, leader cluster not named", failed)
    },
    ailment("remote_not_configured", |world, at| {
        world.connected = None;
        let reason = format!("no such remote cluster: [{}]", world.clusters.2);
        world.shards[at].fatal = Some(of("no_such_remote_cluster_exception", &reason));
    }),
    failing(
        "remote_unreachable",
        |world, at| {
            world.connected = Some(false);
            fails(world, at, 4, connect());
        },
        |world, at| fails(world, at, 9, connect()),
    ),
    ailment("remote_unreachable before", |world, at| {
        world.shards[at].fatal = Some(no_connections(&world.clusters.2));
    }),
    failing(
        "credentials",
        |world, at| fails(world, at, 4, unauthorized()),
        |world, at| fails(world, at, 9, unauthorized()),
    ),
    failing(
        "leader_closed",
        |world, at| {
            world.leader_open = false;
            let closed = closed_leader(world);
            fails(world, at, 4, closed);
        },
        |world, at| {
            let closed = closed_leader(world);
            fails(world, at, 9, closed);
        },
    ),
    Ailment {
        after: World::leader_index_health,
        ..ailment("leader_unavailable", |world, _| {
            world.leader_health = ("red", count(world) - 1);
        })
    },
    ailment("follower_closed", |world, _| world.open = false),
    ailment("follower_unallocated", |world, at| {
        world.health = ("red", count(world) - 1);
        world.shards[at].routing = ("UNASSIGNED", Some("EXISTING_STORE"));
    }),
    ailment("follower_blocked", |world, _| {
        let block = ("index.blocks.write".to_owned(), json!("true"));
        world.settings.extend([block]);
    }),
    ailment("leader_change_rejected", |world, at| {
        world.shards[at].fatal = Some(of("mapper_parsing_exception", "x"));
    }),
    ailment("follower_rewritten", |world, at| {
        world.shards[at].fatal = Some(rewritten());
    }),
    ailment("history_lost", |world, at| {
        world.shards[at].fatal = Some(history_lost(3, 9));
    }),
    ailment("paused", |world, _| world.follow = Follow::Paused),
    Ailment {
        after: World::tasks,
        ..ailment("task_unassigned", |world, at| {
            world.shards[at].task = false;
            world.shards[at].node = None;
        })
    },
    failing(
        "overloaded",
        |world, at| fails(world, at, 4, of("circuit_breaking_exception", "x")),
        |world, at| fails(world, at, 9, of("circuit_breaking_exception", "x")),
    ),
    ailment("unclassified", |world, at| {
        world.shards[at].fatal = Some(of("null_pointer_exception", "x"));
    }),
    ailment("stalled", |world, at| world.shards[at].idle = 400_000),
];

/// One look that showed nothing of it yet says too little and two say enough: the file of a daemon
/// that watched both ailments come.
fn file(one: &Ailment, other: &Ailment, version: &str) -> Value {
    let mut world = World::of(7, version);
    world.form = 5;
    world.set_shards(3);
    let mut world = world.remembering();
    (one.before)(&mut world, 0);
    (other.before)(&mut world, 1);
    world.look();
    world.pass(15_000);
    (one.between)(&mut world, 0);
    (other.between)(&mut world, 1);
    world.full_look();
    (one.after)(&mut world);
    (other.after)(&mut world);
    world.file()
}

fn judged(file: &Value) -> Verdict {
    verdict(file.to_string().as_bytes()).unwrap().1
}

/// What became bolder: the two ailments, the call whose answer was damaged, and what to print.
type Bolder = ([&'static str; 2], String, String);

/// Where an answer that nothing can stand in for forbids what the rest allows: the ailment, the
/// call, and what holds it all the same (docs/SAFETY.md, *Limits that remain*).
const EXCEPTED: &[(&str, &str, &str)] = &[
    (
        "license, asked of one side",
        "/_license",
        "a look that asked for no licence is whole without one, as those of the recordings; the guards of both licences are unknown and block every rung",
    ),
    (
        "restore_failed, leader cluster not named",
        "/_settings",
        "looks such as recordings 03 and 36, which hold no settings of the leader; what makes a leader not followable is fixed when it is created, so that its proven UUID and histories say the same, and the guard leader_followable is unknown and blocks",
    ),
];

fn all() -> BTreeSet<Bolder> {
    let mut found = BTreeSet::new();
    let mut turn = 0;
    for (number, first) in AILMENTS.iter().enumerate() {
        for (distance, second) in AILMENTS[number + 1..].iter().enumerate() {
            // Both orders and both ways of knowing what is followed meet every ailment many times.
            let (one, other) = if distance % 2 == 0 {
                (first, second)
            } else {
                (second, first)
            };
            let version = ["7.7.0", "8.13.4"][(number + distance / 2) % 2];
            let whole_file = file(one, other, version);
            let whole = judged(&whole_file);
            let answers = whole_file["responses"].as_array().unwrap();
            for at in 0..answers.len() {
                turn += 1;
                let path = format!("{} {}", answers[at]["cluster"], answers[at]["path"]);
                let mut rest = whole_file.clone();
                rest["responses"].as_array_mut().unwrap().remove(at);
                let mut spoiled = whole_file.clone();
                spoiled["responses"][at] = mangled(&answers[at], turn % WAYS);
                for (file, how) in [(rest, "gone"), (spoiled, "mangled")] {
                    let less = judged(&file);
                    if boldness(&less) <= boldness(&whole) || is_the_floor(&less) {
                        continue;
                    }
                    let told = format!(
                        "{} + {} ({version}), {how} ({}): {} {:?} {} became {} {:?} {}",
                        one.name,
                        other.name,
                        turn % WAYS,
                        whole.cause,
                        whole.ladder,
                        whole.approval,
                        less.cause,
                        less.ladder,
                        less.approval
                    );
                    found.insert(([one.name, other.name], path.clone(), told));
                }
            }
        }
    }
    found
}

#[test]
fn of_two_causes_no_answer_gone_or_mangled_makes_the_other_bolder() {
    let all = all();
    let is_excepted = |(ailments, path, _): &&Bolder| {
        EXCEPTED
            .iter()
            .any(|(ailment, call, _)| ailments.contains(ailment) && path.contains(call))
    };
    let wrong: Vec<String> = all
        .iter()
        .filter(|one| !is_excepted(one))
        .map(|(_, path, told)| format!("{path}: {told}"))
        .collect();
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
    for (ailment, call, _) in EXCEPTED {
        let needed = |(ailments, path, _): &Bolder| ailments.contains(ailment) && path.contains(call);
        assert!(
            all.iter().any(needed),
            "{ailment}: without {call} nothing is bolder any more"
        );
    }
}
