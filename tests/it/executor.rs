//! The executor against the simulated clusters, in memory, under the paused clock: what a run
//! does to a follower, whatever happens on the way.

mod crashes;
mod runs;
mod support;
