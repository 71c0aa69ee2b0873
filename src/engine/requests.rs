//! What people ask for: a recreate. It becomes a plan like any other, and still needs its approval.

use crate::domain::cause::{Approval, Remedy};
use crate::domain::ids::FollowerKey;
use crate::domain::plan::{PlanRecord, PlanState};
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
        let mut wanted = verdict.clone();
        wanted.ladder = vec![Remedy::Recreate];
        wanted.approval = Approval::Always;
        let plan = match policy::build_plan(&wanted, &entry.facts, &entry.memory, &[], now) {
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
        let record = policy::new_record(plan, now, &self.settings.policy, Some(who.to_owned()));
        self.open_plan(record.clone(), now, effects);
        Some(Ok(record))
    }
}
