//! The judge on evidence made from the recordings of real clusters (`tests/recordings`), and on
//! what is made of them by taking answers away or mangling them.

mod boldness;
mod causes;
mod counters;
mod mangled;
mod recorded;
mod runway;
mod shapes;
