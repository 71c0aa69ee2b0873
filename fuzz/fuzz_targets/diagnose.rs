//! No bytes make `diagnose` panic or hang.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = refollow::evidence::diagnose("fuzz", bytes);
});
