//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod cli;
pub mod config;
pub mod domain;
pub mod elastic;
pub mod policy;
pub mod sandbox;
pub mod systemd;
pub mod telemetry;
