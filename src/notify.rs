//! Messages to people: who gets which, what each kind of receiver is sent, and how it is sent.
//!
//! Owns routes, the outbox's rules, the published formats with their limits, and the one request
//! that a message is. Does not know what is worth telling (`domain::notice`, `engine`), and keeps
//! nothing: rows are the store's.

pub mod alertmanager;
pub mod email;
pub mod outbox;
pub mod pagerduty;
pub mod receiver;
pub mod routing;
pub mod send;
pub mod slack;
pub mod webhook;

use std::sync::Arc;

use crate::domain::notice::Notice;
use crate::domain::notice::pace::Pace;
use crate::domain::time::Span;
use crate::notify::receiver::{Kind, Receiver};
use crate::notify::routing::Route;

/// An alert counts as over in Alertmanager when it was not sent for so long, so it is sent again
/// well before that.
pub const ALERTMANAGER_GOOD_FOR: Span = Span::from_secs(300);
/// … this often.
const ALERTMANAGER_EVERY: Pace = Pace {
    first: Span::from_secs(60),
    longest: Span::from_secs(60),
};

/// `[notify]`, already valid.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The address of the pages as people reach them, for links; `None`: no links.
    pub public_url: Option<String>,
    /// What looks found must have lasted so long before it is told, and been gone so long before
    /// it is over.
    pub wait: Span,
    /// How often it is repeated while it lasts.
    pub repeat: Pace,
    /// Whom to tell; names are unique.
    pub receivers: Vec<Arc<Receiver>>,
    /// Who gets what; empty: everybody everything.
    pub routes: Vec<Route>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: None,
            wait: Span::from_secs(30),
            repeat: Pace {
                first: Span::from_secs(3600),
                longest: Span::from_secs(86_400),
            },
            receivers: Vec::new(),
            routes: Vec::new(),
        }
    }
}

impl Settings {
    /// Who is to be told of a notice.
    pub fn receivers_of(&self, notice: &Notice) -> Vec<&str> {
        if self.routes.is_empty() {
            return self
                .receivers
                .iter()
                .map(|receiver| receiver.name.as_str())
                .collect();
        }
        routing::receivers(&self.routes, notice)
    }

    /// How often a receiver is told the same again.
    pub fn repeat_of(&self, receiver: &str) -> Pace {
        let alertmanager = self
            .receiver(receiver)
            .is_some_and(|receiver| matches!(receiver.kind, Kind::Alertmanager(_)));
        if alertmanager {
            ALERTMANAGER_EVERY
        } else {
            self.repeat
        }
    }

    /// The receiver of that name.
    pub fn receiver(&self, name: &str) -> Option<&Arc<Receiver>> {
        self.receivers.iter().find(|receiver| receiver.name == name)
    }
}

/// At most so many characters, the last an ellipsis where something was cut off.
fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(longest.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use crate::domain::cause::Cause;
    use crate::domain::ids::{ClusterName, PlanHash};
    use crate::domain::notice::{Ask, Notice, Severity, Topic};
    use crate::domain::time::Timestamp;

    use super::cut;

    /// A question about a plan, as long as wanted.
    pub(super) fn asking(length: usize) -> Notice {
        let hash = PlanHash::parse(&"ab".repeat(32)).unwrap();
        let mut notice = Notice::new(
            Topic::Plan,
            format!("plan:{hash}"),
            "eu/orders-f waits <now> & asks ".repeat(length),
            Timestamp::UNIX_EPOCH,
        );
        notice.severity = Severity::Warning;
        notice.cluster = Some(ClusterName::parse("eu").unwrap());
        notice.cause = Some(Cause::HistoryLost);
        notice.text = "The plan: resume, then recreate.".repeat(length);
        notice.count = 1;
        notice.plans = 1;
        "/plans/x".clone_into(&mut notice.page);
        notice.ask = Some(Ask {
            approve: format!("refollow approve {hash}"),
            reject: format!("refollow reject {hash} --reason '…'"),
            hash,
            loses: "the present copy".to_owned(),
            expires_at: Timestamp::UNIX_EPOCH,
        });
        notice
    }

    #[test]
    fn what_is_cut_fits_and_shows_it() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
