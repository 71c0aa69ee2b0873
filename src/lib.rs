//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod clock;
pub mod domain;
pub mod elastic;
pub mod policy;
pub mod http;
pub mod sandbox;
pub mod store;
pub mod tasks;
