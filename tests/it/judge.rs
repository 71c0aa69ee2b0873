//! The judge on evidence made from the recordings of real clusters (`tests/recordings`), and on
//! what is made of them by taking answers away or mangling them.

mod boldness;
mod causes;
mod counters;
pub mod damaged;
mod mangled;
pub mod recorded;
mod runway;
mod shapes;
