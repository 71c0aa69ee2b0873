//! Budgets, the breaker, brakes and rules (promises 8, 9, 11).

use refollow::domain::brake::BrakeScope;
use refollow::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias};
use refollow::policy::{Action, Mode};
use refollow::sandbox::witness::Standing;

use super::{Does, Kind, Moment, Violation, concerns_pair, does};

/// For so long a run goes on that was let in before limits or rules were changed.
const LET_IN_MS: i64 = 10 * 60_000;

impl Moment<'_> {
    /// Promise 11: what the rules say is asked about, or only told, waits for an approval.
    pub(super) fn asked_first(&self) -> Option<Violation> {
        if self.does != Does::Pause || !self.entry.acted {
            return None;
        }
        let (promised, since) = self.record.policy_at(self.pair, self.entry.seq);
        let free = promised.mode == Mode::Auto && promised.rules[0].action == Action::Auto;
        // It takes the daemon a moment to read its configuration, and a run that went on then goes on.
        let from = since.map_or(i64::MIN, |deed| deed.at_ms);
        let let_in = self.entry.at_ms < from.saturating_add(5_000)
            || self
                .ours()
                .any(|entry| (from.saturating_sub(LET_IN_MS)..=from).contains(&entry.at_ms));
        if free || let_in || self.earlier().any(|deed| deed.kind == Kind::Approved) {
            return None;
        }
        self.broken("asked_first", "the rules say to ask, and nobody approved it")
    }

    /// Promise 9: recreates in flight through one remote, and within an hour.
    pub(super) fn budgets_hold(&self) -> Option<Violation> {
        if self.does != Does::Close {
            return None;
        }
        let (promised, since) = self.record.policy_at(self.pair, self.entry.seq);
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
                    && matches!(deed.kind, Kind::Hands(_))
            });
            last.is_some_and(|last| matches!(does(last), Does::Close | Does::Put)) && !theirs
        };
        let limit = promised.limits.recreates_in_flight.per_remote as usize;
        let down: Vec<&String> = self.before.others_down.iter().filter(ours).collect();
        if down.len() >= limit {
            return self.broken("budgets_hold", format!("{down:?} are still in our hands"));
        }
        // A run that was let in under another limit may still finish.
        let let_in = since.map_or(i64::MIN, |deed| deed.at_ms + LET_IN_MS);
        let hour = (self.entry.at_ms - 3_600_000).max(let_in);
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
        let most = promised.limits.recreates_per_hour as usize;
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
        let by_people = |seq: u64| {
            let held = self.record.deeds.iter().filter(|deed| {
                deed.pair == Some(self.pair)
                    && matches!(deed.kind, Kind::Hands(_) | Kind::RecreatedByHand)
                    && deed.seqs[self.pair] <= seq
            });
            held.count()
        };
        let open = |standing: &Standing, seq: u64| {
            let limits = &self.record.policy_at(self.pair, seq).0.limits.breaker;
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
