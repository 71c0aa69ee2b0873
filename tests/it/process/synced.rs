//! Intent on disk first, seen from outside: `strace` shows that before the bytes of a changing
//! request leave the process, its intent was written to the database's log and synced (safety 5).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use tokio::process::Command;

use super::{BINARY, Daemon, Rig, until};

/// What a changing request looks like on the wire, and in its intent.
const STEPS: [&str; 5] = [
    "/_ccr/pause_follow",
    "/_ccr/resume_follow",
    "/_close",
    "/_ccr/forget_follower",
    "/_ccr/follow",
];

/// One line of the trace that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    /// Something with these steps in it was written to the database's log.
    Written(Vec<&'static str>),
    /// The log was synced, and the call had returned.
    Synced,
    /// That step's request was sent.
    Sent(&'static str),
}

/// What a trace of `strace -f -y` shows, in the order in which it happened.
fn read(trace: &str) -> Vec<Seen> {
    let mut seen = Vec::new();
    // Threads whose sync of the log has begun and not returned.
    let mut syncing: BTreeMap<&str, bool> = BTreeMap::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else {
            continue;
        };
        let call = call.trim_start();
        let log = call.contains("refollow.db-wal>") || call.contains("refollow.db>");
        if call.starts_with("fsync(") || call.starts_with("fdatasync(") {
            if call.contains("<unfinished") {
                syncing.insert(thread, log);
            } else if log && call.contains("= 0") {
                seen.push(Seen::Synced);
            }
        } else if call.contains("sync resumed>") {
            if syncing.remove(thread) == Some(true) && call.contains("= 0") {
                seen.push(Seen::Synced);
            }
        } else if log {
            let steps: Vec<_> = STEPS.into_iter().filter(|step| call.contains(step)).collect();
            if !steps.is_empty() {
                seen.push(Seen::Written(steps));
            }
        } else if call.contains("\"POST /orders") || call.contains("\"PUT /orders") {
            let step = STEPS
                .into_iter()
                .find(|step| call.contains(&format!("{step} HTTP")) || call.contains(&format!("{step}?")));
            seen.extend(step.map(Seen::Sent));
        }
    }
    seen
}

/// Every request sent, with whether its intent had been written and synced since the request before.
fn verdicts(seen: &[Seen]) -> Vec<(&'static str, bool)> {
    let mut verdicts = Vec::new();
    let mut from = 0;
    for (at, one) in seen.iter().enumerate() {
        if let Seen::Sent(step) = one {
            let since = &seen[from..at];
            from = at + 1;
            let written = since
                .iter()
                .rposition(|one| matches!(one, Seen::Written(steps) if steps.contains(step)));
            let synced = written.is_some_and(|written| since[written..].contains(&Seen::Synced));
            verdicts.push((*step, synced));
        }
    }
    verdicts
}

fn traced(rig: &Rig, trace: &Path) -> Daemon {
    let log = rig.path("traced.log");
    let file = std::fs::File::create(&log).unwrap();
    let child = Command::new("strace")
        .args(["-f", "-y", "-s", "16384", "-o"])
        .arg(trace)
        .args([
            "-e",
            "trace=fsync,fdatasync,pwrite64,pwritev,write,writev,sendto,sendmsg",
        ])
        .arg(BINARY)
        .arg("--config")
        .arg(rig.path("refollow.toml"))
        .arg("run")
        .env_remove("REFOLLOW_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(file)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Daemon { child, log }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_intent_is_synced_before_its_request_leaves() {
    let there = Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .await;
    if !there.is_ok_and(|status| status.success()) {
        eprintln!("notice: not checked, there is no strace (Debian: apt-get install strace)");
        return;
    }
    let rig = Rig::new("auto").await;
    let trace = rig.path("trace");
    let mut daemon = traced(&rig, &trace);
    daemon.wait_until_well().await;
    until("the leader's side is looked at twice", async || {
        let looks = rig.world().requests();
        let looks = looks
            .iter()
            .filter(|entry| entry.cluster == "leader" && entry.path.starts_with("/orders/_stats"));
        (looks.count() >= 2).then_some(())
    })
    .await;
    rig.break_follower_by("live-lease:orders-f");
    until("it is recreated", async || {
        let changes = rig.changes();
        let put = changes.iter().any(|entry| entry.path.contains("_ccr/follow?"));
        (put && rig.equal()).then_some(())
    })
    .await;
    let seen = read(&std::fs::read_to_string(&trace).unwrap());
    let verdicts = verdicts(&seen);
    for step in STEPS {
        assert!(
            verdicts.iter().any(|(sent, _)| *sent == step),
            "{step} was not sent: {verdicts:?}"
        );
    }
    assert!(verdicts.iter().all(|(_, synced)| *synced), "{verdicts:?}");
}

#[test]
fn a_trace_without_the_sync_is_told_from_one_with_it() {
    let write = r#"7 pwrite64(9</x/refollow.db-wal>, "\"target\":\"/orders-f/_close\"", 40, 0) = 40"#;
    let sync = "7 fdatasync(9</x/refollow.db-wal>) = 0";
    let sent = r#"8 sendto(12<socket:[1]>, "POST /orders-f/_close?x=0 HTTP/1.1\r\n", 30, 0, NULL, 0) = 30"#;
    let all = |lines: &[&str]| verdicts(&read(&lines.join("\n")));
    assert_eq!(all(&[write, sync, sent]), [("/_close", true)]);
    assert_eq!(all(&[write, sent]), [("/_close", false)]);
    assert_eq!(all(&[sync, write, sent]), [("/_close", false)]);
    assert_eq!(
        all(&[write, sync, sent, sent]),
        [("/_close", true), ("/_close", false)]
    );
    let begun = "7 fdatasync(9</x/refollow.db-wal> <unfinished ...>";
    let ended = "7 <... fdatasync resumed>) = 0";
    assert_eq!(all(&[write, begun, sent, ended]), [("/_close", false)]);
    assert_eq!(all(&[write, begun, ended, sent]), [("/_close", true)]);
}
