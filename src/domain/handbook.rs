//! The handbook: for every cause what it is, what shows it, what misleads, what refollow does and
//! what a person should do. One source for `docs/JUDGEMENT.md` and for what `refollow why` prints.
//!
//! Owns the words. Ladder and approval are never written here: they come from [`Cause`]. Facts are
//! those of `measured.md` (recordings are cited by number) and, where nothing was recorded, say so.

mod document;
mod follower;
mod history;
mod leader;
mod others;
mod remote;
mod restore;

use serde::{Deserialize, Serialize};

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::state::State;

pub use document::{CORPUS_BEGIN, CORPUS_END, kept, markdown};

/// What is known of one cause. `{key}`, `{follower}`, `{leader}` and `{alias}` stand for names.
#[derive(Debug)]
pub struct Section {
    /// Which cause.
    pub cause: Cause,
    /// What it is, in a sentence or two.
    pub what: &'static str,
    /// What it means for the data.
    pub data: &'static str,
    /// States in which it is seen; empty: it is no cause of a follower.
    pub states: &'static [State],
    /// Fields and exceptions that show it.
    pub see: &'static [&'static str],
    /// What looks otherwise than it is.
    pub misleads: &'static str,
    /// Why it happens.
    pub why: &'static str,
    /// What refollow does, beside ladder and approval.
    pub does: &'static str,
    /// What refollow never does.
    pub never: &'static str,
    /// What a person does first.
    pub first: &'static str,
    /// Commands in the order of use; those of Elasticsearch say on which cluster.
    pub commands: &'static [&'static str],
    /// What a person never does.
    pub you_never: &'static str,
    /// How long until it is noticed.
    pub noticed: &'static str,
    /// Numbers of the recordings of real clusters that show it.
    pub recordings: &'static [&'static str],
    /// Scenarios of the sandbox that play it.
    pub scenarios: &'static [&'static str],
    /// Names of tests that hold it.
    pub tests: &'static [&'static str],
    /// How sure that is, in words.
    pub verified: &'static str,
}

/// Sections by subject; each file holds some.
const PARTS: &[&[Section]] = &[
    others::SECTIONS,
    history::SECTIONS,
    leader::SECTIONS,
    remote::SECTIONS,
    follower::SECTIONS,
    restore::SECTIONS,
];

/// The section of a cause. Every cause has one (a test holds that).
pub fn section(cause: Cause) -> Option<&'static Section> {
    PARTS
        .iter()
        .flat_map(|part| part.iter())
        .find(|section| section.cause == cause)
}

/// Names that stand in for the placeholders.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    /// `<cluster>/<follower>`.
    pub key: &'a str,
    /// The follower index.
    pub follower: &'a str,
    /// The leader index.
    pub leader: &'a str,
    /// The alias.
    pub alias: &'a str,
}

impl Names<'_> {
    /// The text with these names in it.
    fn fill(&self, text: &str) -> String {
        text.replace("{key}", self.key)
            .replace("{follower}", self.follower)
            .replace("{leader}", self.leader)
            .replace("{alias}", self.alias)
    }
}

/// A section in short, with the names of one follower: what `refollow why` prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Short {
    /// What it is.
    pub what: String,
    /// What it means for the data.
    pub data: String,
    /// What refollow does, and never does.
    pub refollow: String,
    /// What to do first.
    pub you: String,
    /// What never to do.
    pub never: String,
    /// Commands in the order of use.
    pub commands: Vec<String>,
}

/// The section of a cause in short.
pub fn short(cause: Cause, names: &Names<'_>) -> Option<Short> {
    let section = section(cause)?;
    Some(Short {
        what: names.fill(section.what),
        data: names.fill(section.data),
        refollow: format!("{} {}", names.fill(section.does), names.fill(section.never)),
        you: names.fill(section.first),
        never: names.fill(section.you_never),
        commands: section
            .commands
            .iter()
            .map(|command| names.fill(command))
            .collect(),
    })
}

/// The rungs as people read them: `resume > recreate`.
pub fn rungs(ladder: &[Remedy]) -> String {
    if ladder.is_empty() {
        return "none".to_owned();
    }
    let names: Vec<&str> = ladder.iter().map(|rung| rung.as_str()).collect();
    names.join(" > ")
}

/// What an approval means.
pub const fn approval_means(approval: Approval) -> &'static str {
    match approval {
        Approval::None => "nothing here needs one by nature; the mode may still ask",
        Approval::Policy => "the rules decide",
        Approval::Always => "a person must agree, in every mode",
        Approval::Never => "no repair by refollow, approved or not",
    }
}

/// What follows from a ladder, whatever the cause: when waiting ends, what a copy needs.
pub fn ladder_means(cause: Cause) -> Vec<&'static str> {
    let ladder = cause.ladder();
    let mut means = Vec::new();
    if ladder.first() == Some(&Remedy::Wait) {
        means.push("Waiting ends: after one hour, or half the runway if that is sooner, a person is asked.");
    }
    if ladder.contains(&Remedy::Resume) {
        means.push(
            "A resume keeps the remembered parameters. A follower that somebody else has paused is not resumed.",
        );
    }
    if ladder.iter().any(|rung| rung.destroys()) {
        let replaced = matches!(cause, Cause::LeaderReplaced | Cause::LeaderRewound);
        means.push(if replaced {
            "A recreate replaces every document of the follower by the leader's. The leader's present UUID and histories must be known from a look at it."
        } else {
            "A recreate replaces every document of the follower by the leader's. It stands in the ladder only while the leader is proven to be the index that was followed."
        });
    }
    if cause.approval() == Approval::Never {
        means.push("No plan is made for it.");
    }
    means
}
