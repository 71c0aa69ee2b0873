//! Stories that once broke a promise, each as short as its seed could be made.

use std::time::Duration;

use refollow::policy::Mode;
use refollow::sandbox::pair::Version;
use refollow::store::faulty::Side as Landing;

use super::acts::{Act, Deed1, Tune};
use super::oracle::{Does, Record, does, violations};
use super::stage::{Mishap, Moment};
use super::story::{Beat, Story, When, told};

fn story(seed: u64, version: Version, beats: Vec<(When, Act)>) -> Story {
    Story {
        seed,
        versions: vec![version],
        followers: 3,
        mode: Mode::Auto,
        poll: Duration::from_secs(40),
        death: None,
        mishaps: Vec::new(),
        blind: None,
        configured: None,
        beats: beats.into_iter().map(|(when, act)| Beat { when, act }).collect(),
        length: 540,
        calm: 600,
    }
}

fn holds(story: &Story) -> Record {
    let record = told(story, None);
    assert_eq!(violations(&record), [], "{story}\n{}", record.story);
    record
}

fn count(record: &Record, what: Does) -> usize {
    let all = record.logs[0].iter();
    all.filter(|entry| entry.changes && does(entry) == what).count()
}

#[test]
fn who_pauses_a_copy_of_ours_that_follows_is_obeyed_also_when_the_run_had_not_ended() {
    // Seed 306: the pause came while the run was still verifying. The run said so and ended, and
    // then its copy was taken for one that nobody follows: a plan to resume it was made.
    let record = holds(&story(
        306,
        Version::V7_7_0,
        vec![
            (When::At(83), Act::Play(0, 2, "history-lost")),
            (When::Change(3, Moment::Sent, 1), Act::Person(0, 2, Deed1::Pauses)),
        ],
    ));
    assert_eq!(record.ends[0]["i02-f"].tasks, 0, "{}", record.story);
}

#[test]
fn a_pause_of_ours_that_is_refused_because_somebody_was_faster_is_theirs() {
    // Seed 649: it was seen paused, and counted as ours.
    let record = holds(&story(
        649,
        Version::V7_7_0,
        vec![
            (When::At(164), Act::Play(0, 0, "history-lost")),
            (
                When::Change(3, Moment::Before, 0),
                Act::Person(0, 0, Deed1::Pauses),
            ),
        ],
    ));
    assert_eq!(count(&record, Does::Close), 0, "{}", record.story);
    assert!(
        record.runs.iter().any(|run| run.person_must.is_some()),
        "{:?}",
        record.runs
    );
}

#[test]
fn who_pauses_while_our_own_pause_waits_to_be_sent_again_is_obeyed() {
    // Seed 2922: ours was turned away with 429, and the pause that was then seen was not ours.
    let mut seed = story(
        2922,
        Version::V8_10_4,
        vec![
            (When::At(132), Act::Play(0, 1, "fatal-but-curable")),
            (When::At(178), Act::Play(0, 0, "history-lost")),
            (When::At(500), Act::Person(0, 0, Deed1::Pauses)),
            (When::At(360), Act::Approve),
        ],
    );
    seed.mode = Mode::Ask;
    seed.mishaps = vec![(3, Mishap::TooMany)];
    let record = holds(&seed);
    assert_eq!(record.ends[0]["i00-f"].tasks, 0, "{}", record.story);
}

#[test]
fn who_pauses_what_our_resume_has_just_started_is_obeyed() {
    // Seed 1601: the resume was accepted, the look after it saw the follower paused, and it was
    // resumed again.
    let mut seed = story(
        1601,
        Version::V8_10_4,
        vec![
            (When::At(175), Act::Play(0, 2, "history-lost")),
            (When::Change(2, Moment::Sent, 0), Act::Person(0, 2, Deed1::Pauses)),
        ],
    );
    seed.mode = Mode::Ask;
    let record = holds(&seed);
    assert_eq!(count(&record, Does::Resume), 1, "{}", record.story);
    assert_eq!(record.ends[0]["i02-f"].tasks, 0, "{}", record.story);
}

#[test]
fn a_run_opened_by_a_daemon_that_died_begins_nothing_that_the_rules_of_now_ask_about() {
    // Seed 426: opened under `auto`, killed before its first request; the rules said `ask` when
    // the next daemon went on with it.
    let mut seed = story(
        426,
        Version::V8_10_4,
        vec![
            (When::At(145), Act::Play(0, 1, "history-lost")),
            (When::At(280), Act::Retune(Tune::AskAll)),
        ],
    );
    seed.death = Some((11, Landing::Before, 90));
    holds(&seed);
}

#[test]
fn nothing_leaves_after_a_reload_to_observe_also_between_an_intent_and_its_request() {
    // Seed 7347: the guards had passed and the intent was being written when the other pair's
    // request met a reload.
    let mut seed = story(
        7347,
        Version::V8_10_4,
        vec![
            (When::At(98), Act::Play(1, 0, "history-lost")),
            (When::At(135), Act::Play(0, 0, "history-lost")),
            (When::Change(4, Moment::Before, 0), Act::Reload(true)),
        ],
    );
    seed.versions = vec![Version::V8_10_4, Version::V8_10_4];
    seed.death = Some((31, Landing::Before, 1));
    seed.mishaps = vec![(5, Mishap::Hang)];
    holds(&seed);
}

#[test]
fn who_pauses_while_our_own_pause_hangs_and_the_daemon_dies_is_obeyed_an_hour_later() {
    // Seed 704: the next daemon took the pause that it found for its own.
    let mut seed = story(
        704,
        Version::V8_10_4,
        vec![
            (When::At(154), Act::Play(0, 2, "history-lost")),
            (
                When::Change(2, Moment::Sent, 25),
                Act::Person(0, 2, Deed1::Pauses),
            ),
            (When::At(176), Act::Play(0, 1, "fatal-but-curable")),
        ],
    );
    seed.death = Some((39, Landing::After, 4000));
    seed.mishaps = vec![(6, Mishap::Hang)];
    let record = holds(&seed);
    assert_eq!(record.ends[0]["i02-f"].tasks, 0, "{}", record.story);
}

#[test]
fn who_pauses_while_the_daemon_is_away_is_obeyed_also_after_a_resume_of_ours() {
    // Seed 4290: the resume's answer was never written, and the next daemon sent it again.
    let mut seed = story(
        4290,
        Version::V8_10_4,
        vec![
            (When::At(140), Act::Play(0, 0, "fatal-but-curable")),
            (When::At(97), Act::Play(0, 2, "history-lost")),
            (When::At(323), Act::Person(0, 2, Deed1::Pauses)),
        ],
    );
    seed.death = Some((27, Landing::Before, 4000));
    let record = holds(&seed);
    assert_eq!(record.ends[0]["i02-f"].tasks, 0, "{}", record.story);
}

#[test]
fn who_closes_a_moment_before_our_own_close_is_obeyed() {
    // Seed 9264: `_close` of a closed index is accepted, and closes nothing.
    let record = holds(&story(
        9264,
        Version::V8_10_4,
        vec![
            (When::At(101), Act::Play(0, 1, "history-lost")),
            (
                When::Change(4, Moment::Before, 0),
                Act::Person(0, 1, Deed1::Closes),
            ),
        ],
    ));
    assert_eq!(count(&record, Does::Put), 0, "{}", record.story);
}

#[test]
fn a_follower_that_may_be_paused_by_us_counts_for_the_breaker() {
    // Seed 1984: handed to a person as perhaps somebody's, it no longer counted as sick.
    let mut seed = story(
        1984,
        Version::V8_10_4,
        vec![
            (When::At(121), Act::Play(0, 0, "fatal-but-curable")),
            (When::At(105), Act::Play(0, 2, "restored-but-paused")),
            (When::At(190), Act::Play(0, 1, "history-lost")),
        ],
    );
    seed.death = Some((23, Landing::Before, 4000));
    seed.mishaps = vec![(3, Mishap::TooMany)];
    holds(&seed);
}
