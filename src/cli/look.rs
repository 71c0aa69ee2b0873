//! How an answer looks to whoever reads it: how wide the terminal is, and whether there are colours.
//!
//! Owns the decision, taken once per command. What is no terminal gets neither a cut nor an escape
//! sequence: a pipe, a file and a log keep every character.

use std::ffi::OsStr;
use std::io::IsTerminal as _;

use clap::ValueEnum;

/// `--color`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Color {
    /// On a terminal that is not `dumb`, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also into a pipe
    Always,
    /// Nowhere
    Never,
}

/// A terminal's size, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
}

/// Where a terminal does not tell its size.
const USUAL: Screen = Screen {
    width: 80,
    height: 24,
};
/// Narrower than this nothing is told any more: it is taken for a terminal that does not know.
const NARROWEST: usize = 20;

/// How an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Look {
    /// The terminal; `None`: none, so nothing is cut to fit and nothing is redrawn.
    pub screen: Option<Screen>,
    /// Whether there are colours.
    pub color: bool,
}

impl Look {
    /// Of this process's standard output.
    pub fn of_stdout(wish: Color) -> Self {
        let screen = std::io::stdout().is_terminal().then(screen);
        let no_color = std::env::var_os("NO_COLOR");
        let term = std::env::var_os("TERM");
        Self {
            screen,
            color: colors(wish, screen.is_some(), no_color.as_deref(), term.as_deref()),
        }
    }
}

/// The terminal's size now: it changes while a command watches.
fn screen() -> Screen {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| Screen {
            width: usize::from(size.ws_col),
            height: usize::from(size.ws_row),
        })
        .filter(|size| size.width >= NARROWEST && size.height > 0)
        .unwrap_or(USUAL)
}

/// Whether this process's locale says that the terminal shows more than ASCII.
pub fn speaks_utf8() -> bool {
    let said = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty());
    said.is_some_and(|value| {
        let value = value.to_string_lossy().to_lowercase();
        value.contains("utf-8") || value.contains("utf8")
    })
}

/// What was typed counts more than the environment. `NO_COLOR` counts where it is not empty, as
/// its authors ask.
fn colors(wish: Color, terminal: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match wish {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            terminal && no_color.is_none_or(OsStr::is_empty) && term.is_some_and(|term| term != "dumb")
        }
    }
}

/// A colour with its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// Red: the follower does not follow.
    Bad,
    /// Yellow: it may not for long, or nobody knows.
    Doubtful,
    /// Green.
    Good,
}

impl Paint {
    /// The text between the colour and its end.
    pub fn on(self, text: &str) -> String {
        let code = match self {
            Self::Bad => "31",
            Self::Doubtful => "33",
            Self::Good => "32",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_that_want_them_unless_somebody_typed_otherwise() {
        let xterm = Some(OsStr::new("xterm"));
        let set = Some(OsStr::new("1"));
        let auto = |terminal, no_color, term| colors(Color::Auto, terminal, no_color, term);
        assert!(auto(true, None, xterm));
        assert!(
            auto(true, Some(OsStr::new("")), xterm),
            "an empty NO_COLOR is none"
        );
        assert!(!auto(true, set, xterm));
        assert!(!auto(false, None, xterm));
        assert!(!auto(true, None, Some(OsStr::new("dumb"))));
        assert!(!auto(true, None, None));
        assert!(colors(Color::Always, false, set, None));
        assert!(!colors(Color::Never, true, None, xterm));
    }
}
