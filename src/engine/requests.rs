//! What people ask for: a recreate. It becomes a plan like any other, and still needs its approval.

use crate::domain::cause::{Approval, Cause, Remedy};
use crate::domain::ids::FollowerKey;
use crate::domain::plan::{LeaseWay, PlanRecord, PlanState, Wishes};
use crate::domain::time::Timestamp;
use crate::engine::book::{Book, Effect};
use crate::policy;

impl Book {
    /// Makes the plan that `refollow recreate` asks for. `None`: no such follower is known; an
    /// error: why no plan can be made.
    pub fn request_recreate(
        &mut self,
        key: &FollowerKey,
        who: &str,
        wishes: &Wishes,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Option<Result<PlanRecord, Vec<String>>> {
        let entry = self.followers.get(key)?;
        let Some(verdict) = &entry.verdict else {
            return Some(Err(vec!["it was not looked at yet".to_owned()]));
        };
        // A cause whose approval is `never` stays so, whoever asks; `history_lost` without proof of
        // identity among them.
        if verdict.approval == Approval::Never {
            return Some(Err(vec![format!(
                "its cause is `{}`, which refollow repairs by no means, approved or not",
                verdict.cause
            )]));
        }
        if entry.locked {
            return Some(Err(vec!["a run on it is going on (`refollow runs`)".to_owned()]));
        }
        let problems = cannot_be_wished(key, verdict.cause, wishes);
        if !problems.is_empty() {
            return Some(Err(problems));
        }
        let mut wanted = verdict.clone();
        // A failed restore keeps its own ladder: the last rung is what helps on old versions.
        if verdict.cause != Cause::RestoreFailed {
            wanted.ladder = vec![Remedy::Recreate];
        }
        wanted.approval = Approval::Always;
        let plan = match policy::build_plan(&wanted, &entry.facts, &entry.memory, wishes, now) {
            Ok(plan) => plan,
            Err(missing) => return Some(Err(missing)),
        };
        if let Some(PlanState::Rejected { by, reason }) = self.plans.get(&plan.hash).map(|known| &known.state)
        {
            return Some(Err(vec![format!(
                "{by} rejected exactly this plan ({reason}); it stays so until the facts change"
            )]));
        }
        if let Some(old) = entry.plan.clone().filter(|hash| *hash != plan.hash) {
            let reason = format!("{who} asked for a recreate instead");
            self.change_plan(&old, PlanState::Void { reason }, who, now, effects);
        }
        if let Some(entry) = self.followers.get_mut(key) {
            // Looked up from the next look on; until then its guard says that it was not.
            entry.facts.asked_snapshot.clone_from(&wishes.snapshot);
        }
        let record = policy::new_record(plan, now, &self.settings.policy, Some(who.to_owned()));
        self.open_plan(record.clone(), now, effects);
        Some(Ok(record))
    }
}

/// What of a wish for side by side nobody can have.
fn beside_cannot_be(key: &FollowerKey, cause: Cause, wishes: &Wishes) -> Vec<String> {
    let Some(name) = &wishes.beside else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    if *name == key.index {
        problems.push(format!(
            "`{name}` is the follower itself: side by side needs another name"
        ));
    }
    if name.as_str().starts_with('.') {
        problems.push(format!("`{name}` is named like a system index"));
    }
    if matches!(cause, Cause::RestoreFailed | Cause::RestoredNotFollowing) {
        problems.push(format!(
            "its cause is `{cause}`: it has no copy of its own that side by side would keep"
        ));
    }
    if wishes.lease != LeaseWay::Forget || wishes.snapshot.is_some() {
        problems.push("side by side touches neither the follower nor its lease: it takes no `--lease` and no `--snapshot`".to_owned());
    }
    problems
}

/// What of the wishes nobody can have, as sentences.
fn cannot_be_wished(key: &FollowerKey, cause: Cause, wishes: &Wishes) -> Vec<String> {
    let mut problems = Vec::new();
    for wish in &wishes.overrides {
        if wish.index != key.index {
            problems.push(format!(
                "the override of `{}` was typed for `{}`, and the follower is `{}`",
                wish.fact, wish.index, key.index
            ));
        }
        let counts = wishes.beside.is_some() && wish.fact == policy::OVERRIDABLE_BESIDE;
        if !counts && !policy::OVERRIDABLE.contains(&wish.fact.as_str()) {
            problems.push(format!(
                "`{}` cannot be overridden; these can: {}",
                wish.fact,
                policy::OVERRIDABLE.join(", ")
            ));
        }
        // Of the leader that is followed, lower numbers mean that it went back: that is a cause of
        // its own, and what is judged otherwise is not to be overruled by hand.
        if wish.fact == "sequence_numbers_not_lower"
            && !matches!(cause, Cause::LeaderReplaced | Cause::LeaderRewound)
        {
            problems.push(format!(
                "`sequence_numbers_not_lower` can be overridden only where the leader is known to be another index or to have gone back, and the cause is `{cause}`"
            ));
        }
    }
    problems.extend(beside_cannot_be(key, cause, wishes));
    if !wishes.overrides.is_empty() && wishes.snapshot.is_none() && wishes.beside.is_none() {
        problems.push(
            "an override needs a finished snapshot of the follower, named with `--snapshot <repository>/<snapshot>`"
                .to_owned(),
        );
    }
    problems
}
