//! How each follower stands at the end: following, told of, never red by us, cured where we say so
//! (promises 6, 7, 8, 12).

use refollow::domain::decision::DecisionKind;
use refollow::domain::journal::RunOutcome;
use refollow::http::dto::RunItem;
use refollow::sandbox::log::Entry;
use refollow::sandbox::witness::Standing;

use super::super::stage::{origin_of, twin_of};
use super::{Does, Kind, Record, Violation, broken, concerns, does};

/// Our requests that acted on one follower, in order.
fn acted<'a>(record: &'a Record, pair: usize, name: &'a str) -> impl DoubleEndedIterator<Item = &'a Entry> {
    record.logs[pair].iter().filter(move |entry| {
        entry.changes
            && entry.acted
            && does(entry) != Does::Refresh
            && entry.before.as_ref().is_some_and(|before| before.name == name)
    })
}

/// Promises 6 and 8: what we paused or closed follows again, or somebody was told.
pub(super) fn nobody_left_behind(
    record: &Record,
    pair: usize,
    name: &str,
    end: &Standing,
    found: &mut Vec<Violation>,
) {
    let Some(last) = acted(record, pair, name).next_back() else {
        return;
    };
    if end.follows() {
        let first = &record.parameters[pair][&origin_of(name)];
        let theirs = record
            .deeds
            .iter()
            .any(|deed| concerns(deed, pair, name) && matches!(deed.kind, Kind::HandsOff | Kind::Hands(_)));
        if *first != end.parameters && !theirs {
            found.push(broken(
                "parameters_kept",
                format!("eu{pair}/{name}: {first} became {}", end.parameters),
            ));
        }
        return;
    }
    let touched_later = record.deeds.iter().any(|deed| {
        concerns(deed, pair, name) && matches!(deed.kind, Kind::Hands(_)) && deed.seqs[pair] > last.seq
    });
    if touched_later {
        return;
    }
    let word = record
        .words
        .iter()
        .find(|item| item.cluster.as_str() == format!("eu{pair}") && item.index.as_str() == name);
    let told = word.is_some_and(|item| {
        item.incident.is_some()
            || matches!(
                item.decision,
                DecisionKind::Alert | DecisionKind::Ask | DecisionKind::Act
            )
            || item.decision == DecisionKind::Wait && item.cause != refollow::domain::cause::Cause::None
    });
    if !told {
        found.push(broken(
            "nobody_left_behind",
            format!("eu{pair}/{name} does not follow and nobody is told: {word:?}; {end:?}"),
        ));
    }
}

/// Promise 7: never red by us.
pub(super) fn never_red_by_us(
    record: &Record,
    pair: usize,
    name: &str,
    end: &Standing,
    found: &mut Vec<Violation>,
) {
    let red = end
        .follower
        .as_ref()
        .is_some_and(|index| index.open && !index.restoring && !index.whole());
    let Some(put) = acted(record, pair, name).rfind(|entry| does(entry) == Does::Put) else {
        return;
    };
    let window = put.at_ms..put.at_ms + 30 * 60_000;
    let disaster = record.deeds.iter().any(|deed| {
        concerns(deed, pair, name)
            && matches!(deed.kind, Kind::Disaster | Kind::Hands(_) | Kind::HandsOff)
            && window.contains(&deed.at_ms)
    });
    // A full disk, a node that is down, stay.
    let standing = record
        .deeds
        .iter()
        .any(|deed| concerns(deed, pair, name) && deed.kind == Kind::Disaster && deed.follower.is_none());
    if red && !disaster && !standing {
        found.push(broken(
            "never_red_by_us",
            format!("eu{pair}/{name} is red after our PUT at {}", put.at),
        ));
    }
}

/// The run on this follower that ended last, in the daemon's words.
fn last_run<'a>(record: &'a Record, pair: usize, name: &str) -> Option<&'a RunItem> {
    record
        .runs
        .iter()
        .filter(|run| {
            run.follower.cluster.as_str() == format!("eu{pair}") && run.follower.index.as_str() == name
        })
        .max_by_key(|run| run.closed_at)
}

/// Promise 12.
pub(super) fn cured_is_equal(
    record: &Record,
    pair: usize,
    name: &str,
    end: &Standing,
    found: &mut Vec<Violation>,
) {
    let Some(run) = last_run(record, pair, name) else {
        return;
    };
    let Some(closed) = run.closed_at.filter(|_| run.outcome == Some(RunOutcome::Cured)) else {
        return;
    };
    if run.steps.iter().any(|step| step.name == "follow_beside") {
        // The copy is what was cured.
        let copy = record.ends[pair].get(&twin_of(name));
        let equal = copy.is_some_and(|copy| {
            copy.follows()
                && copy.follower.as_ref().map(|index| index.digest)
                    == copy.leader.as_ref().map(|index| index.digest)
        });
        let disturbed = record.deeds.iter().any(|deed| {
            matches!(deed.kind, Kind::Disaster | Kind::Clock)
                && concerns(deed, pair, name)
                && deed.at_ms >= closed.as_millisecond()
        });
        if !equal && !disturbed {
            found.push(broken(
                "cured_is_equal",
                format!("eu{pair}/{name}: the copy beside it is called cured, and is not: {copy:?}"),
            ));
        }
        return;
    }
    let later = record
        .deeds
        .iter()
        .filter(|deed| matches!(deed.kind, Kind::Disaster | Kind::Hands(_) | Kind::HandsOff))
        .any(|deed| concerns(deed, pair, name) && deed.at_ms >= closed.as_millisecond());
    let jumped = record.deeds.iter().any(|deed| deed.kind == Kind::Clock);
    if later || jumped {
        return;
    }
    let (Some(follower), Some(leader)) = (&end.follower, &end.leader) else {
        found.push(broken(
            "cured_is_equal",
            format!("eu{pair}/{name}: cured, and a side is missing"),
        ));
        return;
    };
    if !end.follows() || follower.digest != leader.digest {
        found.push(broken(
            "cured_is_equal",
            format!("eu{pair}/{name}: called cured, and it is not: {end:?}"),
        ));
    }
}
