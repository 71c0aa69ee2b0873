//! The one integration-test binary; each module is a subject.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "allow-unwrap-in-tests does not reach helper functions of a test crate"
)]

mod book;
mod browser;
mod cli_client;
mod command_line;
mod config;
mod corpus;
mod disaster;
mod drill;
mod elastic_client;
mod evidence_agrees;
mod executor;
mod history;
mod hosts;
mod http_api;
mod judge;
mod judgement_doc;
mod limits;
mod monitoring;
mod notify;
mod pages;
mod process;
mod replay;
mod rights;
mod sandbox_front;
mod scenarios;
mod silent;
mod store_contract;
mod tidy;
mod tls;
mod watching;
