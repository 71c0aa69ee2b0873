//! The oracle: reads what the simulated clusters got and how they stood, and says which promise
//! of `docs/SAFETY.md` was broken. It never asks the daemon, but for the one question that is
//! about words: was somebody told.
//!
//! Between the daemon's look and its request the world may change; nobody can help that. So a
//! fact counts against the daemon unless somebody disturbed it after the daemon's last look.

use std::collections::BTreeMap;
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::installation::MARKER;
use refollow::http::dto::{FollowerItem, RunItem};
use refollow::policy;
use refollow::sandbox::faults::FaultKind;
use refollow::sandbox::log::Entry;
use refollow::sandbox::witness::Standing;

use super::stage::{is_twin, leader_of, origin_of};
use ends::{cured_is_equal, never_red_by_us, nobody_left_behind};

mod ends;
mod limits;
mod manners;
mod put;

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
    /// A person paused, closed or unfollowed it, and that had an effect. The end of the path.
    Hands(&'static str),
    /// A person recreated it, and it was left paused: the daemon takes that for people's pause.
    RecreatedByHand,
    /// A person took it up again.
    HandsOff,
    /// A person approved what was pending for it.
    Approved,
    Brake(BrakeScope),
    Release(BrakeScope),
    /// The mode is `observe` from here on, or no longer.
    Observe(bool),
    /// These limits and rules are promised from here on; the mode is another matter.
    Policy(Box<policy::Settings>),
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
    /// Requests of the daemon that never reached the cluster, without anybody telling the daemon.
    pub unsent: Vec<Unsent>,
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
    /// Times that the daemon was killed.
    pub crashes: u64,
    /// Second daemons that got at the store beside a living one.
    pub intruders: u64,
}

/// A request that never reached the cluster, and nothing told the daemon so: it died, the
/// connection broke, or no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsent {
    pub pair: usize,
    pub path: String,
    /// On the sandbox's clock.
    pub at_ms: i64,
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
    if record.intruders > 0 {
        found.push(broken(
            "one_daemon",
            format!("{} second daemons got at the store", record.intruders),
        ));
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
                Moment::way_back_is_kept,
                Moment::look_between_puts,
                Moment::leader_is_good,
                Moment::looked_just_before,
                Moment::pause_needs_reason,
                Moment::asked_first,
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
    // The one setting of a cluster that is ever written says which installation acts there.
    let marks = path == "/_cluster/settings" && names_only_the_marker(&entry.body);
    if first.contains(['*', ',', '%']) || (first.starts_with('_') && !marks) {
        found.push(broken(
            "no_wildcard",
            format!("{} {} {}", entry.at, entry.method, entry.path),
        ));
    }
}

fn names_only_the_marker(body: &serde_json::Value) -> bool {
    let settings = body["persistent"].as_object();
    body.as_object().is_some_and(|parts| parts.len() == 1)
        && settings.is_some_and(|settings| settings.keys().eq([MARKER]))
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
}

impl Record {
    /// Limits and rules that were promised when the pair got that request, and since which deed.
    fn policy_at(&self, pair: usize, seq: u64) -> (&policy::Settings, Option<&Deed>) {
        let newest = self.deeds.iter().rev().find_map(|deed| match &deed.kind {
            Kind::Policy(policy) if deed.seqs[pair] <= seq => Some((policy.as_ref(), Some(deed))),
            _ => None,
        });
        newest.unwrap_or((&self.policy, None))
    }
}

fn concerns_pair(deed: &Deed, pair: usize) -> bool {
    deed.pair.is_none_or(|other| other == pair)
}

fn concerns(deed: &Deed, pair: usize, follower: &str) -> bool {
    concerns_pair(deed, pair)
        && deed
            .follower
            .as_deref()
            .is_none_or(|other| other == follower || is_twin(follower) && other == origin_of(follower))
}
