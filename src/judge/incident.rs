//! Causes have causes: which sick followers are sick for one and the same reason. Pure and
//! deterministic; the order of the followers does not matter.
//!
//! A reason needs at least two followers; one alone is its own incident, and none is shown. What
//! belongs to one index (its leader was deleted, somebody paused it) is never an incident, however
//! many have it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, FollowerKey, RemoteAlias};
use crate::domain::incident::{Incident, IncidentKind};
use crate::domain::time::Timestamp;

/// Fewer followers than this are no incident.
const FEWEST: usize = 2;

/// One follower that is not well.
#[derive(Debug, Clone)]
pub struct Sick<'a> {
    /// Which.
    pub key: &'a FollowerKey,
    /// The alias it follows through.
    pub remote: Option<&'a RemoteAlias>,
    /// Its cause.
    pub cause: Cause,
    /// Since when it has it.
    pub since: Option<Timestamp>,
    /// The nodes on which its tasks run, where known.
    pub nodes: BTreeSet<&'a str>,
    /// Its cluster answered the last look.
    pub cluster_answers: bool,
}

/// How far a cause points beyond its follower.
enum Points {
    /// To the remote itself.
    Remote,
    /// To something that happened behind the remote to all of them, each cause for itself.
    Behind,
    /// To the remote or to a node: who else has it tells.
    Somewhere,
    /// Nowhere: it is the index's own.
    Nowhere,
}

fn points(cause: Cause) -> Points {
    match cause {
        Cause::RemoteUnreachable | Cause::RemoteNotConfigured | Cause::RemoteRepointed => Points::Remote,
        Cause::HistoryLost | Cause::LeaderRewound => Points::Behind,
        Cause::LeaderUnavailable
        | Cause::Stalled
        | Cause::Unclassified
        | Cause::Overloaded
        | Cause::TaskUnassigned => Points::Somewhere,
        _ => Points::Nowhere,
    }
}

/// What makes two followers' reasons the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Reason {
    kind: IncidentKind,
    cluster: ClusterName,
    remote: Option<RemoteAlias>,
    node: Option<String>,
    /// Only where each cause is a reason of its own.
    cause: Option<Cause>,
}

impl Reason {
    fn of(kind: IncidentKind, sick: &Sick<'_>) -> Self {
        Self {
            kind,
            cluster: sick.key.cluster.clone(),
            remote: match kind {
                IncidentKind::Remote | IncidentKind::Credentials => sick.remote.cloned(),
                IncidentKind::Cluster | IncidentKind::License | IncidentKind::Node => None,
            },
            node: None,
            cause: None,
        }
    }

    fn id(&self) -> String {
        let mut id = format!("{}:{}", self.kind, self.cluster);
        let scope = self
            .remote
            .as_ref()
            .map(RemoteAlias::as_str)
            .or(self.node.as_deref());
        if let Some(scope) = scope {
            id = format!("{id}/{scope}");
        }
        match self.cause {
            Some(cause) => format!("{id}:{cause}"),
            None => id,
        }
    }
}

/// All incidents, by their ids; every follower is in one at most.
pub fn incidents(sick: &[Sick<'_>]) -> Vec<Incident> {
    let mut groups: BTreeMap<Reason, Vec<&Sick<'_>>> = BTreeMap::new();
    let mut somewhere: BTreeMap<(&ClusterName, Cause), Vec<&Sick<'_>>> = BTreeMap::new();
    let broken: BTreeSet<(&ClusterName, &RemoteAlias)> = sick
        .iter()
        .filter(|one| matches!(points(one.cause), Points::Remote))
        .filter_map(|one| Some((&one.key.cluster, one.remote?)))
        .collect();
    for one in sick {
        let behind_broken = one
            .remote
            .is_some_and(|remote| broken.contains(&(&one.key.cluster, remote)));
        let reason = match (one.cause, points(one.cause)) {
            (Cause::Unknown, _) if !one.cluster_answers => Reason::of(IncidentKind::Cluster, one),
            (Cause::License, _) => Reason::of(IncidentKind::License, one),
            (Cause::Credentials, _) if one.remote.is_some() => Reason::of(IncidentKind::Credentials, one),
            (_, Points::Remote) if one.remote.is_some() => Reason::of(IncidentKind::Remote, one),
            // What is also wrong behind a remote that is down needs no other reason.
            (_, Points::Somewhere) if behind_broken => Reason::of(IncidentKind::Remote, one),
            (cause, Points::Behind) if one.remote.is_some() => Reason {
                cause: Some(cause),
                ..Reason::of(IncidentKind::Remote, one)
            },
            (cause, Points::Somewhere) => {
                somewhere.entry((&one.key.cluster, cause)).or_default().push(one);
                continue;
            }
            _ => continue,
        };
        groups.entry(reason).or_default().push(one);
    }
    for ((_, cause), list) in somewhere {
        place(cause, &list, &mut groups);
    }
    groups
        .into_iter()
        .filter(|(_, list)| list.len() >= FEWEST)
        .map(|(reason, list)| incident(reason, &list))
        .collect()
}

/// One node has them all: it is the node. Otherwise it is what each alias leads to.
fn place<'s, 'a>(cause: Cause, list: &[&'s Sick<'a>], groups: &mut BTreeMap<Reason, Vec<&'s Sick<'a>>>) {
    let nodes: BTreeSet<&str> = list.iter().flat_map(|one| one.nodes.iter().copied()).collect();
    let all_placed = list.iter().all(|one| !one.nodes.is_empty());
    let only = match (nodes.len(), all_placed) {
        (1, true) => nodes.first().copied(),
        _ => None,
    };
    for one in list {
        let reason = match (only, one.remote) {
            (Some(node), _) => Reason {
                node: Some(node.to_owned()),
                cause: Some(cause),
                ..Reason::of(IncidentKind::Node, one)
            },
            (None, Some(_)) => Reason {
                cause: Some(cause),
                ..Reason::of(IncidentKind::Remote, one)
            },
            (None, None) => continue,
        };
        groups.entry(reason).or_default().push(one);
    }
}

fn incident(reason: Reason, list: &[&Sick<'_>]) -> Incident {
    let mut counts: BTreeMap<Cause, usize> = BTreeMap::new();
    for one in list {
        // A cause that was only drawn in does not give its name.
        let counted = reason.kind != IncidentKind::Remote
            || reason.cause.is_some()
            || matches!(points(one.cause), Points::Remote);
        *counts.entry(one.cause).or_default() += usize::from(counted);
    }
    let cause = counts
        .iter()
        .max_by_key(|(cause, count)| (**count, std::cmp::Reverse(**cause)))
        .map_or(Cause::Unknown, |(cause, _)| *cause);
    let mut followers: Vec<FollowerKey> = list.iter().map(|one| one.key.clone()).collect();
    followers.sort();
    Incident {
        id: reason.id(),
        kind: reason.kind,
        cluster: reason.cluster,
        remote: reason.remote,
        node: reason.node,
        cause,
        since: list
            .iter()
            .filter(|one| one.cause == cause)
            .filter_map(|one| one.since)
            .min(),
        followers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct One {
        key: FollowerKey,
        remote: RemoteAlias,
        cause: Cause,
        node: Option<&'static str>,
    }

    fn one(number: usize, remote: &str, cause: Cause, node: Option<&'static str>) -> One {
        One {
            key: FollowerKey::parse(&format!("eu/f-{number:03}")).unwrap(),
            remote: RemoteAlias::parse(remote).unwrap(),
            cause,
            node,
        }
    }

    fn found(list: &[One]) -> Vec<(String, usize)> {
        let mut sick: Vec<Sick<'_>> = list
            .iter()
            .map(|one| Sick {
                key: &one.key,
                remote: Some(&one.remote),
                cause: one.cause,
                since: None,
                nodes: one.node.into_iter().collect(),
                cluster_answers: true,
            })
            .collect();
        let forward = incidents(&sick);
        sick.reverse();
        assert_eq!(forward, incidents(&sick), "the order does not matter");
        let mut members = BTreeSet::new();
        for follower in forward.iter().flat_map(|incident| &incident.followers) {
            assert!(members.insert(follower), "{follower} is in two incidents");
        }
        forward
            .into_iter()
            .map(|incident| (incident.id, incident.followers.len()))
            .collect()
    }

    #[test]
    fn four_hundred_behind_one_remote_are_one_and_behind_two_are_two() {
        let list: Vec<One> = (0..400)
            .map(|number| one(number, "lead", Cause::RemoteUnreachable, None))
            .collect();
        assert_eq!(found(&list), [("remote:eu/lead".to_owned(), 400)]);
        let list: Vec<One> = (0..400)
            .map(|number| {
                let remote = if number < 300 { "far" } else { "lead" };
                one(number, remote, Cause::RemoteUnreachable, None)
            })
            .collect();
        assert_eq!(
            found(&list),
            [
                ("remote:eu/far".to_owned(), 300),
                ("remote:eu/lead".to_owned(), 100)
            ]
        );
    }

    #[test]
    fn one_alone_is_none_and_so_is_what_belongs_to_an_index() {
        assert_eq!(found(&[one(1, "lead", Cause::RemoteUnreachable, None)]), []);
        let own = [
            Cause::Paused,
            Cause::LeaderDeleted,
            Cause::Diverged,
            Cause::FollowerClosed,
        ];
        for cause in own {
            let list: Vec<One> = (0..9)
                .map(|number| one(number, "lead", cause, Some("n")))
                .collect();
            assert_eq!(found(&list), [], "{cause}");
        }
    }

    #[test]
    fn what_stalls_behind_a_remote_that_is_down_is_the_remotes() {
        let list = [
            one(1, "lead", Cause::RemoteUnreachable, Some("a")),
            one(2, "lead", Cause::Stalled, Some("a")),
            one(3, "lead", Cause::Unclassified, Some("b")),
            one(4, "lead", Cause::Stalled, Some("a")),
            one(5, "lead", Cause::HistoryLost, Some("a")),
            one(6, "lead", Cause::HistoryLost, Some("b")),
        ];
        assert_eq!(
            found(&list),
            [
                ("remote:eu/lead".to_owned(), 4),
                ("remote:eu/lead:history_lost".to_owned(), 2)
            ]
        );
    }

    #[test]
    fn a_cause_on_one_node_only_is_the_nodes_and_on_several_the_remotes() {
        let list = [
            one(1, "lead", Cause::Stalled, Some("a")),
            one(2, "far", Cause::Stalled, Some("a")),
        ];
        assert_eq!(found(&list), [("node:eu/a:stalled".to_owned(), 2)]);
        let list = [
            one(1, "lead", Cause::Stalled, Some("a")),
            one(2, "lead", Cause::Stalled, Some("b")),
            one(3, "far", Cause::Stalled, Some("b")),
        ];
        assert_eq!(found(&list), [("remote:eu/lead:stalled".to_owned(), 2)]);
    }

    #[test]
    fn licence_credentials_and_a_silent_cluster_have_their_own() {
        let list = [
            one(1, "lead", Cause::License, None),
            one(2, "far", Cause::License, None),
            one(3, "far", Cause::Credentials, None),
            one(4, "far", Cause::Credentials, None),
        ];
        assert_eq!(
            found(&list),
            [("license:eu".to_owned(), 2), ("credentials:eu/far".to_owned(), 2)]
        );
        let keys = [
            FollowerKey::parse("eu/a").unwrap(),
            FollowerKey::parse("eu/b").unwrap(),
        ];
        let sick = |cluster_answers| -> Vec<Incident> {
            let list: Vec<Sick<'_>> = keys
                .iter()
                .map(|key| Sick {
                    key,
                    remote: None,
                    cause: Cause::Unknown,
                    since: None,
                    nodes: BTreeSet::new(),
                    cluster_answers,
                })
                .collect();
            incidents(&list)
        };
        assert_eq!(sick(false)[0].id, "cluster:eu");
        assert_eq!(
            sick(true),
            [],
            "unknown on a cluster that answers is not the cluster's"
        );
    }
}
