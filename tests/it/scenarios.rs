//! Scenarios as text, each with the story that it must tell beside it.
//!
//! `tests/it/scenarios/<name>.txt` says what happens, `<name>.story` what came of it: the changing
//! requests that reached the clusters, in order, and how every follower ended. Both are judged by
//! the oracle of `disaster`. `UPDATE_STORIES=1 cargo test --test it scenarios::` writes the
//! stories anew; read the difference before you commit it.
//!
//! A line is empty, a comment (`#`), a setting or an event:
//!
//! ```text
//! version 8.10.4 | followers 2 | mode auto | length 10m    settings, one a line
//! expires 2m                                              plans expire after that
//! full                                                    played with FULL=1 only, as scripts/test does
//! budget two                                              two recreates at a time, sixty an hour
//! window closes                                           recreates start until 10:06 only
//! at 70s do history-lost i00-f                            an event at a time
//! at change 4 do leader-replaced i00-f                    an event once the n-th changing request is sent
//! expect i00-f follows | paused | closed | missing | fatal | open     at the end
//! expect changes 0                                        how many changing requests there were
//! expect put i00-f 1                                      how many PUTs of one follower
//! ```
#![expect(
    clippy::panic,
    reason = "a helper of a test says what went wrong, with the file's line"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::policy::{self, Mode};
use refollow::sandbox::pair::{Side, Version};
use refollow::sandbox::scenario::breakage;
use refollow::sandbox::witness::Standing;

use crate::disaster::acts::{Act, Deed1};
use crate::disaster::oracle::{Does, Record, does, violations};
use crate::disaster::stage::Moment;
use crate::disaster::story::{Beat, Story, When, told};

struct Script {
    story: Story,
    /// Too long for every day.
    full: bool,
    expects: Vec<Vec<String>>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios")
}

fn seconds(text: &str) -> u32 {
    let span: jiff::SignedDuration = text.parse().unwrap_or_else(|_| panic!("`{text}` is no time"));
    u32::try_from(span.as_secs()).unwrap()
}

fn index_of(name: &str) -> usize {
    let number = name.trim_start_matches('i').trim_end_matches("-f");
    number
        .parse()
        .unwrap_or_else(|_| panic!("`{name}` is no follower"))
}

fn side(name: &str) -> Side {
    match name {
        "leader" => Side::Leader,
        "follower" => Side::Follower,
        _ => panic!("`{name}` is neither leader nor follower"),
    }
}

/// Until 10:06, when the stories have gone on for five minutes.
fn window_closes(policy: &mut policy::Settings) {
    policy.windows = vec![policy::settings::Window {
        days: vec![jiff::civil::Weekday::Monday],
        start: jiff::civil::time(8, 0, 0, 0),
        end: jiff::civil::time(10, 6, 0, 0),
        time_zone: jiff::tz::TimeZone::UTC,
    }];
}

/// Two recreates at a time, and as many within an hour as are wanted.
fn budget_of_two(policy: &mut policy::Settings) {
    let limits = &mut policy.limits;
    limits.recreates_in_flight.total = 2;
    limits.recreates_in_flight.per_cluster = 2;
    limits.recreates_in_flight.per_remote = 2;
    limits.recreates_per_hour = 60;
}

fn act(words: &[&str]) -> Act {
    match words {
        ["link", "breaks"] => Act::LinkBreaks(0),
        ["link", "heals"] => Act::LinkHeals(0),
        ["node", "dies", which, "for", time] => Act::NodeDies(0, side(which), seconds(time)),
        ["master", "changes"] => Act::MasterChanges(0, Side::Follower),
        ["disk", "fills", which] => Act::DiskFills(0, side(which)),
        ["disk", "frees", which] => Act::DiskFrees(0, side(which)),
        ["rewound", name] => Act::LeaderRewound(0, index_of(name)),
        ["restore-rate", rate] => Act::RestoreRate(0, rate.parse().unwrap()),
        ["all-fatal"] => Act::AllFatal(0),
        ["second-daemon"] => Act::SecondDaemon,
        ["approve"] => Act::Approve,
        ["reject"] => Act::Reject,
        ["abort"] => Act::Abort,
        ["beside", name] => Act::Beside(0, index_of(name)),
        ["brake", "all"] => Act::Brake(BrakeScope::All),
        ["brake", "recreate"] => Act::Brake(BrakeScope::Recreate),
        ["release", "all"] => Act::Release(BrakeScope::All),
        ["release", "recreate"] => Act::Release(BrakeScope::Recreate),
        ["kill", "for", time] => Act::Kill(seconds(time)),
        ["stop", "for", time] => Act::Stop(seconds(time)),
        ["clock", "set", by] => Act::ClockSet(by.parse().unwrap()),
        ["person", "pauses", name] => Act::Person(0, index_of(name), Deed1::Pauses),
        ["person", "closes", name] => Act::Person(0, index_of(name), Deed1::Closes),
        ["person", "unfollows", name] => Act::Person(0, index_of(name), Deed1::Unfollows),
        [name, follower] => {
            let known = breakage::NAMES.iter().find(|known| known.name == *name);
            let known = known.unwrap_or_else(|| panic!("`{name}` is no event"));
            Act::Play(0, index_of(follower), known.name)
        }
        other => panic!("`{}` is no event", other.join(" ")),
    }
}

fn read(text: &str) -> Script {
    let mut script = Script {
        story: Story {
            seed: 3,
            versions: vec![Version::V8_10_4],
            followers: 2,
            mode: Mode::Auto,
            poll: Duration::from_secs(20),
            death: None,
            blind: None,
            configured: None,
            mishaps: Vec::new(),
            beats: Vec::new(),
            length: 600,
            calm: 600,
        },
        full: false,
        expects: Vec::new(),
    };
    let story = &mut script.story;
    for line in text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["version", "7.7.0"] => story.versions = vec![Version::V7_7_0],
            ["version", "8.10.4"] => story.versions = vec![Version::V8_10_4],
            ["followers", count] => story.followers = count.parse().unwrap(),
            ["mode", "observe"] => story.mode = Mode::Observe,
            ["mode", "ask"] => story.mode = Mode::Ask,
            ["mode", "auto"] => story.mode = Mode::Auto,
            ["length", time] => story.length = seconds(time),
            ["calm", time] => story.calm = seconds(time),
            ["expires", "2m"] => {
                story.blind = Some(|policy| policy.approval_expires_after = Duration::from_mins(2));
            }
            ["full"] => script.full = true,
            ["budget", "two"] => story.configured = Some(budget_of_two),
            ["window", "closes"] => story.blind = Some(window_closes),
            ["at", "change", number, "do", event @ ..] => story.beats.push(Beat {
                when: When::Change(number.parse().unwrap(), Moment::Sent, 0),
                act: act(event),
            }),
            ["at", time, "do", "history-lost-many", count] => {
                for follower in 0..count.parse().unwrap() {
                    story.beats.push(Beat {
                        when: When::At(seconds(time)),
                        act: Act::Play(0, follower, "history-lost"),
                    });
                }
            }
            ["at", time, "do", event @ ..] => story.beats.push(Beat {
                when: When::At(seconds(time)),
                act: act(event),
            }),
            ["expect", what @ ..] => script
                .expects
                .push(what.iter().map(|word| (*word).to_owned()).collect()),
            _ => panic!("`{line}` is not understood"),
        }
    }
    script
}

fn stands(standing: &Standing) -> &'static str {
    match &standing.follower {
        None => "missing",
        Some(_) if standing.follows() => "follows",
        Some(index) if !index.open => "closed",
        Some(index) if index.restoring => "restoring",
        Some(index) if !index.whole() => "red",
        Some(_) if standing.fatal > 0 => "fatal",
        Some(_) if standing.tasks == 0 => "paused",
        Some(_) => "open",
    }
}

fn puts(record: &Record, name: &str) -> usize {
    let puts = record.logs[0].iter().filter(|entry| does(entry) == Does::Put);
    puts.filter(|entry| entry.before.as_ref().is_some_and(|before| before.name == name))
        .count()
}

/// What came of it, in lines that do not change unless what happens does.
fn shown(record: &Record) -> String {
    let mut text = String::new();
    let began = record.logs[0].first().map_or(0, |entry| entry.at_ms);
    let mut changes: Vec<_> = record.logs[0]
        .iter()
        .filter(|entry| entry.changes && does(entry) != Does::Refresh)
        .filter(|entry| entry.path != "/_cluster/settings")
        .collect();
    // What happens at one moment to several followers has no order: their undo files are written by
    // real threads.
    changes.sort_by_key(|entry| {
        let name = entry.before.as_ref().map(|before| before.name.clone());
        (entry.at_ms, name, entry.seq)
    });
    for entry in changes {
        let answer = entry
            .status
            .map_or_else(|| "no answer".to_owned(), |status| status.to_string());
        let path = entry.path.split('?').next().unwrap_or_default();
        let at = (entry.at_ms - began) / 1000;
        writeln!(
            text,
            "{at:>5} s  {:<8} {} {path} → {answer}",
            entry.cluster, entry.method
        )
        .unwrap();
    }
    text.push('\n');
    let mut ends: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for (name, standing) in &record.ends[0] {
        let word = record.words.iter().find(|item| item.index.as_str() == name);
        let told = word.map_or_else(
            || "not known to refollow".to_owned(),
            |item| format!("{} / {}, {}", item.state, item.cause, item.decision),
        );
        ends.entry(format!("{}; refollow says {told}", stands(standing)))
            .or_default()
            .push(name);
    }
    for (end, names) in ends {
        writeln!(text, "{} {end}", names.join(" ")).unwrap();
    }
    let mut runs: Vec<_> = record.runs.iter().collect();
    runs.sort_by_key(|run| (run.opened_at, run.follower.clone()));
    for run in runs {
        let outcome = run
            .outcome
            .map_or_else(|| "open".to_owned(), |outcome| outcome.to_string());
        let remedy = run
            .remedy
            .map_or_else(|| "nothing".to_owned(), |remedy| remedy.to_string());
        let must = if run.person_must.is_some() {
            ", a person must act"
        } else {
            ""
        };
        writeln!(text, "run on {}: {remedy}, {outcome}{must}", run.follower.index).unwrap();
    }
    text
}

fn expectation(record: &Record, expect: &[String]) -> Result<(), String> {
    let words: Vec<&str> = expect.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["all", wanted] => {
            let wrong: Vec<&String> = record.ends[0]
                .iter()
                .filter(|(_, standing)| stands(standing) != *wanted)
                .map(|(name, _)| name)
                .collect();
            wrong
                .is_empty()
                .then_some(())
                .ok_or(format!("not {wanted}: {wrong:?}"))
        }
        ["changes", count] => {
            let is = record.changes;
            (is == count.parse::<u64>().unwrap())
                .then_some(())
                .ok_or(format!("{is} changing requests, not {count}"))
        }
        ["puts", count] => {
            let is: usize = record.ends[0].keys().map(|name| puts(record, name)).sum();
            (is == count.parse::<usize>().unwrap())
                .then_some(())
                .ok_or(format!("{is} PUTs, not {count}"))
        }
        ["put", name, count] => {
            let is = puts(record, name);
            (is == count.parse::<usize>().unwrap())
                .then_some(())
                .ok_or(format!("{is} PUTs of {name}, not {count}"))
        }
        [name, wanted] => {
            let is = record.ends[0].get(*name).map_or("unknown", stands);
            (is == *wanted)
                .then_some(())
                .ok_or(format!("{name} is {is}, not {wanted}"))
        }
        other => Err(format!("`{}` cannot be expected", other.join(" "))),
    }
}

fn check(path: &Path) -> Result<(), String> {
    let script = read(&std::fs::read_to_string(path).unwrap());
    if script.full && std::env::var_os("FULL").is_none() {
        return Ok(());
    }
    let record = told(&script.story, None);
    let mut wrong: Vec<String> = violations(&record)
        .iter()
        .map(|found| format!("{}: {}", found.promise, found.text))
        .collect();
    for expect in &script.expects {
        wrong.extend(expectation(&record, expect).err());
    }
    let beside = path.with_extension("story");
    let is = shown(&record);
    if std::env::var_os("UPDATE_STORIES").is_some() {
        std::fs::write(&beside, &is).unwrap();
    }
    let was = std::fs::read_to_string(&beside).unwrap_or_default();
    if was != is {
        wrong.push(format!("the story was\n{was}\nand is\n{is}"));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}:\n{}\n{}",
        path.display(),
        wrong.join("\n"),
        record.story
    ))
}

#[test]
fn every_scenario_tells_its_story() {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    let only = std::env::var("SCENARIO").unwrap_or_default();
    let wrong: Vec<String> = files
        .iter()
        .filter(|path| path.to_string_lossy().contains(&only))
        .filter_map(|path| check(path).err())
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
