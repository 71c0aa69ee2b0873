//! What the rules ask of facts and memory, answered in one place: the newest words, what rose
//! between two looks, whether the index is closed, red or paused. Says nothing about causes.

use std::collections::BTreeMap;

use crate::domain::answer::Call;
use crate::domain::facts::{
    Exception, Facts, FollowInfo, FollowStats, FollowStatus, Health, IndexHealth, IndexMeta, IndexSettings,
    IndexStats, LookError, ReadException, Refusal, Routing, Series, ShardRecovery, ShardStats, Sighting,
};
use crate::domain::ids::ClusterName;
use crate::domain::memory::Memory;
use crate::domain::time::{Timestamp, millis_between};
use crate::domain::verdict::Evidence;
use crate::judge::remote::no_connection_left;

/// Longest text kept in one piece of evidence, in characters.
const SHOWN_CHARS: usize = 300;
/// A second look older than this beside the newest first look says nothing any more.
const SECOND_LOOK_MAX_AGE_MILLIS: i64 = 10 * 60_000;
/// An entry that is new since a look longer ago than this may have come and gone stale meanwhile,
/// in milliseconds. One that was there before and rose is believed over any gap: a poll interval
/// may be long.
const NEW_ENTRY_MAX_GAP_MILLIS: i64 = 10 * 60_000;
/// Answers closer together than this belong to one look, in milliseconds.
const SAME_LOOK_MILLIS: i64 = 1_000;
/// What a retry may be late beside `read_poll_timeout`: a look and some, in milliseconds.
const RETRY_SLACK_MILLIS: i64 = 30_000;
/// `read_poll_timeout` where nothing tells another (reference 5), in milliseconds.
const DEFAULT_POLL_MILLIS: i64 = 60_000;

/// One follower's facts and what is remembered of it.
#[derive(Clone, Copy)]
pub(super) struct Case<'a> {
    pub facts: &'a Facts,
    pub memory: &'a Memory,
}

/// A read exception whose retries rose between the last two looks.
#[derive(Clone, Copy)]
pub(super) struct Rising<'a> {
    pub seen: &'a Sighting<FollowStats>,
    pub shard: u32,
    pub entry: usize,
    pub before: i64,
    pub read: &'a ReadException,
}

/// A text cut for evidence.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN_CHARS).collect();
    if text.chars().nth(SHOWN_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// One piece of evidence from a sighting.
pub(super) fn evidence<T>(seen: &Sighting<T>, field: impl Into<String>, value: impl AsRef<str>) -> Evidence {
    of_call(&seen.cluster, &seen.call, seen.at, field, value)
}

/// One piece of evidence from any call.
pub(super) fn of_call(
    cluster: &ClusterName,
    call: &Call,
    at: Timestamp,
    field: impl Into<String>,
    value: impl AsRef<str>,
) -> Evidence {
    Evidence {
        field: field.into(),
        value: shown(value.as_ref()),
        call: format!("{cluster}: {call}"),
        at,
    }
}

/// One piece of evidence from an error that a look was answered with.
pub(super) fn of_error(error: &LookError) -> Evidence {
    of_call(
        &error.cluster,
        &error.call,
        error.at,
        "error.type",
        format!(
            "{} ({}): {}",
            error.exception.kind, error.status, error.exception.reason
        ),
    )
}

/// The sighting of a newest word that is a value.
pub(super) fn newest<T>(series: &Series<T>) -> Option<(&Sighting<T>, &T)> {
    let seen = series.last()?;
    Some((seen, seen.value.present()?))
}

/// The newest word is that it does not exist.
pub(super) fn gone<T>(series: &Series<T>) -> Option<&Sighting<T>> {
    series.last().filter(|seen| seen.value.is_absent())
}

/// The shard's task began anew between two looks: it was moved to another node or its node was
/// restarted, so that a counter that only grows is lower than before. What it counts now says
/// nothing beside what it counted then.
pub(super) fn began_anew(before: &ShardStats, now: &ShardStats) -> bool {
    let counters: [fn(&ShardStats) -> Option<i64>; 10] = [
        |shard| shard.successful_read_requests.get(),
        |shard| shard.failed_read_requests.get(),
        |shard| shard.operations_read.get(),
        |shard| shard.bytes_read.get(),
        |shard| shard.total_read_time_millis.get(),
        |shard| shard.total_read_remote_exec_time_millis.get(),
        |shard| shard.successful_write_requests.get(),
        |shard| shard.failed_write_requests.get(),
        |shard| shard.operations_written.get(),
        |shard| shard.total_write_time_millis.get(),
    ];
    counters
        .iter()
        .any(|read| matches!((read(before), read(now)), (Some(before), Some(now)) if now < before))
}

impl<'a> Case<'a> {
    /// When the follower was last asked about (statistics or info).
    fn last_look(&self) -> Option<Timestamp> {
        let side = &self.facts.follower;
        let stats = side.stats.last().map(|seen| seen.at);
        stats.max(side.info.last().map(|seen| seen.at))
    }

    /// Whether a word of a second look still speaks of the present: such calls are made only
    /// now and then, and a follower that was cured must not keep what they once said.
    fn is_fresh(&self, at: Timestamp) -> bool {
        self.last_look()
            .is_none_or(|look| millis_between(at, look) <= SECOND_LOOK_MAX_AGE_MILLIS)
    }

    /// The newest word of a second look, where it is a value and still fresh.
    pub(super) fn fresh<T>(&self, series: &'a Series<T>) -> Option<(&'a Sighting<T>, &'a T)> {
        newest(series).filter(|(seen, _)| self.is_fresh(seen.at))
    }

    /// Errors that looks are answered with now.
    pub(super) fn errors(&self) -> impl Iterator<Item = &'a LookError> {
        let case = *self;
        self.facts
            .errors
            .iter()
            .filter(move |error| case.is_fresh(error.at))
    }

    /// The newest `_ccr/info`, where it is a value.
    pub(super) fn info(&self) -> Option<(&'a Sighting<FollowInfo>, &'a FollowInfo)> {
        newest(&self.facts.follower.info)
    }

    /// The newest `_ccr/stats`, where it is a value and no later `_ccr/info` says that the
    /// follower has been paused since.
    pub(super) fn stats(&self) -> Option<(&'a Sighting<FollowStats>, &'a FollowStats)> {
        let (seen, stats) = newest(&self.facts.follower.stats)?;
        match self.info() {
            Some((info_seen, info)) if info.status == FollowStatus::Paused && info_seen.at >= seen.at => None,
            _ => Some((seen, stats)),
        }
    }

    /// The index is paused now: `_ccr/info` says so and no later statistics show a task.
    pub(super) fn paused(&self) -> Option<&'a Sighting<FollowInfo>> {
        let (seen, info) = self.info()?;
        (info.status == FollowStatus::Paused && self.stats().is_none()).then_some(seen)
    }

    /// The index is known to have follow tasks now (`_ccr/info` says `active`).
    pub(super) fn active(&self) -> bool {
        self.info()
            .is_some_and(|(_, info)| info.status == FollowStatus::Active)
    }

    /// Shards of the newest statistics.
    pub(super) fn shards(&self) -> impl Iterator<Item = (&'a Sighting<FollowStats>, &'a ShardStats)> {
        self.stats()
            .into_iter()
            .flat_map(|(seen, stats)| stats.shards.values().map(move |shard| (seen, shard)))
    }

    /// Fatal exceptions of the newest statistics.
    pub(super) fn fatal(&self) -> impl Iterator<Item = (&'a Sighting<FollowStats>, u32, &'a Exception)> {
        self.shards()
            .filter_map(|(seen, shard)| Some((seen, shard.shard, &**shard.fatal_exception.present()?)))
    }

    /// A shard whose `fatal_exception` is there and cannot be read.
    pub(super) fn unreadable_fatal(&self) -> Option<(&'a Sighting<FollowStats>, u32)> {
        self.shards()
            .find(|(_, shard)| shard.fatal_exception.is_unknown())
            .map(|(seen, shard)| (seen, shard.shard))
    }

    /// The statistics of the look before the newest one: a second older at least, because one
    /// look may ask both for all and by name.
    pub(super) fn stats_before(&self) -> Option<(&'a Sighting<FollowStats>, &'a FollowStats)> {
        let (newest, _) = self.stats()?;
        self.facts
            .follower
            .stats
            .0
            .iter()
            .rev()
            .filter(|seen| millis_between(seen.at, newest.at) >= SAME_LOOK_MILLIS)
            .find_map(|seen| Some((seen, seen.value.present()?)))
    }

    /// Retries or failed writes were seen to rise so lately that the next one may still be to
    /// come: they back off up to `read_poll_timeout` (60 s by default), so that several looks 15 s
    /// apart show the same number.
    fn rose_lately(&self, seen_at: Timestamp) -> bool {
        self.memory.last_rise_at.is_some_and(|at| {
            let since = millis_between(at, seen_at);
            (0..=self.poll_millis().saturating_add(RETRY_SLACK_MILLIS)).contains(&since)
        })
    }

    /// The present word of `_remote/info` says that what this exception tells of is over.
    fn reconnected(&self, exception: &Exception) -> bool {
        no_connection_left(exception).is_some()
            && newest(&self.facts.follower.remote).is_some_and(|(_, remote)| remote.connected == Some(true))
    }

    /// Read exceptions whose retries rose since the look before, or that were seen to rise a
    /// moment ago and stand there still. A stale entry keeps its retries (`ccr/measured.md`); one
    /// look alone shows nothing, neither does the first look after a task began anew, whose
    /// counters compare with nothing, and beside a fatal exception an entry that stands still is
    /// what is left of the past.
    pub(super) fn rising(&self) -> Vec<Rising<'a>> {
        let (Some((seen, now)), Some((seen_before, before))) = (self.stats(), self.stats_before()) else {
            return Vec::new();
        };
        let near = millis_between(seen_before.at, seen.at) <= NEW_ENTRY_MAX_GAP_MILLIS;
        let mut rising = Vec::new();
        for shard in now.shards.values() {
            // First what is so of nearly every shard of every look: no read fails.
            let Some(reads) = shard.read_exceptions.present().filter(|reads| !reads.is_empty()) else {
                continue;
            };
            let Some(earlier) = before.shards.get(&shard.shard) else {
                continue;
            };
            if began_anew(earlier, shard) {
                continue;
            }
            let Some(reads_before) = earlier.read_exceptions.present() else {
                continue;
            };
            let earlier = retries_by_read(reads_before);
            for (entry, read) in reads.iter().enumerate() {
                let Some(retries) = read.retries else { continue };
                let known = earlier.get(&read.from_seq_no).copied();
                let before = known.unwrap_or(0);
                let goes_on = self.rose_lately(seen.at)
                    && known == Some(retries)
                    && retries > 0
                    && shard.fatal_exception.present().is_none()
                    && !self.reconnected(&read.exception);
                if (retries > before && (known.is_some() || near)) || goes_on {
                    rising.push(Rising {
                        seen,
                        shard: shard.shard,
                        entry,
                        before,
                        read,
                    });
                }
            }
        }
        rising
    }

    /// Shards whose failed writes rose since the look before with no write succeeding, or were
    /// seen to rise and the write that failed is still tried again.
    pub(super) fn writes_failing(&self) -> Option<(&'a Sighting<FollowStats>, u32)> {
        let (seen, now) = self.stats()?;
        let (_, before) = self.stats_before()?;
        now.shards.values().find_map(|shard| {
            // First what is so of nearly every shard of every look: no write ever failed.
            let failures = shard
                .failed_write_requests
                .get()
                .filter(|failures| *failures > 0)?;
            let earlier = before.shards.get(&shard.shard)?;
            if began_anew(earlier, shard) {
                return None;
            }
            let failures_before = earlier.failed_write_requests.get()?;
            let goes_on = failures == failures_before
                && self.rose_lately(seen.at)
                && shard
                    .outstanding_write_requests
                    .get()
                    .is_some_and(|count| count > 0);
            let failed = failures > failures_before || goes_on;
            let stood = shard.operations_written.get()? == earlier.operations_written.get()?
                && shard.successful_write_requests.get().unwrap_or(0)
                    <= earlier.successful_write_requests.get().unwrap_or(i64::MAX);
            (failed && stood).then_some((seen, shard.shard))
        })
    }

    /// `read_poll_timeout` of this follower in milliseconds.
    pub(super) fn poll_millis(&self) -> i64 {
        let from_info = self
            .facts
            .follower
            .info
            .latest_known()
            .and_then(|(_, info)| info.parameters.as_deref());
        from_info
            .or(self.memory.parameters.as_deref())
            .and_then(|parameters| parameters.get("read_poll_timeout"))
            .and_then(|value| value.as_str())
            .and_then(millis_of)
            .unwrap_or(DEFAULT_POLL_MILLIS)
    }

    /// Whether the follower index is closed, with what says so; `None` where nothing tells.
    ///
    /// Says *closed*: the cluster state, `index.verified_before_close` in the settings, an
    /// `index_closed_exception` for a call that named it. Says *open*: the cluster state, shard
    /// statistics, a count, settings without that mark. Of contradicting words the later one
    /// counts, and of those at the same moment the closed one.
    fn closing(&self) -> Option<(bool, Closing<'a>)> {
        let side = &self.facts.follower;
        let mut closed: Option<Closing<'a>> = None;
        let mut open: Option<Closing<'a>> = None;
        if let Some((seen, meta)) = self.fresh(&side.meta)
            && let Some(is_open) = meta.open
        {
            let slot = if is_open { &mut open } else { &mut closed };
            later(slot, Closing::Meta(seen, is_open));
        }
        if let Some((seen, settings)) = self.fresh(&side.settings) {
            let mark = settings
                .get("index.verified_before_close")
                .is_some_and(|value| value == "true");
            let slot = if mark { &mut closed } else { &mut open };
            later(slot, Closing::Settings(seen, mark));
        }
        if let Some((seen, stats)) = self.fresh(&side.index)
            && !stats.primaries.is_empty()
        {
            later(&mut open, Closing::Statistics(seen));
        }
        if let Some((seen, count)) = self.fresh(&side.count) {
            later(&mut open, Closing::Count(seen, *count));
        }
        for error in self.errors() {
            if error.cluster == self.facts.key.cluster
                && error.exception.kind == "index_closed_exception"
                && error
                    .exception
                    .index
                    .as_deref()
                    .is_none_or(|named| named == self.facts.key.index.as_str())
                && !error.call.path.contains(':')
            {
                later(&mut closed, Closing::Error(error));
            }
        }
        match (closed, open) {
            (Some(closed), Some(open)) if open.at() > closed.at() => Some((false, open)),
            (Some(closed), _) => Some((true, closed)),
            (None, Some(open)) => Some((false, open)),
            (None, None) => None,
        }
    }

    /// Known to be closed.
    pub(super) fn known_closed(&self) -> Option<Evidence> {
        let (_, word) = self.closing().filter(|(closed, _)| *closed)?;
        Some(word.evidence(self))
    }

    /// The newest health of the follower index.
    pub(super) fn health(&self) -> Option<(&'a Sighting<IndexHealth>, &'a IndexHealth)> {
        self.fresh(&self.facts.follower.health)
    }

    /// The newest routing table of the follower index.
    pub(super) fn routing(&self) -> Option<(&'a Sighting<Routing>, &'a Routing)> {
        self.fresh(&self.facts.follower.routing)
    }

    /// The newest recoveries of the follower index.
    pub(super) fn recovery(&self) -> Option<(&'a Sighting<Vec<ShardRecovery>>, &'a Vec<ShardRecovery>)> {
        self.fresh(&self.facts.follower.recovery)
    }

    /// A primary that is not allocated, and what says so. Of health and routing the later counts.
    pub(super) fn red(&self) -> Option<Evidence> {
        let health = self.health().map(|(seen, health)| {
            (
                seen.at,
                (health.status == Health::Red)
                    .then(|| evidence(seen, format!("indices.{}.status", self.facts.key.index), "red")),
            )
        });
        let routing = self.routing().map(|(seen, routing)| {
            let unassigned = routing
                .iter()
                .find(|(_, primary)| primary.state == "UNASSIGNED")
                .map(|(shard, _)| {
                    evidence(
                        seen,
                        format!(
                            "routing_table.indices.{}.shards.{shard}[primary].state",
                            self.facts.key.index
                        ),
                        "UNASSIGNED",
                    )
                });
            (seen.at, unassigned)
        });
        match (health, routing) {
            (Some((_, Some(red))), Some((_, Some(_)))) => Some(red),
            (Some((health_at, health)), Some((routing_at, routing))) => {
                // One of them says red and the other does not: the later word, red on a tie.
                match (health, routing) {
                    (Some(red), None) if health_at >= routing_at => Some(red),
                    (None, Some(red)) if routing_at >= health_at => Some(red),
                    _ => None,
                }
            }
            (Some((_, red)), None) | (None, Some((_, red))) => red,
            (None, None) => None,
        }
    }

    /// Every primary is known to be started.
    pub(super) fn all_primaries_started(&self) -> bool {
        if self.red().is_some() {
            return false;
        }
        let by_routing = self.routing().is_some_and(|(_, routing)| {
            !routing.is_empty() && routing.values().all(|primary| primary.state == "STARTED")
        });
        let by_health = self.health().is_some_and(|(_, health)| {
            match (
                health.status,
                health.active_primary_shards,
                health.number_of_shards,
            ) {
                (Health::Green, _, _) => true,
                (_, Some(active), Some(all)) => all > 0 && active >= all,
                _ => false,
            }
        });
        let by_recovery = self.recovery().is_some_and(|(_, list)| {
            list.iter().any(|one| one.primary)
                && list
                    .iter()
                    .filter(|one| one.primary)
                    .all(|one| one.stage == "DONE")
        });
        by_routing || by_health || by_recovery
    }

    /// A remote recovery that runs now, and what says so.
    pub(super) fn restoring(&self) -> Option<Evidence> {
        let recovery = self.recovery().and_then(|(seen, list)| {
            let one = list.iter().find(|one| one.runs_from_remote())?;
            Some(evidence(
                seen,
                format!("{}.shards[{}].stage", self.facts.key.index, one.shard),
                format!(
                    "{} (SNAPSHOT), {} of {} bytes",
                    one.stage,
                    number(one.recovered_bytes),
                    number(one.total_bytes)
                ),
            ))
        });
        if recovery.is_some() {
            return recovery;
        }
        let recovery_at = self.recovery().map(|(seen, _)| seen.at);
        if let Some((seen, routing)) = self.routing()
            && recovery_at.is_none_or(|at| seen.at >= at)
            && let Some((shard, _)) = routing.iter().find(|(_, primary)| {
                primary.state == "INITIALIZING" && primary.recovery_source.as_deref() == Some("SNAPSHOT")
            })
        {
            return Some(evidence(
                seen,
                format!(
                    "routing_table.indices.{}.shards.{shard}[primary].state",
                    self.facts.key.index
                ),
                "INITIALIZING from SNAPSHOT",
            ));
        }
        // While primaries are being restored the index is yellow (reference 1.5, ES#52327).
        if recovery_at.is_none()
            && let Some((seen, health)) = self.health()
            && health.status == Health::Yellow
            && self.paused().is_some()
            && let (Some(active), Some(all)) = (health.active_primary_shards, health.number_of_shards)
            && active < all
        {
            return Some(evidence(
                seen,
                format!("indices.{}.active_primary_shards", self.facts.key.index),
                format!("{active} of {all}, yellow"),
            ));
        }
        None
    }

    /// Our own follow was sent and the index has not been seen following since.
    pub(super) fn own_follow_unfinished(&self) -> bool {
        self.memory.own_run.as_ref().is_some_and(|run| {
            run.followed
                && [self.memory.last_well_at, self.memory.last_renewing_at]
                    .into_iter()
                    .flatten()
                    .all(|well| well <= run.at)
        })
    }

    /// The newest `resume_follow` that was refused, while nothing later shows a task: a refusal
    /// speaks of the present only as long as the follower stayed as it was refused.
    pub(super) fn refused_resume(&self) -> Option<(&'a Sighting<Refusal>, &'a Refusal)> {
        let (seen, refusal) = newest(&self.facts.follower.resume)?;
        let active_later = self
            .info()
            .is_some_and(|(info, word)| word.status == FollowStatus::Active && info.at > seen.at)
            || newest(&self.facts.follower.stats).is_some_and(|(stats, _)| stats.at > seen.at);
        (!active_later).then_some((seen, refusal))
    }

    /// Statistics of an active follower that list fewer shards than it has: how many, of how many.
    pub(super) fn lacks_shards(&self) -> Option<(&'a Sighting<FollowStats>, u32, u32)> {
        self.unlisted_shards().filter(|_| self.active())
    }

    /// The same, whether or not it is known to be active.
    pub(super) fn unlisted_shards(&self) -> Option<(&'a Sighting<FollowStats>, u32, u32)> {
        let (seen, stats) = self.stats()?;
        let all = self.shard_count()?;
        let listed = u32::try_from(stats.shards.len()).unwrap_or(u32::MAX);
        (listed.saturating_add(stats.malformed) < all).then_some((seen, listed, all))
    }

    /// How many shards the follower has, from whichever look shows it.
    pub(super) fn shard_count(&self) -> Option<u32> {
        let of = |settings: &BTreeMap<String, String>| settings.get("index.number_of_shards")?.parse().ok();
        newest(&self.facts.follower.settings)
            .and_then(|(_, settings)| of(settings))
            .or_else(|| newest(&self.facts.follower.meta).and_then(|(_, meta)| of(&meta.settings)))
            .or_else(|| self.health().and_then(|(_, health)| health.number_of_shards))
            .or(self.memory.shard_count)
            // A leader has as many, or it could not be followed.
            .or_else(|| newest(&self.facts.leader.settings).and_then(|(_, settings)| of(settings)))
    }
}

/// Retries of each failing read, by where it begins.
pub(super) fn retries_by_read(reads: &[ReadException]) -> BTreeMap<Option<i64>, i64> {
    let mut retries = BTreeMap::new();
    for read in reads {
        if let Some(count) = read.retries {
            retries.entry(read.from_seq_no).or_insert(count);
        }
    }
    retries
}

/// What says whether the index is closed.
#[derive(Clone, Copy)]
enum Closing<'a> {
    Meta(&'a Sighting<IndexMeta>, bool),
    Settings(&'a Sighting<IndexSettings>, bool),
    Statistics(&'a Sighting<IndexStats>),
    Count(&'a Sighting<u64>, u64),
    Error(&'a LookError),
}

impl Closing<'_> {
    fn at(self) -> Timestamp {
        match self {
            Self::Meta(seen, _) => seen.at,
            Self::Settings(seen, _) => seen.at,
            Self::Statistics(seen) => seen.at,
            Self::Count(seen, _) => seen.at,
            Self::Error(error) => error.at,
        }
    }

    fn evidence(self, case: &Case<'_>) -> Evidence {
        match self {
            Self::Meta(seen, is_open) => evidence(
                seen,
                format!("metadata.indices.{}.state", case.facts.key.index),
                if is_open { "open" } else { "close" },
            ),
            Self::Settings(seen, mark) => evidence(
                seen,
                "settings.index.verified_before_close",
                if mark { "true" } else { "(not set)" },
            ),
            Self::Statistics(seen) => evidence(seen, "indices.*.shards", "answered"),
            Self::Count(seen, count) => evidence(seen, "count", count.to_string()),
            Self::Error(error) => of_error(error),
        }
    }
}

/// The later word; of those at the same moment the one that is asked later.
fn later<'a>(slot: &mut Option<Closing<'a>>, found: Closing<'a>) {
    if slot.is_none_or(|known| found.at() >= known.at()) {
        *slot = Some(found);
    }
}

/// A number for people.
pub(super) fn number<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "?".to_owned(), |value| value.to_string())
}

/// Elasticsearch's time values in milliseconds: `500ms`, `1m`, `12h`, `2d`, `0`. A fraction
/// (`1.5h`), which servers print and older ones take, is read too; `None` for anything else, a
/// negative value among it.
pub(super) fn millis_of(text: &str) -> Option<i64> {
    let text = text.trim();
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (amount, unit) = text.split_at(split);
    // Minutes are `m` only, so nothing but the other units may be written in capitals.
    let factor = match unit {
        "m" => 60_000,
        _ => match unit.to_ascii_lowercase().as_str() {
            "ms" => 1,
            "s" => 1_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "nanos" | "micros" => 0,
            "" if amount == "0" => 0,
            _ => return None,
        },
    };
    let Some((whole, fraction)) = amount.split_once('.') else {
        return amount.parse::<i64>().ok()?.checked_mul(factor);
    };
    let whole: i64 = whole.parse().ok()?;
    // Three digits are a thousandth of a day at least: nobody asks for more.
    let digits: String = fraction.chars().chain("000".chars()).take(3).collect();
    let thousandths: i64 = digits.parse().ok()?;
    whole
        .checked_mul(factor)?
        .checked_add(thousandths.checked_mul(factor)? / 1_000)
}
