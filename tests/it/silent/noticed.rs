//! The table of silent causes: what happens, and within which time the verdict stands.

use std::time::Duration;

use refollow::domain::cause::{Approval, Cause, Remedy};
use refollow::domain::state::State;
use refollow::elastic::transport::Method;
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::load::Load;
use refollow::sandbox::pair::{Side, Version};
use serde_json::json;

use super::support::{Course, Setup, Watch, watch, watch_as};

/// One silent failure.
pub struct Row {
    /// What breaks it; played in this order, a minute apart, and measured from the last.
    pub scenarios: &'static [&'static str],
    /// On which versions; both where nothing differs.
    pub versions: &'static [Version],
    /// Whom.
    pub follower: &'static str,
    /// The verdict.
    pub cause: Cause,
    /// What the follower may be doing while it stands.
    pub states: &'static [State],
    /// Its ladder.
    pub ladder: &'static [Remedy],
    /// Its approval.
    pub approval: Approval,
    /// It stands after so many seconds at the latest: looks every 15 s, leaders every 60 s, each
    /// a tenth earlier or later, writes every 2 s.
    pub within: u64,
    /// What the one-line message must say.
    pub says: &'static str,
}

const BOTH: &[Version] = &[Version::V7_7_0, Version::V8_10_4];
const OLD: &[Version] = &[Version::V7_7_0];
const NEW: &[Version] = &[Version::V8_10_4];

/// One look, two looks, three looks; one look at the leader.
const ONE_LOOK: u64 = 17;
const TWO_LOOKS: u64 = 34;
const THREE_LOOKS: u64 = 51;
const LEADER_LOOK: u64 = 67;
/// A follower's turn to be counted comes in 20 minutes and falls on a slow beat, then three more
/// slow beats: the suspicion and two counts. A slow beat (60 s) falls on a look (15 s), and both
/// may be a tenth late: 82.5 s. 1,200 + 4 x 82.5 = 1,530 s.
const COUNTED: u64 = 26 * 60;
/// Three poll timeouts of a minute, and a look.
const STALLED: u64 = 180 + ONE_LOOK;

const fn row(scenarios: &'static [&'static str], cause: Cause, within: u64, says: &'static str) -> Row {
    Row {
        scenarios,
        versions: BOTH,
        follower: "payments-f",
        cause,
        states: &[State::Retrying],
        ladder: &[Remedy::Human],
        approval: Approval::Never,
        within,
        says,
    }
}

const HUMAN_THEN_RECREATE: &[Remedy] = &[Remedy::Human, Remedy::Recreate];

/// Every silent failure that breaks a running follower.
pub const TABLE: &[Row] = &[
    Row {
        states: &[State::Retrying, State::Following],
        ladder: HUMAN_THEN_RECREATE,
        approval: Approval::Always,
        ..row(
            &["leader-replaced:payments-f"],
            Cause::LeaderReplaced,
            TWO_LOOKS,
            "leader_replaced (settings.index.uuid = ",
        )
    },
    Row {
        states: &[State::Fatal],
        ladder: HUMAN_THEN_RECREATE,
        approval: Approval::Always,
        ..row(
            &["leader-replaced-seen:payments-f"],
            Cause::LeaderReplaced,
            TWO_LOOKS,
            "is fatal: leader_replaced (settings.index.uuid = ",
        )
    },
    Row {
        versions: OLD,
        follower: "mail-f",
        states: &[State::Following],
        ladder: HUMAN_THEN_RECREATE,
        approval: Approval::Always,
        ..row(
            &[
                "leader-snapshot:mail-f",
                "leader-written:mail-f",
                "leader-restored:mail-f",
            ],
            Cause::LeaderRewound,
            LEADER_LOOK,
            "is following: leader_rewound (indices.*.shards.0[primary].commit.user_data.history_uuid = ",
        )
    },
    Row {
        versions: NEW,
        follower: "mail-f",
        states: &[State::Following, State::Retrying, State::Fatal],
        ladder: HUMAN_THEN_RECREATE,
        approval: Approval::Always,
        ..row(
            &[
                "leader-snapshot:mail-f",
                "leader-written:mail-f",
                "leader-restored:mail-f",
            ],
            Cause::LeaderRewound,
            LEADER_LOOK,
            "leader_rewound (indices.*.shards.0[primary].commit.user_data.history_uuid = ",
        )
    },
    row(
        &["follower-blocked:payments-f"],
        Cause::FollowerBlocked,
        THREE_LOOKS,
        "follower_blocked (settings.index.blocks.write = true, from eu: GET /",
    ),
    row(
        &["follower-read-only:payments-f"],
        Cause::FollowerBlocked,
        THREE_LOOKS,
        "follower_blocked (settings.index.blocks.read_only = true",
    ),
    row(
        &["follower-flooded:payments-f"],
        Cause::FollowerBlocked,
        THREE_LOOKS,
        "follower_blocked (settings.index.blocks.read_only_allow_delete = true",
    ),
    Row {
        states: &[State::Closed],
        ..row(
            &["follower-closed:payments-f"],
            Cause::FollowerClosed,
            THREE_LOOKS,
            "is closed: follower_closed (",
        )
    },
    Row {
        states: &[State::Stalled],
        ladder: &[Remedy::Wait, Remedy::Human],
        ..row(
            &["tasks-unassigned:payments-f"],
            Cause::TaskUnassigned,
            ONE_LOOK,
            "is stalled: task_unassigned (indices = (it is not listed)",
        )
    },
    Row {
        states: &[State::Stalled],
        ladder: &[Remedy::Wait, Remedy::Human],
        ..row(
            &["shard-unassigned:payments-f"],
            Cause::TaskUnassigned,
            ONE_LOOK,
            "is stalled: task_unassigned (shards = 2 of 3 shards are listed",
        )
    },
    Row {
        states: &[State::Missing],
        ..row(
            &["follower-deleted:payments-f"],
            Cause::Missing,
            ONE_LOOK,
            "is missing: missing (error.type = index_not_found_exception, from eu: GET /payments-f/_ccr/info)",
        )
    },
    Row {
        states: &[State::Missing],
        ..row(
            &["unfollowed:payments-f"],
            Cause::Unfollowed,
            ONE_LOOK,
            "is missing: unfollowed (follower_indices = (it is not listed), from eu: GET /payments-f/_ccr/info)",
        )
    },
    Row {
        ladder: &[Remedy::Wait, Remedy::Resume],
        approval: Approval::Policy,
        ..row(
            &["remote-down"],
            Cause::RemoteUnreachable,
            ONE_LOOK,
            "remote eu/lead unreachable",
        )
    },
    Row {
        states: &[State::Stalled],
        ladder: &[Remedy::Resume, Remedy::Human],
        approval: Approval::Policy,
        ..row(
            &["stalled:payments-f"],
            Cause::Stalled,
            STALLED,
            "is stalled: stalled (shards[0].time_since_last_read_millis = ",
        )
    },
    Row {
        follower: "mail-f",
        states: &[State::Following],
        ..row(
            &["diverged:mail-f"],
            Cause::Diverged,
            COUNTED,
            "is following: diverged (count = 90, from us: GET /mail/_count)",
        )
    },
];

/// A daemon over the fourteen followers of `quiet`, of whose leaders `payments` is written to.
async fn written_to(version: Version) -> Watch {
    let watch = watch(version, "quiet").await;
    watch.world.with(|state| {
        let mut load = Load::every(Duration::from_secs(2), state.pair.now_ms());
        load.add("payments", 30, 400);
        state.load = load;
    });
    watch.pass(Duration::from_mins(1)).await;
    watch
}

/// Plays a row and holds what came of it against it. The jitter of the looks is drawn from the
/// seed, so that a row that fails fails again.
async fn hold(version: Version, row: &Row, seed: u64) {
    fastrand::seed(seed);
    let watch = written_to(version).await;
    let (last, before) = row.scenarios.split_last().unwrap();
    for scenario in before {
        watch.play(scenario);
        watch.pass(Duration::from_mins(1)).await;
    }
    watch.play(last);
    // Two minutes beyond the bound: it must stand.
    let course = watch
        .course(row.follower, Duration::from_secs(row.within + 120))
        .await;
    let what = format!("{version:?} {last}, seed {seed}: {course:#?}");
    assert_eq!(course.cause(), row.cause, "{what}");
    assert!(course.noticed <= Duration::from_secs(row.within), "{what}");
    assert!(row.states.contains(&course.verdicts.last().unwrap().0), "{what}");
    assert_eq!(course.ladder(), row.ladder, "{what}");
    assert_eq!(course.approval(), Some(row.approval), "{what}");
    assert!(course.sentence.contains(row.says), "{what}");
    // Nobody else is given a verdict for it, but those who share the remote.
    let others = watch
        .followers()
        .into_iter()
        .filter(|item| item.index.as_str() != row.follower && item.cause != Cause::None);
    for other in others {
        assert_eq!(other.cause, Cause::RemoteUnreachable, "{last}: {other:?}");
    }
}

/// Both versions are a test of their own, so that they share the time.
async fn hold_all(version: Version) {
    // Some jitters meet a moment in which several followers are asked in one list, some do not.
    let seeds = std::env::var("JITTERS").map_or(1, |text| text.parse().unwrap());
    for seed in 0..seeds {
        for row in TABLE.iter().filter(|row| row.versions.contains(&version)) {
            hold(version, row, seed).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_silent_cause_is_noticed_in_its_time_on_7_7() {
    hold_all(Version::V7_7_0).await;
}

#[tokio::test(start_paused = true)]
async fn every_silent_cause_is_noticed_in_its_time_on_8_10() {
    hold_all(Version::V8_10_4).await;
}

fn causes(course: &Course) -> Vec<Cause> {
    course.verdicts.iter().map(|(_, cause)| *cause).collect()
}

#[tokio::test(start_paused = true)]
async fn a_replaced_leader_is_retried_without_end_and_never_fatal_and_never_called_well_again() {
    for version in [Version::V7_7_0, Version::V8_10_4] {
        let watch = written_to(version).await;
        watch.play("leader-replaced:payments-f");
        watch.pass(Duration::from_mins(1)).await;
        let course = watch.course("payments-f", Duration::from_mins(15)).await;
        assert_eq!(causes(&course), [Cause::LeaderReplaced], "{course:#?}");
        assert_eq!(course.verdicts[0].0, State::Retrying);
    }
}

#[tokio::test(start_paused = true)]
async fn a_restored_leader_that_grows_past_its_follower_makes_it_fatal_and_stays_rewound() {
    for version in [Version::V7_7_0, Version::V8_10_4] {
        let watch = written_to(version).await;
        for scenario in ["leader-snapshot", "leader-written", "leader-restored"] {
            watch.play(&format!("{scenario}:mail-f"));
            watch.pass(Duration::from_mins(2)).await;
        }
        assert_eq!(watch.follower("mail-f").cause, Cause::LeaderRewound);
        watch.play("leader-written:mail-f");
        watch.play("leader-written:mail-f");
        let course = watch.course("mail-f", Duration::from_mins(2)).await;
        assert_eq!(causes(&course).last(), Some(&Cause::LeaderRewound), "{course:#?}");
        assert_eq!(course.verdicts.last().unwrap().0, State::Fatal);
        assert_eq!(course.ladder(), HUMAN_THEN_RECREATE);
    }
}

#[tokio::test(start_paused = true)]
async fn a_declared_follower_that_never_came_is_missing_after_one_look() {
    for version in [Version::V7_7_0, Version::V8_10_4] {
        let watch = watch_as(Setup {
            declared: vec!["never-f", "mail-f"],
            ..Setup::of(version, "quiet")
        })
        .await;
        let story = watch.story("never-f", "judged").await;
        assert_eq!(story.len(), 1, "{story:?}");
        assert!(story[0].contains("is missing: missing ("), "{story:?}");
        assert_eq!(watch.follower("mail-f").cause, Cause::None);
        assert_eq!(watch.why("never-f").await.approval, Some(Approval::Never));
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_only_we_cannot_reach_makes_nobody_sick_and_nothing_is_recreated() {
    for version in [Version::V7_7_0, Version::V8_10_4] {
        let watch = written_to(version).await;
        watch
            .world
            .add_fault(Fault::new(FaultKind::Refuse).on(Side::Leader));
        let course = watch.course("payments-f", Duration::from_mins(12)).await;
        assert_eq!(course.verdicts, [(State::Following, Cause::None)], "{course:#?}");
        assert_eq!(course.why.follower.runway_expires_at, None);
        // What then breaks may be resumed; without a word of the leader nothing proves that a
        // recreate would bring back the same documents.
        watch.play("history-lost:payments-f");
        let course = watch.course("payments-f", Duration::from_mins(5)).await;
        assert_eq!(course.cause(), Cause::HistoryLost, "{course:#?}");
        assert_eq!(course.ladder(), [Remedy::Resume, Remedy::Human]);
        assert_eq!(course.approval(), Some(Approval::Never));
    }
}

#[tokio::test(start_paused = true)]
async fn a_remote_that_is_reachable_again_and_a_block_that_is_gone_leave_nothing_behind() {
    let watch = written_to(Version::V8_10_4).await;
    watch.play("remote-down");
    watch.pass(Duration::from_mins(10)).await;
    assert_eq!(watch.follower("payments-f").cause, Cause::RemoteUnreachable);
    watch.play("remote-up");
    let course = watch.course("payments-f", Duration::from_mins(4)).await;
    assert_eq!(
        course.verdicts.last(),
        Some(&(State::Following, Cause::None)),
        "{course:#?}"
    );
    watch.play("follower-flooded:payments-f");
    watch.pass(Duration::from_mins(5)).await;
    assert_eq!(watch.follower("payments-f").cause, Cause::FollowerBlocked);
    let free = json!({"index.blocks.read_only_allow_delete": null});
    watch
        .done(Side::Follower, Method::Put, "/payments-f/_settings", Some(free))
        .await;
    let course = watch.course("payments-f", Duration::from_mins(4)).await;
    assert_eq!(
        course.verdicts.last(),
        Some(&(State::Following, Cause::None)),
        "{course:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_difference_of_documents_says_how_sure_it_is_and_leaves_when_it_is_gone() {
    let watch = written_to(Version::V8_10_4).await;
    watch.play("diverged:mail-f");
    watch.pass(Duration::from_secs(COUNTED)).await;
    let why = watch.why("mail-f").await;
    let sure = why.evidence.iter().find(|one| one.field == "how sure").unwrap();
    assert!(
        sure.value.starts_with("counted by search on both sides"),
        "{sure:?}"
    );
    // It stays one verdict for half an hour, and the sides are not counted more than they must be.
    let before = watch.world.requests().len();
    let course = watch.course("mail-f", Duration::from_mins(30)).await;
    assert_eq!(causes(&course), [Cause::Diverged], "{course:#?}");
    let counts = watch.world.requests()[before..]
        .iter()
        .filter(|entry| entry.path == "/mail-f/_count")
        .count();
    assert!((20..=38).contains(&counts), "{counts}");
}
