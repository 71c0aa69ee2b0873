//! The `refollow` binary: arguments in, exit code out.
fn main() {}
