//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod domain;
pub mod elastic;
pub mod http;
pub mod metrics;
pub mod sandbox;
pub mod store;
