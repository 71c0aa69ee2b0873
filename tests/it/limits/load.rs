//! Clusters that have too much to do, by the whole engine: they are asked less, nothing begins there,
//! and what has begun does not make it worse.

use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::domain::cause::Cause;
use refollow::domain::decision::GuardVerdict;
use refollow::domain::journal::RunOutcome;
use refollow::domain::load::Trouble;
use refollow::http::dto::{BrakeRequest, ClusterItem, Daemon as _};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::Side;

use super::support::{AUTO, House, house, key, person};

async fn well(text: &str) -> House {
    let house = house("quiet", text).await;
    house.all_well().await;
    house
}

/// How many requests a cluster gets within so many seconds.
async fn asked_within(house: &House, side: Side, seconds: u64) -> usize {
    let before = count(house, side);
    house.pass(seconds).await;
    count(house, side) - before
}

fn count(house: &House, side: Side) -> usize {
    let name = if side == Side::Follower {
        "follower"
    } else {
        "leader"
    };
    let requests = house.world.requests();
    requests.iter().filter(|entry| entry.cluster == name).count()
}

fn cluster(house: &House, name: &str) -> ClusterItem {
    let all = house.desk.clusters().clusters;
    all.into_iter().find(|one| one.name.as_str() == name).unwrap()
}

fn exported(house: &House, line: &str) -> bool {
    let text = house.desk.metrics_text(false);
    text.lines().any(|one| one == line)
}

fn seconds_between(from: &str, to: &str) -> i64 {
    let at = |text: &str| text.parse::<jiff::Timestamp>().unwrap();
    at(to).duration_since(at(from)).as_secs()
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_rejects_everything_is_asked_ever_less_and_as_usual_once_it_answers() {
    let house = well("").await;
    let usual = asked_within(&house, Side::Follower, 600).await;
    assert!(usual > 160, "{usual}");
    assert_eq!(cluster(&house, "eu").spared, None);
    house
        .world
        .add_fault(Fault::new(FaultKind::TooManyRequests).on(Side::Follower));
    house.pass(600).await;
    let rejected = asked_within(&house, Side::Follower, 600).await;
    assert!(rejected <= 40, "{rejected} requests, {usual} usually");
    let spared = cluster(&house, "eu").spared.unwrap();
    assert_eq!(spared.reason, Trouble::Rejected);
    let wait = spared.until.unwrap().duration_since(house.desk.now()).as_secs();
    assert!(wait <= 300, "{wait} s");
    assert!(exported(
        &house,
        "refollow_cluster_spared{es_cluster=\"eu\",reason=\"rejected\"} 1"
    ));
    let story = house.story().await;
    let told = story
        .matches("cluster `eu` rejects requests because it has too much to do")
        .count();
    assert_eq!(told, 1, "{story}");
    // The leader's cluster is another one.
    assert_eq!(cluster(&house, "us").spared, None);
    assert!(asked_within(&house, Side::Leader, 600).await >= 30);
    house.world.clear_faults();
    house.pass(900).await;
    assert_eq!(cluster(&house, "eu").spared, None);
    assert!(
        house
            .story()
            .await
            .contains("cluster `eu` is asked as usual again")
    );
    let again = asked_within(&house, Side::Follower, 600).await;
    assert!(again * 10 > usual * 9, "{again} requests, {usual} usually");
    let followers = house.desk.status().followers;
    assert!(followers.iter().all(|one| one.cause == Cause::None));
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_also_where_a_proxy_writes_it() {
    let one = |kind| Fault::new(kind).on(Side::Follower).times(1);
    for fault in [
        one(FaultKind::TooManyRequests).delay(Duration::from_mins(2)),
        one(FaultKind::Proxy).status(503).delay(Duration::from_mins(2)),
    ] {
        let house = well("").await;
        house.world.add_fault(fault);
        house
            .until("it is spared", 60, async |house| {
                cluster(house, "eu").spared.is_some()
            })
            .await;
        // What was under way when the answer came.
        house.pass(1).await;
        assert_eq!(asked_within(&house, Side::Follower, 110).await, 0);
        assert!(asked_within(&house, Side::Follower, 30).await > 0);
        // One that wants a word sooner is not let through either.
        assert_eq!(cluster(&house, "eu").spared, None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_rejects_only_second_calls_gets_fewer_of_them_and_is_looked_at_on() {
    let house = well("").await;
    house.world.add_fault(
        Fault::new(FaultKind::TooManyRequests)
            .on(Side::Leader)
            .path("/_stats"),
    );
    // Every follower's leader is in doubt now: without a bound that would be 64 calls every 15 s.
    let first = asked_within(&house, Side::Leader, 300).await;
    house.pass(900).await;
    let less = asked_within(&house, Side::Leader, 600).await;
    assert!(
        less * 3 < first * 2 && less > 0,
        "{less} in 10 min, {first} in the first 5"
    );
    assert!(cluster(&house, "us").spared.is_some());
    assert_eq!(cluster(&house, "eu").spared, None);
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_on_a_cluster_without_a_master_and_all_goes_on_once_it_has_one() {
    let house = well(AUTO).await;
    let brake = BrakeRequest {
        scope: BrakeScope::parse("all").unwrap(),
        reason: "to be seen waiting".to_owned(),
        length: None,
    };
    house.desk.brake(brake, person("ann")).await.unwrap();
    house.play("history-lost:orders-f");
    house.pass(180).await;
    // One answer of many: everything that the other guards read is known.
    house.world.add_fault(
        Fault::new(FaultKind::NoMaster)
            .on(Side::Follower)
            .path("/_remote/info")
            .times(1),
    );
    house
        .until("the guard holds it", 120, async |house| {
            let why = house.desk.why(key("orders-f")).await.unwrap();
            let guard = why.guards.iter().find(|guard| guard.name == "clusters_at_ease");
            guard.is_some_and(|guard| {
                guard.verdict == GuardVerdict::Block
                    && guard.inputs.contains("cluster `eu` has no master that answers")
            })
        })
        .await;
    let scope = BrakeScope::parse("all").unwrap();
    house.desk.release(scope, person("ann")).await.unwrap();
    house.pass(15).await;
    assert_eq!(house.runs().await.len(), 0);
    house
        .until("it is cured", 900, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_is_rejected_is_sent_three_times_a_minute_apart_and_no_more() {
    let house = well(AUTO).await;
    house.world.add_fault(
        Fault::new(FaultKind::TooManyRequests)
            .on(Side::Follower)
            .method("POST")
            .path("/_ccr/pause_follow"),
    );
    house.play("history-lost:orders-f");
    house
        .until("a run has ended", 1800, async |house| {
            house.runs().await.iter().any(|run| run.outcome.is_some())
        })
        .await;
    let sent: Vec<String> = house
        .world
        .requests()
        .into_iter()
        .filter(|entry| entry.path.contains("pause_follow"))
        .map(|entry| entry.at)
        .collect();
    assert!((1..=3).contains(&sent.len()), "{sent:?}");
    for pair in sent.windows(2) {
        assert!(seconds_between(&pair[0], &pair[1]) >= 60, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_looks_of_a_run_become_rarer_on_a_cluster_that_rejects_them() {
    let house = well(AUTO).await;
    house.play("history-lost:orders-f");
    house
        .until("it is being verified", 600, async |house| {
            let changes = house.world.changes();
            changes
                .iter()
                .any(|entry| entry.method == "PUT" && entry.path.contains("_ccr/follow"))
        })
        .await;
    let before = asked_within(&house, Side::Leader, 20).await;
    house
        .world
        .add_fault(Fault::new(FaultKind::TooManyRequests).on(Side::Leader));
    house.pass(60).await;
    let rejected = asked_within(&house, Side::Leader, 60).await;
    assert!(
        rejected < 2 * before,
        "{rejected} in a minute, {before} in 20 s before"
    );
    house.world.clear_faults();
    house
        .until("it is cured", 1800, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn looks_stay_below_the_ceiling_and_what_each_costs_is_exported() {
    let house = house("empty", "").await;
    house.many(40).await;
    house.all_well().await;
    for load in house.desk.0.loads().values() {
        load.limit(Some(4));
    }
    house.play("remote-down");
    house.pass(120).await;
    let requests = house.world.requests();
    let mut by_second = std::collections::BTreeMap::<i64, usize>::new();
    let from = house.world.now_ms() - 100_000;
    for entry in requests
        .iter()
        .filter(|entry| entry.cluster == "follower" && entry.at_ms >= from)
    {
        *by_second.entry(entry.at_ms / 10_000).or_default() += 1;
    }
    // A second's worth may go at once, beside four a second.
    assert!(by_second.values().all(|count| *count <= 46), "{by_second:?}");
    let text = house.desk.metrics_text(false);
    let value = |start: &str| -> f64 {
        let line = text.lines().find(|line| line.starts_with(start));
        let value = line.and_then(|line| line.rsplit(' ').next());
        value
            .unwrap_or_else(|| panic!("{start} in\n{text}"))
            .parse()
            .unwrap()
    };
    assert!(value("refollow_look_requests{es_cluster=\"eu\",purpose=\"followers\"}") >= 4.0);
    assert!(value("refollow_look_response_bytes{es_cluster=\"eu\",purpose=\"followers\"}") > 1000.0);
    assert!(value("refollow_look_requests{es_cluster=\"us\",purpose=\"leaders\"}") >= 4.0);
    assert!(value("refollow_looks_held_seconds_total{es_cluster=\"eu\"}") > 0.0);
    let sent = value("refollow_requests_total{es_cluster=\"eu\",purpose=\"followers\"}");
    assert!(sent > 100.0, "{sent}");
}

#[tokio::test(start_paused = true)]
async fn slow_answers_make_second_calls_fewer_and_hold_a_recreate() {
    let house = well(AUTO).await;
    house.world.add_fault(
        Fault::new(FaultKind::Slow)
            .on(Side::Follower)
            .path("/_remote/info")
            .delay(Duration::from_secs(9)),
    );
    house.play("history-lost:orders-f");
    house.pass(180).await;
    let spared = cluster(&house, "eu").spared.unwrap();
    assert_eq!((spared.reason, spared.until), (Trouble::Slow, None));
    let changes = house.world.changes();
    assert!(
        !changes.iter().any(|entry| entry.path.contains("_close")),
        "{changes:?}"
    );
    let looked = cluster(&house, "eu").last_success_at.unwrap();
    assert!(house.desk.now().duration_since(looked).as_secs() < 60);
}
