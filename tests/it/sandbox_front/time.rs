//! Restores, deadlines and pushed clocks.

use std::time::Duration;

use refollow::elastic::transport::{Method, Transport as _, TransportError};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::world::Event;

use super::{FOLLOW, VERSIONS, follow_body, get, request, status_of, world};

#[tokio::test(start_paused = true)]
async fn a_slow_restore_completes_although_the_deadline_of_the_client_passed() {
    for version in VERSIONS {
        let world = world(version, "quiet");
        world.with(|state| state.pair.set_restore_rate(Some(300)));
        let mut put = request(Method::Put, FOLLOW, Some(&follow_body()));
        put.deadline = Duration::from_secs(2);
        let answer = MemoryTransport::new(&world, Side::Follower).send(put).await;
        assert!(matches!(
            answer.unwrap_err(),
            TransportError::Deadline { sent: true, .. }
        ));
        assert_eq!(status_of(&world, "mail-f2").await, "paused");
        tokio::time::sleep(Duration::from_hours(1)).await;
        assert_eq!(status_of(&world, "mail-f2").await, "active");
        assert_eq!(
            world.with(|state| state.pair.documents_digest(Side::Follower, "mail-f2")),
            world.with(|state| state.pair.documents_digest(Side::Leader, "mail")),
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_pushed_clock_wakes_who_waits_for_a_restore() {
    let world = world(Version::V8_10_4, "quiet");
    world.with(|state| state.pair.set_restore_rate(Some(1)));
    let before = tokio::time::Instant::now();
    let mut put = request(Method::Put, FOLLOW, Some(&follow_body()));
    put.deadline = Duration::from_hours(1);
    let transport = MemoryTransport::new(&world, Side::Follower);
    let push = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        world.with(|state| state.pair.set_restore_rate(None));
        world.advance(Duration::from_mins(10));
    };
    let (answer, ()) = tokio::join!(transport.send(put), push);
    assert_eq!(answer.unwrap().status, 200);
    assert!(before.elapsed() < Duration::from_mins(1));
}

#[tokio::test(start_paused = true)]
async fn what_is_scheduled_happens_in_the_order_of_time_also_when_the_clock_jumps() {
    let world = world(Version::V8_10_4, "quiet");
    world.kill_node(Side::Leader);
    world.schedule(Duration::from_secs(90), Event::BreakLink(true));
    world.schedule(Duration::from_secs(30), Event::StartNode(Side::Leader));
    world.advance(Duration::from_mins(1));
    assert!(world.reachable(Side::Leader));
    world.advance(Duration::from_mins(10));
    let (_, remote) = get(&world, Side::Follower, "/_remote/info").await;
    assert_eq!(remote["lead"]["connected"], false);
}
