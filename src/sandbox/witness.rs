//! What the model itself knows of a follower and its leader at one moment.
//!
//! Owns the shape and its taking. Beside each logged request that changes something stands what
//! was true when the cluster got it, so that a test can judge a client by the clusters alone and
//! never by the client's word. Nothing here is told over HTTP.

use crate::elastic::transport::Request;

use super::follow::lease_id;
use super::index::Index;
use super::pair::{Pair, Side};

/// One primary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShardStanding {
    /// Whether it serves (of a closed index: whether its copy is there).
    pub started: bool,
    /// Highest sequence number; -1: empty.
    pub max_seq: i64,
    /// Documents.
    pub docs: u64,
    /// Its history UUID.
    pub history: String,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexStanding {
    /// Its UUID.
    pub uuid: String,
    /// Open, not closed.
    pub open: bool,
    /// A remote recovery runs.
    pub restoring: bool,
    /// Equal if and only if the documents are equal, but for collisions.
    pub digest: u64,
    /// Its primaries, in order.
    pub shards: Vec<ShardStanding>,
}

impl IndexStanding {
    /// Documents of all shards.
    pub fn docs(&self) -> u64 {
        self.shards.iter().map(|shard| shard.docs).sum()
    }

    /// No primary is without a copy, and no restore runs.
    pub fn whole(&self) -> bool {
        !self.restoring && self.shards.iter().all(|shard| shard.started)
    }
}

/// A follower and the leader index it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Name of the follower.
    pub name: String,
    /// The follower; `None`: there is none.
    pub follower: Option<IndexStanding>,
    /// UUID of the leader followed and its history UUIDs; `None`: no CCR metadata.
    pub followed: Option<(String, Vec<String>)>,
    /// The index that now has the leader's name.
    pub leader: Option<IndexStanding>,
    /// Shard follow tasks of the follower.
    pub tasks: usize,
    /// Those that stopped for good.
    pub fatal: usize,
    /// The parameters of its tasks, as `_ccr/info` prints them; null without tasks.
    pub parameters: serde_json::Value,
    /// Shards of the leader on which the follower's lease lives.
    pub leases: usize,
    /// Other followers of the same cluster that are closed or being restored.
    pub others_down: Vec<String>,
    /// Followers of the same cluster that do not follow, this one included, and all of them.
    pub unhealthy: (usize, usize),
    /// Both clusters run and reach each other.
    pub connected: bool,
}

impl Standing {
    /// Open, whole, with one running task for each shard, none of them fatal.
    pub fn follows(&self) -> bool {
        self.follower.as_ref().is_some_and(|index| {
            index.open && index.whole() && self.tasks == index.shards.len() && self.fatal == 0
        })
    }
}

fn index_standing(index: &Index) -> IndexStanding {
    IndexStanding {
        uuid: index.uuid.clone(),
        open: index.open,
        restoring: index.restore.is_some(),
        digest: index
            .shards
            .iter()
            .fold(0_u64, |sum, shard| sum.wrapping_add(shard.digest())),
        shards: index
            .shards
            .iter()
            .map(|shard| ShardStanding {
                started: shard.started(),
                max_seq: shard.max_seq,
                docs: shard.docs(),
                history: shard.history_uuid.clone(),
            })
            .collect(),
    }
}

impl Pair {
    /// How that follower stands now, whatever the clusters would answer.
    pub fn standing(&self, follower: &str) -> Standing {
        let cluster = self.cluster(Side::Follower);
        let leaders = self.cluster(Side::Leader);
        let index = cluster.indices.get(follower);
        let ccr = index.and_then(|index| index.ccr.as_ref());
        let leader = ccr.and_then(|ccr| leaders.indices.get(&ccr.leader));
        let leases = match (index, ccr, leader) {
            (Some(index), Some(ccr), Some(leader)) => {
                let id = lease_id(
                    &cluster.name,
                    (follower, &index.uuid),
                    &ccr.alias,
                    (&ccr.leader, &ccr.leader_uuid),
                );
                let shards = leader.shards.iter();
                shards.filter(|shard| shard.leases.get(&id).is_some()).count()
            }
            _ => 0,
        };
        let tasks = cluster.tasks.values().filter(|task| task.follower == follower);
        let followers = cluster.indices.values().filter(|index| index.ccr.is_some());
        let down = followers
            .clone()
            .filter(|index| index.name != follower && (!index.open || index.restore.is_some()));
        let unhealthy = followers.clone().filter(|index| !self.index_follows(index));
        Standing {
            name: follower.to_owned(),
            follower: index.map(index_standing),
            followed: ccr.map(|ccr| (ccr.leader_uuid.clone(), ccr.histories.clone())),
            leader: leader.map(index_standing),
            tasks: tasks.clone().count(),
            fatal: tasks.clone().filter(|task| task.run.fatal.is_some()).count(),
            parameters: tasks
                .clone()
                .next()
                .map_or(serde_json::Value::Null, |task| task.params.to_json()),
            leases,
            others_down: down.map(|index| index.name.clone()).collect(),
            unhealthy: (unhealthy.count(), followers.count()),
            connected: cluster.up && leaders.up && !self.link_broken,
        }
    }

    fn index_follows(&self, index: &Index) -> bool {
        let tasks = self.cluster(Side::Follower).tasks.values();
        let mine = tasks.filter(|task| task.follower == index.name);
        index.open
            && index.all_started()
            && mine.clone().count() == index.shards.len()
            && mine.clone().all(|task| task.run.fatal.is_none())
    }

    /// How the follower stands that a request is about; `None` for requests about none.
    pub fn standing_for(&self, side: Side, request: &Request) -> Option<Standing> {
        let path = request.target.split('?').next().unwrap_or_default();
        let first = path.split('/').find(|segment| !segment.is_empty())?;
        let name = match side {
            Side::Follower => percent_encoding::percent_decode_str(first)
                .decode_utf8_lossy()
                .into_owned(),
            Side::Leader => {
                let body: serde_json::Value = serde_json::from_slice(request.body.as_deref()?).ok()?;
                body["follower_index"].as_str()?.to_owned()
            }
        };
        (!name.starts_with('_')).then(|| self.standing(&name))
    }
}
