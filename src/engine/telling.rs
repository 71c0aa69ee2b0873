//! Telling people: what the book says is worth it goes into the outbox, and from there to each
//! receiver by a task of its own.
//!
//! One task owns the rows, so that nothing of them needs a lock: it takes what stands from the book
//! every two seconds, writes what changed, hands each idle receiver what is due, and takes in how
//! deliveries ended. It never waits for a receiver, and nobody waits for it: a receiver that hangs
//! holds up its own messages only. A row is written before it is sent and after it was sent; a
//! process that dies between sends it again under the same key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::domain::notice::Notice;
use crate::domain::notice::outbox::{Delivery, Row};
use crate::domain::time::Timestamp;
use crate::engine::Engine;
use crate::metrics::Told as Outcome;
use crate::notify::Settings;
use crate::notify::outbox::{Outbox, Standing};
use crate::notify::receiver::{Message, Receiver};
use crate::store::StoreError;

/// Between two looks at the book.
const BEAT: Duration = Duration::from_secs(2);
/// Characters of an undo file that a message carries.
const UNDO_SHOWN: usize = 8_000;
/// Ends of deliveries that wait to be taken in: each receiver has one under way.
const ENDS: usize = 64;

/// What is told, for whoever asks: the rows as they were at the last beat.
#[derive(Debug, Default)]
pub(crate) struct Told(Mutex<Vec<Row>>);

/// One batch for one receiver.
struct Job {
    receiver: Arc<Receiver>,
    rows: Vec<Row>,
    public_url: Option<String>,
}

/// How it ended.
struct Ended {
    receiver: String,
    rows: Vec<Row>,
    how: Delivery,
}

/// What somebody who tried a receiver is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// The receiver's name.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// Where it is.
    pub place: String,
    /// Why it was not told; `None`: it was.
    pub problem: Option<String>,
}

/// The task's own: rows, and one delivering task per receiver.
struct Desk {
    outbox: Outbox,
    settings: Arc<Settings>,
    jobs: BTreeMap<String, mpsc::Sender<Job>>,
    busy: BTreeMap<String, usize>,
    ends: mpsc::Sender<Ended>,
    /// The state could not be written the last time.
    told_unwritten: bool,
}

impl Engine {
    /// The task.
    pub(crate) async fn tell(self: Arc<Self>, cancel: CancellationToken) {
        let rows = loop {
            match self.store.outbox().await {
                Ok(rows) => break rows,
                Err(error) => {
                    tracing::error!("what was told cannot be read, nobody is told anything: {error}");
                }
            }
            tokio::select! {
                () = cancel.cancelled() => return,
                () = tokio::time::sleep(BEAT * 5) => {}
            }
        };
        let (ends, mut ended) = mpsc::channel(ENDS);
        let mut desk = Desk {
            outbox: Outbox::new(rows),
            settings: Arc::default(),
            jobs: BTreeMap::new(),
            busy: BTreeMap::new(),
            ends,
            told_unwritten: false,
        };
        loop {
            self.beat(&mut desk).await;
            let pause = tokio::time::sleep(BEAT);
            tokio::pin!(pause);
            // Ends are taken in as they come; what they make room for is handed out at once.
            loop {
                tokio::select! {
                    () = cancel.cancelled() => return,
                    () = &mut pause => break,
                    Some(end) = ended.recv() => {
                        self.take_in(&mut desk, end).await;
                        self.write_and_hand_out(&mut desk).await;
                    }
                }
            }
        }
    }

    /// What stands now becomes rows, and rows become messages.
    async fn beat(self: &Arc<Self>, desk: &mut Desk) {
        let settings = Arc::clone(&self.lock().settings.notify);
        if !Arc::ptr_eq(&settings, &desk.settings) {
            self.configure(desk, settings);
        }
        if !desk.settings.receivers.is_empty() || desk.outbox.rows().next().is_some() {
            let now = self.now();
            let standing = self.standing(&desk.outbox, now).await;
            let settings = Arc::clone(&desk.settings);
            let left_out = desk.outbox.reconcile(&standing, &settings, now);
            if left_out > 0 {
                self.metrics.notifications.left_out(left_out);
                tracing::error!("{left_out} messages are not kept: their receivers have too many already");
            }
        }
        self.write_and_hand_out(desk).await;
        self.show(desk);
    }

    /// What stands, with the commands to undo where we hold a follower: whoever reads it on a telephone
    /// cannot open a file on this host (safety 8).
    async fn standing(&self, outbox: &Outbox, now: Timestamp) -> Standing {
        let (mut standing, files) = {
            let book = self.lock();
            let told = outbox.rows().map(|row| &row.notice);
            (book.standing(told, now), book.undo_files())
        };
        for notice in &mut standing.notices {
            let Some(file) = files.get(&notice.subject) else {
                continue;
            };
            match tokio::fs::read_to_string(file).await {
                Ok(text) => {
                    let shown: String = text.chars().take(UNDO_SHOWN).collect();
                    notice.text = format!("{}\n\n{shown}", notice.text);
                }
                Err(error) => tracing::warn!("{}: {error}", file.display()),
            }
        }
        standing
    }

    /// Other receivers: those that are gone lose their rows, those that are there try again at once.
    fn configure(self: &Arc<Self>, desk: &mut Desk, settings: Arc<Settings>) {
        let now = self.now();
        for (receiver, rows) in desk.outbox.forget_receivers(&settings) {
            tracing::warn!(
                "receiver `{receiver}` is not configured any more: {rows} messages for it are dropped"
            );
        }
        desk.outbox.begin_anew(now);
        self.metrics
            .notifications
            .know(settings.receivers.iter().map(|receiver| receiver.name.as_str()));
        desk.jobs.retain(|name, _| settings.receiver(name).is_some());
        for receiver in &settings.receivers {
            if desk.jobs.contains_key(&receiver.name) {
                continue;
            }
            let (send, jobs) = mpsc::channel(1);
            desk.jobs.insert(receiver.name.clone(), send);
            let (engine, ends) = (Arc::clone(self), desk.ends.clone());
            self.tasks
                .spawn(format!("tell {}", receiver.name), move |cancel| {
                    deliver(engine, jobs, ends, cancel)
                });
        }
        desk.settings = settings;
    }

    /// Writes what changed, then hands out what is due. A host whose state is another's now tells
    /// nobody; a state that cannot be written is no reason to be silent about it, and about the rest.
    async fn write_and_hand_out(&self, desk: &mut Desk) {
        if self.store.standing().is_err() {
            return;
        }
        let now = self.now();
        let mut jobs = Vec::new();
        for receiver in &desk.settings.receivers {
            if desk.busy.contains_key(&receiver.name) {
                continue;
            }
            let rows = desk.outbox.take_due(&receiver.name, receiver.most(), now);
            if !rows.is_empty() {
                desk.busy.insert(receiver.name.clone(), rows.len());
                jobs.push(Job {
                    receiver: Arc::clone(receiver),
                    rows,
                    public_url: desk.settings.public_url.clone(),
                });
            }
        }
        let changes = desk.outbox.changes();
        if !changes.is_empty() {
            match self.store.change_outbox(&changes).await {
                Ok(()) => {
                    desk.outbox.saved();
                    desk.told_unwritten = false;
                }
                Err(StoreError::NotOurs { why }) => {
                    tracing::warn!("nobody is told anything by this host: {why}");
                    for job in jobs {
                        desk.busy.remove(&job.receiver.name);
                        desk.outbox.put_back(&job.rows);
                    }
                    return;
                }
                Err(error) => {
                    if !std::mem::replace(&mut desk.told_unwritten, true) {
                        tracing::error!(
                            "what is told could not be written, a restart tells it again: {error}"
                        );
                    }
                }
            }
        }
        for job in jobs {
            let name = job.receiver.name.clone();
            let sent = match desk.jobs.get(&name) {
                Some(sender) => sender
                    .try_send(job)
                    .map_err(mpsc::error::TrySendError::into_inner),
                None => Err(job),
            };
            if let Err(job) = sent {
                desk.busy.remove(&name);
                desk.outbox.put_back(&job.rows);
            }
        }
    }

    async fn take_in(&self, desk: &mut Desk, end: Ended) {
        desk.busy.remove(&end.receiver);
        let now = self.now();
        let settings = Arc::clone(&desk.settings);
        let outcome = match &end.how {
            Delivery::Told => Outcome::Delivered,
            Delivery::Failed { .. } => Outcome::Failed,
            Delivery::Refused { .. } => Outcome::Refused,
        };
        let known = settings.receiver(&end.receiver).is_some();
        for row in &end.rows {
            let chance = fastrand::u8(..);
            desk.outbox.delivered(row, &end.how, &settings, now, chance);
            if known {
                self.metrics.notifications.ended(&end.receiver, outcome, now);
            }
            self.say(row, &end).await;
        }
    }

    /// The log, and for what a receiver does not take the audit log: nobody will be told of it there.
    async fn say(&self, row: &Row, end: &Ended) {
        let (receiver, title) = (&end.receiver, &row.notice.title);
        match &end.how {
            // The hundredth time that Alertmanager hears of it is not worth a line.
            Delivery::Told if row.owes() => tracing::info!("told `{receiver}`: {title}"),
            Delivery::Told => {}
            Delivery::Failed { why, .. } if row.failures == 0 => {
                tracing::warn!("receiver `{receiver}` was not told, and is tried again: {why} ({title})");
            }
            Delivery::Failed { why, .. } => {
                tracing::debug!("receiver `{receiver}` was not told, and is tried again: {why} ({title})");
            }
            Delivery::Refused { why } => {
                tracing::error!("receiver `{receiver}` does not take this message: {why} ({title})");
                let detail = serde_json::json!({ "receiver": receiver, "title": title, "reason": why });
                let subject = row.notice.subject.clone();
                self.audit("refollow", "notification_refused", subject, detail)
                    .await;
            }
        }
    }

    /// What waits, as a metric and for whoever asks.
    fn show(&self, desk: &Desk) {
        for receiver in &desk.settings.receivers {
            let waiting = desk
                .outbox
                .rows()
                .filter(|row| row.receiver == receiver.name && row.owes())
                .count();
            self.metrics.notifications.wait(&receiver.name, waiting);
        }
        let rows = desk.outbox.rows().cloned().collect();
        *self.told.0.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    /// The rows as they were a moment ago.
    pub fn outbox_rows(&self) -> Vec<Row> {
        self.told.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells one receiver, or each, that this is a test, past the outbox. `None`: there is no such one.
    pub async fn try_receivers(&self, only: Option<&str>, by: &str) -> Option<Vec<Tried>> {
        let settings = Arc::clone(&self.lock().settings.notify);
        let now = self.now();
        let mut notice = Notice::of_test(by, now);
        let chosen: Vec<&Arc<Receiver>> = settings
            .receivers
            .iter()
            .filter(|receiver| only.is_none_or(|name| receiver.name == name))
            .collect();
        if only.is_some() && chosen.is_empty() {
            return None;
        }
        // Over soon by itself where a receiver keeps what it is told: nobody should have to close it.
        let over = notice.clone().over(now);
        if let Some(url) = &settings.public_url {
            notice.text = format!("{} The pages are at {url}.", notice.text);
        }
        let tries = chosen.into_iter().map(|receiver| {
            let (notice, over, url) = (&notice, &over, settings.public_url.as_deref());
            async move {
                let how = receiver.tell(&[Message { notice, told: 0 }], now, url).await;
                if how == Delivery::Told && receiver.keeps() {
                    receiver
                        .tell(
                            &[Message {
                                notice: over,
                                told: 1,
                            }],
                            now,
                            url,
                        )
                        .await;
                }
                Tried {
                    name: receiver.name.clone(),
                    kind: receiver.kind.as_str(),
                    place: receiver.kind.place(),
                    problem: match how {
                        Delivery::Told => None,
                        Delivery::Failed { why, .. } | Delivery::Refused { why } => Some(why),
                    },
                }
            }
        });
        Some(join_all(tries).await)
    }

    /// The last word before the process ends, where it leaves followers paused or closed (safety 8):
    /// whoever is due is told within the limit; the outbox keeps the rest for the next start.
    pub async fn tell_before_the_end(&self, limit: Duration) {
        if tokio::time::timeout(limit, self.last_words()).await.is_err() {
            tracing::warn!("not every receiver was told in time what is left; the next start tells them");
        }
    }

    async fn last_words(&self) {
        let settings = Arc::clone(&self.lock().settings.notify);
        if settings.receivers.is_empty() || self.store.standing().is_err() {
            return;
        }
        let mut outbox = match self.store.outbox().await {
            Ok(rows) => Outbox::new(rows),
            Err(error) => return tracing::error!("what was told cannot be read: {error}"),
        };
        let now = self.now();
        let standing = self.standing(&outbox, now).await;
        outbox.reconcile(&standing, &settings, now);
        let jobs: Vec<(&Arc<Receiver>, Vec<Row>)> = settings
            .receivers
            .iter()
            .map(|receiver| (receiver, outbox.take_due(&receiver.name, LAST_WORDS, now)))
            .collect();
        self.write(&mut outbox).await;
        let url = settings.public_url.as_deref();
        let told = jobs.iter().flat_map(|(receiver, rows)| {
            rows.iter().map(move |row| async move {
                let message = Message {
                    notice: &row.notice,
                    told: row.told,
                };
                (row, receiver.tell(&[message], now, url).await)
            })
        });
        for (row, how) in join_all(told).await {
            outbox.delivered(row, &how, &settings, now, 0);
        }
        self.write(&mut outbox).await;
    }

    async fn write(&self, outbox: &mut Outbox) {
        match self.store.change_outbox(&outbox.changes()).await {
            Ok(()) => outbox.saved(),
            Err(error) => tracing::error!("what is told could not be written: {error}"),
        }
    }
}

/// Messages per receiver in the last moment.
const LAST_WORDS: usize = 8;

/// Delivers what it is handed, one request at a time, until its receiver is not configured any more.
async fn deliver(
    engine: Arc<Engine>,
    mut jobs: mpsc::Receiver<Job>,
    ends: mpsc::Sender<Ended>,
    cancel: CancellationToken,
) {
    loop {
        let job = tokio::select! {
            () = cancel.cancelled() => return,
            job = jobs.recv() => job,
        };
        let Some(job) = job else { return };
        let messages: Vec<Message<'_>> = job
            .rows
            .iter()
            .map(|row| Message {
                notice: &row.notice,
                told: row.told,
            })
            .collect();
        let now = engine.now();
        let how = tokio::select! {
            () = cancel.cancelled() => return,
            how = job.receiver.tell(&messages, now, job.public_url.as_deref()) => how,
        };
        let end = Ended {
            receiver: job.receiver.name.clone(),
            rows: job.rows,
            how,
        };
        if ends.send(end).await.is_err() {
            return;
        }
    }
}
