//! The file and the environment, layered by the `config` crate into one tree of values.
//!
//! Owns reading, TOML's own mistakes with their lines, and which `REFOLLOW__…` names exist.
//! Knows nothing of what the values mean.

use std::collections::BTreeMap;
use std::path::Path;

use config::{FileFormat, Map, Value, ValueKind};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::problem::Problem;
use crate::config::reference;

/// What every environment variable of ours starts with.
pub(super) const PREFIX: &str = "REFOLLOW__";

/// Where in the file each path stands, as lines counted from 1.
#[derive(Debug, Default)]
pub(super) struct Lines(BTreeMap<String, usize>);

impl Lines {
    /// The line of a path; of its nearest parent where the path itself is not in the file.
    pub(super) fn of(&self, path: &str) -> Option<usize> {
        let mut path = path;
        loop {
            if let Some(line) = self.0.get(path) {
                return Some(*line);
            }
            path = &path[..path.rfind(['.', '['])?];
        }
    }
}

/// Reads the file whole.
pub(super) fn read(path: &Path) -> Result<String, Problem> {
    std::fs::read_to_string(path).map_err(|error| Problem {
        path: String::new(),
        value: None,
        problem: format!("{} cannot be read: {error}", path.display()),
        remedy: "name the right file with --config FILE, and let the user that refollow runs as read it"
            .into(),
        line: None,
    })
}

/// Layers the file and the environment; all of TOML's mistakes and all unknown names at once.
pub(super) fn layer(
    text: &str,
    env: impl Iterator<Item = (String, String)>,
) -> (Map<String, Value>, Lines, Vec<Problem>) {
    let mut problems = Vec::new();
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        problems.push(Problem {
            path: String::new(),
            // The text around a mistake may hold a secret, so only its line is named.
            value: None,
            problem: format!("this is not TOML: {}", error.message()),
            remedy: "correct this line; strings need quotes, and a key may stand once per table".into(),
            line: error.span().map(|span| line_of(text, span.start)),
        });
    }
    let mut lines = Lines::default();
    note_lines(text, "", table.get_ref(), &mut lines);
    let mut builder = config::Config::builder();
    if problems.is_empty() {
        builder = builder.add_source(config::File::from_str(text, FileFormat::Toml));
    }
    for (name, value) in env.filter(|(name, _)| name.starts_with(PREFIX)) {
        match reference::path_of_variable(&name) {
            Some(path) => match builder
                .clone()
                .set_override(&path, Value::new(Some(&name), ValueKind::String(value)))
            {
                Ok(next) => builder = next,
                Err(error) => problems.push(refused(&name, &error)),
            },
            None => problems.push(unknown_variable(&name)),
        }
    }
    let tree = match builder.build() {
        Ok(built) => match built.cache.kind {
            ValueKind::Table(table) => table,
            _ => Map::new(),
        },
        Err(error) => {
            // The text parsed above, so only a value that TOML allows and the layers do not
            // (an integer beyond 64 bits) comes here.
            problems.push(refused("", &error));
            Map::new()
        }
    };
    (tree, lines, problems)
}

fn refused(path: &str, error: &config::ConfigError) -> Problem {
    Problem {
        path: path.to_owned(),
        value: None,
        problem: format!("cannot be used: {error}"),
        remedy: "correct the value".into(),
        line: None,
    }
}

fn unknown_variable(name: &str) -> Problem {
    let known = reference::variables();
    let remedy = match reference::nearest(name, known.iter().map(String::as_str)) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => "unset it; docs/CONFIGURATION.md lists the names that are understood (keys inside \
                 [[clusters]], [[policy.rules]] and [[windows]] have none)"
            .into(),
    };
    Problem {
        path: name.to_owned(),
        // Whatever it holds may be a secret.
        value: None,
        problem: "no option has this environment variable".into(),
        remedy,
        line: None,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn note_lines(text: &str, prefix: &str, table: &DeTable<'_>, lines: &mut Lines) {
    for (key, value) in table {
        let path = if prefix.is_empty() {
            key.get_ref().to_string()
        } else {
            format!("{prefix}.{}", key.get_ref())
        };
        lines.0.insert(path.clone(), line_of(text, key.span().start));
        note_value(text, &path, value, lines);
    }
}

fn note_value(text: &str, path: &str, value: &Spanned<DeValue<'_>>, lines: &mut Lines) {
    match value.get_ref() {
        DeValue::Table(table) => note_lines(text, path, table, lines),
        DeValue::Array(array) => {
            for (position, item) in array.iter().enumerate() {
                let path = format!("{path}[{position}]");
                lines.0.insert(path.clone(), line_of(text, item.span().start));
                note_value(text, &path, item, lines);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_knows_its_line_and_an_absent_key_that_of_its_table() {
        let text =
            "[daemon]\nmode = \"ask\"\n\n[[clusters]]\nname = \"a\"\nurls = [\n  \"x\",\n  \"y\",\n]\n";
        let (_, lines, problems) = layer(text, std::iter::empty());
        assert_eq!(problems, []);
        assert_eq!(lines.of("daemon.mode"), Some(2));
        assert_eq!(lines.of("clusters[0].urls[1]"), Some(8));
        assert_eq!(lines.of("clusters[0].absent"), lines.of("clusters[0]"));
        assert_eq!(lines.of("limits.breaker"), None);
    }

    #[test]
    fn several_syntax_mistakes_are_told_at_once_without_their_text() {
        let text = "[daemon]\nmode = observe\npassword = \"hunter2\nlisten = 1.2.3\n";
        let (_, _, problems) = layer(text, std::iter::empty());
        assert!(problems.len() >= 2, "{problems:?}");
        assert!(problems.iter().all(|p| p.line.is_some()));
        assert!(problems.iter().all(|p| !p.to_string().contains("hunter2")));
    }
}
