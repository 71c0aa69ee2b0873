//! A command that a person is told to type is one that the program understands.

use clap::Parser as _;
use refollow::cli::args::Args;

use super::texts::{code, files_below};
use super::{alerts, root};

/// The line with names where it has placeholders, templates or dots.
fn filled(line: &str) -> Vec<String> {
    let hash = "a".repeat(64);
    // What the shell takes for itself: a file to write to, a pipe, a comment.
    let mut text = line.to_owned();
    for end in [" > ", " | ", " #"] {
        text = text.split(end).next().unwrap().trim_end().to_owned();
    }
    // `[--for 2h]`: may be left out, so it must be understood where it stands.
    let mut text = text.replace(['[', ']'], "");
    // `{{ … }}` of an annotation: a name, or a condition around one.
    while let (Some(begin), Some(end)) = (text.find("{{"), text.find("}}")) {
        let inside = &text[begin..end];
        let name = if inside.contains("{{ if ") {
            ""
        } else if inside.contains("$labels.scope") {
            "remote"
        } else if inside.contains("$labels.name") {
            "eu/lead"
        } else if inside.contains("$labels") {
            "eu"
        } else {
            ""
        };
        text.replace_range(begin..end + 2, name);
    }
    for (placeholder, name) in [
        ("<cluster>/<follower>", "eu/orders-f"),
        ("<cluster>/<alias>", "eu/lead"),
        ("remote:<c>", "remote:eu"),
        ("<cluster>", "eu"),
        ("<follower>", "orders-f"),
        ("<alias>", "lead"),
        ("<hash>", hash.as_str()),
        ("<run>", "r-1"),
        ("<repository>/<snapshot>", "backup/friday"),
        ("<index>", "orders-f"),
        ("<scope>", "all"),
        ("<the same>", "all"),
        ("<id>", "r-1"),
        ("<new index>", "orders-g"),
        ("SHELL", "bash"),
        ("recreate …", "recreate eu/orders-f"),
        ("--snapshot …", "--snapshot backup/friday"),
        ("…", "x"),
    ] {
        text = text.replace(placeholder, name);
    }
    // One word in quotes is one word.
    let mut words = Vec::new();
    for (place, part) in text.split('"').enumerate() {
        if place % 2 == 1 {
            words.push(if part.is_empty() {
                "x".to_owned()
            } else {
                part.to_owned()
            });
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// What is wrong with the commands of a text; how many there were.
pub fn wrong(name: &str, text: &str) -> (Vec<String>, usize) {
    let lines: Vec<String> = code(text)
        .into_iter()
        .filter(|line| line.starts_with("refollow "))
        // A command that is only named, `refollow why`, must exist.
        .map(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let short = words.len() == 2 || (words.len() == 3 && ["audit", "token"].contains(&words[1]));
            let named = short && Args::try_parse_from(filled(&line)).is_err();
            if named { format!("{line} --help") } else { line }
        })
        .collect();
    let wrong = lines
        .iter()
        .filter_map(|line| {
            let error = Args::try_parse_from(filled(line)).err()?;
            if error.kind() == clap::error::ErrorKind::DisplayHelp {
                return None;
            }
            Some(format!("{name}: `{line}`: {error}"))
        })
        .collect();
    (wrong, lines.len())
}

#[test]
fn every_command_of_an_alert_is_understood_and_every_alert_has_one() {
    let mut all = Vec::new();
    for alert in alerts() {
        let (found, count) = wrong(&alert.name, alert.annotation("description"));
        assert!(count > 0, "{}: nothing to type", alert.name);
        all.extend(found);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn every_command_of_a_runbook_is_understood_and_every_runbook_has_one() {
    let mut all = Vec::new();
    for path in files_below(&root().join("docs/runbooks")) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let (found, count) = wrong(&name, &std::fs::read_to_string(&path).unwrap());
        assert!(count > 0 || name == "README.md", "{name}: nothing to type");
        all.extend(found);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_command_that_does_not_exist_is_seen() {
    for line in [
        "refollow whine eu/orders-f",
        "refollow whine",
        "refollow approve <hash> --force",
        "refollow brake all",
    ] {
        let (found, _) = wrong("here", &format!("Type: `{line}`."));
        assert_eq!(found.len(), 1, "{line}");
    }
    let (found, count) = wrong(
        "here",
        "`refollow brake all --reason \"why not\"`\n```\nrefollow why {{ $labels.es_cluster }}/<follower>\n```",
    );
    assert_eq!((found, count), (Vec::new(), 2));
}
