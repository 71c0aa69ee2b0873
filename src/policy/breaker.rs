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

/// How many followers there are, and how many of them are unhealthy: of all, and behind each remote.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    all: (u32, u32),
    remotes: BTreeMap<(ClusterName, RemoteAlias), (u32, u32)>,
}

impl Tally {
    /// Counts one follower.
    pub fn add(&mut self, member: &Member) {
        let bad = u32::from(counts(member));
        self.all = (self.all.0 + bad, self.all.1 + 1);
        if let Some(remote) = &member.remote {
            let group = self
                .remotes
                .entry((member.key.cluster.clone(), remote.clone()))
                .or_default();
            *group = (group.0 + bad, group.1 + 1);
        }
    }

    /// All of these.
    pub fn sum<'a>(tallies: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for tally in tallies {
            sum.all = (sum.all.0 + tally.all.0, sum.all.1 + tally.all.1);
            for (key, (bad, of)) in &tally.remotes {
                let group = sum.remotes.entry(key.clone()).or_default();
                *group = (group.0 + bad, group.1 + of);
            }
        }
        sum
    }
}

/// The next state of the breakers. A breaker opens when at least `min_unhealthy` of its followers
/// and more than the floor of `max_unhealthy` of them are unhealthy, and closes after `close_after`
/// below that. Call it at every look.
pub fn breaker(previous: &BreakerState, tally: &Tally, now: Timestamp, limit: &BreakerLimit) -> BreakerState {
    let mut groups = tally.remotes.clone();
    // A breaker that is open stays in the books even when all its followers have gone.
    for key in previous.remotes.keys() {
        groups.entry(key.clone()).or_default();
    }
    BreakerState {
        overall: next(previous.overall.as_ref(), tally.all, now, limit),
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{BreakerLimit, BreakerState, Member, RemoteAlias, Tally, Timestamp, after};
    use crate::policy::fixture::{alias, key, member, now};
    use crate::policy::settings::Settings;

    /// Each its own tally, as the clusters of a fleet have theirs.
    fn breaker(before: &BreakerState, all: &[Member], now: Timestamp, limit: &BreakerLimit) -> BreakerState {
        let tallies: Vec<Tally> = all
            .iter()
            .map(|member| {
                let mut tally = Tally::default();
                tally.add(member);
                tally
            })
            .collect();
        super::breaker(before, &Tally::sum(&tallies), now, limit)
    }

    fn limit() -> BreakerLimit {
        Settings::default().limits.breaker
    }

    fn population(healthy: usize, unhealthy: usize) -> Vec<Member> {
        (0..healthy + unhealthy)
            .map(|number| member(&format!("f{number}"), number < unhealthy))
            .collect()
    }

    fn later(seconds: u64) -> Timestamp {
        after(now(), Duration::from_secs(seconds))
    }

    #[test]
    fn it_opens_above_the_floor_and_at_the_minimum() {
        let open = |healthy, unhealthy| {
            breaker(
                &BreakerState::default(),
                &population(healthy, unhealthy),
                now(),
                &limit(),
            )
            .overall
            .is_some()
        };
        assert!(!open(7, 3), "3 of 10 is not more than 30%");
        assert!(open(6, 4));
        assert!(!open(0, 2), "fewer than the minimum");
        assert!(open(0, 3));
        assert!(!open(8, 3), "floor(3.3) is 3");
        assert!(!open(0, 0));
    }

    #[test]
    fn it_closes_only_after_a_quiet_time_and_remembers_since_when_it_is_open() {
        let sick = population(6, 4);
        let well = population(10, 0);
        let open = breaker(&BreakerState::default(), &sick, now(), &limit());
        let still = breaker(&open, &well, later(60), &limit());
        let state = still.overall.clone().unwrap();
        assert_eq!((state.since, state.closes_at), (now(), Some(later(660))));
        assert!(breaker(&still, &well, later(659), &limit()).overall.is_some());
        assert!(breaker(&still, &well, later(660), &limit()).overall.is_none());
        // A relapse starts the quiet time anew.
        let relapse = breaker(&still, &sick, later(600), &limit());
        assert_eq!(relapse.overall.clone().unwrap().below_since, None);
        let quiet = breaker(&relapse, &well, later(660), &limit());
        assert!(breaker(&quiet, &well, later(1259), &limit()).overall.is_some());
        // A clock that goes back closes nothing sooner.
        let back = breaker(&still, &well, now(), &limit());
        assert_eq!(back.overall.unwrap().closes_at, Some(later(600)));
    }

    #[test]
    fn what_people_paused_or_acknowledged_does_not_count_and_cooling_does() {
        let mut all = population(6, 4);
        all[0].paused_by_people = true;
        assert!(
            breaker(&BreakerState::default(), &all, now(), &limit())
                .overall
                .is_none()
        );
        all[0].paused_by_people = false;
        all[1].never_and_acknowledged = true;
        assert!(
            breaker(&BreakerState::default(), &all, now(), &limit())
                .overall
                .is_none()
        );
        all[9].in_flight_or_cooling = true;
        assert!(
            breaker(&BreakerState::default(), &all, now(), &limit())
                .overall
                .is_some()
        );
    }

    #[test]
    fn each_remote_has_its_own() {
        let mut all = population(20, 4);
        for member in all.iter_mut().skip(6) {
            member.remote = Some(RemoteAlias::parse("other").unwrap());
        }
        let state = breaker(&BreakerState::default(), &all, now(), &limit());
        assert!(state.overall.is_none());
        let here = key("f0").cluster;
        assert_eq!(state.over(&here, Some(&alias())).count(), 1);
        assert_eq!(
            state
                .over(&here, Some(&RemoteAlias::parse("other").unwrap()))
                .count(),
            0
        );
        let stored = serde_json::to_string(&state).unwrap();
        assert_eq!(serde_json::from_str::<BreakerState>(&stored).unwrap(), state);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn one_more_unhealthy_follower_never_closes_it(healthy in 1_usize..40, unhealthy in 0_usize..40) {
            let open = |healthy, unhealthy| {
                breaker(&BreakerState::default(), &population(healthy, unhealthy), now(), &limit()).overall.is_some()
            };
            prop_assert!(!open(healthy, unhealthy) || open(healthy - 1, unhealthy + 1));
        }
    }
}
