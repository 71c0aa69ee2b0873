//! A plan: the immutable, complete description of one repair of one follower, and its hash.
//!
//! The hash covers what the plan was decided from (contract, *Plan hash*) and nothing that moves
//! by itself: no counter, size, lag, time or error text. Those are checked again by guards.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::facts::Parameters;
use crate::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, HistoryUuid, IndexName, IndexUuid, LeaseId, PlanHash, RemoteAlias,
    SnapshotRef,
};
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;
use crate::domain::verdict::Evidence;

/// Version of the stored form of [`Plan`]; raised whenever a field is added or changes meaning.
/// 2: `extend_runway`, `follow_settings`, `snapshot`, `lease`. 3: `beside`, which an older version
/// would read as a recreate in place.
pub const PLAN_FORMAT: u32 = 3;

/// The histories of one leader shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanShard {
    /// History UUID that the follower follows.
    pub followed: Option<HistoryUuid>,
    /// History UUID that the leader's primary has now.
    pub present: Option<HistoryUuid>,
}

/// A fact that a person overrode, by name (safety 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// The index, typed by the person.
    pub index: IndexName,
    /// The guard or fact that is overridden.
    pub fact: String,
    /// Who.
    pub person: String,
}

/// Everything that the hash covers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanBasis {
    /// Follower cluster's name in the configuration.
    pub cluster: ClusterName,
    /// Its `cluster_uuid`.
    pub cluster_uuid: ClusterUuid,
    /// Follower index.
    pub follower: IndexName,
    /// Its UUID.
    pub follower_uuid: IndexUuid,
    /// Alias it follows through.
    pub remote: RemoteAlias,
    /// Leader cluster's name in the configuration, where one is configured.
    pub leader_cluster: Option<ClusterName>,
    /// Its `cluster_uuid`, where it was looked at.
    pub leader_cluster_uuid: Option<ClusterUuid>,
    /// Leader index.
    pub leader: IndexName,
    /// UUID of the leader index that is there now.
    pub leader_uuid: Option<IndexUuid>,
    /// UUID of the leader index that is followed.
    pub leader_uuid_followed: Option<IndexUuid>,
    /// Histories by shard.
    pub shards: Vec<PlanShard>,
    /// Number of primary shards of the follower.
    pub shard_count: u32,
    /// The cause.
    pub cause: Cause,
    /// The remedies, mildest first.
    pub ladder: Vec<Remedy>,
    /// Follow parameters to put back.
    pub parameters: Parameters,
    /// The follower's own settings to put back.
    pub own_settings: BTreeMap<String, String>,
    /// Aliases, with their definition as JSON text.
    pub aliases: BTreeMap<String, String>,
    /// Data stream that it backs.
    pub data_stream: Option<String>,
    /// Overrides.
    pub overrides: Vec<Override>,
    /// What it is for where it is no repair: buying time. Its ladder is empty then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extend_runway: Option<ExtendRunway>,
    /// Settings that the PUT carries, because with the leader's own the copy would fail again
    /// (allocation filters, tiers, blocks); only for a follower whose restore failed, from 7.9 on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub follow_settings: BTreeMap<String, String>,
    /// The finished snapshot of the follower that its copy may be given up for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<SnapshotRef>,
    /// How the follower's lease comes to be gone.
    #[serde(default, skip_serializing_if = "LeaseWay::is_forget")]
    pub lease: LeaseWay,
    /// The name under which a new copy is followed beside the follower, which is not touched then.
    /// `None`: the repair is made in place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beside: Option<IndexName>,
}

/// Raising `index.soft_deletes.retention_lease.period` on the leader index, and back after the cure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtendRunway {
    /// The period to set, milliseconds.
    pub to_millis: u64,
    /// The value that stood there, to be put back; `None`: none was set.
    pub before: Option<String>,
}

impl ExtendRunway {
    /// The setting.
    pub const SETTING: &'static str = "index.soft_deletes.retention_lease.period";

    /// The value as it is sent: whole seconds, which every version reads.
    pub fn value(&self) -> String {
        format!("{}s", self.to_millis / 1000)
    }
}

named_enum! {
    /// How a follower's retention lease comes to be gone before its PUT (safety 7).
    LeaseWay {
        /// `forget_follower` on the leader cluster.
        Forget = "forget",
        /// Nothing is sent to the leader cluster: the run waits, with the follower still open,
        /// until the lease has expired.
        Wait = "wait",
        /// `unfollow` on the follower cluster, which removes the lease and with it the way back.
        Unfollow = "unfollow",
    }
}

#[expect(
    clippy::derivable_impls,
    reason = "the macro that makes the enum derives none"
)]
impl Default for LeaseWay {
    fn default() -> Self {
        Self::Forget
    }
}

impl LeaseWay {
    /// Whether it is the usual way; for the stored form, which leaves it out.
    pub fn is_forget(&self) -> bool {
        *self == Self::Forget
    }
}

/// What a person asks for beside the remedy itself (`refollow recreate`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wishes {
    /// Facts that are overridden.
    pub overrides: Vec<Override>,
    /// The snapshot that the follower's copy may be given up for.
    pub snapshot: Option<SnapshotRef>,
    /// How the lease comes to be gone.
    pub lease: LeaseWay,
    /// The name of a new copy beside the follower, in place of a copy over it.
    pub beside: Option<IndexName>,
}

/// Nothing beside the remedy: what the policy plans by itself.
pub static NO_WISHES: Wishes = Wishes {
    overrides: Vec::new(),
    snapshot: None,
    lease: LeaseWay::Forget,
    beside: None,
};

impl PlanBasis {
    /// What was asked for beside the remedy.
    pub fn wishes(&self) -> Wishes {
        Wishes {
            overrides: self.overrides.clone(),
            snapshot: self.snapshot.clone(),
            lease: self.lease,
            beside: self.beside.clone(),
        }
    }

    /// The index that a run's copy is made under: the follower, or the new name beside it.
    pub fn target(&self) -> &IndexName {
        self.beside.as_ref().unwrap_or(&self.follower)
    }

    /// [`PlanBasis::target`] with its cluster.
    pub fn target_key(&self) -> FollowerKey {
        FollowerKey {
            cluster: self.cluster.clone(),
            index: self.target().clone(),
        }
    }

    /// The follower this is about.
    pub fn key(&self) -> FollowerKey {
        FollowerKey {
            cluster: self.cluster.clone(),
            index: self.follower.clone(),
        }
    }

    /// SHA-256 of the canonical JSON (keys sorted, no blanks).
    ///
    /// # Errors
    /// When a value cannot be written as JSON, which its types exclude.
    pub fn hash(&self) -> Result<PlanHash, serde_json::Error> {
        let value = serde_json::to_value(self)?;
        let mut canonical = String::new();
        write_canonical(&value, &mut canonical);
        let digest = Sha256::digest(canonical.as_bytes());
        let hex: String = digest
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
            .collect();
        PlanHash::parse(&hex).map_err(serde::de::Error::custom)
    }

    /// Names of the fields in which two bases differ, for "what changed".
    pub fn differences(&self, other: &Self) -> Vec<String> {
        self.changes(other)
            .into_iter()
            .map(|change| change.field)
            .collect()
    }

    /// The fields in which `later` differs, with both values as short JSON.
    pub fn changes(&self, later: &Self) -> Vec<Difference> {
        let fields = |basis: &Self| match serde_json::to_value(basis) {
            Ok(serde_json::Value::Object(map)) => map,
            _ => serde_json::Map::new(),
        };
        let (ours, theirs) = (fields(self), fields(later));
        let null = serde_json::Value::Null;
        // Either may lack a field that only some plans have.
        let names: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| {
                let before = ours.get(name).unwrap_or(&null);
                let now = theirs.get(name).unwrap_or(&null);
                (before != now).then(|| Difference {
                    field: name.clone(),
                    before: in_short(before),
                    now: in_short(now),
                })
            })
            .collect()
    }
}

/// A value as a person reads it in a list of differences.
fn in_short(value: &serde_json::Value) -> String {
    const LONGEST: usize = 120;
    let text = match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut short: String = text.chars().take(LONGEST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// One field in which two plans differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// The field of [`PlanBasis`].
    pub field: String,
    /// Its value in the plan before.
    pub before: String,
    /// Its value in this one.
    pub now: String,
}

/// The plan that this one took the place of, because the facts had changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Its hash.
    pub hash: PlanHash,
    /// What changed.
    pub differences: Vec<Difference>,
}

fn write_canonical(value: &serde_json::Value, out: &mut String) {
    match value {
        serde_json::Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            out.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&serde_json::Value::String(key.clone()).to_string());
                out.push(':');
                write_canonical(value, out);
            }
            out.push('}');
        }
        serde_json::Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// Figures for people, outside the hash.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PlanFigures {
    /// Documents in the follower.
    pub follower_documents: Option<u64>,
    /// Documents in the leader.
    pub leader_documents: Option<u64>,
    /// Bytes to copy: the leader's primaries' store.
    pub bytes: Option<u64>,
    /// Estimated length of the copy in seconds (size over 40 MB/s).
    pub eta_seconds: Option<u64>,
    /// The lease that the follower holds on the leader.
    pub lease_id: Option<LeaseId>,
    /// When the leader may discard what the follower still needs.
    pub runway_expires_at: Option<Timestamp>,
    /// Bytes of the follower's own copy, which a recreate destroys: its primaries' store.
    pub follower_bytes: Option<u64>,
    /// The plan that became void when this one was made.
    pub replaces: Option<Replaced>,
}

/// One repair of one follower.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// Hash of `basis`.
    pub hash: PlanHash,
    /// What it was decided from.
    pub basis: PlanBasis,
    /// Who must agree by the nature of the cause.
    pub approval: Approval,
    /// When it was made.
    pub created_at: Timestamp,
    /// Figures for people.
    pub figures: PlanFigures,
    /// What the verdict rested on.
    pub evidence: Vec<Evidence>,
}

impl PlanFigures {
    /// Takes from newer figures what these do not know.
    pub fn fill_in(&mut self, newer: &Self) {
        self.follower_documents = self.follower_documents.or(newer.follower_documents);
        self.leader_documents = self.leader_documents.or(newer.leader_documents);
        self.bytes = self.bytes.or(newer.bytes);
        self.eta_seconds = self.eta_seconds.or(newer.eta_seconds);
        self.follower_bytes = self.follower_bytes.or(newer.follower_bytes);
    }
}

impl Plan {
    /// Whether it destroys the copy that the follower has. One made beside it does not.
    pub fn destroys(&self) -> bool {
        self.basis.beside.is_none() && self.basis.ladder.iter().any(|rung| rung.destroys())
    }
}

/// Where a plan stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum PlanState {
    /// It waits for people.
    Pending,
    /// People agreed; it runs as soon as guards and budgets let it.
    Approved,
    /// A run of it is going on.
    Running {
        /// The run.
        run: crate::domain::ids::RunId,
    },
    /// A run of it has ended.
    Done {
        /// The run.
        run: crate::domain::ids::RunId,
    },
    /// Somebody said no; it stays so until the facts change.
    Rejected {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Nobody answered in time.
    Expired,
    /// The facts changed.
    Void {
        /// What changed.
        reason: String,
    },
}

impl PlanState {
    /// Stable word for JSON and people.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Running { .. } => "running",
            Self::Done { .. } => "done",
            Self::Rejected { .. } => "rejected",
            Self::Expired => "expired",
            Self::Void { .. } => "void",
        }
    }

    /// Whether it still can lead to a run.
    pub const fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Approved | Self::Running { .. })
    }
}

/// One person's yes to one plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// Who (from the admin socket's peer credentials).
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they noted.
    pub note: Option<String>,
}

/// A plan with its standing: what the store keeps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanRecord {
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub state: PlanState,
    /// When its standing last changed.
    pub changed_at: Timestamp,
    /// When it expires if nobody decides.
    pub expires_at: Timestamp,
    /// Who agreed so far.
    pub consents: Vec<Consent>,
    /// It came from `refollow recreate`: needs an approval whatever the mode.
    pub requested_by: Option<String>,
}
