//! Drills: called, and told.

use crate::app::desk::Desk;
use crate::domain::drill::Drills;
use crate::engine::drill::NotBegun;
use crate::http::dto::{Caller, DrillBody, DrillReport, Problem};

impl Desk {
    pub(super) async fn call_drill(&self, body: DrillBody, who: Caller) -> Result<DrillReport, Problem> {
        let begun = self
            .0
            .request_drill(&body.cluster, body.remote.as_ref(), &who.name)
            .await;
        match begun {
            Ok(drill) => Ok(drill.into()),
            Err(NotBegun::NoSuchPair(why)) => Err(Problem::not_found(why)),
            Err(NotBegun::NotStored(why)) => Err(Problem::failed(format!(
                "nothing is begun while the state cannot be written: {why}"
            ))),
            Err(NotBegun::Refused { guard, reason }) => {
                let detail =
                    serde_json::json!({"uid": who.uid, "token": who.token, "guard": guard, "reason": reason});
                self.note(&who.name, "drill_refused", body.cluster.to_string(), detail)
                    .await?;
                Err(Problem::refused(guard, format!("no drill: {reason}")))
            }
        }
    }

    pub(super) fn newest_drill(&self) -> Result<DrillReport, Problem> {
        let newest = self.0.lock().drills.newest.clone();
        newest
            .map(DrillReport::from)
            .ok_or_else(|| Problem::not_found("there was no drill yet"))
    }
}

/// What `status` says of drills: one that goes on or left something, and the last of each pair.
pub(super) fn notes(drills: &Drills) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(drill) = drills.unfinished() {
        let step = drill.step();
        notes.push(format!(
            "a drill of {} by {} since {}: {} ({}); its indices are {} and {}",
            drill.pair(),
            drill.by,
            drill.started_at,
            step.map_or("begins", |step| step.step.as_str()),
            step.map_or("", |step| step.detail.as_str()),
            drill.leader.name,
            drill.follower.name,
        ));
    } else if let Some(left) = drills
        .newest
        .iter()
        .filter_map(|drill| drill.step())
        .find(|step| step.state == crate::domain::drill::DrillStepState::Failed)
    {
        notes.push(format!("the last drill left something: {}", left.detail));
    }
    for (pair, last) in &drills.last {
        notes.push(format!(
            "the last drill of {pair} is {}, {} after {} s: {}",
            last.result.outcome, last.result.at, last.seconds, last.result.reason
        ));
    }
    notes
}
