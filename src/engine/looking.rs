//! The looks of a run: which calls, at which depth, and the facts they teach.
//!
//! A light look asks what moves during a run; a full one asks everything that guards read, so
//! that every answer they rest on is of this look (safety 2: younger than ten seconds).

use futures::StreamExt as _;
use serde_json::json;

use crate::domain::answer::Answer;
use crate::domain::facts::{Facts, IndexStats, ShardSeq};
use crate::domain::ids::IndexName;
use crate::domain::journal::{Before, ShardBefore};
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
    /// What moves during a run.
    Light,
    /// Everything that guards read.
    Full,
}

/// Asks both clusters and adds what they say to the facts. Never fails: what could not be asked
/// is unknown in the facts.
pub async fn look(bench: &Bench, facts: &mut Facts, depth: Depth) {
    let follower = facts.key.index.clone();
    let first = follower_looks(&follower, facts, depth);
    let leader_side = match (&bench.leader, &facts.leader_index) {
        (Some(client), Some(leader)) => Some((client, leader_looks(leader, depth))),
        _ => None,
    };
    let (here, there) = futures::join!(ask(&bench.follower, first), async {
        match leader_side {
            Some((client, looks)) => ask(client, looks).await,
            None => Vec::new(),
        }
    });
    learn(facts, &here);
    learn(facts, &there);
    let second = needed(facts, &follower);
    if !second.is_empty() {
        let answers = ask(&bench.follower, second).await;
        learn(facts, &answers);
    }
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

fn follower_looks(follower: &IndexName, facts: &Facts, depth: Depth) -> Vec<Look> {
    let only = || vec![follower.clone()];
    let mut looks = vec![
        Look::Root,
        Look::FollowInfoOf(follower.clone()),
        Look::FollowStatsOf(follower.clone()),
        // One call, one cluster state: open or closed and the routing table never disagree.
        Look::MetaAndRouting(only()),
        Look::PersistentTasks,
        Look::Recovery(follower.clone()),
        Look::RemoteInfo,
        Look::IndexStats(only()),
        Look::Settings(only()),
        Look::Count(follower.clone()),
    ];
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
            Look::DataStreams,
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
        if let (Some(alias), Some(leader)) = (&facts.remote, &facts.leader_index) {
            looks.push(Look::RemoteCount {
                alias: alias.clone(),
                leader: leader.clone(),
            });
        }
    }
    looks
}

fn leader_looks(leader: &IndexName, depth: Depth) -> Vec<Look> {
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
    }
    looks
}

/// What the judge asks for beside that: a second, small round.
fn needed(facts: &Facts, follower: &IndexName) -> Vec<Look> {
    judge::needs(facts)
        .into_iter()
        .filter_map(|need| match need {
            judge::Need::Explain { shard } => Some(Look::Explain {
                index: follower.clone(),
                shard,
            }),
            judge::Need::Health => Some(Look::Health(follower.clone())),
            judge::Need::License => Some(Look::License),
            judge::Need::Ilm => Some(Look::IlmExplain(follower.clone())),
            // The rest was asked in the first round.
            _ => None,
        })
        .collect()
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
