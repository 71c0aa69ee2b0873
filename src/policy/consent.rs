//! People's yes and no to plans: what stands, what has expired, what is void.

use crate::domain::cause::Approval;
use crate::domain::plan::{Consent, Plan, PlanBasis, PlanRecord, PlanState};
use crate::domain::time::{Timestamp, after};
use crate::policy::settings::{ApprovalRules, Person, Settings};

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
    /// `approval.persons` does not name them.
    #[error("{by} may not approve: `approval.persons` names neither the user nor one of its groups")]
    NotAllowed {
        /// Who.
        by: String,
    },
    /// What will be lost was not typed, or not exactly.
    #[error(
        "this plan replaces {what} of `{index}` by the leader's copy{typed}; to approve it, type: refollow approve {hash} --lose {index}"
    )]
    Lose {
        /// How much.
        what: String,
        /// The follower index.
        index: String,
        /// The plan's hash.
        hash: String,
        /// What was typed instead, as a clause.
        typed: String,
    },
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

/// Who says yes, as the admin socket's peer credentials and the local files tell.
#[derive(Debug, Clone, Copy)]
pub struct Voter<'a> {
    /// User name, or `uid:1000`.
    pub name: &'a str,
    /// Names of the groups that the user is in.
    pub groups: &'a [String],
}

/// Whether this person may say yes at all, and has typed what will be lost where that is needed.
///
/// # Errors
/// Says who may, or what to type.
pub fn may_approve(
    plan: &Plan,
    voter: Voter<'_>,
    lose: Option<&str>,
    rules: &ApprovalRules,
) -> Result<(), ConsentError> {
    let named = |person: &Person| match person {
        Person::User(name) => name == voter.name,
        Person::Group(name) => voter.groups.contains(name),
    };
    if !rules.persons.is_empty() && !rules.persons.iter().any(named) {
        return Err(ConsentError::NotAllowed {
            by: voter.name.to_owned(),
        });
    }
    let Some(what) = to_be_typed(plan, rules) else {
        return Ok(());
    };
    let index = plan.basis.follower.as_str();
    if lose == Some(index) {
        return Ok(());
    }
    Err(ConsentError::Lose {
        what,
        index: index.to_owned(),
        hash: plan.hash.to_string(),
        typed: lose.map_or_else(String::new, |typed| format!(" (typed was `{typed}`)")),
    })
}

/// What is destroyed, where it is so much that it must be typed; `None` where no word is needed.
/// What is not known counts as too much.
pub fn to_be_typed(plan: &Plan, rules: &ApprovalRules) -> Option<String> {
    if !plan.destroys() {
        return None;
    }
    let figures = &plan.figures;
    let too_much = |have: Option<u64>, limit: u64| have.is_none_or(|have| have > limit);
    let bytes = too_much(figures.follower_bytes, rules.type_above_bytes);
    let documents = too_much(figures.follower_documents, rules.type_above_documents);
    let said = |have: Option<u64>, unit: &str| match have {
        Some(have) => format!("{have} {unit}"),
        None => format!("an unknown number of {unit}"),
    };
    (bytes || documents).then(|| {
        format!(
            "{} and {}",
            said(figures.follower_bytes, "bytes"),
            said(figures.follower_documents, "documents")
        )
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::build_plan;
    use crate::policy::fixture::{Case, now, settings};

    fn record(approval: Approval) -> PlanRecord {
        let case = Case::lost();
        let mut plan = build_plan(&case.verdict, &case.facts, &case.memory, &[], now()).unwrap();
        plan.approval = approval;
        new_record(plan, now(), &settings(), None)
    }

    fn in_hours(hours: u64) -> Timestamp {
        after(now(), std::time::Duration::from_secs(hours * 3600))
    }

    #[test]
    fn the_same_person_twice_counts_once() {
        let once = consent(&record(Approval::Policy), "ann", None, now(), 2).unwrap();
        let twice = consent(&once, "ann", None, now(), 2).unwrap();
        assert_eq!(
            (twice.state.clone(), twice.consents.len()),
            (PlanState::Pending, 1)
        );
        let both = consent(&twice, "bob", None, now(), 2).unwrap();
        assert_eq!(both.state, PlanState::Approved);
        // No configuration makes a plan approved by nobody.
        assert_eq!(
            consent(&record(Approval::Policy), "ann", None, now(), 0)
                .unwrap()
                .consents
                .len(),
            1
        );
    }

    fn asked(
        plan: &Plan,
        name: &str,
        groups: &[&str],
        lose: Option<&str>,
        rules: &ApprovalRules,
    ) -> Result<(), ConsentError> {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        may_approve(
            plan,
            Voter {
                name,
                groups: &groups,
            },
            lose,
            rules,
        )
    }

    #[test]
    fn only_named_people_and_groups_may_approve_and_without_names_everybody_may() {
        let plan = record(Approval::Policy).plan;
        let mut rules = ApprovalRules {
            type_above_bytes: u64::MAX,
            type_above_documents: u64::MAX,
            ..ApprovalRules::default()
        };
        assert_eq!(asked(&plan, "eve", &[], None, &rules), Ok(()));
        rules.persons = vec![Person::parse("ann").unwrap(), Person::parse("group:ops").unwrap()];
        assert_eq!(asked(&plan, "ann", &[], None, &rules), Ok(()));
        assert_eq!(asked(&plan, "bob", &["staff", "ops"], None, &rules), Ok(()));
        for (name, groups) in [
            ("eve", &["staff"][..]),
            ("ops", &[]),
            ("group:ops", &[]),
            ("root", &["ann"]),
        ] {
            let refused = asked(&plan, name, groups, None, &rules);
            assert!(matches!(refused, Err(ConsentError::NotAllowed { .. })), "{name}");
        }
    }

    #[test]
    fn what_will_be_lost_is_typed_exactly_where_it_is_much_or_unknown() {
        let mut plan = record(Approval::Policy).plan;
        let rules = ApprovalRules {
            type_above_bytes: 1_000,
            type_above_documents: 10,
            ..ApprovalRules::default()
        };
        let index = plan.basis.follower.to_string();
        let mut with = |bytes, documents, lose: Option<&str>| {
            plan.figures.follower_bytes = bytes;
            plan.figures.follower_documents = documents;
            asked(&plan, "ann", &[], lose, &rules)
        };
        assert_eq!(with(Some(1_000), Some(10), None), Ok(()), "at the limit");
        for (bytes, documents) in [
            (Some(1_001), Some(1)),
            (Some(1), Some(11)),
            (None, Some(1)),
            (Some(1), None),
        ] {
            let refused = with(bytes, documents, None).unwrap_err().to_string();
            assert!(refused.contains(&format!("--lose {index}")), "{refused}");
            for wrong in ["", "yes", "*", &index.to_uppercase(), &format!("{index} ")] {
                assert!(with(bytes, documents, Some(wrong)).is_err(), "{wrong}");
            }
            assert_eq!(with(bytes, documents, Some(&index)), Ok(()));
        }
        plan.basis.ladder = vec![crate::domain::cause::Remedy::Resume];
        assert_eq!(to_be_typed(&plan, &rules), None, "a resume destroys nothing");
    }

    #[test]
    fn an_approval_ends_with_its_plan() {
        let late = consent(&record(Approval::Always), "ann", None, in_hours(24), 1);
        assert!(matches!(late, Err(ConsentError::Expired { .. })));
        let approved = consent(&record(Approval::Always), "ann", None, in_hours(23), 1).unwrap();
        assert_eq!(expire(&approved, in_hours(23)), None);
        assert_eq!(expire(&approved, in_hours(24)).unwrap().state, PlanState::Expired);
    }

    #[test]
    fn what_is_rejected_void_running_or_never_cannot_be_approved() {
        let yes = |record: &PlanRecord| consent(record, "ann", None, now(), 1);
        assert_eq!(yes(&record(Approval::Never)), Err(ConsentError::Never));
        let rejected = reject(&record(Approval::Policy), "bob", "no", now()).unwrap();
        assert!(matches!(yes(&rejected), Err(ConsentError::Rejected { .. })));
        let mut void = record(Approval::Policy);
        void.state = PlanState::Void {
            reason: "x".to_owned(),
        };
        assert!(matches!(yes(&void), Err(ConsentError::Void { .. })));
        void.state = PlanState::Running {
            run: crate::domain::ids::RunId::parse("r").unwrap(),
        };
        assert!(matches!(
            yes(&void),
            Err(ConsentError::TooLate { state: "running" })
        ));
        assert!(reject(&void, "bob", "no", now()).is_err());
    }

    #[test]
    fn changed_facts_void_a_waiting_plan_and_say_what_changed() {
        let record = record(Approval::Policy);
        let mut present = record.plan.basis.clone();
        assert_eq!(void_reason(&record, Some(&present)), None);
        present.leader_uuid = None;
        assert_eq!(
            void_reason(&record, Some(&present)).unwrap(),
            "the facts changed: leader_uuid"
        );
        assert!(void_reason(&record, None).is_some());
    }
}
