//! Lengths of time, sizes and percentages as people write them.

use std::time::Duration;

/// Parses `15s`, `12h`, `7d`, `500ms`, `1h30m`: whole numbers, each with a unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err("is empty".into());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if digits == 0 {
            return Err("is not a length of time".into());
        }
        let (number, after) = rest.split_at(digits);
        let letters = after.len() - after.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, after) = after.split_at(letters);
        let number: u64 = number.parse().map_err(|_| "is too long a time".to_owned())?;
        let millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "" => return Err("has no unit".into()),
            _ => {
                return Err(format!(
                    "has the unit `{unit}`, which is not one of ms, s, m, h, d"
                ));
            }
        };
        let part = number
            .checked_mul(millis)
            .ok_or_else(|| "is too long a time".to_owned())?;
        total = total
            .checked_add(Duration::from_millis(part))
            .ok_or_else(|| "is too long a time".to_owned())?;
        rest = after;
    }
    Ok(total)
}

/// Prints a length of time the way [`duration`] reads it, in its largest whole unit.
pub(super) fn print_duration(length: Duration) -> String {
    let millis = length.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis > 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    format!("{millis}ms")
}

/// Parses `50GiB`, `500MB`, `0B`: a whole number with a unit, in bytes.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err("is not a size".into());
    }
    let number: u64 = number.parse().map_err(|_| "is too large".to_owned())?;
    let unit: u64 = match unit.trim() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "" => return Err("has no unit".into()),
        other => {
            return Err(format!(
                "has the unit `{other}`, which is not one of B, KiB, MiB, GiB, TiB, kB, MB, GB, TB"
            ));
        }
    };
    number.checked_mul(unit).ok_or_else(|| "is too large".to_owned())
}

/// Parses `0.1%` into 0.001; between 0 % and 100 %.
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    let number = text
        .trim()
        .strip_suffix('%')
        .ok_or_else(|| "has no `%`".to_owned())?
        .trim_end();
    if number.is_empty() || !number.chars().all(|c| c.is_ascii_digit() || c == '.') {
        return Err("is not a percentage".into());
    }
    let value: f64 = number.parse().map_err(|_| "is not a percentage".to_owned())?;
    if (0.0..=100.0).contains(&value) {
        Ok(value / 100.0)
    } else {
        Err("is not between 0% and 100%".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_with_their_unit_only() {
        for (text, millis) in [
            ("15s", 15_000),
            ("12h", 43_200_000),
            ("7d", 604_800_000),
            ("250ms", 250),
            ("1h30m", 5_400_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in [
            "",
            "15",
            "s",
            "1.5h",
            "-1s",
            "15 parsecs",
            "1h 30m",
            "99999999999999999999s",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_printed_length_reads_back_as_itself() {
        for text in ["15s", "12h", "7d", "250ms", "90m", "0ms"] {
            let length = duration(text).unwrap();
            assert_eq!(print_duration(length), text);
        }
    }

    #[test]
    fn sizes_are_binary_or_decimal_as_written() {
        assert_eq!(size("50GiB"), Ok(50 << 30));
        assert_eq!(size("1 GB"), Ok(1_000_000_000));
        for text in ["", "50", "GiB", "-1B", "50 gigs", "99999999999TiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn percentages_lie_between_nothing_and_all() {
        assert!((percentage("0.1%").unwrap() - 0.001).abs() < 1e-12);
        assert!((percentage("30%").unwrap() - 0.3).abs() < 1e-12);
        for text in ["0.1", "%", "101%", "-1%", "NaN%", "1e1%"] {
            assert!(percentage(text).is_err(), "{text}");
        }
    }
}
