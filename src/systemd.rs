//! What systemd is told: ready, reloading, status, alive, stopping. Silent where there is no systemd.
//!
//! Everything here is a word to somebody who may not listen: a failure to send is a debug line
//! and changes nothing.

use std::time::Duration;

use sd_notify::NotifyState;

/// The daemon is up: the store is open and every cluster was tried once.
pub fn ready() {
    send("ready", &[NotifyState::Ready]);
}

/// The configuration is read again; [`ready`] ends it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => send("reloading", &[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!(%error, "no monotonic clock for systemd"),
    }
}

/// One line for `systemctl status`. A line break would begin another message, so it becomes a blank.
pub fn status(text: &str) {
    let line = one_line(text);
    send("status", &[NotifyState::Status(&line)]);
}

/// The daemon is alive. To be sent more often than [`watchdog_interval`].
pub fn watchdog() {
    send("watchdog", &[NotifyState::Watchdog]);
}

/// The daemon has begun to stop.
pub fn stopping() {
    send("stopping", &[NotifyState::Stopping]);
}

/// Asks for more time before systemd loses patience with a start or a stop.
pub fn extend_timeout(by: Duration) {
    let micros = u32::try_from(by.as_micros()).unwrap_or(u32::MAX);
    send("extend", &[NotifyState::ExtendTimeoutUsec(micros)]);
}

/// How often to send [`watchdog`]: half of `WatchdogSec=`; `None` where nobody waits for it.
pub fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

fn send(what: &str, state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, what, "failed to tell systemd");
    }
}

fn one_line(text: &str) -> String {
    text.split(['\n', '\r']).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_cannot_carry_a_second_message() {
        assert_eq!(one_line("12 followers\nREADY=1"), "12 followers READY=1");
    }

    #[test]
    fn without_systemd_everything_is_silent() {
        ready();
        status("x");
        watchdog();
        stopping();
    }
}
