//! The command line. Owns what is typed (`args`) and each command's way of answering.
pub mod args;
pub mod check_config;
pub mod client;
