//! Sentences and shapes for people: what a plan sends, whether a follower can be searched, what waiting
//! costs. Pure.

use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::GuardResult;
use crate::domain::handbook;
use crate::domain::ids::{FollowerKey, IndexName, RemoteAlias};
use crate::domain::plan::{LeaseWay, Plan, PlanRecord};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::book::FollowerEntry;

/// What a run of a plan sends, in order, for people.
pub(super) fn steps_of(record: &PlanRecord) -> Vec<String> {
    let basis = &record.plan.basis;
    let (follower, leader, remote) = (&basis.follower, &basis.leader, &basis.remote);
    let parameters = serde_json::to_string(&basis.parameters).unwrap_or_default();
    let mut steps = Vec::new();
    if let Some(period) = &basis.extend_runway {
        let before = period.before.as_deref().unwrap_or("null (none is set)");
        steps.push(format!(
            "PUT /{leader}/_settings {{\"{}\": \"{}\"}} on the leader cluster, and see it set",
            crate::domain::plan::ExtendRunway::SETTING,
            period.value()
        ));
        steps.push(format!(
            "after the cure, or with --undo: put back {before}, unless somebody else has changed it"
        ));
    }
    if let Some(new) = &basis.beside {
        steps.push(format!(
            "see that no index `{new}` exists; `{follower}` is not touched by any step"
        ));
        steps.push(format!(
            "PUT /{new}/_ccr/follow?wait_for_active_shards=1 from {remote}:{leader} {parameters}: a second copy"
        ));
        steps.push("watch the copy, put own settings on it, verify".to_owned());
        steps.push(format!(
            "for people: point what reads `{follower}` at `{new}`, or back again; delete `{follower}` when you are sure (the run's end has the commands)"
        ));
        return steps;
    }
    for rung in &basis.ladder {
        match rung {
            Remedy::Resume => {
                steps.push(format!("POST /{follower}/_ccr/pause_follow, and see it paused"));
                steps.push(format!(
                    "POST /{follower}/_ccr/resume_follow {parameters}, and see whether it follows"
                ));
            }
            Remedy::Recreate => {
                if basis.cause != Cause::RestoreFailed {
                    steps.push(format!("POST /{follower}/_ccr/pause_follow, and see it paused"));
                }
                steps.push(format!("POST /{follower}/_close, and see it closed: from here until the copy is done it cannot be searched"));
                steps.push(match basis.lease {
                    LeaseWay::Forget => format!(
                        "POST /{leader}/_ccr/forget_follower on the leader cluster, and see the lease gone"
                    ),
                    LeaseWay::Wait => {
                        "before the close, wait until the lease has expired on the leader, for at most 24 h".to_owned()
                    }
                    LeaseWay::Unfollow => format!(
                        "POST /{follower}/_ccr/unfollow, and see the lease gone: from here on it cannot be resumed any more"
                    ),
                });
                let carried = if basis.follow_settings.is_empty() {
                    String::new()
                } else {
                    format!(
                        ", with settings of its own {}",
                        serde_json::to_string(&basis.follow_settings).unwrap_or_default()
                    )
                };
                steps.push(format!(
                    "PUT /{follower}/_ccr/follow?wait_for_active_shards=1 from {remote}:{leader}{carried} — every local segment is replaced"
                ));
                steps.push("watch the copy, put own settings back, verify".to_owned());
            }
            Remedy::DeleteAndFollow => {
                steps.push(format!(
                    "only if that copy fails as well: POST /{leader}/_ccr/forget_follower for the old index, DELETE /{follower} after looking at its UUID ({}), and see it gone",
                    basis.follower_uuid
                ));
                steps.push(format!(
                    "PUT /{follower}/_ccr/follow?wait_for_active_shards=1 from {remote}:{leader} as a new index: its UUID, its task ids and its lease change"
                ));
                steps.push("watch the copy, put own settings back, verify".to_owned());
            }
            Remedy::Wait | Remedy::Human => {}
        }
    }
    steps
}

/// What the two ways of copying cost, for a plan that copies: in place, and side by side where the
/// disk allows it. `None` where nothing is copied.
pub(super) fn cost_of(plan: &Plan, guards: &[GuardResult]) -> Option<String> {
    let basis = &plan.basis;
    if !basis.ladder.iter().any(|rung| rung.destroys()) {
        return None;
    }
    let figures = &plan.figures;
    let known = |have: Option<u64>, unit: &str| {
        have.map_or_else(
            || format!("an unknown number of {unit}"),
            |have| format!("{have} {unit}"),
        )
    };
    let bytes = known(figures.bytes, "bytes");
    let length = known(figures.eta_seconds, "seconds");
    let twice = if basis.aliases.is_empty() {
        String::new()
    } else {
        let names: Vec<&str> = basis.aliases.keys().map(String::as_str).collect();
        format!(
            "; its aliases ({}) come from the leader and are on both until one is deleted: searches through them count twice meanwhile (held by `alias_counts_once` unless overridden)",
            names.join(", ")
        )
    };
    if let Some(new) = &basis.beside {
        return Some(format!(
            "side by side: {bytes} more on the follower cluster, about {length}; `{}` stays searchable as it is, readers must go to `{new}`{twice}",
            basis.follower
        ));
    }
    let in_place = format!(
        "in place: {bytes} copied, about {length} in which it cannot be searched; its own copy is destroyed"
    );
    let refused = matches!(basis.cause, Cause::RestoreFailed | Cause::RestoredNotFollowing)
        || basis.data_stream.is_some();
    if refused {
        return Some(in_place);
    }
    let disk = guards.iter().find(|guard| guard.name == "disk");
    Some(match disk {
        Some(disk) if disk.passes() => format!(
            "{in_place}. Side by side instead (`refollow recreate {} --side-by-side <new index>`): {bytes} more on disk, which fits, and another name; no outage, and the way back stays{twice}",
            basis.key()
        ),
        Some(disk) => format!("{in_place}. Side by side is not offered: {}", disk.inputs),
        None => in_place,
    })
}

/// The short form of the cause's section, with this follower's names.
pub(super) fn handbook_of(key: &FollowerKey, entry: &FollowerEntry) -> Option<handbook::Short> {
    let leader = entry.facts.leader_index.as_ref().map(IndexName::as_str);
    let alias = entry.facts.remote.as_ref().map(RemoteAlias::as_str);
    handbook::short(
        entry.cause(),
        &handbook::Names {
            key: &key.to_string(),
            follower: key.index.as_str(),
            leader: leader.unwrap_or("<leader>"),
            alias: alias.unwrap_or("<alias>"),
        },
    )
}

pub(super) fn searchable(state: State) -> String {
    match state {
        State::Closed => "no: it is closed".to_owned(),
        State::Restoring => "no: it is being restored".to_owned(),
        State::Red => "in part or not at all: a primary is not allocated".to_owned(),
        State::Missing => "no: it does not exist".to_owned(),
        State::Unknown => "not known: it could not be looked at".to_owned(),
        State::Fatal | State::Paused | State::Retrying | State::Stalled | State::CatchingUp => {
            "yes, with the documents it has; newer ones are missing".to_owned()
        }
        State::Following => "yes".to_owned(),
    }
}

pub(super) fn staleness(entry: &FollowerEntry) -> String {
    let behind = match entry.lag {
        Some(lag) => format!("{lag} operations behind the leader"),
        None => "how far behind is not known".to_owned(),
    };
    match entry.memory.last_well_at {
        Some(at) => format!("{behind}; last seen well at {at}"),
        None => format!("{behind}; never seen well by this installation"),
    }
}

pub(super) fn cost_of_waiting(entry: &FollowerEntry, now: Timestamp) -> String {
    match (entry.cause(), entry.runway) {
        (Cause::None, _) => "nothing".to_owned(),
        (Cause::RestoreFailed, _) => {
            "it has no data to search until it is copied again; nothing more can be lost".to_owned()
        }
        (Cause::HistoryLost, _) => {
            "it stays stale: the history it needs is gone, and only a recreate brings it back".to_owned()
        }
        (_, Some(end)) if end <= now => {
            format!(
                "the runway ended at {end}: what it needs may be lost from now on. Whether it is, only a resume tells"
            )
        }
        (_, Some(end)) => {
            format!(
                "from {end} on the leader may discard what it needs; until then a resume can still cure it, and `refollow extend-runway {} --to 36h` buys time",
                entry.facts.key
            )
        }
        (_, None) => "how long the leader keeps what it needs is not known".to_owned(),
    }
}
