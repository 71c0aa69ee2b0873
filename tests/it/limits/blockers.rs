//! Other systems that can say no, from the file on disk to the run that waits for it.

use refollow::domain::decision::{DecisionKind, GuardVerdict};
use refollow::domain::journal::RunOutcome;
use refollow::http::dto::Daemon as _;

use super::support::{AUTO, House, house, key};

async fn said(house: &House) -> (DecisionKind, GuardVerdict, String) {
    let why = house.desk.why(key("orders-f")).await.unwrap();
    let guard = why.guards.iter().find(|guard| guard.name == "blockers");
    let (verdict, inputs) = guard.map_or((GuardVerdict::Pass, String::new()), |guard| {
        (guard.verdict, guard.inputs.clone())
    });
    (why.follower.decision, verdict, inputs)
}

#[tokio::test(start_paused = true)]
async fn a_blocker_holds_a_repair_by_name_and_its_going_lets_it_start() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deploy");
    let blocker = format!(
        "[[blockers]]\nname = \"deploy\"\nkind = \"file\"\npath = \"{}\"\n",
        file.display()
    );
    let house = house("quiet", &format!("{AUTO}{blocker}")).await;
    house.all_well().await;
    std::fs::write(&file, "").unwrap();
    house.pass(35).await;
    house.play("history-lost:orders-f");
    house
        .until("it is held", 120, async |house| {
            said(house).await.1 == GuardVerdict::Block
        })
        .await;
    house.pass(120).await;
    let (decision, _, inputs) = said(&house).await;
    // At first it waits; held for long enough, a person is asked.
    assert_ne!(decision, DecisionKind::Act);
    assert!(
        inputs.contains("`deploy`") && inputs.contains("exists"),
        "{inputs}"
    );
    assert_eq!(house.runs().await.len(), 0);
    std::fs::remove_file(&file).unwrap();
    house
        .until("it is cured", 600, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_blocker_that_comes_between_the_pause_and_the_put_makes_the_run_back_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("deploy");
    let blocker = format!(
        "[[blockers]]\nname = \"deploy\"\nkind = \"file\"\npath = \"{}\"\n",
        file.display()
    );
    let house = house("quiet", &format!("{AUTO}{blocker}")).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
        .until("a run has begun", 300, async |house| {
            !house.runs().await.is_empty()
        })
        .await;
    std::fs::write(&file, "").unwrap();
    house
        .until("it has ended", 300, async |house| {
            house.runs().await.iter().all(|run| run.outcome.is_some())
        })
        .await;
    let run = house.runs().await.remove(0);
    assert_eq!(run.outcome, Some(RunOutcome::BackedOut), "{:?}", run.reason);
    assert!(run.reason.unwrap().contains("blocker `deploy`"));
    let sent = house.audit().await;
    assert!(!sent.iter().any(|event| event["detail"]["step"] == "follow"));
}
