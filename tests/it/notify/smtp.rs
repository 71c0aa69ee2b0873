//! E-mail, to a server of RFC 5321 that knows just enough to take a message.

use std::sync::{Arc, Mutex};

use refollow::domain::notice::outbox::Delivery;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
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

async fn talk(stream: TcpStream, refuses: Option<&str>) -> std::io::Result<Vec<String>> {
    let (reads, mut writes) = stream.into_split();
    let mut lines = BufReader::new(reads).lines();
    let mut heard = Vec::new();
    writes.write_all(b"220 test ESMTP\r\n").await?;
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
            (false, "EHLO", _) => "250-test\r\n250 8BITMIME",
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
