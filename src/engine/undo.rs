//! The commands to undo or finish a run by hand, and where they go before a run changes anything.
//!
//! Safety 5: the host can be lost after the pause, and the follow parameters exist nowhere else
//! then. So they go, with real names and parameters and without secrets, into the journal, to a
//! plain file that is flushed to the disk, and to the log. Where the file cannot be written, the
//! run does not start.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::domain::cause::Remedy;
use crate::domain::ids::{IndexName, RunId};
use crate::domain::plan::{LeaseWay, PlanBasis};
use crate::domain::run::Run;

/// Where to send by hand: the URLs as configured, without user info.
#[derive(Debug, Clone)]
pub struct Urls {
    /// The follower cluster's.
    pub follower: String,
    /// The leader cluster's, where one is configured.
    pub leader: Option<String>,
}

/// The commands, with a line of explanation (`# …`) before each. `$AUTH` stands for whatever the
/// cluster wants (`-u name`, `-H "Authorization: ApiKey …"`); no secret is written.
pub fn commands(
    basis: &PlanBasis,
    follower_cluster_name: Option<&str>,
    was_active: bool,
    urls: &Urls,
) -> Vec<String> {
    if basis.beside.is_some() {
        return beside(basis, follower_cluster_name, urls);
    }
    let follower = encode(basis.follower.as_str());
    let base = urls.follower.trim_end_matches('/');
    let parameters = if basis.parameters.is_empty() {
        None
    } else {
        Some(json!(basis.parameters))
    };
    let mut lines = vec![
        format!(
            "# follower `{}` (UUID {}) on `{}` follows `{}` through `{}`",
            basis.follower, basis.follower_uuid, basis.cluster, basis.leader, basis.remote
        ),
        "# is it open, is it paused?".to_owned(),
        curl("GET", &format!("{base}/{follower}/_ccr/info"), None),
        "# undo, if it is closed and the copy is the old one: open it".to_owned(),
        curl("POST", &format!("{base}/{follower}/_open"), None),
    ];
    if was_active {
        lines.push("# undo, if it is paused: resume it with the parameters it had".to_owned());
    } else {
        lines.push(
            "# it was paused before refollow touched it; to follow again, resume it with the parameters known"
                .to_owned(),
        );
    }
    if basis.lease == LeaseWay::Unfollow {
        lines.push(
            "# not possible any more once it is unfollowed (`_ccr/info` does not list it): then it is an ordinary \
             index with its documents, to be kept, or followed over as below"
                .to_owned(),
        );
    }
    lines.push(curl(
        "POST",
        &format!("{base}/{follower}/_ccr/resume_follow"),
        parameters.as_ref(),
    ));
    if basis.ladder.contains(&Remedy::Recreate) {
        lines.push(
            "# finish by hand instead: only while it is paused and CLOSED, and the leader is the good copy"
                .to_owned(),
        );
        if let (Some(leader), Some(cluster)) = (&urls.leader, follower_cluster_name) {
            lines.push("# 1. on the leader cluster: remove the follower's retention lease".to_owned());
            lines.push(forget(basis, leader, cluster));
        }
        lines.push("# 2. copy everything again: this REPLACES the follower's data".to_owned());
        let mut body = parameters.unwrap_or_else(|| json!({}));
        if let Value::Object(map) = &mut body {
            map.insert("remote_cluster".to_owned(), json!(basis.remote));
            map.insert("leader_index".to_owned(), json!(basis.leader));
            if !basis.follow_settings.is_empty() {
                map.insert("settings".to_owned(), json!(basis.follow_settings));
            }
        }
        lines.push(curl(
            "PUT",
            &format!("{base}/{follower}/_ccr/follow?wait_for_active_shards=1"),
            Some(&body),
        ));
        if basis.ladder.contains(&Remedy::DeleteAndFollow) {
            lines.push(format!(
                "# instead of closing, only where that copy failed as well and the index still has the UUID {}: \
                 delete it first; the index, its UUID and its lease are new then",
                basis.follower_uuid
            ));
            lines.push(curl("DELETE", &format!("{base}/{follower}"), None));
            lines.push("# and follow as above".to_owned());
        }
        if !basis.own_settings.is_empty() {
            lines.push("# 3. put its own settings back".to_owned());
            lines.push(curl(
                "PUT",
                &format!("{base}/{follower}/_settings"),
                Some(&json!(basis.own_settings)),
            ));
        }
    }
    lines
}

/// Side by side: nothing is undone at the follower, for nothing is done to it. How to hand over, how
/// to go back, and how to remove either of the two.
fn beside(basis: &PlanBasis, follower_cluster_name: Option<&str>, urls: &Urls) -> Vec<String> {
    let (old, new) = (&basis.follower, basis.target());
    let base = urls.follower.trim_end_matches('/');
    let of = |name: &IndexName, rest: &str| format!("{base}/{}{rest}", encode(name.as_str()));
    let mut lines = vec![
        format!(
            "# `{new}` is followed from `{}` through `{}` beside `{old}` (UUID {}) on `{}`; `{old}` is not touched",
            basis.leader, basis.remote, basis.follower_uuid, basis.cluster
        ),
        "# is the new one there, and does it follow?".to_owned(),
        curl("GET", &of(new, "/_ccr/info"), None),
        curl("GET", &of(new, "/_ccr/stats"), None),
        format!(
            "# hand over: point what reads `{old}` at `{new}`; the way back, at any time: point it at `{old}` again"
        ),
    ];
    lines.push(if basis.aliases.is_empty() {
        "# no alias helps: Elasticsearch refuses `_aliases` on a follower (403), its aliases come from the leader"
            .to_owned()
    } else {
        let names: Vec<&str> = basis.aliases.keys().map(String::as_str).collect();
        format!(
            "# the aliases {} come from the leader and are on both: until one of the two is deleted, a search \
             through them sees every document twice",
            names.join(", ")
        )
    });
    lines.push(format!(
        "# before the old one goes: the new one must have all that it has. Compare after a `_refresh` of both: \
         documents, and max_seq_no per shard (no shard of `{new}` may be lower)"
    ));
    for name in [old, new] {
        lines.push(curl("GET", &of(name, "/_count"), None));
        lines.push(curl("GET", &of(name, "/_stats?level=shards"), None));
    }
    lines.push(format!(
        "# remove the old one, only while its UUID is {} and nothing reads it: this DELETES its data and the way back",
        basis.follower_uuid
    ));
    lines.push(curl("DELETE", &of(old, ""), None));
    if let (Some(leader), Some(cluster)) = (&urls.leader, follower_cluster_name) {
        lines.push(
            "# then, on the leader cluster, its lease, which would hold history for nothing".to_owned(),
        );
        lines.push(forget(basis, leader, cluster));
    }
    lines.push(
        "# instead, to give the NEW one up (its UUID stands in `refollow runs --run`), only while nothing reads it"
            .to_owned(),
    );
    lines.push(curl("DELETE", &of(new, ""), None));
    lines
}

/// `forget_follower` for the lease of the plan's follower.
fn forget(basis: &PlanBasis, leader: &str, cluster: &str) -> String {
    curl(
        "POST",
        &format!(
            "{}/{}/_ccr/forget_follower",
            leader.trim_end_matches('/'),
            encode(basis.leader.as_str())
        ),
        Some(&json!({
            "follower_cluster": cluster,
            "follower_index": basis.follower,
            "follower_index_uuid": basis.follower_uuid,
            "leader_remote_cluster": basis.remote,
        })),
    )
}

fn curl(method: &str, url: &str, body: Option<&Value>) -> String {
    let mut line = format!("curl $AUTH -X{method} {}", quote(url));
    if let Some(body) = body {
        line.push_str(" -H 'Content-Type: application/json' -d ");
        line.push_str(&quote(&body.to_string()));
    }
    line
}

/// One word of a POSIX shell.
fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

fn encode(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
        .to_string()
        .replace("%2D", "-")
        .replace("%2E", ".")
        .replace("%5F", "_")
}

/// Where the file of a run lies.
pub fn path(directory: &Path, run: &RunId) -> PathBuf {
    directory.join(format!("{run}.txt"))
}

/// Writes the file and flushes it and its directory to the disk. Writing it again is harmless.
///
/// # Errors
/// One sentence with the path.
pub async fn write(directory: &Path, run: &Run) -> Result<PathBuf, String> {
    let directory = directory.to_owned();
    let path = path(&directory, run.id());
    let mut text = format!(
        "refollow run {} (plan {}), opened {}\n",
        run.id(),
        run.plan().hash,
        run.opened_at()
    );
    for line in &run.before().undo {
        text.push_str(line);
        text.push('\n');
    }
    let target = path.clone();
    let written = tokio::task::spawn_blocking(move || -> std::io::Result<()> {
        std::fs::create_dir_all(&directory)?;
        let mut file = std::fs::File::create(&target)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::File::open(&directory)?.sync_all()
    })
    .await;
    match written {
        Ok(Ok(())) => Ok(path),
        Ok(Err(error)) => Err(format!(
            "the undo commands cannot be written to {}: {error}",
            path.display()
        )),
        Err(error) => Err(format!(
            "the undo commands were not written to {}: {error}",
            path.display()
        )),
    }
}

/// Says the commands to the log, at a level that the default filter keeps.
pub fn log(run: &Run) {
    tracing::warn!(
        run = %run.id(),
        follower = %run.plan().basis.key(),
        "before changing anything, the commands to undo by hand:\n{}",
        run.before().undo.join("\n")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_quoted_so_that_a_shell_reads_it_as_it_stands() {
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("it's $HOME"), r"'it'\''s $HOME'");
    }

    #[test]
    fn an_index_name_in_a_path_is_encoded() {
        assert_eq!(encode(".ds-logs_a-2026.01.01"), ".ds-logs_a-2026.01.01");
        assert_eq!(encode("größe%"), "gr%C3%B6%C3%9Fe%25");
    }
}
