//! What the command line is for people: it fits their terminal, is redrawn in place, keeps its
//! colours to itself in a pipe, completes, and has man pages.

use std::process::{Command, Output};
use std::sync::Mutex;
use std::time::Duration;

use refollow::cli::client::Session;
use refollow::cli::look::{Look, Screen};
use refollow::clock::{Clock as _, SystemClock};
use tokio::sync::mpsc;

use crate::http_api::start;

/// Hands on each write, so that a test can stop after so many looks.
struct Told(mpsc::UnboundedSender<String>);

impl std::io::Write for Told {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0
            .send(String::from_utf8_lossy(bytes).into_owned())
            .map_err(|_| std::io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything written until the `looks`-th look was drawn and somebody pressed Ctrl-C.
async fn watched(look: Look, json: bool, looks: usize) -> (Vec<String>, u8) {
    let running = start().await;
    let (send, mut receive) = mpsc::unbounded_channel();
    let (mut out, mut err) = (Told(send), Vec::new());
    let written = Mutex::new(Vec::new());
    let stop = async {
        let mut drawn = 0;
        while let Some(text) = receive.recv().await {
            drawn += usize::from(text.contains("orders-f"));
            written.lock().unwrap().push(text);
            if drawn == looks {
                return;
            }
        }
    };
    let socket = running.client.socket();
    let mut session = Session::new(socket, json, SystemClock.now(), &mut out, &mut err);
    let code = session
        .watch(Duration::from_millis(1), &SystemClock, &move || look, stop)
        .await;
    drop(session);
    drop(out);
    let mut written = written.into_inner().unwrap();
    while let Ok(text) = receive.try_recv() {
        written.push(text);
    }
    assert!(err.is_empty(), "{}", String::from_utf8_lossy(&err));
    (written, code)
}

const TERMINAL: Screen = Screen {
    width: 60,
    height: 30,
};

#[tokio::test]
async fn watching_on_a_terminal_is_redrawn_in_place_and_leaves_it_as_it_was() {
    let look = Look {
        screen: Some(TERMINAL),
        color: true,
    };
    let (written, code) = watched(look, false, 3).await;
    assert_eq!(code, 0);
    assert!(written[0].starts_with("\x1b[?1049h"), "{written:?}");
    assert!(written.last().unwrap().ends_with("\x1b[?1049l"), "{written:?}");
    let frames: Vec<_> = written.iter().filter(|text| text.contains("orders-f")).collect();
    assert!(frames.len() >= 3);
    for frame in frames {
        assert!(
            frame.starts_with("\x1b[H") && frame.ends_with("\x1b[J"),
            "{frame:?}"
        );
        assert!(frame.lines().count() <= TERMINAL.height, "{frame}");
    }
}

#[tokio::test]
async fn watching_into_a_pipe_is_one_plain_block_below_the_other() {
    let (written, code) = watched(Look::default(), false, 2).await;
    assert_eq!(code, 0);
    let all = written.concat();
    assert!(!all.contains('\x1b'), "{all:?}");
    assert!(all.matches("\n\n--- ").count() >= 1, "{all}");
}

#[tokio::test]
async fn watching_as_json_is_one_value_after_the_other() {
    let look = Look {
        screen: Some(TERMINAL),
        color: true,
    };
    let (written, _) = watched(look, true, 2).await;
    let all = written.concat();
    let values: Vec<serde_json::Value> = serde_json::Deserializer::from_str(&all)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(values.len() >= 2 && values[1]["followers"][0]["cause"] == "history_lost");
}

#[tokio::test]
async fn watching_a_daemon_that_was_never_there_ends_with_4_and_touches_no_terminal() {
    let dir = tempfile::tempdir().unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let look = || Look {
        screen: Some(TERMINAL),
        color: true,
    };
    let code = Session::new(
        dir.path().join("none.sock"),
        false,
        SystemClock.now(),
        &mut out,
        &mut err,
    )
    .watch(
        Duration::from_secs(1),
        &SystemClock,
        &look,
        std::future::pending(),
    )
    .await;
    assert_eq!(code, 4);
    assert!(out.is_empty() && !err.is_empty());
}

#[tokio::test]
async fn status_fits_the_terminal_and_says_that_names_were_cut() {
    let running = start().await;
    let mut texts = Vec::new();
    for width in [60, 300] {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let look = Look {
            screen: Some(Screen { width, height: 24 }),
            color: false,
        };
        let socket = running.client.socket();
        let mut session =
            Session::new(socket, false, crate::http_api::at(120), &mut out, &mut err).looking(look);
        assert_eq!(session.status().await, 0);
        drop(session);
        texts.push(String::from_utf8(out).unwrap());
    }
    let widest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    // Seven columns of twelve and their gaps are what is still told apart.
    assert!(
        widest(&texts[0]) < widest(&texts[1]),
        "{}\n{}",
        texts[0],
        texts[1]
    );
    assert!(
        texts[0].contains("…") && texts[0].contains("cut to fit"),
        "{}",
        texts[0]
    );
    assert!(!texts[1].contains("…"), "{}", texts[1]);
}

fn refollow(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_refollow"))
        .args(arguments)
        .env("TERM", "xterm")
        .env_remove("NO_COLOR")
        .output()
        .unwrap()
}

#[test]
fn each_shell_gets_completions_that_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let said = refollow(&["completions", shell]);
        assert!(said.status.success(), "{said:?}");
        let text = String::from_utf8(said.stdout).unwrap();
        for command in ["extend-runway", "check-config", "acknowledge", "completions"] {
            assert!(text.contains(command), "{shell}: {command}");
        }
    }
}

#[test]
fn bash_takes_the_completions_and_completes_with_them() {
    let said = refollow(&["completions", "bash"]);
    let script = format!(
        "{}\nCOMP_WORDS=(refollow br); COMP_CWORD=1; _refollow refollow br refollow; echo \"${{COMPREPLY[@]}}\"",
        String::from_utf8(said.stdout).unwrap()
    );
    let done = Command::new("bash").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&done.stdout), "brake\n", "{done:?}");
}

#[test]
fn every_command_has_a_man_page() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("man1");
    let said = refollow(&["man", "--dir", place.to_str().unwrap()]);
    assert!(said.status.success(), "{said:?}");
    for name in [
        "refollow.1",
        "refollow-status.1",
        "refollow-brake.1",
        "refollow-audit-verify.1",
    ] {
        let text = std::fs::read_to_string(place.join(name)).unwrap();
        assert!(text.contains(".TH refollow"), "{name}: {text}");
        assert!(text.contains(".SH SYNOPSIS"), "{name}: {text}");
    }
    let one = String::from_utf8(refollow(&["man"]).stdout).unwrap();
    assert!(
        one.contains(".TH refollow") && one.contains("Exit codes"),
        "{one}"
    );
}

#[test]
fn a_pipe_gets_no_colours_unless_they_are_asked_for() {
    let socket = ["--socket", "/nonexistent/admin.sock"];
    for arguments in [&["--help"][..], &["status"], &["bench", "--help"]] {
        let said = refollow(&[arguments, &socket[..]].concat());
        let text = [said.stdout, said.stderr].concat();
        assert!(!text.contains(&0x1b), "{arguments:?}");
    }
}
