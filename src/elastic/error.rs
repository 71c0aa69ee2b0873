//! Exceptions as Elasticsearch prints them, kept as their whole `caused_by` chain.
//!
//! Owns the reading of one exception object and of the `error` of a refusing answer; what a
//! whole answer means belongs to `elastic::wire`.

use serde_json::{Map, Value};

use crate::domain::facts::Exception;

/// How deep a chain is followed. Real ones have fewer than ten levels; the bound keeps a
/// hostile answer from exhausting the stack.
const DEEPEST: usize = 50;

/// Reads an exception from a whole answer (`{"error": {…}, "status": 404}`, or
/// `{"error": "text"}` as very old and proxied answers have it) or from a bare exception object
/// (`fatal_exception`, `read_exceptions[].exception`, `failures[].reason`).
///
/// `None` where there is nothing of that shape: no `error`, and neither `type` nor `reason`.
pub fn exception(value: &Value) -> Option<Exception> {
    let object = value.as_object()?;
    match object.get("error") {
        Some(Value::String(text)) => Some(Exception {
            reason: text.clone(),
            ..Exception::default()
        }),
        Some(Value::Object(error)) => one(error, 0),
        _ => one(object, 0),
    }
}

fn one(object: &Map<String, Value>, depth: usize) -> Option<Exception> {
    let text = |key: &str| object.get(key).and_then(first_text);
    let kind = text("type");
    let reason = text("reason");
    if depth > DEEPEST || (kind.is_none() && reason.is_none()) {
        return None;
    }
    let below = |value: &Value| value.as_object().and_then(|object| one(object, depth + 1));
    Some(Exception {
        kind: kind.unwrap_or_default(),
        reason: reason.unwrap_or_default(),
        index: text("index"),
        license_feature: text("license.expired.feature"),
        index_uuid: text("index_uuid"),
        requested_operations_missing: object.get("requested_operations_missing").and_then(missing),
        caused_by: object.get("caused_by").and_then(below).map(Box::new),
        suppressed: object
            .get("suppressed")
            .and_then(Value::as_array)
            .map(|list| list.iter().filter_map(below).collect())
            .unwrap_or_default(),
    })
}

/// Exception metadata is a text, or a list of texts where it has several values
/// (`ElasticsearchException.metadataToXContent`).
fn first_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Array(list) => list.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}

/// `["286","4333"]`: the first and the last missing operation. Anything but exactly two whole
/// numbers is not that mark.
fn missing(value: &Value) -> Option<(i64, i64)> {
    let number = |value: &Value| {
        value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
    };
    match value.as_array()?.as_slice() {
        [from, to] => Some((number(from)?, number(to)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_whole_chain_of_lost_history_is_kept() {
        let read = exception(&json!({
            "type": "resource_not_found_exception",
            "reason": "Operations are no longer available for replicating. …",
            "requested_operations_missing": ["286", "4333"],
            "caused_by": {
                "type": "illegal_state_exception",
                "reason": "Not all operations between from_seqno [286] and to_seqno [4333] found",
                "suppressed": [{"type": "timeout_exception", "reason": "timed out"}]
            }
        }))
        .unwrap();
        assert_eq!(read.requested_operations_missing, Some((286, 4333)));
        let kinds: Vec<_> = read.chain().map(|level| level.kind.as_str()).collect();
        assert_eq!(kinds, ["resource_not_found_exception", "illegal_state_exception"]);
        assert_eq!(read.caused_by.unwrap().suppressed[0].kind, "timeout_exception");
    }

    #[test]
    fn a_refusing_answer_yields_its_outer_exception_and_not_its_root_cause() {
        let read = exception(&json!({
            "error": {
                "root_cause": [{"type": "inner", "reason": "i"}],
                "type": "index_not_found_exception",
                "reason": "no such index [l]",
                "index": "l",
                "index_uuid": "_na_"
            },
            "status": 404
        }))
        .unwrap();
        assert_eq!(read.kind, "index_not_found_exception");
        assert_eq!(read.index.as_deref(), Some("l"));
        assert_eq!(read.index_uuid.as_deref(), Some("_na_"));
    }

    #[test]
    fn an_error_that_is_only_a_text_is_a_reason_without_a_type() {
        let read = exception(&json!({"error": "no handler found", "status": 400})).unwrap();
        assert_eq!(
            (read.kind.as_str(), read.reason.as_str()),
            ("", "no handler found")
        );
    }

    #[test]
    fn what_is_no_exception_yields_none() {
        for value in [
            json!({}),
            json!([]),
            json!("x"),
            json!({"acknowledged": true}),
            json!({"error": 5}),
        ] {
            assert_eq!(exception(&value), None, "{value}");
        }
    }

    #[test]
    fn a_malformed_mark_of_lost_history_is_not_that_mark() {
        for mark in [json!(["286"]), json!(["a", "b"]), json!("286"), json!([1, 2, 3])] {
            let read = exception(&json!({"type": "t", "reason": "r", "requested_operations_missing": mark}));
            assert_eq!(read.unwrap().requested_operations_missing, None);
        }
    }

    #[test]
    fn a_chain_without_end_is_cut_and_does_not_exhaust_the_stack() {
        let mut value = json!({"type": "t", "reason": "r"});
        for _ in 0..100 {
            value = json!({"type": "t", "reason": "r", "caused_by": value});
        }
        assert!(exception(&value).unwrap().chain().count() <= DEEPEST + 1);
    }
}
