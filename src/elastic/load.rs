//! What one cluster is asked, counted and bounded: everything that its clients share, also over a
//! reload of the configuration.
//!
//! Owns the counts behind the metrics, the waiting for the ceiling (`elastic::ceiling`) and the
//! memory of trouble (`elastic::pressure`). Sends nothing itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::load::{Counts, Pressure, Purpose, RequestError, Trouble};
use crate::domain::time::Timestamp;
use crate::elastic::ceiling::Ceiling;
use crate::elastic::pressure::{self, BackOff};
use crate::elastic::transport::{Response, TransportError};

/// The load on one cluster.
#[derive(Debug)]
pub struct Load {
    began: Instant,
    bounds: Mutex<Bounds>,
    /// Looks that wait for the ceiling go in the order in which they came.
    queue: tokio::sync::Mutex<()>,
    requests: [AtomicU64; 4],
    bytes: [AtomicU64; 4],
    millis: [AtomicU64; 4],
    errors: [AtomicU64; 7],
    held_millis: AtomicU64,
}

/// A load that many hold.
pub type SharedLoad = Arc<Load>;

#[derive(Debug, Default)]
struct Bounds {
    ceiling: Ceiling,
    back_off: BackOff,
    met: Met,
}

/// How often trouble was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Met {
    rejected: u64,
    strained: u64,
}

/// How things stood when a look began.
#[derive(Debug)]
pub struct LookBegan {
    purpose: Purpose,
    counts: Counts,
    met: Met,
}

impl LookBegan {
    /// Which look.
    pub const fn purpose(&self) -> Purpose {
        self.purpose
    }
}

/// What one look cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookCost {
    /// Requests sent.
    pub requests: u64,
    /// Bytes of bodies read, after decompression.
    pub bytes: u64,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            bounds: Mutex::default(),
            queue: tokio::sync::Mutex::default(),
            requests: Default::default(),
            bytes: Default::default(),
            millis: Default::default(),
            errors: Default::default(),
            held_millis: AtomicU64::new(0),
        }
    }
}

impl Load {
    fn bounds(&self) -> MutexGuard<'_, Bounds> {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Sets the ceiling, in requests a second; `None`: none.
    pub fn limit(&self, per_second: Option<u32>) {
        self.bounds().ceiling.limit(per_second);
    }

    /// Waits until a request for this purpose may be sent. Those of repairs never wait.
    pub(super) async fn turn(&self, purpose: Purpose) {
        if !purpose.is_routine() {
            self.bounds().ceiling.repair(self.now());
            return;
        }
        let came = self.now();
        let _first_come = self.queue.lock().await;
        loop {
            let wait = self.bounds().ceiling.look(self.now());
            match wait {
                None => break,
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
        self.held_millis
            .fetch_add(whole_millis(self.now().saturating_sub(came)), Ordering::Relaxed);
    }

    /// Counts one request and what came of it.
    pub(super) fn count(&self, purpose: Purpose, took: Duration, result: &Result<Response, TransportError>) {
        let add = |list: &[AtomicU64; 4], by: u64| {
            if let Some(count) = list.get(purpose as usize) {
                count.fetch_add(by, Ordering::Relaxed);
            }
        };
        add(&self.requests, 1);
        add(&self.millis, whole_millis(took));
        if let Ok(response) = result {
            add(&self.bytes, response.body.len() as u64);
        }
        if let Some(count) = error(result).and_then(|error| self.errors.get(error as usize)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An answer that counts, of whichever URL gave it.
    pub(super) fn answered(&self, purpose: Purpose, response: &Response, at: Timestamp) {
        if let Some(trouble) = pressure::trouble(response) {
            self.met(purpose, trouble, pressure::asked_wait(response, at), at);
        }
    }

    /// A look of the cluster took longer than half of its deadline.
    pub(super) fn slow(&self, purpose: Purpose, at: Timestamp) {
        self.met(purpose, Trouble::Slow, None, at);
    }

    /// The cluster's master was seen to have many tasks waiting.
    pub fn busy_master(&self, purpose: Purpose, at: Timestamp) {
        self.met(purpose, Trouble::BusyMaster, None, at);
    }

    fn met(&self, purpose: Purpose, trouble: Trouble, asked: Option<Duration>, at: Timestamp) {
        let now = self.now();
        let mut bounds = self.bounds();
        if trouble.backs_off() {
            bounds.met.rejected += 1;
        } else {
            bounds.met.strained += 1;
        }
        bounds
            .back_off
            .met((trouble, purpose), asked, (now, at), fastrand::f64());
    }

    /// A look that comes by itself begins.
    pub fn look_begins(&self, purpose: Purpose) -> LookBegan {
        LookBegan {
            purpose,
            counts: self.counts(),
            met: self.bounds().met,
        }
    }

    /// It has ended: where nobody met trouble meanwhile, the cluster is spared a step less.
    pub fn look_ends(&self, began: &LookBegan) -> LookCost {
        let (requests, bytes) = self.counts().of(began.purpose);
        let before = began.counts.of(began.purpose);
        let now = self.now();
        let mut bounds = self.bounds();
        let rejected = bounds.met.rejected != began.met.rejected;
        let strained = bounds.met.strained != began.met.strained;
        bounds.back_off.look_ended(began.purpose, now, rejected, strained);
        LookCost {
            requests: requests.saturating_sub(before.0),
            bytes: bytes.saturating_sub(before.1),
        }
    }

    /// How long until looks that come by themselves go on.
    pub fn wait(&self) -> Duration {
        self.bounds().back_off.wait(self.now())
    }

    /// How much the cluster is spared now; `None`: it is asked as usual.
    pub fn pressure(&self) -> Option<Pressure> {
        self.bounds().back_off.pressure(self.now())
    }

    /// Everything counted.
    pub fn counts(&self) -> Counts {
        let read = |list: &[AtomicU64; 4]| list.each_ref().map(|count| count.load(Ordering::Relaxed));
        Counts {
            requests: read(&self.requests),
            bytes: read(&self.bytes),
            millis: read(&self.millis),
            errors: self.errors.each_ref().map(|count| count.load(Ordering::Relaxed)),
            held_millis: self.held_millis.load(Ordering::Relaxed),
        }
    }
}

fn whole_millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// How a request failed; an answer that is none is what most of them are.
fn error(result: &Result<Response, TransportError>) -> Option<RequestError> {
    match result {
        Ok(response) => match response.status {
            _ if pressure::trouble(response) == Some(Trouble::Rejected) => Some(RequestError::Rejected),
            500.. => Some(RequestError::Unavailable),
            404 | 0..=399 => None,
            400..=499 => Some(RequestError::Refused),
        },
        Err(TransportError::Connect { .. } | TransportError::Lost { .. }) => Some(RequestError::Unreachable),
        Err(TransportError::Tls { .. }) => Some(RequestError::Tls),
        Err(TransportError::Deadline { .. }) => Some(RequestError::Timeout),
        Err(TransportError::TooLarge { .. }) => Some(RequestError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &'static str) -> Response {
        Response {
            status,
            body: body.into(),
            content_type: None,
            product: None,
            retry_after: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_request_is_counted_for_what_it_was_made_and_how_it_failed() {
        let load = Load::default();
        let second = Duration::from_secs(1);
        load.count(Purpose::Followers, second, &Ok(answer(200, "{}")));
        load.count(Purpose::Followers, second, &Ok(answer(404, "{}")));
        load.count(Purpose::Repair, second, &Ok(answer(429, "")));
        let deadline = TransportError::Deadline {
            deadline: second,
            sent: true,
        };
        load.count(Purpose::Change, second, &Err(deadline));
        let counts = load.counts();
        assert_eq!(counts.requests, [2, 0, 1, 1]);
        assert_eq!(counts.bytes, [4, 0, 0, 0]);
        assert_eq!(counts.millis, [2000, 0, 1000, 1000]);
        assert_eq!(counts.errors, [1, 0, 0, 1, 0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn looks_wait_for_the_ceiling_in_turn_and_repairs_pass_them() {
        let load = Arc::new(Load::default());
        load.limit(Some(10));
        let began = Instant::now();
        let looks = (0..50).map(|_| load.turn(Purpose::Followers));
        let repairs = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            for _ in 0..100 {
                load.turn(Purpose::Repair).await;
            }
            assert_eq!(began.elapsed(), Duration::from_secs(2));
        };
        futures::join!(futures::future::join_all(looks), repairs);
        let took = began.elapsed();
        assert!(
            took > Duration::from_secs(4) && took < Duration::from_secs(9),
            "{took:?}"
        );
        assert!(load.counts().held_millis > 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_during_which_somebody_else_was_rejected_ends_nothing() {
        let load = Load::default();
        let began = load.look_begins(Purpose::Followers);
        load.answered(Purpose::Leaders, &answer(429, ""), Timestamp::UNIX_EPOCH);
        let _cost = load.look_ends(&began);
        assert!(load.wait() > Duration::from_secs(20));
        tokio::time::sleep(load.wait()).await;
        let began = load.look_begins(Purpose::Leaders);
        load.count(Purpose::Leaders, Duration::ZERO, &Ok(answer(200, "{}")));
        load.count(Purpose::Followers, Duration::ZERO, &Ok(answer(200, "{}")));
        let cost = load.look_ends(&began);
        assert_eq!(load.pressure(), None);
        assert_eq!(
            cost,
            LookCost {
                requests: 1,
                bytes: 2
            }
        );
    }
}
