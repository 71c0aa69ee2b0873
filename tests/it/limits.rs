//! Approvals, limits, brakes and the audit log, by the whole engine against simulated clusters.
#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod acknowledged;
mod approvals;
mod beside;
mod blockers;
mod brakes;
mod installations;
mod load;
mod mass;
mod state_away;
pub(crate) mod support;
mod unknown;
