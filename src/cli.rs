//! The command line: arguments in, exit code out (contract, *Command line*).
//!
//! Owns the dispatch and the exit codes; what may be typed is in `args`, what asks the daemon in
//! `client`. Answers go to standard output, everything else to standard error.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::app::{self, Exit, StartError};
use crate::bench;
use crate::clock::{Clock as _, SystemClock};
use crate::config;
use crate::demo;
use crate::evidence;
use crate::sandbox::command as sandbox;
use crate::sandbox::pair::Version;
use crate::telemetry;

pub mod args;
pub mod check_config;
pub mod client;
pub mod look;
pub mod manual;
mod past;

use args::{Args, Audit, Bench, Command, Global, Notify, Token};
use client::Session;
use client::audit::Source;
use look::Look;

/// Done.
const DONE: u8 = 0;
/// Tried and failed.
const FAILED: u8 = 1;
/// Wrong use, configuration or unreadable file.
const WRONG: u8 = 2;

/// Runs the command of this process's arguments.
pub fn run() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            complain(&format!("cannot start: {error}"));
            return ExitCode::from(FAILED);
        }
    };
    let code = runtime.block_on(dispatch(args));
    // A task that does not end (a connection that hangs) must not keep the process: everything
    // that matters was waited for.
    runtime.shutdown_background();
    ExitCode::from(code)
}

async fn dispatch(args: Args) -> u8 {
    let global = args.global;
    match args.command {
        Command::Run => daemon(global).await,
        Command::CheckConfig { file } => {
            let file = file.or(global.config);
            let (mut out, mut err) = (std::io::stdout().lock(), std::io::stderr().lock());
            check_config::run(file.as_deref(), std::env::vars(), global.json, &mut out, &mut err)
                .unwrap_or(FAILED)
        }
        Command::Demo(options) => {
            let colour = Look::of_stdout(global.color).color;
            match demo::run(options.keep, colour, &mut std::io::stdout()).await {
                Ok(code) => code,
                Err(error) => {
                    complain(&format!("demo: {error}"));
                    FAILED
                }
            }
        }
        Command::Sandbox(options) => serve_sandbox(options, global.json).await,
        Command::Diagnose { files } => {
            let (results, code) = evidence::diagnose_all(&files);
            answer(&serde_json::Value::Array(results));
            code
        }
        Command::Bench { what } => measure(what, global.json).await,
        Command::Audit { command } => audit(command, global).await,
        Command::History(args::History {
            command: Some(args::HistoryOf::Export(wanted)),
            ..
        }) => past::export_all(wanted, &global, SystemClock.now()).await,
        Command::Simulate(wanted) => past::simulate(wanted, &global, SystemClock.now()).await,
        Command::Completions { shell } => {
            written("completions", manual::completions(shell, &mut std::io::stdout()))
        }
        Command::Man { dir: None } => written("man", manual::page(&mut std::io::stdout())),
        Command::Man { dir: Some(dir) } => written(&dir.display().to_string(), manual::pages(&dir)),
        asking => ask(asking, global).await,
    }
}

/// One look in this process, or a fleet in processes of their own.
async fn measure(what: Option<Bench>, json: bool) -> u8 {
    fn told<T: serde::Serialize>(found: Result<T, String>, json: bool, print: fn(&T) -> String) -> u8 {
        match found {
            Ok(report) if json => {
                answer(&serde_json::json!(report));
                DONE
            }
            Ok(report) => {
                say(print(&report).trim_end());
                DONE
            }
            Err(error) => {
                complain(&format!("bench: {error}"));
                FAILED
            }
        }
    }
    let progress = |line: &str| complain(line);
    match what {
        None => told(bench::measure(bench::Size::default()), json, |report| {
            bench::table(report).unwrap_or_default()
        }),
        Some(Bench::Stub {
            clusters,
            followers,
            shards,
            hang,
            trickle,
        }) => {
            let fleet = bench::Fleet {
                clusters,
                followers,
                shards,
                hang,
                trickle,
            };
            told(bench::serve(fleet).await, json, |()| String::new())
        }
        Some(Bench::Fleet {
            clusters,
            followers,
            shards,
            interval,
            leaders,
            hang,
            trickle,
            measure,
        }) => {
            if hang + trickle >= clusters {
                complain("bench: --hang and --trickle leave no cluster that answers; give more --clusters");
                return WRONG;
            }
            let plan = bench::Plan {
                fleet: bench::Fleet {
                    clusters,
                    followers,
                    shards,
                    hang,
                    trickle,
                },
                interval,
                leaders,
                measure,
                scrapes: 5,
                restart: true,
            };
            told(bench::fleet(plan, progress).await, json, bench::line)
        }
        Some(Bench::Load {
            clusters,
            pages,
            calls,
        }) => {
            let plan = bench::Plan::of(clusters, Duration::from_secs(15));
            told(
                bench::load(plan, pages, calls, progress).await,
                json,
                bench::load_lines,
            )
        }
        Some(Bench::Table) => told(bench::goals(progress).await, json, bench::goals_table),
    }
}

/// The audit log: from the state that is named, else from the daemon, else from its state.
async fn audit(command: Audit, global: Global) -> u8 {
    let (Audit::Verify { state } | Audit::Show { state, .. }) = &command;
    let (socket, source) = match state {
        Some(url) => (PathBuf::new(), Source::State(url.clone())),
        None => match socket_of(&global) {
            Ok(socket) => {
                let url = config::load(global.config.as_deref(), std::env::vars())
                    .ok()
                    .map(|(config, _)| config.daemon.state.url());
                (socket, Source::Daemon { or_state: url })
            }
            Err(why) => {
                complain(&why);
                return WRONG;
            }
        },
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let mut session = Session::new(socket, global.json, SystemClock.now(), &mut out, &mut err);
    match command {
        Audit::Verify { .. } => session.audit_verify(&source).await,
        Audit::Show {
            run,
            follower,
            since,
            limit,
            ..
        } => session.audit_show(&source, run, follower, since, limit).await,
    }
}

async fn daemon(global: Global) -> u8 {
    // The form of the log lines stands in the configuration, which is read again by `app::run`.
    let log = config::load(global.config.as_deref(), std::env::vars())
        .map(|(config, _)| config.daemon.log)
        .unwrap_or_default();
    let filter = std::env::var(telemetry::FILTER_VARIABLE).ok();
    if let Err(error) = telemetry::start(log, filter.as_deref()) {
        complain(&error.to_string());
        return WRONG;
    }
    match app::run(global.config, global.socket).await {
        Ok(Exit::Clean) => DONE,
        Ok(Exit::Unfinished(why)) => {
            tracing::error!("{why}");
            FAILED
        }
        Err(StartError::Config(problems)) => {
            complain(&problems.to_string());
            WRONG
        }
        Err(error) => {
            complain(&format!("refollow does not start: {error}"));
            FAILED
        }
    }
}

async fn serve_sandbox(options: args::Sandbox, json: bool) -> u8 {
    let version = if options.version == "7.7.0" {
        Version::V7_7_0
    } else {
        Version::V8_10_4
    };
    let start_ms = SystemClock.now().as_millisecond();
    let stop = stopped();
    let options = sandbox::SandboxOptions {
        leader_port: options.leader_port,
        follower_port: options.follower_port,
        version,
        scenario: options.scenario,
        start_ms,
        seed: 1,
    };
    match sandbox::serve(options, stop).await {
        Ok(running) => {
            if json {
                answer(&serde_json::json!({
                    "leader": running.leader.to_string(),
                    "follower": running.follower.to_string(),
                    "scenario": running.played,
                }));
            } else {
                say(&format!("leader cluster    http://{}", running.leader));
                say(&format!(
                    "follower cluster  http://{}   (knows the leader as `lead`)",
                    running.follower
                ));
                if let Some(played) = &running.played {
                    say(&format!("scenario          {played}"));
                }
                say(&format!(
                    "control           http://{}/_sandbox   (docs/SANDBOX.md); Ctrl-C ends it",
                    running.follower
                ));
            }
            running.wait().await;
            DONE
        }
        Err(error) => {
            complain(&error.to_string());
            FAILED
        }
    }
}

/// Ends with the first Ctrl-C or SIGTERM; listens from the call on.
fn stopped() -> impl Future<Output = ()> + Send + 'static {
    let mut signals = app::signals::listen();
    async move {
        while let Some(signal) = signals.recv().await {
            if signal == app::signals::Signal::Stop {
                return;
            }
        }
    }
}

/// A reader that has gone away (`| head`) has what it wanted.
fn written(what: &str, outcome: std::io::Result<()>) -> u8 {
    match outcome {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("{what}: {error}"));
            FAILED
        }
        _ => DONE,
    }
}

/// The commands that ask the daemon.
async fn ask(command: Command, global: Global) -> u8 {
    let socket = match socket_of(&global) {
        Ok(socket) => socket,
        Err(why) => {
            complain(&why);
            return WRONG;
        }
    };
    let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
    let look = Look::of_stdout(global.color);
    let mut session = Session::new(socket, global.json, SystemClock.now(), &mut out, &mut err).looking(look);
    match command {
        Command::Status(args::Status { watch: false, .. }) => session.status().await,
        Command::Status(args::Status { interval, .. }) => {
            let look = move || Look::of_stdout(global.color);
            session.watch(interval, &SystemClock, &look, stopped()).await
        }
        Command::Why(one) => session.why(&one.follower.to_string()).await,
        Command::Plan(one) => match one.body() {
            Ok(wished) => session.plan(&one.follower.to_string(), &wished).await,
            Err(problem) => {
                complain(&problem);
                WRONG
            }
        },
        Command::Evidence(one) => session.evidence(&one.follower.to_string()).await,
        Command::Recreate(one) => session.recreate(&one.follower.to_string(), &one.body()).await,
        Command::Acknowledge { follower, reason } => {
            session.acknowledge(&follower.to_string(), &reason).await
        }
        Command::ExtendRunway {
            follower,
            to,
            undo: _,
        } => session.extend_runway(&follower.to_string(), to).await,
        Command::History(args::History {
            follower: Some(follower),
            since,
            until,
            ..
        }) => {
            let braille = global.color != look::Color::Never && look::speaks_utf8();
            session.history(&follower, since, until, braille).await
        }
        Command::Plans => session.plans().await,
        Command::Approve { hash, note, lose } => {
            session
                .approve(&hash, note.as_deref(), lose.as_deref(), &[])
                .await
        }
        Command::Reject { hash, reason } => session.reject(&hash, &reason).await,
        Command::Runs { run } => {
            session
                .runs(run.as_ref().map(crate::domain::ids::RunId::as_str))
                .await
        }
        Command::Abort { run } => session.abort(run.as_str()).await,
        Command::Brake {
            scope,
            reason,
            duration,
        } => session.brake(&scope.to_string(), &reason, duration).await,
        Command::Drill { cluster, remote } => session.drill(&cluster, remote.as_ref()).await,
        Command::Notify { command } => match command {
            Notify::Test { receiver } => session.notify_test(receiver.as_deref()).await,
            Notify::Show => session.notify_show().await,
        },
        Command::Token { command } => match command {
            Token::Create {
                role,
                person,
                clusters,
                duration,
            } => {
                session
                    .token_create(person.as_deref(), role, clusters.as_deref(), duration)
                    .await
            }
            Token::List => session.token_list().await,
            Token::Revoke { id } => session.token_revoke(&id).await,
        },
        Command::Release { scope } => session.release(&scope.to_string()).await,
        Command::Run
        | Command::CheckConfig { .. }
        | Command::Demo(_)
        | Command::Sandbox(_)
        | Command::Diagnose { .. }
        | Command::Audit { .. }
        | Command::Bench { .. }
        | Command::History(_)
        | Command::Simulate(_)
        | Command::Completions { .. }
        | Command::Man { .. } => WRONG,
    }
}

/// `--socket`, else what the configuration names, else the default.
fn socket_of(global: &Global) -> Result<PathBuf, String> {
    if let Some(socket) = &global.socket {
        return Ok(socket.clone());
    }
    let default = PathBuf::from(config::DEFAULT_SOCKET);
    if global.config.is_none() && !std::path::Path::new(config::DEFAULT_PATH).exists() {
        return Ok(default);
    }
    match config::load(global.config.as_deref(), std::env::vars()) {
        Ok((config, _)) => Ok(config.daemon.admin_socket),
        // Somebody on call may not be allowed to read the configuration and its secrets; the usual
        // place is then the best guess, unless a file was named.
        Err(_) if global.config.is_none() => Ok(default),
        Err(problems) => Err(format!(
            "{problems}\n(name the socket with --socket to do without the configuration)"
        )),
    }
}

fn answer(value: &serde_json::Value) {
    say(&format!("{value:#}"));
}

/// One line to standard output. A reader that has gone away is not an error of ours.
fn say(text: &str) {
    drop(writeln!(std::io::stdout(), "{text}"));
}

fn complain(text: &str) {
    drop(writeln!(std::io::stderr(), "{text}"));
}
