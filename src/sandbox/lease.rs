//! Retention leases of one shard: who holds back which history, since when.

use serde_json::{Value, json};

/// One lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// `peer_recovery/<node>` or the name a follower gives it.
    pub id: String,
    /// Operations from here on are kept.
    pub retaining: i64,
    /// When it was added or renewed, milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
    /// `ccr` or `peer recovery`.
    pub source: &'static str,
}

/// The leases of one shard.
#[derive(Debug, Clone, Default)]
pub struct Leases {
    /// In the order they were added.
    pub list: Vec<Lease>,
    /// Counts changes, as the stats show it.
    pub version: u64,
    /// Term under which they were last changed.
    pub term: u64,
    /// What a restart of the shard finds on disk.
    pub persisted: bool,
}

/// Source of the leases that followers take.
pub const CCR: &str = "ccr";

impl Leases {
    /// The leases of a fresh primary: its own peer-recovery lease, nothing else.
    pub fn fresh(node: &str, now_ms: i64, term: u64) -> Self {
        Self {
            list: vec![Lease {
                id: format!("peer_recovery/{node}"),
                retaining: 0,
                timestamp_ms: now_ms,
                source: "peer recovery",
            }],
            version: 1,
            term,
            persisted: false,
        }
    }

    /// The lease of that id.
    pub fn get(&self, id: &str) -> Option<&Lease> {
        self.list.iter().find(|lease| lease.id == id)
    }

    /// The lowest sequence number any lease asks for.
    pub fn lowest(&self) -> Option<i64> {
        self.list.iter().map(|lease| lease.retaining).min()
    }

    /// Adds a CCR lease; the caller knows that it is not there.
    pub fn add(&mut self, id: &str, retaining: i64, now_ms: i64, term: u64) {
        self.list.push(Lease {
            id: id.to_owned(),
            retaining,
            timestamp_ms: now_ms,
            source: CCR,
        });
        self.changed(term);
    }

    /// Renews a lease. `false`: it retains more than that already (the leader refuses to lower
    /// a lease), nothing changed.
    pub fn renew(&mut self, id: &str, retaining: i64, now_ms: i64, term: u64) -> bool {
        let Some(lease) = self.list.iter_mut().find(|lease| lease.id == id) else {
            return false;
        };
        if lease.retaining > retaining {
            return false;
        }
        lease.retaining = retaining;
        lease.timestamp_ms = now_ms;
        self.changed(term);
        true
    }

    /// Removes a lease; `false` where there was none.
    pub fn remove(&mut self, id: &str, term: u64) -> bool {
        let before = self.list.len();
        self.list.retain(|lease| lease.id != id);
        let removed = self.list.len() != before;
        if removed {
            self.changed(term);
        }
        removed
    }

    /// The periodic sync of a primary (every 30 s): CCR leases older than the period go, the
    /// peer-recovery lease moves to the global checkpoint.
    pub fn tick(&mut self, checkpoint: i64, period_ms: i64, now_ms: i64, term: u64) {
        let before = self.list.len();
        self.list
            .retain(|lease| lease.source != CCR || now_ms - lease.timestamp_ms <= period_ms);
        let mut changed = self.list.len() != before;
        for lease in &mut self.list {
            if lease.source != CCR && lease.retaining <= checkpoint {
                lease.retaining = checkpoint + 1;
                lease.timestamp_ms = now_ms;
                changed = true;
            }
        }
        if changed {
            self.changed(term);
        }
        self.persisted = true;
    }

    fn changed(&mut self, term: u64) {
        self.version += 1;
        self.term = term;
        self.persisted = true;
    }

    /// As `_stats?level=shards` prints them.
    pub fn to_json(&self) -> Value {
        let leases: Vec<Value> = self
            .list
            .iter()
            .map(|lease| {
                json!({"id": lease.id, "retaining_seq_no": lease.retaining,
                    "timestamp": lease.timestamp_ms, "source": lease.source})
            })
            .collect();
        json!({"primary_term": self.term, "version": self.version, "leases": leases})
    }

    /// As exceptions print them.
    pub fn to_text(&self) -> String {
        let leases: Vec<String> = self
            .list
            .iter()
            .map(|lease| {
                format!(
                    "RetentionLease{{id='{}', retainingSequenceNumber={}, timestamp={}, source='{}'}}",
                    lease.id, lease.retaining, lease.timestamp_ms, lease.source
                )
            })
            .collect();
        format!("[{}]", leases.join(", "))
    }
}
