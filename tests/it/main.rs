//! The one integration-test binary; each module is a subject.
mod cli_client;
mod http_api;
mod store_contract;
