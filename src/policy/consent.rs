//! People's yes and no to plans: what stands, what has expired, what is void.

use crate::domain::cause::Approval;
use crate::domain::plan::{Consent, Plan, PlanBasis, PlanRecord, PlanState};
use crate::domain::time::{Timestamp, after};
use crate::policy::settings::Settings;

/// Why a yes or no does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConsentError {
    /// Nobody answered in time (exit code 3).
    #[error("the plan expired at {at}; the next look makes a new one if it is still needed")]
    Expired {
        /// When.
        at: Timestamp,
    },
    /// The facts changed (exit code 3).
    #[error("the plan is void: {reason}")]
    Void {
        /// What changed.
        reason: String,
    },
    /// Somebody said no.
    #[error("{by} rejected the plan: {reason}")]
    Rejected {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// Nobody may approve a cause whose approval is `never`.
    #[error("refollow repairs nothing with this cause, approved or not")]
    Never,
    /// It runs or has run.
    #[error("the plan is {state} already")]
    TooLate {
        /// Its standing.
        state: &'static str,
    },
}

/// A new plan's record, waiting for people until `approval_expires_after` has passed.
pub fn new_record(
    plan: Plan,
    now: Timestamp,
    settings: &Settings,
    requested_by: Option<String>,
) -> PlanRecord {
    PlanRecord {
        plan,
        state: PlanState::Pending,
        changed_at: now,
        expires_at: after(now, settings.approval_expires_after),
        consents: Vec::new(),
        requested_by,
    }
}

/// Adds `by`'s yes; the plan is approved once `approvers` different people have agreed. The same
/// person twice counts once. An approval expires with the plan if it has not led to a run.
///
/// # Errors
/// Says why it does not count; the record is then unchanged.
pub fn consent(
    record: &PlanRecord,
    by: &str,
    note: Option<String>,
    now: Timestamp,
    approvers: u32,
) -> Result<PlanRecord, ConsentError> {
    open_for_word(record, now)?;
    if record.plan.approval == Approval::Never {
        return Err(ConsentError::Never);
    }
    let mut next = record.clone();
    if !next.consents.iter().any(|consent| consent.by == by) {
        next.consents.push(Consent {
            by: by.to_owned(),
            at: now,
            note,
        });
        next.changed_at = now;
    }
    if next.consents.len() >= usize::try_from(approvers.max(1)).unwrap_or(usize::MAX) {
        next.state = PlanState::Approved;
    }
    Ok(next)
}

/// Takes `by`'s no. It stands until the facts, and with them the hash, change.
///
/// # Errors
/// Says why it comes too late.
pub fn reject(
    record: &PlanRecord,
    by: &str,
    reason: &str,
    now: Timestamp,
) -> Result<PlanRecord, ConsentError> {
    open_for_word(record, now)?;
    let mut next = record.clone();
    next.state = PlanState::Rejected {
        by: by.to_owned(),
        reason: reason.to_owned(),
    };
    next.changed_at = now;
    Ok(next)
}

/// The record as it stands at `now`: a pending or approved plan past its end has expired.
/// `None` when nothing changed.
pub fn expire(record: &PlanRecord, now: Timestamp) -> Option<PlanRecord> {
    let waiting = matches!(record.state, PlanState::Pending | PlanState::Approved);
    (waiting && now >= record.expires_at).then(|| PlanRecord {
        state: PlanState::Expired,
        changed_at: now,
        ..record.clone()
    })
}

/// Why a waiting plan is void, given what the newest look would plan; `None` while it still stands.
/// `present` is `None` when the newest look plans nothing at all.
pub fn void_reason(record: &PlanRecord, present: Option<&PlanBasis>) -> Option<String> {
    if !matches!(record.state, PlanState::Pending | PlanState::Approved) {
        return None;
    }
    match present {
        None => Some("the follower no longer needs it".to_owned()),
        Some(basis) => {
            let changed = record.plan.basis.differences(basis);
            (!changed.is_empty()).then(|| format!("the facts changed: {}", changed.join(", ")))
        }
    }
}

fn open_for_word(record: &PlanRecord, now: Timestamp) -> Result<(), ConsentError> {
    match &record.state {
        PlanState::Pending | PlanState::Approved if now >= record.expires_at => Err(ConsentError::Expired {
            at: record.expires_at,
        }),
        PlanState::Pending | PlanState::Approved => Ok(()),
        PlanState::Expired => Err(ConsentError::Expired {
            at: record.expires_at,
        }),
        PlanState::Void { reason } => Err(ConsentError::Void {
            reason: reason.clone(),
        }),
        PlanState::Rejected { by, reason } => Err(ConsentError::Rejected {
            by: by.clone(),
            reason: reason.clone(),
        }),
        state @ (PlanState::Running { .. } | PlanState::Done { .. }) => Err(ConsentError::TooLate {
            state: state.as_str(),
        }),
    }
}
