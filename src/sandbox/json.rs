//! What Elasticsearch does to every body: `filter_path`, flat and nested settings, sizes and
//! times with units.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Keeps only what the comma list of `filter_path` patterns names (`*` one level, `**` any).
pub fn filter(value: Value, patterns: &str) -> Value {
    let include: Vec<Vec<&str>> = patterns
        .split(',')
        .filter(|pattern| !pattern.is_empty() && !pattern.starts_with('-'))
        .map(|pattern| pattern.split('.').collect())
        .collect();
    if include.is_empty() {
        return value;
    }
    let paths: Vec<&[&str]> = include.iter().map(Vec::as_slice).collect();
    let is_list = value.is_array();
    keep(value, &paths).unwrap_or_else(|| {
        if is_list {
            Value::Array(Vec::new())
        } else {
            Value::Object(Map::new())
        }
    })
}

/// Whether a comma list of `filter_path` patterns may leave something at or below a path.
pub fn may_show(patterns: &str, path: &str) -> bool {
    let mut include = patterns
        .split(',')
        .filter(|pattern| !pattern.is_empty() && !pattern.starts_with('-'))
        .peekable();
    include.peek().is_none()
        || include.any(|pattern| {
            let levels = pattern.split('.').zip(path.split('.'));
            pattern.contains("**") || levels.into_iter().all(|(level, key)| wildcard(level, key))
        })
}

fn keep(value: Value, paths: &[&[&str]]) -> Option<Value> {
    if paths
        .iter()
        .any(|path| path.is_empty() || path == &["**"].as_slice())
    {
        return Some(value);
    }
    match value {
        Value::Object(object) => {
            let mut kept = Map::new();
            for (key, inner) in object {
                let mut rest: Vec<&[&str]> = Vec::new();
                for path in paths {
                    descend(&key, path, &mut rest);
                }
                if rest.is_empty() {
                    continue;
                }
                if let Some(inner) = keep(inner, &rest) {
                    kept.insert(key, inner);
                }
            }
            (!kept.is_empty()).then_some(Value::Object(kept))
        }
        Value::Array(items) => {
            let kept: Vec<Value> = items.into_iter().filter_map(|item| keep(item, paths)).collect();
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

fn descend<'a>(key: &str, path: &'a [&'a str], rest: &mut Vec<&'a [&'a str]>) {
    let Some((first, tail)) = path.split_first() else {
        return;
    };
    if *first == "**" {
        rest.push(path);
        descend(key, tail, rest);
        return;
    }
    if wildcard(first, key) {
        rest.push(tail);
    } else {
        // A key may itself hold dots (flat settings): it matches several levels of the pattern.
        for taken in 2..=path.len() {
            let (head, tail) = path.split_at(taken);
            if wildcard(&head.join("."), key) {
                rest.push(tail);
            }
        }
    }
}

/// Whether `text` matches a pattern in which `*` stands for anything.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(first) = parts.next() else {
        return text.is_empty();
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else {
        return rest.is_empty();
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

/// Flattens nested settings to dotted keys; `null` stays, as the wish to remove.
pub fn flatten(value: &Value) -> BTreeMap<String, Value> {
    let mut flat = BTreeMap::new();
    collect(value, String::new(), &mut flat);
    flat
}

fn collect(value: &Value, prefix: String, flat: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let path = if prefix.is_empty() {
                    key.clone()
                } else {
                    format!("{prefix}.{key}")
                };
                collect(inner, path, flat);
            }
        }
        other => {
            flat.insert(prefix, other.clone());
        }
    }
}

/// A setting as Elasticsearch keeps it: text, or a list of texts.
pub fn setting(value: &Value) -> Value {
    match value {
        Value::String(_) | Value::Null => value.clone(),
        Value::Array(items) => Value::Array(items.iter().map(setting).collect()),
        other => Value::String(other.to_string()),
    }
}

/// Dotted keys back to nested objects, as settings are printed without `flat_settings`.
pub fn nest<'a>(flat: impl IntoIterator<Item = (&'a String, &'a Value)>) -> Value {
    let mut root = Map::new();
    for (key, value) in flat {
        let path: Vec<&str> = key.split('.').collect();
        place(&mut root, &path, value);
    }
    Value::Object(root)
}

fn place(at: &mut Map<String, Value>, path: &[&str], value: &Value) {
    match path {
        [] => {}
        [last] => {
            at.insert((*last).to_owned(), value.clone());
        }
        [first, rest @ ..] => {
            let slot = at
                .entry((*first).to_owned())
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = slot {
                place(inner, rest, value);
            }
        }
    }
}

/// Milliseconds of a time with a unit (`1m`, `500ms`), `None` where it is none.
pub fn millis(text: &str) -> Option<i64> {
    let split = text.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let number: i64 = number.trim().parse().ok()?;
    let factor = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "micros" | "nanos" => return Some(0),
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Bytes of a size with a unit (`40mb`, `100kb`, `12b`).
pub fn bytes(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let split = lower.find(|c: char| c.is_alphabetic())?;
    let (number, unit) = lower.split_at(split);
    let number: u64 = number.trim().parse().ok()?;
    let factor: u64 = match unit {
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn filter_path_keeps_what_it_names() {
        let body =
            json!({"indices": {"a": {"uuid": "u", "shards": {"0": [{"x": 1, "leases": 2}]}}}, "took": 3});
        assert_eq!(
            filter(body.clone(), "indices.*.uuid,indices.*.shards.*.leases"),
            json!({"indices": {"a": {"uuid": "u", "shards": {"0": [{"leases": 2}]}}}})
        );
        assert_eq!(
            filter(body.clone(), "**.x"),
            json!({"indices": {"a": {"shards": {"0": [{"x": 1}]}}}})
        );
        assert_eq!(filter(body.clone(), "nothing"), json!({}));
    }

    #[test]
    fn settings_nest_and_flatten() {
        let flat = flatten(&json!({"index": {"a.b": 1, "c": {"d": null}}}));
        assert_eq!(flat.get("index.a.b"), Some(&json!(1)));
        assert_eq!(flat.get("index.c.d"), Some(&Value::Null));
        assert_eq!(nest(&flat), json!({"index": {"a": {"b": 1}, "c": {"d": null}}}));
    }

    #[test]
    fn wildcards_match_whole_names() {
        assert!(wildcard("orders*", "orders-f") && wildcard("*", "") && wildcard("a*c", "abc"));
        assert!(!wildcard("orders", "orders-f") && !wildcard("a*c", "ab"));
    }
}
