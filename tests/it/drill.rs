//! `refollow drill`, by the whole engine over a simulated pair: proven, stopped, refused, killed.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod support;

use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::drill::{DrillOutcome, DrillStep, DrillStepState, Drills, PREFIX};
use refollow::domain::ids::ClusterName;
use refollow::elastic::transport::Method;
use refollow::http::dto::{ApproveBody, BrakeRequest, Daemon as _, DrillBody, DrillReport, Problem};
use refollow::sandbox::pair::{Side, Version};
use refollow::store::Store as _;
use serde_json::json;

use support::{House, Kill, person};

const VERSIONS: [Version; 2] = [Version::V7_7_0, Version::V8_10_4];
const ASK: &str = "[daemon]\nmode = \"ask\"\n";
const AUTO: &str = "[daemon]\nmode = \"auto\"\n[[policy.rules]]\naction = \"auto\"\n";
const OBSERVE: &str = "[daemon]\nmode = \"observe\"\n";

fn body() -> DrillBody {
    DrillBody {
        cluster: ClusterName::parse("eu").unwrap(),
        remote: None,
    }
}

async fn begin(house: &House) -> Result<DrillReport, Problem> {
    house.desk().begin_drill(body(), person("ann")).await
}

async fn newest(house: &House) -> DrillReport {
    house.desk().drill().await.unwrap()
}

/// What the command does: approves the plan that the drill shows, as the person who called.
/// Returns what was seen once it is over and was cleaned up after.
async fn watch(house: &House) -> DrillReport {
    for _ in 0..2_400 {
        let report = newest(house).await;
        let asks = report
            .steps
            .last()
            .is_some_and(|last| last.step == DrillStep::Ask && last.state == DrillStepState::Running);
        if let (true, Some(hash)) = (asks, &report.plan) {
            let plan = house.desk().plan(hash.clone()).await.unwrap();
            if plan.item.state == "pending" {
                house
                    .desk()
                    .approve(hash.clone(), person("ann"), ApproveBody::default())
                    .await
                    .unwrap();
            }
        }
        if report.result.is_some() && report.cleaned {
            return report;
        }
        house.pass(1).await;
    }
    panic!(
        "it does not end: {:#?}\n{}",
        newest(house).await,
        house.story().await
    );
}

async fn at_step(house: &House, step: DrillStep) {
    for _ in 0..1_200 {
        let report = newest(house).await;
        assert_eq!(report.result, None, "{}", house.story().await);
        if report.steps.last().is_some_and(|last| last.step == step) {
            return;
        }
        house.pass(1).await;
    }
    panic!("{step} does not come: {:#?}", newest(house).await);
}

async fn brake(house: &House, scope: &str) {
    let request = BrakeRequest {
        scope: BrakeScope::parse(scope).unwrap(),
        reason: "failover".to_owned(),
        length: None,
    };
    house.desk().brake(request, person("bob")).await.unwrap();
}

async fn assert_nothing_is_left(house: &House) {
    assert_eq!(house.scratch().await, Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_drill_proves_the_whole_way_on_both_versions_and_leaves_nothing() {
    for version in VERSIONS {
        let house = House::new(version, "quiet", ASK).await;
        house.pass(90).await;
        begin(&house).await.unwrap();
        let report = watch(&house).await;
        let result = report.result.clone().unwrap();
        assert_eq!(
            result.outcome,
            DrillOutcome::Proven,
            "{version:?}: {report:#?}\n{}",
            house.story().await
        );
        let steps: Vec<DrillStep> = report.steps.iter().map(|step| step.step).collect();
        assert_eq!(steps, DrillStep::ALL);
        assert!(
            report.steps.iter().all(|step| step.state == DrillStepState::Done),
            "{report:#?}"
        );
        let took = result.at.as_second() - report.started_at.as_second();
        assert!(took < 600, "{took} s: minutes, not hours");
        let asked = report
            .steps
            .iter()
            .find(|step| step.step == DrillStep::Ask)
            .unwrap();
        assert!(asked.detail.ends_with("approved by ann"), "{asked:?}");
        assert_nothing_is_left(&house).await;
        // It went the way of every other repair …
        let run = report.run.unwrap();
        let run = house.desk().run(run).await.unwrap();
        assert_eq!(run.item.follower, report.follower);
        // … and is nobody's missing follower afterwards, also after late looks and a restart.
        house.pass(120).await;
        let known = |house: &House| {
            let followers = house.desk().status().followers;
            followers.iter().any(|one| one.index.as_str().starts_with(PREFIX))
        };
        assert!(!known(&house));
        assert!(
            house
                .desk()
                .status()
                .notes
                .iter()
                .any(|note| note.starts_with("the last drill of eu/lead is proven"))
        );
        let metrics = house.desk().metrics_text(false);
        let success = "refollow_drill_last_success{es_cluster=\"eu\",remote_cluster=\"lead\"} 1";
        assert!(metrics.contains(success), "{metrics}");
        assert!(metrics.contains("refollow_drill_last_timestamp_seconds{es_cluster=\"eu\""));
        let house = house.restart(ASK).await;
        house.pass(60).await;
        assert!(house.desk().metrics_text(false).contains(success), "it is kept");
        assert!(!known(&house));
        let kinds: Vec<String> = house
            .audit()
            .await
            .iter()
            .map(|event| event["kind"].as_str().unwrap().to_owned())
            .collect();
        for kind in ["drill_begun", "drill_ended", "drill_cleaned", "approved"] {
            assert!(kinds.iter().any(|known| known == kind), "{kind}: {kinds:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_drill_sends_names_nothing_but_its_own_two_indices() {
    let house = House::new(Version::V8_10_4, "quiet", ASK).await;
    house.pass(90).await;
    let before = house.world.changes().len();
    let report = begin(&house).await.unwrap();
    watch(&house).await;
    let changes = house.world.changes();
    assert!(changes.len() > before + 10);
    for change in &changes[before..] {
        let name = change
            .path
            .trim_start_matches('/')
            .split(['/', '?'])
            .next()
            .unwrap();
        let own = [report.leader.as_str(), report.follower.index.as_str()];
        assert!(own.contains(&name), "{} {}", change.method, change.path);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_acts_is_drilled_without_a_persons_word() {
    let house = House::new(Version::V8_10_4, "quiet", AUTO).await;
    house.pass(90).await;
    begin(&house).await.unwrap();
    let report = watch(&house).await;
    let outcome = report.result.clone().unwrap().outcome;
    assert_eq!(
        outcome,
        DrillOutcome::Proven,
        "{report:#?}\n{}",
        house.story().await
    );
    let asked = report
        .steps
        .iter()
        .find(|step| step.step == DrillStep::Ask)
        .unwrap();
    assert!(asked.detail.ends_with("a rule let it start"), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn a_drill_counts_for_no_limit_and_no_breaker() {
    // One unhealthy follower of however many opens it, and one recreate an hour is all there is.
    let text = format!(
        "{AUTO}[limits]\nrecreates_per_hour = 1\nrecreates_per_follower = {{ count = 1, per = \"7d\" }}\n\
         [limits.breaker]\nmin_unhealthy = 1\nmax_unhealthy = \"0%\"\n"
    );
    let house = House::new(Version::V8_10_4, "quiet", &text).await;
    house.pass(90).await;
    for round in 0..2 {
        begin(&house).await.unwrap();
        at_step(&house, DrillStep::Repair).await;
        let metrics = house.desk().metrics_text(false);
        assert!(
            metrics.contains("refollow_breaker_open{scope=\"all\",name=\"\"} 0"),
            "{metrics}"
        );
        assert_eq!(house.desk().incidents().incidents, []);
        let report = watch(&house).await;
        let outcome = report.result.clone().unwrap().outcome;
        assert_eq!(outcome, DrillOutcome::Proven, "{round}: {report:#?}");
    }
    let metrics = house.desk().metrics_text(false);
    let mut counted = metrics
        .lines()
        .filter(|line| line.starts_with("refollow_runs_total{"));
    assert!(counted.all(|line| line.ends_with(" 0")), "{metrics}");
    let runs = house.desk().runs(100).await.unwrap().runs;
    assert!(
        runs.len() >= 2 && runs.iter().all(|run| run.kind == "drill"),
        "{runs:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn observe_refuses_and_sends_nothing() {
    let house = House::new(Version::V8_10_4, "quiet", OBSERVE).await;
    house.pass(90).await;
    let before = house.world.changes().len();
    let refused = begin(&house).await.unwrap_err();
    assert_eq!(refused.envelope().exit_code(), 3);
    assert_eq!(refused.envelope().guard.as_deref(), Some("mode"));
    assert_eq!(house.world.changes().len(), before);
    assert!(house.desk().drill().await.is_err(), "none was begun");
}

#[tokio::test(start_paused = true)]
async fn a_second_drill_and_a_pair_that_is_not_configured_are_refused() {
    let house = House::new(Version::V8_10_4, "quiet", ASK).await;
    house.pass(90).await;
    let other = DrillBody {
        remote: Some(refollow::domain::ids::RemoteAlias::parse("other").unwrap()),
        ..body()
    };
    let unknown = house.desk().begin_drill(other, person("ann")).await.unwrap_err();
    assert_eq!(unknown.envelope().exit_code(), 1);
    assert!(
        unknown.to_string().contains("its `remotes` are: lead"),
        "{unknown}"
    );
    begin(&house).await.unwrap();
    let second = begin(&house).await.unwrap_err();
    assert_eq!(second.envelope().guard.as_deref(), Some("drill"));
    watch(&house).await;
}

#[tokio::test(start_paused = true)]
async fn a_pattern_that_would_follow_the_scratch_leader_refuses_the_drill() {
    let house = House::new(Version::V8_10_4, "quiet", ASK).await;
    house.pass(90).await;
    let pattern = json!({"remote_cluster": "lead", "leader_index_patterns": ["*"], "follow_index_pattern": "{{leader_index}}-copy"});
    house
        .ask(
            Side::Follower,
            Method::Put,
            "/_ccr/auto_follow/everything",
            Some(pattern),
        )
        .await;
    let before = house.world.changes().len();
    let refused = begin(&house).await.unwrap_err();
    assert_eq!(refused.envelope().guard.as_deref(), Some("auto_follow"));
    assert!(refused.to_string().contains("`everything`"), "{refused}");
    assert_eq!(house.world.changes().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_brake_stops_it_and_holds_the_cleaning_up_until_it_is_released() {
    for step in [DrillStep::LoseHistory, DrillStep::Judge, DrillStep::Repair] {
        let house = House::new(Version::V8_10_4, "quiet", AUTO).await;
        house.pass(90).await;
        begin(&house).await.unwrap();
        at_step(&house, step).await;
        brake(&house, "all").await;
        // A run in flight backs out, which no brake stops.
        house.pass(120).await;
        let report = newest(&house).await;
        let result = report.result.clone().unwrap();
        assert_eq!(
            (result.outcome, result.guard.as_deref()),
            (DrillOutcome::Refused, Some("brakes")),
            "{step}: {report:#?}"
        );
        assert!(!report.cleaned);
        assert_eq!(house.scratch().await.len(), 2, "{step}");
        let before = house.world.changes().len();
        house.pass(300).await;
        assert_eq!(house.world.changes().len(), before, "{step}: braked is braked");
        let notes = house.desk().status().notes.join("\n");
        assert!(notes.contains("a drill of eu/lead by ann"), "{notes}");
        assert!(begin(&house).await.is_err());
        house
            .desk()
            .release(BrakeScope::All, person("bob"))
            .await
            .unwrap();
        house.pass(120).await;
        assert!(newest(&house).await.cleaned, "{step}: {}", house.story().await);
        assert_nothing_is_left(&house).await;
        let metrics = house.desk().metrics_text(false);
        assert!(metrics.contains("refollow_drill_last_success{es_cluster=\"eu\",remote_cluster=\"lead\"} 0"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_it_did_not_make_is_neither_changed_nor_deleted() {
    for follower in [false, true] {
        let house = House::new(Version::V8_10_4, "quiet", ASK).await;
        house.pass(90).await;
        let report = begin(&house).await.unwrap();
        at_step(&house, DrillStep::LoseHistory).await;
        let (side, name) = if follower {
            (Side::Follower, report.follower.index.to_string())
        } else {
            (Side::Leader, report.leader.to_string())
        };
        // Somebody puts another index of the same name in its place.
        house.ask(side, Method::Delete, &format!("/{name}"), None).await;
        house
            .ask(side, Method::Put, &format!("/{name}"), Some(json!({})))
            .await;
        let report = watch(&house).await;
        assert_ne!(report.result.unwrap().outcome, DrillOutcome::Proven);
        assert_eq!(
            house.scratch().await,
            std::slice::from_ref(&name),
            "only the other one is left"
        );
        let notes = house.desk().status().notes.join("\n");
        assert!(
            notes.contains("is not an index that the drill made, and was left"),
            "{notes}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn killed_at_a_request_the_next_start_deletes_what_is_left() {
    for version in [Version::V8_10_4, Version::V7_7_0] {
        killed_at_a_request(version).await;
    }
}

async fn killed_at_a_request(version: Version) {
    // How many requests a whole drill sends.
    let house = House::new(version, "quiet", AUTO).await;
    house.pass(90).await;
    let before = house.sent();
    begin(&house).await.unwrap();
    watch(&house).await;
    let all = house.sent() - before;
    // The making of both, the pause, the loss, and one of the run's own.
    for at in [1, 2, 3, 4, 8, all - 7] {
        for kill in [Kill::Before, Kill::After] {
            let house = House::new(version, "quiet", AUTO).await;
            house.pass(90).await;
            house.kill_at(house.sent() + at, kill);
            begin(&house).await.unwrap();
            for _ in 0..600 {
                if house.is_dead() {
                    break;
                }
                house.pass(1).await;
            }
            let case = format!("{version:?} {kill:?} request {at} of {all}");
            assert!(house.is_dead() || at > 8, "{case}");
            let house = house.restart(AUTO).await;
            for _ in 0..600 {
                if newest(&house).await.cleaned {
                    break;
                }
                house.pass(1).await;
            }
            let report = newest(&house).await;
            assert!(report.cleaned, "{case}: {report:#?}\n{}", house.story().await);
            assert_nothing_is_left(&house).await;
            house.pass(60).await;
            let followers = house.desk().status().followers;
            assert!(
                followers
                    .iter()
                    .all(|one| !one.index.as_str().starts_with(PREFIX)),
                "{case}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_names_are_durable_before_anything_is_made() {
    let house = House::new(Version::V8_10_4, "quiet", ASK).await;
    house.pass(90).await;
    let report = begin(&house).await.unwrap();
    assert_nothing_is_left(&house).await;
    let stored = house.store.state("drills").await.unwrap().unwrap();
    let stored: Drills = serde_json::from_value(stored).unwrap();
    let drill = stored.newest.unwrap();
    assert_eq!(drill.key(), report.follower);
    assert_eq!(drill.leader.name.index(), &report.leader);
    tokio::time::timeout(Duration::from_secs(3_600), watch(&house))
        .await
        .unwrap();
}
