//! The Elasticsearch client: exactly the calls refollow needs.
//!
//! `transport` is the seam, `net` its real implementation; `read` lists the looks, `write` holds
//! every call that changes a cluster, `client` sends both to one cluster with several URLs;
//! `auth` holds credentials, `wire` reads answers, `error` tells refusals from what
//! Elasticsearch did not write; `load`, `ceiling` and `pressure` count and bound what a cluster is asked.

pub mod auth;
mod ceiling;
pub mod client;
pub mod error;
pub mod load;
pub mod net;
mod pressure;
pub mod read;
pub mod transport;
pub mod wire;
pub mod write;
