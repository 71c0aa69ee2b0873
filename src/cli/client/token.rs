//! `refollow token`: tokens for the pages and the API, made and revoked on the daemon's host.

use std::time::Duration;

use axum::http::Method;
use serde_json::json;

use super::{Session, code, segment};
use crate::cli::client::table::{Table, instant};
use crate::domain::access::Role;
use crate::domain::ids::ClusterName;
use crate::domain::time::Timestamp;
use crate::http::dto::{Done, TokenItem, TokenList, TokenMade};

fn reach(token: &TokenItem) -> String {
    match &token.clusters {
        None => "all".to_owned(),
        Some(clusters) => {
            let names: Vec<&str> = clusters.iter().map(ClusterName::as_str).collect();
            names.join(",")
        }
    }
}

fn made(made: &TokenMade, _: Timestamp) -> String {
    let item = &made.item;
    let until = item.expires_at.map_or_else(
        || "until it is revoked".to_owned(),
        |at| format!("until {}", instant(at)),
    );
    format!(
        "{}\n\nToken {} for {}: {} on {} {until}. It is shown this once; keep it like a password.\n",
        made.token,
        item.id,
        item.person,
        item.role,
        reach(item)
    )
}

fn list(list: &TokenList, _: Timestamp) -> String {
    let mut table = Table::new(&["TOKEN", "PERSON", "ROLE", "CLUSTERS", "MADE", "BY", "ENDS"]);
    for token in &list.tokens {
        table.row(vec![
            token.id.clone(),
            token.person.clone(),
            token.role.to_string(),
            reach(token),
            instant(token.created_at),
            token.created_by.clone(),
            match token.expires_at {
                Some(at) if !token.holds => format!("ended {}", instant(at)),
                Some(at) => instant(at),
                None => "-".to_owned(),
            },
        ]);
    }
    if table.is_empty() {
        "There is no token.\n".to_owned()
    } else {
        table.render()
    }
}

impl Session<'_> {
    /// `refollow token create`.
    pub async fn token_create(
        &mut self,
        person: Option<&str>,
        role: Role,
        clusters: Option<&[ClusterName]>,
        length: Option<Duration>,
    ) -> u8 {
        let body = json!({
            "person": person, "role": role, "clusters": clusters,
            "for_seconds": length.map(|length| length.as_secs().max(1)),
        });
        code(self.show(Method::POST, "/api/v1/tokens", Some(body), made).await)
    }

    /// `refollow token list`.
    pub async fn token_list(&mut self) -> u8 {
        code(self.show(Method::GET, "/api/v1/tokens", None, list).await)
    }

    /// `refollow token revoke ID`.
    pub async fn token_revoke(&mut self, id: &str) -> u8 {
        let path = format!("/api/v1/tokens/{}", segment(id));
        let said = |done: &Done, _: Timestamp| format!("{}\n", done.message);
        code(self.show(Method::DELETE, &path, None, said).await)
    }
}
