//! TLS of the TCP listener: who comes by it, what a browser is told, certificates that change.

use std::path::Path;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber,
};
use refollow::domain::access::{Reach, Role};
use refollow::domain::named::{Holder, Rights};
use refollow::http::tls::{ClientFiles, TlsFiles};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::http_api::{FakeDaemon, Running, exchange, start_with};

/// An authority with a directory of files.
pub struct Pki {
    dir: tempfile::TempDir,
    server: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = write_pair(dir.path());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params
            .distinguished_name
            .push(DnType::CommonName, "the authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().unwrap();
        let ca = params.self_signed(&key).unwrap();
        std::fs::write(dir.path().join("ca"), ca.pem()).unwrap();
        let this = Self {
            dir,
            server,
            issuer: Issuer::new(params, key),
        };
        this.revoke(&[]);
        this
    }

    pub fn files(&self, required: bool) -> TlsFiles {
        let path = |name: &str| self.dir.path().join(name);
        TlsFiles {
            certificate: path("crt"),
            key: path("key"),
            clients: Some(ClientFiles {
                authorities: path("ca"),
                revoked: Some(path("crl")),
                required,
            }),
        }
    }

    /// Writes the list of what was revoked.
    fn revoke(&self, serials: &[u64]) {
        let at = |year| rcgen::date_time_ymd(year, 1, 1);
        let params = CertificateRevocationListParams {
            this_update: at(2024),
            next_update: at(2099),
            crl_number: SerialNumber::from(1 + serials.len() as u64),
            issuing_distribution_point: None,
            revoked_certs: serials
                .iter()
                .map(|serial| RevokedCertParams {
                    serial_number: SerialNumber::from(*serial),
                    revocation_time: at(2024),
                    reason_code: None,
                    invalidity_date: None,
                })
                .collect(),
            key_identifier_method: rcgen::KeyIdMethod::Sha256,
        };
        let list = params.signed_by(&self.issuer).unwrap();
        std::fs::write(self.dir.path().join("crl"), list.pem().unwrap()).unwrap();
    }

    /// A client with a certificate of that common name; `None`: without one.
    pub fn connector(&self, name: Option<&str>) -> TlsConnector {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        if let Some(name) = name {
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            return self.connector_of(Some(params));
        }
        self.connector_of(None)
    }

    fn connector_of(&self, params: Option<CertificateParams>) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.server.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let config = match params {
            None => builder.with_no_client_auth(),
            Some(params) => {
                let key = KeyPair::generate().unwrap();
                let certificate = params.signed_by(&key, &self.issuer).unwrap();
                let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                builder
                    .with_client_auth_cert(vec![certificate.der().clone()], private)
                    .unwrap()
            }
        };
        TlsConnector::from(Arc::new(config))
    }
}

/// A connection after its handshake.
pub async fn connect(
    running: &Running,
    connector: &TlsConnector,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let stream = TcpStream::connect(running.tcp).await?;
    connector.connect("localhost".try_into().unwrap(), stream).await
}

fn anna(subject: &str) -> Holder {
    Holder {
        subject: subject.to_owned(),
        person: "anna".to_owned(),
        rights: Rights {
            role: Role::Operate,
            reach: Reach::All,
        },
    }
}

async fn with_people(pki: &Pki, required: bool, people: Vec<Holder>) -> Running {
    start_with(FakeDaemon {
        reading_needs_no_token: false,
        tls: Some(pki.files(required)),
        people,
        ..FakeDaemon::default()
    })
    .await
}

const BRAKE: &str = "{\"scope\":\"all\",\"reason\":\"x\"}";

#[tokio::test]
async fn whom_a_certificate_names_acts_in_that_name_and_not_from_another_site() {
    let pki = Pki::new();
    let running = with_people(&pki, false, vec![anna("cn:anna.example")]).await;
    let client = pki.connector(Some("anna.example"));
    let put = async |headers: &str| {
        let stream = connect(&running, &client).await.unwrap();
        exchange(stream, "PUT", "/api/v1/brakes", headers, BRAKE)
            .await
            .unwrap()
    };
    for elsewhere in [
        "Origin: https://evil.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = put(elsewhere).await;
        assert_eq!(answer.status, 403, "{elsewhere}: {}", answer.body);
    }
    assert_eq!(running.asked(), Vec::<String>::new());
    assert_eq!(put("").await.status, 200);
    assert_eq!(running.asked(), ["brake all for None by anna: x"]);
    let stream = connect(&running, &client).await.unwrap();
    let page = exchange(stream, "GET", "/brakes", "", "").await.unwrap();
    assert!(
        page.body.contains("anna") && page.body.contains("name=\"csrf\""),
        "{}",
        page.body
    );
    let stranger = pki.connector(Some("eve.example"));
    let stream = connect(&running, &stranger).await.unwrap();
    let answer = exchange(stream, "PUT", "/api/v1/brakes", "", BRAKE)
        .await
        .unwrap();
    assert_eq!(answer.status, 401, "a certificate of nobody who is configured");
}

#[tokio::test]
async fn the_names_beside_the_common_one_count_where_they_stand() {
    let pki = Pki::new();
    let people = vec![anna("uri:spiffe://x/anna"), anna("dns:anna.example")];
    let running = with_people(&pki, false, people).await;
    let status = async |name: SanType| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = vec![name];
        let stream = connect(&running, &pki.connector_of(Some(params))).await.unwrap();
        let answer = exchange(stream, "GET", "/api/v1/followers", "", "").await;
        answer.unwrap().status
    };
    let uri = |text: &str| SanType::URI(text.try_into().unwrap());
    let dns = |text: &str| SanType::DnsName(text.try_into().unwrap());
    assert_eq!(status(uri("spiffe://x/anna")).await, 200);
    assert_eq!(status(dns("Anna.Example")).await, 200);
    assert_eq!(status(uri("spiffe://x/eve")).await, 401);
    assert_eq!(status(dns("eve.example")).await, 401);
}

#[tokio::test]
async fn without_a_certificate_nobody_comes_in_where_it_is_required() {
    let pki = Pki::new();
    let running = with_people(&pki, true, Vec::new()).await;
    let answer = async |client: &TlsConnector| {
        let stream = connect(&running, client).await?;
        exchange(stream, "GET", "/livez", "", "").await
    };
    assert!(answer(&pki.connector(None)).await.is_err());
    let other = Pki::new();
    let mut foreign = other.connector(Some("anna"));
    assert!(
        answer(&foreign).await.is_err(),
        "it does not even trust this server"
    );
    foreign = pki.connector(Some("anyone"));
    assert_eq!(answer(&foreign).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_certificate_that_was_revoked_opens_nothing_any_more() {
    let pki = Pki::new();
    let running = with_people(&pki, false, vec![anna("cn:anna.example")]).await;
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, "anna.example");
    params.serial_number = Some(SerialNumber::from(77_u64));
    let client = pki.connector_of(Some(params));
    let mut open = connect(&running, &client).await.unwrap();
    let answer = exchange(
        connect(&running, &client).await.unwrap(),
        "GET",
        "/api/v1/followers",
        "",
        "",
    );
    assert_eq!(answer.await.unwrap().status, 200);
    pki.revoke(&[77]);
    assert!(running.tls.clone().unwrap().look().await);
    // The connection that was let in before ends too.
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(std::time::Duration::from_secs(5), open.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "a connection by a revoked certificate goes on");
    let again = async {
        let stream = connect(&running, &client).await?;
        exchange(stream, "GET", "/api/v1/followers", "", "").await
    };
    assert!(again.await.is_err());
}

/// Writes a new pair for `localhost`; the certificate, to be trusted.
fn write_pair(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("crt"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn start(dir: &Path) -> Running {
    let tls = TlsFiles {
        certificate: dir.join("crt"),
        key: dir.join("key"),
        clients: None,
    };
    start_with(FakeDaemon {
        tls: Some(tls),
        ..FakeDaemon::default()
    })
    .await
}

/// One GET by TLS from somebody who trusts only this certificate.
async fn get(
    address: std::net::SocketAddr,
    trusted: &rustls::pki_types::CertificateDer<'static>,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await?;
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    Ok(text)
}

#[tokio::test]
async fn the_listener_speaks_tls_tells_browsers_so_and_answers_no_plain_http() {
    let dir = tempfile::tempdir().unwrap();
    let trusted = write_pair(dir.path());
    let running = start(dir.path()).await;
    let answer = get(running.tcp, &trusted).await.unwrap().to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(
        answer.contains("strict-transport-security: max-age=31536000"),
        "{answer}"
    );
    let mut plain = TcpStream::connect(running.tcp).await.unwrap();
    plain
        .write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    plain.read_to_end(&mut bytes).await.ok();
    assert!(!bytes.starts_with(b"HTTP"), "plain HTTP was answered");
}

#[tokio::test]
async fn a_new_certificate_is_taken_over_and_a_bad_one_leaves_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let first = write_pair(dir.path());
    let running = start(dir.path()).await;
    let tls = running.tls.clone().unwrap();
    assert!(!tls.look().await, "nothing is new");
    let old_key = std::fs::read(dir.path().join("key")).unwrap();
    let second = write_pair(dir.path());
    let second_key = std::fs::read(dir.path().join("key")).unwrap();
    std::fs::write(dir.path().join("key"), &old_key).unwrap();
    assert!(!tls.look().await, "a key of another certificate was taken");
    assert!(get(running.tcp, &first).await.is_ok(), "the old one went");
    std::fs::write(dir.path().join("key"), &second_key).unwrap();
    assert!(tls.look().await);
    assert!(get(running.tcp, &second).await.is_ok());
    assert!(
        get(running.tcp, &first).await.is_err(),
        "the old one is still shown"
    );
    std::fs::remove_file(dir.path().join("key")).unwrap();
    assert!(!tls.look().await);
    assert!(get(running.tcp, &second).await.is_ok());
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let trusted = write_pair(dir.path());
    let running = start(dir.path()).await;
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(running.tcp).await.unwrap());
    }
    assert!(get(running.tcp, &trusted).await.is_ok());
}

#[tokio::test]
async fn a_host_that_stands_by_speaks_tls_too() {
    let dir = tempfile::tempdir().unwrap();
    let trusted = write_pair(dir.path());
    let files = TlsFiles {
        certificate: dir.path().join("crt"),
        key: dir.path().join("key"),
        clients: None,
    };
    let listen = "127.0.0.1:0".parse().unwrap();
    let standby = refollow::http::standby::Standby::serve(listen, Some(files), "eu-2")
        .await
        .unwrap();
    let answer = get(standby.address(), &trusted).await.unwrap();
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("alive\n"),
        "{answer}"
    );
}
