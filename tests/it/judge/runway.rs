//! How long is left, on what real leaders said of their leases.

use refollow::domain::seen::Seen;
use refollow::evidence::Evidence;
use refollow::judge;

use super::recorded::{moments, versions};

/// Of each moment that shows the leader's leases: does every shard hold one of a follower, and
/// how many seconds are left.
fn left(number: &str) -> Vec<(String, bool, Option<i64>)> {
    let mut found = Vec::new();
    for version in versions(number) {
        for moment in moments(version, number) {
            let case = Evidence::parse(&moment.bytes()).unwrap().case().unwrap();
            let Seen::Present(stats) = case.facts.leader.index.now() else {
                continue;
            };
            let held = stats.primaries.values().all(|primary| {
                primary
                    .leases
                    .iter()
                    .flatten()
                    .any(|lease| lease.source.as_deref() == Some("ccr"))
            });
            let state = judge::state(&case.facts, case.memory.as_ref());
            let left = judge::runway(&case.facts, case.memory.as_ref())
                .map(|end| (end.as_millisecond() - case.facts.now.as_millisecond()) / 1_000);
            found.push((
                format!("{} {} {state}", moment.recording, moment.at_ms),
                held,
                left,
            ));
        }
    }
    found
}

#[test]
fn a_follower_that_follows_has_no_end_also_in_the_moment_after_its_lease_was_forgotten() {
    for number in ["01", "02", "07", "27", "35"] {
        for (moment, _, left) in left(number) {
            if moment.ends_with("following") {
                assert_eq!(left, None, "{moment}");
            }
        }
    }
    // 27: forgotten, and the task has not taken it again yet.
    assert!(left("27").iter().any(|(_, held, _)| !held));
}

#[test]
fn a_fatal_shard_without_a_lease_may_lose_history_from_the_moment_that_shows_it() {
    for number in ["02", "50"] {
        let fatal: Vec<_> = left(number)
            .into_iter()
            .filter(|(moment, _, _)| moment.ends_with("fatal"))
            .collect();
        assert_eq!(fatal.len(), 2, "{number}: {fatal:?}");
        for (moment, held, left) in fatal {
            assert_eq!((held, left), (false, Some(0)), "{moment}");
        }
    }
}

#[test]
fn without_a_task_the_lease_lasts_half_a_day_and_no_longer() {
    for (moment, held, left) in left("48") {
        assert!(held, "{moment}");
        let hours = left.unwrap() / 3_600;
        assert!((11..=13).contains(&hours), "{moment}: {left:?}");
    }
}

#[test]
fn a_closed_follower_whose_lease_is_there_has_no_end_before_the_lease_is_seen_to_stand() {
    let closed = left("16");
    assert_eq!(closed.len(), 2);
    for (moment, held, left) in closed {
        assert_eq!((held, left), (true, None), "{moment}");
    }
}
