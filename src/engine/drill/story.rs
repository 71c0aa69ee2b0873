//! The steps of a drill, one after the other. What it waits for is what the book shows: the same
//! verdicts, plans and runs that people see.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::cause::{Cause, Remedy};
use crate::domain::drill::{Drill, DrillStep, DrillStepState};
use crate::domain::facts::EsVersion;
use crate::domain::ids::IndexUuid;
use crate::domain::journal::RunOutcome;
use crate::domain::plan::PlanState;
use crate::domain::seen::Seen;
use crate::domain::state::State;
use crate::elastic::read::Look;
use crate::engine::Engine;
use crate::engine::book::{Book, short};
use crate::engine::drill::hands::{self, DOCUMENTS, Deed};
use crate::engine::drill::{Stop, go_on};

/// Until the daemon must have seen the new follower following and have remembered what it follows:
/// two slow beats of the leader side.
const FOLLOWS: Duration = Duration::from_mins(5);
/// Until the lease must have expired. The leader's primary syncs leases every 30 s, and lets them
/// expire then; 34 s in recording 02.
const LOSES: Duration = Duration::from_mins(3);
/// Until the follower must be seen fatal, and judged so.
const JUDGES: Duration = Duration::from_mins(5);
/// Until a plan must have been made and approved.
const ASKS: Duration = Duration::from_mins(15);
/// Until the run must have ended: copy, settling, proof.
const REPAIRS: Duration = Duration::from_mins(15);
/// Until both sides must count the same.
const VERIFIES: Duration = Duration::from_mins(1);
/// Between two rounds of writing and merging, as recorded.
const ROUND: Duration = Duration::from_secs(3);
/// Rounds after the lease was seen gone, so that what it held is merged away; recorded: 3.
const ROUNDS_AFTER: u32 = 3;
/// Between two times of asking the daemon to look before its time.
const POKE: u32 = 5;

/// What a wait found.
enum Found<T> {
    /// What was waited for.
    This(T),
    /// Not yet; what is seen, for people.
    NotYet(String),
}

struct Teller<'a> {
    engine: &'a Arc<Engine>,
    cancel: &'a CancellationToken,
}

/// The whole drill; the sentence says what was proven.
pub(super) async fn tell(engine: &Arc<Engine>, cancel: &CancellationToken) -> Result<String, Stop> {
    let teller = Teller { engine, cancel };
    teller.prepare().await?;
    teller.follow().await?;
    teller.lose_history().await?;
    teller.judge().await?;
    teller.ask().await?;
    teller.repair().await?;
    teller.verify().await
}

impl Teller<'_> {
    fn drill(&self) -> Result<Drill, Stop> {
        let newest = self.engine.lock().drills.newest.clone();
        newest.ok_or_else(|| Stop::Failed("the drill is not known any more".to_owned()))
    }

    fn go_on(&self) -> Result<(), Stop> {
        if self.cancel.is_cancelled() {
            return Err(super::refused("shutdown", "the daemon is stopping"));
        }
        let drill = self.drill()?;
        let book = self.engine.lock();
        go_on(
            &book,
            &drill.key(),
            &drill.remote,
            &drill.leader.cluster,
            self.engine.now(),
        )
    }

    async fn begin(&self, step: DrillStep, detail: &str) -> Result<(), Stop> {
        self.go_on()?;
        let now = self.engine.now();
        if let Some(drill) = &mut self.engine.lock().drills.newest {
            drill.begin(step, detail, now);
        }
        self.save().await
    }

    async fn done(&self, detail: &str) -> Result<(), Stop> {
        let now = self.engine.now();
        if let Some(drill) = &mut self.engine.lock().drills.newest {
            drill.end(DrillStepState::Done, detail, now);
        }
        self.save().await
    }

    async fn save(&self) -> Result<(), Stop> {
        self.engine
            .save_drills()
            .await
            .map_err(|error| Stop::Failed(format!("the state could not be written: {error}")))
    }

    async fn send(&self, deed: Deed) -> Result<Value, Stop> {
        self.go_on()?;
        hands::send(self.engine, &self.drill()?, deed).await
    }

    async fn rest(&self, length: Duration) {
        tokio::select! {
            () = self.cancel.cancelled() => {}
            () = tokio::time::sleep(length) => {}
        }
    }

    /// Waits for what the book shows, and has the daemon look before its time meanwhile.
    async fn until<T>(
        &self,
        what: &str,
        limit: Duration,
        mut seen: impl FnMut(&mut Book, &Drill) -> Result<Found<T>, Stop>,
    ) -> Result<T, Stop> {
        let began = Instant::now();
        for beat in 0_u32.. {
            self.go_on()?;
            let drill = self.drill()?;
            let found = seen(&mut self.engine.lock(), &drill)?;
            let standing = match found {
                Found::This(found) => return Ok(found),
                Found::NotYet(standing) => standing,
            };
            if began.elapsed() >= limit {
                return Err(Stop::Failed(format!(
                    "{what} was not seen within {} s: {standing}",
                    limit.as_secs()
                )));
            }
            if beat.is_multiple_of(POKE) {
                self.engine.look_soon(&drill.follower.cluster);
            }
            self.rest(Duration::from_secs(1)).await;
        }
        Err(Stop::Failed(format!("{what} was not seen")))
    }

    /// The UUID of what was just made, kept before anything else is done with it.
    async fn keep(&self, follower: bool) -> Result<IndexUuid, Stop> {
        let drill = self.drill()?;
        let scratch = if follower { &drill.follower } else { &drill.leader };
        match hands::standing(self.engine, scratch).await {
            Seen::Present(uuid) => {
                self.engine.keep_uuid(follower, uuid.clone()).await?;
                Ok(uuid)
            }
            Seen::Absent => Err(Stop::Failed(format!(
                "{} was made and is not there",
                scratch.name
            ))),
            Seen::Unknown(why) => Err(Stop::Failed(why.to_string())),
        }
    }

    async fn prepare(&self) -> Result<(), Stop> {
        let drill = self.drill()?;
        let at = format!("{}/{}", drill.leader.cluster, drill.leader.name);
        self.begin(DrillStep::Prepare, &format!("making {at}")).await?;
        self.send(Deed::Create).await?;
        let uuid = self.keep(false).await?;
        self.send(Deed::Write { round: 0 }).await?;
        self.done(&format!("{at} ({uuid}) with {DOCUMENTS} documents"))
            .await
    }

    async fn follow(&self) -> Result<(), Stop> {
        let key = self.drill()?.key();
        self.begin(DrillStep::Follow, &format!("making `{key}`")).await?;
        let version = self.version().await?;
        self.send(Deed::Follow(version)).await?;
        let uuid = self.keep(true).await?;
        self.until("the scratch follower following", FOLLOWS, |book, drill| {
            let Some(entry) = book.followers.get(&drill.key()) else {
                return Ok(Found::NotYet("the daemon has not seen it".to_owned()));
            };
            let memory = &entry.memory;
            let remembered = memory.leader_index_uuid.is_some()
                && memory.leader_shard_history_uuids.is_some()
                && memory.leader_cluster_uuid.is_some();
            let well = entry.state() == State::Following && entry.cause() == Cause::None;
            Ok(if well && remembered {
                Found::This(())
            } else {
                Found::NotYet(format!("{}; remembered: {remembered}", standing(book, drill)))
            })
        })
        .await?;
        self.done(&format!("`{key}` ({uuid}) follows")).await
    }

    async fn version(&self) -> Result<EsVersion, Stop> {
        let drill = self.drill()?;
        let (status, body) = hands::ask(self.engine, &drill.follower, &Look::Root)
            .await
            .map_err(Stop::Failed)?;
        body.pointer("/version/number")
            .and_then(Value::as_str)
            .and_then(EsVersion::parse)
            .ok_or_else(|| {
                Stop::Failed(format!(
                    "`{}` answered {status} without a version",
                    drill.follower.cluster
                ))
            })
    }

    async fn lose_history(&self) -> Result<(), Stop> {
        let what = "pausing the follower; the leader forgets meanwhile";
        self.begin(DrillStep::LoseHistory, what).await?;
        self.send(Deed::Pause).await?;
        self.send(Deed::KeepNothing).await?;
        let began = Instant::now();
        let mut round = 0;
        loop {
            self.write_and_merge(&mut round).await?;
            self.rest(ROUND).await;
            match self.leases().await? {
                0 => break,
                some if began.elapsed() >= LOSES => {
                    return Err(Stop::Failed(format!(
                        "{some} leases of the follower are still on {} after {} s",
                        self.drill()?.leader.name,
                        LOSES.as_secs()
                    )));
                }
                _ => {}
            }
        }
        for _ in 0..ROUNDS_AFTER {
            self.write_and_merge(&mut round).await?;
            self.rest(Duration::from_secs(1)).await;
        }
        // From here on history is kept again: what is repaired must stay so.
        self.send(Deed::KeepAsBefore).await?;
        self.send(Deed::Resume).await?;
        let seconds = began.elapsed().as_secs();
        self.done(&format!("no lease after {seconds} s and {round} rounds; resumed"))
            .await
    }

    async fn write_and_merge(&self, round: &mut u32) -> Result<(), Stop> {
        for _ in 0..2 {
            *round += 1;
            self.send(Deed::Write { round: *round }).await?;
        }
        self.send(Deed::Flush).await?;
        self.send(Deed::Merge).await.map(drop)
    }

    /// Leases of followers on the scratch leader.
    async fn leases(&self) -> Result<usize, Stop> {
        let drill = self.drill()?;
        let leader = &drill.leader;
        let look = Look::IndexStats(vec![leader.name.index().clone()]);
        let (status, body) = hands::ask(self.engine, leader, &look)
            .await
            .map_err(Stop::Failed)?;
        let shards = body
            .get("indices")
            .and_then(|indices| indices.get(leader.name.index().as_str()))
            .and_then(|index| index.get("shards"))
            .and_then(Value::as_object)
            .ok_or_else(|| Stop::Failed(format!("{} answered {status} without shards", leader.name)))?;
        let mut leases = 0;
        for copy in shards.values().filter_map(Value::as_array).flatten() {
            let list = copy.pointer("/retention_leases/leases").and_then(Value::as_array);
            let list =
                list.ok_or_else(|| Stop::Failed(format!("{} does not tell its leases", leader.name)))?;
            leases += list.iter().filter(|lease| lease["source"] == "ccr").count();
        }
        Ok(leases)
    }

    async fn judge(&self) -> Result<(), Stop> {
        let what = "waiting for the daemon to see it";
        self.begin(DrillStep::Judge, what).await?;
        self.until("the verdict `history_lost`", JUDGES, |book, drill| {
            let lost = book
                .followers
                .get(&drill.key())
                .is_some_and(|entry| entry.state() == State::Fatal && entry.cause() == Cause::HistoryLost);
            Ok(if lost {
                Found::This(())
            } else {
                Found::NotYet(standing(book, drill))
            })
        })
        .await?;
        self.done("state fatal, cause history_lost").await
    }

    async fn ask(&self) -> Result<(), Stop> {
        self.begin(DrillStep::Ask, "waiting for a plan").await?;
        let mut saved = None;
        let began = Instant::now();
        let how = loop {
            let left = ASKS.saturating_sub(began.elapsed());
            let found = self
                .until("an approved plan", left, |book, drill| {
                    let key = drill.key();
                    let newest = book
                        .plans
                        .values()
                        .filter(|record| record.plan.basis.key() == key)
                        .max_by_key(|record| (record.plan.created_at, record.changed_at))
                        .cloned();
                    let Some(record) = newest else {
                        return Ok(Found::NotYet(standing(book, drill)));
                    };
                    let hash = record.plan.hash.clone();
                    let consents: Vec<&str> = record
                        .consents
                        .iter()
                        .map(|consent| consent.by.as_str())
                        .collect();
                    let by = if consents.is_empty() {
                        "a rule let it start".to_owned()
                    } else {
                        format!("approved by {}", consents.join(", "))
                    };
                    match &record.state {
                        PlanState::Rejected { by, reason } => {
                            Err(Stop::Failed(format!("{by} rejected the plan: {reason}")))
                        }
                        PlanState::Expired => Err(Stop::Failed("the plan expired".to_owned())),
                        PlanState::Approved | PlanState::Running { .. } | PlanState::Done { .. } => {
                            Ok(Found::This((hash, Some(by))))
                        }
                        PlanState::Pending if saved.as_ref() != Some(&hash) => Ok(Found::This((hash, None))),
                        PlanState::Pending | PlanState::Void { .. } => Ok(Found::NotYet(format!(
                            "plan {} is {}; {}",
                            short(&hash),
                            record.state.as_str(),
                            standing(book, drill)
                        ))),
                    }
                })
                .await?;
            saved = Some(found.0.clone());
            {
                let mut book = self.engine.lock();
                if let Some(drill) = &mut book.drills.newest {
                    drill.plan = Some(found.0.clone());
                    if let Some(last) = drill.steps.last_mut() {
                        last.detail = format!("plan {} waits for its approval", short(&found.0));
                    }
                }
            }
            self.save().await?;
            if let Some(how) = found.1 {
                break format!("plan {}: {how}", short(&found.0));
            }
        };
        self.done(&how).await
    }

    async fn repair(&self) -> Result<(), Stop> {
        let what = "the executor repairs it";
        self.begin(DrillStep::Repair, what).await?;
        self.until("the end of the run", REPAIRS, |book, drill| {
            let key = drill.key();
            let ended = book.past.iter().any(|run| run.key == key);
            let locked = book.followers.get(&key).is_some_and(|entry| entry.locked);
            Ok(if ended && !locked {
                Found::This(())
            } else {
                Found::NotYet(standing(book, drill))
            })
        })
        .await?;
        let key = self.drill()?.key();
        let runs = self
            .engine
            .store
            .runs(50)
            .await
            .map_err(|error| Stop::Failed(format!("the run could not be read: {error}")))?;
        let Some((run, closed)) = runs
            .into_iter()
            .filter(|run| run.follower == key)
            .find_map(|run| run.closed.clone().map(|closed| (run, closed)))
        else {
            return Err(Stop::Failed("the run's end is not in the journal".to_owned()));
        };
        if let Some(drill) = &mut self.engine.lock().drills.newest {
            drill.run = Some(run.id.clone());
        }
        if closed.outcome != RunOutcome::Cured || closed.remedy != Some(Remedy::Recreate) {
            return Err(Stop::Failed(format!(
                "run {} ended {} after {}: {}",
                run.id,
                closed.outcome,
                closed.remedy.map_or("no rung", Remedy::as_str),
                closed.reason
            )));
        }
        self.done(&format!("run {}: cured by recreate", run.id)).await
    }

    async fn verify(&self) -> Result<String, Stop> {
        self.begin(DrillStep::Verify, "counting on both sides").await?;
        let began = Instant::now();
        loop {
            self.go_on()?;
            let drill = self.drill()?;
            let (leader, follower) = (self.count(&drill, false).await?, self.count(&drill, true).await?);
            if leader == follower && leader == u64::from(DOCUMENTS) {
                self.done(&format!("{leader} documents on both sides")).await?;
                return Ok(format!(
                    "history was lost, seen, judged, planned, repaired and verified: {leader} documents on both sides"
                ));
            }
            if began.elapsed() >= VERIFIES {
                return Err(Stop::Failed(format!(
                    "the leader has {leader} documents, the follower {follower}, {DOCUMENTS} were written"
                )));
            }
            self.rest(Duration::from_secs(2)).await;
        }
    }

    async fn count(&self, drill: &Drill, follower: bool) -> Result<u64, Stop> {
        let scratch = if follower { &drill.follower } else { &drill.leader };
        let name = scratch.name.index().clone();
        // Only what was refreshed is counted; where it is not allowed, the next refresh comes.
        drop(hands::ask(self.engine, scratch, &Look::Refresh(name.clone())).await);
        let (status, body) = hands::ask(self.engine, scratch, &Look::Count(name))
            .await
            .map_err(Stop::Failed)?;
        body.get("count")
            .and_then(Value::as_u64)
            .ok_or_else(|| Stop::Failed(format!("{} answered {status} without a count", scratch.name)))
    }
}

/// How the daemon sees the scratch follower, in one line.
fn standing(book: &Book, drill: &Drill) -> String {
    let Some(entry) = book.followers.get(&drill.key()) else {
        return "the daemon does not know it".to_owned();
    };
    let mut text = format!("state {}, cause {}", entry.state(), entry.cause());
    if let Some(assessment) = &entry.assessment {
        let decision = &assessment.decision;
        text = format!(
            "{text}, decision {}: {}",
            decision.kind,
            decision.reasons.join("; ")
        );
        let holding: Vec<String> = decision
            .guards
            .iter()
            .filter(|guard| !guard.passes())
            .map(|guard| format!("{} ({})", guard.name, guard.inputs))
            .collect();
        if !holding.is_empty() {
            text = format!("{text}; held back by {}", holding.join(", "));
        }
    }
    text
}
