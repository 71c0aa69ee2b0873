//! Adds what one parsed answer says of one follower to that follower's facts.

use super::path::{Asked, Kind};
use super::{Body, Parsed, Table, guards};
use crate::domain::facts::{Facts, FollowerSide, IndexStats, Series, Sighting};
use crate::domain::ids::{IndexName, RemoteAlias};
use crate::domain::seen::Seen;
use crate::domain::time::millis_between;

/// Errors of looks kept per follower.
const MAX_ERRORS: usize = 32;

/// What a name missing from a readable answer means.
#[derive(Clone, Copy)]
enum Missing {
    /// Whatever was asked: it is not there.
    Absent,
    /// Absent if asked for by its name; unknown if it is missing from a list (hidden indices are
    /// left out of some lists, `ccr/measured.md`).
    AbsentByName,
    /// Says nothing.
    Unknown,
}

/// Takes the alias and the leader index's name from whatever names them first.
pub(super) fn names(facts: &mut Facts, parsed: &Parsed) {
    if parsed.cluster != facts.key.cluster || (facts.remote.is_some() && facts.leader_index.is_some()) {
        return;
    }
    let follower = facts.key.index.as_str();
    let (remote, leader) = match &parsed.body {
        Body::Info(Seen::Present(table)) => match table.entries.get(follower) {
            Some(Seen::Present(info)) => (info.remote.clone(), info.leader_index.clone()),
            _ => return,
        },
        Body::Stats(Seen::Present(table), _) => match table.entries.get(follower) {
            Some(Seen::Present(stats)) => match stats.shards.values().next() {
                Some(shard) => (shard.remote.clone(), shard.leader_index.clone()),
                None => return,
            },
            _ => return,
        },
        Body::State(Seen::Present(state)) => {
            let record = state
                .metadata
                .as_ref()
                .and_then(|table| table.entries.get(follower)?.present()?.followed.as_ref());
            match record {
                Some(record) => (record.remote.clone(), record.leader_index.clone()),
                None => return,
            }
        }
        _ => return,
    };
    if facts.remote.is_none() {
        facts.remote = remote;
    }
    if facts.leader_index.is_none() {
        facts.leader_index = leader;
    }
}

/// Adds what concerns this follower to its facts. An answer of a cluster that is neither the
/// follower's nor the leader's, or about other indices, adds nothing. True when it told something.
pub fn learn(facts: &mut Facts, parsed: &Parsed) -> bool {
    names(facts, parsed);
    let mut concerns = false;
    if parsed.cluster == facts.key.cluster {
        concerns |= learn_follower(facts, parsed);
    }
    if facts.leader_cluster.as_ref() == Some(&parsed.cluster) {
        concerns |= learn_leader(facts, parsed);
    }
    if concerns {
        learn_error(facts, parsed);
    }
    concerns
}

fn learn_error(facts: &mut Facts, parsed: &Parsed) {
    facts
        .errors
        .retain(|known| known.cluster != parsed.cluster || known.call != parsed.call);
    if let Some(error) = &parsed.error {
        facts.errors.push(error.clone());
        // In the order of time, and of one moment always the same: which of two is cited must not
        // depend on the order in which answers came in.
        facts
            .errors
            .sort_by(|a, b| a.at.cmp(&b.at).then_with(|| a.call.cmp(&b.call)));
        let surplus = facts.errors.len().saturating_sub(MAX_ERRORS);
        facts.errors.drain(..surplus);
    }
}

fn push<T>(series: &mut Series<T>, parsed: &Parsed, value: Seen<T>) {
    series.push(Sighting {
        at: parsed.at,
        cluster: parsed.cluster.clone(),
        call: parsed.call.clone(),
        value,
    });
}

/// Adds one index's entry of a table; true if the request asked about that index.
fn add<T: Clone>(
    series: &mut Series<T>,
    parsed: &Parsed,
    table: &Seen<Table<T>>,
    index: &str,
    missing: Missing,
) -> bool {
    let asked = match parsed.request.asks(index) {
        // An answer that holds it speaks of it, however it was asked for.
        Asked::Not if holds(table, index) => Asked::InList,
        Asked::Not => return false,
        asked => asked,
    };
    if lacks(table, index)
        && matches!(missing, Missing::AbsentByName)
        && asked == Asked::InList
        && told_by_name(series, parsed, index)
    {
        return true;
    }
    let value = match table {
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
        Seen::Absent => match asked {
            Asked::ByName => Seen::Absent,
            Asked::InList | Asked::Not => Seen::unknown("the list was answered with 404"),
        },
        Seen::Present(table) => match table.entries.get(index) {
            Some(entry) => entry.clone(),
            None if table.unreadable > 0 => {
                Seen::unknown("it is not in the answer, which has entries that cannot be read")
            }
            None => match (missing, asked) {
                (Missing::Absent, _) | (Missing::AbsentByName, Asked::ByName) => Seen::Absent,
                (Missing::AbsentByName, _) => {
                    Seen::unknown("a list lacks it, which proves nothing; ask for it by its name")
                }
                (Missing::Unknown, _) => Seen::unknown("the answer does not speak of it"),
            },
        },
    };
    push(series, parsed, value);
    true
}

/// Milliseconds within which a word by name stands against a list that lacks the name.
const SAME_LOOK_MILLIS: i64 = 10_000;

fn holds<T>(table: &Seen<Table<T>>, index: &str) -> bool {
    matches!(table, Seen::Present(table) if table.entries.contains_key(index))
}

fn lacks<T>(table: &Seen<Table<T>>, index: &str) -> bool {
    matches!(table, Seen::Present(table) if !table.entries.contains_key(index))
}

/// The newest word came from asking by name, in the same look: a list adds nothing to it.
fn told_by_name<T>(series: &Series<T>, parsed: &Parsed, index: &str) -> bool {
    series.last().is_some_and(|seen| {
        !seen.value.is_unknown()
            && millis_between(seen.at, parsed.at) <= SAME_LOOK_MILLIS
            && super::path::read(&seen.call.method, &seen.call.path).asks(index) == Asked::ByName
    })
}

/// The same for values where an answer without the name means "nothing of it".
fn add_or_empty<T: Clone + Default>(
    series: &mut Series<T>,
    parsed: &Parsed,
    table: &Seen<Table<T>>,
    index: &str,
) -> bool {
    if let Seen::Present(table) = table
        && parsed.request.asks(index) == Asked::ByName
        && table.unreadable == 0
        && table.entries.is_empty()
    {
        push(series, parsed, Seen::Present(T::default()));
        return true;
    }
    add(series, parsed, table, index, Missing::Unknown)
}

/// Of a run of equal words keeps the first and the newest: a recovery that stands still is told
/// by how long it does, in however few sightings are kept.
fn keep_ends_of_a_run<T: PartialEq>(series: &mut Series<T>) {
    if let [.., first, middle, last] = series.0.as_slice()
        && first.value == middle.value
        && middle.value == last.value
    {
        let at = series.0.len() - 2;
        series.0.remove(at);
    }
}

fn clone_seen<T: Clone>(seen: &Seen<T>) -> Seen<T> {
    seen.clone()
}

fn learn_follower(facts: &mut Facts, parsed: &Parsed) -> bool {
    let index = facts.key.index.clone();
    let index = index.as_str();
    let remote = facts.remote.clone();
    let leader_index = facts.leader_index.clone();
    let side = &mut facts.follower;
    match &parsed.body {
        Body::Root(seen) => push(&mut side.root, parsed, clone_seen(seen)),
        Body::License(seen) => push(&mut side.license, parsed, clone_seen(seen)),
        Body::Stats(table, _) => return add(&mut side.stats, parsed, table, index, Missing::Absent),
        Body::Info(table) => return add(&mut side.info, parsed, table, index, Missing::AbsentByName),
        Body::Remote(table) => {
            let Some(remote) = remote else { return false };
            let value = match table {
                Seen::Unknown(why) => Seen::Unknown(why.clone()),
                Seen::Absent => Seen::unknown("the call was answered with 404"),
                Seen::Present(table) => match table.entries.get(remote.as_str()) {
                    Some(entry) => entry.clone(),
                    None => Seen::Absent,
                },
            };
            push(&mut side.remote, parsed, value);
        }
        Body::State(seen) => return learn_state(facts, parsed, seen),
        Body::Settings(table) => {
            return add(&mut side.settings, parsed, table, index, Missing::Unknown);
        }
        Body::IndexHealth(table) => return add(&mut side.health, parsed, table, index, Missing::Unknown),
        Body::ClusterHealth(seen, shards) => {
            push(&mut side.cluster_health, parsed, clone_seen(seen));
            let shards = shards.map_or_else(|| Seen::unknown("it holds no shard counts"), Seen::Present);
            push(&mut side.total_shards, parsed, shards);
        }
        Body::Recovery(table) => {
            let told = add_or_empty(&mut side.recovery, parsed, table, index);
            keep_ends_of_a_run(&mut side.recovery);
            return told;
        }
        Body::IndexStats(table) => return add_stats(&mut side.index, parsed, table, index),
        Body::Aliases(table) => {
            // `/<f>/_alias` of an index without aliases: older versions leave the index out.
            return add_or_empty(&mut side.aliases, parsed, table, index);
        }
        Body::Explain(seen) => match seen {
            Seen::Present((named, explain)) if named == index => {
                push(&mut side.explain, parsed, Seen::Present(explain.clone()));
            }
            _ => return false,
        },
        Body::Ilm(table, _) => return add(&mut side.ilm, parsed, table, index, Missing::Unknown),
        Body::Disks(seen) => push(&mut side.disks, parsed, clone_seen(seen)),
        Body::Snapshots(seen) => push(&mut side.snapshots, parsed, clone_seen(seen)),
        Body::Snapshot(seen) => push(&mut side.snapshot, parsed, clone_seen(seen)),
        Body::AutoFollow(seen) => push(&mut side.auto_follow, parsed, clone_seen(seen)),
        Body::Privileges(seen) => push(&mut side.privileges, parsed, clone_seen(seen)),
        Body::ClusterSettings(seen) => push(&mut side.cluster_settings, parsed, clone_seen(seen)),
        Body::Nodes(seen) => push(&mut side.nodes, parsed, clone_seen(seen)),
        Body::DataStreams(seen, body) => learn_data_stream(side, parsed, seen, body, index),
        Body::Count(seen) => {
            let alias = remote.as_ref().zip(leader_index.as_ref());
            return learn_count(side, parsed, seen, index, alias);
        }
        Body::Resume(seen) => {
            if parsed.request.only_name() != Some(index) {
                return false;
            }
            push(&mut side.resume, parsed, clone_seen(seen));
            return false; // a refusal is no error of a look
        }
        Body::Follow(seen) => {
            if parsed.request.only_name() != Some(index) {
                return false;
            }
            push(&mut side.follow, parsed, clone_seen(seen));
            return false;
        }
        Body::IlmPolicy(_) | Body::LeaderIndices(_) | Body::Other => return false,
    }
    true
}

/// The data stream that the index backs, and whether it is replicated.
fn learn_data_stream(
    side: &mut FollowerSide,
    parsed: &Parsed,
    seen: &Seen<Table<String>>,
    body: &[u8],
    index: &str,
) {
    if let Some(replicated) = guards::replicated(body, index) {
        push(
            &mut side.data_stream_replicated,
            parsed,
            Seen::Present(replicated),
        );
    }
    if let Some(write) = guards::is_write_index(body, index) {
        push(&mut side.data_stream_write, parsed, Seen::Present(write));
    }
    let value = match seen {
        Seen::Unknown(why) => Seen::Unknown(why.clone()),
        Seen::Absent => Seen::unknown("the call was answered with 404"),
        Seen::Present(table) => match table.entries.get(index) {
            Some(entry) => entry.clone(),
            None if table.unreadable > 0 => Seen::unknown("an entry cannot be read"),
            // Hidden streams are left out unless they are asked for.
            None if index.starts_with('.') && !parsed.request.expands_hidden => {
                Seen::unknown("hidden data streams were not asked for")
            }
            None => Seen::Absent,
        },
    };
    push(&mut side.data_stream, parsed, value);
}

/// Documents of the follower, or of the leader as the follower cluster sees it through the alias.
fn learn_count(
    side: &mut FollowerSide,
    parsed: &Parsed,
    seen: &Seen<u64>,
    index: &str,
    alias: Option<(&RemoteAlias, &IndexName)>,
) -> bool {
    let asked = parsed.request.only_name();
    if asked == Some(index) {
        push(&mut side.count, parsed, seen.clone());
        return true;
    }
    let through_alias =
        alias.is_some_and(|(remote, leader)| asked == Some(format!("{remote}:{leader}").as_str()));
    if through_alias {
        push(&mut side.count_through_alias, parsed, seen.clone());
    }
    through_alias
}

/// `_stats` of an index none of whose shards answered lists nothing (recording 36): it exists,
/// and nothing is known of its shards.
fn add_stats(
    series: &mut Series<IndexStats>,
    parsed: &Parsed,
    table: &Seen<Table<IndexStats>>,
    index: &str,
) -> bool {
    add_or_empty(series, parsed, table, index)
}

fn learn_state(facts: &mut Facts, parsed: &Parsed, seen: &Seen<super::state::State>) -> bool {
    let index = facts.key.index.clone();
    let index = index.as_str();
    let Kind::State { metadata, routing } = parsed.request.kind else {
        return false;
    };
    let asked = parsed.request.asks(index);
    let wants_meta = metadata && asked != Asked::Not && parsed.request.shows("metadata.indices");
    let wants_routing = routing && asked != Asked::Not && parsed.request.shows("routing_table.indices");
    let wants_tasks = metadata && parsed.request.shows("metadata.persistent_tasks");
    let side = &mut facts.follower;
    let state = match seen {
        Seen::Present(state) => state,
        Seen::Absent | Seen::Unknown(_) => {
            let why = match seen {
                Seen::Unknown(why) => why.clone(),
                _ => "the call was answered with 404".into(),
            };
            let gone = seen.is_absent() && asked == Asked::ByName;
            if wants_meta {
                let value = if gone {
                    Seen::Absent
                } else {
                    Seen::Unknown(why.clone())
                };
                push(&mut side.meta, parsed, value);
            }
            if wants_routing {
                let value = if gone {
                    Seen::Absent
                } else {
                    Seen::Unknown(why.clone())
                };
                push(&mut side.routing, parsed, value);
            }
            if wants_tasks {
                push(&mut side.tasks, parsed, Seen::Unknown(why));
            }
            return wants_meta || wants_routing || wants_tasks;
        }
    };
    let mut concerns = false;
    if wants_meta {
        concerns = true;
        match &state.metadata {
            Some(table) => {
                let value = entry(table, index, asked);
                push(&mut side.meta, parsed, value);
            }
            // With `filter_path` an empty answer is `{}`, which may be anything.
            None => push(
                &mut side.meta,
                parsed,
                Seen::unknown("it holds no `metadata.indices`"),
            ),
        }
    }
    if wants_routing {
        concerns = true;
        match &state.routing {
            Some(table) => {
                let value = entry(table, index, asked);
                push(&mut side.routing, parsed, value);
            }
            None => push(
                &mut side.routing,
                parsed,
                Seen::unknown("it holds no `routing_table.indices`"),
            ),
        }
    }
    if wants_tasks && let Some(tasks) = &state.tasks {
        concerns = true;
        push(
            &mut side.tasks,
            parsed,
            Seen::Present(tasks.get(index).cloned().unwrap_or_default()),
        );
    }
    concerns
}

fn entry<T: Clone>(table: &Table<T>, index: &str, asked: Asked) -> Seen<T> {
    match table.entries.get(index) {
        Some(entry) => entry.clone(),
        // The cluster state answers 200 without the index when it does not exist; a list lacks
        // nothing here (hidden ones are in), but only the name asked for is called absent.
        None if asked == Asked::ByName && table.unreadable == 0 => Seen::Absent,
        None => Seen::unknown("the answer does not speak of it"),
    }
}

fn learn_leader(facts: &mut Facts, parsed: &Parsed) -> bool {
    let leader = facts.leader_index.clone();
    let side = &mut facts.leader;
    match &parsed.body {
        Body::Root(seen) => {
            push(&mut side.root, parsed, clone_seen(seen));
            return true;
        }
        Body::License(seen) => {
            push(&mut side.license, parsed, clone_seen(seen));
            return true;
        }
        Body::ClusterHealth(seen, _) => {
            push(&mut side.cluster_health, parsed, clone_seen(seen));
            return true;
        }
        Body::Privileges(seen) => {
            push(&mut side.privileges, parsed, clone_seen(seen));
            return true;
        }
        Body::IlmPolicy(seen) => {
            let managing = side.ilm.present().and_then(|ilm| ilm.policy.clone());
            let Some(policy) = managing else { return false };
            let phases = match seen {
                Seen::Present(policies) => policies.get(&policy).cloned().map_or(Seen::Absent, Seen::Present),
                Seen::Absent => Seen::Absent,
                Seen::Unknown(why) => Seen::Unknown(why.clone()),
            };
            push(&mut side.ilm_phases, parsed, phases);
            return true;
        }
        Body::Nodes(seen) => {
            push(&mut side.nodes, parsed, clone_seen(seen));
            return true;
        }
        _ => {}
    }
    let Some(leader) = leader else { return false };
    let leader = leader.as_str();
    match &parsed.body {
        Body::Settings(table) => add(&mut side.settings, parsed, table, leader, Missing::Unknown),
        Body::IndexHealth(table) => add(&mut side.health, parsed, table, leader, Missing::Unknown),
        Body::IndexStats(table) => add_stats(&mut side.index, parsed, table, leader),
        Body::Ilm(table, body) => {
            if let Some(date) = guards::lifecycle_date(body, leader) {
                push(&mut side.lifecycle_date, parsed, Seen::Present(date));
            }
            add(&mut side.ilm, parsed, table, leader, Missing::Unknown)
        }
        Body::Count(seen) => {
            if parsed.request.only_name() != Some(leader) {
                return false;
            }
            push(&mut side.count, parsed, clone_seen(seen));
            true
        }
        Body::State(seen) => {
            let Kind::State { metadata, .. } = parsed.request.kind else {
                return false;
            };
            let asked = parsed.request.asks(leader);
            if !metadata || asked == Asked::Not || !parsed.request.shows("metadata.indices") {
                return false;
            }
            let value = match seen {
                Seen::Present(state) => match &state.metadata {
                    Some(table) => entry(table, leader, asked),
                    None => Seen::unknown("it holds no `metadata.indices`"),
                },
                Seen::Absent if asked == Asked::ByName => Seen::Absent,
                Seen::Absent => Seen::unknown("the call was answered with 404"),
                Seen::Unknown(why) => Seen::Unknown(why.clone()),
            };
            push(&mut side.meta, parsed, value);
            true
        }
        _ => false,
    }
}
