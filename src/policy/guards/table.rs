//! The list of guards: name, when it applies, what it checks.

use crate::domain::cause::{Cause, Remedy};
use crate::policy::guards::read::{Check, cause};
use crate::policy::guards::{
    Question, Stage, WARM_UP, beside, cluster, copies, identity, limits, others, shape, standing,
};

/// One guard.
pub(super) struct Guard {
    /// Stable `snake_case` name (metric label `guard`).
    pub(super) name: &'static str,
    /// Whether it is asked at all.
    pub(super) applies: fn(&Question<'_>) -> bool,
    /// What it says.
    pub(super) check: fn(&Question<'_>) -> Check,
}

const fn guard(
    name: &'static str,
    applies: fn(&Question<'_>) -> bool,
    check: fn(&Question<'_>) -> Check,
) -> Guard {
    Guard { name, applies, check }
}

/// Finishing what the PUT began is not held by people's switches, limits or wishes (contract, *A
/// run in flight*), only by what would make the request wrong or refused.
fn finishing(q: &Question<'_>) -> bool {
    matches!(q.stage, Stage::BeforeResumeRestored | Stage::BeforeFollowNew)
}

/// The follower exists: not between our delete and our new follow.
fn exists(q: &Question<'_>) -> bool {
    q.stage != Stage::BeforeFollowNew
}

/// The follower was deleted by us: what makes the new follow wrong or refused is asked again.
fn new(q: &Question<'_>) -> bool {
    q.stage == Stage::BeforeFollowNew
}

/// A copy is about to begin, over a closed index or under a free name.
fn copied(q: &Question<'_>) -> bool {
    recreate(q) || new(q)
}

fn starting_or_new(q: &Question<'_>) -> bool {
    starting(q) || new(q)
}

fn deletes(q: &Question<'_>) -> bool {
    q.remedy == Remedy::DeleteAndFollow && starting(q)
}

fn always(_: &Question<'_>) -> bool {
    true
}

/// Every stage but finishing.
fn starting(q: &Question<'_>) -> bool {
    !finishing(q)
}

/// Before anything of the run was done to the follower.
fn untouched(q: &Question<'_>) -> bool {
    matches!(q.stage, Stage::Plan | Stage::BeforeRun | Stage::BeforePause)
}

fn recreate(q: &Question<'_>) -> bool {
    q.remedy.destroys() && starting(q)
}

fn recreate_open(q: &Question<'_>) -> bool {
    q.remedy == Remedy::Recreate && starting(q) && !q.stage.closed() && !is_beside(q)
}

/// The copy is made under another name, and the follower is left as it is.
fn is_beside(q: &Question<'_>) -> bool {
    q.wishes.beside.is_some()
}

fn side_by_side(q: &Question<'_>) -> bool {
    is_beside(q) && starting(q)
}

/// The follower's own copy is given up.
fn in_place(q: &Question<'_>) -> bool {
    recreate(q) && !is_beside(q)
}

/// A resume, until it is sent.
fn resume(q: &Question<'_>) -> bool {
    q.remedy == Remedy::Resume
}

/// Ours to have left: after the pause of this run.
fn touched(q: &Question<'_>) -> bool {
    matches!(
        q.stage,
        Stage::BeforeResume
            | Stage::BeforeClose
            | Stage::BeforeForget
            | Stage::BeforeFollow
            | Stage::BeforeDelete
    )
}

fn closed(q: &Question<'_>) -> bool {
    q.stage.needs_fresh_answers()
}

fn needs_snapshot(q: &Question<'_>) -> bool {
    in_place(q)
        && (matches!(cause(q), Cause::LeaderReplaced | Cause::LeaderRewound)
            || !q.wishes.overrides.is_empty())
}

/// In the order in which a person wants to read them: whether at all, whose it is, who stands in
/// the way, whether something would be lost, whether it would work.
pub(super) const GUARDS: &[Guard] = &[
    // People and limits.
    guard("mode", starting, limits::mode),
    guard("brakes", starting, limits::brakes),
    guard("brake_file", starting, limits::brake_file),
    guard(WARM_UP, untouched, limits::warm_up),
    guard("window", recreate, limits::window),
    guard("breaker", recreate, limits::breaker),
    guard("budget", untouched, limits::budget),
    guard("blockers", starting, limits::blockers),
    // Observe only (end of safety.md).
    guard("leader_looked_at", starting_or_new, identity::leader_looked_at),
    guard("not_followed_itself", starting, identity::not_followed_itself),
    guard("one_way", starting, identity::one_way),
    guard("data_stream", starting, identity::data_stream),
    guard("no_upgrade", starting, cluster::no_upgrade),
    guard("no_other_installation", starting, identity::no_other_installation),
    guard(
        "cluster_configured_once",
        starting,
        identity::cluster_configured_once,
    ),
    guard("not_a_system_index", starting, identity::not_a_system_index),
    // Standing.
    guard("cause_allows", untouched, standing::cause_allows),
    guard("mild_first", recreate, standing::mild_first),
    guard("fatal_or_approved", untouched, standing::fatal_or_approved),
    guard("not_paused_by_people", untouched, standing::not_paused_by_people),
    guard("follower_open", untouched, standing::follower_open),
    guard("as_we_left_it", touched, standing::as_we_left_it),
    guard("no_other_run", always, limits::no_other_run),
    guard("beside_copy", in_place, beside::beside_copy),
    guard(
        "snapshot_of_follower",
        needs_snapshot,
        identity::snapshot_of_follower,
    ),
    // Identity.
    guard("is_follower", exists, identity::is_follower),
    guard("same_follower", exists, identity::same_follower),
    guard("not_a_write_index", deletes, identity::not_a_write_index),
    guard("data_gone", deletes, copies::data_gone),
    guard("name_free", new, identity::name_free),
    guard("beside_name", side_by_side, beside::beside_name),
    guard(
        "beside_no_data_stream",
        side_by_side,
        beside::beside_no_data_stream,
    ),
    guard(beside::ALIAS_COUNTS_ONCE, side_by_side, beside::alias_counts_once),
    guard("clusters_pinned", always, identity::clusters_pinned),
    guard("alias_proven", starting_or_new, identity::alias_proven),
    guard("leader_open", always, identity::leader_open),
    guard("same_leader", always, identity::same_leader),
    guard("same_history", always, identity::same_history),
    guard("fresh_answers", closed, limits::fresh_answers),
    // Never the last good copy.
    guard("leader_healthy", always, copies::leader_healthy),
    guard("documents_not_fewer", recreate, copies::documents),
    guard("sequence_numbers_not_lower", recreate, copies::sequence_numbers),
    guard("not_below_remembered", copied, copies::not_below_remembered),
    // Others at work.
    guard("no_snapshot_or_restore", recreate, others::no_snapshot_or_restore),
    guard("follower_ilm", starting, others::follower_ilm),
    guard("leader_ilm", copied, others::leader_ilm),
    guard("auto_follow", recreate, others::auto_follow),
    guard("lease", in_place, standing::lease),
    // Whether it would work.
    guard("remote_connected", always, cluster::remote_connected),
    guard("follower_license", always, cluster::follower_license),
    guard("leader_license", always, cluster::leader_license),
    guard("versions", starting_or_new, cluster::versions),
    guard("shards_equal", exists, shape::shards_equal),
    guard("leader_followable", always, shape::leader_followable),
    guard("settings_equal", resume, shape::settings_equal),
    guard("following_setting", resume, shape::following_setting),
    guard("follower_primaries", resume, standing::follower_primaries),
    guard("follower_blocks", starting, shape::follower_blocks),
    guard("leader_blocks", copied, shape::leader_blocks),
    guard("leader_allocation", copied, shape::leader_allocation),
    guard("disk", copied, cluster::disk),
    guard("remote_client_node", always, cluster::remote_client),
    guard("allocation_enabled", copied, cluster::allocation_enabled),
    guard("task_assignment", always, cluster::task_assignment),
    guard("clusters_at_ease", untouched, cluster::clusters_at_ease),
    guard("follower_cluster_calm", recreate, cluster::follower_cluster_calm),
    guard("leader_cluster_calm", recreate, cluster::leader_cluster_calm),
    guard("close_enabled", recreate_open, cluster::close_enabled),
    guard("room_to_reopen", recreate_open, cluster::room_to_reopen),
    guard("room_for_copy", side_by_side, beside::room_for_copy),
    guard("copy_privileges", side_by_side, beside::copy_privileges),
    guard("follower_privileges", always, others::follower_privileges),
    guard("leader_privileges", always, others::leader_privileges),
];
