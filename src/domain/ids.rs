//! Names and identifiers, each made only by `parse`, so that who holds one need not check again.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} `{text}` {problem}")]
pub struct InvalidId {
    /// Which kind of identifier.
    pub what: &'static str,
    /// The text as given.
    pub text: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

fn refuse(what: &'static str, text: &str, problem: &'static str) -> InvalidId {
    InvalidId {
        what,
        text: text.to_owned(),
        problem,
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses the text.
            ///
            /// # Errors
            /// Says what is wrong with it.
            pub fn parse(text: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> Option<&'static str> = $check;
                match check(text) {
                    None => Ok(Self(Arc::from(text))),
                    Some(problem) => Err(refuse($what, text, problem)),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.as_ref().to_owned()
            }
        }
    };
}

fn no_text(text: &str) -> Option<&'static str> {
    text.trim().is_empty().then_some("is empty")
}

/// UUIDs of Elasticsearch are base64 for URLs (`UUIDs.base64UUID`); anything else is a mangled answer.
fn uuid_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '=' | '+');
    (!text.chars().all(fits)).then_some("has a character that UUIDs do not have")
}

/// What Elasticsearch refuses in an index name (`MetadataCreateIndexService.validateIndexOrAliasName`),
/// as far as it matters here: nothing that could be read as a pattern, a list or another path.
fn index_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > 255 {
        return Some("is longer than 255 bytes");
    }
    if text == "." || text == ".." {
        return Some("is not a name");
    }
    if text.starts_with(['_', '-', '+']) {
        return Some("starts with `_`, `-` or `+`");
    }
    if text.chars().any(|c| {
        matches!(
            c,
            '*' | '?' | '"' | '<' | '>' | '|' | ' ' | ',' | '#' | '/' | '\\' | ':'
        ) || c.is_control()
    }) {
        return Some(
            "has a character that index names cannot have (a wildcard, a comma, `:`, `/`, a blank …)",
        );
    }
    None
}

/// A name in the configuration: letters, digits, `_`, `-`, `.`.
fn plain_problem(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        return Some("is empty");
    }
    if text.len() > 255 {
        return Some("is longer than 255 bytes");
    }
    if !text
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
    {
        return Some("may hold only letters, digits, `_`, `-` and `.`");
    }
    None
}

id!(/// The name of a `[[clusters]]` entry.
    ClusterName, "cluster name", plain_problem);
id!(/// The concrete name of one index; never a pattern (safety 10).
    IndexName, "index name", index_problem);
id!(/// The alias under which a follower cluster knows a leader cluster.
    RemoteAlias, "remote alias", |text| if text.is_empty() { Some("is empty") } else if text.chars().any(|c| matches!(c, '*' | ',' | ':' | '/' | ' ')) { Some("has a character that remote aliases cannot have") } else { None });
id!(/// `index.uuid`: stays with an index from its creation to its deletion.
    IndexUuid, "index UUID", uuid_problem);
id!(/// `commit.user_data.history_uuid` of a shard copy: changes when the shard's history is replaced.
    HistoryUuid, "history UUID", uuid_problem);
id!(/// `cluster_uuid` of `GET /`.
    ClusterUuid, "cluster UUID", |text| if text == "_na_" { Some("means that the cluster has not formed yet") } else { no_text(text) });
id!(/// The id of a retention lease.
    LeaseId, "lease id", no_text);
id!(/// SHA-256 of a plan's canonical JSON, 64 hexadecimal digits.
    PlanHash, "plan hash", |text| (text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit())).then_some("is not 64 hexadecimal digits"));
id!(/// One execution of one plan.
    RunId, "run id", plain_problem);

impl LeaseId {
    /// The id of the lease that a follower holds on each shard of its leader
    /// (reference 1.5, `CcrRetentionLeases`).
    pub fn of_follower(
        follower_cluster_name: &str,
        follower: &IndexName,
        follower_uuid: &IndexUuid,
        remote: &RemoteAlias,
        leader: &IndexName,
        leader_uuid: &IndexUuid,
    ) -> Self {
        Self(Arc::from(format!(
            "{follower_cluster_name}/{follower}/{follower_uuid}-following-{remote}/{leader}/{leader_uuid}"
        )))
    }
}

/// One follower: the cluster it lives on and its index name. Printed and parsed as `<cluster>/<index>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FollowerKey {
    /// The follower cluster's name in the configuration.
    pub cluster: ClusterName,
    /// The follower index.
    pub index: IndexName,
}

impl FollowerKey {
    /// Parses `<cluster>/<index>`.
    ///
    /// # Errors
    /// Says which half is wrong.
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        let (cluster, index) = text
            .split_once('/')
            .ok_or_else(|| refuse("follower", text, "is not of the form <cluster>/<index>"))?;
        Ok(Self {
            cluster: ClusterName::parse(cluster)?,
            index: IndexName::parse(index)?,
        })
    }

    /// Stands before every follower of the cluster in their order, and after those of the clusters
    /// before it: where a range over one cluster begins. No index has its (empty) name.
    pub fn before_all_of(cluster: &ClusterName) -> Self {
        Self {
            cluster: cluster.clone(),
            index: IndexName(Arc::from("")),
        }
    }
}

impl fmt::Display for FollowerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.cluster, self.index)
    }
}

impl TryFrom<String> for FollowerKey {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        Self::parse(&text)
    }
}

impl From<FollowerKey> for String {
    fn from(key: FollowerKey) -> Self {
        key.to_string()
    }
}

/// A snapshot by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotRef {
    /// Its repository on the follower cluster.
    pub repository: String,
    /// Its name.
    pub snapshot: String,
}

impl SnapshotRef {
    /// From `<repository>/<snapshot>`; neither part may be empty, hold a blank or a wildcard.
    pub fn parse(text: &str) -> Option<Self> {
        let (repository, snapshot) = text.split_once('/')?;
        let whole = |part: &str| {
            !part.is_empty()
                && !part.starts_with(['_', '-'])
                && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "*?,/\\\"<>|#".contains(c))
        };
        (whole(repository) && whole(snapshot)).then(|| Self {
            repository: repository.to_owned(),
            snapshot: snapshot.to_owned(),
        })
    }
}

impl fmt::Display for SnapshotRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.repository, self.snapshot)
    }
}
