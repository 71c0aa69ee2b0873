//! What a follower is doing now (contract, *States*).

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! named_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// All of them, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The name that stays put (contract).
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The one of that name.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use named_enum;

named_enum! {
    /// The first that holds, judged over all shards of the follower.
    State {
        /// It could not be looked at.
        Unknown = "unknown",
        /// Asked for by its name and not there (or a former follower without CCR metadata).
        Missing = "missing",
        /// The index is closed.
        Closed = "closed",
        /// A remote recovery is running.
        Restoring = "restoring",
        /// A primary is not allocated and no restore is running.
        Red = "red",
        /// A shard follow task has a fatal exception.
        Fatal = "fatal",
        /// `_ccr/info` says paused.
        Paused = "paused",
        /// A read exception whose retries rose since the last look, or failed writes rising with no write succeeding.
        Retrying = "retrying",
        /// Nothing read or written for three `read_poll_timeout`s while the task runs.
        Stalled = "stalled",
        /// Any shard more than 5,120 operations behind the leader.
        CatchingUp = "catching_up",
        /// Following.
        Following = "following",
    }
}
