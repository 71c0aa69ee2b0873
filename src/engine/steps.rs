//! Each step's one request: what it carries, how it is recorded, how it is sent, how its answer
//! is read. Whether it is sent is decided elsewhere; what came of it is found by looking.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::domain::facts::{EsVersion, Exception};
use crate::domain::ids::{ClusterName, ClusterUuid};
use crate::domain::journal::{RequestRecord, StepAnswer};
use crate::domain::run::Run;
use crate::domain::step::Step;
use crate::elastic::client::Client;
use crate::elastic::write::{Change, Follow, ForgetFollower, Pin, Sent};
use crate::policy::Stage;

/// Characters of an answer that the journal keeps.
const KEPT: usize = 500;

/// A step's request, complete.
#[derive(Debug, Clone)]
pub struct Order {
    step: Step,
    pin: Pin,
    follow: Option<(Follow, EsVersion)>,
    forget: Option<ForgetFollower>,
    settings: BTreeMap<String, Value>,
    /// As the journal keeps it.
    pub record: RequestRecord,
}

/// The guards' stage of a step; `None` for steps that no guard may hold back: backing out, and
/// putting settings back after the point of no return.
pub const fn stage(step: Step) -> Option<Stage> {
    match step {
        Step::LookAgain => Some(Stage::BeforeRun),
        Step::Pause => Some(Stage::BeforePause),
        Step::Resume => Some(Stage::BeforeResume),
        Step::Close => Some(Stage::BeforeClose),
        Step::Forget | Step::Unfollow => Some(Stage::BeforeForget),
        Step::Follow => Some(Stage::BeforeFollow),
        Step::ForgetOrphan | Step::Delete => Some(Stage::BeforeDelete),
        Step::FollowNew => Some(Stage::BeforeFollowNew),
        Step::FollowBeside => Some(Stage::BeforeFollowBeside),
        Step::ResumeRestored => Some(Stage::BeforeResumeRestored),
        Step::ProveResume
        | Step::WatchRecovery
        | Step::RestoreSettings
        | Step::Verify
        | Step::Reopen
        | Step::ResumeBack
        | Step::DropBeside => None,
    }
}

/// Whether the step goes to the leader cluster.
pub const fn on_leader(step: Step) -> bool {
    matches!(step, Step::Forget | Step::ForgetOrphan)
}

/// Puts the request of a step together from the run's plan.
///
/// # Errors
/// Which part is missing; then the step cannot be sent.
pub fn order(
    run: &Run,
    step: Step,
    settings: Option<&BTreeMap<String, Option<String>>>,
) -> Result<Order, String> {
    let basis = &run.plan().basis;
    // Side by side every request names the copy: none can reach the follower.
    let follower = encode(basis.target().as_str());
    let to_follower = |method: &str, target: String, body: Option<Value>| {
        (
            basis.cluster.clone(),
            basis.cluster_uuid.clone(),
            method.to_owned(),
            target,
            body,
        )
    };
    let parameters = (!basis.parameters.is_empty()).then(|| json!(basis.parameters));
    let mut follow = None;
    let mut forget = None;
    let mut changed = BTreeMap::new();
    let (cluster, uuid, method, target, body): (ClusterName, ClusterUuid, String, String, Option<Value>) =
        match step {
            Step::Pause => to_follower("POST", format!("/{follower}/_ccr/pause_follow"), None),
            Step::Resume | Step::ResumeRestored | Step::ResumeBack => {
                to_follower("POST", format!("/{follower}/_ccr/resume_follow"), parameters)
            }
            Step::Close => to_follower(
                "POST",
                format!("/{follower}/_close?wait_for_active_shards=0"),
                None,
            ),
            Step::Unfollow => to_follower("POST", format!("/{follower}/_ccr/unfollow"), None),
            Step::Reopen => to_follower("POST", format!("/{follower}/_open"), None),
            Step::Forget | Step::ForgetOrphan => {
                let cluster = basis
                    .leader_cluster
                    .clone()
                    .ok_or("the leader cluster is not configured")?;
                let uuid = basis
                    .leader_cluster_uuid
                    .clone()
                    .ok_or("the leader cluster's cluster_uuid is not in the plan")?;
                let (order, body) = forget_order(run)?;
                forget = Some(order);
                let target = format!("/{}/_ccr/forget_follower", encode(basis.leader.as_str()));
                (cluster, uuid, "POST".to_owned(), target, Some(body))
            }
            Step::Delete | Step::DropBeside => to_follower("DELETE", format!("/{follower}"), None),
            Step::Follow | Step::FollowNew | Step::FollowBeside => {
                let (order, version, body) = follow_order(run)?;
                follow = Some((order, version));
                let target = format!("/{follower}/_ccr/follow?wait_for_active_shards=1");
                to_follower("PUT", target, Some(body))
            }
            Step::RestoreSettings => {
                let differ = settings.ok_or("its present settings are not known")?;
                changed = differ
                    .iter()
                    .map(|(name, value)| {
                        let value = value.as_ref().map_or(Value::Null, |text| json!(text));
                        (name.clone(), value)
                    })
                    .collect();
                to_follower("PUT", format!("/{follower}/_settings"), Some(json!(changed)))
            }
            Step::LookAgain | Step::ProveResume | Step::WatchRecovery | Step::Verify => {
                return Err(format!("`{step}` sends nothing"));
            }
        };
    Ok(Order {
        step,
        pin: Pin { cluster_uuid: uuid },
        follow,
        forget,
        settings: changed,
        record: RequestRecord {
            cluster,
            method,
            target,
            body,
        },
    })
}

/// `forget_follower` and its body.
fn forget_order(run: &Run) -> Result<(ForgetFollower, Value), String> {
    let basis = &run.plan().basis;
    let order = ForgetFollower {
        follower_cluster: run
            .before()
            .follower_cluster_name
            .clone()
            .ok_or("the follower cluster's cluster_name is not known")?,
        follower: basis.follower.clone(),
        follower_uuid: basis.follower_uuid.clone(),
        remote: basis.remote.clone(),
    };
    let body = json!({
        "follower_cluster": order.follower_cluster,
        "follower_index": order.follower,
        "follower_index_uuid": order.follower_uuid,
        "leader_remote_cluster": order.remote,
    });
    Ok((order, body))
}

/// The PUT, for which version, and its body. Own settings are put back afterwards, one way for
/// every version; the plan says what the copy itself needs another value of (tier, filters).
fn follow_order(run: &Run) -> Result<(Follow, EsVersion, Value), String> {
    let basis = &run.plan().basis;
    let version = run
        .before()
        .follower_version
        .as_deref()
        .and_then(EsVersion::parse)
        .ok_or("the follower cluster's version is not known")?;
    // A stream of the leader's own name is found by itself (measured 44); only another one has
    // to be named (8.4 and later).
    let stream = basis
        .data_stream
        .clone()
        .filter(|name| !basis.leader.as_str().starts_with(&format!(".ds-{name}-")));
    let settings: Option<Map<String, Value>> =
        (!basis.follow_settings.is_empty() && (version.major, version.minor) >= (7, 9)).then(|| {
            basis
                .follow_settings
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)))
                .collect()
        });
    let order = Follow {
        follower: basis.target().clone(),
        remote: basis.remote.clone(),
        leader: basis.leader.clone(),
        parameters: basis.parameters.clone(),
        settings: settings.clone(),
        data_stream_name: stream.clone(),
    };
    let mut body: Map<String, Value> = basis.parameters.clone().into_iter().collect();
    body.insert("remote_cluster".to_owned(), json!(basis.remote));
    body.insert("leader_index".to_owned(), json!(basis.leader));
    if let Some(settings) = settings {
        body.insert("settings".to_owned(), Value::Object(settings));
    }
    if let Some(stream) = stream.filter(|_| (version.major, version.minor) >= (8, 4)) {
        body.insert("data_stream_name".to_owned(), json!(stream));
    }
    Ok((order, version, Value::Object(body)))
}

/// Sends it, once.
pub async fn send(client: &Client, run: &Run, order: &Order) -> Change {
    let basis = &run.plan().basis;
    let target = basis.target();
    match (&order.follow, &order.forget, order.step) {
        (Some((follow, version)), _, _) => client.follow(&order.pin, follow, *version).await,
        (_, Some(forget), _) => client.forget_follower(&order.pin, &basis.leader, forget).await,
        (_, _, Step::Pause) => client.pause_follow(&order.pin, target).await,
        (_, _, Step::Unfollow) => client.unfollow(&order.pin, target).await,
        (_, _, Step::Delete | Step::DropBeside) => client.delete(&order.pin, target).await,
        (_, _, Step::Close) => client.close(&order.pin, target).await,
        (_, _, Step::Reopen) => client.open(&order.pin, target).await,
        (_, _, Step::RestoreSettings) => client.put_settings(&order.pin, target, &order.settings).await,
        // What is left of the steps that `order` makes: the three resumes.
        _ => client.resume_follow(&order.pin, target, &basis.parameters).await,
    }
}

/// What the journal keeps of an answer.
pub fn answer(sent: &Sent) -> StepAnswer {
    match sent {
        Sent::Accepted { status, body } => StepAnswer::Accepted {
            status: *status,
            body: cut(&body.to_string()),
        },
        Sent::Refused {
            status, exception, ..
        } => StepAnswer::Refused {
            status: *status,
            kind: exception.kind.clone(),
            reason: cut(&whole_reason(exception)),
        },
        Sent::Unknown { why } => StepAnswer::Unknown { why: cut(why) },
        Sent::NotSent { why } => StepAnswer::NotSent { why: cut(why) },
    }
}

/// The reasons of a chain in one line: the real one is often the innermost.
fn whole_reason(exception: &Exception) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for level in exception.chain() {
        if !level.reason.is_empty() && !reasons.contains(&level.reason.as_str()) {
            reasons.push(&level.reason);
        }
    }
    reasons.join("; caused by: ")
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(KEPT).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

fn encode(name: &str) -> String {
    crate::elastic::read::encode(name)
}
