//! Notices about what is no follower: clusters, auto-follow patterns, brakes, breakers.

use crate::domain::cause::Cause;
use crate::domain::ids::ClusterName;
use crate::domain::incident::IncidentKind;
use crate::domain::notice::{Notice, Severity, Topic};
use crate::domain::seen::Seen;
use crate::domain::time::Timestamp;
use crate::engine::book::Book;

impl Book {
    pub(super) fn cluster_notices(&self) -> Vec<Notice> {
        let told = |name: &ClusterName| {
            self.incidents
                .values()
                .any(|open| open.incident.kind == IncidentKind::Cluster && &open.incident.cluster == name)
        };
        self.clusters
            .iter()
            .filter(|(name, entry)| entry.tried && !entry.up && !told(name))
            .map(|(name, entry)| {
                let since = entry.last_ok_at.unwrap_or(self.started_at);
                let mut notice = Notice::new(
                    Topic::Cluster,
                    format!("cluster:{name}"),
                    format!("cluster {name} cannot be looked at"),
                    since,
                )
                .about(name, None, &[]);
                notice.severity = Severity::Warning;
                notice.text = entry
                    .last_error
                    .clone()
                    .unwrap_or_else(|| "it gives no usable answer".to_owned());
                notice.page = format!("/clusters/{name}");
                notice
            })
            .collect()
    }

    pub(super) fn pattern_notices(&self) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (cluster, entry) in &self.clusters {
            let sick = entry
                .auto_follow
                .verdicts
                .iter()
                .filter(|verdict| verdict.cause != Cause::None);
            for verdict in sick {
                let name = &verdict.name;
                let mut notice = Notice::new(
                    Topic::AutoFollow,
                    format!("auto-follow:{cluster}/{name}"),
                    format!("auto-follow pattern {name} of {cluster} fails"),
                    self.started_at,
                )
                .about(cluster, Some(verdict.cause), &[]);
                notice.severity = Severity::Warning;
                notice.text = verdict
                    .evidence
                    .first()
                    .map(|found| format!("{} = {}", found.field, found.value))
                    .unwrap_or_default();
                notice.page = format!("/clusters/{cluster}");
                notices.push(notice);
            }
        }
        notices
    }

    pub(super) fn brake_notices(&self, now: Timestamp) -> Vec<Notice> {
        let mut notices: Vec<Notice> = self
            .brakes
            .iter()
            .filter(|brake| brake.holds(now))
            .map(Notice::of_brake)
            .collect();
        let by_file = match &self.brake_file {
            Seen::Present(false) | Seen::Absent => None,
            Seen::Present(true) => Some("the brake file exists".to_owned()),
            Seen::Unknown(why) => Some(format!("the brake file cannot be read: {why}")),
        };
        if let Some(why) = by_file {
            let title = "brake `all` engaged by its file".to_owned();
            let mut notice = Notice::new(Topic::Brake, "brake-file".to_owned(), title, now);
            notice.severity = Severity::Warning;
            notice.text = format!("{why}: {}", self.settings.brake_file.display());
            "/brakes".clone_into(&mut notice.page);
            notices.push(notice);
        }
        notices
    }

    pub(super) fn breaker_notices(&self) -> Vec<Notice> {
        let remotes =
            self.breaker.remotes.iter().map(|((cluster, alias), open)| {
                (format!("the remote {cluster}/{alias}"), Some(cluster), open)
            });
        self.breaker
            .overall
            .iter()
            .map(|open| ("everything".to_owned(), None, open))
            .chain(remotes)
            .map(|(what, cluster, open)| {
                let mut notice = Notice::new(
                    Topic::Breaker,
                    format!("breaker:{what}"),
                    format!("the breaker over {what} is open: recreates ask"),
                    open.since,
                );
                notice.severity = Severity::Warning;
                notice.cluster = cluster.cloned();
                notice.text = format!(
                    "{} of {} followers are unhealthy. It closes by itself once that is over.",
                    open.unhealthy, open.of
                );
                "/brakes".clone_into(&mut notice.page);
                notice
            })
            .collect()
    }
}
