//! Who is asking, and whether they may: one answer for the API, the pages and the admin socket.
//!
//! Who called the admin socket may everything. Over TCP a token says who it is and what they may;
//! without one there is reading, where reading is open, and nothing else.

use crate::domain::access::{Grant, Role, Target};
use crate::domain::ids::ClusterName;
use crate::http::dto::{Caller, Problem, ProblemKind};

/// Who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// Whom the kernel names, over the admin socket.
    Socket(Caller),
    /// Whoever holds this token.
    Token(Grant),
    /// Nobody who said so.
    Nobody {
        /// Whether reading needs no token.
        may_read: bool,
    },
}

/// Who is asking, and the session that their browser has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) who: Who,
    /// What every form must carry: only where a session says who it is.
    pub(super) csrf: Option<String>,
    /// Where what is missing can be had, for people.
    pub(super) socket: String,
}

impl Access {
    /// Whether this may be done there.
    pub(super) fn may(&self, role: Role, target: &Target) -> bool {
        match &self.who {
            Who::Socket(_) => true,
            Who::Token(grant) => grant.may(role, target),
            Who::Nobody { may_read } => *may_read && role == Role::View,
        }
    }

    /// Whether anything at all may be seen.
    pub(super) fn sees_anything(&self) -> bool {
        self.may(Role::View, &Target::Lists)
    }

    /// Whether anything of this cluster may be seen.
    pub(super) fn sees(&self, cluster: &ClusterName) -> bool {
        self.may(Role::View, &Target::Cluster(cluster.clone()))
    }

    /// Whether everything may be seen.
    pub(super) fn sees_all(&self) -> bool {
        self.may(Role::View, &Target::Everything)
    }

    /// Reading.
    ///
    /// # Errors
    /// 401 without a token, 403 with one that does not reach so far.
    pub(super) fn read(&self, target: &Target) -> Result<(), Problem> {
        if self.may(Role::View, target) {
            return Ok(());
        }
        Err(self.refuse(Role::View, target))
    }

    /// Doing, or reading what is not for everybody: never without a name.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub(super) fn act(&self, role: Role, target: &Target) -> Result<Caller, Problem> {
        match &self.who {
            Who::Socket(caller) => Ok(caller.clone()),
            Who::Token(grant) if grant.may(role, target) => Ok(Caller {
                name: grant.person.clone(),
                uid: None,
                token: Some(grant.id.clone()),
                groups: Vec::new(),
            }),
            Who::Token(_) | Who::Nobody { .. } => Err(self.refuse(role, target)),
        }
    }

    fn refuse(&self, role: Role, target: &Target) -> Problem {
        let socket = &self.socket;
        match &self.who {
            Who::Token(grant) => {
                let what = match target {
                    Target::Cluster(_) if grant.role >= role => {
                        "this token does not reach that cluster".to_owned()
                    }
                    Target::Everything if grant.role >= role => {
                        "this stands over all clusters, and this token is limited to some".to_owned()
                    }
                    _ => format!("this needs the role `{role}`, and this token has `{}`", grant.role),
                };
                Problem::new(ProblemKind::Forbidden, what)
                    .remedy(format!("use another token, or the admin socket {socket}"))
            }
            Who::Socket(_) | Who::Nobody { .. } => Problem::new(
                ProblemKind::NoToken,
                format!("over TCP this needs a token with the role `{role}`; the admin socket {socket} needs none"),
            )
            .remedy(format!(
                "make one with `refollow token create`, or use the command line, or curl --unix-socket {socket}"
            )),
        }
    }
}
