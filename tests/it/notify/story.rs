//! Who is told what, when, and how often: by the whole engine, under tokio's paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use refollow::domain::brake::BrakeScope;
use refollow::domain::journal::RunOutcome;
use refollow::domain::notice::outbox::Delivery;
use refollow::domain::notice::{Notice, Severity, Topic};
use refollow::domain::time::Timestamp;
use refollow::elastic::transport::Method;
use refollow::http::dto::{BrakeRequest, Daemon as _};
use refollow::notify::Settings;
use refollow::notify::receiver::{Kind, Listen, Message, Receiver};
use refollow::sandbox::pair::Side;
use refollow::store::Store;

use crate::limits::support::{AUTO, House, person, telling_house, telling_house_at};

const ASK: &str = "[daemon]\nmode = \"ask\"\n";

/// Somebody who listens, and what they do with it.
#[derive(Clone)]
struct Ear {
    heard: Arc<Mutex<Vec<(Notice, u32)>>>,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Clone)]
enum Answer {
    Takes,
    Fails,
    Refuses,
    Hangs,
}

impl Ear {
    fn new(answer: Answer) -> Self {
        Self {
            heard: Arc::default(),
            answer: Arc::new(Mutex::new(answer)),
        }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// What was heard about a topic: over or not, and the text of its line.
    fn about(&self, topic: Topic) -> Vec<(bool, String)> {
        let heard = self.heard.lock().unwrap();
        heard
            .iter()
            .filter(|(notice, _)| notice.topic == topic)
            .map(|(notice, _)| (notice.over_at.is_some(), notice.title.clone()))
            .collect()
    }

    fn last(&self, topic: Topic) -> Option<Notice> {
        let heard = self.heard.lock().unwrap();
        let last = heard.iter().rev().find(|(notice, _)| notice.topic == topic);
        last.map(|(notice, _)| notice.clone())
    }

    fn count(&self) -> usize {
        self.heard.lock().unwrap().len()
    }

    fn all(&self) -> Vec<String> {
        let heard = self.heard.lock().unwrap();
        let line = |(notice, told): &(Notice, u32)| {
            let over = if notice.over_at.is_some() { "over: " } else { "" };
            format!("{told} {over}{} — {}", notice.title, notice.text)
        };
        heard.iter().map(line).collect()
    }
}

impl Listen for Ear {
    fn hear<'a>(&'a self, message: &'a Message<'a>, _: Timestamp) -> BoxFuture<'a, Delivery> {
        async move {
            let answer = self.answer.lock().unwrap().clone();
            if matches!(answer, Answer::Takes) {
                let heard = (message.notice.clone(), message.told);
                self.heard.lock().unwrap().push(heard);
            }
            match answer {
                Answer::Takes => Delivery::Told,
                Answer::Fails => Delivery::Failed {
                    why: "no route to host".to_owned(),
                    maybe: false,
                    retry_after: None,
                },
                Answer::Refuses => Delivery::Refused {
                    why: "it answered 404: no_service".to_owned(),
                },
                Answer::Hangs => std::future::pending().await,
            }
        }
        .boxed()
    }
}

fn receiver(name: &str, ear: &Ear) -> Arc<Receiver> {
    Arc::new(Receiver {
        name: name.to_owned(),
        kind: Kind::Listener(Arc::new(ear.clone())),
        timeout: Duration::from_secs(10),
    })
}

fn telling(ears: &[(&str, &Ear)]) -> Settings {
    Settings {
        receivers: ears.iter().map(|(name, ear)| receiver(name, ear)).collect(),
        ..Settings::default()
    }
}

fn metric(house: &House, series: &str) -> Option<f64> {
    let text = house.desk.metrics_text(false);
    text.lines()
        .find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

#[tokio::test(start_paused = true)]
async fn a_plan_is_asked_with_its_command_and_its_approval_is_told() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", ASK, telling(&[("chat", &ear)])).await;
    house.all_well().await;
    assert_eq!(ear.all(), Vec::<String>::new(), "nothing is wrong");
    house.play("history-lost:orders-f");
    let plan = house.pending("orders-f").await;
    // Once it has held for as many looks as it must.
    house
        .until("it is asked", 60, async |_| ear.last(Topic::Plan).is_some())
        .await;
    let asked = ear.last(Topic::Plan).unwrap();
    let ask = asked.ask.clone().unwrap();
    assert_eq!(ask.hash, plan.hash);
    assert!(
        ask.approve
            .starts_with(&format!("refollow approve {}", plan.hash)),
        "{}",
        ask.approve
    );
    house.approve(&plan, "ann").await.unwrap();
    house
        .until("it is cured", 900, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
    house.pass(60).await;
    let over = ear.last(Topic::Plan).unwrap();
    assert!(over.over_at.is_some() && over.ask.is_none(), "{:#?}", ear.all());
    assert!(over.text.starts_with("ann approved the plan"), "{}", over.text);
    assert_eq!(over.fingerprint(), asked.fingerprint());
    // Nobody is told beside it that the follower is sick: the plan says it.
    assert_eq!(ear.about(Topic::Follower), [], "{:#?}", ear.all());
    assert_eq!(house.store.outbox().await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn who_only_watches_tells_all_the_same_and_says_that_nothing_is_repaired() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", "", telling(&[("chat", &ear)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
        .until("it is told", 300, async |_| {
            !ear.about(Topic::Follower).is_empty()
        })
        .await;
    let told = ear.last(Topic::Follower).unwrap();
    assert!(told.text.contains("mode observe"), "{}", told.text);
    assert_eq!(told.title, "eu/orders-f needs a person: history_lost");
}

#[tokio::test(start_paused = true)]
async fn eleven_followers_behind_one_remote_are_one_message_and_one_end() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", ASK, telling(&[("chat", &ear)])).await;
    house.many(10).await;
    house.all_well().await;
    house.world.kill_node(Side::Leader);
    house
        .until("it is told", 600, async |_| {
            !ear.about(Topic::Incident).is_empty()
        })
        .await;
    house.pass(600).await;
    let about = ear.about(Topic::Incident);
    assert_eq!(about.len(), 1, "{:#?}", ear.all());
    assert_eq!(ear.about(Topic::Follower), [], "{:#?}", ear.all());
    house.world.start_node(Side::Leader);
    house
        .until("the end is told", 900, async |_| {
            ear.last(Topic::Incident)
                .is_some_and(|notice| notice.over_at.is_some())
        })
        .await;
    let told: Vec<bool> = ear.about(Topic::Incident).iter().map(|(over, _)| *over).collect();
    assert_eq!(told.iter().filter(|over| **over).count(), 1, "{:#?}", ear.all());
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_stops_answering_ends_nothing_that_was_told() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", "", telling(&[("chat", &ear)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
        .until("it is told", 300, async |_| {
            !ear.about(Topic::Follower).is_empty()
        })
        .await;
    house.world.kill_node(Side::Follower);
    house.pass(1_200).await;
    let about = ear.about(Topic::Follower);
    assert!(about.iter().all(|(over, _)| !over), "{:#?}", ear.all());
    let blind = ear.about(Topic::Cluster).len() + ear.about(Topic::Incident).len();
    assert!(blind > 0, "{:#?}", ear.all());
}

#[tokio::test(start_paused = true)]
async fn a_restart_keeps_what_was_told_and_what_is_still_to_be_told() {
    let (chat, pager) = (Ear::new(Answer::Takes), Ear::new(Answer::Fails));
    let settings = || telling(&[("chat", &chat), ("pager", &pager)]);
    let mut house = telling_house("quiet", ASK, settings()).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    let plan = house.pending("orders-f").await;
    house.pass(20).await;
    assert_eq!((chat.count(), pager.count()), (1, 0));
    let waiting = metric(&house, "refollow_notifications_waiting{receiver=\"pager\"}");
    assert_eq!(waiting, Some(1.0));
    house.restart().await;
    pager.answers(Answer::Takes);
    house.pass(700).await;
    assert_eq!(chat.count(), 1, "told once is told: {:#?}", chat.all());
    assert_eq!(pager.count(), 1, "{:#?}", pager.all());
    assert_eq!(pager.last(Topic::Plan).unwrap().ask.unwrap().hash, plan.hash);
    let waiting = metric(&house, "refollow_notifications_waiting{receiver=\"pager\"}");
    assert_eq!(waiting, Some(0.0));
    // Repeated after an hour, to both.
    house.pass(3_700).await;
    assert_eq!((chat.count(), pager.count()), (2, 2), "{:#?}", chat.all());
    // A receiver that is not there any more loses its rows and nothing else.
    house.restart_telling(telling(&[("chat", &chat)])).await;
    house.pass(10).await;
    let rows = house.store.outbox().await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].receiver, "chat");
}

#[tokio::test(start_paused = true)]
async fn killed_between_sending_and_marking_it_is_sent_again_under_the_same_key() {
    let ear = Ear::new(Answer::Hangs);
    let mut house = telling_house("quiet", ASK, telling(&[("chat", &ear)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house.pending("orders-f").await;
    house
        .until("it is being sent", 60, async |house| {
            house
                .store
                .outbox()
                .await
                .unwrap()
                .iter()
                .any(|row| row.tries > 0)
        })
        .await;
    let before = house.store.outbox().await.unwrap().remove(0);
    assert_eq!((before.told, before.told_at), (0, None), "not marked");
    ear.answers(Answer::Takes);
    house.restart().await;
    house.pass(60).await;
    assert_eq!(ear.count(), 1, "{:#?}", ear.all());
    let (again, number) = ear.heard.lock().unwrap()[0].clone();
    assert_eq!((again.fingerprint(), number), (before.notice.fingerprint(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_hangs_holds_up_neither_a_repair_nor_another_receiver() {
    let (deaf, chat) = (Ear::new(Answer::Hangs), Ear::new(Answer::Takes));
    let settings = telling(&[("deaf", &deaf), ("chat", &chat)]);
    let house = telling_house("quiet", AUTO, settings).await;
    house.all_well().await;
    let scope = BrakeScope::parse("follower:eu/nobody").unwrap();
    let brake = BrakeRequest {
        scope,
        reason: "a night in the office".to_owned(),
        length: None,
    };
    house.desk.brake(brake, person("ann")).await.unwrap();
    house.pass(5).await;
    assert_eq!(
        chat.about(Topic::Brake),
        [(false, "brake `follower:eu/nobody` engaged by ann".to_owned())]
    );
    house.play("history-lost:orders-f");
    house
        .until("it is cured", 600, async |house| {
            let runs = house.runs().await;
            runs.iter().any(|run| run.outcome == Some(RunOutcome::Cured))
        })
        .await;
    let failed = "refollow_notifications_total{outcome=\"failed\",receiver=\"deaf\"}";
    assert!(metric(&house, failed).is_some_and(|count| count > 1.0));
    let row = house.store.outbox().await.unwrap();
    let row = row.iter().find(|row| row.receiver == "deaf").unwrap();
    assert!(row.problem.as_ref().unwrap().contains("no answer within"));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_in_the_audit_log_and_not_asked_every_second() {
    let ear = Ear::new(Answer::Refuses);
    let house = telling_house("quiet", ASK, telling(&[("chat", &ear)])).await;
    house.all_well().await;
    std::fs::write(house.directory.path().join("brake-all"), "").unwrap();
    house.pass(300).await;
    let refused: Vec<_> = house
        .audit()
        .await
        .into_iter()
        .filter(|event| event["kind"] == "notification_refused")
        .collect();
    assert_eq!(refused.len(), 1, "{refused:#?}");
    assert_eq!(refused[0]["detail"]["receiver"], "chat");
    let series = "refollow_notifications_total{outcome=\"refused\",receiver=\"chat\"}";
    assert_eq!(metric(&house, series), Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_route_tells_only_whom_it_names_and_a_test_reaches_everybody() {
    let (chat, pager) = (Ear::new(Answer::Takes), Ear::new(Answer::Fails));
    let mut settings = telling(&[("chat", &chat), ("pager", &pager)]);
    settings.routes = vec![refollow::notify::routing::Route {
        clusters: Vec::new(),
        causes: Vec::new(),
        at_least: Severity::Warning,
        receivers: vec!["pager".to_owned()],
        goes_on: false,
    }];
    let house = telling_house("quiet", ASK, settings).await;
    house.all_well().await;
    std::fs::write(house.directory.path().join("brake-all"), "").unwrap();
    pager.answers(Answer::Takes);
    house.pass(30).await;
    assert_eq!(pager.about(Topic::Brake).len(), 1);
    assert_eq!(chat.count(), 0);
    std::fs::remove_file(house.directory.path().join("brake-all")).unwrap();
    house.pass(10).await;
    assert_eq!(pager.about(Topic::Brake).len(), 2, "{:#?}", pager.all());
    pager.answers(Answer::Fails);
    let tried = house
        .desk
        .try_receivers(refollow::http::dto::NotifyTestBody::default(), person("ann"))
        .await
        .unwrap()
        .receivers;
    let said: Vec<(&str, bool)> = tried.iter().map(|one| (one.name.as_str(), one.ok)).collect();
    assert_eq!(said, [("chat", true), ("pager", false)]);
    assert_eq!(tried[1].problem.as_deref(), Some("no route to host"));
    assert_eq!(chat.about(Topic::Test).len(), 1);
    let body = refollow::http::dto::NotifyTestBody {
        receiver: Some("pagr".to_owned()),
    };
    let unknown = house.desk.try_receivers(body, person("ann")).await.unwrap_err();
    assert!(unknown.to_string().contains("no receiver `pagr`"), "{unknown}");
}

#[tokio::test(start_paused = true)]
async fn many_of_one_cause_that_are_no_incident_are_five_messages_and_one_for_the_rest() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", ASK, telling(&[("chat", &ear)])).await;
    house.many(9).await;
    house.all_well().await;
    for number in 0..9 {
        house
            .ask(Side::Leader, Method::Delete, &format!("/l{number:03}"), None)
            .await;
    }
    house.pass(300).await;
    let told = ear.about(Topic::Follower);
    let singles = told.iter().filter(|(_, title)| title.contains("needs a person"));
    assert_eq!(singles.count(), 5, "{:#?}", ear.all());
    let rest: Vec<&String> = told
        .iter()
        .map(|(_, title)| title)
        .filter(|title| title.contains("more followers on eu: leader_deleted"))
        .collect();
    assert!(!rest.is_empty() && rest.len() <= 2, "{:#?}", ear.all());
    assert_eq!(ear.last(Topic::Follower).unwrap().severity, Severity::Critical);
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_was_backed_out_of_leaves_nothing_to_tell_and_a_restart_tells_nothing_twice() {
    let ear = Ear::new(Answer::Takes);
    let mut house = telling_house("quiet", AUTO, telling(&[("chat", &ear)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house
        .until("a run goes on", 300, async |house| !house.runs().await.is_empty())
        .await;
    // A person stops it in its midst, and it puts the follower back.
    std::fs::write(house.directory.path().join("brake-all"), "").unwrap();
    house
        .until("it has ended", 900, async |house| {
            house.runs().await.iter().all(|run| run.outcome.is_some())
        })
        .await;
    house.pass(30).await;
    assert_eq!(house.runs().await[0].outcome, Some(RunOutcome::BackedOut));
    assert_eq!(ear.about(Topic::Run), [], "{:#?}", ear.all());
    assert_eq!(ear.about(Topic::Held), [], "{:#?}", ear.all());
    house.restart().await;
    house.pass(120).await;
    let mut told = ear.all();
    told.sort();
    let count = told.len();
    told.dedup();
    assert_eq!(told.len(), count, "nothing is told twice: {:#?}", ear.all());
}

#[tokio::test(start_paused = true)]
async fn the_last_word_of_a_process_that_leaves_a_follower_held_carries_the_undo_commands() {
    let ear = Ear::new(Answer::Takes);
    let house = telling_house("quiet", AUTO, telling(&[("chat", &ear)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    // Held for a moment only: a resume follows the pause.
    let held = || {
        let sent = house.world.changes();
        let pausing = sent.iter().any(|entry| entry.path.contains("/_ccr/pause_follow"));
        pausing
            && house
                .desk
                .metrics_text(false)
                .lines()
                .any(|line| line.starts_with("refollow_follower_held{"))
    };
    for _ in 0..60_000 {
        if held() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(held(), "{}", house.story().await);
    // Nothing can be put back while the cluster is away.
    house.world.kill_node(Side::Follower);
    let end = house.stop().await;
    assert!(matches!(end, refollow::app::Exit::Unfinished(_)), "{end:?}");
    let last = ear
        .last(Topic::Held)
        .unwrap_or_else(|| panic!("{:#?}", ear.all()));
    assert_eq!(last.severity, Severity::Critical);
    assert!(last.text.contains("curl"), "{}", last.text);
    let rows = house.store.outbox().await.unwrap();
    let row = rows.iter().find(|row| row.notice.topic == Topic::Held).unwrap();
    assert_eq!(row.told, 1, "the next start does not tell it again");
}

#[tokio::test(start_paused = true)]
async fn a_reload_takes_other_receivers_and_keeps_what_is_still_to_be_told() {
    let (chat, pager) = (Ear::new(Answer::Takes), Ear::new(Answer::Refuses));
    let house = telling_house("quiet", ASK, telling(&[("chat", &chat), ("pager", &pager)])).await;
    house.all_well().await;
    house.play("history-lost:orders-f");
    house.until("it is asked", 300, async |_| chat.count() > 0).await;
    house.pass(10).await;
    pager.answers(Answer::Takes);
    house.pass(120).await;
    assert_eq!(pager.count(), 0, "what was refused is not asked again at once");
    // The key was mended, and another receiver was added.
    let late = Ear::new(Answer::Takes);
    house.reload_telling(telling(&[("chat", &chat), ("pager", &pager), ("late", &late)]));
    house.pass(10).await;
    assert_eq!((chat.count(), pager.count(), late.count()), (1, 1, 1));
    house.reload_telling(telling(&[("chat", &chat)]));
    house.pass(10).await;
    let rows = house.store.outbox().await.unwrap();
    let left: Vec<&str> = rows.iter().map(|row| row.receiver.as_str()).collect();
    assert_eq!(left, ["chat"]);
    let text = house.desk.metrics_text(false);
    assert!(!text.contains("receiver=\"pager\""), "its series are gone");
}

/// Over a real database, so in real time.
#[tokio::test]
async fn a_host_that_was_taken_over_from_tells_nobody_and_the_next_one_goes_on_from_the_outbox() {
    let server = match crate::hosts::postgres::shared() {
        Ok(server) => server,
        Err(missing) => return println!("skipped: {missing}"),
    };
    let url = server.database().await;
    let open = async || refollow::store::open(&url).await.unwrap();
    let ear = Ear::new(Answer::Takes);
    let first = open().await;
    let house = telling_house_at(first.clone(), "quiet", telling(&[("chat", &ear)])).await;
    let brake = house.directory.path().join("brake-all");
    std::fs::write(&brake, "").unwrap();
    house
        .until("the brake is told", 20, async |_| {
            !ear.about(Topic::Brake).is_empty()
        })
        .await;
    house.pass(3).await;
    first.give_up().await.unwrap();
    let second = open().await;
    // What the first host sees now it must not tell.
    std::fs::remove_file(&brake).unwrap();
    house.pass(6).await;
    assert_eq!(ear.about(Topic::Brake).len(), 1, "{:#?}", ear.all());
    let next = telling_house_at(second, "quiet", telling(&[("chat", &ear)])).await;
    next.until("its end is told", 20, async |_| {
        ear.about(Topic::Brake).len() == 2
    })
    .await;
    assert!(ear.last(Topic::Brake).unwrap().over_at.is_some());
    house.tasks.cancel();
    next.tasks.cancel();
}
