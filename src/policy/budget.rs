//! Budgets: what may still be started, counted over what runs and what has run.
//!
//! Exact over restarts because everything comes from the journal's runs. A run that seems to lie
//! in the future (the clock went back) counts as one that starts now: never in favour of doing more.

use std::collections::BTreeMap;

use crate::domain::cause::Remedy;
use crate::domain::ids::{ClusterName, FollowerKey, IndexUuid, RemoteAlias, RunId};
use crate::domain::journal::RunOutcome;
use crate::domain::time::{Span, Timestamp, after};
use crate::policy::settings::Settings;
use crate::policy::world::World;

const MINUTE: Span = Span::from_mins(1);
const HOUR: Span = Span::from_hours(1);
const DAY: Span = Span::from_hours(24);
/// How far back resumes through a remote tell whether it can be trusted (safety 9, half-open).
const PROBATION: Span = Span::from_mins(30);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its follower.
    pub key: &'a FollowerKey,
    /// The alias it follows through.
    pub remote: &'a RemoteAlias,
    /// The most destructive rung.
    pub remedy: Remedy,
    /// Bytes that a recreate would copy; 0 for a resume.
    pub bytes: u64,
}

/// A budget that has no room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Full {
    /// Which, with numbers.
    pub reason: String,
    /// When it may be different, where that is known.
    pub at: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Start {
    at: Timestamp,
    bytes: u64,
}

#[derive(Debug, Clone)]
struct Flight {
    cluster: ClusterName,
    remote: RemoteAlias,
    recreate: bool,
}

/// What counts against the budgets.
#[derive(Debug, Clone)]
pub struct Book {
    now: Timestamp,
    flights: Vec<Flight>,
    recreates: Vec<Start>,
    resumes: Vec<Start>,
    /// By remote: resumes cured since the last failure, and when that failure was.
    trust: BTreeMap<(ClusterName, RemoteAlias), Trust>,
}

#[derive(Debug, Clone, Default)]
struct Trust {
    cured: u32,
    failed_at: Option<Timestamp>,
}

impl Book {
    /// The book of the world, leaving out the run that asks for itself.
    pub fn of(world: &World, except: Option<(&FollowerKey, &RunId)>) -> Self {
        let now = world.now;
        let mut book = Self {
            now,
            flights: Vec::new(),
            recreates: Vec::new(),
            resumes: Vec::new(),
            trust: BTreeMap::new(),
        };
        let others = world
            .in_flight
            .iter()
            .filter(|run| !except.is_some_and(|(key, own)| run.is(key, own)));
        for run in others {
            book.enter(&run.key, &run.remote, run.remedy, run.bytes, run.since);
        }
        for run in &world.past {
            let start = Start {
                at: run.started_at.min(now),
                bytes: run.bytes,
            };
            match run.remedy {
                Some(remedy) if remedy.destroys() => book.recreates.push(start),
                Some(Remedy::Resume) => book.resumes.push(start),
                _ => {}
            }
        }
        let mut ended: Vec<_> = world
            .past
            .iter()
            .filter(|run| run.remedy == Some(Remedy::Resume) && after(run.ended_at, PROBATION) > now)
            .collect();
        ended.sort_by_key(|run| run.ended_at);
        for run in ended {
            let trust = book
                .trust
                .entry((run.key.cluster.clone(), run.remote.clone()))
                .or_default();
            match run.outcome {
                RunOutcome::Cured => trust.cured = trust.cured.saturating_add(1),
                // A run that was stopped from outside, or before it sent anything, says nothing
                // about the remote.
                RunOutcome::BackedOut | RunOutcome::Refused => {}
                RunOutcome::NotCured | RunOutcome::CannotTell => {
                    *trust = Trust {
                        cured: 0,
                        failed_at: Some(run.ended_at.min(now)),
                    };
                }
            }
        }
        book
    }

    /// Counts one more run that starts.
    pub fn enter(
        &mut self,
        key: &FollowerKey,
        remote: &RemoteAlias,
        remedy: Remedy,
        bytes: u64,
        since: Timestamp,
    ) {
        let start = Start {
            at: since.min(self.now),
            bytes,
        };
        let recreate = remedy.destroys();
        if recreate {
            self.recreates.push(start);
        } else {
            self.resumes.push(start);
        }
        self.flights.push(Flight {
            cluster: key.cluster.clone(),
            remote: remote.clone(),
            recreate,
        });
    }

    /// Whether there is room, with the numbers.
    ///
    /// # Errors
    /// The first budget that is full.
    pub fn allows(&self, asked: &Asked<'_>, settings: &Settings) -> Result<String, Full> {
        if asked.remedy.destroys() {
            self.allows_recreate(asked, settings)
        } else {
            self.allows_resume(asked, settings)
        }
    }

    fn allows_recreate(&self, asked: &Asked<'_>, settings: &Settings) -> Result<String, Full> {
        let limits = &settings.limits;
        let flying = |of: &dyn Fn(&Flight) -> bool| {
            count(self.flights.iter().filter(|run| run.recreate && of(run)).count())
        };
        let total = flying(&|_| true);
        let of_cluster = flying(&|run| run.cluster == asked.key.cluster);
        let of_remote = flying(&|run| run.cluster == asked.key.cluster && run.remote == *asked.remote);
        let flight = &limits.recreates_in_flight;
        for (scope, have, limit) in [
            ("everywhere".to_owned(), total, flight.total),
            (
                format!("on {}", asked.key.cluster),
                of_cluster,
                flight.per_cluster,
            ),
            (
                format!("through {}/{}", asked.key.cluster, asked.remote),
                of_remote,
                flight.per_remote,
            ),
        ] {
            if have >= limit {
                return Err(Full {
                    reason: format!("{have} recreates run {scope}, the limit is {limit}"),
                    at: None,
                });
            }
        }
        let within_hour = self.within(&self.recreates, HOUR);
        let limit = limits.recreates_per_hour;
        if count(within_hour.len()) >= limit {
            return Err(Full {
                reason: format!(
                    "{} recreates began within the last hour, the limit is {limit}",
                    within_hour.len()
                ),
                at: frees_at(&within_hour, HOUR, limit),
            });
        }
        let within_day = self.within(&self.recreates, DAY);
        let used = within_day
            .iter()
            .fold(0_u64, |sum, start| sum.saturating_add(start.bytes));
        let limit = limits.bytes_per_day;
        if used.saturating_add(asked.bytes) > limit {
            return Err(Full {
                reason: format!(
                    "{used} bytes were copied within 24 hours and this needs {}, the limit is {limit}",
                    asked.bytes
                ),
                at: bytes_free_at(&within_day, asked.bytes, limit),
            });
        }
        Ok(format!(
            "{total} of {} recreates run, {} of {} began within an hour, {used} of {limit} bytes within 24 hours",
            flight.total,
            within_hour.len(),
            limits.recreates_per_hour
        ))
    }

    fn allows_resume(&self, asked: &Asked<'_>, settings: &Settings) -> Result<String, Full> {
        let limits = &settings.limits;
        let running = count(
            self.flights
                .iter()
                .filter(|run| {
                    !run.recreate && run.cluster == asked.key.cluster && run.remote == *asked.remote
                })
                .count(),
        );
        let trust = self
            .trust
            .get(&(asked.key.cluster.clone(), asked.remote.clone()))
            .cloned()
            .unwrap_or_default();
        // One probe, then 1, 2, 4, …: as many at once as have been cured since the last failure.
        let ramp = largest_power_of_two(trust.cured.max(1));
        let limit = ramp.min(limits.resumes_in_flight_per_remote);
        if running >= limit {
            return Err(Full {
                reason: format!(
                    "{running} resumes run through {}/{}, {limit} are let through at once after {} cured (the limit is {})",
                    asked.key.cluster, asked.remote, trust.cured, limits.resumes_in_flight_per_remote
                ),
                at: None,
            });
        }
        if trust.cured == 0
            && let Some(failed_at) = trust.failed_at
        {
            let next = after(failed_at, MINUTE);
            if next > self.now {
                return Err(Full {
                    reason: format!(
                        "the last resume through {}/{} failed at {failed_at}; the next probe waits a minute",
                        asked.key.cluster, asked.remote
                    ),
                    at: Some(next),
                });
            }
        }
        let within_minute = self.within(&self.resumes, MINUTE);
        let limit_per_minute = limits.resumes_per_minute;
        if count(within_minute.len()) >= limit_per_minute {
            return Err(Full {
                reason: format!(
                    "{} resumes began within the last minute, the limit is {limit_per_minute}",
                    within_minute.len()
                ),
                at: frees_at(&within_minute, MINUTE, limit_per_minute),
            });
        }
        Ok(format!(
            "{running} of {limit} resumes run through {}/{}, {} of {limit_per_minute} began within a minute",
            asked.key.cluster,
            asked.remote,
            within_minute.len()
        ))
    }

    fn within<'a>(&self, starts: &'a [Start], length: Span) -> Vec<&'a Start> {
        let mut within: Vec<_> = starts
            .iter()
            .filter(|start| after(start.at, length) > self.now)
            .collect();
        within.sort_by_key(|start| start.at);
        within
    }
}

/// Recreates of one lineage that began within `limits.recreates_per_follower.per`.
pub fn recreates_of_lineage(world: &World, key: &FollowerKey, lineage: Option<&IndexUuid>, per: Span) -> u32 {
    count(
        world
            .past
            .iter()
            .filter(|run| {
                run.remedy.is_some_and(Remedy::destroys)
                    && (run.key == *key || lineage.is_some_and(|uuid| run.lineage == *uuid))
                    && after(run.started_at.min(world.now), per) > world.now
            })
            .count(),
    )
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn largest_power_of_two(number: u32) -> u32 {
    1 << number.max(1).ilog2()
}

/// When so many have left the sliding window that one more fits; `starts` are sorted.
fn frees_at(starts: &[&Start], length: Span, limit: u32) -> Option<Timestamp> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if limit == 0 {
        return None;
    }
    let surplus = starts.len().checked_sub(limit)?;
    starts.get(surplus).map(|start| after(start.at, length))
}

/// When enough bytes have left the day that `more` fit; `starts` are sorted.
fn bytes_free_at(starts: &[&Start], more: u64, limit: u64) -> Option<Timestamp> {
    let mut left: u64 = starts
        .iter()
        .fold(0, |sum: u64, start| sum.saturating_add(start.bytes));
    for start in starts {
        left = left.saturating_sub(start.bytes);
        if left.saturating_add(more) <= limit {
            return Some(after(start.at, DAY));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::fixture::{ago, ended, key, now, uuid};

    const WEEK: Span = Span::from_hours(7 * 24);

    #[test]
    fn recreates_count_by_lineage_also_under_a_new_uuid_and_whatever_the_clock_does() {
        let mut world = World::quiet(now());
        let count = |world: &World, index: &str, lineage: &str| {
            recreates_of_lineage(world, &key(index), Some(&uuid(lineage)), WEEK)
        };
        world
            .past
            .push(ended("orders-f", Remedy::Recreate, RunOutcome::Cured, 3600, 1));
        world.past[0].lineage = uuid("old");
        assert_eq!(count(&world, "orders-f", "old"), 1);
        // Deleted and followed anew: another UUID under the same name, and the same UUID renamed.
        assert_eq!(count(&world, "orders-f", "new"), 1);
        assert_eq!(count(&world, "renamed-f", "old"), 1);
        assert_eq!(count(&world, "other-f", "other"), 0);
        // A run that is dated in the future, because the clock went back, still counts.
        world.past[0].started_at = after(now(), Span::from_hours(24 * 30));
        assert_eq!(count(&world, "orders-f", "old"), 1);
        world.past[0].started_at = ago(7 * 86_400);
        assert_eq!(
            count(&world, "orders-f", "old"),
            0,
            "a week is over to the second"
        );
        world.past[0].started_at = ago(7 * 86_400 - 1);
        assert_eq!(count(&world, "orders-f", "old"), 1);
        world.past[0].remedy = Some(Remedy::DeleteAndFollow);
        assert_eq!(count(&world, "orders-f", "old"), 1);
    }
}
