//! The table of silent causes: what happens, and within which time the verdict stands.

use std::time::Duration;

use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::state::State;
use refollow::sandbox::pair::Version;

use super::support::watch;

const BOTH: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];

/// One silent failure.
struct Row {
    scenario: &'static str,
    versions: &'static [Version],
    cause: Cause,
    states: &'static [State],
    ladder: &'static [Remedy],
    approval: Approval,
    within: u64,
}

#[tokio::test(start_paused = true)]
async fn probe() {
    for version in BOTH {
        for (name, follower, minutes) in [
            ("leader-replaced:payments-f", "payments-f", 5),
            ("leader-replaced-seen:payments-f", "payments-f", 5),
            ("follower-blocked:payments-f", "payments-f", 5),
            ("follower-read-only:payments-f", "payments-f", 5),
            ("follower-flooded:payments-f", "payments-f", 5),
            ("follower-closed:payments-f", "payments-f", 5),
            ("follower-deleted:payments-f", "payments-f", 5),
            ("unfollowed:payments-f", "payments-f", 5),
            ("tasks-unassigned:payments-f", "payments-f", 5),
            ("shard-unassigned:payments-f", "payments-f", 5),
            ("remote-down", "payments-f", 5),
            ("diverged:mail-f", "mail-f", 40),
            ("stalled:payments-f", "payments-f", 10),
        ] {
            let watch = watch(version, "healthy").await;
            watch.play(name);
            let course = watch.course(follower, Duration::from_mins(minutes)).await;
            println!(
                "{version:?} {name}: {:?} {:?}\n   {}\n   {:?} {:?} {:?} runway {:?}",
                course.noticed,
                course.verdicts,
                course.sentence,
                course.ladder(),
                course.approval(),
                course.why.also,
                course.why.follower.runway_expires_at
            );
        }
    }
}
