//! Background load: steady writes to leader indices as virtual time passes, so that lag,
//! checkpoints and leases move.
//!
//! Owns when the next writes are due and what they are. It writes through the same door as
//! everybody (`_bulk`), and what it does is not in the log of requests.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;

use crate::elastic::transport::{Credential, Method, Request};
use crate::sandbox::clock::millis;
use crate::sandbox::pair::{Pair, Side};

/// A gap longer than this many ticks is written with longer pauses and not with more writes:
/// pushing the clock by days must not take minutes.
const TICKS_AT_ONCE: i64 = 600;

/// Documents are written over again beyond this many per index, so that a sandbox that runs
/// for days stays small.
const DOCUMENTS: u64 = 5_000;

/// One index that is written to.
#[derive(Debug, Clone)]
struct Target {
    index: String,
    documents: u64,
    next_id: u64,
}

/// See the module header.
#[derive(Debug, Clone)]
pub struct Load {
    every_ms: i64,
    step_ms: i64,
    next_ms: i64,
    targets: Vec<Target>,
}

impl Load {
    /// No writes.
    pub const fn none() -> Self {
        Self {
            every_ms: i64::MAX,
            step_ms: i64::MAX,
            next_ms: i64::MAX,
            targets: Vec::new(),
        }
    }

    /// Writes every `every` from `now_ms` on.
    pub fn every(every: Duration, now_ms: i64) -> Self {
        let every_ms = millis(every).max(1);
        Self {
            every_ms,
            step_ms: every_ms,
            next_ms: now_ms.saturating_add(every_ms),
            targets: Vec::new(),
        }
    }

    /// Adds an index that gets `documents` documents at each tick, numbered from `first_id`.
    pub fn add(&mut self, index: &str, documents: u64, first_id: u64) {
        self.targets.push(Target {
            index: index.to_owned(),
            documents,
            next_id: first_id,
        });
    }

    /// Stops writing to an index.
    pub fn remove(&mut self, index: &str) {
        self.targets.retain(|target| target.index != index);
    }

    /// When the next writes are due; `None` without any index.
    pub fn next_ms(&self) -> Option<i64> {
        (!self.targets.is_empty()).then_some(self.next_ms)
    }

    /// Sets the pauses for the way to `now_ms`; asked once before the ticks up to there.
    pub fn plan(&mut self, now_ms: i64) {
        let behind = now_ms.saturating_sub(self.next_ms);
        self.step_ms = self.every_ms.max(behind / TICKS_AT_ONCE);
    }

    /// Writes what is due at [`Load::next_ms`].
    pub fn tick(&mut self, pair: &mut Pair) {
        for target in &mut self.targets {
            // Writing to an index that is gone would create it again.
            if pair.docs(Side::Leader, &target.index).is_none() {
                continue;
            }
            let request = bulk(&target.index, target.next_id, target.documents);
            target.next_id = (target.next_id + target.documents) % DOCUMENTS;
            // A leader that is down, closed or deleted refuses its writes, as it would for
            // any application.
            let _answer = pair.handle(Side::Leader, &request);
        }
        self.next_ms = self.next_ms.saturating_add(self.step_ms);
    }
}

/// A bulk request that indexes documents `first_id`, `first_id + 1`, ….
pub fn bulk(index: &str, first_id: u64, documents: u64) -> Request {
    let mut body = String::new();
    for id in first_id..first_id.saturating_add(documents) {
        // Writing to a String cannot fail.
        let _written = writeln!(
            body,
            "{{\"index\":{{\"_id\":\"{id}\"}}}}\n{{\"n\":{id},\"t\":\"document {id}\",\"pad\":\"{}\"}}",
            "x".repeat(180)
        );
    }
    request(
        Method::Post,
        &format!("/{index}/_bulk?refresh=true&filter_path=errors,took"),
        Some(body),
    )
}

/// A request of the sandbox itself.
pub fn request(method: Method, target: &str, body: Option<String>) -> Request {
    Request {
        method,
        target: target.to_owned(),
        body: body.map(Bytes::from),
        credential: Credential::Act,
        deadline: Duration::from_hours(1),
        changes: true,
        max_answer_bytes: u64::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_body_is_two_lines_of_json_for_each_document() {
        let request = bulk("orders", 7, 3);
        let body = String::from_utf8(request.body.unwrap().to_vec()).unwrap();
        let lines: Vec<serde_json::Value> = body
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 6);
        assert_eq!(lines[0]["index"]["_id"], "7");
        assert_eq!(lines[5]["n"], 9);
        assert!(body.ends_with('\n'));
    }

    #[test]
    fn a_long_gap_is_written_with_longer_pauses() {
        let mut pair = Pair::new(&crate::sandbox::pair::PairOptions {
            version: crate::sandbox::pair::Version::V8_10_4,
            secured: false,
            start_ms: 0,
            seed: 1,
        });
        let mut load = Load::every(Duration::from_secs(2), 0);
        load.add("orders", 1, 0);
        let day = 24 * 3600 * 1000;
        load.plan(day);
        let mut ticks = 0;
        while load.next_ms().is_some_and(|next| next <= day) {
            load.tick(&mut pair);
            ticks += 1;
        }
        assert!((500..=700).contains(&ticks), "{ticks}");
        load.plan(day + 10_000);
        assert_eq!(load.step_ms, 2_000);
    }

    #[test]
    fn without_an_index_nothing_is_ever_due() {
        assert_eq!(Load::none().next_ms(), None);
        let mut load = Load::every(Duration::from_secs(2), 1_000);
        assert_eq!(load.next_ms(), None);
        load.add("orders", 3, 0);
        assert_eq!(load.next_ms(), Some(3_000));
        load.remove("orders");
        assert_eq!(load.next_ms(), None);
    }
}
