//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod cli;
pub mod clock;
pub mod domain;
pub mod elastic;
pub mod evidence;
pub mod http;
pub mod judge;
pub mod metrics;
pub mod policy;
pub mod sandbox;
pub mod store;
pub mod tasks;
