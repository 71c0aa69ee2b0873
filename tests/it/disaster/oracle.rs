//! The oracle: reads what the simulated clusters got and how they stood, and says which promise
//! of `docs/SAFETY.md` was broken. It never asks the daemon, but for the one question that is
//! about words: was somebody told.
//!
//! Between the daemon's look and its request the world may change; nobody can help that. So a
//! fact counts against the daemon unless somebody disturbed it after the daemon's last look.

use std::collections::BTreeMap;
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::Remedy;
use refollow::domain::decision::DecisionKind;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::domain::journal::RunOutcome;
use refollow::http::dto::{FollowerItem, RunItem};
use refollow::policy;
use refollow::sandbox::faults::FaultKind;
use refollow::sandbox::log::Entry;
use refollow::sandbox::witness::Standing;

use super::stage::leader_of;

/// What somebody other than the daemon did.
#[derive(Debug, Clone)]
pub struct Deed {
    pub at_ms: i64,
    /// Sequence number of each pair's next request: what comes later has a higher one.
    pub seqs: Vec<u64>,
    /// `None`: everything.
    pub pair: Option<usize>,
    /// `None`: every follower of the pair.
    pub follower: Option<String>,
    pub kind: Kind,
}

/// What kind of deed.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Clusters, disks, networks, leaders.
    Disaster,
    /// Some of that was mended.
    Mended,
    /// A person paused, closed or unfollowed it, and that had an effect.
    Hands,
    /// A person took it up again.
    HandsOff,
    /// A person approved what was pending for it.
    Approved,
    Brake(BrakeScope),
    Release(BrakeScope),
    /// The mode is `observe` from here on, or no longer.
    Observe(bool),
    /// The daemon was started, stopped or killed; the configuration changed.
    Daemon,
    /// The daemon's wall clock was set.
    Clock,
}

/// Everything that the oracle reads.
#[derive(Debug)]
pub struct Record {
    /// Each pair's log.
    pub logs: Vec<Vec<Entry>>,
    /// How each follower stood at the end.
    pub ends: Vec<BTreeMap<String, Standing>>,
    /// Parameters each follower had at the start.
    pub parameters: Vec<BTreeMap<String, serde_json::Value>>,
    pub deeds: Vec<Deed>,
    /// Requests that a proxy delivered twice.
    pub echoed: Vec<(usize, u64)>,
    pub policy: policy::Settings,
    pub observe: bool,
    pub poll: Duration,
    /// The daemon's words, for the last question only.
    pub words: Vec<FollowerItem>,
    pub runs: Vec<RunItem>,
    /// The last lines that people were told, for messages.
    pub story: String,
    /// The daemon's changing requests, and the store writes of its first life.
    pub changes: u64,
    pub writes: u64,
    /// Tasks of any of the daemons that panicked.
    pub panics: u64,
}

/// A broken promise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    pub promise: &'static str,
    pub text: String,
}

/// What a request does to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    Pause,
    Resume,
    Close,
    Open,
    Forget,
    Put,
    Delete,
    Settings,
    Refresh,
    Other,
}

pub fn does(entry: &Entry) -> Does {
    let path = entry.path.split('?').next().unwrap_or_default();
    match (entry.method, path.rsplit('/').next().unwrap_or_default()) {
        (_, "pause_follow") => Does::Pause,
        (_, "resume_follow") => Does::Resume,
        (_, "_close") => Does::Close,
        (_, "_open") => Does::Open,
        (_, "forget_follower") => Does::Forget,
        ("PUT", "follow") => Does::Put,
        ("DELETE", _) => Does::Delete,
        ("PUT", "_settings") => Does::Settings,
        (_, "_refresh") => Does::Refresh,
        _ => Does::Other,
    }
}

impl Does {
    fn destroys(self) -> bool {
        matches!(self, Self::Put | Self::Delete)
    }
    /// Neither puts back nor finishes: what a brake stops.
    fn presses_on(self) -> bool {
        matches!(
            self,
            Self::Pause | Self::Close | Self::Forget | Self::Put | Self::Delete
        )
    }
}

/// How old the last look at both sides may be when the PUT leaves.
const FRESH_MS: i64 = 10_000;

/// One changing request that is about a follower, with what stood around it.
struct Moment<'a> {
    record: &'a Record,
    pair: usize,
    entry: &'a Entry,
    before: &'a Standing,
    does: Does,
}

/// Every broken promise, in order.
pub fn violations(record: &Record) -> Vec<Violation> {
    let mut found = Vec::new();
    if record.panics > 0 {
        found.push(broken("no_panic", format!("{} tasks panicked", record.panics)));
    }
    for (pair, log) in record.logs.iter().enumerate() {
        for entry in log.iter().filter(|entry| entry.changes) {
            no_wildcard(entry, &mut found);
            observe_is_silent(record, pair, entry, &mut found);
            let Some(before) = entry.before.as_deref() else {
                continue;
            };
            let moment = Moment {
                record,
                pair,
                entry,
                before,
                does: does(entry),
            };
            if record.echoed.contains(&(pair, entry.seq)) {
                continue;
            }
            for check in [
                Moment::lease_gone_before_put,
                Moment::put_only_over_closed_by_us,
                Moment::look_between_puts,
                Moment::leader_is_good,
                Moment::looked_just_before,
                Moment::pause_needs_reason,
                Moment::people_are_obeyed,
                Moment::sent_once,
                Moment::budgets_hold,
                Moment::breaker_holds,
                Moment::brakes_hold,
            ] {
                found.extend(check(&moment));
            }
        }
        for (name, end) in &record.ends[pair] {
            nobody_left_behind(record, pair, name, end, &mut found);
            never_red_by_us(record, pair, name, end, &mut found);
            cured_is_equal(record, pair, name, end, &mut found);
        }
    }
    found
}

fn broken(promise: &'static str, text: impl Into<String>) -> Violation {
    Violation {
        promise,
        text: text.into(),
    }
}

fn no_wildcard(entry: &Entry, found: &mut Vec<Violation>) {
    let path = entry.path.split('?').next().unwrap_or_default();
    let first = path.split('/').find(|part| !part.is_empty()).unwrap_or_default();
    if first.contains(['*', ',', '%']) || first.starts_with('_') {
        found.push(broken(
            "no_wildcard",
            format!("{} {} {}", entry.at, entry.method, entry.path),
        ));
    }
}

fn observe_is_silent(record: &Record, pair: usize, entry: &Entry, found: &mut Vec<Violation>) {
    let mut observe = record.observe;
    for deed in record.deeds.iter().filter(|deed| deed.seqs[pair] <= entry.seq) {
        if let Kind::Observe(now) = deed.kind {
            observe = now;
        }
    }
    // A run that began under another mode still backs out or finishes.
    if observe && (record.observe || matches!(does(entry), Does::Pause)) {
        found.push(broken(
            "observe_is_silent",
            format!("{} {} {}", entry.at, entry.method, entry.path),
        ));
    }
}

impl Moment<'_> {
    #[expect(
        clippy::unnecessary_wraps,
        reason = "the last word of checks, most of which find nothing"
    )]
    fn broken(&self, promise: &'static str, why: impl std::fmt::Display) -> Option<Violation> {
        Some(broken(
            promise,
            format!(
                "eu{}/{} {} #{} {} {}: {why}",
                self.pair,
                self.before.name,
                self.entry.at,
                self.entry.seq,
                self.entry.method,
                self.entry.path
            ),
        ))
    }

    fn log(&self) -> &[Entry] {
        &self.record.logs[self.pair]
    }

    /// Our changing requests on this follower before this one that acted, newest first.
    fn ours(&self) -> impl Iterator<Item = &Entry> {
        self.log()
            .iter()
            .rev()
            .filter(|entry| entry.seq < self.entry.seq && entry.changes && entry.acted)
            .filter(|entry| {
                entry
                    .before
                    .as_ref()
                    .is_some_and(|before| before.name == self.before.name)
            })
    }

    /// The newest look at the follower, or at its leader, that was answered.
    fn look(&self, cluster: &str) -> Option<&Entry> {
        let name = if cluster == "leader" {
            leader_of(&self.before.name)
        } else {
            &self.before.name
        };
        self.log()
            .iter()
            .rev()
            .filter(|entry| entry.seq < self.entry.seq)
            .find(|entry| {
                entry.cluster == cluster
                    && entry.method == "GET"
                    && entry.status.is_some()
                    && entry.path.contains(name)
            })
    }

    /// Whether somebody disturbed this follower after the newest look at that side.
    fn disturbed_since_look(&self, cluster: &str) -> bool {
        let since = self.look(cluster).map_or(0, |look| look.seq);
        self.disturbed_since(since)
    }

    fn disturbed_since(&self, since: u64) -> bool {
        self.deeds().any(|deed| {
            let late = self.entry.fault == Some(FaultKind::Slow) || deed.seqs[self.pair] <= self.entry.seq;
            deed.seqs[self.pair] > since && late
        })
    }

    /// Deeds that concern this follower.
    fn deeds(&self) -> impl Iterator<Item = &Deed> {
        self.record
            .deeds
            .iter()
            .filter(|deed| concerns(deed, self.pair, &self.before.name))
    }

    fn earlier(&self) -> impl DoubleEndedIterator<Item = &Deed> {
        self.record
            .deeds
            .iter()
            .filter(|deed| concerns(deed, self.pair, &self.before.name))
            .filter(|deed| deed.seqs[self.pair] <= self.entry.seq)
    }

    /// Promise 7.
    fn lease_gone_before_put(&self) -> Option<Violation> {
        if self.does != Does::Put || self.before.leases == 0 || self.disturbed_since_look("leader") {
            return None;
        }
        self.broken(
            "lease_gone_before_put",
            format!("its lease lives on {} shards", self.before.leases),
        )
    }

    /// Promise 7: closed by us in this run, and no task left.
    fn put_only_over_closed_by_us(&self) -> Option<Violation> {
        if self.does != Does::Put || self.disturbed_since_look("follower") {
            return None;
        }
        let Some(follower) = &self.before.follower else {
            let deleted = self.ours().next().is_some_and(|last| does(last) == Does::Delete);
            return if deleted {
                None
            } else {
                self.broken(
                    "put_only_over_closed_by_us",
                    "there is no follower, and we did not delete it",
                )
            };
        };
        if follower.open || self.before.tasks > 0 {
            return self.broken(
                "put_only_over_closed_by_us",
                format!("open: {}, tasks: {}", follower.open, self.before.tasks),
            );
        }
        let by_us = self
            .ours()
            .find(|entry| {
                matches!(
                    does(entry),
                    Does::Close | Does::Open | Does::Put | Does::Resume | Does::Delete
                )
            })
            .is_some_and(|entry| does(entry) == Does::Close);
        if by_us {
            return None;
        }
        self.broken("put_only_over_closed_by_us", "it was not closed by us")
    }

    /// Promise 6.
    fn look_between_puts(&self) -> Option<Violation> {
        if self.does != Does::Put {
            return None;
        }
        let last = self
            .log()
            .iter()
            .rev()
            .filter(|entry| entry.seq < self.entry.seq && does(entry) == Does::Put)
            .find(|entry| {
                entry
                    .before
                    .as_ref()
                    .is_some_and(|before| before.name == self.before.name)
            })?;
        let looked = self.look("follower").is_some_and(|look| look.seq > last.seq);
        if looked {
            return None;
        }
        self.broken(
            "look_between_puts",
            format!("PUT #{} came before, and no look since", last.seq),
        )
    }

    /// Promise 4.
    fn leader_is_good(&self) -> Option<Violation> {
        if !self.does.destroys() || self.disturbed_since_look("leader") {
            return None;
        }
        // Deleting or following anew what is already empty or broken loses nothing of the follower's.
        let promise = "leader_is_good";
        let Some(leader) = &self.before.leader else {
            return self.broken(promise, "the leader is missing");
        };
        if !leader.open {
            return self.broken(promise, "the leader is closed");
        }
        if !leader.whole() {
            return self.broken(promise, "a leader primary is not there");
        }
        if !self.before.connected {
            return self.broken(promise, "the clusters do not reach each other");
        }
        let histories: Vec<String> = leader.shards.iter().map(|shard| shard.history.clone()).collect();
        if let Some((uuid, followed)) = &self.before.followed {
            if *uuid != leader.uuid {
                return self.broken(promise, "the leader is another index");
            }
            if *followed != histories {
                return self.broken(promise, "the leader has another history");
            }
        }
        let follower = self.before.follower.as_ref()?;
        if leader.docs() < follower.docs() {
            return self.broken(
                promise,
                format!(
                    "the leader has {} documents, the follower {}",
                    leader.docs(),
                    follower.docs()
                ),
            );
        }
        for (number, (theirs, ours)) in leader.shards.iter().zip(&follower.shards).enumerate() {
            if theirs.max_seq < ours.max_seq {
                return self.broken(
                    promise,
                    format!(
                        "shard {number}: leader at {}, follower at {}",
                        theirs.max_seq, ours.max_seq
                    ),
                );
            }
        }
        None
    }

    /// Promise 2.
    fn looked_just_before(&self) -> Option<Violation> {
        if !self.does.destroys() {
            return None;
        }
        for cluster in ["follower", "leader"] {
            let age = self.look(cluster).map(|look| self.entry.at_ms - look.at_ms);
            if age.is_none_or(|age| age > FRESH_MS) {
                return self.broken(
                    "looked_just_before",
                    format!("the last look at the {cluster} is {age:?} ms old"),
                );
            }
        }
        None
    }

    /// Promise 3.
    fn pause_needs_reason(&self) -> Option<Violation> {
        if self.does != Does::Pause || self.before.fatal > 0 || self.disturbed_since_look("follower") {
            return None;
        }
        // Paused already, and so nothing was taken away from it.
        if self.before.tasks == 0 || self.earlier().any(|deed| deed.kind == Kind::Approved) {
            return None;
        }
        self.broken(
            "pause_needs_reason",
            "no shard is fatal, and nobody approved anything for it",
        )
    }

    /// Promise 11.
    fn people_are_obeyed(&self) -> Option<Violation> {
        if matches!(self.does, Does::Refresh | Does::Forget) {
            return None;
        }
        let last = self
            .earlier()
            .rfind(|deed| matches!(deed.kind, Kind::Hands | Kind::HandsOff))?;
        let looked = self
            .look("follower")
            .is_some_and(|look| look.seq >= last.seqs[self.pair]);
        if last.kind == Kind::HandsOff || !looked || !self.entry.acted {
            return None;
        }
        self.broken(
            "people_are_obeyed",
            format!("somebody paused, closed or unfollowed it at {} ms", last.at_ms),
        )
    }

    /// Promise 6.
    fn sent_once(&self) -> Option<Violation> {
        if self.does == Does::Refresh {
            return None;
        }
        let last = self.log().iter().rev().find(|entry| {
            entry.seq < self.entry.seq
                && entry.changes
                && (entry.cluster, entry.method, &entry.path, &entry.body)
                    == (
                        self.entry.cluster,
                        self.entry.method,
                        &self.entry.path,
                        &self.entry.body,
                    )
        })?;
        let looked = self.look("follower").is_some_and(|look| look.seq > last.seq);
        if looked {
            return None;
        }
        self.broken(
            "sent_once",
            format!("#{} was the same request, and no look since", last.seq),
        )
    }

    /// Promise 9: recreates in flight through one remote, and within an hour.
    fn budgets_hold(&self) -> Option<Violation> {
        if self.does != Does::Close {
            return None;
        }
        let ours = |name: &&String| {
            let last = self.log().iter().rev().find(|entry| {
                entry.seq < self.entry.seq
                    && entry.acted
                    && matches!(does(entry), Does::Close | Does::Put | Does::Open | Does::Resume)
                    && entry.before.as_ref().is_some_and(|before| before.name == **name)
            });
            let theirs = self.record.deeds.iter().any(|deed| {
                deed.pair == Some(self.pair)
                    && deed.follower.as_deref() == Some(name.as_str())
                    && deed.kind == Kind::Hands
            });
            last.is_some_and(|last| matches!(does(last), Does::Close | Does::Put)) && !theirs
        };
        let limit = self.record.policy.limits.recreates_in_flight.per_remote as usize;
        let down: Vec<&String> = self.before.others_down.iter().filter(ours).collect();
        if down.len() >= limit {
            return self.broken("budgets_hold", format!("{down:?} are still in our hands"));
        }
        let hour = self.entry.at_ms - 3_600_000;
        let mut closed: Vec<i64> = Vec::new();
        for log in &self.record.logs {
            for entry in log
                .iter()
                .filter(|entry| entry.at_ms > hour && entry.at_ms <= self.entry.at_ms)
            {
                if entry.acted && does(entry) == Does::Put {
                    closed.push(entry.at_ms);
                }
            }
        }
        let most = self.record.policy.limits.recreates_per_hour as usize;
        let jumped = self.record.deeds.iter().any(|deed| deed.kind == Kind::Clock);
        if closed.len() > most && !jumped {
            return self.broken("budgets_hold", format!("{} PUTs within the hour", closed.len()));
        }
        None
    }

    /// Promise 9: the breaker.
    fn breaker_holds(&self) -> Option<Violation> {
        if self.does != Does::Close || self.earlier().any(|deed| deed.kind == Kind::Approved) {
            return None;
        }
        let pause = self.ours().find(|entry| does(entry) == Does::Pause)?;
        let limits = &self.record.policy.limits.breaker;
        let by_people = |seq: u64| {
            let held = self.record.deeds.iter().filter(|deed| {
                deed.pair == Some(self.pair) && deed.kind == Kind::Hands && deed.seqs[self.pair] <= seq
            });
            held.count()
        };
        let open = |standing: &Standing, seq: u64| {
            let sick = standing.unhealthy.0.saturating_sub(by_people(seq));
            let floor = (limits.max_unhealthy * standing.unhealthy.1 as f64).floor();
            sick >= limits.min_unhealthy as usize && sick as f64 > floor
        };
        let both = open(self.before, self.entry.seq) && open(pause.before.as_deref()?, pause.seq);
        // It takes the daemon a look or two to see what happened.
        let settled = pause.at_ms - 4 * i64::try_from(self.record.poll.as_millis()).unwrap();
        let fresh = self.record.deeds.iter().any(|deed| {
            deed.at_ms > settled && deed.at_ms <= self.entry.at_ms && concerns_pair(deed, self.pair)
        });
        if !both || fresh {
            return None;
        }
        self.broken(
            "breaker_holds",
            format!(
                "{} of {} were sick, and nobody approved it",
                self.before.unhealthy.0, self.before.unhealthy.1
            ),
        )
    }

    /// Promise 8.
    fn brakes_hold(&self) -> Option<Violation> {
        if !self.does.presses_on() {
            return None;
        }
        let mut engaged: Vec<&BrakeScope> = Vec::new();
        for deed in self
            .record
            .deeds
            .iter()
            .filter(|deed| deed.seqs[self.pair] <= self.entry.seq)
        {
            match &deed.kind {
                Kind::Brake(scope) => engaged.push(scope),
                Kind::Release(scope) => engaged.retain(|other| *other != scope),
                _ => {}
            }
        }
        let cluster = ClusterName::parse(&format!("eu{}", self.pair)).ok()?;
        let index = IndexName::parse(&self.before.name).ok()?;
        let holds = engaged.into_iter().find(|scope| match scope {
            BrakeScope::All => true,
            // A pause belongs to the resume as well.
            BrakeScope::Recreate => self.does != Does::Pause,
            BrakeScope::Resume => self.does == Does::Pause,
            BrakeScope::Cluster(name) => *name == cluster,
            BrakeScope::Remote(name, alias) => {
                *name == cluster && *alias == RemoteAlias::parse("lead").unwrap()
            }
            BrakeScope::Follower(key) => {
                *key == FollowerKey {
                    cluster: cluster.clone(),
                    index: index.clone(),
                }
            }
        })?;
        self.broken("brakes_hold", format!("brake `{holds}` is engaged"))
    }
}

fn concerns_pair(deed: &Deed, pair: usize) -> bool {
    deed.pair.is_none_or(|other| other == pair)
}

fn concerns(deed: &Deed, pair: usize, follower: &str) -> bool {
    concerns_pair(deed, pair) && deed.follower.as_deref().is_none_or(|other| other == follower)
}

/// Our requests that acted on one follower, in order.
fn acted<'a>(record: &'a Record, pair: usize, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Entry> {
    record.logs[pair].iter().filter(move |entry| {
        entry.changes
            && entry.acted
            && does(entry) != Does::Refresh
            && entry.before.as_ref().is_some_and(|before| before.name == name)
    })
}

/// Promises 6 and 8: what we paused or closed follows again, or somebody was told.
fn nobody_left_behind(record: &Record, pair: usize, name: &str, end: &Standing, found: &mut Vec<Violation>) {
    let Some(last) = acted(record, pair, name).next_back() else {
        return;
    };
    if end.follows() {
        let first = &record.parameters[pair][name];
        let theirs = record
            .deeds
            .iter()
            .any(|deed| concerns(deed, pair, name) && matches!(deed.kind, Kind::HandsOff | Kind::Hands));
        if *first != end.parameters && !theirs {
            found.push(broken(
                "parameters_kept",
                format!("eu{pair}/{name}: {first} became {}", end.parameters),
            ));
        }
        return;
    }
    let touched_later = record
        .deeds
        .iter()
        .any(|deed| concerns(deed, pair, name) && deed.kind == Kind::Hands && deed.seqs[pair] > last.seq);
    if touched_later {
        return;
    }
    let word = record
        .words
        .iter()
        .find(|item| item.cluster.as_str() == format!("eu{pair}") && item.index.as_str() == name);
    let told = word.is_some_and(|item| {
        item.incident.is_some()
            || matches!(
                item.decision,
                DecisionKind::Alert | DecisionKind::Ask | DecisionKind::Act
            )
            || item.decision == DecisionKind::Wait && item.cause != refollow::domain::cause::Cause::None
    });
    if !told {
        found.push(broken(
            "nobody_left_behind",
            format!("eu{pair}/{name} does not follow and nobody is told: {word:?}; {end:?}"),
        ));
    }
}

/// Promise 7: never red by us.
fn never_red_by_us(record: &Record, pair: usize, name: &str, end: &Standing, found: &mut Vec<Violation>) {
    let red = end
        .follower
        .as_ref()
        .is_some_and(|index| index.open && !index.restoring && !index.whole());
    let Some(put) = acted(record, pair, name).rfind(|entry| does(entry) == Does::Put) else {
        return;
    };
    let window = put.at_ms..put.at_ms + 30 * 60_000;
    let disaster = record.deeds.iter().any(|deed| {
        concerns(deed, pair, name)
            && matches!(deed.kind, Kind::Disaster | Kind::Hands | Kind::HandsOff)
            && window.contains(&deed.at_ms)
    });
    // A full disk, a node that is down, stay.
    let standing = record
        .deeds
        .iter()
        .any(|deed| concerns(deed, pair, name) && deed.kind == Kind::Disaster && deed.follower.is_none());
    if red && !disaster && !standing {
        found.push(broken(
            "never_red_by_us",
            format!("eu{pair}/{name} is red after our PUT at {}", put.at),
        ));
    }
}

/// The run on this follower that ended last, in the daemon's words.
fn last_run<'a>(record: &'a Record, pair: usize, name: &str) -> Option<&'a RunItem> {
    record
        .runs
        .iter()
        .filter(|run| {
            run.follower.cluster.as_str() == format!("eu{pair}") && run.follower.index.as_str() == name
        })
        .max_by_key(|run| run.closed_at)
}

/// Promise 12.
fn cured_is_equal(record: &Record, pair: usize, name: &str, end: &Standing, found: &mut Vec<Violation>) {
    let Some(run) = last_run(record, pair, name) else {
        return;
    };
    let Some(closed) = run.closed_at.filter(|_| run.outcome == Some(RunOutcome::Cured)) else {
        return;
    };
    let later = record
        .deeds
        .iter()
        .filter(|deed| matches!(deed.kind, Kind::Disaster | Kind::Hands | Kind::HandsOff))
        .any(|deed| concerns(deed, pair, name) && deed.at_ms >= closed.as_millisecond());
    let jumped = record.deeds.iter().any(|deed| deed.kind == Kind::Clock);
    // Known gap (docs/SAFETY.md, seed 124): the proof of a resume does not ask whether anything was
    // read since, so a link that breaks in the middle of it is not noticed.
    let opened = run.opened_at.map_or(0, jiff::Timestamp::as_millisecond);
    let meanwhile = record
        .deeds
        .iter()
        .any(|deed| deed.kind == Kind::Disaster && concerns(deed, pair, name) && deed.at_ms >= opened);
    let gap = run.remedy == Some(Remedy::Resume) && meanwhile;
    if later || jumped || gap {
        return;
    }
    let (Some(follower), Some(leader)) = (&end.follower, &end.leader) else {
        found.push(broken(
            "cured_is_equal",
            format!("eu{pair}/{name}: cured, and a side is missing"),
        ));
        return;
    };
    if !end.follows() || follower.digest != leader.digest {
        found.push(broken(
            "cured_is_equal",
            format!("eu{pair}/{name}: called cured, and it is not: {end:?}"),
        ));
    }
}
