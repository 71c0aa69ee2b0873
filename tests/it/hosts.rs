//! Several hosts over one state, with a real PostgreSQL: who may write, and what happens when the
//! database, a host or the way between them fails.

pub mod postgres;
mod tenure;
