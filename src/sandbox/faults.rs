//! Faults between a client and a simulated cluster: what goes wrong, for which requests, how
//! often.
//!
//! Owns the list and its matching. What a fault does to a request is carried out by
//! `sandbox::world`; what the connection then looks like is the way in's business
//! (`sandbox::memory`, `sandbox::front`). The shape is that of `/_sandbox/faults`:
//! `{"cluster":"follower","method":"PUT","path":"/_ccr/follow","kind":"lose_answer","times":1}`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::sandbox::pair::Side;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// No connection. Over HTTP the port is closed when the fault names no method, path or
    /// count; otherwise the connection is dropped, since a path is known only after connecting.
    Refuse,
    /// No answer ever. Acts only with `acts: true`.
    Hang,
    /// The answer comes `delay` (default 5 s) late. Acts first unless `acts: false`.
    Slow,
    /// The connection ends without an answer, after acting. With `acts: false` before acting.
    LoseAnswer,
    /// A proxy answers `status` (default 502). Acts only with `acts: true`.
    Proxy,
    /// 429 `es_rejected_execution_exception`, with `delay` as `Retry-After` where given; does not act.
    TooManyRequests,
    /// 503 `master_not_discovered_exception`; does not act.
    NoMaster,
    /// 401 `security_exception`; does not act.
    Unauthorized,
    /// The cluster elects another master, after the request arrived (`acts: false`: before);
    /// the answer is the cluster's own.
    MasterChange,
    /// The cluster's only node dies, after acting (`acts: false`: before); the connection is
    /// lost. It comes back after `delay`, where one is given.
    NodeKilled,
    /// The answer's body is cut in half: no JSON any more. Acts.
    Garbage,
    /// Some other web server answers 200 with a page; does not act.
    NotElasticsearch,
}

/// One fault; see the module header. Missing fields match everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub kind: FaultKind,
    /// `leader`, `follower`, or both where missing.
    #[serde(default, with = "side_name", skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Side>,
    /// HTTP method, upper case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// A part of path and query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// So many matching requests pass before it begins.
    #[serde(default)]
    pub after: u32,
    /// So many requests are hit; without it every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// Whether the cluster acts on the request all the same; each kind says its default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acts: Option<bool>,
    /// Of `slow`, `node_killed` and, as `Retry-After`, of `too_many_requests` and `proxy`: `"5s"`.
    #[serde(default, with = "friendly", skip_serializing_if = "Option::is_none")]
    pub delay: Option<Duration>,
    /// Of `proxy`: 502, 503 or 504.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Requests hit so far; counted by the sandbox, ignored on input.
    #[serde(default)]
    pub fired: u32,
}

impl Fault {
    /// A fault that hits every request of both clusters.
    pub const fn new(kind: FaultKind) -> Self {
        Self {
            kind,
            cluster: None,
            method: None,
            path: None,
            after: 0,
            times: None,
            acts: None,
            delay: None,
            status: None,
            fired: 0,
        }
    }

    /// Only on this cluster.
    #[must_use]
    pub const fn on(mut self, side: Side) -> Self {
        self.cluster = Some(side);
        self
    }

    /// Only this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Only where path and query contain this.
    #[must_use]
    pub fn path(mut self, part: &str) -> Self {
        self.path = Some(part.to_owned());
        self
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub const fn after(mut self, requests: u32) -> Self {
        self.after = requests;
        self
    }

    /// Hits so many requests, then no more.
    #[must_use]
    pub const fn times(mut self, requests: u32) -> Self {
        self.times = Some(requests);
        self
    }

    /// Whether the cluster acts on the request all the same.
    #[must_use]
    pub const fn acts(mut self, acts: bool) -> Self {
        self.acts = Some(acts);
        self
    }

    /// How late a slow answer is; how long a killed node stays away, or an answer asks to wait.
    #[must_use]
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.delay = Some(delay);
        self
    }

    /// What a proxy answers.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// Whether the cluster acts on a request that this hits.
    pub fn does_act(&self) -> bool {
        match self.kind {
            FaultKind::Refuse
            | FaultKind::TooManyRequests
            | FaultKind::NoMaster
            | FaultKind::Unauthorized
            | FaultKind::NotElasticsearch => false,
            FaultKind::Garbage => true,
            FaultKind::Hang | FaultKind::Proxy => self.acts.unwrap_or(false),
            FaultKind::Slow | FaultKind::LoseAnswer | FaultKind::MasterChange | FaultKind::NodeKilled => {
                self.acts.unwrap_or(true)
            }
        }
    }

    fn matches(&self, side: Side, method: &str, target: &str) -> bool {
        self.cluster.is_none_or(|on| on == side)
            && self
                .method
                .as_deref()
                .is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && self.path.as_deref().is_none_or(|part| target.contains(part))
    }
}

/// The faults that are switched on, in the order they were given.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
}

impl Faults {
    /// Replaces all of them.
    pub fn set(&mut self, faults: Vec<Fault>) {
        self.list.clear();
        for fault in faults {
            self.add(fault);
        }
    }

    /// Adds one behind the others.
    pub fn add(&mut self, mut fault: Fault) {
        fault.fired = 0;
        self.list.push(fault);
    }

    /// Switches all off.
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// What is switched on, with counts.
    pub fn list(&self) -> &[Fault] {
        &self.list
    }

    /// The fault that hits this request: the first that matches, has let enough pass and is
    /// not used up. Counting happens here, so it is asked once for each request.
    pub fn hit(&mut self, side: Side, method: &str, target: &str) -> Option<Fault> {
        for fault in &mut self.list {
            if !fault.matches(side, method, target) {
                continue;
            }
            if fault.after > 0 {
                fault.after -= 1;
                continue;
            }
            match &mut fault.times {
                Some(0) => continue,
                Some(left) => *left -= 1,
                None => {}
            }
            fault.fired = fault.fired.saturating_add(1);
            return Some(fault.clone());
        }
        None
    }

    /// Whether every connection to this cluster is refused, whatever is asked: then the HTTP
    /// front closes the port itself.
    pub fn refuses_all(&self, side: Side) -> bool {
        self.list.iter().any(|fault| {
            fault.kind == FaultKind::Refuse
                && fault.cluster.is_none_or(|on| on == side)
                && fault.method.is_none()
                && fault.path.is_none()
                && fault.times.is_none()
                && fault.after == 0
        })
    }
}

/// `leader`, `follower`.
pub const fn side_text(side: Side) -> &'static str {
    match side {
        Side::Leader => "leader",
        Side::Follower => "follower",
    }
}

/// The side of that name.
pub fn side_of(text: &str) -> Option<Side> {
    match text {
        "leader" => Some(Side::Leader),
        "follower" => Some(Side::Follower),
        _ => None,
    }
}

mod side_name {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Side, side_of, side_text};

    #[expect(
        clippy::ref_option,
        clippy::trivially_copy_pass_by_ref,
        reason = "serde's `with` hands in a reference"
    )]
    pub(super) fn serialize<S: Serializer>(side: &Option<Side>, serializer: S) -> Result<S::Ok, S::Error> {
        match side {
            Some(side) => serializer.serialize_str(side_text(*side)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Side>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        side_of(&text)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not `leader` or `follower`")))
    }
}

mod friendly {
    use std::time::Duration;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::sandbox::clock::parse_duration;

    #[expect(clippy::ref_option, reason = "serde's `with` hands in a reference")]
    pub(super) fn serialize<S: Serializer>(
        delay: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match delay {
            Some(delay) => serializer.serialize_str(&format!("{}ms", delay.as_millis())),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        parse_duration(&text)
            .map(Some)
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not a duration such as `5s`")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_begins_after_so_many_requests_and_ends_after_so_many() {
        let mut faults = Faults::default();
        faults.add(
            Fault::new(FaultKind::Proxy)
                .on(Side::Follower)
                .method("PUT")
                .path("/_ccr/follow")
                .after(1)
                .times(2),
        );
        let mut hits = Vec::new();
        for _ in 0..5 {
            hits.push(
                faults
                    .hit(Side::Follower, "PUT", "/a/_ccr/follow?wait=1")
                    .is_some(),
            );
            assert!(faults.hit(Side::Leader, "PUT", "/a/_ccr/follow").is_none());
            assert!(faults.hit(Side::Follower, "GET", "/a/_ccr/follow").is_none());
            assert!(faults.hit(Side::Follower, "PUT", "/a/_settings").is_none());
        }
        assert_eq!(hits, [false, true, true, false, false]);
        assert_eq!(faults.list()[0].fired, 2);
    }

    #[test]
    fn a_used_up_fault_lets_the_next_one_have_its_turn() {
        let mut faults = Faults::default();
        faults.add(Fault::new(FaultKind::Hang).times(1));
        faults.add(Fault::new(FaultKind::Garbage));
        let kinds: Vec<_> = (0..3)
            .filter_map(|_| faults.hit(Side::Leader, "GET", "/"))
            .map(|fault| fault.kind)
            .collect();
        assert_eq!(kinds, [FaultKind::Hang, FaultKind::Garbage, FaultKind::Garbage]);
    }

    #[test]
    fn the_json_of_a_fault_is_read_and_written_and_mistakes_are_named() {
        let text = r#"{"kind":"slow","cluster":"leader","delay":"2s","times":3}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(
            fault,
            Fault::new(FaultKind::Slow)
                .on(Side::Leader)
                .delay(Duration::from_secs(2))
                .times(3)
        );
        let back = serde_json::to_value(&fault).unwrap();
        assert_eq!(back["cluster"], "leader");
        assert_eq!(back["delay"], "2000ms");
        for (wrong, named) in [
            (r#"{"kind":"slow","cluster":"eu"}"#, "`eu`"),
            (r#"{"kind":"slowly"}"#, "slowly"),
            (r#"{"kind":"slow","delay":"soon"}"#, "`soon`"),
            (r#"{"kind":"slow","pathh":"x"}"#, "pathh"),
        ] {
            let error = serde_json::from_str::<Fault>(wrong).unwrap_err();
            assert!(error.to_string().contains(named), "{error}");
        }
    }
}
