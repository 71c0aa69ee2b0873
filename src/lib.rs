//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod elastic;
pub mod engine;
pub mod evidence;
pub mod http;
pub mod judge;
pub mod metrics;
pub mod policy;
pub mod sandbox;
pub mod store;
pub mod systemd;
pub mod tasks;
pub mod telemetry;
