//! Receivers: tried, and what they were told.

use serde_json::json;

use crate::app::desk::Desk;
use crate::http::dto::{
    Caller, NotificationItem, Notifications, NotifyTestBody, Problem, TriedReceiver, TriedReceivers,
};

impl Desk {
    pub(super) async fn try_them(
        &self,
        body: NotifyTestBody,
        who: Caller,
    ) -> Result<TriedReceivers, Problem> {
        let only = body.receiver.as_deref();
        let Some(tried) = self.0.try_receivers(only, &who.name).await else {
            return Err(
                Problem::not_found(format!("there is no receiver `{}`", only.unwrap_or_default()))
                    .remedy("[[notify.receivers]] of the configuration names them"),
            );
        };
        if tried.is_empty() {
            return Err(Problem::not_found("no receiver is configured")
                .remedy("write [[notify.receivers]] into the configuration and reload it"));
        }
        let receivers: Vec<TriedReceiver> = tried
            .into_iter()
            .map(|tried| TriedReceiver {
                name: tried.name,
                kind: tried.kind.to_owned(),
                place: tried.place,
                ok: tried.problem.is_none(),
                problem: tried.problem,
            })
            .collect();
        let detail = json!({"uid": who.uid, "token": who.token, "receivers": receivers});
        self.note(&who.name, "receivers_tried", "notifications".to_owned(), detail)
            .await?;
        Ok(TriedReceivers { receivers })
    }

    pub(super) fn all_notifications(&self) -> Notifications {
        let rows = self.0.outbox_rows();
        let notifications = rows
            .into_iter()
            .map(|row| NotificationItem {
                id: row.notice.fingerprint(),
                waiting: row.owes(),
                receiver: row.receiver,
                subject: row.notice.subject,
                severity: row.notice.severity.to_string(),
                title: row.notice.title,
                since: row.notice.since,
                ended_at: row.notice.over_at,
                told: row.told,
                told_at: row.told_at,
                next_at: row.next_at,
                failures: row.failures,
                problem: row.problem,
            })
            .collect();
        Notifications { notifications }
    }
}
