//! Whether a resumed follower keeps up (safety 12): what its shards and leases did over the looks
//! of one executor.
//!
//! Owns what is remembered between two looks for that; nothing here asks or decides. A resume
//! copies nothing, so the state `following` says little by itself: a task that reads from a dead
//! link shows nothing wrong until its first read times out, a minute later.

use std::collections::BTreeMap;

use crate::domain::facts::IndexStats;
use crate::domain::ids::LeaseId;
use crate::domain::seen::Seen;
use crate::domain::time::{Timestamp, millis_between};

/// A shard that neither caught up nor moved for so long stands still, milliseconds. A follower
/// that is being written to all the time is always a batch behind; half a minute is many batches.
const STILL_MS: i64 = 30_000;

/// One shard over the looks since the last request.
#[derive(Debug, Clone)]
struct Shard {
    /// How far behind it was at the first of them, operations.
    first_lag: i64,
    lag: i64,
    /// The follower's global checkpoint.
    reached: i64,
    moved_at: Option<Timestamp>,
    /// Where the leader was at some look, and when: what is to be reached next.
    mark: (Timestamp, i64),
    /// The newest mark that was reached.
    level_at: Option<Timestamp>,
}

/// What the looks since the last request showed.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace {
    shards: BTreeMap<u32, Shard>,
    /// When our lease on each leader shard was last renewed as the first look saw it, by the
    /// leader's clock; `None`: it was not there.
    leases: BTreeMap<u32, Option<Timestamp>>,
}

impl Pace {
    /// Takes a look in: both sides' primaries as this very look saw them.
    pub(super) fn look(
        &mut self,
        now: Timestamp,
        follower: &Seen<&IndexStats>,
        leader: &Seen<&IndexStats>,
        lease: Option<&LeaseId>,
    ) {
        let Seen::Present(leader) = leader else { return };
        if let Some(lease) = lease {
            for (number, shard) in &leader.primaries {
                if let Some(leases) = &shard.leases {
                    let renewed = leases.iter().find(|own| own.id == *lease);
                    self.leases
                        .entry(*number)
                        .or_insert_with(|| renewed.and_then(|own| own.renewed_at));
                }
            }
        }
        let Seen::Present(follower) = follower else { return };
        for (number, there) in &leader.primaries {
            let here = follower.primaries.get(number);
            let (Some(there), Some(here)) = (
                there.global_checkpoint,
                here.and_then(|shard| shard.global_checkpoint),
            ) else {
                continue;
            };
            let lag = there.saturating_sub(here).max(0);
            let shard = self.shards.entry(*number).or_insert(Shard {
                first_lag: lag,
                lag,
                reached: here,
                moved_at: None,
                mark: (now, there),
                level_at: None,
            });
            if here > shard.reached {
                shard.moved_at = Some(now);
            }
            (shard.lag, shard.reached) = (lag, here);
            if here >= there {
                shard.level_at = Some(now);
                shard.mark = (now, there);
            } else if here >= shard.mark.1 {
                shard.level_at = Some(shard.mark.0);
                shard.mark = (now, there);
            }
        }
    }

    /// The shards that neither reached where the leader was a moment ago nor come nearer to it.
    /// Present and empty: every shard keeps up, by the leader's own word. `level`: whether this look
    /// saw both sides' checkpoints, and whether they are equal.
    pub(super) fn standing_still(
        &self,
        now: Timestamp,
        shard_count: u32,
        level: &Seen<bool>,
    ) -> Seen<Vec<u32>> {
        if let Seen::Unknown(why) = level {
            return Seen::Unknown(why.clone());
        }
        if u32::try_from(self.shards.len()).is_ok_and(|seen| seen < shard_count) {
            return Seen::unknown("not every primary showed its checkpoint on both sides");
        }
        let lately = |at: Option<Timestamp>| at.is_some_and(|at| millis_between(at, now) <= STILL_MS);
        let still = |shard: &Shard| {
            !(lately(shard.level_at) || lately(shard.moved_at) && shard.lag < shard.first_lag)
        };
        Seen::Present(
            self.shards
                .iter()
                .filter(|(_, shard)| still(shard))
                .map(|(number, _)| *number)
                .collect(),
        )
    }

    /// Whether our lease on every leader shard was renewed since the first of these looks. Only
    /// the leader's own times are compared, so that no clock has to agree with another.
    pub(super) fn leases_renewed(
        &self,
        shard_count: u32,
        leader: &Seen<&IndexStats>,
        lease: Option<&LeaseId>,
    ) -> Seen<bool> {
        let Some(lease) = lease else {
            return Seen::unknown("the lease's id is not known");
        };
        let leader = match leader {
            Seen::Present(leader) => leader,
            Seen::Absent => return Seen::Absent,
            Seen::Unknown(why) => return Seen::Unknown(why.clone()),
        };
        if u32::try_from(leader.primaries.len()).is_ok_and(|seen| seen < shard_count) {
            return Seen::unknown("not every leader primary answered");
        }
        let mut renewed = true;
        for (number, shard) in &leader.primaries {
            let Some(leases) = &shard.leases else {
                return Seen::unknown("a leader primary did not show its leases");
            };
            let now = leases
                .iter()
                .find(|own| own.id == *lease)
                .and_then(|own| own.renewed_at);
            let first = self.leases.get(number).copied().flatten();
            renewed = renewed && now.is_some() && now > first;
        }
        Seen::Present(renewed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::{Lease, ShardSeq};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn id() -> LeaseId {
        serde_json::from_value(serde_json::json!("ours")).unwrap()
    }

    /// An index whose shards have these checkpoints, and a lease renewed then.
    fn stats(checkpoints: &[i64], renewed: Option<i64>) -> IndexStats {
        let primaries = (0..).zip(checkpoints).map(|(number, checkpoint)| {
            let leases = renewed.map(|seconds| Lease {
                id: id(),
                retaining_seq_no: None,
                renewed_at: Some(at(seconds)),
                source: None,
            });
            let shard = ShardSeq {
                global_checkpoint: Some(*checkpoint),
                max_seq_no: Some(*checkpoint),
                leases: Some(leases.into_iter().collect()),
                ..ShardSeq::default()
            };
            (number, shard)
        });
        IndexStats {
            primaries: primaries.collect(),
            ..IndexStats::default()
        }
    }

    fn still(looks: &[(i64, &[i64], &[i64])]) -> Seen<Vec<u32>> {
        let mut pace = Pace::default();
        let mut last = (0, 0);
        for (seconds, follower, leader) in looks {
            let (follower, leader) = (stats(follower, None), stats(leader, None));
            let both = (&Seen::Present(&follower), &Seen::Present(&leader));
            pace.look(at(*seconds), both.0, both.1, None);
            last = (*seconds, leader.primaries.len());
        }
        let count = u32::try_from(last.1).unwrap();
        pace.standing_still(at(last.0), count, &Seen::Present(true))
    }

    #[test]
    fn a_shard_at_the_leaders_own_checkpoint_keeps_up_at_the_first_look() {
        assert_eq!(still(&[(0, &[65, 7], &[65, 7])]), Seen::Present(vec![]));
    }

    #[test]
    fn one_shard_that_stands_still_is_named_however_well_the_others_do() {
        let looks: &[(i64, &[i64], &[i64])] = &[(0, &[10, 7], &[65, 7]), (60, &[10, 90], &[65, 90])];
        assert_eq!(still(looks), Seen::Present(vec![0]));
    }

    #[test]
    fn a_shard_far_behind_keeps_up_while_its_lag_falls_and_no_longer() {
        let falls: &[(i64, &[i64], &[i64])] =
            &[(0, &[0], &[9000]), (20, &[3000], &[9100]), (40, &[6000], &[9200])];
        assert_eq!(still(falls), Seen::Present(vec![]));
        let stops: Vec<_> = falls
            .iter()
            .copied()
            .chain([(71, &[6000][..], &[9300][..])])
            .collect();
        assert_eq!(still(&stops), Seen::Present(vec![0]));
        let grows: &[(i64, &[i64], &[i64])] = &[(0, &[0], &[9000]), (20, &[10], &[9900])];
        assert_eq!(still(grows), Seen::Present(vec![0]));
    }

    #[test]
    fn a_shard_of_a_leader_that_is_always_written_keeps_up_a_batch_behind() {
        let always: &[(i64, &[i64], &[i64])] =
            &[(0, &[90], &[100]), (20, &[190], &[200]), (40, &[290], &[300])];
        assert_eq!(still(always), Seen::Present(vec![]));
        // Then the link breaks, and the leader goes on.
        let breaks: Vec<_> = always
            .iter()
            .copied()
            .chain([(60, &[295][..], &[400][..])])
            .collect();
        assert_eq!(still(&breaks), Seen::Present(vec![0]));
    }

    #[test]
    fn a_side_that_was_not_seen_proves_nothing() {
        let pace = Pace::default();
        assert!(pace.standing_still(at(0), 1, &Seen::Present(true)).is_unknown());
        assert!(still(&[]).present().is_some_and(Vec::is_empty));
        let mut pace = Pace::default();
        let leader = stats(&[5], Some(0));
        pace.look(at(0), &Seen::unknown("no"), &Seen::Present(&leader), Some(&id()));
        assert!(pace.standing_still(at(0), 1, &Seen::unknown("no")).is_unknown());
    }

    #[test]
    fn a_lease_counts_once_it_was_renewed_between_two_looks_or_taken_anew() {
        let look = |pace: &mut Pace, renewed| {
            let leader = stats(&[5, 5], renewed);
            pace.look(
                at(100),
                &Seen::Present(&leader),
                &Seen::Present(&leader),
                Some(&id()),
            );
            pace.leases_renewed(2, &Seen::Present(&leader), Some(&id()))
        };
        let mut pace = Pace::default();
        assert_eq!(look(&mut pace, Some(90)), Seen::Present(false));
        assert_eq!(look(&mut pace, Some(90)), Seen::Present(false));
        assert_eq!(look(&mut pace, Some(120)), Seen::Present(true));
        let mut gone = Pace::default();
        assert_eq!(look(&mut gone, None), Seen::Present(false));
        assert_eq!(look(&mut gone, Some(130)), Seen::Present(true));
        let leader = stats(&[5], Some(1));
        assert!(
            pace.leases_renewed(2, &Seen::Present(&leader), Some(&id()))
                .is_unknown()
        );
        assert!(pace.leases_renewed(1, &Seen::Present(&leader), None).is_unknown());
    }
}
