//! The journal: the append-only record of intents and outcomes that a run is resumed from.
//!
//! An intent is durable before its request is sent (safety 5); `run` replays these events and is
//! the only reader of their meaning.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::cause::Remedy;
use crate::domain::decision::GuardResult;
use crate::domain::ids::{ClusterName, HistoryUuid, IndexUuid, LeaseId, RunId};
use crate::domain::plan::Plan;
use crate::domain::state::named_enum;
use crate::domain::step::Step;
use crate::domain::time::Timestamp;
use std::fmt;

/// Version of the stored form of [`Entry`]; raised whenever a field is added or changes meaning.
/// 2: `born`, and the steps of `delete_and_follow`. 3: the steps of side by side.
pub const JOURNAL_FORMAT: u32 = 3;

/// Who or what let a run start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "trigger", rename_all = "snake_case")]
pub enum Trigger {
    /// The policy in `auto`.
    Policy {
        /// The rule's number in the configuration, from 1; `None` for the default.
        rule: Option<u32>,
    },
    /// People.
    Approved {
        /// Who.
        by: Vec<String>,
    },
}

/// One request as it was or will be sent, without secrets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// The cluster it goes to.
    pub cluster: ClusterName,
    /// HTTP method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// JSON body.
    pub body: Option<serde_json::Value>,
}

/// What an answer said, as far as an answer can say anything: what happened is found by looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum StepAnswer {
    /// 2xx.
    Accepted {
        /// HTTP status.
        status: u16,
        /// The body, shortened.
        body: String,
    },
    /// A refusal in Elasticsearch's own words. After a PUT follow it does not prove that nothing happened.
    Refused {
        /// HTTP status.
        status: u16,
        /// `error.type`.
        kind: String,
        /// `error.reason`, shortened.
        reason: String,
    },
    /// No usable answer: outcome unknown, look.
    Unknown {
        /// Why.
        why: String,
    },
    /// It was surely not sent.
    NotSent {
        /// Why.
        why: String,
    },
}

named_enum! {
    /// How a run ended (metric label `outcome`).
    RunOutcome {
        /// Proven to follow again.
        Cured = "cured",
        /// Proven not to.
        NotCured = "not_cured",
        /// Could not be told; a person looks.
        CannotTell = "cannot_tell",
        /// The follower was put back as it was.
        BackedOut = "backed_out",
        /// A guard or the cluster refused before anything was changed.
        Refused = "refused",
    }
}

/// One primary of the follower just before the first change: a closed index shows none of this,
/// and the guards before the PUT compare the leader with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ShardBefore {
    /// Its number.
    pub shard: u32,
    /// `commit.user_data.history_uuid`.
    pub history_uuid: Option<HistoryUuid>,
    /// `seq_no.max_seq_no`.
    pub max_seq_no: Option<i64>,
    /// `seq_no.global_checkpoint`.
    pub global_checkpoint: Option<i64>,
    /// `docs.count`.
    pub docs: Option<u64>,
    /// `routing.state`.
    pub state: Option<String>,
    /// Its retention leases: whether something follows the follower. `None` where not shown.
    pub leases: Option<Vec<LeaseBefore>>,
}

/// One retention lease of a [`ShardBefore`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseBefore {
    /// `id`.
    pub id: LeaseId,
    /// `source`.
    pub source: Option<String>,
}

/// Reads `{"0": 1}`. Inside an internally tagged enum serde buffers the value and then refuses to
/// take the text `"0"` for a number, so that a journal could be written and not read again.
fn by_shard<'de, D: serde::Deserializer<'de>>(from: D) -> Result<BTreeMap<u32, i64>, D::Error> {
    let by_text = BTreeMap::<String, i64>::deserialize(from)?;
    let numbered = by_text
        .into_iter()
        .map(|(shard, term)| Ok((shard.parse()?, term)));
    numbered
        .collect::<Result<_, std::num::ParseIntError>>()
        .map_err(serde::de::Error::custom)
}

/// What was true just before the first change, so that everything can be put back by hand.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Before {
    /// `primary_terms` by shard: they jump when a PUT has taken effect.
    #[serde(deserialize_with = "by_shard")]
    pub primary_terms: BTreeMap<u32, i64>,
    /// `index.history.uuid` setting, where it stood.
    pub history_setting: Option<String>,
    /// Documents of the follower.
    pub follower_documents: Option<u64>,
    /// Documents of the leader.
    pub leader_documents: Option<u64>,
    /// The follower's primaries.
    pub follower_shards: Vec<ShardBefore>,
    /// `cluster_name` of the follower cluster: part of the lease's id and of `forget_follower`.
    pub follower_cluster_name: Option<String>,
    /// Version of the follower cluster: decides what the PUT may carry.
    pub follower_version: Option<String>,
    /// Whether the follower was active (true) or already paused (false).
    pub was_active: bool,
    /// All settings of the follower, flat.
    pub settings: BTreeMap<String, String>,
    /// The undo commands, as they went to the file and the log.
    pub undo: Vec<String>,
}

/// One thing that happened in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The run exists. Everything needed to finish or undo stands here.
    Opened {
        /// The plan.
        plan: Box<Plan>,
        /// Who let it start.
        trigger: Trigger,
        /// What was true before.
        before: Box<Before>,
        /// How many runs of this lineage there were before (attempts are counted per lineage).
        attempt: u32,
    },
    /// A rung begins.
    Rung {
        /// Which remedy.
        remedy: Remedy,
    },
    /// About to send.
    Intent {
        /// The step.
        step: Step,
        /// The request.
        request: RequestRecord,
        /// Guards evaluated just before, with their verdicts.
        guards: Vec<GuardResult>,
        /// `primary_terms` as just seen.
        #[serde(deserialize_with = "by_shard")]
        primary_terms: BTreeMap<u32, i64>,
    },
    /// What the answer said.
    Answered {
        /// The step.
        step: Step,
        /// The answer.
        answer: StepAnswer,
    },
    /// Looking has shown that a step holds.
    Proven {
        /// The step.
        step: Step,
        /// What was seen.
        seen: Vec<String>,
    },
    /// `delete_and_follow` and side by side: the new index that our follow made.
    Born {
        /// Its UUID; from here on it is that of the index that the run works on.
        follower_uuid: IndexUuid,
    },
    /// Progress of a long step, for people; changes nothing.
    Progress {
        /// The step.
        step: Step,
        /// Text for people.
        text: String,
    },
    /// From here on only backing out.
    BackingOut {
        /// Why.
        reason: String,
    },
    /// The daemon came back to this run after a restart.
    Continued {
        /// What it found, for people.
        found: String,
    },
    /// The end.
    Closed {
        /// How it ended.
        outcome: RunOutcome,
        /// The last rung tried.
        remedy: Option<Remedy>,
        /// Why, for people.
        reason: String,
        /// What a person must do, where something is left to do.
        person_must: Option<String>,
        /// The follower was left paused or closed by us (only where backing out failed).
        held: Option<Step>,
    },
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// [`JOURNAL_FORMAT`].
    pub format: u32,
    /// The run.
    pub run: RunId,
    /// Position in the run, from 1, without gaps.
    pub seq: u64,
    /// When it was written.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
}
