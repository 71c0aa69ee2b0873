//! What may become of an answer on its way, and how bold a verdict is: shared by the tests of boldness.

use refollow::domain::verdict::Verdict;
use serde_json::{Value, json};

/// Boldness (contract), and on the last two rungs how weak the approval is: a weaker one is bolder.
pub fn boldness(verdict: &Verdict) -> (u8, u8) {
    let rung = verdict.boldness();
    let approval = match verdict.approval.as_str() {
        "never" => 0,
        "always" => 1,
        _ => 2,
    };
    (rung, if rung >= 2 { approval } else { 0 })
}

/// Ways in which [`mangled`] mangles.
pub const WAYS: usize = 14;

/// One answer, mangled on its way.
pub fn mangled(response: &Value, way: usize) -> Value {
    let mut response = response.clone();
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
        11 => response["path"] = json!("/_nowhere"),
        12 => response["cluster"] = json!("another"),
        _ => {
            let text = response["body"].to_string();
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            response["body"] = json!(half);
        }
    }
    response
}
