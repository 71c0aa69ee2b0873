//! Two daemons over one state in a real PostgreSQL: one works, one stands by, and whatever happens to
//! the first, the second ends what it began, and nothing is done twice.

#![expect(clippy::disallowed_methods, reason = "the cut link has no daemon's tasks")]

use std::time::Duration;

use rustix::process::Signal;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::hosts::postgres::{Server, shared};

use super::{Daemon, GLANCE, KILL_VARIABLE, MINUTE_VARIABLE, PATIENCE, Rig, until};

/// See `app::testing`.
const TENURE: (&str, &str) = ("REFOLLOW_TEST_TENURE_MS", "1500");
/// See `app::testing`.
const FREEZE_VARIABLE: &str = "REFOLLOW_TEST_FREEZE_AT_JOURNAL_WRITE";
const MINUTE: (&str, &str) = (MINUTE_VARIABLE, "1500");
/// What breaks the follower: see `killed`.
const BREAKAGE: &str = "live-lease:orders-f";
/// Journal writes of one recreate at which the first host fails: an opening, intents, answers and
/// proofs are among them. `NIGHT=1` takes every one.
const MOMENTS: &[u64] = &[1, 3, 4, 11, 14, 17, 20];
/// Trials at a time.
const AT_A_TIME: usize = 3;

fn moments() -> Vec<u64> {
    if std::env::var_os("NIGHT").is_some() {
        (1..=28).collect()
    } else {
        MOMENTS.to_vec()
    }
}

/// A way to the database that can be cut.
struct Link {
    port: u16,
    up: watch::Sender<bool>,
}

impl Link {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (up, seen) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut seen = seen.clone();
                tokio::spawn(async move {
                    if !*seen.borrow_and_update() {
                        // A partition answers nothing.
                        return seen.changed().await.map_or((), |()| drop(near));
                    }
                    let Ok(mut far) = TcpStream::connect(("127.0.0.1", port)).await else {
                        return;
                    };
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        // Nothing passes any more, and nobody is told.
                        _ = seen.changed() => while seen.changed().await.is_ok() {},
                    }
                });
            }
        });
        Self { port: own, up }
    }

    fn cut(&self) {
        self.up.send_replace(false);
    }
}

struct Hosts {
    rig: Rig,
    first: Daemon,
    second: Daemon,
    link: Link,
    _server: std::sync::Arc<Server>,
}

/// The first works and knows the follower, the second stands by.
async fn two(environment: &[(&str, &str)]) -> Result<Hosts, String> {
    let server = shared()?;
    let url = server.database().await;
    let link = Link::to(server.port).await;
    let rig = Rig::new("auto").await;
    let configuration = rig.configuration("auto");
    let sqlite = format!("sqlite://{}/refollow.db", rig.directory.path().display());
    let undo = format!("\nundo_directory = \"{}/undo\"", rig.directory.path().display());
    let brake = format!("\nbrake_file = \"{}/brake-all\"", rig.directory.path().display());
    let over =
        |url: &str| configuration.replace(&format!("\"{sqlite}\""), &format!("\"{url}\"{undo}{brake}"));
    let near = url.replace(&format!(":{}/", server.port), &format!(":{}/", link.port));
    std::fs::write(rig.path("refollow.toml"), over(&near)).unwrap();
    let all: Vec<(&str, &str)> = [TENURE, MINUTE]
        .into_iter()
        .chain(environment.iter().copied())
        .collect();
    let first = rig.start_and_know("first-host", &all).await;
    std::fs::write(rig.path("refollow.toml"), over(&url)).unwrap();
    let second = rig.start_at("second.sock", "second-host", &[TENURE, MINUTE]);
    until("the second stands by", async || {
        second.said().contains("standing by on").then_some(())
    })
    .await;
    Ok(Hosts {
        rig,
        first,
        second,
        link,
        _server: server,
    })
}

impl Hosts {
    /// The second host has taken over and the follower follows again, all of its own back.
    async fn second_ends_it(&mut self, point: &str) {
        until(&format!("{point}: the second takes over"), async || {
            self.second.said().contains("the state is ours").then_some(())
        })
        .await;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let runs = self.second.get_json("/api/v1/runs").await;
            let ended = runs["runs"]
                .as_array()
                .is_some_and(|runs| !runs.is_empty() && runs.iter().all(|run| !run["outcome"].is_null()));
            if ended && self.rig.equal() && self.second.is_well().await {
                break;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "{point}: not cured: {runs}\n{}\n{}",
                self.first.said(),
                self.second.said()
            );
            tokio::time::sleep(GLANCE).await;
        }
        self.rig.assert_all_is_back();
        self.rig.assert_looked_between_follows();
    }

    /// Nothing that changes a cluster comes from the first any more, and it ends by itself.
    async fn first_does_nothing_more(&mut self, point: &str, before: usize) {
        let code = self.first.ended().await;
        let said = self.first.said();
        assert!(said.contains("another host has taken over"), "{point}: {said}");
        assert_ne!(code, Some(0), "{point}: {said}");
        let after = self.rig.changes();
        assert_eq!(after.len(), before, "{point}: {:?}\n{said}", &after[before..]);
    }
}

#[expect(clippy::print_stdout, reason = "a test that could not run says so")]
async fn at_each_moment(trial: impl AsyncFn(u64) -> Result<(), String>) {
    let places = tokio::sync::Semaphore::new(AT_A_TIME);
    let trials = moments().into_iter().map(async |write| {
        let _place = places.acquire().await.unwrap();
        trial(write).await
    });
    let ends: Vec<Result<(), String>> = futures::future::join_all(trials).await;
    if let Some(Err(missing)) = ends.into_iter().find(Result::is_err) {
        println!("skipped: {missing}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_first_host_is_killed_the_second_ends_its_run() {
    at_each_moment(async |write| {
        let at = format!("{write}:after");
        let mut hosts = two(&[(KILL_VARIABLE, &at)]).await?;
        hosts.rig.break_follower_by(BREAKAGE);
        let point = format!("killed at journal write {write}");
        let code = hosts.first.ended().await;
        assert_eq!(code, None, "{point}: {}", hosts.first.said());
        hosts.second_ends_it(&point).await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_the_first_host_freezes_it_does_nothing_when_it_wakes() {
    at_each_moment(async |write| {
        let at = write.to_string();
        let mut hosts = two(&[(FREEZE_VARIABLE, &at)]).await?;
        hosts.rig.break_follower_by(BREAKAGE);
        let point = format!("frozen at journal write {write}");
        hosts.second_ends_it(&point).await;
        let before = hosts.rig.changes().len();
        hosts.first.signal(Signal::CONT);
        hosts.first_does_nothing_more(&point, before).await;
        Ok(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_does_not_reach_the_database_stops_acting_and_another_takes_over() {
    let mut hosts = match two(&[]).await {
        Ok(hosts) => hosts,
        Err(missing) => return println!("skipped: {missing}"),
    };
    hosts.link.cut();
    hosts.rig.break_follower_by(BREAKAGE);
    hosts.second_ends_it("cut off from the database").await;
    // It cannot know who took over; it goes on looking and says why it does not act.
    let said = hosts.first.said();
    assert!(said.contains("could not be renewed"), "{said}");
    let well = hosts.first.is_well();
    assert!(tokio::time::timeout(Duration::from_secs(30), well).await.is_ok());
    let sent = hosts.rig.changes();
    let closes = sent.iter().filter(|entry| entry.path.contains("/_close")).count();
    assert_eq!(closes, 1, "{sent:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_told_to_stop_hands_over_at_once() {
    let mut hosts = match two(&[]).await {
        Ok(hosts) => hosts,
        Err(missing) => return println!("skipped: {missing}"),
    };
    hosts.first.signal(Signal::TERM);
    assert_eq!(hosts.first.ended().await, Some(0), "{}", hosts.first.said());
    hosts.rig.break_follower_by(BREAKAGE);
    hosts.second_ends_it("after a clean stop").await;
    hosts.second.signal(Signal::TERM);
    assert_eq!(hosts.second.ended().await, Some(0), "{}", hosts.second.said());
}
