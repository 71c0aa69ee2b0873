//! One `[[clusters]]` entry: where it answers, with which credentials, and who stands behind its aliases.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::config::problem::shown;
use crate::config::read::{Notes, Section};
use crate::config::secret;
use crate::domain::ids::{ClusterName, IndexName, RemoteAlias};
use crate::elastic::auth::{Auth, Credentials, Trust};
use crate::elastic::net::{Endpoint, TransportSettings};

const DAY: Duration = Duration::from_hours(24);
const HOUR: Duration = Duration::from_hours(1);
const SHORTEST: Duration = Duration::from_millis(100);

/// The address of one node: scheme, host, port and perhaps a path prefix; no user, no query, no
/// trailing slash.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BaseUrl(Arc<str>);

impl BaseUrl {
    /// Parses and normalises (`https://ES1:9200/` is `https://es1:9200`).
    ///
    /// # Errors
    /// What is wrong with it, to follow after the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| "has no scheme".to_owned())?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(format!(
                "has the scheme `{scheme}`; only http and https are spoken"
            ));
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("has a blank or a control character".into());
        }
        if rest.contains(['?', '#']) {
            return Err("has a query or a fragment".into());
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if authority.contains('@') || path.contains('@') {
            return Err("holds a user name; credentials belong into `auth`".into());
        }
        let path = path.trim_end_matches('/');
        if path.contains(['\\', '%'])
            || path
                .split('/')
                .skip(1)
                .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return Err("has a path with `..`, `//`, `%` or `\\`".into());
        }
        let (host, port) = split_port(authority)?;
        if let Some(port) = port
            && (!port.chars().all(|c| c.is_ascii_digit()) || port.parse::<u16>().map_or(true, |p| p == 0))
        {
            return Err(format!("has the port `{port}`, which is not one from 1 to 65535"));
        }
        check_host(host)?;
        let host = host.to_ascii_lowercase();
        let port = match port {
            Some(port) => format!(":{port}"),
            None => String::new(),
        };
        let url = format!("{scheme}://{host}{port}{path}");
        // What the client would not take must not pass here.
        Endpoint::parse(&url)?;
        Ok(Self(Arc::from(url)))
    }

    /// The text, without a slash at its end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is spoken to through TLS.
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }

    /// Whether the host is this one, so that nobody can listen in between.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or(host);
        let host = match host.strip_prefix('[') {
            Some(six) => six.split(']').next().unwrap_or(six),
            None => host.split(':').next().unwrap_or(host),
        };
        // `127.example.org` is a name like any other.
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    if let Some(rest) = authority.strip_prefix('[') {
        let end = rest
            .find(']')
            .ok_or_else(|| "has an IPv6 address without `]`".to_owned())?;
        let (address, after) = rest.split_at(end);
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return Err("has no IPv6 address between `[` and `]`".into());
        }
        let after = &after[1..];
        return match after.strip_prefix(':') {
            Some(port) => Ok((&authority[..address.len() + 2], Some(port))),
            None if after.is_empty() => Ok((&authority[..address.len() + 2], None)),
            None => Err("has something behind `]` that is no port".into()),
        };
    }
    Ok(match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    })
}

fn check_host(host: &str) -> Result<(), String> {
    if host.is_empty() {
        return Err("has no host".into());
    }
    if host.starts_with('[') {
        return Ok(());
    }
    if host
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
    {
        Ok(())
    } else {
        Err("has a host with a character that host names cannot have".into())
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// One cluster, already valid.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// What it is called.
    pub name: ClusterName,
    /// Where it answers; never empty, tried in turn for looking.
    pub urls: Vec<BaseUrl>,
    /// Time between two looks at its followers.
    pub poll_interval: Duration,
    /// Time between two looks at the leaders of its followers.
    pub leader_side_interval: Duration,
    /// Deadline of one call.
    pub call_deadline: Duration,
    /// Deadline of a call that takes long by nature.
    pub long_call_deadline: Duration,
    /// Requests open at once.
    pub requests_in_flight: u32,
    /// Requests a second that looks stay below.
    pub requests_per_second: u32,
    /// `auth`, `acting_auth` and `follow_auth` with their defaults.
    pub credentials: Credentials,
    /// Whom to believe: `tls.ca_file`, or the system's authorities.
    pub trust: Trust,
    /// Alias on this cluster → the cluster behind it.
    pub remotes: BTreeMap<RemoteAlias, ClusterName>,
    /// Followers that must exist.
    pub declared_followers: Vec<IndexName>,
}

impl Cluster {
    /// What the real transport of each address needs, in the order of `urls`.
    pub fn transports(&self) -> Vec<TransportSettings> {
        self.urls
            .iter()
            // Each was parsed as an endpoint when it was read, so none is left out here.
            .filter_map(|url| Endpoint::parse(url.as_str()).ok())
            .map(|endpoint| TransportSettings {
                credentials: self.credentials.clone(),
                trust: self.trust.clone(),
                ..TransportSettings::new(endpoint)
            })
            .collect()
    }
}

/// Reads every entry, then what holds between them.
pub(super) fn clusters(root: &mut Section<'_>) -> Vec<Cluster> {
    let notes = root.notes;
    let present = root.has("clusters");
    let sections = root.sections("clusters");
    if sections.is_empty() && (!present || notes.clean_at("clusters")) {
        notes.problem(
            "clusters",
            None,
            "names no cluster",
            "add a [[clusters]] entry with name and urls for each cluster, leaders and followers alike",
        );
    }
    let mut found = Vec::with_capacity(sections.len());
    // Names are gathered apart, so that an alias to an entry with another mistake is not told
    // as an alias to nothing.
    let mut names = Vec::new();
    let mut aliases = Vec::new();
    for section in sections {
        let path = section.path.clone();
        let read = cluster(section, &mut names, &mut aliases);
        if let Some(cluster) = read {
            found.push((path, cluster));
        }
    }
    check_names(notes, &names);
    check_aliases(notes, &names, &mut aliases, &mut found);
    check_urls(notes, &found);
    found.into_iter().map(|(_, cluster)| cluster).collect()
}

/// An alias as written: its path, the entry it stands in, the alias, what it names.
struct Alias {
    path: String,
    section: String,
    name: RemoteAlias,
    target: String,
}

fn cluster(
    mut section: Section<'_>,
    names: &mut Vec<(String, ClusterName)>,
    aliases: &mut Vec<Alias>,
) -> Option<Cluster> {
    let notes = section.notes;
    let name = section.required("name", "\"eu\"", ClusterName::parse);
    if let Some(name) = &name {
        names.push((section.path_of("name"), name.clone()));
    }
    let urls = urls(&mut section);
    let second = Duration::from_secs(1);
    let poll_interval = section.duration("poll_interval", SHORTEST..=HOUR, 15 * second);
    let leader_side_interval = section.duration("leader_side_interval", SHORTEST..=DAY, 60 * second);
    let call_deadline = section.duration("call_deadline", SHORTEST..=HOUR / 6, 10 * second);
    let long_call_deadline = section.duration("long_call_deadline", SHORTEST..=HOUR, 60 * second);
    let requests_in_flight = section.count("requests_in_flight", 1..=64, 4);
    let requests_per_second = section.count("requests_per_second", 1..=10_000, 50);
    if long_call_deadline < call_deadline {
        section.problem(
            "long_call_deadline",
            "is shorter than call_deadline",
            "make it at least as long",
        );
    }
    let auth = secret::auth(&mut section, "auth").unwrap_or_default();
    let acting_auth = secret::auth(&mut section, "acting_auth");
    let follow_auth = secret::auth(&mut section, "follow_auth");
    let credentials = Credentials::new(auth, acting_auth, follow_auth);
    let trust = secret::trust(&mut section);
    for (alias, target) in section.texts("remotes", "{ alias = \"name of a [[clusters]] entry\" }") {
        match RemoteAlias::parse(&alias) {
            Ok(alias) => aliases.push(Alias {
                path: target.path,
                section: section.path.clone(),
                name: alias,
                target: target.text,
            }),
            Err(error) => notes.problem(
                &target.path,
                None,
                error.to_string(),
                "write the alias as GET /_remote/info shows it",
            ),
        }
    }
    let declared_followers = declared(&mut section);
    check_credentials(&section, &urls, &credentials, &trust);
    section.finish();
    Some(Cluster {
        name: name?,
        urls,
        poll_interval,
        leader_side_interval,
        call_deadline,
        long_call_deadline,
        requests_in_flight,
        requests_per_second,
        credentials,
        trust,
        remotes: BTreeMap::new(),
        declared_followers,
    })
}

fn urls(section: &mut Section<'_>) -> Vec<BaseUrl> {
    const EXAMPLE: &str = "[\"https://es1.example.org:9200\"]";
    if !section.has("urls") {
        // Taken all the same, so that a slip in the key finds it.
        section.list("urls", EXAMPLE);
        section.problem("urls", "is missing", format!("add urls = {EXAMPLE}"));
        return Vec::new();
    }
    let path = section.path_of("urls");
    let Some(texts) = section.list("urls", EXAMPLE) else {
        return Vec::new();
    };
    if texts.is_empty() {
        section.problem("urls", "is empty", format!("write {EXAMPLE}"));
    }
    let mut urls: Vec<BaseUrl> = Vec::with_capacity(texts.len());
    for text in texts {
        match BaseUrl::parse(&text.text) {
            Ok(url) if urls.contains(&url) => {
                section
                    .notes
                    .warn(&text.path, format!("{url} stands twice in {path}"));
            }
            Ok(url) => urls.push(url),
            Err(problem) => section.notes.problem(
                &text.path,
                Some(shown(&text.text)),
                problem,
                "write scheme, host and port, as in https://es1.example.org:9200",
            ),
        }
    }
    urls
}

fn declared(section: &mut Section<'_>) -> Vec<IndexName> {
    let mut followers: Vec<IndexName> = Vec::new();
    for text in section
        .list("declared_followers", "[\"orders-f\"]")
        .unwrap_or_default()
    {
        match IndexName::parse(&text.text) {
            Ok(index) if followers.contains(&index) => {
                section.notes.warn(&text.path, format!("{index} stands twice"));
            }
            Ok(index) => followers.push(index),
            Err(error) => section.notes.problem(
                &text.path,
                None,
                error.to_string(),
                "write the name of one index; patterns are not understood here",
            ),
        }
    }
    followers
}

fn check_credentials(section: &Section<'_>, urls: &[BaseUrl], credentials: &Credentials, trust: &Trust) {
    let auths = [&*credentials.read, &*credentials.act, &*credentials.follow];
    let notes = section.notes;
    let plain = urls.iter().find(|url| !url.is_https());
    if let Some(url) = plain {
        if auths
            .iter()
            .any(|auth| matches!(auth, Auth::ClientCertificate { .. }))
        {
            notes.problem(
                &section.path_of("urls"),
                Some(shown(url.as_str())),
                "is not https, and a client certificate is shown only there",
                "write https://…, or use another credential",
            );
        } else if !url.is_loopback() && auths.iter().any(|auth| !matches!(auth, Auth::None)) {
            notes.warn(
                &section.path_of("urls"),
                format!("the credential travels unencrypted to {url}"),
            );
        }
    }
    if matches!(trust, Trust::Only(_)) && !urls.is_empty() && urls.iter().all(|url| !url.is_https()) {
        notes.warn(
            &section.path_of("tls"),
            "has no effect: none of the urls is https",
        );
    }
}

fn check_names(notes: &Notes, names: &[(String, ClusterName)]) {
    for (position, (path, name)) in names.iter().enumerate() {
        if let Some((first, _)) = names[..position].iter().find(|(_, other)| other == name) {
            notes.problem(
                path,
                Some(shown(name.as_str())),
                format!("is the name that {first} has already"),
                "give each cluster a name of its own",
            );
        }
    }
}

fn check_aliases(
    notes: &Notes,
    names: &[(String, ClusterName)],
    aliases: &mut Vec<Alias>,
    found: &mut [(String, Cluster)],
) {
    for alias in aliases.drain(..) {
        let Some((_, target)) = names.iter().find(|(_, name)| name.as_str() == alias.target) else {
            let known = names
                .iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ");
            notes.problem(
                &alias.path,
                Some(shown(&alias.target)),
                "names no [[clusters]] entry",
                format!("write one of: {known}; or add an entry of that name"),
            );
            continue;
        };
        let Some((_, cluster)) = found.iter_mut().find(|(path, _)| *path == alias.section) else {
            continue;
        };
        if cluster.name == *target {
            notes.warn(
                &alias.path,
                format!("the alias leads back to `{target}` itself; nothing is repaired between a cluster and itself"),
            );
        }
        cluster.remotes.insert(alias.name, target.clone());
    }
}

/// Safety, last paragraph: one cluster configured twice would be repaired by two hands.
fn check_urls(notes: &Notes, found: &[(String, Cluster)]) {
    for (position, (path, cluster)) in found.iter().enumerate() {
        for url in &cluster.urls {
            let earlier = found[..position]
                .iter()
                .find(|(_, other)| other.urls.contains(url));
            if let Some((_, other)) = earlier {
                notes.problem(
                    &format!("{path}.urls"),
                    Some(shown(url.as_str())),
                    format!("is an address of `{}` as well", other.name),
                    "configure each cluster once",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain_and_normal() {
        for (text, normal) in [
            ("http://127.0.0.1:9312", "http://127.0.0.1:9312"),
            ("HTTPS://ES1.example.org:9200/", "https://es1.example.org:9200"),
            ("https://proxy/es/eu/", "https://proxy/es/eu"),
            ("http://[::1]:9200", "http://[::1]:9200"),
            ("http://es", "http://es"),
        ] {
            assert_eq!(BaseUrl::parse(text).unwrap().as_str(), normal);
        }
    }

    #[test]
    fn addresses_with_users_queries_tricks_or_other_schemes_are_refused() {
        for text in [
            "",
            "es1:9200",
            "ftp://es1",
            "http://",
            "http://:9200",
            "http://elastic:secret@es1:9200",
            "http://es1:9200/@x",
            "http://es1:99999",
            "http://es1:0",
            "http://es1:+80",
            "http://es1:",
            "http://es1/?pretty",
            "http://es1/#x",
            "http://es1/../admin",
            "http://es1//x",
            "http://es1/%2e%2e/",
            "http://es1\\@x",
            "http://es 1",
            "http://es1,es2:9200",
            "http://[::1",
            "http://[nonsense]:9200",
            "http://[::1]x",
        ] {
            assert!(BaseUrl::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_known() {
        assert!(BaseUrl::parse("http://127.0.0.1:1").unwrap().is_loopback());
        assert!(BaseUrl::parse("http://[::1]:1").unwrap().is_loopback());
        assert!(!BaseUrl::parse("http://es1:9200").unwrap().is_loopback());
    }
}
