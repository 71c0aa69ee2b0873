//! Metrics of notifications: what receivers took, what waits for them.

use std::fmt;

use prometheus::core::Collector;
use prometheus::{GaugeVec, IntCounter, IntCounterVec, Opts, Registry};
use serde::{Deserialize, Serialize};

use crate::domain::state::named_enum;
use crate::domain::time::Timestamp;
use crate::metrics::followers::seconds;

named_enum! {
    /// How the delivery of a message to a receiver ended (label `outcome` of
    /// `refollow_notifications_total`).
    Told {
        /// The receiver took it.
        Delivered = "delivered",
        /// No usable answer; it is tried again.
        Failed = "failed",
        /// The receiver does not take this message.
        Refused = "refused",
    }
}

/// All of them; label `receiver` is a name of the configuration.
#[derive(Debug)]
pub struct Notifications {
    total: IntCounterVec,
    waiting: GaugeVec,
    told_at: GaugeVec,
    dropped: IntCounter,
}

impl Notifications {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| GaugeVec::new(Opts::new(name, help), &["receiver"]);
        let this = Self {
            total: IntCounterVec::new(
                Opts::new(
                    "refollow_notifications_total",
                    "Deliveries of messages to a receiver, by outcome; a message that failed is tried again.",
                ),
                &["receiver", "outcome"],
            )?,
            waiting: gauge(
                "refollow_notifications_waiting",
                "Messages that a receiver should have been told and was not yet.",
            )?,
            told_at: gauge(
                "refollow_notification_last_success_timestamp_seconds",
                "When a receiver last took a message; absent until it has.",
            )?,
            dropped: IntCounter::new(
                "refollow_notifications_dropped_total",
                "Messages that were not kept for a receiver because it has too many already.",
            )?,
        };
        let collectors: [Box<dyn Collector>; 4] = [
            Box::new(this.total.clone()),
            Box::new(this.waiting.clone()),
            Box::new(this.told_at.clone()),
            Box::new(this.dropped.clone()),
        ];
        for collector in collectors {
            registry.register(collector)?;
        }
        Ok(this)
    }

    /// Exports 0 for every outcome of these receivers; what others had is dropped.
    pub fn know<'a>(&self, receivers: impl IntoIterator<Item = &'a str>) {
        let kept: Vec<_> = receivers
            .into_iter()
            .map(|receiver| {
                let counts = Told::ALL.iter().map(|outcome| {
                    let labels = [receiver, outcome.as_str()];
                    (outcome, self.total.with_label_values(&labels).get())
                });
                let told = self.told_at.with_label_values(&[receiver]).get();
                (receiver, counts.collect::<Vec<_>>(), told)
            })
            .collect();
        self.total.reset();
        self.waiting.reset();
        self.told_at.reset();
        for (receiver, counts, told) in kept {
            for (outcome, count) in counts {
                let labels = [receiver, outcome.as_str()];
                self.total.with_label_values(&labels).inc_by(count);
            }
            self.waiting.with_label_values(&[receiver]).set(0.0);
            if told > 0.0 {
                self.told_at.with_label_values(&[receiver]).set(told);
            }
        }
    }

    /// A delivery to a receiver ended.
    pub fn ended(&self, receiver: &str, outcome: Told, at: Timestamp) {
        self.total.with_label_values(&[receiver, outcome.as_str()]).inc();
        if outcome == Told::Delivered {
            self.told_at.with_label_values(&[receiver]).set(seconds(at));
        }
    }

    /// What a receiver should know and does not.
    pub fn wait(&self, receiver: &str, count: usize) {
        self.waiting
            .with_label_values(&[receiver])
            .set(f64::from(u32::try_from(count).unwrap_or(u32::MAX)));
    }

    /// Messages were not kept for want of room.
    pub fn left_out(&self, count: u64) {
        self.dropped.inc_by(count);
    }
}
