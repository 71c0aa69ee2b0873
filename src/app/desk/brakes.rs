//! Brakes: what holds, engaging, releasing.

use crate::app::desk::{Desk, stored};
use crate::domain::brake::{Brake, BrakeScope};
use crate::domain::seen::Seen;
use crate::domain::time::after;
use crate::http::dto::{BrakeItem, BrakeRequest, Brakes, BreakerItem, Caller, Done, Problem};

impl Desk {
    pub(super) fn all_brakes(&self) -> Brakes {
        let now = self.0.now();
        let book = self.0.lock();
        let mut brakes: Vec<BrakeItem> = book
            .brakes
            .iter()
            .map(|brake| BrakeItem {
                scope: brake.scope.clone(),
                owner: brake.owner.clone(),
                reason: brake.reason.clone(),
                engaged_at: Some(brake.engaged_at),
                expires_at: brake.expires_at,
                holds: brake.holds(now),
            })
            .collect();
        if !matches!(book.brake_file, Seen::Present(false) | Seen::Absent) {
            brakes.push(BrakeItem {
                scope: BrakeScope::All,
                owner: "file".to_owned(),
                reason: format!("{} exists or cannot be read", book.settings.brake_file.display()),
                engaged_at: None,
                expires_at: None,
                holds: true,
            });
        }
        let overall = book.breaker.overall.iter().map(|open| (None, None, open));
        let remotes = book.breaker.remotes.iter();
        let remotes = remotes.map(|((cluster, remote), open)| (Some(cluster), Some(remote), open));
        let breakers = overall
            .chain(remotes)
            .map(|(cluster, remote, open)| BreakerItem {
                cluster: cluster.cloned(),
                remote: remote.cloned(),
                since: open.since,
                unhealthy: open.unhealthy,
                of: open.of,
                closes_at: open.closes_at,
            })
            .collect();
        Brakes { brakes, breakers }
    }

    pub(super) async fn engage(&self, request: BrakeRequest, who: Caller) -> Result<Done, Problem> {
        let now = self.0.now();
        let brake = Brake {
            scope: request.scope,
            owner: who.name.clone(),
            reason: request.reason,
            engaged_at: now,
            expires_at: request.length.map(|length| after(now, length)),
        };
        self.0
            .store
            .set_brake(&brake)
            .await
            .map_err(|error| stored(&error))?;
        let detail = serde_json::json!({"uid": who.uid, "token": who.token, "reason": brake.reason, "expires_at": brake.expires_at});
        self.note(&who.name, "brake_engaged", brake.scope.to_string(), detail)
            .await?;
        let until = brake
            .expires_at
            .map_or_else(|| "until released".to_owned(), |at| format!("until {at}"));
        let message = format!("brake `{}` engaged {until}", brake.scope);
        let mut book = self.0.lock();
        book.brakes.retain(|old| old.scope != brake.scope);
        book.story.tell(
            now,
            crate::engine::events::EventKind::Operator,
            None,
            format!("{message} by {}: {}", brake.owner, brake.reason),
        );
        book.brakes.push(brake);
        Ok(Done::say(message))
    }

    pub(super) async fn let_go(&self, scope: BrakeScope, who: Caller) -> Result<Done, Problem> {
        let held = self
            .0
            .store
            .release_brake(&scope)
            .await
            .map_err(|error| stored(&error))?;
        if !held {
            return Err(Problem::not_found(format!("no brake `{scope}` is engaged"))
                .remedy("`refollow status` names the brakes; one engaged by file is released by removing the file"));
        }
        self.note(
            &who.name,
            "brake_released",
            scope.to_string(),
            serde_json::json!({"uid": who.uid, "token": who.token}),
        )
        .await?;
        let now = self.0.now();
        let mut book = self.0.lock();
        book.brakes.retain(|brake| brake.scope != scope);
        let message = format!("brake `{scope}` released");
        book.story.tell(
            now,
            crate::engine::events::EventKind::Operator,
            None,
            format!("{message} by {}", who.name),
        );
        Ok(Done::say(message))
    }
}
