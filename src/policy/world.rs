//! What the policy knows beside one follower's facts: brakes, runs, the other followers.

use serde::{Deserialize, Serialize};

use crate::domain::brake::Brake;
use crate::domain::cause::Remedy;
use crate::domain::ids::{ClusterName, FollowerKey, IndexUuid, RemoteAlias, RunId};
use crate::domain::journal::RunOutcome;
use crate::domain::load::Pressure;
use crate::domain::seen::Seen;
use crate::domain::time::{Span, Timestamp, after};
use crate::policy::breaker::BreakerState;

/// A run that has not ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// The run.
    pub run: RunId,
    /// Its follower.
    pub key: FollowerKey,
    /// The copy that it makes beside the follower, side by side.
    pub beside: Option<FollowerKey>,
    /// The alias it follows through.
    pub remote: RemoteAlias,
    /// The most destructive rung of its plan: budgets are reserved for it from the start.
    pub remedy: Remedy,
    /// Bytes that a recreate would copy; 0 for a resume.
    pub bytes: u64,
    /// When it was opened.
    pub since: Timestamp,
}

impl InFlight {
    /// The name of a run that is being opened and has none yet.
    pub const OPENING: &'static str = "opening";

    /// Whether the run is about this follower, or makes it beside another.
    pub fn works_on(&self, key: &FollowerKey) -> bool {
        self.key == *key || self.beside.as_ref() == Some(key)
    }

    /// Whether this is the run in hand: by its name, or because it is the one that is being opened
    /// on this follower (the follower's lock lets only one be opened).
    pub fn is(&self, key: &FollowerKey, run: &RunId) -> bool {
        self.works_on(key) && (self.run == *run || self.run.as_str() == Self::OPENING)
    }
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastRun {
    /// Its follower.
    pub key: FollowerKey,
    /// The follower's UUID then: attempts are counted per lineage.
    pub lineage: IndexUuid,
    /// The alias it followed through.
    pub remote: RemoteAlias,
    /// The last rung tried (`None`: none was begun).
    pub remedy: Option<Remedy>,
    /// How it ended.
    pub outcome: RunOutcome,
    /// When it was opened.
    pub started_at: Timestamp,
    /// When it was closed.
    pub ended_at: Timestamp,
    /// Bytes that it copied or had planned to copy; 0 for a resume.
    pub bytes: u64,
}

/// One known follower, as far as the breaker counts it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts of one follower"
)]
pub struct Member {
    /// Which.
    pub key: FollowerKey,
    /// The alias it follows through, where known.
    pub remote: Option<RemoteAlias>,
    /// Its last verdict has another cause than `none`.
    pub unhealthy: bool,
    /// People paused it (cause `paused`): does not count.
    pub paused_by_people: bool,
    /// Its cause has approval `never` and somebody has acknowledged it: does not count.
    pub never_and_acknowledged: bool,
    /// A run of ours is in flight or has ended within the settle time: counts.
    pub in_flight_or_cooling: bool,
}

/// So long after a jump the time of day is not believed where it would end something.
const SETTLES: Span = Span::from_hours(1);

/// The computer's clock was set while the daemon ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockJump {
    /// When, as the clock showed it afterwards.
    pub at: Timestamp,
    /// Forward by so many milliseconds; back, if negative.
    pub by_millis: i64,
}

impl ClockJump {
    /// Whether it happened so lately that people may not have put it right.
    pub fn unsettled(&self, now: Timestamp) -> bool {
        now < self.settled_at()
    }

    /// From when on the time of day is believed again.
    pub fn settled_at(&self) -> Timestamp {
        after(self.at, SETTLES)
    }
}

/// What another system last said about whether repairs may be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockerWord {
    /// Its name in the configuration.
    pub name: String,
    /// It stops recreates only.
    pub recreate_only: bool,
    /// When it was asked; `None`: not yet.
    pub asked_at: Option<Timestamp>,
    /// An answer older than this counts as none.
    pub good_for: Span,
    /// Present: it blocks, and why; absent: it lets pass; unknown: no usable answer.
    pub says: Seen<String>,
}

/// What the policy knows beside one follower's facts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct World {
    /// Now.
    pub now: Timestamp,
    /// No automatic act before this (three times the poll interval after the daemon's start).
    pub warm_until: Timestamp,
    /// All brakes; unknown: they could not be read, so one is engaged. Absent is none.
    pub brakes: Seen<Vec<Brake>>,
    /// The file that brakes everything: `Present(true)` or unknown is engaged.
    pub brake_file: Seen<bool>,
    /// Runs that have not ended.
    pub in_flight: Vec<InFlight>,
    /// Runs that ended; at least as far back as the longest limit (`recreates_per_follower.per`, 24 h).
    pub past: Vec<PastRun>,
    /// The breakers, as [`crate::policy::breaker()`] last said.
    pub breaker: BreakerState,
    /// Two `[[clusters]]` entries show the same `cluster_uuid`, one of them this follower's or its leader's.
    pub duplicate_cluster_uuid: bool,
    /// This installation's name, as it marks clusters; `None`: it has marked none yet, so that any
    /// marker is another's.
    pub installation: Option<String>,
    /// The pair replicates both ways under one name: the leader index is itself a follower, or the
    /// leader cluster follows the follower cluster under the same index name. Absent: no.
    pub both_ways: Seen<bool>,
    /// The computer's clock was set within the last hour (the engine compares it with the
    /// monotonic one).
    pub clock_jump: Option<ClockJump>,
    /// What the configured blockers last said.
    pub blockers: Vec<BlockerWord>,
    /// Which of the follower's and the leader's cluster is asked less than usual, and why.
    pub spared: Vec<(ClusterName, Pressure)>,
}

impl World {
    /// A quiet world: nothing braked, nothing running, warmed up.
    pub fn quiet(now: Timestamp) -> Self {
        Self {
            now,
            warm_until: now,
            brakes: Seen::Absent,
            brake_file: Seen::Absent,
            in_flight: Vec::new(),
            past: Vec::new(),
            breaker: BreakerState::default(),
            duplicate_cluster_uuid: false,
            installation: None,
            both_ways: Seen::Absent,
            clock_jump: None,
            blockers: Vec::new(),
            spared: Vec::new(),
        }
    }
}
