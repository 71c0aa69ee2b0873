//! The end of a drill: both scratch indices are deleted, if they are its own, and forgotten.

use std::sync::Arc;

use serde_json::json;

use crate::domain::drill::{Drill, DrillStep, DrillStepState, Scratch};
use crate::domain::ids::{FollowerKey, PlanHash};
use crate::domain::plan::PlanState;
use crate::domain::seen::Seen;
use crate::engine::Engine;
use crate::engine::book::Effect;
use crate::engine::drill::hands::{self, Deed};
use crate::engine::drill::{Stop, may_change};

/// What became of one scratch index.
enum Gone {
    /// It is not there.
    Absent,
    /// Another index has its name, which is left alone.
    NotOurs(String),
}

impl Engine {
    /// One try to clean up after the newest drill. What keeps it from that stands in the step.
    pub(super) async fn try_clean(self: &Arc<Self>) -> Result<(), ()> {
        let now = self.now();
        let drill = {
            let mut book = self.lock();
            let Some(drill) = &mut book.drills.newest else {
                return Ok(());
            };
            let running = |drill: &Drill| {
                drill
                    .step()
                    .is_some_and(|last| last.step == DrillStep::CleanUp && last.ended_at.is_none())
            };
            if !running(drill) {
                drill.begin(DrillStep::CleanUp, "deleting both scratch indices", now);
            }
            drill.clone()
        };
        let cleaned = self.clean(&drill).await;
        let now = self.now();
        let told = {
            let mut book = self.lock();
            let Some(newest) = &mut book.drills.newest else {
                return Ok(());
            };
            let (state, detail) = match &cleaned {
                Ok(left) if left.is_empty() => (DrillStepState::Done, "nothing is left".to_owned()),
                Ok(left) => (DrillStepState::Failed, left.join("; ")),
                Err(why) => (DrillStepState::Failed, why.clone()),
            };
            newest.cleaned = cleaned.is_ok();
            newest.end(state, &detail, now);
            // One line of it is enough, however often it is tried.
            let last = newest.steps.pop();
            let again = newest
                .steps
                .last()
                .is_some_and(|before| before.step == DrillStep::CleanUp);
            let news = newest.steps.last().map(|before| before.detail.clone()) != Some(detail.clone());
            if again {
                newest.steps.pop();
            }
            newest.steps.extend(last);
            (!again || news).then_some(detail)
        };
        if let Some(detail) = told {
            self.tell_drill(
                &drill,
                &format!("cleaning up after the drill of {}: {detail}", drill.pair()),
            );
            let detail = json!({ "detail": detail });
            self.audit("refollow", "drill_cleaned", drill.pair(), detail)
                .await;
        }
        let saved = self.save_drills().await;
        if let Err(error) = &saved {
            tracing::error!("the cleaning up after a drill could not be stored: {error}");
        }
        self.forget_scratch().await;
        cleaned.map(drop).map_err(drop)
    }

    /// Deletes what is the drill's own; says what was left because it is not.
    async fn clean(self: &Arc<Self>, drill: &Drill) -> Result<Vec<String>, String> {
        let key = drill.key();
        let now = self.now();
        let run = {
            let book = self.lock();
            let (remote, leader) = (&drill.remote, &drill.leader.cluster);
            may_change(&book, &key, remote, leader, now).map_err(words)?;
            book.followers
                .get(&key)
                .filter(|entry| entry.locked)
                .map(|entry| entry.run.clone())
        };
        if let Some(run) = run {
            if let Some(run) = &run {
                self.abort(run);
            }
            return Err("a run on the scratch follower must end first".to_owned());
        }
        self.void_plan(&key).await;
        let mut left = Vec::new();
        // The follower first: without its leader it would only be sick.
        for follower in [true, false] {
            match self.remove(follower).await? {
                Gone::Absent => {}
                Gone::NotOurs(why) => {
                    if follower {
                        self.lock().drills.made.retain(|made| *made != key);
                    }
                    left.push(why);
                }
            }
        }
        Ok(left)
    }

    async fn remove(self: &Arc<Self>, follower: bool) -> Result<Gone, String> {
        let Some(drill) = self.lock().drills.newest.clone() else {
            return Ok(Gone::Absent);
        };
        let scratch = if follower { &drill.follower } else { &drill.leader };
        let uuid = match hands::standing(self, scratch).await {
            Seen::Absent => return Ok(Gone::Absent),
            Seen::Unknown(why) => return Err(why.to_string()),
            Seen::Present(uuid) => uuid,
        };
        let not_ours = || {
            Gone::NotOurs(format!(
                "{}/{} ({uuid}) is not an index that the drill made, and was left",
                scratch.cluster, scratch.name
            ))
        };
        match &scratch.uuid {
            Some(own) if *own == uuid => {}
            Some(_) => return Ok(not_ours()),
            // The daemon died between making it and seeing it: the mark tells.
            None => match hands::marked(self, scratch, &drill.mark).await {
                Seen::Present(true) => {
                    self.keep_uuid(follower, uuid.clone()).await.map_err(words)?;
                }
                Seen::Present(false) | Seen::Absent => return Ok(not_ours()),
                Seen::Unknown(why) => return Err(why.to_string()),
            },
        }
        let Some(drill) = self.lock().drills.newest.clone() else {
            return Ok(Gone::Absent);
        };
        if follower {
            // Its tasks end in good order; one that is paused already refuses, which is as good.
            drop(hands::send(self, &drill, Deed::Pause).await);
        }
        let deed = if follower {
            Deed::DeleteFollower
        } else {
            Deed::DeleteLeader
        };
        let sent = hands::send(self, &drill, deed).await;
        let scratch = if follower { &drill.follower } else { &drill.leader };
        match hands::standing(self, scratch).await {
            Seen::Absent => Ok(Gone::Absent),
            _ => Err(sent.err().map_or_else(
                || format!("{} is still there after its deletion", scratch.name),
                words,
            )),
        }
    }

    /// Keeps the UUID of a scratch index, durable when it returns.
    pub(super) async fn keep_uuid(
        &self,
        follower: bool,
        uuid: crate::domain::ids::IndexUuid,
    ) -> Result<(), Stop> {
        {
            let mut book = self.lock();
            if let Some(drill) = &mut book.drills.newest {
                let scratch: &mut Scratch = if follower {
                    &mut drill.follower
                } else {
                    &mut drill.leader
                };
                scratch.uuid = Some(uuid);
            }
        }
        self.save_drills()
            .await
            .map_err(|error| Stop::Failed(format!("the state could not be written: {error}")))
    }

    async fn void_plan(self: &Arc<Self>, key: &FollowerKey) {
        let now = self.now();
        let mut effects = Vec::new();
        {
            let mut book = self.lock();
            let open: Vec<PlanHash> = book
                .plans
                .values()
                .filter(|record| record.plan.basis.key() == *key && record.state.is_open())
                .map(|record| record.plan.hash.clone())
                .collect();
            for hash in open {
                let state = PlanState::Void {
                    reason: "the drill is over".to_owned(),
                };
                book.change_plan(&hash, state, "refollow", now, &mut effects);
            }
        }
        self.perform(effects).await;
    }

    /// Scratch followers that are gone are nobody's missing followers. A look that was on its way
    /// can enter one again, so this is asked again.
    pub(super) async fn forget_scratch(self: &Arc<Self>) {
        let effects: Vec<Effect> = {
            let mut book = self.lock();
            let current = book.drills.unfinished().map(Drill::key);
            let made = book.drills.made.clone();
            made.into_iter()
                .filter(|key| Some(key) != current.as_ref())
                .filter(|key| book.followers.get(key).is_some_and(|entry| !entry.locked))
                .collect::<Vec<_>>()
                .into_iter()
                .map(|key| {
                    book.followers.remove(&key);
                    Effect::Forget(key)
                })
                .collect()
        };
        self.perform(effects).await;
    }
}

fn words(stop: Stop) -> String {
    match stop {
        Stop::Refused { guard, reason } => format!("{guard}: {reason}"),
        Stop::Failed(reason) => reason,
    }
}
