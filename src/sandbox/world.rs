//! One simulated pair with its clock, faults, schedule, background load and log of requests.
//!
//! Owns the lock around the pair (never held over an await) and the one path that a request
//! takes, whichever way it came in: note it, apply the fault that hits it, bring the pair to
//! the present, hand it in, wait for a late answer. What a broken connection looks like to a
//! client is the way in's business (`sandbox::memory`, `sandbox::front`).

use std::future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::elastic::transport::{Method, Request, Response};
use crate::sandbox::canned;
use crate::sandbox::clock::{Clock, millis};
use crate::sandbox::faults::{Fault, FaultKind, Faults};
use crate::sandbox::load::{self, Load};
use crate::sandbox::log::{Entry, RequestLog};
use crate::sandbox::pair::{Handled, Pair, PairOptions, Side, Ticket, Version};

/// How late a `slow` answer is unless the fault says.
const DEFAULT_SLOWNESS: Duration = Duration::from_secs(5);

/// Why a request got no answer from a simulated cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// Nobody listens: the node is down or connections are refused.
    Refused,
    /// The connection ended after the request was sent.
    Lost,
}

/// Something that happens to the pair by itself at a set time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The cluster's node starts again.
    StartNode(Side),
    /// The network between the clusters breaks or heals.
    BreakLink(bool),
    /// The restores' speed in bytes per second; `None`: as fast as the cluster's settings say.
    RestoreRate(Option<u64>),
    /// Somebody sends a request, whatever comes of it.
    Send {
        /// To which cluster.
        side: Side,
        /// Its method.
        method: Method,
        /// Path and query.
        target: String,
        /// JSON.
        body: Option<String>,
    },
}

/// Everything behind the lock.
#[derive(Debug)]
pub struct State {
    /// The model.
    pub pair: Pair,
    /// Faults between clients and clusters.
    pub faults: Faults,
    /// What clients sent.
    pub log: RequestLog,
    /// Background writes.
    pub load: Load,
    schedule: Vec<(i64, Event)>,
    down: [bool; 2],
    // Raised when a node dies: a request that waits since an earlier epoch has lost its
    // connection.
    epoch: [u64; 2],
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    clock: Clock,
    changed: watch::Sender<u64>,
    options: PairOptions,
}

/// A shared handle; see the module header.
#[derive(Debug, Clone)]
pub struct World {
    shared: Arc<Shared>,
}

impl World {
    /// An empty pair whose clock shows `options.start_ms` now.
    pub fn new(options: &PairOptions) -> Self {
        let (changed, _) = watch::channel(0);
        Self {
            shared: Arc::new(Shared {
                state: Mutex::new(State {
                    pair: Pair::new(options),
                    faults: Faults::default(),
                    log: RequestLog::default(),
                    load: Load::none(),
                    schedule: Vec::new(),
                    down: [false; 2],
                    epoch: [0; 2],
                }),
                clock: Clock::starting_at(options.start_ms),
                changed,
                options: options.clone(),
            }),
        }
    }

    /// Virtual milliseconds since the Unix epoch.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now_ms()
    }

    /// What the pair was made with; a replaced pair starts at another time.
    pub fn options(&self) -> &PairOptions {
        &self.shared.options
    }

    /// Brings the pair to the present and does something with it. Everybody who waits looks
    /// again afterwards. `act` runs under the lock, so it must not call the world. Nodes are killed and started by [`World::kill_node`] and
    /// [`World::start_node`], which also cut the connections.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let result = {
            let mut state = self.lock();
            let result = act(&mut state);
            state.pair.stir();
            result
        };
        self.notify();
        result
    }

    /// Brings the pair to the present.
    pub fn tick(&self) {
        drop(self.lock());
    }

    /// Pushes the clock forward; everything due by then happens in order.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.tick();
        self.notify();
    }

    /// The node dies: what waits loses its connection, new connections are refused.
    pub fn kill_node(&self, side: Side) {
        self.with(|state| state.kill_node(side));
    }

    /// The node starts again.
    pub fn start_node(&self, side: Side) {
        self.with(|state| state.start_node(side));
    }

    /// Does something to the pair `after` from now.
    pub fn schedule(&self, after: Duration, event: Event) {
        let at = self.now_ms().saturating_add(millis(after));
        self.with(|state| state.schedule_at(at, event));
    }

    /// Switches a fault on.
    pub fn add_fault(&self, fault: Fault) {
        self.with(|state| state.faults.add(fault));
    }

    /// Switches all faults off.
    pub fn clear_faults(&self) {
        self.with(|state| state.faults.clear());
    }

    /// The log of requests, in order.
    pub fn requests(&self) -> Vec<Entry> {
        self.lock().log.entries().cloned().collect()
    }

    /// Of the log, what can change something and reached a cluster.
    pub fn changes(&self) -> Vec<Entry> {
        self.lock()
            .log
            .entries()
            .filter(|entry| entry.changes && entry.acted)
            .cloned()
            .collect()
    }

    /// Whether the cluster accepts connections at all.
    pub fn reachable(&self, side: Side) -> bool {
        let state = self.lock();
        !state.down[slot(side)] && !state.faults.refuses_all(side)
    }

    /// Tells when something changed that a waiter should look at.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }

    /// Replaces the pair by a fresh one that was set up in the past, with its load; nodes are
    /// up, faults are off, nothing is scheduled. The log stays.
    pub fn replace(&self, pair: Pair, load: Load) {
        self.with(|state| {
            for side in [Side::Leader, Side::Follower] {
                state.epoch[slot(side)] += 1;
                state.down[slot(side)] = false;
            }
            state.pair = pair;
            state.load = load;
            state.schedule.clear();
            state.faults.clear();
            // The load starts from the past too.
            state.bring_to(self.now_ms());
        });
    }

    /// One request, from arrival to answer. Dropping the future cancels only the waiting.
    pub async fn exchange(&self, side: Side, request: &Request) -> Result<Response, Broken> {
        let (seq, fault) = {
            let mut state = self.lock();
            let fault = state.faults.hit(side, request.method.as_str(), &request.target);
            let refused = fault
                .as_ref()
                .is_some_and(|fault| fault.kind == FaultKind::Refuse);
            if refused || state.down[slot(side)] {
                return Err(Broken::Refused);
            }
            let seq = state.log.arrived(side, request, self.now_ms());
            state.witness(side, request, seq);
            if let Some(fault) = &fault {
                state.log.hit(seq, fault.kind);
            }
            (seq, fault)
        };
        let answer = match fault {
            None => self.hand_in(side, request, seq).await,
            Some(fault) => self.hit(side, request, seq, &fault).await,
        };
        if let Ok(response) = &answer {
            self.lock().log.answered(seq, response.status);
        }
        answer
    }

    /// Applies a fault to a request that has arrived.
    async fn hit(&self, side: Side, request: &Request, seq: u64, fault: &Fault) -> Result<Response, Broken> {
        let acts = fault.does_act();
        match fault.kind {
            FaultKind::Refuse => Err(Broken::Refused),
            FaultKind::Hang => {
                if acts {
                    self.begin(side, request, seq)?;
                }
                future::pending().await
            }
            FaultKind::Slow => {
                let delay = fault.delay.unwrap_or(DEFAULT_SLOWNESS);
                if acts {
                    let answer = self.hand_in(side, request, seq).await;
                    tokio::time::sleep(delay).await;
                    answer
                } else {
                    tokio::time::sleep(delay).await;
                    self.hand_in(side, request, seq).await
                }
            }
            FaultKind::LoseAnswer => {
                if acts {
                    self.begin(side, request, seq)?;
                }
                Err(Broken::Lost)
            }
            FaultKind::Proxy => {
                if acts {
                    self.begin(side, request, seq)?;
                }
                Ok(canned::asking_to_wait(
                    canned::proxy(fault.status.unwrap_or(502)),
                    fault.delay,
                ))
            }
            FaultKind::TooManyRequests => {
                let answer = canned::asking_to_wait(canned::too_many_requests(), fault.delay);
                Ok(self.finish(answer))
            }
            FaultKind::NoMaster => Ok(self.finish(canned::no_master())),
            FaultKind::Unauthorized => Ok(self.finish(canned::unauthorized())),
            FaultKind::NotElasticsearch => Ok(canned::not_elasticsearch()),
            FaultKind::Garbage => {
                let mut answer = self.hand_in(side, request, seq).await?;
                answer.body = canned::cut(&answer.body);
                Ok(answer)
            }
            FaultKind::MasterChange => {
                if !acts {
                    self.with(|state| state.pair.change_master(side));
                    return self.hand_in(side, request, seq).await;
                }
                let epoch = self.epoch(side);
                let begun = self.begin(side, request, seq)?;
                self.with(|state| state.pair.change_master(side));
                self.end(side, begun, epoch).await
            }
            FaultKind::NodeKilled => {
                if acts {
                    self.begin(side, request, seq)?;
                }
                self.kill_node(side);
                if let Some(delay) = fault.delay {
                    self.schedule(delay, Event::StartNode(side));
                }
                Err(Broken::Lost)
            }
        }
    }

    async fn hand_in(&self, side: Side, request: &Request, seq: u64) -> Result<Response, Broken> {
        let epoch = self.epoch(side);
        let begun = self.begin(side, request, seq)?;
        self.end(side, begun, epoch).await
    }

    /// Lets the cluster act; the answer may come later.
    fn begin(&self, side: Side, request: &Request, seq: u64) -> Result<Begun, Broken> {
        let handled = {
            let mut state = self.lock();
            state.witness(side, request, seq);
            let handled = state.pair.handle(side, request);
            match handled {
                Handled::Down => state.down[slot(side)] = true,
                Handled::Answer(_) | Handled::Later(_) => state.log.acted(seq),
            }
            handled
        };
        // A change may bring somebody else's event nearer (a raised restore rate).
        self.notify();
        match handled {
            Handled::Answer(response) => Ok(Begun::Answer(response)),
            Handled::Later(ticket) => Ok(Begun::Later(ticket)),
            Handled::Down => Err(Broken::Refused),
        }
    }

    /// Waits for the answer of what was begun in `epoch`.
    async fn end(&self, side: Side, begun: Begun, epoch: u64) -> Result<Response, Broken> {
        let ticket = match begun {
            Begun::Answer(response) => return Ok(self.finish(response)),
            Begun::Later(ticket) => ticket,
        };
        let mut changed = self.subscribe();
        loop {
            let next = {
                let mut state = self.lock();
                if state.epoch[slot(side)] != epoch {
                    return Err(Broken::Lost);
                }
                if let Some(response) = state.pair.take(ticket) {
                    return Ok(self.finish(response));
                }
                if state.pair.is_lost(ticket) {
                    return Err(Broken::Lost);
                }
                state.next_ms()
            };
            let sleep = async {
                match next {
                    Some(at) => tokio::time::sleep(self.shared.clock.until(at)).await,
                    None => future::pending().await,
                }
            };
            tokio::select! {
                () = sleep => {}
                // The sender lives in `self`, so this ends only by a change.
                _ = changed.changed() => {}
            }
        }
    }

    /// Adds the headers that every answer of this version carries.
    fn finish(&self, mut response: Response) -> Response {
        let modern = self.shared.options.version == Version::V8_10_4;
        if modern && response.product.is_none() {
            response.product = Some("Elasticsearch".to_owned());
        }
        // 8.x names no charset with JSON, 7.x does.
        let json = if modern {
            "application/json"
        } else {
            "application/json; charset=UTF-8"
        };
        match &response.content_type {
            Some(kind) if !kind.starts_with("application/json") => {}
            None if response.body.is_empty() => {}
            _ => response.content_type = Some(json.to_owned()),
        }
        response
    }

    fn epoch(&self, side: Side) -> u64 {
        self.lock().epoch[slot(side)]
    }

    /// The state, brought to the present.
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere while holding the lock is that test's failure, not ours.
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reached = state.bring_to(self.now_ms());
        if reached {
            self.notify();
        }
        state
    }

    fn notify(&self) {
        self.shared.changed.send_modify(|count| {
            *count = count.wrapping_add(1);
        });
    }
}

/// What a cluster that acts has given so far.
#[derive(Debug)]
enum Begun {
    Answer(Response),
    Later(Ticket),
}

impl State {
    /// Does everything that is due by `now_ms`, in the order of time. True if something was
    /// done that others may wait for.
    fn bring_to(&mut self, now_ms: i64) -> bool {
        let mut happened = false;
        self.load.plan(now_ms);
        loop {
            let event_at = self.schedule.first().map(|(at, _)| *at);
            let load_at = self.load.next_ms();
            let Some(at) = earliest(event_at, load_at).filter(|at| *at <= now_ms) else {
                break;
            };
            self.pair.advance_to(at.max(self.pair.now_ms()));
            if event_at == Some(at) {
                let (_, event) = self.schedule.remove(0);
                self.happen(&event);
                happened = true;
            } else {
                self.load.tick(&mut self.pair);
            }
            self.pair.stir();
        }
        self.pair.advance_to(now_ms.max(self.pair.now_ms()));
        happened
    }

    fn happen(&mut self, event: &Event) {
        match event {
            Event::StartNode(side) => self.start_node(*side),
            Event::BreakLink(broken) => self.pair.break_link(*broken),
            Event::RestoreRate(rate) => self.pair.set_restore_rate(*rate),
            Event::Send {
                side,
                method,
                target,
                body,
            } => {
                let _answer = self
                    .pair
                    .handle(*side, &load::request(*method, target, body.clone()));
            }
        }
    }

    /// Notes beside a request that can change something how things stand.
    fn witness(&mut self, side: Side, request: &Request, seq: u64) {
        if crate::sandbox::log::can_change(request.method.as_str(), &request.target)
            && !request.target.contains("/_bulk")
        {
            let standing = self.pair.standing_for(side, request);
            self.log.witnessed(seq, standing);
        }
    }

    /// As [`World::kill_node`], for those who hold the state.
    pub fn kill_node(&mut self, side: Side) {
        self.pair.kill_node(side);
        self.down[slot(side)] = true;
        self.epoch[slot(side)] += 1;
    }

    /// As [`World::start_node`], for those who hold the state.
    pub fn start_node(&mut self, side: Side) {
        self.pair.start_node(side);
        self.down[slot(side)] = false;
    }

    /// Notes an event for a virtual time.
    pub fn schedule_at(&mut self, at_ms: i64, event: Event) {
        let place = self.schedule.partition_point(|(at, _)| *at <= at_ms);
        self.schedule.insert(place, (at_ms, event));
    }

    /// When something happens by itself next.
    fn next_ms(&self) -> Option<i64> {
        let event_at = self.schedule.first().map(|(at, _)| *at);
        earliest(self.pair.next_event_ms(), earliest(event_at, self.load.next_ms()))
    }
}

const fn slot(side: Side) -> usize {
    match side {
        Side::Leader => 0,
        Side::Follower => 1,
    }
}

fn earliest(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
