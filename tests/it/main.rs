//! The one integration-test binary; each module is a subject.
mod elastic_client;
mod store_contract;
#![expect(
    clippy::unwrap_used,
    reason = "allow-unwrap-in-tests does not reach helper functions of a test crate"
)]

mod sandbox_front;
mod replay;
