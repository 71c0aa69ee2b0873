//! The real client over real sockets, against a server that misbehaves on command: what is
//! claimed in `elastic::net`, `elastic::client` and `elastic::write`.
//!
//! Deadlines here are real and short; nothing sleeps.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod server;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use refollow::clock::SystemClock;
use refollow::domain::answer::Outcome;
use refollow::domain::facts::{EsVersion, Parameters};
use refollow::domain::ids::{ClusterName, ClusterUuid, IndexName, IndexUuid, RemoteAlias};
use refollow::elastic::auth::{Auth, Credentials, Trust};
use refollow::elastic::client::{Client, ClientSettings, Permit, Unusable};
use refollow::elastic::net::{Endpoint, NetTransport, TransportSettings};
use refollow::elastic::read::Look;
use refollow::elastic::transport::{
    Credential, Method, Request, SharedTransport, Transport as _, TransportError,
};
use refollow::elastic::write::{Follow, ForgetFollower, Pin, Sent};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use serde_json::{Value, json};

use self::server::{Reply, Seen, Server, nobody};

const UUID: &str = "XIk09YfyToi9NDH3TJzxbQ";

fn root() -> Reply {
    root_of(UUID, "8.10.4")
}

fn root_of(uuid: &str, version: &str) -> Reply {
    Reply::Json(
        200,
        json!({"name": "n", "cluster_name": "c", "cluster_uuid": uuid, "version": {"number": version}})
            .to_string(),
    )
}

/// Answers `GET /` as Elasticsearch, everything else as given.
fn elastic(other: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::plain(move |seen| if seen.line == "GET /" { root() } else { other(seen) })
}

fn ok(_: &Seen) -> Reply {
    Reply::Json(200, r#"{"acknowledged":true}"#.to_owned())
}

fn transport(url: &str) -> SharedTransport {
    let settings = TransportSettings::new(Endpoint::parse(url).unwrap());
    Arc::new(NetTransport::new(&settings).unwrap())
}

fn client(urls: &[&str]) -> Client {
    client_with(urls, ClientSettings::default())
}

fn client_with(urls: &[&str], settings: ClientSettings) -> Client {
    let endpoints = urls.iter().map(|url| transport(url)).collect();
    Client::new(
        ClusterName::parse("eu").unwrap(),
        endpoints,
        settings,
        Arc::new(SystemClock),
    )
}

fn impatient() -> ClientSettings {
    ClientSettings {
        look_deadline: Duration::from_millis(300),
        change_deadline: Duration::from_millis(300),
        long_deadline: Duration::from_millis(300),
        ..ClientSettings::default()
    }
}

fn pin() -> Pin {
    Pin {
        cluster_uuid: ClusterUuid::parse(UUID).unwrap(),
    }
}

fn index(name: &str) -> IndexName {
    IndexName::parse(name).unwrap()
}

async fn look(client: &Client, look: &Look) -> Outcome {
    let mut answers = client.look(look).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0).outcome
}

#[track_caller]
fn status(outcome: &Outcome) -> u16 {
    match outcome {
        Outcome::Got { status, .. } => *status,
        Outcome::Failed(why) => panic!("failed: {why}"),
    }
}

#[track_caller]
fn failure(outcome: Outcome) -> String {
    match outcome {
        Outcome::Failed(why) => why.to_string(),
        Outcome::Got { status, .. } => panic!("answered {status}"),
    }
}

#[track_caller]
fn unknown(sent: &Sent) -> &str {
    match sent {
        Sent::Unknown { why } => why,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn not_sent(sent: &Sent) -> &str {
    match sent {
        Sent::NotSent { why } => why,
        other => panic!("{other:?}"),
    }
}

fn get(target: &str, max_answer_bytes: u64) -> Request {
    Request {
        method: Method::Get,
        target: target.to_owned(),
        body: None,
        credential: Credential::Read,
        deadline: Duration::from_secs(5),
        changes: false,
        max_answer_bytes,
    }
}

#[tokio::test]
async fn looks_share_one_connection_and_each_change_has_its_own() {
    let server = elastic(ok);
    let client = client(&[&server.url()]);
    for _ in 0..5 {
        assert_eq!(status(&look(&client, &Look::FollowStats).await), 200);
    }
    assert_eq!(server.connections(), 1);
    for _ in 0..3 {
        let change = client.pause_follow(&pin(), &index("f")).await;
        assert!(
            matches!(change.sent, Sent::Accepted { status: 200, .. }),
            "{change:?}"
        );
    }
    assert_eq!(server.connections(), 4);
    let mut of_changes: Vec<_> = server
        .requests()
        .into_iter()
        .filter(|seen| seen.line.starts_with("POST"))
        .map(|seen| seen.connection)
        .collect();
    of_changes.dedup();
    assert_eq!(of_changes, [2, 3, 4]);
}

#[tokio::test]
async fn a_change_whose_answer_is_lost_is_never_sent_again() {
    let server = elastic(|_| Reply::Close);
    let change = client(&[&server.url()]).close(&pin(), &index("f")).await;
    unknown(&change.sent);
    let changes: Vec<_> = server
        .lines()
        .into_iter()
        .filter(|line| line != "GET /")
        .collect();
    assert_eq!(changes, ["POST /f/_close?wait_for_active_shards=0"]);
}

#[tokio::test]
async fn a_deadline_means_unknown_and_never_failed() {
    let server = elastic(|_| Reply::Hang);
    let client = client_with(&[&server.url()], impatient());
    let change = client.follow(&pin(), &follow(), version("8.10.4")).await;
    assert_eq!(unknown(&change.sent), "no answer within 300ms");
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_change_goes_to_the_url_that_was_pinned_and_to_no_other() {
    let lost = elastic(|_| Reply::Close);
    let other = elastic(ok);
    let client = client(&[&nobody(), &lost.url(), &other.url()]);
    let change = client.open(&pin(), &index("f")).await;
    unknown(&change.sent);
    assert_eq!(change.record.url, lost.url());
    assert_eq!(lost.lines(), ["GET /", "POST /f/_open"]);
    assert!(other.lines().is_empty());
}

#[derive(Debug)]
struct Told(std::sync::atomic::AtomicBool);

impl Permit for Told {
    fn may_change(&self) -> Result<(), String> {
        if self.0.load(std::sync::atomic::Ordering::SeqCst) {
            Ok(())
        } else {
            Err("another host has taken over".to_owned())
        }
    }
}

#[tokio::test]
async fn a_change_is_sent_only_while_it_is_permitted() {
    // Taken over while the cluster is asked who it is: the last moment there is.
    let told = Arc::new(Told(true.into()));
    let heard = Arc::clone(&told);
    let server = Server::plain(move |seen| {
        if seen.line == "GET /" {
            heard.0.store(false, std::sync::atomic::Ordering::SeqCst);
            root()
        } else {
            ok(seen)
        }
    });
    let client = client(&[&server.url()]).permitted_by(Arc::clone(&told) as Arc<dyn Permit>);
    let change = client.delete(&pin(), &index("f")).await;
    assert!(not_sent(&change.sent).contains("another host"), "{change:?}");
    assert_eq!(server.lines(), ["GET /"]);
    // A look needs no permission.
    assert_eq!(status(&look(&client, &Look::Root).await), 200);
}

#[tokio::test]
async fn a_wrong_pin_sends_nothing() {
    let server = Server::plain(|_| root_of("another", "8.10.4"));
    let change = client(&[&server.url()]).delete(&pin(), &index("f")).await;
    assert!(not_sent(&change.sent).contains("another cluster"), "{change:?}");
    assert_eq!(server.lines(), ["GET /"]);
}

#[tokio::test]
async fn an_unreadable_pin_sends_nothing() {
    for reply in [
        (200, "{}"),
        (200, "<html>"),
        (401, r#"{"error":{"type":"security_exception","reason":"no"}}"#),
        (
            200,
            r#"{"cluster_name":"c","cluster_uuid":"_na_","version":{"number":"8.10.4"}}"#,
        ),
    ] {
        let server = Server::plain(move |_| Reply::Json(reply.0, reply.1.to_owned()));
        let change = client(&[&server.url()]).pause_follow(&pin(), &index("f")).await;
        not_sent(&change.sent);
        assert_eq!(server.lines(), ["GET /"]);
    }
    let change = client(&[&nobody()]).pause_follow(&pin(), &index("f")).await;
    assert!(not_sent(&change.sent).contains("connect"), "{change:?}");
}

#[tokio::test]
async fn looks_go_on_to_the_next_url_and_stay_there() {
    let shut = Server::plain(|_| Reply::Raw(b"HTTP/1.1 503 x\r\ncontent-length: 6\r\n\r\n<html>".to_vec()));
    let good = elastic(ok);
    let client = client(&[&nobody(), &shut.url(), &good.url()]);
    assert_eq!(status(&look(&client, &Look::FollowStats).await), 200);
    assert_eq!(status(&look(&client, &Look::RemoteInfo).await), 200);
    assert_eq!(shut.lines().len(), 1);
    assert_eq!(good.lines(), ["GET /_ccr/stats", "GET /_remote/info"]);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_in_between_fails_no_look() {
    let server = Server::plain(|_| {
        Reply::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 2\r\n\r\n{}".to_vec()) // Keep-alive, then closes.
    });
    let client = client(&[&server.url()]);
    for _ in 0..20 {
        assert_eq!(status(&look(&client, &Look::License).await), 200);
    }
}

#[tokio::test]
async fn a_hanging_url_costs_one_deadline_and_the_next_is_asked() {
    let hanging = Server::plain(|_| Reply::Hang);
    let good = elastic(ok);
    let client = client_with(&[&hanging.url(), &good.url()], impatient());
    assert_eq!(status(&look(&client, &Look::License).await), 200);
}

#[tokio::test]
async fn elasticsearchs_own_503_is_an_answer() {
    let body = r#"{"error":{"type":"master_not_discovered_exception","reason":null},"status":503}"#;
    let server = Server::plain(move |_| Reply::Json(503, body.to_owned()));
    let other = elastic(ok);
    let client = client(&[&server.url(), &other.url()]);
    assert_eq!(status(&look(&client, &Look::ClusterHealth).await), 503);
    assert!(other.lines().is_empty());
}

#[tokio::test]
async fn a_failed_look_is_an_answer_that_names_every_url() {
    let urls = [nobody(), nobody()];
    let why = failure(look(&client(&[&urls[0], &urls[1]]), &Look::Root).await);
    assert!(urls.iter().all(|url| why.contains(url.as_str())), "{why}");
}

#[tokio::test]
async fn an_answer_longer_than_allowed_is_refused_told_or_not() {
    let told = Server::plain(|_| Reply::Json(200, "x".repeat(2_000)));
    let untold = Server::plain(|_| {
        let mut bytes = b"HTTP/1.1 200 x\r\n\r\n".to_vec();
        bytes.resize(5_000, b'x');
        Reply::Raw(bytes)
    });
    for server in [told, untold] {
        let error = transport(&server.url()).send(get("/", 1_000)).await.unwrap_err();
        assert!(
            matches!(error, TransportError::TooLarge { limit: 1_000 }),
            "{error:?}"
        );
    }
    let fits = Server::plain(|_| Reply::Json(200, "x".repeat(1_000)));
    let response = transport(&fits.url()).send(get("/", 1_000)).await.unwrap();
    assert_eq!(response.body.len(), 1_000);
}

/// 20,000 times `x`, compressed.
const BOMB: &str = "H4sIAAAAAAACA+3BMQEAAADCoNqLbw0PoAAAAAAAAAAAAAAAAAAAAAAAAAB4MANHZUEgTgAA";

#[tokio::test]
async fn an_answer_is_bounded_as_it_unfolds() {
    let bomb = STANDARD.decode(BOMB).unwrap();
    let server = Server::plain(move |_| {
        let head = format!(
            "HTTP/1.1 200 x\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
            bomb.len()
        );
        Reply::Raw([head.as_bytes(), &bomb].concat())
    });
    // The server ends each connection: a kept one may be closing when the second look is sent.
    let error = transport(&server.url()).send(get("/", 10_000)).await.unwrap_err();
    assert!(
        matches!(error, TransportError::TooLarge { limit: 10_000 }),
        "{error:?}"
    );
    let response = transport(&server.url()).send(get("/", 20_000)).await.unwrap();
    assert!(response.body.len() == 20_000 && response.body.iter().all(|byte| *byte == b'x'));
    assert_eq!(server.requests()[0].header("accept-encoding"), Some("gzip"));
}

#[tokio::test]
async fn an_answer_that_ends_early_is_lost() {
    let server = Server::plain(|_| {
        Reply::Raw(b"HTTP/1.1 200 x\r\ncontent-length: 100\r\n\r\n{\"acknowledged\":true}".to_vec())
    });
    let error = transport(&server.url()).send(get("/", 1_000)).await.unwrap_err();
    assert!(
        matches!(error, TransportError::Lost { sent: true, .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let target = elastic(ok);
    let to = target.url();
    let server = Server::plain(move |seen| {
        if seen.line == "GET /" {
            return root();
        }
        Reply::Raw(
            format!("HTTP/1.1 307 x\r\nlocation: {to}/elsewhere\r\ncontent-length: 0\r\n\r\n").into_bytes(),
        )
    });
    let client = client(&[&server.url()]);
    assert_eq!(status(&look(&client, &Look::FollowStats).await), 307);
    let change = client.pause_follow(&pin(), &index("f")).await;
    assert!(unknown(&change.sent).starts_with("307"), "{change:?}");
    assert!(target.lines().is_empty());
}

#[tokio::test]
async fn what_elasticsearch_did_not_write_is_unknown_with_its_beginning() {
    for (code, body, shown) in [
        (200, "<html>\n<b>Welcome</b>", r"<html>\n<b>Welcome</b>"),
        (200, r#"{"ok":true}"#, r#"{"ok":true}"#),
        (200, "", "(an empty body)"),
        (429, r#"{"message":"slow down"}"#, "slow down"),
        (
            404,
            r#"{"timestamp":1,"status":404,"error":"Not Found"}"#,
            "Not Found",
        ),
        (502, "Bad Gateway", "Bad Gateway"),
        (
            503,
            r#"{"error":{"type":"process_cluster_event_timeout_exception","reason":"r"},"status":503}"#,
            "process_cluster_event_timeout_exception",
        ),
    ] {
        let server = elastic(move |_| Reply::Json(code, body.to_owned()));
        let change = client(&[&server.url()]).pause_follow(&pin(), &index("f")).await;
        assert!(unknown(&change.sent).contains(shown), "{change:?}");
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_whole_chain_and_body() {
    let body = json!({
        "error": {
            "root_cause": [],
            "type": "snapshot_restore_exception",
            "reason": "cannot restore",
            "caused_by": {"type": "inner", "reason": "because"}
        },
        "status": 500
    });
    let text = body.to_string();
    let server = elastic(move |_| Reply::Json(500, text.clone()));
    let change = client(&[&server.url()])
        .follow(&pin(), &follow(), version("8.10.4"))
        .await;
    let Sent::Refused {
        status: 500,
        exception,
        body: whole,
    } = change.sent
    else {
        panic!("{change:?}")
    };
    assert_eq!(exception.caused_by.unwrap().reason, "because");
    assert_eq!(whole, body);
}

#[tokio::test]
async fn a_path_that_an_old_version_lacks_is_a_refusal() {
    let body = r#"{"error":"no handler found for uri [/f/_x] and method [POST]","status":400}"#;
    let server = elastic(move |_| Reply::Json(400, body.to_owned()));
    let change = client(&[&server.url()]).open(&pin(), &index("f")).await;
    assert!(
        matches!(change.sent, Sent::Refused { status: 400, .. }),
        "{change:?}"
    );
}

fn version(text: &str) -> EsVersion {
    EsVersion::parse(text).unwrap()
}

fn follow() -> Follow {
    Follow {
        follower: index("größe-f"),
        remote: RemoteAlias::parse("lead").unwrap(),
        leader: index("größe"),
        parameters: Parameters::from([("max_read_request_size".to_owned(), json!("16mb"))]),
        settings: json!({"index.refresh_interval": "7s"}).as_object().cloned(),
        data_stream_name: Some("stream".to_owned()),
    }
}

#[tokio::test]
async fn each_version_gets_the_follow_it_takes() {
    for (number, keys) in [
        (
            "7.7.0",
            &["leader_index", "max_read_request_size", "remote_cluster"][..],
        ),
        (
            "7.9.0",
            &[
                "leader_index",
                "max_read_request_size",
                "remote_cluster",
                "settings",
            ],
        ),
        (
            "8.4.0",
            &[
                "data_stream_name",
                "leader_index",
                "max_read_request_size",
                "remote_cluster",
                "settings",
            ],
        ),
    ] {
        let answer = r#"{"follow_index_created":true,"follow_index_shards_acked":false,"index_following_started":false}"#;
        let server = elastic(move |_| Reply::Json(200, answer.to_owned()));
        let change = client(&[&server.url()])
            .follow(&pin(), &follow(), version(number))
            .await;
        assert!(
            matches!(&change.sent, Sent::Accepted { body, .. } if body["index_following_started"] == false)
        );
        let put = server.requests().pop().unwrap();
        assert_eq!(
            put.line,
            "PUT /gr%C3%B6%C3%9Fe-f/_ccr/follow?wait_for_active_shards=1"
        );
        let body: Value = serde_json::from_str(&put.body).unwrap();
        let mut sent: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
        sent.sort_unstable();
        assert_eq!(sent, keys, "{number}");
        assert_eq!(change.record.body, Some(body));
    }
}

#[tokio::test]
async fn forget_follower_names_the_lease_and_a_lease_that_is_gone_is_accepted() {
    let answer = r#"{"_shards":{"total":1,"successful":0,"failed":1,"failures":[]}}"#;
    let server = elastic(move |_| Reply::Json(200, answer.to_owned()));
    let forget = ForgetFollower {
        follower_cluster: "follower8".to_owned(),
        follower: index("f"),
        follower_uuid: IndexUuid::parse("u").unwrap(),
        remote: RemoteAlias::parse("lead").unwrap(),
    };
    let change = client(&[&server.url()])
        .forget_follower(&pin(), &index("l"), &forget)
        .await;
    assert!(matches!(change.sent, Sent::Accepted { .. }), "{change:?}");
    let post = server.requests().pop().unwrap();
    assert_eq!(post.line, "POST /l/_ccr/forget_follower");
    assert_eq!(
        serde_json::from_str::<Value>(&post.body).unwrap(),
        json!({"follower_cluster": "follower8", "follower_index": "f", "follower_index_uuid": "u", "leader_remote_cluster": "lead"})
    );
}

#[tokio::test]
async fn each_call_carries_its_own_credential_and_none_is_printed() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let file = dir.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let credentials = Credentials::new(
        Auth::api_key_file(&write("key", "  S3cretKey==\n")).unwrap(),
        Some(Auth::api_key_file(&write("pair", "id:S3cretPart")).unwrap()),
        Some(Auth::basic("u", &write("password", "S3cretWord\n")).unwrap()),
    );
    let server = elastic(ok);
    let settings = TransportSettings {
        credentials,
        ..TransportSettings::new(Endpoint::parse(&server.url()).unwrap())
    };
    let transport = NetTransport::new(&settings).unwrap();
    let printed = format!("{settings:?} {transport:?}");
    assert!(!printed.contains("S3cret"), "{printed}");
    let client = Client::new(
        ClusterName::parse("eu").unwrap(),
        vec![Arc::new(transport)],
        ClientSettings::default(),
        Arc::new(SystemClock),
    );
    let paused = client.pause_follow(&pin(), &index("f")).await;
    let resumed = client
        .resume_follow(&pin(), &index("f"), &Parameters::new())
        .await;
    let sent: Vec<_> = server
        .requests()
        .iter()
        .map(|seen| {
            (
                seen.line.clone(),
                seen.header("authorization").unwrap().to_owned(),
            )
        })
        .collect();
    let read = ("GET /".to_owned(), "ApiKey S3cretKey==".to_owned());
    assert_eq!(
        sent,
        [
            read.clone(),
            (
                "POST /f/_ccr/pause_follow".to_owned(),
                "ApiKey aWQ6UzNjcmV0UGFydA==".to_owned()
            ),
            read,
            (
                "POST /f/_ccr/resume_follow".to_owned(),
                "Basic dTpTM2NyZXRXb3Jk".to_owned()
            ),
        ]
    );
    assert!(!format!("{paused:?} {resumed:?}").contains("S3cret"));
    assert!(
        server
            .requests()
            .iter()
            .all(|seen| seen.header("accept") == Some("application/json"))
    );
}

#[test]
fn a_bad_secret_file_is_named_and_not_shown() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "S3cret\nS3cret\u{7}").unwrap();
    let error = Auth::api_key_file(&file).unwrap_err().to_string();
    assert!(
        error.contains("key: holds") && !error.contains("S3cret"),
        "{error}"
    );
    std::fs::write(&file, " \n").unwrap();
    assert!(
        Auth::api_key_file(&file)
            .unwrap_err()
            .to_string()
            .ends_with("is empty")
    );
    let missing = Auth::basic("u", Path::new("/nonexistent/password")).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("/nonexistent/password: cannot be read")
    );
    std::fs::write(&file, "S3cret").unwrap();
    let error = Auth::client_certificate(&file, &file).unwrap_err().to_string();
    assert!(!error.contains("S3cret"), "{error}");
    assert!(Trust::ca_file(&file).is_err());
}

#[test]
fn urls_that_no_cluster_has_are_refused() {
    for text in [
        "",
        "localhost:9200",
        "ftp://a",
        "http://u:S3cret@a",
        "https://u@a",
        "http://a/?q=1",
        "http://a/#x",
    ] {
        let problem = Endpoint::parse(text).unwrap_err();
        assert!(!problem.contains("S3cret"), "{problem}");
    }
    assert_eq!(
        Endpoint::parse("https://a:9200/es/").unwrap().as_str(),
        "https://a:9200/es"
    );
}

#[tokio::test]
async fn identification_says_in_one_line_what_is_wrong() {
    let security = r#"{"error":{"root_cause":[],"type":"security_exception","reason":"unable to authenticate user [u]"},"status":401}"#;
    for (code, body, shown) in [
        (200, "<html><title>nginx</title>", "is not Elasticsearch"),
        (
            200,
            r#"{"version":{"number":"2.1","distribution":"opensearch"},"cluster_name":"c"}"#,
            "calls itself `opensearch`",
        ),
        (
            200,
            r#"{"version":{"number":"7.6.2"},"cluster_name":"c"}"#,
            "runs Elasticsearch 7.6.2; refollow knows 7.7 to 9.x",
        ),
        (
            200,
            r#"{"version":{"number":"10.0.0"},"cluster_name":"c"}"#,
            "runs Elasticsearch 10.0.0",
        ),
        (401, security, "unable to authenticate user [u]); check `auth`"),
        (
            403,
            r#"{"error":{"type":"security_exception","reason":"denied"}}"#,
            "privilege `monitor`",
        ),
        (302, "", "redirects"),
        (404, "no such page", "is not Elasticsearch"),
        (
            503,
            r#"{"error":{"type":"master_not_discovered_exception","reason":"r"},"status":503}"#,
            "look at the cluster's own log",
        ),
    ] {
        let server = Server::plain(move |_| Reply::Json(code, body.to_owned()));
        let line = client(&[&server.url()])
            .identify()
            .await
            .root
            .unwrap_err()
            .to_string();
        assert!(
            line.contains(shown) && line.contains(&server.url()) && !line.contains('\n'),
            "{line}"
        );
    }
    let refused = client(&[&nobody()]).identify().await.root.unwrap_err();
    assert!(matches!(refused, Unusable::Unreachable { .. }), "{refused}");
    for number in ["7.7.0", "8.10.4", "9.2.0-SNAPSHOT"] {
        let server = Server::plain(move |_| root_of(UUID, number));
        let root = client(&[&server.url()]).identify().await.root.unwrap();
        assert_eq!(
            (root.version, root.cluster_uuid.unwrap().as_str()),
            (version(number), UUID)
        );
    }
}

/// An authority, a certificate of it for `localhost`, and one for a client.
struct Pki {
    ca: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn new(name: &str) -> Self {
        let _already = rustls::crypto::ring::default_provider().install_default();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        Self {
            ca,
            issuer: Issuer::new(params, key),
        }
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    fn server(&self, name: &str, asks_client: bool) -> ServerConfig {
        let (certificate, key) = self.issue(name);
        let chain = vec![CertificateDer::from(certificate.der().to_vec())];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let builder = ServerConfig::builder();
        let builder = if asks_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.ca.der().clone()).unwrap();
            builder.with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        builder.with_single_cert(chain, key).unwrap()
    }

    /// Settings that believe this authority only.
    fn trusted(&self, url: &str) -> TransportSettings {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ca.pem");
        std::fs::write(&file, self.ca.pem()).unwrap();
        TransportSettings {
            trust: Trust::ca_file(&file).unwrap(),
            ..TransportSettings::new(Endpoint::parse(url).unwrap())
        }
    }
}

async fn tls_error(settings: &TransportSettings) -> String {
    let error = NetTransport::new(settings)
        .unwrap()
        .send(get("/", 1_000))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    assert!(!error.may_have_acted());
    error.to_string()
}

#[tokio::test]
async fn the_configured_authority_is_believed_and_no_other() {
    let (pki, stranger) = (Pki::new("ours"), Pki::new("a stranger"));
    let server = Server::tls(pki.server("localhost", false), |_| root());
    let transport = NetTransport::new(&pki.trusted(&server.url())).unwrap();
    assert_eq!(transport.send(get("/", 1_000)).await.unwrap().status, 200);
    let why = tls_error(&stranger.trusted(&server.url())).await;
    assert!(why.contains("UnknownIssuer"), "{why}");
    assert_eq!(server.lines().len(), 1);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_with_the_remedy() {
    let pki = Pki::new("ours");
    let server = Server::tls(pki.server("elsewhere.example", false), |_| root());
    let settings = pki.trusted(&server.url());
    let client = Client::new(
        ClusterName::parse("eu").unwrap(),
        vec![Arc::new(NetTransport::new(&settings).unwrap())],
        ClientSettings::default(),
        Arc::new(SystemClock),
    );
    let line = client.identify().await.root.unwrap_err().to_string();
    assert!(
        line.contains("elsewhere.example") && line.contains("`tls.ca_file`"),
        "{line}"
    );
    let change = client.pause_follow(&pin(), &index("f")).await;
    not_sent(&change.sent);
    assert!(server.lines().is_empty());
}

#[tokio::test]
async fn plain_http_on_a_tls_url_is_a_tls_failure() {
    let server = Server::plain(|_| Reply::Raw(b"HTTP/1.1 400 x\r\n\r\n".to_vec()));
    let url = server.url().replace("http:", "https:");
    tls_error(&Pki::new("ours").trusted(&url)).await;
}

#[tokio::test]
async fn a_client_certificate_is_shown_and_its_lack_is_a_tls_failure() {
    let pki = Pki::new("ours");
    let server = Server::tls(pki.server("localhost", true), |_| root());
    let (certificate, key) = pki.issue("refollow");
    let dir = tempfile::tempdir().unwrap();
    let (certificate_file, key_file) = (dir.path().join("cert.pem"), dir.path().join("key.pem"));
    std::fs::write(&certificate_file, certificate.pem()).unwrap();
    std::fs::write(&key_file, key.serialize_pem()).unwrap();
    let auth = Auth::client_certificate(&certificate_file, &key_file).unwrap();
    let mut settings = pki.trusted(&server.url());
    let why = tls_error(&settings).await;
    assert!(why.to_lowercase().contains("certificate"), "{why}");
    settings.credentials = Credentials::new(auth, None, None);
    let transport = NetTransport::new(&settings).unwrap();
    assert_eq!(transport.send(get("/", 1_000)).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_long_list_is_asked_in_several_calls() {
    let server = elastic(|_| Reply::Json(200, "{}".to_owned()));
    let names: Vec<_> = (0..300)
        .map(|n| index(&format!("orders-of-the-year-{n:04}")))
        .collect();
    let answers = client(&[&server.url()]).look(&Look::Settings(names)).await;
    assert!(answers.len() > 1);
    assert_eq!(answers.len(), server.lines().len());
    assert!(answers.iter().all(|answer| status(&answer.outcome) == 200));
}
