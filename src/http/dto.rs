//! JSON in and out of the API, and [`Daemon`]: what the server may ask of the engine.
//!
//! The shapes of `status`, `why`, `plans` and `runs` are the contract's, literally; further fields
//! stand beside the contract's and never in their place.

use std::time::Duration;

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::domain::access::{Grant, Reach, Role, Token};
use crate::domain::brake::BrakeScope;
use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::decision::{DecisionKind, GuardResult};
use crate::domain::drill::{Drill, DrillResult, StepRecord};
use crate::domain::handbook;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, PlanHash, RemoteAlias, RunId};
use crate::domain::incident::IncidentKind;
use crate::domain::journal::{Entry, RunOutcome};
use crate::domain::load::Trouble;
use crate::domain::plan::{Consent, Plan, Replaced};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::trend::Point;
use crate::domain::verdict::Evidence;
use crate::metrics::Scrape;

pub use crate::history::past::{Past, PastBegan, PastChange, PastPoint};
pub use crate::http::problem::{Problem, ProblemKind};

/// `GET /api/v1/followers`, and `refollow status --json`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Status {
    /// One entry per follower, in the order of cluster and index.
    pub followers: Vec<FollowerItem>,
    /// What is wrong with several of them at once.
    #[serde(default)]
    pub incidents: Vec<IncidentItem>,
    /// Auto-follow patterns, in the order of cluster and name.
    #[serde(default)]
    pub patterns: Vec<PatternItem>,
    /// Things beside the followers that people must know: a file brake, a cluster that cannot be looked at.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// One follower in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FollowerItem {
    /// Follower cluster.
    pub cluster: ClusterName,
    /// Follower index.
    pub index: IndexName,
    /// What it is doing.
    pub state: State,
    /// Why it is not following.
    pub cause: Cause,
    /// What the policy says.
    pub decision: DecisionKind,
    /// Operations behind the leader, over all shards; `null` when not known.
    pub lag_operations: Option<i64>,
    /// When the leader may discard what it still needs; `null` when not known or not running out.
    pub runway_expires_at: Option<Timestamp>,
    /// The incident that it belongs to, by its id.
    pub incident: Option<String>,
    /// The run that is open on it.
    #[serde(default)]
    pub run: Option<RunId>,
    /// Alias that it follows through.
    #[serde(default)]
    pub remote: Option<RemoteAlias>,
    /// Leader index.
    #[serde(default)]
    pub leader: Option<IndexName>,
    /// Its pending plan.
    #[serde(default)]
    pub plan: Option<PlanHash>,
    /// When it was last looked at.
    #[serde(default)]
    pub looked_at: Option<Timestamp>,
    /// It changed between states too often lately.
    #[serde(default)]
    pub flapping: bool,
}

/// `GET /api/v1/incidents`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Incidents {
    /// In the order of their ids.
    pub incidents: Vec<IncidentItem>,
}

/// Several followers that are sick for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentItem {
    /// The same for the same thing, over looks and restarts.
    pub id: String,
    /// What they have in common.
    pub kind: IncidentKind,
    /// Follower cluster.
    pub cluster: ClusterName,
    /// Alias, where it is about one.
    pub remote: Option<RemoteAlias>,
    /// Node id, where it is about one.
    pub node: Option<String>,
    /// The cause that most of them have.
    pub cause: Cause,
    /// Since when the first of them has had it.
    pub since: Option<Timestamp>,
    /// How many there are; each names the incident in its own entry.
    pub followers: u64,
    /// What is wrong, for people.
    pub what: String,
}

/// `GET /api/v1/auto-follow`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Patterns {
    /// In the order of cluster and name.
    pub patterns: Vec<PatternItem>,
}

/// One auto-follow pattern.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatternItem {
    /// Follower cluster.
    pub cluster: ClusterName,
    /// Its name.
    pub name: String,
    /// Alias, where the pattern could be read.
    pub remote: Option<RemoteAlias>,
    /// `auto_follow_failing`, `none`, or `unknown` while the cluster cannot be looked at.
    pub cause: Cause,
    /// Errors of it that are of now.
    pub failing: u32,
    /// What the cause rests on.
    pub evidence: Vec<Evidence>,
}

/// `GET /api/v1/followers/{cluster}/{index}/why` (the same at `…/{index}`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The follower in short, its fields on the same level.
    #[serde(flatten)]
    pub follower: FollowerItem,
    /// Every guard.
    pub guards: Vec<GuardResult>,
    /// Why the policy says so.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// The other causes that fit.
    #[serde(default)]
    pub also: Vec<Cause>,
    /// Remedies, mildest first.
    #[serde(default)]
    pub ladder: Vec<Remedy>,
    /// Who must agree.
    #[serde(default)]
    pub approval: Option<Approval>,
    /// What the cause rests on.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Can it be searched (safety 13)? A sentence.
    #[serde(default)]
    pub searchable: Option<String>,
    /// How stale is it? A sentence.
    #[serde(default)]
    pub staleness: Option<String>,
    /// What doing nothing costs, and by when. A sentence.
    #[serde(default)]
    pub cost_of_waiting: Option<String>,
    /// How far behind it was lately, oldest first; a restart begins it anew.
    #[serde(default)]
    pub lag_history: Vec<Point>,
    /// What the cause is and what to do about it: the short form of its section in `docs/JUDGEMENT.md`.
    #[serde(default)]
    pub handbook: Option<handbook::Short>,
}

/// `GET /api/v1/plans`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plans {
    /// Newest first.
    pub plans: Vec<PlanItem>,
}

/// One plan in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanItem {
    /// Its hash.
    pub hash: PlanHash,
    /// The follower, as `<cluster>/<index>`.
    pub follower: FollowerKey,
    /// The cause.
    pub cause: Cause,
    /// Remedies, mildest first.
    pub ladder: Vec<Remedy>,
    /// Who must agree by the nature of the cause.
    pub approval: Approval,
    /// `pending`, `approved`, `running`, `done`, `rejected`, `expired`, `void`.
    pub state: String,
    /// When it expires if nobody decides.
    pub expires_at: Timestamp,
    /// Every guard as last evaluated.
    pub guards: Vec<GuardResult>,
    /// When it was made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
    /// Bytes that a copy would take.
    #[serde(default)]
    pub bytes: Option<u64>,
    /// Estimated seconds of the copy.
    #[serde(default)]
    pub eta_seconds: Option<u64>,
    /// Who agreed so far.
    #[serde(default)]
    pub consents: Vec<Consent>,
    /// How many must agree.
    #[serde(default)]
    pub approvers_needed: Option<u32>,
    /// Who asked for it, where somebody did.
    #[serde(default)]
    pub requested_by: Option<String>,
    /// Why it is rejected or void, and by whom.
    #[serde(default)]
    pub state_reason: Option<String>,
    /// `extend_runway` for a plan that buys time, `side_by_side` for a copy under another name; `repair`
    /// otherwise.
    #[serde(default)]
    pub kind: String,
    /// What it is estimated to cost, where it buys time or copies; for a copy in place also what side
    /// by side would cost. A sentence.
    #[serde(default)]
    pub cost: Option<String>,
    /// What will be lost, where the index's name must be typed with the approval (`lose`).
    #[serde(default)]
    pub must_type: Option<String>,
    /// The plan that this one took the place of, and what had changed.
    #[serde(default)]
    pub replaces: Option<Replaced>,
}

/// `GET /api/v1/plans/{hash}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanDetail {
    /// The plan in short, its fields on the same level.
    #[serde(flatten)]
    pub item: PlanItem,
    /// The whole plan.
    pub plan: Plan,
    /// What will be sent, in order, as commands or sentences for people.
    #[serde(default)]
    pub steps: Vec<String>,
    /// With whose rights its follow tasks run and on which node, and whose they will be (safety 15).
    #[serde(default)]
    pub owners: Vec<String>,
}

/// `GET /api/v1/followers/{cluster}/{index}/plan`: what would be done now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanNow {
    /// The follower.
    pub follower: FollowerKey,
    /// What the policy says.
    pub decision: DecisionKind,
    /// Why.
    pub reasons: Vec<String>,
    /// The plan, made or as it would be made; `null` where there is none to make.
    pub plan: Option<PlanDetail>,
    /// Whether that plan is stored (and can be approved), or only shown.
    pub stored: bool,
}

/// `GET /api/v1/runs`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Runs {
    /// Newest first.
    pub runs: Vec<RunItem>,
}

/// One run in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunItem {
    /// The run.
    pub id: RunId,
    /// `repair`; `drill`: a repair of what a drill broke on purpose; `extend_runway`: bought time,
    /// which has no journal and no outcome, and `progress` only while the longer period stands.
    #[serde(default)]
    pub kind: String,
    /// Its plan.
    pub plan: PlanHash,
    /// The follower.
    pub follower: FollowerKey,
    /// How it ended; `null` while it goes on.
    pub outcome: Option<RunOutcome>,
    /// The last rung tried.
    pub remedy: Option<Remedy>,
    /// Its steps so far.
    pub steps: Vec<StepItem>,
    /// When it began.
    #[serde(default)]
    pub opened_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// Why it ended so.
    #[serde(default)]
    pub reason: Option<String>,
    /// What a person must do.
    #[serde(default)]
    pub person_must: Option<String>,
    /// Text of the latest progress.
    #[serde(default)]
    pub progress: Option<String>,
}

/// One step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepItem {
    /// Step's name.
    pub name: String,
    /// `intended`, `answered`, `refused`, `unknown`, `proven`, `not_sent`.
    pub state: String,
    /// When its intent was written.
    pub started_at: Option<Timestamp>,
    /// When it was proven, or the run left it.
    pub ended_at: Option<Timestamp>,
}

/// `GET /api/v1/runs/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunDetail {
    /// The run in short, its fields on the same level.
    #[serde(flatten)]
    pub item: RunItem,
    /// Its whole journal.
    pub journal: Vec<Entry>,
    /// The commands to undo it by hand, as written before the first change.
    #[serde(default)]
    pub undo: Vec<String>,
}

/// `GET /api/v1/clusters`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Clusters {
    /// In the order of the configuration.
    pub clusters: Vec<ClusterItem>,
}

/// One cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterItem {
    /// Its name in the configuration.
    pub name: ClusterName,
    /// Whether the last look succeeded; `null` before the first.
    pub up: Option<bool>,
    /// Elasticsearch's version.
    pub version: Option<String>,
    /// Its `cluster_uuid`.
    pub cluster_uuid: Option<String>,
    /// When it was last looked at.
    pub last_look_at: Option<Timestamp>,
    /// When a look last succeeded.
    pub last_success_at: Option<Timestamp>,
    /// How many followers it has.
    pub followers: u64,
    /// Why the last look failed.
    pub problem: Option<String>,
    /// Why it is asked less than usual, and for how long; `null`: it is asked as usual.
    #[serde(default)]
    pub spared: Option<Spared>,
    /// The aliases it knows.
    pub remotes: Vec<RemoteItem>,
}

/// A cluster that is asked less than usual.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spared {
    /// Why.
    pub reason: Trouble,
    /// Since when.
    pub since: Timestamp,
    /// It is not looked at before this; `null`: only second calls are fewer.
    pub until: Option<Timestamp>,
    /// The same in words, to follow the cluster's name.
    pub what: String,
}

/// One alias of one cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoteItem {
    /// The alias.
    pub alias: RemoteAlias,
    /// The configured cluster behind it.
    pub cluster: Option<ClusterName>,
    /// Whether it is connected; `null` when not known.
    pub connected: Option<bool>,
}

/// `GET /api/v1/brakes`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Brakes {
    /// By scope.
    pub brakes: Vec<BrakeItem>,
    /// Breakers that are open, the widest first.
    #[serde(default)]
    pub breakers: Vec<BreakerItem>,
}

/// One breaker that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerItem {
    /// Follower cluster; `null`: over everything.
    pub cluster: Option<ClusterName>,
    /// Alias; `null`: over everything.
    pub remote: Option<RemoteAlias>,
    /// Since when.
    pub since: Timestamp,
    /// Unhealthy followers at the last look.
    pub unhealthy: u32,
    /// Followers at the last look.
    pub of: u32,
    /// When it closes if nothing else turns unhealthy; `null` while too many are.
    pub closes_at: Option<Timestamp>,
}

/// One brake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrakeItem {
    /// What it stops.
    pub scope: BrakeScope,
    /// Who engaged it; `file` for the one on disk.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub engaged_at: Option<Timestamp>,
    /// When it lets go.
    pub expires_at: Option<Timestamp>,
    /// Whether it holds now.
    pub holds: bool,
}

/// `GET /api/v1/events?after=N`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Events {
    /// In order, from `after` + 1.
    pub events: Vec<EventItem>,
}

/// One line of what happened: from the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EventItem {
    /// Position; ask for `after` this one next time.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Stable word.
    pub kind: String,
    /// Who or what.
    pub who: String,
    /// About what.
    pub subject: String,
    /// Everything else.
    pub detail: serde_json::Value,
}

/// `GET /api/v1/audit?run=&follower=&since=&limit=`, and `refollow audit show --json`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AuditStory {
    /// Oldest first.
    pub records: Vec<AuditItem>,
}

/// One record of the audit log with its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AuditItem {
    /// Position, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Stable word.
    pub kind: String,
    /// Who or what.
    pub who: String,
    /// About what.
    pub subject: String,
    /// Everything else.
    pub detail: serde_json::Value,
    /// SHA-256 in hexadecimal over the record before and this one.
    pub hash: String,
}

/// What is wanted of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditWanted {
    /// Only what belongs to this run, from its plan to its end.
    pub run: Option<RunId>,
    /// Only what is about this follower.
    pub follower: Option<FollowerKey>,
    /// Only records of this time and later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: u32,
}

/// `GET /api/v1/audit/verify`, and `refollow audit verify --json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditVerdict {
    /// Every record is what was written, and none is missing.
    pub whole: bool,
    /// Records whose place in the chain was computed and fits.
    pub records: u64,
    /// Position of the first that does not fit.
    pub broken_at: Option<u64>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

/// Body of `POST /api/v1/plans/{hash}/approve`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApproveBody {
    /// Noted with the approval.
    #[serde(default)]
    pub note: Option<String>,
    /// The follower index whose copy will be lost, typed by the person; see `must_type` of a plan.
    #[serde(default)]
    pub lose: Option<String>,
    /// Facts overridden by name, each with the index typed by the person (safety 4).
    #[serde(default)]
    pub overrides: Vec<OverrideBody>,
}

/// Body of `POST /api/v1/followers/{cluster}/{index}/recreate`; may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecreateBody {
    /// Guards of the last good copy that are overridden, each with the index typed by the person.
    #[serde(default)]
    pub overrides: Vec<OverrideBody>,
    /// `<repository>/<snapshot>`: a finished snapshot of the follower, taken after it stopped.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// `forget` (the default), `wait` or `unfollow`.
    #[serde(default)]
    pub lease: Option<String>,
    /// Side by side: the free name under which the leader is followed anew; the follower is not touched.
    #[serde(default)]
    pub beside: Option<IndexName>,
}

/// One overridden fact; the person is whoever calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverrideBody {
    /// The follower index, typed once more.
    pub index: IndexName,
    /// The guard or fact.
    pub fact: String,
}

/// Body of `POST /api/v1/plans/{hash}/reject` and of `POST
/// /api/v1/followers/{cluster}/{index}/acknowledge`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectBody {
    /// Why; must not be empty.
    pub reason: String,
}

/// Body of `POST /api/v1/followers/{cluster}/{index}/extend-runway`: one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendBody {
    /// The lease period to set on the leader, in seconds.
    #[serde(default)]
    pub to_seconds: Option<u64>,
    /// Put back what was raised, before the cure.
    #[serde(default)]
    pub undo: bool,
}

/// What is asked about the runway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunwayRequest {
    /// A plan to raise the leader's lease period to this.
    Extend(Duration),
    /// Put back what was raised.
    Undo,
}

/// Body of `PUT /api/v1/brakes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrakeBody {
    /// As on the command line: `all`, `cluster:<c>` …
    pub scope: BrakeScope,
    /// Why; must not be empty.
    pub reason: String,
    /// Length in seconds; absent: until released.
    #[serde(default)]
    pub for_seconds: Option<u64>,
}

/// Body of `POST /api/v1/drill`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillBody {
    /// Follower cluster.
    pub cluster: ClusterName,
    /// Alias; absent: the only one of that cluster.
    #[serde(default)]
    pub remote: Option<RemoteAlias>,
}

/// `GET /api/v1/drill`: the newest drill, over or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillReport {
    /// Who called it.
    pub by: String,
    /// When it began.
    pub started_at: Timestamp,
    /// The scratch follower.
    pub follower: FollowerKey,
    /// The alias that it follows through.
    pub remote: RemoteAlias,
    /// The scratch leader's cluster.
    pub leader_cluster: ClusterName,
    /// The scratch leader.
    pub leader: IndexName,
    /// What was done so far, the last one perhaps still running.
    pub steps: Vec<StepRecord>,
    /// The plan that was made.
    pub plan: Option<PlanHash>,
    /// The run that repaired it.
    pub run: Option<RunId>,
    /// How it ended; `null` while it goes on.
    pub result: Option<DrillResult>,
    /// Both scratch indices are gone.
    pub cleaned: bool,
}

impl From<Drill> for DrillReport {
    fn from(drill: Drill) -> Self {
        Self {
            follower: drill.key(),
            by: drill.by,
            started_at: drill.started_at,
            remote: drill.remote,
            leader_cluster: drill.leader.cluster,
            leader: drill.leader.name.index().clone(),
            steps: drill.steps,
            plan: drill.plan,
            run: drill.run,
            result: drill.result,
            cleaned: drill.cleaned,
        }
    }
}

/// Body of `POST /api/v1/notifications/test`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifyTestBody {
    /// Which receiver; absent: each.
    #[serde(default)]
    pub receiver: Option<String>,
}

/// One receiver that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedReceiver {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Where it is; nothing secret.
    pub place: String,
    /// Whether it took the message.
    pub ok: bool,
    /// What it said where it did not.
    pub problem: Option<String>,
}

/// `POST /api/v1/notifications/test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TriedReceivers {
    /// Each that was tried.
    pub receivers: Vec<TriedReceiver>,
}

/// One message that a receiver was told or is to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotificationItem {
    /// The receiver.
    pub receiver: String,
    /// The key under which the receiver knows it.
    pub id: String,
    /// What it is about, by name.
    pub subject: String,
    /// How soon a person should look.
    pub severity: String,
    /// One line.
    pub title: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was over; what is told by then is deleted.
    pub ended_at: Option<Timestamp>,
    /// How often it was told.
    pub told: u32,
    /// When it was last told.
    pub told_at: Option<Timestamp>,
    /// The receiver does not know yet what it should.
    pub waiting: bool,
    /// When it is told next, or again.
    pub next_at: Timestamp,
    /// Failures since it was last told.
    pub failures: u32,
    /// Why it was not told the last time.
    pub problem: Option<String>,
}

/// `GET /api/v1/notifications`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    /// What stands, and what is still to be told, by receiver.
    pub notifications: Vec<NotificationItem>,
}

/// Body of `POST /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenBody {
    /// Whom it is for; absent: who asks.
    #[serde(default)]
    pub person: Option<String>,
    /// What it lets them do.
    pub role: Role,
    /// On these follower clusters only; absent: on all.
    #[serde(default)]
    pub clusters: Option<Vec<ClusterName>>,
    /// How long it holds, in seconds; absent: until it is revoked.
    #[serde(default)]
    pub for_seconds: Option<u64>,
}

/// One token, without anything secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenItem {
    /// Names it in the audit log.
    pub id: String,
    /// Whose it is.
    pub person: String,
    /// What it lets them do.
    pub role: Role,
    /// The follower clusters that it is limited to; `null`: none, it reaches all.
    pub clusters: Option<Vec<ClusterName>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it ends; `null`: when it is revoked.
    pub expires_at: Option<Timestamp>,
    /// Whether it holds now.
    pub holds: bool,
}

impl TokenItem {
    /// As it is shown at that time.
    pub fn new(token: &Token, now: Timestamp) -> Self {
        Self {
            id: token.grant.id.clone(),
            person: token.grant.person.clone(),
            role: token.grant.role,
            clusters: match &token.grant.reach {
                Reach::All => None,
                Reach::Only(clusters) => Some(clusters.iter().cloned().collect()),
            },
            created_at: token.created_at,
            created_by: token.created_by.clone(),
            expires_at: token.expires_at,
            holds: token.holds(now),
        }
    }
}

/// `GET /api/v1/tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TokenList {
    /// Oldest first.
    pub tokens: Vec<TokenItem>,
}

/// `POST /api/v1/tokens`: the only time that the token itself is shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenMade {
    /// The token, to be kept by whom it is for.
    pub token: String,
    /// What it is.
    #[serde(flatten)]
    pub item: TokenItem,
}

impl std::fmt::Debug for TokenMade {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenMade")
            .field("item", &self.item)
            .finish_non_exhaustive()
    }
}

/// Body of `DELETE /api/v1/brakes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReleaseBody {
    /// As on the command line.
    pub scope: BrakeScope,
}

/// A brake as asked for; the engine adds owner and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrakeRequest {
    /// What to stop.
    pub scope: BrakeScope,
    /// Why.
    pub reason: String,
    /// How long; `None`: until released.
    pub length: Option<Duration>,
}

/// What a changing call answers: a sentence, and the thing as it stands now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// What was done, for people.
    pub message: String,
    /// The plan concerned, where one is.
    #[serde(default)]
    pub plan: Option<PlanItem>,
    /// The run concerned, where one is.
    #[serde(default)]
    pub run: Option<RunId>,
}

impl Done {
    /// Only a sentence.
    pub fn say(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            plan: None,
            run: None,
        }
    }
}

/// Which part of a follower's past is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PastWanted {
    /// From then …
    pub since: Timestamp,
    /// … to then.
    pub until: Timestamp,
    /// In so many points at most.
    pub points: usize,
}

/// Who called: from the socket's peer credentials, or from a token over TCP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// User name, or `uid:1000` where the user has none.
    pub name: String,
    /// User id; `None` over TCP.
    pub uid: Option<u32>,
    /// Id of the token that said who it is; `None` on the socket.
    pub token: Option<String>,
    /// Names of the groups that the user is in.
    pub groups: Vec<String>,
}

/// An answer that takes a moment.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, Problem>>;

/// What the server may ask of the engine; `engine::Handle` implements it.
pub trait Daemon: Send + Sync {
    /// The time, as the daemon's clock has it.
    fn now(&self) -> Timestamp;
    /// A number that grows whenever something happened that people are told of; what makes an open
    /// page ask again.
    fn changes(&self) -> u64;
    /// All followers, from the latest observation.
    fn status(&self) -> Status;
    /// What is wrong with several followers at once.
    fn incidents(&self) -> Incidents {
        Incidents {
            incidents: self.status().incidents,
        }
    }
    /// All auto-follow patterns.
    fn patterns(&self) -> Patterns {
        Patterns {
            patterns: self.status().patterns,
        }
    }
    /// All clusters, from the latest observation.
    fn clusters(&self) -> Clusters;
    /// Everything about one follower.
    fn why(&self, follower: FollowerKey) -> Reply<'_, Why>;
    /// What would be done now; stores nothing.
    fn plan_now(&self, follower: FollowerKey) -> Reply<'_, PlanNow>;
    /// The plan as `recreate` with this body would make it; nothing is kept.
    fn plan_wished(&self, follower: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, PlanNow>;
    /// What was kept of one follower's past.
    fn past(&self, follower: FollowerKey, wanted: PastWanted) -> Reply<'_, Past>;
    /// An evidence file of one follower: the answers of the latest look (contract, *Evidence file*).
    fn evidence(&self, follower: FollowerKey) -> Reply<'_, serde_json::Value>;
    /// Makes a plan for the remedy `recreate`; it passes every guard and still needs its approval.
    fn recreate(&self, follower: FollowerKey, who: Caller, body: RecreateBody) -> Reply<'_, Done>;

    /// A person knows of a cause that refollow never repairs: it counts for no breaker any more.
    fn acknowledge(&self, follower: FollowerKey, who: Caller, reason: String) -> Reply<'_, Done>;
    /// Makes a plan to raise the leader's lease period (it always needs its approval), or asks for
    /// its end.
    fn extend_runway(&self, follower: FollowerKey, request: RunwayRequest, who: Caller) -> Reply<'_, Done>;

    /// Plans; with `open_only` those that can still lead to a run.
    fn plans(&self, open_only: bool) -> Reply<'_, Plans>;
    /// One plan.
    fn plan(&self, hash: PlanHash) -> Reply<'_, PlanDetail>;
    /// One person's yes to exactly this hash.
    fn approve(&self, hash: PlanHash, who: Caller, body: ApproveBody) -> Reply<'_, Done>;
    /// One person's no.
    fn reject(&self, hash: PlanHash, who: Caller, reason: String) -> Reply<'_, Done>;

    /// The newest `limit` runs.
    fn runs(&self, limit: u32) -> Reply<'_, Runs>;
    /// One run with its journal.
    fn run(&self, id: RunId) -> Reply<'_, RunDetail>;
    /// Back out now, or why not any more.
    fn abort(&self, id: RunId, who: Caller) -> Reply<'_, Done>;

    /// All brakes.
    fn brakes(&self) -> Reply<'_, Brakes>;
    /// Engages one.
    fn brake(&self, request: BrakeRequest, who: Caller) -> Reply<'_, Done>;
    /// Releases one; not engaged is [`ProblemKind::NotFound`].
    fn release(&self, scope: BrakeScope, who: Caller) -> Reply<'_, Done>;

    /// Begins a drill: breaks a follower of its own making and has it repaired.
    fn begin_drill(&self, body: DrillBody, _who: Caller) -> Reply<'_, DrillReport> {
        let text = format!("no drill of `{}` here", body.cluster);
        Box::pin(std::future::ready(Err(Problem::not_found(text))))
    }
    /// The newest drill.
    fn drill(&self) -> Reply<'_, DrillReport> {
        Box::pin(std::future::ready(Err(Problem::not_found(
            "there was no drill yet",
        ))))
    }

    /// Tries receivers: the one named, or each.
    fn try_receivers(&self, _body: NotifyTestBody, _who: Caller) -> Reply<'_, TriedReceivers> {
        Box::pin(std::future::ready(Ok(TriedReceivers {
            receivers: Vec::new(),
        })))
    }
    /// What receivers were told and are to be told.
    fn notifications(&self) -> Notifications {
        Notifications {
            notifications: Vec::new(),
        }
    }

    /// A part of the audit log.
    fn audit(&self, wanted: AuditWanted) -> Reply<'_, AuditStory>;
    /// Computes the chain of the whole audit log.
    fn verify_audit(&self) -> Reply<'_, AuditVerdict>;

    /// Events after that position, at most 1,000.
    fn events(&self, after: u64) -> Reply<'_, Events>;

    /// What the token of that digest gives, if it is known and holds.
    fn token(&self, digest: &str) -> Option<Grant>;
    /// What the token of that id gives, if it was not revoked and holds.
    fn grant(&self, id: &str) -> Option<Grant>;
    /// All tokens, by their digests.
    fn tokens(&self) -> Vec<Token>;
    /// Adds one; it holds once it is stored.
    fn add_token(&self, token: Token, who: Caller) -> Reply<'_, ()>;
    /// Revokes one at once; an unknown one is [`ProblemKind::NotFound`].
    fn revoke_token(&self, id: String, who: Caller) -> Reply<'_, Done>;

    /// One piece of what is wanted of the metrics as text, in OpenMetrics 1.0.0 or Prometheus 0.0.4, in
    /// order; `None` behind the last. Pieces of one scrape are from moments that lie a little apart.
    fn metrics_piece(&self, wanted: &Scrape, number: usize, open_metrics: bool) -> Option<String>;
    /// All pieces of all of them.
    fn metrics_text(&self, open_metrics: bool) -> String {
        let all = Scrape::default();
        (0..)
            .map_while(|number| self.metrics_piece(&all, number, open_metrics))
            .collect()
    }
    /// How many followers are known: how large those pieces are.
    fn follower_count(&self) -> usize {
        self.status().followers.len()
    }
    /// Names of the configured clusters.
    fn cluster_names(&self) -> Vec<ClusterName> {
        let clusters = self.clusters().clusters;
        clusters.into_iter().map(|cluster| cluster.name).collect()
    }
    /// Ready once the store is open and each cluster was tried once; `Err` says what is missing.
    fn ready(&self) -> Result<(), Vec<String>>;
    /// Whether the engine's loop still turns; `Err` says why not.
    fn alive(&self) -> Result<(), String> {
        Ok(())
    }
}
