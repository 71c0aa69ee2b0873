//! Before a daemon starts: another host may hold the state, and this one waits for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::signals::Signal;
#[cfg(debug_assertions)]
use crate::app::testing;
use crate::app::{StartError, build};
use crate::config::{Config, State};
use crate::http::standby::Standby;
use crate::store::{Store, StoreError};
use crate::systemd;

/// Between two attempts to take the state.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Opens the state; where several hosts share it, stands by until it is free. `None`: told to stop.
///
/// # Errors
/// As [`crate::store::open`]; a file that another process of this host holds is refused at once.
pub(super) async fn open(
    config: &Config,
    signals: &mut mpsc::Receiver<Signal>,
) -> Result<Option<Arc<dyn Store>>, StartError> {
    let url = config.daemon.state.url();
    let watchdog = systemd::watchdog_interval();
    let mut standing: Option<(Standby, String)> = None;
    loop {
        #[cfg(debug_assertions)]
        let opened = testing::open(&url).await;
        #[cfg(not(debug_assertions))]
        let opened = crate::store::open(&url).await;
        let holder = match opened {
            Ok(store) => {
                if let Some((standby, _)) = standing {
                    standby.end().await;
                    tracing::info!("the state is ours: starting");
                }
                return Ok(Some(store));
            }
            Err(StoreError::Locked { holder, .. }) if matches!(config.daemon.state, State::Postgres(_)) => {
                holder
            }
            // Who waits already goes on waiting while the database is away.
            Err(error) => match &standing {
                Some((_, holder)) => {
                    tracing::warn!("standing by: {error}");
                    holder.clone()
                }
                None => return Err(error.into()),
            },
        };
        if standing.as_ref().is_none_or(|(_, told)| *told != holder) {
            let before = standing.take();
            if let Some((standby, _)) = before {
                standby.end().await;
            }
            let standby = Standby::serve(config.daemon.listen, build::tls(config), &holder).await?;
            tracing::info!("standing by on {}: {holder} holds the state", standby.address());
            systemd::ready();
            systemd::status(&format!("standing by: {holder} holds the state"));
            standing = Some((standby, holder));
        }
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => {}
            signal = signals.recv() => match signal {
                // What the new configuration says is read when this host starts to work.
                Some(Signal::Reload) => {}
                Some(Signal::Stop) | None => return Ok(None),
            },
        }
        if watchdog.is_some() {
            systemd::watchdog();
        }
    }
}
