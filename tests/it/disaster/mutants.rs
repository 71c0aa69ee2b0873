//! Is the oracle awake? For every promise it checks, a daemon that is made to break it: by facts
//! that a wire forges, or by a policy that is not the one promised. The same story without the
//! lie breaks nothing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::elastic::transport::{Method, Request, Response};
use refollow::policy::{Action, Mode, Settings};
use refollow::sandbox::faults::FaultKind;
use refollow::sandbox::pair::{Side, Version};
use serde_json::{Value, json};

use super::acts::{Act, Deed1};
use super::oracle::violations;
use super::stage::{Lie, Moment};
use super::story::{Beat, Story, When, told};

fn edit(response: &mut Response, change: impl FnOnce(&mut Value)) {
    if let Ok(mut body) = serde_json::from_slice(&response.body) {
        change(&mut body);
        response.body = body.to_string().into();
    }
}

/// Takes every CCR lease out of an answer, wherever it stands.
fn without_leases(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Array(leases)) = map.get_mut("leases") {
                leases.retain(|lease| lease["source"] != "ccr");
            }
            map.values_mut().for_each(without_leases);
        }
        Value::Array(list) => list.iter_mut().for_each(without_leases),
        _ => {}
    }
}

/// Forgets to remove the lease, and does not see it either.
struct NoLease;
impl Lie for NoLease {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        !request.target.contains("forget_follower")
    }
    fn answer(&self, _: usize, side: Side, _: &Request, response: &mut Response) {
        if side == Side::Leader {
            edit(response, without_leases);
        }
    }
}

/// A client that repeats what it sends.
struct Repeats(&'static str);
impl Lie for Repeats {
    fn twice(&self, request: &Request) -> bool {
        request.changes && request.target.contains(self.0)
    }
}

/// From that request on, one side is seen as it was before it; unseen: it is not even asked.
struct Stale {
    side: Side,
    from: &'static str,
    unseen: bool,
    /// What is read through the alias as well.
    alias: bool,
    frozen: AtomicBool,
    kept: Mutex<BTreeMap<String, Response>>,
}
impl Stale {
    fn direct(side: Side, from: &'static str) -> Arc<dyn Lie> {
        Self::of(side, from, false, false)
    }
    fn from(side: Side, from: &'static str, unseen: bool) -> Arc<dyn Lie> {
        Self::of(side, from, unseen, true)
    }
    fn of(side: Side, from: &'static str, unseen: bool, alias: bool) -> Arc<dyn Lie> {
        Arc::new(Self {
            side,
            from,
            unseen,
            alias,
            frozen: AtomicBool::new(false),
            kept: Mutex::default(),
        })
    }
    fn concerns(&self, side: Side, request: &Request) -> bool {
        // What is read through the alias is the leader's too.
        let alias = self.alias && self.side == Side::Leader && request.target.contains("lead:");
        (side == self.side || alias) && request.method == Method::Get && request.target != "/"
    }
}
impl Lie for Stale {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        if request.target.contains(self.from) {
            self.frozen.store(true, Ordering::SeqCst);
        }
        true
    }
    fn instead(&self, _: usize, side: Side, request: &Request) -> Option<Response> {
        let frozen = self.unseen && self.concerns(side, request) && self.frozen.load(Ordering::SeqCst);
        frozen.then(|| self.kept.lock().unwrap().get(&request.target).cloned())?
    }
    fn answer(&self, _: usize, side: Side, request: &Request, response: &mut Response) {
        if !self.concerns(side, request) {
            return;
        }
        let mut kept = self.kept.lock().unwrap();
        match kept.get(&request.target) {
            Some(old) if self.frozen.load(Ordering::SeqCst) => *response = old.clone(),
            _ => drop(kept.insert(request.target.clone(), response.clone())),
        }
    }
}

/// Closes nothing, and sees it closed.
#[derive(Default)]
struct NeverClosed(AtomicBool);
impl Lie for NeverClosed {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        let close = request.target.contains("/_close");
        if close {
            self.0.store(true, Ordering::SeqCst);
        }
        !close
    }
    fn answer(&self, _: usize, side: Side, request: &Request, response: &mut Response) {
        if side == Side::Follower
            && request.target.contains("_cluster/state")
            && self.0.load(Ordering::SeqCst)
        {
            edit(response, |body| {
                if let Some(indices) = body["metadata"]["indices"].as_object_mut() {
                    for index in indices.values_mut().filter(|index| index.get("state").is_some()) {
                        index["state"] = json!("close");
                    }
                }
            });
        }
    }
}

/// Sees a fatal shard where there is none.
struct Alarmed;
impl Lie for Alarmed {
    fn answer(&self, _: usize, side: Side, request: &Request, response: &mut Response) {
        if side == Side::Follower && request.target.contains("_ccr/stats") {
            edit(response, |body| {
                // The list of all, or that of one.
                for place in ["/follow_stats/indices/0/shards", "/indices/0/shards"] {
                    let shards = body.pointer_mut(place).and_then(Value::as_array_mut);
                    for shard in shards.into_iter().flatten() {
                        shard["fatal_exception"] = json!({"type": "illegal_state_exception",
                            "reason": "Unable to open any connections to remote cluster [lead]"});
                    }
                }
            });
        }
    }
}

/// Sends to a pattern.
struct Wild;
impl Lie for Wild {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        if request.changes {
            request.target = request.target.replace("/i00-f/", "/i00-*/");
        }
        true
    }
}

/// Resumes without the parameters.
struct Forgetful;
impl Lie for Forgetful {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        if request.target.contains("resume_follow") {
            request.body = None;
        }
        true
    }
}

/// Does not resume, and from then on sees what it saw in its first minute: all is well.
#[derive(Default)]
struct Rosy {
    resumed: AtomicBool,
    first: Mutex<BTreeMap<String, Response>>,
}
impl Lie for Rosy {
    fn request(&self, _: usize, _: Side, request: &mut Request) -> bool {
        let resume = request.target.contains("resume_follow");
        if resume {
            self.resumed.store(true, Ordering::SeqCst);
        }
        !resume
    }
    fn answer(&self, _: usize, side: Side, request: &Request, response: &mut Response) {
        if side != Side::Follower || request.method != Method::Get {
            return;
        }
        let mut first = self.first.lock().unwrap();
        let old = first
            .entry(request.target.clone())
            .or_insert_with(|| response.clone());
        if self.resumed.load(Ordering::SeqCst) && request.target.contains("_ccr/") {
            *response = old.clone();
            // One follower is asked for only once it is sick.
            if request.target.contains("i00-f/_ccr/stats")
                && let Some(all) = first.get("/_ccr/stats")
                && let Ok(body) = serde_json::from_slice::<Value>(&all.body)
            {
                let mut mine = body["follow_stats"]["indices"].clone();
                if let Some(list) = mine.as_array_mut() {
                    list.retain(|index| index["index"] == "i00-f");
                }
                response.status = 200;
                response.body = json!({"indices": mine}).to_string().into();
            }
        }
    }
}

/// Sends to the follower what is meant for the copy beside it.
struct Mixes(Method);
impl Lie for Mixes {
    fn request(&self, _: usize, side: Side, request: &mut Request) -> bool {
        if side == Side::Follower && request.changes && request.method == self.0 {
            request.target = request.target.replace("/i00-g", "/i00-f");
        }
        true
    }
}

/// Takes no lock of its state.
struct Unlocked;
impl Lie for Unlocked {
    fn locks(&self) -> bool {
        false
    }
}

/// A bug: one of its tasks panics on an answer.
struct Panics;
impl Lie for Panics {
    fn answer(&self, _: usize, _: Side, request: &Request, _: &mut Response) {
        assert!(!request.changes, "this daemon panics on purpose");
    }
}

/// One broken daemon.
struct Mutant {
    what: &'static str,
    /// The promise that the oracle must find broken.
    breaks: &'static str,
    acts: fn() -> Vec<Beat>,
    lie: Option<fn() -> Arc<dyn Lie>>,
    blind: Option<fn(&mut Settings)>,
    /// What people promised themselves of it, beside the policy of the stories.
    configured: Option<fn(&mut Settings)>,
    mode: Mode,
}

const fn mutant(what: &'static str, breaks: &'static str, acts: fn() -> Vec<Beat>) -> Mutant {
    Mutant {
        what,
        breaks,
        acts,
        lie: None,
        blind: None,
        configured: None,
        mode: Mode::Auto,
    }
}

fn at(seconds: u32, act: Act) -> Beat {
    Beat {
        when: When::At(seconds),
        act,
    }
}

fn lost() -> Vec<Beat> {
    vec![at(70, Act::Play(0, 0, "history-lost"))]
}

fn lived() -> Vec<Beat> {
    vec![at(70, Act::Play(0, 1, "live-lease"))]
}

fn curable() -> Vec<Beat> {
    vec![at(70, Act::Play(0, 0, "fatal-but-curable"))]
}

/// After that many changing requests have been sent.
fn then(mut beats: Vec<Beat>, number: u64, act: Act) -> Vec<Beat> {
    beats.push(Beat {
        when: When::Change(number, Moment::Sent, 0),
        act,
    });
    beats
}

fn lost_all() -> Vec<Beat> {
    (0..4)
        .map(|number| at(70, Act::Play(0, number, "history-lost")))
        .collect()
}

/// A copy beside the follower is asked for, approved, and given up once its follow was sent.
fn beside_and_back() -> Vec<Beat> {
    let mut beats = lost();
    beats.push(at(140, Act::Beside(0, 0)));
    beats.push(at(160, Act::Approve));
    then(beats, 1, Act::Abort)
}

fn mutants() -> Vec<Mutant> {
    vec![
        Mutant {
            lie: Some(|| Arc::new(Mixes(Method::Delete))),
            mode: Mode::Ask,
            ..mutant(
                "deletes the follower in place of the copy beside it",
                "way_back_is_kept",
                beside_and_back,
            )
        },
        Mutant {
            lie: Some(|| Arc::new(Mixes(Method::Put))),
            mode: Mode::Ask,
            ..mutant(
                "sends the copy's follow over the follower",
                "put_only_over_closed_by_us",
                beside_and_back,
            )
        },
        Mutant {
            lie: Some(|| Arc::new(NoLease)),
            ..mutant("forgets to remove the lease", "lease_gone_before_put", lived)
        },
        Mutant {
            lie: Some(|| Arc::new(Repeats("_ccr/follow"))),
            ..mutant("sends the PUT twice", "look_between_puts", lost)
        },
        Mutant {
            lie: Some(|| Arc::new(Repeats("_close"))),
            ..mutant("sends the close twice", "sent_once", lost)
        },
        Mutant {
            lie: Some(|| Arc::<NeverClosed>::default()),
            ..mutant(
                "skips the proof that it is closed",
                "put_only_over_closed_by_us",
                lost,
            )
        },
        Mutant {
            lie: Some(|| Stale::from(Side::Leader, "/_close", false)),
            ..mutant("PUTs over a replaced leader", "leader_is_good", || {
                then(lost(), 4, Act::Play(0, 0, "leader-replaced"))
            })
        },
        Mutant {
            lie: Some(|| Stale::from(Side::Leader, "/_close", false)),
            ..mutant(
                "PUTs over a leader that went back in time",
                "leader_is_good",
                || then(lost(), 4, Act::LeaderRewound(0, 0)),
            )
        },
        Mutant {
            lie: Some(|| Stale::from(Side::Leader, "/_close", false)),
            ..mutant("PUTs though the leader is closed", "leader_is_good", || {
                then(lost(), 4, Act::Play(0, 0, "leader-closed"))
            })
        },
        Mutant {
            lie: Some(|| Stale::from(Side::Leader, "/_close", true)),
            ..mutant("skips the look before the PUT", "looked_just_before", || {
                let mut beats = lost();
                let late = Act::Requests(0, Side::Follower, FaultKind::Slow, "/_close", true, 1);
                beats.push(at(60, late));
                beats
            })
        },
        Mutant {
            lie: Some(|| Arc::new(Alarmed)),
            ..mutant("pauses what is well", "pause_needs_reason", Vec::new)
        },
        Mutant {
            lie: Some(|| Stale::from(Side::Follower, "pause_follow", false)),
            ..mutant(
                "resumes what a person closed meanwhile",
                "people_are_obeyed",
                || then(curable(), 1, Act::Person(0, 0, Deed1::Closes)),
            )
        },
        mutant("ignores a brake", "brakes_hold", || {
            let mut beats = lost();
            beats.push(at(20, Act::BrakeUnheard(BrakeScope::Recreate)));
            beats
        }),
        Mutant {
            blind: Some(|policy| policy.limits.breaker.min_unhealthy = 100),
            ..mutant("has no breaker", "breaker_holds", || {
                let mut beats = lost_all();
                beats.push(at(10, Act::RestoreRate(0, 10)));
                beats
            })
        },
        Mutant {
            blind: Some(|policy| {
                policy.limits.breaker.min_unhealthy = 100;
                policy.limits.recreates_in_flight.per_remote = 9;
                policy.limits.recreates_in_flight.per_cluster = 9;
                policy.limits.recreates_in_flight.total = 9;
                policy.limits.resumes_in_flight_per_remote = 9;
            }),
            ..mutant("has no budget", "budgets_hold", || {
                let mut beats = lost_all();
                beats.push(at(10, Act::RestoreRate(0, 1)));
                beats
            })
        },
        Mutant {
            blind: Some(|policy| policy.mode = Mode::Auto),
            mode: Mode::Observe,
            ..mutant("acts in observe", "observe_is_silent", curable)
        },
        Mutant {
            lie: Some(|| Arc::new(Wild)),
            ..mutant("sends a wildcard", "no_wildcard", curable)
        },
        Mutant {
            lie: Some(|| Arc::new(Forgetful)),
            ..mutant("resumes without the parameters", "parameters_kept", curable)
        },
        Mutant {
            lie: Some(|| Arc::<Rosy>::default()),
            ..mutant("leaves it paused", "nobody_left_behind", curable)
        },
        Mutant {
            lie: Some(|| Arc::<Rosy>::default()),
            ..mutant("calls cured what is not", "cured_is_equal", curable)
        },
    ]
}

/// Those that ask nobody, share their state, or fall over.
fn more_mutants() -> Vec<Mutant> {
    vec![
        Mutant {
            blind: Some(|policy| policy.rules[0].action = Action::Auto),
            configured: Some(|policy| policy.rules[0].action = Action::Ask),
            ..mutant("acts where a rule says to ask", "asked_first", curable)
        },
        Mutant {
            blind: Some(|policy| policy.mode = Mode::Auto),
            mode: Mode::Ask,
            ..mutant("acts in the mode that asks", "asked_first", curable)
        },
        Mutant {
            lie: Some(|| Arc::new(Unlocked)),
            ..mutant("lets a second daemon at its state", "one_daemon", || {
                vec![at(90, Act::SecondDaemon)]
            })
        },
        Mutant {
            lie: Some(|| Arc::new(Panics)),
            ..mutant("panics", "no_panic", curable)
        },
    ]
}

fn story(mutant: &Mutant, broken: bool) -> Story {
    let mut beats = (mutant.acts)();
    if !broken {
        beats.retain(|beat| !matches!(beat.act, Act::BrakeUnheard(_)));
    }
    Story {
        seed: 5,
        versions: vec![Version::V8_10_4],
        followers: 4,
        mode: mutant.mode,
        poll: Duration::from_secs(20),
        death: None,
        blind: mutant.blind.filter(|_| broken),
        configured: mutant.configured,
        mishaps: Vec::new(),
        beats,
        length: 420,
        calm: 300,
    }
}

#[test]
fn every_broken_daemon_is_caught_and_the_sound_one_is_not_blamed() {
    let mut missed = Vec::new();
    for mutant in mutants().into_iter().chain(more_mutants()) {
        let sound = violations(&told(&story(&mutant, false), None));
        if !sound.is_empty() {
            missed.push(format!("{}: without the lie: {sound:?}", mutant.what));
        }
        let record = told(&story(&mutant, true), mutant.lie.map(|lie| lie()));
        let found = violations(&record);
        if !found.iter().any(|found| found.promise == mutant.breaks) {
            missed.push(format!(
                "{}: `{}` was not found broken, but {found:?}\n{}",
                mutant.what,
                mutant.breaks,
                if std::env::var_os("TELL").is_some() {
                    &record.story
                } else {
                    ""
                }
            ));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}

#[test]
fn a_follower_that_is_red_after_our_put_is_found() {
    let sound = mutant("", "", lived);
    let mut record = told(&story(&sound, false), None);
    assert_eq!(violations(&record), []);
    let end = record.ends[0].get_mut("i01-f").unwrap();
    end.follower.as_mut().unwrap().shards[0].started = false;
    let found = violations(&record);
    assert!(
        found.iter().any(|found| found.promise == "never_red_by_us"),
        "{found:?}"
    );
}

#[test]
fn what_could_not_be_put_back_is_told_as_long_as_it_lasts() {
    // The leader is replaced after the close and only the alias shows it, so that the resume of
    // the old copy is refused: it stays paused by us, and every look goes on saying so.
    let mut mutant = mutant("", "", || then(lost(), 4, Act::Play(0, 0, "leader-replaced")));
    mutant.lie = Some(|| Stale::direct(Side::Leader, "/_close"));
    let record = told(&story(&mutant, true), mutant.lie.map(|lie| lie()));
    let end = &record.ends[0]["i00-f"];
    assert!(!end.follows() && end.tasks == 0, "{end:?}");
    assert!(record.runs.iter().any(|run| run.person_must.is_some()));
    assert_eq!(violations(&record), []);
}
