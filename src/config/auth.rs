//! `[auth]`: who may do what at `daemon.listen`, by what they are known, and its TLS.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::config::cluster::Cluster;
use crate::config::problem::shown;
use crate::config::read::Section;
use crate::config::secret::{file, warn_if_open};
use crate::domain::access::{Reach, Role, person};
use crate::domain::ids::ClusterName;
use crate::domain::named::{Group, Holder, Rights, subject};
use crate::elastic::auth::{Auth as Credential, Trust};

/// The whole section, already valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    /// Reading needs no token: only where nothing but this host can connect.
    pub reading_open: bool,
    /// How long a session lasts.
    pub session: Duration,
    /// Certificate and key of `daemon.listen`; `None`: plain HTTP.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whose certificates are believed of clients; only with `tls`.
    pub clients: Option<Clients>,
    /// Which proxy is believed about who is asking.
    pub proxy: Option<ProxyTrust>,
}

/// `[auth.client_certificates]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clients {
    /// The authorities, PEM.
    pub authorities: PathBuf,
    /// Their revocation lists, PEM.
    pub revoked: Option<PathBuf>,
    /// Whether a client without a certificate is turned away.
    pub required: bool,
    /// Whom they name.
    pub people: Vec<Holder>,
}

/// `[auth.proxy]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyTrust {
    /// Addresses with the number of bits that count.
    pub from: Vec<(IpAddr, u8)>,
    /// Lower case.
    pub user_header: String,
    /// Lower case.
    pub groups_header: String,
    /// What the groups give.
    pub groups: Vec<Group>,
}

/// Reads the section.
pub(super) fn auth(root: &mut Section<'_>, listen: SocketAddr, clusters: &[Cluster]) -> Auth {
    let notes = root.notes;
    let mut section = root.section("auth", "[auth]");
    let reading_open = section.word("reading", &[("open", true), ("token", false)], true);
    let session = section.duration(
        "session",
        Duration::from_mins(5)..=Duration::from_hours(7 * 24),
        Duration::from_hours(12),
    );
    let has_tls = section.has("tls");
    let tls = certificate(&mut section);
    let clients = clients(&mut section, has_tls, clusters);
    let proxy = proxy(&mut section, clusters);
    if !listen.ip().is_loopback() {
        if reading_open {
            section.problem(
                "reading",
                format!("is \"open\" while daemon.listen, {listen}, can be reached from other hosts: names of clusters and indices would be shown there to anybody"),
                "write reading = \"token\", or listen on 127.0.0.1",
            );
        } else if tls.is_none() {
            notes.warn(
                "daemon.listen",
                format!("{listen} can be reached from other hosts and is not encrypted: write [auth.tls], or put a proxy with TLS before it, or tokens can be read on the way"),
            );
        }
    }
    section.finish();
    Auth {
        reading_open,
        session,
        tls,
        clients,
        proxy,
    }
}

/// Certificate and key of our own listener, by their files; checked as a pair at the start.
fn certificate(auth: &mut Section<'_>) -> Option<(PathBuf, PathBuf)> {
    let mut table = auth
        .section("tls", "{ certificate_file = \"…\", key_file = \"…\" }")
        .secret();
    let given = ["certificate_file", "key_file"].map(|key| table.has(key));
    for (key, has) in ["certificate_file", "key_file"].into_iter().zip(given) {
        if !has && given.contains(&true) {
            table.problem(
                key,
                "is missing beside the other of the two",
                format!("add {key} = \"…\""),
            );
        }
    }
    let certificate = file(&mut table, "certificate_file");
    let private_key = file(&mut table, "key_file");
    if let Some(path) = &private_key {
        warn_if_open(&table, "key_file", path);
    }
    let pair = certificate.zip(private_key).filter(|(certificate, key)| {
        let read = Credential::client_certificate(certificate, key);
        if let Err(error) = &read {
            table.problem(
                "key_file",
                error.to_string(),
                "put right what stands in that file",
            );
        }
        read.is_ok()
    });
    table.finish();
    pair
}

fn clients(auth: &mut Section<'_>, has_tls: bool, clusters: &[Cluster]) -> Option<Clients> {
    const KEY: &str = "client_certificates";
    if !auth.has(KEY) {
        return None;
    }
    let mut table = auth.section(KEY, "[auth.client_certificates]");
    if !has_tls {
        table.problem(
            "ca_file",
            "needs [auth.tls]: certificates are shown in TLS",
            "write [auth.tls]",
        );
    }
    if !table.has("ca_file") {
        table.problem("ca_file", "is missing", "add ca_file = \"…\"");
    }
    let authorities = file(&mut table, "ca_file").filter(|path| {
        let read = Trust::ca_file(path);
        if let Err(error) = &read {
            table.problem(
                "ca_file",
                error.to_string(),
                "name a PEM file with the authorities",
            );
        }
        read.is_ok()
    });
    let revoked = file(&mut table, "crl_file");
    let required = table.word("ask", &[("request", false), ("require", true)], false);
    let mut people: Vec<Holder> = Vec::new();
    for mut entry in table.sections("people") {
        let subject = entry.required("subject", "\"cn:anna\"", subject);
        let person = entry.required("person", "\"anna\"", person);
        let rights = rights(&mut entry, clusters);
        if let Some(((subject, person), rights)) = subject.zip(person).zip(rights) {
            if people.iter().any(|other| other.subject == subject) {
                entry.problem("subject", "is named twice", "keep one of the entries");
            }
            people.push(Holder {
                subject,
                person,
                rights,
            });
        }
        entry.finish();
    }
    table.finish();
    Some(Clients {
        authorities: authorities?,
        revoked,
        required,
        people,
    })
}

fn proxy(auth: &mut Section<'_>, clusters: &[Cluster]) -> Option<ProxyTrust> {
    if !auth.has("proxy") {
        return None;
    }
    let mut table = auth.section("proxy", "[auth.proxy]");
    let example = "[\"10.0.0.7\", \"10.1.0.0/16\"]";
    let mut from = Vec::new();
    for text in table.list("from", example).unwrap_or_default() {
        match network(&text.text) {
            Ok(network) => from.push(network),
            Err(problem) => table.notes.problem(
                &text.path,
                Some(shown(&text.text)),
                problem,
                format!("write {example}"),
            ),
        }
    }
    if from.is_empty() && table.notes.clean_at(&table.path_of("from")) {
        table.problem(
            "from",
            "names no address, so that no proxy is believed",
            format!("write {example}"),
        );
    }
    if from.iter().any(|(address, _)| address.is_loopback()) {
        table.notes.warn(
            &table.path_of("from"),
            "every process on this host can connect from there and say that it is anybody: only where nobody else works on this host",
        );
    }
    if from.iter().any(|(_, bits)| *bits == 0) {
        table.problem("from", "believes everybody", "name the proxy's own addresses");
    }
    let user_header = header(&mut table, "user_header", "x-forwarded-user");
    let groups_header = header(&mut table, "groups_header", "x-forwarded-groups");
    if user_header == groups_header {
        table.problem("groups_header", "is the user's header", "name another one");
    }
    let mut groups: Vec<Group> = Vec::new();
    for mut entry in table.sections("groups") {
        let name = entry.required("group", "\"sre\"", |text| {
            if text.trim() != text || text.is_empty() || text.contains(',') {
                Err("is no group that could stand in a list with commas")
            } else {
                Ok(text.to_owned())
            }
        });
        let rights = rights(&mut entry, clusters);
        if let Some((name, rights)) = name.zip(rights) {
            groups.push(Group { name, rights });
        }
        entry.finish();
    }
    table.finish();
    Some(ProxyTrust {
        from,
        user_header,
        groups_header,
        groups,
    })
}

/// `role` and `clusters` of one entry.
fn rights(entry: &mut Section<'_>, clusters: &[Cluster]) -> Option<Rights> {
    let words = "\"view\", \"approve\", \"operate\" or \"admin\"";
    let role = entry.required("role", words, |text| {
        Role::ALL
            .iter()
            .find(|role| role.as_str() == text)
            .copied()
            .ok_or("is not a role")
    });
    let example = "[\"eu\"]";
    let reach = match entry.list("clusters", example) {
        None => Reach::All,
        Some(names) => {
            let mut only = BTreeSet::new();
            for text in names {
                let known = ClusterName::parse(&text.text)
                    .ok()
                    .filter(|name| clusters.iter().any(|cluster| cluster.name == *name));
                match known {
                    Some(name) => drop(only.insert(name)),
                    None => entry.notes.problem(
                        &text.path,
                        Some(shown(&text.text)),
                        "is not among [[clusters]]",
                        format!("write {example}, or leave `clusters` out for all"),
                    ),
                }
            }
            if only.is_empty() && entry.notes.clean_at(&entry.path_of("clusters")) {
                entry.problem(
                    "clusters",
                    "names none, so that nothing is given",
                    "leave it out for all",
                );
            }
            Reach::Only(only)
        }
    };
    role.map(|role| Rights { role, reach })
}

/// A header's name, in lower case.
fn header(table: &mut Section<'_>, key: &'static str, default: &str) -> String {
    let told = table.parsed(key, &format!("\"{default}\""), |text| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let name = text.to_ascii_lowercase();
        if name.is_empty() || !name.chars().all(fits) {
            Err("is not the name of a header")
        } else if matches!(name.as_str(), "authorization" | "cookie" | "host" | "origin") {
            Err("is a header that browsers send by themselves")
        } else {
            Ok(name)
        }
    });
    told.unwrap_or_else(|| default.to_owned())
}

/// An address, or one with the number of its bits that count.
fn network(text: &str) -> Result<(IpAddr, u8), &'static str> {
    const WRONG: &str = "is not an address or a network";
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let address: IpAddr = address.parse().map_err(|_| WRONG)?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    match bits.map(str::parse::<u8>) {
        None => Ok((address, width)),
        Some(Ok(bits)) if bits <= width => Ok((address, bits)),
        Some(_) => Err(WRONG),
    }
}
