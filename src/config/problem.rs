//! What is wrong with a configuration, said once and completely.
//!
//! Owns the wording of a mistake: where it stands, what was written, what to write instead.
//! No secret passes through here: values of `auth` are never handed over, and user info in
//! anything that looks like a URL is cut out.

use std::fmt;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    /// Where: `clusters[1].urls[0]`, or the name of an environment variable, or empty for the
    /// file as a whole.
    pub path: String,
    /// What stands there, shortened, without secrets; `None` where it must not be shown or
    /// nothing stands there.
    pub value: Option<String>,
    /// What is wrong with it.
    pub problem: String,
    /// What to do about it.
    pub remedy: String,
    /// The line of the file, counted from 1, where it is known.
    pub line: Option<usize>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            f.write_str(&self.path)?;
            if let Some(value) = &self.value {
                write!(f, " = {value}")?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", self.problem, self.remedy)
    }
}

/// Something that works and is probably not meant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Warning {
    /// Where, as in [`Problem::path`].
    pub path: String,
    /// What about it.
    pub message: String,
    /// The line of the file, counted from 1, where it is known.
    pub line: Option<usize>,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

/// Everything that is wrong with one configuration; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Problems {
    /// The file that was read, or a word for what was read instead of one.
    pub file: String,
    /// The mistakes, in the order of the file where lines are known.
    pub list: Vec<Problem>,
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.list.len();
        let (number, verb) = if count == 1 {
            ("mistake", "is")
        } else {
            ("mistakes", "are")
        };
        write!(f, "{}: there {verb} {count} {number}:", self.file)?;
        for problem in &self.list {
            match problem.line {
                Some(line) => write!(f, "\n  {}:{line}: {problem}", self.file)?,
                None => write!(f, "\n  {problem}")?,
            }
        }
        Ok(())
    }
}

/// A value as it may be shown: quoted, at most 80 characters, user info of URLs cut out.
pub(super) fn shown(text: &str) -> String {
    const LONGEST: usize = 80;
    let text = without_user_info(text);
    let mut cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() {
        cut.push('…');
    }
    format!("{cut:?}")
}

/// `https://name:password@host/` → `https://…@host/`; what follows `password=` is cut off.
pub(super) fn without_user_info(text: &str) -> String {
    const WORD: &str = "password=";
    if let Some(at) = text.to_ascii_lowercase().find(WORD) {
        let kept = text.get(..at + WORD.len()).unwrap_or_default();
        return format!("{}…", without_user_info_of(kept));
    }
    without_user_info_of(text)
}

fn without_user_info_of(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if scheme + 3 <= at => {
            format!("{}…{}", &text[..scheme + 3], &text[at..])
        }
        // `name:password@host`, where somebody forgot the scheme.
        (None, Some(at)) => format!("…{}", &text[at..]),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_info_of_a_url_is_never_shown() {
        assert_eq!(
            shown("https://elastic:hunter2@es1:9200/"),
            "\"https://…@es1:9200/\""
        );
        assert_eq!(shown("postgres://u:p@ss@db/x"), "\"postgres://…@db/x\"");
        assert_eq!(
            shown("postgres://u@db/x?Password=p@ss"),
            "\"postgres://…@db/x?Password=…\""
        );
        assert_eq!(shown("elastic:hunter2@es1"), "\"…@es1\"");
        assert_eq!(shown("https://es1:9200"), "\"https://es1:9200\"");
    }

    #[test]
    fn a_mistake_names_path_value_and_remedy() {
        let problem = Problem {
            path: "clusters[1].urls[0]".into(),
            value: Some(shown("ftp://x")),
            problem: "only http and https are spoken".into(),
            remedy: "write https://host:9200".into(),
            line: Some(7),
        };
        let problems = Problems {
            file: "f.toml".into(),
            list: vec![problem],
        };
        assert_eq!(
            problems.to_string(),
            "f.toml: there is 1 mistake:\n  f.toml:7: clusters[1].urls[0] = \"ftp://x\": only http and https are spoken; write https://host:9200"
        );
    }
}
