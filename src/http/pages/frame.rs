//! What every page has around its content: tabs, who is signed in, the banner of brakes and breakers.

use crate::domain::access::Reach;
use crate::domain::ids::ClusterName;
use crate::domain::words::{instant, relative};
use crate::http::access::{Access, Who};
use crate::http::dto::{Brakes, BreakerItem, Daemon};

/// Which tab is shown as the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tab {
    Fleet,
    Plans,
    Incidents,
    Brakes,
    History,
    None,
}

/// One tab.
pub(super) struct TabItem {
    pub(super) name: &'static str,
    pub(super) path: &'static str,
    pub(super) here: bool,
}

/// Who is signed in.
pub(super) struct Signed {
    pub(super) name: String,
    pub(super) role: String,
    pub(super) limits: String,
    pub(super) csrf: String,
}

/// One line of the banner.
pub(super) struct Line {
    pub(super) what: String,
    pub(super) text: String,
}

/// What every template has.
pub(super) struct Frame {
    pub(super) title: String,
    tab: Tab,
    pub(super) query: String,
    pub(super) who: Option<Signed>,
    /// Whether there is somewhere to sign in.
    pub(super) sign_in: bool,
    pub(super) banner: Vec<Line>,
    pub(super) flash: Option<String>,
    pub(super) now: String,
    pub(super) version: &'static str,
    /// Seconds after which an open page asks again by itself; 0: never.
    pub(super) refresh: u32,
}

/// How long an open page waits before it asks again without being told: lags and clocks move.
const REFRESH_SECONDS: u32 = 15;

impl Frame {
    /// The frame of a page, from the book as it stands.
    pub(super) async fn new(
        daemon: &dyn Daemon,
        access: &Access,
        tab: Tab,
        title: impl Into<String>,
    ) -> Self {
        let now = daemon.now();
        let who = match (&access.who, &access.csrf) {
            (Who::Token(grant), Some(csrf)) => Some(Signed {
                name: grant.person.clone(),
                role: grant.role.to_string(),
                limits: match &grant.reach {
                    Reach::All => String::new(),
                    Reach::Only(_) => format!(" on {}", grant.reach),
                },
                csrf: csrf.clone(),
            }),
            _ => None,
        };
        let banner = match daemon.brakes().await {
            Ok(_) if !access.sees_anything() => Vec::new(),
            Ok(brakes) => banner(&brakes, access, now),
            // An unreadable brake is engaged (safety 10).
            Err(problem) => vec![Line {
                what: "The brakes cannot be read:".to_owned(),
                text: problem.to_string(),
            }],
        };
        Self {
            title: title.into(),
            tab,
            query: String::new(),
            who,
            sign_in: false,
            banner,
            flash: None,
            now: instant(now),
            version: env!("CARGO_PKG_VERSION"),
            refresh: REFRESH_SECONDS,
        }
    }

    /// The tabs.
    pub(super) fn tabs(&self) -> Vec<TabItem> {
        [
            ("Fleet", "/", Tab::Fleet),
            ("Plans", "/plans", Tab::Plans),
            ("Incidents", "/incidents", Tab::Incidents),
            ("Brakes", "/brakes", Tab::Brakes),
            ("History", "/history", Tab::History),
        ]
        .into_iter()
        .map(|(name, path, tab)| TabItem {
            name,
            path,
            here: tab == self.tab,
        })
        .collect()
    }

    /// What every form must carry; empty where nobody is signed in.
    pub(super) fn csrf(&self) -> String {
        self.who.as_ref().map(|who| who.csrf.clone()).unwrap_or_default()
    }
}

/// What a breaker says of itself.
pub(super) fn breaker_words(breaker: &BreakerItem, now: crate::domain::time::Timestamp) -> String {
    let over = match (&breaker.cluster, &breaker.remote) {
        (Some(cluster), Some(remote)) => format!("over the remote {cluster}/{remote}"),
        _ => "over all followers".to_owned(),
    };
    let closes = breaker.closes_at.map_or_else(
        || "it closes some time after fewer are".to_owned(),
        |at| format!("it closes {}", relative(at, now)),
    );
    format!(
        "{over} since {}: {} of {} followers are unhealthy; {closes}",
        relative(breaker.since, now),
        breaker.unhealthy,
        breaker.of
    )
}

/// Whether a brake or breaker of that cluster (`None`: of all) concerns who is asking.
pub(super) fn concerns(access: &Access, cluster: Option<&ClusterName>) -> bool {
    cluster.is_none_or(|cluster| access.sees(cluster))
}

fn banner(brakes: &Brakes, access: &Access, now: crate::domain::time::Timestamp) -> Vec<Line> {
    let engaged = brakes
        .brakes
        .iter()
        .filter(|brake| brake.holds && concerns(access, brake.scope.cluster()))
        .map(|brake| {
            let until = brake.expires_at.map_or_else(
                || "until it is released".to_owned(),
                |at| format!("lets go {}", relative(at, now)),
            );
            Line {
                what: format!("Brake {}", brake.scope),
                text: format!("by {} ({until}): {}", brake.owner, brake.reason),
            }
        });
    let open = brakes
        .breakers
        .iter()
        .filter(|breaker| concerns(access, breaker.cluster.as_ref()))
        .map(|breaker| Line {
            what: "Breaker open".to_owned(),
            text: breaker_words(breaker, now),
        });
    engaged.chain(open).collect()
}
