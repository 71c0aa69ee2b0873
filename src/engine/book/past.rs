//! What the book tells the recorder of the past: each follower in numbers.

use super::Book;
use crate::domain::ids::FollowerKey;
use crate::domain::time::{Timestamp, millis_between};
use crate::history::columns::Sample;

const MINUTE_MILLIS: i64 = 60_000;

impl Book {
    /// One sample of each follower, where it is time.
    pub fn sample(&mut self, now: Timestamp) {
        if !self.recorder.sample_due(now) {
            return;
        }
        let samples: Vec<(FollowerKey, Sample)> = self
            .followers
            .iter()
            .map(|(key, entry)| {
                let stats = entry.facts.follower.stats.present();
                let index = entry.facts.follower.index.present();
                let checkpoint = stats.and_then(|stats| {
                    stats
                        .shards
                        .values()
                        .map(|shard| shard.follower_global_checkpoint.get())
                        .sum()
                });
                let seen_at = entry.facts.follower.stats.last().map(|seen| seen.at);
                let read = stats
                    .and_then(|stats| {
                        stats
                            .shards
                            .values()
                            .filter_map(|shard| shard.time_since_last_read_millis.get())
                            .max()
                    })
                    .filter(|millis| *millis >= 0)
                    .zip(seen_at)
                    .map(|(millis, at)| (millis + millis_between(at, now).max(0)) / MINUTE_MILLIS);
                let whole = |value: Option<u64>| value.and_then(|value| i64::try_from(value).ok());
                let sample = Sample {
                    at: now,
                    state: entry.state(),
                    cause: entry.cause(),
                    decision: entry.assessment.as_ref().map(|said| said.decision.kind),
                    lag: entry.lag,
                    checkpoint,
                    documents: whole(index.and_then(crate::domain::facts::IndexStats::documents)),
                    bytes: whole(index.and_then(|index| index.store_bytes)),
                    read_minutes: read,
                    runway_at: entry.runway.map(Timestamp::as_second),
                };
                (key.clone(), sample)
            })
            .collect();
        self.recorder.sampled(now, samples);
    }
}
