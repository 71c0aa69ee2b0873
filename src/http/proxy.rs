//! A proxy that is believed about who is asking: by its address, for the pages alone.
//!
//! What any other peer writes into those headers is ignored and counted. Two values of one header
//! are refused: the second may be the client's own.

use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName};

use crate::domain::access::person;
use crate::domain::named::{By, Group, Named, rights_of};

/// Which proxy, and which headers of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Addresses that it comes from, each with the number of bits that count.
    pub from: Vec<(IpAddr, u8)>,
    /// Holds the person's name.
    pub user_header: String,
    /// Holds the names of their groups, separated by commas.
    pub groups_header: String,
    /// What the groups give.
    pub groups: Vec<Group>,
}

/// What the headers of one request say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// Nothing, or nothing that is believed.
    Nothing,
    /// By a peer that is not believed.
    Ignored,
    /// This.
    Named(Named),
    /// By the proxy, and it cannot be a name.
    Wrong,
}

/// Said by proxies about the way before them.
const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Whether an address lies in a network. An IPv4 address within IPv6 is that address.
fn within(address: IpAddr, (network, bits): (IpAddr, u8)) -> bool {
    let (address, network) = (address.to_canonical(), network.to_canonical());
    let (own, other, width) = match (address, network) {
        (IpAddr::V4(own), IpAddr::V4(other)) => (own.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(own), IpAddr::V6(other)) => (own.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let (own, other): (u128, u128) = (own, other);
    // A shift by the whole width is none: `0` bits mean every address.
    (own ^ other)
        .checked_shr(width - u32::from(bits).min(width))
        .unwrap_or(0)
        == 0
}

/// The one value of a header; `Err`: several, or no text.
fn one<'h>(headers: &'h HeaderMap, name: &str) -> Result<Option<&'h str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(drop),
        (Some(_), Some(_)) => Err(()),
    }
}

impl Proxy {
    /// Whether this peer is believed.
    pub(super) fn believes(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| self.from.iter().any(|network| within(peer, *network)))
    }

    /// Who is asking, by the headers.
    pub(super) fn said(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Said {
        let spoken = headers.contains_key(&self.user_header) || headers.contains_key(&self.groups_header);
        match peer {
            _ if !spoken => Said::Nothing,
            Some(peer) if self.believes(Some(peer)) => {
                let (Ok(user), Ok(groups)) =
                    (one(headers, &self.user_header), one(headers, &self.groups_header))
                else {
                    return Said::Wrong;
                };
                // Nobody has signed in at the proxy.
                let Some(user) = user.map(str::trim).filter(|user| !user.is_empty()) else {
                    return Said::Nothing;
                };
                let Ok(person) = person(user) else {
                    return Said::Wrong;
                };
                let of: Vec<&str> = groups
                    .unwrap_or_default()
                    .split(',')
                    .map(str::trim)
                    .filter(|group| !group.is_empty())
                    .collect();
                let rights = rights_of(&self.groups, &of);
                Said::Named(Named::new(By::Proxy, format!("proxy {peer}"), person, rights))
            }
            _ => Said::Ignored,
        }
    }

    /// Whether the browser came to the proxy by TLS.
    pub(super) fn came_by_tls(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
        self.believes(peer) && one(headers, SCHEME.as_str()) == Ok(Some("https"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Reach, Role};
    use crate::domain::named::Rights;

    fn proxy() -> Proxy {
        let group = |name: &str, role| Group {
            name: name.to_owned(),
            rights: Rights {
                role,
                reach: Reach::All,
            },
        };
        Proxy {
            from: vec![
                ("10.1.0.0".parse().unwrap(), 16),
                ("fd00::1".parse().unwrap(), 128),
            ],
            user_header: "x-user".to_owned(),
            groups_header: "x-groups".to_owned(),
            groups: vec![group("sre", Role::Operate), group("all", Role::View)],
        }
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn only_the_listed_networks_are_believed() {
        let proxy = proxy();
        for (peer, believed) in [
            ("10.1.255.1", true),
            ("10.2.0.1", false),
            ("::ffff:10.1.0.9", true),
            ("fd00::1", true),
            ("fd00::2", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(proxy.believes(Some(peer.parse().unwrap())), believed, "{peer}");
        }
        assert!(!proxy.believes(None));
        let everybody = ("0.0.0.0".parse().unwrap(), 0);
        assert!(within("200.1.2.3".parse().unwrap(), everybody));
        assert!(!within("fd00::1".parse().unwrap(), everybody));
    }

    #[test]
    fn what_a_header_says_twice_or_wrongly_names_nobody() {
        let (proxy, peer) = (proxy(), Some("10.1.0.1".parse().unwrap()));
        for wrong in [
            &[("x-user", "anna"), ("x-user", "root")][..],
            &[("x-user", "anna"), ("x-groups", "sre"), ("x-groups", "all")],
            &[("x-user", "anna b")],
            &[("x-user", "refollow")],
        ] {
            assert_eq!(proxy.said(peer, &headers(wrong)), Said::Wrong, "{wrong:?}");
        }
        assert_eq!(proxy.said(peer, &headers(&[("x-groups", "sre")])), Said::Nothing);
        assert_eq!(proxy.said(peer, &headers(&[])), Said::Nothing);
        let Said::Named(named) = proxy.said(peer, &headers(&[("x-user", "anna"), ("x-groups", "all, sre")]))
        else {
            panic!("anna is named")
        };
        assert_eq!(
            (named.person.as_str(), named.role()),
            ("anna", Some(Role::Operate))
        );
        let Said::Named(named) = proxy.said(peer, &headers(&[("x-user", "bob"), ("x-groups", "sre2")]))
        else {
            panic!("bob is named")
        };
        assert_eq!(named.role(), None);
        let elsewhere = Some("10.2.0.1".parse().unwrap());
        assert_eq!(
            proxy.said(elsewhere, &headers(&[("x-user", "anna")])),
            Said::Ignored
        );
    }

    #[test]
    fn only_the_proxy_is_believed_about_the_way_before_it() {
        let (proxy, said) = (proxy(), headers(&[("x-forwarded-proto", "https")]));
        assert!(proxy.came_by_tls(Some("10.1.0.1".parse().unwrap()), &said));
        assert!(!proxy.came_by_tls(Some("10.2.0.1".parse().unwrap()), &said));
    }
}
