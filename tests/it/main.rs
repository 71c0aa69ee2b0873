//! The one integration-test binary; each module is a subject.
mod judge;
mod elastic_client;
mod store_contract;
#![expect(
    clippy::unwrap_used,
    reason = "allow-unwrap-in-tests does not reach helper functions of a test crate"
)]

mod elastic_client;
mod executor;
mod replay;
mod sandbox_front;
mod http_api;
mod store_contract;
mod config;
mod elastic_client;
mod replay;
mod sandbox_front;
mod store_contract;
mod tidy;
