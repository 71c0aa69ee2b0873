//! Moments of the recordings, labelled by what the scenario had done by then: the number of the
//! recording says what was broken, a word of its answers which moment it is.

use serde_json::{Value, json};

use super::labels::{Shelf, row};
use super::world::{Entry, Label};
use crate::judge::recorded::{Moment, moments, moments_of, versions};

/// The same moment as the daemon would write it: only this follower's part of each answer, and
/// without the calls that no rule of the judge reads.
pub fn small(moment: &Moment) -> Value {
    let mut evidence = moment.written();
    let unread = [
        "_nodes",
        "_cat",
        "_xpack",
        "pending_tasks",
        "_snapshot",
        "auto_follow",
        "_alias",
        "_cluster/settings",
        "_ilm",
    ];
    evidence["responses"].as_array_mut().unwrap().retain(|response| {
        !unread
            .iter()
            .any(|call| response["path"].as_str().unwrap().contains(call))
    });
    for response in evidence["responses"].as_array_mut().unwrap() {
        prune(&mut response["body"]);
    }
    evidence
}

/// Leaves out statistics and mappings that no rule reads: they are most of what clusters answer.
fn prune(value: &mut Value) {
    const UNREAD: &[&str] = &[
        "total",
        "indexing",
        "get",
        "search",
        "merges",
        "refresh",
        "flush",
        "warmer",
        "query_cache",
        "fielddata",
        "completion",
        "segments",
        "translog",
        "request_cache",
        "recovery",
        "bulk",
        "shard_path",
        "shard_stats",
        "mappings",
        "mappings_hash",
        "rollover_info",
        "in_sync_allocations",
        "_all",
        "allocation_id",
        "timestamp_range",
        "event_ingested_range",
        "dense_vector",
        "mapping_version",
        "aliases_version",
        "settings_version",
    ];
    match value {
        Value::Object(map) => {
            // `total` is a number where it is read (sizes, hits), an object where it is not.
            map.retain(|key, inner| {
                !UNREAD.contains(&key.as_str()) || !(inner.is_object() || inner.is_array())
            });
            map.values_mut().for_each(prune);
        }
        Value::Array(list) => list.iter_mut().for_each(prune),
        _ => {}
    }
}

fn says(moment: &Moment, text: &str) -> bool {
    moment.evidence["responses"].to_string().contains(text)
}

fn asks_everything(moment: &Moment) -> bool {
    moment.paths().len() > 8
}

/// What a daemon had remembered of the leader: here from the leader's own statistics in the same
/// moment, for scenarios in which the leader is still the one followed.
fn remembering_the_leader(moment: Moment) -> Moment {
    let known = moment.remembering_its_leader();
    known.unwrap_or_else(|| panic!("{}: the leader was not looked at", moment.recording))
}

/// Files of one recording: every moment that matches, on every version that recorded it.
fn take(
    shelf: &mut Shelf,
    number: &str,
    name: &str,
    matches: impl Fn(&Moment) -> bool,
    change: impl Fn(Moment) -> Moment,
    label: &Label,
) {
    let mut taken = 0;
    for version in versions(number) {
        let found: Vec<Moment> = moments(version, number)
            .into_iter()
            .filter(|moment| matches(moment))
            .collect();
        taken += found.len();
        for (at, moment) in found.into_iter().enumerate() {
            shelf.0.push(Entry {
                file: format!("{}/recorded-{number}-{name}-{version}-{at}.json", label.cause),
                evidence: small(&change(moment)),
                label: label.clone(),
            });
        }
    }
    assert!(taken > 0, "no version of {number} shows {name}");
}

fn active(moment: &Moment) -> bool {
    says(moment, "\"status\":\"active\"") && !says(moment, "\"status\":\"paused\"")
}

fn well(moment: &Moment) -> bool {
    active(moment) && says(moment, "\"read_exceptions\":[]") && !says(moment, "fatal_exception")
}

/// Adds the files.
#[expect(
    clippy::too_many_lines,
    reason = "a list of scenarios, read from top to bottom"
)]
pub fn add(shelf: &mut Shelf) {
    let same = |moment: Moment| moment;
    for number in ["01", "12", "18", "27", "31", "32", "35", "38"] {
        let label = row(
            "following",
            "none",
            "the recording shows it healthy or cured at this moment",
        );
        take(shelf, number, "well", well, same, &label);
    }
    let lost = |moment: &Moment| says(moment, "requested_operations_missing") && asks_everything(moment);
    for number in ["02", "50"] {
        let label = row(
            "fatal",
            "history_lost",
            "measured 02, 50; identity from the look at the leader and what was remembered",
        );
        take(shelf, number, "lost", lost, remembering_the_leader, &label);
        let label = row(
            "fatal",
            "history_lost",
            "contract, Proof of identity: the leader was not looked at",
        )
        .only(&["resume", "human"], "never");
        let unseen = |mut moment: Moment| {
            moment.evidence["leader_cluster"] = Value::Null;
            moment
        };
        take(shelf, number, "leader-unseen", lost, unseen, &label);
    }
    let paused = |moment: &Moment| {
        says(moment, "\"status\":\"paused\"")
            && !says(moment, "\"state\":\"close\"")
            && !says(moment, "\"red\"")
    };
    take(
        shelf,
        "02",
        "paused",
        paused,
        same,
        &row("paused", "paused", "somebody paused it"),
    );
    take(
        shelf,
        "05",
        "deleted",
        asks_everything,
        same,
        &row("fatal", "leader_deleted", "measured 05"),
    );
    take(
        shelf,
        "07",
        "closed",
        |moment| says(moment, "index_closed_exception"),
        same,
        &row(
            "following",
            "leader_closed",
            "measured 07; one look: the tasks' entry alone would not prove it, the leader does",
        ),
    );
    take(
        shelf,
        "10",
        "removed",
        |moment| says(moment, "no_such_remote_cluster_exception"),
        same,
        &row("following", "remote_not_configured", "measured 10"),
    );
    take(
        shelf,
        "17",
        "unfollowed",
        |moment| says(moment, "\"follower_indices\":[]"),
        same,
        &row("missing", "unfollowed", "measured 17"),
    );
    take(
        shelf,
        "48",
        "no-task",
        asks_everything,
        same,
        &row("stalled", "task_unassigned", "measured 48"),
    );
    take(
        shelf,
        "51",
        "licence",
        |moment| says(moment, "non-compliant"),
        same,
        &row("unknown", "license", "measured 51"),
    );
    take(
        shelf,
        "20",
        "copying",
        |moment| says(moment, "\"stage\":\"INDEX\""),
        same,
        &row("restoring", "restoring", "measured 20"),
    );
    take(
        shelf,
        "03",
        "failed",
        |moment| says(moment, "restore_in_progress"),
        remembering_the_leader,
        &row("red", "restore_failed", "measured 03"),
    );
    take(
        shelf,
        "36",
        "red",
        |moment| says(moment, "\"status\":\"red\""),
        same,
        &row(
            "red",
            "follower_unallocated",
            "measured 36: red after the start, _recovery {}; only our journal would tell",
        ),
    );
    let ours = |moment: Moment| {
        remembering_the_leader(moment).remembering(
            "own_run",
            json!({ "id": "r1", "paused": true, "closed": true, "followed": true, "at": "2026-11-23T08:00:00Z" }),
        )
    };
    take(
        shelf,
        "36",
        "red-ours",
        |moment| says(moment, "\"status\":\"red\""),
        ours,
        &row("red", "restore_failed", "measured 36 with our journal"),
    );
    take(
        shelf,
        "16",
        "closed",
        |moment| says(moment, "\"state\":\"close\""),
        same,
        &row("closed", "follower_closed", "measured 16"),
    );
    take(
        shelf,
        "34",
        "closed",
        |moment| says(moment, "fatal_exception"),
        same,
        &row(
            "closed",
            "follower_closed",
            "measured 34: left closed by replication itself",
        ),
    );
    take(
        shelf,
        "06",
        "replaced",
        |moment| says(moment, "\"_na_\"") || says(moment, "no_shard_available"),
        same,
        &row(
            "",
            "leader_replaced",
            "measured 06: another UUID in the leader's place",
        ),
    );
    several(shelf);
}

/// Puts one moment on the shelf, if it is the one that is meant.
fn keep(shelf: &mut Shelf, name: &str, version: &str, moment: &Moment, label: &Label) {
    let number = moment.recording.rsplit('/').next().unwrap();
    shelf.0.push(Entry {
        file: format!("{}/recorded-{number}-{name}-{version}.json", label.cause),
        evidence: small(moment),
        label: label.clone(),
    });
}

/// Recordings whose moments mean something only one after another, or for one of several followers.
fn several(shelf: &mut Shelf) {
    for version in versions("37") {
        restarted(shelf, version);
    }
    for version in versions("42") {
        unauthorized(shelf, version);
    }
    for version in versions("46") {
        let [early, .., late] = &moments(version, "46")[..] else {
            panic!("46: too few moments");
        };
        let why = "measured 46: one look with a read that failed; the leader's health is green";
        keep(shelf, "one-look", version, early, &row("following", "none", why));
        let why = "measured 46: it follows again; a refused resume before it says nothing of now";
        keep(shelf, "again", version, late, &row("following", "none", why));
    }
    for version in versions("49") {
        let [before, blocked, later, cured] = &moments(version, "49")[..] else {
            panic!("49: four moments");
        };
        let why = "measured 49: only the leader has a block";
        keep(shelf, "before", version, before, &row("following", "none", why));
        let why = "measured 49: the leader's write block was copied; the settings name it";
        keep(
            shelf,
            "copied",
            version,
            blocked,
            &row("following", "follower_blocked", why),
        );
        let later = later.clone().after(blocked);
        let why = "measured 49: failed_write_requests rising, 0 documents, no exception";
        keep(
            shelf,
            "rising",
            version,
            &later,
            &row("retrying", "follower_blocked", why),
        );
        let why = "measured 49: it goes on once the block is removed on the follower";
        keep(shelf, "removed", version, cured, &row("following", "none", why));
    }
    let label = row(
        "following",
        "none",
        "measured 13: one look at the statistics, and nothing names the block",
    );
    take(shelf, "13", "one-look", |_| true, |moment| moment, &label);
    let label = row(
        "unknown",
        "unknown",
        "measured 44: only _ccr/info was asked; nothing is known of its tasks",
    );
    take(shelf, "44", "info-alone", |_| true, |moment| moment, &label);
}

/// 37: the node of the leader cluster was killed and came back.
fn restarted(shelf: &mut Shelf, version: &str) {
    for name in ["lr1", "lr2", "lr3"] {
        let [down, back, well] = &moments_of(version, "37", &format!("{name}-f"), name)[..] else {
            panic!("37: three moments");
        };
        let why = "measured 37: connect errors that still rise, _remote/info says not connected";
        let label = row("retrying", "remote_unreachable", why);
        keep(shelf, &format!("{name}-down"), version, down, &label);
        let label = if name == "lr1" {
            row(
                "unknown",
                "unknown",
                "measured 37: paused meanwhile; a list that lacks it proves nothing",
            )
        } else {
            row(
                "following",
                "none",
                "measured 37: connected again, the same retries: a stale entry",
            )
        };
        keep(shelf, &format!("{name}-back"), version, back, &label);
        let label = row(
            "following",
            "none",
            "measured 37: every follower went on, one after a resume",
        );
        keep(shelf, &format!("{name}-well"), version, well, &label);
    }
}

/// 42: an API key invalidated (k1), a role emptied on the leader (k2), a user deleted (k3).
fn unauthorized(shelf: &mut Shelf, version: &str) {
    for name in ["k1", "k2", "k3"] {
        let mut all = moments_of(version, "42", &format!("{name}-f"), name);
        for moment in &mut all {
            // Another caller's look, whose key is no longer valid.
            let responses = moment.evidence["responses"].as_array_mut().unwrap();
            responses.retain(|one| one["status"] != 401);
        }
        let [_, made, failing, later, cured] = &all[..] else {
            panic!("42: five moments, not {}", all.len());
        };
        keep(
            shelf,
            &format!("{name}-made"),
            version,
            made,
            &row("following", "none", "measured 42: just made"),
        );
        let failing = failing.clone().after(made);
        let later = later.clone().after(&failing);
        for (at, moment) in [("failing", &failing), ("later", &later)] {
            let label = if name == "k2" {
                row(
                    "retrying",
                    "credentials",
                    "measured 42: the role emptied on the leader, retries rising",
                )
            } else {
                row(
                    "following",
                    "none",
                    "measured 42: the task keeps what was granted when it was made",
                )
            };
            keep(shelf, &format!("{name}-{at}"), version, moment, &label);
        }
        let label = row(
            "following",
            "none",
            "measured 42: pause and resume by a user with rights cures it",
        );
        keep(shelf, &format!("{name}-cured"), version, cured, &label);
    }
}
