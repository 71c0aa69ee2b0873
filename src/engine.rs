//! The engine (the coordinator's file replaces this one).
pub mod executor;
pub mod looking;
pub mod opening;
pub mod position;
pub mod steps;
pub mod undo;
