//! What Prometheus reads: the daemon's own counters and one set of gauges per follower.
//!
//! Owns every metric's name, help text and closed label sets (contract, *Metrics*), and the text
//! formats. Does not know where values come from: the engine counts on [`Metrics`] and hands over
//! a [`Snapshot`] of its latest observation at each scrape, so that a follower that is gone
//! disappears with the next scrape.
//!
//! `es_cluster` stands on every per-cluster series on purpose: one refollow exposes many clusters,
//! so it cannot be a target label. `cluster` and `index` are never used, because they clash with
//! labels that Prometheus set-ups attach to targets.

mod exporter;
pub mod followers;
pub mod groups;
pub mod load;
pub mod notifications;
pub mod own;
pub mod select;
mod shards;
pub mod text;

pub use followers::{
    AutoFollowRow, BrakeRow, BreakerRow, ClusterRow, FollowerRow, HeldRow, HeldStep, Level, Snapshot,
};
pub use groups::{IncidentRow, PatternRow};
pub use load::LoadRow;
pub use notifications::Told;
pub use own::{LookError, Metrics};
pub use select::{Part, Scrape, Series};
pub use text::Format;
