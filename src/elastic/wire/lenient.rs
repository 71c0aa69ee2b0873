//! Typed parsing that forgives one field at a time: a value of another type than expected, or
//! `null`, becomes `None` and its neighbours stay. Nothing here builds a `serde_json::Value`.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::domain::ids::{ClusterUuid, HistoryUuid, IndexName, IndexUuid, LeaseId, RemoteAlias};

/// What a JSON value of some type means for `Self`; the default of each is "not this".
pub(super) trait Want<'de>: Sized {
    fn from_text(_: &str) -> Option<Self> {
        None
    }
    /// A text that stands in the answer as it is.
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Self::from_text(text)
    }
    fn from_int(_: i64) -> Option<Self> {
        None
    }
    fn from_bool(_: bool) -> Option<Self> {
        None
    }
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        drain_map(map).map(|()| None)
    }
    fn from_seq<A: SeqAccess<'de>>(seq: A) -> Result<Option<Self>, A::Error> {
        drain_seq(seq).map(|()| None)
    }
}

/// Reads and forgets the rest of an object.
pub(super) fn drain_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// Reads and forgets the rest of a list.
pub(super) fn drain_seq<'de, A: SeqAccess<'de>>(mut seq: A) -> Result<(), A::Error> {
    while seq.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A value that may be of another type.
#[derive(Debug)]
pub(super) struct L<T>(pub Option<T>);

impl<T> Default for L<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Want<'de>> Deserialize<'de> for L<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Lenient(PhantomData)).map(L)
    }
}

struct Lenient<T>(PhantomData<T>);

impl<'de, T: Want<'de>> Visitor<'de> for Lenient<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(T::from_bool(value))
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
        Ok(T::from_int(value))
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(value).ok().and_then(T::from_int))
    }
    fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
        Ok(T::from_text(value))
    }
    fn visit_borrowed_str<E: Error>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(T::from_borrowed(value))
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::from_map(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Self::Value, A::Error> {
        T::from_seq(seq)
    }
}

impl Want<'_> for i64 {
    fn from_int(value: i64) -> Option<Self> {
        Some(value)
    }
}
impl Want<'_> for u64 {
    fn from_int(value: i64) -> Option<Self> {
        Self::try_from(value).ok()
    }
}
impl Want<'_> for u32 {
    fn from_int(value: i64) -> Option<Self> {
        Self::try_from(value).ok()
    }
}
impl Want<'_> for bool {
    fn from_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}
impl Want<'_> for String {
    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

/// A text, borrowed from the answer where it stands there without escapes.
#[derive(Debug)]
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Want<'de> for Text<'a> {
    fn from_text(text: &str) -> Option<Self> {
        Some(Self(Cow::Owned(text.to_owned())))
    }
    fn from_borrowed(text: &'de str) -> Option<Self> {
        Some(Self(Cow::Borrowed(text)))
    }
}

/// A whole number, printed as a number or as a text (`"286"`).
#[derive(Debug)]
pub(super) struct NumberOrText(pub i64);

impl Want<'_> for NumberOrText {
    fn from_int(value: i64) -> Option<Self> {
        Some(Self(value))
    }
    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().map(Self)
    }
}

macro_rules! identifiers {
    ($($name:ident),+) => {
        $(impl Want<'_> for $name {
            fn from_text(text: &str) -> Option<Self> {
                Self::parse(text).ok()
            }
        })+
    };
}
identifiers!(
    IndexName,
    RemoteAlias,
    IndexUuid,
    HistoryUuid,
    ClusterUuid,
    LeaseId
);

/// An object whose fields are all lenient; anything else is `None`.
#[derive(Debug)]
pub(super) struct Obj<T>(pub T);

impl<'de, T: Deserialize<'de>> Want<'de> for Obj<T> {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|value| Some(Self(value)))
    }
}

impl<'de, T: Deserialize<'de>> Want<'de> for Vec<T> {
    fn from_seq<A: SeqAccess<'de>>(mut seq: A) -> Result<Option<Self>, A::Error> {
        let mut list = Self::new();
        while let Some(item) = seq.next_element()? {
            list.push(item);
        }
        Ok(Some(list))
    }
}

impl<'de, T: Deserialize<'de>> Want<'de> for BTreeMap<String, T> {
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Self::new();
        while let Some((key, value)) = map.next_entry()? {
            entries.insert(key, value);
        }
        Ok(Some(entries))
    }
}

impl<'de, T: Deserialize<'de>> Want<'de> for HashMap<String, T> {
    fn from_map<A: MapAccess<'de>>(mut map: A) -> Result<Option<Self>, A::Error> {
        let mut entries = Self::new();
        while let Some((key, value)) = map.next_entry()? {
            entries.insert(key, value);
        }
        Ok(Some(entries))
    }
}

/// A tree of settings, nested or flat, as `a.b.c` → text. Lists are joined with commas.
#[derive(Debug)]
pub(super) struct Flat(pub BTreeMap<String, String>);

impl<'de> Want<'de> for Flat {
    fn from_map<A: MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
        let mut out = BTreeMap::new();
        flatten(map, "", &mut out)?;
        Ok(Some(Self(out)))
    }
}

fn flatten<'de, A: MapAccess<'de>>(
    mut map: A,
    prefix: &str,
    out: &mut BTreeMap<String, String>,
) -> Result<(), A::Error> {
    while let Some(key) = map.next_key::<Cow<'de, str>>()? {
        let path = if prefix.is_empty() {
            key.into_owned()
        } else {
            format!("{prefix}.{key}")
        };
        map.next_value_seed(FlatValue { path, out })?;
    }
    Ok(())
}

struct FlatValue<'a> {
    path: String,
    out: &'a mut BTreeMap<String, String>,
}

impl<'de> serde::de::DeserializeSeed<'de> for FlatValue<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for FlatValue<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a setting")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.out.insert(self.path, value.to_string());
        Ok(())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.out.insert(self.path, value.to_string());
        Ok(())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.out.insert(self.path, value.to_string());
        Ok(())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.out.insert(self.path, value.to_string());
        Ok(())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<(), E> {
        self.out.insert(self.path, value.to_owned());
        Ok(())
    }
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        flatten(map, &self.path, self.out)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<L<String>>()? {
            items.extend(item.0);
        }
        self.out.insert(self.path, items.join(","));
        Ok(())
    }
}
