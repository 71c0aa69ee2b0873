//! Incidents and auto-follow patterns as text for people, before and after the table of followers.

use crate::cli::client::table::{instant, wrap_to};
use crate::domain::cause::Cause;
use crate::http::dto::{IncidentItem, PatternItem};

/// What is wrong with many at once, first of all.
pub(super) fn incidents(incidents: &[IncidentItem], columns: usize) -> String {
    let mut out = String::new();
    for incident in incidents {
        let since = incident
            .since
            .map(|at| format!(" since {}", instant(at)))
            .unwrap_or_default();
        out += &wrap_to(
            columns,
            "  ",
            &format!("{}{since}: {} followers", incident.what, incident.followers),
        );
    }
    if out.is_empty() {
        out
    } else {
        format!("Incidents\n{out}\n")
    }
}

/// The patterns, those that fail with their first reason.
pub(super) fn patterns(patterns: &[PatternItem], columns: usize) -> String {
    let mut out = String::new();
    for pattern in patterns {
        let through = pattern
            .remote
            .as_ref()
            .map(|remote| format!(" from {remote}"))
            .unwrap_or_default();
        let cause = if pattern.cause == Cause::None {
            "well".to_owned()
        } else {
            pattern.cause.to_string()
        };
        let because = pattern
            .evidence
            .first()
            .map(|one| format!(" ({} = {})", one.field, one.value))
            .unwrap_or_default();
        let text = format!("{}/{}{through}: {cause}{because}", pattern.cluster, pattern.name);
        out += &wrap_to(columns, "  ", &text);
    }
    if out.is_empty() {
        out
    } else {
        format!("\nAuto-follow patterns\n{out}")
    }
}
