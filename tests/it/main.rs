//! The one integration-test binary; each module is a subject.
mod elastic_client;
mod store_contract;
