//! The one error envelope of the API: stable codes, each with its HTTP status and its exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something asked for was not done, with a code that scripts can hold on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// No such follower, plan, run, brake or route.
    NotFound,
    /// A guard, a brake or the state of things refuses; the text is the guard's or the reason's name.
    Refused(String),
    /// The plan expired.
    Expired,
    /// The plan is void: the facts changed.
    Void,
    /// It was tried and failed.
    Failed,
    /// The request itself is wrong: every mistake.
    Bad(Vec<String>),
    /// It changes something and came over TCP.
    AdminOnly,
    /// It needs a token, and there is none or it does not hold.
    NoToken,
    /// The token does not allow it.
    Forbidden,
    /// Too much at once; later it may be done.
    Busy,
    /// The route exists, but not with that method.
    WrongMethod,
    /// The route does not work yet: still starting.
    NotReady,
}

impl ProblemKind {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Refused(_) => "refused",
            Self::Expired => "expired",
            Self::Void => "void",
            Self::Failed => "failed",
            Self::Bad(_) => "bad_request",
            Self::AdminOnly => "admin_socket_only",
            Self::NoToken => "no_token",
            Self::Forbidden => "forbidden",
            Self::Busy => "busy",
            Self::WrongMethod => "method_not_allowed",
            Self::NotReady => "not_ready",
        }
    }

    /// The kind in words.
    pub const fn title(&self) -> &'static str {
        match self {
            Self::NotFound => "There is no such thing",
            Self::Refused(_) => "A guard refuses",
            Self::Expired => "It has expired",
            Self::Void => "The facts have changed",
            Self::Failed => "It failed",
            Self::Bad(_) => "The request is wrong",
            Self::AdminOnly => "Only through the admin socket",
            Self::NoToken => "A token is needed",
            Self::Forbidden => "The token does not allow it",
            Self::Busy => "Too much at once",
            Self::WrongMethod => "Not with this method",
            Self::NotReady => "Not ready yet",
        }
    }

    /// HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::NotFound => 404,
            Self::Refused(_) => 409,
            Self::Expired | Self::Void => 410,
            Self::Failed => 500,
            Self::Bad(_) => 400,
            Self::AdminOnly | Self::Forbidden => 403,
            Self::NoToken => 401,
            Self::Busy => 429,
            Self::WrongMethod => 405,
            Self::NotReady => 503,
        }
    }
}

/// A problem with a sentence for people and, where there is one, what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: ProblemKind,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Problem {
    /// A problem without a remedy.
    pub fn new(kind: ProblemKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            remedy: None,
        }
    }

    /// There is no such thing.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, message)
    }

    /// A guard or a reason, by its name, refuses.
    pub fn refused(guard: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Refused(guard.into()), message)
    }

    /// It was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(ProblemKind::Failed, message)
    }

    /// One mistake in the request.
    pub fn bad(mistake: impl Into<String>) -> Self {
        let mistake = mistake.into();
        Self::new(ProblemKind::Bad(vec![mistake.clone()]), mistake)
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// As it goes over the wire.
    pub fn envelope(&self) -> Envelope {
        let (guard, problems) = match &self.kind {
            ProblemKind::Refused(guard) => (Some(guard.clone()), Vec::new()),
            ProblemKind::Bad(problems) => (None, problems.clone()),
            _ => (None, Vec::new()),
        };
        Envelope {
            code: self.kind.code().to_owned(),
            status: self.kind.status(),
            title: self.kind.title().to_owned(),
            detail: self.message.clone(),
            message: self.message.clone(),
            remedy: self.remedy.clone(),
            guard,
            problems,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.remedy
            .as_ref()
            .map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
    }
}

/// A problem as JSON: RFC 9457 (`title`, `status`, `detail`; the type is `about:blank`) and what is
/// ours beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Stable code.
    pub code: String,
    /// HTTP status once more, for those who only keep the body.
    pub status: u16,
    /// The kind in words, the same for all of a kind.
    #[serde(default)]
    pub title: String,
    /// `message` once more, by the standard's name.
    #[serde(default)]
    pub detail: String,
    /// One sentence.
    pub message: String,
    /// What to do about it.
    #[serde(default)]
    pub remedy: Option<String>,
    /// The guard or reason that refuses.
    #[serde(default)]
    pub guard: Option<String>,
    /// Every mistake of the request.
    #[serde(default)]
    pub problems: Vec<String>,
}

impl Envelope {
    /// The command line's exit code (contract): 1 failed, 2 wrong use, 3 refused, expired or void.
    pub fn exit_code(&self) -> u8 {
        match self.code.as_str() {
            "bad_request" => 2,
            "refused" | "expired" | "void" | "admin_socket_only" | "no_token" | "forbidden" => 3,
            _ => 1,
        }
    }
}
