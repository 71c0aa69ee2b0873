//! The Elasticsearch client: exactly the calls refollow needs.
pub mod error;
pub mod transport;
