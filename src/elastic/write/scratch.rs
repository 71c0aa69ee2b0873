//! The changes that a drill makes. Each takes a [`ScratchName`], so that none can be sent about
//! an index that a drill did not name; whose UUID it is, the caller has looked at just before.
//!
//! What loses the history, and how long it takes, is that of the recordings 02 and 50 of real
//! clusters of both versions: a lease period of a second, no retained operations, and rounds of
//! writing, flushing and merging until the lease is gone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::domain::drill::ScratchName;
use crate::domain::facts::{EsVersion, Parameters};
use crate::domain::ids::RemoteAlias;
use crate::domain::plan::ExtendRunway;
use crate::elastic::client::Client;
use crate::elastic::transport::{Credential, Method};
use crate::elastic::write::{Change, Follow, Order, Pin, order, path};

/// Operations that a leader keeps beside what leases hold (`IndexSettings`).
const RETAINED: &str = "index.soft_deletes.retention.operations";

impl Client {
    /// `PUT /<i>`: one shard without a replica, and the mark in its mapping. An index of that name
    /// that is there already is refused by Elasticsearch (400).
    pub async fn create_scratch(&self, pin: &Pin, index: &ScratchName, mark: &str) -> Change {
        let body = json!({
            "settings": {"number_of_shards": 1, "number_of_replicas": 0},
            "mappings": {"properties": {mark: {"type": "boolean"}, "n": {"type": "long"}, "round": {"type": "long"}}},
        });
        let path = path(index.index(), "");
        self.change(pin, order(Method::Put, path, Some(body), Credential::Act))
            .await
    }

    /// `POST /<i>/_bulk?refresh=true`: documents `0` to `count - 1`, of this round.
    pub async fn index_scratch(&self, pin: &Pin, index: &ScratchName, count: u32, round: u32) -> Change {
        let lines = (0..count)
            .flat_map(|n| {
                [
                    json!({"index": {"_id": n.to_string()}}),
                    json!({"n": n, "round": round}),
                ]
            })
            .collect();
        let order = Order {
            promises: "errors",
            lines,
            ..order(
                Method::Post,
                path(index.index(), "/_bulk?refresh=true&filter_path=errors,took"),
                None,
                Credential::Act,
            )
        };
        self.change(pin, order).await
    }

    /// `POST /<i>/_flush?force=true&wait_if_ongoing=true`.
    pub async fn flush_scratch(&self, pin: &Pin, index: &ScratchName) -> Change {
        self.of_shards(pin, index, "/_flush?force=true&wait_if_ongoing=true")
            .await
    }

    /// `POST /<i>/_forcemerge?max_num_segments=1&flush=true`.
    pub async fn merge_scratch(&self, pin: &Pin, index: &ScratchName) -> Change {
        self.of_shards(pin, index, "/_forcemerge?max_num_segments=1&flush=true")
            .await
    }

    async fn of_shards(&self, pin: &Pin, index: &ScratchName, rest: &str) -> Change {
        let order = Order {
            promises: "_shards",
            ..order(Method::Post, path(index.index(), rest), None, Credential::Act)
        };
        self.change(pin, order).await
    }

    /// `PUT /<i>/_settings`: history is kept as by default, or (`keep` false) for a second.
    pub async fn keep_history_scratch(&self, pin: &Pin, index: &ScratchName, keep: bool) -> Change {
        let (period, operations) = if keep {
            (Value::Null, Value::Null)
        } else {
            (json!("1s"), json!(0))
        };
        let settings = BTreeMap::from([
            (ExtendRunway::SETTING.to_owned(), period),
            (RETAINED.to_owned(), operations),
        ]);
        self.put_settings(pin, index.index(), &settings).await
    }

    /// `PUT /<f>/_ccr/follow`: a new follower. Refused by Elasticsearch where an open index of that
    /// name is there; that none is, closed or not, was looked at before.
    pub async fn follow_scratch(
        &self,
        pin: &Pin,
        follower: &ScratchName,
        remote: &RemoteAlias,
        leader: &ScratchName,
        version: EsVersion,
    ) -> Change {
        let follow = Follow {
            follower: follower.index().clone(),
            remote: remote.clone(),
            leader: leader.index().clone(),
            parameters: Parameters::new(),
            settings: None,
            data_stream_name: None,
        };
        self.follow(pin, &follow, version).await
    }

    /// `POST /<f>/_ccr/pause_follow`.
    pub async fn pause_scratch(&self, pin: &Pin, follower: &ScratchName) -> Change {
        self.pause_follow(pin, follower.index()).await
    }

    /// `POST /<f>/_ccr/resume_follow` with the default parameters, which it was made with.
    pub async fn resume_scratch(&self, pin: &Pin, follower: &ScratchName) -> Change {
        self.resume_follow(pin, follower.index(), &Parameters::new())
            .await
    }

    /// `DELETE /<i>`.
    pub async fn delete_scratch(&self, pin: &Pin, index: &ScratchName) -> Change {
        self.delete(pin, index.index()).await
    }
}
