//! Who may do what on a secured pair: roles, users, and the refusals in Elasticsearch's words.
//!
//! A user that was not made has the role of its own name; `boss` may do anything.

use serde_json::{Value, json};

use super::errors::{Fault, exception};
use super::json;
use super::pair::{Pair, SUPERUSER, Side};

impl Pair {
    fn roles_of(&self, side: Side, user: &str) -> Vec<String> {
        self.cluster(side)
            .users
            .get(user)
            .or_else(|| self.cluster(side.other()).users.get(user))
            .cloned()
            .unwrap_or_else(|| vec![user.to_owned()])
    }

    fn free(&self, user: &str) -> bool {
        !self.secured || user == SUPERUSER || user == "elastic"
    }

    /// Refuses a user that is not known (401).
    pub(super) fn authenticate(&self, side: Side, user: &str, path: &str) -> Result<(), Fault> {
        let cluster = self.cluster(side);
        let known = cluster.users.contains_key(user) || cluster.roles.contains_key(user);
        if self.free(user) || known && !cluster.deleted_users.contains(user) {
            return Ok(());
        }
        Err(Fault::of(
            401,
            "security_exception",
            format!("unable to authenticate user [{user}] for REST request [{path}]"),
        ))
    }

    /// Whether a user has a cluster privilege.
    pub(super) fn has_cluster(&self, side: Side, user: &str, privilege: &str) -> bool {
        if self.free(user) {
            return true;
        }
        self.roles_of(side, user).iter().any(|role| {
            self.cluster(side).roles.get(role).is_some_and(|role| {
                list(role, "cluster").any(|held| {
                    held == privilege
                        || held == "all"
                        || held == "manage"
                        || privilege == "monitor" && held == "manage_security"
                })
            })
        })
    }

    /// Whether a user has one of these privileges on an index.
    pub(super) fn has_index(&self, side: Side, user: &str, index: &str, any_of: &[&str]) -> bool {
        if self.free(user) {
            return true;
        }
        self.roles_of(side, user).iter().any(|role| {
            let Some(role) = self.cluster(side).roles.get(role) else {
                return false;
            };
            let grants = role
                .get("indices")
                .or_else(|| role.get("index"))
                .and_then(Value::as_array);
            grants.into_iter().flatten().any(|grant| {
                list(grant, "names").any(|name| json::wildcard(name, index))
                    && list(grant, "privileges").any(|held| held == "all" || any_of.contains(&held))
            })
        })
    }

    /// Refuses a cluster action.
    pub(super) fn cluster_right(
        &self,
        side: Side,
        user: &str,
        privilege: &str,
        action: &str,
    ) -> Result<(), Fault> {
        if self.has_cluster(side, user, privilege) {
            return Ok(());
        }
        let granted = match privilege {
            "monitor" => "monitor,manage,all".to_owned(),
            other => format!("{other},manage,all"),
        };
        Err(Fault::of(
            403,
            "security_exception",
            format!(
                "action [{action}] is unauthorized for user [{user}] with effective roles [{}], this action is granted by the cluster privileges [{granted}]",
                self.roles_of(side, user).join(",")
            ),
        ))
    }

    /// Refuses an index action.
    pub(super) fn index_right(
        &self,
        side: Side,
        user: &str,
        index: &str,
        any_of: &[&str],
        action: &str,
    ) -> Result<(), Fault> {
        if self.has_index(side, user, index, any_of) {
            return Ok(());
        }
        Err(Fault::of(
            403,
            "security_exception",
            format!(
                "action [{action}] is unauthorized for user [{user}] with effective roles [{}] on indices [{index}], this action is granted by the index privileges [{},all]",
                self.roles_of(side, user).join(","),
                any_of.join(",")
            ),
        ))
    }

    /// What a task's read meets on the leader, if anything.
    pub(super) fn may_read_leader(&self, peer: Side, user: &str, leader: &str) -> Option<Value> {
        if self.has_index(peer, user, leader, &["read", "read_cross_cluster"]) {
            return None;
        }
        Some(exception(
            "security_exception",
            format!(
                "action [indices:data/read/xpack/ccr/shard_changes] is unauthorized for user [{user}] with effective roles [{}] on indices [{leader}], this action is granted by the index privileges [cross_cluster_replication,read,all]",
                self.roles_of(peer, user).join(",")
            ),
        ))
    }

    /// What resume and follow check on the leader before anything is changed.
    pub(super) fn may_follow(&self, peer: Side, user: &str, leader: &str) -> Option<Fault> {
        let missing: Vec<&str> = [
            ("indices:monitor/stats", ["monitor", "manage"]),
            (
                "indices:data/read/xpack/ccr/shard_changes",
                ["read", "read_cross_cluster"],
            ),
        ]
        .iter()
        .filter(|(_, any_of)| !self.has_index(peer, user, leader, any_of))
        .map(|(action, _)| *action)
        .collect();
        let words = match missing.as_slice() {
            [] => return None,
            [one] => format!("privilege for action [{one}] is missing"),
            many => format!("privileges for actions [{}] are missing", many.join(", ")),
        };
        Some(Fault::of(
            403,
            "security_exception",
            format!("insufficient privileges to follow index [{leader}], {words}"),
        ))
    }

    /// `POST /_security/user/_has_privileges`.
    pub(super) fn has_privileges(&self, side: Side, user: &str, body: &Value) -> Value {
        let mut all = true;
        let mut cluster = serde_json::Map::new();
        for privilege in list(body, "cluster") {
            let held = self.has_cluster(side, user, privilege);
            all &= held;
            cluster.insert(privilege.to_owned(), json!(held));
        }
        let mut indices = serde_json::Map::new();
        let asked = body.get("index").and_then(Value::as_array);
        for ask in asked.into_iter().flatten() {
            for name in list(ask, "names") {
                let mut held_here = serde_json::Map::new();
                for privilege in list(ask, "privileges") {
                    let held = self.has_index(side, user, name, &implied_by(privilege));
                    all &= held;
                    held_here.insert(privilege.to_owned(), json!(held));
                }
                indices.insert(name.to_owned(), Value::Object(held_here));
            }
        }
        json!({"username": user, "has_all_requested": all, "cluster": cluster, "index": indices, "application": {}})
    }
}

/// A privilege and the wider ones that hold it.
fn implied_by(privilege: &str) -> Vec<&str> {
    match privilege {
        "manage_follow_index" | "manage_leader_index" | "monitor" | "view_index_metadata" => {
            vec![privilege, "manage"]
        }
        other => vec![other],
    }
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    value
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
