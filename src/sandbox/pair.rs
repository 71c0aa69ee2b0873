//! A pair of simulated clusters and the only way in: advance the clock, hand in a request.
//!
//! Synchronous and deterministic: no clock, no I/O, no randomness but the seed it was made
//! with. Time is virtual milliseconds since the Unix epoch, an argument of every call.
//! `sandbox::front` reaches it over HTTP, `sandbox::memory` through the client's transport.

use std::collections::BTreeMap;

use crate::elastic::transport::{Credential, Method, Request, Response};

use super::cluster::Cluster;
use super::errors;
use super::follow::Outcome;
use super::index::Index;
use super::restore::{Phase, Restore};
use super::routes;
use super::task::Run;

/// Which of the two clusters a request goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The cluster that is followed.
    Leader,
    /// The cluster that follows; it knows the other as `lead`.
    Follower,
}

/// Which Elasticsearch a pair imitates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// Elasticsearch 7.7.0.
    V7_7_0,
    /// Elasticsearch 8.10.4.
    V8_10_4,
}

/// How a pair starts.
#[derive(Debug, Clone)]
pub struct PairOptions {
    /// Version of both clusters.
    pub version: Version,
    /// Security (users, roles, API keys) as in `tests/recordings/8.10.4-secured`.
    pub secured: bool,
    /// Virtual time at the start, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Seed of everything that looks random (identifiers).
    pub seed: u64,
}

/// Names one request that has no answer yet (a `PUT follow` that waits for its restore).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// What handing in a request gave.
#[derive(Debug, Clone)]
pub enum Handled {
    /// The answer.
    Answer(Response),
    /// It acts and answers later: advance the clock, then ask [`Pair::take`]. The caller may
    /// also go away; the cluster carries on without it.
    Later(Ticket),
    /// The cluster's only node is down: connections are refused.
    Down,
}

impl Side {
    /// The other cluster.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Leader => Self::Follower,
            Self::Follower => Self::Leader,
        }
    }
}

/// An answer that is under way.
#[derive(Debug, Clone)]
struct Waiting {
    side: Side,
    ticket: Ticket,
    due_ms: i64,
    response: Response,
}

/// Two simulated clusters and the time they share.
#[derive(Debug, Clone)]
pub struct Pair {
    pub(super) version: Version,
    pub(super) secured: bool,
    pub(super) now_ms: i64,
    /// Nothing happens by itself before this, as far as was looked and nobody touched anything since.
    calm_until_ms: i64,
    pub(super) link_broken: bool,
    pub(super) restore_rate: Option<u64>,
    pub(super) users: [String; 3],
    leader: Cluster,
    follower: Cluster,
    random: fastrand::Rng,
    tickets: u64,
    waiting: Vec<Waiting>,
    answers: BTreeMap<u64, Response>,
}

impl Pair {
    /// A fresh pair: both clusters empty, the follower cluster knows the leader cluster as `lead`.
    pub fn new(options: &PairOptions) -> Self {
        let mut random = fastrand::Rng::with_seed(options.seed);
        let leader = Cluster::new(Side::Leader, options, &mut random);
        let follower = Cluster::new(Side::Follower, options, &mut random);
        Self {
            version: options.version,
            secured: options.secured,
            now_ms: options.start_ms,
            calm_until_ms: i64::MIN,
            link_broken: false,
            restore_rate: None,
            users: [SUPERUSER.to_owned(), SUPERUSER.to_owned(), SUPERUSER.to_owned()],
            leader,
            follower,
            random,
            tickets: 0,
            waiting: Vec::new(),
            answers: BTreeMap::new(),
        }
    }

    /// Virtual time, milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.now_ms
    }

    /// On a secured pair: which user a credential stands for (at the start a superuser).
    pub fn set_user(&mut self, credential: Credential, user: &str) {
        user.clone_into(&mut self.users[slot(credential)]);
    }

    /// Advances the simulation: polls, renewals, retries, restores, expiry. Never backwards.
    pub fn advance_to(&mut self, now_ms: i64) {
        if now_ms < self.calm_until_ms {
            self.now_ms = self.now_ms.max(now_ms);
            return;
        }
        while let Some(next) = self.next_event_ms() {
            if next > now_ms {
                self.calm_until_ms = next;
                break;
            }
            self.now_ms = self.now_ms.max(next);
            self.step();
        }
        self.now_ms = self.now_ms.max(now_ms);
    }

    /// Somebody may have changed what happens next: it is looked up anew.
    pub(super) fn stir(&mut self) {
        self.calm_until_ms = i64::MIN;
    }

    /// The next time at which something happens by itself.
    pub fn next_event_ms(&self) -> Option<i64> {
        let answers = self.waiting.iter().map(|waiting| waiting.due_ms);
        [Side::Leader, Side::Follower]
            .into_iter()
            .filter_map(|side| self.next_of(side))
            .chain(answers)
            .min()
    }

    fn next_of(&self, side: Side) -> Option<i64> {
        let cluster = self.cluster(side);
        if !cluster.up {
            return None;
        }
        let old = self.version == Version::V7_7_0;
        let tasks = cluster.tasks.values().filter_map(|task| task.due_ms(old));
        let indices = cluster.indices.values().filter_map(|index| {
            let flush = index.shards.iter().filter_map(|shard| shard.flush_due_ms).min();
            let restore = index.restore.as_ref().and_then(Restore::due_ms);
            [
                Some(index.tick_ms),
                flush,
                restore,
                index.starting_ms,
                index.closing_ms,
                index.refresh_ms,
            ]
            .into_iter()
            .flatten()
            .min()
        });
        tasks.chain(indices).chain(cluster.auto_due_ms).min()
    }

    /// Does everything that is due now.
    fn step(&mut self) {
        let now = self.now_ms;
        for side in [Side::Leader, Side::Follower] {
            if self.cluster(side).up {
                self.step_indices(side);
                let old = self.version == Version::V7_7_0;
                let due: Vec<String> = self
                    .cluster(side)
                    .tasks
                    .values()
                    .filter(|task| task.due_ms(old).is_some_and(|due| due <= now))
                    .map(|task| task.id.clone())
                    .collect();
                for id in due {
                    self.step_task(side, &id);
                }
                if self.cluster(side).auto_due_ms.is_some_and(|due| due <= now) {
                    self.step_auto_follow(side);
                }
            }
        }
        let (due, later): (Vec<Waiting>, Vec<Waiting>) = std::mem::take(&mut self.waiting)
            .into_iter()
            .partition(|waiting| waiting.due_ms <= now);
        self.waiting = later;
        for waiting in due {
            self.answers.insert(waiting.ticket.0, waiting.response);
        }
    }

    fn step_indices(&mut self, side: Side) {
        let now = self.now_ms;
        let mut restoring = Vec::new();
        for (name, index) in &mut self.cluster_mut(side).indices {
            let retained = index.retained_operations();
            if index.starting_ms.is_some_and(|due| due <= now) {
                index.starting_ms = None;
                for shard in &mut index.shards {
                    shard.come_up(now);
                }
            }
            if index.closing_ms.is_some_and(|due| due <= now) {
                index.closing_ms = None;
                for shard in &mut index.shards {
                    shard.term += 1;
                }
            }
            if index.refresh_ms.is_some_and(|due| due <= now) {
                index.refresh();
            }
            for shard in &mut index.shards {
                if shard.flush_due_ms.is_some_and(|due| due <= now) {
                    shard.flush(retained, now);
                }
            }
            if index.tick_ms <= now {
                index.tick_ms = now + super::index::TICK_MS;
                if index.open {
                    let period = index.lease_period_ms();
                    for shard in index.shards.iter_mut().filter(|shard| shard.started()) {
                        let (checkpoint, term) = (shard.max_seq, shard.term);
                        shard.leases.tick(checkpoint, period, now, term);
                    }
                }
            }
            if index
                .restore
                .as_ref()
                .and_then(Restore::due_ms)
                .is_some_and(|due| due <= now)
            {
                restoring.push(name.clone());
            }
        }
        for name in restoring {
            self.step_restore(side, &name);
        }
    }

    /// Hands in a request.
    pub fn handle(&mut self, side: Side, request: &Request) -> Handled {
        if !self.cluster(side).up {
            return Handled::Down;
        }
        let (path, query) = request
            .target
            .split_once('?')
            .unwrap_or((request.target.as_str(), ""));
        let call = routes::Call::new(
            side,
            request.method,
            path,
            query,
            request.body.as_deref().unwrap_or_default(),
            &self.users[slot(request.credential)],
        );
        let product = self.version == Version::V8_10_4;
        let (status, body) = match routes::dispatch(self, &call) {
            Ok(Outcome::Later(ticket)) => return Handled::Later(ticket),
            Ok(Outcome::Now(status, body)) => (status, call.filter(body)),
            Err(fault) => fault.into_answer(),
        };
        let mut response = errors::response(status, &body, product);
        if request.method == Method::Head {
            response.body = bytes::Bytes::new();
        } else if let serde_json::Value::String(text) = &body {
            response.body = bytes::Bytes::from(text.clone());
            response.content_type = Some("text/plain; charset=UTF-8".to_owned());
        }
        Handled::Answer(response)
    }

    /// The answer of a [`Handled::Later`] request, once it is there.
    pub fn take(&mut self, ticket: Ticket) -> Option<Response> {
        self.answers.remove(&ticket.0)
    }

    /// Whether a ticket will never be answered: the node that worked on it died. To a client
    /// this is a lost connection.
    pub fn is_lost(&self, ticket: Ticket) -> bool {
        !self.answers.contains_key(&ticket.0)
            && !self.waiting.iter().any(|waiting| waiting.ticket == ticket)
            && ![Side::Leader, Side::Follower].iter().any(|side| {
                self.cluster(*side).indices.values().any(|index| {
                    index
                        .restore
                        .as_ref()
                        .is_some_and(|restore| restore.ticket == Some(ticket))
                })
            })
    }

    /// Stops the only node of a cluster, as `kill -9` does.
    pub fn kill_node(&mut self, side: Side) {
        if !self.cluster(side).up {
            return;
        }
        let now = self.now_ms;
        let version = self.version;
        let node = self.cluster(side).node.clone();
        self.cluster_mut(side).up = false;
        self.waiting.retain(|waiting| waiting.side != side);
        for (name, index) in &mut self.cluster_mut(side).indices {
            let restoring = index.restore.take();
            for (number, shard) in index.shards.iter_mut().enumerate() {
                let copied = restoring.as_ref().is_none_or(|restore| {
                    restore
                        .shards
                        .get(number)
                        .is_some_and(|shard| matches!(shard.phase, Phase::Ended { ok: true }))
                });
                if copied {
                    shard.go_down(&node, now);
                } else {
                    shard.lose_copy(name, &node, version, now);
                }
            }
        }
        self.interrupt_readers(side, None);
    }

    /// Starts the only node of a cluster again. Its shards are up a second later.
    pub fn start_node(&mut self, side: Side) {
        if self.cluster(side).up {
            return;
        }
        let now = self.now_ms;
        let auto = !self.cluster(side).patterns.is_empty();
        let cluster = self.cluster_mut(side);
        cluster.up = true;
        cluster.auto_due_ms = auto.then_some(now + 1_000);
        for index in cluster.indices.values_mut() {
            index.starting_ms = Some(now + 1_000);
            index.tick_ms = now + super::index::TICK_MS;
        }
        for task in cluster.tasks.values_mut() {
            let mut run = Run::new(now + 1_500);
            run.leader_checkpoint = task.run.follower_checkpoint;
            run.follower_checkpoint = task.run.follower_checkpoint;
            run.last_requested = task.run.follower_checkpoint;
            task.run = run;
        }
    }

    /// Elects another master: the listener of a running `PUT follow` is lost (ES#86654). The
    /// restore ends, following does not start.
    pub fn change_master(&mut self, side: Side) {
        let body = serde_json::json!({"follow_index_created": true, "follow_index_shards_acked": false, "index_following_started": false});
        let mut tickets = Vec::new();
        for index in self.cluster_mut(side).indices.values_mut() {
            if let Some(restore) = &mut index.restore {
                restore.listener = false;
                tickets.extend(restore.ticket.take());
            }
        }
        for ticket in tickets {
            self.answer_later(side, ticket, 200, &body);
        }
        self.cluster_mut(side).auto_stats = super::cluster::AutoStats::default();
    }

    /// The follower cluster cannot reach the leader cluster; clients reach both.
    pub fn break_link(&mut self, broken: bool) {
        if broken && !self.link_broken {
            self.link_broken = true;
            self.interrupt_readers(Side::Leader, None);
        }
        self.link_broken = broken;
    }

    /// Leases of CCR gone and history merged away, on all shards (what hours would do).
    pub fn lose_history(&mut self, leader_index: &str) {
        self.lose(leader_index, None);
    }

    /// [`Pair::lose_history`] of one shard.
    pub fn lose_history_of_shard(&mut self, leader_index: &str, shard: u32) {
        self.lose(leader_index, Some(shard));
    }

    fn lose(&mut self, leader_index: &str, only: Option<u32>) {
        let now = self.now_ms;
        if let Some(index) = self.cluster_mut(Side::Leader).indices.get_mut(leader_index) {
            for shard in &mut index.shards {
                if only.is_none_or(|number| shard.number == number) {
                    shard.lose_history(now);
                }
            }
        }
        self.wake_readers(Side::Leader, leader_index);
    }

    /// Bytes per second of remote recoveries; `None`: as the clusters' settings say (40 MB/s).
    pub fn set_restore_rate(&mut self, bytes_per_second: Option<u64>) {
        self.restore_rate = bytes_per_second;
        self.rate_changed();
    }

    /// No node may take a shard: restores fail (reference, finding 7).
    pub fn set_disk_full(&mut self, side: Side, full: bool) {
        self.cluster_mut(side).disk_full = full;
    }

    /// Gives the cluster's node an attribute (`node.attr.*`).
    pub fn set_node_attribute(&mut self, side: Side, name: &str, value: &str) {
        let attributes = &mut self.cluster_mut(side).attributes;
        attributes.insert(name.to_owned(), value.to_owned());
    }

    /// Makes every task of a follower fatal with this exception.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers build the exception for this call"
    )]
    pub fn make_fatal(&mut self, follower_index: &str, exception: serde_json::Value) {
        for task in self.cluster_mut(Side::Follower).tasks.values_mut() {
            if task.follower == follower_index {
                task.run.fatal = Some(exception.clone());
            }
        }
    }

    /// Documents by count, also of a closed index; `None`: no such index.
    pub fn docs(&self, side: Side, index: &str) -> Option<u64> {
        self.cluster(side).indices.get(index).map(Index::docs)
    }

    /// Equal digests if and only if equal documents (id → value), but for collisions.
    pub fn documents_digest(&self, side: Side, index: &str) -> Option<u64> {
        self.cluster(side).indices.get(index).map(|index| {
            index
                .shards
                .iter()
                .fold(0_u64, |sum, shard| sum.wrapping_add(shard.digest()))
        })
    }

    pub(super) fn cluster(&self, side: Side) -> &Cluster {
        match side {
            Side::Leader => &self.leader,
            Side::Follower => &self.follower,
        }
    }

    /// A cluster to be changed, after which other things may happen next.
    pub(super) fn cluster_mut(&mut self, side: Side) -> &mut Cluster {
        self.stir();
        match side {
            Side::Leader => &mut self.leader,
            Side::Follower => &mut self.follower,
        }
    }

    pub(super) fn fresh_id(&mut self) -> String {
        super::identifier(&mut self.random)
    }

    pub(super) fn new_ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    pub(super) fn answer_later(&mut self, side: Side, ticket: Ticket, status: u16, body: &serde_json::Value) {
        self.answer_at(side, ticket, self.now_ms, status, body);
    }

    pub(super) fn answer_at(
        &mut self,
        side: Side,
        ticket: Ticket,
        due_ms: i64,
        status: u16,
        body: &serde_json::Value,
    ) {
        self.stir();
        let response = errors::response(status, body, self.version == Version::V8_10_4);
        self.waiting.push(Waiting {
            side,
            ticket,
            due_ms,
            response,
        });
    }
}

/// The user that may do anything.
pub(super) const SUPERUSER: &str = "boss";

const fn slot(credential: Credential) -> usize {
    match credential {
        Credential::Read => 0,
        Credential::Act => 1,
        Credential::Follow => 2,
    }
}
