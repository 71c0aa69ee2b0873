//! The book: everything the daemon knows at this moment, changed only by synchronous calls.
//!
//! Owns clusters, followers, plans, brakes, past runs and the breaker. No I/O and no clock: what
//! must be done in the world comes back as [`Effect`]s, which `engine` performs. One
//! observation travels: answers → `learn` → (second looks that `wants` asks for) → `judge` →
//! effects.

mod clock;
mod deciding;
mod entries;
mod incidents;
mod judging;
mod learning;
mod looks;
mod notices;
mod past;
mod patterns;
mod plans;
mod scope;
#[cfg(test)]
mod tests;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::access::Token;
use crate::domain::brake::Brake;
use crate::domain::decision::DecisionKind;
use crate::domain::drill::Drills;
use crate::domain::ids::{ClusterName, ClusterUuid, FollowerKey, PlanHash, RunId};
use crate::domain::journal::Trigger;
use crate::domain::memory::Memory;
use crate::domain::plan::{Plan, PlanRecord};
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, after};
use crate::engine::events::{EventKind, Story};
use crate::engine::settings::Settings;
use crate::history::Recorder;
use crate::policy;
use crate::store::AuditEvent;

pub(crate) use entries::{ClusterEntry, FollowerEntry, JudgedWith};
pub(crate) use incidents::OpenIncident;
pub(crate) use notices::LeftOver;
pub(crate) use patterns::{AutoFollow, PatternsSeen};
pub(crate) use plans::short;

/// What must be done in the world after the book changed.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Store a plan's new standing, by compare-and-set.
    SavePlan {
        /// As it is now.
        record: Box<PlanRecord>,
        /// As it was stored; `None`: it is new.
        previous: Option<Box<PlanRecord>>,
    },
    /// Store memories.
    Remember(Vec<(FollowerKey, Memory)>),
    /// Store a brake whose end has moved.
    SaveBrake(Brake),
    /// Store when auto-follow patterns were first seen.
    SavePatterns(serde_json::Value),
    /// Forget a follower that was promised and is not any more.
    Forget(FollowerKey),
    /// Store the breaker's state.
    SaveBreaker(serde_json::Value),
    /// Start the run of a plan.
    StartRun {
        /// Which plan.
        plan: Box<Plan>,
        /// Who or what lets it start.
        trigger: Trigger,
    },
    /// Something for the audit log.
    Audit(AuditEvent),
    /// A decision changed: counted.
    Decided(DecisionKind),
}

/// Everything the daemon knows.
#[derive(Debug)]
pub(crate) struct Book {
    pub settings: Settings,
    pub started_at: Timestamp,
    pub clusters: BTreeMap<ClusterName, ClusterEntry>,
    pub followers: scope::Followers,
    /// Those that a run of ours is being opened for or goes on for.
    locked: BTreeSet<FollowerKey>,
    /// By leader cluster: the clusters whose `remotes` name it.
    following: BTreeMap<ClusterName, Vec<ClusterName>>,
    /// UUIDs that more than one configured cluster shows.
    duplicates: BTreeSet<ClusterUuid>,
    /// How many followers of each cluster are unhealthy, for the breakers.
    tallies: BTreeMap<ClusterName, policy::Tally>,
    /// Plans that are open, and the last closed ones of each follower (rejected ones count).
    pub plans: BTreeMap<PlanHash, PlanRecord>,
    /// Plans that have expired since the daemon started.
    pub plans_expired: u64,
    pub brakes: Vec<Brake>,
    pub brake_file: Seen<bool>,
    pub past: Vec<policy::PastRun>,
    /// Of each follower, the newest run if it left something for a person.
    pub left_over: BTreeMap<FollowerKey, LeftOver>,
    pub breaker: policy::BreakerState,
    /// What the configured blockers last said.
    pub blockers: Vec<policy::BlockerWord>,
    /// Lease periods that we raised and have not put back.
    pub extensions: policy::Extensions,
    /// The guards of extensions as last evaluated.
    pub extension_guards: BTreeMap<PlanHash, Vec<crate::domain::decision::GuardResult>>,
    /// Followers that are sick for one reason, by the incident's id.
    pub incidents: BTreeMap<String, OpenIncident>,
    pub story: Story,
    /// Tokens of people and programs that come over TCP.
    pub tokens: Vec<Token>,
    /// Drills: the newest, the last results, and the followers that they made.
    pub drills: Drills,
    /// SIGTERM came: nothing new starts.
    pub draining: bool,
    /// Followers that we leave paused or closed at exit (safety 8).
    pub held_at_exit: Vec<FollowerKey>,
    /// The last time the computer's clock was set.
    pub clock_jump: Option<policy::ClockJump>,
    /// When each auto-follow pattern was first seen.
    pub patterns_seen: PatternsSeen,
    /// This installation's name, as it marks clusters; `None`: it has marked none yet.
    pub installation: Option<String>,
    /// The clusters that this process has marked: for whose run, and the cluster's UUID then.
    pub marked: BTreeMap<ClusterName, (FollowerKey, ClusterUuid)>,
    /// Collects what is kept of the past.
    pub recorder: Recorder,
    /// Effects of what was noticed outside [`Book::decide`], which hands them out.
    pub owed: Vec<Effect>,
}

impl Book {
    /// An empty book over what the store remembered.
    pub fn new(settings: Settings, memories: Vec<(FollowerKey, Memory)>, now: Timestamp) -> Self {
        let clusters = settings
            .clusters
            .iter()
            .map(|cluster| (cluster.name.clone(), ClusterEntry::new(cluster)));
        let clusters = clusters.collect();
        let mut book = Self {
            settings,
            started_at: now,
            clusters,
            followers: BTreeMap::new(),
            locked: BTreeSet::new(),
            following: BTreeMap::new(),
            duplicates: BTreeSet::new(),
            tallies: BTreeMap::new(),
            plans: BTreeMap::new(),
            plans_expired: 0,
            brakes: Vec::new(),
            brake_file: Seen::Absent,
            past: Vec::new(),
            left_over: BTreeMap::new(),
            breaker: policy::BreakerState::default(),
            blockers: Vec::new(),
            extensions: policy::Extensions::new(),
            extension_guards: BTreeMap::new(),
            incidents: BTreeMap::new(),
            story: Story::default(),
            tokens: Vec::new(),
            drills: Drills::default(),
            draining: false,
            held_at_exit: Vec::new(),
            clock_jump: None,
            patterns_seen: PatternsSeen::new(),
            installation: None,
            marked: BTreeMap::new(),
            recorder: Recorder::default(),
            owed: Vec::new(),
        };
        book.recorder.reconfigure(book.settings.history);
        for (key, memory) in memories {
            if book.clusters.contains_key(&key.cluster) {
                book.followers
                    .insert(key.clone(), FollowerEntry::new(key, memory, now));
            }
        }
        book.name_blockers();
        book.note_following();
        book.declare(now);
        book
    }

    /// One word for each configured blocker: none, until it is asked under this configuration.
    fn name_blockers(&mut self) {
        self.blockers = self
            .settings
            .blockers
            .iter()
            .map(|blocker| blocker.not_asked())
            .collect();
    }

    /// Takes in what a blocker said to the question of that time.
    pub fn blocker_said(&mut self, name: &str, at: Timestamp, says: Seen<String>) {
        let Some(word) = self.blockers.iter_mut().find(|word| word.name == name) else {
            return;
        };
        let told = match (&word.says, &says) {
            (Seen::Absent, Seen::Absent) => None,
            (_, Seen::Absent) => Some(format!("blocker `{name}` lets repairs pass")),
            (Seen::Present(_), Seen::Present(_)) => None,
            (_, Seen::Present(why)) => Some(format!("blocker `{name}` stops repairs: {why}")),
            (Seen::Unknown(before), Seen::Unknown(why)) if before == why => None,
            (_, Seen::Unknown(why)) => Some(format!(
                "blocker `{name}` gives no usable answer, which stops repairs: {why}"
            )),
        };
        word.asked_at = Some(at);
        word.says = says;
        if let Some(text) = told {
            self.story.tell(at, EventKind::Operator, None, text);
        }
    }

    /// Whether any run goes on.
    pub fn any_run(&self) -> bool {
        !self.locked.is_empty()
    }

    /// Locks a follower for a run: nobody else may start one.
    pub(super) fn lock(&mut self, key: &FollowerKey, now: Timestamp) {
        if let Some(entry) = self.followers.get_mut(key) {
            entry.locked = true;
            entry.locked_since = Some(now);
            self.locked.insert(key.clone());
        }
    }

    /// Takes a new configuration; returns the clusters that are new.
    pub fn reconfigure(&mut self, settings: Settings, now: Timestamp) -> Vec<ClusterName> {
        self.settings = settings;
        self.recorder.reconfigure(self.settings.history);
        let mut added = Vec::new();
        for cluster in &self.settings.clusters {
            match self.clusters.get_mut(&cluster.name) {
                Some(entry) => entry.settings = cluster.clone(),
                None => {
                    self.clusters
                        .insert(cluster.name.clone(), ClusterEntry::new(cluster));
                    added.push(cluster.name.clone());
                }
            }
        }
        let names: BTreeSet<&ClusterName> = self
            .settings
            .clusters
            .iter()
            .map(|cluster| &cluster.name)
            .collect();
        self.clusters.retain(|name, _| names.contains(name));
        // A follower in a run stays until the run has ended.
        self.followers
            .retain(|key, entry| names.contains(&key.cluster) || entry.locked);
        for entry in self.followers.values_mut() {
            entry.memory.declared = false;
        }
        self.note_following();
        self.note_duplicates();
        self.end_incidents_elsewhere(now);
        self.name_blockers();
        self.declare(now);
        added
    }

    /// Enters the followers that the configuration declares.
    pub fn declare(&mut self, now: Timestamp) {
        for cluster in self.clusters.values() {
            for index in &cluster.settings.declared_followers {
                let key = FollowerKey {
                    cluster: cluster.settings.name.clone(),
                    index: index.clone(),
                };
                let entry = self
                    .followers
                    .entry(key.clone())
                    .or_insert_with(|| FollowerEntry::new(key, Memory::default(), now));
                entry.memory.declared = true;
            }
        }
        self.name_leaders();
    }

    /// Sets each follower's leader cluster from the configuration.
    fn name_leaders(&mut self) {
        for (key, entry) in &mut self.followers {
            let leader = entry.facts.remote.as_ref().and_then(|alias| {
                self.clusters
                    .get(&key.cluster)
                    .and_then(|cluster| cluster.settings.remotes.get(alias).cloned())
            });
            entry.name_leader(leader);
        }
    }

    fn name_leaders_of(&mut self, cluster: &ClusterName) {
        let Some(remotes) = self
            .clusters
            .get(cluster)
            .map(|entry| entry.settings.remotes.clone())
        else {
            return;
        };
        for (_, entry) in scope::of_mut(&mut self.followers, cluster) {
            let leader = entry
                .facts
                .remote
                .as_ref()
                .and_then(|alias| remotes.get(alias).cloned());
            entry.name_leader(leader);
        }
    }

    /// Memories of these followers, to be stored before the others.
    pub fn memories_of(&self, keys: &[FollowerKey]) -> Vec<(FollowerKey, Memory)> {
        keys.iter()
            .filter_map(|key| Some((key.clone(), self.followers.get(key)?.memory.clone())))
            .collect()
    }

    /// Memories that changed since they were last stored.
    pub fn changed_memories(&mut self) -> Vec<(FollowerKey, Memory)> {
        self.followers
            .iter_mut()
            .filter_map(|(key, entry)| changed((key, entry)))
            .collect()
    }

    /// Those of one cluster's followers.
    pub fn changed_memories_of(&mut self, cluster: &ClusterName) -> Vec<(FollowerKey, Memory)> {
        let mut entries = scope::of_mut(&mut self.followers, cluster).peekable();
        // One of them always: the newest look in the state tells a restart what the time was.
        if let Some((_, first)) = entries.peek_mut() {
            first.memory_changed |= first.verdict.is_some();
        }
        entries.filter_map(changed).collect()
    }

    /// Locks a follower for a run that a former daemon left.
    pub fn adopt_run(&mut self, plan: &Plan, run: &RunId, now: Timestamp) {
        let key = plan.basis.key();
        let entry = self
            .followers
            .entry(key.clone())
            .or_insert_with(|| FollowerEntry::new(key.clone(), Memory::default(), now));
        entry.run = Some(run.clone());
        entry.plan = Some(plan.hash.clone());
        self.lock(&key, now);
    }

    /// Lets a follower go after its run.
    pub fn unlock(&mut self, key: &FollowerKey) {
        self.locked.remove(key);
        if let Some(entry) = self.followers.get_mut(key) {
            entry.locked = false;
            entry.locked_since = None;
            entry.run = None;
        }
    }

    /// No new decision on this follower until two looks have passed: what a run did must be seen.
    pub fn postpone(&mut self, key: &FollowerKey, now: Timestamp) {
        let interval = self
            .clusters
            .get(&key.cluster)
            .map(|cluster| cluster.settings.poll_interval);
        if let Some(entry) = self.followers.get_mut(key) {
            entry.memory.history.held_for = 0;
            entry.postponed_until = Some(after(now, interval.unwrap_or_default().saturating_mul(2)));
        }
    }
}

/// The follower's memory, once after each time that it changed.
fn changed((key, entry): (&FollowerKey, &mut FollowerEntry)) -> Option<(FollowerKey, Memory)> {
    std::mem::take(&mut entry.memory_changed).then(|| {
        entry.stored_at = Some(entry.facts.now);
        (key.clone(), entry.memory.clone())
    })
}
