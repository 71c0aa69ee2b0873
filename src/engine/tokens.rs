//! Tokens of people and programs that come over TCP: made and revoked on the admin socket, kept in
//! the store by their digests, known from the book.

use serde_json::{Value, json};

use crate::domain::access::{Grant, Token};
use crate::engine::Engine;
use crate::engine::events::EventKind;
use crate::store::{AuditEvent, StoreError};

/// Where the store keeps them.
pub(super) const TOKENS_KEY: &str = "tokens";

/// What the store kept. What cannot be read lets nobody in.
pub(super) fn kept(value: Option<Value>) -> Vec<Token> {
    let Some(value) = value else {
        return Vec::new();
    };
    match serde_json::from_value(value) {
        Ok(tokens) => tokens,
        Err(error) => {
            tracing::warn!("the stored tokens cannot be read, so none holds; make new ones: {error}");
            Vec::new()
        }
    }
}

impl Engine {
    /// What the token of that digest gives, if it is known and holds.
    pub fn grant_of(&self, digest: &str) -> Option<Grant> {
        let now = self.now();
        let book = self.lock();
        let mut tokens = book.tokens.iter();
        tokens
            .find(|token| token.digest == digest && token.holds(now))
            .map(|token| token.grant.clone())
    }

    /// What the token of that id gives, if it was not revoked and holds.
    pub fn grant_by_id(&self, id: &str) -> Option<Grant> {
        let now = self.now();
        let book = self.lock();
        let mut tokens = book.tokens.iter();
        tokens
            .find(|token| token.grant.id == id && token.holds(now))
            .map(|token| token.grant.clone())
    }

    /// All tokens, those too that have ended.
    pub fn tokens(&self) -> Vec<Token> {
        self.lock().tokens.clone()
    }

    /// Adds a token; it holds once it is stored.
    ///
    /// # Errors
    /// The store did not take it: then it does not hold.
    pub async fn add_token(&self, token: Token, who: &str, from: Value) -> Result<(), StoreError> {
        let grant = token.grant.clone();
        let detail = json!({
            "person": grant.person, "role": grant.role, "reach": grant.reach,
            "expires_at": token.expires_at, "from": from,
        });
        self.change_tokens(|tokens| tokens.push(token)).await?;
        let text = format!(
            "token {} made for {} by {who}: {} on {}",
            grant.id, grant.person, grant.role, grant.reach
        );
        self.token_changed(who, "token_created", grant.id, detail, text)
            .await
    }

    /// Revokes a token at once; whether there was one.
    ///
    /// # Errors
    /// The store did not take it: then it still holds.
    pub async fn revoke_token(&self, id: &str, who: &str, from: Value) -> Result<bool, StoreError> {
        let known = self.lock().tokens.iter().any(|token| token.grant.id == id);
        if !known {
            return Ok(false);
        }
        self.change_tokens(|tokens| tokens.retain(|token| token.grant.id != id))
            .await?;
        let text = format!("token {id} revoked by {who}");
        self.token_changed(who, "token_revoked", id.to_owned(), json!({"from": from}), text)
            .await?;
        Ok(true)
    }

    /// One change at a time, stored before it counts.
    async fn change_tokens(&self, change: impl FnOnce(&mut Vec<Token>)) -> Result<(), StoreError> {
        let _turn = self.changing_tokens.lock().await;
        let mut tokens = self.lock().tokens.clone();
        change(&mut tokens);
        self.store.set_state(TOKENS_KEY, &json!(tokens)).await?;
        self.lock().tokens = tokens;
        Ok(())
    }

    async fn token_changed(
        &self,
        who: &str,
        kind: &str,
        subject: String,
        detail: Value,
        text: String,
    ) -> Result<(), StoreError> {
        let at = self.now();
        self.lock().story.tell(at, EventKind::Operator, None, text);
        let event = AuditEvent {
            at,
            kind: kind.to_owned(),
            who: who.to_owned(),
            subject,
            detail,
        };
        self.store.audit(&event).await.map(drop)
    }
}
