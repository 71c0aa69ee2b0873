//! Which installation of refollow acts on a cluster: the marker in the cluster's own settings.
//!
//! Owns the setting's name and what its value means. A lock on a file keeps two daemons off one
//! state; two states know nothing of each other, and only the cluster can tell them apart
//! (safety, *Observe only*).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, after};

/// The persistent cluster setting that names the installation. Elasticsearch keeps any text under
/// `cluster.metadata.` (*user-defined cluster metadata*, 7.0 and later) and gives it no meaning;
/// whoever may read cluster settings (`monitor`) sees it.
pub const MARKER: &str = "cluster.metadata.refollow.installation";

/// What makes the marker go away, for people.
pub const REMOVE: &str =
    r#"PUT /_cluster/settings {"persistent":{"cluster.metadata.refollow.installation":null}}"#;

/// How long a marker speaks for its installation. A run that begins when less than half of it is
/// left says the word again; a daemon that stops with no run open takes it back. So an
/// installation that is gone holds a cluster for an hour at most.
pub const HOLDS_FOR: Duration = Duration::from_hours(1);

/// Whose marker a cluster carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// Nobody's, or one that has run out.
    No,
    /// This installation's.
    Ours {
        /// Less than half of its time is left, or its time cannot be read: to be said again.
        due: bool,
    },
    /// Another one's: its name, and until when it holds; `None`: until a person takes it away.
    Another(String, Option<Timestamp>),
}

/// The word between the name and the time.
const UNTIL: &str = " until ";

/// What an installation of that name writes at that time.
pub fn value(name: &str, now: Timestamp) -> String {
    format!("{name}{UNTIL}{}", after(now, HOLDS_FOR))
}

/// Whose marker these cluster settings carry; `own` is `None` while this installation has marked
/// nothing yet.
pub fn marked(settings: &BTreeMap<String, String>, own: Option<&str>, now: Timestamp) -> Marked {
    let text = settings.get(MARKER).map_or("", |text| text.trim());
    let (name, until) = match text.split_once(UNTIL) {
        Some((name, until)) => (name, until.parse::<Timestamp>().ok()),
        None => (text, None),
    };
    if name.is_empty() {
        return Marked::No;
    }
    if own == Some(name) {
        let due = until.is_none_or(|until| after(now, HOLDS_FOR / 2) > until);
        return Marked::Ours { due };
    }
    // A clock that is an hour apart from ours is what no repair survives anyway.
    if until.is_some_and(|until| until <= now) {
        return Marked::No;
    }
    Marked::Another(name.to_owned(), until)
}

/// The same of settings that may not have been read.
pub fn seen(settings: Seen<&BTreeMap<String, String>>, own: Option<&str>, now: Timestamp) -> Seen<Marked> {
    match settings {
        Seen::Present(settings) => Seen::Present(marked(settings, own, now)),
        Seen::Absent => Seen::unknown("the answer holds no settings"),
        Seen::Unknown(why) => Seen::unknown(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_mins(minute)
    }

    fn of(text: &str, minute: i64) -> Marked {
        let settings = [(MARKER.to_owned(), text.to_owned())].into();
        marked(&settings, Some("ours"), at(minute))
    }

    #[test]
    fn a_marker_holds_for_an_hour_and_is_said_again_after_half_of_it() {
        let ours = value("ours", at(0));
        assert_eq!(of(&ours, 29), Marked::Ours { due: false });
        assert_eq!(of(&ours, 31), Marked::Ours { due: true });
        assert_eq!(of(&ours, 90), Marked::Ours { due: true });
        let theirs = value("theirs", at(0));
        assert_eq!(
            of(&theirs, 59),
            Marked::Another("theirs".to_owned(), Some(at(60)))
        );
        assert_eq!(of(&theirs, 60), Marked::No);
    }

    #[test]
    fn a_marker_without_a_time_holds_until_somebody_takes_it_away() {
        for text in ["theirs", "theirs until somewhen"] {
            assert_eq!(of(text, 1_000_000), Marked::Another("theirs".to_owned(), None));
        }
        assert_eq!(of("", 0), Marked::No);
        assert_eq!(marked(&BTreeMap::new(), None, at(0)), Marked::No);
    }
}
