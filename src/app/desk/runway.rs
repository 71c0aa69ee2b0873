//! Buying time: the plan that raises the leader's lease period, and its end before the cure.

use crate::app::desk::{Desk, stored};
use crate::domain::ids::FollowerKey;
use crate::http::dto::{Caller, Done, Problem, RunwayRequest};

impl Desk {
    pub(super) async fn change_runway(
        &self,
        follower: FollowerKey,
        request: RunwayRequest,
        who: Caller,
    ) -> Result<Done, Problem> {
        match request {
            RunwayRequest::Undo => {
                let there = self
                    .0
                    .undo_extension(&follower, &who.name)
                    .await
                    .map_err(|error| stored(&error))?;
                if !there {
                    return Err(Problem::not_found(format!(
                        "the lease period of `{follower}`'s leader was not raised by refollow"
                    ))
                    .remedy("a plan that waits is rejected with `refollow reject`"));
                }
                let detail = serde_json::json!({"uid": who.uid, "token": who.token, "follower": follower});
                self.note(&who.name, "extension_undo_asked", follower.to_string(), detail)
                    .await?;
                Ok(Done::say(format!(
                    "the lease period of `{follower}`'s leader is put back"
                )))
            }
            RunwayRequest::Extend(to) => {
                let record = match self.0.request_extension(&follower, to, &who.name).await {
                    None => return Err(self.unknown_follower(&follower)),
                    Some(Err(problems)) => {
                        return Err(Problem::refused(
                            "plan",
                            format!("no plan can be made: {}", problems.join("; ")),
                        ));
                    }
                    Some(Ok(record)) => record,
                };
                Ok(Done {
                    message: format!(
                        "plan {} made; nothing is done before somebody approves it (`refollow approve {}`)",
                        record.plan.hash, record.plan.hash
                    ),
                    plan: Some(self.plan_item(&record)),
                    run: None,
                })
            }
        }
    }
}
