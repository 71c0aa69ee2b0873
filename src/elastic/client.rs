//! One cluster with its URLs: looks go to whichever answers, identification says in one line
//! what is wrong.
//!
//! Owns fail-over between URLs (for looks only), the limit of requests in flight, and
//! [`Client::identify`]. How many requests a second there may be is `elastic::load`'s business. Calls that change a cluster are in `elastic::write`; what answers mean
//! is in `elastic::wire`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::clock::SharedClock;
use crate::domain::answer::{Answer, Call, Outcome};
use crate::domain::facts::{EsVersion, Root};
use crate::domain::ids::{ClusterName, ClusterUuid};
use crate::domain::load::Purpose;
use crate::elastic::error::{exception, is_elastic_error, shown};
use crate::elastic::load::{Load, SharedLoad};
use crate::elastic::read::{Look, Target};
use crate::elastic::transport::{
    Credential, Method, Request, Response, SharedTransport, Transport, TransportError,
};

/// Oldest version whose CCR refollow knows (`measured.md`, issue 3).
pub const OLDEST: EsVersion = EsVersion {
    major: 7,
    minor: 7,
    patch: 0,
};
/// Newest major version that refollow knows.
pub const NEWEST_MAJOR: u32 = 9;

/// Limits of one cluster's client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// Looks in flight at one time (at least 1). Of several the last is kept for repairs: the looks that
    /// come by themselves must not hold up the looks of a run.
    pub looks_in_flight: usize,
    /// Requests a second that looks coming by themselves stay below; those of repairs count, and never
    /// wait. `None`: no ceiling.
    pub requests_per_second: Option<u32>,
    /// Changing requests in flight at one time (at least 1): their own limit, so that a follow
    /// that stays open for its whole restore does not blind the looks.
    pub changes_in_flight: usize,
    /// From sending a look to one URL to the last byte of its answer.
    pub look_deadline: Duration,
    /// The same for a change. Closing a red index takes 30 s on 8.x (`measured.md`).
    pub change_deadline: Duration,
    /// The same for `PUT follow`, which stays open as long as the copy takes. Not long enough
    /// for every restore, and need not be: the cluster carries on without us (scenario 20).
    pub long_deadline: Duration,
    /// Longest answer (bytes, after decompression) that is read.
    pub max_answer_bytes: u64,
}

impl Default for ClientSettings {
    fn default() -> Self {
        Self {
            looks_in_flight: 8,
            requests_per_second: None,
            changes_in_flight: 4,
            look_deadline: Duration::from_secs(15),
            change_deadline: Duration::from_secs(45),
            long_deadline: Duration::from_mins(1),
            max_answer_bytes: 256 << 20,
        }
    }
}

/// One cluster.
#[derive(Debug)]
pub struct Client {
    name: ClusterName,
    pub(super) endpoints: Vec<SharedTransport>,
    /// Index of the URL that answered last.
    answered: AtomicUsize,
    looks: Semaphore,
    /// Of `looks`, those that come by themselves.
    routine: Semaphore,
    load: SharedLoad,
    pub(super) changes: Semaphore,
    pub(super) settings: ClientSettings,
    pub(super) clock: SharedClock,
    /// Whose rights a follow task that refollow resumes or makes will keep, for people.
    follow_as: Option<String>,
    pub(super) permit: Option<Arc<dyn Permit>>,
}

/// Whether this process may change clusters at this very moment: another host may have taken over.
pub trait Permit: std::fmt::Debug + Send + Sync {
    /// Asked with nothing between the answer and the request. Returns at once.
    ///
    /// # Errors
    /// Why not, as a sentence: the request is not sent.
    fn may_change(&self) -> Result<(), String>;
}

impl Client {
    /// Whose rights a follow task that refollow resumes or makes will keep, for people.
    pub fn follow_as(&self) -> Option<&str> {
        self.follow_as.as_deref()
    }

    /// Says whose they will be.
    #[must_use]
    pub fn following_as(mut self, who: String) -> Self {
        self.follow_as = Some(who);
        self
    }

    /// Goes on with the counts and the bounds of the client before it.
    #[must_use]
    pub fn loading(mut self, load: SharedLoad) -> Self {
        self.load = load;
        self
    }

    /// What the cluster is asked, counted and bounded.
    pub fn load(&self) -> &SharedLoad {
        &self.load
    }

    /// Changes are sent only while it says yes.
    #[must_use]
    pub fn permitted_by(mut self, permit: Arc<dyn Permit>) -> Self {
        self.permit = Some(permit);
        self
    }
}

/// A cluster's client that many hold.
pub type SharedClient = Arc<Client>;

/// Why a cluster cannot be worked with: one line with the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// No URL answered.
    #[error("{tried}; check that the cluster runs and that `urls` is right")]
    Unreachable {
        /// Each URL with what happened.
        tried: String,
    },
    /// The certificate of every URL was refused, or ours was.
    #[error(
        "{tried}; set `tls.ca_file` to the authority that signed the cluster's HTTP certificate, use the name it was issued for in `urls`, or give the client certificate it asks for"
    )]
    Certificate {
        /// Each URL with what the TLS library said.
        tried: String,
    },
    /// HTTP 401.
    #[error("{url} does not accept the credentials (401{reason}); check `auth`")]
    Unauthenticated {
        /// The URL.
        url: String,
        /// What the answer said, led by `: `, or nothing.
        reason: String,
    },
    /// HTTP 403.
    #[error("{url} denies `GET /` (403{reason}); give the user of `auth` the cluster privilege `monitor`")]
    Forbidden {
        /// The URL.
        url: String,
        /// What the answer said, led by `: `, or nothing.
        reason: String,
    },
    /// Something else lives there.
    #[error("{url} is not Elasticsearch: {shown}; correct `urls`")]
    NotElasticsearch {
        /// The URL.
        url: String,
        /// What it said instead.
        shown: String,
    },
    /// Elasticsearch, of a version that refollow does not know.
    #[error("{url} runs Elasticsearch {version}; refollow knows 7.7 to 9.x")]
    Version {
        /// The URL.
        url: String,
        /// Its version.
        version: EsVersion,
    },
    /// Elasticsearch that answers `GET /` with an error.
    #[error("{url} answered {status}: {shown}; look at the cluster's own log")]
    Unwell {
        /// The URL.
        url: String,
        /// HTTP status.
        status: u16,
        /// The beginning of the answer.
        shown: String,
    },
}

/// What [`Client::identify`] found.
#[derive(Debug, Clone)]
pub struct Identified {
    /// The answer, for evidence.
    pub answer: Answer,
    /// Who the cluster is, or why it cannot be worked with.
    pub root: Result<Root, Unusable>,
}

/// One look's answer and which URL gave it.
pub(super) struct Asked {
    pub(super) endpoint: usize,
    pub(super) response: Response,
}

/// Each URL that was tried, with its failure.
pub(super) struct NoAnswer(Vec<(String, TransportError)>);

impl std::fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no URL to ask");
        }
        for (place, (url, error)) in self.0.iter().enumerate() {
            let comma = if place == 0 { "" } else { "; " };
            write!(f, "{comma}{url}: {error}")?;
        }
        Ok(())
    }
}

impl Client {
    /// A client of the cluster behind these URLs, tried in this order.
    pub fn new(
        name: ClusterName,
        endpoints: Vec<SharedTransport>,
        settings: ClientSettings,
        clock: SharedClock,
    ) -> Self {
        let load = Load::default();
        load.limit(settings.requests_per_second);
        Self {
            name,
            endpoints,
            answered: AtomicUsize::new(0),
            looks: Semaphore::new(settings.looks_in_flight.max(1)),
            routine: Semaphore::new(settings.looks_in_flight.saturating_sub(1).max(1)),
            load: Arc::new(load),
            changes: Semaphore::new(settings.changes_in_flight.max(1)),
            settings,
            clock,
            follow_as: None,
            permit: None,
        }
    }

    /// The cluster's name in the configuration.
    pub fn name(&self) -> &ClusterName {
        &self.name
    }

    /// The limits it was made with.
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// Looks, for a repair or a person: one answer per request of the look, in order. A failure is an
    /// answer that says so. Several requests of one look go one after another.
    pub async fn look(&self, look: &Look) -> Vec<Answer> {
        self.look_for(look, Purpose::Repair).await
    }

    /// The same for any purpose; where it comes by itself, it waits for its turn under the ceiling.
    pub async fn look_for(&self, look: &Look, purpose: Purpose) -> Vec<Answer> {
        let mut answers = Vec::new();
        for target in look.targets() {
            answers.push(self.look_at(target, look.credential(), purpose).await);
        }
        answers
    }

    async fn look_at(&self, target: Target, credential: Credential, purpose: Purpose) -> Answer {
        let call = call(&target);
        let outcome = match self.ask(&target, credential, purpose).await {
            Ok(asked) => Outcome::Got {
                status: asked.response.status,
                body: asked.response.body,
            },
            Err(none) => Outcome::Failed(none.to_string().into()),
        };
        self.answer(call, outcome)
    }

    fn answer(&self, call: Call, outcome: Outcome) -> Answer {
        Answer {
            at: self.clock.now(),
            cluster: self.name.clone(),
            call,
            outcome,
        }
    }

    /// `GET /`, understood. Decides whether this is an Elasticsearch that refollow knows.
    pub async fn identify(&self) -> Identified {
        let target = Target {
            method: Method::Get,
            path: "/".to_owned(),
            body: None,
        };
        let call = call(&target);
        match self.ask(&target, Credential::Read, Purpose::Repair).await {
            Err(none) => Identified {
                root: Err(no_answer(&none)),
                answer: self.answer(call, Outcome::Failed(none.to_string().into())),
            },
            Ok(Asked { endpoint, response }) => Identified {
                root: recognise(self.url(endpoint), &response),
                answer: self.answer(
                    call,
                    Outcome::Got {
                        status: response.status,
                        body: response.body,
                    },
                ),
            },
        }
    }

    /// The first of its URLs, without user info: for commands that people type.
    pub fn first_url(&self) -> &str {
        self.url(0)
    }

    /// The URL of an endpoint, for messages.
    pub(super) fn url(&self, endpoint: usize) -> &str {
        self.endpoints
            .get(endpoint)
            .map_or("(no URL)", |transport| transport.name())
    }

    /// Asks the URLs in turn, starting at the one that answered last, until one answers. A
    /// 502, 503 or 504 that Elasticsearch did not write is a proxy saying that this way is shut:
    /// the next URL is tried, and the proxy's answer is the answer only if none is better.
    pub(super) async fn ask(
        &self,
        target: &Target,
        credential: Credential,
        purpose: Purpose,
    ) -> Result<Asked, NoAnswer> {
        self.load.turn(purpose).await;
        let routine = async {
            if purpose.is_routine() {
                self.routine.acquire().await.ok()
            } else {
                None
            }
        };
        let _gives_way = routine.await;
        let Ok(_permit) = self.looks.acquire().await else {
            return Err(NoAnswer(Vec::new())); // Never closed.
        };
        let request = Request {
            method: target.method,
            target: target.path.clone(),
            body: target.body.as_ref().map(json_bytes),
            credential,
            deadline: self.settings.look_deadline,
            changes: false,
            max_answer_bytes: self.settings.max_answer_bytes,
        };
        let first = self.answered.load(Ordering::Relaxed);
        let count = self.endpoints.len();
        let mut failures = Vec::new();
        let mut shut = None;
        for endpoint in (0..count).map(|step| (first + step) % count) {
            let Some(transport) = self.endpoints.get(endpoint) else {
                continue;
            };
            let mut result = self.counted(transport.as_ref(), request.clone(), purpose).await;
            if matches!(result, Err(TransportError::Lost { .. })) {
                // A kept connection that the far end closed meanwhile fails like this, and says
                // nothing about the cluster. Looking twice changes nothing.
                result = self.counted(transport.as_ref(), request.clone(), purpose).await;
            }
            match result {
                Ok(response) if is_shut(&response) => shut = Some(Asked { endpoint, response }),
                Ok(response) => {
                    self.answered.store(endpoint, Ordering::Relaxed);
                    self.load.answered(purpose, &response, self.clock.now());
                    return Ok(Asked { endpoint, response });
                }
                Err(error) => {
                    // A longer answer is no fault of this URL: another would give the same.
                    let last = matches!(error, TransportError::TooLarge { .. });
                    failures.push((transport.name().to_owned(), error));
                    if last {
                        break;
                    }
                }
            }
        }
        if let Some(asked) = &shut {
            self.load.answered(purpose, &asked.response, self.clock.now());
        }
        shut.ok_or(NoAnswer(failures))
    }

    /// Sends, and counts what came of it. A look that took longer than half of its deadline tells
    /// that the cluster is slow; a change may take long by nature.
    pub(super) async fn counted(
        &self,
        transport: &dyn Transport,
        request: Request,
        purpose: Purpose,
    ) -> Result<Response, TransportError> {
        let (began, deadline) = (Instant::now(), request.deadline);
        let result = transport.send(request).await;
        let took = began.elapsed();
        self.load.count(purpose, took, &result);
        if purpose != Purpose::Change && took * 2 > deadline {
            self.load.slow(purpose, self.clock.now());
        }
        result
    }

    /// What a change's answer tells of the cluster's load.
    pub(super) fn heard(&self, response: &Response) {
        self.load.answered(Purpose::Change, response, self.clock.now());
    }
}

fn call(target: &Target) -> Call {
    Call {
        method: target.method.as_str().into(),
        path: target.path.as_str().into(),
    }
}

/// A JSON value on the wire.
pub(super) fn json_bytes(value: &Value) -> Bytes {
    Bytes::from(value.to_string())
}

fn is_shut(response: &Response) -> bool {
    matches!(response.status, 502..=504) && !is_elastic_error(response)
}

fn no_answer(none: &NoAnswer) -> Unusable {
    let tried = none.to_string();
    let certificates = !none.0.is_empty()
        && none
            .0
            .iter()
            .all(|(_, error)| matches!(error, TransportError::Tls { .. }));
    if certificates {
        Unusable::Certificate { tried }
    } else {
        Unusable::Unreachable { tried }
    }
}

/// Reads `GET /` strictly: nothing but an Elasticsearch of a known version passes.
pub(super) fn recognise(url: &str, response: &Response) -> Result<Root, Unusable> {
    let url = url.to_owned();
    let body: Value = serde_json::from_slice(&response.body).unwrap_or(Value::Null);
    let reason = || exception(&response.body).map_or(String::new(), |e| format!(": {}", e.reason));
    let not = |shown: String| {
        Err(Unusable::NotElasticsearch {
            url: url.clone(),
            shown,
        })
    };
    match response.status {
        200..=299 => {}
        401 => {
            return Err(Unusable::Unauthenticated {
                url,
                reason: reason(),
            });
        }
        403 => {
            return Err(Unusable::Forbidden {
                url,
                reason: reason(),
            });
        }
        300..=399 => {
            return not(format!(
                "it redirects ({}), and redirects are not followed",
                response.status
            ));
        }
        status if is_elastic_error(response) || status >= 500 => {
            return Err(Unusable::Unwell {
                url,
                status,
                shown: shown(&response.body),
            });
        }
        status => return not(format!("it answered {status}: {}", shown(&response.body))),
    }
    let text = |pointer: &str| body.pointer(pointer).and_then(Value::as_str);
    if let Some(distribution) = text("/version/distribution") {
        return not(format!("it calls itself `{}`", shown(distribution.as_bytes())));
    }
    let (Some(number), Some(cluster_name)) = (text("/version/number"), text("/cluster_name")) else {
        return not(format!(
            "no `version.number` in its answer: {}",
            shown(&response.body)
        ));
    };
    let Some(version) = EsVersion::parse(number) else {
        return not(format!("its version is `{}`", shown(number.as_bytes())));
    };
    if version < OLDEST || version.major > NEWEST_MAJOR {
        return Err(Unusable::Version { url, version });
    }
    Ok(Root {
        cluster_name: cluster_name.to_owned(),
        cluster_uuid: text("/cluster_uuid").and_then(|uuid| ClusterUuid::parse(uuid).ok()),
        version,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use futures::FutureExt as _;
    use futures::future::{BoxFuture, join, join_all};
    use serde_json::json;

    use super::*;
    use crate::clock::TokioClock;
    use crate::domain::ids::IndexName;
    use crate::elastic::transport::Transport;
    use crate::elastic::write::{Pin, Sent};

    /// Answers `GET /` at once and everything else after a second; counts what is under way.
    #[derive(Debug, Default)]
    struct Slow {
        looks: AtomicUsize,
        most_looks: AtomicUsize,
        changes: AtomicUsize,
        two_changes_at_once: AtomicBool,
    }

    impl Transport for Slow {
        fn name(&self) -> &'static str {
            "memory://slow"
        }

        fn send(&self, request: Request) -> BoxFuture<'_, Result<Response, TransportError>> {
            async move {
                let root = request.target == "/";
                if request.changes {
                    let before = self.changes.fetch_add(1, Ordering::SeqCst);
                    self.two_changes_at_once.fetch_or(before > 0, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(30)).await;
                    self.changes.fetch_sub(1, Ordering::SeqCst);
                } else if !root {
                    let now = self.looks.fetch_add(1, Ordering::SeqCst) + 1;
                    self.most_looks.fetch_max(now, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    self.looks.fetch_sub(1, Ordering::SeqCst);
                }
                let body = json!({
                    "acknowledged": true,
                    "cluster_name": "c",
                    "cluster_uuid": "u",
                    "version": {"number": "8.10.4"},
                });
                Ok(Response {
                    status: 200,
                    body: json_bytes(&body),
                    content_type: None,
                    product: None,
                    retry_after: None,
                })
            }
            .boxed()
        }
    }

    fn client(slow: &Arc<Slow>) -> Client {
        Client::new(
            ClusterName::parse("eu").unwrap(),
            vec![slow.clone()],
            ClientSettings {
                looks_in_flight: 3,
                changes_in_flight: 1,
                ..ClientSettings::default()
            },
            Arc::new(TokioClock::starting_at(jiff::Timestamp::UNIX_EPOCH)),
        )
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_looks_are_in_flight_than_allowed_and_none_is_lost() {
        let slow = Arc::new(Slow::default());
        let client = client(&slow);
        let answers = join_all((0..10).map(|_| client.look(&Look::FollowStats))).await;
        assert_eq!(answers.concat().len(), 10);
        assert_eq!(slow.most_looks.load(Ordering::SeqCst), 3);
        assert_eq!(client.clock.now().as_second(), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_place_is_kept_for_repairs_however_many_looks_wait() {
        let slow = Arc::new(Slow::default());
        let client = client(&slow);
        let routine = join_all((0..10).map(|_| client.look_for(&Look::FollowStats, Purpose::Followers)));
        let repair = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            client.look(&Look::FollowStats).await;
            client.clock.now().as_millisecond()
        };
        let (answers, repaired_at) = join(routine, repair).await;
        assert_eq!(answers.concat().len(), 10);
        assert_eq!(repaired_at, 1500, "it waited for nobody");
        // Two at a time, and the repair's own.
        assert_eq!(client.clock.now().as_second(), 5);
        assert_eq!(slow.most_looks.load(Ordering::SeqCst), 3);
        let counts = client.load().counts();
        assert_eq!(counts.requests, [10, 0, 1, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_that_would_wait_long_is_not_sent() {
        let slow = Arc::new(Slow::default());
        let client = client(&slow);
        let pin = Pin {
            cluster_uuid: ClusterUuid::parse("u").unwrap(),
        };
        let index = IndexName::parse("f").unwrap();
        let (first, second) = join(client.pause_follow(&pin, &index), client.close(&pin, &index)).await;
        assert!(matches!(first.sent, Sent::Accepted { .. }), "{first:?}");
        assert!(
            matches!(&second.sent, Sent::NotSent { why } if why.contains("in flight")),
            "{second:?}"
        );
        assert!(!slow.two_changes_at_once.load(Ordering::SeqCst));
        assert_eq!(
            (first.record.started.as_second(), first.record.ended.as_second()),
            (0, 30)
        );
    }
}
