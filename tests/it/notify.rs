//! Notifications: the story as the whole engine tells it over simulated clusters, and each kind of
//! receiver against a local server that holds what it gets to the published format.

mod formats;
mod servers;
mod smtp;
mod story;
