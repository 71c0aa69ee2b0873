//! Budgets, the breaker and brakes (promises 8 and 9).

use refollow::domain::brake::BrakeScope;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::sandbox::witness::Standing;

use super::{Does, Kind, Moment, Violation, concerns_pair, does};

impl Moment<'_> {
    /// Promise 9: recreates in flight through one remote, and within an hour.
    pub(super) fn budgets_hold(&self) -> Option<Violation> {
        if self.does != Does::Close {
            return None;
        }
        let ours = |name: &&String| {
            let last = self.log().iter().rev().find(|entry| {
                entry.seq < self.entry.seq
                    && entry.acted
                    && matches!(does(entry), Does::Close | Does::Put | Does::Open | Does::Resume)
                    && entry.before.as_ref().is_some_and(|before| before.name == **name)
            });
            let theirs = self.record.deeds.iter().any(|deed| {
                deed.pair == Some(self.pair)
                    && deed.follower.as_deref() == Some(name.as_str())
                    && deed.kind == Kind::Hands
            });
            last.is_some_and(|last| matches!(does(last), Does::Close | Does::Put)) && !theirs
        };
        let limit = self.record.policy.limits.recreates_in_flight.per_remote as usize;
        let down: Vec<&String> = self.before.others_down.iter().filter(ours).collect();
        if down.len() >= limit {
            return self.broken("budgets_hold", format!("{down:?} are still in our hands"));
        }
        let hour = self.entry.at_ms - 3_600_000;
        let mut closed: Vec<i64> = Vec::new();
        for log in &self.record.logs {
            for entry in log
                .iter()
                .filter(|entry| entry.at_ms > hour && entry.at_ms <= self.entry.at_ms)
            {
                if entry.acted && does(entry) == Does::Put {
                    closed.push(entry.at_ms);
                }
            }
        }
        let most = self.record.policy.limits.recreates_per_hour as usize;
        let jumped = self.record.deeds.iter().any(|deed| deed.kind == Kind::Clock);
        if closed.len() > most && !jumped {
            return self.broken("budgets_hold", format!("{} PUTs within the hour", closed.len()));
        }
        None
    }

    /// Promise 9: the breaker.
    pub(super) fn breaker_holds(&self) -> Option<Violation> {
        if self.does != Does::Close || self.earlier().any(|deed| deed.kind == Kind::Approved) {
            return None;
        }
        let pause = self.ours().find(|entry| does(entry) == Does::Pause)?;
        let limits = &self.record.policy.limits.breaker;
        let by_people = |seq: u64| {
            let held = self.record.deeds.iter().filter(|deed| {
                deed.pair == Some(self.pair) && deed.kind == Kind::Hands && deed.seqs[self.pair] <= seq
            });
            held.count()
        };
        let open = |standing: &Standing, seq: u64| {
            let sick = standing.unhealthy.0.saturating_sub(by_people(seq));
            let floor = (limits.max_unhealthy * standing.unhealthy.1 as f64).floor();
            sick >= limits.min_unhealthy as usize && sick as f64 > floor
        };
        let both = open(self.before, self.entry.seq) && open(pause.before.as_deref()?, pause.seq);
        // It takes the daemon a look or two to see what happened.
        let settled = pause.at_ms - 4 * i64::try_from(self.record.poll.as_millis()).unwrap();
        let fresh = self.record.deeds.iter().any(|deed| {
            deed.at_ms > settled && deed.at_ms <= self.entry.at_ms && concerns_pair(deed, self.pair)
        });
        if !both || fresh {
            return None;
        }
        self.broken(
            "breaker_holds",
            format!(
                "{} of {} were sick, and nobody approved it",
                self.before.unhealthy.0, self.before.unhealthy.1
            ),
        )
    }

    /// Promise 8.
    pub(super) fn brakes_hold(&self) -> Option<Violation> {
        if !self.does.presses_on() {
            return None;
        }
        let mut engaged: Vec<&BrakeScope> = Vec::new();
        for deed in self
            .record
            .deeds
            .iter()
            .filter(|deed| deed.seqs[self.pair] <= self.entry.seq)
        {
            match &deed.kind {
                Kind::Brake(scope) => engaged.push(scope),
                Kind::Release(scope) => engaged.retain(|other| *other != scope),
                _ => {}
            }
        }
        let cluster = ClusterName::parse(&format!("eu{}", self.pair)).ok()?;
        let index = IndexName::parse(&self.before.name).ok()?;
        let holds = engaged.into_iter().find(|scope| match scope {
            BrakeScope::All => true,
            // A pause belongs to the resume as well.
            BrakeScope::Recreate => self.does != Does::Pause,
            BrakeScope::Resume => self.does == Does::Pause,
            BrakeScope::Cluster(name) => *name == cluster,
            BrakeScope::Remote(name, alias) => {
                *name == cluster && *alias == RemoteAlias::parse("lead").unwrap()
            }
            BrakeScope::Follower(key) => {
                *key == FollowerKey {
                    cluster: cluster.clone(),
                    index: index.clone(),
                }
            }
        })?;
        self.broken("brakes_hold", format!("brake `{holds}` is engaged"))
    }
}
