//! Exceptions as Elasticsearch prints them: `type`, `reason`, metadata, and a chain of
//! `caused_by` whose depth is bounded here whatever the body says.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::lenient::{L, NumberOrText, Want, drain_map, drain_seq};
use crate::domain::facts::Exception;

/// Levels of `caused_by` and `suppressed` that are kept; deeper ones are read and dropped.
/// Elasticsearch itself prints chains of a handful.
const MAX_DEPTH: usize = 24;
/// Entries of one `suppressed` list that are kept.
const MAX_SUPPRESSED: usize = 8;

impl<'de> Want<'de> for Exception {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        read(map, 0)
    }
}

fn read<'de, A: MapAccess<'de>>(mut map: A, depth: usize) -> Result<Option<Exception>, A::Error> {
    let mut exception = Exception::default();
    let mut is_one = false;
    while let Some(key) = map.next_key::<Cow<'de, str>>()? {
        match &*key {
            "type" => {
                let kind: Option<String> = map.next_value::<L<String>>()?.0;
                is_one |= kind.is_some();
                exception.kind = kind.unwrap_or_default();
            }
            "reason" => {
                let reason: Option<String> = map.next_value::<L<String>>()?.0;
                is_one |= reason.is_some();
                exception.reason = reason.unwrap_or_default();
            }
            "index" => exception.index = map.next_value::<L<String>>()?.0,
            "index_uuid" => exception.index_uuid = map.next_value::<L<String>>()?.0,
            "license.expired.feature" => {
                exception.license_feature = map.next_value::<L<String>>()?.0;
            }
            "requested_operations_missing" => {
                let range = map.next_value::<L<Vec<L<NumberOrText>>>>()?.0;
                exception.requested_operations_missing = match range.as_deref() {
                    Some([L(Some(first)), L(Some(last))]) => Some((first.0, last.0)),
                    _ => None,
                };
                is_one |= exception.requested_operations_missing.is_some();
            }
            "caused_by" if depth < MAX_DEPTH => {
                let cause = map.next_value_seed(Seed(depth + 1))?;
                is_one |= cause.is_some();
                exception.caused_by = cause.map(Box::new);
            }
            "suppressed" if depth < MAX_DEPTH => {
                exception.suppressed = map.next_value_seed(ListSeed(depth + 1))?;
            }
            _ => {
                map.next_value::<IgnoredAny>()?;
            }
        }
    }
    Ok(is_one.then_some(exception))
}

/// One exception at some depth; `None` where the value is no object.
struct Seed(usize);

impl<'de> DeserializeSeed<'de> for Seed {
    type Value = Option<Exception>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! nothing_else {
    ($empty:expr) => {
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an exception")
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($empty)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($empty)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($empty)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($empty)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($empty)
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($empty)
        }
    };
}

impl<'de> Visitor<'de> for Seed {
    type Value = Option<Exception>;
    nothing_else!(None);
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        read(map, self.0)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        drain_seq(seq).map(|()| None)
    }
}

/// A list of exceptions at some depth; empty where the value is no list.
struct ListSeed(usize);

impl<'de> DeserializeSeed<'de> for ListSeed {
    type Value = Vec<Exception>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ListSeed {
    type Value = Vec<Exception>;
    nothing_else!(Vec::new());
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        drain_map(map).map(|()| Vec::new())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while list.len() < MAX_SUPPRESSED {
            match seq.next_element_seed(Seed(self.0))? {
                Some(found) => list.extend(found),
                None => return Ok(list),
            }
        }
        drain_seq(seq).map(|()| list)
    }
}

/// The body of an answer of 400 and above: `{"error": {…}, "status": n}` or `{"error": "text"}`.
#[derive(Deserialize)]
struct ErrorBody {
    #[serde(default)]
    error: L<ErrorField>,
}

struct ErrorField(Exception);

impl<'de> Want<'de> for ErrorField {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(Exception {
            reason: text.to_owned(),
            ..Exception::default()
        }))
    }
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        read(map, 0).map(|found| found.map(Self))
    }
}

/// The exception in the body of a refused call, where there is one.
pub fn of_body(body: &[u8]) -> Option<Exception> {
    let parsed: ErrorBody = serde_json::from_slice(body).ok()?;
    parsed.error.0.map(|field| field.0)
}
