//! Time as an argument: instants and lengths, never a clock.

/// An instant, printed as RFC 3339 in UTC.
pub type Timestamp = jiff::Timestamp;
/// A length of time.
pub type Span = std::time::Duration;

/// Milliseconds from `earlier` to `later`; negative when the clock went back.
pub fn millis_between(earlier: Timestamp, later: Timestamp) -> i64 {
    later.as_millisecond().saturating_sub(earlier.as_millisecond())
}

/// `at` plus `length`, held at the end of representable time.
pub fn after(at: Timestamp, length: Span) -> Timestamp {
    jiff::SignedDuration::try_from(length)
        .ok()
        .and_then(|length| at.checked_add(length).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `at` as a clock shows it that was set forward by so many milliseconds (back, if negative);
/// held within representable time.
pub fn moved(at: Timestamp, by_millis: i64) -> Timestamp {
    at.checked_add(jiff::SignedDuration::from_millis(by_millis))
        .unwrap_or(if by_millis < 0 {
            Timestamp::MIN
        } else {
            Timestamp::MAX
        })
}
