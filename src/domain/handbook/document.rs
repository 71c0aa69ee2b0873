//! `docs/JUDGEMENT.md` from the sections.
#![expect(
    clippy::format_push_string,
    reason = "a document of some hundred lines, made by one test"
)]

use super::{Names, Section, approval_means, ladder_means, rungs, section};
use crate::domain::cause::Cause;
use crate::domain::state::State;

/// Between this line and [`CORPUS_END`] stands what another test writes.
pub const CORPUS_BEGIN: &str = "<!-- corpus:begin -->";
/// See [`CORPUS_BEGIN`].
pub const CORPUS_END: &str = "<!-- corpus:end -->";

const NAMES: Names<'static> = Names {
    key: "<cluster>/<follower>",
    follower: "<follower>",
    leader: "<leader>",
    alias: "<alias>",
};

const HEAD: &str = "# Judgement

<!-- Made from src/domain/handbook.rs. Do not edit: change the text there, then
     UPDATE_DOCS=1 cargo test --test it judgement_doc:: -->

What can be wrong with a follower, how to see it, what refollow does about it, and what you do. One section for each cause, all
in the same form. `refollow why <cluster>/<index>` prints the short form of the section that holds, with the names filled in.

**First, whatever it is.** `refollow status` shows every follower. `refollow why <cluster>/<index>` shows one, with every
guard. To stop every repair at once: `refollow brake all --reason \"…\"`; with the daemon down: `touch` the brake file
([OPERATIONS](OPERATIONS.md#at-three-in-the-morning)).

**Never, whatever it is.** Do not delete a follower to repair it. Do not send `PUT …/_ccr/follow` over a closed index by hand
without reading [SAFETY](SAFETY.md): it replaces its data, and with a live lease it leaves nothing.

**The runway** is the time until the leader may discard what a follower still needs. It runs while nothing renews the follower's
lease: paused, fatal, closed, unreachable. When it has ended, history *may be lost from now on*. It need not be: a resume can
still succeed, and only a resume tells (recording 35).

**How long** is told for the defaults: `poll_interval` 15 s, `leader_side_interval` 60 s, `judge.confirm_looks` 2. A verdict
is shown with the first look that gives it; a plan is made when it has held for `confirm_looks` looks.

**Names.** `<follower>` and `<leader>` are the indices, `<alias>` is the remote cluster's name on the follower cluster. Commands of
Elasticsearch say on which cluster they are sent. *Recording 02* is
`tests/recordings/*/02-*.json`: every request and answer of a real pair of clusters.
";

const STATES: &[(State, &str)] = &[
    (State::Unknown, "it could not be looked at"),
    (State::Missing, "it does not exist, or is no follower any more"),
    (State::Closed, "the index is closed"),
    (State::Restoring, "a remote recovery is running"),
    (
        State::Red,
        "a primary is not allocated, and no restore is running",
    ),
    (State::Fatal, "a follow task has failed for good"),
    (State::Paused, "`_ccr/info` says so"),
    (State::Retrying, "reads or writes fail, and go on failing"),
    (
        State::Stalled,
        "the task neither reads nor writes for three poll timeouts",
    ),
    (State::CatchingUp, "more than 5,120 operations behind on a shard"),
    (State::Following, "it follows"),
];

/// The document. `corpus` stands between the two marker lines, as it was.
pub fn markdown(corpus: &str) -> String {
    let mut out = HEAD.to_owned();
    out += "\n## States\n\nThe first that holds, over all shards.\n\n| state | means |\n|---|---|\n";
    for (state, means) in STATES {
        out += &format!("| `{state}` | {means} |\n");
    }
    out += "\n## Causes\n\nWhere several fit, the first in the order of the contract's precedence is the verdict, the others stand beside it.\n\n";
    out += "| cause | ladder | approval |\n|---|---|---|\n";
    for cause in Cause::ALL {
        out += &format!(
            "| [`{cause}`](#{cause}) | `{}` | `{}` |\n",
            rungs(cause.ladder()),
            cause.approval()
        );
    }
    for section in Cause::ALL.iter().filter_map(|cause| section(*cause)) {
        out += &text(section);
    }
    out += &format!("\n## How often the judge is right\n\n{CORPUS_BEGIN}\n{corpus}{CORPUS_END}\n");
    out
}

/// What stands between the marker lines of a document; empty where they are missing.
pub fn kept(document: &str) -> &str {
    let between = || {
        let (_, rest) = document.split_once(CORPUS_BEGIN)?;
        let (corpus, _) = rest.split_once(CORPUS_END)?;
        Some(corpus.strip_prefix('\n').unwrap_or(corpus))
    };
    between().unwrap_or_default()
}

fn text(section: &Section) -> String {
    let cause = section.cause;
    let fill = |text: &str| NAMES.fill(text);
    let mut out = format!("\n### {cause}\n\n**What it is.** {}\n\n", fill(section.what));
    out += &format!("**The data.** {}\n\n", fill(section.data));
    let states: Vec<String> = section.states.iter().map(|state| format!("`{state}`")).collect();
    let states = if states.is_empty() {
        "none: it is no cause of one follower".to_owned()
    } else {
        states.join(", ")
    };
    out += &format!("**What you will see.** State: {states}.\n\n");
    out += &list(section.see.iter().map(|line| fill(line)));
    out += &format!("\n**What misleads.** {}\n\n", fill(section.misleads));
    out += &format!("**Why it happens.** {}\n\n", fill(section.why));
    out += &format!(
        "**What refollow does.** Ladder `{}`. Approval `{}`: {}. {} {}\n\n",
        rungs(cause.ladder()),
        cause.approval(),
        approval_means(cause.approval()),
        fill(section.does),
        ladder_means(cause).join(" ")
    );
    out += &format!("**What it never does.** {}\n\n", fill(section.never));
    out += &format!("**What you should do.** {}\n\n```\n", fill(section.first));
    for command in section.commands {
        out += &format!("{}\n", fill(command));
    }
    out += &format!("```\n\n**Never:** {}\n\n", fill(section.you_never));
    out += &format!("**How long until it is noticed.** {}\n\n", fill(section.noticed));
    out += &format!("**How it was verified.** {}", fill(section.verified));
    let mut by = Vec::new();
    for (kind, names) in [
        ("recordings", section.recordings),
        ("scenarios", section.scenarios),
        ("tests", section.tests),
    ] {
        if !names.is_empty() {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            by.push(format!("{kind} {}", names.join(", ")));
        }
    }
    if !by.is_empty() {
        out += &format!(" By: {}.", by.join("; "));
    }
    out.push('\n');
    out.replace(" \n", "\n")
}

fn list(lines: impl Iterator<Item = String>) -> String {
    lines.fold(String::new(), |out, line| out + "- " + &line + "\n")
}
