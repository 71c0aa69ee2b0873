//! The past as it stands in a state: gone through in the order of time, simulated, told line by line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::domain::ids::FollowerKey;
use crate::domain::time::Span;
use crate::domain::time::Timestamp;
use crate::evidence::scrub;
use crate::history::columns::{self, Sample};
use crate::history::{Block, Consent, Damaged, Past, Record, Report, Simulator, block};
use crate::policy::Glob;
use crate::policy::Settings;
use crate::store::{HistoryKind, HistoryOf, HistoryWanted, Store, StoreError, open_read_only};

/// Blocks read at once.
const PAGE: u32 = 200;

/// Of whom, and when.
type Owned = (Option<FollowerKey>, Record);

/// Where a line stands, read without the rest of it.
#[derive(Debug, Deserialize)]
struct Place {
    at: Timestamp,
    pass: u64,
}

/// [`Record`] as far as its order goes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Placed {
    Pass(Place),
    Input(Place),
    Began(Place),
}

/// Records in the order of time, pass by pass, from blocks in the order of their beginnings: a pass
/// is complete once a block begins after it.
#[derive(Debug, Default)]
pub struct Merge {
    lines: BTreeMap<(Timestamp, u64, u8, u64), (Option<FollowerKey>, Vec<u8>)>,
    count: u64,
    /// Blocks and lines that could not be read.
    pub unreadable: u64,
}

impl Merge {
    /// Takes in a line of a follower, or of all of them.
    pub fn line(&mut self, follower: Option<&FollowerKey>, line: Vec<u8>) {
        let (place, rank) = match serde_json::from_slice(&line) {
            Ok(Placed::Pass(place)) => (place, 0),
            Ok(Placed::Input(place)) => (place, 1),
            Ok(Placed::Began(place)) => (place, 2),
            Err(_) => {
                self.unreadable += 1;
                return;
            }
        };
        self.count += 1;
        self.lines.insert(
            (place.at, place.pass, rank, self.count),
            (follower.cloned(), line),
        );
    }

    /// Takes in a block; what began before it is handed out, pass by pass.
    pub fn block(&mut self, next: &Block, each: &mut impl FnMut(&[Owned])) {
        self.emit(Some(next.from), each);
        match block::read(&next.bytes) {
            Ok(lines) => {
                for line in lines {
                    self.line(next.follower.as_ref(), line);
                }
            }
            Err(Damaged { problem }) => {
                self.unreadable += 1;
                tracing::debug!("a block of the history is damaged: {problem}");
            }
        }
    }

    /// Hands out what came before this time; everything where there is none.
    pub fn emit(&mut self, before: Option<Timestamp>, each: &mut impl FnMut(&[Owned])) {
        let mut batch: Vec<Owned> = Vec::new();
        let mut of: Option<(Timestamp, u64)> = None;
        while let Some(first) = self.lines.first_entry() {
            let &(at, pass, _, _) = first.key();
            if before.is_some_and(|before| at >= before) {
                break;
            }
            if of.is_some_and(|of| of != (at, pass)) {
                each(&batch);
                batch.clear();
            }
            of = Some((at, pass));
            let (follower, line) = first.remove();
            match Record::parse(&line) {
                Ok(record) => batch.push((follower, record)),
                Err(_) => self.unreadable += 1,
            }
        }
        if !batch.is_empty() {
            each(&batch);
        }
    }
}

/// Goes through all that was recorded in that time in a state, beside a daemon or without, pass by
/// pass; how much could not be read.
///
/// # Errors
/// When the state cannot be opened or read.
pub async fn passes(
    url: &str,
    since: Timestamp,
    until: Timestamp,
    each: impl FnMut(&[Owned]),
) -> Result<u64, StoreError> {
    passes_of(open_read_only(url).await?.as_ref(), since, until, each).await
}

/// The same of a store that is open.
///
/// # Errors
/// When it cannot be read.
pub async fn passes_of(
    store: &dyn Store,
    since: Timestamp,
    until: Timestamp,
    mut each: impl FnMut(&[Owned]),
) -> Result<u64, StoreError> {
    let mut wanted = HistoryWanted {
        of: HistoryOf::All,
        kind: Some(HistoryKind::Inputs),
        since,
        until,
        after: None,
    };
    let mut merge = Merge::default();
    loop {
        let page = store.history(&wanted, PAGE).await?;
        let Some(last) = page.last() else { break };
        wanted.after = Some((last.from, last.follower.clone(), last.kind));
        for block in &page {
            merge.block(block, &mut each);
        }
    }
    merge.emit(None, &mut each);
    Ok(merge.unreadable)
}

/// Two sets of settings over the same past, fed pass by pass.
#[derive(Debug)]
pub struct Comparison<'a> {
    today: Simulator<'a>,
    new: Simulator<'a>,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
    passes: u64,
}

impl<'a> Comparison<'a> {
    /// Before the first pass.
    pub fn new(today: &'a Settings, new: &'a Settings, consent: Consent) -> Self {
        Self {
            today: Simulator::new(today, consent),
            new: Simulator::new(new, consent),
            from: None,
            until: None,
            passes: 0,
        }
    }

    /// Takes in a pass.
    pub fn feed(&mut self, batch: &[Owned]) {
        let Some((_, record)) = batch.first() else { return };
        let (at, _) = record.place();
        self.from = self.from.or(Some(at));
        self.until = Some(at);
        self.passes += 1;
        self.today.feed(batch);
        self.new.feed(batch);
    }

    /// What came of it.
    pub fn report(self, unreadable: u64) -> Report {
        let mut report = Report::of(&self.today.outcome(), &self.new.outcome());
        report.from = self.from;
        report.until = self.until;
        report.passes = self.passes;
        report.unreadable = unreadable;
        report
    }
}

/// One follower's past: what is stored, and what is still open in memory and stands in its place.
///
/// # Errors
/// When the state cannot be read.
pub async fn past_of(
    store: &dyn Store,
    open: Vec<Block>,
    follower: FollowerKey,
    (since, until): (Timestamp, Timestamp),
    points: usize,
    resolution: Span,
) -> Result<Past, StoreError> {
    let mut wanted = HistoryWanted {
        of: HistoryOf::Follower(follower.clone()),
        kind: None,
        since,
        until,
        after: None,
    };
    let mut blocks: BTreeMap<(Timestamp, HistoryKind), Block> = BTreeMap::new();
    loop {
        let page = store.history(&wanted, PAGE).await?;
        let Some(last) = page.last() else { break };
        wanted.after = Some((last.from, last.follower.clone(), last.kind));
        blocks.extend(page.into_iter().map(|block| ((block.from, block.kind), block)));
    }
    blocks.extend(open.into_iter().map(|block| ((block.from, block.kind), block)));
    let (mut samples, mut records, mut unreadable): (Vec<Sample>, Vec<Record>, u64) =
        (Vec::new(), Vec::new(), 0);
    for block in blocks.into_values() {
        match block.kind {
            HistoryKind::Samples => match columns::decode(&block.bytes) {
                Ok(some) => samples.extend(some),
                Err(_) => unreadable += 1,
            },
            HistoryKind::Inputs => match block::read(&block.bytes) {
                Ok(lines) => {
                    for line in lines {
                        match Record::parse(&line) {
                            Ok(record) => records.push(record),
                            Err(_) => unreadable += 1,
                        }
                    }
                }
                Err(_) => unreadable += 1,
            },
        }
    }
    samples.sort_by_key(|sample| sample.at);
    let mut past = Past::of(follower, (since, until), &samples, &records, points, resolution);
    past.unreadable = unreadable;
    Ok(past)
}

/// Which part of a state is exported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// From then …
    pub since: Timestamp,
    /// … to then.
    pub until: Timestamp,
    /// Only such indices.
    pub follower: Option<String>,
    /// Only on such clusters.
    pub cluster: Option<String>,
}

impl Wanted {
    fn takes(&self, follower: Option<&FollowerKey>) -> bool {
        let fits = |glob: &Option<String>, name: &str| {
            glob.as_ref().is_none_or(|glob| Glob::new(glob).matches(name))
        };
        follower.is_none_or(|key| {
            fits(&self.follower, key.index.as_str()) && fits(&self.cluster, key.cluster.as_str())
        })
    }
}

/// A line of an export.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportLine {
    /// What a decision rested on, or what began.
    Record {
        /// Of whom; `null`: of all of them.
        follower: Option<FollowerKey>,
        /// It, as [`Record`] has it.
        record: Box<RawValue>,
    },
    /// One follower in numbers.
    Sample {
        /// Of whom.
        follower: FollowerKey,
        /// It.
        sample: Sample,
    },
}

/// Tells each line of a state, block by block in the order of their beginnings, until `each` says
/// that it has enough; how much could not be read.
///
/// # Errors
/// When the state cannot be opened or read.
pub async fn export(
    url: &str,
    wanted: &Wanted,
    mut each: impl FnMut(ExportLine) -> bool,
) -> Result<u64, StoreError> {
    let store = open_read_only(url).await?;
    let mut question = HistoryWanted {
        of: HistoryOf::All,
        kind: None,
        since: wanted.since,
        until: wanted.until,
        after: None,
    };
    let mut unreadable = 0;
    loop {
        let page = store.history(&question, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(unreadable);
        };
        question.after = Some((last.from, last.follower.clone(), last.kind));
        for block in page.iter().filter(|block| wanted.takes(block.follower.as_ref())) {
            match lines(block) {
                Ok(lines) => {
                    for line in lines {
                        if !each(line) {
                            return Ok(unreadable);
                        }
                    }
                }
                Err(_) => unreadable += 1,
            }
        }
    }
}

fn lines(block: &Block) -> Result<Vec<ExportLine>, Damaged> {
    let damaged = |problem: String| Damaged { problem };
    match (block.kind, &block.follower) {
        (HistoryKind::Samples, Some(follower)) => Ok(columns::decode(&block.bytes)?
            .into_iter()
            .map(|sample| ExportLine::Sample {
                follower: follower.clone(),
                sample,
            })
            .collect()),
        (HistoryKind::Samples, None) => Err(damaged("samples of nobody".to_owned())),
        (HistoryKind::Inputs, follower) => block::read(&block.bytes)?
            .into_iter()
            .map(|line| {
                let mut told: serde_json::Value =
                    serde_json::from_slice(&line).map_err(|error| damaged(error.to_string()))?;
                // It leaves the host, as an evidence file does.
                scrub(&mut told);
                let text = told.to_string();
                let record = RawValue::from_string(text).map_err(|error| damaged(error.to_string()))?;
                Ok(ExportLine::Record {
                    follower: follower.clone(),
                    record,
                })
            })
            .collect(),
    }
}
