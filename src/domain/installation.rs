//! Which installation of refollow acts on a cluster: the marker in the cluster's own settings.
//!
//! Owns the setting's name and what its value means. A lock on a file keeps two daemons off one
//! state; two states know nothing of each other, and only the cluster can tell them apart
//! (safety, *Observe only*).

use std::collections::BTreeMap;

use crate::domain::seen::Seen;

/// The persistent cluster setting that names the installation. Elasticsearch keeps any text under
/// `cluster.metadata.` (*user-defined cluster metadata*, 7.0 and later) and gives it no meaning;
/// whoever may read cluster settings (`monitor`) sees it.
pub const MARKER: &str = "cluster.metadata.refollow.installation";

/// What makes the marker go away, for people.
pub const REMOVE: &str =
    r#"PUT /_cluster/settings {"persistent":{"cluster.metadata.refollow.installation":null}}"#;

/// Whose marker a cluster carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// Nobody's.
    No,
    /// This installation's.
    Ours,
    /// Another one's: its name.
    Another(String),
}

/// Whose marker these cluster settings carry; `own` is `None` while this installation has marked
/// nothing yet.
pub fn marked(settings: &BTreeMap<String, String>, own: Option<&str>) -> Marked {
    match settings.get(MARKER).map(|text| text.trim()) {
        None | Some("") => Marked::No,
        Some(there) if own == Some(there) => Marked::Ours,
        Some(there) => Marked::Another(there.to_owned()),
    }
}

/// The same of settings that may not have been read.
pub fn seen(settings: Seen<&BTreeMap<String, String>>, own: Option<&str>) -> Seen<Marked> {
    match settings {
        Seen::Present(settings) => Seen::Present(marked(settings, own)),
        Seen::Absent => Seen::unknown("the answer holds no settings"),
        Seen::Unknown(why) => Seen::unknown(why),
    }
}
