//! What is worth telling people who are not looking: an incident, a sick follower that needs a
//! person, a plan that waits for a yes, a run that ended badly, a brake, a breaker. Owns what a
//! message says, when it is told again and what the outbox keeps of it; not who gets it
//! (`notify::routing`), nor how it looks on the wire (`notify`).

pub mod outbox;
pub mod pace;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::brake::Brake;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::ids::{ClusterName, FollowerKey, PlanHash};
use crate::domain::incident::Incident;
use crate::domain::plan::{PlanRecord, PlanState};
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;
use crate::domain::words;

named_enum! {
    /// How soon a person should look.
    Severity {
        /// Good to know.
        Info = "info",
        /// In working hours.
        Warning = "warning",
        /// Now.
        Critical = "critical",
    }
}

named_enum! {
    /// What a message is about.
    Topic {
        /// Several followers that are sick for one reason.
        Incident = "incident",
        /// One sick follower that needs a person, or those of one cause beyond the first few.
        Follower = "follower",
        /// A cluster that cannot be looked at.
        Cluster = "cluster",
        /// An auto-follow pattern that fails.
        AutoFollow = "auto_follow",
        /// A plan that waits for people.
        Plan = "plan",
        /// A run that ended and leaves something for a person.
        Run = "run",
        /// A follower that refollow left paused or closed, with no run on it.
        Held = "held",
        /// An engaged brake.
        Brake = "brake",
        /// An open breaker.
        Breaker = "breaker",
        /// A message that somebody asked for to try a receiver.
        Test = "test",
    }
}

impl Topic {
    /// Whether it rests on looks, so that it may come and go by itself within seconds: it is told
    /// after a short wait, and over after the same wait. What people do counts at once.
    pub const fn settles(self) -> bool {
        match self {
            Self::Incident | Self::Follower | Self::Cluster | Self::AutoFollow => true,
            Self::Plan | Self::Run | Self::Held | Self::Brake | Self::Breaker | Self::Test => false,
        }
    }
}

/// What a person is asked for, in full: who reads it on a telephone has nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The plan; a yes holds for exactly this.
    pub hash: PlanHash,
    /// What is lost by saying yes.
    pub loses: String,
    /// Until when somebody can say yes.
    pub expires_at: Timestamp,
    /// The command that says yes.
    pub approve: String,
    /// The command that says no.
    pub reject: String,
}

/// One thing worth telling. The same `subject` is the same thing over looks and restarts: it is
/// told anew in place of being told beside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// What it is about, by name: `incident:remote:eu/lead`, `plan:<hash>`, `brake:all`.
    pub subject: String,
    /// What kind of thing that is.
    pub topic: Topic,
    /// How soon a person should look.
    pub severity: Severity,
    /// The follower cluster; `None`: it stands over all of them.
    pub cluster: Option<ClusterName>,
    /// The cause, where it is about one.
    pub cause: Option<Cause>,
    /// One line.
    pub title: String,
    /// What there is to say beside it.
    pub text: String,
    /// Since when.
    pub since: Timestamp,
    /// When it was over; `None`: it is not.
    pub over_at: Option<Timestamp>,
    /// The followers that it is about, the first few; the page has them all.
    #[serde(default)]
    pub followers: Vec<FollowerKey>,
    /// How many followers it is about.
    #[serde(default)]
    pub count: u64,
    /// How many plans wait for people, where this notice stands for all of them.
    #[serde(default)]
    pub plans: u64,
    /// What a person is asked for.
    pub ask: Option<Ask>,
    /// The page about it, from the root of the pages.
    pub page: String,
}

/// Names of followers that one message spells out; the page has them all.
pub const NAMED: usize = 5;

/// The first few followers, and how many there are beside them.
pub fn named(followers: &[FollowerKey]) -> String {
    let mut names: Vec<String> = followers.iter().take(NAMED).map(ToString::to_string).collect();
    if followers.len() > NAMED {
        names.push(format!("and {} more", followers.len() - NAMED));
    }
    names.join(", ")
}

impl Notice {
    /// A notice of that subject with nothing else in it yet: `info`, about nobody.
    pub fn new(topic: Topic, subject: String, title: String, since: Timestamp) -> Self {
        Self {
            subject,
            topic,
            severity: Severity::Info,
            cluster: None,
            cause: None,
            title,
            text: String::new(),
            since,
            over_at: None,
            followers: Vec::new(),
            count: 0,
            plans: 0,
            ask: None,
            page: "/".to_owned(),
        }
    }

    /// The same about these followers of one cluster.
    #[must_use]
    pub fn about(mut self, cluster: &ClusterName, cause: Option<Cause>, followers: &[FollowerKey]) -> Self {
        self.cluster = Some(cluster.clone());
        self.cause = cause;
        self.count = u64::try_from(followers.len()).unwrap_or(u64::MAX);
        self.followers = followers.iter().take(NAMED).cloned().collect();
        if let Some(cause) = cause {
            self.severity = severity(cause);
        }
        self
    }

    /// One message for all followers of an incident. `found` stands for its beginning where that
    /// is not known.
    pub fn of_incident(incident: &Incident, found: Timestamp) -> Self {
        let count = incident.followers.len();
        let mut notice = Self::new(
            Topic::Incident,
            format!("incident:{}", incident.id),
            format!("{}: {count} followers", incident.what()),
            incident.since.unwrap_or(found),
        )
        .about(&incident.cluster, Some(incident.cause), &incident.followers);
        // One follower that a person must see to can wait until morning; all of them cannot.
        notice.severity = notice.severity.max(Severity::Warning);
        notice.text = format!("{}.", named(&incident.followers));
        "/incidents".clone_into(&mut notice.page);
        notice
    }

    /// The question that a pending plan puts to people; `None` for a plan that asks nothing.
    /// `must_type`: the approval must repeat the index's name, because much is lost.
    pub fn of_plan(record: &PlanRecord, must_type: bool) -> Option<Self> {
        if record.state != PlanState::Pending {
            return None;
        }
        let plan = &record.plan;
        let (hash, key) = (&plan.hash, plan.basis.key());
        let ladder: Vec<&str> = plan.basis.ladder.iter().map(|rung| rung.as_str()).collect();
        let steps = if ladder.is_empty() {
            "raise the lease period on the leader".to_owned()
        } else {
            ladder.join(", then ")
        };
        let lose = if must_type {
            format!(" --lose {}", key.index)
        } else {
            String::new()
        };
        let mut notice = Self::new(
            Topic::Plan,
            format!("plan:{hash}"),
            format!("{key} waits for an approval: {}", plan.basis.cause),
            plan.created_at,
        )
        .about(&key.cluster, Some(plan.basis.cause), std::slice::from_ref(&key));
        notice.severity = notice.severity.max(Severity::Warning);
        notice.text = format!("The plan: {steps}.");
        notice.plans = 1;
        notice.ask = Some(Ask {
            hash: hash.clone(),
            loses: loses(record),
            expires_at: record.expires_at,
            approve: format!("refollow approve {hash}{lose}"),
            reject: format!("refollow reject {hash} --reason '…'"),
        });
        notice.page = format!("/plans/{hash}");
        Some(notice)
    }

    /// A brake that somebody engaged.
    pub fn of_brake(brake: &Brake) -> Self {
        let end = brake.expires_at.map_or_else(
            || "until somebody releases it".to_owned(),
            |at| format!("until {}", words::instant(at)),
        );
        let mut notice = Self::new(
            Topic::Brake,
            format!("brake:{}", brake.scope),
            format!("brake `{}` engaged by {}", brake.scope, brake.owner),
            brake.engaged_at,
        );
        notice.severity = Severity::Warning;
        notice.cluster = brake.scope.cluster().cloned();
        notice.text = format!("{}; it holds {end}.", brake.reason);
        "/brakes".clone_into(&mut notice.page);
        notice
    }

    /// What `refollow notify test` sends.
    pub fn of_test(by: &str, now: Timestamp) -> Self {
        let mut notice = Self::new(
            Topic::Test,
            format!("test:{now}"),
            format!("a test of refollow's notifications, called by {by}"),
            now,
        );
        "Nothing is wrong. Whoever reads this would be told when something is.".clone_into(&mut notice.text);
        notice
    }

    /// The same, over.
    #[must_use]
    pub fn over(mut self, at: Timestamp) -> Self {
        self.over_at = Some(at);
        // Nothing is asked any more: a command to type here would be answered with a refusal.
        self.ask = None;
        self
    }

    /// The key under which receivers know that it is the same thing: short, and without
    /// characters that any of them would refuse, however long the subject is.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.subject.as_bytes());
        let hex = crate::domain::access::hex(&digest);
        format!("refollow-{}", hex.get(..32).unwrap_or(&hex))
    }

    /// The page with its address; `None` where nobody said under which address the pages are.
    pub fn link(&self, public_url: Option<&str>) -> Option<String> {
        public_url.map(|base| format!("{}{}", base.trim_end_matches('/'), self.page))
    }
}

/// How soon a person should look at a cause: now, where a person is what its ladder begins with.
pub fn severity(cause: Cause) -> Severity {
    match cause.ladder().first() {
        None => Severity::Info,
        Some(Remedy::Human) => Severity::Critical,
        Some(_) => Severity::Warning,
    }
}

/// What saying yes to a plan destroys.
fn loses(record: &PlanRecord) -> String {
    let plan = &record.plan;
    if !plan.destroys() {
        return "nothing: the present copy stays".to_owned();
    }
    let figures = &plan.figures;
    let documents = figures
        .follower_documents
        .map_or_else(|| "an unknown number of".to_owned(), |count| count.to_string());
    let bytes = figures
        .follower_bytes
        .map_or_else(String::new, |bytes| format!(", {}", words::size(bytes)));
    format!("the present copy ({documents} documents{bytes}); it is copied anew from the leader")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::brake::BrakeScope;
    use crate::domain::incident::IncidentKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn incident(count: usize) -> Incident {
        Incident {
            id: "remote:eu/lead".to_owned(),
            kind: IncidentKind::Remote,
            cluster: ClusterName::parse("eu").unwrap(),
            remote: None,
            node: None,
            cause: Cause::RemoteUnreachable,
            since: Some(at(60)),
            followers: (0..count)
                .map(|number| FollowerKey::parse(&format!("eu/f-{number:03}")).unwrap())
                .collect(),
        }
    }

    #[test]
    fn four_hundred_followers_are_one_message_that_keeps_its_key_while_it_grows() {
        let four_hundred = Notice::of_incident(&incident(400), at(90));
        assert!(
            four_hundred.title.contains("400 followers"),
            "{}",
            four_hundred.title
        );
        assert!(
            four_hundred.text.ends_with("and 395 more."),
            "{}",
            four_hundred.text
        );
        assert_eq!(four_hundred.since, at(60));
        let two = Notice::of_incident(&incident(2), at(90));
        assert_eq!(two.text, "eu/f-000, eu/f-001.");
        assert_eq!(two.fingerprint(), four_hundred.fingerprint());
        assert_eq!(two.clone().over(at(99)).fingerprint(), two.fingerprint());
    }

    #[test]
    fn a_person_is_called_now_only_where_the_ladder_begins_with_one() {
        assert_eq!(severity(Cause::LeaderDeleted), Severity::Critical);
        assert_eq!(severity(Cause::RemoteUnreachable), Severity::Warning);
        assert_eq!(severity(Cause::Paused), Severity::Info);
    }

    #[test]
    fn a_brake_says_who_why_and_how_long() {
        let brake = Brake {
            scope: BrakeScope::parse("cluster:eu").unwrap(),
            owner: "anna".to_owned(),
            reason: "maintenance".to_owned(),
            engaged_at: at(0),
            expires_at: Some(at(7200)),
        };
        let notice = Notice::of_brake(&brake);
        assert_eq!(notice.title, "brake `cluster:eu` engaged by anna");
        assert_eq!(notice.text, "maintenance; it holds until 1970-01-01T02:00:00Z.");
        assert_eq!(notice.cluster.as_ref().map(ClusterName::as_str), Some("eu"));
    }

    #[test]
    fn a_link_needs_an_address_and_has_one_slash() {
        let notice = Notice::of_incident(&incident(2), at(0));
        assert_eq!(notice.link(None), None);
        let linked = notice.link(Some("https://refollow.example.org/"));
        assert_eq!(linked.as_deref(), Some("https://refollow.example.org/incidents"));
    }
}
