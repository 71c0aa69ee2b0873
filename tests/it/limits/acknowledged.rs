//! What people know of and refollow never repairs counts for no breaker.

use refollow::domain::cause::Cause;
use refollow::elastic::transport::Method;
use refollow::http::dto::Daemon as _;
use refollow::sandbox::pair::Side;

use super::support::{AUTO, House, house, key, person};

/// As the audit log tells it: the last word about it.
async fn breaker_open(house: &House) -> bool {
    let audit = house.audit().await;
    let mut words = audit.iter().filter_map(|event| event["kind"].as_str());
    words.rfind(|kind| kind.starts_with("breaker_")) == Some("breaker_opened")
}

/// Ten followers, four of which lose their leaders: more than three in ten.
async fn four_of_ten_orphaned() -> House {
    let house = house("empty", AUTO).await;
    house.many(10).await;
    house.all_well().await;
    for number in 0..4 {
        house
            .ask(Side::Leader, Method::Delete, &format!("/l{number:03}"), None)
            .await;
    }
    house
        .until("the breaker is open", 600, async |house| {
            breaker_open(house).await
        })
        .await;
    house
}

#[tokio::test(start_paused = true)]
async fn an_acknowledged_cause_that_is_never_repaired_counts_for_no_breaker_until_it_is_another() {
    let mut house = four_of_ten_orphaned().await;
    let index = key("l000-f");
    house
        .until("its leader is seen gone", 300, async |house| {
            house.desk.why(key("l000-f")).await.unwrap().follower.cause == Cause::LeaderDeleted
        })
        .await;
    let say = async |house: &House| {
        house
            .desk
            .acknowledge(index.clone(), person("ann"), "moved to us-2".to_owned())
            .await
    };
    let done = say(&house).await.unwrap();
    assert!(done.message.contains("leader_deleted"), "{}", done.message);
    house
        .until("it closes after its quiet time", 700, async |house| {
            !breaker_open(house).await
        })
        .await;
    let why = house.desk.why(index.clone()).await.unwrap();
    assert!(
        why.reasons
            .iter()
            .any(|reason| reason.contains("ann knows of `leader_deleted`")),
        "{:?}",
        why.reasons
    );
    let audit = house.audit().await;
    let word = audit
        .iter()
        .find(|event| event["kind"] == "acknowledged")
        .unwrap();
    assert_eq!(
        (&word["who"], &word["detail"]["reason"]),
        (&"ann".into(), &"moved to us-2".into())
    );

    // It outlives the daemon.
    house.restart().await;
    house.pass(900).await;
    assert!(!breaker_open(&house).await);
    // What refollow repairs, or does not know, is nothing to acknowledge.
    let well = house
        .desk
        .acknowledge(key("l009-f"), person("ann"), "x".to_owned())
        .await;
    assert!(well.unwrap_err().to_string().contains("never repairs"));
    let nobody = house
        .desk
        .acknowledge(key("nobody"), person("ann"), "x".to_owned())
        .await;
    assert!(nobody.unwrap_err().to_string().contains("no follower"));
}
