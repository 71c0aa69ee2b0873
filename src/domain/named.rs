//! People whom somebody else names: an authority in a client certificate, or a proxy in headers.
//!
//! Owns what the configuration says about them, and what they may do. A person may hold several
//! rights at once, by several groups: what any of them allows is allowed.

use serde::Serialize;

use crate::domain::access::{Grant, Reach, Role, Target};

/// What somebody may do, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rights {
    /// What.
    pub role: Role,
    /// Where.
    pub reach: Reach,
}

impl Rights {
    /// Whether this much may be done there.
    pub fn may(&self, role: Role, target: &Target) -> bool {
        self.role >= role && self.reach.touches(target)
    }
}

/// By what a name was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// A token.
    Token,
    /// A client certificate.
    Certificate,
    /// Headers of a proxy that is believed.
    Proxy,
}

impl By {
    /// As in "this token has the role".
    pub const fn words(self) -> &'static str {
        match self {
            Self::Token => "this token",
            Self::Certificate => "this client certificate",
            Self::Proxy => "who the proxy names",
        }
    }
}

/// Somebody with a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// By what.
    pub by: By,
    /// What the audit log keeps of it: a token's id, a certificate's subject, the proxy's address. No
    /// secret.
    pub id: String,
    /// The person: counts as the user of that name on the admin socket.
    pub person: String,
    /// All of their rights, the highest role first; none: they may nothing.
    pub rights: Vec<Rights>,
}

impl Named {
    /// Somebody with these rights.
    pub fn new(by: By, id: impl Into<String>, person: impl Into<String>, mut rights: Vec<Rights>) -> Self {
        rights.sort_by_key(|one| std::cmp::Reverse((one.role, one.reach.is_all())));
        Self {
            by,
            id: id.into(),
            person: person.into(),
            rights,
        }
    }

    /// Whether this much may be done there.
    pub fn may(&self, role: Role, target: &Target) -> bool {
        self.rights.iter().any(|one| one.may(role, target))
    }

    /// The highest role, wherever it reaches.
    pub fn role(&self) -> Option<Role> {
        self.rights.first().map(|one| one.role)
    }

    /// What they may do, for people: `operate on eu, view on all clusters`.
    pub fn words(&self) -> String {
        if self.rights.is_empty() {
            return "no role".to_owned();
        }
        let all: Vec<String> = self
            .rights
            .iter()
            .map(|one| match &one.reach {
                Reach::All => one.role.to_string(),
                Reach::Only(_) => format!("{} on {}", one.role, one.reach),
            })
            .collect();
        all.join("; ")
    }
}

impl From<Grant> for Named {
    fn from(grant: Grant) -> Self {
        let rights = Rights {
            role: grant.role,
            reach: grant.reach,
        };
        Self::new(By::Token, grant.id, grant.person, vec![rights])
    }
}

/// One entry of `[[auth.client_certificates.people]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// As [`subject`] has it: `cn:anna`, `dns:prometheus.example.com`, `uri:spiffe://example/x`.
    pub subject: String,
    /// The person or program.
    pub person: String,
    /// What they may do.
    pub rights: Rights,
}

impl Holder {
    /// The first entry that names one of a certificate's subjects.
    pub fn find(people: &[Self], subjects: &[String]) -> Option<Named> {
        let holder = people.iter().find(|one| subjects.contains(&one.subject))?;
        Some(Named::new(
            By::Certificate,
            format!("certificate {}", holder.subject),
            &holder.person,
            vec![holder.rights.clone()],
        ))
    }
}

/// A name in a certificate, with the place where it must stand: a DNS name that is an organisation's
/// idea of a common name is not the same as one that an authority has checked.
///
/// # Errors
/// What is wrong with it.
pub fn subject(text: &str) -> Result<String, String> {
    let wrong = || format!("`{text}` does not say where the name stands: write `cn:…`, `dns:…` or `uri:…`");
    let (place, name) = text.split_once(':').ok_or_else(wrong)?;
    if name.is_empty() || name.contains('*') {
        return Err(format!("`{text}` names nobody in particular"));
    }
    match place {
        "cn" | "uri" => Ok(text.to_owned()),
        "dns" => Ok(text.to_ascii_lowercase()),
        _ => Err(wrong()),
    }
}

/// Groups of a proxy with what they give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// As the proxy names it, compared exactly.
    pub name: String,
    /// What its members may do.
    pub rights: Rights,
}

/// What the groups that somebody is in give together.
pub fn rights_of(groups: &[Group], of: &[&str]) -> Vec<Rights> {
    groups
        .iter()
        .filter(|group| of.contains(&group.name.as_str()))
        .map(|group| group.rights.clone())
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::ids::ClusterName;

    fn rights(role: Role, cluster: Option<&str>) -> Rights {
        Rights {
            role,
            reach: cluster.map_or(Reach::All, |name| {
                Reach::Only(BTreeSet::from([ClusterName::parse(name).unwrap()]))
            }),
        }
    }

    #[test]
    fn what_any_group_allows_is_allowed_and_roles_do_not_wander_to_other_clusters() {
        let both = vec![rights(Role::View, None), rights(Role::Operate, Some("eu"))];
        let named = Named::new(By::Proxy, "proxy 10.0.0.1", "anna", both);
        let on = |name: &str| Target::Cluster(ClusterName::parse(name).unwrap());
        assert!(named.may(Role::Operate, &on("eu")));
        assert!(
            !named.may(Role::Operate, &on("ap")),
            "the role of eu, the reach of the other"
        );
        assert!(named.may(Role::View, &on("ap")));
        assert!(named.may(Role::View, &Target::Everything));
        assert!(!named.may(Role::Operate, &Target::Everything));
        assert_eq!(named.role(), Some(Role::Operate));
        assert_eq!(named.words(), "operate on eu; view");
        let nobody = Named::new(By::Proxy, "x", "bob", Vec::new());
        assert!(!nobody.may(Role::View, &Target::Lists));
    }

    #[test]
    fn a_name_counts_only_where_it_was_said_to_stand() {
        let holder = |subject: &str| Holder {
            subject: subject.to_owned(),
            person: "anna".to_owned(),
            rights: rights(Role::Approve, None),
        };
        let people = [holder("cn:anna"), holder("dns:anna.example")];
        let found = |subject: &str| Holder::find(&people, &[subject.to_owned()]).is_some();
        assert!(found("cn:anna") && found("dns:anna.example"));
        assert!(!found("dns:anna") && !found("uri:anna") && !found("cn:Anna"));
    }

    #[test]
    fn a_subject_says_where_it_stands_and_names_one() {
        assert_eq!(subject("dns:Prom.Example").unwrap(), "dns:prom.example");
        assert_eq!(subject("uri:spiffe://x/Y").unwrap(), "uri:spiffe://x/Y");
        for wrong in ["anna", "cn:", "dns:*.example", "o:example", ""] {
            assert!(subject(wrong).is_err(), "{wrong}");
        }
    }
}
