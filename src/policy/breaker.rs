//! The breakers: per remote and over everything, with hysteresis (contract, *Breaker*).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::domain::ids::{ClusterName, RemoteAlias};
use crate::domain::time::{Timestamp, after};
use crate::policy::settings::BreakerLimit;
use crate::policy::world::Member;

/// One open breaker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerOpen {
    /// Since when. An approval given later passes it.
    pub since: Timestamp,
    /// Since when there has been no reason for it to be open; `None` while there is.
    pub below_since: Option<Timestamp>,
    /// Unhealthy followers at the last look.
    pub unhealthy: u32,
    /// Followers known at the last look.
    pub of: u32,
    /// When it will close if nothing else turns unhealthy.
    pub closes_at: Option<Timestamp>,
}

/// All breakers; the caller keeps it between calls and over restarts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct BreakerState {
    /// Over everything.
    pub overall: Option<BreakerOpen>,
    /// By follower cluster and alias; only the open ones.
    #[serde(with = "by_remote")]
    pub remotes: BTreeMap<(ClusterName, RemoteAlias), BreakerOpen>,
}

impl BreakerState {
    /// The breakers that stand over a follower, with a name for people, widest first.
    pub fn over<'a>(
        &'a self,
        cluster: &ClusterName,
        remote: Option<&RemoteAlias>,
    ) -> impl Iterator<Item = (String, &'a BreakerOpen)> {
        let of_remote = remote
            .and_then(|remote| self.remotes.get_key_value(&(cluster.clone(), remote.clone())))
            .map(|((cluster, remote), open)| (format!("the remote {cluster}/{remote}"), open));
        self.overall
            .iter()
            .map(|open| ("all followers".to_owned(), open))
            .chain(of_remote)
    }
}

/// The next state of the breakers. A breaker opens when at least `min_unhealthy` of its followers
/// and more than the floor of `max_unhealthy` of them are unhealthy, and closes after `close_after`
/// below that. Call it at every look.
pub fn breaker(
    previous: &BreakerState,
    population: &[Member],
    now: Timestamp,
    limit: &BreakerLimit,
) -> BreakerState {
    let mut groups: BTreeMap<(ClusterName, RemoteAlias), (u32, u32)> = BTreeMap::new();
    // A breaker that is open stays in the books even when all its followers have gone.
    for key in previous.remotes.keys() {
        groups.entry(key.clone()).or_default();
    }
    let mut all = (0_u32, 0_u32);
    for member in population {
        let bad = u32::from(counts(member));
        all = (all.0 + bad, all.1 + 1);
        if let Some(remote) = &member.remote {
            let group = groups
                .entry((member.key.cluster.clone(), remote.clone()))
                .or_default();
            *group = (group.0 + bad, group.1 + 1);
        }
    }
    BreakerState {
        overall: next(previous.overall.as_ref(), all, now, limit),
        remotes: groups
            .into_iter()
            .filter_map(|(key, figures)| {
                next(previous.remotes.get(&key), figures, now, limit).map(|open| (key, open))
            })
            .collect(),
    }
}

fn counts(member: &Member) -> bool {
    member.in_flight_or_cooling
        || (member.unhealthy && !member.paused_by_people && !member.never_and_acknowledged)
}

fn next(
    previous: Option<&BreakerOpen>,
    (unhealthy, of): (u32, u32),
    now: Timestamp,
    limit: &BreakerLimit,
) -> Option<BreakerOpen> {
    // The floor, in followers: 30% of 10 is 3, so 4 open it.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio of 0 to 1 of a u32, held in its range"
    )]
    let allowed = (limit.max_unhealthy.clamp(0.0, 1.0) * f64::from(of)).floor() as u32;
    let too_many = unhealthy >= limit.min_unhealthy.max(1) && unhealthy > allowed;
    if too_many {
        return Some(BreakerOpen {
            since: previous.map_or(now, |open| open.since),
            below_since: None,
            unhealthy,
            of,
            closes_at: None,
        });
    }
    let previous = previous?;
    // A clock that went back must not close it sooner, so the time below starts anew then.
    let below_since = previous.below_since.filter(|since| *since <= now).unwrap_or(now);
    let closes_at = after(below_since, limit.close_after);
    (now < closes_at).then_some(BreakerOpen {
        since: previous.since,
        below_since: Some(below_since),
        unhealthy,
        of,
        closes_at: Some(closes_at),
    })
}

/// JSON has only text as keys: `<cluster>/<alias>`.
mod by_remote {
    use std::collections::BTreeMap;

    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::BreakerOpen;
    use crate::domain::ids::{ClusterName, RemoteAlias};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<(ClusterName, RemoteAlias), BreakerOpen>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let named: BTreeMap<String, &BreakerOpen> = map
            .iter()
            .map(|((cluster, remote), open)| (format!("{cluster}/{remote}"), open))
            .collect();
        named.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<(ClusterName, RemoteAlias), BreakerOpen>, D::Error> {
        BTreeMap::<String, BreakerOpen>::deserialize(deserializer)?
            .into_iter()
            .map(|(name, open)| {
                let (cluster, remote) = name
                    .split_once('/')
                    .ok_or_else(|| D::Error::custom("a breaker's name is <cluster>/<alias>"))?;
                let cluster = ClusterName::parse(cluster).map_err(D::Error::custom)?;
                let remote = RemoteAlias::parse(remote).map_err(D::Error::custom)?;
                Ok(((cluster, remote), open))
            })
            .collect()
    }
}
