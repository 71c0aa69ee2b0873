//! Contract, *Boldness*: removing or corrupting answers never makes a verdict bolder.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::damaged::{WAYS, boldness, mangled};
use super::recorded::{Moment, directory, moments};
use refollow::evidence::verdict;

/// Boldness of a file's verdict; of one that is no evidence file, none.
fn bold(bytes: &[u8]) -> (u8, u8) {
    verdict(bytes).map_or((0, 0), |(_, verdict)| boldness(&verdict))
}

/// The same moment, as the daemon would write it: the verdict is the same (tested next), and the
/// file much smaller.
fn small(moment: &Moment) -> Moment {
    Moment {
        evidence: moment.written(),
        ..moment.clone()
    }
}

#[test]
fn a_file_written_from_the_answers_is_judged_as_the_answers_were() {
    for moment in every_moment().iter().flat_map(with_memory) {
        let (_, as_answered) = verdict(&moment.bytes()).unwrap();
        let (_, as_written) = verdict(&small(&moment).bytes()).unwrap();
        assert_eq!(as_answered, as_written, "{}@{}", moment.recording, moment.at_ms);
    }
}

/// Every moment of every recording, made small.
fn all_moments() -> &'static [Moment] {
    static ALL: OnceLock<Vec<Moment>> = OnceLock::new();
    ALL.get_or_init(|| every_moment().iter().map(small).collect())
}

/// Every moment of every recording.
fn every_moment() -> Vec<Moment> {
    let mut all = Vec::new();
    for version in ["7.7.0", "8.10.4", "8.10.4-secured"] {
        let mut names: Vec<String> = std::fs::read_dir(directory().join(version))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in names {
            all.extend(moments(version, name.split('-').next().unwrap()));
        }
    }
    all
}

/// The same moment with what a daemon would have remembered and journalled, so that the bold
/// verdicts occur.
fn with_memory(moment: &Moment) -> Vec<Moment> {
    let mut made = vec![moment.clone()];
    if let Some(known) = moment.remembering_its_leader() {
        made.push(known.remembering(
            "own_run",
            json!({ "id": "r", "paused": true, "closed": false, "followed": true, "at": "2026-11-23T00:00:00Z" }),
        ));
    }
    made
}

#[test]
fn taking_any_one_answer_away_or_mangling_it_never_makes_a_verdict_bolder() {
    let mut bold_ones = 0;
    for moment in all_moments().iter().flat_map(with_memory) {
        let whole = bold(&moment.bytes());
        bold_ones += u32::from(whole.0 >= 2);
        let count = moment.evidence["responses"].as_array().unwrap().len();
        for at in 0..count {
            let mut without = moment.clone();
            let removed = without.evidence["responses"].as_array_mut().unwrap().remove(at);
            let less = bold(&without.bytes());
            assert!(
                less <= whole,
                "{}@{} without {} {}: {less:?} > {whole:?}",
                moment.recording,
                moment.at_ms,
                removed["cluster"],
                removed["path"]
            );
            // Every way for bold verdicts; one of them, in turn, for the others.
            let ways: Vec<usize> = if whole.0 >= 2 {
                (0..WAYS).collect()
            } else {
                vec![at % WAYS]
            };
            for way in ways {
                let mut spoiled = moment.clone();
                let answer = &mut spoiled.evidence["responses"][at];
                *answer = mangled(answer, way);
                let less = bold(&spoiled.bytes());
                assert!(
                    less <= whole,
                    "{}@{} with {} {} mangled ({way}): {less:?} > {whole:?}",
                    moment.recording,
                    moment.at_ms,
                    removed["cluster"],
                    removed["path"]
                );
            }
        }
    }
    assert!(bold_ones > 10, "the recordings show bold verdicts: {bold_ones}");
}

/// Two moments of one recording, one after the other, in one file: what was seen first may have
/// changed since, and taking a later word away must not bring an earlier one's destruction back.
/// (A mild rung may come back: without its newest statistics a file simply shows the look before.)
fn pairs() -> Vec<Moment> {
    let mut pairs = Vec::new();
    for (earlier, later) in all_moments().iter().zip(all_moments().iter().skip(1)) {
        if earlier.recording != later.recording {
            continue;
        }
        for later in with_memory(later) {
            pairs.push(later.after(earlier));
        }
    }
    pairs
}

#[test]
fn taking_one_of_two_looks_answers_away_never_makes_a_verdict_bolder() {
    for moment in pairs() {
        let whole = bold(&moment.bytes());
        let count = moment.evidence["responses"].as_array().unwrap().len();
        for at in 0..count {
            let mut without = moment.clone();
            let removed = without.evidence["responses"].as_array_mut().unwrap().remove(at);
            let less = bold(&without.bytes());
            assert!(
                less.0 < 2 || less <= whole,
                "{}@{} (two looks) without {} {} of {}: {less:?} > {whole:?}",
                moment.recording,
                moment.at_ms,
                removed["cluster"],
                removed["path"],
                removed["at"],
            );
        }
    }
}

#[test]
fn knowing_less_altogether_never_makes_a_verdict_bolder() {
    for moment in all_moments().iter().flat_map(with_memory) {
        let whole = bold(&moment.bytes());
        for field in ["leader_cluster", "remembered", "remote_cluster", "leader_index"] {
            let mut less = moment.clone();
            less.evidence[field] = Value::Null;
            assert!(
                bold(&less.bytes()) <= whole,
                "{}@{} without {field}",
                moment.recording,
                moment.at_ms
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn taking_several_answers_away_never_makes_a_verdict_bolder(
        pick in any::<prop::sample::Index>(), mask in any::<u64>(), ways in any::<u64>(),
    ) {
        let moment = pick.get(all_moments());
        for moment in with_memory(moment) {
            let whole = bold(&moment.bytes());
            let mut less = moment.clone();
            let responses = less.evidence["responses"].as_array_mut().unwrap();
            let mut at = 0_u32;
            responses.retain_mut(|response| {
                at += 1;
                match (mask >> (at % 64)) & 1 {
                    0 => true,
                    _ if (ways >> (at % 61)) & 1 == 0 => false,
                    _ => {
                        *response = mangled(response, usize::try_from(ways >> (at % 59)).unwrap() % WAYS);
                        true
                    }
                }
            });
            prop_assert!(bold(&less.bytes()) <= whole, "{}@{}", moment.recording, moment.at_ms);
        }
    }
}
