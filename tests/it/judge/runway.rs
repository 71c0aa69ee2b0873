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
fn probe() {
    for number in ["01", "02", "07", "13", "16", "27", "35", "37", "48", "50"] {
        for one in left(number) {
            println!("{one:?}");
        }
    }
}
