//! Brakes, aborts and bought time, by the whole engine.

use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::decision::GuardVerdict;
use refollow::domain::journal::RunOutcome;
use refollow::elastic::transport::Method;
use refollow::http::dto::{BrakeRequest, Daemon as _, RunwayRequest};
use refollow::sandbox::pair::Side;
use refollow::store::{AuditCheck, Store as _};

use super::support::{AUTO, House, house, key, person};

async fn brake(house: &House, scope: &str, length: Option<u64>) {
    let request = BrakeRequest {
        scope: BrakeScope::parse(scope).unwrap(),
        reason: "failover".to_owned(),
        length: length.map(Duration::from_secs),
    };
    house.desk.brake(request, person("ann")).await.unwrap();
}

async fn auto() -> House {
    let house = house("quiet", AUTO).await;
    house.all_well().await;
    house
}

async fn cured(house: &House) {
    house
        .until("it is cured", 900, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_remote_brake_stops_its_remote_alone_and_runs_underway_back_out_before_the_put() {
    let house = auto().await;
    brake(&house, "remote:eu/other", None).await;
    brake(&house, "remote:eu/lead", None).await;
    house.play("history-lost:orders-f");
    house.play("fatal-but-curable:mail-f");
    house.pass(240).await;
    assert_eq!(house.runs().await.len(), 0);
    for index in ["orders-f", "mail-f"] {
        let why = house.desk.why(key(index)).await.unwrap();
        let brakes = why.guards.iter().find(|guard| guard.name == "brakes").unwrap();
        assert_eq!(brakes.verdict, GuardVerdict::Block, "{index}");
        assert!(brakes.inputs.contains("remote:eu/lead by ann: failover"));
    }
    let scope = BrakeScope::parse("remote:eu/lead").unwrap();
    house.desk.release(scope, person("bob")).await.unwrap();
    house
        .until("the recreate has begun", 300, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.follower == key("orders-f"))
        })
        .await;
    brake(&house, "remote:eu/lead", None).await;
    house
        .until("it has ended", 300, async |house| {
            house.runs().await.iter().all(|run| run.outcome.is_some())
        })
        .await;
    let runs = house.runs().await;
    let orders = runs.iter().find(|run| run.follower == key("orders-f")).unwrap();
    assert_eq!(orders.outcome, Some(RunOutcome::BackedOut), "{:?}", orders.reason);
    assert!(
        !house
            .audit()
            .await
            .iter()
            .any(|event| event["detail"]["step"] == "follow")
    );
}

#[tokio::test(start_paused = true)]
async fn a_brake_lets_go_by_itself_is_told_and_is_repeated_until_then() {
    let house = house("empty", AUTO).await;
    house.many(1).await;
    house.pass(60).await;
    brake(&house, "all", Some(3_800)).await;
    house.pass(3_610).await;
    let story = house.story().await;
    assert!(
        story.contains("brake `all` is still engaged, by ann since"),
        "{story}"
    );
    assert_eq!(house.desk.brakes().await.unwrap().brakes.len(), 1);
    house.pass(200).await;
    let audit = house.audit().await;
    let expired = audit
        .iter()
        .find(|event| event["kind"] == "brake_expired")
        .unwrap();
    assert_eq!(expired["subject"], "all");
    assert_eq!(house.desk.brakes().await.unwrap().brakes, []);
    assert_eq!(house.store.brakes().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn the_brake_by_file_stands_in_the_audit_log_and_stops_what_comes_after_a_restart() {
    let mut house = auto().await;
    let file = house.directory.path().join("brake-all");
    std::fs::write(&file, "").unwrap();
    house.restart().await;
    house.play("history-lost:orders-f");
    house.pass(240).await;
    assert_eq!(house.runs().await.len(), 0);
    std::fs::remove_file(&file).unwrap();
    house.pass(2).await;
    // Each daemon notes the file that it finds.
    let mut by_file: Vec<String> = house
        .audit()
        .await
        .iter()
        .filter(|event| event["who"] == "file")
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    by_file.dedup();
    assert_eq!(by_file, ["brake_engaged", "brake_released"]);
    assert!(matches!(
        house.store.verify_audit().await.unwrap(),
        AuditCheck::Whole(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn an_abort_before_the_put_backs_out_and_after_it_is_refused_with_the_reason() {
    let house = auto().await;
    house.play("history-lost:orders-f");
    let begun = async |house: &House| house.runs().await.iter().any(|run| run.outcome.is_none());
    house.until("a run has begun", 300, begun).await;
    let run = house.runs().await.remove(0);
    house.desk.abort(run.id.clone(), person("ann")).await.unwrap();
    house
        .until("it has ended", 300, async |house| {
            house.runs().await[0].outcome.is_some()
        })
        .await;
    let ended = house.runs().await.remove(0);
    assert_eq!(ended.outcome, Some(RunOutcome::BackedOut), "{:?}", ended.reason);
    assert!(ended.reason.unwrap().contains("asked for the run to be aborted"));
    let again = house.desk.abort(run.id, person("ann")).await.unwrap_err();
    assert!(again.to_string().contains("has ended already"), "{again}");
    // The next run of it copies slowly, so that there is a time after the PUT.
    house.play("restore-rate:40");
    house
        .until("the PUT is sent", 3_600, async |house| {
            house
                .audit()
                .await
                .iter()
                .any(|event| event["detail"]["step"] == "follow")
                || house
                    .runs()
                    .await
                    .iter()
                    .any(|run| run.outcome.is_none() && run.steps.iter().any(|step| step.name == "follow"))
        })
        .await;
    let run = house
        .runs()
        .await
        .into_iter()
        .find(|run| run.outcome.is_none())
        .unwrap();
    let refused = house.desk.abort(run.id, person("ann")).await.unwrap_err();
    assert!(
        refused.to_string().contains("has sent its PUT follow"),
        "{refused}"
    );
    house.play("restore-rate:none");
    cured(&house).await;
}

#[tokio::test(start_paused = true)]
async fn time_is_bought_by_an_approved_plan_and_given_back_after_the_cure() {
    let mut house = house("quiet", "[daemon]\nmode = \"ask\"\n").await;
    house.all_well().await;
    house.play("fatal-but-curable:orders-f");
    let repair = house.pending("orders-f").await;
    let to = RunwayRequest::Extend(Duration::from_secs(36 * 3600));
    let made = house
        .desk
        .extend_runway(key("orders-f"), to, person("ann"))
        .await
        .unwrap();
    let plan = made.plan.unwrap();
    assert_eq!(
        (plan.kind.as_str(), plan.state.as_str()),
        ("extend_runway", "pending")
    );
    assert!(plan.cost.is_some());
    let period = async |house: &House| {
        let settings = house
            .ask(
                Side::Leader,
                Method::Get,
                "/orders/_settings?flat_settings=true",
                None,
            )
            .await;
        settings["orders"]["settings"]["index.soft_deletes.retention_lease.period"].clone()
    };
    house.pass(60).await;
    assert_eq!(
        period(&house).await,
        serde_json::Value::Null,
        "nothing before an approval"
    );
    house.approve(&plan, "ann").await.unwrap();
    house
        .until("it is raised", 60, async |house| period(house).await == "129600s")
        .await;
    let bought = async |house: &House| {
        let runs = house.runs().await;
        let run = runs.into_iter().find(|run| run.kind == "extend_runway")?;
        Some((run.plan, run.progress.is_some(), run.outcome))
    };
    house.pass(10).await;
    assert_eq!(bought(&house).await, Some((plan.hash.clone(), true, None)));
    // The daemon may end meanwhile: what it must put back outlives it.
    house.restart().await;
    let notes = house.desk.status().notes.join("; ");
    assert!(notes.contains("us/orders is raised to 129600s"), "{notes}");
    let twice = house
        .desk
        .extend_runway(key("orders-f"), to, person("ann"))
        .await
        .unwrap_err();
    assert!(twice.to_string().contains("already"), "{twice}");
    house.approve(&repair, "ann").await.unwrap();
    cured(&house).await;
    house
        .until("it is put back", 300, async |house| {
            period(house).await == serde_json::Value::Null
        })
        .await;
    house.pass(30).await;
    assert!(!house.desk.status().notes.join("").contains("raised"));
    assert_eq!(bought(&house).await, Some((plan.hash.clone(), false, None)));
    let detail = house.desk.run(
        house
            .runs()
            .await
            .into_iter()
            .find(|run| run.kind == "extend_runway")
            .unwrap()
            .id,
    );
    assert_eq!(detail.await.unwrap().item.plan, plan.hash);
    let audit = house.audit().await;
    let steps: Vec<&str> = audit
        .iter()
        .filter(|event| event["kind"] == "request_sent")
        .filter_map(|event| event["detail"]["step"].as_str())
        .filter(|step| step.starts_with("extend"))
        .collect();
    assert_eq!(steps, ["extend_runway", "extend_runway_undo"]);
    assert!(audit.iter().any(|event| event["kind"] == "extension_ended"));
}

#[tokio::test(start_paused = true)]
async fn a_lease_period_that_somebody_else_changed_is_left_alone() {
    let house = house("quiet", "[daemon]\nmode = \"ask\"\n").await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house.pending("orders-f").await;
    let to = RunwayRequest::Extend(Duration::from_secs(36 * 3600));
    let plan = house
        .desk
        .extend_runway(key("orders-f"), to, person("ann"))
        .await
        .unwrap();
    house.approve(&plan.plan.unwrap(), "ann").await.unwrap();
    let raised = async |house: &House| !house.desk.status().notes.is_empty();
    house.until("it is raised", 60, raised).await;
    house.pass(30).await;
    let setting = serde_json::json!({"index.soft_deletes.retention_lease.period": "72h"});
    house
        .ask(Side::Leader, Method::Put, "/orders/_settings", Some(setting))
        .await;
    house
        .desk
        .extend_runway(key("orders-f"), RunwayRequest::Undo, person("bob"))
        .await
        .unwrap();
    house.pass(60).await;
    let settings = house
        .ask(
            Side::Leader,
            Method::Get,
            "/orders/_settings?flat_settings=true",
            None,
        )
        .await;
    assert_eq!(
        settings["orders"]["settings"]["index.soft_deletes.retention_lease.period"],
        "72h"
    );
    let none = house
        .desk
        .extend_runway(key("orders-f"), RunwayRequest::Undo, person("bob"))
        .await;
    assert!(none.is_err());
}
