//! Followers that fail without a word: how soon each is noticed, by which verdict, with which
//! sentence; and what must never be taken for one.

mod noticed;
mod runway;
mod support;
mod well;
