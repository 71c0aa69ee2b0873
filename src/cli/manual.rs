//! Completions and man pages, made from the same definitions that are parsed.
//!
//! Owns the files that a package ships of them. Nothing here depends on the host or the day, so
//! that a package is the same wherever it is built.

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::cli::args::Args;

/// What one shell needs to complete a line.
pub fn completions(shell: Shell, out: &mut dyn Write) -> io::Result<()> {
    // Into memory first: clap's generator panics where its output breaks off (`| head`).
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Args::command(), "refollow", &mut text);
    out.write_all(&text)
}

/// `refollow.1`.
pub fn page(out: &mut dyn Write) -> io::Result<()> {
    clap_mangen::Man::new(Args::command()).render(out)
}

/// `refollow.1` and one page for each command, `refollow-<command>.1`, into a directory that is
/// made where it is missing.
pub fn pages(dir: &Path) -> io::Result<()> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Args::command(), dir)
}
