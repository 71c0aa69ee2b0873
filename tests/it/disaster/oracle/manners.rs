//! Any request: a reason for a pause, respect for people, nothing sent twice (promises 3, 6, 11).

use super::{Deed, Does, Kind, Moment, Violation};

/// [`Limits::ours`](refollow::domain::run::Limits), as `docs/SAFETY.md` states it.
const OURS_MS: i64 = 5 * 60_000;

impl Moment<'_> {
    /// Promise 3.
    pub(super) fn pause_needs_reason(&self) -> Option<Violation> {
        if self.does != Does::Pause || self.before.fatal > 0 || self.disturbed_since_look("follower") {
            return None;
        }
        // Paused already, and so nothing was taken away from it.
        if self.before.tasks == 0 || self.earlier().any(|deed| deed.kind == Kind::Approved) {
            return None;
        }
        self.broken(
            "pause_needs_reason",
            "no shard is fatal, and nobody approved anything for it",
        )
    }

    /// Promise 11.
    pub(super) fn people_are_obeyed(&self) -> Option<Violation> {
        if matches!(self.does, Does::Refresh | Does::Forget) {
            return None;
        }
        let last = self
            .earlier()
            .rfind(|deed| matches!(deed.kind, Kind::Hands(_) | Kind::HandsOff))?;
        let looked = self
            .look("follower")
            .is_some_and(|look| look.seq >= last.seqs[self.pair]);
        if last.kind == Kind::HandsOff || !looked || !self.entry.acted || self.looks_like_ours(last) {
            return None;
        }
        self.broken(
            "people_are_obeyed",
            format!("somebody paused, closed or unfollowed it at {} ms", last.at_ms),
        )
    }

    /// Within minutes of it the daemon lost the same request for the same follower, and nothing
    /// that Elasticsearch keeps tells the two apart (docs/SAFETY.md, *limits*).
    fn looks_like_ours(&self, deed: &Deed) -> bool {
        let (Kind::Hands(end), Some(follower)) = (&deed.kind, &deed.follower) else {
            return false;
        };
        self.record.unsent.iter().any(|lost| {
            let path = lost.path.split('?').next().unwrap_or_default();
            lost.pair == self.pair
                && path == format!("/{follower}/{end}")
                && (lost.at_ms - deed.at_ms).abs() < OURS_MS
        })
    }

    /// Promise 6.
    pub(super) fn sent_once(&self) -> Option<Violation> {
        if self.does == Does::Refresh {
            return None;
        }
        let last = self.log().iter().rev().find(|entry| {
            entry.seq < self.entry.seq
                && entry.changes
                && (entry.cluster, entry.method, &entry.path, &entry.body)
                    == (
                        self.entry.cluster,
                        self.entry.method,
                        &self.entry.path,
                        &self.entry.body,
                    )
        })?;
        let looked = self.look("follower").is_some_and(|look| look.seq > last.seq);
        if looked {
            return None;
        }
        self.broken(
            "sent_once",
            format!("#{} was the same request, and no look since", last.seq),
        )
    }
}
