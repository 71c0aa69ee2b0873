//! Every call that changes a cluster. There is no other way to change one.
//!
//! Each call takes concrete index names and the UUID of the cluster it is meant for. `GET /` is
//! asked on the URL that the change will go to; only where it shows that UUID the change is
//! sent: once, to that URL, on a fresh connection, never again whatever comes of it (safety 4
//! and 6). No result here says that nothing happened but [`Sent::NotSent`]: a refusal can come
//! after the destruction (`measured.md`), so after every other answer, look.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::domain::facts::{EsVersion, Exception, Parameters};
use crate::domain::ids::{ClusterName, ClusterUuid, IndexName, IndexUuid, RemoteAlias};
use crate::domain::installation::MARKER;
use crate::domain::load::Purpose;
use crate::domain::time::Timestamp;
use crate::elastic::client::{Client, json_bytes, recognise};
use crate::elastic::error::{exception, is_elastic_error, shown};
use crate::elastic::read::{Target, encode};
use crate::elastic::transport::{Credential, Method, Request, Response};

mod scratch;

/// For which cluster a change is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// `cluster_uuid` that `GET /` must show where the change will go.
    pub cluster_uuid: ClusterUuid,
}

/// What came of one change.
#[derive(Debug, Clone, PartialEq)]
pub enum Sent {
    /// Elasticsearch accepted it. `acknowledged` can still be false: read the body, and look.
    Accepted {
        /// HTTP status, 2xx.
        status: u16,
        /// The whole body.
        body: Value,
    },
    /// Elasticsearch refused it, which does not prove that nothing happened.
    Refused {
        /// HTTP status.
        status: u16,
        /// The refusal with its chain.
        exception: Exception,
        /// The whole body.
        body: Value,
    },
    /// It was sent, and nobody knows what came of it: look.
    Unknown {
        /// Why, without secrets.
        why: String,
    },
    /// It certainly never reached the cluster.
    NotSent {
        /// Why, without secrets.
        why: String,
    },
}

/// One change as the audit log keeps it. Bodies hold no secrets.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which cluster.
    pub cluster: ClusterName,
    /// The URL it went to (or would have gone to); empty where none answered.
    pub url: String,
    /// HTTP method.
    pub method: &'static str,
    /// Path and query as sent.
    pub path: String,
    /// JSON body as sent.
    pub body: Option<Value>,
    /// Which credential it was sent with.
    pub credential: Credential,
    /// When it began, before the cluster's UUID was asked.
    pub started: Timestamp,
    /// When its end was known.
    pub ended: Timestamp,
}

/// A change: what was done and what came of it.
#[derive(Debug, Clone, PartialEq)]
#[must_use = "after every change, look"]
pub struct Change {
    /// For the audit log.
    pub record: Record,
    /// What came of it.
    pub sent: Sent,
}

/// A `PUT follow`.
#[derive(Debug, Clone, PartialEq)]
pub struct Follow {
    /// The index to (re)create on the follower cluster.
    pub follower: IndexName,
    /// The alias of the leader cluster.
    pub remote: RemoteAlias,
    /// The leader index.
    pub leader: IndexName,
    /// The ten parameters, as `_ccr/info` printed them.
    pub parameters: Parameters,
    /// Own settings; left out before 7.9, which refuses them (put them back afterwards).
    pub settings: Option<Map<String, Value>>,
    /// Data stream to follow into; left out before 8.4, which refuses it.
    pub data_stream_name: Option<String>,
}

/// Names one follower's leases to its leader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForgetFollower {
    /// `cluster_name` of the follower cluster (as its `GET /` shows it).
    pub follower_cluster: String,
    /// The follower index.
    pub follower: IndexName,
    /// Its UUID when it took the lease.
    pub follower_uuid: IndexUuid,
    /// The alias by which the follower cluster knows the leader cluster.
    pub remote: RemoteAlias,
}

/// A change about to be sent.
struct Order {
    target: Target,
    credential: Credential,
    long: bool,
    /// The body of an acceptance has one of these keys; any other body is not Elasticsearch's.
    promises: &'static str,
    /// In place of a body: one JSON value a line, as `_bulk` takes them.
    lines: Vec<Value>,
}

impl Order {
    fn bytes(&self) -> Option<Bytes> {
        if self.lines.is_empty() {
            return self.target.body.as_ref().map(json_bytes);
        }
        let mut text = String::new();
        for line in &self.lines {
            text.push_str(&line.to_string());
            text.push('\n');
        }
        Some(text.into())
    }
}

fn order(method: Method, path: String, body: Option<Value>, credential: Credential) -> Order {
    Order {
        target: Target { method, path, body },
        credential,
        long: false,
        promises: "acknowledged",
        lines: Vec::new(),
    }
}

impl Client {
    /// `POST /<f>/_ccr/pause_follow`.
    pub async fn pause_follow(&self, pin: &Pin, follower: &IndexName) -> Change {
        let path = path(follower, "/_ccr/pause_follow");
        self.change(pin, order(Method::Post, path, None, Credential::Act))
            .await
    }

    /// `POST /<f>/_ccr/resume_follow`. Without parameters Elasticsearch takes its defaults
    /// (scenario 01): give the old ones.
    pub async fn resume_follow(&self, pin: &Pin, follower: &IndexName, parameters: &Parameters) -> Change {
        let path = path(follower, "/_ccr/resume_follow");
        let body = (!parameters.is_empty()).then(|| json!(parameters));
        self.change(pin, order(Method::Post, path, body, Credential::Follow))
            .await
    }

    /// `POST /<f>/_ccr/unfollow`, of a closed and paused follower: it is an ordinary index then, and
    /// its leases are removed by the follower cluster itself (measured 32).
    pub async fn unfollow(&self, pin: &Pin, follower: &IndexName) -> Change {
        let path = path(follower, "/_ccr/unfollow");
        self.change(pin, order(Method::Post, path, None, Credential::Act))
            .await
    }

    /// `POST /<i>/_close?wait_for_active_shards=0`: closed is seen by looking.
    pub async fn close(&self, pin: &Pin, index: &IndexName) -> Change {
        let path = path(index, "/_close?wait_for_active_shards=0");
        self.change(pin, order(Method::Post, path, None, Credential::Act))
            .await
    }

    /// `POST /<i>/_open`.
    pub async fn open(&self, pin: &Pin, index: &IndexName) -> Change {
        let path = path(index, "/_open");
        self.change(pin, order(Method::Post, path, None, Credential::Act))
            .await
    }

    /// `PUT /<f>/_ccr/follow?wait_for_active_shards=1`: over a closed index it destroys what is
    /// there. Stays open for the whole copy; the deadline's passing is [`Sent::Unknown`].
    pub async fn follow(&self, pin: &Pin, follow: &Follow, version: EsVersion) -> Change {
        let path = path(&follow.follower, "/_ccr/follow?wait_for_active_shards=1");
        let body = follow.body(version);
        let order = Order {
            long: true,
            promises: "follow_index_created",
            ..order(Method::Put, path, Some(body), Credential::Follow)
        };
        self.change(pin, order).await
    }

    /// `POST /<l>/_ccr/forget_follower`, on the **leader** cluster, pinned to its UUID. A lease
    /// that is gone already is 200 with `_shards.failed` (`measured.md`).
    pub async fn forget_follower(&self, pin: &Pin, leader: &IndexName, forget: &ForgetFollower) -> Change {
        let path = path(leader, "/_ccr/forget_follower");
        let body = json!({
            "follower_cluster": forget.follower_cluster,
            "follower_index": forget.follower.as_str(),
            "follower_index_uuid": forget.follower_uuid.as_str(),
            "leader_remote_cluster": forget.remote.as_str(),
        });
        let order = Order {
            promises: "_shards",
            ..order(Method::Post, path, Some(body), Credential::Act)
        };
        self.change(pin, order).await
    }

    /// `PUT /<i>/_settings` with flat keys; `null` sets one back to its default.
    pub async fn put_settings(
        &self,
        pin: &Pin,
        index: &IndexName,
        settings: &BTreeMap<String, Value>,
    ) -> Change {
        let path = path(index, "/_settings");
        self.change(
            pin,
            order(Method::Put, path, Some(json!(settings)), Credential::Act),
        )
        .await
    }

    /// `PUT /_cluster/settings`: names the installation that acts on this cluster
    /// ([`MARKER`]; needs cluster `manage`); `None` takes the marker away. The only cluster setting that is ever written.
    pub async fn mark_installation(&self, pin: &Pin, value: Option<&str>) -> Change {
        let body = json!({"persistent": {MARKER: value}});
        let path = "/_cluster/settings".to_owned();
        self.change(pin, order(Method::Put, path, Some(body), Credential::Act))
            .await
    }

    /// `DELETE /<i>`: the whole index. Only `delete_and_follow` uses it.
    pub async fn delete(&self, pin: &Pin, index: &IndexName) -> Change {
        let path = path(index, "");
        self.change(pin, order(Method::Delete, path, None, Credential::Act))
            .await
    }

    async fn change(&self, pin: &Pin, order: Order) -> Change {
        let started = self.clock.now();
        let (url, sent) = self.pinned(pin, &order).await;
        Change {
            record: Record {
                cluster: self.name().clone(),
                url,
                method: order.target.method.as_str(),
                path: order.target.path,
                body: order.target.body,
                credential: order.credential,
                started,
                ended: self.clock.now(),
            },
            sent,
        }
    }

    /// Asks the URLs in turn who they are (that is only a look); sends to the one that answered.
    async fn pinned(&self, pin: &Pin, order: &Order) -> (String, Sent) {
        let not_sent = |url: &str, why: String| (url.to_owned(), Sent::NotSent { why });
        // A change that waited long would act on old facts: the guards looked just before.
        let patience = self.settings.look_deadline;
        let Ok(Ok(_permit)) = tokio::time::timeout(patience, self.changes.acquire()).await else {
            return not_sent("", "too many changes are in flight on this cluster".to_owned());
        };
        let who = Target {
            method: Method::Get,
            path: "/".to_owned(),
            body: None,
        };
        let asked = match self.ask(&who, Credential::Read, Purpose::Repair).await {
            Ok(asked) => asked,
            Err(none) => return not_sent("", format!("the cluster could not be identified: {none}")),
        };
        let Some(transport) = self.endpoints.get(asked.endpoint) else {
            return not_sent("", "no URL".to_owned());
        };
        let url = transport.name().to_owned();
        match recognise(&url, &asked.response).map(|root| root.cluster_uuid) {
            Ok(Some(uuid)) if uuid == pin.cluster_uuid => {}
            Ok(Some(uuid)) => {
                let why = format!(
                    "{url} is another cluster: its cluster_uuid is {uuid}, the change is meant for {}",
                    pin.cluster_uuid
                );
                return not_sent(&url, why);
            }
            Ok(None) => return not_sent(&url, format!("{url} shows no cluster_uuid")),
            Err(unusable) => return not_sent(&url, unusable.to_string()),
        }
        let deadline = if order.long {
            self.settings.long_deadline
        } else {
            self.settings.change_deadline
        };
        let request = Request {
            method: order.target.method,
            target: order.target.path.clone(),
            body: order.bytes(),
            credential: order.credential,
            deadline,
            changes: true,
            max_answer_bytes: self.settings.max_answer_bytes,
        };
        if let Some(Err(why)) = self.permit.as_ref().map(|permit| permit.may_change()) {
            return not_sent(&url, why);
        }
        let sent = match self.counted(transport.as_ref(), request, Purpose::Change).await {
            Ok(response) => {
                self.heard(&response);
                understand(&response, order.promises)
            }
            Err(error) if error.may_have_acted() => Sent::Unknown {
                why: error.to_string(),
            },
            Err(error) => Sent::NotSent {
                why: error.to_string(),
            },
        };
        (url, sent)
    }
}

fn path(index: &IndexName, rest: &str) -> String {
    format!("/{}{rest}", encode(index.as_str()))
}

impl Follow {
    /// The body as this version takes it: 7.7 refuses `settings`
    /// (`x_content_parse_exception`, `measured.md`), and before 8.4 `data_stream_name`.
    fn body(&self, version: EsVersion) -> Value {
        let mut body: Map<String, Value> = self
            .parameters
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        body.insert("remote_cluster".to_owned(), json!(self.remote.as_str()));
        body.insert("leader_index".to_owned(), json!(self.leader.as_str()));
        let since = |major, minor| (version.major, version.minor) >= (major, minor);
        if let Some(settings) = self
            .settings
            .as_ref()
            .filter(|own| !own.is_empty() && since(7, 9))
        {
            body.insert("settings".to_owned(), Value::Object(settings.clone()));
        }
        if let Some(name) = self.data_stream_name.as_ref().filter(|_| since(8, 4)) {
            body.insert("data_stream_name".to_owned(), json!(name));
        }
        Value::Object(body)
    }
}

/// What an answer to a change means. When in doubt: unknown.
fn understand(response: &Response, promises: &str) -> Sent {
    let status = response.status;
    let unknown = |what: &str| Sent::Unknown {
        why: format!("{status} {what}: {}", shown(&response.body)),
    };
    let Ok(body) = serde_json::from_slice::<Value>(&response.body) else {
        return unknown("with a body that is not JSON");
    };
    match status {
        200..=299 if body.get(promises).is_some() => Sent::Accepted { status, body },
        200..=299 => unknown("with a body that is not what the call promises"),
        // Also where Elasticsearch wrote it: a master that stepped down may have acted.
        502..=504 => unknown("on the way or in the cluster"),
        400..=599 if is_elastic_error(response) => match exception(&response.body) {
            Some(exception) => Sent::Refused {
                status,
                exception,
                body,
            },
            None => unknown("without an exception"),
        },
        _ => unknown("that Elasticsearch did not write"),
    }
}
