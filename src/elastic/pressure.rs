//! How a cluster that has too much to do is spared: what in its answers says so, and for how long it
//! is left alone. Pure: times and chance are arguments.
//!
//! Each period without looks is twice as long as the one before, and each look that meets no
//! trouble takes one step back, so that a cluster which rejects only some calls is not asked for
//! everything again at once.

use std::time::Duration;

use crate::domain::load::{Pressure, Purpose, Trouble};
use crate::domain::time::{Timestamp, after, millis_between};
use crate::elastic::error::exception;
use crate::elastic::transport::Response;

/// The first period without looks: twice the default interval, or it would change nothing.
const FIRST: Duration = Duration::from_secs(30);
/// The longest, also where `Retry-After` asks for more: a follower's runway goes on meanwhile.
pub(super) const LONGEST: Duration = Duration::from_mins(5);
/// Beyond this many steps nothing gets longer.
const MOST_STEPS: u32 = 5;

/// Exceptions of a cluster that has no room for a request.
const NO_ROOM: &[&str] = &[
    "circuit_breaking_exception",
    "es_rejected_execution_exception",
    "rejected_execution_exception",
];
/// Exceptions of a node that finds no master, or whose master does not get round to the request.
const MASTERLESS: &[&str] = &[
    "master_not_discovered_exception",
    "not_master_exception",
    "process_cluster_event_timeout_exception",
    // With 503 the block is one of the whole cluster: no master, or its state is not recovered.
    "cluster_block_exception",
];

/// What an answer says of how the cluster bears its load.
pub(super) fn trouble(response: &Response) -> Option<Trouble> {
    if response.status == 429 {
        return Some(Trouble::Rejected);
    }
    if response.status < 500 {
        return None;
    }
    let exception = exception(&response.body);
    let has = |kinds: &[&str]| {
        exception
            .as_ref()
            .is_some_and(|one| one.chain().any(|level| kinds.contains(&level.kind.as_str())))
    };
    if has(NO_ROOM) {
        Some(Trouble::Rejected)
    } else if response.status == 503 && has(MASTERLESS) {
        Some(Trouble::NoMaster)
    } else {
        (response.status == 503 && response.retry_after.is_some()).then_some(Trouble::Rejected)
    }
}

/// How long `Retry-After` asks to wait (RFC 9110, 10.2.3: seconds or a date), at most [`LONGEST`].
/// What is neither is ignored.
pub(super) fn asked_wait(response: &Response, now: Timestamp) -> Option<Duration> {
    let text = response.retry_after.as_deref()?.trim();
    let wait = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(text.parse().ok()?)
    } else {
        let date = jiff::fmt::rfc2822::DateTimeParser::new()
            .parse_timestamp(text)
            .ok()?;
        Duration::from_millis(u64::try_from(millis_between(now, date)).unwrap_or(0))
    };
    Some(wait.min(LONGEST))
}

/// How much a cluster is spared now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct BackOff {
    /// Periods without looks that were not followed by a look without trouble; 0: none.
    step: u32,
    reason: Option<Trouble>,
    since: Option<Timestamp>,
    /// Which look met it last, where it was one, and when.
    of: Option<Purpose>,
    met_at: Duration,
    /// The present period's end, on the caller's monotonic clock and as people read it.
    until: Duration,
    until_at: Option<Timestamp>,
    /// Second calls are fewer for another reason.
    strain: Option<(Trouble, Timestamp)>,
}

impl BackOff {
    /// A request met trouble. Within a period that has begun already only a longer `Retry-After`
    /// changes anything: the requests that were under way say the same once more.
    pub(super) fn met(
        &mut self,
        (trouble, purpose): (Trouble, Purpose),
        asked: Option<Duration>,
        (now, at): (Duration, Timestamp),
        chance: f64,
    ) {
        if !trouble.backs_off() {
            self.strain.get_or_insert((trouble, at)).0 = trouble;
            return;
        }
        if purpose.is_routine() {
            self.of = Some(purpose);
        }
        self.met_at = now;
        let asked = asked.unwrap_or_default().min(LONGEST);
        let wait = if self.step == 0 || now >= self.until {
            self.step = (self.step + 1).min(MOST_STEPS);
            let wait = FIRST.saturating_mul(1 << (self.step - 1)).min(LONGEST);
            // So that the clusters behind one tired proxy do not come back together.
            wait.mul_f64(0.8 + 0.2 * chance.clamp(0.0, 1.0)).max(asked)
        } else {
            asked
        };
        self.reason = Some(trouble);
        self.since.get_or_insert(at);
        if now + wait > self.until {
            self.until = now + wait;
            self.until_at = Some(after(at, wait));
        }
    }

    /// A look that comes by itself has ended; whether it, or anybody meanwhile, met each kind of
    /// trouble. A look that makes other calls than the one which met it proves little, unless that has
    /// not been made for long.
    pub(super) fn look_ended(&mut self, purpose: Purpose, now: Duration, rejected: bool, strained: bool) {
        let proves = self.of.is_none_or(|of| of == purpose) || now >= self.met_at + 2 * LONGEST;
        if !rejected && proves {
            self.step = self.step.saturating_sub(1);
        }
        if self.step == 0 {
            (self.reason, self.since, self.of, self.until_at) = (None, None, None, None);
        }
        if !strained {
            self.strain = None;
        }
    }

    /// How long until the next look that comes by itself.
    pub(super) fn wait(&self, now: Duration) -> Duration {
        if self.step == 0 {
            return Duration::ZERO;
        }
        self.until.saturating_sub(now)
    }

    /// As others read it.
    pub(super) fn pressure(&self, now: Duration) -> Option<Pressure> {
        let strained = u32::from(self.strain.is_some());
        let (reason, since) = match (self.reason, self.since, self.strain) {
            (Some(reason), Some(since), _) => (reason, since),
            (_, _, Some(strain)) => strain,
            _ => return None,
        };
        Some(Pressure {
            reason,
            since,
            until: self.until_at.filter(|_| !self.wait(now).is_zero()),
            step: self.step + strained,
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn moment(seconds: u64) -> (Duration, Timestamp) {
        (secs(seconds), after(Timestamp::UNIX_EPOCH, secs(seconds)))
    }

    fn answer(status: u16, kind: &str, retry_after: Option<&str>) -> Response {
        Response {
            status,
            body: Bytes::from(
                serde_json::json!({"error": {"type": kind, "reason": "r"}, "status": status}).to_string(),
            ),
            content_type: None,
            product: None,
            retry_after: retry_after.map(str::to_owned),
        }
    }

    #[test]
    fn load_and_a_missing_master_are_told_from_other_failures() {
        for (status, kind, retry_after, expected) in [
            (
                429,
                "es_rejected_execution_exception",
                None,
                Some(Trouble::Rejected),
            ),
            (429, "anything", None, Some(Trouble::Rejected)),
            (503, "circuit_breaking_exception", None, Some(Trouble::Rejected)),
            (503, "", Some("5"), Some(Trouble::Rejected)),
            (
                503,
                "master_not_discovered_exception",
                None,
                Some(Trouble::NoMaster),
            ),
            (503, "cluster_block_exception", None, Some(Trouble::NoMaster)),
            (
                503,
                "process_cluster_event_timeout_exception",
                None,
                Some(Trouble::NoMaster),
            ),
            (403, "cluster_block_exception", None, None),
            (503, "no_shard_available_action_exception", None, None),
            (502, "", Some("5"), None),
            (404, "index_not_found_exception", None, None),
            (200, "", Some("5"), None),
        ] {
            assert_eq!(
                trouble(&answer(status, kind, retry_after)),
                expected,
                "{status} {kind}"
            );
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_has_a_bound() {
        let now = after(Timestamp::UNIX_EPOCH, secs(784_111_777 - 90));
        for (text, expected) in [
            ("120", Some(secs(120))),
            (" 7 ", Some(secs(7))),
            ("86400", Some(LONGEST)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(secs(90))),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(Duration::ZERO)),
            ("soon", None),
            ("-1", None),
            ("99999999999999999999999", None),
        ] {
            assert_eq!(asked_wait(&answer(503, "", Some(text)), now), expected, "{text}");
        }
        assert_eq!(asked_wait(&answer(429, "", None), now), None);
    }

    #[test]
    fn each_period_is_twice_as_long_as_the_one_before_up_to_five_minutes() {
        let mut back_off = BackOff::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..7 {
            back_off.met((Trouble::Rejected, Purpose::Followers), None, moment(now), 1.0);
            waits.push(back_off.wait(secs(now)).as_secs());
            now += waits.last().unwrap();
        }
        assert_eq!(waits, [30, 60, 120, 240, 300, 300, 300]);
        // Chance shortens, by a fifth at most.
        let mut early = BackOff::default();
        early.met((Trouble::NoMaster, Purpose::Followers), None, moment(0), 0.0);
        assert_eq!(early.wait(Duration::ZERO), secs(24));
    }

    #[test]
    fn requests_under_way_say_the_same_once_more_and_a_longer_retry_after_counts() {
        let mut back_off = BackOff::default();
        for _ in 0..60 {
            back_off.met((Trouble::Rejected, Purpose::Followers), None, moment(10), 1.0);
        }
        assert_eq!(back_off.wait(secs(10)), secs(30));
        back_off.met(
            (Trouble::Rejected, Purpose::Followers),
            Some(secs(100)),
            moment(12),
            1.0,
        );
        assert_eq!(back_off.wait(secs(10)), secs(102));
        assert_eq!(back_off.pressure(secs(20)).unwrap().until, Some(moment(112).1));
    }

    #[test]
    fn a_look_without_trouble_takes_one_step_back_and_the_last_one_ends_it() {
        let mut back_off = BackOff::default();
        back_off.met((Trouble::Rejected, Purpose::Followers), None, moment(0), 1.0);
        back_off.met((Trouble::Rejected, Purpose::Followers), None, moment(30), 1.0);
        back_off.look_ended(Purpose::Followers, secs(90), true, false);
        assert_eq!(back_off.pressure(secs(90)).unwrap().step, 2);
        back_off.look_ended(Purpose::Followers, secs(90), false, false);
        let recovering = back_off.pressure(secs(90)).unwrap();
        assert_eq!((recovering.step, recovering.until), (1, None));
        assert_eq!(recovering.since, Timestamp::UNIX_EPOCH);
        back_off.look_ended(Purpose::Followers, secs(90), false, false);
        assert_eq!(back_off.pressure(secs(90)), None);
    }

    #[test]
    fn slow_answers_make_second_calls_fewer_and_looks_no_rarer() {
        let mut back_off = BackOff::default();
        back_off.met((Trouble::Slow, Purpose::Followers), None, moment(5), 1.0);
        back_off.met((Trouble::BusyMaster, Purpose::Followers), None, moment(6), 1.0);
        assert_eq!(back_off.wait(secs(5)), Duration::ZERO);
        let pressure = back_off.pressure(secs(5)).unwrap();
        assert_eq!((pressure.reason, pressure.step), (Trouble::BusyMaster, 1));
        assert_eq!(pressure.since, moment(5).1);
        back_off.look_ended(Purpose::Followers, secs(90), false, true);
        assert!(back_off.pressure(secs(5)).is_some());
        back_off.look_ended(Purpose::Followers, secs(90), false, false);
        assert_eq!(back_off.pressure(secs(5)), None);
    }

    #[test]
    fn the_other_side_s_look_ends_nothing_until_the_one_that_met_it_is_long_gone() {
        let mut back_off = BackOff::default();
        back_off.met((Trouble::Rejected, Purpose::Leaders), None, moment(0), 1.0);
        back_off.met((Trouble::Rejected, Purpose::Change), None, moment(1), 1.0);
        back_off.look_ended(Purpose::Followers, secs(60), false, false);
        assert!(back_off.pressure(secs(60)).is_some());
        let mut left = back_off;
        left.look_ended(Purpose::Followers, secs(601), false, false);
        assert_eq!(left.pressure(secs(601)), None);
        back_off.look_ended(Purpose::Leaders, secs(60), false, false);
        assert_eq!(back_off.pressure(secs(60)), None);
    }
}
