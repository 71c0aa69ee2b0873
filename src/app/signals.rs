//! Signals as a queue: SIGTERM and SIGINT stop, SIGHUP reloads.
//!
//! `signal-hook`'s iterator blocks, so it has a thread of its own; the queue is short because a
//! signal that finds it full repeats one that is waiting.

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use tokio::sync::mpsc;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// End, backing out of what can be backed out of.
    Stop,
    /// Read the configuration again.
    Reload,
}

/// Starts listening. Where handlers cannot be set the queue ends at once, which stops the daemon:
/// one that cannot be told to stop must not run.
pub fn listen() -> mpsc::Receiver<Signal> {
    let (send, receive) = mpsc::channel(4);
    match Signals::new([SIGTERM, SIGINT, SIGHUP]) {
        Ok(mut signals) => {
            std::thread::spawn(move || {
                for signal in signals.forever() {
                    let asked = if signal == SIGHUP {
                        Signal::Reload
                    } else {
                        Signal::Stop
                    };
                    if matches!(send.try_send(asked), Err(mpsc::error::TrySendError::Closed(_))) {
                        return;
                    }
                }
            });
        }
        Err(error) => tracing::error!("signal handlers cannot be set: {error}"),
    }
    receive
}
