//! How much of a cause's ladder may stand on what is known (contract, *Proof of identity* and
//! *Boldness*; safety 4, 10, 11).
//!
//! A rung that a missing answer could have forbidden is not kept: the destructive ones need the
//! leader's identity, the follower's own word that it is one, a connected remote and a leader
//! that is not behind; a resume needs the follower's word that somebody's pause is not in the way.
//! So deleting or mangling an answer only ever takes rungs away.

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::state::State;
use crate::domain::verdict::Identity;
use crate::judge::case::{Case, newest};
use crate::judge::known;
use crate::judge::remote;
use crate::judge::rewound::behind;
use crate::judge::task;

/// Ladder and approval of a cause on these facts.
pub(super) fn of(case: &Case<'_>, named: Cause, identity: Identity) -> (Vec<Remedy>, Approval) {
    let mut ladder = named.ladder().to_vec();
    let whole = ladder.len();
    if !may_destroy(case, named, identity) {
        ladder.retain(|remedy| !remedy.destroys());
    }
    let lost_destruction = ladder.len() < whole;
    if !may_resume(case, named, identity) {
        ladder.retain(|remedy| *remedy != Remedy::Resume);
    }
    if ladder.len() == whole {
        return (ladder, named.approval());
    }
    let bold = ladder.iter().any(|remedy| remedy.boldness() > 0);
    if (lost_destruction || !bold) && !ladder.contains(&Remedy::Human) && !ladder.contains(&Remedy::Wait) {
        ladder.push(Remedy::Human);
    }
    let approval = if !bold || named == Cause::HistoryLost {
        Approval::Never
    } else {
        named.approval()
    };
    (ladder, approval)
}

/// Whether rungs that destroy the local copy may stand.
fn may_destroy(case: &Case<'_>, named: Cause, identity: Identity) -> bool {
    // Without the follower's own word it may be an ordinary index by now.
    if case.info().is_none() || !known::licences_are_whole(case) {
        return false;
    }
    match named {
        Cause::LeaderReplaced => known::another_index_is_known(case) && known::same_cluster(case),
        Cause::LeaderRewound => known::leader_is_known(case) && known::same_cluster(case),
        Cause::RestoreFailed => {
            // A recovery that still runs on another shard forbids it.
            identity == Identity::Proven
                && (case.recovery().is_some() || case.routing().is_some())
                && known::leader_look_is_whole(case)
        }
        Cause::HistoryLost => {
            identity == Identity::Proven
                && case.active()
                && known::tasks_are_of_the_newest_look(case)
                && known::first_look_is_whole(case)
                && known::follower_can_write(case)
                && known::primaries_are_there(case)
                && known::leader_is_followable(case)
                && known::leader_was_looked_at_now(case)
                && known::leader_look_is_whole(case)
                && remote_connected(case)
                && !known::another_cause_may_be_rising(case)
                && !leader_may_be_behind(case)
        }
        Cause::SettingsDiverged | Cause::FollowerRewritten => {
            identity == Identity::Proven
                && known::first_look_is_whole(case)
                && known::follower_can_write(case)
                && known::primaries_are_there(case)
                && known::leader_is_followable(case)
                && known::leader_look_is_whole(case)
                && remote_connected(case)
                && !known::another_cause_may_be_rising(case)
                && !leader_may_be_behind(case)
        }
        _ => true,
    }
}

/// The remote is known to be connected now, and by the addresses that are remembered.
fn remote_connected(case: &Case<'_>) -> bool {
    newest(&case.facts.follower.remote).is_some_and(|(_, remote)| remote.connected == Some(true))
}

/// A leader that was looked at is behind the follower on a shard (seen once it is not yet
/// `leader_rewound`, but no reason to copy it), or its sequence numbers cannot be read.
fn leader_may_be_behind(case: &Case<'_>) -> bool {
    let Some((seen, stats)) = newest(&case.facts.leader.index) else {
        // Proven by an accepted resume alone; the guards look again before anything happens.
        return !case.facts.leader.index.0.is_empty();
    };
    behind(case, seen, stats).is_some()
        || stats
            .primaries
            .values()
            .any(|primary| primary.max_seq_no.is_none() || primary.global_checkpoint.is_none())
}

/// Causes of the way between the clusters, which the contract puts before `follower_closed` and
/// `paused`: their whole row stands then too. Not `credentials`, which on a paused follower rests on
/// a refused resume alone, as any proxy may refuse it.
fn is_of_the_way(named: Cause) -> bool {
    matches!(named, Cause::RemoteUnreachable | Cause::RemoteNotConfigured)
}

/// Whether a resume may stand.
fn may_resume(case: &Case<'_>, named: Cause, identity: Identity) -> bool {
    if named == Cause::RestoredNotFollowing {
        // The rule itself has seen our own follow and the pause. Remembered as following, without
        // the time: it may have followed since, and then somebody paused it (safety 11).
        let memory = case.memory;
        let followed_since = memory.last_well_at.is_none()
            && memory.last_renewing_at.is_none()
            && matches!(memory.last_state, Some(State::Following | State::CatchingUp));
        return !followed_since;
    }
    if named == Cause::RemoteNotConfigured && !remote::not_configured_is_confirmed(case) {
        return false;
    }
    // A leader cluster that nobody reaches is what an unreachable remote looks like from here.
    let whole = known::licences_are_whole(case) && known::leader_look_is_whole(case)
        || is_of_the_way(named) && known::leader_cluster_is_silent(case);
    if !whole && named != Cause::HistoryLost {
        return false;
    }
    if is_of_the_way(named) && (case.paused().is_some() || case.known_closed().is_some()) {
        // What it takes once the way is open again, whoever paused or closed it: that is left alone
        // by the guards `not_paused_by_people` and `follower_open`. A copy that is not whole is not
        // resumed (recordings 20, 36).
        return case.red().is_none() && case.restoring().is_none();
    }
    if case.paused().is_some() {
        // Unknown who paused means somebody paused (safety 11).
        return case.memory.own_run.as_ref().is_some_and(|run| run.paused);
    }
    // Known to have tasks: `_ccr/info` says so, or the newest statistics list them.
    let has_tasks = case.active() || case.stats().is_some();
    if !has_tasks || case.known_closed().is_some() {
        return false;
    }
    match named {
        // The contract's own floor: a resume is what gives the proof that is missing.
        Cause::HistoryLost => !task::leader_may_be_gone(case) || identity == Identity::Proven,
        // It may be deleted: a look at the leader must have shown that it is there, and the same.
        Cause::Unclassified => {
            case.unreadable_fatal().is_none()
                && case.unlisted_shards().is_none()
                && known::tasks_are_of_the_newest_look(case)
                && remote_connected(case)
                && !known::another_cause_may_be_rising(case)
                && !known::load_may_be_rising(case)
                && (!task::leader_may_be_gone(case) || identity == Identity::Proven)
        }
        // Replication itself leaves the follower closed (recording 34), which only its settings or
        // its metadata show; a resume does not open it.
        Cause::LeaderChangeRejected | Cause::FollowerRewritten => {
            known::tasks_are_of_the_newest_look(case) && known::follower_can_write(case)
        }
        // Writes that fail are what a block shows; a resume does not lift one.
        Cause::Stalled => {
            known::tasks_are_of_the_newest_look(case)
                && case.unlisted_shards().is_none()
                && !known::another_cause_may_be_rising(case)
                && !known::load_may_be_rising(case)
                && (known::no_write_failed(case) || known::follower_can_write(case))
        }
        _ => known::tasks_are_of_the_newest_look(case),
    }
}
