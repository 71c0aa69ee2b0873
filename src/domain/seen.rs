//! The three answers that a look can give: there, surely not there, or not known.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a look says of one thing. *Unknown* is never treated as *absent* (house rule 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen<T> {
    /// It is there, like this.
    Present(T),
    /// The cluster said that it does not exist.
    Absent,
    /// It could not be read; the text says why, for people.
    Unknown(Arc<str>),
}

impl<T> Seen<T> {
    /// Unknown, with a reason for people.
    pub fn unknown(why: impl Into<Arc<str>>) -> Self {
        Self::Unknown(why.into())
    }

    /// The value, where there is one.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(value) => Some(value),
            Self::Absent | Self::Unknown(_) => None,
        }
    }

    /// True only when the cluster said that it does not exist.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// True when it could not be read.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The same for a borrowed value.
    pub fn as_ref(&self) -> Seen<&T> {
        match self {
            Self::Present(value) => Seen::Present(value),
            Self::Absent => Seen::Absent,
            Self::Unknown(why) => Seen::Unknown(Arc::clone(why)),
        }
    }

    /// Changes the value, keeps absence and ignorance.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Seen<U> {
        match self {
            Self::Present(value) => Seen::Present(change(value)),
            Self::Absent => Seen::Absent,
            Self::Unknown(why) => Seen::Unknown(why),
        }
    }
}
