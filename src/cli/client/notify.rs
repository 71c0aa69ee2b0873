//! `refollow notify`: tries receivers, and lists what they were told.

use axum::http::Method;
use serde_json::json;

use super::{Asked, DONE, FAILED, Session, code};
use crate::cli::client::table::{Table, instant};
use crate::domain::time::Timestamp;
use crate::domain::words;
use crate::http::dto::{Notifications, TriedReceivers};

fn tried(answer: &TriedReceivers) -> String {
    let lines: Vec<String> = answer
        .receivers
        .iter()
        .map(|receiver| {
            let how = match &receiver.problem {
                None => "took the message".to_owned(),
                Some(problem) => format!("did not take it: {problem}"),
            };
            format!(
                "{} ({}, {}): {how}\n",
                receiver.name, receiver.kind, receiver.place
            )
        })
        .collect();
    lines.concat()
}

fn list(answer: &Notifications, now: Timestamp) -> String {
    let mut table = Table::new(&["RECEIVER", "SEVERITY", "SINCE", "TOLD", "NEXT", "WHAT"]);
    for item in &answer.notifications {
        let what = match (&item.problem, item.ended_at) {
            (Some(problem), _) => format!("{} [not told: {problem}]", item.title),
            (None, Some(_)) => format!("{} [over]", item.title),
            (None, None) => item.title.clone(),
        };
        table.row(vec![
            item.receiver.clone(),
            item.severity.clone(),
            instant(item.since),
            item.told.to_string(),
            if item.waiting && item.failures == 0 {
                "now".to_owned()
            } else {
                words::relative(item.next_at, now)
            },
            what,
        ]);
    }
    if table.is_empty() {
        "Nothing stands that anybody is told of.\n".to_owned()
    } else {
        table.render()
    }
}

impl Session<'_> {
    /// `refollow notify test [RECEIVER]`.
    pub async fn notify_test(&mut self, receiver: Option<&str>) -> u8 {
        match self.try_receivers(receiver).await {
            Ok(exit) => exit,
            Err(exit) => exit,
        }
    }

    async fn try_receivers(&mut self, receiver: Option<&str>) -> Asked<u8> {
        let body = json!({ "receiver": receiver });
        let value = self
            .ask(Method::POST, "/api/v1/notifications/test", Some(body))
            .await?;
        let answer: TriedReceivers = self.read(value.clone())?;
        if self.json {
            self.print_json(&value);
        } else {
            self.print(&tried(&answer));
        }
        let all = answer.receivers.iter().all(|receiver| receiver.ok);
        Ok(if all { DONE } else { FAILED })
    }

    /// `refollow notify show`.
    pub async fn notify_show(&mut self) -> u8 {
        code(self.show(Method::GET, "/api/v1/notifications", None, list).await)
    }
}
