//! The book: everything the daemon knows at this moment, changed only by synchronous calls.
//!
//! Owns clusters, followers, plans, brakes, past runs and the breaker. No I/O and no clock: what
//! must be done in the world comes back as [`Effect`]s, which `engine` performs. One
//! observation travels: answers → `learn` → (second looks that `wants` asks for) → `judge` →
//! effects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::answer::Answer;
use crate::domain::brake::Brake;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::facts::{Facts, LeaderSide, SIGHTINGS};
use crate::domain::ids::{ClusterName, ClusterUuid, FollowerKey, IndexName, PlanHash, RemoteAlias, RunId};
use crate::domain::journal::Trigger;
use crate::domain::memory::Memory;
use crate::domain::plan::{Plan, PlanRecord, PlanState};
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::domain::time::{Timestamp, after, millis_between};
use crate::domain::verdict::Verdict;
use crate::elastic::read::Look;
use crate::elastic::wire;
use crate::engine::events::{EventKind, Story};
use crate::engine::heard::Heard;
use crate::engine::looking::{self, Depth};
use crate::engine::remember::remember;
use crate::engine::settings::{ClusterSettings, Settings};
use crate::engine::turns::{Waiting, in_turn};
use crate::judge;
use crate::policy;
use crate::store::AuditEvent;

/// Second looks for one cluster in one look.
const EXTRA_LOOKS: usize = 64;
/// A follower that changed its state more often than this in [`FLAPPING_WINDOW_MS`] flaps.
const FLAPPING_CHANGES: usize = 5;
/// Window of the flapping flag, milliseconds.
const FLAPPING_WINDOW_MS: i64 = 30 * 60 * 1000;

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

/// One configured cluster.
#[derive(Debug)]
pub(crate) struct ClusterEntry {
    pub settings: ClusterSettings,
    /// The last look succeeded.
    pub up: bool,
    /// It was looked at at least once, with whatever result.
    pub tried: bool,
    pub last_look_at: Option<Timestamp>,
    pub last_ok_at: Option<Timestamp>,
    pub last_error: Option<String>,
    /// Length of the last look, seconds.
    pub look_seconds: f64,
    pub uuid: Option<ClusterUuid>,
    pub version: Option<String>,
    /// Remote aliases seen, and whether they are connected.
    pub remotes: BTreeMap<RemoteAlias, Option<bool>>,
}

impl ClusterEntry {
    fn new(settings: &ClusterSettings) -> Self {
        Self {
            settings: settings.clone(),
            up: false,
            tried: false,
            last_look_at: None,
            last_ok_at: None,
            last_error: None,
            look_seconds: 0.0,
            uuid: None,
            version: None,
            remotes: BTreeMap::new(),
        }
    }
}

/// What a verdict was given with, beside the answers: the look itself then adds to the memory,
/// and a reload may name another leader cluster before the next look.
#[derive(Debug)]
pub(crate) struct JudgedWith {
    pub memory: Memory,
    pub remote: Option<RemoteAlias>,
    pub leader_index: Option<IndexName>,
    pub leader_cluster: Option<ClusterName>,
}

/// One follower.
#[derive(Debug)]
pub(crate) struct FollowerEntry {
    pub facts: Facts,
    /// The answers that the facts rest on.
    pub heard: Heard,
    pub memory: Memory,
    /// What the verdict was given with, beside the answers.
    pub judged_with: Option<JudgedWith>,
    pub memory_changed: bool,
    pub verdict: Option<Verdict>,
    /// Looks in a row that gave the same cause.
    pub held_for: u32,
    /// Since when this cause holds.
    pub cause_since: Option<Timestamp>,
    /// When the state changed lately.
    pub changes: Vec<Timestamp>,
    pub assessment: Option<policy::Assessment>,
    pub run: Option<RunId>,
    /// A run is being opened or goes on: nobody else may start one.
    pub locked: bool,
    pub locked_since: Option<Timestamp>,
    /// When its leader was last asked everything about it.
    pub leader_asked_at: Option<Timestamp>,
    /// No decision before this.
    pub postponed_until: Option<Timestamp>,
    pub lag: Option<i64>,
    pub runway: Option<Timestamp>,
    /// The same of each shard whose lease nothing renews.
    pub runways: BTreeMap<u32, Timestamp>,
    /// The open plan's hash.
    pub plan: Option<PlanHash>,
}

impl FollowerEntry {
    fn new(key: FollowerKey, memory: Memory, now: Timestamp) -> Self {
        let mut facts = Facts::nothing(key, now);
        facts.remote.clone_from(&memory.remote);
        facts.leader_index.clone_from(&memory.leader_index);
        Self {
            facts,
            heard: Heard::default(),
            memory,
            judged_with: None,
            memory_changed: false,
            verdict: None,
            held_for: 0,
            cause_since: None,
            changes: Vec::new(),
            assessment: None,
            run: None,
            locked: false,
            locked_since: None,
            leader_asked_at: None,
            postponed_until: None,
            lag: None,
            runway: None,
            runways: BTreeMap::new(),
            plan: None,
        }
    }

    /// Takes the leader cluster that the configuration names. What was seen of another one says
    /// nothing of this one.
    fn name_leader(&mut self, leader: Option<ClusterName>) {
        if self.facts.leader_cluster == leader {
            return;
        }
        if let Some(former) = std::mem::replace(&mut self.facts.leader_cluster, leader) {
            self.facts.leader = LeaderSide::default();
            let own = &self.facts.key.cluster;
            self.facts
                .errors
                .retain(|error| error.cluster != former || &error.cluster == own);
        }
    }

    /// A repair is in its ladder, so the guards will be asked.
    fn may_be_repaired(&self) -> bool {
        self.plan.is_some()
            || self
                .verdict
                .as_ref()
                .is_some_and(|verdict| verdict.boldness() > 0)
    }

    /// The cause, `unknown` before the first verdict.
    pub fn cause(&self) -> Cause {
        self.verdict
            .as_ref()
            .map_or(Cause::Unknown, |verdict| verdict.cause)
    }

    /// The state, `unknown` before the first verdict.
    pub fn state(&self) -> State {
        self.verdict
            .as_ref()
            .map_or(State::Unknown, |verdict| verdict.state)
    }
}

/// Everything the daemon knows.
#[derive(Debug)]
pub(crate) struct Book {
    pub settings: Settings,
    pub started_at: Timestamp,
    pub clusters: BTreeMap<ClusterName, ClusterEntry>,
    pub followers: BTreeMap<FollowerKey, FollowerEntry>,
    /// Plans that are open, and the last closed ones of each follower (rejected ones count).
    pub plans: BTreeMap<PlanHash, PlanRecord>,
    pub brakes: Vec<Brake>,
    pub brake_file: Seen<bool>,
    pub past: Vec<policy::PastRun>,
    pub breaker: policy::BreakerState,
    pub story: Story,
    /// SIGTERM came: nothing new starts.
    pub draining: bool,
    /// Followers that we leave paused or closed at exit (safety 8).
    pub held_at_exit: Vec<FollowerKey>,
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
            plans: BTreeMap::new(),
            brakes: Vec::new(),
            brake_file: Seen::Absent,
            past: Vec::new(),
            breaker: policy::BreakerState::default(),
            story: Story::default(),
            draining: false,
            held_at_exit: Vec::new(),
        };
        for (key, memory) in memories {
            if book.clusters.contains_key(&key.cluster) {
                book.followers
                    .insert(key.clone(), FollowerEntry::new(key, memory, now));
            }
        }
        book.declare(now);
        book
    }

    /// Takes a new configuration; returns the clusters that are new.
    pub fn reconfigure(&mut self, settings: Settings, now: Timestamp) -> Vec<ClusterName> {
        self.settings = settings;
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

    /// Takes in answers of any cluster.
    pub fn learn(&mut self, answers: &[Answer], now: Timestamp) {
        for answer in answers {
            let parsed = wire::parse(answer);
            let kept = Arc::new(answer.clone());
            for index in parsed.followers() {
                let key = FollowerKey {
                    cluster: answer.cluster.clone(),
                    index,
                };
                if !self.followers.contains_key(&key) {
                    self.story.tell(
                        now,
                        EventKind::Seen,
                        Some(&key),
                        format!("follower `{key}` found"),
                    );
                    self.followers
                        .insert(key.clone(), FollowerEntry::new(key, Memory::default(), now));
                }
            }
            for entry in self.followers.values_mut() {
                let concerns = entry.facts.key.cluster == answer.cluster
                    || entry.facts.leader_cluster.as_ref() == Some(&answer.cluster);
                if concerns && wire::learn(&mut entry.facts, &parsed) {
                    entry.heard.keep(&kept);
                    entry.facts.keep_last(SIGHTINGS);
                }
            }
            self.name_leaders_of(&answer.cluster);
            if let Some(cluster) = self.clusters.get_mut(&answer.cluster) {
                if let Some(root) = parsed.root() {
                    cluster.uuid.clone_from(&root.cluster_uuid);
                    cluster.version = Some(root.version.to_string());
                }
                if let Some(remotes) = parsed.remotes() {
                    cluster.remotes = remotes;
                }
            }
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
        for (key, entry) in &mut self.followers {
            if &key.cluster == cluster {
                let leader = entry
                    .facts
                    .remote
                    .as_ref()
                    .and_then(|alias| remotes.get(alias).cloned());
                entry.name_leader(leader);
            }
        }
    }

    /// What a look at a cluster begins with.
    pub fn first_looks(slow: bool) -> Vec<Look> {
        let mut looks = vec![
            Look::Root,
            Look::FollowInfoAll,
            Look::FollowStats,
            Look::RemoteInfo,
        ];
        if slow {
            looks.extend([
                Look::License,
                Look::ClusterHealth,
                Look::Nodes,
                Look::ClusterSettings,
                Look::PersistentTasks,
                Look::AutoFollow,
            ]);
        }
        looks
    }

    /// The second looks on the follower cluster: what settles a verdict, and on the slow beat what
    /// is remembered while followers are well.
    pub fn second_looks(&self, cluster: &ClusterName, slow: bool, now: Timestamp) -> Vec<Look> {
        let mine = self.followers.iter().filter(|(key, _)| &key.cluster == cluster);
        let mut looks = Vec::new();
        if slow {
            let all: Vec<IndexName> = mine.clone().map(|(key, _)| key.index.clone()).collect();
            if !all.is_empty() {
                looks.push(Look::Meta(all.clone()));
                looks.push(Look::Settings(all.clone()));
                looks.push(Look::Aliases(all));
            }
            looks.extend(self.counting_looks(cluster, now));
        }
        let mut seen: BTreeSet<String> = looks.iter().map(|look| format!("{look:?}")).collect();
        let mut add = |looks: &mut Vec<Look>, more: Vec<Look>| {
            for look in more {
                if looks.len() < EXTRA_LOOKS && seen.insert(format!("{look:?}")) {
                    looks.push(look);
                }
            }
        };
        // Those with the shortest runway first, as far as the budget of one look goes. The well
        // ones too: what just went wrong with one is settled in the look that first shows it.
        let mut all: Vec<&FollowerEntry> = mine.map(|(_, entry)| entry).collect();
        all.sort_by_key(|entry| {
            (
                entry.cause() == Cause::None,
                entry.runway.unwrap_or(Timestamp::MAX),
                &entry.facts.key,
            )
        });
        for entry in all {
            if entry.may_be_repaired() {
                add(&mut looks, looking::follower_looks(&entry.facts, Depth::Full));
            }
            // After those, so that what was forbidden one way is overruled by what was answered another.
            add(&mut looks, looking::needed(&entry.facts, &entry.memory).0);
        }
        looks
    }

    /// The looks at a leader cluster for the followers of one cluster.
    pub fn leader_looks(&mut self, leader: &ClusterName, now: Timestamp) -> Vec<Look> {
        let mut well: BTreeSet<IndexName> = BTreeSet::new();
        let mut sick: BTreeMap<IndexName, (FollowerKey, Vec<Look>)> = BTreeMap::new();
        let mut suspected: Vec<Look> = Vec::new();
        for (key, entry) in &self.followers {
            if entry.facts.leader_cluster.as_ref() != Some(leader) {
                continue;
            }
            let Some(index) = &entry.facts.leader_index else {
                continue;
            };
            if entry.cause() != Cause::None || entry.plan.is_some() {
                let looks = looking::leader_looks(&entry.facts, Depth::Full);
                sick.insert(index.clone(), (key.clone(), looks));
            } else {
                well.insert(index.clone());
                suspected.extend(looking::needed(&entry.facts, &entry.memory).1);
            }
        }
        well.retain(|index| !sick.contains_key(index));
        if well.is_empty() && sick.is_empty() {
            return Vec::new();
        }
        let mut looks = vec![Look::Root, Look::License, Look::ClusterHealth, Look::Nodes];
        let mut seen: BTreeSet<String> = looks.iter().map(|look| format!("{look:?}")).collect();
        if !well.is_empty() {
            let well: Vec<IndexName> = well.into_iter().collect();
            looks.push(Look::IndexStats(well.clone()));
            looks.push(Look::Settings(well.clone()));
            looks.push(Look::Meta(well));
        }
        // Sick ones are asked one by one, because of an index that a list lacks nothing is known;
        // those that a look has no room for keep what is known of them until their turn.
        for (_, own) in sick.values_mut() {
            own.retain(|look| !seen.contains(&format!("{look:?}")));
        }
        let waiting = sick.iter().filter_map(|(index, (key, own))| {
            let entry = self.followers.get(key)?;
            Some(Waiting {
                who: index,
                runway: entry.runway,
                asked_at: entry.leader_asked_at,
                calls: own.len(),
            })
        });
        let turn: Vec<IndexName> = in_turn(waiting.collect(), EXTRA_LOOKS)
            .into_iter()
            .cloned()
            .collect();
        let mut extra = 0;
        for (key, own) in turn.iter().filter_map(|index| sick.remove(index)) {
            if let Some(entry) = self.followers.get_mut(&key) {
                entry.leader_asked_at = Some(now);
            }
            extra += own.len();
            looks.extend(own);
        }
        for look in suspected {
            if extra < EXTRA_LOOKS && seen.insert(format!("{look:?}")) {
                extra += 1;
                looks.push(look);
            }
        }
        looks
    }

    /// Notes how a look at a cluster went.
    pub fn looked(&mut self, cluster: &ClusterName, ok: Result<(), String>, seconds: f64, now: Timestamp) {
        let Some(entry) = self.clusters.get_mut(cluster) else {
            return;
        };
        entry.tried = true;
        entry.last_look_at = Some(now);
        entry.look_seconds = seconds;
        match ok {
            Ok(()) => {
                entry.last_ok_at = Some(now);
                entry.last_error = None;
                if !entry.up {
                    entry.up = true;
                    let version = entry.version.clone().unwrap_or_default();
                    self.story.tell(
                        now,
                        EventKind::Seen,
                        None,
                        format!("cluster `{cluster}` answers (Elasticsearch {version})"),
                    );
                }
            }
            Err(why) => {
                if entry.up || entry.last_error.as_ref() != Some(&why) {
                    self.story.tell(
                        now,
                        EventKind::Seen,
                        None,
                        format!("cluster `{cluster}` cannot be looked at: {why}"),
                    );
                }
                entry.up = false;
                entry.last_error = Some(why);
            }
        }
    }

    /// Judges every follower of a cluster. `counts` says whether this is a whole look, of which a
    /// verdict must survive several.
    pub fn judge(&mut self, cluster: &ClusterName, counts: bool, now: Timestamp) {
        let keys: Vec<FollowerKey> = self
            .followers
            .keys()
            .filter(|key| &key.cluster == cluster)
            .cloned()
            .collect();
        for key in keys {
            self.judge_one(&key, counts, now);
        }
    }

    fn judge_one(&mut self, key: &FollowerKey, counts: bool, now: Timestamp) {
        let Some(entry) = self.followers.get_mut(key) else {
            return;
        };
        entry.facts.now = now;
        let mut verdict = judge::judge(&entry.facts, Some(&entry.memory));
        let memory = remember(&entry.memory, &entry.facts, &verdict);
        entry.memory_changed |= memory != entry.memory;
        entry.judged_with = Some(JudgedWith {
            memory: std::mem::replace(&mut entry.memory, memory),
            remote: entry.facts.remote.clone(),
            leader_index: entry.facts.leader_index.clone(),
            leader_cluster: entry.facts.leader_cluster.clone(),
        });
        entry.heard.judged(&entry.facts);
        entry.lag = judge::lag(&entry.facts);
        entry.runways = judge::runway_by_shard(&entry.facts, Some(&entry.memory));
        entry.runway = entry.runways.values().min().copied();
        let previous = entry
            .verdict
            .as_ref()
            .map(|verdict| (verdict.state, verdict.cause));
        if previous.map(|(state, _)| state) != Some(verdict.state) && previous.is_some() {
            entry.changes.push(now);
        }
        entry
            .changes
            .retain(|at| millis_between(*at, now) <= FLAPPING_WINDOW_MS);
        verdict.flapping = entry.changes.len() > FLAPPING_CHANGES;
        if previous.map(|(_, cause)| cause) == Some(verdict.cause) {
            entry.held_for += u32::from(counts);
        } else {
            entry.held_for = 1;
            entry.cause_since = Some(now);
        }
        if previous != Some((verdict.state, verdict.cause)) {
            let text = sentence(key, &verdict);
            self.story.tell(now, EventKind::Judged, Some(key), text);
        }
        entry.verdict = Some(verdict);
    }

    /// Asks the policy about every follower, and says what must be done.
    pub fn decide(&mut self, now: Timestamp) -> Vec<Effect> {
        let mut effects = Vec::new();
        let before = self.breaker.clone();
        self.breaker = policy::breaker(
            &before,
            &self.population(now),
            now,
            &self.settings.policy.limits.breaker,
        );
        if self.breaker != before {
            if let Ok(value) = serde_json::to_value(&self.breaker) {
                effects.push(Effect::SaveBreaker(value));
            }
            self.tell_breaker(&before, now);
        }
        self.expire(now, &mut effects);
        let common = self.common_world(now);
        let keys: Vec<FollowerKey> = self.followers.keys().cloned().collect();
        let mut candidates = Vec::new();
        for key in keys {
            self.decide_one(&key, &common, now, &mut effects, &mut candidates);
        }
        self.start(candidates, &common, now, &mut effects);
        effects
    }

    fn tell_breaker(&mut self, before: &policy::BreakerState, now: Timestamp) {
        let words = |open: bool| {
            if open {
                "open: recreates ask from now on"
            } else {
                "closed"
            }
        };
        if before.overall.is_some() != self.breaker.overall.is_some() {
            let text = format!(
                "the breaker over everything is {}",
                words(self.breaker.overall.is_some())
            );
            self.story.tell(now, EventKind::Operator, None, text);
        }
        let remotes: BTreeSet<_> = before
            .remotes
            .keys()
            .chain(self.breaker.remotes.keys())
            .cloned()
            .collect();
        for remote in remotes {
            let open = self.breaker.remotes.contains_key(&remote);
            if before.remotes.contains_key(&remote) != open {
                let text = format!(
                    "the breaker over the remote {}/{} is {}",
                    remote.0,
                    remote.1,
                    words(open)
                );
                self.story.tell(now, EventKind::Operator, None, text);
            }
        }
    }

    fn decide_one(
        &mut self,
        key: &FollowerKey,
        common: &policy::World,
        now: Timestamp,
        effects: &mut Vec<Effect>,
        candidates: &mut Vec<(policy::Candidate, PlanHash, Trigger)>,
    ) {
        let Some(entry) = self.followers.get(key) else {
            return;
        };
        if entry.locked || entry.postponed_until.is_some_and(|until| now < until) {
            return;
        }
        let Some(verdict) = entry.verdict.clone() else {
            return;
        };
        let world = self.world_of(key, common);
        let existing = entry.plan.as_ref().and_then(|hash| self.plans.get(hash)).cloned();
        let assessment = policy::decide(&policy::Moment {
            verdict: &verdict,
            held_for_looks: entry.held_for,
            waited_since: entry.cause_since,
            runway_expires_at: entry.runway,
            facts: &entry.facts,
            memory: &entry.memory,
            world: &world,
            settings: &self.settings.policy,
            existing: existing.as_ref(),
        });
        self.keep_plans(key, &assessment, existing, now, effects);
        let Some(entry) = self.followers.get_mut(key) else {
            return;
        };
        let kind = assessment.decision.kind;
        let changed = entry.assessment.as_ref().map(|before| before.decision.kind) != Some(kind);
        if changed && (kind != DecisionKind::Leave || entry.assessment.is_some()) {
            let why = assessment.decision.reasons.join("; ");
            self.story.tell(
                now,
                EventKind::Decided,
                Some(key),
                format!("decision for `{key}`: {kind} — {why}"),
            );
        }
        if changed {
            effects.push(Effect::Decided(kind));
        }
        if let (DecisionKind::Act, Some(trigger), Some(record)) = (
            kind,
            &assessment.trigger,
            entry.plan.as_ref().and_then(|hash| self.plans.get(hash)),
        ) {
            candidates.push((
                policy::Candidate {
                    key: key.clone(),
                    remote: record.plan.basis.remote.clone(),
                    remedy: assessment.rungs.last().copied().unwrap_or(Remedy::Resume),
                    runway_expires_at: entry.runway,
                    bytes: record.plan.figures.bytes,
                },
                record.plan.hash.clone(),
                trigger.clone(),
            ));
        }
        entry.assessment = Some(assessment);
    }

    /// Makes, keeps and voids the plan of one follower.
    fn keep_plans(
        &mut self,
        key: &FollowerKey,
        assessment: &policy::Assessment,
        existing: Option<PlanRecord>,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let wanted = assessment.plan.as_ref();
        if let Some(record) = existing {
            // What could not be looked at now has not changed: the plan waits, and everything is
            // judged again before anything is sent. The policy says when it is void.
            match &assessment.existing_void {
                Some(reason) => {
                    let state = PlanState::Void {
                        reason: reason.clone(),
                    };
                    self.change_plan(&record.plan.hash, state, "policy", now, effects);
                }
                None => return,
            }
        }
        let Some(plan) = wanted else { return };
        let rejected = self
            .plans
            .get(&plan.hash)
            .is_some_and(|known| matches!(known.state, PlanState::Rejected { .. }));
        if rejected {
            return;
        }
        debug_assert_eq!(
            &plan.basis.key(),
            key,
            "a plan is about the follower it was made for"
        );
        self.open_plan(
            policy::new_record(plan.clone(), now, &self.settings.policy, None),
            now,
            effects,
        );
    }

    /// Enters a new plan.
    pub fn open_plan(&mut self, record: PlanRecord, now: Timestamp, effects: &mut Vec<Effect>) {
        let key = record.plan.basis.key();
        let ladder: Vec<&str> = record
            .plan
            .basis
            .ladder
            .iter()
            .map(|rung| rung.as_str())
            .collect();
        self.story.tell(
            now,
            EventKind::Plan,
            Some(&key),
            format!(
                "plan {} for `{key}`: {} ({})",
                short(&record.plan.hash),
                ladder.join(", then "),
                record.plan.basis.cause
            ),
        );
        if let Some(entry) = self.followers.get_mut(&key) {
            entry.plan = Some(record.plan.hash.clone());
        }
        effects.push(Effect::Audit(AuditEvent {
            at: now,
            kind: "plan_made".to_owned(),
            who: record.requested_by.clone().unwrap_or_else(|| "policy".to_owned()),
            subject: record.plan.hash.to_string(),
            detail: serde_json::json!({"follower": key, "cause": record.plan.basis.cause,
                "ladder": record.plan.basis.ladder, "evidence": record.plan.evidence}),
        }));
        let previous = self
            .plans
            .insert(record.plan.hash.clone(), record.clone())
            .map(Box::new);
        effects.push(Effect::SavePlan {
            record: Box::new(record),
            previous,
        });
    }

    /// Changes the standing of a plan.
    pub fn change_plan(
        &mut self,
        hash: &PlanHash,
        state: PlanState,
        who: &str,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        let Some(record) = self.plans.get_mut(hash) else {
            return;
        };
        let previous = Box::new(record.clone());
        record.state = state.clone();
        record.changed_at = now;
        let key = record.plan.basis.key();
        let detail = match &state {
            PlanState::Void { reason } => format!(": {reason}"),
            PlanState::Rejected { by, reason } => format!(" by {by}: {reason}"),
            _ => String::new(),
        };
        let text = format!("plan {} for `{key}` is {}{detail}", short(hash), state.as_str());
        let record = record.clone();
        if !state.is_open()
            && let Some(entry) = self.followers.get_mut(&key)
            && entry.plan.as_ref() == Some(hash)
        {
            entry.plan = None;
        }
        self.story.tell(now, EventKind::Plan, Some(&key), text.clone());
        effects.push(Effect::Audit(AuditEvent {
            at: now,
            kind: format!("plan_{}", state.as_str()),
            who: who.to_owned(),
            subject: hash.to_string(),
            detail: serde_json::json!({"follower": key, "state": state}),
        }));
        effects.push(Effect::SavePlan {
            record: Box::new(record),
            previous: Some(previous),
        });
    }

    fn expire(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let late: Vec<PlanHash> = self
            .plans
            .values()
            .filter(|record| policy::expire(record, now).is_some())
            .map(|record| record.plan.hash.clone())
            .collect();
        for hash in late {
            self.change_plan(&hash, PlanState::Expired, "policy", now, effects);
        }
        // Closed plans are kept in the store; here only what may still matter.
        self.plans.retain(|_, record| {
            record.state.is_open()
                || matches!(record.state, PlanState::Rejected { .. })
                || millis_between(record.changed_at, now) < 24 * 3_600_000
        });
    }

    fn start(
        &mut self,
        candidates: Vec<(policy::Candidate, PlanHash, Trigger)>,
        world: &policy::World,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) {
        if self.draining || candidates.is_empty() {
            return;
        }
        let list: Vec<policy::Candidate> = candidates
            .iter()
            .map(|(candidate, _, _)| candidate.clone())
            .collect();
        let admissions: BTreeMap<FollowerKey, policy::Admission> =
            policy::admit(&list, world, &self.settings.policy)
                .into_iter()
                .collect();
        for (candidate, hash, trigger) in candidates {
            let Some(entry) = self.followers.get_mut(&candidate.key) else {
                continue;
            };
            match admissions.get(&candidate.key) {
                Some(policy::Admission::Now) => {}
                Some(policy::Admission::Later { reason, .. }) => {
                    if let Some(assessment) = &mut entry.assessment {
                        assessment
                            .decision
                            .reasons
                            .push(format!("it starts later: {reason}"));
                    }
                    continue;
                }
                None => continue,
            }
            let Some(record) = self.plans.get(&hash) else {
                continue;
            };
            entry.locked = true;
            entry.locked_since = Some(now);
            effects.push(Effect::StartRun {
                plan: Box::new(record.plan.clone()),
                trigger,
            });
        }
    }

    /// Memories that changed since they were last stored.
    pub fn changed_memories(&mut self) -> Vec<(FollowerKey, Memory)> {
        self.followers
            .iter_mut()
            .filter_map(|(key, entry)| {
                std::mem::take(&mut entry.memory_changed).then(|| (key.clone(), entry.memory.clone()))
            })
            .collect()
    }

    /// Runs that go on, as the policy counts them.
    fn in_flight(&self) -> Vec<policy::InFlight> {
        self.followers
            .iter()
            .filter(|(_, entry)| entry.locked)
            .filter_map(|(key, entry)| {
                let record = self.plans.get(entry.plan.as_ref()?)?;
                let remedy = record
                    .plan
                    .basis
                    .ladder
                    .iter()
                    .copied()
                    .max_by_key(|rung| rung.boldness())?;
                Some(policy::InFlight {
                    // A run that is being opened has no name yet; its lock counts all the same.
                    run: entry
                        .run
                        .clone()
                        .or_else(|| RunId::parse(policy::InFlight::OPENING).ok())?,
                    key: key.clone(),
                    remote: record.plan.basis.remote.clone(),
                    remedy,
                    bytes: if remedy.destroys() {
                        record.plan.figures.bytes.unwrap_or(0)
                    } else {
                        0
                    },
                    since: entry.locked_since.unwrap_or(record.changed_at),
                })
            })
            .collect()
    }

    fn population(&self, now: Timestamp) -> Vec<policy::Member> {
        let settle_ms = i64::try_from(self.settings.policy.verify_settle.as_millis()).unwrap_or(i64::MAX);
        self.followers
            .iter()
            .filter_map(|(key, entry)| {
                let verdict = entry.verdict.as_ref()?;
                let cooling = self.past.iter().any(|run| {
                    run.key == *key && run.remedy.is_some() && millis_between(run.ended_at, now) < settle_ms
                });
                Some(policy::Member {
                    key: key.clone(),
                    remote: entry.facts.remote.clone(),
                    unhealthy: verdict.cause != Cause::None,
                    paused_by_people: verdict.cause == Cause::Paused,
                    never_and_acknowledged: false,
                    in_flight_or_cooling: entry.locked || cooling,
                })
            })
            .collect()
    }

    /// What the policy knows beside one follower.
    pub fn world(&self, key: &FollowerKey, now: Timestamp) -> policy::World {
        self.world_of(key, &self.common_world(now))
    }

    fn world_of(&self, key: &FollowerKey, common: &policy::World) -> policy::World {
        let mut world = common.clone();
        let entry = self.followers.get(key);
        let leader = entry.and_then(|entry| entry.facts.leader_cluster.clone());
        world.duplicate_cluster_uuid =
            [Some(key.cluster.clone()), leader]
                .into_iter()
                .flatten()
                .any(|name| {
                    let uuid = self.clusters.get(&name).and_then(|cluster| cluster.uuid.as_ref());
                    uuid.is_some()
                        && self
                            .clusters
                            .values()
                            .filter(|cluster| cluster.uuid.as_ref() == uuid)
                            .count()
                            > 1
                });
        // A leader that is itself a follower there is a chain or a pair that replicates both ways.
        world.both_ways = match entry.map(|entry| (&entry.facts.leader_cluster, &entry.facts.leader_index)) {
            Some((Some(cluster), Some(index))) => {
                let leader = FollowerKey {
                    cluster: cluster.clone(),
                    index: index.clone(),
                };
                if self.followers.contains_key(&leader) {
                    Seen::Present(true)
                } else {
                    Seen::Absent
                }
            }
            _ => Seen::Absent,
        };
        world
    }

    fn common_world(&self, now: Timestamp) -> policy::World {
        let slowest = self
            .clusters
            .values()
            .map(|cluster| cluster.settings.poll_interval)
            .max();
        policy::World {
            warm_until: after(self.started_at, slowest.unwrap_or_default().saturating_mul(3)),
            brakes: Seen::Present(self.brakes.clone()),
            brake_file: self.brake_file.clone(),
            in_flight: self.in_flight(),
            past: self.past.clone(),
            breaker: self.breaker.clone(),
            ..policy::World::quiet(now)
        }
    }

    /// Takes in a plan that the store kept.
    pub fn adopt_plan(&mut self, record: PlanRecord) {
        if record.state.is_open()
            && let Some(entry) = self.followers.get_mut(&record.plan.basis.key())
        {
            entry.plan = Some(record.plan.hash.clone());
        }
        self.plans.insert(record.plan.hash.clone(), record);
    }

    /// Locks a follower for a run that a former daemon left.
    pub fn adopt_run(&mut self, plan: &Plan, run: &RunId, now: Timestamp) {
        let key = plan.basis.key();
        let entry = self
            .followers
            .entry(key.clone())
            .or_insert_with(|| FollowerEntry::new(key, Memory::default(), now));
        entry.locked = true;
        entry.locked_since = Some(now);
        entry.run = Some(run.clone());
        entry.plan = Some(plan.hash.clone());
    }

    /// Lets a follower go after its run.
    pub fn unlock(&mut self, key: &FollowerKey) {
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
            entry.held_for = 0;
            entry.postponed_until = Some(after(now, interval.unwrap_or_default().saturating_mul(2)));
        }
    }

    /// Clusters whose followers name this one as their leader.
    pub fn followers_of(&self, leader: &ClusterName) -> BTreeSet<ClusterName> {
        self.followers
            .values()
            .filter(|entry| entry.facts.leader_cluster.as_ref() == Some(leader))
            .map(|entry| entry.facts.key.cluster.clone())
            .collect()
    }

    /// Leader clusters of the sick followers of a cluster: worth a fresh look.
    pub fn sick_leaders(&self, cluster: &ClusterName) -> BTreeSet<ClusterName> {
        self.followers
            .iter()
            .filter(|(key, entry)| {
                // Retrying for no known cause: the leader itself may tell.
                let quiet = matches!(entry.state(), State::Following | State::CatchingUp);
                &key.cluster == cluster && (entry.cause() != Cause::None || !quiet)
            })
            .filter_map(|(_, entry)| entry.facts.leader_cluster.clone())
            .collect()
    }
}

/// The first digits of a hash, for people.
pub(crate) fn short(hash: &PlanHash) -> &str {
    hash.as_str().get(..12).unwrap_or(hash.as_str())
}

fn sentence(key: &FollowerKey, verdict: &Verdict) -> String {
    if verdict.cause == Cause::None {
        return format!("`{key}` is {}", verdict.state);
    }
    let because = verdict
        .evidence
        .first()
        .map(|evidence| {
            format!(
                " ({} = {}, from {})",
                evidence.field, evidence.value, evidence.call
            )
        })
        .unwrap_or_default();
    format!("`{key}` is {}: {}{because}", verdict.state, verdict.cause)
}
