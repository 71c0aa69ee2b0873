//! The one integration-test binary; each module is a subject.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
mod config;
