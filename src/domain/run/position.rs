//! What both clusters look like to a run: the input of `next` beside the journal.
//!
//! Made by `engine::position` from facts; each field is *unknown* where it was not read.

use std::collections::BTreeMap;

use crate::domain::facts::FollowStatus;
use crate::domain::ids::IndexUuid;
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Verdict;

/// `state` of an index in the cluster state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexState {
    /// `open`.
    Open,
    /// `close`.
    Closed,
}

/// How far the copy of the primaries from the leader cluster is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// Primaries came from the local store, or nothing is being copied.
    None,
    /// Running.
    Running {
        /// Bytes copied so far, over all primaries that tell.
        bytes: u64,
        /// Bytes to copy, as far as known.
        total: Option<u64>,
    },
    /// It will not be tried again.
    Failed {
        /// Why, for people.
        reason: String,
    },
    /// Every primary came from the leader cluster and is done.
    Done,
}

/// Documents of both sides, read in the same look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Documents {
    /// The follower's.
    pub follower: u64,
    /// The leader's.
    pub leader: u64,
}

/// Since when something has been seen without a break; an unknown look neither starts nor ends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Since {
    /// State `following` or `catching_up`.
    pub following: Option<Timestamp>,
    /// State `fatal`.
    pub fatal: Option<Timestamp>,
    /// Index closed.
    pub closed: Option<Timestamp>,
    /// Copied, all primaries started, and paused.
    pub restored_paused: Option<Timestamp>,
    /// The copy failed or a primary is not allocated without one.
    pub failed: Option<Timestamp>,
    /// Documents differ at a common checkpoint.
    pub documents_differ: Option<Timestamp>,
    /// No byte of the copy has moved.
    pub still: Option<Timestamp>,
    /// The lag has not fallen.
    pub lag_not_falling: Option<Timestamp>,
}

/// What a cure is proven with (safety 12).
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// Every leader primary holds our lease, renewed within the last minutes.
    pub leases_fresh: Seen<bool>,
    /// Every one of them was renewed since the last request of this run, by the leader's own times:
    /// the follower reaches the leader.
    pub leases_renewed: Seen<bool>,
    /// Shards that since the last request neither reached where the leader was a moment ago nor come
    /// nearer to it. Present and empty: every shard keeps up.
    pub standing_still: Seen<Vec<u32>>,
    /// Operations that the follower is behind the leader's own word, over all shards.
    pub lag: Seen<i64>,
    /// Every shard's checkpoints and sequence numbers are equal on both sides.
    pub checkpoints_equal: Seen<bool>,
    /// Documents on both sides.
    pub documents: Seen<Documents>,
    /// Documents equal within the tolerance; only known at a common checkpoint.
    pub documents_equal: Seen<bool>,
    /// Own settings that are not as they were; `None` takes one away (a block copied from the leader).
    pub settings: Seen<BTreeMap<String, Option<String>>>,
    /// Names of follow parameters that are not as they were.
    pub parameters: Seen<Vec<String>>,
    /// What the follower had and does not have any more, and nobody can put back: for the end's
    /// report. Holds nothing back.
    pub not_restored: Vec<String>,
}

/// Everything that a run's next step depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// The time of this judgement.
    pub now: Timestamp,
    /// When the looks that this rests on began: nothing here says anything of a request sent later.
    pub looked_at: Timestamp,
    /// UUID of the index that stands under the follower's name. Absent: no such index.
    pub follower_uuid: Seen<IndexUuid>,
    /// Open or closed. Absent: no such index.
    pub index: Seen<IndexState>,
    /// `_ccr/info` by name. Absent: no CCR metadata any more.
    pub follow: Seen<FollowStatus>,
    /// Whether `_ccr/info` names the plan's alias and leader for it. Absent: no CCR metadata.
    pub follows_as_planned: Seen<bool>,
    /// Whether a shard follow task of it is left in the cluster state.
    pub tasks_left: Seen<bool>,
    /// `primary_terms` by shard.
    pub primary_terms: Seen<BTreeMap<u32, i64>>,
    /// Whether the copy that is there came from the leader cluster since the close: another
    /// `index.history.uuid` setting (8.x), or primaries whose recovery source is the remote
    /// repository. `primary_terms` cannot tell: an ordinary close and open raises them as a
    /// restore does (recordings 07: 1 to 3 on both versions).
    pub copied: Seen<bool>,
    /// The copy.
    pub restore: Seen<Restore>,
    /// Names of its aliases, as the cluster state shows them.
    pub aliases: Seen<Vec<String>>,
    /// Every primary is started.
    pub primaries_started: Seen<bool>,
    /// A lease of ours on any leader primary; absent only when every primary was seen without.
    pub lease: Seen<()>,
    /// The judge's word on this look.
    pub verdict: Verdict,
    /// What has been so for how long.
    pub since: Since,
    /// What a cure is proven with.
    pub proof: Proof,
}
