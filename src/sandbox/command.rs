//! Starting a sandbox: both ports bound, scenario played, served until told to stop.
//!
//! Owns what `refollow sandbox` and the demo share. Prints nothing: the caller tells.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::sandbox::front;
use crate::sandbox::pair::{PairOptions, Side, Version};
use crate::sandbox::scenario::{self, ScenarioError};
use crate::sandbox::world::World;

/// Port of the leader unless told otherwise (contract, Command line).
pub const LEADER_PORT: u16 = 9311;
/// Port of the follower unless told otherwise.
pub const FOLLOWER_PORT: u16 = 9312;

/// How a sandbox starts.
#[derive(Debug, Clone)]
pub struct SandboxOptions {
    /// Port of the leader cluster on loopback; 0: any free one.
    pub leader_port: u16,
    /// Port of the follower cluster; 0: any free one.
    pub follower_port: u16,
    /// Which Elasticsearch both imitate.
    pub version: Version,
    /// A start (`healthy`, `quiet`, `empty`), or a breakage, which is played on `healthy`.
    pub scenario: Option<String>,
    /// The time that the sandbox's clock shows first, milliseconds since the Unix epoch.
    pub start_ms: i64,
    /// Seed of identifiers.
    pub seed: u64,
}

/// Why a sandbox did not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Somebody else listens there.
    #[error(
        "port {port} is in use; stop what listens there, or choose another with {option} PORT (0: any free one)"
    )]
    PortInUse {
        /// The port.
        port: u16,
        /// The option that chooses another.
        option: &'static str,
    },
    /// The port cannot be had for another reason.
    #[error("cannot listen on 127.0.0.1:{port} ({option}): {source}")]
    Bind {
        /// The port.
        port: u16,
        /// The option that chooses it.
        option: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The scenario cannot be played.
    #[error("scenario: {0}")]
    Scenario(#[from] ScenarioError),
}

/// A sandbox that runs; dropping it does not stop it, its shutdown future does, or
/// [`Running::stop`].
#[derive(Debug)]
pub struct Running {
    /// The world behind both ports.
    pub world: World,
    /// Where the leader cluster listens.
    pub leader: SocketAddr,
    /// Where the follower cluster listens.
    pub follower: SocketAddr,
    /// What the scenario did, in a sentence.
    pub played: Option<String>,
    tasks: TaskTracker,
    cancel: CancellationToken,
}

impl Running {
    /// The URL of one cluster.
    pub fn url(&self, side: Side) -> String {
        let address = match side {
            Side::Leader => self.leader,
            Side::Follower => self.follower,
        };
        format!("http://{address}")
    }

    /// Waits until it has stopped, that is: until the shutdown future ended.
    pub async fn wait(&self) {
        self.tasks.wait().await;
    }

    /// Stops it and waits until its last connection is closed.
    pub async fn stop(self) {
        self.cancel.cancel();
        self.tasks.wait().await;
    }
}

/// Binds both ports, plays the scenario and serves until `shutdown` ends.
pub async fn serve(
    options: SandboxOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Running, SandboxError> {
    let leader = bind(options.leader_port, "--leader-port").await?;
    let follower = bind(options.follower_port, "--follower-port").await?;
    let world = World::new(&PairOptions {
        version: options.version,
        secured: false,
        start_ms: options.start_ms,
        seed: options.seed,
    });
    let played = play(&world, options.scenario.as_deref())?;
    let tasks = TaskTracker::new();
    let cancel = CancellationToken::new();
    let addresses = (address_of(&leader)?, address_of(&follower)?);
    for (side, listener) in [(Side::Leader, leader), (Side::Follower, follower)] {
        tasks.spawn(front::serve(
            world.clone(),
            side,
            listener,
            tasks.clone(),
            cancel.clone(),
        ));
    }
    tasks.spawn(front::keep_time(world.clone(), cancel.clone()));
    let stop = cancel.clone();
    tasks.spawn(async move {
        tokio::select! {
            () = shutdown => stop.cancel(),
            () = stop.cancelled() => {}
        }
    });
    tasks.close();
    Ok(Running {
        world,
        leader: addresses.0,
        follower: addresses.1,
        played,
        tasks,
        cancel,
    })
}

/// Plays what was asked for; a breakage needs something to break, so `healthy` comes first.
fn play(world: &World, name: Option<&str>) -> Result<Option<String>, ScenarioError> {
    let Some(name) = name else {
        return Ok(None);
    };
    let is_start = scenario::start::Start::named(name).is_some();
    if !is_start {
        scenario::play(world, scenario::start::Start::Healthy.name())?;
    }
    scenario::play(world, name).map(Some)
}

async fn bind(port: u16, option: &'static str) -> Result<TcpListener, SandboxError> {
    TcpListener::bind(front::address(port)).await.map_err(|source| {
        if source.kind() == io::ErrorKind::AddrInUse {
            SandboxError::PortInUse { port, option }
        } else {
            SandboxError::Bind { port, option, source }
        }
    })
}

fn address_of(listener: &TcpListener) -> Result<SocketAddr, SandboxError> {
    listener.local_addr().map_err(|source| SandboxError::Bind {
        port: 0,
        option: "any port",
        source,
    })
}
