//! HTTP: reading over TCP, everything over the admin socket.

pub mod dto;
pub mod problem;
