//! TLS of the TCP listener: who comes by it, what a browser is told, certificates that change.

use std::path::Path;
use std::sync::Arc;

use refollow::http::tls::TlsFiles;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::http_api::{FakeDaemon, Running, start_with};

/// Writes a new pair for `localhost`; the certificate, to be trusted.
fn write_pair(dir: &Path) -> rustls::pki_types::CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(dir.join("crt"), made.cert.pem()).unwrap();
    std::fs::write(dir.join("key"), made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

async fn start(dir: &Path) -> Running {
    let tls = TlsFiles {
        certificate: dir.join("crt"),
        key: dir.join("key"),
    };
    start_with(FakeDaemon {
        tls: Some(tls),
        ..FakeDaemon::default()
    })
    .await
}

/// One GET by TLS from somebody who trusts only this certificate.
async fn get(
    running: &Running,
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
    let stream = TcpStream::connect(running.tcp).await?;
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
    let answer = get(&running, &trusted).await.unwrap().to_lowercase();
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
    assert!(get(&running, &first).await.is_ok(), "the old one went");
    std::fs::write(dir.path().join("key"), &second_key).unwrap();
    assert!(tls.look().await);
    assert!(get(&running, &second).await.is_ok());
    assert!(get(&running, &first).await.is_err(), "the old one is still shown");
    std::fs::remove_file(dir.path().join("key")).unwrap();
    assert!(!tls.look().await);
    assert!(get(&running, &second).await.is_ok());
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let trusted = write_pair(dir.path());
    let running = start(dir.path()).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(running.tcp).await.unwrap());
    }
    assert!(get(&running, &trusted).await.is_ok());
}
