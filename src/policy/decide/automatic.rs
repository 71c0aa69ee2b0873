//! What keeps `auto` from going on without a person, and for how long it rests after a failure.

use crate::domain::cause::Remedy;
use crate::domain::journal::RunOutcome;
use crate::domain::time::{Span, Timestamp, after};
use crate::policy::budget::recreates_of_lineage;
use crate::policy::decide::Moment;
use crate::policy::plan::eta;
use crate::policy::world::PastRun;

/// So many runs on one follower within [`BUSY`] are more than one should do unasked.
const BUSY_RUNS: usize = 3;
const BUSY: Span = Span::from_hours(1);
/// The longest rest after a run that ended without having tried to the end.
const LONGEST_REST: Span = Span::from_hours(1);

/// Why `auto` becomes `ask`, as sentences; empty when it may go on.
pub(super) fn asks_instead(moment: &Moment<'_>, rungs: &[Remedy]) -> Vec<String> {
    let mut asks = Vec::new();
    if rungs.contains(&Remedy::Recreate) {
        recreate(moment, &mut asks);
    }
    let history = of_follower(moment);
    if let Some(last) = history.last()
        && matches!(last.outcome, RunOutcome::NotCured | RunOutcome::CannotTell)
    {
        asks.push(format!(
            "the last run on it ended `{}` at {}",
            last.outcome, last.ended_at
        ));
    }
    let recent = history
        .iter()
        .filter(|run| after(run.started_at.min(moment.world.now), BUSY) > moment.world.now)
        .count();
    if recent >= BUSY_RUNS {
        asks.push(format!("{recent} runs on it began within the last hour"));
    }
    asks
}

fn recreate(moment: &Moment<'_>, asks: &mut Vec<String>) {
    let limits = &moment.settings.limits;
    let size = moment
        .facts
        .leader
        .index
        .present()
        .and_then(|stats| stats.store_bytes);
    match size {
        None => asks.push("how much a recreate would copy is not known".to_owned()),
        Some(bytes) => {
            if bytes > limits.recreate_max_bytes {
                asks.push(format!(
                    "a recreate copies {bytes} bytes, more than {}",
                    limits.recreate_max_bytes
                ));
            }
            let length = eta(bytes);
            if length > limits.recreate_max_duration {
                asks.push(format!(
                    "a recreate takes about {} s, more than {} s",
                    length.as_secs(),
                    limits.recreate_max_duration.as_secs()
                ));
            }
        }
    }
    let per = limits.recreates_per_follower;
    let uuid = moment.facts.follower_uuid();
    let had = recreates_of_lineage(moment.world, &moment.facts.key, uuid.as_ref(), per.per);
    if had >= per.count {
        asks.push(format!(
            "it was recreated {had} times within {} h, the limit is {}",
            per.per.as_secs() / 3600,
            per.count
        ));
    }
    match moment.facts.follower.root.latest_known() {
        None => asks.push("the follower cluster's version is not known".to_owned()),
        Some((_, root)) if (root.version.major, root.version.minor) < (7, 9) => asks.push(format!(
            "Elasticsearch {} takes no settings with the follow: recreate asks, always",
            root.version
        )),
        Some(_) => {}
    }
    for name in &moment.settings.unenforced {
        asks.push(format!(
            "`{name}` is configured and this version does not enforce it"
        ));
    }
}

/// Until when `auto` rests after runs that were stopped or refused, and why.
pub(super) fn cooling(moment: &Moment<'_>) -> Option<(Timestamp, String)> {
    let runs = of_follower(moment);
    let stopped = runs
        .iter()
        .rev()
        .take_while(|run| matches!(run.outcome, RunOutcome::BackedOut | RunOutcome::Refused))
        .count();
    let last = runs.last()?;
    let doublings = u32::try_from(stopped.checked_sub(1)?).unwrap_or(u32::MAX).min(16);
    let rest = moment
        .settings
        .rest
        .saturating_mul(1 << doublings)
        .min(LONGEST_REST);
    let until = after(last.ended_at.min(moment.world.now), rest);
    (until > moment.world.now).then(|| {
        (
            until,
            format!("the last run on it ended `{}` at {}", last.outcome, last.ended_at),
        )
    })
}

/// The runs of this follower, oldest first.
fn of_follower<'a>(moment: &Moment<'a>) -> Vec<&'a PastRun> {
    let uuid = moment.facts.follower_uuid();
    let mut runs: Vec<&PastRun> = moment
        .world
        .past
        .iter()
        .filter(|run| run.key == moment.facts.key || uuid.as_ref() == Some(&run.lineage))
        .collect();
    runs.sort_by_key(|run| run.ended_at);
    runs
}
