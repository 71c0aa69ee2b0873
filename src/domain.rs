//! The nouns of refollow: what was seen, what it means, what may be done and what was done.
//!
//! Pure: no I/O, no clock (time is an argument), no async. Types that are stored or exported
//! (plans, journal entries, memory) carry serde derives and a format version; what is only
//! seen (`facts`) does not (ADR 0002). Every other module may import this one; it imports none.

pub mod access;
pub mod answer;
pub mod auto_follow;
pub mod brake;
pub mod cause;
pub mod decision;
pub mod drill;
pub mod facts;
pub mod handbook;
pub mod history;
pub mod ids;
pub mod incident;
pub mod installation;
pub mod journal;
pub mod load;
pub mod memory;
pub mod named;
pub mod near;
pub mod notice;
pub mod per_shard;
pub mod plan;
pub mod replicated;
pub mod run;
pub mod seen;
pub mod shared;
pub mod state;
pub mod step;
pub mod time;
pub mod trend;
pub mod verdict;
pub mod words;
