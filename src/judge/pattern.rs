//! Auto-follow patterns: is one failing now, and which followers did it promise that never came.
//! Pure. A pattern is judged for itself; no follower's verdict rests on it.
//!
//! Reads: `_ccr/auto_follow` (`active`), `_ccr/stats` (`recent_auto_follow_errors`).
//! Seen on: 7.7.0, 8.10.4 (25): an error stays in the list, with its old time, long after; the
//! list keeps 256. Wrong when: the follower cluster's clock is off by more than [`RECENT_MILLIS`]
//! and this is the first look.

use std::collections::BTreeSet;

use crate::domain::auto_follow::{AutoFollowError, AutoFollowStats, LeaderIndex, PatternVerdict};
use crate::domain::cause::Cause;
use crate::domain::facts::AutoFollowPattern;
use crate::domain::ids::{ClusterName, IndexName};
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Evidence;
use crate::judge::case::shown;

/// An error older than this is not failing now, unless it is new since the look before.
const RECENT_MILLIS: i64 = 30 * 60_000;
/// Pieces of evidence of one pattern.
const MOST_EVIDENCE: usize = 6;
/// Auto-follow needs time: it sees a new index with the next change of the leader's metadata (a
/// minute at most), and then copies it.
const GRACE_MILLIS: i64 = 10 * 60_000;
/// The leader's clock may be so much ahead of ours.
const SKEW_MILLIS: i64 = 60_000;

/// What was seen of auto-follow on one follower cluster.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// The follower cluster.
    pub cluster: &'a ClusterName,
    /// `_ccr/auto_follow`, and when; `None`: it could not be read (it needs `manage_ccr`).
    pub patterns: Option<(Timestamp, &'a [AutoFollowPattern])>,
    /// `auto_follow_stats` of the newest look, and when.
    pub stats: Option<(Timestamp, &'a AutoFollowStats)>,
    /// The same of the look before.
    pub before: Option<&'a AutoFollowStats>,
}

/// The pattern that an error is about, and the leader index where it names one. No index name
/// holds a colon; a pattern's name may.
fn split(label: &str) -> (&str, Option<&str>) {
    match label.rsplit_once(':') {
        Some((pattern, index)) => (pattern, Some(index)),
        None => (label, None),
    }
}

fn is_about(error: &AutoFollowError, name: &str) -> bool {
    error.label == name || split(&error.label).0 == name && split(&error.label).1.is_some()
}

/// Whether an error is of now: recent by the cluster's own clock, or new since the look before.
fn is_now(error: &AutoFollowError, looked: &Looked<'_>) -> bool {
    let Some((seen_at, _)) = looked.stats else {
        return false;
    };
    let recent = error
        .at
        .is_some_and(|at| millis_between(at, seen_at) <= RECENT_MILLIS);
    let new = looked
        .before
        .and_then(|before| before.errors.as_ref())
        .is_some_and(|errors| {
            !errors
                .iter()
                .any(|old| old.label == error.label && old.at >= error.at)
        });
    recent || new
}

/// A verdict on every pattern that is known by its body or by an error, by name.
pub fn patterns(looked: &Looked<'_>) -> Vec<PatternVerdict> {
    let known = looked.patterns.map(|(_, list)| list).unwrap_or_default();
    let errors = looked
        .stats
        .and_then(|(_, stats)| stats.errors.as_deref())
        .unwrap_or_default();
    let mut names: BTreeSet<&str> = known.iter().map(|pattern| pattern.name.as_str()).collect();
    // Where the patterns cannot be read, their errors still name them; where they can, an error
    // of a pattern that is gone is of the past.
    if looked.patterns.is_none() {
        names.extend(errors.iter().map(|error| split(&error.label).0));
    }
    names
        .into_iter()
        .map(|name| {
            let body = known.iter().find(|pattern| pattern.name == name);
            one(name, body, errors, looked)
        })
        .collect()
}

fn one(
    name: &str,
    body: Option<&AutoFollowPattern>,
    errors: &[AutoFollowError],
    looked: &Looked<'_>,
) -> PatternVerdict {
    let mut evidence = Vec::new();
    if let (Some((at, _)), Some(body)) = (looked.patterns, body)
        && !body.active
    {
        evidence.push(Evidence {
            field: format!("patterns[{name}].active"),
            value: "false".to_owned(),
            call: format!("{}: GET /_ccr/auto_follow", looked.cluster),
            at,
        });
    }
    let mut failing = 0_u32;
    if let Some((at, _)) = looked.stats {
        let now = errors
            .iter()
            .filter(|error| is_about(error, name) && is_now(error, looked));
        for error in now {
            failing = failing.saturating_add(1);
            evidence.push(Evidence {
                field: format!("recent_auto_follow_errors[{}]", error.label),
                value: shown(&format!("{}: {}", error.kind, error.reason)),
                call: format!("{}: GET /_ccr/stats", looked.cluster),
                at: error.at.unwrap_or(at),
            });
        }
    }
    let cause = if evidence.is_empty() {
        Cause::None
    } else {
        Cause::AutoFollowFailing
    };
    evidence.truncate(MOST_EVIDENCE);
    PatternVerdict {
        name: name.to_owned(),
        remote: body.and_then(|body| body.remote.clone()),
        cause,
        failing,
        evidence,
    }
}

/// A follower that a pattern promised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promised {
    /// The follower index that it makes.
    pub follower: IndexName,
    /// The leader index.
    pub leader: IndexName,
}

/// The followers that an active pattern promised and that must be there by now.
///
/// `since` is when the pattern was first seen: what was there before a pattern is never followed
/// by it (Elasticsearch marks it as dealt with when the pattern is made), and nothing that can be
/// read tells which that was. So an index counts only when it was created after that.
pub fn promised(
    pattern: &AutoFollowPattern,
    since: Timestamp,
    leaders: &[LeaderIndex],
    now: Timestamp,
    matches: impl Fn(&str, &str) -> bool,
) -> Vec<Promised> {
    if !pattern.active {
        return Vec::new();
    }
    let any = |patterns: &[String], name: &str| patterns.iter().any(|one| matches(one, name));
    leaders
        .iter()
        .filter(|index| index.followable && !index.name.as_str().starts_with('.'))
        .filter(|index| any(&pattern.leader_patterns, index.name.as_str()))
        .filter(|index| !any(&pattern.exclusions, index.name.as_str()))
        .filter(|index| {
            index.created_at.is_some_and(|at| {
                millis_between(since, at) > SKEW_MILLIS && millis_between(at, now) > GRACE_MILLIS
            })
        })
        .filter_map(|index| {
            let name = pattern.follow_pattern.as_deref().unwrap_or("{{leader_index}}");
            Some(Promised {
                follower: IndexName::parse(&name.replace("{{leader_index}}", index.name.as_str())).ok()?,
                leader: index.name.clone(),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::moved;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn ago(minutes: i64) -> Timestamp {
        moved(now(), -minutes * 60_000)
    }

    fn pattern(name: &str) -> AutoFollowPattern {
        AutoFollowPattern {
            name: name.to_owned(),
            remote: None,
            leader_patterns: vec!["logs-*".to_owned()],
            exclusions: vec!["*-secret".to_owned()],
            follow_pattern: Some("{{leader_index}}-copy".to_owned()),
            active: true,
        }
    }

    fn error(label: &str, minutes_ago: i64) -> AutoFollowError {
        AutoFollowError {
            label: label.to_owned(),
            at: Some(ago(minutes_ago)),
            kind: "snapshot_restore_exception".to_owned(),
            reason: "cannot restore".to_owned(),
        }
    }

    fn stats(errors: Vec<AutoFollowError>) -> AutoFollowStats {
        AutoFollowStats {
            errors: Some(errors),
            ..AutoFollowStats::default()
        }
    }

    fn causes(
        list: Option<&[AutoFollowPattern]>,
        newest: &AutoFollowStats,
        before: Option<&AutoFollowStats>,
    ) -> Vec<(String, Cause)> {
        let cluster = ClusterName::parse("eu").unwrap();
        patterns(&Looked {
            cluster: &cluster,
            patterns: list.map(|list| (now(), list)),
            stats: Some((now(), newest)),
            before,
        })
        .into_iter()
        .map(|verdict| (verdict.name, verdict.cause))
        .collect()
    }

    #[test]
    fn each_pattern_is_failing_by_its_own_errors() {
        let list = [pattern("a"), pattern("a:b"), pattern("c")];
        let newest = stats(vec![error("a:b:logs-1", 1)]);
        let expected = [
            ("a".to_owned(), Cause::None),
            ("a:b".to_owned(), Cause::AutoFollowFailing),
            ("c".to_owned(), Cause::None),
        ];
        assert_eq!(causes(Some(&list), &newest, None), expected);
        let remote_state = stats(vec![error("c", 1)]);
        assert_eq!(
            causes(Some(&list), &remote_state, None)[2].1,
            Cause::AutoFollowFailing
        );
    }

    #[test]
    fn an_old_error_is_not_failing_now_unless_it_is_new() {
        let list = [pattern("a")];
        let old = stats(vec![error("a:logs-1", 31)]);
        assert_eq!(causes(Some(&list), &old, None)[0].1, Cause::None);
        assert_eq!(causes(Some(&list), &old, Some(&old))[0].1, Cause::None);
        // Whatever the cluster's clock says, it was not there at the look before.
        assert_eq!(
            causes(Some(&list), &old, Some(&stats(Vec::new())))[0].1,
            Cause::AutoFollowFailing
        );
        let again = stats(vec![error("a:logs-1", 31)]);
        let earlier = stats(vec![error("a:logs-1", 40)]);
        assert_eq!(
            causes(Some(&list), &again, Some(&earlier))[0].1,
            Cause::AutoFollowFailing
        );
    }

    #[test]
    fn a_paused_pattern_is_failing_and_a_deleted_one_is_nothing() {
        let mut paused = pattern("a");
        paused.active = false;
        let quiet = stats(Vec::new());
        assert_eq!(
            causes(Some(&[paused]), &quiet, None)[0].1,
            Cause::AutoFollowFailing
        );
        let newest = stats(vec![error("gone:logs-1", 1)]);
        assert_eq!(causes(Some(&[]), &newest, None), []);
        assert_eq!(
            causes(None, &newest, None),
            [("gone".to_owned(), Cause::AutoFollowFailing)]
        );
    }

    #[test]
    fn only_what_was_created_after_the_pattern_and_long_ago_enough_is_promised() {
        let leader = |name: &str, minutes_ago: i64| LeaderIndex {
            name: IndexName::parse(name).unwrap(),
            uuid: None,
            created_at: Some(ago(minutes_ago)),
            followable: true,
        };
        let mut unknown = leader("logs-7", 20);
        unknown.created_at = None;
        let mut soft_deletes_off = leader("logs-8", 20);
        soft_deletes_off.followable = false;
        let leaders = [
            leader("logs-1", 20),
            leader("logs-2", 200),
            leader("logs-3", 5),
            leader("logs-4-secret", 20),
            leader("other", 20),
            leader(".logs-6", 20),
            unknown,
            soft_deletes_off,
        ];
        let matches = |pattern: &str, name: &str| {
            let (head, tail) = pattern.split_once('*').unwrap();
            name.starts_with(head) && name.ends_with(tail)
        };
        let found = promised(&pattern("a"), ago(60), &leaders, now(), matches);
        let names: Vec<&str> = found.iter().map(|one| one.follower.as_str()).collect();
        assert_eq!(names, ["logs-1-copy"]);
        let mut paused = pattern("a");
        paused.active = false;
        assert_eq!(promised(&paused, ago(60), &leaders, now(), matches), []);
    }
}
