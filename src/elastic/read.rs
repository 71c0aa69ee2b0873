//! Every call that only looks: its method, its target and the versions that have it.
//!
//! Owns targets, not meanings: what an answer says belongs to `elastic::wire`. No call carries
//! `timeout` or `master_timeout` where an old version refuses it (`measured.md`); the one
//! `timeout` here is that of cluster health, which every version takes.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::domain::facts::EsVersion;
use crate::domain::ids::{IndexName, RemoteAlias, SnapshotRef};
use crate::elastic::transport::{Credential, Method};

/// Longest target that is sent. Elasticsearch refuses request lines longer than 4,096 bytes
/// (`http.max_initial_line_length`); a list that would be longer is asked in several calls.
pub const LONGEST_TARGET: usize = 4_000;

/// Everything but the unreserved characters of RFC 3986: an index name can hold nearly any
/// character of Unicode, and `%`, `&` and `=` too.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

const META: &str = "cluster_name,cluster_uuid,metadata.indices.*.state,metadata.indices.*.settings,\
                    metadata.indices.*.ccr,metadata.indices.*.primary_terms,metadata.indices.*.aliases,\
                    metadata.indices.*.routing_num_shards";
const STATS: &str = "_shards,indices.*.uuid,indices.*.primaries.docs,indices.*.primaries.store,\
                     indices.*.shards.*.routing,indices.*.shards.*.commit.user_data,\
                     indices.*.shards.*.seq_no,indices.*.shards.*.retention_leases,\
                     indices.*.shards.*.docs,indices.*.shards.*.store";

const CREATED: &str = "index.uuid,index.creation_date,index.soft_deletes.enabled,index.store.type,\
                       index.xpack.ccr.following_index";

/// One thing to look at on one cluster (reference 1 and 1.5).
///
/// A list of more than one index is asked with `ignore_unavailable=true` where the call would
/// otherwise fail as a whole for one missing or closed index. So an index that a list lacks is
/// *not known*, never absent: ask for it by its name.
#[derive(Debug, Clone, PartialEq)]
pub enum Look {
    /// `GET /`: version, cluster name and UUID.
    Root,
    /// `GET /_license`.
    License,
    /// `GET /_ccr/stats`: all followers with a task, and auto-follow.
    FollowStats,
    /// `GET /<f>/_ccr/stats`.
    FollowStatsOf(IndexName),
    /// `GET /*,.*/_ccr/info`: `_all` and `*` leave hidden indices out (`measured.md`).
    FollowInfoAll,
    /// `GET /<f>/_ccr/info`.
    FollowInfoOf(IndexName),
    /// `GET /_remote/info`.
    RemoteInfo,
    /// `GET /_cluster/state/metadata/<list>`, filtered. Missing indices are left out; the answer
    /// carries `cluster_name` and `cluster_uuid`, so that an empty one is known to be whole.
    Meta(Vec<IndexName>),
    /// The same with `routing_table`.
    MetaAndRouting(Vec<IndexName>),
    /// `GET /_cluster/state/metadata?filter_path=metadata.persistent_tasks`.
    PersistentTasks,
    /// `GET /<list>/_settings?flat_settings=true`.
    Settings(Vec<IndexName>),
    /// `GET /<patterns>/_settings/<names>`: name, UUID and date of the open indices of a leader
    /// cluster that auto-follow patterns name, and what would keep them from being followed.
    LeaderIndices(Vec<String>),
    /// `GET /<i>/_mapping`: a drill knows its indices by a field of their mapping.
    Mapping(IndexName),
    /// `GET /<list>/_alias`.
    Aliases(Vec<IndexName>),
    /// `GET /_cluster/health/<i>?level=shards`. Elasticsearch waits for an index that does not
    /// exist (30 s by default) and then answers 408; it is told to wait 1 s.
    Health(IndexName),
    /// `GET /_cluster/health`.
    ClusterHealth,
    /// `GET /<i>/_recovery?active_only=false`.
    Recovery(IndexName),
    /// `GET /<list>/_stats?level=shards`, filtered: UUIDs, documents, histories, sequence
    /// numbers, leases. Asked alone, a missing index is 404 and a closed one 400.
    IndexStats(Vec<IndexName>),
    /// `GET /_cluster/allocation/explain` of a primary.
    Explain {
        /// The index.
        index: IndexName,
        /// The shard's number.
        shard: u32,
    },
    /// `GET /_nodes`: versions and roles.
    Nodes,
    /// `GET /_nodes/stats/fs`: disk space.
    NodesFs,
    /// `GET /_cat/allocation`.
    CatAllocation,
    /// `GET /_cluster/settings?include_defaults=true&flat_settings=true`.
    ClusterSettings,
    /// `GET /_cluster/pending_tasks`.
    PendingTasks,
    /// `GET /_snapshot/_status`: snapshots that run now.
    SnapshotStatus,
    /// `GET /_snapshot/<repository>/<snapshot>`: one finished or running snapshot (needs
    /// `monitor_snapshot`).
    Snapshot(SnapshotRef),
    /// `GET /_cluster/state/customs`, filtered: snapshots and restores that run, for users to
    /// whom `_snapshot/_status` is forbidden (it needs `monitor_snapshot`; this needs `monitor`).
    Customs,
    /// `GET /<i>/_ilm/explain`.
    IlmExplain(IndexName),
    /// `GET /_ccr/auto_follow` (needs cluster `manage_ccr`).
    AutoFollow,
    /// `GET /_data_stream` (7.9 and later): those that are not hidden.
    DataStreams,
    /// `GET /_data_stream?expand_wildcards=all` (asked from 8.0 on).
    AllDataStreams,
    /// `GET /_ilm/policy/<name>` (needs `read_ilm`).
    IlmPolicy(String),
    /// `POST /_security/user/_has_privileges`: a question, though a POST.
    HasPrivileges {
        /// Whose privileges.
        credential: Credential,
        /// `cluster` and `index` as the API takes them.
        body: Value,
    },
    /// `GET /<i>/_count`.
    Count(IndexName),
    /// `GET /<i>/_refresh`: makes what was written countable; changes no document. Needs index
    /// `maintenance` or `manage`, which the acting credentials have on the follower.
    Refresh(IndexName),
    /// Counts the leader's documents through the follower cluster's alias.
    RemoteCount {
        /// The alias.
        alias: RemoteAlias,
        /// The leader index.
        leader: IndexName,
    },
    /// `GET /_resolve/cluster/<alias>:<leader>` (8.13 and later).
    ResolveCluster {
        /// The alias.
        alias: RemoteAlias,
        /// The leader index.
        leader: IndexName,
    },
}

/// One request of a look, ready to send.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// `GET`, or `POST` for `_has_privileges`.
    pub method: Method,
    /// Path and query, percent-encoded.
    pub path: String,
    /// JSON body, where the call has one.
    pub body: Option<Value>,
}

impl Look {
    /// The requests of this look: one, or several where a list is long; none for an empty list
    /// (an empty list in a path would mean *every* index).
    pub fn targets(&self) -> Vec<Target> {
        match self {
            Self::Meta(list) => lists(
                list,
                "/_cluster/state/metadata/",
                &format!("?filter_path={META}"),
                "",
            ),
            Self::MetaAndRouting(list) => lists(
                list,
                "/_cluster/state/metadata,routing_table/",
                &format!("?filter_path={META},routing_table.indices"),
                "",
            ),
            Self::Settings(list) => lists(
                list,
                "/",
                "/_settings?flat_settings=true",
                "&ignore_unavailable=true",
            ),
            Self::LeaderIndices(patterns) => lists(
                patterns,
                "/",
                &format!(
                    "/_settings/{CREATED}?flat_settings=true&expand_wildcards=open&ignore_unavailable=true"
                ),
                "",
            ),
            Self::Aliases(list) => lists(list, "/", "/_alias", "?ignore_unavailable=true"),
            Self::IndexStats(list) => lists(
                list,
                "/",
                &format!("/_stats?level=shards&filter_path={STATS}"),
                "&ignore_unavailable=true",
            ),
            Self::Explain { index, shard } => vec![Target {
                method: Method::Get,
                path: "/_cluster/allocation/explain".to_owned(),
                body: Some(json!({"index": index.as_str(), "shard": shard, "primary": true})),
            }],
            Self::HasPrivileges { body, .. } => vec![Target {
                method: Method::Post,
                path: "/_security/user/_has_privileges".to_owned(),
                body: Some(body.clone()),
            }],
            _ => vec![get(self.single())],
        }
    }

    /// Path of a look that is always exactly one `GET`.
    fn single(&self) -> String {
        let of = |index: &IndexName, rest: &str| format!("/{}/{rest}", encode(index.as_str()));
        let through = |alias: &RemoteAlias, leader: &IndexName| {
            format!("{}:{}", encode(alias.as_str()), encode(leader.as_str()))
        };
        match self {
            Self::License => "/_license".to_owned(),
            Self::FollowStats => "/_ccr/stats".to_owned(),
            Self::FollowStatsOf(index) => of(index, "_ccr/stats"),
            Self::FollowInfoAll => "/*,.*/_ccr/info".to_owned(),
            Self::FollowInfoOf(index) => of(index, "_ccr/info"),
            Self::RemoteInfo => "/_remote/info".to_owned(),
            Self::PersistentTasks => {
                "/_cluster/state/metadata?filter_path=cluster_name,cluster_uuid,metadata.persistent_tasks"
                    .to_owned()
            }
            Self::Health(index) => {
                format!(
                    "/_cluster/health/{}?level=shards&timeout=1s",
                    encode(index.as_str())
                )
            }
            Self::ClusterHealth => "/_cluster/health".to_owned(),
            Self::Recovery(index) => of(index, "_recovery?active_only=false"),
            Self::Nodes => {
                "/_nodes?filter_path=nodes.*.roles,nodes.*.version,nodes.*.name,nodes.*.attributes".to_owned()
            }
            Self::NodesFs => {
                "/_nodes/stats/fs?filter_path=nodes.*.name,nodes.*.roles,nodes.*.fs.total".to_owned()
            }
            Self::CatAllocation => "/_cat/allocation?bytes=b&format=json".to_owned(),
            Self::ClusterSettings => "/_cluster/settings?include_defaults=true&flat_settings=true".to_owned(),
            Self::PendingTasks => "/_cluster/pending_tasks".to_owned(),
            Self::SnapshotStatus => "/_snapshot/_status".to_owned(),
            Self::Snapshot(name) => {
                format!(
                    "/_snapshot/{}/{}",
                    encode(&name.repository),
                    encode(&name.snapshot)
                )
            }
            Self::Customs => "/_cluster/state/customs?filter_path=cluster_uuid,snapshots,restore".to_owned(),
            Self::IlmExplain(index) => of(index, "_ilm/explain"),
            Self::Mapping(index) => of(index, "_mapping"),
            Self::AutoFollow => "/_ccr/auto_follow".to_owned(),
            Self::DataStreams => "/_data_stream".to_owned(),
            Self::AllDataStreams => "/_data_stream?expand_wildcards=all".to_owned(),
            Self::IlmPolicy(name) => {
                format!(
                    "/_ilm/policy/{}",
                    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
                )
            }
            Self::Count(index) => of(index, "_count"),
            Self::Refresh(index) => of(index, "_refresh"),
            Self::RemoteCount { alias, leader } => {
                format!("/{}/_search?size=0&track_total_hits=true", through(alias, leader))
            }
            Self::ResolveCluster { alias, leader } => format!("/_resolve/cluster/{}", through(alias, leader)),
            // `targets` answers for these; `/` asks for nothing that could be mistaken for them.
            Self::Root
            | Self::Meta(_)
            | Self::MetaAndRouting(_)
            | Self::Settings(_)
            | Self::LeaderIndices(_)
            | Self::Aliases(_)
            | Self::IndexStats(_)
            | Self::Explain { .. }
            | Self::HasPrivileges { .. } => "/".to_owned(),
        }
    }

    /// Whether a cluster of this version has the call; one that lacks it is never sent it.
    pub fn supports(&self, version: EsVersion) -> bool {
        let since = match self {
            Self::DataStreams => (7, 9),
            Self::AllDataStreams => (8, 0),
            Self::ResolveCluster { .. } => (8, 13),
            _ => (7, 7),
        };
        (version.major, version.minor) >= since
    }

    /// With which credential it is sent.
    pub fn credential(&self) -> Credential {
        match self {
            Self::HasPrivileges { credential, .. } => *credential,
            Self::Refresh(_) => Credential::Act,
            _ => Credential::Read,
        }
    }
}

fn get(path: String) -> Target {
    Target {
        method: Method::Get,
        path,
        body: None,
    }
}

/// One `GET` per chunk of names or patterns; `several` is added where a chunk has more than one.
fn lists<N: AsRef<str>>(names: &[N], before: &str, after: &str, several: &str) -> Vec<Target> {
    let room = LONGEST_TARGET.saturating_sub(before.len() + after.len() + several.len());
    let mut chunks: Vec<(String, bool)> = Vec::new();
    for name in names {
        let name = encode_pattern(name.as_ref());
        match chunks.last_mut() {
            Some((list, many)) if list.len() + 1 + name.len() <= room => {
                list.push(',');
                list.push_str(&name);
                *many = true;
            }
            _ => chunks.push((name, false)),
        }
    }
    chunks
        .into_iter()
        .map(|(list, many)| {
            let mut path = String::with_capacity(LONGEST_TARGET);
            let more = if many { several } else { "" };
            // Writing to a String cannot fail.
            let _infallible = write!(path, "{before}{list}{after}{more}");
            get(path)
        })
        .collect()
}

/// The same with its stars left as they are: no index name holds one.
fn encode_pattern(text: &str) -> String {
    encode(text).replace("%2A", "*")
}

/// One path segment, percent-encoded.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(name: &str) -> IndexName {
        IndexName::parse(name).unwrap()
    }

    fn paths(look: &Look) -> Vec<String> {
        look.targets().into_iter().map(|target| target.path).collect()
    }

    #[test]
    fn names_are_percent_encoded() {
        assert_eq!(
            paths(&Look::Count(index("größe%a&b"))),
            ["/gr%C3%B6%C3%9Fe%25a%26b/_count"]
        );
    }

    #[test]
    fn no_target_is_longer_than_elasticsearch_reads_and_no_name_is_lost() {
        let names: Vec<_> = (0..500).map(|n| index(&format!("ünlü-index-{n:04}"))).collect();
        for look in [
            Look::Meta(names.clone()),
            Look::MetaAndRouting(names.clone()),
            Look::Settings(names.clone()),
            Look::Aliases(names.clone()),
            Look::IndexStats(names.clone()),
        ] {
            let paths = paths(&look);
            assert!(paths.len() > 1);
            assert!(paths.iter().all(|path| path.len() <= LONGEST_TARGET), "{look:?}");
            let all = paths.join(" ");
            for name in &names {
                assert_eq!(all.matches(&encode(name.as_str())).count(), 1);
            }
        }
    }

    #[test]
    fn an_empty_list_asks_nothing() {
        assert!(Look::Settings(Vec::new()).targets().is_empty());
        assert!(Look::IndexStats(Vec::new()).targets().is_empty());
    }

    #[test]
    fn one_name_is_asked_strictly_and_several_leniently() {
        assert!(!paths(&Look::IndexStats(vec![index("a")]))[0].contains("ignore_unavailable"));
        assert!(paths(&Look::IndexStats(vec![index("a"), index("b")]))[0].contains("/a,b/_stats"));
        assert!(
            paths(&Look::IndexStats(vec![index("a"), index("b")]))[0].ends_with("&ignore_unavailable=true")
        );
        assert_eq!(paths(&Look::Aliases(vec![index("a")])), ["/a/_alias"]);
    }

    #[test]
    fn ccr_calls_carry_no_parameter() {
        for look in [
            Look::FollowStats,
            Look::FollowStatsOf(index("f")),
            Look::FollowInfoAll,
            Look::FollowInfoOf(index("f")),
            Look::RemoteInfo,
            Look::AutoFollow,
        ] {
            assert!(!paths(&look)[0].contains('?'), "{look:?}");
        }
    }

    #[test]
    fn a_call_that_a_version_lacks_is_known() {
        let v = |text| EsVersion::parse(text).unwrap();
        let resolve = Look::ResolveCluster {
            alias: RemoteAlias::parse("lead").unwrap(),
            leader: index("l"),
        };
        assert!(
            !resolve.supports(v("8.12.2")) && resolve.supports(v("8.13.0")) && resolve.supports(v("9.0.0"))
        );
        assert!(!Look::DataStreams.supports(v("7.8.1")) && Look::DataStreams.supports(v("7.9.0")));
        assert!(Look::FollowStats.supports(v("7.7.0")));
        assert_eq!(paths(&resolve), ["/_resolve/cluster/lead:l"]);
    }
}
