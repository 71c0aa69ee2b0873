//! From answers to facts: reads one answer of any call of reference 1 and 1.5 once, typed
//! (`parse`), and adds what it says of one follower to that follower's facts (`learn`).
//!
//! Tolerant of unknown and missing fields and of fields of another type (they become *unknown*,
//! their neighbours stay); strict about meaning: a body that is not what its call promises is
//! `Seen::Unknown` with its beginning shown, and only an exception that says so means *absent*.
//! It decides nothing: that is the judge's business. No bytes make it panic.

mod about;
mod ccr;
mod cluster;
mod exception;
mod guards;
mod index;
mod learn;
mod lenient;
mod owner;
mod path;
mod rebuild;
mod state;

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::Arc;

use serde::Deserialize;

use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::auto_follow::{AutoFollowStats, LeaderIndex};
use crate::domain::facts::{
    AutoFollowPattern, ClusterHealth, Exception, Explain, Facts, FollowInfo, FollowStats, IlmExplain,
    IlmPhase, IndexHealth, IndexSettings, IndexStats, License, LookError, Node, NodeDisk, Refusal,
    RemoteInfo, Root, ShardRecovery, SnapshotInfo,
};
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use crate::domain::seen::Seen;
use crate::domain::shared::Shared;
use crate::domain::time::Timestamp;

pub use exception::of_body as exception_of;
pub use learn::learn;
pub use rebuild::{is_long_list, rebuilt};

/// Characters of a body shown in a reason.
const SHOWN_CHARS: usize = 120;

/// One answer, read. Facts of one follower are taken from it with [`learn`].
#[derive(Debug)]
pub struct Parsed {
    /// When the answer came.
    pub at: Timestamp,
    /// Which cluster was asked.
    pub cluster: ClusterName,
    /// What was asked.
    pub call: Call,
    request: path::Request,
    body: Body,
    /// The error, where the cluster answered with one.
    error: Option<LookError>,
}

/// What the body says, by call.
#[derive(Debug)]
enum Body {
    Root(Seen<Root>),
    License(Seen<License>),
    /// With what the same answer says of auto-follow.
    Stats(Seen<Table<FollowStats>>, Option<Box<AutoFollowStats>>),
    Info(Seen<Table<FollowInfo>>),
    Remote(Seen<Table<RemoteInfo>>),
    State(Seen<state::State>),
    Settings(Seen<Table<IndexSettings>>),
    IndexHealth(Seen<Table<IndexHealth>>),
    /// With all shard copies of the cluster, and its indices where `level` asked for them.
    ClusterHealth(Seen<ClusterHealth>, Option<u64>, Option<Table<IndexHealth>>),
    Recovery(Seen<Table<Vec<ShardRecovery>>>),
    IndexStats(Seen<Table<IndexStats>>),
    Aliases(Seen<Table<BTreeMap<String, String>>>),
    Explain(Seen<(String, Explain)>),
    /// With the body, for the dates of each index.
    Ilm(Seen<Table<IlmExplain>>, bytes::Bytes),
    /// What is said of a whole cluster is held once, however many followers it has.
    ClusterSettings(Seen<Shared<BTreeMap<String, String>>>),
    Nodes(Seen<Shared<Vec<Node>>>),
    /// With the body, for what else it says of the one stream in question.
    DataStreams(Seen<Table<String>>, bytes::Bytes),
    Disks(Seen<Vec<NodeDisk>>),
    Snapshots(Seen<BTreeMap<String, Vec<String>>>),
    Snapshot(Seen<SnapshotInfo>),
    AutoFollow(Seen<Shared<Vec<AutoFollowPattern>>>),
    LeaderIndices(Seen<Vec<LeaderIndex>>),
    Privileges(Seen<BTreeMap<String, bool>>),
    IlmPolicy(Seen<BTreeMap<String, Vec<IlmPhase>>>),
    Count(Seen<u64>),
    /// Absent: accepted.
    Resume(Seen<Refusal>),
    /// Absent: accepted.
    Follow(Seen<Refusal>),
    Other,
}

/// What a list says of each name in it.
#[derive(Debug)]
struct Table<T> {
    entries: HashMap<String, Seen<T>>,
    /// Entries without a readable name: while there are any, a missing name proves nothing.
    unreadable: u32,
}

impl<T> Table<T> {
    fn with_capacity(capacity: usize) -> Self {
        Self {
            // The list exists in memory already, so its length is bounded by the body's.
            entries: HashMap::with_capacity(capacity),
            unreadable: 0,
        }
    }
}

/// A table from a map; `None` from `read` marks that entry unknown.
fn table_of<K, R, T>(
    raw: impl IntoIterator<Item = (K, R)>,
    mut read: impl FnMut(&str, R) -> Option<T>,
) -> Table<T>
where
    K: Into<String> + Eq + Hash,
{
    let mut table = Table::with_capacity(0);
    for (name, entry) in raw {
        let name = name.into();
        let value = match read(&name, entry) {
            Some(value) => Seen::Present(value),
            None => Seen::unknown("its entry in the answer is not what the call promises"),
        };
        table.entries.insert(name, value);
    }
    table
}

/// Parses a JSON object into a type whose fields are all lenient.
fn parse_object<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, String> {
    let parsed: lenient::L<lenient::Obj<T>> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    parsed
        .0
        .map(|object| object.0)
        .ok_or_else(|| "it is not a JSON object".to_owned())
}

/// The beginning of a body for people: control characters escaped, at most 120 characters.
pub fn beginning(body: &[u8]) -> String {
    let head = body.get(..SHOWN_CHARS * 4).unwrap_or(body);
    let text = String::from_utf8_lossy(head);
    let mut shown = String::new();
    let mut count = 0;
    for character in text.chars() {
        let piece: String = if character.is_control() {
            character.escape_default().collect()
        } else {
            character.into()
        };
        count += piece.chars().count();
        if count > SHOWN_CHARS {
            break;
        }
        shown.push_str(&piece);
    }
    shown
}

fn unreadable<T>(body: &[u8], why: &str) -> Seen<T> {
    Seen::unknown(format!(
        "the body is not what the call promises ({why}); it begins with `{}`",
        beginning(body)
    ))
}

/// A text for people, cut at `limit` characters.
fn cut(text: &str, limit: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(limit)
        .map(|character| if character.is_control() { ' ' } else { character })
        .collect();
    if text.chars().nth(limit).is_some() {
        shown.push('…');
    }
    shown
}

/// Reads one answer, once, whatever it is.
pub fn parse(answer: &Answer) -> Parsed {
    let request = path::read(&answer.call.method, &answer.call.path);
    let error = look_error(answer);
    let body = body_of(answer, &request, error.as_ref().map(|error| &error.exception));
    Parsed {
        at: answer.at,
        cluster: answer.cluster.clone(),
        call: answer.call.clone(),
        request,
        body,
        error,
    }
}

fn look_error(answer: &Answer) -> Option<LookError> {
    let Outcome::Got { status, body } = &answer.outcome else {
        return None;
    };
    if *status < 400 {
        return None;
    }
    Some(LookError {
        at: answer.at,
        cluster: answer.cluster.clone(),
        call: answer.call.clone(),
        status: *status,
        exception: exception::of_body(body).unwrap_or_default(),
    })
}

/// Exceptions that say that what was asked for does not exist.
const NO_INDEX: &[&str] = &["index_not_found_exception"];
const NO_INDEX_OR_TASK: &[&str] = &["index_not_found_exception", "resource_not_found_exception"];

fn body_of(answer: &Answer, request: &path::Request, error: Option<&Exception>) -> Body {
    use path::Kind;
    let look = Look {
        answer,
        error,
        request,
    };
    match request.kind {
        Kind::Root => Body::Root(look.read(cluster::root, &[])),
        Kind::License => Body::License(look.read(cluster::license, &[])),
        Kind::Stats => match look.read(ccr::stats, NO_INDEX_OR_TASK) {
            Seen::Present((table, auto_follow)) => Body::Stats(Seen::Present(table), auto_follow),
            Seen::Absent => Body::Stats(Seen::Absent, None),
            Seen::Unknown(why) => Body::Stats(Seen::Unknown(why), None),
        },
        Kind::Info => Body::Info(look.read(ccr::info, NO_INDEX)),
        Kind::Remote => Body::Remote(look.read(ccr::remotes, &[])),
        Kind::State { .. } => Body::State(look.read(state::state, NO_INDEX)),
        Kind::Settings => Body::Settings(look.read(index::settings, NO_INDEX)),
        Kind::IndexHealth => Body::IndexHealth(look.read(
            |body| {
                let read = index::health(body);
                match (read, request.only_name(), index::health_of_one(body)) {
                    (Err(_), Some(name), Some(health)) => {
                        Ok(table_of([(name.to_owned(), health)], |_, health| Some(health)))
                    }
                    (read, _, _) => read,
                }
            },
            NO_INDEX,
        )),
        Kind::ClusterHealth => Body::ClusterHealth(
            look.read(cluster::health, &[]),
            guards::total_shards(raw_body(answer)),
            match look.read(index::health, &[]) {
                Seen::Present(indices) => Some(indices),
                Seen::Absent | Seen::Unknown(_) => None,
            },
        ),
        Kind::Recovery => Body::Recovery(look.read(index::recoveries, NO_INDEX)),
        Kind::IndexStats => Body::IndexStats(look.read(index::stats, NO_INDEX)),
        Kind::Aliases => Body::Aliases(look.read(index::aliases, NO_INDEX)),
        Kind::Explain => Body::Explain(look.read(index::explain, &[])),
        Kind::Ilm => Body::Ilm(look.read(index::ilm, NO_INDEX), shared_body(answer)),
        Kind::ClusterSettings => Body::ClusterSettings(look.read(cluster::settings, &[]).map(Shared::from)),
        Kind::Nodes => Body::Nodes(look.read(cluster::nodes, &[]).map(Shared::from)),
        Kind::DataStreams => Body::DataStreams(look.read(cluster::data_streams, &[]), shared_body(answer)),
        Kind::Disks => Body::Disks(look.read(guards::disks, &[])),
        Kind::Snapshots => Body::Snapshots(look.read(guards::snapshots, &[])),
        Kind::Snapshot => Body::Snapshot(look.read(
            |body| guards::snapshot(body, &answer.call.path),
            &["snapshot_missing_exception", "repository_missing_exception"],
        )),
        Kind::Customs => Body::Snapshots(look.read(guards::customs, &[])),
        Kind::Created => Body::LeaderIndices(look.read(index::created, &[])),
        Kind::AutoFollow => Body::AutoFollow(look.read(guards::auto_follow, &[]).map(Shared::from)),
        Kind::Privileges => Body::Privileges(guards::privileges(answer)),
        Kind::IlmPolicy => Body::IlmPolicy(look.read(guards::phases, &["resource_not_found_exception"])),
        Kind::Count => Body::Count(match look.good_body(NO_INDEX) {
            Ok(body) => cluster::count(body),
            Err(seen) => seen,
        }),
        Kind::Resume => Body::Resume(look.refusal()),
        Kind::Follow => Body::Follow(look.refusal()),
        Kind::Other => Body::Other,
    }
}

/// The body of whatever came; empty where nothing did.
fn raw_body(answer: &Answer) -> &[u8] {
    match &answer.outcome {
        Outcome::Got { body, .. } => body,
        Outcome::Failed(_) => &[],
    }
}

/// The same, shared.
fn shared_body(answer: &Answer) -> bytes::Bytes {
    match &answer.outcome {
        Outcome::Got { body, .. } => body.clone(),
        Outcome::Failed(_) => bytes::Bytes::new(),
    }
}

/// One answer with its request and its exception.
struct Look<'a> {
    answer: &'a Answer,
    error: Option<&'a Exception>,
    request: &'a path::Request,
}

impl<'a> Look<'a> {
    fn read<T>(&self, parse: impl FnOnce(&[u8]) -> Result<T, String>, absent_kinds: &[&str]) -> Seen<T> {
        match self.good_body(absent_kinds) {
            Err(seen) => seen,
            Ok(body) => match parse(body) {
                Ok(value) => Seen::Present(value),
                Err(why) => unreadable(body, &why),
            },
        }
    }

    /// The body of an answer that is good; absent or unknown otherwise.
    fn good_body<T>(&self, absent_kinds: &[&str]) -> Result<&'a [u8], Seen<T>> {
        let (status, body) = match &self.answer.outcome {
            Outcome::Failed(why) => return Err(Seen::unknown(format!("no answer: {}", cut(why, 200)))),
            Outcome::Got { status, body } => (*status, body),
        };
        // `_cluster/health` answers 408 with its usual body when a wait timed out.
        let health_waited = status == 408
            && matches!(
                self.request.kind,
                path::Kind::IndexHealth | path::Kind::ClusterHealth
            );
        if (200..300).contains(&status) || health_waited {
            return Ok(body);
        }
        let Some(error) = self.error.filter(|error| **error != Exception::default()) else {
            return Err(Seen::unknown(format!(
                "status {status}; the body begins with `{}`",
                beginning(body)
            )));
        };
        // Several names: the exception speaks of one of them only, so nothing is known to be absent.
        let of_what_was_asked = match (self.request.names.as_deref(), error.index.as_deref()) {
            (Some([asked]), Some(named)) => asked == named,
            (Some([_]), None) => true,
            (Some(_), _) => self.request.kind == path::Kind::Stats,
            (None, _) => false,
        };
        if status == 404 && of_what_was_asked && absent_kinds.contains(&error.kind.as_str()) {
            return Err(Seen::Absent);
        }
        Err(Seen::unknown(format!(
            "status {status} {}: {}",
            error.kind,
            cut(&error.reason, SHOWN_CHARS)
        )))
    }

    /// A changing call: absent when accepted, present when refused with an exception.
    fn refusal(&self) -> Seen<Refusal> {
        match &self.answer.outcome {
            Outcome::Failed(why) => Seen::unknown(format!("no answer: {}", cut(why, 200))),
            Outcome::Got { status, .. } if (200..300).contains(status) => Seen::Absent,
            Outcome::Got { status, body } => match self.error {
                // `snapshot_restore_exception` is a refusal with status 500 (reference 3.4).
                Some(error)
                    if !error.kind.is_empty()
                        && ((400..500).contains(status) || error.kind == "snapshot_restore_exception") =>
                {
                    Seen::Present(Refusal {
                        status: *status,
                        exception: error.clone(),
                    })
                }
                _ => Seen::unknown(format!(
                    "status {status}; the body begins with `{}`",
                    beginning(body)
                )),
            },
        }
    }
}

impl Parsed {
    /// What `GET /` says, where this is its answer and it is good.
    pub fn root(&self) -> Option<&Root> {
        match &self.body {
            Body::Root(seen) => seen.present(),
            _ => None,
        }
    }

    /// The aliases of `_remote/info` and whether each is connected, where this is its answer.
    pub fn remotes(&self) -> Option<BTreeMap<RemoteAlias, Option<bool>>> {
        let Body::Remote(Seen::Present(table)) = &self.body else {
            return None;
        };
        let known = table.entries.iter().filter_map(|(name, info)| {
            let connected = info.present().and_then(|info| info.connected);
            RemoteAlias::parse(name).ok().map(|alias| (alias, connected))
        });
        Some(known.collect())
    }

    /// The followers this answer lists (`_ccr/stats` and `_ccr/info`), sorted; empty for others.
    pub fn followers(&self) -> Vec<IndexName> {
        match &self.body {
            Body::Stats(Seen::Present(table), _) => ccr::names(&table.entries),
            Body::Info(Seen::Present(table)) => ccr::names(&table.entries),
            _ => Vec::new(),
        }
    }

    /// The auto-follow patterns, where this is `_ccr/auto_follow`; unknown where it is not good.
    pub fn patterns(&self) -> Option<Seen<&[AutoFollowPattern]>> {
        match &self.body {
            Body::AutoFollow(seen) => Some(seen.as_ref().map(|list| list.as_slice())),
            _ => None,
        }
    }

    /// What a whole `_ccr/stats` says of auto-follow.
    pub fn auto_follow_stats(&self) -> Option<&AutoFollowStats> {
        match &self.body {
            Body::Stats(_, auto_follow) => auto_follow.as_deref(),
            _ => None,
        }
    }

    /// The indices of a leader cluster that patterns name, where they were asked for.
    pub fn leader_indices(&self) -> Option<&[LeaderIndex]> {
        match &self.body {
            Body::LeaderIndices(seen) => seen.present().map(Vec::as_slice),
            _ => None,
        }
    }

    /// Why nothing could be read from this answer, where that is so.
    pub fn why_unknown(&self) -> Option<Arc<str>> {
        fn why<T>(seen: &Seen<T>) -> Option<Arc<str>> {
            match seen {
                Seen::Unknown(why) => Some(Arc::clone(why)),
                Seen::Present(_) | Seen::Absent => None,
            }
        }
        match &self.body {
            Body::Root(seen) => why(seen),
            Body::License(seen) => why(seen),
            Body::Stats(seen, _) => why(seen),
            Body::LeaderIndices(seen) => why(seen),
            Body::Info(seen) => why(seen),
            Body::Remote(seen) => why(seen),
            Body::State(seen) => why(seen),
            Body::IndexHealth(seen) => why(seen),
            Body::ClusterHealth(seen, ..) => why(seen),
            Body::Recovery(seen) => why(seen),
            Body::IndexStats(seen) => why(seen),
            Body::Settings(seen) | Body::Aliases(seen) => why(seen),
            Body::Explain(seen) => why(seen),
            Body::Ilm(seen, _) => why(seen),
            Body::ClusterSettings(seen) => why(seen),
            Body::Nodes(seen) => why(seen),
            Body::DataStreams(seen, _) => why(seen),
            Body::Disks(seen) => why(seen),
            Body::Snapshots(seen) => why(seen),
            Body::Snapshot(seen) => why(seen),
            Body::AutoFollow(seen) => why(seen),
            Body::Privileges(seen) => why(seen),
            Body::IlmPolicy(seen) => why(seen),
            Body::Count(seen) => why(seen),
            Body::Resume(seen) | Body::Follow(seen) => why(seen),
            Body::Other => None,
        }
    }

    /// The exception this answer carries, where the cluster answered with an error.
    pub fn error(&self) -> Option<&LookError> {
        self.error.as_ref()
    }
}

/// All that a set of answers says of one follower: what evidence and tests are judged from.
///
/// Answers may come in any order; they are put in the order of time. What names the alias and
/// the leader index is taken from the answers where it is not given.
pub fn gather(
    key: FollowerKey,
    leader_cluster: Option<ClusterName>,
    remote: Option<RemoteAlias>,
    leader_index: Option<IndexName>,
    now: Timestamp,
    answers: &[Answer],
) -> Facts {
    let mut facts = Facts::nothing(key, now);
    facts.leader_cluster = leader_cluster;
    facts.remote = remote;
    facts.leader_index = leader_index;
    let mut parsed: Vec<Parsed> = answers.iter().map(parse).collect();
    parsed.sort_by_key(|one| one.at);
    for one in &parsed {
        learn::names(&mut facts, one);
    }
    for one in &parsed {
        learn(&mut facts, one);
    }
    facts
}
