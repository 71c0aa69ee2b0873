//! The Elasticsearch client: exactly the calls refollow needs.
pub mod transport;
pub mod wire;
