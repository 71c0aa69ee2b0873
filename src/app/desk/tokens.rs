//! Tokens: made, listed, revoked.

use serde_json::json;

use crate::app::desk::{Desk, stored};
use crate::domain::access::Token;
use crate::http::dto::{Caller, Done, Problem};

impl Desk {
    pub(super) async fn keep_token(&self, token: Token, who: Caller) -> Result<(), Problem> {
        let from = json!({"uid": who.uid, "token": who.token});
        self.0
            .add_token(token, &who.name, from)
            .await
            .map_err(|error| stored(&error))
    }

    pub(super) async fn end_token(&self, id: String, who: Caller) -> Result<Done, Problem> {
        let from = json!({"uid": who.uid, "token": who.token});
        let known = self
            .0
            .revoke_token(&id, &who.name, from)
            .await
            .map_err(|error| stored(&error))?;
        if known {
            Ok(Done::say(format!(
                "token {id} is revoked; sessions that it began are over"
            )))
        } else {
            Err(Problem::not_found(format!("there is no token `{id}`"))
                .remedy("`refollow token list` names them"))
        }
    }
}
