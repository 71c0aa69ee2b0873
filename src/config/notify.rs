//! `[notify]`: whom to tell, what, and how often.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use crate::config::cluster::{BaseUrl, Cluster};
use crate::config::problem::shown;
use crate::config::read::{Section, Text};
use crate::config::{reference, secret};
use crate::domain::cause::Cause;
use crate::domain::notice::Severity;
use crate::domain::notice::pace::Pace;
use crate::elastic::auth::{self, Auth, Trust};
use crate::notify::email::{self, Mail, MailSettings, Security};
use crate::notify::receiver::{Kind, Receiver};
use crate::notify::routing::Route;
use crate::notify::send::{Address, Server};
use crate::notify::{Settings, alertmanager, pagerduty};
use crate::policy::glob::Glob;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The kinds by their words.
const KINDS: [&str; 5] = ["alertmanager", "webhook", "slack", "pagerduty", "email"];
const WORDS: &str = "\"alertmanager\", \"webhook\", \"slack\", \"pagerduty\" or \"email\"";

/// Reads the section; one with a mistake refuses the whole configuration.
pub(super) fn notify(root: &mut Section<'_>, clusters: &[Cluster]) -> Settings {
    let mut section = root.section("notify", "[notify]");
    let default = Settings::default();
    let public_url = section
        .parsed("public_url", "\"https://refollow.example.org\"", BaseUrl::parse)
        .map(|url| url.as_str().to_owned());
    let wait = section.duration("wait", Duration::ZERO..=10 * MINUTE, default.wait);
    let repeat = repeat(&mut section, default.repeat);
    let receivers: Vec<Arc<Receiver>> = receivers(&mut section);
    let routes = routes(&mut section, &receivers, clusters);
    section.finish();
    Settings {
        public_url,
        wait,
        repeat,
        receivers,
        routes,
    }
}

fn repeat(section: &mut Section<'_>, default: Pace) -> Pace {
    let mut table = section.section("repeat", "{ first = \"1h\", longest = \"24h\" }");
    let first = table.duration("first", MINUTE..=7 * DAY, default.first);
    let longest = table.duration("longest", MINUTE..=7 * DAY, default.longest.max(first));
    if longest < first {
        table.problem("longest", "is shorter than `first`", "make it at least as long");
    }
    table.finish();
    Pace { first, longest }
}

fn receivers(section: &mut Section<'_>) -> Vec<Arc<Receiver>> {
    let mut found: Vec<Arc<Receiver>> = Vec::new();
    let mut names: Vec<String> = Vec::new();
    for entry in section.sections("receivers") {
        // An address or a key that stands in the wrong place is a secret all the same.
        let mut entry = entry.secret();
        let name = entry.required("name", "\"on-call\"", |text| {
            let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            if text.is_empty() || text.len() > 64 || !text.chars().all(good) {
                Err("is not a name of at most 64 letters, digits, `-`, `_` and `.`")
            } else {
                Ok(text.to_owned())
            }
        });
        let kind = entry.required("kind", WORDS, |text| {
            KINDS.iter().find(|word| **word == text).copied().ok_or_else(|| {
                match reference::nearest(text, KINDS.into_iter()) {
                    Some(nearest) => format!("is no kind of receiver (did you mean \"{nearest}\"?)"),
                    None => "is no kind of receiver".to_owned(),
                }
            })
        });
        let timeout = entry.duration("timeout", SECOND..=MINUTE, 10 * SECOND);
        let kind = kind.and_then(|word| kind_of(&mut entry, word));
        if let Some(name) = &name {
            if names.contains(name) {
                entry.problem("name", "is the name of another receiver", "give each its own");
            }
            names.push(name.clone());
        }
        entry.finish();
        if let Some((name, kind)) = name.zip(kind) {
            found.push(Arc::new(Receiver { name, kind, timeout }));
        }
    }
    found
}

/// Only the keys of the kind are taken: another kind's key is a mistake like any unknown one.
fn kind_of(entry: &mut Section<'_>, word: &str) -> Option<Kind> {
    match word {
        "alertmanager" => {
            let url = url(entry, "\"https://alertmanager.example.org:9093\"");
            let server = server(entry, url.map(|url| format!("{url}{}", alertmanager::PATH)));
            server.map(Kind::Alertmanager)
        }
        "webhook" => {
            let url = url(entry, "\"https://example.org/refollow\"");
            let signing_key = secret_of(entry, "signing_key_file");
            let server = server(entry, url);
            server.map(|server| Kind::Webhook { server, signing_key })
        }
        "slack" => {
            let url = secret_required(entry, "url_file");
            let url = url.and_then(|url| match secret_url(url.expose_secret()) {
                Ok(shown) => Some((url, shown)),
                Err(problem) => {
                    let remedy = "put the address that Slack shows for the incoming webhook there";
                    entry.problem("url_file", problem, remedy);
                    None
                }
            });
            let rest = plain(entry);
            let (url, shown) = url?;
            finish(entry, "url_file", rest.of(url, shown)).map(Kind::Slack)
        }
        "email" => mail(entry),
        _ => {
            let url = entry
                .parsed("url", "\"https://events.eu.pagerduty.com\"", BaseUrl::parse)
                .map_or_else(|| pagerduty::ADDRESS.to_owned(), |url| url.as_str().to_owned());
            let routing_key = secret_required(entry, "routing_key_file");
            let rest = plain(entry);
            let address = rest.of(format!("{url}{}", pagerduty::PATH).into(), url);
            let server = finish(entry, "url", address)?;
            Some(Kind::Pagerduty {
                server,
                routing_key: routing_key?,
            })
        }
    }
}

fn mail(entry: &mut Section<'_>) -> Option<Kind> {
    let server = entry.required("server", "\"smtp.example.org:587\"", |text| {
        let (host, port) = text.rsplit_once(':').ok_or("has no port")?;
        let port: u16 = port
            .parse()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("has no port from 1 to 65535")?;
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':');
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || !host.chars().all(good) {
            return Err("has no host");
        }
        Ok((host.to_owned(), port))
    });
    let words = [
        ("starttls", Security::StartTls),
        ("tls", Security::Tls),
        ("none", Security::None),
    ];
    let security = entry.word("security", &words, Security::StartTls);
    let username = entry.text("username", "a user's name");
    let password = secret_of(entry, "password_file");
    if username.is_some() != password.is_some() {
        let problem = "needs `username` and `password_file` together";
        entry.problem("username", problem, "write both, or neither");
    }
    if password.is_some() && matches!(security, Security::None) {
        let problem = "would send the password where everybody on the way can read it";
        entry.problem(
            "security",
            problem,
            "write \"starttls\" or \"tls\", or leave the password out",
        );
    }
    let from = entry.required("from", "\"refollow <refollow@example.org>\"", email::address);
    let example = "[\"on-call@example.org\"]";
    let mut to = Vec::new();
    let told = entry.list("to", example).unwrap_or_default();
    if told.is_empty() {
        entry.problem("to", "names nobody", format!("write to = {example}"));
    }
    for text in told {
        match email::address(&text.text) {
            Ok(address) => to.push(address),
            Err(problem) => {
                entry
                    .notes
                    .problem(&text.path, Some(shown(&text.text)), problem, "write an address");
            }
        }
    }
    let mut table = entry.section("tls", "{ ca_file = \"…\" }");
    let authorities = secret::file(&mut table, "ca_file").and_then(|path| {
        std::fs::read(&path)
            .map_err(|error| table.problem("ca_file", error.to_string(), "let refollow read it"))
            .ok()
    });
    table.finish();
    let (host, port) = server?;
    let settings = MailSettings {
        host,
        port,
        security,
        credentials: username.zip(password),
        from: from?,
        to,
        authorities,
    };
    match Mail::new(settings) {
        Ok(mail) => Some(Kind::Email(Box::new(mail))),
        Err(problem) => {
            entry.problem("server", problem, "put right what it names");
            None
        }
    }
}

fn url(entry: &mut Section<'_>, example: &str) -> Option<String> {
    entry
        .required("url", example, BaseUrl::parse)
        .map(|url| url.as_str().to_owned())
}

/// What stands beside an address.
struct Beside {
    auth: Auth,
    bearer: Option<SecretString>,
    trust: Trust,
    proxy: Option<String>,
}

impl Beside {
    fn of(self, url: SecretString, shown: String) -> Address {
        Address {
            url,
            shown,
            auth: self.auth,
            bearer: self.bearer,
            trust: self.trust,
            proxy: self.proxy,
        }
    }
}

/// An address without a credential of its own.
fn plain(entry: &mut Section<'_>) -> Beside {
    let proxy = entry
        .parsed("proxy", "\"http://proxy.example.org:3128\"", BaseUrl::parse)
        .map(|url| url.as_str().to_owned());
    Beside {
        auth: Auth::None,
        bearer: None,
        trust: secret::trust(entry),
        proxy,
    }
}

fn server(entry: &mut Section<'_>, url: Option<String>) -> Option<Server> {
    let bearer = secret_of(entry, "token_file");
    if bearer.is_some() && entry.has("auth") {
        entry.problem("auth", "stands beside `token_file`", "keep one of the two");
    }
    let auth = secret::auth(entry, "auth").unwrap_or_default();
    let beside = Beside {
        auth,
        bearer,
        ..plain(entry)
    };
    let url = url?;
    finish(entry, "url", beside.of(url.clone().into(), url))
}

fn finish(entry: &mut Section<'_>, key: &str, address: Address) -> Option<Server> {
    match Server::new(address) {
        Ok(server) => Some(server),
        Err(problem) => {
            entry.problem(key, problem, "put right what it names");
            None
        }
    }
}

/// What may be shown of an address that is a secret: scheme and host.
fn secret_url(text: &str) -> Result<String, &'static str> {
    let wrong = "holds no http or https address";
    let url = reqwest::Url::parse(text).map_err(|_| wrong)?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or(wrong)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong);
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{}://{host}{port}", url.scheme()))
}

fn secret_required(entry: &mut Section<'_>, key: &'static str) -> Option<SecretString> {
    if !entry.has(key) {
        // Told by the cursor in the words of any key that must be there.
        entry.required(key, "\"/etc/refollow/…\"", |_| Ok::<_, String>(()));
        return None;
    }
    secret_of(entry, key)
}

/// A secret from the file that the key names; never shown.
fn secret_of(entry: &mut Section<'_>, key: &'static str) -> Option<SecretString> {
    let path = secret::file(entry, key)?;
    secret::warn_if_open(entry, key, &path);
    read(entry, key, &path)
}

fn read(entry: &Section<'_>, key: &str, path: &Path) -> Option<SecretString> {
    match auth::secret(path) {
        Ok(secret) => Some(secret),
        Err(error) => {
            entry.problem(key, error.to_string(), "put right what stands in that file");
            None
        }
    }
}

fn routes(section: &mut Section<'_>, receivers: &[Arc<Receiver>], clusters: &[Cluster]) -> Vec<Route> {
    let mut routes = Vec::new();
    let known: Vec<&str> = receivers.iter().map(|receiver| receiver.name.as_str()).collect();
    for mut entry in section.sections("routes") {
        let globs: Vec<Glob> = entry
            .list("clusters", "[\"eu\"]")
            .unwrap_or_default()
            .into_iter()
            .map(|text| {
                let glob = Glob::new(text.text.clone());
                if !clusters.iter().any(|cluster| glob.matches(cluster.name.as_str())) {
                    let path = entry.path_of("clusters");
                    let told = format!("{} matches no configured cluster", shown(&text.text));
                    entry.notes.warn(&path, told);
                }
                glob
            })
            .collect();
        let causes = causes(&mut entry);
        let words = Severity::ALL
            .iter()
            .map(|severity| (severity.as_str(), *severity))
            .collect::<Vec<_>>();
        let at_least = entry.word("min_severity", &words, Severity::Info);
        let goes_on = entry.word("then", &[("stop", false), ("continue", true)], false);
        let example = "[\"on-call\"]";
        let told: Vec<Text> = entry.list("receivers", example).unwrap_or_default();
        if told.is_empty() {
            let problem = "names nobody, so that whatever it takes would be told to nobody";
            entry.problem("receivers", problem, format!("write receivers = {example}"));
        }
        for text in &told {
            if !known.contains(&text.text.as_str()) {
                let problem = match reference::nearest(&text.text, known.iter().copied()) {
                    Some(nearest) => {
                        format!("is not among [[notify.receivers]] (did you mean \"{nearest}\"?)")
                    }
                    None => "is not among [[notify.receivers]]".to_owned(),
                };
                let remedy = "name a receiver";
                entry
                    .notes
                    .problem(&text.path, Some(shown(&text.text)), problem, remedy);
            }
        }
        entry.finish();
        routes.push(Route {
            clusters: globs,
            causes,
            at_least,
            receivers: told.into_iter().map(|text| text.text).collect(),
            goes_on,
        });
    }
    let forgotten = known
        .iter()
        .filter(|name| {
            !routes
                .iter()
                .any(|route| route.receivers.iter().any(|told| told == *name))
        })
        .filter(|_| !routes.is_empty());
    for name in forgotten {
        let path = section.path_of("routes");
        section.notes.warn(
            &path,
            format!("no route names the receiver `{name}`, which is never told"),
        );
    }
    routes
}

fn causes(entry: &mut Section<'_>) -> Vec<Cause> {
    let example = "[\"history_lost\"]";
    let mut causes = Vec::new();
    for text in entry.list("causes", example).unwrap_or_default() {
        match Cause::parse(&text.text) {
            Some(cause) => causes.push(cause),
            None => {
                let words = Cause::ALL.iter().map(|cause| cause.as_str());
                let problem = match reference::nearest(&text.text, words) {
                    Some(nearest) => format!("is not a cause (did you mean \"{nearest}\"?)"),
                    None => "is not a cause".to_owned(),
                };
                let value = Some(shown(&text.text));
                entry
                    .notes
                    .problem(&text.path, value, problem, format!("write {example}"));
            }
        }
    }
    causes
}
