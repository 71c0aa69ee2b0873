//! Calls about a whole cluster: root, licence, cluster health, settings, nodes, data streams.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::lenient::{Flat, L, Obj};
use super::{Table, parse_object, table_of};
use crate::domain::facts::{ClusterHealth, EsVersion, Health, License, Node, Root};
use crate::domain::ids::ClusterUuid;
use crate::domain::seen::Seen;

#[derive(Deserialize)]
struct RawRoot {
    #[serde(default)]
    cluster_name: L<String>,
    #[serde(default)]
    cluster_uuid: L<ClusterUuid>,
    #[serde(default)]
    version: L<Obj<RawVersion>>,
}

#[derive(Deserialize)]
struct RawVersion {
    #[serde(default)]
    number: L<String>,
}

pub(super) fn root(body: &[u8]) -> Result<Root, String> {
    let raw: RawRoot = parse_object(body)?;
    Ok(Root {
        cluster_name: raw.cluster_name.0.ok_or("it names no cluster")?,
        cluster_uuid: raw.cluster_uuid.0,
        version: raw
            .version
            .0
            .and_then(|Obj(version)| version.number.0)
            .and_then(|text| EsVersion::parse(&text))
            .ok_or("it holds no version number")?,
    })
}

#[derive(Deserialize)]
struct RawLicenseBody {
    #[serde(default)]
    license: L<Obj<RawLicense>>,
}

#[derive(Deserialize)]
struct RawLicense {
    #[serde(default, rename = "type")]
    kind: L<String>,
    #[serde(default)]
    status: L<String>,
    #[serde(default)]
    expiry_date_in_millis: L<i64>,
}

pub(super) fn license(body: &[u8]) -> Result<License, String> {
    let raw: RawLicenseBody = parse_object(body)?;
    let Obj(raw) = raw.license.0.ok_or("it holds no licence")?;
    Ok(License {
        kind: raw.kind.0.ok_or("its licence has no type")?,
        status: raw.status.0.ok_or("its licence has no status")?,
        expires_at: raw
            .expiry_date_in_millis
            .0
            .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok()),
    })
}

pub(super) fn colour(text: &str) -> Option<Health> {
    if text.eq_ignore_ascii_case("green") {
        Some(Health::Green)
    } else if text.eq_ignore_ascii_case("yellow") {
        Some(Health::Yellow)
    } else if text.eq_ignore_ascii_case("red") {
        Some(Health::Red)
    } else {
        None
    }
}

#[derive(Deserialize)]
struct RawClusterHealth {
    #[serde(default)]
    status: L<String>,
    #[serde(default)]
    number_of_nodes: L<u32>,
    #[serde(default)]
    number_of_data_nodes: L<u32>,
    #[serde(default)]
    number_of_pending_tasks: L<u64>,
    #[serde(default)]
    relocating_shards: L<u64>,
}

pub(super) fn health(body: &[u8]) -> Result<ClusterHealth, String> {
    let raw: RawClusterHealth = parse_object(body)?;
    Ok(ClusterHealth {
        status: raw
            .status
            .0
            .as_deref()
            .and_then(colour)
            .ok_or("it holds no status")?,
        nodes: raw.number_of_nodes.0,
        data_nodes: raw.number_of_data_nodes.0,
        pending_tasks: raw.number_of_pending_tasks.0,
        relocating_shards: raw.relocating_shards.0,
    })
}

#[derive(Deserialize)]
struct RawSettings {
    #[serde(default)]
    defaults: L<Flat>,
    #[serde(default)]
    persistent: L<Flat>,
    #[serde(default)]
    transient: L<Flat>,
}

/// Transient over persistent over default.
pub(super) fn settings(body: &[u8]) -> Result<BTreeMap<String, String>, String> {
    let raw: RawSettings = parse_object(body)?;
    if raw.defaults.0.is_none() && raw.persistent.0.is_none() && raw.transient.0.is_none() {
        return Err("it holds no settings".to_owned());
    }
    let mut merged = BTreeMap::new();
    for part in [raw.defaults, raw.persistent, raw.transient] {
        if let Some(Flat(part)) = part.0 {
            merged.extend(part);
        }
    }
    Ok(merged)
}

#[derive(Deserialize)]
struct RawNodes {
    #[serde(default)]
    nodes: L<HashMap<String, L<Obj<RawNode>>>>,
}

#[derive(Deserialize)]
struct RawNode {
    #[serde(default)]
    name: L<String>,
    #[serde(default)]
    version: L<String>,
    #[serde(default)]
    roles: L<Vec<L<String>>>,
    #[serde(default)]
    attributes: L<HashMap<String, L<String>>>,
}

pub(super) fn nodes(body: &[u8]) -> Result<Vec<Node>, String> {
    let raw: RawNodes = parse_object(body)?;
    let nodes = raw.nodes.0.ok_or("it holds no `nodes`")?;
    Ok(nodes
        .into_iter()
        .filter_map(|(id, node)| Some((id, node.0?)))
        .map(|(id, Obj(node))| Node {
            id,
            name: node.name.0,
            version: node.version.0.and_then(|text| EsVersion::parse(&text)),
            roles: node
                .roles
                .0
                .unwrap_or_default()
                .into_iter()
                .filter_map(|role| role.0)
                .collect(),
            // One that cannot be read makes all of them unknown: a filter may name it.
            attributes: node.attributes.0.and_then(|all| {
                all.into_iter()
                    .map(|(name, value)| Some((name, value.0?)))
                    .collect()
            }),
        })
        .collect())
}

#[derive(Deserialize)]
struct RawStreams {
    #[serde(default)]
    data_streams: L<Vec<L<Obj<RawStream>>>>,
}

#[derive(Deserialize)]
struct RawStream {
    #[serde(default)]
    name: L<String>,
    #[serde(default)]
    indices: L<Vec<L<Obj<RawBacking>>>>,
}

#[derive(Deserialize)]
struct RawBacking {
    #[serde(default)]
    index_name: L<String>,
}

/// The data stream of each backing index.
pub(super) fn data_streams(body: &[u8]) -> Result<Table<String>, String> {
    let raw: RawStreams = parse_object(body)?;
    let streams = raw.data_streams.0.ok_or("it holds no list `data_streams`")?;
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    let mut unreadable = 0;
    for stream in streams {
        let Some((name, indices)) = stream
            .0
            .and_then(|Obj(stream)| Some((stream.name.0?, stream.indices.0?)))
        else {
            unreadable += 1;
            continue;
        };
        for index in indices.into_iter().filter_map(|index| index.0?.0.index_name.0) {
            owners.insert(index, name.clone());
        }
    }
    let mut table = table_of(owners, |_, name| Some(name));
    table.unreadable += unreadable;
    Ok(table)
}

/// A document count: `_count`, or `hits.total` of a search (an object since 7.0).
pub(super) fn count(body: &[u8]) -> Seen<u64> {
    #[derive(Deserialize)]
    struct Raw {
        #[serde(default)]
        count: L<u64>,
        #[serde(default)]
        hits: L<Obj<Hits>>,
        #[serde(default, rename = "_shards")]
        shards: L<Obj<Shards>>,
    }
    #[derive(Deserialize)]
    struct Hits {
        #[serde(default)]
        total: L<Total>,
    }
    #[derive(Deserialize)]
    struct Shards {
        #[serde(default)]
        failed: L<u64>,
    }
    struct Total(u64);
    impl<'de> super::lenient::Want<'de> for Total {
        fn from_int(value: i64) -> Option<Self> {
            u64::try_from(value).ok().map(Self)
        }
        fn from_map<A: serde::de::MapAccess<'de>>(map: A) -> Result<Option<Self>, A::Error> {
            #[derive(Deserialize)]
            struct Raw {
                #[serde(default)]
                value: L<u64>,
                #[serde(default)]
                relation: L<String>,
            }
            let raw = Raw::deserialize(serde::de::value::MapAccessDeserializer::new(map))?;
            Ok(raw
                .value
                .0
                .filter(|_| raw.relation.0.as_deref() == Some("eq"))
                .map(Self))
        }
    }
    let raw: Raw = match parse_object(body) {
        Ok(raw) => raw,
        Err(why) => return super::unreadable(body, &why),
    };
    if raw.shards.0.and_then(|Obj(shards)| shards.failed.0).unwrap_or(0) > 0 {
        return Seen::unknown("some shards did not answer the count");
    }
    match raw
        .count
        .0
        .or(raw.hits.0.and_then(|Obj(hits)| hits.total.0).map(|total| total.0))
    {
        Some(count) => Seen::Present(count),
        None => super::unreadable(body, "it holds no count"),
    }
}
