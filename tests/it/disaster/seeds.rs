//! Stories drawn from a seed.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use refollow::domain::brake::BrakeScope;
use refollow::domain::journal::RunOutcome;
use refollow::policy::Mode;
use refollow::sandbox::faults::FaultKind;
use refollow::sandbox::pair::{Side, Version};
use refollow::store::faulty::Side as Landing;

use super::acts::{Act, Deed1, Tune};
use super::oracle::{Record, violations};
use super::stage::{Mishap, Moment};
use super::story::{Beat, Story, When, shortest, told};

/// Seeds of a normal `cargo test`, about half a second of CPU each; `SEEDS=10000` for a night.
const SEEDS: u64 = 300;

fn pick<T: Clone>(random: &mut Rng, from: &[T]) -> T {
    from[random.usize(0..from.len())].clone()
}

fn side(random: &mut Rng) -> Side {
    pick(random, &[Side::Leader, Side::Follower])
}

/// Something that makes a follower sick, so that there is something to repair.
fn sickness(random: &mut Rng, pair: usize, follower: usize) -> Act {
    match random.u8(0..10) {
        0..=3 => Act::Play(pair, follower, "history-lost"),
        4 | 5 => Act::Play(pair, follower, "live-lease"),
        6 | 7 => Act::Play(pair, follower, "fatal-but-curable"),
        8 => Act::Play(pair, follower, "restored-but-paused"),
        _ => Act::AllFatal(pair),
    }
}

fn fault(random: &mut Rng, pair: usize) -> Act {
    let kind = pick(
        random,
        &[
            FaultKind::LoseAnswer,
            FaultKind::Hang,
            FaultKind::Slow,
            FaultKind::Proxy,
            FaultKind::TooManyRequests,
            FaultKind::Garbage,
            FaultKind::MasterChange,
            FaultKind::Refuse,
            FaultKind::Unauthorized,
            FaultKind::NotElasticsearch,
        ],
    );
    let path = pick(
        random,
        &[
            "pause_follow",
            "resume_follow",
            "_close",
            "_open",
            "forget_follower",
            "_ccr/follow",
            "_settings",
            "_cluster/state",
            "_stats",
            "_ccr",
            "/",
        ],
    );
    Act::Requests(pair, side(random), kind, path, random.bool(), random.u32(1..5))
}

fn accident(random: &mut Rng, pair: usize, follower: usize) -> Act {
    let scope = pick(
        random,
        &[BrakeScope::All, BrakeScope::Recreate, BrakeScope::Resume],
    );
    match random.u8(0..38) {
        0 => Act::LinkBreaks(pair),
        1 => Act::LinkHeals(pair),
        2 => Act::NodeDies(pair, side(random), random.u32(5..400)),
        3 => Act::NodeDies(pair, Side::Follower, random.u32(5..60)),
        4 => Act::MasterChanges(pair, Side::Follower),
        5 => Act::DiskFills(pair, Side::Follower),
        6 => Act::DiskFrees(pair, Side::Follower),
        7 => Act::LeaderRewound(pair, follower),
        8 => Act::AliasRepointed(pair),
        9 => Act::AliasRestored(pair),
        10 => Act::LeaderNearItsEnd(pair, follower),
        11 => Act::Written(pair, follower),
        12 => Act::RestoreRate(pair, pick(random, &[0, 1, 40, 200])),
        13 => Act::AllFatal(pair),
        14..=16 => fault(random, pair),
        17 => Act::DeliveredTwice,
        18 => Act::ClockSet(pick(random, &[-7200, -90, 90, 3600, 86_400])),
        19 => Act::Approve,
        20 => Act::Reject,
        21 => Act::Brake(scope),
        22 => Act::Release(scope),
        23 => Act::Reload(random.bool()),
        24 => Act::Kill(pick(random, &[1, 60, 600, 7200, 50_000])),
        25 => Act::Stop(pick(random, &[1, 60, 600, 7200])),
        26 => Act::Abort,
        27 => Act::Play(pair, follower, "leader-deleted"),
        28 => Act::Play(pair, follower, "leader-replaced"),
        29 => Act::Play(pair, follower, "leader-closed"),
        30 => Act::Play(pair, follower, "leader-opened"),
        31 => Act::Play(pair, follower, "history-lost"),
        32..=34 => Act::Retune(pick(random, &Tune::ALL)),
        35 => Act::SecondDaemon,
        _ => {
            let what = pick(
                random,
                &[
                    Deed1::Pauses,
                    Deed1::Pauses,
                    Deed1::Closes,
                    Deed1::Unfollows,
                    Deed1::TakesUpAgain,
                    Deed1::BlocksWrites,
                ],
            );
            Act::Person(pair, follower, what)
        }
    }
}

/// The story of a seed. A long one has more followers, remotes and hours.
pub fn story_of(seed: u64, long: bool) -> Story {
    let mut random = Rng::with_seed(seed);
    let pairs = if long {
        random.usize(2..4)
    } else {
        1 + usize::from(seed % 4 == 3)
    };
    let versions = (0..pairs)
        .map(|_| {
            pick(
                &mut random,
                &[Version::V7_7_0, Version::V8_10_4, Version::V8_10_4],
            )
        })
        .collect();
    let followers = if long { random.usize(3..8) } else { 3 };
    let length = if long { 6 * 3600 } else { 9 * 60 };
    let mode = match seed % 20 {
        0 => Mode::Observe,
        1 | 2 => Mode::Ask,
        _ => Mode::Auto,
    };
    let mut beats = Vec::new();
    let sick = random.usize(1..if long { 8 } else { 3 });
    for _ in 0..sick {
        let (pair, follower) = (random.usize(0..pairs), random.usize(0..followers));
        beats.push(Beat {
            when: When::At(random.u32(80..length / 3)),
            act: sickness(&mut random, pair, follower),
        });
        // What befalls the very follower that is being repaired finds the most.
        for _ in 0..random.usize(0..3) {
            let act = accident(&mut random, pair, follower);
            let when = match random.u8(0..4) {
                0 => When::At(random.u32(0..length)),
                _ => When::Change(
                    random.u64(1..9),
                    pick(&mut random, &[Moment::Before, Moment::Sent, Moment::Sent]),
                    pick(&mut random, &[0, 0, 0, 1, 3, 8, 25]),
                ),
            };
            beats.push(Beat { when, act });
        }
    }
    for _ in 0..random.usize(0..if long { 25 } else { 4 }) {
        let (pair, follower) = (random.usize(0..pairs), random.usize(0..followers));
        beats.push(Beat {
            when: When::At(random.u32(0..length)),
            act: accident(&mut random, pair, follower),
        });
    }
    if mode != Mode::Auto || random.u8(0..3) == 0 {
        beats.push(Beat {
            when: When::At(length * 2 / 3),
            act: Act::Approve,
        });
    }
    let landing = pick(&mut random, &[Landing::Before, Landing::After]);
    let mishaps = if random.u8(0..3) == 0 {
        vec![(random.u64(1..10), pick(&mut random, &Mishap::ALL))]
    } else {
        Vec::new()
    };
    let death =
        (random.u8(0..4) == 0).then(|| (random.u64(1..60), landing, pick(&mut random, &[1, 90, 4000])));
    Story {
        seed,
        versions,
        followers,
        mode,
        poll: Duration::from_secs(if long { 30 } else { 40 }),
        death,
        mishaps,
        blind: None,
        configured: None,
        beats,
        length,
        calm: if long { 3600 } else { 600 },
    }
}

/// What happened in all stories: a night in which nothing was repaired proves nothing.
#[derive(Debug, Default)]
struct Tally {
    seeds: AtomicU64,
    changes: AtomicU64,
    cured: AtomicU64,
    not_cured: AtomicU64,
    cannot_tell: AtomicU64,
    put_back: AtomicU64,
    refused: AtomicU64,
    handed_over: AtomicU64,
    crashes: AtomicU64,
    violations: AtomicU64,
}

impl Tally {
    fn count(&self, record: &Record) {
        let add = |to: &AtomicU64, how_many: u64| {
            to.fetch_add(how_many, Ordering::SeqCst);
        };
        add(&self.seeds, 1);
        add(&self.changes, record.changes);
        add(&self.crashes, record.crashes);
        add(&self.violations, violations(record).len() as u64);
        for run in &record.runs {
            add(&self.handed_over, u64::from(run.person_must.is_some()));
            match run.outcome {
                Some(RunOutcome::Cured) => add(&self.cured, 1),
                Some(RunOutcome::NotCured) => add(&self.not_cured, 1),
                Some(RunOutcome::CannotTell) => add(&self.cannot_tell, 1),
                Some(RunOutcome::Refused) => add(&self.refused, 1),
                Some(RunOutcome::BackedOut) => add(&self.put_back, 1),
                None => {}
            }
        }
    }
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |from: &AtomicU64| from.load(Ordering::SeqCst);
        write!(
            f,
            "{} seeds: {} changing requests, {} repairs, {} not cured, {} cannot tell, {} put back, \
             {} refusals, {} handed to a person, {} crashes, {} violations",
            of(&self.seeds),
            of(&self.changes),
            of(&self.cured),
            of(&self.not_cured),
            of(&self.cannot_tell),
            of(&self.put_back),
            of(&self.refused),
            of(&self.handed_over),
            of(&self.crashes),
            of(&self.violations)
        )
    }
}

/// Fails with the shortest story of the seed that breaks what this seed breaks.
fn must_hold(seed: u64, long: bool, tally: &Tally) {
    let story = story_of(seed, long);
    let record = told(&story, None);
    let found = violations(&record);
    tally.count(&record);
    let Some(first) = found.first() else { return };
    let short = shortest(&story, first.promise);
    let again = told(&short, None);
    let shown: Vec<String> = violations(&again)
        .iter()
        .map(|violation| format!("{}: {}", violation.promise, violation.text))
        .collect();
    panic!(
        "seed {seed} breaks `{}`; replay it with SEED={seed}{}\nthe shortest story:\n{short}\n{}\nwhat people were told:\n{}",
        first.promise,
        if long { " LONG=1" } else { "" },
        shown.join("\n"),
        again.story
    );
}

#[test]
fn no_promise_is_broken_whatever_happens() {
    let long = std::env::var_os("LONG").is_some();
    let tally = Tally::default();
    if let Some(seed) = std::env::var("SEED").ok().and_then(|text| text.parse().ok()) {
        return must_hold(seed, long, &tally);
    }
    let seeds = std::env::var("SEEDS").ok().and_then(|text| text.parse().ok());
    let seeds = seeds.unwrap_or(SEEDS);
    let from = std::env::var("FROM").ok().and_then(|text| text.parse().ok());
    let from: u64 = from.unwrap_or(0);
    let next = AtomicU64::new(from);
    let broken = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::SeqCst);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(panic) =
                        std::panic::catch_unwind(AssertUnwindSafe(|| must_hold(seed, long, &tally)))
                    {
                        let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                        broken.lock().unwrap().push((seed, text));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().unwrap();
    writeln!(std::io::stderr(), "{tally}").unwrap();
    let played = seeds.saturating_sub(from);
    if played >= 100 {
        let repairs = tally.cured.load(Ordering::SeqCst);
        assert!(repairs > played / 4, "too few repairs to prove anything: {tally}");
    }
    let names: Vec<u64> = broken.iter().map(|(seed, _)| *seed).collect();
    assert!(
        broken.is_empty(),
        "{tally}\n{} of {seeds} seeds: {names:?}\n{}",
        broken.len(),
        broken.first().map(|(_, text)| text.as_str()).unwrap_or_default()
    );
}

#[test]
fn a_seed_is_played_the_same_way_every_time() {
    for seed in [3, 14, 15] {
        let story = story_of(seed, false);
        let shape = |record: Record| -> Vec<String> {
            let all = record.logs.iter().flatten();
            let mut lines: Vec<String> = all
                .map(|entry| format!("{} {} {} {:?}", entry.at, entry.method, entry.path, entry.status))
                .collect();
            // What happens at one moment has no order: undo files are written by real threads.
            lines.sort();
            lines
        };
        let (first, second) = (shape(told(&story, None)), shape(told(&story, None)));
        assert!(first.len() > 100);
        assert_eq!(first, second, "seed {seed}");
    }
}
