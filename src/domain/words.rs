//! Times, lengths and sizes as people read them: one wording for the command line and the pages.

use crate::domain::time::{Timestamp, millis_between};

/// `in 11h 58m`, `3m ago`.
pub fn relative(at: Timestamp, now: Timestamp) -> String {
    let millis = millis_between(now, at);
    let seconds = millis.unsigned_abs() / 1000;
    match (seconds, millis < 0) {
        (0, _) => "now".to_owned(),
        (_, true) => format!("{} ago", length(seconds)),
        (_, false) => format!("in {}", length(seconds)),
    }
}

/// The two largest units: `2d 3h`, `11h 58m`, `1m 5s`, `40s`.
pub fn length(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    let parts = match seconds {
        86_400.. => [(days, 'd'), (hours, 'h')],
        3600.. => [(hours, 'h'), (minutes, 'm')],
        60.. => [(minutes, 'm'), (seconds % 60, 's')],
        _ => return format!("{seconds}s"),
    };
    let written: Vec<String> = parts
        .iter()
        .filter(|(value, _)| *value > 0)
        .map(|(value, unit)| format!("{value}{unit}"))
        .collect();
    written.join(" ")
}

/// `512 B`, `1.5 GiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut unit = 0;
    // In tenths, so that no float is needed.
    let mut tenths = bytes.saturating_mul(10) / 1024;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    format!(
        "{}.{} {}",
        tenths / 10,
        tenths % 10,
        UNITS.get(unit).copied().unwrap_or("EiB")
    )
}

/// RFC 3339 in UTC, whole seconds.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_sizes_are_short() {
        let lengths = [0, 59, 60, 61, 3600, 43_080, 86_400, 190_800].map(length);
        assert_eq!(
            lengths,
            ["0s", "59s", "1m", "1m 1s", "1h", "11h 58m", "1d", "2d 5h"]
        );
        let sizes = [0, 1023, 1024, 1536, 5_000_000_000, u64::MAX].map(size);
        assert_eq!(
            sizes,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "4.6 GiB", "1.5 EiB"]
        );
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(relative(at(100), at(40)), "in 1m");
        assert_eq!(relative(at(40), at(100)), "1m ago");
        assert_eq!(relative(at(40), at(40)), "now");
        assert_eq!(instant(at(0)), "1970-01-01T00:00:00Z");
    }
}
