//! E-mail, to a server of RFC 5321 that knows just enough to take a message.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use refollow::domain::notice::outbox::Delivery;
use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::{TcpListener, TcpStream};

use super::formats::{asking, receiver, tell};

/// What one conversation said to us, line by line.
type Heard = Arc<Mutex<Vec<Vec<String>>>>;

/// `refuses`: the answer to RCPT.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the test's runtime, and is no task of the daemon"
)]
async fn server(refuses: Option<&'static str>) -> (u16, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Heard = Arc::default();
    let keeps = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let lines = talk(stream, refuses).await.unwrap_or_default();
            keeps.lock().unwrap().push(lines);
        }
    });
    (port, heard)
}

async fn talk(mut stream: TcpStream, refuses: Option<&str>) -> std::io::Result<Vec<String>> {
    stream.write_all(b"220 test ESMTP\r\n").await?;
    converse(stream, refuses).await
}

/// After the greeting.
async fn converse<S: AsyncRead + AsyncWrite>(
    stream: S,
    refuses: Option<&str>,
) -> std::io::Result<Vec<String>> {
    let (reads, mut writes) = tokio::io::split(stream);
    let mut lines = BufReader::new(reads).lines();
    let mut heard = Vec::new();
    let mut in_data = false;
    while let Some(line) = lines.next_line().await? {
        heard.push(line.clone());
        let word = line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        let answer = match (in_data, word.as_str(), line.as_str()) {
            (true, _, ".") => {
                in_data = false;
                "250 taken"
            }
            (true, ..) => continue,
            (false, "EHLO", _) => "250-test\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            (false, "RCPT", _) => refuses.unwrap_or("250 ok"),
            (false, "DATA", _) => {
                in_data = true;
                "354 go on"
            }
            (false, "QUIT", _) => {
                writes.write_all(b"221 bye\r\n").await?;
                break;
            }
            (false, "AUTH", _) => "235 ok",
            (false, "STARTTLS", _) => "502 not here",
            _ => "250 ok",
        };
        writes.write_all(answer.as_bytes()).await?;
        writes.write_all(b"\r\n").await?;
    }
    Ok(heard)
}

fn mail(port: u16, more: &str) -> String {
    format!(
        "kind = \"email\"\nserver = \"127.0.0.1:{port}\"\nfrom = \"refollow <refollow@example.org>\"\n\
         to = [\"Ann <ann@example.org>\", \"bob@example.org\"]\n{more}"
    )
}

#[tokio::test]
async fn a_mail_goes_to_everybody_with_the_command_and_later_ones_join_its_thread() {
    let (port, heard) = server(None).await;
    let receiver = receiver(&mail(port, "security = \"none\""));
    assert_eq!(tell(&receiver, &asking(), 0).await, Delivery::Told);
    assert_eq!(
        tell(&receiver, &asking().over(asking().since), 1).await,
        Delivery::Told
    );
    let until_told = async || {
        while heard.lock().unwrap().len() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(5), until_told())
        .await
        .unwrap();
    let heard = heard.lock().unwrap().clone();
    let first = heard[0].join("\n");
    for wanted in [
        "MAIL FROM:<refollow@example.org>",
        "RCPT TO:<ann@example.org>",
        "RCPT TO:<bob@example.org>",
        "Subject: [refollow] critical: eu/orders-f",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(first.contains(wanted), "{wanted} is not in\n{first}");
    }
    // RFC 5322, 2.1.1: at most 998 characters in a line.
    assert!(heard[0].iter().all(|line| line.len() <= 998));
    let id = |lines: &[String], name: &str| {
        let line = lines.iter().find(|line| line.starts_with(name)).cloned();
        line.map(|line| line.trim_start_matches(name).trim().to_owned())
    };
    let first_id = id(&heard[0], "Message-ID:").unwrap();
    assert_eq!(id(&heard[1], "References:"), Some(first_id.clone()));
    assert_eq!(id(&heard[1], "In-Reply-To:"), Some(first_id.clone()));
    assert_ne!(id(&heard[1], "Message-ID:"), Some(first_id));
}

#[tokio::test]
async fn a_server_without_tls_gets_neither_message_nor_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    std::fs::write(&file, "hunter2").unwrap();
    let (port, heard) = server(None).await;
    let keys = format!("username = \"refollow\"\npassword_file = \"{}\"", file.display());
    let receiver = receiver(&mail(port, &keys));
    let how = tell(&receiver, &asking(), 0).await;
    assert!(!matches!(how, Delivery::Told), "{how:?}");
    assert!(!format!("{receiver:?} {how:?}").contains("hunter2"));
    let said = heard.lock().unwrap().concat().join("\n");
    assert!(!said.contains("AUTH") && !said.contains("DATA"), "{said}");
}

#[tokio::test]
async fn an_address_that_is_not_known_is_a_refusal_and_a_full_mailbox_is_tried_again() {
    let (port, _heard) = server(Some("550 no such user")).await;
    let how = tell(&receiver(&mail(port, "security = \"none\"")), &asking(), 0).await;
    assert!(
        matches!(&how, Delivery::Refused { why } if why.contains("no such user")),
        "{how:?}"
    );
    let (port, _heard) = server(Some("452 mailbox full")).await;
    let how = tell(&receiver(&mail(port, "security = \"none\"")), &asking(), 0).await;
    assert!(matches!(how, Delivery::Failed { maybe: false, .. }), "{how:?}");
}

/// A server that goes over to TLS when it is asked to, or speaks it from the first byte; what it
/// hears within, and its authority as a file.
#[expect(
    clippy::disallowed_methods,
    reason = "it ends with the test's runtime, and is no task of the daemon"
)]
async fn secure_server(directory: &Path, at_once: bool) -> (u16, Heard, PathBuf) {
    let _already = rustls::crypto::ring::default_provider().install_default();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let authority = directory.join("ca.pem");
    std::fs::write(&authority, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard: Heard = Arc::default();
    let keeps = heard.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            if !at_once && in_the_clear(&mut stream).await.is_err() {
                continue;
            }
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            if at_once {
                stream.write_all(b"220 test ESMTP\r\n").await.unwrap();
            }
            let lines = converse(stream, None).await.unwrap_or_default();
            keeps.lock().unwrap().push(lines);
        }
    });
    (port, heard, authority)
}

/// Up to the moment at which TLS begins. Nothing else may be said before.
async fn in_the_clear(stream: &mut TcpStream) -> std::io::Result<()> {
    stream.write_all(b"220 test ESMTP\r\n").await?;
    for (wanted, answer) in [
        ("EHLO", "250-test\r\n250 STARTTLS\r\n"),
        ("STARTTLS", "220 go on\r\n"),
    ] {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(stream.read_u8().await?);
        }
        let line = String::from_utf8_lossy(&line).into_owned();
        assert!(line.starts_with(wanted), "{line}");
        stream.write_all(answer.as_bytes()).await?;
    }
    Ok(())
}

#[tokio::test]
async fn with_tls_of_an_authority_that_is_believed_the_password_is_given_and_the_message_goes() {
    let directory = tempfile::tempdir().unwrap();
    let password = directory.path().join("password");
    std::fs::write(&password, "hunter2").unwrap();
    for (word, at_once) in [("starttls", false), ("tls", true)] {
        let (port, heard, authority) = secure_server(directory.path(), at_once).await;
        let keys = |authority: &str| {
            mail(
                port,
                &format!(
                    "security = \"{word}\"\nusername = \"refollow\"\npassword_file = \"{}\"\n{authority}",
                    password.display()
                ),
            )
            .replace("127.0.0.1", "localhost")
        };
        // The system's authorities do not know it.
        let how = tell(&receiver(&keys("")), &asking(), 0).await;
        assert!(matches!(how, Delivery::Failed { .. }), "{word}: {how:?}");
        assert_eq!(heard.lock().unwrap().len(), 0, "{word}");
        let known = format!("tls = {{ ca_file = \"{}\" }}", authority.display());
        let how = tell(&receiver(&keys(&known)), &asking(), 0).await;
        assert_eq!(how, Delivery::Told, "{word}");
        let until_told = async || {
            while heard.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(5), until_told())
            .await
            .unwrap();
        let said = heard.lock().unwrap().concat().join("\n");
        assert!(
            said.contains("AUTH PLAIN") && said.contains("Subject: [refollow]"),
            "{said}"
        );
    }
}
