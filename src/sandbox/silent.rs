//! What breaks a follower without a word in any answer: a document that is lost on one side, a
//! task that waits for ever, a task without a node.
//!
//! No request brings these about, so they are done to the pair itself; what a request can do is
//! in `scenario`.

use super::pair::{Pair, Side};
use super::task::Reading;

impl Pair {
    /// The follower loses one document of a shard and no sequence number (elastic/elasticsearch
    /// #89991: both sides at the same operations, holding other documents). False: it has none.
    pub fn lose_document(&mut self, follower_index: &str) -> bool {
        self.cluster_mut(Side::Follower)
            .indices
            .get_mut(follower_index)
            .is_some_and(|index| index.shards.iter_mut().any(super::shard::Shard::drop_document))
    }

    /// Every task of a follower waits for a change of mapping or settings that is retried without
    /// end: no read, no exception (reference 2.1). The lease goes on being renewed.
    pub fn stall(&mut self, follower_index: &str) {
        for task in self.cluster_mut(Side::Follower).tasks.values_mut() {
            if task.follower == follower_index {
                task.run.reading = Reading::Due;
                task.run.read_due_ms = i64::MAX;
            }
        }
    }

    /// The task of one shard has no node, as after the loss of its node while assignment is
    /// disabled. Where the cluster's settings allow assignment, the next change of them brings
    /// it back. False: no such task.
    pub fn unassign(&mut self, follower_index: &str, shard: u32) -> bool {
        let task = self
            .cluster_mut(Side::Follower)
            .tasks
            .values_mut()
            .find(|task| task.follower == follower_index && task.shard == shard);
        let found = task.is_some();
        if let Some(task) = task {
            task.assigned = false;
        }
        found
    }
}
