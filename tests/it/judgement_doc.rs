//! `docs/JUDGEMENT.md` is made from the handbook in the code, and what it cites exists.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use refollow::domain::cause::Cause;
use refollow::domain::handbook::{self, Names, Section};
use refollow::sandbox::scenario::breakage;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sections() -> impl Iterator<Item = &'static Section> {
    Cause::ALL.iter().map(|cause| {
        handbook::section(*cause).unwrap_or_else(|| panic!("`{cause}` has no section in the handbook"))
    })
}

#[test]
fn the_printed_judgement_is_current_but_for_the_corpus() {
    let path = root().join("docs/JUDGEMENT.md");
    let kept = fs::read_to_string(&path).unwrap_or_default();
    // What stands between the marker lines is somebody else's, and stays as it is.
    let printed = handbook::markdown(handbook::kept(&kept));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &printed).unwrap();
        return;
    }
    assert!(
        kept == printed,
        "docs/JUDGEMENT.md is not current; run UPDATE_DOCS=1 cargo test --test it judgement_doc::"
    );
}

#[test]
fn what_stands_in_the_corpus_survives_a_rewrite() {
    let table = "| a | b |\n|---|---|\n| 1 | 2 |\n";
    let printed = handbook::markdown(table);
    assert_eq!(handbook::kept(&printed), table);
    assert_eq!(handbook::markdown(handbook::kept(&printed)), printed);
    assert_eq!(handbook::kept(&handbook::markdown("")), "");
    assert_eq!(handbook::kept("no markers"), "");
    let lines: Vec<&str> = printed.lines().collect();
    for marker in [handbook::CORPUS_BEGIN, handbook::CORPUS_END] {
        assert_eq!(
            lines.iter().filter(|line| **line == marker).count(),
            1,
            "{marker}"
        );
    }
}

#[test]
fn every_cause_has_a_section_and_no_part_of_it_is_empty() {
    for section in sections() {
        let texts = [
            ("what", section.what),
            ("data", section.data),
            ("misleads", section.misleads),
            ("why", section.why),
            ("does", section.does),
            ("never", section.never),
            ("first", section.first),
            ("you_never", section.you_never),
            ("noticed", section.noticed),
            ("verified", section.verified),
        ];
        for (part, text) in texts {
            assert!(text.trim().len() > 5, "{}: `{part}` is empty", section.cause);
            assert!(
                text.ends_with(['.', ')']),
                "{}: `{part}` is no sentence",
                section.cause
            );
        }
        assert!(!section.see.is_empty(), "{}: nothing to see", section.cause);
        assert!(!section.commands.is_empty(), "{}: no command", section.cause);
        assert_eq!(
            section.states.is_empty(),
            section.cause == Cause::AutoFollowFailing,
            "{}: every cause of a follower names its states",
            section.cause
        );
    }
}

#[test]
fn what_a_section_cites_exists() {
    let recorded = names_below(&root().join("tests/recordings"));
    let tested = [root().join("src"), root().join("tests")]
        .iter()
        .flat_map(|place| functions_below(place))
        .collect::<BTreeSet<String>>();
    for section in sections() {
        for number in section.recordings {
            assert!(
                recorded
                    .iter()
                    .any(|name| name.starts_with(&format!("{number}-"))),
                "{}: there is no recording {number}",
                section.cause
            );
        }
        for scenario in section.scenarios {
            assert!(
                breakage::NAMES.iter().any(|known| known.name == *scenario),
                "{}: there is no scenario {scenario}",
                section.cause
            );
        }
        for test in section.tests {
            assert!(
                tested.contains(*test),
                "{}: there is no test {test}",
                section.cause
            );
        }
        let backed =
            !(section.recordings.is_empty() && section.scenarios.is_empty() && section.tests.is_empty());
        assert!(
            backed || section.verified.starts_with("Never recorded"),
            "{}: rests on nothing and does not say so",
            section.cause
        );
    }
}

#[test]
fn names_are_filled_in_and_none_is_left() {
    let names = Names {
        key: "eu/orders-f",
        follower: "orders-f",
        leader: "orders",
        alias: "lead",
    };
    for section in sections() {
        let short = handbook::short(section.cause, &names).unwrap();
        let text = serde_json::to_string(&short).unwrap();
        for name in ["{key}", "{follower}", "{leader}", "{alias}"] {
            assert!(!text.contains(name), "{}: {name} in {text}", section.cause);
        }
    }
    let printed = handbook::markdown("");
    assert!(!printed.contains("{follower}") && !printed.contains("{key}"));
}

#[test]
fn a_command_that_deletes_or_follows_is_never_advised() {
    for section in sections() {
        for command in section.commands {
            assert!(
                !command.contains("DELETE")
                    && !command.contains("_ccr/follow")
                    && !command.contains("_close")
                    && !command.contains("forget_follower"),
                "{}: {command}",
                section.cause
            );
        }
    }
}

fn files_below(place: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn names_below(place: &Path) -> BTreeSet<String> {
    files_below(place)
        .iter()
        .filter_map(|path| Some(path.file_name()?.to_string_lossy().into_owned()))
        .collect()
}

fn functions_below(place: &Path) -> Vec<String> {
    files_below(place)
        .iter()
        .filter(|path| path.extension().is_some_and(|kind| kind == "rs"))
        .flat_map(|path| {
            let text = fs::read_to_string(path).unwrap();
            text.lines()
                .filter_map(|line| {
                    let (_, rest) = line.split_once("fn ")?;
                    Some(rest.split('(').next()?.to_owned())
                })
                .collect::<Vec<String>>()
        })
        .collect()
}
