//! Simulated pairs of clusters that speak Elasticsearch's HTTP, held to the recordings under
//! `tests/recordings/` by replaying them.
pub mod pair;
