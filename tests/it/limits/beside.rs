//! Side by side as people meet it: offered with its cost, asked for, approved, and left to them.

use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::Cause;
use refollow::domain::ids::IndexName;
use refollow::domain::journal::RunOutcome;
use refollow::elastic::transport::Method;
use refollow::http::dto::{BrakeRequest, Daemon as _, OverrideBody, PlanItem, RecreateBody};
use refollow::sandbox::pair::Side;

use super::support::{AUTO, House, house, key, person};

fn named(index: &str) -> RecreateBody {
    RecreateBody {
        beside: IndexName::parse(index).ok(),
        ..RecreateBody::default()
    }
}

async fn lost() -> House {
    let text = "[daemon]\nmode = \"ask\"\n[approval]\ntype_above_documents = 100\n";
    let house = house("quiet", text).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
}

async fn asked(house: &House, body: RecreateBody) -> Result<PlanItem, String> {
    match house.desk.recreate(key("orders-f"), person("ann"), body).await {
        Ok(done) => Ok(done.plan.unwrap()),
        Err(problem) => Err(problem.to_string()),
    }
}

async fn uuid(house: &House, index: &str) -> String {
    let target = format!("/{index}/_settings?flat_settings=true");
    let answer = house.ask(Side::Follower, Method::Get, &target, None).await;
    answer[index]["settings"]["index.uuid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn both_ways_are_shown_with_their_costs_and_the_copy_is_made_only_for_a_persons_yes() {
    let mut house = lost().await;
    let offered = house.pending("orders-f").await;
    house
        .until("the closer looks have told the costs", 180, async |house| {
            let item = house.desk.plan(offered.hash.clone()).await.unwrap().item;
            let cost = item.cost.unwrap();
            cost.contains("in place") && cost.contains("--side-by-side") && cost.contains("which fits")
        })
        .await;

    // Its leader has an alias, which would count twice: that is said, and holds it.
    let plan = asked(&house, named("orders-g")).await.unwrap();
    house.approve(&plan, "ann").await.unwrap();
    house.pass(120).await;
    let why = house.desk.why(key("orders-f")).await.unwrap();
    let held = why
        .guards
        .iter()
        .find(|guard| guard.name == "alias_counts_once")
        .unwrap();
    assert!(!held.passes() && held.inputs.contains("orders-read"), "{held:?}");
    let plan = asked(
        &house,
        RecreateBody {
            overrides: vec![OverrideBody {
                index: IndexName::parse("orders-f").unwrap(),
                fact: "alias_counts_once".to_owned(),
            }],
            ..named("orders-g")
        },
    )
    .await
    .unwrap();
    assert_eq!(
        (plan.kind.as_str(), plan.must_type.as_ref()),
        ("side_by_side", None),
        "nothing is lost"
    );
    assert_eq!(
        house.plan_state(&offered.hash).await,
        "void",
        "one plan at a time"
    );
    let steps = house.desk.plan(plan.hash.clone()).await.unwrap().steps;
    assert!(steps.iter().all(|step| !step.contains("/orders-f/")), "{steps:?}");
    house.pass(120).await;
    assert_eq!(house.runs().await.len(), 0, "not before somebody approves");

    let before = uuid(&house, "orders-f").await;
    house.approve(&plan, "ann").await.unwrap();
    house
        .until("the copy is proven", 900, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
    let must = house.runs().await[0].person_must.clone().unwrap();
    for part in ["/orders-f'", &before, "orders-read", "twice"] {
        assert!(must.contains(part), "{part}: {must}");
    }
    assert_ne!(uuid(&house, "orders-g").await, before);

    // The way back is not taken away by a policy, also after a restart.
    house.restart_with(AUTO).await;
    house.pass(3600).await;
    assert_eq!(house.runs().await.len(), 1, "{}", house.story().await);
    let why = house.desk.why(key("orders-f")).await.unwrap();
    assert_eq!(why.follower.cause, Cause::HistoryLost);
    let held = why
        .guards
        .iter()
        .find(|guard| guard.name == "beside_copy")
        .unwrap();
    assert!(!held.passes() && held.inputs.contains("orders-g"), "{held:?}");
    let copy = house.desk.why(key("orders-g")).await.unwrap();
    assert_eq!(
        copy.follower.cause,
        Cause::None,
        "it is a follower like any other"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_beside_that_is_only_looked_at_is_shown_with_its_guards_and_makes_nothing() {
    let house = lost().await;
    let plan = house.pending("orders-f").await;
    let look = async |body| house.desk.plan_wished(key("orders-f"), person("ann"), body).await;
    let shown = look(named("orders-g")).await.unwrap();
    assert!(!shown.stored);
    let would = shown.plan.unwrap();
    assert_eq!(would.item.kind.as_str(), "side_by_side");
    for guard in ["beside_name", "alias_counts_once"] {
        assert!(
            would.item.guards.iter().any(|item| item.name == guard),
            "{guard}: {:?}",
            would.item.guards
        );
    }
    // What `recreate` would refuse is refused here too.
    let refused = look(named("orders-f")).await.unwrap_err();
    assert!(refused.to_string().contains("another name"), "{refused}");
    house.pass(120).await;
    let open: Vec<_> = house.plans().await.into_iter().map(|plan| plan.hash).collect();
    assert_eq!(open, [plan.hash], "the one plan stands, the other is not known");
    assert!(house.runs().await.is_empty());
    let sent = house.world.changes();
    assert!(
        sent.iter().all(|entry| !entry.path.contains("orders-g")),
        "{sent:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_brake_by_the_copys_name_holds_it_and_lets_it_go_when_it_is_released() {
    let house = lost().await;
    house.pending("orders-f").await;
    let scope = BrakeScope::parse("follower:eu/orders-g").unwrap();
    let request = BrakeRequest {
        scope: scope.clone(),
        reason: "not under that name".to_owned(),
        length: None,
    };
    house.desk.brake(request, person("ann")).await.unwrap();
    let body = RecreateBody {
        overrides: vec![OverrideBody {
            index: IndexName::parse("orders-f").unwrap(),
            fact: "alias_counts_once".to_owned(),
        }],
        ..named("orders-g")
    };
    let plan = asked(&house, body).await.unwrap();
    house.approve(&plan, "ann").await.unwrap();
    house.pass(300).await;
    let sent = house
        .world
        .changes()
        .iter()
        .filter(|entry| entry.path.contains("orders-g"))
        .count();
    assert_eq!(sent, 0, "{}", house.story().await);
    let why = house.desk.why(key("orders-f")).await.unwrap();
    let held = why.guards.iter().find(|guard| guard.name == "brakes").unwrap();
    assert!(!held.passes() && held.inputs.contains("orders-g"), "{held:?}");

    house.desk.release(scope, person("ann")).await.unwrap();
    house
        .until("the copy is proven", 900, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn what_side_by_side_cannot_be_is_refused_with_the_reason() {
    let house = lost().await;
    house.pending("orders-f").await;
    for (body, reason) in [
        (named("orders-f"), "another name"),
        (named(".orders"), "system index"),
        (
            RecreateBody {
                lease: Some("wait".to_owned()),
                ..named("orders-g")
            },
            "no `--lease`",
        ),
        (
            RecreateBody {
                overrides: vec![OverrideBody {
                    index: IndexName::parse("orders-g").unwrap(),
                    fact: "alias_counts_once".to_owned(),
                }],
                ..named("orders-g")
            },
            "was typed for `orders-g`",
        ),
        (
            RecreateBody {
                overrides: vec![OverrideBody {
                    index: IndexName::parse("orders-f").unwrap(),
                    fact: "alias_counts_once".to_owned(),
                }],
                ..RecreateBody::default()
            },
            "cannot be overridden",
        ),
    ] {
        let refused = asked(&house, body.clone()).await.unwrap_err();
        assert!(refused.contains(reason), "{body:?}: {refused}");
    }
}
