//! Which well followers are counted now: what `diverged` is judged by, asked rarely and in turn.
//!
//! The leader side of every follower is asked each minute anyway, in one list; this is the
//! other half. One more call each minute, for a twentieth of the followers.

use std::time::Duration;

use crate::domain::cause::Cause;
use crate::domain::ids::{ClusterName, IndexName};
use crate::domain::state::State;
use crate::domain::time::{Timestamp, millis_between};
use crate::elastic::read::Look;
use crate::engine::book::Book;

/// Each follower's `_stats` are asked once in this time.
pub(crate) const COUNTED_EVERY: Duration = Duration::from_mins(20);

impl Book {
    /// The `_stats` of the followers whose turn it is, in one call; nothing where no leader can
    /// be looked at, because there is nothing to compare with.
    pub(crate) fn counting_looks(&self, cluster: &ClusterName, now: Timestamp) -> Option<Look> {
        let settings = &self.clusters.get(cluster)?.settings;
        // The slow beat falls on a look, so it may be late by one.
        let beat = settings.leader_side_interval + settings.poll_interval;
        let mut well: Vec<(Option<Timestamp>, &IndexName)> = self
            .followers
            .iter()
            .filter(|(key, entry)| {
                &key.cluster == cluster
                    && entry.cause() == Cause::None
                    && entry.state() == State::Following
                    && entry.facts.leader_cluster.is_some()
            })
            .map(|(key, entry)| (entry.facts.follower.index.last().map(|seen| seen.at), &key.index))
            .collect();
        let batch = batch(well.len(), beat);
        well.sort();
        let due: Vec<IndexName> = well
            .into_iter()
            .take(batch)
            .filter(|(at, _)| {
                at.is_none_or(|at| {
                    i128::from(millis_between(at, now)) >= COUNTED_EVERY.as_millis().cast_signed()
                })
            })
            .map(|(_, index)| index.clone())
            .collect();
        (!due.is_empty()).then_some(Look::IndexStats(due))
    }
}

/// How many are asked at once so that all have had their turn in [`COUNTED_EVERY`].
fn batch(followers: usize, beat: Duration) -> usize {
    let beats = COUNTED_EVERY.as_secs() / beat.as_secs().max(1);
    followers.div_ceil(usize::try_from(beats.max(1)).unwrap_or(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_followers_have_their_turn_in_twenty_minutes_and_never_all_at_once() {
        let beat = Duration::from_secs(75);
        for followers in [1_usize, 14, 100, 2_000] {
            let batch = batch(followers, beat);
            assert!(
                batch * 16 >= followers && batch <= followers / 16 + 1,
                "{followers}"
            );
        }
        assert_eq!(batch(0, beat), 0);
        assert_eq!(batch(10, Duration::from_hours(2)), 10);
    }
}
