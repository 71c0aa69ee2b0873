//! Why a follower is not following, with each cause's ladder, approval and rank (contract, *Causes*).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::domain::state::named_enum;

named_enum! {
    /// The closed list of causes.
    Cause {
        /// Nothing wrong.
        None = "none",
        /// The leader no longer has the operations the follower needs.
        HistoryLost = "history_lost",
        /// The leader index does not exist on the leader cluster.
        LeaderDeleted = "leader_deleted",
        /// Another index of that name stands in the leader's place.
        LeaderReplaced = "leader_replaced",
        /// The leader's history was replaced or went back.
        LeaderRewound = "leader_rewound",
        /// Equal checkpoints, different document counts, repeatedly, on a quiet index.
        Diverged = "diverged",
        /// The alias leads to another cluster than the one followed.
        RemoteRepointed = "remote_repointed",
        /// The leader cannot be followed.
        LeaderNotFollowable = "leader_not_followable",
        /// The leader index is closed.
        LeaderClosed = "leader_closed",
        /// A leader primary is not active.
        LeaderUnavailable = "leader_unavailable",
        /// The remote cluster is configured but not connected.
        RemoteUnreachable = "remote_unreachable",
        /// The alias is not known to the follower cluster.
        RemoteNotConfigured = "remote_not_configured",
        /// The licence of either side does not allow CCR.
        License = "license",
        /// Security exceptions.
        Credentials = "credentials",
        /// An index block on the follower stops writes.
        FollowerBlocked = "follower_blocked",
        /// The follower is closed, and not by a run of ours.
        FollowerClosed = "follower_closed",
        /// A follower primary is not allocated, for another reason than a failed restore.
        FollowerUnallocated = "follower_unallocated",
        /// A remote recovery failed and will not be tried again.
        RestoreFailed = "restore_failed",
        /// A remote recovery has moved no byte for 15 minutes.
        RestoreStuck = "restore_stuck",
        /// A remote recovery is running.
        Restoring = "restoring",
        /// Our own follow was restored and never started following.
        RestoredNotFollowing = "restored_not_following",
        /// Paused, and our journal does not explain it.
        Paused = "paused",
        /// A leader change cannot be applied on the follower.
        LeaderChangeRejected = "leader_change_rejected",
        /// Resume is refused because replicated settings differ.
        SettingsDiverged = "settings_diverged",
        /// The follower shard itself was replaced.
        FollowerRewritten = "follower_rewritten",
        /// A shard has no running follow task.
        TaskUnassigned = "task_unassigned",
        /// Circuit breaker, rejected execution.
        Overloaded = "overloaded",
        /// State `stalled` and no other cause fits.
        Stalled = "stalled",
        /// A fatal exception of no known kind.
        Unclassified = "unclassified",
        /// It was a follower and carries no CCR metadata any more.
        Unfollowed = "unfollowed",
        /// Known, declared or promised, and not there.
        Missing = "missing",
        /// An auto-follow pattern reports errors or is paused (of a pattern, not of a follower).
        AutoFollowFailing = "auto_follow_failing",
        /// It could not be looked at.
        Unknown = "unknown",
    }
}

named_enum! {
    /// What would cure a cause.
    Remedy {
        /// Wait: it heals by itself.
        Wait = "wait",
        /// A person must do something that refollow does not.
        Human = "human",
        /// Pause if active, then resume with the remembered parameters.
        Resume = "resume",
        /// Pause, close, remove the lease, follow over the closed index: every local segment is copied again.
        Recreate = "recreate",
        /// Delete the follower and follow as a new index.
        DeleteAndFollow = "delete_and_follow",
    }
}

impl Remedy {
    /// Contract, *Boldness*: `none` = `wait` = `human` < `resume` < `recreate` < `delete_and_follow`.
    pub const fn boldness(self) -> u8 {
        match self {
            Self::Wait | Self::Human => 0,
            Self::Resume => 1,
            Self::Recreate => 2,
            Self::DeleteAndFollow => 3,
        }
    }

    /// Whether it destroys the local copy.
    pub const fn destroys(self) -> bool {
        self.boldness() >= 2
    }
}

named_enum! {
    /// Who must agree before a remedy of a cause may start, by the nature of the cause.
    Approval {
        /// No repair by refollow, approved or not.
        Never = "never",
        /// A person in every mode.
        Always = "always",
        /// The rules decide.
        Policy = "policy",
        /// Nothing here needs one by nature.
        None = "none",
    }
}

impl Cause {
    /// The ladder of the contract's table, mildest first, before the proof of identity is asked for.
    pub const fn ladder(self) -> &'static [Remedy] {
        use Remedy::{DeleteAndFollow, Human, Recreate, Resume, Wait};
        match self {
            Self::None | Self::Paused => &[],
            Self::HistoryLost => &[Resume, Recreate],
            Self::LeaderReplaced | Self::LeaderRewound | Self::SettingsDiverged => &[Human, Recreate],
            Self::LeaderDeleted
            | Self::Diverged
            | Self::RemoteRepointed
            | Self::LeaderNotFollowable
            | Self::License
            | Self::FollowerBlocked
            | Self::FollowerClosed
            | Self::RestoreStuck
            | Self::Unfollowed
            | Self::Missing
            | Self::AutoFollowFailing => &[Human],
            Self::LeaderClosed
            | Self::LeaderUnavailable
            | Self::Restoring
            | Self::Overloaded
            | Self::Unknown => &[Wait],
            Self::RemoteUnreachable => &[Wait, Resume],
            Self::RemoteNotConfigured | Self::Credentials | Self::LeaderChangeRejected => &[Human, Resume],
            Self::FollowerUnallocated | Self::TaskUnassigned => &[Wait, Human],
            Self::RestoreFailed => &[Human, Recreate, DeleteAndFollow],
            Self::RestoredNotFollowing => &[Resume],
            Self::FollowerRewritten => &[Human, Resume, Recreate],
            Self::Stalled | Self::Unclassified => &[Resume, Human],
        }
    }

    /// The approval column of the contract's table.
    pub const fn approval(self) -> Approval {
        match self {
            Self::None
            | Self::LeaderClosed
            | Self::LeaderUnavailable
            | Self::Restoring
            | Self::Overloaded => Approval::None,
            Self::HistoryLost
            | Self::RemoteUnreachable
            | Self::RemoteNotConfigured
            | Self::Credentials
            | Self::RestoredNotFollowing
            | Self::LeaderChangeRejected
            | Self::Stalled
            | Self::Unclassified => Approval::Policy,
            Self::LeaderReplaced
            | Self::LeaderRewound
            | Self::RestoreFailed
            | Self::SettingsDiverged
            | Self::FollowerRewritten => Approval::Always,
            Self::LeaderDeleted
            | Self::Diverged
            | Self::RemoteRepointed
            | Self::LeaderNotFollowable
            | Self::License
            | Self::FollowerBlocked
            | Self::FollowerClosed
            | Self::FollowerUnallocated
            | Self::RestoreStuck
            | Self::Paused
            | Self::TaskUnassigned
            | Self::Unfollowed
            | Self::Missing
            | Self::AutoFollowFailing
            | Self::Unknown => Approval::Never,
        }
    }

    /// Contract, *Precedence*: the first of these that fits is the verdict.
    pub const PRECEDENCE: &'static [Self] = &[
        Self::Unknown,
        Self::License,
        Self::Unfollowed,
        Self::Missing,
        Self::LeaderDeleted,
        Self::RemoteRepointed,
        Self::LeaderReplaced,
        Self::LeaderRewound,
        Self::LeaderNotFollowable,
        Self::RestoreStuck,
        Self::Restoring,
        Self::RestoreFailed,
        Self::RestoredNotFollowing,
        Self::RemoteNotConfigured,
        Self::RemoteUnreachable,
        Self::Credentials,
        Self::LeaderClosed,
        Self::LeaderUnavailable,
        Self::FollowerClosed,
        Self::FollowerUnallocated,
        Self::FollowerBlocked,
        Self::SettingsDiverged,
        Self::LeaderChangeRejected,
        Self::FollowerRewritten,
        Self::HistoryLost,
        Self::Paused,
        Self::TaskUnassigned,
        Self::Overloaded,
        Self::Unclassified,
        Self::Stalled,
        Self::Diverged,
        Self::None,
    ];
}
