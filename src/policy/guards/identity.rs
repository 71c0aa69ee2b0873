//! Guards of identity: the follower, the leader, their clusters and the alias are what the plan says.

use std::collections::BTreeSet;

use crate::domain::cause::{Cause, Remedy};
use crate::domain::ids::ClusterUuid;
use crate::domain::installation::{self, Marked};
use crate::domain::seen::Seen;
use crate::domain::time::{Span, after, millis_between};
use crate::policy::guards::read::{
    Check, Hold, ask, block, cause, followed_histories, followed_uuid, follower_stats, gone_shards,
    leader_may_differ, leader_stats, need, shard_count, told, tolerated, unknown,
};
use crate::policy::guards::{Question, Stage};

/// A task that was seen reading so recently proves where the alias leads.
const READING_LATELY: Span = Span::from_mins(15);

/// Two counts taken further apart than this are not compared, in milliseconds.
const TOGETHER_MILLIS: i64 = 10_000;

/// Reference guard 1: `_ccr/info` lists it, so it carries CCR metadata. A PUT follow does not check
/// that itself and would overwrite any closed index (reference finding 9).
pub(super) fn is_follower(q: &Question<'_>) -> Check {
    if q.run.is_some_and(|run| run.unfollowed_by_us) && q.facts.follower.info.now().is_absent() {
        return Ok(format!("{} was unfollowed by this run, as approved", q.facts.key));
    }
    let info = need(&q.facts.follower.info, "the follower's `_ccr/info`")?;
    let wrong = |what: &str, have: &str, want: &str| {
        Err(block(format!(
            "`_ccr/info` says that it follows {what} {have}, not {want}"
        )))
    };
    if let (Some(have), Some(want)) = (&info.remote, &q.facts.remote)
        && have != want
    {
        return wrong("through", have.as_str(), want.as_str());
    }
    if let (Some(have), Some(want)) = (&info.leader_index, &q.facts.leader_index)
        && have != want
    {
        return wrong("the index", have.as_str(), want.as_str());
    }
    if let Some(run) = q.run {
        if let Some(have) = &info.remote
            && *have != run.basis.remote
        {
            return wrong("through", have.as_str(), run.basis.remote.as_str());
        }
        if let Some(have) = &info.leader_index
            && *have != run.basis.leader
        {
            return wrong("the index", have.as_str(), run.basis.leader.as_str());
        }
    }
    Ok(format!("`_ccr/info` lists {}", q.facts.key))
}

/// The index is still the one that was planned for, by UUID.
pub(super) fn same_follower(q: &Question<'_>) -> Check {
    let have = told(q.facts.follower_uuid(), "the follower's UUID")?;
    let want = q
        .run
        .map(|run| run.born.as_ref().unwrap_or(&run.basis.follower_uuid))
        .or(q.memory.follower_index_uuid.as_ref());
    match want {
        Some(want) if *want != have => Err(block(format!(
            "the follower is another index: its UUID is {have} and was {want}"
        ))),
        Some(_) => Ok(format!("the follower's UUID is {have}, as before")),
        None if q.stage == Stage::Plan => Ok(format!("the follower's UUID is {have}; the plan pins it")),
        None => Err(unknown("no UUID of the follower is remembered or planned")),
    }
}

/// `cluster_uuid` of both sides is the pinned one, on the URL that is asked.
pub(super) fn clusters_pinned(q: &Question<'_>) -> Check {
    let follower = need(&q.facts.follower.root, "`GET /` of the follower cluster")?;
    let leader = need(&q.facts.leader.root, "`GET /` of the leader cluster")?;
    let follower = told(follower.cluster_uuid.as_ref(), "the follower cluster's UUID")?;
    let leader = told(leader.cluster_uuid.as_ref(), "the leader cluster's UUID")?;
    if follower == leader {
        return Err(block(format!(
            "follower and leader cluster have the same cluster_uuid {follower}"
        )));
    }
    let planned = q.run.map(|run| &run.basis);
    for (side, have, remembered, planned) in [
        (
            "follower",
            follower,
            q.memory.follower_cluster_uuid.as_ref(),
            planned.map(|basis| &basis.cluster_uuid),
        ),
        (
            "leader",
            leader,
            q.memory.leader_cluster_uuid.as_ref(),
            planned.and_then(|basis| basis.leader_cluster_uuid.as_ref()),
        ),
    ] {
        let pins: Vec<&ClusterUuid> = [remembered, planned].into_iter().flatten().collect();
        if let Some(want) = pins.iter().find(|want| **want != have) {
            return Err(block(format!(
                "the {side} cluster is another one: its cluster_uuid is {have} and was {want}"
            )));
        }
        if pins.is_empty() && q.stage != Stage::Plan {
            return Err(unknown(format!(
                "no cluster_uuid of the {side} cluster is remembered or planned"
            )));
        }
    }
    Ok(format!(
        "cluster_uuid is {follower} here and {leader} at the leader"
    ))
}

/// Observe only: two entries of the configuration are the same cluster.
pub(super) fn cluster_configured_once(q: &Question<'_>) -> Check {
    if q.world.duplicate_cluster_uuid {
        return Err(block(
            "observe only: two [[clusters]] entries show the same cluster_uuid",
        ));
    }
    Ok("each [[clusters]] entry is another cluster".to_owned())
}

/// Observe only: the leader cluster is configured and can be looked at.
pub(super) fn leader_looked_at(q: &Question<'_>) -> Check {
    let Some(cluster) = &q.facts.leader_cluster else {
        return Err(block(
            "observe only: no [[clusters]] entry stands behind the alias (`remotes = { … }`), so the leader cannot be looked at",
        ));
    };
    leader_stats(q)?;
    Ok(format!("the leader cluster {cluster} was looked at directly"))
}

/// Reference guard 3: the leader index exists and is open.
pub(super) fn leader_open(q: &Question<'_>) -> Check {
    let open = match q.facts.leader.meta.now() {
        Seen::Absent => return Err(block("the leader index does not exist on the leader cluster")),
        Seen::Present(meta) => meta.open,
        Seen::Unknown(_) => None,
    };
    // Statistics of a closed index are refused, so those of a primary prove that it is open.
    let by_stats = || {
        let stats = leader_stats(q)?;
        if stats.primaries.is_empty() {
            return Err(unknown("whether the leader index is open could not be read"));
        }
        Ok(true)
    };
    let open = match open {
        Some(open) => open,
        None => by_stats()?,
    };
    if !open {
        return Err(block("the leader index is closed"));
    }
    Ok("the leader index exists and is open".to_owned())
}

/// The leader has the UUID that is followed; for a leader known to be another one, the UUID that
/// the plan names.
pub(super) fn same_leader(q: &Question<'_>) -> Check {
    need(
        &q.facts.leader.index,
        "the leader's statistics (`_stats?level=shards`)",
    )?;
    let have = told(q.facts.leader_uuid(), "the leader's UUID")?;
    if let Some(planned) = q.run.and_then(|run| run.basis.leader_uuid.as_ref())
        && *planned != have
    {
        return Err(block(format!(
            "the leader is another index than planned: its UUID is {have} and was {planned}"
        )));
    }
    let followed = followed_uuid(q);
    if leader_may_differ(q) {
        return Ok(format!(
            "the leader's UUID is {have}, the plan names it, and {} was followed",
            followed.map_or("an unknown one", |uuid| uuid.as_str())
        ));
    }
    let followed = followed.ok_or_else(|| unknown("the UUID of the leader that is followed is not known"))?;
    if *followed != have {
        return Err(block(format!(
            "the leader's UUID is {have}, the one followed is {followed}"
        )));
    }
    if let Some(remembered) = &q.memory.leader_index_uuid
        && *remembered != have
    {
        return Err(block(format!(
            "the leader's UUID is {have}, remembered is {remembered}"
        )));
    }
    Ok(format!("the leader's UUID is {have}, the one followed"))
}

/// Every leader shard has the history that is followed; for a leader whose history is known to be
/// another one, the history that the plan names.
pub(super) fn same_history(q: &Question<'_>) -> Check {
    let stats = leader_stats(q)?;
    let shards = shard_count(q)?;
    let followed = followed_histories(q);
    if !leader_may_differ(q) && followed.is_none() {
        return Err(unknown(
            "the history UUIDs that are followed are not known (before 8.x they are only remembered from when the follower was well)",
        ));
    }
    for shard in 0..shards {
        let have = told(
            stats
                .primaries
                .get(&shard)
                .and_then(|primary| primary.history_uuid.as_ref()),
            &format!("the history UUID of leader shard {shard}"),
        )?;
        let index = usize::try_from(shard).unwrap_or(usize::MAX);
        if let Some(run) = q.run
            && let Some(planned) = run
                .basis
                .shards
                .get(index)
                .and_then(|shard| shard.present.as_ref())
            && planned != have
        {
            return Err(block(format!(
                "leader shard {shard} has history {have}, planned was {planned}"
            )));
        }
        if leader_may_differ(q) {
            continue;
        }
        let want = told(
            followed.and_then(|all| all.get(index)),
            &format!("the history followed of shard {shard}"),
        )?;
        if want != have {
            return Err(block(format!(
                "leader shard {shard} has history {have}, followed is {want}"
            )));
        }
    }
    Ok(format!(
        "the history UUIDs of all {shards} leader shards are as followed"
    ))
}

/// Safety 4: the alias leads to the cluster that was looked at.
///
/// Its addresses are those of when the follower's lease was last seen fresh there, and something
/// was read *through* it that agrees with the direct look: documents read through it, a task that
/// read lately (the leader checks index and history of every read), or a `resume_follow` that the
/// server accepted (it compares index and history UUIDs through the alias, reference 3.5). While
/// the plan's own resume is still ahead, that resume gives the proof, and recreate waits for it.
pub(super) fn alias_proven(q: &Question<'_>) -> Check {
    let remote = need(&q.facts.follower.remote, "the alias in `_remote/info`")?;
    if remote.addresses.is_empty() {
        return Err(unknown("`_remote/info` does not tell what the alias leads to"));
    }
    leader_stats(q)?;
    let now: BTreeSet<&str> = remote.addresses.iter().map(String::as_str).collect();
    let shown = remote.addresses.join(", ");
    let unchanged = match &q.memory.remote_addresses {
        Some(before) => {
            let then: BTreeSet<&str> = before.iter().map(String::as_str).collect();
            if then != now {
                return Err(block(format!(
                    "the alias leads to {shown}, and to {} when the follower's lease was last seen fresh there",
                    before.join(", ")
                )));
            }
            true
        }
        None => false,
    };
    let through = read_through(q)?;
    let resume_ahead = resume_is_ahead(q);
    let accepted = resume_accepted(q);
    // An accepted resume compared the identities on the other side of the alias as it is now.
    if accepted || (unchanged && through.is_some()) {
        return Ok(format!(
            "the alias leads to {shown}{}; {}",
            if unchanged { ", as before" } else { "" },
            through.unwrap_or_else(|| "the server accepted a resume through it".to_owned())
        ));
    }
    if resume_ahead {
        return Ok(format!(
            "the alias leads to {shown}{}; the resume that comes first proves it (the server compares index and history through it), recreate waits for that",
            if unchanged { ", as before" } else { "" }
        ));
    }
    if !unchanged {
        return Err(unknown(format!(
            "the alias leads to {shown}; where it led when the follower was well is not remembered, and no resume has proven it"
        )));
    }
    Err(unknown(format!(
        "the alias leads to {shown}, as before, but nothing was read through it that could be compared with the direct look"
    )))
}

/// What was read through the alias, where it agrees with the direct look. Both are counts by
/// search, taken within ten seconds of each other; `_stats` counts nested documents as well and
/// compares with nothing here.
fn read_through(q: &Question<'_>) -> Result<Option<String>, Hold> {
    let (through, direct) = (&q.facts.follower.count_through_alias, &q.facts.leader.count);
    if through.now().is_absent() {
        return Err(block(
            "through the alias the leader index does not exist, by the direct look it does",
        ));
    }
    if let (Some(through), Some(direct)) = (through.last(), direct.last())
        && let (Some(there), Some(here)) = (through.value.present(), direct.value.present())
        && millis_between(through.at, direct.at).abs() <= TOGETHER_MILLIS
    {
        // A leader that is written to grows between the two looks; a half-filled standby, which this
        // is about, lacks far more than a twentieth.
        let larger = (*here).max(*there);
        let allowed = tolerated(larger, q.settings.document_tolerance.max(0.05));
        if there.saturating_add(allowed) < *here {
            return Err(block(format!(
                "through the alias the leader has {there} documents, by the direct look {here} ({allowed} may differ)"
            )));
        }
        // More may be a leader that is written to between the two looks, which proves nothing;
        // nor do equal counts of nothing.
        if there.abs_diff(*here) <= allowed && *here > 0 {
            return Ok(Some(format!(
                "through it the leader has {there} documents, by the direct look {here}"
            )));
        }
    }
    let reading = q
        .memory
        .last_renewing_at
        .filter(|at| after(*at, READING_LATELY) > q.world.now && *at <= q.world.now);
    Ok(reading.map(|at| format!("the follower's task read through it until {at}")))
}

fn resume_accepted(q: &Question<'_>) -> bool {
    if q.run.is_some_and(|run| run.resume_accepted_at.is_some()) {
        return true;
    }
    // An earlier resume counts if the present fatal exception came after it.
    match (q.memory.resume_accepted_at, q.memory.fatal_since) {
        (Some(accepted), Some(fatal)) => accepted <= fatal && q.verdict.cause != Cause::Unknown,
        _ => false,
    }
}

/// Whether a resume rung comes before anything that destroys, and was not tried yet.
fn resume_is_ahead(q: &Question<'_>) -> bool {
    let ladder = q
        .run
        .map_or(q.verdict.ladder.as_slice(), |run| run.basis.ladder.as_slice());
    if q.remedy == Remedy::Resume {
        return true;
    }
    matches!(q.stage, Stage::Plan | Stage::BeforeRun)
        && ladder
            .iter()
            .take_while(|rung| !rung.destroys())
            .any(|rung| *rung == Remedy::Resume)
}

/// Reference guard 23, observe only: nobody follows this follower.
pub(super) fn not_followed_itself(q: &Question<'_>) -> Check {
    let stats = follower_stats(q)?;
    let shards = shard_count(q)?;
    let gone = gone_shards(q)?;
    for shard in (0..shards).filter(|shard| !gone.contains(shard)) {
        let leases = told(
            stats
                .primaries
                .get(&shard)
                .and_then(|primary| primary.leases.as_ref()),
            &format!("the retention leases of follower shard {shard}"),
        )?;
        if let Some(lease) = leases
            .iter()
            .find(|lease| lease.source.as_deref() == Some("ccr") || lease.id.as_str().contains("-following-"))
        {
            return Err(block(format!(
                "observe only: the follower is itself followed (lease {} on shard {shard}); its followers would turn fatal",
                lease.id
            )));
        }
    }
    Ok(format!(
        "no CCR lease stands on any of the follower's {shards} shards{}",
        if gone.is_empty() { "" } else { " that have data" }
    ))
}

/// Observe only: the pair does not replicate both ways under one name.
pub(super) fn one_way(q: &Question<'_>) -> Check {
    match &q.world.both_ways {
        Seen::Present(true) => Err(block(
            "observe only: the pair replicates both ways under one name",
        )),
        Seen::Present(false) | Seen::Absent => {
            Ok("the leader index follows nothing under this name".to_owned())
        }
        Seen::Unknown(why) => Err(unknown(format!(
            "whether the leader is itself a follower could not be read: {why}"
        ))),
    }
}

/// Observe only: no second refollow installation writes to this cluster. The first that begins a
/// run there leaves its name in the cluster's settings.
pub(super) fn no_other_installation(q: &Question<'_>) -> Check {
    let own = q.world.installation.as_deref();
    match installation::seen(
        q.facts
            .follower
            .cluster_settings
            .now()
            .map(|settings| &**settings),
        own,
        q.world.now,
    ) {
        Seen::Present(Marked::Ours { .. }) => {
            Ok("the cluster's marker names this installation of refollow".to_owned())
        }
        Seen::Present(Marked::No) => Ok(format!(
            "no installation of refollow has marked this cluster (`{}`); the first run here does",
            installation::MARKER
        )),
        Seen::Present(Marked::Another(name, until)) => Err(block(format!(
            "observe only: another installation of refollow ({name}) acts on this cluster, {}; where it is gone, take its marker away: {}",
            until.map_or_else(
                || "by a marker that does not run out".to_owned(),
                |until| format!("until {until} unless it acts again")
            ),
            installation::REMOVE
        ))),
        Seen::Absent => Err(unknown(
            "whether another refollow installation acts here is not known",
        )),
        Seen::Unknown(why) => Err(unknown(format!(
            "whether another refollow installation acts here could not be read: {why}"
        ))),
    }
}

/// The leader is another index or went back, or a guard of the last good copy is overridden: a
/// finished snapshot of the follower, named in the plan, stands for the copy that is given up
/// (contract, *Proof of identity*).
pub(super) fn snapshot_of_follower(q: &Question<'_>) -> Check {
    let Some(wanted) = &q.wishes.snapshot else {
        return Err(block(format!(
            "`{}` gives up the follower's copy only for a finished snapshot of it: take one and name it (`refollow recreate {key} --snapshot <repository>/<snapshot>`), or leave the copy as it is (`refollow recreate {key} --side-by-side <new index>`)",
            cause(q),
            key = q.facts.key
        )));
    };
    let found = need(&q.facts.follower.snapshot, &format!("the snapshot {wanted}"))?;
    if found.name != *wanted {
        return Err(unknown(format!("the snapshot {wanted} was not asked for yet")));
    }
    if found.state != "SUCCESS" || found.failed_shards != Some(0) {
        return Err(block(format!(
            "the snapshot {wanted} is {} ({} of its shards failed), it must be SUCCESS",
            found.state,
            found
                .failed_shards
                .map_or_else(|| "an unknown number".to_owned(), |count| count.to_string())
        )));
    }
    let index = &q.facts.key.index;
    if !found.indices.iter().any(|name| name == index.as_str()) {
        return Err(block(format!("the snapshot {wanted} does not contain `{index}`")));
    }
    let began = told(found.started_at, "when the snapshot began")?;
    // What it replicated after that came from the leader that is there now.
    let stopped = q.memory.last_well_at.max(q.memory.fatal_since);
    let stopped = stopped.ok_or_else(|| {
        unknown("when the follower stopped following its leader is not remembered, so that it cannot be told whether the snapshot is of all it had")
    })?;
    if began < stopped {
        return Err(block(format!(
            "the snapshot {wanted} began at {began}, and the follower was still following at {stopped}: take another"
        )));
    }
    Ok(format!(
        "the snapshot {wanted} of `{index}` is finished; it began at {began}, after the follower had stopped at {stopped}"
    ))
}

/// The write index of a data stream cannot be deleted (measured 44: refused with 400).
pub(super) fn not_a_write_index(q: &Question<'_>) -> Check {
    let version = need(&q.facts.follower.root, "`GET /` of the follower cluster")?.version;
    if (version.major, version.minor) < (7, 9) {
        return Ok(format!("Elasticsearch {version} has no data streams"));
    }
    let Some(stream) = ask(&q.facts.follower.data_stream, "whether it backs a data stream")? else {
        return Ok("it backs no data stream".to_owned());
    };
    match q.facts.follower.data_stream_write.now() {
        Seen::Present(false) => Ok(format!(
            "it backs the data stream `{stream}` and is not its write index"
        )),
        Seen::Present(true) => Err(block(format!(
            "it is the write index of the data stream `{stream}`, which Elasticsearch does not delete: roll the stream over on the leader cluster first"
        ))),
        _ => Err(unknown(format!(
            "whether it is the write index of the data stream `{stream}` could not be read"
        ))),
    }
}

/// The name is free: nothing that somebody else made meanwhile is followed over.
pub(super) fn name_free(q: &Question<'_>) -> Check {
    if !q.facts.follower.meta.now().is_absent() {
        return Err(unknown(
            "it was not seen that no index of the name exists in the follower cluster",
        ));
    }
    Ok("no index of the name exists in the follower cluster".to_owned())
}

/// Names starting with `.` are system indices, which CCR does not support; backing indices are not.
pub(super) fn not_a_system_index(q: &Question<'_>) -> Check {
    let name = q.facts.key.index.as_str();
    if name.starts_with('.') && !name.starts_with(".ds-") {
        return Err(block(format!("`{name}` is named like a system index")));
    }
    Ok(format!("`{name}` is not a system index"))
}

/// Data streams (reference guard 18): known, of a version that keeps them whole, still replicated.
pub(super) fn data_stream(q: &Question<'_>) -> Check {
    let root = need(&q.facts.follower.root, "`GET /` of the follower cluster")?;
    let version = root.version;
    if (version.major, version.minor) < (7, 9) {
        return Ok(format!("Elasticsearch {version} has no data streams"));
    }
    let Some(stream) = ask(&q.facts.follower.data_stream, "whether it backs a data stream")? else {
        return Ok("it backs no data stream".to_owned());
    };
    if (version.major, version.minor) < (8, 3) {
        return Err(block(format!(
            "observe only: it backs the data stream `{stream}`, and Elasticsearch {version} can corrupt a data stream when a backing index is followed again (fixed in 8.3)"
        )));
    }
    match q.facts.follower.data_stream_replicated.now() {
        Seen::Present(true) => Ok(format!(
            "it backs the data stream `{stream}`, which is still replicated"
        )),
        Seen::Present(false) => Err(block(format!(
            "the data stream `{stream}` is no longer marked as replicated (it was promoted): it cannot be followed again"
        ))),
        _ => Err(unknown(format!(
            "whether the data stream `{stream}` is still replicated could not be read"
        ))),
    }
}
