//! The outbox: what every receiver still has to be told, as rows that outlive the process.
//!
//! Owns the reconciling of what stands now with what was told: new rows, changed content, the end
//! of what was told, the bound on rows. Pure: no I/O and no clock. Whoever drives it (`engine`)
//! writes [`Outbox::changes`] before it sends and after it has sent.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::notice::Notice;
use crate::domain::notice::outbox::{Delivery, Row, RowChange, RowKey, Weight};
use crate::domain::time::{Timestamp, after};
use crate::notify::Settings;

/// Rows that one receiver may have; beyond them the least severe and youngest are left out and counted.
pub const MOST: usize = 1_000;

/// What stands at one moment.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Everything worth telling.
    pub notices: Vec<Notice>,
    /// Fingerprints of rows about which nothing can be said now, because what they rest on could
    /// not be looked at: they are not over for being absent.
    pub unclear: BTreeSet<String>,
    /// How what does not stand any more ended, for people, by fingerprint.
    pub endings: BTreeMap<String, String>,
}

/// All rows, and what of them is not written yet.
#[derive(Debug, Default)]
pub struct Outbox {
    rows: BTreeMap<RowKey, Row>,
    sending: BTreeSet<RowKey>,
    unsaved: BTreeSet<RowKey>,
    left_out: BTreeSet<RowKey>,
}

impl Outbox {
    /// The rows that a former process left.
    pub fn new(rows: Vec<Row>) -> Self {
        Self {
            rows: rows.into_iter().map(|row| (row.key(), row)).collect(),
            ..Self::default()
        }
    }

    /// All rows, by receiver.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.values()
    }

    /// Rows of receivers that are not configured any more are dropped; returns how many of each.
    pub fn forget_receivers(&mut self, settings: &Settings) -> BTreeMap<String, usize> {
        let mut gone: BTreeMap<String, usize> = BTreeMap::new();
        let known: BTreeSet<&str> = settings
            .receivers
            .iter()
            .map(|receiver| receiver.name.as_str())
            .collect();
        let unknown: Vec<RowKey> = self
            .rows
            .keys()
            .filter(|(receiver, _)| !known.contains(receiver.as_str()))
            .cloned()
            .collect();
        for key in unknown {
            *gone.entry(key.0.clone()).or_default() += 1;
            self.drop_row(&key);
        }
        self.left_out
            .retain(|(receiver, _)| known.contains(receiver.as_str()));
        gone
    }

    /// The receivers were configured anew: what they did not take is tried at once.
    pub fn begin_anew(&mut self, now: Timestamp) {
        for (key, row) in &mut self.rows {
            if row.failures > 0 {
                row.begin_anew(now);
                self.unsaved.insert(key.clone());
            }
        }
    }

    /// Brings the rows to what stands now. Returns how many notices were left out for want of room
    /// since the last time.
    pub fn reconcile(&mut self, standing: &Standing, settings: &Settings, now: Timestamp) -> u64 {
        let mut wanted: BTreeMap<RowKey, &Notice> = BTreeMap::new();
        for notice in &standing.notices {
            // What began in the future began before the clock was set back.
            let young =
                notice.topic.settles() && notice.since <= now && now < after(notice.since, settings.wait);
            for receiver in settings.receivers_of(notice) {
                let key = (receiver.to_owned(), notice.fingerprint());
                // What was told once is not young any more, though it may have begun anew.
                if !young || self.rows.contains_key(&key) {
                    wanted.insert(key, notice);
                }
            }
        }
        self.end(&wanted, standing, settings, now);
        let mut new = Vec::new();
        for (key, notice) in wanted {
            match self.rows.get_mut(&key) {
                Some(row) => {
                    let mut notice = notice.clone();
                    // It may stand with a later beginning after a restart, or after a moment of health.
                    notice.since = notice.since.min(row.notice.since);
                    if row.notice != notice || row.gone_since.is_some() {
                        row.notice = notice;
                        row.gone_since = None;
                        self.unsaved.insert(key);
                    }
                }
                None => new.push((key, notice)),
            }
        }
        self.begin(new, now)
    }

    /// Rows whose notice does not stand any more: over, once that has lasted and can be told.
    fn end(
        &mut self,
        wanted: &BTreeMap<RowKey, &Notice>,
        standing: &Standing,
        settings: &Settings,
        now: Timestamp,
    ) {
        let mut silent = Vec::new();
        for (key, row) in &mut self.rows {
            if wanted.contains_key(key) || row.notice.over_at.is_some() || self.sending.contains(key) {
                continue;
            }
            if standing.unclear.contains(&key.1) {
                if row.gone_since.take().is_some() {
                    self.unsaved.insert(key.clone());
                }
                continue;
            }
            if row.tries == 0 && row.told == 0 {
                silent.push(key.clone());
                continue;
            }
            let since = match row.gone_since {
                // A clock that was set back must not make it last for ever.
                Some(since) if since <= now => since,
                _ => {
                    row.gone_since = Some(now);
                    self.unsaved.insert(key.clone());
                    now
                }
            };
            if !row.notice.topic.settles() || now >= after(since, settings.wait) {
                row.notice = row.notice.clone().over(since);
                if let Some(ending) = standing.endings.get(&key.1) {
                    row.notice.text.clone_from(ending);
                }
                self.unsaved.insert(key.clone());
            }
        }
        // Nobody was told that it began, so nobody need be told that it ended.
        for key in silent {
            self.drop_row(&key);
        }
    }

    fn begin(&mut self, mut new: Vec<(RowKey, &Notice)>, now: Timestamp) -> u64 {
        new.sort_by(|(_, a), (_, b)| (b.severity, a.since).cmp(&(a.severity, b.since)));
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (receiver, _) in self.rows.keys() {
            *counts.entry(receiver.clone()).or_default() += 1;
        }
        let before = std::mem::take(&mut self.left_out);
        let mut newly = 0;
        for (key, notice) in new {
            let count = counts.entry(key.0.clone()).or_default();
            if *count >= MOST {
                newly += u64::from(!before.contains(&key));
                self.left_out.insert(key);
                continue;
            }
            *count += 1;
            self.unsaved.insert(key.clone());
            let row = Row::new(&key.0, notice.clone(), now);
            self.rows.insert(key, row);
        }
        newly
    }

    /// At most `most` rows of a receiver to be told now, the most severe first. They count as being
    /// sent, and as perhaps arrived, until [`Outbox::delivered`].
    pub fn take_due(&mut self, receiver: &str, most: usize, now: Timestamp) -> Vec<Row> {
        let mut due: Vec<(RowKey, _)> = self
            .rows
            .iter()
            .filter(|(key, row)| key.0 == receiver && row.due(now) && !self.sending.contains(*key))
            .map(|(key, row)| {
                let order = (!row.owes(), std::cmp::Reverse(row.notice.severity), row.next_at);
                (key.clone(), order)
            })
            .collect();
        due.sort_by_key(|(_, order)| *order);
        due.truncate(most);
        let mut taken = Vec::with_capacity(due.len());
        for (key, _) in due {
            if let Some(row) = self.rows.get_mut(&key) {
                if row.tries == 0 {
                    self.unsaved.insert(key.clone());
                }
                row.tries = row.tries.saturating_add(1);
                taken.push(row.clone());
                self.sending.insert(key);
            }
        }
        taken
    }

    /// What was taken is not sent after all.
    pub fn put_back(&mut self, rows: &[Row]) {
        for key in rows.iter().map(Row::key) {
            if self.sending.remove(&key)
                && let Some(row) = self.rows.get_mut(&key)
            {
                row.tries = row.tries.saturating_sub(1);
            }
        }
    }

    /// Takes in how the delivery of a row ended, as it was when it was taken.
    pub fn delivered(&mut self, sent: &Row, how: &Delivery, settings: &Settings, now: Timestamp, chance: u8) {
        let key = sent.key();
        self.sending.remove(&key);
        let Some(row) = self.rows.get_mut(&key) else {
            return;
        };
        let over = sent.notice.over_at.is_some();
        // An end that nobody takes is not worth asking for ever: what stands is what counts.
        let ended = over && row.notice.over_at.is_some() && !matches!(how, Delivery::Failed { .. });
        if ended {
            self.drop_row(&key);
            return;
        }
        let repeat = settings.repeat_of(&key.0);
        row.delivered(Weight::of(&sent.notice), how, repeat, now, chance);
        self.unsaved.insert(key);
    }

    /// What is to be written now.
    pub fn changes(&self) -> Vec<RowChange> {
        self.unsaved
            .iter()
            .map(|key| match self.rows.get(key) {
                Some(row) => RowChange::Put(Box::new(row.clone())),
                None => RowChange::Drop(key.clone()),
            })
            .collect()
    }

    /// All of [`Outbox::changes`] is written.
    pub fn saved(&mut self) {
        self.unsaved.clear();
    }

    fn drop_row(&mut self, key: &RowKey) {
        self.rows.remove(key);
        self.unsaved.insert(key.clone());
    }
}

#[cfg(test)]
mod tests;
