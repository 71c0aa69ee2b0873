//! What is worth telling people who are not looking: an incident, a plan that waits for a yes, a
//! run that ended badly, a brake, a breaker. Owns what a message says and how it is told again;
//! not who gets it (`notify::routing`), nor how it looks on the wire (`notify`).

pub mod pace;

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::brake::Brake;
use crate::domain::cause::{Cause, Remedy};
use crate::domain::ids::{ClusterName, PlanHash};
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
        /// A plan that waits for people.
        Plan = "plan",
        /// An engaged brake.
        Brake = "brake",
        /// A message that somebody asked for to try a receiver.
        Test = "test",
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
    /// What a person is asked for.
    pub ask: Option<Ask>,
    /// The page about it, from the root of the pages.
    pub page: String,
}

/// Names of followers that one message spells out; the page has them all.
const NAMED: usize = 5;

impl Notice {
    /// One message for all followers of an incident. `found` stands for its beginning where that
    /// is not known.
    pub fn of_incident(incident: &Incident, found: Timestamp) -> Self {
        let count = incident.followers.len();
        let mut names: Vec<String> = incident
            .followers
            .iter()
            .take(NAMED)
            .map(ToString::to_string)
            .collect();
        if count > NAMED {
            names.push(format!("and {} more", count - NAMED));
        }
        Self {
            subject: format!("incident:{}", incident.id),
            topic: Topic::Incident,
            severity: severity(incident.cause),
            cluster: Some(incident.cluster.clone()),
            cause: Some(incident.cause),
            title: format!("{}: {count} followers", incident.what()),
            text: names.join(", "),
            since: incident.since.unwrap_or(found),
            over_at: None,
            ask: None,
            page: "/incidents".to_owned(),
        }
    }

    /// The question that a pending plan puts to people; `None` for a plan that asks nothing.
    pub fn of_plan(record: &PlanRecord) -> Option<Self> {
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
        Some(Self {
            subject: format!("plan:{hash}"),
            topic: Topic::Plan,
            severity: severity(plan.basis.cause),
            cluster: Some(key.cluster.clone()),
            cause: Some(plan.basis.cause),
            title: format!("{key} waits for an approval: {}", plan.basis.cause),
            text: format!("The plan: {steps}."),
            since: plan.created_at,
            over_at: None,
            ask: Some(Ask {
                hash: hash.clone(),
                loses: loses(record),
                expires_at: record.expires_at,
                approve: format!("refollow approve {hash}"),
                reject: format!("refollow reject {hash} --reason '…'"),
            }),
            page: format!("/plans/{hash}"),
        })
    }

    /// A brake that somebody engaged.
    pub fn of_brake(brake: &Brake) -> Self {
        let end = brake.expires_at.map_or_else(
            || "until somebody releases it".to_owned(),
            |at| format!("until {}", words::instant(at)),
        );
        Self {
            subject: format!("brake:{}", brake.scope),
            topic: Topic::Brake,
            severity: Severity::Warning,
            cluster: brake.scope.cluster().cloned(),
            cause: None,
            title: format!("brake `{}` engaged by {}", brake.scope, brake.owner),
            text: format!("{}; it holds {end}.", brake.reason),
            since: brake.engaged_at,
            over_at: None,
            ask: None,
            page: "/brakes".to_owned(),
        }
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
fn severity(cause: Cause) -> Severity {
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
    use crate::domain::ids::FollowerKey;
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
            four_hundred.text.ends_with("and 395 more"),
            "{}",
            four_hundred.text
        );
        assert_eq!(four_hundred.since, at(60));
        let two = Notice::of_incident(&incident(2), at(90));
        assert_eq!(two.text, "eu/f-000, eu/f-001");
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
