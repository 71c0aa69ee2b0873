//! The crash matrix: for every kind of plan, everything that can go wrong with its n-th store
//! write and its n-th changing request, for every n until a run gets through; then two of them
//! at once. `FULL=1` (scripts/test) takes 2,000 pairs; `NIGHT=1` every kind with every write, and every pair.

use std::time::Duration;

use fastrand::Rng;
use refollow::domain::cause::Cause;
use refollow::domain::decision::DecisionKind;
use refollow::policy::Mode;
use refollow::sandbox::faults::FaultKind;
use refollow::sandbox::pair::{Side, Version};
use refollow::store::faulty::Side as Landing;

use super::acts::Act;
use super::oracle::violations;
use super::stage::Mishap;
use super::story::{Beat, Story, When, told};

/// One kind of plan: what makes it necessary, and the fewest requests that carry it out.
struct PlanKind {
    name: &'static str,
    version: Version,
    acts: fn() -> Vec<Act>,
    /// It gets through with no fewer.
    requests: u64,
    /// Every request and every write of it is tried in a normal run too.
    thorough: bool,
    mode: Mode,
}

/// To add a kind of plan, add a row.
const KINDS: &[PlanKind] = &[
    PlanKind {
        name: "resume",
        version: Version::V7_7_0,
        acts: || vec![Act::Play(0, 0, "fatal-but-curable")],
        requests: 2,
        thorough: false,
        mode: Mode::Auto,
    },
    PlanKind {
        name: "recreate by history_lost",
        version: Version::V8_10_4,
        acts: || vec![Act::Play(0, 0, "history-lost")],
        requests: 4,
        thorough: false,
        mode: Mode::Auto,
    },
    PlanKind {
        name: "recreate over a lease that lives",
        version: Version::V8_10_4,
        acts: || vec![Act::Play(0, 1, "live-lease")],
        requests: 5,
        thorough: true,
        mode: Mode::Auto,
    },
    PlanKind {
        name: "recreate on 7.7.0, approved",
        version: Version::V7_7_0,
        acts: || vec![Act::Play(0, 1, "live-lease")],
        requests: 5,
        thorough: false,
        mode: Mode::Auto,
    },
    PlanKind {
        name: "restored_not_following after a master change",
        version: Version::V8_10_4,
        acts: || {
            vec![
                Act::Play(0, 0, "history-lost"),
                Act::Requests(0, Side::Follower, FaultKind::MasterChange, "_ccr/follow", true, 1),
            ]
        },
        requests: 5,
        thorough: false,
        mode: Mode::Auto,
    },
    PlanKind {
        name: "side by side",
        version: Version::V8_10_4,
        acts: || vec![Act::Play(0, 0, "history-lost"), Act::Beside(0, 0)],
        requests: 2,
        thorough: false,
        mode: Mode::Ask,
    },
];

fn night() -> bool {
    std::env::var_os("NIGHT").is_some()
}

fn story(kind: &PlanKind) -> Story {
    let mut beats: Vec<Beat> = (kind.acts)()
        .into_iter()
        .map(|act| Beat {
            // Asked for once it is seen what is wrong.
            when: When::At(if matches!(act, Act::Beside(..)) { 140 } else { 70 }),
            act,
        })
        .collect();
    // 7.7.0 asks for every recreate.
    beats.push(Beat {
        when: When::At(170),
        act: Act::Approve,
    });
    Story {
        seed: 7,
        versions: vec![kind.version],
        followers: 2,
        mode: kind.mode,
        poll: Duration::from_secs(20),
        death: None,
        mishaps: Vec::new(),
        blind: None,
        configured: None,
        beats,
        length: 300,
        calm: 1800,
    }
}

/// Plays it; what is broken comes back with its story.
fn play(kind: &PlanKind, story: &Story) -> (u64, u64, Option<String>) {
    let record = told(story, None);
    let found = violations(&record);
    let end = record.ends[0]
        .values()
        .all(refollow::sandbox::witness::Standing::follows);
    let handed = record.runs.iter().any(|run| run.person_must.is_some());
    let mut lines: Vec<String> = found
        .iter()
        .map(|found| format!("{}: {}", found.promise, found.text))
        .collect();
    // Where the daemon died before it had ever seen the follower well, it may not dare to touch it;
    // then a person is asked for what it lacks, by name.
    let told = record
        .words
        .iter()
        .all(|item| item.cause == Cause::None || item.decision == DecisionKind::Alert);
    if !end && !handed && !told {
        lines.push(format!(
            "it does not follow at the end, and no run says what a person must do: {:?}",
            record.words
        ));
    }
    let broken = (!lines.is_empty())
        .then(|| format!("{}\n{story}{}\n{}\n", kind.name, lines.join("\n"), record.story));
    (record.changes, record.writes, broken)
}

/// Plays stories on both cores, and fails with all that broke.
fn all_hold(stories: &[(usize, Story)]) {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let broken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((kind, story)) =
                    stories.get(next.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
                {
                    if let (_, _, Some(text)) = play(&KINDS[*kind], story) {
                        broken.lock().unwrap().push(text);
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    assert!(
        broken.is_empty(),
        "{} of {}:\n{}",
        broken.len(),
        stories.len(),
        broken
            .iter()
            .take(3)
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join("\n")
    );
}

/// Requests and writes of a run that nothing disturbs; and it is a repair.
fn undisturbed(kind: &PlanKind) -> (u64, u64) {
    let (changes, writes, broken) = play(kind, &story(kind));
    assert!(broken.is_none(), "{}", broken.unwrap_or_default());
    assert!(
        changes >= kind.requests,
        "{}: only {changes} changing requests, so nothing was repaired",
        kind.name
    );
    (changes, writes)
}

#[test]
fn whatever_happens_to_one_request_of_any_plan_it_comes_to_a_good_end() {
    let mut stories = Vec::new();
    for (number, kind) in KINDS.iter().enumerate() {
        let (changes, _) = undisturbed(kind);
        for request in 1..=changes {
            for (turn, mishap) in (0..).zip(Mishap::ALL) {
                // By day each request meets a few of them, in turn.
                let today = (turn + request + number as u64).is_multiple_of(4);
                if !(kind.thorough || today || night()) {
                    continue;
                }
                stories.push((
                    number,
                    Story {
                        mishaps: vec![(request, mishap)],
                        ..story(kind)
                    },
                ));
            }
        }
    }
    assert!(stories.len() > 80, "{}", stories.len());
    all_hold(&stories);
}

#[test]
fn killed_at_any_store_write_of_any_plan_it_comes_to_a_good_end() {
    let mut stories = Vec::new();
    for (number, kind) in KINDS.iter().enumerate() {
        let (_, writes) = undisturbed(kind);
        for write in 1..=writes {
            for side in [Landing::Before, Landing::After] {
                let today = kind.thorough && write.is_multiple_of(2) == (side == Landing::Before);
                if today || night() {
                    stories.push((
                        number,
                        Story {
                            death: Some((write, side, 45)),
                            ..story(kind)
                        },
                    ));
                }
            }
        }
    }
    assert!(stories.len() > 30, "{}", stories.len());
    all_hold(&stories);
}

/// Drawn pairs of faults: two requests that fare badly, or one and a death at some write.
fn some_pairs(sizes: &[(u64, u64)], pairs: usize) -> Vec<(usize, Story)> {
    let mut random = Rng::with_seed(11);
    let mut stories = Vec::new();
    for _ in 0..pairs {
        let number = random.usize(0..KINDS.len());
        let (changes, writes) = sizes[number];
        let mut story = story(&KINDS[number]);
        let first = random.u64(1..=changes);
        story.mishaps.push((first, Mishap::ALL[random.usize(0..10)]));
        if random.bool() {
            let side = if random.bool() {
                Landing::Before
            } else {
                Landing::After
            };
            story.death = Some((random.u64(1..=writes), side, 45));
        } else {
            let second = first + random.u64(1..4);
            story.mishaps.push((second, Mishap::ALL[random.usize(0..10)]));
        }
        stories.push((number, story));
    }
    stories
}

/// Every pair of faults of every kind of plan.
fn every_pair(sizes: &[(u64, u64)]) -> Vec<(usize, Story)> {
    let mut stories = Vec::new();
    for (number, &(changes, writes)) in sizes.iter().enumerate() {
        let firsts = (1..=changes).flat_map(|at| Mishap::ALL.map(|mishap| (at, mishap)));
        for first in firsts {
            let with_first = || {
                let mut story = story(&KINDS[number]);
                story.mishaps.push(first);
                story
            };
            // A request that fares badly may be sent again: more of them than without a fault.
            let seconds = (first.0 + 1..=changes + 2).flat_map(|at| Mishap::ALL.map(|mishap| (at, mishap)));
            for second in seconds {
                let mut story = with_first();
                story.mishaps.push(second);
                stories.push((number, story));
            }
            for write in 1..=writes {
                for side in [Landing::Before, Landing::After] {
                    let mut story = with_first();
                    story.death = Some((write, side, 45));
                    stories.push((number, story));
                }
            }
        }
    }
    stories
}

#[test]
fn two_faults_in_one_run_come_to_a_good_end_too() {
    let sizes: Vec<(u64, u64)> = KINDS.iter().map(undisturbed).collect();
    let stories = if night() {
        every_pair(&sizes)
    } else {
        let full = std::env::var_os("FULL").is_some();
        some_pairs(&sizes, if full { 2000 } else { 40 })
    };
    all_hold(&stories);
}

#[test]
fn whatever_happens_to_the_marker_when_it_is_set_or_taken_back_the_repair_comes_to_a_good_end() {
    let kind = &KINDS[0];
    let at = |second, act| Beat {
        when: When::At(second),
        act,
    };
    let mut stories = Vec::new();
    for mishap in Mishap::ALL.map(Some).into_iter().chain([None]) {
        // When the first run sets it.
        let mut setting = story(kind);
        setting.beats.push(at(60, Act::Marker(mishap)));
        stories.push((0, setting));
        // When a daemon that stops takes it back; what breaks next is repaired by the one after it.
        let mut taking = story(kind);
        taking.length = 500;
        taking.beats.extend([
            at(200, Act::Marker(mishap)),
            at(210, Act::Stop(20)),
            at(300, Act::Play(0, 1, "fatal-but-curable")),
        ]);
        stories.push((0, taking));
    }
    all_hold(&stories);
    // The requests were there to go wrong.
    let (_, last) = stories.last().unwrap();
    let record = told(last, None);
    let marks: Vec<String> = record.logs[0]
        .iter()
        .filter(|entry| entry.changes && entry.path.starts_with("/_cluster/settings"))
        .map(|entry| entry.body.to_string())
        .collect();
    let taken = marks.iter().filter(|body| body.contains("null")).count();
    assert!(taken >= 1 && marks.len() > taken, "{marks:?}");
}
