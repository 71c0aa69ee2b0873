//! A state that cannot be written for a while in the middle of a run, and comes back.

use refollow::domain::journal::RunOutcome;
use refollow::store::faulty::Side as Landing;

use super::support::{AUTO, House, failing_house};

/// Requests that change a follower.
fn changes(house: &House) -> usize {
    let log = house.world.requests();
    log.iter().filter(|entry| entry.changes).count()
}

#[tokio::test(start_paused = true)]
async fn a_run_goes_on_when_the_state_can_be_written_again_also_after_a_long_time() {
    // The opening, the intent of the pause, its answer, the intent of the resume, the recreate's pause.
    for (write, side) in [
        (1, Landing::After),
        (3, Landing::Before),
        (4, Landing::Before),
        (6, Landing::After),
        (12, Landing::Before),
    ] {
        let (house, state) = failing_house("quiet", AUTO, write, side).await;
        house.all_well().await;
        house.play("history-lost:orders-f");
        house
            .until("the state fails", 900, async |_| state.is_dead())
            .await;
        let sent = changes(&house);
        house.pass(400).await;
        assert_eq!(
            changes(&house),
            sent,
            "nothing is sent meanwhile: {write} {side:?}"
        );
        state.heal();
        house
            .until("the run has ended", 900, async |house| {
                let runs = house.runs().await;
                runs.iter().any(|run| run.outcome.is_some())
            })
            .await;
        let runs = house.runs().await;
        assert!(
            runs.iter().all(|run| run.outcome == Some(RunOutcome::Cured)),
            "{write} {side:?}: {runs:?}\n{}",
            house.story().await
        );
    }
}
