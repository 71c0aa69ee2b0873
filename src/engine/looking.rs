//! The looks of a run: which calls, at which depth, and the facts they teach.
//!
//! A light look asks what moves during a run; a full one asks everything that guards read, so
//! that every answer they rest on is of this look (safety 2: younger than ten seconds).

use futures::StreamExt as _;
use serde_json::json;

use crate::domain::answer::{Answer, Outcome};
use crate::domain::facts::{Facts, FollowStatus, IndexStats, Lease, ShardSeq};
use crate::domain::journal::{Before, LeaseBefore, ShardBefore};
use crate::domain::memory::Memory;
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::elastic::client::Client;
use crate::elastic::read::Look;
use crate::elastic::transport::Credential;
use crate::elastic::wire;
use crate::engine::executor::Bench;
use crate::judge;

/// Calls of one look that wait for their answers at once; the client has its own limit besides.
const AT_ONCE: usize = 4;

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// What moves after the PUT, and while backing out.
    Watch,
    /// That, and the follow tasks in the cluster state where the follower's own answers do not tell
    /// of them: those of every follower come with them.
    Light,
    /// Everything that guards read.
    Full,
}

/// Asks both clusters and adds what they say to the facts. Never fails: what could not be asked
/// is unknown in the facts.
pub async fn look(bench: &Bench, facts: &mut Facts, memory: &Memory, depth: Depth) {
    let began_at = bench.clock.now();
    let mut asked_of_follower = follower_looks(facts, depth);
    // A cluster state filtered to its tasks holds those of all followers. Four hundred runs that
    // watch a resume, each of them every second or two, must not read each other's tasks.
    if depth == Depth::Light {
        asked_of_follower.retain(|look| *look != Look::PersistentTasks);
    }
    let asked_of_leader = leader_looks(facts, depth);
    let (here, there) = futures::join!(ask(&bench.follower, asked_of_follower.clone()), async {
        match &bench.leader {
            Some(client) => ask(client, asked_of_leader.clone()).await,
            None => Vec::new(),
        }
    });
    learn(facts, &here);
    learn(facts, &there);
    let (mut here, mut there) = needed(facts, memory);
    // What the first round made askable: the version names the calls, the index its policy.
    let runs = depth == Depth::Light && tells_of_its_tasks(facts, began_at);
    for look in follower_looks(facts, depth) {
        let told = runs && look == Look::PersistentTasks;
        if !told && !here.contains(&look) {
            here.push(look);
        }
    }
    for look in leader_looks(facts, depth) {
        if !there.contains(&look) {
            there.push(look);
        }
    }
    here.retain(|look| !asked_of_follower.contains(look));
    there.retain(|look| !asked_of_leader.contains(look));
    let here = ask(&bench.follower, here).await;
    learn(facts, &here);
    if let Some(leader) = &bench.leader {
        let there = ask(leader, there).await;
        learn(facts, &there);
    }
}

/// Whether this look's own answers show the follower at work: `_ccr/info` says active and
/// `_ccr/stats` lists shards, which only running tasks answer for. Whether tasks are *left* is asked
/// of a paused follower only (`domain::run`), and then after its pause was seen, in the same look.
fn tells_of_its_tasks(facts: &Facts, began_at: Timestamp) -> bool {
    let active = facts.follower.info.last().is_some_and(|info| {
        info.at >= began_at
            && matches!(&info.value, Seen::Present(info) if info.status == FollowStatus::Active)
    });
    let listed = facts.follower.stats.last().is_some_and(|stats| {
        stats.at >= began_at && matches!(&stats.value, Seen::Present(stats) if !stats.shards.is_empty())
    });
    active && listed
}

/// Refreshes both indices, so that their counts show what was written. True when both did.
pub async fn refresh(bench: &Bench, facts: &Facts) -> bool {
    let follower = ask(&bench.follower, vec![Look::Refresh(facts.key.index.clone())]).await;
    let leader = match (&bench.leader, &facts.leader_index) {
        (Some(client), Some(index)) => ask(client, vec![Look::Refresh(index.clone())]).await,
        _ => Vec::new(),
    };
    let done = |answers: &[Answer]| {
        matches!(
            answers,
            [Answer {
                outcome: Outcome::Got {
                    status: 200..=299,
                    ..
                },
                ..
            }]
        )
    };
    done(&follower) && done(&leader)
}

/// Whether either index is never refreshed by itself (`refresh_interval` of -1), so that its
/// count may be old without end.
pub fn never_refreshes(facts: &Facts) -> bool {
    [&facts.follower.settings, &facts.leader.settings]
        .iter()
        .any(|series| {
            series
                .latest_known()
                .and_then(|(_, settings)| settings.get("index.refresh_interval"))
                .is_some_and(|interval| interval.starts_with('-'))
        })
}

async fn ask(client: &Client, looks: Vec<Look>) -> Vec<Answer> {
    let calls = looks
        .into_iter()
        .map(|look| async move { client.look(&look).await });
    let answers: Vec<Vec<Answer>> = futures::stream::iter(calls).buffered(AT_ONCE).collect().await;
    answers.into_iter().flatten().collect()
}

fn learn(facts: &mut Facts, answers: &[Answer]) {
    for answer in answers {
        wire::learn(facts, &wire::parse(answer));
    }
}

/// The looks at the follower cluster for one follower. The observer makes the full ones for sick
/// followers, so that guards rest on the same calls before and during a run.
pub fn follower_looks(facts: &Facts, depth: Depth) -> Vec<Look> {
    let follower = &facts.key.index;
    let only = || vec![follower.clone()];
    let mut looks = vec![
        Look::Root,
        Look::FollowInfoOf(follower.clone()),
        Look::FollowStatsOf(follower.clone()),
        // One call, one cluster state: open or closed and the routing table never disagree.
        Look::MetaAndRouting(only()),
        Look::Recovery(follower.clone()),
        Look::RemoteInfo,
        Look::IndexStats(only()),
        Look::Settings(only()),
        Look::Count(follower.clone()),
    ];
    if depth != Depth::Watch {
        looks.push(Look::PersistentTasks);
    }
    if depth == Depth::Full {
        looks.extend([
            Look::License,
            Look::ClusterHealth,
            Look::Health(follower.clone()),
            Look::Nodes,
            Look::NodesFs,
            Look::ClusterSettings,
            Look::SnapshotStatus,
            Look::AutoFollow,
            Look::IlmExplain(follower.clone()),
            Look::Aliases(only()),
            Look::HasPrivileges {
                credential: Credential::Act,
                body: json!({
                    "cluster": ["monitor", "manage_ccr"],
                    "index": [{
                        "names": [follower],
                        "privileges": ["manage_follow_index", "monitor", "view_index_metadata", "manage"],
                    }],
                }),
            },
        ]);
        looks.extend(facts.asked_snapshot.clone().map(Look::Snapshot));
        // Each version is asked the fullest question that it knows.
        let version = facts.follower.root.latest_known().map(|(_, root)| root.version);
        looks.extend(
            [Look::AllDataStreams, Look::DataStreams]
                .into_iter()
                .find(|look| version.is_some_and(|version| look.supports(version))),
        );
        if let (Some(alias), Some(leader)) = (&facts.remote, &facts.leader_index) {
            looks.push(Look::RemoteCount {
                alias: alias.clone(),
                leader: leader.clone(),
            });
        }
    }
    looks
}

/// The looks at the leader cluster for one follower; none where its leader is not known.
pub fn leader_looks(facts: &Facts, depth: Depth) -> Vec<Look> {
    let Some(leader) = &facts.leader_index else {
        return Vec::new();
    };
    let only = || vec![leader.clone()];
    let mut looks = vec![
        Look::Root,
        Look::IndexStats(only()),
        Look::Settings(only()),
        Look::Count(leader.clone()),
    ];
    if depth == Depth::Full {
        looks.extend([
            Look::Meta(only()),
            Look::Health(leader.clone()),
            Look::License,
            Look::ClusterHealth,
            Look::Nodes,
            Look::IlmExplain(leader.clone()),
            Look::HasPrivileges {
                credential: Credential::Act,
                body: json!({
                    "cluster": ["monitor"],
                    "index": [{
                        "names": [leader],
                        "privileges": ["monitor", "read", "manage_leader_index"],
                    }],
                }),
            },
        ]);
        let policy = facts.leader.ilm.present().and_then(|ilm| ilm.policy.clone());
        looks.extend(policy.map(Look::IlmPolicy));
    }
    looks
}

/// What the judge asks for beside the first round: looks at the follower cluster and at the leader's.
pub fn needed(facts: &Facts, memory: &Memory) -> (Vec<Look>, Vec<Look>) {
    let follower = &facts.key.index;
    let mut here = Vec::new();
    let mut there = Vec::new();
    // Forbidden to a user with the documented privileges (`monitor` alone): asked another way.
    let forbidden = facts
        .errors
        .iter()
        .any(|error| error.cluster == facts.key.cluster && error.call.path.starts_with("/_snapshot/"));
    if forbidden {
        here.push(Look::Customs);
    }
    for need in judge::needs(facts, Some(memory)) {
        let leader = facts.leader_index.clone();
        match need {
            judge::Need::Explain => here.push(Look::Explain {
                index: follower.clone(),
                shard: first_unassigned(facts),
            }),
            judge::Need::Health => here.push(Look::Health(follower.clone())),
            judge::Need::License => here.push(Look::License),
            judge::Need::LeaderLicense => there.push(Look::License),
            judge::Need::LeaderHealth => there.extend(leader.map(Look::Health)),
            judge::Need::FollowerByName => {
                here.push(Look::FollowInfoOf(follower.clone()));
                here.push(Look::FollowStatsOf(follower.clone()));
            }
            judge::Need::Meta => here.push(Look::Meta(vec![follower.clone()])),
            judge::Need::Routing => here.push(Look::MetaAndRouting(vec![follower.clone()])),
            judge::Need::Recovery => here.push(Look::Recovery(follower.clone())),
            judge::Need::Settings => here.push(Look::Settings(vec![follower.clone()])),
            judge::Need::Tasks => here.push(Look::PersistentTasks),
            judge::Need::LeaderSettings => there.extend(leader.map(|index| Look::Settings(vec![index]))),
            judge::Need::LeaderStats => there.extend(leader.map(|index| Look::IndexStats(vec![index]))),
            judge::Need::FollowerStats => here.push(Look::IndexStats(vec![follower.clone()])),
            judge::Need::FollowerCount => here.push(Look::Count(follower.clone())),
            judge::Need::LeaderCount => there.extend(leader.map(Look::Count)),
        }
    }
    (here, there)
}

/// The primary whose allocation is worth an explanation.
fn first_unassigned(facts: &Facts) -> u32 {
    facts
        .follower
        .routing
        .present()
        .and_then(|primaries| {
            primaries
                .iter()
                .find(|(_, primary)| primary.state == "UNASSIGNED")
                .map(|(shard, _)| *shard)
        })
        .unwrap_or(0)
}

/// The follower's primaries as the journal keeps them.
pub fn shards_before(stats: Option<&IndexStats>) -> Vec<ShardBefore> {
    let Some(stats) = stats else {
        return Vec::new();
    };
    stats
        .primaries
        .iter()
        .map(|(shard, seq)| ShardBefore {
            shard: *shard,
            history_uuid: seq.history_uuid.clone(),
            max_seq_no: seq.max_seq_no,
            global_checkpoint: seq.global_checkpoint,
            docs: seq.docs,
            state: seq.state.clone(),
            leases: seq.leases.as_ref().map(|leases| {
                leases
                    .iter()
                    .map(|lease| LeaseBefore {
                        id: lease.id.clone(),
                        source: lease.source.clone(),
                    })
                    .collect()
            }),
        })
        .collect()
}

/// The way back: the follower's stats as they stood when the run was opened.
pub fn follower_before(before: &Before) -> Option<IndexStats> {
    if before.follower_shards.is_empty() {
        return None;
    }
    let primaries = before
        .follower_shards
        .iter()
        .map(|was| {
            let seq = ShardSeq {
                history_uuid: was.history_uuid.clone(),
                max_seq_no: was.max_seq_no,
                global_checkpoint: was.global_checkpoint,
                docs: was.docs,
                state: was.state.clone(),
                leases: was.leases.as_ref().map(|leases| {
                    leases
                        .iter()
                        .map(|lease| Lease {
                            id: lease.id.clone(),
                            retaining_seq_no: None,
                            renewed_at: None,
                            source: lease.source.clone(),
                        })
                        .collect()
                }),
                ..ShardSeq::default()
            };
            (was.shard, seq)
        })
        .collect();
    Some(IndexStats {
        primaries,
        docs: before.follower_documents,
        ..IndexStats::default()
    })
}
