//! Takes secrets out of what is about to be written (safety 15).

use serde_json::Value;

/// What stands in a secret's place.
const HIDDEN: &str = "(hidden)";

/// Keys whose values are secrets wherever they stand, whole objects included: task headers hold
/// the credentials that a follow task keeps.
fn is_secret_whole(key: &str) -> bool {
    matches!(
        key.to_ascii_lowercase().as_str(),
        "headers"
            | "authorization"
            | "password"
            | "secret"
            | "api_key"
            | "cluster_credentials"
            | "credentials"
    )
}

/// Keys with a secret's name in them. An object under one is looked into and not hidden: indices,
/// aliases and nodes are keys too, and one may be called `password-resets`.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    is_secret_whole(&key)
        || key.contains("password")
        || key.contains("secret")
        || key.contains("api_key")
        || key.contains("apikey")
        || key.contains("access_token")
        || key.contains("credential")
}

/// Hides secrets below `value`: whole values of the keys above, user info in URLs, and
/// `Authorization` schemes in texts. Depth is bounded by that of the parsed body.
pub fn scrub(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map.iter_mut() {
                let secret = match inner {
                    Value::Object(inner) => !inner.is_empty() && is_secret_whole(key),
                    Value::Null => false,
                    _ => is_secret(key),
                };
                if secret {
                    *inner = Value::String(HIDDEN.to_owned());
                } else {
                    scrub(inner);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(scrub),
        Value::String(text) => {
            if let Some(clean) = clean_text(text) {
                *text = clean;
            }
        }
        _ => {}
    }
}

/// The text without secrets, where it holds any.
pub(super) fn clean_text(text: &str) -> Option<String> {
    let mut clean = None::<String>;
    for scheme in ["ApiKey ", "Basic ", "Bearer "] {
        let current = clean.as_deref().unwrap_or(text);
        if let Some(at) = current.find(scheme) {
            let head = current.get(..at + scheme.len()).unwrap_or_default();
            let rest = current.get(at + scheme.len()..).unwrap_or_default();
            let token = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || "+/=_-.".contains(c)))
                .unwrap_or(rest.len());
            // Words such as "Basic licence" are no tokens.
            if token >= 16 {
                let tail = rest.get(token..).unwrap_or_default();
                clean = Some(format!("{head}{HIDDEN}{tail}"));
            }
        }
    }
    let current = clean.clone().unwrap_or_else(|| text.to_owned());
    if let Some(without) = without_user_info(&current) {
        clean = Some(without);
    }
    clean
}

/// `https://user:pass@host/…` → `https://(hidden)@host/…`, everywhere in the text.
fn without_user_info(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = text;
    let mut changed = false;
    while let Some(at) = rest.find("://") {
        let (head, tail) = rest.split_at(at + 3);
        out.push_str(head);
        let end = tail
            .find(['/', '?', '#', ' ', '"', '\'', ']', ')'])
            .unwrap_or(tail.len());
        let (authority, after) = tail.split_at(end);
        match authority.rsplit_once('@') {
            Some((_, host)) => {
                out.push_str(HIDDEN);
                out.push('@');
                out.push_str(host);
                changed = true;
            }
            None => out.push_str(authority),
        }
        rest = after;
    }
    out.push_str(rest);
    changed.then_some(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::scrub;

    #[test]
    fn no_secret_survives_wherever_it_stands() {
        let mut value = json!({
            "headers": {"Authorization": "ApiKey c2VjcmV0LXNlY3JldC1zZWNyZXQ="},
            "tasks": [{"params": {"headers": {"_xpack_security_authentication": "abc"}}}],
            "auth": {"password": "hunter2", "api_key": "k"},
            "reason": "sent Authorization: Basic aHVudGVyMjpodW50ZXIyaHVudGVyMg== to https://ann:pw@host:9200/x",
        });
        scrub(&mut value);
        let text = value.to_string();
        for secret in ["c2VjcmV0", "abc", "hunter2", "aHVudGVy", "ann:pw"] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }

    #[test]
    fn an_index_with_a_secrets_name_in_its_name_is_no_secret() {
        let mut value = json!({"indices": {"password-resets": {
            "uuid": "u", "settings": {"index.x.secret_key": "k", "credential_store": {"password": "p"}},
        }}});
        scrub(&mut value);
        assert_eq!(value.pointer("/indices/password-resets/uuid").unwrap(), "u");
        let text = value.to_string();
        assert!(!text.contains("\"k\"") && !text.contains("\"p\""), "{text}");
    }

    #[test]
    fn what_is_no_secret_stays_as_it_was() {
        let mut value = json!({"headers": {}, "reason": "Basic licence", "index": "orders"});
        let before = value.clone();
        scrub(&mut value);
        assert_eq!(value, before);
    }
}
