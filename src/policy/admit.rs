//! Admission: which of the repairs that may start do start now.
//!
//! Shortest runway first (safety 9), each counted against the ones before it, so that what is
//! admitted together never exceeds a budget.

use crate::domain::cause::Remedy;
use crate::domain::ids::{FollowerKey, RemoteAlias};
use crate::domain::time::Timestamp;
use crate::policy::budget::{Asked, Book};
use crate::policy::settings::Settings;
use crate::policy::world::World;

/// A repair whose decision is `act`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its follower.
    pub key: FollowerKey,
    /// The alias it follows through.
    pub remote: RemoteAlias,
    /// The most destructive rung of its plan.
    pub remedy: Remedy,
    /// When the leader may discard what the follower still needs; `None` (unknown or over) comes last.
    pub runway_expires_at: Option<Timestamp>,
    /// Bytes that a recreate would copy; `None` when not known.
    pub bytes: Option<u64>,
}

/// Whether a candidate starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// Now.
    Now,
    /// Not yet.
    Later {
        /// Why, with numbers.
        reason: String,
        /// When it may be different, where that is known.
        at: Option<Timestamp>,
    },
}

/// Admits candidates in order of runway, shortest first; the answer is in that order. A follower
/// on which a run is in flight is not admitted again.
pub fn admit(candidates: &[Candidate], world: &World, settings: &Settings) -> Vec<(FollowerKey, Admission)> {
    let mut order: Vec<&Candidate> = candidates.iter().collect();
    order.sort_by_key(|candidate| {
        (
            candidate.runway_expires_at.unwrap_or(Timestamp::MAX),
            candidate.key.clone(),
        )
    });
    let mut book = Book::of(world, None);
    let mut busy: Vec<&FollowerKey> = world.in_flight.iter().map(|run| &run.key).collect();
    order
        .into_iter()
        .map(|candidate| {
            let admission = one(candidate, &book, &busy, settings);
            if admission == Admission::Now {
                busy.push(&candidate.key);
                book.enter(
                    &candidate.key,
                    &candidate.remote,
                    candidate.remedy,
                    candidate.bytes.unwrap_or_default(),
                    world.now,
                );
            }
            (candidate.key.clone(), admission)
        })
        .collect()
}

fn one(candidate: &Candidate, book: &Book, busy: &[&FollowerKey], settings: &Settings) -> Admission {
    let later = |reason: String, at| Admission::Later { reason, at };
    if busy.contains(&&candidate.key) {
        return later("a run works on this follower already".to_owned(), None);
    }
    let bytes = match (candidate.remedy.destroys(), candidate.bytes) {
        (false, _) => 0,
        (true, Some(bytes)) => bytes,
        (true, None) => return later("how much it would copy is not known".to_owned(), None),
    };
    let asked = Asked {
        key: &candidate.key,
        remote: &candidate.remote,
        remedy: candidate.remedy,
        bytes,
    };
    match book.allows(&asked, settings) {
        Ok(_) => Admission::Now,
        Err(full) => later(full.reason, full.at),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::journal::RunOutcome;
    use crate::domain::time::after;
    use crate::policy::fixture::{alias, ended, flying, key, now, settings};
    use crate::policy::world::PastRun;

    fn candidate(index: &str, remedy: Remedy, runway_minutes: Option<u64>, bytes: u64) -> Candidate {
        Candidate {
            key: key(index),
            remote: alias(),
            remedy,
            runway_expires_at: runway_minutes.map(|minutes| after(now(), Duration::from_secs(minutes * 60))),
            bytes: Some(bytes),
        }
    }

    fn started(admissions: &[(FollowerKey, Admission)]) -> Vec<String> {
        admissions
            .iter()
            .filter(|(_, admission)| *admission == Admission::Now)
            .map(|(key, _)| key.index.to_string())
            .collect()
    }

    fn resumes(count: usize) -> Vec<Candidate> {
        (0..count)
            .map(|number| candidate(&format!("f{number}"), Remedy::Resume, Some(10 + number as u64), 0))
            .collect()
    }

    #[test]
    fn a_remote_that_came_back_gets_one_probe_then_one_two_four() {
        let settings = settings();
        let mut world = World::quiet(now());
        let cured = |world: &mut World, count: usize| {
            world.past.extend(
                (0..count)
                    .map(|number| ended(&format!("p{number}"), Remedy::Resume, RunOutcome::Cured, 120, 0)),
            );
        };
        let running = |world: &World| started(&admit(&resumes(10), world, &settings));
        assert_eq!(running(&world), ["f0"]);
        cured(&mut world, 1);
        assert_eq!(running(&world).len(), 1);
        cured(&mut world, 1);
        assert_eq!(running(&world), ["f0", "f1"]);
        cured(&mut world, 2);
        assert_eq!(running(&world).len(), 4);
        cured(&mut world, 60);
        assert_eq!(running(&world).len(), 4, "the limit per remote");
        // One failure: back to one probe, and not within the minute.
        world
            .past
            .push(ended("x", Remedy::Resume, RunOutcome::NotCured, 40, 0));
        assert_eq!(running(&world).len(), 0);
        world.past.pop();
        world
            .past
            .push(ended("x", Remedy::Resume, RunOutcome::NotCured, 80, 0));
        assert_eq!(running(&world).len(), 1);
    }

    #[test]
    fn a_resume_refused_before_it_was_sent_says_nothing_about_the_remote() {
        let mut world = World::quiet(now());
        world
            .past
            .push(ended("x", Remedy::Resume, RunOutcome::Refused, 40, 0));
        assert_eq!(started(&admit(&resumes(10), &world, &settings())).len(), 1);
    }

    #[test]
    fn the_shortest_runway_goes_first_and_an_unknown_one_last() {
        let all = [
            candidate("unknown", Remedy::Recreate, None, 1),
            candidate("late", Remedy::Recreate, Some(60), 1),
            candidate("soon", Remedy::Recreate, Some(5), 1),
        ];
        let admissions = admit(&all, &World::quiet(now()), &settings());
        assert_eq!(started(&admissions), ["soon"]);
        let order: Vec<_> = admissions.iter().map(|(key, _)| key.index.as_str()).collect();
        assert_eq!(order, ["soon", "late", "unknown"]);
    }

    #[test]
    fn budgets_tell_when_they_have_room_again() {
        let mut settings = settings();
        settings.limits.recreates_per_hour = 2;
        settings.limits.bytes_per_day = 100;
        let mut world = World::quiet(now());
        world.past.extend([
            ended("a", Remedy::Recreate, RunOutcome::Cured, 3000, 10),
            ended("b", Remedy::Recreate, RunOutcome::Cured, 1000, 50),
        ]);
        let one = |world: &World, bytes| {
            admit(&[candidate("c", Remedy::Recreate, None, bytes)], world, &settings)[0]
                .1
                .clone()
        };
        let later = |seconds: u64| Some(after(now(), Duration::from_secs(seconds)));
        let Admission::Later { at, reason } = one(&world, 1) else {
            panic!("two began within the hour");
        };
        assert_eq!(at, later(600), "{reason}");
        world.past[0] = ended("a", Remedy::Recreate, RunOutcome::Cured, 3601, 10);
        assert_eq!(one(&world, 40), Admission::Now);
        let Admission::Later { at, .. } = one(&world, 41) else {
            panic!("60 of 100 bytes are used");
        };
        assert_eq!(at, later(86_400 - 3601));
        let Admission::Later { at, .. } = one(&world, 101) else {
            panic!("more than a day has");
        };
        assert_eq!(at, None);
    }

    #[test]
    fn a_follower_with_a_run_and_a_copy_of_unknown_size_are_not_admitted() {
        let mut world = World::quiet(now());
        world.in_flight.push(flying("a", Remedy::Resume, 0));
        let mut unknown = candidate("b", Remedy::Recreate, None, 0);
        unknown.bytes = None;
        let admissions = admit(
            &[candidate("a", Remedy::Recreate, None, 1), unknown],
            &world,
            &settings(),
        );
        assert_eq!(started(&admissions), Vec::<String>::new());
    }

    fn any_past() -> impl Strategy<Value = Vec<PastRun>> {
        proptest::collection::vec((0_i64..100_000, 0_u64..60, any::<bool>()), 0..12).prop_map(|runs| {
            runs.into_iter()
                .enumerate()
                .map(|(number, (seconds, bytes, recreate))| {
                    let remedy = if recreate {
                        Remedy::Recreate
                    } else {
                        Remedy::Resume
                    };
                    ended(
                        &format!("p{number}"),
                        remedy,
                        RunOutcome::Cured,
                        seconds - 5_000,
                        bytes,
                    )
                })
                .collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_admitted_together_never_exceeds_a_budget(
            past in any_past(),
            flights in proptest::collection::vec((any::<bool>(), 0_u64..60), 0..4),
            asked in proptest::collection::vec((any::<bool>(), 0_u64..60, 0_usize..2), 0..12),
            (total, per_remote, per_hour, bytes) in (0_u32..4, 0_u32..3, 0_u32..6, 0_u64..200),
        ) {
            let mut settings = settings();
            settings.limits.recreates_in_flight.total = total;
            settings.limits.recreates_in_flight.per_remote = per_remote;
            settings.limits.recreates_in_flight.per_cluster = 10;
            settings.limits.recreates_per_hour = per_hour;
            settings.limits.bytes_per_day = bytes;
            let mut world = World::quiet(now());
            world.past = past;
            for (number, (recreate, bytes)) in flights.iter().enumerate() {
                let remedy = if *recreate { Remedy::Recreate } else { Remedy::Resume };
                world.in_flight.push(flying(&format!("i{number}"), remedy, *bytes));
            }
            let remotes = [alias(), RemoteAlias::parse("other").unwrap()];
            let candidates: Vec<_> = asked
                .iter()
                .enumerate()
                .map(|(number, (recreate, bytes, remote))| {
                    let remedy = if *recreate { Remedy::Recreate } else { Remedy::Resume };
                    let mut one = candidate(&format!("c{number}"), remedy, None, *bytes);
                    one.remote = remotes[*remote].clone();
                    one
                })
                .collect();
            let admissions = admit(&candidates, &world, &settings);
            prop_assert_eq!(admissions.len(), candidates.len());
            let admitted: Vec<_> = candidates
                .iter()
                .filter(|one| admissions.contains(&(one.key.clone(), Admission::Now)))
                .collect();
            let recreates: Vec<_> = admitted.iter().filter(|one| one.remedy == Remedy::Recreate).collect();
            if !recreates.is_empty() {
                let flying = world.in_flight.iter().filter(|run| run.remedy == Remedy::Recreate);
                let new = u32::try_from(recreates.len()).unwrap();
                prop_assert!(u32::try_from(flying.clone().count()).unwrap() + new <= total);
                let ago = |run: &PastRun, seconds: u64| after(run.started_at, Duration::from_secs(seconds)) > now();
                let past: Vec<_> = world.past.iter().filter(|run| run.remedy == Some(Remedy::Recreate)).collect();
                let hour = past.iter().filter(|run| ago(run, 3600)).count() + flying.clone().count();
                prop_assert!(u32::try_from(hour).unwrap() + new <= per_hour);
                let day: u64 = past.iter().filter(|run| ago(run, 86_400)).map(|run| run.bytes).sum();
                let used = day + flying.map(|run| run.bytes).sum::<u64>() + recreates.iter().filter_map(|one| one.bytes).sum::<u64>();
                prop_assert!(used <= bytes);
            }
            for remote in &remotes {
                let of_remote = admitted.iter().filter(|one| one.remedy == Remedy::Resume && one.remote == *remote).count();
                prop_assert!(of_remote <= 4);
            }
        }
    }
}
