//! Which answers a verdict on facts rests on: what an evidence file must hold to be judged the same.
//!
//! A rule that begins to compare looks of another series needs all sightings of it here.

use crate::domain::answer::{Answer, Call};
use crate::domain::facts::{Facts, FollowerSide, LeaderSide, Series, Sighting};
use crate::domain::ids::ClusterName;
use crate::domain::time::Timestamp;

/// Sightings kept of each call for each follower: enough for "rose since the last look" twice.
pub const SIGHTINGS: usize = 4;

/// The calls and times of the sightings and errors that a verdict may rest on.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    /// Few, and nearly all of another time than what is looked for: a hash of each costs more.
    found: Vec<(Timestamp, &'a ClusterName, &'a Call)>,
    /// Of series that no rule compares, the newest only.
    of_verdict: bool,
}

impl<'a> Sources<'a> {
    /// Of everything in these facts.
    pub fn of(facts: &'a Facts) -> Self {
        Self::default().with(facts)
    }

    /// Of what a verdict on these facts may rest on.
    pub fn of_verdict(facts: &'a Facts) -> Self {
        let of_verdict = true;
        Self {
            of_verdict,
            ..Self::default()
        }
        .with(facts)
    }

    fn with(mut self, facts: &'a Facts) -> Self {
        self.follower(&facts.follower);
        self.leader(&facts.leader);
        for error in &facts.errors {
            self.found.push((error.at, &error.cluster, &error.call));
        }
        self
    }

    /// This answer is one of them.
    pub fn have(&self, answer: &Answer) -> bool {
        self.found.iter().any(|(at, cluster, call)| {
            *at == answer.at && **call == answer.call && **cluster == answer.cluster
        })
    }

    /// Every sighting: of these the judge compares one look with another.
    fn all<T>(&mut self, series: &'a Series<T>) {
        self.add(series.0.iter());
    }

    /// The newest word, and the newest that is a value: of these the judge reads no more.
    fn newest<T>(&mut self, series: &'a Series<T>) {
        if self.of_verdict {
            let known = series.0.iter().rfind(|seen| seen.value.present().is_some());
            self.add(series.last().into_iter().chain(known));
        } else {
            self.all(series);
        }
    }

    fn add<T: 'a>(&mut self, seen: impl Iterator<Item = &'a Sighting<T>>) {
        self.found
            .extend(seen.map(|seen| (seen.at, &seen.cluster, &seen.call)));
    }

    fn follower(&mut self, side: &'a FollowerSide) {
        self.newest(&side.root);
        self.newest(&side.license);
        self.all(&side.stats);
        self.newest(&side.info);
        self.all(&side.remote);
        self.newest(&side.meta);
        self.newest(&side.settings);
        self.newest(&side.routing);
        self.newest(&side.health);
        self.newest(&side.cluster_health);
        self.all(&side.recovery);
        self.all(&side.index);
        self.newest(&side.aliases);
        self.newest(&side.explain);
        self.newest(&side.tasks);
        self.newest(&side.ilm);
        self.newest(&side.cluster_settings);
        self.newest(&side.nodes);
        self.newest(&side.data_stream);
        self.all(&side.count);
        self.newest(&side.resume);
        self.newest(&side.follow);
        self.newest(&side.count_through_alias);
        self.newest(&side.disks);
        self.newest(&side.snapshots);
        self.newest(&side.snapshot);
        self.newest(&side.auto_follow);
        self.newest(&side.privileges);
        self.newest(&side.total_shards);
        self.newest(&side.data_stream_replicated);
        self.newest(&side.data_stream_write);
    }

    fn leader(&mut self, side: &'a LeaderSide) {
        self.all(&side.root);
        self.newest(&side.license);
        self.all(&side.index);
        self.newest(&side.meta);
        self.newest(&side.settings);
        self.newest(&side.stands_for);
        self.newest(&side.health);
        self.newest(&side.cluster_health);
        self.newest(&side.ilm);
        self.all(&side.count);
        self.newest(&side.nodes);
        self.newest(&side.ilm_phases);
        self.newest(&side.lifecycle_date);
        self.newest(&side.privileges);
    }
}

#[cfg(test)]
mod tests {
    /// Names of the series that a struct of `facts.rs` declares.
    fn declared(name: &str) -> Vec<String> {
        let text = include_str!("../facts.rs");
        let (_, rest) = text.split_once(&format!("pub struct {name} {{")).unwrap();
        let (body, _) = rest.split_once("\n}").unwrap();
        let names: Vec<String> = body
            .lines()
            .filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(": Series<"))
            .map(|(name, _)| name.to_owned())
            .collect();
        assert!(names.len() > 10, "{names:?}");
        names
    }

    #[test]
    fn no_series_is_left_out_of_the_sources() {
        let sources = include_str!("sources.rs");
        for name in ["FollowerSide", "LeaderSide"] {
            for series in declared(name) {
                let taken = ["all", "newest"]
                    .iter()
                    .any(|how| sources.contains(&format!("self.{how}(&side.{series});")));
                assert!(taken, "{name}.{series}");
            }
        }
    }
}
