//! People's yes and no, from the plan to what comes of it.

use refollow::domain::cause::Cause;
use refollow::domain::decision::DecisionKind;
use refollow::domain::journal::RunOutcome;
use refollow::http::dto::{Caller, Daemon as _, OverrideBody, PlanItem, RecreateBody};

use super::support::{House, house, key, person};

const ASK: &str = "[daemon]\nmode = \"ask\"\n";

async fn lost(text: &str) -> House {
    let house = house("quiet", text).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
}

/// The plan that waits, once the closer looks have told how much it would destroy.
async fn waiting(house: &House) -> PlanItem {
    let plan = house.pending("orders-f").await;
    house
        .until("its figures are known", 120, async |house| {
            let item = house.desk.plan(plan.hash.clone()).await.unwrap().item;
            item.must_type.is_none()
        })
        .await;
    plan
}

#[tokio::test(start_paused = true)]
async fn two_different_people_must_agree_and_the_run_names_both() {
    let house = lost(&format!("{ASK}[approval]\napprovers = 2\n")).await;
    let plan = waiting(&house).await;
    assert!(house.approve(&plan, "ann").await.unwrap().contains("1 of 2"));
    assert!(house.approve(&plan, "ann").await.unwrap().contains("1 of 2"));
    house.pass(120).await;
    assert_eq!(house.runs().await.len(), 0, "one person is not two");
    assert!(house.approve(&plan, "bob").await.unwrap().contains("is approved"));
    house
        .until("it is cured", 900, async |house| {
            house
                .runs()
                .await
                .iter()
                .any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
    let audit = house.audit().await;
    let kinds: Vec<&str> = audit.iter().filter_map(|event| event["kind"].as_str()).collect();
    let place = |kind: &str| kinds.iter().position(|known| *known == kind);
    assert!(place("plan_made") < place("approved"), "{kinds:?}");
    assert!(place("approved") < place("run_opened"), "{kinds:?}");
    assert!(place("run_opened") < place("run_ended"), "{kinds:?}");
    let ended = &audit[place("run_ended").unwrap()];
    assert_eq!(ended["detail"]["outcome"], "cured");
    // Every request that changed a cluster stands there with its answer, and nothing else does.
    let sent: Vec<String> = audit
        .iter()
        .filter(|event| event["kind"] == "request_sent")
        .map(|event| {
            assert_eq!(event["who"], "ann, bob");
            assert_eq!(event["detail"]["answer"]["answer"], "accepted", "{event}");
            event["detail"]["step"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        sent,
        [
            "mark_cluster",
            "pause",
            "resume",
            "pause",
            "close",
            "follow",
            "restore_settings"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_person_by_socket_and_by_token_is_one_and_a_second_yes_changes_nothing() {
    let house = lost(&format!("{ASK}[approval]\napprovers = 2\n")).await;
    let plan = waiting(&house).await;
    let by_token = |name: &str| Caller {
        uid: None,
        token: Some("t1".to_owned()),
        ..person(name)
    };
    let said = house.approve(&plan, "ann").await.unwrap();
    assert!(said.contains("1 of 2"), "{said}");
    let said = house.approve_with(&plan, by_token("ann"), None).await.unwrap();
    assert!(said.contains("1 of 2"), "{said}");
    let first = house.approve_with(&plan, by_token("bob"), None).await.unwrap();
    assert!(first.contains("is approved"), "{first}");
    for again in [by_token("bob"), person("ann")] {
        assert_eq!(house.approve_with(&plan, again, None).await.unwrap(), first);
    }
    let audit = house.audit().await;
    let approvals: Vec<_> = audit.iter().filter(|event| event["kind"] == "approved").collect();
    assert_eq!(approvals.len(), 2, "one for each person: {approvals:?}");
    assert_eq!(approvals[0]["detail"]["uid"], 1000);
    assert_eq!(approvals[1]["detail"]["token"], "t1");
}

#[tokio::test(start_paused = true)]
async fn tokens_outlive_the_daemon_and_end_when_they_are_revoked_or_their_time_is_over() {
    use refollow::domain::access::{Grant, Reach, Role, Token, digest};
    let mut house = house("quiet", ASK).await;
    house.all_well().await;
    let now = house.desk.now();
    let token = |id: &str, minutes: Option<u64>| Token {
        grant: Grant {
            id: id.to_owned(),
            person: "ann".to_owned(),
            role: Role::Approve,
            reach: Reach::All,
        },
        digest: digest(id),
        created_at: now,
        created_by: "root".to_owned(),
        expires_at: minutes
            .map(|minutes| refollow::domain::time::after(now, std::time::Duration::from_secs(60 * minutes))),
    };
    house
        .desk
        .add_token(token("lasting", None), person("root"))
        .await
        .unwrap();
    house
        .desk
        .add_token(token("short", Some(30)), person("root"))
        .await
        .unwrap();
    house.restart().await;
    assert_eq!(house.desk.token(&digest("lasting")).unwrap().person, "ann");
    assert!(house.desk.token(&digest("short")).is_some());
    assert!(house.desk.token(&digest("other")).is_none());
    house.pass(31 * 60).await;
    assert!(house.desk.token(&digest("short")).is_none(), "its time is over");
    assert!(house.desk.grant("short").is_none());
    house
        .desk
        .revoke_token("lasting".to_owned(), person("root"))
        .await
        .unwrap();
    assert!(house.desk.token(&digest("lasting")).is_none());
    house.restart().await;
    assert!(house.desk.grant("lasting").is_none(), "revoked over restarts");
    let audit = house.audit().await;
    let kinds: Vec<&str> = audit.iter().filter_map(|event| event["kind"].as_str()).collect();
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "token_created").count(),
        2,
        "{kinds:?}"
    );
    assert!(kinds.contains(&"token_revoked"), "{kinds:?}");
    let text = serde_json::to_string(&audit).unwrap();
    assert!(!text.contains(&digest("lasting")), "no digest in the audit log");
}

#[tokio::test(start_paused = true)]
async fn what_will_be_lost_must_be_typed_and_only_named_people_may() {
    let text = format!("{ASK}[approval]\ntype_above_documents = 100\npersons = [\"ann\", \"group:ops\"]\n");
    let house = lost(&text).await;
    let plan = house.pending("orders-f").await;
    house.pass(60).await;
    let plan = house.desk.plan(plan.hash).await.unwrap().item;
    assert!(
        plan.must_type.as_ref().unwrap().contains("500 documents"),
        "{plan:?}"
    );
    let stranger = house.approve_with(&plan, person("eve"), Some("orders-f")).await;
    assert!(stranger.unwrap_err().contains("approval.persons"));
    let member = Caller {
        groups: vec!["ops".to_owned()],
        ..person("bob")
    };
    let untyped = house.approve_with(&plan, member.clone(), None).await.unwrap_err();
    assert!(
        untyped.contains(&format!("refollow approve {} --lose orders-f", plan.hash)),
        "{untyped}"
    );
    let mistyped = house.approve_with(&plan, member.clone(), Some("orders")).await;
    assert!(mistyped.unwrap_err().contains("typed was `orders`"));
    assert_eq!(house.plan_state(&plan.hash).await, "pending");
    let refused = house.audit().await;
    let refused = refused.iter().filter(|event| event["kind"] == "approval_refused");
    assert_eq!(refused.count(), 3);
    house.approve_with(&plan, member, Some("orders-f")).await.unwrap();
    assert_ne!(house.plan_state(&plan.hash).await, "pending");
}

#[tokio::test(start_paused = true)]
async fn changed_facts_void_an_approval_and_the_next_plan_shows_what_changed() {
    let house = lost(&format!("{ASK}[approval]\napprovers = 2\n")).await;
    let plan = waiting(&house).await;
    house.approve(&plan, "ann").await.unwrap();
    house.play("leader-replaced:orders-f");
    house
        .until("the plan is void", 300, async |house| {
            house.plan_state(&plan.hash).await == "void"
        })
        .await;
    let refused = house.approve(&plan, "bob").await.unwrap_err();
    assert!(refused.contains("void"), "{refused}");
    let next = house.pending("orders-f").await;
    assert_eq!(next.cause, Cause::LeaderReplaced);
    assert_eq!(next.consents, [], "a yes to other facts is no yes to these");
    let replaced = next.replaces.unwrap();
    assert_eq!(replaced.hash, plan.hash);
    let fields: Vec<&str> = replaced
        .differences
        .iter()
        .map(|one| one.field.as_str())
        .collect();
    for field in ["cause", "leader_uuid", "shards"] {
        assert!(fields.contains(&field), "{fields:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_rejection_outlives_the_daemon_and_holds_until_the_facts_change() {
    let mut house = lost(ASK).await;
    let plan = house.pending("orders-f").await;
    house
        .desk
        .reject(plan.hash.clone(), person("bob"), "month end".to_owned())
        .await
        .unwrap();
    let auto = "[daemon]\nmode = \"auto\"\n[[policy.rules]]\naction = \"auto\"\n";
    for text in [ASK, auto] {
        house.restart_with(text).await;
        house.pass(150).await;
        let why = house.desk.why(key("orders-f")).await.unwrap();
        assert_eq!(why.follower.decision, DecisionKind::Alert, "{:?}", why.reasons);
        assert!(
            why.reasons
                .iter()
                .any(|reason| reason.contains("bob rejected this plan (month end)")),
            "{:?}",
            why.reasons
        );
        assert_eq!(house.plan_state(&plan.hash).await, "rejected");
    }
    let asked = house
        .desk
        .recreate(
            key("orders-f"),
            person("ann"),
            refollow::http::dto::RecreateBody::default(),
        )
        .await;
    assert!(asked.is_ok(), "a recreate alone is another plan: {asked:?}");
    assert_eq!(house.runs().await.len(), 0);
    house.restart_with(ASK).await;
    house.play("leader-replaced:orders-f");
    let next = house.pending("orders-f").await;
    assert_ne!(next.hash, plan.hash);
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_nobody_answers_expires_and_can_be_made_again() {
    let house = lost(&format!("{ASK}[approval]\nexpires_after = \"5m\"\n")).await;
    let plan = waiting(&house).await;
    // The same facts make the same hash: a new record takes the place of the expired one, also in
    // the store, and needs its own approval.
    house.pass(310).await;
    let again = waiting(&house).await;
    assert_eq!(again.hash, plan.hash);
    assert!(again.created_at > plan.created_at);
    house.approve(&again, "ann").await.unwrap();
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
async fn a_plan_says_whose_follow_tasks_they_are_and_whose_they_will_be() {
    let house = house("quiet", ASK).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    let plan = house.pending("orders-f").await;
    let owners = house.desk.plan(plan.hash).await.unwrap().owners;
    assert!(
        owners[0].starts_with("follow task of shard 0: on node follower"),
        "{owners:?}"
    );
    assert_eq!(
        owners.last().unwrap(),
        "after the repair: with the rights of whoever `follow_auth` is"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plan_looked_at_with_an_override_is_shown_with_its_guards_and_is_none_that_could_be_approved() {
    let house = house("quiet", ASK).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    let plan = house.pending("orders-f").await;
    let wished = |fact: &str| RecreateBody {
        overrides: vec![OverrideBody {
            index: key("orders-f").index,
            fact: fact.to_owned(),
        }],
        ..RecreateBody::default()
    };
    let look = async |body: RecreateBody| house.desk.plan_wished(key("orders-f"), person("ann"), body).await;
    let shown = look(wished("documents_not_fewer")).await.unwrap();
    assert!(!shown.stored);
    let would = shown.plan.unwrap();
    assert_ne!(would.item.hash, plan.hash);
    assert_eq!(would.plan.basis.overrides[0].person, "ann");
    let guard = |name: &str| would.item.guards.iter().find(|guard| guard.name == name);
    // An override asks for the snapshot that stands for the copy, and none was named.
    assert!(!guard("snapshot_of_follower").unwrap().passes());
    let told = shown.reasons.join("; ");
    assert!(told.contains("needs a finished snapshot"), "{told}");
    // What cannot be overridden is refused as `recreate` would refuse it.
    let refused = look(wished("leader_healthy")).await.unwrap_err();
    assert!(refused.to_string().contains("cannot be overridden"), "{refused}");
    // Nothing was made: the one plan stands, and the other is not known.
    house.pass(60).await;
    let open: Vec<_> = house
        .plans()
        .await
        .into_iter()
        .map(|plan| (plan.hash, plan.state))
        .collect();
    assert_eq!(open, [(plan.hash, "pending".to_owned())]);
    assert!(house.approve(&would.item, "ann").await.is_err());
}
