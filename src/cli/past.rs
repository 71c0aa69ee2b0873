//! `refollow simulate` and `refollow history export`: read from a state, beside a daemon or without.
#![expect(clippy::format_push_string, reason = "a few lines, read by people")]

use std::io::{BufRead as _, BufReader, Write};
use std::path::Path;
use std::time::Duration;

use crate::app::history::{Comparison, ExportLine, Merge, Wanted, export, passes};
use crate::cli::args::{self, Approve, FailOn, Global};
use crate::cli::client::table::{Table, instant};
use crate::cli::{DONE, FAILED, WRONG, answer, complain, say};
use crate::config::{self, Config};
use crate::domain::time::Timestamp;
use crate::history::simulate::Change;
use crate::history::{Consent, Report, Tally};

/// What `--fail-on` names is so.
const DIFFERENT: u8 = 5;

fn ago(now: Timestamp, length: Option<Duration>) -> Timestamp {
    let length = length.unwrap_or_default();
    let length = jiff::SignedDuration::try_from(length).unwrap_or(jiff::SignedDuration::MAX);
    now.checked_sub(length).unwrap_or(Timestamp::MIN)
}

fn loaded(path: Option<&Path>, what: &str) -> Result<Config, u8> {
    config::load(path, std::env::vars())
        .map(|(config, _)| config)
        .map_err(|problems| {
            complain(&format!("{what}: {problems}"));
            WRONG
        })
}

/// The state that is named, else that of the configuration.
fn state_of(named: Option<String>, global: &Global) -> Result<String, u8> {
    match named {
        Some(url) => Ok(url),
        None => {
            loaded(global.config.as_deref(), "today's configuration").map(|config| config.daemon.state.url())
        }
    }
}

/// `refollow history export`.
pub(super) async fn export_all(wanted: args::Export, global: &Global, now: Timestamp) -> u8 {
    let url = match state_of(wanted.state, global) {
        Ok(url) => url,
        Err(code) => return code,
    };
    let wanted = Wanted {
        since: ago(now, Some(wanted.since)),
        until: ago(now, wanted.until),
        follower: wanted.follower,
        cluster: wanted.cluster,
    };
    let mut out = std::io::stdout().lock();
    let mut broken = None;
    let exported = export(&url, &wanted, |line| {
        let written = serde_json::to_string(&line)
            .map_err(std::io::Error::from)
            .and_then(|text| writeln!(out, "{text}"));
        broken = written.err();
        broken.is_none()
    });
    match (exported.await, broken) {
        (Err(error), _) => {
            complain(&error.to_string());
            FAILED
        }
        // A reader that has gone away has what it wanted.
        (_, Some(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("the lines could not be written: {error}"));
            FAILED
        }
        (Ok(0), _) => DONE,
        (Ok(unreadable), _) => {
            complain(&format!("{unreadable} parts could not be read and are left out"));
            FAILED
        }
    }
}

/// `refollow simulate`.
pub(super) async fn simulate(wanted: args::Simulate, global: &Global, now: Timestamp) -> u8 {
    let both = loaded(global.config.as_deref(), "today's configuration")
        .and_then(|today| Ok((today, loaded(Some(&wanted.policy), "the new policy")?)));
    let (today, new) = match both {
        Ok(both) => both,
        Err(code) => return code,
    };
    let consent = match wanted.approve {
        Approve::Recorded => Consent::Recorded,
        Approve::None => Consent::None,
        Approve::All => Consent::All,
    };
    let mut comparison = Comparison::new(&today.policy, &new.policy, consent);
    let (since, until) = (ago(now, Some(wanted.since)), ago(now, wanted.until));
    let unreadable = match &wanted.from {
        Some(file) => match from_file(file, since, until, &mut comparison) {
            Ok(unreadable) => unreadable,
            Err(error) => {
                complain(&format!("{}: {error}", file.display()));
                return WRONG;
            }
        },
        None => {
            let url = wanted.state.unwrap_or_else(|| today.daemon.state.url());
            match passes(&url, since, until, |batch| comparison.feed(batch)).await {
                Ok(unreadable) => unreadable,
                Err(error) => {
                    complain(&error.to_string());
                    return FAILED;
                }
            }
        }
    };
    let report = comparison.report(unreadable);
    let failed: Vec<FailOn> = wanted
        .fail_on
        .iter()
        .copied()
        .filter(|rule| holds(*rule, &report))
        .collect();
    if global.json {
        answer(&serde_json::json!(report));
    } else {
        say(told(&report, wanted.approve).trim_end());
    }
    if report.passes == 0 {
        complain("nothing was recorded in this time");
        return FAILED;
    }
    if failed.is_empty() {
        return DONE;
    }
    complain(&format!("--fail-on: {failed:?} holds"));
    DIFFERENT
}

/// Goes through the lines of an export, which are held in memory.
fn from_file(
    file: &Path,
    since: Timestamp,
    until: Timestamp,
    comparison: &mut Comparison<'_>,
) -> std::io::Result<u64> {
    let mut merge = Merge::default();
    for line in BufReader::new(std::fs::File::open(file)?).lines() {
        match serde_json::from_str::<ExportLine>(&line?) {
            Ok(ExportLine::Record { follower, record }) => {
                merge.line(follower.as_ref(), record.get().as_bytes().to_vec());
            }
            Ok(ExportLine::Sample { .. }) => {}
            Err(_) => merge.unreadable += 1,
        }
    }
    merge.emit(None, &mut |batch| {
        let at = batch.first().map(|(_, record)| record.place().0);
        if at.is_some_and(|at| at >= since && at <= until) {
            comparison.feed(batch);
        }
    });
    Ok(merge.unreadable)
}

fn holds(rule: FailOn, report: &Report) -> bool {
    let (today, new) = (&report.today, &report.new);
    match rule {
        FailOn::MoreRecreates => new.recreated > today.recreated,
        FailOn::MoreRepairs => new.recreated + new.resumed > today.recreated + today.resumed,
        FailOn::MoreQuestions => new.asked > today.asked,
        FailOn::MorePages => new.paged > today.paged,
        FailOn::AnyDifference => report.differs(),
    }
}

fn told(report: &Report, approve: Approve) -> String {
    let (Some(from), Some(until)) = (report.from, report.until) else {
        return "Nothing was recorded in this time.".to_owned();
    };
    let people = match approve {
        Approve::Recorded => "people say what they said then",
        Approve::None => "people say nothing",
        Approve::All => "people say yes at once",
    };
    let mut out = format!(
        "From {} to {}, {} passes of the policy; {people}.\n\n",
        instant(from),
        instant(until),
        report.passes
    );
    let mut sums = Table::new(&["", "RECREATED", "RESUMED", "ASKED", "PAGED"]);
    let row = |name: &str, tally: &Tally| {
        let numbers = [tally.recreated, tally.resumed, tally.asked, tally.paged];
        std::iter::once(name.to_owned())
            .chain(numbers.map(|number| number.to_string()))
            .collect::<Vec<_>>()
    };
    sums.row(row("today", &report.today));
    sums.row(row("new", &report.new));
    let (today, new) = (&report.today, &report.new);
    let pairs = [
        (today.recreated, new.recreated),
        (today.resumed, new.resumed),
        (today.asked, new.asked),
        (today.paged, new.paged),
    ];
    let differences = pairs.map(|(today, new)| match i64::from(new) - i64::from(today) {
        0 => "0".to_owned(),
        difference => format!("{difference:+}"),
    });
    sums.row(
        std::iter::once("difference".to_owned())
            .chain(differences)
            .collect(),
    );
    out += &sums.render();
    out.push('\n');
    let changed: Vec<_> = report
        .followers
        .iter()
        .filter(|one| one.first.is_some() || one.today != one.new)
        .collect();
    if changed.is_empty() {
        out += &format!(
            "Nothing would be different for the {} followers of which anything was decided.\n",
            report.followers.len()
        );
    } else {
        let mut table = Table::new(&["FOLLOWER", "TODAY", "NEW", "FIRST DIFFERENCE"]);
        for one in changed {
            table.row(vec![
                one.follower.to_string(),
                counted(&one.today),
                counted(&one.new),
                one.first.as_ref().map(first).unwrap_or_default(),
            ]);
        }
        out += &table.render();
    }
    out += "\nAfter an act that differs from what was done then, the rest of that follower's incident is not counted:\nwhat was recorded would not have happened. A run that only the simulation begins is assumed to cure.\n";
    if report.unreadable > 0 {
        out += &format!("{} parts of the record could not be read.\n", report.unreadable);
    }
    out
}

fn counted(tally: &Tally) -> String {
    let numbers = [
        (tally.recreated, "recreated"),
        (tally.resumed, "resumed"),
        (tally.asked, "asked"),
        (tally.paged, "paged"),
    ];
    let words: Vec<String> = numbers
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| format!("{number} {word}"))
        .collect();
    if words.is_empty() {
        "left".to_owned()
    } else {
        words.join(", ")
    }
}

fn first(change: &Change) -> String {
    let word = |kind: Option<crate::domain::decision::DecisionKind>| {
        kind.map_or_else(|| "no change".to_owned(), |kind| kind.to_string())
    };
    format!(
        "{} {} becomes {}: {}",
        instant(change.at),
        word(change.today),
        word(change.new),
        change.why
    )
}
