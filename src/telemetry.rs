//! Log lines: where they go, in which form, which of them.
//!
//! They go to standard error, so that standard output carries only what a command answers.
//! Owns no log line itself.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The environment variable that filters log lines, as in `refollow=debug,sqlx=warn`.
pub const FILTER_VARIABLE: &str = "REFOLLOW_LOG";

/// What is shown when nobody filters.
const DEFAULT_FILTER: &str = "info,sqlx=warn,hyper=warn,reqwest=warn";

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// For people; in colour on a terminal.
    #[default]
    Human,
    /// One JSON object per line.
    Json,
}

/// Why there are no log lines, or not the ones asked for.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("{FILTER_VARIABLE}=`{filter}` is not a filter: {reason}; write for example refollow=debug")]
    Filter {
        /// What was written.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Another subscriber is there already.
    #[error("failed to start logging: {0}")]
    Started(#[from] TryInitError),
}

/// Starts logging for the whole process; `filter` is the value of [`FILTER_VARIABLE`].
///
/// # Errors
/// The filter cannot be read, or logging has been started before.
pub fn start(format: Format, filter: Option<&str>) -> Result<(), TelemetryError> {
    let filter = parse_filter(filter)?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_target(false);
    match format {
        Format::Human => builder
            .with_ansi(std::io::stderr().is_terminal())
            .finish()
            .try_init()?,
        Format::Json => builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .finish()
            .try_init()?,
    }
    Ok(())
}

fn parse_filter(filter: Option<&str>) -> Result<EnvFilter, TelemetryError> {
    let filter = filter
        .filter(|text| !text.trim().is_empty())
        .unwrap_or(DEFAULT_FILTER);
    EnvFilter::try_new(filter).map_err(|error| TelemetryError::Filter {
        filter: filter.to_owned(),
        reason: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_and_blanks_mean_the_default_filter() {
        for filter in [None, Some(""), Some("  ")] {
            let shown = parse_filter(filter).unwrap().to_string();
            assert!(shown.contains("sqlx=warn"), "{shown}");
        }
    }

    #[test]
    fn a_wrong_filter_is_told_with_its_text() {
        let error = parse_filter(Some("refollow=loudly")).unwrap_err().to_string();
        assert!(error.contains("refollow=loudly"), "{error}");
    }
}
