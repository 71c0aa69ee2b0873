//! No bytes make `diagnose` panic.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::recorded::{Moment, moments};
use refollow::evidence::diagnose;

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,12}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// The pointers of all values below `value`.
fn pointers(value: &Value, prefix: &str, out: &mut Vec<String>) {
    out.push(prefix.to_owned());
    let escape = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                pointers(inner, &format!("{prefix}/{}", escape(key)), out);
            }
        }
        Value::Array(list) => {
            for (at, inner) in list.iter().enumerate() {
                pointers(inner, &format!("{prefix}/{at}"), out);
            }
        }
        _ => {}
    }
}

/// Moments of a few recordings.
fn some_moments() -> &'static [Moment] {
    static SOME: OnceLock<Vec<Moment>> = OnceLock::new();
    SOME.get_or_init(|| {
        ["02", "06", "16", "36"]
            .iter()
            .flat_map(|number| moments("8.10.4", number))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_are_an_error_and_nothing_worse(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let judged = diagnose("f", &bytes);
        prop_assert!(judged.get("error").is_some());
    }

    #[test]
    fn any_value_anywhere_in_a_file_is_survived(
        which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in any_json(),
    ) {
        let mut file = which.get(some_moments()).evidence.clone();
        let mut places = Vec::new();
        pointers(&file, "", &mut places);
        if let Some(place) = file.pointer_mut(at.get(&places).as_str()) {
            *place = value;
        }
        let judged = diagnose("f", &serde_json::to_vec(&file).unwrap());
        prop_assert_eq!(&judged["file"], "f");
    }
}

#[test]
fn an_endless_chain_of_causes_is_cut() {
    let mut chain = json!({ "type": "end", "reason": "r" });
    for _ in 0..60 {
        chain = json!({ "type": "t", "reason": "r", "caused_by": chain, "suppressed": [ { "type": "s" } ] });
    }
    let file = json!({
        "format": "refollow-evidence/1", "taken_at": "2026-11-23T10:00:00Z", "follower_cluster": "eu",
        "follower_index": "f", "responses": [ { "at": "2026-11-23T10:00:00Z", "cluster": "eu", "method": "GET",
        "path": "/_ccr/stats", "status": 200, "body": { "follow_stats": { "indices": [ { "index": "f", "shards": [
            { "shard_id": 0, "read_exceptions": [], "fatal_exception": chain } ] } ] } } } ] });
    let judged = diagnose("f", &serde_json::to_vec(&file).unwrap());
    assert_eq!(judged["state"], "fatal");
    let bottomless = format!(
        "{{\"format\":\"refollow-evidence/1\",\"follower_cluster\":\"eu\",\"follower_index\":\"f\",\"responses\":[{{\"body\":{}}}]}}",
        "[".repeat(200_000)
    );
    assert!(diagnose("f", bottomless.as_bytes()).get("error").is_some());
}

#[test]
fn another_format_or_no_follower_is_refused_with_a_reason() {
    for (text, reason) in [
        ("{}", "format"),
        (
            r#"{"format":"refollow-evidence/2","follower_cluster":"eu","follower_index":"f"}"#,
            "refollow-evidence/1",
        ),
        (
            r#"{"format":"refollow-evidence/1","follower_cluster":"eu","follower_index":"a,b"}"#,
            "follower_index",
        ),
    ] {
        let judged = diagnose("f", text.as_bytes());
        assert!(judged["error"].as_str().unwrap().contains(reason), "{judged}");
    }
}
