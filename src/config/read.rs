//! A cursor over one table: takes known keys, notes every mistake, refuses what is left over.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use config::{Map, Value, ValueKind};

use crate::config::problem::{Problem, Warning, shown};
use crate::config::source::{Lines, PREFIX};
use crate::config::{reference, units};

/// Where mistakes and warnings gather.
#[derive(Debug)]
pub(super) struct Notes {
    problems: RefCell<Vec<Problem>>,
    warnings: RefCell<Vec<Warning>>,
    lines: Lines,
}

impl Notes {
    pub(super) fn new(lines: Lines, problems: Vec<Problem>) -> Self {
        Self {
            problems: RefCell::new(problems),
            warnings: RefCell::new(Vec::new()),
            lines,
        }
    }

    /// Notes a mistake.
    pub(super) fn problem(
        &self,
        path: &str,
        value: Option<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.problems.borrow_mut().push(Problem {
            path: path.to_owned(),
            value,
            problem: problem.into(),
            remedy: remedy.into(),
            line: self.lines.of(path),
        });
    }

    /// Whether no mistake has been noted about exactly this path.
    pub(super) fn clean_at(&self, path: &str) -> bool {
        self.problems.borrow().iter().all(|problem| problem.path != path)
    }

    /// Notes something that works and is probably not meant.
    pub(super) fn warn(&self, path: &str, message: impl Into<String>) {
        self.warnings.borrow_mut().push(Warning {
            path: path.to_owned(),
            message: message.into(),
            line: self.lines.of(path),
        });
    }

    /// All of it, in the order of the file; what has no line comes first.
    pub(super) fn into_lists(self) -> (Vec<Problem>, Vec<Warning>) {
        let mut problems = self.problems.into_inner();
        let mut warnings = self.warnings.into_inner();
        problems.sort_by_key(|problem| problem.line);
        warnings.sort_by_key(|warning| warning.line);
        (problems, warnings)
    }
}

/// One text with its place.
#[derive(Debug, Clone)]
pub(super) struct Text {
    pub(super) path: String,
    pub(super) text: String,
}

/// One table of the configuration; an absent one is an empty one.
#[derive(Debug)]
pub(super) struct Section<'n> {
    pub(super) path: String,
    table: Map<String, Value>,
    known: Vec<&'static str>,
    /// Values of this table are never shown.
    secret: bool,
    pub(super) notes: &'n Notes,
}

impl<'n> Section<'n> {
    pub(super) fn new(path: String, table: Map<String, Value>, notes: &'n Notes) -> Self {
        Self {
            path,
            table,
            known: Vec::new(),
            secret: false,
            notes,
        }
    }

    /// The same, with values that are never shown.
    pub(super) fn secret(mut self) -> Self {
        self.secret = true;
        self
    }

    /// The full path of a key of this table.
    pub(super) fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Whether the key is there, without taking it.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    fn print(&self, value: &Value) -> Option<String> {
        (!self.secret).then(|| print(value))
    }

    fn wrong(&self, path: &str, value: &Value, problem: impl Display, remedy: impl Into<String>) {
        let problem = match value.origin() {
            Some(name) if name.starts_with(PREFIX) => format!("(set by {name}) {problem}"),
            _ => problem.to_string(),
        };
        self.notes.problem(path, self.print(value), problem, remedy);
    }

    /// Notes a mistake about a key of this table.
    pub(super) fn problem(&self, key: &str, problem: impl Into<String>, remedy: impl Into<String>) {
        self.notes.problem(&self.path_of(key), None, problem, remedy);
    }

    /// A text, read by `parse`; `None` where it is absent or wrong.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let value = self.take(key)?;
        let path = self.path_of(key);
        let ValueKind::String(text) = &value.kind else {
            self.wrong(
                &path,
                &value,
                format!("is {} and should be a text", kind(&value)),
                format!("write {example}"),
            );
            return None;
        };
        match parse(text) {
            Ok(parsed) => Some(parsed),
            Err(problem) => {
                self.wrong(&path, &value, problem, format!("write {example}"));
                None
            }
        }
    }

    /// A text as it is.
    pub(super) fn text(&mut self, key: &'static str, example: &str) -> Option<String> {
        self.parsed(key, example, |text| {
            if text.trim().is_empty() {
                Err("is empty")
            } else {
                Ok(text.to_owned())
            }
        })
    }

    /// A text that must be there.
    pub(super) fn required<T, E: Display>(
        &mut self,
        key: &'static str,
        example: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        if !self.has(key) {
            self.known.push(key);
            self.problem(key, "is missing", format!("add {key} = {example}"));
            return None;
        }
        self.parsed(key, example, parse)
    }

    /// One of a closed list of words.
    pub(super) fn word<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)], default: T) -> T {
        let list = words
            .iter()
            .map(|(word, _)| format!("\"{word}\""))
            .collect::<Vec<_>>()
            .join(" or ");
        self.parsed(key, &list, |text| {
            words
                .iter()
                .find(|(word, _)| *word == text)
                .map(|(_, value)| *value)
                .ok_or_else(
                    || match reference::nearest(text, words.iter().map(|(word, _)| *word)) {
                        Some(nearest) => {
                            format!("is not a word that is understood here (did you mean \"{nearest}\"?)")
                        }
                        None => "is not a word that is understood here".to_owned(),
                    },
                )
        })
        .unwrap_or(default)
    }

    /// A length of time within bounds.
    pub(super) fn duration(
        &mut self,
        key: &'static str,
        bounds: RangeInclusive<Duration>,
        default: Duration,
    ) -> Duration {
        let example = format!("a length of time such as \"{}\"", units::print_duration(default));
        self.parsed(key, &example, |text| {
            let length = units::duration(text)?;
            if bounds.contains(&length) {
                Ok(length)
            } else {
                Err(format!(
                    "is not between {} and {}",
                    units::print_duration(*bounds.start()),
                    units::print_duration(*bounds.end())
                ))
            }
        })
        .unwrap_or(default)
    }

    /// A size in bytes, at least 1.
    pub(super) fn size(&mut self, key: &'static str, default: u64) -> u64 {
        self.parsed(key, "a size such as \"50GiB\"", |text| match units::size(text)? {
            0 => Err("is nothing at all".to_owned()),
            bytes => Ok(bytes),
        })
        .unwrap_or(default)
    }

    /// A percentage as a part of 1.
    pub(super) fn percentage(&mut self, key: &'static str, default: f64) -> f64 {
        self.optional_percentage(key).unwrap_or(default)
    }

    /// The same where it may be left out.
    pub(super) fn optional_percentage(&mut self, key: &'static str) -> Option<f64> {
        self.parsed(key, "a percentage such as \"0.1%\"", units::percentage)
    }

    /// A whole number within bounds. The environment knows only texts, so a text of digits from
    /// there counts as one.
    pub(super) fn count(&mut self, key: &'static str, bounds: RangeInclusive<u32>, default: u32) -> u32 {
        let Some(value) = self.take(key) else {
            return default;
        };
        let path = self.path_of(key);
        let from_env = value.origin().is_some_and(|name| name.starts_with(PREFIX));
        let number = match &value.kind {
            ValueKind::I64(number) => Some(*number),
            ValueKind::String(text) if from_env => text.trim().parse::<i64>().ok(),
            _ => None,
        };
        let remedy = format!(
            "write a number from {} to {}, without quotes",
            bounds.start(),
            bounds.end()
        );
        let Some(number) = number else {
            self.wrong(
                &path,
                &value,
                format!("is {} and should be a whole number", kind(&value)),
                remedy,
            );
            return default;
        };
        match u32::try_from(number) {
            Ok(number) if bounds.contains(&number) => number,
            _ => {
                self.wrong(
                    &path,
                    &value,
                    format!("is not between {} and {}", bounds.start(), bounds.end()),
                    remedy,
                );
                default
            }
        }
    }

    /// Yes or no. The environment knows only texts, so `true` and `false` from there count.
    pub(super) fn flag(&mut self, key: &'static str, default: bool) -> bool {
        let Some(value) = self.take(key) else {
            return default;
        };
        let from_env = value.origin().is_some_and(|name| name.starts_with(PREFIX));
        match &value.kind {
            ValueKind::Boolean(flag) => *flag,
            ValueKind::String(text) if from_env && text.trim() == "true" => true,
            ValueKind::String(text) if from_env && text.trim() == "false" => false,
            _ => {
                let path = self.path_of(key);
                let problem = format!("is {} and should be true or false", kind(&value));
                self.wrong(
                    &path,
                    &value,
                    problem,
                    "write true or false, without quotes".to_owned(),
                );
                default
            }
        }
    }

    /// A list of texts; `None` where it is absent or not a list. Items that are no texts are
    /// noted and left out.
    pub(super) fn list(&mut self, key: &'static str, example: &str) -> Option<Vec<Text>> {
        let value = self.take(key)?;
        let path = self.path_of(key);
        // The environment knows only texts: there a list is written with commas.
        if let (ValueKind::String(text), Some(true)) =
            (&value.kind, value.origin().map(|name| name.starts_with(PREFIX)))
        {
            let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
            return Some(
                inner
                    .split(',')
                    .map(|item| item.trim().trim_matches('"'))
                    .filter(|item| !item.is_empty())
                    .map(|item| Text {
                        path: path.clone(),
                        text: item.to_owned(),
                    })
                    .collect(),
            );
        }
        let ValueKind::Array(items) = &value.kind else {
            self.wrong(
                &path,
                &value,
                format!("is {} and should be a list", kind(&value)),
                format!("write {example}"),
            );
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            let path = format!("{path}[{position}]");
            match &item.kind {
                ValueKind::String(text) => texts.push(Text {
                    path,
                    text: text.clone(),
                }),
                _ => self.wrong(
                    &path,
                    item,
                    format!("is {} and should be a text", kind(item)),
                    format!("write {example}"),
                ),
            }
        }
        Some(texts)
    }

    /// A table of texts by name, sorted by name.
    pub(super) fn texts(&mut self, key: &'static str, example: &str) -> Vec<(String, Text)> {
        let section = self.section(key, example);
        let mut found = Vec::new();
        for (name, value) in &section.table {
            let path = section.path_of(name);
            match &value.kind {
                ValueKind::String(text) => found.push((
                    name.clone(),
                    Text {
                        path,
                        text: text.clone(),
                    },
                )),
                _ => section.wrong(
                    &path,
                    value,
                    format!("is {} and should be a text", kind(value)),
                    format!("write {example}"),
                ),
            }
        }
        found.sort_by(|(a, _), (b, _)| a.cmp(b));
        found
    }

    /// A table within this one; empty where it is absent or no table.
    pub(super) fn section(&mut self, key: &'static str, example: &str) -> Section<'n> {
        let path = self.path_of(key);
        let table = match self.take(key) {
            None => Map::new(),
            Some(value) => {
                if let ValueKind::Table(table) = value.kind {
                    table
                } else {
                    self.wrong(
                        &path,
                        &value,
                        format!("is {} and should be a table", kind(&value)),
                        format!("write {example}"),
                    );
                    Map::new()
                }
            }
        };
        let mut section = Section::new(path, table, self.notes);
        section.secret = self.secret;
        section
    }

    /// The tables of an array of tables; empty where it is absent.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'n>> {
        let path = self.path_of(key);
        let Some(value) = self.take(key) else {
            return Vec::new();
        };
        let ValueKind::Array(items) = value.kind else {
            self.notes.problem(
                &path,
                None,
                format!("is {} and should be an array of tables", kind(&value)),
                format!("begin each one with [[{path}]]"),
            );
            return Vec::new();
        };
        let mut sections = Vec::with_capacity(items.len());
        for (position, item) in items.into_iter().enumerate() {
            let path = format!("{path}[{position}]");
            match item.kind {
                ValueKind::Table(table) => sections.push(Section::new(path, table, self.notes)),
                _ => self.wrong(
                    &path,
                    &item,
                    format!("is {} and should be a table", kind(&item)),
                    format!("begin it with [[{}]]", self.path_of(key)),
                ),
            }
        }
        sections
    }

    /// Refuses every key that nobody took.
    pub(super) fn finish(self) {
        let mut left: Vec<&String> = self.table.keys().collect();
        left.sort();
        for key in left {
            let path = self.path_of(key);
            let remedy = if self.secret && matches!(key.as_str(), "api_key" | "password" | "token") {
                format!(
                    "secrets do not stand in this file: put it into a file of its own and write {key}_file = \"…\""
                )
            } else if let Some(nearest) = reference::nearest(key, self.known.iter().copied()) {
                format!("did you mean `{nearest}`?")
            } else if let Some(elsewhere) = reference::elsewhere(key) {
                format!("`{key}` belongs to {elsewhere}")
            } else {
                format!("remove it; known here: {}", self.known.join(", "))
            };
            // An unknown key may well hold a secret, so its value is not shown.
            self.notes.problem(&path, None, "there is no such option", remedy);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match &value.kind {
        ValueKind::Nil => "nothing",
        ValueKind::Boolean(_) => "true or false",
        ValueKind::I64(_) | ValueKind::I128(_) | ValueKind::U64(_) | ValueKind::U128(_) => "a number",
        ValueKind::Float(_) => "a fraction",
        ValueKind::String(_) => "a text",
        ValueKind::Table(_) => "a table",
        ValueKind::Array(_) => "a list",
    }
}

fn print(value: &Value) -> String {
    match &value.kind {
        ValueKind::String(text) => shown(text),
        ValueKind::Table(_) => "{ … }".into(),
        ValueKind::Array(_) => "[ … ]".into(),
        ValueKind::Nil
        | ValueKind::Boolean(_)
        | ValueKind::I64(_)
        | ValueKind::I128(_)
        | ValueKind::U64(_)
        | ValueKind::U128(_)
        | ValueKind::Float(_) => value.to_string(),
    }
}
