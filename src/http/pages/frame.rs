//! What every page has around its content: tabs, who is signed in, the banner of brakes and breakers.

use crate::domain::ids::ClusterName;
use crate::domain::named::By;
use crate::domain::words::{instant, relative};
use crate::http::access::{Access, Who};
use crate::http::dto::{Brakes, BreakerItem, Daemon};

/// Which tab is shown as the present one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Tab {
    Fleet,
    Plans,
    Incidents,
    Brakes,
    History,
    None,
}

/// One tab.
pub(in crate::http) struct TabItem {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) path: &'static str,
    pub(in crate::http) here: bool,
}

/// Who is signed in.
pub(in crate::http) struct Signed {
    pub(in crate::http) name: String,
    pub(in crate::http) rights: String,
    pub(in crate::http) csrf: String,
    /// Nobody signs out of a certificate or of another's sign-in.
    pub(in crate::http) signs_out: bool,
}

/// One line of the banner.
pub(in crate::http) struct Line {
    pub(in crate::http) what: String,
    pub(in crate::http) text: String,
}

/// What every template has.
pub(in crate::http) struct Frame {
    pub(in crate::http) title: String,
    tab: Tab,
    pub(in crate::http) query: String,
    pub(in crate::http) who: Option<Signed>,
    /// Whether there is somewhere to sign in.
    pub(in crate::http) sign_in: bool,
    pub(in crate::http) banner: Vec<Line>,
    pub(in crate::http) flash: Option<String>,
    pub(in crate::http) now: String,
    pub(in crate::http) version: &'static str,
    /// Seconds after which an open page asks again by itself; 0: never.
    pub(in crate::http) refresh: u32,
}

/// How long an open page waits before it asks again without being told: lags and clocks move.
const REFRESH_SECONDS: u32 = 15;

impl Frame {
    /// The frame of a page, from the book as it stands.
    pub(in crate::http) async fn new(
        daemon: &dyn Daemon,
        access: &Access,
        tab: Tab,
        title: impl Into<String>,
    ) -> Self {
        let now = daemon.now();
        let who = match (&access.who, &access.csrf) {
            (Who::Named(named), Some(csrf)) => Some(Signed {
                name: named.person.clone(),
                rights: named.words(),
                csrf: csrf.clone(),
                signs_out: named.by == By::Token,
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
            sign_in: !matches!(access.who, Who::Socket(_)),
            banner,
            flash: access.flash.clone(),
            now: instant(now),
            version: env!("CARGO_PKG_VERSION"),
            refresh: REFRESH_SECONDS,
        }
    }

    /// The tabs.
    pub(in crate::http) fn tabs(&self) -> Vec<TabItem> {
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

    /// A page that asks for itself again would do what it answers to once more, or lose what is typed.
    pub(in crate::http) fn still(&mut self) {
        self.refresh = 0;
    }

    /// What every form must carry; empty where nobody is signed in.
    pub(in crate::http) fn csrf(&self) -> String {
        self.who.as_ref().map(|who| who.csrf.clone()).unwrap_or_default()
    }
}

/// What a breaker says of itself.
pub(in crate::http) fn breaker_words(breaker: &BreakerItem, now: crate::domain::time::Timestamp) -> String {
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
pub(in crate::http) fn concerns(access: &Access, cluster: Option<&ClusterName>) -> bool {
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
