//! The point of no return: what must stand when a PUT or a DELETE arrives (promises 2, 4, 6, 7).

use super::super::stage::{is_twin, twin_of};
use super::{Does, FRESH_MS, Kind, Moment, Violation, does};

impl Moment<'_> {
    /// Promise 7.
    pub(super) fn lease_gone_before_put(&self) -> Option<Violation> {
        if self.does != Does::Put || self.before.leases == 0 || self.disturbed_since_look("leader") {
            return None;
        }
        self.broken(
            "lease_gone_before_put",
            format!("its lease lives on {} shards", self.before.leases),
        )
    }

    /// Promise 7: closed by us in this run, and no task left.
    pub(super) fn put_only_over_closed_by_us(&self) -> Option<Violation> {
        if self.does != Does::Put || self.disturbed_since_look("follower") {
            return None;
        }
        let Some(follower) = &self.before.follower else {
            // Side by side: under a free name, and only for a person's yes.
            if is_twin(&self.before.name) && self.earlier().any(|deed| deed.kind == Kind::Approved) {
                return None;
            }
            let deleted = self.ours().next().is_some_and(|last| does(last) == Does::Delete);
            return if deleted {
                None
            } else {
                self.broken(
                    "put_only_over_closed_by_us",
                    "there is no follower, and we did not delete it",
                )
            };
        };
        if follower.open || self.before.tasks > 0 {
            return self.broken(
                "put_only_over_closed_by_us",
                format!("open: {}, tasks: {}", follower.open, self.before.tasks),
            );
        }
        let by_us = self
            .ours()
            .find(|entry| {
                matches!(
                    does(entry),
                    Does::Close | Does::Open | Does::Put | Does::Resume | Does::Delete
                )
            })
            .is_some_and(|entry| does(entry) == Does::Close);
        if by_us {
            return None;
        }
        self.broken("put_only_over_closed_by_us", "it was not closed by us")
    }

    /// Side by side: while a copy that we made stands beside it, the follower is the way back, and given
    /// up only for a yes that came later.
    pub(super) fn way_back_is_kept(&self) -> Option<Violation> {
        if !matches!(self.does, Does::Pause | Does::Close | Does::Put | Does::Delete)
            || is_twin(&self.before.name)
        {
            return None;
        }
        let twin = twin_of(&self.before.name);
        let last = self
            .log()
            .iter()
            .rev()
            .filter(|entry| entry.seq < self.entry.seq && entry.changes && entry.acted)
            .filter(|entry| matches!(does(entry), Does::Put | Does::Delete))
            .find(|entry| entry.before.as_ref().is_some_and(|before| before.name == twin))?;
        let later = self
            .earlier()
            .any(|deed| deed.kind == Kind::Approved && deed.seqs[self.pair] > last.seq);
        if does(last) == Does::Delete || later {
            return None;
        }
        self.broken(
            "way_back_is_kept",
            format!(
                "`{twin}` was made beside it at #{}, and nobody has said so since",
                last.seq
            ),
        )
    }

    /// Promise 6.
    pub(super) fn look_between_puts(&self) -> Option<Violation> {
        if self.does != Does::Put {
            return None;
        }
        let last = self
            .log()
            .iter()
            .rev()
            .filter(|entry| entry.seq < self.entry.seq && does(entry) == Does::Put)
            .find(|entry| {
                entry
                    .before
                    .as_ref()
                    .is_some_and(|before| before.name == self.before.name)
            })?;
        let looked = self.look("follower").is_some_and(|look| look.seq > last.seq);
        if looked {
            return None;
        }
        self.broken(
            "look_between_puts",
            format!("PUT #{} came before, and no look since", last.seq),
        )
    }

    /// Promise 4.
    pub(super) fn leader_is_good(&self) -> Option<Violation> {
        if !self.does.destroys() || self.disturbed_since_look("leader") {
            return None;
        }
        if is_twin(&self.before.name) {
            return None;
        }
        // Deleting or following anew what is already empty or broken loses nothing of the follower's.
        let promise = "leader_is_good";
        let Some(leader) = &self.before.leader else {
            return self.broken(promise, "the leader is missing");
        };
        if !leader.open {
            return self.broken(promise, "the leader is closed");
        }
        if !leader.whole() {
            return self.broken(promise, "a leader primary is not there");
        }
        if !self.before.connected {
            return self.broken(promise, "the clusters do not reach each other");
        }
        let histories: Vec<String> = leader.shards.iter().map(|shard| shard.history.clone()).collect();
        if let Some((uuid, followed)) = &self.before.followed {
            if *uuid != leader.uuid {
                return self.broken(promise, "the leader is another index");
            }
            if *followed != histories {
                return self.broken(promise, "the leader has another history");
            }
        }
        let follower = self.before.follower.as_ref()?;
        if leader.docs() < follower.docs() {
            return self.broken(
                promise,
                format!(
                    "the leader has {} documents, the follower {}",
                    leader.docs(),
                    follower.docs()
                ),
            );
        }
        for (number, (theirs, ours)) in leader.shards.iter().zip(&follower.shards).enumerate() {
            if theirs.max_seq < ours.max_seq {
                return self.broken(
                    promise,
                    format!(
                        "shard {number}: leader at {}, follower at {}",
                        theirs.max_seq, ours.max_seq
                    ),
                );
            }
        }
        None
    }

    /// Promise 2.
    pub(super) fn looked_just_before(&self) -> Option<Violation> {
        if !self.does.destroys() {
            return None;
        }
        for cluster in ["follower", "leader"] {
            let age = self.look(cluster).map(|look| self.entry.at_ms - look.at_ms);
            if age.is_none_or(|age| age > FRESH_MS) {
                return self.broken(
                    "looked_just_before",
                    format!("the last look at the {cluster} is {age:?} ms old"),
                );
            }
        }
        None
    }
}
