//! Answers that are no answers: what Elasticsearch refused, and what it did not write at all.
//!
//! Owns telling the two apart. The reading of an exception, with its whole `caused_by` chain,
//! is `elastic::wire`'s; it is named here because refusals are read in `client` and `write`.

use serde_json::Value;

use crate::elastic::transport::Response;
use crate::elastic::wire;

pub use wire::exception_of as exception;

/// Whether an error answer was written by Elasticsearch: it names itself (7.14 and later), or
/// its body is `{"error": {"type", "reason", …}, …}`, or `{"error": "…", "status": n}` (no
/// handler for the path).
pub fn is_elastic_error(response: &Response) -> bool {
    let Ok(Value::Object(body)) = serde_json::from_slice::<Value>(&response.body) else {
        return false;
    };
    match body.get("error") {
        Some(Value::Object(error)) => error.contains_key("type") && error.contains_key("reason"),
        Some(Value::String(_)) => body.len() == 2 && body.get("status").is_some_and(Value::is_u64),
        _ => response.product.as_deref() == Some("Elasticsearch"),
    }
}

/// The beginning of a body that is not what it should be, on one line, for people.
pub fn shown(body: &[u8]) -> String {
    if body.trim_ascii().is_empty() {
        return "(an empty body)".to_owned();
    }
    wire::beginning(body.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Option<crate::domain::facts::Exception> {
        exception(value.to_string().as_bytes())
    }

    #[test]
    fn a_refusing_answer_yields_its_outer_exception_with_its_chain_and_not_its_root_cause() {
        let read = read(&json!({
            "error": {
                "root_cause": [{"type": "inner", "reason": "i"}],
                "type": "index_not_found_exception",
                "reason": "no such index [l]",
                "index": "l",
                "index_uuid": "_na_",
                "caused_by": {"type": "cause", "reason": "c", "suppressed": [{"type": "timeout_exception", "reason": "t"}]}
            },
            "status": 404
        }))
        .unwrap();
        let kinds: Vec<_> = read.chain().map(|level| level.kind.as_str()).collect();
        assert_eq!(kinds, ["index_not_found_exception", "cause"]);
        assert_eq!(
            (read.index.as_deref(), read.index_uuid.as_deref()),
            (Some("l"), Some("_na_"))
        );
        assert_eq!(read.caused_by.unwrap().suppressed[0].kind, "timeout_exception");
    }

    #[test]
    fn an_error_that_is_only_a_text_is_a_reason_without_a_type() {
        let read = read(&json!({"error": "no handler found", "status": 400})).unwrap();
        assert_eq!(
            (read.kind.as_str(), read.reason.as_str()),
            ("", "no handler found")
        );
    }

    #[test]
    fn what_is_no_refusal_yields_no_exception() {
        for value in [
            json!({}),
            json!([]),
            json!("x"),
            json!({"acknowledged": true}),
            json!({"error": 5}),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    #[test]
    fn a_proxys_error_is_not_elasticsearchs() {
        let response = |body: &str, product: Option<&str>| Response {
            status: 503,
            body: bytes::Bytes::copy_from_slice(body.as_bytes()),
            content_type: None,
            product: product.map(str::to_owned),
            retry_after: None,
        };
        let exception = r#"{"error":{"root_cause":[],"type":"t","reason":null},"status":503}"#;
        assert!(is_elastic_error(&response(exception, None)));
        assert!(is_elastic_error(&response(
            r#"{"error":"no handler","status":400}"#,
            None
        )));
        assert!(is_elastic_error(&response(
            r#"{"timed_out":true}"#,
            Some("Elasticsearch")
        )));
        for body in [
            "",
            "<html>",
            "upstream connect error",
            r#"{"timed_out":true}"#,
            r#"{"ok":false,"message":"no capacity"}"#,
            r#"{"timestamp":1,"status":404,"error":"Not Found","path":"/"}"#,
            r#"{"error":{"message":"m"}}"#,
        ] {
            assert!(!is_elastic_error(&response(body, None)), "{body}");
        }
    }

    #[test]
    fn the_beginning_of_a_body_is_one_short_line() {
        assert_eq!(shown(b" \n"), "(an empty body)");
        assert_eq!(shown(b" <html>\n<p>"), "<html>\\n<p>");
        let long = shown("größe".repeat(500).as_bytes());
        assert!(long.chars().count() <= 160 && long.starts_with("größe"), "{long}");
    }
}
