//! The one table of every option: path, type, default, meaning.
//!
//! `docs/CONFIGURATION.md` is printed from it, the names of the environment variables come from
//! it, and "did you mean" looks into it. A test holds it to what the code does: the file that
//! it prints parses to the defaults, and every option in it is one that the code takes.

use std::fmt::Write as _;

pub(super) use crate::domain::near::nearest;

/// One option.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Where it stands; `[]` marks an array of tables.
    pub path: &'static str,
    /// What may be written there.
    pub kind: &'static str,
    /// Its default as TOML; `None`: it must be written, or nothing stands there.
    pub default: Option<&'static str>,
    /// Whether a configuration without it is refused.
    pub required: bool,
    /// What it does, in full sentences.
    pub meaning: &'static str,
}

const fn entry(
    path: &'static str,
    kind: &'static str,
    default: &'static str,
    meaning: &'static str,
) -> Entry {
    Entry {
        path,
        kind,
        default: Some(default),
        required: false,
        meaning,
    }
}

const fn optional(path: &'static str, kind: &'static str, meaning: &'static str) -> Entry {
    Entry {
        path,
        kind,
        default: None,
        required: false,
        meaning,
    }
}

const fn required(path: &'static str, kind: &'static str, meaning: &'static str) -> Entry {
    Entry {
        path,
        kind,
        default: None,
        required: true,
        meaning,
    }
}

const TIME: &str = "length of time";
const NUMBER: &str = "whole number";
const FILE: &str = "path of a file";
const NAMES: &str = "list of names, `*` allowed";

/// Every option, in the order of the file.
pub const OPTIONS: &[Entry] = &[
    entry(
        "daemon.mode",
        "`observe`, `ask` or `auto`",
        "\"observe\"",
        "How much the daemon may do. `observe` looks, judges and alerts and never writes to a cluster; `ask` makes plans and waits for an approval before every write; `auto` lets the rules decide. What happens is the weaker of the mode and the rule that matches.",
    ),
    entry(
        "daemon.state",
        "`sqlite://` or `postgres://` URL",
        "\"sqlite:///var/lib/refollow/refollow.db\"",
        "Where the journal and the memory live: a file of this host (three slashes begin an absolute path), or `postgres://user@host/database`, which several hosts name: one works, the others stand by. No password here: PGPASSFILE names libpq's file.",
    ),
    entry(
        "daemon.listen",
        "address and port",
        "\"127.0.0.1:9958\"",
        "Where the pages, `/metrics`, `/livez`, `/readyz` and the API are served. What changes something needs a token there (`refollow token create`); an address that other hosts can reach needs `auth.reading = \"token\"`.",
    ),
    entry(
        "daemon.admin_socket",
        "path of a socket",
        "\"/run/refollow/admin.sock\"",
        "The Unix socket that the command line speaks to. Who may open it may approve, brake and abort.",
    ),
    entry(
        "daemon.shutdown_timeout",
        "length of time, 1s to 10m",
        "\"30s\"",
        "How long the daemon takes at most from SIGTERM to its end: to back out of what has not passed the PUT, and to finish the step in hand of what has.",
    ),
    entry(
        "daemon.log",
        "`human` or `json`",
        "\"human\"",
        "The form of log lines on standard error. The environment variable `REFOLLOW_LOG` filters them, as in `REFOLLOW_LOG=refollow=debug`.",
    ),
    optional(
        "daemon.undo_directory",
        "path of a directory",
        "Where the undo files are written before a follower is paused. Default: `undo/` beside the SQLite file.",
    ),
    optional(
        "daemon.brake_file",
        "path",
        "While a file of this name exists, the brake `all` is engaged; it works with the daemon down. Default: `brake-all` beside the SQLite file.",
    ),
    entry(
        "auth.reading",
        "`open` or `token`",
        "\"open\"",
        "Who may read at `daemon.listen`: `open` everybody who can connect, `token` only who has a token (`/livez` and `/readyz` answer everybody). `open` is refused where other hosts can connect. Takes effect at the next start.",
    ),
    entry(
        "auth.session",
        "length of time, 5m to 7d",
        "\"12h\"",
        "How long a browser stays signed in on the pages. It is signed out sooner when its token is revoked or ends. Takes effect at the next start.",
    ),
    optional(
        "auth.tls.certificate_file",
        "path of a PEM file",
        "With it `daemon.listen` speaks TLS: its certificate, followed by its chain; with `key_file`. What stands in both files is taken over when it changes, without a restart; a pair that cannot be used is told (`refollow_tls_last_reload_successful`), and the old one stays. Other paths take effect at the next start.",
    ),
    optional(
        "auth.tls.key_file",
        "path of a PEM file",
        "Its private key, unencrypted; with `certificate_file`.",
    ),
    optional(
        "auth.client_certificates.ca_file",
        "path of a PEM file",
        "The authorities whose certificates are believed of clients; needs `auth.tls`. Taken over when it changes, as all of `client_certificates` that stands in files. What else stands in this section takes effect at the next start.",
    ),
    optional(
        "auth.client_certificates.crl_file",
        "path of a PEM file",
        "The authorities' lists of revoked certificates: with it every authority that issues certificates of clients must have a list there. A list that is out of date still counts. Connections that were let in by a certificate end when what stands in the files changes.",
    ),
    optional(
        "auth.client_certificates.ask",
        "`request` or `require`",
        "`request`: who shows no certificate may come with a token; `require`: is turned away, `/livez` and `/readyz` included. Default: `\"request\"`.",
    ),
    required(
        "auth.client_certificates.people[].subject",
        "text",
        "Whose certificate: `cn:` the common name, `dns:` or `uri:` an alternative name, compared whole. The first entry that fits counts; a certificate that fits none is nobody's. A certificate with two common names has none.",
    ),
    required(
        "auth.client_certificates.people[].person",
        "name",
        "Who that is: counts as the user of that name on the admin socket.",
    ),
    required(
        "auth.client_certificates.people[].role",
        "`view`, `approve`, `operate` or `admin`",
        "What they may do, as the role of a token.",
    ),
    optional(
        "auth.client_certificates.people[].clusters",
        "list of cluster names",
        "Where. Default: all.",
    ),
    optional(
        "auth.proxy.from",
        "list of addresses and networks",
        "From where a proxy connects that is believed about who is asking, on the pages alone: the API takes tokens and certificates. From any other peer its headers are ignored and counted (`refollow_proxy_headers_ignored_total`). The proxy must drop what clients write into these headers, and pass `Host` on unchanged. A token and a session that somebody typed a token for count before it. The section takes effect at the next start.",
    ),
    optional(
        "auth.proxy.user_header",
        "name of a header",
        "Holds the person's name. Said twice, or what cannot be a name: the request is refused. Default: `\"x-forwarded-user\"`.",
    ),
    optional(
        "auth.proxy.groups_header",
        "name of a header",
        "Holds the names of their groups, separated by commas. Who is in none of `groups` may nothing. Default: `\"x-forwarded-groups\"`.",
    ),
    required(
        "auth.proxy.groups[].group",
        "text",
        "A group as the proxy names it. Somebody in several may what any of them gives.",
    ),
    required(
        "auth.proxy.groups[].role",
        "`view`, `approve`, `operate` or `admin`",
        "What its members may do.",
    ),
    optional(
        "auth.proxy.groups[].clusters",
        "list of cluster names",
        "Where. Default: all.",
    ),
    required(
        "clusters[].name",
        "name",
        "What this cluster is called in commands, plans, metrics and rules: letters, digits, `_`, `-`, `.`.",
    ),
    required(
        "clusters[].urls",
        "list of URLs",
        "Where it answers, `http` or `https`; several are tried in turn for looking. A request that changes something goes to one of them, once.",
    ),
    entry(
        "clusters[].poll_interval",
        "length of time, 100ms to 1h",
        "\"15s\"",
        "How often its followers are looked at.",
    ),
    entry(
        "clusters[].leader_side_interval",
        "length of time, 100ms to 1d",
        "\"60s\"",
        "How often the leaders of its followers are looked at on their own cluster, where `remotes` names it.",
    ),
    entry(
        "clusters[].call_deadline",
        "length of time, 100ms to 10m",
        "\"10s\"",
        "How long one call may take. Its passing makes what was asked for unknown.",
    ),
    entry(
        "clusters[].long_call_deadline",
        "length of time, 100ms to 1h",
        "\"60s\"",
        "The same for calls that take long by nature, such as the follow request. Its passing means that the outcome is unknown and is looked for, never that it failed.",
    ),
    entry(
        "clusters[].requests_in_flight",
        "whole number, 1 to 64",
        "4",
        "How many looking requests the daemon has open to this cluster at once. Of several the last is kept for repairs; requests that change something have four places of their own.",
    ),
    entry(
        "clusters[].requests_per_second",
        "whole number, 1 to 10000",
        "50",
        "How many requests a second the looks that come by themselves stay below; a second's worth may go at once. Requests of a repair count, and never wait; a quarter is kept for looks however busy repairs are.",
    ),
    optional(
        "clusters[].auth",
        "table",
        "The credential for looking: `{ api_key_file = \"…\" }`, `{ username = \"…\", password_file = \"…\" }` or `{ client_certificate_file = \"…\", client_key_file = \"…\" }`. None: requests carry no credential.",
    ),
    optional(
        "clusters[].auth.api_key_file",
        FILE,
        "Holds the encoded API key, as Elasticsearch returned it under `encoded`, or as `id:api_key`.",
    ),
    optional(
        "clusters[].auth.username",
        "text",
        "The user of basic authentication; with `password_file`.",
    ),
    optional(
        "clusters[].auth.password_file",
        FILE,
        "Holds the password; with `username`.",
    ),
    optional(
        "clusters[].auth.client_certificate_file",
        "path of a PEM file",
        "The certificate that the daemon shows; with `client_key_file`.",
    ),
    optional(
        "clusters[].auth.client_key_file",
        "path of a PEM file",
        "Its private key; with `client_certificate_file`.",
    ),
    optional(
        "clusters[].acting_auth",
        "table",
        "As `auth`, for requests that change something. Default: `auth`.",
    ),
    optional(
        "clusters[].follow_auth",
        "table",
        "As `auth`, for resume and follow: the follow task keeps the rights of whoever made or resumed it. Default: `acting_auth`.",
    ),
    optional(
        "clusters[].tls.ca_file",
        "path of a PEM file",
        "The authorities that the cluster's certificate is checked with, instead of the system's.",
    ),
    entry(
        "clusters[].remotes",
        "table of names",
        "{}",
        "Which `[[clusters]]` entry stands behind a remote alias of this cluster. Only where it is named does refollow look at leaders directly, and without a direct look recreate is never offered.",
    ),
    entry(
        "clusters[].declared_followers",
        "list of index names",
        "[]",
        "Followers that must exist on this cluster; one that does not is told as `missing`.",
    ),
    entry(
        "policy.rules[].clusters",
        NAMES,
        "[\"*\"]",
        "Follower clusters that the rule is about. An empty list would select nothing and is refused.",
    ),
    entry(
        "policy.rules[].followers",
        NAMES,
        "[\"*\"]",
        "Follower indices that the rule is about.",
    ),
    entry(
        "policy.rules[].remotes",
        NAMES,
        "[\"*\"]",
        "Remote aliases that the rule is about.",
    ),
    optional(
        "policy.rules[].causes",
        "list of causes",
        "Causes that the rule is about. Default: every cause.",
    ),
    required(
        "policy.rules[].action",
        "`alert`, `ask` or `auto`",
        "What happens where the rule is the first that matches. `auto` never overrides a cause that always needs an approval.",
    ),
    optional(
        "policy.rules[].document_tolerance",
        "percentage",
        "By how much the leader of such a follower may have fewer documents. Default: `verify.document_tolerance`. The first rule that matches counts, also where it does not say. Beyond it a recreate is refused, whatever `action` says, unless a person overrides it by name.",
    ),
    entry(
        "judge.confirm_looks",
        "whole number, 1 to 100",
        "2",
        "For how many looks in a row a verdict must hold before a plan is made.",
    ),
    entry(
        "approval.expires_after",
        "length of time, 1m to 30d",
        "\"24h\"",
        "How long an approval, and a plan that waits for one, stays good.",
    ),
    entry(
        "approval.approvers",
        "whole number, 1 to 10",
        "1",
        "How many different people must approve one plan.",
    ),
    entry(
        "approval.persons",
        "list of users, and of groups as `group:<name>`",
        "[]",
        "Who may approve: local users by name, members of local groups (the host's own files are read, no directory service). Empty: everybody who can reach the admin socket. Rejecting and braking are open to all who can reach it.",
    ),
    entry(
        "approval.type_above_bytes",
        "size",
        "\"10GiB\"",
        "Where a plan destroys a copy larger than this, or one whose size is not known, the approval must name the index: `refollow approve <hash> --lose <index>`.",
    ),
    entry(
        "approval.type_above_documents",
        NUMBER,
        "10000000",
        "The same for the number of documents.",
    ),
    entry(
        "store.keep_runs",
        "length of time, 31d to 3660d",
        "\"400d\"",
        "How long ended runs with their journals, and closed plans, are kept. Open ones and rejected plans are never cut, and the audit log is kept for ever: its chain stays provable. It must not be shorter than `limits.recreates_per_follower.per`, which is counted from them.",
    ),
    entry(
        "history.keep",
        "length of time, 0s to 400d",
        "\"30d\"",
        "How long samples and the inputs of decisions are kept for `refollow history` and `refollow simulate` (docs/HISTORY.md says how many bytes that is). `0s`: nothing is recorded.",
    ),
    entry(
        "history.resolution",
        "length of time, 10s to 1h",
        "\"1m\"",
        "Time between two samples of a follower. What a decision rests on is kept when it changes, whatever this says.",
    ),
    entry(
        "verify.settle",
        "length of time, 0s to 1h",
        "\"60s\"",
        "How long a follower must stay healthy after a repair before it counts as cured.",
    ),
    entry(
        "verify.document_tolerance",
        "percentage",
        "\"0.1%\"",
        "By how much the leader may have fewer documents than the follower before a recreate is refused. Checkpoints know no tolerance.",
    ),
    entry(
        "metrics.level",
        "`index` or `shard`",
        "\"index\"",
        "Whether per-shard series are exported beside the per-index ones, where none of `metrics.rules` says otherwise.",
    ),
    entry(
        "metrics.worst_shards",
        "whole number, 0 to 10000",
        "20",
        "Of so many shards, those with a fatal exception first and then those furthest behind, lag and fatal exception are exported at every level.",
    ),
    entry(
        "metrics.max_series",
        "whole number, 1000 to 100000000",
        "2000000",
        "How many series of followers and their shards one scrape holds at most. Beyond it those of the least sick followers are left out: first of the exporter's names, then of shards, then of followers; `refollow_metrics_series_left_out` says how many. Series of refollow itself and of clusters do not count.",
    ),
    entry(
        "metrics.exporter_names",
        "`true` or `false`",
        "false",
        "Also export the `elasticsearch_ccr_…` names of the pending change of elasticsearch_exporter (pull request 1145), for dashboards built for it.",
    ),
    entry(
        "metrics.rules[].clusters",
        NAMES,
        "[\"*\"]",
        "Follower clusters that the rule is about. The first of `[[metrics.rules]]` that matches a follower counts.",
    ),
    entry(
        "metrics.rules[].followers",
        NAMES,
        "[\"*\"]",
        "Follower indices that the rule is about.",
    ),
    entry(
        "metrics.rules[].remotes",
        NAMES,
        "[\"*\"]",
        "Remote aliases that the rule is about.",
    ),
    required(
        "metrics.rules[].level",
        "`index` or `shard`",
        "Whether per-shard series of such followers are exported.",
    ),
    entry(
        "limits.recreates_in_flight.total",
        NUMBER,
        "2",
        "Recreates that run at once, everywhere.",
    ),
    entry(
        "limits.recreates_in_flight.per_cluster",
        NUMBER,
        "1",
        "The same on one follower cluster.",
    ),
    entry(
        "limits.recreates_in_flight.per_remote",
        NUMBER,
        "1",
        "The same through one remote alias of one cluster.",
    ),
    entry(
        "limits.recreates_per_hour",
        NUMBER,
        "6",
        "Recreates started within any hour.",
    ),
    entry(
        "limits.bytes_per_day",
        "size",
        "\"500GiB\"",
        "Bytes copied by recreates started within any 24 hours.",
    ),
    entry(
        "limits.recreate_max_bytes",
        "size",
        "\"50GiB\"",
        "Beyond this size `auto` becomes `ask`.",
    ),
    entry(
        "limits.recreate_max_duration",
        "length of time, 1s to 30d",
        "\"1h\"",
        "Beyond this estimated duration `auto` becomes `ask`.",
    ),
    entry(
        "limits.recreates_per_follower.count",
        NUMBER,
        "1",
        "Recreates of one follower within `per`, beyond which `auto` becomes `ask`.",
    ),
    entry(
        "limits.recreates_per_follower.per",
        TIME,
        "\"7d\"",
        "The time that `count` is about.",
    ),
    entry(
        "limits.resumes_in_flight.per_remote",
        NUMBER,
        "4",
        "Resumes that run at once through one remote alias of one cluster.",
    ),
    entry(
        "limits.resumes_per_minute",
        NUMBER,
        "30",
        "Resumes started within any minute.",
    ),
    entry(
        "limits.breaker.max_unhealthy",
        "percentage",
        "\"30%\"",
        "The breaker opens when more followers than this part are unhealthy at once, per remote and over everything.",
    ),
    entry(
        "limits.breaker.min_unhealthy",
        NUMBER,
        "3",
        "It needs at least so many unhealthy followers.",
    ),
    entry(
        "limits.breaker.close_after",
        TIME,
        "\"10m\"",
        "It closes after this time below the limit.",
    ),
    entry(
        "windows[].days",
        "list of days",
        "[\"mon-sun\"]",
        "Days on which the window opens: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`, or a range such as `mon-fri`.",
    ),
    required(
        "windows[].start",
        "`HH:MM`",
        "When it opens, by the clock of `time_zone`.",
    ),
    required(
        "windows[].end",
        "`HH:MM`",
        "When it closes; at or before `start` means the next day.",
    ),
    required(
        "windows[].time_zone",
        "IANA time zone",
        "Such as `Europe/Berlin`; daylight saving time is followed.",
    ),
    required(
        "blockers[].name",
        "name",
        "What it is called in `why`; each has its own.",
    ),
    required(
        "blockers[].kind",
        "`prometheus`, `alertmanager`, `file` or `webhook`",
        "What is asked. `prometheus` blocks while `query` gives a vector that is not empty or a scalar above 0; `alertmanager` while an alert or a silence matches all `matchers`; `file` while the file exists; `webhook` lets pass only with 200 and `{\"block\": false}`.",
    ),
    optional(
        "blockers[].url",
        "URL",
        "Where it answers; not for `file`. The paths of the Prometheus and Alertmanager APIs are added.",
    ),
    optional("blockers[].query", "PromQL", "For `prometheus`."),
    optional(
        "blockers[].matchers",
        "list of matchers",
        "For `alertmanager`, as in `alertname=\"Maintenance\"`.",
    ),
    optional("blockers[].path", FILE, "For `file`: an absolute path."),
    entry(
        "blockers[].stops",
        "`all` or `recreate`",
        "\"all\"",
        "What it stops: every repair, or recreates only.",
    ),
    entry(
        "blockers[].every",
        "length of time, 1s to 10m",
        "\"30s\"",
        "How often it is asked; it is asked afresh before a run starts and before the follow request.",
    ),
    entry(
        "blockers[].timeout",
        "length of time, 100ms to 30s",
        "\"5s\"",
        "How long one answer may take. No answer blocks.",
    ),
    optional(
        "blockers[].auth",
        "table",
        "The credential, in the forms of `clusters.auth`.",
    ),
    optional(
        "blockers[].tls.ca_file",
        "path of a PEM file",
        "The authorities that its certificate is checked with, instead of the system's.",
    ),
    optional(
        "notify.public_url",
        "URL",
        "The address of the pages as people reach them, for the links in messages.",
    ),
    entry(
        "notify.wait",
        "length of time, 0s to 10m",
        "\"30s\"",
        "What looks found must have lasted so long before anybody is told, and must have been gone so long before it is told as over. What waits for a person (a plan, a run that ended badly, a brake) is told at once.",
    ),
    entry(
        "notify.repeat.first",
        "length of time, 1m to 7d",
        "\"1h\"",
        "After how long a message is told again while it lasts; the wait doubles each time. Alertmanager is told every minute, as it expects.",
    ),
    entry(
        "notify.repeat.longest",
        "length of time, 1m to 7d",
        "\"24h\"",
        "The longest wait between two times.",
    ),
    required(
        "notify.receivers[].name",
        "name",
        "What routes, metrics and `refollow notify` call it; each has its own.",
    ),
    required(
        "notify.receivers[].kind",
        "`alertmanager`, `webhook`, `slack`, `pagerduty` or `email`",
        "What it is ([NOTIFICATIONS.md](NOTIFICATIONS.md)).",
    ),
    entry(
        "notify.receivers[].timeout",
        "length of time, 1s to 1m",
        "\"10s\"",
        "How long one delivery may take.",
    ),
    optional(
        "notify.receivers[].url",
        "URL",
        "For `alertmanager` (its API's path is added) and `webhook`; for `pagerduty` only where it is not `https://events.pagerduty.com`.",
    ),
    optional(
        "notify.receivers[].auth",
        "table",
        "For `alertmanager` and `webhook`: the credential, in the forms of `clusters.auth`.",
    ),
    optional(
        "notify.receivers[].token_file",
        FILE,
        "For `alertmanager` and `webhook`: a token for `Authorization: Bearer`, instead of `auth`.",
    ),
    optional(
        "notify.receivers[].signing_key_file",
        FILE,
        "For `webhook`: a key that messages are signed with, in the header `X-Refollow-Signature`.",
    ),
    optional(
        "notify.receivers[].url_file",
        FILE,
        "For `slack`: the address of the incoming webhook, which is a secret.",
    ),
    optional(
        "notify.receivers[].routing_key_file",
        FILE,
        "For `pagerduty`: the integration key of an Events API v2 integration.",
    ),
    optional(
        "notify.receivers[].server",
        "`host:port`",
        "For `email`: the SMTP server, as in `smtp.example.org:587`.",
    ),
    entry(
        "notify.receivers[].security",
        "`starttls`, `tls` or `none`",
        "\"starttls\"",
        "For `email`: `starttls` begins in the clear and goes on only over TLS, `tls` speaks TLS from the first byte, `none` never does and takes no password.",
    ),
    optional(
        "notify.receivers[].username",
        "a user's name",
        "For `email`; with `password_file`.",
    ),
    optional(
        "notify.receivers[].password_file",
        FILE,
        "For `email`; with `username`.",
    ),
    optional(
        "notify.receivers[].from",
        "address",
        "For `email`: who it is from; a name may stand before the address, which then stands in angle brackets.",
    ),
    optional(
        "notify.receivers[].to",
        "list of addresses",
        "For `email`: who gets it.",
    ),
    optional(
        "notify.receivers[].proxy",
        "URL",
        "An HTTP proxy to go through, for all kinds but `email`; the environment's is not used.",
    ),
    optional(
        "notify.receivers[].tls.ca_file",
        "path of a PEM file",
        "The authorities that its certificate is checked with, instead of the system's.",
    ),
    optional(
        "notify.routes[].clusters",
        NAMES,
        "Follower clusters. Left out: every message, also one that is about no cluster.",
    ),
    optional(
        "notify.routes[].causes",
        "list of causes",
        "Causes. Left out: every message, also one that is about no cause.",
    ),
    entry(
        "notify.routes[].min_severity",
        "`info`, `warning` or `critical`",
        "\"info\"",
        "The least severity.",
    ),
    required("notify.routes[].receivers", "list of receivers", "Who is told."),
    entry(
        "notify.routes[].then",
        "`stop` or `continue`",
        "\"stop\"",
        "Whether the routes after this one are asked too.",
    ),
];

/// Sections with a word on each, in the order of the file.
const SECTIONS: &[(&str, &str)] = &[
    ("daemon", "The process itself."),
    ("auth", "Who may do what at `daemon.listen`, and its TLS."),
    (
        "clusters",
        "One `[[clusters]]` entry per cluster, followers and leaders alike; at least one.",
    ),
    (
        "policy",
        "`[[policy.rules]]` entries, tried from the top; the first that matches counts. Where none matches, the mode `observe` alerts, and `ask` and `auto` ask.",
    ),
    ("judge", "When a verdict counts."),
    ("approval", "What an approval needs."),
    ("store", "What is kept, and for how long."),
    ("verify", "What a cure must prove."),
    ("metrics", "What is exported."),
    (
        "limits",
        "How much may be done. A limit that this version does not enforce yet is named at start and holds recreate at `ask`.",
    ),
    (
        "windows",
        "When recreate may start: `[[windows]]` entries, any of which opens it; none means always. A run under way is not stopped by a window's end once it has sent its follow request.",
    ),
    (
        "blockers",
        "Other systems that can say no: `[[blockers]]` entries, all of which must let a repair pass. Any error, a late answer and an answer that is not understood block.",
    ),
    (
        "notify",
        "Whom to tell what ([NOTIFICATIONS.md](NOTIFICATIONS.md)): `[[notify.receivers]]` and `[[notify.routes]]`. Of the routes the first that fits counts; without any, everybody is told everything.",
    ),
];

/// Options that can be set by an environment variable: single values outside arrays of tables.
fn settable() -> impl Iterator<Item = &'static Entry> {
    OPTIONS.iter().filter(|option| !option.path.contains("[]"))
}

/// `limits.breaker.min_unhealthy` → `REFOLLOW__LIMITS__BREAKER__MIN_UNHEALTHY`.
fn variable_of(path: &str) -> String {
    format!("REFOLLOW__{}", path.replace('.', "__").to_uppercase())
}

/// The names of all environment variables.
pub(super) fn variables() -> Vec<String> {
    settable().map(|option| variable_of(option.path)).collect()
}

/// The path that an environment variable sets.
pub(super) fn path_of_variable(name: &str) -> Option<String> {
    settable()
        .find(|option| variable_of(option.path) == name)
        .map(|option| option.path.to_owned())
}

/// Where a key that stands in the wrong place belongs: `[daemon]`, `[[clusters]]`.
pub(super) fn elsewhere(key: &str) -> Option<String> {
    let places = OPTIONS.iter().filter_map(|option| {
        let (section, last) = option.path.rsplit_once('.')?;
        (last == key).then(|| match section.strip_suffix("[]") {
            Some(array) => format!("[[{array}]]"),
            None if section.contains("[]") => format!("`{}`", section.replace("[]", "")),
            None => format!("[{section}]"),
        })
    });
    let places: Vec<String> = places.collect();
    (!places.is_empty()).then(|| places.join(" or "))
}

/// `docs/CONFIGURATION.md`, whole.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         <!-- Printed from src/config/reference.rs. Do not edit: change the table there and run\n     \
         UPDATE_DOCS=1 cargo test --test it config:: -->\n\n\
         The file is TOML, at `/etc/refollow/refollow.toml` or where `--config FILE` says. \
         `config/refollow.toml` shows every option at its default, `config/minimal.toml` the least that runs.\n\n\
         `refollow check-config FILE` reads it with the very function that `refollow run` starts with, lists every \
         mistake at once with its place, its value and a remedy, and exits with 2 if there is one. \
         Unknown keys and unknown `REFOLLOW__` variables are mistakes.\n\n\
         - A *length of time* is a whole number with a unit: `500ms`, `15s`, `10m`, `12h`, `7d`, or several: `1h30m`.\n\
         - A *size* is a whole number with a unit: `B`, `KiB`, `MiB`, `GiB`, `TiB`, or decimal `kB`, `MB`, `GB`, `TB`.\n\
         - A *percentage* is written with its sign: `\"0.1%\"`.\n\
         - *Secrets* stand in files of their own, never here, and are read at start and at reload. \
         One that everybody on the host may read is told as a warning.\n\n\
         SIGHUP reads the file again, all or nothing: with a mistake the old configuration stays and \
         `refollow_config_last_reload_successful` becomes 0. \
         `daemon.state`, `daemon.listen`, `daemon.admin_socket`, `daemon.log`, `daemon.undo_directory` and \
         `daemon.brake_file` cannot change while the daemon runs: a reload that changes one of them is refused as a whole.\n",
    );
    for (section, about) in SECTIONS {
        let array = OPTIONS
            .iter()
            .any(|option| option.path.starts_with(&format!("{section}[]")));
        let title = if array {
            format!("[[{section}]]")
        } else {
            format!("[{section}]")
        };
        write!(
            text,
            "\n## `{title}`\n\n{about}\n\n| option | type | default | meaning |\n|---|---|---|---|\n"
        )
        .unwrap_or_default();
        for option in OPTIONS
            .iter()
            .filter(|option| option.path.split(['.', '[']).next() == Some(section))
        {
            let default = match (option.default, option.required) {
                (Some(default), _) => format!("`{default}`"),
                (None, true) => "must be written".into(),
                (None, false) => "–".into(),
            };
            writeln!(
                text,
                "| `{}` | {} | {default} | {} |",
                option.path, option.kind, option.meaning
            )
            .unwrap_or_default();
        }
    }
    text.push_str(
        "\n## Environment variables\n\n\
         Each sets one option and wins over the file; options inside `[[clusters]]`, `[[policy.rules]]`, \
         `[[windows]]`, `[[blockers]]`, `[[notify.receivers]]` and `[[notify.routes]]` have none.\n\n| variable | option |\n|---|---|\n",
    );
    for option in settable() {
        writeln!(text, "| `{}` | `{}` |", variable_of(option.path), option.path).unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_another_word_does_not() {
        let known = ["poll_interval", "urls", "name", "remotes"];
        assert_eq!(nearest("pol_interval", known.into_iter()), Some("poll_interval"));
        assert_eq!(nearest("url", known.into_iter()), Some("urls"));
        assert_eq!(nearest("kitchen", known.into_iter()), None);
    }

    #[test]
    fn a_key_in_the_wrong_table_is_told_its_place() {
        assert_eq!(elsewhere("poll_interval").as_deref(), Some("[[clusters]]"));
        assert_eq!(elsewhere("approvers").as_deref(), Some("[approval]"));
        assert_eq!(
            elsewhere("ca_file").as_deref(),
            Some("[auth.client_certificates] or `clusters.tls` or `blockers.tls` or `notify.receivers.tls`")
        );
        assert_eq!(elsewhere("nonsense"), None);
    }

    #[test]
    fn a_variable_names_exactly_one_option() {
        let names = variables();
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(names.len(), once.len());
        assert_eq!(
            path_of_variable("REFOLLOW__LIMITS__BREAKER__MIN_UNHEALTHY").as_deref(),
            Some("limits.breaker.min_unhealthy")
        );
        assert_eq!(path_of_variable("REFOLLOW__CLUSTERS__NAME"), None);
    }

    #[test]
    fn every_option_belongs_to_a_section_that_is_printed() {
        let text = markdown();
        for option in OPTIONS {
            assert!(
                text.contains(&format!("| `{}` |", option.path)),
                "{}",
                option.path
            );
        }
    }
}
