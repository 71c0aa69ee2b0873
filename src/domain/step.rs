//! The closed list of steps of a run, and on which side of the point of no return each stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::state::named_enum;

named_enum! {
    /// One step: at most one request that changes something, proven by looking.
    Step {
        /// Take the lock, look again, judge again: same plan hash, all guards.
        LookAgain = "look_again",
        /// `pause_follow`, and see `paused`.
        Pause = "pause",
        /// `resume_follow` with the remembered parameters (the mild rung).
        Resume = "resume",
        /// See it following, or fatal again for the same cause.
        ProveResume = "prove_resume",
        /// `_close`, and see it closed.
        Close = "close",
        /// `forget_follower` on the leader, and see the lease absent on every leader primary.
        Forget = "forget_follower",
        /// `unfollow`, where the plan chose it: the lease goes, and with it the way back.
        Unfollow = "unfollow",
        /// `PUT follow`: the point of no return.
        Follow = "follow",
        /// `delete_and_follow`: `forget_follower` for the lease of the index that is to be deleted.
        ForgetOrphan = "forget_orphan",
        /// `delete_and_follow`: `DELETE` of the follower whose restore failed.
        Delete = "delete",
        /// `delete_and_follow`: `PUT follow` under the name that the delete made free.
        FollowNew = "follow_new",
        /// Side by side: `PUT follow` under a name that is free; the follower is not touched.
        FollowBeside = "follow_beside",
        /// Side by side, backing out: `DELETE` of the copy that this run made, by its UUID.
        DropBeside = "drop_beside",
        /// Watch the remote recovery to its end.
        WatchRecovery = "watch_recovery",
        /// `resume_follow` after a restore that was never followed.
        ResumeRestored = "resume_restored",
        /// Put the follower's own settings back.
        RestoreSettings = "restore_settings",
        /// Prove the cure (safety 12).
        Verify = "verify",
        /// Backing out: `_open`.
        Reopen = "reopen",
        /// Backing out: `resume_follow` with the old parameters.
        ResumeBack = "resume_back",
    }
}

impl Step {
    /// Whether the step sends a request that changes a cluster.
    pub const fn changes(self) -> bool {
        !matches!(
            self,
            Self::LookAgain | Self::ProveResume | Self::WatchRecovery | Self::Verify
        )
    }

    /// Whether it belongs to backing out: allowed under every brake (contract).
    pub const fn backs_out(self) -> bool {
        matches!(self, Self::Reopen | Self::ResumeBack | Self::DropBeside)
    }

    /// Whether it only finishes what the PUT, or the delete, began.
    pub const fn finishes(self) -> bool {
        matches!(
            self,
            Self::FollowNew
                | Self::WatchRecovery
                | Self::ResumeRestored
                | Self::RestoreSettings
                | Self::Verify
        )
    }
}
