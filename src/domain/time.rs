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
