//! The past: what a daemon keeps of a disaster, and that simulating it tells what the daemon did.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use refollow::app::history::{Comparison, passes_of};
use refollow::clock::Clock as _;
use refollow::domain::cause::{Cause, Remedy};
use refollow::domain::decision::DecisionKind;
use refollow::domain::ids::FollowerKey;
use refollow::domain::journal::Trigger;
use refollow::domain::state::State;
use refollow::domain::time::Timestamp;
use refollow::history::{Block, Consent, HistorySettings, Outcome, Record, Report, Simulator};
use refollow::http::dto::{Daemon as _, Past, PastWanted, Problem};
use refollow::policy::{self, Action, Mode};
use refollow::sandbox::pair::Version;
use refollow::store::memory::MemoryStore;
use refollow::store::{HistoryKind, HistoryOf, HistoryWanted, Store as _};

use crate::disaster::acts::{Act, Deed1};
use crate::disaster::oracle;
use crate::disaster::stage::{Plot, Stage};
use crate::disaster::story::{Beat, Story, When, play_kept, policy_of};

/// Eight followers; six of them break in ways that end in a resume, a recreate, a question or a page.
fn disaster(mode: Mode, configured: Option<fn(&mut policy::Settings)>) -> Story {
    let beats = [
        (60, Act::Play(0, 0, "history-lost")),
        (65, Act::Play(0, 1, "leader-replaced")),
        (200, Act::Play(0, 2, "fatal-but-curable")),
        (300, Act::Person(0, 3, Deed1::Pauses)),
        (400, Act::Play(0, 5, "history-lost")),
        (700, Act::Play(0, 4, "leader-deleted")),
        (900, Act::LinkBreaks(0)),
        (1000, Act::LinkHeals(0)),
    ];
    Story {
        seed: 7,
        versions: vec![Version::V8_10_4],
        followers: 8,
        mode,
        poll: Duration::from_secs(20),
        death: None,
        blind: None,
        configured,
        mishaps: Vec::new(),
        beats: beats
            .into_iter()
            .map(|(at, act)| Beat {
                when: When::At(at),
                act,
            })
            .collect(),
        length: 1500,
        calm: 600,
    }
}

fn no_breaker(policy: &mut policy::Settings) {
    policy.limits.breaker.min_unhealthy = 1000;
}

/// One sick follower is too many, and one recreate an hour.
fn touchy(policy: &mut policy::Settings) {
    policy.limits.breaker.min_unhealthy = 1;
    policy.limits.breaker.max_unhealthy = 0.2;
    policy.limits.recreates_per_hour = 1;
}

/// Resumes by themselves, the rest is asked.
fn ask_for_recreates(policy: &mut policy::Settings) {
    no_breaker(policy);
    let mut first = policy.rules[0].clone();
    first.causes = vec![Cause::HistoryLost];
    first.action = Action::Ask;
    policy.rules.insert(0, first);
}

fn policy(mode: Mode, configured: Option<fn(&mut policy::Settings)>) -> policy::Settings {
    let mut policy = policy_of(mode);
    if let Some(configured) = configured {
        configured(&mut policy);
    }
    policy
}

fn on_paused_clock<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(work)
}

fn played(story: &Story) -> (oracle::Record, Arc<MemoryStore>) {
    on_paused_clock(play_kept(story, None, HistorySettings::default()))
}

type Decisions = Vec<(Timestamp, DecisionKind)>;
type Begun = Vec<(Timestamp, String, Vec<Remedy>, bool)>;

/// What the daemon itself wrote down: its words, and the runs that it began.
#[derive(Debug, Default, PartialEq, Eq, Clone)]
struct Kept {
    decisions: Decisions,
    begun: Begun,
}

fn kept(store: &MemoryStore) -> BTreeMap<FollowerKey, Kept> {
    let mut all: BTreeMap<FollowerKey, Kept> = BTreeMap::new();
    let mut last: BTreeMap<FollowerKey, DecisionKind> = BTreeMap::new();
    let unreadable = on_paused_clock(passes_of(store, Timestamp::MIN, Timestamp::MAX, |batch| {
        for (follower, record) in batch {
            let Some(key) = follower else { continue };
            let of = all.entry(key.clone()).or_default();
            match record {
                Record::Input(input) => {
                    let kind = input.said.kind;
                    if last.insert(key.clone(), kind) != Some(kind) {
                        of.decisions.push((input.at, kind));
                    }
                }
                Record::Began(began) => {
                    last.remove(key);
                    let by_policy = matches!(began.trigger, Trigger::Policy { .. });
                    of.begun
                        .push((began.at, began.plan.to_string(), began.rungs.clone(), by_policy));
                }
                Record::Pass(_) => {}
            }
        }
    }))
    .unwrap();
    assert_eq!(unreadable, 0);
    all
}

fn simulated(store: &MemoryStore, settings: &policy::Settings, consent: Consent) -> Outcome {
    let mut simulator = Simulator::new(settings, consent);
    on_paused_clock(passes_of(store, Timestamp::MIN, Timestamp::MAX, |batch| {
        simulator.feed(batch);
    }))
    .unwrap();
    simulator.outcome()
}

fn compared(store: &MemoryStore, today: &policy::Settings, new: &policy::Settings) -> Report {
    let mut both = Comparison::new(today, new, Consent::Recorded);
    let unreadable = on_paused_clock(passes_of(store, Timestamp::MIN, Timestamp::MAX, |batch| {
        both.feed(batch);
    }));
    both.report(unreadable.unwrap())
}

#[test]
fn a_simulation_with_the_same_policy_tells_every_decision_and_every_act_of_the_daemon() {
    let of: [(Mode, Option<fn(&mut policy::Settings)>); 3] = [
        (Mode::Auto, Some(no_breaker)),
        (Mode::Auto, Some(touchy)),
        (Mode::Ask, Some(ask_for_recreates)),
    ];
    for (mode, configured) in of {
        let story = disaster(mode, configured);
        let (record, store) = played(&story);
        let policy = policy(mode, configured);
        let outcome = simulated(&store, &policy, Consent::Recorded);
        let kept = kept(&store);
        let mut runs = 0;
        for (key, kept) in &kept {
            let told = &outcome.followers[key];
            let decisions: Decisions = told.decisions.iter().map(|one| (one.at, one.kind)).collect();
            assert_eq!(decisions, kept.decisions, "{mode:?} {key}");
            let acts: Vec<(Timestamp, &str)> =
                told.acts.iter().map(|act| (act.at, act.plan.as_str())).collect();
            let begun: Vec<(Timestamp, &str)> = kept
                .begun
                .iter()
                .map(|(at, plan, _, _)| (*at, plan.as_str()))
                .collect();
            assert_eq!(acts, begun, "{mode:?} {key}");
            assert_eq!(told.parted, Vec::<Timestamp>::new());
            // Not only what the recorder says of itself: the runs in the journal.
            // A run that finds at its first look that it may not start leaves none there.
            let in_journal: BTreeSet<String> = record
                .runs
                .iter()
                .filter(|run| run.follower == *key)
                .map(|run| run.plan.to_string())
                .collect();
            let simulated: BTreeSet<String> = told.acts.iter().map(|act| act.plan.clone()).collect();
            assert_eq!(simulated, in_journal, "{mode:?} {key}");
            runs += in_journal.len();
        }
        assert!(runs > 0, "{mode:?}");
        println!(
            "{mode:?} {} {} {:?}",
            kept.values().map(|k| k.decisions.len()).sum::<usize>(),
            runs,
            outcome.sum
        );
        let report = compared(&store, &policy, &policy);
        assert!(!report.differs(), "{report:?}");
        assert!(report.passes > 20 && report.unreadable == 0);
    }
}

/// Followers with the rungs of the first run that the policy begins by itself, and those that are
/// asked about, before people approve what is left.
fn firsts(acts: impl IntoIterator<Item = (FollowerKey, Vec<Remedy>)>) -> BTreeMap<FollowerKey, Vec<Remedy>> {
    let mut firsts = BTreeMap::new();
    for (key, rungs) in acts {
        firsts.entry(key).or_insert(rungs);
    }
    firsts
}

#[test]
fn what_is_predicted_of_another_policy_is_what_a_second_daemon_then_did() {
    let of: [(Mode, Option<fn(&mut policy::Settings)>); 2] = [
        (Mode::Auto, Some(no_breaker)),
        (Mode::Auto, Some(ask_for_recreates)),
    ];
    let (_, watched) = played(&disaster(Mode::Observe, None));
    let mut different = BTreeSet::new();
    for (mode, configured) in of {
        let new = policy(mode, configured);
        let outcome = simulated(&watched, &new, Consent::None);
        let predicted = firsts(
            outcome
                .followers
                .iter()
                .flat_map(|(key, told)| told.acts.iter().map(|act| (key.clone(), act.rungs.clone()))),
        );
        let (_, store) = played(&disaster(mode, configured));
        let kept = kept(&store);
        let done = firsts(kept.iter().flat_map(|(key, kept)| {
            kept.begun
                .iter()
                .filter(|(_, _, _, by_policy)| *by_policy)
                .map(|(_, _, rungs, _)| (key.clone(), rungs.clone()))
        }));
        assert_eq!(predicted, done, "{configured:?}");
        let asks = |kind: &[DecisionKind]| kind.contains(&DecisionKind::Ask);
        for (key, kept) in &kept {
            let said: Vec<DecisionKind> = kept.decisions.iter().map(|(_, kind)| *kind).collect();
            let told: Vec<DecisionKind> = outcome.followers[key]
                .decisions
                .iter()
                .map(|one| one.kind)
                .collect();
            assert_eq!(asks(&told), asks(&said), "{key}: {told:?} and {said:?}");
        }
        different.insert(format!("{predicted:?}"));
    }
    assert_eq!(different.len(), 2, "the two policies do different things");
}

/// A configuration of the stories' clusters.
fn configuration(directory: &Path, name: &str, mode: &str, rest: &str) -> PathBuf {
    let path = directory.join(name);
    let text = format!(
        "[daemon]\nmode = \"{mode}\"\nstate = \"sqlite://{}\"\nadmin_socket = \"{}\"\n\
         [[clusters]]\nname = \"eu0\"\nurls = [\"http://127.0.0.1:9\"]\nremotes = {{ lead = \"us0\" }}\n\
         [[clusters]]\nname = \"us0\"\nurls = [\"http://127.0.0.1:19\"]\n{rest}",
        directory.join("refollow.db").display(),
        directory.join("none.sock").display(),
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn refollow(arguments: &[&str]) -> (Option<i32>, String, String) {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_refollow"))
        .args(arguments)
        .env_remove("REFOLLOW_CONFIG")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (done.status.code(), text(done.stdout), text(done.stderr))
}

/// What one state holds, copied into a database of its own.
fn on_disk(store: &MemoryStore, directory: &Path) {
    let everything = HistoryWanted {
        of: HistoryOf::All,
        kind: None,
        since: Timestamp::MIN,
        until: Timestamp::MAX,
        after: None,
    };
    let blocks = on_paused_clock(store.history(&everything, 100_000)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let url = format!("sqlite://{}", directory.join("refollow.db").display());
        let disk = refollow::store::open(&url).await.unwrap();
        disk.write_history(&blocks).await.unwrap();
    });
}

#[test]
fn the_command_line_simulates_a_state_and_what_was_exported_of_it_alike() {
    let (_, store) = played(&disaster(Mode::Observe, None));
    let directory = tempfile::tempdir().unwrap();
    on_disk(&store, directory.path());
    let rule = |action: &str| format!("[[policy.rules]]\naction = \"{action}\"\n");
    let today = configuration(directory.path(), "today.toml", "observe", "");
    let bold = configuration(directory.path(), "bold.toml", "auto", &rule("auto"));
    let (today, bold) = (today.to_str().unwrap(), bold.to_str().unwrap());
    let all = ["--config", today, "simulate", "--since", "400d"];
    let with = |more: &[&'static str], policy: &str| {
        let mut arguments: Vec<&str> = all.to_vec();
        arguments.extend(["--policy", policy]);
        arguments.extend(more);
        refollow(&arguments)
    };
    // The stories' clock stands in the past of this one, or in its future.
    let (code, _, told) = with(&[], today);
    if told.contains("nothing was recorded") {
        println!("skipped: this host's clock stands before the story's");
        assert_eq!(code, Some(1));
        return;
    }
    let (code, same, told) = with(&["--fail-on", "any-difference"], today);
    assert_eq!(code, Some(0), "{same}{told}");
    assert!(same.contains("Nothing would be different"), "{same}");
    let (code, bolder, failed) = with(&["--fail-on", "more-recreates"], bold);
    assert_eq!(code, Some(5), "{bolder}{failed}");
    assert!(
        bolder.contains("eu0/i00-f") && bolder.contains("1 recreated"),
        "{bolder}"
    );
    let (code, _, _) = with(&["--fail-on", "more-pages"], bold);
    assert_eq!(code, Some(0));
    let (code, _, told) = with(&[], "/nowhere/policy.toml");
    assert_eq!(code, Some(2), "{told}");

    let (code, lines, told) = refollow(&["--config", today, "history", "export", "--since", "400d"]);
    assert_eq!(code, Some(0), "{told}");
    assert!(lines.lines().count() > 100);
    let file = directory.path().join("past.jsonl");
    std::fs::write(&file, &lines).unwrap();
    let json = |from: &[&str]| {
        let mut arguments = vec!["--json"];
        arguments.extend(all);
        arguments.extend(["--policy", bold]);
        arguments.extend(from);
        let (code, text, told) = refollow(&arguments);
        assert_eq!(code, Some(0), "{told}");
        serde_json::from_str::<Report>(&text).unwrap()
    };
    assert_eq!(json(&[]), json(&["--from", file.to_str().unwrap()]));
    let (_, few, _) = refollow(&[
        "--config",
        today,
        "history",
        "export",
        "--since",
        "400d",
        "--follower",
        "i0[0]*",
        "--cluster",
        "eu*",
    ]);
    assert!(!few.contains("eu0/i01-f\",\"sample"), "{few}");
}

/// Part of a day that is played.
const PART: u64 = 4;

/// A stage with three followers for a part of a day, and how many bytes the whole would take: one well and quiet, one well and written to every minute,
/// one that lost its history and waits for a person.
async fn a_day() -> BTreeMap<&'static str, (u64, u64)> {
    let mut stage = Stage::set(&Plot {
        versions: vec![Version::V8_10_4],
        followers: 3,
        documents: 12,
        policy: policy(Mode::Ask, None),
        poll: Duration::from_mins(1),
        seed: 5,
    })
    .await;
    stage.settings.history = HistorySettings::default();
    stage.start(None).await;
    tokio::time::sleep(Duration::from_mins(10)).await;
    let began = stage.clock.now();
    refollow::sandbox::scenario::play(&stage.pairs[0].world, "history-lost:i02-f").unwrap();
    for minute in 0..24 * 60 / PART {
        stage.pairs[0].write("i01", 100 + minute * 40, 1 + minute * 7 % 40);
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let daemon = stage.daemon.as_ref().unwrap();
    daemon.engine.flush_history().await;
    let mut sizes = BTreeMap::new();
    for (name, follower) in [("quiet", "i00-f"), ("busy", "i01-f"), ("sick", "i02-f")] {
        let wanted = HistoryWanted {
            of: HistoryOf::Follower(FollowerKey::parse(&format!("eu0/{follower}")).unwrap()),
            kind: None,
            since: began,
            until: Timestamp::MAX,
            after: None,
        };
        let blocks = stage.store.history(&wanted, 10_000).await.unwrap();
        let of = |kind| {
            let sizes = blocks.iter().filter(|block| block.kind == kind);
            PART * sizes.map(|block| block.bytes.len() as u64).sum::<u64>()
        };
        sizes.insert(name, (of(HistoryKind::Samples), of(HistoryKind::Inputs)));
    }
    stage.kill();
    sizes
}

#[test]
fn a_day_of_one_follower_takes_no_more_bytes_than_the_document_says() {
    let sizes = on_paused_clock(a_day());
    println!("bytes of samples and inputs in a day: {sizes:?}");
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/HISTORY.md")).unwrap();
    let said: BTreeMap<&str, u64> = text
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let [_, who, _, most, ..] = cells.as_slice() else {
                return None;
            };
            Some((*who, most.strip_suffix(" KB")?.parse().ok()?))
        })
        .collect();
    for (who, (samples, inputs)) in sizes {
        let most = said
            .get(who)
            .unwrap_or_else(|| panic!("docs/HISTORY.md says nothing of `{who}`"));
        assert!(
            samples + inputs <= most * 1000,
            "{who}: {samples} + {inputs} bytes"
        );
    }
}

async fn watched(followers: usize, history: HistorySettings) -> Stage {
    let mut stage = Stage::set(&Plot {
        versions: vec![Version::V8_10_4],
        followers,
        documents: 12,
        policy: policy(Mode::Ask, None),
        poll: Duration::from_mins(1),
        seed: 5,
    })
    .await;
    stage.settings.history = history;
    stage.start(None).await;
    stage
}

async fn past_of(stage: &Stage) -> Result<Past, Problem> {
    let key = FollowerKey::parse("eu0/i00-f").unwrap();
    let wanted = PastWanted {
        since: Timestamp::MIN,
        until: stage.clock.now(),
        points: 1000,
    };
    stage.daemon.as_ref().unwrap().desk.past(key, wanted).await
}

async fn blocks_of(stage: &Stage) -> Vec<Block> {
    let everything = HistoryWanted {
        of: HistoryOf::All,
        kind: None,
        since: Timestamp::MIN,
        until: Timestamp::MAX,
        after: None,
    };
    stage.store.history(&everything, 100_000).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_kill_loses_no_more_than_five_minutes_and_the_time_without_a_daemon_is_told_as_such() {
    let mut stage = watched(1, HistorySettings::default()).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    assert!(blocks_of(&stage).await.is_empty(), "nothing is stored yet");
    assert!(
        past_of(&stage).await.unwrap().points.len() >= 2,
        "and it is told all the same"
    );
    tokio::time::sleep(Duration::from_mins(17)).await;
    let killed = stage.clock.now();
    stage.kill();
    tokio::time::sleep(Duration::from_mins(30)).await;
    stage.start(None).await;
    tokio::time::sleep(Duration::from_mins(3)).await;
    let past = past_of(&stage).await.unwrap();
    let gap = past.changes.iter().find(|change| change.state.is_none()).unwrap();
    let lost = killed.duration_since(gap.at).as_secs();
    assert!(
        (0..=360).contains(&lost),
        "{lost} s, of which a minute is the sample's"
    );
    assert!(gap.until.unwrap().duration_since(killed).as_secs() >= 30 * 60);
    let last = past.changes.last().unwrap();
    assert_eq!((last.state, last.until), (Some(State::Following), None));
    stage.kill();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_counted_stops_nothing_and_gets_everything_later() {
    let mut stage = watched(1, HistorySettings::default()).await;
    tokio::time::sleep(Duration::from_mins(2)).await;
    let errors = |stage: &Stage| {
        let text = stage.daemon.as_ref().unwrap().desk.metrics_text(false);
        let line = text
            .lines()
            .find(|line| line.starts_with("refollow_history_errors_total"));
        line.unwrap().split(' ').next_back().unwrap().to_owned()
    };
    assert_eq!(errors(&stage), "0");
    stage.daemon.as_ref().unwrap().store.kill();
    tokio::time::sleep(Duration::from_mins(11)).await;
    assert_eq!(errors(&stage), "2");
    let looked = stage.daemon.as_ref().unwrap().desk.clusters().clusters[0]
        .last_success_at
        .unwrap();
    assert!(
        stage.clock.now().duration_since(looked).as_secs() < 120,
        "looks go on"
    );
    stage.daemon.as_ref().unwrap().store.heal();
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert_eq!(errors(&stage), "2");
    let samples: usize = blocks_of(&stage)
        .await
        .iter()
        .filter(|block| block.kind == HistoryKind::Samples)
        .map(|block| block.count)
        .sum();
    assert!(
        samples >= 15,
        "{samples}: also those of the time in which nothing could be stored"
    );
    stage.kill();
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_it_is_kept_goes_a_damaged_block_is_told_and_off_is_off() {
    let keep = HistorySettings {
        keep: Duration::from_hours(2),
        resolution: Duration::from_secs(30),
    };
    let mut stage = watched(1, keep).await;
    tokio::time::sleep(Duration::from_hours(5)).await;
    let blocks = blocks_of(&stage).await;
    let now = stage.clock.now();
    let oldest = blocks.iter().map(|block| block.until).min().unwrap();
    assert!(
        now.duration_since(oldest).as_secs() <= 2 * 3600 + 600,
        "{oldest} at {now}"
    );
    let mut damaged = blocks
        .into_iter()
        .find(|block| block.kind == HistoryKind::Samples)
        .unwrap();
    let half = damaged.bytes.len() / 2;
    damaged.bytes.truncate(half);
    stage.store.write_history(&[damaged]).await.unwrap();
    let past = past_of(&stage).await.unwrap();
    assert_eq!(past.unreadable, 1);
    assert!(!past.points.is_empty(), "the others are told");
    stage.settings.history = HistorySettings::OFF;
    stage.reload();
    assert!(past_of(&stage).await.is_err());
    let before = blocks_of(&stage).await.len();
    tokio::time::sleep(Duration::from_mins(30)).await;
    assert_eq!(blocks_of(&stage).await.len(), before);
    stage.kill();
}
