//! Messages to people: who gets which, and what each kind of receiver is sent.
//!
//! Owns routes and the published formats with their limits. Pure so far: nothing is sent from
//! here, and the daemon does not call it yet.

pub mod alertmanager;
pub mod pagerduty;
pub mod routing;
pub mod slack;

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
        Notice {
            subject: format!("plan:{hash}"),
            topic: Topic::Plan,
            severity: Severity::Warning,
            cluster: Some(ClusterName::parse("eu").unwrap()),
            cause: Some(Cause::HistoryLost),
            title: "eu/orders-f waits <now> & asks ".repeat(length),
            text: "The plan: resume, then recreate.".repeat(length),
            since: Timestamp::UNIX_EPOCH,
            over_at: None,
            ask: Some(Ask {
                approve: format!("refollow approve {hash}"),
                reject: format!("refollow reject {hash} --reason '…'"),
                hash,
                loses: "the present copy".to_owned(),
                expires_at: Timestamp::UNIX_EPOCH,
            }),
            page: "/plans/x".to_owned(),
        }
    }

    #[test]
    fn what_is_cut_fits_and_shows_it() {
        assert_eq!(cut("äöü", 3), "äöü");
        assert_eq!(cut("äöüß", 3), "äö…");
    }
}
