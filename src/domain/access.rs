//! Who may do what over TCP: roles, the clusters that they are limited to, and the tokens that
//! carry them. A token's text is kept nowhere: only its SHA-256 is.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::domain::brake::BrakeScope;
use crate::domain::ids::{ClusterName, FollowerKey};
use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;

named_enum! {
    /// What somebody may do; each role may what those before it may.
    Role {
        /// Read everything of its clusters.
        View = "view",
        /// Say yes or no to plans.
        Approve = "approve",
        /// Make plans, engage and release brakes, abort runs.
        Operate = "operate",
        /// Read the audit log, begin drills.
        Admin = "admin",
    }
}

/// Which clusters a token is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Every follower cluster, and what stands over all of them.
    All,
    /// These follower clusters and nothing that stands over all.
    Only(BTreeSet<ClusterName>),
}

impl Reach {
    /// Whether this cluster is within reach.
    pub fn covers(&self, cluster: &ClusterName) -> bool {
        match self {
            Self::All => true,
            Self::Only(clusters) => clusters.contains(cluster),
        }
    }

    /// Whether this may be touched.
    pub fn touches(&self, target: &Target) -> bool {
        match target {
            Target::Cluster(cluster) => self.covers(cluster),
            Target::Everything => self.is_all(),
            Target::Lists => true,
        }
    }

    /// Whether everything is.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all clusters"),
            Self::Only(clusters) => {
                let names: Vec<&str> = clusters.iter().map(ClusterName::as_str).collect();
                f.write_str(&names.join(", "))
            }
        }
    }
}

/// What somebody wants to touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Something of one follower cluster.
    Cluster(ClusterName),
    /// Something that stands over all clusters.
    Everything,
    /// Nothing in particular: the lists, which show what is within reach.
    Lists,
}

impl From<&FollowerKey> for Target {
    fn from(key: &FollowerKey) -> Self {
        Self::Cluster(key.cluster.clone())
    }
}

impl From<&BrakeScope> for Target {
    fn from(scope: &BrakeScope) -> Self {
        scope
            .cluster()
            .map_or(Self::Everything, |cluster| Self::Cluster(cluster.clone()))
    }
}

/// What a token gives to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The token's id: names it in lists and in the audit log; no secret.
    pub id: String,
    /// The person: counts as the user of that name on the admin socket.
    pub person: String,
    /// What they may do.
    pub role: Role,
    /// Where.
    pub reach: Reach,
}

impl Grant {
    /// Whether this much may be done there.
    pub fn may(&self, role: Role, target: &Target) -> bool {
        self.role >= role && self.reach.touches(target)
    }
}

/// A token as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// What it gives.
    #[serde(flatten)]
    pub grant: Grant,
    /// SHA-256 of its text, in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom, on the admin socket.
    pub created_by: String,
    /// When it ends; `None`: when it is revoked.
    pub expires_at: Option<Timestamp>,
}

impl Token {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// What every token begins with, so that scanners for secrets find one that got away.
pub const TOKEN_PREFIX: &str = "refollow_";

/// A token's text from 256 random bits.
pub fn token_text(random: &[u8; 32]) -> String {
    format!("{TOKEN_PREFIX}{}", hex(random))
}

/// SHA-256 of a secret, in hexadecimal: what is stored and compared. Comparing digests tells
/// nobody how much of a guess was right, since who guesses does not choose the digest.
pub fn digest(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|nibble| char::from_digit(u32::from(nibble), 16))
        .collect()
}

/// A person's name: what a user on this host could be called, or an address. Names that refollow
/// itself signs with are nobody's.
///
/// # Errors
/// What is wrong with it.
pub fn person(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err(format!(
            "`{text}` is not a person's name: 1 to 64 letters, digits, `.`, `_`, `-`, `@`, `+`"
        ));
    }
    if matches!(text, "refollow" | "file" | "policy") {
        return Err(format!("`{text}` is what refollow itself signs with"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster(name: &str) -> ClusterName {
        ClusterName::parse(name).unwrap()
    }

    fn grant(role: Role, reach: Reach) -> Grant {
        Grant {
            id: "t1".to_owned(),
            person: "anna".to_owned(),
            role,
            reach,
        }
    }

    #[test]
    fn a_role_may_what_those_before_it_may_and_no_more() {
        for (position, has) in Role::ALL.iter().enumerate() {
            for (needed_position, needed) in Role::ALL.iter().enumerate() {
                let may = grant(*has, Reach::All).may(*needed, &Target::Everything);
                assert_eq!(may, needed_position <= position, "{has} for {needed}");
            }
        }
    }

    #[test]
    fn a_limited_token_reaches_its_clusters_and_nothing_that_stands_over_all() {
        let limited = grant(Role::Admin, Reach::Only(BTreeSet::from([cluster("eu")])));
        let target = |scope: &str| Target::from(&BrakeScope::parse(scope).unwrap());
        for (scope, may) in [
            ("cluster:eu", true),
            ("remote:eu/lead", true),
            ("follower:eu/orders-f", true),
            ("cluster:ap", false),
            ("follower:ap/orders-f", false),
            ("all", false),
            ("recreate", false),
            ("resume", false),
        ] {
            assert_eq!(limited.may(Role::Operate, &target(scope)), may, "{scope}");
        }
        assert!(limited.may(Role::View, &Target::Lists));
        let nowhere = grant(Role::Admin, Reach::Only(BTreeSet::new()));
        assert!(
            !nowhere.may(Role::View, &target("cluster:eu")),
            "an empty list is nowhere"
        );
    }

    #[test]
    fn only_the_digest_of_a_token_is_kept() {
        let text = token_text(&[7; 32]);
        assert_eq!(text.len(), TOKEN_PREFIX.len() + 64);
        assert_eq!(
            digest("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_ne!(digest(&text), digest(&token_text(&[8; 32])));
    }

    #[test]
    fn names_that_refollow_signs_with_are_nobodys() {
        assert_eq!(person("anna.b@example.com").unwrap(), "anna.b@example.com");
        for wrong in [
            "",
            "refollow",
            "file",
            "policy",
            "anna b",
            "<b>",
            "a/b",
            &"x".repeat(65),
        ] {
            assert!(person(wrong).is_err(), "{wrong}");
        }
    }
}
