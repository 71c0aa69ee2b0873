//! Contract, *Boldness*: removing or corrupting answers never makes a verdict bolder.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::recorded::{Moment, directory, moments};
use refollow::evidence::{Evidence, Subject, build, verdict};

/// Boldness with the approval that goes with it: on destructive rungs a weaker approval is bolder.
fn boldness(bytes: &[u8]) -> (u8, u8) {
    let Ok((_, verdict)) = verdict(bytes) else {
        return (0, 0);
    };
    let rung = verdict.boldness();
    let approval = match verdict.approval.as_str() {
        "never" => 0,
        "always" => 1,
        _ => 2,
    };
    (rung, if rung >= 2 { approval } else { 0 })
}

/// The same moment as the daemon would write it: only this follower's part of each answer. The
/// verdict is the same (tested in `rewritten`), and the file much smaller.
fn small(moment: &Moment) -> Moment {
    let file = Evidence::parse(&moment.bytes()).unwrap();
    let case = file.case().unwrap();
    let subject = Subject {
        follower: case.facts.key.clone(),
        leader_cluster: case.facts.leader_cluster.clone(),
        remote: case.facts.remote.clone(),
        leader_index: case.facts.leader_index.clone(),
    };
    let built = build(
        &subject,
        case.facts.now,
        case.memory.as_ref(),
        None,
        &file.answers(),
    );
    Moment {
        evidence: serde_json::to_value(&built).unwrap(),
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
    let leader = moment.evidence["leader_index"].as_str().unwrap().to_owned();
    let stats = moment.evidence["responses"]
        .as_array()
        .unwrap()
        .iter()
        .find(|response| {
            response["cluster"] == "us" && response["body"]["indices"][&leader]["uuid"].is_string()
        });
    if let Some(stats) = stats {
        let index = &stats["body"]["indices"][&leader];
        if let Some(shards) = index["shards"].as_object() {
            let mut histories = vec![json!("?"); shards.len()];
            for (shard, copies) in shards {
                if let Some(slot) = histories.get_mut(shard.parse::<usize>().unwrap()) {
                    *slot = copies[0]["commit"]["user_data"]["history_uuid"].clone();
                }
            }
            let known = moment
                .clone()
                .remembering("leader_index_uuid", index["uuid"].clone())
                .remembering("leader_shard_history_uuids", Value::Array(histories));
            made.push(known.remembering(
                "own_run",
                json!({ "id": "r", "paused": true, "closed": false, "followed": true, "at": "2026-11-23T00:00:00Z" }),
            ));
        }
    }
    made
}

/// Ways in which an answer may be mangled on its way.
fn corrupt(response: &mut Value, way: usize) {
    match way {
        0 => response["body"] = Value::Null,
        1 => response["body"] = json!({}),
        2 => response["body"] = json!("<html>502 Bad Gateway</html>"),
        3 => response["body"] = json!([]),
        4 => response["status"] = json!(500),
        5 => response["status"] = Value::Null,
        6 => {
            response["status"] = json!(403);
            response["body"] =
                json!({ "error": { "type": "security_exception", "reason": "no" }, "status": 403 });
        }
        7 => {
            response["status"] = json!(429);
            response["body"] = json!({ "error": { "type": "circuit_breaking_exception", "reason": "no" } });
        }
        8 => {
            if let Some(object) = response["body"].as_object_mut() {
                object.values_mut().for_each(|value| *value = json!(7));
            }
        }
        9 => {
            if let Some(object) = response["body"].as_object_mut() {
                object.values_mut().for_each(|value| *value = Value::Null);
            }
        }
        10 => response["status"] = json!(404),
        _ => response["path"] = json!("/_nowhere"),
    }
}
const WAYS: usize = 12;

#[test]
fn taking_any_one_answer_away_or_mangling_it_never_makes_a_verdict_bolder() {
    let mut bold = 0;
    for moment in all_moments().iter().flat_map(with_memory) {
        let whole = boldness(&moment.bytes());
        bold += u32::from(whole.0 >= 2);
        let count = moment.evidence["responses"].as_array().unwrap().len();
        for at in 0..count {
            let mut without = moment.clone();
            let removed = without.evidence["responses"].as_array_mut().unwrap().remove(at);
            let less = boldness(&without.bytes());
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
                let mut mangled = moment.clone();
                corrupt(&mut mangled.evidence["responses"][at], way);
                let less = boldness(&mangled.bytes());
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
    assert!(bold > 10, "the recordings show bold verdicts: {bold}");
}

#[test]
fn knowing_less_altogether_never_makes_a_verdict_bolder() {
    for moment in all_moments().iter().flat_map(with_memory) {
        let whole = boldness(&moment.bytes());
        for field in ["leader_cluster", "remembered", "remote_cluster", "leader_index"] {
            let mut less = moment.clone();
            less.evidence[field] = Value::Null;
            let bold = boldness(&less.bytes());
            assert!(
                bold <= whole,
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
            let whole = boldness(&moment.bytes());
            let mut less = moment.clone();
            let responses = less.evidence["responses"].as_array_mut().unwrap();
            let mut at = 0_u32;
            responses.retain_mut(|response| {
                at += 1;
                match (mask >> (at % 64)) & 1 {
                    0 => true,
                    _ if (ways >> (at % 61)) & 1 == 0 => false,
                    _ => {
                        corrupt(response, usize::try_from((ways >> (at % 59)) % 12).unwrap());
                        true
                    }
                }
            });
            prop_assert!(boldness(&less.bytes()) <= whole, "{}@{}", moment.recording, moment.at_ms);
        }
    }
}
