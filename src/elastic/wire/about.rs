//! Which indices one answer can speak of: an answer about a few names is taken to the followers
//! of those names, and not shown to thousands whom it does not concern.

use super::path::Kind;
use super::{Body, Parsed, Table};
use crate::domain::seen::Seen;

impl Parsed {
    /// The only names of indices that this answer can speak of: those it was asked for by name and
    /// those it holds. `None` where it may speak of every index of its cluster.
    pub fn only_of(&self) -> Option<Vec<&str>> {
        let held = match &self.body {
            Body::Explain(Seen::Present((named, _))) => return Some(vec![named.as_str()]),
            Body::Explain(_) => return Some(Vec::new()),
            Body::Count(_) | Body::Resume(_) | Body::Follow(_) => Vec::new(),
            Body::Stats(table, _) => names(table),
            Body::Info(table) => names(table),
            Body::Settings(table) => names(table),
            Body::IndexHealth(table) => names(table),
            Body::Recovery(table) => names(table),
            Body::IndexStats(table) => names(table),
            Body::Aliases(table) => names(table),
            Body::Ilm(table, _) => names(table),
            Body::State(seen) => self.of_state(seen)?,
            _ => return None,
        };
        let asked = self.request.names.as_deref()?;
        let is_list = |name: &String| name == "_all" || name.contains('*') || name.starts_with('-');
        if asked.iter().any(is_list) {
            return None;
        }
        Some(asked.iter().map(String::as_str).chain(held).collect())
    }

    /// The tasks in a cluster state are of every follower, whatever index it was asked for.
    fn of_state<'a>(&self, seen: &'a Seen<super::state::State>) -> Option<Vec<&'a str>> {
        let Kind::State { metadata, .. } = self.request.kind else {
            return None;
        };
        if metadata && self.request.shows("metadata.persistent_tasks") {
            return None;
        }
        let Seen::Present(state) = seen else {
            return Some(Vec::new());
        };
        let metadata = state.metadata.iter().flat_map(|table| table.entries.keys());
        let routing = state.routing.iter().flat_map(|table| table.entries.keys());
        Some(metadata.chain(routing).map(String::as_str).collect())
    }

    /// Whether this is a list of followers with one that is not among these.
    pub fn lists_others<'a>(&self, known: impl Iterator<Item = &'a str>) -> bool {
        fn others<'a, T>(table: &Table<T>, known: impl Iterator<Item = &'a str>) -> bool {
            known.filter(|name| table.entries.contains_key(*name)).count() < table.entries.len()
        }
        match &self.body {
            Body::Stats(Seen::Present(table), _) => others(table, known),
            Body::Info(Seen::Present(table)) => others(table, known),
            _ => false,
        }
    }
}

fn names<T>(table: &Seen<Table<T>>) -> Vec<&str> {
    match table {
        Seen::Present(table) => table.entries.keys().map(String::as_str).collect(),
        Seen::Absent | Seen::Unknown(_) => Vec::new(),
    }
}
