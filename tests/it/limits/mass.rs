//! Many at once: a remote that came back, with the breaker open over it.

use std::collections::BTreeMap;

use refollow::domain::cause::Cause;
use refollow::domain::decision::DecisionKind;
use refollow::domain::journal::RunOutcome;
use refollow::http::dto::Daemon as _;

use super::support::{AUTO, house, key};

/// 400 in nightly runs (`MASS=400`); the rules are the same for fewer, and a debug build is slow.
fn size() -> usize {
    std::env::var("MASS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(24)
}

#[tokio::test(start_paused = true)]
async fn mass_resumes_ramp_up_one_two_four_while_recreates_stand_still() {
    let count = size();
    let house = house("empty", AUTO).await;
    house.many(count).await;
    house.all_well().await;
    house.play("history-lost:l000-f");
    for number in 1..count {
        house.play(&format!("fatal-but-curable:l{number:03}-f"));
    }
    let seconds = 600 + 8 * u64::try_from(count).unwrap();
    let resumable = count - 1;
    house
        .until("all that can be resumed are", seconds, async |house| {
            let runs = house.runs().await;
            runs.iter()
                .filter(|run| run.outcome == Some(RunOutcome::Cured))
                .count()
                >= resumable
        })
        .await;
    // How many resumes were under way when each began.
    let mut runs = house.runs().await;
    runs.sort_by_key(|run| run.opened_at);
    let mut ended_before = BTreeMap::new();
    for (number, run) in runs.iter().enumerate() {
        let open = runs[..number]
            .iter()
            .filter(|other| other.closed_at.is_none_or(|end| Some(end) > run.opened_at))
            .count();
        ended_before.insert(number, open);
    }
    assert_eq!(ended_before[&0], 0, "one probe");
    assert!(
        ended_before.values().all(|open| *open < 4),
        "never more than the limit"
    );
    assert!(
        ended_before.values().any(|open| *open == 3),
        "the ramp reaches four"
    );
    let first_second = runs.iter().take(2).filter(|run| run.closed_at.is_some()).count();
    assert_eq!(first_second, 2);
    assert!(
        runs[1].opened_at >= runs[0].closed_at,
        "the second waits for the probe"
    );
    // The one whose history is lost stood still: the breaker made it ask.
    let why = house.desk.why(key("l000-f")).await.unwrap();
    assert_eq!(why.follower.cause, Cause::HistoryLost);
    assert_ne!(why.follower.decision, DecisionKind::Act);
    assert!(
        !house
            .audit()
            .await
            .iter()
            .any(|event| event["detail"]["step"] == "close")
    );
    let audit = house.audit().await;
    assert!(audit.iter().any(|event| event["kind"] == "breaker_opened"));
}
