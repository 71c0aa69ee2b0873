//! `refollow check-config`: every mistake of a configuration, for people or as JSON.
//!
//! Reads with the very function that `run` starts with, so that what passes here starts there.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use crate::config::{self, Config, Problems, Warning};

/// Checks the file and writes the outcome; the answer is the exit code: 0 or 2.
///
/// Human output about mistakes goes to `err`; JSON goes to `out` whatever it says.
///
/// # Errors
/// Only if the output cannot be written.
pub fn run(
    file: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
    as_json: bool,
    out: &mut impl Write,
    err: &mut impl Write,
) -> io::Result<u8> {
    let name = file
        .unwrap_or(Path::new(config::DEFAULT_PATH))
        .display()
        .to_string();
    let loaded = config::load(file, env);
    if as_json {
        let answer = match &loaded {
            Ok((config, warnings)) => json!({
                "file": name, "valid": true, "problems": [], "warnings": warnings,
                "not_enforced": config.not_enforced(),
            }),
            Err(problems) => json!({
                "file": name, "valid": false, "problems": problems.list, "warnings": [],
            }),
        };
        writeln!(out, "{answer:#}")?;
    }
    match loaded {
        Ok((config, warnings)) => {
            if !as_json {
                tell(&name, &config, &warnings, out)?;
            }
            Ok(0)
        }
        Err(problems) => {
            if !as_json {
                tell_problems(&problems, err)?;
            }
            Ok(2)
        }
    }
}

fn tell(name: &str, config: &Config, warnings: &[Warning], out: &mut impl Write) -> io::Result<()> {
    for warning in warnings {
        match warning.line {
            Some(line) => writeln!(out, "{name}:{line}: warning: {warning}")?,
            None => writeln!(out, "{name}: warning: {warning}")?,
        }
    }
    let not_enforced = config.not_enforced();
    if !not_enforced.is_empty() {
        writeln!(
            out,
            "{name}: note: not enforced by this version, so recreate is held at `ask`: {}",
            not_enforced.join(", ")
        )?;
    }
    writeln!(
        out,
        "{name}: valid: mode {}, {} clusters, {} rules",
        config.policy.mode.as_str(),
        config.clusters.len(),
        config.policy.rules.len()
    )
}

fn tell_problems(problems: &Problems, err: &mut impl Write) -> io::Result<()> {
    writeln!(err, "{problems}")
}
