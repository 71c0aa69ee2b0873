//! The `refollow` binary: arguments in, exit code out.

use std::process::ExitCode;

fn main() -> ExitCode {
    refollow::cli::run()
}
