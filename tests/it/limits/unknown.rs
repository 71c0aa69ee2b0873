//! Questions about what does not exist: each is answered, and none holds the daemon up.

use std::sync::Arc;
use std::time::Duration;

use refollow::app::desk::Desk;
use refollow::http::dto::{Caller, Daemon as _, RecreateBody};

use super::support::{AUTO, house, key, person};

/// In a thread of its own, because a question that never ends must not take the test along.
fn is_refused(desk: &Desk, ask: impl FnOnce(Desk) -> bool + Send + 'static) -> bool {
    let own = Desk(Arc::clone(&desk.0));
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || tell.send(ask(own)));
    told.recv_timeout(Duration::from_secs(20)) == Ok(true)
}

fn now<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(work)
}

#[tokio::test(start_paused = true)]
async fn an_unknown_follower_is_refused_by_every_question() {
    // `evidence` took the book twice and stopped the whole daemon (found by schemathesis).
    let house = house("empty", AUTO).await;
    let nobody = || key("nobody");
    let who = || -> Caller { person("anna") };
    let desk = &house.desk;
    assert!(is_refused(desk, move |desk| now(desk.evidence(nobody())).is_err()));
    assert!(is_refused(desk, move |desk| now(desk.why(nobody())).is_err()));
    assert!(is_refused(desk, move |desk| now(desk.plan_now(nobody())).is_err()));
    let wished = move |desk: Desk| now(desk.plan_wished(nobody(), who(), RecreateBody::default())).is_err();
    assert!(is_refused(desk, wished));
    let recreate = move |desk: Desk| now(desk.recreate(nobody(), who(), RecreateBody::default())).is_err();
    assert!(is_refused(desk, recreate));
}
