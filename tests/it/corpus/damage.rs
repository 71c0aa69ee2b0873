//! Contract, *Boldness*: taking answers or remembered fields away, or mangling them, never makes
//! a verdict bolder. One systematic pass over every file, and random damage of several kinds.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::keep::corpus;
use crate::judge::damaged::{WAYS, boldness, mangled};
use refollow::domain::cause::Cause;
use refollow::domain::verdict::Verdict;
use refollow::evidence::verdict;

/// A file taken apart, so that one part can be left out without printing the others again.
struct Parts {
    file: &'static str,
    head: Value,
    responses: Vec<Value>,
    printed: Vec<String>,
    whole: Verdict,
}

impl Parts {
    /// The file with another head and these responses.
    fn bytes<'a>(head: &Value, responses: impl Iterator<Item = &'a str>) -> Vec<u8> {
        let mut text = head.to_string();
        text.pop();
        text.push_str(",\"responses\":[");
        for (at, response) in responses.enumerate() {
            if at > 0 {
                text.push(',');
            }
            text.push_str(response);
        }
        text.push_str("]}");
        text.into_bytes()
    }

    /// The file with one response replaced or left out.
    fn with(&self, at: usize, other: Option<&str>) -> Vec<u8> {
        let responses = self.printed.iter().enumerate().filter_map(|(place, printed)| {
            if place == at {
                other
            } else {
                Some(printed.as_str())
            }
        });
        Self::bytes(&self.head, responses)
    }
}

fn parts() -> &'static [Parts] {
    static PARTS: OnceLock<Vec<Parts>> = OnceLock::new();
    PARTS.get_or_init(|| {
        corpus()
            .iter()
            .map(|kept| {
                let mut head: Value = serde_json::from_slice(&kept.bytes).unwrap();
                let responses = head.as_object_mut().unwrap().remove("responses").unwrap();
                let responses: Vec<Value> = serde_json::from_value(responses).unwrap();
                Parts {
                    file: &kept.file,
                    printed: responses.iter().map(Value::to_string).collect(),
                    head,
                    responses,
                    whole: verdict(&kept.bytes).unwrap().1,
                }
            })
            .collect()
    })
}

/// What the contract itself demands of lost history without a proof: a resume, and no repair by
/// refollow (approval `never`). It is as bold as nothing, and no damage can take it away, since
/// the contract names it as what is left when everything else is.
pub fn is_the_floor(verdict: &Verdict) -> bool {
    verdict.cause == Cause::HistoryLost && boldness(verdict).0 == 1 && verdict.approval.as_str() == "never"
}

/// Why the damaged file's verdict is bolder than the whole one's; `None`: it is not.
fn bolder(parts: &Parts, damaged: &[u8], what: &str) -> Option<String> {
    let Ok((_, less)) = verdict(damaged) else {
        return None;
    };
    if boldness(&less) <= boldness(&parts.whole) || is_the_floor(&less) {
        return None;
    }
    Some(format!(
        "{} {what}: {} {:?} {} became {} {:?} {}",
        parts.file,
        parts.whole.cause,
        parts.whole.ladder,
        parts.whole.approval,
        less.cause,
        less.ladder,
        less.approval
    ))
}

#[test]
fn without_any_one_answer_no_verdict_is_bolder() {
    let mut wrong = Vec::new();
    for parts in parts() {
        for at in 0..parts.printed.len() {
            let what = format!("without {}", parts.responses[at]["path"]);
            wrong.extend(bolder(parts, &parts.with(at, None), &what));
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn with_any_one_answer_mangled_no_verdict_is_bolder() {
    let mut wrong = Vec::new();
    for (number, parts) in parts().iter().enumerate() {
        for at in 0..parts.printed.len() {
            // Two ways each, in turn: every way meets every kind of answer many times.
            for turn in 0..2 {
                let way = (number * 3 + at + turn * 7) % WAYS;
                let other = mangled(&parts.responses[at], way).to_string();
                let what = format!("with {} mangled ({way})", parts.responses[at]["path"]);
                wrong.extend(bolder(parts, &parts.with(at, Some(&other)), &what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn without_any_one_remembered_field_no_verdict_is_bolder() {
    let mut wrong = Vec::new();
    for parts in parts() {
        let printed = || parts.printed.iter().map(String::as_str);
        let by_memory = parts.whole.cause == Cause::RemoteRepointed;
        for field in ["leader_cluster", "remote_cluster", "leader_index", "remembered"] {
            if by_memory && field == "remembered" {
                continue; // see below
            }
            let mut head = parts.head.clone();
            head[field] = Value::Null;
            wrong.extend(bolder(
                parts,
                &Parts::bytes(&head, printed()),
                &format!("without {field}"),
            ));
        }
        let Some(remembered) = parts.head["remembered"].as_object() else {
            continue;
        };
        // These two are kept by the daemon only, and no other file has them: demanding them would
        // take every ladder from evidence that people gathered. Guards ask again for both.
        let kept_by_the_daemon = ["leader_cluster_uuid", "remote_addresses"];
        for field in remembered
            .keys()
            .filter(|field| !kept_by_the_daemon.contains(&field.as_str()))
        {
            for other in [
                None,
                Some(Value::Null),
                Some(json!(7)),
                Some(json!("x")),
                Some(json!([{}])),
            ] {
                let mut head = parts.head.clone();
                let what = format!("with remembered {field} as {other:?}");
                match other {
                    None => {
                        head["remembered"].as_object_mut().unwrap().remove(field);
                    }
                    Some(other) => head["remembered"][field.as_str()] = other,
                }
                wrong.extend(bolder(parts, &Parts::bytes(&head, printed()), &what));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// The pointers of all values below `value`.
fn pointers(value: &Value, prefix: &str, out: &mut Vec<String>) {
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let place = format!("{prefix}/{}", escape(key));
                out.push(place.clone());
                pointers(inner, &place, out);
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                let place = format!("{prefix}/{at}");
                out.push(place.clone());
                pointers(inner, &place, out);
            }
        }
        _ => {}
    }
}

/// Spoils one value somewhere in the body of one response.
fn spoil(response: &mut Value, pick: usize, way: u8) {
    let mut places = Vec::new();
    pointers(&response["body"], "", &mut places);
    if places.is_empty() {
        return;
    }
    let place = places[pick % places.len()].clone();
    // A setting that is not there is the statement that it has its default: no corruption.
    let is_setting = place.contains("/settings/");
    let way = if is_setting && way.is_multiple_of(6) {
        1
    } else {
        way
    };
    let body = &mut response["body"];
    match way % 6 {
        0 => {
            let (parent, key) = place.rsplit_once('/').unwrap();
            let key = key.replace("~1", "/").replace("~0", "~");
            match body.pointer_mut(parent) {
                Some(Value::Object(map)) => {
                    map.remove(&key);
                }
                Some(Value::Array(list)) => {
                    list.remove(key.parse().unwrap());
                }
                _ => {}
            }
        }
        1 => *body.pointer_mut(&place).unwrap() = Value::Null,
        2 => *body.pointer_mut(&place).unwrap() = json!("?"),
        3 => *body.pointer_mut(&place).unwrap() = json!([]),
        4 => *body.pointer_mut(&place).unwrap() = json!({ "a": 1.5 }),
        _ => *body.pointer_mut(&place).unwrap() = json!(true),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn with_any_value_in_any_answer_spoiled_no_verdict_is_bolder(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), pick in any::<usize>(), way in any::<u8>(),
    ) {
        let parts = which.get(parts());
        let at = at.index(parts.responses.len());
        let mut response = parts.responses[at].clone();
        spoil(&mut response, pick, way);
        let what = format!("with {} spoiled ({way}) to {}", response["path"], response["body"]);
        let wrong = bolder(parts, &parts.with(at, Some(&response.to_string())), &what);
        prop_assert!(wrong.is_none(), "{}", wrong.unwrap());
    }

    #[test]
    fn with_several_answers_gone_or_mangled_no_verdict_is_bolder(
        which in any::<prop::sample::Index>(), gone in any::<u64>(), bad in any::<u64>(), way in 0..WAYS,
    ) {
        let parts = which.get(parts());
        let mut left = Vec::new();
        let mut roots = 0_usize;
        for (at, response) in parts.responses.iter().enumerate() {
            match ((gone >> (at % 61)) & 1, (bad >> (at % 59)) & 1) {
                (1, 1) => {}
                (0, 1) => left.push(mangled(response, (way + at) % WAYS).to_string()),
                _ => {
                    roots += usize::from(response["path"] == "/");
                    left.push(parts.printed[at].clone());
                }
            }
        }
        // Without both looks at `GET /` nothing says that the alias led elsewhere: the file is then one
        // of `leader_replaced`, whose literal ladder names the recreate (approval always).
        let all = parts.responses.iter().filter(|one| one["path"] == "/").count();
        prop_assume!(parts.whole.cause != Cause::RemoteRepointed || roots == all);
        let damaged = Parts::bytes(&parts.head, left.iter().map(String::as_str));
        let wrong = bolder(parts, &damaged, "with several damaged");
        prop_assert!(wrong.is_none(), "{}\n{}", wrong.unwrap(), String::from_utf8_lossy(&damaged));
    }
}
