//! From method and path to what was asked: which call, about which indices, with which filter.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Which call of reference 1 and 1.5 (and a few more) a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Root,
    License,
    Stats,
    Info,
    Remote,
    State {
        metadata: bool,
        routing: bool,
    },
    Settings,
    IndexHealth,
    ClusterHealth,
    Recovery,
    IndexStats,
    Aliases,
    Explain,
    Ilm,
    ClusterSettings,
    Nodes,
    DataStreams,
    Disks,
    Snapshots,
    Customs,
    AutoFollow,
    /// Some settings of many indices: never one index's settings.
    Created,
    Privileges,
    IlmPolicy,
    Count,
    Resume,
    Follow,
    Other,
}

/// How a call named an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// By its concrete name.
    ByName,
    /// By a pattern, `_all`, or no name at all.
    InList,
    /// Not at all.
    Not,
}

/// A request, read.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub kind: Kind,
    /// The index expression, split at commas and decoded; `None`: the whole cluster.
    pub names: Option<Vec<String>>,
    /// The `filter_path` parameter, decoded.
    pub filter: Option<String>,
    /// `expand_wildcards` names hidden indices too.
    pub expands_hidden: bool,
}

impl Request {
    /// How this request asked about one index.
    pub(super) fn asks(&self, index: &str) -> Asked {
        let Some(names) = &self.names else {
            return Asked::InList;
        };
        let mut asked = Asked::Not;
        // Patterns leave hidden indices out unless they begin with a dot (`ccr/measured.md`).
        let hidden = index.starts_with('.') && !self.expands_hidden;
        for name in names {
            if name == index {
                return Asked::ByName;
            }
            if let Some(excluded) = name.strip_prefix('-') {
                if matches_pattern(excluded, index) {
                    asked = Asked::Not;
                }
            } else if (name == "_all" || (name.contains('*') && matches_pattern(name, index)))
                && (!hidden || name.starts_with('.'))
            {
                asked = Asked::InList;
            }
        }
        asked
    }

    /// The only concrete name asked for.
    pub(super) fn only_name(&self) -> Option<&str> {
        match self.names.as_deref() {
            Some([name]) if name != "_all" && !name.contains('*') => Some(name),
            _ => None,
        }
    }

    /// Whether the answer would show something below `path` (as far as `filter_path` tells).
    pub(super) fn shows(&self, path: &str) -> bool {
        self.filter.as_deref().is_none_or(|filter| {
            filter.split(',').any(|one| {
                let one = one.trim();
                !one.starts_with('-')
                    && (one.starts_with(path) || path.starts_with(one) || one.starts_with('*'))
            })
        })
    }
}

/// `*` matches any run of characters; linear in both texts (no backtracking beyond the last star).
pub(super) fn matches_pattern(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(byte) if Some(byte) == text.get(t) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    p = star_p + 1;
                    t = star_t + 1;
                    star = Some((star_p, star_t + 1));
                }
                None => return false,
            },
        }
    }
    pattern
        .get(p..)
        .is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

fn decode(text: &str) -> Cow<'_, str> {
    percent_decode_str(text).decode_utf8_lossy()
}

/// Reads a request. Anything that is not one of the calls is `Kind::Other`.
pub(super) fn read(method: &str, path: &str) -> Request {
    let path = path.split('#').next().unwrap_or(path);
    let (route, query) = path.split_once('?').unwrap_or((path, ""));
    let segments: Vec<Cow<'_, str>> = route
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(decode)
        .collect();
    let mut filter = None;
    let mut expands_hidden = false;
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value);
        match key {
            "filter_path" => filter = Some(value.into_owned()),
            "expand_wildcards" => {
                expands_hidden = value.split(',').any(|one| one == "all" || one == "hidden");
            }
            _ => {}
        }
    }
    let words: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
    let (kind, names) = route_of(method, &words);
    Request {
        kind,
        names: names.map(|text| text.split(',').map(|name| name.trim().to_owned()).collect()),
        filter,
        expands_hidden,
    }
}

fn route_of<'a>(method: &str, words: &[&'a str]) -> (Kind, Option<&'a str>) {
    if method.eq_ignore_ascii_case("GET") || method.eq_ignore_ascii_case("POST") {
        match words {
            ["_cluster", "allocation", "explain"] => return (Kind::Explain, None),
            ["_security", "user", "_has_privileges"] => return (Kind::Privileges, None),
            [index, "_search" | "_count"] => return (Kind::Count, Some(index)),
            _ => {}
        }
    }
    if method.eq_ignore_ascii_case("POST") {
        return match words {
            [index, "_ccr", "resume_follow"] => (Kind::Resume, Some(index)),
            _ => (Kind::Other, None),
        };
    }
    if method.eq_ignore_ascii_case("PUT") {
        return match words {
            [index, "_ccr", "follow"] => (Kind::Follow, Some(index)),
            _ => (Kind::Other, None),
        };
    }
    if !method.eq_ignore_ascii_case("GET") {
        return (Kind::Other, None);
    }
    match words {
        [] => (Kind::Root, None),
        ["_license"] | ["_xpack", "license"] => (Kind::License, None),
        ["_ccr", "stats"] => (Kind::Stats, None),
        ["_remote", "info"] => (Kind::Remote, None),
        ["_cluster", "state"] => (state_of("_all"), None),
        ["_cluster", "state", "customs"] => (Kind::Customs, None),
        ["_cluster", "state", metrics] => (state_of(metrics), None),
        ["_cluster", "state", metrics, index] => (state_of(metrics), Some(index)),
        ["_cluster", "health"] => (Kind::ClusterHealth, None),
        ["_cluster", "health", index] => (Kind::IndexHealth, Some(index)),
        ["_cluster", "settings"] => (Kind::ClusterSettings, None),
        ["_nodes"] | ["_nodes", "_all" | "_all,http" | "http" | "settings" | "info"] => (Kind::Nodes, None),
        ["_data_stream", ..] => (Kind::DataStreams, None),
        ["_nodes", "stats", "fs"] => (Kind::Disks, None),
        ["_snapshot", "_status"] => (Kind::Snapshots, None),
        ["_ccr", "auto_follow"] => (Kind::AutoFollow, None),
        ["_ilm", "policy", ..] => (Kind::IlmPolicy, None),
        ["_recovery"] => (Kind::Recovery, None),
        ["_stats", ..] => (Kind::IndexStats, None),
        ["_settings", ..] => (Kind::Settings, None),
        ["_alias" | "_aliases"] => (Kind::Aliases, None),
        [index, rest @ ..] if !index.starts_with('_') || *index == "_all" => match rest {
            ["_ccr", "stats"] => (Kind::Stats, Some(index)),
            ["_ccr", "info"] => (Kind::Info, Some(index)),
            ["_recovery"] => (Kind::Recovery, Some(index)),
            ["_stats", ..] => (Kind::IndexStats, Some(index)),
            ["_settings", _] => (Kind::Created, Some(index)),
            ["_settings", ..] => (Kind::Settings, Some(index)),
            ["_alias"] => (Kind::Aliases, Some(index)),
            ["_ilm", "explain"] => (Kind::Ilm, Some(index)),
            _ => (Kind::Other, None),
        },
        _ => (Kind::Other, None),
    }
}

fn state_of(metrics: &str) -> Kind {
    let has = |wanted: &str| metrics.split(',').any(|one| one == wanted || one == "_all");
    Kind::State {
        metadata: has("metadata"),
        routing: has("routing_table"),
    }
}
