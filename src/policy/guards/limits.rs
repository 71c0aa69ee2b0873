//! Guards of people and limits: mode, brakes, warm-up, windows, breaker, budgets, fresh answers.

use crate::domain::brake::BrakeScope;
use crate::domain::facts::Series;
use crate::domain::ids::FollowerKey;
use crate::domain::plan::{ExtendRunway, LeaseWay};
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, after, millis_between};
use crate::policy::budget;
use crate::policy::extend::period_of;
use crate::policy::guards::read::{Check, Hold, block, bytes_to_copy, unknown};
use crate::policy::guards::{Question, Stage};
use crate::policy::settings::Mode;
use crate::policy::windows::{self, Opening};

/// Answers older than this do not count before a point of no return (safety 2), in milliseconds.
const FRESH_MILLIS: i64 = 10_000;

/// The mode lets refollow write at all.
pub(super) fn mode(q: &Question<'_>) -> Check {
    match q.settings.mode {
        Mode::Observe => Err(block("the mode is `observe`: nothing is ever written")),
        mode => Ok(format!("the mode is `{}`", mode.as_str())),
    }
}

/// No brake holds it.
pub(super) fn brakes(q: &Question<'_>) -> Check {
    let brakes = match &q.world.brakes {
        Seen::Present(brakes) => brakes.as_slice(),
        Seen::Absent => &[],
        Seen::Unknown(why) => {
            return Err(unknown(format!(
                "the brakes could not be read, so one counts as engaged: {why}"
            )));
        }
    };
    // Side by side a brake by either name is meant: the copy's is the one that requests name.
    let copy = q.wishes.beside.as_ref().map(|index| FollowerKey {
        cluster: q.facts.key.cluster.clone(),
        index: index.clone(),
    });
    let keys = [Some(&q.facts.key), copy.as_ref()];
    let matches = |scope: &BrakeScope| {
        let mut named = keys.iter().flatten();
        named.any(|key| scope.covers(key, q.facts.remote.as_ref(), q.remedy))
    };
    let engaged: Vec<_> = brakes
        .iter()
        .filter(|brake| brake.holds(q.world.now) && matches(&brake.scope))
        .collect();
    if engaged.is_empty() {
        return Ok(format!("none of {} brakes is about it", brakes.len()));
    }
    let said = engaged
        .iter()
        .map(|brake| format!("{} by {}: {}", brake.scope, brake.owner, brake.reason))
        .collect::<Vec<_>>()
        .join("; ");
    // It lets go when the last of them does, and never by itself if one has no end.
    let until = engaged
        .iter()
        .map(|brake| brake.expires_at)
        .collect::<Option<Vec<_>>>()
        .and_then(|ends| ends.into_iter().max());
    Err(block(format!("brake engaged: {said}")).until(until))
}

/// The file that brakes everything is not there.
pub(super) fn brake_file(q: &Question<'_>) -> Check {
    match &q.world.brake_file {
        Seen::Absent | Seen::Present(false) => Ok("the brake file does not exist".to_owned()),
        Seen::Present(true) => Err(block(
            "the brake file exists: everything is stopped until it is removed",
        )),
        Seen::Unknown(why) => Err(unknown(format!(
            "the brake file could not be read, so it counts as engaged: {why}"
        ))),
    }
}

/// The daemon has looked for long enough to act by itself.
pub(super) fn warm_up(q: &Question<'_>) -> Check {
    if q.approved() {
        return Ok("a person has approved it".to_owned());
    }
    if q.world.now < q.world.warm_until {
        let until = q.world.warm_until;
        return Err(block(format!(
            "the daemon has just started: nothing is done without a person before {until}"
        ))
        .until(Some(until)));
    }
    Ok("the daemon has been up for three poll intervals".to_owned())
}

/// A window is open, by a clock that is believed. A run in flight began in an open one: a clock
/// that was set meanwhile neither proves that it has closed nor ends the run.
pub(super) fn window(q: &Question<'_>) -> Check {
    if let Some(jump) = q.world.clock_jump.filter(|_| !q.settings.windows.is_empty()) {
        let at = jump.at;
        if !matches!(q.stage, Stage::Plan | Stage::BeforeRun) {
            return Ok(format!(
                "the clock was set at {at}: the window that was open stays so for this run"
            ));
        }
        let until = jump.settled_at();
        return Err(block(format!(
            "the clock was set at {at}: whether a window is open is not believed before {until}"
        ))
        .until(Some(until)));
    }
    match windows::opening(&q.settings.windows, q.world.now) {
        Opening::Always => Ok("no window is configured".to_owned()),
        Opening::Open { until: Some(until) } => match waits_too_long(q, until) {
            Some(why) => Err(block(why)),
            None => Ok(format!("a window is open until {until}")),
        },
        Opening::Open { until: None } => Ok("a window is open".to_owned()),
        Opening::Closed { next: Some(next) } => {
            Err(block(format!("no window is open; the next opens at {next}")).until(Some(next)))
        }
        Opening::Closed { next: None } => Err(block("no window is open and none opens within a year")),
    }
}

/// A run that is to wait for its lease to expire is backed out by the window's end (safety 8), and
/// all the waiting would be for nothing: it does not begin where the lease outlives the window.
fn waits_too_long(q: &Question<'_>, until: Timestamp) -> Option<String> {
    let begins = matches!(q.stage, Stage::Plan | Stage::BeforeRun);
    if q.wishes.lease != LeaseWay::Wait || !begins {
        return None;
    }
    let set = q
        .facts
        .leader
        .settings
        .latest_known()
        .and_then(|(_, settings)| settings.get(ExtendRunway::SETTING));
    // Not readable is as long as the default is.
    let period = period_of(set.map(String::as_str)).or_else(|| period_of(None))?;
    let expires = after(q.world.now, period);
    (expires >= until).then(|| {
        format!(
            "the run would wait until about {expires} for the lease to expire, and the window closes at {until}, which would put the follower back: choose another way with the lease (`--lease`), or a longer window"
        )
    })
}

/// No breaker stands over it, or a person approved it after it opened.
pub(super) fn breaker(q: &Question<'_>) -> Check {
    let approved_at = q.approved_at;
    for (scope, open) in q
        .world
        .breaker
        .over(&q.facts.key.cluster, q.facts.remote.as_ref())
    {
        if approved_at.is_none_or(|at| at < open.since) {
            return Err(block(format!(
                "the breaker over {scope} is open since {}: {} of {} followers are unhealthy; only an approval given after that passes it",
                open.since, open.unhealthy, open.of
            ))
            .until(open.closes_at));
        }
    }
    Ok("no breaker stands over it that its approval does not pass".to_owned())
}

/// Reference guard 24: the budgets have room for it.
pub(super) fn budget(q: &Question<'_>) -> Check {
    let remote = q
        .facts
        .remote
        .as_ref()
        .ok_or_else(|| unknown("the alias it follows through is not known"))?;
    let bytes = if q.remedy.destroys() { bytes_to_copy(q)? } else { 0 };
    let book = budget::Book::of(q.world, q.run.map(|run| (&q.facts.key, &run.run)));
    let asked = budget::Asked {
        key: &q.facts.key,
        remote,
        remedy: q.remedy,
        bytes,
    };
    match book.allows(&asked, q.settings) {
        Ok(text) => Ok(text),
        Err(full) => Err(block(full.reason).until(full.at)),
    }
}

/// Every configured blocker lets it pass, by an answer that is young enough (safety 10: no usable
/// answer is a no). Before a run starts and before the PUT an answer must be fresh.
pub(super) fn blockers(q: &Question<'_>) -> Check {
    let asked: Vec<_> = q
        .world
        .blockers
        .iter()
        .filter(|blocker| !blocker.recreate_only || q.remedy.destroys())
        .collect();
    let fresh = matches!(
        q.stage,
        Stage::BeforeRun | Stage::BeforeFollow | Stage::BeforeFollowBeside
    );
    let mut held: Option<Hold> = None;
    let mut passed = Vec::new();
    for blocker in asked {
        let name = &blocker.name;
        let Some(at) = blocker.asked_at else {
            held.get_or_insert_with(|| unknown(format!("blocker `{name}` was not asked yet")));
            continue;
        };
        let good_for = i64::try_from(blocker.good_for.as_millis()).unwrap_or(i64::MAX);
        let limit = if fresh {
            good_for.min(FRESH_MILLIS)
        } else {
            good_for
        };
        let age = millis_between(at, q.world.now);
        match &blocker.says {
            // What blocks is named before what is not known.
            Seen::Present(why) => return Err(block(format!("blocker `{name}`, asked at {at}: {why}"))),
            Seen::Unknown(why) => {
                held.get_or_insert_with(|| {
                    unknown(format!(
                        "blocker `{name}`, asked at {at}, gave no usable answer, which blocks: {why}"
                    ))
                });
            }
            Seen::Absent if !(-FRESH_MILLIS..=limit).contains(&age) => {
                held.get_or_insert_with(|| {
                    unknown(format!(
                        "blocker `{name}` was asked at {at}, {age} ms ago; at most {limit} ms count here"
                    ))
                });
            }
            Seen::Absent => passed.push(format!("`{name}` at {at}")),
        }
    }
    match held {
        Some(hold) => Err(hold),
        None if passed.is_empty() => Ok("no blocker is configured for it".to_owned()),
        None => Ok(format!("every blocker lets it pass: {}", passed.join(", "))),
    }
}

/// Safety 2: everything that the point of no return rests on was seen within ten seconds.
pub(super) fn fresh_answers(q: &Question<'_>) -> Check {
    let now = q.world.now.max(q.facts.now);
    let (follower, leader) = (&q.facts.follower, &q.facts.leader);
    let mut oldest = 0;
    for (what, at) in [
        ("the follower cluster's identity", at(&follower.root)),
        ("the follower's `_ccr/info`", at(&follower.info)),
        ("the follower's metadata", at(&follower.meta)),
        ("the alias", at(&follower.remote)),
        ("the leader cluster's identity", at(&leader.root)),
        ("the leader's statistics", at(&leader.index)),
        (
            "the leader's metadata",
            at(&leader.meta).max(at(&leader.settings)),
        ),
        ("the leader's health", at(&leader.health)),
    ] {
        let age = millis_between(
            at.ok_or_else(|| unknown(format!("{what} has not been looked at")))?,
            now,
        );
        if !(-FRESH_MILLIS..=FRESH_MILLIS).contains(&age) {
            return Err(unknown(format!(
                "{what} was seen {age} ms ago; at most {FRESH_MILLIS} ms count here, so look again"
            )));
        }
        oldest = oldest.max(age);
    }
    Ok(format!(
        "every answer it rests on is at most {oldest} ms old (limit {FRESH_MILLIS} ms)"
    ))
}

fn at<T>(series: &Series<T>) -> Option<Timestamp> {
    series.last().map(|sighting| sighting.at)
}

/// No other run works on this follower, and none that we closed or paused is unaccounted for.
pub(super) fn no_other_run(q: &Question<'_>) -> Check {
    let own = q.run.map(|run| &run.run);
    match q
        .world
        .in_flight
        .iter()
        .find(|run| run.works_on(&q.facts.key) && !own.is_some_and(|own| run.is(&q.facts.key, own)))
    {
        Some(other) => Err(Hold::from(format!(
            "run {} has been working on it since {}",
            other.run, other.since
        ))),
        None => Ok("no other run of ours works on it".to_owned()),
    }
}

impl From<String> for Hold {
    fn from(text: String) -> Self {
        block(text)
    }
}
