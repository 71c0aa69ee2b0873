//! `[[blockers]]`: other systems that can say no.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::cluster::BaseUrl;
use crate::config::read::Section;
use crate::config::{reference, secret};
use crate::elastic::auth::Credentials;
use crate::elastic::net::{Endpoint, TransportSettings};

/// One of them, already valid.
#[derive(Debug, Clone)]
pub struct Blocker {
    /// What it is called in `why`.
    pub name: String,
    /// What is asked.
    pub asks: Asks,
    /// Time between two questions.
    pub every: Duration,
    /// How long one answer may take.
    pub timeout: Duration,
    /// Resumes go on whatever it says.
    pub recreate_only: bool,
}

/// What a blocker asks.
#[derive(Debug, Clone)]
pub enum Asks {
    /// A query that must give an empty vector, or a scalar that is not above 0.
    Prometheus {
        /// Where.
        server: TransportSettings,
        /// The expression.
        query: String,
    },
    /// No alert and no silence may match.
    Alertmanager {
        /// Where.
        server: TransportSettings,
        /// As `amtool` takes them: `alertname="x"`, `team=~"a|b"`.
        matchers: Vec<String>,
    },
    /// The file must not exist.
    File(PathBuf),
    /// Must answer 200 with `{"block": false}`.
    Webhook(TransportSettings),
}

#[derive(Clone, Copy)]
enum Kind {
    Prometheus,
    Alertmanager,
    File,
    Webhook,
}

/// The kinds by their words.
const KINDS: [(&str, Kind); 4] = [
    ("prometheus", Kind::Prometheus),
    ("alertmanager", Kind::Alertmanager),
    ("file", Kind::File),
    ("webhook", Kind::Webhook),
];

/// Reads every entry. One with a mistake refuses the whole configuration, so none is lost silently.
pub(super) fn blockers(root: &mut Section<'_>) -> Vec<Blocker> {
    let mut found: Vec<Blocker> = Vec::new();
    for mut section in root.sections("blockers") {
        let name = section.required("name", "\"maintenance\"", |text| {
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if text.is_empty() || !text.chars().all(good) {
                Err("is not a name of letters, digits, `-`, `_` and `.`")
            } else {
                Ok(text.to_owned())
            }
        });
        let words = "\"prometheus\", \"alertmanager\", \"file\" or \"webhook\"";
        let kind = section.required("kind", words, |text| {
            KINDS
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, kind)| *kind)
                .ok_or_else(
                    || match reference::nearest(text, KINDS.iter().map(|(word, _)| *word)) {
                        Some(nearest) => format!("is no kind of blocker (did you mean \"{nearest}\"?)"),
                        None => "is no kind of blocker".to_owned(),
                    },
                )
        });
        let second = Duration::from_secs(1);
        let every = section.duration("every", second..=600 * second, 30 * second);
        let timeout = section.duration("timeout", Duration::from_millis(100)..=30 * second, 5 * second);
        let recreate_only = section.word("stops", &[("all", false), ("recreate", true)], false);
        let asks = kind.and_then(|kind| asks(&mut section, kind));
        if let Some(name) = &name
            && found.iter().any(|other| other.name == *name)
        {
            section.problem("name", "is the name of another blocker", "give each its own");
        }
        section.finish();
        if let (Some(name), Some(asks)) = (name, asks) {
            found.push(Blocker {
                name,
                asks,
                every,
                timeout,
                recreate_only,
            });
        }
    }
    found
}

/// Only the keys of the kind are taken: another kind's key is a mistake like any unknown one.
fn asks(section: &mut Section<'_>, kind: Kind) -> Option<Asks> {
    match kind {
        Kind::File => section
            .required("path", "\"/run/deploy-is-running\"", |text| {
                let path = PathBuf::from(text);
                if path.is_absolute() {
                    Ok(path)
                } else {
                    Err("is not an absolute path")
                }
            })
            .map(Asks::File),
        Kind::Webhook => server(section).map(Asks::Webhook),
        Kind::Prometheus => {
            let query = section.required("query", "\"maintenance_running == 1\"", |text| {
                if text.trim().is_empty() {
                    Err("is empty")
                } else {
                    Ok(text.to_owned())
                }
            });
            let server = server(section);
            Some(Asks::Prometheus {
                server: server?,
                query: query?,
            })
        }
        Kind::Alertmanager => {
            let example = "[\"alertname=\\\"ElasticsearchMaintenance\\\"\"]";
            let matchers: Vec<String> = section
                .list("matchers", example)
                .unwrap_or_default()
                .into_iter()
                .map(|text| text.text)
                .collect();
            // Without one, every alert of everybody would stop everything.
            if matchers.is_empty() {
                section.problem(
                    "matchers",
                    "names no matcher",
                    format!("write matchers = {example}"),
                );
            }
            server(section).map(|server| Asks::Alertmanager { server, matchers })
        }
    }
}

fn server(section: &mut Section<'_>) -> Option<TransportSettings> {
    let url = section.required("url", "\"https://prometheus.example.org:9090\"", BaseUrl::parse);
    let auth = secret::auth(section, "auth").unwrap_or_default();
    let trust = secret::trust(section);
    let endpoint = Endpoint::parse(url?.as_str()).ok()?;
    Some(TransportSettings {
        credentials: Credentials::new(auth, None, None),
        trust,
        ..TransportSettings::new(endpoint)
    })
}
