//! Buying time: the plan that raises the leader's lease period, its guards, its cost, its end. Pure.
//!
//! Beside the ladder (contract, *remedy*): always approved, undone after the cure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::brake::BrakeScope;
use crate::domain::cause::{Approval, Cause};
use crate::domain::decision::GuardResult;
use crate::domain::facts::Facts;
use crate::domain::ids::{
    ClusterName, ClusterUuid, FollowerKey, IndexName, IndexUuid, PlanHash, RemoteAlias,
};
use crate::domain::memory::Memory;
use crate::domain::plan::{ExtendRunway, Plan};
use crate::domain::seen::Seen;
use crate::domain::time::{Span, Timestamp, millis_between};
use crate::domain::verdict::Verdict;
use crate::policy::plan::build_plan;
use crate::policy::settings::{Mode, Settings};
use crate::policy::world::World;

/// The server's default period (reference 5).
const DEFAULT_PERIOD: Span = Span::from_hours(12);

/// How far an extension is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionPhase {
    /// The request may have been sent; looking tells.
    Raising,
    /// The period was seen raised.
    Raised,
    /// The request to put it back may have been sent; looking tells.
    Undoing,
}

/// An extension that was begun and is not undone: everything needed to undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its plan.
    pub plan: PlanHash,
    /// The leader cluster.
    pub cluster: ClusterName,
    /// Its `cluster_uuid`.
    pub cluster_uuid: ClusterUuid,
    /// The leader index.
    pub leader: IndexName,
    /// Its UUID.
    pub leader_uuid: IndexUuid,
    /// The alias it is followed through.
    pub remote: RemoteAlias,
    /// What is set, and what stood there.
    pub period: ExtendRunway,
    /// How far it is.
    pub phase: ExtensionPhase,
    /// Since when.
    pub since: Timestamp,
    /// A person asked for its end before the cure.
    pub undo_asked_by: Option<String>,
}

/// All of them, as the store keeps them in one value.
pub type Extensions = BTreeMap<FollowerKey, Extension>;

/// The leader index as just looked at for an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaderNow {
    /// `cluster_uuid` of the cluster that answered.
    pub cluster_uuid: Seen<ClusterUuid>,
    /// UUID of the index of that name.
    pub index_uuid: Seen<IndexUuid>,
    /// The period that is set; absent: none.
    pub period: Seen<String>,
    /// Whether the acting credential has index `manage`; absent: security is off.
    pub may_manage: Seen<bool>,
}

/// The plan of an extension.
///
/// # Errors
/// Why none can be made.
pub fn extension_plan(
    verdict: &Verdict,
    facts: &Facts,
    memory: &Memory,
    now_there: &LeaderNow,
    to: Span,
    now: Timestamp,
) -> Result<Plan, Vec<String>> {
    let mut wanted = verdict.clone();
    wanted.ladder = Vec::new();
    wanted.approval = Approval::Always;
    let before = match &now_there.period {
        Seen::Present(text) => Some(text.clone()),
        Seen::Absent => None,
        Seen::Unknown(why) => return Err(vec![format!("the leader's settings could not be read: {why}")]),
    };
    let present = period_of(before.as_deref())
        .ok_or_else(|| vec!["the period that is set on the leader is not understood".to_owned()])?;
    if to <= present {
        return Err(vec![format!(
            "the leader keeps leases for {} s already; ask for more",
            present.as_secs()
        )]);
    }
    let mut plan = build_plan(&wanted, facts, memory, &[], now)?;
    plan.basis.extend_runway = Some(ExtendRunway {
        to_millis: u64::try_from(to.as_millis()).unwrap_or(u64::MAX),
        before,
    });
    plan.hash = plan
        .basis
        .hash()
        .map_err(|error| vec![format!("the plan cannot be written as JSON: {error}")])?;
    Ok(plan)
}

/// `36h` as Elasticsearch writes it; the server's default where none is set.
pub fn period_of(text: Option<&str>) -> Option<Span> {
    let Some(text) = text else {
        return Some(DEFAULT_PERIOD);
    };
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (amount, unit) = text.split_at(digits);
    let amount: u64 = amount.parse().ok()?;
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    Some(Span::from_millis(amount.checked_mul(unit)?))
}

/// What the longer period may cost on the leader's disk: the operations of the added time at the
/// rate just seen, at the size of a present document. An estimate, and said to be one.
pub fn cost(facts: &Facts, period: &ExtendRunway) -> String {
    let unknown = "its cost in disk is not known: the leader's write rate was not seen twice".to_owned();
    let seen: Vec<_> = facts
        .leader
        .index
        .0
        .iter()
        .filter_map(|sighting| {
            let stats = sighting.value.present()?;
            let operations: Option<i64> = stats.primaries.values().map(|shard| shard.max_seq_no).sum();
            Some((sighting.at, operations?, stats))
        })
        .collect();
    let (Some((from, first, _)), Some((to, last, stats))) = (seen.first(), seen.last()) else {
        return unknown;
    };
    let length = millis_between(*from, *to);
    let (Some(documents), Some(bytes)) = (stats.documents(), stats.store_bytes) else {
        return unknown;
    };
    if length <= 0 || documents == 0 || last < first {
        return unknown;
    }
    let before = period_of(period.before.as_deref()).unwrap_or(DEFAULT_PERIOD);
    let added = period
        .to_millis
        .saturating_sub(u64::try_from(before.as_millis()).unwrap_or(0));
    let operations = (last - first) as f64 / length as f64 * added as f64;
    let estimate = operations * (bytes as f64 / documents as f64);
    format!(
        "about {estimate:.0} bytes more on each copy of the leader if the added {} s pass at the present write rate; deletes and updates are kept as long",
        added / 1000
    )
}

/// The guards of an extension; all must pass before its request is sent, and before it is undone.
pub fn extension_guards(
    key: &FollowerKey,
    plan: (&ClusterUuid, &IndexUuid, &RemoteAlias),
    there: &LeaderNow,
    world: &World,
    settings: &Settings,
) -> Vec<GuardResult> {
    let (cluster_uuid, leader_uuid, remote) = plan;
    vec![
        match settings.mode {
            Mode::Observe => GuardResult::block("mode", "the mode is `observe`: nothing is ever written"),
            mode => GuardResult::pass("mode", format!("the mode is `{}`", mode.as_str())),
        },
        brakes(key, remote, world),
        match &world.brake_file {
            Seen::Absent | Seen::Present(false) => {
                GuardResult::pass("brake_file", "the brake file does not exist")
            }
            Seen::Present(true) => GuardResult::block("brake_file", "the brake file exists"),
            Seen::Unknown(why) => GuardResult::unknown("brake_file", format!("it could not be read: {why}")),
        },
        same(
            "clusters_pinned",
            "the leader cluster",
            &there.cluster_uuid,
            cluster_uuid,
        ),
        same("same_leader", "the leader index", &there.index_uuid, leader_uuid),
        match &there.may_manage {
            Seen::Absent => GuardResult::pass("leader_privileges", "security is off on the leader cluster"),
            Seen::Present(true) => GuardResult::pass(
                "leader_privileges",
                "the acting credentials have index `manage` on the leader",
            ),
            Seen::Present(false) => GuardResult::block(
                "leader_privileges",
                "the acting credentials lack index `manage` on the leader",
            ),
            Seen::Unknown(why) => GuardResult::unknown(
                "leader_privileges",
                format!("what the acting credentials may do on the leader could not be read: {why}"),
            ),
        },
    ]
}

fn brakes(key: &FollowerKey, remote: &RemoteAlias, world: &World) -> GuardResult {
    let brakes = match &world.brakes {
        Seen::Present(brakes) => brakes.as_slice(),
        Seen::Absent => &[],
        Seen::Unknown(why) => {
            return GuardResult::unknown("brakes", format!("they could not be read: {why}"));
        }
    };
    let covers = |scope: &BrakeScope| match scope {
        BrakeScope::All => true,
        // Neither a resume nor a recreate.
        BrakeScope::Recreate | BrakeScope::Resume => false,
        BrakeScope::Cluster(cluster) => *cluster == key.cluster,
        BrakeScope::Remote(cluster, alias) => *cluster == key.cluster && alias == remote,
        BrakeScope::Follower(follower) => follower == key,
    };
    match brakes
        .iter()
        .find(|brake| brake.holds(world.now) && covers(&brake.scope))
    {
        Some(brake) => {
            let mut held = GuardResult::block(
                "brakes",
                format!("brake `{}` by {}: {}", brake.scope, brake.owner, brake.reason),
            );
            held.changes_at = brake.expires_at;
            held
        }
        None => GuardResult::pass("brakes", format!("none of {} brakes is about it", brakes.len())),
    }
}

fn same<T: PartialEq + std::fmt::Display>(
    guard: &str,
    what: &str,
    seen: &Seen<T>,
    wanted: &T,
) -> GuardResult {
    match seen {
        Seen::Present(seen) if seen == wanted => {
            GuardResult::pass(guard, format!("{what} is {wanted}, as planned"))
        }
        Seen::Present(seen) => {
            GuardResult::block(guard, format!("{what} is {seen}, the plan is for {wanted}"))
        }
        Seen::Absent => GuardResult::block(guard, format!("{what} does not exist")),
        Seen::Unknown(why) => GuardResult::unknown(guard, format!("{what} could not be looked at: {why}")),
    }
}

/// Why an extension should end now; `None`: it is still needed. `well_since`: since when the
/// follower has had no cause.
pub fn undo_reason(
    extension: &Extension,
    cause: Option<Cause>,
    well_since: Option<Timestamp>,
    settings: &Settings,
    now: Timestamp,
) -> Option<String> {
    if let Some(by) = &extension.undo_asked_by {
        return Some(format!("{by} asked for it"));
    }
    let settle = i64::try_from(settings.verify_settle.as_millis()).unwrap_or(i64::MAX);
    let well =
        cause == Some(Cause::None) && well_since.is_some_and(|since| millis_between(since, now) >= settle);
    well.then(|| "the follower is well again".to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::domain::brake::Brake;
    use crate::domain::decision::GuardVerdict;
    use crate::policy::fixture::{Case, ago, key, now, settings};

    fn there(case: &Case) -> LeaderNow {
        LeaderNow {
            cluster_uuid: Seen::Present(
                case.facts
                    .leader
                    .root
                    .present()
                    .unwrap()
                    .cluster_uuid
                    .clone()
                    .unwrap(),
            ),
            index_uuid: Seen::Present(case.facts.leader_uuid().unwrap()),
            period: Seen::Absent,
            may_manage: Seen::Absent,
        }
    }

    fn plan(case: &Case, there: &LeaderNow, hours: u64) -> Result<Plan, Vec<String>> {
        extension_plan(
            &case.verdict,
            &case.facts,
            &case.memory,
            there,
            Duration::from_secs(hours * 3600),
            now(),
        )
    }

    #[test]
    fn an_extension_is_a_plan_of_its_own_that_always_asks_and_remembers_what_stood_there() {
        let case = Case::lost();
        let mut there = there(&case);
        let made = plan(&case, &there, 36).unwrap();
        assert_eq!((made.approval, made.destroys()), (Approval::Always, false));
        let period = made.basis.extend_runway.clone().unwrap();
        assert_eq!((period.value().as_str(), period.before), ("129600s", None));
        assert_eq!(made.basis.hash().unwrap(), made.hash);
        there.period = Seen::Present("24h".to_owned());
        let other = plan(&case, &there, 36).unwrap();
        assert_eq!(
            other.basis.extend_runway.clone().unwrap().before.as_deref(),
            Some("24h")
        );
        assert_ne!(made.hash, other.hash);
        assert!(plan(&case, &there, 24).is_err(), "no shortening");
        there.period = Seen::unknown("timeout");
        assert!(plan(&case, &there, 36).is_err());
    }

    #[test]
    fn every_guard_of_an_extension_blocks_and_does_not_know() {
        let case = Case::lost();
        let good = there(&case);
        let (cluster, index) = (
            good.cluster_uuid.present().cloned().unwrap(),
            good.index_uuid.present().cloned().unwrap(),
        );
        let remote = crate::policy::fixture::alias();
        let asked = |there: &LeaderNow, world: &World, mode: Mode| {
            let settings = Settings { mode, ..settings() };
            extension_guards(
                &key("orders-f"),
                (&cluster, &index, &remote),
                there,
                world,
                &settings,
            )
            .into_iter()
            .filter(|guard| !guard.passes())
            .map(|guard| (guard.name, guard.verdict))
            .collect::<Vec<_>>()
        };
        let quiet = World::quiet(now());
        assert_eq!(asked(&good, &quiet, Mode::Ask), []);
        assert_eq!(
            asked(&good, &quiet, Mode::Observe),
            [("mode".to_owned(), GuardVerdict::Block)]
        );
        let mut other = good.clone();
        other.index_uuid = Seen::Present(crate::policy::fixture::uuid("another"));
        other.cluster_uuid = Seen::unknown("down");
        other.may_manage = Seen::Present(false);
        assert_eq!(
            asked(&other, &quiet, Mode::Ask),
            [
                ("clusters_pinned".to_owned(), GuardVerdict::Unknown),
                ("same_leader".to_owned(), GuardVerdict::Block),
                ("leader_privileges".to_owned(), GuardVerdict::Block),
            ]
        );
        for (scope, stops) in [
            ("all", true),
            ("resume", false),
            ("remote:eu/lead", true),
            ("remote:eu/other", false),
        ] {
            let mut world = World::quiet(now());
            world.brakes = Seen::Present(vec![Brake {
                scope: BrakeScope::parse(scope).unwrap(),
                owner: "ann".to_owned(),
                reason: "x".to_owned(),
                engaged_at: ago(1),
                expires_at: None,
            }]);
            assert_eq!(!asked(&good, &world, Mode::Ask).is_empty(), stops, "{scope}");
        }
    }

    #[test]
    fn it_ends_after_the_cure_has_settled_or_when_a_person_asks() {
        let case = Case::lost();
        let good = there(&case);
        let made = plan(&case, &good, 36).unwrap();
        let mut extension = Extension {
            plan: made.hash.clone(),
            cluster: made.basis.leader_cluster.clone().unwrap(),
            cluster_uuid: good.cluster_uuid.present().cloned().unwrap(),
            leader: made.basis.leader.clone(),
            leader_uuid: good.index_uuid.present().cloned().unwrap(),
            remote: made.basis.remote.clone(),
            period: made.basis.extend_runway.clone().unwrap(),
            phase: ExtensionPhase::Raised,
            since: ago(1000),
            undo_asked_by: None,
        };
        let reason =
            |extension: &Extension, cause, since| undo_reason(extension, cause, since, &settings(), now());
        assert_eq!(reason(&extension, Some(Cause::HistoryLost), Some(ago(900))), None);
        assert_eq!(reason(&extension, Some(Cause::None), Some(ago(59))), None);
        assert_eq!(reason(&extension, None, None), None);
        assert!(reason(&extension, Some(Cause::None), Some(ago(60))).is_some());
        extension.undo_asked_by = Some("ann".to_owned());
        assert!(reason(&extension, Some(Cause::HistoryLost), None).is_some());
    }

    #[test]
    fn what_it_costs_is_an_estimate_or_said_to_be_unknown() {
        let case = Case::lost();
        let period = ExtendRunway {
            to_millis: 36 * 3_600_000,
            before: None,
        };
        assert!(cost(&case.facts, &period).contains("not known"));
    }
}
