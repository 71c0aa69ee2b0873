//! Collects samples and inputs in memory, and hands out the blocks that are to be stored.
//!
//! A block is open for hours and is stored again, grown, at every flush; so a kill loses what came
//! after the last one. An input is kept when something of it changed that a decision could rest on,
//! for each of the first ten looks at a cause, and every quarter of an hour while something is
//! wrong. Bounded: a follower that changes all the time gets a limited number of inputs, and beyond
//! them those whose decision changed.

use std::collections::{BTreeMap, BTreeSet};

use super::block;
use super::columns::{self, Sample};
use super::record::{Began, InputRef, Pass, RecordRef, Said};
use crate::domain::cause::Cause;
use crate::domain::decision::DecisionKind;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::memory::Memory;
use crate::domain::time::{Span, Timestamp, millis_between};
use crate::policy::{Assessment, Member, Moment, World};

/// A block of samples is closed after this time …
const SAMPLES_MILLIS: i64 = 3_600_000;
/// … and one of inputs, whose first costs as much as several others.
const INPUTS_MILLIS: i64 = 4 * SAMPLES_MILLIS;
/// An input is kept after this time even if nothing changed, while something is wrong.
const BEAT_MILLIS: i64 = 900_000;
/// Once a cause has held for [`LOOKS`], an input in which only details changed is kept no sooner than
/// this after the one before.
const CALM_MILLIS: i64 = 300_000;
/// Looks in a row that are kept one by one: more are in no sensible `judge.confirm_looks`.
const LOOKS: u32 = 10;
/// Inputs of one follower in one block, before only changed decisions are kept.
const MOST_INPUTS: usize = 200;
/// Beyond this nothing more goes into a block: the store has not taken it for long.
const MOST_AT_ALL: usize = 1_000;

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistorySettings {
    /// For how long; zero: nothing is recorded.
    pub keep: Span,
    /// Between two samples.
    pub resolution: Span,
}

impl HistorySettings {
    /// Nothing is recorded.
    pub const OFF: Self = Self {
        keep: Span::ZERO,
        resolution: Span::from_mins(1),
    };
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            keep: Span::from_hours(30 * 24),
            resolution: Span::from_mins(1),
        }
    }
}

/// What a block holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// [`columns`] of samples.
    Samples,
    /// A [`block`] of records.
    Inputs,
}

/// A block to be stored, in place of the one of the same follower, kind and beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// Of which follower; `None`: of all of them, the passes.
    pub follower: Option<FollowerKey>,
    /// What it holds.
    pub kind: Kind,
    /// Its first entry.
    pub from: Timestamp,
    /// Its last.
    pub until: Timestamp,
    /// How many it holds.
    pub count: usize,
    /// It.
    pub bytes: Vec<u8>,
}

#[derive(Debug)]
struct Open {
    from: Timestamp,
    until: Timestamp,
    writer: block::Writer,
    dirty: bool,
}

impl Open {
    fn push(open: &mut Option<Self>, at: Timestamp, text: &[u8]) {
        let open = open.get_or_insert_with(|| Self {
            from: at,
            until: at,
            writer: block::Writer::default(),
            dirty: false,
        });
        open.writer.push(text);
        open.until = open.until.max(at);
        open.dirty = true;
    }
}

#[derive(Debug, Default)]
struct OfFollower {
    /// What the last input was kept for, and its details.
    key: String,
    detail: String,
    kept_at: Option<Timestamp>,
    said: Option<DecisionKind>,
    /// The pass of the last input that was kept.
    pass: u64,
    inputs: Option<Open>,
    samples: Vec<Sample>,
    samples_dirty: bool,
}

fn grown(follower: Option<&FollowerKey>, open: Option<&Open>) -> Option<Block> {
    let open = open.filter(|open| open.dirty)?;
    Some(Block {
        follower: follower.cloned(),
        kind: Kind::Inputs,
        from: open.from,
        until: open.until,
        count: open.writer.count(),
        bytes: open.writer.bytes().to_vec(),
    })
}

impl OfFollower {
    fn blocks(&self, follower: &FollowerKey) -> Vec<Block> {
        let mut blocks: Vec<Block> = grown(Some(follower), self.inputs.as_ref()).into_iter().collect();
        if let (true, Some(first), Some(last)) =
            (self.samples_dirty, self.samples.first(), self.samples.last())
        {
            blocks.push(Block {
                follower: Some(follower.clone()),
                kind: Kind::Samples,
                from: first.at,
                until: last.at.max(first.at),
                count: self.samples.len(),
                bytes: columns::encode(&self.samples),
            });
        }
        blocks
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Recorder {
    settings: HistorySettings,
    pass: u64,
    now: Option<Timestamp>,
    world: Option<Open>,
    world_key: String,
    members: BTreeMap<FollowerKey, Member>,
    followers: BTreeMap<FollowerKey, OfFollower>,
    /// Inputs of this pass that are kept only if their run begins.
    staged: BTreeMap<FollowerKey, Vec<u8>>,
    sampled_at: Option<Timestamp>,
}

impl Recorder {
    /// One that keeps so much.
    pub fn new(settings: HistorySettings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// Takes other settings.
    pub fn reconfigure(&mut self, settings: HistorySettings) {
        self.settings = settings;
    }

    /// Whether anything is recorded.
    pub fn is_on(&self) -> bool {
        !self.settings.keep.is_zero()
    }

    /// A pass begins, over the followers of these clusters or over all (`None`): the world, and what
    /// the breakers count of them.
    pub fn begin(&mut self, world: &World, clusters: Option<&[ClusterName]>, population: Vec<Member>) {
        if !self.is_on() {
            return;
        }
        self.pass += 1;
        self.now = Some(world.now);
        self.staged.clear();
        let key = world_key(world);
        let there: BTreeSet<&FollowerKey> = population.iter().map(|member| &member.key).collect();
        let in_pass = |key: &FollowerKey| clusters.is_none_or(|names| names.contains(&key.cluster));
        let gone: Vec<FollowerKey> = self
            .known(clusters)
            .filter(|key| !there.contains(key))
            .cloned()
            .collect();
        // A block begins with all members, also those that this pass is not about.
        let whole = self.world.is_none();
        let others = self
            .members
            .values()
            .filter(|member| whole && !in_pass(&member.key));
        let others: Vec<Member> = others.cloned().collect();
        let changed: Vec<Member> = population
            .into_iter()
            .filter(|member| whole || self.members.get(&member.key) != Some(member))
            .chain(others)
            .collect();
        if !whole && changed.is_empty() && gone.is_empty() && key == self.world_key {
            return;
        }
        for key in &gone {
            self.members.remove(key);
        }
        for member in &changed {
            self.members.insert(member.key.clone(), member.clone());
        }
        self.world_key = key;
        let pass = Pass {
            at: world.now,
            pass: self.pass,
            world: world.clone(),
            members: changed,
            gone,
            whole,
        };
        let full = self.world.as_ref().map_or(0, |open| open.writer.count()) >= MOST_AT_ALL;
        if let (false, Some(text)) = (full, RecordRef::Pass(&pass).text()) {
            Open::push(&mut self.world, world.now, &text);
        }
    }

    /// Members that stood so far, of these clusters or all.
    fn known<'a>(
        &'a self,
        clusters: Option<&'a [ClusterName]>,
    ) -> Box<dyn Iterator<Item = &'a FollowerKey> + 'a> {
        match clusters {
            None => Box::new(self.members.keys()),
            Some(clusters) => Box::new(clusters.iter().flat_map(|cluster| {
                self.members
                    .range(FollowerKey::before_all_of(cluster)..)
                    .map(|(key, _)| key)
                    .take_while(move |key| &key.cluster == cluster)
            })),
        }
    }

    /// The policy was asked about one follower.
    pub fn judged(&mut self, moment: &Moment<'_>, assessment: &Assessment) {
        if !self.is_on() {
            return;
        }
        let now = moment.world.now;
        let key = &moment.facts.key;
        let kind = assessment.decision.kind;
        let well = moment.verdict.cause == Cause::None && assessment.rungs.is_empty();
        let changed = change_key(moment, assessment, well);
        let detail = detail_key(moment, assessment, well);
        let known = self.followers.entry(key.clone()).or_default();
        let beat = !well
            && known
                .kept_at
                .is_none_or(|at| millis_between(at, now) >= BEAT_MILLIS || at > now);
        let calm = moment.held_for_looks <= LOOKS
            || known
                .kept_at
                .is_none_or(|at| millis_between(at, now) >= CALM_MILLIS);
        let other = known.said != Some(kind);
        let count = known.inputs.as_ref().map_or(0, |open| open.writer.count());
        let room = count < MOST_INPUTS || other && count < MOST_AT_ALL;
        let news = known.key != changed || known.detail != detail && calm;
        let keep = (news || beat) && room;
        if !keep && kind != DecisionKind::Act {
            return;
        }
        let said = Said::of(assessment);
        let short = Memory {
            history: moment.memory.history.clone(),
            ..Memory::default()
        };
        let text = RecordRef::Input(InputRef {
            at: now,
            pass: self.pass,
            verdict: moment.verdict,
            held_for_looks: moment.held_for_looks,
            waited_since: moment.waited_since,
            runway_expires_at: moment.runway_expires_at,
            facts: (!well).then_some(moment.facts),
            memory: if well { &short } else { moment.memory },
            existing: moment.existing,
            duplicate_cluster_uuid: moment.world.duplicate_cluster_uuid,
            both_ways: &moment.world.both_ways,
            said: &said,
        })
        .text();
        let Some(text) = text else { return };
        if keep {
            known.key = changed;
            known.detail = detail;
            known.kept_at = Some(now);
            known.said = Some(kind);
            known.pass = self.pass;
            Open::push(&mut known.inputs, now, &text);
        } else {
            self.staged.insert(key.clone(), text);
        }
    }

    /// A run begins on what was decided in this pass.
    pub fn began(&mut self, follower: &FollowerKey, mut began: Began) {
        let (true, Some(now)) = (self.is_on(), self.now) else {
            return;
        };
        began.pass = self.pass;
        began.at = now;
        let staged = self.staged.remove(follower);
        let known = self.followers.entry(follower.clone()).or_default();
        if let Some(text) = staged {
            known.pass = self.pass;
            Open::push(&mut known.inputs, now, &text);
        }
        // What is seen after the run is kept whatever it is.
        known.key.clear();
        if let Some(text) = RecordRef::Began(&began).text() {
            Open::push(&mut known.inputs, now, &text);
        }
    }

    /// Whether it is time for samples.
    pub fn sample_due(&self, now: Timestamp) -> bool {
        let resolution = i64::try_from(self.settings.resolution.as_millis()).unwrap_or(i64::MAX);
        self.is_on()
            && self
                .sampled_at
                .is_none_or(|at| millis_between(at, now) >= resolution || at > now)
    }

    /// One sample of each follower.
    pub fn sampled(&mut self, now: Timestamp, samples: impl IntoIterator<Item = (FollowerKey, Sample)>) {
        self.sampled_at = Some(now);
        for (follower, sample) in samples {
            let known = self.followers.entry(follower).or_default();
            if known.samples.len() < columns::MOST {
                known.samples.push(sample);
                known.samples_dirty = true;
            }
        }
    }

    /// The blocks that have grown since they were last stored.
    pub fn blocks(&self) -> Vec<Block> {
        let mut blocks: Vec<Block> = grown(None, self.world.as_ref()).into_iter().collect();
        for (follower, known) in &self.followers {
            blocks.extend(known.blocks(follower));
        }
        blocks
    }

    /// Those of one follower.
    pub fn blocks_of(&self, follower: &FollowerKey) -> Vec<Block> {
        self.followers
            .get(follower)
            .map(|known| known.blocks(follower))
            .unwrap_or_default()
    }

    /// These blocks are stored: what has not grown since is clean, and an old one is closed.
    pub fn stored(&mut self, blocks: &[Block], now: Timestamp) {
        let older = |from: Timestamp, than: i64| millis_between(from, now) >= than || from > now;
        let old = |from: Timestamp| older(from, INPUTS_MILLIS);
        for block in blocks {
            let Some(follower) = &block.follower else {
                settle(&mut self.world, block, old(block.from));
                continue;
            };
            let Some(known) = self.followers.get_mut(follower) else {
                continue;
            };
            match block.kind {
                Kind::Inputs => settle(&mut known.inputs, block, old(block.from)),
                Kind::Samples if known.samples.len() == block.count => {
                    known.samples_dirty = false;
                    if older(block.from, SAMPLES_MILLIS) {
                        known.samples.clear();
                    }
                }
                Kind::Samples => {}
            }
        }
        // A block that nothing is added to any more is closed too: it was stored before.
        let idle = |open: &Option<Open>| open.as_ref().is_some_and(|open| !open.dirty && old(open.from));
        if idle(&self.world) {
            self.world = None;
        }
        for known in self.followers.values_mut() {
            if idle(&known.inputs) {
                known.inputs = None;
            }
        }
        self.followers.retain(|follower, known| {
            self.members.contains_key(follower) || known.inputs.is_some() || !known.samples.is_empty()
        });
    }
}

fn settle(open: &mut Option<Open>, block: &Block, old: bool) {
    let Some(known) = open else { return };
    if known.from == block.from && known.writer.count() == block.count {
        known.dirty = false;
        if old {
            *open = None;
        }
    }
}

/// What of the world makes a pass worth keeping: all but the time, and when blockers were asked.
fn world_key(world: &World) -> String {
    let mut shown = world.clone();
    shown.now = Timestamp::UNIX_EPOCH;
    for blocker in &mut shown.blockers {
        blocker.asked_at = None;
    }
    serde_json::to_string(&shown).unwrap_or_default()
}

/// What of an input makes it worth keeping at once.
fn change_key(moment: &Moment<'_>, assessment: &Assessment, well: bool) -> String {
    let verdict = moment.verdict;
    let key = format!("{} {} {}", verdict.state, verdict.cause, assessment.decision.kind);
    if well {
        return key;
    }
    let existing = moment
        .existing
        .map(|record| (record.plan.hash.as_str(), &record.state, record.consents.len()));
    format!(
        "{key} {existing:?} {} {:?}",
        moment.held_for_looks.min(LOOKS),
        moment.waited_since,
    )
}

/// What makes it worth keeping, but not each time: a verdict and its guards can change twice at
/// every look, until the second answers of that look are there.
fn detail_key(moment: &Moment<'_>, assessment: &Assessment, well: bool) -> String {
    if well {
        return String::new();
    }
    let verdict = moment.verdict;
    let key = format!(
        "{} {:?} {:?} {:?} {:?} {} {} {:?}",
        verdict.approval,
        verdict.also,
        verdict.ladder,
        verdict.identity,
        assessment.plan.as_ref().map(|plan| plan.hash.as_str()),
        moment.runway_expires_at.is_some(),
        moment.world.duplicate_cluster_uuid,
        moment.world.both_ways,
    );
    assessment.decision.guards.iter().fold(key, |mut key, guard| {
        key.extend([" ", guard.name.as_str(), "=", guard.verdict.as_str()]);
        key
    })
}
