//! What may be typed: every command with its options, exactly as the contract lists them.
//!
//! Owns no behaviour. clap itself ends wrong use with exit code 2, which is the contract's.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::cli::look::Color;
use crate::config::parse_duration;
use crate::domain::access::Role;
use crate::domain::brake::BrakeScope;
use crate::domain::ids::{ClusterName, FollowerKey, IndexName, RemoteAlias, RunId, SnapshotRef};
use crate::http::dto::{OverrideBody, RecreateBody};

/// Watches Elasticsearch cross-cluster replication and repairs broken followers safely.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "refollow", version, max_term_width = 100)]
#[command(
    after_help = "Exit codes: 0 done; 1 failed; 2 wrong use, configuration or unreadable file; 3 refused by a guard, or approval expired or void; 4 the daemon cannot be reached; 5 what `simulate --fail-on` names is so."
)]
pub struct Args {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that stand before or behind any command.
#[derive(Debug, Clone, PartialEq, Eq, Default, ClapArgs)]
pub struct Global {
    /// The configuration file [default: /etc/refollow/refollow.toml]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The daemon's admin socket [default: `daemon.admin_socket` of the configuration]
    #[arg(long, global = true, value_name = "PATH")]
    pub socket: Option<PathBuf>,
    /// Answer as JSON on standard output
    #[arg(long, global = true)]
    pub json: bool,
    /// Colours
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t)]
    pub color: Color,
}

/// The commands.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the daemon in the foreground
    Run,
    /// Read a configuration and list every mistake in it
    CheckConfig {
        /// The file; default: what --config names
        file: Option<PathBuf>,
    },
    /// Show what refollow does, on two simulated clusters, within a minute
    Demo(Demo),
    /// Serve two simulated clusters over HTTP
    Sandbox(Sandbox),
    /// Every follower with its state, cause and decision, what needs a person first
    Status(Status),
    /// Why refollow does what it does, or nothing, about one follower: every guard
    Why(OneFollower),
    /// The plan for one follower
    Plan(Planned),
    /// What was asked and answered about one follower, as an evidence file
    Evidence(OneFollower),
    /// Make a plan to recreate one follower; it passes every guard and still needs its approval
    Recreate(Recreate),
    /// Make a plan to raise the leader's lease period, so that history is kept for longer; it always
    /// needs its approval, and is undone after the cure
    ExtendRunway {
        /// The follower
        #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, help = "<cluster>/<index>")]
        follower: FollowerKey,
        /// The period, as in 36h
        #[arg(long, value_name = "TIME", value_parser = duration, required_unless_present = "undo")]
        to: Option<Duration>,
        /// Put back what was raised, now
        #[arg(long, conflicts_with = "to")]
        undo: bool,
    },
    /// Say that you know of a cause that refollow never repairs: it counts for no breaker until it
    /// is another one
    Acknowledge {
        /// The follower
        #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, help = "<cluster>/<index>")]
        follower: FollowerKey,
        /// Why it stays as it is
        #[arg(long, value_name = "T", value_parser = reason)]
        reason: String,
    },
    /// Plans that wait or run
    Plans,
    /// Approve exactly one plan
    Approve {
        /// The plan's hash, or its beginning (8 digits or more), as `plans` shows it
        #[arg(value_parser = plan_hash)]
        hash: String,
        /// A word for those who read the journal
        #[arg(long, value_name = "T")]
        note: Option<String>,
        /// The index whose copy will be lost, typed exactly, where `plan` says that it must be
        #[arg(long, value_name = "INDEX")]
        lose: Option<String>,
    },
    /// Reject exactly one plan
    Reject {
        /// The plan's hash, or its beginning (8 digits or more), as `plans` shows it
        #[arg(value_parser = plan_hash)]
        hash: String,
        /// Why
        #[arg(long, value_name = "T", value_parser = reason)]
        reason: String,
    },
    /// Runs with their steps
    Runs {
        /// Only this one
        #[arg(long, value_name = "ID", value_parser = run_id)]
        run: Option<RunId>,
    },
    /// Make a run back out now, or say why it cannot any more
    Abort {
        /// The run's id, as `runs` shows it
        #[arg(value_parser = run_id)]
        run: RunId,
    },
    /// Stop a class of actions
    Brake {
        /// What to stop; the forms are those of [`BrakeScope::parse`]
        #[arg(
            value_parser = scope,
            help = "all, recreate, resume, cluster:<c>, remote:<c>/<alias> or follower:<c>/<i>"
        )]
        scope: BrakeScope,
        /// Why
        #[arg(long, value_name = "T", value_parser = reason)]
        reason: String,
        /// For how long, as in 2h; default: until it is released
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        duration: Option<Duration>,
    },
    /// Release a brake
    Release {
        /// The scope exactly as it was braked
        #[arg(value_parser = scope)]
        scope: BrakeScope,
    },
    /// Prove the whole way from the look to the cure on a pair of clusters: the daemon makes a
    /// leader and a follower index of its own (`refollow-drill-…`), loses their history on purpose,
    /// must see, judge, plan, repair and verify it, and deletes both. You approve the plan by calling
    /// this. Takes some minutes; never in mode `observe`; a brake stops it. Exit code 0: proven, 1: not,
    /// 3: a guard refused it
    Drill {
        /// The follower cluster, as the configuration names it
        #[arg(value_name = "CLUSTER", value_parser = cluster)]
        cluster: ClusterName,
        /// The alias of the leader cluster; needed where the follower cluster has several
        #[arg(long, value_name = "ALIAS", value_parser = alias)]
        remote: Option<RemoteAlias>,
    },
    /// Who is told when something is wrong: try receivers, or list what they were told
    Notify {
        /// Which
        #[command(subcommand)]
        command: Notify,
    },
    /// Read the audit log, or prove that nothing in it was changed; works with the daemon down
    Audit {
        /// Which
        #[command(subcommand)]
        command: Audit,
    },
    /// Tell what one follower did and what was decided about it, with a picture; or export all of it
    #[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
    History(History),
    /// Tell what another policy would have recreated, resumed, asked and paged; works with the daemon down
    Simulate(Simulate),
    /// Tokens for the pages and the API over TCP
    Token {
        /// Which
        #[command(subcommand)]
        command: Token,
    },
    /// Judge evidence files; needs no daemon and no network
    Diagnose {
        /// Evidence files
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Measure what looking costs
    Bench {
        /// What to measure; by default one look at many followers, beside the bare parse of its bytes
        #[command(subcommand)]
        what: Option<Bench>,
    },
    /// Print what a shell needs to complete the commands
    Completions {
        /// The shell
        #[arg(value_name = "SHELL", value_enum)]
        shell: Shell,
    },
    /// Print the man page, or write those of all commands into a directory
    Man {
        /// Where to write them; made where it is missing
        #[arg(long, value_name = "DIR")]
        dir: Option<PathBuf>,
    },
}

/// `status`.
#[derive(Debug, Clone, PartialEq, Eq, Default, ClapArgs)]
pub struct Status {
    /// Again and again until Ctrl-C: in place on a terminal, one block below the other elsewhere
    #[arg(long)]
    pub watch: bool,
    /// How long between two looks of --watch, at least 1s
    #[arg(long, value_name = "TIME", value_parser = interval, requires = "watch", default_value = "2s")]
    pub interval: Duration,
}

/// `token`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Token {
    /// Make one; it is shown once and kept nowhere but as its SHA-256
    Create {
        /// What it lets somebody do; each role includes those before it
        #[arg(long, value_name = "ROLE", value_parser = role, help = "view, approve, operate or admin")]
        role: Role,
        /// Whom it is for: counts as the user of that name [default: whoever calls]
        #[arg(long, value_name = "NAME")]
        person: Option<String>,
        /// Only on these follower clusters, with commas between [default: all]
        #[arg(long, value_name = "CLUSTERS", value_delimiter = ',', value_parser = cluster)]
        clusters: Option<Vec<ClusterName>>,
        /// For how long, as in 720h [default: until it is revoked]
        #[arg(long = "for", value_name = "TIME", value_parser = duration)]
        duration: Option<Duration>,
    },
    /// Every token, without anything secret
    List,
    /// End one now, with the sessions that it began
    Revoke {
        /// Its id, as `list` shows it
        #[arg(value_name = "ID")]
        id: String,
    },
}

/// `bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Bench {
    /// A daemon of its own, looking at clusters of its own
    Fleet {
        /// Follower clusters
        #[arg(long, value_name = "N", default_value_t = 100)]
        clusters: usize,
        /// Followers of each
        #[arg(long, value_name = "N", default_value_t = 100)]
        followers: usize,
        /// Shards of each follower
        #[arg(long, value_name = "N", default_value_t = 5)]
        shards: u32,
        /// How often each cluster is looked at
        #[arg(long, value_name = "LENGTH", default_value = "15s", value_parser = duration)]
        interval: Duration,
        /// Look at the leader clusters too, every four intervals
        #[arg(long)]
        leaders: bool,
        /// Follower clusters that accept connections and never answer
        #[arg(long, value_name = "N", default_value_t = 0)]
        hang: usize,
        /// Follower clusters that answer one byte a second
        #[arg(long, value_name = "N", default_value_t = 0)]
        trickle: usize,
        /// For how long
        #[arg(long, value_name = "LENGTH", default_value = "60s", value_parser = duration)]
        measure: Duration,
    },
    /// The goals of docs/COST.md beside what this machine reaches; takes about a quarter of an hour
    Table,
    /// Whether people who look delay looks and repairs: open pages and API calls beside a fleet
    Load {
        /// Follower clusters beside a pair of the sandbox, of 100 followers with 5 shards each
        #[arg(long, value_name = "N", default_value_t = 100)]
        clusters: usize,
        /// Open pages
        #[arg(long, value_name = "N", default_value_t = 200)]
        pages: usize,
        /// API calls a second
        #[arg(long, value_name = "N", default_value_t = 50)]
        calls: u32,
    },
    /// The clusters of `fleet`, until standard input ends
    #[command(hide = true)]
    Stub {
        /// Follower clusters
        #[arg(long)]
        clusters: usize,
        /// Followers of each
        #[arg(long)]
        followers: usize,
        /// Shards of each follower
        #[arg(long)]
        shards: u32,
        /// Follower clusters that accept connections and never answer
        #[arg(long)]
        hang: usize,
        /// Follower clusters that answer one byte a second
        #[arg(long)]
        trickle: usize,
    },
}

/// `notify`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Notify {
    /// Send a test message and say what the receiver answered; exit code 1: one did not take it
    Test {
        /// The receiver, as the configuration names it [default: each]
        #[arg(value_name = "RECEIVER")]
        receiver: Option<String>,
    },
    /// What stands and was told, and what is still to be told
    Show,
}

/// `history`.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct History {
    /// Follower
    #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, required = true)]
    pub follower: Option<FollowerKey>,
    /// From so long ago
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "24h")]
    pub since: Duration,
    /// Until so long ago [default: now]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub until: Option<Duration>,
    /// Something else
    #[command(subcommand)]
    pub command: Option<HistoryOf>,
}

/// `history export`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum HistoryOf {
    /// Print everything that was kept as JSON lines; works with the daemon down
    Export(Export),
}

/// `history export`.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Export {
    /// From so long ago
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30d")]
    pub since: Duration,
    /// Until so long ago [default: now]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub until: Option<Duration>,
    /// The form of the lines
    #[arg(long, value_name = "FORM", value_parser = ["jsonl"], default_value = "jsonl")]
    pub format: String,
    /// Only followers whose index has such a name; what is shared by all is printed all the same
    #[arg(long, value_name = "GLOB")]
    pub follower: Option<String>,
    /// Only followers on such clusters
    #[arg(long, value_name = "GLOB")]
    pub cluster: Option<String>,
    /// The state to read, beside or without the daemon [default: that of the configuration]
    #[arg(long, value_name = "URL")]
    pub state: Option<String>,
}

/// `simulate`.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Simulate {
    /// A configuration with the policy to try; today's is the one of --config
    #[arg(long, value_name = "FILE")]
    pub policy: PathBuf,
    /// From so long ago
    #[arg(long, value_name = "TIME", value_parser = duration, default_value = "30d")]
    pub since: Duration,
    /// Until so long ago [default: now]
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub until: Option<Duration>,
    /// What people are assumed to say to a plan that waits: what they said then, nothing, or yes at once
    #[arg(long, value_name = "WORD", value_enum, default_value_t = Approve::Recorded)]
    pub approve: Approve,
    /// Exit with 5 where this is so; may be given several times
    #[arg(long, value_name = "WHAT", value_enum)]
    pub fail_on: Vec<FailOn>,
    /// The state to read, beside or without the daemon [default: that of the configuration]
    #[arg(long, value_name = "URL", conflicts_with = "from")]
    pub state: Option<String>,
    /// Read what `history export` printed
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
}

/// What people are assumed to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Approve {
    /// What they said then, to the same plan
    Recorded,
    /// Nothing
    None,
    /// Yes, at once
    All,
}

/// When a simulation fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// More would have been recreated
    MoreRecreates,
    /// More would have been recreated or resumed
    MoreRepairs,
    /// People would have been asked more often
    MoreQuestions,
    /// People would have been paged more often
    MorePages,
    /// Anything would have been different
    AnyDifference,
}

/// `audit`.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Audit {
    /// Compute the hash chain of the whole log; exit code 1 names the first record that does not fit
    Verify {
        /// The state to read, beside or without the daemon, as in `sqlite:///var/lib/refollow/refollow.db`
        #[arg(long, value_name = "URL")]
        state: Option<String>,
    },
    /// Tell what was decided, approved, sent and answered, oldest first
    Show {
        /// Only this run, from its plan to its end
        #[arg(long, value_name = "ID", value_parser = run_id)]
        run: Option<RunId>,
        /// Only what is about this follower
        #[arg(long, value_name = "CLUSTER/INDEX", value_parser = follower)]
        follower: Option<FollowerKey>,
        /// Only what is younger than this, as in 2h
        #[arg(long, value_name = "TIME", value_parser = duration)]
        since: Option<Duration>,
        /// At most so many records, the newest
        #[arg(long, value_name = "N", default_value_t = 200)]
        limit: u32,
        /// The state to read, beside or without the daemon, as in `sqlite:///var/lib/refollow/refollow.db`
        #[arg(long, value_name = "URL")]
        state: Option<String>,
    },
}

/// `demo`.
#[derive(Debug, Clone, PartialEq, Eq, Default, ClapArgs)]
pub struct Demo {
    /// Stay up after the story has ended, until Ctrl-C
    #[arg(long)]
    pub keep: bool,
}

/// `sandbox`.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Sandbox {
    /// Port of the leader cluster on 127.0.0.1; 0: any free one
    #[arg(long, default_value_t = 9311, value_name = "PORT")]
    pub leader_port: u16,
    /// Port of the follower cluster on 127.0.0.1; 0: any free one
    #[arg(long, default_value_t = 9312, value_name = "PORT")]
    pub follower_port: u16,
    /// Which Elasticsearch both speak like
    #[arg(long, default_value = "8.10.4", value_name = "VERSION", value_parser = ["7.7.0", "8.10.4"])]
    pub version: String,
    /// What happens to them
    #[arg(long, value_name = "NAME")]
    pub scenario: Option<String>,
}

/// A command about one follower.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct OneFollower {
    /// The follower
    #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, help = "<cluster>/<index>")]
    pub follower: FollowerKey,
}

/// `plan`: now, or as `recreate` with the same options would make it.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Planned {
    /// The follower
    #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, help = "<cluster>/<index>")]
    pub follower: FollowerKey,
    /// Show the plan as it would be with this guard overridden; nothing is made
    #[arg(long = "override", value_name = "GUARD")]
    pub overrides: Vec<String>,
    /// Show it side by side, under this free name
    #[arg(long = "side-by-side", value_name = "NEW-INDEX", value_parser = index, conflicts_with_all = ["snapshot", "lease"])]
    pub beside: Option<IndexName>,
    /// Show it with this snapshot of the follower
    #[arg(long, value_name = "REPOSITORY/SNAPSHOT", value_parser = snapshot)]
    pub snapshot: Option<String>,
    /// Show it with the old lease gone this way
    #[arg(long, value_name = "WAY", value_parser = ["forget", "wait", "unfollow"])]
    pub lease: Option<String>,
}

impl Planned {
    /// What would be asked for beside the recreate, as `recreate` takes it. The index may be typed
    /// behind the guard, as there, and has to be the follower's then.
    ///
    /// # Errors
    /// What was typed for another index.
    pub fn body(&self) -> Result<RecreateBody, String> {
        let index = &self.follower.index;
        let overrides = self.overrides.iter().map(|text| {
            let (fact, typed) = text.split_once('=').unwrap_or((text, index.as_str()));
            if typed != index.as_str() {
                return Err(format!("`{text}` names another index than `{index}`"));
            }
            Ok(OverrideBody {
                index: index.clone(),
                fact: fact.to_owned(),
            })
        });
        Ok(RecreateBody {
            overrides: overrides.collect::<Result<_, _>>()?,
            snapshot: self.snapshot.clone(),
            lease: self.lease.clone(),
            beside: self.beside.clone(),
        })
    }
}

/// `recreate`.
#[derive(Debug, Clone, PartialEq, Eq, ClapArgs)]
pub struct Recreate {
    /// The follower
    #[arg(value_name = "CLUSTER/INDEX", value_parser = follower, help = "<cluster>/<index>")]
    pub follower: FollowerKey,
    /// Override a guard of the last good copy, with the index typed once more; needs --snapshot
    #[arg(long = "override", value_name = "GUARD=INDEX", value_parser = override_of)]
    pub overrides: Vec<OverrideBody>,
    /// A finished snapshot of the follower, taken after it stopped following
    #[arg(long, value_name = "REPOSITORY/SNAPSHOT", value_parser = snapshot)]
    pub snapshot: Option<String>,
    /// How the old lease goes: forget it on the leader cluster, wait until it has expired, or
    /// unfollow (which loses the way back)
    #[arg(long, value_name = "WAY", value_parser = ["forget", "wait", "unfollow"])]
    pub lease: Option<String>,
    /// Side by side: follow the leader anew under this free name and leave the follower as it is
    #[arg(long = "side-by-side", value_name = "NEW-INDEX", value_parser = index, conflicts_with_all = ["snapshot", "lease"])]
    pub beside: Option<IndexName>,
}

impl Recreate {
    /// As the daemon takes it.
    pub fn body(&self) -> RecreateBody {
        RecreateBody {
            overrides: self.overrides.clone(),
            snapshot: self.snapshot.clone(),
            lease: self.lease.clone(),
            beside: self.beside.clone(),
        }
    }
}

fn override_of(text: &str) -> Result<OverrideBody, String> {
    let (fact, index) = text
        .split_once('=')
        .ok_or("names no index; write the guard, `=`, and the follower index once more")?;
    let index = IndexName::parse(index).map_err(|error| error.to_string())?;
    Ok(OverrideBody {
        index,
        fact: fact.to_owned(),
    })
}

fn index(text: &str) -> Result<IndexName, String> {
    IndexName::parse(text).map_err(|error| error.to_string())
}

fn snapshot(text: &str) -> Result<String, String> {
    SnapshotRef::parse(text)
        .map(|name| name.to_string())
        .ok_or_else(|| "is not a snapshot; write <repository>/<snapshot>".to_owned())
}

fn follower(text: &str) -> Result<FollowerKey, String> {
    FollowerKey::parse(text).map_err(|error| error.to_string())
}

fn plan_hash(text: &str) -> Result<String, String> {
    // Hashes are printed in lower case; a pasted one in upper case is the same hash.
    let text = text.to_ascii_lowercase();
    if (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Ok(text)
    } else {
        Err("is not a plan's hash: 64 hexadecimal digits, or at least the first 8 of them".into())
    }
}

fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "is not view, approve, operate or admin".to_owned())
}

fn cluster(text: &str) -> Result<ClusterName, String> {
    ClusterName::parse(text).map_err(|error| error.to_string())
}

fn alias(text: &str) -> Result<RemoteAlias, String> {
    RemoteAlias::parse(text).map_err(|error| error.to_string())
}

fn run_id(text: &str) -> Result<RunId, String> {
    RunId::parse(text).map_err(|error| error.to_string())
}

fn scope(text: &str) -> Result<BrakeScope, String> {
    BrakeScope::parse(text)
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_duration(text) {
        Ok(Duration::ZERO) => Err("would end at once".into()),
        Ok(length) => Ok(length),
        Err(problem) => Err(format!("{problem}; write a length of time such as 2h")),
    }
}

/// More often than once a second nothing changes that an eye could follow.
fn interval(text: &str) -> Result<Duration, String> {
    let length = duration(text)?;
    if length < Duration::from_secs(1) {
        return Err("is shorter than 1s".into());
    }
    Ok(length)
}

fn reason(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        Err("says nothing; whoever finds it later needs to know why".into())
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    fn parse(line: &str) -> Result<Args, clap::Error> {
        Args::try_parse_from(line.split_whitespace())
    }

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }

    #[test]
    fn every_line_of_the_contract_is_understood() {
        let hash = "a".repeat(64);
        for line in [
            "run",
            "check-config",
            "check-config refollow.toml",
            "demo",
            "demo --keep",
            "sandbox",
            "sandbox --leader-port 9311 --follower-port 9312 --version 7.7.0 --scenario history-lost",
            "status",
            "status --watch",
            "status --watch --interval 10s",
            "completions bash",
            "completions zsh",
            "completions fish",
            "man",
            "man --dir man1",
            "why eu/orders-f",
            "plan eu/orders-f",
            "evidence eu/orders-f",
            "recreate eu/orders-f",
            "recreate eu/orders-f --side-by-side orders-g --override alias_counts_once=orders-f",
            "extend-runway eu/orders-f --to 36h",
            "extend-runway eu/orders-f --undo",
            "plans",
            &format!("approve {hash}"),
            &format!("approve {hash} --note looks-good"),
            &format!("approve {hash} --lose orders-f"),
            &format!("reject {hash} --reason no"),
            "runs",
            "runs --run r-1",
            "abort r-1",
            "brake all --reason drill",
            "brake recreate --reason drill --for 2h",
            "brake resume --reason drill",
            "brake cluster:eu --reason drill",
            "brake remote:eu/lead --reason drill",
            "brake follower:eu/orders-f --reason drill",
            "release remote:eu/lead",
            "drill eu",
            "drill eu --remote lead",
            "notify test",
            "notify test on-call",
            "notify show",
            "audit verify",
            "audit verify --state sqlite:///tmp/x.db",
            "audit show",
            "audit show --run r-1 --since 2h --limit 10",
            "audit show --follower eu/orders-f --state sqlite:///tmp/x.db",
            "diagnose a.json b.json",
            "bench",
            "bench fleet --clusters 10 --followers 5 --shards 2 --interval 1s --measure 2s --leaders",
            "bench table",
            "bench load --clusters 10 --pages 5 --calls 5",
        ] {
            let options = "--config x.toml --socket /tmp/a.sock --json --color never";
            for line in [
                format!("refollow {line}"),
                format!("refollow {line} {options}"),
                format!("refollow {options} {line}"),
            ] {
                let parsed = parse(&line);
                assert!(parsed.is_ok(), "{line}: {}", parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn wrong_use_ends_with_2() {
        let hash = "a".repeat(64);
        for line in [
            "",
            "frobnicate",
            "why",
            "why orders-f",
            "why eu/orders-*",
            "plan eu/a,b",
            "recreate eu/orders-f --side-by-side",
            "recreate eu/orders-f --side-by-side orders-*",
            "recreate eu/orders-f --side-by-side orders-g --lease wait",
            "approve abc",
            &format!("reject {hash}"),
            "brake all",
            "brake nothing --reason x",
            "brake all --reason x --for soon",
            "brake all --reason x --for 0s",
            "abort",
            "diagnose",
            "extend-runway eu/orders-f",
            "extend-runway eu/orders-f --to 36h --undo",
            "drill",
            "drill eu/orders-f",
            "drill eu --remote a,b",
            "notify",
            "notify test a b",
            "audit",
            "audit show --limit many",
            "audit show --since yesterday",
            "sandbox --version 6.8.0",
            "status --watch --interval 10ms",
            "status --interval 5s",
            "status --color sometimes",
            "completions",
            "completions tcsh",
            "sandbox --leader-port 99999",
        ] {
            let error = parse(&format!("refollow {line}")).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{line}");
        }
        for line in ["--help", "--version", "help", "brake --help"] {
            assert_eq!(
                parse(&format!("refollow {line}")).unwrap_err().exit_code(),
                0,
                "{line}"
            );
        }
    }

    #[test]
    fn a_hash_in_capitals_is_the_same_hash() {
        let Command::Approve { hash, .. } = parse(&format!("refollow approve {}", "AB".repeat(32)))
            .unwrap()
            .command
        else {
            panic!("not an approval");
        };
        assert_eq!(hash.as_str(), "ab".repeat(32));
    }
}
