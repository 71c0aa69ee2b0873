//! The log of requests: every request that reached a simulated cluster, complete, in order.
//!
//! Owns the entries and the rule which requests can change something. Requests of the
//! sandbox's own background load and of scenarios are not in it: it shows what clients did.
//! A refused connection is not in it either, as no server could have seen it.

use std::collections::VecDeque;
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::elastic::transport::Request;
use crate::sandbox::clock::rfc3339;
use crate::sandbox::faults::{FaultKind, side_text};
use crate::sandbox::pair::Side;
use crate::sandbox::witness::Standing;

/// Requests that only look are forgotten, oldest first, beyond this many; those that change
/// something are kept for ever.
const READS_KEPT: usize = 100_000;

/// Of a longer body only the beginning is kept: bulk writes would fill the memory.
const BODY_KEPT: usize = 64 * 1024;

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Entry {
    /// Position in the log, from 0, gapless over everything ever logged.
    pub seq: u64,
    /// Virtual time of arrival, RFC 3339.
    pub at: String,
    /// The same, milliseconds since the Unix epoch.
    #[serde(skip)]
    pub at_ms: i64,
    /// `leader` or `follower`.
    pub cluster: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path and query as sent.
    pub path: String,
    /// The body: JSON where it is JSON, else text; null where there was none. Of more than
    /// 64 KiB the beginning, as text that ends in `… (<length> bytes)`.
    pub body: Value,
    /// Status of the answer that left the cluster; null while there is none and for good where
    /// the connection ended before.
    pub status: Option<u16>,
    /// Whether a request of this kind can change something.
    pub changes: bool,
    /// Whether the simulated cluster saw it: false where a fault kept it away.
    pub acted: bool,
    /// The fault that hit it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<FaultKind>,
    /// Of a request that can change a follower: what was true of it when the cluster got it, or
    /// when it arrived where no cluster did.
    #[serde(skip)]
    pub before: Option<Arc<Standing>>,
}

/// See the module header.
#[derive(Debug, Default)]
pub struct RequestLog {
    entries: VecDeque<Entry>,
    next: u64,
    reads: usize,
    dropped: u64,
}

impl RequestLog {
    /// Notes a request's arrival and gives the entry's number for [`RequestLog::answered`].
    pub fn arrived(&mut self, side: Side, request: &Request, at_ms: i64) -> u64 {
        let seq = self.next;
        self.next += 1;
        let method = request.method.as_str();
        let changes = can_change(method, &request.target);
        self.entries.push_back(Entry {
            seq,
            at: rfc3339(at_ms),
            at_ms,
            cluster: side_text(side),
            method,
            path: request.target.clone(),
            body: body_value(request.body.as_deref()),
            status: None,
            changes,
            acted: false,
            fault: None,
            before: None,
        });
        if !changes {
            self.reads += 1;
            if self.reads > READS_KEPT {
                self.drop_oldest_read();
            }
        }
        seq
    }

    /// Number of the next entry: what happens now happens before it.
    pub const fn next_seq(&self) -> u64 {
        self.next
    }

    /// What was true when it arrived or acted; the later word counts.
    pub fn witnessed(&mut self, seq: u64, standing: Option<Standing>) {
        if let (Some(entry), Some(standing)) = (self.entry(seq), standing) {
            entry.before = Some(Arc::new(standing));
        }
    }

    /// The fault that hit it, if one did.
    pub fn hit(&mut self, seq: u64, fault: FaultKind) {
        if let Some(entry) = self.entry(seq) {
            entry.fault = Some(fault);
        }
    }

    /// The simulated cluster has seen it.
    pub fn acted(&mut self, seq: u64) {
        if let Some(entry) = self.entry(seq) {
            entry.acted = true;
        }
    }

    /// The answer's status.
    pub fn answered(&mut self, seq: u64, status: u16) {
        if let Some(entry) = self.entry(seq) {
            entry.status = Some(status);
        }
    }

    /// What is kept, in the order of arrival.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many reads were forgotten (`X-Sandbox-Dropped` of the control route).
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Forgets everything; numbers go on.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.reads = 0;
        self.dropped = 0;
    }

    fn entry(&mut self, seq: u64) -> Option<&mut Entry> {
        let at = self.entries.binary_search_by_key(&seq, |entry| entry.seq).ok()?;
        self.entries.get_mut(at)
    }

    fn drop_oldest_read(&mut self) {
        if let Some(at) = self.entries.iter().position(|entry| !entry.changes) {
            self.entries.remove(at);
            self.reads -= 1;
            self.dropped += 1;
        }
    }
}

/// Whether a request of this method and path can change something: everything but GET and
/// HEAD, less the POSTs that only ask.
pub fn can_change(method: &str, target: &str) -> bool {
    if matches!(method, "GET" | "HEAD") {
        return false;
    }
    let path = target.split('?').next().unwrap_or(target);
    let asks = ["/_search", "/_has_privileges", "/_count", "/explain", "/_explain"];
    !(method == "POST" && asks.iter().any(|ask| path.ends_with(ask)))
}

fn body_value(body: Option<&[u8]>) -> Value {
    match body {
        None | Some([]) => Value::Null,
        Some(bytes) if bytes.len() > BODY_KEPT => Value::String(format!(
            "{}… ({} bytes)",
            String::from_utf8_lossy(&bytes[..BODY_KEPT]),
            bytes.len()
        )),
        Some(bytes) => serde_json::from_slice(bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;
    use crate::elastic::transport::{Credential, Method};

    fn request(method: Method, target: &str, body: Option<&'static str>) -> Request {
        Request {
            method,
            target: target.to_owned(),
            body: body.map(|text| Bytes::from_static(text.as_bytes())),
            credential: Credential::Read,
            deadline: Duration::from_secs(1),
            changes: false,
            max_answer_bytes: 1024,
        }
    }

    #[test]
    fn only_posts_that_ask_and_reads_change_nothing() {
        for (method, target, changes) in [
            ("GET", "/_ccr/stats", false),
            ("HEAD", "/orders", false),
            ("POST", "/orders/_search?size=0", false),
            ("POST", "/_security/user/_has_privileges", false),
            ("POST", "/orders/_count", false),
            ("POST", "/_cluster/allocation/explain", false),
            ("POST", "/orders-f/_ccr/pause_follow", true),
            ("PUT", "/orders-f/_ccr/follow", true),
            ("DELETE", "/orders-f", true),
            ("POST", "/_search/x?y=/_search", true),
        ] {
            assert_eq!(can_change(method, target), changes, "{method} {target}");
        }
    }

    #[test]
    fn an_entry_is_there_from_arrival_and_gets_its_status_later() {
        let mut log = RequestLog::default();
        let first = log.arrived(Side::Follower, &request(Method::Put, "/a", Some("{\"b\":1}")), 0);
        let second = log.arrived(Side::Leader, &request(Method::Get, "/", None), 5);
        log.acted(first);
        log.answered(second, 200);
        let all: Vec<_> = log.entries().collect();
        assert_eq!(all.len(), 2);
        assert_eq!((all[0].status, all[0].acted), (None, true));
        assert_eq!(all[0].body, serde_json::json!({"b": 1}));
        assert_eq!((all[1].status, all[1].acted), (Some(200), false));
        log.clear();
        let third = log.arrived(Side::Leader, &request(Method::Get, "/", None), 6);
        assert_eq!(third, 2);
        log.answered(first, 500);
        assert_eq!(log.entries().count(), 1);
    }

    #[test]
    fn of_a_long_body_the_beginning_and_the_length_are_kept() {
        let long = vec![b'x'; BODY_KEPT + 1];
        let kept = body_value(Some(&long));
        let text = kept.as_str().unwrap();
        assert!(text.ends_with(&format!("… ({} bytes)", BODY_KEPT + 1)));
        assert_eq!(body_value(Some(b"not json")), "not json");
        assert_eq!(body_value(Some(b"")), Value::Null);
    }

    #[test]
    fn too_many_reads_push_out_reads_and_never_changes() {
        let mut log = RequestLog::default();
        log.arrived(Side::Follower, &request(Method::Put, "/a", None), 0);
        for _ in 0..=READS_KEPT {
            log.arrived(Side::Follower, &request(Method::Get, "/b", None), 0);
        }
        assert_eq!(log.dropped(), 1);
        assert_eq!(log.entries().filter(|entry| entry.changes).count(), 1);
        assert_eq!(log.entries().count(), READS_KEPT + 1);
    }
}
