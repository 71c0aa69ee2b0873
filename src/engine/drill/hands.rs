//! What a drill sends: one request, about an index that was just seen to be its own, once.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::domain::answer::{Answer, Outcome};
use crate::domain::drill::{Drill, Scratch};
use crate::domain::facts::EsVersion;
use crate::domain::ids::IndexUuid;
use crate::domain::seen::Seen;
use crate::elastic::read::Look;
use crate::elastic::write::{Change, Pin, Sent};
use crate::engine::Engine;
use crate::engine::drill::{Stop, refused};
use crate::engine::steps;

/// Documents of the scratch leader.
pub(super) const DOCUMENTS: u32 = 300;

/// One request of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Make the leader.
    Create,
    /// Write every document of it.
    Write { round: u32 },
    /// Flush it.
    Flush,
    /// Merge it.
    Merge,
    /// Let it keep its history for a second only.
    KeepNothing,
    /// Let it keep its history as by default.
    KeepAsBefore,
    /// Make the follower.
    Follow(EsVersion),
    /// Pause the follower.
    Pause,
    /// Resume the follower.
    Resume,
    /// Delete the follower.
    DeleteFollower,
    /// Delete the leader.
    DeleteLeader,
}

impl Deed {
    const fn word(self) -> &'static str {
        match self {
            Self::Create => "create_scratch_leader",
            Self::Write { .. } => "write_scratch_leader",
            Self::Flush => "flush_scratch_leader",
            Self::Merge => "merge_scratch_leader",
            Self::KeepNothing => "lose_scratch_history",
            Self::KeepAsBefore => "keep_scratch_history",
            Self::Follow(_) => "create_scratch_follower",
            Self::Pause => "pause_scratch_follower",
            Self::Resume => "resume_scratch_follower",
            Self::DeleteFollower => "delete_scratch_follower",
            Self::DeleteLeader => "delete_scratch_leader",
        }
    }

    const fn makes(self) -> bool {
        matches!(self, Self::Create | Self::Follow(_))
    }

    const fn on(self, drill: &Drill) -> &Scratch {
        match self {
            Self::Follow(_) | Self::Pause | Self::Resume | Self::DeleteFollower => &drill.follower,
            _ => &drill.leader,
        }
    }
}

/// The UUID of the index that has the scratch name now.
pub(super) async fn standing(engine: &Engine, scratch: &Scratch) -> Seen<IndexUuid> {
    let look = Look::Settings(vec![scratch.name.index().clone()]);
    let (status, body) = match ask(engine, scratch, &look).await {
        Ok(answer) => answer,
        Err(why) => return Seen::unknown(why),
    };
    let kind = body.pointer("/error/type").and_then(Value::as_str);
    if status == 404 && kind == Some("index_not_found_exception") {
        return Seen::Absent;
    }
    let uuid = body
        .get(scratch.name.index().as_str())
        .and_then(|index| index.get("settings"))
        .and_then(|settings| settings.get("index.uuid"))
        .and_then(Value::as_str)
        .and_then(|text| IndexUuid::parse(text).ok());
    match uuid {
        Some(uuid) if status == 200 => Seen::Present(uuid),
        _ => Seen::unknown(format!("{} answered {status} without a UUID", scratch.name)),
    }
}

/// Whether the index that has the scratch name carries the drill's mark.
pub(super) async fn marked(engine: &Engine, scratch: &Scratch, mark: &str) -> Seen<bool> {
    let look = Look::Mapping(scratch.name.index().clone());
    match ask(engine, scratch, &look).await {
        Ok((200, body)) => match body.get(scratch.name.index().as_str()) {
            Some(index) => {
                let fields = index.pointer("/mappings/properties").and_then(Value::as_object);
                Seen::Present(fields.is_some_and(|fields| fields.contains_key(mark)))
            }
            None => Seen::unknown("the mapping of another index was answered"),
        },
        Ok((status, _)) => Seen::unknown(format!("the mapping of {} answered {status}", scratch.name)),
        Err(why) => Seen::unknown(why),
    }
}

/// One look at one index, as JSON.
pub(super) async fn ask(engine: &Engine, scratch: &Scratch, look: &Look) -> Result<(u16, Value), String> {
    let client = engine
        .client(&scratch.cluster)
        .ok_or_else(|| format!("`{}` is not configured any more", scratch.cluster))?;
    match client.look(look).await.pop() {
        Some(Answer {
            outcome: Outcome::Got { status, body },
            ..
        }) => serde_json::from_slice(&body)
            .map(|body| (status, body))
            .map_err(|error| format!("`{}` answered {status}: {error}", scratch.cluster)),
        Some(Answer {
            outcome: Outcome::Failed(why),
            ..
        }) => Err(format!("`{}`: {why}", scratch.cluster)),
        None => Err("nothing was asked".to_owned()),
    }
}

/// Sends one request, if the index is seen to be the drill's own (or, to make it, not there).
pub(super) async fn send(engine: &Arc<Engine>, drill: &Drill, deed: Deed) -> Result<Value, Stop> {
    let scratch = deed.on(drill);
    match standing(engine, scratch).await {
        Seen::Absent if deed.makes() => {}
        Seen::Present(uuid) if !deed.makes() && scratch.uuid.as_ref() == Some(&uuid) => {}
        Seen::Present(uuid) => {
            let reason = format!("{} ({uuid}) is not an index that this drill made", scratch.name);
            return Err(refused("scratch_uuid", reason));
        }
        Seen::Absent => return Err(Stop::Failed(format!("{} has gone", scratch.name))),
        Seen::Unknown(why) => {
            return Err(Stop::Failed(format!(
                "{} could not be looked at: {why}",
                scratch.name
            )));
        }
    }
    let Some(client) = engine.client(&scratch.cluster) else {
        return Err(Stop::Failed(format!(
            "`{}` is not configured any more",
            scratch.cluster
        )));
    };
    let pin = Pin {
        cluster_uuid: scratch.cluster_uuid.clone(),
    };
    let name = &scratch.name;
    let change = match deed {
        Deed::Create => client.create_scratch(&pin, name, &drill.mark).await,
        Deed::Write { round } => client.index_scratch(&pin, name, DOCUMENTS, round).await,
        Deed::Flush => client.flush_scratch(&pin, name).await,
        Deed::Merge => client.merge_scratch(&pin, name).await,
        Deed::KeepNothing => client.keep_history_scratch(&pin, name, false).await,
        Deed::KeepAsBefore => client.keep_history_scratch(&pin, name, true).await,
        Deed::Follow(version) => {
            let leader = &drill.leader.name;
            client
                .follow_scratch(&pin, name, &drill.remote, leader, version)
                .await
        }
        Deed::Pause => client.pause_scratch(&pin, name).await,
        Deed::Resume => client.resume_scratch(&pin, name).await,
        Deed::DeleteFollower | Deed::DeleteLeader => client.delete_scratch(&pin, name).await,
    };
    note(engine, drill, deed, &change).await;
    let failed = |why: &str| Stop::Failed(format!("{} of {name}: {why}", deed.word()));
    match change.sent {
        Sent::Accepted { body, .. } if body.get("errors") == Some(&Value::Bool(true)) => {
            Err(failed("some documents were refused"))
        }
        Sent::Accepted { body, .. } => Ok(body),
        Sent::Refused {
            status, exception, ..
        } => Err(failed(&format!("{status} {}", exception.reason))),
        Sent::Unknown { why } | Sent::NotSent { why } => Err(failed(&why)),
    }
}

async fn note(engine: &Engine, drill: &Drill, deed: Deed, change: &Change) {
    let detail = json!({
        "drill": drill.pair(), "follower": drill.key(), "step": deed.word(),
        "url": change.record.url, "method": change.record.method, "path": change.record.path,
        "body": change.record.body, "sent_at": change.record.started, "answer": steps::answer(&change.sent),
    });
    let subject = format!("{}/{}", deed.on(drill).cluster, deed.on(drill).name);
    engine.audit(&drill.by, "request_sent", subject, detail).await;
}
