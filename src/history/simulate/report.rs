//! What a simulation tells: of each follower what was decided and done, and the sums, and how two
//! sets of settings differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::domain::cause::{Cause, Remedy};
use crate::domain::decision::DecisionKind;
use crate::domain::ids::FollowerKey;
use crate::domain::time::Timestamp;
use crate::policy::Assessment;

/// How often something would have been done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// Runs that may go as far as a recreate, or a delete and follow.
    pub recreated: u32,
    /// Runs that resume and go no further.
    pub resumed: u32,
    /// Plans that a person was asked about.
    pub asked: u32,
    /// Causes that people were told of because there is nothing that refollow does, for a minute at least.
    pub paged: u32,
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.recreated += other.recreated;
        self.resumed += other.resumed;
        self.asked += other.asked;
        self.paged += other.paged;
    }
}

/// The policy's word changed to this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decided {
    /// When.
    pub at: Timestamp,
    /// To what.
    pub kind: DecisionKind,
    /// The cause then.
    pub cause: Cause,
    /// The first reason.
    pub why: String,
}

/// A run that would have begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// When.
    pub at: Timestamp,
    /// The plan's hash.
    pub plan: String,
    /// For which cause.
    pub cause: Cause,
    /// The rungs that it might climb, mildest first.
    pub rungs: Vec<Remedy>,
    /// The daemon began the run of this plan then too.
    pub daemon_too: bool,
}

/// One follower under one set of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Told {
    /// The sums.
    pub tally: Tally,
    /// Every change of the policy's word.
    pub decisions: Vec<Decided>,
    /// Every run.
    pub acts: Vec<Act>,
    /// From these times on what was recorded would not have happened; counted again once it was
    /// seen well.
    pub parted: Vec<Timestamp>,
}

impl Told {
    pub(super) fn count_asked(&mut self, asked: &mut BTreeSet<String>, assessment: &Assessment) {
        let plan = assessment
            .plan
            .as_ref()
            .map(|plan| plan.hash.to_string())
            .unwrap_or_default();
        self.tally.asked += u32::from(asked.insert(plan));
    }

    pub(super) fn count_paged(&mut self, paged: &mut BTreeSet<Cause>, cause: Cause) {
        self.tally.paged += u32::from(paged.insert(cause));
    }

    pub(super) fn acted(&mut self, act: Act) {
        if act.rungs.iter().any(|rung| rung.destroys()) {
            self.tally.recreated += 1;
        } else {
            self.tally.resumed += 1;
        }
        self.acts.push(act);
    }
}

/// All followers under one set of settings.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Outcome {
    /// In sum.
    pub sum: Tally,
    /// Of each.
    pub followers: BTreeMap<FollowerKey, Told>,
}

impl Outcome {
    pub(super) fn of(followers: impl Iterator<Item = (FollowerKey, Told)>) -> Self {
        let followers: BTreeMap<FollowerKey, Told> = followers.collect();
        let mut sum = Tally::default();
        for told in followers.values() {
            sum.add(&told.tally);
        }
        Self { sum, followers }
    }
}

/// What one follower's first difference is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// When the words first differ.
    pub at: Timestamp,
    /// The word of today's settings.
    pub today: Option<DecisionKind>,
    /// The word of the new ones.
    pub new: Option<DecisionKind>,
    /// Why, by the new ones.
    pub why: String,
}

/// One follower under both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Which.
    pub follower: FollowerKey,
    /// Under today's settings.
    pub today: Tally,
    /// Under the new ones.
    pub new: Tally,
    /// Where they part; `None`: they never do.
    pub first: Option<Change>,
}

/// Two sets of settings over the same past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The first recorded pass; `None`: nothing was recorded.
    pub from: Option<Timestamp>,
    /// The last.
    pub until: Option<Timestamp>,
    /// Passes that were gone through.
    pub passes: u64,
    /// Blocks and lines that this version could not read.
    pub unreadable: u64,
    /// Under today's settings.
    pub today: Tally,
    /// Under the new ones.
    pub new: Tally,
    /// Every follower of which anything was decided but to leave it.
    pub followers: Vec<Difference>,
}

impl Report {
    /// The report of two outcomes over the same passes.
    pub fn of(today: &Outcome, new: &Outcome) -> Self {
        let keys: BTreeSet<&FollowerKey> = today.followers.keys().chain(new.followers.keys()).collect();
        let none = Told::default();
        let followers = keys
            .into_iter()
            .filter_map(|key| {
                let today = today.followers.get(key).unwrap_or(&none);
                let new = new.followers.get(key).unwrap_or(&none);
                let quiet = |told: &Told| {
                    told.acts.is_empty() && told.decisions.iter().all(|one| one.kind == DecisionKind::Leave)
                };
                (!quiet(today) || !quiet(new)).then(|| Difference {
                    follower: key.clone(),
                    today: today.tally,
                    new: new.tally,
                    first: first_change(today, new),
                })
            })
            .collect();
        Self {
            from: None,
            until: None,
            passes: 0,
            unreadable: 0,
            today: today.sum,
            new: new.sum,
            followers,
        }
    }

    /// Whether anything at all would be different.
    pub fn differs(&self) -> bool {
        self.today != self.new
            || self
                .followers
                .iter()
                .any(|one| one.first.is_some() || one.today != one.new)
    }
}

fn first_change(today: &Told, new: &Told) -> Option<Change> {
    let longest = today.decisions.len().max(new.decisions.len());
    (0..longest).find_map(|place| {
        let (one, other) = (today.decisions.get(place), new.decisions.get(place));
        let same = match (one, other) {
            (Some(one), Some(other)) => one.kind == other.kind && one.at == other.at,
            _ => false,
        };
        let at = one
            .map(|one| one.at)
            .into_iter()
            .chain(other.map(|one| one.at))
            .min()?;
        (!same).then(|| Change {
            at,
            today: one.filter(|one| one.at == at).map(|one| one.kind),
            new: other.filter(|one| one.at == at).map(|one| one.kind),
            why: other.map(|one| one.why.clone()).unwrap_or_default(),
        })
    })
}
