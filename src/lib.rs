//! refollow: watches Elasticsearch cross-cluster replication and repairs broken followers.
pub mod domain;
pub mod elastic;
pub mod evidence;
pub mod judge;
pub mod sandbox;
