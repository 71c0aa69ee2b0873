//! What a daemon has in hand while the simulated pair is under faults: connections refused, hanging
//! calls, proxies, lost and cut answers, another master, a node killed. Looks as the observer makes
//! them, over the sandbox's own answers; nothing here knows the judge.

use std::time::Duration;

use refollow::elastic::transport::{Credential, Method, Request, Transport as _};
use refollow::sandbox::faults::{Fault, FaultKind};
use refollow::sandbox::memory::MemoryTransport;
use refollow::sandbox::pair::{PairOptions, Side, Version};
use refollow::sandbox::scenario;
use refollow::sandbox::world::World;
use serde_json::{Value, json};

use super::labels::{Shelf, row};
use super::world::{Entry, Label};
use crate::judge::recorded::Moment;

const START_MS: i64 = 1_795_428_000_000;
const FOLLOWER: &str = "orders-f";
const LEADER: &str = "orders";

/// One look at a pair.
struct Watch {
    world: World,
    responses: Vec<Value>,
    remembered: Value,
}

impl Watch {
    fn begin(version: Version) -> Self {
        let world = World::new(&PairOptions {
            version,
            secured: false,
            start_ms: START_MS,
            seed: 11,
        });
        scenario::play(&world, "quiet").unwrap();
        Self {
            world,
            responses: Vec::new(),
            remembered: json!({}),
        }
    }

    /// Asks one call, and notes what came, or that nothing came.
    async fn ask(&mut self, side: Side, path: &str) {
        let request = Request {
            method: Method::Get,
            target: path.to_owned(),
            body: None,
            credential: Credential::Read,
            deadline: Duration::from_secs(5),
            changes: false,
            max_answer_bytes: 10_000_000,
        };
        let answer = MemoryTransport::new(&self.world, side).send(request).await;
        let (status, body) = match answer {
            Ok(response) => {
                let text = || json!(String::from_utf8_lossy(&response.body));
                let body = serde_json::from_slice(&response.body).unwrap_or_else(|_| text());
                (json!(response.status), body)
            }
            Err(_) => (Value::Null, Value::Null),
        };
        let cluster = if side == Side::Follower { "eu" } else { "us" };
        let at = jiff::Timestamp::from_millisecond(self.world.now_ms()).unwrap();
        self.responses.push(
            json!({ "at": at.to_string(), "cluster": cluster, "method": "GET", "path": path,
            "status": status, "body": body }),
        );
    }

    /// One look at both clusters, the second calls for a sick follower among it.
    async fn look(&mut self) {
        for path in [
            "/_ccr/stats".to_owned(),
            format!("/{FOLLOWER}/_ccr/info"),
            "/_remote/info".to_owned(),
            format!(
                "/_cluster/state/metadata,routing_table/{FOLLOWER}?filter_path=metadata.indices,routing_table.indices"
            ),
            format!("/{FOLLOWER}/_settings?flat_settings=true"),
            format!("/_cluster/health/{FOLLOWER}?level=shards"),
            "/_license".to_owned(),
        ] {
            self.ask(Side::Follower, &path).await;
        }
        for path in [
            "/".to_owned(),
            format!("/{LEADER}/_settings?flat_settings=true"),
            format!("/{LEADER}/_stats?level=shards"),
            "/_license".to_owned(),
        ] {
            self.ask(Side::Leader, &path).await;
        }
    }

    fn moment(&self) -> Moment {
        Moment {
            recording: "sandbox".to_owned(),
            at_ms: self.world.now_ms(),
            evidence: json!({ "format": "refollow-evidence/1", "taken_at": self.responses.last().unwrap()["at"],
                "follower_cluster": "eu", "leader_cluster": "us", "remote_cluster": "lead",
                "follower_index": FOLLOWER, "leader_index": LEADER,
                "remembered": self.remembered, "responses": self.responses }),
        }
    }

    /// What is remembered from a look while all is well.
    async fn remember(&mut self) {
        self.look().await;
        let known = self.moment().remembering_its_leader().unwrap();
        self.remembered = known.evidence["remembered"].clone();
        self.responses.clear();
    }
}

/// A story: what breaks, what then goes wrong with the last look, and what follows.
struct Story {
    name: &'static str,
    breaks: &'static [&'static str],
    faults: Vec<Fault>,
    label: Label,
}

fn on(side: Side, kind: FaultKind) -> Fault {
    Fault::new(kind).on(side)
}

const UNPROVEN: &str = "contract, Proof of identity: the leader's newest word is unknown";
const UNSEEN: &str = "contract: it could not be looked at";

fn lost() -> Vec<(&'static str, Vec<Fault>, Label)> {
    use FaultKind as K;
    let (eu, us) = (Side::Follower, Side::Leader);
    let whole = || {
        row(
            "fatal",
            "history_lost",
            "contract: the marker stands in a fatal exception, and the look proves the leader",
        )
    };
    let unproven = |why| row("fatal", "history_lost", why).only(&["resume", "human"], "never");
    let unseen = |why| row("unknown", "unknown", why);
    let less = "contract, Boldness: what would forbid a recreate was not answered";
    vec![
        ("no-fault", vec![], whole()),
        ("another-master", vec![on(eu, K::MasterChange).times(1)], whole()),
        (
            "slow",
            vec![on(eu, K::Slow).delay(Duration::from_secs(2)).times(1)],
            whole(),
        ),
        ("leader-refuses", vec![on(us, K::Refuse)], unproven(UNPROVEN)),
        ("leader-hangs", vec![on(us, K::Hang)], unproven(UNPROVEN)),
        (
            "leader-behind-a-proxy",
            vec![on(us, K::Proxy).status(503)],
            unproven(UNPROVEN),
        ),
        (
            "leader-unauthorized",
            vec![on(us, K::Unauthorized)],
            unproven(UNPROVEN),
        ),
        (
            "leader-node-killed",
            vec![on(us, K::NodeKilled)],
            unproven(UNPROVEN),
        ),
        (
            "leader-not-elasticsearch",
            vec![on(us, K::NotElasticsearch)],
            unproven(UNPROVEN),
        ),
        (
            "leader-stats-cut",
            vec![on(us, K::Garbage).path("_stats")],
            unproven(UNPROVEN),
        ),
        (
            "remote-info-lost",
            vec![on(eu, K::LoseAnswer).path("_remote")],
            unproven(less),
        ),
        (
            "health-and-state-lost",
            vec![on(eu, K::LoseAnswer).path("_cluster/")],
            unproven(less),
        ),
        (
            "info-busy",
            vec![on(eu, K::TooManyRequests).path("_ccr/info")],
            unproven(less),
        ),
        (
            "licence-lost",
            vec![on(us, K::LoseAnswer).path("_license")],
            unproven(less),
        ),
        ("follower-refuses", vec![on(eu, K::Refuse)], unseen(UNSEEN)),
        ("follower-hangs", vec![on(eu, K::Hang)], unseen(UNSEEN)),
        ("follower-behind-a-proxy", vec![on(eu, K::Proxy)], unseen(UNSEEN)),
        (
            "follower-busy",
            vec![on(eu, K::TooManyRequests)],
            unseen("contract, Precedence: unknown before overloaded"),
        ),
        (
            "follower-unauthorized",
            vec![on(eu, K::Unauthorized)],
            unseen(UNSEEN),
        ),
        (
            "follower-node-killed",
            vec![on(eu, K::NodeKilled)],
            unseen(UNSEEN),
        ),
        (
            "follower-not-elasticsearch",
            vec![on(eu, K::NotElasticsearch)],
            unseen(UNSEEN),
        ),
        (
            "stats-cut",
            vec![on(eu, K::Garbage).path("_ccr/stats")],
            unseen("the newest statistics are unknown, and _ccr/info says active for a fatal one too"),
        ),
    ]
}

fn well() -> Vec<(&'static str, Vec<Fault>, Label)> {
    use FaultKind as K;
    let (eu, us) = (Side::Follower, Side::Leader);
    let none = |why| row("following", "none", why);
    let ours = "the leader is out of reach for us only: the follower reads";
    vec![
        (
            "another-master",
            vec![on(eu, K::MasterChange).times(1)],
            none("the answers are the cluster's own"),
        ),
        ("leader-refuses", vec![on(us, K::Refuse)], none(ours)),
        ("leader-hangs", vec![on(us, K::Hang)], none(ours)),
        (
            "leader-behind-a-proxy",
            vec![on(us, K::Proxy).status(504)],
            none(ours),
        ),
        ("leader-stats-cut", vec![on(us, K::Garbage)], none(ours)),
        (
            "info-lost",
            vec![on(eu, K::LoseAnswer).path("_ccr/info")],
            none("the statistics show it at work"),
        ),
        (
            "remote-info-lost",
            vec![on(eu, K::LoseAnswer).path("_remote")],
            none("the statistics show it at work"),
        ),
        (
            "stats-lost",
            vec![on(eu, K::LoseAnswer).path("_ccr/stats")],
            row("unknown", "unknown", UNSEEN),
        ),
        (
            "follower-refuses",
            vec![on(eu, K::Refuse)],
            row("unknown", "unknown", UNSEEN),
        ),
        (
            "follower-node-killed",
            vec![on(eu, K::NodeKilled)],
            row("unknown", "unknown", UNSEEN),
        ),
    ]
}

fn others() -> Vec<Story> {
    use FaultKind as K;
    let (eu, us) = (Side::Follower, Side::Leader);
    let story = |name, breaks, faults, label| Story {
        name,
        breaks,
        faults,
        label,
    };
    vec![
        story(
            "deleted-leader-refuses",
            &["leader-deleted:orders-f"][..],
            vec![on(us, K::Refuse)],
            row(
                "fatal",
                "unclassified",
                "measured 05, 06: it does not tell deleted from replaced",
            )
            .only(&["human"], "never"),
        ),
        story(
            "deleted-half-seen",
            &["leader-deleted:orders-f"],
            vec![on(us, K::LoseAnswer).path("_stats")],
            row(
                "fatal",
                "leader_deleted",
                "contract: one 404 that names it is enough",
            ),
        ),
        story(
            "replaced-half-seen",
            &["leader-replaced:orders-f"],
            vec![on(us, K::LoseAnswer).path("_settings")],
            row(
                "",
                "leader_replaced",
                "contract: another UUID in the statistics; Boldness: nothing of it is needed from the settings",
            ),
        ),
        story(
            "closed-leader-hangs",
            &["leader-closed:orders-f"],
            vec![on(us, K::Hang)],
            row(
                "retrying",
                "leader_closed",
                "measured 07: the tasks' own block, still rising",
            ),
        ),
        story(
            "remote-down",
            &["remote-down"],
            vec![],
            row("retrying", "remote_unreachable", "measured 37"),
        ),
        story(
            "remote-down-and-for-us",
            &["remote-down"],
            vec![on(us, K::Refuse)],
            row(
                "retrying",
                "remote_unreachable",
                "measured 37; the leader is out of reach for us as well",
            ),
        ),
        story(
            "alias-removed-leader-hangs",
            &["remote-removed"],
            vec![on(us, K::Hang)],
            row("retrying", "remote_not_configured", "measured 10"),
        ),
        story(
            "paused-leader-refuses",
            &["follower-paused:orders-f"],
            vec![on(us, K::Refuse)],
            row("paused", "paused", "contract: who paused is not known"),
        ),
        story(
            "paused-stats-lost",
            &["follower-paused:orders-f"],
            vec![on(eu, K::LoseAnswer).path("_ccr/stats")],
            row("paused", "paused", "_ccr/info says so"),
        ),
        story(
            "blocked-state-lost",
            &["follower-blocked:orders-f"],
            vec![on(eu, K::LoseAnswer).path("_cluster/state")],
            row("", "follower_blocked", "contract: the settings name the block"),
        ),
        story(
            "closed-settings-cut",
            &["follower-closed:orders-f"],
            vec![on(eu, K::Garbage).path("_settings")],
            row(
                "closed",
                "follower_closed",
                "measured 16: the cluster state says close",
            ),
        ),
        story(
            "paused-remote-down",
            &["follower-paused:orders-f", "remote-down"],
            vec![],
            row(
                "paused",
                "remote_unreachable",
                "contract, Precedence: remote_unreachable before paused, with its whole row",
            ),
        ),
        story(
            "deleted-follower-health-lost",
            &["follower-deleted:orders-f"],
            vec![on(eu, K::LoseAnswer).path("_cluster/health")],
            row("missing", "missing", "contract: asked for by its name"),
        ),
        story(
            "unfollowed-leader-refuses",
            &["unfollowed:orders-f"],
            vec![on(us, K::Refuse)],
            row(
                "missing",
                "unfollowed",
                "contract: it carries no CCR metadata any more",
            ),
        ),
    ]
}

async fn played(version: Version, story: &Story) -> Moment {
    let mut watch = Watch::begin(version);
    tokio::time::sleep(Duration::from_secs(30)).await;
    watch.remember().await;
    for breaks in story.breaks {
        scenario::play(&watch.world, breaks).unwrap_or_else(|error| panic!("{breaks}: {error}"));
    }
    tokio::time::sleep(Duration::from_secs(45)).await;
    watch.look().await;
    for fault in &story.faults {
        watch.world.add_fault(fault.clone());
    }
    // Retries back off up to a minute: by then one more has failed, if any fails.
    tokio::time::sleep(Duration::from_secs(62)).await;
    watch.look().await;
    watch.moment()
}

/// Adds the files.
pub fn add(shelf: &mut Shelf) {
    let of = |state: &'static str, breaks, list: Vec<(&'static str, Vec<Fault>, Label)>| {
        list.into_iter().map(move |(name, faults, label)| {
            (
                state,
                Story {
                    name,
                    breaks,
                    faults,
                    label,
                },
            )
        })
    };
    let stories = of("lost", &["history-lost:orders-f"][..], lost())
        .chain(of("well", &[], well()))
        .chain(others().into_iter().map(|story| ("broken", story)));
    for (number, (state, story)) in stories.enumerate() {
        let (version, text) = [(Version::V7_7_0, "7.7.0"), (Version::V8_10_4, "8.10.4")][number % 2];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let moment = runtime.block_on(played(version, &story));
        shelf.0.push(Entry {
            file: format!("{}/faulted-{state}-{}-{text}.json", story.label.cause, story.name),
            evidence: super::taken::small(&moment),
            label: story.label,
        });
    }
}
