//! What can happen in a story, and the hands that do it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use refollow::domain::brake::BrakeScope;
use refollow::elastic::transport::Method;
use refollow::policy::{self, Action};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::pair::Side;
use refollow::sandbox::scenario;
use refollow::sandbox::witness::Standing;
use refollow::sandbox::world::Event;
use serde_json::json;

use super::oracle::{Deed, Kind};
use super::stage::{Fate, Mishap, PairStage, Seam, WallClock, leader_of};
use refollow::store::faulty::FaultyStore;

/// One thing that happens. The first number is the pair, the second the follower.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// A scenario of the sandbox by its name, on that follower.
    Play(usize, usize, &'static str),
    /// The follower index is named in the second field; a person does it.
    Person(usize, usize, Deed1),
    LinkBreaks(usize),
    LinkHeals(usize),
    NodeDies(usize, Side, u32),
    MasterChanges(usize, Side),
    DiskFills(usize, Side),
    DiskFrees(usize, Side),
    /// The leader goes back to the snapshot of its first documents.
    LeaderRewound(usize, usize),
    AliasRepointed(usize),
    AliasRestored(usize),
    /// The leader's lifecycle would delete it at once, were nobody to hold history.
    LeaderNearItsEnd(usize, usize),
    /// Documents are written to the leader.
    Written(usize, usize),
    /// So many restores run at that many bytes a second.
    RestoreRate(usize, u64),
    /// All tasks of the pair fail at once, curable by a resume.
    AllFatal(usize),
    /// Requests whose path has that part go wrong, so many times.
    Requests(usize, Side, FaultKind, &'static str, bool, u32),
    /// The next changing request is delivered twice by a proxy.
    DeliveredTwice,
    /// The next request about the installation's marker goes wrong; `None`: nothing does, and the
    /// story is about markers all the same (a stop takes them back).
    Marker(Option<Mishap>),
    /// The daemon's wall clock is set by so many seconds.
    ClockSet(i64),
    /// Everybody approves everything that is pending.
    Approve,
    /// Somebody asks for a copy beside that follower, under the name `i00-g`.
    Beside(usize, usize),
    /// Somebody rejects everything that is pending.
    Reject,
    Brake(BrakeScope),
    /// A brake that the daemon is never told of: a broken desk.
    BrakeUnheard(BrakeScope),
    Release(BrakeScope),
    /// The configuration is reloaded, with or without mode `observe`.
    Reload(bool),
    /// It is reloaded with other limits or rules.
    Retune(Tune),
    /// Somebody starts a second daemon on the same state.
    SecondDaemon,
    /// The daemon is killed, for so many seconds.
    Kill(u32),
    /// The daemon is asked to stop, for so many seconds.
    Stop(u32),
    /// Somebody aborts the runs that go on.
    Abort,
}

/// Which limits or rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tune {
    /// Everything is asked about.
    AskAll,
    /// Everything is only told.
    AlertAll,
    /// One recreate an hour.
    OneAnHour,
    /// The breaker opens at the first two.
    TouchyBreaker,
    /// As the story began.
    AsBefore,
}

impl Tune {
    pub const ALL: [Self; 5] = [
        Self::AskAll,
        Self::AlertAll,
        Self::OneAnHour,
        Self::TouchyBreaker,
        Self::AsBefore,
    ];

    /// The policy with that change; the mode stays.
    pub fn of(self, before: &policy::Settings) -> policy::Settings {
        let mut policy = before.clone();
        match self {
            Self::AskAll => policy.rules[0].action = Action::Ask,
            Self::AlertAll => policy.rules[0].action = Action::Alert,
            Self::OneAnHour => policy.limits.recreates_per_hour = 1,
            Self::TouchyBreaker => {
                policy.limits.breaker.min_unhealthy = 2;
                policy.limits.breaker.max_unhealthy = 0.0;
            }
            Self::AsBefore => {}
        }
        policy
    }
}

/// What a person does to a follower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed1 {
    Pauses,
    Closes,
    Unfollows,
    TakesUpAgain,
    BlocksWrites,
}

/// Does things to clusters and to the daemon, and notes what it did.
#[derive(Debug)]
pub struct Hands {
    pub pairs: Arc<Vec<PairStage>>,
    pub clock: Arc<WallClock>,
    pub seam: Arc<Seam>,
    pub deeds: Mutex<Vec<Deed>>,
    /// The present daemon's life.
    pub mortal: Mutex<Option<(Arc<Fate>, Arc<FaultyStore>)>>,
}

impl Hands {
    pub fn note(&self, pair: Option<usize>, follower: Option<&str>, kind: Kind) {
        let deed = Deed {
            at_ms: self.pairs[0].world.now_ms(),
            seqs: self
                .pairs
                .iter()
                .map(|pair| pair.world.with(|state| state.log.next_seq()))
                .collect(),
            pair,
            follower: follower.map(str::to_owned),
            kind,
        };
        self.deeds.lock().unwrap().push(deed);
    }

    pub fn standing(&self, pair: usize, follower: &str) -> Standing {
        self.pairs[pair].world.with(|state| state.pair.standing(follower))
    }

    /// Whether the act needs the daemon, and so its driver.
    pub fn needs_driver(act: &Act) -> bool {
        matches!(
            act,
            Act::Approve
                | Act::Reject
                | Act::Beside(..)
                | Act::Brake(_)
                | Act::Release(_)
                | Act::Reload(_)
                | Act::Retune(_)
                | Act::SecondDaemon
                | Act::Stop(_)
                | Act::Abort
        )
    }

    /// Does it now; those that need the daemon are the driver's business.
    pub fn perform(&self, act: &Act) {
        match act {
            Act::Play(pair, follower, name) => {
                let name = name.to_owned();
                let follower = self.pairs[*pair].followers[*follower].clone();
                let played = scenario::play(&self.pairs[*pair].world, &format!("{name}:{follower}"));
                if played.is_ok() {
                    self.note(Some(*pair), Some(&follower), Kind::Disaster);
                    if name == "restored-but-paused" {
                        self.note(Some(*pair), Some(&follower), Kind::RecreatedByHand);
                    }
                }
            }
            Act::Person(pair, follower, what) => self.person(*pair, *follower, *what),
            Act::LinkBreaks(pair) => self.link(*pair, true),
            Act::LinkHeals(pair) => self.link(*pair, false),
            Act::NodeDies(pair, side, seconds) => {
                let world = &self.pairs[*pair].world;
                world.kill_node(*side);
                world.schedule(Duration::from_secs(u64::from(*seconds)), Event::StartNode(*side));
                self.note(Some(*pair), None, Kind::Disaster);
            }
            Act::MasterChanges(pair, side) => {
                self.pairs[*pair]
                    .world
                    .with(|state| state.pair.change_master(*side));
                self.note(Some(*pair), None, Kind::Disaster);
            }
            Act::DiskFills(pair, side) => self.disk(*pair, *side, true),
            Act::DiskFrees(pair, side) => self.disk(*pair, *side, false),
            Act::LeaderRewound(pair, follower) => self.rewind(*pair, *follower),
            Act::AliasRepointed(pair) => self.seeds(*pair, "127.0.0.1:9999", Kind::Disaster),
            Act::AliasRestored(pair) => {
                let version = self.pairs[*pair].world.options().version;
                let port = match version {
                    refollow::sandbox::pair::Version::V7_7_0 => "127.0.0.1:9401",
                    refollow::sandbox::pair::Version::V8_10_4 => "127.0.0.1:9411",
                };
                self.seeds(*pair, port, Kind::Mended);
            }
            Act::LeaderNearItsEnd(pair, follower) => {
                let stage = &self.pairs[*pair];
                let leader = leader_of(&stage.followers[*follower]);
                let policy =
                    json!({"policy": {"phases": {"delete": {"min_age": "1m", "actions": {"delete": {}}}}}});
                stage.ask(Side::Leader, Method::Put, "/_ilm/policy/purge", Some(&policy));
                let settings = json!({"index.lifecycle.name": "purge"});
                stage.ask(
                    Side::Leader,
                    Method::Put,
                    &format!("/{leader}/_settings"),
                    Some(&settings),
                );
                self.note(Some(*pair), Some(&stage.followers[*follower]), Kind::Disaster);
            }
            Act::Written(pair, follower) => {
                let stage = &self.pairs[*pair];
                // A write to an index that is gone would make it anew.
                let leader = leader_of(&stage.followers[*follower]);
                if stage
                    .world
                    .with(|state| state.pair.docs(Side::Leader, leader))
                    .is_some()
                {
                    stage.write(leader, 100, 5);
                }
            }
            Act::RestoreRate(pair, rate) => self.pairs[*pair]
                .world
                .with(|state| state.pair.set_restore_rate((*rate > 0).then_some(*rate))),
            Act::AllFatal(pair) => {
                let stage = &self.pairs[*pair];
                for follower in &stage.followers {
                    drop(scenario::play(
                        &stage.world,
                        &format!("fatal-but-curable:{follower}"),
                    ));
                }
                self.note(Some(*pair), None, Kind::Disaster);
            }
            Act::Requests(pair, side, kind, path, acts, times) => {
                let fault = Fault::new(*kind).on(*side).path(path).acts(*acts).times(*times);
                self.pairs[*pair]
                    .world
                    .add_fault(fault.delay(Duration::from_secs(20)));
                self.note(Some(*pair), None, Kind::Daemon);
            }
            Act::DeliveredTwice => self.seam.echo_next(),
            Act::Marker(mishap) => self.seam.marker_mishap(*mishap),
            Act::ClockSet(seconds) => {
                self.clock.jump(seconds * 1000);
                self.note(None, None, Kind::Clock);
            }
            Act::BrakeUnheard(scope) => self.note(None, None, Kind::Brake(scope.clone())),
            Act::Kill(_) => {
                if let Some((fate, store)) = &*self.mortal.lock().unwrap() {
                    store.kill();
                    fate.die();
                }
            }
            _ => {}
        }
    }

    fn link(&self, pair: usize, broken: bool) {
        self.pairs[pair].world.with(|state| state.pair.break_link(broken));
        self.note(
            Some(pair),
            None,
            if broken { Kind::Disaster } else { Kind::Mended },
        );
    }

    fn disk(&self, pair: usize, side: Side, full: bool) {
        self.pairs[pair]
            .world
            .with(|state| state.pair.set_disk_full(side, full));
        self.note(Some(pair), None, if full { Kind::Disaster } else { Kind::Mended });
    }

    fn seeds(&self, pair: usize, seed: &str, kind: Kind) {
        let body = json!({"persistent": {"cluster.remote.lead.seeds": [seed]}});
        self.pairs[pair].ask(Side::Follower, Method::Put, "/_cluster/settings", Some(&body));
        self.note(Some(pair), None, kind);
    }

    fn rewind(&self, pair: usize, follower: usize) {
        let stage = &self.pairs[pair];
        let follower = &stage.followers[follower];
        let leader = leader_of(follower);
        stage.ask(Side::Leader, Method::Delete, &format!("/{leader}"), None);
        stage.ask(
            Side::Leader,
            Method::Post,
            &format!("/_snapshot/vault/{leader}/_restore?wait_for_completion=true"),
            Some(&json!({"indices": leader})),
        );
        self.note(Some(pair), Some(follower), Kind::Disaster);
    }

    fn person(&self, pair: usize, follower: usize, what: Deed1) {
        let stage = &self.pairs[pair];
        let name = &stage.followers[follower];
        let before = self.standing(pair, name);
        let post = |path: &str| stage.ask(Side::Follower, Method::Post, &format!("/{name}/{path}"), None);
        let kind = match what {
            Deed1::Pauses => {
                post("_ccr/pause_follow");
                Kind::Hands("_ccr/pause_follow")
            }
            Deed1::Closes => {
                post("_close");
                Kind::Hands("_close")
            }
            Deed1::Unfollows => {
                for step in ["_ccr/pause_follow", "_close", "_ccr/unfollow", "_open"] {
                    post(step);
                }
                Kind::Hands("_ccr/unfollow")
            }
            Deed1::TakesUpAgain => {
                for step in ["_open", "_ccr/resume_follow"] {
                    post(step);
                }
                Kind::HandsOff
            }
            Deed1::BlocksWrites => {
                let body = json!({"index.blocks.write": true});
                stage.ask(
                    Side::Follower,
                    Method::Put,
                    &format!("/{name}/_settings"),
                    Some(&body),
                );
                Kind::Disaster
            }
        };
        let after = self.standing(pair, name);
        let relevant = |standing: &Standing| {
            (
                standing.follower.as_ref().map(|index| index.open),
                standing.followed.clone(),
                standing.tasks,
            )
        };
        let stopped = matches!(kind, Kind::Hands(_)) && relevant(&after) == relevant(&before);
        let in_vain = kind == Kind::HandsOff && !after.follows() && after.tasks == 0;
        if !stopped && !in_vain {
            self.note(Some(pair), Some(name), kind);
        }
    }
}
